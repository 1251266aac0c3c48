/* SPDX-License-Identifier: Apache-2.0 */
/* The line: who goes before the asker. forecast_play.c plays it forward. */
#include "core/forecast.h"
#include "core/forecast_priv.h"

#include "core/place.h"

#include "common/util.h"

#include <math.h>
#include <string.h>

/* ---- which workers ---------------------------------------------------------------------------------------
 */

static bool worker_could(const struct m_worker *w, const struct m_shape *s)
{
        return !w->gone && w->ready && !w->disk_full && !w->draining && w->offer_known &&
               (!w->project || w->project == s->project->id) && res_fits(&s->need, &w->offer);
}

/* Nothing but room, or a limit that others fill, keeps the shape from the site now. */
static bool site_could(const struct model *m, const struct m_shape *s, struct m_site *site, double *ret_stage)
{
        struct candidate c;

        place_judge(m, s, site, 0, false, &c);
        *ret_stage = c.stage;
        return !c.dropped || c.step >= PLACE_LIMITS;
}

bool forecast_is_possible(const struct model *m, const struct m_shape *s)
{
        double stage;

        for (size_t i = 0; i < m->site_cap; i++) {
                if (m->sites[i] && !m->sites[i]->gone && site_could(m, s, m->sites[i], &stage))
                        return true;
        }
        return false;
}

/* The same for those in line, without a look at their data: who waits for data is not in line. */
static bool site_takes(const struct m_shape *s, const struct m_site *site)
{
        bool may = site->all_projects, named = !s->site_count;

        if (site->gone || site->intent != SITE_OPEN || site->alarm || site_breaker_is_open(site))
                return false;
        for (size_t i = 0; i < site->rule_count && !may; i++)
                may = site->rules[i].project == s->project->id;
        for (size_t i = 0; i < s->site_count && !named; i++)
                named = s->sites[i] == site->id;
        return may && named;
}

/* Set the lane's bit at each worker of the site that it could go to; false when the asker goes to none of
 * them. */
static bool fit_site(struct lanes *ls, size_t lane, const struct m_site *site)
{
        const struct m_shape *s = ls->at[lane].shape;
        bool meets = false;

        for (size_t i = 0; i < site->worker_count; i++) {
                const struct m_worker *w = site->workers[i];

                if (!worker_could(w, s))
                        continue;
                ls->fit[w->id] |= 1ULL << lane;
                meets = meets || ls->fit[w->id] & 1;
        }
        return meets;
}

static void fit_asker(const struct model *m, struct lanes *ls)
{
        for (size_t i = 0; i < m->site_cap; i++) {
                struct m_site *site = m->sites[i];

                if (site && !site->gone && site_could(m, ls->ask->shape, site, &ls->stage[i]))
                        fit_site(ls, 0, site);
        }
}

/* False, and nothing is set, when the lane wants no worker that the asker wants. */
static bool fit_lane(const struct model *m, struct lanes *ls, size_t lane)
{
        bool meets = false;

        for (size_t i = 0; i < m->site_cap; i++) {
                if (m->sites[i] && site_takes(ls->at[lane].shape, m->sites[i]) &&
                    fit_site(ls, lane, m->sites[i]))
                        meets = true;
        }
        for (size_t i = 0; i < m->worker_cap && !meets; i++)
                ls->fit[i] &= ~(1ULL << lane);
        return meets;
}

/* ---- how long tasks run ----------------------------------------------------------------------------------
 */

double forecast_run_s(const struct model *m, const struct m_shape *s, const struct m_site *site)
{
        const struct m_project *p = s->project;
        double ms;

        if (s->ended || s->expect_ms > 0 || s->kind->ended || !p->ended)
                return place_run_s(m, s, site);
        ms = exp(p->run_log);
        if (s->time_limit_ms > 0 && (double)s->time_limit_ms < ms)
                ms = (double)s->time_limit_ms;
        return ms / 1000.0 / site->speed;
}

int64_t forecast_known(const struct m_shape *s)
{
        return s->ended > s->kind->ended ? s->ended : s->kind->ended;
}

/* ---- the line --------------------------------------------------------------------------------------------
 */

static bool goes_before_ask(const struct m_job *j, const struct forecast_ask *ask)
{
        if (j->priority != ask->priority)
                return j->priority > ask->priority;
        return j->shape->rank != ask->shape->rank ? j->shape->rank > ask->shape->rank : j->id < ask->id;
}

