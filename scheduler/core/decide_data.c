/* SPDX-License-Identifier: Apache-2.0 */
#include "core/decide_priv.h"

#include "common/util.h"
#include "core/ledger.h"
#include "core/place_priv.h"
#include "core/seats.h"
#include "core/space.h"
#include "core/spread.h"
#include "core/transfer.h"
#include "core/ways.h"

#include <math.h>
#include <string.h>

/* ---- sending for data ------------------------------------------------------------------------------------
 */

static void plan_add(struct m_transfer ***list, size_t *n, size_t *cap, struct m_transfer *t)
{
        *list = xgrow(*list, *n, cap, sizeof(struct m_transfer *));
        (*list)[(*n)++] = t;
}

struct m_transfer *stage_open(struct turns *t, struct m_dataset *d, const struct m_site *to, int32_t from,
                              enum transfer_why why, int32_t priority)
{
        struct m_transfer *x;

        if (t->plan->transfer_count >= STAGE_OPENED_MAX)
                return NULL;
        x = model_transfer_open(t->m, t->m->next_transfer, d, from, to->id, why);
        x->priority = priority;
        heap_moved(&t->m->queued, x);
        plan_add(&t->plan->transfers, &t->plan->transfer_count, &t->plan->transfer_cap, x);
        return x;
}

void stage_want(struct turns *t, const struct m_shape *s, struct m_dataset *d, const struct m_site *to,
                int32_t chosen)
{
        const struct m_job *j = heap_top(&s->jobs);
        struct m_transfer *x = model_transfer_to(t->m, d, to->id);
        struct way w;

        if (x) {
                if (x->only.n && x->state == TRANSFER_QUEUED)
                        model_transfer_widen(t->m, x);
                transfer_wanted(t->m, x);
                x->chosen = chosen;
                if (x->why == WHY_COPY)
                        x->why = WHY_JOB;
                if (j && j->priority > x->priority)
                        x->priority = j->priority;
                if (heap_has(&t->m->queued, x))
                        heap_moved(&t->m->queued, x);
                return;
        }
        if (!d->files || model_dataset_at(d, to->id))
                return;
        dataset_way(t->m, d, to, &w);
        if (isinf(w.seconds) || w.bytes > space_for(to, s))
                return;
        x = stage_open(t, d, to, w.from, WHY_JOB, j ? j->priority : 0);
        if (x)
                x->chosen = chosen;
}

int64_t stage_backlog(const struct m_shape *s)
{
        const struct m_job *j = heap_top(&s->jobs);
        int64_t n = (int64_t)shape_backlog(s);

        if (s->jobs.n == 1 && j->throttle && n > j->throttle - j->live)
                n = j->throttle - j->live;
        return n;
}

/* The options, with the one that data was sent to last before others that are not much better: else every
 * look would send the same data somewhere else. */
static void stay(const struct m_shape *s, const struct options *o, struct options *ret)
{
        size_t at = 0;
        struct option k;

        *ret = *o;
        ret->at = xmalloc(o->n * sizeof *ret->at);
        memcpy(ret->at, o->at, o->n * sizeof *ret->at);
        while (at < o->n && (o->at[at].site->id != s->sent_to || o->at[at].kind != OPTION_STAGE))
                at++;
        if (at == o->n)
                return;
        k = ret->at[at];
        k.finish = fmax(k.finish * STAGE_STAY_PART - STAGE_STAY_S, 0);
        for (; at > 0 && ret->at[at - 1].finish > k.finish; at--)
                ret->at[at] = ret->at[at - 1];
        ret->at[at] = k;
}

/* Data goes there, when it will be used before long. */
static bool send_some(struct turns *t, struct m_shape *s, const struct option *k)
{
        if (k->kind != OPTION_STAGE || k->wait > k->ready * STAGE_HORIZON_PART + STAGE_HORIZON_S)
                return false;
        for (size_t d = 0; d < s->input_count; d++)
                stage_want(t, s, s->data[d], k->site, 0);
        return true;
}

bool stage_rest(struct turns *t, struct m_shape *s)
{
        const struct option *first = s->options ? s->options->at : NULL;
        struct options o;
        int64_t *counts;
        int32_t sent_to = 0;

        if (seats_has(t->m, s))
                return seats_wait(t->m, s);
        if (s->parts)
                return stage_parts(t, s);
        if (!s->input_count || s->looked_at != t->m->now_ms)
                return s->input_count && s->staging;
        s->staging = false;
        if (!s->options || !s->options->n)
                return false;
        stay(s, s->options, &o);
        counts = xcalloc(o.n, sizeof *counts);
        options_share(&o, stage_backlog(s), counts);
        for (size_t i = 0; i < o.n; i++) {
                const struct option *k = &o.at[i];

                if (counts[i] <= 0)
                        continue;
                if (send_some(t, s, k)) {
                        s->staging =
                            s->staging || (k->site == first->site && (k->ready > k->wait || !k->wait));
                        sent_to = sent_to ? sent_to : k->site->id;
                }
                ledger_promise(t->m, k->site, shape_cpus(s), k->ready, k->run, counts[i]);
        }
        s->sent_to = sent_to;
        free(counts);
        free(o.at);
        return s->staging;
}

/* ---- the end of the pass ---------------------------------------------------------------------------------
 */

static bool has_waiting_reader(const struct m_dataset *d)
{
        for (size_t i = 0; i < d->reader_count; i++) {
                if (job_waiting(d->readers[i].job) > 0 && !d->readers[i].job->cancelling)
                        return true;
        }
        return false;
}

/* A transfer that began is left alone as long as somebody could still use what it brings. */
static bool is_wanted(const struct model *m, const struct m_transfer *x)
{
        if (x->dataset->removed || !dataset_may_be_at(x->dataset, model_site(m, x->to)))
                return false;
        if (x->why != WHY_JOB || x->wanted_pass == m->pass)
                return true;
        /* Not everybody was asked. */
        if (m->crowded && has_waiting_reader(x->dataset))
                return true;
        return x->state != TRANSFER_QUEUED && has_waiting_reader(x->dataset);
}

static void cancel_unwanted(struct turns *t)
{
        struct model *m = t->m;
        struct m_transfer *x;

        for (size_t i = 0; (x = map_next(&m->transfers, &i));) {
                if (x->cancelling)
                        continue;
                if (is_wanted(m, x)) {
                        x->unwanted_since = 0;
                        if (!transfer_has_better_source(m, x))
                                continue;
                } else {
                        if (!x->unwanted_since)
                                x->unwanted_since = m->now_ms;
                        if (m->now_ms - x->unwanted_since < m->unwanted_ms && !x->dataset->removed &&
                            (x->state != TRANSFER_QUEUED || has_waiting_reader(x->dataset)) &&
                            dataset_may_be_at(x->dataset, model_site(m, x->to)))
                                continue;
                }
                x->cancelling = true;
                plan_add(&t->plan->cancels, &t->plan->cancel_count, &t->plan->cancel_cap, x);
        }
}

static void on_start(void *ctx, struct m_transfer *x)
{
        struct turns *t = ctx;

        plan_add(&t->plan->starts, &t->plan->start_count, &t->plan->start_cap, x);
}

void stage_settle(struct turns *t, bool all)
{
        seats_send(t);
        if (all)
                cancel_unwanted(t);
        space_settle(t);
        ways_open(t->m); /* copies may be leaving now */
        spread_hot(t);
        transfers_start(t->m, on_start, t);
}
