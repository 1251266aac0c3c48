/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs, tasks, attempts, datasets, intents and calls, as a leadership finds them. */
#include "store/engine_priv.h"
#include "common/num.h"
#include "common/util.h"

#include <string.h>

#define ENDED_PAGE 50000

/* ---- jobs -----------------------------------------------------------------------------------------------
 */

#define JOB_QUERY                                                                                            \
        "select j.id, j.project_id, q.priority, j.name, j.spec, j.first_task, j.last_task, q.next_task,"     \
        " j.task_list, coalesce(j.task_count, j.last_task - j.first_task + 1) as task_total,"                \
        " q.succeeded, q.failed, q.cancelled, j.submitted_at, q.started_at, q.taken,"                        \
        " (select u.name from users u where u.id = j.user_id) as user,"                                      \
        " q.held_by is not null as held, q.cancelled_by is not null as cancel, q.wait, q.wait_since,"        \
        " (select d.id from datasets d where d.job_id = j.id order by d.id limit 1) as output"               \
        " from job_queue q join jobs j on j.id = q.job_id"

static void job_fill(const struct rows *r, void *element)
{
        struct load_job *j = element;

        j->id = row_int(r, "id");
        j->project = (int32_t)row_int(r, "project_id");
        j->priority = (int32_t)row_int(r, "priority");
        j->name = row_text_copy(r, "name");
        j->spec = row_text_copy(r, "spec");
        j->user = row_text_copy(r, "user");
        j->first_task = (int32_t)row_int(r, "first_task");
        j->last_task = (int32_t)row_int(r, "last_task");
        j->next_task = (int32_t)row_int(r, "next_task");
        j->task_total = (int32_t)row_int(r, "task_total");
        j->task_list = row_text_copy(r, "task_list");
        j->succeeded = (int32_t)row_int(r, "succeeded");
        j->failed = (int32_t)row_int(r, "failed");
        j->cancelled = (int32_t)row_int(r, "cancelled");
        j->submitted_at = row_time(r, "submitted_at");
        j->started_at = row_time(r, "started_at");
        j->taken = row_bool(r, "taken");
        j->held = row_bool(r, "held");
        j->cancel = row_bool(r, "cancel");
        if (wait_reason_parse(row_text(r, "wait"), &j->wait) < 0)
                j->wait = WAIT_NEW;
        j->wait_since = row_time(r, "wait_since");
        j->output_dataset = row_int(r, "output");
}

/* Child rows come in the order of the jobs. */
static struct load_job *job_of(struct load_job *jobs, size_t n, size_t *i, int64_t id, size_t *cap)
{
        for (; *i < n && jobs[*i].id < id; (*i)++)
                *cap = 0;
        return *i < n && jobs[*i].id == id ? &jobs[*i] : NULL;
}

static void jobs_take_after(struct load_job *jobs, size_t n, struct rows *r)
{
        size_t i = 0, cap = 0;

        while (rows_next(r)) {
                struct load_job *j = job_of(jobs, n, &i, row_int(r, "job_id"), &cap);

                if (!j)
                        continue;
                j->after = xgrow(j->after, j->after_count, &cap, sizeof *j->after);
                j->after[j->after_count].job = row_int(r, "on_job_id");
                j->after[j->after_count].condition = row_text(r, "condition")[0];
                j->after[j->after_count++].elementwise = row_bool(r, "elementwise");
        }
}

static void jobs_take_inputs(struct load_job *jobs, size_t n, struct rows *r)
{
        size_t i = 0, cap = 0;

        while (rows_next(r)) {
                struct load_job *j = job_of(jobs, n, &i, row_int(r, "job_id"), &cap);

                if (!j)
                        continue;
                j->inputs = xgrow(j->inputs, j->input_count, &cap, sizeof *j->inputs);
                j->inputs[j->input_count++] = row_int(r, "dataset_id");
        }
}

