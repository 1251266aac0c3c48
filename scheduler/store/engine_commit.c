/* SPDX-License-Identifier: Apache-2.0 */
/* One pass of the engine, as one transaction: the fence, then a statement for each kind of row, sent without
 * waiting. Rows travel as array parameters, so that a statement costs the same for one row and for thousands.
 *
 * The guard of a statement is inside it: reeve_expect raises when fewer rows matched than were given, and the
 * transaction is gone before anything of it could be seen. The order of the table `parts` keeps keys valid.
 *
 * Rows meet their tables as `key = any(array[row.key])`: that can be looked up in an index, and is of no use
 * to a plan that walks the whole table and goes through all rows for each of its rows. The planner takes to
 * such a plan when it last saw the table empty, and the table may hold a million rows when the plan is used.
 *
 * A state that is followed by another of the same attempt, or by its end, is not written: the last word
 * counts. The wake-up of the web goes after the commit, not into it (db.h, db_notify_soon).
 */
#include "store/engine_priv.h"
#include "common/util.h"

#include <string.h>

#define WEB_NOTIFY_MS 20

bool commit_is_empty(const struct commit *c)
{
        return !(c->placed_n || c->states_n || c->ended_n || c->retries_n || c->unqueued_n || c->jobs_n ||
                 c->waits_n || c->reasons_n || c->done_n || c->decisions_n || c->events_n || c->outputs_n ||
                 c->usage_n || c->intents_n || c->transfers_n || c->copies_n || c->links_n || c->suspects_n ||
                 c->refusals_n || c->learned_n || c->tasks_succeeded || c->tasks_failed ||
                 c->tasks_cancelled);
}

void commit_clear(struct commit *c)
{
        c->placed_n = c->states_n = c->ended_n = c->retries_n = c->unqueued_n = c->jobs_n = c->waits_n =
            c->reasons_n = c->done_n = 0;
        c->decisions_n = c->events_n = c->outputs_n = c->usage_n = c->intents_n = 0;
        c->transfers_n = c->copies_n = c->links_n = c->suspects_n = c->refusals_n = c->learned_n = 0;
        c->tasks_succeeded = c->tasks_failed = c->tasks_cancelled = 0;
}

void commit_release(struct commit *c)
{
        free(c->placed);
        free(c->states);
        free(c->ended);
        free(c->retries);
        free(c->unqueued);
        free(c->jobs);
        free(c->waits);
        free(c->reasons);
        free(c->done);
        free(c->decisions);
        free(c->events);
        free(c->outputs);
        free(c->usage);
        free(c->transfers);
        free(c->copies);
        free(c->links);
        free(c->suspects);
        free(c->refusals);
        free(c->learned);
        free(c->intents);
        memset(c, 0, sizeof *c);
}

/* Bind one field of the n structs at `rows`. */
#define COLUMN(kind, st, rows, field, ...) bind_column_##kind(st, &(rows)->field, sizeof *(rows), __VA_ARGS__)

static const char *attempt_word(int v)
{
        return attempt_state_name((enum attempt_state)v);
}

static const char *outcome_word(int v)
{
        return outcome_name((enum outcome)v);
}

static const char *blame_word(int v)
{
        return blame_name((enum blame)v);
}

static const char *wait_word(int v)
{
        return wait_reason_name((enum wait_reason)v);
}

static const char *job_word(int v)
{
        return job_state_name((enum job_state)v);
}

/* ---- tasks ----------------------------------------------------------------------------------------------
 */

static int add_unqueued(struct db *db, const struct commit *c, size_t at, size_t n, struct err *err)
{
        const struct commit_task *v = c->unqueued + at;
        struct stmt *st =
            db_stmt(db, "commit_unqueued",
                    "delete from task_queue q using (select unnest($1::bigint[]) as job,"
                    " unnest($2::integer[]) as task) as t where q.job_id = any(array[t.job]) and q.task ="
                    " t.task");

        COLUMN(i64, st, v, job, n);
        COLUMN(i32, st, v, task, n);
        return db_pipeline_add(st, err);
}

