/* SPDX-License-Identifier: Apache-2.0 */
/* store_audit.h - the audit chain: who did what to what, each row bound to the one before by its hash.
 *
 * Rows are only ever added. Who rewrites the past has to rewrite everything after it, and the hash of the
 * newest row that somebody kept elsewhere.
 */
#ifndef REEVE_STORE_AUDIT_H
#define REEVE_STORE_AUDIT_H

#include "store/db.h"

struct audit_row {
        const char *actor, *action, *object, *detail;
        const char *project, *site; /* which it is about; NULL: none */
};

/* Append; in the transaction that is open, if one is. */
int store_audit(struct db *db, const struct audit_row *row, struct err *err);

struct audit_filter {
        bool all; /* everything; else what is by `self`, or about one of these */
        const char *self;
        const char *const *projects, *const *sites;
        size_t project_count, site_count;
        const char *actor, *action, *project, *site; /* NULL: any; action: how it starts */
        int64_t since, until;                        /* wall ms; INT64_MIN: any */
        int64_t before;                              /* rows with a lower number */
        int limit;
};
/* Newest first: seq, at, actor, action, object, detail, project, site, hash (hex). */
int store_audit_list(struct db *db, const struct audit_filter *f, struct rows **ret, struct err *err);

/* Recompute n rows from `from` on: last (0: there are none), hash (hex, of the last), broken (null, or the
 * first row that does not follow from the one before), more. One row. */
int store_audit_check(struct db *db, int64_t from, int n, struct rows **ret, struct err *err);

#endif
