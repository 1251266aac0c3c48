/* SPDX-License-Identifier: Apache-2.0 */
/* err.h - one error: a code for programs, a sentence for people.
 *
 * The caller owns the struct; the callee fills it and returns -1, so that a failing line is one line:
 *
 *         return err_set(err, ERR_NOT_FOUND, "no site named \"%s\"", name);
 *
 * Texts are short, lower case, without period; "could not" may work later, "cannot" never will.
 */
#ifndef REEVE_ERR_H
#define REEVE_ERR_H

#include <stdarg.h>

enum err_code {
        ERR_NONE,
        ERR_BAD_INPUT,   /* the caller's words are wrong; the text says where and how to mend it */
        ERR_NOT_FOUND,   /* no such thing */
        ERR_DENIED,      /* the caller may not */
        ERR_CONFLICT,    /* the thing is not in the state the caller believes */
        ERR_LIMIT,       /* a named limit is reached */
        ERR_UNAVAILABLE, /* may work later: a server, a site, a link */
        ERR_FENCED,      /* a newer epoch exists; this process must not act any more */
        ERR_PROTOCOL,    /* the peer broke the protocol */
        ERR_SYSTEM,      /* the operating system refused */
};

struct err {
        enum err_code code;
        char text[512]; /* UTF-8, never empty when code is set */
};

/* Fill *err (which may be NULL) and return -1. */
int err_set(struct err *err, enum err_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same with code ERR_SYSTEM and ": strerror(errno)" appended. */
int err_errno(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Put "prefix: " before a text already set. Returns -1. */
int err_prefix(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

const char *err_code_name(enum err_code code);

#endif
