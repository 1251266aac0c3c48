/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/job_set.h"

#include "common/ids.h"
#include "common/util.h"

#define SLOT_FREE INT64_MIN /* no job has this id */
#define CAP_FIRST 64

void job_set_init(struct job_set *s)
{
        *s = (struct job_set){0};
}

void job_set_release(struct job_set *s)
{
        free(s->slots);
        *s = (struct job_set){0};
}

void job_set_clear(struct job_set *s)
{
        job_set_release(s);
}

/* Where the job is, or where it would go. The set has room. */
static size_t slot_of(const struct job_set *s, int64_t job)
{
        size_t i = (size_t)hash_mix((uint64_t)job) & (s->cap - 1);

        while (s->slots[i] != SLOT_FREE && s->slots[i] != job)
                i = (i + 1) & (s->cap - 1);
        return i;
}

bool job_set_has(const struct job_set *s, int64_t job)
{
        return s->cap && s->slots[slot_of(s, job)] == job;
}

static void grow(struct job_set *s)
{
        struct job_set bigger = {.cap = s->cap ? s->cap * 2 : CAP_FIRST, .count = s->count};

        bigger.slots = xmalloc(bigger.cap * sizeof *bigger.slots);
        for (size_t i = 0; i < bigger.cap; i++)
                bigger.slots[i] = SLOT_FREE;
        for (size_t i = 0; i < s->cap; i++) {
                if (s->slots[i] != SLOT_FREE)
                        bigger.slots[slot_of(&bigger, s->slots[i])] = s->slots[i];
        }
        free(s->slots);
        *s = bigger;
}

void job_set_add(struct job_set *s, int64_t job)
{
        size_t i;

        if ((s->count + 1) * 3 > s->cap * 2)
                grow(s);
        i = slot_of(s, job);
        if (s->slots[i] == job)
                return;
        s->slots[i] = job;
        s->count++;
}

/* What follows in the run moves up, so that no search ends at the hole. */
bool job_set_remove(struct job_set *s, int64_t job)
{
        size_t i;

        if (!job_set_has(s, job))
                return false;
        i = slot_of(s, job);
        s->slots[i] = SLOT_FREE;
        s->count--;
        for (i = (i + 1) & (s->cap - 1); s->slots[i] != SLOT_FREE; i = (i + 1) & (s->cap - 1)) {
                int64_t moving = s->slots[i];

                s->slots[i] = SLOT_FREE;
                s->slots[slot_of(s, moving)] = moving;
        }
        return true;
}
