/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker keeps through kills, newer connections and the end of its lease. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/hollow/world.h"

static void a_result_comes_again_until_acknowledged(void **state)
{
        struct world *w = *state;

        attach(w);
        run_shell(w, 7900, "exit 3");
        for (int i = 0; i < 2; i++) {
                detach(w);
                w->epoch++;
                attach(w);
                assert_int_equal(w->snapshot_count, 1);
                assert_int_equal(result_of(w, 7900, 0, 1)->code, 3);
        }
        acknowledge(w, 7900, 0, 1);
        settle(w);
        detach(w);
        w->epoch++;
        attach(w);
        assert_int_equal(w->snapshot_count, 0);
}

static void an_older_epoch_is_fenced(void **state)
{
        struct world *w = *state;
        char *argv[] = {worker, "attach", "--root", w->root, NULL};
        struct client_hello hello = {
            .epoch = 4, .lease_ms = 1000, .heartbeat_ms = 100, .cpus = 1, .slots = 1};
        struct client old;
        struct reader r;

        w->epoch = 5;
        attach(w);
        assert_int_equal(client_start(&old, argv), 0);
        assert_true(client_skip_magic(&old, PATIENCE_MS));
        client_hello(&old, &hello);
        assert_true(client_next(&old, PATIENCE_MS));
        assert_int_equal(old.frame.type, P_FENCED);
        reader_init(&r, old.frame.payload, old.frame.len);
        assert_int_equal(reader_u64(&r), 5);
        assert_false(client_next(&old, PATIENCE_MS));
        client_end(&old);
        assert_int_equal(run_shell(w, 7910, "true")->outcome, OUTCOME_SUCCEEDED);
}

static void the_newer_connection_wins(void **state)
{
        struct world *w = *state;
        struct client first;

        attach(w);
        first = w->c;
        attach(w);
        while (client_next(&first, PATIENCE_MS))
                continue;
        client_end(&first);
        assert_int_equal(run_shell(w, 7920, "true")->outcome, OUTCOME_SUCCEEDED);
}

static void a_killed_agent_changes_nothing(void **state)
{
        struct world *w = *state;
        char *argv[3], path[160];
        struct proto_template t;
        pid_t agent;

        snprintf(path, sizeof path, "until test -e %s/go; do sleep 0.05; done; echo done", w->root);
        t = shell_job(7930, argv, path);
        attach(w);
        run_template(w, &t, 1);
        wait_started(w, 7930, 0);
        agent = agent_pid(w);
        assert_true(agent > 0);
        assert_int_equal(kill(agent, SIGKILL), 0);
        while (client_next(&w->c, PATIENCE_MS))
                continue;
        detach(w);
        attach(w);
        assert_int_equal(w->snapshot_count, 1);
        snprintf(path, sizeof path, "%s/go", w->root);
        close(open(path, O_CREAT | O_WRONLY, 0600));
        assert_int_equal(result_of(w, 7930, 0, 1)->outcome, OUTCOME_SUCCEEDED);
        assert_int_equal(result_of(w, 7930, 0, 1)->stdout_bytes, 5);
}

static void a_killed_keeper_doubles_nothing(void **state)
{
        struct world *w = *state;
        char *argv[3], path[256];
        struct proto_template t;
        pid_t keeper;

        snprintf(path, sizeof path, "echo ran >> %s/ran; until test -e %s/go; do sleep 0.05; done", w->root,
                 w->root);
        w->slots = 1;
        t = shell_job(7940, argv, path);
        attach(w);
        run_template(w, &t, 2);
        wait_started(w, 7940, 0);
        keeper = keeper_pid(w);
        assert_int_equal(kill(keeper, SIGKILL), 0);
        while (client_next(&w->c, PATIENCE_MS))
                continue;
        detach(w);
        attach(w);
        assert_int_not_equal(keeper_pid(w), keeper);
        assert_int_equal(w->snapshot_count, 2);
        assert_true(living(7940) > 0);
        wait_started(w, 7940, 0);
        snprintf(path, sizeof path, "%s/go", w->root);
        close(open(path, O_CREAT | O_WRONLY, 0600));
        assert_int_equal(result_of(w, 7940, 0, 1)->outcome, OUTCOME_SUCCEEDED);
        assert_int_equal(result_of(w, 7940, 1, 1)->outcome, OUTCOME_SUCCEEDED);
        snprintf(path, sizeof path, "%s/ran", w->root);
        assert_int_equal(file_length(path), 8);
}

static pid_t guard_pid(const struct world *w)
{
        char text[96];
        pid_t pid = 0;

        snprintf(text, sizeof text, "guard --root %s", w->root);
        processes_with("cmdline", text, &pid);
        return pid;
}

