/* SPDX-License-Identifier: Apache-2.0 */
/* store_graph.h - what a job hangs together with, and when its attempts ran. Reads only.
 *
 * The graph is walked by the caller, a step at a time: links of a set of jobs, then the jobs that those lead
 * to.
 */
#ifndef REEVE_STORE_GRAPH_H
#define REEVE_STORE_GRAPH_H

#include "store/store_jobs.h"

/* Links of the n jobs, upwards (what each waits for and reads) or downwards: from_job, to_job, kind (after,
 * data), condition, elementwise, dataset. At most limit, by number. */
int store_graph_links(struct db *db, const int64_t *jobs, size_t n, bool up, int limit, struct rows **ret,
                      struct err *err);
/* Those of the n jobs that `who` may see, by number: id, name, user_name, state, tasks, succeeded, failed,
 * running, submitted_at, started_at, finished_at. */
int store_graph_nodes(struct db *db, const struct visible *who, const int64_t *jobs, size_t n,
                      struct rows **ret, struct err *err);

/* Attempts of a job from a task on, by task and number, at most limit: task, attempt, site, state, outcome,
 * placed_at, started_at, ended_at, last (the highest task of these rows). since: when the job was submitted,
 * wall ms. */
int store_timeline(struct db *db, int64_t job, int64_t first, int64_t since, int limit, struct rows **ret,
                   struct err *err);

#endif
