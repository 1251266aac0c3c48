/* SPDX-License-Identifier: Apache-2.0 */
/* Logging in and out, users, tokens, projects. */
#include "web/api.h"

#include "common/num.h"
#include "common/util.h"
#include "web/web_priv.h"

#include <stdio.h>
#include <string.h>

#define LOGIN_LINK_MS   (10 * 60 * 1000)
#define USER_NAME_MAX   64
#define LIMIT_COUNT_MAX 2000000000

const struct field nothing_fields[] = {{0}};

struct login_body {
        const char *code, *token;
};
const struct field login_fields[] = {
    FIELD(struct login_body, code, F_STRING, 1, 100, 0, "one-time code of a login link"),
    FIELD(struct login_body, token, F_STRING, 1, 100, 0, "an API token"),
    {0},
};

struct user_body {
        uint64_t given;
        const char *name, *role;
        json_t *projects;
};
const struct field user_fields[] = {
    FIELD(struct user_body, name, F_NAME, 1, USER_NAME_MAX, FIELD_REQUIRED, "login name"),
    FIELD(struct user_body, role, F_STRING, 1, 16, FIELD_REQUIRED, "viewer, submitter or admin"),
    FIELD(struct user_body, projects, F_STRINGS, 0, 1000, 0, "projects the user belongs to"),
    {0},
};

struct token_body {
        const char *name, *user;
        int64_t expires_at;
};
const struct field token_fields[] = {
    FIELD(struct token_body, name, F_STRING, 1, 100, FIELD_REQUIRED, "what its owner calls it"),
    FIELD(struct token_body, expires_at, F_TIME, 0, 0, 0, "when it ends; default never"),
    FIELD(struct token_body, user, F_NAME, 1, USER_NAME_MAX, 0, "for whom; only an admin may name another"),
    {0},
};

struct project_body {
        const char *name;
        double share;
        int64_t max_cpus, max_tasks;
};
#define PROJECT_RULES                                                                                        \
        FIELD(struct project_body, share, F_REAL, 0, 1000000, 0, "weight in fair share"),                    \
            FIELD(struct project_body, max_cpus, F_INT, 1, LIMIT_COUNT_MAX, 0,                               \
                  "CPUs it may hold at once; null: no limit"),                                               \
            FIELD(struct project_body, max_tasks, F_INT, 1, LIMIT_COUNT_MAX, 0,                              \
                  "attempts it may have at once; null: no limit")
const struct field project_fields[] = {
    PROJECT_RULES,
    FIELD(struct project_body, name, F_NAME, 1, 64, FIELD_REQUIRED, "name of the project"),
    {0},
};
const struct field project_change_fields[] = {PROJECT_RULES, {0}};

/* ---- who am I --------------------------------------------------------------------------------------------
 */

static void me_write(struct buf *b, const struct principal *p)
{
        j_obj(b, NULL);
        j_str(b, "name", p->name);
        j_str(b, "role", role_name(p->role));
        j_arr(b, "projects");
        for (size_t i = 0; i < p->project_count; i++)
                j_str(b, NULL, p->project_names[i]);
        j_arr_end(b);
        j_obj_end(b);
}

HANDLER(api_me)
{
        (void)db;
        (void)err;
        me_write(&rq->out, rq->who);
        return 0;
}

/* ---- sessions --------------------------------------------------------------------------------------------
 */

static void cookie_set(struct request *rq, const char *value, int64_t life_s)
{
        bool secure = rq->web->cookie_secure;

        request_header(rq, "Set-Cookie", "%s=%s; Path=/; Max-Age=%lld; HttpOnly; SameSite=Strict%s",
                       secure ? "__Host-reeve" : "reeve", value, (long long)life_s, secure ? "; Secure" : "");
}

/* 1 and a session under `cookie`; 0 the secret is no good. */
static int session_begin(struct request *rq, struct db *db, const struct login_body *in,
                         const struct secret *cookie, struct err *err)
{
        int64_t until = clock_wall_ms() + SESSION_LIFE_MS;
        struct principal *p = NULL;
        uint8_t hash[SECRET_HASH_LEN];
        int32_t user;
        int rc;

        if (in->code) {
                secret_hash(in->code, hash);
                return store_session_exchange(db, hash, cookie->hash, until, &user, err);
        }
        rc = auth_check(rq->web->auth, db, in->token, false, &p, err);
        if (rc == 1 && store_session_add(db, p->user, "cookie", cookie->hash, until, err) < 0)
                rc = -1;
        principal_unref(p);
        return rc;
}

