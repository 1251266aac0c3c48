/* SPDX-License-Identifier: Apache-2.0 */
/* store_copies.h - where datasets come from, who uses them, and what people may ask about their copies. */
#ifndef REEVE_STORE_COPIES_H
#define REEVE_STORE_COPIES_H

#include "store/store_jobs.h"

#define USED_BY_MAX 20    /* jobs that are shown as readers of a dataset */
#define READS_MAX   10000 /* jobs that are looked at to tell how much a dataset is used */
#define OUTSIDE_MAX 20    /* places told that a rule would forbid */

/* One row: lineage (JSON, null: registered) and used_by (JSON array, newest first); of jobs that one may
 * see. */
int store_dataset_history(struct db *db, const struct visible *who, int64_t dataset, struct rows **ret,
                          struct err *err);

/* For each site, by name, a row: name, files, bytes (of the fullest place there), missing, complete, suspect,
 * coming, allowed. */
int store_dataset_where(struct db *db, int64_t dataset, struct rows **ret, struct err *err);

/* One row: allowed (by the dataset's policy), accept (the site takes copies). */
int store_site_allowed(struct db *db, int64_t dataset, int32_t site, struct rows **ret, struct err *err);
/* What stands against evicting the dataset's copies at the site, one row: places, own (registered or made
 * there), pinned_by, reader (a live job), transfer (open, of the dataset), others (complete places
 * elsewhere). */
int store_copy_uses(struct db *db, int64_t dataset, int32_t site, struct rows **ret, struct err *err);

/* Places and open transfers of the dataset at sites that its policy, as on record, does not allow: rows site,
 * transfer (null: it lies there). At most OUTSIDE_MAX. */
int store_policy_outside(struct db *db, int64_t dataset, struct rows **ret, struct err *err);
/* Datasets that lie at the site, or are on their way there, against their policy as things are on record:
 * rows dataset. At most OUTSIDE_MAX. */
int store_site_outside(struct db *db, int32_t site, struct rows **ret, struct err *err);

/* at TIME_NONE: never. 1 changed, 0 no such dataset (any more). */
int store_dataset_expire(struct db *db, int64_t dataset, int64_t at, struct err *err);

/* One transfer that one may see: id, why, dataset, state, reader (a live job that it is for, null: none). */
int store_transfer_show(struct db *db, const struct visible *who, int64_t id, struct rows **ret,
                        struct err *err);

#endif
