/* SPDX-License-Identifier: Apache-2.0 */
/* store_hints.h - what a user's own last jobs were called, and used. */
#ifndef REEVE_STORE_HINTS_H
#define REEVE_STORE_HINTS_H

#include "store/store_jobs.h"

#define HINTS_SCAN_MAX     5000 /* jobs that are looked at */
#define HINTS_NAMES_MAX    20
#define HINTS_JOBS_MAX     20 /* of one name, whose attempts are looked at */
#define HINTS_ATTEMPTS_MAX 5000

/* Among the newest jobs of what `who` sees those of the user, by name, the last name first: name, jobs. */
int store_hint_names(struct db *db, const struct visible *who, int32_t user, struct rows **ret,
                     struct err *err);
/* What the newest ended ones of that name came to: jobs, since, attempts, memory_peak, cpus_used, wall_max
 * (seconds), memory_asked, cpus_asked, time_asked (seconds); null where nothing is known. One row. */
int store_hint_past(struct db *db, const struct visible *who, int32_t user, const char *name,
                    struct rows **ret, struct err *err);

#endif
