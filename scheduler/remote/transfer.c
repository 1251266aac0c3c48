/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a transfer, as who says what:
 *
 *   P_OFFER, P_OFFER_FILES -> source; P_OFFERED
 *     -> P_PULL, P_PULL_FILES -> destination; P_PULLING: taken up
 *     -> relay only: two connectors, each with an end of one socket pair, run `send` here and `receive` there
 *     -> P_PULLING (streams), P_PULLED..., P_PULL_END
 *     -> P_WITHDRAW to the source
 *   a direct pull that ends before anything streamed -> the same again with a relay
 *
 * Files of this host have a relay whose other end is a child of this process, and no source to be told; a
 * fetch has the destination only.
 *
 * The end is always told from the loop: whatever finds that it is over keeps it and starts a timer of zero.
 */
#include "remote/transfer.h"

#include "common/log.h"
#include "common/url.h"
#include "common/util.h"
#include "remote/connector.h"
#include "remote/link_transfers.h"
#include "remote/local_send.h"
#include "remote/ssh_key.h"
#include "remote/ways.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OFFER_SECONDS 900    /* for the stream to begin; one that runs is not cut */
#define ANSWER_MS     120000 /* for a worker to take up an order */
#define RELAY_MS      60000  /* for both connectors to log in and the stream to begin */
#define REMOVE_ENTRY  64     /* bytes of an entry beside its path, with room */
#define LAST_WORD_MS  15000  /* for P_PULL_END after a connector has ended */

/* Of this process: which direct ways failed. */
static struct ways tried_ways;

enum phase { PHASE_OFFERS, PHASE_ORDERS, PHASE_PULLS, PHASE_OVER, PHASE_TOLD };
enum side { SIDE_SOURCE, SIDE_DESTINATION, SIDES };

struct relay_end {
        struct transfer *transfer;
        enum side side;
        struct connector *connector;
        char *command;
};

struct transfer {
        uint64_t id;
        uint32_t turn;
        struct transfer_order order; /* strings below are ours; files are in `list` */
        char *from, *to, *authorized_keys, *direct_host, *spool;
        char *prefixes[FETCH_PREFIXES_MAX];
        struct transfer_list list;
        uint64_t bytes_total;
        const struct transfer_events *events;
        void *arg;

        enum phase phase;
        enum transfer_way way;
        uint8_t way_key[16];       /* of the direct way */
        char why[RESULT_TEXT_MAX]; /* not a better way */
        bool streams;              /* in this turn */
        struct link_listener listeners[SIDES];
        struct relay_end relay[SIDES];
        struct local_send *sender; /* of files of this host */
        char *private_key, *public_key;

        enum move_end end;
        struct transfer_close close;
        char text[RESULT_TEXT_MAX + 64];
        uint64_t moved_before; /* in earlier turns */

        uv_timer_t timer;
        bool freed;
};

