/* SPDX-License-Identifier: Apache-2.0 */
/* The whole grid on one screen: rates, sites, jobs, and what runs now. */
#include "commands.h"

#include "follow.h"
#include "sheet.h"
#include "term.h"
#include "text.h"
#include "common/num.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>

#define EVERY_MS   2000
#define SAMPLES    120
#define JOBS_SHOWN 50
#define BAR        10
#define TITLE      "\033[1m"
#define DIM        "\033[90m"

struct top {
        struct cli *c;
        json_t *overview, *jobs; /* the newest answers */
        char overview_tag[200], jobs_tag[200];
        double rates[SAMPLES], running[SAMPLES];
        int samples;
        int64_t ended, sampled_ms; /* as of the last sample */
        bool paused;
        char trouble[200]; /* why the last look failed */
};

/* ---- looking ---- */

/* Ask again with the tag; keeps what there was when nothing changed. */
static int refresh(struct top *t, const char *path, char *tag, json_t **doc, struct err *err)
{
        struct reply r;
        int rc = client_call(t->c->client, &(struct call){.path = path, .etag = tag}, &r, err);

        if (rc == 0 && r.status != 304 && r.json) {
                json_decref(*doc);
                *doc = json_incref(r.json);
                memcpy(tag, r.etag, sizeof r.etag);
        }
        reply_release(&r);
        return rc;
}

static void push(double *list, int n, double v)
{
        if (n == SAMPLES)
                memmove(list, list + 1, (SAMPLES - 1) * sizeof *list);
        list[n == SAMPLES ? SAMPLES - 1 : n] = v;
}

static void sample(struct top *t)
{
        int64_t now = clock_boot_ms(), ended = json_int_at(t->overview, "tasks.succeeded_total") +
                                               json_int_at(t->overview, "tasks.failed_total");

        if (t->sampled_ms && now > t->sampled_ms) {
                push(t->rates, t->samples, (double)(ended - t->ended) * 1000 / (double)(now - t->sampled_ms));
                push(t->running, t->samples, json_number_at(t->overview, "tasks.running"));
                t->samples += t->samples < SAMPLES;
        }
        t->ended = ended;
        t->sampled_ms = now;
}

static int look(struct top *t, struct err *err)
{
        AUTO_FREE char *jobs = xasprintf("/v1/jobs?state=active&limit=%d", JOBS_SHOWN);

        if (refresh(t, "/v1/overview", t->overview_tag, &t->overview, err) < 0 ||
            refresh(t, jobs, t->jobs_tag, &t->jobs, err) < 0)
                return -1;
        sample(t);
        return 0;
}

/* ---- a frame ---- */

static void paint(const struct top *t, struct buf *b, const char *colour, const char *s)
{
        if (t->c->colour && *colour)
                buf_printf(b, "%s%s" COLOUR_END, colour, s);
        else
                buf_text(b, s);
}

/* A text in a field of so many columns, cut or filled up. */
static void field(struct buf *b, const char *s, int width)
{
        int used = term_width(s);

        term_add_cut(b, s, width);
        for (; used < width; used++)
                buf_u8(b, ' ');
        buf_u8(b, ' ');
}

static void field_text(struct buf *b, const json_t *json, const char *path, int width)
{
        AUTO_FREE char *line = text_line(json_text_at(json, path));

        field(b, line, width);
}

static void field_state(const struct top *t, struct buf *b, const json_t *json, const char *path, int width)
{
        AUTO_FREE char *line = text_line(json_text_at(json, path));
        struct buf one;

        buf_init(&one, 65536);
        paint(t, &one, state_colour(line), line);
        field(b, buf_cstr(&one), width);
        buf_release(&one);
}

static void field_number(struct buf *b, int64_t v, int width)
{
        buf_printf(b, "%*lld ", width, (long long)v);
}

static void title(const struct top *t, struct buf *b, const char *s)
{
        buf_u8(b, '\n');
        paint(t, b, TITLE, s);
        buf_u8(b, '\n');
}

static void head(const struct top *t, struct buf *b)
{
        static const struct column now = {.path = "now", .kind = CELL_TIME};
        const json_t *o = t->overview;

        paint(t, b, TITLE, "reeve top");
        buf_printf(b, "  %s  ", client_url(t->c->client));
        cell_add(&now, o, b);
        if (json_is_false(json_at(o, "engine.alive")))
                paint(t, b, "\033[31m", "  no engine is at work");
        if (t->paused)
                buf_text(b, "  paused");
        if (*t->trouble) {
                buf_text(b, "  ");
                paint(t, b, "\033[31m", t->trouble);
        }
        buf_printf(
            b,
            "\njobs: %lld active, %lld new, %lld held   tasks: %lld running, %lld waiting, %lld succeeded, ",
            (long long)json_int_at(o, "jobs.active"), (long long)json_int_at(o, "jobs.accepted"),
            (long long)json_int_at(o, "jobs.held"), (long long)json_int_at(o, "tasks.running"),
            (long long)json_int_at(o, "tasks.ready"), (long long)json_int_at(o, "tasks.succeeded_total"));
        buf_printf(b, "%lld failed\n", (long long)json_int_at(o, "tasks.failed_total"));
}

