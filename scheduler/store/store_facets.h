/* SPDX-License-Identifier: Apache-2.0 */
/* store_facets.h - what jobs have in common: counts over the newest ones, for those who look for some of
 * them.
 */
#ifndef REEVE_STORE_FACETS_H
#define REEVE_STORE_FACETS_H

#include "store/store_jobs.h"

#define FACETS_SCAN_MAX 5000 /* jobs that are looked at */
#define FACETS_VALUES   20   /* of each kind, the most frequent */
#define FACETS_HOURS    168

/* kind (state, project, user, name, hour, fits, looked), value (null but of the first four), at (of an hour),
 * jobs, failed. By kind; values most frequent first, hours oldest first. Filter as for store_jobs_list;
 * before, ids and limit do not count. */
int store_job_facets(struct db *db, const struct jobs_filter *f, struct rows **ret, struct err *err);

#endif
