/* SPDX-License-Identifier: Apache-2.0 */
/* Data that moves: open transfers, links, copies and their end. */
#include "store/engine_priv.h"
#include "common/util.h"

#include <stddef.h>
#include <string.h>

/* ---- reading --------------------------------------------------------------------------------------------
 */

static void transfer_fill(const struct rows *r, void *element)
{
        struct load_transfer *t = element;

        t->id = row_int(r, "id");
        t->dataset = row_int(r, "dataset_id");
        t->from = (int32_t)row_int(r, "from_site");
        t->to = (int32_t)row_int(r, "to_site");
        t->why = row_text(r, "why")[0];
        t->priority = (int32_t)row_int(r, "priority");
        t->tries = (int32_t)row_int(r, "tries");
        t->asked_at = row_time(r, "asked_at");
        t->not_before = row_time(r, "not_before");
        t->total = row_int(r, "total");
        t->only = row_text_copy(r, "only");
}

int store_load_transfers(struct db *db, struct load_transfer **ret, size_t *ret_n, struct err *err)
{
        return LOAD_ALL(db_stmt(db, "load_transfers",
                                "select id, dataset_id, from_site, to_site, why, priority, tries, asked_at,"
                                " not_before, total, only_files::text as only from transfers where state in "
                                "('queued', 'active', 'verifying') and why in"
                                " ('job', 'copy', 'person')"
                                " order by id"),
                        struct load_transfer, transfer_fill, ret, ret_n, err);
}

void store_free_transfers(struct load_transfer *rows, size_t n)
{
        for (size_t i = 0; i < n; i++)
                free(rows[i].only);
        free(rows);
}

static void link_fill(const struct rows *r, void *element)
{
        struct load_link *l = element;

        l->from = (int32_t)row_int(r, "from_site");
        l->to = (int32_t)row_int(r, "to_site");
        l->rate = row_f64(r, "rate");
        l->latency = row_f64(r, "latency");
        l->weight = row_f64(r, "weight");
        l->budget = row_f64(r, "budget");
        l->learned_at = row_time(r, "learned_at");
        l->max_active = (int32_t)row_int(r, "max_active");
        l->direct = row_bool(r, "direct");
}

int store_load_links(struct db *db, struct load_link **ret, size_t *ret_n, struct err *err)
{
        return LOAD_ALL(db_stmt(db, "load_links",
                                "select from_site, to_site, rate, latency, weight, learned_at,"
                                " least(budget, from_budget, to_budget) as budget,"
                                " least(max_active, from_max_active, to_max_active) as max_active,"
                                " direct from links order by from_site, to_site"),
                        struct load_link, link_fill, ret, ret_n, err);
}

void store_free_links(struct load_link *rows, size_t n)
{
        (void)n;
        free(rows);
}

/* What may go: see store_evict. */
#define MAY_GO                                                                                               \
        "c.copy and c.pinned_by is null and not exists (select from job_inputs i join job_queue q on"        \
        " q.job_id = i.job_id where i.dataset_id = c.dataset_id) and not exists (select from transfers t"    \
        " where t.dataset_id = c.dataset_id and t.state in ('queued', 'active', 'verifying')) and"           \
        " (d.removed_at is not null or exists (select from dataset_sites o where o.dataset_id ="             \
        " c.dataset_id and (o.site_id <> c.site_id or o.root <> c.root) and not o.suspect and o.files >="    \
        " d.files))"

static void storage_fill(const struct rows *r, void *element)
{
        struct load_storage *s = element;

        s->site = (int32_t)row_int(r, "site_id");
        s->used = row_int(r, "used");
        s->evictable = row_int(r, "evictable");
}

int store_load_storage(struct db *db, struct load_storage **ret, size_t *ret_n, struct err *err)
{
        return LOAD_ALL(db_stmt(db, "load_storage",
                                "select c.site_id, sum(c.bytes)::bigint as used, coalesce(sum(c.bytes) filter"
                                " (where " MAY_GO "), 0)::bigint as evictable from dataset_sites c"
                                " join datasets d on d.id = c.dataset_id where c.copy group by c.site_id"
                                " order by c.site_id"),
                        struct load_storage, storage_fill, ret, ret_n, err);
}

