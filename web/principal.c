/* SPDX-License-Identifier: Apache-2.0 */
#include "web/principal.h"

#include "common/util.h"

#include <string.h>

static const char *const role_names[] = {"viewer", "submitter", "admin"};

const char *role_name(enum role r)
{
        return role_names[r];
}

bool role_parse(const char *name, enum role *ret)
{
        for (size_t i = 0; i < ARRAY_LEN(role_names); i++)
                if (strcmp(role_names[i], name) == 0) {
                        *ret = (enum role)i;
                        return true;
                }
        return false;
}

static const char *const scope_names[SCOPE_COUNT] = {
    [SCOPE_NONE] = "",
    [SCOPE_JOBS_READ] = "jobs:read",
    [SCOPE_JOBS_WRITE] = "jobs:write",
    [SCOPE_DATA_READ] = "data:read",
    [SCOPE_DATA_WRITE] = "data:write",
    [SCOPE_SITES_READ] = "sites:read",
    [SCOPE_SITES_ADMIN] = "sites:admin",
    [SCOPE_METRICS_READ] = "metrics:read",
    [SCOPE_PEOPLE_READ] = "people:read",
    [SCOPE_PEOPLE_ADMIN] = "people:admin",
    [SCOPE_ACCOUNT_READ] = "account:read",
    [SCOPE_ACCOUNT_WRITE] = "account:write",
};

const char *scope_name(enum scope s)
{
        return s < SCOPE_COUNT ? scope_names[s] : "all";
}

bool scope_parse(const char *name, enum scope *ret)
{
        for (size_t i = SCOPE_NONE + 1; i < SCOPE_COUNT; i++)
                if (strcmp(scope_names[i], name) == 0) {
                        *ret = (enum scope)i;
                        return true;
                }
        return false;
}

/* ---- counting --------------------------------------------------------------------------------------------
 */

static void principal_free(struct principal *p)
{
        if (!p)
                return;
        principal_free(p->acting);
        for (size_t i = 0; i < p->membership_count; i++)
                free(p->memberships[i].name);
        for (size_t i = 0; i < p->site_count; i++)
                free(p->site_names[i]);
        free(p->memberships);
        free(p->project_names);
        free(p->project_ids);
        free(p->site_names);
        free(p->site_ids);
        free(p->name);
        free(p);
}

static struct principal *root(struct principal *p)
{
        return p->wide ? p->wide : p;
}

struct principal *principal_ref(struct principal *p)
{
        atomic_fetch_add(&root(p)->refs, 1);
        return p;
}

void principal_unref(struct principal *p)
{
        if (p && atomic_fetch_sub(&root(p)->refs, 1) == 1)
                principal_free(root(p));
}

struct principal *principal_acting(struct principal *p)
{
        return p->acting ? p->acting : p;
}

/* ---- asking ----------------------------------------------------------------------------------------------
 */

int32_t principal_project(const struct principal *p, const char *name)
{
        for (size_t i = 0; i < p->project_count; i++)
                if (strcmp(p->project_names[i], name) == 0)
                        return (int32_t)p->project_ids[i];
        return -1;
}

const struct membership *principal_membership(const struct principal *p, const char *name)
{
        const struct principal *all = p->wide ? p->wide : p;

        for (size_t i = 0; i < all->membership_count; i++)
                if (strcmp(all->memberships[i].name, name) == 0)
                        return &all->memberships[i];
        return NULL;
}

bool principal_sees(const struct principal *p, int64_t project)
{
        const struct principal *all = p->wide ? p->wide : p;

        if (all->role == ROLE_ADMIN)
                return true;
        for (size_t i = 0; i < all->membership_count; i++)
                if (all->memberships[i].project == project)
                        return true;
        return false;
}

struct visible principal_visible(const struct principal *p)
{
        return (struct visible){
            .all = p->role == ROLE_ADMIN, .projects = p->project_ids, .count = p->project_count};
}

bool principal_governs(const struct principal *p, int64_t site, const char *name)
{
        if (p->role == ROLE_ADMIN)
                return true;
        if (p->role == ROLE_VIEWER)
                return false;
        for (size_t i = 0; i < p->site_count; i++)
                if ((site && p->site_ids[i] == site) || (name && strcmp(p->site_names[i], name) == 0))
                        return true;
        return false;
}

bool principal_is_limited(const struct principal *p)
{
        return p->has_scopes || p->one_project;
}

/* ---- loading ---------------------------------------------------------------------------------------------
 */

