/* SPDX-License-Identifier: Apache-2.0 */
#include "core/decide.h"
#include "core/decide_priv.h"

#include "common/util.h"
#include "core/link.h"
#include "core/order.h"
#include "core/parts.h"
#include "core/seats.h"
#include "core/space.h"
#include "core/ways.h"

#include <string.h>

struct batch { /* what a turn places */
        struct m_job *job;
        bool retries; /* those that are due and avoid the site `avoid`; otherwise the run alone */
        int32_t avoid;
        int64_t want, decision;
};

void plan_clear(struct plan *p)
{
        for (size_t i = 0; i < p->sheet_count; i++)
                free(p->sheets[i]);
        p->run_count = p->choice_count = p->want_count = p->sheet_count = 0;
        p->transfer_count = p->start_count = p->cancel_count = p->leave_count = p->deal_count = 0;
        p->placed = 0;
        p->more = false;
}

void plan_release(struct plan *p)
{
        plan_clear(p);
        free(p->runs);
        free(p->choices);
        free(p->sheets);
        free(p->want_spec);
        free(p->transfers);
        free(p->starts);
        free(p->cancels);
        free(p->leaves);
        free(p->deals);
        *p = (struct plan){0};
}

/* ---- what is recorded ------------------------------------------------------------------------------------
 */

/* Nearest to being chosen first. */
static int candidate_rank(const void *a, const void *b)
{
        const struct candidate *x = a, *y = b;

        if (x->dropped != y->dropped)
                return x->dropped ? 1 : -1;
        if (x->dropped && x->step != y->step)
                return x->step > y->step ? -1 : 1;
        if (x->finish != y->finish)
                return x->finish < y->finish ? -1 : 1;
        return (x->site->id > y->site->id) - (x->site->id < y->site->id);
}

static int candidate_order(const void *a, const void *b)
{
        const struct candidate *x = a, *y = b;

        return (x->site->id > y->site->id) - (x->site->id < y->site->id);
}

static bool sheet_has(const struct options *o, const struct m_site *site)
{
        for (size_t i = 0; i < o->sheet_n; i++) {
                if (o->sheet[i].site == site)
                        return true;
        }
        return false;
}

static struct candidate *add_sheet(struct plan *p, size_t n)
{
        struct candidate *sheet = xcalloc(n, sizeof *sheet);

        p->sheets = xgrow(p->sheets, p->sheet_count, &p->sheet_cap, sizeof *p->sheets);
        return p->sheets[p->sheet_count++] = sheet;
}

/* Judge every site and keep those worth showing, these in words. */
static void make_sheet(struct turns *t, struct m_shape *s, int32_t avoid)
{
        struct candidate *all = xcalloc(t->m->site_cap, sizeof *all), *sheet;
        enum wait_reason unused;
        int best;
        size_t n = place_all(t->m, s, avoid, false, all, t->m->site_cap, &best, &unused);

        if (n > CHOICE_CANDIDATES_MAX) {
                qsort(all, n, sizeof *all, candidate_rank);
                n = CHOICE_CANDIDATES_MAX;
                qsort(all, n, sizeof *all, candidate_order);
        }
        sheet = add_sheet(t->plan, n);
        for (size_t i = 0; i < n; i++)
                place_judge(t->m, s, all[i].site, avoid, true, &sheet[i]);
        free(all);
        s->options->sheet = sheet;
        s->options->sheet_n = n;
}

/* The sheet with the chosen site on it, instead of the one that is furthest from being chosen. */
static void show_chosen(struct turns *t, struct m_shape *s, struct m_site *chosen, int32_t avoid)
{
        struct options *o = s->options;
        struct candidate *sheet = add_sheet(t->plan, o->sheet_n);
        size_t last = 0;

        memcpy(sheet, o->sheet, o->sheet_n * sizeof *sheet);
        for (size_t i = 1; i < o->sheet_n; i++) {
                if (candidate_rank(&sheet[i], &sheet[last]) > 0)
                        last = i;
        }
        place_judge(t->m, s, chosen, avoid, true, &sheet[last]);
        qsort(sheet, o->sheet_n, sizeof *sheet, candidate_order);
        o->sheet = sheet;
}

