/* SPDX-License-Identifier: Apache-2.0 */
/* The world around jobs: projects, sites, workers, datasets. Jobs are in model_jobs.c, attempts in
 * model_attempts.c. */
#include "core/model.h"
#include "core/learned.h"
#include "core/ledger.h"
#include "core/link.h"
#include "core/median.h"
#include "core/model_priv.h"
#include "core/parts.h"
#include "core/seats.h"
#include "core/space.h"
#include "core/ways.h"

#include "common/util.h"

#include <math.h>
#include <string.h>

static bool wake_before(const void *a, const void *b)
{
        const struct m_job *x = a, *y = b;

        return x->wake_at != y->wake_at ? x->wake_at < y->wake_at : x->id < y->id;
}

struct model *model_new(void)
{
        struct model *m = xcalloc(1, sizeof *m);

        heap_init(&m->wakes, wake_before, offsetof(struct m_job, wake_place));
        m->half_life_ms = 24.0 * 3600 * 1000;
        m->default_run_ms = 600 * 1000;
        m->reserve_ms = 60 * 1000;
        m->ahead_ms = 30;
        m->ahead_max = 2000;
        heap_init(&m->queued, transfer_goes_before, offsetof(struct m_transfer, place));
        m->next_transfer = 1;
        m->link_prior = LINK_RATE_DEFAULT;
        m->bytes_price = 0.35;
        m->bytes_fade_ms = 30 * 60 * 1000;
        m->unwanted_ms = 30 * 1000;
        m->dirty_tail = &m->dirty;
        m->ways = ways_new();
        m->median = median_new();
        return m;
}

void dataset_free(struct m_dataset *d)
{
        struct m_transfer *t;

        while ((t = d->transfers)) {
                d->transfers = t->next;
                spans_release(&t->only);
                free(t);
        }
        model_dataset_clear_sites(d);
        free(d->sites);
        free(d->allowed);
        free(d->readers);
        free(d->name);
        free(d);
}

static void shape_free(struct m_shape *s)
{
        heap_release(&s->jobs);
        free(s->inputs);
        free(s->data);
        free(s->sites);
        parts_free(s->parts);
        free(s->at);
        free(s->seats);
        free(s);
}

static void site_free(struct m_site *s)
{
        for (size_t i = 0; i < s->link_cap; i++)
                free(s->links[i]);
        free(s->links);
        ledger_release(s->ledger);
        claim_free(s->storage.claim);
        free(s->name);
        free(s->rules);
        free(s->workers);
        free(s);
}

static void world_free(struct model *m)
{
        for (size_t i = 0; i < m->project_cap; i++) {
                if (m->projects[i]) {
                        free(m->projects[i]->name);
                        free(m->projects[i]->shapes);
                        heap_release(&m->projects[i]->turns);
                        free(m->projects[i]);
                }
        }
        for (size_t i = 0; i < m->site_cap; i++) {
                if (m->sites[i])
                        site_free(m->sites[i]);
        }
        for (size_t i = 0; i < m->worker_cap; i++)
                free(m->workers[i]);
        free(m->projects);
        free(m->sites);
        free(m->workers);
}

void model_free(struct model *m)
{
        struct m_job *j;
        struct m_shape *s;
        struct m_dataset *d;
        struct m_dependents *dep;
        struct m_attempt *a;
        struct m_class *c;

        if (!m)
                return;
        seating_free(m->seating);
        ways_free(m->ways);
        median_free(m->median);
        for (size_t i = 0; (a = map_next(&m->attempts, &i));)
                free(a);
        map_release(&m->attempts);
        while ((a = m->spare)) {
                m->spare = a->ahead_next;
                free(a);
        }
        for (size_t i = 0; (j = map_next(&m->jobs, &i));)
                job_free(j);
        for (size_t i = 0; (s = map_next(&m->shapes, &i));)
                shape_free(s);
        for (size_t i = 0; (d = map_next(&m->datasets, &i));)
                dataset_free(d);
        for (size_t i = 0; (dep = map_next(&m->dependents, &i));) {
                free(dep->jobs);
                free(dep);
        }
        for (size_t i = 0; (c = map_next(&m->classes, &i));)
                free(c);
        map_release(&m->transfers);
        map_release(&m->transfers_to);
        map_release(&m->classes);
        learned_release(m);
        heap_release(&m->queued);
        map_release(&m->jobs);
        map_release(&m->shapes);
        map_release(&m->datasets);
        map_release(&m->dependents);
        heap_release(&m->wakes);
        world_free(m);
        for (int32_t i = 0; i < m->custom_count; i++)
                free(m->customs[i]);
        free(m);
}

