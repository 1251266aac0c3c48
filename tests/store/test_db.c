/* SPDX-License-Identifier: Apache-2.0 */
#include "store_test.h"

#include <math.h>

static void scalars_come_back_as_they_went(void **state)
{
        struct db *db = *state;
        struct err err = {0};
        AUTO_ROWS struct rows *r = NULL;
        size_t n;

        struct stmt *st =
            db_stmt(db, "scalars",
                    "select $1 as i, $2 as f, $3 as b, $4::text as t, $5::bytea as y, $6 as at,"
                    " $7::int as none, $8::json ->> 'k' as j, $9::text as part, sum($1) as total");

        bind_int(st, -9000000000LL);
        bind_f64(st, 0.1);
        bind_bool(st, true);
        bind_text(st, "grüße");
        bind_bytes(st, "\0\1\xff", 3);
        bind_time(st, 1795246473123LL);
        bind_null(st);
        bind_text(st, "{\"k\":\"v\"}");
        bind_text_n(st, "abcdef", 3);
        ok(db_query(st, &r, &err));
        assert_true(rows_next(r));
        assert_int_equal(row_int(r, "i"), -9000000000LL);
        assert_true(row_f64(r, "f") == 0.1);
        assert_true(row_bool(r, "b"));
        assert_string_equal(row_text(r, "t"), "grüße");
        assert_memory_equal(row_bytes(r, "y", &n), "\0\1\xff", 3);
        assert_int_equal(n, 3);
        assert_int_equal(row_time(r, "at"), 1795246473123LL);
        assert_true(row_null(r, "none"));
        assert_int_equal(row_int(r, "none"), 0);
        assert_string_equal(row_text(r, "j"), "v");
        assert_string_equal(row_text(r, "part"), "abc");
        assert_int_equal(row_int(r, "total"), -9000000000LL);
        assert_false(rows_next(r));
}

static void times_survive_the_calendar(void **state)
{
        static const int64_t times[] = {0,
                                        -1,
                                        951782400000LL, /* 2000-02-29 */
                                        951868799999LL,
                                        1709164800001LL, /* 2024-02-29 */
                                        4107542400000LL, /* 2100-03-01 */
                                        -2208988800000LL /* 1900-01-01 */};
        struct db *db = *state;
        struct err err = {0};

        for (size_t i = 0; i < ARRAY_LEN(times); i++) {
                AUTO_ROWS struct rows *r = NULL;
                struct stmt *st = db_stmt(db, "time", "select $1 as at");

                bind_time(st, times[i]);
                ok(db_query(st, &r, &err));
                rows_next(r);
                assert_int_equal(row_time(r, "at"), times[i]);
        }
}

static void arrays_carry_their_nulls(void **state)
{
        struct db *db = *state;
        struct err err = {0};
        AUTO_ROWS struct rows *r = NULL;
        const int64_t ints[] = {1, INT64_MIN, INT64_MAX};
        const double f64s[] = {0.5, NAN, -1e300};
        const bool bools[] = {true, false, true};
        const int64_t times[] = {5, INT64_MIN, -5};
        const char *texts[] = {"", NULL, "ö\xff!"};
        const void *bytes[] = {"\0x", NULL, ""};
        const size_t lens[] = {2, 0, 0};
        struct stmt *st = db_stmt(db, "arrays",
                                  "select * from unnest($1::bigint[], $2::double precision[], $3::boolean[],"
                                  " $4::timestamptz[], $5::text[], $6::bytea[]) as u (i, f, b, at, t, y)");
        size_t n;

        bind_ints(st, ints, 3);
        bind_f64s(st, f64s, 3);
        bind_bools(st, bools, 3);
        bind_times(st, times, 3);
        bind_texts(st, texts, 3);
        bind_bytes_array(st, bytes, lens, 3);
        ok(db_query(st, &r, &err));
        assert_int_equal(rows_count(r), 3);
        for (int i = 0; i < 3; i++) {
                assert_true(rows_next(r));
                assert_int_equal(row_null(r, "i"), i == 1);
                assert_int_equal(row_null(r, "f"), i == 1);
                assert_int_equal(row_null(r, "at"), i == 1);
                assert_int_equal(row_null(r, "t"), i == 1);
                assert_int_equal(row_null(r, "y"), i == 1);
                assert_int_equal(row_bool(r, "b"), bools[i]);
                assert_int_equal(row_time(r, "at"), times[i]);
                if (i != 1) {
                        assert_int_equal(row_int(r, "i"), ints[i]);
                        assert_true(row_f64(r, "f") == f64s[i]);
                        assert_memory_equal(row_bytes(r, "y", &n), bytes[i], lens[i]);
                        assert_int_equal(n, lens[i]);
                }
        }
        assert_string_equal(row_text(r, "t"), "ö\xef\xbf\xbd!");
}

