/* SPDX-License-Identifier: Apache-2.0 */
/* map.h - 64-bit keys to pointers: open addressing, linear probing, deletion without tombstones.
 *
 * Iteration order depends on the keys alone, never on addresses, so the same history gives the same order.
 */
#ifndef REEVE_MAP_H
#define REEVE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map {
        uint64_t *keys;
        void **values; /* NULL = empty cell */
        size_t cap, n;
};

void map_release(struct map *m);
void *map_get(const struct map *m, uint64_t key); /* NULL when absent */
/* Insert or replace; value must not be NULL. */
void map_put(struct map *m, uint64_t key, void *value);
/* Remove; returns what was there, or NULL. */
void *map_del(struct map *m, uint64_t key);
/* for (size_t i = 0; (v = map_next(m, &i)); ) ...; nothing may be added or removed meanwhile. */
void *map_next(const struct map *m, size_t *i);

#endif
