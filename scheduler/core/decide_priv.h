/* SPDX-License-Identifier: Apache-2.0 */
/* decide_priv.h - the files of the decision among themselves: decide.c places tasks, decide_data.c sends
 * data. */
#ifndef REEVE_DECIDE_PRIV_H
#define REEVE_DECIDE_PRIV_H

#include "core/decide.h"

struct turns { /* what a pass keeps at hand */
        struct model *m;
        struct plan *plan;
        int64_t *next_decision;
        struct heap projects;  /* with something to place, by their use over their share */
        struct m_shape **seen; /* shapes whose options were made */
        size_t seen_n, seen_cap;
        size_t prices, skipped; /* sites priced for shapes that read data; those that were not */
        bool opened;            /* a reservation ended: a worker is open to all again */
        uint64_t last_fill;     /* turn of the last placement */
};

/* The shape is being set aside: share out its waiting tasks over its options, promise them room there and see
 * to it that their data comes. True when data is what its next task waits for. */
bool stage_rest(struct turns *t, struct m_shape *s);
/* The same for tasks that share the files of an input: each option is dealt some, and their parts are sent
 * for. */
bool stage_parts(struct turns *t, struct m_shape *s);
/* Tasks of the shape that may be on their way to a place: those of the first job as far as its throttle goes.
 */
int64_t stage_backlog(const struct m_shape *s);
/* Someone wants it there: it is joined when it is on its way, else sent for. chosen: the source, 0 = the best
 * one. */
void stage_want(struct turns *t, const struct m_shape *s, struct m_dataset *d, const struct m_site *to,
                int32_t chosen);
/* Open a transfer; NULL when the pass opened as many as it may. */
struct m_transfer *stage_open(struct turns *t, struct m_dataset *d, const struct m_site *to, int32_t from,
                              enum transfer_why why, int32_t priority);
/* The end of the pass: start transfers, and when `all` were asked, cancel those that nobody wants. */
void stage_settle(struct turns *t, bool all);

#endif
