/* SPDX-License-Identifier: Apache-2.0 */
/* store_insights.h - the grid's recent history in steps of five minutes: figures that the engine adds up
 * while it works, so that no page ever looks through the history of jobs. */
#ifndef REEVE_STORE_INSIGHTS_H
#define REEVE_STORE_INSIGHTS_H

#include "store/db.h"

#define INSIGHT_STEP_S    300
#define INSIGHT_KEEP_DAYS 14
#define INSIGHT_ROWS_MAX  200000 /* read at once: plots of more sites than that end early */
/* Durations are counted by how many doublings above a tenth of a second they last; the last takes the rest.
 */
#define INSIGHT_BUCKETS 20

struct insight_row {
        const char *what; /* borrowed; what is counted (sql/0015_insights.sql) */
        int32_t site;     /* 0: the whole grid */
        int64_t n;        /* added to what the step has already */
};

/* Add figures to the step that `at` (wall ms) lies in; those of steps out of keeping go, a slice at a time.
 */
int store_insights_add(struct db *db, int64_t epoch, int64_t at, const struct insight_row *rows, size_t n,
                       struct err *err);
/* Figures `what` since a moment (wall ms), joined to steps of step_s seconds: site (null: the grid), what
 * (its place in the list, from 1), step (from 0, counted from `since`), sum; by site, then step. */
int store_insights_read(struct db *db, const char *const *what, size_t n, int64_t since, int64_t step_s,
                        struct rows **ret, struct err *err);

/* Where a site is: a JSON object, or NULL for nowhere. */
int store_site_place(struct db *db, int32_t site, const char *place, struct err *err);

#endif
