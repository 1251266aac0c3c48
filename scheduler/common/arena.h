/* SPDX-License-Identifier: Apache-2.0 */
/* arena.h - memory that goes all at once: one for each pass of the engine. */
#ifndef REEVE_ARENA_H
#define REEVE_ARENA_H

#include <stddef.h>

struct arena {
        struct arena_block *blocks; /* newest first */
        size_t used;                /* in the newest */
};

void *arena_alloc(struct arena *a, size_t n);       /* aligned for anything, not cleared */
char *arena_strdup(struct arena *a, const char *s); /* NULL gives NULL */
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void arena_clear(struct arena *a); /* keeps one block for the next round */
void arena_release(struct arena *a);

#endif
