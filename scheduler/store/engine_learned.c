/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine learned of run times. */
#include "store/engine_priv.h"

#include <stdlib.h>

#define COLUMN(kind, st, rows, field, ...) bind_column_##kind(st, &(rows)->field, sizeof *(rows), __VA_ARGS__)

static void learned_fill(const struct rows *r, void *element)
{
        struct load_learned *l = element;

        l->what = row_text(r, "what")[0];
        l->key = row_int(r, "key");
        l->site = (int32_t)row_int(r, "site_id");
        l->run_ms = row_f64(r, "run_ms");
        l->ended = row_int(r, "ended");
        l->early = (int32_t)row_int(r, "early");
        l->at = row_time(r, "at");
}

int store_load_learned(struct db *db, struct load_learned **ret, size_t *ret_n, struct err *err)
{
        struct stmt *st = db_stmt(db, "load_learned",
                                  "select what, key, site_id, run_ms, ended, early, at from learned"
                                  " order by at desc limit $1");

        bind_int(st, LEARNED_MAX);
        return LOAD_ALL(st, struct load_learned, learned_fill, ret, ret_n, err);
}

void store_free_learned(struct load_learned *rows, size_t n)
{
        (void)n;
        free(rows);
}

int learned_add(struct db *db, const struct commit *c, size_t at, size_t n, struct err *err)
{
        const struct commit_learned *v = c->learned + at;
        struct stmt *st = db_stmt(
            db, "commit_learned",
            "insert into learned (what, key, site_id, run_ms, ended, early, at) select distinct on (what,"
            " key, site) what, key, site, run_ms, ended, early, at from unnest($1::text[],"
            " $2::bigint[], $3::integer[], $4::double precision[], $5::bigint[], $6::integer[],"
            " $7::timestamptz[]) with ordinality as l (what, key, site, run_ms, ended, early, at, n)"
            " order by what, key, site, n desc on conflict (what, key, site_id) do update set run_ms ="
            " excluded.run_ms, ended = excluded.ended, early = excluded.early, at = excluded.at");

        COLUMN(text, st, v, what, n);
        COLUMN(i64, st, v, key, n);
        COLUMN(i32, st, v, site, n);
        COLUMN(f64, st, v, run_ms, n);
        COLUMN(i64, st, v, ended, n);
        COLUMN(i32, st, v, early, n);
        COLUMN(time, st, v, at, n);
        return db_pipeline_add(st, err);
}
