/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_jobs.h"

#include "common/util.h"
#include "store/jobs_sql.h"

/* ---- jobs ------------------------------------------------------------------------------------------------
 */

/* `j` is the job, `q` its moving part while it lives. */
#define JOB_STATE "case when q.taken then 'active' else j.state end"
/* A list of tasks may be long: where many jobs are listed it is cut behind a comma. */
#define LIST_CUT                                                                                             \
        "case when length(j.task_list) <= 1000 then j.task_list"                                             \
        " else regexp_replace(left(j.task_list, 1000), '[^,]*$', '') || '…' end"
#define JOB_COLUMNS(list)                                                                                    \
        "select j.id, j.name, p.name as project, u.name as user, " JOB_STATE " as state, j.labels,"          \
        " j.first_task, j.last_task, coalesce(j.task_count, j.last_task - j.first_task + 1) as task_total,"  \
        " " list " as task_list, coalesce(q.succeeded, j.succeeded) as succeeded,"                           \
        " coalesce(q.failed, j.failed) as failed, coalesce(q.cancelled, j.cancelled) as cancelled,"          \
        " coalesce(a.placed, 0) as placed, coalesce(a.running, 0) as running, j.submitted_at,"               \
        " coalesce(q.started_at, j.started_at) as started_at, j.finished_at, j.message,"                     \
        " j.spec->'resources' as resources, j.spec->'sites' as sites,"                                       \
        " (select d.name from datasets d where d.job_id = j.id limit 1) as output_dataset,"                  \
        " q.job_id is not null as live, q.priority, q.wait, q.wait_since, q.held_by, q.held_at,"             \
        " q.cancelled_by, q.cancelled_at, g.parts, g.part_sum, g.progress_text, g.progress_at,"              \
        " t.at as pace_at, t.per_second, t.low as pace_low, t.high as pace_high"
/* Plans are made once for all parameters, and know neither how many jobs come nor how many there are. Behind
 * a lateral subquery that is kept apart (offset 0) each row is looked up by its key, whatever the planner
 * thinks.
 */
#define JOB_JOINS                                                                                            \
        " join lateral (select name from projects where id = j.project_id offset 0) p on true"               \
        " join lateral (select name from users where id = j.user_id offset 0) u on true"                     \
        " left join lateral (select * from job_queue where job_id = j.id offset 0) q on true"                \
        " left join lateral (select count(*) as placed,"                                                     \
        "   count(*) filter (where l.state in ('running', 'finishing')) as running"                          \
        "  from attempts_live l where l.job_id = j.id and q.job_id is not null) a on true"                   \
        " left join lateral (select count(r.fraction) as parts, sum(r.fraction)::float8 as part_sum,"        \
        "   max(r.at) as progress_at, (array_agg(r.text order by r.at desc))[1] as progress_text"            \
        "  from attempt_progress r where r.job_id = j.id and q.job_id is not null) g on true"                \
        " left join lateral (select * from job_pace where job_id = j.id and q.job_id is not null offset 0)"  \
        "  t on true"
#define JOB_VISIBLE "($1 or j.project_id = any($2))"

/* Those of a run that a filter lets through; `state` is a condition on $5. */
#define JOB_PAGE(run, state)                                                                                 \
        " from (select r.id from " run " run"                                                                \
        "  join lateral (select id, project_id, user_id, name, labels, state, submitted_at from jobs"        \
        "   where id = run.id offset 0) r on true where " state " and " JOB_FITS                             \
        "  order by r.id desc limit $14) page"                                                               \
        " join lateral (select * from jobs where id = page.id offset 0) j on true" JOB_JOINS                 \
        " order by page.id desc"

static void bind_visible(struct stmt *st, const struct visible *who)
{
        bind_bool(st, who->all);
        bind_ints(st, who->projects, who->all ? 0 : who->count);
}

static bool is_live_state(const char *state)
{
        return state[0] == 'a'; /* accepted, active */
}

static bool filter_is_empty(const struct jobs_filter *f)
{
        return !f->state && !f->name && !f->user && !f->site && !f->label && f->since == INT64_MIN &&
               f->until == INT64_MIN;
}

