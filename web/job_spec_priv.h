/* SPDX-License-Identifier: Apache-2.0 */
/* job_spec_priv.h - the reader of jobs among itself.
 *
 *   job_spec.c            the table of members, and each of them
 *   job_spec_resources.c  what a task asks of a computer
 *   job_spec_write.c      the stored form
 */
#ifndef REEVE_JOB_SPEC_PRIV_H
#define REEVE_JOB_SPEC_PRIV_H

#include "web/job_spec.h"

extern const struct field resource_fields[];
void job_resources_read(struct job_spec *s, const struct job_rules *rules, struct issues *is);

#endif
