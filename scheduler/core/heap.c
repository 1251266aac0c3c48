/* SPDX-License-Identifier: Apache-2.0 */
#include "core/heap.h"

#include "common/util.h"

static size_t *place_of(const struct heap *h, const void *item)
{
        return (size_t *)((char *)(uintptr_t)item + h->place);
}

static void put(struct heap *h, size_t i, void *item)
{
        h->items[i] = item;
        *place_of(h, item) = i + 1;
}

void heap_init(struct heap *h, bool (*before)(const void *, const void *), size_t place)
{
        *h = (struct heap){.before = before, .place = place};
}

void heap_release(struct heap *h)
{
        free(h->items);
        h->items = NULL;
        h->n = h->cap = 0;
}

void heap_clear(struct heap *h)
{
        for (size_t i = 0; i < h->n; i++)
                *place_of(h, h->items[i]) = 0;
        h->n = 0;
}

void *heap_top(const struct heap *h)
{
        return h->n ? h->items[0] : NULL;
}

bool heap_has(const struct heap *h, const void *item)
{
        return *place_of(h, item) != 0;
}

static void sift_up(struct heap *h, size_t i)
{
        void *item = h->items[i];

        while (i && h->before(item, h->items[(i - 1) / 2])) {
                put(h, i, h->items[(i - 1) / 2]);
                i = (i - 1) / 2;
        }
        put(h, i, item);
}

static void sift_down(struct heap *h, size_t i)
{
        void *item = h->items[i];

        for (;;) {
                size_t child = 2 * i + 1;

                if (child >= h->n)
                        break;
                if (child + 1 < h->n && h->before(h->items[child + 1], h->items[child]))
                        child++;
                if (!h->before(h->items[child], item))
                        break;
                put(h, i, h->items[child]);
                i = child;
        }
        put(h, i, item);
}

void heap_add(struct heap *h, void *item)
{
        h->items = xgrow(h->items, h->n, &h->cap, sizeof *h->items);
        h->items[h->n] = item;
        sift_up(h, h->n++);
}

void heap_remove(struct heap *h, void *item)
{
        size_t i = *place_of(h, item);
        void *last;

        if (!i--)
                return;
        *place_of(h, item) = 0;
        last = h->items[--h->n];
        if (last == item)
                return;
        put(h, i, last);
        heap_moved(h, last);
}

void heap_moved(struct heap *h, void *item)
{
        size_t i = *place_of(h, item);

        if (!i--)
                return;
        sift_up(h, i);
        sift_down(h, *place_of(h, item) - 1);
}