#define EMIT(t, event, ...)                                                                                  \
        do {                                                                                                 \
                if (!(t)->freed && (t)->events->event)                                                       \
                        (t)->events->event((t)->arg, (t), ##__VA_ARGS__);                                    \
        } while (0)

static struct worker_link *link_of(const struct transfer *t, enum side side)
{
        return t->listeners[side].link;
}

/* Neither files of this host nor a fetch. */
static bool has_source(const struct transfer *t)
{
        return t->order.source;
}

static bool is_local(const struct transfer *t)
{
        return t->order.source == t->order.destination;
}

/* A local copy has one link, which hears as the destination. */
static struct worker_link *source_link(const struct transfer *t)
{
        return link_of(t, is_local(t) ? SIDE_DESTINATION : SIDE_SOURCE);
}

/* ---- the end ---- */

static void withdraw(struct transfer *t, struct worker_link *l)
{
        struct err err;
        struct buf *b = l ? link_frames(l, &err) : NULL;
        size_t at;

        if (!b)
                return;
        at = frame_begin(b, P_WITHDRAW);
        buf_u64(b, t->id);
        frame_end(b, at);
}

static void relay_drop(struct transfer *t)
{
        for (int i = 0; i < SIDES; i++) {
                connector_free(t->relay[i].connector);
                t->relay[i].connector = NULL;
                free(t->relay[i].command);
                t->relay[i].command = NULL;
        }
        local_send_end(MOVE(t->sender));
}

static void keys_drop(struct transfer *t)
{
        ssh_key_wipe(t->private_key);
        t->private_key = NULL;
        free(t->public_key);
        t->public_key = NULL;
}

static void on_tell_end(uv_timer_t *timer)
{
        struct transfer *t = timer->data;
        struct transfer_end e = {.kind = t->end,
                                 .way = t->way,
                                 .file = t->close.file,
                                 .bytes_moved = t->moved_before + t->close.bytes_moved,
                                 .busy_ms = t->close.busy_ms,
                                 .text = t->text,
                                 .root = t->end == MOVE_DONE ? t->close.root : NULL};

        t->phase = PHASE_TOLD;
        EMIT(t, on_end, &e);
}

/* It is over: both sides are told as far as they can be, and the owner hears of it in a moment. */
static void end(struct transfer *t, enum move_end kind, const char *text)
{
        if (t->phase >= PHASE_OVER)
                return;
        t->phase = PHASE_OVER;
        t->end = kind;
        snprintf(t->text, sizeof t->text, "%s", text && *text ? text : move_end_sentence(kind));
        text_make_printable(t->text);
        withdraw(t, source_link(t));
        if (!is_local(t))
                withdraw(t, link_of(t, SIDE_DESTINATION));
        relay_drop(t);
        keys_drop(t);
        for (int i = 0; i < SIDES; i++)
                link_unlisten(&t->listeners[i]);
        uv_timer_start(&t->timer, on_tell_end, 0, 0);
}

static void on_no_answer(uv_timer_t *timer)
{
        static const struct {
                enum move_end kind;
                const char *text;
        } silent[] = {
            [PHASE_OFFERS] = {MOVE_SOURCE_AWAY, "the worker at the source did not answer"},
            [PHASE_ORDERS] = {MOVE_DESTINATION_AWAY, "the worker at the destination did not answer"},
            [PHASE_PULLS] = {MOVE_BROKEN, "the stream through the relay did not begin"},
        };
        struct transfer *t = timer->data;

        end(t, silent[t->phase].kind, silent[t->phase].text);
}

static void wait_for(struct transfer *t, uint64_t ms)
{
        uv_timer_start(&t->timer, on_no_answer, ms, 0);
}

/* ---- orders ---- */

static bool put_list(struct transfer *t, struct worker_link *l, uint8_t type)
{
        uint32_t at = 0;
        struct err err;

        while (at < t->list.count) {
                struct buf *b = link_frames(l, &err);
                size_t mark;

                if (!b)
                        return false;
                mark = frame_begin(b, type);
                buf_u64(b, t->id);
                if (type == P_PULL_URLS)
                        put_transfer_urls(b, &t->list, &at);
                else
                        put_transfer_entries(b, &t->list, &at);
                frame_end(b, mark);
        }
        return true;
}

static void make_offer(struct transfer *t)
{
        struct transfer_offer o = {.id = t->id,
                                   .turn = ++t->turn,
                                   .seconds = OFFER_SECONDS,
                                   .from = t->from,
                                   .is_file = t->order.is_file,
                                   .authorized_keys = t->authorized_keys,
                                   .total = t->list.count};
        struct err err;
        struct worker_link *l = source_link(t);
        struct buf *b = l ? link_frames(l, &err) : NULL;
        size_t mark;

        keys_drop(t);
        if (t->way == WAY_DIRECT && ssh_key_generate("reeve", &t->private_key, &t->public_key, &err) < 0) {
                t->way = WAY_RELAY;
                snprintf(t->why, sizeof t->why, "%s", err.text);
        }
        if (t->public_key) {
                /* "type base64 comment": the worker writes its own comment. */
                char *space = strchr(t->public_key, ' ');

                space = space ? strchr(space + 1, ' ') : NULL;
                if (space)
                        *space = '\0';
        }
        o.public_key = t->public_key;
        if (!b) {
                end(t, MOVE_SOURCE_AWAY, "the worker at the source is not connected");
                return;
        }
        t->phase = PHASE_OFFERS;
        wait_for(t, ANSWER_MS);
        mark = frame_begin(b, P_OFFER);
        put_transfer_offer(b, &o);
        frame_end(b, mark);
        if (!put_list(t, l, P_OFFER_FILES))
                end(t, MOVE_SOURCE_AWAY, "the worker at the source does not take what is sent to it");
}

/* Pinned keys as lines. */
static void pull_host_keys(struct transfer_pull *p, const struct proto_hop *hop)
{
        for (uint32_t i = 0; i < hop->key_count && p->host_key_count < PULL_KEYS_MAX; i++) {
                const uint8_t *k = hop->keys[i].data;
                size_t n = hop->keys[i].len, type = n > 4 ? (size_t)k[2] << 8 | k[3] : 0;
                char text[SSH_KEY_WIRE_MAX * 2];

                if (n <= 4 || k[0] || k[1] || type > n - 4 || n > SSH_KEY_WIRE_MAX)
                        continue;
                sodium_bin2base64(text, sizeof text, k, n, sodium_base64_VARIANT_ORIGINAL);
                p->host_keys[p->host_key_count++] =
                    xasprintf("%.*s %s", (int)type, (const char *)k + 4, text);
        }
}

/* How the destination reaches the source by itself. */
static void pull_direct(struct transfer *t, struct transfer_pull *p)
{
        const struct worker_link_settings *s = link_settings(t->order.source);
        const struct proto_hop *hop = &s->hops[s->hop_count - 1];

        p->host = xstrdup(t->direct_host ? t->direct_host : hop->host);
        p->user = xstrdup(hop->user);
        p->port = t->order.direct_port ? t->order.direct_port : hop->port;
        p->private_key = MOVE(t->private_key);
        pull_host_keys(p, hop);
}

static void pull_fetch(const struct transfer *t, struct transfer_pull *p)
{
        p->private_hosts = t->order.private_hosts;
        for (size_t i = 0; i < t->order.prefix_count; i++)
                p->prefixes[p->prefix_count++] = xstrdup(t->prefixes[i]);
}

static void order_pull(struct transfer *t)
{
        struct transfer_pull p = {.id = t->id,
                                  .turn = ++t->turn,
                                  .way = (uint8_t)t->way,
                                  .to = xstrdup(t->to),
                                  .room = t->order.room,
                                  .keep_free = t->order.keep_free,
                                  .rate_limit = t->order.rate_limit,
                                  .least_rate = t->order.least_rate,
                                  .stall_ms = t->order.stall_ms,
                                  .total = t->list.count};
        struct worker_link *l = link_of(t, SIDE_DESTINATION);
        struct err err;
        struct buf *b = l ? link_frames(l, &err) : NULL;
        size_t mark;

        if (t->way == WAY_DIRECT)
                pull_direct(t, &p);
        if (t->way == WAY_FETCH)
                pull_fetch(t, &p);
        t->phase = PHASE_ORDERS;
        t->streams = false;
        wait_for(t, ANSWER_MS);
        if (b) {
                mark = frame_begin(b, P_PULL);
                put_transfer_pull(b, &p);
                frame_end(b, mark);
        }
        transfer_pull_release(&p);
        if (!b || !put_list(t, l, P_PULL_FILES) || (t->way == WAY_FETCH && !put_list(t, l, P_PULL_URLS)))
                end(t, MOVE_DESTINATION_AWAY, "the worker at the destination is not connected");
}

/* ---- the relay ---- */

static void on_relay_ready(void *arg)
{
        struct relay_end *e = arg;

        connector_stream(e->connector, e->command);
}

/* A failure is a side that cannot be reached. An end in order comes with the end of the pull, whose own word
 * counts; it may be on its way still. */
static void on_relay_end(void *arg, const struct connector_end *c)
{
        struct relay_end *e = arg;
        struct transfer *t = e->transfer;

        connector_free(MOVE(e->connector));
        if (c->failed)
                end(t, e->side == SIDE_SOURCE ? MOVE_SOURCE_AWAY : MOVE_DESTINATION_AWAY, c->text);
        else
                wait_for(t, LAST_WORD_MS);
}

static const struct connector_events relay_events = {.on_ready = on_relay_ready, .on_end = on_relay_end};

/* Where this host has an ssh program: it encrypts with one pass where libssh2 1.10 needs a second one for its
 * MAC, which halves what a relay carries. A key that libssh2 cannot use is one more reason. */
static bool has_ssh(void)
{
        /* Where a connector looks, in its environment. */
        return access("/usr/bin/ssh", X_OK) == 0 || access("/usr/local/bin/ssh", X_OK) == 0 ||
               access("/bin/ssh", X_OK) == 0;
}

static int relay_dial(struct transfer *t, enum side side, const char *what, int fd, struct err *err)
{
        struct relay_end *e = &t->relay[side];
        const struct worker_link_settings *s = link_settings(link_of(t, side));
        struct proto_config config = {.backend = !t->order.own_backend && has_ssh() ? BACKEND_OPENSSH
                                                                                    : (uint8_t)s->backend,
                                      .timeout_ms = s->connect_timeout_ms,
                                      .hop_count = s->hop_count,
                                      .private_key = (char *)s->private_key};

        memcpy(config.hops, s->hops, s->hop_count * sizeof *s->hops);
        *e = (struct relay_end){
            .transfer = t, .side = side, .command = link_command(link_of(t, side), what, t->id)};
        return connector_start_with(s->loop, s->connector_path, &config, fd, &relay_events, e, &e->connector,
                                    err);
}

/* The source is this host: a child of ours speaks as a worker there would. */
static int send_here(struct transfer *t, int fd, struct err *err)
{
        struct transfer_offer o = {.id = t->id,
                                   .turn = t->turn,
                                   .seconds = OFFER_SECONDS,
                                   .from = t->from,
                                   .is_file = t->order.is_file,
                                   .public_key = (char *)"",
                                   .authorized_keys = (char *)"",
                                   .total = t->list.count};

        return local_send_start(link_settings(t->order.destination)->worker_dir, t->spool, &o, &t->list, fd,
                                &t->sender, err);
}

static void relay_start(struct transfer *t)
{
        int pair[2];
        struct err err;

        if (has_source(t) && !link_of(t, SIDE_SOURCE)) {
                end(t, MOVE_SOURCE_AWAY, "the worker at the source is not connected");
                return;
        }
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
                end(t, MOVE_INTERRUPTED, "this host could not make a socket pair");
                return;
        }
        if ((has_source(t) ? relay_dial(t, SIDE_SOURCE, "send", pair[0], &err)
                           : send_here(t, pair[0], &err)) < 0 ||
            relay_dial(t, SIDE_DESTINATION, "receive", pair[1], &err) < 0)
                end(t, MOVE_INTERRUPTED, err.text);
        else
                wait_for(t, RELAY_MS);
        close(pair[0]);
        close(pair[1]);
}