static void adopted_attempts_end_as_they_do(void **state)
{
        static const struct {
                const char *how;
                enum outcome outcome;
                int code;
        } cases[] = {
            {"echo told", OUTCOME_SUCCEEDED, 0},
            {"exit 7", OUTCOME_EXIT, 7},
            {"kill -9 $$", OUTCOME_SIGNAL, 9},
        };
        struct world *w = *state;
        char *argv[3], path[256];
        struct proto_template t;

        attach(w);
        for (size_t i = 0; i < 3; i++) {
                snprintf(path, sizeof path, "until test -e %s/go; do sleep 0.05; done; %s", w->root,
                         cases[i].how);
                t = shell_job(7941 + (int64_t)i, argv, path);
                run_template(w, &t, 1);
                wait_started(w, t.job, 0);
        }
        lose_keeper(w);
        /* The next one is killed as well, and finds the same guard above it. */
        lose_keeper(w);
        snprintf(path, sizeof path, "%s/go", w->root);
        close(open(path, O_CREAT | O_WRONLY, 0600));
        for (size_t i = 0; i < 3; i++) {
                const struct proto_result *res = result_of(w, 7941 + (int64_t)i, 0, 1);

                assert_int_equal(res->outcome, cases[i].outcome);
                assert_int_equal(res->code, cases[i].code);
                assert_true(res->wall_us > 0 && res->memory_peak > 0);
        }
        assert_int_equal(result_of(w, 7941, 0, 1)->stdout_bytes, 5);
}

static void what_ends_while_no_keeper_lives_is_known(void **state)
{
        struct world *w = *state;
        char *argv[3], path[256];
        struct proto_template t;
        pid_t agent, keeper, guard;

        snprintf(path, sizeof path, "until test -e %s/go; do sleep 0.02; done; exit 3", w->root);
        t = shell_job(7945, argv, path);
        attach(w);
        run_template(w, &t, 1);
        wait_started(w, 7945, 0);
        agent = agent_pid(w);
        keeper = keeper_pid(w);
        guard = guard_pid(w);
        kill(agent, SIGSTOP);
        kill(keeper, SIGKILL);
        kill(agent, SIGKILL);
        detach(w);
        wait_until(is_gone(agent) && is_gone(keeper));
        snprintf(path, sizeof path, "%s/go", w->root);
        close(open(path, O_CREAT | O_WRONLY, 0600));
        wait_until(living(7945) == 0 && is_gone(guard));
        attach(w);
        assert_int_equal(result_of(w, 7945, 0, 1)->outcome, OUTCOME_EXIT);
        assert_int_equal(result_of(w, 7945, 0, 1)->code, 3);
}

static void without_its_guard_an_adopted_attempt_vanishes(void **state)
{
        struct world *w = *state;
        char *argv[3], path[256];
        struct proto_template t;

        snprintf(path, sizeof path, "until test -e %s/go; do sleep 0.05; done", w->root);
        t = shell_job(7946, argv, path);
        attach(w);
        run_template(w, &t, 1);
        wait_started(w, 7946, 0);
        assert_int_equal(kill(guard_pid(w), SIGKILL), 0);
        lose_keeper(w);
        snprintf(path, sizeof path, "%s/go", w->root);
        close(open(path, O_CREAT | O_WRONLY, 0600));
        assert_int_equal(result_of(w, 7946, 0, 1)->outcome, OUTCOME_VANISHED);
}

static void an_adopted_attempt_can_be_cancelled(void **state)
{
        struct world *w = *state;
        char *argv[3];
        struct proto_template t = shell_job(7950, argv, "setsid sleep 600 & sleep 600");

        attach(w);
        run_template(w, &t, 1);
        wait_started(w, 7950, 0);
        assert_int_equal(kill(keeper_pid(w), SIGKILL), 0);
        while (client_next(&w->c, PATIENCE_MS))
                continue;
        detach(w);
        attach(w);
        cancel(w, 7950, 0, 100);
        assert_int_equal(result_of(w, 7950, 0, 1)->outcome, OUTCOME_CANCELLED);
        assert_int_equal(living(7950), 0);
}

