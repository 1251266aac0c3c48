/* SPDX-License-Identifier: Apache-2.0 */
/* store_test.h - what every test of the store starts with: a database of its own, copied from a template that
 * holds the schema. The server is the one in REEVE_TEST_PG (tests/support/pg.sh run ...).
 */
#ifndef REEVE_STORE_TEST_H
#define REEVE_STORE_TEST_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "common/log.h"
#include "common/util.h"
#include "store/db.h"
#include "store/migrate.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char test_conninfo[512]; /* of the database of the running test */

#define ok(call)                                                                                             \
        do {                                                                                                 \
                if ((call) < 0)                                                                              \
                        fail_msg("%s: %s", #call, err.text);                                                 \
        } while (0)

/* Run one text of SQL on the database `name` of the test server. */
static __attribute__((unused)) void server_run(const char *name, const char *sql)
{
        struct err err = {0};
        struct db *db = NULL;
        char conninfo[512];

        snprintf(conninfo, sizeof conninfo, "%s dbname=%s", getenv("REEVE_TEST_PG"), name);
        ok(db_open(conninfo, "test-server", 30000, &db, &err));
        ok(db_run(db, sql, &err));
        db_close(db);
}

static __attribute__((unused)) struct db *test_open(void)
{
        struct err err = {0};
        struct db *db = NULL;

        ok(db_open(test_conninfo, "test", 30000, &db, &err));
        return db;
}

static __attribute__((unused)) int group_setup(void **state)
{
        struct err err = {0};
        struct db *db = NULL;
        char sql[200], template[40];

        (void)state;
        log_init("test", LOG_LEVEL_ERROR);
        if (!getenv("REEVE_TEST_PG")) {
                fprintf(stderr, "run this under tests/support/pg.sh run\n");
                return -1;
        }
        snprintf(template, sizeof template, "template_%d", (int)getpid());
        snprintf(sql, sizeof sql, "create database %s", template);
        server_run("postgres", sql);
        snprintf(test_conninfo, sizeof test_conninfo, "%s dbname=%s", getenv("REEVE_TEST_PG"), template);
        ok(db_open(test_conninfo, "test", 0, &db, &err));
        ok(migrate_apply(db, NULL, &err));
        db_close(db);
        return 0;
}

/* A fresh database with the schema; *state is a connection to it. */
static __attribute__((unused)) int test_setup(void **state)
{
        static int number;
        char sql[200], name[40];

        snprintf(name, sizeof name, "test_%d_%d", (int)getpid(), ++number);
        snprintf(sql, sizeof sql, "create database %s template template_%d strategy file_copy", name,
                 (int)getpid());
        server_run("postgres", sql);
        snprintf(test_conninfo, sizeof test_conninfo, "%s dbname=%s", getenv("REEVE_TEST_PG"), name);
        *state = test_open();
        return 0;
}

static __attribute__((unused)) int test_teardown(void **state)
{
        db_close(*state);
        return 0;
}

/* One number or text out of the database. */
static __attribute__((unused)) int64_t ask_int(struct db *db, const char *sql)
{
        AUTO_ROWS struct rows *r = NULL;
        struct err err = {0};

        ok(db_query(db_stmt(db, sql, sql), &r, &err));
        assert_true(rows_next(r));
        return row_int(r, "v");
}

static __attribute__((unused)) const char *ask_text(struct db *db, const char *sql)
{
        static char text[4][4096];
        static int next;
        AUTO_ROWS struct rows *r = NULL;
        struct err err = {0};
        char *out = text[next++ % 4];

        ok(db_query(db_stmt(db, sql, sql), &r, &err));
        assert_true(rows_next(r));
        snprintf(out, sizeof text[0], "%s", row_text(r, "v"));
        return out;
}

#define store_test(f) cmocka_unit_test_setup_teardown(f, test_setup, test_teardown)

#endif