void store_free_storage(struct load_storage *rows, size_t n)
{
        (void)n;
        free(rows);
}

static void eviction_fill(const struct rows *r, void *element)
{
        struct load_eviction *v = element;

        v->site = (int32_t)row_int(r, "site_id");
        v->directory = row_text_copy(r, "directory");
}

int store_load_evictions(struct db *db, struct load_eviction **ret, size_t *ret_n, struct err *err)
{
        return LOAD_ALL(db_stmt(db, "load_evictions",
                                "select site_id, directory from evictions e where not exists (select from"
                                " transfers t where t.dataset_id = e.dataset_id and t.to_site = e.site_id and"
                                " t.state in ('queued', 'active', 'verifying')) order by at, site_id,"
                                " directory limit 1000"),
                        struct load_eviction, eviction_fill, ret, ret_n, err);
}

void store_free_evictions(struct load_eviction *rows, size_t n)
{
        for (size_t i = 0; i < n; i++)
                free(rows[i].directory);
        free(rows);
}

int store_next_transfer(struct db *db, int64_t *ret, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (db_query(db_stmt(db, "next_transfer", "select coalesce(max(id), 0) + 1 as id from transfers"), &r,
                     err) < 0)
                return -1;
        rows_next(r);
        *ret = row_int(r, "id");
        return 0;
}

static void file_fill(const struct rows *r, void *element)
{
        struct load_file *f = element;
        const uint8_t *sum;
        size_t n;

        f->path = row_text_copy(r, "path");
        f->root = row_text_copy(r, "root");
        f->site = (int32_t)row_int(r, "site_id");
        f->is_file = row_bool(r, "is_file");
        f->copy = row_bool(r, "copy");
        f->size = row_int(r, "size");
        sum = row_bytes(r, "sha256", &n);
        if (n == sizeof f->sha256)
                memcpy(f->sha256, sum, n);
}

/* Copies elsewhere that are not whole are no source. */
#define FILES_(of)                                                                                           \
        "select distinct on (f.path) f.path, f.size, f.sha256, r.site_id, r.root, s.is_file, s.copy "        \
        "from " of                                                                                           \
        " join replicas r on r.dataset_id = f.dataset_id and r.path = f.path and r.state = 'present' join"   \
        " dataset_sites s on s.dataset_id = r.dataset_id and s.site_id = r.site_id and s.root = r.root and"  \
        " not s.suspect and (s.present is null or s.site_id = $3) where f.dataset_id = $1 and ($5::text is"  \
        " null or f.path > $5) order by f.path, r.site_id = $3 desc, r.site_id = $2 desc, r.site_id, r.root" \
        " limit $4"

int store_load_files(struct db *db, int64_t dataset, int32_t from, int32_t to, const char *only,
                     const char *after, size_t max, struct load_file **ret, size_t *ret_n, struct err *err)
{
        struct stmt *st =
            only ? db_stmt(
                       db, "load_part_files",
                       FILES_("reeve_file_bounds($1, $6::int4multirange) b join files f on f.dataset_id = $1"
                              " and f.path between b.first_path and b.last_path"))
                 : db_stmt(db, "load_files", FILES_("files f"));

        bind_int(st, dataset);
        bind_int(st, from);
        bind_int(st, to);
        bind_int(st, (int64_t)max);
        bind_text(st, after);
        if (only)
                bind_text(st, only);
        return LOAD_ALL(st, struct load_file, file_fill, ret, ret_n, err);
}

void store_free_files(struct load_file *rows, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                free(rows[i].path);
                free(rows[i].root);
        }
        free(rows);
}

