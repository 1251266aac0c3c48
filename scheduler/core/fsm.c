/* SPDX-License-Identifier: Apache-2.0 */
#include "core/fsm.h"

#include "common/util.h"

#define MOVE_TO(s, text)                                                                                     \
        {                                                                                                    \
                FSM_MOVE, s, text                                                                            \
        }
#define IGNORE(s, text)                                                                                      \
        {                                                                                                    \
                FSM_IGNORE, s, text                                                                          \
        }

/* clang-format off */
static const struct fsm_row rows[] = {
        {ATTEMPT_RESERVED,  EV_LAUNCHED,         MOVE_TO(ATTEMPT_STARTING,  "told the worker to start it")},
        {ATTEMPT_RESERVED,  EV_INPUTS_MISSING,   MOVE_TO(ATTEMPT_STAGING,   "waits for its inputs to arrive")},
        {ATTEMPT_RESERVED,  EV_ABORT_REQUESTED,  MOVE_TO(ATTEMPT_ABORTED,   "ended before it started")},
        {ATTEMPT_STAGING,   EV_INPUTS_READY,     MOVE_TO(ATTEMPT_STARTING,  "its inputs are there")},
        {ATTEMPT_STAGING,   EV_ABORT_REQUESTED,  MOVE_TO(ATTEMPT_ABORTED,   "ended before it started")},
        {ATTEMPT_STAGING,   EV_ENDED_BADLY,      MOVE_TO(ATTEMPT_FAILED,    "an input could not be brought in")},

        {ATTEMPT_STARTING,  EV_LAUNCHED,         IGNORE(ATTEMPT_STARTING,   "told again; the worker knows it by name")},
        {ATTEMPT_STARTING,  EV_WORKER_STARTED,   MOVE_TO(ATTEMPT_RUNNING,   "running")},
        {ATTEMPT_STARTING,  EV_WORKER_FINISHING, MOVE_TO(ATTEMPT_FINISHING, "outputs are being checked and kept")},
        {ATTEMPT_STARTING,  EV_ENDED_WELL,       MOVE_TO(ATTEMPT_SUCCEEDED, "ended well")},
        {ATTEMPT_STARTING,  EV_ENDED_BADLY,      MOVE_TO(ATTEMPT_FAILED,    "ended badly")},
        {ATTEMPT_STARTING,  EV_ENDED_ON_REQUEST, MOVE_TO(ATTEMPT_ABORTED,   "stopped on request")},
        {ATTEMPT_STARTING,  EV_ABORT_REQUESTED,  MOVE_TO(ATTEMPT_ABORTING,  "asked the worker to stop it")},
        {ATTEMPT_STARTING,  EV_UNKNOWN_THERE,    IGNORE(ATTEMPT_STARTING,   "the launch was lost on the way; sent again")},
        {ATTEMPT_STARTING,  EV_LEASE_EXPIRED,    MOVE_TO(ATTEMPT_LOST,      "no word from the worker; treated as gone")},

        {ATTEMPT_RUNNING,   EV_LAUNCHED,         IGNORE(ATTEMPT_RUNNING,    "told again; it runs already")},
        {ATTEMPT_RUNNING,   EV_WORKER_STARTED,   IGNORE(ATTEMPT_RUNNING,    "said again after a reconnect")},
        {ATTEMPT_RUNNING,   EV_WORKER_FINISHING, MOVE_TO(ATTEMPT_FINISHING, "outputs are being checked and kept")},
        {ATTEMPT_RUNNING,   EV_ENDED_WELL,       MOVE_TO(ATTEMPT_SUCCEEDED, "ended well")},
        {ATTEMPT_RUNNING,   EV_ENDED_BADLY,      MOVE_TO(ATTEMPT_FAILED,    "ended badly")},
        {ATTEMPT_RUNNING,   EV_ENDED_ON_REQUEST, MOVE_TO(ATTEMPT_ABORTED,   "stopped on request")},
        {ATTEMPT_RUNNING,   EV_ABORT_REQUESTED,  MOVE_TO(ATTEMPT_ABORTING,  "asked the worker to stop it")},
        {ATTEMPT_RUNNING,   EV_UNKNOWN_THERE,    MOVE_TO(ATTEMPT_FAILED,    "its worker's spool was lost")},
        {ATTEMPT_RUNNING,   EV_LEASE_EXPIRED,    MOVE_TO(ATTEMPT_LOST,      "no word from the worker; treated as gone")},

        {ATTEMPT_FINISHING, EV_LAUNCHED,         IGNORE(ATTEMPT_FINISHING,  "told again; it ran already")},
        {ATTEMPT_FINISHING, EV_WORKER_STARTED,   IGNORE(ATTEMPT_FINISHING,  "an older word")},
        {ATTEMPT_FINISHING, EV_WORKER_FINISHING, IGNORE(ATTEMPT_FINISHING,  "said again after a reconnect")},
        {ATTEMPT_FINISHING, EV_ENDED_WELL,       MOVE_TO(ATTEMPT_SUCCEEDED, "outputs are kept")},
        {ATTEMPT_FINISHING, EV_ENDED_BADLY,      MOVE_TO(ATTEMPT_FAILED,    "outputs could not be kept")},
        {ATTEMPT_FINISHING, EV_ENDED_ON_REQUEST, MOVE_TO(ATTEMPT_ABORTED,   "stopped on request")},
        {ATTEMPT_FINISHING, EV_ABORT_REQUESTED,  MOVE_TO(ATTEMPT_ABORTING,  "asked the worker to stop it")},
        {ATTEMPT_FINISHING, EV_UNKNOWN_THERE,    MOVE_TO(ATTEMPT_FAILED,    "its worker's spool was lost")},
        {ATTEMPT_FINISHING, EV_LEASE_EXPIRED,    MOVE_TO(ATTEMPT_LOST,      "no word from the worker; treated as gone")},

        {ATTEMPT_ABORTING,  EV_LAUNCHED,         IGNORE(ATTEMPT_ABORTING,   "it is being stopped")},
        {ATTEMPT_ABORTING,  EV_WORKER_STARTED,   IGNORE(ATTEMPT_ABORTING,   "started before the request arrived")},
        {ATTEMPT_ABORTING,  EV_WORKER_FINISHING, IGNORE(ATTEMPT_ABORTING,   "ended before the request arrived")},
        {ATTEMPT_ABORTING,  EV_ENDED_WELL,       MOVE_TO(ATTEMPT_SUCCEEDED, "ended well before the request arrived")},
        {ATTEMPT_ABORTING,  EV_ENDED_BADLY,      MOVE_TO(ATTEMPT_ABORTED,   "ended by itself before it was stopped")},
        {ATTEMPT_ABORTING,  EV_ENDED_ON_REQUEST, MOVE_TO(ATTEMPT_ABORTED,   "stopped on request")},
        {ATTEMPT_ABORTING,  EV_ABORT_REQUESTED,  IGNORE(ATTEMPT_ABORTING,   "asked again")},
        {ATTEMPT_ABORTING,  EV_UNKNOWN_THERE,    MOVE_TO(ATTEMPT_ABORTED,   "the worker does not have it")},
        {ATTEMPT_ABORTING,  EV_LEASE_EXPIRED,    MOVE_TO(ATTEMPT_LOST,      "no word from the worker; treated as gone")},
};
/* clang-format on */

