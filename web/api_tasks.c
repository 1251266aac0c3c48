/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks and attempts, logs.
 *
 * A task has no row. Its state comes from where it is found, in this order: an open attempt, the queue of
 * tasks to be run again, its newest ended attempt, and else its number: from the job's next task on it waits,
 * below it was cancelled before it started. A page walks three sorted results side by side.
 */
#include "web/api.h"

#include "common/num.h"
#include "common/states.h"
#include "common/util.h"
#include "store/store_jobs.h"
#include "web/progress_reply.h"
#include "web/tasks.h"
#include "web/web_priv.h"

#include <stdio.h>
#include <string.h>

#define WINDOW_MAX     20000 /* tasks looked at in one step of a filtered page */
#define STEPS_MAX      10    /* steps of one page; it may be short then, with a cursor to go on */
#define LOG_LIMIT_MAX  262144
#define STRIP_TEXT_MAX (WINDOW_MAX * 8) /* runs of a window as text, at the worst */

void span_release(struct span *s)
{
        task_set_free(s->tasks);
}

int span_read(struct request *rq, struct db *db, struct span *ret, struct err *err)
{
        struct visible who = principal_visible(rq->who);
        AUTO_ROWS struct rows *r = NULL;

        if (request_capture_int(rq, 0, "job", &ret->job, err) < 0 ||
            store_job_outline(db, &who, ret->job, &r, err) < 0)
                return -1;
        if (!rows_next(r))
                return job_unknown(ret->job, err);
        if (tasks_of_row(r, &ret->tasks, err) < 0)
                return -1;
        ret->live = row_bool(r, "live");
        ret->next_task = ret->live ? row_int(r, "next_task") : INT64_MAX;
        ret->submitted_at = row_time(r, "submitted_at");
        ret->wait = WAIT_NONE;
        if (!row_null(r, "wait"))
                wait_reason_parse(row_text(r, "wait"), &ret->wait);
        return 0;
}

/* ---- attempts --------------------------------------------------------------------------------------------
 */

static void write_seconds(struct buf *b, const char *key, struct rows *r, const char *column)
{
        if (row_null(r, column))
                j_null(b, key);
        else
                j_f64(b, key, (double)row_int(r, column) / 1e6);
}

static void write_outcome(struct buf *b, struct rows *r)
{
        bool is_signal = strcmp(row_text(r, "outcome"), outcome_name(OUTCOME_SIGNAL)) == 0,
             none = row_null(r, "code");
        enum outcome o;

        j_col_str(b, r, "outcome");
        j_str(b, "sentence",
              !row_null(r, "outcome") && outcome_parse(row_text(r, "outcome"), &o) == 0 ? outcome_sentence(o)
                                                                                        : NULL);
        j_col_str(b, r, "blame");
        if (none || is_signal)
                j_null(b, "code");
        else
                j_int(b, "code", row_int(r, "code"));
        if (none || !is_signal)
                j_null(b, "signal");
        else
                j_int(b, "signal", row_int(r, "code"));
}

static void attempt_write(struct buf *b, struct rows *r)
{
        j_obj(b, NULL);
        j_col_int(b, r, "attempt");
        j_col_str(b, r, "state");
        write_outcome(b, r);
        j_col_str(b, r, "site");
        j_col_int(b, r, "worker");
        j_col_str(b, r, "host");
        j_col_time(b, r, "placed_at");
        j_col_time(b, r, "started_at");
        j_col_time(b, r, "ended_at");
        write_seconds(b, "wall", r, "wall_us");
        write_seconds(b, "cpu_user", r, "user_us");
        write_seconds(b, "cpu_system", r, "system_us");
        j_col_int(b, r, "memory_peak");
        j_col_int(b, r, "read_bytes");
        j_col_int(b, r, "write_bytes");
        j_col_int(b, r, "stdout_bytes");
        j_col_int(b, r, "stderr_bytes");
        j_bool(b, "log_cut", row_int(r, "log_cut") != 0);
        j_col_str(b, r, "message");
        j_raw(b, "decision", row_null(r, "decision_id") ? NULL : row_text(r, "decision_id"));
        j_obj_end(b);
}

/* ---- tasks -----------------------------------------------------------------------------------------------
 */

void window_release(struct window *w)
{
        rows_free(w->open);
        rows_free(w->queued);
        rows_free(w->ended);
        *w = (struct window){0};
}

