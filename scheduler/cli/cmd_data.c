/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include "follow.h"
#include "sheet.h"
#include "text.h"
#include "common/num.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>

#define FILES_LIMIT 50
#define LIST_MAX    100000

static const struct column data_columns[] = {
    {.title = "DATASET", .path = "name"},
    {.title = "FILES", .path = "files", .kind = CELL_NUMBER},
    {.title = "BYTES", .path = "bytes", .kind = CELL_SIZE},
    {.title = "SITES", .path = "sites", .kind = CELL_LIST, .flags = SHEET_CUT},
    {.title = "PROJECT", .path = "project", .flags = SHEET_WIDE},
    {.title = "JOB", .path = "job", .kind = CELL_NUMBER, .flags = SHEET_HIDE_EMPTY},
    {.title = "MADE BY", .path = "made_by", .flags = SHEET_WIDE},
    {.title = "AGE", .path = "made_at", .kind = CELL_AGO},
    {0},
};

int cmd_data_list(struct cli *c, const struct args *a)
{
        static const char *const filters[] = {"name",   "project",  "site", "state",
                                              "policy", "expiring", "user"};
        const char *limit = args_get(a, "limit");
        AUTO_FREE char *path = NULL;
        int64_t most = LIST_MAX;
        struct err err;
        struct buf b;
        json_t *sets;
        bool more;

        if (!cli_client(c))
                return EXIT_FAILED;
        if (limit && num_int("--limit", limit, 1, LIST_MAX, &most, &err) < 0)
                return cli_fail(c, &err);
        buf_init(&b, 65536);
        for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
                if (!args_get(a, filters[i]))
                        continue;
                buf_printf(&b, "%c%s=", buf_len(&b) ? '&' : '?', filters[i]);
                text_add_uri(&b, args_get(a, filters[i]), false);
        }
        path = xasprintf("/v1/datasets%s", buf_cstr(&b));
        buf_release(&b);
        sets = client_list(cli_client(c), path, most, &more, &err);
        if (!sets)
                return cli_fail(c, &err);
        sheet_print(c, data_columns, sets, "name");
        if (!json_array_size(sets) && c->format <= FORMAT_WIDE)
                cli_say(c, "no datasets; send files with: reeve data put NAME PATH; or register some: reeve "
                           "data add NAME SITE:/path");
        json_decref(sets);
        return EXIT_OK;
}

static const struct column data_facts[] = {
    {.title = "dataset", .path = "name"},
    {.title = "project", .path = "project"},
    {.title = "files", .path = "files"},
    {.title = "bytes", .path = "bytes", .kind = CELL_SIZE},
    {.title = "job", .path = "job"},
    {.title = "made by", .path = "made_by"},
    {.title = "made at", .path = "made_at", .kind = CELL_TIME},
    {.title = "made from", .path = "lineage.inputs", .kind = CELL_LIST},
    {.title = "state", .path = "state"},
    {.title = "coming in", .path = "arrival.state"},
    {.title = "received", .path = "arrival.received_bytes", .kind = CELL_SIZE},
    {.title = "of", .path = "arrival.bytes", .kind = CELL_SIZE},
    {.title = "because", .path = "arrival.message"},
    {.title = "last read", .path = "reads.last_at", .kind = CELL_TIME},
    {.title = "jobs in 30 days", .path = "reads.jobs"},
    {.title = "expires", .path = "expires_at", .kind = CELL_TIME},
    {.title = "only at", .path = "policy.sites", .kind = CELL_LIST},
    {.title = "only where", .path = "policy.labels", .kind = CELL_LIST},
    {0},
};

static const struct column place_columns[] = {
    {.title = "SITE", .path = "site"},
    {.title = "PATH", .path = "root", .flags = SHEET_CUT},
    {.title = "FILES", .path = "files", .kind = CELL_NUMBER},
    {.title = "BYTES", .path = "bytes", .kind = CELL_SIZE},
    {.title = "COMPLETE", .path = "complete", .kind = CELL_YES},
    {.title = "MISSING", .path = "missing", .kind = CELL_SIZE, .flags = SHEET_WIDE},
    {.title = "COPY", .path = "copy", .kind = CELL_YES},
    {.title = "PINNED BY", .path = "pinned_by", .flags = SHEET_HIDE_EMPTY},
    {.title = "USED", .path = "used_at", .kind = CELL_AGO},
    {.title = "SUSPECT", .path = "suspect", .kind = CELL_YES, .flags = SHEET_WIDE},
    {0},
};

