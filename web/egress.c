/* SPDX-License-Identifier: Apache-2.0 */
#include "web/egress.h"

#include "common/num.h"
#include "common/util.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* Not public. IPv4 stands as ::ffff:0:0/96 does in IPv6. */
static const char special[] =
    "::ffff:0.0.0.0/104, ::ffff:10.0.0.0/104, ::ffff:100.64.0.0/106, ::ffff:127.0.0.0/104,"
    "::ffff:169.254.0.0/112, ::ffff:172.16.0.0/108, ::ffff:192.0.0.0/120,"
    "::ffff:192.0.2.0/120, ::ffff:192.88.99.0/120, ::ffff:192.168.0.0/112,"
    "::ffff:198.18.0.0/111, ::ffff:198.51.100.0/120, ::ffff:203.0.113.0/120,"
    "::ffff:224.0.0.0/100, ::ffff:240.0.0.0/100,"
    "::/96, 64:ff9b::/96, 64:ff9b:1::/48, 100::/64, 2001::/23, 2001:db8::/32, 2002::/16,"
    "3fff::/20, 5f00::/16, fc00::/7, fe80::/10, fec0::/10, ff00::/8";

static int network_parse(char *text, struct egress_network *ret, struct err *err)
{
        char *slash = strchr(text, '/');
        int64_t length = -1;
        uint8_t v4[4];
        bool is_v4;

        if (slash)
                *slash = '\0';
        is_v4 = inet_pton(AF_INET, text, v4) == 1;
        if (is_v4)
                memcpy(ret->bits, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12), memcpy(ret->bits + 12, v4, 4);
        else if (inet_pton(AF_INET6, text, ret->bits) != 1)
                return err_set(err, ERR_BAD_INPUT, "\"%s\" is no address", text);
        if (!slash)
                length = is_v4 ? 32 : 128;
        else if (num_int("length of a network", slash + 1, 0, is_v4 ? 32 : 128, &length, err) < 0)
                return -1;
        ret->length = (int)length + (is_v4 ? 96 : 0);
        return 0;
}

int egress_parse(const char *text, struct egress *ret, struct err *err)
{
        AUTO_FREE char *copy = xstrdup(text ? text : "");
        char *rest = NULL;

        ret->count = 0;
        for (char *s = strtok_r(copy, ", ", &rest); s; s = strtok_r(NULL, ", ", &rest)) {
                if (ret->count == EGRESS_NETWORKS_MAX)
                        return err_set(err, ERR_BAD_INPUT, "more than %d networks", EGRESS_NETWORKS_MAX);
                if (network_parse(s, &ret->allowed[ret->count++], err) < 0)
                        return -1;
        }
        return 0;
}

static bool lies_in(const uint8_t a[16], const struct egress *e)
{
        for (size_t i = 0; i < e->count; i++) {
                const struct egress_network *n = &e->allowed[i];
                int whole = n->length / 8, left = n->length % 8;
                uint8_t mask = (uint8_t)(0xff00 >> left);

                if (memcmp(a, n->bits, (size_t)whole) == 0 &&
                    (!left || !((a[whole] ^ n->bits[whole]) & mask)))
                        return true;
        }
        return false;
}

enum egress_verdict egress_judge(const struct egress *e, const struct sockaddr *to)
{
        uint8_t a[16] = {[10] = 0xff, [11] = 0xff};
        struct egress not_public;
        struct err err;

        if (to->sa_family == AF_INET)
                memcpy(a + 12, &((const struct sockaddr_in *)(const void *)to)->sin_addr, 4);
        else if (to->sa_family == AF_INET6)
                memcpy(a, &((const struct sockaddr_in6 *)(const void *)to)->sin6_addr, 16);
        else
                return EGRESS_NO;
        if (lies_in(a, e))
                return EGRESS_ALLOWED;
        return egress_parse(special, &not_public, &err) == 0 && !lies_in(a, &not_public) ? EGRESS_PUBLIC
                                                                                         : EGRESS_NO;
}