static int add_retries(struct db *db, const struct commit *c, size_t at, size_t n, struct err *err)
{
        const struct commit_retry *v = c->retries + at;
        struct stmt *st =
            db_stmt(db, "commit_retries",
                    "insert into task_queue (job_id, task, attempt, task_failures, site_failures,"
                    " avoid_site, not_before, last_outcome) select job, task, attempt, task_failures,"
                    " site_failures, nullif(avoid_site, 0), not_before, last_outcome from (select"
                    " unnest($1::bigint[]) as job, unnest($2::integer[]) as task, unnest($3::integer[]) as"
                    " attempt, unnest($4::integer[]) as task_failures, unnest($5::integer[]) as"
                    " site_failures, unnest($6::integer[]) as avoid_site, unnest($7::timestamptz[]) as"
                    " not_before, unnest($8::text[]) as last_outcome) as r on conflict (job_id, task) do"
                    " update set attempt = excluded.attempt, task_failures = excluded.task_failures,"
                    " site_failures = excluded.site_failures, avoid_site = excluded.avoid_site, not_before ="
                    " excluded.not_before, last_outcome = excluded.last_outcome");

        COLUMN(i64, st, v, job, n);
        COLUMN(i32, st, v, task, n);
        COLUMN(i32, st, v, attempt, n);
        COLUMN(i32, st, v, task_failures, n);
        COLUMN(i32, st, v, site_failures, n);
        COLUMN(i32, st, v, avoid_site, n);
        COLUMN(time, st, v, not_before, n);
        COLUMN(text, st, v, last_outcome, n);
        return db_pipeline_add(st, err);
}

/* ---- attempts -------------------------------------------------------------------------------------------
 */

/* Those of the placed that stood in task_queue leave it. */
static int add_dequeued(struct db *db, const struct commit_placed *v, size_t n, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "commit_dequeued",
                    "with gone as (delete from task_queue q using (select unnest($1::bigint[]) as job,"
                    " unnest($2::integer[]) as task, unnest($3::boolean[]) as queued) as t where t.queued and"
                    " q.job_id = any(array[t.job]) and q.task = t.task returning 1) select"
                    " reeve_expect(count(*), $4, 'queued tasks') from gone");
        int64_t queued = 0;

        for (size_t i = 0; i < n; i++)
                queued += v[i].queued;
        if (queued == 0)
                return 0;
        COLUMN(i64, st, v, key.job, n);
        COLUMN(i32, st, v, key.task, n);
        COLUMN(bool, st, v, queued, n);
        bind_int(st, queued);
        return db_pipeline_add(st, err);
}

static int add_placed(struct db *db, const struct commit *c, int64_t epoch, size_t at, size_t n,
                      struct err *err)
{
        const struct commit_placed *v = c->placed + at;
        struct stmt *st =
            db_stmt(db, "commit_placed",
                    "insert into attempts_live (job_id, task, attempt, epoch, site_id, worker_id, state,"
                    " placed_at, task_failures, site_failures, decision_id) select job, task, attempt, $10,"
                    " site, worker, 'reserved', placed_at, task_failures, site_failures, nullif(decision, 0)"
                    " from (select unnest($1::bigint[]) as job, unnest($2::integer[]) as task,"
                    " unnest($3::integer[]) as attempt, unnest($4::integer[]) as site, unnest($5::integer[])"
                    " as worker, unnest($6::timestamptz[]) as placed_at, unnest($7::integer[]) as"
                    " task_failures, unnest($8::integer[]) as site_failures, unnest($9::bigint[]) as"
                    " decision) as p");

        COLUMN(i64, st, v, key.job, n);
        COLUMN(i32, st, v, key.task, n);
        COLUMN(i32, st, v, key.attempt, n);
        COLUMN(i32, st, v, site, n);
        COLUMN(i32, st, v, worker, n);
        COLUMN(time, st, v, placed_at, n);
        COLUMN(i32, st, v, task_failures, n);
        COLUMN(i32, st, v, site_failures, n);
        COLUMN(i64, st, v, decision, n);
        bind_int(st, epoch);
        if (db_pipeline_add(st, err) < 0)
                return -1;
        return add_dequeued(db, v, n, err);
}

