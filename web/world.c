/* SPDX-License-Identifier: Apache-2.0 */
#include "web/world.h"

#include "common/util.h"
#include "store/store_sites.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

struct world_site {
        int64_t id;
        char *name;
        bool all_projects;
        json_t *projects; /* ids */
};

struct world_worker {
        int64_t site, project; /* project 0 any */
        int64_t cpus, memory, gpus;
        json_t *custom;
};

struct world_view {
        atomic_int refs;
        int64_t read_at;
        struct world_site *sites;
        size_t site_count;
        struct world_worker *workers;
        size_t worker_count;
};

struct world {
        pthread_mutex_t lock;
        struct world_view *view;
};

void world_unref(struct world_view *v)
{
        if (!v || atomic_fetch_sub(&v->refs, 1) > 1)
                return;
        for (size_t i = 0; i < v->site_count; i++) {
                free(v->sites[i].name);
                json_decref(v->sites[i].projects);
        }
        for (size_t i = 0; i < v->worker_count; i++)
                json_decref(v->workers[i].custom);
        free(v->sites);
        free(v->workers);
        free(v);
}

struct world *world_new(void)
{
        struct world *w = xcalloc(1, sizeof *w);

        pthread_mutex_init(&w->lock, NULL);
        return w;
}

void world_free(struct world *w)
{
        if (!w)
                return;
        world_unref(w->view);
        pthread_mutex_destroy(&w->lock);
        free(w);
}

static int read_sites(struct world_view *v, struct db *db, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (store_world_sites(db, &r, err) < 0)
                return -1;
        v->sites = xcalloc(rows_count(r), sizeof *v->sites);
        for (; rows_next(r); v->site_count++)
                v->sites[v->site_count] =
                    (struct world_site){.id = row_int(r, "id"),
                                        .name = xstrdup(row_text(r, "name")),
                                        .all_projects = row_bool(r, "all_projects"),
                                        .projects = json_loads(row_text(r, "projects"), 0, NULL)};
        return 0;
}

static int read_workers(struct world_view *v, struct db *db, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (store_world_workers(db, &r, err) < 0)
                return -1;
        v->workers = xcalloc(rows_count(r), sizeof *v->workers);
        for (; rows_next(r); v->worker_count++)
                v->workers[v->worker_count] =
                    (struct world_worker){.site = row_int(r, "site_id"),
                                          .project = row_int(r, "project_id"),
                                          .cpus = row_int(r, "cpus"),
                                          .memory = row_int(r, "memory"),
                                          .gpus = row_int(r, "gpus"),
                                          .custom = json_loads(row_text(r, "custom"), 0, NULL)};
        return 0;
}

int world_get(struct world *w, struct db *db, bool fresh, struct world_view **ret, struct err *err)
{
        struct world_view *v, *old;

        pthread_mutex_lock(&w->lock);
        v = w->view && !fresh && clock_boot_ms() - w->view->read_at < WORLD_TTL_MS ? w->view : NULL;
        if (v)
                atomic_fetch_add(&v->refs, 1);
        pthread_mutex_unlock(&w->lock);
        if (v) {
                *ret = v;
                return 0;
        }
        v = xcalloc(1, sizeof *v);
        atomic_init(&v->refs, 2);
        v->read_at = clock_boot_ms();
        if (read_sites(v, db, err) < 0 || read_workers(v, db, err) < 0) {
                atomic_store(&v->refs, 1);
                world_unref(v);
                return -1;
        }
        pthread_mutex_lock(&w->lock);
        old = w->view;
        w->view = v;
        pthread_mutex_unlock(&w->lock);
        world_unref(old);
        *ret = v;
        return 0;
}

bool world_has_site(const struct world_view *v, const char *name)
{
        for (size_t i = 0; i < v->site_count; i++)
                if (strcmp(v->sites[i].name, name) == 0)
                        return true;
        return false;
}

/* ---- could it ever run ------------------------------------------------------------------------------------
 */

static bool site_serves(const struct world_site *s, int32_t project)
{
        size_t i;
        json_t *id;

        if (s->all_projects)
                return true;
        json_array_foreach(s->projects, i, id) if (json_integer_value(id) == project) return true;
        return false;
}

static bool site_is_named(const struct world_site *s, const struct job_spec *job)
{
        size_t i;
        json_t *name;

        if (!json_array_size(job->sites))
                return true;
        json_array_foreach(job->sites, i,
                           name) if (strcmp(json_string_value(name), s->name) == 0) return true;
        return false;
}

/* A worker that was never reached has not said its size: it may be large enough. */
static bool worker_fits(const struct world_worker *w, const struct job_spec *job)
{
        if ((w->cpus && job->cpus > w->cpus) || (w->memory && job->memory > w->memory) || job->gpus > w->gpus)
                return false;
        for (size_t i = 0; i < job->custom_count; i++)
                if (json_integer_value(json_object_get(w->custom, job->custom[i].name)) <
                    job->custom[i].count)
                        return false;
        return true;
}

bool world_never(const struct world_view *v, const struct job_spec *s, int32_t project, const char **ret_code,
                 char ret_text[256])
{
        size_t sites = 0, workers = 0;

        for (size_t i = 0; i < v->site_count; i++) {
                const struct world_site *at = &v->sites[i];

                if (!site_serves(at, project) || !site_is_named(at, s))
                        continue;
                sites++;
                for (size_t k = 0; k < v->worker_count; k++) {
                        const struct world_worker *w = &v->workers[k];

                        if (w->site != at->id || (w->project && w->project != project))
                                continue;
                        workers++;
                        if (worker_fits(w, s))
                                return false;
                }
        }
        *ret_code = workers ? "too_large" : "no_site";
        snprintf(ret_text, 256, "%s",
                 workers ? "no worker is large enough for it now; it waits until one is"
                 : sites ? "the sites that its project may use have no account for it; it waits until one has"
                         : "no site is registered that its project may use; it waits until one is");
        return true;
}
