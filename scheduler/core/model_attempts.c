/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model.h"

#include "common/util.h"

#include <math.h>
#include <string.h>

static uint64_t attempt_map_key(int64_t job, int32_t task)
{
        return (uint64_t)job << 32 | (uint32_t)task;
}

struct m_attempt *model_attempt(const struct model *m, int64_t job, int32_t task)
{
        return map_get(&m->attempts, attempt_map_key(job, task));
}

static void ahead_push(struct m_worker *w, struct m_attempt *a)
{
        a->ahead = true;
        a->ahead_prev = w->ahead_last;
        a->ahead_next = NULL;
        if (w->ahead_last)
                w->ahead_last->ahead_next = a;
        else
                w->ahead_first = a;
        w->ahead_last = a;
        w->ahead++;
}

static void ahead_remove(struct m_worker *w, struct m_attempt *a)
{
        if (a->ahead_prev)
                a->ahead_prev->ahead_next = a->ahead_next;
        else
                w->ahead_first = a->ahead_next;
        if (a->ahead_next)
                a->ahead_next->ahead_prev = a->ahead_prev;
        else
                w->ahead_last = a->ahead_prev;
        a->ahead = false;
        a->ahead_prev = a->ahead_next = NULL;
        w->ahead--;
}

static struct m_site_rule *rule_for(struct m_site *s, const struct m_project *p)
{
        for (size_t i = 0; i < s->rule_count; i++) {
                if (s->rules[i].project == p->id)
                        return &s->rules[i];
        }
        return NULL;
}

/* What a run costs its project. A task that asks for no CPU is charged as if for one: free use would put its
 * project before all others for good. */
static double cpu_seconds(const struct m_shape *s, double run_ms)
{
        return (s->need.cpus > 0 ? s->need.cpus : 1) * run_ms / 1000.0;
}

/* Count an attempt in (+1) or out (-1) of every limit it stands under. */
static void count(struct m_attempt *a, int32_t by)
{
        struct m_shape *s = a->job->shape;
        struct m_site_rule *rule = rule_for(a->worker->site, s->project);

        a->job->live += by;
        s->live += by;
        shape_site(s, a->worker->site->id)->live += by;
        s->project->used_tasks += by;
        s->project->used_cpus += by * s->need.cpus;
        a->worker->site->used_tasks += by;
        if (rule)
                rule->used_cpus += by * s->need.cpus;
}

static void site_add(struct m_attempt *a)
{
        struct m_site *s = a->worker->site;

        a->site_prev = NULL;
        a->site_next = s->attempts;
        if (s->attempts)
                s->attempts->site_prev = a;
        s->attempts = a;
}

static void site_remove(struct m_attempt *a)
{
        if (a->site_prev)
                a->site_prev->site_next = a->site_next;
        else
                a->worker->site->attempts = a->site_next;
        if (a->site_next)
                a->site_next->site_prev = a->site_prev;
}

/* Take the attempt's resources from its worker (or give them back). Which are short is settled here: what
 * is sent ahead relies on places that change hands often. */
static void hold(struct m_attempt *a)
{
        const struct m_shape *s = a->job->shape;

        a->quick = s->ended && s->run_ms < SHORT_TASK_MS;
        a->worker->quick += a->quick;
        res_take(&a->worker->free, &s->need, 1);
}

static void unhold(struct m_attempt *a)
{
        a->worker->quick -= a->quick;
        res_give(&a->worker->free, &a->job->shape->need, 1);
}

struct m_attempt *model_attempt_open(struct model *m, struct m_job *j, struct m_worker *w, int32_t task,
                                     int32_t attempt, bool ahead)
{
        struct m_attempt *a = m->spare;

        if (a)
                m->spare = a->ahead_next;
        else
                a = xmalloc(sizeof *a);
        *a = (struct m_attempt){
            .key = {.job = j->id, .task = task, .attempt = attempt},
            .job = j,
            .worker = w,
            .state = ATTEMPT_STARTING,
            .placed_at = m->wall_ms,
            .started_at = INT64_MIN,
        };
        if (ahead)
                ahead_push(w, a);
        else
                hold(a);
        count(a, 1);
        site_add(a);
        a->charged = cpu_seconds(j->shape, j->shape->run_ms > 0 ? j->shape->run_ms : 1000.0);
        model_charge(m, j->shape->project, a->charged);
        map_put(&m->attempts, attempt_map_key(j->id, task), a);
        job_element_leaves(j, task);
        return a;
}

void model_worker_promote(struct model *m, struct m_worker *w)
{
        struct m_attempt *a;

        (void)m;
        while ((a = w->ahead_first) && res_fits(&a->job->shape->need, &w->free)) {
                ahead_remove(w, a);
                hold(a);
        }
}

/* Index of the first entry of the shape whose site is not lower. */
static size_t shape_site_index(const struct m_shape *s, int32_t site)
{
        size_t low = 0, high = s->at_count;

        while (low < high) {
                size_t mid = (low + high) / 2;

                if (s->at[mid].site < site)
                        low = mid + 1;
                else
                        high = mid;
        }
        return low;
}

