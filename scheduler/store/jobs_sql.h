/* SPDX-License-Identifier: Apache-2.0 */
/* jobs_sql.h - pieces of the statements that go through jobs; for the store_*.c that do. */
#ifndef REEVE_JOBS_SQL_H
#define REEVE_JOBS_SQL_H

/* Numbers of a run of jobs, downwards: $1 all, $2 projects, $3 before, `low` after, $4 how many; from indexes
 * alone. Each project has its own index run, so that a small project beside a large one is found at once; the
 * comparison of pairs leaves the planner no other index. */
#define JOB_RUN(low)                                                                                         \
        "(select * from (select id from jobs where $1 and id < $3 and id > " low                             \
        "  order by id desc limit $4) whole"                                                                 \
        " union all select * from (select one.id from unnest($2::bigint[]) v(project),"                      \
        "  lateral (select id from jobs where not $1 and (project_id, id) > (v.project, " low ")"            \
        "   and (project_id, id) < (v.project, $3) order by project_id desc, id desc limit $4) one) several" \
        " order by id desc limit $4)"
/* The same of live jobs: they are few beside the finished ones, and job_queue holds just them. */
#define LIVE_RUN(low)                                                                                        \
        "(select job_id as id, taken from job_queue where job_id < $3 and job_id > " low                     \
        " order by job_id desc limit $4)"

/* Numbers of the jobs of which something was sent to a site, downwards; one index holds just them. `site` is
 * its name. */
#define SITE_RUN(low, site)                                                                                  \
        "(select distinct job_id as id from decisions where site_id = (select id from sites where name "     \
        "= " site " and removed_at is null) and job_id < $3 and job_id > " low                               \
        " order by job_id desc limit $4)"
#define WAS_AT_SITE(job, site)                                                                               \
        "(" site "::text is null or exists (select from decisions d where d.site_id = (select id from sites" \
        " where name = " site " and removed_at is null) and d.job_id = " job "))"
/* The state of `r`, a job that may live or not. */
#define RUN_STATE                                                                                            \
        "(case when (select q.taken from job_queue q where q.job_id = r.id) then 'active' else r.state end)"

/* What a filter says of a job but for its state: $6 name and $7 how it is meant, $8 user, $9 and $10 label,
 * $11 and $12 submitted from and before. */
#define JOB_FITS_AS(j)                                                                                       \
        "($6::text is null or case $7 when 0 then " j ".name = $6 when 1 then starts_with(" j ".name, $6)"   \
        "  else strpos(" j ".name, $6) > 0 end)"                                                             \
        " and ($8::text is null or " j ".user_id = (select x.id from users x where x.name = $8))"            \
        " and ($9::text is null or " j ".labels->>$9 = $10::text)"                                           \
        " and ($11::timestamptz is null or " j ".submitted_at >= $11)"                                       \
        " and ($12::timestamptz is null or " j ".submitted_at < $12)"
#define JOB_FITS JOB_FITS_AS("r")

#endif
