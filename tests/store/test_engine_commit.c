/* SPDX-License-Identifier: Apache-2.0 */
#include "engine_test.h"

static void a_task_goes_from_placed_to_history(void **state)
{
        struct db *db = *state;
        struct commit c = {0};
        int64_t job = job_make(db, 3);

        ADD(&c, placed, placed(job, 1, 1));
        ADD(&c, placed, placed(job, 2, 1));
        ADD(&c, jobs, job_row(job, 3));
        commit_ok(db, &c);
        assert_string_equal(
            ask_text(db, "select string_agg(concat_ws('/', task, attempt, state, site_id, worker_id,"
                         " epoch, decision_id, started_at is null), ' ' order by task) as v"
                         " from attempts_live"),
            "1/1/reserved/1/1/1/5/t 2/1/reserved/1/1/1/5/t");
        assert_string_equal(ask_text(db, "select concat_ws('/', taken, next_task, wait) as v from job_queue"),
                            "t/3/busy");

        ADD(&c, states, {{job, 1, 1}, ATTEMPT_RUNNING, NOW + 5});
        commit_ok(db, &c);
        assert_string_equal(
            ask_text(db, "select state || extract(epoch from started_at) * 1000 as v from attempts_live"
                         " where task = 1"),
            "running1795246473128.000000");

        ADD(&c, ended, ended_well(job, 1, 1));
        c.ended[0].message = "it \xff was good";
        c.ended[0].code = 0;
        c.ended[0].memory_peak = 123;
        c.ended[0].log_cut = 2;
        c.tasks_succeeded = 1;
        commit_ok(db, &c);
        assert_int_equal(ask_int(db, "select count(*) as v from attempts_live"), 1);
        assert_string_equal(
            ask_text(db, "select concat_ws('/', task, attempt, epoch, site_id, worker_id, state, outcome,"
                         " blame, final, code, wall_us, memory_peak, log_cut, message, decision_id) as v"
                         " from attempts"),
            "1/1/1/1/1/succeeded/succeeded/none/t/0/10000/123/2/it \xef\xbf\xbd was good/5");
        assert_string_equal(ask_text(db,
                                     "select string_agg(name || value, ' ' order by name) as v from totals"
                                     " where value > 0"),
                            "attempts1 tasks_succeeded1");
        commit_release(&c);
}

static void a_task_may_end_be_queued_and_be_placed_again_in_one_commit(void **state)
{
        struct db *db = *state;
        struct commit c = {0};
        int64_t job = job_make(db, 1);

        ADD(&c, placed, placed(job, 1, 1));
        commit_ok(db, &c);
        ADD(&c, ended, ended_well(job, 1, 1));
        c.ended[0].state = ATTEMPT_LOST;
        c.ended[0].outcome = OUTCOME_LOST;
        c.ended[0].final = false;
        c.ended[0].started_at = TIME_NONE;
        ADD(&c, retries, {job, 1, 1, 0, 1, 1, NOW, "lost"});
        ADD(&c, placed, placed(job, 1, 2));
        c.placed[0].queued = true;
        commit_ok(db, &c);
        assert_int_equal(ask_int(db, "select attempt as v from attempts_live"), 2);
        assert_int_equal(ask_int(db, "select count(*) as v from task_queue"), 0);
        assert_int_equal(
            ask_int(db, "select count(*) as v from attempts where started_at is null and attempt = 1"), 1);
        commit_release(&c);
}

