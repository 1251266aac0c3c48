/* SPDX-License-Identifier: Apache-2.0 */
/* Projects and their members. */
#include "web/api.h"

#include "common/num.h"
#include "common/util.h"
#include "store/store_people.h"
#include "web/login.h"
#include "web/quota.h"
#include "web/web_priv.h"

#include <stdio.h>
#include <string.h>

#define LIMIT_COUNT_MAX 2000000000

struct project_body {
        const char *name;
        double share;
        int64_t max_cpus, max_tasks, max_live;
};
#define PROJECT_RULES                                                                                        \
        FIELD(struct project_body, share, F_REAL, 0, 1000000, 0, "weight in fair share"),                    \
            FIELD(struct project_body, max_cpus, F_INT, 1, LIMIT_COUNT_MAX, 0,                               \
                  "CPUs it may hold at once; null: no limit"),                                               \
            FIELD(struct project_body, max_tasks, F_INT, 1, LIMIT_COUNT_MAX, 0,                              \
                  "attempts it may have at once; null: no limit"),                                           \
            FIELD(struct project_body, max_live, F_INT, 1, LIMIT_COUNT_MAX, 0,                               \
                  "tasks that have not ended, checked at submit; null: no limit")
const struct field project_fields[] = {
    PROJECT_RULES,
    FIELD(struct project_body, name, F_NAME, 1, 64, FIELD_REQUIRED, "name of the project"),
    {0},
};
const struct field project_change_fields[] = {PROJECT_RULES, {0}};
/* Bits of what was given, in the order of the table. */
enum { GAVE_SHARE = 1, GAVE_MAX_CPUS = 2, GAVE_MAX_TASKS = 4, GAVE_MAX_LIVE = 8 };

struct member_body {
        const char *user, *role;
        int64_t max_live;
};
const struct field member_fields[] = {
    FIELD(struct member_body, user, F_NAME, 1, USER_NAME_MAX, FIELD_REQUIRED, "login name"),
    FIELD(struct member_body, role, F_STRING, 1, 16, 0, "viewer, submitter (default) or admin"),
    FIELD(struct member_body, max_live, F_INT, 1, LIMIT_COUNT_MAX, 0,
          "tasks that have not ended, at most the project's; null: no limit"),
    {0},
};
enum { GAVE_MEMBER_MAX = 4 };

/* ---- showing ---------------------------------------------------------------------------------------------
 */

static int project_write(struct request *rq, struct db *db, struct rows *r, bool open, struct err *err)
{
        const struct membership *m = principal_membership(rq->who, row_text(r, "name"));
        struct buf *b = &rq->out;
        int64_t live;

        if (quota_live(rq->web->quota, db, row_int(r, "id"), 0, &live, err) < 0)
                return -1;
        j_obj(b, NULL);
        j_col_str(b, r, "name");
        j_col_f64(b, r, "share");
        j_col_int(b, r, "max_cpus");
        j_col_int(b, r, "max_tasks");
        j_col_int(b, r, "max_live");
        j_col_f64(b, r, "usage");
        j_col_time(b, r, "usage_at");
        j_obj(b, "used");
        j_col_int(b, r, "cpus");
        j_col_int(b, r, "tasks");
        j_int(b, "live", live);
        j_obj_end(b);
        j_str(b, "role", role_name(m ? m->role : ROLE_ADMIN));
        j_col_time(b, r, "created_at");
        if (!open)
                j_obj_end(b);
        return 0;
}

HANDLER(api_projects)
{
        AUTO_ROWS struct rows *r = NULL;
        struct visible who = principal_visible(rq->who);

        if (store_projects_list(db, NULL, who.projects, who.count, who.all, &r, err) < 0)
                return -1;
        j_obj(&rq->out, NULL);
        j_arr(&rq->out, "items");
        while (rows_next(r))
                if (project_write(rq, db, r, false, err) < 0)
                        return -1;
        j_arr_end(&rq->out);
        j_null(&rq->out, "next_cursor");
        j_obj_end(&rq->out);
        return 0;
}

static int member_write(struct request *rq, struct db *db, int32_t project, struct rows *r, struct err *err)
{
        struct buf *b = &rq->out;
        int64_t live;

        if (quota_live(rq->web->quota, db, project, row_int(r, "id"), &live, err) < 0)
                return -1;
        j_obj(b, NULL);
        j_col_str(b, r, "user");
        j_col_str(b, r, "role");
        j_col_int(b, r, "max_live");
        j_int(b, "live", live);
        j_col_str(b, r, "added_by");
        j_col_time(b, r, "added_at");
        j_obj_end(b);
        return 0;
}

static int project_unknown(const char *name, struct err *err)
{
        return err_set(err, ERR_NOT_FOUND, "no project \"%.64s\"", name);
}

HANDLER(api_project)
{
        struct visible who = principal_visible(rq->who);
        AUTO_ROWS struct rows *r = NULL, *members = NULL;

        if (store_projects_list(db, rq->captures[0], who.projects, who.count, who.all, &r, err) < 0)
                return -1;
        if (!rows_next(r))
                return project_unknown(rq->captures[0], err);
        if (store_members_list(db, (int32_t)row_int(r, "id"), 0, &members, err) < 0 ||
            project_write(rq, db, r, true, err) < 0)
                return -1;
        j_arr(&rq->out, "members");
        while (rows_next(members))
                if (member_write(rq, db, (int32_t)row_int(r, "id"), members, err) < 0)
                        return -1;
        j_arr_end(&rq->out);
        j_obj_end(&rq->out);
        return 0;
}

