/* SPDX-License-Identifier: Apache-2.0 */
/* progress.h - how far a job says it is: "FRACTION [TEXT]".
 *
 * FRACTION is a number of percent ("37", "37.5", "37%"), a ratio ("3/8"), or "-" when there are only words.
 * Inside a job it is written to the file that REEVE_PROGRESS names (the newest line counts), or printed to
 * standard output as a line "##reeve progress 37 phase 2"; "##progress 37 phase 2" is taken too.
 */
#ifndef REEVE_PROGRESS_H
#define REEVE_PROGRESS_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRESS_TEXT_MAX 200   /* bytes of text; the rest is cut off */
#define PROGRESS_WHOLE    10000 /* a fraction counts ten-thousandths */
#define PROGRESS_UNKNOWN  65535 /* no fraction was said */
#define PROGRESS_VARIABLE "REEVE_PROGRESS"
#define PROGRESS_FILE_MAX (64u << 10) /* the file is emptied when it has grown beyond */

struct progress {
        uint16_t fraction;                /* 0 ... PROGRESS_WHOLE, or PROGRESS_UNKNOWN */
        char text[PROGRESS_TEXT_MAX + 1]; /* printable UTF-8 */
};

/* Read FRACTION alone. 0, or -1. */
int progress_fraction(const char *s, size_t n, uint16_t *ret);

/* Read one line (without its newline). `marked`: it must begin with one of the marks. False: it says nothing.
 */
bool progress_parse(const char *line, size_t n, bool marked, struct progress *ret);

/* The last line in `s` that says something. With `marked` only lines that are complete and begin at the
 * start of `s` or behind a newline are looked at; without, the last line may lack its newline. Returns true
 * and fills *ret; *ret_used (may be NULL) says how many bytes were complete lines. */
bool progress_last(const char *s, size_t n, bool marked, struct progress *ret, size_t *ret_used);

/* The command `reeve progress FRACTION [TEXT...]` inside a job: words end with NULL. */
int progress_report(const char *const *words, struct err *err);

#endif
