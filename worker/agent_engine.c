/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to the engine's relay, and what the engine says: docs/protocol.md section 1. */
#include "worker/agent.h"

#include "common/log.h"
#include "common/util.h"
#include "worker/keeper.h"
#include "worker/parts.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define GREET_MS             15000 /* for a connection to say P_HELLO */
#define HEARTBEAT_LEAST_MS   50
#define HEARTBEAT_DEFAULT_MS 5000

/* ---- connections ---- */

void conn_close(struct conn *c)
{
        struct agent *g = c->agent;

        if (c->fd < 0)
                return;
        loop_timer_cancel(g->loop, c->greet_timer);
        loop_fd_remove(g->loop, c->fd);
        shutdown(c->fd, SHUT_RDWR);
        close(c->fd);
        c->fd = -1;
        buf_release(&c->in);
        buf_release(&c->out);
        c->tag = 0;
        if (g->current == c)
                g->current = NULL;
        agent_reads_hung_up(g, c);
}

void conn_flush(struct conn *c)
{
        while (c->fd >= 0 && buf_len(&c->out)) {
                ssize_t n = send(c->fd, buf_bytes(&c->out), buf_len(&c->out), MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        break;
                if (n <= 0) {
                        conn_close(c);
                        return;
                }
                buf_consume(&c->out, (size_t)n);
        }
        if (c->fd < 0)
                return;
        if (c->out.overflow || (c->closing && !buf_len(&c->out))) {
                conn_close(c);
                return;
        }
        loop_fd_want(c->agent->loop, c->fd,
                     (c->closing ? 0 : LOOP_READ) | (buf_len(&c->out) ? LOOP_WRITE : 0));
}

size_t agent_to_engine(struct agent *g, uint8_t type)
{
        return frame_begin(&g->current->out, type);
}

void agent_forward_to_engine(struct agent *g, uint8_t type, const struct frame *f)
{
        size_t mark;

        if (!g->current)
                return;
        mark = agent_to_engine(g, type);
        buf_put(&g->current->out, f->payload, f->len);
        frame_end(&g->current->out, mark);
}

void conn_fault(struct conn *c, const char *text)
{
        log_warn("a connection is closed: %s", text);
        conn_close(c);
}

/* ---- frames from the engine ---- */

static void on_hello(struct conn *c, struct reader *r)
{
        struct agent *g = c->agent;
        struct proto_resources offered;
        uint8_t instance[16];
        uint16_t version = reader_u16(r);
        uint64_t epoch;
        uint32_t slots;
        size_t mark;

        for (size_t i = 0; i < sizeof instance; i++)
                instance[i] = reader_u8(r);
        epoch = reader_u64(r);
        c->lease_ms = reader_u32(r);
        c->heartbeat_ms = reader_u32(r);
        c->worker_id = reader_u32(r);
        get_resources(r, &offered);
        slots = reader_u32(r);
        if (r->bad || reader_left(r) || c->greeted) {
                r->bad = true;
                return;
        }
        if (version != PROTO_VERSION) {
                conn_fault(c, "the engine speaks another version of the protocol");
                return;
        }
        if (c->heartbeat_ms < HEARTBEAT_LEAST_MS)
                c->heartbeat_ms = HEARTBEAT_DEFAULT_MS;
        c->greeted = true;
        loop_timer_cancel(g->loop, c->greet_timer);
        c->greet_timer = 0;
        c->tag = ++g->tags;
        mark = agent_to_keeper(g, K_HELLO);
        buf_u32(&g->keeper_out, c->tag);
        buf_put(&g->keeper_out, instance, sizeof instance);
        buf_u64(&g->keeper_out, epoch);
        put_resources(&g->keeper_out, &offered);
        buf_u32(&g->keeper_out, slots);
        frame_end(&g->keeper_out, mark);
}

static void on_grant(struct agent *g, struct reader *r)
{
        uint64_t nonce = reader_u64(r);
        size_t mark;

        /* Only a nonce that was asked with, and recently: an older one would extend nothing. */
        if (r->bad || nonce > g->renew_nonce || nonce + ARRAY_LEN(g->renew_ms) <= g->renew_nonce || !nonce)
                return;
        mark = agent_to_keeper(g, K_LEASE);
        buf_u64(&g->keeper_out,
                (uint64_t)(g->renew_ms[nonce % ARRAY_LEN(g->renew_ms)] + g->current->lease_ms));
        frame_end(&g->keeper_out, mark);
}

static void on_ping(struct agent *g, struct reader *r)
{
        uint64_t nonce = reader_u64(r);
        size_t mark = agent_to_engine(g, P_PONG);

        buf_u64(&g->current->out, nonce);
        frame_end(&g->current->out, mark);
}

/* It is there before the launch that follows it reaches the keeper. */
static void on_part(struct agent *g, struct reader *r)
{
        (void)g;
        if (parts_take(r) < 0)
                r->bad = true;
}

/* ---- frames, dispatched ---- */

/* Passed to the keeper unread. */
static uint8_t keeper_type(uint8_t type)
{
        static const uint8_t types[] = {
            [P_TEMPLATE] = K_TEMPLATE, [P_FORGET] = K_FORGET, [P_LAUNCH] = K_LAUNCH,
            [P_CANCEL] = K_CANCEL,     [P_ACK] = K_ACK,       [P_STOP] = K_STOP};

        return type < ARRAY_LEN(types) ? types[type] : 0;
}

static void handle_engine(struct conn *c, const struct frame *f)
{
        static void (*const by_type[])(struct agent *, struct reader *) = {[P_GRANT] = on_grant,
                                                                           [P_READ] = agent_on_read,
                                                                           [P_SCAN] = agent_on_scan,
                                                                           [P_PING] = on_ping,
                                                                           [P_PART] = on_part};
        struct agent *g = c->agent;
        struct reader r;
        char text[80];

        reader_init(&r, f->payload, f->len);
        if (f->type == P_HELLO) {
                on_hello(c, &r);
        } else if (c != g->current) {
                r.bad = true;
        } else if (keeper_type(f->type)) {
                if (f->type == P_FORGET)
                        parts_forget((int64_t)reader_u64(&r));
                agent_forward_to_keeper(g, keeper_type(f->type), f);
                return;
        } else if (transfers_takes(f->type)) {
                r.bad = !transfers_frame(g->transfers, f);
                r.p = r.end;
        } else if (f->type < ARRAY_LEN(by_type) && by_type[f->type]) {
                by_type[f->type](g, &r);
        } else {
                r.bad = true;
        }
        if (c->fd >= 0 && (r.bad || reader_left(&r))) {
                snprintf(text, sizeof text, "a frame of type %u does not decode or is out of place", f->type);
                conn_fault(c, text);
        }
}

static void on_conn_readable(struct conn *c)
{
        struct frame f;
        struct err err;
        int rc = 0;

        for (int i = 0; i < READ_ROUNDS && c->fd >= 0; i++) {
                uint8_t *to = buf_reserve(&c->in, READ_SIZE);
                ssize_t n = to ? recv(c->fd, to, READ_SIZE, 0) : 0;

                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        return;
                if (n <= 0) {
                        conn_close(c);
                        return;
                }
                buf_added(&c->in, (size_t)n);
                while (c->fd >= 0 && !c->closing && (rc = frame_next(&c->in, &f, &err)) > 0) {
                        handle_engine(c, &f);
                        if (c->fd >= 0)
                                frame_done(&c->in, &f);
                }
                if (c->fd >= 0 && rc < 0)
                        conn_fault(c, err.text);
                if (n < (ssize_t)READ_SIZE)
                        return;
        }
}

static void on_conn_fd(void *arg, int fd, unsigned ready)
{
        struct conn *c = arg;

        (void)fd;
        if (ready & LOOP_READ)
                on_conn_readable(c);
        if (c->fd >= 0 && (ready & LOOP_WRITE))
                conn_flush(c);
}

static void on_greet_timeout(void *arg)
{
        struct conn *c = arg;

        c->greet_timer = 0;
        conn_fault(c, "nobody greeted");
}

void agent_on_listen(void *arg, int fd, unsigned ready)
{
        struct agent *g = arg;
        struct conn *c = NULL;
        struct ucred cred;
        socklen_t len = sizeof cred;
        struct err err;
        int s = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        (void)ready;
        if (s < 0)
                return;
        for (size_t i = 0; i < CONNS_MAX && !c; i++)
                c = g->conns[i].fd < 0 ? &g->conns[i] : NULL;
        if (!c || getsockopt(s, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 || cred.uid != geteuid()) {
                log_warn("a connection is refused: %s",
                         c ? "it comes from another account" : "too many of them");
                close(s);
                return;
        }
        *c = (struct conn){.agent = g, .fd = s};
        buf_init(&c->in, 2 * FRAME_MAX);
        buf_init(&c->out, FRAME_QUEUE_MAX);
        if (loop_fd_add(g->loop, s, LOOP_READ, on_conn_fd, c, &err) < 0) {
                log_warn("%s", err.text);
                close(s);
                c->fd = -1;
                return;
        }
        c->greet_timer = loop_timer_set(g->loop, GREET_MS, on_greet_timeout, c);
        /* Said by us and not by the relay: a connection that an ending agent never accepts stays silent. */
        buf_text(&c->out, PROTO_MAGIC);
}
