/* SPDX-License-Identifier: Apache-2.0 */
#include "web/cards.h"

#include "common/util.h"
#include "common/ids.h"

#include <pthread.h>
#include <string.h>

struct card {
        int64_t job; /* 0: none */
        uint64_t begun;
        int64_t made_at; /* boot ms */
        char *text;      /* the project's name and a NUL, then the card; owned */
        size_t len;
};

struct cards {
        struct fresh *fresh;
        pthread_mutex_t lock;
        size_t bytes;
        struct card cards[CARDS_MAX];
};

struct cards *cards_new(struct fresh *f)
{
        struct cards *c = xcalloc(1, sizeof *c);

        c->fresh = f;
        pthread_mutex_init(&c->lock, NULL);
        return c;
}

static void drop(struct cards *c, struct card *card)
{
        c->bytes -= card->len;
        free(card->text);
        *card = (struct card){0};
}

void cards_free(struct cards *c)
{
        if (!c)
                return;
        for (size_t i = 0; i < CARDS_MAX; i++)
                free(c->cards[i].text);
        pthread_mutex_destroy(&c->lock);
        free(c);
}

static struct card *set_of(struct cards *c, int64_t job)
{
        return &c->cards[hash_mix((uint64_t)job) % (CARDS_MAX / CARDS_WAYS) * CARDS_WAYS];
}

/* The card of the job, or the one that it takes the place of. */
static struct card *slot_of(struct cards *c, int64_t job)
{
        struct card *set = set_of(c, job), *oldest = set;

        for (struct card *k = set; k < set + CARDS_WAYS; k++) {
                if (k->job == job)
                        return k;
                if (k->made_at < oldest->made_at)
                        oldest = k;
        }
        return oldest;
}

static bool is_right(const struct cards *c, const struct card *k)
{
        return clock_boot_ms() - k->made_at < FRESH_MS && !fresh_changed(c->fresh, k->job, k->begun);
}

static bool sees(const struct principal *who, const char *project)
{
        return who->role == ROLE_ADMIN || principal_project(who, project) >= 0;
}

bool cards_get(struct cards *c, int64_t job, const struct principal *who, struct buf *b)
{
        struct card *k;
        bool found;

        pthread_mutex_lock(&c->lock);
        k = slot_of(c, job);
        found = k->job == job && is_right(c, k) && sees(who, k->text);
        if (found) {
                size_t skip = strlen(k->text) + 1;

                buf_put(b, k->text + skip, k->len - skip);
                buf_put(b, "", 1);
        }
        pthread_mutex_unlock(&c->lock);
        return found;
}

void cards_put(struct cards *c, int64_t job, const char *project, const char *text, size_t n, uint64_t begun)
{
        size_t name = strlen(project) + 1, len = name + n;
        struct card *k;

        pthread_mutex_lock(&c->lock);
        k = slot_of(c, job);
        drop(c, k);
        if (c->bytes + len <= CARDS_BYTES) {
                *k = (struct card){
                    .job = job, .begun = begun, .made_at = clock_boot_ms(), .text = xmalloc(len), .len = len};
                memcpy(k->text, project, name);
                memcpy(k->text + name, text, n);
                c->bytes += len;
        }
        pthread_mutex_unlock(&c->lock);
}
