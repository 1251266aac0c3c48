/* SPDX-License-Identifier: Apache-2.0 */
/* address.h - "user@host:port" as people type it. */
#ifndef REEVE_CLI_ADDRESS_H
#define REEVE_CLI_ADDRESS_H

#include "common/err.h"

#include <stdint.h>

struct address {
        char *user; /* owned; NULL when not given */
        char *host; /* owned; without the brackets of an IPv6 address */
        int64_t port;
};

/* "host", "user@host", "user@host:2222", "user@[::1]:2222"; the port is 22 when absent. */
int address_parse(const char *what, const char *s, struct address *ret, struct err *err);
void address_release(struct address *a);
/* "user@host:port" with brackets where needed; owned. */
char *address_format(const struct address *a);

#endif
