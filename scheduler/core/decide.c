/* SPDX-License-Identifier: Apache-2.0 */
#include "core/decide.h"

#include "common/util.h"

#include <math.h>
#include <string.h>

#define SITES_MAX 4096 /* candidates judged for a decision */

void plan_clear(struct plan *p)
{
        for (size_t i = 0; i < p->choice_count; i++)
                free(p->choices[i].candidates);
        p->run_count = p->choice_count = p->want_count = 0;
        p->placed = 0;
        p->more = false;
}

void plan_release(struct plan *p)
{
        plan_clear(p);
        free(p->runs);
        free(p->choices);
        free(p->want_spec);
        *p = (struct plan){0};
}

/* The first shape of a project by the order of its first jobs, among those not set aside in this pass. */
static struct m_shape *first_shape(const struct model *m, const struct m_project *p)
{
        struct m_shape *best = NULL;
        const struct m_job *best_job = NULL;

        for (size_t i = 0; i < p->shape_count; i++) {
                struct m_shape *s = p->shapes[i];
                const struct m_job *j = heap_top(&s->jobs);

                if (!j || s->wait_pass == m->pass)
                        continue;
                if (!best || (j->priority != best_job->priority ? j->priority > best_job->priority
                                                                : j->id < best_job->id)) {
                        best = s;
                        best_job = j;
                }
        }
        return best;
}

/* The project whose turn it is, with its first shape; NULL when nothing is left to place. */
static struct m_shape *next_turn(const struct model *m, int *ret_rivals)
{
        struct m_shape *best = NULL;
        double best_score = INFINITY;

        *ret_rivals = 0;
        for (size_t i = 0; i < m->project_cap; i++) {
                const struct m_project *p = m->projects[i];
                struct m_shape *s = p ? first_shape(m, p) : NULL;
                double score;

                if (!s)
                        continue;
                ++*ret_rivals;
                score = project_score(m, p);
                if (score < best_score) {
                        best_score = score;
                        best = s;
                }
        }
        return best;
}

static void set_aside(const struct model *m, struct m_shape *s, enum wait_reason why)
{
        s->wait = why;
        s->wait_pass = m->pass;
}

/* A fingerprint of the answer: which sites were in, which one won, terms to about a tenth. A new decision is
 * recorded when it changes, so that an array of a million tasks is explained by a handful of rows. */
static uint64_t answer_hash(const struct candidate *c, size_t n, int best)
{
        uint64_t h = hash_mix((uint64_t)(best + 1));

        for (size_t i = 0; i < n; i++) {
                /* A site that fills up and frees again is the same answer. */
                bool in = !c[i].dropped || c[i].step == PLACE_FREE;
                int64_t size = in && c[i].finish > 0 ? (int64_t)(log(c[i].finish) * 2.0) : 0;

                h = hash_mix(h ^ (uint64_t)c[i].site->id ^ ((uint64_t)(in ? 99 : c[i].step) << 32) ^
                             ((uint64_t)size << 40));
        }
        return h;
}

/* The decision id under which the job's tasks go to candidates[best]; recorded when it is a new answer. */
static int64_t record_choice(struct model *m, struct m_job *j, int32_t task, int32_t avoid,
                             struct candidate *c, size_t n, int best, int64_t *next_decision,
                             struct plan *plan)
{
        uint64_t h = answer_hash(c, n, best);
        struct plan_choice *choice;
        enum wait_reason unused;
        int again;

