/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_auth.h"

#include "common/util.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define SECRET_LEN        32
#define LOGIN_CODE_TTL_MS (10 * 60 * 1000)

/* ---- secrets ---------------------------------------------------------------------------------------------
 */

void secret_hash(const char *text, uint8_t ret[SECRET_HASH_LEN])
{
        crypto_hash_sha256(ret, (const unsigned char *)text, strlen(text));
}

void secret_make(const char *prefix, struct secret *ret)
{
        uint8_t bytes[SECRET_LEN];
        char text[sodium_base64_ENCODED_LEN(SECRET_LEN, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];

        randombytes_buf(bytes, sizeof bytes);
        sodium_bin2base64(text, sizeof text, bytes, sizeof bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
        snprintf(ret->text, sizeof ret->text, "%s%s", prefix, text);
        secret_hash(ret->text, ret->hash);
        sodium_memzero(bytes, sizeof bytes);
        sodium_memzero(text, sizeof text);
}

/* ---- who speaks ------------------------------------------------------------------------------------------
 */

int store_auth_token(struct db *db, const uint8_t *hash, struct rows **ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "auth_token",
                    "with used as (update tokens set last_used_at = now() where hash = $1"
                    " and (last_used_at is null or last_used_at < now() - interval '1 minute'))"
                    " select u.id as user_id, u.name, u.role from tokens t join users u on u.id = t.user_id"
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
            " select u.id as user_id, u.name, u.role from sessions s join users u on u.id = s.user_id"
            " where s.hash = $1 and s.kind = 'cookie' and s.expires_at > now()"
            " and s.seen_at > now() - $2 * interval '1 millisecond' and u.disabled_at is null");

        bind_bytes(st, hash, SECRET_HASH_LEN);
        bind_int(st, idle_ms);
        return db_query(st, ret, err);
}

int store_auth_projects(struct db *db, int32_t user, bool all, struct rows **ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "auth_projects",
                    "select id, name from projects p where $2 or exists (select from project_members m"
                    " where m.project_id = p.id and m.user_id = $1) order by id");

        bind_int(st, user);
        bind_bool(st, all);
        return db_query(st, ret, err);
}

/* ---- sessions --------------------------------------------------------------------------------------------
 */

int store_session_add(struct db *db, int32_t user, const char *kind, const uint8_t *hash, int64_t expires_at,
                      struct err *err)
{
        struct stmt *st =
            db_stmt(db, "session_add",
                    "insert into sessions (hash, user_id, kind, expires_at) values ($1, $2, $3, $4)");

        bind_bytes(st, hash, SECRET_HASH_LEN);
        bind_int(st, user);
        bind_text(st, kind);
        bind_time(st, expires_at);
        return db_exec(st, err) < 0 ? -1 : 0;
}

int store_session_exchange(struct db *db, const uint8_t *code, const uint8_t *cookie, int64_t expires_at,
                           int32_t *ret_user, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "session_exchange",
            "with spent as (delete from sessions s using users u where s.hash = $1 and s.kind = 'code'"
            " and s.expires_at > now() and u.id = s.user_id and u.disabled_at is null"
            " returning s.user_id)"
            " insert into sessions (hash, user_id, kind, expires_at)"
            " select $2, user_id, 'cookie', $3 from spent returning user_id");
        AUTO_ROWS struct rows *r = NULL;

        bind_bytes(st, code, SECRET_HASH_LEN);
        bind_bytes(st, cookie, SECRET_HASH_LEN);
        bind_time(st, expires_at);
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

/* ---- tokens ----------------------------------------------------------------------------------------------
 */

int store_tokens_list(struct db *db, int32_t user, struct rows **ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "tokens_list",
                    "select t.id, u.name as user, t.name, t.prefix, t.created_at, t.expires_at,"
                    " t.last_used_at, t.revoked_at from tokens t join users u on u.id = t.user_id"
                    " where t.user_id = $1 order by t.id desc limit 1000");

        bind_int(st, user);
        return db_query(st, ret, err);
}

int store_token_add(struct db *db, int32_t user, const char *name, const struct secret *token,
                    int64_t expires_at, int64_t *ret_id, struct err *err)
{
        struct stmt *st = db_stmt(db, "token_add",
                                  "insert into tokens (user_id, name, prefix, hash, expires_at)"
                                  " values ($1, $2, $3, $4, $5) returning id");
        AUTO_ROWS struct rows *r = NULL;
        char prefix[sizeof TOKEN_PREFIX + 4];

        snprintf(prefix, sizeof prefix, "%.*s", (int)sizeof prefix - 1, token->text);
        bind_int(st, user);
        bind_text(st, name);
        bind_text(st, prefix);
        bind_bytes(st, token->hash, SECRET_HASH_LEN);
        bind_time(st, expires_at);
        if (db_query(st, &r, err) < 0)
                return -1;
        rows_next(r);
        *ret_id = row_int(r, "id");
        return 0;
}

int store_token_revoke(struct db *db, int64_t id, int32_t user, struct err *err)
{
        struct stmt *st = db_stmt(db, "token_revoke",
                                  "update tokens set revoked_at = coalesce(revoked_at, now())"
                                  " where id = $1 and (user_id = $2 or $2 = 0)");

        bind_int(st, id);
        bind_int(st, user);
        return (int)db_exec(st, err);
}

