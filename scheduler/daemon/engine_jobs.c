/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs: taken up, asked about, waited for, ended. */
#include "daemon/engine_priv.h"
#include "daemon/spec.h"

#include "common/log.h"
#include "common/util.h"

#include <string.h>

#define TAKE_MAX 2000  /* new jobs taken up in one pass */
#define LOAD_MAX 10000 /* jobs read in one bite at the start */
#define SPECS_HELD_MAX                                                                                       \
        200000 /* jobs whose spec is kept in memory; the others are read again when their turn comes */

/* ---- datasets that jobs read or make
 * ------------------------------------------------------------------------- */

static void dataset_fill(struct model *m, const struct load_dataset *row)
{
        struct m_dataset *d = model_dataset_put(m, row->id, row->name);

        d->sealed = row->sealed;
        d->removed = row->removed;
        d->files = row->files;
        d->bytes = row->bytes;
        model_dataset_clear_sites(d);
        for (size_t i = 0; i < row->site_count; i++)
                model_dataset_site(d, row->sites[i].site, row->sites[i].root, row->sites[i].is_file,
                                   row->sites[i].files, row->sites[i].bytes);
}

static int datasets_load(struct engine *e, const int64_t *ids, size_t n, struct err *err)
{
        struct load_dataset *rows;
        size_t count;

        if (!n)
                return 0;
        if (store_load_datasets(e->db, ids, n, &rows, &count, err) < 0)
                return -1;
        for (size_t i = 0; i < count; i++)
                dataset_fill(e->m, &rows[i]);
        store_free_datasets(rows, count);
        return 0;
}

/* Those named by the jobs and not known yet, in one query. */
static int datasets_load_for(struct engine *e, const struct load_job *rows, size_t n, struct err *err)
{
        int64_t *ids = NULL;
        size_t count = 0, cap = 0;
        int rc;

        for (size_t i = 0; i < n; i++) {
                for (size_t k = 0; k <= rows[i].input_count; k++) {
                        int64_t id = k < rows[i].input_count ? rows[i].inputs[k] : rows[i].output_dataset;

                        if (!id || model_dataset(e->m, id))
                                continue;
                        ids = xgrow(ids, count, &cap, sizeof *ids);
                        ids[count++] = id;
                }
        }
        rc = datasets_load(e, ids, count, err);
        free(ids);
        return rc;
}

/* ---- from the record into the model
 * ------------------------------------------------------------------------------ */

/* Sites by the names in the spec; a name that no site has stands as -1, which no site matches. */
static int32_t *sites_by_name(const struct engine *e, const struct spec *spec)
{
        int32_t *ids = spec->site_count ? xcalloc(spec->site_count, sizeof *ids) : NULL;

        for (size_t i = 0; i < spec->site_count; i++) {
                ids[i] = -1;
                for (size_t k = 0; k < e->m->site_cap; k++) {
                        if (e->m->sites[k] && !e->m->sites[k]->gone &&
                            strcmp(e->m->sites[k]->name, spec->sites[i]) == 0)
                                ids[i] = (int32_t)k;
                }
        }
        return ids;
}

static struct m_job *add_job(struct engine *e, const struct load_job *row, const struct spec *spec)
{
        struct job_init init = {
            .id = row->id,
            .project = model_project(e->m, row->project),
            .name = row->name,
            .spec = e->m->jobs.n < SPECS_HELD_MAX ? row->spec : NULL,
            .priority = row->priority,
            .first = row->first_task,
            .last = row->last_task,
            .next = row->next_task,
            .throttle = spec->throttle,
            .succeeded = row->succeeded,
            .failed = row->failed,
            .cancelled = row->cancelled,
            .need = spec->need,
            .time_limit_ms = spec->time_limit_ms,
            .retry = spec->retry,
            .submitted_at = row->submitted_at,
            .started_at = row->started_at,
            .deadline = spec->deadline,
            .held = row->held,
            .cancelling = row->cancel,
            .after_count = row->after_count,
            .input_count = row->input_count,
            .output = row->output_dataset ? model_dataset(e->m, row->output_dataset) : NULL,
            .site_count = spec->site_count,
        };
        struct m_after *after = row->after_count ? xcalloc(row->after_count, sizeof *after) : NULL;
        struct m_dataset **inputs =
            row->input_count ? xcalloc(row->input_count, sizeof(struct m_dataset *)) : NULL;
        int32_t *sites = sites_by_name(e, spec);
        struct m_job *j;

