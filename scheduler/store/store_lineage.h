/* SPDX-License-Identifier: Apache-2.0 */
/* store_lineage.h - the four steps between datasets and jobs: who made these, what did those read, who read
 * these, what did those make. Each row has `at`, the number that was asked about, and `seen`: may one see it.
 *
 * A dataset: id, name, state, files, bytes, made_at. A job: id, name, user, state, submitted_at. The newest
 * first, at most `limit` rows.
 */
#ifndef REEVE_STORE_LINEAGE_H
#define REEVE_STORE_LINEAGE_H

#include "store/store_jobs.h"

enum lineage_step { LINEAGE_MAKERS, LINEAGE_INPUTS, LINEAGE_READERS, LINEAGE_OUTPUTS };

int store_lineage(struct db *db, enum lineage_step step, const struct visible *who, const int64_t *ids,
                  size_t n, int limit, struct rows **ret, struct err *err);
/* The datasets themselves; `at` is their own number. */
int store_lineage_self(struct db *db, const struct visible *who, int64_t dataset, struct rows **ret,
                       struct err *err);

#endif