static void part_fill(const struct rows *r, void *element)
{
        struct load_part *p = element;

        p->dataset = row_int(r, "dataset_id");
        p->task = (int32_t)row_int(r, "task");
        p->path = row_text_copy(r, "path");
}

int store_load_parts(struct db *db, int64_t job, int32_t first, int32_t last, size_t max,
                     struct load_part **ret, size_t *ret_n, struct err *err)
{
        struct stmt *st = db_stmt(db, "load_parts",
                                  "select p.dataset_id, p.task, f.path from job_parts p join lateral (select"
                                  " path from files f where f.dataset_id = p.dataset_id and f.path >="
                                  " p.first_path and f.path <= p.last_path) f on true where p.job_id = $1 and"
                                  " p.task between $2 and $3 order by p.task, f.path limit $4");

        bind_int(st, job);
        bind_int(st, first);
        bind_int(st, last);
        bind_int(st, (int64_t)max);
        return LOAD_ALL(st, struct load_part, part_fill, ret, ret_n, err);
}

void store_free_parts(struct load_part *rows, size_t n)
{
        for (size_t i = 0; i < n; i++)
                free(rows[i].path);
        free(rows);
}

static void share_fill(const struct rows *r, void *element)
{
        struct load_share *s = element;

        s->dataset = row_int(r, "dataset_id");
        s->task = (int32_t)row_int(r, "task");
        s->files = (int32_t)row_int(r, "files");
        s->bytes = row_int(r, "bytes");
}

int store_load_shares(struct db *db, int64_t job, size_t max, struct load_share **ret, size_t *ret_n,
                      struct err *err)
{
        struct stmt *st = db_stmt(db, "load_shares",
                                  "select dataset_id, task, files, bytes from job_parts where job_id = $1"
                                  " order by task limit $2");

        bind_int(st, job);
        bind_int(st, (int64_t)max);
        return LOAD_ALL(st, struct load_share, share_fill, ret, ret_n, err);
}

void store_free_shares(struct load_share *rows, size_t n)
{
        (void)n;
        free(rows);
}

int store_transfer_allowed(struct db *db, int64_t dataset, int32_t to, struct err *err)
{
        struct stmt *st = db_stmt(db, "transfer_allowed",
                                  "select coalesce(reeve_may_be_at($1, $2::integer), false) as allowed");
        AUTO_ROWS struct rows *r = NULL;

        bind_int(st, dataset);
        bind_int(st, to);
        if (db_query(st, &r, err) < 0)
                return -1;
        rows_next(r);
        return row_bool(r, "allowed");
}

/* ---- parts of the commit ---------------------------------------------------------------------------------
 */

#define COLUMN(kind, st, rows, field, ...) bind_column_##kind(st, &(rows)->field, sizeof *(rows), __VA_ARGS__)

static const char *transfer_word(int v)
{
        return transfer_state_name((enum transfer_state)v);
}

static const char transfers_sql[] =
    "insert into transfers (id, dataset_id, from_site, to_site, state, bytes, asked_at, since, why, asked_by,"
    " priority, files, total, tries, not_before, started_at, ended_at, way, rate, message, only_files)"
    " select id, dataset, nullif(from_site, 0), to_site, state, bytes, asked_at, now(), why, asked_by,"
    " priority, files, total, tries, not_before, started_at, ended_at, way, nullif(rate, 0), message,"
    " only_files::int4multirange from"
    " (select distinct on (id) * from unnest($1::bigint[], $2::bigint[], $3::integer[], $4::integer[],"
    " $5::text[], $6::bigint[], $7::timestamptz[], $8::text[], $9::text[], $10::integer[], $11::integer[],"
    " $12::bigint[], $13::integer[], $14::timestamptz[], $15::timestamptz[], $16::timestamptz[], $17::text[],"
    " $18::double precision[], $19::text[], $20::text[]) with ordinality as t (id, dataset, from_site, "
    "to_site, state,"
    " bytes, asked_at, why, asked_by, priority, files, total, tries, not_before, started_at, ended_at, way,"
    " rate, message, only_files, n) order by id, n desc) as t on conflict (id) do update set from_site ="
    " excluded.from_site, state = excluded.state, bytes = excluded.bytes, since = case when transfers.state ="
    " excluded.state then transfers.since else excluded.since end, why = excluded.why, priority ="
    " excluded.priority, files = excluded.files, total = excluded.total, tries = excluded.tries, not_before ="
    " excluded.not_before, started_at = coalesce(excluded.started_at, transfers.started_at), ended_at ="
    " excluded.ended_at, way = coalesce(excluded.way, transfers.way), rate = coalesce(excluded.rate,"
    " transfers.rate), message = coalesce(excluded.message, transfers.message), only_files ="
    " excluded.only_files";

