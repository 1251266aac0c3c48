/* SPDX-License-Identifier: Apache-2.0 */
/* What this program goes by, and where each value comes from. */
#include "commands.h"

#include "profile.h"
#include "sheet.h"
#include "common/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct column setting_columns[] = {
    {.title = "SETTING", .path = "name"},
    {.title = "VALUE", .path = "value", .flags = SHEET_CUT},
    {.title = "FROM", .path = "from"},
    {0},
};

/* A token is never shown; its first letters tell which it is. */
static json_t *masked(const char *token)
{
        return token ? json_sprintf("%.10s...", token) : json_null();
}

static void add_row(json_t *rows, const char *name, json_t *value, const char *from)
{
        json_array_append_new(rows, json_pack("{s:s, s:o, s:s}", "name", name, "value", value, "from", from));
}

static const char *source_words(enum profile_source s, const char *variable, const char *option)
{
        static const char *const words[] = {
            [PROFILE_NONE] = "not set", [PROFILE_DEFAULT] = "default", [PROFILE_FILE] = "file"};

        return s == PROFILE_OPTION ? option : s == PROFILE_ENVIRONMENT ? variable : words[s];
}

static json_t *settings(const struct cli *c, const struct profile *p)
{
        const char *format = getenv("REEVE_FORMAT"), *no_colour = getenv("NO_COLOR");
        AUTO_FREE char *path = profile_path();
        json_t *rows = json_array();

        add_row(rows, "url", json_string(c->url ? c->url : p->url),
                source_words(c->url ? PROFILE_OPTION : p->url_from, "REEVE_URL", "--url"));
        add_row(
            rows, "token", masked(p->token),
            source_words(p->token_from,
                         getenv("REEVE_TOKEN") && *getenv("REEVE_TOKEN") ? "REEVE_TOKEN" : "REEVE_TOKEN_FILE",
                         ""));
        add_row(rows, "format",
                json_string(format && *format ? format
                            : p->format       ? p->format
                                              : "table"),
                format && *format ? "REEVE_FORMAT"
                : p->format       ? "file"
                                  : "default");
        add_row(rows, "color", json_string(no_colour && *no_colour ? "never" : "on a terminal"),
                no_colour && *no_colour ? "NO_COLOR" : "default");
        add_row(rows, "file", path ? json_string(path) : json_null(),
                path && p->file_exists ? "exists" : "not there");
        return rows;
}

static const json_t *setting(const json_t *rows, const char *name)
{
        json_t *row;
        size_t i;

        json_array_foreach((json_t *)rows, i, row)
        {
                if (strcmp(json_text_at(row, "name"), name) == 0)
                        return row;
        }
        return NULL;
}

static int load(struct cli *c, struct profile *p)
{
        struct err err;

        return profile_load(p, &err) < 0 ? cli_fail(c, &err) : EXIT_OK;
}

int cmd_config_show(struct cli *c, const struct args *a)
{
        struct profile p;
        json_t *rows;
        int r = load(c, &p);

        (void)a;
        if (r)
                return r;
        rows = settings(c, &p);
        sheet_print(c, setting_columns, rows, "name");
        json_decref(rows);
        profile_release(&p);
        return EXIT_OK;
}

int cmd_config_get(struct cli *c, const struct args *a)
{
        const json_t *row;
        struct profile p;
        json_t *rows;
        int r = load(c, &p);

        if (r)
                return r;
        rows = settings(c, &p);
        row = setting(rows, a->words[0]);
        if (!row)
                r = cli_usage(c, "no setting \"%s\"; `reeve config show` lists them", a->words[0]);
        else if (cli_wants_json(c))
                cli_json(c, row);
        else
                puts(json_text_at(row, "value"));
        json_decref(rows);
        profile_release(&p);
        return r;
}

/* Only what the file holds is changed: what stands in the environment stays there. */
int cmd_config_set(struct cli *c, const struct args *a)
{
        const char *name = a->words[0], *value = a->words[1];
        AUTO_FREE char *path = NULL;
        struct profile p;
        struct err err;
        int r = -1;

        if (strcmp(name, "token") == 0)
                return cli_usage(c, "a token is tried before it is kept: reeve login");
        if (strcmp(name, "url") != 0 && strcmp(name, "format") != 0)
                return cli_usage(c, "\"%s\" is none of url, format", name);
        if (strcmp(name, "format") == 0 && !cli_format_is_known(value))
                return cli_usage(c, "format: \"%s\" is none of table, wide, json, jsonl, csv, id", value);
        if (profile_load_file(&p, &err) < 0)
                return cli_fail(c, &err);
        if (strcmp(name, "format") == 0) {
                free(p.format);
                p.format = xstrdup(value);
        } else if (client_check_url(value, &err) < 0) {
                profile_release(&p);
                return cli_fail(c, &err);
        } else {
                /* The token belongs to the server it was stored with. */
                if (p.token && p.url && strcmp(p.url, value) != 0) {
                        cli_say(c, "the token of %s is forgotten; sign in at the new server: reeve login",
                                p.url);
                        free(p.token);
                        p.token = NULL;
                }
                free(p.url);
                p.url = xstrdup(value);
        }
        r = profile_save(&p, &path, &err);
        profile_release(&p);
        if (r < 0)
                return cli_fail(c, &err);
        cli_say(c, "%s is %s now, in %s", name, value, path);
        return EXIT_OK;
}
