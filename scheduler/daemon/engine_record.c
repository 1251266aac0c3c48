/* SPDX-License-Identifier: Apache-2.0 */
/* From plan and model to one commit, and what is done once it is on record. */
#include "daemon/engine_priv.h"
#include "daemon/spec.h"

#include "common/catalog.h"
#include "common/log.h"
#include "common/util.h"
#include "core/parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CANCEL_GRACE_MS 10000
#define TASK_EVENTS_MAX 200         /* in one commit; the attempts themselves tell the rest */
#define KEYS_MAX        BATCH_MAX   /* in one frame */
#define PART_FILES_MAX  2000000     /* that the tasks of one launch read: more than a dataset may have */
#define PARTS_TEXT_MAX  (16u << 20) /* bytes of the list of one task */

void record_event(struct engine *e, const char *kind, const char *actor, int64_t job, int32_t task,
                  int32_t site, const char *fmt, ...)
{
        char text[1000];
        va_list ap;

        /* Each task that fails says so, but an array of a million that all fail must not flood the record
         * (R12). */
        if (task >= 0 && e->task_events++ >= TASK_EVENTS_MAX)
                return;
        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        COMMIT_ADD(e, events,
                   (struct commit_event){.kind = kind,
                                         .actor = arena_strdup(&e->arena, actor),
                                         .text = arena_strdup(&e->arena, text),
                                         .job = job,
                                         .task = task,
                                         .site = site});
}

void record_plan(struct engine *e)
{
        for (size_t i = 0; i < e->plan.run_count; i++) {
                const struct plan_run *run = &e->plan.runs[i];

                for (int32_t k = 0; k < run->count; k++) {
                        COMMIT_ADD(e, placed,
                                   (struct commit_placed){
                                       .key = {run->job->id, run->task + k, run->attempt},
                                       .site = run->worker->site->id,
                                       .worker = run->worker->id,
                                       .task_failures = run->task_failures,
                                       .site_failures = run->site_failures,
                                       .decision = run->decision,
                                       .placed_at = e->m->wall_ms,
                                       .queued = run->queued,
                                   });
                }
        }
        for (size_t i = 0; i < e->plan.deal_count; i++)
                COMMIT_ADD(e, retries,
                           (struct commit_retry){.job = e->plan.deals[i].job->id,
                                                 .task = e->plan.deals[i].task,
                                                 .not_before = e->m->wall_ms});
        for (size_t i = 0; i < e->plan.choice_count; i++) {
                const struct plan_choice *c = &e->plan.choices[i];

                COMMIT_ADD(
                    e, decisions,
                    (struct commit_decision){
                        .id = c->id,
                        .job = c->job->id,
                        .at = e->m->wall_ms,
                        .task = c->task,
                        .site = c->site->id,
                        .candidates = wait_candidates_json(&e->arena, c->candidates, c->candidate_count),
                    });
        }
}

static void record_job(struct engine *e, struct m_job *j)
{
        wait_settle(e, j);
        COMMIT_ADD(e, jobs,
                   (struct commit_job){
                       .job = j->id,
                       .priority = j->priority,
                       .next_task = j->next,
                       .succeeded = j->succeeded,
                       .failed = j->failed,
                       .cancelled = j->cancelled,
                       .started_at = j->started_at,
                       .held_by = j->held ? arena_strdup(&e->arena, j->held_by ? j->held_by : "") : NULL,
                       .cancelled_by = j->cancelling
                                           ? arena_strdup(&e->arena, j->cancelled_by ? j->cancelled_by : "")
                                           : NULL,
                       .wait = j->wait,
                       .wait_since = j->wait_since,
                   });
}

void record_dirty_jobs(struct engine *e)
{
        struct m_job *j;

        e->task_events = 0;

        while ((j = e->m->dirty)) {
                e->m->dirty = j->dirty_next;
                if (!e->m->dirty)
                        e->m->dirty_tail = &e->m->dirty;
                j->dirty = false;
                /* The record of a job that ended in this pass is written as its end. */
                if (job_is_done(j) && !j->live) {
                        wait_end(e, j);
                        progress_job_ended(e, j->id);
                } else {
                        record_job(e, j);
                        progress_job_moved(e, j);
                }
        }
}