static int login_refused(struct request *rq, int64_t now)
{
        auth_login_failed(rq->web->auth, rq->link ? rq->link->address : "", now);
        problem_reply(rq, 401, NULL, "the code or token is not valid, or was used; ask for a new login link");
        return 0;
}

HANDLER(api_login)
{
        struct login_body in = {0};
        int64_t now = clock_boot_ms(),
                wait = auth_login_wait(rq->web->auth, rq->link ? rq->link->address : "", now);
        struct secret cookie;
        struct principal *p = NULL;
        int rc;

        if (wait) {
                problem_reply(rq, 429, NULL, "too many failed logins from this address; wait and try again");
                return 0;
        }
        if (request_body(rq, login_fields, &in, NULL, err) < 0)
                return -1;
        if (!in.code == !in.token) {
                issue_add(&rq->issues, "", "missing", "give either a code or a token");
                return request_invalid(rq, err);
        }
        secret_make("", &cookie);
        rc = session_begin(rq, db, &in, &cookie, err);
        if (rc <= 0)
                return rc < 0 ? -1 : login_refused(rq, now);
        rc = auth_check(rq->web->auth, db, cookie.text, true, &p, err);
        if (rc <= 0)
                return rc < 0 ? -1 : login_refused(rq, now);
        cookie_set(rq, cookie.text, SESSION_LIFE_MS / 1000);
        me_write(&rq->out, p);
        rc = store_audit(db, p->name, "POST /v1/login", "/v1/login", in.code ? "by code" : "by token", err);
        principal_unref(p);
        return rc;
}

HANDLER(api_logout)
{
        if (request_body(rq, nothing_fields, NULL, NULL, err) < 0)
                return -1;
        if (rq->who->by_cookie && store_session_end(db, rq->who->hash, err) < 0)
                return -1;
        rq->forgets_auth = true;
        cookie_set(rq, "", 0);
        rq->status = 204;
        return store_audit(db, rq->who->name, "POST /v1/logout", "/v1/logout", "done", err);
}

HANDLER(api_login_link)
{
        int64_t until = clock_wall_ms() + LOGIN_LINK_MS;
        struct secret code;

        if (request_body(rq, nothing_fields, NULL, NULL, err) < 0)
                return -1;
        secret_make("", &code);
        if (store_session_add(db, rq->who->user, "code", code.hash, until, err) < 0)
                return -1;
        AUTO_FREE char *url = xasprintf("%s/#code=%s", rq->web->public_url, code.text);

        j_obj(&rq->out, NULL);
        j_str(&rq->out, "url", url);
        j_time(&rq->out, "expires_at", until);
        j_obj_end(&rq->out);
        rq->status = 201;
        return 0;
}

/* ---- users -----------------------------------------------------------------------------------------------
 */

HANDLER(api_users)
{
        AUTO_ROWS struct rows *r = NULL;
        struct buf *b = &rq->out;
        int64_t after, last = 0;
        int limit;

        if (request_limit(rq, &limit, err) < 0 || cursor_read_int(rq, 0, &after, err) < 0 ||
            store_users_list(db, after, limit, &r, err) < 0)
                return -1;
        j_obj(b, NULL);
        j_arr(b, "items");
        while (rows_next(r)) {
                j_obj(b, NULL);
                j_col_str(b, r, "name");
                j_col_str(b, r, "role");
                j_col_raw(b, r, "projects");
                j_col_time(b, r, "created_at");
                j_col_time(b, r, "disabled_at");
                j_obj_end(b);
                last = row_int(r, "id");
        }
        j_arr_end(b);
        cursor_write_int(b, "next_cursor", rows_count(r) == (size_t)limit ? last : 0);
        j_obj_end(b);
        return 0;
}

static int members_add(struct request *rq, struct db *db, int32_t user, const json_t *projects,
                       struct err *err)
{
        size_t i;
        json_t *name;