static void sparks(const struct top *t, struct buf *b, int columns)
{
        int width = (columns - 40) / 2;

        if (!t->samples)
                return;
        width = width > SAMPLES ? SAMPLES : width < 5 ? 5 : width;
        buf_printf(b, "ends/s %7.1f ", t->rates[t->samples - 1]);
        term_add_spark(b, t->rates, t->samples, width);
        buf_printf(b, "   running %5.0f ", t->running[t->samples - 1]);
        term_add_spark(b, t->running, t->samples, width);
        buf_u8(b, '\n');
}

static void sites(const struct top *t, struct buf *b, int rows)
{
        const json_t *list = json_at(t->overview, "sites");
        size_t n = json_array_size(list);

        if (!n || rows < 3)
                return;
        title(t, b, "SITE             HEALTH   INTENT       CPUS                  TASKS");
        for (size_t i = 0; i < n && (int)i < rows - 2; i++) {
                const json_t *s = json_array_get(list, i);
                int64_t used = json_int_at(s, "used.cpus"), all = json_int_at(s, "capacity.cpus");
                AUTO_FREE char *cpus = xasprintf("%lld/%lld", (long long)used, (long long)all);

                field_text(b, s, "name", 16);
                field_state(t, b, s, "health", 8);
                field_state(t, b, s, "intent", 8);
                buf_printf(b, "%8s ", cpus);
                term_add_bar(b, all ? (double)used / (double)all : 0, BAR);
                buf_u8(b, ' ');
                field_number(b, json_int_at(s, "used.tasks"), 7);
                buf_u8(b, '\n');
        }
        if ((int)n > rows - 2)
                buf_printf(b, "... and %d more\n", (int)n - (rows - 2));
}

static double job_fraction(const json_t *job)
{
        double done = json_number_at(job, "tasks.succeeded") + json_number_at(job, "tasks.failed") +
                      json_number_at(job, "tasks.cancelled"),
               total = json_number_at(job, "tasks.total");

        if (json_at(job, "progress.fraction"))
                return json_number_at(job, "progress.fraction");
        return total > 0 ? done / total : 0;
}

static const char *job_note(const json_t *job)
{
        if (json_at(job, "held"))
                return "on hold";
        if (*json_text_at(job, "progress.text"))
                return json_text_at(job, "progress.text");
        return json_int_at(job, "tasks.running") ? "" : json_text_at(job, "wait.sentence");
}

static void jobs(const struct top *t, struct buf *b, int rows, int columns)
{
        const json_t *list = json_at(t->jobs, "items");
        size_t n = json_array_size(list);

        if (!n || rows < 3)
                return;
        title(t, b, "     JOB NAME             RUN    WAIT  PROGRESS        LEFT");
        for (size_t i = 0; i < n && (int)i < rows - 2; i++) {
                const json_t *j = json_array_get(list, i);
                AUTO_FREE char *note = text_line(job_note(j));
                struct buf left;

                buf_init(&left, 256);
                job_add_remaining(j, &left);
                field_number(b, json_int_at(j, "id"), 8);
                field_text(b, j, "name", 14);
                field_number(b, json_int_at(j, "tasks.running"), 5);
                field_number(b, json_int_at(j, "tasks.ready") + json_int_at(j, "tasks.blocked"), 7);
                term_add_bar(b, job_fraction(j), BAR);
                buf_printf(b, "%4d%% ", (int)(job_fraction(j) * 100));
                field(b, buf_cstr(&left), 14);
                if (columns > 75)
                        buf_text(b, note);
                buf_u8(b, '\n');
                buf_release(&left);
        }
        if ((int)n > rows - 2)
                buf_printf(b, "... and more: reeve jobs --state active\n");
}

