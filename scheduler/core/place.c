/* SPDX-License-Identifier: Apache-2.0 */
#include "core/place.h"

#include "common/util.h"

#include <stdio.h>
#include <string.h>

#define SHORT_TASK_MS 1000 /* only tasks that are shorter are sent ahead of free slots */

const char *place_step_name(enum place_step s)
{
#define STEP_NAME_(sym, name) [sym] = name,
        static const char *const names[] = {PLACE_STEPS(STEP_NAME_)};

        return s < PLACE_STEP_COUNT ? names[s] : "unknown";
}

static bool worker_serves(const struct m_worker *w, const struct m_shape *s)
{
        return !w->gone && (!w->project || w->project == s->project->id);
}

/* Is the worker large enough, whatever it is doing now? */
static bool worker_is_large_enough(const struct m_worker *w, const struct m_shape *s)
{
        return worker_serves(w, s) && w->offer_known && res_fits(&s->need, &w->offer);
}

int64_t place_room(const struct model *m, const struct m_shape *s, const struct m_worker *w,
                   int64_t *ret_ahead)
{
        int64_t now, ahead = 0;

        *ret_ahead = 0;
        if (!w->ready || w->disk_full || !worker_is_large_enough(w, s))
                return 0;
        now = w->ahead ? 0 : res_times(&s->need, &w->free, DECIDE_ROOM_MAX);
        if (s->ended && s->run_ms < SHORT_TASK_MS) {
                ahead = (int64_t)(w->rate * (double)m->ahead_ms / 1000.0);
                ahead = (ahead < m->ahead_max ? ahead : m->ahead_max) - w->ahead;
                if (ahead < 0)
                        ahead = 0;
        }
        *ret_ahead = ahead;
        return now + ahead;
}

static const struct m_site_rule *rule_for(const struct m_site *site, const struct m_project *p)
{
        for (size_t i = 0; i < site->rule_count; i++) {
                if (site->rules[i].project == p->id)
                        return &site->rules[i];
        }
        return NULL;
}

static bool site_is_named(const struct m_shape *s, int32_t site)
{
        for (size_t i = 0; i < s->site_count; i++) {
                if (s->sites[i] == site)
                        return true;
        }
        return s->site_count == 0;
}

/* Bytes of the inputs that are not at the site; *ret_first names one of them. */
static int64_t missing_bytes(const struct model *m, const struct m_shape *s, int32_t site,
                             const struct m_dataset **ret_first)
{
        int64_t missing = 0;

        *ret_first = NULL;
        for (size_t i = 0; i < s->input_count; i++) {
                const struct m_dataset *d = model_dataset(m, s->inputs[i]);
                int64_t most = 0;

                if (!d || model_dataset_at(d, site))
                        continue;
                for (size_t k = 0; k < d->site_count; k++) {
                        if (d->sites[k].site == site && d->sites[k].bytes > most)
                                most = d->sites[k].bytes;
                }
                missing += d->bytes - most;
                if (!*ret_first)
                        *ret_first = d;
        }
        return missing;
}

/* Tasks that the limits of project and site still allow there. */
static int64_t limit_room(const struct m_shape *s, const struct m_site *site)
{
        const struct m_project *p = s->project;
        const struct m_site_rule *rule = rule_for(site, p);
        int64_t room = INT32_MAX, k;
        int32_t cpus = s->need.cpus > 0 ? s->need.cpus : 1;

        if (p->max_tasks && (k = p->max_tasks - p->used_tasks) < room)
                room = k;
        if (p->max_cpus && (k = (p->max_cpus - p->used_cpus) / cpus) < room)
                room = k;
        if (site->max_tasks && (k = site->max_tasks - site->used_tasks) < room)
                room = k;
        if (rule && rule->max_cpus && (k = (rule->max_cpus - rule->used_cpus) / cpus) < room)
                room = k;
        return room > 0 ? room : 0;
}

struct look { /* what a walk over the workers of a site found */
        bool large_enough, ready, disk;
        int64_t room;
        int64_t slots; /* tasks of the shape its ready workers hold when empty */
};

static struct look look_at_workers(const struct model *m, const struct m_shape *s, const struct m_site *site)
{
        struct look k = {0};

        for (size_t i = 0; i < site->worker_count; i++) {
                const struct m_worker *w = site->workers[i];
                int64_t ahead;

                if (!worker_is_large_enough(w, s))
                        continue;
                k.large_enough = true;
                if (!w->ready)
                        continue;
                k.ready = true;
                if (w->disk_full)
                        continue;
                k.disk = true;
                k.room += place_room(m, s, w, &ahead);
                k.slots += res_times(&s->need, &w->offer, DECIDE_ROOM_MAX);
        }
        return k;
}

static void drop(struct candidate *c, enum place_step step)
{
        c->dropped = true;
        c->step = step;
}

/* The sum, in seconds. */
static void price(const struct model *m, const struct m_shape *s, const struct look *k, int32_t avoid_site,
                  struct candidate *c)
{
        const struct m_shape_site *at = NULL;
        double run_ms = s->run_ms > 0 ? s->run_ms
                        : s->time_limit_ms > 0 && s->time_limit_ms < m->default_run_ms
                            ? (double)s->time_limit_ms
                            : m->default_run_ms;

