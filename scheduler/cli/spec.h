/* SPDX-License-Identifier: Apache-2.0 */
/* spec.h - from the options of `submit` and `run`, a job file and a script to the job that the API takes. */
#ifndef REEVE_CLI_SPEC_H
#define REEVE_CLI_SPEC_H

#include "args.h"
#include "job_file.h"

#include <jansson.h>

extern const struct option spec_options[];

/* An object (one job) or an array (many, from a file that holds a list). Reads the files that the command
 * line names and talks to nobody. */
int spec_build(const struct args *a, json_t **ret, struct err *err);
/* The same, and what is to be said of directives in a script (sbatch.h): an array, owned; and the
 * file it was read from, if it was: release it. */
int spec_build_noted(const struct args *a, json_t **ret, json_t **ret_notes, struct job_file *ret_file,
                     struct err *err);

/* "12,ok:13,any:14,not_ok:15,each:16" as the API's list. */
int spec_after(const char *s, json_t *list, struct err *err);

#endif