static int add_transfers(struct db *db, const struct commit *c, size_t at, size_t n, struct err *err)
{
        const struct commit_transfer *v = c->transfers + at;
        struct stmt *st = db_stmt(db, "commit_transfers", transfers_sql);

        COLUMN(i64, st, v, id, n);
        COLUMN(i64, st, v, dataset, n);
        COLUMN(i32, st, v, from, n);
        COLUMN(i32, st, v, to, n);
        COLUMN(word, st, v, state, n, transfer_word);
        COLUMN(i64, st, v, bytes, n);
        COLUMN(time, st, v, asked_at, n);
        COLUMN(text, st, v, why, n);
        COLUMN(text, st, v, asked_by, n);
        COLUMN(i32, st, v, priority, n);
        COLUMN(i32, st, v, files, n);
        COLUMN(i64, st, v, total, n);
        COLUMN(i32, st, v, tries, n);
        COLUMN(time, st, v, not_before, n);
        COLUMN(time, st, v, started_at, n);
        COLUMN(time, st, v, ended_at, n);
        COLUMN(text, st, v, way, n);
        COLUMN(f64, st, v, rate, n);
        COLUMN(text, st, v, message, n);
        COLUMN(text, st, v, only, n);
        return db_pipeline_add(st, err);
}

/* Some files of the dataset are there: a copy that has them beside what it had, and may be whole by that. */
static int add_part_copy(struct db *db, const struct commit_copy *c, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "commit_part_copy",
            "with said as materialized (select d.id, d.name, d.files, coalesce($2::integer ="
            " any(reeve_allowed_sites(d.policy_sites, d.policy_labels)), true) as allowed from datasets d "
            "where"
            " d.id = $1), new as materialized (select * from said where allowed),"
            " gone as (insert into evictions (site_id, dataset_id, directory) select $2, id, 'd' || id from"
            " said where not allowed on conflict (site_id, directory) do nothing),"
            " told as (insert into events (kind, site_id, text) select 'data.evicted', $2, name || ' was"
            " brought there while its policy was changed, which does not allow it: it is deleted' from said"
            " where not allowed),"
            " kept as (delete from evictions e using new where e.dataset_id = new.id and e.site_id = $2),"
            " part as materialized (select f.path, f.size from new, reeve_file_bounds($1, "
            "$4::int4multirange) b"
            " join files f on f.dataset_id = $1 and f.path between b.first_path and b.last_path),"
            " fresh as materialized (select count(*)::integer as files, coalesce(sum(p.size), 0)::bigint as"
            " bytes from part p where not exists (select from replicas r where r.dataset_id = $1 and r.path ="
            " p.path and r.site_id = $2 and r.root = $3 and r.state = 'present')),"
            " put as (insert into replicas (dataset_id, path, site_id, root, state) select $1, path, $2, $3,"
            " 'present' from part on conflict (dataset_id, path, site_id, root) do update set state ="
            " 'present', since = now())"
            " insert into dataset_sites as s (dataset_id, site_id, root, is_file, files, bytes, copy, "
            "present)"
            " select $1, $2, $3, false, f.files, f.bytes, true, case when f.files < new.files then"
            " $4::int4multirange end from new, fresh f on conflict (dataset_id, site_id, root) do update set"
            " files = case when s.suspect then excluded.files else s.files + excluded.files end,"
            " bytes = case when s.suspect then excluded.bytes else s.bytes + excluded.bytes end,"
            " present = case when s.suspect then excluded.present when s.files + excluded.files < (select "
            "files"
            " from new) then s.present + excluded.present end, suspect = false, checked_at = now(), used_at ="
            " now()");

        bind_int(st, c->dataset);
        bind_int(st, c->site);
        bind_text(st, c->root);
        bind_text(st, c->only);
        return db_pipeline_add(st, err);
}

