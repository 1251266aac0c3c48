/* SPDX-License-Identifier: Apache-2.0 */
/* Templates: jobs with parameters that are kept at the server. */
#include "commands.h"

#include "doc.h"
#include "sheet.h"
#include "text.h"
#include "common/num.h"
#include "common/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (2 << 20)

static const struct column template_columns[] = {
    {.title = "NAME", .path = "name"},
    {.title = "PROJECT", .path = "project", .flags = SHEET_HIDE_EMPTY},
    {.title = "BY", .path = "by"},
    {.title = "VERSION", .path = "version", .kind = CELL_NUMBER, .flags = SHEET_WIDE},
    {.title = "CHANGED", .path = "changed_at", .kind = CELL_AGO},
    {.title = "PARAMETERS", .path = "parameters", .kind = CELL_LIST, .flags = SHEET_CUT},
    {.title = "WHAT IT IS FOR", .path = "description", .flags = SHEET_CUT | SHEET_HIDE_EMPTY},
    {0},
};

static const struct column template_facts[] = {
    {.title = "name", .path = "name"},
    {.title = "project", .path = "project"},
    {.title = "by", .path = "by"},
    {.title = "version", .path = "version", .kind = CELL_NUMBER},
    {.title = "changed", .path = "changed_at", .kind = CELL_AGO},
    {.title = "what it is for", .path = "description"},
    {0},
};

static void default_cell(const json_t *p, struct buf *out)
{
        const json_t *v = json_at(p, "default");
        AUTO_FREE char *text = v ? json_dumps(v, JSON_ENCODE_ANY) : NULL;
        AUTO_FREE char *line = text_line(v && json_is_string(v) ? json_string_value(v) : text ? text : "");

        buf_text(out, v ? line : "(needed)");
}

static const struct column parameter_columns[] = {
    {.title = "PARAMETER", .path = "name"},
    {.title = "KIND", .path = "kind"},
    {.title = "DEFAULT", .cell = default_cell, .flags = SHEET_CUT},
    {.title = "CHOICES", .path = "choices", .kind = CELL_LIST, .flags = SHEET_HIDE_EMPTY | SHEET_CUT},
    {.title = "LABEL", .path = "label", .flags = SHEET_HIDE_EMPTY},
    {.title = "HELP", .path = "help", .flags = SHEET_HIDE_EMPTY | SHEET_CUT},
    {0},
};

/* ---- finding one -----------------------------------------------------------------------------------------
 */

/* Of several of one name: one's own, else it has to be said whose. */
static json_t *choose(json_t *items, const char *name, struct err *err)
{
        size_t i;
        json_t *t;

        if (json_array_size(items) == 1)
                return json_array_get(items, 0);
        json_array_foreach(items, i, t)
        {
                if (!json_at(t, "project"))
                        return t;
        }
        if (!json_array_size(items))
                err_set(err, ERR_NOT_FOUND, "there is no template \"%s\"; see: reeve template list", name);
        else
                err_set(
                    err, ERR_BAD_INPUT,
                    "several projects have a template \"%s\"; say which, as PROJECT/%s: reeve template list",
                    name, name);
        return NULL;
}

/* "align" or "project/align": its row of the list, owned; NULL when there is none (ERR_NOT_FOUND). */
static json_t *find(struct cli *c, const char *word, struct err *err)
{
        AUTO_FREE char *text = xstrdup(word);
        char *slash = strchr(text, '/'), *name = slash ? slash + 1 : text;
        json_t *list, *t;

        if (slash)
                *slash = 0;
        if ((slash && name_check("project", text, err) < 0) || name_check("template", name, err) < 0)
                return NULL;
        list = client_get(c->client, err, "/v1/templates?name=%s%s%s", name, slash ? "&project=" : "",
                          slash ? text : "");
        if (!list)
                return NULL;
        t = json_incref(choose(json_object_get(list, "items"), name, err));
        json_decref(list);
        return t;
}

/* The same, whole. */
static json_t *load(struct cli *c, const char *word, struct err *err)
{
        json_t *row = find(c, word, err), *t;

        t = row ? client_get(c->client, err, "/v1/templates/%lld", (long long)json_int_at(row, "id")) : NULL;
        json_decref(row);
        return t;
}

