/* SPDX-License-Identifier: Apache-2.0 */
/* The agent: the engine's conversation on one side (docs/protocol.md section 1), the keeper's on the other
 * (keeper.h).
 *
 * Everything here can be lost at any moment: the keeper holds the truth and sends it again. One connection is
 * current; a newer greeting that the keeper accepts replaces it. Bulk bytes (reads, scans, outputs) come from
 * helpers and enter a connection's queue only while it is short, so they never hold up control.
 */
#include "worker/keeper.h"

#include "common/log.h"
#include "common/loop.h"
#include "common/num.h"
#include "common/states.h"
#include "common/util.h"
#include "worker/chores.h"
#include "worker/facts.h"
#include "worker/files.h"
#include "worker/helper.h"
#include "worker/spool.h"
#include "worker/parts.h"
#include "worker/transfers.h"
#include "worker/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNS_MAX            8
#define GREET_MS             15000        /* for a connection to say P_HELLO */
#define BULK_MAX             (512u << 10) /* of a connection's queue; bulk waits above it */
#define READ_SIZE            (128u << 10)
#define READ_ROUNDS          16
#define PUBLISH_BATCH        64 /* attempts whose outputs one helper keeps */
#define PUBLISH_TRIES        3
#define SCANS_AT_ONCE        2
#define SCANS_MAX            64
#define MEASURE_EVERY_MS     5000
#define DISK_FULL_BYTES      (64u << 20) /* the worker takes no launch below it */
#define KEEP_FULL_SECONDS    60 /* on a full disk, younger leavings stay: their results may be on the way */
#define JANITOR_EVERY_MS     (3600 * 1000)
#define JANITOR_FIRST_MS     (60 * 1000)
#define WORKER_LOG_MAX       (4u << 20)
#define HEARTBEAT_LEAST_MS   50
#define HEARTBEAT_DEFAULT_MS 5000
#define DRAIN_MS             2000 /* for the engine to take the last frames when the worker stops */

struct agent;

struct conn {
        struct agent *agent;
        int fd; /* -1: free */
        struct buf in, out;
        bool greeted; /* P_HELLO came */
        bool closing; /* close when out is empty */
        uint64_t greet_timer;
        uint32_t lease_ms, heartbeat_ms, worker_id;
        uint32_t tag; /* of its greeting, while the keeper has not answered; else 0 */
};

/* An attempt that runs, as far as reading its log needs. */
struct running {
        struct attempt_key key;
        char dir[64];
        uint64_t disk_limit;
};

struct publishing {
        uint8_t *raw; /* owned K_FINISH payload */
        size_t len;
        struct attempt_key key;
        unsigned tries;
};

struct scan_job {
        struct agent *agent;
        struct scan_request request;
        struct conn *conn;
        struct helper *helper; /* NULL: waits */
        bool ended;            /* P_SCAN_END was sent */
        struct scan_job *next;
};

struct agent {
        struct loop *loop;
        const char *root;
        uint8_t spool_id[16], boot_id[16];
        uint64_t generation;
        char *cgroup_word; /* owned */
        int keeper_fd, listen_fd;
        struct buf keeper_in, keeper_out;
        bool keeper_stopped;

        struct conn conns[CONNS_MAX];
        struct conn *current;
        uint32_t tags; /* the last one given */
        uint64_t heartbeat_timer;
        uint64_t renew_nonce;
        int64_t renew_ms[8]; /* when a nonce was asked with, by nonce modulo 8 */
        bool health_due;

        struct running *running;
        size_t running_count, running_cap;

        struct helper *reader;
        struct publishing *publish;
        size_t publish_count, publish_cap;
        struct helper *publisher;
        struct scan_job *scans;
        size_t scan_count;
        struct helper *measurer, *janitor;
        struct transfers *transfers;
        struct watch *watch;
};

/* ---- the keeper's side ---- */

static size_t to_keeper(struct agent *g, uint8_t type)
{
        return frame_begin(&g->keeper_out, type);
}

static void forward_to_keeper(struct agent *g, uint8_t type, const struct frame *f)
{
        size_t mark = to_keeper(g, type);

        buf_put(&g->keeper_out, f->payload, f->len);
        frame_end(&g->keeper_out, mark);
}