static int add_part_copies(struct db *db, const struct commit *c, size_t at, size_t n, struct err *err)
{
        for (size_t i = at; i < at + n; i++) {
                if (c->copies[i].only && add_part_copy(db, &c->copies[i], err) < 0)
                        return -1;
        }
        return 0;
}

/* The copy is in the catalog with all files of its dataset, whatever stood there before. */
static int add_copies(struct db *db, const struct commit *c, size_t at, size_t n, struct err *err)
{
        const struct commit_copy *v = c->copies + at;
        struct stmt *st = db_stmt(
            db, "commit_copies",
            "with said as materialized (select distinct on (dataset, site, root) c.*, d.name, coalesce(c.site"
            " = any(reeve_allowed_sites(d.policy_sites, d.policy_labels)), true) as allowed from"
            " unnest($1::bigint[], $2::integer[], $3::text[], $4::boolean[], $5::text[]) as c (dataset, "
            "site, root,"
            " is_file, only_files) join datasets d on d.id = any(array[c.dataset]) where c.only_files is "
            "null),"
            " new as materialized (select * from said where allowed),"
            /* The policy changed under it: it is no copy, and goes. */
            " gone as (insert into evictions (site_id, dataset_id, directory) select distinct site, dataset,"
            " 'd' || dataset from said where not allowed on conflict (site_id, directory) do nothing),"
            " told as (insert into events (kind, site_id, text) select 'data.evicted', site, name || ' was"
            " brought there while its policy was changed, which does not allow it: it is deleted' from said"
            " where not allowed),"
            /* an earlier copy there that was to be deleted is whole again */
            " kept as (delete from evictions e using new where e.dataset_id = new.dataset and e.site_id ="
            " new.site),"
            " files as (insert into replicas (dataset_id, path, site_id, root, state)"
            " select f.dataset_id, f.path, new.site, new.root, 'present' from new join files f on"
            " f.dataset_id = any(array[new.dataset]) on conflict (dataset_id, path, site_id, root)"
            " do update set state = 'present', since = now())"
            " insert into dataset_sites (dataset_id, site_id, root, is_file, files, bytes, copy)"
            " select new.dataset, new.site, new.root, new.is_file, d.files, d.bytes, true from new"
            " join datasets d on d.id = any(array[new.dataset]) on conflict (dataset_id, site_id, root) do"
            " update set files = excluded.files, bytes = excluded.bytes, present = null, suspect = false,"
            " checked_at = now(), used_at = now()");

        COLUMN(i64, st, v, dataset, n);
        COLUMN(i32, st, v, site, n);
        COLUMN(text, st, v, root, n);
        COLUMN(bool, st, v, is_file, n);
        COLUMN(text, st, v, only, n);
        return db_pipeline_add(st, err);
}

