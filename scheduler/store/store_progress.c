/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_progress.h"

#include "store/engine_priv.h"

static int add_rows(struct db *db, const struct progress_write *w, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "progress_rows",
                    "insert into attempt_progress (job_id, task, attempt, fraction, text, at) select"
                    " unnest($1::bigint[]), unnest($2::integer[]), unnest($3::integer[]),"
                    " unnest($4::double precision[]), unnest($5::text[]), unnest($6::timestamptz[])"
                    " on conflict (job_id, task) do update set attempt = excluded.attempt, fraction ="
                    " excluded.fraction, text = excluded.text, at = excluded.at");
        const struct progress_row *v = w->rows;

        if (!w->rows_n)
                return 0;
        bind_column_i64(st, &v->key.job, sizeof *v, w->rows_n);
        bind_column_i32(st, &v->key.task, sizeof *v, w->rows_n);
        bind_column_i32(st, &v->key.attempt, sizeof *v, w->rows_n);
        bind_column_f64(st, &v->fraction, sizeof *v, w->rows_n);
        bind_column_text(st, &v->text, sizeof *v, w->rows_n);
        bind_column_time(st, &v->at, sizeof *v, w->rows_n);
        return db_pipeline_add(st, err);
}

static int add_gone(struct db *db, const struct progress_write *w, struct err *err)
{
        struct stmt *st = db_stmt(db, "progress_gone",
                                  "delete from attempt_progress p using (select unnest($1::bigint[]) as job,"
                                  " unnest($2::integer[]) as task, unnest($3::integer[]) as attempt) as g"
                                  " where p.job_id = any(array[g.job]) and p.task = g.task"
                                  " and p.attempt = g.attempt");
        const struct attempt_key *v = w->gone;

        if (!w->gone_n)
                return 0;
        bind_column_i64(st, &v->job, sizeof *v, w->gone_n);
        bind_column_i32(st, &v->task, sizeof *v, w->gone_n);
        bind_column_i32(st, &v->attempt, sizeof *v, w->gone_n);
        return db_pipeline_add(st, err);
}

static int add_paces(struct db *db, const struct progress_write *w, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "progress_paces",
                    "insert into job_pace (job_id, at, per_second, low, high) select unnest($1::bigint[]),"
                    " unnest($2::timestamptz[]), unnest($3::double precision[]),"
                    " unnest($4::double precision[]), unnest($5::double precision[])"
                    " on conflict (job_id) do update set at = excluded.at, per_second = excluded.per_second,"
                    " low = excluded.low, high = excluded.high");
        const struct pace_row *v = w->paces;

        if (!w->paces_n)
                return 0;
        bind_column_i64(st, &v->job, sizeof *v, w->paces_n);
        bind_column_time(st, &v->at, sizeof *v, w->paces_n);
        bind_column_f64(st, &v->per_second, sizeof *v, w->paces_n);
        bind_column_f64(st, &v->low, sizeof *v, w->paces_n);
        bind_column_f64(st, &v->high, sizeof *v, w->paces_n);
        return db_pipeline_add(st, err);
}

static int add_done(struct db *db, const struct progress_write *w, struct err *err)
{
        struct stmt *st = db_stmt(db, "progress_done", "delete from job_pace where job_id = any($1)");

        if (!w->done_n)
                return 0;
        bind_ints(st, w->done, w->done_n);
        return db_pipeline_add(st, err);
}

int store_progress_write(struct db *db, int64_t epoch, const struct progress_write *w, struct err *err)
{
        if (db_pipeline_begin(db, err) < 0 || fence_add(db, epoch, err) < 0 || add_rows(db, w, err) < 0 ||
            add_gone(db, w, err) < 0 || add_paces(db, w, err) < 0 || add_done(db, w, err) < 0)
                return -1;
        return db_pipeline_end(db, NULL, 0, err);
}

int store_progress_reset(struct db *db, int64_t epoch, struct err *err)
{
        if (db_pipeline_begin(db, err) < 0 || fence_add(db, epoch, err) < 0 ||
            db_pipeline_add(db_stmt(db, "progress_reset", "delete from attempt_progress"), err) < 0 ||
            db_pipeline_add(db_stmt(db, "pace_reset", "delete from job_pace"), err) < 0)
                return -1;
        return db_pipeline_end(db, NULL, 0, err);
}
