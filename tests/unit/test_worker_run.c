/* SPDX-License-Identifier: Apache-2.0 */
/* How attempts of a worker end, and what can be asked of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/hollow/world.h"

/* ---- how attempts end ---- */

static void outcomes_are_told_as_they_are(void **state)
{
        static const struct {
                const char *script;
                enum outcome outcome;
                int code;
        } cases[] = {
            {"true", OUTCOME_SUCCEEDED, 0},
            {"exit 7", OUTCOME_EXIT, 7},
            {"kill -9 $$", OUTCOME_SIGNAL, 9},
            {"kill -15 $$", OUTCOME_SIGNAL, 15},
        };
        struct world *w = *state;

        attach(w);
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct proto_result *res = run_shell(w, 7100 + (int64_t)i, cases[i].script);

                assert_int_equal(res->outcome, cases[i].outcome);
                assert_int_equal(res->code, cases[i].code);
                assert_true(res->start_wall_ms > 0 && res->end_wall_ms >= res->start_wall_ms);
        }
}

static void what_cannot_start_says_why(void **state)
{
        struct world *w = *state;
        char *argv[] = {(char *)"no-such-command-anywhere"};
        struct proto_template t = {
            .job = 7200, .name = (char *)"x", .project = (char *)"x", .argv = argv, .argc = 1};
        struct proto_pair input = {(char *)"reads", (char *)"/no/such/input"};
        struct proto_result *res;

        attach(w);
        run_template(w, &t, 1);
        res = result_of(w, 7200, 0, 1);
        assert_int_equal(res->outcome, OUTCOME_NOT_STARTED);
        assert_non_null(strstr(res->text, "no-such-command-anywhere"));

        argv[0] = (char *)"true";
        t.job = 7201;
        t.inputs = &input;
        t.input_count = 1;
        run_template(w, &t, 1);
        res = result_of(w, 7201, 0, 1);
        assert_int_equal(res->outcome, OUTCOME_INPUT_MISSING);
        assert_non_null(strstr(res->text, "/no/such/input"));

        t.job = 7202;
        t.input_count = 0;
        t.resources.cpus = 65;
        run_template(w, &t, 1);
        res = result_of(w, 7202, 0, 1);
        assert_int_equal(res->outcome, OUTCOME_REFUSED);
        assert_non_null(strstr(res->text, "65 cpus"));

        t.job = 7203;
        t.resources.cpus = 1;
        t.workdir = (char *)"/no/such/directory";
        run_template(w, &t, 1);
        assert_int_equal(result_of(w, 7203, 0, 1)->outcome, OUTCOME_NOT_STARTED);
}

static void a_script_sees_its_surroundings(void **state)
{
        struct world *w = *state;
        struct proto_pair env = {(char *)"COLOUR", (char *)"blue sky"};
        struct proto_pair input = {(char *)"some-reads", (char *)"/etc"};
        char *args[] = {(char *)"first"};
        struct proto_template t = {.job = 7300,
                                   .name = (char *)"named",
                                   .project = (char *)"proj",
                                   .site = (char *)"there",
                                   .argv = args,
                                   .argc = 1,
                                   .resources = {.cpus = 2},
                                   .env = &env,
                                   .env_count = 1,
                                   .inputs = &input,
                                   .input_count = 1,
                                   .log_head = 1 << 20,
                                   .log_tail = 1 << 20};
        struct data d;

        t.script = (char *)"#!/bin/sh\n"
                           "echo $REEVE_JOB_ID.$REEVE_TASK#$REEVE_ATTEMPT $REEVE_JOB_NAME $REEVE_PROJECT "
                           "$REEVE_CPUS $REEVE_SITE\n"
                           "echo $COLOUR $1 $REEVE_INPUT_1 $REEVE_INPUT_SOME_READS $REEVE_INPUTS\n"
                           "test \"$TMPDIR\" = \"$(pwd)\" && echo same; echo trouble >&2\n";
        attach(w);
        run_template(w, &t, 1);
        assert_int_equal(result_of(w, 7300, 0, 1)->outcome, OUTCOME_SUCCEEDED);
        read_log(w, READ_STDOUT, 7300, "", 0, 1000, &d);
        assert_int_equal(d.status, READ_OK);
        assert_int_equal(d.final, 1);
        assert_string_equal(d.bytes, "7300.0#1 named proj 2 there\nblue sky first /etc /etc 1\nsame\n");
        read_log(w, READ_STDERR, 7300, "", 0, 1000, &d);
        assert_string_equal(d.bytes, "trouble\n");
}

static void limits_end_an_attempt(void **state)
{
        struct world *w = *state;
        char *argv[3];
        struct proto_template t = shell_job(7400, argv, "trap '' TERM; sleep 600; sleep 600");
        struct proto_result *res;

        attach(w);
        t.time_limit_ms = 200;
        run_template(w, &t, 1);
        res = result_of(w, 7400, 0, 1);
        assert_int_equal(res->outcome, OUTCOME_TIME_LIMIT);
        assert_int_equal(living(7400), 0);

        t = shell_job(7401, argv, "head -c 400000000 /dev/zero | tail | sleep 600");
        t.resources.memory = 100 << 20;
        run_template(w, &t, 1);
        res = result_of(w, 7401, 0, 1);
        assert_int_equal(res->outcome, OUTCOME_MEMORY_LIMIT);
        assert_true(res->memory_peak >= 90u << 20);
        assert_int_equal(living(7401), 0);
}

