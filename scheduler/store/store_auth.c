/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_auth.h"

#include "common/util.h"
#include "store/store_audit.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define SECRET_LEN 32

/* ---- secrets ---------------------------------------------------------------------------------------------
 */

void secret_hash(const char *text, uint8_t ret[SECRET_HASH_LEN])
{
        crypto_hash_sha256(ret, (const unsigned char *)text, strlen(text));
}

#define BASE64 sodium_base64_VARIANT_URLSAFE_NO_PADDING

static void check_text(const char *text, size_t n, char ret[TOKEN_CHECK_LEN + 1])
{
        uint8_t hash[SECRET_HASH_LEN];
        char all[sodium_base64_ENCODED_LEN(SECRET_HASH_LEN, BASE64)];

        crypto_hash_sha256(hash, (const unsigned char *)text, n);
        sodium_bin2base64(all, sizeof all, hash, sizeof hash, BASE64);
        memcpy(ret, all, TOKEN_CHECK_LEN);
        ret[TOKEN_CHECK_LEN] = '\0';
}

void secret_make(const char *prefix, struct secret *ret)
{
        uint8_t bytes[SECRET_LEN];
        char text[sodium_base64_ENCODED_LEN(SECRET_LEN, BASE64)], check[TOKEN_CHECK_LEN + 1] = "";

        randombytes_buf(bytes, sizeof bytes);
        sodium_bin2base64(text, sizeof text, bytes, sizeof bytes, BASE64);
        snprintf(ret->text, sizeof ret->text, "%s%s", prefix, text);
        if (*prefix)
                check_text(ret->text, strlen(ret->text), check);
        snprintf(ret->text, sizeof ret->text, "%s%s%s", prefix, text, check);
        secret_hash(ret->text, ret->hash);
        sodium_memzero(bytes, sizeof bytes);
        sodium_memzero(text, sizeof text);
}

bool token_is_whole(const char *text)
{
        const size_t n = sizeof TOKEN_PREFIX - 1 + SECRET_CHARS;
        char check[TOKEN_CHECK_LEN + 1];

        if (strlen(text) != n + TOKEN_CHECK_LEN)
                return strlen(text) == n; /* made before tokens had a check */
        check_text(text, n, check);
        return strcmp(text + n, check) == 0;
}

/* ---- who speaks ------------------------------------------------------------------------------------------
 */

int store_auth_token(struct db *db, const uint8_t *hash, struct rows **ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "auth_token",
                    "with used as (update tokens set last_used_at = now() where hash = $1"
                    " and (last_used_at is null or last_used_at < now() - interval '1 minute'))"
                    " select u.id as user_id, u.name, u.role, u.password is not null as has_password,"
                    " t.expires_at, array_to_string(t.scopes, ' ') as scopes, t.project_id"
                    " from tokens t join users u on u.id = t.user_id"
                    " where t.hash = $1 and t.revoked_at is null and u.disabled_at is null"
                    " and (t.expires_at is null or t.expires_at > now())");

        bind_bytes(st, hash, SECRET_HASH_LEN);
        return db_query(st, ret, err);
}

int store_auth_session(struct db *db, const uint8_t *hash, int64_t idle_ms, struct rows **ret,
                       struct err *err)
{
        struct stmt *st = db_stmt(
            db, "auth_session",
            "with used as (update sessions set seen_at = now() where hash = $1 and kind = 'cookie'"
            " and seen_at between now() - $2 * interval '1 millisecond' and now() - interval '1 minute')"
            " select u.id as user_id, u.name, u.role, u.password is not null as has_password,"
            " s.expires_at, null::text as scopes, null::integer as project_id"
            " from sessions s join users u on u.id = s.user_id"
            " where s.hash = $1 and s.kind = 'cookie' and s.expires_at > now()"
            " and s.seen_at > now() - $2 * interval '1 millisecond' and u.disabled_at is null");

        bind_bytes(st, hash, SECRET_HASH_LEN);
        bind_int(st, idle_ms);
        return db_query(st, ret, err);
}

int store_auth_projects(struct db *db, int32_t user, bool all, int32_t only, struct rows **ret,
                        struct err *err)
{
        struct stmt *st = db_stmt(
            db, "auth_projects",
            "select p.id, p.name, p.max_live, m.max_live as own_max_live, coalesce(m.role, 'admin') as role,"
            " m.role is not null as member"
            " from projects p left join project_members m on m.project_id = p.id and m.user_id = $1"
            " where ($2 or m.role is not null) and ($3 = 0 or p.id = $3) order by p.id");