/* The list of those projects where his role is at least `least`. */
static void projects_set(struct principal *p, const struct principal *from, enum role least)
{
        p->project_ids = xcalloc(from->membership_count + 1, sizeof *p->project_ids);
        p->project_names = xcalloc(from->membership_count + 1, sizeof *p->project_names);
        for (size_t i = 0; i < from->membership_count; i++) {
                if (from->memberships[i].role < least)
                        continue;
                p->project_ids[p->project_count] = from->memberships[i].project;
                p->project_names[p->project_count++] = from->memberships[i].name;
        }
}

static int load_projects(struct principal *p, struct db *db, int32_t only, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (store_auth_projects(db, p->user, p->role == ROLE_ADMIN, only, &r, err) < 0)
                return -1;
        p->memberships = xcalloc(rows_count(r) + 1, sizeof *p->memberships);
        while (rows_next(r)) {
                struct membership *m = &p->memberships[p->membership_count++];

                m->project = row_int(r, "id");
                m->name = xstrdup(row_text(r, "name"));
                m->member = row_bool(r, "member");
                m->max_live = row_null(r, "max_live") ? 0 : row_int(r, "max_live");
                m->own_max_live = row_null(r, "own_max_live") ? 0 : row_int(r, "own_max_live");
                if (!role_parse(row_text(r, "role"), &m->role))
                        m->role = ROLE_VIEWER;
                if (p->role != ROLE_SUBMITTER) /* who sees all, or only reads, is that everywhere */
                        m->role = p->role;
        }
        projects_set(p, p, ROLE_VIEWER);
        return 0;
}

static int load_sites(struct principal *p, struct db *db, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (store_auth_sites(db, p->user, &r, err) < 0)
                return -1;
        p->site_ids = xcalloc(rows_count(r) + 1, sizeof *p->site_ids);
        p->site_names = xcalloc(rows_count(r) + 1, sizeof *p->site_names);
        while (rows_next(r)) {
                p->site_ids[p->site_count] = row_int(r, "id");
                p->site_names[p->site_count++] = xstrdup(row_text(r, "name"));
        }
        return 0;
}

/* Somebody who only views some of his projects has a second face, for what changes things. */
static void acting_make(struct principal *p)
{
        struct principal *a;
        bool everywhere = true;

        for (size_t i = 0; i < p->membership_count; i++)
                everywhere &= p->memberships[i].role >= ROLE_SUBMITTER;
        if (everywhere)
                return;
        a = xcalloc(1, sizeof *a);
        a->wide = p;
        a->user = p->user;
        a->name = xstrdup(p->name);
        a->role = p->role;
        a->by_cookie = p->by_cookie;
        a->has_password = p->has_password;
        a->has_scopes = p->has_scopes;
        a->one_project = p->one_project;
        a->scopes = p->scopes;
        a->expires_at = p->expires_at;
        memcpy(a->hash, p->hash, sizeof a->hash);
        projects_set(a, p, ROLE_SUBMITTER);
        p->acting = a;
}

static uint32_t scopes_read(const char *words)
{
        uint32_t bits = 0;
        enum scope s;

        for (const char *w = words; *w; w += strcspn(w, " "), w += strspn(w, " ")) {
                AUTO_FREE char *name = xstrndup(w, strcspn(w, " "));

                if (scope_parse(name, &s))
                        bits |= 1u << s;
        }
        return bits;
}

int principal_load(struct db *db, struct rows *r, const uint8_t *hash, bool cookie, struct principal **ret,
                   struct err *err)
{
        struct principal *p = xcalloc(1, sizeof *p);
        int32_t only = row_null(r, "project_id") ? 0 : (int32_t)row_int(r, "project_id");

        atomic_init(&p->refs, 1);
        p->user = (int32_t)row_int(r, "user_id");
        p->name = xstrdup(row_text(r, "name"));
        if (!role_parse(row_text(r, "role"), &p->role))
                p->role = ROLE_VIEWER;
        p->has_password = row_bool(r, "has_password");
        p->expires_at = row_time(r, "expires_at");
        p->by_cookie = cookie;
        p->has_scopes = !row_null(r, "scopes");
        p->scopes = p->has_scopes ? scopes_read(row_text(r, "scopes")) : 0;
        p->one_project = only;
        memcpy(p->hash, hash, sizeof p->hash);
        if (load_projects(p, db, only, err) < 0 || (!only && load_sites(p, db, err) < 0)) {
                principal_unref(p);
                return -1;
        }
        if (only && p->role == ROLE_ADMIN)
                p->role = ROLE_SUBMITTER;
        for (size_t i = 0; only && i < p->membership_count; i++)
                if (p->memberships[i].role == ROLE_ADMIN)
                        p->memberships[i].role = ROLE_SUBMITTER;
        acting_make(p);
        *ret = p;
        return 0;
}
