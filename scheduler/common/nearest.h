/* SPDX-License-Identifier: Apache-2.0 */
/* nearest.h - the known word that a mistyped one was probably meant to be.
 *
 *         struct nearest n = nearest_to("memroy");
 *
 *         nearest_offer(&n, "cpus");
 *         nearest_offer(&n, "memory");
 *         if (n.best) ...
 *
 * A letter too many, one missing, a wrong one, or two neighbours exchanged count as one slip each. Words of
 * less than five letters may have one slip, others two. The first of equals wins.
 */
#ifndef REEVE_NEAREST_H
#define REEVE_NEAREST_H

#include <stddef.h>

#define NEAREST_WORD_MAX 64 /* longer words are near to nothing */

struct nearest {
        const char *word;
        const char *best; /* borrowed from the offer; NULL: none is near */
        size_t least;     /* slips that are too many */
};

struct nearest nearest_to(const char *word);
void nearest_offer(struct nearest *n, const char *known);
/* The nearest of a NULL-terminated list, or NULL. */
const char *nearest_of(const char *word, const char *const *known);

#endif
