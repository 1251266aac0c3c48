/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are fetched from HTTP servers, by the `curl` of the site, one after the other.
 *
 * The order names prefixes; every URL must begin with one of them, and so must whatever a server leads on to:
 * curl follows nothing by itself. Unless the order allows private hosts, the name is looked up here, an
 * address that is not of the public Internet is refused, and curl is told to ask exactly the address that was
 * looked at. A stream that breaks is taken up where it stopped: a file with a checksum in any later try, one
 * without within this try, if the server promises by its entity tag that it is the same.
 */
#include "worker/pulling.h"

#include "common/util.h"
#include "worker/child.h"
#include "worker/host_address.h"
#include "worker/http_head.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define REDIRECTS_MAX 5
#define TRIES_MAX     5   /* in a row that bring no byte of a file */
#define PAUSE_MS      100 /* between two tries, doubled with each that brings nothing */
#define ARGS_MAX      40
#define READ_MAX      (256u << 10)
#define ROOM_EVERY    (32u << 20) /* bytes of a file of unknown size between two looks at the room left */

static const char *const curl_places[] = {"/usr/bin/curl", "/usr/local/bin/curl", "/bin/curl", NULL};

struct fetch { /* of one file */
        struct pull *p;
        const struct transfer_entry *entry;
        uint32_t index;
        uint64_t at;      /* bytes of it that are here */
        uint64_t size;    /* TRANSFER_SIZE_UNKNOWN: not known */
        uint64_t room_at; /* the room was looked at when it was so long */
        bool begun;       /* landing_begin was called */
        char tag[HTTP_TAG_MAX];
        char url[URL_MAX + 1];
        unsigned redirects;

        struct child curl;
        struct buf in;
        struct http_head head;
        bool has_head;
};

enum answer { ANSWER_WHOLE, ANSWER_AGAIN, ANSWER_FAILED };

/* ---- asking ---- */

static int check_allowed(struct fetch *f)
{
        const struct transfer_pull *o = &f->p->job->order;

        for (uint32_t i = 0; i < o->prefix_count; i++) {
                if (url_has_prefix(f->url, o->prefixes[i]))
                        return 0;
        }
        return pull_fail(f->p, MOVE_SOURCE_REFUSED,
                         f->redirects ? "\"%.300s\": the server leads on to %.200s, which is not allowed"
                                      : "\"%.300s\": %.200s is not among the addresses that are allowed",
                         f->entry->path, f->url);
}

/* "host:port:address" for curl; "" when it may ask whom it finds. */
static int pin_address(struct fetch *f, char ret[400])
{
        char host[256], address[HOST_ADDRESS_MAX];
        struct err err;
        int port;

        ret[0] = '\0';
        http_host(f->url, host, &port);
        if (f->p->job->order.private_hosts)
                return 0;
        if (host_public_address(host, address, &err) < 0)
                return pull_fail(f->p, err.code == ERR_UNAVAILABLE ? MOVE_DESTINATION : MOVE_SOURCE_REFUSED,
                                 "\"%.300s\": %s", f->entry->path, err.text);
        if (!host_is_address(host))
                snprintf(ret, 400, strchr(address, ':') ? "%s:%d:[%s]" : "%s:%d:%s", host, port, address);
        return 0;
}

static int ask(struct fetch *f)
{
        static const char *const options[] = {
            "-q", "--silent", "--show-error", "--include", "--http1.1", "--globoff", "--no-buffer",
            /* of no use where we follow nothing, and no harm */
            "--proto", "=http,https", "--max-redirs", "0", "--noproxy", "*", "--connect-timeout", "15",
            "--header", "Accept-Encoding: identity", "--user-agent", "reeve-worker"};
        char *argv[ARGS_MAX], range[32], same[HTTP_TAG_MAX + 16], pin[400];
        struct err err;
        size_t n = 0;

        if (check_allowed(f) < 0 || pin_address(f, pin) < 0)
                return -1;
        argv[n++] = (char *)"curl";
        for (size_t i = 0; i < ARRAY_LEN(options); i++)
                argv[n++] = (char *)options[i];
        if (f->at) {
                snprintf(range, sizeof range, "%llu-", (unsigned long long)f->at);
                argv[n++] = (char *)"--range";
                argv[n++] = range;
        }
        if (f->at && f->tag[0]) {
                snprintf(same, sizeof same, "If-Range: %s", f->tag);
                argv[n++] = (char *)"--header";
                argv[n++] = same;
        }
        if (pin[0]) {
                argv[n++] = (char *)"--resolve";
                argv[n++] = pin;
        }
        argv[n++] = (char *)"--url";
        argv[n++] = f->url;
        argv[n] = NULL;
        buf_clear(&f->in);
        f->has_head = false;
        if (child_start(&f->curl, curl_places, argv, &err) < 0)
                return pull_fail(f->p, MOVE_DESTINATION, "%s", err.text);
        fcntl(f->curl.out_fd, F_SETFL, O_NONBLOCK);
        return 0;
}