/* ---- acts: idempotent, and repeated after a reconnect
 * --------------------------------------------------------- */

static void mark_sent(struct engine *e, int64_t job, int32_t task, int32_t count)
{
        for (int32_t k = 0; k < count; k++) {
                struct m_attempt *a = model_attempt(e->m, job, task + k);

                if (a)
                        a->sent = true;
        }
}

/* The worker knows the job's template, sent now if it was not before. 0; -1 it cannot be sent now; -2 it
 * cannot be made: *err says why, and no attempt of it will ever start there. */
static int ensure_template(struct engine_worker *ew, const struct m_job *j, struct err *err)
{
        struct proto_template t;
        int rc;

        if (worker_link_has_template(ew->link, j->id))
                return 0;
        if (!j->spec)
                return -1;
        if (spec_template(j, ew->w->site, &t, err) < 0)
                return -2;
        rc = worker_link_template(ew->link, &t, err);
        proto_template_release(&t);
        return rc;
}

/* Nothing was sent, so nothing can have started: that is proof enough for an end. */
static void refuse(struct engine *e, int64_t job, const struct link_launch *item, const char *why)
{
        struct proto_result res = {.outcome = OUTCOME_INPUT_MISSING};

        snprintf(res.text, sizeof res.text, "%s", why);
        for (int32_t k = 0; k < item->count; k++) {
                struct m_attempt *a = model_attempt(e->m, job, item->first_task + k);

                if (a && a->key.attempt == item->attempt)
                        fold_attempt_end(e, a, OUTCOME_INPUT_MISSING, &res);
        }
}

/* The list of one task, from rows of the same task. */
static int send_part(struct engine_worker *ew, const struct m_job *j, const struct load_part *rows, size_t n,
                     struct err *err)
{
        const struct m_dataset_site *at = NULL;
        struct buf b;
        int rc;

        for (size_t i = 0; i < j->input_count; i++) {
                if (j->inputs[i]->id == rows[0].dataset)
                        at = job_input_at(j, i, ew->site, rows[0].task);
        }
        if (!at)
                return err_set(err, ERR_CONFLICT, "the files of task %d are not at the site any more",
                               rows[0].task);
        buf_init(&b, PARTS_TEXT_MAX);
        for (size_t i = 0; i < n; i++) {
                AUTO_FREE char *path = catalog_decode(rows[i].path);

                buf_text(&b, at->root);
                if (!at->is_file && path) {
                        buf_text(&b, "/");
                        buf_text(&b, path);
                }
                buf_text(&b, "\n");
        }
        rc = b.overflow ? err_set(err, ERR_BAD_INPUT,
                                  "the list of its files is longer than 16 MiB: give fewer to each task")
                        : worker_link_part(ew->link, j->id, rows[0].task, buf_bytes(&b), buf_len(&b), err);
        buf_release(&b);
        return rc;
}

/* What the tasks of a launch read, where they share the files of an input. */
static int send_parts(struct engine *e, struct engine_worker *ew, const struct m_job *j,
                      const struct link_launch *item, struct err *err)
{
        int32_t last = item->first_task + item->count - 1;
        struct load_part *rows;
        size_t n, k = 0;
        int rc;

        if (!spec_has_parts(j->spec))
                return 0;
        if (store_load_parts(e->db, j->id, item->first_task, last, PART_FILES_MAX, &rows, &n, err) < 0)
                return -1;
        rc = n < PART_FILES_MAX ? 0 : err_set(err, ERR_BAD_INPUT, "it has more files than a task may have");
        for (size_t i = 0; rc == 0 && i < n; i = k) {
                while (k < n && rows[k].task == rows[i].task)
                        k++;
                rc = send_part(ew, j, rows + i, k - i, err);
        }
        store_free_parts(rows, n);
        return rc;
}

