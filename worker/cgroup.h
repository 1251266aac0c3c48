/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup.h - a control group for each attempt that has a limit, where the site lets us make one.
 *
 * Machines have one tree for everything (version 2), a tree for each controller (version 1), or both at once.
 * We look for the nearest place, from the group we are in upwards, where we may make groups and put our
 * children into them: in the version 2 tree for limits and for its kill, and for the memory and the pids
 * controller in their own trees when version 2 does not have them. Whatever is missing is simply not used;
 * the keeper then measures and kills without groups.
 *
 * There we keep one directory "reeve-<name>", the base, and in it a group "<job>.<task>.<attempt>" for each
 * attempt. The bases are noted in a file, because the next keeper may be started from another place: it goes
 * on with them, and finds there what the last one left.
 *
 * An attempt runs under our own account, so these limits hold programs that err, not programs that fight.
 */
#ifndef REEVE_WORKER_CGROUP_H
#define REEVE_WORKER_CGROUP_H

#include "common/ids.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CGROUP_PATH_MAX 512

enum cgroup_kind { CGROUP_V2, CGROUP_V1_MEMORY, CGROUP_V1_PIDS, CGROUP_KINDS };

struct cgroups {
        struct cgroup_tree {
                char base[CGROUP_PATH_MAX]; /* "": not used */
                bool memory, pids;          /* limits that can be set here */
        } trees[CGROUP_KINDS];
};

/* What an attempt got. */
#define CGROUP_MADE   1u /* there is a group: it can be killed whole */
#define CGROUP_MEMORY 2u /* the kernel keeps its memory limit */
#define CGROUP_PIDS   4u /* and its limit of processes and threads */

/* Find out what can be used, and make the bases. `record` is the file that notes them; NULL: none is. */
void cgroups_open(struct cgroups *c, const char *name, const char *record);
/* Remove the bases, as far as they are empty. */
void cgroups_close(struct cgroups *c);
/* "cgroup2" or "cgroup1" when memory can be limited with this version, else "". */
const char *cgroups_word(const struct cgroups *c);

/* Groups that exist: for each, `is_alive` says whether its attempt still runs. Those of others are killed and
 * removed. */
typedef bool (*cgroup_alive_cb)(void *arg, struct attempt_key key);
void cgroups_sweep(struct cgroups *c, cgroup_alive_cb is_alive, void *arg);

/* Make the attempt's group with limits (0: none). Returns CGROUP_ flags, 0 when there is no group; ret_fds
 * (to be closed by the caller, -1 where there is none) take "0" from a process that wants to be in it. */
unsigned cgroup_make(const struct cgroups *c, struct attempt_key key, uint64_t memory, uint32_t pids,
                     int ret_fds[CGROUP_KINDS]);
/* The flags an existing group has, by the limits of its attempt. */
unsigned cgroup_found(const struct cgroups *c, struct attempt_key key, uint64_t memory, uint32_t pids);

struct cgroup_usage {
        uint64_t memory_peak; /* bytes, with cached pages; 0 when the kernel does not tell */
        uint64_t oom_kills;   /* processes that the kernel killed at the memory limit */
        uint64_t refused;     /* processes and threads that were not made at the limit of them */
};
void cgroup_read(const struct cgroups *c, struct attempt_key key, struct cgroup_usage *ret);
bool cgroup_is_empty(const struct cgroups *c, struct attempt_key key);
void cgroup_kill(const struct cgroups *c, struct attempt_key key);
/* 0: it is gone; -1: something in it lives. */
int cgroup_remove(const struct cgroups *c, struct attempt_key key);

/* ---- pure parts ---- */

/* Where the group of a process is mounted, from the text of its /proc/PID/mountinfo and /proc/PID/cgroup.
 * `controller` is "memory" or "pids" for version 1, "" for version 2. False when there is none. */
bool cgroup_locate(const char *mountinfo, const char *own, const char *controller, char ret[CGROUP_PATH_MAX]);
/* The number behind `name` in lines of "name number"; 0 when there is none. */
uint64_t cgroup_event(const char *text, const char *name);

#endif
