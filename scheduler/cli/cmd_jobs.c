/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include "follow.h"
#include "outcome.h"
#include "sheet.h"
#include "term.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>

#define JOBS_LIMIT  30
#define TASKS_LIMIT 20
#define LIMIT_MAX   1000000

const struct option jobs_options[] = {
    {"state", 0, "STATE", "accepted, active, succeeded, failed or cancelled", false},
    {"project", 'p', "PROJECT", "only of this project", false},
    {"name", 'n', "NAME", "only of this name; 'align*': that begin so, '*lig*': that have it in them", false},
    {"user", 'u', "USER", "only of this user", false},
    {"site", 0, "SITE", "only those of which something was sent to this site", false},
    {"label", 'l', "KEY=VALUE", "only with this label", false},
    {"since", 0, "TIME", "only submitted then or later: a time, or how long ago, such as 2d", false},
    {"until", 0, "TIME", "only submitted before then", false},
    {"limit", 0, "N", "at most so many (30)", false},
    {"watch", 'w', NULL, "go on: redrawn in place on a terminal, a line for each change elsewhere", false},
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
        else if (*json_text_at(job, "progress.text"))
                text_add_line(out, json_text_at(job, "progress.text"));
        else if (json_at(job, "wait") && !json_int_at(job, "tasks.running"))
                text_add_line(out, json_text_at(job, "wait.sentence"));
        else if (json_array_size(json_at(job, "sites"))) {
                buf_text(out, "at ");
                cell_add(&sites, job, out);
        }
}

/* Only what the job itself reported; tasks that ended stand beside it. */
static void progress_cell(const json_t *job, struct buf *out)
{
        if (json_at(job, "progress.fraction"))
                buf_printf(out, "%d%%", (int)(json_number_at(job, "progress.fraction") * 100));
}

static void left_cell(const json_t *job, struct buf *out)
{
        job_add_remaining(job, out);
}

