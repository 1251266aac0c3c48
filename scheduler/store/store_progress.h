/* SPDX-License-Identifier: Apache-2.0 */
/* store_progress.h - what jobs report of their progress, on record for pages. Hints, not truth: each write is
 * a small transaction of its own behind the fence. */
#ifndef REEVE_STORE_PROGRESS_H
#define REEVE_STORE_PROGRESS_H

#include "common/ids.h"
#include "store/db.h"

struct progress_row {
        struct attempt_key key;
        double fraction; /* NaN: not said */
        char *text;      /* borrowed */
        int64_t at;      /* wall ms */
};
struct pace_row {
        int64_t job, at;              /* wall ms */
        double per_second, low, high; /* NaN: none, cannot be told */
};
struct progress_write {
        struct progress_row *rows;
        size_t rows_n, rows_cap;
        struct attempt_key *gone; /* attempts that ended */
        size_t gone_n, gone_cap;
        struct pace_row *paces;
        size_t paces_n, paces_cap;
        int64_t *done; /* jobs that ended, or have no pace any more */
        size_t done_n, done_cap;
};

/* A key stands in rows or in gone, a job in paces or in done, not in both. */
int store_progress_write(struct db *db, int64_t epoch, const struct progress_write *w, struct err *err);
/* A new leadership begins: forget everything; workers say it again. */
int store_progress_reset(struct db *db, int64_t epoch, struct err *err);

#endif
