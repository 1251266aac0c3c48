/* SPDX-License-Identifier: Apache-2.0 */
/* dial.h - look an address up and open a TCP connection, before the sandbox closes. */
#ifndef REEVE_DIAL_H
#define REEVE_DIAL_H

#include "connector/report.h"

/* Returns a non-blocking socket with the options SSH wants, or -1 after report_failed. Each address gets a
 * fair part of timeout_ms; gives up early when the engine's end of r->fd closes. */
int dial(struct report *r, const char *host, uint16_t port, uint32_t timeout_ms);

/* May this name stand in a host name or address, or be an account's name? Letters, digits and a few marks;
 * never a leading dash, so that it is nobody's option. */
bool host_is_valid(const char *s);
bool user_is_valid(const char *s);

#endif