static struct m_choice *choice_of(struct m_job *j, int32_t site)
{
        for (size_t i = 0; i < j->choice_count; i++) {
                if (j->choices[i].site == site)
                        return &j->choices[i];
        }
        j->choices = xgrow(j->choices, j->choice_count, &j->choice_cap, sizeof *j->choices);
        j->choices[j->choice_count] = (struct m_choice){.site = site};
        return &j->choices[j->choice_count++];
}

/* The decision id under which tasks of the job go to the site; recorded when the answer is a new one, so that
 * an array of a million tasks is explained by a handful of rows. */
static int64_t record_choice(struct turns *t, struct m_job *j, int32_t task, int32_t avoid,
                             struct m_site *site)
{
        struct m_choice *c = choice_of(j, site->id);
        struct options *o = j->shape->options;
        struct plan *plan = t->plan;

        if (c->decision && (c->hash == o->hash || t->m->now_ms - c->at < CHOICE_PAUSE_MS))
                return c->decision;
        *c = (struct m_choice){site->id, (*t->next_decision)++, t->m->now_ms, o->hash};
        if (avoid || !o->sheet)
                make_sheet(t, j->shape, avoid);
        if (!sheet_has(o, site))
                show_chosen(t, j->shape, site, avoid);
        plan->choices = xgrow(plan->choices, plan->choice_count, &plan->choice_cap, sizeof *plan->choices);
        plan->choices[plan->choice_count++] = (struct plan_choice){.id = c->decision,
                                                                   .job = j,
                                                                   .task = task,
                                                                   .site = site,
                                                                   .candidates = o->sheet,
                                                                   .candidate_count = o->sheet_n};
        if (avoid) /* priced for one retry: not what others are shown */
                o->sheet = NULL;
        return c->decision;
}

static void add_run(struct plan *plan, const struct plan_run *run)
{
        struct plan_run *last = plan->run_count ? &plan->runs[plan->run_count - 1] : NULL;

        plan->placed += run->count;
        if (last && last->job == run->job && last->worker == run->worker &&
            last->task + last->count == run->task && last->attempt == run->attempt && !last->queued &&
            !run->queued && last->decision == run->decision) {
                last->count += run->count;
                return;
        }
        plan->runs = xgrow(plan->runs, plan->run_count, &plan->run_cap, sizeof *plan->runs);
        plan->runs[plan->run_count++] = *run;
}

/* ---- one turn --------------------------------------------------------------------------------------------
 */

static bool has_due_retry(const struct model *m, const struct m_job *j)
{
        return j->retry_count && j->retries[0].due <= m->wall_ms;
}

static bool has_run(const struct m_job *j)
{
        return !j->elementwise && j->next <= j->last;
}

static void run_retry(const struct m_retry *r, struct plan_run *run)
{
        run->task = r->task;
        run->attempt = r->attempt + 1;
        run->task_failures = r->task_failures;
        run->site_failures = r->site_failures;
        run->queued = true;
}

/* The next task of a job whose tasks share files, where its part lies: one that waits for nothing else, one
 * of the run, and at last one that is meant for another site. */
static bool next_part(const struct model *m, struct m_job *j, const struct m_site *site, struct plan_run *run)
{
        struct m_retry r;

        if (parts_pop(m, j, site, false, &r)) {
                run_retry(&r, run);
                return true;
        }
        if (parts_ready(m, j->shape, site) != INT64_MAX)
                return false;
        if (has_run(j)) {
                run->task = job_next_task(j);
                return true;
        }
        if (!parts_pop(m, j, site, true, &r))
                return false;
        run_retry(&r, run);
        return true;
}

/* The next task of the batch; false when it has no more. */
static bool next_task(const struct model *m, const struct batch *b, const struct m_site *site,
                      struct plan_run *run)
{
        struct m_job *j = b->job;

