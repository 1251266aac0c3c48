/* SPDX-License-Identifier: Apache-2.0 */
/* util.h - the few habits every file shares: owned pointers that free themselves, allocation that does not
 * fail, and the length of one UTF-8 character.
 */
#ifndef REEVE_UTIL_H
#define REEVE_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <stdlib.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Give an owned pointer away: the value, leaving NULL behind. */
#define MOVE(p)                                                                                              \
        ({                                                                                                   \
                __typeof__(p) moved_ = (p);                                                                  \
                (p) = NULL;                                                                                  \
                moved_;                                                                                      \
        })

/* AUTO_FREE char *s = ...; is freed when s leaves scope. */
static inline void auto_free_(void *p)
{
        free(*(void **)p);
}
#define AUTO_FREE __attribute__((cleanup(auto_free_)))

/* Closes *fd when it is not negative. */
void auto_close_(int *fd);
#define AUTO_CLOSE __attribute__((cleanup(auto_close_)))

/* Out of memory for ordinary sizes ends the process: the truth is on disk, restart is cheap. */
void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s); /* NULL gives NULL */
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Grow array *p of elements of `size` bytes so that it holds at least n+1; doubles. */
void *xgrow(void *p, size_t n, size_t *cap, size_t size);

/* Is `word` one of those that stand in `words` with spaces between? */
bool words_have(const char *words, const char *word);

/* Bytes of the well-formed UTF-8 character at s (at most n bytes long), or 0 when it is malformed. */
size_t utf8_len(const char *s, size_t n);

/* Replace control characters (C0, C1, DEL) and malformed UTF-8 by '?', in place: text from a peer on its way
 * to a terminal or a log. */
void text_make_printable(char *s);

/* Milliseconds of CLOCK_BOOTTIME (goes on through suspend, never jumps), and of the wall clock. */
int64_t clock_boot_ms(void);
int64_t clock_wall_ms(void);
/* The moment of CLOCK_MONOTONIC that is so far ahead (0 or less: now), for waiting with a deadline. */
struct timespec clock_ahead_ms(int64_t ms);

#endif
