/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of datasets: where they are, how soon they could be elsewhere, bring, keep, let go; data on its way.
 */
#include "commands.h"

#include "follow.h"
#include "sheet.h"
#include "text.h"
#include "common/num.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>

#define TRANSFERS_LIMIT 50
#define LOOK_SECONDS    30 /* of one wait for a change */

/* ---- where -----------------------------------------------------------------------------------------------
 */

static const struct column where_columns[] = {
    {.title = "SITE", .path = "site"},
    {.title = "STATE", .path = "state", .kind = CELL_STATE},
    {.title = "THERE", .path = "bytes", .kind = CELL_SIZE},
    {.title = "MISSING", .path = "missing", .kind = CELL_SIZE},
    {.title = "TIME", .path = "seconds", .kind = CELL_SECONDS},
    {.title = "FROM", .path = "from", .flags = SHEET_HIDE_EMPTY},
    {.title = "WHY", .path = "sentence", .flags = SHEET_CUT},
    {0},
};

int cmd_where(struct cli *c, const struct args *a)
{
        struct err err;
        json_t *doc;

        if (!cli_client(c))
                return EXIT_FAILED;
        if (dataset_name_check(a->words[0], &err) < 0)
                return cli_fail(c, &err);
        doc = client_get(c->client, &err, "/v1/datasets/%s/where", a->words[0]);
        if (!doc)
                return cli_fail(c, &err);
        if (c->format == FORMAT_JSON)
                cli_json(c, doc);
        else
                sheet_print(c, where_columns, json_at(doc, "items"), "site");
        if (!json_is_true(json_at(doc, "live")) && c->format <= FORMAT_WIDE)
                cli_say(c, "the scheduler does not answer now: this is what is on record");
        json_decref(doc);
        return EXIT_OK;
}

/* ---- transfers and links ---------------------------------------------------------------------------------
 */

static void moved(const json_t *row, struct buf *out)
{
        char now[32], all[32];

        buf_printf(out, "%s of %s", num_format_size(json_int_at(row, "bytes"), now),
                   num_format_size(json_int_at(row, "total"), all));
}

static void rate(const json_t *row, struct buf *out)
{
        char size[32];

        if (json_number_at(row, "rate") > 0)
                buf_printf(out, "%s/s", num_format_size((int64_t)json_number_at(row, "rate"), size));
}

static const struct column transfer_columns[] = {
    {.title = "TRANSFER", .path = "id", .kind = CELL_NUMBER},
    {.title = "DATASET", .path = "dataset"},
    {.title = "FROM", .path = "from"},
    {.title = "TO", .path = "to"},
    {.title = "STATE", .path = "state", .kind = CELL_STATE},
    {.title = "MOVED", .path = "bytes", .cell = moved},
    {.title = "RATE", .path = "rate", .cell = rate},
    {.title = "LEFT", .path = "eta", .kind = CELL_SECONDS, .flags = SHEET_HIDE_EMPTY},
    {.title = "WHY", .path = "why"},
    {.title = "ASKED BY", .path = "asked_by", .flags = SHEET_WIDE},
    {.title = "WAY", .path = "way", .flags = SHEET_HIDE_EMPTY},
    {.title = "TRIES", .path = "tries", .kind = CELL_NUMBER, .flags = SHEET_WIDE},
    {.title = "ASKED", .path = "asked_at", .kind = CELL_AGO},
    {.title = "MESSAGE", .path = "message", .flags = SHEET_CUT | SHEET_HIDE_EMPTY},
    {0},
};

int cmd_data_transfers(struct cli *c, const struct args *a)
{
        static const char *const filters[] = {"dataset", "site", "state"};
        const char *limit = args_get(a, "limit");
        AUTO_FREE char *path = NULL;
        int64_t n = TRANSFERS_LIMIT;
        struct err err;
        struct buf b;
        json_t *rows;
        bool more;

        if (!cli_client(c))
                return EXIT_FAILED;
        if (limit && num_int("--limit", limit, 1, 1000000, &n, &err) < 0)
                return cli_fail(c, &err);
        buf_init(&b, 65536);
        for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
                const char *value = args_get(a, filters[i]);

                if (!value)
                        continue;
                buf_printf(&b, "%c%s=", buf_len(&b) ? '&' : '?', filters[i]);
                text_add_uri(&b, value, false);
        }
        path = xasprintf("/v1/transfers%s", buf_cstr(&b));
        buf_release(&b);
        rows = client_list(c->client, path, n, &more, &err);
        if (!rows)
                return cli_fail(c, &err);
        sheet_print(c, transfer_columns, rows, "id");
        if (!json_array_size(rows) && c->format <= FORMAT_WIDE)
                cli_say(c, "nothing was moved");
        if (more && c->out_is_tty)
                cli_say(c, "there are more; --limit N shows them");
        json_decref(rows);
        return EXIT_OK;
}

