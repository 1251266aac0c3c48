/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs that wait element by element: task i of a job waits for task i of another. */
#include "daemon/engine_priv.h"

#include "common/util.h"

#include <string.h>

/* What is known of the tasks of a job: bit 0 ended, bit 1 ended well, bit 2 waiting or running. */
struct task_marks {
        int32_t first, last;
        uint8_t *marks;
};

static void mark(struct task_marks *t, int32_t task, uint8_t bits)
{
        if (task >= t->first && task <= t->last)
                t->marks[task - t->first] |= bits;
}

static bool has_ends(const struct m_job *j)
{
        return j->succeeded || j->failed || j->cancelled;
}

/* A live job that waits element by element itself: what waits no more, and neither stands in line nor runs,
 * has ended; the record knows those that ended well, the others never ran. */
static void mark_never_run(const struct engine *e, const struct m_job *j, struct task_marks *t)
{
        for (size_t i = 0; i < j->retry_count; i++)
                mark(t, j->retries[i].task, 4);
        for (int64_t k = 0; k <= (int64_t)t->last - t->first; k++) {
                int32_t task = t->first + (int32_t)k;

                if (!(t->marks[k] & 5) && job_element_has_left(j, task) && !model_attempt(e->m, j->id, task))
                        t->marks[k] |= 1;
        }
}

/* What is on record of the tasks of job `id`. Everything that ended must be there: between the commit and
 * the next fold, or while a leadership loads. */
static int read_marks(struct engine *e, int64_t id, struct task_marks *t, struct err *err)
{
        const struct m_job *j = model_job(e->m, id);
        struct load_ended_task *rows;
        enum job_state s;
        size_t n;
        int rc;

        if (j && !has_ends(j))
                return 0;
        if (store_load_ended_tasks(e->db, id, &rows, &n, err) < 0)
                return -1;
        for (size_t i = 0; i < n; i++)
                mark(t, rows[i].task, rows[i].ok ? 3 : 1);
        free(rows);
        if (j) {
                if (j->elementwise)
                        mark_never_run(e, j, t);
                return 0;
        }
        rc = store_job_end(e->db, id, &s, err);
        /* Tasks of an ended job that left no trace were cancelled. */
        for (int64_t k = t->first; rc == 1 && k <= t->last; k++)
                mark(t, (int32_t)k, 1);
        return rc < 0 ? -1 : 0;
}

/* A task that can never run any more counts as cancelled. */
static void element_cancel(struct engine *e, struct m_job *j, int32_t task)
{
        if (job_element_has_left(j, task))
                return;
        job_element_leaves(j, task);
        j->cancelled++;
        model_job_dirty(e->m, j);
        jobs_task_ended(e, j, task, false);
        jobs_finish_if_done(e, j);
}

static void element_release(struct engine *e, struct m_job *j, int32_t task)
{
        struct m_retry r = {.task = task, .due = e->m->wall_ms};

        if (job_element_has_left(j, task))
                return;
        model_job_retry(e->m, j, &r);
        model_job_dirty(e->m, j);
        COMMIT_ADD(e, retries,
                   (struct commit_retry){.job = j->id, .task = task, .not_before = e->m->wall_ms});
        engine_wake(e);
}

/* All element-wise dependencies of one task: 1 all met, 0 not yet, -1 never. */
static int element_verdict(const struct m_job *j, const struct task_marks *on, int32_t task)
{
        int verdict = 1;

        for (size_t i = 0; i < j->after_count; i++) {
                uint8_t bits = on[i].marks ? on[i].marks[task - on[i].first] : 0;

                if (!j->after[i].elementwise)
                        continue;
                if (!(bits & 1))
                        verdict = verdict < 0 ? verdict : 0;
                else if (j->after[i].condition != 'a' && (j->after[i].condition == 'o') != !!(bits & 2))
                        verdict = -1;
        }
        return verdict;
}

static struct task_marks *marks_new(const struct m_job *j)
{
        struct task_marks *on = xcalloc(j->after_count, sizeof *on);

        for (size_t i = 0; i < j->after_count; i++) {
                if (j->after[i].elementwise)
                        on[i] = (struct task_marks){j->first, j->last, xcalloc((size_t)job_span(j), 1)};
        }
        return on;
}

static void marks_free(const struct m_job *j, struct task_marks *on)
{
        for (size_t i = 0; i < j->after_count; i++)
                free(on[i].marks);
        free(on);
}

static int marks_read(struct engine *e, const struct m_job *j, struct task_marks *on, struct err *err)
{
        for (size_t i = 0; i < j->after_count; i++) {
                if (on[i].marks && read_marks(e, j->after[i].job, &on[i], err) < 0)
                        return -1;
        }
        return 0;
}

