/* SPDX-License-Identifier: Apache-2.0 */
/* ssh_key.h - make, read, show and seal SSH keys. Pure but for the random source of key making and sealing.
 *
 * Private keys are in OpenSSH's own format (openssh-key-v1), unencrypted, as text. Whoever holds such a text
 * wipes it with ssh_key_wipe. At rest they are sealed for the installation's own key pair (libsodium's sealed
 * boxes).
 */
#ifndef REEVE_SSH_KEY_H
#define REEVE_SSH_KEY_H

#include "common/buf.h"
#include "common/err.h"

#include <stdbool.h>

#define SSH_KEY_TEXT_MAX    (16u << 10) /* a private key file */
#define SSH_KEY_WIRE_MAX    4096u       /* a public key in wire format */
#define SSH_FINGERPRINT_LEN 64          /* "SHA256:" and 43 characters, with room */

/* A public key: its type, and its bytes in wire format (RFC 4253, 6.6). */
struct ssh_public {
        char type[65];
        uint8_t *wire; /* owned */
        size_t wire_len;
};
void ssh_public_release(struct ssh_public *p);

/* "type base64 [comment]", or with names or options before it as in known_hosts. Refuses @revoked and
 * @cert-authority marks, certificates, and a type that is not the one inside. */
int ssh_public_parse(const char *line, struct ssh_public *ret, struct err *err);

/* The line for authorized_keys: "type base64 comment". Owned by the caller. */
char *ssh_public_line(const struct ssh_public *p, const char *comment);

/* "SHA256:..." of a key in wire format, as ssh-keygen -l prints it. */
void ssh_fingerprint(const uint8_t *wire, size_t len, char ret[SSH_FINGERPRINT_LEN]);

/* A new Ed25519 pair. comment: letters, digits and "._@-". Both texts are the caller's. */
int ssh_key_generate(const char *comment, char **ret_private, char **ret_public_line, struct err *err);

/* What a private key is. Refuses encrypted keys, other formats and other types (with the fix in the text);
 * does not need the secret part to be right. */
struct ssh_private {
        struct ssh_public pub;
        bool fits_libssh2; /* Debian's libssh2 can log in with it: Ed25519 and ECDSA, not RSA */
};
int ssh_private_parse(const char *text, struct ssh_private *ret, struct err *err);

/* Overwrite and free. NULL is fine. */
void ssh_key_wipe(char *text);

/* ---- sealing ---- */
#define SEAL_KEY_BYTES 32
void seal_make_pair(uint8_t ret_public[SEAL_KEY_BYTES], uint8_t ret_secret[SEAL_KEY_BYTES]);
/* Append the sealed form of `text` to `to`. */
void seal_text(const uint8_t pub[SEAL_KEY_BYTES], const char *text, struct buf *to);
/* Open it again; the text is the caller's to wipe. ERR_DENIED when it was not sealed for this pair or was
 * changed. */
int seal_open(const uint8_t pub[SEAL_KEY_BYTES], const uint8_t secret[SEAL_KEY_BYTES], const uint8_t *p,
              size_t n, char **ret_text, struct err *err);

#endif