/* Somebody offers it or a live job asks for it; or it was handed out in this pass, and is about to be. */
static bool custom_is_used(const struct model *m, int32_t i)
{
        const struct m_shape *s;

        if (m->custom_pass[i] == m->pass)
                return true;
        for (size_t k = 0; k < m->worker_cap; k++) {
                const struct m_worker *w = m->workers[k];

                if (w && !w->gone && (w->offer.custom[i] || w->configured.custom[i]))
                        return true;
        }
        for (size_t k = 0; (s = map_next(&m->shapes, &k));) {
                if (s->users && s->need.custom[i])
                        return true;
        }
        return false;
}

int model_custom(struct model *m, const char *name)
{
        int32_t i = 0;

        for (; i < m->custom_count; i++) {
                if (strcmp(m->customs[i], name) == 0) {
                        m->custom_pass[i] = m->pass;
                        return i;
                }
        }
        if (m->custom_count < RES_CUSTOM_MAX)
                m->custom_count++;
        else
                for (i = 0; i < m->custom_count && custom_is_used(m, i);)
                        i++;
        if (i == RES_CUSTOM_MAX)
                return -1;
        free(m->customs[i]);
        m->customs[i] = xstrdup(name);
        m->custom_pass[i] = m->pass;
        return i;
}

/* Tables by id: ids are small serial numbers. */
static void *table_get(void *const *table, size_t cap, int32_t id)
{
        return id > 0 && (size_t)id < cap ? table[id] : NULL;
}

static void *table_put(void ***table, size_t *cap, int32_t id, size_t size)
{
        if ((size_t)id >= *cap) {
                size_t old = *cap;

                *table = xgrow(*table, (size_t)id, cap, sizeof **table);
                memset(*table + old, 0, (*cap - old) * sizeof **table);
        }
        if (!(*table)[id])
                (*table)[id] = xcalloc(1, size);
        return (*table)[id];
}

static void set_name(char **name, const char *to)
{
        if (*name && strcmp(*name, to) == 0)
                return;
        free(*name);
        *name = xstrdup(to);
}

struct m_project *model_project(const struct model *m, int32_t id)
{
        return table_get((void *const *)m->projects, m->project_cap, id);
}

/* Of two shapes that both have something to place, the one whose first job goes first. */
static bool shape_goes_before(const void *a, const void *b)
{
        const struct m_shape *x = a, *y = b;
        const struct m_job *i = heap_top(&x->jobs), *j = heap_top(&y->jobs);

        return i->priority == j->priority && x->rank != y->rank ? x->rank > y->rank : job_goes_before(i, j);
}

struct m_project *model_project_put(struct model *m, int32_t id, const char *name)
{
        struct m_project *p = table_put((void ***)&m->projects, &m->project_cap, id, sizeof *p);

        p->id = id;
        if (!p->name) {
                p->share = 1;
                heap_init(&p->turns, shape_goes_before, offsetof(struct m_shape, turn_place));
        }
        set_name(&p->name, name);
        return p;
}

struct m_site *model_site(const struct model *m, int32_t id)
{
        return table_get((void *const *)m->sites, m->site_cap, id);
}

struct m_site *model_site_put(struct model *m, int32_t id, const char *name)
{
        struct m_site *s = table_put((void ***)&m->sites, &m->site_cap, id, sizeof *s);

        s->id = id;
        if (!s->name) {
                s->speed = 1;
                s->all_projects = true;
        }
        set_name(&s->name, name);
        s->gone = false;
        return s;
}

