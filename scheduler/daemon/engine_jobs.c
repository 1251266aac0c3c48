/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs: taken up, asked about, waited for, ended. */
#include "daemon/engine_priv.h"
#include "daemon/spec.h"

#include "common/log.h"
#include "common/util.h"
#include "core/parts.h"

#include <string.h>

#define TAKE_MAX    2000  /* new jobs taken up in one pass */
#define LOAD_MAX    10000 /* jobs read in one bite at the start */
#define INTENTS_MAX 10000 /* that store_load_intents reads at once */
#define SPECS_HELD_MAX                                                                                       \
        200000 /* jobs whose spec is kept in memory; the others are read again when their turn comes */

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

/* How its tasks share the files of an input; NULL: they do not, or each waits for all of it. */
static struct m_parts *load_parts(struct engine *e, const struct load_job *row)
{
        struct m_parts *p = NULL;
        struct load_share *rows;
        struct err err = {0};
        size_t n;

        for (size_t i = 0; i < row->after_count; i++) {
                if (row->after[i].elementwise)
                        return NULL;
        }
        if (!spec_has_parts(row->spec))
                return NULL;
        if (store_load_shares(e->db, row->id, PARTS_TASKS_MAX + 1, &rows, &n, &err) < 0) {
                log_warn("job=%lld how it shares files could not be read: %s", (long long)row->id, err.text);
                return NULL;
        }
        if (n && n <= PARTS_TASKS_MAX) {
                p = parts_new(rows[0].dataset, (int32_t)n);
                for (size_t i = 0; i < n; i++)
                        parts_set(p, (int32_t)i + 1, rows[i].files, rows[i].bytes);
        }
        store_free_shares(rows, n);
        return p;
}

static struct m_job *add_job(struct engine *e, const struct load_job *row, const struct spec *spec,
                             struct task_set *tasks)
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
            .tasks = tasks,
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
            .not_before = spec->not_before,
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
        init.parts = load_parts(e, row);
        j = model_job_add(e->m, &init);
        j->wait = row->wait;
        j->wait_since = row->wait_since;
        if (j->deadline != INT64_MIN)
                heap_add(&e->deadlines, j);
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

/* ---- loading
 * ------------------------------------------------------------------------------------------------------ */

/* A job that cannot be read ends before it began. */
static void refuse_row(struct engine *e, const struct load_job *row, const char *why)
{
        log_error("job=%lld cannot be taken up: %s", (long long)row->id, why);
        COMMIT_ADD(e, done,
                   (struct commit_done){.job = row->id,
                                        .state = JOB_FAILED,
                                        .cancelled = row->task_total,
                                        .started_at = TIME_NONE,
                                        .finished_at = e->m->wall_ms,
                                        .message = arena_strdup(&e->arena, why)});
}

/* Spec and tasks of a job, and the job itself; NULL and *why when they cannot be read. */
static struct m_job *take_row(struct engine *e, const struct load_job *row, struct err *why)
{
        struct task_set *tasks = NULL;
        struct spec spec;
        struct m_job *j;

        if (row->task_list && task_set_parse("tasks", row->task_list, &tasks, NULL, why) < 0)
                return NULL;
        if (spec_parse(e->m, row->spec, &spec, why) < 0) {
                task_set_free(tasks);
                return NULL;
        }
        j = add_job(e, row, &spec, tasks);
        spec_release(&spec);
        return j;
}

/* For the first time: its row is to say so. */
static void take_up(struct engine *e, struct m_job *j, const struct load_job *row)
{
        model_job_dirty(e->m, j);
        record_event(e, "job.submitted", row->user, j->id, -1, 0,
                     "job %lld \"%.200s\" is accepted: %d task%s", (long long)j->id, j->name, row->task_total,
                     row->task_total == 1 ? "" : "s");
}

static int take_rows(struct engine *e, struct load_job *rows, size_t n, struct err *err)
{
        if (jobs_load_inputs(e, rows, n, err) < 0)
                return -1;
        for (size_t i = 0; i < n; i++) {
                struct err why;
                struct m_job *j;

                if (model_job(e->m, rows[i].id))
                        continue;
                /* The project may be younger than our last look at the world. */
                if (!model_project(e->m, rows[i].project) && world_load(e, err) < 0)
                        return -1;
                if (!model_project(e->m, rows[i].project))
                        return err_set(err, ERR_CONFLICT, "job %lld is of a project that is not known",
                                       (long long)rows[i].id);
                j = take_row(e, &rows[i], &why);
                if (!j)
                        refuse_row(e, &rows[i], why.text);
                else if (!rows[i].taken)
                        take_up(e, j, &rows[i]);
        }
        return 0;
}

/* Will an input of the job never be complete? Its name, or NULL. Who asks for the outputs of a job that
 * failed after it did knows what he asks for. */
static const struct m_dataset *dead_input(const struct m_job *j)
{
        for (size_t i = 0; i < j->input_count; i++) {
                if (j->inputs[i]->maker_failed > 0 && j->inputs[i]->maker_failed >= j->submitted_at)
                        return j->inputs[i];
        }
        return NULL;
}