        if (j->decision && j->decision_hash == h)
                return j->decision;
        j->decision = (*next_decision)++;
        j->decision_hash = h;
        plan->choices = xgrow(plan->choices, plan->choice_count, &plan->choice_cap, sizeof *plan->choices);
        choice = &plan->choices[plan->choice_count++];
        *choice = (struct plan_choice){.id = j->decision, .job = j, .task = task, .site = c[best].site};
        choice->candidates = xcalloc(n, sizeof *c);
        choice->candidate_count = place_all(m, j->shape, avoid, true, choice->candidates, n, &again, &unused);
        return j->decision;
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

/* Open attempts for up to `want` tasks of the job on one worker: retries that are due first, then the run. */
static int64_t fill_worker(struct model *m, struct m_job *j, struct m_worker *w, int64_t want,
                           int64_t decision, struct plan *plan)
{
        int64_t ahead, room = place_room(m, j->shape, w, &ahead), placed = 0;
        int64_t now = room - ahead;

        if (room > want)
                room = want;
        while (placed < room) {
                struct plan_run run = {.job = j, .worker = w, .count = 1, .attempt = 1, .decision = decision};
                struct m_attempt *a;

                if (j->retry_count && j->retries[0].due <= m->wall_ms) {
                        struct m_retry r = job_retry_pop(j);

                        run.task = r.task;
                        run.attempt = r.attempt + 1;
                        run.task_failures = r.task_failures;
                        run.site_failures = r.site_failures;
                        run.queued = true;
                } else if (!j->elementwise && j->next <= j->last) {
                        run.task = j->next++;
                } else {
                        break;
                }
                a = model_attempt_open(m, j, w, run.task, run.attempt, placed >= now);
                a->task_failures = run.task_failures;
                a->site_failures = run.site_failures;
                a->decision = decision;
                m->ready_tasks--;
                add_run(plan, &run);
                placed++;
        }
        return placed;
}

/* Place tasks of the shape's first job at the best site; false when none could go. */
static bool place_turn(struct model *m, struct m_shape *s, int rivals, struct candidate *c,
                       int64_t *next_decision, struct plan *plan)
{
        struct m_job *j = heap_top(&s->jobs);
        bool retry = j->retry_count && j->retries[0].due <= m->wall_ms;
        int32_t avoid = retry ? j->retries[0].avoid_site : 0;
        enum wait_reason why;
        int64_t want, decision, placed = 0;
        size_t n;
        int best;

        n = place_all(m, s, avoid, false, c, SITES_MAX, &best, &why);
        if (best < 0) {
                set_aside(m, s, why);
                return false;
        }
        if (!j->spec) {
                plan->want_spec =
                    xgrow(plan->want_spec, plan->want_count, &plan->want_cap, sizeof(struct m_job *));
                plan->want_spec[plan->want_count++] = j;
                set_aside(m, s, WAIT_NEW);
                return false;
        }
        want = DECIDE_TASKS_MAX - plan->placed;
        if (j->throttle && want > j->throttle - j->live)
                want = j->throttle - j->live;
        if (want > c[best].room)
                want = c[best].room;
        /* With rivals a turn takes half of an even part of what is free, so that shares even out within a
         * pass. */
        if (rivals > 1) {
                int64_t part = c[best].room / (2 * rivals);

                if (want > (part > 0 ? part : 1))
                        want = part > 0 ? part : 1;
        }
        decision =
            record_choice(m, j, retry ? j->retries[0].task : j->next, avoid, c, n, best, next_decision, plan);
        for (size_t i = 0; i < c[best].site->worker_count && placed < want; i++)
                placed += fill_worker(m, j, c[best].site->workers[i], want - placed, decision, plan);
        if (!placed) {
                set_aside(m, s, WAIT_BUSY);
                return false;
        }
        if (j->started_at == INT64_MIN)
                j->started_at = m->wall_ms;
        model_job_dirty(m, j);
        model_job_update(m, j);
        return true;
}

void decide(struct model *m, int64_t *next_decision, struct plan *ret)
{
        struct candidate *c;
        struct m_shape *s;
        int rivals;

        plan_clear(ret);
        m->pass++;
        model_wake(m);
        s = next_turn(m, &rivals);
        if (!s)
                return;
        c = xcalloc(SITES_MAX < m->site_cap ? SITES_MAX : m->site_cap + 1, sizeof *c);
        while (s && ret->placed < DECIDE_TASKS_MAX) {
                place_turn(m, s, rivals, c, next_decision, ret);
                s = next_turn(m, &rivals);
        }
        ret->more = s != NULL;
        free(c);
}
