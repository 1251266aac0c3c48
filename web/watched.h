/* SPDX-License-Identifier: Apache-2.0 */
/* watched.h - lists of jobs by number, for a client that asked for them before. */
#ifndef REEVE_WATCHED_H
#define REEVE_WATCHED_H

#include "store/store_jobs.h"
#include "web/request.h"

/* Does the request ask for certain jobs, all on one page, and for nothing else, with the ETag of an earlier
 * answer? */
bool watched_is(const struct request *rq, const struct jobs_filter *f);
/* The list: of the jobs that did not change as they were written before, the others from the database. */
int watched_reply(struct request *rq, struct db *db, struct jobs_filter *f, struct err *err);

#endif