static const struct column job_columns[] = {
    {.title = "JOB", .path = "id", .kind = CELL_NUMBER},
    {.title = "NAME", .path = "name", .flags = SHEET_CUT | SHEET_FIRST_CUT},
    {.title = "STATE", .path = "state", .kind = CELL_STATE},
    {.title = "DONE", .kind = CELL_NUMBER, .cell = done_cell},
    {.title = "RUN", .kind = CELL_NUMBER, .flags = SHEET_HIDE_EMPTY, .cell = running_cell},
    {.title = "FAIL", .kind = CELL_NUMBER, .flags = SHEET_HIDE_EMPTY, .cell = failed_cell},
    {.title = "AGE", .path = "submitted_at", .kind = CELL_AGO},
    {.title = "PROGRESS", .kind = CELL_NUMBER, .flags = SHEET_HIDE_EMPTY, .cell = progress_cell},
    {.title = "LEFT", .flags = SHEET_HIDE_EMPTY, .cell = left_cell},
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

/* ---- watching ---- */

#define WATCH_PAUSE_MS 1000 /* between two pictures, however much happens */

/* What a change line says of a job; the same text is no change. */
static char *job_words(const json_t *job)
{
        struct buf b;
        char *words;

        buf_init(&b, 65536);
        text_add_line(&b, json_text_at(job, "state"));
        buf_text(&b, "  ");
        done_cell(job, &b);
        if (json_int_at(job, "tasks.failed"))
                buf_printf(&b, "  %lld failed", (long long)json_int_at(job, "tasks.failed"));
        if (json_at(job, "progress.fraction")) {
                buf_text(&b, "  ");
                progress_cell(job, &b);
        }
        words = xstrdup(buf_cstr(&b));
        buf_release(&b);
        return words;
}

static void print_change(struct cli *c, const json_t *job, const char *words)
{
        AUTO_FREE char *name = text_line(json_text_at(job, "name"));
        char at[32];

        if (cli_wants_json(c)) {
                json_dumpf(job, stdout, JSON_COMPACT);
                putchar('\n');
        } else {
                printf("%s  %lld  %s  %s\n", num_format_time(clock_wall_ms(), at),
                       (long long)json_int_at(job, "id"), name, words);
        }
        fflush(stdout);
}

/* Lines for what differs from `seen`, which maps numbers to words. */
static void print_changes(struct cli *c, const json_t *jobs, json_t *seen)
{
        for (size_t i = json_array_size(jobs); i > 0; i--) {
                const json_t *job = json_array_get(jobs, i - 1);
                AUTO_FREE char *words = job_words(job);
                char id[32];

                snprintf(id, sizeof id, "%lld", (long long)json_int_at(job, "id"));
                if (strcmp(words, json_text_at(seen, id)) == 0)
                        continue;
                print_change(c, job, words);
                json_object_set_new(seen, id, json_string(words));
        }
}

static void draw_jobs(struct cli *c, const json_t *jobs, const char *trouble)
{
        char at[32];
        struct buf b;

        c->width = term_size().columns;
        buf_init(&b, 4 << 20);
        buf_printf(&b, "%s  %s  %s\n", num_format_time(clock_wall_ms(), at), client_url(c->client),
                   *trouble ? trouble : "q leaves");
        if (json_array_size(jobs)) {
                AUTO_FREE char *table = sheet_table(c, job_columns, jobs);

                buf_text(&b, table);
        } else {
                buf_text(&b, "no jobs\n");
        }
        term_draw(&b);
        buf_release(&b);
}

static int watch_screen(struct cli *c, const char *path, struct err *err)
{
        json_t *jobs = json_array();
        char etag[200] = "", trouble[200] = "";

        if (term_open(err) < 0)
                return -1;
        client_set_stop(c->client, &term_stop);
        client_set_patience(c->client, 0);
        client_on_wait(c->client, NULL, NULL);
        while (!term_stop) {
                struct reply r;
                int rc = client_call(c->client, &(struct call){.path = path, .etag = etag}, &r, err), key;

                snprintf(trouble, sizeof trouble, "%.199s", rc < 0 ? err->text : "");
                if (rc == 0 && r.json) {
                        json_decref(jobs);
                        jobs = json_incref(json_object_get(r.json, "items"));
                        memcpy(etag, r.etag, sizeof etag);
                }
                reply_release(&r);
                if (term_stop)
                        break;
                draw_jobs(c, jobs, trouble);
                key = term_key(WATCH_PAUSE_MS);
                if (key == 'q' || key == 'Q')
                        break;
        }
        term_close();
        json_decref(jobs);
        return 0;
}

static int watch_lines(struct cli *c, const char *path, struct err *err)
{
        json_t *seen = json_object();
        char etag[200] = "";
        int rc;

        client_set_patience(c->client, PATIENCE_LONG);
        for (;;) {
                json_t *page = NULL;

                rc = client_watch(c->client, path, etag, WATCH_SECONDS, &page, err);
                if (rc < 0)
                        break;
                print_changes(c, json_object_get(page, "items"), seen);
                json_decref(page);
                client_pause(WATCH_PAUSE_MS);
        }
        json_decref(seen);
        return rc;
}

static int watch_jobs(struct cli *c, const char *path, int64_t limit, struct err *err)
{
        AUTO_FREE char *limited = xasprintf("%s%climit=%lld", path, strchr(path, '?') ? '&' : '?',
                                            (long long)(limit < 1000 ? limit : 1000));

        return c->out_is_tty && c->animate && !cli_wants_json(c) ? watch_screen(c, limited, err)
                                                                 : watch_lines(c, limited, err);
}

int cmd_jobs(struct cli *c, const struct args *a)
{
        static const char *const filters[] = {"state", "project", "name", "user", "site", "since", "until"};
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
        if (read_limit(a, a->word_count ? REFS_MAX : JOBS_LIMIT, &limit, &err) < 0 ||
            add_ids(c, a, &path, &err) < 0) {
                buf_release(&path);
                return cli_fail(c, &err);
        }
        if (args_has(a, "watch")) {
                int rc = watch_jobs(c, buf_cstr(&path), limit, &err);

                buf_release(&path);
                return rc < 0 ? cli_fail(c, &err) : EXIT_OK;
        }
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

static void tasks_fact(const json_t *job, struct buf *out)
{
        job_add_progress(job, out);
}

static void progress_fact(const json_t *job, struct buf *out)
{
        progress_cell(job, out);
        if (buf_len(out) && *json_text_at(job, "progress.text"))
                buf_text(out, ", ");
        text_add_line(out, json_text_at(job, "progress.text"));
}

static void pace_fact(const json_t *job, struct buf *out)
{
        if (json_at(job, "pace.per_second"))
                buf_printf(out, "%.3g tasks a second", json_number_at(job, "pace.per_second"));
        if (json_at(job, "pace.remaining")) {
                if (buf_len(out))
                        buf_text(out, "; ");
                buf_text(out, "about ");
                job_add_remaining(job, out);
                buf_text(out, " left");
        }
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
    {.title = "tasks", .cell = tasks_fact},
    {.title = "progress", .cell = progress_fact},
    {.title = "pace", .cell = pace_fact},
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

static void task_note_cell(const json_t *a, struct buf *out)
{
        const char *message = json_text_at(a, "message");

        text_add_line(out, *message ? message : json_text_at(a, "progress.text"));
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
    {.title = "PROGRESS", .kind = CELL_NUMBER, .flags = SHEET_HIDE_EMPTY, .cell = progress_cell},
    {.title = "NOTE", .flags = SHEET_CUT | SHEET_HIDE_EMPTY, .cell = task_note_cell},
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
                        if (!json_at(a, "ended_at") && json_at(task, "progress"))
                                json_object_set(row, "progress", json_object_get(task, "progress"));
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
        if (cli_wants_json(c)) {
                cli_json(c, job);
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
            {.title = "progress", .cell = progress_fact},
            {0},
        };
        json_t *task = client_get(cli_client(c), err, "/v1/jobs/%lld/tasks/%lld", (long long)r.job,
                                  (long long)r.task),
               *list;

        if (!task)
                return -1;
        if (cli_wants_json(c)) {
                cli_json(c, task);
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