int window_read(struct window *w, struct db *db, const struct span *s, int64_t first, int64_t last, bool all,
                struct err *err)
{
        *w = (struct window){0};
        if (store_tasks_open(db, s->job, first, last, &w->open, err) < 0 ||
            store_tasks_queued(db, s->job, first, last, &w->queued, err) < 0 ||
            store_tasks_ended(db, s->job, first, last, s->submitted_at, all, &w->ended, err) < 0) {
                window_release(w);
                return -1;
        }
        w->has_open = rows_next(w->open);
        w->has_queued = rows_next(w->queued);
        w->has_ended = rows_next(w->ended);
        return 0;
}

/* Bring each result to the task or beyond. */
static void window_seek(struct window *w, int64_t task)
{
        while (w->has_open && row_int(w->open, "task") < task)
                w->has_open = rows_next(w->open);
        while (w->has_queued && row_int(w->queued, "task") < task)
                w->has_queued = rows_next(w->queued);
        while (w->has_ended && row_int(w->ended, "task") < task)
                w->has_ended = rows_next(w->ended);
}

static bool at(const struct rows *r, bool has, int64_t task)
{
        return has && row_int(r, "task") == task;
}

bool window_is_queued(const struct window *w, int64_t task)
{
        return at(w->queued, w->has_queued, task);
}

struct rows *window_newest(const struct window *w, int64_t task)
{
        if (at(w->open, w->has_open, task))
                return w->open;
        return at(w->ended, w->has_ended, task) ? w->ended : NULL;
}

struct rows *window_older(struct window *w, int64_t task)
{
        if (at(w->open, w->has_open, task) && !w->passed_open)
                w->passed_open = true;
        else if (at(w->ended, w->has_ended, task))
                w->has_ended = rows_next(w->ended);
        return at(w->ended, w->has_ended, task) ? w->ended : NULL;
}

struct rows *window_attempt(struct window *w, int64_t task, int64_t attempt)
{
        if (at(w->open, w->has_open, task) && row_int(w->open, "attempt") == attempt)
                return w->open;
        while (at(w->ended, w->has_ended, task) && row_int(w->ended, "attempt") != attempt)
                w->has_ended = rows_next(w->ended);
        return at(w->ended, w->has_ended, task) ? w->ended : NULL;
}

static enum task_state ended_state(const struct rows *r)
{
        const char *state = row_text(r, "state");

        if (strcmp(state, attempt_state_name(ATTEMPT_SUCCEEDED)) == 0)
                return TASK_SUCCEEDED;
        if (strcmp(state, attempt_state_name(ATTEMPT_ABORTED)) == 0)
                return TASK_CANCELLED;
        return TASK_FAILED;
}

enum task_state task_state_of(const struct window *w, const struct span *s, int64_t task)
{
        if (at(w->open, w->has_open, task))
                return TASK_PLACED;
        if (at(w->queued, w->has_queued, task))
                return row_int(w->queued, "attempt") < 0 ? TASK_CANCELLED : TASK_READY;
        if (at(w->ended, w->has_ended, task) && (row_bool(w->ended, "final") || !s->live))
                return ended_state(w->ended);
        if (s->live && task >= s->next_task)
                return s->wait == WAIT_AFTER || s->wait == WAIT_INPUT_PENDING ? TASK_BLOCKED : TASK_READY;
        return TASK_CANCELLED;
}

static void write_task_wait(struct buf *b, const struct window *w, const struct span *s, int64_t task,
                            enum task_state state)
{
        bool queued = at(w->queued, w->has_queued, task);
        enum wait_reason reason = s->wait;

        if ((state != TASK_READY && state != TASK_BLOCKED) || (!queued && reason == WAIT_NONE)) {
                j_null(b, "wait");
                return;
        }
        if (queued && row_time(w->queued, "not_before") > clock_wall_ms())
                reason = WAIT_BACKOFF;
        j_obj(b, "wait");
        j_str(b, "reason", wait_reason_name(reason));
        j_str(b, "sentence", wait_reason_sentence(reason));
        if (reason == WAIT_BACKOFF && queued)
                j_time(b, "until", row_time(w->queued, "not_before"));
        j_obj_end(b);
}

/* One task; with `all` every attempt the window holds, else the newest. */
static void task_write(struct buf *b, struct window *w, const struct span *s, int64_t task,
                       enum task_state state, bool all)
{
        bool open = at(w->open, w->has_open, task);

        j_obj(b, NULL);
        j_int(b, "task", task);
        j_str(b, "state", task_state_name(state));
        write_task_wait(b, w, s, task, state);
        if (open)
                progress_write_attempt(b, w->open);
        else
                j_null(b, "progress");
        j_arr(b, "attempts");
        if (open)
                attempt_write(b, w->open);
        for (bool more = at(w->ended, w->has_ended, task) && (all || !open); more;) {
                attempt_write(b, w->ended);
                w->has_ended = rows_next(w->ended);
                more = all && at(w->ended, w->has_ended, task);
        }
        j_arr_end(b);
        j_obj_end(b);
}

