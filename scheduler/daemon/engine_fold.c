/* SPDX-License-Identifier: Apache-2.0 */
/* What workers say, folded into the model and into the commit that is being built. */
#include "daemon/engine_priv.h"
#include "daemon/engine_storage.h"

#include "common/catalog.h"
#include "common/log.h"
#include "common/util.h"
#include "core/fsm.h"

#include <string.h>

#define TEXT_MAX      400             /* of a worker's words that are kept */
#define SITE_TIME_MAX 7258118400000LL /* the year 2200 */

static void set_clock(struct engine *e)
{
        e->m->now_ms = clock_boot_ms();
        e->m->wall_ms = clock_wall_ms();
}

/* Words from a site: valid UTF-8 without control characters, in the arena. NULL for none. */
static const char *site_words(struct engine *e, const char *s)
{
        size_t n = strnlen(s, TEXT_MAX), out = 0;
        char *copy;

        if (!n)
                return NULL;
        copy = arena_alloc(&e->arena, n + 1);
        for (size_t i = 0; i < n;) {
                size_t k = utf8_len(s + i, n - i);
                bool plain = k > 1
                                 ? !(k == 2 && (unsigned char)s[i] == 0xc2 && (unsigned char)s[i + 1] < 0xa0)
                                 : k == 1 && (unsigned char)s[i] >= 0x20 && s[i] != 0x7f;

                if (plain)
                        memcpy(copy + out, s + i, k);
                else
                        copy[out] = '?';
                out += plain ? k : 1;
                i += k ? k : 1;
        }
        copy[out] = '\0';
        return copy;
}

/* ---- outputs announced before their result
 * ------------------------------------------------------------------- */

static uint64_t output_key(struct attempt_key k)
{
        return (uint64_t)k.job << 32 | (uint32_t)k.task;
}

static void output_list_free(struct output_list *l)
{
        for (size_t i = 0; i < l->n; i++)
                free(l->files[i].path);
        free(l->files);
        free(l);
}

void fold_outputs_clear(struct engine *e)
{
        struct output_list *l;

        for (size_t i = 0; (l = map_next(&e->outputs, &i));)
                output_list_free(l);
        map_release(&e->outputs);
}

static struct m_attempt *own_attempt(struct engine_worker *ew, struct attempt_key k)
{
        struct m_attempt *a = model_attempt(ew->e->m, k.job, k.task);

        /* A worker speaks for its own attempts and no others. */
        return a && a->key.attempt == k.attempt && a->worker == ew->w ? a : NULL;
}

static void on_outputs(void *arg, struct worker_link *link, struct attempt_key key,
                       const struct proto_file *files, size_t n)
{
        struct engine_worker *ew = arg;
        struct engine *e = ew->e;
        struct output_list *l;

        const struct m_attempt *a = own_attempt(ew, key);

        (void)link;
        if (!a || !a->job->output)
                return;
        l = map_get(&e->outputs, output_key(key));
        if (!l || l->key.attempt != key.attempt) {
                if (l)
                        output_list_free(map_del(&e->outputs, output_key(key)));
                l = xcalloc(1, sizeof *l);
                l->key = key;
                map_put(&e->outputs, output_key(key), l);
        }
        for (size_t i = 0; i < n && l->n < RESULT_FILES_MAX; i++) {
                l->files = xgrow(l->files, l->n, &l->cap, sizeof *l->files);
                l->files[l->n] = files[i];
                /* In the dataset each task has a directory of its own, as in the worker's store. */
                l->files[l->n++].path = xasprintf("%d/%s", key.task, files[i].path);
        }
}

static const char *catalog_path(struct engine *e, const char *path)
{
        AUTO_FREE char *text = catalog_encode(path);

        return arena_strdup(&e->arena, text);
}

static void record_outputs(struct engine *e, struct m_attempt *a, uint32_t count)
{
        const struct output_list *l = map_get(&e->outputs, output_key(a->key));
        struct m_dataset *d = a->job->output;
        struct engine_worker *ew = world_worker(e, a->worker->id);
        const char *root;

        if (!l || !d || !ew || l->key.attempt != a->key.attempt)
                return;
        root = arena_printf(&e->arena, "%s/store/%s", ew->root, d->name);
        /* The list comes again after a reconnect; what counts is its last run. */
        for (size_t i = l->n - count; i < l->n; i++) {
                uint8_t *sum = arena_alloc(&e->arena, 32);

                memcpy(sum, l->files[i].sha256, 32);
                COMMIT_ADD(e, outputs,
                           (struct commit_output){.dataset = d->id,
                                                  .task = a->key.task,
                                                  .site = a->worker->site->id,
                                                  .root = root,
                                                  .path = catalog_path(e, l->files[i].path),
                                                  .size = (int64_t)(l->files[i].size & INT64_MAX),
                                                  .sha256 = sum});
        }
}