static int add_links(struct db *db, const struct commit *c, size_t at, size_t n, struct err *err)
{
        const struct commit_link *v = c->links + at;
        struct stmt *st = db_stmt(
            db, "commit_links",
            "insert into links (from_site, to_site, rate, latency, weight, learned_at, transfers, bytes)"
            " select distinct on (from_site, to_site) from_site, to_site, rate, latency, weight, at, 1, bytes"
            " from unnest($1::integer[], $2::integer[], $3::double precision[], $4::double precision[],"
            " $5::double precision[], $6::timestamptz[], $7::bigint[]) with ordinality as l (from_site,"
            " to_site, rate, latency, weight, at, bytes, n) order by from_site, to_site, n desc"
            " on conflict (from_site, to_site) do update set rate = excluded.rate, latency ="
            " excluded.latency, weight = excluded.weight, learned_at = excluded.learned_at,"
            " transfers = links.transfers + 1, bytes = links.bytes + excluded.bytes");

        COLUMN(i32, st, v, from, n);
        COLUMN(i32, st, v, to, n);
        COLUMN(f64, st, v, rate, n);
        COLUMN(f64, st, v, latency, n);
        COLUMN(f64, st, v, weight, n);
        COLUMN(time, st, v, at, n);
        COLUMN(i64, st, v, bytes, n);
        return db_pipeline_add(st, err);
}

static int add_suspects(struct db *db, const struct commit *c, size_t at, size_t n, struct err *err)
{
        const struct commit_suspect *v = c->suspects + at;
        struct stmt *st =
            db_stmt(db, "commit_suspects",
                    "with said as materialized (select * from unnest($1::bigint[], $2::integer[],"
                    " $3::boolean[]) as s (dataset, site, suspect)),"
                    " files as (update replicas r set state = case when s.suspect then 'suspect' else"
                    " 'present' end, since = now() from said s where r.dataset_id = any(array[s.dataset])"
                    " and r.site_id = s.site and r.state in ('present', 'suspect'))"
                    " update dataset_sites d set suspect = s.suspect from said s where d.dataset_id ="
                    " any(array[s.dataset]) and d.site_id = s.site");

        COLUMN(i64, st, v, dataset, n);
        COLUMN(i32, st, v, site, n);
        COLUMN(bool, st, v, suspect, n);
        return db_pipeline_add(st, err);
}

int refusals_add(struct db *db, const struct commit *c, struct err *err)
{
        const struct commit_refusal *v = c->refusals;
        size_t n = c->refusals_n;
        struct stmt *st = db_stmt(
            db, "commit_refusals",
            "select audit_add('reeve', action, object, 'refused: ' || detail, null, null) from (select "
            "distinct on"
            " (action, object) * from unnest($1::text[], $2::text[], $3::text[]) as r (action, object,"
            " detail)) as r where not exists (select from audit a where a.actor = 'reeve' and a.object ="
            " any(array[r.object]) and a.action = r.action)");

        COLUMN(text, st, v, action, n);
        COLUMN(text, st, v, object, n);
        COLUMN(text, st, v, detail, n);
        return db_pipeline_add(st, err);
}

/* Copies that jobs read which ended now were used until now. */
static int add_used(struct db *db, const struct commit *c, size_t at, size_t n, struct err *err)
{
        const struct commit_done *v = c->done + at;
        struct stmt *st = db_stmt(db, "commit_used",
                                  "update dataset_sites s set used_at = now() from job_inputs i where"
                                  " i.job_id = any($1::bigint[]) and s.dataset_id = i.dataset_id and s.copy");

        COLUMN(i64, st, v, job, n);
        return db_pipeline_add(st, err);
}

int data_add(struct db *db, const struct commit *c, struct err *err)
{
        static const struct {
                int (*add)(struct db *db, const struct commit *c, size_t at, size_t n, struct err *err);
                size_t count; /* offset of the number of rows */
        } parts[] = {{add_transfers, offsetof(struct commit, transfers_n)},
                     {add_part_copies, offsetof(struct commit, copies_n)},
                     {add_copies, offsetof(struct commit, copies_n)},
                     {add_links, offsetof(struct commit, links_n)},
                     {add_suspects, offsetof(struct commit, suspects_n)},
                     {add_used, offsetof(struct commit, done_n)},
                     {learned_add, offsetof(struct commit, learned_n)}};

        for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
                size_t rows = *(const size_t *)((const char *)c + parts[i].count);

                for (size_t at = 0; at < rows; at += BATCH_ROWS) {
                        if (parts[i].add(db, c, at, rows - at < BATCH_ROWS ? rows - at : BATCH_ROWS, err) < 0)
                                return -1;
                }
        }
        return 0;
}

