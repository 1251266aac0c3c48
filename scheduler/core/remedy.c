/* SPDX-License-Identifier: Apache-2.0 */
#include "core/remedy.h"

#include "core/place.h"

#include <math.h>
#include <string.h>

#define CLEARLY 0.7 /* of the time it would take: what counts as sooner */
#define TENTH   ((1LL << 30) / 10)

struct remedies {
        const struct model *m;
        const struct m_shape *s;
        struct remedy *at;
        size_t n;
        int tries; /* changes whose start was found */
};

/* ---- resources by number
 * -----------------------------------------------------------------------------------
 */

#define DIMS (3 + RES_CUSTOM_MAX)

static const unsigned bits[DIMS] = {REMEDY_CPUS, REMEDY_MEMORY, REMEDY_GPUS,
                                    [3 ... DIMS - 1] = REMEDY_CUSTOM};

static int64_t dim_get(const struct res *r, int d)
{
        return d == 0 ? r->cpus : d == 1 ? r->memory : d == 2 ? r->gpus : r->custom[d - 3];
}

static void dim_set(struct res *r, int d, int64_t v)
{
        int32_t small = v > INT32_MAX ? INT32_MAX : (int32_t)v;

        if (d == 1)
                r->memory = v;
        else
                *(d == 0 ? &r->cpus : d == 2 ? &r->gpus : &r->custom[d - 3]) = small;
}

/* Memory is proposed in tenths of a GiB, as people would write it. */
static int64_t rounded(int d, int64_t v)
{
        return d == 1 && v > 10 * TENTH ? (int64_t)ceil((double)(v / TENTH) * (double)TENTH) : v;
}

/* What of `have` the project could use at the site: its limits count too. */
static struct res usable(const struct m_shape *s, const struct m_site *site, const struct res *have)
{
        struct res r = *have;

        if (s->project->max_cpus && r.cpus > s->project->max_cpus)
                r.cpus = s->project->max_cpus;
        for (size_t i = 0; i < site->rule_count; i++) {
                if (site->rules[i].project == s->project->id && site->rules[i].max_cpus &&
                    r.cpus > site->rules[i].max_cpus)
                        r.cpus = site->rules[i].max_cpus;
        }
        return r;
}

static bool may_use(const struct m_shape *s, const struct m_site *site, bool any_site)
{
        bool may = site->all_projects, named = any_site || !s->site_count;

        for (size_t i = 0; i < site->rule_count; i++)
                may = may || site->rules[i].project == s->project->id;
        for (size_t i = 0; i < s->site_count; i++)
                named = named || s->sites[i] == site->id;
        return may && named && !site->gone;
}

static bool serves(const struct m_worker *w, const struct m_shape *s)
{
        return w && !w->gone && w->offer_known && (!w->project || w->project == s->project->id);
}

/* ---- collecting ------------------------------------------------------------------------------------------
 */

/* The shape as changed, for judging: it borrows from the one it is a copy of. */
static struct m_shape changed(const struct m_shape *s, const struct remedy *r)
{
        struct m_shape g = *s;

        g.need = r->need;
        g.jobs = (struct heap){0};
        if (r->what & REMEDY_SITES)
                g.site_count = 0;
        return g;
}

static void sort_in(struct remedies *rs, const struct remedy *r, double (*key)(const struct remedy *r))
{
        size_t at = rs->n;

        while (at && key(r) < key(&rs->at[at - 1]))
                at--;
        if (at == REMEDIES_MAX)
                return;
        rs->n += rs->n < REMEDIES_MAX;
        memmove(&rs->at[at + 1], &rs->at[at], (rs->n - at - 1) * sizeof *r);
        rs->at[at] = *r;
}

static double by_size(const struct remedy *r)
{
        return r->size;
}

static double by_start(const struct remedy *r)
{
        return r->start_in;
}

static void add_site(struct remedy *r, const struct m_site *site)
{
        if (r->site_n && r->sites[r->site_n - 1] == site)
                return;
        if (r->site_n < REMEDY_SITES_MAX)
                r->sites[r->site_n++] = site;
}

/* Sites with a worker that is large enough for the change. */
static void name_large_enough(const struct remedies *rs, struct remedy *r)
{
        r->site_n = 0;
        for (size_t i = 0; i < rs->m->site_cap; i++) {
                const struct m_site *site = rs->m->sites[i];

                if (!site || !may_use(rs->s, site, r->what & REMEDY_SITES))
                        continue;
                for (size_t k = 0; k < site->worker_count; k++) {
                        const struct m_worker *w = site->workers[k];
                        struct res have = usable(rs->s, site, &w->offer);

                        if (serves(w, rs->s) && res_fits(&r->need, &have))
                                add_site(r, site);
                }
        }
}

/* ---- never -----------------------------------------------------------------------------------------------
 */

/* The largest value of one resource below what is asked that some worker offers, all else being as asked; -1
 * none. */