/* Is it kept from its place by something else than room? Then those behind it do not wait for it. */
static bool is_set_aside(const struct model *m, const struct m_shape *s)
{
        return s->wait_pass == m->pass && s->wait_pass && s->wait != WAIT_BUSY && s->wait != WAIT_NEW &&
               s->wait != WAIT_PROJECT_LIMIT && s->wait != WAIT_SITE_LIMIT;
}

/* What a task charges its project with when it is placed: as model_attempt_open. */
double lane_charge(const struct m_shape *s)
{
        return (s->need.cpus > 0 ? s->need.cpus : 1) * (s->run_ms > 0 ? s->run_ms : 1000.0) / 1000.0;
}

static void lane_count(struct lane *l, const struct forecast_ask *ask, size_t *looked)
{
        const struct heap *h = &l->shape->jobs;
        bool own = l->shape->project == ask->shape->project;
        size_t n = 0;
        double scale;

        for (; n < h->n && *looked < FORECAST_JOBS_MAX; n++, (*looked)++) {
                const struct m_job *j = h->items[n];
                int64_t tasks = job_waiting(j);

                if (j == ask->job)
                        continue;
                if (!own || goes_before_ask(j, ask)) {
                        l->before += tasks;
                        l->before_jobs++;
                } else {
                        l->after += tasks;
                }
        }
        scale = n && n < h->n ? (double)h->n / (double)n : 1;
        l->before = (int64_t)((double)l->before * scale);
        l->before_jobs = (int64_t)((double)l->before_jobs * scale);
        l->after = (int64_t)((double)l->after * scale);
}

static void lane_add(const struct model *m, struct lanes *ls, const struct m_shape *s)
{
        struct lane *l = &ls->at[ls->n];
        const struct m_job *first = heap_top(&s->jobs);

        *l = (struct lane){.shape = s, .id = INT64_MAX, .inflow = class_arrivals(m, s->kind)};
        if ((!first && l->inflow <= 0) || is_set_aside(m, s) || !fit_lane(m, ls, ls->n))
                return;
        lane_count(l, ls->ask, &ls->looked);
        if (first) {
                l->priority = first->priority;
                l->id = first->id;
        }
        ls->n++;
}

/* What comes of a kind of work comes to its lanes in even parts. */
static void share_inflow(struct lanes *ls)
{
        double part[FORECAST_LANES_MAX];

        for (size_t i = 1; i < ls->n; i++) {
                int same = 0;

                for (size_t k = 1; k < ls->n; k++)
                        same += ls->at[k].shape->kind == ls->at[i].shape->kind;
                part[i] = ls->at[i].inflow / same;
        }
        for (size_t i = 1; i < ls->n; i++)
                ls->at[i].inflow = part[i];
}

/* Each look at a shape goes over all workers, so that looks have a bound too. */
static void lanes_of_project(const struct model *m, struct lanes *ls, const struct m_project *p)
{
        for (size_t i = 0;
             i < p->shape_count && ls->n < FORECAST_LANES_MAX && ls->shapes < FORECAST_SHAPES_MAX; i++) {
                ls->shapes++;
                lane_add(m, ls, p->shapes[i]);
        }
}

void lanes_open(const struct model *m, const struct forecast_ask *ask, struct lanes *ret)
{
        const struct m_project *own = ask->shape->project;

        *ret = (struct lanes){.ask = ask, .n = 1};
        ret->at = xcalloc(FORECAST_LANES_MAX, sizeof *ret->at);
        ret->at[0] = (struct lane){.shape = ask->shape, .priority = ask->priority, .id = ask->id};
        ret->fit = xcalloc(m->worker_cap + 1, sizeof *ret->fit);
        ret->stage = xcalloc(m->site_cap + 1, sizeof *ret->stage);
        fit_asker(m, ret);
        lanes_of_project(m, ret, own);
        for (size_t i = 0; i < m->project_cap; i++) {
                if (m->projects[i] && m->projects[i] != own)
                        lanes_of_project(m, ret, m->projects[i]);
        }
        share_inflow(ret);
}

void lanes_close(struct lanes *ls)
{
        free(ls->at);
        free(ls->fit);
        free(ls->stage);
}

bool lane_goes_before(const struct lane *a, const struct lane *b)
{
        if (a->priority != b->priority)
                return a->priority > b->priority;
        return a->shape->rank != b->shape->rank ? a->shape->rank > b->shape->rank : a->id < b->id;
}

/* The score at which the asker's project has placed all that goes before it. */
static double score_of_ask(const struct model *m, const struct lanes *ls)
{
        const struct m_project *p = ls->ask->shape->project;
        double score = project_score(m, p);

        for (size_t i = 1; i < ls->n; i++) {
                if (ls->at[i].shape->project == p)
                        score += (double)ls->at[i].before * lane_charge(ls->at[i].shape) / p->share;
        }
        return score;
}

