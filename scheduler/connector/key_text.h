/* SPDX-License-Identifier: Apache-2.0 */
/* key_text.h - public keys in SSH wire format, and the letters they are written in. Pure. */
#ifndef REEVE_KEY_TEXT_H
#define REEVE_KEY_TEXT_H

#include "common/buf.h"

#define KEY_TYPE_MAX 64

/* The type that a key names ("ssh-ed25519"); -1 when it is no key, or names something that is no name. */
int key_type_of(const uint8_t *key, size_t len, char ret[KEY_TYPE_MAX + 1]);

void base64_put(struct buf *b, const uint8_t *p, size_t n);
/* Up to the first character that is no base64 digit. */
void base64_get(const char *s, struct buf *to);

#endif
