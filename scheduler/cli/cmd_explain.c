/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include "refs.h"
#include "sheet.h"
#include "text.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>

static void print_line(const char *before, const char *text)
{
        AUTO_FREE char *line = text_line(text);

        printf("%s%s\n", before, line);
}

static const char *step_words(const char *step)
{
        static const struct {
                const char *step, *words;
        } rows[] = {
            {"known", "registered"},
            {"open", "open for work"},
            {"project", "allow its project"},
            {"named", "named by the job (or it names none)"},
            {"size", "large enough"},
            {"policy", "allowed by the policies of its inputs"},
            {"data", "have its inputs, or could get them"},
            {"space", "have space for its inputs"},
            {"health", "answer"},
            {"disk", "have disk space"},
            {"limits", "below their limits"},
            {"stage", "have its inputs now"},
            {"free", "have a free place now"},
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                if (strcmp(rows[i].step, step) == 0)
                        return rows[i].words;
        }
        return step;
}

/* Which sites are left after each question, and why others fell out; nobody is asked further once none is
 * left. */
static void print_funnel(const json_t *funnel)
{
        int64_t left = 1;

        if (!json_array_size(funnel))
                return;
        printf("\nsites that could run it:\n");
        for (size_t i = 0; i < json_array_size(funnel) && left; i++) {
                const json_t *step = json_array_get(funnel, i);
                AUTO_FREE char *words = text_line(step_words(json_text_at(step, "step")));
                json_t *drop;
                size_t k;

                left = json_int_at(step, "sites");
                printf("  %3lld %s\n", (long long)left, words);
                json_array_foreach(json_object_get(step, "dropped"), k, drop)
                {
                        AUTO_FREE char *site = text_line(json_text_at(drop, "site"));
                        AUTO_FREE char *why = text_line(json_text_at(drop, "why"));

                        printf("        not %s: %s\n", site, why);
                }
        }
}

static void why_cell(const json_t *candidate, struct buf *out)
{
        text_add_line(out, json_text_at(candidate, "why"));
}

static const struct column candidate_columns[] = {
    {.title = "SITE", .path = "site"},
    {.title = "FINISH", .path = "finish", .kind = CELL_SECONDS},
    {.title = "WAIT", .path = "wait", .kind = CELL_SECONDS},
    {.title = "DATA", .path = "stage", .kind = CELL_SECONDS},
    {.title = "RUN", .path = "run", .kind = CELL_SECONDS},
    {.title = "OUT", .path = "out", .kind = CELL_SECONDS},
    {.title = "PRICE", .path = "price", .kind = CELL_SECONDS, .flags = SHEET_WIDE},
    {.title = "PENALTY", .path = "penalty", .kind = CELL_SECONDS},
    {.title = "MISSING", .path = "missing_bytes", .kind = CELL_SIZE, .flags = SHEET_WIDE},
    {.title = "NOT BECAUSE", .flags = SHEET_CUT | SHEET_HIDE_EMPTY, .cell = why_cell},
    {0},
};

static void print_placements(struct cli *c, const json_t *placements)
{
        static const struct column at = {.path = "at", .kind = CELL_TIME};
        size_t i;
        json_t *p;

        json_array_foreach((json_t *)placements, i, p)
        {
                AUTO_FREE char *site = text_line(json_text_at(p, "site"));
                struct buf b;

                buf_init(&b, 256);
                cell_add(&at, p, &b);
                printf("\n%s  from task %lld on: placed at %s\n", buf_cstr(&b),
                       (long long)json_int_at(p, "first_task"), site);
                buf_release(&b);
                print_line("  ", json_text_at(p, "sentence"));
                fflush(stdout);
                sheet_print(c, candidate_columns, json_object_get(p, "candidates"), "site");
        }
}

/* ---- waiting ---- */

static void print_cell(const char *before, const json_t *row, const char *path, enum cell_kind kind)
{
        const struct column col = {.path = path, .kind = kind};
        struct buf b;

        if (!json_at(row, path))
                return;
        buf_init(&b, 256);
        cell_add(&col, row, &b);
        printf("%s%s", before, buf_cstr(&b));
        buf_release(&b);
}

static void print_start(const json_t *start)
{
        if (!start)
                return;
        if (json_at(start, "likely")) {
                print_cell("likely start: ", start, "likely", CELL_TIME);
                print_cell("  (", start, "earliest", CELL_TIME);
                print_cell(" to ", start, "latest", CELL_TIME);
                printf(")\n");
        } else {
                printf("likely start: cannot be told\n");
        }
        print_line("  ", json_text_at(start, "based_on"));
}

