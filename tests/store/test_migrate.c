/* SPDX-License-Identifier: Apache-2.0 */
#include "store_test.h"
#include "common/embed.h"

#include <pthread.h>

static void applying_again_does_nothing(void **state)
{
        struct db *db = *state;
        struct err err = {0};
        int applied = -1;

        ok(migrate_apply(db, &applied, &err));
        assert_int_equal(applied, 0);
        ok(migrate_check(db, &err));
        assert_int_equal(ask_int(db, "select count(*) as v from schema_migrations"),
                         (int64_t)migration_files_count);
        assert_string_equal(ask_text(db,
                                     "select name || length(sha256) || program as v from schema_migrations"
                                     " where number = 1"),
                            "base64" REEVE_VERSION);
}

static void a_changed_step_is_refused(void **state)
{
        struct db *db = *state;
        struct err err = {0};

        ok(db_run(db, "update schema_migrations set sha256 = repeat('0', 64) where number = 1", &err));
        assert_int_equal(migrate_apply(db, NULL, &err), -1);
        assert_int_equal(err.code, ERR_CONFLICT);
        assert_non_null(strstr(err.text, "another text"));
        assert_int_equal(migrate_check(db, &err), -1);
}

static void a_newer_schema_is_refused(void **state)
{
        struct db *db = *state;
        struct err err = {0};

        ok(db_run(db,
                  "insert into schema_migrations (number, name, sha256, program) values (9999, 'later', 'x', "
                  "'99.0')",
                  &err));
        assert_int_equal(migrate_apply(db, NULL, &err), -1);
        assert_int_equal(err.code, ERR_CONFLICT);
        assert_non_null(strstr(err.text, "of Reeve 99.0"));
        assert_int_equal(migrate_check(db, &err), -1);
}

/* An empty database of its own for the tests that begin at nothing. */
static struct db *empty_database(void)
{
        static int number;
        struct err err = {0};
        struct db *db = NULL;
        char name[40], sql[100];

        snprintf(name, sizeof name, "empty_%d_%d", (int)getpid(), ++number);
        snprintf(sql, sizeof sql, "create database %s", name);
        server_run("postgres", sql);
        snprintf(test_conninfo, sizeof test_conninfo, "%s dbname=%s", getenv("REEVE_TEST_PG"), name);
        ok(db_open(test_conninfo, "test", 0, &db, &err));
        return db;
}

static void a_database_without_schema_is_not_current(void **state)
{
        struct err err = {0};
        struct db *db = empty_database();

        (void)state;
        assert_int_equal(migrate_check(db, &err), -1);
        assert_int_equal(err.code, ERR_UNAVAILABLE);
        assert_int_equal(
            ask_int(db, "select count(*) as v from pg_class where relname = 'schema_migrations'"), 0);
        db_close(db);
}

static void a_step_that_fails_leaves_nothing(void **state)
{
        struct err err = {0};
        struct db *db = empty_database();

        (void)state;
        /* The first step makes a table of this name in its middle. */
        ok(db_run(db, "create table calls (x integer)", &err));
        assert_int_equal(migrate_apply(db, NULL, &err), -1);
        assert_non_null(strstr(err.text, "schema step 1 \"base\""));
        assert_int_equal(
            ask_int(db, "select count(*) as v from pg_class where relnamespace = 'public'::regnamespace"), 1);
        ok(db_run(db, "drop table calls", &err));
        ok(migrate_apply(db, NULL, &err));
        db_close(db);
}

static void *apply(void *arg)
{
        struct err err = {0};
        intptr_t applied = -1;
        int n;

        if (migrate_apply(arg, &n, &err) == 0)
                applied = n;
        return (void *)applied;
}

static void two_programs_that_start_together_apply_each_step_once(void **state)
{
        struct err err = {0};
        struct db *a = empty_database(), *b = NULL;
        pthread_t first, second;
        void *by_a, *by_b;

        (void)state;
        ok(db_open(test_conninfo, "test", 0, &b, &err));
        pthread_create(&first, NULL, apply, a);
        pthread_create(&second, NULL, apply, b);
        pthread_join(first, &by_a);
        pthread_join(second, &by_b);
        assert_int_equal((intptr_t)by_a + (intptr_t)by_b, (intptr_t)migration_files_count);
        db_close(a);
        db_close(b);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            store_test(applying_again_does_nothing),
            store_test(a_changed_step_is_refused),
            store_test(a_newer_schema_is_refused),
            cmocka_unit_test(a_database_without_schema_is_not_current),
            cmocka_unit_test(a_step_that_fails_leaves_nothing),
            cmocka_unit_test(two_programs_that_start_together_apply_each_step_once),
        };

        return cmocka_run_group_tests(tests, group_setup, NULL);
}
