/* SPDX-License-Identifier: Apache-2.0 */
/* trial_sshd.h - an SSH server for one account on a loopback address, in a directory of its own.
 *
 * It is a child of the thread that starts it and ends with that thread. The directory holds its host key, its
 * settings with the port, the authorized keys, a home and the worker's root.
 */
#ifndef REEVE_TRIAL_SSHD_H
#define REEVE_TRIAL_SSHD_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct trial_sshd {
        char *dir;
        pid_t pid; /* 0: does not run */
        int port;
};

/* May this account be logged in to, and is there an sshd? 0, or -1 with what is missing. */
int trial_sshd_able(char ret_user[64], struct err *err);
/* Make the directory what it has to be, find a port when none is known, start, and wait until it listens. */
int trial_sshd_start(struct trial_sshd *s, struct err *err);
/* Runs it still? One that ended is collected. */
bool trial_sshd_runs(struct trial_sshd *s);
void trial_sshd_stop(struct trial_sshd *s);
/* These lines, and no others, let in. */
int trial_sshd_authorize(const struct trial_sshd *s, const char *line, struct err *err);
/* Its host key: the type, the key in wire format, and its fingerprint as OpenSSH prints it. */
#define TRIAL_KEY_MAX 256
struct trial_key {
        char type[40], fingerprint[80];
        uint8_t key[TRIAL_KEY_MAX];
        size_t len;
};
int trial_sshd_key(const struct trial_sshd *s, struct trial_key *ret, struct err *err);
/* Run a program to its end, at most so long; its exit code, or -1. */
int trial_run(const char *const *argv, int timeout_ms, struct err *err);
/* Everything in the directory, and itself. */
int trial_remove(const char *dir, struct err *err);

#endif
