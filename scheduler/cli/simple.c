/* SPDX-License-Identifier: Apache-2.0 */
#include "simple.h"

#include "common/num.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>

int simple_list(struct cli *c, const char *path, bool paged, const struct column *cols, const char *id)
{
        struct err err;
        json_t *rows;
        bool more;

        if (!cli_client(c))
                return EXIT_FAILED;
        rows = paged ? client_list(c->client, path, SIMPLE_LIST_MAX, &more, &err)
                     : client_items(c->client, path, &err);
        if (!rows)
                return cli_fail(c, &err);
        sheet_print(c, cols, rows, id);
        json_decref(rows);
        return EXIT_OK;
}

int simple_show(struct cli *c, const char *path, const struct column *facts, const char *list,
                const struct column *cols, const char *id)
{
        struct err err;
        json_t *doc = cli_client(c) ? client_get(c->client, &err, "%s", path) : NULL;

        if (!c->client)
                return EXIT_FAILED;
        if (!doc)
                return cli_fail(c, &err);
        if (cli_wants_json(c))
                cli_json(c, doc);
        else if (!list || c->format <= FORMAT_WIDE)
                sheet_facts(c, facts, doc);
        if (list && !cli_wants_json(c)) {
                if (c->format <= FORMAT_WIDE)
                        putchar('\n');
                sheet_print(c, cols, json_object_get(doc, list), id);
        }
        json_decref(doc);
        return EXIT_OK;
}

int simple_change(struct cli *c, const char *method, const char *path, json_t *body, const char *done)
{
        struct err err;
        json_t *reply = cli_client(c) ? client_send(c->client, method, body, &err, "%s", path) : NULL;

        json_decref(body);
        if (!c->client)
                return EXIT_FAILED;
        if (!reply)
                return cli_fail(c, &err);
        if (cli_wants_json(c))
                cli_json(c, reply);
        else
                cli_say(c, "%s", done);
        json_decref(reply);
        return EXIT_OK;
}

/* Where the server does not know by what name it is reached, it leaves that out. */
static void print_secret(const struct cli *c, const char *text)
{
        const char *url = client_url(c->client);

        printf("%s%s\n", *text == '/' && strncmp(url, "unix:", 5) != 0 ? url : "", text);
}

int simple_make(struct cli *c, const char *path, json_t *body, const char *secret, const char *note)
{
        static const struct column until = {.path = "expires_at", .kind = CELL_TIME};
        struct err err;
        json_t *reply = cli_client(c) ? client_send(c->client, "POST", body, &err, "%s", path) : NULL;
        struct buf b;

        json_decref(body);
        if (!c->client)
                return EXIT_FAILED;
        if (!reply)
                return cli_fail(c, &err);
        if (cli_wants_json(c))
                cli_json(c, reply);
        else
                print_secret(c, json_text_at(reply, secret));
        buf_init(&b, 256);
        cell_add(&until, reply, &b);
        cli_say(c, json_at(reply, "expires_at") ? "%s, until %s" : "%s", note, buf_cstr(&b));
        buf_release(&b);
        json_decref(reply);
        return EXIT_OK;
}

char *simple_numbered(struct cli *c, const char *path, const char *what, const char *word, int *ret_code)
{
        struct err err;
        int64_t id;

        if (num_int(what, word, 1, INT64_MAX, &id, &err) == 0)
                return xasprintf("%s/%lld", path, (long long)id);
        *ret_code = cli_fail(c, &err);
        return NULL;
}

int simple_moment(const char *option, const char *word, char ret[32], struct err *err)
{
        int64_t ms;

        if (num_duration(option, word, &ms, NULL) == 0)
                ms += clock_wall_ms();
        else if (num_time(option, word, &ms, err) < 0)
                return -1;
        num_format_time(ms, ret);
        return 0;
}

int simple_limit(const struct args *a, const char *option, const char *member, json_t *body, struct err *err)
{
        const char *value = args_get(a, option);
        int64_t v;

        if (!value)
                return 0;
        if (strcmp(value, "none") == 0)
                return json_object_set_new(body, member, json_null());
        if (num_int(option, value, 1, 1000000000, &v, err) < 0)
                return -1;
        return json_object_set_new(body, member, json_integer(v));
}
