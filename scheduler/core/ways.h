/* SPDX-License-Identifier: Apache-2.0 */
/* ways.h - the best source of a dataset for a destination, kept from one look to the next.
 *
 * Looking for it is most of what a pass over many sites costs: each waiting shape asks for each of its inputs
 * at each site. What was found is right as long as nothing has changed that it was made of:
 *
 *     the holders       those of the dataset that were compared, and how much of it they have: a fingerprint
 *     the sites         who may be a source, what they allow: likewise
 *     links to the site their rates and what is promised on them: `way_changes` of the destination, which
 *                       whoever changes a link raises (link_changed); where few changed, these alone are
 *                       looked at
 *     the prior         what unknown links are taken to do, if one of them is unknown
 *
 * What depends on the clock as well (a link rests) or on other destinations (a source's own limit) is not
 * kept. So the answers are exactly those that would be found anew.
 *
 * A span is a stretch of decide() in which neither sites nor where datasets lie changes; outside of spans
 * nothing is looked up. Memory is bounded: WAYS_CELLS_MAX answers, of WAYS_ROWS_MAX datasets; a further one
 * takes the row of another.
 */
#ifndef REEVE_WAYS_H
#define REEVE_WAYS_H

#include "core/model.h"

#define WAYS_CELLS_MAX (1u << 20)
#define WAYS_ROWS_MAX  4096u

struct way_asked { /* of the holders d->sites, `look` from `first` on, the first again behind the last */
        const struct m_dataset *d;
        const struct m_site *to;
        size_t first, look;
        int64_t bytes; /* to be moved */
};
struct way_found {
        double seconds, moving;
        int32_t from; /* 0 = nowhere */
        bool lasts;   /* it may be kept */
        bool prior;   /* it rests on the prior of links */
};

struct ways *ways_new(void);
void ways_free(struct ways *w);
/* A span begins (one that is open ends). m->ways is made when it is not there; NULL: nothing is kept. */
void ways_open(struct model *m);
void ways_close(struct model *m);

/* Number of the span that is open; 0: none is. */
uint64_t ways_span(const struct model *m);

/* RIGHT: *ret is what would be found. NEARLY: but for what changed on the links from these sites (they may
 * be named twice). */
enum ways_kept { WAYS_NONE, WAYS_RIGHT, WAYS_NEARLY };
struct ways_since {
        int32_t from[WAY_CHANGES_KEPT];
        size_t n;
};
enum ways_kept ways_get(const struct model *m, const struct way_asked *asked, struct way_found *ret,
                        struct ways_since *since);
/* Keeps what lasts. */
void ways_keep(const struct model *m, const struct way_asked *asked, const struct way_found *found);

#endif
