/* SPDX-License-Identifier: Apache-2.0 */
/* link.h - directed pairs of sites: what their transfers taught, and what is promised on them.
 *
 * The rate of a link is learned from ended transfers, on a logarithmic scale, so that one wild sample moves
 * it by a factor at most; samples age with a half-life, and what is little known is drawn towards the prior:
 * the median of the links that are known. Rates are the link's total: a transfer that shared it with n - 1
 * others saw about an n-th.
 *
 * Links are made when something is known or promised on them; one that is not there is as good as the prior.
 */
#ifndef REEVE_LINK_H
#define REEVE_LINK_H

#include "core/model.h"

#define LINK_RATE_DEFAULT 20e6 /* bytes per second, while no link is known */
#define LINK_LATENCY_S    1.0  /* to begin a transfer, while not learned */
#define LINK_HALF_LIFE_MS (6 * 3600 * 1000.0)
#define LINK_SAMPLE_BYTES 8000000 /* smaller transfers tell about the latency only */
#define LINK_PRIOR_WEIGHT 0.5     /* of the prior, in samples */
#define LINK_SAMPLES_MAX  16.0    /* weight of the past in a link's mean */
#define LINK_SURPRISE     2.3     /* one sample moves the mean as if at most this far off (a factor of ten) */
#define LINK_FAILURES     3       /* in a row: then the link rests */
#define LINK_REST_MS      60000   /* doubled each time up to */
#define LINK_REST_MAX_MS  1500000

/* NULL when nothing is known or promised; put: find or make (NULL: there is no such site). */
struct m_link *model_link(const struct model *m, int32_t from, int32_t to);
struct m_link *model_link_put(struct model *m, int32_t from, int32_t to);

/* The same for who has the destination at hand. */
static inline struct m_link *link_from(const struct m_site *to, int32_t from)
{
        return from > 0 && (size_t)from < to->link_cap ? to->links[from] : NULL;
}

/* What is known from elsewhere (the record, a file): as `weight` samples would tell. rate in bytes per
 * second, latency in seconds; at: wall ms. */
void link_know(struct model *m, struct m_link *l, double rate, double latency, double weight, int64_t at);
/* A transfer moved `bytes` in `ms` while on average `sharing` transfers (itself included) used the link. */
void link_learn(struct model *m, struct m_link *l, int64_t bytes, int64_t ms, double sharing);
/* A transfer ended by fault of the link; a good end clears that. */
void link_failed(const struct model *m, struct m_link *l);

/* Bytes per second that its admins allow it, and transfers at once; 0 = no limit, as usual. */
void link_set_limits(struct model *m, struct m_link *l, double budget, int32_t max_active);
/* Whatever else about a link changes: what was found over it is not right any more (ways.h). */
void link_changed(const struct model *m, int32_t from, int32_t to);

/* Estimates: bytes per second; seconds to begin. Both are positive and finite. */
double link_rate(const struct model *m, int32_t from, int32_t to);
/* What admins allow there: the least of the link's budget and what may leave the one and enter the other
 * site; 0 = no limit. link_rate stays below it. */
double link_cap(const struct model *m, int32_t from, int32_t to);
double link_latency(const struct model *m, int32_t from, int32_t to);
/* Seconds until the link may be used again after failures; 0 = now. */
double link_rest(const struct model *m, int32_t from, int32_t to);

/* The same for who has all at hand; l: NULL = not known. */
double link_rate_of(const struct model *m, const struct m_link *l, const struct m_site *out,
                    const struct m_site *in);
static inline double link_latency_of(const struct m_link *l)
{
        return l ? l->latency : LINK_LATENCY_S;
}
static inline double link_rest_of(const struct model *m, const struct m_link *l)
{
        return l && l->rest_until > m->now_ms ? (double)(l->rest_until - m->now_ms) / 1000.0 : 0;
}

/* The median of known links is taken anew when links were learned since, of many not more often than every
 * LINK_MANY_MS; decide() calls it. */
#define LINK_MANY    2000
#define LINK_MANY_MS 60000
void links_refresh(struct model *m);

#endif
