/* SPDX-License-Identifier: Apache-2.0 */
/* store_submit.h - accept jobs: one statement for one job, one transaction for many.
 *
 * What is returned is committed (R1). Job numbers of one bulk submission are consecutive: they are taken in
 * one step under a lock that single submissions share.
 */
#ifndef REEVE_STORE_SUBMIT_H
#define REEVE_STORE_SUBMIT_H

#include "store/db.h"

struct submit_after {
        int64_t job; /* id; in a bulk, a position from 1 when `inside` */
        bool inside;
        char condition; /* 'o', 'a', 'n' */
        bool each;
};

struct submit_job {
        int32_t project;
        const char *name, *spec, *labels; /* labels: JSON object or NULL */
        int64_t first, last, priority;
        const char *task_list; /* text of a task set; NULL: every number from first to last */
        int64_t task_count;    /* its size */
        bool hold;
        bool outputs;               /* makes a dataset ... */
        const char *output_dataset; /* ... of this name; NULL: job-<id> */
        const struct submit_after *after;
        size_t after_count;
        const char *const *inputs; /* names; in a bulk "job:#3" is the dataset of its 3rd job */
        const int64_t *input_ids;  /* dataset ids, same order; used for one job */
        size_t input_count;
        int64_t part_dataset;           /* its tasks share the files of this one; 0: they do not */
        int64_t part_files, part_bytes; /* at most so many for a task; bytes 0: any */
};

struct submit_by {
        int32_t user;
        const char *user_name;
        const char *key;             /* idempotency key or NULL */
        const uint8_t *request_hash; /* 32 bytes, with key */
};

/* ERR_CONFLICT: the dataset's name or the key is taken, or what it refers to went away. */
int store_submit(struct db *db, const struct submit_by *by, const struct submit_job *job, int64_t *ret_id,
                 struct err *err);
/* Take n consecutive numbers; then store the jobs under them. Specs may name them. */
int store_submit_reserve(struct db *db, size_t n, int64_t *ret_first, struct err *err);
int store_submit_bulk(struct db *db, const struct submit_by *by, int64_t first, const struct submit_job *jobs,
                      size_t n, struct err *err);

/* What the key stands for: 1 and the jobs when the request is the same, 0 unknown key, ERR_CONFLICT when it
 * was another request. */
int store_submit_known(struct db *db, const struct submit_by *by, int64_t *ret_first, int64_t *ret_last,
                       struct err *err);

/* Other jobs: id, project_id, first_task, last_task, task_list (null: every number from first to last),
 * task_total, dataset (name of its outputs or null). */
int store_submit_jobs(struct db *db, const int64_t *ids, size_t n, struct rows **ret, struct err *err);
/* What sharing out the files of a dataset comes to, one row: parts (how many), sealed, broken (a file's name
 * has a line break). */
int store_submit_parts(struct db *db, int64_t dataset, int64_t files, int64_t bytes, struct rows **ret,
                       struct err *err);
/* Datasets that the names stand for: asked, id, name (with its version), project_id. */
int store_submit_datasets(struct db *db, const char *const *names, size_t n, struct rows **ret,
                          struct err *err);

#endif
