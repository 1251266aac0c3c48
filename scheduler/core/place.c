/* SPDX-License-Identifier: Apache-2.0 */
#include "core/place_priv.h"

#include "common/util.h"
#include "core/ledger.h"
#include "core/parts.h"
#include "core/space.h"
#include "core/transfer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *place_step_name(enum place_step s)
{
#define STEP_NAME_(sym, name) [sym] = name,
        static const char *const names[] = {PLACE_STEPS(STEP_NAME_)};

        return s < PLACE_STEP_COUNT ? names[s] : "unknown";
}

bool worker_serves(const struct m_worker *w, const struct m_shape *s)
{
        return !w->gone && (!w->project || w->project == s->project->id);
}

/* Is the worker large enough, whatever it is doing now? */
bool worker_is_large_enough(const struct m_worker *w, const struct m_shape *s)
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

const struct m_site_rule *rule_for(const struct m_site *site, const struct m_project *p)
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

/* ---- the inputs ------------------------------------------------------------------------------------------
 */

#define SOURCES_SEEN 16 /* different sources of a shape's inputs that are told apart */

struct by_source { /* inputs from one source follow one another on its link */
        int32_t from;
        double first, moving; /* when the first of them would be there; time that the others add */
};

static double add_way(struct by_source *seen, size_t *n, const struct way *w)
{
        struct by_source *b = seen;

        if (w->on_its_way || !w->from)
                return w->seconds;
        while (b < seen + *n && b->from != w->from)
                b++;
        if (b == seen + SOURCES_SEEN)
                return w->seconds;
        if (b == seen + *n) {
                *b = (struct by_source){w->from, w->seconds, 0};
                ++*n;
                return w->seconds;
        }
        b->moving += w->moving;
        return b->first + b->moving;
}

/* The step at which one input stops the site, or PLACE_STEP_COUNT. */
static enum place_step input_step(const struct m_dataset *d, const struct m_site *site, const struct way *w)
{
        if (!d)
                return PLACE_DATA;
        if (!dataset_may_be_at(d, site))
                return PLACE_POLICY;
        /* What moved to the last byte is there when it was published, and not before. */
        if (!w->bytes && !w->seconds && !w->on_its_way)
                return PLACE_STEP_COUNT;
        return isinf(w->seconds) ? PLACE_DATA : PLACE_STAGE;
}

/* All of it, and it stays. */
static bool dataset_is_at(const struct m_dataset *d, int32_t site)
{
        const struct m_dataset_site *at = model_dataset_at(d, site);

        return at && !at->leaving;
}

void stage_glance(const struct model *m, const struct m_shape *s, const struct m_site *site,
                  struct stage *ret)
{
        *ret = (struct stage){.step = PLACE_STEP_COUNT};
        for (size_t i = 0; i < s->input_count && ret->step == PLACE_STEP_COUNT; i++) {
                const struct m_dataset *d = s->data[i];

                if (!d || !dataset_may_be_at(d, site) ||
                    (d->files && !dataset_is_at(d, site->id) &&
                     !(parts_are_of(s, d) && parts_ready(m, s, site))))
                        ret->step = PLACE_STAGE;
        }
}

/* Tasks that would read a copy of it at a site of so many slots: whoever waits for it, of this shape or
 * another. */
static double sharers(const struct model *m, const struct m_shape *s, struct m_dataset *d, int64_t slots)
{
        double n = fmin(fmax(dataset_wanted(m, d), shape_backlog(s)), (double)slots);

        return n > 1 ? n : 1;
}

