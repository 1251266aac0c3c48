/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_data.h"

#include "store/store_arrivals.h"

static void bind_visible(struct stmt *st, const struct visible *who)
{
        bind_bool(st, who->all);
        bind_ints(st, who->projects, who->all ? 0 : who->count);
}

/* clang-format off */
#define PLACES                                                                                               \
        "coalesce((select json_agg(json_build_object('site', s.name, 'root', ds.root, 'files', ds.files,"    \
        " 'bytes', ds.bytes, 'missing', greatest(d.bytes - ds.bytes, 0),"                                    \
        " 'complete', d.sealed_at is not null and ds.files >= d.files, 'copy', ds.copy, 'suspect',"          \
        " ds.suspect, 'used_at', " JSON_TIME("ds.used_at") ", 'checked_at', " JSON_TIME("ds.checked_at")     \
        ", 'pinned_by', ds.pinned_by, 'pinned_at', " JSON_TIME("ds.pinned_at") ") order by s.name, ds.root)" \
        " from dataset_sites ds join sites s on s.id = ds.site_id where ds.dataset_id = d.id), '[]')"
/* clang-format on */
#define POLICY                                                                                               \
        "case when d.policy_by is not null then json_build_object('sites', to_json(d.policy_sites),"         \
        " 'labels', to_json(d.policy_labels), 'by', d.policy_by) end"
/* clang-format off */
#define ARRIVAL                                                                                              \
        "(select json_build_object('kind', a.kind, 'state', a.state, 'site',"                               \
        " coalesce(s.name, (select y.name from transfers t join sites y on y.id = t.to_site where t.id ="    \
        " a.transfer_id)), 'files', a.files,"                                                                \
        " 'bytes', a.bytes, 'received_files', a.received_files, 'received_bytes', a.received_bytes,"         \
        " 'moved_bytes', a.moved_bytes, 'transfer', a.transfer_id, 'message', a.message, 'expires_at', "     \
        JSON_TIME("(a.touched_at + interval '" ARRIVAL_KEEP "')") ") from arrivals a left join sites s"      \
        " on s.id = a.site_id where a.dataset_id = d.id)"
/* clang-format on */
#define DATASET                                                                                              \
        "select d.id, d.name, d.base, d.version, p.name as project, d.project_id, d.made_by, d.made_at,"     \
        " d.job_id, d.sealed_at, d.files, d.bytes, d.expires_at, " PLACES " as sites, " POLICY               \
        " as policy, " ARRIVAL " as arrival from datasets d join projects p on p.id = d.project_id "

int store_dataset_show(struct db *db, const struct visible *who, const char *name, struct rows **ret,
                       struct err *err)
{
        struct stmt *st = db_stmt(
            db, "dataset_show", DATASET "where d.id = reeve_dataset($3) and ($1 or d.project_id = any($2))");

        bind_visible(st, who);
        bind_text(st, name);
        return db_query(st, ret, err);
}

/* The newest datasets below $3 that one may see, a bounded number of them, as far as they pass. */
#define WINDOW_OF(more)                                                                                      \
        "(select * from datasets where removed_at is null and ($1 or project_id = any($2)) and id < $3" more \
        " order by id desc limit $4)"
#define WINDOW WINDOW_OF("")
/* A whole name has an index. */
#define WINDOW_NAMED WINDOW_OF(" and base = split_part($5, '@', 1)")
#define PASSES                                                                                               \
        "($5::text is null or (case when $6 then starts_with(d.base, $5) else d.base = split_part($5, '@',"  \
        " 1) and (position('@' in $5) = 0 or d.name = $5) end)) and ($7::integer is null or d.project_id ="  \
        " $7) and ($8::text is null or ($8 = 'sealed') = (d.sealed_at is not null)) and ($9::text is null"   \
        " or case $9 when 'any' then d.policy_by is not null when 'none' then d.policy_by is null else $9 =" \
        " any(d.policy_labels) end) and ($10::text is null or d.made_by = $10) and ($11::timestamptz is"     \
        " null or d.expires_at <= $11) and ($12::text is null or exists (select from dataset_sites x join"   \
        " sites y on y.id = x.site_id where x.dataset_id = d.id and y.name = $12))"

