/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/keeper.h"

#include "common/log.h"
#include "common/num.h"
#include "common/util.h"
#include "worker/files.h"
#include "worker/keeping.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOCK_WAIT_MS         2000
#define LOCK_RETRY_US        2000
#define AGENT_QUEUE_MAX      (32u << 20) /* bytes held for an agent that does not read; then it is replaced */
#define AGENT_BACKOFF_MAX_MS 10000
#define AGENT_STEADY_MS      60000 /* an agent that lived this long did not fail at its start */
#define STOP_DRAIN_MS        3000  /* for the agent to take the last results */

/* ---- the agent as a process ---- */

static void agent_start(void *arg);

static void agent_gone(struct keeper *k)
{
        int64_t lived = loop_now_ms(k->loop) - k->agent_since_ms, delay = 20;

        if (k->agent_fd < 0)
                return;
        loop_fd_remove(k->loop, k->agent_fd);
        close(k->agent_fd);
        k->agent_fd = -1;
        k->agent_asked = k->accept_due = false;
        buf_clear(&k->agent_in);
        buf_clear(&k->agent_out);
        if (k->agent_pid > 0)
                kill(k->agent_pid, SIGKILL);
        k->agent_failures = lived > AGENT_STEADY_MS ? 0 : k->agent_failures + 1;
        for (uint32_t i = 1; i < k->agent_failures && delay < AGENT_BACKOFF_MAX_MS; i++)
                delay *= 2;
        log_warn("the agent is gone; another starts in %lld ms", (long long)delay);
        loop_timer_set(k->loop, delay, agent_start, k);
}

static void agent_flush(struct keeper *k)
{
        while (k->agent_fd >= 0 && buf_len(&k->agent_out)) {
                ssize_t n = send(k->agent_fd, buf_bytes(&k->agent_out), buf_len(&k->agent_out), MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        break;
                if (n <= 0) {
                        agent_gone(k);
                        return;
                }
                buf_consume(&k->agent_out, (size_t)n);
        }
        if (k->agent_fd < 0)
                return;
        if (k->agent_out.overflow) {
                log_error("the agent does not take what it is sent");
                agent_gone(k);
                return;
        }
        loop_fd_want(k->loop, k->agent_fd, LOOP_READ | (buf_len(&k->agent_out) ? LOOP_WRITE : 0));
}

static void on_agent_readable(struct keeper *k)
{
        struct frame f;
        struct err err;
        int rc = 0;

        for (int rounds = 0; rounds < 16; rounds++) {
                uint8_t *to = buf_reserve(&k->agent_in, 65536);
                ssize_t n = to ? recv(k->agent_fd, to, 65536, 0) : 0;

                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        break;
                if (n <= 0) {
                        agent_gone(k);
                        return;
                }
                buf_added(&k->agent_in, (size_t)n);
                while (k->agent_fd >= 0 && (rc = frame_next(&k->agent_in, &f, &err)) > 0) {
                        keeper_frame_from_agent(k, &f);
                        frame_done(&k->agent_in, &f);
                }
                if (rc < 0) {
                        log_error("the agent broke the protocol: %s", err.text);
                        agent_gone(k);
                        return;
                }
                if (n < 65536)
                        break;
        }
}

static void on_agent_fd(void *arg, int fd, unsigned ready)
{
        (void)fd;
        if (ready & LOOP_READ)
                on_agent_readable(arg);
}

struct agent_child {
        const char *root;
        int fd;
};

static int agent_exec(void *arg)
{
        struct agent_child *c = arg;
        char *argv[] = {"reeve-worker", "agent", "--root", (char *)c->root, NULL};
        sigset_t none;

        if (c->fd == KEEPER_FD ? fcntl(c->fd, F_SETFD, 0) < 0 : dup2(c->fd, KEEPER_FD) < 0)
                return 127;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        execve("/proc/self/exe", argv, environ);
        return 127;
}

static void agent_greet(struct keeper *k)
{
        size_t mark;
        struct buf *b = keeper_frame(k, K_IDENTITY, &mark);

        buf_put(b, k->spool_id, sizeof k->spool_id);
        buf_put(b, k->boot_id, sizeof k->boot_id);
        buf_u64(b, k->spool.generation);
        buf_str(b, cgroups_word(&k->cgroups));
        keeper_frame_end(k, mark);
        for (struct attempt *a = k->work.finishing.first; a; a = a->next)
                attempt_put_finish(k, a);
}

static void agent_start(void *arg)
{
        struct keeper *k = arg;
        struct agent_child c = {.root = k->launcher.root};
        struct err err;
        int pair[2];

        k->agent_since_ms = loop_now_ms(k->loop);
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
                log_error("could not make a socket pair: %s", strerror(errno));
                loop_timer_set(k->loop, RETRY_MS, agent_start, k);
                return;
        }
        c.fd = pair[1];
        k->agent_pid = clone(agent_exec, (char *)k->launcher.stack + LAUNCH_STACK_SIZE,
                             CLONE_VM | CLONE_VFORK | SIGCHLD, &c);
        close(pair[1]);
        fcntl(pair[0], F_SETFL, O_NONBLOCK);
        if (k->agent_pid < 0 || loop_fd_add(k->loop, pair[0], LOOP_READ, on_agent_fd, k, &err) < 0) {
                log_error("could not start the agent: %s", strerror(errno));
                close(pair[0]);
                loop_timer_set(k->loop, RETRY_MS, agent_start, k);
                return;
        }
        k->agent_fd = pair[0];
        agent_greet(k);
}

