/* SPDX-License-Identifier: Apache-2.0 */
/* tls.h - the server's certificate and key, read again when their files change.
 *
 * Each handshake takes what is newest; connections that are open keep what they have. Files that do not fit
 * together, or cannot be read, change nothing: the log says so, and the old ones go on.
 */
#ifndef REEVE_TLS_H
#define REEVE_TLS_H

#include "web/web_priv.h"

#define TLS_FILE_MAX  (1 << 20) /* of certificates, and of a key */
#define TLS_CHAIN_MAX 16        /* certificates that are sent */
/* TLS 1.3, and 1.2 with modes that authenticate what they encrypt. */
#define TLS_PRIORITIES                                                                                       \
        "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-CIPHER-ALL:+AES-256-GCM:+AES-128-GCM:"               \
        "+CHACHA20-POLY1305:-RSA"

struct tls;

int tls_new(const char *cert_path, const char *key_path, struct tls **ret, struct err *err);
void tls_free(struct tls *t); /* NULL is fine */
/* Read again what changed; called now and then. */
void tls_look(struct tls *t);
/* What libmicrohttpd needs for it; `ret` has room for TLS_OPTIONS. */
#define TLS_OPTIONS 3
void tls_options(struct MHD_OptionItem *ret);

#endif
