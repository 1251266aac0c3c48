/* SPDX-License-Identifier: Apache-2.0 */
/* fields.h - read a JSON object into a struct by a table of its members, and collect everything wrong with
 * it.
 *
 * A body is described once: name, type, limits and a sentence for each member. The table drives reading,
 * messages and the schema in /v1/openapi.json. Reading goes on after a fault, so that a request that is
 * wrong in several places hears of all of them (up to ISSUES_MAX).
 *
 *         static const struct field project_fields[] = {
 *                 FIELD(struct project_body, name, F_NAME, 1, 64, FIELD_REQUIRED, "name of the project"),
 *                 { 0 },
 *         };
 *         fields_read(body, project_fields, &p, &p.given, &issues);
 *
 * Strings and arrays borrow from the JSON value.
 */
#ifndef REEVE_FIELDS_H
#define REEVE_FIELDS_H

#include "common/buf.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ISSUES_MAX 100

struct issue {
        char *pointer; /* RFC 6901, or "?name" for a query parameter */
        char *code;    /* missing, unknown, type, range, format, not_found, conflict */
        char *detail;
};

struct issues {
        struct issue *list;
        size_t count, cap;
        char at[256]; /* pointer of what is being read */
        size_t at_len;
};

void issues_release(struct issues *is);
void issues_clear(struct issues *is);
/* Note a fault at the present place followed by `below` ("" or "/name"). */
void issue_add(struct issues *is, const char *below, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The present place bears a name that is not known; `near`: what was probably meant, or NULL; `inside`: the
 * member to which that belongs, or NULL. */
void issue_unknown(struct issues *is, const char *name, const char *near, const char *inside);
/* Is there a fault at the present place followed by `below`? */
bool issues_has(const struct issues *is, const char *below);
/* Go one step down, and back up to the mark it returned. */
size_t issues_enter(struct issues *is, const char *member);
size_t issues_enter_index(struct issues *is, size_t index);
void issues_leave(struct issues *is, size_t mark);

enum field_type {
        F_END,
        F_STRING,   /* const char *; length in bytes min..max; no control characters */
        F_TEXT,     /* const char *; any characters but NUL */
        F_NAME,     /* const char *; a name as of sites and projects */
        F_INT,      /* int64_t; min..max */
        F_REAL,     /* double; min..max */
        F_BOOL,     /* bool */
        F_SIZE,     /* int64_t bytes; a number, or "8G" */
        F_DURATION, /* int64_t milliseconds; a number of seconds, or "2h30m" */
        F_TIME,     /* int64_t wall milliseconds; RFC 3339 */
        F_STRINGS,  /* json_t *; array of strings without NUL; min..max of them */
        F_ARRAY,    /* json_t *; min..max elements; read by the caller */
        F_OBJECT,   /* json_t *; at most max members; read by the caller */
        F_ANY,      /* json_t *; read by the caller */
};

#define FIELD_REQUIRED 1u
#define FIELD_HIDDEN   2u /* accepted, not described */
#define FIELD_OPEN     4u /* F_OBJECT with `of`: other members are taken too */

struct field {
        const char *name;
        enum field_type type;
        size_t offset;
        int64_t min, max;
        unsigned flags;
        const char *doc;
        const char *sample;     /* JSON of the default or of an example; NULL: none */
        const struct field *of; /* F_OBJECT, F_ARRAY: members of it, or of each element; NULL: any */
};

#define FIELD(type_, member_, f_, min_, max_, flags_, doc_)                                                  \
        {                                                                                                    \
                .name = #member_, .type = f_, .offset = offsetof(type_, member_), .min = min_, .max = max_,  \
                .flags = flags_, .doc = doc_                                                                 \
        }

#define FIELD_OF(type_, member_, f_, min_, max_, flags_, doc_, of_)                                          \
        {                                                                                                    \
                .name = #member_, .type = f_, .offset = offsetof(type_, member_), .min = min_, .max = max_,  \
                .flags = flags_, .doc = doc_, .of = of_                                                      \
        }

/* Read `object` by the table. Members that are absent keep what *out holds; null counts as absent but sets
 * the bit. Bit i of *ret_given (may be NULL): the table's i-th member is there. At most 64 fields. */
void fields_read(const json_t *object, const struct field *fields, void *out, uint64_t *ret_given,
                 struct issues *is);

/* A single value, with the same messages: true when it is good. */
bool field_read(const json_t *value, const struct field *f, void *out, struct issues *is);

/* JSON schema of the table. */
void fields_schema(struct buf *b, const char *key, const struct field *fields);

#endif