        for (size_t i = 0; i < row->after_count; i++)
                after[i] = (struct m_after){.job = row->after[i].job,
                                            .condition = row->after[i].condition,
                                            .elementwise = row->after[i].elementwise};
        for (size_t i = 0; i < row->input_count; i++)
                inputs[i] = model_dataset(e->m, row->inputs[i]);
        init.after = after;
        init.inputs = inputs;
        init.sites = sites;
        j = model_job_add(e->m, &init);
        if (row->held)
                j->held_by = xstrdup("");
        if (row->cancel)
                j->cancelled_by = xstrdup("");
        free(after);
        free(inputs);
        free(sites);
        return j;
}

static bool condition_met(char condition, enum job_state s)
{
        return condition == 'a' || (condition == 'o') == (s == JOB_SUCCEEDED);
}

static const char *condition_word(char condition)
{
        return condition == 'o' ? "success" : condition == 'n' ? "failure" : "end";
}

/* Dependencies on jobs that ended before: met, or failed for good. */
static int settle_dependencies(struct engine *e, struct m_job *j, struct err *err)
{
        for (size_t i = 0; i < j->after_count; i++) {
                struct m_after *a = &j->after[i];
                enum job_state s;
                int rc;

                if (a->elementwise || a->met || model_job(e->m, a->job))
                        continue;
                rc = store_job_end(e->db, a->job, &s, err);
                if (rc < 0)
                        return -1;
                if (rc == 0)
                        continue;
                if (condition_met(a->condition, s)) {
                        a->met = true;
                } else {
                        jobs_cancel(e, j, NULL,
                                    arena_printf(&e->arena, "job %lld, whose %s it waited for, %s",
                                                 (long long)a->job, condition_word(a->condition),
                                                 job_state_name(s)));
                        return 0;
                }
        }
        model_job_update(e->m, j);
        return 0;
}

/* ---- element by element: task i of a job waits for task i of another
 * ------------------------------------------------ */

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

static int read_marks(struct engine *e, int64_t job, struct task_marks *t, struct err *err);

/* A task that waits element by element for one that ended otherwise than it should can never run. */
static int mark_hopeless(struct engine *e, const struct m_job *j, struct task_marks *t, struct err *err)
{
        for (size_t i = 0; i < j->after_count; i++) {
                struct task_marks on = {t->first, t->last, NULL};

                if (!j->after[i].elementwise)
                        continue;
                on.marks = xcalloc((size_t)(on.last - on.first) + 1, 1);
                if (read_marks(e, j->after[i].job, &on, err) < 0) {
                        free(on.marks);
                        return -1;
                }
                for (int32_t k = 0; k <= t->last - t->first; k++) {
                        bool ended = on.marks[k] & 1, well = on.marks[k] & 2;

                        if (ended && j->after[i].condition != 'a' && (j->after[i].condition == 'o') != well &&
                            !(t->marks[k] & 5))
                                t->marks[k] |= 1;
                }
                free(on.marks);
        }
        return 0;
}

static int read_marks(struct engine *e, int64_t job, struct task_marks *t, struct err *err)
{
        struct load_ended_task *rows;
        struct m_job *j = model_job(e->m, job);
        enum job_state s;
        size_t n;

        if (store_load_ended_tasks(e->db, job, &rows, &n, err) < 0)
                return -1;
        for (size_t i = 0; i < n; i++)
                mark(t, rows[i].task, rows[i].ok ? 3 : 1);
        free(rows);
        if (!j) {
                int rc = store_job_end(e->db, job, &s, err);

                if (rc < 0)
                        return -1;
                /* Tasks of an ended job that left no trace were cancelled. */
                for (int32_t k = t->first; rc == 1 && k <= t->last; k++)
                        mark(t, k, 1);
                return 0;
        }
        return j->elementwise ? mark_hopeless(e, j, t, err) : 0;
}

/* Count the tasks that can never run any more as cancelled. */
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
}

