/* SPDX-License-Identifier: Apache-2.0 */
/* hints.h - what to ask for, from what was used. Pure.
 *
 * A hint leaves room: the next run may need a little more than those before. It is said only where it would
 * change something, and where there is enough to go by.
 */
#ifndef REEVE_HINTS_H
#define REEVE_HINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hint_past {
        int64_t jobs, attempts;
        int64_t memory_peak, memory_asked; /* bytes; 0: not known, not asked */
        double cpus_used;                  /* at work at once; 0: not known */
        int64_t cpus_asked;
        double wall_max, time_asked; /* seconds; 0: not known, no limit asked */
};

struct hint {
        const char *member; /* of the job: "memory", "time_limit", "cpus" */
        int64_t value;      /* bytes, seconds, processors */
        char text[32];      /* as a form takes it */
        char sentence[240];
};
#define HINTS_MAX 3

/* How many there are in ret. */
size_t hints_make(const struct hint_past *past, struct hint ret[HINTS_MAX]);

#endif
