/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/transfers.h"

#include "common/log.h"
#include "common/util.h"
#include "worker/handover.h"
#include "worker/helper.h"
#include "worker/landing.h"
#include "worker/offers.h"
#include "worker/pull.h"
#include "worker/sha256.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PULLS_MAX    64    /* at once, those that gather their list included */
#define STREAM_MS    60000 /* for the stream of a relay to come */
#define SWEEP        1     /* to the helper that makes offers, beside P_OFFER and the others */
#define VISITORS_MAX 64    /* connections to data.sock that have said nothing yet */

enum pull_phase { PULL_GATHERS, PULL_WAITS, PULL_RUNS };

struct pull_slot {
        struct transfers *t;
        struct pull_job job;
        uint32_t url_count; /* of its list, that came */
        enum pull_phase phase;
        uint8_t digest[32]; /* of the order without its turn */
        struct helper *helper;
        uint64_t timer;
        int visitor_fd; /* of the session that brought the stream, -1: none */
        bool ended;     /* P_PULL_END was said, or nobody wants to hear it */
        struct pull_slot *next;
};

struct visitor {
        struct transfers *t;
        int fd;
        struct visitor *next;
};

struct transfers {
        struct loop *loop;
        const char *root;
        struct transfers_port port;
        int listen_fd;
        struct pull_slot *pulls;
        unsigned pull_count;
        struct visitor *visitors;
        unsigned visitor_count;
        struct helper *offerer, *remover;
        unsigned removals; /* not answered */
};

static struct buf *out(struct transfers *t)
{
        return t->port.out(t->port.arg);
}

/* To the engine, or nowhere. False: not now. */
static bool forward(struct transfers *t, const struct frame *f, uint32_t turn, bool has_turn)
{
        struct buf *b = out(t);
        size_t mark;

        if (b && buf_len(b) > t->port.bulk_max)
                return false;
        if (!b)
                return true;
        mark = frame_begin(b, f->type);
        buf_put(b, f->payload, f->len);
        /* u64 id, u32 turn: the engine knows the pull by the turn it ordered last. */
        if (has_turn && f->len >= 12)
                buf_patch_u32(b, mark + 5 + 8, turn);
        frame_end(b, mark);
        return true;
}

/* ---- offers and removals: helpers that answer in order ---- */

/* The list of the offer in hand is complete: make it, and say so. */
static void offer_complete(int fd, const char *root, struct offer_file *f)
{
        struct transfer_close c = {
            .id = f->offer.id, .turn = f->offer.turn, .kind = MOVE_DONE, .file = UINT32_MAX};
        struct buf to;
        struct err err;
        size_t mark;

        f->until_wall_ms = clock_wall_ms() + (int64_t)f->offer.seconds * 1000;
        if (offer_make(root, f, &err) < 0) {
                c.kind = MOVE_SOURCE_REFUSED;
                snprintf(c.text, sizeof c.text, "%s", err.text);
        }
        offer_file_release(f);
        buf_init(&to, FRAME_MAX);
        mark = frame_begin(&to, P_OFFERED);
        put_transfer_close(&to, &c);
        frame_end(&to, mark);
        helper_child_write(fd, &to);
        buf_release(&to);
}

/* One frame; false when it does not decode. */
static bool offer_frame(int fd, const char *root, struct offer_file *f, const struct frame *frame)
{
        struct reader r;

        reader_init(&r, frame->payload, frame->len);
        switch (frame->type) {
        case SWEEP:
                offers_sweep(clock_wall_ms());
                landing_sweep(clock_wall_ms() / 1000 - PARTS_KEPT_S);
                return true;
        case P_WITHDRAW:
                offer_withdraw(reader_u64(&r));
                return !r.bad;
        case P_OFFER:
                offer_file_release(f);
                get_transfer_offer(&r, &f->offer);
                break;
        default:
                if (!f->offer.from || reader_u64(&r) != f->offer.id)
                        return false;
                get_transfer_entries(&r, &f->list, f->offer.total);
        }
        if (!r.bad && f->list.count == f->offer.total)
                offer_complete(fd, root, f);
        return !r.bad;
}

