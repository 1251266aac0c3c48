/* SPDX-License-Identifier: Apache-2.0 */
/* store_queue.h - the queue as people see it, and what they ask of many jobs of it at once. */
#ifndef REEVE_STORE_QUEUE_H
#define REEVE_STORE_QUEUE_H

#include "store/store_jobs.h"

#define QUEUE_LOOK_MAX 20000 /* live jobs looked at, oldest first */
#define QUEUE_HEADS    2000  /* of them, the first in line */

/* Projects with waiting or running tasks, by score: id, name, share, usage (decayed to now), score, max_cpus,
 * max_tasks, waiting (tasks), jobs (live ones with waiting tasks), used_cpus, used_tasks, looked (live jobs
 * looked at). */
int store_queue_projects(struct db *db, int64_t half_life_ms, struct rows **ret, struct err *err);
/* The first in line, in the order of service (projects by score, those that nothing holds back first,
 * priority, number): id, name, project_id, project, user, tasks, priority, held, wait, wait_since, alike (a
 * text that is the same for jobs that are alike). */
int store_queue_heads(struct db *db, int64_t half_life_ms, struct rows **ret, struct err *err);

/* Live jobs of a filter (its before and limit are minded), newest first, that the intent (hold, release,
 * cancel) would change: id, taken, running (attempts under way). */
int store_intents_find(struct db *db, const struct jobs_filter *f, const char *kind, struct rows **ret,
                       struct err *err);
/* Those that the filter means, and that the intent would not change, newest first: id, name and state (null:
 * it is unknown), why ("already", "ended", "unknown"), of_kind (how many there are with that why). */
int store_intents_cannot(struct db *db, const struct jobs_filter *f, const char *kind, int limit,
                         struct rows **ret, struct err *err);
int store_intents_add(struct db *db, const int64_t *jobs, size_t n, const char *kind, const char *actor,
                      struct err *err);
/* The reason that somebody gave, as an event of each. */
int store_intents_why(struct db *db, const int64_t *jobs, size_t n, const char *actor, const char *text,
                      struct err *err);

/* Tasks of a job that failed for good, as runs: first, last; at most `most` runs. */
int store_failed_tasks(struct db *db, int64_t job, int64_t since, int64_t most, struct rows **ret,
                       struct err *err);
/* What a rerun takes over: name, project, spec, labels (JSON or null), priority (null: it has ended), array
 * (its task numbers), at (submitted); no row when `who` may not see it. */
int store_job_past(struct db *db, const struct visible *who, int64_t id, struct rows **ret, struct err *err);

#endif