static void keeper_died(struct agent *g)
{
        char *argv[] = {"reeve-worker", "run", "--root", (char *)g->root, NULL};
        sigset_t none;

        if (g->keeper_stopped)
                return;
        log_error("the keeper is gone; this process takes its place");
        close(g->listen_fd);
        helpers_kill_all();
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        execve("/proc/self/exe", argv, environ);
        log_error("could not start a keeper: %s", strerror(errno));
        _exit(1);
}

static void keeper_flush(struct agent *g)
{
        while (buf_len(&g->keeper_out)) {
                ssize_t n =
                    send(g->keeper_fd, buf_bytes(&g->keeper_out), buf_len(&g->keeper_out), MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        break;
                if (n <= 0) {
                        if (!g->keeper_stopped)
                                keeper_died(g);
                        buf_clear(&g->keeper_out);
                        return;
                }
                buf_consume(&g->keeper_out, (size_t)n);
        }
        if (!g->keeper_stopped)
                loop_fd_want(g->loop, g->keeper_fd, LOOP_READ | (buf_len(&g->keeper_out) ? LOOP_WRITE : 0));
}

/* ---- connections ---- */

static void conn_close(struct conn *c)
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
        for (struct scan_job *s = g->scans; s; s = s->next) {
                if (s->conn == c)
                        s->conn = NULL;
        }
        if (g->current == c)
                g->current = NULL;
        /* What the reader holds for it will be dropped now. */
        if (g->reader && !g->keeper_stopped)
                helper_resume(g->reader);
}

static void conn_flush(struct conn *c)
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

static size_t to_engine(struct agent *g, uint8_t type)
{
        return frame_begin(&g->current->out, type);
}

static void forward_to_engine(struct agent *g, uint8_t type, const struct frame *f)
{
        size_t mark;

        if (!g->current)
                return;
        mark = to_engine(g, type);
        buf_put(&g->current->out, f->payload, f->len);
        frame_end(&g->current->out, mark);
}

static void conn_fault(struct conn *c, const char *text)
{
        log_warn("a connection is closed: %s", text);
        conn_close(c);
}

/* ---- lease and health ---- */

static void send_renew(struct agent *g)
{
        size_t mark = to_engine(g, P_RENEW);

        g->renew_nonce++;
        g->renew_ms[g->renew_nonce % ARRAY_LEN(g->renew_ms)] = clock_boot_ms();
        buf_u64(&g->current->out, g->renew_nonce);
        frame_end(&g->current->out, mark);
}

static void on_heartbeat(void *arg)
{
        struct agent *g = arg;

        g->heartbeat_timer = 0;
        if (!g->current)
                return;
        send_renew(g);
        g->health_due = true;
        frame_end(&g->keeper_out, to_keeper(g, K_COUNT));
        g->heartbeat_timer = loop_timer_set(g->loop, g->current->heartbeat_ms, on_heartbeat, g);
}

static void janitor_start(struct agent *g, uint64_t keep_bytes, int64_t keep_seconds);

static void send_health(struct agent *g, struct reader *counts)
{
        struct buf *b = &g->current->out;
        size_t mark = to_engine(g, P_HEALTH);
        uint64_t disk_free, disk_total;

        disk_space(&disk_free, &disk_total);
        /* On a full disk what ended attempts left behind goes first. */
        if (disk_free < DISK_FULL_BYTES && !g->janitor)
                janitor_start(g, 0, KEEP_FULL_SECONDS);
        buf_u64(b, disk_free);
        buf_u64(b, disk_total);
        buf_u64(b, facts_memory_available());
        buf_u32(b, facts_load_milli());
        buf_u64(b, (uint64_t)clock_wall_ms());
        for (int i = 0; i < 3; i++)
                buf_u32(b, reader_u32(counts));
        frame_end(b, mark);
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
        mark = to_keeper(g, K_HELLO);
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
        mark = to_keeper(g, K_LEASE);
        buf_u64(&g->keeper_out,
                (uint64_t)(g->renew_ms[nonce % ARRAY_LEN(g->renew_ms)] + g->current->lease_ms));
        frame_end(&g->keeper_out, mark);
}