static void launch(struct engine *e, struct engine_worker *ew, struct m_job *j,
                   const struct link_launch *item)
{
        const struct m_dataset *forbidden;
        struct err err = {0};
        int64_t id = j->id;
        int rc;

        if (!ew->link || worker_link_state(ew->link) != LINK_READY)
                return;
        /* Placed by an earlier leadership, and its spec was not kept in memory by this one. */
        if (!j->spec && store_job_spec(e->db, id, &j->spec, &err) < 0) {
                log_warn("job=%lld its spec could not be read: %s", (long long)id, err.text);
                return;
        }
        forbidden = refusal_of_launch(e, j, ew->w->site);
        if (forbidden) {
                refuse(
                    e, id, item,
                    arena_printf(&e->arena, "the policy of %.200s does not allow it there", forbidden->name));
                return;
        }
        rc = ensure_template(ew, j, &err);
        if (rc == -2)
                refuse(e, id, item, err.text);
        else if (rc == 0 && (rc = send_parts(e, ew, j, item, &err)) < 0 &&
                 (err.code == ERR_BAD_INPUT || err.code == ERR_CONFLICT))
                refuse(e, id, item, err.text);
        else if (rc == 0 && worker_link_launch(ew->link, id, item, 1, NULL) == 0)
                mark_sent(e, id, item->first_task, item->count);
}

static void send_acks(struct engine_worker *ew)
{
        struct key_list *l = &ew->acks;

        for (size_t i = 0; i < l->n; i += KEYS_MAX)
                worker_link_ack(ew->link, l->keys + i, l->n - i < KEYS_MAX ? l->n - i : KEYS_MAX, NULL);
        l->n = 0;
}

static void send_cancels(struct engine *e, struct engine_worker *ew)
{
        for (size_t i = 0; i < ew->cancels.n; i++) {
                const struct attempt_key *k = &ew->cancels.keys[i];
                const struct m_attempt *a = model_attempt(e->m, k->job, k->task);
                enum outcome why = a && a->key.attempt == k->attempt && a->stop == OUTCOME_DRAINED
                                       ? OUTCOME_DRAINED
                                       : OUTCOME_CANCELLED;

                worker_link_cancel(ew->link, k, 1, CANCEL_GRACE_MS, why, NULL);
        }
        ew->cancels.n = 0;
}

void act_after_commit(struct engine *e)
{
        for (size_t i = 0; i < e->plan.run_count; i++) {
                const struct plan_run *run = &e->plan.runs[i];
                struct engine_worker *ew = world_worker(e, run->worker->id);
                struct link_launch item = {run->task, run->count, run->attempt};

                if (ew)
                        launch(e, ew, run->job, &item);
        }
        for (size_t i = 0; i < e->worker_cap; i++) {
                struct engine_worker *ew = e->workers[i];

                if (!ew)
                        continue;
                if (!ew->link || worker_link_state(ew->link) != LINK_READY) {
                        /* The greeting of the next connection settles both. */
                        ew->acks.n = ew->cancels.n = 0;
                        continue;
                }
                send_acks(ew);
                send_cancels(e, ew);
        }
}

/* Launches that did not leave: the link was down or its queue was full. */
void act_resend(struct engine *e)
{
        struct attempt_key *keys = NULL;
        size_t n = 0, cap = 0;
        struct m_attempt *a;

        /* A launch may end attempts, so they are listed first. */
        for (size_t i = 0; (a = map_next(&e->m->attempts, &i));) {
                if (a->sent || a->state != ATTEMPT_STARTING || !a->worker->ready)
                        continue;
                keys = xgrow(keys, n, &cap, sizeof *keys);
                keys[n++] = a->key;
        }
        for (size_t i = 0; i < n; i++) {
                struct link_launch item = {keys[i].task, 1, keys[i].attempt};
                struct engine_worker *ew;

                a = model_attempt(e->m, keys[i].job, keys[i].task);
                ew = a ? world_worker(e, a->worker->id) : NULL;
                if (ew)
                        launch(e, ew, a->job, &item);
        }
        free(keys);
}
