/* SPDX-License-Identifier: Apache-2.0 */
/* Dealing tasks that share the files of an input to sites that do not hold all of it (parts.h). */
#include "core/decide_priv.h"

#include "common/util.h"
#include "core/ledger.h"
#include "core/parts.h"
#include "core/place_priv.h"
#include "core/space.h"
#include "core/transfer.h"

#include <math.h>
#include <stdlib.h>

struct deal { /* one shape being dealt */
        struct turns *t;
        struct m_shape *s;
        struct m_job *j;
        struct m_dataset *d; /* the input whose files are shared */
};

static bool is_due(const struct deal *k, const struct m_retry *r)
{
        return r->due <= k->t->m->wall_ms;
}

static bool is_there(const struct deal *k, const struct m_retry *r, int32_t site)
{
        for (size_t i = 0; i < k->j->input_count; i++) {
                if (k->j->inputs[i] == k->d)
                        return job_input_at(k->j, i, site, r->task) != NULL;
        }
        return false;
}

/* A transfer under way to the site: what it brings is not known before its end. */
static bool is_coming(const struct deal *k, int32_t site)
{
        const struct m_transfer *x = model_transfer_to(k->t->m, k->d, site);

        return x && !x->cancelling && x->state != TRANSFER_QUEUED;
}

/* What was dealt but neither is there nor on its way is dealt anew: things may have changed. */
static void take_back(const struct deal *k)
{
        for (size_t i = 0; i < k->j->retry_count; i++) {
                struct m_retry *r = &k->j->retries[i];

                if (r->dealt && !is_coming(k, r->dealt) && !is_there(k, r, r->dealt))
                        r->dealt = 0;
        }
}

/* A task of the run joins the retries: its place there, or -1. */
static ssize_t take_from_run(const struct deal *k)
{
        struct plan *p = k->t->plan;
        struct m_job *j = k->j;
        size_t at;

        if (j->elementwise || j->next > j->last || j->retry_count >= PARTS_DEALT_MAX)
                return -1;
        at = model_job_deal(k->t->m, j);
        p->deals = xgrow(p->deals, p->deal_count, &p->deal_cap, sizeof *p->deals);
        p->deals[p->deal_count++] = (struct plan_deal){j, j->retries[at].task};
        model_job_dirty(k->t->m, j);
        return (ssize_t)at;
}

/* Files of earlier jobs lie at the site: enough tasks are looked at to find those that read them. */
static void look_ahead(const struct deal *k)
{
        while (take_from_run(k) >= 0)
                ;
}

/* Give the site what lies there already; returns how many tasks it has then, with those that are coming. */
static int64_t claim_there(const struct deal *k, int32_t site)
{
        int64_t n = 0;

        for (size_t i = 0; i < k->j->retry_count; i++) {
                struct m_retry *r = &k->j->retries[i];

                if (!r->dealt && is_due(k, r) && r->avoid_site != site && is_there(k, r, site)) {
                        r->dealt = site;
                        k->t->opened = true; /* it may start there in the next pass */
                }
                n += r->dealt == site;
        }
        return n;
}

static ssize_t next_free(const struct deal *k, int32_t site)
{
        ssize_t best = -1;

        for (size_t i = 0; i < k->j->retry_count; i++) {
                const struct m_retry *r = &k->j->retries[i];

                if (r->dealt || !is_due(k, r) || r->avoid_site == site)
                        continue;
                if (best < 0 || r->task < k->j->retries[best].task)
                        best = (ssize_t)i;
        }
        return best >= 0 ? best : take_from_run(k);
}

static int by_task(const void *a, const void *b)
{
        int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

        return (x > y) - (x < y);
}

/* The files of the tasks dealt to the site that do not lie there, in order, as far as there is room; what
 * does not fit is dealt to nobody. */
