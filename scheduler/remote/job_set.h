/* SPDX-License-Identifier: Apache-2.0 */
/* job_set.h - a set of job ids: open addressing, never more than two thirds full. */
#ifndef REEVE_JOB_SET_H
#define REEVE_JOB_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct job_set {
        int64_t *slots; /* owned; JOB_SET_FREE where empty */
        size_t count, cap;
};

void job_set_init(struct job_set *s);
void job_set_release(struct job_set *s);
void job_set_clear(struct job_set *s);
bool job_set_has(const struct job_set *s, int64_t job);
void job_set_add(struct job_set *s, int64_t job);
/* Was it there? */
bool job_set_remove(struct job_set *s, int64_t job);

#endif
