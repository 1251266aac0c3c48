/* SPDX-License-Identifier: Apache-2.0 */
/* spec.h - from the options of `submit` and `run`, a job file and a script to the job that the API takes. */
#ifndef REEVE_CLI_SPEC_H
#define REEVE_CLI_SPEC_H

#include "args.h"
#include "job_file.h"

#include <jansson.h>

/* An object (one job) or an array (many, from a file that holds a list). Reads the files that the command
 * line names and talks to nobody. */
int spec_build(const struct args *a, json_t **ret, struct err *err);
/* The same, and what is to be said of directives in a script: an array, owned; and the file it was read from,
 * if it was: release it. */
int spec_build_noted(const struct args *a, json_t **ret, json_t **ret_notes, struct job_file *ret_file,
                     struct err *err);

#endif
