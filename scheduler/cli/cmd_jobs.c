/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include "follow.h"
#include "outcome.h"
#include "sheet.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>

#define JOBS_LIMIT  30
#define TASKS_LIMIT 20
#define LIMIT_MAX   1000000

const struct option jobs_options[] = {
    {"state", 0, "STATE", "accepted, active, succeeded, failed or cancelled", false},
    {"project", 'p', "PROJECT", "only of this project", false},
    {"name", 'n', "NAME", "only of this name", false},
    {"user", 'u', "USER", "only of this user", false},
    {"label", 'l', "KEY=VALUE", "only with this label", false},
    {"limit", 0, "N", "at most so many (30)", false},
    {0},
};

/* ---- lists -----------------------------------------------------------------------------------------------
 */

/* "4/10", and what is not as it should be. */
static void done_cell(const json_t *job, struct buf *out)
{
        buf_printf(out, "%lld/%lld",
                   (long long)(json_int_at(job, "tasks.succeeded") + json_int_at(job, "tasks.failed") +
                               json_int_at(job, "tasks.cancelled")),
                   (long long)json_int_at(job, "tasks.total"));
}

static void nonzero_cell(const json_t *job, const char *path, struct buf *out)
{
        if (json_int_at(job, path))
                buf_printf(out, "%lld", (long long)json_int_at(job, path));
}

static void running_cell(const json_t *job, struct buf *out)
{
        nonzero_cell(job, "tasks.running", out);
}

static void failed_cell(const json_t *job, struct buf *out)
{
        nonzero_cell(job, "tasks.failed", out);
}

/* The one thing worth knowing: why it waits, why it failed, or where it runs. */
static void note_cell(const json_t *job, struct buf *out)
{
        static const struct column sites = {.path = "sites", .kind = CELL_LIST};

        if (json_at(job, "held"))
                buf_text(out, "on hold; `reeve release` starts it");
        else if (json_at(job, "message"))
                text_add_line(out, json_text_at(job, "message"));
        else if (json_at(job, "wait") && !json_int_at(job, "tasks.running"))
                text_add_line(out, json_text_at(job, "wait.sentence"));
        else if (json_array_size(json_at(job, "sites"))) {
                buf_text(out, "at ");
                cell_add(&sites, job, out);
        }
}

static const struct column job_columns[] = {
    {.title = "JOB", .path = "id", .kind = CELL_NUMBER},
    {.title = "NAME", .path = "name", .flags = SHEET_CUT | SHEET_FIRST_CUT},
    {.title = "STATE", .path = "state", .kind = CELL_STATE},
    {.title = "DONE", .kind = CELL_NUMBER, .cell = done_cell},
    {.title = "RUN", .kind = CELL_NUMBER, .flags = SHEET_HIDE_EMPTY, .cell = running_cell},
    {.title = "FAIL", .kind = CELL_NUMBER, .flags = SHEET_HIDE_EMPTY, .cell = failed_cell},
    {.title = "AGE", .path = "submitted_at", .kind = CELL_AGO},
    {.title = "PROJECT", .path = "project", .flags = SHEET_WIDE},
    {.title = "USER", .path = "user", .flags = SHEET_WIDE},
    {.title = "PRIORITY", .path = "priority", .kind = CELL_NUMBER, .flags = SHEET_WIDE},
    {.title = "RESOURCES", .path = "resources", .kind = CELL_COUNTS, .flags = SHEET_WIDE},
    {.title = "SUBMITTED", .path = "submitted_at", .kind = CELL_TIME, .flags = SHEET_WIDE},
    {.title = "STARTED", .path = "started_at", .kind = CELL_TIME, .flags = SHEET_WIDE},
    {.title = "FINISHED", .path = "finished_at", .kind = CELL_TIME, .flags = SHEET_WIDE},
    {.title = "OUTPUTS", .path = "output_dataset", .flags = SHEET_WIDE},
    {.title = "NOTE", .flags = SHEET_CUT | SHEET_HIDE_EMPTY, .cell = note_cell},
    {0},
};

