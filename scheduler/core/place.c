/* SPDX-License-Identifier: Apache-2.0 */
#include "core/place.h"

#include "common/util.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

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

/* Tasks that may be sent to the worker ahead of free slots: what it will end within ahead_ms, by the rate it
 * shows and by what short tasks hold there now. Behind long tasks alone nothing is sent ahead: it would be
 * stuck. */
static int64_t ahead_room(const struct model *m, const struct m_shape *s, const struct m_worker *w)
{
        double run_ms = s->run_ms > 1 ? s->run_ms : 1, by_rate, by_places;

        if (!s->ended || s->run_ms >= SHORT_TASK_MS || !w->quick || m->now_ms - w->rate_at > RATE_STALE_MS)
                return 0;
        by_rate = w->rate * (double)m->ahead_ms / 1000.0;
        by_places = (double)w->quick * (double)m->ahead_ms / run_ms;
        if (by_places < by_rate)
                by_rate = by_places;
        return (by_rate < m->ahead_max ? (int64_t)by_rate : m->ahead_max) - w->ahead;
}

int64_t place_room(const struct model *m, const struct m_shape *s, const struct m_worker *w,
                   int64_t *ret_ahead)
{
        int64_t now, ahead;

        *ret_ahead = 0;
        if (!w->ready || w->disk_full || w->draining || !worker_is_large_enough(w, s) ||
            (w->reserved && w->reserved != s))
                return 0;
        now = w->ahead ? 0 : res_times(&s->need, &w->free, DECIDE_ROOM_MAX);
        ahead = ahead_room(m, s, w);
#ifdef REEVE_FAULT_oversubscribe
        ahead = 4;
#endif
        *ret_ahead = ahead > 0 ? ahead : 0;
        return now + *ret_ahead;
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

                if (!d || !d->files || model_dataset_at(d, site))
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

static bool holds_inputs(const struct model *m, const struct m_shape *s, int32_t site)
{
        const struct m_dataset *lacks;

        missing_bytes(m, s, site, &lacks);
        return !lacks;
}

/* Tasks of the shape that `max` CPUs still allow when `used` are taken; those that ask for none are not
 * limited. */
static int64_t cpu_room(const struct m_shape *s, int32_t max, int32_t used)
{
        return max && s->need.cpus > 0 ? ((int64_t)max - used) / s->need.cpus : INT32_MAX;
}

static int64_t project_room(const struct m_shape *s)
{
        const struct m_project *p = s->project;
        int64_t room = cpu_room(s, p->max_cpus, p->used_cpus);

        if (p->max_tasks && p->max_tasks - p->used_tasks < room)
                room = p->max_tasks - p->used_tasks;
        return room > 0 ? room : 0;
}

/* Tasks that the limits of project and site still allow there. */
static int64_t limit_room(const struct m_shape *s, const struct m_site *site, const struct m_site_rule *rule)
{
        int64_t room = project_room(s), k;

        if (site->max_tasks && (k = site->max_tasks - site->used_tasks) < room)
                room = k;
        if (rule && (k = cpu_room(s, rule->max_cpus, rule->used_cpus)) < room)
                room = k;
        return room > 0 ? room : 0;
}

struct look { /* what a walk over the workers of a site found */
        bool large_enough, open, ready, disk;
        int64_t room;
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
                if (w->draining)
                        continue;
                k.open = true;
                if (!w->ready)
                        continue;
                k.ready = true;
                if (w->disk_full)
                        continue;
                k.disk = true;
                k.room += place_room(m, s, w, &ahead);
        }
        return k;
}

/* Tasks of the shape that the site's ready workers hold when empty. */
static int64_t slots_of(const struct m_shape *s, const struct m_site *site)
{
        int64_t slots = 0;

        for (size_t i = 0; i < site->worker_count; i++) {
                const struct m_worker *w = site->workers[i];

                if (w->ready && !w->draining && worker_is_large_enough(w, s))
                        slots += res_times(&s->need, &w->offer, DECIDE_ROOM_MAX);
        }
        return slots > 0 ? slots : 1;
}