static void bind_filter(struct stmt *st, const struct jobs_filter *f)
{
        bind_text(st, f->state);
        bind_text(st, f->name);
        bind_int(st, f->name_how);
        bind_text(st, f->user);
        bind_text(st, f->label);
        bind_text(st, f->label_value);
        bind_time(st, f->since);
        bind_time(st, f->until);
}

static int list_run(struct stmt *st, const struct jobs_filter *f, int scan, struct rows **ret,
                    struct err *err)
{
        bind_visible(st, &f->who);
        bind_int(st, f->before);
        bind_int(st, scan);
        bind_filter(st, f);
        bind_int(st, f->after);
        bind_int(st, f->limit);
        return db_query(st, ret, err);
}

/* Of those that have ended, or of all. */
static int list_all(struct db *db, const struct jobs_filter *f, int scan, struct rows **ret, struct err *err)
{
        return list_run(db_stmt(db, "jobs_list",
                                JOB_COLUMNS(LIST_CUT)
                                    JOB_PAGE(JOB_RUN("$13"), "($5::text is null or r.state = $5)")),
                        f, scan, ret, err);
}

static int list_live(struct db *db, const struct jobs_filter *f, struct rows **ret, struct err *err)
{
        return list_run(db_stmt(db, "jobs_list_live",
                                JOB_COLUMNS(LIST_CUT)
                                    JOB_PAGE(LIVE_RUN("$13"), "($1 or r.project_id = any($2))"
                                                              " and run.taken = ($5::text = 'active')")),
                        f, JOBS_SCAN_MAX, ret, err);
}

/* Nothing but the site is asked for, and everything is seen: no job of the run is passed over. */
static bool only_site(const struct jobs_filter *f)
{
        struct jobs_filter rest = *f;

        rest.site = NULL;
        return f->who.all && filter_is_empty(&rest);
}

static int list_site(struct db *db, const struct jobs_filter *f, struct rows **ret, struct err *err)
{
        /* Live jobs are few: of those it is asked which were there, instead of which of a site's jobs live.
         */
        bool live = f->state && is_live_state(f->state);
        struct stmt *st =
            live ? db_stmt(db, "jobs_list_live_site",
                           JOB_COLUMNS(LIST_CUT) JOB_PAGE(
                               LIVE_RUN("$13"),
                               "($1 or r.project_id = any($2))"
                               " and run.taken = ($5::text = 'active') and " WAS_AT_SITE("run.id", "$15")))
                 : db_stmt(db, "jobs_list_site",
                           JOB_COLUMNS(LIST_CUT) JOB_PAGE(SITE_RUN("$13", "$15"),
                                                          "($1 or r.project_id = any($2))"
                                                          " and ($5::text is null or " RUN_STATE " = $5)"));

        bind_visible(st, &f->who);
        bind_int(st, f->before);
        bind_int(st, only_site(f) ? f->limit : JOBS_SCAN_MAX);
        bind_filter(st, f);
        bind_int(st, f->after);
        bind_int(st, f->limit);
        bind_text(st, f->site);
        return db_query(st, ret, err);
}

static int list_ids(struct db *db, const struct jobs_filter *f, struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "jobs_list_ids",
            JOB_COLUMNS(
                LIST_CUT) " from (select * from jobs j where id = any($4) and id < $3 and " JOB_VISIBLE
                          ") j" JOB_JOINS " where ($5::text is null or " JOB_STATE " = $5)"
                          " and " JOB_FITS_AS("j") " and " WAS_AT_SITE(
                              "j.id", "$14") " order by j.id desc limit $13");

        bind_visible(st, &f->who);
        bind_int(st, f->before);
        bind_ints(st, f->ids, f->ids_count);
        bind_filter(st, f);
        bind_int(st, f->limit);
        bind_text(st, f->site);
        return db_query(st, ret, err);
}

