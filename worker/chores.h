/* SPDX-License-Identifier: Apache-2.0 */
/* chores.h - what the agent's helpers do. All run in a child process with the worker's root as current
 * directory.
 *
 *   reader     answers P_READ: frames CHORE_READ in, P_DATA out, until the socket closes
 *   scan       one P_SCAN: P_SCANNED and P_SCAN_END out
 *   publish    frames as K_FINISH in; K_PUBLISHED out, each when it is done
 *   measure    disk use of running attempts: K_OVER out for those above their limit
 *   janitor    removes what is old
 */
#ifndef REEVE_WORKER_CHORES_H
#define REEVE_WORKER_CHORES_H

#include "common/buf.h"
#include "common/ids.h"
#include "common/proto.h"

/* u32 request, u8 what, str path (below the root, below store/, or absolute; by what), u64 offset, u32
 * length, u8 final */
#define CHORE_READ 1

void chore_reader(int fd, void *arg);

struct scan_request {
        uint32_t request;
        char *path;
};
void chore_scan(int fd, void *arg); /* struct scan_request */

void chore_publish(int fd, void *arg); /* struct buf: K_FINISH frames */

/* Files kept of an ended attempt, as put_file records, from the list beside its logs. -1: there is none. */
int outputs_load(struct attempt_key key, struct buf *ret, uint32_t *ret_count);

struct measure_item {
        struct attempt_key key;
        char dir[96];
        uint64_t limit;
};
struct measure_request {
        struct measure_item *items;
        size_t count;
};
void chore_measure(int fd, void *arg); /* struct measure_request */

#define KEEP_SECONDS       (7 * 86400)  /* directories of ended attempts, with their logs */
#define KEEP_BYTES         (4ull << 30) /* all of them together; the oldest go first */
#define KEEP_YOUNG_SECONDS 3600         /* never removed for space: its logs may be on someone's screen */
#define SCRATCH_SECONDS    (1 * 86400)  /* directories that a killed keeper left */
struct janitor_request {
        int64_t now;          /* wall clock, seconds */
        uint64_t keep_bytes;  /* KEEP_BYTES; 0 when the disk is full */
        int64_t keep_seconds; /* what is younger stays in any case */
        uint64_t generation;  /* of the keeper that lives: its directories are its own business */
        char **running;       /* directories in use, below the root */
        size_t count;
};
void chore_janitor(int fd, void *arg); /* struct janitor_request */

/* SHA-256 of an open file from its start; -1 with errno. */
int file_sha256(int fd, uint8_t ret[32], uint64_t *ret_size);

#endif
