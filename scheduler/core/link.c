/* SPDX-License-Identifier: Apache-2.0 */
#include "core/link.h"

#include "common/util.h"
#include "core/median.h"

#include <math.h>
#include <string.h>

#define SPREAD_MIN 0.25 /* no link is known better than that */

/* Links stand with their destination: whoever compares sources walks along them. */
struct m_link *model_link(const struct model *m, int32_t from, int32_t to)
{
        const struct m_site *s = model_site(m, to);

        return s ? link_from(s, from) : NULL;
}

struct m_link *model_link_put(struct model *m, int32_t from, int32_t to)
{
        struct m_site *s = model_site(m, to);
        struct m_link *l = model_link(m, from, to);

        if (l || !s || !model_site(m, from))
                return l;
        if ((size_t)from >= s->link_cap) {
                size_t old = s->link_cap;

                s->links = xgrow(s->links, (size_t)from, &s->link_cap, sizeof(struct m_link *));
                memset(s->links + old, 0, (s->link_cap - old) * sizeof(struct m_link *));
        }
        l = s->links[from] = xcalloc(1, sizeof *l);
        l->from = from;
        l->to = to;
        l->latency = LINK_LATENCY_S;
        return l;
}

void link_changed(const struct model *m, int32_t from, int32_t to)
{
        struct m_site *s = model_site(m, to);

        if (s)
                s->changed[s->way_changes++ % WAY_CHANGES_KEPT] = from;
}

/* ---- learning --------------------------------------------------------------------------------------------
 */

static void age(struct m_link *l, int64_t now)
{
        double gone = (double)(now - l->learned_at);

        if (gone > 0) {
                double left = exp2(-gone / LINK_HALF_LIFE_MS);

                l->weight *= left;
                l->latency_weight *= left;
        }
        l->learned_at = now;
}

/* The estimate: the mean, drawn towards the prior while little is known. */
static void set_rate(const struct model *m, struct m_link *l)
{
        double prior = log(m->link_prior);

        l->rate =
            l->weight > 0
                ? exp((l->weight * l->log_rate + LINK_PRIOR_WEIGHT * prior) / (l->weight + LINK_PRIOR_WEIGHT))
                : 0;
        l->dirty = true;
        median_note(m->median, l);
        link_changed(m, l->from, l->to);
}

void link_set_limits(struct model *m, struct m_link *l, double budget, int32_t max_active)
{
        l->budget = budget;
        l->max_active = max_active;
        link_changed(m, l->from, l->to);
}

void link_know(struct model *m, struct m_link *l, double rate, double latency, double weight, int64_t at)
{
        l->log_rate = log(rate > 1 ? rate : 1);
        l->spread = SPREAD_MIN;
        l->weight = weight < LINK_SAMPLES_MAX ? weight : LINK_SAMPLES_MAX;
        l->latency = latency > 0 ? latency : LINK_LATENCY_S;
        l->latency_weight = l->weight;
        l->learned_at = at;
        m->links_learned = true;
        set_rate(m, l);
}

static void learn_rate(struct m_link *l, double rate)
{
        double x = log(rate > 1 ? rate : 1), off;

        if (l->weight < 0.5) { /* nothing that still counts */
                l->log_rate = x;
                l->spread = 2 * SPREAD_MIN;
                l->weight = 1;
                return;
        }
        off = x - l->log_rate;
        off = off > LINK_SURPRISE ? LINK_SURPRISE : off < -LINK_SURPRISE ? -LINK_SURPRISE : off;
        l->weight = l->weight + 1 < LINK_SAMPLES_MAX ? l->weight + 1 : LINK_SAMPLES_MAX;
        l->log_rate += off / l->weight;
        l->spread += (fabs(off) - l->spread) / l->weight;
        if (l->spread < SPREAD_MIN)
                l->spread = SPREAD_MIN;
}

void link_learn(struct model *m, struct m_link *l, int64_t bytes, int64_t ms, double sharing)
{
        double seconds = (double)(ms > 1 ? ms : 1) / 1000.0;

        age(l, m->wall_ms);
        l->failures = l->rests = 0;
        l->rest_until = 0;
        if (bytes >= LINK_SAMPLE_BYTES) {
                learn_rate(l, (double)bytes / seconds * (sharing > 1 ? sharing : 1));
        } else {
                double left = seconds - (double)bytes / link_rate(m, l->from, l->to);

                l->latency_weight =
                    l->latency_weight + 1 < LINK_SAMPLES_MAX ? l->latency_weight + 1 : LINK_SAMPLES_MAX;
                l->latency += ((left > 0.001 ? left : 0.001) - l->latency) / l->latency_weight;
        }
        m->links_learned = true;
        set_rate(m, l);
}

void link_failed(const struct model *m, struct m_link *l)
{
        int64_t rest = LINK_REST_MS;

        l->dirty = true;
        link_changed(m, l->from, l->to);
        if (++l->failures < LINK_FAILURES)
                return;
        for (int32_t i = 0; i < l->rests && rest < LINK_REST_MAX_MS; i++)
                rest *= 5;
        l->failures = 0;
        l->rests++;
        l->rest_until = m->now_ms + (rest < LINK_REST_MAX_MS ? rest : LINK_REST_MAX_MS);
}

/* ---- estimates -------------------------------------------------------------------------------------------
 */

static double lower(double a, double b)
{
        return a > 0 && (b <= 0 || a < b) ? a : b;
}

static double cap_of(const struct m_link *l, const struct m_site *out, const struct m_site *in)
{
        return lower(l ? l->budget : 0, lower(out ? out->storage.egress : 0, in ? in->storage.ingress : 0));
}

double link_rate_of(const struct model *m, const struct m_link *l, const struct m_site *out,
                    const struct m_site *in)
{
        double rate = l && l->rate > 0 ? l->rate : m->link_prior, cap = cap_of(l, out, in);

        return cap > 0 ? fmin(rate, cap) : rate;
}

double link_rate(const struct model *m, int32_t from, int32_t to)
{
        return link_rate_of(m, model_link(m, from, to), model_site(m, from), model_site(m, to));
}

double link_cap(const struct model *m, int32_t from, int32_t to)
{
        return cap_of(model_link(m, from, to), model_site(m, from), model_site(m, to));
}

double link_latency(const struct model *m, int32_t from, int32_t to)
{
        return link_latency_of(model_link(m, from, to));
}

double link_rest(const struct model *m, int32_t from, int32_t to)
{
        return link_rest_of(m, model_link(m, from, to));
}

void links_refresh(struct model *m)
{
        size_t n = median_count(m->median);

        if (!m->links_learned || (m->links_known > LINK_MANY && m->now_ms - m->links_at < LINK_MANY_MS))
                return;
        m->links_learned = false;
        if (n)
                m->link_prior = exp(median_find(m->median));
        m->links_at = m->now_ms;
        m->links_known = n;
}
