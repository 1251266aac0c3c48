/* SPDX-License-Identifier: Apache-2.0 */
/* errand.h - work that takes too long for a thread that serves connections: hashing passwords, asking another
 * server.
 *
 * A handler starts an errand and returns REQUEST_WAIT; threads of a small pool do the work; the handler runs
 * again when it is done. How many are done at once is the number of the pool's threads, and what a password
 * costs in memory is so bounded. Whoever has gone meanwhile is not waited for.
 */
#ifndef REEVE_ERRAND_H
#define REEVE_ERRAND_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>

#define ERRAND_QUEUE_MAX 256   /* waiting to be begun, of one pool */
#define ERRAND_WAIT_MS   20000 /* longest time that a request waits for its errand */

struct request;
struct errand;
struct errands;

int errands_start(size_t threads, struct errands **ret, struct err *err);
/* Finishes what was begun. NULL is fine. */
void errands_stop(struct errands *p);

/* Do work(arg) aside; release(arg) when it is done and nobody asks for it any more. The pool owns arg from
 * here on. -1 and ERR_UNAVAILABLE when too many wait already. */
int errand_start(struct errands *p, struct request *rq, void (*work)(void *arg), void (*release)(void *arg),
                 void *arg, struct err *err);
/* The request's errand: its arg once the work is done, NULL before (return REQUEST_WAIT). */
void *errand_done(struct request *rq);
/* The request ends. */
void errand_drop(struct request *rq);

#endif