static void the_last_state_of_an_attempt_counts(void **state)
{
        struct db *db = *state;
        struct commit c = {0};
        int64_t job = job_make(db, 3);

        for (int t = 1; t <= 3; t++)
                ADD(&c, placed, placed(job, t, 1));
        commit_ok(db, &c);
        ADD(&c, states, {{job, 1, 1}, ATTEMPT_RUNNING, NOW + 1});
        ADD(&c, states, {{job, 2, 1}, ATTEMPT_RUNNING, NOW + 2});
        ADD(&c, states, {{job, 1, 1}, ATTEMPT_FINISHING, TIME_NONE});
        ADD(&c, states, {{job, 3, 1}, ATTEMPT_RUNNING, NOW + 3});
        ADD(&c, states, {{job, 3, 1}, ATTEMPT_FINISHING, TIME_NONE});
        ADD(&c, ended, ended_well(job, 3, 1));
        commit_ok(db, &c);
        assert_string_equal(
            ask_text(db, "select string_agg(task || state || extract(milliseconds from started_at)::int,"
                         " ' ' order by task) as v from attempts_live"),
            "1finishing33124 2running33125");
        assert_int_equal(ask_int(db, "select extract(milliseconds from started_at)::int as v from attempts"),
                         33133);

        /* The end without a start keeps the one reported before, also within the commit. */
        ADD(&c, states, {{job, 2, 1}, ATTEMPT_RUNNING, NOW + 7});
        ADD(&c, ended, ended_well(job, 2, 1));
        c.ended[0].started_at = TIME_NONE;
        commit_ok(db, &c);
        assert_int_equal(
            ask_int(db,
                    "select extract(milliseconds from started_at)::int as v from attempts where task = 2"),
            33130);
        commit_release(&c);
}

static void retries_enter_and_leave_the_queue(void **state)
{
        struct db *db = *state;
        struct commit c = {0};
        int64_t job = job_make(db, 9);

        ADD(&c, retries, {job, 1, 1, 1, 0, 0, NOW, "exit"});
        ADD(&c, retries, {job, 2, 1, 0, 1, 2, NOW, NULL});
        commit_ok(db, &c);
        ADD(&c, retries, {job, 1, 2, 2, 0, 1, NOW + 1, "lost"});
        commit_ok(db, &c);
        assert_string_equal(
            ask_text(db, "select string_agg(concat_ws('/', task, attempt, task_failures, site_failures,"
                         " avoid_site, last_outcome), ' ' order by task) as v from task_queue"),
            "1/2/2/0/1/lost 2/1/0/1/2");

        /* Out by being placed, and out and in again in one commit. */
        ADD(&c, placed, placed(job, 1, 3));
        ADD(&c, placed, placed(job, 5, 1));
        c.placed[0].queued = true;
        ADD(&c, unqueued, {job, 2});
        ADD(&c, retries, {job, 2, 7, 0, 0, 0, NOW, NULL});
        commit_ok(db, &c);
        assert_string_equal(
            ask_text(db, "select string_agg(task || '/' || attempt, ' ') as v from task_queue"), "2/7");
        commit_release(&c);
}