struct cut { /* what of a lane goes before the asker */
        int64_t tasks, jobs;
};

/* Of another project: until its score has passed the one given. Its lanes take their turns by their first
 * jobs. */
static void cut_project(const struct model *m, const struct lanes *ls, const struct m_project *p,
                        double until, struct cut *ret)
{
        double score = project_score(m, p);
        bool done[FORECAST_LANES_MAX] = {false};

        for (;;) {
                const struct lane *l = NULL;
                double each, room;
                struct cut c;

                for (size_t i = 1; i < ls->n; i++) {
                        if (ls->at[i].shape->project == p && !done[i] &&
                            (!l || lane_goes_before(&ls->at[i], l)))
                                l = &ls->at[i];
                }
                if (!l)
                        return;
                done[l - ls->at] = true;
                each = lane_charge(l->shape) / p->share;
                room = score < until || (score == until && p->id < ls->ask->shape->project->id)
                           ? floor((until - score) / each) + 1
                           : 0;
                c = (struct cut){l->before, l->before_jobs};
                if (room < (double)l->before) {
                        c.jobs = (int64_t)ceil(room * (double)l->before_jobs / (double)l->before);
                        c.tasks = (int64_t)room;
                }
                ret[l - ls->at] = c;
                score += (double)c.tasks * each;
        }
}

static void lanes_cut(const struct model *m, const struct lanes *ls, struct cut ret[FORECAST_LANES_MAX])
{
        const struct m_project *own = ls->ask->shape->project;
        double until = score_of_ask(m, ls);

        memset(ret, 0, FORECAST_LANES_MAX * sizeof *ret);
        for (size_t i = 1; i < ls->n; i++) {
                if (ls->at[i].shape->project == own)
                        ret[i] = (struct cut){ls->at[i].before, ls->at[i].before_jobs};
        }
        for (size_t i = 0; i < m->project_cap; i++) {
                if (m->projects[i] && m->projects[i] != own)
                        cut_project(m, ls, m->projects[i], until, ret);
        }
}

int64_t lanes_ahead(const struct model *m, const struct lanes *ls)
{
        struct cut cut[FORECAST_LANES_MAX];
        int64_t sum = 0;

        lanes_cut(m, ls, cut);
        for (size_t i = 1; i < ls->n; i++)
                sum += cut[i].tasks;
        return sum;
}

static void name_behind(struct forecast_line *f, const struct m_job *j, int64_t tasks)
{
        size_t at = f->behind_n;

        while (at && (f->behind[at - 1].tasks < tasks ||
                      (f->behind[at - 1].tasks == tasks && f->behind[at - 1].job->id > j->id)))
                at--;
        if (at == FORECAST_BEHIND)
                return;
        f->behind_n += f->behind_n < FORECAST_BEHIND;
        memmove(&f->behind[at + 1], &f->behind[at], (f->behind_n - at - 1) * sizeof f->behind[0]);
        f->behind[at] = (struct forecast_job){j, tasks};
}

static void name_lane(struct forecast_line *f, const struct lane *l, const struct forecast_ask *ask,
                      int64_t most, size_t *looked)
{
        const struct heap *h = &l->shape->jobs;
        bool own = l->shape->project == ask->shape->project;

        for (size_t i = 0; i < h->n && most && *looked < FORECAST_JOBS_MAX; i++, (*looked)++) {
                const struct m_job *j = h->items[i];
                int64_t tasks = job_waiting(j);

                if (j != ask->job && (!own || goes_before_ask(j, ask)))
                        name_behind(f, j, tasks < most ? tasks : most);
        }
}

static bool is_alike(const struct m_shape *a, const struct forecast_ask *ask)
{
        return a == ask->shape || (ask->job && a == ask->job->shape);
}

void forecast_line(const struct model *m, const struct forecast_ask *ask, struct forecast_line *ret)
{
        struct forecast_line f = {0};
        struct cut cut[FORECAST_LANES_MAX];
        struct lanes ls;
        size_t looked = 0;

        lanes_open(m, ask, &ls);
        lanes_cut(m, &ls, cut);
        for (size_t i = 1; i < ls.n; i++) {
                f.tasks += cut[i].tasks;
                f.jobs += cut[i].jobs;
                if (is_alike(ls.at[i].shape, ask))
                        f.alike += cut[i].tasks;
                name_lane(&f, &ls.at[i], ask, cut[i].tasks, &looked);
        }
        f.lanes = ls.n - 1;
        lanes_close(&ls);
        *ret = f;
}