void stage_of(const struct model *m, const struct m_shape *s, const struct m_site *site, struct stage *ret)
{
        struct by_source seen[SOURCES_SEEN];
        int64_t most = 0, slots = s->input_count ? slots_of(s, site) : 1;
        size_t n = 0;

        *ret = (struct stage){.step = PLACE_STEP_COUNT, .on_its_way = true};
        for (size_t i = 0; i < s->input_count; i++) {
                const struct m_dataset *d = s->data[i];
                struct way w = {0};
                enum place_step step;
                double at;

                if (d && d->files && parts_are_of(s, d))
                        parts_way(m, s, site, &w);
                else if (d && d->files)
                        dataset_way(m, d, site, &w);
                step = input_step(d, site, &w);
                if (step == PLACE_STEP_COUNT)
                        continue;
                if (parts_are_of(s, d))
                        ret->part_pace = parts_pace(s, &w);
                if (step < ret->step || !ret->first)
                        ret->first = d;
                if (step < ret->step)
                        ret->step = step;
                ret->missing += w.bytes;
                if (!w.on_its_way && !w.pledged)
                        ret->fresh += w.bytes;
                ret->on_its_way = ret->on_its_way && w.on_its_way;
                ret->moving += w.moving;
                if (!w.on_its_way && d)
                        ret->share += w.moving / sharers(m, s, s->data[i], slots);
                if (w.from && (w.bytes > most || !ret->from)) {
                        most = w.bytes;
                        ret->from = w.from;
                }
                at = add_way(seen, &n, &w);
                ret->seconds = at > ret->seconds ? at : ret->seconds;
        }
        if (ret->step != PLACE_STAGE || !ret->fresh)
                return;
        ret->unknown = site->storage.unknown;
        if (!ret->unknown && ret->fresh > space_for(site, s))
                ret->step = PLACE_SPACE;
}

/* ---- limits ----------------------------------------------------------------------------------------------
 */

/* Tasks of the shape that `max` CPUs still allow when `used` are taken; those that ask for none are not
 * limited. */
static int64_t cpu_room(const struct m_shape *s, int32_t max, int32_t used)
{
        return max && s->need.cpus > 0 ? ((int64_t)max - used) / s->need.cpus : INT32_MAX;
}

int64_t project_room(const struct m_shape *s)
{
        const struct m_project *p = s->project;
        int64_t room = cpu_room(s, p->max_cpus, p->used_cpus);

        if (p->max_tasks && p->max_tasks - p->used_tasks < room)
                room = p->max_tasks - p->used_tasks;
        return room > 0 ? room : 0;
}

static int64_t live_at(const struct m_shape *s, const struct m_site *site)
{
        const struct m_shape_site *at = shape_at(s, site->id);

        return at ? at->live : 0;
}

/* Nothing of the shape has ended well anywhere yet, and here it only failed early: perhaps the site eats
 * tasks. One at a time finds out. */
static bool is_unproven(const struct m_shape *s, const struct m_site *site)
{
        const struct m_shape_site *at = s->ended ? NULL : shape_at(s, site->id);

        return at && at->early > 0;
}

/* Tasks that the limits of project and site still allow there. */
int64_t limit_room(const struct m_shape *s, const struct m_site *site, const struct m_site_rule *rule)
{
        int64_t room = project_room(s), k;

        if (site->max_tasks && (k = site->max_tasks - site->used_tasks) < room)
                room = k;
        if (rule && (k = cpu_room(s, rule->max_cpus, rule->used_cpus)) < room)
                room = k;
        if (is_unproven(s, site) && (k = 1 - live_at(s, site)) < room)
                room = k;
        return room > 0 ? room : 0;
}

struct look look_at_workers(const struct model *m, const struct m_shape *s, const struct m_site *site)
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
        if (s->parts && k.room) {
                int64_t ready = parts_ready(m, s, site);

                k.room = k.room < ready ? k.room : ready;
        }
        return k;
}

/* Tasks of the shape that the site's ready workers hold when empty. */
int64_t slots_of(const struct m_shape *s, const struct m_site *site)
{
        int64_t slots = 0;

        for (size_t i = 0; i < site->worker_count; i++) {
                const struct m_worker *w = site->workers[i];

                if (w->ready && !w->draining && worker_is_large_enough(w, s))
                        slots += res_times(&s->need, &w->offer, DECIDE_ROOM_MAX);
        }
        return slots > 0 ? slots : 1;
}

bool site_is_open(const struct m_site *site)
{
        return site->intent == SITE_OPEN && !site->alarm;
}

enum place_step funnel(const struct model *m, const struct m_shape *s, const struct m_site *site,
                       const struct stage *stage, struct look *ret)
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
        if (stage->step < PLACE_STAGE)
                return stage->step;
        if (!ret->ready || site_breaker_is_open(site))
                return PLACE_HEALTH;
        if (!ret->disk)
                return PLACE_DISK;
        if (stage->unknown)
                return PLACE_SPACE;
        limits = limit_room(s, site, rule);
        if (ret->room > limits)
                ret->room = limits;
        if (!limits || stage->step == PLACE_STAGE)
                return !limits ? PLACE_LIMITS : PLACE_STAGE;
        return !ret->room ? PLACE_FREE : PLACE_STEP_COUNT;
}

