/* SPDX-License-Identifier: Apache-2.0 */
/* principal.h - who asks: what he is, which projects he sees, in which he may act, what he governs.
 *
 * Immutable and counted. A token that is limited to a project carries a principal that sees this project
 * alone, and is at most a submitter.
 */
#ifndef REEVE_PRINCIPAL_H
#define REEVE_PRINCIPAL_H

#include "store/store_auth.h"
#include "store/store_jobs.h"

#include <stdatomic.h>

enum role { ROLE_VIEWER, ROLE_SUBMITTER, ROLE_ADMIN };

/* What a limited token may be allowed; each route needs one. */
enum scope {
        SCOPE_NONE, /* needs none */
        SCOPE_JOBS_READ,
        SCOPE_JOBS_WRITE,
        SCOPE_DATA_READ,
        SCOPE_DATA_WRITE,
        SCOPE_SITES_READ,
        SCOPE_SITES_ADMIN,
        SCOPE_METRICS_READ,
        SCOPE_PEOPLE_READ,
        SCOPE_PEOPLE_ADMIN,
        SCOPE_ACCOUNT_READ,
        SCOPE_ACCOUNT_WRITE,
        SCOPE_COUNT, /* what no limited token may */
};

struct membership {
        int64_t project;
        char *name;
        enum role role;
        bool member;                    /* false: an admin's, who sees all */
        int64_t max_live, own_max_live; /* 0: no limit */
};

struct principal {
        atomic_int refs;
        struct principal *wide;   /* of one made by principal_acting: who it is altogether */
        struct principal *acting; /* only where he may act; NULL: that is everywhere */
        int32_t user;
        char *name;
        enum role role;
        bool by_cookie, has_password;
        bool has_scopes;  /* limited to `scopes`, bits of enum scope */
        bool one_project; /* limited to a project */
        uint32_t scopes;
        int64_t expires_at;            /* of the token or session; INT64_MIN: never */
        uint8_t hash[SECRET_HASH_LEN]; /* of the secret it came with */
        int64_t *project_ids;          /* by id; for an admin all there are */
        char **project_names;
        size_t project_count;
        struct membership *memberships; /* by id, of all projects he sees */
        size_t membership_count;
        int64_t *site_ids; /* governed; an admin governs all and has none here */
        char **site_names;
        size_t site_count;
};

/* Read everything about the user; `r`: the row of store_auth_token or store_auth_session. */
int principal_load(struct db *db, struct rows *r, const uint8_t *hash, bool cookie, struct principal **ret,
                   struct err *err);
struct principal *principal_ref(struct principal *p);
void principal_unref(struct principal *p);
/* The same person, with no projects but those in which he may act. */
struct principal *principal_acting(struct principal *p);

/* The project of that name among p's; -1 when there is none. */
int32_t principal_project(const struct principal *p, const char *name);
/* The same among all that he sees, with his role there. */
const struct membership *principal_membership(const struct principal *p, const char *name);
/* Everything that he sees counts, wherever he may act. */
bool principal_sees(const struct principal *p, int64_t project);
struct visible principal_visible(const struct principal *p);
bool principal_governs(const struct principal *p, int64_t site, const char *name); /* by either; 0, NULL */
/* The token is not good for everything its user may. */
bool principal_is_limited(const struct principal *p);

const char *role_name(enum role r);
bool role_parse(const char *name, enum role *ret);
const char *scope_name(enum scope s);
bool scope_parse(const char *name, enum scope *ret);

#endif
