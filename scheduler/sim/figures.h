/* SPDX-License-Identifier: Apache-2.0 */
/* figures.h - what a simulated run came to. Times in seconds, of tasks; a task waits from when it is ready
 * (it was submitted, and what it comes after has ended) until it runs with its data; its turnaround ends when
 * it does. From its submission to its end counts, too, what it waited for others that it comes after: a rule
 * that keeps those back makes the turnarounds of all that follow shorter, but nobody has his results sooner.
 */
#ifndef REEVE_SIM_FIGURES_H
#define REEVE_SIM_FIGURES_H

#include "common/buf.h"

#include <stddef.h>
#include <stdint.h>

#define SLOWDOWN_LEAST_S 10.0 /* runs that are shorter count as this long: else they rule the mean */
#define PROJECTS_SHOWN   100

struct project_figures {
        int64_t tasks;
        double wait, slowdown; /* sums */
        float *waits;          /* of each task */
        size_t n, cap;
};

struct figures {
        int64_t tasks, transfers, evictions, passes, over_quota;
        double makespan, wait, turnaround, submitted, slowdown, busy,
            capacity; /* sums until figures_finish, then means; submitted: from submission to end */
        double worst_wait, p95_wait, p95_turnaround;
        double bytes_moved, bytes_read, bytes_local, price_usd;
        double locality, utilisation, fairness;
        double seconds; /* real ones that the run took */
        float *turnarounds;
        size_t turnaround_n, turnaround_cap;
        struct project_figures *projects;
        size_t project_n;
};

void figures_init(struct figures *f, size_t projects);
void figures_release(struct figures *f);
void figures_task(struct figures *f, int32_t project, double wait, double run, double turnaround,
                  double submitted);
void figures_finish(struct figures *f);
double figures_project_p95(const struct figures *f, size_t project);
/* As a JSON object, without what depends on this machine; names: of projects. */
void figures_json(const struct figures *f, char *const *names, struct buf *b);

#endif