static bool site_is_open(const struct m_site *site)
{
        return site->intent == SITE_OPEN && !site->alarm;
}

/* The funnel: the step that drops the site, or PLACE_STEP_COUNT. `lacks`: an input is not there. */
static enum place_step funnel(const struct model *m, const struct m_shape *s, const struct m_site *site,
                              bool lacks, struct look *ret)
{
        const struct m_site_rule *rule = rule_for(site, s->project);
        int64_t limits;

        *ret = (struct look){0};
        if (site->gone)
                return PLACE_KNOWN;
        if (!site_is_open(site))
                return PLACE_OPEN;
        if (!site->all_projects && !rule)
                return PLACE_PROJECT;
        if (!site_is_named(s, site->id))
                return PLACE_NAMED;
        *ret = look_at_workers(m, s, site);
        if (!ret->large_enough)
                return PLACE_SIZE;
        if (!ret->open)
                return PLACE_OPEN;
        if (lacks)
                return PLACE_DATA;
        if (!ret->ready || site_breaker_is_open(site))
                return PLACE_HEALTH;
        if (!ret->disk)
                return PLACE_DISK;
        limits = limit_room(s, site, rule);
        if (ret->room > limits)
                ret->room = limits;
        return !limits ? PLACE_LIMITS : !ret->room ? PLACE_FREE : PLACE_STEP_COUNT;
}

struct terms { /* of the sum, in seconds */
        double wait, stage, run, out, penalty, finish;
};

/* Tasks of the shape that wait, about: those of its first job and one for each further job. */
static double backlog(const struct m_shape *s)
{
        const struct m_job *j = heap_top(&s->jobs);
        int64_t n = j ? job_waiting(j) + (int64_t)s->jobs.n - 1 : 1;

        return n > 1 ? (double)n : 1;
}

double place_run_s(const struct model *m, const struct m_shape *s, const struct m_site *site)
{
        const struct m_shape_site *at = shape_at(s, site->id);
        double run_ms = s->run_ms > 0 ? s->run_ms
                        : s->time_limit_ms > 0 && s->time_limit_ms < m->default_run_ms
                            ? (double)s->time_limit_ms
                            : m->default_run_ms;

        if (at && at->ok)
                run_ms = at->run_ms;
        return run_ms / 1000.0 / site->speed;
}

/* Price a site. `waiting`: tasks that stand in line for its next places when it is full; 0 when it is not.
 * What frees places for the shape there is its own tasks that run there, so their number sets the pace. */
static void price(const struct model *m, const struct m_shape *s, const struct m_site *site, double waiting,
                  int32_t avoid_site, struct terms *ret)
{
        const struct m_shape_site *at = shape_at(s, site->id);
        struct terms t = {.run = place_run_s(m, s, site)};

        if (waiting > 0)
                t.wait = waiting * t.run / (double)(at && at->live > 0 ? at->live : slots_of(s, site));
        t.penalty = site->failures_in_row * 30.0;
        if (at && at->early)
                t.penalty += 60.0 * (double)(at->early < 60 ? at->early : 60);
        if (avoid_site == site->id)
                t.penalty += AVOID_PENALTY_S;
        t.finish = (t.wait > t.stage ? t.wait : t.stage) + t.run + t.out + t.penalty;
        *ret = t;
}

static bool is_reserved_for_others(const struct m_shape *s, const struct m_site *site)
{
        for (size_t i = 0; i < site->worker_count; i++) {
                if (site->workers[i]->reserved && site->workers[i]->reserved != s)
                        return true;
        }
        return false;
}

