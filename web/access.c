/* SPDX-License-Identifier: Apache-2.0 */
#include "web/access.h"

#include "common/num.h"
#include "common/util.h"

#include <string.h>

/* ---- scopes ----------------------------------------------------------------------------------------------
 */

/* A path belongs to the first row that it starts with: as a whole, or up to a / or a colon. A path that is in
 * no row is for whoever is not limited, and a test asks for its row. */
static const struct area {
        const char *path;
        enum scope read, change;
} areas[] = {
    {"/healthz", SCOPE_NONE, SCOPE_NONE},
    {"/readyz", SCOPE_NONE, SCOPE_NONE},
    {"/metrics", SCOPE_METRICS_READ, SCOPE_COUNT},
    {"/v1/version", SCOPE_NONE, SCOPE_NONE},
    {"/v1/openapi.json", SCOPE_NONE, SCOPE_NONE},
    {"/v1/jobs", SCOPE_JOBS_READ, SCOPE_JOBS_WRITE},
    {"/v1/scripts", SCOPE_JOBS_READ, SCOPE_JOBS_WRITE},
    {"/v1/explain", SCOPE_JOBS_READ, SCOPE_JOBS_READ},
    {"/v1/lint", SCOPE_JOBS_READ, SCOPE_JOBS_READ},
    {"/v1/templates", SCOPE_JOBS_READ, SCOPE_JOBS_WRITE},
    {"/v1/queue", SCOPE_JOBS_READ, SCOPE_JOBS_WRITE},
    {"/v1/events", SCOPE_JOBS_READ, SCOPE_JOBS_WRITE},
    {"/v1/stream", SCOPE_JOBS_READ, SCOPE_JOBS_WRITE},
    {"/v1/overview", SCOPE_JOBS_READ, SCOPE_JOBS_WRITE},
    {"/v1/insights", SCOPE_JOBS_READ, SCOPE_JOBS_WRITE},
    {"/v1/calls", SCOPE_JOBS_READ, SCOPE_JOBS_WRITE},
    {"/v1/datasets", SCOPE_DATA_READ, SCOPE_DATA_WRITE},
    {"/v1/files", SCOPE_DATA_READ, SCOPE_DATA_WRITE},
    {"/v1/uploads", SCOPE_DATA_READ, SCOPE_DATA_WRITE},
    {"/v1/url-prefixes", SCOPE_DATA_READ, SCOPE_DATA_WRITE},
    {"/v1/imports", SCOPE_DATA_READ, SCOPE_DATA_WRITE},
    {"/v1/transfers", SCOPE_DATA_READ, SCOPE_DATA_WRITE},
    {"/v1/links", SCOPE_SITES_READ, SCOPE_SITES_ADMIN},
    {"/v1/sites", SCOPE_SITES_READ, SCOPE_SITES_ADMIN},
    {"/v1/workers", SCOPE_SITES_READ, SCOPE_SITES_ADMIN},
    {"/v1/projects", SCOPE_PEOPLE_READ, SCOPE_PEOPLE_ADMIN},
    {"/v1/users", SCOPE_PEOPLE_READ, SCOPE_PEOPLE_ADMIN},
    {"/v1/invitations", SCOPE_PEOPLE_READ, SCOPE_PEOPLE_ADMIN},
    {"/v1/audit", SCOPE_PEOPLE_READ, SCOPE_PEOPLE_ADMIN},
    {"/v1/config", SCOPE_PEOPLE_READ, SCOPE_PEOPLE_ADMIN},
    {"/v1/oidc", SCOPE_NONE, SCOPE_ACCOUNT_WRITE},
    {"/v1/me/identities", SCOPE_ACCOUNT_READ, SCOPE_ACCOUNT_WRITE},
    {"/v1/setup", SCOPE_PEOPLE_READ, SCOPE_PEOPLE_ADMIN},
    {"/v1/me/views", SCOPE_ACCOUNT_READ, SCOPE_ACCOUNT_WRITE},
    {"/v1/me", SCOPE_NONE, SCOPE_ACCOUNT_WRITE},
    {"/v1/notices", SCOPE_ACCOUNT_READ, SCOPE_ACCOUNT_WRITE},
    {"/v1/subscriptions", SCOPE_ACCOUNT_READ, SCOPE_ACCOUNT_WRITE},
    {"/v1/tokens", SCOPE_ACCOUNT_READ, SCOPE_ACCOUNT_WRITE},
    {"/v1/sessions", SCOPE_ACCOUNT_READ, SCOPE_ACCOUNT_WRITE},
    {"/v1/login", SCOPE_NONE, SCOPE_ACCOUNT_WRITE},
    {"/v1/login-links", SCOPE_ACCOUNT_READ, SCOPE_ACCOUNT_WRITE},
    {"/v1/logout", SCOPE_NONE, SCOPE_ACCOUNT_WRITE},
};

