/* SPDX-License-Identifier: Apache-2.0 */
#include "core/spread.h"

#include "core/space.h"
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

/* The site where another copy would be soonest, over an idle way; NULL = none. */
static struct m_site *best_site(const struct model *m, const struct m_dataset *d, int32_t *ret_from)
{
        struct m_site *best = NULL;
        double seconds = INFINITY;

        for (size_t i = 0; i < m->site_cap; i++) {
                struct m_site *s = m->sites[i];
                struct way w;

                if (!s || s->gone || s->storage.in || !is_working(s) || !has_room(s, d->bytes) ||
                    !dataset_may_be_at(d, s))
                        continue;
                dataset_way(m, d, s, &w);
                if (!w.bytes || w.on_its_way || !w.from || w.seconds >= seconds ||
                    model_site(m, w.from)->storage.out)
                        continue;
                best = s;
                seconds = w.seconds;
                *ret_from = w.from;
        }
        return best;
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
                struct m_site *to = is_hot(m, d) ? best_site(m, d, &from) : NULL;

                if (!to)
                        continue;
                stage_open(t, d, to, from, WHY_COPY, 0);
                d->ahead++;
                opened++;
        }
}
