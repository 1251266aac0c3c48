/* SPDX-License-Identifier: Apache-2.0 */
/* follow.h - read logs as they grow, and wait for jobs and calls to end. */
#ifndef REEVE_CLI_FOLLOW_H
#define REEVE_CLI_FOLLOW_H

#include "cli.h"
#include "text.h"
#include "refs.h"

#include <stdio.h>

/* One stream of one task. */
struct log_stream {
        const char *name; /* "stdout" or "stderr" */
        FILE *out;
        bool raw;        /* write bytes as they are */
        int64_t attempt; /* -1: the newest, then the one that was found */
        int64_t offset;  /* of the next byte wanted */
        bool final;      /* the attempt ended and everything was read */
        bool begun;      /* something was answered */
        struct text_filter filter;
};

/* Read and write what is there now. Returns the bytes written, or -1; a task that has no attempt yet has an
 * empty log. */
int64_t log_pump(struct cli *c, int64_t job, int64_t task, struct log_stream *s, struct err *err);

/* Move the offset so that only the last `lines` lines will be read. */
int log_seek_tail(struct cli *c, int64_t job, int64_t task, struct log_stream *s, int64_t lines,
                  struct err *err);

/* Write what the streams of a task print until the task ends, over its attempts. -1 when the server was away
 * too long or *stop was set. */
int log_follow(struct cli *c, int64_t job, int64_t task, struct log_stream *streams, size_t n,
               struct err *err);

/* Wait until the job or task ended, or until clock_boot_ms() passes `until` (-1: for ever), with progress. 1:
 * ended, its document in *ret; 0: time is up; -1 error. */
int job_wait(struct cli *c, struct ref r, int64_t until, json_t **ret, struct err *err);

/* Words about a job's tasks: "10 tasks: 4 succeeded, 2 running, 4 waiting". */
void job_add_progress(const json_t *job, struct buf *out);

/* "2m10s-3m", how long it may still take; nothing when nobody can tell. */
void job_add_remaining(const json_t *job, struct buf *out);

/* Wait for a call to a site to be answered; on_steps (may be NULL) sees the call after each change. The
 * call's document, owned, in *ret; a failed call is an error with the site's words. */
int call_wait(struct cli *c, int64_t id, void (*on_steps)(struct cli *c, const json_t *call, void *arg),
              void *arg, json_t **ret, struct err *err);

#endif
