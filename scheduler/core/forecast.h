/* SPDX-License-Identifier: Apache-2.0 */
/* forecast.h - who stands before a job, and when its next task is likely to start.
 *
 * Pure; reads the model and keeps nothing. Two questions about one asker:
 *
 *   forecast_line   the tasks that decide() would place first, of those that could take the same workers: by
 * fair share between projects, within a project by priority and number. A shape that waits for something else
 * than room holds nobody back and is not counted. forecast_start  the model is played forward: what runs ends
 * when its shape's run times (or its time limit, or the prior) say so, and what stands in line is placed in
 * the same order, under the same limits. Three times: with run times as expected, with shorter and with
 * longer ones.
 *
 * Nothing is played task by task that can be taken together: the line is one entry per shape, with counts.
 * What is looked at is bounded by the figures below; beyond them the answer is scaled up from what was seen.
 *
 * The asker may be a guest: a copy of a shape with other needs, which the model does not know.
 */
#ifndef REEVE_FORECAST_H
#define REEVE_FORECAST_H

#include "core/model.h"

#define FORECAST_BEHIND      5      /* jobs named */
#define FORECAST_JOBS_MAX    200000 /* jobs of the line that are counted one by one */
#define FORECAST_SHAPES_MAX  256    /* shapes that are looked at for the line */
#define FORECAST_LANES_MAX   64     /* shapes of the line that are counted and played: bits of a word */
#define FORECAST_WORKERS_MAX 2048   /* workers that are played */
#define FORECAST_STEPS_MAX   4000   /* placements of one play */
#define FORECAST_LOOKS_MAX   100000 /* looks of one play at a lane and a worker: bounds its time */
/* Ends of what runs; with more attempts than that, each stands for several. */
#define FORECAST_ENDS_MAX 8192

struct forecast_ask {
        const struct m_shape *shape;
        const struct m_job *job; /* who asks, and is not in its own way; NULL: a job that is not there yet */
        int32_t priority;
        int64_t id; /* INT64_MAX: behind all that are there */
        int32_t throttle, live;
};

struct forecast_job {
        const struct m_job *job;
        int64_t tasks;
};
struct forecast_line {
        int64_t tasks, jobs, alike;                  /* ahead; alike: tasks of the same shape */
        struct forecast_job behind[FORECAST_BEHIND]; /* those with the most tasks ahead, most first */
        size_t behind_n;
        size_t lanes; /* shapes in the line */
};

struct forecast_start {
        double earliest, likely, latest; /* seconds from now; INFINITY: cannot be told */
        int64_t measured;                /* ends of tasks that the run times used rest on */
        int32_t guessed;                 /* shapes whose run times are a guess */
        bool scaled;                     /* beyond what was played */
};

/* Could any site take the shape if others left it room? Otherwise both questions have no answer. */
bool forecast_is_possible(const struct model *m, const struct m_shape *s);
void forecast_line(const struct model *m, const struct forecast_ask *ask, struct forecast_line *ret);
void forecast_start(const struct model *m, const struct forecast_ask *ask, struct forecast_start *ret);
/* The likely time alone, for comparing: a third of the cost. */
double forecast_likely(const struct model *m, const struct forecast_ask *ask);

/* Seconds that a task of the shape is taken to run there: measured, else what tasks of its project took, else
 * what place_run_s says. */
double forecast_run_s(const struct model *m, const struct m_shape *s, const struct m_site *site);
/* Ends of tasks of its kind that this rests on. */
int64_t forecast_known(const struct m_shape *s);

#endif