static void running(const struct top *t, struct buf *b, int rows)
{
        static const struct column age = {.path = "started_at", .kind = CELL_AGO};
        const json_t *list = json_at(t->overview, "running");
        size_t n = json_array_size(list);

        if (!n || rows < 3)
                return;
        title(t, b, "RUNNING TASK     NAME           SITE           TIME     PROGRESS");
        for (size_t i = 0; i < n && (int)i < rows - 2; i++) {
                const json_t *r = json_array_get(list, i);
                AUTO_FREE char *task = xasprintf("%lld.%lld", (long long)json_int_at(r, "job"),
                                                 (long long)json_int_at(r, "task"));
                AUTO_FREE char *text = text_line(json_text_at(r, "progress.text"));
                struct buf time;

                buf_init(&time, 256);
                cell_add(&age, r, &time);
                field(b, task, 16);
                field_text(b, r, "name", 14);
                field_text(b, r, "site", 14);
                field(b, buf_cstr(&time), 8);
                if (json_at(r, "progress.fraction")) {
                        term_add_bar(b, json_number_at(r, "progress.fraction"), BAR);
                        buf_printf(b, "%4d%% ", (int)(json_number_at(r, "progress.fraction") * 100));
                }
                buf_printf(b, "%s\n", text);
                buf_release(&time);
        }
}

/* Sites get a third of the room, jobs half of the rest, running tasks what is left. */
static void frame(const struct top *t, struct buf *b, struct term_size size)
{
        int room = size.rows - 4, site_rows = (int)json_array_size(json_at(t->overview, "sites")) + 3,
            job_rows = (int)json_array_size(json_at(t->jobs, "items")) + 3;

        head(t, b);
        sparks(t, b, size.columns);
        if (site_rows > room / 3)
                site_rows = room / 3 < 4 ? 4 : room / 3;
        room -= site_rows;
        if (job_rows > room / 2)
                job_rows = room / 2;
        sites(t, b, site_rows);
        jobs(t, b, job_rows, size.columns);
        running(t, b, room - job_rows);
        if (!json_array_size(json_at(t->jobs, "items")) && !json_array_size(json_at(t->overview, "running")))
                buf_text(b, "\nnothing runs; begin with: reeve run -- hostname\n");
}

/* ---- the command ---- */

static int once(struct top *t)
{
        struct term_size size = {t->c->width, 1000};
        const char *p;
        struct buf b;

        if (cli_wants_json(t->c)) {
                json_t *doc = json_pack("{s:O, s:O}", "overview", t->overview, "jobs",
                                        json_object_get(t->jobs, "items"));

                cli_json(t->c, doc);
                json_decref(doc);
                return EXIT_OK;
        }
        buf_init(&b, 4 << 20);
        frame(t, &b, size);
        for (p = buf_cstr(&b); *p;) {
                size_t n = strcspn(p, "\n");
                AUTO_FREE char *line = xstrndup(p, n);
                struct buf cut;

                buf_init(&cut, 1 << 20);
                term_add_cut(&cut, line, t->c->out_is_tty ? t->c->width : 1 << 20);
                puts(buf_cstr(&cut));
                buf_release(&cut);
                p += n + (p[n] == '\n');
        }
        buf_release(&b);
        return EXIT_OK;
}

static void draw(const struct top *t)
{
        struct term_size size = term_size();
        struct buf b;

        buf_init(&b, 4 << 20);
        frame(t, &b, (struct term_size){size.columns, size.rows - 2});
        buf_u8(&b, '\n');
        paint(t, &b, DIM, "q leave   p pause   space look now");
        term_draw(&b);
        buf_release(&b);
}

static int loop(struct top *t)
{
        struct err err;
        int64_t due = clock_boot_ms() + EVERY_MS;

        if (term_open(&err) < 0)
                return cli_fail(t->c, &err);
        client_set_stop(t->c->client, &term_stop);
        client_set_patience(t->c->client, 0);
        client_on_wait(t->c->client, NULL, NULL);
        while (!term_stop) {
                int64_t left;
                int key;

                draw(t);
                left = due - clock_boot_ms();
                key = term_key(left > 0 ? (int)left : 1);
                if (key == 'q' || key == 'Q' || key == 3)
                        break;
                if (key == 'p')
                        t->paused = !t->paused;
                if (key != ' ' && (t->paused || clock_boot_ms() < due))
                        continue;
                due = clock_boot_ms() + EVERY_MS;
                *t->trouble = '\0';
                if (look(t, &err) < 0 && !term_stop)
                        snprintf(t->trouble, sizeof t->trouble, "%.199s", err.text);
        }
        term_close();
        return EXIT_OK;
}

int cmd_top(struct cli *c, const struct args *a)
{
        struct top t = {.c = c};
        struct err err;
        int r;

        if (!cli_client(c))
                return EXIT_FAILED;
        r = look(&t, &err) < 0                         ? cli_fail(c, &err)
            : args_has(a, "once") || cli_wants_json(c) ? once(&t)
                                                       : loop(&t);
        json_decref(t.overview);
        json_decref(t.jobs);
        return r;
}
