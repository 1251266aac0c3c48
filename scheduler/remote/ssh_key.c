/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/ssh_key.h"

#include "common/util.h"

#include <sodium.h>
#include <string.h>

#define PEM_BEGIN    "-----BEGIN OPENSSH PRIVATE KEY-----"
#define PEM_END      "-----END OPENSSH PRIVATE KEY-----"
#define MAGIC        "openssh-key-v1" /* with its NUL byte */
#define PEM_LINE     70
#define COMMENT_MAX  128
#define CIPHER_BLOCK 8 /* padding of the secret part without a cipher */
#define ED25519      "ssh-ed25519"

/* What we know how to log in with and to verify. */
static const struct {
        const char *type;
        bool fits_libssh2;
} key_types[] = {
    {ED25519, true},
    {"ecdsa-sha2-nistp256", true},
    {"ecdsa-sha2-nistp384", true},
    {"ecdsa-sha2-nistp521", true},
    {"ssh-rsa", false},
};

/* -1: unknown. */
static int key_type_index(const char *type)
{
        for (size_t i = 0; i < ARRAY_LEN(key_types); i++) {
                if (strcmp(key_types[i].type, type) == 0)
                        return (int)i;
        }
        return -1;
}

/* ---- SSH's own encoding: big-endian lengths ---- */

struct wire {
        const uint8_t *p, *end;
        bool bad;
};

static uint32_t wire_u32(struct wire *w)
{
        uint32_t v;

        if (w->end - w->p < 4) {
                w->bad = true;
                return 0;
        }
        v = (uint32_t)w->p[0] << 24 | (uint32_t)w->p[1] << 16 | (uint32_t)w->p[2] << 8 | w->p[3];
        w->p += 4;
        return v;
}

static const uint8_t *wire_string(struct wire *w, size_t *ret_n)
{
        uint32_t n = wire_u32(w);
        const uint8_t *p = w->p;

        *ret_n = 0;
        if (w->bad || n > (size_t)(w->end - w->p)) {
                w->bad = true;
                return NULL;
        }
        w->p += n;
        *ret_n = n;
        return p;
}

static void put_u32(struct buf *b, uint32_t v)
{
        for (int shift = 24; shift >= 0; shift -= 8)
                buf_u8(b, (uint8_t)(v >> shift));
}

static void put_string(struct buf *b, const void *p, size_t n)
{
        put_u32(b, (uint32_t)n);
        buf_put(b, p, n);
}

/* The type named at the start of a key in wire format. */
static int wire_type(const uint8_t *key, size_t len, char ret[65])
{
        struct wire w = {key, key + len, false};
        size_t n;
        const uint8_t *p = wire_string(&w, &n);

        if (w.bad || n == 0 || n > 64)
                return -1;
        for (size_t i = 0; i < n; i++) {
                if (p[i] <= 0x20 || p[i] >= 0x7f)
                        return -1;
        }
        memcpy(ret, p, n);
        ret[n] = '\0';
        return 0;
}

/* Every type here is a row of strings that fills the key exactly. */
static bool wire_is_whole(const uint8_t *key, size_t len)
{
        struct wire w = {key, key + len, false};
        size_t fields = 0, ignored;

        while (!w.bad && w.p < w.end) {
                wire_string(&w, &ignored);
                fields++;
        }
        return !w.bad && fields >= 2;
}

static char *base64_text(const uint8_t *p, size_t n)
{
        size_t size = sodium_base64_ENCODED_LEN(n, sodium_base64_VARIANT_ORIGINAL);
        char *s = xmalloc(size);

        sodium_bin2base64(s, size, p, n, sodium_base64_VARIANT_ORIGINAL);
        return s;
}

/* ---- public keys ---- */

void ssh_public_release(struct ssh_public *p)
{
        free(p->wire);
        *p = (struct ssh_public){0};
}

