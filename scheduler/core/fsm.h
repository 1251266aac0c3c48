/* SPDX-License-Identifier: Apache-2.0 */
/* fsm.h - the transition table of attempts: every (state, event) pair is a move, a stated ignore, or
 * impossible. */
#ifndef REEVE_FSM_H
#define REEVE_FSM_H

#include "common/states.h"

#include <stdbool.h>
#include <stddef.h>

enum attempt_event {
        EV_LAUNCHED, /* the launch is committed and was sent */
        EV_INPUTS_MISSING,
        EV_INPUTS_READY,
        EV_WORKER_STARTED,
        EV_WORKER_FINISHING,
        EV_ENDED_WELL,
        EV_ENDED_BADLY,
        EV_ENDED_ON_REQUEST, /* stopped by a cancel of ours */
        EV_ABORT_REQUESTED,
        EV_UNKNOWN_THERE, /* the worker's complete list does not have it */
        EV_LEASE_EXPIRED,
        ATTEMPT_EVENT_COUNT
};

enum fsm_kind { FSM_MOVE, FSM_IGNORE, FSM_IMPOSSIBLE };

struct fsm_step {
        enum fsm_kind kind;
        enum attempt_state to;
        const char *sentence; /* what people read */
};

/* What becomes of an attempt in state `from` at event `ev`. */
const struct fsm_step *attempt_step(enum attempt_state from, enum attempt_event ev);

bool attempt_state_is_open(enum attempt_state s);
const char *attempt_event_name(enum attempt_event ev);

/* The rows that are written down, for the generated documentation and the tests. */
struct fsm_row {
        enum attempt_state from;
        enum attempt_event ev;
        struct fsm_step step;
};
const struct fsm_row *attempt_rows(size_t *ret_n);

#endif