struct task_page {
        int state; /* wanted; -1 any */
        int limit, found;
        int64_t next; /* where to go on */
};

static int page_window(struct request *rq, struct db *db, const struct span *s, struct task_page *p,
                       struct err *err)
{
        int64_t size = p->state < 0 ? p->limit - p->found : WINDOW_MAX;
        int64_t end = task_set_rank(s->tasks, p->next) + size;
        int64_t last = end < s->tasks->count ? task_set_at(s->tasks, (int32_t)end - 1) : s->tasks->last;
        struct window w;

        if (window_read(&w, db, s, p->next, last, false, err) < 0)
                return -1;
        for (; p->next <= last && p->found < p->limit; p->next = task_set_next(s->tasks, p->next + 1)) {
                enum task_state state;

                window_seek(&w, p->next);
                state = task_state_of(&w, s, p->next);
                if (p->state >= 0 && (int)state != p->state)
                        continue;
                task_write(&rq->out, &w, s, p->next, state, false);
                p->found++;
        }
        window_release(&w);
        return 0;
}

static int read_task_state(const struct request *rq, int *ret, struct err *err)
{
        const char *text = request_query(rq, "state");
        enum task_state state;

        *ret = -1;
        if (!text)
                return 0;
        if (task_state_parse(text, &state) < 0)
                return err_set(err, ERR_BAD_INPUT,
                               "state: must be blocked, ready, placed, succeeded, failed or cancelled");
        *ret = (int)state;
        return 0;
}

HANDLER(api_tasks)
{
        struct task_page p = {0};
        AUTO_SPAN struct span s = {0};
        int64_t from;

        if (span_read(rq, db, &s, err) < 0 || request_limit(rq, &p.limit, err) < 0 ||
            request_query_int(rq, "from", 0, INT32_MAX, s.tasks->first, &from, err) < 0 ||
            cursor_read_int(rq, from, &p.next, err) < 0 || read_task_state(rq, &p.state, err) < 0)
                return -1;
        p.next = task_set_next(s.tasks, p.next);
        j_obj(&rq->out, NULL);
        j_arr(&rq->out, "items");
        for (int step = 0; step < STEPS_MAX && p.found < p.limit && p.next <= s.tasks->last; step++)
                if (page_window(rq, db, &s, &p, err) < 0)
                        return -1;
        j_arr_end(&rq->out);
        cursor_write_int(&rq->out, "next_cursor", p.next <= s.tasks->last ? p.next : 0);
        j_obj_end(&rq->out);
        return 0;
}

/* A letter for each state, so that thousands of tasks fit into a line. */
static const char strip_letters[] = {[TASK_BLOCKED] = 'b',   [TASK_READY] = 'r',  [TASK_PLACED] = 'p',
                                     [TASK_SUCCEEDED] = 's', [TASK_FAILED] = 'f', [TASK_CANCELLED] = 'c'};
#define STRIP_GAP '-' /* a number that is no task */

static void strip_run(struct buf *b, int64_t n, char letter)
{
        if (n)
                buf_printf(b, "%lld%c", (long long)n, letter);
}

/* States of the numbers first..last as runs, "337s1f20p". */
static int strip_write(struct buf *b, struct db *db, const struct span *s, int64_t first, int64_t last,
                       struct err *err)
{
        struct window w;
        int64_t run = 0;
        char before = STRIP_GAP;

        if (window_read(&w, db, s, first, last, false, err) < 0)
                return -1;
        for (int64_t task = first; task <= last; task++, run++) {
                char letter = STRIP_GAP;

                window_seek(&w, task);
                if (task_set_has(s->tasks, task))
                        letter = strip_letters[task_state_of(&w, s, task)];
                if (letter != before) {
                        strip_run(b, run, before);
                        run = 0;
                        before = letter;
                }
        }
        strip_run(b, run, before);
        window_release(&w);
        return 0;
}

HANDLER(api_strip)
{
        AUTO_SPAN struct span s = {0};
        struct buf runs;
        int64_t from, last;
        int rc;

        if (span_read(rq, db, &s, err) < 0 ||
            request_query_int(rq, "from", 0, INT32_MAX, s.tasks->first, &from, err) < 0)
                return -1;
        if (from < s.tasks->first)
                from = s.tasks->first;
        last = from + WINDOW_MAX - 1 < s.tasks->last ? from + WINDOW_MAX - 1 : s.tasks->last;
        buf_init(&runs, STRIP_TEXT_MAX);
        rc = strip_write(&runs, db, &s, from, last, err);
        if (rc == 0) {
                j_obj(&rq->out, NULL);
                j_int(&rq->out, "from", from);
                j_int(&rq->out, "to", last);
                j_str(&rq->out, "runs", buf_cstr(&runs));
                if (last < s.tasks->last)
                        j_int(&rq->out, "next", last + 1);
                else
                        j_null(&rq->out, "next");
                j_obj_end(&rq->out);
        }
        buf_release(&runs);
        return rc;
}