static void a_job_moves_and_ends(void **state)
{
        struct db *db = *state;
        struct commit c = {0};
        struct err err = {0};
        enum job_state end;
        int64_t job = job_make(db, 2);

        ok(db_run(db,
                  "insert into datasets (name, project_id, made_by, job_id) values ('job-1', 1, 'ann', 1)",
                  &err));
        ADD(&c, jobs, job_row(job, 1));
        c.jobs[0].held_by = "ann";
        c.jobs[0].wait = WAIT_BUSY;
        c.jobs[0].priority = 7;
        commit_ok(db, &c);
        assert_string_equal(ask_text(db,
                                     "select concat_ws('/', held_by, held_at is not null, cancelled_by, wait,"
                                     " priority) as v from job_queue"),
                            "ann/t/busy/7");
        ADD(&c, jobs, job_row(job, 3));
        c.jobs[0].cancelled_by = "bob";
        c.jobs[0].started_at = NOW;
        commit_ok(db, &c);
        assert_string_equal(
            ask_text(db, "select concat_ws('/', held_by, held_at, cancelled_by, cancelled_at is not null,"
                         " started_at is not null) as v from job_queue"),
            "bob/t/t");
        ADD(&c, jobs, job_row(job, 3));
        c.jobs[0].cancelled_by = "";
        c.jobs[0].held_by = "";
        commit_ok(db, &c);
        ADD(&c, reasons, {job, NOW, WAIT_CLOSED});
        ADD(&c, reasons, {job + 1, NOW, WAIT_CLOSED}); /* gone meanwhile */
        commit_ok(db, &c);
        assert_string_equal(
            ask_text(db, "select concat_ws('/', held_by, cancelled_by, wait) as v from job_queue"),
            "bob/closed");
        assert_int_equal(store_job_end(db, job, &end, &err), 0);

        ADD(&c, retries, {job, 1, 1, 0, 0, 0, NOW, NULL});
        ADD(&c, jobs, job_row(job, 3));
        ADD(&c, done, {job, JOB_CANCELLED, 1, 0, 1, NOW, NOW + 9, "bob asked"});
        commit_ok(db, &c);
        assert_int_equal(ask_int(db, "select count(*) as v from job_queue"), 0);
        assert_int_equal(ask_int(db, "select count(*) as v from task_queue"), 0);
        assert_int_equal(ask_int(db, "select count(*) as v from datasets where sealed_at is not null"), 1);
        assert_string_equal(
            ask_text(db,
                     "select concat_ws('/', state, succeeded, failed, cancelled, message) as v from jobs"),
            "cancelled/1/0/1/bob asked");
        assert_int_equal(ask_int(db, "select value as v from totals where name = 'jobs'"), 1);
        assert_int_equal(store_job_end(db, job, &end, &err), 1);
        assert_int_equal(end, JOB_CANCELLED);
        assert_int_equal(store_job_end(db, 99, &end, &err), -1);
        assert_int_equal(err.code, ERR_NOT_FOUND);
        commit_release(&c);
}

static void decisions_events_usage_and_intents_are_kept(void **state)
{
        struct db *db = *state;
        struct commit c = {0};
        struct err err = {0};
        int64_t job = job_make(db, 2), next, version, after;

        ok(store_world_version(db, &version, &err));
        ok(db_run(
            db,
            "insert into job_intents (job_id, kind, actor) values (1, 'hold', 'ann'), (1, 'cancel', 'ann')",
            &err));
        ADD(&c, decisions, {41, job, NOW, 1, 2, "[{\"site\":\"beta\"}]"});
        ADD(&c, events, {"job.ended", NULL, "first", job, -1, 0});
        ADD(&c, events, {"task.retried", "ann", "second", job, 7, 2});
        ADD(&c, usage, {1, 12.5, NOW});
        ADD(&c, intents, 1);
        commit_ok(db, &c);
        ok(store_next_decision(db, &next, &err));
        assert_int_equal(next, 42);
        assert_string_equal(
            ask_text(db, "select string_agg(concat_ws('/', kind, job_id, task, site_id, actor, text), ' '"
                         " order by seq) as v from events"),
            "job.ended/1/first task.retried/1/7/2/ann/second");
        assert_string_equal(ask_text(db, "select usage::text as v from projects"), "12.5");
        assert_string_equal(
            ask_text(db, "select string_agg(id::text, '') as v from job_intents where applied_at is null"),
            "2");
        ok(store_world_version(db, &after, &err));
        assert_int_equal(after, version);
        commit_release(&c);
}

/* ---- guards: what the engine believes wrongly rolls everything back ---------------------------------------
 */

static void believe_nothing_live(struct commit *c, int64_t job)
{
        ADD(c, ended, ended_well(job, 9, 1));
}
static void believe_another_attempt(struct commit *c, int64_t job)
{
        ADD(c, ended, ended_well(job, 1, 2));
}
static void believe_another_attempt_runs(struct commit *c, int64_t job)
{
        ADD(c, states, {{job, 1, 2}, ATTEMPT_RUNNING, NOW});
}
static void believe_it_is_free(struct commit *c, int64_t job)
{
        ADD(c, placed, placed(job, 1, 2));
}
static void believe_it_is_queued(struct commit *c, int64_t job)
{
        ADD(c, placed, placed(job, 5, 2));
        c->placed[c->placed_n - 1].queued = true;
}
static void believe_another_job(struct commit *c, int64_t job)
{
        ADD(c, jobs, job_row(job + 1, 1));
}
static void believe_another_job_ended(struct commit *c, int64_t job)
{
        ADD(c, done, {job + 1, JOB_FAILED, 0, 1, 0, NOW, NOW, NULL});
}
static void end_twice(struct commit *c, int64_t job)
{
        ADD(c, ended, ended_well(job, 1, 1));
        ADD(c, ended, ended_well(job, 1, 1));
}

