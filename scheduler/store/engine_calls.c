/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to calls, scanned datasets, upkeep and figures. */
#include "store/engine_priv.h"

#include "common/util.h"

#include <string.h>

#define CALL_WORDS                                                                                           \
        " state = coalesce($2::text, state), steps = coalesce($3::json, steps), result = "                   \
        "coalesce($4::json, result),"                                                                        \
        " message = coalesce($5::text, message), ended_at = case when $2::text in ('done', 'failed') then "  \
        "now() end"

int store_call_state(struct db *db, int64_t epoch, int64_t call, const char *state, const char *steps,
                     const char *result, const char *message, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "call_state",
                    "update calls set" CALL_WORDS " where id = $1 and state in ('queued', 'running')");
        int64_t n;

        bind_int(st, call);
        bind_text(st, state);
        bind_text(st, steps);
        bind_text(st, result);
        bind_text(st, message);
        n = fenced_exec(st, db, epoch, err);
        if (n == 0)
                return err_set(err, ERR_CONFLICT, "call %lld has ended already", (long long)call);
        if (n > 0)
                (void)db_notify_about(db, "reeve_web", 0, NULL);
        return n < 0 ? -1 : 0;
}

int store_call_data(struct db *db, int64_t epoch, int64_t call, const char *result, const void *bytes,
                    size_t n, struct err *err)
{
        struct stmt *st = db_stmt(db, "call_data",
                                  "with ended as (update calls set state = 'done', result = $2::json, "
                                  "ended_at = now() where id = $1"
                                  " and state in ('queued', 'running') returning id)"
                                  " insert into call_data (call_id, bytes) select id, $3 from ended"
                                  " on conflict (call_id) do update set bytes = excluded.bytes");
        int64_t rows;

        bind_int(st, call);
        bind_text(st, result);
        bind_bytes(st, bytes ? bytes : "", bytes ? n : 0);
        rows = fenced_exec(st, db, epoch, err);
        if (rows == 0)
                return err_set(err, ERR_CONFLICT, "call %lld has ended already", (long long)call);
        if (rows > 0)
                (void)db_notify_about(db, "reeve_web", 0, NULL);
        return rows < 0 ? -1 : 0;
}

int store_calls_abandon(struct db *db, int64_t epoch, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "calls_abandon",
                    "update calls set state = 'failed', ended_at = now(), message ="
                    " 'the scheduler started anew meanwhile; ask again' where state = 'running'");
        int64_t n = fenced_exec(st, db, epoch, err);

        if (n > 0)
                (void)db_notify_about(db, "reeve_web", 0, NULL);
        return n < 0 ? -1 : 0;
}

/* ---- datasets -------------------------------------------------------------------------------------------
 */

static int scan_add_head(struct db *db, const char *name, int32_t project, const char *made_by,
                         const struct scan_file *files, size_t n, struct err *err)
{
        struct stmt *st = db_stmt(db, "scan_head",
                                  "insert into datasets (name, project_id, made_by, sealed_at, files, bytes)"
                                  " values ($1, $2, $3, now(), $4, $5)");
        int64_t bytes = 0;

        for (size_t i = 0; i < n; i++)
                bytes += files[i].size;
        bind_text(st, name);
        bind_int(st, project);
        bind_text(st, made_by);
        bind_int(st, (int64_t)n);
        bind_int(st, bytes);
        return db_pipeline_add(st, err);
}

static int scan_add_place(struct db *db, const char *name, int32_t site, const char *root, bool is_file,
                          struct err *err)
{
        struct stmt *st = db_stmt(
            db, "scan_place",
            "insert into dataset_sites (dataset_id, site_id, root, is_file, files, bytes)"
            " select id, $2::int, $3::text, $4::boolean, files, bytes from datasets where name = $1::text"
            " on conflict (dataset_id, site_id, root) do update set files = excluded.files, bytes = "
            "excluded.bytes,"
            " checked_at = now()");

        bind_text(st, name);
        bind_int(st, site);
        bind_text(st, root);
        bind_bool(st, is_file);
        return db_pipeline_add(st, err);
}

