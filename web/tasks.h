/* SPDX-License-Identifier: Apache-2.0 */
/* tasks.h - tasks as they are found on record: they have no rows of their own (api_tasks.c says how). */
#ifndef REEVE_TASKS_H
#define REEVE_TASKS_H

#include "common/states.h"
#include "common/task_set.h"
#include "web/request.h"

struct rows;

struct span {                                 /* a job in outline */
        int64_t job, next_task, submitted_at; /* next_task: INT64_MAX when the job ended */
        struct task_set *tasks;               /* owned */
        bool live;
        enum wait_reason wait;
};
/* The job of the path; -1 (also when it is not there for the caller). */
int span_read(struct request *rq, struct db *db, struct span *ret, struct err *err);
void span_release(struct span *s);
#define AUTO_SPAN __attribute__((cleanup(span_release)))

struct window { /* three results by task, walked side by side */
        struct rows *open, *queued, *ended;
        bool has_open, has_queued, has_ended; /* a current row */
        bool passed_open;                     /* window_older has left the open one behind */
};
/* Tasks first..last; with `all` every attempt that ended, else the newest of each. */
int window_read(struct window *w, struct db *db, const struct span *s, int64_t first, int64_t last, bool all,
                struct err *err);
void window_release(struct window *w);
/* Is the task to be run again? */
bool window_is_queued(const struct window *w, int64_t task);
/* The row of the task's newest attempt, open or ended; NULL: it has none. */
struct rows *window_newest(const struct window *w, int64_t task);
/* After window_newest: the one before it, and so on; the window moves on. NULL: there is none. */
struct rows *window_older(struct window *w, int64_t task);
/* The row of one of its attempts; the window moves on to it. NULL: there is none. */
struct rows *window_attempt(struct window *w, int64_t task, int64_t attempt);
enum task_state task_state_of(const struct window *w, const struct span *s, int64_t task);

#endif
