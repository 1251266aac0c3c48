/* SPDX-License-Identifier: Apache-2.0 */
#include "store/engine_arrivals.h"

#include "common/util.h"
#include "store/engine_priv.h"
#include "store/store_arrivals.h"

#include <string.h>

/* ---- reading ---- */

static void arrival_fill(const struct rows *r, void *element)
{
        struct load_arrival *a = element;

        a->dataset = row_int(r, "dataset_id");
        a->transfer = row_int(r, "transfer_id");
        a->name = row_text_copy(r, "name");
        a->made_by = row_text_copy(r, "made_by");
        a->root = row_text_copy(r, "root");
        a->kind = row_text(r, "kind")[0];
        a->project = (int32_t)row_int(r, "project_id");
        a->site = (int32_t)row_int(r, "site_id");
        a->tries = (int32_t)row_int(r, "tries");
        a->last_site = (int32_t)row_int(r, "last_site");
        a->not_before = row_time(r, "not_before");
        a->files = row_int(r, "files");
        a->bytes = row_int(r, "bytes");
        a->moved = row_int(r, "moved_bytes");
}

int store_load_arrivals(struct db *db, struct load_arrival **ret, size_t *ret_n, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "load_arrivals",
            "select a.dataset_id, a.transfer_id, d.name, d.made_by, a.kind, d.project_id, a.site_id, a.tries,"
            " a.not_before, a.files, a.bytes, a.moved_bytes, (select p.root from dataset_sites p where"
            " p.dataset_id = a.dataset_id and p.site_id = a.site_id order by p.root limit 1) as root,"
            " (select t.to_site from transfers t where t.id = a.transfer_id) as last_site"
            " from arrivals a join datasets d on d.id = a.dataset_id where a.state in ('waiting', 'moving') "
            "and"
            " d.removed_at is null order by a.dataset_id limit $1");

        bind_int(st, ARRIVALS_LOADED_MAX);
        return LOAD_ALL(st, struct load_arrival, arrival_fill, ret, ret_n, err);
}

void store_free_arrivals(struct load_arrival *rows, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                free(rows[i].name);
                free(rows[i].made_by);
                free(rows[i].root);
        }
        free(rows);
}

static void site_fill(const struct rows *r, void *element)
{
        *(int32_t *)element = (int32_t)row_int(r, "id");
}

int store_arrival_sites(struct db *db, int64_t dataset, int32_t **ret, size_t *ret_n, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "arrival_sites",
            "select s.id from datasets d join sites s on s.removed_at is null and s.data_accept and s.intent "
            "="
            " 'open' and (s.all_projects or exists (select from site_projects p where p.site_id = s.id and"
            " p.project_id = d.project_id)) and coalesce(s.id = any(reeve_allowed_sites(d.policy_sites,"
            " d.policy_labels)), true) where d.id = $1 order by s.id");

        bind_int(st, dataset);
        return load_all(st, sizeof(int32_t), site_fill, (void **)ret, ret_n, err);
}

static void file_fill(const struct rows *r, void *element)
{
        struct load_arrival_file *f = element;
        const uint8_t *sum;
        size_t n;

        f->path = row_text_copy(r, "path");
        f->url = row_text_copy(r, "url");
        f->size = row_null(r, "size") ? INT64_MIN : row_int(r, "size");
        sum = row_bytes(r, "sha256", &n);
        f->has_sha256 = n == sizeof f->sha256;
        if (f->has_sha256)
                memcpy(f->sha256, sum, n);
}

int store_load_arrival_files(struct db *db, int64_t dataset, size_t max, struct load_arrival_file **ret,
                             size_t *ret_n, struct err *err)
{
        struct stmt *st = db_stmt(db, "load_arrival_files",
                                  "select path, url, size, sha256 from arrival_files where dataset_id = $1"
                                  " order by path limit $2");

        bind_int(st, dataset);
        bind_int(st, (int64_t)max);
        return LOAD_ALL(st, struct load_arrival_file, file_fill, ret, ret_n, err);
}

void store_free_arrival_files(struct load_arrival_file *rows, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                free(rows[i].path);
                free(rows[i].url);
        }
        free(rows);
}

static void prefix_fill(const struct rows *r, void *element)
{
        struct load_prefix *p = element;

        p->prefix = row_text_copy(r, "prefix");
        p->private_too = row_bool(r, "private");
        p->is_redirect = row_bool(r, "is_redirect");
}

int store_load_prefixes(struct db *db, int32_t site, struct load_prefix **ret, size_t *ret_n, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "load_prefixes",
                    "with u as (select * from url_prefixes where site_id is null or site_id = $1)"
                    " select prefix, private, false as is_redirect from u union select x, private, true from "
                    "u cross join"
                    " unnest(redirects) as x order by is_redirect, prefix, private limit 1000");

        bind_int(st, site);
        return LOAD_ALL(st, struct load_prefix, prefix_fill, ret, ret_n, err);
}

