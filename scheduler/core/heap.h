/* SPDX-License-Identifier: Apache-2.0 */
/* heap.h - a binary heap of pointers that knows where each element sits, so that any can be moved or taken
 * out. */
#ifndef REEVE_HEAP_H
#define REEVE_HEAP_H

#include <stdbool.h>
#include <stddef.h>

struct heap {
        void **items;
        size_t n, cap;
        bool (*before)(const void *a, const void *b); /* strict order; the last key must be an id */
        size_t place; /* offset of a size_t in the element: index + 1, 0 = not in the heap */
};

void heap_init(struct heap *h, bool (*before)(const void *, const void *), size_t place);
void heap_release(struct heap *h);
void heap_clear(struct heap *h);      /* empty; keeps storage */
void *heap_top(const struct heap *h); /* NULL when empty */
bool heap_has(const struct heap *h, const void *item);
void heap_add(struct heap *h, void *item);    /* must not be in it */
void heap_remove(struct heap *h, void *item); /* nothing happens when it is not in it */
void heap_moved(struct heap *h, void *item);  /* its keys changed */

#endif
