/* SPDX-License-Identifier: Apache-2.0 */
/* jose.h - signed JSON (JWS in its compact form, RFC 7515) and the keys it is checked with (JWK sets, RFC
 * 7517).
 *
 * Pure. Only what signing in needs: RSA and elliptic signatures of SHA-256 to SHA-512, checked by GnuTLS.
 * There is no "none" here, no shared secret, no encryption, and nothing in a token (a key, an address of
 * keys) is believed: a token names a key of the set, and the caller which algorithms it takes.
 */
#ifndef REEVE_JOSE_H
#define REEVE_JOSE_H

#include "common/err.h"

#include <jansson.h>
#include <stdbool.h>

#define JOSE_TOKEN_MAX (64 * 1024) /* bytes of a token */
#define JOSE_KEYS_MAX  64          /* keys of a set that are looked at */

/* Is it an algorithm of ours: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512? */
bool jose_algorithm_is_known(const char *name);

/* Check `token` against a key of `keys` (the JSON of a JWK set) and one of the algorithms, whose names stand
 * in `algorithms` with spaces between. 1 and the payload (owned); 0: the token names a key that the set does
 * not have, or none and none of the set signed it: a newer set may have it; -1 and *err. */
int jose_verify(const char *token, const json_t *keys, const char *algorithms, json_t **ret_payload,
                struct err *err);

#endif
