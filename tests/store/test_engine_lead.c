/* SPDX-License-Identifier: Apache-2.0 */
/* Two engines on one database, stepped against each other. */
#include "engine_test.h"

#include <poll.h>
#include <pthread.h>

static int64_t lead(struct db *db, const char *who, int lease_ms, int64_t *ret_epoch)
{
        struct err err = {0};
        int rc = store_lead(db, who, lease_ms, ret_epoch, &err);

        if (rc < 0)
                fail_msg("%s", err.text);
        return rc;
}

static void kill_session(struct db *victim, struct db *by)
{
        struct err err = {0};
        struct stmt *st = db_stmt(by, "kill", "select pg_terminate_backend($1::int, 5000)");

        bind_int(st, ask_int(victim, "select pg_backend_pid() as v"));
        ok(db_exec(st, &err));
}

static void one_leads_at_a_time(void **state)
{
        struct db *a = *state, *b = test_open();
        struct err err = {0};
        int64_t epoch_a = 0, epoch_b = 0;

        assert_int_equal(lead(a, "a", 60000, &epoch_a), 1);
        assert_int_equal(epoch_a, 1);
        assert_int_equal(lead(b, "b", 60000, &epoch_b), 0);
        assert_int_equal(epoch_b, 0);
        ok(store_lead_renew(a, 1, 60000, &err));
        assert_string_equal(ask_text(a, "select holder as v from leader"), "a");
        db_close(b);
}

static void a_leader_may_begin_a_new_leadership(void **state)
{
        struct db *a = *state, *b = test_open();
        int64_t epoch = 0;

        for (int i = 1; i <= 3; i++) {
                assert_int_equal(lead(a, "a", 60000, &epoch), 1);
                assert_int_equal(epoch, i);
        }
        assert_int_equal(lead(b, "b", 60000, &epoch), 0);
        assert_int_equal(
            ask_int(a, "select count(*) as v from pg_locks where locktype = 'advisory' and database ="
                       " (select oid from pg_database where datname = current_database())"),
            1);
        db_close(b);
}

static void a_leader_whose_session_is_gone_is_replaced_at_once(void **state)
{
        struct db *a = *state, *b = test_open();
        struct err err = {0};
        int64_t epoch = 0;

        assert_int_equal(lead(a, "a", 3600000, &epoch), 1);
        kill_session(a, b);
        assert_int_equal(lead(b, "b", 60000, &epoch), 1);
        assert_int_equal(epoch, 2);

        /* The old one comes back and learns it. */
        assert_int_equal(db_run(a, "select 1", &err), -1);
        ok(db_reconnect(a, &err));
        assert_int_equal(store_lead_renew(a, 1, 60000, &err), -1);
        assert_int_equal(err.code, ERR_FENCED);
        assert_int_equal(lead(a, "a", 60000, &epoch), 0);
        db_close(b);
}

static void a_silent_leader_is_replaced_when_its_lease_ran_out_and_fenced(void **state)
{
        struct db *a = *state, *b = test_open(), *third = test_open();
        struct commit c = {0};
        struct err err = {0};
        int64_t epoch = 0, job;

        assert_int_equal(lead(a, "a", 3600000, &epoch), 1);
        job = job_make(a, 5);
        ok(db_run(b, "update leader set lease_until = now() - interval '1 second'", &err));
        assert_int_equal(lead(b, "b", 60000, &epoch), 1);
        assert_int_equal(epoch, 2);

        /* a still holds its session, and everything it tries is refused. */
        test_epoch = 1;
        ADD(&c, placed, placed(job, 1, 1));
        assert_int_equal(commit(a, &c, &err), -1);
        assert_int_equal(err.code, ERR_FENCED);
        assert_int_equal(store_site_health(a, 1, 1, SITE_UP, NULL, &err), -1);
        assert_int_equal(err.code, ERR_FENCED);
        assert_int_equal(store_upkeep(a, 1, 30, &(struct upkeep){0}, &err), -1);
        assert_int_equal(err.code, ERR_FENCED);
        assert_int_equal(ask_int(a, "select count(*) as v from attempts_live"), 0);

        /* Nor does its end help a third one while b lives. */
        kill_session(a, third);
        assert_int_equal(lead(third, "c", 60000, &epoch), 0);
        test_epoch = 2;
        ADD(&c, placed, placed(job, 1, 1));
        commit_ok(b, &c);
        commit_release(&c);
        db_close(b);
        db_close(third);
}

