/* SPDX-License-Identifier: Apache-2.0 */
/* Looking for a better arrangement: changes at random, most of them of what a task's data or the last end
 * suggest, kept when they cost less; early in a search now and then also when they cost a little more. */
#include "core/arrange_priv.h"

#include "common/ids.h"
#include "common/util.h"

#include <math.h>
#include <string.h>

#define TRIES 20   /* changes tried in one search, for each task and site */
#define HEAT  0.01 /* of the cost: how much worse a change may be at first */

static uint64_t dice(uint64_t *seed, uint64_t n)
{
        *seed += 0x9E3779B97F4A7C15ULL;
        return hash_mix(*seed) % (n ? n : 1);
}

static double dice_unit(uint64_t *seed)
{
        return (double)dice(seed, 1ULL << 52) / (double)(1ULL << 52);
}

/* ---- the first one ---------------------------------------------------------------------------------------
 */

struct places {                /* of a site, as far as they were given away */
        struct arr_room *room; /* by time */
        size_t n;
};

/* When they would take the task: the first so many that fall free, and not before its data is there. */
static double place_at(const struct places *p, int32_t width, double ready, size_t *ret_used)
{
        int32_t cpus = 0;
        size_t i = 0;

        while (i < p->n && cpus < width)
                cpus += p->room[i++].cpus;
        *ret_used = i;
        return cpus < width ? INFINITY : fmax(ready, p->room[i - 1].at);
}

static void take_place(struct places *p, size_t used, int32_t width, double end)
{
        size_t n = 0;
        int32_t left = width;

        for (size_t k = used; k-- > 0 && left > 0;) {
                int32_t part = p->room[k].cpus < left ? p->room[k].cpus : left;

                p->room[k].cpus -= part;
                left -= part;
        }
        for (size_t k = 0; k < p->n; k++) {
                if (p->room[k].cpus > 0)
                        p->room[n++] = p->room[k];
        }
        p->n = n;
        arranger_put_room(p->room, &p->n, end, width);
}

static double data_at(struct arranger *a, int32_t kind, size_t s)
{
        const struct arr_case *c = a->c;
        double ready = c->wait[(size_t)kind * c->sites + s];

        for (uint32_t k = c->needs_at[kind]; k < c->needs_at[kind + 1]; k++)
                ready = fmax(ready, arranger_bring(a, c->needs[k], s));
        return ready;
}

static void undo_all(struct arranger *a)
{
        while (a->undo_n) {
                const struct arr_undo *u = &a->undo[--a->undo_n];

                *u->at = u->was;
        }
}

/* Its end there with the price of what is moved for it, as things stand. */
static double try_site(struct arranger *a, int32_t kind, size_t s, const struct places *p)
{
        const struct arr_case *c = a->c;
        size_t cell = (size_t)kind * c->sites + s, used;
        double moving = a->moving, end;

        if (isinf(c->run[cell]))
                return INFINITY;
        a->undoing = true;
        end = place_at(p, c->width[cell], data_at(a, kind, s), &used) + c->run[cell];
        end += c->move_price * (a->moving - moving);
        undo_all(a);
        a->undoing = false;
        return end;
}

static size_t best_site(struct arranger *a, int32_t kind, const struct places *p)
{
        double best = INFINITY;
        size_t at = 0;

        for (size_t s = 0; s < a->c->sites; s++) {
                double end = try_site(a, kind, s, &p[s]);

                if (end < best) {
                        best = end;
                        at = s;
                }
        }
        return at;
}

void arrange_begin(struct arranger *a, const struct arr_case *c, struct arrangement *x)
{
        size_t total = c->room_at[c->sites];
        AUTO_FREE struct arr_room *room = xcalloc(total + c->sites * (c->tasks + 1), sizeof *room);
        AUTO_FREE struct places *places = xcalloc(c->sites, sizeof *places);

        arranger_fit(a, c);
        arranger_reset(a);
        for (size_t s = 0; s < c->sites; s++) {
                places[s].room = room + c->room_at[s] + s * (c->tasks + 1);
                places[s].n = c->room_at[s + 1] - c->room_at[s];
                memcpy(places[s].room, c->room + c->room_at[s], places[s].n * sizeof *room);
        }
        for (size_t i = 0; i < c->tasks; i++) {
                int32_t t = x->order[i], kind = c->task[t].kind;
                size_t s = x->site[t] < 0 ? best_site(a, kind, places) : (size_t)x->site[t], used;
                size_t cell = (size_t)kind * c->sites + s;
                double start = place_at(&places[s], c->width[cell], data_at(a, kind, s), &used);

                x->site[t] = (int32_t)s;
                if (start < INFINITY)
                        take_place(&places[s], used, c->width[cell], start + c->run[cell]);
        }
        x->cost = arranger_cost(a, x->site, x->order);
}

/* ---- changes ---------------------------------------------------------------------------------------------
 */

struct search {
        struct arranger *a;
        const struct arr_case *c;
        int32_t *site, *order;
        uint64_t *seed;
};

static int32_t any_task(struct search *h)
{
        return (int32_t)dice(h->seed, h->c->tasks);
}

static void send_to(struct search *h, int32_t t, size_t s)
{
        if (!isinf(h->c->run[(size_t)h->c->task[t].kind * h->c->sites + s]))
                h->site[t] = (int32_t)s;
}

static void change_site(struct search *h)
{
        send_to(h, any_task(h), dice(h->seed, h->c->sites));
}