static void cancel_for_input(struct engine *e, struct m_job *j, const struct m_dataset *d)
{
        jobs_cancel(e, j, NULL,
                    arena_printf(&e->arena,
                                 "its input %s will never be complete: the job that makes it did not succeed",
                                 d->name));
}

/* Second step, once retries and attempts are in: dependencies, and jobs that were being cancelled. */
static int settle(struct engine *e, struct m_job *j, struct err *err)
{
        const struct m_dataset *dead = dead_input(j);

        if (settle_dependencies(e, j, err) < 0)
                return -1;
        if (dead && !j->cancelling)
                cancel_for_input(e, j, dead);
        else if (j->cancelling)
                jobs_cancel(e, j, j->cancelled_by, NULL);
        jobs_finish_if_done(e, j);
        return 0;
}

/* The same for a job of which earlier leaderships may have done a part. */
static int restore(struct engine *e, struct m_job *j, struct err *err)
{
        if (j->elementwise && elements_restore(e, j, err) < 0)
                return -1;
        return settle(e, j, err);
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
                if (a->state == ATTEMPT_ABORTING)
                        a->stop = rows[i].cancel || j->cancelling || w->site->intent != SITE_CLOSED
                                      ? OUTCOME_CANCELLED
                                      : OUTCOME_DRAINED;
                model_charge(e->m, j->shape->project, -a->charged); /* it was charged when it was placed */
                model_job_update(e->m, j);
        }
        store_free_attempts(rows, n);
        return rc;
}

static int by_id(const void *x, const void *y)
{
        int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;

        return (a > b) - (a < b);
}

void jobs_sort_ids(int64_t *ids, size_t n)
{
        if (n)
                qsort(ids, n, sizeof *ids, by_id);
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
        for (size_t i = 0; (j = map_next(&e->m->jobs, &i));) {
                if (!j->after_count && !j->cancelling && !job_is_done(j) && !dead_input(j))
                        continue;
                ids = xgrow(ids, count, &cap, sizeof *ids);
                ids[count++] = j->id;
        }
        /* In order of number: a job depends on earlier ones only. */
        jobs_sort_ids(ids, count);
        for (size_t i = 0; i < count && rc == 0; i++)
                rc = restore(e, model_job(e->m, ids[i]), err);
        free(ids);
        if (rc == 0)
                jobs_deadlines(e);
        return rc;
}

static int take_new(struct engine *e, bool *ret_more, struct err *err)
{
        struct load_job *rows;
        size_t n;
        int rc;

        if (store_load_jobs(e->db, false, 0, TAKE_MAX, &rows, &n, err) < 0)
                return -1;
        rc = take_rows(e, rows, n, err);
        for (size_t i = 0; i < n && rc == 0; i++) {
                struct m_job *j = model_job(e->m, rows[i].id);

                if (!j || (!j->after_count && !dead_input(j)))
                        continue;
                /* What ended since the last commit is not on record yet. */
                if (j->elementwise)
                        elements_settle_later(e, j->id);
                rc = settle(e, j, err);
        }
        store_free_jobs(rows, n);
        *ret_more = n == TAKE_MAX;
        return rc;
}

/* ---- intents
 * -------------------------------------------------------------------------------------------------------- */

/* Rows for the task queue that no commit has taken yet: of one task (-1: all) of a job. */
static void forget_retries(struct engine *e, int64_t job, int32_t task)
{
        size_t kept = 0;

        for (size_t i = 0; i < e->commit.retries_n; i++) {
                const struct commit_retry *r = &e->commit.retries[i];

                if (r->job != job || (task >= 0 && r->task != task))
                        e->commit.retries[kept++] = *r;
        }
        e->commit.retries_n = kept;
}

/* Everything that waits is cancelled at once. */
static void cancel_waiting(struct engine *e, struct m_job *j)
{
        int64_t open = job_total(j) - j->succeeded - j->failed - j->cancelled - j->live;

        if (j->retry_count)
                forget_retries(e, j->id, -1);
        for (size_t i = 0; i < j->retry_count; i++)
                COMMIT_ADD(e, unqueued, (struct commit_task){j->id, j->retries[i].task});
        e->m->ready_tasks -= job_waiting(j);
        j->retry_count = j->skip_count = 0;
        if (j->elementwise)
                memset(j->left, 0xff, (size_t)(job_span(j) + 7) / 8);
        else
                j->next = j->last + 1;
        j->cancelled += (int32_t)open;
        model_job_dirty(e->m, j);
        model_job_update(e->m, j);
}

/* Waiting tasks are cancelled at once, running ones are asked to stop. */
void jobs_cancel(struct engine *e, struct m_job *j, const char *by, const char *why)
{
        int32_t left = j->live;
        struct m_attempt *a;

        j->cancelling = true;
        if (!j->cancelled_by || (by && *by)) {
                char *before = j->cancelled_by; /* `by` may be it */

                j->cancelled_by = xstrdup(by ? by : "reeve");
                free(before);
        }
        cancel_waiting(e, j);
        if (why)
                record_event(e, "job.cancelled", by, j->id, -1, 0, "job %lld is cancelled: %s",
                             (long long)j->id, why);
        for (size_t i = 0; left && (a = map_next(&e->m->attempts, &i));) {
                if (a->job != j)
                        continue;
                attempt_request_stop(e, a, OUTCOME_CANCELLED);
                left--;
        }
        jobs_finish_if_done(e, j);
}

