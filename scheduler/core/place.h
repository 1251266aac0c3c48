/* SPDX-License-Identifier: Apache-2.0 */
/* place.h - what it would cost to run a shape's tasks at a site, in seconds, and what stands in the way.
 *
 *     finish = max(wait, stage) + run + out + price + penalty
 *
 * Pure; reads the model and keeps nothing. Moving data is a term of the sum: where inputs are missing, the
 * stage term says when they would be there, by the best sources and behind all that is promised on those
 * links; what is on its way already counts with what is left of it. The price makes bytes cost something even
 * where time would not: it is shared by the tasks that would use them, and fades as tasks wait.
 */
#ifndef REEVE_PLACE_H
#define REEVE_PLACE_H

#include "core/model.h"

#define DECIDE_ROOM_MAX 1000000 /* tasks that one look at a worker counts */
#define AVOID_PENALTY_S 600.0   /* for the site where the task failed last */
#define WAIT_KNOWN_ENDS RUN_KNOWN_ENDS

/* The steps of the funnel, in order; what drops a site is one of them. Those from PLACE_STAGE on are matters
 * of time alone: such a site is priced like one that has room. */
#define PLACE_STEPS(X)                                                                                       \
        X(PLACE_KNOWN, "known")                                                                              \
        X(PLACE_OPEN, "open")                                                                                \
        X(PLACE_PROJECT, "project")                                                                          \
        X(PLACE_NAMED, "named")                                                                              \
        X(PLACE_SIZE, "size")                                                                                \
        X(PLACE_POLICY, "policy")                                                                            \
        X(PLACE_DATA, "data")                                                                                \
        X(PLACE_SPACE, "space")                                                                              \
        X(PLACE_HEALTH, "health")                                                                            \
        X(PLACE_DISK, "disk")                                                                                \
        X(PLACE_LIMITS, "limits")                                                                            \
        X(PLACE_STAGE, "stage")                                                                              \
        X(PLACE_FREE, "free")
#define PLACE_ENUM_(sym, name) sym,
enum place_step { PLACE_STEPS(PLACE_ENUM_) PLACE_STEP_COUNT };
const char *place_step_name(enum place_step s);

struct candidate {
        struct m_site *site;
        bool dropped;
        enum place_step step;                                 /* what dropped it */
        char why[200];                                        /* as a sentence; filled only when asked for */
        double wait, stage, run, out, price, penalty, finish; /* seconds */
        int64_t missing_bytes;
        enum run_is run_is; /* where run comes from */
        int32_t from;       /* site that most of the missing bytes come from; 0 = nothing is missing */
        bool on_its_way;    /* all that is missing is being moved there already */
        int64_t room;       /* tasks that could start there now, with what may be sent ahead */
};
/* Its terms say something: only time keeps the shape from it, if anything. */
static inline bool candidate_is_priced(const struct candidate *c)
{
        return c->step >= PLACE_STAGE;
}

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

/* ---- for decide(): the sites that a shape's tasks could finish at, soonest first. Made once per shape and
 * pass: within a pass room only shrinks, and a site that was found full is priced anew with its wait. */
enum option_kind {
        OPTION_NOW,  /* has room, and the data */
        OPTION_FULL, /* has the data; places fall free later */
        OPTION_STAGE /* the data has to arrive first */
};
struct option {
        struct m_site *site;
        enum option_kind kind;
        bool trusted;  /* its time is known well enough to leave a free place elsewhere for it */
        double finish; /* seconds: of the first task there, with price and penalty */
        double run;
        double ready; /* when the data is there */
        double wait;  /* when the place is */
        double burst; /* tasks that finish with the first one */
        double pace;  /* further tasks a second */
};
struct options {
        struct option *at;
        size_t n;
        size_t stage_n;          /* of them of kind OPTION_STAGE */
        uint64_t hash;           /* fingerprint of the answer: which sites were in, terms to about half */
        enum wait_reason why;    /* when n is 0 */
        bool lacks_space;        /* n is 0, and somewhere nothing is missing but room for its inputs */
        struct candidate *sheet; /* borrowed: the candidates as recorded */
        size_t sheet_n;
};
/* `data`: price also sites that lack inputs and full ones that hold them; else only where it could start now.
 */
void options_make(const struct model *m, const struct m_shape *s, bool data, struct options *ret);
void options_release(struct options *o);
/* The site for the next task and how many of the shape can go there; NULL when none can go now, or when it is
 * better to wait for another: *ret_wait says why. avoid_site: as above. */
struct m_site *options_pick(const struct model *m, const struct m_shape *s, struct options *o,
                            int32_t avoid_site, int64_t *ret_room, enum wait_reason *ret_wait);
/* How `count` tasks would be shared out over all options so that the last one ends soonest: fills ret_counts
 * (one for each option, in their order). */
void options_share(const struct options *o, int64_t count, int64_t *ret_counts);
/* Tasks of the shape that wait, about: those of its first job and one for each further job. */
double shape_backlog(const struct m_shape *s);

/* ---- room for large tasks (decide.h says when) */
/* Could the worker take a task of the shape if others left it room? */
bool place_is_suitable(const struct model *m, const struct m_shape *s, const struct m_worker *w);
/* Was anything placed on such a worker after the shape's last turn? */
bool place_was_passed_over(const struct model *m, const struct m_shape *s);
/* The suitable worker with the largest part of what it needs free, ties to the lower id; NULL = none. */
struct m_worker *place_nearest_to_room(const struct model *m, const struct m_shape *s);

/* Seconds that a task of the shape is expected to run there: measured, else what was said, else its time
 * limit or the prior. */
double place_run_s(const struct model *m, const struct m_shape *s, const struct m_site *site);

/* True when some site could run it as asked, now or at a better time, within the CPUs that the limits of its
 * project allow when nothing else runs. */
bool place_can_ever(const struct model *m, const struct m_shape *s);

/* Why the job's next task waits, as of now. WAIT_NONE when it has none. */
enum wait_reason job_wait_reason(const struct model *m, const struct m_job *j);

#endif
