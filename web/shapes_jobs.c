/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of replies about jobs, tasks, events and the queue. What they mean stands in docs/api.md. */
#include "web/shape_rows.h"

#include "common/util.h"

/* clang-format off */
static const struct member problem_members[] = {
    STR("type", 0, "where to read about the code"),
    STR("title", 0, NULL),
    INT("status", 0, NULL),
    STR("code", 0, "stable word; see docs/api.md"),
    STR("detail", 0, "what is wrong, where, and how to mend it"),
    OF("errors", obj_problem_item, SHAPE_OPT | SHAPE_LIST, "everything that is wrong with the request"),
    {0},
};
const struct shape obj_problem = {"problem", "what went wrong (RFC 9457)", problem_members, false};

static const struct member problem_item_members[] = {
    STR("pointer", 0, "JSON pointer into the body, or ?name of a parameter"),
    WORDS("code", 0, NULL, "missing unknown type range format not_found conflict"),
    STR("detail", 0, NULL),
    {0},
};
const struct shape obj_problem_item = {"problem_item", "one thing that is wrong", problem_item_members, false};

static const struct member document_members[] = {
    STR("openapi", 0, NULL),
    {0},
};
const struct shape obj_document = {"document", "an OpenAPI document", document_members, true};

static const struct member version_members[] = {
    STR("version", 0, NULL),
    WORDS("api", 0, NULL, "v1"),
    {0},
};
const struct shape obj_version = {"version", "the server", version_members, false};

static const struct member warning_members[] = {
    STR("code", 0, "too_large, no_site or project_limit"),
    STR("sentence", 0, NULL),
    ANY("fix", SHAPE_OPT, "members of a job that would do, or null"),
    INT("position", SHAPE_OPT, "of a bulk submission: which job, from 1"),
    {0},
};
const struct shape obj_warning = {"warning", "what the submitter should know", warning_members, false};

static const struct member submitted_members[] = {
    INT("id", SHAPE_NULL, "null in a dry run"),
    INT("tasks", 0, NULL),
    WORDS("state", 0, NULL, JOB_STATES(WORD_)),
    OF("warnings", obj_warning, SHAPE_LIST, NULL),
    INT("rerun_of", SHAPE_OPT, "the job it is like"),
    {0},
};
const struct shape obj_submitted = {"submitted", "a job that was accepted", submitted_members, false};

static const struct member submitted_many_members[] = {
    INT("first_id", SHAPE_NULL, NULL),
    INT("last_id", SHAPE_NULL, NULL),
    INT("count", 0, NULL),
    OF("warnings", obj_warning, SHAPE_LIST, NULL),
    {0},
};
const struct shape obj_submitted_many = {"submitted_many", "jobs that were accepted", submitted_many_members, false};

static const struct member directive_members[] = {
    INT("line", 0, "in the script, from 1; 0: of none in particular"),
    WORDS("mark", 0, NULL, "SBATCH REEVE"),
    STR("option", 0, "as it is written, with its dashes; of REEVE its long name"),
    STR("value", SHAPE_NULL, NULL),
    WORDS("outcome", 0, "differs: used, and not quite what it says", "used differs ignored refused"),
    STR("sentence", SHAPE_NULL, "why it is not used as it stands"),
    {0},
};
const struct shape obj_directive = {"directive", "an option that stands in a script", directive_members, false};

static const struct member script_members[] = {
    ANY("job", SHAPE_NULL, "a job as submitted; null when something is refused"),
    OF("directives", obj_directive, SHAPE_LIST, "in the order of the script"),
    INT("used", 0, NULL),
    INT("differs", 0, NULL),
    INT("ignored", 0, NULL),
    INT("refused", 0, NULL),
    {0},
};
const struct shape obj_script = {"script", "what a script asks for", script_members, false};