static void chore_offers(int fd, void *arg)
{
        struct offer_file f = {0};
        struct frame frame;
        struct buf in;

        buf_init(&in, 2 * FRAME_MAX);
        while (helper_child_read(fd, &in, &frame) && offer_frame(fd, arg, &f, &frame))
                frame_done(&in, &frame);
}

static void answer_removal(struct buf *to, struct reader *r)
{
        struct transfer_list paths = {0};
        uint32_t request = reader_u32(r);
        AUTO_FREE char *dir = reader_str(r, PATH_TEXT_MAX);
        uint64_t files = 0, bytes = 0;
        struct err err = {0};
        int rc = -1;
        size_t mark;

        get_transfer_entries(r, &paths, TRANSFER_FILES_MAX);
        if (r->bad || !transfer_path_is_valid(dir))
                err_set(&err, ERR_BAD_INPUT, "what is to be removed is not named rightly");
        else
                rc = landing_remove(dir, &paths, &files, &bytes, &err);
        transfer_list_release(&paths);
        mark = frame_begin(to, P_REMOVED);
        buf_u32(to, request);
        buf_u8(to, rc < 0 ? READ_FAILED : READ_OK);
        buf_u64(to, files);
        buf_u64(to, bytes);
        buf_str(to, rc < 0 ? err.text : "");
        frame_end(to, mark);
}

static void chore_removals(int fd, void *arg)
{
        struct buf in, to;
        struct frame frame;
        struct reader r;

        (void)arg;
        buf_init(&in, 2 * FRAME_MAX);
        buf_init(&to, FRAME_MAX);
        while (helper_child_read(fd, &in, &frame)) {
                reader_init(&r, frame.payload, frame.len);
                answer_removal(&to, &r);
                frame_done(&in, &frame);
                helper_child_write(fd, &to);
        }
}

static bool on_offerer_frame(void *arg, const struct frame *f)
{
        return forward(arg, f, 0, false);
}

static void on_offerer_end(void *arg)
{
        ((struct transfers *)arg)->offerer = NULL;
}

static bool on_remover_frame(void *arg, const struct frame *f)
{
        struct transfers *t = arg;

        if (!forward(t, f, 0, false))
                return false;
        if (t->removals)
                t->removals--;
        return true;
}

static void on_remover_end(void *arg)
{
        struct transfers *t = arg;

        t->remover = NULL;
        if (t->removals)
                t->port.on_fault(t->port.arg, "removing files was interrupted");
        t->removals = 0;
}

static void to_helper(struct transfers *t, struct helper **h, helper_main chore, helper_frame_cb on_frame,
                      helper_end_cb on_end, const struct frame *f)
{
        struct err err;
        struct buf *b;
        size_t mark;

        if (!*h && helper_start(t->loop, chore, (void *)t->root, on_frame, on_end, t, h, &err) < 0) {
                t->port.on_fault(t->port.arg, err.text);
                return;
        }
        b = helper_out(*h);
        mark = frame_begin(b, f->type);
        buf_put(b, f->payload, f->len);
        frame_end(b, mark);
        helper_flush(*h);
}

/* ---- pulls ---- */

static struct pull_slot *pull_find(struct transfers *t, uint64_t id, enum pull_phase phase)
{
        struct pull_slot *p = t->pulls;

        while (p && (p->job.order.id != id || p->phase != phase))
                p = p->next;
        return p;
}

static void pull_free(struct pull_slot *p)
{
        struct transfers *t = p->t;
        struct pull_slot **at = &t->pulls;

        while (*at != p)
                at = &(*at)->next;
        *at = p->next;
        t->pull_count--;
        loop_timer_cancel(t->loop, p->timer);
        if (p->visitor_fd >= 0)
                close(p->visitor_fd);
        transfer_pull_release(&p->job.order);
        transfer_list_release(&p->job.list);
        free(p);
}

