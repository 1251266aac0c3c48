/* SPDX-License-Identifier: Apache-2.0 */
/* What the arrangement says, as the pass follows it. seats_case.c makes the case of it. */
#include "core/seats_priv.h"

#include "common/util.h"
#include "core/ledger.h"
#include "core/place_priv.h"
#include "core/transfer.h"

#include <math.h>
#include <string.h>

bool seats_has(const struct model *m, const struct m_shape *s)
{
        return m->seating && m->seating->pass == m->pass && s->seat_n;
}

/* ---- first come, first served, among those that are alike ------------------------------------------------
 */

#define ALIKE_FAR 200 /* places in the order: so far those that are alike are looked for */

static bool alike(const struct seat_case *sc, int32_t a, int32_t b)
{
        const struct arr_case *c = &sc->c;
        size_t i = (size_t)c->task[a].kind, k = (size_t)c->task[b].kind, n = c->sites;
        uint32_t needs = c->needs_at[i + 1] - c->needs_at[i];

        if (c->task[a].turn != c->task[b].turn || c->needs_at[k + 1] - c->needs_at[k] != needs)
                return false;
        return i == k ||
               (memcmp(c->run + i * n, c->run + k * n, n * sizeof *c->run) == 0 &&
                memcmp(c->wait + i * n, c->wait + k * n, n * sizeof *c->wait) == 0 &&
                memcmp(c->width + i * n, c->width + k * n, n * sizeof *c->width) == 0 &&
                memcmp(c->needs + c->needs_at[i], c->needs + c->needs_at[k], needs * sizeof *c->needs) == 0);
}

static bool came_before(const struct seat_case *sc, int32_t a, int32_t b)
{
        const struct seat_task *x = &sc->tasks[a], *y = &sc->tasks[b];

        return x->job != y->job ? x->job < y->job : x->number < y->number;
}

/* Of two that are alike the first that came gets what starts first: which of them it is makes no difference
 * to the whole. */
static void keep_arrival(const struct seat_case *sc, struct arrangement *x)
{
        for (size_t i = 0; i < sc->task_n; i++) {
                for (size_t k = i + 1; k < sc->task_n && k < i + ALIKE_FAR; k++) {
                        int32_t a = x->order[i], b = x->order[k], site;
                        double start;

                        if (!alike(sc, a, b) || came_before(sc, a, b) == (x->start[a] <= x->start[b]))
                                continue;
                        site = x->site[a];
                        start = x->start[a];
                        x->site[a] = x->site[b];
                        x->start[a] = x->start[b];
                        x->site[b] = site;
                        x->start[b] = start;
                        x->order[i] = b;
                        x->order[k] = a;
                }
        }
}

/* ---- making them -----------------------------------------------------------------------------------------
 */

/* By place in the order; those without a seat behind the others of their turn. */
static int seat_order(const void *a, const void *b)
{
        const struct seat_task *x = a, *y = b;

        if (x->turn != y->turn)
                return x->turn < y->turn ? -1 : 1;
        if ((x->site < 0) != (y->site < 0))
                return x->site < 0 ? 1 : -1;
        if (x->site >= 0 && x->at != y->at)
                return x->at < y->at ? -1 : 1;
        if (x->site < 0 && x->length != y->length)
                return x->length > y->length ? -1 : 1;
        if (x->job != y->job)
                return x->job < y->job ? -1 : 1;
        return (x->number > y->number) - (x->number < y->number);
}

/* The first arrangement with those that have none yet in one order or another. */
static void begin(struct seating *g, const struct seat_case *sc, int way, struct arrangement *x)
{
        AUTO_FREE struct seat_task *order = xmalloc(sc->task_n * sizeof *order);

        memcpy(order, sc->tasks, sc->task_n * sizeof *order);
        for (size_t i = 0; i < sc->task_n; i++) {
                order[i].length = way == 0 ? 0 : way == 1 ? order[i].run : order[i].run + order[i].moving;
                order[i].index = (int32_t)i;
        }
        qsort(order, sc->task_n, sizeof *order, seat_order);
        arrangement_init(x, sc->task_n);
        for (size_t i = 0; i < sc->task_n; i++) {
                x->order[i] = order[i].index;
                x->site[i] = sc->tasks[i].site;
        }
        arrange_begin(g->arranger, &sc->c, x);
}

#define FIRST_WAYS 3

/* How many steps are spent on so many new tasks now. */
static int64_t pay(struct seating *g, size_t fresh, int64_t now_ms)
{
        int64_t steps;

        g->purse += (now_ms - g->filled) * SEATS_STEPS_MS;
        g->filled = now_ms;
        if (g->purse > SEATS_STEPS_MAX)
                g->purse = SEATS_STEPS_MAX;
        g->credit += (int64_t)fresh * SEATS_STEPS_TASK;
        if (g->credit > SEATS_STEPS_MAX)
                g->credit = SEATS_STEPS_MAX;
        steps = (g->credit < SEATS_STEPS_PASS ? g->credit : SEATS_STEPS_PASS);
        g->credit -= steps;
        steps += SEATS_STEPS_LOOK;
        if (steps > g->purse)
                steps = g->purse;
        g->purse -= steps;
        return steps;
}

static void arrange(struct seating *g, const struct seat_case *sc, int64_t now_ms, struct arrangement *ret)
{
        struct arrangement x = {0};

        begin(g, sc, 0, ret);
        for (int way = 1; way < FIRST_WAYS && sc->fresh > 1; way++) {
                begin(g, sc, way, &x);
                if (x.cost < ret->cost) {
                        struct arrangement t = *ret;

                        *ret = x;
                        x = t;
                }
        }
        arrangement_release(&x);
        arrange_improve(g->arranger, &sc->c, ret, pay(g, sc->fresh, now_ms), &g->dice);
        arrange_play(g->arranger, &sc->c, ret);
        keep_arrival(sc, ret);
}