        bind_int(st, user);
        bind_bool(st, all);
        bind_int(st, only);
        return db_query(st, ret, err);
}

int store_auth_sites(struct db *db, int32_t user, struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(db, "auth_sites",
                                  "select s.id, s.name from site_admins a join sites s on s.id = a.site_id"
                                  " where a.user_id = $1 and s.removed_at is null order by s.id");

        bind_int(st, user);
        return db_query(st, ret, err);
}

int store_auth_password(struct db *db, const char *name, struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(db, "auth_password",
                                  "select id as user_id, name, password from users where name = $1"
                                  " and disabled_at is null and password is not null");

        bind_text(st, name);
        return db_query(st, ret, err);
}

/* ---- sessions --------------------------------------------------------------------------------------------
 */

int store_session_add(struct db *db, int32_t user, const char *kind, const struct session_new *s,
                      struct err *err)
{
        struct stmt *st = db_stmt(db, "session_add",
                                  "insert into sessions (hash, user_id, kind, expires_at, address, agent)"
                                  " values ($1, $2, $3, $4, $5, $6)");

        bind_bytes(st, s->hash, SECRET_HASH_LEN);
        bind_int(st, user);
        bind_text(st, kind);
        bind_time(st, s->expires_at);
        bind_text(st, s->address);
        bind_text(st, s->agent);
        return db_exec(st, err) < 0 ? -1 : 0;
}

int store_session_exchange(struct db *db, const uint8_t *code, const struct session_new *s, int32_t *ret_user,
                           struct err *err)
{
        struct stmt *st = db_stmt(
            db, "session_exchange",
            "with spent as (delete from sessions s using users u where s.hash = $1 and s.kind = 'code'"
            " and s.expires_at > now() and u.id = s.user_id and u.disabled_at is null"
            " returning s.user_id)"
            " insert into sessions (hash, user_id, kind, expires_at, address, agent)"
            " select $2, user_id, 'cookie', $3, $4, $5 from spent returning user_id");
        AUTO_ROWS struct rows *r = NULL;

        bind_bytes(st, code, SECRET_HASH_LEN);
        bind_bytes(st, s->hash, SECRET_HASH_LEN);
        bind_time(st, s->expires_at);
        bind_text(st, s->address);
        bind_text(st, s->agent);
        if (db_query(st, &r, err) < 0)
                return -1;
        if (!rows_next(r))
                return 0;
        *ret_user = (int32_t)row_int(r, "user_id");
        return 1;
}

int store_session_end(struct db *db, const uint8_t *hash, struct err *err)
{
        struct stmt *st = db_stmt(db, "session_end", "delete from sessions where hash = $1");

        bind_bytes(st, hash, SECRET_HASH_LEN);
        return db_exec(st, err) < 0 ? -1 : 0;
}

int store_sessions_list(struct db *db, int32_t user, const uint8_t *own, int64_t idle_ms, struct rows **ret,
                        struct err *err)
{
        struct stmt *st = db_stmt(db, "sessions_list",
                                  "select id, created_at, seen_at, expires_at, address, agent,"
                                  " hash = $2 as current from sessions"
                                  " where user_id = $1 and kind = 'cookie' and expires_at > now()"
                                  " and seen_at > now() - $3 * interval '1 millisecond'"
                                  " order by id desc limit 1000");

        bind_int(st, user);
        bind_bytes(st, own, SECRET_HASH_LEN);
        bind_int(st, idle_ms);
        return db_query(st, ret, err);
}

int store_session_revoke(struct db *db, int32_t user, int64_t id, struct err *err)
{
        struct stmt *st = db_stmt(db, "session_revoke",
                                  "delete from sessions where id = $1 and user_id = $2 and kind = 'cookie'");

        bind_int(st, id);
        bind_int(st, user);
        return (int)db_exec(st, err);
}

int store_sessions_end(struct db *db, int32_t user, const uint8_t *but, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "sessions_end",
                    "delete from sessions where user_id = $1 and ($2::bytea is null or hash <> $2)");

        bind_int(st, user);
        bind_bytes(st, but, but ? SECRET_HASH_LEN : 0);
        return db_exec(st, err) < 0 ? -1 : 0;
}

