/* SPDX-License-Identifier: Apache-2.0 */
/* explain_ask.h - put a question about a job to the engine, and write its answer. */
#ifndef REEVE_EXPLAIN_ASK_H
#define REEVE_EXPLAIN_ASK_H

#include "web/auth.h"
#include "web/request.h"

#define EXPLAIN_WAIT_MS  3000 /* for an engine that does not answer */
#define EXPLAIN_AGAIN_MS 2000 /* who waits for changes has the engine asked again at most this often */

/* Ask, by the call "explain" (daemon/engine_explain.c says what q holds). Returns 0 and the answer, borrowed,
 * or NULL when no engine answers in time; REQUEST_WAIT; -1. */
int explain_ask(struct request *rq, struct db *db, const json_t *q, json_t **ret, struct err *err);
/* The same for another kind of call that the engine answers at once. */
int engine_ask(struct request *rq, struct db *db, const char *kind, const json_t *q, json_t **ret,
               struct err *err);
/* Ids of the projects that the asker sees; null: all. A new reference. */
json_t *explain_projects(const struct principal *p);

/* "memory=64G&sites=a,b" as the engine wants it; a new reference. What is wrong is ERR_BAD_INPUT. */
int what_if_read(struct request *rq, struct db *db, const char *text, json_t **ret, struct err *err);

/* A member of the answer as it is; absent or null: otherwise (NULL: null). */
void explain_write(struct buf *b, const char *key, const json_t *v, const char *otherwise);
/* Times of the answer are wall milliseconds. Those of a start are rounded to about a thirtieth of how far
 * away they are, so that an answer is a new one only when it says something new. */
void explain_write_start(struct buf *b, const json_t *start);
int64_t explain_time(const json_t *o, const char *key);
void explain_time_in_words(json_t *o, const char *key); /* replaces it by RFC 3339 */
/* The members of a guest's answer; key NULL: without the braces around them. */
void explain_write_guest(struct buf *b, const char *key, const json_t *guest, const char *otherwise);

#endif