/* ---- the answer ---- */

static int refuse_status(struct fetch *f)
{
        int s = f->head.status;
        enum move_end kind = s == 404 || s == 410                   ? MOVE_SOURCE_GONE
                             : s == 408 || s == 429 || s / 100 == 5 ? MOVE_SOURCE_AWAY
                                                                    : MOVE_SOURCE_REFUSED;

        pull_fail(f->p, kind, "\"%.300s\": the server answers %d for %.300s", f->entry->path, s, f->url);
        f->p->fault.file = f->index;
        return -1;
}

/* From its start: what is here of it is not of this file. */
static void forget(struct fetch *f)
{
        if (f->begun)
                landing_drop(f->p->landing);
        f->p->bytes_done -= f->at;
        f->begun = false;
        f->at = f->room_at = 0;
        f->tag[0] = '\0';
}

static bool has_room(struct fetch *f, uint64_t bytes)
{
        const struct transfer_pull *o = &f->p->job->order;
        uint64_t moved = f->p->bytes_moved, room = o->room;

        if (room)
                room = room > moved ? room - moved : 1;
        return landing_has_room(f->p->landing, bytes, room, o->keep_free, &f->p->fault);
}

/* A file whose length the server tells, or not. */
static int check_length(struct fetch *f)
{
        uint64_t whole = f->head.has_length ? f->at + f->head.length : TRANSFER_SIZE_UNKNOWN;

        if (f->entry->size == TRANSFER_SIZE_UNKNOWN) {
                f->size = whole;
                return f->head.has_length && !has_room(f, f->head.length) ? -1 : 0;
        }
        f->size = f->entry->size;
        if (whole == TRANSFER_SIZE_UNKNOWN || whole == f->size)
                return 0;
        pull_fail(f->p, MOVE_SOURCE_CHANGED, "\"%.300s\" has another length at its server than was said",
                  f->entry->path);
        f->p->fault.file = f->index;
        return -1;
}

static int lead_on(struct fetch *f)
{
        struct err err;

        if (++f->redirects > REDIRECTS_MAX)
                return pull_fail(f->p, MOVE_SOURCE_REFUSED, "\"%.300s\": the server leads on for ever",
                                 f->entry->path);
        if (http_redirect(f->url, f->head.location, f->url, &err) < 0)
                return pull_fail(f->p, MOVE_SOURCE_REFUSED, "\"%.300s\": %s", f->entry->path, err.text);
        return 0;
}

/* The head came. -1, or how to go on: WHOLE means that the body is to be read. */
static int take_head(struct fetch *f, enum answer *ret)
{
        const struct http_head *h = &f->head;

        *ret = ANSWER_AGAIN;
        if (h->status / 100 == 3 && h->location[0])
                return lead_on(f);
        /* What is here is not a part of what is there: all of it may be here already, or it is another. */
        if (h->status == 416 && f->at) {
                forget(f);
                return 0;
        }
        if (h->status != 200 && h->status != 206)
                return refuse_status(f);
        if (h->has_trailer)
                return pull_fail(f->p, MOVE_SOURCE_REFUSED,
                                 "\"%.300s\": the server sends fields behind the file", f->entry->path);
        if (h->status == 206 && (!h->has_range || h->range_from != f->at))
                return pull_fail(f->p, MOVE_BROKEN,
                                 "\"%.300s\": the server sends another part than was asked for",
                                 f->entry->path);
        if (h->status == 200 && f->at)
                forget(f);
        snprintf(f->tag, sizeof f->tag, "%s", h->tag);
        if (check_length(f) < 0)
                return -1;
        if (!f->begun && landing_begin(f->p->landing, f->index, f->at, &f->p->fault) < 0)
                return -1;
        f->begun = true;
        if (!f->p->streams)
                pull_streams(f->p);
        *ret = ANSWER_WHOLE;
        return 0;
}

static int take_body(struct fetch *f)
{
        size_t n = buf_len(&f->in);

        if (!n)
                return 0;
        if (f->size == TRANSFER_SIZE_UNKNOWN && f->at + n - f->room_at >= ROOM_EVERY) {
                f->room_at = f->at + n;
                if (!has_room(f, n))
                        return -1;
        }
        if (landing_write(f->p->landing, buf_bytes(&f->in), n, &f->p->fault) < 0)
                return -1;
        f->at += n;
        f->p->bytes_done += n;
        buf_clear(&f->in);
        return 0;
}

