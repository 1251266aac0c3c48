/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/report.h"

#include "common/util.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define RULES_MAX   16
#define CURVE_STEPS 100
#define PLOT_WIDTH  760.0
#define PLOT_HEIGHT 320.0

struct entry {
        const char *rule, *sentence;
        struct figures f;              /* without its arrays */
        double curve[CURVE_STEPS + 1]; /* turnaround at each percent */
};

struct report {
        const struct world *w;
        char *title;
        struct entry entries[RULES_MAX];
        size_t n;
};

struct report *report_new(const struct world *w, const char *title)
{
        struct report *r = xcalloc(1, sizeof *r);

        r->w = w;
        r->title = xstrdup(title);
        return r;
}

void report_free(struct report *r)
{
        if (r)
                free(r->title);
        free(r);
}

void report_add(struct report *r, const char *rule, const char *sentence, const struct figures *f)
{
        struct entry *e = &r->entries[r->n];

        if (r->n == RULES_MAX)
                return;
        r->n++;
        *e = (struct entry){.rule = rule, .sentence = sentence, .f = *f};
        for (size_t i = 0; i <= CURVE_STEPS && f->turnaround_n; i++)
                e->curve[i] = (double)f->turnarounds[(f->turnaround_n - 1) * i / CURVE_STEPS];
        e->f.turnarounds = NULL;
        e->f.projects = NULL;
}

/* Text of a trace or of the command line as text of the page. */
static void put_text(struct buf *b, const char *s)
{
        for (; *s; s++) {
                if (*s == '<')
                        buf_text(b, "&lt;");
                else if (*s == '&')
                        buf_text(b, "&amp;");
                else if (*s == '"')
                        buf_text(b, "&quot;");
                else
                        buf_put(b, s, 1);
        }
}

