/* SPDX-License-Identifier: Apache-2.0 */
/* The transition table of attempts, and what is done about failures. */
#include "common/util.h"
#include "core/fsm.h"
#include "core/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* What becomes of each pair: a letter for the new state (upper case: moved), '.' for an ignore, '-' for
 * impossible. One row a state, one column an event, in the order of the enums. */
static const char *const expected[ATTEMPT_STATE_COUNT] = {
    [ATTEMPT_RESERVED] = "TG------A--",  [ATTEMPT_STAGING] = "--T---F-A--",
    [ATTEMPT_STARTING] = ".--RNSFAX.L",  [ATTEMPT_RUNNING] = ".--.NSFAXFL",
    [ATTEMPT_FINISHING] = ".--..SFAXFL", [ATTEMPT_ABORTING] = ".--..SAA.AL",
    [ATTEMPT_SUCCEEDED] = "...........", [ATTEMPT_FAILED] = "...........",
    [ATTEMPT_LOST] = "...........",      [ATTEMPT_ABORTED] = "...........",
};

static const char letters[ATTEMPT_STATE_COUNT] = {
    [ATTEMPT_RESERVED] = 'V',  [ATTEMPT_STAGING] = 'G',  [ATTEMPT_STARTING] = 'T',  [ATTEMPT_RUNNING] = 'R',
    [ATTEMPT_FINISHING] = 'N', [ATTEMPT_ABORTING] = 'X', [ATTEMPT_SUCCEEDED] = 'S', [ATTEMPT_FAILED] = 'F',
    [ATTEMPT_LOST] = 'L',      [ATTEMPT_ABORTED] = 'A',
};

static void fsm_every_pair_is_a_move_an_ignore_or_impossible(void **unused)
{
        (void)unused;
        for (int s = 0; s < ATTEMPT_STATE_COUNT; s++) {
                char got[ATTEMPT_EVENT_COUNT + 1] = {0};

                for (int e = 0; e < ATTEMPT_EVENT_COUNT; e++) {
                        const struct fsm_step *step =
                            attempt_step((enum attempt_state)s, (enum attempt_event)e);

                        assert_non_null(step->sentence);
                        got[e] = step->kind == FSM_MOVE     ? letters[step->to]
                                 : step->kind == FSM_IGNORE ? '.'
                                                            : '-';
                        if (step->kind == FSM_IGNORE)
                                assert_int_equal(step->to, s);
                }
                assert_string_equal(got, expected[s]);
        }
}

static void fsm_every_open_state_leads_to_an_end(void **unused)
{
        bool ends[ATTEMPT_STATE_COUNT] = {0};

        (void)unused;
        for (int s = 0; s < ATTEMPT_STATE_COUNT; s++)
                ends[s] = !attempt_state_is_open((enum attempt_state)s);
        for (int round = 0; round < ATTEMPT_STATE_COUNT; round++) {
                for (int s = 0; s < ATTEMPT_STATE_COUNT; s++) {
                        for (int e = 0; e < ATTEMPT_EVENT_COUNT; e++) {
                                const struct fsm_step *t =
                                    attempt_step((enum attempt_state)s, (enum attempt_event)e);

                                ends[s] = ends[s] || (t->kind == FSM_MOVE && ends[t->to]);
                        }
                }
        }
        for (int s = 0; s < ATTEMPT_STATE_COUNT; s++)
                assert_true(ends[s]);
}

static void fsm_every_state_at_a_worker_ends_when_its_lease_runs_out(void **unused)
{
        (void)unused;
        for (int s = ATTEMPT_STARTING; s <= ATTEMPT_ABORTING; s++) {
                const struct fsm_step *t = attempt_step((enum attempt_state)s, EV_LEASE_EXPIRED);

                assert_int_equal(t->kind, FSM_MOVE);
                assert_int_equal(t->to, ATTEMPT_LOST);
        }
}

static void fsm_rows_are_each_written_once_and_leave_open_states_only(void **unused)
{
        size_t n;
        const struct fsm_row *rows = attempt_rows(&n);

        (void)unused;
        for (size_t i = 0; i < n; i++) {
                assert_true(attempt_state_is_open(rows[i].from));
                assert_true((rows[i].step.kind == FSM_MOVE) == (rows[i].from != rows[i].step.to));
                assert_string_not_equal(attempt_event_name(rows[i].ev), "unknown");
                for (size_t k = 0; k < i; k++)
                        assert_false(rows[i].from == rows[k].from && rows[i].ev == rows[k].ev);
        }
}

/* ---- retry ---- */

static const struct retry_policy policy = {.task_max = 2,
                                           .site_max = 3,
                                           .delay_ms = 1000,
                                           .delay_max_ms = 10000,
                                           .rules = {{75, 75, true}, {64, 78, false}, {-1, -1, false}},
                                           .rule_count = 3};

