/* SPDX-License-Identifier: Apache-2.0 */
#include "web/peer.h"

#include "common/num.h"
#include "common/util.h"
#include "web/web_priv.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define FORWARDED_MAX 2000

/* Both kinds as 128 bits. */
static bool address_read(const char *text, uint8_t ret[16])
{
        static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

        memcpy(ret, mapped, sizeof mapped);
        return inet_pton(AF_INET, text, ret + 12) == 1 || inet_pton(AF_INET6, text, ret) == 1;
}

static bool block_read(const char *text, uint8_t address[16], int *ret_bits)
{
        const char *slash = strchr(text, '/');
        AUTO_FREE char *name = xstrndup(text, slash ? (size_t)(slash - text) : strlen(text));
        bool four = strchr(name, ':') == NULL;
        int64_t bits = four ? 32 : 128;

        if (slash && num_int("bits", slash + 1, 0, bits, &bits, NULL) < 0)
                return false;
        *ret_bits = (int)bits + (four ? 96 : 0);
        return address_read(name, address);
}

int peer_list_read(const char *text, struct peer_list *ret, struct err *err)
{
        *ret = (struct peer_list){0};
        for (const char *p = text ? text : ""; *p; p += strcspn(p, ","), p += *p == ',') {
                p += strspn(p, " ");
                AUTO_FREE char *one = xstrndup(p, strcspn(p, ", "));

                if (strcmp(one, "unix") == 0)
                        ret->has_unix = true;
                else if (*one && ret->count == PEER_BLOCKS_MAX)
                        return err_set(err, ERR_BAD_INPUT, "trusted_proxies: at most %d entries",
                                       PEER_BLOCKS_MAX);
                else if (*one &&
                         !block_read(one, ret->blocks[ret->count].address, &ret->blocks[ret->count].bits))
                        return err_set(
                            err, ERR_BAD_INPUT,
                            "trusted_proxies: \"%.100s\" is no address, block of addresses (10.0.0.0/8) "
                            "or the word unix",
                            one);
                else
                        ret->count += *one != '\0';
        }
        return 0;
}

static bool in_block(const uint8_t *address, const uint8_t *block, int bits)
{
        int whole = bits / 8, rest = bits % 8;

        return memcmp(address, block, (size_t)whole) == 0 &&
               (!rest || (address[whole] ^ block[whole]) >> (8 - rest) == 0);
}

bool peer_list_has(const struct peer_list *l, const char *address)
{
        uint8_t a[16];

        if (strcmp(address, "unix") == 0)
                return l->has_unix;
        if (!address_read(address, a))
                return false;
        for (size_t i = 0; i < l->count; i++)
                if (in_block(a, l->blocks[i].address, l->blocks[i].bits))
                        return true;
        return false;
}

void peer_client(const struct peer_list *l, const char *connection, const char *forwarded,
                 char ret[PEER_TEXT_MAX])
{
        size_t end = strlen(forwarded), start;
        uint8_t a[16];

        snprintf(ret, PEER_TEXT_MAX, "%s", connection);
        /* From the end on: each proxy vouches for the address that it added. */
        for (; end > 0 && peer_list_has(l, ret); end = start ? start - 1 : 0) {
                char one[PEER_TEXT_MAX];

                for (start = end; start > 0 && forwarded[start - 1] != ',';)
                        start--;
                snprintf(one, sizeof one, "%.*s", (int)(end - start), forwarded + start);
                one[strcspn(one + strspn(one, " "), " ") + strspn(one, " ")] = '\0';
                if (!address_read(one + strspn(one, " "), a))
                        return; /* the proxy itself is the best that is known */
                memmove(ret, one + strspn(one, " "), strlen(one + strspn(one, " ")) + 1);
        }
}

/* Every line of the header, in order, with commas between. */
struct joined {
        const char *name;
        char text[FORWARDED_MAX];
        size_t len;
        bool too_long;
};

static enum MHD_Result join(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
        struct joined *j = cls;
        size_t n = value ? strlen(value) : 0;

        (void)kind;
        if (strcasecmp(name, j->name) != 0)
                return MHD_YES;
        if (j->len + n + 2 > sizeof j->text) {
                j->too_long = true;
                return MHD_NO;
        }
        if (j->len)
                j->text[j->len++] = ',';
        memcpy(j->text + j->len, value, n);
        j->len += n;
        j->text[j->len] = '\0';
        return MHD_YES;
}

void peer_read(struct request *rq)
{
        const char *connection = rq->link ? rq->link->address : "";
        const struct peer_list *l = &rq->web->proxies;
        struct joined from = {.name = "X-Forwarded-For"}, how = {.name = "X-Forwarded-Proto"};
        const char *last;

        rq->secure = rq->web->cookie_secure;
        snprintf(rq->address, sizeof rq->address, "%s", connection);
        if (!peer_list_has(l, connection))
                return;
        MHD_get_connection_values(rq->con, MHD_HEADER_KIND, join, &from);
        MHD_get_connection_values(rq->con, MHD_HEADER_KIND, join, &how);
        if (!from.too_long)
                peer_client(l, connection, from.text, rq->address);
        last = strrchr(how.text, ',');
        last = last ? last + 1 : how.text;
        rq->secure |= strcasecmp(last + strspn(last, " "), "https") == 0;
}
