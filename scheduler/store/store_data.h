/* SPDX-License-Identifier: Apache-2.0 */
/* store_data.h - datasets and their files, as people see them; and calls: what is asked of a site. */
#ifndef REEVE_STORE_DATA_H
#define REEVE_STORE_DATA_H

#include "store/store_jobs.h"

/* A time within JSON that SQL builds, as the API writes it. */
#define JSON_TIME(column) "to_char(" column " at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"

#define DATASETS_SCAN_MAX     5000 /* datasets that one page of a filtered list looks at */
#define DATASETS_FACET_VALUES 50   /* of one kind */

/* A dataset has id, name, base, version, project, project_id, made_by, made_at, job_id, sealed_at,
 * expires_at, files, bytes; sites (JSON array), policy, arrival (JSON). */
/* The one that a name stands for (reeve_dataset); no row: none that one may see. */
int store_dataset_show(struct db *db, const struct visible *who, const char *name, struct rows **ret,
                       struct err *err);

struct datasets_filter { /* NULL and 0: any */
        struct visible who;
        int64_t before;   /* only ids below; INT64_MAX: from the newest */
        const char *name; /* with or without a version; with name_prefix: how it starts */
        bool name_prefix;
        int32_t project;
        const char *site, *state, *user;
        const char *policy;     /* any, none, or a label */
        int64_t expires_before; /* wall ms; INT64_MIN: any */
        int limit;
};
/* Newest first. *ret_next: where the next page starts (ids below it), 0 at the end, -1: at the last row. */
int store_datasets_list(struct db *db, const struct datasets_filter *f, struct rows **ret, int64_t *ret_next,
                        struct err *err);
/* Of the newest DATASETS_SCAN_MAX, one row: datasets, bytes, more (older ones were not looked at), kinds:
 * JSON, state, project, site, policy to [{value, datasets}], the most frequent first. */
int store_datasets_facets(struct db *db, const struct datasets_filter *f, struct rows **ret, struct err *err);
/* Files by path: path, size, sha256, task. */
int store_dataset_files(struct db *db, int64_t dataset, const char *after_path, int limit, struct rows **ret,
                        struct err *err);
/* Where the bytes of a file can be read now: size, site_id, site, worker, root, is_file, ready; the best
 * place first. */
int store_file_places(struct db *db, int64_t dataset, const char *path, struct rows **ret, struct err *err);
/* 1 forgotten, 0 in use by a live job or by the job that makes it. */
int store_dataset_remove(struct db *db, int64_t dataset, struct err *err);

/* Ask; *ret_id names the call. site 0: of none. */
int store_call_add(struct db *db, const char *kind, int32_t site, const char *args, const char *actor,
                   int64_t *ret_id, struct err *err);
/* One call: id, kind, site, actor, state, asked_at, ended_at, steps (JSON), result (JSON), message. */
int store_call_show(struct db *db, int64_t id, struct rows **ret, struct err *err);
/* An ended read: state, message, result (JSON), bytes; no row while it is under way. */
int store_call_read(struct db *db, int64_t id, struct rows **ret, struct err *err);
/* Nobody waits any more: an ended read's bytes are not needed again. */
int store_call_drop(struct db *db, int64_t id, struct err *err);

#endif
