/* SPDX-License-Identifier: Apache-2.0 */
/* Notices: what happened, and who is told of what. */
#include "commands.h"

#include "sheet.h"
#include "text.h"
#include "common/num.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>

#define NOTICES_SHOWN 20
#define NOTICES_MAX   1000

/* ---- notices ---------------------------------------------------------------------------------------------
 */

static void new_cell(const json_t *n, struct buf *out)
{
        buf_text(out, json_at(n, "read_at") ? "" : "new");
}

static const struct column notice_columns[] = {
    {.title = "NOTICE", .path = "id", .kind = CELL_NUMBER},
    {.title = "WHEN", .path = "at", .kind = CELL_AGO},
    {.title = "NEW", .flags = SHEET_HIDE_EMPTY, .cell = new_cell},
    {.title = "WHAT", .path = "sentence", .flags = SHEET_CUT},
    {.title = "EVENTS", .path = "count", .kind = CELL_NUMBER, .flags = SHEET_WIDE},
    {0},
};

/* What was shown was seen; the newest stands first. */
static int mark_read(struct cli *c, const json_t *rows, struct err *err)
{
        json_t *reply;

        if (!json_array_size(rows))
                return 0;
        reply = client_send(c->client, "POST",
                            json_pack("{s:I}", "up_to", json_int_at(json_array_get(rows, 0), "id")), err,
                            "/v1/notices:read");
        json_decref(reply);
        return reply ? 0 : -1;
}

int cmd_notices(struct cli *c, const struct args *a)
{
        const char *limit_text = args_get(a, "limit");
        int64_t limit = NOTICES_SHOWN;
        bool all = args_has(a, "all"), more;
        struct err err;
        json_t *rows;
        int rc = 0;

        if (!cli_client(c))
                return EXIT_FAILED;
        if (limit_text && num_int("--limit", limit_text, 1, NOTICES_MAX, &limit, &err) < 0)
                return cli_fail(c, &err);
        rows = client_list(c->client, all ? "/v1/notices" : "/v1/notices?unread=true", limit, &more, &err);
        if (!rows)
                return cli_fail(c, &err);
        sheet_print(c, notice_columns, rows, "id");
        if (!json_array_size(rows) && c->format <= FORMAT_WIDE)
                cli_say(c, all ? "nothing was told yet; what is told: reeve subscription list"
                               : "nothing new; what was seen before: reeve notices --all");
        else if (more && c->format <= FORMAT_WIDE)
                cli_say(c, "and more: --limit N");
        if (!args_has(a, "keep"))
                rc = mark_read(c, rows, &err);
        json_decref(rows);
        return rc < 0 ? cli_fail(c, &err) : EXIT_OK;
}

/* ---- subscriptions ---------------------------------------------------------------------------------------
 */

/* What it is limited to, in words. */
static void about_cell(const json_t *s, struct buf *out)
{
        const char *project = json_text_at(s, "project"), *site = json_text_at(s, "site");

        if (json_at(s, "job"))
                buf_printf(out, "job %lld", (long long)json_int_at(s, "job"));
        else if (*project)
                buf_printf(out, "project %s", project);
        else
                buf_text(out, json_is_true(json_at(s, "mine")) ? "my jobs" : "all jobs");
        if (*site)
                buf_printf(out, " at %s", site);
}

static void state_cell(const json_t *s, struct buf *out)
{
        if (json_at(s, "paused_at")) {
                buf_text(out, "paused ");
                text_add_line(out, json_text_at(s, "paused_why"));
        } else if (!json_is_true(json_at(s, "confirmed"))) {
                buf_text(out, "to be confirmed by the code that was mailed");
        }
}

static const struct column subscription_columns[] = {
    {.title = "ID", .path = "id", .kind = CELL_NUMBER},
    {.title = "NAME", .path = "name", .flags = SHEET_CUT},
    {.title = "WAY", .path = "way"},
    {.title = "TO", .path = "target", .flags = SHEET_CUT | SHEET_HIDE_EMPTY},
    {.title = "OF", .path = "kinds", .kind = CELL_LIST, .flags = SHEET_CUT},
    {.title = "ABOUT", .cell = about_cell},
    {.title = "LAST SENT", .path = "last_sent_at", .kind = CELL_AGO, .flags = SHEET_HIDE_EMPTY},
    {.title = "STATE", .flags = SHEET_CUT | SHEET_HIDE_EMPTY, .cell = state_cell},
    {0},
};

int cmd_subscription_list(struct cli *c, const struct args *a)
{
        struct err err;
        json_t *rows;

        (void)a;
        if (!cli_client(c))
                return EXIT_FAILED;
        rows = client_items(c->client, "/v1/subscriptions", &err);
        if (!rows)
                return cli_fail(c, &err);
        sheet_print(c, subscription_columns, rows, "id");
        json_decref(rows);
        return EXIT_OK;
}

/* The way and the target: a URL is a webhook, what has an @ is mail, "page" is the page. */
static void put_target(json_t *body, const char *to)
{
        const char *way = strcmp(to, "page") == 0 ? "page" : strstr(to, "://") ? "webhook" : "mail";

        json_object_set_new(body, "way", json_string(way));
        if (strcmp(way, "page") != 0)
                json_object_set_new(body, "target", json_string(to));
}

