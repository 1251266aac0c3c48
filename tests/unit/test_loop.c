/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/loop.h"
#include "common/util.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct seen {
        struct loop *loop;
        char order[64];
        size_t n;
        int fd[2], other[2];
        uint64_t handle;
        int turns;
};

static int open_loop(void **state)
{
        struct seen *s = xcalloc(1, sizeof *s);

        *state = s;
        return loop_new(&s->loop, NULL) < 0 ||
                       socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s->fd) < 0 ||
                       socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s->other) < 0
                   ? -1
                   : 0;
}

static int close_loop(void **state)
{
        struct seen *s = *state;

        for (int i = 0; i < 2; i++) {
                close(s->fd[i]);
                close(s->other[i]);
        }
        loop_free(s->loop);
        free(s);
        return 0;
}

static void note(struct seen *s, char c)
{
        assert_true(s->n < sizeof s->order - 1);
        s->order[s->n++] = c;
}

static void on_a(void *arg)
{
        note(arg, 'a');
}
static void on_b(void *arg)
{
        note(arg, 'b');
}
static void on_end(void *arg)
{
        struct seen *s = arg;

        note(s, '.');
        loop_stop(s->loop);
}

static void timers_run_by_time_and_then_in_order_of_setting(void **state)
{
        struct seen *s = *state;

        loop_timer_set(s->loop, 20, on_end, s);
        loop_timer_set(s->loop, 5, on_b, s);
        loop_timer_set(s->loop, 0, on_a, s);
        loop_timer_set(s->loop, 0, on_b, s);
        loop_timer_set(s->loop, 0, on_a, s);
        assert_int_equal(loop_run(s->loop, NULL), 0);
        assert_string_equal(s->order, "abab.");
}

static void a_cancelled_timer_does_not_run(void **state)
{
        struct seen *s = *state;
        uint64_t handles[20];

        for (int i = 0; i < 20; i++)
                handles[i] = loop_timer_set(s->loop, i % 3, i % 2 ? on_a : on_b, s);
        for (int i = 1; i < 20; i += 2)
                loop_timer_cancel(s->loop, handles[i]);
        loop_timer_cancel(s->loop, 0);
        loop_timer_cancel(s->loop, handles[1]);
        loop_timer_set(s->loop, 5, on_end, s);
        loop_run(s->loop, NULL);
        assert_string_equal(s->order, "bbbbbbbbbb.");
}

static void a_stale_handle_leaves_the_next_timer_alone(void **state)
{
        struct seen *s = *state;
        uint64_t old = loop_timer_set(s->loop, 0, on_a, s);

        loop_timer_cancel(s->loop, old);
        loop_timer_set(s->loop, 0, on_b, s); /* takes the same slot */
        loop_timer_cancel(s->loop, old);
        loop_timer_set(s->loop, 1, on_end, s);
        loop_run(s->loop, NULL);
        assert_string_equal(s->order, "b.");
}

static void on_again(void *arg)
{
        struct seen *s = arg;

        note(s, 'a');
        if (s->n < 3)
                loop_timer_set(s->loop, 0, on_again, s);
        else
                loop_stop(s->loop);
}

static void on_turn(void *arg)
{
        ((struct seen *)arg)->turns++;
}

static void a_timer_that_sets_itself_waits_a_turn(void **state)
{
        struct seen *s = *state;

        loop_on_turn_end(s->loop, on_turn, s);
        loop_timer_set(s->loop, 0, on_again, s);
        loop_run(s->loop, NULL);
        assert_string_equal(s->order, "aaa");
        assert_true(s->turns >= 3);
}

static void on_readable(void *arg, int fd, unsigned ready)
{
        struct seen *s = arg;
        char c;

        assert_true(ready & LOOP_READ);
        assert_int_equal(read(fd, &c, 1), 1);
        note(s, c);
        if (c == '!')
                loop_stop(s->loop);
}

static void bytes_wake_their_callback(void **state)
{
        struct seen *s = *state;

        assert_int_equal(loop_fd_add(s->loop, s->fd[0], LOOP_READ, on_readable, s, NULL), 0);
        assert_int_equal(write(s->fd[1], "hi!", 3), 3);
        loop_run(s->loop, NULL);
        assert_string_equal(s->order, "hi!");
}

/* Whichever comes first takes the other out: its event, already taken from the kernel, must not be delivered.
 */
