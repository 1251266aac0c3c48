/* SPDX-License-Identifier: Apache-2.0 */
/* Random histories of the model: things come, run, fail, are held, cancelled and taken away, and passes place
 * what they can. After each step the model is compared with a recount, and what a pass opened with every rule
 * it must keep.
 *
 *     sim-histories [SEED [STEPS]]      one history, told step by step
 *     sim-histories                     a few thousand short ones; the first wrong one is named by its seed
 */
#include "common/ids.h"
#include "common/util.h"
#include "core/transfer.h"
#include "tests/unit/scene.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HISTORIES    3000
#define STEPS        60
#define JOBS_MAX     8 /* live at once */
#define DATASETS_MAX 3

struct history {
        struct model *m;
        uint64_t random;
        int64_t next_job, next_decision;
        int32_t next_site, next_data;
        struct plan plan;
        bool tell, data;
        char wrong[300];
};

static uint64_t random_to(struct history *h, uint64_t n)
{
        h->random = hash_mix(h->random + 0x9e3779b97f4a7c15ULL);
        return h->random % n;
}

static bool chance(struct history *h, uint64_t percent)
{
        return random_to(h, 100) < percent;
}

__attribute__((format(printf, 2, 3))) static void tell(struct history *h, const char *fmt, ...)
{
        va_list ap;

        if (!h->tell)
                return;
        va_start(ap, fmt);
        vprintf(fmt, ap);
        va_end(ap);
        putchar('\n');
}

__attribute__((format(printf, 2, 3))) static void accuse(struct history *h, const char *fmt, ...)
{
        va_list ap;

        if (*h->wrong)
                return;
        va_start(ap, fmt);
        vsnprintf(h->wrong, sizeof h->wrong, fmt, ap);
        va_end(ap);
}

/* ---- picking ----------------------------------------------------------------------------------------------
 */

/* The value that comes at a random place of the map, or NULL; the walk is in the order of keys' cells, which
 * the history alone decides. */
static void *any_of(struct history *h, const struct map *map)
{
        uint64_t skip;
        void *v;

        if (!map->n)
                return NULL;
        skip = random_to(h, map->n);
        for (size_t i = 0; (v = map_next(map, &i)) && skip--;)
                ;
        return v;
}

static struct m_worker *any_worker(struct history *h)
{
        int32_t n = 0;

        while (model_worker(h->m, n + 1))
                n++;
        return n ? model_worker(h->m, 1 + (int32_t)random_to(h, (uint64_t)n)) : NULL;
}

static struct m_site *any_site(struct history *h)
{
        return h->next_site > 1 ? model_site(h->m, 1 + (int32_t)random_to(h, (uint64_t)(h->next_site - 1)))
                                : NULL;
}

/* ---- what happens -----------------------------------------------------------------------------------------
 */

static void add_site(struct history *h)
{
        AUTO_FREE char *line = NULL;

        if (h->next_site > 6)
                return;
        line = xasprintf(
            "site s%d cpus=%d memory=%d gpus=%d slots=%d speed=%d workers=%d max_tasks=%d quota=%d %s",
            h->next_site++, (int)random_to(h, 8) + 1, (int)random_to(h, 16) + 1, (int)random_to(h, 3),
            (int)random_to(h, 12) + 1, (int)random_to(h, 3) + 1, (int)random_to(h, 3),
            chance(h, 30) ? (int)random_to(h, 5) + 1 : 0, chance(h, 50) ? (int)random_to(h, 3000) : 0,
            chance(h, 20)   ? "only=p only_cpus=3"
            : chance(h, 20) ? "only=q only_cpus=4 others"
            : chance(h, 20) ? "project=p"
                            : "");
        tell(h, "%s", line);
        scene_add(h->m, line);
}

static void add_data(struct history *h)
{
        AUTO_FREE char *line = NULL;
        AUTO_FREE char *at =
            h->next_site > 1 ? xasprintf("at=s%d", 1 + (int)random_to(h, (uint64_t)h->next_site - 1)) : NULL;

        if (h->m->datasets.n >= DATASETS_MAX)
                return;
        line = xasprintf("data d%d files=%d %s %s", h->next_data++, (int)random_to(h, 3), at ? at : "",
                         chance(h, 30) ? "open" : "");
        tell(h, "%s", line);
        scene_add(h->m, line);
}

