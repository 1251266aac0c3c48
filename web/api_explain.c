/* SPDX-License-Identifier: Apache-2.0 */
/* Explanations: why a job waits, when it is likely to start, what would help; why its tasks ran where they
 * did.
 *
 * The engine is asked through a call and answers from its model; what is on record (decisions, what it waited
 * for) is read here. Where no engine answers in time, what it wrote when the reason last changed is shown. A
 * reader who waits for changes is answered again from the answer at hand, which is fetched anew at most every
 * EXPLAIN_AGAIN_MS: each answer is news itself and would call for the next.
 */
#include "web/api.h"

#include "common/num.h"
#include "common/util.h"
#include "store/store_data.h"
#include "store/store_jobs.h"
#include "web/explain_ask.h"
#include "web/tasks.h"
#include "web/web_priv.h"

#include <string.h>

#define PLACEMENTS  20
#define WAITS_SHOWN 20

/* ---- placements ------------------------------------------------------------------------------------------
 */

static const char *site_of(const json_t *candidate)
{
        const char *name = json_string_value(json_object_get(candidate, "site"));

        return name ? name : "?";
}

static bool is_dropped(const json_t *candidate)
{
        return json_object_get(candidate, "dropped") != NULL;
}

static double finish_of(const json_t *candidate)
{
        return json_number_value(json_object_get(candidate, "finish"));
}

/* The better of two that were not chosen: priced before dropped, by time. */
static bool goes_before(const json_t *a, const json_t *b)
{
        if (is_dropped(a) != is_dropped(b))
                return !is_dropped(a);
        return !is_dropped(a) && finish_of(a) < finish_of(b);
}

/* The chosen site's row, and the two that were next. */
static const json_t *rank(const char *site, const json_t *candidates, const json_t *ret_next[2])
{
        const json_t *c, *chosen = NULL;
        size_t i;

        ret_next[0] = ret_next[1] = NULL;
        json_array_foreach(candidates, i, c)
        {
                if (strcmp(site_of(c), site) == 0) {
                        chosen = is_dropped(c) ? NULL : c;
                } else if (!ret_next[0] || goes_before(c, ret_next[0])) {
                        ret_next[1] = ret_next[0];
                        ret_next[0] = c;
                } else if (!ret_next[1] || goes_before(c, ret_next[1])) {
                        ret_next[1] = c;
                }
        }
        return chosen;
}

static void say_next(struct buf *b, const json_t *c)
{
        const char *why = json_string_value(json_object_get(c, "why"));

        if (is_dropped(c))
                buf_printf(b, "%s (%s)", site_of(c),
                           why ? why : json_string_value(json_object_get(c, "dropped")));
        else
                buf_printf(b, "%s (%.3g s)", site_of(c), finish_of(c));
}

/* What a decision says, as a sentence that names the two runners-up. */
static void say_placement(struct buf *b, const char *site, const json_t *candidates)
{
        const json_t *next[2], *chosen = rank(site, candidates, next);

        if (!chosen) {
                buf_printf(b, "placed at %s", site);
                return;
        }
        if (!next[0] || is_dropped(next[0]))
                buf_printf(b, "%s is the only site that could take it then (%.3g s)", site,
                           finish_of(chosen));
        else
                buf_printf(b, "%s would finish first (%.3g s)", site, finish_of(chosen));
        if (json_number_value(json_object_get(chosen, "missing_bytes")) == 0 && next[0])
                buf_text(b, " and misses none of its inputs");
        for (int i = 0; i < 2 && next[i]; i++) {
                buf_text(b, i ? " and " : is_dropped(next[0]) ? "; not " : "; next ");
                say_next(b, next[i]);
        }
}

/* Which decision placed which attempt of the task that is explained. */
struct chosen {
        int64_t decision, attempt;
};
struct chosen_list {
        int64_t task;
        struct chosen at[PLACEMENTS];
        size_t n;
};

static void write_chosen_for(struct buf *b, const struct chosen_list *l, int64_t decision)
{
        j_arr(b, "chosen_for");
        for (size_t i = 0; i < l->n; i++) {
                if (l->at[i].decision != decision)
                        continue;
                j_obj(b, NULL);
                j_int(b, "task", l->task);
                j_int(b, "attempt", l->at[i].attempt);
                j_obj_end(b);
        }
        j_arr_end(b);
}