int project_capture(struct request *rq, struct db *db, int32_t *ret, struct err *err)
{
        int rc = store_project_find(db, rq->captures[0], ret, err);

        return rc == 0 ? project_unknown(rq->captures[0], err) : rc < 0 ? -1 : 0;
}

/* ---- making and changing ---------------------------------------------------------------------------------
 */

static int project_read(struct request *rq, const struct field *fields, struct project_body *in,
                        struct project_change *ret, struct err *err)
{
        uint64_t given = 0;

        if (request_body(rq, fields, in, &given, err) < 0)
                return -1;
        *ret = (struct project_change){.share_set = given & GAVE_SHARE && in->share > 0,
                                       .max_cpus_set = given & GAVE_MAX_CPUS,
                                       .max_tasks_set = given & GAVE_MAX_TASKS,
                                       .max_live_set = given & GAVE_MAX_LIVE,
                                       .share = in->share,
                                       .max_cpus = in->max_cpus,
                                       .max_tasks = in->max_tasks,
                                       .max_live = in->max_live};
        if (given & GAVE_SHARE && !(in->share > 0))
                issue_add(&rq->issues, "/share", "range", "must be more than 0");
        return rq->issues.count ? request_invalid(rq, err) : 0;
}

static int project_reply(struct request *rq, struct db *db, const char *name, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (store_projects_list(db, name, NULL, 0, true, &r, err) < 0)
                return -1;
        rows_next(r);
        rq->forgets_auth = true;
        rq->wakes_engine = rq->wakes_web = true;
        request_about(rq, name, NULL);
        return project_write(rq, db, r, false, err);
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
                return project_unknown(rq->captures[0], err);
        return rc < 0 ? -1 : project_reply(rq, db, rq->captures[0], err);
}

/* ---- members ---------------------------------------------------------------------------------------------
 */

int role_check(struct request *rq, const char *pointer, const char *name)
{
        enum role r;

        if (!name || role_parse(name, &r))
                return 0;
        issue_add(&rq->issues, pointer, "format", "must be viewer, submitter or admin");
        return -1;
}

static int limit_check(struct request *rq, struct db *db, int64_t max_live, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (store_projects_list(db, rq->captures[0], NULL, 0, true, &r, err) < 0)
                return -1;
        if (rows_next(r) && !row_null(r, "max_live") && max_live > row_int(r, "max_live"))
                issue_add(&rq->issues, "/max_live", "range", "is more than the project's own, %lld",
                          (long long)row_int(r, "max_live"));
        return 0;
}

HANDLER(api_member_put)
{
        struct member_body in = {0};
        struct member_put m = {.by = rq->who->name};
        AUTO_ROWS struct rows *r = NULL;
        uint64_t given = 0;
        int rc;

        if (request_body(rq, member_fields, &in, &given, err) < 0 ||
            project_capture(rq, db, &m.project, err) < 0)
                return -1;
        role_check(rq, "/role", in.role);
        rc = store_user_find(db, in.user, &m.user, err);
        if (rc < 0 || (in.max_live && limit_check(rq, db, in.max_live, err) < 0))
                return -1;
        if (rc == 0)
                issue_add(&rq->issues, "/user", "not_found", "there is no active user of that name");
        if (rq->issues.count)
                return request_invalid(rq, err);
        m.role = in.role;
        m.max_live_set = given & GAVE_MEMBER_MAX;
        m.max_live = in.max_live;
        if (store_member_put(db, &m, err) < 0 || store_members_list(db, m.project, m.user, &r, err) < 0)
                return -1;
        rows_next(r);
        rq->forgets_auth = rq->wakes_web = true;
        request_audit(rq, "%s is %s", in.user, row_text(r, "role"));
        return member_write(rq, db, m.project, r, err);
}

/* A project is not left without an admin by one who takes himself out. */
static int last_admin_check(struct request *rq, struct db *db, int32_t project, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;
        bool other = false;

        if (rq->who->role == ROLE_ADMIN || strcmp(rq->captures[1], rq->who->name) != 0)
                return 0;
        if (store_members_list(db, project, 0, &r, err) < 0)
                return -1;
        while (rows_next(r))
                other |= strcmp(row_text(r, "role"), "admin") == 0 &&
                         strcmp(row_text(r, "user"), rq->who->name) != 0;
        return other ? 0 : err_set(err, ERR_CONFLICT, "you are its last admin: name another one first");
}

HANDLER(api_member_remove)
{
        AUTO_ROWS struct rows *user = NULL;
        int32_t project;
        int rc;

        if (project_capture(rq, db, &project, err) < 0 || last_admin_check(rq, db, project, err) < 0 ||
            store_users_list(db, rq->captures[1], 0, 1, &user, err) < 0)
                return -1;
        rc = rows_next(user) ? store_member_remove(db, project, (int32_t)row_int(user, "id"), err) : 0;
        if (rc == 0)
                return err_set(err, ERR_NOT_FOUND, "\"%.64s\" is no member of the project", rq->captures[1]);
        rq->forgets_auth = rq->wakes_web = true;
        rq->status = 204;
        return rc < 0 ? -1 : 0;
}
