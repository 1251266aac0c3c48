/* SPDX-License-Identifier: Apache-2.0 */
#include "core/map.h"

#include "common/ids.h"
#include "common/util.h"

static size_t slot_of(const struct map *m, uint64_t key)
{
        return (size_t)hash_mix(key + 0x9e3779b97f4a7c15ULL) & (m->cap - 1);
}

void map_release(struct map *m)
{
        free(m->keys);
        free(m->values);
        *m = (struct map){0};
}

void *map_get(const struct map *m, uint64_t key)
{
        if (!m->cap)
                return NULL;
        for (size_t i = slot_of(m, key); m->values[i]; i = (i + 1) & (m->cap - 1)) {
                if (m->keys[i] == key)
                        return m->values[i];
        }
        return NULL;
}

static void place_cell(struct map *m, uint64_t key, void *value)
{
        size_t i = slot_of(m, key);

        while (m->values[i] && m->keys[i] != key)
                i = (i + 1) & (m->cap - 1);
        if (!m->values[i])
                m->n++;
        m->keys[i] = key;
        m->values[i] = value;
}

static void grow(struct map *m)
{
        struct map old = *m;

        m->cap = old.cap ? old.cap * 2 : 64;
        m->n = 0;
        m->keys = xcalloc(m->cap, sizeof *m->keys);
        m->values = xcalloc(m->cap, sizeof *m->values);
        for (size_t i = 0; i < old.cap; i++) {
                if (old.values[i])
                        place_cell(m, old.keys[i], old.values[i]);
        }
        free(old.keys);
        free(old.values);
}

void map_put(struct map *m, uint64_t key, void *value)
{
        if ((m->n + 1) * 4 > m->cap * 3)
                grow(m);
        place_cell(m, key, value);
}

void *map_del(struct map *m, uint64_t key)
{
        size_t i, hole;
        void *gone;

        if (!m->cap)
                return NULL;
        for (i = slot_of(m, key); m->values[i] && m->keys[i] != key;)
                i = (i + 1) & (m->cap - 1);
        gone = m->values[i];
        if (!gone)
                return NULL;
        /* Close the gap: pull back every later cell of the run whose home is not inside the gap. */
        hole = i;
        for (;;) {
                size_t home;

                i = (i + 1) & (m->cap - 1);
                if (!m->values[i])
                        break;
                home = slot_of(m, m->keys[i]);
                if (((i - home) & (m->cap - 1)) >= ((i - hole) & (m->cap - 1))) {
                        m->keys[hole] = m->keys[i];
                        m->values[hole] = m->values[i];
                        hole = i;
                }
        }
        m->values[hole] = NULL;
        m->n--;
        return gone;
}

void *map_next(const struct map *m, size_t *i)
{
        while (*i < m->cap) {
                void *v = m->values[(*i)++];

                if (v)
                        return v;
        }
        return NULL;
}