/* Why a site was dropped, with the figures. */
static void say_why(const struct model *m, const struct m_shape *s, struct candidate *c,
                    const struct m_dataset *lacks)
{
        const struct m_site *site = c->site;
        struct res best = {0};
        bool serves = false;

        for (size_t i = 0; i < site->worker_count; i++) {
                const struct res *o = &site->workers[i]->offer;

                if (!worker_serves(site->workers[i], s))
                        continue;
                serves = true;
                best.cpus = o->cpus > best.cpus ? o->cpus : best.cpus;
                best.gpus = o->gpus > best.gpus ? o->gpus : best.gpus;
                best.memory = o->memory > best.memory ? o->memory : best.memory;
        }
        switch (c->step) {
        case PLACE_KNOWN:
                snprintf(c->why, sizeof c->why, "it was removed");
                break;
        case PLACE_OPEN:
                if (site_is_open(site))
                        snprintf(c->why, sizeof c->why, "its workers that could run it are draining");
                else
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
                else if (!serves)
                        snprintf(c->why, sizeof c->why, "its workers serve other projects");
                else if (!best.cpus)
                        snprintf(c->why, sizeof c->why, "none of its workers has been reached yet");
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
                snprintf(c->why, sizeof c->why, "%s",
                         is_reserved_for_others(s, site) ? "it makes room for a larger task that waited long"
                                                         : "all its slots are taken");
                break;
        case PLACE_STEP_COUNT:
                break;
        }
        (void)m;
}

void place_judge(const struct model *m, const struct m_shape *s, struct m_site *site, int32_t avoid_site,
                 bool explain, struct candidate *ret)
{
        const struct m_dataset *lacks = NULL;
        struct terms t = {0};
        struct look k;

        ret->site = site;
        ret->why[0] = '\0';
        ret->missing_bytes = missing_bytes(m, s, site->id, &lacks);
        ret->step = funnel(m, s, site, lacks, &k);
        ret->dropped = ret->step != PLACE_STEP_COUNT;
        ret->room = ret->dropped ? 0 : k.room;
        if (ret->step >= PLACE_FREE)
                price(m, s, site, !ret->dropped ? 0 : avoid_site ? 1 : backlog(s), avoid_site, &t);
        ret->wait = t.wait;
        ret->stage = t.stage;
        ret->run = t.run;
        ret->out = t.out;
        ret->penalty = t.penalty;
        ret->finish = t.finish;
        if (explain && ret->dropped)
                say_why(m, s, ret, lacks);
}

/* How near the sites came to taking a task: what the reason of a shape is made of. */
struct reach {
        bool any;
        bool would;               /* a site that is not open would take it, now or later, if it were */
        enum place_step furthest; /* step that dropped the site that came furthest */
};

/* Where a site that is not open would drop the shape if it were; PLACE_STEP_COUNT: it would do, now or later.
 * A worker that was never reached may be as large as it likes. */
static enum place_step step_if_open(const struct m_shape *s, const struct m_site *site, bool lacks)
{
        bool large = false;

        if (!site->all_projects && !rule_for(site, s->project))
                return PLACE_PROJECT;
        if (!site_is_named(s, site->id))
                return PLACE_NAMED;
        for (size_t i = 0; i < site->worker_count && !large; i++) {
                const struct m_worker *w = site->workers[i];

                large = worker_serves(w, s) && (!w->offer_known || res_fits(&s->need, &w->offer));
        }
        return !large ? PLACE_SIZE : lacks ? PLACE_DATA : PLACE_STEP_COUNT;
}

static void reach_add(struct reach *r, const struct m_shape *s, const struct m_site *site,
                      enum place_step step, bool lacks)
{
        r->any = true;
        if (step == PLACE_OPEN) {
                step = step_if_open(s, site, lacks);
                r->would = r->would || step == PLACE_STEP_COUNT;
        }
        if (step != PLACE_STEP_COUNT && step > r->furthest)
                r->furthest = step;
}

/* The reason of a shape: the furthest step that any site reached says what is to be waited for. A site that
 * would do if it were open comes before those that lack room or data. */
static enum wait_reason reason_of(const struct m_shape *s, const struct reach *r)
{
        static const enum wait_reason reasons[] = {
            [PLACE_KNOWN] = WAIT_NO_SITE, [PLACE_OPEN] = WAIT_CLOSED,    [PLACE_PROJECT] = WAIT_NO_SITE,
            [PLACE_NAMED] = WAIT_NO_SITE, [PLACE_SIZE] = WAIT_TOO_LARGE, [PLACE_DATA] = WAIT_INPUT_NOWHERE,
            [PLACE_HEALTH] = WAIT_DOWN,   [PLACE_DISK] = WAIT_DISK_FULL, [PLACE_LIMITS] = WAIT_SITE_LIMIT,
            [PLACE_FREE] = WAIT_BUSY,
        };
        const struct m_project *p = s->project;