static void outputs_drop(struct engine *e, struct attempt_key key)
{
        struct output_list *l = map_del(&e->outputs, output_key(key));

        if (l)
                output_list_free(l);
}

/* ---- the end of an attempt
 * --------------------------------------------------------------------------------------- */

static enum attempt_event event_of(enum outcome o)
{
        switch (o) {
        case OUTCOME_SUCCEEDED:
                return EV_ENDED_WELL;
        case OUTCOME_CANCELLED:
        case OUTCOME_DRAINED:
                return EV_ENDED_ON_REQUEST;
        case OUTCOME_LOST:
                return EV_LEASE_EXPIRED;
        default:
                return EV_ENDED_BADLY;
        }
}

/* Was it to be stopped, and for this reason? */
static bool was_asked(const struct m_attempt *a, enum outcome why)
{
        return a->state == ATTEMPT_ABORTING && a->stop == why;
}

static enum blame blame_of(const struct m_attempt *a, enum outcome o)
{
        enum blame b = outcome_blame(o);
        bool program = o == OUTCOME_EXIT || o == OUTCOME_SIGNAL || o == OUTCOME_NOT_STARTED;

        if (o == OUTCOME_CANCELLED && a->state != ATTEMPT_ABORTING && !a->job->cancelling)
                return BLAME_SITE; /* nobody here asked for it */
        return program && shape_blames_site(a->job->shape, a->worker->site->id) ? BLAME_SITE : b;
}

struct verdict { /* what follows from an end */
        bool final, again, cancelled;
        int32_t task_failures, site_failures;
        int64_t delay_ms;
};

static struct verdict judge(struct engine *e, const struct m_attempt *a, enum attempt_state to,
                            enum outcome o, enum blame b, int32_t code)
{
        struct verdict v = {
            .final = true, .task_failures = a->task_failures, .site_failures = a->site_failures};
        bool late = a->job->deadline != INT64_MIN && a->job->deadline <= e->m->wall_ms;
        struct retry_answer r;

        if (to == ATTEMPT_SUCCEEDED)
                return v;
        if (a->job->cancelling || was_asked(a, OUTCOME_CANCELLED)) {
                v.cancelled = true;
                return v;
        }
        if (to == ATTEMPT_ABORTED && was_asked(a, OUTCOME_DRAINED)) {
                /* Its site was closed under it: nobody's failure. */
                v.again = !late;
                v.final = v.cancelled = late;
                return v;
        }
        r = retry_decide(&a->job->retry, o, b, code, a->task_failures, a->site_failures, engine_random(e));
        v.again = r.again && !late;
        v.final = !v.again;
        v.task_failures += r.counts_task;
        v.site_failures += r.counts_site;
        v.delay_ms = r.delay_ms;
        return v;
}

/* A moment by a site's clock, which may say anything; the record takes what lies within reason. */
static int64_t site_time(int64_t wall_ms)
{
        return wall_ms > 0 && wall_ms < SITE_TIME_MAX ? wall_ms : TIME_NONE;
}

static void record_end(struct engine *e, const struct m_attempt *a, enum attempt_state to, enum outcome o,
                       enum blame b, bool final, const struct proto_result *res)
{
        struct commit_ended row = {
            .key = a->key,
            .state = to,
            .outcome = o,
            .blame = b,
            .final = final,
            .started_at = a->started_at,
            .ended_at = e->m->wall_ms,
        };