static void of_two_bidders_one_wins(void **state)
{
        struct db *a = *state, *b = test_open(), *c = test_open();
        struct err err = {0};
        int64_t epoch = 0;

        assert_int_equal(lead(a, "a", 60000, &epoch), 1);
        ok(db_run(b, "update leader set lease_until = now() - interval '1 second'", &err));
        assert_int_equal(lead(b, "b", 60000, &epoch) + lead(c, "c", 60000, &epoch), 1);
        assert_int_equal(ask_int(a, "select epoch as v from leader"), 2);
        db_close(b);
        db_close(c);
}

/* ---- a change of leader while a commit is in flight
 * --------------------------------------------------------- The commit has passed its fence and is not over.
 * The new leader must wait for it, and then see what it wrote: take the lock first, read after. The commit is
 * held up by a lock on a job it updates.
 */

struct bidder {
        struct db *db;
        int64_t epoch, seen;
        int rc;
};

static void *bid(void *arg)
{
        struct bidder *b = arg;
        struct err err = {0};

        b->rc = store_lead(b->db, "b", 60000, &b->epoch, &err);
        if (b->rc == 1)
                b->seen = ask_int(b->db, "select count(*) as v from attempts_live");
        return NULL;
}

struct committer {
        struct db *db;
        struct commit c;
        struct err err;
        int rc;
};

static void *commit_slowly(void *arg)
{
        struct committer *c = arg;

        c->rc = store_commit(c->db, 1, &c->c, &c->err);
        return NULL;
}

/* Until `n` sessions of this database wait for a lock. */
static void wait_for_waiters(struct db *db, int n)
{
        int64_t deadline = clock_boot_ms() + 10000;

        while (ask_int(db, "select count(*) as v from pg_stat_activity where datname = current_database()"
                           " and wait_event_type = 'Lock'") < n) {
                assert_true(clock_boot_ms() < deadline);
                poll(NULL, 0, 5);
        }
}

static void a_new_leader_sees_the_commit_that_was_in_flight(void **state)
{
        struct db *a = *state, *b = test_open(), *blocker = test_open(), *watch = test_open();
        struct committer slow = {.db = a, .rc = 9};
        struct bidder bidder = {.db = b, .rc = 9};
        struct err err = {0};
        pthread_t committing, bidding;
        int64_t epoch = 0, job;

        assert_int_equal(lead(a, "a", 60000, &epoch), 1);
        job = job_make(a, 5);
        ok(db_run(blocker, "begin; select 1 from job_queue for update", &err));
        ADD(&slow.c, placed, placed(job, 1, 1));
        ADD(&slow.c, jobs, job_row(job, 2));
        pthread_create(&committing, NULL, commit_slowly, &slow);
        wait_for_waiters(watch, 1);

        /* The lease runs out meanwhile; the row is held, so it is set from within the blocking session's
         * view. */
        pthread_create(&bidding, NULL, bid, &bidder);
        pthread_join(bidding, NULL);
        assert_int_equal(bidder.rc, 0); /* the lease of a still holds */

        ok(db_run(blocker, "commit", &err));
        pthread_join(committing, NULL);
        assert_int_equal(slow.rc, 0);

        /* Again, with a lease that has run out before the commit began. */
        ok(db_run(blocker, "update leader set lease_until = now() - interval '1 second'", &err));
        ok(db_run(blocker, "begin; select 1 from job_queue for update", &err));
        commit_clear(&slow.c);
        ADD(&slow.c, placed, placed(job, 2, 1));
        ADD(&slow.c, jobs, job_row(job, 3));
        pthread_create(&committing, NULL, commit_slowly, &slow);
        wait_for_waiters(watch, 1);
        pthread_create(&bidding, NULL, bid, &bidder);
        wait_for_waiters(watch, 2); /* the bidder waits for the commit, not beside it */
        ok(db_run(blocker, "commit", &err));
        pthread_join(committing, NULL);
        pthread_join(bidding, NULL);
        assert_int_equal(slow.rc, 0);
        assert_int_equal(bidder.rc, 1);
        assert_int_equal(bidder.epoch, 2);
        assert_int_equal(bidder.seen, 2);

        /* And the next commit of the old leader is refused. */
        commit_clear(&slow.c);
        ADD(&slow.c, placed, placed(job, 3, 1));
        assert_int_equal(store_commit(a, 1, &slow.c, &err), -1);
        assert_int_equal(err.code, ERR_FENCED);
        commit_release(&slow.c);
        db_close(b);
        db_close(blocker);
        db_close(watch);
}