static void many_attempts_survive_a_killed_keeper_once(void **state)
{
        struct world *w = *state;
        char *argv[3], path[160];
        struct proto_template t;
        int lines = 0, vanished = 0;
        FILE *f;
        static char seen[200];

        snprintf(path, sizeof path, "echo $REEVE_TASK >> %s/ran", w->root);
        t = shell_job(7960, argv, path);
        attach(w);
        run_template(w, &t, 200);
        result_of(w, 7960, 20, 1);
        assert_int_equal(kill(keeper_pid(w), SIGKILL), 0);
        while (client_next(&w->c, PATIENCE_MS))
                continue;
        detach(w);
        attach(w);
        memset(seen, 0, sizeof seen);
        for (int i = 0; i < 200; i++) {
                const struct proto_result *res = result_of(w, 7960, i, 1);

                assert_true(res->outcome == OUTCOME_SUCCEEDED || res->outcome == OUTCOME_VANISHED);
                vanished += res->outcome == OUTCOME_VANISHED;
        }
        assert_true(vanished <= 16);
        snprintf(path, sizeof path, "%s/ran", w->root);
        f = fopen(path, "r");
        assert_non_null(f);
        while (fgets(path, sizeof path, f)) {
                int task = atoi(path);

                assert_true(task >= 0 && task < 200);
                assert_int_equal(seen[task], 0);
                seen[task] = 1;
                lines++;
        }
        fclose(f);
        assert_true(lines >= 200 - vanished);
}

static void the_lease_ends_what_runs_and_what_waits(void **state)
{
        struct world *w = *state;
        char *argv[3];
        struct proto_template t = shell_job(7970, argv, "sleep 600");

        w->slots = 1;
        w->lease_ms = 700;
        attach(w);
        run_template(w, &t, 2);
        wait_started(w, 7970, 0);
        w->c.no_grants = true;
        assert_int_equal(result_of(w, 7970, 0, 1)->outcome, OUTCOME_LEASE_EXPIRED);
        assert_int_equal(result_of(w, 7970, 1, 1)->outcome, OUTCOME_LEASE_EXPIRED);
        assert_int_equal(living(7970), 0);
        /* Without a lease nothing starts; with one it does. */
        client_launch(&w->c, 7970, 5, 1, 1);
        w->c.no_grants = false;
        wait_started(w, 7970, 5);
        cancel(w, 7970, 5, 0);
        assert_int_equal(result_of(w, 7970, 5, 1)->outcome, OUTCOME_CANCELLED);
}

static void stop_when_idle_lets_work_end(void **state)
{
        struct world *w = *state;
        char *argv[3], path[160];
        struct proto_template t;
        pid_t keeper;
        size_t mark;

        snprintf(path, sizeof path, "until test -e %s/go; do sleep 0.05; done", w->root);
        t = shell_job(7980, argv, path);
        attach(w);
        keeper = keeper_pid(w);
        run_template(w, &t, 1);
        wait_started(w, 7980, 0);
        mark = frame_begin(&w->c.to, P_STOP);
        buf_u8(&w->c.to, STOP_WHEN_IDLE);
        frame_end(&w->c.to, mark);
        client_flush(&w->c);
        snprintf(path, sizeof path, "%s/go", w->root);
        close(open(path, O_CREAT | O_WRONLY, 0600));
        assert_int_equal(result_of(w, 7980, 0, 1)->outcome, OUTCOME_SUCCEEDED);
        while (client_next(&w->c, PATIENCE_MS))
                continue;
        wait_until(is_gone(keeper));
        /* A new worker on the same root still has the result. */
        detach(w);
        attach(w);
        assert_int_equal(result_of(w, 7980, 0, 1)->outcome, OUTCOME_SUCCEEDED);
}

static void a_broken_frame_ends_the_connection_only(void **state)
{
        struct world *w = *state;
        size_t mark;

        attach(w);
        mark = frame_begin(&w->c.to, P_LAUNCH);
        buf_u64(&w->c.to, 1);
        frame_end(&w->c.to, mark);
        client_flush(&w->c);
        while (client_next(&w->c, PATIENCE_MS))
                continue;
        detach(w);
        attach(w);
        assert_int_equal(run_shell(w, 7990, "true")->outcome, OUTCOME_SUCCEEDED);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
            WORLD_TEST(a_result_comes_again_until_acknowledged),
            WORLD_TEST(an_older_epoch_is_fenced),
            WORLD_TEST(the_newer_connection_wins),
            WORLD_TEST(a_killed_agent_changes_nothing),
            WORLD_TEST(a_killed_keeper_doubles_nothing),
            WORLD_TEST(adopted_attempts_end_as_they_do),
            WORLD_TEST(what_ends_while_no_keeper_lives_is_known),
            WORLD_TEST(without_its_guard_an_adopted_attempt_vanishes),
            WORLD_TEST(an_adopted_attempt_can_be_cancelled),
            WORLD_TEST(many_attempts_survive_a_killed_keeper_once),
            WORLD_TEST(the_lease_ends_what_runs_and_what_waits),
            WORLD_TEST(stop_when_idle_lets_work_end),
            WORLD_TEST(a_broken_frame_ends_the_connection_only),
        };

        if (argc < 1 || !worker_find(argv[0]))
                return 1;
        return worker_test_begin() ? cmocka_run_group_tests_name("worker_survival", tests, NULL, NULL) : 0;
}