double shape_backlog(const struct m_shape *s)
{
        const struct m_job *j = heap_top(&s->jobs);
        int64_t n = j ? job_waiting(j) + (int64_t)s->jobs.n - 1 : 1;

        return n > 1 ? (double)n : 1;
}

double shape_cpus(const struct m_shape *s)
{
        return s->need.cpus > 0 ? s->need.cpus : 1;
}

double place_run_s(const struct model *m, const struct m_shape *s, const struct m_site *site)
{
        return shape_run_ms(m, s, site->id) / 1000.0 / site->speed;
}

void terms_sum(struct terms *t)
{
        t->finish = (t->wait > t->stage ? t->wait : t->stage) + t->run + t->out + t->price + t->penalty;
}

/* What a second of moving costs the shape's first job: less the longer it waits. */
static double bytes_price(const struct model *m, const struct m_shape *s)
{
        const struct m_job *j = heap_top(&s->jobs);
        double waited = j && m->wall_ms > j->submitted_at ? (double)(m->wall_ms - j->submitted_at) : 0;

        return m->bytes_fade_ms > 0 && waited < (double)m->bytes_fade_ms
                   ? m->bytes_price * (1 - waited / (double)m->bytes_fade_ms)
                   : 0;
}

void price(const struct model *m, const struct m_shape *s, const struct m_site *site,
           const struct stage *stage, int32_t avoid_site, struct terms *ret)
{
        const struct m_shape_site *at = shape_at(s, site->id);
        struct terms t = {.run = place_run_s(m, s, site), .stage = stage->seconds};

        if (stage->share > 0)
                t.price = bytes_price(m, s) * stage->share;
        t.penalty = site->failures_in_row * 30.0;
        if (at && at->early)
                t.penalty += 60.0 * (double)(at->early < 60 ? at->early : 60);
        if (avoid_site == site->id)
                t.penalty += AVOID_PENALTY_S;
        terms_sum(&t);
        *ret = t;
}

/* How long `waiting` tasks that stand in line for the next places take to get theirs. What frees places for
 * the shape is its own tasks that run there, so their number sets the pace. */
static double line_wait(const struct model *m, const struct m_shape *s, const struct m_site *site,
                        double waiting)
{
        int64_t live = live_at(s, site);

        return waiting * place_run_s(m, s, site) / (double)(live > 0 ? live : slots_of(s, site));
}

static double wait_at(const struct model *m, const struct m_shape *s, struct candidate *c, int32_t avoid_site)
{
        if (c->step == PLACE_FREE)
                return line_wait(m, s, c->site, avoid_site ? 1 : shape_backlog(s));
        return c->step == PLACE_STAGE ? ledger_wait(m, c->site, shape_cpus(s), 0) : 0;
}

void place_judge(const struct model *m, const struct m_shape *s, struct m_site *site, int32_t avoid_site,
                 bool explain, struct candidate *ret)
{
        struct stage stage;
        struct terms t = {0};
        struct look k;

        *ret = (struct candidate){.site = site};
        stage_of(m, s, site, &stage);
        ret->missing_bytes = stage.missing;
        ret->step = funnel(m, s, site, &stage, &k);
        ret->dropped = ret->step != PLACE_STEP_COUNT;
        ret->room = ret->dropped ? 0 : k.room;
        if (candidate_is_priced(ret)) {
                price(m, s, site, &stage, avoid_site, &t);
                t.wait = wait_at(m, s, ret, avoid_site);
                terms_sum(&t);
        }
        ret->wait = t.wait;
        ret->stage = t.stage;
        ret->run = t.run;
        ret->run_is = shape_run_is(s, site->id);
        ret->out = t.out;
        ret->price = t.price;
        ret->penalty = t.penalty;
        ret->finish = t.finish;
        ret->from = stage.from;
        ret->on_its_way = stage.missing && stage.on_its_way;
        if (explain && ret->dropped)
                say_why(s, ret, &stage);
}