static const struct column reader_columns[] = {
    {.title = "READ BY", .path = "job", .kind = CELL_NUMBER},
    {.title = "NAME", .path = "name", .flags = SHEET_CUT},
    {.title = "USER", .path = "user"},
    {.title = "STATE", .path = "state", .kind = CELL_STATE},
    {.title = "AGE", .path = "submitted_at", .kind = CELL_AGO},
    {0},
};

static const struct column file_columns[] = {
    {.title = "FILE", .path = "path", .flags = SHEET_CUT},
    {.title = "SIZE", .path = "size", .kind = CELL_SIZE},
    {.title = "TASK", .path = "task", .kind = CELL_NUMBER, .flags = SHEET_HIDE_EMPTY},
    {.title = "SHA256", .path = "sha256", .flags = SHEET_WIDE},
    {0},
};

/* Steps from the dataset, those before it first. */
static const struct column lineage_columns[] = {
    {.title = "STEP", .path = "level", .kind = CELL_NUMBER},
    {.title = "KIND", .path = "kind"},
    {.title = "NAME", .path = "name", .flags = SHEET_CUT},
    {.title = "JOB", .path = "job", .kind = CELL_NUMBER},
    {.title = "STATE", .path = "state", .kind = CELL_STATE},
    {.title = "BYTES", .path = "bytes", .kind = CELL_SIZE},
    {.title = "USER", .path = "user"},
    {.title = "AGE", .path = "at", .kind = CELL_AGO},
    {0},
};

static int by_level(const void *a, const void *b)
{
        int64_t x = json_int_at(*(json_t *const *)a, "level"), y = json_int_at(*(json_t *const *)b, "level");

        return (x > y) - (x < y);
}

static int show_lineage(struct cli *c, const struct args *a)
{
        const char *depth = args_get(a, "depth");
        int64_t n = 3;
        struct err err;
        json_t *graph, *nodes, *sorted;
        size_t count;

        if (depth && num_int("--depth", depth, 1, 10, &n, &err) < 0)
                return cli_fail(c, &err);
        graph = client_get(c->client, &err, "/v1/datasets/%s/lineage?depth=%d", a->words[0], (int)n);
        if (!graph)
                return cli_fail(c, &err);
        if (cli_wants_json(c)) {
                cli_json(c, graph);
                json_decref(graph);
                return EXIT_OK;
        }
        nodes = json_object_get(graph, "nodes");
        count = json_array_size(nodes);
        {
                AUTO_FREE json_t **all = xcalloc(count + 1, sizeof *all);

                for (size_t i = 0; i < count; i++)
                        all[i] = json_array_get(nodes, i);
                qsort(all, count, sizeof *all, by_level);
                sorted = json_array();
                for (size_t i = 0; i < count; i++)
                        json_array_append(sorted, all[i]);
        }
        sheet_print(c, lineage_columns, sorted, "id");
        if (json_is_true(json_object_get(graph, "more")))
                cli_say(c, "there is more of it, or some that you may not see");
        json_decref(sorted);
        json_decref(graph);
        return EXIT_OK;
}

