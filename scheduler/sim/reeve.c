/* SPDX-License-Identifier: Apache-2.0 */
/* Drives scheduler/core: a model of its own is told what happens in the simulated world, and what decide()
 * plans is done there. Sites, workers (one a site) and projects have their index + 1 as id, datasets and jobs
 * too; every file is a dataset of one file. Nothing else is handed over: what the core does not learn from
 * its model it does not know. */
#include "core/decide.h"
#include "core/link.h"
#include "core/transfer.h"
#include "core/ways.h"
#include "sim/sim.h"

#include "common/util.h"

#include <stdio.h>
#include <string.h>

#define START_MS     1000000000000 /* simulated time 0 as wall time */
#define ROOM_ENOUGH  (INT64_C(1) << 60)
#define PROGRESS_MS  1000
#define KNOWN_WEIGHT 8 /* samples that links known beforehand count as */

struct core {
        struct model *m;
        struct plan plan;
        int64_t next_decision, told_at;
};

static struct m_site *site_of(const struct sim *s, int32_t site)
{
        return model_site(s->core->m, site + 1);
}

static void add_sites(struct sim *s, struct model *m)
{
        for (size_t i = 0; i < s->w->site_n; i++) {
                const struct w_site *from = &s->w->sites[i];
                struct m_site *site = model_site_put(m, (int32_t)i + 1, from->name);
                struct m_worker *worker = model_worker_put(m, (int32_t)i + 1, site);
                struct res offer = {.slots = RES_SLOTS_ANY, .cpus = from->cpus, .memory = 1};

                site->speed = from->speed;
                site->health = SITE_UP;
                site->storage.accept = true;
                site->storage.quota = from->quota ? from->quota : ROOM_ENOUGH;
                worker->ready = true;
                model_worker_offer(m, worker, &offer);
        }
}

/* By destination, as the core keeps them: neighbours there are neighbours in memory. */
static void add_links(struct sim *s, struct model *m)
{
        size_t n = s->w->site_n;

        for (size_t i = 0; i < n * n && !s->o.learn_links; i++) {
                size_t to = i / n, from = i % n;
                const struct w_link *l = world_link(s->w, from, to);

                if (l->rate > 0 && from != to)
                        link_know(m, model_link_put(m, (int32_t)from + 1, (int32_t)to + 1), (double)l->rate,
                                  (double)l->latency > 0.001 ? (double)l->latency : 0.001, KNOWN_WEIGHT,
                                  m->wall_ms);
        }
}

struct core *core_new(struct sim *s)
{
        struct core *c = xcalloc(1, sizeof *c);

        c->m = model_new();
        c->m->now_ms = c->m->wall_ms = START_MS;
        c->m->seed = s->o.seed;
        if (s->o.plain) {
                ways_free(c->m->ways);
                c->m->ways = NULL;
        }
        c->m->ahead_ms = 0; /* there is no round trip to hide */
        c->m->default_run_ms = (double)INT64_MAX;
        c->next_decision = 1;
        add_sites(s, c->m);
        add_links(s, c->m);
        for (size_t i = 0; i < s->w->project_n; i++)
                model_project_put(c->m, (int32_t)i + 1, s->w->projects[i]);
        links_refresh(c->m);
        return c;
}

void core_free(struct core *c)
{
        if (!c)
                return;
        plan_release(&c->plan);
        model_free(c->m);
        free(c);
}

static void set_time(struct sim *s)
{
        s->core->m->now_ms = s->core->m->wall_ms = START_MS + s->now;
}

/* ---- what the model is told ------------------------------------------------------------------------------
 */

static struct m_dataset *dataset_of(struct sim *s, int32_t file)
{
        struct m_dataset *d = model_dataset(s->core->m, file + 1);
        char name[24];

        if (d)
                return d;
        snprintf(name, sizeof name, "f%d", file);
        d = model_dataset_put(s->core->m, file + 1, name);
        d->sealed = true;
        d->files = 1;
        d->bytes = s->w->files[file].bytes;
        for (const struct copy *c = s->copies_of[file]; c; c = c->next) {
                if (c->there)
                        model_dataset_site(d, c->site + 1, "/", false, 1, d->bytes)->copy = !c->original;
        }
        return d;
}

void core_job_ready(struct sim *s, int32_t job)
{
        const struct w_job *j = &s->w->jobs[job];
        AUTO_FREE struct m_dataset **inputs = xcalloc(j->inputs.n, sizeof(struct m_dataset *));
        AUTO_FREE int32_t *sites = xcalloc(j->sites.n, sizeof *sites);
        struct job_init init = {.id = job + 1,
                                .project = model_project(s->core->m, j->project + 1),
                                .name = "simulated",
                                .spec = "{}",
                                .first = 1,
                                .last = j->tasks,
                                .next = 1,
                                .need = {.slots = 1, .cpus = j->cpus},
                                .expect_ms = j->guess_ms,
                                .submitted_at = START_MS + s->now,
                                .started_at = INT64_MIN,
                                .deadline = INT64_MIN,
                                .inputs = inputs,
                                .input_count = j->inputs.n,
                                .sites = sites,
                                .site_count = j->sites.n};

        set_time(s);
        for (uint32_t i = 0; i < j->inputs.n; i++)
                inputs[i] = dataset_of(s, world_items(s->w, j->inputs)[i]);
        for (uint32_t i = 0; i < j->sites.n; i++)
                sites[i] = world_items(s->w, j->sites)[i] + 1;
        model_job_add(s->core->m, &init);
}