static int scan_add_files(struct db *db, const char *name, int32_t site, const char *root,
                          const struct scan_file *v, size_t n, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "scan_files",
            "with new as (insert into files (dataset_id, path, size, sha256) select d.id, f.path, f.size, "
            "f.sha256"
            " from datasets d, unnest($4::text[], $5::bigint[], $6::bytea[]) as f (path, size, sha256)"
            " where d.name = $1::text returning dataset_id, path)"
            " insert into replicas (dataset_id, path, site_id, root, state)"
            " select dataset_id, path, $2::int, $3::text, 'present' from new");

        bind_text(st, name);
        bind_int(st, site);
        bind_text(st, root);
        bind_column_text(st, &v->path, sizeof *v, n);
        bind_column_i64(st, &v->size, sizeof *v, n);
        bind_column_bytes(st, &v->sha256, sizeof *v, n, 32);
        return db_pipeline_add(st, err);
}

/* The files of a dataset that is known already lie at one more place. */
static int scan_add_copies(struct db *db, const char *name, int32_t site, const char *root, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "scan_copies",
                    "insert into replicas (dataset_id, path, site_id, root, state)"
                    " select f.dataset_id, f.path, $2::int, $3::text, 'present' from datasets d"
                    " join files f on f.dataset_id = d.id where d.name = $1::text"
                    " on conflict (dataset_id, path, site_id, root) do update set state = 'present',"
                    " since = now()");

        bind_text(st, name);
        bind_int(st, site);
        bind_text(st, root);
        return db_pipeline_add(st, err);
}

static int scan_lock(struct db *db, const char *name, int32_t site, struct err *err)
{
        struct stmt *st = db_stmt(db, "scan_lock", "select reeve_place($1, $2::integer)");

        bind_text(st, name);
        bind_int(st, site);
        return db_pipeline_add(st, err);
}

static int by_path(const void *a, const void *b)
{
        return strcmp((*(const struct scan_file *const *)a)->path,
                      (*(const struct scan_file *const *)b)->path);
}

/* One row of the catalog and one found file, either of which may be missing (both lists are in order of
 * path). */
static int compare_file(const char *name, const struct rows *r, const struct scan_file *f, struct err *err)
{
        const char *path = r ? row_text(r, "path") : f->path;
        int order = r && f ? strcmp(row_text(r, "path"), f->path) : r ? -1 : 1;
        const uint8_t *sum;
        size_t len;

        if (order < 0)
                return err_set(err, ERR_CONFLICT,
                               "there is a dataset \"%s\" already, and its file %.200s is not here: choose"
                               " another name",
                               name, path);
        if (order > 0)
                return err_set(err, ERR_CONFLICT,
                               "there is a dataset \"%s\" already, and it has no file %.200s: choose another"
                               " name",
                               name, f->path);
        sum = row_bytes(r, "sha256", &len);
        if (row_int(r, "size") != f->size || len != 32 || memcmp(sum, f->sha256, 32) != 0)
                return err_set(err, ERR_CONFLICT,
                               "there is a dataset \"%s\" already, and its file %.200s has other content:"
                               " choose another name",
                               name, path);
        return 0;
}

/* Is there a registered dataset of that name with exactly these files? 1 yes, 0 no such name, -1 there is,
 * and it differs. */
static int scan_is_known(struct db *db, const char *name, int32_t project, int32_t site,
                         const struct scan_file *files, size_t n, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "scan_known",
            "select d.project_id, d.job_id is null and d.sealed_at is not null as fits, f.path, f.size,"
            " f.sha256, coalesce($2::integer = any(reeve_allowed_sites(d.policy_sites, d.policy_labels)), "
            "true)"
            " as allowed from datasets d join files f on f.dataset_id = d.id where d.name = $1::text"
            " order by f.path collate \"C\"");
        AUTO_FREE const struct scan_file **sorted = xcalloc(n, sizeof *sorted);
        AUTO_ROWS struct rows *r = NULL;
        size_t i = 0;

        bind_text(st, name);
        bind_int(st, site);
        if (db_query(st, &r, err) < 0)
                return -1;
        if (!rows_count(r))
                return 0;
        for (size_t k = 0; k < n; k++)
                sorted[k] = &files[k];
        qsort(sorted, n, sizeof *sorted, by_path);
        while (rows_next(r)) {
                if (row_int(r, "project_id") != project || !row_bool(r, "fits"))
                        return err_set(err, ERR_CONFLICT,
                                       "there is a dataset \"%s\" already: choose another name", name);
                if (!row_bool(r, "allowed"))
                        return err_set(err, ERR_DENIED, "the policy of \"%s\" does not allow it at this site",
                                       name);
                if (compare_file(name, r, i < n ? sorted[i] : NULL, err) < 0)
                        return -1;
                i++;
        }
        return i < n ? compare_file(name, NULL, sorted[i], err) : 1;
}

