/* SPDX-License-Identifier: Apache-2.0 */
/* submit_priv.h - a submission on its way: one job is a list of one.
 *
 *   api_submit.c    the key, room, reading, the answer
 *   submit_refs.c   what the jobs refer to
 *   submit_store.c  the stored form, and storing it
 */
#ifndef REEVE_SUBMIT_PRIV_H
#define REEVE_SUBMIT_PRIV_H

#include "store/store_submit.h"
#include "web/api.h"
#include "web/job_spec.h"
#include "web/world.h"

struct ref_job {
        int64_t id, project;
        struct task_set *tasks; /* owned; read when somebody waits for them task by task */
        const char *dataset;    /* NULL: makes none */
};
struct ref_dataset {
        int64_t id, project;
        const char *asked, *name; /* asked: maybe without a version */
};

struct batch {
        struct request *rq;
        struct db *db;
        bool bulk;
        int64_t rerun_of; /* 0: of none */
        size_t count;
        struct job_spec *specs;
        int32_t *projects;
        struct submit_by by;
        uint8_t hash[32];
        /* what the jobs refer to, sorted */
        struct rows *job_rows, *dataset_rows;
        struct ref_job *jobs;
        struct ref_dataset *datasets;
        size_t job_count, dataset_count;
        /* as stored */
        struct buf text; /* NUL-separated stored forms, labels and names */
        struct submit_job *out;
        struct submit_after *after;
        const char **inputs;
        int64_t *input_ids;
};

/* The place of the i-th job in the body, for issues; returns what issues_leave takes. */
size_t batch_enter(struct batch *b, size_t i);
/* Everything the jobs name exists, and may be named: for jobs that are well formed. *v may be read anew. */
int batch_check_references(struct batch *b, struct world_view **v, struct err *err);
/* The dataset an input names, or NULL with an issue. *ret_inside: the dataset of that job of the same
 * request. */
const struct ref_dataset *batch_input(struct batch *b, const char *text, int64_t *ret_inside);
/* Store all of them; *ret_first: the number of the first. */
int batch_store(struct batch *b, int64_t *ret_first, struct err *err);

#endif
