/* SPDX-License-Identifier: Apache-2.0 */
/* send.h - the source's end of a transfer's stream: serves the files of one offer and nothing else. */
#ifndef REEVE_WORKER_SEND_H
#define REEVE_WORKER_SEND_H

#include "worker/offers.h"

/* Serve until the receiver closes. The descriptors may be one; they are made non-blocking. 0, or -1 when the
 * stream broke or the receiver asked for what is not in the offer. */
int send_files(const struct offer_file *f, int in_fd, int out_fd, struct err *err);

/* `reeve-worker send`: the offer of this transfer in the current directory, over the standard streams. */
int send_main(uint64_t id, struct err *err);

#endif