static void bind_filter(struct stmt *st, const struct datasets_filter *f, int window)
{
        bind_visible(st, &f->who);
        bind_int(st, f->before);
        bind_int(st, window);
        bind_text(st, f->name);
        bind_bool(st, f->name_prefix);
        if (f->project)
                bind_int(st, f->project);
        else
                bind_null(st);
        bind_text(st, f->state);
        bind_text(st, f->policy);
        bind_text(st, f->user);
        bind_time(st, f->expires_before);
        bind_text(st, f->site);
}

/* Where a page that was not filled ends: below the last dataset that was looked at. */
static int window_end(struct db *db, const struct datasets_filter *f, int64_t *ret_next, struct err *err)
{
        struct stmt *st = db_stmt(db, "datasets_window",
                                  "select coalesce(min(id), 0) as low, count(*) as n from " WINDOW " as w");
        AUTO_ROWS struct rows *r = NULL;

        bind_visible(st, &f->who);
        bind_int(st, f->before);
        bind_int(st, DATASETS_SCAN_MAX);
        if (db_query(st, &r, err) < 0)
                return -1;
        rows_next(r);
        *ret_next = row_int(r, "n") == DATASETS_SCAN_MAX ? row_int(r, "low") : 0;
        return 0;
}

#define LIST(window)                                                                                         \
        DATASET "where d.id = any(array(select d.id from " window " as d where " PASSES                      \
                " order by d.id desc limit $13)) order by d.id desc"

int store_datasets_list(struct db *db, const struct datasets_filter *f, struct rows **ret, int64_t *ret_next,
                        struct err *err)
{
        bool named = f->name && !f->name_prefix;
        struct stmt *st = named ? db_stmt(db, "datasets_named", LIST(WINDOW_NAMED))
                                : db_stmt(db, "datasets_list", LIST(WINDOW));

        bind_filter(st, f, DATASETS_SCAN_MAX);
        bind_int(st, f->limit);
        if (db_query(st, ret, err) < 0)
                return -1;
        *ret_next = -1; /* the last row's */
        if (rows_count(*ret) == (size_t)f->limit)
                return 0;
        *ret_next = 0; /* a name has fewer versions than a page looks at */
        return named ? 0 : window_end(db, f, ret_next, err);
}

int store_datasets_facets(struct db *db, const struct datasets_filter *f, struct rows **ret, struct err *err)
{
        static const char sql[] =
            "with m as materialized (select d.id, d.bytes, d.project_id, d.sealed_at, d.policy_by,"
            " d.policy_labels from " WINDOW " as d where " PASSES " limit $13), c as"
            " (select 'state' as kind, case when sealed_at is null then 'open' else 'sealed' end as value,"
            " count(*) as n from m group by 2 union all"
            " select 'project', p.name, count(*) from m join projects p on p.id = m.project_id group by 2 "
            "union"
            " all select 'site', s.name, count(distinct m.id) from m join dataset_sites x on x.dataset_id = "
            "m.id"
            " join sites s on s.id = x.site_id group by 2 union all"
            " select 'policy', l, count(*) from m cross join unnest(m.policy_labels) as l group by 2 union "
            "all"
            " select 'policy', case when policy_by is null then 'none' else 'any' end, count(*) from m group "
            "by"
            " 2), ranked as (select *, row_number() over (partition by kind order by n desc, value collate"
            " \"C\") as rank from c)"
            " select (select count(*) from " WINDOW
            " as w) >= $4 as more, (select count(*) from m) as datasets, (select coalesce(sum(bytes), "
            "0)::bigint from m) as"
            " bytes, (select json_object_agg(kind, list) from (select kind, "
            "json_agg(json_build_object('value',"
            " value, 'datasets', n) order by rank) as list from ranked where rank <= $14 group by kind) k) as"
            " kinds";
        struct stmt *st = db_stmt(db, "datasets_facets", sql);

        bind_filter(st, f, DATASETS_SCAN_MAX);
        bind_int(st, DATASETS_SCAN_MAX);
        bind_int(st, DATASETS_FACET_VALUES);
        return db_query(st, ret, err);
}