static void add_filter(struct buf *path, const char *name, const char *value)
{
        if (!value)
                return;
        buf_printf(path, "%c%s=", strchr(buf_cstr(path), '?') ? '&' : '?', name);
        text_add_uri(path, value, false);
}

static int add_ids(struct cli *c, const struct args *a, struct buf *path, struct err *err)
{
        struct refs refs;

        if (!a->word_count)
                return 0;
        if (refs_read(c, a->words, &refs, err) < 0)
                return -1;
        buf_printf(path, "%cids=", strchr(buf_cstr(path), '?') ? '&' : '?');
        for (size_t i = 0; i < refs.n; i++)
                buf_printf(path, "%s%lld", i ? "," : "", (long long)refs.v[i].job);
        refs_release(&refs);
        return 0;
}

static int read_limit(const struct args *a, int64_t normal, int64_t *ret, struct err *err)
{
        const char *limit = args_get(a, "limit");

        *ret = normal;
        return limit ? num_int("--limit", limit, 1, LIMIT_MAX, ret, err) : 0;
}

int cmd_jobs(struct cli *c, const struct args *a)
{
        static const char *const filters[] = {"state", "project", "name", "user"};
        AUTO_FREE char *label = xstrdup(args_get(a, "label"));
        struct buf path;
        struct err err;
        json_t *jobs = NULL;
        int64_t limit;
        bool more = false;

        if (!cli_client(c))
                return EXIT_FAILED;
        buf_init(&path, 1 << 20);
        buf_text(&path, "/v1/jobs");
        for (size_t i = 0; i < ARRAY_LEN(filters); i++)
                add_filter(&path, filters[i], args_get(a, filters[i]));
        if (label && strchr(label, '='))
                *strchr(label, '=') = ':';
        add_filter(&path, "label", label);
        if (read_limit(a, a->word_count ? REFS_MAX : JOBS_LIMIT, &limit, &err) == 0 &&
            add_ids(c, a, &path, &err) == 0)
                jobs = client_list(cli_client(c), buf_cstr(&path), limit, &more, &err);
        buf_release(&path);
        if (!jobs)
                return cli_fail(c, &err);
        sheet_print(c, job_columns, jobs, "id");
        if (!json_array_size(jobs) && c->format <= FORMAT_WIDE)
                cli_say(c, "no jobs; begin with: reeve run -- hostname");
        if (more && c->out_is_tty)
                cli_say(c, "there are more; --limit N shows them");
        json_decref(jobs);
        return EXIT_OK;
}

/* ---- one job ---------------------------------------------------------------------------------------------
 */

static void progress_fact(const json_t *job, struct buf *out)
{
        job_add_progress(job, out);
}

static void held_fact(const json_t *job, struct buf *out)
{
        if (!json_at(job, "held"))
                return;
        buf_text(out, "by ");
        text_add_line(out, json_text_at(job, "held.by"));
}

static const struct column job_facts[] = {
    {.title = "job", .path = "id"},
    {.title = "name", .path = "name"},
    {.title = "state", .path = "state", .kind = CELL_STATE},
    {.title = "message", .path = "message"},
    {.title = "waits", .path = "wait.sentence"},
    {.title = "on hold", .cell = held_fact},
    {.title = "tasks", .cell = progress_fact},
    {.title = "project", .path = "project"},
    {.title = "user", .path = "user"},
    {.title = "resources", .path = "resources", .kind = CELL_COUNTS},
    {.title = "sites", .path = "sites", .kind = CELL_LIST},
    {.title = "labels", .path = "labels", .kind = CELL_COUNTS},
    {.title = "outputs", .path = "output_dataset"},
    {.title = "submitted", .path = "submitted_at", .kind = CELL_TIME},
    {.title = "started", .path = "started_at", .kind = CELL_TIME},
    {.title = "finished", .path = "finished_at", .kind = CELL_TIME},
    {.title = "cancelled by", .path = "cancelled.by"},
    {0},
};

