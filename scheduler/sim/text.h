/* SPDX-License-Identifier: Apache-2.0 */
/* text.h - a trace file in memory, plain or gzip, read line by line; what is wrong is said with file and
 * line. */
#ifndef REEVE_SIM_TEXT_H
#define REEVE_SIM_TEXT_H

#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

#define TEXT_BYTES_MAX (512u << 20) /* unpacked: a small file may claim to hold any amount */

struct text {
        char *name; /* as given */
        char *data; /* owned, with a NUL at the end; lines are cut in place */
        size_t n;
        char *next;
        int line; /* the one last returned, from 1 */
};

int text_open(const char *path, struct text *ret, struct err *err);
void text_from(const char *name, const void *bytes, size_t n, struct text *ret); /* copies */
void text_close(struct text *t);

/* The next line without its end, or NULL. A NUL byte within ends the line. */
char *text_line(struct text *t);
/* "file:line: what"; returns -1. */
int text_error(const struct text *t, struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Cut s at sep (0: runs of blanks) in place; at most max fields, the rest is dropped. */
size_t text_split(char *s, char sep, char **ret, size_t max);
/* A number min..max; `what` names it. */
int text_number(const struct text *t, const char *what, const char *s, double min, double max, double *ret,
                struct err *err);
/* Path of a file beside this one; NULL with *err when the name leads elsewhere. Freed by the caller. */
char *text_beside(const struct text *t, const char *name, struct err *err);

#endif
