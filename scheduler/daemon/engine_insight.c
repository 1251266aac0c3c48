/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/engine_insight.h"

#include "daemon/engine_priv.h"

#include "common/util.h"
#include "daemon/spec.h"
#include "store/store_insights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRITE_MS 15000
#define LOOK_MS  1000 /* between two looks at how things stand */

enum { ENDED_WELL, ENDED_BADLY, ENDED_ASKED, ENDED_COUNT };
static const char *const ended_names[] = {
    [ENDED_WELL] = "succeeded", [ENDED_BADLY] = "failed", [ENDED_ASKED] = "cancelled"};

/* Since the last writing. How things stood is the sum over all looks: divided by their number, the mean. */
struct site_counts {
        int32_t launches[INSIGHT_BUCKETS], failures[OUTCOME_COUNT];
        int64_t moved, read, cpus, used;
        bool some;
};
struct insight_book {
        int64_t due, look_due; /* boot ms */
        int32_t waits[INSIGHT_BUCKETS];
        int64_t ended[ENDED_COUNT];
        int64_t looks, ready, running;
        int64_t passes, pass_us;   /* that changed something */
        struct site_counts *sites; /* by id */
        size_t site_cap;
        struct insight_row *rows;
        size_t rows_n, rows_cap;
};

void insight_open(struct engine *e)
{
        e->insight = xcalloc(1, sizeof *e->insight);
}

void insight_close(struct engine *e)
{
        if (!e->insight)
                return;
        free(e->insight->sites);
        free(e->insight->rows);
        free(e->insight);
        e->insight = NULL;
}

static int bucket_of(int64_t ms)
{
        int k = 0;

        for (int64_t most = 100; ms > most && k < INSIGHT_BUCKETS - 1; most *= 2)
                k++;
        return k;
}

/* Sites are numbered one after the other. */
static struct site_counts *counts_of(struct insight_book *b, int32_t site)
{
        size_t need = (size_t)site + 1;

        if (need > b->site_cap) {
                size_t cap = need + need / 2;

                b->sites = xrealloc(b->sites, cap * sizeof *b->sites);
                memset(b->sites + b->site_cap, 0, (cap - b->site_cap) * sizeof *b->sites);
                b->site_cap = cap;
        }
        b->sites[site].some = true;
        return &b->sites[site];
}

/* What a task reads lies where it runs by then. Where the tasks share an input out each has about the same
 * part of it. */
static int64_t bytes_read(const struct m_job *j)
{
        int32_t shares =
            j->spec && spec_has_parts(j->spec) && j->last > j->first ? j->last - j->first + 1 : 1;
        int64_t sum = 0;

        for (size_t i = 0; i < j->input_count; i++)
                sum += j->inputs[i] ? j->inputs[i]->bytes / shares : 0;
        return sum;
}

void insight_started(struct engine *e, const struct m_attempt *a, int64_t at)
{
        struct insight_book *b = e->insight;

        if (a->job->input_count)
                counts_of(b, a->worker->site->id)->read += bytes_read(a->job);
        counts_of(b, a->worker->site->id)->launches[bucket_of(at - a->placed_at)]++;
        if (a->key.attempt == 1)
                b->waits[bucket_of(at - a->job->submitted_at)]++;
}

void insight_ended(struct engine *e, const struct m_attempt *a, enum attempt_state state, enum outcome o)
{
        struct insight_book *b = e->insight;

        if (state == ATTEMPT_SUCCEEDED) {
                b->ended[ENDED_WELL]++;
        } else if (o == OUTCOME_CANCELLED || o == OUTCOME_DRAINED) {
                b->ended[ENDED_ASKED]++;
        } else {
                b->ended[ENDED_BADLY]++;
                counts_of(b, a->worker->site->id)->failures[o]++;
        }
}

void insight_moved(struct engine *e, int32_t to, int64_t bytes)
{
        counts_of(e->insight, to)->moved += bytes;
}

