/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ledger.h"

#include "common/util.h"

#include <math.h>
#include <string.h>

#define OVERRUN_PART 0.5 /* of the time it took so far, once a task overran */
#define EXPLICIT_MAX 16  /* tasks promised one by one; more are an even flow over the whole site */

double attempt_remaining(const struct model *m, const struct m_attempt *a)
{
        double run = shape_run_ms(m, a->job->shape, a->worker->site->id) / a->worker->site->speed;
        int64_t since = a->started_at != INT64_MIN ? a->started_at : a->placed_at;
        double gone = m->wall_ms > since ? (double)(m->wall_ms - since) : 0;

        return (gone < run ? run - gone : OVERRUN_PART * gone + 100.0) / 1000.0;
}

static int entry_order(const void *a, const void *b)
{
        double x = ((const struct ledger_entry *)a)->at, y = ((const struct ledger_entry *)b)->at;

        return (x > y) - (x < y);
}

static double cpus_of(const struct m_shape *s)
{
        return s->need.cpus > 0 ? s->need.cpus : 1;
}

static void add(struct ledger *l, double at, double cpus)
{
        l->e = xgrow(l->e, l->n, &l->cap, sizeof *l->e);
        l->e[l->n++] = (struct ledger_entry){at, cpus};
}

/* Join neighbours until the list is short enough: they count as free when the later of them is. */
static void shorten(struct ledger *l, size_t max)
{
        size_t step = (l->n + max - 1) / max, n = 0;

        if (step < 2)
                return;
        for (size_t i = 0; i < l->n; i += step) {
                size_t end = i + step < l->n ? i + step : l->n;
                struct ledger_entry sum = {l->e[end - 1].at, 0};

                for (size_t k = i; k < end; k++)
                        sum.cpus += l->e[k].cpus;
                l->e[n++] = sum;
        }
        l->n = n;
}

static struct ledger *ledger_of(const struct model *m, struct m_site *site)
{
        struct ledger *l = site->ledger;
        double free_cpus = 0;

        if (!l)
                *(l = site->ledger = xcalloc(1, sizeof *l)) = (struct ledger){.pass = UINT64_MAX};
        if (l->pass == m->pass)
                return l;
        l->pass = m->pass;
        l->n = 0;
        l->capacity = 0;
        for (size_t i = 0; i < site->worker_count; i++) {
                const struct m_worker *w = site->workers[i];

                if (!w->ready || w->gone || w->draining)
                        continue;
                l->capacity += w->offer.cpus;
                free_cpus += w->free.cpus > 0 ? w->free.cpus : 0;
        }
        add(l, 0, free_cpus);
        for (const struct m_attempt *a = site->attempts; a; a = a->site_next) {
                if (!a->ahead)
                        add(l, attempt_remaining(m, a), cpus_of(a->job->shape));
        }
        if (l->capacity < 1)
                l->capacity = 1;
        qsort(l->e, l->n, sizeof *l->e, entry_order);
        shorten(l, LEDGER_ENTRIES);
        return l;
}

double ledger_wait(const struct model *m, struct m_site *site, double cpus, double ready)
{
        const struct ledger *l = ledger_of(m, site);
        double sum = 0;

        for (size_t i = 0; i < l->n; i++) {
                sum += l->e[i].cpus;
                if (sum >= cpus)
                        return l->e[i].at > ready ? l->e[i].at : ready;
        }
        /* More than falls free as far as the list goes: in turn after all of it. */
        return l->n && l->e[l->n - 1].at > ready ? l->e[l->n - 1].at : ready;
}

/* Take `cpus` from the entries that are free earliest, preferring the latest that are free by `ready`, so
 * that a place which is free now is not blocked by who comes later. Returns when they are all there. */
static double take(struct ledger *l, double cpus, double ready)
{
        double at = ready;
        size_t i = 0;

        while (i < l->n && l->e[i].at <= ready)
                i++;
        for (size_t k = i; k-- > 0 && cpus > 0;) {
                double part = l->e[k].cpus < cpus ? l->e[k].cpus : cpus;

                l->e[k].cpus -= part;
                cpus -= part;
        }
        for (; i < l->n && cpus > 0; i++) {
                double part = l->e[i].cpus < cpus ? l->e[i].cpus : cpus;

                l->e[i].cpus -= part;
                cpus -= part;
                at = l->e[i].at;
        }
        return at;
}

static void drop_empty(struct ledger *l)
{
        size_t n = 0;

        for (size_t i = 0; i < l->n; i++) {
                if (l->e[i].cpus > 0)
                        l->e[n++] = l->e[i];
        }
        l->n = n;
}

static void put(struct ledger *l, double at, double cpus)
{
        size_t i;

        add(l, at, cpus);
        for (i = l->n - 1; i > 0 && l->e[i - 1].at > at; i--)
                l->e[i] = l->e[i - 1];
        l->e[i] = (struct ledger_entry){at, cpus};
}

void ledger_promise(const struct model *m, struct m_site *site, double cpus, double ready, double run,
                    int64_t count)
{
        struct ledger *l = ledger_of(m, site);
        double longer = (double)count * cpus * run / l->capacity;

        for (int64_t i = 0; i < count && count <= EXPLICIT_MAX; i++) {
                double at = take(l, cpus, ready);

                drop_empty(l);
                put(l, at + run, cpus);
        }
        for (size_t i = 0; i < l->n && count > EXPLICIT_MAX; i++)
                l->e[i].at = (l->e[i].at > ready ? l->e[i].at : ready) + longer;
        if (l->n > (size_t)2 * LEDGER_ENTRIES)
                shorten(l, LEDGER_ENTRIES);
}

void ledger_release(struct ledger *l)
{
        if (l)
                free(l->e);
        free(l);
}
