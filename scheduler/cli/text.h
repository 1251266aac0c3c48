/* SPDX-License-Identifier: Apache-2.0 */
/* text.h - make foreign text safe to show on a terminal.
 *
 * Jobs, sites and users choose names and print logs; a terminal obeys what is in them. The filter takes a
 * stream in pieces of any size and lets through printable UTF-8, newlines and tabs. Complete escape sequences
 * are dropped, other control characters are shown like "^G", a lone carriage return becomes a newline (it
 * could write over what was shown), and malformed UTF-8, C1 controls and marks that turn the direction of
 * writing become U+FFFD.
 */
#ifndef REEVE_CLI_TEXT_H
#define REEVE_CLI_TEXT_H

#include "common/buf.h"

/* Zero is the start of a stream. */
struct text_filter {
        enum { TEXT_PLAIN, TEXT_ESCAPE, TEXT_CSI, TEXT_STRING, TEXT_STRING_ESCAPE } state;
        unsigned swallowed; /* bytes of the sequence so far: a sequence without end hides only so much */
        bool carriage;      /* a carriage return waits for what follows it */
        char held[4];       /* the beginning of a UTF-8 character whose rest has not come */
        size_t held_len;
};

void text_filter_feed(struct text_filter *f, const void *p, size_t n, struct buf *out);
/* The stream ended: give out what is held. */
void text_filter_end(struct text_filter *f, struct buf *out);

/* Append s to out as part of one line: filtered, with newlines and tabs as spaces. NULL adds nothing. */
void text_add_line(struct buf *out, const char *s);
/* The same as an owned string. */
char *text_line(const char *s);

/* Append s so that a POSIX shell reads it back as one word. */
void text_add_shell(struct buf *out, const char *s);

/* Append s with everything but unreserved characters as %XX (and "/" kept when keep_slash). */
void text_add_uri(struct buf *out, const char *s, bool keep_slash);

#endif
