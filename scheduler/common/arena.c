/* SPDX-License-Identifier: Apache-2.0 */
#include "arena.h"

#include "util.h"

#include <stdarg.h>
#include <stdalign.h>
#include <stdio.h>
#include <string.h>

#define BLOCK_SIZE (64u << 10)

struct arena_block {
        struct arena_block *next;
        size_t size;
        alignas(max_align_t) char data[];
};

void *arena_alloc(struct arena *a, size_t n)
{
        struct arena_block *b = a->blocks;
        size_t size = BLOCK_SIZE;

        n = (n + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
        if (!b || b->size - a->used < n) {
                while (size < n)
                        size *= 2;
                b = xmalloc(sizeof *b + size);
                b->size = size;
                b->next = a->blocks;
                a->blocks = b;
                a->used = 0;
        }
        a->used += n;
        return b->data + a->used - n;
}

char *arena_strdup(struct arena *a, const char *s)
{
        size_t n;

        if (!s)
                return NULL;
        n = strlen(s) + 1;
        return memcpy(arena_alloc(a, n), s, n);
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
        va_list ap, again;
        char *s;
        int n;

        va_start(ap, fmt);
        va_copy(again, ap);
        n = vsnprintf(NULL, 0, fmt, ap);
        va_end(ap);
        if (n < 0)
                n = 0;
        s = arena_alloc(a, (size_t)n + 1);
        vsnprintf(s, (size_t)n + 1, fmt, again);
        va_end(again);
        return s;
}

void arena_clear(struct arena *a)
{
        struct arena_block *b;

        while (a->blocks && a->blocks->next) {
                b = a->blocks;
                a->blocks = b->next;
                free(b);
        }
        a->used = 0;
}

void arena_release(struct arena *a)
{
        arena_clear(a);
        free(a->blocks);
        a->blocks = NULL;
}
