/* SPDX-License-Identifier: Apache-2.0 */
/* arrange_priv.h - arrange.c plays arrangements, arrange_search.c looks for better ones. */
#ifndef REEVE_ARRANGE_PRIV_H
#define REEVE_ARRANGE_PRIV_H

#include "core/arrange.h"

#define ARRANGE_SEEN 4 /* lines of a site that are remembered */

struct arr_line { /* what a site made of the tasks that it got */
        uint64_t hash;
        double sum, last; /* of their ends */
};
struct arr_undo {
        double *at, was;
};
struct arranger {
        const struct arr_case *c;
        double *there, *busy, *ready;
        int32_t *list, *list_at, *trial_site, *trial_order, *best_site, *best_order;
        struct arr_room *room;
        struct arr_line *lines; /* ARRANGE_SEEN for each site */
        double *last;           /* of each site, in the last play */
        struct arr_undo *undo;
        size_t undo_n, undo_cap;
        bool undoing;
        struct arrangement *record; /* gets the moves, when it is asked for */
        size_t overhead;            /* steps of every play */
        double others;              /* last end of what is under way */
        double moving;              /* seconds of moves in this play */
        int64_t steps;
};

/* Storage fit for the case; what is under way is as at the beginning. */
void arranger_fit(struct arranger *a, const struct arr_case *c);
void arranger_reset(struct arranger *a);
/* When the file is at the site: it is sent for if it has to be. INFINITY: never. */
double arranger_bring(struct arranger *a, int32_t file, size_t site);
/* CPUs fall free at `at`: kept by time. There is room for one more. */
void arranger_put_room(struct arr_room *room, size_t *n, double at, int32_t cpus);
/* What it comes to. */
double arranger_cost(struct arranger *a, const int32_t *site, const int32_t *order);

#endif