/* Judge every task that still waits for other jobs. */
static int elements_settle(struct engine *e, struct m_job *j, struct err *err)
{
        struct task_marks *on = marks_new(j);
        int rc = marks_read(e, j, on, err);

        for (int64_t t = j->first; rc == 0 && t <= j->last; t = job_task_from(j, t + 1)) {
                int32_t task = (int32_t)t;
                int verdict = job_element_has_left(j, task) ? 0 : element_verdict(j, on, task);

                if (verdict > 0)
                        element_release(e, j, task);
                else if (verdict < 0)
                        element_cancel(e, j, task);
        }
        marks_free(j, on);
        return rc;
}

/* The tasks of a job that was read again, as far as the record knows them; the retries and attempts are in.
 * Cancelled ones are counted anew: those that can never run leave no trace of their own. */
static int restore_own(struct engine *e, struct m_job *j, struct err *err)
{
        struct load_ended_task *rows = NULL;
        size_t n = 0;

        if (has_ends(j) && store_load_ended_tasks(e->db, j->id, &rows, &n, err) < 0)
                return -1;
        j->cancelled = (int32_t)j->skip_count;
        for (size_t i = 0; i < n; i++) {
                /* Those that were cancelled before they ran are among the skips. */
                if (!rows[i].attempted)
                        continue;
                j->cancelled += rows[i].cancelled;
                job_element_leaves(j, rows[i].task);
        }
        free(rows);
        return 0;
}

/* Bring an element-wise job that was read again up to date. Those that wait for it are read later, and then
 * see for themselves. */
int elements_restore(struct engine *e, struct m_job *j, struct err *err)
{
        struct task_marks *on;
        int rc;

        if (j->cancelling)
                return 0;
        if (restore_own(e, j, err) < 0)
                return -1;
        on = marks_new(j);
        rc = marks_read(e, j, on, err);
        for (int64_t t = j->first; rc == 0 && t <= j->last; t = job_task_from(j, t + 1)) {
                int32_t task = (int32_t)t;
                int verdict = job_element_has_left(j, task) ? 0 : element_verdict(j, on, task);

                if (verdict > 0)
                        element_release(e, j, task);
                if (verdict >= 0)
                        continue;
                job_element_leaves(j, task);
                j->cancelled++;
        }
        marks_free(j, on);
        model_job_dirty(e->m, j);
        return rc;
}

/* To be judged from the record, once the commit that is being built is in it. */
void elements_settle_later(struct engine *e, int64_t job)
{
        map_put(&e->resettle, (uint64_t)job, e);
        engine_wake(e);
}

static void tell_waiting(struct engine *e, const struct told *t)
{
        const struct m_dependents *dep = model_dependents(e->m, t->job);

        for (size_t i = 0; i < dep->n; i++) {
                struct m_job *w = model_job(e->m, dep->jobs[i]);
                bool hopeless = false, single = true, waits = false;

                if (!w || !w->elementwise || w->cancelling || !job_has_task(w, t->task))
                        continue;
                for (size_t k = 0; k < w->after_count; k++) {
                        const struct m_after *a = &w->after[k];

                        if (a->elementwise && a->job != t->job)
                                single = false;
                        if (!a->elementwise || a->job != t->job)
                                continue;
                        waits = true;
                        hopeless = a->condition != 'a' && (a->condition == 'o') != t->ok;
                }
                if (!waits)
                        continue;
                if (hopeless)
                        element_cancel(e, w, t->task);
                else if (single)
                        element_release(e, w, t->task);
                else
                        elements_settle_later(e, w->id);
        }
}

/* Task `task` of job j ended for good: tell those who wait for it, and those who wait for them. One after the
 * other and not one within the other: chains may be long. */
void jobs_task_ended(struct engine *e, struct m_job *j, int32_t task, bool ok)
{
        e->told = xgrow(e->told, e->told_n, &e->told_cap, sizeof *e->told);
        e->told[e->told_n++] = (struct told){j->id, task, ok};
        if (e->telling)
                return;
        e->telling = true;
        while (e->told_n) {
                struct told t = e->told[--e->told_n];

                tell_waiting(e, &t);
        }
        e->telling = false;
}

int elements_settle_asked(struct engine *e, struct err *err)
{
        struct map jobs = e->resettle;
        int64_t *ids = xcalloc(jobs.n, sizeof *ids);
        size_t n = 0;
        int rc = 0;

        /* What settling sets off belongs to the next commit and is looked at after that. */
        e->resettle = (struct map){0};
        for (size_t i = 0; i < jobs.cap; i++) {
                if (jobs.values[i])
                        ids[n++] = (int64_t)jobs.keys[i];
        }
        map_release(&jobs);
        jobs_sort_ids(ids, n);
        for (size_t i = 0; i < n && rc == 0; i++) {
                struct m_job *j = model_job(e->m, ids[i]);

                if (j && !j->cancelling && !job_is_done(j))
                        rc = elements_settle(e, j, err);
        }
        free(ids);
        return rc;
}