        for (size_t i = 0; i < s->at_count && !at; i++) {
                if (s->at[i].site == c->site->id)
                        at = &s->at[i];
        }
        if (at && at->ok)
                run_ms = at->run_ms;
        c->run = run_ms / 1000.0 / c->site->speed;
        c->wait = c->room > 0 || k->slots == 0 ? 0 : c->run / (double)k->slots;
        c->penalty = c->site->failures_in_row * 30.0;
        if (at && at->early)
                c->penalty += 60.0 * (double)(at->early < 60 ? at->early : 60);
        if (avoid_site == c->site->id)
                c->penalty += 600.0;
        c->finish = (c->wait > c->stage ? c->wait : c->stage) + c->run + c->out + c->penalty;
}

/* Why a site was dropped, with the figures. */
static void say_why(const struct model *m, const struct m_shape *s, struct candidate *c,
                    const struct m_dataset *lacks)
{
        const struct m_site *site = c->site;
        struct res best = {0};

        for (size_t i = 0; i < site->worker_count; i++) {
                const struct res *o = &site->workers[i]->offer;

                if (!worker_serves(site->workers[i], s))
                        continue;
                best.cpus = o->cpus > best.cpus ? o->cpus : best.cpus;
                best.gpus = o->gpus > best.gpus ? o->gpus : best.gpus;
                best.memory = o->memory > best.memory ? o->memory : best.memory;
        }
        switch (c->step) {
        case PLACE_KNOWN:
                snprintf(c->why, sizeof c->why, "it was removed");
                break;
        case PLACE_OPEN:
                snprintf(c->why, sizeof c->why, "it is %s%s", site_intent_name(site->intent),
                         site->alarm ? " with an alarm" : "");
                break;
        case PLACE_PROJECT:
                snprintf(c->why, sizeof c->why, "project %s may not use it", s->project->name);
                break;
        case PLACE_NAMED:
                snprintf(c->why, sizeof c->why, "the job names other sites");
                break;
        case PLACE_SIZE:
                if (!site->worker_count)
                        snprintf(c->why, sizeof c->why, "it has no worker");
                else if (s->need.cpus > best.cpus)
                        snprintf(c->why, sizeof c->why, "wants %d CPUs, its largest worker has %d",
                                 s->need.cpus, best.cpus);
                else if (s->need.memory > best.memory)
                        snprintf(c->why, sizeof c->why,
                                 "wants %.1f GiB of memory, its largest worker has %.1f GiB",
                                 (double)s->need.memory / (1 << 30), (double)best.memory / (1 << 30));
                else if (s->need.gpus > best.gpus)
                        snprintf(c->why, sizeof c->why, "wants %d GPUs, its largest worker has %d",
                                 s->need.gpus, best.gpus);
                else
                        snprintf(c->why, sizeof c->why,
                                 "no worker of it offers all that is asked for together");
                break;
        case PLACE_DATA:
                snprintf(c->why, sizeof c->why, "lacks %.80s (%lld bytes missing in all)",
                         lacks ? lacks->name : "an input", (long long)c->missing_bytes);
                break;
        case PLACE_HEALTH:
                snprintf(c->why, sizeof c->why, "%s",
                         site_breaker_is_open(site)
                             ? "tasks fail there; a probe decides when it is used again"
                             : "no worker of it that is large enough is connected");
                break;
        case PLACE_DISK:
                snprintf(c->why, sizeof c->why, "its disk is full");
                break;
        case PLACE_LIMITS:
                snprintf(c->why, sizeof c->why, "a limit of the site or of project %s is reached",
                         s->project->name);
                break;
        case PLACE_FREE:
                snprintf(c->why, sizeof c->why, "all its slots are taken");
                break;
        case PLACE_STEP_COUNT:
                break;
        }
        (void)m;
}

void place_judge(const struct model *m, const struct m_shape *s, struct m_site *site, int32_t avoid_site,
                 bool explain, struct candidate *ret)
{
        struct candidate c = {.site = site};
        const struct m_dataset *lacks = NULL;
        const struct m_site_rule *rule = rule_for(site, s->project);
        struct look k = look_at_workers(m, s, site);
        int64_t limits = limit_room(s, site);

        c.room = k.room < limits ? k.room : limits;
        c.missing_bytes = missing_bytes(m, s, site->id, &lacks);
        if (site->gone)
                drop(&c, PLACE_KNOWN);
        else if (site->intent != SITE_OPEN || site->alarm)
                drop(&c, PLACE_OPEN);
        else if (!site->all_projects && !rule)
                drop(&c, PLACE_PROJECT);
        else if (!site_is_named(s, site->id))
                drop(&c, PLACE_NAMED);
        else if (!k.large_enough)
                drop(&c, PLACE_SIZE);
        else if (lacks)
                drop(&c, PLACE_DATA);
        else if (!k.ready || site_breaker_is_open(site))
                drop(&c, PLACE_HEALTH);
        else if (!k.disk)
                drop(&c, PLACE_DISK);
        else if (!limits)
                drop(&c, PLACE_LIMITS);
        else if (!c.room)
                drop(&c, PLACE_FREE);
        if (!c.dropped || c.step >= PLACE_FREE)
                price(m, s, &k, avoid_site, &c);
        if (explain && c.dropped)
                say_why(m, s, &c, lacks);
        *ret = c;
}