static void cancel_task(struct engine *e, struct m_job *j, int32_t task, const char *by)
{
        struct m_attempt *a = model_attempt(e->m, j->id, task);
        bool queued;

        if (a) {
                attempt_request_stop(e, a, OUTCOME_CANCELLED);
                return;
        }
        if (!model_job_drop_task(e->m, j, task, &queued))
                return;
        if (queued)
                forget_retries(e, j->id, task);
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

/* New jobs and what people asked. Requests are read first: whatever job one of them names was submitted
 * earlier and is among those read then, unless there are more than one pass takes; its requests stay. */
int jobs_take_asked(struct engine *e, struct err *err)
{
        struct load_intent *rows;
        bool more = false;
        size_t n;

        if (store_load_intents(e->db, &rows, &n, err) < 0)
                return -1;
        if (take_new(e, &more, err) < 0) {
                store_free_intents(rows, n);
                return -1;
        }
        for (size_t i = 0; i < n; i++) {
                struct m_job *j = model_job(e->m, rows[i].job);

                if (!j && more)
                        continue;
                if (j && !job_is_done(j))
                        apply_intent(e, j, &rows[i]);
                COMMIT_ADD(e, intents, rows[i].id);
        }
        if (more || n == INTENTS_MAX) {
                e->look_new = true;
                engine_wake(e);
        }
        store_free_intents(rows, n);
        return 0;
}

bool job_deadline_before(const void *a, const void *b)
{
        const struct m_job *x = a, *y = b;

        return x->deadline != y->deadline ? x->deadline < y->deadline : x->id < y->id;
}

/* What has not begun by the job's deadline never will; what runs goes on. */
void jobs_deadlines(struct engine *e)
{
        struct m_job *j;

        while ((j = heap_top(&e->deadlines)) && j->deadline <= e->m->wall_ms) {
                heap_remove(&e->deadlines, j);
                if (j->cancelling || job_is_done(j) ||
                    job_total(j) == (int64_t)j->succeeded + j->failed + j->cancelled + j->live)
                        continue;
                cancel_waiting(e, j);
                record_event(e, "job.cancelled", NULL, j->id, -1, 0,
                             "what had not begun of job %lld is cancelled: its deadline passed",
                             (long long)j->id);
                jobs_finish_if_done(e, j);
                engine_wake(e);
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

        if (!job_is_done(j) || j->live || j->ended)
                return;
        j->ended = true;
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
                        if (a->elementwise) {
                                /* Each task that ended told so; those that never ran may have not. */
                                a->met = true;
                                if (job_elements_waiting(w) > 0)
                                        elements_settle_later(e, w->id);
                        } else if (condition_met(a->condition, s)) {
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
static int outputs_are_final(struct engine *e, struct m_dataset *d, enum job_state s, struct err *err)
{
        int64_t id = d->id;

        if (!d->reader_count)
                return 0;
        if (jobs_load_datasets(e, &id, 1, err) < 0)
                return -1;
        if (s == JOB_SUCCEEDED) {
                d->sealed = true;
                model_dataset_changed(e->m, d);
                return 0;
        }
        for (size_t i = 0; i < d->reader_count; i++) {
                struct m_job *w = d->readers[i].job;

                if (!w->cancelling && !job_is_done(w))
                        cancel_for_input(e, w, d);
        }
        return 0;
}

static void forget_templates(struct engine *e, int64_t job)
{
        for (size_t k = 0; k < e->worker_cap; k++) {
                struct engine_worker *ew = e->workers[k];

                if (ew && ew->link && worker_link_has_template(ew->link, job))
                        worker_link_forget(ew->link, job, NULL);
        }
}

static int job_leaves(struct engine *e, struct m_job *j, struct err *err)
{
        enum job_state s = job_end_state(j);
        int64_t id = j->id;

        forget_templates(e, id);
        if (j->output && outputs_are_final(e, j->output, s, err) < 0)
                return -1;
        tell_dependents(e, id, s);
        heap_remove(&e->deadlines, j);
        model_job_remove(e->m, j);
        engine_wake(e);
        return 0;
}

/* The ends are on record: take the jobs out of the model. What this sets off is part of the next commit. */
int jobs_after_commit(struct engine *e, struct err *err)
{
        size_t n = e->finished_n;
        struct m_job **done = e->finished;
        int rc = 0;

        e->finished = NULL;
        e->finished_n = e->finished_cap = 0;
        for (size_t i = 0; i < n && rc == 0; i++)
                rc = job_leaves(e, done[i], err);
        free(done);
        return rc < 0 || !e->resettle.n ? rc : elements_settle_asked(e, err);
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
