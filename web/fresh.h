/* SPDX-License-Identifier: Apache-2.0 */
/* fresh.h - answers that are known to be what the client has, without asking the database.
 *
 * Scripts that watch jobs ask the same question again and again, and most often nothing has changed. The
 * engine says which jobs it changed (the payload of NOTIFY reeve_web); so an answer that was made of some
 * jobs only is still right while none of them was named since it was made, and a client that shows its ETag
 * is told 304. What is told without names makes every answer old; so does FRESH_MS, in case a word was lost.
 *
 * All of it is bounded; what does not fit is only slower.
 */
#ifndef REEVE_FRESH_H
#define REEVE_FRESH_H

#include "web/request.h"

#define FRESH_MS      300000
#define FRESH_ANSWERS 4096   /* remembered */
#define FRESH_WAYS    8      /* of them one key may take the place of */
#define FRESH_SLOTS   524288 /* jobs that changed are told apart by so many */

struct fresh;

struct fresh *fresh_new(void);
void fresh_free(struct fresh *f);

/* A word from the engine, or from a server that changed something: "" anything, "-" no job, "1,2" these. */
void fresh_heard(struct fresh *f, const char *payload);

/* Is what the client has still the answer? */
bool fresh_is_known(struct fresh *f, struct request *rq);
/* May the job look different from what was asked after `since`? */
bool fresh_changed(struct fresh *f, int64_t job, uint64_t since);
/* When the handler begins; and once it has made an answer with that ETag. */
uint64_t fresh_now(struct fresh *f);
void fresh_remember(struct fresh *f, const struct request *rq, const char *etag, uint64_t begun);

#endif
