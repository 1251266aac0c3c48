/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/host_address.h"

#include "common/util.h"
#include "worker/child.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define LOOKUP_MS   15000
#define ANSWER_SIZE 8192

/* ---- which addresses are private ---- */

static bool v4_is_private(const uint8_t a[4])
{
        static const struct {
                uint8_t net[4];
                int bits;
        } nets[] = {
            {{0, 0, 0, 0}, 8},      {{10, 0, 0, 0}, 8},    {{100, 64, 0, 0}, 10},   {{127, 0, 0, 0}, 8},
            {{169, 254, 0, 0}, 16}, {{172, 16, 0, 0}, 12}, {{192, 0, 0, 0}, 24},    {{192, 0, 2, 0}, 24},
            {{192, 168, 0, 0}, 16}, {{198, 18, 0, 0}, 15}, {{198, 51, 100, 0}, 24}, {{203, 0, 113, 0}, 24},
            {{224, 0, 0, 0}, 3},
        };
        uint32_t v = (uint32_t)a[0] << 24 | (uint32_t)a[1] << 16 | (uint32_t)a[2] << 8 | a[3];

        for (size_t i = 0; i < ARRAY_LEN(nets); i++) {
                const uint8_t *n = nets[i].net;
                uint32_t net = (uint32_t)n[0] << 24 | (uint32_t)n[1] << 16 | (uint32_t)n[2] << 8 | n[3];

                if ((v ^ net) >> (32 - nets[i].bits) == 0)
                        return true;
        }
        return false;
}

/* Only 2000::/3 is given out to anybody; within it what carries or hides another address is looked at. */
static bool v6_is_private(const uint8_t a[16])
{
        static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff},
                             nat64[12] = {0, 0x64, 0xff, 0x9b}, teredo[4] = {0x20, 0x01, 0, 0},
                             documentation[4] = {0x20, 0x01, 0x0d, 0xb8};

        if (memcmp(a, mapped, sizeof mapped) == 0 || memcmp(a, nat64, sizeof nat64) == 0)
                return v4_is_private(a + 12);
        if (a[0] == 0x20 && a[1] == 0x02)
                return v4_is_private(a + 2);
        return (a[0] & 0xe0) != 0x20 || memcmp(a, teredo, sizeof teredo) == 0 ||
               memcmp(a, documentation, sizeof documentation) == 0;
}

bool address_is_private(const char *address)
{
        uint8_t a[16];

        if (inet_pton(AF_INET, address, a) == 1)
                return v4_is_private(a);
        return inet_pton(AF_INET6, address, a) != 1 || v6_is_private(a);
}

/* Anything of digits and dots is meant as an address, also where it is a strange one ("127.1"). */
bool host_is_address(const char *host)
{
        return strchr(host, ':') || strspn(host, "0123456789.") == strlen(host) ||
               strncmp(host, "0x", 2) == 0;
}

/* ---- looking up ---- */

static const char *const getent_places[] = {"/usr/bin/getent", "/bin/getent", "/usr/local/bin/getent", NULL};

/* The first public address of lines "ADDRESS STREAM name"; IPv4 before others, which not every network has.
 */
static bool first_public(char *lines, char ret[HOST_ADDRESS_MAX], bool *ret_any)
{
        char *at = lines, *line;

        *ret_any = false;
        ret[0] = '\0';
        while ((line = strsep(&at, "\n"))) {
                line[strcspn(line, " \t")] = '\0';
                if (!*line)
                        continue;
                *ret_any = true;
                if (address_is_private(line) || strlen(line) >= HOST_ADDRESS_MAX)
                        continue;
                if (!ret[0] || (strchr(ret, ':') && !strchr(line, ':')))
                        snprintf(ret, HOST_ADDRESS_MAX, "%s", line);
        }
        return ret[0];
}

int host_public_address(const char *host, char ret[HOST_ADDRESS_MAX], struct err *err)
{
        char *argv[] = {(char *)"getent", (char *)"ahosts", (char *)host, NULL};
        char answer[ANSWER_SIZE];
        bool any;
        int status;

        if (host_is_address(host) && (address_is_private(host) || strlen(host) >= HOST_ADDRESS_MAX))
                return err_set(err, ERR_DENIED, "%s is a private address, or none", host);
        if (host_is_address(host)) {
                snprintf(ret, HOST_ADDRESS_MAX, "%s", host);
                return 0;
        }
        status = child_answer(getent_places, argv, LOOKUP_MS, answer, sizeof answer, err);
        if (status < 0)
                return -1;
        if (first_public(answer, ret, &any))
                return 0;
        return any ? err_set(err, ERR_DENIED, "%s stands for private addresses only", host)
                   : err_set(err, ERR_NOT_FOUND, "there is no host %s, as this site sees it", host);
}
