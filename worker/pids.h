/* SPDX-License-Identifier: Apache-2.0 */
/* pids.h - the attempt that a leader belongs to, when many are to be found at once. */
#ifndef REEVE_WORKER_PIDS_H
#define REEVE_WORKER_PIDS_H

#include "worker/work.h"

/* Good until the next change of the lists that it was made of. */
struct pids {
        struct pid_of {
                pid_t pid;
                struct attempt *a;
        } * items;
        size_t count;
};

/* Leaders of what runs; with_exited: and of what exited. Adopted attempts have none. */
void pids_init(struct pids *p, const struct work *w, bool with_exited);
void pids_release(struct pids *p);
struct attempt *pids_find(const struct pids *p, pid_t pid);

#endif
