/* SPDX-License-Identifier: Apache-2.0 */
/* pull.h - the destination's end of a transfer: a helper of the agent that looks at what is there, opens the
 * way, asks for what is missing, and publishes it. It says P_PULLING, P_PULLED and at the end P_PULL_END; a
 * helper that ends without one was killed.
 */
#ifndef REEVE_WORKER_PULL_H
#define REEVE_WORKER_PULL_H

#include "common/transfers.h"

struct pull_job {
        const char *root; /* absolute path of the current directory */
        struct transfer_pull order;
        struct transfer_list list;
        /* WAY_RELAY: the stream, open in the helper under these numbers. Otherwise -1. */
        int in_fd, out_fd;
};

/* helper_main; fd as there. */
void chore_pull(int fd, void *arg); /* struct pull_job */

#endif