static int64_t gather(const struct deal *k, const struct m_site *site, int64_t room, struct spans *ret)
{
        const struct m_parts *p = k->s->parts;
        int32_t *tasks = xcalloc(k->j->retry_count + 1, sizeof *tasks);
        int64_t bytes = 0;
        size_t n = 0, kept = 0;

        for (size_t i = 0; i < k->j->retry_count; i++) {
                const struct m_retry *r = &k->j->retries[i];

                if (r->dealt == site->id && r->task > 0 && r->task <= p->tasks && !is_there(k, r, site->id))
                        tasks[n++] = r->task;
        }
        qsort(tasks, n, sizeof *tasks, by_task);
        for (; kept < n && ret->n < PARTS_RANGES_MAX; kept++) {
                int64_t more = p->byte_at[tasks[kept]] - p->byte_at[tasks[kept] - 1];

                if (bytes + more > room)
                        break;
                bytes += more;
                spans_add(ret, p->file_at[tasks[kept] - 1], p->file_at[tasks[kept]]);
        }
        for (size_t i = 0; kept < n && i < k->j->retry_count; i++) {
                struct m_retry *r = &k->j->retries[i];

                if (r->dealt == site->id && r->task >= tasks[kept] && !is_there(k, r, site->id))
                        r->dealt = 0;
        }
        free(tasks);
        return bytes;
}

/* See to it that what was dealt to the site gets there. */
static void send(const struct deal *k, const struct m_site *site)
{
        struct model *m = k->t->m;
        struct m_transfer *x = model_transfer_to(m, k->d, site->id);
        struct spans only = {0};
        struct way w;
        int64_t bytes;

        if (x && (x->state != TRANSFER_QUEUED || !x->only.n || x->cancelling)) {
                transfer_wanted(m, x);
                return;
        }
        bytes = gather(k, site, space_for(site, k->s) + (x ? x->bytes : 0), &only);
        dataset_part_way(m, k->d, site, bytes, &w);
        if (only.n && !x && !isinf(w.seconds))
                x = stage_open(k->t, k->d, site, w.from, WHY_JOB, k->j->priority);
        if (only.n && x) {
                transfer_wanted(m, x);
                model_transfer_narrow(m, x, &only, bytes);
        }
        spans_release(&only);
}

/* Deal tasks to the site of an option: `count` of the shape's, and not many more than it runs at once. */
static bool deal_to(const struct deal *k, const struct option *o, int64_t count)
{
        const struct m_site *site = o->site;
        int64_t slots = slots_of(k->s, site), n;

        if (o->wait > o->ready * STAGE_HORIZON_PART + STAGE_HORIZON_S)
                return false;
        for (size_t i = 0; i < k->s->input_count; i++) {
                if (k->s->data[i] != k->d)
                        stage_want(k->t, k->s, k->s->data[i], site, 0);
        }
        if (model_dataset_at(k->d, site->id))
                return false;
        if (model_dataset_some(k->d, site->id))
                look_ahead(k);
        n = claim_there(k, site->id);
        count = count < slots * PARTS_AHEAD ? count : slots * PARTS_AHEAD;
        for (ssize_t i; n < count && (i = next_free(k, site->id)) >= 0; n++)
                k->j->retries[i].dealt = site->id;
        send(k, site);
        return n > 0;
}

bool stage_parts(struct turns *t, struct m_shape *s)
{
        struct deal k = {.t = t, .s = s, .j = heap_top(&s->jobs)};
        const struct options *o = s->options;
        AUTO_FREE int64_t *counts = NULL;

        if (s->looked_at != t->m->now_ms || !k.j)
                return s->staging;
        s->staging = false;
        for (size_t i = 0; i < s->input_count; i++)
                k.d = parts_are_of(s, s->data[i]) ? s->data[i] : k.d;
        if (!o || !o->n || !k.d)
                return false;
        take_back(&k);
        counts = xcalloc(o->n, sizeof *counts);
        options_share(o, stage_backlog(s), counts);
        for (size_t i = 0; i < o->n; i++) {
                const struct option *at = &o->at[i];

                if (counts[i] <= 0)
                        continue;
                if (deal_to(&k, at, counts[i]))
                        s->staging = s->staging || (i == 0 && (at->ready > at->wait || !at->wait));
                ledger_promise(t->m, at->site, shape_cpus(s), at->ready, at->run, counts[i]);
        }
        return s->staging;
}
