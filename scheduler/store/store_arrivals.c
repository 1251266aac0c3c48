/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_arrivals.h"

#include "common/util.h"

#include <stddef.h>

/* ---- opening ---- */

/* The newest version of the name, locked: two who make the next one at once come one after the other. */
static int newest(struct db *db, const char *base, struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(db, "arrival_newest",
                                  "select id, name, version, project_id, job_id from datasets where base = $1"
                                  " and removed_at is null order by version desc limit 1 for update");

        bind_text(st, base);
        return db_query(st, ret, err);
}

/* While there is one version its name is the bare one. */
static int name_first(struct db *db, int64_t id, const char *base, struct err *err)
{
        AUTO_FREE char *name = xasprintf("%s@1", base);
        struct stmt *st = db_stmt(db, "arrival_first", "update datasets set name = $2 where id = $1");

        bind_int(st, id);
        bind_text(st, name);
        return db_exec(st, err) < 0 ? -1 : 0;
}

static int add_dataset(struct db *db, const struct arrival_new *a, const char *name, int64_t *ret_id,
                       struct err *err)
{
        struct stmt *st = db_stmt(
            db, "arrival_dataset",
            "insert into datasets (name, project_id, made_by, policy_sites, policy_labels, policy_by) values"
            " ($1, $2, $3, $4::text[], $5::text[], $6) returning id");
        bool policy = a->policy_site_count || a->policy_label_count;
        AUTO_ROWS struct rows *r = NULL;

        bind_text(st, name);
        bind_int(st, a->project);
        bind_text(st, a->made_by);
        bind_texts(st, a->policy_sites, a->policy_site_count);
        bind_texts(st, a->policy_labels, a->policy_label_count);
        bind_text(st, policy ? a->made_by : NULL);
        if (db_query(st, &r, err) < 0)
                return -1;
        rows_next(r);
        *ret_id = row_int(r, "id");
        return 0;
}

static int add_arrival(struct db *db, int64_t dataset, const struct arrival_new *a, struct err *err)
{
        struct stmt *st = db_stmt(db, "arrival_add",
                                  "insert into arrivals (dataset_id, kind, site_id, root) values"
                                  " ($1, $2, nullif($3::integer, 0), $4)");

        bind_int(st, dataset);
        bind_text(st, a->kind);
        bind_int(st, a->site);
        bind_text(st, a->root);
        return db_exec(st, err) < 0 ? -1 : 0;
}

/* The place of an import stands from its start, with what is listed of it. */
static int add_place(struct db *db, int64_t dataset, const struct arrival_new *a, struct err *err)
{
        struct stmt *st = db_stmt(db, "arrival_place",
                                  "insert into dataset_sites (dataset_id, site_id, root, checked_at) values"
                                  " ($1, $2, $3, null)");

        bind_int(st, dataset);
        bind_int(st, a->site);
        bind_text(st, a->root);
        return db_exec(st, err) < 0 ? -1 : 0;
}

int store_arrival_open(struct db *db, const struct arrival_new *a, int64_t *ret_id, char **ret_name,
                       struct err *err)
{
        AUTO_FREE char *name = xstrdup(a->base);
        AUTO_ROWS struct rows *r = NULL;

        if (newest(db, a->base, &r, err) < 0)
                return -1;
        if (rows_next(r)) {
                int64_t version = row_int(r, "version");

                if (!a->new_version || row_int(r, "project_id") != a->project)
                        return 0;
                if (version >= ARRIVAL_VERSIONS_MAX)
                        return err_set(err, ERR_LIMIT, "a dataset has at most %d versions",
                                       ARRIVAL_VERSIONS_MAX);
                if (version == 1 && name_first(db, row_int(r, "id"), a->base, err) < 0)
                        return -1;
                free(name);
                name = xasprintf("%s@%lld", a->base, (long long)version + 1);
        }
        if (add_dataset(db, a, name, ret_id, err) < 0 || add_arrival(db, *ret_id, a, err) < 0)
                return -1;
        if (a->root && add_place(db, *ret_id, a, err) < 0)
                return -1;
        *ret_name = MOVE(name);
        return 1;
}

int store_arrival_lock(struct db *db, int64_t dataset, struct rows **ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "arrival_lock",
                    "select a.kind, a.state, a.site_id, s.name as site, a.root, a.files, a.bytes,"
                    " a.received_files from arrivals a left join sites s on s.id = a.site_id"
                    " where a.dataset_id = $1 for update of a");

        bind_int(st, dataset);
        return db_query(st, ret, err);
}