/* The n-th word of a line, quotes kept together (options may hold spaces). */
static const char *next_word(const char **at, size_t *ret_n)
{
        const char *p = *at + strspn(*at, " \t"), *start = p;
        bool quoted = false;

        while (*p && *p != '\n' && *p != '\r' && (quoted || (*p != ' ' && *p != '\t'))) {
                if (*p == '"')
                        quoted = !quoted;
                p++;
        }
        *at = p;
        *ret_n = (size_t)(p - start);
        return start;
}

static int public_decode(const char *base64, size_t n, struct ssh_public *ret, struct err *err)
{
        struct ssh_public p = {.wire = xmalloc(n + 1)};
        const char *end;

        if (sodium_base642bin(p.wire, n + 1, base64, n, NULL, &p.wire_len, &end,
                              sodium_base64_VARIANT_ORIGINAL) != 0 ||
            end != base64 + n || wire_type(p.wire, p.wire_len, p.type) < 0 ||
            !wire_is_whole(p.wire, p.wire_len))
                goto bad;
        *ret = p;
        return 0;
bad:
        ssh_public_release(&p);
        return err_set(err, ERR_BAD_INPUT,
                       "the public key is damaged: its base64 part does not decode to a key");
}

int ssh_public_parse(const char *line, struct ssh_public *ret, struct err *err)
{
        const char *at = line;
        char type[65] = "";
        struct ssh_public p;
        size_t n;

        if (strlen(line) > 2 * SSH_KEY_WIRE_MAX)
                return err_set(err, ERR_BAD_INPUT, "the public key is longer than %u characters",
                               2 * SSH_KEY_WIRE_MAX);
        for (int words = 0; words < 4; words++) {
                const char *word = next_word(&at, &n);

                if (n == 0)
                        break;
                if (word[0] == '@')
                        return err_set(err, ERR_BAD_INPUT, "a key marked %.*s cannot be pinned", (int)n,
                                       word);
                if (n > 64)
                        continue;
                memcpy(type, word, n);
                type[n] = '\0';
                if (key_type_index(type) < 0)
                        continue;
                word = next_word(&at, &n);
                if (public_decode(word, n, &p, err) < 0)
                        return -1;
                if (strcmp(p.type, type) != 0) {
                        ssh_public_release(&p);
                        return err_set(err, ERR_BAD_INPUT, "the public key says %s but holds another type",
                                       type);
                }
                *ret = p;
                return 0;
        }
        return err_set(
            err, ERR_BAD_INPUT,
            "no public key found: it should look like \"ssh-ed25519 AAAA... name\" (Ed25519, ECDSA or RSA)");
}

char *ssh_public_line(const struct ssh_public *p, const char *comment)
{
        AUTO_FREE char *base64 = base64_text(p->wire, p->wire_len);

        return xasprintf("%s %s%s%s", p->type, base64, *comment ? " " : "", comment);
}

