/* SPDX-License-Identifier: Apache-2.0 */
/* The link's life, as a drawing of who calls whom:
 *
 *   retry timer -> link_dial -> connector events ... on_ready -> bootstrap ... on_done -> attach -> magic ->
 * P_HELLO
 *     -> P_WELCOME -> P_SNAPSHOT... -> P_SNAPSHOT_END: ready
 *   anything that goes wrong, from anywhere -> link_down: absent, with a reason and a time for the next try
 *
 * A callback of the owner may free or stop the link. So link_down is the last thing a function does, `freed`
 * is looked at after every event, and what is still on the stack (the bootstrap) is only retired, and freed
 * at the next dial.
 *
 * Deadlines: a timer of libuv fires before what can be read was read. After a stall of our own that would
 * blame the site for our silence; so a timer only asks, and the answer is given after the poll (on_check).
 */
#include "remote/worker_link.h"

#include "common/log.h"
#include "common/util.h"
#include "remote/worker_link_priv.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define CONNECT_MS_DEFAULT 30000
#define CONNECT_MS_MARGIN  15000  /* the connector keeps its own time; this is for one that hangs */
#define BOOTSTRAP_MS       300000 /* a slow line and a megabyte to upload */
#define GREET_MS           60000
#define SILENT_BEATS       3 /* heartbeats without a word after which the connection counts as dead */
#define RETRY_MIN_MS       100
#define RETRY_FIRST_MS     1000
#define RETRY_MAX_MS       300000
#define RETRY_REFUSED_MS   5000 /* at least, after a refused login: servers ban who insists */
#define REFUSED_MAX        3
#define TRIES_WHEN_READY   1     /* failures that count against a link that had become ready */
#define STEADY_MS          60000 /* a link that was ready for this long begins its count of failures anew */
#define PRIVATE_QUEUE      (4u << 20) /* for grants and pings, which no limit refuses */
#define GATE_LINKS_MAX     1024

struct dial_gate {
        uint32_t at_once, active;
        struct worker_link *links[GATE_LINKS_MAX];
        size_t count;
};

static void link_dial(struct worker_link *l);

/* ---- the gate ---- */

struct dial_gate *dial_gate_new(uint32_t at_once)
{
        struct dial_gate *g = xcalloc(1, sizeof *g);

        g->at_once = at_once ? at_once : 1;
        return g;
}

void dial_gate_free(struct dial_gate *g)
{
        free(g);
}

static void gate_wake(struct dial_gate *g);

void dial_gate_set(struct dial_gate *g, uint32_t at_once)
{
        bool more = at_once > g->at_once;

        g->at_once = at_once ? at_once : 1;
        if (more)
                gate_wake(g);
}

static bool same_addresses(const struct worker_link *a, const struct worker_link *b)
{
        if (a->s.hop_count != b->s.hop_count)
                return false;
        for (uint32_t i = 0; i < a->s.hop_count; i++) {
                if (strcmp(a->hops[i].host, b->hops[i].host) != 0 || a->hops[i].port != b->hops[i].port)
                        return false;
        }
        return true;
}

static bool is_probing(const struct worker_link *l)
{
        return l->dead && l->wanted && !l->final;
}

/* The first dead link to an address is its prober; who comes later waits for it. */
static bool gate_admits(struct worker_link *l)
{
        struct dial_gate *g = l->s.gate;

        if (!g)
                return true;
        if (g->active >= g->at_once)
                return false;
        for (size_t i = 0; i < g->count && g->links[i] != l; i++) {
                if (is_probing(g->links[i]) && same_addresses(g->links[i], l))
                        return false;
        }
        return true;
}

static void on_retry(uv_timer_t *t);

static void gate_wake(struct dial_gate *g)
{
        for (size_t i = 0; g && i < g->count; i++) {
                if (g->links[i]->waiting)
                        uv_timer_start(&g->links[i]->timers[TIMER_RETRY], on_retry, 0, 0);
        }
}

static void gate_leave(struct worker_link *l)
{
        if (!l->dialing)
                return;
        l->dialing = false;
        if (l->s.gate)
                l->s.gate->active--;
}

void link_gate_leave(struct worker_link *l)
{
        gate_leave(l);
}

void link_gate_wake(struct worker_link *l)
{
        gate_wake(l->s.gate);
}