/* "exit 3", "signal 9", "time_limit"; success stands in the state already */
static void ended_cell(const json_t *a, struct buf *out)
{
        const char *outcome = json_text_at(a, "outcome");

        if (strcmp(outcome, "succeeded") == 0)
                return;
        if (strcmp(outcome, "exit") == 0)
                buf_printf(out, "exit %lld", (long long)json_int_at(a, "code"));
        else if (strcmp(outcome, "signal") == 0 && json_is_string(json_at(a, "signal")))
                text_add_line(out, json_text_at(a, "signal"));
        else if (strcmp(outcome, "signal") == 0)
                buf_printf(out, "signal %lld", (long long)json_int_at(a, "signal"));
        else
                text_add_line(out, outcome);
}

static void cpu_cell(const json_t *a, struct buf *out)
{
        char text[32];

        if (json_at(a, "cpu_user"))
                buf_text(
                    out,
                    num_format_duration(
                        (int64_t)((json_number_at(a, "cpu_user") + json_number_at(a, "cpu_system")) * 1000),
                        text));
}

static const struct column attempt_columns[] = {
    {.title = "TASK", .path = "task", .kind = CELL_NUMBER, .flags = SHEET_HIDE_EMPTY},
    {.title = "TRY", .path = "attempt", .kind = CELL_NUMBER},
    {.title = "STATE", .path = "state", .kind = CELL_STATE},
    {.title = "SITE", .path = "site"},
    {.title = "HOST", .path = "host", .flags = SHEET_WIDE},
    {.title = "TIME", .path = "wall", .kind = CELL_SECONDS, .flags = SHEET_HIDE_EMPTY},
    {.title = "CPU", .kind = CELL_SECONDS, .flags = SHEET_HIDE_EMPTY, .cell = cpu_cell},
    {.title = "MEMORY", .path = "memory_peak", .kind = CELL_SIZE, .flags = SHEET_HIDE_EMPTY},
    {.title = "READ", .path = "read_bytes", .kind = CELL_SIZE, .flags = SHEET_WIDE},
    {.title = "WRITTEN", .path = "write_bytes", .kind = CELL_SIZE, .flags = SHEET_WIDE},
    {.title = "STARTED", .path = "started_at", .kind = CELL_TIME, .flags = SHEET_WIDE},
    {.title = "ENDED", .cell = ended_cell, .flags = SHEET_HIDE_EMPTY},
    {.title = "BLAME", .path = "blame", .flags = SHEET_WIDE},
    {.title = "NOTE", .path = "message", .flags = SHEET_CUT | SHEET_HIDE_EMPTY},
    {0},
};

/* Tasks as rows: each with its newest attempt, or its own state when it never had one. */
static json_t *rows_of_tasks(const json_t *tasks)
{
        json_t *rows = json_array(), *task;
        size_t i;

        json_array_foreach((json_t *)tasks, i, task)
        {
                json_t *attempts = json_object_get(task, "attempts"), *a;
                size_t k;

                json_array_foreach(attempts, k, a)
                {
                        json_t *row = json_deep_copy(a);

                        json_object_set(row, "task", json_object_get(task, "task"));
                        json_array_append_new(rows, row);
                }
                if (!json_array_size(attempts))
                        json_array_append_new(
                            rows, json_pack("{s:O, s:O, s:O?}", "task", json_object_get(task, "task"),
                                            "state", json_object_get(task, "state"), "message",
                                            json_object_get(json_object_get(task, "wait"), "sentence")));
        }
        return rows;
}

static void print_tasks(struct cli *c, const json_t *tasks)
{
        json_t *rows = rows_of_tasks(tasks);

        if (json_array_size(rows))
                putchar('\n');
        fflush(stdout);
        sheet_print(c, attempt_columns, rows, "task");
        json_decref(rows);
}

