/* SPDX-License-Identifier: Apache-2.0 */
#include "connector/kexinit.h"

#include "common/buf.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>

#define MSG_KEXINIT  20
#define COOKIE_BYTES 16

static uint32_t get_be32(const uint8_t *p)
{
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* A list of names: length, then printable characters without spaces. NULL when it is something else. */
static char *take_names(const uint8_t **p, const uint8_t *end)
{
        uint32_t n;
        char *s;

        if (end - *p < 4)
                return NULL;
        n = get_be32(*p);
        if (n > KEXINIT_LIST_MAX || n > (size_t)(end - *p - 4))
                return NULL;
        for (uint32_t i = 0; i < n; i++) {
                if ((*p)[4 + i] <= 0x20 || (*p)[4 + i] >= 0x7f)
                        return NULL;
        }
        s = xstrndup((const char *)*p + 4, n);
        *p += 4 + n;
        return s;
}

/* Lines up to the one that begins with "SSH-"; others may come before it. Returns where the packet begins,
 * NULL when it has not arrived; *ret_bad when it never will. */
static const uint8_t *skip_greeting(const uint8_t *p, const uint8_t *end, struct kexinit *k, bool *ret_bad)
{
        while (p < end) {
                const uint8_t *eol = memchr(p, '\n', (size_t)(end - p));
                size_t n;

                if (!eol)
                        return NULL;
                n = (size_t)(eol - p);
                if (n && p[n - 1] == '\r')
                        n--;
                if (n >= 4 && memcmp(p, "SSH-", 4) == 0) {
                        if (n >= sizeof k->version) {
                                *ret_bad = true;
                                return NULL;
                        }
                        for (size_t i = 0; i < n; i++)
                                k->version[i] = (char)(p[i] >= 0x20 && p[i] < 0x7f ? p[i] : '?');
                        k->version[n] = '\0';
                        return eol + 1;
                }
                p = eol + 1;
        }
        return NULL;
}

/* Among the key exchange methods stand words that are none: marks of extensions (RFC 8308, strict key
 * exchange). */
static void drop_marks(char *list)
{
        static const char *const marks[] = {"kex-strict-", "ext-info-"};
        char *to = list;

        for (const char *p = list; *p;) {
                size_t n = strcspn(p, ",");
                bool mark = false;

                for (size_t i = 0; i < ARRAY_LEN(marks); i++)
                        mark |= strncmp(p, marks[i], strlen(marks[i])) == 0;
                if (!mark) {
                        if (to != list)
                                *to++ = ',';
                        memmove(to, p, n);
                        to += n;
                }
                p += n + (p[n] == ',');
        }
        *to = '\0';
}

static int parse_packet(const uint8_t *p, const uint8_t *end, struct kexinit *k)
{
        uint32_t n;
        uint8_t padding;

        if (end - p < 5)
                return 0;
        n = get_be32(p);
        padding = p[4];
        if (n > KEXINIT_PACKET_MAX || n < (uint32_t)padding + 1 + 1 + COOKIE_BYTES)
                return -1;
        if ((size_t)(end - p) < (size_t)n + 4)
                return 0;
        end = p + 4 + n - padding;
        p += 5;
        if (p[0] != MSG_KEXINIT)
                return -1;
        p += 1 + COOKIE_BYTES;
        for (int i = 0; i < KEXINIT_LISTS; i++) {
                k->lists[i] = take_names(&p, end);
                if (!k->lists[i])
                        return -1;
        }
        drop_marks(k->lists[KEXINIT_KEX]);
        return 1;
}

int kexinit_parse(const uint8_t *p, size_t n, struct kexinit *ret)
{
        struct kexinit k = {0};
        bool bad = false;
        const uint8_t *packet;
        int rc;

        if (n > KEXINIT_BYTES_MAX)
                n = KEXINIT_BYTES_MAX;
        packet = n ? skip_greeting(p, p + n, &k, &bad) : NULL;
        if (!packet)
                return bad || n == KEXINIT_BYTES_MAX ? -1 : 0;
        rc = parse_packet(packet, p + n, &k);
        if (rc == 1)
                *ret = k;
        else
                kexinit_release(&k);
        return rc;
}

void kexinit_release(struct kexinit *k)
{
        for (int i = 0; i < KEXINIT_LISTS; i++) {
                free(k->lists[i]);
                k->lists[i] = NULL;
        }
}

static bool names_hold(const char *list, const char *name, size_t n)
{
        for (const char *p = list; *p;) {
                size_t len = strcspn(p, ",");

                if (len == n && memcmp(p, name, n) == 0)
                        return true;
                p += len + (p[len] == ',');
        }
        return false;
}

bool names_meet(const char *a, const char *b)
{
        for (const char *p = a; *p;) {
                size_t len = strcspn(p, ",");

                if (len && names_hold(b, p, len))
                        return true;
                p += len + (p[len] == ',');
        }
        return false;
}

/* Do all names of the list contain `part`? */
static bool names_all_contain(const char *list, const char *part)
{
        for (const char *p = list; *p;) {
                size_t len = strcspn(p, ",");

                if (!memmem(p, len, part, strlen(part)))
                        return false;
                p += len + (p[len] == ',');
        }
        return *list != '\0';
}

static const struct {
        const char *what; /* in "the server offers only ... (names), which ... cannot ..." */
        const char *cannot;
        struct {
                const char *part, *what;
        } special; /* a plainer word when every name contains the part */
} list_words[KEXINIT_LISTS] = {
    [KEXINIT_KEX] = {"key exchange methods", "use", {"sntrup", "post-quantum key exchange"}},
    [KEXINIT_HOSTKEY] = {"host keys", "verify", {"rsa", "RSA host keys"}},
    [KEXINIT_CIPHER_UP] = {"ciphers", "use", {"gcm", "GCM ciphers"}},
    [KEXINIT_CIPHER_DOWN] = {"ciphers", "use", {"gcm", "GCM ciphers"}},
    [KEXINIT_MAC_UP] = {"MACs", "use", {"-etm@", "encrypt-then-MAC (EtM) MACs"}},
    [KEXINIT_MAC_DOWN] = {"MACs", "use", {"-etm@", "encrypt-then-MAC (EtM) MACs"}},
};

bool kexinit_explain(const struct kexinit *server, const char *const ours[KEXINIT_LISTS], const char *who,
                     char *ret, size_t ret_size)
{
        for (int i = 0; i < KEXINIT_LISTS; i++) {
                bool special;

                if (names_meet(ours[i], server->lists[i]))
                        continue;
                special = names_all_contain(server->lists[i], list_words[i].special.part);
                snprintf(ret, ret_size, "the server offers only %s (%.300s), which %s cannot %s",
                         special ? list_words[i].special.what : list_words[i].what, server->lists[i], who,
                         list_words[i].cannot);
                return true;
        }
        return false;
}
