/* SPDX-License-Identifier: Apache-2.0 */
/* pulling.h - what the parts of a pull share: its state, and who does what.
 *
 *   pull.c         its life: what is there, which way, what is told
 *   pull_stream.c  files that come as a stream from a sender: stream.h
 *   pull_fetch.c   files that are fetched from HTTP servers
 */
#ifndef REEVE_WORKER_PULLING_H
#define REEVE_WORKER_PULLING_H

#include "worker/landing.h"
#include "worker/pull.h"
#include "worker/ssh_way.h"

#define REPORT_MS     1000
#define RATE_SECONDS  5  /* the rate that is told is that of the last ones */
#define SLOW_SECONDS  60 /* the rate that ends a pull is that of the last ones, at most */
#define STALL_DEFAULT 60000

struct want {
        uint32_t index;
        uint64_t offset;
};

struct pull {
        struct pull_job *job;
        int report_fd;
        struct landing *landing;
        struct landing_fault fault;
        struct buf report, pulled; /* pulled: records of published files not told yet */
        uint32_t pulled_count;

        struct ssh_way ssh;
        pid_t sender; /* of a local copy */
        int in_fd, out_fd;
        struct buf in, out;
        bool streams; /* the other side has spoken */

        struct want *wants; /* in the order of the stream */
        size_t want_count, want_cap, want_at;
        size_t told; /* wants that were put into `out` */
        bool in_file;

        uint64_t bytes_done, bytes_moved;
        uint32_t files_done;
        uint64_t moved_at[SLOW_SECONDS]; /* bytes_moved by second, a ring */
        int64_t start_ms, report_ms, byte_ms, first_ms;
        uint64_t second; /* reports made since the stream began */
};

/* ---- pull.c ---- */
/* The fault that ends it; -1. */
int pull_fail(struct pull *p, enum move_end kind, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void pull_tell(struct pull *p);
void pull_want(struct pull *p, uint32_t index, uint64_t offset);
/* The other side has spoken: bytes flow from now on. */
void pull_streams(struct pull *p);
/* n bytes came over the link. */
void pull_moved(struct pull *p, size_t n);
/* To be called at least once a second: says where we are, and judges the pace. -1: too slow, or nothing
 * comes. */
int pull_pace(struct pull *p);
/* Milliseconds until the limit of the rate lets more in; 0: now. */
int64_t pull_held_ms(const struct pull *p);
/* Milliseconds until pull_pace has something to do. */
int64_t pull_wait_ms(const struct pull *p);

/* ---- pull_stream.c ---- */
/* Everything that is wanted, over the open way. */
int pull_stream(struct pull *p);

/* ---- pull_fetch.c ---- */
int pull_fetch(struct pull *p);

#endif