static int add_states(struct db *db, const struct commit_state *v, size_t n, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "commit_states",
                    "with moved as (update attempts_live l set state = s.state, started_at ="
                    " coalesce(s.started_at, l.started_at) from (select unnest($1::bigint[]) as job,"
                    " unnest($2::integer[]) as task, unnest($3::integer[]) as attempt, unnest($4::text[]) as"
                    " state, unnest($5::timestamptz[]) as started_at) as s where l.job_id = any(array[s.job])"
                    " and l.task = s.task and l.attempt = s.attempt returning 1) select"
                    " reeve_expect(count(*), $6, 'moved attempts') from moved");

        COLUMN(i64, st, v, key.job, n);
        COLUMN(i32, st, v, key.task, n);
        COLUMN(i32, st, v, key.attempt, n);
        COLUMN(word, st, v, state, n, attempt_word);
        COLUMN(time, st, v, started_at, n);
        bind_int(st, (int64_t)n);
        return db_pipeline_add(st, err);
}

static int add_ended(struct db *db, const struct commit *c, int64_t epoch, size_t at, size_t n,
                     struct err *err)
{
        const struct commit_ended *v = c->ended + at;
        struct stmt *st =
            db_stmt(db, "commit_ended",
                    "with gone as (delete from attempts_live l using (select unnest($1::bigint[]) as job,"
                    " unnest($2::integer[]) as task, unnest($3::integer[]) as attempt, unnest($4::text[]) as"
                    " state, unnest($5::text[]) as outcome, unnest($6::text[]) as blame,"
                    " unnest($7::boolean[]) as final, unnest($8::integer[]) as code,"
                    " unnest($9::timestamptz[]) as started_at, unnest($10::timestamptz[]) as ended_at,"
                    " unnest($11::bigint[]) as wall_us, unnest($12::bigint[]) as user_us,"
                    " unnest($13::bigint[]) as system_us, unnest($14::bigint[]) as memory_peak,"
                    " unnest($15::bigint[]) as read_bytes, unnest($16::bigint[]) as write_bytes,"
                    " unnest($17::bigint[]) as stdout_bytes, unnest($18::bigint[]) as stderr_bytes,"
                    " unnest($19::smallint[]) as log_cut, unnest($20::text[]) as message) as e where l.job_id"
                    " = any(array[e.job]) and l.task = e.task and l.attempt = e.attempt returning l.site_id,"
                    " l.worker_id, l.placed_at, l.started_at as live_started_at, l.decision_id, e.*), kept as"
                    " (insert into attempts (job_id, task, attempt, epoch, site_id, worker_id, state,"
                    " outcome, blame, final, code, placed_at, started_at, ended_at, wall_us, user_us,"
                    " system_us, memory_peak, read_bytes, write_bytes, stdout_bytes, stderr_bytes, log_cut,"
                    " message, decision_id) select job, task, attempt, $21, site_id, worker_id, state,"
                    " outcome, blame, final, code, placed_at, coalesce(started_at, live_started_at),"
                    " ended_at, wall_us, user_us, system_us, memory_peak, read_bytes, write_bytes,"
                    " stdout_bytes, stderr_bytes, log_cut, message, decision_id from gone returning 1) select"
                    " reeve_expect(count(*), $22, 'ended attempts') from kept");

        COLUMN(i64, st, v, key.job, n);
        COLUMN(i32, st, v, key.task, n);
        COLUMN(i32, st, v, key.attempt, n);
        COLUMN(word, st, v, state, n, attempt_word);
        COLUMN(word, st, v, outcome, n, outcome_word);
        COLUMN(word, st, v, blame, n, blame_word);
        COLUMN(bool, st, v, final, n);
        COLUMN(i32, st, v, code, n);
        COLUMN(time, st, v, started_at, n);
        COLUMN(time, st, v, ended_at, n);
        COLUMN(i64, st, v, wall_us, n);
        COLUMN(i64, st, v, user_us, n);
        COLUMN(i64, st, v, system_us, n);
        COLUMN(i64, st, v, memory_peak, n);
        COLUMN(i64, st, v, read_bytes, n);
        COLUMN(i64, st, v, write_bytes, n);
        COLUMN(i64, st, v, stdout_bytes, n);
        COLUMN(i64, st, v, stderr_bytes, n);
        COLUMN(i16, st, v, log_cut, n);
        COLUMN(text, st, v, message, n);
        bind_int(st, epoch);
        bind_int(st, (int64_t)n);
        return db_pipeline_add(st, err);
}

