/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_facets.h"

#include "store/jobs_sql.h"

/* The values of one column, counted. */
#define VALUES_OF(kind, column)                                                                              \
        " union all (select '" kind "', " column "::text, null, count(*), count(*) filter (where state = "   \
        "'failed')"                                                                                          \
        "  from fits group by " column " order by 4 desc, 2 limit $14)"

#define FACETS(run, state)                                                                                   \
        "with run as materialized (select * from " run " w),"                                                \
        " fits as materialized (select r.id, r.name, r.submitted_at, p.name as project, u.name as "          \
        "user_name,"                                                                                         \
        "   case when q.taken then 'active' else r.state end as state"                                       \
        "  from run join lateral (select id, project_id, user_id, name, labels, state, submitted_at from "   \
        "jobs"                                                                                               \
        "   where id = run.id offset 0) r on true"                                                           \
        "  left join lateral (select taken from job_queue where job_id = run.id offset 0) q on true"         \
        "  left join projects p on p.id = r.project_id left join users u on u.id = r.user_id"                \
        "  where " state " and " JOB_FITS ")"                                                                \
        " select 'looked' as kind, null::text as value, null::timestamptz as at, count(*) as jobs,"          \
        "  0::bigint as failed from run"                                                                     \
        " union all select 'fits', null, null, count(*), 0 from fits" VALUES_OF("state", "state")            \
            VALUES_OF("project", "project") VALUES_OF("user", "user_name") VALUES_OF(                        \
                "name",                                                                                      \
                "name") " union all (select 'hour', null, h, n, failed from (select date_trunc('hour', "     \
                        "submitted_at)"                                                                      \
                        " as h, count(*) as n, count(*) filter (where state = 'failed') as failed from fits" \
                        " group by 1 order by 1 desc limit $15) hours order by h)"

static void bind_facets(struct stmt *st, const struct jobs_filter *f)
{
        bind_bool(st, f->who.all);
        bind_ints(st, f->who.projects, f->who.all ? 0 : f->who.count);
        bind_int(st, f->before);
        bind_int(st, FACETS_SCAN_MAX);
        bind_text(st, f->state);
        bind_text(st, f->name);
        bind_int(st, f->name_how);
        bind_text(st, f->user);
        bind_text(st, f->label);
        bind_text(st, f->label_value);
        bind_time(st, f->since);
        bind_time(st, f->until);
        bind_int(st, f->after);
        bind_int(st, FACETS_VALUES);
        bind_int(st, FACETS_HOURS);
}

int store_job_facets(struct db *db, const struct jobs_filter *f, struct rows **ret, struct err *err)
{
        bool live = f->state && f->state[0] == 'a'; /* accepted, active */
        struct stmt *st =
            f->site ? db_stmt(db, "job_facets_site",
                              FACETS(SITE_RUN("$13", "$16"), "($1 or r.project_id = any($2))"
                                                             " and ($5::text is null or " RUN_STATE " = $5)"))
            : live  ? db_stmt(db, "job_facets_live",
                              FACETS(LIVE_RUN("$13"), "($1 or r.project_id = any($2))"
                                                       " and run.taken = ($5::text = 'active')"))
                    : db_stmt(db, "job_facets", FACETS(JOB_RUN("$13"), "($5::text is null or r.state = $5)"));

        bind_facets(st, f);
        if (f->site)
                bind_text(st, f->site);
        return db_query(st, ret, err);
}