static void say_end(struct transfers *t, const struct transfer_pull *o, enum move_end kind, const char *text)
{
        struct transfer_close c = {.id = o->id, .turn = o->turn, .kind = (uint8_t)kind, .file = UINT32_MAX};
        struct buf *b = out(t);
        size_t mark;

        if (!b)
                return;
        snprintf(c.text, sizeof c.text, "%s", text);
        mark = frame_begin(b, P_PULL_END);
        put_transfer_close(b, &c);
        frame_end(b, mark);
}

/* The order is taken up; bytes do not flow yet, or again. */
static void say_taken(struct transfers *t, const struct transfer_pull *o)
{
        struct transfer_report s = {.id = o->id, .turn = o->turn};
        struct buf *b = out(t);
        size_t mark;

        if (!b)
                return;
        mark = frame_begin(b, P_PULLING);
        put_transfer_report(b, &s);
        frame_end(b, mark);
}

static bool on_pull_frame(void *arg, const struct frame *f)
{
        struct pull_slot *p = arg;

        if (p->ended)
                return true;
        if (!forward(p->t, f, p->job.order.turn, true))
                return false;
        p->ended = f->type == P_PULL_END;
        return true;
}

static void on_pull_end(void *arg)
{
        struct pull_slot *p = arg;

        if (!p->ended)
                say_end(p->t, &p->job.order, MOVE_INTERRUPTED,
                        "the process that received the files was killed");
        pull_free(p);
}

static void pull_run(struct pull_slot *p, const int fds[2])
{
        struct err err;

        loop_timer_cancel(p->t->loop, p->timer);
        p->timer = 0;
        p->phase = PULL_RUNS;
        p->job.root = p->t->root;
        p->job.in_fd = fds ? HELPER_FD_EXTRA : -1;
        p->job.out_fd = fds ? HELPER_FD_EXTRA + 1 : -1;
        if (helper_start_with(p->t->loop, fds, chore_pull, &p->job, on_pull_frame, on_pull_end, p, &p->helper,
                              &err) < 0) {
                say_end(p->t, &p->job.order, MOVE_DESTINATION, err.text);
                pull_free(p);
                return;
        }
        if (p->job.order.private_key)
                explicit_bzero(p->job.order.private_key, strlen(p->job.order.private_key));
}

/* Silently: whoever ends it knows. */
static void pull_drop(struct pull_slot *p)
{
        p->ended = true;
        if (p->phase == PULL_RUNS)
                helper_kill(p->helper);
        else
                pull_free(p);
}

static void on_no_stream(void *arg)
{
        struct pull_slot *p = arg;

        p->timer = 0;
        say_end(p->t, &p->job.order, MOVE_BROKEN, "the stream of the relay did not come");
        pull_free(p);
}

/* What makes two orders the same work. */
static void digest_of(const struct pull_job *job, uint8_t ret[32])
{
        struct sha256 sum;

        sha256_init(&sum);
        sha256_add(&sum, &job->order.way, sizeof job->order.way);
        sha256_add(&sum, job->order.to, strlen(job->order.to) + 1);
        for (uint32_t i = 0; i < job->list.count; i++) {
                const struct transfer_entry *e = &job->list.entries[i];

                sha256_add(&sum, e->path, strlen(e->path) + 1);
                sha256_add(&sum, &e->size, sizeof e->size);
                sha256_add(&sum, e->sha256, sizeof e->sha256);
                if (e->url)
                        sha256_add(&sum, e->url, strlen(e->url) + 1);
        }
        sha256_end(&sum, ret);
}

/* The list is complete. */
static void pull_ready(struct pull_slot *p)
{
        struct transfers *t = p->t;
        struct pull_slot *old = pull_find(t, p->job.order.id, PULL_RUNS);

        digest_of(&p->job, p->digest);
        say_taken(t, &p->job.order);
        /* One that has said its end is over, though its process may not be collected yet. */
        if (old && !old->ended && p->job.order.way != WAY_RELAY &&
            memcmp(old->digest, p->digest, sizeof p->digest) == 0) {
                old->job.order.turn = p->job.order.turn;
                pull_drop(p);
                return;
        }
        if (old)
                pull_drop(old);
        old = pull_find(t, p->job.order.id, PULL_WAITS);
        if (old)
                pull_drop(old);
        if (p->job.order.way != WAY_RELAY) {
                pull_run(p, NULL);
                return;
        }
        p->phase = PULL_WAITS;
        p->timer = loop_timer_set(t->loop, STREAM_MS, on_no_stream, p);
}