static void a_wrong_belief_rolls_everything_back(void **state)
{
        static void (*const beliefs[])(struct commit * c, int64_t job) = {
            believe_nothing_live, believe_another_attempt, believe_another_attempt_runs, believe_it_is_free,
            believe_it_is_queued, believe_another_job,     believe_another_job_ended,    end_twice,
        };
        struct db *db = *state;
        struct commit c = {0};
        int64_t job = job_make(db, 9);

        ADD(&c, placed, placed(job, 1, 1));
        commit_ok(db, &c);
        for (size_t i = 0; i < ARRAY_LEN(beliefs); i++) {
                struct err err = {0};

                ADD(&c, placed, placed(job, 2, 1));
                ADD(&c, retries, {job, 3, 1, 0, 0, 0, NOW, NULL});
                ADD(&c, events, {"x", NULL, "x", job, -1, 0});
                beliefs[i](&c, job);
                assert_int_equal(commit(db, &c, &err), -1);
                assert_int_equal(err.code, ERR_CONFLICT);
                assert_int_equal(ask_int(db, "select count(*) as v from attempts_live"), 1);
                assert_int_equal(ask_int(db, "select count(*) as v from attempts"), 0);
                assert_int_equal(ask_int(db, "select count(*) as v from task_queue"), 0);
                assert_int_equal(ask_int(db, "select count(*) as v from events"), 0);
        }
        commit_release(&c);
}

static void a_large_commit_is_one_transaction(void **state)
{
        enum { N = 9500 };
        struct db *db = *state;
        struct commit c = {0};
        struct err err = {0};
        int64_t job = job_make(db, N);

        for (int t = 1; t <= N; t++) {
                ADD(&c, placed, placed(job, t, 1));
                ADD(&c, retries, {job, N + t, 1, 0, 0, 0, NOW, NULL});
        }
        commit_ok(db, &c);
        for (int t = 1; t <= N; t++)
                ADD(&c, states, {{job, t, 1}, ATTEMPT_RUNNING, NOW});
        commit_ok(db, &c);
        assert_int_equal(ask_int(db, "select count(*) as v from attempts_live where state = 'running'"), N);
        for (int t = 1; t <= N; t++)
                ADD(&c, ended, ended_well(job, t, t == N ? 2 : 1));
        assert_int_equal(commit(db, &c, &err), -1);
        assert_int_equal(err.code, ERR_CONFLICT);
        assert_int_equal(ask_int(db, "select count(*) as v from attempts_live"), N);
        commit_release(&c);
}

/* Index entries of attempts_live read so far. */
static int64_t entries_read(struct db *db)
{
        (void)ask_int(db, "select coalesce(pg_stat_force_next_flush()::text, '') = '' as v_, 0 as v");
        return ask_int(
            db,
            "select idx_tup_read as v from pg_stat_user_indexes where indexrelname = 'attempts_live_pkey'");
}

/* Plans are made when the server likes, for instance when a vacuum has just seen an empty table; here by
 * commits about an attempt that is not there. */
