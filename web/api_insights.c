/* SPDX-License-Identifier: Apache-2.0 */
/* Plots: what the engine counted of late, one question each. */
#include "web/api.h"

#include "common/states.h"
#include "common/util.h"
#include "store/store_insights.h"

#include <math.h>
#include <string.h>

#define STEPS_MAX   300
#define WHATS_MAX   40
#define HOUR_S      3600
#define RANGE_USUAL 2 /* 1d */

static const struct range {
        const char *name;
        int64_t seconds;
} ranges[] = {
    {"1h", HOUR_S}, {"6h", 6 * HOUR_S}, {"1d", 24 * HOUR_S}, {"7d", 168 * HOUR_S}, {"14d", 336 * HOUR_S}};

/* The figures of one site, or of the grid: by what (the plot's list) and step. */
struct grid {
        size_t steps;
        struct cell {
                bool known;
                int64_t sum;
        } at[WHATS_MAX][STEPS_MAX + 1];
};
struct plot;
struct series_head {
        struct buf *b;
        const char *site; /* NULL: the whole grid */
        const struct plot *plot;
};

struct plot {
        const char *name;
        const char *what[WHATS_MAX]; /* NULL ends it */
        const char *unit;
        void (*write)(const struct series_head *h, const struct grid *g);
};

/* ---- series ----------------------------------------------------------------------------------------------
 */

static void series_begin(const struct series_head *h, const char *name)
{
        j_obj(h->b, NULL);
        j_str(h->b, "name", name);
        j_str(h->b, "unit", h->plot->unit);
        j_str(h->b, "site", h->site);
        j_arr(h->b, "values");
}

static void series_end(const struct series_head *h)
{
        j_arr_end(h->b);
        j_obj_end(h->b);
}

static void value(struct buf *b, double v)
{
        if (isnan(v))
                j_null(b, NULL);
        else
                j_f64(b, NULL, v);
}

static bool any_known(const struct grid *g, size_t w)
{
        for (size_t i = 0; i < g->steps; i++)
                if (g->at[w][i].known)
                        return true;
        return false;
}

/* One series for each figure that there is: how often it happened in each step. */
static void write_each(const struct series_head *h, const struct grid *g)
{
        for (size_t w = 0; h->plot->what[w]; w++) {
                const char *what = h->plot->what[w];

                if (!any_known(g, w))
                        continue;
                series_begin(h, strncmp(what, "end:", 4) == 0 ? what + 4 : what);
                for (size_t i = 0; i < g->steps; i++)
                        value(h->b, (double)g->at[w][i].sum);
                series_end(h);
        }
}

/* How things stood, as the mean of all looks; then what happened. The looks are the first of the figures. */
static void write_jobs(const struct series_head *h, const struct grid *g)
{
        for (size_t w = 1; h->plot->what[w]; w++) {
                bool stood = w <= 2;

                series_begin(h, h->plot->what[w]);
                for (size_t i = 0; i < g->steps; i++)
                        value(h->b, !g->at[0][i].known ? NAN
                                    : stood            ? (double)g->at[w][i].sum / (double)g->at[0][i].sum
                                                       : (double)g->at[w][i].sum);
                series_end(h);
        }
}

static void write_use(const struct series_head *h, const struct grid *g)
{
        series_begin(h, "use");
        for (size_t i = 0; i < g->steps; i++) {
                const struct cell *cpus = &g->at[0][i], *used = &g->at[1][i];

                value(h->b, cpus->known && cpus->sum > 0 ? (double)used->sum / (double)cpus->sum : NAN);
        }
        series_end(h);
}

static void write_passes(const struct series_head *h, const struct grid *g)
{
        series_begin(h, "mean");
        for (size_t i = 0; i < g->steps; i++) {
                const struct cell *n = &g->at[0][i], *us = &g->at[1][i];

                value(h->b, n->known && n->sum > 0 ? (double)us->sum / (double)n->sum / 1e6 : NAN);
        }
        series_end(h);
}

/* The duration that a part of the starts did not exceed; within a bucket they are taken as evenly spread. */
static double quantile(const struct grid *g, size_t step, double part)
{
        double all = 0, below = 0, from = 0, to = 0.1;

        for (size_t k = 0; k < INSIGHT_BUCKETS; k++)
                all += (double)g->at[k][step].sum;
        if (all <= 0)
                return NAN;
        for (size_t k = 0; k < INSIGHT_BUCKETS; k++, from = to, to *= 2) {
                double n = (double)g->at[k][step].sum;

                if (n > 0 && below + n >= part * all)
                        return from + (to - from) * (part * all - below) / n;
                below += n;
        }
        return from;
}

static void write_quantiles(const struct series_head *h, const struct grid *g)
{
        static const struct {
                const char *name;
                double part;
        } parts[] = {{"p50", 0.5}, {"p95", 0.95}};

        for (size_t p = 0; p < ARRAY_LEN(parts); p++) {
                series_begin(h, parts[p].name);
                for (size_t i = 0; i < g->steps; i++)
                        value(h->b, quantile(g, i, parts[p].part));
                series_end(h);
        }
}

