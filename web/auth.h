/* SPDX-License-Identifier: Apache-2.0 */
/* auth.h - who speaks: bearer tokens and session cookies, with a short memory.
 *
 * A token or cookie is looked up in the database at most once in AUTH_TTL_MS; a revoked one, a changed role
 * or project therefore counts after at most that time. Principals are immutable and counted.
 */
#ifndef REEVE_AUTH_H
#define REEVE_AUTH_H

#include "web/principal.h"

#define AUTH_TTL_MS     5000
#define SESSION_IDLE_MS (30 * 60 * 1000)
#define SESSION_LIFE_MS (12 * 3600 * 1000LL)
#define AUTH_CACHE_MAX  4096

struct auth;
struct auth *auth_new(void);
void auth_free(struct auth *a);

/* Who holds the secret: 1 and a counted principal, 0 nobody, -1 the database cannot say. */
int auth_check(struct auth *a, struct db *db, const char *secret, bool cookie, struct principal **ret,
               struct err *err);
/* The same for somebody who was let in before. */
int auth_again(struct auth *a, struct db *db, const struct principal *who, struct principal **ret,
               struct err *err);
/* Forget what is remembered: somebody's rights changed here. */
void auth_forget(struct auth *a);

#endif
