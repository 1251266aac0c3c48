/* SPDX-License-Identifier: Apache-2.0 */
/* store_sites.h - sites, their hosts, keys, accounts, workers and rules, as people see and change them.
 *
 * Changes run in the caller's transaction. Functions that change return 1 changed, 0 no such thing.
 */
#ifndef REEVE_STORE_SITES_H
#define REEVE_STORE_SITES_H

#include "store/db.h"

/* Sites by name, bytewise (name NULL: all): id, name, intent, intent_by, intent_at, intent_why, health,
 * health_since, health_text, alarm, max_tasks, max_dials, speed, all_projects, created_at; projects, hosts,
 * accounts (JSON arrays). */
int store_sites_list(struct db *db, const char *name, struct rows **ret, struct err *err);
/* 1 and *ret_id. */
int store_site_find(struct db *db, const char *name, int32_t *ret_id, struct err *err);

/* What a submission is compared with. Sites: id, name, intent, all_projects, projects (JSON array of [id,
 * max_cpus]). Projects: id, name, max_cpus. A limit of 0 is none. Workers: site_id, project_id (null any),
 * cpus, memory, gpus (0 not known yet), custom (JSON). */
int store_world_sites(struct db *db, struct rows **ret, struct err *err);
int store_world_projects(struct db *db, struct rows **ret, struct err *err);
int store_world_workers(struct db *db, struct rows **ret, struct err *err);

struct site_offer {
        bool cpus_set, memory_set, gpus_set, slots_set;
        int64_t cpus, memory, gpus, slots; /* 0: as found (gpus: none) */
        const char *custom;                /* JSON object; NULL keeps */
};
struct site_change {
        bool max_tasks_set, max_dials_set, speed_set, all_projects_set;
        int64_t max_tasks, max_dials; /* 0 none */
        double speed;
        bool all_projects;
};
/* ERR_CONFLICT when the name is taken. */
int store_site_add(struct db *db, const char *name, const char *by, int32_t *ret_id, struct err *err);
int store_site_change(struct db *db, int32_t site, const struct site_change *c, struct err *err);
int store_site_offer(struct db *db, int32_t site, const struct site_offer *o, struct err *err);
/* Replace the list of a site's projects; 0 when one is not known. max_cpus 0: none. */
int store_site_projects(struct db *db, int32_t site, const char *const *names, const int64_t *max_cpus,
                        size_t n, struct err *err);
/* Missing workers of every host and account are made with the site's last offer. */
int store_host_add(struct db *db, int32_t site, const char *address, int64_t port, const char *const *jumps,
                   size_t jump_count, struct err *err);
struct account_new {
        const char *user, *root, *backend, *public_key; /* root, public_key may be NULL */
        int32_t project;                                /* 0 any */
        const void *sealed_key;                         /* NULL: the engine makes one */
        size_t sealed_key_len;
};
int store_account_add(struct db *db, int32_t site, const struct account_new *a, struct err *err);
int store_site_intent(struct db *db, int32_t site, const char *intent, const char *by, const char *why,
                      struct err *err);
/* Only a closed site without open attempts: 1, or 0. */
int store_site_remove(struct db *db, int32_t site, struct err *err);
/* Confirm a key that a probe saw; keys of the same type that were pinned before no longer are. Clears the
 * alarm. */
int store_key_pin(struct db *db, int32_t site, const char *address, int64_t hop, const char *fingerprint,
                  const char *by, struct err *err);

#endif