        if (j->shape->parts)
                return next_part(m, j, site, run);
        if (b->retries && has_due_retry(m, j)) {
                struct m_retry r;

                if (j->retries[0].avoid_site != b->avoid)
                        return false;
                r = job_retry_pop(j);
                run_retry(&r, run);
                return true;
        }
        if (b->avoid || !has_run(j))
                return false;
        run->task = job_next_task(j);
        return true;
}

/* Open attempts for up to b->want tasks on one worker. */
static int64_t fill_worker(struct turns *t, struct batch *b, struct m_worker *w)
{
        struct model *m = t->m;
        int64_t ahead, room = place_room(m, b->job->shape, w, &ahead), placed = 0;
        int64_t now = room - ahead;

        if (room > b->want)
                room = b->want;
        while (placed < room) {
                struct plan_run run = {
                    .job = b->job, .worker = w, .count = 1, .attempt = 1, .decision = b->decision};
                struct m_attempt *a;

                if (!next_task(m, b, w->site, &run))
                        break;
                a = model_attempt_open(m, b->job, w, run.task, run.attempt, placed >= now);
                a->task_failures = run.task_failures;
                a->site_failures = run.site_failures;
                a->decision = b->decision;
                m->ready_tasks--;
                add_run(t->plan, &run);
                placed++;
        }
        if (placed)
                w->filled = t->last_fill = m->turn;
        return placed;
}

static void set_aside(const struct model *m, struct m_shape *s, enum wait_reason why)
{
        s->wait = why;
        s->wait_pass = m->pass;
        s->wait_turn = m->turn;
        if (why != WAIT_BUSY)
                s->passed_over = false;
}

static void release_reservation(struct m_shape *s)
{
        if (s->reserved)
                s->reserved->reserved = NULL;
        s->reserved = NULL;
}

/* Ask for the specs of the shape's jobs: of the first one, and of others that will soon be the first. */
static void want_specs(struct plan *plan, const struct m_shape *s)
{
        for (size_t i = 0; i < s->jobs.n && i < DECIDE_SPECS_MAX; i++) {
                struct m_job *j = s->jobs.items[i];

                if (j->spec)
                        continue;
                plan->want_spec =
                    xgrow(plan->want_spec, plan->want_count, &plan->want_cap, sizeof(struct m_job *));
                plan->want_spec[plan->want_count++] = j;
        }
}

/* Does the shape get a close look at the data it reads in this pass? */
static bool look_closely(struct turns *t, struct m_shape *s)
{
        const struct model *m = t->m;

        if (!s->input_count)
                return false;
        if (t->prices > STAGE_PRICES_MAX ||
            (m->crowded && s->looked_at && m->now_ms - s->looked_at < STAGE_LOOK_MS)) {
                t->skipped += m->site_cap;
                return false;
        }
        t->prices += m->site_cap;
        s->looked_at = m->now_ms;
        return true;
}

static struct options *options_of(struct turns *t, struct m_shape *s)
{
        if (!s->options) {
                s->options = xcalloc(1, sizeof *s->options);
                options_make(t->m, s, look_closely(t, s), s->options);
                t->seen = xgrow(t->seen, t->seen_n, &t->seen_cap, sizeof *t->seen);
                t->seen[t->seen_n++] = s;
        }
        return s->options;
}

/* Where the next task goes. A retry that had better wait for another site than the one where it failed does
 * not hold back the run behind it. */
static struct m_site *pick(struct turns *t, struct batch *b, int64_t *ret_room, enum wait_reason *ret_wait)
{
        struct m_job *j = b->job;
        struct options *o = options_of(t, j->shape);
        struct m_site *site;

        if (!b->avoid && seats_has(t->m, j->shape))
                return seats_pick(t->m, j->shape, o, ret_room, ret_wait);
        site = options_pick(t->m, j->shape, o, b->avoid, ret_room, ret_wait);

        if (!site && b->avoid && has_run(j)) {
                b->retries = false;
                b->avoid = 0;
                site = options_pick(t->m, j->shape, o, 0, ret_room, ret_wait);
        }
        return site;
}

/* How many tasks a turn may place. With rivals it takes half of an even part of what is free, so that shares
 * even out within a pass. */