static const struct column link_columns[] = {
    {.title = "FROM", .path = "from"},
    {.title = "TO", .path = "to"},
    {.title = "RATE", .path = "rate", .cell = rate},
    {.title = "LATENCY", .path = "latency", .kind = CELL_SECONDS},
    {.title = "LEARNED", .path = "learned_at", .kind = CELL_AGO},
    {.title = "BUDGET", .path = "budget", .flags = SHEET_HIDE_EMPTY},
    {.title = "ACTIVE", .path = "active", .kind = CELL_NUMBER},
    {.title = "PROMISED", .path = "promised", .kind = CELL_SIZE},
    {.title = "TRANSFERS", .path = "transfers", .kind = CELL_NUMBER, .flags = SHEET_WIDE},
    {.title = "BYTES", .path = "bytes", .kind = CELL_SIZE, .flags = SHEET_WIDE},
    {.title = "DIRECT", .path = "direct", .kind = CELL_YES, .flags = SHEET_WIDE},
    {0},
};

int cmd_data_links(struct cli *c, const struct args *a)
{
        struct err err;
        json_t *rows;

        (void)a;
        if (!cli_client(c))
                return EXIT_FAILED;
        rows = client_items(c->client, "/v1/links", &err);
        if (!rows)
                return cli_fail(c, &err);
        sheet_print(c, link_columns, rows, "from");
        if (!json_array_size(rows) && c->format <= FORMAT_WIDE)
                cli_say(c, "nothing is known of links yet: nothing was moved");
        json_decref(rows);
        return EXIT_OK;
}

/* ---- orders ----------------------------------------------------------------------------------------------
 */

/* Send, and print the reply as JSON if that is wanted; NULL: it was said what went wrong, *ret_code how. */
static json_t *send(struct cli *c, const struct args *a, const char *method, const char *path,
                    const json_t *body, int *ret_code)
{
        struct err err;
        json_t *reply = NULL;

        if (!cli_client(c)) {
                *ret_code = EXIT_FAILED;
                return NULL;
        }
        reply = client_send(c->client, method, body, &err, "%s%s", path,
                            args_has(a, "dry-run") ? "?dry_run=true" : "");
        *ret_code = reply ? EXIT_OK : cli_fail(c, &err);
        return reply;
}

/* DATASET SITE of a command line. */
static int check_words(struct cli *c, const struct args *a)
{
        struct err err;

        if (dataset_name_check(a->words[0], &err) < 0 ||
            (a->word_count > 1 && name_check("site", a->words[1], &err) < 0))
                return cli_fail(c, &err);
        return EXIT_OK;
}

/* Ask for something that the engine does; *ret_result is its answer (owned), NULL after a dry run. */
static int order(struct cli *c, const struct args *a, const char *path, const json_t *body,
                 json_t **ret_result)
{
        struct err err;
        int code;
        json_t *call = send(c, a, "POST", path, body, &code), *done = NULL;
        int64_t id = json_int_at(call, "id");

        *ret_result = NULL;
        if (!call)
                return code;
        if (args_has(a, "dry-run")) {
                cli_say(c, "this would be done");
        } else if (call_wait(c, id, NULL, NULL, &done, &err) < 0) {
                json_decref(call);
                return cli_fail(c, &err);
        } else {
                *ret_result = json_incref(json_object_get(done, "result"));
        }
        json_decref(done);
        json_decref(call);
        return EXIT_OK;
}

/* Until the transfer ended, with progress. */
static int wait_moved(struct cli *c, const char *dataset, const char *site, int64_t id)
{
        AUTO_FREE char *path = xasprintf("/v1/transfers?dataset=%s&site=%s&limit=1000", dataset, site);
        char etag[200] = "";
        json_t *list = NULL;
        struct err err;

        client_set_patience(c->client, PATIENCE_LONG);
        for (;;) {
                const json_t *t, *mine = NULL;
                struct buf b;
                size_t i;

                if (client_watch(c->client, path, etag, LOOK_SECONDS, &list, &err) < 0)
                        return cli_fail(c, &err);
                json_array_foreach(json_object_get(list, "items"), i, t)
                {
                        if (json_int_at(t, "id") == id)
                                mine = t;
                }
                if (mine && json_at(mine, "ended_at")) {
                        bool good = strcmp(json_text_at(mine, "state"), "done") == 0;

                        cli_progress_end(c);
                        cli_say(c, good ? "%s is at %s now%s%s" : "%s was not brought to %s: %s%s", dataset,
                                site, good ? "" : json_text_at(mine, "state"),
                                good ? "" : json_text_at(mine, "message"));
                        json_decref(list);
                        return good ? EXIT_OK : EXIT_FAILED;
                }
                buf_init(&b, 256);
                if (mine)
                        moved(mine, &b);
                cli_progress(c, "%s to %s: %s %s", dataset, site, json_text_at(mine, "state"), buf_cstr(&b));
                buf_release(&b);
        }
}