static int scanned_at_site(struct db *db, const struct jobs_filter *f, int64_t *ret, struct err *err)
{
        struct stmt *st = db_stmt(db, "jobs_scanned_site",
                                  "select case when count(*) = $4 then min(j.id) else 0 end as low"
                                  " from " SITE_RUN("$1", "$2") " j");
        AUTO_ROWS struct rows *r = NULL;

        bind_int(st, f->after);
        bind_text(st, f->site);
        bind_int(st, f->before);
        bind_int(st, JOBS_SCAN_MAX);
        if (db_query(st, &r, err) < 0)
                return -1;
        rows_next(r);
        *ret = row_int(r, "low");
        return 0;
}

/* Where a filtered page stopped looking: the lowest number of the run, 0 when the run reached the end. */
static int scanned_to(struct db *db, const struct jobs_filter *f, bool live, int64_t *ret, struct err *err)
{
        struct stmt *st =
            live ? db_stmt(db, "jobs_scanned_live",
                           "select case when count(*) = $2 then min(job_id) else 0 end as low"
                           " from (select job_id from job_queue where job_id < $1 and job_id > $3"
                           "  order by job_id desc limit $2) q")
                 : db_stmt(db, "jobs_scanned",
                           "select case when count(*) = $4 then min(j.id) else 0 end as low"
                           " from " JOB_RUN("$5") " j");
        AUTO_ROWS struct rows *r = NULL;

        if (!live)
                bind_visible(st, &f->who);
        bind_int(st, f->before);
        bind_int(st, JOBS_SCAN_MAX);
        bind_int(st, f->after);
        if (db_query(st, &r, err) < 0)
                return -1;
        rows_next(r);
        *ret = row_int(r, "low");
        return 0;
}

/* The highest number below which all jobs were submitted before `at`. Numbers grow with the time of
 * submission, but for what was submitted at the same time: the search halves what is left. */
static int number_at(struct db *db, int64_t at, int64_t *ret, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "jobs_number_at",
            "with recursive half(low, high) as (select 0::bigint, coalesce(max(id), 0) + 1 from jobs"
            " union all select case when past then mid else low end, case when past then high else mid end"
            "  from half, lateral (select (low + high) / 2 as mid) m,"
            "  lateral (select coalesce((select submitted_at from jobs where id > low and id <= mid"
            "   order by id desc limit 1) < $1::timestamptz, true) as past) p where high - low > 1)"
            " select max(low) as low from half");
        AUTO_ROWS struct rows *r = NULL;

        bind_time(st, at);
        if (db_query(st, &r, err) < 0)
                return -1;
        rows_next(r);
        *ret = row_int(r, "low");
        return 0;
}

int store_jobs_between(struct db *db, struct jobs_filter *f, struct err *err)
{
        int64_t n;

        if (f->since != INT64_MIN && number_at(db, f->since - JOBS_SAME_TIME_MS, &f->after, err) < 0)
                return -1;
        if (f->until == INT64_MIN)
                return 0;
        if (number_at(db, f->until + JOBS_SAME_TIME_MS, &n, err) < 0)
                return -1;
        f->before = f->before < n + 1 ? f->before : n + 1;
        return 0;
}

int store_jobs_list(struct db *db, const struct jobs_filter *f, struct rows **ret, int64_t *ret_next,
                    struct err *err)
{
        bool live = f->state && is_live_state(f->state);
        bool scans = !f->ids && !filter_is_empty(f);
        int rc;

        if (f->ids)
                rc = list_ids(db, f, ret, err);
        else if (f->site)
                rc = list_site(db, f, ret, err);
        else if (live)
                rc = list_live(db, f, ret, err);
        else
                rc = list_all(db, f, scans ? JOBS_SCAN_MAX : f->limit, ret, err);
        *ret_next = 0;
        if (rc == 0 && scans && f->site && !live && rows_count(*ret) < (size_t)f->limit)
                return scanned_at_site(db, f, ret_next, err);
        if (rc == 0 && scans && rows_count(*ret) < (size_t)f->limit)
                return scanned_to(db, f, live, ret_next, err);
        return rc;
}