/* ---- what the workers say ---- */

/* Not directly, then: the same once more through a relay. */
static void fall_back(struct transfer *t, const char *why)
{
        snprintf(t->why, sizeof t->why, "%s", why);
        text_make_printable(t->why);
        ways_failed(&tried_ways, t->way_key, clock_boot_ms(), t->why);
        log_debug("transfer %llu: not directly: %s", (unsigned long long)t->id, t->why);
        t->way = WAY_RELAY;
        make_offer(t);
}

static void on_offered(struct transfer *t, struct reader *r)
{
        struct transfer_close c;

        get_transfer_close(r, &c);
        if (r->bad || t->phase != PHASE_OFFERS || c.turn != t->turn)
                return;
        if (c.kind == MOVE_DONE)
                order_pull(t);
        else if (t->way == WAY_DIRECT)
                fall_back(t, c.text);
        else
                end(t, c.kind, c.text);
}

static bool is_ours(const struct transfer *t, uint32_t turn)
{
        return (t->phase == PHASE_ORDERS || t->phase == PHASE_PULLS) && turn == t->turn;
}

static void on_pulling(struct transfer *t, struct reader *r)
{
        struct transfer_progress p = {.bytes_total = t->bytes_total, .files_total = t->list.count};
        struct transfer_report s;

        get_transfer_report(r, &s);
        if (r->bad || !is_ours(t, s.turn))
                return;
        if (t->phase == PHASE_ORDERS) {
                t->phase = PHASE_PULLS;
                uv_timer_stop(&t->timer);
                if (t->way == WAY_RELAY)
                        relay_start(t);
                if (t->phase != PHASE_PULLS)
                        return;
        }
        /* It looks at what lies there first, which may take long. */
        if (!s.streams && t->way == WAY_RELAY)
                wait_for(t, RELAY_MS);
        if (s.streams && !t->streams) {
                t->streams = true;
                uv_timer_stop(&t->timer);
                if (t->way == WAY_DIRECT)
                        ways_worked(&tried_ways, t->way_key);
                EMIT(t, on_way, t->way, t->why);
        }
        p.bytes_done = s.bytes_done;
        p.bytes_moved = t->moved_before + s.bytes_moved;
        p.bytes_per_s = s.bytes_per_s;
        p.files_done = s.files_done;
        EMIT(t, on_progress, &p);
}