/* All element-wise dependencies of one task: 1 all met, 0 not yet, -1 never. */
static int element_verdict(const struct m_job *j, const struct task_marks *on, size_t task)
{
        int verdict = 1;

        for (size_t i = 0; i < j->after_count; i++) {
                uint8_t bits = on[i].marks ? on[i].marks[task] : 0;

                if (!j->after[i].elementwise)
                        continue;
                if (!(bits & 1))
                        verdict = verdict < 0 ? verdict : 0;
                else if (j->after[i].condition != 'a' && (j->after[i].condition == 'o') != !!(bits & 2))
                        verdict = -1;
        }
        return verdict;
}

/* Bring an element-wise job up to date with what ended before it was read. */
static int settle_elements(struct engine *e, struct m_job *j, struct err *err)
{
        struct task_marks own = {j->first, j->last, xcalloc((size_t)job_total(j), 1)}, *on;
        struct m_attempt *a;
        int32_t cancelled = (int32_t)j->skip_count;
        int rc = 0;

        on = xcalloc(j->after_count, sizeof *on);
        for (size_t i = 0; i < j->after_count && rc == 0; i++) {
                if (!j->after[i].elementwise)
                        continue;
                on[i] = (struct task_marks){j->first, j->last, xcalloc((size_t)job_total(j), 1)};
                rc = read_marks(e, j->after[i].job, &on[i], err);
        }
        if (rc == 0) {
                struct load_ended_task *rows;
                size_t n;

                rc = store_load_ended_tasks(e->db, j->id, &rows, &n, err);
                for (size_t i = 0; rc == 0 && i < n; i++) {
                        mark(&own, rows[i].task, 1);
                        cancelled += rows[i].cancelled;
                }
                if (rc == 0)
                        free(rows);
        }
        for (size_t i = 0; i < j->retry_count; i++)
                mark(&own, j->retries[i].task, 4);
        for (size_t i = 0; i < j->skip_count; i++)
                mark(&own, j->skips[i], 1);
        for (size_t i = 0; (a = map_next(&e->m->attempts, &i));) {
                if (a->job == j)
                        mark(&own, a->key.task, 4);
        }
        /* The record's count of cancelled tasks is made anew: those that can never run leave no trace of
         * their own. */
        if (rc == 0 && !j->cancelling)
                j->cancelled = cancelled;
        for (int64_t k = 0; rc == 0 && !j->cancelling && k < job_total(j); k++) {
                int verdict = own.marks[k] ? 0 : element_verdict(j, on, (size_t)k);

                if (own.marks[k] || verdict < 0)
                        job_element_leaves(j, j->first + (int32_t)k);
                if (verdict > 0)
                        element_release(e, j, j->first + (int32_t)k);
                else if (verdict < 0)
                        j->cancelled++;
        }
        for (size_t i = 0; i < j->after_count; i++)
                free(on[i].marks);
        free(on);
        free(own.marks);
        if (rc == 0) {
                model_job_dirty(e->m, j);
                jobs_finish_if_done(e, j);
        }
        return rc;
}

/* Several conditions on one task: judged from the record, once this commit is in it. */
static void settle_later(struct engine *e, int64_t job)
{
        for (size_t i = 0; i < e->resettle_n; i++) {
                if (e->resettle[i] == job)
                        return;
        }
        e->resettle = xgrow(e->resettle, e->resettle_n, &e->resettle_cap, sizeof *e->resettle);
        e->resettle[e->resettle_n++] = job;
}

/* Task `task` of job j ended for good: tell those who wait for it. */
void jobs_task_ended(struct engine *e, struct m_job *j, int32_t task, bool ok)
{
        const struct m_dependents *dep = model_dependents(e->m, j->id);

        for (size_t i = 0; i < dep->n; i++) {
                struct m_job *w = model_job(e->m, dep->jobs[i]);
                bool hopeless = false, single = true;

                if (!w || !w->elementwise || w->cancelling || task < w->first || task > w->last)
                        continue;
                for (size_t k = 0; k < w->after_count; k++) {
                        const struct m_after *a = &w->after[k];

                        if (a->elementwise && a->job != j->id)
                                single = false;
                        if (a->elementwise && a->job == j->id)
                                hopeless = a->condition != 'a' && (a->condition == 'o') != ok;
                }
                if (hopeless)
                        element_cancel(e, w, task);
                else if (single)
                        element_release(e, w, task);
                else
                        settle_later(e, w->id);
        }
}