int store_job_show(struct db *db, const struct visible *who, int64_t id, struct rows **ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "job_show",
                    JOB_COLUMNS("j.task_list") " from jobs j" JOB_JOINS " where j.id = $3 and " JOB_VISIBLE);

        bind_visible(st, who);
        bind_int(st, id);
        return db_query(st, ret, err);
}

int store_job_show_spec(struct db *db, const struct visible *who, int64_t id, struct rows **ret,
                        struct err *err)
{
        struct stmt *st =
            db_stmt(db, "job_show_spec", "select j.spec from jobs j where j.id = $3 and " JOB_VISIBLE);

        bind_visible(st, who);
        bind_int(st, id);
        return db_query(st, ret, err);
}

int store_job_outline(struct db *db, const struct visible *who, int64_t id, struct rows **ret,
                      struct err *err)
{
        struct stmt *st =
            db_stmt(db, "job_outline",
                    "select j.project_id, (select name from projects p where p.id = j.project_id) as project,"
                    " j.first_task, j.last_task, j.task_list, q.next_task, j.submitted_at, q.job_id is not "
                    "null as live, q.wait, q.held_by is not null as held, " JOB_STATE
                    " as state from jobs j left join job_queue q on q.job_id = j.id"
                    " where j.id = $3 and " JOB_VISIBLE);

        bind_visible(st, who);
        bind_int(st, id);
        return db_query(st, ret, err);
}

/* ---- tasks -----------------------------------------------------------------------------------------------
 */

#define ATTEMPT_PLACE                                                                                        \
        " left join sites s on s.id = a.site_id left join workers w on w.id = a.worker_id"                   \
        " left join hosts h on h.id = w.host_id"
#define ATTEMPT_COLUMNS                                                                                      \
        "a.task, a.attempt, a.state, a.outcome, a.blame, a.code, s.name as site, a.worker_id as worker,"     \
        " coalesce(w.hostname, h.address) as host, a.placed_at, a.started_at, a.ended_at, a.wall_us,"        \
        " a.user_us, a.system_us, a.memory_peak, a.read_bytes, a.write_bytes, a.stdout_bytes,"               \
        " a.stderr_bytes, a.log_cut, a.message, a.decision_id, a.final"

static void bind_span(struct stmt *st, int64_t job, int64_t first, int64_t last)
{
        bind_int(st, job);
        bind_int(st, first);
        bind_int(st, last);
}

int store_tasks_open(struct db *db, int64_t job, int64_t first, int64_t last, struct rows **ret,
                     struct err *err)
{
        struct stmt *st = db_stmt(
            db, "tasks_open",
            "select " ATTEMPT_COLUMNS ", r.fraction, r.text as progress_text, r.at as progress_at"
            " from (select l.*, null::text as outcome, null::text as blame,"
            "  null::int as code, null::timestamptz as ended_at, null::bigint as wall_us,"
            "  null::bigint as user_us, null::bigint as system_us, null::bigint as memory_peak,"
            "  null::bigint as read_bytes, null::bigint as write_bytes, null::bigint as stdout_bytes,"
            "  null::bigint as stderr_bytes, null::int as log_cut, null::text as message, false as final"
            "  from attempts_live l where l.job_id = $1 and l.task between $2 and $3) a" ATTEMPT_PLACE
            " left join attempt_progress r on r.job_id = a.job_id and r.task = a.task"
            "  and r.attempt = a.attempt order by a.task");

        bind_span(st, job, first, last);
        return db_query(st, ret, err);
}

int store_tasks_queued(struct db *db, int64_t job, int64_t first, int64_t last, struct rows **ret,
                       struct err *err)
{
        struct stmt *st = db_stmt(db, "tasks_queued",
                                  "select task, attempt, not_before, last_outcome from task_queue"
                                  " where job_id = $1 and task between $2 and $3 order by task");

        bind_span(st, job, first, last);
        return db_query(st, ret, err);
}