void store_free_prefixes(struct load_prefix *rows, size_t n)
{
        for (size_t i = 0; i < n; i++)
                free(rows[i].prefix);
        free(rows);
}

/* ---- writing ---- */

static const char *why_of(const struct load_arrival *a)
{
        return a->kind == 'f' ? "fetch" : "upload";
}

int store_arrival_begin(struct db *db, int64_t epoch, const struct load_arrival *a, int32_t site,
                        struct err *err)
{
        struct stmt *st = db_stmt(
            db, "arrival_begin",
            "with t as (insert into transfers (id, dataset_id, to_site, state, why, asked_by, files, total, "
            "bytes,"
            " tries, started_at) values ($2, $1, $3, 'active', $4, $5, $6, $7, $8, $9, now()) on conflict "
            "(id) do"
            " update set state = 'active', to_site = excluded.to_site, total = excluded.total, tries = "
            "excluded.tries, started_at = "
            "now(),"
            " not_before = null) update arrivals set state = 'moving', since = now(), transfer_id = $2 where"
            " dataset_id = $1");

        bind_int(st, a->dataset);
        bind_int(st, a->transfer);
        bind_int(st, site);
        bind_text(st, why_of(a));
        bind_text(st, a->made_by);
        bind_int(st, a->files);
        bind_int(st, a->bytes);
        bind_int(st, a->moved);
        bind_int(st, a->tries);
        return fenced_exec(st, db, epoch, err) < 0 ? -1 : 0;
}

int store_arrival_progress(struct db *db, int64_t epoch, const struct load_arrival *a, int64_t moved,
                           double rate, const char *way, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "arrival_progress",
                    "with t as (update transfers set bytes = $3, rate = nullif($4, 0), way ="
                    " coalesce($5, way) where id = $2) update arrivals set moved_bytes = $3 where"
                    " dataset_id = $1");

        bind_int(st, a->dataset);
        bind_int(st, a->transfer);
        bind_int(st, moved);
        bind_f64(st, rate);
        bind_text(st, way);
        return fenced_exec(st, db, epoch, err) < 0 ? -1 : 0;
}

/* The arrival is locked, so that nobody removes it meanwhile; without it nothing of the batch counts. */
static int add_lock(struct db *db, int64_t dataset, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "arrival_held",
            "select reeve_expect((select count(*) from (select from arrivals where dataset_id = $1 for"
            " update) a), 1, 'arrival')");

        bind_int(st, dataset);
        return db_pipeline_add(st, err);
}

static int add_batch(struct db *db, const struct load_arrival *a, int32_t site, const char *root,
                     const struct arrival_landed *f, size_t n, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "arrival_batch",
            "with new as materialized (select * from unnest($4::text[], $5::bigint[], $6::bytea[]) as n "
            "(path,"
            " size, sha256)), kept as (insert into files (dataset_id, path, size, sha256) select $1::bigint,"
            " path, size, sha256 from new), placed as (insert into replicas (dataset_id, path, site_id, root,"
            " state) select $1::bigint, path, $2::integer, $3::text, 'present' from new), gone as (delete "
            "from"
            " arrival_files f using new where f.dataset_id = $1::bigint and f.path = new.path), sums as "
            "(select"
            " count(*)::integer as files, coalesce(sum(size), 0)::bigint as bytes from new), place as (insert"
            " into dataset_sites (dataset_id, site_id, root, files, bytes, copy) select $1::bigint, "
            "$2::integer,"
            " $3::text, files, bytes, true from sums on conflict (dataset_id, site_id, root) do update set "
            "files ="
            " dataset_sites.files + excluded.files, bytes = dataset_sites.bytes + excluded.bytes), arrival as"
            " (update arrivals set site_id = $2::integer where dataset_id = $1::bigint)"
            " update datasets d set files = d.files + s.files, bytes = d.bytes + s.bytes from sums s where "
            "d.id ="
            " $1::bigint");

        bind_int(st, a->dataset);
        bind_int(st, site);
        bind_text(st, root);
        bind_column_text(st, &f->path, sizeof *f, n);
        bind_column_i64(st, &f->size, sizeof *f, n);
        bind_column_bytes(st, &f->sha256, sizeof *f, n, 32);
        return db_pipeline_add(st, err);
}

