/* SPDX-License-Identifier: Apache-2.0 */
/* guard.h - the process above the keeper, which collects what a killed keeper was the parent of.
 *
 * Only a parent learns how a process ended. When a keeper is killed its attempts fall to the nearest reaper
 * above: this process, which does nothing but collect them and note in the file "orphans" how they ended, for
 * the next keeper. It is started by the first keeper of a root, stays above those that follow, and ends when
 * it has no children left. Where it is killed as well, an attempt's end is not known, as before.
 */
#ifndef REEVE_WORKER_GUARD_H
#define REEVE_WORKER_GUARD_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#define GUARD_NOTES_MAX (4u << 20) /* bytes of notes; what ends later is not noted */

struct guard_note {
        uint64_t magic;
        uint64_t start_ticks; /* with the pid: which process it was */
        int64_t end_wall_ms, end_boot_us;
        int32_t pid, status; /* as from wait4 */
        struct rusage usage;
};

/* Put a guard above this process, unless there is one: returns in a child of it. `root` is for its command
 * line. */
int guard_start(const char *root, struct err *err);

/* Be the guard. The current directory is the worker's root. */
int guard_main(struct err *err);

/* How the process ended that had this number and was started then. */
bool guard_find(pid_t pid, int64_t start_boot_us, struct guard_note *ret);
/* No note is needed any more. */
void guard_forget(void);

#endif
