/* SPDX-License-Identifier: Apache-2.0 */
/* job_again.h - a stored job as a submission: what job_spec_write wrote, in the form that job_spec_read
 * reads.
 *
 * Pure. Members that both forms have under one name are taken as they are, so that new ones need nothing
 * here; those that differ stand in a table.
 */
#ifndef REEVE_JOB_AGAIN_H
#define REEVE_JOB_AGAIN_H

#include <jansson.h>
#include <stdint.h>

struct job_past {
        const char *name, *project, *array; /* array without the throttle */
        const json_t *spec, *labels;        /* labels NULL: none */
        int64_t id, priority;
};

/* A body for POST /v1/jobs. Left out: what it waited for, its hold, the name of its output dataset, and a
 * deadline before now. The label rerun_of holds its number. */
json_t *job_again(const struct job_past *p, int64_t now_ms);

#endif
