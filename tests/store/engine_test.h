/* SPDX-License-Identifier: Apache-2.0 */
/* engine_test.h - a small grid in the database, and commits of one row. */
#ifndef REEVE_ENGINE_TEST_H
#define REEVE_ENGINE_TEST_H

#include "store_test.h"
#include "store/store_engine.h"

static int64_t test_epoch;

#define NOW 1795246473123LL

/* One user, two sites with a worker each, and the leadership. */
static __attribute__((unused)) int engine_setup(void **state)
{
        struct err err = {0};

        test_setup(state);
        ok(db_run(
            *state,
            "insert into users (name, role) values ('ann', 'submitter');"
            "insert into sites (name, intent, intent_by) values ('alpha', 'open', 'ann'), ('beta', 'open', "
            "'ann');"
            "insert into hosts (site_id, address, port) values (1, 'a.example', 22), (2, 'b.example', 2222);"
            "insert into accounts (site_id, unix_user) values (1, 'grid'), (2, 'grid');"
            "insert into workers (site_id, host_id, account_id) values (1, 1, 1), (2, 2, 2)",
            &err));
        assert_int_equal(store_lead(*state, "test", 60000, &test_epoch, &err), 1);
        return 0;
}

#define engine_test(f) cmocka_unit_test_setup_teardown(f, engine_setup, test_teardown)

/* A live job of tasks 1 to n; its number. */
static __attribute__((unused)) int64_t job_make(struct db *db, int tasks)
{
        AUTO_ROWS struct rows *r = NULL;
        struct err err = {0};
        struct stmt *st;

        ok(db_run(db, "insert into users (name, role) values ('ann', 'submitter') on conflict do nothing",
                  &err));
        st =
            db_stmt(db, "job_make",
                    "with j as (insert into jobs (project_id, user_id, name, spec, first_task, last_task)"
                    " values (1, 1, 'job', '{\"command\":[\"true\"]}', 1, $1) returning id),"
                    " q as (insert into job_queue (job_id, next_task) select id, 1 from j) select id from j");

        bind_int(st, tasks);
        ok(db_query(st, &r, &err));
        rows_next(r);
        return row_int(r, "id");
}

/* Append a row, given as an initializer or a value. */
#define ADD(c, what, ...)                                                                                    \
        do {                                                                                                 \
                __typeof__(*(c)->what) row_[1] = {__VA_ARGS__};                                              \
                                                                                                             \
                (c)->what = xgrow((c)->what, (c)->what##_n, &(c)->what##_cap, sizeof *(c)->what);            \
                (c)->what[(c)->what##_n++] = row_[0];                                                        \
        } while (0)

static __attribute__((unused)) struct commit_placed placed(int64_t job, int task, int attempt)
{
        return (struct commit_placed){
            .key = {job, task, attempt}, .site = 1, .worker = 1, .decision = 5, .placed_at = NOW};
}

static __attribute__((unused)) struct commit_ended ended_well(int64_t job, int task, int attempt)
{
        return (struct commit_ended){.key = {job, task, attempt},
                                     .state = ATTEMPT_SUCCEEDED,
                                     .outcome = OUTCOME_SUCCEEDED,
                                     .blame = BLAME_NONE,
                                     .final = true,
                                     .started_at = NOW + 10,
                                     .ended_at = NOW + 20,
                                     .wall_us = 10000};
}

static __attribute__((unused)) struct commit_job job_row(int64_t job, int next_task)
{
        return (struct commit_job){.job = job,
                                   .next_task = next_task,
                                   .started_at = TIME_NONE,
                                   .wait = WAIT_BUSY,
                                   .wait_since = NOW};
}

/* Commit and empty. */
static __attribute__((unused)) int commit(struct db *db, struct commit *c, struct err *err)
{
        int rc = store_commit(db, test_epoch, c, err);

        commit_clear(c);
        return rc;
}

#define commit_ok(db, c)                                                                                     \
        do {                                                                                                 \
                struct err err = {0};                                                                        \
                ok(commit(db, c, &err));                                                                     \
        } while (0)

#endif
