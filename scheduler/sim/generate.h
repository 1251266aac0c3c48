/* SPDX-License-Identifier: Apache-2.0 */
/* generate.h - cases without a trace: named families, each a world for every seed. */
#ifndef REEVE_SIM_GENERATE_H
#define REEVE_SIM_GENERATE_H

#include "sim/world.h"

struct family_sizes { /* what of a family can be set: family:name=value,... */
        double sites, slots, jobs, tasks, files, rate, run, load, batch;
};
struct family {
        const char *name, *sentence;
        struct family_sizes sizes;
        int (*make)(struct world *w, const struct family_sizes *z, struct dice *dice, struct err *err);
};
const struct family *families_all(size_t *ret_n);

/* what: "family" or "family:jobs=100,load=0.9". */
int generate(struct world *w, const char *what, uint64_t seed, struct err *err);

/* Links as they may be months later: each times a factor drawn from what was measured between two
 * measurements of the same pairs ten months apart. Returns a matrix of the world's size. */
struct w_link *generate_drift(const struct world *w, uint64_t seed);

#endif
