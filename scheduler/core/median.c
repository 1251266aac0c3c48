/* SPDX-License-Identifier: Apache-2.0 */
#include "core/median.h"

#include "common/util.h"

struct bin {
        struct m_link **at;
        size_t n, cap;
};

struct median {
        struct bin bins[MEDIAN_BINS];
        size_t n;
};

struct median *median_new(void)
{
        return xcalloc(1, sizeof(struct median));
}

void median_free(struct median *x)
{
        for (size_t i = 0; x && i < MEDIAN_BINS; i++)
                free(x->bins[i].at);
        free(x);
}

size_t median_count(const struct median *x)
{
        return x->n;
}

/* By rate; what is beyond the last bin stands in it. */
static int32_t bin_of(const struct m_link *l)
{
        double at = l->log_rate * MEDIAN_FINEST;

        return at < 0 ? 0 : at < MEDIAN_BINS - 1 ? (int32_t)at : MEDIAN_BINS - 1;
}

static void take_out(struct median *x, struct m_link *l)
{
        struct bin *b = &x->bins[l->bin - 1];

        b->at[l->bin_place] = b->at[--b->n];
        b->at[l->bin_place]->bin_place = l->bin_place;
        l->bin = 0;
        x->n--;
}

static void put_in(struct median *x, struct m_link *l, int32_t bin)
{
        struct bin *b = &x->bins[bin];

        b->at = xgrow(b->at, b->n, &b->cap, sizeof(struct m_link *));
        l->bin = bin + 1;
        l->bin_place = b->n;
        b->at[b->n++] = l;
        x->n++;
}

void median_note(struct median *x, struct m_link *l)
{
        int32_t bin = bin_of(l);

        if (l->bin && l->weight > 0 && l->bin == bin + 1)
                return;
        if (l->bin)
                take_out(x, l);
        if (l->weight > 0)
                put_in(x, l, bin);
}

static int by_double(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

/* The k-th smallest, from 0. */
static double smallest(const struct median *x, size_t k)
{
        const struct bin *b = x->bins;
        double *v, found;

        while (k >= b->n)
                k -= b++->n;
        v = xmalloc(b->n * sizeof *v);
        for (size_t i = 0; i < b->n; i++)
                v[i] = b->at[i]->log_rate;
        qsort(v, b->n, sizeof *v, by_double);
        found = v[k];
        free(v);
        return found;
}

double median_find(const struct median *x)
{
        double high = smallest(x, x->n / 2);

        return x->n % 2 ? high : (smallest(x, x->n / 2 - 1) + high) / 2;
}