static void empty_arrays_are_arrays(void **state)
{
        struct db *db = *state;
        struct err err = {0};
        AUTO_ROWS struct rows *r = NULL;
        struct stmt *st = db_stmt(db, "empty", "select cardinality($1::bigint[]) as n");

        bind_ints(st, NULL, 0);
        ok(db_query(st, &r, &err));
        rows_next(r);
        assert_false(row_null(r, "n"));
        assert_int_equal(row_int(r, "n"), 0);
}

static void columns_of_structs_become_arrays(void **state)
{
        struct db *db = *state;
        struct err err = {0};
        AUTO_ROWS struct rows *r = NULL;
        struct {
                int64_t a;
                int32_t b;
                int16_t c;
                bool d;
                double e;
                const char *f;
        } v[] = {{7, -7, 3, true, 1.5, "x"}, {INT64_MIN, 8, -4, false, NAN, NULL}};
        struct stmt *st =
            db_stmt(db, "columns",
                    "select sum(a) as a, sum(b) as b, sum(c) as c, bool_or(d) as d, sum(e) as e,"
                    " string_agg(f, ',') as f, count(f) as n from unnest($1::bigint[], $2::integer[],"
                    " $3::smallint[], $4::boolean[], $5::double precision[], $6::text[])"
                    " as u (a, b, c, d, e, f)");

        bind_column_i64(st, &v[0].a, sizeof v[0], 2);
        bind_column_i32(st, &v[0].b, sizeof v[0], 2);
        bind_column_i16(st, &v[0].c, sizeof v[0], 2);
        bind_column_bool(st, &v[0].d, sizeof v[0], 2);
        bind_column_f64(st, &v[0].e, sizeof v[0], 2);
        bind_column_text(st, &v[0].f, sizeof v[0], 2);
        ok(db_query(st, &r, &err));
        rows_next(r);
        assert_int_equal(row_int(r, "a"), 7);
        assert_int_equal(row_int(r, "b"), 1);
        assert_int_equal(row_int(r, "c"), -1);
        assert_true(row_bool(r, "d"));
        assert_true(row_f64(r, "e") == 1.5);
        assert_string_equal(row_text(r, "f"), "x");
        assert_int_equal(row_int(r, "n"), 1);
}

static void a_statement_takes_other_types_the_next_time(void **state)
{
        struct db *db = *state;
        struct err err = {0};

        for (int i = 0; i < 4; i++) {
                AUTO_ROWS struct rows *r = NULL;
                struct stmt *st = db_stmt(db, "types", "select $1::bigint as v");

                if (i == 0)
                        bind_null(st);
                else if (i == 1)
                        bind_text(st, "5");
                else
                        bind_int(st, 5);
                ok(db_query(st, &r, &err));
                rows_next(r);
                assert_int_equal(row_int(r, "v"), i ? 5 : 0);
        }
}