/* ---- states: only the last word on each attempt is written -----------------------------------------------
 */

/* Open addressing; a slot holds the number of a row + 1, or ENDED. */
struct last_words {
        uint32_t *slots;
        size_t mask;
        struct commit_state *rows;
        size_t n;
};
#define ENDED UINT32_MAX

static size_t key_hash(struct attempt_key k)
{
        return (size_t)hash_mix((uint64_t)k.job * 0x9e3779b97f4a7c15ULL ^ ((uint64_t)(uint32_t)k.task << 32) ^
                                (uint32_t)k.attempt);
}

static void last_word_add(struct last_words *w, const struct commit_state *s)
{
        size_t at = key_hash(s->key) & w->mask;

        for (; w->slots[at]; at = (at + 1) & w->mask) {
                struct commit_state *earlier = &w->rows[w->slots[at] - 1];

                if (!attempt_key_equal(earlier->key, s->key))
                        continue;
                earlier->state = s->state;
                if (s->started_at != TIME_NONE)
                        earlier->started_at = s->started_at;
                return;
        }
        w->rows[w->n++] = *s;
        w->slots[at] = (uint32_t)w->n;
}

/* Take out the row of an attempt that ends in the same commit; its start goes along with the end. */
static void last_word_drop(struct last_words *w, struct attempt_key key)
{
        for (size_t at = key_hash(key) & w->mask; w->slots[at]; at = (at + 1) & w->mask) {
                struct commit_state *s = &w->rows[w->slots[at] - 1];

                if (attempt_key_equal(s->key, key)) {
                        s->key.attempt = -1;
                        return;
                }
        }
}

static void last_words_make(struct last_words *w, const struct commit *c)
{
        size_t size = 16;

        while (size < c->states_n * 2)
                size *= 2;
        w->mask = size - 1;
        w->slots = xcalloc(size, sizeof *w->slots);
        w->rows = xmalloc(c->states_n * sizeof *w->rows);
        w->n = 0;
        for (size_t i = 0; i < c->states_n; i++)
                last_word_add(w, &c->states[i]);
        for (size_t i = 0; i < c->ended_n; i++) {
                if (c->ended[i].started_at != TIME_NONE)
                        last_word_drop(w, c->ended[i].key);
        }

        size_t kept = 0;

        for (size_t i = 0; i < w->n; i++) {
                if (w->rows[i].key.attempt >= 0)
                        w->rows[kept++] = w->rows[i];
        }
        w->n = kept;
        free(w->slots);
}

static int add_all_states(struct db *db, const struct commit *c, struct err *err)
{
        struct last_words w;
        int rc = 0;

        if (c->states_n == 0)
                return 0;
        last_words_make(&w, c);
        for (size_t at = 0; at < w.n && rc == 0; at += BATCH_ROWS)
                rc = add_states(db, w.rows + at, w.n - at < BATCH_ROWS ? w.n - at : BATCH_ROWS, err);
        free(w.rows);
        return rc;
}

/* ---- jobs -----------------------------------------------------------------------------------------------
 */

static int add_jobs(struct db *db, const struct commit *c, size_t at, size_t n, struct err *err)
{
        const struct commit_job *v = c->jobs + at;
        struct stmt *st =
            db_stmt(db, "commit_jobs",
                    "with moved as (update job_queue q set taken = true, priority = j.priority, next_task ="
                    " j.next_task, succeeded = j.succeeded, failed = j.failed, cancelled = j.cancelled,"
                    " started_at = coalesce(j.started_at, q.started_at), held_by = case when j.held_by = ''"
                    " then q.held_by else j.held_by end, held_at = case when j.held_by is null then null when"
                    " j.held_by in ('', q.held_by) then q.held_at else now() end, cancelled_by = case when"
                    " j.cancelled_by = '' then q.cancelled_by else j.cancelled_by end, cancelled_at = case"
                    " when j.cancelled_by is null then null when j.cancelled_by in ('', q.cancelled_by) then"
                    " q.cancelled_at else now() end, wait = j.wait, wait_since = coalesce(j.wait_since,"
                    " q.wait_since) from (select unnest($1::bigint[]) as job,"
                    " unnest($2::integer[]) as priority, unnest($3::integer[]) as next_task,"
                    " unnest($4::integer[]) as succeeded, unnest($5::integer[]) as failed,"
                    " unnest($6::integer[]) as cancelled, unnest($7::timestamptz[]) as started_at,"
                    " unnest($8::text[]) as held_by, unnest($9::text[]) as cancelled_by, unnest($10::text[])"
                    " as wait, unnest($11::timestamptz[]) as wait_since) as j where q.job_id ="
                    " any(array[j.job]) returning 1) select reeve_expect(count(*), $12,"
                    " 'live jobs') from moved");

        COLUMN(i64, st, v, job, n);
        COLUMN(i32, st, v, priority, n);
        COLUMN(i32, st, v, next_task, n);
        COLUMN(i32, st, v, succeeded, n);
        COLUMN(i32, st, v, failed, n);
        COLUMN(i32, st, v, cancelled, n);
        COLUMN(time, st, v, started_at, n);
        COLUMN(text, st, v, held_by, n);
        COLUMN(text, st, v, cancelled_by, n);
        COLUMN(word, st, v, wait, n, wait_word);
        COLUMN(time, st, v, wait_since, n);
        bind_int(st, (int64_t)n);
        return db_pipeline_add(st, err);
}