static const struct fsm_step impossible = {FSM_IMPOSSIBLE, ATTEMPT_FAILED, "impossible"};
/* An attempt that ended stays what it is. */
#define LATE_(s) [s] = {FSM_IGNORE, s, "late report kept for the record"}
static const struct fsm_step late[] = {
    LATE_(ATTEMPT_SUCCEEDED),
    LATE_(ATTEMPT_FAILED),
    LATE_(ATTEMPT_LOST),
    LATE_(ATTEMPT_ABORTED),
};

bool attempt_state_is_open(enum attempt_state s)
{
        return s < ATTEMPT_SUCCEEDED;
}

const struct fsm_step *attempt_step(enum attempt_state from, enum attempt_event ev)
{
        if (!attempt_state_is_open(from))
                return &late[from];
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                if (rows[i].from == from && rows[i].ev == ev)
                        return &rows[i].step;
        }
        return &impossible;
}

const struct fsm_row *attempt_rows(size_t *ret_n)
{
        *ret_n = ARRAY_LEN(rows);
        return rows;
}

const char *attempt_event_name(enum attempt_event ev)
{
        static const char *const names[] = {
            [EV_LAUNCHED] = "launched",
            [EV_INPUTS_MISSING] = "inputs missing",
            [EV_INPUTS_READY] = "inputs ready",
            [EV_WORKER_STARTED] = "worker started it",
            [EV_WORKER_FINISHING] = "program ended, outputs to keep",
            [EV_ENDED_WELL] = "ended well",
            [EV_ENDED_BADLY] = "ended badly",
            [EV_ENDED_ON_REQUEST] = "ended on request",
            [EV_ABORT_REQUESTED] = "stop requested",
            [EV_UNKNOWN_THERE] = "unknown at the worker",
            [EV_LEASE_EXPIRED] = "lease expired",
        };

        return ev < ATTEMPT_EVENT_COUNT ? names[ev] : "unknown";
}