/* ---- the end of a turn ---- */

static void on_timer_wake(void *arg)
{
        struct keeper *k = arg;

        k->flush_timer = 0;
}

/* Newest results last: find the first that the agent has not heard of. */
static void report_durable(struct keeper *k)
{
        struct attempt *first = NULL;

        for (struct attempt *a = k->work.ended.last; a && !a->durable; a = a->prev) {
                a->durable = true;
                first = a;
        }
        k->durable_index = k->work.next_index;
        if (first)
                keeper_send_results(k, first);
        if (k->accept_due) {
                k->accept_due = false;
                keeper_send_accepted(k);
        }
}

static int make_durable(struct keeper *k, struct err *err)
{
        return journal_wants_rotation(k->journal) ? recover_rotate(k, err) : journal_flush(k->journal, err);
}

static void flush(struct keeper *k)
{
        struct err err;

        attempts_finalize(k);
        if (journal_is_dirty(k->journal) || journal_wants_rotation(k->journal)) {
                if (make_durable(k, &err) < 0) {
                        if (!k->journal_failed)
                                log_error("%s; nothing new is started until this works again", err.text);
                        k->journal_failed = true;
                        k->flush_timer = loop_timer_set(k->loop, RETRY_MS, on_timer_wake, k);
                        return;
                }
                k->journal_failed = false;
                k->flushed_ms = clock_boot_ms();
        }
        report_durable(k);
}

/* Sync at once when the last sync is long ago, else let more gather. */
static void flush_if_due(struct keeper *k)
{
        bool due = k->work.exited.first || k->kills_due || k->sweep_again || k->accept_due ||
                   journal_is_dirty(k->journal);
        int64_t since = clock_boot_ms() - k->flushed_ms;

        if (!due || k->flush_timer)
                return;
        if (since < FLUSH_EVERY_MS && !k->journal_failed) {
                k->flush_timer = loop_timer_set(k->loop, FLUSH_EVERY_MS - since, on_timer_wake, k);
                return;
        }
        flush(k);
        if ((k->work.exited.first || k->sweep_again) && !k->flush_timer)
                k->flush_timer = loop_timer_set(k->loop, FLUSH_EVERY_MS, on_timer_wake, k);
}

/* Idle means: nothing runs and every result is durable. Unacknowledged ones wait in the journal. */
static void stop_if_idle(struct keeper *k)
{
        const struct work *w = &k->work;

        if (!k->stopping || w->running.count || w->exited.count || w->finishing.count || w->queue.count ||
            journal_is_dirty(k->journal))
                return;
        if (!k->stop_ms) {
                k->stop_ms = loop_now_ms(k->loop);
                keeper_send_empty(k, K_STOPPED);
                agent_flush(k);
                loop_timer_set(k->loop, STOP_DRAIN_MS, on_timer_wake, k);
        }
        if (k->agent_fd < 0 || !buf_len(&k->agent_out) || loop_now_ms(k->loop) - k->stop_ms >= STOP_DRAIN_MS)
                loop_stop(k->loop);
}

static void on_turn_end(void *arg)
{
        struct keeper *k = arg;

        flush_if_due(k);
        attempts_start(k);
        agent_flush(k);
        stop_if_idle(k);
}

/* ---- start and stop ---- */