static void retry_books_a_failure_on_the_account_of_its_blame(void **unused)
{
        static const struct {
                enum outcome outcome;
                enum blame blame;
                int32_t code, task_failures, site_failures;
                bool again, task, site;
                int64_t delay_ms; /* with jitter 0.5: neither shortened nor lengthened */
        } cases[] = {
            {OUTCOME_EXIT, BLAME_TASK, 1, 0, 0, true, true, false, 1000},
            {OUTCOME_EXIT, BLAME_TASK, 1, 1, 0, true, true, false, 2000},
            {OUTCOME_EXIT, BLAME_TASK, 1, 2, 0, false, true, false, 4000},
            {OUTCOME_EXIT, BLAME_TASK, 1, 1, 9, true, true, false, 2000},
            {OUTCOME_EXIT, BLAME_TASK, 75, 0, 0, true, true, false, 1000},
            {OUTCOME_EXIT, BLAME_TASK, 75, 2, 0, false, true, false, 4000},
            {OUTCOME_EXIT, BLAME_TASK, 64, 0, 0, false, true, false, 0},
            {OUTCOME_EXIT, BLAME_TASK, 78, 0, 0, false, true, false, 0},
            {OUTCOME_EXIT, BLAME_TASK, 79, 0, 0, true, true, false, 1000},
            {OUTCOME_SIGNAL, BLAME_TASK, 64, 0, 0, true, true, false, 1000}, /* a signal is no exit code */
            {OUTCOME_TIME_LIMIT, BLAME_TASK, 0, 0, 0, true, true, false, 1000},
            {OUTCOME_EXIT, BLAME_SITE, 1, 2, 0, true, false, true, 0},
            {OUTCOME_REFUSED, BLAME_SITE, 0, 0, 1, true, false, true, 1000},
            {OUTCOME_REFUSED, BLAME_SITE, 0, 0, 2, true, false, true, 2000},
            {OUTCOME_REFUSED, BLAME_SITE, 0, 0, 3, false, false, true, 4000},
            {OUTCOME_LOST, BLAME_LINK, 0, 9, 0, true, false, true, 0},
            {OUTCOME_NEVER_STARTED, BLAME_US, 0, 0, 0, true, false, true, 0},
            {OUTCOME_INPUT_MISSING, BLAME_DATA, 0, 0, 3, false, false, true, 4000},
            {OUTCOME_CANCELLED, BLAME_USER, 0, 0, 0, false, false, false, 0},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct retry_answer a = retry_decide(&policy, cases[i].outcome, cases[i].blame, cases[i].code,
                                                     cases[i].task_failures, cases[i].site_failures, 0.5);

                assert_int_equal(a.again, cases[i].again);
                assert_int_equal(a.counts_task, cases[i].task);
                assert_int_equal(a.counts_site, cases[i].site);
                assert_int_equal(a.delay_ms, cases[i].delay_ms);
        }
}

static void retry_pauses_double_within_their_bound(void **unused)
{
        struct retry_policy p = policy;

        (void)unused;
        p.task_max = 1000;
        for (int32_t failures = 0; failures < 100; failures++) {
                double whole = failures < 10 ? 1000.0 * (1 << failures) : 1e9;

                for (double jitter = 0; jitter < 1; jitter += 0.24) {
                        struct retry_answer a =
                            retry_decide(&p, OUTCOME_EXIT, BLAME_TASK, 1, failures, 0, jitter);

                        assert_true(a.delay_ms <= p.delay_max_ms);
                        assert_true((double)a.delay_ms <= whole * 1.5);
                        assert_true((double)a.delay_ms >= whole * 0.5 || a.delay_ms >= p.delay_max_ms / 2);
                }
        }
}

static void retry_without_budget_never_tries_again(void **unused)
{
        const struct retry_policy none = {0};

        (void)unused;
        assert_false(retry_decide(&none, OUTCOME_EXIT, BLAME_TASK, 1, 0, 0, 0).again);
        assert_false(retry_decide(&none, OUTCOME_LOST, BLAME_LINK, 0, 0, 0, 0).again);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(fsm_every_pair_is_a_move_an_ignore_or_impossible),
            cmocka_unit_test(fsm_every_open_state_leads_to_an_end),
            cmocka_unit_test(fsm_every_state_at_a_worker_ends_when_its_lease_runs_out),
            cmocka_unit_test(fsm_rows_are_each_written_once_and_leave_open_states_only),
            cmocka_unit_test(retry_books_a_failure_on_the_account_of_its_blame),
            cmocka_unit_test(retry_pauses_double_within_their_bound),
            cmocka_unit_test(retry_without_budget_never_tries_again),
        };

        return cmocka_run_group_tests_name("core: fsm, retry", tests, NULL, NULL);
}