static int jobs_load_children(struct db *db, struct load_job *jobs, size_t n, struct err *err)
{
        AUTO_ROWS struct rows *after = NULL, *inputs = NULL;
        struct stmt *st;

        if (n == 0)
                return 0;
        st = db_stmt(
            db, "load_job_after",
            "select job_id, on_job_id, condition, elementwise from job_after where job_id = any($1::bigint[])"
            " order by job_id, on_job_id");
        bind_column_i64(st, &jobs[0].id, sizeof *jobs, n);
        if (db_query(st, &after, err) < 0)
                return -1;
        st = db_stmt(db, "load_job_inputs",
                     "select job_id, dataset_id from job_inputs where job_id = any($1::bigint[])"
                     " order by job_id, position");
        bind_column_i64(st, &jobs[0].id, sizeof *jobs, n);
        if (db_query(st, &inputs, err) < 0)
                return -1;
        jobs_take_after(jobs, n, after);
        jobs_take_inputs(jobs, n, inputs);
        return 0;
}

int store_load_jobs(struct db *db, bool all, int64_t after, int limit, struct load_job **ret, size_t *ret_n,
                    struct err *err)
{
        struct load_job *jobs = NULL;
        struct stmt *st;
        size_t n = 0;

        if (all) {
                st = db_stmt(db, "load_jobs", JOB_QUERY " where q.job_id > $1 order by q.job_id limit $2");
                bind_int(st, after);
        } else {
                st = db_stmt(db, "load_jobs_new", JOB_QUERY " where not q.taken order by q.job_id limit $1");
        }
        bind_int(st, limit);
        if (LOAD_ALL(st, struct load_job, job_fill, &jobs, &n, err) < 0)
                return -1;
        if (jobs_load_children(db, jobs, n, err) < 0) {
                store_free_jobs(jobs, n);
                return -1;
        }
        *ret = jobs;
        *ret_n = n;
        return 0;
}

void store_free_jobs(struct load_job *rows, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                free(rows[i].name);
                free(rows[i].spec);
                free(rows[i].user);
                free(rows[i].task_list);
                free(rows[i].after);
                free(rows[i].inputs);
        }
        free(rows);
}

int store_job_spec(struct db *db, int64_t job, char **ret, struct err *err)
{
        struct stmt *st = db_stmt(db, "job_spec", "select spec from jobs where id = $1");
        AUTO_ROWS struct rows *r = NULL;

        bind_int(st, job);
        if (db_query(st, &r, err) < 0)
                return -1;
        if (!rows_next(r))
                return 0;
        *ret = row_text_copy(r, "spec");
        return 1;
}

int store_job_end(struct db *db, int64_t job, enum job_state *ret, struct err *err)
{
        struct stmt *st = db_stmt(db, "job_end", "select state from jobs where id = $1");
        AUTO_ROWS struct rows *r = NULL;
        enum job_state state;

        bind_int(st, job);
        if (db_query(st, &r, err) < 0)
                return -1;
        if (!rows_next(r))
                return err_set(err, ERR_NOT_FOUND, "no job %lld", (long long)job);
        if (job_state_parse(row_text(r, "state"), &state) < 0)
                return err_set(err, ERR_SYSTEM, "job %lld has a state that this program does not know",
                               (long long)job);
        if (state == JOB_ACCEPTED || state == JOB_ACTIVE)
                return 0;
        *ret = state;
        return 1;
}

/* ---- tasks of a job that ended --------------------------------------------------------------------------
 * Ends stand in attempts, except those of tasks that never had one: they were cancelled, one by one (an
 * applied intent) or with their job. For a job that ended all its tasks are answered; for a live one those
 * known to have ended.
 */

struct ended_tasks {
        struct load_ended_task *rows;
        size_t n, cap;
        int32_t first; /* number of rows[0] when `whole` */
        bool whole;    /* one row a task, in order */
};

static void ended_task_add(struct ended_tasks *e, struct load_ended_task t)
{
        if (e->whole) {
                size_t i = (size_t)t.task - (size_t)e->first;

                if (i < e->n)
                        e->rows[i] = t;
                return;
        }
        e->rows = xgrow(e->rows, e->n, &e->cap, sizeof *e->rows);
        e->rows[e->n++] = t;
}