static int64_t turn_size(const struct turns *t, const struct m_job *j, int64_t room, size_t rivals)
{
        int64_t want = DECIDE_TASKS_MAX - t->plan->placed;

        if (j->throttle && want > j->throttle - j->live)
                want = j->throttle - j->live;
        if (want > room)
                want = room;
        if (rivals > 1) {
                int64_t part = room / (2 * (int64_t)rivals);

                part = part > 0 ? part : 1;
                want = want < part ? want : part;
        }
        return want;
}

/* Place tasks of the shape's first job at the best site; false when the shape was set aside. */
static bool take_turn(struct turns *t, struct m_shape *s, size_t rivals)
{
        struct model *m = t->m;
        struct m_job *j = heap_top(&s->jobs);
        struct batch b = {.job = j, .retries = has_due_retry(m, j)};
        enum wait_reason why;
        struct m_site *site;
        int64_t room, placed = 0;

        /* Those that share files are picked one by one, by what lies at the site. */
        b.avoid = b.retries && !s->parts ? j->retries[0].avoid_site : 0;
        site = pick(t, &b, &room, &why);
        space_note(t, s);
        if (!site) {
                if (why == WAIT_BUSY || why == WAIT_STAGING)
                        why = stage_rest(t, s) ? WAIT_STAGING : WAIT_BUSY;
                set_aside(m, s, why);
                return false;
        }
        if (!j->spec) {
                want_specs(t->plan, s);
                set_aside(m, s, WAIT_NEW);
                return false;
        }
        b.want = turn_size(t, j, room, rivals);
        if (b.want > 0 && (has_run(j) || b.retries))
                b.decision = record_choice(t, j, b.retries ? j->retries[0].task : j->next, b.avoid, site);
        for (size_t i = 0; i < site->worker_count && b.want > 0; i++) {
                int64_t n = fill_worker(t, &b, site->workers[i]);

                placed += n;
                b.want -= n;
        }
        if (seats_has(m, s))
                seats_taken(s, site, placed);
        model_job_update(m, j);
        if (!placed) {
                /* It stood in line without a task that may go (a clock was set back, say): those behind it
                 * need not suffer. */
                if (heap_top(&s->jobs) != j)
                        return true;
                set_aside(m, s, WAIT_BUSY);
                return false;
        }
        s->passed_over = false;
        t->opened = t->opened || s->reserved;
        release_reservation(s);
        space_used(m, s, site);
        j->decision = b.decision;
        if (j->started_at == INT64_MIN)
                j->started_at = m->wall_ms;
        model_job_dirty(m, j);
        return true;
}

/* ---- room for large tasks --------------------------------------------------------------------------------
 */

static void check_reservations(const struct model *m)
{
        for (size_t i = 0; i < m->worker_cap; i++) {
                const struct m_worker *w = m->workers[i];

                if (w && w->reserved &&
                    (!heap_top(&w->reserved->jobs) || !place_is_suitable(m, w->reserved, w)))
                        release_reservation(w->reserved);
        }
}

/* May one more worker be reserved? */
static bool may_reserve(const struct model *m)
{
        size_t ready = 0, reserved = 0;

        for (size_t i = 0; i < m->worker_cap; i++) {
                ready += m->workers[i] && m->workers[i]->ready;
                reserved += m->workers[i] && m->workers[i]->reserved;
        }
        return reserved < (ready / RESERVE_PART > 1 ? ready / RESERVE_PART : 1);
}

static bool project_has_reservation(const struct m_project *p)
{
        for (size_t i = 0; i < p->shape_count; i++) {
                if (p->shapes[i]->reserved)
                        return true;
        }
        return false;
}

/* The shape of the project that was passed over for longest, and long enough; ties to its first job. */
static struct m_shape *longest_passed_over(const struct model *m, const struct m_project *p)
{
        struct m_shape *best = NULL;

        for (size_t i = 0; i < p->shape_count; i++) {
                struct m_shape *s = p->shapes[i];

                if (!s->passed_over || !heap_top(&s->jobs) || m->now_ms - s->passed_since < m->reserve_ms)
                        continue;
                if (!best || s->passed_since < best->passed_since ||
                    (s->passed_since == best->passed_since &&
                     job_goes_before(heap_top(&s->jobs), heap_top(&best->jobs))))
                        best = s;
        }
        return best;
}