/* ---- plots -----------------------------------------------------------------------------------------------
 */

#define BUCKETS_(n)                                                                                          \
        n ":0", n ":1", n ":2", n ":3", n ":4", n ":5", n ":6", n ":7", n ":8", n ":9", n ":10", n ":11",    \
            n ":12", n ":13", n ":14", n ":15", n ":16", n ":17", n ":18", n ":19"
#define END_(sym_, name_, ...) "end:" name_,

/* clang-format off */
static const struct plot plots[] = {
    {"jobs",     {"looks", "ready", "running", "succeeded", "failed", "cancelled"}, "tasks", write_jobs},
    {"waits",    {BUCKETS_("wait")},                                       "seconds", write_quantiles},
    {"use",      {"cpus", "used"},                                         "part",    write_use},
    {"bytes",    {"moved"},                                                "bytes",   write_each},
    {"local",    {"read", "moved"},                                        "bytes",   write_each},
    {"passes",   {"passes", "pass_us"},                                    "seconds", write_passes},
    {"failures", {OUTCOMES(END_)},                                         "attempts", write_each},
    {"launch",   {BUCKETS_("launch")},                                     "seconds", write_quantiles},
};
/* clang-format on */

static const struct plot *plot_of(const char *name, struct err *err)
{
        for (size_t i = 0; i < ARRAY_LEN(plots); i++)
                if (strcmp(plots[i].name, name) == 0)
                        return &plots[i];
        err_set(err, ERR_NOT_FOUND,
                "no plot \"%.40s\": there are jobs, waits, use, bytes, local, passes, failures, launch",
                name);
        return NULL;
}

static const struct range *range_of(const char *name, struct err *err)
{
        if (!name)
                return &ranges[RANGE_USUAL];
        for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
                if (strcmp(ranges[i].name, name) == 0)
                        return &ranges[i];
        err_set(err, ERR_BAD_INPUT, "range: \"%.20s\" is none of 1h, 6h, 1d, 7d, 14d", name);
        return NULL;
}

/* Rows come by site: each is written when the next one begins. */
static void write_series(struct buf *b, const struct plot *p, struct rows *r, size_t steps)
{
        struct grid *g = xcalloc(1, sizeof *g);
        struct series_head h = {.b = b, .plot = p};
        AUTO_FREE char *site = NULL;
        bool some = false;

        g->steps = steps;
        while (rows_next(r)) {
                const char *name = row_null(r, "site") ? NULL : row_text(r, "site");
                size_t w = (size_t)row_int(r, "what") - 1, i = (size_t)row_int(r, "step");

                if (some && strcmp(name ? name : "", site ? site : "") != 0) {
                        p->write(&h, g);
                        memset(g->at, 0, sizeof g->at);
                }
                if (!some || strcmp(name ? name : "", site ? site : "") != 0) {
                        free(site);
                        site = name ? xstrdup(name) : NULL;
                        h.site = site;
                        some = true;
                }
                if (w < WHATS_MAX && i < steps)
                        g->at[w][i] = (struct cell){true, row_int(r, "sum")};
        }
        if (some)
                p->write(&h, g);
        free(g);
}

HANDLER(api_insights)
{
        const struct plot *p = plot_of(rq->captures[0], err);
        const struct range *range = p ? range_of(request_query(rq, "range"), err) : NULL;
        AUTO_ROWS struct rows *r = NULL;
        struct buf *b = &rq->out;
        int64_t now = clock_wall_ms() / 1000, step, from, first;
        size_t whats = 0, steps;

        if (!range)
                return -1;
        /* Whole steps of the record, as many as make at most STEPS_MAX of them. */
        step = (range->seconds + STEPS_MAX - 1) / STEPS_MAX;
        step = (step + INSIGHT_STEP_S - 1) / INSIGHT_STEP_S * INSIGHT_STEP_S;
        first = now - range->seconds;
        from = (first + step - 1) / step * step;
        steps = (size_t)((now - from) / step) + 1;
        while (whats < WHATS_MAX && p->what[whats])
                whats++;
        if (store_insights_read(db, p->what, whats, from * 1000, step, &r, err) < 0)
                return -1;
        j_obj(b, NULL);
        j_str(b, "plot", p->name);
        j_time(b, "from", from * 1000);
        j_time(b, "to", (from + (int64_t)steps * step) * 1000);
        j_int(b, "step", step);
        j_arr(b, "times");
        for (size_t i = 0; i < steps; i++)
                j_time(b, NULL, (from + (int64_t)i * step) * 1000);
        j_arr_end(b);
        j_arr(b, "series");
        write_series(b, p, r, steps);
        j_arr_end(b);
        j_obj_end(b);
        return 0;
}