static void add_job(struct history *h)
{
        static const char *const projects[] = {"p", "q", "r"};
        AUTO_FREE char *line = NULL, *after = NULL, *needs = NULL;
        const struct m_dataset *d = any_of(h, &h->m->datasets), *e = any_of(h, &h->m->datasets);

        if (h->m->jobs.n >= JOBS_MAX)
                return;
        if (chance(h, 20) && h->next_job > 1)
                after = xasprintf("after=%d %s", 1 + (int)random_to(h, (uint64_t)h->next_job - 1),
                                  chance(h, 50) ? "elementwise" : "");
        if (d && chance(h, h->data ? 90 : 40)) {
                bool both = e != d && chance(h, 30);

                needs = xasprintf("needs=%s%s%s", d->name, both ? "," : "", both ? e->name : "");
        }
        line = xasprintf(
            "job %lld project=%s tasks=%d cpus=%d memory=%d gpus=%d priority=%d throttle=%d %s %s %s %s",
            (long long)h->next_job++, projects[random_to(h, 3)], (int)random_to(h, 40) + 1,
            (int)random_to(h, 5), (int)random_to(h, 4), chance(h, 10), (int)random_to(h, 3),
            chance(h, 30) ? (int)random_to(h, 4) + 1 : 0, after ? after : "", chance(h, 10) ? "held" : "",
            chance(h, 10) ? "nospec" : "", needs ? needs : "");
        tell(h, "%s", line);
        scene_add(h->m, line);
}

static void end_attempt(struct history *h)
{
        struct m_attempt *a = any_of(h, &h->m->attempts);
        struct m_job *j;
        struct m_retry r;
        bool well = chance(h, 60), site_fault = chance(h, 50);
        int64_t run_ms = chance(h, 10)   ? -1
                         : chance(h, 60) ? (int64_t)random_to(h, 50)
                                         : (int64_t)random_to(h, 90000);

        if (!a)
                return;
        j = a->job;
        tell(h, "end %lld.%d %s after %lld ms", (long long)j->id, a->key.task, well ? "well" : "badly",
             (long long)run_ms);
        r = (struct m_retry){.task = a->key.task,
                             .attempt = a->key.attempt,
                             .task_failures = a->task_failures + !site_fault,
                             .site_failures = a->site_failures + site_fault,
                             .avoid_site = chance(h, 70) ? a->worker->site->id : 0,
                             .due = h->m->wall_ms + (int64_t)random_to(h, 3000)};
        model_worker_result(h->m, a->worker, !well && site_fault);
        model_attempt_close(h->m, a, well, run_ms);
        if (well)
                j->succeeded++;
        else if (j->cancelling)
                j->cancelled++;
        else if (r.task_failures > 2 || r.site_failures > 3)
                j->failed++;
        else
                model_job_retry(h->m, j, &r);
        model_job_update(h->m, j);
}

static void end_many(struct history *h)
{
        for (uint64_t n = random_to(h, 12); n; n--)
                end_attempt(h);
}

static void hold_or_release(struct history *h)
{
        struct m_job *j = any_of(h, &h->m->jobs);

        if (!j)
                return;
        j->held = !j->held;
        tell(h, "%s %lld", j->held ? "hold" : "release", (long long)j->id);
        model_job_update(h->m, j);
}

static void cancel_job(struct history *h)
{
        struct m_job *j = any_of(h, &h->m->jobs);

        if (!j || j->cancelling)
                return;
        tell(h, "cancel %lld", (long long)j->id);
        j->cancelling = true;
        h->m->ready_tasks -= job_waiting(j);
        j->cancelled += (int32_t)(job_waiting(j) + job_elements_waiting(j));
        j->retry_count = j->skip_count = 0;
        j->next = j->elementwise ? j->next : j->last + 1;
        model_job_update(h->m, j);
}