/* ---- loading
 * ------------------------------------------------------------------------------------------------------ */

static int take_rows(struct engine *e, struct load_job *rows, size_t n, struct err *err)
{
        if (datasets_load_for(e, rows, n, err) < 0)
                return -1;
        for (size_t i = 0; i < n; i++) {
                struct spec spec;
                struct err why;
                struct m_job *j;

                if (model_job(e->m, rows[i].id))
                        continue;
                if (!model_project(e->m, rows[i].project))
                        return err_set(err, ERR_CONFLICT, "job %lld is of a project that is not known",
                                       (long long)rows[i].id);
                if (spec_parse(e->m, rows[i].spec, &spec, &why) < 0) {
                        log_error("job=%lld cannot be taken up: %s", (long long)rows[i].id, why.text);
                        COMMIT_ADD(
                            e, done,
                            (struct commit_done){.job = rows[i].id,
                                                 .state = JOB_FAILED,
                                                 .cancelled = rows[i].last_task - rows[i].first_task + 1,
                                                 .started_at = TIME_NONE,
                                                 .finished_at = e->m->wall_ms,
                                                 .message = arena_strdup(&e->arena, why.text)});
                        continue;
                }
                j = add_job(e, &rows[i], &spec);
                spec_release(&spec);
                if (!rows[i].taken)
                        model_job_dirty(e->m, j);
        }
        return 0;
}

/* Second step, once retries and attempts are in: dependencies, and jobs that were being cancelled. */
static int settle(struct engine *e, int64_t id, struct err *err)
{
        struct m_job *j = model_job(e->m, id);

        if (!j)
                return 0;
        if (settle_dependencies(e, j, err) < 0)
                return -1;
        if (j->elementwise && settle_elements(e, j, err) < 0)
                return -1;
        if (j->cancelling)
                jobs_cancel(e, j, j->cancelled_by, NULL);
        jobs_finish_if_done(e, j);
        return 0;
}

static int load_retries(struct engine *e, struct err *err)
{
        struct load_task *rows;
        size_t n;

        if (store_load_tasks(e->db, &rows, &n, err) < 0)
                return -1;
        for (size_t i = 0; i < n; i++) {
                struct m_job *j = model_job(e->m, rows[i].job);
                struct m_retry r = {.task = rows[i].task,
                                    .attempt = rows[i].attempt,
                                    .task_failures = rows[i].task_failures,
                                    .site_failures = rows[i].site_failures,
                                    .avoid_site = rows[i].avoid_site,
                                    .due = rows[i].not_before};

                if (j && r.attempt == TASK_TAKEN_OUT)
                        model_job_skip(e->m, j, r.task);
                else if (j)
                        model_job_retry(e->m, j, &r);
        }
        store_free_tasks(rows, n);
        return 0;
}

static int load_attempts(struct engine *e, struct err *err)
{
        struct load_attempt *rows;
        size_t n;
        int rc = 0;

        if (store_load_attempts(e->db, &rows, &n, err) < 0)
                return -1;
        for (size_t i = 0; i < n && rc == 0; i++) {
                struct m_job *j = model_job(e->m, rows[i].key.job);
                struct m_worker *w = model_worker(e->m, rows[i].worker);
                struct m_attempt *a;

                if (!j || !w) {
                        rc = err_set(err, ERR_CONFLICT,
                                     "attempt %lld.%d#%d is of a job or worker that is not there",
                                     (long long)rows[i].key.job, rows[i].key.task, rows[i].key.attempt);
                        break;
                }
                /* Where it does not fit as the worker is now, it was sent ahead. */
                a = model_attempt_open(e->m, j, w, rows[i].key.task, rows[i].key.attempt,
                                       rows[i].state == ATTEMPT_STARTING &&
                                           !res_fits(&j->shape->need, &w->free));
                /* Reserved on record: whether the launch left is not known, and telling again does no harm.
                 */
                a->state = rows[i].state == ATTEMPT_RESERVED ? ATTEMPT_STARTING : rows[i].state;
                a->task_failures = rows[i].task_failures;
                a->site_failures = rows[i].site_failures;
                a->placed_at = rows[i].placed_at;
                a->started_at = rows[i].started_at;
                a->decision = rows[i].decision;
                model_charge(e->m, j->shape->project, -a->charged); /* it was charged when it was placed */
                model_job_update(e->m, j);
        }
        store_free_attempts(rows, n);
        return rc;
}