void model_site_rules(struct model *m, struct m_site *s, const struct m_site_rule *rules, size_t n)
{
        struct m_site_rule *fresh = n ? xcalloc(n, sizeof *fresh) : NULL;
        struct m_attempt *a;

        for (size_t i = 0; i < n; i++) {
                fresh[i] = rules[i];
                fresh[i].used_cpus = 0;
        }
        free(s->rules);
        s->rules = fresh;
        s->rule_count = n;
        if (!n)
                return;
        for (size_t i = 0; (a = map_next(&m->attempts, &i));) {
                for (size_t k = 0; a->worker->site == s && k < n; k++) {
                        if (fresh[k].project == a->job->shape->project->id)
                                fresh[k].used_cpus += a->job->shape->need.cpus;
                }
        }
}

struct m_worker *model_worker(const struct model *m, int32_t id)
{
        return table_get((void *const *)m->workers, m->worker_cap, id);
}

struct m_worker *model_worker_put(struct model *m, int32_t id, struct m_site *s)
{
        struct m_worker *w = table_put((void ***)&m->workers, &m->worker_cap, id, sizeof *w);

        w->gone = false;
        if (w->id)
                return w;
        w->id = id;
        w->site = s;
        s->workers = xgrow(s->workers, s->worker_count, &s->worker_cap, sizeof(struct m_worker *));
        s->workers[s->worker_count++] = w;
        return w;
}

void model_worker_offer(struct model *m, struct m_worker *w, const struct res *offer)
{
        w->offer_known = true;
        if (res_equal(&w->offer, offer))
                return;
        res_take(&w->free, &w->offer, 1);
        res_give(&w->free, offer, 1);
        w->offer = *offer;
        model_worker_promote(m, w);
}

struct m_dataset *model_dataset(const struct model *m, int64_t id)
{
        return map_get(&m->datasets, (uint64_t)id);
}

struct m_dataset *model_dataset_put(struct model *m, int64_t id, const char *name)
{
        struct m_dataset *d = model_dataset(m, id);

        if (!d) {
                d = xcalloc(1, sizeof *d);
                d->id = id;
                map_put(&m->datasets, (uint64_t)id, d);
        }
        set_name(&d->name, name);
        return d;
}

static void place_release(struct m_dataset_site *at)
{
        free(at->root);
        spans_release(&at->have);
}

void model_dataset_clear_sites(struct m_dataset *d)
{
        for (size_t i = 0; i < d->site_count; i++)
                place_release(&d->sites[i]);
        d->site_count = 0;
}

size_t model_dataset_from(const struct m_dataset *d, int32_t site)
{
        size_t low = 0, high = d->site_count;

        while (low < high) {
                size_t mid = (low + high) / 2;

                if (d->sites[mid].site < site)
                        low = mid + 1;
                else
                        high = mid;
        }
        return low;
}

struct m_dataset_site *model_dataset_site(struct m_dataset *d, int32_t site, const char *root, bool is_file,
                                          int32_t files, int64_t bytes)
{
        size_t i = model_dataset_from(d, site);
        struct m_dataset_site *at;

        while (i < d->site_count && d->sites[i].site == site && strcmp(d->sites[i].root, root) != 0)
                i++;
        if (i == d->site_count || d->sites[i].site != site) {
                d->sites = xgrow(d->sites, d->site_count, &d->site_cap, sizeof *d->sites);
                memmove(&d->sites[i + 1], &d->sites[i], (d->site_count++ - i) * sizeof *d->sites);
                d->sites[i] =
                    (struct m_dataset_site){.site = site, .root = xstrdup(root), .is_file = is_file};
        }
        at = &d->sites[i];
        at->files = files;
        at->bytes = bytes;
        if (files == d->files)
                spans_release(&at->have);
        return at;
}

const struct m_dataset_site *model_dataset_at(const struct m_dataset *d, int32_t site)
{
        for (size_t i = model_dataset_from(d, site); i < d->site_count && d->sites[i].site == site; i++) {
                if (d->sites[i].files == d->files && !d->sites[i].suspect)
                        return &d->sites[i];
        }
        return NULL;
}

struct m_dataset_site *model_dataset_some(const struct m_dataset *d, int32_t site)
{
        for (size_t i = model_dataset_from(d, site); i < d->site_count && d->sites[i].site == site; i++) {
                if (d->sites[i].have.n && !d->sites[i].suspect)
                        return &d->sites[i];
        }
        return NULL;
}