static void ended_tasks_whole(struct ended_tasks *e, int64_t first, int64_t last)
{
        e->whole = true;
        e->first = (int32_t)first;
        e->n = (size_t)(last - first + 1);
        e->rows = xcalloc(e->n, sizeof *e->rows);
        for (size_t i = 0; i < e->n; i++)
                e->rows[i].task = (int32_t)(first + (int64_t)i);
}

static int ended_from_history(struct db *db, int64_t job, struct ended_tasks *e, struct err *err)
{
        int64_t after = -1;

        for (;;) {
                AUTO_ROWS struct rows *r = NULL;
                /* Lost while it was being stopped on request is cancelled too. */
                struct stmt *st = db_stmt(db, "ended_history",
                                          "select a.task, a.state = 'succeeded' as ok, a.state = 'aborted' or"
                                          " (a.state = 'lost' and exists (select from job_intents i where"
                                          " i.job_id = a.job_id and i.task = a.task and i.kind = 'cancel' and"
                                          " i.applied_at <= a.ended_at)) as cancelled from attempts a where"
                                          " a.job_id = $1 and a.task > $2 and a.final order by a.task limit"
                                          " $3");

                bind_int(st, job);
                bind_int(st, after);
                bind_int(st, ENDED_PAGE);
                if (db_query(st, &r, err) < 0)
                        return -1;
                while (rows_next(r)) {
                        after = row_int(r, "task");
                        ended_task_add(e, (struct load_ended_task){.task = (int32_t)after,
                                                                   .ok = row_bool(r, "ok"),
                                                                   .attempted = true,
                                                                   .cancelled = row_bool(r, "cancelled")});
                }
                if (rows_count(r) < ENDED_PAGE)
                        return 0;
        }
}

static int ended_from_intents(struct db *db, int64_t job, struct ended_tasks *e, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "ended_intents",
            "select distinct i.task from job_intents i where i.job_id = $1 and i.kind = 'cancel'"
            " and i.task is not null and i.applied_at is not null"
            " and not exists (select from attempts_live l where l.job_id = $1 and l.task = i.task)"
            " and not exists (select from attempts a where a.job_id = $1 and a.task = i.task and a.final)"
            " order by i.task");
        AUTO_ROWS struct rows *r = NULL;

        bind_int(st, job);
        if (db_query(st, &r, err) < 0)
                return -1;
        while (rows_next(r))
                ended_task_add(e, (struct load_ended_task){.task = (int32_t)row_int(r, "task")});
        return 0;
}

int store_load_ended_tasks(struct db *db, int64_t job, struct load_ended_task **ret, size_t *ret_n,
                           struct err *err)
{
        struct stmt *st =
            db_stmt(db, "ended_job",
                    "select first_task, last_task, finished_at is not null as done from jobs where id = $1");
        AUTO_ROWS struct rows *r = NULL;
        struct ended_tasks e = {0};

        bind_int(st, job);
        if (db_query(st, &r, err) < 0)
                return -1;
        if (!rows_next(r))
                return err_set(err, ERR_NOT_FOUND, "no job %lld", (long long)job);

        int64_t first = row_int(r, "first_task"), last = row_int(r, "last_task");

        if (row_bool(r, "done") && last - first < RANGE_TASKS_MAX)
                ended_tasks_whole(&e, first, last);
        if (ended_from_history(db, job, &e, err) < 0 ||
            (!e.whole && ended_from_intents(db, job, &e, err) < 0)) {
                free(e.rows);
                return -1;
        }
        *ret = e.rows;
        *ret_n = e.n;
        return 0;
}

/* ---- tasks and attempts ---------------------------------------------------------------------------------
 */

static void task_fill(const struct rows *r, void *element)
{
        struct load_task *t = element;

        t->job = row_int(r, "job_id");
        t->task = (int32_t)row_int(r, "task");
        t->attempt = (int32_t)row_int(r, "attempt");
        t->task_failures = (int32_t)row_int(r, "task_failures");
        t->site_failures = (int32_t)row_int(r, "site_failures");
        t->avoid_site = (int32_t)row_int(r, "avoid_site");
        t->not_before = row_time(r, "not_before");
}