static void on_ping(struct agent *g, struct reader *r)
{
        uint64_t nonce = reader_u64(r);
        size_t mark = to_engine(g, P_PONG);

        buf_u64(&g->current->out, nonce);
        frame_end(&g->current->out, mark);
}

/* ---- reading ---- */

static struct running *running_find(struct agent *g, struct attempt_key key)
{
        for (size_t i = 0; i < g->running_count; i++) {
                if (attempt_key_equal(g->running[i].key, key))
                        return &g->running[i];
        }
        return NULL;
}

static bool on_reader_frame(void *arg, const struct frame *f)
{
        struct agent *g = arg;

        if (g->current && buf_len(&g->current->out) > BULK_MAX)
                return false;
        if (f->type == P_DATA)
                forward_to_engine(g, P_DATA, f);
        return true;
}

static void on_reader_end(void *arg)
{
        struct agent *g = arg;

        g->reader = NULL;
}

static void refuse_read(struct agent *g, uint32_t request, const char *text)
{
        struct buf *b = &g->current->out;
        size_t mark = to_engine(g, P_DATA);

        buf_u32(b, request);
        buf_u8(b, READ_FAILED);
        for (int i = 0; i < 4; i++)
                buf_u64(b, 0);
        buf_u8(b, 1);
        buf_str(b, text);
        frame_end(b, mark);
}

static void on_read(struct agent *g, struct reader *r)
{
        uint32_t request = reader_u32(r);
        uint8_t what = reader_u8(r);
        struct attempt_key key = get_key(r);
        AUTO_FREE char *path = reader_str(r, PATH_TEXT_MAX);
        uint64_t offset = reader_u64(r);
        uint32_t length = reader_u32(r);
        struct running *run = running_find(g, key);
        char log[128], final[96];
        struct buf *b;
        struct err err;
        size_t mark;

        if (r->bad || what > READ_PATH || length > CHUNK_MAX) {
                r->bad = true;
                return;
        }
        if (!g->reader && helper_start(g->loop, chore_reader, NULL, on_reader_frame, on_reader_end, g,
                                       &g->reader, &err) < 0) {
                refuse_read(g, request, err.text);
                return;
        }
        spool_final_path(key, final);
        snprintf(log, sizeof log, "%s/%s", run ? run->dir : final,
                 what == READ_STDERR ? LOG_STDERR : LOG_STDOUT);
        b = helper_out(g->reader);
        mark = frame_begin(b, CHORE_READ);
        buf_u32(b, request);
        buf_u8(b, what);
        buf_str(b, what == READ_STDOUT || what == READ_STDERR ? log : path);
        buf_u64(b, offset);
        buf_u32(b, length);
        buf_u8(b, run ? 0 : 1);
        frame_end(b, mark);
        helper_flush(g->reader);
}

/* ---- scans ---- */

static void scans_start(struct agent *g);

static void scan_end(struct conn *c, uint32_t request, const char *text)
{
        size_t mark = frame_begin(&c->out, P_SCAN_END);

        buf_u32(&c->out, request);
        buf_u8(&c->out, READ_FAILED);
        buf_u8(&c->out, 0);
        buf_str(&c->out, text);
        frame_end(&c->out, mark);
}

static bool on_scan_frame(void *arg, const struct frame *f)
{
        struct scan_job *s = arg;

        if (s->conn && buf_len(&s->conn->out) > BULK_MAX)
                return false;
        s->ended |= f->type == P_SCAN_END;
        if (s->conn && s->conn == s->agent->current)
                forward_to_engine(s->agent, f->type, f);
        return true;
}

static void on_scan_end(void *arg)
{
        struct scan_job *s = arg, **at = &s->agent->scans;
        struct agent *g = s->agent;

        if (!s->ended && s->conn)
                scan_end(s->conn, s->request.request, "the scan was interrupted; ask again");
        while (*at != s)
                at = &(*at)->next;
        *at = s->next;
        g->scan_count--;
        free(s->request.path);
        free(s);
        scans_start(g);
}

