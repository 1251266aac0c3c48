/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_copies.h"

#include "store/store_data.h"

int store_dataset_history(struct db *db, const struct visible *who, int64_t dataset, struct rows **ret,
                          struct err *err)
{
        struct stmt *st = db_stmt(
            db, "dataset_history",
            "select (select json_build_object('job', j.id, 'name', j.name, 'user', (select u.name from users "
            "u where u.id = j.user_id), 'state', j.state,"
            "  'inputs', coalesce((select json_agg(split_part(s.name, '#', 1) order by i.position) from "
            "job_inputs i"
            "   join datasets s on s.id = i.dataset_id where i.job_id = j.id), '[]'))"
            "  from datasets d join jobs j on j.id = d.job_id where d.id = $1"
            "  and ($2 or j.project_id = any($3))) as lineage,"
            " coalesce((select json_agg(json_build_object('job', u.id, 'name', u.name, 'user', u.user_name,"
            "  'state', u.state, 'submitted_at', " JSON_TIME(
                "u.submitted_at") ") order by u.id desc) from"
                                  "  (select j.id, j.name, (select n.name from users n where n.id = "
                                  "j.user_id) as user_name, j.state, j.submitted_at from job_inputs i"
                                  "   join jobs j on j.id = i.job_id where i.dataset_id = $1 and ($2 or "
                                  "j.project_id = any($3))"
                                  "   order by j.id desc limit $4) u), '[]') as used_by,"
                                  /* the jobs that one may not see are use as well */
                                  " (with m as (select j.submitted_at, coalesce(j.task_count, j.last_task -"
                                  " j.first_task + 1) as tasks from (select i.job_id from job_inputs i where"
                                  " i.dataset_id = $1 order by i.job_id desc limit $5) i join jobs j on j.id "
                                  "="
                                  " i.job_id), n as (select * from m where submitted_at > now() - interval "
                                  "'30"
                                  " days'), d as (select (submitted_at at time zone 'utc')::date as day,"
                                  " count(*) as jobs, sum(tasks)::bigint as tasks from n group by 1)"
                                  " select json_build_object('last_at', (select " JSON_TIME(
                                      "max(submitted_at)") " from m), 'jobs', (select count(*) from n), "
                                                           "'more', (select count(*) from m) >="
                                                           " $5, 'days', coalesce((select "
                                                           "json_agg(json_build_object('day', day, 'jobs',"
                                                           " jobs, 'tasks', tasks) order by day desc) from "
                                                           "d), '[]'))) as reads");

        bind_int(st, dataset);
        bind_bool(st, who->all);
        bind_ints(st, who->projects, who->all ? 0 : who->count);
        bind_int(st, USED_BY_MAX);
        bind_int(st, READS_MAX);
        return db_query(st, ret, err);
}

int store_dataset_where(struct db *db, int64_t dataset, struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "dataset_where",
            "select s.name, coalesce(p.files, 0) as files, coalesce(p.bytes, 0) as bytes,"
            " greatest(d.bytes - coalesce(p.bytes, 0), 0) as missing,"
            " coalesce(p.files >= d.files and not p.suspect and d.sealed_at is not null, false) as complete,"
            " coalesce(p.suspect, false) as suspect,"
            " exists (select from transfers t where t.dataset_id = d.id and t.to_site = s.id"
            "  and t.state in ('queued', 'active', 'verifying')) as coming,"
            " coalesce(s.id = any(reeve_allowed_sites(d.policy_sites, d.policy_labels)), true) as allowed"
            " from datasets d cross join sites s left join lateral (select files, bytes, suspect from"
            "  dataset_sites ds where ds.dataset_id = d.id and ds.site_id = s.id"
            "  order by ds.suspect, ds.files desc, ds.root limit 1) p on true"
            " where d.id = $1 and s.removed_at is null order by s.name collate \"C\"");

        bind_int(st, dataset);
        return db_query(st, ret, err);
}

