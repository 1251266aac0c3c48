/* SPDX-License-Identifier: Apache-2.0 */
/* auth.h - who speaks: bearer tokens and session cookies, with a short memory.
 *
 * A token or cookie is looked up in the database at most once in AUTH_TTL_MS; a revoked one, a changed role
 * or project therefore counts after at most that time. Principals are immutable and counted.
 */
#ifndef REEVE_AUTH_H
#define REEVE_AUTH_H

#include "store/store_auth.h"
#include "store/store_jobs.h"

#include <stdatomic.h>

#define AUTH_TTL_MS         5000
#define SESSION_IDLE_MS     (30 * 60 * 1000)
#define SESSION_LIFE_MS     (12 * 3600 * 1000LL)
#define AUTH_CACHE_MAX      4096
#define LOGIN_FAILURES_MAX  10 /* from one address, before it has to wait */
#define LOGIN_WAIT_MS       30000
#define LOGIN_ADDRESSES_MAX 1024

enum role { ROLE_VIEWER, ROLE_SUBMITTER, ROLE_ADMIN };

struct principal {
        atomic_int refs;
        int32_t user;
        char *name;
        enum role role;
        bool by_cookie;
        uint8_t hash[SECRET_HASH_LEN]; /* of the secret it came with */
        int64_t *project_ids;          /* by id; for an admin all there are */
        char **project_names;
        size_t project_count;
};

struct principal *principal_ref(struct principal *p);
void principal_unref(struct principal *p);
/* The project of that name that p sees; -1 when there is none. */
int32_t principal_project(const struct principal *p, const char *name);
bool principal_sees(const struct principal *p, int64_t project);
struct visible principal_visible(const struct principal *p);
const char *role_name(enum role r);

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

/* Log-in attempts of an address: how long it has to wait (0: go on), and note a failure. */
int64_t auth_login_wait(struct auth *a, const char *address, int64_t now_ms);
void auth_login_failed(struct auth *a, const char *address, int64_t now_ms);

#endif