static void say_next(struct cli *c, const json_t *job)
{
        const char *state = json_text_at(job, "state");
        long long id = (long long)json_int_at(job, "id");

        if (!c->out_is_tty)
                return;
        if (!state_is_ended(state))
                cli_say(c, "\nwhy, and what would help: reeve explain %lld", id);
        else if (json_int_at(job, "tasks.total") == 1)
                cli_say(c, "\nwhat it printed: reeve logs %lld", id);
}

static int show_job(struct cli *c, const struct args *a, int64_t id, struct err *err)
{
        AUTO_FREE char *path = NULL;
        const char *state = args_get(a, "state");
        json_t *job = client_get(cli_client(c), err, "/v1/jobs/%lld", (long long)id), *tasks;
        struct buf b;
        int64_t limit;
        bool more;

        if (!job)
                return -1;
        if (c->format == FORMAT_JSON) {
                cli_json(job);
                json_decref(job);
                return 0;
        }
        buf_init(&b, 4096);
        buf_printf(&b, "/v1/jobs/%lld/tasks", (long long)id);
        add_filter(&b, "state", state);
        path = xstrdup(buf_cstr(&b));
        buf_release(&b);
        tasks = read_limit(a, TASKS_LIMIT, &limit, err) == 0
                    ? client_list(cli_client(c), path, limit, &more, err)
                    : NULL;
        if (tasks) {
                if (c->format <= FORMAT_WIDE && !c->quiet)
                        sheet_facts(c, job_facts, job);
                print_tasks(c, tasks);
                if (more && c->out_is_tty)
                        cli_say(c, "there are more tasks; --limit N and --state failed choose");
                say_next(c, job);
        }
        json_decref(job);
        json_decref(tasks);
        return tasks ? 0 : -1;
}

static int show_task(struct cli *c, struct ref r, struct err *err)
{
        static const struct column task_facts[] = {
            {.title = "task", .path = "task"},
            {.title = "state", .path = "state", .kind = CELL_STATE},
            {.title = "waits", .path = "wait.sentence"},
            {0},
        };
        json_t *task = client_get(cli_client(c), err, "/v1/jobs/%lld/tasks/%lld", (long long)r.job,
                                  (long long)r.task),
               *list;

        if (!task)
                return -1;
        if (c->format == FORMAT_JSON) {
                cli_json(task);
        } else {
                if (c->format <= FORMAT_WIDE && !c->quiet)
                        sheet_facts(c, task_facts, task);
                list = json_pack("[O]", task);
                print_tasks(c, list);
                json_decref(list);
        }
        json_decref(task);
        return 0;
}

int cmd_show(struct cli *c, const struct args *a)
{
        struct refs refs;
        struct err err;

        if (!cli_client(c))
                return EXIT_FAILED;
        if (refs_read(c, a->words, &refs, &err) < 0)
                return cli_fail(c, &err);
        for (size_t i = 0; i < refs.n; i++) {
                int r =
                    refs.v[i].task < 0 ? show_job(c, a, refs.v[i].job, &err) : show_task(c, refs.v[i], &err);

                if (r < 0) {
                        refs_release(&refs);
                        return cli_fail(c, &err);
                }
                if (i + 1 < refs.n && c->format <= FORMAT_WIDE)
                        putchar('\n');
        }
        refs_release(&refs);
        return EXIT_OK;
}

/* ---- waiting ---------------------------------------------------------------------------------------------
 */

static int end_code(struct cli *c, struct ref r, const json_t *doc, struct err *err)
{
        return r.task < 0 ? job_exit_code(c, doc, err) : task_exit_code(doc);
}

static void say_ended(struct cli *c, struct ref r, const json_t *doc)
{
        AUTO_FREE char *state = text_line(json_text_at(doc, "state"));
        char name[64];
        struct buf b;

        buf_init(&b, 4096);
        if (r.task < 0) {
                buf_text(&b, ": ");
                job_add_progress(doc, &b);
        }
        cli_say(c, "%s %s%s", ref_format(r, name), state, buf_cstr(&b));
        buf_release(&b);
}

