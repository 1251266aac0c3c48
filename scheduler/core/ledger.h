/* SPDX-License-Identifier: Apache-2.0 */
/* ledger.h - when a site will have room: what runs there now, as far as run times tell, and what this pass
 * has promised to tasks that wait for it. Within decide() only; made for a site when first asked for.
 *
 * CPUs are what is counted (tasks that ask for none count as one): a list of (seconds from now, CPUs that
 * fall free), earliest first, of a bounded length.
 */
#ifndef REEVE_LEDGER_H
#define REEVE_LEDGER_H

#include "core/model.h"

#define LEDGER_ENTRIES 256 /* of a site; what runs beyond that is grouped */

struct ledger_entry {
        double at; /* seconds from now */
        double cpus;
};
struct ledger {
        uint64_t pass; /* it is of this pass */
        double capacity;
        struct ledger_entry *e; /* by time */
        size_t n, cap;
};

/* Seconds until a task of `cpus` CPUs could start at the site, not before `ready`. */
double ledger_wait(const struct model *m, struct m_site *site, double cpus, double ready);
/* Promise room to `count` tasks that each run `run` seconds. */
void ledger_promise(const struct model *m, struct m_site *site, double cpus, double ready, double run,
                    int64_t count);
void ledger_release(struct ledger *l);
/* Seconds an attempt is still expected to run. One that overran its time is taken to run half as long again
 * as it already did. */
double attempt_remaining(const struct model *m, const struct m_attempt *a);

#endif
