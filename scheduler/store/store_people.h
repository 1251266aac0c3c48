/* SPDX-License-Identifier: Apache-2.0 */
/* store_people.h - users, projects and their members, who governs a site, and one-time links.
 *
 * Functions with `struct rows **ret` hand out rows to be read by column name, as listed.
 */
#ifndef REEVE_STORE_PEOPLE_H
#define REEVE_STORE_PEOPLE_H

#include "store/db.h"

/* Users by id (name NULL: all): id, name, role, created_at, disabled_at, has_password, seen_at, projects
 * (JSON array of names), memberships (JSON array of objects), sites (JSON array of names). */
int store_users_list(struct db *db, const char *name, int64_t after_id, int limit, struct rows **ret,
                     struct err *err);
int store_user_add(struct db *db, const char *name, const char *role, int32_t *ret_id, struct err *err);
/* 1 and *ret_id, 0 no such active user. */
int store_user_find(struct db *db, const char *name, int32_t *ret_id, struct err *err);
/* role NULL and disabled -1 leave it as it is. 1 changed; 0 it would leave no active admin. */
int store_user_change(struct db *db, int32_t user, const char *role, int disabled, struct err *err);
/* The hashed password; NULL takes it away. 1 set, 0 no such active user. */
int store_user_password(struct db *db, int32_t user, const char *password, struct err *err);

/* Projects (name NULL: all): id, name, share, max_cpus, max_tasks, max_live, usage, usage_at, created_at,
 * cpus, tasks (in use now). */
int store_projects_list(struct db *db, const char *name, const int64_t *ids, size_t n, bool all,
                        struct rows **ret, struct err *err);
struct project_change {
        bool share_set, max_cpus_set, max_tasks_set, max_live_set;
        double share;
        int64_t max_cpus, max_tasks, max_live; /* 0 is none */
};
int store_project_add(struct db *db, const char *name, const struct project_change *c, struct err *err);
/* 1 changed, 0 no such project. */
int store_project_change(struct db *db, const char *name, const struct project_change *c, struct err *err);
/* 1 and *ret_id, 0 no such project. */
int store_project_find(struct db *db, const char *name, int32_t *ret_id, struct err *err);

/* Members of a project (user 0: all), by name: id, user, role, max_live, added_by, added_at. */
int store_members_list(struct db *db, int32_t project, int32_t user, struct rows **ret, struct err *err);
struct member_put {
        int32_t project, user;
        const char *role; /* NULL: as it is; submitter for somebody new */
        bool max_live_set;
        int64_t max_live; /* 0 is none */
        const char *by;
};
/* Add the user to the project, or change what he is there. */
int store_member_put(struct db *db, const struct member_put *m, struct err *err);
/* 1 taken out, 0 was no member. */
int store_member_remove(struct db *db, int32_t project, int32_t user, struct err *err);
/* Tasks that have not ended, of every project and user that has any: project_id, user_id, live. */
int store_live_by_member(struct db *db, struct rows **ret, struct err *err);

/* Who governs a site: user, by, at. */
int store_site_admins_list(struct db *db, int32_t site, struct rows **ret, struct err *err);
int store_site_admin_add(struct db *db, int32_t site, int32_t user, const char *by, struct err *err);
int store_site_admin_remove(struct db *db, int32_t site, int32_t user, struct err *err);
/* The site of a worker: id, name; maybe no row. */
int store_worker_site(struct db *db, int64_t worker, struct rows **ret, struct err *err);

/* One-time links. */
struct invitation_new {
        const uint8_t *hash;
        const char *kind; /* invite, reset, setup */
        int32_t user;     /* reset: whose; else 0 */
        const char *role;
        int32_t project; /* 0: none */
        const char *project_role, *note, *by;
        int64_t expires_at;
};
int store_invitation_add(struct db *db, const struct invitation_new *i, int64_t *ret_id, struct err *err);
/* Invitations (project 0: all), newest first: id, role, project, project_role, note, made_by, made_at,
 * expires_at, used_at, used_by. */
int store_invitations_list(struct db *db, int32_t project, struct rows **ret, struct err *err);
/* The one that waits under the hash: id, kind, user_id, name, role, project_id, project, project_role,
 * made_by, expires_at; maybe no row. */
int store_invitation_find(struct db *db, const uint8_t *hash, struct rows **ret, struct err *err);
/* Used by `user`, or revoked (0): 1; 0 it was used before, or is not of that project (0: any). */
int store_invitation_spend(struct db *db, int64_t id, int32_t user, int32_t project, struct err *err);
/* For the daemon: a setup link of which only the newest counts, while no active admin has a password: 1 and
 * its code, or 0. */
struct secret;
int store_setup_link(struct db *db, struct secret *ret_code, struct err *err);
/* Does a setup link wait to be used? */
int store_setup_waits(struct db *db, bool *ret, struct err *err);

#endif