static int scan_add_known(struct db *db, int64_t epoch, const char *name, int32_t site, const char *root,
                          bool is_file, struct err *err)
{
        if (db_pipeline_begin(db, err) < 0 || fence_add(db, epoch, err) < 0 ||
            scan_lock(db, name, site, err) < 0 || scan_add_place(db, name, site, root, is_file, err) < 0 ||
            scan_add_copies(db, name, site, root, err) < 0)
                return -1;
        return db_pipeline_end(db, NULL, 0, err);
}

int store_dataset_register(struct db *db, int64_t epoch, const char *name, int32_t project,
                           const char *made_by, int32_t site, const char *root, bool is_file,
                           const struct scan_file *files, size_t n, struct err *err)
{
        int rc;

        for (size_t i = 0; i < n; i++) {
                if (strlen(files[i].path) > STORE_PATH_MAX)
                        return err_set(err, ERR_BAD_INPUT,
                                       "the path \"%.60s...\" is longer than %d bytes: register a directory "
                                       "nearer to it",
                                       files[i].path, STORE_PATH_MAX);
        }
        if (strlen(root) > STORE_ROOT_MAX)
                return err_set(err, ERR_BAD_INPUT, "the path \"%.60s...\" is longer than %d bytes", root,
                               STORE_ROOT_MAX);
        rc = scan_is_known(db, name, project, site, files, n, err);
        if (rc)
                return rc < 0 ? -1 : scan_add_known(db, epoch, name, site, root, is_file, err);
        if (db_pipeline_begin(db, err) < 0 || fence_add(db, epoch, err) < 0 ||
            scan_add_head(db, name, project, made_by, files, n, err) < 0 ||
            scan_add_place(db, name, site, root, is_file, err) < 0)
                return -1;
        for (size_t at = 0; at < n; at += BATCH_ROWS) {
                size_t rows = n - at < BATCH_ROWS ? n - at : BATCH_ROWS;

                if (scan_add_files(db, name, site, root, files + at, rows, err) < 0)
                        return -1;
        }
        if (db_pipeline_end(db, NULL, 0, err) < 0) {
                if (err && err->code == ERR_CONFLICT)
                        err_set(err, ERR_CONFLICT,
                                "a dataset named \"%s\" exists already, or lists a file twice", name);
                return -1;
        }
        return 0;
}

/* ---- upkeep: one slice a call, so that nothing waits long for it
 * ------------------------------------------- */

#define SLICE_ROWS 1000
/* A slice that would wait for somebody, or take long, is put off: the engine stands still meanwhile. */
#define SLICE_LIMITS "set local lock_timeout = '200ms'; set local statement_timeout = '5s'"

struct slice {
        int64_t epoch;
        int keep_days;
        struct upkeep *u;
        bool more;
};

static int upkeep_partitions(struct db *db, struct slice *s, struct err *err)
{
        struct stmt *st = db_stmt(db, "upkeep_partitions", "select reeve_partitions($1::int)");

        bind_int(st, s->keep_days);
        return db_exec(st, err) < 0 ? -1 : 0;
}

static int upkeep_rows(struct db *db, struct slice *s, const char *name, const char *sql, struct err *err)
{
        struct stmt *st = db_stmt(db, name, sql);
        int64_t n;

        bind_int(st, SLICE_ROWS);
        n = db_exec(st, err);
        s->more = n == SLICE_ROWS;
        return n < 0 ? -1 : 0;
}

static int upkeep_sessions(struct db *db, struct slice *s, struct err *err)
{
        return upkeep_rows(db, s, "upkeep_sessions",
                           "delete from sessions where hash in (select hash from sessions where expires_at <"
                           " now() order by expires_at limit $1)",
                           err);
}

