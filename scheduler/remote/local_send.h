/* SPDX-License-Identifier: Apache-2.0 */
/* local_send.h - `reeve-worker send` as a child of this process: files of this host as the source of a
 * transfer. */
#ifndef REEVE_REMOTE_LOCAL_SEND_H
#define REEVE_REMOTE_LOCAL_SEND_H

#include "common/err.h"
#include "common/transfers.h"

struct local_send;

/* Write the offer into `spool`, which is made if it is missing, and start the worker of `worker_dir` that
 * serves it on `fd`, which stays the caller's. */
int local_send_start(const char *worker_dir, const char *spool, const struct transfer_offer *o,
                     const struct transfer_list *l, int fd, struct local_send **ret, struct err *err);
/* End it and remove the offer. NULL is fine. */
void local_send_end(struct local_send *s);

#endif