static void on_sigchld(void *arg, int signo)
{
        (void)signo;
        attempts_on_child(arg);
}

static void on_sigterm(void *arg, int signo)
{
        log_info("stopped by signal %d", signo);
        keeper_stop(arg, STOP_NOW);
}

/* A logout is no reason to stop. */
static void on_sighup(void *arg, int signo)
{
        (void)arg;
        (void)signo;
}

/* Does the process that wrote its number into the lock file live? */
static bool holder_lives(int lock_fd)
{
        char text[24] = "";
        int64_t pid;

        if (pread(lock_fd, text, sizeof text - 1, 0) <= 0)
                return false;
        text[strcspn(text, "\n")] = '\0';
        return num_int("pid", text, 2, INT32_MAX, &pid, NULL) == 0 && kill((pid_t)pid, 0) == 0;
}

/* 1: ours; 0: another keeper lives. A lock whose keeper is dead is held by a child of it that is not past
 * exec yet: when it is free, that child can be found. */
static int take_lock(struct keeper *k, struct err *err)
{
        int64_t give_up = clock_boot_ms() + LOCK_WAIT_MS;
        char pid[24];
        int n;

        k->lock_fd = open("keeper.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (k->lock_fd < 0)
                return err_errno(err, "could not open \"keeper.lock\"");
        while (flock(k->lock_fd, LOCK_EX | LOCK_NB) < 0) {
                if (errno != EWOULDBLOCK)
                        return err_errno(err, "could not lock \"keeper.lock\"");
                if (clock_boot_ms() >= give_up || holder_lives(k->lock_fd))
                        return 0;
                usleep(LOCK_RETRY_US);
        }
        n = snprintf(pid, sizeof pid, "%d\n", getpid());
        if (ftruncate(k->lock_fd, 0) < 0 || pwrite(k->lock_fd, pid, (size_t)n, 0) != n)
                return err_errno(err, "could not write \"keeper.lock\"");
        return 1;
}

static int keeper_begin(struct keeper *k, struct err *err)
{
        static const char *const dirs[] = {"spool", "spool/run", "jobs", "store"};

        for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
                if (dir_make_all(dirs[i], err) < 0)
                        return -1;
        }
        if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
                return err_errno(err, "could not become the reaper of orphans");
        if (loop_new(&k->loop, err) < 0 || loop_signal_add(k->loop, SIGCHLD, on_sigchld, k, err) < 0 ||
            loop_signal_add(k->loop, SIGTERM, on_sigterm, k, err) < 0 ||
            loop_signal_add(k->loop, SIGINT, on_sigterm, k, err) < 0 ||
            loop_signal_add(k->loop, SIGHUP, on_sighup, k, err) < 0)
                return -1;
        if (recover(k, err) < 0)
                return -1;
        loop_on_turn_end(k->loop, on_turn_end, k);
        attempts_resume(k);
        if (k->memory->lease_until_ms || k->work.running.count)
                k->lease_timer = loop_timer_set(k->loop, 0, keeper_lease_end, k);
        agent_start(k);
        return 0;
}

static void keeper_free(struct keeper *k)
{
        if (k->agent_fd >= 0)
                close(k->agent_fd);
        spool_release(&k->spool);
        cgroups_close(&k->cgroups);
        work_release(&k->work);
        journal_free(k->journal);
        launcher_release(&k->launcher);
        buf_release(&k->agent_in);
        buf_release(&k->agent_out);
        loop_free(k->loop);
        /* Last: only now may another keeper begin. */
        if (k->lock_fd >= 0)
                close(k->lock_fd);
        free(k);
}

int keeper_main(const char *root, struct err *err)
{
        struct keeper *k = xcalloc(1, sizeof *k);
        int rc;

        k->agent_fd = k->lock_fd = k->launcher.null_fd = -1;
        k->launcher.root = root;
        buf_init(&k->agent_in, 2 * FRAME_MAX);
        buf_init(&k->agent_out, AGENT_QUEUE_MAX);
        work_init(&k->work);
        k->work.plan_free = launch_plan_free;
        rc = take_lock(k, err);
        if (rc == 0)
                log_info("another keeper holds \"%s\"", root);
        if (rc > 0) {
                rc = keeper_begin(k, err);
                if (rc == 0) {
                        log_info("keeper of \"%s\" started", root);
                        rc = loop_run(k->loop, err);
                        log_info("keeper stopped");
                }
        }
        keeper_free(k);
        return rc;
}