        if (res) {
                row.code = res->code;
                if (site_time(res->start_wall_ms) != TIME_NONE)
                        row.started_at = res->start_wall_ms;
                row.wall_us = (int64_t)(res->wall_us & INT64_MAX);
                row.user_us = (int64_t)(res->user_us & INT64_MAX);
                row.system_us = (int64_t)(res->system_us & INT64_MAX);
                row.memory_peak = (int64_t)(res->memory_peak & INT64_MAX);
                row.read_bytes = (int64_t)(res->read_bytes & INT64_MAX);
                row.write_bytes = (int64_t)(res->write_bytes & INT64_MAX);
                row.stdout_bytes = (int64_t)(res->stdout_bytes & INT64_MAX);
                row.stderr_bytes = (int64_t)(res->stderr_bytes & INT64_MAX);
                row.log_cut = res->log_cut;
                row.message = site_words(e, res->text);
        }
        /* A short one may have ended before it was said to run. */
        if (row.wall_us > 0 && a->started_at == TIME_NONE)
                insight_started(e, a, e->m->wall_ms - row.wall_us / 1000);
        insight_ended(e, a, to, o);
        COMMIT_ADD(e, ended, row);
}

static void breaker(struct engine *e, struct m_worker *w, enum blame b)
{
        struct m_site *s = w->site;

        /* What others did says nothing about the worker, neither good nor bad. */
        if (b == BLAME_LINK || b == BLAME_US || b == BLAME_USER ||
            !model_worker_result(e->m, w, b == BLAME_SITE))
                return;
        record_event(
            e, "site.suspect", NULL, 0, -1, s->id,
            "%d attempts in a row failed by fault of site %s; it gets no work until a probe succeeds there",
            BREAKER_FAILURES, s->name);
        world_site_health(e, s->id);
}

/* All files that the result counts were announced, with names that the catalog takes: otherwise the attempt
 * has not kept its outputs. */
static bool outputs_are_known(const struct engine *e, const struct m_attempt *a, uint32_t count)
{
        const struct output_list *l = map_get(&e->outputs, output_key(a->key));

        if (a->job->output && count > (l && l->key.attempt == a->key.attempt ? l->n : 0))
                return false;
        for (size_t i = 0; l && i < l->n; i++) {
                AUTO_FREE char *text = catalog_encode(l->files[i].path);

                if (strlen(text) > STORE_PATH_MAX)
                        return false;
        }
        return true;
}

void fold_attempt_end(struct engine *e, struct m_attempt *a, enum outcome said,
                      const struct proto_result *res)
{
        enum outcome o = said == OUTCOME_SUCCEEDED && res && !outputs_are_known(e, a, res->output_count)
                             ? OUTCOME_OUTPUT_FAILED
                             : said;
        const struct fsm_step *step = attempt_step(a->state, event_of(o));
        struct m_job *j = a->job;
        struct m_site *site = a->worker->site;
        int32_t task = a->key.task, attempt = a->key.attempt;
        enum blame b = blame_of(a, o);
        struct verdict v;

        if (step->kind != FSM_MOVE) {
                log_warn("job=%lld task=%d attempt=%d %s while %s", (long long)j->id, task, attempt,
                         outcome_name(o), attempt_state_name(a->state));
                return;
        }
        v = judge(e, a, step->to, o, b, res ? res->code : 0);
        record_end(e, a, step->to, o, b, v.final, res);
        if (step->to == ATTEMPT_SUCCEEDED && res)
                record_outputs(e, a, res->output_count);
        if (o == OUTCOME_INPUT_MISSING && res)
                storage_input_missing(e, a, res->text);
        outputs_drop(e, a->key);
        progress_attempt_ended(e, a->key);
        breaker(e, a->worker, b);
        model_attempt_close(e->m, a, step->to == ATTEMPT_SUCCEEDED,
                            res && res->start_wall_ms ? (int64_t)(res->wall_us / 1000) : -1);
        model_job_dirty(e->m, j);
        if (v.again) {
                struct m_retry r = {.task = task,
                                    .attempt = attempt,
                                    .task_failures = v.task_failures,
                                    .site_failures = v.site_failures,
                                    .avoid_site = b == BLAME_SITE || b == BLAME_LINK ? site->id : 0,
                                    .due = e->m->wall_ms + v.delay_ms};

                COMMIT_ADD(e, retries,
                           (struct commit_retry){j->id, task, attempt, r.task_failures, r.site_failures,
                                                 r.avoid_site, r.due, outcome_name(o)});
                model_job_retry(e->m, j, &r);
                record_event(e, "task.retried", NULL, j->id, task, site->id,
                             "attempt %d of task %lld.%d at %s: %s; it is tried again", attempt,
                             (long long)j->id, task, site->name, outcome_sentence(o));
        } else if (step->to == ATTEMPT_SUCCEEDED) {
                j->succeeded++;
                e->commit.tasks_succeeded++;
        } else if (v.cancelled) {
                j->cancelled++;
        } else {
                j->failed++;
                e->commit.tasks_failed++;
                record_event(e, "task.failed", NULL, j->id, task, site->id, "task %lld.%d failed at %s: %s",
                             (long long)j->id, task, site->name, outcome_sentence(o));
        }
        model_job_update(e->m, j);
        if (v.final)
                jobs_task_ended(e, j, task, step->to == ATTEMPT_SUCCEEDED);
        jobs_finish_if_done(e, j);
        engine_wake(e);
}

