/* SPDX-License-Identifier: Apache-2.0 */
/* reeve-connector: the SSH session of one worker connection, in a process of its own.
 *
 * reeved starts it with a socket pair at descriptor 3 and an empty environment, and speaks C_ frames with it
 * (docs/protocol.md, section 2). It ends when that descriptor closes. Killing it costs a reconnect.
 */
#include "connector/dial.h"
#include "connector/report.h"
#include "connector/sandbox.h"
#include "connector/transport.h"
#include "common/util.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ENGINE_FD       3
#define STREAM_FD       4 /* given when an attached command's bytes shall not pass the engine */
#define READ_MAX        (64u << 10)
#define STREAM_READ_MAX (128u << 10)
#define QUIET_MS        2000
#define COMMAND_MAX     (64u << 10)

struct connector {
        struct loop *loop;
        struct report report;
        struct transport *transport; /* NULL until the configuration came */
        struct proto_config config;
        struct buf in;
        bool attached;
        bool streaming; /* STREAM_FD is watched */
        unsigned stream_interest;
        bool engine_gone;
        bool busy;                  /* something happened since the last look of on_quiet */
        bool quiet_set, quiet_turn; /* its timer runs; this turn is its own */
        unsigned interest;
};

/* ---- frames from the engine ---- */

static int handle_config(struct connector *c, struct reader *r, struct err *err)
{
        static const struct transport_ops *const backends[] = {
            [BACKEND_LIBSSH2] = &transport_libssh2,
            [BACKEND_OPENSSH] = &transport_openssh,
        };

        if (c->transport)
                return err_set(err, ERR_PROTOCOL, "a second configuration");
        if (get_config(r, &c->config, err) < 0)
                return -1;
        for (uint32_t i = 0; i < c->config.hop_count; i++) {
                if (!host_is_valid(c->config.hops[i].host) || !user_is_valid(c->config.hops[i].user))
                        return err_set(err, ERR_BAD_INPUT,
                                       "hop %u: the user or the host has characters that neither may have",
                                       i + 1);
        }
        if (!c->config.private_key)
                c->config.private_key = xstrdup("");
        c->transport = backends[c->config.backend]->open(c->loop, &c->report, &c->config);
        return 0;
}

static int run_command(struct connector *c, bool attached, uint32_t id, struct reader *r, struct err *err)
{
        AUTO_FREE char *text = reader_str(r, COMMAND_MAX);

        if (!text || reader_left(r))
                return err_set(err, ERR_PROTOCOL, "a command does not decode");
        if (!c->transport->ops->idle(c->transport) || c->attached)
                return err_set(err, ERR_PROTOCOL, "a command while another one runs, or before login");
        c->attached = attached;
        c->transport->ops->run(c->transport, &(struct transport_command){attached, id, text});
        return 0;
}

static int handle_exec(struct connector *c, struct reader *r, struct err *err)
{
        return run_command(c, false, reader_u32(r), r, err);
}

static int handle_attach(struct connector *c, struct reader *r, struct err *err)
{
        return run_command(c, true, 0, r, err);
}

static void on_stream(void *arg, int fd, unsigned ready);