static void scans_start(struct agent *g)
{
        int active = 0;
        struct err err;

        for (struct scan_job *s = g->scans; s && active < SCANS_AT_ONCE; s = s->next) {
                if (!s->helper && helper_start(g->loop, chore_scan, &s->request, on_scan_frame, on_scan_end,
                                               s, &s->helper, &err) < 0) {
                        log_warn("%s", err.text);
                        return;
                }
                active++;
        }
}

static void on_scan(struct agent *g, struct reader *r)
{
        uint32_t request = reader_u32(r);
        AUTO_FREE char *path = reader_str(r, PATH_TEXT_MAX);
        struct scan_job *s, **at = &g->scans;

        if (r->bad)
                return;
        if (path[0] != '/' || g->scan_count >= SCANS_MAX) {
                scan_end(g->current, request,
                         path[0] != '/' ? "the path is not absolute"
                                        : "too many scans at once; try again later");
                return;
        }
        s = xcalloc(1, sizeof *s);
        *s = (struct scan_job){
            .agent = g, .request = {.request = request, .path = MOVE(path)}, .conn = g->current};
        while (*at)
                at = &(*at)->next;
        *at = s;
        g->scan_count++;
        scans_start(g);
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
                                                                           [P_READ] = on_read,
                                                                           [P_SCAN] = on_scan,
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
                forward_to_keeper(g, keeper_type(f->type), f);
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

static void on_listen(void *arg, int fd, unsigned ready)
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

/* ---- outputs ---- */

static void publish_next(struct agent *g);

static void published(struct agent *g, size_t i)
{
        free(g->publish[i].raw);
        memmove(&g->publish[i], &g->publish[i + 1], (--g->publish_count - i) * sizeof *g->publish);
}

static bool on_publisher_frame(void *arg, const struct frame *f)
{
        struct agent *g = arg;
        struct attempt_key key;
        struct reader r;

        reader_init(&r, f->payload, f->len);
        key = get_key(&r);
        for (size_t i = 0; i < g->publish_count; i++) {
                if (attempt_key_equal(g->publish[i].key, key)) {
                        published(g, i);
                        break;
                }
        }
        forward_to_keeper(g, K_PUBLISHED, f);
        return true;
}

/* Those still listed with a try were not answered: the helper died over one of them. */
static void on_publisher_end(void *arg)
{
        struct agent *g = arg;

        g->publisher = NULL;
        for (size_t i = 0; i < g->publish_count;) {
                struct publishing *p = &g->publish[i];
                size_t mark;

                if (p->tries < PUBLISH_TRIES) {
                        i++;
                        continue;
                }
                mark = to_keeper(g, K_PUBLISHED);
                put_key(&g->keeper_out, p->key);
                buf_u8(&g->keeper_out, OUTCOME_OUTPUT_FAILED);
                buf_u32(&g->keeper_out, 0);
                buf_str(&g->keeper_out, "keeping the outputs failed again and again");
                frame_end(&g->keeper_out, mark);
                published(g, i);
        }
        publish_next(g);
}

static void publish_next(struct agent *g)
{
        struct buf batch;
        struct err err;
        size_t n;

        if (g->publisher || !g->publish_count)
                return;
        /* After a failure one at a time, so that the guilty one stands alone. */
        n = g->publish[0].tries ? 1 : g->publish_count < PUBLISH_BATCH ? g->publish_count : PUBLISH_BATCH;
        buf_init(&batch, FRAME_QUEUE_MAX);
        for (size_t i = 0; i < n; i++) {
                size_t mark = frame_begin(&batch, K_FINISH);

                buf_put(&batch, g->publish[i].raw, g->publish[i].len);
                frame_end(&batch, mark);
                g->publish[i].tries++;
        }
        if (helper_start(g->loop, chore_publish, &batch, on_publisher_frame, on_publisher_end, g,
                         &g->publisher, &err) < 0)
                log_error("%s", err.text);
        buf_release(&batch);
}

static void on_finish(struct agent *g, const struct frame *f)
{
        struct publishing *p;
        struct reader r;

        g->publish = xgrow(g->publish, g->publish_count, &g->publish_cap, sizeof *g->publish);
        p = &g->publish[g->publish_count++];
        reader_init(&r, f->payload, f->len);
        *p = (struct publishing){.raw = xmalloc(f->len), .len = f->len, .key = get_key(&r)};
        memcpy(p->raw, f->payload, f->len);
        if (g->current) {
                size_t mark = to_engine(g, P_FINISHING);

                buf_u32(&g->current->out, 1);
                put_key(&g->current->out, p->key);
                frame_end(&g->current->out, mark);
        }
}

/* ---- frames from the keeper ---- */

static void send_welcome(struct agent *g, struct conn *c)
{
        size_t mark = to_engine(g, P_WELCOME);
        struct buf *b = &c->out;
        struct facts f;
        char features[96];

        facts_read(&f);
        buf_u16(b, PROTO_VERSION);
        buf_put(b, g->spool_id, sizeof g->spool_id);
        buf_put(b, g->boot_id, sizeof g->boot_id);
        buf_str(b, f.hostname);
        buf_str(b, f.os);
        buf_str(b, f.machine);
        buf_u32(b, f.cpus);
        buf_u64(b, f.memory);
        buf_u64(b, f.disk_free);
        buf_u64(b, f.disk_total);
        buf_u64(b, (uint64_t)clock_wall_ms());
        buf_str(b, g->root);
        snprintf(features, sizeof features, "%s%s%s", g->cgroup_word ? g->cgroup_word : "",
                 g->cgroup_word && *g->cgroup_word ? " " : "", f.features);
        buf_str(b, features);
        buf_u32(b, c->worker_id);
        frame_end(b, mark);
}

static struct conn *conn_of_tag(struct agent *g, uint32_t tag)
{
        for (size_t i = 0; i < CONNS_MAX; i++) {
                if (tag && g->conns[i].fd >= 0 && g->conns[i].tag == tag)
                        return &g->conns[i];
        }
        return NULL;
}

static void on_accepted(struct agent *g, struct reader *r)
{
        uint32_t tag = reader_u32(r);
        struct conn *c = conn_of_tag(g, tag);

        /* The current one, and those that greeted before this one, are older. */
        for (size_t i = 0; i < CONNS_MAX; i++) {
                struct conn *other = &g->conns[i];

                if (other->fd >= 0 &&
                    (other == g->current || (other->tag && (int32_t)(other->tag - tag) < 0)))
                        conn_close(other);
        }
        if (!c)
                return;
        c->tag = 0;
        g->current = c;
        transfers_connected(g->transfers);
        send_welcome(g, c);
        frame_end(&g->keeper_out, to_keeper(g, K_ASK));
}

static void on_fenced(struct agent *g, struct reader *r)
{
        struct conn *c = conn_of_tag(g, reader_u32(r));
        uint64_t epoch = reader_u64(r);
        size_t mark;

        if (!c)
                return;
        if (!epoch) {
                conn_fault(c, "this worker belongs to another Reeve; give each its own root directory");
                return;
        }
        mark = frame_begin(&c->out, P_FENCED);
        buf_u64(&c->out, epoch);
        frame_end(&c->out, mark);
        c->closing = true;
}

static void on_snapshot_end(struct agent *g, struct reader *r)
{
        (void)r;
        if (!g->current)
                return;
        frame_end(&g->current->out, to_engine(g, P_SNAPSHOT_END));
        watch_again(g->watch);
        loop_timer_cancel(g->loop, g->heartbeat_timer);
        on_heartbeat(g);
}

static void on_started(struct agent *g, struct reader *r)
{
        uint32_t n = reader_u32(r);
        struct buf *b = g->current ? &g->current->out : NULL;
        size_t mark = b ? to_engine(g, P_STARTED) : 0;

        if (b)
                buf_u32(b, n);
        for (; n && !r->bad; n--) {
                struct attempt_key key = get_key(r);
                uint64_t start = reader_u64(r);
                AUTO_FREE char *dir = reader_str(r, sizeof g->running->dir - 1);
                uint64_t limit = reader_u64(r);

                if (r->bad)
                        break;
                if (!running_find(g, key)) {
                        g->running = xgrow(g->running, g->running_count, &g->running_cap, sizeof *g->running);
                        g->running[g->running_count] = (struct running){.key = key, .disk_limit = limit};
                        snprintf(g->running[g->running_count++].dir, sizeof g->running->dir, "%s", dir);
                        watch_add(g->watch, key, dir);
                }
                if (b) {
                        put_key(b, key);
                        buf_u64(b, start);
                }
        }
        if (b)
                frame_end(b, mark);
}

/* The files of one result, in as many frames as they need. */
static void send_outputs(struct agent *g, struct attempt_key key)
{
        struct buf list, *out = &g->current->out;
        struct reader r;
        uint32_t left;

        buf_init(&list, FRAME_QUEUE_MAX);
        if (outputs_load(key, &list, &left) < 0) {
                log_error("the list of outputs of %lld.%d#%d is gone", (long long)key.job, key.task,
                          key.attempt);
                left = 0;
        }
        reader_init(&r, buf_bytes(&list), buf_len(&list));
        while (left && !r.bad) {
                size_t mark = to_engine(g, P_OUTPUTS), at;
                const uint8_t *from = r.p;
                uint32_t n = 0;

                put_key(out, key);
                at = buf_len(out);
                buf_u32(out, 0);
                while (left && !r.bad && n < BATCH_MAX && (size_t)(r.p - from) < CHUNK_MAX) {
                        struct proto_file f;

                        get_file(&r, &f);
                        free(f.path);
                        n++;
                        left--;
                }
                buf_patch_u32(out, at, n);
                buf_put(out, from, (size_t)(r.p - from));
                frame_end(out, mark);
        }
        buf_release(&list);
}

static void on_ended(struct agent *g, const struct frame *f)
{
        struct reader r;
        uint32_t n;

        reader_init(&r, f->payload, f->len);
        n = reader_u32(&r);
        for (; n && !r.bad; n--) {
                struct proto_result res;
                struct running *run;

                get_result(&r, &res);
                run = running_find(g, res.key);
                if (run) {
                        *run = g->running[--g->running_count];
                        watch_drop(g->watch, res.key);
                }
                if (g->current && res.output_count)
                        send_outputs(g, res.key);
        }
        forward_to_engine(g, P_ENDED, f);
}

static void on_fault(struct agent *g, struct reader *r)
{
        AUTO_FREE char *text = reader_str(r, FRAME_MAX);

        if (g->current && text)
                conn_fault(g->current, text);
}

static void on_identity(struct agent *g, struct reader *r)
{
        for (size_t i = 0; i < sizeof g->spool_id; i++)
                g->spool_id[i] = reader_u8(r);
        for (size_t i = 0; i < sizeof g->boot_id; i++)
                g->boot_id[i] = reader_u8(r);
        g->generation = reader_u64(r);
        free(g->cgroup_word);
        g->cgroup_word = reader_str(r, 16);
}

static void on_counts(struct agent *g, struct reader *r)
{
        if (g->current && g->health_due)
                send_health(g, r);
        g->health_due = false;
}

static void on_drained(void *arg)
{
        loop_stop(arg);
}

static void on_stopped(struct agent *g, struct reader *r)
{
        (void)r;
        g->keeper_stopped = true;
        loop_fd_remove(g->loop, g->keeper_fd);
        unlink("agent.sock");
        if (g->current)
                g->current->closing = true;
        loop_timer_set(g->loop, g->current && buf_len(&g->current->out) ? DRAIN_MS : 0, on_drained, g->loop);
}

static void handle_keeper(struct agent *g, const struct frame *f)
{
        static void (*const by_type[])(struct agent *, struct reader *) = {
            [K_IDENTITY] = on_identity, [K_ACCEPTED] = on_accepted,
            [K_FENCED] = on_fenced,     [K_SNAPSHOT_END] = on_snapshot_end,
            [K_STARTED] = on_started,   [K_COUNTS] = on_counts,
            [K_FAULT] = on_fault,       [K_STOPPED] = on_stopped};
        struct reader r;

        reader_init(&r, f->payload, f->len);
        if (f->type == K_SNAPSHOT)
                forward_to_engine(g, P_SNAPSHOT, f);
        else if (f->type == K_ENDED)
                on_ended(g, f);
        else if (f->type == K_FINISH)
                on_finish(g, f);
        else if (f->type < ARRAY_LEN(by_type) && by_type[f->type])
                by_type[f->type](g, &r);
}

static void on_keeper_fd(void *arg, int fd, unsigned ready)
{
        struct agent *g = arg;
        struct frame f;
        struct err err;
        int rc = 0;

        if (!(ready & LOOP_READ))
                return;
        for (int i = 0; i < READ_ROUNDS && !g->keeper_stopped; i++) {
                uint8_t *to = buf_reserve(&g->keeper_in, READ_SIZE);
                ssize_t n = to ? recv(fd, to, READ_SIZE, 0) : 0;

                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        return;
                if (n <= 0) {
                        keeper_died(g);
                        return;
                }
                buf_added(&g->keeper_in, (size_t)n);
                while ((rc = frame_next(&g->keeper_in, &f, &err)) > 0) {
                        handle_keeper(g, &f);
                        frame_done(&g->keeper_in, &f);
                }
                if (rc < 0)
                        keeper_died(g);
                if (n < (ssize_t)READ_SIZE)
                        return;
        }
}

/* ---- progress ---- */

static bool on_watch_frame(void *arg, const struct frame *f)
{
        struct agent *g = arg;

        if (g->current && buf_len(&g->current->out) > BULK_MAX)
                return false;
        forward_to_engine(g, P_PROGRESS, f);
        return true;
}

/* ---- housekeeping ---- */

static bool to_keeper_cb(void *arg, const struct frame *f)
{
        forward_to_keeper(arg, f->type, f);
        return true;
}

static void on_measured(void *arg);

static void on_measure_timer(void *arg)
{
        struct agent *g = arg;
        struct measure_request q = {.items = xcalloc(g->running_count, sizeof *q.items)};
        struct err err;

        for (size_t i = 0; i < g->running_count; i++) {
                if (!g->running[i].disk_limit)
                        continue;
                q.items[q.count].key = g->running[i].key;
                q.items[q.count].limit = g->running[i].disk_limit;
                snprintf(q.items[q.count++].dir, sizeof q.items->dir, "%s", g->running[i].dir);
        }
        if (!q.count ||
            helper_start(g->loop, chore_measure, &q, to_keeper_cb, on_measured, g, &g->measurer, &err) < 0)
                loop_timer_set(g->loop, MEASURE_EVERY_MS, on_measure_timer, g);
        free(q.items);
}

static void on_measured(void *arg)
{
        struct agent *g = arg;

        g->measurer = NULL;
        loop_timer_set(g->loop, MEASURE_EVERY_MS, on_measure_timer, g);
}

/* The log of both halves is descriptor 2, opened for appending: it can be copied away and emptied in place.
 */
static void bound_log(void)
{
        struct stat st;
        off_t at = 0;

        if (fstat(STDERR_FILENO, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > (off_t)WORKER_LOG_MAX) {
                AUTO_CLOSE int from = open("worker.log", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
                AUTO_CLOSE int to =
                    open("worker.log.1", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

                if (from >= 0 && to >= 0 && sendfile(to, from, &at, (size_t)st.st_size) < 0)
                        log_warn("the older log is lost");
                if (ftruncate(STDERR_FILENO, 0) < 0)
                        log_warn("the log cannot be emptied");
        }
}

static bool ignore_frame(void *arg, const struct frame *f)
{
        (void)arg;
        (void)f;
        return true;
}

static void on_janitor_end(void *arg)
{
        struct agent *g = arg;

        g->janitor = NULL;
}

static void janitor_start(struct agent *g, uint64_t keep_bytes, int64_t keep_seconds)
{
        struct janitor_request q = {.now = clock_wall_ms() / 1000,
                                    .keep_bytes = keep_bytes,
                                    .keep_seconds = keep_seconds,
                                    .generation = g->generation,
                                    .count = g->running_count};
        struct err err;

        bound_log();
        q.running = xcalloc(q.count, sizeof *q.running);
        for (size_t i = 0; i < q.count; i++)
                q.running[i] = g->running[i].dir;
        if (!g->janitor)
                helper_start(g->loop, chore_janitor, &q, ignore_frame, on_janitor_end, g, &g->janitor, &err);
        free(q.running);
}

static void on_janitor_timer(void *arg)
{
        struct agent *g = arg;

        janitor_start(g, KEEP_BYTES, KEEP_YOUNG_SECONDS);
        transfers_sweep(g->transfers);
        loop_timer_set(g->loop, JANITOR_EVERY_MS, on_janitor_timer, g);
}

static void on_turn_end(void *arg)
{
        struct agent *g = arg;

        publish_next(g);
        keeper_flush(g);
        for (size_t i = 0; i < CONNS_MAX; i++) {
                if (g->conns[i].fd >= 0)
                        conn_flush(&g->conns[i]);
        }
        if (g->current && buf_len(&g->current->out) > BULK_MAX)
                return;
        if (g->reader)
                helper_resume(g->reader);
        watch_resume(g->watch);
        for (struct scan_job *s = g->scans, *next; s; s = next) {
                next = s->next;
                if (s->helper)
                        helper_resume(s->helper);
        }
}

/* ---- transfers ---- */

static struct buf *transfers_out(void *arg)
{
        struct agent *g = arg;

        return g->current ? &g->current->out : NULL;
}

static void on_transfers_fault(void *arg, const char *text)
{
        struct agent *g = arg;

        if (g->current)
                conn_fault(g->current, text);
}

static int transfers_open(struct agent *g, struct err *err)
{
        const struct transfers_port port = {
            .out = transfers_out, .on_fault = on_transfers_fault, .arg = g, .bulk_max = BULK_MAX};

        return transfers_new(g->loop, g->root, &port, &g->transfers, err);
}

static int open_socket(struct agent *g, struct err *err)
{
        struct sockaddr_un addr = {.sun_family = AF_UNIX, .sun_path = "agent.sock"};
        mode_t old = umask(0177);
        int rc = -1;

        unlink("agent.sock");
        g->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (g->listen_fd < 0 || bind(g->listen_fd, (struct sockaddr *)&addr, sizeof addr) < 0 ||
            listen(g->listen_fd, 16) < 0)
                err_errno(err, "could not listen on \"agent.sock\"");
        else
                rc = loop_fd_add(g->loop, g->listen_fd, LOOP_READ, on_listen, g, err);
        umask(old);
        return rc;
}

static void agent_free(struct agent *g)
{
        helpers_kill_all();
        for (size_t i = 0; i < CONNS_MAX; i++)
                conn_close(&g->conns[i]);
        transfers_free(g->transfers);
        while (g->publish_count)
                published(g, g->publish_count - 1);
        free(g->publish);
        free(g->running);
        watch_free(g->watch);
        free(g->cgroup_word);
        buf_release(&g->keeper_in);
        buf_release(&g->keeper_out);
        loop_free(g->loop);
        free(g);
}

int agent_main(const char *root, struct err *err)
{
        struct agent *g = xcalloc(1, sizeof *g);
        int rc = -1;

        g->root = root;
        g->keeper_fd = KEEPER_FD;
        for (size_t i = 0; i < CONNS_MAX; i++)
                g->conns[i] = (struct conn){.agent = g, .fd = -1};
        buf_init(&g->keeper_in, 2 * FRAME_MAX);
        buf_init(&g->keeper_out, FRAME_QUEUE_MAX);
        if (fcntl(KEEPER_FD, F_SETFL, O_NONBLOCK) < 0 || fcntl(KEEPER_FD, F_SETFD, FD_CLOEXEC) < 0) {
                err_errno(err, "this command is for the keeper only");
        } else if (loop_new(&g->loop, err) == 0 &&
                   loop_fd_add(g->loop, KEEPER_FD, LOOP_READ, on_keeper_fd, g, err) == 0 &&
                   open_socket(g, err) == 0 && transfers_open(g, err) == 0) {
                g->watch = watch_new(g->loop, on_watch_frame, g);
                loop_on_turn_end(g->loop, on_turn_end, g);
                loop_timer_set(g->loop, MEASURE_EVERY_MS, on_measure_timer, g);
                loop_timer_set(g->loop, JANITOR_FIRST_MS, on_janitor_timer, g);
                rc = loop_run(g->loop, err);
        }
        agent_free(g);
        return rc;
}
