/* SPDX-License-Identifier: Apache-2.0 */
/* doc.h - read a YAML or JSON document into JSON values.
 *
 * Plain scalars follow the YAML 1.2 core schema: null, true, false, integers and decimals; everything else,
 * "yes" and "no" included, is text. Anchors, aliases, tags and several documents are refused: a job file
 * needs none of them, and they are how a small file becomes a huge one. Depth, size and count of values are
 * bounded.
 */
#ifndef REEVE_CLI_DOC_H
#define REEVE_CLI_DOC_H

#include "common/err.h"
#include "doc_lines.h"

#include <jansson.h>
#include <stddef.h>

#define DOC_SIZE_MAX  (64 << 20) /* a list of 100,000 jobs fits */
#define DOC_DEPTH_MAX 32
#define DOC_NODES_MAX 4000000

/* `what` names the source in messages; `text_keys` (NULL-terminated, or NULL) are names whose values keep
 * plain scalars as the text that was written: an environment variable VERSION: 1.10 is not 1.1. Right behind
 * such a name null is null all the same. */
int doc_parse(const char *what, const char *s, size_t n, const char *const *text_keys, json_t **ret,
              struct err *err);

/* The same, and notes the lines in `lines` (may be NULL). */
int doc_parse_lines(const char *what, const char *s, size_t n, const char *const *text_keys, json_t **ret,
                    struct doc_lines *lines, struct err *err);

/* A whole file, or standard input for "-". *ret is NUL-terminated; *ret_n does not count that. */
int doc_read_file(const char *path, size_t max, char **ret, size_t *ret_n, struct err *err);

#endif