/* ---- files ---- */

static void bind_files(struct stmt *st, const struct arrival_file *f, size_t n)
{
        bind_column_text(st, &f->path, sizeof *f, n);
        bind_column_text(st, &f->url, sizeof *f, n);
        bind_column_i64(st, &f->size, sizeof *f, n);
        bind_column_bytes(st, &f->sha256, sizeof *f, n, 32);
}

#define FILES_GIVEN "unnest($2::text[], $3::text[], $4::bigint[], $5::bytea[]) as n (path, url, size, sha256)"

int store_arrival_conflicts(struct db *db, int64_t dataset, bool listed, const struct arrival_file *f,
                            size_t n, struct rows **ret, struct err *err)
{
        static const char named[] =
            "select n.path from " FILES_GIVEN
            " join arrival_files f on f.dataset_id = any(array[$1::bigint]) and"
            " f.path = n.path where f.size is distinct from coalesce(n.size, f.size) or f.sha256 is distinct "
            "from"
            " coalesce(n.sha256, f.sha256) or f.url is distinct from n.url order by n.path limit $6";
        static const char in_catalog[] =
            "select n.path from " FILES_GIVEN
            " join files f on f.dataset_id = any(array[$1::bigint]) and f.path"
            " = n.path where f.size <> n.size or f.sha256 <> n.sha256 order by n.path limit $6";
        struct stmt *st = listed ? db_stmt(db, "arrival_conflicts_listed", in_catalog)
                                 : db_stmt(db, "arrival_conflicts", named);

        bind_int(st, dataset);
        bind_files(st, f, n);
        bind_int(st, ARRIVAL_CONFLICTS_MAX);
        return db_query(st, ret, err);
}

int store_arrival_name(struct db *db, int64_t dataset, const struct arrival_file *f, size_t n,
                       struct err *err)
{
        struct stmt *st = db_stmt(
            db, "arrival_name",
            "with new as (insert into arrival_files (dataset_id, path, url, size, sha256) select $1::bigint,"
            " path, url, size, sha256 from " FILES_GIVEN
            " on conflict (dataset_id, path) do nothing returning"
            " size) update arrivals set files = files + (select count(*) from new), bytes = bytes +"
            " coalesce((select sum(size) from new), 0), touched_at = now() where dataset_id = $1::bigint");

        bind_int(st, dataset);
        bind_files(st, f, n);
        return db_exec(st, err) < 0 ? -1 : 0;
}

int store_arrival_list(struct db *db, int64_t dataset, const struct arrival_file *f, size_t n,
                       struct err *err)
{
        struct stmt *st = db_stmt(
            db, "arrival_list",
            "with a as (select site_id, root from arrivals where dataset_id = $1::bigint),"
            " new as (insert into files (dataset_id, path, size, sha256) select $1::bigint, path, size, "
            "sha256"
            " from " FILES_GIVEN " on conflict (dataset_id, path) do nothing returning path, size),"
            " placed as (insert into replicas (dataset_id, path, site_id, root, state) select $1::bigint,"
            " new.path, a.site_id, a.root, 'present' from new, a),"
            " sums as (select count(*)::integer as files, coalesce(sum(size), 0)::bigint as bytes from new),"
            " place as (update dataset_sites p set files = p.files + s.files, bytes = p.bytes + s.bytes from "
            "a,"
            " sums s where p.dataset_id = $1::bigint and p.site_id = a.site_id and p.root = a.root),"
            " whole as (update datasets d set files = d.files + s.files, bytes = d.bytes + s.bytes from sums "
            "s"
            " where d.id = $1::bigint)"
            " update arrivals v set files = v.files + s.files, bytes = v.bytes + s.bytes, touched_at = now()"
            " from sums s where v.dataset_id = $1::bigint");

        bind_int(st, dataset);
        bind_files(st, f, n);
        return db_exec(st, err) < 0 ? -1 : 0;
}

int store_arrival_files(struct db *db, int64_t dataset, const char *after_path, int limit, struct rows **ret,
                        struct err *err)
{
        struct stmt *st = db_stmt(db, "arrival_files",
                                  "select path, size, sha256, received, complete from arrival_files where"
                                  " dataset_id = $1 and path > $2 order by path limit $3");

        bind_int(st, dataset);
        bind_text(st, after_path);
        bind_int(st, limit);
        return db_query(st, ret, err);
}

/* ---- uploads ---- */

