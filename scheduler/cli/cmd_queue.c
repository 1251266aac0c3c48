/* SPDX-License-Identifier: Apache-2.0 */
/* Who is served next. */
#include "commands.h"

#include "sheet.h"
#include "text.h"
#include "common/num.h"
#include "common/util.h"

#include <stdio.h>

#define QUEUE_LIMIT 20

static void project_cell(const json_t *row, struct buf *out)
{
        if (json_at(row, "project"))
                text_add_line(out, json_text_at(row, "project"));
        else
                buf_text(out, "(not yours)");
}

static void cpus_cell(const json_t *row, struct buf *out)
{
        buf_printf(out, "%lld", (long long)json_int_at(row, "used.cpus"));
        if (json_at(row, "max_cpus"))
                buf_printf(out, "/%lld", (long long)json_int_at(row, "max_cpus"));
}

static const struct column project_columns[] = {
    {.title = "PROJECT", .cell = project_cell},
    {.title = "SHARE", .path = "share", .kind = CELL_NUMBER},
    {.title = "SCORE", .path = "score", .kind = CELL_NUMBER},
    {.title = "WAITING", .path = "waiting", .kind = CELL_NUMBER},
    {.title = "RUNNING", .path = "running", .kind = CELL_NUMBER},
    {.title = "JOBS", .path = "jobs", .kind = CELL_NUMBER},
    {.title = "CPUS", .kind = CELL_NUMBER, .cell = cpus_cell},
    {0},
};

static void name_cell(const json_t *row, struct buf *out)
{
        text_add_line(out, json_text_at(row, "name"));
        if (json_int_at(row, "alike"))
                buf_printf(out, " and %lld alike", (long long)json_int_at(row, "alike"));
}

static const struct column item_columns[] = {
    {.title = "NEXT", .path = "position", .kind = CELL_NUMBER},
    {.title = "JOB", .path = "job", .kind = CELL_NUMBER},
    {.title = "NAME", .flags = SHEET_CUT | SHEET_FIRST_CUT, .cell = name_cell},
    {.title = "PROJECT", .path = "project"},
    {.title = "USER", .path = "user", .flags = SHEET_WIDE},
    {.title = "TASKS", .path = "tasks", .kind = CELL_NUMBER},
    {.title = "PRIORITY", .path = "priority", .kind = CELL_NUMBER},
    {.title = "WAITS", .path = "wait.since", .kind = CELL_AGO},
    {.title = "FOR", .path = "wait.sentence", .flags = SHEET_CUT},
    {0},
};

static void print_queue(struct cli *c, const json_t *doc)
{
        const json_t *items = json_at(doc, "items"), *projects = json_at(doc, "projects");

        if (!json_array_size(items) && !json_array_size(projects)) {
                cli_say(c, "nothing waits and nothing runs");
                return;
        }
        sheet_print(c, project_columns, projects, "project");
        if (!json_array_size(items)) {
                cli_say(c, "\nnothing of yours waits");
                return;
        }
        putchar('\n');
        fflush(stdout);
        sheet_print(c, item_columns, items, "job");
        if (json_is_true(json_at(doc, "more")) && c->out_is_tty)
                cli_say(c, "there are more; --limit N shows them");
        if (c->out_is_tty)
                cli_say(c, "\nwhy one waits, and what would help: reeve explain JOB");
}

int cmd_queue(struct cli *c, const struct args *a)
{
        const char *limit = args_get(a, "limit"), *project = args_get(a, "project");
        int64_t n = QUEUE_LIMIT;
        struct err err;
        json_t *doc;
        struct buf b;

        if (!cli_client(c))
                return EXIT_FAILED;
        if (limit && num_int("--limit", limit, 1, 1000, &n, &err) < 0)
                return cli_fail(c, &err);
        buf_init(&b, 65536);
        if (project) {
                buf_text(&b, "&project=");
                text_add_uri(&b, project, false);
        }
        doc = client_get(c->client, &err, "/v1/queue?limit=%lld%s", (long long)n, buf_cstr(&b));
        buf_release(&b);
        if (!doc)
                return cli_fail(c, &err);
        if (c->format == FORMAT_JSON)
                cli_json(c, doc);
        else if (c->format <= FORMAT_WIDE && !c->quiet)
                print_queue(c, doc);
        else
                sheet_print(c, item_columns, json_at(doc, "items"), "job");
        json_decref(doc);
        return EXIT_OK;
}
