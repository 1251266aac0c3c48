/* SPDX-License-Identifier: Apache-2.0 */
/* walk.h - everything below a directory, never through a link, with bounds on depth and number. */
#ifndef REEVE_WORKER_WALK_H
#define REEVE_WORKER_WALK_H

#include <stdbool.h>
#include <sys/stat.h>

#define WALK_DEPTH_MAX   64
#define WALK_ENTRIES_MAX 4000000

struct walk_entry {
        int dir_fd;       /* of the directory that holds it */
        const char *name; /* in that directory */
        const char *path; /* relative to the start */
        struct stat st;   /* not following links */
        int fault;        /* errno when a directory could not be read; st is not set then */
};

/* Called for each entry, a directory before its content, names in order. 0 goes on, 1 does not enter this
 * directory, -1 ends the walk. */
typedef int (*walk_cb)(void *arg, const struct walk_entry *e);

/* Takes `fd` over. 0, or -1 when the callback said so or a bound was hit. */
int walk(int fd, walk_cb cb, void *arg);

#endif