/* With the last file the dataset is one like others. */
static int add_seal(struct db *db, const struct load_arrival *a, int32_t site, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "arrival_end",
            "with done as (select a.dataset_id from arrivals a where a.dataset_id = $1 and not exists "
            "(select from"
            " arrival_files f where f.dataset_id = $1)), t as (update transfers t set state = 'done', "
            "ended_at ="
            " now(), since = now(), bytes = d.bytes, total = d.bytes, rate = d.bytes / greatest(extract(epoch"
            " from now() - t.started_at), 0.001), message = null from done, datasets d where t.id = $2 and "
            "d.id ="
            " $1), told as (insert into events (kind, site_id, actor, text) select 'data.arrived', "
            "$3::integer,"
            " d.made_by, d.name || ' came in: ' || d.files || ' files, ' || d.bytes || ' bytes' from done,"
            " datasets d where d.id = $1), gone as (delete from arrivals a using done where a.dataset_id ="
            " done.dataset_id) update datasets d set sealed_at = now() from done where d.id = "
            "done.dataset_id");

        bind_int(st, a->dataset);
        bind_int(st, a->transfer);
        bind_int(st, site);
        return db_pipeline_add(st, err);
}

static int land(struct db *db, int64_t epoch, const struct load_arrival *a, int32_t site, const char *root,
                const struct arrival_landed *f, size_t n, struct err *err)
{
        int64_t counts[64] = {0};
        size_t parts = 3;

        if (db_pipeline_begin(db, err) < 0 || fence_add(db, epoch, err) < 0 ||
            add_lock(db, a->dataset, err) < 0)
                return -1;
        for (size_t at = 0; at < n; at += BATCH_ROWS, parts++) {
                if (add_batch(db, a, site, root, f + at, n - at < BATCH_ROWS ? n - at : BATCH_ROWS, err) < 0)
                        return -1;
        }
        if (add_seal(db, a, site, err) < 0 || db_pipeline_end(db, counts, ARRAY_LEN(counts), err) < 0)
                return -1;
        return counts[parts - 1] == 1;
}

int store_arrival_landed(struct db *db, int64_t epoch, const struct load_arrival *a, int32_t site,
                         const char *root, const struct arrival_landed *f, size_t n, struct err *err)
{
        int rc = land(db, epoch, a, site, root, f, n, err);

        if (rc < 0 && err->code == ERR_CONFLICT) {
                struct stmt *st =
                    db_stmt(db, "arrival_evict",
                            "insert into evictions (site_id, dataset_id, directory) values ($1, $2::bigint,"
                            " 'd' || $2::bigint) on conflict (site_id, directory) do nothing");
                struct err other;

                bind_int(st, site);
                bind_int(st, a->dataset);
                if (fenced_exec(st, db, epoch, &other) < 0)
                        *err = other;
        }
        return rc;
}

int store_arrival_failed(struct db *db, int64_t epoch, const struct load_arrival *a, const char *state,
                         int64_t not_before, const char *path, const char *message, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "arrival_failed",
            "with t as (update transfers set state = case when $3::text = 'waiting' then 'queued' else "
            "'failed'"
            " end, since = now(), not_before = $4::timestamptz, tries = tries + 1, message = $6::text, "
            "ended_at ="
            " case when $3::text <> 'waiting' then now() end where id = $2), old as (select received, "
            "complete"
            " from arrival_files where dataset_id = $1 and path = $5::text), f as (update arrival_files set"
            " received = 0, complete = false where dataset_id = $1 and path = $5::text)"
            " update arrivals a set state = $3::text, since = now(), touched_at = now(), tries = case when"
            " $3::text = 'waiting' then a.tries + 1 else 0 end, not_before = $4::timestamptz, message ="
            " $6::text, transfer_id = case when $3::text = 'waiting' then a.transfer_id end, received_bytes ="
            " a.received_bytes - coalesce((select received from old), 0), received_files = a.received_files -"
            " coalesce((select complete::integer from old), 0) where a.dataset_id = $1");

        bind_int(st, a->dataset);
        bind_int(st, a->transfer);
        bind_text(st, state);
        bind_time(st, not_before);
        bind_text(st, path);
        bind_text(st, message);
        return fenced_exec(st, db, epoch, err) < 0 ? -1 : 0;
}

int64_t store_arrivals_tidy(struct db *db, int64_t epoch, struct err *err)
{
        static const char sql[] =
            "with old as (select a.dataset_id, d.name from arrivals a join datasets d on d.id = a.dataset_id "
            "where"
            " a.state in ('filling', 'failed') and a.touched_at < now() - interval '" ARRIVAL_KEEP
            "' limit 100),"
            " gone as (delete from arrivals a using old where a.dataset_id = old.dataset_id), told as "
            "(insert into"
            " events (kind, text) select 'data.expired', name || ' was removed: nobody went on sending it' "
            "from"
            " old), ended as (update transfers t set state = 'cancelled', ended_at = now(), since = now() "
            "where"
            " t.why in ('upload', 'fetch') and t.state in ('queued', 'active', 'verifying') and not exists "
            "(select"
            " from arrivals a where a.transfer_id = t.id)) update datasets d set removed_at = now(), name = "
            "d.name"
            " || '#' || d.id from old where d.id = old.dataset_id";

        return fenced_exec(db_stmt(db, "arrivals_tidy", sql), db, epoch, err);
}
