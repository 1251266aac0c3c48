/* SPDX-License-Identifier: Apache-2.0 */
/* term.h - a whole screen that is drawn again and again, and a terminal that is sane afterwards.
 *
 * Between term_open and term_close the terminal shows its second screen, without cursor and echo. However the
 * program ends (return, exit, Ctrl-C, a signal, a crash), the first screen comes back as it was; Ctrl-Z gives
 * it back meanwhile. One line of a frame is one line of the screen: what is longer is cut.
 */
#ifndef REEVE_CLI_TERM_H
#define REEVE_CLI_TERM_H

#include "common/buf.h"
#include "common/err.h"

#include <stdbool.h>

struct term_size {
        int columns, rows;
};

/* Standard output and input must be terminals that understand more than TERM=dumb. */
int term_open(struct err *err);
void term_close(void);
struct term_size term_size(void);
/* Becomes non-zero when the person or a signal asks to end; for client_set_stop. */
extern volatile int term_stop;

/* Show a frame: lines ended by newlines, escape sequences of colour only. What was below it is wiped. */
void term_draw(const struct buf *frame);
/* A key, or 0 when none came in this time, the size changed or the end was asked for. */
int term_key(int timeout_ms);

/* ---- pure ---- */

/* Columns that a string takes; escape sequences of colour take none. */
int term_width(const char *s);
/* Append at most `columns` columns of s; the rest is cut, with "…" (or "~") as the last one. Colours that
 * were begun are ended. */
void term_add_cut(struct buf *out, const char *s, int columns);
/* Append a bar of `width` columns, filled by a fraction 0...1. */
void term_add_bar(struct buf *out, double fraction, int width);
/* Append the last `width` of n values as columns of eight heights, the largest value being the highest. */
void term_add_spark(struct buf *out, const double *values, int n, int width);
/* May characters beyond ASCII be printed? Asked of the locale; tests set it. */
extern int term_unicode; /* -1: ask */

#endif