static void give_seats(struct seating *g, const struct seat_case *sc, const struct arrangement *x)
{
        for (size_t k = 0; k < sc->shape_n; k++) {
                sc->shapes[k]->seat_n = 0;
                if (!isinf(sc->shapes[k]->rank))
                        sc->shapes[k]->rank = 0;
        }
        for (size_t i = 0; i < sc->task_n; i++) {
                int32_t t = x->order[i], kind = sc->c.task[t].kind;
                struct m_shape *s = sc->shapes[kind];
                struct seat seat = {.site = sc->site_ids[x->site[t]],
                                    .at = (int32_t)i,
                                    .run = sc->c.run[(size_t)kind * sc->c.sites + (size_t)x->site[t]]};

                for (uint32_t f = sc->c.needs_at[kind]; f < sc->c.needs_at[kind + 1]; f++) {
                        size_t cell = (size_t)sc->c.needs[f] * sc->c.sites + (size_t)x->site[t];

                        seat.data = seat.data || sc->c.there[cell] > 0;
                }
                seat.ready = seat.data ? x->start[t] : 0;
                if (!s->seat_n && !isinf(s->rank))
                        s->rank = (double)(sc->task_n - i);
                s->seats = xgrow(s->seats, s->seat_n, &s->seat_cap, sizeof *s->seats);
                s->seats[s->seat_n++] = seat;
        }
        g->wanted_n = 0;
        for (size_t i = 0; i < x->move_n; i++) {
                const struct arr_move *mv = &x->moves[i];

                if (mv->begin > SEATS_AHEAD_S)
                        continue;
                g->wanted = xgrow(g->wanted, g->wanted_n, &g->wanted_cap, sizeof *g->wanted);
                g->wanted[g->wanted_n++] = (struct seat_want){sc->data[mv->file], sc->site_ids[mv->from],
                                                              sc->site_ids[mv->to], sc->reader[mv->file]};
        }
}

bool seats_make(struct turns *t)
{
        struct model *m = t->m;
        struct seat_case sc = {0};
        struct arrangement x = {0};
        bool good = seat_case_make(m, &sc);

        if (good) {
                if (!m->seating) {
                        m->seating = xcalloc(1, sizeof *m->seating);
                        m->seating->arranger = arranger_new();
                        m->seating->dice = m->seed;
                        m->seating->filled = m->now_ms - SEATS_STEPS_MAX / SEATS_STEPS_MS;
                }
                arrange(m->seating, &sc, m->now_ms, &x);
                give_seats(m->seating, &sc, &x);
                m->seating->pass = m->pass;
        }
        arrangement_release(&x);
        seat_case_release(&sc);
        return good;
}

void seating_free(struct seating *g)
{
        if (!g)
                return;
        arranger_free(g->arranger);
        free(g->wanted);
        free(g);
}

/* ---- following them --------------------------------------------------------------------------------------
 */

struct m_site *seats_pick(const struct model *m, const struct m_shape *s, const struct options *o,
                          int64_t *ret_room, enum wait_reason *ret_wait)
{
        *ret_wait = o->why != WAIT_NONE ? o->why : project_room(s) ? WAIT_BUSY : WAIT_PROJECT_LIMIT;
        if (*ret_wait != WAIT_BUSY)
                return NULL;
        for (size_t i = 0; i < s->seat_n; i++) {
                struct m_site *site = model_site(m, s->seats[i].site);
                int64_t room = 0, seats = 0;

                for (size_t k = 0; k < o->n && !room; k++) {
                        if (o->at[k].site == site && o->at[k].kind == OPTION_NOW)
                                room = room_now(m, s, site);
                }
                if (!room)
                        continue;
                for (size_t k = 0; k < s->seat_n; k++)
                        seats += s->seats[k].site == site->id;
                *ret_room = room < seats ? room : seats;
                return site;
        }
        return NULL;
}

void seats_taken(struct m_shape *s, const struct m_site *site, int64_t n)
{
        size_t left = 0;

        for (size_t i = 0; i < s->seat_n; i++) {
                if (n > 0 && s->seats[i].site == site->id)
                        n--;
                else
                        s->seats[left++] = s->seats[i];
        }
        /* They went where they had none: others need theirs no more. */
        s->seat_n = (int64_t)left > n ? left - (size_t)n : 0;
}

bool seats_was_passed_over(const struct model *m, const struct m_shape *s)
{
        const struct m_site *site = model_site(m, s->seats[0].site);

        for (size_t i = 0; i < site->worker_count && !s->seats[0].data; i++) {
                if (site->workers[i]->filled > s->wait_turn)
                        return true;
        }
        return false;
}

bool seats_wait(const struct model *m, struct m_shape *s)
{
        for (size_t i = 0; i < s->seat_n; i++)
                ledger_promise(m, model_site(m, s->seats[i].site), shape_cpus(s), s->seats[i].ready,
                               s->seats[i].run, 1);
        s->staging = s->seats[0].data;
        return s->staging;
}

void seats_send(struct turns *t)
{
        const struct seating *g = t->m->seating;

        if (!g || g->pass != t->m->pass)
                return;
        for (size_t i = 0; i < g->wanted_n; i++)
                stage_want(t, g->wanted[i].reader, g->wanted[i].data, model_site(t->m, g->wanted[i].to),
                           g->wanted[i].from);
}
