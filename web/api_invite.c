/* SPDX-License-Identifier: Apache-2.0 */
/* Invitations, and what their links are used for: to become a user, to set a password anew, to be the first.
 */
#include "web/api.h"

#include "common/num.h"
#include "common/util.h"
#include "store/store_people.h"
#include "web/audit.h"
#include "web/login.h"
#include "web/password.h"
#include "web/session.h"
#include "web/web_priv.h"

#include <stdio.h>
#include <string.h>

#define VALID_DEFAULT_MS (72 * 3600 * 1000LL)
#define VALID_MAX_MS     (90 * 24 * 3600 * 1000LL)
#define VALID_MIN_MS     60000

struct invite_body {
        const char *role, *project, *project_role, *note;
        int64_t valid;
};
#define INVITE_RULES                                                                                         \
        FIELD(struct invite_body, project_role, F_STRING, 1, 16, 0, "viewer, submitter (default) or admin"), \
            FIELD(struct invite_body, valid, F_DURATION, VALID_MIN_MS, VALID_MAX_MS, 0,                      \
                  "how long the link works; default 72 hours"),                                              \
            FIELD(struct invite_body, note, F_STRING, 1, 200, 0, "for whom")
const struct field project_invite_fields[] = {INVITE_RULES, {0}};
const struct field invite_fields[] = {
    INVITE_RULES,
    FIELD(struct invite_body, role, F_STRING, 1, 16, FIELD_REQUIRED, "viewer, submitter or admin"),
    FIELD(struct invite_body, project, F_NAME, 1, 64, 0, "project to join; default none"),
    {0},
};

struct code_body {
        const char *code;
};
const struct field code_fields[] = {
    FIELD(struct code_body, code, F_STRING, 1, 100, FIELD_REQUIRED, "of the link"),
    {0},
};
struct use_body {
        const char *code, *name, *password;
};
const struct field use_fields[] = {
    FIELD(struct use_body, code, F_STRING, 1, 100, FIELD_REQUIRED, "of the link"),
    FIELD(struct use_body, name, F_NAME, 1, USER_NAME_MAX, 0, "login name, for somebody new"),
    FIELD(struct use_body, password, F_TEXT, 1, PASSWORD_MAX, FIELD_REQUIRED, "12 bytes or more"),
    {0},
};

/* ---- inviting --------------------------------------------------------------------------------------------
 */

static int list(struct request *rq, struct db *db, int32_t project, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;
        struct buf *b = &rq->out;

        if (store_invitations_list(db, project, &r, err) < 0)
                return -1;
        j_obj(b, NULL);
        j_arr(b, "items");
        while (rows_next(r)) {
                j_obj(b, NULL);
                j_col_int(b, r, "id");
                j_col_str(b, r, "role");
                j_col_str(b, r, "project");
                j_col_str(b, r, "project_role");
                j_col_str(b, r, "note");
                j_col_str(b, r, "made_by");
                j_col_time(b, r, "made_at");
                j_col_time(b, r, "expires_at");
                j_col_time(b, r, "used_at");
                j_col_str(b, r, "used_by");
                j_obj_end(b);
        }
        j_arr_end(b);
        j_null(b, "next_cursor");
        j_obj_end(b);
        return 0;
}

HANDLER(api_invitations)
{
        return list(rq, db, 0, err);
}

HANDLER(api_project_invitations)
{
        int32_t project;

        return project_capture(rq, db, &project, err) < 0 ? -1 : list(rq, db, project, err);
}

static int invite(struct request *rq, struct db *db, const struct invite_body *in, int32_t project,
                  const char *project_name, struct err *err)
{
        struct secret code;
        struct invitation_new i = {.hash = code.hash,
                                   .kind = "invite",
                                   .role = in->role,
                                   .project = project,
                                   .project_role = project ? in->project_role : NULL,
                                   .note = in->note,
                                   .by = rq->who->name,
                                   .expires_at = clock_wall_ms() + in->valid};
        int64_t id;

        role_check(rq, "/role", in->role);
        role_check(rq, "/project_role", in->project_role);
        if (rq->issues.count)
                return request_invalid(rq, err);
        secret_make("", &code);
        if (store_invitation_add(db, &i, &id, err) < 0)
                return -1;
        AUTO_FREE char *url = xasprintf("%s/#invite=%s", rq->web->public_url, code.text);

        j_obj(&rq->out, NULL);
        j_int(&rq->out, "id", id);
        j_str(&rq->out, "url", url);
        j_time(&rq->out, "expires_at", i.expires_at);
        j_obj_end(&rq->out);
        rq->status = 201;
        request_about(rq, project_name, NULL);
        request_audit(rq, "invitation %lld, role %s", (long long)id, in->role);
        return 0;
}