void core_task_ended(struct sim *s, int32_t job, int32_t task, int64_t run_ms)
{
        struct model *m = s->core->m;
        struct m_job *j = model_job(m, job + 1);
        struct m_attempt *a = model_attempt(m, job + 1, task + 1);

        set_time(s);
        model_worker_result(m, a->worker, false);
        model_attempt_close(m, a, true, run_ms);
        j->succeeded++;
        if (job_is_done(j))
                model_job_remove(m, j);
        else
                model_job_update(m, j);
}

void core_move_ended(struct sim *s, const struct move *ended)
{
        struct m_transfer *t = model_transfer(s->core->m, ended->tag);

        set_time(s);
        model_transfer_done(s->core->m, t, "/");
}

void core_copy_gone(struct sim *s, const struct copy *c)
{
        struct m_dataset *d = model_dataset(s->core->m, c->file + 1);
        struct m_site *site = site_of(s, c->site);
        size_t n = 0;

        site->storage.used -= s->w->files[c->file].bytes;
        for (size_t i = 0; d && i < d->site_count; i++) {
                if (d->sites[i].site == c->site + 1)
                        free(d->sites[i].root);
                else
                        d->sites[n++] = d->sites[i];
        }
        if (d)
                d->site_count = n;
}

bool core_keeps(const struct sim *s, const struct copy *c)
{
        const struct m_dataset *d = model_dataset(s->core->m, c->file + 1);

        return d && d->reader_count;
}

/* Bytes of each site's copies that may go: not in use, and no task waits for them. */
static void set_evictable(struct sim *s)
{
        for (size_t i = 0; i < s->w->site_n; i++) {
                struct m_storage *st = &model_site(s->core->m, (int32_t)i + 1)->storage;

                st->evictable = 0;
                if (!sim_has_quota(s, (int32_t)i))
                        continue;
                for (const struct copy *c = s->sites[i].oldest; c; c = c->newer) {
                        if (!c->pins && !core_keeps(s, c))
                                st->evictable += s->w->files[c->file].bytes;
                }
        }
}

/* ---- what decide() says ----------------------------------------------------------------------------------
 */

static void start_runs(struct sim *s)
{
        const struct plan *p = &s->core->plan;

        for (size_t i = 0; i < p->run_count; i++) {
                const struct plan_run *r = &p->runs[i];
                int32_t job = (int32_t)r->job->id - 1, site = r->worker->site->id - 1;

                for (int32_t t = r->task; t < r->task + r->count; t++) {
                        struct m_attempt *a = model_attempt(s->core->m, r->job->id, t);

                        a->state = ATTEMPT_RUNNING;
                        a->started_at = s->core->m->wall_ms;
                        s->sites[site].free -= s->w->jobs[job].cpus;
                        s->jobs[job].started++;
                        s->figures->bytes_read += (double)sim_bytes_all(s, job);
                        sim_pin(s, job, site, 1);
                        sim_start_task(s, job, t - 1, site);
                }
        }
}

static struct move *move_of(const struct sim *s, const struct m_transfer *t)
{
        struct copy *c = sim_copy(s, (int32_t)t->dataset->id - 1, t->to - 1);

        return c ? c->move : NULL;
}

static void move_data(struct sim *s)
{
        struct plan *p = &s->core->plan;

        for (size_t i = 0; i < p->cancel_count; i++) {
                struct m_transfer *t = p->cancels[i];
                struct move *m = move_of(s, t);

                if (m)
                        sim_stop_move(s, m);
                model_transfer_close(s->core->m, t);
        }
        for (size_t i = 0; i < p->start_count; i++) {
                const struct m_transfer *t = p->starts[i];
                int32_t to = t->to - 1;

                sim_start_move(s, (int32_t)t->dataset->id - 1, t->from - 1, to, t->id);
                sim_evict(s, to, core_keeps);
        }
}

/* What transfers have moved, as workers would tell now and then. */
static void tell_progress(struct sim *s)
{
        struct core *c = s->core;

        if (s->now - c->told_at < PROGRESS_MS)
                return;
        c->told_at = s->now;
        for (size_t i = 0; i < s->move_n; i++) {
                struct move *m = s->moves[i];
                struct m_transfer *t = m->active ? model_transfer(c->m, m->tag) : NULL;

                if (t)
                        model_transfer_progress(c->m, t, move_moved(s, m));
        }
}

bool core_pass(struct sim *s)
{
        struct core *c = s->core;

        set_time(s);
        tell_progress(s);
        set_evictable(s);
        decide(c->m, &c->next_decision, &c->plan);
        start_runs(s);
        move_data(s);
        /* What the model asks to be written down is not kept here. */
        while (c->m->dirty) {
                struct m_job *j = c->m->dirty;

                c->m->dirty = j->dirty_next;
                j->dirty = false;
        }
        c->m->dirty_tail = &c->m->dirty;
        return c->plan.more;
}

bool core_has_waiting(const struct sim *s)
{
        return s->core->m->ready_tasks > 0;
}
