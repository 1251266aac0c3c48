/* SPDX-License-Identifier: Apache-2.0 */
/* child.h - a program of the site, started without a shell: found in fixed places, with an environment of its
 * own, dead when we are. */
#ifndef REEVE_WORKER_CHILD_H
#define REEVE_WORKER_CHILD_H

#include "common/err.h"

#include <stddef.h>
#include <sys/types.h>

struct child {
        pid_t pid;    /* -1: none */
        int out_fd;   /* what it writes */
        int words_fd; /* what it says on standard error */
};

/* `places` are absolute paths to try, NULL at the end. ERR_UNAVAILABLE: it is at none of them. */
int child_start(struct child *c, const char *const *places, char *const argv[], struct err *err);
/* How it ended, as from wait; it has closed its output. Its words, printable, on one line. */
int child_wait(struct child *c, char *words, size_t size);
/* Kill it, if it still runs. */
void child_end(struct child *c);

/* Run it and read what it writes; more than `size` - 1 bytes are cut. Returns how it ended, as from wait, or
 * -1: it could not be started, or took longer than `ms`. */
int child_answer(const char *const *places, char *const argv[], int ms, char *ret, size_t size,
                 struct err *err);

#endif