/* decision 0: the newest of the job. */
static int write_decisions(struct buf *b, struct db *db, int64_t job, int64_t decision,
                           const struct chosen_list *chosen, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (store_decisions(db, job, decision, PLACEMENTS, &r, err) < 0)
                return -1;
        while (rows_next(r)) {
                json_t *candidates = json_loads(row_text(r, "candidates"), 0, NULL);
                struct buf sentence;

                buf_init(&sentence, 4096);
                say_placement(&sentence, row_text(r, "site"), candidates);
                j_obj(b, NULL);
                j_int(b, "decision", row_int(r, "id"));
                j_time(b, "at", row_time(r, "decided_at"));
                j_int(b, "first_task", row_int(r, "task"));
                j_col_str(b, r, "site");
                if (chosen)
                        write_chosen_for(b, chosen, decision);
                j_str(b, "sentence", sentence.overflow ? "" : buf_cstr(&sentence));
                j_raw(b, "candidates", row_text(r, "candidates"));
                j_obj_end(b);
                buf_release(&sentence);
                json_decref(candidates);
        }
        return 0;
}

/* Of a job: its newest decisions. Of a task: those of its attempts, newest first, each once. */
static int write_placements(struct buf *b, struct db *db, int64_t job, const struct chosen_list *chosen,
                            struct err *err)
{
        int rc = 0;

        j_arr(b, "placements");
        if (chosen->task < 0)
                rc = write_decisions(b, db, job, 0, NULL, err);
        for (size_t i = 0; rc == 0 && i < chosen->n; i++) {
                bool told = false;

                for (size_t k = 0; k < i; k++)
                        told = told || chosen->at[k].decision == chosen->at[i].decision;
                if (!told)
                        rc = write_decisions(b, db, job, chosen->at[i].decision, chosen, err);
        }
        j_arr_end(b);
        return rc;
}

/* ---- what it waited for ----------------------------------------------------------------------------------
 */

struct waited {
        int64_t since;
        enum wait_reason reason;
};

/* Oldest first, without repetitions (what held for a moment between is left out). The record has what held
 * once, newest first; what holds now stands with the job. */
static size_t read_waits(struct rows *r, const struct waited *now, struct waited ret[WAITS_SHOWN + 1])
{
        size_t n = 0, out = 0;

        if (now)
                ret[n++] = *now;
        while (n <= WAITS_SHOWN && rows_next(r)) {
                ret[n].since = row_time(r, "since");
                if (wait_reason_parse(row_text(r, "reason"), &ret[n].reason) == 0)
                        n++;
        }
        for (size_t i = 0; i < n / 2; i++) {
                struct waited t = ret[i];

                ret[i] = ret[n - 1 - i];
                ret[n - 1 - i] = t;
        }
        for (size_t i = 0; i < n; i++) {
                if (!out || ret[i].reason != ret[out - 1].reason)
                        ret[out++] = ret[i];
        }
        return out;
}

/* now: what holds, of a live job. ended: when the waiting of another was over for good; INT64_MIN: unknown.
 */
static int write_history(struct buf *b, struct db *db, int64_t job, const struct waited *now, int64_t ended,
                         struct err *err)
{
        struct waited w[WAITS_SHOWN + 1];
        AUTO_ROWS struct rows *r = NULL;
        size_t n;

        if (store_job_waits(db, job, WAITS_SHOWN + 1, &r, err) < 0)
                return -1;
        n = read_waits(r, now, w);
        j_arr(b, "history");
        for (size_t i = n > WAITS_SHOWN ? 1 : 0; i < n; i++) {
                if (w[i].reason == WAIT_NONE || w[i].reason == WAIT_NEW)
                        continue;
                j_obj(b, NULL);
                j_str(b, "reason", wait_reason_name(w[i].reason));
                j_str(b, "sentence", wait_reason_sentence(w[i].reason));
                j_time(b, "since", w[i].since);
                j_time(b, "until", i + 1 < n ? w[i + 1].since : ended);
                j_obj_end(b);
        }
        j_arr_end(b);
        return 0;
}

/* ---- the waiting part ------------------------------------------------------------------------------------
 */

/* What the row knows better than the engine: who holds it, and since when. */
static void add_held(json_t *details, struct rows *r)
{
        char at[32];

        json_object_set_new(details, "by", json_string(row_text(r, "held_by")));
        json_object_set_new(
            details, "at",
            row_null(r, "held_at") ? json_null() : json_string(num_format_time(row_time(r, "held_at"), at)));
}

