/* SPDX-License-Identifier: Apache-2.0 */
/* read.h - formats of traces. A file is known by its content; each adds what it tells to the world.
 *
 * Platforms are read before workloads: jobs name sites.
 */
#ifndef REEVE_SIM_READ_H
#define REEVE_SIM_READ_H

#include "sim/text.h"
#include "sim/world.h"

struct read_format {
        const char *name, *sentence;
        bool (*is)(const struct text *t);                                             /* by its first lines */
        int (*read)(struct world *w, struct text *t, uint64_t seed, struct err *err); /* adds to the world */
};
const struct read_format *read_formats(size_t *ret_n);

/* Read one file, whatever it is. */
int read_file(struct world *w, const char *path, uint64_t seed, struct err *err);
int read_text(struct world *w, struct text *t, uint64_t seed, struct err *err);

/* One function for each format; its file says what is taken and what is passed over. */
int read_optorsim_grid(struct world *w, struct text *t, uint64_t seed, struct err *err);
int read_optorsim_bandwidths(struct world *w, struct text *t, uint64_t seed, struct err *err);
int read_optorsim_jobs(struct world *w, struct text *t, uint64_t seed, struct err *err);
int read_simgrid(struct world *w, struct text *t, uint64_t seed, struct err *err);
int read_wfformat(struct world *w, struct text *t, uint64_t seed, struct err *err);
int read_dcsim(struct world *w, struct text *t, uint64_t seed, struct err *err);
int read_swf(struct world *w, struct text *t, uint64_t seed, struct err *err);
int read_machines(struct world *w, struct text *t, uint64_t seed, struct err *err);
int read_throughput(struct world *w, struct text *t, uint64_t seed, struct err *err);
int read_latency(struct world *w, struct text *t, uint64_t seed, struct err *err);
int read_cost(struct world *w, struct text *t, uint64_t seed, struct err *err);
int read_tasks(struct world *w, struct text *t, uint64_t seed, struct err *err);
int read_partitions(struct world *w, struct text *t, uint64_t seed, struct err *err);
int read_hours(struct world *w, struct text *t, uint64_t seed, struct err *err);
int read_sweep(struct world *w, struct text *t, uint64_t seed, struct err *err);

/* JSON of either kind is told apart by this word in it. */
#define WFFORMAT_WORD "\"workflow\""

#endif
