/* SPDX-License-Identifier: Apache-2.0 */
/* procs.h - which processes exist and whose they are, from /proc. */
#ifndef REEVE_WORKER_PROCS_H
#define REEVE_WORKER_PROCS_H

#include "common/ids.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROCS_MAX 65536 /* looked at in one scan */

struct proc {
        pid_t pid, parent, session;
        char state;           /* 'Z': a zombie */
        uint64_t start_ticks; /* since boot */
        uint64_t rss_bytes;
        uint32_t threads;
        struct attempt_key key; /* procs_scan leaves it zero; job 0 stands for "nobody's" */
};

/* Read one process; false when it does not exist. */
bool procs_read(pid_t pid, struct proc *ret);

/* Every process of this account, sorted by pid. The array is the caller's to free. */
size_t procs_scan(struct proc **ret);

/* Children of this process, running or dead, at most `max`; -1 when this kernel does not list them. */
ssize_t procs_children(pid_t *list, size_t max);

/* The attempt named in the environment of `pid`, if it is of this spool. */
bool procs_key(pid_t pid, const char *spool_hex, struct attempt_key *ret);

/* Send a signal to exactly the process that was read into `p`, never to a later bearer of its number. */
void procs_kill(const struct proc *p, int signo);

#endif
