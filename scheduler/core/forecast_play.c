/* SPDX-License-Identifier: Apache-2.0 */
/* The model played forward on copies: what is free on each worker, what each limit counts, each project's
 * score.
 *
 * An end frees a worker (or a limit); then the lanes that fit there take turns as in decide(), until none can
 * place anything. The play is over when the asker's lane has placed its first task.
 */
#include "core/forecast_priv.h"

#include "core/place.h"

#include "common/util.h"

#include <math.h>
#include <string.h>

enum how { SHORTER, EXPECTED, LONGER };

struct p_worker {
        const struct m_worker *w;
        struct res free;
        uint64_t fit;                   /* lanes */
        const struct m_shape *reserved; /* takes nothing else until that is placed */
};
struct p_end {
        double at;
        uint64_t seq;
        const struct m_shape *shape;
        int32_t worker; /* -1: not played; it frees limits only */
        int32_t site, lane, count;
        double owed; /* CPU seconds charged to the project when it ends */
};
struct p_site {
        int32_t used;
        int32_t *rule_used; /* parallel to its rules */
};
struct p_project {
        const struct m_project *p;
        double score;
        int32_t used_cpus, used_tasks;
        bool in_line;
};
#define BASIS_MAX  FORECAST_LANES_MAX
#define NEVER_LESS 1000 /* tasks of a lane in which work keeps coming, at the worst */
struct basis {          /* shapes whose run times were used */
        const struct m_shape *shapes[BASIS_MAX];
        size_t n;
};
struct play {
        const struct model *m;
        struct lanes *ls;
        enum how how;
        struct p_worker *workers;
        int32_t worker_n;
        struct p_site *sites;       /* by id */
        struct p_project *projects; /* by id */
        struct p_end *ends;         /* heap by (at, seq) */
        size_t end_n, end_cap;
        uint64_t seq;
        int64_t *before, *after; /* by lane: tasks left */
        double *run;             /* seconds, by lane and site */
        uint64_t limited;        /* lanes that a limit kept from a worker with room */
        int32_t looks;
        double *pool; /* by lane: tasks that came, and the part of the next one */
        double now;
        double passed_at; /* since when others are placed where the asker could have gone; INFINITY: they are
                             not */
        bool made_room;
        int32_t steps, live;
        int64_t placed;
        bool started;
        struct basis *basis;
};

#define LOOK_ALL (-1) /* at every worker that a lane of p->limited fits */

/* ---- run times -------------------------------------------------------------------------------------------
 */

/* How far a run time may be off, by what it rests on. */
static double stretch(const struct m_shape *s, enum how how)
{
        int64_t known = forecast_known(s);
        double wide = 5;

        if (how == EXPECTED)
                return 1;
        if (known)
                wide = 0.35 + 0.75 / sqrt((double)known);
        else if (s->expect_ms > 0)
                wide = 0.5;
        else if (s->project->ended)
                wide = 3;
        else if (how == SHORTER)
                return 0.01; /* the prior is long: it says nothing about short ones */
        return how == LONGER ? 1 + wide : 1 / (1 + wide);
}

static double run_of(const struct play *p, const struct m_shape *s, const struct m_site *site)
{
        double run = forecast_run_s(p->m, s, site) * stretch(s, p->how);

        return s->time_limit_ms > 0 && run > (double)s->time_limit_ms / 1000.0
                   ? (double)s->time_limit_ms / 1000.0
                   : run;
}

/* How much longer an attempt runs. One that is over its time is taken to run on for a part of what it ran
 * already. */
static double rest_of(const struct play *p, const struct m_attempt *a)
{
        static const double more[] = {[SHORTER] = 0.05, [EXPECTED] = 0.3, [LONGER] = 1.0};
        const struct m_shape *s = a->job->shape;
        double ran = a->started_at == INT64_MIN ? 0 : (double)(p->m->wall_ms - a->started_at) / 1000.0;
        double run = run_of(p, s, a->worker->site), limit = (double)s->time_limit_ms / 1000.0, rest;

        ran = ran > 0 ? ran : 0;
        rest = run > ran ? run - ran : ran * more[p->how];
        if (limit > 0 && rest > limit - ran)
                rest = limit > ran ? limit - ran : 0;
        return rest;
}

