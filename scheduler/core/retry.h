/* SPDX-License-Identifier: Apache-2.0 */
/* retry.h - whose fault it was, and whether and when to try again. */
#ifndef REEVE_RETRY_H
#define REEVE_RETRY_H

#include "common/states.h"

#include <stdbool.h>
#include <stdint.h>

#define RETRY_RULES_MAX 16

struct retry_rule {
        int32_t from, to; /* exit codes, inclusive */
        bool retry;       /* true: try again (within the budget); false: fail at once */
};

struct retry_policy {
        int32_t task_max, site_max;     /* failures allowed on either account before the task fails */
        int64_t delay_ms, delay_max_ms; /* first pause, longest pause; doubled each time */
        struct retry_rule rules[RETRY_RULES_MAX];
        int32_t rule_count;
};

struct retry_answer {
        bool again;
        bool counts_task, counts_site; /* which account the failure is booked on */
        int64_t delay_ms;              /* pause before the next attempt */
};

/* `outcome`, `code`: how the attempt ended, not well and not on request. `task_failures`, `site_failures`:
 * earlier ones. `jitter` in [0, 1) spreads the pauses. */
struct retry_answer retry_decide(const struct retry_policy *p, enum outcome outcome, enum blame blame,
                                 int32_t code, int32_t task_failures, int32_t site_failures, double jitter);

#endif