static void on_pulled(struct transfer *t, struct reader *r)
{
        uint64_t id = reader_u64(r);
        uint32_t turn = reader_u32(r), n = reader_u32(r);
        AUTO_FREE struct transfer_file_done *files = NULL;
        uint32_t count = 0;

        (void)id;
        if (n > BATCH_MAX) {
                r->bad = true;
                return;
        }
        files = xcalloc(n ? n : 1, sizeof *files);
        for (; count < n && !r->bad; count++) {
                struct transfer_pulled f;

                get_transfer_pulled(r, &f);
                r->bad |= f.index >= t->list.count;
                files[count] =
                    (struct transfer_file_done){.index = f.index, .present = f.present, .size = f.size};
                memcpy(files[count].sha256, f.sha256, sizeof f.sha256);
        }
        if (!r->bad && is_ours(t, turn))
                EMIT(t, on_files, files, count);
}

static void on_pull_end(struct transfer *t, struct reader *r)
{
        struct transfer_close c;
        bool unproved;

        get_transfer_close(r, &c);
        if (r->bad || !is_ours(t, c.turn))
                return;
        unproved = t->way == WAY_DIRECT && !t->streams &&
                   (c.kind == MOVE_SOURCE_AWAY || c.kind == MOVE_DESTINATION || c.kind == MOVE_BROKEN);
        t->moved_before += unproved ? c.bytes_moved : 0;
        if (unproved) {
                fall_back(t, c.text);
                return;
        }
        t->close = c;
        end(t, c.kind, c.text);
}