static int put_filters(const struct args *a, json_t *body, struct err *err)
{
        static const char *const names[] = {"name", "project", "site"};
        const char *kind, *job = args_get(a, "job");
        json_t *kinds = json_array();
        int64_t id;

        for (size_t i = 0; (kind = args_nth(a, "on", i)); i++)
                json_array_append_new(kinds, json_string(kind));
        if (!json_array_size(kinds)) {
                json_array_append_new(kinds, json_string("job.succeeded"));
                json_array_append_new(kinds, json_string("job.failed"));
        }
        json_object_set_new(body, "kinds", kinds);
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                if (args_get(a, names[i]))
                        json_object_set_new(body, names[i], json_string(args_get(a, names[i])));
        if (args_has(a, "everybody") || job)
                json_object_set_new(body, "mine", json_false());
        if (!job)
                return 0;
        if (num_int("--job", job, 1, INT64_MAX, &id, err) < 0)
                return -1;
        json_object_set_new(body, "job", json_integer(id));
        return 0;
}

static void tell_made(const struct cli *c, const json_t *s)
{
        long long id = (long long)json_int_at(s, "id");

        cli_say(c, "subscription %lld is made", id);
        if (strcmp(json_text_at(s, "way"), "mail") == 0)
                cli_say(
                    c,
                    "a code was mailed there; to confirm the address: reeve subscription confirm %lld CODE",
                    id);
        if (*json_text_at(s, "secret")) {
                cli_say(c, "what is sent is signed with this key, which is shown only now:");
                printf("%s\n", json_text_at(s, "secret"));
        }
}

int cmd_subscription_add(struct cli *c, const struct args *a)
{
        json_t *body = json_object(), *reply;
        struct err err;

        if (!cli_client(c)) {
                json_decref(body);
                return EXIT_FAILED;
        }
        put_target(body, a->words[0]);
        reply = put_filters(a, body, &err) < 0
                    ? NULL
                    : client_send(c->client, "POST", body, &err, "/v1/subscriptions");
        json_decref(body);
        if (!reply)
                return cli_fail(c, &err);
        if (cli_wants_json(c))
                cli_json(c, reply);
        else
                tell_made(c, reply);
        json_decref(reply);
        return EXIT_OK;
}

/* One request about one subscription; body is taken over. */
static int ask(struct cli *c, const struct args *a, const char *method, const char *verb, json_t *body,
               const char *done)
{
        json_t *reply = NULL;
        struct err err;
        int64_t id;

        if (!cli_client(c)) {
                json_decref(body);
                return EXIT_FAILED;
        }
        if (num_int("subscription", a->words[0], 1, INT64_MAX, &id, &err) == 0)
                reply = client_send(c->client, method, body, &err, "/v1/subscriptions/%lld%s", (long long)id,
                                    verb);
        json_decref(body);
        if (!reply)
                return cli_fail(c, &err);
        if (cli_wants_json(c))
                cli_json(c, reply);
        else
                cli_say(c, "%s", done);
        json_decref(reply);
        return EXIT_OK;
}

int cmd_subscription_remove(struct cli *c, const struct args *a)
{
        return ask(c, a, "DELETE", "", NULL, "it is removed");
}

int cmd_subscription_pause(struct cli *c, const struct args *a)
{
        return ask(c, a, "PATCH", "", json_pack("{s:b}", "paused", 1),
                   "it tells nothing until: reeve subscription resume");
}

int cmd_subscription_resume(struct cli *c, const struct args *a)
{
        return ask(c, a, "PATCH", "", json_pack("{s:b}", "paused", 0), "it tells again");
}

int cmd_subscription_confirm(struct cli *c, const struct args *a)
{
        return ask(c, a, "POST", "/confirm", json_pack("{s:s}", "code", a->words[1]),
                   "the address is confirmed");
}

int cmd_subscription_test(struct cli *c, const struct args *a)
{
        return ask(c, a, "POST", "/test", json_object(),
                   "a test is on its way; how it went: reeve subscription sent");
}

static const struct column delivery_columns[] = {
    {.title = "NOTICE", .path = "id", .kind = CELL_NUMBER},
    {.title = "STATE", .path = "state", .kind = CELL_STATE},
    {.title = "TRIES", .path = "tries", .kind = CELL_NUMBER},
    {.title = "MADE", .path = "made_at", .kind = CELL_AGO},
    {.title = "SENT", .path = "sent_at", .kind = CELL_AGO, .flags = SHEET_HIDE_EMPTY},
    {.title = "NEXT TRY", .path = "due_at", .kind = CELL_TIME, .flags = SHEET_WIDE},
    {.title = "WHAT", .path = "sentence", .flags = SHEET_CUT},
    {.title = "WRONG", .path = "message", .flags = SHEET_CUT | SHEET_HIDE_EMPTY},
    {0},
};

int cmd_subscription_sent(struct cli *c, const struct args *a)
{
        AUTO_FREE char *path = NULL;
        struct err err;
        json_t *rows;
        int64_t id;
        bool more;

        if (!cli_client(c))
                return EXIT_FAILED;
        if (num_int("subscription", a->words[0], 1, INT64_MAX, &id, &err) < 0)
                return cli_fail(c, &err);
        path = xasprintf("/v1/subscriptions/%lld/deliveries", (long long)id);
        rows = client_list(c->client, path, NOTICES_SHOWN, &more, &err);
        if (!rows)
                return cli_fail(c, &err);
        sheet_print(c, delivery_columns, rows, "id");
        json_decref(rows);
        return EXIT_OK;
}
