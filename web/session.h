/* SPDX-License-Identifier: Apache-2.0 */
/* session.h - the browser's session: its cookie, and how one begins. */
#ifndef REEVE_SESSION_H
#define REEVE_SESSION_H

#include "web/request.h"

/* Over TLS __Host-reeve, which no other host and no plain page can set. */
const char *session_cookie_name(const struct request *rq);
void session_cookie(struct request *rq, const char *value, int64_t life_s);

/* A session of the user, until the given time at the latest: cookie set, me replied, on record with `how`. */
int session_begin(struct request *rq, struct db *db, int32_t user, int64_t until, const char *how,
                  struct err *err);
/* The same by a login code: 1; 0 when the code is no good. */
int session_by_code(struct request *rq, struct db *db, const char *code, const char *how, struct err *err);

/* The principal as the reply of /v1/me. */
void me_write(struct buf *b, const struct principal *p);

#endif
