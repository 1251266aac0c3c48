/* SPDX-License-Identifier: Apache-2.0 */
/* arrange.h - who goes where, in which order, and which data goes there first, so that a small queue is
 * worked off soonest.
 *
 * Judging one task after the other by its earliest finish is blind to what comes after it. While the queue is
 * small enough to be looked at as a whole, it is: an arrangement names a site for every task and one order
 * for all. Playing it tells when each would end: in that order each task's missing inputs are sent for by the
 * source from which they come soonest, over a third site where that is much sooner, each link moving one
 * after the other; then every site starts, whenever it has room, the first in order whose data is there. Its
 * cost is in seconds a task: the mean end, a part of the last end, and a price for what is moved.
 *
 * Pure and deterministic: the same case and the same numbers give the same arrangement. What a search may do
 * is bounded in steps, not in time.
 *
 *     arrange_begin     a first one, from what stands already (sites >= 0 are kept)
 *     arrange_improve   better ones near it
 *     arrange_play      starts, ends and moves of what was found
 */
#ifndef REEVE_ARRANGE_H
#define REEVE_ARRANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arr_room { /* so many CPUs fall free */
        double at;
        int32_t cpus;
};
struct arr_task {
        int32_t kind;
        int32_t turn; /* who has a lower one goes first */
};
struct arr_case { /* what is to be arranged; arrays are the caller's, indexed as said */
        size_t sites, files, kinds, tasks;
        const struct arr_task *task; /* by turn */
        const uint32_t *needs_at;    /* kind: where its files begin in needs; kinds + 1 of them */
        const int32_t *needs;        /* files */
        const double *run;           /* kind, site: seconds; INFINITY = cannot run there */
        const double *wait;          /* kind, site: no sooner than that */
        const int32_t *width;        /* kind, site: CPUs it takes */
        const double *bytes;         /* file */
        const double *there; /* file, site: seconds until it is there; INFINITY = not unless sent for */
        const bool *may;     /* file, site: it may be sent there */
        /* from, to: bytes a second (0 = no way); seconds until a file that sets out begins to come, of which
           `turn` keep the link from others; how long what is under way still takes */
        const double *rate, *latency, *turn, *busy;
        const uint32_t *room_at;     /* site: where its rooms begin; sites + 1 of them */
        const struct arr_room *room; /* by time */
        double last_weight;          /* of the last end, beside the mean */
        double move_price;           /* seconds a second of moving is charged */
};
struct arr_move {
        int32_t file, from, to;
        double begin, end;
};
struct arrangement {
        int32_t *site, *order;  /* by task; tasks in order */
        double *start, *end;    /* by task; as of arrange_play */
        struct arr_move *moves; /* likewise, in the order in which they were planned */
        size_t move_n, move_cap;
        double cost;
};
struct arranger; /* storage of plays and searches, kept between them */

#define ARRANGE_RELAY_SITES 16 /* with more sites than that nothing is sent over a third one */
#define ARRANGE_RELAY       0.8 /* over a third site: when it is there in less than so much of the direct time */

struct arranger *arranger_new(void);
void arranger_free(struct arranger *a);
void arrangement_release(struct arrangement *x);
/* Room for the tasks of the case; what was there is lost. */
void arrangement_init(struct arrangement *x, size_t tasks);

/* Sites below 0 are chosen, in the order given, each where it would end soonest; `order` has to hold all
 * tasks by turn. */
void arrange_begin(struct arranger *a, const struct arr_case *c, struct arrangement *x);
/* Look for a better one for about so many steps (a step is a task looked at, or the like); *seed moves on.
 * Returns the steps taken. */
int64_t arrange_improve(struct arranger *a, const struct arr_case *c, struct arrangement *x, int64_t steps,
                        uint64_t *seed);
void arrange_play(struct arranger *a, const struct arr_case *c, struct arrangement *x);

#endif
