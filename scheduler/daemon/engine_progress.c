/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/engine_progress.h"

#include "common/util.h"
#include "core/pace.h"
#include "daemon/engine_priv.h"
#include "store/store_progress.h"

#include <math.h>
#include <string.h>

#define WRITE_MS   2000
#define PACE_EVERY 5000 /* ms between two estimates of one job */
#define ROWS_MAX   2000 /* reports in one transaction; the rest waits for the next */
#define NOTIFY_MS  1000

struct report {
        struct attempt_key key;
        struct progress said;
        int64_t at;
        bool news, on_record;
};

struct tempo {
        int64_t job, looked_at; /* boot ms */
        struct pace pace;
        struct pace_estimate told;
        bool begun, on_record;
};

struct progress_book {
        struct map reports, tempos; /* by attempt; by job */
        struct progress_write out;
        int64_t due;
};

static uint64_t report_key(struct attempt_key k)
{
        return (uint64_t)k.job << 32 | (uint32_t)k.task;
}

int progress_open(struct engine *e, struct err *err)
{
        e->progress = xcalloc(1, sizeof *e->progress);
        return store_progress_reset(e->db, e->epoch, err);
}

void progress_close(struct engine *e)
{
        struct progress_book *b = e->progress;
        void *v;

        if (!b)
                return;
        for (size_t i = 0; (v = map_next(&b->reports, &i));)
                free(v);
        for (size_t i = 0; (v = map_next(&b->tempos, &i));)
                free(v);
        map_release(&b->reports);
        map_release(&b->tempos);
        free(b->out.rows);
        free(b->out.gone);
        free(b->out.paces);
        free(b->out.done);
        free(b);
        e->progress = NULL;
}

/* ---- what is heard ---- */

static struct tempo *tempo_of(struct progress_book *b, int64_t job)
{
        struct tempo *t = map_get(&b->tempos, (uint64_t)job);

        if (!t) {
                t = xcalloc(1, sizeof *t);
                t->job = job;
                map_put(&b->tempos, (uint64_t)job, t);
        }
        return t;
}

void progress_said(struct engine *e, const struct m_attempt *a, const struct progress *p)
{
        struct progress_book *b = e->progress;
        struct report *r = map_get(&b->reports, report_key(a->key));

        if (!r) {
                r = xcalloc(1, sizeof *r);
                map_put(&b->reports, report_key(a->key), r);
        }
        r->key = a->key;
        r->said = *p;
        r->at = clock_wall_ms();
        r->news = true;
        if (a->job->first == a->job->last)
                tempo_of(b, a->job->id);
}

void progress_attempt_ended(struct engine *e, struct attempt_key key)
{
        struct progress_book *b = e->progress;
        struct report *r = map_get(&b->reports, report_key(key));

        if (!r || r->key.attempt != key.attempt)
                return;
        if (r->on_record) {
                b->out.gone = xgrow(b->out.gone, b->out.gone_n, &b->out.gone_cap, sizeof *b->out.gone);
                b->out.gone[b->out.gone_n++] = key;
        }
        free(map_del(&b->reports, report_key(key)));
}

void progress_job_moved(struct engine *e, const struct m_job *j)
{
        if (j->first != j->last && j->succeeded + j->failed)
                tempo_of(e->progress, j->id);
}

static void forget_pace(struct progress_book *b, struct tempo *t)
{
        if (!t->on_record)
                return;
        b->out.done = xgrow(b->out.done, b->out.done_n, &b->out.done_cap, sizeof *b->out.done);
        b->out.done[b->out.done_n++] = t->job;
        t->on_record = false;
}

void progress_job_ended(struct engine *e, int64_t job)
{
        struct tempo *t = map_del(&e->progress->tempos, (uint64_t)job);

        if (t)
                forget_pace(e->progress, t);
        free(t);
}

/* ---- what is told ---- */

