/* SPDX-License-Identifier: Apache-2.0 */
/* The plain functions of libcrypto, not EVP: linked statically they weigh 30 KB, EVP with its providers 4 MB.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "worker/sha256.h"

#include <openssl/sha.h>

_Static_assert(sizeof(struct sha256) >= sizeof(SHA256_CTX), "libcrypto's context has grown");

void sha256_init(struct sha256 *s)
{
        SHA256_Init((SHA256_CTX *)s);
}

void sha256_add(struct sha256 *s, const void *p, size_t n)
{
        SHA256_Update((SHA256_CTX *)s, p, n);
}

void sha256_end(struct sha256 *s, uint8_t ret[32])
{
        SHA256_Final(ret, (SHA256_CTX *)s);
}
