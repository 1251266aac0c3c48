/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/connector.h"

#include "common/util.h"
#include "remote/ssh_key.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define READ_MAX    (256u << 10)
#define IN_MAX      (FRAME_MAX + 2 * READ_MAX)
#define SEND_MAX    (64u << 10) /* bytes in one C_SEND or C_STDIN */
#define BUF_KEEP    (64u << 10) /* an empty queue larger than this gives its memory back */
#define ENGINE_FD   3
#define STREAM_FD   4
#define TEXT_MAX    4096u
#define PATIENCE_MS 2000 /* for a connector that was told to end */
#define HANDLES     3

struct connector {
        const struct connector_events *events;
        void *arg;
        uv_pipe_t pipe;
        uv_poll_t exit_poll;
        uv_timer_t patience;
        int handles; /* libuv handles not yet let go */
        int pidfd;
        pid_t pid; /* -1: reaped */
        int status;
        bool freed;   /* the owner is gone: no more events */
        bool hung_up; /* its end of the pair is closed, or will not be listened to */
        bool ended;   /* on_end was called, or must not be */
        uint32_t next_id;
        struct buf in, out, writing;
        bool write_busy;
        uv_write_t write;
        struct err broken; /* why we gave up on it; code ERR_NONE otherwise */
        bool has_end;
        struct connector_end end;
        char end_text[600], end_fix[600];
};

static void maybe_end(struct connector *c);

/* ---- letting go ---- */

static void on_handle_closed(uv_handle_t *h)
{
        struct connector *c = h->data;

        if (--c->handles > 0)
                return;
        if (c->pidfd >= 0)
                close(c->pidfd);
        buf_release(&c->in);
        buf_release(&c->out);
        buf_release(&c->writing);
        free(c);
}

static void handle_close(uv_handle_t *h)
{
        if (!uv_is_closing(h))
                uv_close(h, on_handle_closed);
}

static void reap(struct connector *c)
{
        if (c->pid < 0)
                return;
        while (waitpid(c->pid, &c->status, 0) < 0 && errno == EINTR)
                ;
        c->pid = -1;
}

static void close_rest(struct connector *c)
{
        handle_close((uv_handle_t *)&c->exit_poll);
        handle_close((uv_handle_t *)&c->patience);
}

static void on_patience_over(uv_timer_t *t)
{
        struct connector *c = t->data;

        if (c->pid >= 0)
                kill(c->pid, SIGKILL);
}

/* Closing the pair is the order to end, and leaves it time to say goodbye and to remove its files. Only one
 * that does not obey is killed. */
void connector_free(struct connector *c)
{
        if (!c || c->freed)
                return;
        c->freed = c->ended = c->hung_up = true;
        handle_close((uv_handle_t *)&c->pipe);
        if (c->pid < 0)
                close_rest(c);
        else
                uv_timer_start(&c->patience, on_patience_over, PATIENCE_MS, 0);
}

static void give_up(struct connector *c, const struct err *err)
{
        if (!c->has_end && c->broken.code == ERR_NONE)
                c->broken = *err;
        c->hung_up = true;
        uv_read_stop((uv_stream_t *)&c->pipe);
        if (c->pid >= 0)
                kill(c->pid, SIGKILL);
        maybe_end(c);
}

/* ---- frames from the connector ---- */

static char *take_text(struct reader *r)
{
        char *s = reader_str(r, TEXT_MAX);

        if (s)
                text_make_printable(s);
        return s;
}

static void handle_step(struct connector *c, struct reader *r)
{
        uint8_t step = reader_u8(r);
        uint32_t elapsed = reader_u32(r);
        AUTO_FREE char *text = take_text(r);

        if (r->bad || reader_left(r) || step >= CONNECT_STEP_COUNT)
                r->bad = true;
        else if (c->events->on_step)
                c->events->on_step(c->arg, step, elapsed, text);
}

/* The fingerprint of a key that came along is made here: what people compare is not left to the connector. */
static void handle_hostkey(struct connector *c, struct reader *r)
{
        uint8_t hop = reader_u8(r);
        AUTO_FREE char *type = take_text(r);
        size_t len = 0;
        const uint8_t *key = reader_blob(r, SSH_KEY_WIRE_MAX, &len);
        AUTO_FREE char *fingerprint = take_text(r);
        AUTO_FREE char *algorithms = take_text(r);
        char ours[SSH_FINGERPRINT_LEN];

        if (r->bad || reader_left(r) || hop >= HOPS_MAX) {
                r->bad = true;
                return;
        }
        if (len)
                ssh_fingerprint(key, len, ours);
        if (c->events->on_hostkey)
                c->events->on_hostkey(c->arg, hop, type, key, len, len ? ours : fingerprint, algorithms);
}

