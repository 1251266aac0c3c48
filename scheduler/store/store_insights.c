/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_insights.h"

#include "store/engine_priv.h"

#define FORGET_ROWS 5000 /* in one turn */

static int add_rows(struct db *db, int64_t at, const struct insight_row *rows, size_t n, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "insights_add",
                    "insert into insights (what, at, site_id, n) select w.what,"
                    " date_bin(make_interval(secs => $1), $2::timestamptz, 'epoch'), w.site, w.n"
                    " from unnest($3::text[], $4::integer[], $5::bigint[]) as w (what, site, n)"
                    " on conflict (what, at, site_id) do update set n = insights.n + excluded.n");

        bind_int(st, INSIGHT_STEP_S);
        bind_time(st, at);
        bind_column_text(st, &rows->what, sizeof *rows, n);
        bind_column_i32(st, &rows->site, sizeof *rows, n);
        bind_column_i64(st, &rows->n, sizeof *rows, n);
        return db_pipeline_add(st, err);
}

static int forget(struct db *db, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "insights_forget",
                    "delete from insights i using (select what, at, site_id from insights where at <"
                    " now() - make_interval(days => $1::int) limit $2) as old where i.what = old.what and "
                    "i.at = old.at"
                    " and i.site_id = old.site_id");

        bind_int(st, INSIGHT_KEEP_DAYS);
        bind_int(st, FORGET_ROWS);
        return db_pipeline_add(st, err);
}

int store_insights_add(struct db *db, int64_t epoch, int64_t at, const struct insight_row *rows, size_t n,
                       struct err *err)
{
        if (!n)
                return 0;
        if (db_pipeline_begin(db, err) < 0 || fence_add(db, epoch, err) < 0 ||
            add_rows(db, at, rows, n, err) < 0 || forget(db, err) < 0)
                return -1;
        return db_pipeline_end(db, NULL, 0, err);
}

int store_insights_read(struct db *db, const char *const *what, size_t n, int64_t since, int64_t step_s,
                        struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(db, "insights_read",
                                  "select s.name as site, array_position($1::text[], i.what) as what,"
                                  " floor(extract(epoch from i.at - $2::timestamptz) / $3)::bigint as step,"
                                  " sum(i.n)::bigint as sum"
                                  " from insights i left join sites s on s.id = i.site_id"
                                  " where i.what = any($1::text[]) and i.at >= $2::timestamptz"
                                  " and (i.site_id = 0 or s.removed_at is null)"
                                  " group by 1, 2, 3 order by 1 nulls first, 3, 2 limit $4");

        bind_texts(st, what, n);
        bind_time(st, since);
        bind_int(st, step_s);
        bind_int(st, INSIGHT_ROWS_MAX);
        return db_query(st, ret, err);
}

int store_site_place(struct db *db, int32_t site, const char *place, struct err *err)
{
        struct stmt *st = db_stmt(db, "site_place", "update sites set place = $2::json where id = $1");

        bind_int(st, site);
        bind_text(st, place);
        return db_exec(st, err) < 0 ? -1 : 0;
}