        if (!r->any)
                return WAIT_NO_SITE;
        if (r->would && r->furthest < PLACE_HEALTH)
                return WAIT_CLOSED;
        if (r->furthest == PLACE_LIMITS && ((p->max_tasks && p->used_tasks >= p->max_tasks) ||
                                            (p->max_cpus && p->used_cpus + s->need.cpus > p->max_cpus)))
                return WAIT_PROJECT_LIMIT;
        return reasons[r->furthest];
}

/* Is a full site worth waiting for while another could start the task? Only where run times are known and
 * places of it will be freed by tasks of the same shape: behind strangers the wait could be any. */
static bool may_be_waited_for(const struct m_shape *s, const struct m_site *site)
{
        const struct m_shape_site *at = s->ended >= WAIT_KNOWN_ENDS ? shape_at(s, site->id) : NULL;

        return at && at->live > 0 && !s->reserved;
}

static bool is_better(const struct m_shape *s, const struct candidate *a, const struct candidate *b)
{
        bool a_waits = a->dropped, b_waits = b->dropped;

        if (a_waits != b_waits && !may_be_waited_for(s, a_waits ? a->site : b->site))
                return !a_waits;
        if (a->finish != b->finish)
                return a->finish < b->finish;
        return a->site->id < b->site->id;
}

size_t place_all(const struct model *m, const struct m_shape *s, int32_t avoid_site, bool explain,
                 struct candidate *out, size_t max, int *ret_best, enum wait_reason *ret_wait)
{
        struct reach reach = {.furthest = PLACE_KNOWN};
        int best = -1;
        size_t n = 0;

        for (size_t i = 0; i < m->site_cap && n < max; i++) {
                struct candidate *c = &out[n];

                if (!m->sites[i] || m->sites[i]->gone)
                        continue;
                place_judge(m, s, m->sites[i], avoid_site, explain, c);
                reach_add(&reach, s, c->site, c->step,
                          c->step == PLACE_OPEN && !holds_inputs(m, s, c->site->id));
                if ((!c->dropped || c->step == PLACE_FREE) && (best < 0 || is_better(s, c, &out[best])))
                        best = (int)n;
                n++;
        }
        *ret_wait = WAIT_NONE;
        if (best < 0 || out[best].dropped) {
                *ret_wait = best < 0 ? reason_of(s, &reach) : WAIT_BUSY;
                best = -1;
        }
        *ret_best = best;
        return n;
}

/* ---- the sites that a shape can go to in a pass ----------------------------------------------------------
 */

/* For each site the number of inputs it holds, all of them when it equals *ret_all. NULL when there are none
 * to hold. Goes from the replicas, which are few, and not over all sites. */
static int32_t *count_inputs_held(const struct model *m, const struct m_shape *s, int32_t *ret_all)
{
        int32_t *held = s->input_count ? xcalloc(m->site_cap, sizeof *held) : NULL;
        int32_t all = 0;

        for (size_t i = 0; i < s->input_count; i++) {
                const struct m_dataset *d = model_dataset(m, s->inputs[i]);

                if (!d || !d->files)
                        continue;
                for (size_t k = 0; k < d->site_count; k++) {
                        const struct m_dataset_site *at = &d->sites[k];

                        if (at->site > 0 && (size_t)at->site < m->site_cap && at->files == d->files &&
                            held[at->site] == all)
                                held[at->site] = all + 1;
                }
                all++;
        }
        *ret_all = all;
        return held;
}

static int option_order(const void *a, const void *b)
{
        const struct option *x = a, *y = b;

        if (x->finish != y->finish)
                return x->finish < y->finish ? -1 : 1;
        return (x->site->id > y->site->id) - (x->site->id < y->site->id);
}

