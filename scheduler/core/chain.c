/* SPDX-License-Identifier: Apache-2.0 */
#include "core/chain.h"

#include "core/ledger.h"
#include "core/place_priv.h"

#include <math.h>
#include <string.h>

/* What run times may be off by: where some are known, and where they are a guess. */
#define KNOWN_LOW  0.7
#define KNOWN_HIGH 1.5
#define GUESS_LOW  0.3
#define GUESS_HIGH 3.0

struct chain {
        const struct model *m;
        int depth, jobs; /* jobs: that may still be looked at */
};

static const struct forecast_start never = {.earliest = INFINITY, .likely = INFINITY, .latest = INFINITY};

static void start_of(struct chain *c, const struct m_job *j, struct forecast_start *ret);

/* Tasks of the job that run at once, or would. */
static double width_of(const struct model *m, const struct m_job *j)
{
        double n = j->live;

        for (size_t i = 0; !j->live && i < m->site_cap; i++) {
                const struct m_site *site = m->sites[i];
                struct stage none = {.step = PLACE_STEP_COUNT};
                struct look k;

                if (site && funnel(m, j->shape, site, &none, &k) >= PLACE_STAGE && k.ready)
                        n += (double)slots_of(j->shape, site);
        }
        if (j->throttle && n > j->throttle)
                n = j->throttle;
        return n > 1 ? n : 1;
}

/* Seconds until the last of its tasks that run now ends. */
static double running_end(const struct model *m, const struct m_job *j)
{
        const struct m_attempt *a;
        int32_t left = j->live;
        double end = 0;

        for (size_t i = 0; left && (a = map_next(&m->attempts, &i));) {
                if (a->job != j)
                        continue;
                end = fmax(end, attempt_remaining(m, a));
                left--;
        }
        return end;
}

/* When its next task starts. */
static void next_start(struct chain *c, const struct m_job *j, struct forecast_start *ret)
{
        struct forecast_ask ask = {.shape = j->shape,
                                   .job = j,
                                   .priority = j->priority,
                                   .id = j->id,
                                   .throttle = j->throttle,
                                   .live = j->live};

        *ret = (struct forecast_start){0};
        switch (job_wait_reason(c->m, j)) {
        case WAIT_NONE:
                return;
        case WAIT_AFTER:
        case WAIT_INPUT_PENDING:
                start_of(c, j, ret);
                return;
        case WAIT_NEW:
        case WAIT_BUSY:
        case WAIT_PRIORITY:
        case WAIT_PROJECT_LIMIT:
        case WAIT_SITE_LIMIT:
        case WAIT_THROTTLE:
        case WAIT_BACKOFF:
        case WAIT_STAGING:
                forecast_start(c->m, &ask, ret);
                return;
        default:
                *ret = never;
        }
}

/* When so many of its tasks have ended; all: the last one. */
static void end_of(struct chain *c, const struct m_job *j, bool all, struct forecast_start *ret)
{
        double run = shape_run_ms(c->m, j->shape, 0) / 1000, rounds = 1, running = running_end(c->m, j);
        bool known = shape_run_is_known(j->shape);
        double low = known ? KNOWN_LOW : GUESS_LOW, high = known ? KNOWN_HIGH : GUESS_HIGH;
        int64_t left = job_waiting(j) + job_elements_waiting(j);

        if (c->jobs-- <= 0) {
                *ret = never;
                return;
        }
        next_start(c, j, ret);
        ret->measured += j->shape->ended;
        ret->guessed += !known;
        if (all)
                rounds = ceil((double)left / width_of(c->m, j));
        if (!left || (!all && j->live))
                *ret = (struct forecast_start){.measured = ret->measured, .guessed = ret->guessed};
        else
                ret->earliest += rounds * run * low, ret->likely += rounds * run,
                    ret->latest += rounds * run * high;
        ret->earliest = fmax(ret->earliest, running * low);
        ret->likely = fmax(ret->likely, running);
        ret->latest = fmax(ret->latest, running * high);
}

static void later_of(struct forecast_start *a, const struct forecast_start *b)
{
        a->earliest = fmax(a->earliest, b->earliest);
        a->likely = fmax(a->likely, b->likely);
        a->latest = fmax(a->latest, b->latest);
        a->measured += b->measured;
        a->guessed += b->guessed;
}

/* The live job whose outputs the dataset is. */
static const struct m_job *maker_of(const struct model *m, const struct m_dataset *d)
{
        const struct m_job *j;
        int64_t id = 0;

        if (strncmp(d->name, "job-", 4) != 0)
                return NULL;
        for (const char *c = d->name + 4; *c >= '0' && *c <= '9' && id < INT64_MAX / 100; c++)
                id = 10 * id + (*c - '0');
        j = model_job(m, id);
        return j && j->output == d ? j : NULL;
}

static void start_of(struct chain *c, const struct m_job *j, struct forecast_start *ret)
{
        struct forecast_start end;

        *ret = (struct forecast_start){0};
        if (c->depth == CHAIN_DEPTH_MAX || j->held) {
                *ret = never;
                return;
        }
        c->depth++;
        for (size_t i = 0; i < j->after_count; i++) {
                const struct m_job *on = model_job(c->m, j->after[i].job);

                if (j->after[i].met || !on)
                        continue;
                end_of(c, on, !j->after[i].elementwise, &end);
                later_of(ret, &end);
        }
        for (size_t i = 0; i < j->input_count; i++) {
                const struct m_job *maker = j->inputs[i]->sealed ? NULL : maker_of(c->m, j->inputs[i]);

                if (j->inputs[i]->sealed)
                        continue;
                end = never;
                if (maker)
                        end_of(c, maker, true, &end);
                later_of(ret, &end);
        }
        c->depth--;
}

void chain_start(const struct model *m, const struct m_job *j, struct forecast_start *ret)
{
        struct chain c = {.m = m, .jobs = CHAIN_JOBS_MAX};

        start_of(&c, j, ret);
}