/* ---- users and projects ----------------------------------------------------------------------------------
 */

int store_users_list(struct db *db, int64_t after_id, int limit, struct rows **ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "users_list",
                    "select u.id, u.name, u.role, u.created_at, u.disabled_at,"
                    " coalesce((select json_agg(p.name order by p.name) from project_members m"
                    "  join projects p on p.id = m.project_id where m.user_id = u.id), '[]') as projects"
                    " from users u where u.id > $1 order by u.id limit $2");

        bind_int(st, after_id);
        bind_int(st, limit);
        return db_query(st, ret, err);
}

int store_user_add(struct db *db, const char *name, const char *role, int32_t *ret_id, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "user_add", "insert into users (name, role) values ($1, $2) returning id");
        AUTO_ROWS struct rows *r = NULL;

        bind_text(st, name);
        bind_text(st, role);
        if (db_query(st, &r, err) < 0)
                return -1;
        rows_next(r);
        *ret_id = (int32_t)row_int(r, "id");
        return 0;
}

int store_user_find(struct db *db, const char *name, int32_t *ret_id, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "user_find", "select id from users where name = $1 and disabled_at is null");
        AUTO_ROWS struct rows *r = NULL;

        bind_text(st, name);
        if (db_query(st, &r, err) < 0)
                return -1;
        if (!rows_next(r))
                return 0;
        *ret_id = (int32_t)row_int(r, "id");
        return 1;
}

int store_member_add(struct db *db, int32_t user, const char *project, struct err *err)
{
        struct stmt *st = db_stmt(db, "member_add",
                                  "insert into project_members (project_id, user_id)"
                                  " select id, $1 from projects where name = $2");

        bind_int(st, user);
        bind_text(st, project);
        return (int)db_exec(st, err);
}

int store_projects_list(struct db *db, const int64_t *ids, size_t n, bool all, struct rows **ret,
                        struct err *err)
{
        struct stmt *st = db_stmt(
            db, "projects_list",
            "select p.id, p.name, p.share, p.max_cpus, p.max_tasks, p.usage, p.usage_at, p.created_at,"
            " coalesce(u.cpus, 0) as cpus, coalesce(u.tasks, 0) as tasks from projects p"
            " left join (select j.project_id, sum(a.n) as tasks,"
            "   sum(a.n * (j.spec->'resources'->>'cpus')::bigint) as cpus"
            "  from (select job_id, count(*) as n from attempts_live group by job_id) a"
            "  join jobs j on j.id = a.job_id group by j.project_id) u on u.project_id = p.id"
            " where $2 or p.id = any($1) order by p.name");

        bind_ints(st, ids, n);
        bind_bool(st, all);
        return db_query(st, ret, err);
}

static void bind_limit(struct stmt *st, int64_t v)
{
        if (v)
                bind_int(st, v);
        else
                bind_null(st);
}

int store_project_add(struct db *db, const char *name, const struct project_change *c, struct err *err)
{
        struct stmt *st = db_stmt(db, "project_add",
                                  "insert into projects (name, share, max_cpus, max_tasks)"
                                  " values ($1, $2, $3::bigint, $4::bigint)");

        bind_text(st, name);
        bind_f64(st, c->share_set ? c->share : 1);
        bind_limit(st, c->max_cpus);
        bind_limit(st, c->max_tasks);
        return db_exec(st, err) < 0 ? -1 : 0;
}

int store_project_change(struct db *db, const char *name, const struct project_change *c, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "project_change",
                    "update projects set share = case when $2 then $3 else share end,"
                    " max_cpus = case when $4 then $5::bigint else max_cpus end,"
                    " max_tasks = case when $6 then $7::bigint else max_tasks end where name = $1");

        bind_text(st, name);
        bind_bool(st, c->share_set);
        bind_f64(st, c->share);
        bind_bool(st, c->max_cpus_set);
        bind_limit(st, c->max_cpus);
        bind_bool(st, c->max_tasks_set);
        bind_limit(st, c->max_tasks);
        return (int)db_exec(st, err);
}

/* ---- audit -----------------------------------------------------------------------------------------------
 */

int store_audit(struct db *db, const char *actor, const char *action, const char *object, const char *detail,
                struct err *err)
{
        struct stmt *st = db_stmt(db, "audit_add", "select audit_add($1, $2, $3, $4)");
        AUTO_ROWS struct rows *r = NULL;

        bind_text(st, actor);
        bind_text(st, action);
        bind_text(st, object);
        bind_text(st, detail);
        return db_query(st, &r, err);
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
        if (store_token_add(db, (int32_t)row_int(made, "id"), "first", f->token, INT64_MIN, &id, err) < 0)
                return -1;
        return store_audit(db, "reeved", "first admin", f->name, "made with its first token", err);
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

int store_login_code(struct db *db, const char *user, struct secret *ret_code, struct err *err)
{
        struct secret code;
        int32_t id;
        int rc = store_user_find(db, user, &id, err);

        if (rc < 0)
                return -1;
        if (!rc)
                return err_set(err, ERR_NOT_FOUND, "no active user named \"%s\"", user);
        secret_make("", &code);
        if (store_session_add(db, id, "code", code.hash, clock_wall_ms() + LOGIN_CODE_TTL_MS, err) < 0)
                return -1;
        *ret_code = code;
        return 0;
}
