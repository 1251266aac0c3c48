/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/helper.h"

#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define HELPER_FD 3
#define READ_SIZE (128u << 10)

struct helper {
        struct loop *loop;
        pid_t pid;
        int fd;
        struct buf in, out;
        helper_frame_cb on_frame;
        helper_end_cb on_end;
        void *arg;
        bool held; /* a frame was not taken */
        struct helper *next;
};

static struct helper *helpers;

/* Only the socket, and what is handed over, stays open: a copy of a connection would keep its peer from
 * seeing it close. */
static void keep_only(int fd, const int extra[2])
{
        int first = HELPER_FD + 1;

        if (extra) {
                /* Out of the way first: any of them may sit on a number that is wanted. */
                int socket_copy = fcntl(fd, F_DUPFD, 64), in = fcntl(extra[0], F_DUPFD, 64),
                    out = fcntl(extra[1], F_DUPFD, 64);

                if (dup2(socket_copy, HELPER_FD) < 0 || dup2(in, HELPER_FD_EXTRA) < 0 ||
                    dup2(out, HELPER_FD_EXTRA + 1) < 0)
                        _exit(1);
                first = HELPER_FD_EXTRA + 2;
        } else if (fd != HELPER_FD) {
                dup2(fd, HELPER_FD);
        }
        if (syscall(SYS_close_range, first, ~0u, 0) == 0)
                return;
        for (int i = first; i < 4096; i++)
                close(i);
}

static void helper_end(struct helper *h)
{
        struct helper **at = &helpers;

        while (*at != h)
                at = &(*at)->next;
        *at = h->next;
        loop_fd_remove(h->loop, h->fd);
        close(h->fd);
        kill(h->pid, SIGKILL);
        waitpid(h->pid, NULL, 0);
        h->on_end(h->arg);
        buf_release(&h->in);
        buf_release(&h->out);
        free(h);
}

static int give_frames(struct helper *h)
{
        struct frame f;
        struct err err;
        int rc;

        while ((rc = frame_next(&h->in, &f, &err)) > 0) {
                if (!h->on_frame(h->arg, &f)) {
                        h->held = true;
                        return 0;
                }
                frame_done(&h->in, &f);
        }
        return rc;
}

static void want(struct helper *h)
{
        loop_fd_want(h->loop, h->fd, (h->held ? 0 : LOOP_READ) | (buf_len(&h->out) ? LOOP_WRITE : 0));
}

static void on_fd(void *arg, int fd, unsigned ready)
{
        struct helper *h = arg;

        if ((ready & LOOP_READ) && !h->held) {
                uint8_t *to = buf_reserve(&h->in, READ_SIZE);
                ssize_t n = to ? recv(fd, to, READ_SIZE, 0) : 0;

                if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
                        helper_end(h);
                        return;
                }
                buf_added(&h->in, n > 0 ? (size_t)n : 0);
                if (give_frames(h) < 0) {
                        helper_end(h);
                        return;
                }
        }
        if (ready & LOOP_WRITE)
                helper_flush(h);
        want(h);
}

void helper_kill(struct helper *h)
{
        helper_end(h);
}

int helper_start(struct loop *l, helper_main main_fn, void *main_arg, helper_frame_cb on_frame,
                 helper_end_cb on_end, void *arg, struct helper **ret, struct err *err)
{
        return helper_start_with(l, NULL, main_fn, main_arg, on_frame, on_end, arg, ret, err);
}

int helper_start_with(struct loop *l, const int fds[2], helper_main main_fn, void *main_arg,
                      helper_frame_cb on_frame, helper_end_cb on_end, void *arg, struct helper **ret,
                      struct err *err)
{
        struct helper *h;
        int pair[2];
        pid_t pid, parent = getpid();

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return err_errno(err, "could not make a socket pair");
        pid = fork();
        if (pid < 0) {
                close(pair[0]);
                close(pair[1]);
                return err_errno(err, "could not make a helper process");
        }
        if (pid == 0) {
                sigset_t none;

                prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (getppid() != parent)
                        _exit(1);
                sigemptyset(&none);
                sigprocmask(SIG_SETMASK, &none, NULL);
                keep_only(pair[1], fds);
                main_fn(HELPER_FD, main_arg);
                _exit(0);
        }
        close(pair[1]);
        h = xcalloc(1, sizeof *h);
        *h = (struct helper){
            .loop = l, .pid = pid, .fd = pair[0], .on_frame = on_frame, .on_end = on_end, .arg = arg};
        buf_init(&h->in, 2 * FRAME_MAX);
        buf_init(&h->out, FRAME_QUEUE_MAX);
        fcntl(h->fd, F_SETFL, O_NONBLOCK);
        h->next = helpers;
        helpers = h;
        if (loop_fd_add(l, h->fd, LOOP_READ, on_fd, h, err) < 0) {
                h->on_end = (helper_end_cb)free; /* nothing to tell: the caller sees the error */
                h->arg = NULL;
                helper_end(h);
                return -1;
        }
        *ret = h;
        return 0;
}

struct buf *helper_out(struct helper *h)
{
        return &h->out;
}

void helper_flush(struct helper *h)
{
        while (buf_len(&h->out)) {
                ssize_t n = send(h->fd, buf_bytes(&h->out), buf_len(&h->out), MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        break; /* full, or dead: reading tells */
                buf_consume(&h->out, (size_t)n);
        }
        want(h);
}

void helper_resume(struct helper *h)
{
        if (!h->held)
                return;
        h->held = false;
        /* A fault in what is left shows at the next read. */
        give_frames(h);
        want(h);
}

void helpers_kill_all(void)
{
        for (struct helper *h = helpers; h; h = h->next) {
                kill(h->pid, SIGKILL);
                waitpid(h->pid, NULL, 0);
        }
}

/* ---- in the child ---- */

int helper_child_read(int fd, struct buf *in, struct frame *ret)
{
        struct err err;
        int rc;

        while ((rc = frame_next(in, ret, &err)) == 0) {
                uint8_t *to = buf_reserve(in, READ_SIZE);
                ssize_t n = to ? read(fd, to, READ_SIZE) : 0;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return 0;
                buf_added(in, (size_t)n);
        }
        return rc > 0;
}

void helper_child_write(int fd, struct buf *out)
{
        while (buf_len(out)) {
                ssize_t n = send(fd, buf_bytes(out), buf_len(out), MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        _exit(1);
                buf_consume(out, (size_t)n);
        }
}
