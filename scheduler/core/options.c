/* SPDX-License-Identifier: Apache-2.0 */
/* The sites that a shape's tasks could finish at, as decide() goes through them.
 *
 * Each option takes tasks like a basin takes water: `burst` of them finish with the first, at `finish`; from
 * then on `pace` more every second. Sharing tasks out so that the last one ends soonest is pouring them in:
 * the level, a time, rises over the options in order of their finish, and those whose finish the level does
 * not reach get nothing. So it is one question whether a slower site that is free now should be left idle,
 * whether to stand in line for a full one, and whether to move data to a further one. */
#include "core/place_priv.h"

#include "common/util.h"
#include "core/ledger.h"
#include "core/transfer.h"

#include <math.h>
#include <string.h>

static int option_order(const void *a, const void *b)
{
        const struct option *x = a, *y = b;

        if (x->finish != y->finish)
                return x->finish < y->finish ? -1 : 1;
        return (x->site->id > y->site->id) - (x->site->id < y->site->id);
}

/* ---- pricing ---------------------------------------------------------------------------------------------
 */

static enum place_step step_of(enum option_kind kind)
{
        return kind == OPTION_NOW ? PLACE_STEP_COUNT : kind == OPTION_FULL ? PLACE_FREE : PLACE_STAGE;
}

/* When and how fast the site would take tasks of the shape. */
static void set_option(const struct model *m, const struct m_shape *s, struct m_site *site,
                       enum option_kind kind, const struct stage *stage, int64_t room, struct option *ret)
{
        double slots = (double)slots_of(s, site);
        const struct m_shape_site *at = shape_at(s, site->id);
        struct option o = {.site = site, .kind = kind, .ready = stage->seconds};
        struct terms t;

        price(m, s, site, stage, 0, &t);
        o.trusted = kind != OPTION_NOW && may_be_waited_for(s, site, step_of(kind));
        if (kind == OPTION_FULL && o.trusted && !s->input_count) {
                /* Its own tasks there set the pace; others would take what they free. */
                slots = at->live;
                t.wait = t.run / slots;
        } else if (kind != OPTION_NOW) {
                t.wait = ledger_wait(m, site, shape_cpus(s), 0);
        }
        terms_sum(&t);
        o.wait = t.wait;
        o.run = t.run;
        o.finish = t.finish;
        o.burst = kind != OPTION_FULL && room > 0 && t.wait <= t.stage ? (double)room : 1;
        o.pace = slots / (t.run > 1e-3 ? t.run : 1e-3);
        if (s->parts && kind == OPTION_STAGE && stage->part_pace < o.pace)
                o.pace = stage->part_pace;
        *ret = o;
}

/* A site's part in the fingerprint of an answer: whether it was in, and its price to about half of it. A site
 * that fills up and frees again is the same answer. */
static uint64_t answer_part(const struct m_site *site, enum place_step step, double finish)
{
        bool in = step >= PLACE_STAGE;
        int64_t size = in && finish > 0 ? (int64_t)(log(finish) * 2.0) : 0;

        return hash_mix((uint64_t)site->id ^ (uint64_t)(in ? 99 : step) << 32 ^ (uint64_t)size << 40);
}

struct sieve { /* what each site came to, by id (meaningless where there is no site) */
        uint8_t *steps;
        int64_t *room;
        struct stage *stages;                /* NULL when the shape reads nothing */
        size_t usable, now, staged, cramped; /* cramped: all that is missing is room for inputs */
        enum wait_reason why;
};

static void sift(const struct model *m, const struct m_shape *s, bool data, struct sieve *ret)
{
        struct reach reach = {.furthest = PLACE_KNOWN};
        struct stage glance = {.step = PLACE_STEP_COUNT};

        ret->steps = xmalloc(m->site_cap + 1);
        ret->room = xcalloc(m->site_cap + 1, sizeof *ret->room);
        ret->stages = s->input_count && data ? xcalloc(m->site_cap + 1, sizeof *ret->stages) : NULL;
        for (size_t i = 0; i < m->site_cap; i++) {
                const struct m_site *site = m->sites[i];
                struct stage *stage = ret->stages ? &ret->stages[i] : &glance;
                enum place_step step;
                struct look k;

                if (!site || site->gone)
                        continue;
                if (ret->stages)
                        stage_of(m, s, site, stage);
                else if (s->input_count)
                        stage_glance(m, s, site, stage);
                ret->steps[i] = (uint8_t)(step = funnel(m, s, site, stage, &k));
                ret->room[i] = k.room;
                ret->usable += step >= PLACE_STAGE;
                ret->now += step == PLACE_STEP_COUNT;
                ret->staged += step == PLACE_STAGE;
                ret->cramped += step == PLACE_SPACE && !stage->unknown;
                reach_add(&reach, s, site, step, stage);
        }
        /* Who reads data stands in line at full sites too: others are to see that. */
        ret->why = ret->now || (ret->stages && ret->usable) ? WAIT_NONE : reason_of(s, &reach);
}

static void sieve_release(struct sieve *v)
{
        free(v->steps);
        free(v->room);
        free(v->stages);
}

