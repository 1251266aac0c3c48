/* SPDX-License-Identifier: Apache-2.0 */
/* place.h - what it would cost to run a shape's tasks at a site, in seconds, and what stands in the way.
 *
 *     finish = max(wait, stage) + run + out + penalty
 *
 * Pure; reads the model and keeps nothing. Moving data is a term of the sum: where an input is missing, the
 * stage term says how long it would take over the best link; until transfers exist that is for ever, and the
 * site is dropped with reason "data".
 */
#ifndef REEVE_PLACE_H
#define REEVE_PLACE_H

#include "core/model.h"

#define DECIDE_ROOM_MAX 1000000 /* tasks that one look at a worker counts */

/* The steps of the funnel, in order; what drops a site is one of them. */
#define PLACE_STEPS(X)                                                                                       \
        X(PLACE_KNOWN, "known")                                                                              \
        X(PLACE_OPEN, "open")                                                                                \
        X(PLACE_PROJECT, "project")                                                                          \
        X(PLACE_NAMED, "named")                                                                              \
        X(PLACE_SIZE, "size")                                                                                \
        X(PLACE_DATA, "data")                                                                                \
        X(PLACE_HEALTH, "health")                                                                            \
        X(PLACE_DISK, "disk")                                                                                \
        X(PLACE_LIMITS, "limits")                                                                            \
        X(PLACE_FREE, "free")
#define PLACE_ENUM_(sym, name) sym,
enum place_step { PLACE_STEPS(PLACE_ENUM_) PLACE_STEP_COUNT };
const char *place_step_name(enum place_step s);

struct candidate {
        struct m_site *site;
        bool dropped;
        enum place_step step;                          /* what dropped it */
        char why[200];                                 /* as a sentence; filled only when asked for */
        double wait, stage, run, out, penalty, finish; /* seconds */
        int64_t missing_bytes;
        int64_t room; /* tasks that could start there now, with what may be sent ahead */
};

/* Judge one site for a shape. `explain` fills why (slower). avoid_site: site of the task's last failure, 0 =
 * none. */
void place_judge(const struct model *m, const struct m_shape *s, struct m_site *site, int32_t avoid_site,
                 bool explain, struct candidate *ret);

/* Tasks of the shape that the worker can take now; *ret_ahead of them ahead of free slots. */
int64_t place_room(const struct model *m, const struct m_shape *s, const struct m_worker *w,
                   int64_t *ret_ahead);

/* Judge all sites; returns the number of candidates written (at most max), in order of site id, and the index
 * of the best in *ret_best (-1 = none can take a task now). *ret_wait says why when there is none. */
size_t place_all(const struct model *m, const struct m_shape *s, int32_t avoid_site, bool explain,
                 struct candidate *out, size_t max, int *ret_best, enum wait_reason *ret_wait);

/* True when some site could run it as asked, now or at a better time. */
bool place_can_ever(const struct model *m, const struct m_shape *s);

/* Why the job's next task waits, as of now. WAIT_NONE when it has none. */
enum wait_reason job_wait_reason(const struct model *m, const struct m_job *j);

#endif
