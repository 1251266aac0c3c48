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
            {"data", "hold all of its inputs"},
            {"health", "answer"},
            {"disk", "have disk space"},
            {"limits", "below their limits"},
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

static void print_explanation(struct cli *c, const json_t *doc)
{
        json_t *help;
        size_t i;

        print_line("", json_text_at(doc, "sentence"));
        if (json_is_false(json_object_get(doc, "can_ever_run")))
                printf("as things are, it can never run\n");
        print_funnel(json_at(doc, "wait.funnel"));
        if (json_array_size(json_at(doc, "wait.would_help")))
                printf("\nwhat would help:\n");
        json_array_foreach((json_t *)json_at(doc, "wait.would_help"), i, help)
            print_line("  - ", json_string_value(help));
        print_placements(c, json_at(doc, "placements"));
}

int cmd_explain(struct cli *c, const struct args *a)
{
        AUTO_FREE char *task = NULL;
        struct ref r;
        struct err err;
        json_t *doc;

        if (!cli_client(c))
                return EXIT_FAILED;
        if (ref_read(c, a->words[0], &r, &err) < 0)
                return cli_fail(c, &err);
        task = r.task < 0 ? xstrdup("") : xasprintf("?task=%lld", (long long)r.task);
        doc = client_get(cli_client(c), &err, "/v1/jobs/%lld/explain%s", (long long)r.job, task);
        if (!doc)
                return cli_fail(c, &err);
        if (cli_wants_json(c))
                cli_json(c, doc);
        else
                print_explanation(c, doc);
        json_decref(doc);
        return EXIT_OK;
}