static void on_frame(struct link_listener *x, uint8_t type, struct reader *r)
{
        static void (*const handlers[])(struct transfer * t, struct reader * r) = {
            [P_OFFERED - P_OFFERED] = on_offered,
            [P_PULLING - P_OFFERED] = on_pulling,
            [P_PULLED - P_OFFERED] = on_pulled,
            [P_PULL_END - P_OFFERED] = on_pull_end,
        };
        struct transfer *t = x->arg;
        /* A worker speaks of its own part only. */
        bool of_source = type == P_OFFERED;

        if (!is_local(t) && of_source != (x == &t->listeners[SIDE_SOURCE]))
                return;
        handlers[type - P_OFFERED](t, r);
}

/* A direct stream does not need the link to its source any more. */
static void on_down(struct link_listener *x)
{
        struct transfer *t = x->arg;

        if (x == &t->listeners[SIDE_DESTINATION])
                end(t, is_local(t) || t->phase == PHASE_OFFERS ? MOVE_DESTINATION_AWAY : MOVE_INTERRUPTED,
                    "the link to the destination's worker broke");
        else if (t->way != WAY_DIRECT || t->phase != PHASE_PULLS)
                end(t, MOVE_SOURCE_AWAY, "the link to the source's worker broke");
}

/* ---- birth and death ---- */

