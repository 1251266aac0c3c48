/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of replies that draw jobs or count them, and saved views. What they mean stands in docs/api.md. */
#include "web/shape_rows.h"

/* clang-format off */
static const struct member graph_node_members[] = {
    INT("job", 0, NULL),
    STR("name", 0, NULL),
    STR("user", 0, NULL),
    WORDS("state", 0, NULL, JOB_STATES(WORD_)),
    INT("tasks", 0, NULL),
    INT("succeeded", 0, NULL),
    INT("failed", 0, NULL),
    INT("running", 0, NULL),
    INT("distance", 0, "steps from the job that was asked for; below 0: up"),
    TIME("submitted_at", 0, NULL),
    TIME("started_at", SHAPE_NULL, NULL),
    TIME("finished_at", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_graph_node = {"graph_node", "a job in a graph", graph_node_members, false};

static const struct member graph_edge_members[] = {
    INT("from", 0, NULL),
    INT("to", 0, NULL),
    WORDS("kind", 0, NULL, "after data"),
    WORDS("on", SHAPE_NULL, NULL, "ok any not_ok"),
    BOOL("each", 0, "task by task"),
    STR("dataset", SHAPE_NULL, "what is read"),
    {0},
};
const struct shape obj_graph_edge = {"graph_edge", "a job that goes before another", graph_edge_members, false};

static const struct member graph_members[] = {
    INT("job", 0, NULL),
    OF("nodes", obj_graph_node, SHAPE_LIST, "nearest first"),
    OF("edges", obj_graph_edge, SHAPE_LIST, NULL),
    INT("hidden", 0, "neighbours that one may not see"),
    BOOL("more", 0, "the bounds left something out"),
    {0},
};
const struct shape obj_graph = {"graph", "what a job hangs together with", graph_members, false};

static const struct member bar_members[] = {
    INT("task", 0, NULL),
    INT("attempt", 0, NULL),
    STR("site", SHAPE_NULL, NULL),
    WORDS("state", 0, NULL, ATTEMPT_STATES(WORD_)),
    WORDS("outcome", SHAPE_NULL, NULL, OUTCOMES(WORD_)),
    TIME("placed_at", 0, NULL),
    TIME("started_at", SHAPE_NULL, NULL),
    TIME("ended_at", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_bar = {"bar", "an attempt in time", bar_members, false};

static const struct member timeline_members[] = {
    OF("items", obj_bar, SHAPE_LIST, NULL),
    INT("next", SHAPE_NULL, "the task to go on with"),
    {0},
};
const struct shape obj_timeline = {"timeline", "when attempts ran", timeline_members, false};

static const struct member facet_members[] = {
    STR("value", SHAPE_NULL, NULL),
    INT("jobs", 0, NULL),
    {0},
};
const struct shape obj_facet = {"facet", "a value that jobs share", facet_members, false};

static const struct member facet_hour_members[] = {
    TIME("at", 0, NULL),
    INT("jobs", 0, NULL),
    INT("failed", 0, NULL),
    {0},
};
const struct shape obj_facet_hour = {"facet_hour", "jobs submitted in an hour", facet_hour_members, false};

static const struct member facets_members[] = {
    INT("looked_at", 0, NULL),
    BOOL("whole", 0, "there were no more to look at"),
    INT("jobs", 0, "those that fit"),
    OF("state", obj_facet, SHAPE_LIST, NULL),
    OF("project", obj_facet, SHAPE_LIST, NULL),
    OF("user", obj_facet, SHAPE_LIST, NULL),
    OF("name", obj_facet, SHAPE_LIST, NULL),
    OF("hours", obj_facet_hour, SHAPE_LIST, NULL),
    {0},
};
const struct shape obj_facets = {"facets", "what jobs have in common", facets_members, false};

static const struct member view_members[] = {
    STR("name", 0, NULL),
    STR("page", 0, NULL),
    STR("query", 0, NULL),
    STR("project", SHAPE_NULL, "whose members see it too"),
    STR("by", 0, NULL),
    {0},
};
const struct shape obj_view = {"view", "a saved view of a list", view_members, false};

static const struct member views_members[] = {
    OF("items", obj_view, SHAPE_LIST, "own ones first"),
    {0},
};
const struct shape obj_views = {"views", "saved views", views_members, false};
/* clang-format on */
