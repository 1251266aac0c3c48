/* SPDX-License-Identifier: Apache-2.0 */
/* space.h - room for copies at a site, and who gets what falls free of it.
 *
 * Inputs that need much room would wait for ever where the quota is full and small ones take whatever falls
 * free. So: a shape that nothing kept from running but room for its inputs, for m->claim_ms, claims it at the
 * site that lacks least. While the claim stands nothing else is sent there, so that what is on its way comes
 * to its end; and copies leave that tasks still wait for: those that lie elsewhere too, are not pinned, that
 * the claimer does not read, and that a task has used since they were brought (or none did for
 * CLAIM_KEEP_MS). A copy that is to leave is no place to run at and no source any more; when the last attempt
 * that reads it has ended it is in plan->leaves, and whoever drives the model evicts it and says
 * model_copy_gone.
 *
 * So a shape waits for room for claim_ms, until what ran on the copies in its way and what was being moved
 * there when it claimed has ended, and not longer: whatever is submitted meanwhile, but behind those that
 * lacked room before it did. The claim ends when its inputs are there or on their way, when a task of it was
 * placed somewhere, when the site cannot take it any more, or when there was room for CLAIM_TAKE_MS and it
 * did not care. One claim at most per site, shape and project: within a project the highest priority first,
 * then who lacks room longest.
 */
#ifndef REEVE_SPACE_H
#define REEVE_SPACE_H

#include "core/model.h"

#define CLAIM_LOOK_MS     1000   /* between two looks at claims */
#define CLAIM_TAKE_MS     30000  /* to make use of the room */
#define CLAIM_KEEP_MS     300000 /* what was brought for tasks is kept for them so long */
#define CLAIM_LEAVING_MAX 256    /* copies that leave for one claim at once */

struct claim {                 /* of a site; kept for its storage */
        struct m_shape *shape; /* NULL: there is none */
        int64_t bytes;         /* that are to be brought there for it */
        int64_t fits_since;    /* now ms: there is room for them; 0 = not yet */
        int64_t *leaving;      /* datasets whose copies there make room */
        size_t n, cap;
};
void claim_free(struct claim *c);

/* Bytes that may be brought to the site for the shape (NULL: for nobody that waits), with what can be evicted
 * for it and without what is kept for others. */
int64_t space_for(const struct m_site *site, const struct m_shape *s);
/* Whom room is kept for there; NULL = nobody. */
const struct m_shape *claim_holder(const struct m_site *site);
/* The shape needs its claim no more. */
void space_release(const struct model *m, struct m_shape *s);

struct turns; /* decide_priv.h */
/* A task of it was placed there. */
void space_used(const struct model *m, struct m_shape *s, const struct m_site *site);
/* A turn of the shape: whether room is what it lacks. */
void space_note(const struct turns *t, struct m_shape *s);
/* The end of the pass: claims that end, new ones, and what has to go for them. */
void space_settle(struct turns *t);

#endif