/* A person, or the closing of a site, wants it to end. */
void attempt_request_stop(struct engine *e, struct m_attempt *a, enum outcome why)
{
        const struct fsm_step *step = attempt_step(a->state, EV_ABORT_REQUESTED);
        struct engine_worker *ew = world_worker(e, a->worker->id);

        if (a->state == ATTEMPT_ABORTING && why == OUTCOME_CANCELLED)
                a->stop = why; /* it shall not run elsewhere either */
        if (step->kind != FSM_MOVE)
                return;
        a->state = step->to;
        a->stop = why;
        COMMIT_ADD(e, states, (struct commit_state){a->key, a->state, TIME_NONE});
        if (ew)
                key_list_add(&ew->cancels, a->key);
        engine_wake(e);
}

void fold_lease_expired(struct engine *e, struct engine_worker *ew)
{
        struct m_attempt **gone = NULL, *a;
        size_t n = 0, cap = 0;

        for (size_t i = 0; ew->w->site->used_tasks && (a = map_next(&e->m->attempts, &i));) {
                if (a->worker != ew->w)
                        continue;
                gone = xgrow(gone, n, &cap, sizeof(struct m_attempt *));
                gone[n++] = a;
        }
        if (n)
                record_event(e, "worker.lost", NULL, 0, -1, ew->site,
                             "no word from worker %s until its lease ran out: %zu attempts are given up",
                             ew->name, n);
        for (size_t i = 0; i < n; i++)
                fold_attempt_end(e, gone[i], OUTCOME_LOST, NULL);
        free(gone);
}

/* ---- callbacks of the links
 * ------------------------------------------------------------------------------------------ */

static void on_started(void *arg, struct worker_link *link, const struct link_started *items, size_t n)
{
        struct engine_worker *ew = arg;

        (void)link;
        for (size_t i = 0; i < n; i++) {
                struct m_attempt *a = own_attempt(ew, items[i].key);
                const struct fsm_step *step = a ? attempt_step(a->state, EV_WORKER_STARTED) : NULL;

                if (!a || step->kind != FSM_MOVE)
                        continue;
                a->state = step->to;
                a->started_at = site_time(items[i].start_wall_ms);
                insight_started(ew->e, a, ew->e->m->wall_ms);
                COMMIT_ADD(ew->e, states, (struct commit_state){a->key, a->state, a->started_at});
                engine_wake(ew->e);
        }
}

static void on_reported(void *arg, struct worker_link *link, const struct link_progress *items, size_t n)
{
        struct engine_worker *ew = arg;

        (void)link;
        for (size_t i = 0; i < n && ew->e->leading; i++) {
                struct m_attempt *a = own_attempt(ew, items[i].key);

                if (a)
                        progress_said(ew->e, a, &items[i].said);
        }
}

static void on_finishing(void *arg, struct worker_link *link, const struct attempt_key *keys, size_t n)
{
        struct engine_worker *ew = arg;

        (void)link;
        for (size_t i = 0; i < n; i++) {
                struct m_attempt *a = own_attempt(ew, keys[i]);
                const struct fsm_step *step = a ? attempt_step(a->state, EV_WORKER_FINISHING) : NULL;

                if (!a || step->kind != FSM_MOVE)
                        continue;
                a->state = step->to;
                COMMIT_ADD(ew->e, states, (struct commit_state){a->key, a->state, TIME_NONE});
                engine_wake(ew->e);
        }
}

/* A probe of ours: its job is nobody's. */
static void probe_ended(struct engine_worker *ew, const struct proto_result *res)
{
        struct m_site *s = ew->w->site;

        if (!site_breaker_is_open(s))
                return;
        model_site_probe_result(ew->e->m, s, res->outcome == OUTCOME_SUCCEEDED);
        record_event(ew->e, "site.probed", NULL, 0, -1, s->id, "a probe at site %s %s", s->name,
                     res->outcome == OUTCOME_SUCCEEDED ? "succeeded: it gets work again" : "failed");
        world_site_health(ew->e, s->id);
}

