/* SPDX-License-Identifier: Apache-2.0 */
/* kexinit.h - read what an SSH server offers from its first bytes, and say what stands in the way.
 *
 * Before keys are agreed on, a server sends a greeting of lines and one KEXINIT packet in the clear (RFC
 * 4253, 4.2, 6 and 7.1). The connector keeps a copy of these bytes, and looks at them only when the library
 * could not agree. Pure: hostile bytes in, names out.
 */
#ifndef REEVE_KEXINIT_H
#define REEVE_KEXINIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEXINIT_BYTES_MAX  (64u << 10) /* of greeting and packet that are kept and looked at */
#define KEXINIT_PACKET_MAX 35000u      /* RFC 4253, 6.1 */
#define KEXINIT_LIST_MAX   8192u       /* characters in one list of names */

enum kexinit_list {
        KEXINIT_KEX,
        KEXINIT_HOSTKEY,
        KEXINIT_CIPHER_UP,
        KEXINIT_CIPHER_DOWN,
        KEXINIT_MAC_UP,
        KEXINIT_MAC_DOWN,
        KEXINIT_LISTS,
};

struct kexinit {
        char version[256];          /* "SSH-2.0-OpenSSH_9.2", printable */
        char *lists[KEXINIT_LISTS]; /* owned; comma separated, printable */
};

/* 1: *ret is filled (release it); 0: more bytes are needed; -1: this is not SSH. */
int kexinit_parse(const uint8_t *p, size_t n, struct kexinit *ret);
void kexinit_release(struct kexinit *k);

/* Does one name stand in both lists? */
bool names_meet(const char *a, const char *b);

/* Compare with what we can do, in the order of enum kexinit_list. Returns true and writes one plain sentence
 * when the two sides have nothing in common; `who` names our side ("libssh2 1.10"). */
bool kexinit_explain(const struct kexinit *server, const char *const ours[KEXINIT_LISTS], const char *who,
                     char *ret, size_t ret_size);

#endif