static void cancel_task(struct history *h)
{
        struct m_job *j = any_of(h, &h->m->jobs);
        int32_t task;
        bool queued;

        if (!j || j->cancelling)
                return;
        task = j->retry_count && chance(h, 50) ? j->retries[random_to(h, j->retry_count)].task
                                               : j->first + (int32_t)random_to(h, (uint64_t)job_total(j));
        tell(h, "cancel %lld.%d", (long long)j->id, task);
        if (!model_attempt(h->m, j->id, task) && model_job_drop_task(h->m, j, task, &queued))
                j->cancelled++;
}

static void remove_done_jobs(struct history *h)
{
        for (int64_t id = 1; id < h->next_job; id++) {
                struct m_job *j = model_job(h->m, id);

                if (!j || !job_is_done(j))
                        continue;
                tell(h, "remove %lld", (long long)id);
                for (const struct m_dependents *d = model_dependents(h->m, id); d->n;) {
                        struct m_job *w = model_job(h->m, d->jobs[0]);

                        for (size_t i = 0; i < w->after_count; i++)
                                w->after[i].met = w->after[i].met || w->after[i].job == id;
                        model_job_update(h->m, w);
                        break;
                }
                model_job_remove(h->m, j);
        }
}

/* An element of an element-wise job is released: one that still waits for the other job. */
static void release_element(struct history *h)
{
        struct m_job *j = any_of(h, &h->m->jobs);
        struct m_retry r = {.due = h->m->wall_ms};

        if (!j || !j->elementwise || j->cancelling)
                return;
        r.task = j->first + (int32_t)random_to(h, (uint64_t)job_total(j));
        if (job_element_has_left(j, r.task))
                return;
        tell(h, "element %lld.%d", (long long)j->id, r.task);
        model_job_retry(h->m, j, &r);
}

static void change_worker(struct history *h)
{
        struct m_worker *w = any_worker(h);
        struct res offer;

        if (!w)
                return;
        offer = w->offer;
        switch (random_to(h, 3)) {
        case 0:
                w->ready = !w->ready;
                break;
        case 1:
                w->disk_full = !w->disk_full;
                break;
        default:
                offer.cpus = (int32_t)random_to(h, 9);
                offer.slots = (int32_t)random_to(h, 12);
                model_worker_offer(h->m, w, &offer);
        }
        tell(h, "worker %d: ready %d, disk full %d, %d CPUs, %d slots", w->id, w->ready, w->disk_full,
             w->offer.cpus, w->offer.slots);
}

static void change_site(struct history *h)
{
        struct m_site *s = any_site(h);

        if (!s)
                return;
        switch (random_to(h, 4)) {
        case 0:
                s->intent = s->intent == SITE_OPEN ? SITE_DRAINING : SITE_OPEN;
                break;
        case 1:
                model_site_probe_result(h->m, s, chance(h, 70));
                break;
        case 2:
                s->max_tasks = chance(h, 50) ? (int32_t)random_to(h, 6) + 1 : 0;
                break;
        default: {
                struct m_site_rule rule = {.project = 1, .max_cpus = (int32_t)random_to(h, 9)};

                model_site_rules(h->m, s, &rule, chance(h, 50));
        }
        }
        tell(h, "site %s: %s, breaker %s, at most %d tasks, %zu rules", s->name, site_intent_name(s->intent),
             site_breaker_is_open(s) ? "open" : "closed", s->max_tasks, s->rule_count);
}

static void change_project(struct history *h)
{
        struct m_project *p = model_project(h->m, 1 + (int32_t)random_to(h, 3));

        if (!p)
                return;
        p->max_cpus = chance(h, 50) ? (int32_t)random_to(h, 12) + 1 : 0;
        p->max_tasks = chance(h, 50) ? (int32_t)random_to(h, 12) + 1 : 0;
        tell(h, "project %s: at most %d CPUs, %d tasks", p->name, p->max_cpus, p->max_tasks);
}