/* A job that is gone from the queue by now waits for nothing. */
static int add_reasons(struct db *db, const struct commit *c, size_t at, size_t n, struct err *err)
{
        const struct commit_wait *v = c->reasons + at;
        struct stmt *st = db_stmt(db, "commit_reasons",
                                  "update job_queue q set wait = w.reason, wait_since = w.since from (select"
                                  " unnest($1::bigint[]) as job, unnest($2::timestamptz[]) as since,"
                                  " unnest($3::text[]) as reason) as w where q.job_id = any(array[w.job])");

        COLUMN(i64, st, v, job, n);
        COLUMN(time, st, v, since, n);
        COLUMN(word, st, v, reason, n, wait_word);
        return db_pipeline_add(st, err);
}

static int add_done(struct db *db, const struct commit *c, size_t at, size_t n, struct err *err)
{
        const struct commit_done *v = c->done + at;
        struct stmt *st =
            db_stmt(db, "commit_done",
                    "with d as materialized (select * from (select unnest($1::bigint[]) as job,"
                    " unnest($2::text[]) as state, unnest($3::integer[]) as succeeded, unnest($4::integer[])"
                    " as failed, unnest($5::integer[]) as cancelled, unnest($6::timestamptz[]) as started_at,"
                    " unnest($7::timestamptz[]) as finished_at, unnest($8::text[]) as message) as u),"
                    " unqueued as (delete from task_queue t using d where t.job_id = any(array[d.job])),"
                    " sealed as (update datasets s set sealed_at = d.finished_at from d where s.job_id ="
                    " any(array[d.job]) and s.sealed_at is null), gone as (delete from job_queue q using d"
                    " where q.job_id = any(array[d.job]) returning 1), ended as (update jobs j set state ="
                    " d.state, succeeded = d.succeeded, failed = d.failed, cancelled = d.cancelled,"
                    " started_at = d.started_at, finished_at = d.finished_at, message = d.message from d"
                    " where j.id = any(array[d.job]) and j.finished_at is null returning 1) select"
                    " reeve_expect((select count(*) from gone), $9, 'live jobs that ended'),"
                    " reeve_expect((select count(*) from ended), $9, 'jobs that ended')");

        COLUMN(i64, st, v, job, n);
        COLUMN(word, st, v, state, n, job_word);
        COLUMN(i32, st, v, succeeded, n);
        COLUMN(i32, st, v, failed, n);
        COLUMN(i32, st, v, cancelled, n);
        COLUMN(time, st, v, started_at, n);
        COLUMN(time, st, v, finished_at, n);
        COLUMN(text, st, v, message, n);
        bind_int(st, (int64_t)n);
        return db_pipeline_add(st, err);
}

static int add_intents(struct db *db, const struct commit *c, size_t at, size_t n, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "commit_intents",
                    "update job_intents set applied_at = now() where id = any($1::bigint[]) and applied_at"
                    " is null");

        bind_ints(st, c->intents + at, n);
        return db_pipeline_add(st, err);
}

/* ---- the record for people --------------------------------------------------------------------------------
 */

