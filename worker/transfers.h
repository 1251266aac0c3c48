/* SPDX-License-Identifier: Apache-2.0 */
/* transfers.h - the agent's part in moving files (docs/protocol.md, "Transfers").
 *
 * Everything that may block is a helper's: one makes and withdraws offers in the order they come, one removes
 * published files, and each pull is one of its own. A pull that waits for its stream (a relay) gets it
 * through data.sock from `reeve-worker receive`. A pull runs on while no engine is connected; ordering the
 * same thing again joins it, ordering something else under its number replaces it.
 */
#ifndef REEVE_WORKER_TRANSFERS_H
#define REEVE_WORKER_TRANSFERS_H

#include "common/loop.h"
#include "common/transfers.h"

struct transfers;

struct transfers_port {
        /* The queue to the engine, NULL while there is none. */
        struct buf *(*out)(void *arg);
        /* What was asked of us cannot be answered any more: hang up. */
        void (*on_fault)(void *arg, const char *text);
        void *arg;
        size_t bulk_max; /* of that queue, above which helpers wait */
};

/* Listens on data.sock in the current directory, which is `root`. */
int transfers_new(struct loop *l, const char *root, const struct transfers_port *port, struct transfers **ret,
                  struct err *err);
/* Helpers must have been killed. */
void transfers_free(struct transfers *t);

bool transfers_takes(uint8_t type);
/* A frame of the engine. False when it does not decode. */
bool transfers_frame(struct transfers *t, const struct frame *f);
/* Another connection is current: what was asked on the one before is not answered. */
void transfers_connected(struct transfers *t);
/* Remove offers that are over and parts that nobody took up. */
void transfers_sweep(struct transfers *t);
/* The queue to the engine has room. */
void transfers_resume(struct transfers *t);

#endif