static void change_data(struct history *h)
{
        struct m_dataset *d = any_of(h, &h->m->datasets);

        if (!d || !d->users)
                return;
        if (chance(h, 70))
                d->sealed = true;
        else
                d->removed = !d->removed;
        tell(h, "data %s: sealed %d, removed %d", d->name, d->sealed, d->removed);
        model_dataset_changed(h->m, d);
}

static void change_policy(struct history *h)
{
        struct m_dataset *d = any_of(h, &h->m->datasets);
        int32_t allowed[8];
        size_t n = 0;

        if (!d)
                return;
        for (int32_t i = 1; i < h->next_site && n < ARRAY_LEN(allowed); i++) {
                if (chance(h, 50))
                        allowed[n++] = i;
        }
        if (chance(h, 60))
                model_dataset_allow_all(d);
        else
                model_dataset_allow(d, allowed, n);
        tell(h, "data %s: %s", d->name, d->restricted ? "restricted" : "anywhere");
}

/* Something becomes of a transfer: bytes move, it ends well, badly, or as it was cancelled. */
static void change_transfer(struct history *h)
{
        struct m_transfer *t = any_of(h, &h->m->transfers);

        if (!t)
                return;
        tell(h, "transfer %lld of %s to %d", (long long)t->id, t->dataset->name, t->to);
        if (t->cancelling)
                model_transfer_close(h->m, t);
        else if (t->state == TRANSFER_QUEUED)
                return;
        else if (chance(h, 40))
                model_transfer_progress(h->m, t, (int64_t)random_to(h, (uint64_t)t->bytes + 2));
        else if (chance(h, 60))
                model_transfer_done(h->m, t, "/copies");
        else
                (void)model_transfer_failed(h->m, t, (enum transfer_fault)random_to(h, 4));
}

static void change_priority(struct history *h)
{
        struct m_job *j = any_of(h, &h->m->jobs);

        if (!j)
                return;
        tell(h, "priority of %lld", (long long)j->id);
        model_job_priority(h->m, j, (int32_t)random_to(h, 5));
}

static void let_time_pass(struct history *h)
{
        int64_t ms = (int64_t)(chance(h, 10) ? random_to(h, 100000) : random_to(h, 400));

        tell(h, "%lld ms pass", (long long)ms);
        h->m->now_ms += ms;
        h->m->wall_ms += chance(h, 3) ? -ms : ms; /* the wall clock may be set back */
        model_wake(h->m);
}

/* ---- a pass and what it must keep -------------------------------------------------------------------------
 */

static bool site_holds_inputs(const struct m_job *j, const struct m_site *s)
{
        for (size_t i = 0; i < j->input_count; i++) {
                if ((j->inputs[i]->files && !model_dataset_at(j->inputs[i], s->id)) ||
                    !dataset_may_be_at(j->inputs[i], s))
                        return false;
        }
        return true;
}

static void judge_limits(struct history *h, const struct m_job *j, const struct m_site *s)
{
        const struct m_project *p = j->shape->project;
        bool may_use = s->all_projects;

        if (p->max_tasks && p->used_tasks > p->max_tasks)
                accuse(h, "project %s has %d tasks of at most %d", p->name, p->used_tasks, p->max_tasks);
        if (p->max_cpus && j->shape->need.cpus && p->used_cpus > p->max_cpus)
                accuse(h, "project %s uses %d CPUs of at most %d", p->name, p->used_cpus, p->max_cpus);
        if (s->max_tasks && s->used_tasks > s->max_tasks)
                accuse(h, "site %s has %d tasks of at most %d", s->name, s->used_tasks, s->max_tasks);
        for (size_t i = 0; i < s->rule_count; i++) {
                if (s->rules[i].project != p->id)
                        continue;
                may_use = true;
                if (s->rules[i].max_cpus && j->shape->need.cpus &&
                    s->rules[i].used_cpus > s->rules[i].max_cpus)
                        accuse(h, "project %s uses %d CPUs of at most %d at %s", p->name,
                               s->rules[i].used_cpus, s->rules[i].max_cpus, s->name);
        }
        if (!may_use)
                accuse(h, "project %s may not use %s", p->name, s->name);
}