int jobs_load_all(struct engine *e, struct err *err)
{
        int64_t after = 0, *ids = NULL;
        struct load_job *rows;
        size_t n, count = 0, cap = 0;
        struct m_job *j;
        int rc = 0;

        do {
                if (store_load_jobs(e->db, true, after, LOAD_MAX, &rows, &n, err) < 0)
                        return -1;
                if (n)
                        after = rows[n - 1].id;
                rc = take_rows(e, rows, n, err);
                store_free_jobs(rows, n);
        } while (rc == 0 && n == LOAD_MAX);
        if (rc < 0 || load_retries(e, err) < 0 || load_attempts(e, err) < 0)
                return -1;
        /* In order of number: a job depends on earlier ones only. */
        for (size_t i = 0; (j = map_next(&e->m->jobs, &i));) {
                if (!j->after_count && !j->cancelling && !job_is_done(j))
                        continue;
                ids = xgrow(ids, count, &cap, sizeof *ids);
                ids[count++] = j->id;
        }
        for (size_t i = 1; i < count; i++) {
                for (size_t k = i; k && ids[k - 1] > ids[k]; k--) {
                        int64_t t = ids[k];

                        ids[k] = ids[k - 1];
                        ids[k - 1] = t;
                }
        }
        for (size_t i = 0; i < count && rc == 0; i++)
                rc = settle(e, ids[i], err);
        free(ids);
        return rc;
}

int jobs_take_new(struct engine *e, struct err *err)
{
        struct load_job *rows;
        size_t n;
        int rc;

        if (store_load_jobs(e->db, false, 0, TAKE_MAX, &rows, &n, err) < 0)
                return -1;
        rc = take_rows(e, rows, n, err);
        for (size_t i = 0; i < n && rc == 0; i++) {
                if (rows[i].after_count)
                        rc = settle(e, rows[i].id, err);
        }
        store_free_jobs(rows, n);
        if (n == TAKE_MAX)
                e->look_new = true;
        if (e->look_new)
                engine_wake(e);
        return rc;
}

/* ---- intents
 * -------------------------------------------------------------------------------------------------------- */

/* Waiting tasks are cancelled at once, running ones are asked to stop. */
void jobs_cancel(struct engine *e, struct m_job *j, const char *by, const char *why)
{
        int64_t open = job_total(j) - j->succeeded - j->failed - j->cancelled - j->live;
        struct m_attempt *a;

        j->cancelling = true;
        if (!j->cancelled_by || (by && *by)) {
                free(j->cancelled_by);
                j->cancelled_by = xstrdup(by ? by : "reeve");
        }
        for (size_t i = 0; i < j->retry_count; i++)
                COMMIT_ADD(e, unqueued, (struct commit_task){j->id, j->retries[i].task});
        e->m->ready_tasks -= job_waiting(j);
        j->retry_count = j->skip_count = 0;
        j->next = j->elementwise ? j->next : j->last + 1;
        j->cancelled += (int32_t)open;
        model_job_dirty(e->m, j);
        model_job_update(e->m, j);
        if (why)
                record_event(e, "job.cancelled", by, j->id, -1, 0, "job %lld is cancelled: %s",
                             (long long)j->id, why);
        for (size_t i = 0; j->live && (a = map_next(&e->m->attempts, &i));) {
                if (a->job == j)
                        attempt_request_stop(e, a);
        }
        jobs_finish_if_done(e, j);
}

