/* SPDX-License-Identifier: Apache-2.0 */
/* The small fenced writes. */
#include "engine_test.h"

#include "store/store_progress.h"

#include <math.h>

#define WORKER                                                                                               \
        "select concat_ws('/', link, link_text, encode(spool_id, 'escape'), hostname, cpus, memory, "        \
        "running,"                                                                                           \
        " disk_free, disk_total, clock_skew_ms, load, seen_at is not null) as v from workers where id = 1"

static void a_worker_report_keeps_what_it_does_not_say(void **state)
{
        struct db *db = *state;
        struct err err = {0};
        struct worker_report w = {.worker = 1,
                                  .link = LINK_READY,
                                  .link_text = "fine",
                                  .spool_id = (const uint8_t *)"0123456789abcdef",
                                  .boot_id = (const uint8_t *)"0123456789abcdef",
                                  .hostname = "node1",
                                  .cpus = 8,
                                  .running = 3,
                                  .memory = 4096,
                                  .disk_free = 0,
                                  .disk_total = 1000,
                                  .clock_skew_ms = -5,
                                  .load = 1.5,
                                  .seen_at = NOW};

        ok(store_worker_report(db, test_epoch, &w, &err));
        assert_string_equal(ask_text(db, WORKER),
                            "ready/fine/0123456789abcdef/node1/8/4096/3/0/1000/-5/1.5/t");
        ok(store_worker_report(
            db, test_epoch, &(struct worker_report){.worker = 1, .link = LINK_ABSENT, .seen_at = TIME_NONE},
            &err));
        assert_string_equal(ask_text(db, WORKER), "absent/0123456789abcdef/node1/8/4096/3/0/1000/-5/1.5/t");
        w.worker = 99;
        assert_int_equal(store_worker_report(db, test_epoch, &w, &err), -1);
        assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void site_health_tells_only_changes(void **state)
{
        struct db *db = *state;
        struct err err = {0};

        ok(store_site_health(db, test_epoch, 1, SITE_UP, NULL, &err));
        ok(store_site_health(db, test_epoch, 1, SITE_UP, NULL, &err));
        ok(store_site_health(db, test_epoch, 1, SITE_DOWN, "no route", &err));
        assert_string_equal(ask_text(db, "select health || ':' || health_text as v from sites where id = 1"),
                            "down:no route");
        assert_string_equal(
            ask_text(db, "select string_agg(kind || '=' || text, ' ' order by seq) as v from events"
                         " where site_id = 1"),
            "site.up=answers site.down=no route");
}

static void an_alarm_closes_the_site(void **state)
{
        struct db *db = *state;
        struct err err = {0};
        int64_t before, after;

        ok(store_world_version(db, &before, &err));
        ok(store_site_alarm(db, test_epoch, 2, "the host key changed", &err));
        ok(store_site_alarm(db, test_epoch, 2, "the host key changed", &err));
        assert_string_equal(
            ask_text(db, "select concat_ws('/', intent, intent_by, alarm) as v from sites where id = 2"),
            "closed/reeve/the host key changed");
        assert_int_equal(ask_int(db, "select count(*) as v from events where kind = 'site.alarm'"), 1);
        ok(store_world_version(db, &after, &err));
        assert_true(after > before);
}

static void account_keys_are_made_once(void **state)
{
        struct db *db = *state;
        struct err err = {0};

        ok(store_account_key(db, test_epoch, 1, "ssh-ed25519 AAA", "sealed", 6, &err));
        assert_int_equal(store_account_key(db, test_epoch, 1, "other", "other", 5, &err), -1);
        assert_int_equal(err.code, ERR_CONFLICT);
        ok(store_account_backend(db, test_epoch, 1, true, &err));
        assert_string_equal(
            ask_text(db, "select concat_ws('/', public_key, backend, encode(sealed_key, 'escape')) as v"
                         " from accounts where id = 1"),
            "ssh-ed25519 AAA/openssh/sealed");
}

static void host_keys_seen_stay_unpinned(void **state)
{
        struct db *db = *state;
        struct err err = {0};

        for (int i = 0; i < 2; i++)
                ok(store_hostkey_seen(db, test_epoch, 1, 0, "ssh-ed25519", "\0\1", 2, "SHA256:x", &err));
        ok(store_hostkey_seen(db, test_epoch, 1, 0, "ssh-ed25519", "\0\2", 2, "SHA256:y", &err));
        assert_int_equal(ask_int(db, "select count(*) as v from host_keys where pinned_at is null"), 2);
}

static void calls_run_and_end_once(void **state)
{
        struct db *db = *state;
        struct err err = {0};

        ok(db_run(db,
                  "insert into calls (kind, site_id, args, actor) values ('probe', 1, '{}', 'ann'),"
                  " ('read', 1, '{}', 'ann')",
                  &err));
        ok(store_call_state(db, test_epoch, 1, "running", "[{\"name\":\"reach\"}]", NULL, NULL, &err));
        ok(store_call_state(db, test_epoch, 1, "failed", NULL, NULL, "no route: check the address", &err));
        assert_string_equal(
            ask_text(db, "select concat_ws('/', state, steps, result, message, ended_at is not null) as v"
                         " from calls where id = 1"),
            "failed/[{\"name\":\"reach\"}]/no route: check the address/t");
        assert_int_equal(store_call_state(db, test_epoch, 1, "done", NULL, "{}", NULL, &err), -1);
        assert_int_equal(err.code, ERR_CONFLICT);

        ok(store_call_data(db, test_epoch, 2, "{\"size\":3}", "a\0b", 3, &err));
        assert_string_equal(ask_text(db, "select concat_ws('/', state, result, encode(bytes, 'hex')) as v"
                                         " from calls join call_data on call_id = id"),
                            "done/{\"size\":3}/610062");
        assert_int_equal(store_call_data(db, test_epoch, 2, "{}", "x", 1, &err), -1);
}

/* A whole round of upkeep; the number of slices it took. */
static int upkeep(struct db *db, int keep_days)
{
        struct upkeep u = {0};
        struct err err = {0};
        int slices = 0;

        do {
                ok(store_upkeep(db, test_epoch, keep_days, &u, &err));
                assert_true(++slices < 200);
        } while (u.more);
        return slices;
}

static void upkeep_drops_what_is_old_and_keeps_what_lives(void **state)
{
        struct db *db = *state;
        struct err err = {0};

        ok(db_run(db,
                  "insert into sessions (hash, user_id, kind, expires_at) values ('a', 1, 'cookie', now() - "
                  "interval '1 s'),"
                  " ('b', 1, 'cookie', now() + interval '1 h');"
                  "insert into calls (kind, site_id, args, actor, state, ended_at) values"
                  " ('probe', 1, '{}', 'a', 'done', now() - interval '2 h'), ('probe', 1, '{}', 'a', 'done', "
                  "now());"
                  "insert into call_data values (1, 'x'), (2, 'x');"
                  "insert into idempotency values (1, 'old', 'h', 1, 1, now() - interval '8 days'),"
                  " (1, 'new', 'h', 1, 1, now());"
                  "select reeve_partition_make('attempts', 'ended_at', current_date - 100);"
                  "select reeve_partition_make('attempts', 'ended_at', current_date - 20)",
                  &err));
        upkeep(db, 30);
        assert_string_equal(ask_text(db, "select string_agg(encode(hash, 'escape'), '') as v from sessions"),
                            "b");
        assert_string_equal(ask_text(db, "select string_agg(id::text, '') as v from calls"), "2");
        assert_string_equal(ask_text(db, "select string_agg(call_id::text, '') as v from call_data"), "2");
        assert_string_equal(ask_text(db, "select string_agg(key, '') as v from idempotency"), "new");
        assert_string_equal(
            ask_text(db, "select concat_ws('/', to_regclass('attempts_' || to_char(current_date - 100,"
                         " 'YYYYMMDD')) is null, to_regclass('attempts_' || to_char(current_date - 20,"
                         " 'YYYYMMDD')) is null, to_regclass('events_' || to_char(current_date + 3,"
                         " 'YYYYMMDD')) is null) as v"),
            "t/f/f");
}

/* Six jobs: 1 and 2 ended long ago, 3 lives and waits for 2, 4 lives since long ago, 5 ended long ago after 1
 * and made a dataset, 6 ended today. */
static void jobs_are_forgotten_with_all_that_hangs_on_them(void **state)
{
        struct db *db = *state;
        struct err err = {0};

        for (int i = 0; i < 6; i++)
                job_make(db, 1);
        ok(db_run(
            db,
            "update totals set value = 77 where name = 'jobs';"
            "update jobs set submitted_at = now() - interval '50 days' where id <= 5;"
            "update jobs set state = 'succeeded', finished_at = now() - interval '40 days' where id in (1, "
            "2, 5);"
            "update jobs set state = 'failed', finished_at = now() where id = 6;"
            "delete from job_queue where job_id not in (3, 4);"
            "insert into job_after values (3, 2, 'ok', false), (5, 1, 'ok', false);"
            "insert into job_intents (job_id, kind, actor, applied_at) select id, 'hold', 'ann', now() from"
            " jobs;"
            "insert into datasets (name, project_id, made_by, job_id) values ('made', 1, 'ann', 5), ('in', 1,"
            " 'ann', null);"
            "insert into job_inputs select id, 1, 2 from jobs;"
            "insert into decisions (id, job_id, task, site_id, candidates) select id, id, 1, 1, '[]' from "
            "jobs",
            &err));
        upkeep(db, 30);
        assert_string_equal(ask_text(db, "select string_agg(id::text, '' order by id) as v from jobs"),
                            "2346");
        assert_string_equal(ask_text(db, "select string_agg(id::text, '' order by id) as v from decisions"),
                            "2346");
        assert_int_equal(ask_int(db, "select count(*) as v from job_intents"), 4);
        assert_int_equal(ask_int(db, "select count(*) as v from job_inputs"), 4);
        assert_int_equal(ask_int(db, "select count(*) as v from job_after"), 1);
        assert_string_equal(ask_text(db, "select string_agg(name, ' ' order by name) as v from datasets"
                                         " where job_id is null"),
                            "in made");
        assert_int_equal(ask_int(db, "select value as v from totals where name = 'jobs'"), 77);
}

static void many_jobs_are_forgotten_slice_by_slice(void **state)
{
        struct db *db = *state;
        struct err err = {0};

        ok(db_run(
            db,
            "insert into jobs (project_id, user_id, name, spec, first_task, last_task, state, submitted_at,"
            " finished_at) select 1, 1, 'j', '{}', 1, 1, 'succeeded', now() - interval '9 days', now() -"
            " interval '8 days' from generate_series(1, 3500);"
            "insert into decisions (id, job_id, task, site_id, candidates) values (5, 3500, 1, 1, '[]')",
            &err));
        job_make(db, 1);
        assert_in_range(upkeep(db, 7), 4 + 6, 5 + 6);
        assert_int_equal(ask_int(db, "select count(*) as v from jobs"), 1);
        /* Numbers of decisions go on from the newest. */
        assert_int_equal(ask_int(db, "select max(id) as v from decisions"), 5);
}

/* 1 was removed long ago, 2 too but is still read, 3 was removed today, 4 is there. */
static void removed_datasets_are_forgotten_with_their_files(void **state)
{
        struct db *db = *state;
        struct err err = {0};
        int64_t job = job_make(db, 1);

        (void)job;
        ok(db_run(
            db,
            "insert into datasets (name, project_id, made_by, removed_at) values ('a', 1, 'ann', now() -"
            " interval '40 days'), ('b', 1, 'ann', now() - interval '40 days'), ('c', 1, 'ann', now()), "
            "('d', "
            "1,"
            " 'ann', null);"
            "insert into job_inputs values (1, 1, 2);"
            "insert into files select d.id, 'f' || n, 1, 'x' from datasets d, generate_series(1, 1500) n;"
            "insert into dataset_sites (dataset_id, site_id, root) select id, 1, '/r' from datasets;"
            "insert into replicas select dataset_id, path, 1, '/r', 'present' from files;"
            "insert into transfers (dataset_id, from_site, to_site, state) values (1, 1, 2, 'done')",
            &err));
        upkeep(db, 30);
        assert_string_equal(ask_text(db, "select string_agg(name, '' order by id) as v from datasets"),
                            "bcd");
        assert_int_equal(ask_int(db, "select count(*) as v from files"), 4500);
        assert_int_equal(ask_int(db, "select count(*) as v from replicas"), 4500);
        assert_int_equal(ask_int(db, "select count(*) as v from dataset_sites"), 3);
        assert_int_equal(ask_int(db, "select count(*) as v from transfers"), 0);
}

/* Somebody who reads a table keeps its partitions from being dropped: that is put off, the rest is done. */
static void a_slice_that_would_wait_is_put_off(void **state)
{
        struct db *db = *state, *reader = test_open();
        struct upkeep u = {0};
        struct err err = {0};

        ok(db_run(db, "select reeve_partition_make('attempts', 'ended_at', current_date - 100)", &err));
        ok(db_run(reader, "begin; select count(*) from attempts", &err));
        assert_int_equal(store_upkeep(db, test_epoch, 30, &u, &err), -1);
        assert_int_not_equal(err.code, ERR_FENCED);
        assert_true(db_is_ok(db));
        assert_true(u.more);
        assert_int_equal(u.step, 1);
        while (u.more)
                ok(store_upkeep(db, test_epoch, 30, &u, &err));
        ok(db_run(reader, "commit", &err));
        db_close(reader);
        upkeep(db, 30);
        assert_int_equal(ask_int(db, "select count(*) as v from pg_class where relname = 'attempts_' ||"
                                     " to_char(current_date - 100, 'YYYYMMDD')"),
                         0);
}

static void calls_of_an_earlier_leadership_are_answered(void **state)
{
        struct db *db = *state;
        struct err err = {0};

        ok(db_run(
            db,
            "insert into calls (kind, site_id, args, actor, state) values ('test', 1, '{}', 'a', 'queued'),"
            " ('test', 1, '{}', 'a', 'running'), ('test', 1, '{}', 'a', 'done')",
            &err));
        ok(store_calls_abandon(db, test_epoch, &err));
        assert_string_equal(ask_text(db, "select string_agg(state, ' ' order by id) as v from calls"),
                            "queued failed done");
        assert_int_equal(ask_int(db,
                                 "select count(*) as v from calls where ended_at is not null and message is "
                                 "not null"),
                         1);
}

static void a_day_whose_rows_went_to_the_default_gets_its_partition(void **state)
{
        struct db *db = *state;
        struct err err = {0};
        struct commit c = {0};
        int64_t job = job_make(db, 2);

        ok(db_run(db,
                  "do $$ begin execute 'drop table attempts_' || to_char(current_date, 'YYYYMMDD'); end $$",
                  &err));
        ADD(&c, placed, placed(job, 1, 1));
        commit_ok(db, &c);
        ADD(&c, ended, ended_well(job, 1, 1));
        c.ended[0].ended_at = clock_wall_ms();
        commit_ok(db, &c);
        assert_int_equal(ask_int(db, "select count(*) as v from attempts_default"), 1);
        upkeep(db, 30);
        assert_int_equal(ask_int(db, "select count(*) as v from attempts_default"), 0);
        assert_int_equal(ask_int(db, "select count(*) as v from attempts"), 1);
        commit_release(&c);
}

static void figures_are_kept_in_totals(void **state)
{
        struct db *db = *state;
        struct err err = {0};

        ok(store_engine_figures(db, test_epoch, 1234, 56, &err));
        assert_string_equal(ask_text(db, "select string_agg(value::text, '/' order by name) as v from totals"
                                         " where name in ('pass_us', 'placed_total')"),
                            "1234/56");
        assert_string_equal(
            ask_text(db, "select abs(value - extract(epoch from now()) * 1000) < 60000 as v from totals"
                         " where name = 'pass_at'"),
            "t");
}

static void progress_is_replaced_and_goes_with_its_attempt(void **state)
{
        struct progress_row rows[] = {{{7, 1, 1}, 0.25, (char *)"one", 1000000},
                                      {{7, 2, 1}, NAN, (char *)"", 2000000}},
                            newer = {{7, 1, 2}, 0.5, (char *)"two", 3000000};
        struct attempt_key gone[] = {{7, 1, 1}, {7, 2, 1}};
        struct pace_row pace = {7, 1000000, 2.5, 10, NAN};
        struct progress_write w = {.rows = rows, .rows_n = 2, .paces = &pace, .paces_n = 1};
        int64_t job = 7;
        struct db *db = *state;
        struct err err;

        assert_int_equal(store_progress_write(db, test_epoch, &w, &err), 0);
        assert_int_equal(ask_int(db, "select count(*) as v from attempt_progress where fraction is null"), 1);
        assert_int_equal(ask_int(db, "select count(*) as v from job_pace where high is null"), 1);
        /* The next attempt spoke before the end of the first was written: its words stay. */
        w = (struct progress_write){
            .rows = &newer, .rows_n = 1, .gone = gone, .gone_n = 2, .done = &job, .done_n = 1};
        assert_int_equal(store_progress_write(db, test_epoch, &w, &err), 0);
        assert_int_equal(ask_int(db, "select sum(attempt) as v from attempt_progress"), 2);
        assert_int_equal(ask_int(db, "select count(*) as v from job_pace"), 0);
        assert_int_equal(store_progress_reset(db, test_epoch, &err), 0);
        assert_int_equal(ask_int(db, "select count(*) as v from attempt_progress"), 0);
}

static void every_write_is_fenced(void **state)
{
        struct db *db = *state;
        struct err err = {0};
        int64_t old = test_epoch - 1;
        struct worker_report w = {.worker = 1, .link = LINK_READY};
        struct upkeep u = {0};
        struct progress_write p = {.done = &old, .done_n = 1};
        int rc[] = {
            store_worker_report(db, old, &w, &err),
            store_site_health(db, old, 1, SITE_UP, NULL, &err),
            store_site_alarm(db, old, 1, "x", &err),
            store_account_key(db, old, 1, "x", "x", 1, &err),
            store_account_backend(db, old, 1, true, &err),
            store_hostkey_seen(db, old, 1, 0, "t", "k", 1, "f", &err),
            store_call_state(db, old, 1, "done", NULL, NULL, NULL, &err),
            store_call_data(db, old, 1, "{}", "x", 1, &err),
            store_dataset_register(db, old, "n", 1, "ann", 1, "/r", false, NULL, 0, &err),
            store_upkeep(db, old, 30, &u, &err),
            store_calls_abandon(db, old, &err),
            store_engine_figures(db, old, 1, 1, &err),
            store_progress_write(db, old, &p, &err),
            store_progress_reset(db, old, &err),
        };

        for (size_t i = 0; i < ARRAY_LEN(rc); i++)
                assert_int_equal(rc[i], -1);
        assert_int_equal(err.code, ERR_FENCED);
        assert_int_equal(ask_int(db, "select (select count(*) from events) + (select count(*) from host_keys)"
                                     " + (select count(*) from datasets) as v"),
                         0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            engine_test(a_worker_report_keeps_what_it_does_not_say),
            engine_test(site_health_tells_only_changes),
            engine_test(an_alarm_closes_the_site),
            engine_test(account_keys_are_made_once),
            engine_test(host_keys_seen_stay_unpinned),
            engine_test(calls_run_and_end_once),
            engine_test(upkeep_drops_what_is_old_and_keeps_what_lives),
            engine_test(jobs_are_forgotten_with_all_that_hangs_on_them),
            engine_test(many_jobs_are_forgotten_slice_by_slice),
            engine_test(removed_datasets_are_forgotten_with_their_files),
            engine_test(a_slice_that_would_wait_is_put_off),
            engine_test(calls_of_an_earlier_leadership_are_answered),
            engine_test(a_day_whose_rows_went_to_the_default_gets_its_partition),
            engine_test(figures_are_kept_in_totals),
            engine_test(progress_is_replaced_and_goes_with_its_attempt),
            engine_test(every_write_is_fenced),
        };

        return cmocka_run_group_tests(tests, group_setup, NULL);
}