int store_dataset_files(struct db *db, int64_t dataset, const char *after_path, int limit, struct rows **ret,
                        struct err *err)
{
        struct stmt *st =
            db_stmt(db, "dataset_files",
                    "select path, size, sha256, task from files where dataset_id = $1 and path > $2"
                    " order by path limit $3");

        bind_int(st, dataset);
        bind_text(st, after_path);
        bind_int(st, limit);
        return db_query(st, ret, err);
}

int store_file_places(struct db *db, int64_t dataset, const char *path, struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "file_places",
            "select f.size, f.sha256, r.site_id, s.name as site, w.id as worker, r.root, ds.is_file,"
            " w.link = 'ready' as ready from files f"
            " join datasets d on d.id = f.dataset_id"
            " join replicas r on r.dataset_id = f.dataset_id and r.path = f.path and r.state = 'present'"
            " join dataset_sites ds on ds.dataset_id = r.dataset_id and ds.site_id = r.site_id and ds.root = "
            "r.root"
            " join sites s on s.id = r.site_id and s.removed_at is null"
            " join workers w on w.site_id = r.site_id and w.removed_at is null"
            " join accounts a on a.id = w.account_id"
            "  and (a.project_id is null or a.project_id = d.project_id)"
            " where f.dataset_id = $1 and f.path = $2"
            " order by (w.link = 'ready') desc, s.id, w.id limit 1");

        bind_int(st, dataset);
        bind_text(st, path);
        return db_query(st, ret, err);
}

int store_dataset_remove(struct db *db, int64_t dataset, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "dataset_remove",
                    "with a as (delete from arrivals where dataset_id = $1)"
                    " update datasets d set removed_at = now(), name = name || '#' || id where id = $1"
                    " and removed_at is null and (job_id is null or sealed_at is not null)"
                    " and not exists (select from job_inputs i join job_queue q on q.job_id = i.job_id"
                    "  where i.dataset_id = d.id)");

        bind_int(st, dataset);
        return (int)db_exec(st, err);
}

int store_call_add(struct db *db, const char *kind, int32_t site, const char *args, const char *actor,
                   int64_t *ret_id, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "call_add",
            "insert into calls (kind, site_id, args, actor) values ($1, nullif($2, 0), $3, $4) returning id");
        AUTO_ROWS struct rows *r = NULL;

        bind_text(st, kind);
        bind_int(st, site);
        bind_text(st, args);
        bind_text(st, actor);
        if (db_query(st, &r, err) < 0)
                return -1;
        rows_next(r);
        *ret_id = row_int(r, "id");
        return 0;
}

int store_call_show(struct db *db, int64_t id, struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "call_show",
            "select c.id, c.kind, s.name as site, c.actor, c.state, c.asked_at, c.ended_at, c.steps,"
            " c.result, c.message from calls c left join sites s on s.id = c.site_id where c.id = $1");

        bind_int(st, id);
        return db_query(st, ret, err);
}

int store_call_read(struct db *db, int64_t id, struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "call_read",
            "select c.state, c.message, c.result, d.bytes from calls c"
            " left join call_data d on d.call_id = c.id where c.id = $1 and c.state in ('done', 'failed')");

        bind_int(st, id);
        return db_query(st, ret, err);
}

int store_call_drop(struct db *db, int64_t id, struct err *err)
{
        struct stmt *st = db_stmt(db, "call_drop", "delete from call_data where call_id = $1");

        bind_int(st, id);
        return db_exec(st, err) < 0 ? -1 : 0;
}