static void errors_have_codes(void **state)
{
        static const struct {
                const char *sql;
                enum err_code code;
        } cases[] = {
            {"insert into projects (name) values ('default')", ERR_CONFLICT},
            {"insert into tokens (user_id, name, prefix, hash) values (99, 'a', 'b', 'c')", ERR_CONFLICT},
            {"select reeve_fence(77)", ERR_FENCED},
            {"do $$ begin raise exception 'x' using errcode = '53100'; end $$", ERR_LIMIT},
            {"do $$ begin raise exception 'x' using errcode = 'RV002'; end $$", ERR_CONFLICT},
            {"select 1 / 0", ERR_BAD_INPUT},
            {"select nothing", ERR_SYSTEM},
        };
        struct db *db = *state;

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct err err = {0};

                assert_int_equal(db_exec(db_stmt(db, cases[i].sql, cases[i].sql), &err), -1);
                assert_int_equal(err.code, cases[i].code);
                assert_true(db_is_ok(db));
        }
}

static void a_pipeline_is_one_transaction(void **state)
{
        struct db *db = *state;
        struct err err = {0};
        int64_t counts[3];
        struct stmt *st;

        ok(db_pipeline_begin(db, &err));
        for (int i = 0; i < 3; i++) {
                st = db_stmt(db, "setting_add",
                             "insert into settings select 'n' || g, $1 from generate_series($2, 10) g");
                bind_text(st, "x");
                bind_int(st, 1 + 3 * i + (i > 0));
                if (i > 0)
                        st = db_stmt(db, "setting_del", "delete from settings where name in ('n1', 'n2')");
                ok(db_pipeline_add(st, &err));
        }
        ok(db_pipeline_end(db, counts, 3, &err));
        assert_int_equal(counts[0], 10);
        assert_int_equal(counts[1], 2);
        assert_int_equal(counts[2], 0);
        assert_int_equal(ask_int(db, "select count(*) as v from settings"), 8);

        ok(db_pipeline_begin(db, &err));
        ok(db_pipeline_add(db_stmt(db, "all_del", "delete from settings"), &err));
        ok(db_pipeline_add(db_stmt(db, "bad", "insert into settings values ('a', null)"), &err));
        ok(db_pipeline_add(db_stmt(db, "fresh", "delete from idempotency"), &err));
        assert_int_equal(db_pipeline_end(db, counts, 3, &err), -1);
        assert_int_equal(err.code, ERR_SYSTEM);
        assert_int_equal(ask_int(db, "select count(*) as v from settings"), 8);

        /* What was prepared, and what was not, is known after a failure. */
        ok(db_exec(db_stmt(db, "fresh", "delete from idempotency"), &err));
}

static void a_large_pipeline_does_not_lock_up(void **state)
{
        enum { N = 4000 };
        static const char *names[N];
        static char text[N][16];
        struct db *db = *state;
        struct err err = {0};

        for (int i = 0; i < N; i++) {
                snprintf(text[i], sizeof text[i], "k%d", i);
                names[i] = text[i];
        }
        ok(db_pipeline_begin(db, &err));
        for (int i = 0; i < 100; i++) {
                struct stmt *st = db_stmt(db, "echo", "select * from unnest($1::text[])");

                bind_texts(st, names, N);
                ok(db_pipeline_add(st, &err));
        }
        ok(db_pipeline_end(db, NULL, 0, &err));
}

static int tries;
static int add_setting(struct db *db, void *arg, struct err *err)
{
        struct stmt *st = db_stmt(db, "add", "insert into settings values ($1, '')");

        bind_text(st, arg);
        if (db_exec(st, err) < 0)
                return -1;
        if (tries-- > 0)
                return (int)db_exec(
                    db_stmt(db, "clash", "do $$ begin raise exception 'x' using errcode = '40001'; end $$"),
                    err);
        return 7;
}
static int refuse(struct db *db, void *arg, struct err *err)
{
        if (add_setting(db, arg, err) < 0)
                return -1;
        return err_set(err, ERR_BAD_INPUT, "no");
}

static void a_transaction_repeats_on_conflict_and_rolls_back_on_refusal(void **state)
{
        struct db *db = *state;
        struct err err = {0};

        tries = 2;
        assert_int_equal(db_tx(db, add_setting, "a", &err), 7);
        assert_int_equal(tries, -1);
        tries = 100;
        assert_int_equal(db_tx(db, add_setting, "b", &err), -1);
        assert_int_equal(tries, 95);
        tries = 0;
        assert_int_equal(db_tx(db, refuse, "c", &err), -1);
        assert_int_equal(err.code, ERR_BAD_INPUT);
        assert_string_equal(ask_text(db, "select string_agg(name, ',') as v from settings"), "a");
}

