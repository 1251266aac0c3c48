/* SPDX-License-Identifier: Apache-2.0 */
/* Logging in and out, who am I, own password, own sessions. */
#include "web/api.h"

#include "common/util.h"
#include "store/store_people.h"
#include "web/attempts.h"
#include "web/audit.h"
#include "web/login.h"
#include "web/oidc.h"
#include "web/password.h"
#include "web/session.h"
#include "web/web_priv.h"

#include <stdio.h>
#include <string.h>

#define LOGIN_LINK_MS (10 * 60 * 1000)

const struct field nothing_fields[] = {{0}};

struct login_body {
        const char *code, *token, *name, *password;
};
const struct field login_fields[] = {
    FIELD(struct login_body, code, F_STRING, 1, 100, 0, "one-time code of a login link"),
    FIELD(struct login_body, token, F_STRING, 1, 100, 0, "an API token"),
    FIELD(struct login_body, name, F_STRING, 1, USER_NAME_MAX, 0, "login name"),
    FIELD(struct login_body, password, F_TEXT, 1, PASSWORD_MAX, 0, "its password"),
    {0},
};

struct own_password_body {
        const char *current, *password;
};
const struct field own_password_fields[] = {
    FIELD(struct own_password_body, current, F_TEXT, 1, PASSWORD_MAX, 0,
          "the password so far, if there is one"),
    FIELD(struct own_password_body, password, F_TEXT, 1, PASSWORD_MAX, FIELD_REQUIRED,
          "the new one, 12 bytes or more"),
    {0},
};

/* ---- logging in ------------------------------------------------------------------------------------------
 */

HANDLER(api_login_ways)
{
        bool setup;

        if (store_setup_waits(db, &setup, err) < 0)
                return -1;
        j_obj(&rq->out, NULL);
        j_bool(&rq->out, "password", true);
        if (rq->web->oidc) {
                j_obj(&rq->out, "oidc");
                j_str(&rq->out, "label", oidc_label(rq->web->oidc));
                j_str(&rq->out, "url", "/v1/oidc/start");
                j_obj_end(&rq->out);
        } else {
                j_null(&rq->out, "oidc");
        }
        j_bool(&rq->out, "setup", setup);
        j_obj_end(&rq->out);
        return 0;
}

bool login_must_wait(struct request *rq, const char *name)
{
        int64_t wait = attempts_wait(rq->web->attempts, rq->address, name, clock_boot_ms());

        if (!wait)
                return false;
        rq->retry_after_s = (wait + 999) / 1000;
        problem_reply(rq, 429, NULL,
                      "too many failed logins from this address or for this name; wait and try again");
        return true;
}

void login_begins(struct request *rq, const char *name)
{
        attempts_begin(rq->web->attempts, rq->address, name, clock_boot_ms());
}

void login_succeeded(struct request *rq, const char *name)
{
        attempts_succeeded(rq->web->attempts, rq->address, name);
}

static int refused(struct request *rq, struct db *db, const char *name, struct err *err)
{
        if (name && audit_request(rq, db, name, "refused: wrong password", err) < 0)
                return -1;
        problem_reply(rq, 401, NULL,
                      name ? "name and password do not fit together"
                           : "the code or token is not valid, or was used; ask for a new login link");
        return 0;
}

/* Names of users only are kept on record: somebody may have typed a password there. */
static int by_password(struct request *rq, struct db *db, const struct login_body *in, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;
        struct password_work *w;
        bool known;

        if (!rq->errand) {
                if (login_must_wait(rq, in->name))
                        return 0;
                if (store_auth_password(db, in->name, &r, err) < 0)
                        return -1;
                login_begins(rq, in->name);
                known = rows_next(r);
                return password_start(rq->web->passwords, rq, known ? (int32_t)row_int(r, "user_id") : 0,
                                      in->password, known ? row_text(r, "password") : NULL, NULL, err);
        }
        w = errand_done(rq);
        if (!w)
                return REQUEST_WAIT;
        if (!w->matches) {
                if (!w->user)
                        return refused(rq, db, "nobody", err);
                return refused(rq, db, in->name, err);
        }
        login_succeeded(rq, in->name);
        return session_begin(rq, db, w->user, INT64_MIN, "by password", err);
}

static int by_token(struct request *rq, struct db *db, const char *token, struct err *err)
{
        struct principal *p = NULL;
        int rc = auth_check(rq->web->auth, db, token, false, &p, err);

        if (rc <= 0)
                return rc < 0 ? -1 : refused(rq, db, NULL, err);
        if (principal_is_limited(p))
                rc = err_set(err, ERR_DENIED,
                             "this token is limited, and a session is not; use one without limits");
        else
                rc = session_begin(rq, db, p->user, p->expires_at, "by token", err);
        principal_unref(p);
        if (rc == 0)
                login_succeeded(rq, NULL);
        return rc;
}

static int by_code(struct request *rq, struct db *db, const char *code, struct err *err)
{
        int rc = session_by_code(rq, db, code, "by code", err);

        if (rc <= 0)
                return rc < 0 ? -1 : refused(rq, db, NULL, err);
        login_succeeded(rq, NULL);
        return 0;
}