static int64_t best_offer(const struct remedies *rs, int d, bool free_now)
{
        int64_t asked = dim_get(&rs->s->need, d), best = -1;

        for (size_t i = 0; i < rs->m->worker_cap; i++) {
                const struct m_worker *w = rs->m->workers[i];
                struct res have, need = rs->s->need;
                int64_t v;

                if (!serves(w, rs->s) || !may_use(rs->s, w->site, false) ||
                    (free_now && (!w->ready || w->disk_full || w->draining || w->site->intent != SITE_OPEN)))
                        continue;
                have = usable(rs->s, w->site, free_now ? &w->free : &w->offer);
                v = dim_get(&have, d);
                dim_set(&need, d, 0);
                if (v < asked && v > best && res_fits(&need, &have))
                        best = v;
        }
        return best;
}

static void never_by_one(struct remedies *rs)
{
        for (int d = 0; d < DIMS; d++) {
                int64_t asked = dim_get(&rs->s->need, d), v = asked > 0 ? best_offer(rs, d, false) : -1;
                struct remedy r = {.what = bits[d], .need = rs->s->need, .start_in = INFINITY};

                /* A task without a CPU is not what anybody means. */
                if (v < 0 || (d == 0 && v == 0))
                        continue;
                dim_set(&r.need, d, rounded(d, v));
                r.size = 1 - (double)v / (double)asked;
                name_large_enough(rs, &r);
                sort_in(rs, &r, by_size);
        }
}

/* As asked, but elsewhere: it gives up nothing. */
static void never_by_site(struct remedies *rs)
{
        struct remedy r = {.what = REMEDY_SITES, .need = rs->s->need, .start_in = INFINITY};

        if (!rs->s->site_count)
                return;
        name_large_enough(rs, &r);
        if (r.site_n)
                sort_in(rs, &r, by_size);
}

/* What one worker offers of everything: the one that takes least away. */
static void never_by_all(struct remedies *rs)
{
        struct remedy best = {.size = INFINITY, .start_in = INFINITY};

        for (size_t i = 0; i < rs->m->worker_cap; i++) {
                const struct m_worker *w = rs->m->workers[i];
                struct remedy r = {.need = rs->s->need, .start_in = INFINITY};
                struct res have;

                if (!serves(w, rs->s) || !may_use(rs->s, w->site, !rs->s->site_count))
                        continue;
                have = usable(rs->s, w->site, &w->offer);
                for (int d = 0; d < DIMS; d++) {
                        int64_t asked = dim_get(&r.need, d), v = dim_get(&have, d);

                        if (asked <= v || asked <= 0)
                                continue;
                        r.what |= bits[d];
                        r.size += 1 - (double)v / (double)asked;
                        dim_set(&r.need, d, rounded(d, v > 0 ? v : 0));
                }
                if (r.size < best.size && r.need.cpus > 0)
                        best = r;
        }
        if (isinf(best.size))
                return;
        name_large_enough(rs, &best);
        sort_in(rs, &best, by_size);
}

size_t remedy_never(const struct model *m, const struct m_shape *s, struct remedy ret[REMEDIES_MAX])
{
        struct remedies rs = {.m = m, .s = s, .at = ret};

        never_by_site(&rs);
        never_by_one(&rs);
        if (!rs.n)
                never_by_all(&rs);
        return rs.n;
}

/* ---- sooner ----------------------------------------------------------------------------------------------
 */

/* Judge the change; keep it when it helps. */
static void try_change(struct remedies *rs, const struct forecast_ask *ask, double start, struct remedy *r)
{
        struct m_shape g = changed(rs->s, r);
        struct forecast_ask guest = *ask;

        if (rs->tries++ >= REMEDY_TRIES_MAX)
                return;
        guest.shape = &g;
        r->start_in = forecast_likely(rs->m, &guest);
        if (isinf(r->start_in) || r->start_in > CLEARLY * start)
                return;
        r->site_n = 0;
        for (size_t i = 0; i < rs->m->site_cap; i++) {
                struct m_site *site = rs->m->sites[i];
                struct candidate c;

                if (!site || site->gone)
                        continue;
                place_judge(rs->m, &g, site, 0, false, &c);
                if (!c.dropped || (r->start_in > 0 && c.step >= PLACE_LIMITS))
                        add_site(r, site);
        }
        if (r->site_n)
                sort_in(rs, r, by_start);
}

static void sooner_by_one(struct remedies *rs, const struct forecast_ask *ask, double start, int d,
                          bool free_now)
{
        int64_t asked = dim_get(&rs->s->need, d), v = best_offer(rs, d, free_now);
        struct remedy r = {.what = bits[d], .need = rs->s->need};

        if (v <= 0 || v < asked / REMEDY_LEAST_PART)
                return;
        dim_set(&r.need, d, rounded(d, v));
        r.size = 1 - (double)v / (double)asked;
        try_change(rs, ask, start, &r);
}

size_t remedy_sooner(const struct model *m, const struct forecast_ask *ask, double start,
                     struct remedy ret[REMEDIES_MAX])
{
        struct remedies rs = {.m = m, .s = ask->shape, .at = ret};
        struct remedy elsewhere = {.what = REMEDY_SITES, .need = ask->shape->need};

        if (ask->shape->site_count)
                try_change(&rs, ask, start, &elsewhere);
        for (int d = 0; d < 3; d++) {
                if (dim_get(&ask->shape->need, d) <= (d == 1 ? 0 : 1))
                        continue;
                sooner_by_one(&rs, ask, start, d, true);
                sooner_by_one(&rs, ask, start, d, false);
        }
        return rs.n;
}