static int upkeep_call_data(struct db *db, struct slice *s, struct err *err)
{
        return upkeep_rows(db, s, "upkeep_call_data",
                           "delete from call_data d where d.call_id in (select d.call_id from calls c join"
                           " call_data d on d.call_id = c.id where c.ended_at < now() - interval '1 hour'"
                           " limit $1)",
                           err);
}

static int upkeep_calls(struct db *db, struct slice *s, struct err *err)
{
        return upkeep_rows(db, s, "upkeep_calls",
                           "delete from calls where id in (select id from calls where ended_at < now() -"
                           " interval '1 hour' order by ended_at limit $1)",
                           err);
}

static int upkeep_keys(struct db *db, struct slice *s, struct err *err)
{
        return upkeep_rows(db, s, "upkeep_keys",
                           "delete from idempotency i using (select user_id, key from idempotency where"
                           " made_at < now() - interval '7 days' order by made_at limit $1) as old where"
                           " i.user_id = old.user_id and i.key = old.key",
                           err);
}

static int upkeep_jobs(struct db *db, struct slice *s, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "upkeep_jobs", "select reeve_forget_jobs($1::int, $2, $3::int) as next");
        AUTO_ROWS struct rows *r = NULL;

        bind_int(st, s->keep_days);
        bind_int(st, s->u->after_job);
        bind_int(st, SLICE_ROWS);
        if (db_query(st, &r, err) < 0)
                return -1;
        rows_next(r);
        s->u->after_job = row_int(r, "next");
        s->more = s->u->after_job != 0;
        return 0;
}

static int upkeep_datasets(struct db *db, struct slice *s, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "upkeep_datasets", "select reeve_forget_datasets($1::int, $2::int) as more");
        AUTO_ROWS struct rows *r = NULL;

        bind_int(st, s->keep_days);
        bind_int(st, SLICE_ROWS);
        if (db_query(st, &r, err) < 0)
                return -1;
        rows_next(r);
        s->more = row_bool(r, "more");
        return 0;
}

static int upkeep_learned(struct db *db, struct slice *s, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "upkeep_learned",
                    "delete from learned l using (select what, key, site_id, at, row_number() over"
                    " (order by at desc) as n from learned) as o where l.what = o.what and l.key"
                    " = o.key and l.site_id = o.site_id and (o.n > $1 or o.at < now() -"
                    " make_interval(days => $2::integer))");

        (void)s;
        bind_int(st, LEARNED_MAX);
        bind_int(st, LEARNED_DAYS);
        return db_exec(st, err) < 0 ? -1 : 0;
}

static int (*const upkeep_steps[])(struct db *db, struct slice *s, struct err *err) = {
    upkeep_partitions, upkeep_sessions, upkeep_call_data, upkeep_calls,
    upkeep_keys,       upkeep_jobs,     upkeep_datasets,  upkeep_learned,
};

static int upkeep_slice(struct db *db, void *arg, struct err *err)
{
        struct slice *s = arg;
        struct stmt *st = db_stmt(db, "upkeep_fence", "select reeve_fence($1)");

        s->more = false;
        bind_int(st, s->epoch);
        if (db_exec(st, err) < 0 || db_run(db, SLICE_LIMITS, err) < 0)
                return -1;
        return upkeep_steps[s->u->step](db, s, err);
}

int store_upkeep(struct db *db, int64_t epoch, int keep_days, struct upkeep *u, struct err *err)
{
        struct slice s = {.epoch = epoch, .keep_days = keep_days, .u = u};
        int64_t after_job = u->after_job;
        int rc = db_tx(db, upkeep_slice, &s, err);

        if (rc < 0)
                u->after_job = after_job;
        if (!s.more || rc < 0)
                u->step = (u->step + 1) % (int)(sizeof upkeep_steps / sizeof upkeep_steps[0]);
        u->more = u->step != 0 || s.more;
        return rc < 0 ? -1 : 0;
}

int store_engine_figures(struct db *db, int64_t epoch, int64_t pass_us, int64_t placed_total, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "engine_figures",
                    "update totals set value = case name when 'pass_us' then $1 when 'placed_total' then $2"
                    " else (extract(epoch from clock_timestamp()) * 1000)::bigint end"
                    " where name in ('pass_us', 'placed_total', 'pass_at')");

        bind_int(st, pass_us);
        bind_int(st, placed_total);
        return fenced_exec(st, db, epoch, err) < 0 ? -1 : 0;
}
