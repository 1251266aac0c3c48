/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include "doc.h"
#include "help.h"
#include "refs.h"
#include "sheet.h"
#include "text.h"
#include "common/num.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- api -------------------------------------------------------------------------------------------------
 */

static bool method_is_known(const char *s)
{
        static const char *const methods[] = {"GET", "POST", "PATCH", "PUT", "DELETE", "HEAD"};

        for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
                if (strcmp(methods[i], s) == 0)
                        return true;
        }
        return false;
}

/* -d TEXT, -d @FILE, -d @- */
static int read_body(const char *d, char **ret, struct err *err)
{
        size_t n;

        if (d && *d == '@')
                return doc_read_file(d + 1, DOC_SIZE_MAX, ret, &n, err);
        *ret = xstrdup(d);
        return 0;
}

static void print_body(const struct cli *c, const struct reply *r)
{
        struct text_filter f = {0};
        struct buf b;

        if (r->json && c->out_is_tty) {
                cli_json(r->json);
        } else if (c->out_is_tty) {
                buf_init(&b, 4 * REPLY_MAX);
                text_filter_feed(&f, buf_bytes(&r->body), buf_len(&r->body), &b);
                text_filter_end(&f, &b);
                fwrite(buf_bytes(&b), 1, buf_len(&b), stdout);
                buf_release(&b);
        } else {
                fwrite(buf_bytes(&r->body), 1, buf_len(&r->body), stdout);
        }
}

int cmd_api(struct cli *c, const struct args *a)
{
        AUTO_FREE char *method = xstrdup(a->word_count > 1     ? a->words[0]
                                         : args_has(a, "data") ? "POST"
                                                               : "GET");
        const char *path = a->words[a->word_count - 1];
        AUTO_FREE char *body = NULL;
        AUTO_FREE char *full = NULL;
        struct reply r;
        struct err err;
        int rc;

        for (char *p = method; *p; p++)
                *p = *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
        if (!method_is_known(method))
                return cli_usage(c, "\"%s\" is none of GET, POST, PATCH, PUT, DELETE, HEAD", a->words[0]);
        for (const char *p = path; *p; p++) {
                if (*p <= ' ' || *p == 0x7f)
                        return cli_usage(c,
                                         "the path holds a blank or a control character; write it as %%XX");
        }
        if (!cli_client(c))
                return EXIT_FAILED;
        if (read_body(args_get(a, "data"), &body, &err) < 0)
                return cli_fail(c, &err);
        full = xasprintf("%s%s", *path == '/' ? "" : "/v1/", path);
        rc = client_call(
            cli_client(c),
            &(struct call){
                .method = method, .path = full, .body = body, .key = args_get(a, "idempotency-key")},
            &r, &err);
        print_body(c, &r);
        reply_release(&r);
        fflush(stdout);
        return rc < 0 ? cli_fail(c, &err) : EXIT_OK;
}

/* ---- events ----------------------------------------------------------------------------------------------
 */

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
        if (c->format == FORMAT_JSON) {
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

static int follow_events(struct cli *c, const char *path, int64_t seq, struct err *err)
{
        char etag[200] = "";

        client_set_patience(cli_client(c), PATIENCE_LONG);
        for (;;) {
                json_t *page = NULL;

                if (client_watch(cli_client(c), path, etag, WATCH_SECONDS, &page, err) < 0)
                        return -1;
                seq = print_new(c, json_object_get(page, "items"), seq);
                json_decref(page);
        }
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
                rc = follow_events(c, buf_cstr(&path), print_new(c, events, 0), &err);
        } else {
                ordered = reversed(events);
                sheet_print(c, event_columns, ordered, "seq");
                json_decref(ordered);
        }
        json_decref(events);
        buf_release(&path);
        return rc < 0 ? cli_fail(c, &err) : EXIT_OK;
}

/* ---- the program itself ----------------------------------------------------------------------------------
 */

int cmd_version(struct cli *c, const struct args *a)
{
        struct err err;
        json_t *server;

        (void)a;
        printf("reeve  %s\n", REEVE_VERSION);
        fflush(stdout);
        if (!cli_client(c))
                return EXIT_OK;
        client_set_patience(c->client, 0);
        server = client_get(c->client, &err, "/v1/version");
        if (server) {
                AUTO_FREE char *version = text_line(json_text_at(server, "version"));

                printf("server %s (%s)\n", version, client_url(c->client));
        } else {
                cli_say(c, "server: %s", err.text);
        }
        json_decref(server);
        return EXIT_OK;
}

int cmd_help(struct cli *c, const struct args *a)
{
        char *words[3] = {0};
        const struct command *cmd;
        size_t n;

        if (args_has(a, "manual")) {
                help_manual(stdout);
                return EXIT_OK;
        }
        if (!a->word_count) {
                help_overview(stdout);
                return EXIT_OK;
        }
        for (size_t i = 0; i < a->word_count && i < 2; i++)
                words[i] = (char *)a->words[i];
        cmd = command_find(words, &n);
        if (cmd)
                help_command(stdout, cmd);
        else if (command_is_group(words[0]))
                help_group(stdout, words[0]);
        else
                return cli_usage(c, "no command \"%s\"; `reeve help` lists them", words[0]);
        return EXIT_OK;
}

int cmd_completion(struct cli *c, const struct args *a)
{
        if (help_completion(stdout, a->words[0]) < 0)
                return cli_usage(c, "\"%s\" is none of bash, zsh, fish", a->words[0]);
        return EXIT_OK;
}