int store_tasks_ended(struct db *db, int64_t job, int64_t first, int64_t last, int64_t since, bool all,
                      struct rows **ret, struct err *err)
{
        struct stmt *st =
            all ? db_stmt(db, "tasks_ended_all",
                          "select " ATTEMPT_COLUMNS " from attempts a" ATTEMPT_PLACE
                          " where a.job_id = $1 and a.task between $2 and $3 and a.ended_at >= $4"
                          " order by a.task, a.attempt desc limit 10000")
                : db_stmt(db, "tasks_ended",
                          "select " ATTEMPT_COLUMNS " from (select distinct on (task) * from attempts"
                          "  where job_id = $1 and task between $2 and $3 and ended_at >= $4"
                          "  order by task, attempt desc) a" ATTEMPT_PLACE " order by a.task");

        bind_span(st, job, first, last);
        bind_time(st, since);
        return db_query(st, ret, err);
}

int store_job_waits(struct db *db, int64_t job, int limit, struct rows **ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "job_waits",
                    "select since, reason from job_waits where job_id = $1 order by since desc limit $2");

        bind_int(st, job);
        bind_int(st, limit);
        return db_query(st, ret, err);
}

int store_decisions(struct db *db, int64_t job, int64_t id, int limit, struct rows **ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "decisions",
                    "select d.id, d.decided_at, d.task, s.name as site, d.candidates from decisions d"
                    " left join sites s on s.id = d.site_id"
                    " where d.job_id = $1 and ($2 = 0 or d.id = $2) order by d.id desc limit $3");

        bind_int(st, job);
        bind_int(st, id);
        bind_int(st, limit);
        return db_query(st, ret, err);
}

/* ---- outputs ---------------------------------------------------------------------------------------------
 */

int store_job_dataset(struct db *db, int64_t job, struct rows **ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "job_dataset",
                    "select name as dataset from datasets where job_id = $1 and removed_at is null");

        bind_int(st, job);
        return db_query(st, ret, err);
}

int store_job_outputs(struct db *db, int64_t job, int64_t after_task, const char *after_path, int limit,
                      struct rows **ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "job_outputs",
                    "select f.task, f.path, f.size, f.sha256, (select s.name from replicas r"
                    "  join sites s on s.id = r.site_id where r.dataset_id = f.dataset_id and r.path = f.path"
                    "  and r.state = 'present' order by s.id limit 1) as site"
                    " from files f join datasets d on d.id = f.dataset_id"
                    " where d.job_id = $1 and (coalesce(f.task, 0), f.path) > ($2, $3::text)"
                    " order by coalesce(f.task, 0), f.path limit $4");

        bind_int(st, job);
        bind_int(st, after_task);
        bind_text(st, after_path);
        bind_int(st, limit);
        return db_query(st, ret, err);
}

/* ---- what people ask -------------------------------------------------------------------------------------
 */

int store_intent_add(struct db *db, int64_t job, int64_t task, const char *kind, int64_t value,
                     const char *actor, struct err *err)
{
        struct stmt *st = db_stmt(db, "intent_add",
                                  "insert into job_intents (job_id, task, kind, value, actor)"
                                  " values ($1, nullif($2, -1), $3, $4, $5)");

        bind_int(st, job);
        bind_int(st, task);
        bind_text(st, kind);
        bind_int(st, value);
        bind_text(st, actor);
        return db_exec(st, err) < 0 ? -1 : 0;
}

/* ---- events and figures ----------------------------------------------------------------------------------
 */

#define EVENT_COLUMNS "select e.seq, e.at, e.kind, e.job_id, e.task, s.name as site, e.actor, e.text"

static int events_of_job(struct db *db, const struct events_filter *f, struct rows **ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "events_job",
                    EVENT_COLUMNS " from events e left join sites s on s.id = e.site_id"
                                  " where e.job_id = $1 and e.seq < $2 order by e.seq desc limit $3");

        bind_int(st, f->job);
        bind_int(st, f->before);
        bind_int(st, f->limit);
        return db_query(st, ret, err);
}