/* ---- copies that go --------------------------------------------------------------------------------------
 */

int64_t store_evict(struct db *db, int64_t epoch, int32_t site, int64_t need, struct err *err)
{
        static const char sql[] =
            "with old as (select c.dataset_id, c.root, c.bytes, d.removed_at is not null as removed,"
            " sum(c.bytes) over (order by d.removed_at is null, c.used_at, c.dataset_id, c.root) - c.bytes as"
            " before from dataset_sites c join datasets d on d.id = c.dataset_id where c.site_id = $1 and"
            " " MAY_GO "), go as materialized (select * from old where removed or before < $2),"
            " gone as (update replicas r set state = 'gone', since = now() from go where r.dataset_id ="
            " go.dataset_id and r.site_id = $1 and r.root = go.root),"
            " noted as (insert into evictions (site_id, dataset_id, directory) select distinct $1::integer,"
            " dataset_id, 'd' || dataset_id from go on conflict (site_id, directory) do nothing),"
            " told as (insert into events (kind, site_id, text) select 'data.evicted', $1::integer,"
            " count(*) || ' copies with ' || sum(bytes) || ' bytes in all were evicted' from go having"
            " count(*) > 0)"
            " delete from dataset_sites s using go where s.dataset_id = go.dataset_id and s.site_id = $1 and"
            " s.root = go.root";
        struct stmt *st = db_stmt(db, "evict", sql);

        bind_int(st, site);
        bind_int(st, need);
        return fenced_exec(st, db, epoch, err);
}

int64_t store_evict_one(struct db *db, int64_t epoch, int32_t site, int64_t dataset, const char *actor,
                        struct err *err)
{
        static const char sql[] =
            "with go as materialized (select c.dataset_id, c.root, d.name, c.bytes from dataset_sites c"
            " join datasets d on d.id = c.dataset_id where c.site_id = $1 and c.dataset_id = $2 and " MAY_GO
            "),"
            " gone as (update replicas r set state = 'gone', since = now() from go where r.dataset_id ="
            " go.dataset_id and r.site_id = $1 and r.root = go.root),"
            " noted as (insert into evictions (site_id, dataset_id, directory) select distinct $1::integer,"
            " dataset_id, 'd' || dataset_id from go on conflict (site_id, directory) do nothing),"
            " told as (insert into events (kind, site_id, actor, text) select 'data.evicted', $1::integer,"
            " $3::text, name || ' with ' || bytes || ' bytes was evicted' from go)"
            " delete from dataset_sites s using go where s.dataset_id = go.dataset_id and s.site_id = $1 and"
            " s.root = go.root";
        struct stmt *st = db_stmt(db, "evict_one", sql);

        bind_int(st, site);
        bind_int(st, dataset);
        bind_text(st, actor);
        return fenced_exec(st, db, epoch, err);
}

int64_t store_evict_leaving(struct db *db, int64_t epoch, int32_t site, int64_t dataset, struct err *err)
{
        static const char sql[] =
            "with go as materialized (select c.dataset_id, c.root, d.name, c.bytes from dataset_sites c"
            " join datasets d on d.id = c.dataset_id where c.site_id = $1 and c.dataset_id = $2 and c.copy "
            "and"
            " c.pinned_by is null and exists (select from dataset_sites o where o.dataset_id = c.dataset_id"
            " and o.site_id <> c.site_id and not o.suspect and o.files >= d.files)"
            " and not exists (select from transfers t where t.dataset_id = c.dataset_id and (t.to_site ="
            " c.site_id or t.from_site = c.site_id) and t.state in ('queued', 'active', 'verifying'))"
            " and not exists (select from job_inputs i join attempts_live a on a.job_id = i.job_id where"
            " i.dataset_id = c.dataset_id and a.site_id = c.site_id)),"
            " gone as (update replicas r set state = 'gone', since = now() from go where r.dataset_id ="
            " go.dataset_id and r.site_id = $1 and r.root = go.root),"
            " noted as (insert into evictions (site_id, dataset_id, directory) select distinct $1::integer,"
            " dataset_id, 'd' || dataset_id from go on conflict (site_id, directory) do nothing),"
            " told as (insert into events (kind, site_id, text) select 'data.evicted', $1::integer,"
            " name || ' with ' || bytes || ' bytes makes room for inputs that waited long' from go)"
            " delete from dataset_sites s using go where s.dataset_id = go.dataset_id and s.site_id = $1 and"
            " s.root = go.root";
        struct stmt *st = db_stmt(db, "evict_leaving", sql);

        bind_int(st, site);
        bind_int(st, dataset);
        return fenced_exec(st, db, epoch, err);
}