static void handle_ready(struct connector *c, struct reader *r)
{
        if (reader_left(r))
                r->bad = true;
        else if (c->events->on_ready)
                c->events->on_ready(c->arg);
}

static void handle_out(struct connector *c, struct reader *r)
{
        uint32_t id = reader_u32(r);
        uint8_t stream = reader_u8(r);
        size_t n;
        const uint8_t *p = reader_blob(r, FRAME_MAX, &n);

        if (r->bad || reader_left(r) || stream < 1 || stream > 2)
                r->bad = true;
        else if (c->events->on_out)
                c->events->on_out(c->arg, id, stream == 2, p, n);
}

static void handle_exec_end(struct connector *c, struct reader *r)
{
        uint32_t id = reader_u32(r), code = reader_u32(r);
        AUTO_FREE char *signal_name = take_text(r);

        if (r->bad || reader_left(r))
                r->bad = true;
        else if (c->events->on_exec_end)
                c->events->on_exec_end(c->arg, id, code, signal_name);
}

static void handle_attached(struct connector *c, struct reader *r)
{
        if (reader_left(r))
                r->bad = true;
        else if (c->events->on_attached)
                c->events->on_attached(c->arg);
}

static void handle_recv(struct connector *c, struct reader *r)
{
        if (c->events->on_received)
                c->events->on_received(c->arg, r->p, reader_left(r));
}

static void keep_end(struct connector *c, const struct connector_end *e, const char *text, const char *fix)
{
        c->end = *e;
        snprintf(c->end_text, sizeof c->end_text, "%s", text);
        snprintf(c->end_fix, sizeof c->end_fix, "%s", fix);
        c->has_end = true;
}

static void handle_closed(struct connector *c, struct reader *r)
{
        AUTO_FREE char *text = take_text(r);

        if (r->bad || reader_left(r))
                r->bad = true;
        else
                keep_end(c, &(struct connector_end){0}, text, "");
}

static void handle_failed(struct connector *c, struct reader *r)
{
        uint8_t step = reader_u8(r), kind = reader_u8(r);
        uint32_t elapsed = reader_u32(r);
        AUTO_FREE char *text = take_text(r);
        AUTO_FREE char *fix = take_text(r);

        if (r->bad || reader_left(r) || step >= CONNECT_STEP_COUNT || kind > FAIL_OTHER)
                r->bad = true;
        else
                keep_end(c,
                         &(struct connector_end){
                             .failed = true, .step = step, .kind = kind, .elapsed_ms = elapsed},
                         text, fix);
}

static const struct {
        uint8_t type;
        void (*handle)(struct connector *c, struct reader *r);
} handlers[] = {
    {C_RECV, handle_recv},         {C_OUT, handle_out},       {C_STEP, handle_step},
    {C_HOSTKEY, handle_hostkey},   {C_READY, handle_ready},   {C_EXEC_END, handle_exec_end},
    {C_ATTACHED, handle_attached}, {C_CLOSED, handle_closed}, {C_FAILED, handle_failed},
};

static int handle_frame(struct connector *c, const struct frame *f, struct err *err)
{
        struct reader r;

        reader_init(&r, f->payload, f->len);
        for (size_t i = 0; i < ARRAY_LEN(handlers); i++) {
                if (handlers[i].type != f->type)
                        continue;
                handlers[i].handle(c, &r);
                return r.bad ? err_set(err, ERR_PROTOCOL,
                                       "the connector sent a frame (type %u) that does not decode", f->type)
                             : 0;
        }
        return err_set(err, ERR_PROTOCOL, "the connector sent a frame of unknown type %u", f->type);
}

static void handle_frames(struct connector *c)
{
        struct frame f;
        struct err err;
        int rc = 0;

        while (!c->freed && !c->has_end && (rc = frame_next(&c->in, &f, &err)) > 0) {
                rc = handle_frame(c, &f, &err);
                frame_done(&c->in, &f);
                if (rc < 0)
                        break;
        }
        if (c->freed)
                return;
        if (rc < 0)
                give_up(c, &err);
        if (!buf_len(&c->in) && c->in.cap > 2 * READ_MAX)
                buf_release(&c->in);
}

/* ---- its end ---- */

static void describe_death(struct connector *c, struct connector_end *e)
{
        *e = (struct connector_end){.failed = true, .step = STEP_CRASH, .kind = FAIL_OTHER};
        if (c->broken.code != ERR_NONE)
                snprintf(c->end_text, sizeof c->end_text, "%s", c->broken.text);
        else if (WIFSIGNALED(c->status))
                snprintf(c->end_text, sizeof c->end_text, "the connector was killed by signal %d%s",
                         WTERMSIG(c->status),
                         WTERMSIG(c->status) == SIGSYS ? " (it tried what its sandbox forbids)" : "");
        else
                snprintf(c->end_text, sizeof c->end_text, "the connector ended with code %d and no word",
                         WEXITSTATUS(c->status));
        snprintf(c->end_fix, sizeof c->end_fix, "%s",
                 "it is started again; if it goes on, report it as a bug");
}