static const char style[] =
    ":root{color-scheme:light "
    "dark;--ink:#1b2329;--dim:#5b6b76;--line:#d5dde2;--bar:#7d97a8;--own:#0b7285;--page:#fff}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6edf1;--dim:#9fb0bb;--line:#33424c;--bar:#5f7888;--own:#"
    "3bc9db;"
    "--page:#12181c}}"
    "body{font:15px/1.5 "
    "system-ui,sans-serif;color:var(--ink);background:var(--page);max-width:60rem;margin:2rem auto;"
    "padding:0 "
    "1rem}h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}p.dim,figcaption,td.dim{color:var(--dim)}"
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}th,td{padding:.3rem "
    ".5rem;border-bottom:1px solid "
    "var(--line);text-align:right}th:first-child,td:first-child{text-align:left}"
    "tr.own td{font-weight:600}figure{margin:1rem 0}svg{width:100%;height:auto}svg "
    "text{fill:var(--ink);font-size:12px}"
    ".axis{stroke:var(--line)}.bar{fill:var(--bar)}.own "
    ".bar,.bar.own{fill:var(--own)}path{fill:none;stroke:var(--bar);"
    "stroke-width:1.5}path.own{stroke:var(--own);stroke-width:3}";

static bool is_own(const struct entry *e)
{
        return strcmp(e->rule, "reeve") == 0;
}

static const struct column {
        const char *title, *unit;
        size_t at;
        double scale;
        bool bars;
} columns[] = {
    {"mean turnaround", "s", offsetof(struct figures, turnaround), 1, true},
    {"from submission", "s", offsetof(struct figures, submitted), 1, false},
    {"mean wait", "s", offsetof(struct figures, wait), 1, false},
    {"95 % wait", "s", offsetof(struct figures, p95_wait), 1, true},
    {"worst wait", "s", offsetof(struct figures, worst_wait), 1, false},
    {"slowdown", "", offsetof(struct figures, slowdown), 1, false},
    {"makespan", "s", offsetof(struct figures, makespan), 1, true},
    {"moved", "GB", offsetof(struct figures, bytes_moved), 1e-9, true},
    {"locality", "%", offsetof(struct figures, locality), 100, false},
    {"utilisation", "%", offsetof(struct figures, utilisation), 100, false},
    {"fairness", "", offsetof(struct figures, fairness), 1, false},
};

static double value_of(const struct entry *e, const struct column *c)
{
        return *(const double *)((const char *)&e->f + c->at) * c->scale;
}

static void put_table(const struct report *r, struct buf *b)
{
        buf_text(b, "<table><thead><tr><th scope=col>policy</th>");
        for (size_t k = 0; k < ARRAY_LEN(columns); k++)
                buf_printf(b, "<th scope=col>%s%s%s</th>", columns[k].title, *columns[k].unit ? ", " : "",
                           columns[k].unit);
        buf_text(b, "</tr></thead><tbody>");
        for (size_t i = 0; i < r->n; i++) {
                const struct entry *e = &r->entries[i];

                buf_printf(b, "<tr%s><td title=\"", is_own(e) ? " class=own" : "");
                put_text(b, e->sentence);
                buf_printf(b, "\">%s</td>", e->rule);
                for (size_t k = 0; k < ARRAY_LEN(columns); k++) {
                        double v = value_of(e, &columns[k]);

                        buf_printf(b, v >= 100 ? "<td>%.0f</td>" : "<td>%.3g</td>", v);
                }
                buf_text(b, "</tr>");
        }
        buf_text(b, "</tbody></table>\n");
}

static void put_bars(const struct report *r, const struct column *c, struct buf *b)
{
        double most = 0, left = 130, room = PLOT_WIDTH - left - 80;

        for (size_t i = 0; i < r->n; i++)
                most = fmax(most, value_of(&r->entries[i], c));
        buf_printf(b,
                   "<figure><figcaption>%s, %s: shorter is better</figcaption><svg viewBox=\"0 0 %.0f %zu\" "
                   "role=img aria-label=\"%s by policy\">",
                   c->title, c->unit, PLOT_WIDTH, r->n * 24 + 4, c->title);
        for (size_t i = 0; i < r->n; i++) {
                double v = value_of(&r->entries[i], c), width = most > 0 ? room * v / most : 0;
                double y = 24.0 * (double)i + 4;

                buf_printf(b,
                           "<text x=%.0f y=%.0f text-anchor=end>%s</text><rect class=\"bar%s\" x=%.0f y=%.0f "
                           "width=%.1f "
                           "height=16 rx=2></rect><text x=%.1f y=%.0f>%.4g</text>",
                           left - 8, y + 13, r->entries[i].rule, is_own(&r->entries[i]) ? " own" : "", left,
                           y, width, left + width + 6, y + 13, v);
        }
        buf_text(b, "</svg></figure>\n");
}

/* Turnaround on a logarithmic axis against the part of tasks that are done by then. */
static void put_curves(const struct report *r, struct buf *b)
{
        double low = INFINITY, high = 1, left = 40, room = PLOT_WIDTH - 2 * left, tall = PLOT_HEIGHT - 50;

        for (size_t i = 0; i < r->n; i++) {
                low = fmin(low, fmax(r->entries[i].curve[0], 0.1));
                high = fmax(high, r->entries[i].curve[CURVE_STEPS]);
        }
        if (!(high > low))
                return;
        buf_printf(
            b,
            "<figure><figcaption>part of tasks (%%) that end within a time: further left is better; the bold "
            "line "
            "is Reeve</figcaption><svg viewBox=\"0 0 %.0f %.0f\" role=img aria-label=\"turnaround by part of "
            "tasks\">",
            PLOT_WIDTH, PLOT_HEIGHT);
        for (int p = 0; p <= 100; p += 25)
                buf_printf(b,
                           "<line class=axis x1=%.0f x2=%.0f y1=%.0f y2=%.0f></line><text x=%.0f y=%.0f "
                           "text-anchor=end>%d</text>",
                           left, left + room, 10 + tall * (1 - p / 100.0), 10 + tall * (1 - p / 100.0),
                           left - 6, 14 + tall * (1 - p / 100.0), p);
        for (double t = pow(10, ceil(log10(low))); t <= high; t *= 10) {
                double x = left + room * log(t / low) / log(high / low);

                buf_printf(b,
                           "<line class=axis x1=%.1f x2=%.1f y1=10 y2=%.0f></line><text x=%.1f y=%.0f "
                           "text-anchor=middle>%g s</text>",
                           x, x, 10 + tall, x, tall + 28, t);
        }
        for (size_t i = 0; i < r->n; i++) {
                const struct entry *e = &r->entries[i];

                buf_printf(b, "<path%s d=\"", is_own(e) ? " class=own" : "");
                for (size_t k = 0; k <= CURVE_STEPS; k++)
                        buf_printf(b, "%s%.1f %.1f", k ? "L" : "M",
                                   left + room * log(fmax(e->curve[k], low) / low) / log(high / low),
                                   10 + tall * (1 - (double)k / CURVE_STEPS));
                buf_printf(b, "\"><title>%s</title></path>", e->rule);
        }
        buf_text(b, "</svg></figure>\n");
}

void report_write(struct report *r, struct buf *b)
{
        buf_text(b, "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport "
                    "content=\"width=device-width\"><title>reeve-sim: ");
        put_text(b, r->title);
        buf_printf(b, "</title><style>%s</style><h1>", style);
        put_text(b, r->title);
        buf_printf(b, "</h1><p>%zu sites, %zu jobs of %lld tasks, %zu files.</p>\n", r->w->site_n,
                   r->w->job_n, (long long)r->w->task_n, r->w->file_n);
        put_table(r, b);
        buf_text(b, "<h2>How tasks fared</h2>\n");
        put_curves(r, b);
        for (size_t k = 0; k < ARRAY_LEN(columns); k++) {
                if (columns[k].bars)
                        put_bars(r, &columns[k], b);
        }
        buf_text(b, "<h2>The policies</h2><dl>");
        for (size_t i = 0; i < r->n; i++) {
                buf_printf(b, "<dt>%s</dt><dd>", r->entries[i].rule);
                put_text(b, r->entries[i].sentence);
                buf_text(b, "</dd>");
        }
        buf_text(b, "</dl>\n");
        for (size_t i = 0; i < r->w->note_n; i++) {
                buf_text(b, "<p class=dim>");
                put_text(b, r->w->notes[i]);
                buf_text(b, "</p>");
        }
        buf_text(b, "</html>\n");
}