int store_load_tasks(struct db *db, struct load_task **ret, size_t *ret_n, struct err *err)
{
        return LOAD_ALL(
            db_stmt(db, "load_tasks",
                    "select job_id, task, attempt, task_failures, site_failures, avoid_site, not_before"
                    " from task_queue order by job_id, task"),
            struct load_task, task_fill, ret, ret_n, err);
}

void store_free_tasks(struct load_task *rows, size_t n)
{
        (void)n;
        free(rows);
}

static void attempt_fill(const struct rows *r, void *element)
{
        struct load_attempt *a = element;

        a->key.job = row_int(r, "job_id");
        a->key.task = (int32_t)row_int(r, "task");
        a->key.attempt = (int32_t)row_int(r, "attempt");
        a->site = (int32_t)row_int(r, "site_id");
        a->worker = (int32_t)row_int(r, "worker_id");
        a->task_failures = (int32_t)row_int(r, "task_failures");
        a->site_failures = (int32_t)row_int(r, "site_failures");
        (void)attempt_state_parse(row_text(r, "state"), &a->state);
        a->placed_at = row_time(r, "placed_at");
        a->started_at = row_time(r, "started_at");
        a->decision = row_int(r, "decision_id");
        a->cancel = row_bool(r, "cancel");
}

int store_load_attempts(struct db *db, struct load_attempt **ret, size_t *ret_n, struct err *err)
{
        return LOAD_ALL(
            db_stmt(db, "load_attempts",
                    "select job_id, task, attempt, site_id, worker_id, task_failures, site_failures, state,"
                    " placed_at, started_at, decision_id, state = 'aborting' and exists (select from"
                    " job_intents i where i.job_id = l.job_id and i.task = l.task and i.kind = 'cancel' and"
                    " i.applied_at is not null) as cancel from attempts_live l order by job_id, task"),
            struct load_attempt, attempt_fill, ret, ret_n, err);
}

void store_free_attempts(struct load_attempt *rows, size_t n)
{
        (void)n;
        free(rows);
}

/* ---- datasets -------------------------------------------------------------------------------------------
 */

/* The numbers of a text like "3 17 20". */
static int32_t *numbers(const char *text, size_t *ret_n)
{
        int32_t *list = NULL;
        size_t n = 0, cap = 0;
        char *end;

        for (long v = strtol(text, &end, 10); end != text; v = strtol(text = end, &end, 10)) {
                list = xgrow(list, n, &cap, sizeof *list);
                list[n++] = (int32_t)v;
        }
        *ret_n = n;
        return list;
}

static void dataset_fill(const struct rows *r, void *element)
{
        struct load_dataset *d = element;

        d->id = row_int(r, "id");
        d->name = row_text_copy(r, "name");
        d->sealed = row_bool(r, "sealed");
        d->removed = row_bool(r, "removed");
        d->files = (int32_t)row_int(r, "files");
        d->bytes = row_int(r, "bytes");
        d->maker_failed = row_null(r, "maker_failed") ? 0 : row_time(r, "maker_failed");
        d->project = (int32_t)row_int(r, "project_id");
        d->restricted = !row_null(r, "allowed");
        if (d->restricted)
                d->allowed = numbers(row_text(r, "allowed"), &d->allowed_count);
}

static void datasets_take_sites(struct load_dataset *all, size_t n, struct rows *r)
{
        size_t i = 0, cap = 0;

        while (rows_next(r)) {
                int64_t id = row_int(r, "dataset_id");

                for (; i < n && all[i].id < id; i++)
                        cap = 0;
                if (i == n || all[i].id != id)
                        continue;

                struct load_dataset *d = &all[i];

                d->sites = xgrow(d->sites, d->site_count, &cap, sizeof *d->sites);
                d->sites[d->site_count].site = (int32_t)row_int(r, "site_id");
                d->sites[d->site_count].root = row_text_copy(r, "root");
                d->sites[d->site_count].is_file = row_bool(r, "is_file");
                d->sites[d->site_count].copy = row_bool(r, "copy");
                d->sites[d->site_count].suspect = row_bool(r, "suspect");
                d->sites[d->site_count].pinned = row_bool(r, "pinned");
                d->sites[d->site_count].present = row_text_copy(r, "present");
                d->sites[d->site_count].files = (int32_t)row_int(r, "files");
                d->sites[d->site_count++].bytes = row_int(r, "bytes");
        }
}

