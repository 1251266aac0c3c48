/* SPDX-License-Identifier: Apache-2.0 */
#include "web/world.h"

#include "common/util.h"
#include "core/place.h"
#include "core/remedy.h"
#include "store/store_sites.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

struct world_view {
        atomic_int refs;
        int64_t read_at;
        struct model *m;
};

struct world {
        pthread_mutex_t lock;
        struct world_view *view;
};

void world_unref(struct world_view *v)
{
        if (!v || atomic_fetch_sub(&v->refs, 1) > 1)
                return;
        model_free(v->m);
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

/* ---- reading ---------------------------------------------------------------------------------------------
 */

static int read_projects(struct model *m, struct db *db, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (store_world_projects(db, &r, err) < 0)
                return -1;
        while (rows_next(r))
                model_project_put(m, (int32_t)row_int(r, "id"), row_text(r, "name"))->max_cpus =
                    (int32_t)row_int(r, "max_cpus");
        return 0;
}

static void site_rules(struct model *m, struct m_site *s, const json_t *list)
{
        struct m_site_rule *rules = xcalloc(json_array_size(list) + 1, sizeof *rules);
        json_t *pair;
        size_t i;

        json_array_foreach(list, i, pair)
        {
                rules[i].project = (int32_t)json_integer_value(json_array_get(pair, 0));
                rules[i].max_cpus = (int32_t)json_integer_value(json_array_get(pair, 1));
        }
        model_site_rules(m, s, rules, json_array_size(list));
        free(rules);
}

static int read_sites(struct model *m, struct db *db, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (store_world_sites(db, &r, err) < 0)
                return -1;
        while (rows_next(r)) {
                struct m_site *s = model_site_put(m, (int32_t)row_int(r, "id"), row_text(r, "name"));
                json_t *list = json_loads(row_text(r, "projects"), 0, NULL);

                s->all_projects = row_bool(r, "all_projects");
                site_rules(m, s, list);
                json_decref(list);
        }
        return 0;
}

static void read_custom(struct model *m, const char *text, struct res *offer)
{
        json_t *doc = json_loads(text, 0, NULL), *n;
        const char *name;

        json_object_foreach(doc, name, n)
        {
                int i = model_custom(m, name);

                if (i >= 0)
                        offer->custom[i] = (int32_t)json_integer_value(n);
        }
        json_decref(doc);
}

/* A worker that was never reached has not said its size. */
static int read_workers(struct model *m, struct db *db, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;
        int32_t id = 1;

        if (store_world_workers(db, &r, err) < 0)
                return -1;
        for (; rows_next(r); id++) {
                struct m_site *s = model_site(m, (int32_t)row_int(r, "site_id"));
                struct res offer = {.slots = RES_SLOTS_ANY,
                                    .cpus = (int32_t)row_int(r, "cpus"),
                                    .memory = row_int(r, "memory"),
                                    .gpus = (int32_t)row_int(r, "gpus")};
                struct m_worker *w;

                if (!s)
                        continue;
                w = model_worker_put(m, id, s);
                w->project = row_null(r, "project_id") ? 0 : (int32_t)row_int(r, "project_id");
                read_custom(m, row_text(r, "custom"), &offer);
                if (!offer.memory)
                        offer.memory = INT64_MAX;
                if (offer.cpus)
                        model_worker_offer(m, w, &offer);
        }
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
        v->m = model_new();
        if (read_projects(v->m, db, err) < 0 || read_sites(v->m, db, err) < 0 ||
            read_workers(v->m, db, err) < 0) {
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

static int32_t site_id(const struct model *m, const char *name)
{
        for (size_t i = 0; i < m->site_cap; i++) {
                if (m->sites[i] && strcmp(m->sites[i]->name, name) == 0)
                        return m->sites[i]->id;
        }
        return -1;
}

const char *const *world_countables(const struct world_view *v, size_t *ret_n)
{
        *ret_n = (size_t)v->m->custom_count;
        return (const char *const *)v->m->customs;
}

bool world_has_site(const struct world_view *v, const char *name)
{
        return site_id(v->m, name) >= 0;
}

/* ---- could it ever run ------------------------------------------------------------------------------------
 */

struct shaped { /* a job as the model judges it */
        struct m_shape shape;
        int32_t sites[JOB_SITES_MAX];
};

static void shape_of(const struct model *m, const struct job_spec *job, struct m_project *p,
                     struct shaped *ret)
{
        struct res *need = &ret->shape.need;
        json_t *name;
        size_t i;

        *ret = (struct shaped){.shape = {.project = p, .sites = ret->sites}};
        *need = (struct res){
            .slots = 1, .cpus = (int32_t)job->cpus, .gpus = (int32_t)job->gpus, .memory = job->memory};
        for (size_t k = 0; k < job->custom_count; k++) {
                for (int c = 0; c < m->custom_count; c++) {
                        if (strcmp(m->customs[c], job->custom[k].name) == 0)
                                need->custom[c] = (int32_t)job->custom[k].count;
                }
        }
        json_array_foreach(job->sites, i, name)
        {
                if (ret->shape.site_count < JOB_SITES_MAX)
                        ret->sites[ret->shape.site_count++] = site_id(m, json_string_value(name));
        }
}

/* Are there workers that may take work of the project at all? */
static bool has_workers(const struct model *m, const struct shaped *s, size_t *ret_sites)
{
        size_t workers = 0;

        *ret_sites = 0;
        for (size_t i = 0; i < m->site_cap; i++) {
                const struct m_site *site = m->sites[i];
                bool may, named = !s->shape.site_count;

                if (!site)
                        continue;
                may = site->all_projects;
                for (size_t k = 0; k < site->rule_count; k++)
                        may = may || site->rules[k].project == s->shape.project->id;
                for (size_t k = 0; k < s->shape.site_count; k++)
                        named = named || s->sites[k] == site->id;
                if (!may || !named)
                        continue;
                ++*ret_sites;
                for (size_t k = 0; k < site->worker_count; k++)
                        workers +=
                            !site->workers[k]->project || site->workers[k]->project == s->shape.project->id;
        }
        return workers > 0;
}

static const char *pointer_of(const struct m_shape *s, const struct remedy *r)
{
        if (r->what & REMEDY_SITES)
                return "/sites";
        if (r->need.cpus != s->need.cpus)
                return "/resources/cpus";
        if (r->need.memory != s->need.memory)
                return "/resources/memory";
        if (r->need.gpus != s->need.gpus)
                return "/resources/gpus";
        return "/resources";
}

static void copy_text(char *to, size_t size, struct buf *from)
{
        if (!from->overflow && buf_len(from) < size)
                snprintf(to, size, "%s", buf_cstr(from));
}

/* The sentence and the change that would do; what does not fit stays as it was. */
static void say_fix(const struct model *m, const struct shaped *s, struct world_never *ret)
{
        struct remedy r[REMEDIES_MAX];
        struct buf words, fix;

        if (!remedy_never(m, &s->shape, r))
                return;
        buf_init(&words, WORLD_TEXT_MAX);
        buf_init(&fix, sizeof ret->fix);
        buf_printf(&words, "%s: ", ret->sentence);
        remedy_say(m, &s->shape, &r[0], &words);
        buf_text(&words, " would do");
        remedy_json(m, &s->shape, &r[0], &fix);
        ret->pointer = pointer_of(&s->shape, &r[0]);
        copy_text(ret->sentence, sizeof ret->sentence, &words);
        copy_text(ret->fix, sizeof ret->fix, &fix);
        buf_release(&words);
        buf_release(&fix);
}

static void say_never(const struct model *m, const struct shaped *s, struct world_never *ret)
{
        const struct m_project *p = s->shape.project;
        bool limit = p->max_cpus && s->shape.need.cpus > p->max_cpus;
        size_t sites;
        bool workers = has_workers(m, s, &sites);

        *ret = (struct world_never){.code = limit     ? "project_limit"
                                            : workers ? "too_large"
                                                      : "no_site",
                                    .pointer = "",
                                    .fix = "null"};
        snprintf(ret->sentence, sizeof ret->sentence, "%s",
                 limit     ? "it asks for more CPUs than its project may use in all"
                 : workers ? "no worker is large enough for it now"
                 : sites ? "the sites that its project may use have no account for it; it waits until one has"
                         : "no site is registered that its project may use; it waits until one is");
        say_fix(m, s, ret);
}

bool world_never(const struct world_view *v, const struct job_spec *job, int32_t project,
                 struct world_never *ret)
{
        struct m_project nobody = {.id = -1, .name = ""}, *p = model_project(v->m, project);
        struct shaped *s = xcalloc(1, sizeof *s);
        bool never;

        shape_of(v->m, job, p ? p : &nobody, s);
        never = !place_can_ever(v->m, &s->shape);
        if (never)
                say_never(v->m, s, ret);
        free(s);
        return never;
}