HANDLER(api_project_invite)
{
        struct invite_body in = {.project_role = "submitter", .valid = VALID_DEFAULT_MS, .role = "submitter"};
        int32_t project;

        if (request_body(rq, project_invite_fields, &in, NULL, err) < 0 ||
            project_capture(rq, db, &project, err) < 0)
                return -1;
        return invite(rq, db, &in, project, rq->captures[0], err);
}

HANDLER(api_invite)
{
        struct invite_body in = {.project_role = "submitter", .valid = VALID_DEFAULT_MS};
        int32_t project = 0;
        int rc;

        if (request_body(rq, invite_fields, &in, NULL, err) < 0)
                return -1;
        rc = in.project ? store_project_find(db, in.project, &project, err) : 1;
        if (rc < 0)
                return -1;
        if (rc == 0)
                issue_add(&rq->issues, "/project", "not_found", "there is no such project");
        return invite(rq, db, &in, project, in.project, err);
}

static int take_back(struct request *rq, struct db *db, size_t capture, int32_t project, struct err *err)
{
        int64_t id;
        int rc;

        if (request_capture_int(rq, capture, "invitation", &id, err) < 0)
                return -1;
        rc = store_invitation_spend(db, id, 0, project, err);
        if (rc == 0)
                return err_set(err, ERR_NOT_FOUND, "no invitation %lld that waits", (long long)id);
        rq->status = 204;
        return rc < 0 ? -1 : 0;
}

HANDLER(api_invitation_revoke)
{
        return take_back(rq, db, 0, 0, err);
}

HANDLER(api_project_invitation_revoke)
{
        int32_t project;

        return project_capture(rq, db, &project, err) < 0 ? -1 : take_back(rq, db, 1, project, err);
}

/* ---- coming ----------------------------------------------------------------------------------------------
 */

static int find(struct db *db, const char *code, struct rows **ret, struct err *err)
{
        uint8_t hash[SECRET_HASH_LEN];

        secret_hash(code, hash);
        if (store_invitation_find(db, hash, ret, err) < 0)
                return -1;
        if (rows_next(*ret))
                return 0;
        return err_set(err, ERR_NOT_FOUND,
                       "the link is not valid, was used, or its time is over; ask for a new one");
}

HANDLER(api_invitation_look)
{
        AUTO_ROWS struct rows *r = NULL;
        struct code_body in = {0};
        struct buf *b = &rq->out;

        if (login_must_wait(rq, NULL))
                return 0;
        if (request_body(rq, code_fields, &in, NULL, err) < 0)
                return -1;
        login_begins(rq, NULL);
        if (find(db, in.code, &r, err) < 0)
                return -1;
        login_succeeded(rq, NULL);
        j_obj(b, NULL);
        j_col_str(b, r, "kind");
        j_col_str(b, r, "name");
        j_col_str(b, r, "role");
        j_col_str(b, r, "project");
        j_col_str(b, r, "project_role");
        j_col_time(b, r, "expires_at");
        j_obj_end(b);
        return 0;
}

struct coming {
        struct request *rq;
        const struct use_body *in;
        const char *made; /* the hashed password */
        int32_t user;
        char name[USER_NAME_MAX + 1];
};

/* The first person may take over the name of the admin that reeved made, as long as nobody has logged in with
 * a password of it. */
static int first_person(struct db *db, struct coming *c, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (store_users_list(db, c->in->name, 0, 1, &r, err) < 0)
                return -1;
        if (!rows_next(r))
                return store_user_add(db, c->in->name, "admin", &c->user, err);
        c->user = (int32_t)row_int(r, "id");
        if (strcmp(row_text(r, "role"), "admin") != 0 || row_bool(r, "has_password"))
                return err_set(err, ERR_CONFLICT, "there is a user \"%s\" already", c->in->name);
        return 0;
}