/* How much of the job is done, of how much, and when it began. False: nothing moves. */
static bool measure(struct engine *e, const struct m_job *j, double *ret_done, double *ret_total,
                    double *ret_grain, int64_t *ret_started)
{
        const struct m_attempt *a;
        const struct report *r;

        if (j->first != j->last) {
                *ret_done = j->succeeded + j->failed;
                *ret_total = (double)job_total(j) - j->cancelled;
                *ret_grain = 1;
                *ret_started = j->started_at;
                return j->started_at != TIME_NONE && j->started_at > 0;
        }
        a = model_attempt(e->m, j->id, j->first);
        r = a ? map_get(&e->progress->reports, report_key(a->key)) : NULL;
        if (!r || r->said.fraction == PROGRESS_UNKNOWN)
                return false;
        *ret_done = (double)r->said.fraction / PROGRESS_WHOLE;
        *ret_total = 1;
        *ret_grain = 0;
        *ret_started = a->started_at;
        return a->started_at != TIME_NONE && a->started_at > 0;
}

static void add_pace(struct progress_book *b, const struct tempo *t, int64_t wall, bool array)
{
        const struct pace_estimate *p = &t->told;

        b->out.paces = xgrow(b->out.paces, b->out.paces_n, &b->out.paces_cap, sizeof *b->out.paces);
        b->out.paces[b->out.paces_n++] = (struct pace_row){t->job, wall, array ? p->per_second : (double)NAN,
                                                           p->low, p->high < 0 ? (double)NAN : p->high};
}

static void estimate(struct engine *e, struct tempo *t)
{
        const struct m_job *j = model_job(e->m, t->job);
        int64_t wall = clock_wall_ms(), started;
        struct pace_estimate now;
        double done, total, grain;

        if (!j || !measure(e, j, &done, &total, &grain, &started)) {
                forget_pace(e->progress, t);
                t->begun = false;
                return;
        }
        /* A new attempt starts from nothing, and a clock may be set back. */
        if (!t->begun || done < t->pace.new_done || wall < t->pace.new_at)
                pace_begin(&t->pace, started, 0);
        t->begun = true;
        if (!pace_look(&t->pace, wall, started, done, total, grain, &now)) {
                forget_pace(e->progress, t);
                return;
        }
        if (t->on_record && !pace_differs(&t->told, &now))
                return;
        t->told = now;
        t->on_record = true;
        add_pace(e->progress, t, wall, j->first != j->last);
}

static void gather_paces(struct engine *e, int64_t now)
{
        struct tempo *t;

        for (size_t i = 0; (t = map_next(&e->progress->tempos, &i)) && e->progress->out.paces_n < ROWS_MAX;) {
                if (now - t->looked_at < PACE_EVERY)
                        continue;
                t->looked_at = now;
                estimate(e, t);
        }
}

static void gather_reports(struct progress_book *b)
{
        struct report *r;

        for (size_t i = 0; (r = map_next(&b->reports, &i)) && b->out.rows_n < ROWS_MAX;) {
                if (!r->news)
                        continue;
                r->news = false;
                r->on_record = true;
                b->out.rows = xgrow(b->out.rows, b->out.rows_n, &b->out.rows_cap, sizeof *b->out.rows);
                b->out.rows[b->out.rows_n++] = (struct progress_row){
                    r->key,
                    r->said.fraction == PROGRESS_UNKNOWN ? (double)NAN
                                                         : (double)r->said.fraction / PROGRESS_WHOLE,
                    r->said.text, r->at};
        }
}

/* Whose pages show it. */
static void name_jobs(struct db *db, const struct progress_write *w)
{
        for (size_t i = 0; i < w->rows_n; i++)
                db_about(db, w->rows[i].key.job);
        for (size_t i = 0; i < w->gone_n; i++)
                db_about(db, w->gone[i].job);
        for (size_t i = 0; i < w->paces_n; i++)
                db_about(db, w->paces[i].job);
        for (size_t i = 0; i < w->done_n; i++)
                db_about(db, w->done[i]);
}

int progress_tick(struct engine *e, int64_t now, struct err *err)
{
        struct progress_book *b = e->progress;
        int rc;

        if (now < b->due)
                return 0;
        b->due = now + WRITE_MS;
        gather_reports(b);
        gather_paces(e, now);
        if (!b->out.rows_n && !b->out.gone_n && !b->out.paces_n && !b->out.done_n)
                return 0;
        rc = store_progress_write(e->db, e->epoch, &b->out, err);
        name_jobs(e->db, &b->out);
        b->out.rows_n = b->out.gone_n = b->out.paces_n = b->out.done_n = 0;
        return rc < 0 ? -1 : db_notify_about(e->db, "reeve_web", NOTIFY_MS, err);
}