/* Where a site that is not open would drop the shape if it were; PLACE_STEP_COUNT: it would do, now or later.
 * A worker that was never reached may be as large as it likes. */
static enum place_step step_if_open(const struct m_shape *s, const struct m_site *site,
                                    const struct stage *stage)
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
        return !large ? PLACE_SIZE : stage->step < PLACE_STAGE ? stage->step : PLACE_STEP_COUNT;
}

void reach_add(struct reach *r, const struct m_shape *s, const struct m_site *site, enum place_step step,
               const struct stage *stage)
{
        r->any = true;
        if (step == PLACE_OPEN) {
                step = step_if_open(s, site, stage);
                r->would = r->would || step == PLACE_STEP_COUNT;
        }
        if (step != PLACE_STEP_COUNT && step > r->furthest)
                r->furthest = step;
}

/* The reason of a shape: the furthest step that any site reached says what is to be waited for. A site that
 * would do if it were open comes before those that lack room or data. */
enum wait_reason reason_of(const struct m_shape *s, const struct reach *r)
{
        static const enum wait_reason reasons[] = {
            [PLACE_KNOWN] = WAIT_NO_SITE, [PLACE_OPEN] = WAIT_CLOSED,    [PLACE_PROJECT] = WAIT_NO_SITE,
            [PLACE_NAMED] = WAIT_NO_SITE, [PLACE_SIZE] = WAIT_TOO_LARGE, [PLACE_DATA] = WAIT_INPUT_NOWHERE,
            [PLACE_POLICY] = WAIT_POLICY, [PLACE_SPACE] = WAIT_NO_SPACE, [PLACE_STAGE] = WAIT_STAGING,
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

/* Where run times are known, and something happens by itself: data arrives, or places fall free because tasks
 * of the same shape run there. Behind strangers the wait could be any. */
bool may_be_waited_for(const struct m_shape *s, const struct m_site *site, enum place_step step)
{
        if (s->reserved || !shape_run_is_known(s))
                return false;
        return step == PLACE_STAGE || (s->ended >= WAIT_KNOWN_ENDS && live_at(s, site) > 0);
}

static bool is_better(const struct m_shape *s, const struct candidate *a, const struct candidate *b)
{
        bool a_waits = a->dropped, b_waits = b->dropped;

        if (a_waits != b_waits &&
            !may_be_waited_for(s, a_waits ? a->site : b->site, a_waits ? a->step : b->step))
                return !a_waits;
        if (a->finish != b->finish)
                return a->finish < b->finish;
        return a->site->id < b->site->id;
}

size_t place_all(const struct model *m, const struct m_shape *s, int32_t avoid_site, bool explain,
                 struct candidate *out, size_t max, int *ret_best, enum wait_reason *ret_wait)
{
        struct reach reach = {.furthest = PLACE_KNOWN};
        struct stage stage = {0};
        int best = -1;
        size_t n = 0;

        for (size_t i = 0; i < m->site_cap && n < max; i++) {
                struct candidate *c = &out[n];

                if (!m->sites[i] || m->sites[i]->gone)
                        continue;
                place_judge(m, s, m->sites[i], avoid_site, explain, c);
                if (c->step == PLACE_OPEN)
                        stage_of(m, s, c->site, &stage);
                reach_add(&reach, s, c->site, c->step, &stage);
                if (candidate_is_priced(c) && (best < 0 || is_better(s, c, &out[best])))
                        best = (int)n;
                n++;
        }
        *ret_wait = WAIT_NONE;
        if (best < 0 || out[best].dropped) {
                *ret_wait = best < 0                        ? reason_of(s, &reach)
                            : out[best].step == PLACE_STAGE ? WAIT_STAGING
                                                            : WAIT_BUSY;
                best = -1;
        }
        *ret_best = best;
        return n;
}

/* ---- room for large tasks --------------------------------------------------------------------------------
 */

bool place_is_suitable(const struct model *m, const struct m_shape *s, const struct m_worker *w)
{
        struct stage stage;
        struct look k;

        if (!w->ready || w->disk_full || w->draining || !worker_is_large_enough(w, s))
                return false;
        stage_of(m, s, w->site, &stage);
        return funnel(m, s, w->site, &stage, &k) >= PLACE_FREE;
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
        if (j->not_before > m->wall_ms)
                return WAIT_NOT_YET;
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
