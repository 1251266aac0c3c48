/* SPDX-License-Identifier: Apache-2.0 */
/* Ending attempts: what left its group is found by one look for all of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/util.h"
#include "worker/keeping.h"
#include "worker/pids.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ATTEMPTS 20
#define PATIENCE 30 /* seconds; then the alarm ends the test */

struct world {
        struct keeper k;
        pid_t leaders[ATTEMPTS], strays[ATTEMPTS], stranger;
};

/* A sleeper in a session of its own, with this environment. */
static pid_t sleeper(char *mark)
{
        char *argv[] = {"sleep", "300", NULL}, *env[] = {mark, NULL};
        int ready[2];
        pid_t pid;
        char c;

        assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                setsid();
                execve("/bin/sleep", argv, env);
                _exit(1);
        }
        /* The end of the pipe says that the new environment is in place. */
        close(ready[1]);
        assert_int_equal(read(ready[0], &c, 1), 0);
        close(ready[0]);
        return pid;
}

static int open_world(void **state)
{
        struct world *w = xcalloc(1, sizeof *w);
        struct err err;

        alarm(PATIENCE);
        assert_int_equal(loop_new(&w->k.loop, &err), 0);
        work_init(&w->k.work);
        strcpy(w->k.launcher.spool_hex, "00112233445566778899aabbccddeeff");
        for (int i = 0; i < ATTEMPTS; i++) {
                struct attempt *a = work_add(&w->k.work, (struct attempt_key){7, i, 1}, NULL);
                char mark[96];

                snprintf(mark, sizeof mark, "REEVE_KEY=%s/7.%d#1", w->k.launcher.spool_hex, i);
                w->leaders[i] = sleeper(mark);
                w->strays[i] = sleeper(mark);
                a->run = xcalloc(1, sizeof *a->run);
                *a->run =
                    (struct run){.owner = a, .keeper = &w->k, .pid = w->leaders[i], .outcome = OUTCOME_COUNT};
                work_move(&w->k.work, a, PHASE_RUNNING);
        }
        w->stranger = sleeper("REEVE_KEY=ffffffffffffffffffffffffffffffff/7.0#1");
        *state = w;
        return 0;
}

static int close_world(void **state)
{
        struct world *w = *state;

        kill(w->stranger, SIGKILL);
        waitpid(w->stranger, NULL, 0);
        for (struct attempt *a = w->k.work.running.first; a; a = a->next) {
                kill(a->run->pid, SIGKILL);
                kill(w->strays[a->key.task], SIGKILL);
        }
        work_release(&w->k.work);
        loop_free(w->k.loop);
        free(w);
        alarm(0);
        return 0;
}

static bool is_alive(pid_t pid)
{
        return waitpid(pid, NULL, WNOHANG) == 0;
}

static void one_look_finds_what_left_the_groups_of_all(void **state)
{
        struct world *w = *state;

        for (struct attempt *a = w->k.work.running.first; a; a = a->next) {
                if (a->key.task > 0)
                        attempt_kill(&w->k, a, OUTCOME_CANCELLED, 0, "cancelled");
        }
        for (int i = 1; i < ATTEMPTS; i++) {
                assert_int_equal(waitpid(w->leaders[i], NULL, 0), w->leaders[i]);
                assert_true(is_alive(w->strays[i]));
        }
        kills_send(&w->k);
        for (int i = 1; i < ATTEMPTS; i++)
                assert_int_equal(waitpid(w->strays[i], NULL, 0), w->strays[i]);
        assert_true(is_alive(w->leaders[0]));
        assert_true(is_alive(w->strays[0]));
        assert_true(is_alive(w->stranger));
        assert_false(w->k.kills_due);
}

static void an_adopted_attempt_is_asked_by_its_mark(void **state)
{
        struct world *w = *state;
        struct attempt *a = w->k.work.running.first;
        int status;

        a->run->adopted = true;
        attempt_kill(&w->k, a, OUTCOME_CANCELLED, 60000, "cancelled");
        kills_send(&w->k);
        assert_int_equal(waitpid(w->strays[0], &status, 0), w->strays[0]);
        assert_int_equal(WTERMSIG(status), SIGTERM);
        assert_int_equal(waitpid(w->leaders[0], &status, 0), w->leaders[0]);
        assert_int_equal(WTERMSIG(status), SIGTERM);
        assert_true(is_alive(w->leaders[1]));
}

static void a_leader_is_found_by_its_number(void **state)
{
        struct world *w = *state;
        struct pids p;

        pids_init(&p, &w->k.work, true);
        for (int i = 0; i < ATTEMPTS; i++)
                assert_int_equal(pids_find(&p, w->leaders[i])->key.task, i);
        assert_null(pids_find(&p, w->stranger));
        pids_release(&p);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(one_look_finds_what_left_the_groups_of_all, open_world,
                                            close_world),
            cmocka_unit_test_setup_teardown(an_adopted_attempt_is_asked_by_its_mark, open_world, close_world),
            cmocka_unit_test_setup_teardown(a_leader_is_found_by_its_number, open_world, close_world),
        };

        return cmocka_run_group_tests_name("ending attempts", tests, NULL, NULL);
}
