/* SPDX-License-Identifier: Apache-2.0 */
/* job_file.h - a job, or a list of jobs, in a YAML or JSON file. */
#ifndef REEVE_CLI_JOB_FILE_H
#define REEVE_CLI_JOB_FILE_H

#include "common/err.h"
#include "doc_lines.h"

#include <jansson.h>

#define JOB_FILE_FAULTS_MAX 4 /* unknown members told at once */

struct job_file { /* all zero: no file */
        char *name;
        struct doc_lines *lines;
};

/* Read `path` ("-": standard input) into *ret, an object or an array of objects, not empty. Members that no
 * job has are refused with file, line and the nearest known name; values are left to the server. */
int job_file_read(const char *path, json_t **ret, struct job_file *ret_file, struct err *err);
/* The same from text; `name` is for messages. */
int job_file_parse(const char *name, const char *text, size_t n, json_t **ret, struct job_file *ret_file,
                   struct err *err);
void job_file_release(struct job_file *f);

/* "job.yaml:4", owned: where that stood which the server's pointer means. NULL: not in the file. `spec` is
 * what was read, perhaps changed by options. */
char *job_file_place(const struct job_file *f, const json_t *spec, const char *pointer);

#endif