static void on_pull(struct transfers *t, struct reader *r)
{
        struct pull_slot *p = xcalloc(1, sizeof *p), *old;

        *p = (struct pull_slot){.t = t, .visitor_fd = -1};
        get_transfer_pull(r, &p->job.order);
        old = r->bad ? NULL : pull_find(t, p->job.order.id, PULL_GATHERS);
        if (old)
                pull_drop(old);
        p->next = t->pulls;
        t->pulls = p;
        t->pull_count++;
        if (!r->bad && t->pull_count <= PULLS_MAX) {
                if (!p->job.order.total)
                        pull_ready(p);
                return;
        }
        if (!r->bad)
                say_end(t, &p->job.order, MOVE_DESTINATION, "too many transfers to this worker at once");
        pull_free(p);
}

static void on_pull_files(struct transfers *t, struct reader *r)
{
        struct pull_slot *p = pull_find(t, reader_u64(r), PULL_GATHERS);

        /* Of a pull that was refused: its list is on the way. */
        if (!p) {
                r->p = r->end;
                return;
        }
        get_transfer_entries(r, &p->job.list, p->job.order.total);
        /* Only of a fetch: its URLs follow, and with the last of them it is complete. */
        if (p->job.order.way == WAY_FETCH)
                return;
        r->bad |= transfer_list_is_vague(&p->job.list);
        if (!r->bad && p->job.list.count == p->job.order.total)
                pull_ready(p);
}

static void on_pull_urls(struct transfers *t, struct reader *r)
{
        struct pull_slot *p = pull_find(t, reader_u64(r), PULL_GATHERS);

        if (!p) {
                r->p = r->end;
                return;
        }
        r->bad |= p->job.order.way != WAY_FETCH || p->job.list.count != p->job.order.total;
        get_transfer_urls(r, &p->job.list, &p->url_count);
        if (!r->bad && p->url_count == p->job.order.total)
                pull_ready(p);
}

static void on_withdraw(struct transfers *t, struct reader *r)
{
        uint64_t id = reader_u64(r);

        for (int phase = PULL_GATHERS; phase <= PULL_RUNS; phase++) {
                struct pull_slot *p = r->bad ? NULL : pull_find(t, id, (enum pull_phase)phase);

                if (p) {
                        say_end(t, &p->job.order, MOVE_CANCELLED, "");
                        pull_drop(p);
                }
        }
}

/* ---- streams that are brought ---- */

static void visitor_free(struct visitor *v, bool keep_fd)
{
        struct visitor **at = &v->t->visitors;

        while (*at != v)
                at = &(*at)->next;
        *at = v->next;
        v->t->visitor_count--;
        loop_fd_remove(v->t->loop, v->fd);
        if (!keep_fd)
                close(v->fd);
        free(v);
}

static void on_visitor(void *arg, int fd, unsigned ready)
{
        struct visitor *v = arg;
        struct transfers *t = v->t;
        struct pull_slot *p = NULL;
        uint64_t id;
        int fds[2], rc = handover_take(fd, &id, fds);

        (void)ready;
        if (rc == 0)
                return;
        if (rc > 0)
                p = pull_find(t, id, PULL_WAITS);
        visitor_free(v, p != NULL);
        if (p) {
                p->visitor_fd = fd;
                pull_run(p, fds);
        }
        if (rc > 0) {
                close(fds[0]);
                close(fds[1]);
        }
}

