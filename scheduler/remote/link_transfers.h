/* SPDX-License-Identifier: Apache-2.0 */
/* link_transfers.h - what transfers need of the links they run over; between worker_link.c and transfer.c. */
#ifndef REEVE_LINK_TRANSFERS_H
#define REEVE_LINK_TRANSFERS_H

#include "common/transfers.h"
#include "remote/worker_link.h"

/* Frames P_OFFERED to P_PULL_END about one transfer. In the storage of its owner. */
struct link_listener {
        uint64_t id;
        /* The reader stands at the payload's start; make it bad if it does not decode. */
        void (*on_frame)(struct link_listener *x, uint8_t type, struct reader *r);
        /* The link is not ready any more, or is being freed; it does not listen any more. May be called from
         * inside worker_link_free. */
        void (*on_down)(struct link_listener *x);
        void *arg;
        struct worker_link *link; /* NULL: does not listen */
        struct link_listener *next;
};
void link_listen(struct worker_link *l, struct link_listener *x);
void link_unlisten(struct link_listener *x);

/* Where frames for the worker are put, or NULL when the link is not ready or has too much to send. */
struct buf *link_frames(struct worker_link *l, struct err *err);
const struct worker_link_settings *link_settings(const struct worker_link *l);
/* Is the word among the features that the worker told in its greeting? */
bool link_has_feature(const struct worker_link *l, const char *word);
/* The shell command that runs `reeve-worker <what>` for a transfer in this worker's root. The caller's. */
char *link_command(const struct worker_link *l, const char *what, uint64_t transfer);
/* A request that on_removed answers. */
int link_request_removal(struct worker_link *l, uint32_t *ret_id, struct err *err);

#endif