static void a_plan_made_for_an_empty_table_serves_a_full_one(void **state)
{
        enum { LIVE = 6000 };
        struct db *db = *state;
        struct commit c = {0};
        struct err err = {0};
        int64_t job = job_make(db, 2 * LIVE), before;

        ADD(&c, placed, placed(job, 1, 1));
        commit_ok(db, &c);
        ADD(&c, ended, ended_well(job, 1, 1));
        commit_ok(db, &c);
        ok(db_run(db, "vacuum analyze attempts_live", &err));
        ADD(&c, states, {{job, 2, 1}, ATTEMPT_RUNNING, NOW});
        assert_int_equal(commit(db, &c, &err), -1);
        ADD(&c, ended, ended_well(job, 2, 1));
        assert_int_equal(commit(db, &c, &err), -1);
        for (int t = 1; t <= LIVE; t++)
                ADD(&c, placed, placed(job, LIVE + t, 1));
        commit_ok(db, &c);

        before = entries_read(db);
        for (int t = 1; t <= 10; t++) {
                ADD(&c, states, {{job, LIVE + t, 1}, ATTEMPT_RUNNING, NOW});
                ADD(&c, ended, ended_well(job, LIVE + 20 + t, 1));
        }
        commit_ok(db, &c);
        assert_in_range(entries_read(db) - before, 1, 100);
        commit_release(&c);
}

static void an_empty_commit_sends_nothing(void **state)
{
        struct db *db = *state;
        struct commit c = {0};
        struct err err = {0};

        assert_true(commit_is_empty(&c));
        test_epoch = 77; /* nobody asks for it */
        ok(commit(db, &c, &err));
        ADD(&c, unqueued, {1, 1});
        assert_false(commit_is_empty(&c));
        commit_release(&c);
}

/* ---- outputs ----------------------------------------------------------------------------------------------
 */

static const uint8_t sha_a[32] = "a", sha_b[32] = "b";

static void output(struct commit *c, int64_t dataset, int task, int site, const char *path, int64_t size,
                   const uint8_t *sha)
{
        ADD(c, outputs, {dataset, task, site, site == 1 ? "/a/out" : "/b/out", path, size, sha});
}

static const char *catalog(struct db *db)
{
        return ask_text(
            db,
            "select concat_ws(' | ',"
            " (select string_agg(concat_ws(':', id, files, bytes), ' ' order by id) from datasets),"
            " (select string_agg(concat_ws(':', dataset_id, path, size, chr(get_byte(sha256, 0)), task), ' '"
            "   order by dataset_id, path) from files),"
            " (select string_agg(concat_ws(':', dataset_id, path, site_id, state), ' ' order by dataset_id, "
            "path, site_id)"
            "   from replicas),"
            " (select string_agg(concat_ws(':', dataset_id, site_id, root, files, bytes), ' '"
            "   order by dataset_id, site_id) from dataset_sites)) as v");
}

static void outputs_fill_the_catalog(void **state)
{
        struct db *db = *state;
        struct commit c = {0};
        struct err err = {0};

        ok(db_run(
            db,
            "insert into datasets (name, project_id, made_by) values ('one', 1, 'ann'), ('two', 1, 'ann')",
            &err));
        output(&c, 1, 1, 1, "x", 10, sha_a);
        output(&c, 1, 2, 2, "y", 5, sha_a);
        output(&c, 2, 3, 1, "x", 1, sha_b);
        commit_ok(db, &c);
        assert_string_equal(catalog(db), "1:2:15 2:1:1 | 1:x:10:a:1 1:y:5:a:2 2:x:1:b:3 |"
                                         " 1:x:1:present 1:y:2:present 2:x:1:present |"
                                         " 1:1:/a/out:1:10 1:2:/b/out:1:5 2:1:/a/out:1:1");

        /* The same again, as after a restart, changes nothing. */
        const char *before = catalog(db);

        output(&c, 1, 1, 1, "x", 10, sha_a);
        output(&c, 1, 2, 2, "y", 5, sha_a);
        output(&c, 2, 3, 1, "x", 1, sha_b);
        commit_ok(db, &c);
        assert_string_equal(catalog(db), before);
        commit_release(&c);
}