/* The site is full: note what waiting for it would come to. */
static void note_full(const struct model *m, const struct m_shape *s, const struct m_site *site,
                      struct options *o)
{
        struct terms all, one;

        if (!may_be_waited_for(s, site))
                return;
        price(m, s, site, backlog(s), 0, &all);
        price(m, s, site, 1, 0, &one);
        if (all.finish < o->wait_all)
                o->wait_all = all.finish;
        if (one.finish < o->wait_one) {
                o->wait_one = one.finish;
                o->wait_one_site = site->id;
        }
}

/* A site's part in the fingerprint of an answer: whether it was in, and its price to about half of it. A site
 * that fills up and frees again is the same answer. */
static uint64_t answer_part(const struct m_site *site, enum place_step step, double finish)
{
        bool in = step >= PLACE_FREE;
        int64_t size = in && finish > 0 ? (int64_t)(log(finish) * 2.0) : 0;

        return hash_mix((uint64_t)site->id ^ (uint64_t)(in ? 99 : step) << 32 ^ (uint64_t)size << 40);
}

/* Take each site through the funnel; returns the step of each by id (meaningless where there is no site), and
 * how many can be used. */
static uint8_t *sift(const struct model *m, const struct m_shape *s, size_t *ret_n, enum wait_reason *ret_why)
{
        uint8_t *steps = xmalloc(m->site_cap);
        int32_t all, *held = count_inputs_held(m, s, &all);
        struct reach reach = {.furthest = PLACE_KNOWN};
        struct look k;
        size_t n = 0;

        for (size_t i = 0; i < m->site_cap; i++) {
                const struct m_site *site = m->sites[i];
                bool lacks = held && held[i] < all;

                if (!site || site->gone)
                        continue;
                steps[i] = funnel(m, s, site, lacks, &k);
                n += steps[i] == PLACE_STEP_COUNT;
                reach_add(&reach, s, site, (enum place_step)steps[i], lacks);
        }
        free(held);
        *ret_n = n;
        *ret_why = n ? WAIT_NONE : reason_of(s, &reach);
        return steps;
}

void options_make(const struct model *m, const struct m_shape *s, struct options *ret)
{
        struct options o = {.wait_all = INFINITY, .wait_one = INFINITY};
        size_t n;
        AUTO_FREE uint8_t *steps = sift(m, s, &n, &o.why);

        *ret = o;
        if (!n) /* usual on a busy grid: nothing to price */
                return;
        o.at = xcalloc(n, sizeof *o.at);
        for (size_t i = 0; i < m->site_cap; i++) {
                struct m_site *site = m->sites[i];
                struct terms t = {0};

                if (!site || site->gone)
                        continue;
                if (steps[i] >= PLACE_FREE)
                        price(m, s, site, 0, 0, &t);
                if (steps[i] == PLACE_STEP_COUNT)
                        o.at[o.n++] = (struct option){site, t.finish};
                else if (steps[i] == PLACE_FREE)
                        note_full(m, s, site, &o);
                o.hash = o.hash * 31 + answer_part(site, steps[i], t.finish);
        }
        qsort(o.at, o.n, sizeof *o.at, option_order);
        *ret = o;
}

void options_release(struct options *o)
{
        free(o->at);
        *o = (struct options){0};
}

/* Tasks of the shape that can go to a site that was found usable in this pass. */
static int64_t room_now(const struct model *m, const struct m_shape *s, struct m_site *site,
                        struct options *o)
{
        struct look k = look_at_workers(m, s, site);
        int64_t limits = limit_room(s, site, rule_for(site, s->project));

        if (!k.room)
                note_full(m, s, site, o);
        return k.room < limits ? k.room : limits;
}

