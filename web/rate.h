/* SPDX-License-Identifier: Apache-2.0 */
/* rate.h - how many requests each user may make: a token bucket for each. Pure but for its lock; time comes
 * in.
 *
 * A user who asked little lately may ask `burst` times at once, and `per_second` times a second for ever.
 * What is left is told with every reply (docs/api.md), so that a script can slow down before it is refused.
 */
#ifndef REEVE_RATE_H
#define REEVE_RATE_H

#include <stdbool.h>
#include <stdint.h>

#define RATE_USERS   4096 /* remembered; more share the buckets of the others */
#define RATE_BURST_S 10   /* burst: what per_second gives in so many seconds */

struct rate;

/* per_second 0: there is no limit. */
struct rate *rate_new(int64_t per_second);
void rate_free(struct rate *r); /* NULL is fine */

struct rate_left {
        bool allowed;
        int64_t burst; /* 0: there is no limit */
        int64_t left;  /* more requests that may be made at once */
        int64_t again; /* seconds, rounded up: until one more may be made (0: now) */
};
struct rate_left rate_take(struct rate *r, int32_t user, int64_t now_ms);

#endif
