/* SPDX-License-Identifier: Apache-2.0 */
/* sshkey.h - the public half of a private key in OpenSSH's format. Pure. */
#ifndef REEVE_SSHKEY_H
#define REEVE_SSHKEY_H

#include "common/err.h"

#include <stddef.h>

#define SSHKEY_TEXT_MAX 16384

/* The line for authorized_keys, without a comment. Keys with a passphrase and other formats are refused, with
 * the command that converts them. */
int sshkey_public(const char *private_key, char *ret, size_t max, struct err *err);

#endif