static bool starts_as_path(const char *pattern, const char *path)
{
        size_t n = strlen(path);

        return strncmp(pattern, path, n) == 0 && (!pattern[n] || pattern[n] == '/' || pattern[n] == ':');
}

enum scope access_scope(const char *method, const char *pattern)
{
        for (size_t i = 0; i < ARRAY_LEN(areas); i++)
                if (starts_as_path(pattern, areas[i].path))
                        return strcmp(method, "GET") == 0 ? areas[i].read : areas[i].change;
        return SCOPE_COUNT;
}

/* ---- rules -----------------------------------------------------------------------------------------------
 */

static unsigned no(unsigned status, const char *why, const char **ret_why)
{
        *ret_why = why;
        return status;
}

static unsigned check_submitter(const struct principal *p, const struct access_object *o,
                                const char **ret_why)
{
        (void)o;
        return p->role == ROLE_VIEWER ? no(403, "this needs the role submitter", ret_why) : 200;
}

static unsigned check_project_admin(const struct principal *p, const struct access_object *o,
                                    const char **ret_why)
{
        const struct membership *m = o->project ? principal_membership(p, o->project) : NULL;

        if (p->role == ROLE_ADMIN)
                return 200;
        if (!m)
                return no(404, "there is no such project among yours", ret_why);
        return m->role == ROLE_ADMIN ? 200 : no(403, "this needs the role admin in the project", ret_why);
}

static unsigned check_site_admin(const struct principal *p, const struct access_object *o,
                                 const char **ret_why)
{
        return principal_governs(p, 0, o->site) ? 200 : no(403, "this needs an admin of the site", ret_why);
}

static unsigned check_link_admin(const struct principal *p, const struct access_object *o,
                                 const char **ret_why)
{
        return principal_governs(p, 0, o->site) || principal_governs(p, 0, o->to_site)
                   ? 200
                   : no(403, "this needs an admin of one of the two sites", ret_why);
}

static unsigned check_admin(const struct principal *p, const struct access_object *o, const char **ret_why)
{
        (void)o;
        return p->role == ROLE_ADMIN ? 200 : no(403, "this needs the role admin", ret_why);
}

static unsigned check_nothing(const struct principal *p, const struct access_object *o, const char **ret_why)
{
        (void)p;
        (void)o;
        (void)ret_why;
        return 200;
}

static unsigned (*const checks[])(const struct principal *, const struct access_object *, const char **) = {
    [RULE_PUBLIC] = check_nothing,        [RULE_USER] = check_nothing,
    [RULE_SUBMITTER] = check_submitter,   [RULE_PROJECT_ADMIN] = check_project_admin,
    [RULE_SITE_ADMIN] = check_site_admin, [RULE_LINK_ADMIN] = check_link_admin,
    [RULE_ADMIN] = check_admin,
};

unsigned access_check(const struct route *r, const struct principal *p, const struct access_object *o,
                      const char **ret_why)
{
        if (r->flags & ROUTE_UNLIMITED && principal_is_limited(p))
                return no(403, "this needs a session, or a token without limits", ret_why);
        if (p->has_scopes && r->scope != SCOPE_NONE &&
            (r->scope == SCOPE_COUNT || !(p->scopes & 1u << r->scope)))
                return no(403, "the token has not the scope that this needs", ret_why);
        return checks[r->rule](p, o, ret_why);
}

void access_object_of(const struct request *rq, struct access_object *ret)
{
        const char *name = rq->captures[0];

        *ret = (struct access_object){0};
        if (!name || !name_is_valid(name))
                return;
        if (starts_as_path(rq->route->pattern, "/v1/projects"))
                ret->project = name;
        else if (starts_as_path(rq->route->pattern, "/v1/sites"))
                ret->site = name;
        if (starts_as_path(rq->route->pattern, "/v1/links") && rq->captures[1] &&
            name_is_valid(rq->captures[1])) {
                ret->site = name;
                ret->to_site = rq->captures[1];
        }
}
