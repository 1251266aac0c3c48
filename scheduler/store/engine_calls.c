/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to calls, scanned datasets, upkeep and figures. */
#include "store/engine_priv.h"

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
                (void)db_notify_soon(db, "reeve_web", 0, NULL);
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
                (void)db_notify_soon(db, "reeve_web", 0, NULL);
        return rows < 0 ? -1 : 0;
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
            " select id, $2::int, $3::text, $4::boolean, files, bytes from datasets where name = $1::text");

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

int store_dataset_register(struct db *db, int64_t epoch, const char *name, int32_t project,
                           const char *made_by, int32_t site, const char *root, bool is_file,
                           const struct scan_file *files, size_t n, struct err *err)
{
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

/* ---- upkeep ---------------------------------------------------------------------------------------------
 */

static const struct {
        const char *name, *sql;
        bool keeps; /* $1: days to keep */
} upkeep[] = {
    {"upkeep_partitions", "select reeve_partitions($1::int)", true},
    {"upkeep_sessions", "delete from sessions where expires_at < now()", false},
    {"upkeep_call_data",
     "delete from call_data where call_id in (select id from calls where ended_at < now() - interval '1 "
     "hour')",
     false},
    {"upkeep_calls", "delete from calls where ended_at < now() - interval '1 hour'", false},
    {"upkeep_keys", "delete from idempotency where made_at < now() - interval '7 days'", false},
    {"upkeep_intents",
     "delete from job_intents i where i.applied_at < now() - $1 * interval '1 day'"
     " and not exists (select from job_queue q where q.job_id = i.job_id)",
     true},
    /* The newest stays whatever its age: decision numbers go on from it. */
    {"upkeep_decisions",
     "delete from decisions d where d.decided_at < now() - $1 * interval '1 day'"
     " and d.id < (select max(id) from decisions)"
     " and not exists (select from job_queue q where q.job_id = d.job_id)",
     true},
};

int store_upkeep(struct db *db, int64_t epoch, int keep_days, struct err *err)
{
        for (size_t i = 0; i < sizeof upkeep / sizeof upkeep[0]; i++) {
                struct stmt *st = db_stmt(db, upkeep[i].name, upkeep[i].sql);

                if (upkeep[i].keeps)
                        bind_int(st, keep_days);
                if (fenced_exec(st, db, epoch, err) < 0)
                        return -1;
        }
        return 0;
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
