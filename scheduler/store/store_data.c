/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_data.h"

static void bind_visible(struct stmt *st, const struct visible *who)
{
        bind_bool(st, who->all);
        bind_ints(st, who->projects, who->all ? 0 : who->count);
}

int store_datasets_list(struct db *db, const struct visible *who, const char *name, int64_t before, int limit,
                        struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "datasets_list",
            "select d.id, d.name, p.name as project, d.made_by, d.made_at, d.job_id, d.sealed_at, d.files, "
            "d.bytes, d.expires_at,"
            " coalesce((select json_agg(json_build_object('site', s.name, 'root', ds.root, 'files', ds.files,"
            "   'bytes', ds.bytes, 'missing', greatest(d.bytes - ds.bytes, 0),"
            "   'complete', d.sealed_at is not null and ds.files >= d.files,"
            "   'copy', ds.copy, 'suspect', ds.suspect, 'used_at', " JSON_TIME(
                "ds.used_at") ","
                              "   'checked_at', " JSON_TIME(
                                  "ds.checked_at") ", 'pinned_by', ds.pinned_by,"
                                                   "   'pinned_at', " JSON_TIME(
                                                       "ds.pinned_at") ") order by s.name, ds.root)"
                                                                       "  from dataset_sites ds join sites s "
                                                                       "on s.id = ds.site_id where "
                                                                       "ds.dataset_id = d.id), '[]') as "
                                                                       "sites"
                                                                       ", case when d.policy_by is not null "
                                                                       "then json_build_object('sites', "
                                                                       "to_json(d.policy_sites),"
                                                                       " 'labels', to_json(d.policy_labels), "
                                                                       "'by', d.policy_by) end as policy"
                                                                       " from datasets d join projects p on "
                                                                       "p.id = d.project_id"
                                                                       " where d.removed_at is null and ($1 "
                                                                       "or d.project_id = any($2)) and "
                                                                       "($3::text is null or d.name "
                                                                       "= $3)"
                                                                       " and d.id < $4 order by d.id desc "
                                                                       "limit $5");

        bind_visible(st, who);
        bind_text(st, name);
        bind_int(st, before);
        bind_int(st, limit);
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
            "select f.size, r.site_id, s.name as site, w.id as worker, r.root, ds.is_file,"
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
                    "update datasets d set removed_at = now(), name = name || '#' || id where id = $1"
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