HANDLER(api_login)
{
        struct login_body in = {0};

        if (!rq->errand && login_must_wait(rq, NULL))
                return 0;
        if (request_body(rq, login_fields, &in, NULL, err) < 0)
                return -1;
        if (!!in.code + !!in.token + !!in.name != 1)
                issue_add(&rq->issues, "", "missing",
                          "give either a code, a token, or a name with its password");
        if (!in.name != !in.password)
                issue_add(&rq->issues, in.name ? "/password" : "/name", "missing",
                          "name and password belong together");
        if (rq->issues.count)
                return request_invalid(rq, err);
        if (in.name)
                return by_password(rq, db, &in, err);
        login_begins(rq, NULL);
        return in.code ? by_code(rq, db, in.code, err) : by_token(rq, db, in.token, err);
}

HANDLER(api_logout)
{
        if (request_body(rq, nothing_fields, NULL, NULL, err) < 0)
                return -1;
        if (rq->who->by_cookie && store_session_end(db, rq->who->hash, err) < 0)
                return -1;
        rq->forgets_auth = true;
        session_cookie(rq, "", 0);
        rq->status = 204;
        return audit_request(rq, db, rq->who->name, "done", err);
}

HANDLER(api_login_link)
{
        struct secret code;
        struct session_new s = {.hash = code.hash, .expires_at = clock_wall_ms() + LOGIN_LINK_MS};

        if (request_body(rq, nothing_fields, NULL, NULL, err) < 0)
                return -1;
        secret_make("", &code);
        if (store_session_add(db, rq->who->user, "code", &s, err) < 0)
                return -1;
        AUTO_FREE char *url = xasprintf("%s/#code=%s", rq->web->public_url, code.text);

        j_obj(&rq->out, NULL);
        j_str(&rq->out, "url", url);
        j_time(&rq->out, "expires_at", s.expires_at);
        j_obj_end(&rq->out);
        rq->status = 201;
        return 0;
}

/* ---- who am I --------------------------------------------------------------------------------------------
 */

HANDLER(api_me)
{
        (void)db;
        (void)err;
        me_write(&rq->out, rq->who);
        return 0;
}

struct new_password {
        struct request *rq;
        const char *made;
};

static int password_set_tx(struct db *db, void *arg, struct err *err)
{
        struct new_password *n = arg;
        struct principal *p = n->rq->who;

        if (store_user_password(db, p->user, n->made, err) < 0 ||
            store_sessions_end(db, p->user, p->by_cookie ? p->hash : NULL, err) < 0)
                return -1;
        return audit_request(n->rq, db, p->name, "done", err);
}

static int password_begin(struct request *rq, struct db *db, const struct own_password_body *in,
                          struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;
        bool has;

        if (login_must_wait(rq, rq->who->name))
                return 0;
        password_check(&rq->issues, "/password", rq->who->name, in->password);
        if (store_auth_password(db, rq->who->name, &r, err) < 0)
                return -1;
        has = rows_next(r);
        if (has && !in->current)
                issue_add(&rq->issues, "/current", "missing", "the password so far has to be given");
        if (rq->issues.count)
                return request_invalid(rq, err);
        if (has)
                login_begins(rq, rq->who->name);
        return password_start(rq->web->passwords, rq, rq->who->user, has ? in->current : NULL,
                              has ? row_text(r, "password") : NULL, in->password, err);
}

HANDLER(api_own_password)
{
        struct own_password_body in = {0};
        struct password_work *w;
        struct new_password n = {.rq = rq};

        if (request_body(rq, own_password_fields, &in, NULL, err) < 0)
                return -1;
        if (!rq->errand)
                return password_begin(rq, db, &in, err);
        w = errand_done(rq);
        if (!w)
                return REQUEST_WAIT;
        if (w->given && !w->matches) {
                issue_add(&rq->issues, "/current", "conflict", "is not the password so far");
                return request_invalid(rq, err);
        }
        if (!w->made[0])
                return err_set(err, ERR_UNAVAILABLE, "no memory for hashing a password; try again");
        if (w->given)
                login_succeeded(rq, rq->who->name);
        n.made = w->made;
        if (db_tx(db, password_set_tx, &n, err) < 0)
                return -1;
        rq->forgets_auth = true;
        rq->status = 204;
        return 0;
}

/* ---- sessions --------------------------------------------------------------------------------------------
 */

HANDLER(api_sessions)
{
        AUTO_ROWS struct rows *r = NULL;
        struct buf *b = &rq->out;

        if (store_sessions_list(db, rq->who->user, rq->who->hash, SESSION_IDLE_MS, &r, err) < 0)
                return -1;
        j_obj(b, NULL);
        j_arr(b, "items");
        while (rows_next(r)) {
                j_obj(b, NULL);
                j_col_int(b, r, "id");
                j_col_time(b, r, "created_at");
                j_col_time(b, r, "seen_at");
                j_col_time(b, r, "expires_at");
                j_col_str(b, r, "address");
                j_col_str(b, r, "agent");
                j_col_bool(b, r, "current");
                j_obj_end(b);
        }
        j_arr_end(b);
        j_null(b, "next_cursor");
        j_obj_end(b);
        return 0;
}

HANDLER(api_session_end)
{
        int64_t id;
        int rc;

        if (request_capture_int(rq, 0, "session", &id, err) < 0)
                return -1;
        rc = store_session_revoke(db, rq->who->user, id, err);
        if (rc == 0)
                return err_set(err, ERR_NOT_FOUND, "no session %lld", (long long)id);
        rq->forgets_auth = true;
        rq->status = 204;
        return rc < 0 ? -1 : 0;
}

HANDLER(api_sessions_end)
{
        rq->forgets_auth = true;
        rq->status = 204;
        return store_sessions_end(db, rq->who->user, rq->who->by_cookie ? rq->who->hash : NULL, err);
}
