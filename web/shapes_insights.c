/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of replies about the grid's recent history and where it is. What they mean stands in docs/api.md.
 */
#include "web/shape_rows.h"

/* clang-format off */
static const struct member series_members[] = {
    STR("name", 0, NULL),
    WORDS("unit", 0, NULL, "tasks attempts seconds bytes part"),
    STR("site", SHAPE_NULL, "null: the whole grid"),
    ANY("values", SHAPE_LIST, "one for each of the times; null where nothing is known"),
    {0},
};
const struct shape obj_series = {"series", "values over time", series_members, false};

static const struct member insight_members[] = {
    STR("plot", 0, NULL),
    TIME("from", 0, NULL),
    TIME("to", 0, NULL),
    INT("step", 0, "seconds"),
    TIME("times", SHAPE_LIST, "beginnings of the steps"),
    OF("series", obj_series, SHAPE_LIST, NULL),
    {0},
};
const struct shape obj_insight = {"insight", "one plot of what the engine counted", insight_members, false};

static const struct member place_members[] = {
    REAL("latitude", 0, "degrees north"),
    REAL("longitude", 0, "degrees east"),
    STR("name", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_place = {"place", "a point of the earth", place_members, false};
/* clang-format on */
