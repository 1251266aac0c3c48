/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/attach.h"

#include "common/num.h"
#include "common/proto.h"
#include "common/util.h"
#include "worker/files.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONNECT_MS    10000 /* for a worker to come up */
#define RETRY_MS      20
#define START_EACH_MS 2000 /* a worker that did not come up is started again */
#define STOP_MS       30000
#define STOP_QUIET_MS 300
#define RELAY_BUFFER  (128u << 10)
#define LOG_MAX       (4u << 20)

/* ---- starting ---- */

/* The keeper's pid while it holds the lock, 0 when nobody does. */
static pid_t keeper_pid(int lock_fd)
{
        char text[24] = "";
        int64_t pid;

        if (flock(lock_fd, LOCK_EX | LOCK_NB) == 0) {
                flock(lock_fd, LOCK_UN);
                return 0;
        }
        if (pread(lock_fd, text, sizeof text - 1, 0) <= 0)
                return 0;
        text[strcspn(text, "\n")] = '\0';
        return num_int("pid", text, 2, INT32_MAX, &pid, NULL) == 0 ? (pid_t)pid : 0;
}

static bool keeper_lives(void)
{
        AUTO_CLOSE int fd = open("keeper.lock", O_RDWR | O_CLOEXEC | O_NOFOLLOW);

        return fd >= 0 && keeper_pid(fd) != 0;
}

/* A daemon of its own session; its errors go to worker.log. */
static void daemon_exec(const char *root)
{
        char *argv[] = {"reeve-worker", "run", "--root", (char *)root, NULL};
        int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        int log_fd = open("worker.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);

        setsid();
        if (fork() != 0)
                _exit(0);
        if (null_fd < 0 || log_fd < 0 || dup2(null_fd, 0) < 0 || dup2(null_fd, 1) < 0 || dup2(log_fd, 2) < 0)
                _exit(1);
        if (syscall(SYS_close_range, 3, ~0u, 0) < 0) {
                for (int fd = 3; fd < 1024; fd++)
                        close(fd);
        }
        execve("/proc/self/exe", argv, environ);
        _exit(1);
}

static int start_daemon(const char *root, struct err *err)
{
        pid_t pid = fork();

        if (pid < 0)
                return err_errno(err, "could not start the worker");
        if (pid == 0)
                daemon_exec(root);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                continue;
        return 0;
}

/* ---- connecting ---- */

/* Connected means that the agent has spoken: it begins with the magic line. */
static int connect_once(int timeout_ms)
{
        struct sockaddr_un addr = {.sun_family = AF_UNIX, .sun_path = "agent.sock"};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct pollfd p = {fd, POLLIN, 0};
        char first;

        if (fd < 0)
                return -1;
        if (connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0 &&
            poll(&p, 1, timeout_ms > 0 ? timeout_ms : 0) == 1 && recv(fd, &first, 1, MSG_PEEK) == 1)
                return fd;
        close(fd);
        return -1;
}

static int connect_agent(const char *root, struct err *err)
{
        int64_t give_up = clock_boot_ms() + CONNECT_MS, start_at = 0;
        int fd;

        while ((fd = connect_once((int)(give_up - clock_boot_ms()))) < 0) {
                int64_t now = clock_boot_ms();

                if (now >= give_up)
                        return err_set(
                            err, ERR_UNAVAILABLE,
                            "the worker in \"%s\" does not come up; the end of %s/worker.log says why", root,
                            root);
                /* A keeper that lives brings its agent back by itself. */
                if (now >= start_at && !keeper_lives()) {
                        if (start_daemon(root, err) < 0)
                                return -1;
                        start_at = now + START_EACH_MS;
                }
                poll(NULL, 0, RETRY_MS);
        }
        return fd;
}

/* ---- relaying ---- */

/* One direction: bytes read from `from` and not yet written to `to`. */
struct pipe_way {
        int from, to;
        size_t start, end;
        bool ended;
        uint8_t data[RELAY_BUFFER];
};

/* Move what can be moved; false when a side is gone. */
static bool way_move(struct pipe_way *w, bool readable, bool writable)
{
        ssize_t n;

        if (readable && w->end < sizeof w->data && !w->ended) {
                n = read(w->from, w->data + w->end, sizeof w->data - w->end);
                if (n == 0)
                        w->ended = true;
                else if (n > 0)
                        w->end += (size_t)n;
                else if (errno != EAGAIN && errno != EINTR)
                        return false;
                writable = true;
        }
        if (writable && w->start < w->end) {
                n = write(w->to, w->data + w->start, w->end - w->start);
                if (n > 0)
                        w->start += (size_t)n;
                else if (n < 0 && errno != EAGAIN && errno != EINTR)
                        return false;
        }
        if (w->start == w->end)
                w->start = w->end = 0;
        return !(w->ended && w->start == w->end);
}

static void relay(int agent_fd)
{
        static struct pipe_way up, down;

        up = (struct pipe_way){.from = STDIN_FILENO, .to = agent_fd};
        down = (struct pipe_way){.from = agent_fd, .to = STDOUT_FILENO};
        for (int fd = 0; fd < 2; fd++)
                fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        fcntl(agent_fd, F_SETFL, O_NONBLOCK);
        for (;;) {
                bool up_room = up.end < sizeof up.data && !up.ended, down_room = down.end < sizeof down.data;
                struct pollfd p[4] = {
                    {up_room ? up.from : -1, POLLIN, 0},
                    {up.start < up.end ? up.to : -1, POLLOUT, 0},
                    {down_room ? down.from : -1, POLLIN, 0},
                    {down.start < down.end ? down.to : -1, POLLOUT, 0},
                };

                if (poll(p, 4, -1) < 0 && errno != EINTR)
                        return;
                if (!way_move(&up, p[0].revents, p[1].revents) ||
                    !way_move(&down, p[2].revents, p[3].revents))
                        return;
        }
}

int attach_main(const char *root, struct err *err)
{
        int fd = connect_agent(root, err);

        if (fd < 0)
                return -1;
        signal(SIGPIPE, SIG_IGN);
        relay(fd);
        close(fd);
        return 0;
}

/* ---- stopping ---- */

static void signal_keeper(int lock_fd, pid_t pid)
{
        int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

        /* The holder of the lock wrote its number; ask again, now that the number cannot pass to another. */
        if (keeper_pid(lock_fd) != pid)
                pid = 0;
        if (pid && pidfd >= 0)
                syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0);
        else if (pid)
                kill(pid, SIGTERM);
        if (pidfd >= 0)
                close(pidfd);
}

int stop_main(struct err *err)
{
        AUTO_CLOSE int fd = open("keeper.lock", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        int64_t start = clock_boot_ms(), quiet = start;
        pid_t told = 0;

        /* A keeper that was just killed may have a successor on its way, so the lock must stay free for a
         * moment. */
        while (fd >= 0 && clock_boot_ms() - quiet < STOP_QUIET_MS) {
                pid_t pid = keeper_pid(fd);

                if (pid)
                        quiet = clock_boot_ms();
                if (pid && pid != told)
                        signal_keeper(fd, pid);
                told = pid ? pid : told;
                if (clock_boot_ms() - start >= STOP_MS)
                        return err_set(err, ERR_UNAVAILABLE, "the worker (process %d) does not end",
                                       (int)told);
                poll(NULL, 0, RETRY_MS);
        }
        return 0;
}