static int add_decisions(struct db *db, const struct commit *c, size_t at, size_t n, struct err *err)
{
        const struct commit_decision *v = c->decisions + at;
        struct stmt *st =
            db_stmt(db, "commit_decisions",
                    "insert into decisions (id, job_id, decided_at, task, site_id, candidates) select id,"
                    " job, at, task, site, candidates::json from (select unnest($1::bigint[]) as id,"
                    " unnest($2::bigint[]) as job, unnest($3::timestamptz[]) as at, unnest($4::integer[]) as"
                    " task, unnest($5::integer[]) as site, unnest($6::text[]) as candidates) as d");

        COLUMN(i64, st, v, id, n);
        COLUMN(i64, st, v, job, n);
        COLUMN(time, st, v, at, n);
        COLUMN(i32, st, v, task, n);
        COLUMN(i32, st, v, site, n);
        COLUMN(text, st, v, candidates, n);
        return db_pipeline_add(st, err);
}

static int add_waits(struct db *db, const struct commit *c, size_t at, size_t n, struct err *err)
{
        const struct commit_wait *v = c->waits + at;
        struct stmt *st = db_stmt(db, "commit_waits",
                                  "insert into job_waits (job_id, since, reason) select * from"
                                  " unnest($1::bigint[], $2::timestamptz[], $3::text[])"
                                  " on conflict (job_id, since) do update set reason = excluded.reason");

        COLUMN(i64, st, v, job, n);
        COLUMN(time, st, v, since, n);
        COLUMN(word, st, v, reason, n, wait_word);
        return db_pipeline_add(st, err);
}

static int add_events(struct db *db, const struct commit *c, size_t at, size_t n, struct err *err)
{
        const struct commit_event *v = c->events + at;
        struct stmt *st =
            db_stmt(db, "commit_events",
                    "insert into events (kind, job_id, task, site_id, actor, text) select kind, nullif(job,"
                    " 0), nullif(task, -1), nullif(site, 0), actor, text from unnest($1::text[],"
                    " $2::bigint[], $3::integer[], $4::integer[], $5::text[], $6::text[]) with ordinality as"
                    " e (kind, job, task, site, actor, text, n) order by n");

        COLUMN(text, st, v, kind, n);
        COLUMN(i64, st, v, job, n);
        COLUMN(i32, st, v, task, n);
        COLUMN(i32, st, v, site, n);
        COLUMN(text, st, v, actor, n);
        COLUMN(text, st, v, text, n);
        return db_pipeline_add(st, err);
}

static int add_usage(struct db *db, const struct commit *c, size_t at, size_t n, struct err *err)
{
        const struct commit_usage *v = c->usage + at;
        struct stmt *st =
            db_stmt(db, "commit_usage",
                    "update projects p set usage = u.usage, usage_at = u.at from (select"
                    " unnest($1::integer[]) as project, unnest($2::double precision[]) as usage,"
                    " unnest($3::timestamptz[]) as at) as u where p.id = any(array[u.project])");

        COLUMN(i32, st, v, project, n);
        COLUMN(f64, st, v, usage, n);
        COLUMN(time, st, v, at, n);
        return db_pipeline_add(st, err);
}

static int add_totals(struct db *db, const struct commit *c, struct err *err)
{
        static const char *const names[] = {"attempts", "jobs", "tasks_succeeded", "tasks_failed",
                                            "tasks_cancelled"};
        const int64_t sums[] = {(int64_t)c->ended_n, (int64_t)c->done_n, c->tasks_succeeded, c->tasks_failed,
                                c->tasks_cancelled};
        const char *moved[ARRAY_LEN(sums)];
        int64_t by[ARRAY_LEN(sums)];
        struct stmt *st;
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_LEN(sums); i++) {
                if (sums[i] == 0)
                        continue;
                moved[n] = names[i];
                by[n++] = sums[i];
        }
        if (n == 0)
                return 0;
        st = db_stmt(db, "commit_totals",
                     "update totals t set value = t.value + u.by from (select unnest($1::text[]) as name,"
                     " unnest($2::bigint[]) as by) as u where t.name = any(array[u.name])");
        bind_texts(st, moved, n);
        bind_ints(st, by, n);
        return db_pipeline_add(st, err);
}

/* ---- the commit -------------------------------------------------------------------------------------------
 */