void ssh_fingerprint(const uint8_t *wire, size_t len, char ret[SSH_FINGERPRINT_LEN])
{
        uint8_t hash[crypto_hash_sha256_BYTES];

        crypto_hash_sha256(hash, wire, len);
        memcpy(ret, "SHA256:", 8);
        sodium_bin2base64(ret + 7, SSH_FINGERPRINT_LEN - 7, hash, sizeof hash,
                          sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
}

/* ---- private keys ---- */

void ssh_key_wipe(char *text)
{
        if (text)
                sodium_memzero(text, strlen(text));
        free(text);
}

static int comment_check(const char *s, struct err *err)
{
        static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@-";

        if (!*s || strlen(s) > COMMENT_MAX || s[strspn(s, allowed)])
                return err_set(err, ERR_BAD_INPUT, "a key's comment has 1 to %d letters, digits or ._@-",
                               COMMENT_MAX);
        return 0;
}

static char *pem_text(const struct buf *b)
{
        char *base64 = base64_text(buf_bytes(b), buf_len(b)), *text;
        struct buf out;

        buf_init(&out, SSH_KEY_TEXT_MAX);
        buf_reserve(&out,
                    SSH_KEY_TEXT_MAX / 2); /* grown at once, so that no copy of the secret is left behind */
        buf_text(&out, PEM_BEGIN "\n");
        for (size_t at = 0, n = strlen(base64); at < n; at += PEM_LINE) {
                buf_put(&out, base64 + at, n - at < PEM_LINE ? n - at : PEM_LINE);
                buf_text(&out, "\n");
        }
        buf_text(&out, PEM_END "\n");
        text = xstrdup(buf_cstr(&out));
        sodium_memzero(out.data, out.cap);
        buf_release(&out);
        ssh_key_wipe(base64);
        return text;
}

/* The layout of openssh-key-v1: magic, cipher, kdf, options, one public key, and the secret part, which
 * repeats a random number (so that a wrong passphrase is noticed) and pads itself with 1, 2, 3... */
static void put_private(struct buf *b, const struct ssh_public *pub,
                        const uint8_t secret[crypto_sign_SECRETKEYBYTES], const char *comment)
{
        uint32_t check = randombytes_random();
        size_t at, start;

        buf_put(b, MAGIC, sizeof MAGIC);
        put_string(b, "none", 4);
        put_string(b, "none", 4);
        put_string(b, "", 0);
        put_u32(b, 1);
        put_string(b, pub->wire, pub->wire_len);
        at = buf_len(b);
        put_u32(b, 0);
        start = buf_len(b);
        put_u32(b, check);
        put_u32(b, check);
        put_string(b, ED25519, strlen(ED25519));
        put_string(b, secret + 32, 32);
        put_string(b, secret, 64);
        put_string(b, comment, strlen(comment));
        for (uint8_t pad = 1; (buf_len(b) - start) % CIPHER_BLOCK; pad++)
                buf_u8(b, pad);
        start = buf_len(b) - start;
        for (int i = 0; i < 4; i++)
                b->data[b->head + at + (size_t)i] = (uint8_t)(start >> (24 - 8 * i));
}

int ssh_key_generate(const char *comment, char **ret_private, char **ret_public_line, struct err *err)
{
        uint8_t pub_raw[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES];
        struct ssh_public pub = {.type = ED25519};
        struct buf wire, b;

        if (comment_check(comment, err) < 0)
                return -1;
        if (sodium_init() < 0)
                return err_set(err, ERR_SYSTEM, "could not start the crypto library");
        crypto_sign_keypair(pub_raw, secret);
        buf_init(&wire, SSH_KEY_WIRE_MAX);
        put_string(&wire, ED25519, strlen(ED25519));
        put_string(&wire, pub_raw, sizeof pub_raw);
        pub.wire = wire.data;
        pub.wire_len = buf_len(&wire);
        buf_init(&b, SSH_KEY_TEXT_MAX);
        buf_reserve(&b, 4096);
        put_private(&b, &pub, secret, comment);
        *ret_private = pem_text(&b);
        *ret_public_line = ssh_public_line(&pub, comment);
        sodium_memzero(secret, sizeof secret);
        sodium_memzero(b.data, b.cap);
        buf_release(&b);
        buf_release(&wire);
        return 0;
}

/* The bytes between the marks. The caller wipes and frees *ret. */
static int pem_decode(const char *text, uint8_t **ret, size_t *ret_n, struct err *err)
{
        const char *begin = strstr(text, PEM_BEGIN),
                   *end = begin ? strstr(begin + strlen(PEM_BEGIN), PEM_END) : NULL;
        size_t max;

        if (!end)
                return err_set(
                    err, ERR_BAD_INPUT,
                    strstr(text, "-----BEGIN") || strstr(text, "PuTTY")
                        ? "the private key is in another format: convert it with ssh-keygen -p -f FILE"
                        : "this is no private key: it should begin with \"" PEM_BEGIN "\"");
        begin += strlen(PEM_BEGIN);
        max = (size_t)(end - begin);
        *ret = xmalloc(max + 1);
        if (sodium_base642bin(*ret, max + 1, begin, max, " \t\r\n", ret_n, NULL,
                              sodium_base64_VARIANT_ORIGINAL) == 0)
                return 0;
        sodium_memzero(*ret, max + 1);
        free(*ret);
        return err_set(err, ERR_BAD_INPUT, "the private key is damaged: its base64 part does not decode");
}

static int private_read(const uint8_t *p, size_t n, struct ssh_private *ret, struct err *err)
{
        struct wire w = {p, p + n, false};
        size_t cipher_len, kdf_len, len, wire_len;
        const uint8_t *cipher, *wire;
        struct ssh_public pub = {0};
        int type;

        if (n < sizeof MAGIC || memcmp(p, MAGIC, sizeof MAGIC) != 0)
                return err_set(err, ERR_BAD_INPUT, "the private key is damaged: it does not begin as one");
        w.p += sizeof MAGIC;
        cipher = wire_string(&w, &cipher_len);
        wire_string(&w, &kdf_len);
        wire_string(&w, &len);
        if (!w.bad && !(cipher_len == 4 && memcmp(cipher, "none", 4) == 0))
                return err_set(
                    err, ERR_BAD_INPUT,
                    "the private key has a passphrase: remove it from a copy with ssh-keygen -p -f FILE, or "
                    "let the site have a new key");
        if (wire_u32(&w) != 1 || w.bad)
                return err_set(err, ERR_BAD_INPUT,
                               "the private key is damaged: it should hold exactly one key");
        wire = wire_string(&w, &wire_len);
        wire_string(&w, &len);
        if (w.bad || w.p != w.end || wire_len > SSH_KEY_WIRE_MAX || len < 8 ||
            wire_type(wire, wire_len, pub.type) < 0 || !wire_is_whole(wire, wire_len))
                return err_set(err, ERR_BAD_INPUT,
                               "the private key is damaged: its parts do not fit together");
        type = key_type_index(pub.type);
        if (type < 0)
                return err_set(err, ERR_BAD_INPUT, "private keys of type %s are not supported: use Ed25519",
                               pub.type);
        pub.wire = xmalloc(wire_len);
        memcpy(pub.wire, wire, wire_len);
        pub.wire_len = wire_len;
        *ret = (struct ssh_private){pub, key_types[type].fits_libssh2};
        return 0;
}

int ssh_private_parse(const char *text, struct ssh_private *ret, struct err *err)
{
        uint8_t *p = NULL;
        size_t n = 0;
        int rc;

        if (strlen(text) > SSH_KEY_TEXT_MAX)
                return err_set(err, ERR_BAD_INPUT, "the private key is longer than %u characters",
                               SSH_KEY_TEXT_MAX);
        if (pem_decode(text, &p, &n, err) < 0)
                return -1;
        rc = private_read(p, n, ret, err);
        sodium_memzero(p, n);
        free(p);
        return rc;
}

/* ---- sealing ---- */

void seal_make_pair(uint8_t ret_public[SEAL_KEY_BYTES], uint8_t ret_secret[SEAL_KEY_BYTES])
{
        crypto_box_keypair(ret_public, ret_secret);
}

void seal_text(const uint8_t pub[SEAL_KEY_BYTES], const char *text, struct buf *to)
{
        size_t n = strlen(text);
        uint8_t *p = buf_reserve(to, n + crypto_box_SEALBYTES);

        if (!p)
                return;
        crypto_box_seal(p, (const uint8_t *)text, n, pub);
        buf_added(to, n + crypto_box_SEALBYTES);
}

int seal_open(const uint8_t pub[SEAL_KEY_BYTES], const uint8_t secret[SEAL_KEY_BYTES], const uint8_t *p,
              size_t n, char **ret_text, struct err *err)
{
        char *text;

        if (n < crypto_box_SEALBYTES || n > SSH_KEY_TEXT_MAX + crypto_box_SEALBYTES)
                return err_set(err, ERR_DENIED, "a sealed secret has an impossible length");
        text = xcalloc(1, n - crypto_box_SEALBYTES + 1);
        if (crypto_box_seal_open((uint8_t *)text, p, n, pub, secret) != 0) {
                free(text);
                return err_set(
                    err, ERR_DENIED,
                    "a sealed secret cannot be opened: it was changed, or sealed for another installation");
        }
        *ret_text = text;
        return 0;
}
