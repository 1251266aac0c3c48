/* SPDX-License-Identifier: Apache-2.0 */
/* engine_arrivals.h - what the engine reads and writes of data that comes in: datasets whose files were sent
 * to the server, or are to be fetched, on their way to a site.
 *
 * A dataset's files go in batches, each on record as soon as it lies at the site; with the last one the
 * dataset is sealed. Writes carry the epoch.
 */
#ifndef REEVE_STORE_ENGINE_ARRIVALS_H
#define REEVE_STORE_ENGINE_ARRIVALS_H

#include "store/db.h"

#define ARRIVALS_LOADED_MAX 64 /* looked at, and under way, at once */

struct load_arrival {
        int64_t dataset, transfer;               /* transfer 0: none yet */
        char *name, *made_by, *root;             /* root: where batches lie already; NULL: none do */
        char kind;                               /* u upload, f fetch */
        int32_t project, site, tries, last_site; /* site 0: any; last_site: of the last try, 0 none */
        int64_t not_before;                      /* wall ms; INT64_MIN: now */
        int64_t files, bytes, moved;
};
/* Those that wait for a site, or were on their way to one. */
int store_load_arrivals(struct db *db, struct load_arrival **ret, size_t *ret_n, struct err *err);
void store_free_arrivals(struct load_arrival *rows, size_t n);

/* Sites that may take the dataset, by its policy, its project's rights and the sites' own will; ids in order.
 */
int store_arrival_sites(struct db *db, int64_t dataset, int32_t **ret, size_t *ret_n, struct err *err);

struct load_arrival_file {
        char *path, *url; /* url NULL: of an upload */
        int64_t size;     /* INT64_MIN: not known */
        uint8_t sha256[32];
        bool has_sha256;
};
/* By path, from the first; at most `max`. */
int store_load_arrival_files(struct db *db, int64_t dataset, size_t max, struct load_arrival_file **ret,
                             size_t *ret_n, struct err *err);
void store_free_arrival_files(struct load_arrival_file *rows, size_t n);

struct load_prefix {
        char *prefix;
        bool private_too, is_redirect; /* is_redirect: only what another one leads to */
};
int store_load_prefixes(struct db *db, int32_t site, struct load_prefix **ret, size_t *ret_n,
                        struct err *err);
void store_free_prefixes(struct load_prefix *rows, size_t n);

/* Its transfer begins (again), to that site. */
int store_arrival_begin(struct db *db, int64_t epoch, const struct load_arrival *a, int32_t site,
                        struct err *err);
int store_arrival_progress(struct db *db, int64_t epoch, const struct load_arrival *a, int64_t moved,
                           double rate, const char *way, struct err *err);

struct arrival_landed {
        const char *path;
        int64_t size;
        const uint8_t *sha256; /* 32 bytes */
};
/* These files lie at the site, below root. 1: these were the last, and the dataset is sealed; 0: there are
 * more. ERR_CONFLICT: the dataset was removed meanwhile; what lies there is noted to be deleted. */
int store_arrival_landed(struct db *db, int64_t epoch, const struct load_arrival *a, int32_t site,
                         const char *root, const struct arrival_landed *f, size_t n, struct err *err);

/* A try failed. state: waiting (not_before: until when), filling or failed. path: the file that is to be sent
 * again; NULL: none. */
int store_arrival_failed(struct db *db, int64_t epoch, const struct load_arrival *a, const char *state,
                         int64_t not_before, const char *path, const char *message, struct err *err);
/* Remove those that nobody touched for long, and end the transfers of those that are gone; how many. */
int64_t store_arrivals_tidy(struct db *db, int64_t epoch, struct err *err);

#endif