void insight_pass(struct engine *e, int64_t us)
{
        e->insight->passes++;
        e->insight->pass_us += us;
}

/* ---- looking ---------------------------------------------------------------------------------------------
 */

static void look_at_site(struct insight_book *b, const struct m_site *s)
{
        int64_t cpus = 0, free_cpus = 0;

        for (size_t i = 0; i < s->worker_count; i++) {
                const struct m_worker *w = s->workers[i];

                if (!w->ready || w->gone)
                        continue;
                cpus += w->offer.cpus;
                free_cpus += w->free.cpus;
        }
        if (!cpus)
                return;
        counts_of(b, s->id)->cpus += cpus;
        counts_of(b, s->id)->used += cpus > free_cpus ? cpus - free_cpus : 0;
}

static void look(struct insight_book *b, const struct model *m)
{
        b->looks++;
        b->ready += m->ready_tasks;
        for (size_t i = 0; i < m->site_cap; i++)
                if (m->sites[i]) {
                        b->running += m->sites[i]->used_tasks;
                        look_at_site(b, m->sites[i]);
                }
}

/* ---- writing ---------------------------------------------------------------------------------------------
 */

static void put(struct insight_book *b, const char *what, int32_t site, int64_t n)
{
        if (!n)
                return;
        b->rows = xgrow(b->rows, b->rows_n, &b->rows_cap, sizeof *b->rows);
        b->rows[b->rows_n++] = (struct insight_row){.what = what, .site = site, .n = n};
}

static void put_buckets(struct engine *e, const char *name, int32_t site, int32_t *buckets)
{
        for (int k = 0; k < INSIGHT_BUCKETS; k++)
                if (buckets[k])
                        put(e->insight, arena_printf(&e->arena, "%s:%d", name, k), site, buckets[k]);
}

static void put_site(struct engine *e, int32_t site)
{
        struct site_counts *c = &e->insight->sites[site];

        put_buckets(e, "launch", site, c->launches);
        for (int o = 0; o < OUTCOME_COUNT; o++)
                if (c->failures[o])
                        put(e->insight, arena_printf(&e->arena, "end:%s", outcome_name((enum outcome)o)),
                            site, c->failures[o]);
        put(e->insight, "moved", site, c->moved);
        put(e->insight, "read", site, c->read);
        put(e->insight, "cpus", site, c->cpus);
        put(e->insight, "used", site, c->used);
}

static void gather(struct engine *e)
{
        struct insight_book *b = e->insight;

        b->rows_n = 0;
        put(b, "looks", 0, b->looks);
        put(b, "ready", 0, b->ready);
        put(b, "running", 0, b->running);
        put(b, "passes", 0, b->passes);
        put(b, "pass_us", 0, b->pass_us);
        for (int i = 0; i < ENDED_COUNT; i++)
                put(b, ended_names[i], 0, b->ended[i]);
        put_buckets(e, "wait", 0, b->waits);
        for (size_t i = 0; i < b->site_cap; i++)
                if (b->sites[i].some)
                        put_site(e, (int32_t)i);
}

static void clear(struct insight_book *b)
{
        memset(b->waits, 0, sizeof b->waits);
        memset(b->ended, 0, sizeof b->ended);
        b->looks = b->ready = b->running = b->passes = b->pass_us = 0;
        if (b->site_cap)
                memset(b->sites, 0, b->site_cap * sizeof *b->sites);
}

int insight_tick(struct engine *e, int64_t now, struct err *err)
{
        struct insight_book *b = e->insight;

        if (now >= b->look_due) {
                b->look_due = now + LOOK_MS;
                look(b, e->m);
        }
        if (now < b->due)
                return 0;
        b->due = now + WRITE_MS;
        gather(e);
        if (store_insights_add(e->db, e->epoch, e->m->wall_ms, b->rows, b->rows_n, err) < 0)
                return -1;
        clear(b);
        return 0;
}
