/* SPDX-License-Identifier: Apache-2.0 */
/* store_oidc.h - who users are at an OpenID provider, and sign-ins that are under way there.
 *
 * Functions with `struct rows **ret` hand out rows to be read by column name, as listed.
 */
#ifndef REEVE_STORE_OIDC_H
#define REEVE_STORE_OIDC_H

#include "store/db.h"

#define FLOW_MS          (10 * 60 * 1000)
#define FLOWS_MAX        10000 /* under way at once */
#define FLOWS_OF_ADDRESS 100   /* of them begun by one address */

/* A sign-in that begins. */
struct flow_new {
        const uint8_t *state, *browser; /* SHA-256 of each */
        const char *nonce, *verifier, *return_to, *address;
        int32_t user, invitation; /* 0: none */
};
/* 1 begun; 0 too many are under way. Those that are over are removed. */
int store_flow_add(struct db *db, const struct flow_new *f, struct err *err);
/* The one that began with this state in this browser, and never again: nonce, verifier, return_to, user_id,
 * invitation_id; maybe no row. */
int store_flow_take(struct db *db, const uint8_t *state, const uint8_t *browser, struct rows **ret,
                    struct err *err);

/* Whose identity it is, disabled or not: user_id, name, disabled_at; maybe no row. */
int store_identity_find(struct db *db, const char *issuer, const char *subject, struct rows **ret,
                        struct err *err);
int store_identity_add(struct db *db, const char *issuer, const char *subject, int32_t user, struct err *err);
int store_identity_used(struct db *db, const char *issuer, const char *subject, struct err *err);
/* Those of a user: id, issuer, subject, made_at, used_at. */
int store_identities_list(struct db *db, int32_t user, struct rows **ret, struct err *err);
/* 1 taken away; 0 the user has no such; 2 it is the last way in: no password, and no other. */
int store_identity_remove(struct db *db, int32_t user, int64_t id, struct err *err);

/* An active user by number: name; maybe no row. */
int store_user_active(struct db *db, int32_t user, struct rows **ret, struct err *err);
/* An invitation that waits, by number: as store_invitation_find. */
int store_invitation_waits(struct db *db, int64_t id, struct rows **ret, struct err *err);

/* The provider's groups say what the user is from now on, until a person does. */
int store_user_by_groups(struct db *db, int32_t user, struct err *err);
/* What they give: role (NULL: they say nothing of it) and projects with a role in each. What people gave
 * stays, and so does the last admin. How many rows changed. */
struct groups_give {
        const char *role;
        const char *const *projects, *const *roles;
        size_t count;
};
int store_groups_give(struct db *db, int32_t user, const struct groups_give *g, struct err *err);

#endif
