/* SPDX-License-Identifier: Apache-2.0 */
/* hasher.h - SHA-256 of a file while it is written, in a thread that reads after the writer.
 *
 * It reads what was written, which is in memory still, so that receiving and writing do not wait for the
 * checksum. Where no thread can be made it is computed in between.
 *
 *     hasher_begin -> hasher_reach... -> hasher_end or hasher_stop
 */
#ifndef REEVE_WORKER_HASHER_H
#define REEVE_WORKER_HASHER_H

#include "worker/sha256.h"

#include <stdint.h>

struct hasher;

struct hasher *hasher_new(void);
/* NULL is fine. */
void hasher_free(struct hasher *h);

/* `fd` can be read and stays open until the end; `sum` is that of its first `offset` bytes. */
void hasher_begin(struct hasher *h, int fd, uint64_t offset, const struct sha256 *sum);
/* Bytes below `to` are written, and are not written to again. */
void hasher_reach(struct hasher *h, uint64_t to);
/* The checksum of all that was reached. -1 with errno when it could not be read again. */
int hasher_end(struct hasher *h, uint8_t ret[32]);
/* Nobody wants it; fd is free when this returns. */
void hasher_stop(struct hasher *h);

#endif