        json_array_foreach((json_t *)projects, i, name)
        {
                int rc = store_member_add(db, user, json_string_value(name), err);
                char pointer[32];

                snprintf(pointer, sizeof pointer, "/projects/%zu", i);
                if (rc < 0 && err->code == ERR_CONFLICT)
                        issue_add(&rq->issues, pointer, "conflict", "is named twice");
                else if (rc == 0)
                        issue_add(&rq->issues, pointer, "not_found", "there is no such project");
                if (rc < 0 && !rq->issues.count)
                        return -1;
                if (rc < 0)
                        break; /* the transaction is over */
        }
        return rq->issues.count ? request_invalid(rq, err) : 0;
}

HANDLER(api_user_add)
{
        struct user_body in = {0};
        int32_t id;

        if (request_body(rq, user_fields, &in, &in.given, err) < 0)
                return -1;
        if (strcmp(in.role, "viewer") != 0 && strcmp(in.role, "submitter") != 0 &&
            strcmp(in.role, "admin") != 0) {
                issue_add(&rq->issues, "/role", "format", "must be viewer, submitter or admin");
                return request_invalid(rq, err);
        }
        if (store_user_add(db, in.name, in.role, &id, err) < 0)
                return err->code == ERR_CONFLICT
                           ? err_set(err, ERR_CONFLICT, "there is a user \"%s\" already", in.name)
                           : -1;
        if (members_add(rq, db, id, in.projects, err) < 0)
                return -1;
        j_obj(&rq->out, NULL);
        j_str(&rq->out, "name", in.name);
        j_str(&rq->out, "role", in.role);
        j_arr(&rq->out, "projects");
        for (size_t i = 0; i < json_array_size(in.projects); i++)
                j_str(&rq->out, NULL, json_string_value(json_array_get(in.projects, i)));
        j_arr_end(&rq->out);
        j_obj_end(&rq->out);
        rq->status = 201;
        rq->forgets_auth = true;
        request_audit(rq, "user %s, role %s", in.name, in.role);
        return 0;
}

/* ---- tokens ----------------------------------------------------------------------------------------------
 */

HANDLER(api_tokens)
{
        AUTO_ROWS struct rows *r = NULL;
        struct buf *b = &rq->out;

        if (store_tokens_list(db, rq->who->user, &r, err) < 0)
                return -1;
        j_obj(b, NULL);
        j_arr(b, "items");
        while (rows_next(r)) {
                j_obj(b, NULL);
                j_col_int(b, r, "id");
                j_col_str(b, r, "name");
                j_col_str(b, r, "prefix");
                j_col_time(b, r, "created_at");
                j_col_time(b, r, "expires_at");
                j_col_time(b, r, "last_used_at");
                j_col_time(b, r, "revoked_at");
                j_obj_end(b);
        }
        j_arr_end(b);
        j_null(b, "next_cursor");
        j_obj_end(b);
        return 0;
}

/* Whose token it will be. */
static int token_user(struct request *rq, struct db *db, const char *name, int32_t *ret, struct err *err)
{
        int rc;

        *ret = rq->who->user;
        if (!name || strcmp(name, rq->who->name) == 0)
                return 0;
        if (rq->who->role != ROLE_ADMIN)
                return err_set(err, ERR_DENIED, "only an admin makes tokens for others");
        rc = store_user_find(db, name, ret, err);
        if (rc)
                return rc < 0 ? -1 : 0;
        issue_add(&rq->issues, "/user", "not_found", "there is no active user of that name");
        return request_invalid(rq, err);
}

HANDLER(api_token_add)
{
        struct token_body in = {.expires_at = INT64_MIN};
        struct secret token;
        int32_t user;
        int64_t id;

        if (request_body(rq, token_fields, &in, NULL, err) < 0)
                return -1;
        if (in.expires_at != INT64_MIN && in.expires_at <= clock_wall_ms()) {
                issue_add(&rq->issues, "/expires_at", "range", "lies in the past");
                return request_invalid(rq, err);
        }
        if (token_user(rq, db, in.user, &user, err) < 0)
                return -1;
        secret_make(TOKEN_PREFIX, &token);
        if (store_token_add(db, user, in.name, &token, in.expires_at, &id, err) < 0)
                return -1;
        j_obj(&rq->out, NULL);
        j_int(&rq->out, "id", id);
        j_str(&rq->out, "name", in.name);
        j_str(&rq->out, "token", token.text);
        j_time(&rq->out, "expires_at", in.expires_at);
        j_obj_end(&rq->out);
        rq->status = 201;
        request_audit(rq, "token %lld for %s", (long long)id, in.user ? in.user : rq->who->name);
        return 0;
}