/* After taking `need` something is below zero that it asked for. What it did not ask for may be: an offer can
 * shrink below what runs. */
static bool takes_too_much(const struct res *need, const struct res *free)
{
        return (need->slots && free->slots < 0) || (need->cpus && free->cpus < 0) ||
               (need->gpus && free->gpus < 0) || (need->memory && free->memory < 0);
}

static void judge_run(struct history *h, const struct plan_run *r)
{
        const struct m_job *j = r->job;
        const struct m_site *s = r->worker->site;

        for (int32_t t = r->task; t < r->task + r->count; t++) {
                const struct m_attempt *a = model_attempt(h->m, j->id, t);

                if (!a || a->worker != r->worker || a->key.attempt != r->attempt ||
                    a->decision != r->decision)
                        accuse(h, "%lld.%d is in the plan but not open as planned", (long long)j->id, t);
                else if (!a->ahead && takes_too_much(&j->shape->need, &r->worker->free))
                        accuse(h, "worker %d holds more than it offers after %lld.%d", r->worker->id,
                               (long long)j->id, t);
        }
        if (j->held || j->cancelling || job_is_blocked(j) || !j->spec)
                accuse(h, "job %lld was placed but may not go", (long long)j->id);
        if (j->throttle && j->live > j->throttle)
                accuse(h, "job %lld runs %d of at most %d", (long long)j->id, j->live, j->throttle);
        if (s->intent != SITE_OPEN || site_breaker_is_open(s) || !r->worker->ready || r->worker->disk_full)
                accuse(h, "job %lld was placed at %s, which takes nothing", (long long)j->id, s->name);
        if (r->worker->project && r->worker->project != j->shape->project->id)
                accuse(h, "job %lld was placed on the worker of another project", (long long)j->id);
        if (!site_holds_inputs(j, s))
                accuse(h, "job %lld was placed where its inputs are not", (long long)j->id);
        if (!r->decision)
                accuse(h, "job %lld was placed without a decision", (long long)j->id);
        judge_limits(h, j, s);
}

/* A place that is free now, not one ahead of free places: those come with the short tasks of the pass itself.
 */
static bool has_free_place(const struct model *m, const struct m_shape *s, const struct m_site *site)
{
        for (size_t i = 0; i < site->worker_count; i++) {
                int64_t ahead, room = place_room(m, s, site->workers[i], &ahead);

                if (room > ahead)
                        return true;
        }
        return false;
}

/* What could go must have gone: a pass that leaves a job busy leaves no worker where it fits and may go. */
static void judge_idle(struct history *h)
{
        struct m_job *j;

        for (size_t i = 0; (j = map_next(&h->m->jobs, &i));) {
                struct options o;
                int64_t room;
                enum wait_reason why;

                if (heap_top(&j->shape->jobs) != j || !j->spec || j->shape->wait != WAIT_BUSY ||
                    j->shape->reserved)
                        continue;
                options_make(h->m, j->shape, true, &o);
                const struct m_site *site = j->retry_count && j->retries[0].avoid_site
                                                ? NULL
                                                : options_pick(h->m, j->shape, &o, 0, &room, &why);
                if (site && has_free_place(h->m, j->shape, site))
                        accuse(h, "job %lld was left waiting although it could go", (long long)j->id);
                options_release(&o);
        }
}

/* Data is never sent to where it may not be, nor to where none is taken. */
static void judge_transfers(struct history *h)
{
        for (size_t i = 0; i < h->plan.start_count; i++) {
                const struct m_transfer *t = h->plan.starts[i];
                const struct m_site *to = model_site(h->m, t->to);

                if (!dataset_may_be_at(t->dataset, to))
                        accuse(h, "%s is sent to %s against its policy", t->dataset->name, to->name);
                if (!t->from || t->from == t->to || !model_dataset_at(t->dataset, t->from))
                        accuse(h, "%s is sent to %s from where it is not", t->dataset->name, to->name);
        }
        for (size_t i = 0; i < h->plan.transfer_count; i++) {
                const struct m_transfer *t = h->plan.transfers[i];
                const struct m_site *to = model_site(h->m, t->to);

                if (!to->storage.accept || to->storage.used + to->storage.pledged > to->storage.quota)
                        accuse(h, "%s is sent to %s, which has no room", t->dataset->name, to->name);
        }
}

