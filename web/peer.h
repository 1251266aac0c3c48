/* SPDX-License-Identifier: Apache-2.0 */
/* peer.h - where a request really comes from: directly, or through a proxy that is trusted to say so.
 *
 * X-Forwarded-For and X-Forwarded-Proto count only on connections of an address in `trusted_proxies`. Of the
 * addresses that the header lists, the client is the last that is no trusted proxy itself: what stands before
 * it, the client may have written.
 */
#ifndef REEVE_PEER_H
#define REEVE_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEER_TEXT_MAX   48
#define PEER_BLOCKS_MAX 64

/* Blocks of addresses; IPv4 as mapped into IPv6. */
struct peer_list {
        struct {
                uint8_t address[16];
                int bits;
        } blocks[PEER_BLOCKS_MAX];
        size_t count;
        bool has_unix; /* whoever connects to the Unix socket */
};

struct request;
struct err;

/* "10.0.0.0/8, ::1, unix", NULL or "": none. -1 and *err for anything else. */
int peer_list_read(const char *text, struct peer_list *ret, struct err *err);
/* Is the address (as text; "unix" for the socket) in the list? */
bool peer_list_has(const struct peer_list *l, const char *address);

/* The client's address by the connection's and the list of a header; cut to PEER_TEXT_MAX. */
void peer_client(const struct peer_list *l, const char *connection, const char *forwarded,
                 char ret[PEER_TEXT_MAX]);

/* Fill rq->address and rq->secure. */
void peer_read(struct request *rq);

#endif
