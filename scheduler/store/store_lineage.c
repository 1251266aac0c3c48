/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_lineage.h"

#define DATASET                                                                                              \
        " d.id, split_part(d.name, '#', 1) as name, case when d.removed_at is not null then 'removed' when"  \
        " d.sealed_at is null then 'open' else 'sealed' end as state, d.files, d.bytes, d.made_at,"          \
        " ($1 or d.project_id = any($2)) as seen"
#define JOB                                                                                                  \
        " j.id, j.name, (select u.name from users u where u.id = j.user_id) as user, j.state,"               \
        " j.submitted_at, ($1 or j.project_id = any($2)) as seen"

static const struct {
        const char *name, *sql;
} steps[] = {
    [LINEAGE_MAKERS] = {"lineage_makers",
                        "select d.id as at," JOB " from datasets d join jobs j on j.id ="
                        " d.job_id where d.id = any($3::bigint[]) order by j.id desc limit $4"},
    [LINEAGE_INPUTS] = {"lineage_inputs",
                        "select i.job_id as at," DATASET " from job_inputs i join datasets d"
                        " on d.id = i.dataset_id where i.job_id = any($3::bigint[]) order by"
                        " i.job_id desc, i.position limit $4"},
    /* The newest of each, and of those the newest: a dataset that millions read costs no more than others. */
    [LINEAGE_READERS] = {"lineage_readers",
                         "select n.id as at," JOB " from unnest($3::bigint[]) as n (id) cross"
                         " join lateral (select i.job_id from job_inputs i where i.dataset_id"
                         " = n.id order by i.job_id desc limit $4) i join jobs j on j.id ="
                         " i.job_id order by j.id desc limit $4"},
    [LINEAGE_OUTPUTS] = {"lineage_outputs",
                         "select d.job_id as at," DATASET " from datasets d where d.job_id ="
                         " any($3::bigint[]) order by d.id desc limit $4"},
};

static void bind_visible(struct stmt *st, const struct visible *who)
{
        bind_bool(st, who->all);
        bind_ints(st, who->projects, who->all ? 0 : who->count);
}

int store_lineage(struct db *db, enum lineage_step step, const struct visible *who, const int64_t *ids,
                  size_t n, int limit, struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(db, steps[step].name, steps[step].sql);

        bind_visible(st, who);
        bind_ints(st, ids, n);
        bind_int(st, limit);
        return db_query(st, ret, err);
}

int store_lineage_self(struct db *db, const struct visible *who, int64_t dataset, struct rows **ret,
                       struct err *err)
{
        struct stmt *st =
            db_stmt(db, "lineage_self", "select d.id as at," DATASET " from datasets d where d.id = $3");

        bind_visible(st, who);
        bind_int(st, dataset);
        return db_query(st, ret, err);
}
