/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about a job, or about one that is not there, put to the model: the call "explain".
 *
 * args: {"projects":[ids]|null, "job":12 | "project":3, "what_if":{...}|null}. projects are those that the
 * asker sees, null all. what_if is what differs from the job (or from nothing, for a project's new job):
 * {"cpus","memory","gpus","custom":{name:n},"sites":[names],"inputs":[dataset
 * ids],"time_limit_ms","priority","throttle"}.
 *
 * The answer: {"live":false} when the job is not live here; else explain_waiting() or
 * {"live":true,"wait":null}, with "what_if" as explain_guest(); for a project explain_guest() alone. Times
 * are wall milliseconds.
 */
#include "daemon/engine_priv.h"
#include "daemon/explain.h"

#include "common/util.h"

#include <string.h>

#define GUEST_SITES_MAX  256
#define GUEST_INPUTS_MAX 256

struct guest {
        struct m_shape shape;
        int32_t sites[GUEST_SITES_MAX];
        int64_t inputs[GUEST_INPUTS_MAX];
        struct m_dataset *data[GUEST_INPUTS_MAX];
        const char *unknown; /* a countable that nobody offers */
};

static int64_t number(const json_t *o, const char *key, int64_t absent)
{
        const json_t *v = json_object_get(o, key);

        return json_is_integer(v) ? json_integer_value(v) : absent;
}

static int32_t number32(const json_t *o, const char *key, int32_t absent)
{
        int64_t v = number(o, key, absent);

        return v < 0 ? 0 : v > INT32_MAX ? INT32_MAX : (int32_t)v;
}

/* Asking must not use up the names of countables that the model can hold. */
static void read_custom(const struct model *m, const json_t *o, struct guest *g)
{
        const char *name;
        json_t *v;

        json_object_foreach((json_t *)(uintptr_t)o, name, v)
        {
                int64_t n = json_integer_value(v);
                bool known = false;

                for (int i = 0; i < m->custom_count; i++) {
                        if (strcmp(m->customs[i], name) != 0)
                                continue;
                        g->shape.need.custom[i] = n > INT32_MAX ? INT32_MAX : n < 0 ? 0 : (int32_t)n;
                        known = true;
                }
                if (!known && n > 0)
                        g->unknown = name;
        }
}

static int by_int32(const void *a, const void *b)
{
        int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

        return (x > y) - (x < y);
}

static int by_int64(const void *a, const void *b)
{
        int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

        return (x > y) - (x < y);
}

/* A name that no site has stands as -1, which no site matches. */
static void read_sites(const struct model *m, const json_t *list, struct guest *g)
{
        const json_t *v;
        size_t i;

        g->shape.sites = g->sites;
        g->shape.site_count = 0;
        json_array_foreach(list, i, v)
        {
                const char *name = json_string_value(v);
                int32_t id = -1;

                for (size_t k = 0; name && k < m->site_cap; k++) {
                        if (m->sites[k] && !m->sites[k]->gone && strcmp(m->sites[k]->name, name) == 0)
                                id = (int32_t)k;
                }
                if (g->shape.site_count < GUEST_SITES_MAX)
                        g->sites[g->shape.site_count++] = id;
        }
        qsort(g->sites, g->shape.site_count, sizeof *g->sites, by_int32);
}

static void read_inputs(const json_t *list, struct guest *g)
{
        const json_t *v;
        size_t i;

        g->shape.inputs = g->inputs;
        g->shape.input_count = 0;
        json_array_foreach(list, i, v)
        {
                if (g->shape.input_count < GUEST_INPUTS_MAX)
                        g->inputs[g->shape.input_count++] = json_integer_value(v);
        }
        qsort(g->inputs, g->shape.input_count, sizeof *g->inputs, by_int64);
}

static bool alike(const struct m_shape *a, const struct m_shape *b)
{
        return res_equal(&a->need, &b->need) && a->time_limit_ms == b->time_limit_ms &&
               a->site_count == b->site_count && a->input_count == b->input_count &&
               (!a->site_count || memcmp(a->sites, b->sites, a->site_count * sizeof *a->sites) == 0) &&
               (!a->input_count || memcmp(a->inputs, b->inputs, a->input_count * sizeof *a->inputs) == 0);
}

/* What is known of tasks that are alike is known of the guest. */
static void know(struct m_shape *g)
{
        for (size_t i = 0; i < g->project->shape_count; i++) {
                const struct m_shape *s = g->project->shapes[i];

                if (!alike(g, s))
                        continue;
                g->run_ms = s->run_ms;
                g->ended = s->ended;
                g->at = s->at;
                g->at_count = s->at_count;
                return;
        }
}

static void guest_open(const struct model *m, struct guest *g, const struct m_shape *like,
                       struct m_project *p, const json_t *change)
{
        struct res *need = &g->shape.need;

        *g = (struct guest){.shape = {.project = p, .need = {.slots = 1, .cpus = 1}}};
        if (like)
                g->shape = *like;
        g->shape.jobs = (struct heap){0};
        g->shape.reserved = NULL;
        g->shape.options = NULL;
        need->cpus = number32(change, "cpus", need->cpus);
        need->gpus = number32(change, "gpus", need->gpus);
        need->memory = number(change, "memory", need->memory);
        g->shape.time_limit_ms = number(change, "time_limit_ms", g->shape.time_limit_ms);
        read_custom(m, json_object_get(change, "custom"), g);
        if (json_is_array(json_object_get(change, "sites")))
                read_sites(m, json_object_get(change, "sites"), g);
        if (json_is_array(json_object_get(change, "inputs")) || !like) {
                g->shape.parts = NULL;
                read_inputs(json_object_get(change, "inputs"), g);
                g->shape.data = g->data;
                shape_dress(m, &g->shape);
        }
        if (!like)
                know(&g->shape);
}

/* The guest in the place of job j, or behind all. */
static json_t *ask_guest(struct engine *e, const struct m_job *j, struct m_project *p, const json_t *projects,
                         const json_t *change)
{
        struct guest *g = xcalloc(1, sizeof *g);
        struct about a = {.m = e->m, .s = &g->shape, .who = {json_is_array(projects) ? projects : NULL}};
        json_t *doc;

        guest_open(e->m, g, j ? j->shape : NULL, p, change);
        a.ask = (struct forecast_ask){.shape = &g->shape,
                                      .job = j,
                                      .priority = j ? j->priority : 0,
                                      .id = j ? j->id : INT64_MAX,
                                      .throttle = number32(change, "throttle", j ? j->throttle : 0),
                                      .live = j ? j->live : 0};
        a.ask.priority = (int32_t)number(change, "priority", a.ask.priority);
        if (g->unknown) {
                doc = explain_unknown(g->unknown);
        } else {
                about_open(&a);
                doc = explain_guest(&a);
                about_close(&a);
        }
        free(g);
        return doc;
}

static json_t *ask_job(struct engine *e, struct m_job *j, const json_t *projects, const json_t *change)
{
        enum wait_reason why = job_wait_reason(e->m, j);
        json_t *doc;

        if (why == WAIT_NONE) {
                doc = json_pack("{s:n}", "wait");
        } else {
                struct about a;

                about_job(&a, e->m, j);
                a.who.projects = json_is_array(projects) ? projects : NULL;
                about_open(&a);
                doc = explain_waiting(&a, why, true);
                about_close(&a);
        }
        put(doc, "live", json_true());
        put(doc, "what_if",
            json_is_object(change) ? ask_guest(e, j, j->shape->project, projects, change) : NULL);
        return doc;
}

/* Inputs that no live job reads are not in the model: they are read for the question and dropped after it. */
static int with_inputs(struct engine *e, const json_t *change, struct err *err, json_t **ret,
                       json_t *(*ask)(struct engine *e, const json_t *args), const json_t *args)
{
        const json_t *list = json_object_get(change, "inputs"), *v;
        int64_t ids[GUEST_INPUTS_MAX];
        size_t n = 0, i;

        json_array_foreach(list, i, v)
        {
                if (n < GUEST_INPUTS_MAX && !model_dataset(e->m, json_integer_value(v)))
                        ids[n++] = json_integer_value(v);
        }
        if (jobs_datasets_borrow(e, ids, n, err) < 0)
                return -1;
        *ret = ask(e, args);
        jobs_datasets_return(e, ids, n);
        return 0;
}

static json_t *ask_any(struct engine *e, const json_t *args)
{
        const json_t *projects = json_object_get(args, "projects"),
                     *change = json_object_get(args, "what_if");
        struct m_job *j = model_job(e->m, number(args, "job", 0));
        int64_t project = number(args, "project", 0);
        struct m_project *p =
            project > 0 && project < INT32_MAX ? model_project(e->m, (int32_t)project) : NULL;

        if (j)
                return ask_job(e, j, projects, change);
        if (p)
                return ask_guest(e, NULL, p, projects, change);
        return json_pack("{s:b}", "live", 0);
}

char *explain_answer(struct engine *e, const json_t *args, struct err *err)
{
        json_t *doc = NULL;
        char *text;

        if (with_inputs(e, json_object_get(args, "what_if"), err, &doc, ask_any, args) < 0)
                return NULL;
        put(doc, "as_of", json_integer(e->m->wall_ms));
        text = json_dumps(doc, JSON_COMPACT);
        json_decref(doc);
        if (!text)
                err_set(err, ERR_SYSTEM, "the explanation could not be written");
        return text;
}