HANDLER(api_token_revoke)
{
        int64_t id;
        int rc;

        if (request_capture_int(rq, 0, "token", &id, err) < 0)
                return -1;
        rc = store_token_revoke(db, id, rq->who->role == ROLE_ADMIN ? 0 : rq->who->user, err);
        if (rc == 0)
                return err_set(err, ERR_NOT_FOUND, "no token %lld", (long long)id);
        rq->status = 204;
        rq->forgets_auth = true;
        return rc < 0 ? -1 : 0;
}

/* ---- projects --------------------------------------------------------------------------------------------
 */

static void project_write(struct buf *b, struct rows *r)
{
        j_obj(b, NULL);
        j_col_str(b, r, "name");
        j_col_f64(b, r, "share");
        j_col_int(b, r, "max_cpus");
        j_col_int(b, r, "max_tasks");
        j_col_f64(b, r, "usage");
        j_col_time(b, r, "usage_at");
        j_obj(b, "used");
        j_col_int(b, r, "cpus");
        j_col_int(b, r, "tasks");
        j_obj_end(b);
        j_col_time(b, r, "created_at");
        j_obj_end(b);
}

HANDLER(api_projects)
{
        AUTO_ROWS struct rows *r = NULL;
        struct visible who = principal_visible(rq->who);

        if (store_projects_list(db, who.projects, who.count, who.all, &r, err) < 0)
                return -1;
        j_obj(&rq->out, NULL);
        j_arr(&rq->out, "items");
        while (rows_next(r))
                project_write(&rq->out, r);
        j_arr_end(&rq->out);
        j_null(&rq->out, "next_cursor");
        j_obj_end(&rq->out);
        return 0;
}

/* Bits of the first three members of both tables. */
static int project_read(struct request *rq, const struct field *fields, struct project_body *in,
                        struct project_change *ret, struct err *err)
{
        uint64_t given = 0;

        if (request_body(rq, fields, in, &given, err) < 0)
                return -1;
        *ret = (struct project_change){.share_set = given & 1 && in->share > 0,
                                       .max_cpus_set = given & 2,
                                       .max_tasks_set = given & 4,
                                       .share = in->share,
                                       .max_cpus = in->max_cpus,
                                       .max_tasks = in->max_tasks};
        if (given & 1 && !(in->share > 0))
                issue_add(&rq->issues, "/share", "range", "must be more than 0");
        return rq->issues.count ? request_invalid(rq, err) : 0;
}

static int project_reply(struct request *rq, struct db *db, const char *name, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (store_projects_list(db, NULL, 0, true, &r, err) < 0)
                return -1;
        while (rows_next(r))
                if (strcmp(row_text(r, "name"), name) == 0)
                        project_write(&rq->out, r);
        rq->forgets_auth = true;
        rq->wakes_engine = rq->wakes_web = true;
        return 0;
}

HANDLER(api_project_add)
{
        struct project_body in = {0};
        struct project_change c;

        if (project_read(rq, project_fields, &in, &c, err) < 0)
                return -1;
        if (store_project_add(db, in.name, &c, err) < 0)
                return err->code == ERR_CONFLICT
                           ? err_set(err, ERR_CONFLICT, "there is a project \"%s\" already", in.name)
                           : -1;
        rq->status = 201;
        return project_reply(rq, db, in.name, err);
}

HANDLER(api_project_change)
{
        struct project_body in = {0};
        struct project_change c;
        int rc;

        if (project_read(rq, project_change_fields, &in, &c, err) < 0)
                return -1;
        rc = store_project_change(db, rq->captures[0], &c, err);
        if (rc == 0)
                return err_set(err, ERR_NOT_FOUND, "no project \"%.64s\"", rq->captures[0]);
        return rc < 0 ? -1 : project_reply(rq, db, rq->captures[0], err);
}