static int handle_stream(struct connector *c, struct reader *r, struct err *err)
{
        int type;
        socklen_t len = sizeof type;

        if (getsockopt(STREAM_FD, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
                return err_set(err, ERR_PROTOCOL, "a stream without a descriptor for it");
        if (run_command(c, true, 0, r, err) < 0 ||
            loop_fd_add(c->loop, STREAM_FD, LOOP_READ, on_stream, c, err) < 0)
                return -1;
        c->streaming = true;
        c->stream_interest = LOOP_READ;
        report_stream_to(&c->report, STREAM_FD);
        return 0;
}

static int handle_stdin(struct connector *c, struct reader *r, struct err *err)
{
        size_t n;
        const uint8_t *p;

        reader_u32(r);
        p = reader_blob(r, FRAME_MAX, &n);
        if (r->bad || reader_left(r))
                return err_set(err, ERR_PROTOCOL, "standard input does not decode");
        c->transport->ops->write(c->transport, p, n);
        return 0;
}

static int handle_stdin_end(struct connector *c, struct reader *r, struct err *err)
{
        reader_u32(r);
        if (r->bad || reader_left(r))
                return err_set(err, ERR_PROTOCOL, "the end of standard input does not decode");
        c->transport->ops->write_end(c->transport);
        return 0;
}

static int handle_send(struct connector *c, struct reader *r, struct err *err)
{
        (void)err;
        c->transport->ops->write(c->transport, r->p, reader_left(r));
        return 0;
}

static const struct {
        uint8_t type;
        int (*handle)(struct connector *c, struct reader *r, struct err *err);
} handlers[] = {
    {C_SEND, handle_send},     {C_CONFIG, handle_config},       {C_EXEC, handle_exec},
    {C_STDIN, handle_stdin},   {C_STDIN_END, handle_stdin_end}, {C_ATTACH, handle_attach},
    {C_STREAM, handle_stream},
};

static int handle_frame(struct connector *c, const struct frame *f, struct err *err)
{
        struct reader r;

        reader_init(&r, f->payload, f->len);
        if (!c->transport && f->type != C_CONFIG)
                return err_set(err, ERR_PROTOCOL, "frame %u before the configuration", f->type);
        for (size_t i = 0; i < ARRAY_LEN(handlers); i++) {
                if (handlers[i].type == f->type)
                        return handlers[i].handle(c, &r, err);
        }
        return err_set(err, ERR_PROTOCOL, "frame of unknown type %u", f->type);
}

static bool is_full(const struct connector *c)
{
        return c->transport && c->transport->ops->waiting(c->transport) > TRANSPORT_HIGH;
}

static void handle_frames(struct connector *c)
{
        struct frame f;
        struct err err;
        int rc = 0;

        while (!c->report.ended && !is_full(c) && (rc = frame_next(&c->in, &f, &err)) > 0) {
                rc = handle_frame(c, &f, &err);
                if (f.type == C_CONFIG)
                        explicit_bzero((uint8_t *)f.payload, f.len); /* it held the key */
                frame_done(&c->in, &f);
                if (rc < 0)
                        break;
        }
        if (rc < 0)
                report_failed(&c->report, FAIL_OTHER, NULL, "%s", err.text);
}

/* ---- the loop ---- */

static void on_engine(void *arg, int fd, unsigned ready)
{
        struct connector *c = arg;

        if (!(ready & LOOP_READ) || is_full(c))
                return;
        for (;;) {
                uint8_t *to = buf_reserve(&c->in, READ_MAX);
                ssize_t n = to ? recv(fd, to, READ_MAX, MSG_DONTWAIT) : 0;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
                        return;
                if (n <= 0)
                        c->engine_gone = true;
                else
                        buf_added(&c->in, (size_t)n);
                return;
        }
}

/* Bytes of the stream for the site; taken while the site takes them. */
static void stream_take(struct connector *c)
{
        static uint8_t chunk[STREAM_READ_MAX];

        while (c->streaming && !is_full(c)) {
                ssize_t n = recv(STREAM_FD, chunk, sizeof chunk, MSG_DONTWAIT);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
                        return;
                if (n > 0) {
                        c->transport->ops->write(c->transport, chunk, (size_t)n);
                } else {
                        /* A socket that is hung up would wake us for ever. */
                        c->streaming = false;
                        loop_fd_remove(c->loop, STREAM_FD);
                        c->transport->ops->write_end(c->transport);
                }
        }
}

static void on_stream(void *arg, int fd, unsigned ready)
{
        (void)arg;
        (void)fd;
        (void)ready; /* turn does it */
}

static void stream_watch(struct connector *c)
{
        unsigned want = 0;

        if (!c->streaming)
                return;
        if (!is_full(c))
                want |= LOOP_READ;
        if (buf_len(&c->report.stream))
                want |= LOOP_WRITE;
        if (want != c->stream_interest)
                loop_fd_want(c->loop, STREAM_FD, want);
        c->stream_interest = want;
}

/* Frames in, bytes moved, frames out, until nothing gives way: what was held back by a full queue must go on
 * when the queue has room again, for nothing else would wake it. */
static void turn(struct connector *c)
{
        bool site_full, engine_full;

        do {
                handle_frames(c);
                stream_take(c);
                site_full = is_full(c);
                if (c->transport && !c->report.ended)
                        c->transport->ops->pump(c->transport);
                engine_full = report_is_full(&c->report);
                report_flush(&c->report);
        } while (!c->report.ended && !c->report.broken &&
                 ((site_full && !is_full(c)) || (engine_full && !report_is_full(&c->report))));
}

/* Queues keep their storage while there is traffic, and give it back after. No timer runs when nothing
 * happens. */
static void on_quiet(void *arg)
{
        struct connector *c = arg;

        c->quiet_turn = true;
        c->quiet_set = c->busy;
        if (c->busy) {
                c->busy = false;
                loop_timer_set(c->loop, QUIET_MS, on_quiet, c);
                return;
        }
        buf_shrink(&c->in);
        buf_shrink(&c->report.out);
        buf_shrink(&c->report.stream);
        if (c->transport)
                c->transport->ops->shrink(c->transport);
}

static void on_turn_end(void *arg)
{
        struct connector *c = arg;
        unsigned want = 0;

        turn(c);
        c->busy = !c->quiet_turn;
        c->quiet_turn = false;
        if (c->busy && !c->quiet_set) {
                loop_timer_set(c->loop, QUIET_MS, on_quiet, c);
                c->quiet_set = true;
        }
        if (c->engine_gone || c->report.broken || c->report.ended) {
                loop_stop(c->loop);
                return;
        }
        if (!is_full(c))
                want |= LOOP_READ;
        if (buf_len(&c->report.out))
                want |= LOOP_WRITE;
        if (want != c->interest)
                loop_fd_want(c->loop, ENGINE_FD, want);
        c->interest = want;
        stream_watch(c);
}

/* No frame is longer than FRAME_MAX, and reading stops while one is whole. */
static int serve(struct connector *c, struct err *err)
{
        report_init(&c->report, ENGINE_FD);
        buf_init(&c->in, 2 * FRAME_MAX);
        c->interest = LOOP_READ;
        if (loop_new(&c->loop, err) < 0 || loop_fd_add(c->loop, ENGINE_FD, LOOP_READ, on_engine, c, err) < 0)
                return -1;
        loop_on_turn_end(c->loop, on_turn_end, c);
        return loop_run(c->loop, err);
}

int main(int argc, char **argv)
{
        static struct connector c;
        struct err err;
        int type;
        socklen_t len = sizeof type;

        if (argc == 2 && strcmp(argv[1], "--version") == 0) {
                printf("reeve-connector %s (protocol %d)\n", REEVE_VERSION, PROTO_VERSION);
                return 0;
        }
        if (argc != 1 || getsockopt(ENGINE_FD, SOL_SOCKET, SO_TYPE, &type, &len) < 0) {
                fprintf(stderr, "reeve-connector is started by reeved, with a socket at descriptor %d\n",
                        ENGINE_FD);
                return 2;
        }
        signal(SIGPIPE, SIG_IGN);
        if (sandbox_begin(&err) < 0 || serve(&c, &err) < 0) {
                fprintf(stderr, "reeve-connector: %s\n", err.text);
                return 2;
        }
        report_flush_last(&c.report);
        if (c.transport)
                c.transport->ops->close(c.transport);
        proto_config_release(&c.config);
        report_release(&c.report);
        buf_release(&c.in);
        loop_free(c.loop);
        return c.report.exit_code;
}
