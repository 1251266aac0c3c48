/* SPDX-License-Identifier: Apache-2.0 */
/* store_stream.h - what the live stream asks: which jobs may be watched, what happened since, which of the
 * watched jobs look different. Each is one bounded statement. */
#ifndef REEVE_STORE_STREAM_H
#define REEVE_STORE_STREAM_H

#include "store/store_jobs.h"

#define STREAM_EVENTS_MAX 1000 /* events read in one look */

/* Those of the jobs that `who` may see: id. */
int store_jobs_visible(struct db *db, const struct visible *who, const int64_t *ids, size_t n,
                       struct rows **ret, struct err *err);
/* The newest event's number; 0: there is none. */
int store_events_newest(struct db *db, int64_t *ret, struct err *err);
/* Events after a number, oldest first: as store_events_list, and project_id (null: no job of anybody). */
int store_events_since(struct db *db, int64_t after, struct rows **ret, struct err *err);
/* For each of the jobs that there is: id, digest (a number that differs when something people see does). */
int store_job_digests(struct db *db, const int64_t *ids, size_t n, struct rows **ret, struct err *err);

#endif
