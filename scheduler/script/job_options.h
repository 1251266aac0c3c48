/* SPDX-License-Identifier: Apache-2.0 */
/* job_options.h - the options that describe a job, on a command line and behind #REEVE in a script, and the
 * members of the job that they become (docs/api.md).
 */
#ifndef REEVE_SCRIPT_JOB_OPTIONS_H
#define REEVE_SCRIPT_JOB_OPTIONS_H

#include "options.h"
#include "origin.h"

#include <jansson.h>

extern const struct option job_options[];

/* Put what `a` says (its lists have job_options) over the members of the job. All that is wrong is told
 * together. */
int job_options_put(const struct script_origin *from, const struct args *a, json_t *job, struct err *err);

/* "12,ok:13,any:14,not_ok:15,each:16", appended as the API's list. */
int job_options_after(const char *s, json_t *list, struct err *err);

#endif