static void on_ended(void *arg, struct worker_link *link, const struct proto_result *results, size_t n)
{
        struct engine_worker *ew = arg;
        struct engine *e = ew->e;
        size_t late = 0;

        (void)link;
        set_clock(e);
        for (size_t i = 0; i < n && e->leading; i++) {
                const struct proto_result *res = &results[i];
                struct m_attempt *a = own_attempt(ew, res->key);

                if (res->key.job == PROBE_JOB)
                        probe_ended(ew, res);
                else if (a && res->outcome < OUTCOME_COUNT)
                        fold_attempt_end(e, a, (enum outcome)res->outcome, res);
                else if (!late++)
                        log_info("worker=%s late report of %lld.%d#%d (%s) changes nothing", ew->name,
                                 (long long)res->key.job, res->key.task, res->key.attempt,
                                 outcome_name((enum outcome)res->outcome));
                /* Sent when the commit that follows is in: a result is forgotten by its worker only then
                 * (R2). */
                key_list_add(&ew->acks, res->key);
        }
        if (late > 1)
                log_info("worker=%s and %zu more late reports", ew->name, late - 1);
        engine_wake(e);
}

static int by_key(const void *x, const void *y)
{
        const struct attempt_key *a = x, *b = y;

        if (a->job != b->job)
                return a->job < b->job ? -1 : 1;
        if (a->task != b->task)
                return a->task < b->task ? -1 : 1;
        return (a->attempt > b->attempt) - (a->attempt < b->attempt);
}

static int by_item(const void *x, const void *y)
{
        return by_key(&((const struct link_snapshot_item *)x)->key,
                      &((const struct link_snapshot_item *)y)->key);
}

/* The complete list of what exists there, against ours. */
static void on_snapshot(void *arg, struct worker_link *link, const struct link_snapshot_item *items, size_t n)
{
        struct engine_worker *ew = arg;
        struct engine *e = ew->e;
        struct link_snapshot_item *sorted = xmalloc(n * sizeof *sorted);
        struct m_attempt **lost = NULL, *a;
        size_t lost_n = 0, cap = 0;

        (void)link;
        set_clock(e);
        if (n)
                memcpy(sorted, items, n * sizeof *sorted);
        qsort(sorted, n, sizeof *sorted, by_item);
        for (size_t i = 0; (a = map_next(&e->m->attempts, &i));) {
                struct link_snapshot_item probe = {.key = a->key};

                if (a->worker != ew->w)
                        continue;
                a->sent = bsearch(&probe, sorted, n, sizeof *sorted, by_item) != NULL;
#ifdef REEVE_FAULT_double_launch
                if (a->state == ATTEMPT_RUNNING)
                        a->state = ATTEMPT_STARTING;
                a->sent = false;
                continue;
#endif
                if (a->sent && a->state == ATTEMPT_ABORTING) {
                        key_list_add(&ew->cancels, a->key);
                } else if (!a->sent && attempt_step(a->state, EV_UNKNOWN_THERE)->kind == FSM_MOVE) {
                        lost = xgrow(lost, lost_n, &cap, sizeof(struct m_attempt *));
                        lost[lost_n++] = a;
                }
        }
        for (size_t i = 0; i < lost_n; i++)
                fold_attempt_end(e, lost[i],
                                 lost[i]->state == ATTEMPT_ABORTING ? lost[i]->stop : OUTCOME_VANISHED, NULL);
        /* What runs there without our knowing was given up before: it must not run on. */
        for (size_t i = 0; i < n; i++) {
                if (sorted[i].state != SNAP_ENDED && sorted[i].key.job != PROBE_JOB &&
                    !own_attempt(ew, sorted[i].key))
                        key_list_add(&ew->cancels, sorted[i].key);
        }
        free(lost);
        free(sorted);
        engine_wake(e);
}

