/* SPDX-License-Identifier: Apache-2.0 */
/* loop.h - a small event loop for worker and connector: epoll, timers, child exits, signals.
 *
 * One thread. Callbacks may add and remove anything, themselves included. A descriptor is taken out of
 * epoll before it is closed (loop_fd_remove first, close after): a child between fork and exec holds a
 * copy, so a closed descriptor could fire again under a number that is somebody else's by then. Handles carry
 * a generation for the same reason. Timers with the same due time run in the order they were set.
 */
#ifndef REEVE_LOOP_H
#define REEVE_LOOP_H

#include "err.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;

#define LOOP_READ  1u
#define LOOP_WRITE 2u

typedef void (*loop_fd_cb)(void *arg, int fd,
                           unsigned ready); /* ready: LOOP_READ and/or LOOP_WRITE; errors show as both */
typedef void (*loop_timer_cb)(void *arg);
typedef void (*loop_signal_cb)(void *arg, int signo);

int loop_new(struct loop **ret, struct err *err);
void loop_free(struct loop *l);

/* Milliseconds of CLOCK_BOOTTIME, read when the turn's events arrived and again before its timers run. */
int64_t loop_now_ms(const struct loop *l);

/* Watch fd (which stays the caller's). Adding it again changes interest and callback. */
int loop_fd_add(struct loop *l, int fd, unsigned interest, loop_fd_cb cb, void *arg, struct err *err);
void loop_fd_want(struct loop *l, int fd, unsigned interest);
void loop_fd_remove(struct loop *l, int fd);

/* One-shot timer; returns a handle > 0 that loop_timer_cancel takes (0 and stale handles are fine). */
uint64_t loop_timer_set(struct loop *l, int64_t delay_ms, loop_timer_cb cb, void *arg);
void loop_timer_cancel(struct loop *l, uint64_t handle);

/* Blocks the signal and delivers it through the loop. */
int loop_signal_add(struct loop *l, int signo, loop_signal_cb cb, void *arg, struct err *err);

/* Called once at the end of each turn, after all ready callbacks: the place for batched writes and fdatasync.
 */
void loop_on_turn_end(struct loop *l, loop_timer_cb cb, void *arg);

/* Runs until loop_stop. */
int loop_run(struct loop *l, struct err *err);
void loop_stop(struct loop *l);

#endif