int store_load_datasets(struct db *db, const int64_t *ids, size_t n, struct load_dataset **ret, size_t *ret_n,
                        struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;
        struct stmt *st = db_stmt(db, "load_dataset_sites",
                                  "select dataset_id, site_id, root, is_file, copy, suspect, pinned_by is "
                                  "not null as pinned, files,"
                                  " bytes, present::text as present from dataset_sites"
                                  " where dataset_id = any($1::bigint[]) order by dataset_id, site_id, root");

        bind_ints(st, ids, n);
        if (db_query(st, &r, err) < 0)
                return -1;
        st = db_stmt(db, "load_datasets",
                     "select id, name, sealed_at is not null as sealed, removed_at is not null as removed, "
                     "files, bytes, project_id,"
                     " array_to_string(reeve_allowed_sites(policy_sites, policy_labels), ' ') as allowed,"
                     " (select j.finished_at from jobs j where j.id = d.job_id and j.state in"
                     " ('failed', 'cancelled')) as maker_failed"
                     " from datasets d where id = any($1::bigint[]) order by id");
        bind_ints(st, ids, n);
        if (LOAD_ALL(st, struct load_dataset, dataset_fill, ret, ret_n, err) < 0)
                return -1;
        datasets_take_sites(*ret, *ret_n, r);
        return 0;
}

void store_free_datasets(struct load_dataset *rows, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                for (size_t j = 0; j < rows[i].site_count; j++) {
                        free(rows[i].sites[j].root);
                        free(rows[i].sites[j].present);
                }
                free(rows[i].sites);
                free(rows[i].allowed);
                free(rows[i].name);
        }
        free(rows);
}

/* ---- what people asked ----------------------------------------------------------------------------------
 */

static void intent_fill(const struct rows *r, void *element)
{
        struct load_intent *i = element;

        i->id = row_int(r, "id");
        i->job = row_int(r, "job_id");
        i->task = row_null(r, "task") ? -1 : (int32_t)row_int(r, "task");
        i->kind = row_text(r, "kind")[0];
        i->value = (int32_t)row_int(r, "value");
        i->actor = row_text_copy(r, "actor");
}

int store_load_intents(struct db *db, struct load_intent **ret, size_t *ret_n, struct err *err)
{
        return LOAD_ALL(
            db_stmt(db, "load_intents",
                    "select id, job_id, task, kind, value, actor from job_intents where applied_at is null"
                    " order by id limit 10000"),
            struct load_intent, intent_fill, ret, ret_n, err);
}

void store_free_intents(struct load_intent *rows, size_t n)
{
        for (size_t i = 0; i < n; i++)
                free(rows[i].actor);
        free(rows);
}

static void call_fill(const struct rows *r, void *element)
{
        struct load_call *c = element;

        c->id = row_int(r, "id");
        c->kind = row_text_copy(r, "kind");
        c->args = row_text_copy(r, "args");
        c->actor = row_text_copy(r, "actor");
        c->site = row_null(r, "site_id") ? 0 : (int32_t)row_int(r, "site_id");
}

int store_load_calls(struct db *db, struct load_call **ret, size_t *ret_n, struct err *err)
{
        return LOAD_ALL(db_stmt(db, "load_calls",
                                "select id, kind, args, actor, site_id from calls where state = 'queued'"
                                " order by id limit 1000"),
                        struct load_call, call_fill, ret, ret_n, err);
}

void store_free_calls(struct load_call *rows, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                free(rows[i].kind);
                free(rows[i].args);
                free(rows[i].actor);
        }
        free(rows);
}

int store_next_decision(struct db *db, int64_t *ret, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (db_query(db_stmt(db, "next_decision", "select coalesce(max(id), 0) + 1 as next from decisions"),
                     &r, err) < 0)
                return -1;
        rows_next(r);
        *ret = row_int(r, "next");
        return 0;
}
