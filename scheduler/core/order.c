/* SPDX-License-Identifier: Apache-2.0 */
#include "core/order.h"

#include "core/ledger.h"
#include "core/place.h"
#include "core/place_priv.h"

#include <math.h>

/* CPUs of what is connected at open sites. */
static double open_cpus(const struct model *m)
{
        double cpus = 0;

        for (size_t i = 0; i < m->worker_cap; i++) {
                const struct m_worker *w = m->workers[i];

                if (w && w->ready && !w->gone && site_is_open(w->site))
                        cpus += w->offer.cpus;
        }
        return cpus;
}

static double running_work(const struct model *m)
{
        double work = 0;

        for (size_t i = 0; i < m->site_cap; i++) {
                for (const struct m_attempt *a = m->sites[i] ? m->sites[i]->attempts : NULL; a;
                     a = a->site_next)
                        work += attempt_remaining(m, a) * shape_cpus(a->job->shape);
        }
        return work;
}

/* Seconds that a task of the shape takes at speed 1. */
static double run_s(const struct model *m, const struct m_shape *s)
{
        return shape_run_ms(m, s, 0) / 1000.0;
}

static double rank_of(const struct model *m, const struct m_shape *s, double everything)
{
        const struct m_job *j = heap_top(&s->jobs);
        double run = run_s(m, s);

        if (m->wall_ms - j->submitted_at >= ORDER_AGED_MS)
                return INFINITY;
        return shape_run_is_known(s) && run >= everything * ORDER_LONG_PART ? run : 0;
}

/* Calls act with each shape that has something to place; returns how many there are. */
static size_t each_shape(struct model *m, void (*act)(struct model *, struct m_shape *, double *),
                         double *ctx)
{
        size_t n = 0;

        for (size_t i = 0; i < m->project_cap; i++) {
                for (size_t k = 0; m->projects[i] && k < m->projects[i]->shape_count; k++) {
                        struct m_shape *s = m->projects[i]->shapes[k];

                        if (!heap_top(&s->jobs))
                                continue;
                        n++;
                        act(m, s, ctx);
                }
        }
        return n;
}

struct waiting {
        double work, run, tasks; /* CPU seconds; sums over tasks */
};

static void add_work(struct model *m, struct m_shape *s, double *ctx)
{
        struct waiting *w = (struct waiting *)(void *)ctx;
        double n = shape_backlog(s);

        s->rank = 0;
        w->work += n * run_s(m, s) * shape_cpus(s);
        w->run += n * run_s(m, s);
        w->tasks += n;
}

static void set_rank(struct model *m, struct m_shape *s, double *everything)
{
        s->rank = rank_of(m, s, *everything);
}

void order_shapes(struct model *m)
{
        struct waiting w = {0};
        size_t n = each_shape(m, add_work, &w.work);
        double work, cpus;

        if (n < 2 || n > ORDER_SHAPES_MAX || m->attempts.n > ORDER_ATTEMPTS_MAX)
                return;
        cpus = open_cpus(m);
        work = (w.work + running_work(m)) / (cpus > 1 ? cpus : 1);
        if (work * w.tasks < ORDER_BATCH_RUNS * w.run) /* no batch: a queue that comes and goes */
                return;
        each_shape(m, set_rank, &work);
}
