/* SPDX-License-Identifier: Apache-2.0 */
#include "core/learned.h"

#include "common/util.h"

#include <math.h>

struct m_past { /* of a shape that nobody uses yet */
        struct learned_row *rows;
        size_t n, cap;
};

static int64_t ends_left(const struct model *m, const struct learned_row *r)
{
        double age = (double)(m->wall_ms - r->at), n = (double)r->ended;

        if (n > LEARNED_ENDS_MAX)
                n = LEARNED_ENDS_MAX;
        if (age > 0)
                n *= exp2(-age / LEARNED_HALF_LIFE_MS);
        return n >= 1 ? (int64_t)n : 1;
}

static void give_kind(struct model *m, const struct learned_row *r)
{
        struct m_class *c;

        if (map_get(&m->classes, r->key))
                return;
        c = xcalloc(1, sizeof *c);
        c->key = r->key;
        c->run_ms = r->run_ms;
        c->ended = ends_left(m, r);
        c->arrived_at = m->wall_ms;
        map_put(&m->classes, r->key, c);
}

static void give_shape(struct model *m, const struct learned_row *r)
{
        struct m_past *p = map_get(&m->past, r->key);

        if (!p) {
                p = xcalloc(1, sizeof *p);
                map_put(&m->past, r->key, p);
        }
        p->rows = xgrow(p->rows, p->n, &p->cap, sizeof *p->rows);
        p->rows[p->n++] = *r;
}

static void give_project(struct model *m, const struct learned_row *r)
{
        struct m_project *p = r->key <= INT32_MAX ? model_project(m, (int32_t)r->key) : NULL;

        if (!p || p->ended)
                return;
        p->run_log = log(r->run_ms > 1 ? r->run_ms : 1);
        p->ended = ends_left(m, r);
}

void learned_give(struct model *m, const struct learned_row *r)
{
        if (!isfinite(r->run_ms) || r->run_ms < 0 || r->ended < 0 || r->early < 0 || r->site < 0)
                return;
        if (r->what == LEARNED_SHAPE)
                give_shape(m, r);
        else if (r->run_ms > 0 && r->ended > 0 && r->what == LEARNED_KIND)
                give_kind(m, r);
        else if (r->run_ms > 0 && r->ended > 0)
                give_project(m, r);
}

static void recall_row(const struct model *m, struct m_shape *s, const struct learned_row *r)
{
        struct m_shape_site *at;

        if (!r->site && r->ended && r->run_ms > 0) {
                s->run_ms = r->run_ms;
                s->ended = ends_left(m, r);
        }
        if (!r->site)
                return;
        at = shape_site(s, r->site);
        at->run_ms = r->run_ms;
        at->ok = r->ended && r->run_ms > 0 ? (int32_t)ends_left(m, r) : 0;
        at->early = r->early;
}

void learned_recall(struct model *m, struct m_shape *s)
{
        struct m_past *p = map_del(&m->past, s->key);

        if (!p)
                return;
        for (size_t i = 0; i < p->n; i++)
                recall_row(m, s, &p->rows[i]);
        free(p->rows);
        free(p);
}

void learned_release(struct model *m)
{
        struct m_past *p;

        for (size_t i = 0; (p = map_next(&m->past, &i));) {
                free(p->rows);
                free(p);
        }
        map_release(&m->past);
}

/* ---- taking ----------------------------------------------------------------------------------------------
 */

struct taken {
        const struct model *m;
        struct learned_row *rows;
        size_t n, cap;
};

static void take(struct taken *t, enum learned_what what, uint64_t key, int32_t site, double run_ms,
                 int64_t ended, int32_t early)
{
        t->rows = xgrow(t->rows, t->n, &t->cap, sizeof *t->rows);
        t->rows[t->n++] = (struct learned_row){what, key, site, run_ms, ended, early, t->m->wall_ms};
}

static void take_shape(struct taken *t, struct m_shape *s)
{
        s->learned = false;
        take(t, LEARNED_SHAPE, s->key, 0, s->run_ms, s->ended, 0);
        for (size_t i = 0; i < s->at_count; i++) {
                const struct m_shape_site *at = &s->at[i];

                if (at->ok || at->early)
                        take(t, LEARNED_SHAPE, s->key, at->site, at->run_ms, at->ok, at->early);
        }
}

size_t learned_take(struct model *m, struct learned_row **ret)
{
        struct taken t = {.m = m};
        struct m_shape *s;
        struct m_class *c;

        for (size_t i = 0; i < m->project_cap; i++) {
                struct m_project *p = m->projects[i];

                if (!p || !p->learned)
                        continue;
                p->learned = false;
                take(&t, LEARNED_PROJECT, (uint64_t)p->id, 0, exp(p->run_log), p->ended, 0);
        }
        for (size_t i = 0; t.n < LEARNED_TAKE_MAX && (c = map_next(&m->classes, &i));) {
                if (!c->learned)
                        continue;
                c->learned = false;
                take(&t, LEARNED_KIND, c->key, 0, c->run_ms, c->ended, 0);
        }
        for (size_t i = 0; t.n < LEARNED_TAKE_MAX && (s = map_next(&m->shapes, &i));) {
                if (s->learned)
                        take_shape(&t, s);
        }
        *ret = t.rows;
        return t.n;
}
