/* SPDX-License-Identifier: Apache-2.0 */
#include "core/spread.h"

#include "core/space.h"
#include "core/link.h"
#include "core/parts.h"
#include "core/transfer.h"

#include <math.h>

/* Bytes moved for tasks lately, beyond what the copies made ahead answer for. */
static bool is_hot(const struct model *m, const struct m_dataset *d)
{
        return d->sealed && !d->removed && d->bytes > 0 && d->reader_count &&
               dataset_heat(m, d) >= SPREAD_HEAT * (double)d->bytes * (d->ahead + 1);
}

static bool has_room(const struct m_site *s, int64_t bytes)
{
        const struct m_storage *t = &s->storage;

        return t->accept && !t->unknown && bytes <= t->quota / SPREAD_PART && !claim_holder(s) &&
               bytes <= t->quota - t->used - t->pledged;
}

static bool is_working(const struct m_site *s)
{
        return s->intent == SITE_OPEN && !s->alarm && !site_breaker_is_open(s) && site_is_source(s);
}

/* Nothing large moves that a copy would take its rate from: on the link, and where the sites have a limit for
 * all their links, at neither end. */
static bool is_idle(const struct model *m, int32_t from, const struct m_site *to)
{
        const struct m_storage *out = &model_site(m, from)->storage, *in = &to->storage;
        const struct m_link *l = model_link(m, from, to->id);

        return (!l || l->active == l->small) && (out->egress <= 0 || out->out == out->out_small) &&
               (in->ingress <= 0 || in->in == in->in_small);
}

/* The site where another copy would be soonest, over an idle way; NULL = none. */
static struct m_site *best_site(const struct model *m, const struct m_dataset *d, int32_t *ret_from)
{
        struct m_site *best = NULL;
        double seconds = INFINITY;

        for (size_t i = 0; i < m->site_cap; i++) {
                struct m_site *s = m->sites[i];
                struct way w;

                if (!s || s->gone || !is_working(s) || !has_room(s, d->bytes) || !dataset_may_be_at(d, s))
                        continue;
                dataset_way(m, d, s, &w);
                if (!w.bytes || w.on_its_way || !w.from || w.seconds >= seconds || !is_idle(m, w.from, s))
                        continue;
                best = s;
                seconds = w.seconds;
                *ret_from = w.from;
        }
        return best;
}

/* ---- rent ------------------------------------------------------------------------------------------------
 */

/* CPUs that are free at the site. */
static double idle_at(const struct m_site *s)
{
        double idle = 0;

        for (size_t k = 0; k < s->worker_count; k++) {
                const struct m_worker *w = s->workers[k];

                idle += w->ready && !w->draining && w->free.cpus > 0 ? w->free.cpus : 0;
        }
        return idle;
}

/* CPUs that are free where it could be but is not; *ret_coming: where it is on its way. */
static double idle_without(const struct model *m, const struct m_dataset *d, double *ret_coming)
{
        double idle = 0;

        *ret_coming = 0;
        for (size_t i = 0; i < m->site_cap; i++) {
                const struct m_site *s = m->sites[i];

                if (!s || s->gone || !is_working(s) || model_dataset_at(d, s->id))
                        continue;
                if (model_transfer_to(m, d, s->id))
                        *ret_coming += idle_at(s);
                else if (has_room(s, d->bytes) && dataset_may_be_at(d, s))
                        idle += idle_at(s);
        }
        return idle;
}

/* Most of what the job reads. */
static bool is_main_input(const struct m_job *j, const struct m_dataset *d)
{
        int64_t bytes = 0;

        for (size_t i = 0; i < j->input_count; i++)
                bytes += j->inputs[i]->bytes;
        return d->bytes * 2 > bytes;
}

/* CPUs that those ask for who wait for a place where it lies, with it as their main input. Who waits for its
 * data is to get it already. */
static double kept_waiting(const struct model *m, const struct m_dataset *d)
{
        double cpus = 0;

        for (size_t i = 0; i < d->reader_count && i < RENT_READERS; i++) {
                const struct m_job *j = d->readers[i].job;
                const struct m_shape *s = j->shape;
                int64_t n = heap_has(&s->jobs, j) ? job_waiting(j) : 0;

                if (n > 0 && s->wait_pass == m->pass && s->wait == WAIT_BUSY && !s->site_count &&
                    !parts_are_of(s, d) && is_main_input(j, d))
                        cpus += (double)n * (j->shape->need.cpus > 0 ? j->shape->need.cpus : 1);
        }
        return cpus;
}

/* True while there is anybody to pay. */
static bool pay_rent(const struct model *m, struct m_dataset *d)
{
        double gone = (double)(m->now_ms - d->rent_at) / 1000.0, cpus, idle, coming;

        d->rent *= exp2(-gone * 1000.0 / RENT_HALF_LIFE);
        d->rent_at = m->now_ms;
        if (!d->sealed || d->removed || d->bytes <= 0 || !d->reader_count || !(cpus = kept_waiting(m, d)))
                return false;
        idle = idle_without(m, d, &coming);
        if (cpus <= coming)
                return false;
        d->rent += fmin(cpus - coming, idle) * fmin(gone, RENT_LOOK_S);
        return true;
}

/* Seconds of moving that the rent so far pays for. */
static double rent_pays(const struct m_dataset *d)
{
        return d->rent / SPREAD_RENT;
}

static bool buys(const struct model *m, struct m_dataset *d, const struct m_site *to, int32_t from)
{
        double moving = (double)d->bytes / link_rate(m, from, to->id);

        if (rent_pays(d) < moving)
                return false;
        d->rent -= moving * SPREAD_RENT;
        return true;
}

void spread_hot(struct turns *t)
{
        struct model *m = t->m;
        struct m_dataset *d;
        int opened = 0;

        if (m->spread_at && m->now_ms - m->spread_at < SPREAD_LOOK_MS)
                return;
        m->spread_at = m->now_ms;
        for (size_t i = 0; opened < SPREAD_AT_ONCE && (d = map_next(&m->datasets, &i));) {
                int32_t from = 0;
                struct m_site *to;
                bool hot = is_hot(m, d), pays = pay_rent(m, d);

                to = hot || pays ? best_site(m, d, &from) : NULL;
                if (!to || (!hot && !buys(m, d, to, from)))
                        continue;
                stage_open(t, d, to, from, WHY_COPY, 0);
                d->ahead += hot;
                opened++;
        }
}