/* ---- list and show ---------------------------------------------------------------------------------------
 */

int cmd_template_list(struct cli *c, const struct args *a)
{
        const char *project = args_get(a, "project");
        AUTO_FREE char *path =
            xasprintf("/v1/templates%s%s", project ? "?project=" : "", project ? project : "");
        struct err err;
        json_t *rows;

        if (!cli_client(c))
                return EXIT_FAILED;
        if (project && name_check("--project", project, &err) < 0)
                return cli_fail(c, &err);
        rows = client_items(c->client, path, &err);
        if (!rows)
                return cli_fail(c, &err);
        sheet_print(c, template_columns, rows, "name");
        if (!json_array_size(rows) && c->format <= FORMAT_WIDE)
                cli_say(c, "no template yet; to keep one: reeve template save -f FILE");
        json_decref(rows);
        return EXIT_OK;
}

/* The job's script as it is, any other job as JSON. */
static void print_job(const json_t *job)
{
        const char *script = json_text_at(job, "script");
        AUTO_FREE char *text = json_dumps(job, JSON_INDENT(2));
        AUTO_FREE char *lines = xstrdup(*script ? script : text ? text : "");

        for (char *p = lines, *end; p && *p; p = end) {
                AUTO_FREE char *line = NULL;

                end = strchr(p, '\n');
                if (end)
                        *end++ = 0;
                line = text_line(p);
                printf("  %s\n", line);
        }
}

int cmd_template_show(struct cli *c, const struct args *a)
{
        struct err err;
        json_t *t;

        if (!cli_client(c))
                return EXIT_FAILED;
        t = load(c, a->words[0], &err);
        if (!t)
                return cli_fail(c, &err);
        if (cli_wants_json(c)) {
                cli_json(c, t);
        } else {
                AUTO_FREE char *table = sheet_table(c, parameter_columns, json_object_get(t, "parameters"));

                sheet_facts(c, template_facts, t);
                if (json_array_size(json_object_get(t, "parameters")))
                        printf("\n%s", table);
                printf("\n");
                print_job(json_object_get(t, "job"));
        }
        json_decref(t);
        return EXIT_OK;
}

/* ---- save and remove -------------------------------------------------------------------------------------
 */

static json_t *read_file(const char *path, struct err *err)
{
        AUTO_FREE char *text = NULL;
        json_t *doc;
        size_t n;

        if (doc_read_file(path, FILE_MAX, &text, &n, err) < 0 ||
            doc_parse(path, text, n, NULL, &doc, err) < 0)
                return NULL;
        if (json_is_object(doc))
                return doc;
        json_decref(doc);
        err_set(err, ERR_BAD_INPUT,
                "%s: a template has the members name, description, project, parameters and job", path);
        return NULL;
}

/* One of that name in the same place that is to be replaced: its number; 0 none, -1. */
static int64_t find_old(struct cli *c, const json_t *doc, struct err *err)
{
        const char *project = json_text_at(doc, "project"), *name = json_text_at(doc, "name");
        int64_t id = 0;
        json_t *list, *t;
        size_t i;

        if (name_check("name", name, err) < 0 || (*project && name_check("project", project, err) < 0))
                return -1;
        list = client_get(c->client, err, "/v1/templates?name=%s", name);
        if (!list)
                return -1;
        json_array_foreach(json_object_get(list, "items"), i, t)
        {
                if (strcmp(json_text_at(t, "project"), project) == 0)
                        id = json_int_at(t, "id");
        }
        json_decref(list);
        return id;
}

int cmd_template_save(struct cli *c, const struct args *a)
{
        const char *file = args_get(a, "file"), *dry = args_has(a, "dry-run") ? "?dry_run=true" : "";
        struct err err;
        json_t *doc, *saved = NULL;
        int64_t old = 0;

        if (!file)
                return cli_usage(c, "template save needs a file: -f FILE");
        if (!cli_client(c))
                return EXIT_FAILED;
        doc = read_file(file, &err);
        if (doc && args_has(a, "replace"))
                old = find_old(c, doc, &err);
        if (doc && old > 0)
                saved = client_send(c->client, "PUT", doc, &err, "/v1/templates/%lld%s", (long long)old, dry);
        else if (doc && old == 0)
                saved = client_send(c->client, "POST", doc, &err, "/v1/templates%s", dry);
        json_decref(doc);
        if (!saved)
                return cli_fail(c, &err);
        if (cli_wants_json(c))
                cli_json(c, saved);
        else
                cli_say(c, *dry ? "it would be kept: %s" : "kept: %s, version %lld",
                        json_text_at(saved, "name"), (long long)json_int_at(saved, "version"));
        json_decref(saved);
        return EXIT_OK;
}

