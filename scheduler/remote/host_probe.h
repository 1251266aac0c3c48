/* SPDX-License-Identifier: Apache-2.0 */
/* host_probe.h - ask the hosts on the way to a site for their host keys, before anybody trusts them.
 *
 * Each hop shows its key; a hop whose config holds pinned keys must show one of those. The last hop is not
 * logged in to; jump hosts before it have to be, with the given key. Tries libssh2 first and falls back to
 * the OpenSSH client where libssh2 cannot agree with the server; says so.
 */
#ifndef REEVE_HOST_PROBE_H
#define REEVE_HOST_PROBE_H

#include "remote/connector.h"
#include "remote/ssh_key.h"

struct host_probe;

struct host_probe_key {
        bool seen;
        char type[65];
        uint8_t wire[SSH_KEY_WIRE_MAX]; /* to be pinned once a person agrees */
        size_t wire_len;
        char fingerprint[SSH_FINGERPRINT_LEN];
        char algorithms[256];
};

struct host_probe_result {
        bool reached; /* the last hop showed its key */
        enum connect_backend backend;
        char backend_why[512]; /* why not libssh2; "" with libssh2 */
        struct host_probe_key keys[HOPS_MAX];
        uint32_t hop_count;
        /* When not reached. */
        enum connect_step step;
        enum connect_failure kind;
        char text[512], fix[512];
};

/* `config`: hops, timeout and private key (NULL without jump hosts); borrowed until on_done, which comes
 * exactly once unless host_probe_free is called before. */
int host_probe_start(uv_loop_t *loop, const char *connector_path, const struct proto_config *config,
                     void (*on_done)(void *arg, const struct host_probe_result *r), void *arg,
                     struct host_probe **ret, struct err *err);
/* Also to be called after on_done; allowed inside it. NULL is fine. */
void host_probe_free(struct host_probe *p);

#endif
