/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_hints.h"

#include "store/jobs_sql.h"

/* $5: the user. */
#define OWN                                                                                                  \
        "own as materialized (select j.id, j.name, j.state, j.submitted_at, j.spec from " JOB_RUN(           \
            "0") " run"                                                                                      \
                 "  join jobs j on j.id = run.id where j.user_id = $5 order by j.id desc)"

static void bind_own(struct stmt *st, const struct visible *who, int32_t user)
{
        bind_bool(st, who->all);
        bind_ints(st, who->projects, who->all ? 0 : who->count);
        bind_int(st, INT64_MAX);
        bind_int(st, HINTS_SCAN_MAX);
        bind_int(st, user);
}

int store_hint_names(struct db *db, const struct visible *who, int32_t user, struct rows **ret,
                     struct err *err)
{
        struct stmt *st = db_stmt(db, "hint_names",
                                  "with " OWN " select name, count(*) as jobs from own group by name"
                                  " order by max(id) desc limit $6");

        bind_own(st, who, user);
        bind_int(st, HINTS_NAMES_MAX);
        return db_query(st, ret, err);
}

int store_hint_past(struct db *db, const struct visible *who, int32_t user, const char *name,
                    struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "hint_past",
            "with " OWN ", past as materialized (select id, submitted_at, spec from own where name = $6"
            "  and state in ('succeeded', 'failed', 'cancelled') order by id desc limit $7),"
            " tried as materialized (select a.job_id, a.memory_peak, a.wall_us,"
            "   case when a.wall_us >= 1000000 then (a.user_us + a.system_us)::float8 / a.wall_us end as cpus"
            "  from past p join lateral (select job_id, memory_peak, wall_us, user_us, system_us from "
            "attempts"
            "   where job_id = p.id and ended_at >= p.submitted_at and state = 'succeeded' limit $8) a on "
            "true"
            "  limit $8)"
            " select (select count(distinct job_id) from tried) as jobs,"
            " (select min(submitted_at) from past where id in (select job_id from tried)) as since,"
            " (select count(*) from tried) as attempts, (select max(memory_peak) from tried) as memory_peak,"
            " (select max(cpus) from tried) as cpus_used,"
            " (select max(wall_us) from tried)::float8 / 1000000 as wall_max,"
            " (select nullif(max((spec->'resources'->>'memory')::bigint), 0) from past) as memory_asked,"
            " (select max((spec->'resources'->>'cpus')::bigint) from past) as cpus_asked,"
            " (select max((spec->>'time_limit_ms')::bigint) from past)::float8 / 1000 as time_asked");

        bind_own(st, who, user);
        bind_text(st, name);
        bind_int(st, HINTS_JOBS_MAX);
        bind_int(st, HINTS_ATTEMPTS_MAX);
        return db_query(st, ret, err);
}