static void on_listen(void *arg, int fd, unsigned ready)
{
        struct transfers *t = arg;
        struct visitor *v;
        struct ucred cred;
        socklen_t len = sizeof cred;
        struct err err;
        int s = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        (void)ready;
        if (s < 0)
                return;
        if (t->visitor_count >= VISITORS_MAX || getsockopt(s, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 ||
            cred.uid != geteuid()) {
                close(s);
                return;
        }
        v = xcalloc(1, sizeof *v);
        *v = (struct visitor){.t = t, .fd = s, .next = t->visitors};
        t->visitors = v;
        t->visitor_count++;
        if (loop_fd_add(t->loop, s, LOOP_READ, on_visitor, v, &err) < 0)
                visitor_free(v, false);
}

static int listen_here(struct transfers *t, struct err *err)
{
        struct sockaddr_un addr = {.sun_family = AF_UNIX, .sun_path = DATA_SOCKET};
        mode_t old = umask(0177);
        int rc = -1;

        unlink(DATA_SOCKET);
        t->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (t->listen_fd < 0 || bind(t->listen_fd, (struct sockaddr *)&addr, sizeof addr) < 0 ||
            listen(t->listen_fd, 16) < 0)
                err_errno(err, "could not listen on \"" DATA_SOCKET "\"");
        else
                rc = loop_fd_add(t->loop, t->listen_fd, LOOP_READ, on_listen, t, err);
        umask(old);
        return rc;
}

/* ---- frames ---- */

bool transfers_takes(uint8_t type)
{
        return type >= P_OFFER && type <= P_PULL_URLS;
}

static void on_remove(struct transfers *t, const struct frame *f)
{
        t->removals++;
        to_helper(t, &t->remover, chore_removals, on_remover_frame, on_remover_end, f);
}

static void to_offerer(struct transfers *t, const struct frame *f)
{
        to_helper(t, &t->offerer, chore_offers, on_offerer_frame, on_offerer_end, f);
}

bool transfers_frame(struct transfers *t, const struct frame *f)
{
        struct reader r;

        reader_init(&r, f->payload, f->len);
        if (f->type == P_PULL) {
                on_pull(t, &r);
                explicit_bzero((uint8_t *)f->payload, f->len); /* it may hold a key */
        } else if (f->type == P_PULL_FILES) {
                on_pull_files(t, &r);
        } else if (f->type == P_PULL_URLS) {
                on_pull_urls(t, &r);
        } else if (f->type == P_WITHDRAW) {
                on_withdraw(t, &r);
                to_offerer(t, f);
        } else {
                /* Decoded by the helper: an offer or a removal that does not decode ends it. */
                (f->type == P_REMOVE ? on_remove : to_offerer)(t, f);
                return true;
        }
        return !r.bad && !reader_left(&r);
}

void transfers_connected(struct transfers *t)
{
        t->removals = 0;
        if (t->remover)
                helper_kill(t->remover);
}

void transfers_sweep(struct transfers *t)
{
        const struct frame f = {.type = SWEEP};

        to_offerer(t, &f);
}

void transfers_resume(struct transfers *t)
{
        struct helper *answering[] = {t->offerer, t->remover};

        for (size_t i = 0; i < ARRAY_LEN(answering); i++) {
                if (answering[i])
                        helper_resume(answering[i]);
        }
        for (struct pull_slot *p = t->pulls, *next; p; p = next) {
                next = p->next;
                if (p->helper)
                        helper_resume(p->helper);
        }
}

int transfers_new(struct loop *l, const char *root, const struct transfers_port *port, struct transfers **ret,
                  struct err *err)
{
        struct transfers *t = xcalloc(1, sizeof *t);

        *t = (struct transfers){.loop = l, .root = root, .port = *port};
        if (listen_here(t, err) < 0) {
                free(t);
                return -1;
        }
        *ret = t;
        return 0;
}

void transfers_free(struct transfers *t)
{
        if (!t)
                return;
        while (t->pulls)
                pull_free(t->pulls);
        while (t->visitors)
                visitor_free(t->visitors, false);
        loop_fd_remove(t->loop, t->listen_fd);
        close(t->listen_fd);
        free(t);
}