typedef int (*add_fn)(struct db *db, const struct commit *c, size_t at, size_t n, struct err *err);

static int in_batches(add_fn add, struct db *db, const struct commit *c, size_t n, struct err *err)
{
        for (size_t at = 0; at < n; at += BATCH_ROWS) {
                if (add(db, c, at, n - at < BATCH_ROWS ? n - at : BATCH_ROWS, err) < 0)
                        return -1;
        }
        return 0;
}

static int add_all_placed(struct db *db, const struct commit *c, int64_t epoch, struct err *err)
{
        for (size_t at = 0; at < c->placed_n; at += BATCH_ROWS) {
                size_t n = c->placed_n - at < BATCH_ROWS ? c->placed_n - at : BATCH_ROWS;

                if (add_placed(db, c, epoch, at, n, err) < 0)
                        return -1;
        }
        return 0;
}

static int add_all_ended(struct db *db, const struct commit *c, int64_t epoch, struct err *err)
{
        for (size_t at = 0; at < c->ended_n; at += BATCH_ROWS) {
                size_t n = c->ended_n - at < BATCH_ROWS ? c->ended_n - at : BATCH_ROWS;

                if (add_ended(db, c, epoch, at, n, err) < 0)
                        return -1;
        }
        return 0;
}

/* A task may end, be queued again and be placed again in one commit; nothing is placed and ends in one,
 * because a launch leaves only after its commit. */
static int add_parts(struct db *db, const struct commit *c, int64_t epoch, struct err *err)
{
        if (in_batches(add_unqueued, db, c, c->unqueued_n, err) < 0 || add_all_states(db, c, err) < 0 ||
            add_all_ended(db, c, epoch, err) < 0 || in_batches(add_retries, db, c, c->retries_n, err) < 0 ||
            add_all_placed(db, c, epoch, err) < 0 || in_batches(add_reasons, db, c, c->reasons_n, err) < 0 ||
            in_batches(add_jobs, db, c, c->jobs_n, err) < 0 ||
            in_batches(add_waits, db, c, c->waits_n, err) < 0 ||
            in_batches(add_decisions, db, c, c->decisions_n, err) < 0 ||
            in_batches(add_events, db, c, c->events_n, err) < 0 || outputs_add(db, c, err) < 0 ||
            data_add(db, c, err) < 0 || in_batches(add_usage, db, c, c->usage_n, err) < 0 ||
            in_batches(add_intents, db, c, c->intents_n, err) < 0 ||
            in_batches(add_done, db, c, c->done_n, err) < 0)
                return -1;
        if (add_totals(db, c, err) < 0)
                return -1;
        return c->refusals_n ? refusals_add(db, c, err) : 0;
}

static bool shows(const struct commit *c)
{
        return c->placed_n || c->states_n || c->ended_n || c->jobs_n || c->reasons_n || c->done_n ||
               c->events_n || c->outputs_n || c->intents_n;
}

/* Jobs that look different now. Rows of one job often stand together. */
#define TELL_(rows, member)                                                                                  \
        for (size_t i = 0; i < c->rows##_n; i++)                                                             \
                if (!i || c->rows[i].member != c->rows[i - 1].member)                                        \
        db_about(db, c->rows[i].member)

static void tell_web(struct db *db, const struct commit *c)
{
        TELL_(placed, key.job);
        TELL_(states, key.job);
        TELL_(ended, key.job);
        TELL_(retries, job);
        TELL_(unqueued, job);
        TELL_(jobs, job);
        TELL_(waits, job);
        TELL_(reasons, job);
        TELL_(done, job);
        (void)db_notify_about(db, "reeve_web", WEB_NOTIFY_MS, NULL);
}
#undef TELL_

int store_commit(struct db *db, int64_t epoch, const struct commit *c, struct err *err)
{
        if (commit_is_empty(c))
                return 0;
        if (db_pipeline_begin(db, err) < 0 || fence_add(db, epoch, err) < 0 ||
            add_parts(db, c, epoch, err) < 0 || db_pipeline_end(db, NULL, 0, err) < 0)
                return -1;
        /* What was committed stays committed when the wake-up fails: the next call meets the lost connection.
         */
        if (shows(c))
                tell_web(db, c);
        return 0;
}
