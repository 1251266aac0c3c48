/* SPDX-License-Identifier: Apache-2.0 */
/* attach.h - reach the worker of a root directory: start it when needed, relay to it, stop it. */
#ifndef REEVE_WORKER_ATTACH_H
#define REEVE_WORKER_ATTACH_H

#include "common/err.h"

/* The worker's root is the current directory; `root` is its absolute path. Copies bytes between the standard
 * streams and the agent until either side ends. */
int attach_main(const char *root, struct err *err);

/* Tell the keeper to end everything and wait until it is gone. Fine when none runs. */
int stop_main(struct err *err);

#endif
