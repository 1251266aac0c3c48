/* SPDX-License-Identifier: Apache-2.0 */
#include "web/sshkey.h"

#include "common/util.h"

#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define BEGIN "-----BEGIN OPENSSH PRIVATE KEY-----"
#define END   "-----END OPENSSH PRIVATE KEY-----"
#define MAGIC "openssh-key-v1" /* with its terminator */

/* Types that both of our SSH back ends can log in with. */
static const char *const types[] = {"ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
                                    "ecdsa-sha2-nistp521"};

struct cursor {
        const uint8_t *p;
        size_t left;
        bool bad;
};

static const uint8_t *take(struct cursor *c, size_t n)
{
        const uint8_t *p = c->p;

        if (c->bad || n > c->left) {
                c->bad = true;
                return (const uint8_t *)"";
        }
        c->p += n;
        c->left -= n;
        return p;
}

/* SSH strings: big-endian length and bytes. */
static uint32_t take_u32(struct cursor *c)
{
        const uint8_t *p = take(c, 4);

        return c->bad ? 0 : (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static const uint8_t *take_string(struct cursor *c, size_t *ret_n)
{
        const uint8_t *p;

        *ret_n = take_u32(c);
        p = take(c, *ret_n);
        if (c->bad)
                *ret_n = 0;
        return p;
}

static int decode_body(const char *text, uint8_t *out, size_t max, size_t *ret_n, struct err *err)
{
        const char *from = strstr(text, BEGIN), *to = from ? strstr(from + strlen(BEGIN), END) : NULL;

        if (!to)
                return err_set(
                    err, ERR_BAD_INPUT,
                    "is no private key in OpenSSH's format; \"ssh-keygen -p -f FILE\" converts one");
        from += strlen(BEGIN);
        if (sodium_base642bin(out, max, from, (size_t)(to - from), " \t\r\n", ret_n, NULL,
                              sodium_base64_VARIANT_ORIGINAL) < 0)
                return err_set(err, ERR_BAD_INPUT, "is a damaged private key");
        return 0;
}

static int write_public(const uint8_t *blob, size_t n, char *ret, size_t max, struct err *err)
{
        struct cursor c = {.p = blob, .left = n};
        size_t type_len, i = 0;
        const char *type = (const char *)take_string(&c, &type_len);

        while (i < ARRAY_LEN(types) &&
               (strlen(types[i]) != type_len || memcmp(types[i], type, type_len) != 0))
                i++;
        if (c.bad || i == ARRAY_LEN(types))
                return err_set(err, ERR_BAD_INPUT,
                               "must be an Ed25519 or ECDSA key; \"ssh-keygen -t ed25519\" makes one");
        size_t at = (size_t)snprintf(ret, max, "%s ", types[i]);

        if (at + sodium_base64_encoded_len(n, sodium_base64_VARIANT_ORIGINAL) > max)
                return err_set(err, ERR_BAD_INPUT, "is too large");
        sodium_bin2base64(ret + at, max - at, blob, n, sodium_base64_VARIANT_ORIGINAL);
        return 0;
}

int sshkey_public(const char *private_key, char *ret, size_t max, struct err *err)
{
        AUTO_FREE uint8_t *raw = xmalloc(SSHKEY_TEXT_MAX);
        struct cursor c = {.p = raw};
        const uint8_t *cipher, *blob;
        size_t n, blob_len;
        int rc;

        if (decode_body(private_key, raw, SSHKEY_TEXT_MAX, &c.left, err) < 0)
                return -1;
        if (memcmp(take(&c, sizeof MAGIC), MAGIC, c.bad ? 0 : sizeof MAGIC) != 0 || c.bad)
                return err_set(err, ERR_BAD_INPUT, "is a damaged private key");
        cipher = take_string(&c, &n);
        if (n != 4 || memcmp(cipher, "none", 4) != 0)
                return err_set(err, ERR_BAD_INPUT,
                               "has a passphrase; give a copy without one (\"ssh-keygen -p -N ''\")");
        take_string(&c, &n); /* kdf */
        take_string(&c, &n); /* its options */
        if (take_u32(&c) != 1 || c.bad)
                return err_set(err, ERR_BAD_INPUT, "is a damaged private key");
        blob = take_string(&c, &blob_len);
        rc = c.bad ? err_set(err, ERR_BAD_INPUT, "is a damaged private key")
                   : write_public(blob, blob_len, ret, max, err);
        sodium_memzero(raw, SSHKEY_TEXT_MAX);
        return rc;
}