int cmd_data_copy(struct cli *c, const struct args *a)
{
        const char *dataset = a->words[0], *site = a->words[1];
        AUTO_FREE char *path = NULL;
        json_t *body, *result;
        int code = check_words(c, a);
        int64_t id;

        if (code != EXIT_OK)
                return code;
        path = xasprintf("/v1/datasets/%s/copy", dataset);
        body = json_pack("{s:s}", "site", site);
        code = order(c, a, path, body, &result);
        json_decref(body);
        if (code != EXIT_OK || !result)
                return code;
        id = json_int_at(result, "transfer");
        if (cli_wants_json(c))
                cli_json(c, result);
        else if (!id)
                cli_say(c, "%s lies at %s already", dataset, site);
        else if (c->quiet || c->format == FORMAT_ID)
                printf("%lld\n", (long long)id);
        else
                cli_say(c, "transfer %lld brings %s to %s", (long long)id, dataset, site);
        json_decref(result);
        return id && args_has(a, "wait") ? wait_moved(c, dataset, site, id) : EXIT_OK;
}

int cmd_data_evict(struct cli *c, const struct args *a)
{
        AUTO_FREE char *path = NULL;
        json_t *body, *result;
        int code = check_words(c, a);

        if (code != EXIT_OK)
                return code;
        path = xasprintf("/v1/datasets/%s/evict", a->words[0]);
        body = json_pack("{s:s}", "site", a->words[1]);
        code = order(c, a, path, body, &result);
        json_decref(body);
        if (result && cli_wants_json(c))
                cli_json(c, result);
        else if (result)
                cli_say(c, "%s: the copy at %s goes", a->words[0], a->words[1]);
        json_decref(result);
        return code;
}

int cmd_data_cancel(struct cli *c, const struct args *a)
{
        struct err err;

        for (size_t i = 0; i < a->word_count; i++) {
                AUTO_FREE char *path = NULL;
                json_t *body, *result;
                int64_t id;
                int code;

                if (num_int("transfer", a->words[i], 1, INT64_MAX, &id, &err) < 0)
                        return cli_fail(c, &err);
                path = xasprintf("/v1/transfers/%lld/cancel", (long long)id);
                body = json_object();
                code = order(c, a, path, body, &result);
                json_decref(body);
                if (code != EXIT_OK)
                        return code;
                if (result)
                        cli_say(c, "transfer %lld: stopped", (long long)id);
                json_decref(result);
        }
        return EXIT_OK;
}

/* ---- changes ---------------------------------------------------------------------------------------------
 */

/* The dataset as it is then, if that is wanted. */
static int change(struct cli *c, const struct args *a, const char *method, const char *more, json_t *body,
                  const char *words)
{
        AUTO_FREE char *path = xasprintf("/v1/datasets/%s%s", a->words[0], more);
        int code;
        json_t *reply = send(c, a, method, path, body, &code);

        json_decref(body);
        if (!reply)
                return code;
        if (cli_wants_json(c))
                cli_json(c, reply);
        else
                cli_say(c, "%s: %s", a->words[0], args_has(a, "dry-run") ? "this would be done" : words);
        json_decref(reply);
        return EXIT_OK;
}

static int set_pin(struct cli *c, const struct args *a, bool pinned)
{
        int code = check_words(c, a);

        return code != EXIT_OK ? code
                               : change(c, a, "POST", "/pin",
                                        json_pack("{s:s, s:b}", "site", a->words[1], "pinned", pinned),
                                        pinned ? "stays there" : "may be evicted there");
}

int cmd_data_pin(struct cli *c, const struct args *a)
{
        return set_pin(c, a, true);
}

int cmd_data_unpin(struct cli *c, const struct args *a)
{
        return set_pin(c, a, false);
}

int cmd_data_expire(struct cli *c, const struct args *a)
{
        const char *word = a->words[1];
        AUTO_FREE char *words = NULL;
        struct err err;
        char when[32];
        int64_t ms;

        if (dataset_name_check(a->words[0], &err) < 0)
                return cli_fail(c, &err);
        if (strcmp(word, "never") == 0)
                return change(c, a, "PATCH", "", json_pack("{s:n}", "expires_at"), "does not expire");
        if (num_duration("time", word, &ms, NULL) == 0)
                ms += clock_wall_ms();
        else if (num_time("time", word, &ms, &err) < 0)
                return cli_fail(c, &err);
        words = xasprintf("expires %s", num_format_time(ms, when));
        return change(c, a, "PATCH", "", json_pack("{s:s}", "expires_at", when), words);
}

/* "a,b" as an array of names; "any" as an empty one. */
json_t *cli_names(const char *list)
{
        json_t *out = json_array();

        for (; list && strcmp(list, "any") != 0 && *list; list += *list == ',') {
                size_t n = strcspn(list, ",");

                if (n)
                        json_array_append_new(out, json_stringn(list, n));
                list += n;
        }
        return out;
}

int cmd_data_policy(struct cli *c, const struct args *a)
{
        const char *sites = args_get(a, "sites"), *labels = args_get(a, "labels");
        struct err err;

        if (dataset_name_check(a->words[0], &err) < 0)
                return cli_fail(c, &err);
        if (!sites && !labels)
                return cli_usage(c, "say where it may be: --sites a,b, --labels eu, or --sites any");
        return change(
            c, a, "PATCH", "",
            json_pack("{s:{s:o, s:o}}", "policy", "sites", cli_names(sites), "labels", cli_names(labels)),
            "its policy is changed");
}
