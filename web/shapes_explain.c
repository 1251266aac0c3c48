/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of replies that explain. What they mean stands in docs/api.md. */
#include "web/shape_rows.h"

#include "core/place.h"

#define STEP_(sym_, name_, ...) name_ " "

/* clang-format off */
static const struct member never_members[] = {
    STR("sentence", 0, NULL),
    ANY("fix", 0, NULL),
    {0},
};
const struct shape obj_never = {"never", "why nothing registered could ever run it", never_members, false};

static const struct member queue_behind_members[] = {
    INT("job", SHAPE_NULL, NULL),
    STR("project", SHAPE_NULL, NULL),
    INT("tasks", 0, NULL),
    {0},
};
const struct shape obj_queue_behind = {"queue_behind", "who stands before it", queue_behind_members, false};

static const struct member queue_position_members[] = {
    INT("tasks_ahead", 0, NULL),
    INT("jobs_ahead", 0, NULL),
    INT("shape_ahead", 0, NULL),
    OF("behind", obj_queue_behind, SHAPE_LIST, NULL),
    {0},
};
const struct shape obj_queue_position = {"queue_position", "its place in the order of service", queue_position_members, false};

static const struct member start_members[] = {
    TIME("earliest", SHAPE_NULL, NULL),
    TIME("likely", SHAPE_NULL, NULL),
    TIME("latest", SHAPE_NULL, NULL),
    STR("based_on", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_start = {"start", "when it is likely to start", start_members, false};

static const struct member site_dropped_members[] = {
    STR("site", 0, NULL),
    STR("why", 0, NULL),
    {0},
};
const struct shape obj_site_dropped = {"site_dropped", "a site that cannot take it", site_dropped_members, false};

static const struct member funnel_step_members[] = {
    WORDS("step", 0, NULL, PLACE_STEPS(STEP_)),
    INT("sites", 0, NULL),
    OF("dropped", obj_site_dropped, SHAPE_OPT | SHAPE_LIST, NULL),
    {0},
};
const struct shape obj_funnel_step = {"funnel_step", "sites that are left after a step", funnel_step_members, true};

static const struct member would_help_members[] = {
    ANY("change", 0, NULL),
    STR("sentence", 0, NULL),
    STR("sites", SHAPE_LIST, NULL),
    REAL("start_in", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_would_help = {"would_help", "a change that would let it run, or run sooner", would_help_members, true};

static const struct member candidate_members[] = {
    STR("site", 0, NULL),
    {0},
};
const struct shape obj_candidate = {"candidate", "a site, with the terms of its cost in seconds or why it was dropped", candidate_members, true};

static const struct member explain_wait_members[] = {
    WORDS("reason", 0, NULL, WAIT_REASONS(WORD_)),
    TIME("since", SHAPE_NULL, NULL),
    STR("sentence", SHAPE_NULL, "with the figures; null while no engine answers"),
    ANY("details", 0, NULL),
    OF("position", obj_queue_position, SHAPE_NULL, NULL),
    OF("start", obj_start, SHAPE_NULL, NULL),
    OF("funnel", obj_funnel_step, SHAPE_LIST, NULL),
    OF("would_help", obj_would_help, SHAPE_LIST, NULL),
    {0},
};
const struct shape obj_explain_wait = {"explain_wait", "why it waits", explain_wait_members, false};

static const struct member past_wait_members[] = {
    WORDS("reason", 0, NULL, WAIT_REASONS(WORD_)),
    STR("sentence", 0, NULL),
    TIME("since", 0, NULL),
    TIME("until", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_past_wait = {"past_wait", "a reason that held", past_wait_members, false};

static const struct member chosen_for_members[] = {
    INT("task", 0, NULL),
    INT("attempt", 0, NULL),
    {0},
};
const struct shape obj_chosen_for = {"chosen_for", "what was placed by a decision", chosen_for_members, false};

static const struct member placement_members[] = {
    INT("decision", 0, NULL),
    TIME("at", 0, NULL),
    INT("first_task", 0, NULL),
    STR("site", SHAPE_NULL, NULL),
    OF("chosen_for", obj_chosen_for, SHAPE_OPT | SHAPE_LIST, NULL),
    STR("sentence", 0, NULL),
    OF("candidates", obj_candidate, SHAPE_LIST, NULL),
    {0},
};
const struct shape obj_placement = {"placement", "why it ran there", placement_members, true};

static const struct member forecast_members[] = {
    STR("sentence", 0, NULL),
    BOOL("can_ever_run", 0, NULL),
    OF("never", obj_never, SHAPE_NULL, NULL),
    OF("warnings", obj_warning, SHAPE_LIST, NULL),
    WORDS("reason", SHAPE_NULL, NULL, WAIT_REASONS(WORD_)),
    OF("position", obj_queue_position, SHAPE_NULL, NULL),
    OF("start", obj_start, SHAPE_NULL, NULL),
    OF("funnel", obj_funnel_step, SHAPE_LIST, NULL),
    STR("best", SHAPE_NULL, NULL),
    OF("candidates", obj_candidate, SHAPE_LIST, NULL),
    OF("would_help", obj_would_help, SHAPE_LIST, NULL),
    TIME("as_of", 0, NULL),
    {0},
};
const struct shape obj_forecast = {"forecast", "what would happen to a job", forecast_members, false};

static const struct member explanation_members[] = {
    INT("job", 0, NULL),
    INT("task", SHAPE_NULL, NULL),
    INT("attempt", SHAPE_NULL, NULL),
    STR("state", 0, NULL),
    STR("sentence", 0, NULL),
    BOOL("can_ever_run", 0, NULL),
    OF("never", obj_never, SHAPE_NULL, NULL),
    OF("wait", obj_explain_wait, SHAPE_NULL, NULL),
    OF("history", obj_past_wait, SHAPE_LIST, NULL),
    OF("what_if", obj_forecast, SHAPE_NULL, NULL),
    OF("placements", obj_placement, SHAPE_LIST, NULL),
    TIME("as_of", 0, NULL),
    BOOL("live", 0, "the engine answered"),
    {0},
};
const struct shape obj_explanation = {"explanation", "why a job waits, and why it ran where it did", explanation_members, false};
/* clang-format on */
