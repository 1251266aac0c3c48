/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of replies about jobs that are being written. What they mean stands in docs/api.md. */
#include "web/shape_rows.h"

#include "web/template.h"

/* clang-format off */
static const struct member directive_kind_members[] = {
    WORDS("mark", 0, NULL, "SBATCH REEVE"),
    STR("option", 0, "long name, with dashes"),
    STR("letter", SHAPE_NULL, NULL),
    STR("value", SHAPE_NULL, "what its value is called; null: it takes none"),
    BOOL("many", 0, "may stand again and again"),
    WORDS("outcome", 0, NULL, "used ignored refused"),
    STR("help", 0, "what it asks for, or why it is not used"),
    {0},
};
const struct shape obj_directive_kind = {"directive_kind", "a directive that a script may hold", directive_kind_members, false};

static const struct member directive_kinds_members[] = {
    OF("items", obj_directive_kind, SHAPE_LIST, NULL),
    {0},
};
const struct shape obj_directive_kinds = {"directive_kinds", "all directives", directive_kinds_members, false};

static const struct member hint_name_members[] = {
    STR("name", 0, NULL),
    INT("jobs", 0, NULL),
    {0},
};
const struct shape obj_hint_name = {"hint_name", "a name that one's jobs had", hint_name_members, false};

static const struct member hint_past_members[] = {
    INT("jobs", 0, NULL),
    INT("attempts", 0, "that succeeded"),
    TIME("since", 0, "when the first of them was submitted"),
    INT("memory_peak", SHAPE_NULL, "bytes, the most of an attempt"),
    REAL("cpus_used", SHAPE_NULL, "at work at once, the most of an attempt"),
    REAL("wall_max", SHAPE_NULL, "seconds, the longest attempt"),
    INT("memory_asked", SHAPE_NULL, "bytes, the most that one of them asked for"),
    INT("cpus_asked", SHAPE_NULL, NULL),
    REAL("time_asked", SHAPE_NULL, "seconds"),
    {0},
};
const struct shape obj_hint_past = {"hint_past", "what one's last jobs of a name used", hint_past_members, false};

static const struct member hint_members[] = {
    WORDS("member", 0, NULL, "memory time_limit cpus"),
    INT("value", 0, "bytes, seconds, processors"),
    STR("text", 0, "as a form takes it"),
    STR("sentence", 0, NULL),
    {0},
};
const struct shape obj_hint = {"hint", "what to ask for", hint_members, false};

static const struct member hints_members[] = {
    OF("names", obj_hint_name, SHAPE_LIST, "newest first"),
    OF("past", obj_hint_past, SHAPE_NULL, NULL),
    OF("suggest", obj_hint, SHAPE_LIST, NULL),
    {0},
};
const struct shape obj_hints = {"hints", "what one's own last jobs used", hints_members, false};

static const struct member template_parameter_members[] = {
    STR("name", 0, NULL),
    WORDS("kind", 0, NULL, TEMPLATE_KIND_WORDS),
    STR("label", 0, NULL),
    STR("help", 0, NULL),
    ANY("default", SHAPE_NULL, "null: it must be given"),
    STR("choices", SHAPE_LIST | SHAPE_NULL, NULL),
    INT("min", SHAPE_NULL, NULL),
    INT("max", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_template_parameter = {"template_parameter", "what may differ from job to job", template_parameter_members, false};

#define TEMPLATE_MEMBERS                                                                                     \
    INT("id", 0, NULL),                                                                                      \
    STR("name", 0, NULL),                                                                                    \
    STR("description", 0, NULL),                                                                             \
    STR("project", SHAPE_NULL, "whose members see it; null: its maker alone"),                               \
    STR("by", 0, NULL),                                                                                      \
    INT("version", 0, "how often it was written"),                                                           \
    TIME("made_at", 0, NULL),                                                                                \
    TIME("changed_at", 0, NULL),                                                                             \
    BOOL("may_change", 0, "the caller may change and remove it"),                                            \
    OF("parameters", obj_template_parameter, SHAPE_LIST, NULL)
static const struct member template_shown_members[] = {TEMPLATE_MEMBERS, {0}};
const struct shape obj_template_shown = {"template_shown", "a template in a list", template_shown_members, false};

static const struct member template_members[] = {
    TEMPLATE_MEMBERS,
    ANY("job", 0, "as submitted, with {{names}} in its texts"),
    {0},
};
const struct shape obj_template = {"template", "a job with parameters", template_members, false};

static const struct member templates_members[] = {
    OF("items", obj_template_shown, SHAPE_LIST, "own ones first, by name"),
    STR("next_cursor", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_templates = {"templates", "templates", templates_members, false};

static const struct member filled_members[] = {
    ANY("job", 0, "as submitted"),
    {0},
};
const struct shape obj_filled = {"filled", "a template's job with its values", filled_members, false};
/* clang-format on */
