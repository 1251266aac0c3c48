/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/ways.h"

#include "common/util.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

void way_key(const char *from, const char *to, const char *host, unsigned port, const char *keys,
             uint8_t ret[16])
{
        const char *words[] = {from, to, host, keys};
        crypto_generichash_state s;

        crypto_generichash_init(&s, NULL, 0, 16);
        for (size_t i = 0; i < ARRAY_LEN(words); i++) {
                const char *word = words[i] ? words[i] : "";

                crypto_generichash_update(&s, (const uint8_t *)word, strlen(word) + 1);
        }
        crypto_generichash_update(&s, (const uint8_t *)&port, sizeof port);
        crypto_generichash_final(&s, ret, 16);
}

static struct way *find(const struct ways *w, const uint8_t key[16])
{
        for (size_t i = 0; i < WAYS_MAX; i++) {
                if (w->ways[i].failures && memcmp(w->ways[i].key, key, 16) == 0)
                        return (struct way *)&w->ways[i];
        }
        return NULL;
}

bool ways_may_try(const struct ways *w, const uint8_t key[16], int64_t now_ms, char *why, size_t size)
{
        const struct way *x = find(w, key);

        if (!x || now_ms >= x->until_ms)
                return true;
        snprintf(why, size, "directly it could not be reached %lld s ago, and is tried again in %lld s: %s",
                 (long long)(now_ms - x->failed_ms) / 1000, (long long)(x->until_ms - now_ms) / 1000, x->why);
        return false;
}

/* A free place, or that of the one that failed longest ago. */
static struct way *place(struct ways *w)
{
        struct way *oldest = &w->ways[0];

        for (size_t i = 0; i < WAYS_MAX && oldest->failures; i++) {
                if (!w->ways[i].failures || w->ways[i].failed_ms < oldest->failed_ms)
                        oldest = &w->ways[i];
        }
        *oldest = (struct way){0};
        return oldest;
}

void ways_failed(struct ways *w, const uint8_t key[16], int64_t now_ms, const char *why)
{
        struct way *x = find(w, key);
        int64_t pause = WAYS_PAUSE_MS;

        if (!x)
                x = place(w);
        memcpy(x->key, key, 16);
        for (uint32_t i = 0; i < x->failures && pause < WAYS_PAUSE_MAX; i++)
                pause *= 2;
        x->failures++;
        x->failed_ms = now_ms;
        x->until_ms = now_ms + (pause < WAYS_PAUSE_MAX ? pause : WAYS_PAUSE_MAX);
        snprintf(x->why, sizeof x->why, "%s", why);
}

void ways_worked(struct ways *w, const uint8_t key[16])
{
        struct way *x = find(w, key);

        if (x)
                *x = (struct way){0};
}
