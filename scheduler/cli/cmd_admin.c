/* SPDX-License-Identifier: Apache-2.0 */
/* The audit chain, and the settings of the server. */
#include "commands.h"

#include "simple.h"
#include "text.h"
#include "common/num.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>

/* ---- the audit chain -------------------------------------------------------------------------------------
 */

#define AUDIT_SHOWN 50

static const struct column audit_columns[] = {
    {.title = "ROW", .path = "seq", .kind = CELL_NUMBER},
    {.title = "AT", .path = "at", .kind = CELL_TIME},
    {.title = "WHO", .path = "actor"},
    {.title = "DID", .path = "action"},
    {.title = "TO", .path = "object", .flags = SHEET_CUT},
    {.title = "WHAT", .path = "detail", .flags = SHEET_CUT},
    {.title = "PROJECT", .path = "project", .flags = SHEET_WIDE},
    {.title = "SITE", .path = "site", .flags = SHEET_WIDE},
    {.title = "HASH", .path = "hash", .flags = SHEET_WIDE},
    {0},
};

/* Filters as parameters, escaped. */
static void add_filters(const struct args *a, struct buf *path)
{
        static const char *const names[] = {"actor", "action", "project", "site", "since", "until"};
        const char *mark = "?";

        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                const char *value = args_get(a, names[i]);

                if (!value)
                        continue;
                buf_printf(path, "%s%s=", mark, names[i]);
                text_add_uri(path, value, false);
                mark = "&";
        }
}

int cmd_audit_list(struct cli *c, const struct args *a)
{
        const char *limit = args_get(a, "limit");
        int64_t n = AUDIT_SHOWN;
        struct buf path;
        struct err err;
        json_t *rows;
        bool more = false;

        if (limit && num_int("--limit", limit, 1, SIMPLE_LIST_MAX, &n, &err) < 0)
                return cli_fail(c, &err);
        if (!cli_client(c))
                return EXIT_FAILED;
        buf_init(&path, 8192);
        buf_text(&path, "/v1/audit");
        add_filters(a, &path);
        rows = client_list(c->client, buf_cstr(&path), n, &more, &err);
        buf_release(&path);
        if (!rows)
                return cli_fail(c, &err);
        sheet_print(c, audit_columns, rows, "seq");
        if (more && c->format <= FORMAT_WIDE)
                cli_say(c, "there are older rows: --limit, --until");
        json_decref(rows);
        return EXIT_OK;
}

/* Said at the end of a chain that holds: what to keep elsewhere, so that nobody can make all of it anew. */
static int chain_holds(struct cli *c, int64_t rows, int64_t last, const char *hash)
{
        if (cli_wants_json(c)) {
                json_t *all = json_pack("{s:I, s:I, s:n, s:s}", "rows", (json_int_t)rows, "to",
                                        (json_int_t)last, "broken", "hash", hash);

                cli_json(c, all);
                json_decref(all);
        } else {
                printf("%lld %.64s\n", (long long)last, hash);
                cli_say(c,
                        "the chain holds: %lld rows up to row %lld; keep row and hash elsewhere, and compare "
                        "them the next time",
                        (long long)rows, (long long)last);
        }
        return EXIT_OK;
}

int cmd_audit_verify(struct cli *c, const struct args *a)
{
        const char *word = args_get(a, "from");
        int64_t from = 1, rows = 0, last = 0;
        char hash[65] = "";
        struct err err;

        if (word && num_int("--from", word, 1, INT64_MAX, &from, &err) < 0)
                return cli_fail(c, &err);
        if (!cli_client(c))
                return EXIT_FAILED;
        while (from) {
                json_t *part = client_get(c->client, &err, "/v1/audit/check?from=%lld", (long long)from);
                int64_t broken, to;

                if (!part)
                        return cli_fail(c, &err);
                broken = json_int_at(part, "broken");
                to = json_int_at(part, "to");
                if (to >= from) {
                        rows += to - from + 1;
                        last = to;
                        snprintf(hash, sizeof hash, "%s", json_text_at(part, "hash"));
                }
                from = json_int_at(part, "next");
                json_decref(part);
                if (broken) {
                        err_set(&err, ERR_CONFLICT,
                                "row %lld does not follow from the one before: it, or what was before it, "
                                "was changed",
                                (long long)broken);
                        return cli_fail(c, &err);
                }
                cli_progress(c, "%lld rows hold", (long long)rows);
        }
        cli_progress_end(c);
        return chain_holds(c, rows, last, hash);
}

/* ---- settings of the server ------------------------------------------------------------------------------
 */

static void value_cell(const json_t *row, struct buf *out)
{
        if (json_is_true(json_object_get(row, "secret")))
                buf_text(out, "(secret)");
        else
                text_add_line(out, json_text_at(row, "value"));
}

static void from_cell(const json_t *row, struct buf *out)
{
        const char *where = json_text_at(row, "where");

        text_add_line(out, *where ? where : json_text_at(row, "source"));
}

static const struct column config_columns[] = {
    {.title = "SETTING", .path = "name"},
    {.title = "VALUE", .path = "value", .cell = value_cell, .flags = SHEET_CUT},
    {.title = "FROM", .path = "source", .cell = from_cell, .flags = SHEET_CUT},
    {.title = "DEFAULT", .path = "default", .flags = SHEET_WIDE},
    {.title = "MEANING", .path = "help", .flags = SHEET_WIDE | SHEET_CUT},
    {0},
};

int cmd_admin_config(struct cli *c, const struct args *a)
{
        bool all = args_has(a, "all") || c->format > FORMAT_WIDE;
        struct err err;
        json_t *rows, *row, *shown;
        size_t i;

        if (!cli_client(c))
                return EXIT_FAILED;
        rows = client_items(c->client, "/v1/config", &err);
        if (!rows)
                return cli_fail(c, &err);
        shown = json_array();
        json_array_foreach(rows, i, row) if (all || strcmp(json_text_at(row, "source"), "default") != 0)
            json_array_append(shown, row);
        sheet_print(c, config_columns, shown, "name");
        if (!all)
                cli_say(c, "the other %zu are as by default: --all",
                        json_array_size(rows) - json_array_size(shown));
        json_decref(shown);
        json_decref(rows);
        return EXIT_OK;
}
