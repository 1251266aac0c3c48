/* SPDX-License-Identifier: Apache-2.0 */
/* store_auth.h - users, tokens, sessions, projects and the audit chain.
 *
 * Secrets (tokens, login codes, cookies) are 256 random bits, shown once; the database holds their SHA-256.
 * Functions with `struct rows **ret` hand out rows to be read by column name, as listed.
 */
#ifndef REEVE_STORE_AUTH_H
#define REEVE_STORE_AUTH_H

#include "store/db.h"

#define SECRET_HASH_LEN 32
#define TOKEN_PREFIX    "reeve_"
#define TOKEN_TEXT_MAX  64 /* prefix, 43 characters, terminator */

struct secret {
        char text[TOKEN_TEXT_MAX]; /* for its owner, once */
        uint8_t hash[SECRET_HASH_LEN];
};
/* A new secret; a token starts with TOKEN_PREFIX, a code or cookie with nothing. */
void secret_make(const char *prefix, struct secret *ret);
void secret_hash(const char *text, uint8_t ret[SECRET_HASH_LEN]);

/* Who speaks: user_id, name, role; no row when the secret is unknown, expired, revoked, its user disabled. A
 * cookie also ends when it was not used for idle_ms. Last use is kept to the minute. */
int store_auth_token(struct db *db, const uint8_t *hash, struct rows **ret, struct err *err);
int store_auth_session(struct db *db, const uint8_t *hash, int64_t idle_ms, struct rows **ret,
                       struct err *err);
/* The projects a user sees, by id: id, name. */
int store_auth_projects(struct db *db, int32_t user, bool all, struct rows **ret, struct err *err);

/* Sessions. */
int store_session_add(struct db *db, int32_t user, const char *kind, const uint8_t *hash, int64_t expires_at,
                      struct err *err);
/* Exchange a code for a cookie, once: 1 and *ret_user, or 0 when the code is unknown, used or expired. */
int store_session_exchange(struct db *db, const uint8_t *code, const uint8_t *cookie, int64_t expires_at,
                           int32_t *ret_user, struct err *err);
int store_session_end(struct db *db, const uint8_t *hash, struct err *err);

/* Tokens: id, user, name, prefix, created_at, expires_at, last_used_at, revoked_at. */
int store_tokens_list(struct db *db, int32_t user, struct rows **ret, struct err *err);
int store_token_add(struct db *db, int32_t user, const char *name, const struct secret *token,
                    int64_t expires_at, int64_t *ret_id, struct err *err);
/* 1 revoked, 0 no such token of this user (user 0: of anybody). */
int store_token_revoke(struct db *db, int64_t id, int32_t user, struct err *err);

/* Users: id, name, role, created_at, disabled_at, projects (JSON array of names). */
int store_users_list(struct db *db, int64_t after_id, int limit, struct rows **ret, struct err *err);
int store_user_add(struct db *db, const char *name, const char *role, int32_t *ret_id, struct err *err);
/* 1 and *ret_id, 0 no such active user. */
int store_user_find(struct db *db, const char *name, int32_t *ret_id, struct err *err);
/* 1 added, 0 no such project. */
int store_member_add(struct db *db, int32_t user, const char *project, struct err *err);

/* Projects: id, name, share, max_cpus, max_tasks, usage, usage_at, created_at, cpus, tasks (in use now). */
int store_projects_list(struct db *db, const int64_t *ids, size_t n, bool all, struct rows **ret,
                        struct err *err);
struct project_change {
        bool share_set, max_cpus_set, max_tasks_set;
        double share;
        int64_t max_cpus, max_tasks; /* 0 is none */
};
int store_project_add(struct db *db, const char *name, const struct project_change *c, struct err *err);
/* 1 changed, 0 no such project. */
int store_project_change(struct db *db, const char *name, const struct project_change *c, struct err *err);

/* Append to the audit chain; in the transaction that is open, if one is. */
int store_audit(struct db *db, const char *actor, const char *action, const char *object, const char *detail,
                struct err *err);

/* For the daemon and the command line of the machine itself. The first: make user `name` an admin with a
 * token when there is no admin yet: 1 and the token, or 0. The second: a login code (10 minutes) for a user.
 */
int store_first_admin(struct db *db, const char *name, struct secret *ret_token, struct err *err);
int store_login_code(struct db *db, const char *user, struct secret *ret_code, struct err *err);

#endif