static void a_lost_connection_in_a_commit_is_unknown_and_repeatable(void **state)
{
        struct db *a = *state, *blocker = test_open(), *watch = test_open();
        struct committer slow = {.db = a, .rc = 9};
        struct err err = {0};
        pthread_t committing;
        struct stmt *st;
        int64_t epoch = 0, job;

        assert_int_equal(lead(a, "a", 60000, &epoch), 1);
        job = job_make(a, 5);
        st = db_stmt(watch, "kill", "select pg_terminate_backend($1::int, 5000)");
        bind_int(st, ask_int(a, "select pg_backend_pid() as v"));
        ok(db_run(blocker, "begin; select 1 from job_queue for update", &err));
        ADD(&slow.c, placed, placed(job, 1, 1));
        ADD(&slow.c, jobs, job_row(job, 2));
        pthread_create(&committing, NULL, commit_slowly, &slow);
        wait_for_waiters(watch, 1);
        ok(db_exec(st, &err));
        pthread_join(committing, NULL);
        assert_int_equal(slow.rc, -1);
        assert_int_equal(slow.err.code, ERR_UNAVAILABLE);
        ok(db_run(blocker, "commit", &err));

        ok(db_reconnect(a, &err));
        assert_int_equal(lead(a, "a", 60000, &epoch), 1);
        assert_int_equal(epoch, 2);
        assert_int_equal(ask_int(a, "select count(*) as v from attempts_live"), 0);
        ok(store_commit(a, 2, &slow.c, &err));
        assert_int_equal(ask_int(a, "select count(*) as v from attempts_live"), 1);
        commit_release(&slow.c);
        db_close(blocker);
        db_close(watch);
}

static void settings_are_written_once(void **state)
{
        struct db *db = *state;
        struct err err = {0};
        char value[16];

        assert_int_equal(store_setting_get(db, "instance", value, sizeof value, &err), 0);
        ok(store_setting_put(db, "instance", "one", &err));
        ok(store_setting_put(db, "instance", "two", &err));
        assert_int_equal(store_setting_get(db, "instance", value, sizeof value, &err), 1);
        assert_string_equal(value, "one");
        assert_int_equal(store_setting_get(db, "instance", value, 3, &err), -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            store_test(one_leads_at_a_time),
            store_test(a_leader_may_begin_a_new_leadership),
            store_test(a_leader_whose_session_is_gone_is_replaced_at_once),
            store_test(a_silent_leader_is_replaced_when_its_lease_ran_out_and_fenced),
            store_test(of_two_bidders_one_wins),
            store_test(a_new_leader_sees_the_commit_that_was_in_flight),
            store_test(a_lost_connection_in_a_commit_is_unknown_and_repeatable),
            store_test(settings_are_written_once),
        };

        return cmocka_run_group_tests(tests, group_setup, NULL);
}
