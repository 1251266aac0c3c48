/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/figures.h"

#include "common/util.h"

#include <string.h>

void figures_init(struct figures *f, size_t projects)
{
        *f = (struct figures){.project_n = projects, .projects = xcalloc(projects, sizeof *f->projects)};
}

void figures_release(struct figures *f)
{
        for (size_t i = 0; i < f->project_n; i++)
                free(f->projects[i].waits);
        free(f->projects);
        free(f->turnarounds);
        *f = (struct figures){0};
}

void figures_task(struct figures *f, int32_t project, double wait, double run, double turnaround,
                  double submitted)
{
        struct project_figures *p = &f->projects[project];
        double least = run > SLOWDOWN_LEAST_S ? run : SLOWDOWN_LEAST_S;
        double slowdown = turnaround / least > 1 ? turnaround / least : 1;

        f->tasks++;
        f->wait += wait;
        f->turnaround += turnaround;
        f->submitted += submitted;
        f->slowdown += slowdown;
        f->worst_wait = wait > f->worst_wait ? wait : f->worst_wait;
        f->turnarounds = xgrow(f->turnarounds, f->turnaround_n, &f->turnaround_cap, sizeof *f->turnarounds);
        f->turnarounds[f->turnaround_n++] = (float)turnaround;
        p->tasks++;
        p->wait += wait;
        p->slowdown += slowdown;
        p->waits = xgrow(p->waits, p->n, &p->cap, sizeof *p->waits);
        p->waits[p->n++] = (float)wait;
}

static int by_float(const void *a, const void *b)
{
        float x = *(const float *)a, y = *(const float *)b;

        return (x > y) - (x < y);
}

/* The value below which 95 % are; v is sorted by it. */
static double p95(float *v, size_t n)
{
        if (!n)
                return 0;
        qsort(v, n, sizeof *v, by_float);
        return (double)v[(n * 95 + 99) / 100 - 1];
}

double figures_project_p95(const struct figures *f, size_t project)
{
        return p95(f->projects[project].waits, f->projects[project].n);
}

/* Jain: 1 when the mean slowdown of all projects is the same, 1/n when one has it all. */
static double fairness(const struct figures *f)
{
        double sum = 0, squares = 0;
        size_t n = 0;

        for (size_t i = 0; i < f->project_n; i++) {
                double x = f->projects[i].tasks ? f->projects[i].slowdown / (double)f->projects[i].tasks : 0;

                n += f->projects[i].tasks > 0;
                sum += x;
                squares += x * x;
        }
        return squares > 0 ? sum * sum / ((double)n * squares) : 1;
}

static double all_p95(const struct figures *f)
{
        float *all = xcalloc((size_t)f->tasks, sizeof *all);
        double v;
        size_t n = 0;

        for (size_t i = 0; i < f->project_n; i++) {
                if (f->projects[i].n)
                        memcpy(all + n, f->projects[i].waits, f->projects[i].n * sizeof *all);
                n += f->projects[i].n;
        }
        v = p95(all, n);
        free(all);
        return v;
}

void figures_finish(struct figures *f)
{
        double n = f->tasks ? (double)f->tasks : 1;

        f->fairness = fairness(f);
        f->p95_wait = all_p95(f);
        f->p95_turnaround = p95(f->turnarounds, f->turnaround_n);
        f->wait /= n;
        f->turnaround /= n;
        f->submitted /= n;
        f->slowdown /= n;
        f->locality = f->bytes_read > 0 ? f->bytes_local / f->bytes_read : 1;
        f->utilisation = f->makespan > 0 ? f->busy / (f->capacity * f->makespan) : 0;
}

static void json_projects(const struct figures *f, char *const *names, struct buf *b)
{
        buf_text(b, ",\"projects\":[");
        for (size_t i = 0; i < f->project_n && i < PROJECTS_SHOWN; i++) {
                const struct project_figures *p = &f->projects[i];
                double n = p->tasks ? (double)p->tasks : 1;

                buf_text(b, i ? ",{\"name\":" : "{\"name\":");
                buf_json_str(b, names[i], strlen(names[i]));
                buf_printf(b,
                           ",\"tasks\":%lld,\"mean_wait_s\":%.3f,\"p95_wait_s\":%.3f,\"mean_slowdown\":%.4f}",
                           (long long)p->tasks, p->wait / n, figures_project_p95(f, i), p->slowdown / n);
        }
        buf_text(b, "]");
}

void figures_json(const struct figures *f, char *const *names, struct buf *b)
{
        const struct {
                const char *name;
                double value;
        } rows[] = {
            {"makespan_s", f->makespan},
            {"mean_wait_s", f->wait},
            {"p95_wait_s", f->p95_wait},
            {"worst_wait_s", f->worst_wait},
            {"mean_turnaround_s", f->turnaround},
            {"p95_turnaround_s", f->p95_turnaround},
            {"mean_from_submission_s", f->submitted},
            {"mean_slowdown", f->slowdown},
            {"bytes_moved", f->bytes_moved},
            {"bytes_read", f->bytes_read},
            {"locality", f->locality},
            {"utilisation", f->utilisation},
            {"fairness", f->fairness},
            {"price_usd", f->price_usd},
        };

        buf_printf(b, "{\"tasks\":%lld,\"transfers\":%lld,\"evictions\":%lld,\"over_quota\":%lld",
                   (long long)f->tasks, (long long)f->transfers, (long long)f->evictions,
                   (long long)f->over_quota);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                buf_printf(b, ",\"%s\":%.6g", rows[i].name, rows[i].value);
        json_projects(f, names, b);
        buf_text(b, "}");
}