int store_site_allowed(struct db *db, int64_t dataset, int32_t site, struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "site_allowed",
            "select coalesce(s.id = any(reeve_allowed_sites(d.policy_sites, d.policy_labels)), true) as"
            " allowed, s.data_accept as accept from datasets d, sites s where d.id = $1 and s.id = $2");

        bind_int(st, dataset);
        bind_int(st, site);
        return db_query(st, ret, err);
}

int store_copy_uses(struct db *db, int64_t dataset, int32_t site, struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "copy_uses",
            "select count(*) filter (where p.site_id = $2) as places,"
            " bool_or(p.site_id = $2 and not p.copy) as own,"
            " max(p.pinned_by) filter (where p.site_id = $2) as pinned_by,"
            " count(*) filter (where p.site_id <> $2 and not p.suspect and p.files >= d.files) as others,"
            " (select min(q.job_id) from job_inputs i join job_queue q on q.job_id = i.job_id"
            "  where i.dataset_id = $1) as reader,"
            " (select min(t.id) from transfers t where t.dataset_id = $1"
            "  and t.state in ('queued', 'active', 'verifying')) as transfer"
            " from datasets d left join dataset_sites p on p.dataset_id = d.id where d.id = $1");

        bind_int(st, dataset);
        bind_int(st, site);
        return db_query(st, ret, err);
}

/* Sites where something of dataset d is or will be. */
#define PRESENT                                                                                              \
        "(select dataset_id, site_id, null::bigint as transfer from dataset_sites union all"                 \
        " select dataset_id, to_site, id from transfers where state in ('queued', 'active', 'verifying')) p"
#define NOT_ALLOWED "p.site_id <> all(reeve_allowed_sites(d.policy_sites, d.policy_labels))"

int store_policy_outside(struct db *db, int64_t dataset, struct rows **ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "policy_outside",
                    "select s.name as site, min(p.transfer) as transfer from datasets d join " PRESENT
                    " on p.dataset_id = d.id join sites s on s.id = p.site_id and s.removed_at is"
                    " null where d.id = $1 and " NOT_ALLOWED
                    " group by s.name order by s.name collate \"C\" limit $2");

        bind_int(st, dataset);
        bind_int(st, OUTSIDE_MAX);
        return db_query(st, ret, err);
}

int store_site_outside(struct db *db, int32_t site, struct rows **ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "site_outside",
                    "select distinct d.name as dataset from datasets d join " PRESENT
                    " on p.dataset_id = d.id where p.site_id = $1 and d.policy_by is not null and"
                    " d.removed_at is null and " NOT_ALLOWED " order by d.name limit $2");

        bind_int(st, site);
        bind_int(st, OUTSIDE_MAX);
        return db_query(st, ret, err);
}

int store_dataset_expire(struct db *db, int64_t dataset, int64_t at, struct err *err)
{
        struct stmt *st = db_stmt(db, "dataset_expire",
                                  "update datasets set expires_at = $2 where id = $1 and removed_at is null");

        bind_int(st, dataset);
        bind_time(st, at);
        return (int)db_exec(st, err);
}

int store_transfer_show(struct db *db, const struct visible *who, int64_t id, struct rows **ret,
                        struct err *err)
{
        struct stmt *st = db_stmt(
            db, "transfer_show",
            "select t.id, t.why, d.name as dataset, t.state, case when t.why = 'job' then (select "
            "min(q.job_id) from"
            " job_inputs i join job_queue q on q.job_id = i.job_id where i.dataset_id = t.dataset_id) end as"
            " reader from transfers t join datasets d on d.id = t.dataset_id"
            " where t.id = $1 and ($2 or d.project_id = any($3))");

        bind_int(st, id);
        bind_bool(st, who->all);
        bind_ints(st, who->projects, who->all ? 0 : who->count);
        return db_query(st, ret, err);
}