static void cancel_task(struct engine *e, struct m_job *j, int32_t task, const char *by)
{
        struct m_attempt *a = model_attempt(e->m, j->id, task);
        bool queued;

        if (a) {
                attempt_request_stop(e, a);
                return;
        }
        if (!model_job_drop_task(e->m, j, task, &queued))
                return;
        if (queued)
                COMMIT_ADD(e, unqueued, (struct commit_task){j->id, task});
        /* A row with attempt -1 says that the task was taken out. */
        COMMIT_ADD(e, retries,
                   (struct commit_retry){.job = j->id,
                                         .task = task,
                                         .attempt = TASK_TAKEN_OUT,
                                         .not_before = e->m->wall_ms,
                                         .last_outcome = outcome_name(OUTCOME_CANCELLED)});
        j->cancelled++;
        model_job_dirty(e->m, j);
        record_event(e, "task.cancelled", by, j->id, task, 0, "task %lld.%d is cancelled", (long long)j->id,
                     task);
        jobs_task_ended(e, j, task, false);
        jobs_finish_if_done(e, j);
}

static void hold(struct engine *e, struct m_job *j, bool on, const char *by)
{
        j->held = on;
        free(j->held_by);
        j->held_by = on ? xstrdup(by) : NULL;
        model_job_dirty(e->m, j);
        model_job_update(e->m, j);
        j->wait_written = 0;
        record_event(e, on ? "job.held" : "job.released", by, j->id, -1, 0, "job %lld is %s",
                     (long long)j->id, on ? "on hold" : "released");
}

static void apply_intent(struct engine *e, struct m_job *j, const struct load_intent *in)
{
        const char *by = arena_strdup(&e->arena, in->actor);

        switch (in->kind) {
        case 'h':
                hold(e, j, true, by);
                break;
        case 'r':
                hold(e, j, false, by);
                break;
        case 'p':
                model_job_priority(e->m, j, in->value);
                record_event(e, "job.priority", by, j->id, -1, 0, "priority of job %lld is %d",
                             (long long)j->id, in->value);
                break;
        case 'c':
                if (in->task >= 0)
                        cancel_task(e, j, in->task, by);
                else
                        jobs_cancel(e, j, by, "somebody asked for it");
                break;
        }
}

int jobs_take_intents(struct engine *e, struct err *err)
{
        struct load_intent *rows;
        size_t n;

        if (store_load_intents(e->db, &rows, &n, err) < 0)
                return -1;
        for (size_t i = 0; i < n; i++) {
                struct m_job *j = model_job(e->m, rows[i].job);

                if (j && !job_is_done(j))
                        apply_intent(e, j, &rows[i]);
                COMMIT_ADD(e, intents, rows[i].id);
        }
        store_free_intents(rows, n);
        return 0;
}

void jobs_deadlines(struct engine *e)
{
        struct m_job *j;

        for (size_t i = 0; (j = map_next(&e->m->jobs, &i));) {
                if (j->deadline == INT64_MIN || j->deadline > e->m->wall_ms || j->cancelling ||
                    job_is_done(j))
                        continue;
                if (job_waiting(j) || j->elementwise)
                        jobs_cancel(e, j, NULL, "its deadline passed before all of its tasks had started");
        }
}

/* ---- ends -------------------------------------------------------------------------------------- */

static const char *end_message(struct engine *e, const struct m_job *j, enum job_state s)
{
        switch (s) {
        case JOB_FAILED:
                return arena_printf(&e->arena, "%d of %lld tasks failed", j->failed, (long long)job_total(j));
        case JOB_CANCELLED:
                return arena_printf(&e->arena, "%d of %lld tasks were cancelled", j->cancelled,
                                    (long long)job_total(j));
        case JOB_ACCEPTED:
        case JOB_ACTIVE:
        case JOB_SUCCEEDED:
        case JOB_STATE_COUNT:
                break;
        }
        return NULL;
}