static void on_welcome(void *arg, struct worker_link *link, const struct link_welcome *w)
{
        struct engine_worker *ew = arg;

        (void)link;
        memcpy(ew->spool_id, w->spool, 16);
        memcpy(ew->boot_id, w->boot, 16);
        snprintf(ew->hostname, sizeof ew->hostname, "%s", w->hostname);
        snprintf(ew->machine, sizeof ew->machine, "%s", w->machine);
        snprintf(ew->root, sizeof ew->root, "%s", w->root);
        snprintf(ew->features, sizeof ew->features, "%s", w->features);
        ew->found = (struct res){.slots = RES_SLOTS_ANY,
                                 .cpus = w->cpus > 65535 ? 65535 : (int32_t)w->cpus,
                                 .memory = (int64_t)(w->memory & INT64_MAX)};
        ew->report.cpus = ew->found.cpus;
        ew->report.memory = ew->found.memory;
        ew->report.disk_free = (int64_t)(w->disk_free & INT64_MAX);
        ew->report.disk_total = (int64_t)(w->disk_total & INT64_MAX);
        ew->report.clock_skew_ms = w->clock_off_ms;
        ew->w->disk_full = ew->report.disk_free < ew->e->set.disk_reserve;
        world_offer(ew);
        ew->report_now = true;
}

static void on_removed(void *arg, struct worker_link *link, uint32_t request, enum read_status status,
                       uint64_t files, uint64_t bytes, const char *text)
{
        struct engine_worker *ew = arg;

        (void)link;
        (void)files;
        (void)bytes;
        if (status != READ_OK)
                log_warn("worker=%s could not delete copies: %s", ew->name, text);
        storage_on_removed(ew->e, ew, request, status == READ_OK);
}

static void on_health(void *arg, struct worker_link *link, const struct link_health *h)
{
        struct engine_worker *ew = arg;
        bool full = (int64_t)(h->disk_free & INT64_MAX) < ew->e->set.disk_reserve;

        (void)link;
        ew->report.disk_free = (int64_t)(h->disk_free & INT64_MAX);
        ew->report.disk_total = (int64_t)(h->disk_total & INT64_MAX);
        ew->report.memory_available = (int64_t)(h->memory_available & INT64_MAX);
        ew->report.load = h->load_milli / 1000.0;
        ew->report.clock_skew_ms = h->clock_off_ms;
        ew->report.running = (int32_t)(h->running & INT32_MAX);
        if (full != ew->w->disk_full) {
                ew->w->disk_full = full;
                ew->report_now = true;
                engine_wake(ew->e);
        }
}

static void on_state(void *arg, struct worker_link *link, enum link_state s, const struct link_failure *why)
{
        (void)link;
        world_link_state(arg, s, why);
}

static void on_progress(void *arg, struct worker_link *link, const char *text)
{
        struct engine_worker *ew = arg;

        (void)link;
        log_debug("worker=%s %s", ew->name, text);
}

static void on_data(void *arg, struct worker_link *link, uint32_t request, const struct link_data *d)
{
        (void)link;
        calls_on_data(((struct engine_worker *)arg)->e, arg, request, d);
}

static void on_scanned(void *arg, struct worker_link *link, uint32_t request, uint64_t files_done,
                       uint64_t bytes_done, const struct proto_file *files, size_t n)
{
        (void)link;
        calls_on_scanned(((struct engine_worker *)arg)->e, arg, request, files_done, bytes_done, files, n);
}

static void on_scan_end(void *arg, struct worker_link *link, uint32_t request, enum read_status status,
                        bool is_file, const char *text)
{
        (void)link;
        calls_on_scan_end(((struct engine_worker *)arg)->e, arg, request, status, is_file, text);
}

static void on_hostkey_changed(void *arg, struct worker_link *link, uint32_t hop, const char *type,
                               const char *fingerprint)
{
        (void)link;
        world_hostkey_changed(arg, hop, type, fingerprint);
}

static void on_fenced(void *arg, struct worker_link *link, uint64_t epoch)
{
        struct engine_worker *ew = arg;

        (void)link;
        log_error("worker=%s obeys epoch %llu, ours is %lld", ew->name, (unsigned long long)epoch,
                  (long long)ew->e->epoch);
        ew->e->fenced = true;
}

const struct worker_link_events fold_events = {
    .on_state = on_state,
    .on_progress = on_progress,
    .on_welcome = on_welcome,
    .on_snapshot = on_snapshot,
    .on_started = on_started,
    .on_reported = on_reported,
    .on_finishing = on_finishing,
    .on_outputs = on_outputs,
    .on_ended = on_ended,
    .on_data = on_data,
    .on_scanned = on_scanned,
    .on_scan_end = on_scan_end,
    .on_removed = on_removed,
    .on_health = on_health,
    .on_hostkey_changed = on_hostkey_changed,
    .on_fenced = on_fenced,
};
