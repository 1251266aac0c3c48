/* SPDX-License-Identifier: Apache-2.0 */
/* store_setup.h - what a new server looks at in its database, and the site that it makes of its own machine.
 */
#ifndef REEVE_STORE_SETUP_H
#define REEVE_STORE_SETUP_H

#include "store/db.h"

/* One row: version (as people know it), number, fsync, full_page_writes, synchronous_commit (text), encoding,
 * connections_max, connections, now (wall ms, read after the question arrived), bytes. */
int store_database_facts(struct db *db, struct rows **ret, struct err *err);

/* A host key that this machine made itself and so knows: confirmed without a probe. 1; 0 no such host. */
int store_key_known(struct db *db, int32_t site, const char *type, const void *key, size_t n,
                    const char *fingerprint, const char *by, struct err *err);
/* One row of the site by its name, none when it is not there: id, intent, health, health_text, address, port
 * (of its first host), public_key (of its first account, null: not made yet), link_text, busy (attempts under
 * way there). */
int store_trial_site(struct db *db, const char *name, struct rows **ret, struct err *err);

#endif
