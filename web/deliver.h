/* SPDX-License-Identifier: Apache-2.0 */
/* deliver.h - notices on their way out: webhooks and mail, several at a time, by libcurl. Of one thread. */
#ifndef REEVE_DELIVER_H
#define REEVE_DELIVER_H

#include "web/web_priv.h"

struct deliveries;

/* Reads the installation's settings about mail and networks. */
int deliveries_new(struct web *w, struct deliveries **ret, struct err *err);
void deliveries_free(struct deliveries *d); /* what is under way is dropped: it is sent again. NULL is fine */
/* Begin what is due, up to NOTICES_AT_ONCE in all. */
int deliveries_begin(struct deliveries *d, struct db *db, struct err *err);
/* Let them go on for ms at most, and store what came of those that ended. False at once when none is under
 * way. */
bool deliveries_run(struct deliveries *d, struct db *db, int ms);

#endif