static void a_later_attempt_replaces_what_it_publishes(void **state)
{
        struct db *db = *state;
        struct commit c = {0};
        struct err err = {0};

        ok(db_run(db, "insert into datasets (name, project_id, made_by) values ('one', 1, 'ann')", &err));
        output(&c, 1, 1, 1, "x", 10, sha_a);
        output(&c, 1, 1, 1, "y", 3, sha_a);
        commit_ok(db, &c);

        /* Other content at the same place. */
        output(&c, 1, 1, 1, "x", 12, sha_b);
        commit_ok(db, &c);
        assert_string_equal(catalog(db),
                            "1:2:15 | 1:x:12:b:1 1:y:3:a:1 | 1:x:1:present 1:y:1:present | 1:1:/a/out:2:15");

        /* Other content at another place: the old copy is not the file any more. */
        output(&c, 1, 1, 2, "x", 20, sha_a);
        commit_ok(db, &c);
        assert_string_equal(catalog(db),
                            "1:2:23 | 1:x:20:a:1 1:y:3:a:1 | 1:x:1:gone 1:x:2:present 1:y:1:present |"
                            " 1:1:/a/out:1:3 1:2:/b/out:1:20");

        /* The same content at another place is a second copy; and back where a copy was gone. */
        output(&c, 1, 1, 1, "x", 20, sha_a);
        commit_ok(db, &c);
        assert_string_equal(catalog(db),
                            "1:2:23 | 1:x:20:a:1 1:y:3:a:1 | 1:x:1:present 1:x:2:present 1:y:1:present |"
                            " 1:1:/a/out:2:23 1:2:/b/out:1:20");

        /* Twice in one commit: the last counts. */
        output(&c, 1, 1, 2, "z", 1, sha_a);
        output(&c, 1, 1, 1, "z", 2, sha_b);
        commit_ok(db, &c);
        assert_string_equal(catalog(db), "1:3:25 | 1:x:20:a:1 1:y:3:a:1 1:z:2:b:1 |"
                                         " 1:x:1:present 1:x:2:present 1:y:1:present 1:z:1:present |"
                                         " 1:1:/a/out:3:25 1:2:/b/out:1:20");
        commit_release(&c);
}

static int wait_notifications(struct db *db)
{
        int64_t deadline = clock_boot_ms() + 5000;
        int n = 0;

        while (n == 0 && clock_boot_ms() < deadline)
                n = db_notifications(db);
        return n;
}

static void the_web_is_woken_after_a_commit(void **state)
{
        struct db *db = *state, *web = test_open();
        struct commit c = {0};
        struct err err = {0};
        int64_t job = job_make(db, 3);

        ok(db_listen(web, "reeve_web", &err));
        ADD(&c, placed, placed(job, 1, 1));
        commit_ok(db, &c);
        assert_int_equal(wait_notifications(web), 1);
        ADD(&c, placed, placed(job, 2, 1));
        commit_ok(db, &c);
        if (db_notify_waits(db))
                ok(db_notify_flush(db, &err));
        assert_int_equal(wait_notifications(web), 1);
        db_close(web);
        commit_release(&c);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            engine_test(a_task_goes_from_placed_to_history),
            engine_test(a_task_may_end_be_queued_and_be_placed_again_in_one_commit),
            engine_test(the_last_state_of_an_attempt_counts),
            engine_test(retries_enter_and_leave_the_queue),
            engine_test(a_job_moves_and_ends),
            engine_test(decisions_events_usage_and_intents_are_kept),
            engine_test(a_wrong_belief_rolls_everything_back),
            engine_test(a_large_commit_is_one_transaction),
            engine_test(a_plan_made_for_an_empty_table_serves_a_full_one),
            engine_test(an_empty_commit_sends_nothing),
            engine_test(outputs_fill_the_catalog),
            engine_test(a_later_attempt_replaces_what_it_publishes),
            engine_test(the_web_is_woken_after_a_commit),
        };

        return cmocka_run_group_tests(tests, group_setup, NULL);
}
