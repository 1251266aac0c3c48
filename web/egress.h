/* SPDX-License-Identifier: Apache-2.0 */
/* egress.h - to which addresses the server itself may open connections on somebody's wish. Pure.
 *
 * Public addresses always; of the others (loopback, private, link-local, carrier-grade NAT, documentation,
 * multicast, transition mechanisms that hide another address, ...: the IANA special-purpose registries, RFC
 * 6890) only those in networks that the installation allows. What is judged is the address that is connected
 * to, after names were resolved.
 */
#ifndef REEVE_EGRESS_H
#define REEVE_EGRESS_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define EGRESS_NETWORKS_MAX 64

struct egress_network {
        uint8_t bits[16]; /* IPv6; IPv4 as ::ffff:a.b.c.d */
        int length;
};

struct egress {
        struct egress_network allowed[EGRESS_NETWORKS_MAX];
        size_t count;
};

/* "127.0.0.0/8, 10.0.0.0/8, fd00::/8"; NULL and "" allow none. */
int egress_parse(const char *text, struct egress *ret, struct err *err);

enum egress_verdict { EGRESS_NO, EGRESS_PUBLIC, EGRESS_ALLOWED };
/* IPv4 and IPv6; others are EGRESS_NO. */
enum egress_verdict egress_judge(const struct egress *e, const struct sockaddr *to);

#endif
