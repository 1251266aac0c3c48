/* SPDX-License-Identifier: Apache-2.0 */
/* store_arrivals.h - data that comes in, as people bring it: open datasets, the files they name, list and
 * send.
 *
 * An arrival is filled by requests of any number of connections, then sealed. Uploads and fetches are moved
 * to a site by the engine then (store_engine_arrivals.h) and are datasets like others when all is there; an
 * import lists what lies at a site already and is one at once.
 */
#ifndef REEVE_STORE_ARRIVALS_H
#define REEVE_STORE_ARRIVALS_H

#include "store/store_jobs.h"

#define ARRIVAL_FILES_MAX     10000000 /* of one dataset */
#define ARRIVAL_VERSIONS_MAX  9999     /* of one name */
#define ARRIVAL_KEEP          "7 days" /* without a file named or sent; then it is removed */
#define ARRIVAL_CONFLICTS_MAX 5        /* named in one refusal */

struct arrival_new {
        const char *base; /* the name without a version */
        bool new_version;
        int32_t project;
        const char *made_by;
        const char *kind; /* upload, import, fetch */
        int32_t site;     /* 0: any */
        const char *root; /* of an import */
        const char *const *policy_sites, *const *policy_labels;
        size_t policy_site_count, policy_label_count;
};
/* Open it; within a transaction. 1 and *ret_id with *ret_name (the caller's), 0: the name is taken (or, of a
 * new version, in another project). */
int store_arrival_open(struct db *db, const struct arrival_new *a, int64_t *ret_id, char **ret_name,
                       struct err *err);

/* kind, state, site_id (null), site (name), root, files, bytes, received_files; locked until the end of the
 * transaction. No row: the dataset is none that arrives. */
int store_arrival_lock(struct db *db, int64_t dataset, struct rows **ret, struct err *err);

struct arrival_file {
        const char *path, *url; /* url NULL: none */
        int64_t size;           /* INT64_MIN: not known */
        const uint8_t *sha256;  /* 32 bytes; NULL: not known */
};
/* Files of the list that are there already with other facts, or below or above one that is a file: path; at
 * most ARRIVAL_CONFLICTS_MAX. `listed`: an import. */
int store_arrival_conflicts(struct db *db, int64_t dataset, bool listed, const struct arrival_file *f,
                            size_t n, struct rows **ret, struct err *err);
/* Name files that will come; those that are there stay as they are. No path twice in one call. */
int store_arrival_name(struct db *db, int64_t dataset, const struct arrival_file *f, size_t n,
                       struct err *err);
/* List files that lie at the arrival's site. As above. */
int store_arrival_list(struct db *db, int64_t dataset, const struct arrival_file *f, size_t n,
                       struct err *err);
/* Its files by path: path, size, sha256, received, complete. */
int store_arrival_files(struct db *db, int64_t dataset, const char *after_path, int limit, struct rows **ret,
                        struct err *err);

/* One file: size, sha256, received, complete; no row: it was not named. */
int store_arrival_file(struct db *db, int64_t dataset, const char *path, struct rows **ret, struct err *err);
/* What is at the server of it now. sha256 NULL: leave it. */
int store_arrival_received(struct db *db, int64_t dataset, const char *path, int64_t received, bool complete,
                           const uint8_t *sha256, struct err *err);
/* Bytes that uploads were promised: `all` at the server, `project` of the project. */
int store_arrival_promised(struct db *db, int32_t project, struct rows **ret, struct err *err);
/* The first file that is not whole: path, received, size; no row: there is none. */
int store_arrival_missing(struct db *db, int64_t dataset, struct rows **ret, struct err *err);
/* Nothing more comes: the engine takes it, or (an import) it is sealed. */
int store_arrival_seal(struct db *db, int64_t dataset, bool at_once, struct err *err);
/* Which of the datasets are still arriving: dataset_id. */
int store_arrivals_alive(struct db *db, const int64_t *datasets, size_t n, struct rows **ret,
                         struct err *err);

/* Prefixes of URLs: id, prefix, site, site_id, private, redirects (JSON), made_by, made_at. */
int store_url_prefixes(struct db *db, struct rows **ret, struct err *err);
int store_url_prefix_add(struct db *db, const char *prefix, int32_t site, bool private_too,
                         const char *const *redirects, size_t n, const char *by, int64_t *ret_id,
                         struct err *err);
/* 1 gone, 0 there is none. */
int store_url_prefix_remove(struct db *db, int64_t id, struct err *err);

#endif