const struct m_shape_site *shape_at(const struct m_shape *s, int32_t site)
{
        size_t i = shape_site_index(s, site);

        return i < s->at_count && s->at[i].site == site ? &s->at[i] : NULL;
}

struct m_shape_site *shape_site(struct m_shape *s, int32_t site)
{
        size_t i = shape_site_index(s, site);

        if (i < s->at_count && s->at[i].site == site)
                return &s->at[i];
        s->at = xgrow(s->at, s->at_count, &s->at_cap, sizeof *s->at);
        memmove(&s->at[i + 1], &s->at[i], (s->at_count++ - i) * sizeof *s->at);
        s->at[i] = (struct m_shape_site){.site = site};
        return &s->at[i];
}

bool shape_blames_site(const struct m_shape *s, int32_t site)
{
        bool fails_here = false, works_elsewhere = false;

        for (size_t i = 0; i < s->at_count; i++) {
                if (s->at[i].site == site)
                        fails_here = s->at[i].early >= EARLY_FAILURES;
                else
                        works_elsewhere = works_elsewhere || (s->at[i].ok > 0 && s->at[i].early == 0);
        }
        return fails_here && works_elsewhere;
}

/* Smooth towards the newest value: an average at first, then one part in sixteen. */
static void smooth(double *mean, int64_t n, double value)
{
        *mean += (value - *mean) / (double)(n < 16 ? n : 16);
}

static void learn(struct m_attempt *a, bool well, int64_t run_ms)
{
        struct m_shape *s = a->job->shape;
        struct m_shape_site *at = shape_site(s, a->worker->site->id);

        if (well) {
                at->ok++;
                at->early = 0;
                smooth(&at->run_ms, at->ok, (double)run_ms * a->worker->site->speed);
                smooth(&s->run_ms, ++s->ended, (double)run_ms * a->worker->site->speed);
                smooth(&s->kind->run_ms, ++s->kind->ended, (double)run_ms * a->worker->site->speed);
                smooth(&s->project->run_log, ++s->project->ended,
                       log((run_ms > 1 ? (double)run_ms : 1) * a->worker->site->speed));
        } else if (run_ms < EARLY_MS) {
                at->early++;
        }
        s->learned = s->kind->learned = s->project->learned = true;
}

double shape_run_ms(const struct model *m, const struct m_shape *s, int32_t site)
{
        const struct m_shape_site *at = site ? shape_at(s, site) : NULL;

        if (at && at->ok)
                return at->run_ms;
        if (s->run_ms > 0)
                return s->run_ms;
        if (s->expect_ms > 0)
                return (double)s->expect_ms;
        if (s->kind->run_ms > 0)
                return s->kind->run_ms;
        return s->time_limit_ms > 0 && (double)s->time_limit_ms < m->default_run_ms ? (double)s->time_limit_ms
                                                                                    : m->default_run_ms;
}

enum run_is shape_run_is(const struct m_shape *s, int32_t site)
{
        const struct m_shape_site *at = site ? shape_at(s, site) : NULL;

        if ((at && at->ok) || s->run_ms > 0)
                return RUN_LEARNED;
        return s->expect_ms > 0 ? RUN_ASKED : s->kind->run_ms > 0 ? RUN_LEARNED : RUN_GUESS;
}

const char *run_is_name(enum run_is is)
{
        static const char *const names[] = {
            [RUN_GUESS] = "guess", [RUN_ASKED] = "asked", [RUN_LEARNED] = "learned"};

        return names[is];
}

bool shape_run_is_known(const struct m_shape *s)
{
        return s->ended >= RUN_KNOWN_ENDS || s->expect_ms > 0 || s->kind->ended >= RUN_KNOWN_ENDS;
}

/* How many tasks a second the worker ends, over windows of 100 ms. */
static void measure_rate(const struct model *m, struct m_worker *w)
{
        int64_t span;

        w->rate_n++;
        span = m->now_ms - w->rate_at;
        if (span < 100)
                return;
        w->rate = span > RATE_STALE_MS ? 0 : 0.5 * w->rate + 0.5 * (double)w->rate_n * 1000.0 / (double)span;
        w->rate_at = m->now_ms;
        w->rate_n = 0;
}

void model_attempt_close(struct model *m, struct m_attempt *a, bool well, int64_t run_ms)
{
        struct m_worker *w = a->worker;

        if (a->ahead)
                ahead_remove(w, a);
        else
                unhold(a);
        count(a, -1);
        site_remove(a);
        if (run_ms >= 0) {
                learn(a, well, run_ms);
                measure_rate(m, w);
        }
        model_charge(m, a->job->shape->project,
                     cpu_seconds(a->job->shape, run_ms > 0 ? (double)run_ms : 0) - a->charged);
        model_worker_promote(m, w);
        map_del(&m->attempts, attempt_map_key(a->key.job, a->key.task));
        if (a->job->throttle)
                model_job_update(m, a->job);
        a->ahead_next = m->spare;
        m->spare = a;
}
