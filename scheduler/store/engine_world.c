/* SPDX-License-Identifier: Apache-2.0 */
/* Projects, sites and workers as people set them up. */
#include "store/engine_priv.h"
#include "common/util.h"

#include <string.h>

int load_all(struct stmt *st, size_t size, void (*fill)(const struct rows *r, void *element), void **ret,
             size_t *ret_n, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;
        size_t n = 0;
        char *all;

        if (db_query(st, &r, err) < 0)
                return -1;
        all = xcalloc(rows_count(r) + 1, size);
        while (rows_next(r))
                fill(r, all + size * n++);
        *ret = all;
        *ret_n = n;
        return 0;
}

char *row_text_copy(const struct rows *r, const char *column)
{
        return row_null(r, column) ? NULL : xstrdup(row_text(r, column));
}

uint8_t *row_bytes_copy(const struct rows *r, const char *column, size_t *ret_n)
{
        const uint8_t *bytes = row_bytes(r, column, ret_n);
        uint8_t *copy;

        if (!bytes)
                return NULL;
        copy = xmalloc(*ret_n + 1);
        memcpy(copy, bytes, *ret_n);
        return copy;
}

/* ---- projects -------------------------------------------------------------------------------------------
 */

static void project_fill(const struct rows *r, void *element)
{
        struct load_project *p = element;

        p->id = (int32_t)row_int(r, "id");
        p->name = row_text_copy(r, "name");
        p->share = row_f64(r, "share");
        p->usage = row_f64(r, "usage");
        p->usage_at = row_time(r, "usage_at");
        p->max_cpus = (int32_t)row_int(r, "max_cpus");
        p->max_tasks = (int32_t)row_int(r, "max_tasks");
}

int store_load_projects(struct db *db, struct load_project **ret, size_t *ret_n, struct err *err)
{
        return LOAD_ALL(db_stmt(db, "load_projects",
                                "select id, name, share, usage, usage_at, max_cpus, max_tasks from projects"
                                " order by id"),
                        struct load_project, project_fill, ret, ret_n, err);
}

void store_free_projects(struct load_project *rows, size_t n)
{
        for (size_t i = 0; i < n; i++)
                free(rows[i].name);
        free(rows);
}

/* ---- sites ----------------------------------------------------------------------------------------------
 */

static void site_fill(const struct rows *r, void *element)
{
        struct load_site *s = element;

        s->id = (int32_t)row_int(r, "id");
        s->name = row_text_copy(r, "name");
        s->intent = SITE_CLOSED;
        (void)site_intent_parse(row_text(r, "intent"), &s->intent);
        (void)site_health_parse(row_text(r, "health"), &s->health);
        s->alarm = !row_null(r, "alarm");
        s->max_tasks = (int32_t)row_int(r, "max_tasks");
        s->max_dials = (int32_t)row_int(r, "max_dials");
        s->speed = row_f64(r, "speed");
        s->data_accept = row_bool(r, "data_accept");
        s->data_egress = row_null(r, "data_egress") ? 0 : row_f64(r, "data_egress");
        s->data_ingress = row_null(r, "data_ingress") ? 0 : row_f64(r, "data_ingress");
        s->data_quota = row_null(r, "data_quota") ? -1 : row_int(r, "data_quota");
        s->all_projects = row_bool(r, "all_projects");
}

/* Rows of children come in the order of their parents. */
static void sites_take_projects(struct load_site *sites, size_t n, struct rows *r)
{
        size_t i = 0, cap = 0;

        while (rows_next(r)) {
                for (; i < n && sites[i].id < row_int(r, "site_id"); i++)
                        cap = 0;
                if (i == n)
                        return;
                if (sites[i].id != row_int(r, "site_id"))
                        continue;

                struct load_site *s = &sites[i];

                s->projects = xgrow(s->projects, s->project_count, &cap, sizeof *s->projects);
                s->projects[s->project_count].project = (int32_t)row_int(r, "project_id");
                s->projects[s->project_count++].max_cpus = (int32_t)row_int(r, "max_cpus");
        }
}

int store_load_sites(struct db *db, struct load_site **ret, size_t *ret_n, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (db_query(
                db_stmt(
                    db, "load_site_projects",
                    "select site_id, project_id, max_cpus from site_projects order by site_id, project_id"),
                &r, err) < 0 ||
            LOAD_ALL(
                db_stmt(db, "load_sites",
                        "select id, name, intent, health, alarm, max_tasks, max_dials, speed, all_projects, "
                        "data_accept, data_quota, data_egress, data_ingress from sites"
                        " where removed_at is null order by id"),
                struct load_site, site_fill, ret, ret_n, err) < 0)
                return -1;
        sites_take_projects(*ret, *ret_n, r);
        return 0;
}

void store_free_sites(struct load_site *rows, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                free(rows[i].name);
                free(rows[i].projects);
        }
        free(rows);
}

/* ---- workers --------------------------------------------------------------------------------------------
 */