static void a_long_log_keeps_head_and_tail(void **state)
{
        struct world *w = *state;
        char *argv[3];
        struct proto_template t =
            shell_job(7500, argv, "echo begin; head -c 3000000 /dev/zero | tr '\\0' x; echo end");
        struct proto_result *res;
        struct data d;

        attach(w);
        t.log_head = t.log_tail = 65536;
        run_template(w, &t, 1);
        res = result_of(w, 7500, 0, 1);
        assert_int_equal(res->outcome, OUTCOME_SUCCEEDED);
        assert_int_equal(res->log_cut, 1);
        assert_int_equal(res->stdout_bytes, 3000010);
        read_log(w, READ_STDOUT, 7500, "", 0, CHUNK_MAX, &d);
        assert_int_equal(d.size, 3000010);
        assert_int_equal(d.gap_start, 65536);
        assert_true(d.gap_end <= 3000010 - 65536 && d.gap_end > 3000010 - 65536 - 8192);
        assert_int_equal(d.len, 65536);
        assert_memory_equal(d.bytes, "begin\nxxx", 9);
        read_log(w, READ_STDOUT, 7500, "", 100000, CHUNK_MAX, &d);
        assert_int_equal(d.offset, d.gap_end);
        assert_string_equal(d.bytes + d.len - 5, "xend\n");
        assert_null(memchr(d.bytes, 0, d.len));
}

static void nothing_of_an_attempt_remains(void **state)
{
        struct world *w = *state;
        char *argv[3];
        struct proto_template t =
            shell_job(7600, argv,
                      "setsid sleep 1000 & sleep 1001 & (setsid sh -c 'sleep 1002 & sleep 1003') & "
                      "sleep 0.1; exit 0");

        attach(w);
        run_template(w, &t, 3);
        for (int i = 0; i < 3; i++)
                assert_int_equal(result_of(w, 7600, i, 1)->outcome, OUTCOME_SUCCEEDED);
        assert_int_equal(living(7600), 0);
}

static void a_full_directory_ends_its_attempt(void **state)
{
        struct world *w = *state;
        char *argv[3];
        struct proto_template t = shell_job(7410, argv, "head -c 3000000 /dev/zero > big; sleep 600");

        attach(w);
        t.disk_limit = 1 << 20;
        run_template(w, &t, 1);
        assert_int_equal(result_of(w, 7410, 0, 1)->outcome, OUTCOME_OUTPUT_LIMIT);
        assert_int_equal(living(7410), 0);
}

/* ---- asking ---- */

static void a_cancel_ends_what_runs_and_what_waits(void **state)
{
        struct world *w = *state;
        char *argv[3];
        struct proto_template t = shell_job(7700, argv, "sleep 600");

        w->slots = 1;
        attach(w);
        run_template(w, &t, 2);
        wait_started(w, 7700, 0);
        cancel(w, 7700, 1, 1000);
        assert_int_equal(result_of(w, 7700, 1, 1)->outcome, OUTCOME_CANCELLED);
        assert_int_equal(result_of(w, 7700, 1, 1)->start_wall_ms, 0);
        cancel(w, 7700, 0, 1000);
        assert_int_equal(result_of(w, 7700, 0, 1)->outcome, OUTCOME_CANCELLED);
        assert_int_equal(living(7700), 0);
}

static void a_launch_after_its_cancel_does_not_start(void **state)
{
        struct world *w = *state;
        char *argv[3], script[128];
        struct proto_template t;

        snprintf(script, sizeof script, "echo ran >> %s/ran", w->root);
        t = shell_job(7710, argv, script);
        attach(w);
        cancel(w, 7710, 0, 0);
        assert_int_equal(result_of(w, 7710, 0, 1)->outcome, OUTCOME_NEVER_STARTED);
        acknowledge(w, 7710, 0, 1);
        w->result_count = 0;
        run_template(w, &t, 1);
        assert_int_equal(result_of(w, 7710, 0, 1)->outcome, OUTCOME_NEVER_STARTED);
        client_launch(&w->c, 7710, 1, 1, 1);
        assert_int_equal(result_of(w, 7710, 1, 1)->outcome, OUTCOME_SUCCEEDED);
        snprintf(script, sizeof script, "%s/ran", w->root);
        assert_int_equal(file_length(script), 4);
}

