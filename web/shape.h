/* SPDX-License-Identifier: Apache-2.0 */
/* shape.h - what replies look like: a table of members for each object, written out as JSON schema.
 *
 * The tables are shapes.c; which route answers with which stands in replies.c. An object has the members of
 * its table and no others, all of them always (but for the few that are optional). The tests of tests/web
 * hold every reply of a live server against this, so a writer that leaves its table is found.
 */
#ifndef REEVE_SHAPE_H
#define REEVE_SHAPE_H

#include "common/buf.h"

#include <stdbool.h>
#include <stddef.h>

enum shape_type {
        S_INT,
        S_REAL,
        S_STR,
        S_BOOL,
        S_TIME, /* RFC 3339 */
        S_ANY,
        S_OBJECT, /* of the shape `of` */
        S_TYPES
};

#define SHAPE_NULL 1u /* may be null */
#define SHAPE_OPT  2u /* may be absent */
#define SHAPE_LIST 4u /* an array of it */
#define SHAPE_MAP  8u /* an object from free names to it */

struct shape;

struct member {
        const char *name; /* NULL: the end of the table */
        enum shape_type type;
        unsigned flags;
        const char *doc;        /* NULL: the name says it all */
        const struct shape *of; /* S_OBJECT */
        const char *words;      /* S_STR: the only values, with spaces between; NULL: any */
};

struct shape {
        const char *name, *doc; /* the name it has in the document */
        const struct member *members;
        bool open; /* may have further members */
};

/* Every shape, for the document's components. */
extern const struct shape *const shapes[];
extern const size_t shapes_count;

/* The schema of one shape, as a member `key`. */
void shape_schema(struct buf *b, const char *key, const struct shape *s);
/* A reference to it. */
void shape_ref(struct buf *b, const char *key, const struct shape *s);

#endif