static int gate_join(struct worker_link *l, struct err *err)
{
        struct dial_gate *g = l->s.gate;

        if (!g)
                return 0;
        if (g->count == GATE_LINKS_MAX)
                return err_set(err, ERR_LIMIT, "a site has at most %d workers", GATE_LINKS_MAX);
        g->links[g->count++] = l;
        return 0;
}

static void gate_part(struct worker_link *l)
{
        struct dial_gate *g = l->s.gate;

        gate_leave(l);
        for (size_t i = 0; g && i < g->count; i++) {
                if (g->links[i] != l)
                        continue;
                memmove(&g->links[i], &g->links[i + 1], (g->count - i - 1) * sizeof *g->links);
                g->count--;
                break;
        }
        gate_wake(g);
        l->s.gate = NULL;
}

/* ---- telling the owner ---- */

void link_set_state(struct worker_link *l, enum link_state s, const struct link_failure *why)
{
        if (l->state == s && !why)
                return;
        log_debug("%s: %s -> %s%s%s", l->name, link_state_name(l->state), link_state_name(s), why ? ": " : "",
                  why ? why->text : "");
        l->state = s;
        l->phase++;
        EMIT(l, on_state, s, why);
}

/* ---- going down ---- */

/* How long to wait after the n-th failure in a row: anything up to a bound that doubles ("full jitter"), so
 * that many links that failed together do not come back together. */
static int64_t retry_pause(const struct worker_link *l, const struct link_failure *why)
{
        uint32_t doublings = l->tries > 10 ? 10 : l->tries - 1;
        uint32_t bound = RETRY_FIRST_MS << doublings;
        int64_t pause;

        if (bound > RETRY_MAX_MS)
                bound = RETRY_MAX_MS;
        pause = RETRY_MIN_MS + randombytes_uniform(bound);
        return why->kind == FAIL_REFUSED ? pause + RETRY_REFUSED_MS : pause;
}

static bool failure_is_final(struct worker_link *l, const struct link_failure *why)
{
        static const bool final_kinds[] = {
            [FAIL_ALGORITHMS] = true, [FAIL_HOSTKEY_CHANGED] = true, [FAIL_HOSTKEY_UNKNOWN] = true,
            [FAIL_KEY] = true,        [FAIL_OTHER] = false,
        };

        if (why->kind == FAIL_REFUSED)
                return ++l->refused >= REFUSED_MAX;
        l->refused = 0;
        return why->final || final_kinds[why->kind];
}

/* Everything that belongs to one connection. */
static void connection_drop(struct worker_link *l)
{
        connector_free(l->conn);
        l->conn = NULL;
        if (l->bootstrap) {
                bootstrap_free(l->retired);
                l->retired = MOVE(l->bootstrap);
        }
        l->talk = TALK_NONE;
        buf_release(&l->in);
        buf_release(&l->out);
        free(l->snapshot);
        l->snapshot = NULL;
        l->snapshot_count = l->snapshot_cap = 0;
        job_set_clear(&l->templates);
        l->rtt_ms = -1;
        l->ping_ms = 0;
        l->due_deadline = l->due_silence = false;
        for (int i = 0; i < TIMERS; i++)
                uv_timer_stop(&l->timers[i]);
        uv_prepare_stop(&l->prepare);
        uv_check_stop(&l->check);
}

/* Every accepted request gets its one answer. */
static void requests_fail(struct worker_link *l)
{
        static const char text[] = "the connection to the site broke";
        struct request all[LINK_REQUESTS_MAX];

        if (!l->request_count)
                return;
        memcpy(all, l->requests, sizeof all);
        memset(l->requests, 0, sizeof l->requests);
        l->request_count = 0;
        for (size_t i = 0; i < LINK_REQUESTS_MAX && !l->freed; i++) {
                if (all[i].id && all[i].kind == REQUEST_SCAN)
                        EMIT(l, on_scan_end, all[i].id, READ_FAILED, false, text);
                else if (all[i].id && all[i].kind == REQUEST_REMOVE)
                        EMIT(l, on_removed, all[i].id, READ_FAILED, 0, 0, text);
                else if (all[i].id)
                        EMIT(l, on_data, all[i].id,
                             &(struct link_data){.status = READ_FAILED,
                                                 .data = (const uint8_t *)text,
                                                 .len = sizeof text - 1});
        }
}

