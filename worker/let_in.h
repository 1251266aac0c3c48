/* SPDX-License-Identifier: Apache-2.0 */
/* let_in.h - a key of short life in the account's authorized_keys that may run one command: `reeve-worker
 * send` for one transfer, nothing else, without forwarding, terminal or anything that `restrict` forbids.
 *
 * Only where the site's admin allows it. The file is replaced as a whole by rename while a lock beside it is
 * held; lines that are not ours are kept byte by byte. Our line carries its end twice: sshd reads
 * expiry-time, and `send` looks at its offer.
 */
#ifndef REEVE_WORKER_LET_IN_H
#define REEVE_WORKER_LET_IN_H

#include "common/transfers.h"

#define AUTHORIZED_MAX (1u << 20) /* bytes of an authorized_keys that we touch */

/* The line of this offer's key goes in, replacing an earlier one of the same transfer. */
int let_in(const char *root, const struct transfer_offer *o, int64_t until_wall_ms, struct err *err);
/* It goes out. Fine when it is not there. */
int let_out(const struct transfer_offer *o, struct err *err);

/* ---- pure parts ---- */

/* The line, newline included. False when key or root hold what does not belong into such a line. */
bool let_in_line(struct buf *b, const char *program, const char *root, const struct transfer_offer *o,
                 const char *expiry);
/* The text without the lines of this transfer and root. */
void let_in_without(struct buf *b, const char *text, size_t n, const char *root, uint64_t id);

#endif
