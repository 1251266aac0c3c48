/* SPDX-License-Identifier: Apache-2.0 */
/* login.h - limits on attempts to log in, for everything that takes a password or a code. */
#ifndef REEVE_LOGIN_H
#define REEVE_LOGIN_H

#include "web/request.h"

#define USER_NAME_MAX 64

/* Too many failed from this address, or for this name (NULL: none): true with the reply written. */
bool login_must_wait(struct request *rq, const char *name);
/* One begins; it counts as failed until it succeeded. */
void login_begins(struct request *rq, const char *name);
void login_succeeded(struct request *rq, const char *name);

#endif
