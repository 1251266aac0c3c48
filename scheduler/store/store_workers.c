/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_workers.h"

int store_workers_list(struct db *db, const char *site, int64_t id, struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "workers_list",
            "select s.name as site, w.id, h.address as host, a.unix_user as user, w.link, w.link_text,"
            " w.link_at as since, w.hostname, w.machine, w.features, coalesce(w.offer_cpus, w.cpus) as cpus,"
            " coalesce(w.offer_memory, w.memory) as memory, coalesce(w.offer_gpus, 0) as gpus, w.offer_cpus,"
            " w.offer_memory, w.offer_gpus, w.offer_slots, w.offer_custom, w.disk_free, w.disk_total,"
            " w.memory_available, w.load, w.clock_skew_ms, w.running, w.seen_at, w.intent, w.intent_by,"
            " w.intent_at, w.intent_why, coalesce(u.cpus, 0) as used_cpus,"
            " coalesce(u.memory, 0) as used_memory, coalesce(u.gpus, 0) as used_gpus,"
            " coalesce(u.tasks, 0) as used_tasks"
            " from workers w join sites s on s.id = w.site_id join hosts h on h.id = w.host_id"
            " join accounts a on a.id = w.account_id"
            " left join (select l.worker_id, sum(l.n) as tasks,"
            "   sum(l.n * (j.spec->'resources'->>'cpus')::bigint) as cpus,"
            "   sum(l.n * (j.spec->'resources'->>'memory')::bigint) as memory,"
            "   sum(l.n * (j.spec->'resources'->>'gpus')::bigint) as gpus"
            "  from (select worker_id, job_id, count(*) as n from attempts_live group by worker_id, job_id) l"
            "  join jobs j on j.id = l.job_id group by l.worker_id) u on u.worker_id = w.id"
            " where w.removed_at is null and s.removed_at is null and ($1::text is null or s.name = $1)"
            " and ($2 = 0 or w.id = $2) order by s.name collate \"C\", w.id");

        bind_text(st, site);
        bind_int(st, id);
        return db_query(st, ret, err);
}

int store_worker_intent(struct db *db, int64_t id, const char *intent, const char *by, const char *why,
                        struct err *err)
{
        struct stmt *st = db_stmt(db, "worker_intent",
                                  "update workers set intent = $2, intent_by = $3, intent_at = now(),"
                                  " intent_why = $4 where id = $1 and removed_at is null");

        bind_int(st, id);
        bind_text(st, intent);
        bind_text(st, by);
        bind_text(st, why);
        return (int)db_exec(st, err);
}

/* One row with `found` and `gone`: what the statement saw and took out. */
static int take_out(struct stmt *st, enum taken_out *ret, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (db_query(st, &r, err) < 0)
                return -1;
        rows_next(r);
        *ret = !row_int(r, "found") ? TAKEN_OUT_UNKNOWN : !row_int(r, "gone") ? TAKEN_OUT_BUSY : TAKEN_OUT;
        return 0;
}

int store_host_remove(struct db *db, int32_t site, const char *address, int64_t port, enum taken_out *ret,
                      struct err *err)
{
        struct stmt *st =
            db_stmt(db, "host_remove",
                    "with found as (select id from hosts where site_id = $1 and address = $2 and port = $3"
                    "  and removed_at is null),"
                    " gone as (update hosts set removed_at = now() where id in (select id from found)"
                    "  and not exists (select from attempts_live l join workers w on w.id = l.worker_id"
                    "   where w.host_id in (select id from found)) returning id),"
                    " w as (update workers set removed_at = now() where host_id in (select id from gone)"
                    "  and removed_at is null)"
                    " select (select count(*) from found) as found, (select count(*) from gone) as gone");

        bind_int(st, site);
        bind_text(st, address);
        bind_int(st, port);
        return take_out(st, ret, err);
}

int store_account_remove(struct db *db, int32_t site, const char *user, int32_t project, enum taken_out *ret,
                         struct err *err)
{
        struct stmt *st =
            db_stmt(db, "account_remove",
                    "with found as (select id from accounts where site_id = $1 and unix_user = $2"
                    "  and project_id is not distinct from nullif($3, 0) and removed_at is null),"
                    " gone as (update accounts set removed_at = now(), sealed_key = null"
                    "  where id in (select id from found)"
                    "  and not exists (select from attempts_live l join workers w on w.id = l.worker_id"
                    "   where w.account_id in (select id from found)) returning id),"
                    " w as (update workers set removed_at = now() where account_id in (select id from gone)"
                    "  and removed_at is null)"
                    " select (select count(*) from found) as found, (select count(*) from gone) as gone");

        bind_int(st, site);
        bind_text(st, user);
        bind_int(st, project);
        return take_out(st, ret, err);
}
