/* SPDX-License-Identifier: Apache-2.0 */
/* task_set.h - which task numbers an array has: "1,5,7-100:3".
 *
 * A set is never changed once made. It is kept as parts, runs of numbers with a step, sorted and without
 * overlap, so that a million tasks that follow a pattern take a few bytes and every question is a search by
 * halves. Written out and read again it is the same set.
 */
#ifndef REEVE_TASK_SET_H
#define REEVE_TASK_SET_H

#include "common/buf.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Parts of one array: bounds what a live job holds in memory (800 KB). */
#define TASK_PARTS_MAX 50000
/* The highest number is less than this above the lowest: bounds what is kept a bit a number. */
#define TASK_SPAN_MAX 10000000
/* Bytes of a list as text: more than TASK_PARTS_MAX parts take. */
#define TASK_TEXT_MAX (1u << 20)

struct task_part {
        int32_t first, last, step; /* last is a task; step 1 when it is the only one */
        int32_t before;            /* tasks in the parts in front */
};

struct task_set {
        int32_t first, last;
        int32_t count;
        uint32_t part_count;
        struct task_part parts[];
};

/* Read "1,5,7-100:3%20": numbers, ranges and ranges with a step, in any order; what is named twice counts
 * once. *ret_throttle is the number behind "%", 0 when there is none; with NULL a throttle is refused. */
int task_set_parse(const char *what, const char *text, struct task_set **ret, int64_t *ret_throttle,
                   struct err *err);
/* All of first..last; the caller vouches for the limits. */
struct task_set *task_set_range(int32_t first, int32_t last);
/* Of numbers in rising order, at least one. ERR_LIMIT when they need too many parts or lie too far apart. */
int task_set_of(const int32_t *tasks, size_t n, struct task_set **ret, struct err *err);
void task_set_free(struct task_set *s);

/* Is it every number from first to last? */
bool task_set_is_range(const struct task_set *s);
bool task_set_has(const struct task_set *s, int64_t task);
/* The lowest task that is not below `from`; last + 1 when there is none. */
int64_t task_set_next(const struct task_set *s, int64_t from);
/* How many tasks are below `task`; and the task that has so many below it (rank < count). */
int32_t task_set_rank(const struct task_set *s, int64_t task);
int32_t task_set_at(const struct task_set *s, int32_t rank);
/* Are all tasks of `inner` tasks of `outer`? */
bool task_set_covers(const struct task_set *outer, const struct task_set *inner);

void task_set_write(struct buf *b, const struct task_set *s);

#endif