static void worker_fill(const struct rows *r, void *element)
{
        struct load_worker *w = element;

        w->id = (int32_t)row_int(r, "id");
        w->site = (int32_t)row_int(r, "site_id");
        w->host = (int32_t)row_int(r, "host_id");
        w->account = (int32_t)row_int(r, "account_id");
        w->project = (int32_t)row_int(r, "project_id");
        w->address = row_text_copy(r, "address");
        w->port = (int32_t)row_int(r, "port");
        w->unix_user = row_text_copy(r, "unix_user");
        w->root = row_text_copy(r, "root");
        w->openssh = strcmp(row_text(r, "backend"), "openssh") == 0;
        w->public_key = row_text_copy(r, "public_key");
        w->sealed_key = row_bytes_copy(r, "sealed_key", &w->sealed_key_len);
        w->offer_cpus = (int32_t)row_int(r, "offer_cpus");
        w->offer_gpus = (int32_t)row_int(r, "offer_gpus");
        w->offer_slots = (int32_t)row_int(r, "offer_slots");
        w->offer_memory = row_int(r, "offer_memory");
        w->offer_custom = row_text_copy(r, "offer_custom");
        w->draining = row_bool(r, "draining");
        w->cpus = (int32_t)row_int(r, "cpus");
        w->memory = row_int(r, "memory");
}

/* Step to the worker that a child row belongs to; NULL when it is none of ours. *cap restarts with it. */
static struct load_worker *worker_of(struct load_worker *workers, size_t n, size_t *i, int64_t id,
                                     size_t *cap)
{
        for (; *i < n && workers[*i].id < id; (*i)++)
                *cap = 0;
        return *i < n && workers[*i].id == id ? &workers[*i] : NULL;
}

static void workers_take_jumps(struct load_worker *workers, size_t n, struct rows *r)
{
        size_t i = 0, cap = 0;

        while (rows_next(r)) {
                struct load_worker *w = worker_of(workers, n, &i, row_int(r, "id"), &cap);

                if (!w)
                        continue;
                w->jumps = xgrow(w->jumps, w->jump_count, &cap, sizeof *w->jumps);
                w->jumps[w->jump_count++] = row_text_copy(r, "jump");
        }
}

static void workers_take_keys(struct load_worker *workers, size_t n, struct rows *r)
{
        size_t i = 0, cap = 0;

        while (rows_next(r)) {
                struct load_worker *w = worker_of(workers, n, &i, row_int(r, "id"), &cap);

                if (!w)
                        continue;
                w->keys = xgrow(w->keys, w->key_count, &cap, sizeof *w->keys);

                struct load_hostkey *k = &w->keys[w->key_count++];

                k->hop = (int32_t)row_int(r, "hop");
                k->key = row_bytes_copy(r, "key", &k->len);
        }
}

int store_load_workers(struct db *db, struct load_worker **ret, size_t *ret_n, struct err *err)
{
        AUTO_ROWS struct rows *jumps = NULL, *keys = NULL;

        if (db_query(db_stmt(db, "load_worker_jumps",
                             "select w.id, u.jump from workers w join hosts h on h.id = w.host_id,"
                             " unnest(h.jumps) with ordinality as u (jump, n) order by w.id, u.n"),
                     &jumps, err) < 0 ||
            db_query(
                db_stmt(db, "load_worker_keys",
                        "select w.id, k.hop, k.key from workers w join host_keys k on k.host_id = w.host_id"
                        " where k.pinned_at is not null order by w.id, k.hop, k.key"),
                &keys, err) < 0 ||
            LOAD_ALL(
                db_stmt(
                    db, "load_workers",
                    "select w.id, w.site_id, w.host_id, w.account_id, a.project_id, h.address, h.port,"
                    " a.unix_user, a.root, a.backend, a.public_key, a.sealed_key, w.offer_cpus, w.offer_gpus,"
                    " w.offer_slots, w.offer_memory, w.offer_custom,"
                    " w.intent = 'draining' as draining, w.cpus, w.memory"
                    " from workers w join sites s on s.id = w.site_id join hosts h on h.id = w.host_id"
                    " join accounts a on a.id = w.account_id where w.removed_at is null and"
                    " s.removed_at is null and h.removed_at is null and a.removed_at is null order by w.id"),
                struct load_worker, worker_fill, ret, ret_n, err) < 0)
                return -1;
        workers_take_jumps(*ret, *ret_n, jumps);
        workers_take_keys(*ret, *ret_n, keys);
        return 0;
}

static void worker_release(struct load_worker *w)
{
        for (size_t i = 0; i < w->jump_count; i++)
                free(w->jumps[i]);
        for (size_t i = 0; i < w->key_count; i++)
                free(w->keys[i].key);
        free(w->jumps);
        free(w->keys);
        free(w->address);
        free(w->unix_user);
        free(w->root);
        free(w->public_key);
        free(w->sealed_key);
        free(w->offer_custom);
}

void store_free_workers(struct load_worker *rows, size_t n)
{
        for (size_t i = 0; i < n; i++)
                worker_release(&rows[i]);
        free(rows);
}

int store_world_version(struct db *db, int64_t *ret, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (db_query(db_stmt(db, "world_version", "select version from world_version"), &r, err) < 0)
                return -1;
        rows_next(r);
        *ret = row_int(r, "version");
        return 0;
}
