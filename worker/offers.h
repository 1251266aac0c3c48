/* SPDX-License-Identifier: Apache-2.0 */
/* offers.h - what this worker may send, by transfer: a file transfers/<id>.offer in the worker's root.
 *
 * `reeve-worker send` reads it and serves exactly that, until it expires or is withdrawn. A key that may run
 * `send` for it is let into the account's authorized_keys after the offer is on disk and taken out before it
 * is removed: whatever dies in between, offers_sweep finds the key by its offer.
 *
 * The worker's root is the current directory.
 */
#ifndef REEVE_WORKER_OFFERS_H
#define REEVE_WORKER_OFFERS_H

#include "common/transfers.h"

#define OFFERS_MAX 1024 /* on disk at once */

struct offer_file {
        int64_t until_wall_ms;
        struct transfer_offer offer;
        struct transfer_list list;
};
void offer_file_release(struct offer_file *f);

/* Write it down and let its key in; replaces an earlier offer of the same transfer. `root` is the absolute
 * path of the worker's root. */
int offer_make(const char *root, const struct offer_file *f, struct err *err);
/* Read it; refused with ERR_NOT_FOUND when there is none or it is over. */
int offer_load(uint64_t id, int64_t now_wall_ms, struct offer_file *ret, struct err *err);
/* No key, no offer. Fine when there is none. */
void offer_withdraw(uint64_t id);
/* Withdraw those that are over. */
void offers_sweep(int64_t now_wall_ms);

#endif
