/* SPDX-License-Identifier: Apache-2.0 */
/* helper.h - a forked child of the agent for work that may block: reading, hashing, walking directories.
 *
 * The child speaks in frames on a socket; what it says, and its end, come back as callbacks. It dies with the
 * agent.
 */
#ifndef REEVE_WORKER_HELPER_H
#define REEVE_WORKER_HELPER_H

#include "common/loop.h"
#include "common/proto.h"

struct helper;

typedef void (*helper_main)(int fd, void *arg);
/* Return false to be given the frame again after helper_resume: the way to slow a helper down. */
typedef bool (*helper_frame_cb)(void *arg, const struct frame *f);
/* The child is gone; the helper is freed after this call. */
typedef void (*helper_end_cb)(void *arg);

/* Fork; the child runs main_fn(fd, main_arg) and exits. */
int helper_start(struct loop *l, helper_main main_fn, void *main_arg, helper_frame_cb on_frame,
                 helper_end_cb on_end, void *arg, struct helper **ret, struct err *err);
/* The same; fds (two of them) are open in the child as HELPER_FD_EXTRA and the number after it. They stay the
 * caller's here. */
#define HELPER_FD_EXTRA 4
int helper_start_with(struct loop *l, const int fds[2], helper_main main_fn, void *main_arg,
                      helper_frame_cb on_frame, helper_end_cb on_end, void *arg, struct helper **ret,
                      struct err *err);
/* Kill it and wait: on_end is called before this returns. Not from its own on_frame. */
void helper_kill(struct helper *h);
/* Send what was put into the buffer returned by helper_out. */
struct buf *helper_out(struct helper *h);
void helper_flush(struct helper *h);
void helper_resume(struct helper *h);
/* Kill every helper (before exec). */
void helpers_kill_all(void);

/* In the child: read one frame into `in`, blocking; 0 at the end. Write everything in `out`, blocking. */
int helper_child_read(int fd, struct buf *in, struct frame *ret);
void helper_child_write(int fd, struct buf *out);

#endif