static void write_waiting(struct buf *b, struct rows *r, enum wait_reason reason, const json_t *doc)
{
        json_t *wait = json_object_get(doc, "wait"), *details = json_object_get(wait, "details");
        const char *said = json_string_value(json_object_get(wait, "reason"));

        /* The engine's answer may be newer than the row. */
        if (said)
                wait_reason_parse(said, &reason);
        if (reason == WAIT_HELD && json_is_object(details) && !row_null(r, "held_by"))
                add_held(details, r);
        if (reason == WAIT_BACKOFF)
                explain_time_in_words(details, "until");
        if (reason == WAIT_NOT_YET)
                explain_time_in_words(details, "at");
        j_obj(b, "wait");
        j_str(b, "reason", wait_reason_name(reason));
        j_time(b, "since", row_time(r, "wait_since"));
        explain_write(b, "sentence", json_object_get(wait, "sentence"), NULL);
        explain_write(b, "details", details, "{}");
        explain_write(b, "position", json_object_get(wait, "position"), NULL);
        explain_write_start(b, json_object_get(wait, "start"));
        explain_write(b, "funnel", json_object_get(wait, "funnel"), "[]");
        explain_write(b, "would_help", json_object_get(wait, "would_help"), "[]");
        j_obj_end(b);
}

struct told { /* what is explained, found on record */
        struct rows *job;
        const char *state;
        char *sentence; /* of its own; NULL: that of the wait */
        bool waits;
        struct chosen_list chosen; /* task -1: the job */
        int64_t ended;
};

static void write_told(struct buf *b, const struct span *s, const struct told *t, const json_t *doc)
{
        const char *waits = json_string_value(json_object_get(doc, "sentence"));
        AUTO_FREE char *plain = xasprintf("waits: %s", wait_reason_sentence(s->wait));

        j_str(b, "state", t->state);
        j_str(b, "sentence", t->sentence ? t->sentence : waits ? waits : plain);
        if (t->waits) {
                explain_write(b, "can_ever_run", json_object_get(doc, "can_ever_run"), "true");
                explain_write(b, "never", json_object_get(doc, "never"), NULL);
                write_waiting(b, t->job, s->wait, doc);
        } else {
                j_bool(b, "can_ever_run", true);
                j_null(b, "never");
                j_null(b, "wait");
        }
}

static char *attempt_sentence(struct rows *r)
{
        enum attempt_state as;
        enum outcome o;

        if (!row_null(r, "outcome") && outcome_parse(row_text(r, "outcome"), &o) == 0)
                return xasprintf("attempt %lld at %s: %s", (long long)row_int(r, "attempt"),
                                 row_text(r, "site"), outcome_sentence(o));
        if (attempt_state_parse(row_text(r, "state"), &as) == 0)
                return xasprintf("attempt %lld at %s: %s", (long long)row_int(r, "attempt"),
                                 row_text(r, "site"), attempt_state_sentence(as));
        return NULL;
}

static int find_job(const struct span *s, struct told *t, struct err *err)
{
        enum job_state state;

        if (job_state_parse(row_text(t->job, "state"), &state) < 0)
                return job_unknown(s->job, err);
        t->state = row_text(t->job, "state");
        t->waits = s->live && s->wait != WAIT_NONE;
        if (!t->waits)
                t->sentence = xstrdup(row_null(t->job, "message") ? job_state_sentence(state)
                                                                  : row_text(t->job, "message"));
        return 0;
}

static void note_chosen(struct chosen_list *l, struct rows *r)
{
        if (l->n < PLACEMENTS && !row_null(r, "decision_id"))
                l->at[l->n++] = (struct chosen){row_int(r, "decision_id"), row_int(r, "attempt")};
}

static int find_task(struct db *db, const struct span *s, int64_t task, int64_t attempt, struct told *t,
                     struct err *err)
{
        struct window w;
        struct rows *r;
        enum task_state state;

        if (window_read(&w, db, s, task, task, true, err) < 0)
                return -1;
        state = task_state_of(&w, s, task);
        t->state = task_state_name(state);
        t->waits = attempt < 0 && (state == TASK_READY || state == TASK_BLOCKED) && s->wait != WAIT_NONE;
        if (t->waits && window_is_queued(&w, task))
                t->sentence = xstrdup("waits: to be run again");
        r = attempt < 0 ? window_newest(&w, task) : window_attempt(&w, task, attempt);
        if (attempt >= 0 && !r) {
                window_release(&w);
                return err_set(err, ERR_NOT_FOUND, "task %lld has no attempt %lld", (long long)task,
                               (long long)attempt);
        }
        if (!t->waits)
                t->sentence = r ? attempt_sentence(r) : NULL;
        if (!t->waits && !t->sentence)
                t->sentence = xstrdup(task_state_sentence(state));
        if (r)
                note_chosen(&t->chosen, r);
        while (r && attempt < 0 && (r = window_older(&w, task)))
                note_chosen(&t->chosen, r);
        window_release(&w);
        return 0;
}