int store_arrival_file(struct db *db, int64_t dataset, const char *path, struct rows **ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "arrival_file",
                    "select size, sha256, received, complete from arrival_files where dataset_id ="
                    " $1 and path = $2");

        bind_int(st, dataset);
        bind_text(st, path);
        return db_query(st, ret, err);
}

int store_arrival_received(struct db *db, int64_t dataset, const char *path, int64_t received, bool complete,
                           const uint8_t *sha256, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "arrival_received",
            "with old as (select received, complete from arrival_files where dataset_id = $1::bigint and "
            "path ="
            " $2::text for update), new as (update arrival_files set received = $3::bigint, complete ="
            " $4::boolean, sha256 = coalesce($5::bytea, sha256) where dataset_id = $1::bigint and path ="
            " $2::text) update arrivals a set received_bytes = a.received_bytes + $3::bigint - old.received,"
            " received_files = a.received_files + $4::boolean::integer - old.complete::integer, touched_at ="
            " now() from old where a.dataset_id = $1::bigint");

        bind_int(st, dataset);
        bind_text(st, path);
        bind_int(st, received);
        bind_bool(st, complete);
        bind_bytes(st, sha256, sha256 ? 32 : 0);
        return db_exec(st, err) < 0 ? -1 : 0;
}

int store_arrival_promised(struct db *db, int32_t project, struct rows **ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "arrival_promised",
                    "select coalesce(sum(a.bytes), 0)::bigint as all, coalesce(sum(a.bytes) filter (where"
                    " d.project_id = $1), 0)::bigint as project from arrivals a join datasets d on d.id ="
                    " a.dataset_id where a.kind = 'upload' and d.removed_at is null");

        bind_int(st, project);
        return db_query(st, ret, err);
}

int store_arrival_missing(struct db *db, int64_t dataset, struct rows **ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "arrival_missing",
                    "select path, received, size from arrival_files where dataset_id = $1 and not"
                    " complete order by path limit 1");

        bind_int(st, dataset);
        return db_query(st, ret, err);
}

/* ---- the end ---- */

int store_arrival_seal(struct db *db, int64_t dataset, bool at_once, struct err *err)
{
        static const char now[] = "with a as (delete from arrivals where dataset_id = $1)"
                                  " update datasets set sealed_at = now() where id = $1";
        static const char later[] =
            "update arrivals set state = 'waiting', since = now(), touched_at = now(), tries = 0, not_before "
            "="
            " null, message = null where dataset_id = $1 and state in ('filling', 'failed')";
        struct stmt *st = at_once ? db_stmt(db, "arrival_sealed", now) : db_stmt(db, "arrival_seal", later);

        bind_int(st, dataset);
        return db_exec(st, err) < 0 ? -1 : 0;
}

int store_arrivals_alive(struct db *db, const int64_t *datasets, size_t n, struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(db, "arrivals_alive",
                                  "select dataset_id from arrivals where dataset_id = any($1::bigint[])");

        bind_ints(st, datasets, n);
        return db_query(st, ret, err);
}

/* ---- prefixes of URLs ---- */

int store_url_prefixes(struct db *db, struct rows **ret, struct err *err)
{
        return db_query(db_stmt(db, "url_prefixes",
                                "select u.id, u.prefix, s.name as site, u.site_id, u.private,"
                                " to_json(u.redirects) as redirects, u.made_by, u.made_at from url_prefixes u"
                                " left join sites s on s.id = u.site_id where s.removed_at is null order by"
                                " u.prefix collate \"C\", u.id limit 1000"),
                        ret, err);
}

int store_url_prefix_add(struct db *db, const char *prefix, int32_t site, bool private_too,
                         const char *const *redirects, size_t n, const char *by, int64_t *ret_id,
                         struct err *err)
{
        struct stmt *st = db_stmt(db, "url_prefix_add",
                                  "insert into url_prefixes (prefix, site_id, private, redirects, made_by)"
                                  " values ($1, nullif($2::integer, 0), $3, $4::text[], $5) returning id");
        AUTO_ROWS struct rows *r = NULL;

        bind_text(st, prefix);
        bind_int(st, site);
        bind_bool(st, private_too);
        bind_texts(st, redirects, n);
        bind_text(st, by);
        if (db_query(st, &r, err) < 0)
                return -1;
        rows_next(r);
        *ret_id = row_int(r, "id");
        return 0;
}

int store_url_prefix_remove(struct db *db, int64_t id, struct err *err)
{
        struct stmt *st = db_stmt(db, "url_prefix_remove", "delete from url_prefixes where id = $1");

        bind_int(st, id);
        return (int)db_exec(st, err);
}
