/* SPDX-License-Identifier: Apache-2.0 */
/* quota.h - how many tasks of a project, and of one member in it, have not ended: what limits at submit
 * count.
 *
 * The database is asked at most once in QUOTA_TTL_MS; in between, what was submitted here is added. A limit
 * may so be passed by what other servers accept in that time, and is never held against what has ended longer
 * ago. Nobody who has no limit causes a look.
 */
#ifndef REEVE_QUOTA_H
#define REEVE_QUOTA_H

#include "web/principal.h"

#define QUOTA_TTL_MS 2000

struct quota;

struct quota *quota_new(void);
void quota_free(struct quota *q);

/* Room for so many more tasks of `who` in the project? 0 yes, and they count from now on (unless this is only
 * a trial); -1 and ERR_LIMIT with the limit's name. */
int quota_take(struct quota *q, struct db *db, const struct principal *who, int64_t project, int64_t tasks,
               bool trial, struct err *err);
/* Tasks of the project that have not ended (user 0), or of the member. */
int quota_live(struct quota *q, struct db *db, int64_t project, int64_t user, int64_t *ret, struct err *err);

#endif