static void print_position(const json_t *position)
{
        const json_t *behind = json_at(position, "behind");
        json_t *job;
        size_t i;

        if (!position)
                return;
        printf("position: %lld tasks of %lld jobs go before it, %lld of them alike\n",
               (long long)json_int_at(position, "tasks_ahead"),
               (long long)json_int_at(position, "jobs_ahead"),
               (long long)json_int_at(position, "shape_ahead"));
        json_array_foreach((json_t *)(uintptr_t)behind, i, job)
        {
                AUTO_FREE char *project = text_line(json_text_at(job, "project"));

                if (json_at(job, "job"))
                        printf("  %lld tasks of job %lld (%s)\n", (long long)json_int_at(job, "tasks"),
                               (long long)json_int_at(job, "job"), project);
                else
                        printf("  %lld tasks of somebody else\n", (long long)json_int_at(job, "tasks"));
        }
}

static void print_help(const json_t *list)
{
        json_t *help;
        size_t i;

        if (json_array_size(list))
                printf("\nwhat would help:\n");
        json_array_foreach((json_t *)(uintptr_t)list, i, help) print_line(
            "  - ", json_is_string(help) ? json_string_value(help) : json_text_at(help, "sentence"));
}

static void print_history(const json_t *history)
{
        json_t *span;
        size_t i;

        if (json_array_size(history) < 2)
                return;
        printf("\nwaited so far:\n");
        json_array_foreach((json_t *)(uintptr_t)history, i, span)
        {
                print_cell("  from ", span, "since", CELL_TIME);
                print_cell(" to ", span, "until", CELL_TIME);
                print_line(": ", json_text_at(span, "sentence"));
        }
}

static void print_never(struct cli *c, const json_t *doc)
{
        AUTO_FREE char *text = NULL;

        if (!json_is_false(json_object_get(doc, "can_ever_run")))
                return;
        text = text_line(json_at(doc, "never.sentence") ? json_text_at(doc, "never.sentence")
                                                        : "as things are it can never run");
        printf("%s%s%s\n", c->colour ? state_colour("failed") : "", text, c->colour ? COLOUR_END : "");
}

/* What would happen to it with changes: no history, but all candidates. */
static void print_guest(struct cli *c, const json_t *doc)
{
        print_line("", json_text_at(doc, "sentence"));
        print_never(c, doc);
        print_position(json_at(doc, "position"));
        print_start(json_at(doc, "start"));
        print_funnel(json_at(doc, "funnel"));
        print_help(json_at(doc, "would_help"));
        if (json_array_size(json_at(doc, "candidates"))) {
                printf("\n");
                fflush(stdout);
                sheet_print(c, candidate_columns, json_at(doc, "candidates"), "site");
        }
}

static void print_explanation(struct cli *c, const json_t *doc)
{
        print_line("", json_text_at(doc, "sentence"));
        print_never(c, doc);
        if (json_at(doc, "wait") && json_is_false(json_object_get(doc, "live")))
                printf("(the scheduler does not answer now: this is what it last wrote)\n");
        print_position(json_at(doc, "wait.position"));
        print_start(json_at(doc, "wait.start"));
        print_history(json_at(doc, "history"));
        print_funnel(json_at(doc, "wait.funnel"));
        print_help(json_at(doc, "wait.would_help"));
        print_placements(c, json_at(doc, "placements"));
}

/* "?task=7&attempt=2&what_if=memory%3D64G%26cpus%3D2" */
static char *query(const struct ref *r, const struct args *a)
{
        struct buf b;
        char *text;
        const char *one;

        buf_init(&b, 64u << 10);
        if (r->task >= 0)
                buf_printf(&b, "&task=%lld", (long long)r->task);
        if (r->attempt >= 0)
                buf_printf(&b, "&attempt=%lld", (long long)r->attempt);
        for (size_t i = 0; (one = args_nth(a, "what-if", i)); i++) {
                buf_text(&b, i ? "%26" : "&what_if=");
                text_add_uri(&b, one, false);
        }
        text = b.overflow ? NULL : xstrdup(buf_len(&b) ? buf_cstr(&b) : "");
        if (text && *text)
                *text = '?';
        buf_release(&b);
        return text;
}

int cmd_explain(struct cli *c, const struct args *a)
{
        AUTO_FREE char *rest = NULL;
        bool what_if = args_has(a, "what-if");
        struct ref r;
        struct err err;
        json_t *doc;

        if (!cli_client(c))
                return EXIT_FAILED;
        if (ref_read(c, a->words[0], &r, &err) < 0)
                return cli_fail(c, &err);
        rest = query(&r, a);
        if (!rest) {
                err_set(&err, ERR_BAD_INPUT, "--what-if: too many changes");
                return cli_fail(c, &err);
        }
        doc = client_get(cli_client(c), &err, "/v1/jobs/%lld/explain%s", (long long)r.job, rest);
        if (!doc)
                return cli_fail(c, &err);
        if (cli_wants_json(c))
                cli_json(c, doc);
        else if (what_if)
                print_guest(c, json_at(doc, "what_if"));
        else
                print_explanation(c, doc);
        json_decref(doc);
        return EXIT_OK;
}
