/* SPDX-License-Identifier: Apache-2.0 */
/* pace.h - how fast a job goes and how long it still takes, as a band.
 *
 * Pure. Two estimates are compared: over the whole run, and over the recent past. The band spans both,
 * widened by what so few ends can tell. Nothing is said before PACE_PART of the work or PACE_MS have passed.
 */
#ifndef REEVE_PACE_H
#define REEVE_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_PART          0.05  /* of the work */
#define PACE_MS            30000 /* since the start */
#define PACE_RECENT_MS     20000 /* the recent past is at least this long, and a fifth of the run, at most */
#define PACE_RECENT_MAX_MS 600000

/* Two moments that were passed, and how much was done then. The recent past begins at the older one. */
struct pace {
        int64_t old_at, new_at; /* ms */
        double old_done, new_done;
};

struct pace_estimate {
        double per_second; /* done per second lately */
        double low, high;  /* seconds that are left; high < 0: cannot be told */
};

/* Begin at a moment when so much was done already. */
void pace_begin(struct pace *p, int64_t at, double done);

/* `done` of `total` at `now` (not before the last call), started at `started`; `grain` is what is done at
 * once: 1 for tasks that end, 0 for a quantity that grows evenly. True and *ret when something can be said.
 */
bool pace_look(struct pace *p, int64_t now, int64_t started, double done, double total, double grain,
               struct pace_estimate *ret);

/* Do they differ so much that people should hear of it? */
bool pace_differs(const struct pace_estimate *a, const struct pace_estimate *b);

#endif