static void a_lost_connection_says_so_until_reconnected(void **state)
{
        struct db *db = *state, *other = test_open();
        struct err err = {0};
        struct stmt *st;

        st = db_stmt(other, "kill", "select pg_terminate_backend($1::int)");
        bind_int(st, ask_int(db, "select pg_backend_pid() as v"));
        ok(db_exec(st, &err));
        assert_int_equal(db_run(db, "select 1", &err), -1);
        assert_int_equal(err.code, ERR_UNAVAILABLE);
        assert_false(db_is_ok(db));
        assert_int_equal(db_socket(db), -1);
        assert_int_equal(db_notifications(db), -1);
        assert_int_equal(db_exec(db_stmt(db, "one", "select 1"), &err), -1);
        assert_int_equal(err.code, ERR_UNAVAILABLE);
        assert_int_equal(db_pipeline_begin(db, &err), -1);
        ok(db_reconnect(db, &err));
        assert_int_equal(ask_int(db, "select 5 as v"), 5);
        db_close(other);
}

static void a_statement_that_takes_too_long_ends(void **state)
{
        struct err err = {0};
        struct db *db = NULL;

        (void)state;
        ok(db_open(test_conninfo, "hasty", 50, &db, &err));
        assert_int_equal(db_run(db, "select pg_sleep(20)", &err), -1);
        assert_int_equal(err.code, ERR_UNAVAILABLE);
        assert_true(db_is_ok(db));
        db_close(db);
}

static void a_server_that_is_not_there_is_unavailable(void **state)
{
        struct err err = {0};
        struct db *db = NULL;

        (void)state;
        assert_int_equal(db_open("host=/nonexistent dbname=x", "none", 0, &db, &err), -1);
        assert_int_equal(err.code, ERR_UNAVAILABLE);
        assert_null(db);
}

/* The notification may take a moment to arrive. */
static int wait_notifications(struct db *db)
{
        int64_t deadline = clock_boot_ms() + 5000;
        int n = 0;

        while (n == 0 && clock_boot_ms() < deadline)
                n = db_notifications(db);
        return n;
}

static void notifications_arrive_and_are_coalesced(void **state)
{
        struct db *db = *state, *listener = test_open();
        struct err err = {0};

        ok(db_listen(listener, "reeve_web", &err));
        ok(db_notify(db, "reeve_web", &err));
        assert_int_equal(wait_notifications(listener), 1);

        ok(db_notify_soon(db, "reeve_web", 3600000, &err)); /* the first goes at once */
        assert_false(db_notify_waits(db));
        assert_int_equal(wait_notifications(listener), 1);
        ok(db_notify_soon(db, "reeve_web", 3600000, &err));
        ok(db_notify_soon(db, "reeve_web", 3600000, &err));
        assert_true(db_notify_waits(db));
        assert_int_equal(db_notify_flush(db, &err), 1);
        assert_int_equal(wait_notifications(listener), 1);
        assert_int_equal(db_notify_flush(db, &err), 0);
        db_close(listener);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            store_test(scalars_come_back_as_they_went),
            store_test(times_survive_the_calendar),
            store_test(arrays_carry_their_nulls),
            store_test(empty_arrays_are_arrays),
            store_test(columns_of_structs_become_arrays),
            store_test(a_statement_takes_other_types_the_next_time),
            store_test(errors_have_codes),
            store_test(a_pipeline_is_one_transaction),
            store_test(a_large_pipeline_does_not_lock_up),
            store_test(a_transaction_repeats_on_conflict_and_rolls_back_on_refusal),
            store_test(a_lost_connection_says_so_until_reconnected),
            store_test(a_statement_that_takes_too_long_ends),
            store_test(a_server_that_is_not_there_is_unavailable),
            store_test(notifications_arrive_and_are_coalesced),
        };

        return cmocka_run_group_tests(tests, group_setup, NULL);
}