static bool is_fetch(const struct transfer_order *o)
{
        return !o->source && !o->from;
}

static int fetch_check(const struct transfer_order *o, struct err *err)
{
        if (!link_has_feature(o->destination, "fetch"))
                return err_set(
                    err, ERR_UNAVAILABLE,
                    "the worker %s is of an older build that cannot fetch files; once it was stopped, a "
                    "newer one is started",
                    worker_link_name(o->destination));
        if (!o->prefix_count || o->prefix_count > FETCH_PREFIXES_MAX)
                return err_set(err, ERR_BAD_INPUT, "1 to %d prefixes say what may be fetched, not %zu",
                               FETCH_PREFIXES_MAX, o->prefix_count);
        if (!transfer_path_is_valid(o->to))
                return err_set(err, ERR_BAD_INPUT, "a transfer goes to a relative path");
        for (size_t i = 0; i < o->file_count; i++) {
                if (!transfer_path_is_valid(o->files[i].path))
                        return err_set(err, ERR_BAD_INPUT,
                                       "\"%s\" cannot be the path of a file of a transfer", o->files[i].path);
                if (!o->files[i].url || url_check(o->files[i].url, err) < 0)
                        return o->files[i].url
                                   ? -1
                                   : err_set(err, ERR_BAD_INPUT, "\"%s\" has no URL", o->files[i].path);
        }
        return 0;
}

static int order_check(const struct transfer_order *o, struct err *err)
{
        struct worker_link *ends[] = {o->source, o->destination};

        for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
                if (ends[i] && worker_link_state(ends[i]) != LINK_READY)
                        return err_set(err, ERR_UNAVAILABLE, "%s is not connected",
                                       worker_link_name(ends[i]));
        }
        if (o->file_count > TRANSFER_FILES_MAX)
                return err_set(err, ERR_LIMIT, "a transfer has at most %d files, not %zu", TRANSFER_FILES_MAX,
                               o->file_count);
        if (is_fetch(o))
                return fetch_check(o, err);
        if (!o->source && (!o->spool || o->spool[0] != '/'))
                return err_set(err, ERR_BAD_INPUT, "files of this host need a directory for their list");
        if (!o->from || o->from[0] != '/' || !transfer_path_is_valid(o->to))
                return err_set(err, ERR_BAD_INPUT, "a transfer goes from an absolute path to a relative one");
        for (size_t i = 0; i < o->file_count; i++) {
                if (!transfer_path_is_valid(o->files[i].path))
                        return err_set(err, ERR_BAD_INPUT,
                                       "\"%s\" cannot be the path of a file of a transfer", o->files[i].path);
        }
        if (o->is_file && o->file_count > 1)
                return err_set(err, ERR_BAD_INPUT, "one file was registered, and %zu are asked for",
                               o->file_count);
        return 0;
}

/* A direct way that may be tried; else `why` says why not. */
static bool direct_is_open(const struct transfer_order *o, const uint8_t key[16], char *why, size_t size)
{
        if (!o->direct)
                snprintf(why, size, "the source site does not allow direct transfers");
        else if (link_settings(o->source)->hop_count > 1 && !o->direct_host)
                snprintf(why, size, "the source is reached through a jump host");
        else
                return ways_may_try(&tried_ways, key, clock_boot_ms(), why, size);
        return false;
}

static enum transfer_way first_way(const struct transfer_order *o, const uint8_t key[16], char *why,
                                   size_t size)
{
        *why = '\0';
        if (!o->source)
                return is_fetch(o) ? WAY_FETCH : WAY_RELAY;
        if (o->source == o->destination)
                return WAY_LOCAL;
        return direct_is_open(o, key, why, size) ? WAY_DIRECT : WAY_RELAY;
}

int transfer_start(const struct transfer_order *o, const struct transfer_events *events, void *arg,
                   struct transfer **ret, struct err *err)
{
        struct transfer *t;