/* The end is told once both the process and its last words are here. */
static void maybe_end(struct connector *c)
{
        struct connector_end e = c->end;

        if (c->ended || c->pid >= 0 || !c->hung_up)
                return;
        if (!c->has_end)
                describe_death(c, &e);
        e.text = c->end_text;
        e.fix = c->end_fix;
        c->ended = true;
        if (c->events->on_end)
                c->events->on_end(c->arg, &e);
}

static void on_exit_poll(uv_poll_t *h, int status, int events)
{
        struct connector *c = h->data;

        (void)status;
        (void)events;
        uv_poll_stop(h);
        reap(c);
        if (c->freed)
                close_rest(c);
        else
                maybe_end(c);
}

/* ---- bytes ---- */

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *ret)
{
        struct connector *c = h->data;
        uint8_t *p = buf_reserve(&c->in, READ_MAX);

        (void)suggested;
        *ret = uv_buf_init((char *)p, p ? READ_MAX : 0);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
        struct connector *c = s->data;

        (void)b;
        if (c->freed)
                return;
        if (n > 0) {
                buf_added(&c->in, (size_t)n);
                handle_frames(c);
        } else if (n < 0) {
                uv_read_stop(s);
                c->hung_up = true;
                maybe_end(c);
        }
}

static void on_written(uv_write_t *w, int status)
{
        struct connector *c = w->data;

        c->write_busy = false;
        if (c->freed)
                return;
        buf_clear(&c->writing);
        if (c->writing.cap > BUF_KEEP)
                buf_release(&c->writing);
        if (status < 0)
                return; /* the reader sees the end */
        if (buf_len(&c->out))
                connector_flush(c);
        else if (c->events->on_drained)
                c->events->on_drained(c->arg);
}

void connector_flush(struct connector *c)
{
        struct buf swap;
        uv_buf_t b;
        int n;

        if (c->hung_up || c->write_busy || !buf_len(&c->out))
                return;
        if (c->out.overflow) {
                struct err err;

                err_set(&err, ERR_LIMIT, "the connector does not take what is sent to it (%u MiB wait)",
                        FRAME_QUEUE_MAX >> 20);
                give_up(c, &err);
                return;
        }
        b = uv_buf_init((char *)buf_bytes(&c->out), (unsigned)buf_len(&c->out));
        n = uv_try_write((uv_stream_t *)&c->pipe, &b, 1);
        if (n > 0)
                buf_consume(&c->out, (size_t)n);
        if (!buf_len(&c->out)) {
                if (c->out.cap > BUF_KEEP)
                        buf_release(&c->out);
                return;
        }
        swap = c->writing;
        c->writing = c->out;
        c->out = swap;
        b = uv_buf_init((char *)buf_bytes(&c->writing), (unsigned)buf_len(&c->writing));
        c->write.data = c;
        if (uv_write(&c->write, (uv_stream_t *)&c->pipe, &b, 1, on_written) == 0)
                c->write_busy = true;
}

size_t connector_queued(const struct connector *c)
{
        return buf_len(&c->out) + (c->write_busy ? buf_len(&c->writing) : 0);
}

int connector_pid(const struct connector *c)
{
        return c->pid;
}

uint32_t connector_exec(struct connector *c, const char *command)
{
        uint32_t id = ++c->next_id;
        size_t at = frame_begin(&c->out, C_EXEC);

        buf_u32(&c->out, id);
        buf_str(&c->out, command);
        frame_end(&c->out, at);
        connector_flush(c);
        return id;
}

void connector_stdin(struct connector *c, const uint8_t *p, size_t n)
{
        while (n) {
                size_t part = n < SEND_MAX ? n : SEND_MAX, at = frame_begin(&c->out, C_STDIN);

                buf_u32(&c->out, c->next_id);
                buf_blob(&c->out, p, part);
                frame_end(&c->out, at);
                p += part;
                n -= part;
        }
        connector_flush(c);
}

void connector_stdin_end(struct connector *c)
{
        size_t at = frame_begin(&c->out, C_STDIN_END);

        buf_u32(&c->out, c->next_id);
        frame_end(&c->out, at);
        connector_flush(c);
}

static void run_last(struct connector *c, uint8_t type, const char *command)
{
        size_t at = frame_begin(&c->out, type);

        buf_str(&c->out, command);
        frame_end(&c->out, at);
        connector_flush(c);
}