static void on_rival(void *arg, int fd, unsigned ready)
{
        struct seen *s = arg;
        int rival = fd == s->fd[0] ? s->other[0] : s->fd[0];

        (void)ready;
        note(s, 'x');
        loop_fd_remove(s->loop, rival);
        loop_fd_remove(s->loop, fd);
        loop_timer_set(s->loop, 5, on_end, s);
}

static void an_event_of_a_removed_descriptor_is_dropped(void **state)
{
        struct seen *s = *state;

        loop_fd_add(s->loop, s->fd[0], LOOP_READ, on_rival, s, NULL);
        loop_fd_add(s->loop, s->other[0], LOOP_READ, on_rival, s, NULL);
        assert_int_equal(write(s->fd[1], "1", 1), 1);
        assert_int_equal(write(s->other[1], "1", 1), 1);
        loop_run(s->loop, NULL);
        assert_string_equal(s->order, "x.");
}

static void on_hangup(void *arg, int fd, unsigned ready)
{
        struct seen *s = arg;

        assert_int_equal(ready, LOOP_READ | LOOP_WRITE);
        loop_fd_remove(s->loop, fd);
        note(s, 'h');
        loop_stop(s->loop);
}

static void a_hangup_shows_as_both(void **state)
{
        struct seen *s = *state;

        loop_fd_add(s->loop, s->fd[0], LOOP_READ, on_hangup, s, NULL);
        close(s->fd[1]);
        s->fd[1] = -1;
        loop_run(s->loop, NULL);
        assert_string_equal(s->order, "h");
}

static void without_interest_nothing_is_delivered(void **state)
{
        struct seen *s = *state;

        loop_fd_add(s->loop, s->fd[0], LOOP_READ, on_hangup, s, NULL);
        loop_fd_want(s->loop, s->fd[0], 0);
        close(s->fd[1]);
        s->fd[1] = -1;
        loop_timer_set(s->loop, 10, on_end, s);
        loop_run(s->loop, NULL);
        assert_string_equal(s->order, ".");
}

static void on_signal(void *arg, int signo)
{
        struct seen *s = arg;

        note(s, signo == SIGUSR1 ? '1' : '2');
        if (s->n == 2)
                loop_stop(s->loop);
}

static void signals_arrive_through_the_loop(void **state)
{
        struct seen *s = *state;

        assert_int_equal(loop_signal_add(s->loop, SIGUSR1, on_signal, s, NULL), 0);
        assert_int_equal(loop_signal_add(s->loop, SIGUSR2, on_signal, s, NULL), 0);
        kill(getpid(), SIGUSR1);
        kill(getpid(), SIGUSR2);
        loop_run(s->loop, NULL);
        assert_string_equal(s->order, "12");
}

static void on_expired(void *arg)
{
        note(arg, 't');
        loop_stop(((struct seen *)arg)->loop);
}

static void what_is_readable_comes_before_what_is_due(void **state)
{
        struct seen *s = *state;

        loop_fd_add(s->loop, s->fd[0], LOOP_READ, on_readable, s, NULL);
        loop_timer_set(s->loop, 0, on_expired, s);
        assert_int_equal(write(s->fd[1], "r", 1), 1);
        loop_run(s->loop, NULL);
        assert_string_equal(s->order, "rt");
}

static void what_cannot_be_watched_is_an_error(void **state)
{
        struct seen *s = *state;
        struct err err = {0};
        int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

        assert_int_equal(loop_fd_add(s->loop, fd, LOOP_READ, on_readable, s, &err), -1);
        assert_int_equal(err.code, ERR_SYSTEM);
        assert_int_equal(loop_fd_add(s->loop, -1, LOOP_READ, on_readable, s, &err), -1);
        close(fd);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define LOOP_TEST(f) cmocka_unit_test_setup_teardown(f, open_loop, close_loop)
            LOOP_TEST(timers_run_by_time_and_then_in_order_of_setting),
            LOOP_TEST(a_cancelled_timer_does_not_run),
            LOOP_TEST(a_stale_handle_leaves_the_next_timer_alone),
            LOOP_TEST(a_timer_that_sets_itself_waits_a_turn),
            LOOP_TEST(bytes_wake_their_callback),
            LOOP_TEST(an_event_of_a_removed_descriptor_is_dropped),
            LOOP_TEST(a_hangup_shows_as_both),
            LOOP_TEST(without_interest_nothing_is_delivered),
            LOOP_TEST(signals_arrive_through_the_loop),
            LOOP_TEST(what_is_readable_comes_before_what_is_due),
            LOOP_TEST(what_cannot_be_watched_is_an_error),
        };

        return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
