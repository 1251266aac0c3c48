/* SPDX-License-Identifier: Apache-2.0 */
/* handover.h - `reeve-worker receive`: give the standard streams of an SSH session to the agent, as the
 * stream of a pull that waits for it. Eight bytes (the transfer's number) and both descriptors go to
 * data.sock; the session lasts until the agent closes that connection.
 */
#ifndef REEVE_WORKER_HANDOVER_H
#define REEVE_WORKER_HANDOVER_H

#include "common/err.h"

#include <stdint.h>

#define DATA_SOCKET "data.sock"

/* The worker's root is the current directory. Returns when the pull has ended. */
int receive_main(uint64_t transfer, struct err *err);

/* The agent's side: one message from a connection. 1: it came, the descriptors are the caller's; 0: not yet;
 * -1: the connection is of no use. */
int handover_take(int fd, uint64_t *ret_transfer, int ret_fds[2]);

#endif
