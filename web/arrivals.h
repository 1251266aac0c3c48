/* SPDX-License-Identifier: Apache-2.0 */
/* arrivals.h - what the requests that bring data in share. */
#ifndef REEVE_ARRIVALS_H
#define REEVE_ARRIVALS_H

#include "web/web_priv.h"

#define ARRIVAL_PATH_MAX  1024        /* bytes of a path within a dataset, as the catalog has it */
#define ARRIVAL_SIZE_MAX  (1LL << 50) /* bytes of one file */
#define ARRIVAL_BATCH_MAX 50000       /* files named by one request */

/* Do so many bytes more fit the spool, and the project's part of it? ERR_LIMIT. */
int arrival_promise(const struct web *w, struct db *db, int32_t project, int64_t bytes, struct err *err);

/* What POST /v1/datasets may say of where a dataset may be; borrowed from the body, the lists are the
 * caller's.
 */
struct policy_said {
        const char **sites, **labels;
        size_t site_count, label_count;
};
/* Read {"sites","labels"} (NULL: none) and check it; what is wrong is noted in rq->issues below /policy. */
void policy_read(struct request *rq, struct db *db, const json_t *said, struct policy_said *ret);
void policy_release(struct policy_said *p);
extern const struct field policy_fields[];

/* The project a new dataset shall belong to: as asked, else "default", else the caller's first; -1 with an
 * issue noted. */
int32_t dataset_project(struct request *rq, const char *asked);

/* api_arrivals.c: the body of POST /v1/datasets says that files will come. */
struct arrival_body {
        const char *name, *project;
        bool new_version, seal;
        json_t *policy, *upload, *import, *fetch;
};
int arrival_open(struct request *rq, struct db *db, const struct arrival_body *in, struct err *err);
extern const struct field upload_fields[], import_fields[], fetch_fields[];

#endif
