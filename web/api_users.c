/* SPDX-License-Identifier: Apache-2.0 */
/* Users, and who governs a site. */
#include "web/api.h"

#include "common/num.h"
#include "common/util.h"
#include "store/store_people.h"
#include "web/login.h"
#include "web/site_body.h"
#include "web/web_priv.h"

#include <stdio.h>
#include <string.h>

#define PASSWORD_LINK_MS (24 * 3600 * 1000)

struct user_body {
        const char *name, *role;
        json_t *projects;
};
const struct field user_fields[] = {
    FIELD(struct user_body, name, F_NAME, 1, USER_NAME_MAX, FIELD_REQUIRED, "login name"),
    FIELD(struct user_body, role, F_STRING, 1, 16, FIELD_REQUIRED, "viewer, submitter or admin"),
    FIELD(struct user_body, projects, F_STRINGS, 0, 1000, 0, "projects the user belongs to"),
    {0},
};

struct user_change_body {
        const char *role;
        bool disabled;
};
const struct field user_change_fields[] = {
    FIELD(struct user_change_body, role, F_STRING, 1, 16, 0, "viewer, submitter or admin"),
    FIELD(struct user_change_body, disabled, F_BOOL, 0, 0, 0, "no longer let in"),
    {0},
};
enum { GAVE_ROLE = 1, GAVE_DISABLED = 2 };

struct site_admin_body {
        const char *user;
};
const struct field site_admin_fields[] = {
    FIELD(struct site_admin_body, user, F_NAME, 1, USER_NAME_MAX, FIELD_REQUIRED, "login name"),
    {0},
};

/* ---- showing ---------------------------------------------------------------------------------------------
 */

static void user_write(struct buf *b, struct rows *r)
{
        j_obj(b, NULL);
        j_col_str(b, r, "name");
        j_col_str(b, r, "role");
        j_col_raw(b, r, "projects");
        j_col_raw(b, r, "memberships");
        j_col_raw(b, r, "sites");
        j_col_bool(b, r, "has_password");
        j_col_time(b, r, "created_at");
        j_col_time(b, r, "disabled_at");
        j_col_time(b, r, "seen_at");
        j_obj_end(b);
}

HANDLER(api_users)
{
        AUTO_ROWS struct rows *r = NULL;
        struct buf *b = &rq->out;
        int64_t after, last = 0;
        int limit;

        if (request_limit(rq, &limit, err) < 0 || cursor_read_int(rq, 0, &after, err) < 0 ||
            store_users_list(db, NULL, after, limit, &r, err) < 0)
                return -1;
        j_obj(b, NULL);
        j_arr(b, "items");
        while (rows_next(r)) {
                user_write(b, r);
                last = row_int(r, "id");
        }
        j_arr_end(b);
        cursor_write_int(b, "next_cursor", rows_count(r) == (size_t)limit ? last : 0);
        j_obj_end(b);
        return 0;
}

/* The user of the path, disabled or not. */
static int user_capture(struct request *rq, struct db *db, size_t capture, struct rows **ret, struct err *err)
{
        if (store_users_list(db, rq->captures[capture], 0, 1, ret, err) < 0)
                return -1;
        return rows_next(*ret) ? 0 : err_set(err, ERR_NOT_FOUND, "no user \"%.64s\"", rq->captures[capture]);
}

HANDLER(api_user)
{
        AUTO_ROWS struct rows *r = NULL;

        if (user_capture(rq, db, 0, &r, err) < 0)
                return -1;
        user_write(&rq->out, r);
        return 0;
}

/* ---- making and changing ---------------------------------------------------------------------------------
 */

static int members_add(struct request *rq, struct db *db, int32_t user, json_t *projects, struct err *err)
{
        struct member_put m = {.user = user, .by = rq->who->name};
        json_t *name;
        size_t i;

        json_array_foreach(projects, i, name)
        {
                int rc = store_project_find(db, json_string_value(name), &m.project, err);
                size_t mark = issues_enter(&rq->issues, "projects");

                issues_enter_index(&rq->issues, i);
                if (rc == 0)
                        issue_add(&rq->issues, "", "not_found", "there is no such project");
                for (size_t k = 0; k < i; k++)
                        if (json_equal(json_array_get(projects, k), name))
                                issue_add(&rq->issues, "", "conflict", "is named twice");
                issues_leave(&rq->issues, mark);
                if (rc < 0 || (rc && store_member_put(db, &m, err) < 0))
                        return -1;
        }
        return rq->issues.count ? request_invalid(rq, err) : 0;
}

