/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_queue.h"

#include "store/jobs_sql.h"

/* Live jobs, oldest first, with what of them waits: $2 how many to look at. */
#define LOOKED                                                                                               \
        "looked as materialized (select q.*, j.project_id, j.user_id, j.name, j.spec,"                       \
        "  greatest(case when j.task_list is null then j.last_task - q.next_task + 1"                        \
        "   else reeve_tasks_from(j.task_list, q.next_task) end, 0)"                                         \
        "  + coalesce(t.n, 0) as waiting"                                                                    \
        "  from (select * from job_queue order by job_id limit $2) q join jobs j on j.id = q.job_id"         \
        "  left join (select job_id, count(*) as n from (select job_id from task_queue limit $2) k"          \
        "   group by job_id) t on t.job_id = q.job_id)"

/* The engine's score: use, decayed to now, over share; $1 the half-life in ms. */
#define SCORED                                                                                               \
        "scored as (select p.*, p.usage * power(0.5, least(1000, greatest(0,"                                \
        "  extract(epoch from now() - p.usage_at)::float8 * 1000 / $1::float8))) as now_usage from "         \
        "projects p)"

int store_queue_projects(struct db *db, int64_t half_life_ms, struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "queue_projects",
            "with " LOOKED ", " SCORED ","
            " waits as (select project_id, sum(waiting) as waiting, count(*) as jobs from looked"
            "  where waiting > 0 group by project_id),"
            " uses as (select j.project_id, sum(a.n) as tasks,"
            "   sum(a.n * (j.spec->'resources'->>'cpus')::bigint) as cpus"
            "  from (select job_id, count(*) as n from attempts_live group by job_id) a"
            "  join jobs j on j.id = a.job_id group by j.project_id)"
            " select p.id, p.name, p.share, p.now_usage as usage, p.now_usage / p.share as score, p.max_cpus,"
            " p.max_tasks, coalesce(w.waiting, 0) as waiting, coalesce(w.jobs, 0) as jobs,"
            " coalesce(u.cpus, 0) as used_cpus, coalesce(u.tasks, 0) as used_tasks,"
            " (select count(*) from looked) as looked"
            " from scored p left join waits w on w.project_id = p.id left join uses u on u.project_id = p.id"
            " where w.project_id is not null or u.project_id is not null order by score, p.id");

        bind_f64(st, (double)half_life_ms);
        bind_int(st, QUEUE_LOOK_MAX);
        return db_query(st, ret, err);
}

int store_queue_heads(struct db *db, int64_t half_life_ms, struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "queue_heads",
            "with " LOOKED ", " SCORED ","
            " heads as (select l.*, p.name as project, p.now_usage / p.share as score,"
            "   l.wait in ('held', 'after', 'input_pending', 'backoff') as blocked"
            "  from looked l join scored p on p.id = l.project_id where l.waiting > 0"
            "  order by blocked, score, l.project_id, l.priority desc, l.job_id limit $3)"
            " select h.job_id as id, h.name, h.project_id, h.project, u.name as user, h.waiting as tasks,"
            " h.priority, h.held_by is not null as held, h.wait, h.wait_since,"
            " md5(concat_ws('|', h.project_id, h.priority, h.wait, h.spec->'resources', h.spec->'inputs',"
            "  h.spec->'sites', h.spec->'time_limit_ms')) as alike"
            " from heads h join users u on u.id = h.user_id"
            " order by h.blocked, h.score, h.project_id, h.priority desc, h.job_id");

        bind_f64(st, (double)half_life_ms);
        bind_int(st, QUEUE_LOOK_MAX);
        bind_int(st, QUEUE_HEADS);
        return db_query(st, ret, err);
}

/* ---- many at once ----------------------------------------------------------------------------------------
 */

/* Whether the intent $13 would change the live job. */
#define WOULD_CHANGE                                                                                         \
        "(case $13 when 'hold' then q.held_by is null when 'release' then q.held_by is not null"             \
        " else q.cancelled_by is null end)"
#define OF_LIVE                                                                                              \
        " from job_queue q join jobs j on j.id = q.job_id"                                                   \
        " where ($1 or j.project_id = any($2)) and q.job_id < $3"                                            \
        " and ($4::bigint[] is null or j.id = any($4))"                                                      \
        " and ($5::text is null or (case when q.taken then 'active' else 'accepted' end) = $5)"              \
        " and " JOB_FITS_AS("j") " and " WAS_AT_SITE("j.id", "$15")