int64_t model_dataset_missing(const struct m_dataset *d, int32_t site, int32_t *ret_files)
{
        int64_t bytes = 0;
        int32_t files = 0;

        for (size_t i = model_dataset_from(d, site); i < d->site_count && d->sites[i].site == site; i++) {
                if (d->sites[i].suspect || d->sites[i].leaving)
                        continue;
                bytes = d->sites[i].bytes > bytes ? d->sites[i].bytes : bytes;
                files = d->sites[i].files > files ? d->sites[i].files : files;
        }
        *ret_files = d->files - files;
        return d->files == files ? 0 : d->bytes - bytes;
}

void model_copy_gone(struct model *m, struct m_dataset *d, int32_t site)
{
        struct m_site *s = model_site(m, site);
        size_t n = 0;

        for (size_t i = 0; i < d->site_count; i++) {
                struct m_dataset_site *at = &d->sites[i];

                if (at->site != site || !at->copy) {
                        d->sites[n++] = *at;
                        continue;
                }
                if (s)
                        s->storage.used -= at->bytes < s->storage.used ? at->bytes : s->storage.used;
                place_release(at);
        }
        d->site_count = n;
}

static int by_site(const void *a, const void *b)
{
        int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

        return (x > y) - (x < y);
}

void model_dataset_allow(struct m_dataset *d, const int32_t *sites, size_t n)
{
        free(d->allowed);
        d->allowed = n ? xcalloc(n, sizeof *d->allowed) : NULL;
        if (n) {
                memcpy(d->allowed, sites, n * sizeof *sites);
                qsort(d->allowed, n, sizeof *d->allowed, by_site);
        }
        d->allowed_count = n;
        d->restricted = true;
}

void model_dataset_allow_all(struct m_dataset *d)
{
        free(d->allowed);
        d->allowed = NULL;
        d->allowed_count = 0;
        d->restricted = false;
}

void model_dataset_changed(struct model *m, struct m_dataset *d)
{
        for (size_t i = 0; i < d->reader_count; i++)
                model_job_update(m, d->readers[i].job);
}

static double decayed(const struct model *m, const struct m_project *p)
{
        double age = (double)(m->wall_ms - p->usage_at);

        return age > 0 ? p->usage * exp2(-age / m->half_life_ms) : p->usage;
}

double project_score(const struct model *m, const struct m_project *p)
{
        return decayed(m, p) / p->share;
}

void model_charge(struct model *m, struct m_project *p, double cpu_seconds)
{
        p->usage = decayed(m, p) + cpu_seconds;
        if (p->usage < 0)
                p->usage = 0;
        p->usage_at = m->wall_ms;
        p->usage_dirty = true;
}

bool site_breaker_is_open(const struct m_site *s)
{
        return s->breaker_until != 0;
}

bool model_site_result(struct model *m, struct m_site *s, bool site_fault)
{
        if (!site_fault) {
                s->failures_in_row = 0;
                return false;
        }
        if (++s->failures_in_row < BREAKER_FAILURES || s->breaker_until)
                return false;
        s->breaker_tries = 0;
        s->breaker_until = m->now_ms + BREAKER_PAUSE_MS;
        return true;
}

bool model_worker_result(struct model *m, struct m_worker *w, bool site_fault)
{
        struct m_site *s = w->site;

        w->failures_in_row = site_fault ? w->failures_in_row + 1 : 0;
        if (site_fault && w->failures_in_row > s->failures_in_row)
                s->failures_in_row = w->failures_in_row - 1; /* counted below */
        return model_site_result(m, s, site_fault);
}

void model_site_probe_result(struct model *m, struct m_site *s, bool ok)
{
        int64_t pause = BREAKER_PAUSE_MS;

        if (ok) {
                s->breaker_until = 0;
                s->failures_in_row = 0;
                for (size_t i = 0; i < s->worker_count; i++)
                        s->workers[i]->failures_in_row = 0;
                return;
        }
        s->breaker_tries++;
        for (int32_t i = 0; i < s->breaker_tries && pause < BREAKER_PAUSE_MAX; i++)
                pause *= 2;
        s->breaker_until = m->now_ms + (pause < BREAKER_PAUSE_MAX ? pause : BREAKER_PAUSE_MAX);
}
