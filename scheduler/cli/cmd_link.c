/* SPDX-License-Identifier: Apache-2.0 */
/* Links between sites: one of them, and what admins and its ends say of it. */
#include "commands.h"

#include "sheet.h"
#include "common/num.h"
#include "common/util.h"

#include <string.h>

static const struct column link_facts[] = {
    {.title = "from", .path = "from"},
    {.title = "to", .path = "to"},
    {.title = "rate (bytes/s)", .path = "rate"},
    {.title = "latency", .path = "latency", .kind = CELL_SECONDS},
    {.title = "learned", .path = "learned_at", .kind = CELL_AGO},
    {.title = "budget (bytes/s)", .path = "budget"},
    {.title = "at once", .path = "max_active"},
    {.title = "source says (bytes/s)", .path = "from_budget"},
    {.title = "source: at once", .path = "from_max_active"},
    {.title = "destination says (bytes/s)", .path = "to_budget"},
    {.title = "destination: at once", .path = "to_max_active"},
    {.title = "direct", .path = "direct", .kind = CELL_YES},
    {.title = "transfers", .path = "transfers", .kind = CELL_NUMBER},
    {.title = "moved", .path = "bytes", .kind = CELL_SIZE},
    {.title = "moving now", .path = "active", .kind = CELL_NUMBER},
    {.title = "still to move", .path = "promised", .kind = CELL_SIZE},
    {0},
};

static int check_ends(const struct args *a, struct err *err)
{
        return name_check("site", a->words[0], err) < 0 || name_check("site", a->words[1], err) < 0 ? -1 : 0;
}

static void show(struct cli *c, json_t *link)
{
        if (cli_wants_json(c))
                cli_json(c, link);
        else
                sheet_facts(c, link_facts, link);
        json_decref(link);
}

int cmd_link_show(struct cli *c, const struct args *a)
{
        struct err err;
        json_t *link;

        if (!cli_client(c))
                return EXIT_FAILED;
        link = check_ends(a, &err) == 0
                   ? client_get(c->client, &err, "/v1/links/%s/%s", a->words[0], a->words[1])
                   : NULL;
        if (!link)
                return cli_fail(c, &err);
        show(c, link);
        return EXIT_OK;
}

/* "none", or a number: bytes for `bytes`. */
static int put_limit(json_t *body, const struct args *a, const char *option, const char *member, bool bytes,
                     struct err *err)
{
        const char *text = args_get(a, option);
        int64_t v;

        if (!text)
                return 0;
        if (strcmp(text, "none") == 0)
                return json_object_set_new(body, member, json_null());
        if ((bytes ? num_size(option, text, &v, err) : num_int(option, text, 1, 64, &v, err)) < 0)
                return -1;
        return json_object_set_new(body, member, json_integer((json_int_t)v));
}

static int put_yes(json_t *body, const struct args *a, const char *option, struct err *err)
{
        const char *text = args_get(a, option);

        if (!text)
                return 0;
        if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
                return err_set(err, ERR_BAD_INPUT, "--%s: \"%s\" is neither yes nor no", option, text);
        return json_object_set_new(body, option, json_boolean(text[0] == 'y'));
}

int cmd_link_set(struct cli *c, const struct args *a)
{
        json_t *body, *link = NULL;
        struct err err;
        int rc;

        if (!cli_client(c))
                return EXIT_FAILED;
        body = json_object();
        rc = check_ends(a, &err) < 0 || put_limit(body, a, "budget", "budget", true, &err) < 0 ||
                     put_limit(body, a, "at-once", "max_active", false, &err) < 0 ||
                     put_limit(body, a, "from-budget", "from_budget", true, &err) < 0 ||
                     put_limit(body, a, "from-at-once", "from_max_active", false, &err) < 0 ||
                     put_limit(body, a, "to-budget", "to_budget", true, &err) < 0 ||
                     put_limit(body, a, "to-at-once", "to_max_active", false, &err) < 0 ||
                     put_yes(body, a, "direct", &err) < 0
                 ? -1
                 : 0;
        if (rc == 0 && !json_object_size(body)) {
                json_decref(body);
                return cli_usage(c, "say what to change, as --budget or --direct");
        }
        if (rc == 0)
                link = client_send(c->client, "PATCH", body, &err, "/v1/links/%s/%s%s", a->words[0],
                                   a->words[1], args_has(a, "dry-run") ? "?dry_run=true" : "");
        json_decref(body);
        if (!link)
                return cli_fail(c, &err);
        show(c, link);
        return EXIT_OK;
}
