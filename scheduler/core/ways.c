/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ways.h"

#include "common/ids.h"
#include "common/util.h"
#include "core/transfer.h"

#include <string.h>

struct cell {
        uint64_t changes; /* of the destination, and one more: 0 = nothing was kept */
        uint64_t print;   /* of the holders that were compared, and of the sites */
        int64_t bytes;
        double prior, seconds, moving; /* prior: 0 when it does not matter */
        int32_t from;
};

struct row { /* answers of one dataset, by destination */
        int64_t dataset;
        uint64_t span;  /* in which its holders were looked at last */
        uint64_t *sums; /* of the fingerprints of the first holders: of 0, 1, ... all of them */
        size_t sum_cap;
        struct cell *cells;
};

struct ways {
        bool open;
        uint64_t span;  /* number of the present one */
        uint64_t world; /* fingerprint of the sites */
        struct row *rows;
        size_t row_n, width; /* width: cells of a row */
};

struct ways *ways_new(void)
{
        return xcalloc(1, sizeof(struct ways));
}

static void row_release(struct row *r)
{
        free(r->cells);
        free(r->sums);
}

static void clear(struct ways *w)
{
        for (size_t i = 0; i < w->row_n; i++)
                row_release(&w->rows[i]);
        free(w->rows);
        w->rows = NULL;
        w->row_n = 0;
}

void ways_free(struct ways *w)
{
        if (w)
                clear(w);
        free(w);
}

/* ---- fingerprints ----------------------------------------------------------------------------------------
 */

static uint64_t add(uint64_t print, uint64_t value)
{
        return hash_mix(print * 31 + value + 0x9e3779b97f4a7c15ULL);
}

static uint64_t add_double(uint64_t print, double value)
{
        uint64_t bits;

        memcpy(&bits, &value, sizeof bits);
        return add(print, bits);
}

static uint64_t print_of_world(const struct model *m)
{
        uint64_t print = 1;

        for (size_t i = 0; i < m->site_cap; i++) {
                const struct m_site *s = m->sites[i];

                if (!s)
                        continue;
                print = add(print, i << 1 | site_is_source(s));
                if (s->storage.egress > 0 || s->storage.ingress > 0)
                        print = add_double(add_double(print, s->storage.egress), s->storage.ingress);
        }
        return print;
}

static uint64_t print_of_holder(const struct m_dataset *d, const struct m_dataset_site *at)
{
        uint64_t what = (uint64_t)(at->files == d->files) << 2 | (uint64_t)at->suspect << 1 | at->leaving;

        return hash_mix(((uint64_t)at->site << 3 | what) + 0x9e3779b97f4a7c15ULL);
}

static void sum_up(struct row *r, const struct m_dataset *d)
{
        while (r->sum_cap <= d->site_count)
                r->sums = xgrow(r->sums, r->sum_cap, &r->sum_cap, sizeof *r->sums);
        r->sums[0] = 0;
        for (size_t i = 0; i < d->site_count; i++)
                r->sums[i + 1] = r->sums[i] + print_of_holder(d, &d->sites[i]);
}

/* ---- spans -----------------------------------------------------------------------------------------------
 */

static void resize(struct ways *w, size_t width)
{
        clear(w);
        w->width = width;
        w->row_n = WAYS_ROWS_MAX;
        while (w->row_n > 1 && w->row_n * width > WAYS_CELLS_MAX)
                w->row_n /= 2;
        w->rows = xcalloc(w->row_n, sizeof *w->rows);
}

void ways_open(struct model *m)
{
        struct ways *w = m->ways;

        if (!w)
                return;
        if (w->width != m->site_cap)
                resize(w, m->site_cap);
        w->open = true;
        w->span++;
        w->world = print_of_world(m);
}

void ways_close(struct model *m)
{
        if (m->ways)
                m->ways->open = false;
}

uint64_t ways_span(const struct model *m)
{
        return m->ways && m->ways->open ? m->ways->span : 0;
}

/* ---- answers ---------------------------------------------------------------------------------------------
 */

static struct row *row_of(const struct model *m, const struct m_dataset *d)
{
        struct ways *w = m->ways;
        struct row *r;

        if (!w || !w->open)
                return NULL;
        r = &w->rows[hash_mix((uint64_t)d->id) & (w->row_n - 1)];
        if (r->span == w->span && r->dataset == d->id)
                return r;
        if (!r->cells)
                r->cells = xcalloc(w->width, sizeof *r->cells);
        else if (r->dataset != d->id)
                memset(r->cells, 0, w->width * sizeof *r->cells);
        r->dataset = d->id;
        r->span = w->span;
        sum_up(r, d);
        return r;
}

static uint64_t print_of(const struct ways *w, const struct row *r, const struct way_asked *a)
{
        size_t n = a->d->site_count, end = a->first + a->look;

        if (end <= n)
                return w->world + r->sums[end] - r->sums[a->first];
        return w->world + r->sums[n] - r->sums[a->first] + r->sums[end - n];
}

/* Which links have changed since; false: too many, or what is promised on one counts for all. */
static bool look_back(const struct m_site *to, uint64_t seen, struct ways_since *ret)
{
        ret->n = 0;
        if (to->way_changes - seen > WAY_CHANGES_KEPT || to->storage.ingress > 0)
                return seen == to->way_changes;
        for (; seen < to->way_changes; seen++)
                ret->from[ret->n++] = to->changed[seen % WAY_CHANGES_KEPT];
        return true;
}

enum ways_kept ways_get(const struct model *m, const struct way_asked *asked, struct way_found *ret,
                        struct ways_since *since)
{
        const struct row *r = row_of(m, asked->d);
        const struct cell *c = r ? &r->cells[asked->to->id] : NULL;

        if (!c || !c->changes || c->bytes != asked->bytes || (c->prior != 0 && c->prior != m->link_prior) ||
            !look_back(asked->to, c->changes - 1, since) || c->print != print_of(m->ways, r, asked))
                return WAYS_NONE;
        *ret = (struct way_found){c->seconds, c->moving, c->from, true, c->prior != 0};
        return since->n ? WAYS_NEARLY : WAYS_RIGHT;
}

void ways_keep(const struct model *m, const struct way_asked *asked, const struct way_found *found)
{
        struct row *r = found->lasts ? row_of(m, asked->d) : NULL;

        if (r)
                r->cells[asked->to->id] = (struct cell){.changes = asked->to->way_changes + 1,
                                                        .print = print_of(m->ways, r, asked),
                                                        .bytes = asked->bytes,
                                                        .prior = found->prior ? m->link_prior : 0,
                                                        .seconds = found->seconds,
                                                        .moving = found->moving,
                                                        .from = found->from};
}