static void run_pass(struct history *h)
{
        AUTO_FREE char *text = NULL;

        decide(h->m, &h->next_decision, &h->plan);
        text = scene_plan(&h->plan);
        tell(h, "pass: %s", text);
        for (size_t i = 0; i < h->plan.run_count; i++)
                judge_run(h, &h->plan.runs[i]);
        judge_transfers(h);
        if (!h->plan.more)
                judge_idle(h);
        for (size_t i = 0; i < h->plan.want_count; i++) {
                if (!h->plan.want_spec[i]->spec)
                        h->plan.want_spec[i]->spec = xstrdup("{}");
        }
}

static const struct {
        void (*happen)(struct history *h);
        uint64_t weight;
} events[] = {
    {add_site, 4},        {add_data, 3},         {add_job, 14},       {end_attempt, 10},
    {end_many, 16},       {hold_or_release, 4},  {cancel_job, 2},     {cancel_task, 6},
    {release_element, 6}, {change_worker, 6},    {change_site, 5},    {change_project, 3},
    {change_data, 2},     {change_priority, 2},  {let_time_pass, 12}, {remove_done_jobs, 4},
    {change_policy, 2},   {change_transfer, 12}, {run_pass, 30},
};

static void one_step(struct history *h)
{
        uint64_t sum = 0, pick;
        size_t i = 0;

        for (size_t k = 0; k < ARRAY_LEN(events); k++)
                sum += events[k].weight;
        for (pick = random_to(h, sum); pick >= events[i].weight; i++)
                pick -= events[i].weight;
        events[i].happen(h);
}

/* Small sites that take copies, and data at one of them: much of it will be moved. */
static void begin_with_data(struct history *h)
{
        scene_add(h->m, "site s1 cpus=1 quota=5000\nsite s2 cpus=2 quota=5000\nsite s3 cpus=2 quota=2500\n"
                        "data d0 files=2 at=s1\ndata d1 files=1 at=s1,s2");
        h->next_site = 4;
        h->next_data = 2;
        h->data = true;
}

/* True when all was right. */
static bool run_history(uint64_t seed, int steps, bool aloud, int64_t *ret_opened)
{
        struct history h = {.m = scene("project p\nproject q share=2\nproject r share=0.5"),
                            .random = seed,
                            .next_job = 1,
                            .next_decision = 1,
                            .next_site = 1,
                            .tell = aloud};

        h.m->reserve_ms = 500;
        h.m->ahead_ms = 1000;
        if (seed % 2)
                begin_with_data(&h);
        else
                add_site(&h);
        for (int i = 0; i < steps && !*h.wrong; i++) {
                AUTO_FREE char *wrong = NULL;

                one_step(&h);
                *ret_opened += h.plan.placed;
                h.plan.placed = 0;
                wrong = scene_audit(h.m);
                if (wrong)
                        accuse(&h, "%s", wrong);
                if (*h.wrong)
                        printf("seed %llu, step %d: %s\n", (unsigned long long)seed, i, h.wrong);
        }
        plan_release(&h.plan);
        model_free(h.m);
        return !*h.wrong;
}

int main(int argc, char **argv)
{
        int64_t opened = 0;
        uint64_t first = 1;
        int wrong = 0;

        if (argc > 1)
                return !run_history(strtoull(argv[1], NULL, 10), argc > 2 ? atoi(argv[2]) : STEPS, true,
                                    &opened);
        for (uint64_t seed = first; seed < first + HISTORIES && wrong < 5; seed++)
                wrong += !run_history(seed, seed % 100 ? STEPS : 20 * STEPS, false, &opened);
        printf("%s: seeds %llu to %llu, %lld attempts opened\n", wrong ? "not ok" : "ok",
               (unsigned long long)first, (unsigned long long)(first + HISTORIES - 1), (long long)opened);
        return wrong != 0;
}