HANDLER(api_user_add)
{
        struct user_body in = {0};
        int32_t id;

        if (request_body(rq, user_fields, &in, NULL, err) < 0)
                return -1;
        if (role_check(rq, "/role", in.role) < 0)
                return request_invalid(rq, err);
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

HANDLER(api_user_change)
{
        struct user_change_body in = {0};
        AUTO_ROWS struct rows *r = NULL, *now = NULL;
        uint64_t given = 0;
        int32_t user;
        int rc;

        if (request_body(rq, user_change_fields, &in, &given, err) < 0 ||
            user_capture(rq, db, 0, &r, err) < 0)
                return -1;
        if (role_check(rq, "/role", in.role) < 0)
                return request_invalid(rq, err);
        user = (int32_t)row_int(r, "id");
        rc = store_user_change(db, user, in.role, given & GAVE_DISABLED ? in.disabled : -1, err);
        if (rc == 0)
                return err_set(err, ERR_CONFLICT, "this is the last active admin: make another one first");
        if (rc < 0 || store_sessions_end(db, user, NULL, err) < 0 || user_capture(rq, db, 0, &now, err) < 0)
                return -1;
        user_write(&rq->out, now);
        rq->forgets_auth = true;
        request_audit(rq, "user %s, role %s%s", row_text(now, "name"), row_text(now, "role"),
                      row_null(now, "disabled_at") ? "" : ", disabled");
        return 0;
}

HANDLER(api_user_password_link)
{
        struct secret code;
        struct invitation_new i = {.hash = code.hash,
                                   .kind = "reset",
                                   .by = rq->who->name,
                                   .expires_at = clock_wall_ms() + PASSWORD_LINK_MS};
        int rc;

        if (request_body(rq, nothing_fields, NULL, NULL, err) < 0)
                return -1;
        rc = store_user_find(db, rq->captures[0], &i.user, err);
        if (rc == 0)
                return err_set(err, ERR_NOT_FOUND, "no active user \"%.64s\"", rq->captures[0]);
        secret_make("", &code);
        if (rc < 0 || store_invitation_add(db, &i, NULL, err) < 0)
                return -1;
        AUTO_FREE char *url = xasprintf("%s/#reset=%s", rq->web->public_url, code.text);

        j_obj(&rq->out, NULL);
        j_str(&rq->out, "url", url);
        j_time(&rq->out, "expires_at", i.expires_at);
        j_obj_end(&rq->out);
        rq->status = 201;
        return 0;
}

HANDLER(api_user_sessions_end)
{
        AUTO_ROWS struct rows *r = NULL;

        if (user_capture(rq, db, 0, &r, err) < 0)
                return -1;
        rq->forgets_auth = true;
        rq->status = 204;
        return store_sessions_end(db, (int32_t)row_int(r, "id"), NULL, err);
}

/* ---- who governs a site ----------------------------------------------------------------------------------
 */

static int site_admins_write(struct request *rq, struct db *db, int32_t site, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;
        struct buf *b = &rq->out;

        if (store_site_admins_list(db, site, &r, err) < 0)
                return -1;
        j_obj(b, NULL);
        j_arr(b, "items");
        while (rows_next(r)) {
                j_obj(b, NULL);
                j_col_str(b, r, "user");
                j_col_str(b, r, "by");
                j_col_time(b, r, "at");
                j_obj_end(b);
        }
        j_arr_end(b);
        j_null(b, "next_cursor");
        j_obj_end(b);
        return 0;
}

HANDLER(api_site_admins)
{
        int32_t site;

        return site_capture(rq, db, &site, err) < 0 ? -1 : site_admins_write(rq, db, site, err);
}

HANDLER(api_site_admin_add)
{
        struct site_admin_body in = {0};
        int32_t site, user;
        int rc;

        if (request_body(rq, site_admin_fields, &in, NULL, err) < 0 || site_capture(rq, db, &site, err) < 0)
                return -1;
        rc = store_user_find(db, in.user, &user, err);
        if (rc == 0) {
                issue_add(&rq->issues, "/user", "not_found", "there is no active user of that name");
                return request_invalid(rq, err);
        }
        if (rc < 0 || store_site_admin_add(db, site, user, rq->who->name, err) < 0)
                return -1;
        rq->forgets_auth = true;
        rq->status = 201;
        request_audit(rq, "%s governs it", in.user);
        return site_admins_write(rq, db, site, err);
}

HANDLER(api_site_admin_remove)
{
        AUTO_ROWS struct rows *r = NULL;
        int32_t site;
        int rc;

        if (site_capture(rq, db, &site, err) < 0 || user_capture(rq, db, 1, &r, err) < 0)
                return -1;
        rc = store_site_admin_remove(db, site, (int32_t)row_int(r, "id"), err);
        if (rc == 0)
                return err_set(err, ERR_NOT_FOUND, "\"%.64s\" does not govern it", rq->captures[1]);
        rq->forgets_auth = true;
        rq->status = 204;
        return rc < 0 ? -1 : 0;
}