/* ---- tokens ----------------------------------------------------------------------------------------------
 */

int store_tokens_list(struct db *db, int32_t user, int32_t project, struct rows **ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "tokens_list",
                    "select t.id, u.name as user, t.name, t.prefix, t.created_at, t.expires_at,"
                    " t.last_used_at, t.revoked_at, to_json(t.scopes) as scopes, p.name as project"
                    " from tokens t join users u on u.id = t.user_id"
                    " left join projects p on p.id = t.project_id"
                    " where ($1 = 0 or t.user_id = $1) and ($2 = 0 or t.project_id = $2)"
                    " order by t.id desc limit 1000");

        bind_int(st, user);
        bind_int(st, project);
        return db_query(st, ret, err);
}

int store_token_add(struct db *db, const struct token_new *t, int64_t *ret_id, struct err *err)
{
        struct stmt *st = db_stmt(db, "token_add",
                                  "insert into tokens (user_id, name, prefix, hash, expires_at, scopes,"
                                  " project_id) values ($1, $2, $3, $4, $5, case when $6 then $7::text[] end,"
                                  " nullif($8::integer, 0)) returning id");
        AUTO_ROWS struct rows *r = NULL;
        char prefix[sizeof TOKEN_PREFIX + 4];

        snprintf(prefix, sizeof prefix, "%.*s", (int)sizeof prefix - 1, t->secret->text);
        bind_int(st, t->user);
        bind_text(st, t->name);
        bind_text(st, prefix);
        bind_bytes(st, t->secret->hash, SECRET_HASH_LEN);
        bind_time(st, t->expires_at);
        bind_bool(st, t->limited);
        bind_texts(st, t->scopes, t->scope_count);
        bind_int(st, t->project);
        if (db_query(st, &r, err) < 0)
                return -1;
        rows_next(r);
        *ret_id = row_int(r, "id");
        return 0;
}

int store_token_revoke(struct db *db, int64_t id, int32_t user, int32_t project, struct err *err)
{
        struct stmt *st = db_stmt(db, "token_revoke",
                                  "update tokens set revoked_at = coalesce(revoked_at, now())"
                                  " where id = $1 and (user_id = $2 or $2 = 0)"
                                  " and (project_id = $3 or $3 = 0)");

        bind_int(st, id);
        bind_int(st, user);
        bind_int(st, project);
        return (int)db_exec(st, err);
}

/* ---- the machine's own commands --------------------------------------------------------------------------
 */

struct first_admin {
        const char *name;
        struct secret *token;
        bool made;
};

static int first_admin_tx(struct db *db, void *arg, struct err *err)
{
        struct first_admin *f = arg;
        struct stmt *st;
        AUTO_ROWS struct rows *there = NULL, *made = NULL;
        struct token_new token = {.name = "first", .secret = f->token, .expires_at = INT64_MIN};
        int64_t id;

        f->made = false;
        if (db_run(db, "lock table users in share row exclusive mode", err) < 0)
                return -1;
        st = db_stmt(db, "admin_exists",
                     "select from users where role = 'admin' and disabled_at is null limit 1");
        if (db_query(st, &there, err) < 0)
                return -1;
        if (rows_next(there))
                return 0;
        st = db_stmt(db, "admin_make",
                     "insert into users (name, role) values ($1, 'admin')"
                     " on conflict (name) do update set role = 'admin', disabled_at = null returning id");
        bind_text(st, f->name);
        if (db_query(st, &made, err) < 0)
                return -1;
        rows_next(made);
        f->made = true;
        token.user = (int32_t)row_int(made, "id");
        if (store_token_add(db, &token, &id, err) < 0)
                return -1;
        return store_audit(
            db,
            &(struct audit_row){"reeved", "first admin", f->name, "made with its first token", NULL, NULL},
            err);
}

int store_first_admin(struct db *db, const char *name, struct secret *ret_token, struct err *err)
{
        struct secret token;
        struct first_admin f = {.name = name, .token = &token};

        secret_make(TOKEN_PREFIX, &token);
        if (db_tx(db, first_admin_tx, &f, err) < 0)
                return -1;
        if (f.made)
                *ret_token = token;
        sodium_memzero(&token, sizeof token);
        return f.made;
}
