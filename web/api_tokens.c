/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens: one's own, and those of a project. */
#include "web/api.h"

#include "common/num.h"
#include "common/util.h"
#include "store/store_people.h"
#include "web/login.h"
#include "web/web_priv.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

struct token_body {
        const char *name, *user, *project;
        int64_t expires_at;
        json_t *scopes;
};
enum { GAVE_SCOPES = 16 };
const struct field token_fields[] = {
    FIELD(struct token_body, name, F_STRING, 1, 100, FIELD_REQUIRED, "what its owner calls it"),
    FIELD(struct token_body, expires_at, F_TIME, 0, 0, 0, "when it ends; default never"),
    FIELD(struct token_body, user, F_NAME, 1, USER_NAME_MAX, 0, "for whom; only an admin may name another"),
    FIELD(struct token_body, project, F_NAME, 1, 64, 0, "the only project that it sees; default all"),
    FIELD(struct token_body, scopes, F_STRINGS, 1, SCOPE_COUNT, 0,
          "all that it may do, as jobs:read; default everything"),
    {0},
};

static void list_write(struct buf *b, struct rows *r)
{
        j_obj(b, NULL);
        j_arr(b, "items");
        while (rows_next(r)) {
                j_obj(b, NULL);
                j_col_int(b, r, "id");
                j_col_str(b, r, "user");
                j_col_str(b, r, "name");
                j_col_str(b, r, "prefix");
                j_col_raw(b, r, "scopes");
                j_col_str(b, r, "project");
                j_col_time(b, r, "created_at");
                j_col_time(b, r, "expires_at");
                j_col_time(b, r, "last_used_at");
                j_col_time(b, r, "revoked_at");
                j_obj_end(b);
        }
        j_arr_end(b);
        j_null(b, "next_cursor");
        j_obj_end(b);
}

HANDLER(api_tokens)
{
        AUTO_ROWS struct rows *r = NULL;

        if (store_tokens_list(db, rq->who->user, 0, &r, err) < 0)
                return -1;
        list_write(&rq->out, r);
        return 0;
}

HANDLER(api_project_tokens)
{
        AUTO_ROWS struct rows *r = NULL;
        int32_t project;

        if (project_capture(rq, db, &project, err) < 0 || store_tokens_list(db, 0, project, &r, err) < 0)
                return -1;
        list_write(&rq->out, r);
        return 0;
}

/* ---- making ----------------------------------------------------------------------------------------------
 */

/* Whose token it will be. */
static int user_read(struct request *rq, struct db *db, const char *name, struct token_new *t,
                     struct err *err)
{
        int rc;

        t->user = rq->who->user;
        if (!name || strcmp(name, rq->who->name) == 0)
                return 0;
        if (rq->who->role != ROLE_ADMIN)
                return err_set(err, ERR_DENIED, "only an admin makes tokens for others");
        rc = store_user_find(db, name, &t->user, err);
        if (rc == 0)
                issue_add(&rq->issues, "/user", "not_found", "there is no active user of that name");
        return rc < 0 ? -1 : 0;
}

/* The token's user has to see the project; an admin who makes it for somebody else answers for that. */
static void project_read(struct request *rq, const char *name, struct token_new *t)
{
        const struct membership *m = name ? principal_membership(rq->who, name) : NULL;

        if (!name && rq->who->one_project && rq->who->membership_count)
                m = &rq->who->memberships[0];
        else if (name && !m)
                issue_add(&rq->issues, "/project", "not_found", "there is no such project among yours");
        t->project = m ? (int32_t)m->project : 0;
}

static void scopes_read(struct request *rq, const struct token_body *in, bool given, const char **names,
                        struct token_new *t)
{
        size_t n = json_array_size(in->scopes);
        enum scope s;

