/* SPDX-License-Identifier: Apache-2.0 */
/* decide.h - the decision of a pass: model in, plan out. Same model, same plan, byte for byte.
 *
 * Projects take turns by fair share; within a project jobs go by priority, then by number; a shape whose
 * first job cannot be placed is set aside for the pass with its reason, so that it holds back nobody else. A
 * million alike tasks are one decision with a count.
 *
 * A task that needs much of a worker would wait for ever behind small ones that take every freed part. So:
 * when a shape was set aside as busy and, later in the same pass, others were placed where it could have
 * gone, it was passed over. Passed over for m->reserve_ms without getting anything, it reserves the one
 * suitable worker that is nearest to having room: that worker takes nothing else until the shape was placed
 * (anywhere), wants nothing more, or the worker is no longer suitable. One reservation at most per project,
 * and not more than a quarter of the workers (at least one), so that room being made never idles much of the
 * grid. Priority and fair share still rule: who goes later in the order is not passed over.
 *
 * Data goes where it will be used: when a shape was set aside, the rest of its tasks is shared out over the
 * sites where they would end soonest, some of which lack inputs. Those get transfers: opened in the model,
 * joined by whoever wants the same dataset at the same site, started as budgets of links and sites allow. No
 * slot is held meanwhile; what is promised stands in the ledger of the pass, so that whoever comes later in
 * the order counts it. The next pass judges anew: a task goes wherever it can end first then. Transfers that
 * nobody wants any more are cancelled; hot datasets get further copies ahead of demand, within the storage
 * that sites give.
 *
 * Room for copies is shared out likewise: who lacks it for long claims it, and then nobody overtakes
 * (space.h).
 *
 * A queue that is small enough is looked at as a whole: its tasks get seats (seats.h), which say where each
 * is to go and which data goes there when. Everything above holds with them as without.
 *
 * decide() changes the model as it goes (attempts are opened, cursors move): the plan is what to record and
 * to send. When the record refuses it, the engine throws the model away and reads it again.
 */
#ifndef REEVE_DECIDE_H
#define REEVE_DECIDE_H

#include "core/model.h"
#include "core/place.h"

struct plan_run { /* attempts of one job on one worker, opened now */
        struct m_job *job;
        struct m_worker *worker;
        int32_t task, count; /* consecutive tasks */
        int32_t attempt;     /* their attempt number */
        int32_t task_failures, site_failures;
        bool queued; /* came from the task queue */
        int64_t decision;
};
struct plan_choice { /* a decision to be recorded: why there */
        int64_t id;
        struct m_job *job;
        int32_t task;
        struct m_site *site;
        const struct candidate *candidates; /* by site id; shared between choices, owned by the plan */
        size_t candidate_count;
};
struct plan_deal { /* a task of the run that is among the retries from now on (parts.h) */
        struct m_job *job;
        int32_t task;
};
struct plan_leave {
        int64_t dataset;
        int32_t site;
};
struct plan {
        struct plan_run *runs;
        size_t run_count, run_cap;
        struct plan_choice *choices;
        size_t choice_count, choice_cap;
        struct candidate **sheets; /* what the choices show */
        size_t sheet_count, sheet_cap;
        struct m_transfer **transfers; /* opened in this pass, by id */
        size_t transfer_count, transfer_cap;
        struct m_transfer **starts; /* became active in this pass; among them some of the opened */
        size_t start_count, start_cap;
        struct m_transfer **cancels; /* to be stopped, then closed; not yet started ones too */
        size_t cancel_count, cancel_cap;
        struct plan_leave *leaves; /* copies to be evicted now, though tasks wait for them (space.h) */
        size_t leave_count, leave_cap;
        struct plan_deal *deals;
        size_t deal_count, deal_cap;
        struct m_job **want_spec; /* jobs that could go but whose spec is not in memory */
        size_t want_count, want_cap;
        int64_t placed;
        bool more; /* the limit of tasks was reached, or a reserved worker was opened: another pass should
                      follow */
};
void plan_clear(struct plan *p); /* keeps storage */
void plan_release(struct plan *p);

#define DECIDE_TASKS_MAX 4000 /* tasks placed in one pass: bounds the transaction that follows */
/* Bounds of what is recorded (R12): candidates of a decision (the chosen site, then those that were nearest
 * to being chosen), and how often a changed answer for the same job and site is recorded. */
#define CHOICE_CANDIDATES_MAX 32
#define CHOICE_PAUSE_MS       60000
#define DECIDE_SPECS_MAX      64 /* specs asked for in one pass, of each shape */
/* Looking closely at a shape that reads data prices every site for it. A pass does so much of that; when it
 * is not enough for all, each shape is looked at so often only, and in between placed where its data already
 * is. */
#define STAGE_PRICES_MAX   32000
#define STAGE_LOOK_MS      5000
#define STAGE_OPENED_MAX   1000  /* transfers opened in one pass */
#define STAGE_HORIZON_S    600.0 /* data is sent for when its tasks could start within so long, */
#define STAGE_HORIZON_PART 3.0   /* or within so many times what moving it takes */
#define STAGE_STAY_PART    0.75 /* data was sent to a site: another has to end tasks in so much of the time, */
#define STAGE_STAY_S       1.0  /* and so much sooner */
#define RESERVE_PART       4    /* one worker in so many may be reserved at once */

/* next_decision: first free decision id; raised by the number used. */
void decide(struct model *m, int64_t *next_decision, struct plan *ret);

#endif