static void basis_add(struct basis *b, const struct m_shape *s)
{
        for (size_t i = 0; i < b->n; i++) {
                if (b->shapes[i] == s)
                        return;
        }
        if (b->n < BASIS_MAX)
                b->shapes[b->n++] = s;
}

/* ---- ends ------------------------------------------------------------------------------------------------
 */

static bool end_before(const struct p_end *a, const struct p_end *b)
{
        return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

static void end_swap(struct p_end *a, struct p_end *b)
{
        struct p_end t = *a;

        *a = *b;
        *b = t;
}

static void end_push(struct play *p, struct p_end e)
{
        size_t i = p->end_n;

        e.seq = p->seq++;
        p->ends = xgrow(p->ends, p->end_n, &p->end_cap, sizeof *p->ends);
        p->ends[p->end_n++] = e;
        for (; i && end_before(&p->ends[i], &p->ends[(i - 1) / 2]); i = (i - 1) / 2)
                end_swap(&p->ends[i], &p->ends[(i - 1) / 2]);
}

static struct p_end end_pop(struct play *p)
{
        struct p_end top = p->ends[0];

        p->ends[0] = p->ends[--p->end_n];
        for (size_t i = 0, k; (k = 2 * i + 1) < p->end_n; i = k) {
                if (k + 1 < p->end_n && end_before(&p->ends[k + 1], &p->ends[k]))
                        k++;
                if (!end_before(&p->ends[k], &p->ends[i]))
                        break;
                end_swap(&p->ends[i], &p->ends[k]);
        }
        return top;
}

/* ---- limits ----------------------------------------------------------------------------------------------
 */

static int32_t rule_index(const struct m_site *site, const struct m_project *p)
{
        for (size_t i = 0; i < site->rule_count; i++) {
                if (site->rules[i].project == p->id)
                        return (int32_t)i;
        }
        return -1;
}

static void count(struct play *p, const struct m_shape *s, const struct m_site *site, int32_t by)
{
        struct p_project *pp = &p->projects[s->project->id];
        int32_t rule = rule_index(site, s->project);

        pp->used_tasks += by;
        pp->used_cpus += by * s->need.cpus;
        p->sites[site->id].used += by;
        if (rule >= 0)
                p->sites[site->id].rule_used[rule] += by * s->need.cpus;
}

static int64_t cpu_room(const struct m_shape *s, int32_t max, int32_t used)
{
        return max && s->need.cpus > 0 ? ((int64_t)max - used) / s->need.cpus : INT32_MAX;
}

static int64_t least(int64_t a, int64_t b)
{
        return a < b ? a : b;
}

static int64_t limit_room(const struct play *p, const struct m_shape *s, const struct m_site *site)
{
        const struct p_project *pp = &p->projects[s->project->id];
        int32_t rule = rule_index(site, s->project);
        int64_t room = cpu_room(s, s->project->max_cpus, pp->used_cpus);

        if (s->project->max_tasks)
                room = least(room, s->project->max_tasks - pp->used_tasks);
        if (site->max_tasks)
                room = least(room, site->max_tasks - p->sites[site->id].used);
        if (rule >= 0)
                room =
                    least(room, cpu_room(s, site->rules[rule].max_cpus, p->sites[site->id].rule_used[rule]));
        return room > 0 ? room : 0;
}

/* ---- opening ---------------------------------------------------------------------------------------------
 */

/* Fast sites first: that is where tasks go while there is room. */
static int by_speed(const void *a, const void *b)
{
        const struct m_worker *x = ((const struct p_worker *)a)->w, *y = ((const struct p_worker *)b)->w;

        if (x->site->speed != y->site->speed)
                return x->site->speed > y->site->speed ? -1 : 1;
        return (x->id > y->id) - (x->id < y->id);
}

/* Those that the asker could take first: they must be in. Returns their places by worker id, -1 = not in. */
static int32_t *open_workers(struct play *p)
{
        const struct model *m = p->m;
        int32_t *at = xmalloc((m->worker_cap + 1) * sizeof *at);

        p->workers = xcalloc(m->worker_cap < FORECAST_WORKERS_MAX ? m->worker_cap + 1 : FORECAST_WORKERS_MAX,
                             sizeof *p->workers);
        for (int others = 0; others < 2; others++) {
                for (size_t i = 0; i < m->worker_cap && p->worker_n < FORECAST_WORKERS_MAX; i++) {
                        const struct m_worker *w = m->workers[i];
                        uint64_t fit = p->ls->fit[i];

                        if (w && fit && (fit & 1) != (uint64_t)others)
                                p->workers[p->worker_n++] = (struct p_worker){
                                    .w = w, .free = w->free, .fit = fit, .reserved = w->reserved};
                }
        }
        qsort(p->workers, (size_t)p->worker_n, sizeof *p->workers, by_speed);
        for (size_t i = 0; i < m->worker_cap; i++)
                at[i] = -1;
        for (int32_t i = 0; i < p->worker_n; i++)
                at[p->workers[i].w->id] = i;
        return at;
}

static void open_runs(struct play *p)
{
        const struct model *m = p->m;

        p->run = xcalloc(p->ls->n * (m->site_cap + 1), sizeof *p->run);
        for (size_t i = 0; i < p->ls->n; i++) {
                for (size_t k = 0; k < m->site_cap; k++) {
                        if (m->sites[k])
                                p->run[i * m->site_cap + k] = run_of(p, p->ls->at[i].shape, m->sites[k]);
                }
        }
}

static void open_counts(struct play *p)
{
        const struct model *m = p->m;

        p->sites = xcalloc(m->site_cap + 1, sizeof *p->sites);
        for (size_t i = 0; i < m->site_cap; i++) {
                const struct m_site *s = m->sites[i];

                if (!s)
                        continue;
                p->sites[i].used = s->used_tasks;
                p->sites[i].rule_used = xcalloc(s->rule_count + 1, sizeof(int32_t));
                for (size_t k = 0; k < s->rule_count; k++)
                        p->sites[i].rule_used[k] = s->rules[k].used_cpus;
        }
        p->projects = xcalloc(m->project_cap + 1, sizeof *p->projects);
        for (size_t i = 0; i < m->project_cap; i++) {
                const struct m_project *mp = m->projects[i];

                if (mp)
                        p->projects[i] = (struct p_project){mp, project_score(m, mp), mp->used_cpus,
                                                            mp->used_tasks, false};
        }
        for (size_t i = 0; i < p->ls->n; i++)
                p->projects[p->ls->at[i].shape->project->id].in_line = true;
}

/* Every open attempt ends some time; beyond FORECAST_ENDS_MAX each one that is taken stands for several. */
static void open_ends(struct play *p, const int32_t *worker_at)
{
        const struct m_attempt *a;
        int32_t stride = (int32_t)(p->m->attempts.n / FORECAST_ENDS_MAX) + 1, n = 0;

        for (size_t i = 0; (a = map_next(&p->m->attempts, &i));) {
                const struct m_shape *s = a->job->shape;
                bool own = a->job == p->ls->ask->job;

                if (a->ahead || (n++ % stride && !own))
                        continue;
                basis_add(p->basis, s);
                end_push(p,
                         (struct p_end){
                             .at = rest_of(p, a),
                             .shape = s,
                             .worker = worker_at[a->worker->id],
                             .site = a->worker->site->id,
                             .lane = own ? 0 : -1,
                             .count = own ? 1 : stride,
                             .owed = s->ended ? 0 : forecast_run_s(p->m, s, a->worker->site) - a->charged});
        }
}

/* Data that is on its way lets the asker not go before it is there. */
static void open_stages(struct play *p)
{
        for (int32_t k = 0; k < p->worker_n; k++) {
                const struct m_site *site = p->workers[k].w->site;

                if (p->workers[k].fit & 1 && p->ls->stage[site->id] > 0)
                        end_push(p, (struct p_end){.at = p->ls->stage[site->id],
                                                   .shape = p->ls->ask->shape,
                                                   .worker = k,
                                                   .site = site->id,
                                                   .lane = -1});
        }
}

static void play_open(struct play *p, const struct model *m, struct lanes *ls, enum how how, struct basis *b)
{
        AUTO_FREE int32_t *worker_at = NULL;

        *p = (struct play){.m = m, .ls = ls, .how = how, .live = ls->ask->live, .basis = b};
        worker_at = open_workers(p);
        open_counts(p);
        p->before = xcalloc(ls->n, sizeof *p->before);
        p->after = xcalloc(ls->n, sizeof *p->after);
        open_runs(p);
        p->pool = xcalloc(ls->n, sizeof *p->pool);
        p->passed_at = INFINITY;
        if (ls->ask->job && ls->ask->job->shape->passed_over)
                p->passed_at = -(double)(m->now_ms - ls->ask->job->shape->passed_since) / 1000;
        p->before[0] = 1;
        for (size_t i = 1; i < ls->n; i++) {
                if (ls->at[i].before)
                        basis_add(p->basis, ls->at[i].shape);
                p->before[i] = ls->at[i].before;
                p->after[i] = ls->at[i].after;
        }
        open_ends(p, worker_at);
        open_stages(p);
}

static void play_close(struct play *p)
{
        for (size_t i = 0; i < p->m->site_cap; i++)
                free(p->sites[i].rule_used);
        free(p->workers);
        free(p->sites);
        free(p->projects);
        free(p->ends);
        free(p->before);
        free(p->after);
        free(p->run);
        free(p->pool);
}

/* ---- turns -----------------------------------------------------------------------------------------------
 */

/* Of one project: what goes before the asker, then the asker, then what comes after it. */
static int rank_of(const struct play *p, size_t lane)
{
        if (!lane)
                return 1;
        return p->before[lane] ? 0 : 2;
}

static bool goes_first(const struct play *p, size_t a, size_t b)
{
        int x = rank_of(p, a), y = rank_of(p, b);

        return x != y ? x < y : lane_goes_before(&p->ls->at[a], &p->ls->at[b]);
}

/* Does lane a take its turn before lane b? */
static bool turn_before(const struct play *p, size_t a, size_t b)
{
        const struct p_project *x = &p->projects[p->ls->at[a].shape->project->id],
                               *y = &p->projects[p->ls->at[b].shape->project->id];

        if (x == y)
                return goes_first(p, a, b);
        return x->score != y->score ? x->score < y->score : x->p->id < y->p->id;
}

static bool is_kept_for_others(const struct play *p, const struct p_worker *pw, int lane)
{
        const struct forecast_ask *ask = p->ls->ask;

        return pw->reserved && pw->reserved != p->ls->at[lane].shape &&
               !(lane == 0 && ask->job && ask->job->shape == pw->reserved);
}

static bool may_go(const struct play *p, size_t lane)
{
        if (!p->before[lane] && !p->after[lane])
                return false;
        return lane || !p->ls->ask->throttle || p->live < p->ls->ask->throttle;
}

/* Somebody whose turn is later goes where the asker could have gone, had others left it room. */
static void note_passed_over(struct play *p, size_t lane, const struct p_worker *pw)
{
        if (lane && pw->fit & 1 && isinf(p->passed_at) && may_go(p, 0) && turn_before(p, 0, lane))
                p->passed_at = p->now;
}

static void unreserve(struct play *p, int lane)
{
        for (int32_t i = 0; i < p->worker_n; i++) {
                if (p->workers[i].reserved && !is_kept_for_others(p, &p->workers[i], lane))
                        p->workers[i].reserved = NULL;
        }
}

/* As decide() does for those that were passed over for long: one worker takes nothing else. */
static void make_room(struct play *p)
{
        const struct lane *l = &p->ls->at[0];
        double best_part = -INFINITY;
        struct p_worker *best = NULL;

        if (p->made_room || p->now - p->passed_at < (double)p->m->reserve_ms / 1000)
                return;
        p->made_room = true;
        for (int32_t i = 0; i < p->worker_n; i++) {
                double part = res_part(&l->shape->need, &p->workers[i].free);

                if (p->workers[i].reserved || !(p->workers[i].fit & 1) || part <= best_part)
                        continue;
                best_part = part;
                best = &p->workers[i];
        }
        if (best)
                best->reserved = l->shape;
}

static void place(struct play *p, size_t lane, int32_t at, int64_t room, bool rivals)
{
        const struct m_shape *s = p->ls->at[lane].shape;
        int64_t *left = p->before[lane] ? &p->before[lane] : &p->after[lane];
        struct p_worker *pw = &p->workers[at];
        struct p_project *pp = &p->projects[s->project->id];
        double charge = lane_charge(s), run = p->run[lane * p->m->site_cap + (size_t)pw->w->site->id];
        int32_t k;

        note_passed_over(p, lane, pw);
        room = least(room, limit_room(p, s, pw->w->site));
        room = rivals ? (room > 4 ? room / 4 : 1) : room;
        k = (int32_t)least(room, *left);
        *left -= k;
        res_take(&pw->free, &s->need, k);
        count(p, s, pw->w->site, k);
        pp->score += charge * k / pp->p->share;
        end_push(p, (struct p_end){
                        .at = p->now + run,
                        .shape = s,
                        .worker = at,
                        .site = pw->w->site->id,
                        .lane = (int32_t)lane,
                        .count = k,
                        .owed = s->ended ? 0 : (run * (s->need.cpus > 0 ? s->need.cpus : 1) - charge) * k});
        unreserve(p, (int)lane);
        p->placed += k;
        p->steps++;
        p->started = p->started || !lane;
}

/* The lane whose turn it is at the worker; -1 = none has room there. */
static int next_lane(struct play *p, const struct p_worker *pw, bool *ret_rivals)
{
        int best = -1;

        *ret_rivals = false;
        for (uint64_t left = pw->fit; left; left &= left - 1) {
                size_t i = (size_t)__builtin_ctzll(left);
                const struct m_shape *s = p->ls->at[i].shape;

                p->looks++;
                if (!may_go(p, i) || !res_fits(&s->need, &pw->free) || is_kept_for_others(p, pw, (int)i) ||
                    (!i && p->ls->stage[pw->w->site->id] > p->now))
                        continue;
                if (limit_room(p, s, pw->w->site) <= 0) {
                        p->limited |= 1ULL << i;
                        continue;
                }
                *ret_rivals = *ret_rivals || (best >= 0 && p->ls->at[best].shape->project != s->project);
                if (best < 0 || turn_before(p, i, (size_t)best))
                        best = (int)i;
        }
        return best;
}

static bool is_spent(const struct play *p)
{
        return p->steps >= FORECAST_STEPS_MAX || p->looks >= FORECAST_LOOKS_MAX;
}

static void turns_at(struct play *p, int32_t at)
{
        struct p_worker *pw = &p->workers[at];
        bool rivals;
        int lane;

        while (!p->started && !is_spent(p) && (lane = next_lane(p, pw, &rivals)) >= 0)
                place(p, (size_t)lane, at, res_times(&p->ls->at[lane].shape->need, &pw->free, INT32_MAX),
                      rivals);
}

/* at: the worker that changed. LOOK_ALL: a limit, or everything. */
static void turns(struct play *p, int32_t at)
{
        uint64_t lanes = at == LOOK_ALL ? p->limited : 0;

        if (at >= 0)
                turns_at(p, at);
        p->limited = lanes ? 0 : p->limited;
        for (int32_t i = 0; lanes && i < p->worker_n && !p->started && !is_spent(p); i++) {
                p->looks++;
                if (p->workers[i].fit & lanes)
                        turns_at(p, i);
        }
        make_room(p);
}

/* Time goes on, and work goes on coming as it did lately: behind the asker, where it is of the same project.
 * At the worst what comes never lets up. */
static void advance(struct play *p, double to)
{
        for (size_t i = 1; i < p->ls->n; i++) {
                const struct lane *l = &p->ls->at[i];
                bool own = l->shape->project == p->ls->ask->shape->project;
                int64_t *left = own ? &p->after[i] : &p->before[i];
                double whole;

                if (p->how == SHORTER || l->inflow <= 0)
                        continue;
                p->pool[i] += l->inflow * (to - p->now);
                whole = floor(p->pool[i]);
                p->pool[i] -= whole;
                *left += (int64_t)whole;
                if (p->how == LONGER && *left < NEVER_LESS)
                        *left = NEVER_LESS;
        }
        p->now = to;
}

/* Free what has ended. Returns the worker to look at, -1 = none; *ret_limits: others may be within limits
 * now. */
static int32_t end_one(struct play *p, const struct p_end *e, bool *ret_limits)
{
        struct p_project *pp = &p->projects[e->shape->project->id];
        const struct m_site *site = p->m->sites[e->site];
        bool limited =
            e->count && (pp->p->max_cpus || pp->p->max_tasks || site->max_tasks || site->rule_count);

        count(p, e->shape, site, -e->count);
        pp->score += e->owed / pp->p->share;
        if (e->lane == 0 && e->count)
                p->live -= e->count;
        if (e->worker >= 0) {
                struct p_worker *pw = &p->workers[e->worker];

                /* One that stands for several must not free more than there is. */
                for (int32_t k = 0; k < e->count && !res_fits(&pw->w->offer, &pw->free); k++)
                        res_give(&pw->free, &e->shape->need, 1);
        }
        if (e->lane == 0 && p->ls->ask->throttle)
                p->limited |= 1;
        *ret_limits = limited || e->lane == 0;
        return e->worker;
}

/* Tasks of the asker's project that still go before it. */
static int64_t own_left(const struct play *p)
{
        int64_t left = 0;

        for (size_t i = 1; i < p->ls->n; i++) {
                if (p->ls->at[i].shape->project == p->ls->ask->shape->project)
                        left += p->before[i];
        }
        return left;
}

struct mark { /* what found room at once: it tells no pace */
        int64_t own, placed;
};

/* Too long a line to be played to its end: it goes on at the pace so far, that of its own project where some
 * of it went, else that of all. */
static double carried_on(const struct play *p, const struct mark *start)
{
        double left = (double)own_left(p), went = (double)start->own - left;

        if (went <= 0) {
                went = (double)(p->placed - start->placed);
                left = (double)lanes_ahead(p->m, p->ls) - (double)p->placed;
        }
        if (left <= 0)
                return p->now;
        if (went > 0 && p->now > 0)
                return p->now + left * p->now / went;
        return p->placed ? left / (double)p->placed * run_of(p, p->ls->ask->shape, p->workers[0].w->site)
                         : INFINITY;
}

/* Seconds until the asker's first task is placed. */
static double play(const struct model *m, struct lanes *ls, enum how how, struct basis *b, bool *ret_scaled)
{
        struct play p;
        struct mark start;
        double at;

        play_open(&p, m, ls, how, b);
        p.limited = ~0ULL;
        turns(&p, LOOK_ALL);
        start = (struct mark){own_left(&p), p.placed};
        while (!p.started && p.end_n && !is_spent(&p)) {
                struct p_end e = end_pop(&p);
                bool limits;
                int32_t look = end_one(&p, &e, &limits);

                advance(&p, e.at);
                if (look >= 0)
                        turns(&p, look);
                if (limits && p.limited && !p.started)
                        turns(&p, LOOK_ALL);
        }
        at = p.started ? p.now : INFINITY;
        if (!p.started && is_spent(&p)) {
                at = carried_on(&p, &start);
                *ret_scaled = true;
        }
        play_close(&p);
        return at;
}

double forecast_likely(const struct model *m, const struct forecast_ask *ask)
{
        struct basis b = {.n = 0};
        struct lanes ls;
        bool scaled;
        double at;

        if (!forecast_is_possible(m, ask->shape))
                return INFINITY;
        lanes_open(m, ask, &ls);
        at = play(m, &ls, EXPECTED, &b, &scaled);
        lanes_close(&ls);
        return at;
}

void forecast_start(const struct model *m, const struct forecast_ask *ask, struct forecast_start *ret)
{
        struct forecast_start f = {INFINITY, INFINITY, INFINITY, 0, 0, false};
        struct basis b = {.n = 0};
        struct lanes ls;

        *ret = f;
        if (!forecast_is_possible(m, ask->shape))
                return;
        lanes_open(m, ask, &ls);
        f.likely = play(m, &ls, EXPECTED, &b, &f.scaled);
        f.earliest = f.likely > 0 ? play(m, &ls, SHORTER, &b, &f.scaled) : 0;
        f.latest = f.likely > 0 ? play(m, &ls, LONGER, &b, &f.scaled) : 0;
        if (f.earliest > f.likely)
                f.earliest = f.likely;
        if (f.latest < f.likely)
                f.latest = f.likely;
        for (size_t i = 0; i < b.n; i++) {
                f.measured += forecast_known(b.shapes[i]);
                f.guessed += !forecast_known(b.shapes[i]);
        }
        lanes_close(&ls);
        *ret = f;
}