static int64_t first_time(struct rows *r, const char *column, const char *otherwise)
{
        const char *from = row_null(r, column) ? otherwise : column;

        return row_null(r, from) ? INT64_MIN : row_time(r, from);
}

/* ---- GET /v1/jobs/{id}/explain ---------------------------------------------------------------------------
 */

struct explain_of {
        int64_t task, attempt; /* -1: of the job; the newest */
        json_t *what_if;       /* owned; NULL: nothing is asked */
};

static int read_query(struct request *rq, struct db *db, const struct span *s, struct explain_of *ret,
                      struct err *err)
{
        char shown[TASKS_SHOWN];

        if (request_query_int(rq, "task", 0, INT32_MAX, -1, &ret->task, err) < 0 ||
            request_query_int(rq, "attempt", 1, INT32_MAX, -1, &ret->attempt, err) < 0)
                return -1;
        if (ret->task >= 0 && !task_set_has(s->tasks, ret->task))
                return err_set(err, ERR_BAD_INPUT, "task: %lld is none of the job's tasks, %s",
                               (long long)ret->task, tasks_show(s->tasks, shown));
        if (ret->attempt >= 0 && ret->task < 0)
                return err_set(err, ERR_BAD_INPUT, "attempt: say of which task, as ?task=7&attempt=2");
        if (request_query(rq, "what_if"))
                return what_if_read(rq, db, request_query(rq, "what_if"), &ret->what_if, err);
        return 0;
}

static json_t *question(const struct request *rq, const struct span *s, const struct explain_of *of)
{
        json_t *q = json_pack("{s:I,s:o}", "job", (json_int_t)s->job, "projects", explain_projects(rq->who));

        if (of->what_if)
                json_object_set(q, "what_if", of->what_if);
        return q;
}

static int explain(struct request *rq, struct db *db, const struct span *s, const struct explain_of *of,
                   struct told *t, struct err *err)
{
        struct visible who = principal_visible(rq->who);
        json_t *doc = NULL;
        bool fresh = false;
        int rc = 0;

        if (store_job_show(db, &who, s->job, &t->job, err) < 0)
                return -1;
        if (!rows_next(t->job))
                return job_unknown(s->job, err);
        t->ended = s->live ? INT64_MIN : first_time(t->job, "started_at", "finished_at");
        if ((of->task < 0 ? find_job(s, t, err) : find_task(db, s, of->task, of->attempt, t, err)) < 0)
                return -1;
        if (t->waits || of->what_if) {
                json_t *q = question(rq, s, of);

                rc = explain_ask(rq, db, q, &doc, err);
                json_decref(q);
                if (rc)
                        return rc;
                fresh = doc != NULL && !json_is_false(json_object_get(doc, "live"));
        }
        if (of->what_if && !fresh)
                return err_set(err, ERR_UNAVAILABLE,
                               s->live ? "the scheduler does not answer now; try again"
                                       : "the job has ended; ask about a new one: POST /v1/explain");
        struct waited now = {.reason = s->wait};
        struct buf *b = &rq->out;

        if (s->live)
                now.since = row_time(t->job, "wait_since");

        j_obj(b, NULL);
        j_int(b, "job", s->job);
        if (of->task < 0)
                j_null(b, "task");
        else
                j_int(b, "task", of->task);
        if (of->attempt < 0)
                j_null(b, "attempt");
        else
                j_int(b, "attempt", of->attempt);
        write_told(b, s, t, fresh ? doc : NULL);
        if (write_history(b, db, s->job, s->live ? &now : NULL, t->ended, err) < 0)
                return -1;
        explain_write_guest(b, "what_if", json_object_get(doc, "what_if"), NULL);
        t->chosen.task = of->task;
        if (write_placements(b, db, s->job, &t->chosen, err) < 0)
                return -1;
        rq->etag_len = buf_len(b);
        j_time(b, "as_of", fresh ? explain_time(doc, "as_of") : clock_wall_ms());
        j_bool(b, "live", fresh || !t->waits);
        j_obj_end(b);
        return 0;
}

HANDLER(api_explain)
{
        struct explain_of of = {-1, -1, NULL};
        struct told t = {.ended = INT64_MIN};
        AUTO_SPAN struct span s = {0};
        int rc = -1;

        if (span_read(rq, db, &s, err) == 0 && read_query(rq, db, &s, &of, err) == 0)
                rc = explain(rq, db, &s, &of, &t, err);
        rows_free(t.job);
        free(t.sentence);
        json_decref(of.what_if);
        return rc;
}
