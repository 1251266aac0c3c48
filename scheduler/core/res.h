/* SPDX-License-Identifier: Apache-2.0 */
/* res.h - resource vectors: what a task needs, what a worker offers, what is free. */
#ifndef REEVE_RES_H
#define REEVE_RES_H

#include <stdbool.h>
#include <stdint.h>

#define RES_CUSTOM_MAX 16 /* named countables known to the grid at once */
#define RES_SLOTS_ANY  (1 << 20)

struct res {
        int32_t slots, cpus, gpus;
        int64_t memory; /* bytes */
        int32_t custom[RES_CUSTOM_MAX];
};

bool res_fits(const struct res *need, const struct res *in);
/* How many times need fits, at most max. */
int64_t res_times(const struct res *need, const struct res *in, int64_t max);
/* The part of need that is free, of what is scarcest: 1 = it fits. */
double res_part(const struct res *need, const struct res *free);
void res_take(struct res *from, const struct res *need, int64_t times);
void res_give(struct res *to, const struct res *need, int64_t times);
bool res_equal(const struct res *a, const struct res *b);
/* True when nothing in it is below zero. */
bool res_is_sane(const struct res *r);

#endif