static void take_in(const struct model *m, const struct m_shape *s, const struct sieve *v, struct options *o)
{
        struct stage none = {.step = PLACE_STEP_COUNT};

        for (size_t i = 0; i < m->site_cap; i++) {
                struct m_site *site = m->sites[i];
                enum place_step step;
                struct option at = {0};

                if (!site || site->gone)
                        continue;
                step = (enum place_step)v->steps[i];
                if (step == PLACE_STAGE && !v->stages)
                        continue;
                if (step >= PLACE_STAGE) {
                        set_option(m, s, site,
                                   step == PLACE_STEP_COUNT ? OPTION_NOW
                                   : step == PLACE_FREE     ? OPTION_FULL
                                                            : OPTION_STAGE,
                                   v->stages ? &v->stages[i] : &none, v->room[i], &at);
                        /* Behind strangers alone there is nothing to wait for, unless data is at stake. */
                        if (at.kind != OPTION_FULL || at.trusted || s->input_count)
                                o->at[o->n++] = at;
                        o->stage_n += at.kind == OPTION_STAGE;
                }
                o->hash = o->hash * 31 + answer_part(site, step, at.finish - at.wait);
        }
}

void options_make(const struct model *m, const struct m_shape *s, bool data, struct options *ret)
{
        struct options o = {0};
        struct sieve v = {0};

        sift(m, s, data, &v);
        o.why = v.why;
        o.lacks_space = v.cramped && !v.usable;
        if (v.why == WAIT_NONE) { /* otherwise, as is usual on a busy grid, there is nothing to price */
                o.at = xcalloc(v.usable, sizeof *o.at);
                take_in(m, s, &v, &o);
                qsort(o.at, o.n, sizeof *o.at, option_order);
        }
        sieve_release(&v);
        *ret = o;
}

void options_release(struct options *o)
{
        free(o->at);
        *o = (struct options){0};
}

/* ---- sharing out -----------------------------------------------------------------------------------------
 */

/* Tasks that option k has taken when the level stands at `level`. */
static double taken(const struct option *k, double level)
{
        return level < k->finish ? 0 : k->burst + (level - k->finish) * k->pace;
}

/* Is there room for `count` tasks below the finish of option i, in options that are worth waiting for? Then
 * the free place there had better be left alone. */
static bool others_do(const struct options *o, size_t i, double count, int32_t avoid_site)
{
        double sum = 0;

        for (size_t k = 0; k < i && sum < count; k++) {
                if (o->at[k].trusted && o->at[k].site->id != avoid_site)
                        sum += taken(&o->at[k], o->at[i].finish);
        }
        return sum >= count;
}

void options_share(const struct options *o, int64_t count, int64_t *ret_counts)
{
        double burst = 0, pace = 0, paced = 0, level = 0, left = (double)count;
        size_t used = 0;

        for (; used < o->n; used++) {
                const struct option *k = &o->at[used];

                if (burst + pace * k->finish - paced >= left)
                        break;
                burst += k->burst;
                pace += k->pace;
                paced += k->pace * k->finish;
        }
        if (used)
                level = fmax((left - burst + paced) / pace, o->at[used - 1].finish);
        for (size_t i = 0; i < o->n; i++) {
                double n = i < used ? ceil(fmin(taken(&o->at[i], level), left)) : 0;

                ret_counts[i] = (int64_t)n;
                left -= n;
        }
}

/* ---- picking ---------------------------------------------------------------------------------------------
 */

int64_t room_now(const struct model *m, const struct m_shape *s, const struct m_site *site)
{
        struct look k = look_at_workers(m, s, site);
        int64_t limits = limit_room(s, site, rule_for(site, s->project));

        return k.room < limits ? k.room : limits;
}

/* The site filled up: what waiting for it comes to takes the option's place in the order, or it drops out. */
static void note_full(const struct model *m, const struct m_shape *s, struct options *o, size_t i)
{
        struct stage stage = {.step = PLACE_STEP_COUNT};
        struct option full;
        size_t k = i;

        if (s->parts) /* or those whose parts are there are gone */
                stage_of(m, s, o->at[i].site, &stage);
        set_option(m, s, o->at[i].site, stage.step == PLACE_STAGE ? OPTION_STAGE : OPTION_FULL, &stage, 0,
                   &full);
        if (!full.trusted && !s->input_count) {
                memmove(&o->at[i], &o->at[i + 1], (--o->n - i) * sizeof *o->at);
                return;
        }
        for (; k + 1 < o->n && option_order(&o->at[k + 1], &full) < 0; k++)
                o->at[k] = o->at[k + 1];
        o->at[k] = full;
}

struct m_site *options_pick(const struct model *m, const struct m_shape *s, struct options *o,
                            int32_t avoid_site, int64_t *ret_room, enum wait_reason *ret_wait)
{
        double count = avoid_site ? 1 : shape_backlog(s);
        struct option avoided = {0};
        int64_t avoided_room = 0;
        size_t i = 0;

        *ret_wait = o->why != WAIT_NONE ? o->why : project_room(s) ? WAIT_BUSY : WAIT_PROJECT_LIMIT;
        if (*ret_wait != WAIT_BUSY)
                return NULL;
        while (i < o->n) {
                const struct option *at = &o->at[i];
                int64_t room;

                if (at->kind != OPTION_NOW) {
                        i++;
                        continue;
                }
                room = room_now(m, s, at->site);
                if (!room) {
                        note_full(m, s, o, i);
                        continue;
                }
                if (avoid_site && at->site->id == avoid_site) {
                        avoided = *at;
                        avoided.finish += AVOID_PENALTY_S;
                        avoided_room = room;
                        i++;
                        continue;
                }
                if (avoided.site && avoided.finish < at->finish)
                        break;
                if (others_do(o, i, count, 0))
                        return NULL;
                *ret_room = room;
                return at->site;
        }
        if (!avoided.site)
                return NULL;
        for (i = 0; i < o->n; i++) {
                if (o->at[i].trusted && o->at[i].site != avoided.site && o->at[i].finish < avoided.finish)
                        return NULL;
        }
        *ret_room = avoided_room;
        return avoided.site;
}
