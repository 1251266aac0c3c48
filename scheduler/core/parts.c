/* SPDX-License-Identifier: Apache-2.0 */
#include "core/parts.h"

#include "common/util.h"
#include "core/place_priv.h"
#include "core/transfer.h"

#include <math.h>
#include <string.h>

struct m_parts *parts_new(int64_t dataset, int32_t tasks)
{
        struct m_parts *p = xcalloc(1, sizeof *p);

        p->dataset = dataset;
        p->tasks = tasks;
        p->file_at = xcalloc((size_t)tasks + 1, sizeof *p->file_at);
        p->byte_at = xcalloc((size_t)tasks + 1, sizeof *p->byte_at);
        return p;
}

void parts_set(struct m_parts *p, int32_t task, int32_t files, int64_t bytes)
{
        p->file_at[task] = p->file_at[task - 1] + files;
        p->byte_at[task] = p->byte_at[task - 1] + bytes;
}

void parts_free(struct m_parts *p)
{
        if (p) {
                free(p->file_at);
                free(p->byte_at);
        }
        free(p);
}

bool parts_same(const struct m_parts *a, const struct m_parts *b)
{
        if (!a || !b)
                return a == b;
        return a->dataset == b->dataset && a->tasks == b->tasks &&
               memcmp(a->file_at, b->file_at, ((size_t)a->tasks + 1) * sizeof *a->file_at) == 0;
}

uint64_t parts_hash(const struct m_parts *p)
{
        uint64_t h = 0;

        for (int32_t i = 0; p && i <= p->tasks; i++)
                h = hash_mix(h ^ (uint64_t)(uint32_t)p->file_at[i]) + (uint64_t)p->dataset;
        return h;
}

bool parts_are_of(const struct m_shape *s, const struct m_dataset *d)
{
        return s->parts && d && d->id == s->parts->dataset;
}

static struct m_dataset *shared_input(const struct m_shape *s)
{
        for (size_t i = 0; s->parts && i < s->input_count; i++) {
                if (parts_are_of(s, s->data[i]))
                        return s->data[i];
        }
        return NULL;
}

static bool place_has(const struct m_parts *p, const struct m_dataset_site *at, int32_t task)
{
        return task > 0 && task <= p->tasks && spans_has(&at->have, p->file_at[task - 1], p->file_at[task]);
}

const struct m_dataset_site *job_input_at(const struct m_job *j, size_t input, int32_t site, int32_t task)
{
        const struct m_dataset *d = j->inputs[input];
        const struct m_dataset_site *at = model_dataset_at(d, site);

        if (at || !parts_are_of(j->shape, d))
                return at;
        at = model_dataset_some(d, site);
        return at && (!task || place_has(j->shape->parts, at, task)) ? at : NULL;
}

static bool whole_is_at(const struct m_dataset *d, int32_t site)
{
        const struct m_dataset_site *at = model_dataset_at(d, site);

        return at && !at->leaving;
}

/* The site is the only one where it is as a whole: who failed there has nowhere else to go. */
static bool is_only_place(const struct model *m, const struct m_dataset *d, int32_t site)
{
        for (size_t i = 0; i < d->site_count; i++) {
                int32_t other = d->sites[i].site;

                if (other != site && whole_is_at(d, other) && site_is_open(model_site(m, other)))
                        return false;
        }
        return true;
}

/* May the retry go to the site now? */
static bool is_for(const struct model *m, const struct m_job *j, const struct m_dataset *d,
                   const struct m_dataset_site *some, const struct m_site *site, const struct m_retry *r)
{
        if (r->due > m->wall_ms || (some && !place_has(j->shape->parts, some, r->task)))
                return false;
        return r->avoid_site != site->id || m->wall_ms - r->due > (int64_t)(AVOID_PENALTY_S * 1000) ||
               is_only_place(m, d, site->id);
}

int64_t parts_ready(const struct model *m, const struct m_shape *s, const struct m_site *site)
{
        const struct m_job *j = heap_top(&s->jobs);
        const struct m_dataset *d = shared_input(s);
        const struct m_dataset_site *some;
        int64_t n = 0;

        if (!d || whole_is_at(d, site->id))
                return INT64_MAX;
        some = model_dataset_some(d, site->id);
        if (!some || some->leaving || !j)
                return 0;
        for (size_t i = 0; i < j->retry_count; i++)
                n += is_for(m, j, d, some, site, &j->retries[i]);
        return n;
}

bool parts_pop(const struct model *m, struct m_job *j, const struct m_site *site, bool steal,
               struct m_retry *ret)
{
        const struct m_dataset *d = shared_input(j->shape);
        const struct m_dataset_site *some =
            d && !whole_is_at(d, site->id) ? model_dataset_some(d, site->id) : NULL;
        size_t best = j->retry_count;

        if (!d || (!some && !whole_is_at(d, site->id)) || (some && some->leaving))
                return false;
        for (size_t i = 0; i < j->retry_count; i++) {
                const struct m_retry *r = &j->retries[i], *b = &j->retries[best];
                bool others = r->dealt && r->dealt != site->id;

                if (!is_for(m, j, d, some, site, r) || (others && !steal && !some))
                        continue;
                /* Its own first, in order; of those of others the last, which they would come to last. */
                if (best == j->retry_count || (r->dealt == site->id) > (b->dealt == site->id) ||
                    ((r->dealt == site->id) == (b->dealt == site->id) &&
                     (steal ? r->task > b->task : r->task < b->task)))
                        best = i;
        }
        if (best == j->retry_count)
                return false;
        *ret = job_retry_take(j, best);
        return true;
}

/* ---- what moving parts comes to --------------------------------------------------------------------------
 */

static double mean_bytes(const struct m_parts *p)
{
        return p->tasks ? (double)p->byte_at[p->tasks] / p->tasks : 0;
}

void parts_way(const struct model *m, const struct m_shape *s, const struct m_site *site, struct way *ret)
{
        double n = fmin(shape_backlog(s), (double)slots_of(s, site));

        *ret = (struct way){0};
        if (!parts_ready(m, s, site))
                dataset_part_way(m, shared_input(s), site, (int64_t)ceil(mean_bytes(s->parts) * n), ret);
}

double parts_pace(const struct m_shape *s, const struct way *w)
{
        double each = mean_bytes(s->parts);

        return w->moving > 0 && each > 0 ? (double)w->bytes / w->moving / each : INFINITY;
}
