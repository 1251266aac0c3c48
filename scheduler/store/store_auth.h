/* SPDX-License-Identifier: Apache-2.0 */
/* store_auth.h - who may speak to the API: tokens, sessions, passwords as they are stored.
 *
 * Secrets (tokens, login codes, cookies) are 256 random bits, shown once; the database holds their SHA-256.
 * Functions with `struct rows **ret` hand out rows to be read by column name, as listed.
 */
#ifndef REEVE_STORE_AUTH_H
#define REEVE_STORE_AUTH_H

#include "store/db.h"

#define SECRET_HASH_LEN 32
#define SECRET_CHARS    43 /* of base64url */
#define TOKEN_PREFIX    "reeve_"
#define TOKEN_CHECK_LEN 6
#define TOKEN_TEXT_MAX  64 /* prefix, secret, check, terminator */

struct secret {
        char text[TOKEN_TEXT_MAX]; /* for its owner, once */
        uint8_t hash[SECRET_HASH_LEN];
};
/* A new secret. A token starts with TOKEN_PREFIX and ends with a check of what is before, by which scanners
 * know one for certain; a code or cookie has neither. */
void secret_make(const char *prefix, struct secret *ret);
void secret_hash(const char *text, uint8_t ret[SECRET_HASH_LEN]);
/* Has the form of a token, and its check is right: else it is none of ours, and nobody has to be asked. */
bool token_is_whole(const char *text);

/* Who speaks: user_id, name, role, has_password, expires_at, scopes (names with spaces between; null: all),
 * project_id (the only one; null: all); no row when the secret is unknown, expired, revoked, its user
 * disabled. A cookie also ends when it was not used for idle_ms. Last use is kept to the minute. */
int store_auth_token(struct db *db, const uint8_t *hash, struct rows **ret, struct err *err);
int store_auth_session(struct db *db, const uint8_t *hash, int64_t idle_ms, struct rows **ret,
                       struct err *err);
/* The projects a user sees, by id: id, name, role, member, max_live, own_max_live. only: that one; 0 all. */
int store_auth_projects(struct db *db, int32_t user, bool all, int32_t only, struct rows **ret,
                        struct err *err);
/* The sites a user governs, by id: id, name. */
int store_auth_sites(struct db *db, int32_t user, struct rows **ret, struct err *err);
/* user_id, name, password of an active user who has one. */
int store_auth_password(struct db *db, const char *name, struct rows **ret, struct err *err);

/* Sessions. */
struct session_new {
        const uint8_t *hash;
        int64_t expires_at;
        const char *address, *agent; /* where from, and what the browser says it is; may be NULL */
};
int store_session_add(struct db *db, int32_t user, const char *kind, const struct session_new *s,
                      struct err *err);
/* Exchange a code for a cookie, once: 1 and *ret_user, or 0 when the code is unknown, used or expired. */
int store_session_exchange(struct db *db, const uint8_t *code, const struct session_new *s, int32_t *ret_user,
                           struct err *err);
int store_session_end(struct db *db, const uint8_t *hash, struct err *err);
/* Live ones, newest first: id, created_at, seen_at, expires_at, address, agent, current. */
int store_sessions_list(struct db *db, int32_t user, const uint8_t *own, int64_t idle_ms, struct rows **ret,
                        struct err *err);
/* 1 ended, 0 the user has no such session. */
int store_session_revoke(struct db *db, int32_t user, int64_t id, struct err *err);
/* All sessions and login codes of a user, but for the one with the hash `but` (NULL: none). */
int store_sessions_end(struct db *db, int32_t user, const uint8_t *but, struct err *err);

/* Tokens of a user, or for a project (0: any): id, user, name, prefix, created_at, expires_at, last_used_at,
 * revoked_at, scopes (JSON), project. */
int store_tokens_list(struct db *db, int32_t user, int32_t project, struct rows **ret, struct err *err);
struct token_new {
        int32_t user, project; /* project 0: all of its user's */
        const char *name;
        const struct secret *secret;
        int64_t expires_at; /* INT64_MIN: never */
        bool limited;       /* to these scopes */
        const char *const *scopes;
        size_t scope_count;
};
int store_token_add(struct db *db, const struct token_new *t, int64_t *ret_id, struct err *err);
/* 1 revoked, 0 no such token of this user, for this project (0: any). */
int store_token_revoke(struct db *db, int64_t id, int32_t user, int32_t project, struct err *err);

/* For the daemon: make user `name` an admin with a token when there is no admin yet: 1 and the token, or 0.
 */
int store_first_admin(struct db *db, const char *name, struct secret *ret_token, struct err *err);

#endif