struct m_site *options_pick(const struct model *m, const struct m_shape *s, struct options *o,
                            int32_t avoid_site, int64_t *ret_room, enum wait_reason *ret_wait)
{
        struct m_site *avoided = NULL;
        double avoided_finish = 0, wait;
        int64_t avoided_room = 0;

        *ret_wait = !o->n ? o->why : project_room(s) ? WAIT_BUSY : WAIT_PROJECT_LIMIT;
        if (*ret_wait != WAIT_BUSY)
                return NULL;
        for (size_t i = o->first; i < o->n; i++) {
                struct option *at = &o->at[i];
                int64_t room = room_now(m, s, at->site, o);

                if (!room) {
                        o->first += i == o->first;
                        continue;
                }
                if (avoid_site && at->site->id == avoid_site) {
                        avoided = at->site;
                        avoided_finish = at->finish + AVOID_PENALTY_S;
                        avoided_room = room;
                        continue;
                }
                if (avoided && avoided_finish < at->finish)
                        break;
                if ((avoid_site ? o->wait_one : o->wait_all) < at->finish)
                        return NULL;
                *ret_room = room;
                return at->site;
        }
        wait = o->wait_one_site == avoid_site ? INFINITY : o->wait_one;
        if (!avoided || wait < avoided_finish)
                return NULL;
        *ret_room = avoided_room;
        return avoided;
}

/* ---- room for large tasks --------------------------------------------------------------------------------
 */

bool place_is_suitable(const struct model *m, const struct m_shape *s, const struct m_worker *w)
{
        struct look k;

        return w->ready && !w->disk_full && !w->draining && worker_is_large_enough(w, s) &&
               funnel(m, s, w->site, !holds_inputs(m, s, w->site->id), &k) >= PLACE_FREE;
}

bool place_was_passed_over(const struct model *m, const struct m_shape *s)
{
        for (size_t i = 0; i < m->worker_cap; i++) {
                const struct m_worker *w = m->workers[i];

                if (w && w->filled > s->wait_turn && place_is_suitable(m, s, w))
                        return true;
        }
        return false;
}

struct m_worker *place_nearest_to_room(const struct model *m, const struct m_shape *s)
{
        struct m_worker *best = NULL;
        double best_part = -INFINITY;

        for (size_t i = 0; i < m->worker_cap; i++) {
                struct m_worker *w = m->workers[i];
                double part;

                if (!w || w->reserved || !place_is_suitable(m, s, w))
                        continue;
                part = res_part(&s->need, &w->free);
                if (part > best_part) {
                        best_part = part;
                        best = w;
                }
        }
        return best;
}

static bool limit_allows_one(int32_t max_cpus, const struct m_shape *s)
{
        return !max_cpus || s->need.cpus <= max_cpus;
}

bool place_can_ever(const struct model *m, const struct m_shape *s)
{
        if (!limit_allows_one(s->project->max_cpus, s))
                return false;
        for (size_t i = 0; i < m->site_cap; i++) {
                const struct m_site *site = m->sites[i];
                const struct m_site_rule *rule = site ? rule_for(site, s->project) : NULL;

                if (!site || site->gone || (!site->all_projects && !rule) || !site_is_named(s, site->id) ||
                    (rule && !limit_allows_one(rule->max_cpus, s)))
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
        bool waits = job_waiting(j) > 0;

        if (!waits && job_elements_waiting(j) <= 0)
                return WAIT_NONE;
        if (j->held)
                return WAIT_HELD;
        if (!waits || job_is_blocked(j))
                return WAIT_AFTER;
        for (size_t i = 0; i < j->input_count; i++) {
                if (j->inputs[i]->removed)
                        return WAIT_INPUT_NOWHERE;
                if (!j->inputs[i]->sealed)
                        return WAIT_INPUT_PENDING;
        }
        if (j->throttle && j->live >= j->throttle)
                return WAIT_THROTTLE;
        if ((j->elementwise || j->next > j->last) && j->retry_count && j->retries[0].due > m->wall_ms)
                return WAIT_BACKOFF;
        if (j->shape->wait_pass != m->pass)
                return j->wait == WAIT_NEW ? WAIT_NEW : WAIT_PRIORITY;
        if (j->shape->wait == WAIT_BUSY && heap_top(&j->shape->jobs) != j)
                return WAIT_PRIORITY;
        return j->shape->wait;
}
