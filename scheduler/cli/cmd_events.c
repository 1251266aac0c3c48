/* SPDX-License-Identifier: Apache-2.0 */
/* What happened: a list, or as it happens. */
#include "commands.h"

#include "refs.h"
#include "sheet.h"
#include "text.h"
#include "common/num.h"
#include "common/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct column event_columns[] = {
    {.title = "AT", .path = "at", .kind = CELL_TIME},
    {.title = "WHAT", .path = "kind"},
    {.title = "JOB", .path = "job", .kind = CELL_NUMBER},
    {.title = "SITE", .path = "site"},
    {.title = "BY", .path = "actor", .flags = SHEET_WIDE},
    {.title = "TEXT", .path = "text", .flags = SHEET_CUT},
    {0},
};

static json_t *reversed(const json_t *list)
{
        json_t *out = json_array();

        for (size_t i = json_array_size(list); i > 0; i--)
                json_array_append(out, json_array_get(list, i - 1));
        return out;
}

/* One line an event, for a list that has no end. */
static void print_event(struct cli *c, const json_t *e)
{
        static const struct column at = {.path = "at", .kind = CELL_TIME};
        struct buf b;

        buf_init(&b, 65536);
        if (cli_wants_json(c)) {
                json_dumpf(e, stdout, JSON_COMPACT);
        } else {
                cell_add(&at, e, &b);
                buf_printf(&b, "  ");
                text_add_line(&b, json_text_at(e, "kind"));
                buf_printf(&b, "  ");
                text_add_line(&b, json_text_at(e, "text"));
                fputs(buf_cstr(&b), stdout);
        }
        putchar('\n');
        fflush(stdout);
        buf_release(&b);
}

/* Events after `seq`, oldest first; returns the newest number seen. */
static int64_t print_new(struct cli *c, const json_t *items, int64_t seq)
{
        int64_t newest = seq;

        for (size_t i = json_array_size(items); i > 0; i--) {
                const json_t *e = json_array_get(items, i - 1);
                int64_t n = json_int_at(e, "seq");

                if (n > seq)
                        print_event(c, e);
                newest = n > newest ? n : newest;
        }
        return newest;
}

/* ---- as they happen ---- */

struct following {
        struct cli *c;
        const char *path; /* of the list, with its filters */
        int64_t job;      /* only of this one; 0: all */
        const char *site; /* only of this one; NULL: all */
        int64_t seq;      /* the newest that was printed */
        char last_id[64];
        bool fresh; /* this connection goes on from nothing: what was before it comes from the list */
        bool ever;  /* a stream has answered */
};

/* The list from the newest printed on: what came before the stream began, or while it was away. */
static int catch_up(struct following *f, struct err *err)
{
        json_t *page =
            client_get(f->c->client, err, "%s%climit=1000", f->path, strchr(f->path, '?') ? '&' : '?');

        if (!page)
                return -1;
        f->seq = print_new(f->c, json_object_get(page, "items"), f->seq);
        json_decref(page);
        return 0;
}

static bool is_wanted(const struct following *f, const json_t *e)
{
        return json_int_at(e, "seq") > f->seq && (!f->job || json_int_at(e, "job") == f->job) &&
               (!f->site || strcmp(json_text_at(e, "site"), f->site) == 0);
}

static bool on_stream_event(void *arg, const struct stream_event *e)
{
        struct following *f = arg;
        json_t *happened;

        snprintf(f->last_id, sizeof f->last_id, "%s", e->id);
        f->ever = true;
        if (strcmp(e->name, "reset") == 0)
                f->fresh = true;
        /* From here on everything is told. Look at the list, then go on from this number. */
        if (strcmp(e->name, "ready") == 0)
                return !f->fresh;
        if (strcmp(e->name, "happened") != 0)
                return true;
        happened = json_loads(e->data, 0, NULL);
        if (happened && is_wanted(f, happened)) {
                print_event(f->c, happened);
                f->seq = json_int_at(happened, "seq");
        }
        json_decref(happened);
        return true;
}

/* The stream, connected again as often as needed, with a look at the list in between so that nothing is
 * missed. Returns -1 when there is no stream to be had. */
static int follow_stream(struct following *f, struct err *err)
{
        for (;;) {
                int rc;

                f->fresh = !*f->last_id;
                rc = client_stream(f->c->client, "/v1/stream?topics=events", f->last_id, on_stream_event, f,
                                   err);
                if (rc < 0 && (!f->ever || err->code != ERR_UNAVAILABLE))
                        return -1;
                if (rc < 0)
                        client_pause(1000);
                else if (catch_up(f, err) < 0)
                        return -1;
        }
}

/* The list, watched. */
static int follow_list(struct following *f, struct err *err)
{
        char etag[200] = "";

        for (;;) {
                json_t *page = NULL;

                if (client_watch(f->c->client, f->path, etag, WATCH_SECONDS, &page, err) < 0)
                        return -1;
                f->seq = print_new(f->c, json_object_get(page, "items"), f->seq);
                json_decref(page);
        }
}

static int follow_events(struct cli *c, const char *path, int64_t job, const char *site, int64_t seq,
                         struct err *err)
{
        struct following f = {.c = c, .path = path, .job = job, .site = site, .seq = seq};

        client_set_patience(c->client, PATIENCE_LONG);
        if (follow_stream(&f, err) < 0 && err->code != ERR_NOT_FOUND && err->code != ERR_LIMIT)
                return -1;
        /* A server without a stream, or with too many. */
        return follow_list(&f, err);
}

int cmd_events(struct cli *c, const struct args *a)
{
        const char *job = args_get(a, "job"), *site = args_get(a, "site"), *limit = args_get(a, "limit");
        struct buf path;
        struct err err;
        struct ref r;
        int64_t n = 30;
        json_t *events = NULL, *ordered;
        bool more;
        int rc = 0;

        if (!cli_client(c))
                return EXIT_FAILED;
        if ((job && ref_read(c, job, &r, &err) < 0) || (site && name_check("--site", site, &err) < 0) ||
            (limit && num_int("--limit", limit, 1, 1000, &n, &err) < 0))
                return cli_fail(c, &err);
        buf_init(&path, 4096);
        buf_text(&path, "/v1/events");
        if (job)
                buf_printf(&path, "?job=%lld", (long long)r.job);
        if (site)
                buf_printf(&path, "%csite=%s", job ? '&' : '?', site);
        events = client_list(cli_client(c), buf_cstr(&path), n, &more, &err);
        if (!events) {
                buf_release(&path);
                return cli_fail(c, &err);
        }
        if (args_has(a, "follow")) {
                rc = follow_events(c, buf_cstr(&path), job ? r.job : 0, site, print_new(c, events, 0), &err);
        } else {
                ordered = reversed(events);
                sheet_print(c, event_columns, ordered, "seq");
                json_decref(ordered);
        }
        json_decref(events);
        buf_release(&path);
        return rc < 0 ? cli_fail(c, &err) : EXIT_OK;
}