static void link_schedule(struct worker_link *l, int64_t pause_ms)
{
        uv_timer_start(&l->timers[TIMER_RETRY], on_retry, (uint64_t)pause_ms, 0);
}

void link_down(struct worker_link *l, struct link_failure *why)
{
        bool was_reached = l->state >= LINK_BOOTSTRAPPING;

        if (l->freed)
                return;
        connection_drop(l);
        gate_leave(l);
        l->waiting = false;
        if (why) {
                if (l->ready_ms && clock_boot_ms() - l->ready_ms >= STEADY_MS)
                        l->tries = 0;
                /* The site lives; it is the link that breaks, and attempts wait for it. */
                if (l->ready_ms && l->tries > TRIES_WHEN_READY)
                        l->tries = TRIES_WHEN_READY;
                why->tries = ++l->tries;
                why->final = l->final = failure_is_final(l, why);
                l->dead = !was_reached && why->kind == FAIL_UNREACHABLE;
                why->next_try_ms = l->final || !l->wanted ? -1 : retry_pause(l, why);
                l->failure = *why;
                l->has_failure = true;
                if (why->next_try_ms >= 0)
                        link_schedule(l, why->next_try_ms);
        }
        l->ready_ms = 0;
        gate_wake(l->s.gate);
        link_listeners_down(l);
        requests_fail(l);
        if (!l->freed)
                link_set_state(l, LINK_ABSENT, why ? &l->failure : NULL);
}

