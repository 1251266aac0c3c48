/* SPDX-License-Identifier: Apache-2.0 */
/* migrate.h - bring the database to this program's schema: sql/NNNN_name.sql, in order, once, recorded.
 *
 * Each step is one transaction under a lock that keeps two starting programs apart; its SHA-256 is recorded
 * and compared on every start. A database with a step this program does not know is refused: a newer Reeve
 * wrote it. Open the connection with a statement timeout of 0: a step takes as long as it takes.
 */
#ifndef REEVE_MIGRATE_H
#define REEVE_MIGRATE_H

#include "store/db.h"

/* Apply what is missing; *ret_applied (may be NULL) counts. */
int migrate_apply(struct db *db, int *ret_applied, struct err *err);
/* 0 when the schema is exactly this program's, else -1 with what differs. */
int migrate_check(struct db *db, struct err *err);

#endif
