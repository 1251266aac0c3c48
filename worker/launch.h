/* SPDX-License-Identifier: Apache-2.0 */
/* launch.h - turn a job's template into running processes.
 *
 * A plan holds what all attempts of a job share: the script on disk, the argument vector, the environment and
 * the resolved path of the command. Starting an attempt fills in what differs and makes one process, without
 * a shell and without a second exec. Paths are relative to the worker's root, which is the current directory.
 */
#ifndef REEVE_WORKER_LAUNCH_H
#define REEVE_WORKER_LAUNCH_H

#include "worker/cgroup.h"
#include "worker/work.h"

#define LAUNCH_STACK_SIZE (64u << 10)

struct launcher {
        const char *root; /* absolute */
        char spool_hex[33];
        char *home, *user, *shell; /* owned */
        char host[65];             /* up to the first dot */
        int null_fd;
        bool has_tools; /* there is a directory of tools for attempts */
        void *stack;    /* the child's, until exec */
};

int launcher_init(struct launcher *l, const char *root, const uint8_t spool_id[16], struct err *err);
void launcher_release(struct launcher *l);

/* Make job->plan: writes the script. */
int launch_plan_make(const struct launcher *l, struct job *job, struct err *err);
/* Also removes the script. */
void launch_plan_free(struct launch_plan *plan);

/* The first input that is not there, or NULL. */
const char *launch_missing_input(const struct job *job);

/* Files of the streams of one attempt, filled in; "" where there is none. */
struct launch_stdio {
        char path[3][PATH_TEXT_MAX]; /* standard input, output, error */
        bool append;
};
/* False: the job has none. -1 in *ret_error: a path is too long. */
bool launch_stdio_fill(const struct launcher *l, const struct job *job, struct attempt_key key,
                       struct launch_stdio *ret, int *ret_error);

/* What one attempt gets of its own. */
struct launch_place {
        const char *dir;             /* below the root */
        uint64_t gpus;               /* ids, a bit each */
        int out_fd, err_fd;          /* its log files */
        struct launch_stdio *stdio;  /* files of its streams; NULL: none */
        int group_fds[CGROUP_KINDS]; /* of the groups it enters before exec; -1: none */
};

/* Names of the steps that open them. */
extern const char *const launch_streams[3];
#define LAUNCH_PART "part" /* and of the one that looks for its list of files */

/* Start one attempt. Returns 0 and the leader's pid; or the errno of what failed, with *ret_what naming the
 * step ("exec", "chdir", "clone", "cgroup", "stdin", "stdout", "stderr"). */
int launch_start(const struct launcher *l, struct job *job, struct attempt_key key,
                 const struct launch_place *place, pid_t *ret_pid, const char **ret_what);

/* The environment entry that marks every process of an attempt. */
#define LAUNCH_KEY_NAME "REEVE_KEY="
/* Parse "<spool hex>/<job>.<task>#<attempt>"; false when it is not of this spool. */
bool launch_key_parse(const char *value, const char *spool_hex, struct attempt_key *ret);

#endif