void connector_attach(struct connector *c, const char *command)
{
        run_last(c, C_ATTACH, command);
}

void connector_stream(struct connector *c, const char *command)
{
        run_last(c, C_STREAM, command);
}

void connector_send(struct connector *c, const uint8_t *p, size_t n)
{
        while (n) {
                size_t part = n < SEND_MAX ? n : SEND_MAX, at = frame_begin(&c->out, C_SEND);

                buf_put(&c->out, p, part);
                frame_end(&c->out, at);
                p += part;
                n -= part;
        }
}

/* ---- birth ---- */

/* posix_spawn does not copy this process's memory map, which may be large. */
static int spawn(const char *path, int fd, int stream_fd, pid_t *ret_pid)
{
        char *argv[] = {(char *)path, NULL}, *env[] = {"PATH=/usr/local/bin:/usr/bin:/bin", NULL};
        posix_spawn_file_actions_t files;
        posix_spawnattr_t attr;
        sigset_t none, all;
        int rc;

        sigemptyset(&none);
        sigfillset(&all);
        posix_spawn_file_actions_init(&files);
        posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
        posix_spawn_file_actions_adddup2(&files, fd, ENGINE_FD);
        if (stream_fd >= 0)
                posix_spawn_file_actions_adddup2(&files, stream_fd, STREAM_FD);
        posix_spawn_file_actions_addclosefrom_np(&files, stream_fd >= 0 ? STREAM_FD + 1 : STREAM_FD);
        posix_spawnattr_init(&attr);
        posix_spawnattr_setsigmask(&attr, &none);
        posix_spawnattr_setsigdefault(&attr, &all);
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        rc = posix_spawn(ret_pid, path, &files, &attr, argv, env);
        posix_spawnattr_destroy(&attr);
        posix_spawn_file_actions_destroy(&files);
        return rc;
}

static void send_config(struct connector *c, const struct proto_config *config)
{
        size_t at;

        /* Room at once, so that no copy of the key is left in freed memory; wiped once it is written. */
        buf_reserve(&c->out, BUF_KEEP / 2);
        at = frame_begin(&c->out, C_CONFIG);
        put_config(&c->out, config);
        frame_end(&c->out, at);
        connector_flush(c);
        if (!c->write_busy && c->out.data)
                explicit_bzero(c->out.data, c->out.cap);
}

int connector_start(uv_loop_t *loop, const char *path, const struct proto_config *config,
                    const struct connector_events *events, void *arg, struct connector **ret, struct err *err)
{
        return connector_start_with(loop, path, config, -1, events, arg, ret, err);
}

int connector_start_with(uv_loop_t *loop, const char *path, const struct proto_config *config, int stream_fd,
                         const struct connector_events *events, void *arg, struct connector **ret,
                         struct err *err)
{
        int pair[2], theirs, stream, pidfd, rc;
        struct connector *c;
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return err_errno(err, "could not make a socket pair for the connector");
        /* Out of the way of the numbers that they get over there. */
        theirs = fcntl(pair[1], F_DUPFD_CLOEXEC, STREAM_FD + 1);
        stream = stream_fd >= 0 ? fcntl(stream_fd, F_DUPFD_CLOEXEC, STREAM_FD + 1) : -1;
        rc = theirs < 0 || (stream_fd >= 0 && stream < 0) ? errno : spawn(path, theirs, stream, &pid);
        close(pair[1]);
        if (theirs >= 0)
                close(theirs);
        if (stream >= 0)
                close(stream);
        if (rc) {
                close(pair[0]);
                errno = rc;
                return err_errno(err, "could not start the connector \"%s\"", path);
        }
        pidfd = pidfd_open(pid, 0);
        if (pidfd < 0) {
                err_errno(err, "could not watch the connector");
                close(pair[0]);
                kill(pid, SIGKILL);
                waitpid(pid, NULL, 0);
                return -1;
        }
        c = xcalloc(1, sizeof *c);
        *c = (struct connector){.events = events, .arg = arg, .pid = pid, .pidfd = pidfd, .handles = HANDLES};
        buf_init(&c->in, IN_MAX);
        buf_init(&c->out, FRAME_QUEUE_MAX);
        buf_init(&c->writing, FRAME_QUEUE_MAX);
        c->pipe.data = c->exit_poll.data = c->patience.data = c;
        uv_pipe_init(loop, &c->pipe, 0);
        uv_poll_init(loop, &c->exit_poll, c->pidfd);
        uv_timer_init(loop, &c->patience);
        uv_pipe_open(&c->pipe, pair[0]);
        uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read);
        uv_poll_start(&c->exit_poll, UV_READABLE, on_exit_poll);
        send_config(c, config);
        *ret = c;
        return 0;
}
