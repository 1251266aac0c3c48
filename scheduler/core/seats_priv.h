/* SPDX-License-Identifier: Apache-2.0 */
/* seats_priv.h - seats.c follows an arrangement, seats_case.c makes its case of the model. */
#ifndef REEVE_SEATS_PRIV_H
#define REEVE_SEATS_PRIV_H

#include "core/arrange.h"
#include "core/seats.h"

struct seat_task { /* one that waits */
        int32_t kind, turn;
        int32_t site, at;    /* its seat so far: index of the site, -1 = none; place in the order */
        int64_t job, number; /* of arrival: the first job of its shape; which of the shape's tasks */
        double run, moving;  /* seconds: at its quickest; of all its data over a usual link */
        double length;       /* within begin() */
        int32_t index;
};
struct seat_case {
        struct arr_case c;
        struct m_shape **shapes; /* by kind */
        size_t shape_n, shape_cap;
        int32_t *site_ids; /* by index */
        struct seat_task *tasks;
        size_t task_n, task_cap, fresh; /* fresh: those without a seat */
        struct m_dataset **data;        /* by file */
        struct m_shape **reader;        /* the first that reads it */
        size_t data_n, data_cap, reader_cap;
        /* Storage of the case's tables. */
        struct arr_task *arr_tasks;
        uint32_t *needs_at, *room_at;
        int32_t *needs, *width;
        double *run, *wait, *bytes, *there, *rate, *latency, *turn, *busy;
        bool *may;
        struct arr_room *room;
        size_t needs_n, needs_cap, room_n, room_cap;
};
struct seat_want {
        struct m_dataset *data;
        int32_t from, to;
        const struct m_shape *reader;
};
struct seating {
        struct arranger *arranger;
        uint64_t pass; /* seats are of this pass */
        uint64_t dice;
        int64_t credit; /* steps that new tasks brought */
        int64_t purse;  /* steps that time brought */
        int64_t filled; /* until then, ms */
        struct seat_want *wanted;
        size_t wanted_n, wanted_cap;
};

/* False when the queue is not to be arranged. Release it in any case. */
bool seat_case_make(const struct model *m, struct seat_case *ret);
void seat_case_release(struct seat_case *sc);

#endif