void jobs_finish_if_done(struct engine *e, struct m_job *j)
{
        enum job_state s;

        if (!job_is_done(j) || j->live)
                return;
        for (size_t i = 0; i < e->finished_n; i++) {
                if (e->finished[i] == j)
                        return;
        }
        s = job_end_state(j);
        e->finished = xgrow(e->finished, e->finished_n, &e->finished_cap, sizeof(struct m_job *));
        e->finished[e->finished_n++] = j;
        COMMIT_ADD(e, done,
                   (struct commit_done){.job = j->id,
                                        .state = s,
                                        .succeeded = j->succeeded,
                                        .failed = j->failed,
                                        .cancelled = j->cancelled,
                                        .started_at = j->started_at,
                                        .finished_at = e->m->wall_ms,
                                        .message = end_message(e, j, s)});
        e->commit.tasks_cancelled += j->cancelled;
        record_event(e, "job.ended", NULL, j->id, -1, 0, "job %lld %s", (long long)j->id, job_state_name(s));
        engine_wake(e);
}

/* Those who waited for the whole job may go, or never will. */
static void tell_dependents(struct engine *e, int64_t id, enum job_state s)
{
        const struct m_dependents *dep = model_dependents(e->m, id);

        for (size_t i = dep->n; i-- > 0;) {
                struct m_job *w = i < dep->n ? model_job(e->m, dep->jobs[i]) : NULL;

                for (size_t k = 0; w && k < w->after_count; k++) {
                        struct m_after *a = &w->after[k];

                        if (a->job != id || a->met || w->cancelling)
                                continue;
                        if (a->elementwise || condition_met(a->condition, s)) {
                                a->met = true;
                                model_job_update(e->m, w);
                        } else {
                                jobs_cancel(e, w, NULL,
                                            arena_printf(&e->arena, "job %lld, whose %s it waited for, %s",
                                                         (long long)id, condition_word(a->condition),
                                                         job_state_name(s)));
                        }
                }
        }
}

/* The job's outputs are final: read them back, and let go who waited for them. */
static void outputs_are_final(struct engine *e, struct m_dataset *d, enum job_state s)
{
        struct err err;
        int64_t id = d->id;
        struct m_job *w;

        if (datasets_load(e, &id, 1, &err) < 0) {
                log_warn("dataset=%s could not be read back: %s", d->name, err.text);
                e->look_new = true;
        }
        if (s == JOB_SUCCEEDED) {
                d->sealed = true;
                model_dataset_changed(e->m, d);
                return;
        }
        for (size_t i = 0; (w = map_next(&e->m->jobs, &i));) {
                for (size_t k = 0; k < w->input_count; k++) {
                        if (w->inputs[k] == d && !w->cancelling && !job_is_done(w))
                                jobs_cancel(
                                    e, w, NULL,
                                    arena_printf(
                                        &e->arena,
                                        "its input %s will never be complete: the job that makes it %s",
                                        d->name, job_state_name(s)));
                }
        }
}

static void forget_templates(struct engine *e, int64_t job)
{
        for (size_t k = 0; k < e->worker_cap; k++) {
                struct engine_worker *ew = e->workers[k];

                if (ew && ew->link && worker_link_has_template(ew->link, job))
                        worker_link_forget(ew->link, job, NULL);
        }
}

/* The ends are on record: take the jobs out of the model. What this sets off is part of the next commit. */
int jobs_after_commit(struct engine *e, struct err *err)
{
        size_t n = e->finished_n;
        struct m_job **done = e->finished;

        e->finished = NULL;
        e->finished_n = e->finished_cap = 0;
        for (size_t i = 0; i < n; i++) {
                struct m_job *j = done[i];
                enum job_state s = job_end_state(j);
                int64_t id = j->id;

                forget_templates(e, id);
                if (j->output)
                        outputs_are_final(e, j->output, s);
                tell_dependents(e, id, s);
                model_job_remove(e->m, j);
                engine_wake(e);
        }
        free(done);
        while (e->resettle_n) {
                struct m_job *j = model_job(e->m, e->resettle[--e->resettle_n]);

                if (j && !j->cancelling && settle_elements(e, j, err) < 0)
                        return -1;
        }
        return 0;
}

/* Specs that were not kept in memory, for jobs whose turn has come. */
void jobs_fetch_specs(struct engine *e)
{
        for (size_t i = 0; i < e->plan.want_count; i++) {
                struct m_job *j = e->plan.want_spec[i];
                struct err err;

                if (!j->spec && store_job_spec(e->db, j->id, &j->spec, &err) < 0)
                        log_warn("job=%lld its spec could not be read: %s", (long long)j->id, err.text);
                engine_wake(e);
        }
}