int cmd_template_remove(struct cli *c, const struct args *a)
{
        AUTO_FREE char *question = xasprintf("remove the template %s?", a->words[0]);
        json_t *t, *reply = NULL;
        struct err err;

        if (!cli_client(c))
                return EXIT_FAILED;
        t = find(c, a->words[0], &err);
        if (!t)
                return cli_fail(c, &err);
        if (!cli_confirm(c, question)) {
                json_decref(t);
                return EXIT_FAILED;
        }
        reply = client_send(c->client, "DELETE", NULL, &err, "/v1/templates/%lld",
                            (long long)json_int_at(t, "id"));
        json_decref(t);
        if (!reply)
                return cli_fail(c, &err);
        json_decref(reply);
        cli_say(c, "removed: %s", a->words[0]);
        return EXIT_OK;
}

/* ---- run -------------------------------------------------------------------------------------------------
 */

static const char *kind_of(const json_t *t, const char *name)
{
        json_t *p;
        size_t i;

        json_array_foreach(json_object_get(t, "parameters"), i, p)
        {
                if (strcmp(json_text_at(p, "name"), name) == 0)
                        return json_text_at(p, "kind");
        }
        return "";
}

/* As the kind wants it; what is none of that is sent as it stands, and the server says so. */
static json_t *value_of(const char *kind, const char *text)
{
        int64_t n;

        if (strcmp(kind, "integer") == 0 && num_int("value", text, INT64_MIN, INT64_MAX, &n, NULL) == 0)
                return json_integer((json_int_t)n);
        if (strcmp(kind, "switch") == 0 && (strcmp(text, "true") == 0 || strcmp(text, "yes") == 0))
                return json_true();
        if (strcmp(kind, "switch") == 0 && (strcmp(text, "false") == 0 || strcmp(text, "no") == 0))
                return json_false();
        return json_string(text);
}

static int read_values(const struct args *a, const json_t *t, json_t *values, struct err *err)
{
        const char *pair;

        for (size_t i = 0; (pair = args_nth(a, "set", i)); i++) {
                const char *equals = strchr(pair, '=');
                AUTO_FREE char *name = equals ? xstrndup(pair, (size_t)(equals - pair)) : NULL;
                json_t *v;

                if (!equals || equals == pair)
                        return err_set(err, ERR_BAD_INPUT, "--set: \"%s\" is not written NAME=VALUE", pair);
                v = value_of(kind_of(t, name), equals + 1);
                if (!v || json_object_set_new(values, name, v) < 0)
                        return err_set(err, ERR_BAD_INPUT, "--set: not UTF-8");
        }
        return 0;
}

/* The job that the template makes; owned. */
static json_t *fill(struct cli *c, const struct args *a, struct err *err)
{
        json_t *t = find(c, a->words[0], err), *body = json_pack("{s:{}}", "values"), *filled = NULL, *job;

        if (t && read_values(a, t, json_object_get(body, "values"), err) == 0)
                filled = client_send(c->client, "POST", body, err, "/v1/templates/%lld/fill",
                                     (long long)json_int_at(t, "id"));
        job = json_incref(json_object_get(filled, "job"));
        json_decref(filled);
        json_decref(body);
        json_decref(t);
        return job;
}

int cmd_template_run(struct cli *c, const struct args *a)
{
        const char *project = args_get(a, "project"), *name = args_get(a, "name");
        struct err err;
        json_t *job;
        int r;

        if (!cli_client(c))
                return EXIT_FAILED;
        job = fill(c, a, &err);
        if (!job)
                return cli_fail(c, &err);
        if (project)
                json_object_set_new(job, "project", json_string(project));
        if (name)
                json_object_set_new(job, "name", json_string(name));
        r = submit_spec(c, a, job);
        json_decref(job);
        return r;
}