        if (order_check(o, err) < 0)
                return -1;
        t = xcalloc(1, sizeof *t);
        t->id = o->id;
        /* Not that of an earlier process's order. */
        t->turn = randombytes_random();
        t->order = *o;
        t->from = o->from ? xstrdup(o->from) : NULL;
        t->spool = o->spool ? xstrdup(o->spool) : NULL;
        for (size_t i = 0; i < o->prefix_count; i++)
                t->prefixes[i] = xstrdup(o->prefixes[i]);
        t->to = xstrdup(o->to);
        t->authorized_keys = o->authorized_keys ? xstrdup(o->authorized_keys) : NULL;
        t->direct_host = o->direct_host ? xstrdup(o->direct_host) : NULL;
        t->events = events;
        t->arg = arg;
        t->close.file = UINT32_MAX;
        for (size_t i = 0; i < o->file_count; i++) {
                transfer_list_add(&t->list, o->files[i].path, o->files[i].size, o->files[i].sha256);
                if (o->files[i].url)
                        t->list.entries[i].url = xstrdup(o->files[i].url);
                if (o->files[i].size != TRANSFER_SIZE_UNKNOWN)
                        t->bytes_total += o->files[i].size;
        }
        if (o->source)
                way_key(worker_link_name(o->source), worker_link_name(o->destination), o->direct_host,
                        o->direct_port, o->authorized_keys, t->way_key);
        t->way = first_way(o, t->way_key, t->why, sizeof t->why);
        uv_timer_init(link_settings(o->destination)->loop, &t->timer);
        t->timer.data = t;
        for (int i = 0; i < SIDES; i++)
                t->listeners[i] =
                    (struct link_listener){.id = t->id, .on_frame = on_frame, .on_down = on_down, .arg = t};
        link_listen(o->destination, &t->listeners[SIDE_DESTINATION]);
        if (has_source(t) && !is_local(t))
                link_listen(o->source, &t->listeners[SIDE_SOURCE]);
        if (has_source(t))
                make_offer(t);
        else
                order_pull(t);
        *ret = t;
        return 0;
}

void transfer_cancel(struct transfer *t)
{
        end(t, MOVE_CANCELLED, NULL);
}

static void on_timer_closed(uv_handle_t *h)
{
        struct transfer *t = h->data;

        free(t->from);
        free(t->to);
        free(t->authorized_keys);
        free(t->direct_host);
        free(t->spool);
        for (size_t i = 0; i < t->order.prefix_count; i++)
                free(t->prefixes[i]);
        transfer_list_release(&t->list);
        free(t);
}

void transfer_free(struct transfer *t)
{
        if (!t || t->freed)
                return;
        t->freed = true;
        end(t, MOVE_CANCELLED, NULL);
        relay_drop(t);
        uv_close((uv_handle_t *)&t->timer, on_timer_closed);
}

/* ---- removing ---- */

int transfer_remove(struct worker_link *l, const char *to, const char *const *paths, size_t n,
                    uint32_t *ret_request, struct err *err)
{
        struct transfer_list list = {0};
        uint32_t at = 0, id;
        struct buf *b;
        size_t mark, bytes = 0;
        int rc = 0;

        if (!transfer_path_is_valid(to))
                return err_set(err, ERR_BAD_INPUT, "\"%s\" cannot be a directory of transferred files", to);
        for (size_t i = 0; i < n && rc == 0; i++) {
                if (transfer_path_is_valid(paths[i]))
                        transfer_list_add(&list, paths[i], 0, NULL);
                else
                        rc = err_set(err, ERR_BAD_INPUT, "\"%s\" cannot be a transferred file", paths[i]);
                bytes += strlen(paths[i]) + REMOVE_ENTRY;
        }
        if (rc == 0 && bytes > TRANSFER_BATCH_MAX)
                rc = err_set(err, ERR_LIMIT, "too many files to remove at once");
        if (rc == 0)
                rc = link_request_removal(l, &id, err);
        b = rc == 0 ? link_frames(l, err) : NULL;
        if (b) {
                mark = frame_begin(b, P_REMOVE);
                buf_u32(b, id);
                buf_str(b, to);
                put_transfer_entries(b, &list, &at);
                frame_end(b, mark);
                *ret_request = id;
        }
        transfer_list_release(&list);
        return b ? 0 : -1;
}