static const struct member wait_members[] = {
    WORDS("reason", 0, NULL, WAIT_REASONS(WORD_)),
    STR("sentence", 0, NULL),
    TIME("since", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_wait = {"wait", "why it waits", wait_members, false};

static const struct member task_counts_members[] = {
    INT("total", 0, NULL),
    INT("blocked", 0, NULL),
    INT("ready", 0, NULL),
    INT("placed", 0, NULL),
    INT("running", 0, "of those placed"),
    INT("succeeded", 0, NULL),
    INT("failed", 0, NULL),
    INT("cancelled", 0, NULL),
    {0},
};
const struct shape obj_task_counts = {"task_counts", "tasks of a job by state", task_counts_members, false};

static const struct member by_at_members[] = {
    STR("by", 0, NULL),
    TIME("at", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_by_at = {"by_at", "who asked, and when", by_at_members, false};

static const struct member resources_members[] = {
    INT("cpus", 0, NULL),
    INT("memory", SHAPE_NULL, "bytes; null: not said"),
    INT("gpus", 0, NULL),
    {0},
};
const struct shape obj_resources = {"resources", "of each task; further members are countables", resources_members, true};

static const struct member progress_members[] = {
    REAL("fraction", SHAPE_NULL, "0 to 1"),
    STR("text", 0, NULL),
    TIME("at", 0, NULL),
    {0},
};
const struct shape obj_progress = {"progress", "what the job itself reported", progress_members, false};

static const struct member band_members[] = {
    INT("low", 0, NULL),
    INT("high", 0, NULL),
    {0},
};
const struct shape obj_band = {"band", "seconds", band_members, false};

static const struct member pace_members[] = {
    REAL("per_second", SHAPE_NULL, NULL),
    OF("remaining", obj_band, SHAPE_NULL, NULL),
    TIME("at", 0, NULL),
    {0},
};
const struct shape obj_pace = {"pace", "how fast it goes", pace_members, false};

static const struct member job_members[] = {
    INT("id", 0, NULL),
    STR("name", 0, NULL),
    STR("project", 0, NULL),
    STR("user", 0, NULL),
    WORDS("state", 0, NULL, JOB_STATES(WORD_)),
    OF("wait", obj_wait, SHAPE_NULL, NULL),
    OF("tasks", obj_task_counts, 0, NULL),
    INT("first_task", 0, NULL),
    INT("last_task", 0, NULL),
    STR("array", SHAPE_NULL, "its task numbers, when they are not all of first to last"),
    INT("priority", SHAPE_NULL, "null once it ended"),
    OF("held", obj_by_at, SHAPE_NULL, NULL),
    OF("cancelled", obj_by_at, SHAPE_NULL, NULL),
    STR("labels", SHAPE_MAP, NULL),
    TIME("submitted_at", 0, NULL),
    TIME("started_at", SHAPE_NULL, NULL),
    TIME("finished_at", SHAPE_NULL, NULL),
    STR("message", SHAPE_NULL, NULL),
    OF("resources", obj_resources, 0, NULL),
    STR("sites", SHAPE_LIST, NULL),
    STR("output_dataset", SHAPE_NULL, NULL),
    OF("progress", obj_progress, SHAPE_NULL, NULL),
    OF("pace", obj_pace, SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_job = {"job", "a job", job_members, false};

static const struct member jobs_members[] = {
    OF("items", obj_job, SHAPE_LIST, NULL),
    STR("next_cursor", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_jobs = {"jobs", "a page of jobs", jobs_members, false};

static const struct member spec_resources_members[] = {
    INT("cpus", 0, NULL),
    INT("memory", 0, NULL),
    INT("gpus", 0, NULL),
    INT("custom", SHAPE_MAP, NULL),
    {0},
};
const struct shape obj_spec_resources = {"spec_resources", "as stored", spec_resources_members, false};

static const struct member spec_on_exit_members[] = {
    INT("from", 0, NULL),
    INT("to", 0, NULL),
    WORDS("action", 0, NULL, "retry fail"),
    {0},
};
const struct shape obj_spec_on_exit = {"spec_on_exit", "an exit code or a range of them", spec_on_exit_members, false};

static const struct member spec_retry_members[] = {
    INT("max", 0, NULL),
    INT("site_max", 0, NULL),
    INT("delay_ms", 0, NULL),
    INT("delay_max_ms", 0, NULL),
    OF("on_exit", obj_spec_on_exit, SHAPE_LIST, NULL),
    {0},
};
const struct shape obj_spec_retry = {"spec_retry", "as stored", spec_retry_members, false};

static const struct member spec_stdio_members[] = {
    STR("in", SHAPE_NULL, NULL),
    STR("out", SHAPE_NULL, NULL),
    STR("err", SHAPE_NULL, NULL),
    BOOL("append", 0, NULL),
    {0},
};
const struct shape obj_spec_stdio = {"spec_stdio", "files of the program's streams", spec_stdio_members, false};

static const struct member spec_warn_members[] = {
    INT("signal", 0, NULL),
    INT("before_ms", 0, NULL),
    {0},
};
const struct shape obj_spec_warn = {"spec_warn", "a signal before the time limit", spec_warn_members, false};

static const struct member spec_partition_members[] = {
    STR("input", 0, "name of the dataset"),
    WORDS("by", 0, NULL, "file files bytes"),
    INT("size", 0, "files, or bytes, for a task"),
    {0},
};
const struct shape obj_spec_partition = {"spec_partition", "how the tasks share the files of an input", spec_partition_members, false};

static const struct member spec_members[] = {
    STR("command", SHAPE_NULL | SHAPE_LIST, NULL),
    STR("script", SHAPE_NULL, NULL),
    STR("args", SHAPE_LIST, NULL),
    OF("resources", obj_spec_resources, 0, NULL),
    ANY("env", SHAPE_LIST, "pairs of name and value"),
    ANY("task_env", SHAPE_LIST, "pairs of name and value; values may name {task} and others"),
    OF("stdio", obj_spec_stdio, 0, NULL),
    OF("warn", obj_spec_warn, SHAPE_NULL, NULL),
    STR("workdir", SHAPE_NULL, NULL),
    INT("time_limit_ms", SHAPE_NULL, NULL),
    INT("throttle", 0, NULL),
    OF("retry", obj_spec_retry, 0, NULL),
    INT("not_before_ms", SHAPE_NULL | SHAPE_OPT, NULL),
    INT("deadline_ms", SHAPE_NULL, NULL),
    STR("inputs", SHAPE_LIST, NULL),
    OF("partition", obj_spec_partition, SHAPE_NULL | SHAPE_OPT, NULL),
    STR("outputs", SHAPE_LIST, NULL),
    STR("output_dataset", SHAPE_NULL, NULL),
    STR("sites", SHAPE_LIST, NULL),
    INT("lease_ms", SHAPE_NULL, NULL),
    INT("log_limit", 0, NULL),
    {0},
};
const struct shape obj_spec = {"spec", "a job as it was accepted, every default filled in", spec_members, false};

static const struct member task_wait_members[] = {
    WORDS("reason", 0, NULL, WAIT_REASONS(WORD_)),
    STR("sentence", 0, NULL),
    TIME("since", SHAPE_OPT | SHAPE_NULL, NULL),
    TIME("until", SHAPE_OPT | SHAPE_NULL, "backoff: not before this"),
    {0},
};
const struct shape obj_task_wait = {"task_wait", "why a task waits", task_wait_members, false};

static const struct member attempt_members[] = {
    INT("attempt", 0, NULL),
    WORDS("state", 0, NULL, ATTEMPT_STATES(WORD_)),
    WORDS("outcome", SHAPE_NULL, NULL, OUTCOMES(WORD_)),
    STR("sentence", SHAPE_NULL, NULL),
    WORDS("blame", SHAPE_NULL, NULL, BLAMES(WORD_)),
    INT("code", SHAPE_NULL, NULL),
    INT("signal", SHAPE_NULL, NULL),
    STR("site", SHAPE_NULL, NULL),
    INT("worker", 0, NULL),
    STR("host", SHAPE_NULL, NULL),
    TIME("placed_at", 0, NULL),
    TIME("started_at", SHAPE_NULL, NULL),
    TIME("ended_at", SHAPE_NULL, NULL),
    REAL("wall", SHAPE_NULL, "seconds"),
    REAL("cpu_user", SHAPE_NULL, NULL),
    REAL("cpu_system", SHAPE_NULL, NULL),
    INT("memory_peak", SHAPE_NULL, NULL),
    INT("read_bytes", SHAPE_NULL, NULL),
    INT("write_bytes", SHAPE_NULL, NULL),
    INT("stdout_bytes", SHAPE_NULL, NULL),
    INT("stderr_bytes", SHAPE_NULL, NULL),
    BOOL("log_cut", 0, NULL),
    STR("message", SHAPE_NULL, NULL),
    INT("decision", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_attempt = {"attempt", "one execution of a task", attempt_members, false};

static const struct member task_members[] = {
    INT("task", 0, NULL),
    WORDS("state", 0, NULL, TASK_STATES(WORD_)),
    OF("wait", obj_task_wait, SHAPE_NULL, NULL),
    OF("progress", obj_progress, SHAPE_NULL, NULL),
    OF("attempts", obj_attempt, SHAPE_LIST, "newest first; lists show the newest only"),
    {0},
};
const struct shape obj_task = {"task", "a task", task_members, false};

static const struct member tasks_members[] = {
    OF("items", obj_task, SHAPE_LIST, NULL),
    STR("next_cursor", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_tasks = {"tasks", "a page of tasks", tasks_members, false};

static const struct member strip_members[] = {
    INT("from", 0, NULL),
    INT("to", 0, NULL),
    STR("runs", 0, "letters and how often: r100s5"),
    INT("next", SHAPE_NULL, "where to go on"),
    {0},
};
const struct shape obj_strip = {"strip", "states of a run of tasks", strip_members, false};

static const struct member event_members[] = {
    INT("seq", 0, NULL),
    TIME("at", 0, NULL),
    STR("kind", 0, "stable word: job.submitted, job.ended, task.failed, site.suspect, ..."),
    INT("job", SHAPE_NULL, NULL),
    INT("task", SHAPE_NULL, NULL),
    STR("site", SHAPE_NULL, NULL),
    STR("actor", SHAPE_NULL, "null: Reeve"),
    STR("text", 0, NULL),
    {0},
};
const struct shape obj_event = {"event", "something that happened", event_members, false};

static const struct member events_members[] = {
    OF("items", obj_event, SHAPE_LIST, NULL),
    STR("next_cursor", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_events = {"events", "a page of events, newest first", events_members, false};

static const struct member output_members[] = {
    INT("task", SHAPE_NULL, NULL),
    STR("path", 0, NULL),
    INT("size", 0, NULL),
    STR("sha256", 0, NULL),
    STR("site", SHAPE_NULL, "where a copy is"),
    {0},
};
const struct shape obj_output = {"output", "a file that a job made", output_members, false};

static const struct member outputs_members[] = {
    STR("dataset", SHAPE_NULL, NULL),
    OF("items", obj_output, SHAPE_LIST, NULL),
    STR("next_cursor", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_outputs = {"outputs", "a page of files", outputs_members, false};

static const struct member many_states_members[] = {
    INT("accepted", 0, NULL),
    INT("active", 0, NULL),
    {0},
};
const struct shape obj_many_states = {"many_states", "live jobs by state", many_states_members, false};

static const struct member cannot_members[] = {
    INT("ended", 0, NULL),
    INT("already", 0, "what is asked is so"),
    INT("unknown", 0, "no job of one's projects"),
    {0},
};
const struct shape obj_cannot = {"cannot", "jobs that would not change, by why", cannot_members, false};

static const struct member cannot_job_members[] = {
    INT("job", 0, NULL),
    STR("name", SHAPE_NULL, NULL),
    WORDS("why", 0, NULL, "ended already unknown"),
    STR("sentence", 0, NULL),
    {0},
};
const struct shape obj_cannot_job = {"cannot_job", "a job that would not change", cannot_job_members, false};

static const struct member changed_many_members[] = {
    INT("matched", 0, NULL),
    BOOL("more", 0, "further ones are left"),
    INT("jobs", SHAPE_LIST, "the first 1,000"),
    INT("last", SHAPE_NULL, "the lowest number that was found"),
    OF("states", obj_many_states, 0, NULL),
    INT("running", 0, "tasks of these that are placed or run"),
    OF("cannot_jobs", obj_cannot_job, SHAPE_LIST, "the first 100 that the filter means and that it would not change"),
    OF("cannot", obj_cannot, 0, "how many there are of those"),
    {0},
};
const struct shape obj_changed_many = {"changed_many", "jobs that a filter found", changed_many_members, false};

static const struct member queue_used_members[] = {
    INT("cpus", 0, NULL),
    INT("tasks", 0, NULL),
    {0},
};
const struct shape obj_queue_used = {"queue_used", "held now", queue_used_members, false};

static const struct member queue_project_members[] = {
    STR("project", SHAPE_NULL, "null: not one's own"),
    REAL("share", 0, NULL),
    REAL("usage", 0, NULL),
    REAL("score", 0, NULL),
    INT("waiting", 0, NULL),
    INT("running", 0, NULL),
    INT("jobs", 0, NULL),
    INT("max_cpus", SHAPE_NULL, NULL),
    INT("max_tasks", SHAPE_NULL, NULL),
    OF("used", obj_queue_used, 0, NULL),
    {0},
};
const struct shape obj_queue_project = {"queue_project", "a project in the order of service", queue_project_members, false};

static const struct member queue_item_members[] = {
    INT("position", 0, NULL),
    STR("project", 0, NULL),
    INT("job", 0, NULL),
    STR("name", 0, NULL),
    STR("user", 0, NULL),
    INT("tasks", 0, NULL),
    INT("priority", 0, NULL),
    BOOL("held", 0, NULL),
    OF("wait", obj_wait, 0, NULL),
    INT("alike", 0, NULL),
    {0},
};
const struct shape obj_queue_item = {"queue_item", "jobs alike that wait", queue_item_members, false};

static const struct member queue_sum_members[] = {
    INT("jobs", 0, NULL),
    INT("tasks", 0, NULL),
    {0},
};
const struct shape obj_queue_sum = {"queue_sum", "all that waits", queue_sum_members, false};

static const struct member queue_members[] = {
    OF("items", obj_queue_item, SHAPE_LIST, NULL),
    OF("projects", obj_queue_project, SHAPE_LIST, NULL),
    OF("waiting", obj_queue_sum, 0, NULL),
    BOOL("more", 0, NULL),
    {0},
};
const struct shape obj_queue = {"queue", "who is served next", queue_members, false};
/* clang-format on */

const struct shape *const shapes[] = {
    &obj_problem,
    &obj_problem_item,
    &obj_document,
    &obj_version,
    &obj_warning,
    &obj_submitted,
    &obj_submitted_many,
    &obj_wait,
    &obj_task_counts,
    &obj_by_at,
    &obj_resources,
    &obj_progress,
    &obj_band,
    &obj_pace,
    &obj_job,
    &obj_jobs,
    &obj_spec_resources,
    &obj_spec_on_exit,
    &obj_spec_retry,
    &obj_spec_stdio,
    &obj_spec_warn,
    &obj_spec_partition,
    &obj_spec,
    &obj_task_wait,
    &obj_attempt,
    &obj_task,
    &obj_tasks,
    &obj_strip,
    &obj_never,
    &obj_queue_behind,
    &obj_queue_position,
    &obj_start,
    &obj_site_dropped,
    &obj_funnel_step,
    &obj_would_help,
    &obj_candidate,
    &obj_explain_wait,
    &obj_past_wait,
    &obj_chosen_for,
    &obj_placement,
    &obj_forecast,
    &obj_explanation,
    &obj_event,
    &obj_events,
    &obj_output,
    &obj_outputs,
    &obj_many_states,
    &obj_cannot,
    &obj_cannot_job,
    &obj_changed_many,
    &obj_queue_used,
    &obj_queue_project,
    &obj_queue_item,
    &obj_queue_sum,
    &obj_queue,
    &obj_site_project,
    &obj_host_key,
    &obj_host,
    &obj_account,
    &obj_used,
    &obj_capacity,
    &obj_offer,
    &obj_site_worker,
    &obj_worker,
    &obj_workers,
    &obj_site,
    &obj_sites,
    &obj_call,
    &obj_dataset_place,
    &obj_dataset,
    &obj_dataset_shown,
    &obj_lineage,
    &obj_reader,
    &obj_where,
    &obj_where_item,
    &obj_datasets,
    &obj_arrival,
    &obj_reads,
    &obj_reads_day,
    &obj_dataset_facet,
    &obj_dataset_facets,
    &obj_received,
    &obj_lineage_node,
    &obj_lineage_edge,
    &obj_lineage_graph,
    &obj_url_prefix,
    &obj_url_prefixes,
    &obj_policy,
    &obj_transfer,
    &obj_transfers,
    &obj_link,
    &obj_links,
    &obj_site_data,
    &obj_file,
    &obj_files,
    &obj_job_totals,
    &obj_task_totals,
    &obj_running,
    &obj_engine,
    &obj_overview,
    &obj_graph_node,
    &obj_graph_edge,
    &obj_graph,
    &obj_bar,
    &obj_timeline,
    &obj_facet,
    &obj_facet_hour,
    &obj_facets,
    &obj_view,
    &obj_views,
    &obj_subscription,
    &obj_subscriptions,
    &obj_new_subscription,
    &obj_notice_test,
    &obj_delivery,
    &obj_deliveries,
    &obj_notice_event,
    &obj_notice,
    &obj_notices,
    &obj_unread,
    &obj_directive,
    &obj_script,
    &obj_directive_kind,
    &obj_directive_kinds,
    &obj_hint_name,
    &obj_hint_past,
    &obj_hint,
    &obj_hints,
    &obj_template_parameter,
    &obj_template_shown,
    &obj_template,
    &obj_templates,
    &obj_filled,
    &obj_me,
    &obj_membership,
    &obj_login_link,
    &obj_login_ways,
    &obj_login_way,
    &obj_session,
    &obj_sessions,
    &obj_project_used,
    &obj_project,
    &obj_project_open,
    &obj_projects,
    &obj_member,
    &obj_new_user,
    &obj_user,
    &obj_users,
    &obj_token,
    &obj_tokens,
    &obj_new_token,
    &obj_invitation,
    &obj_invitations,
    &obj_new_invitation,
    &obj_invited,
    &obj_site_admin,
    &obj_site_admins,
    &obj_setup,
    &obj_setup_check,
    &obj_setup_checks,
    &obj_trial_step,
    &obj_trial,
    &obj_audit_row,
    &obj_audit,
    &obj_audit_check,
    &obj_oidc_go,
    &obj_identity,
    &obj_identities,
    &obj_setting,
    &obj_settings,
    &obj_series,
    &obj_insight,
    &obj_place,
    &obj_site_direct,
};
const size_t shapes_count = ARRAY_LEN(shapes);