static void a_launch_twice_runs_once(void **state)
{
        struct world *w = *state;
        char *argv[3], script[128];
        struct proto_template t;

        snprintf(script, sizeof script, "echo ran >> %s/ran; sleep 0.2", w->root);
        t = shell_job(7720, argv, script);
        attach(w);
        run_template(w, &t, 1);
        client_launch(&w->c, 7720, 0, 1, 1);
        wait_started(w, 7720, 0);
        client_launch(&w->c, 7720, 0, 1, 1);
        assert_int_equal(result_of(w, 7720, 0, 1)->outcome, OUTCOME_SUCCEEDED);
        client_launch(&w->c, 7720, 0, 2, 1);
        assert_int_equal(result_of(w, 7720, 1, 1)->outcome, OUTCOME_SUCCEEDED);
        snprintf(script, sizeof script, "%s/ran", w->root);
        assert_int_equal(file_length(script), 8);
}

static void capacity_is_never_exceeded(void **state)
{
        struct world *w = *state;
        char *argv[3], script[200];
        struct proto_template t;

        /* Each makes a directory of its own number among two; a third at once would fail. */
        snprintf(script, sizeof script,
                 "cd %s; mkdir a 2>/dev/null && d=a || { mkdir b && d=b; } || exit 9; sleep 0.02; rmdir $d",
                 w->root);
        w->slots = 2;
        t = shell_job(7730, argv, script);
        attach(w);
        run_template(w, &t, 40);
        for (int i = 0; i < 40; i++)
                assert_int_equal(result_of(w, 7730, i, 1)->outcome, OUTCOME_SUCCEEDED);
}

static void a_running_log_can_be_read(void **state)
{
        struct world *w = *state;
        char *argv[3];
        struct proto_template t = shell_job(7740, argv, "echo hello; sleep 600");
        struct data d;

        attach(w);
        run_template(w, &t, 1);
        wait_started(w, 7740, 0);
        do
                read_log(w, READ_STDOUT, 7740, "", 0, 100, &d);
        while (d.len == 0);
        assert_string_equal(d.bytes, "hello\n");
        assert_int_equal(d.final, 0);
        cancel(w, 7740, 0, 0);
        assert_int_equal(result_of(w, 7740, 0, 1)->outcome, OUTCOME_CANCELLED);
}

static void wait_progress(struct world *w, const char *text)
{
        while (strcmp(w->progress.text, text) != 0) {
                assert_true(client_next(&w->c, PATIENCE_MS));
                hear(w);
        }
}

static void progress_is_told_and_told_again_to_a_new_engine(void **state)
{
        struct world *w = *state;
        char *argv[3];
        struct proto_template t =
            shell_job(7750, argv,
                      "reeve progress 25% by command; until test -e ../../../go; do "
                      "sleep 0.1; done; echo '##reeve progress 3/4 by line'; sleep 600");
        AUTO_FREE char *go = xasprintf("%s/go", w->root);

        attach(w);
        run_template(w, &t, 1);
        wait_progress(w, "by command");
        assert_int_equal(w->progress.fraction, 2500);
        assert_int_equal(mkdir(go, 0700), 0);
        wait_progress(w, "by line");
        assert_int_equal(w->progress.fraction, 7500);
        detach(w);
        memset(&w->progress, 0, sizeof w->progress);
        w->epoch++;
        attach(w);
        wait_progress(w, "by line");
        cancel(w, 7750, 0, 0);
        assert_int_equal(result_of(w, 7750, 0, 1)->outcome, OUTCOME_CANCELLED);
}

static void reading_stays_inside_the_store(void **state)
{
        static const char *const paths[] = {"../spool.id", "/etc/passwd", "link", "link/passwd",
                                            "a/../../spool.id"};
        struct world *w = *state;
        char path[160];
        struct data d;

        attach(w);
        snprintf(path, sizeof path, "%s/store/link", w->root);
        assert_int_equal(symlink("/etc", path), 0);
        for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
                read_log(w, READ_STORE, 1, paths[i], 0, 100, &d);
                assert_int_not_equal(d.status, READ_OK);
        }
        read_log(w, READ_PATH, 1, "/etc/passwd", 0, 100, &d);
        assert_int_equal(d.status, READ_OK);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
            WORLD_TEST(outcomes_are_told_as_they_are),
            WORLD_TEST(what_cannot_start_says_why),
            WORLD_TEST(a_script_sees_its_surroundings),
            WORLD_TEST(limits_end_an_attempt),
            WORLD_TEST(a_long_log_keeps_head_and_tail),
            WORLD_TEST(nothing_of_an_attempt_remains),
            WORLD_TEST(a_full_directory_ends_its_attempt),
            WORLD_TEST(a_cancel_ends_what_runs_and_what_waits),
            WORLD_TEST(a_launch_after_its_cancel_does_not_start),
            WORLD_TEST(a_launch_twice_runs_once),
            WORLD_TEST(capacity_is_never_exceeded),
            WORLD_TEST(a_running_log_can_be_read),
            WORLD_TEST(progress_is_told_and_told_again_to_a_new_engine),
            WORLD_TEST(reading_stays_inside_the_store),
        };

        if (argc < 1 || !worker_find(argv[0]))
                return 1;
        return worker_test_begin() ? cmocka_run_group_tests_name("worker_run", tests, NULL, NULL) : 0;
}