static int task_capture(struct request *rq, const struct span *s, int64_t *ret, struct err *err)
{
        char shown[TASKS_SHOWN];

        if (request_capture_int(rq, 1, "task", ret, err) < 0)
                return -1;
        if (!task_set_has(s->tasks, *ret))
                return err_set(err, ERR_NOT_FOUND, "no task %lld of job %lld: its tasks are %s",
                               (long long)*ret, (long long)s->job, tasks_show(s->tasks, shown));
        return 0;
}

HANDLER(api_task)
{
        AUTO_SPAN struct span s = {0};
        struct window w;
        int64_t task;

        if (span_read(rq, db, &s, err) < 0 || task_capture(rq, &s, &task, err) < 0 ||
            window_read(&w, db, &s, task, task, true, err) < 0)
                return -1;
        task_write(&rq->out, &w, &s, task, task_state_of(&w, &s, task), true);
        window_release(&w);
        return 0;
}

/* ---- logs ------------------------------------------------------------------------------------------------
 */

struct log_place {
        int64_t attempt, worker, size; /* size -1: not known, it may still grow */
        char site[72];
};

/* The attempt wanted (0: the newest); ended ones know how long their log is. */
static int log_find(struct db *db, const struct span *s, int64_t task, int64_t attempt, bool is_stderr,
                    struct log_place *ret, struct err *err)
{
        struct window w;
        struct rows *r = NULL;

        if (window_read(&w, db, s, task, task, true, err) < 0)
                return -1;
        if (w.has_open && (!attempt || row_int(w.open, "attempt") == attempt))
                r = w.open;
        while (!r && w.has_ended && attempt && row_int(w.ended, "attempt") != attempt)
                w.has_ended = rows_next(w.ended);
        if (!r && w.has_ended)
                r = w.ended;
        if (r) {
                const char *bytes = is_stderr ? "stderr_bytes" : "stdout_bytes";

                *ret = (struct log_place){row_int(r, "attempt"), row_int(r, "worker"),
                                          row_null(r, bytes) ? -1 : row_int(r, bytes), ""};
                snprintf(ret->site, sizeof ret->site, "%s", row_text(r, "site"));
        }
        window_release(&w);
        if (r)
                return 0;
        return attempt ? err_set(err, ERR_NOT_FOUND, "task %lld has no attempt %lld", (long long)task,
                                 (long long)attempt)
                       : err_set(err, ERR_NOT_FOUND, "task %lld was never placed: it has no log yet",
                                 (long long)task);
}

HANDLER(api_task_log)
{
        const char *stream = request_query(rq, "stream");
        struct log_place at_site = {0};
        struct bytes_wanted w = {.what = stream ? stream : "stdout"};
        char name[96];
        AUTO_SPAN struct span s = {0};

        if (span_read(rq, db, &s, err) < 0 || task_capture(rq, &s, &w.task, err) < 0 ||
            request_query_int(rq, "attempt", 1, INT32_MAX, 0, &w.attempt, err) < 0 ||
            request_query_int(rq, "offset", -INT64_MAX, INT64_MAX, 0, &w.offset, err) < 0 ||
            request_query_int(rq, "limit", 1, LOG_LIMIT_MAX, LOG_LIMIT_MAX, &w.limit, err) < 0)
                return -1;
        if (strcmp(w.what, "stdout") != 0 && strcmp(w.what, "stderr") != 0)
                return err_set(err, ERR_BAD_INPUT, "stream: must be stdout or stderr");
        if (log_find(db, &s, w.task, w.attempt, strcmp(w.what, "stderr") == 0, &at_site, err) < 0)
                return -1;
        w.job = s.job;
        w.attempt = at_site.attempt;
        w.worker = at_site.worker;
        w.site = at_site.site;
        w.size = at_site.size;
        snprintf(name, sizeof name, "%lld.%lld-%lld.%s", (long long)w.job, (long long)w.task,
                 (long long)w.attempt, w.what);
        w.file_name = name;
        request_header(rq, "Reeve-Attempt", "%lld", (long long)w.attempt);
        return bytes_reply(rq, db, &w, err);
}
