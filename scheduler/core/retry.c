/* SPDX-License-Identifier: Apache-2.0 */
#include "core/retry.h"

/* Half to one and a half times the doubled pause, never above the maximum. */
static int64_t pause_ms(const struct retry_policy *p, int32_t failures, double jitter)
{
        int64_t d = p->delay_ms;

        for (int32_t i = 0; i < failures && d < p->delay_max_ms; i++)
                d *= 2;
        d = (int64_t)((double)d * (0.5 + jitter));
        return d < p->delay_max_ms ? d : p->delay_max_ms;
}

static const struct retry_rule *rule_for(const struct retry_policy *p, int32_t code)
{
        for (int32_t i = 0; i < p->rule_count; i++) {
                if (code >= p->rules[i].from && code <= p->rules[i].to)
                        return &p->rules[i];
        }
        return 0;
}

struct retry_answer retry_decide(const struct retry_policy *p, enum outcome outcome, enum blame blame,
                                 int32_t code, int32_t task_failures, int32_t site_failures, double jitter)
{
        const struct retry_rule *rule = outcome == OUTCOME_EXIT ? rule_for(p, code) : 0;
        struct retry_answer a = {.counts_task = blame == BLAME_TASK, .counts_site = blame != BLAME_TASK};

        if (blame == BLAME_USER) {
                a.counts_site = false;
                return a;
        }
        if (rule && !rule->retry)
                return a;
        if (a.counts_task) {
                a.again = task_failures < p->task_max;
                a.delay_ms = pause_ms(p, task_failures, jitter);
        } else {
                a.again = site_failures < p->site_max;
                /* The first failure of a site is answered at once: another site is there for that. */
                a.delay_ms = site_failures ? pause_ms(p, site_failures - 1, jitter) : 0;
        }
        return a;
}