static void note_passed_over(const struct turns *t, const struct m_project *p)
{
        for (size_t i = 0; i < p->shape_count; i++) {
                struct m_shape *s = p->shapes[i];

                if (seats_has(t->m, s) && !seats_was_passed_over(t->m, s))
                        continue;
                if (s->passed_over || s->wait_pass != t->m->pass || s->wait != WAIT_BUSY ||
                    s->wait_turn >= t->last_fill || !place_was_passed_over(t->m, s))
                        continue;
                s->passed_over = true;
                s->passed_since = t->m->now_ms;
        }
}

static void make_room(const struct turns *t)
{
        const struct model *m = t->m;

        for (size_t i = 0; i < m->project_cap; i++) {
                struct m_project *p = m->projects[i];
                struct m_shape *s;

                if (!p)
                        continue;
                note_passed_over(t, p);
                s = longest_passed_over(m, p);
                if (!s || project_has_reservation(p) || !may_reserve(m))
                        continue;
                s->reserved = place_nearest_to_room(m, s);
                if (s->reserved)
                        s->reserved->reserved = s;
        }
}

/* ---- the pass --------------------------------------------------------------------------------------------
 */

static bool project_goes_before(const void *a, const void *b)
{
        const struct m_project *x = a, *y = b;

        return x->turn_score != y->turn_score ? x->turn_score < y->turn_score : x->id < y->id;
}

static void turns_open(struct turns *t)
{
        struct model *m = t->m;

        heap_init(&t->projects, project_goes_before, offsetof(struct m_project, turn_place));
        for (size_t i = 0; i < m->project_cap; i++) {
                struct m_project *p = m->projects[i];

                for (size_t k = 0; p && k < p->shape_count; k++) {
                        if (heap_top(&p->shapes[k]->jobs))
                                heap_add(&p->turns, p->shapes[k]);
                }
                if (p && heap_top(&p->turns)) {
                        p->turn_score = project_score(m, p);
                        heap_add(&t->projects, p);
                }
        }
}

static void turns_close(struct turns *t)
{
        for (size_t i = 0; i < t->projects.n; i++)
                heap_clear(&((struct m_project *)t->projects.items[i])->turns);
        heap_clear(&t->projects);
        heap_release(&t->projects);
        for (size_t i = 0; i < t->seen_n; i++) {
                options_release(t->seen[i]->options);
                free(t->seen[i]->options);
                t->seen[i]->options = NULL;
        }
        free(t->seen);
}

/* The turn of the first project's first shape. */
static void turn(struct turns *t, struct m_project *p)
{
        struct m_shape *s = heap_top(&p->turns);
        bool stays;

        t->m->turn++;
        stays = take_turn(t, s, t->projects.n) && heap_top(&s->jobs);
        if (stays)
                heap_moved(&p->turns, s);
        else
                heap_remove(&p->turns, s);
        if (!heap_top(&p->turns)) {
                heap_remove(&t->projects, p);
                return;
        }
        p->turn_score = project_score(t->m, p);
        heap_moved(&t->projects, p);
}

void decide(struct model *m, int64_t *next_decision, struct plan *ret)
{
        struct turns t = {.m = m, .plan = ret, .next_decision = next_decision};
        struct m_project *p;

        plan_clear(ret);
        m->pass++;
        model_wake(m);
        check_reservations(m);
        links_refresh(m);
        ways_open(m);
        order_shapes(m);
        seats_make(&t);
        turns_open(&t);
        while ((p = heap_top(&t.projects)) && ret->placed < DECIDE_TASKS_MAX)
                turn(&t, p);
        ret->more = heap_top(&t.projects) || t.opened;
        make_room(&t);
        stage_settle(&t, !heap_top(&t.projects));
        m->crowded = t.prices + t.skipped > STAGE_PRICES_MAX;
        turns_close(&t);
        ways_close(m);
}
