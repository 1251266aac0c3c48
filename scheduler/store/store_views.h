/* SPDX-License-Identifier: Apache-2.0 */
/* store_views.h - views of lists that people saved under a name. */
#ifndef REEVE_STORE_VIEWS_H
#define REEVE_STORE_VIEWS_H

#include "store/store_jobs.h"

struct view {
        const char *name, *page, *query;
        int64_t project; /* shared with its members; 0: with nobody */
};

/* A user's own, by name, then those that others share with the projects one may see: name, page, query,
 * project (name), by. At most limit. */
int store_views_list(struct db *db, int32_t user, const struct visible *who, int limit, struct rows **ret,
                     struct err *err);
/* Put these in place of all of a user's own. In a transaction of the caller. */
int store_views_replace(struct db *db, int32_t user, const struct view *views, size_t n, struct err *err);

#endif