/* The reason of a shape: the furthest step that any site reached says what is to be waited for. */
static enum wait_reason reason_of(const struct m_shape *s, enum place_step furthest, bool any)
{
        static const enum wait_reason reasons[] = {
            [PLACE_KNOWN] = WAIT_NO_SITE, [PLACE_OPEN] = WAIT_CLOSED,    [PLACE_PROJECT] = WAIT_NO_SITE,
            [PLACE_NAMED] = WAIT_NO_SITE, [PLACE_SIZE] = WAIT_TOO_LARGE, [PLACE_DATA] = WAIT_INPUT_NOWHERE,
            [PLACE_HEALTH] = WAIT_DOWN,   [PLACE_DISK] = WAIT_DISK_FULL, [PLACE_LIMITS] = WAIT_SITE_LIMIT,
            [PLACE_FREE] = WAIT_BUSY,
        };
        const struct m_project *p = s->project;

        if (!any)
                return WAIT_NO_SITE;
        if (furthest == PLACE_LIMITS && ((p->max_tasks && p->used_tasks >= p->max_tasks) ||
                                         (p->max_cpus && p->used_cpus + s->need.cpus > p->max_cpus)))
                return WAIT_PROJECT_LIMIT;
        return reasons[furthest];
}

/* A full site that would still finish first is worth waiting for, once run times are known. */
static bool is_better(const struct m_shape *s, const struct candidate *a, const struct candidate *b)
{
        bool a_waits = a->dropped, b_waits = b->dropped;

        if (a_waits != b_waits && s->ended < 16)
                return !a_waits;
        if (a->finish != b->finish)
                return a->finish < b->finish;
        return a->site->id < b->site->id;
}

size_t place_all(const struct model *m, const struct m_shape *s, int32_t avoid_site, bool explain,
                 struct candidate *out, size_t max, int *ret_best, enum wait_reason *ret_wait)
{
        enum place_step furthest = PLACE_KNOWN;
        int best = -1;
        bool any = false;
        size_t n = 0;

        for (size_t i = 0; i < m->site_cap && n < max; i++) {
                struct candidate *c = &out[n];

                if (!m->sites[i] || m->sites[i]->gone)
                        continue;
                place_judge(m, s, m->sites[i], avoid_site, explain, c);
                any = true;
                if (c->dropped && c->step > furthest)
                        furthest = c->step;
                if ((!c->dropped || c->step == PLACE_FREE) && (best < 0 || is_better(s, c, &out[best])))
                        best = (int)n;
                n++;
        }
        *ret_wait = WAIT_NONE;
        if (best < 0 || out[best].dropped) {
                *ret_wait = best < 0 ? reason_of(s, furthest, any) : WAIT_BUSY;
                best = -1;
        }
        *ret_best = best;
        return n;
}

bool place_can_ever(const struct model *m, const struct m_shape *s)
{
        for (size_t i = 0; i < m->site_cap; i++) {
                const struct m_site *site = m->sites[i];

                if (!site || site->gone || (!site->all_projects && !rule_for(site, s->project)) ||
                    !site_is_named(s, site->id))
                        continue;
                for (size_t k = 0; k < site->worker_count; k++) {
                        const struct m_worker *w = site->workers[k];

                        /* A worker that was never reached may be as large as it likes. */
                        if (worker_serves(w, s) && (!w->offer_known || res_fits(&s->need, &w->offer)))
                                return true;
                }
        }
        return false;
}

enum wait_reason job_wait_reason(const struct model *m, const struct m_job *j)
{
        if (j->held)
                return WAIT_HELD;
        if (job_waiting(j) == 0)
                return j->elementwise && !job_is_done(j) && !j->live ? WAIT_AFTER : WAIT_NONE;
        if (job_is_blocked(j))
                return WAIT_AFTER;
        for (size_t i = 0; i < j->input_count; i++) {
                if (!j->inputs[i]->sealed)
                        return WAIT_INPUT_PENDING;
                if (j->inputs[i]->removed)
                        return WAIT_INPUT_NOWHERE;
        }
        if (j->throttle && j->live >= j->throttle)
                return WAIT_THROTTLE;
        if ((j->elementwise || j->next > j->last) && j->retry_count && j->retries[0].due > m->wall_ms)
                return WAIT_BACKOFF;
        if (j->shape->wait_pass == m->pass && j->shape->wait != WAIT_NONE)
                return heap_top(&j->shape->jobs) == j || j->shape->wait != WAIT_BUSY ? j->shape->wait
                                                                                     : WAIT_PRIORITY;
        return WAIT_BUSY;
}
