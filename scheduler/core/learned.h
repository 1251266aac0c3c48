/* SPDX-License-Identifier: Apache-2.0 */
/* learned.h - what the model learned of run times, as rows that outlive it.
 *
 * Whoever keeps them takes what changed now and then, and gives all back when a model is made anew, before
 * its jobs: kinds of work, shapes of jobs (at all sites, site 0, and at each), and projects. What is old
 * counts less: the ends that it stands for halve every LEARNED_HALF_LIFE_MS, so that news soon outweighs it.
 * Shapes whose jobs name countables may have another key by then; nothing is known of those.
 */
#ifndef REEVE_LEARNED_H
#define REEVE_LEARNED_H

#include "core/model.h"

#define LEARNED_HALF_LIFE_MS (7 * 24 * 3600 * 1000.0)
#define LEARNED_ENDS_MAX     1000  /* that a row stands for when it is given back */
#define LEARNED_ROWS_MAX     50000 /* kept; the oldest go */
#define LEARNED_TAKE_MAX     2000  /* taken at once; the rest next time */

enum learned_what { LEARNED_KIND, LEARNED_SHAPE, LEARNED_PROJECT };

struct learned_row {
        enum learned_what what;
        uint64_t key;
        int32_t site;  /* of a shape; 0 = at all of them */
        double run_ms; /* at speed 1 */
        int64_t ended;
        int32_t early; /* early failures since the last end well; of a shape at a site */
        int64_t at;    /* wall ms */
};

/* Before jobs are added. Rows that say what cannot be are left out. */
void learned_give(struct model *m, const struct learned_row *r);
/* What changed since it was last taken, at most about LEARNED_TAKE_MAX rows: *ret is malloc'd. */
size_t learned_take(struct model *m, struct learned_row **ret);

/* For the model: a shape is new; the model goes. */
void learned_recall(struct model *m, struct m_shape *s);
void learned_release(struct model *m);

#endif
