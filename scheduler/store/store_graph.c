/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_graph.h"

#define LINKS "select from_job, to_job, kind, condition, elementwise, dataset from ("
#define AFTER                                                                                                \
        "select a.on_job_id as from_job, a.job_id as to_job, 'after' as kind, a.condition, a.elementwise,"   \
        " null::text as dataset from job_after a"
#define READS                                                                                                \
        " union select d.job_id, i.job_id, 'data', null, false, d.name from job_inputs i"                    \
        " join datasets d on d.id = i.dataset_id"
#define ORDER ") l order by to_job, from_job, kind, dataset limit $2"

int store_graph_links(struct db *db, const int64_t *jobs, size_t n, bool up, int limit, struct rows **ret,
                      struct err *err)
{
        struct stmt *st =
            up ? db_stmt(db, "graph_up",
                         LINKS AFTER " where a.job_id = any($1)" READS
                                     " where i.job_id = any($1) and d.job_id is not null" ORDER)
               : db_stmt(db, "graph_down",
                         LINKS AFTER " where a.on_job_id = any($1)" READS " where d.job_id = any($1)" ORDER);

        bind_ints(st, jobs, n);
        bind_int(st, limit);
        return db_query(st, ret, err);
}

int store_graph_nodes(struct db *db, const struct visible *who, const int64_t *jobs, size_t n,
                      struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "graph_nodes",
            "select j.id, j.name, u.name as user_name, case when q.taken then 'active' else j.state end as "
            "state,"
            " coalesce(j.task_count, j.last_task - j.first_task + 1) as tasks,"
            " coalesce(q.succeeded, j.succeeded) as succeeded, coalesce(q.failed, j.failed) as failed,"
            " (select count(*) from attempts_live l where q.job_id is not null and l.job_id = j.id"
            "  and l.state in ('running', 'finishing')) as running,"
            " j.submitted_at, coalesce(q.started_at, j.started_at) as started_at, j.finished_at"
            " from unnest($3::bigint[]) w(id) join lateral (select * from jobs where id = w.id offset 0) j "
            "on true"
            " join lateral (select name from users where id = j.user_id offset 0) u on true"
            " left join lateral (select * from job_queue where job_id = w.id offset 0) q on true"
            " where $1 or j.project_id = any($2) order by j.id");

        bind_bool(st, who->all);
        bind_ints(st, who->projects, who->all ? 0 : who->count);
        bind_ints(st, jobs, n);
        return db_query(st, ret, err);
}

int store_timeline(struct db *db, int64_t job, int64_t first, int64_t since, int limit, struct rows **ret,
                   struct err *err)
{
        struct stmt *st =
            db_stmt(db, "timeline",
                    "select a.task, a.attempt, s.name as site, a.state, a.outcome, a.placed_at, "
                    "a.started_at, a.ended_at,"
                    " max(a.task) over () as last from (select * from (select * from (select task, attempt, "
                    "site_id, state, outcome, placed_at, started_at, ended_at"
                    "   from attempts where job_id = $1 and task >= $2 and ended_at >= $3"
                    "   order by task, attempt limit $4) ended"
                    "  union all select * from (select task, attempt, site_id, state, null::text, placed_at,"
                    "   started_at, null::timestamptz"
                    "   from attempts_live where job_id = $1 and task >= $2 order by task limit $4) open) u"
                    "  order by task, attempt limit $4) a"
                    " left join sites s on s.id = a.site_id order by a.task, a.attempt");

        bind_int(st, job);
        bind_int(st, first);
        bind_time(st, since);
        bind_int(st, limit);
        return db_query(st, ret, err);
}