static void link_fail(struct worker_link *l, const char *fix, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void link_fail(struct worker_link *l, const char *fix, const char *fmt, ...)
{
        struct link_failure why = {.where = l->state, .kind = FAIL_OTHER};
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(why.text, sizeof why.text, fmt, ap);
        va_end(ap);
        text_make_printable(why.text);
        snprintf(why.fix, sizeof why.fix, "%s", fix ? fix : "");
        link_down(l, &why);
}

/* ---- sending ---- */

static void on_prepare(uv_prepare_t *p)
{
        worker_link_flush(p->data);
}

void link_dirty(struct worker_link *l)
{
        uv_prepare_start(&l->prepare, on_prepare);
}

void worker_link_flush(struct worker_link *l)
{
        uv_prepare_stop(&l->prepare);
        if (!l->conn || !buf_len(&l->out))
                return;
        connector_send(l->conn, buf_bytes(&l->out), buf_len(&l->out));
        if (l->out.cap > (1u << 20))
                buf_release(&l->out);
        else
                buf_clear(&l->out);
        connector_flush(l->conn);
}

size_t worker_link_queued(const struct worker_link *l)
{
        return buf_len(&l->out) + (l->conn ? connector_queued(l->conn) : 0);
}

static void send_hello(struct worker_link *l)
{
        size_t at = frame_begin(&l->out, P_HELLO);

        buf_u16(&l->out, PROTO_VERSION);
        buf_put(&l->out, l->s.instance, sizeof l->s.instance);
        buf_u64(&l->out, l->s.epoch);
        buf_u32(&l->out, l->s.lease_ms);
        buf_u32(&l->out, l->s.heartbeat_ms);
        buf_u32(&l->out, l->s.worker_id);
        put_resources(&l->out, &l->s.offer);
        buf_u32(&l->out, l->s.slots);
        frame_end(&l->out, at);
        l->hello_ms = clock_boot_ms();
        link_dirty(l);
}

/* ---- time ---- */

static void on_check(uv_check_t *c)
{
        struct worker_link *l = c->data;
        bool deadline = l->due_deadline && l->due_phase == l->phase, silence = l->due_silence;

        uv_check_stop(c);
        l->due_deadline = l->due_silence = false;
        if (deadline)
                link_fail(l, "the host may be overloaded; it is tried again", "no progress in time while %s",
                          link_state_sentence(l->state));
        else if (silence && clock_boot_ms() - l->heard_ms > (int64_t)SILENT_BEATS * l->s.heartbeat_ms)
                link_fail(l, "the link or the host is cut off; it is tried again",
                          "no word from the worker for %d s", (int)((clock_boot_ms() - l->heard_ms) / 1000));
}

static void on_deadline(uv_timer_t *t)
{
        struct worker_link *l = t->data;

        l->due_deadline = true;
        l->due_phase = l->phase;
        uv_check_start(&l->check, on_check);
}

static void deadline_set(struct worker_link *l, uint64_t ms)
{
        uv_timer_start(&l->timers[TIMER_DEADLINE], on_deadline, ms, 0);
}

static void on_beat(uv_timer_t *t)
{
        struct worker_link *l = t->data;

        if (!l->ping_ms) {
                l->ping_ms = clock_boot_ms();
                link_send_nonce(l, P_PING, ++l->ping);
        }
        if (clock_boot_ms() - l->heard_ms > (int64_t)SILENT_BEATS * l->s.heartbeat_ms) {
                l->due_silence = true;
                uv_check_start(&l->check, on_check);
        }
}

void link_beat_start(struct worker_link *l)
{
        uv_timer_start(&l->timers[TIMER_BEAT], on_beat, l->s.heartbeat_ms, l->s.heartbeat_ms);
}

static void on_retry(uv_timer_t *t)
{
        link_dial(t->data);
}

/* Every whole frame in `b`. Returns false when this connection is over. */
static bool handle_frames(struct worker_link *l, struct buf *b)
{
        const struct connector *conn = l->conn;
        struct frame f;
        struct err err;
        int rc;

        while ((rc = frame_next(b, &f, &err)) > 0) {
                rc = link_handle_frame(l, &f, &err);
                if (l->freed || l->conn != conn)
                        return false;
                if (rc < 0)
                        break;
                frame_done(b, &f);
        }
        if (rc == 0)
                return true;
        link_fail(l, "the worker at the site and this reeved may be of different versions",
                  "the worker broke the protocol: %s", err.text);
        return false;
}

/* What a login script prints before the magic line is skipped, within bounds. */
static bool take_magic(struct worker_link *l)
{
        const uint8_t *p = buf_bytes(&l->in), *found;
        size_t n = buf_len(&l->in), magic = strlen(PROTO_MAGIC);

        found = memmem(p, n, PROTO_MAGIC, magic);
        if (found) {
                buf_consume(&l->in, (size_t)(found - p) + magic);
                l->talk = TALK_WELCOME;
                send_hello(l);
                return true;
        }
        if (n > PROTO_MAGIC_SKIP_MAX)
                link_fail(l, "let the account's login scripts print nothing when there is no terminal",
                          "the account's login scripts print more than %d bytes", PROTO_MAGIC_SKIP_MAX);
        return false;
}

/* ---- events of the connector ---- */

static void on_conn_received(void *arg, const uint8_t *p, size_t n)
{
        struct worker_link *l = arg;
        struct buf view = {.data = (uint8_t *)p, .len = n, .cap = n, .max = n};

        l->heard_ms = clock_boot_ms();
        /* Whole frames are read where they are; only what is cut is copied. */
        if (l->talk > TALK_MAGIC && !buf_len(&l->in)) {
                if (handle_frames(l, &view) && buf_len(&view))
                        buf_put(&l->in, buf_bytes(&view), buf_len(&view));
                return;
        }
        buf_put(&l->in, p, n);
        if (l->talk == TALK_MAGIC && !take_magic(l))
                return;
        handle_frames(l, &l->in);
}

static void on_conn_step(void *arg, enum connect_step step, uint32_t elapsed_ms, const char *text)
{
        struct worker_link *l = arg;

        if (step >= STEP_REACH && l->state == LINK_DIALING)
                link_set_state(l, LINK_AUTHENTICATING, NULL);
        EMIT(l, on_step, connect_step_name(step), elapsed_ms, text);
}

static void on_conn_hostkey(void *arg, uint32_t hop, const char *type, const uint8_t *key, size_t len,
                            const char *fingerprint, const char *algorithms)
{
        struct worker_link *l = arg;

        (void)key;
        (void)len;
        (void)algorithms;
        l->hostkey_hop = hop;
        snprintf(l->hostkey_type, sizeof l->hostkey_type, "%s", type);
        snprintf(l->hostkey_print, sizeof l->hostkey_print, "%s", fingerprint);
}

static const struct bootstrap_events bootstrap_events;

static void on_conn_ready(void *arg)
{
        struct worker_link *l = arg;
        struct err err;

        deadline_set(l, BOOTSTRAP_MS);
        link_set_state(l, LINK_BOOTSTRAPPING, NULL);
        if (l->freed || !l->conn)
                return;
        if (bootstrap_start(l->conn, l->s.worker_dir, l->root, &bootstrap_events, l, &l->bootstrap, &err) < 0)
                link_fail(l, "", "%s", err.text);
}

static void on_conn_out(void *arg, uint32_t id, bool is_stderr, const uint8_t *p, size_t n)
{
        struct worker_link *l = arg;

        (void)id;
        if (l->bootstrap)
                bootstrap_on_out(l->bootstrap, is_stderr, p, n);
}

static void on_conn_exec_end(void *arg, uint32_t id, uint32_t code, const char *signal_name)
{
        struct worker_link *l = arg;

        (void)id;
        (void)signal_name;
        if (l->bootstrap)
                bootstrap_on_exec_end(l->bootstrap, code);
}

static void on_conn_drained(void *arg)
{
        struct worker_link *l = arg;

        if (l->bootstrap)
                bootstrap_on_drained(l->bootstrap);
}

static void on_conn_end(void *arg, const struct connector_end *e)
{
        struct worker_link *l = arg;
        struct link_failure why = {
            .where = l->state, .step = e->step, .kind = e->failed ? e->kind : FAIL_OTHER};
        bool changed = e->failed && e->kind == FAIL_HOSTKEY_CHANGED;
        bool greeting = l->state == LINK_GREETING;

        snprintf(why.text, sizeof why.text, "%s%s", greeting ? "the worker did not come up: " : "", e->text);
        snprintf(why.fix, sizeof why.fix, "%s",
                 *e->fix || !greeting ? e->fix : "look at worker.log in the worker's directory at the site");
        link_down(l, &why);
        if (changed)
                EMIT(l, on_hostkey_changed, l->hostkey_hop, l->hostkey_type, l->hostkey_print);
}

static const struct connector_events connector_events = {
    .on_step = on_conn_step,
    .on_hostkey = on_conn_hostkey,
    .on_ready = on_conn_ready,
    .on_out = on_conn_out,
    .on_exec_end = on_conn_exec_end,
    .on_received = on_conn_received,
    .on_drained = on_conn_drained,
    .on_end = on_conn_end,
};

/* ---- events of the bootstrap ---- */

static const char *const bootstrap_steps[] = {[BOOTSTRAP_SHELL] = "shell", [BOOTSTRAP_UPLOAD] = "upload"};

static void on_boot_step(void *arg, enum bootstrap_step step, uint32_t elapsed_ms, const char *text)
{
        struct worker_link *l = arg;

        if (l->bootstrap)
                EMIT(l, on_step, bootstrap_steps[step], elapsed_ms, text);
}

static void on_boot_progress(void *arg, const char *text)
{
        struct worker_link *l = arg;

        if (l->bootstrap)
                EMIT(l, on_progress, text);
}

static void on_boot_done(void *arg, const struct bootstrap_facts *facts, const char *attach_command)
{
        struct worker_link *l = arg;

        if (!l->bootstrap)
                return;
        l->linger = facts->linger;
        snprintf(l->worker_sha256, sizeof l->worker_sha256, "%s", facts->worker_sha256);
        l->retired = MOVE(l->bootstrap); /* it is still on the stack */
        l->talk = TALK_MAGIC;
        l->attach_ms = clock_boot_ms();
        deadline_set(l, GREET_MS);
        connector_attach(l->conn, attach_command);
        link_set_state(l, LINK_GREETING, NULL);
}

static void on_boot_failed(void *arg, enum bootstrap_step step, const char *text, const char *fix)
{
        struct worker_link *l = arg;

        (void)step;
        if (l->bootstrap)
                link_fail(l, fix, "%s", text);
}

static const struct bootstrap_events bootstrap_events = {
    .on_step = on_boot_step,
    .on_progress = on_boot_progress,
    .on_done = on_boot_done,
    .on_failed = on_boot_failed,
};

/* ---- dialing ---- */

/* What this back end cannot log in with needs no connection to be known. */
static bool key_fits(struct worker_link *l)
{
        struct ssh_private key;
        struct err err;
        struct link_failure why = {.where = LINK_DIALING, .step = STEP_LOGIN, .kind = FAIL_KEY};

        if (ssh_private_parse(l->s.private_key, &key, &err) == 0) {
                bool fits = key.fits_libssh2 || l->s.backend == BACKEND_OPENSSH;

                if (!fits)
                        snprintf(why.text, sizeof why.text,
                                 "libssh2 1.10 cannot log in with a key of type %s", key.pub.type);
                ssh_public_release(&key.pub);
                if (fits)
                        return true;
        } else {
                snprintf(why.text, sizeof why.text, "%s", err.text);
        }
        snprintf(why.fix, sizeof why.fix, "%s", "give the site an Ed25519 key, or use the OpenSSH back end");
        link_down(l, &why);
        return false;
}

static void link_dial(struct worker_link *l)
{
        struct proto_config config = {
            .backend = (uint8_t)l->s.backend,
            .timeout_ms = l->s.connect_timeout_ms,
            .hop_count = l->s.hop_count,
            .private_key = (char *)l->s.private_key,
        };
        struct err err;

        if (l->freed || !l->wanted || l->state != LINK_ABSENT)
                return;
        l->waiting = !gate_admits(l);
        if (l->waiting || !key_fits(l))
                return;
        bootstrap_free(MOVE(l->retired));
        l->dialing = true;
        if (l->s.gate)
                l->s.gate->active++;
        memcpy(config.hops, l->hops, sizeof config.hops);
        buf_init(&l->in, 2 * FRAME_MAX + PROTO_MAGIC_SKIP_MAX);
        buf_init(&l->out, LINK_QUEUE_MAX + 2 * FRAME_MAX + PRIVATE_QUEUE);
        link_set_state(l, LINK_DIALING, NULL);
        if (l->freed || l->state != LINK_DIALING)
                return;
        if (connector_start(l->s.loop, l->s.connector_path, &config, &connector_events, l, &l->conn, &err) <
            0)
                link_fail(l, "check the installation of reeve-connector", "%s", err.text);
        else
                deadline_set(l, l->s.connect_timeout_ms + CONNECT_MS_MARGIN);
}

void worker_link_start(struct worker_link *l)
{
        if (l->wanted)
                return;
        l->wanted = true;
        l->final = false;
        link_schedule(l, 0);
}

void worker_link_stop(struct worker_link *l)
{
        l->wanted = false;
        if (l->state != LINK_ABSENT)
                link_set_state(l, LINK_CLOSING, NULL);
        if (!l->freed && !l->wanted)
                link_down(l, NULL);
}

void worker_link_retry(struct worker_link *l)
{
        if (!l->wanted || l->state != LINK_ABSENT)
                return;
        l->final = false;
        l->refused = 0;
        link_schedule(l, 0);
}

void worker_link_set_offer(struct worker_link *l, const struct proto_resources *offer, uint32_t slots)
{
        l->s.offer = *offer;
        l->s.slots = slots;
        if (l->state == LINK_ABSENT)
                return;
        link_set_state(l, LINK_CLOSING, NULL);
        if (l->freed || l->state != LINK_CLOSING)
                return;
        link_down(l, NULL);
        if (!l->freed && l->wanted)
                link_schedule(l, 0);
}

/* ---- looking ---- */

enum link_state worker_link_state(const struct worker_link *l)
{
        return l->state;
}

const char *worker_link_name(const struct worker_link *l)
{
        return l->name;
}

uint32_t worker_link_worker_id(const struct worker_link *l)
{
        return l->s.worker_id;
}

const struct link_failure *worker_link_failure(const struct worker_link *l)
{
        return l->has_failure ? &l->failure : NULL;
}

void worker_link_grant_until(struct worker_link *l, int64_t boot_ms)
{
        l->grant_until_ms = boot_ms;
}

int64_t worker_link_granted_ms(const struct worker_link *l)
{
        return l->granted_ms;
}

int64_t worker_link_rtt_ms(const struct worker_link *l)
{
        return l->rtt_ms;
}

int64_t worker_link_heard_ms(const struct worker_link *l)
{
        return l->heard_ms;
}

int worker_link_linger(const struct worker_link *l)
{
        return l->linger;
}

/* ---- birth and death ---- */

void link_default_root(const uint8_t instance[16], uint32_t worker_id, char ret[64])
{
        char hex[13];

        sodium_bin2hex(hex, sizeof hex, instance, 6);
        snprintf(ret, 64, "~/.reeve/%s-%u", hex, worker_id);
}

static int settings_check(const struct worker_link_settings *s, struct err *err)
{
        if (!s->hop_count || s->hop_count > HOPS_MAX)
                return err_set(err, ERR_BAD_INPUT, "a site is reached through 1 to %d hosts, not %u",
                               HOPS_MAX, s->hop_count);
        if (!s->heartbeat_ms || s->lease_ms < 2 * s->heartbeat_ms)
                return err_set(err, ERR_BAD_INPUT, "the lease (%u ms) is at least two heartbeats (%u ms)",
                               s->lease_ms, s->heartbeat_ms);
        return s->root ? root_check(s->root, err) : 0;
}

static void settings_copy(struct worker_link *l, const struct worker_link_settings *s)
{
        size_t n = strlen(s->private_key) + 1;
        char *key = sodium_malloc(n);

        l->s = *s;
        l->s.connector_path = xstrdup(s->connector_path);
        l->s.worker_dir = xstrdup(s->worker_dir);
        if (!key)
                abort();
        memcpy(key, s->private_key, n);
        l->s.private_key = key;
        l->s.hops = l->hops;
        if (!l->s.connect_timeout_ms)
                l->s.connect_timeout_ms = CONNECT_MS_DEFAULT;
        for (uint32_t i = 0; i < s->hop_count; i++) {
                l->hops[i] = s->hops[i];
                l->hops[i].user = xstrdup(s->hops[i].user);
                l->hops[i].host = xstrdup(s->hops[i].host);
                for (uint32_t k = 0; k < s->hops[i].key_count; k++) {
                        l->hops[i].keys[k].data = xmalloc(s->hops[i].keys[k].len);
                        memcpy(l->hops[i].keys[k].data, s->hops[i].keys[k].data, s->hops[i].keys[k].len);
                }
        }
        snprintf(l->name, sizeof l->name, "%s", s->name);
        l->s.name = l->name;
        if (s->root)
                snprintf(l->root, sizeof l->root, "%s", s->root);
        else
                link_default_root(s->instance, s->worker_id, l->root);
        l->s.root = l->root;
}

static void link_release(struct worker_link *l)
{
        for (uint32_t i = 0; i < l->s.hop_count; i++) {
                free(l->hops[i].user);
                free(l->hops[i].host);
                for (uint32_t k = 0; k < l->hops[i].key_count; k++)
                        free(l->hops[i].keys[k].data);
        }
        sodium_free((void *)l->s.private_key);
        free((void *)l->s.connector_path);
        free((void *)l->s.worker_dir);
        bootstrap_free(l->retired);
        job_set_release(&l->templates);
        free(l);
}

int worker_link_new(const struct worker_link_settings *s, struct worker_link **ret, struct err *err)
{
        struct worker_link *l;

        if (sodium_init() < 0)
                return err_set(err, ERR_SYSTEM, "could not start the crypto library");
        if (settings_check(s, err) < 0)
                return -1;
        l = xcalloc(1, sizeof *l);
        settings_copy(l, s);
        job_set_init(&l->templates);
        if (gate_join(l, err) < 0) {
                link_release(l);
                return -1;
        }
        l->grant_until_ms = s->grant_until_ms;
        l->rtt_ms = -1;
        l->linger = -1;
        for (int i = 0; i < TIMERS; i++) {
                uv_timer_init(s->loop, &l->timers[i]);
                l->timers[i].data = l;
        }
        uv_prepare_init(s->loop, &l->prepare);
        uv_check_init(s->loop, &l->check);
        l->prepare.data = l->check.data = l;
        l->handles = TIMERS + 2;
        *ret = l;
        return 0;
}

static void on_handle_closed(uv_handle_t *h)
{
        struct worker_link *l = h->data;

        if (--l->handles == 0)
                link_release(l);
}

void worker_link_free(struct worker_link *l)
{
        if (!l || l->freed)
                return;
        l->freed = true;
        l->wanted = l->waiting = false;
        gate_part(l);
        connection_drop(l);
        link_listeners_down(l);
        for (int i = 0; i < TIMERS; i++)
                uv_close((uv_handle_t *)&l->timers[i], on_handle_closed);
        uv_close((uv_handle_t *)&l->prepare, on_handle_closed);
        uv_close((uv_handle_t *)&l->check, on_handle_closed);
}