int cmd_data_show(struct cli *c, const struct args *a)
{
        AUTO_FREE char *path = NULL;
        json_t *set = NULL, *files;
        struct err err;
        bool more;

        if (!cli_client(c))
                return EXIT_FAILED;
        if (dataset_name_check(a->words[0], &err) < 0)
                return cli_fail(c, &err);
        if (args_has(a, "lineage"))
                return show_lineage(c, a);
        set = client_get(cli_client(c), &err, "/v1/datasets/%s", a->words[0]);
        if (!set)
                return cli_fail(c, &err);
        if (cli_wants_json(c)) {
                cli_json(c, set);
                json_decref(set);
                return EXIT_OK;
        }
        path = xasprintf("/v1/datasets/%s/files", a->words[0]);
        files =
            client_list(cli_client(c), path, c->format == FORMAT_TABLE ? FILES_LIMIT : 1000000, &more, &err);
        if (files && c->format <= FORMAT_WIDE && !c->quiet) {
                sheet_facts(c, data_facts, set);
                putchar('\n');
                fflush(stdout);
                sheet_print(c, place_columns, json_object_get(set, "sites"), "site");
                putchar('\n');
                fflush(stdout);
                if (json_array_size(json_object_get(set, "used_by"))) {
                        sheet_print(c, reader_columns, json_object_get(set, "used_by"), "job");
                        putchar('\n');
                        fflush(stdout);
                }
        }
        if (files)
                sheet_print(c, file_columns, files, "path");
        if (files && more)
                cli_say(c, "there are more files; -o wide shows all");
        json_decref(set);
        json_decref(files);
        return files ? EXIT_OK : cli_fail(c, &err);
}

/* The newest of the scan's progress. */
static void show_scan(struct cli *c, const json_t *call, void *arg)
{
        const json_t *steps = json_at(call, "steps"),
                     *last = json_array_get(steps, json_array_size(steps) - 1);
        char size[32];

        cli_progress(c, "%s: read and checksummed %lld files, %s", (const char *)arg,
                     (long long)json_int_at(last, "files"),
                     num_format_size(json_int_at(last, "bytes"), size));
}

/* "SITE:/absolute/path" */
static int split_place(const char *place, char **ret_site, const char **ret_path, struct err *err)
{
        const char *colon = strchr(place, ':');
        AUTO_FREE char *site = NULL;

        if (!colon || colon[1] != '/')
                return err_set(err, ERR_BAD_INPUT, "\"%s\" is not SITE:/absolute/path", place);
        site = xstrndup(place, (size_t)(colon - place));
        if (name_check("site", site, err) < 0)
                return -1;
        *ret_site = MOVE(site);
        *ret_path = colon + 1;
        return 0;
}

int cmd_data_add(struct cli *c, const struct args *a)
{
        AUTO_FREE char *site = NULL;
        const char *path;
        json_t *body, *call, *done = NULL;
        struct err err;
        char size[32];
        int64_t id;

        if (!cli_client(c))
                return EXIT_FAILED;
        if (name_check("dataset", a->words[0], &err) < 0 || split_place(a->words[1], &site, &path, &err) < 0)
                return cli_fail(c, &err);
        body = json_pack("{s:s, s:s, s:s}", "name", a->words[0], "site", site, "path", path);
        if (!body)
                return cli_usage(c, "the path is not UTF-8");
        if (args_get(a, "project"))
                json_object_set_new(body, "project", json_string(args_get(a, "project")));
        call = client_send(cli_client(c), "POST", body, &err, "/v1/datasets");
        json_decref(body);
        if (!call)
                return cli_fail(c, &err);
        id = json_int_at(call, "id");
        json_decref(call);
        if (call_wait(c, id, show_scan, (void *)a->words[0], &done, &err) < 0)
                return cli_fail(c, &err);
        cli_progress_end(c);
        if (cli_wants_json(c))
                cli_json(c, json_at(done, "result"));
        else
                cli_say(c, "dataset %s: %lld files, %s at %s", a->words[0],
                        (long long)json_int_at(done, "result.files"),
                        num_format_size(json_int_at(done, "result.bytes"), size), site);
        json_decref(done);
        return EXIT_OK;
}

int cmd_data_remove(struct cli *c, const struct args *a)
{
        AUTO_FREE char *question =
            xasprintf("Forget dataset %s? (Its files stay where they are.)", a->words[0]);
        json_t *reply;
        struct err err;

        if (!cli_client(c))
                return EXIT_FAILED;
        if (dataset_name_check(a->words[0], &err) < 0)
                return cli_fail(c, &err);
        if (!cli_confirm(c, question))
                return EXIT_FAILED;
        reply = client_send(cli_client(c), "DELETE", NULL, &err, "/v1/datasets/%s", a->words[0]);
        if (!reply)
                return cli_fail(c, &err);
        json_decref(reply);
        cli_say(c, "%s: forgotten", a->words[0]);
        return EXIT_OK;
}