/* What was read so far. -1; 0: more; 1: the head says that this answer is not the file. */
static int take(struct fetch *f)
{
        enum answer how;
        long n;

        if (f->has_head)
                return take_body(f);
        n = http_head_read((const char *)buf_bytes(&f->in), buf_len(&f->in), &f->head);
        if (n == 0)
                return 0;
        if (n < 0)
                return pull_fail(f->p, MOVE_SOURCE_REFUSED, "\"%.300s\": what answers is no HTTP server",
                                 f->entry->path);
        buf_consume(&f->in, (size_t)n);
        f->has_head = true;
        if (take_head(f, &how) < 0)
                return -1;
        return how == ANSWER_WHOLE ? take_body(f) : 1;
}

/* curl has ended. */
static enum answer judge_end(struct fetch *f)
{
        char words[300];
        int status = child_wait(&f->curl, words, sizeof words);
        bool well = WIFEXITED(status) && WEXITSTATUS(status) == 0;

        if (f->has_head && well && (f->size == TRANSFER_SIZE_UNKNOWN || f->at == f->size))
                return ANSWER_WHOLE;
        if (f->has_head)
                return ANSWER_AGAIN; /* cut off */
        pull_fail(f->p, MOVE_SOURCE_AWAY, "\"%.300s\": %s", f->entry->path,
                  words[0] ? words : "curl ended without a word");
        return ANSWER_FAILED;
}

/* One question and its answer. */
static enum answer run_once(struct fetch *f)
{
        struct pull *p = f->p;

        for (;;) {
                int64_t held = pull_held_ms(p), wait = pull_wait_ms(p);
                struct pollfd fd = {held ? -1 : f->curl.out_fd, POLLIN, 0};
                uint8_t *to;
                ssize_t n;
                int rc;

                poll(&fd, 1, (int)(held && held < wait ? held : wait));
                if (held)
                        p->byte_ms = clock_boot_ms(); /* it is we who are silent */
                if (pull_pace(p) < 0)
                        return ANSWER_FAILED;
                if (!fd.revents)
                        continue;
                to = buf_reserve(&f->in, READ_MAX);
                n = to ? read(f->curl.out_fd, to, READ_MAX) : 0;
                if (n < 0 && (errno == EINTR || errno == EAGAIN))
                        continue;
                if (n <= 0)
                        return judge_end(f);
                buf_added(&f->in, (size_t)n);
                pull_moved(p, (size_t)n);
                rc = take(f);
                if (rc)
                        return rc < 0 ? ANSWER_FAILED : ANSWER_AGAIN;
        }
}

/* Ask again and again until the file is here. */
static int bring(struct fetch *f)
{
        unsigned tries = 0;

        /* All of it came in an earlier try, which could not publish it. */
        if (f->at && f->at == f->size)
                return landing_begin(f->p->landing, f->index, f->at, &f->p->fault);
        for (;;) {
                uint64_t before = f->at;
                unsigned redirects = f->redirects;
                enum answer how;

                if (ask(f) < 0)
                        return -1;
                how = run_once(f);
                child_end(&f->curl);
                if (how == ANSWER_WHOLE)
                        return 0;
                if (how == ANSWER_FAILED)
                        return -1;
                if (f->redirects != redirects)
                        continue;
                tries = f->at > before ? 0 : tries + 1;
                if (tries >= TRIES_MAX)
                        return pull_fail(f->p, MOVE_BROKEN, "\"%.300s\": the server broke off %d times",
                                         f->entry->path, TRIES_MAX);
                poll(NULL, 0, (int)(PAUSE_MS << tries));
                /* Without a promise that it is the same file, what is here is of no use. */
                if (f->at && !f->tag[0] && !f->entry->has_sha256)
                        forget(f);
        }
}

static int fetch_one(struct pull *p, const struct want w)
{
        const struct transfer_entry *e = &p->job->list.entries[w.index];
        struct fetch f = {.p = p, .entry = e, .index = w.index, .at = w.offset, .size = e->size};
        int rc;

        f.curl = (struct child){.pid = -1, .out_fd = -1, .words_fd = -1};
        snprintf(f.url, sizeof f.url, "%s", e->url);
        buf_init(&f.in, READ_MAX + HTTP_HEAD_MAX + 1);
        rc = bring(&f);
        buf_release(&f.in);
        if (rc < 0)
                return -1;
        rc = landing_finish(p->landing, &p->fault);
        if (rc > 0) {
                p->bytes_done -= f.at;
                pull_want(p, w.index, 0);
        }
        return rc < 0 ? -1 : landing_settle(p->landing, false, &p->fault);
}

int pull_fetch(struct pull *p)
{
        p->start_ms = p->byte_ms = clock_boot_ms();
        while (p->want_at < p->want_count) {
                if (fetch_one(p, p->wants[p->want_at++]) < 0)
                        return -1;
        }
        return 0;
}