/* Wait for all of them, in order: who ended meanwhile answers at once. */
static int wait_all(struct cli *c, const struct refs *refs, int64_t until, struct err *err)
{
        int highest = EXIT_OK;

        for (size_t i = 0; i < refs->n; i++) {
                json_t *doc;
                int code, r = job_wait(c, refs->v[i], until, &doc, err);

                if (r <= 0)
                        return r < 0 ? -1 : EXIT_TIMEOUT;
                say_ended(c, refs->v[i], doc);
                code = end_code(c, refs->v[i], doc, err);
                json_decref(doc);
                if (code < 0)
                        return -1;
                highest = code > highest ? code : highest;
        }
        return highest;
}

/* One look at all jobs: the first that ended, or NULL. */
static json_t *first_ended(const json_t *list)
{
        json_t *job;
        size_t i;

        json_array_foreach(json_object_get(list, "items"), i, job)
        {
                if (state_is_ended(json_text_at(job, "state")))
                        return job;
        }
        return NULL;
}

#define ANY_MAX 1000 /* one page of a list */

static int wait_any(struct cli *c, const struct refs *refs, int64_t until, struct err *err)
{
        char etag[200] = "";
        struct buf path;
        int r = -1;

        if (refs->n > ANY_MAX)
                return err_set(err, ERR_BAD_INPUT, "--any takes at most %d jobs", ANY_MAX);
        buf_init(&path, 1 << 20);
        buf_printf(&path, "/v1/jobs?limit=%d&ids=", ANY_MAX);
        for (size_t i = 0; i < refs->n; i++)
                buf_printf(&path, "%s%lld", i ? "," : "", (long long)refs->v[i].job);
        while (r < 0) {
                json_t *list = NULL, *ended;
                int64_t left = until < 0 ? WATCH_SECONDS : (until - clock_boot_ms() + 999) / 1000;

                if (client_watch(cli_client(c), buf_cstr(&path), etag,
                                 left > WATCH_SECONDS ? WATCH_SECONDS
                                 : left < 1           ? 1
                                                      : (int)left,
                                 &list, err) < 0)
                        break;
                ended = first_ended(list);
                if (ended) {
                        struct ref ref = {.job = json_int_at(ended, "id"), .task = -1, .attempt = -1};

                        say_ended(c, ref, ended);
                        printf("%lld\n", (long long)ref.job);
                        r = job_exit_code(c, ended, err);
                        json_decref(list);
                        break;
                }
                if (list && !json_array_size(json_object_get(list, "items")))
                        err_set(err, ERR_NOT_FOUND, "none of these jobs exists, or you may not see them");
                else if (until >= 0 && clock_boot_ms() >= until)
                        r = EXIT_TIMEOUT;
                else {
                        json_decref(list);
                        continue;
                }
                json_decref(list);
                break;
        }
        buf_release(&path);
        return r;
}

int cmd_wait(struct cli *c, const struct args *a)
{
        const char *timeout = args_get(a, "timeout");
        int64_t until = -1, ms;
        struct refs refs;
        struct err err;
        int r;

        if (!cli_client(c))
                return EXIT_FAILED;
        if (timeout) {
                if (num_duration("--timeout", timeout, &ms, &err) < 0)
                        return cli_fail(c, &err);
                until = clock_boot_ms() + ms;
        }
        if (refs_read(c, a->words, &refs, &err) < 0)
                return cli_fail(c, &err);
        client_set_patience(cli_client(c), PATIENCE_LONG);
        r = args_has(a, "any") ? wait_any(c, &refs, until, &err) : wait_all(c, &refs, until, &err);
        refs_release(&refs);
        if (r == EXIT_TIMEOUT && until >= 0 && clock_boot_ms() >= until)
                cli_say(c, "not ended within %s", timeout);
        return r < 0 ? cli_fail(c, &err) : r;
}