int64_t store_sweep_parts(struct db *db, int64_t epoch, struct err *err)
{
        static const char sql[] =
            "with outside as materialized (select t.id, t.to_site, t.dataset_id from transfers t join "
            "datasets"
            " d on d.id = t.dataset_id where t.state in ('failed', 'cancelled') and t.parts and t.to_site <>"
            " all(reeve_allowed_sites(d.policy_sites, d.policy_labels)) and not exists (select from transfers"
            " o where o.dataset_id = t.dataset_id and o.to_site = t.to_site and o.state in ('queued',"
            " 'active', 'verifying')) order by t.id limit 1000),"
            " noted as (insert into evictions (site_id, dataset_id, directory) select distinct to_site,"
            " dataset_id, 'd' || dataset_id from outside on conflict (site_id, directory) do nothing)"
            " update transfers t set parts = false from outside o where t.id = o.id";

        return fenced_exec(db_stmt(db, "sweep_parts", sql), db, epoch, err);
}

int64_t store_expire(struct db *db, int64_t epoch, struct err *err)
{
        static const char sql[] =
            "with due as materialized (select d.id, d.name from datasets d where d.expires_at <= now() and"
            " d.removed_at is null and (d.job_id is null or d.sealed_at is not null) and not exists (select"
            " from job_inputs i join job_queue q on q.job_id = i.job_id where i.dataset_id = d.id) and not"
            " exists (select from dataset_sites s where s.dataset_id = d.id and s.pinned_by is not null)"
            " and not exists (select from transfers t where t.dataset_id = d.id and t.state in ('queued',"
            " 'active', 'verifying')) order by d.expires_at limit 1000),"
            " told as (insert into events (kind, text) select 'data.expired', name || ' was removed: its time"
            " was over' from due)"
            " update datasets d set removed_at = now(), name = d.name || '#' || d.id from due where d.id ="
            " due.id";

        return fenced_exec(db_stmt(db, "expire", sql), db, epoch, err);
}

int store_eviction_done(struct db *db, int64_t epoch, int32_t site, const char *directory, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "eviction_done", "delete from evictions where site_id = $1 and directory = $2");

        bind_int(st, site);
        bind_text(st, directory);
        return fenced_exec(st, db, epoch, err) < 0 ? -1 : 0;
}

int store_storage_figures(struct db *db, int64_t epoch, const struct storage_figures *rows, size_t n,
                          struct err *err)
{
        struct stmt *st = db_stmt(
            db, "storage_figures",
            "insert into site_storage (site_id, quota, used, evictable) select * from unnest($1::integer[],"
            " $2::bigint[], $3::bigint[], $4::bigint[]) as f (site, quota, used, evictable) on conflict"
            " (site_id) do update set quota = excluded.quota, used = excluded.used, evictable ="
            " excluded.evictable, at = now()");

        COLUMN(i32, st, rows, site, n);
        COLUMN(i64, st, rows, quota, n);
        COLUMN(i64, st, rows, used, n);
        COLUMN(i64, st, rows, evictable, n);
        return fenced_exec(st, db, epoch, err) < 0 ? -1 : 0;
}
