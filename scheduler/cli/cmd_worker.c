/* SPDX-License-Identifier: Apache-2.0 */
/* Workers: what runs on the hosts of the sites. */
#include "commands.h"

#include "sheet.h"
#include "text.h"
#include "common/num.h"
#include "common/util.h"

#include <stdio.h>

static void cpus_cell(const json_t *w, struct buf *out)
{
        buf_printf(
            out, "%lld/%lld", (long long)json_int_at(w, "used.cpus"),
            (long long)(json_at(w, "offer.cpus") ? json_int_at(w, "offer.cpus") : json_int_at(w, "cpus")));
}

static void note_cell(const json_t *w, struct buf *out)
{
        if (*json_text_at(w, "intent_why"))
                text_add_line(out, json_text_at(w, "intent_why"));
        else
                text_add_line(out, json_text_at(w, "link_text"));
}

static const struct column worker_columns[] = {
    {.title = "WORKER", .path = "id", .kind = CELL_NUMBER},
    {.title = "SITE", .path = "site"},
    {.title = "HOST", .path = "host", .flags = SHEET_CUT},
    {.title = "USER", .path = "user"},
    {.title = "LINK", .path = "link", .kind = CELL_STATE},
    {.title = "INTENT", .path = "intent", .kind = CELL_STATE},
    {.title = "CPUS", .kind = CELL_NUMBER, .cell = cpus_cell},
    {.title = "TASKS", .path = "used.tasks", .kind = CELL_NUMBER},
    {.title = "MEMORY", .path = "memory", .kind = CELL_SIZE, .flags = SHEET_WIDE},
    {.title = "LOAD", .path = "load", .kind = CELL_NUMBER, .flags = SHEET_WIDE},
    {.title = "DISK FREE", .path = "disk_free", .kind = CELL_SIZE, .flags = SHEET_WIDE},
    {.title = "SKEW MS", .path = "clock_skew_ms", .kind = CELL_NUMBER, .flags = SHEET_WIDE},
    {.title = "SEEN", .path = "seen_at", .kind = CELL_AGO},
    {.title = "NOTE", .flags = SHEET_CUT | SHEET_HIDE_EMPTY, .cell = note_cell},
    {0},
};

static const struct column worker_facts[] = {
    {.title = "worker", .path = "id"},
    {.title = "site", .path = "site"},
    {.title = "host", .path = "host"},
    {.title = "host name", .path = "hostname"},
    {.title = "account", .path = "user"},
    {.title = "link", .path = "link", .kind = CELL_STATE},
    {.title = "because", .path = "link_text"},
    {.title = "since", .path = "since", .kind = CELL_TIME},
    {.title = "intent", .path = "intent", .kind = CELL_STATE},
    {.title = "asked by", .path = "intent_by"},
    {.title = "why", .path = "intent_why"},
    {.title = "processors", .path = "cpus"},
    {.title = "memory", .path = "memory", .kind = CELL_SIZE},
    {.title = "memory free", .path = "memory_available", .kind = CELL_SIZE},
    {.title = "GPUs", .path = "gpus"},
    {.title = "offers", .path = "offer", .kind = CELL_COUNTS},
    {.title = "in use", .path = "used", .kind = CELL_COUNTS},
    {.title = "load", .path = "load"},
    {.title = "disk free", .path = "disk_free", .kind = CELL_SIZE},
    {.title = "disk", .path = "disk_total", .kind = CELL_SIZE},
    {.title = "clock off by ms", .path = "clock_skew_ms"},
    {.title = "last heard", .path = "seen_at", .kind = CELL_TIME},
    {0},
};

int cmd_worker_list(struct cli *c, const struct args *a)
{
        const char *site = args_get(a, "site");
        AUTO_FREE char *path = xasprintf("/v1/workers%s%s", site ? "?site=" : "", site ? site : "");
        struct err err;
        json_t *rows;

        if (!cli_client(c))
                return EXIT_FAILED;
        if (site && name_check("--site", site, &err) < 0)
                return cli_fail(c, &err);
        rows = client_items(c->client, path, &err);
        if (!rows)
                return cli_fail(c, &err);
        sheet_print(c, worker_columns, rows, "id");
        if (!json_array_size(rows) && c->format <= FORMAT_WIDE)
                cli_say(c, "no workers; a site brings them: reeve site add NAME user@host");
        json_decref(rows);
        return EXIT_OK;
}

static int worker_number(const struct args *a, int64_t *ret, struct err *err)
{
        return num_int("worker", a->words[0], 1, INT32_MAX, ret, err);
}

static void show(struct cli *c, const json_t *worker)
{
        json_t *rows;

        if (c->format == FORMAT_TABLE && !c->quiet) {
                sheet_facts(c, worker_facts, worker);
                return;
        }
        if (c->format == FORMAT_JSON) {
                cli_json(c, worker);
                return;
        }
        rows = json_pack("[O]", worker);
        sheet_print(c, worker_columns, rows, "id");
        json_decref(rows);
}

int cmd_worker_show(struct cli *c, const struct args *a)
{
        struct err err;
        json_t *worker;
        int64_t id;

        if (!cli_client(c))
                return EXIT_FAILED;
        if (worker_number(a, &id, &err) < 0)
                return cli_fail(c, &err);
        worker = client_get(c->client, &err, "/v1/workers/%lld", (long long)id);
        if (!worker)
                return cli_fail(c, &err);
        show(c, worker);
        json_decref(worker);
        return EXIT_OK;
}

static int ask(struct cli *c, const struct args *a, const char *verb, const char *done)
{
        json_t *body, *worker;
        struct err err;
        int64_t id;

        if (!cli_client(c))
                return EXIT_FAILED;
        if (worker_number(a, &id, &err) < 0)
                return cli_fail(c, &err);
        body = json_pack("{s:s*}", "why", args_get(a, "why"));
        worker = client_send(c->client, "POST", body, &err, "/v1/workers/%lld/%s", (long long)id, verb);
        json_decref(body);
        if (!worker)
                return cli_fail(c, &err);
        if (cli_wants_json(c))
                cli_json(c, worker);
        else
                cli_say(c, "worker %lld: %s", (long long)id, done);
        json_decref(worker);
        return EXIT_OK;
}

int cmd_worker_drain(struct cli *c, const struct args *a)
{
        return ask(c, a, "drain", "draining; what runs goes on");
}

int cmd_worker_resume(struct cli *c, const struct args *a)
{
        return ask(c, a, "resume", "takes work again");
}