static void bind_filter(struct stmt *st, const struct jobs_filter *f, const char *kind, int limit)
{
        bind_bool(st, f->who.all);
        bind_ints(st, f->who.projects, f->who.all ? 0 : f->who.count);
        bind_int(st, f->before);
        if (f->ids)
                bind_ints(st, f->ids, f->ids_count);
        else
                bind_null(st);
        bind_text(st, f->state);
        bind_text(st, f->name);
        bind_int(st, f->name_how);
        bind_text(st, f->user);
        bind_text(st, f->label);
        bind_text(st, f->label_value);
        bind_time(st, f->since);
        bind_time(st, f->until);
        bind_text(st, kind);
        bind_int(st, limit);
        bind_text(st, f->site);
}

int store_intents_find(struct db *db, const struct jobs_filter *f, const char *kind, struct rows **ret,
                       struct err *err)
{
        struct stmt *st = db_stmt(db, "intents_find",
                                  "select j.id, q.taken, (select count(*) from attempts_live a where"
                                  " a.job_id = j.id) as running" OF_LIVE " and " WOULD_CHANGE
                                  " order by q.job_id desc limit $14");

        bind_filter(st, f, kind, f->limit);
        return db_query(st, ret, err);
}

int store_intents_cannot(struct db *db, const struct jobs_filter *f, const char *kind, int limit,
                         struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "intents_cannot",
            "with cannot as (select j.id, j.name, j.state, 'already'::text as why" OF_LIVE
            " and not " WOULD_CHANGE " union all select i.id, j.name, j.state,"
            "  case when j.id is null then 'unknown' else 'ended' end"
            "  from unnest($4::bigint[]) i(id) left join jobs j on j.id = i.id and ($1 or j.project_id ="
            "   any($2)) left join job_queue q on q.job_id = j.id where q.job_id is null)"
            " select w.*, count(*) over (partition by why) as of_kind, row_number() over (order by id desc)"
            " as place from cannot w order by place limit $14");

        bind_filter(st, f, kind, limit);
        return db_query(st, ret, err);
}

int store_intents_add(struct db *db, const int64_t *jobs, size_t n, const char *kind, const char *actor,
                      struct err *err)
{
        struct stmt *st = db_stmt(db, "intents_add",
                                  "insert into job_intents (job_id, kind, value, actor)"
                                  " select id, $2, 0, $3 from unnest($1::bigint[]) as w (id)");

        bind_ints(st, jobs, n);
        bind_text(st, kind);
        bind_text(st, actor);
        return db_exec(st, err) < 0 ? -1 : 0;
}

int store_intents_why(struct db *db, const int64_t *jobs, size_t n, const char *actor, const char *text,
                      struct err *err)
{
        struct stmt *st = db_stmt(db, "intents_why",
                                  "insert into events (kind, job_id, actor, text)"
                                  " select 'job.reason', id, $2, $3 from unnest($1::bigint[]) as w (id)");

        bind_ints(st, jobs, n);
        bind_text(st, actor);
        bind_text(st, text);
        return db_exec(st, err) < 0 ? -1 : 0;
}

/* ---- once more -------------------------------------------------------------------------------------------
 */

int store_failed_tasks(struct db *db, int64_t job, int64_t since, int64_t most, struct rows **ret,
                       struct err *err)
{
        struct stmt *st =
            db_stmt(db, "failed_tasks",
                    "select min(task) as first, max(task) as last from (select task,"
                    "  task - row_number() over (order by task) as run from attempts where job_id = $1"
                    "  and ended_at >= $2 and final and state in ('failed', 'lost')) f"
                    " group by run order by first limit $3");

        bind_int(st, job);
        bind_time(st, since);
        bind_int(st, most);
        return db_query(st, ret, err);
}

int store_job_past(struct db *db, const struct visible *who, int64_t id, struct rows **ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "job_past",
                    "select j.name, p.name as project, j.spec, j.labels, q.priority, j.submitted_at as at,"
                    " coalesce(j.task_list, case when j.first_task = j.last_task then j.first_task::text"
                    "  else j.first_task || '-' || j.last_task end) as array,"
                    " (select json_agg(split_part(d.name, '#', 1) order by i.position) from job_inputs i"
                    "  join datasets d on d.id = i.dataset_id where i.job_id = j.id) as inputs"
                    " from jobs j join projects p on p.id = j.project_id"
                    " left join job_queue q on q.job_id = j.id"
                    " where j.id = $3 and ($1 or j.project_id = any($2))");

        bind_bool(st, who->all);
        bind_ints(st, who->projects, who->all ? 0 : who->count);
        bind_int(st, id);
        return db_query(st, ret, err);
}
