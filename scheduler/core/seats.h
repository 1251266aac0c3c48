/* SPDX-License-Identifier: Apache-2.0 */
/* seats.h - the places that a small queue's tasks get by an arrangement of the whole (arrange.h).
 *
 * While all that waits is little enough (SEATS_CELLS_MAX) and one project's, its run times are known and
 * nothing stands in the way that an arrangement does not know (seats_make says what), each pass arranges the
 * queue anew, beginning from what it had: a task keeps its seat until a better one is worth it. Searching is
 * paid for by what happens and by time: a new task brings so many steps, as many are spent as the time since
 * the last pass brought, and a pass spends so many at most. So a busy queue of short tasks does not live for
 * its arranging.
 *
 * A seat is a site for one task of a shape. It says where, and which shapes of equal priority go first; who
 * goes first between projects, and before whom one of higher priority or one that waited long goes, is as it
 * is without. Data is sent for when its turn on the link comes, from the source that the arrangement chose.
 */
#ifndef REEVE_SEATS_H
#define REEVE_SEATS_H

#include "core/decide_priv.h"

#define SEATS_CELLS_MAX  3000    /* tasks times sites */
#define SEATS_FILES_MAX  256     /* datasets that they read */
#define SEATS_STEPS_TASK 40000   /* of search, for each new task */
#define SEATS_STEPS_MS   20000   /* of search, for each millisecond: some hundredths of one processor */
#define SEATS_STEPS_MAX  4000000 /* saved up at most */
#define SEATS_STEPS_PASS 1500000 /* in one pass: some milliseconds */
#define SEATS_STEPS_LOOK 20000   /* in any case */
#define SEATS_AHEAD_S    3.0     /* data whose turn comes so soon is sent for at once */
#define SEATS_LAST       1.0     /* weight of the last end beside the mean end */

struct seat {
        int32_t site;
        int32_t at; /* place in the order of all */
        bool data;  /* its data is not there yet */
        double run, ready;
};
struct seating; /* kept with the model between passes */

/* At the beginning of a pass. True when shapes have seats in it. */
bool seats_make(struct turns *t);
/* Has the shape seats in this pass? */
bool seats_has(const struct model *m, const struct m_shape *s);
/* Where its next task goes now; NULL: it waits for its seat. */
struct m_site *seats_pick(const struct model *m, const struct m_shape *s, const struct options *o,
                          int64_t *ret_room, enum wait_reason *ret_wait);
/* So many of its tasks went to the site. */
void seats_taken(struct m_shape *s, const struct m_site *site, int64_t n);
/* Did others take what freed where its next seat is and its data too? To wait for a seat elsewhere is not to
 * be passed over. */
bool seats_was_passed_over(const struct model *m, const struct m_shape *s);
/* The shape is being set aside: promise what it is to get. True when its next task waits for data. */
bool seats_wait(const struct model *m, struct m_shape *s);
/* At the end of the pass: send for the data whose turn it is. */
void seats_send(struct turns *t);
void seating_free(struct seating *s);

#endif
