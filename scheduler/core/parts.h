/* SPDX-License-Identifier: Apache-2.0 */
/* parts.h - jobs whose tasks share the files of an input: each reads its part, and only that is moved.
 *
 * The files of a dataset have numbers: their places in the order of their paths. Task k of such a job reads
 * file_at[k - 1] .. file_at[k] - 1, so that a stretch of tasks is a range of files. A copy that is not whole
 * knows the ranges it holds (m_dataset_site.have); it is a place for tasks whose parts lie there, and nothing
 * else: no source, no last copy, no place for who reads the whole.
 *
 * Where the whole lies, tasks are taken from the run as ever. For any other site tasks are *dealt*: taken
 * from the run into the job's retries (on record: in the task queue), where m_retry.dealt says which site
 * they are meant for, and one transfer brings the parts of those that are. Dealt tasks go wherever their part
 * is: also to the site that holds the whole, when that has nothing else to do and no better site is near.
 */
#ifndef REEVE_PARTS_H
#define REEVE_PARTS_H

#include "core/model.h"

#define PARTS_TASKS_MAX 200000 /* of a job; with more, its tasks wait for the whole dataset */
#define PARTS_DEALT_MAX                                                                                      \
        1024                /* tasks of a job that are dealt, or looked at for what lies at a site, at once */
#define PARTS_AHEAD      2  /* dealt to a site: so many times what it runs at once */
#define PARTS_RANGES_MAX 64 /* that one transfer moves */

struct m_parts { /* of a shape: jobs that share the same files alike */
        int64_t dataset;
        int32_t tasks;    /* 1 .. tasks */
        int32_t *file_at; /* tasks + 1 of each; so many files and bytes are those of tasks 1 .. k */
        int64_t *byte_at;
};
struct m_parts *parts_new(int64_t dataset, int32_t tasks);
/* What the task reads; of all tasks, in order. */
void parts_set(struct m_parts *p, int32_t task, int32_t files, int64_t bytes);
void parts_free(struct m_parts *p);
bool parts_same(const struct m_parts *a, const struct m_parts *b);
uint64_t parts_hash(const struct m_parts *p); /* 0: there are none */

/* Is that the input whose files the shape's tasks share? */
bool parts_are_of(const struct m_shape *s, const struct m_dataset *d);
/* The place at the site that holds what the task reads of the job's input; NULL: it is not there. */
const struct m_dataset_site *job_input_at(const struct m_job *j, size_t input, int32_t site, int32_t task);

/* Tasks of the shape's first job that can run at the site as far as the input they share goes: INT64_MAX
 * where the whole is, or they share none. */
int64_t parts_ready(const struct model *m, const struct m_shape *s, const struct m_site *site);
/* When further ones could, for as many as the site runs at once. */
struct way;
void parts_way(const struct model *m, const struct m_shape *s, const struct m_site *site, struct way *ret);
/* Tasks a second that the way there brings the parts of; INFINITY: nothing is to be brought. */
double parts_pace(const struct m_shape *s, const struct way *w);
/* The task of the job to go to the site next, out of the retries; false: none of them. steal: also one that
 * is dealt to another site. */
bool parts_pop(const struct model *m, struct m_job *j, const struct m_site *site, bool steal,
               struct m_retry *ret);

#endif
