/* SPDX-License-Identifier: Apache-2.0 */
/* doc_lines.h - on which line of a document each of its values stood.
 *
 * Filled by doc_parse_lines while it reads: a flat list in the order of the document, in which a value is
 * followed by those inside it. The values are kept, so that one that was put in place of another afterwards
 * (by an option of the command line) is told from what was read.
 */
#ifndef REEVE_CLI_DOC_LINES_H
#define REEVE_CLI_DOC_LINES_H

#include <jansson.h>
#include <stddef.h>

struct doc_lines;

struct doc_lines *doc_lines_new(void);
void doc_lines_free(struct doc_lines *l);

/* A value begins: its name (NULL: in a list, or the whole) and line. Returns what close wants. */
size_t doc_lines_open(struct doc_lines *l, const char *name, size_t line);
void doc_lines_close(struct doc_lines *l, size_t at, json_t *value);

/* The line, from 1, of what a JSON pointer means in the document; of the nearest value around it when it is
 * absent there. 0: it did not stand in the document. */
size_t doc_line(const struct doc_lines *l, const json_t *doc, const char *pointer);

#endif