static int events_of_all(struct db *db, const struct events_filter *f, struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "events_all",
            EVENT_COLUMNS " from (select * from events where seq < $3 order by seq desc limit $4) e"
                          " left join sites s on s.id = e.site_id left join jobs j on j.id = e.job_id"
                          " where ($5::text is null or s.name = $5) and (e.job_id is null or " JOB_VISIBLE
                          ") order by e.seq desc limit $6");

        bind_visible(st, &f->who);
        bind_int(st, f->before);
        bind_int(st, EVENTS_SCAN_MAX);
        bind_text(st, f->site);
        bind_int(st, f->limit);
        return db_query(st, ret, err);
}

static int events_scanned(struct db *db, const struct events_filter *f, int64_t *ret, struct err *err)
{
        struct stmt *st = db_stmt(db, "events_scanned",
                                  "select case when count(*) = $2 then min(seq) else 0 end as low from"
                                  " (select seq from events where seq < $1 order by seq desc limit $2) e");
        AUTO_ROWS struct rows *r = NULL;

        bind_int(st, f->before);
        bind_int(st, EVENTS_SCAN_MAX);
        if (db_query(st, &r, err) < 0)
                return -1;
        rows_next(r);
        *ret = row_int(r, "low");
        return 0;
}

int store_events_list(struct db *db, const struct events_filter *f, struct rows **ret, int64_t *ret_next,
                      struct err *err)
{
        *ret_next = 0;
        if (f->job)
                return events_of_job(db, f, ret, err);
        if (events_of_all(db, f, ret, err) < 0)
                return -1;
        return rows_count(*ret) < (size_t)f->limit ? events_scanned(db, f, ret_next, err) : 0;
}

int store_running(struct db *db, const struct visible *who, int limit, struct rows **ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "running",
                    "select a.job_id, j.name, a.task, a.attempt, a.state, s.name as site, a.started_at,"
                    " a.placed_at, r.fraction, r.text as progress_text, r.at as progress_at"
                    " from attempts_live a join jobs j on j.id = a.job_id"
                    " left join attempt_progress r on r.job_id = a.job_id and r.task = a.task"
                    "  and r.attempt = a.attempt"
                    " left join sites s on s.id = a.site_id where " JOB_VISIBLE
                    " order by a.placed_at desc, a.job_id desc, a.task desc limit $3");

        bind_visible(st, who);
        bind_int(st, limit);
        return db_query(st, ret, err);
}

int store_totals(struct db *db, struct rows **ret, struct err *err)
{
        return db_query(db_stmt(db, "totals", "select name, value from totals order by name"), ret, err);
}

int store_leader(struct db *db, struct rows **ret, struct err *err)
{
        return db_query(
            db_stmt(db, "leader",
                    "select epoch, holder, since, lease_until, lease_until > now() as alive from leader"),
            ret, err);
}

int store_live(struct db *db, int most, struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "live",
            "select count(*) as jobs, count(*) filter (where not q.taken) as accepted,"
            " count(*) filter (where q.taken) as active,"
            " count(*) filter (where q.held_by is not null) as held,"
            " coalesce(sum(case when q.task_list is null then greatest(q.last_task - q.next_task + 1, 0)"
            "  else reeve_tasks_from(q.task_list, q.next_task) end), 0)::bigint"
            "  + (select count(*) from (select from task_queue limit $1) t) as ready,"
            " (select count(*) from attempts_live) as placed,"
            " (select count(*) from attempts_live where state in ('running', 'finishing')) as running"
            " from (select jq.taken, jq.held_by, jq.next_task, j.last_task, j.task_list from job_queue jq"
            "  join jobs j on j.id = jq.job_id limit $1) q");

        bind_int(st, most);
        return db_query(st, ret, err);
}

int store_waits(struct db *db, int most, struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(db, "waits",
                                  "select wait, count(*) as jobs from (select wait from job_queue limit $1) q"
                                  " group by wait order by wait");

        bind_int(st, most);
        return db_query(st, ret, err);
}

int store_live_estimate(struct db *db, int64_t *ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "live_estimate", "select pg_stat_get_live_tuples('job_queue'::regclass) as jobs");
        AUTO_ROWS struct rows *r = NULL;

        if (db_query(st, &r, err) < 0)
                return -1;
        rows_next(r);
        *ret = row_int(r, "jobs");
        return 0;
}
