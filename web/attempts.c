/* SPDX-License-Identifier: Apache-2.0 */
#include "web/attempts.h"

#include "common/util.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define QUIET_MS (2 * 3600 * 1000)
#define KEY_MAX  72

struct tried {
        char key[KEY_MAX];
        int failures;
        int64_t last_ms;
};

struct attempts {
        pthread_mutex_t lock;
        struct tried addresses[ATTEMPTS_KEYS_MAX], names[ATTEMPTS_KEYS_MAX];
};

struct attempts *attempts_new(void)
{
        struct attempts *a = xcalloc(1, sizeof *a);

        pthread_mutex_init(&a->lock, NULL);
        return a;
}

void attempts_free(struct attempts *a)
{
        if (!a)
                return;
        pthread_mutex_destroy(&a->lock);
        free(a);
}

static struct tried *find(struct tried *list, const char *key)
{
        for (size_t i = 0; i < ATTEMPTS_KEYS_MAX; i++)
                if (list[i].failures && strncmp(list[i].key, key, KEY_MAX - 1) == 0)
                        return &list[i];
        return NULL;
}

/* The key's record, or the place of the one that was silent longest. */
static struct tried *make(struct tried *list, const char *key)
{
        struct tried *t = find(list, key);

        if (t)
                return t;
        t = &list[0];
        for (size_t i = 1; i < ATTEMPTS_KEYS_MAX && t->failures; i++)
                if (!list[i].failures || list[i].last_ms < t->last_ms)
                        t = &list[i];
        *t = (struct tried){0};
        snprintf(t->key, sizeof t->key, "%s", key);
        return t;
}

static int64_t wait_of(struct tried *t, int64_t max_ms, int64_t now_ms)
{
        int64_t wait = ATTEMPTS_WAIT_MS, left;

        if (!t)
                return 0;
        if (now_ms - t->last_ms > QUIET_MS)
                t->failures = 0;
        if (t->failures < ATTEMPTS_FREE)
                return 0;
        for (int i = ATTEMPTS_FREE; i < t->failures && wait < max_ms; i++)
                wait *= 2;
        left = t->last_ms + (wait < max_ms ? wait : max_ms) - now_ms;
        return left > 0 ? left : 0;
}

int64_t attempts_wait(struct attempts *a, const char *address, const char *name, int64_t now_ms)
{
        int64_t one, other = 0;

        pthread_mutex_lock(&a->lock);
        one = wait_of(find(a->addresses, address), ATTEMPTS_WAIT_MAX_MS, now_ms);
        if (name)
                other = wait_of(find(a->names, name), ATTEMPTS_NAME_WAIT_MAX_MS, now_ms);
        pthread_mutex_unlock(&a->lock);
        return one > other ? one : other;
}

static void count(struct tried *t, int64_t now_ms)
{
        if (now_ms - t->last_ms > QUIET_MS)
                t->failures = 0;
        t->failures++;
        t->last_ms = now_ms;
}

void attempts_begin(struct attempts *a, const char *address, const char *name, int64_t now_ms)
{
        pthread_mutex_lock(&a->lock);
        count(make(a->addresses, address), now_ms);
        if (name)
                count(make(a->names, name), now_ms);
        pthread_mutex_unlock(&a->lock);
}

void attempts_succeeded(struct attempts *a, const char *address, const char *name)
{
        struct tried *from, *as;

        pthread_mutex_lock(&a->lock);
        from = find(a->addresses, address);
        as = name ? find(a->names, name) : NULL;
        if (from)
                from->failures--;
        if (as)
                as->failures = 0;
        pthread_mutex_unlock(&a->lock);
}
