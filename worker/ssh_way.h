/* SPDX-License-Identifier: Apache-2.0 */
/* ssh_way.h - log in to the source's host with the site's own `ssh`, with a key made for one transfer.
 *
 * Key and pinned host keys are handed over in memory files that only this account can open while this process
 * lives; nothing of them is in an argument, the environment, a log or on disk. The client reads no
 * configuration of the account and asks nobody.
 */
#ifndef REEVE_WORKER_SSH_WAY_H
#define REEVE_WORKER_SSH_WAY_H

#include "common/transfers.h"

#include <sys/types.h>

struct ssh_way {
        pid_t pid;
        int in_fd, out_fd; /* from and to the other side */
        int err_fd;        /* what ssh says */
        int key_fd, hosts_fd;
};

/* The private key in `p` is wiped. */
int ssh_way_start(struct ssh_way *w, struct transfer_pull *p, struct err *err);
/* Its last words, printable, on one line. */
void ssh_way_words(struct ssh_way *w, char *to, size_t size);
void ssh_way_end(struct ssh_way *w);

#endif
