/* SPDX-License-Identifier: Apache-2.0 */
/* sha256.h - SHA-256 at the speed of this host: libcrypto's, which uses what the processor has. */
#ifndef REEVE_WORKER_SHA256_H
#define REEVE_WORKER_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct sha256 {
        uint64_t state[16]; /* libcrypto's context; sha256.c checks that it fits */
};

void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *p, size_t n);
void sha256_end(struct sha256 *s, uint8_t ret[32]);

#endif