        t->limited = given && in->scopes;
        t->scopes = names;
        t->scope_count = t->limited ? n : 0;
        for (size_t i = 0; i < t->scope_count; i++) {
                size_t mark = issues_enter(&rq->issues, "scopes");

                names[i] = json_string_value(json_array_get(in->scopes, i));
                issues_enter_index(&rq->issues, i);
                if (!scope_parse(names[i], &s))
                        issue_add(
                            &rq->issues, "", "unknown",
                            "there is no such scope; they are jobs:read, jobs:write, data:read, data:write, "
                            "sites:read, sites:admin, metrics:read, people:read, people:admin, account:read "
                            "and account:write");
                else if (rq->who->has_scopes && !(rq->who->scopes & 1u << s))
                        issue_add(&rq->issues, "", "conflict",
                                  "the token that asks has not this scope itself");
                for (size_t k = 0; k < i; k++)
                        if (strcmp(names[k], names[i]) == 0)
                                issue_add(&rq->issues, "", "conflict", "is named twice");
                issues_leave(&rq->issues, mark);
        }
        if (rq->who->has_scopes && !t->limited)
                issue_add(&rq->issues, "/scopes", "missing",
                          "the token that asks is limited: name scopes that it has itself");
}

static void expiry_check(struct request *rq, const struct token_body *in)
{
        const struct principal *p = rq->who;
        bool own = principal_is_limited(p) && p->expires_at != INT64_MIN;

        if (in->expires_at != INT64_MIN && in->expires_at <= clock_wall_ms())
                issue_add(&rq->issues, "/expires_at", "range", "lies in the past");
        else if (own && (in->expires_at == INT64_MIN || in->expires_at > p->expires_at))
                issue_add(&rq->issues, "/expires_at", "range",
                          "must not be later than the end of the limited token that asks");
}

static void reply(struct request *rq, const struct token_new *t, const struct token_body *in, int64_t id)
{
        struct buf *b = &rq->out;
        const char *project = in->project;

        if (!project && t->project)
                project = rq->who->memberships[0].name;
        j_obj(b, NULL);
        j_int(b, "id", id);
        j_str(b, "name", in->name);
        j_str(b, "token", t->secret->text);
        j_time(b, "expires_at", in->expires_at);
        if (t->limited) {
                j_arr(b, "scopes");
                for (size_t i = 0; i < t->scope_count; i++)
                        j_str(b, NULL, t->scopes[i]);
                j_arr_end(b);
        } else {
                j_null(b, "scopes");
        }
        j_str(b, "project", project);
        j_obj_end(b);
        rq->status = 201;
        request_about(rq, project, NULL);
        request_audit(rq, "token %lld for %s", (long long)id, in->user ? in->user : rq->who->name);
}

HANDLER(api_token_add)
{
        struct token_body in = {.expires_at = INT64_MIN};
        const char *names[SCOPE_COUNT];
        struct secret secret;
        struct token_new t = {.secret = &secret};
        uint64_t given = 0;
        int64_t id;

        if (request_body(rq, token_fields, &in, &given, err) < 0 || user_read(rq, db, in.user, &t, err) < 0)
                return -1;
        expiry_check(rq, &in);
        project_read(rq, in.project, &t);
        scopes_read(rq, &in, given & GAVE_SCOPES, names, &t);
        if (rq->issues.count)
                return request_invalid(rq, err);
        t.name = in.name;
        t.expires_at = in.expires_at;
        secret_make(TOKEN_PREFIX, &secret);
        if (store_token_add(db, &t, &id, err) < 0)
                return -1;
        reply(rq, &t, &in, id);
        sodium_memzero(&secret, sizeof secret);
        return 0;
}

/* ---- ending ----------------------------------------------------------------------------------------------
 */

static int take_back(struct request *rq, struct db *db, size_t capture, int32_t user, int32_t project,
                     struct err *err)
{
        int64_t id;
        int rc;

        if (request_capture_int(rq, capture, "token", &id, err) < 0)
                return -1;
        rc = store_token_revoke(db, id, user, project, err);
        if (rc == 0)
                return err_set(err, ERR_NOT_FOUND, "no token %lld", (long long)id);
        rq->status = 204;
        rq->forgets_auth = true;
        return rc < 0 ? -1 : 0;
}

HANDLER(api_token_revoke)
{
        return take_back(rq, db, 0, rq->who->role == ROLE_ADMIN ? 0 : rq->who->user, 0, err);
}

HANDLER(api_project_token_revoke)
{
        int32_t project;

        if (project_capture(rq, db, &project, err) < 0)
                return -1;
        return take_back(rq, db, 1, 0, project, err);
}