static void change_two(struct search *h)
{
        int32_t t = any_task(h), u = any_task(h), was = h->site[t];

        send_to(h, t, (size_t)h->site[u]);
        send_to(h, u, (size_t)was);
}

static void shift(struct search *h, size_t from, size_t to)
{
        int32_t t = h->order[from];

        if (h->c->task[t].turn != h->c->task[h->order[to]].turn)
                return;
        if (from < to)
                memmove(h->order + from, h->order + from + 1, (to - from) * sizeof *h->order);
        else
                memmove(h->order + to + 1, h->order + to, (from - to) * sizeof *h->order);
        h->order[to] = t;
}

static void change_order(struct search *h)
{
        shift(h, dice(h->seed, h->c->tasks), dice(h->seed, h->c->tasks));
}

/* A file of the task; -1 = it reads none. */
static int32_t any_file(struct search *h, int32_t t)
{
        int32_t kind = h->c->task[t].kind;
        uint32_t n = h->c->needs_at[kind + 1] - h->c->needs_at[kind];

        return n ? h->c->needs[h->c->needs_at[kind] + dice(h->seed, n)] : -1;
}

static bool reads(const struct arr_case *c, int32_t t, int32_t file)
{
        int32_t kind = c->task[t].kind;

        for (uint32_t k = c->needs_at[kind]; k < c->needs_at[kind + 1]; k++) {
                if (c->needs[k] == file)
                        return true;
        }
        return false;
}

/* All that read a file at one site go to another, so that it need not be moved there. */
static void change_file(struct search *h)
{
        int32_t t = any_task(h), file = any_file(h, t), from = h->site[t];
        size_t to = dice(h->seed, h->c->sites);

        for (size_t u = 0; file >= 0 && u < h->c->tasks; u++) {
                if (h->site[u] == from && reads(h->c, (int32_t)u, file))
                        send_to(h, (int32_t)u, to);
        }
}

/* To another that reads the same, or to where it lies. */
static void change_join(struct search *h)
{
        int32_t t = any_task(h), file = any_file(h, t);
        size_t first = dice(h->seed, h->c->tasks);

        if (file < 0)
                return;
        if (dice(h->seed, 2)) {
                size_t s = dice(h->seed, h->c->sites);

                for (size_t i = 0; i < h->c->sites; i++, s = (s + 1) % h->c->sites) {
                        if (!isinf(h->c->there[(size_t)file * h->c->sites + s])) {
                                send_to(h, t, s);
                                return;
                        }
                }
        }
        for (size_t i = 0; i < h->c->tasks; i++) {
                size_t u = (first + i) % h->c->tasks;

                if (h->site[u] != h->site[t] && reads(h->c, (int32_t)u, file)) {
                        send_to(h, t, (size_t)h->site[u]);
                        return;
                }
        }
}

/* One of the site that ends last goes elsewhere, or before others. */
static void change_last(struct search *h)
{
        size_t last = 0, n = 0, at = 0;

        for (size_t s = 1; s < h->c->sites; s++)
                last = h->a->last[s] > h->a->last[last] ? s : last;
        for (size_t i = 0; i < h->c->tasks; i++) {
                if (h->site[h->order[i]] == (int32_t)last && dice(h->seed, ++n) == 0)
                        at = i;
        }
        if (!n)
                return;
        if (dice(h->seed, 2))
                send_to(h, h->order[at], dice(h->seed, h->c->sites));
        else
                shift(h, at, dice(h->seed, at + 1));
}

static void change(struct search *h)
{
        static void (*const changes[])(struct search *) = {change_site,  change_two,  change_order,
                                                           change_order, change_file, change_join,
                                                           change_last,  change_last};

        changes[dice(h->seed, ARRAY_LEN(changes))](h);
}

/* ---- the search ------------------------------------------------------------------------------------------
 */

int64_t arrange_improve(struct arranger *a, const struct arr_case *c, struct arrangement *x, int64_t steps,
                        uint64_t *seed)
{
        size_t bytes = c->tasks * sizeof(int32_t);
        struct search h = {a, c, a->trial_site, a->trial_order, seed};
        double cost, best;
        int64_t plays = TRIES * (int64_t)(c->tasks * c->sites);

        arranger_fit(a, c);
        h.site = a->trial_site;
        h.order = a->trial_order;
        a->steps = 0;
        best = cost = arranger_cost(a, x->site, x->order);
        memcpy(a->best_site, x->site, bytes);
        memcpy(a->best_order, x->order, bytes);
        while (a->steps < steps && plays-- > 0) {
                double left = 1 - (double)a->steps / (double)steps, heat = HEAT * best * left * left, trial;

                memcpy(h.site, x->site, bytes);
                memcpy(h.order, x->order, bytes);
                change(&h);
                if (dice(seed, 3) == 0)
                        change(&h);
                trial = arranger_cost(a, h.site, h.order);
                if (trial > cost && dice_unit(seed) >= exp((cost - trial) / (heat + 1e-9)))
                        continue;
                memcpy(x->site, h.site, bytes);
                memcpy(x->order, h.order, bytes);
                cost = trial;
                if (cost < best) {
                        best = cost;
                        memcpy(a->best_site, x->site, bytes);
                        memcpy(a->best_order, x->order, bytes);
                }
        }
        memcpy(x->site, a->best_site, bytes);
        memcpy(x->order, a->best_order, bytes);
        x->cost = best;
        return a->steps;
}
