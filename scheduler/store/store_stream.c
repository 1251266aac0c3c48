/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_stream.h"

int store_jobs_visible(struct db *db, const struct visible *who, const int64_t *ids, size_t n,
                       struct rows **ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "jobs_visible",
                    "select j.id from jobs j where ($1 or j.project_id = any($2)) and j.id = any($3)");

        bind_bool(st, who->all);
        bind_ints(st, who->projects, who->all ? 0 : who->count);
        bind_ints(st, ids, n);
        return db_query(st, ret, err);
}

int store_events_newest(struct db *db, int64_t *ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "events_newest",
                    "select coalesce((select seq from events order by seq desc limit 1), 0) as seq");
        AUTO_ROWS struct rows *r = NULL;

        if (db_query(st, &r, err) < 0)
                return -1;
        rows_next(r);
        *ret = row_int(r, "seq");
        return 0;
}

int store_events_since(struct db *db, int64_t after, struct rows **ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "events_since",
                    "select e.seq, e.at, e.kind, e.job_id, e.task, s.name as site, e.actor, e.text,"
                    " j.project_id from (select * from events where seq > $1 order by seq limit $2) e"
                    " left join sites s on s.id = e.site_id left join jobs j on j.id = e.job_id"
                    " order by e.seq");

        bind_int(st, after);
        bind_int(st, STREAM_EVENTS_MAX);
        return db_query(st, ret, err);
}

/* Whole rows, so that what is added to them later counts without a change here. */
int store_job_digests(struct db *db, const int64_t *ids, size_t n, struct rows **ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "job_digests",
                    "select j.id, hashtextextended(concat(j.state, j.finished_at, j.message, q::text), 0)"
                    "  # coalesce((select bit_xor(hashtextextended(l::text, 0)) from attempts_live l"
                    "   where l.job_id = j.id and q.job_id is not null), 0)"
                    "  # (select hashint8extended(count(*), 0) from task_queue t"
                    "   where t.job_id = j.id and q.job_id is not null)"
                    "  # coalesce((select bit_xor(hashtextextended(r::text, 0)) from attempt_progress r"
                    "   where r.job_id = j.id and q.job_id is not null), 0)"
                    "  # coalesce((select hashtextextended(p::text, 0) from job_pace p"
                    "   where p.job_id = j.id and q.job_id is not null), 0) as digest"
                    " from jobs j left join job_queue q on q.job_id = j.id where j.id = any($1)");

        bind_ints(st, ids, n);
        return db_query(st, ret, err);
}