static int somebody_new(struct db *db, struct coming *c, struct rows *link, struct err *err)
{
        struct member_put m = {.role = row_null(link, "project_role") ? NULL : row_text(link, "project_role"),
                               .by = row_text(link, "made_by")};

        if (store_user_add(db, c->in->name, row_text(link, "role"), &c->user, err) < 0)
                return err->code == ERR_CONFLICT
                           ? err_set(err, ERR_CONFLICT, "there is a user \"%s\" already", c->in->name)
                           : -1;
        if (row_null(link, "project_id"))
                return 0;
        m.project = (int32_t)row_int(link, "project_id");
        m.user = c->user;
        return store_member_put(db, &m, err);
}

static int come_tx(struct db *db, void *arg, struct err *err)
{
        struct coming *c = arg;
        AUTO_ROWS struct rows *r = NULL;
        const char *kind;
        int rc;

        if (find(db, c->in->code, &r, err) < 0)
                return -1;
        kind = row_text(r, "kind");
        c->user = row_null(r, "user_id") ? 0 : (int32_t)row_int(r, "user_id");
        snprintf(c->name, sizeof c->name, "%s", c->user ? row_text(r, "name") : c->in->name);
        rc = c->user                      ? 0
             : strcmp(kind, "setup") == 0 ? first_person(db, c, err)
                                          : somebody_new(db, c, r, err);
        if (rc < 0)
                return -1;
        rc = store_invitation_spend(db, row_int(r, "id"), c->user, 0, err);
        if (rc == 0)
                return err_set(err, ERR_NOT_FOUND, "the link was used a moment ago");
        if (rc < 0 || store_user_password(db, c->user, c->made, err) < 0 ||
            store_sessions_end(db, c->user, NULL, err) < 0)
                return -1;
        request_about(c->rq, row_null(r, "project") ? NULL : row_text(r, "project"), NULL);
        AUTO_FREE char *detail = xasprintf("%s, by a link of %s", kind, row_text(r, "made_by"));

        return audit_request(c->rq, db, c->name, detail, err);
}

/* What can be said before the password is hashed. */
static int check(struct request *rq, struct db *db, const struct use_body *in, const char *kind,
                 struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;
        bool reset;

        if (find(db, in->code, &r, err) < 0)
                return -1;
        if (kind && strcmp(row_text(r, "kind"), kind) != 0)
                return err_set(err, ERR_NOT_FOUND, "this is no setup link");
        reset = !row_null(r, "user_id");
        if (!reset && !in->name)
                issue_add(&rq->issues, "/name", "missing", "choose a login name");
        if (reset && in->name && strcmp(in->name, row_text(r, "name")) != 0)
                issue_add(&rq->issues, "/name", "conflict", "the link is for another name; leave it out");
        password_check(&rq->issues, "/password", reset ? row_text(r, "name") : in->name, in->password);
        return rq->issues.count ? request_invalid(rq, err) : 0;
}

static int use(struct request *rq, struct db *db, const char *kind, struct err *err)
{
        struct use_body in = {0};
        struct coming c = {.rq = rq, .in = &in};
        struct password_work *w;

        if (!rq->errand && login_must_wait(rq, NULL))
                return 0;
        if (request_body(rq, use_fields, &in, NULL, err) < 0)
                return -1;
        if (!rq->errand) {
                login_begins(rq, NULL);
                if (check(rq, db, &in, kind, err) < 0)
                        return -1;
                login_succeeded(rq, NULL);
                return password_start(rq->web->passwords, rq, 0, NULL, NULL, in.password, err);
        }
        w = errand_done(rq);
        if (!w)
                return REQUEST_WAIT;
        if (!w->made[0])
                return err_set(err, ERR_UNAVAILABLE, "no memory for hashing a password; try again");
        c.made = w->made;
        if (db_tx(db, come_tx, &c, err) < 0)
                return -1;
        rq->forgets_auth = true;
        auth_forget(rq->web->auth);
        return session_begin(rq, db, c.user, INT64_MIN, "by link", err);
}

HANDLER(api_invitation_use)
{
        return use(rq, db, NULL, err);
}

HANDLER(api_setup)
{
        int rc = use(rq, db, "setup", err);

        if (rc == 0 && !rq->failed)
                rq->status = 201;
        return rc;
}

HANDLER(api_setup_needed)
{
        bool waits;

        if (store_setup_waits(db, &waits, err) < 0)
                return -1;
        j_obj(&rq->out, NULL);
        j_bool(&rq->out, "needed", waits);
        j_obj_end(&rq->out);
        return 0;
}
