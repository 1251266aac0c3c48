/* SPDX-License-Identifier: Apache-2.0 */
/* host_address.h - the address behind a host's name, and whether strangers may be sent there.
 *
 * A URL that somebody names must not reach what only this site's own machines can reach: its metadata
 * service, its loopback, its private networks. The name is looked up once, by the site's `getent`, and what
 * was looked at is what is asked.
 */
#ifndef REEVE_WORKER_HOST_ADDRESS_H
#define REEVE_WORKER_HOST_ADDRESS_H

#include "common/err.h"

#include <stdbool.h>

#define HOST_ADDRESS_MAX 48

/* Is it no address of the public Internet? What is no address at all counts as private. */
bool address_is_private(const char *address);
/* Is the host's name an address itself? */
bool host_is_address(const char *host);

/* An address of the host that is not private. Waits some seconds at most. -1 with ERR_DENIED: all are
 * private; ERR_NOT_FOUND: there is none; ERR_UNAVAILABLE: it could not be looked up. */
int host_public_address(const char *host, char ret[HOST_ADDRESS_MAX], struct err *err);

#endif
