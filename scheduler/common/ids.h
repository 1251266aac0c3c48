/* SPDX-License-Identifier: Apache-2.0 */
/* ids.h - ids that cannot be mistaken for one another, and the key that names one attempt. */
#ifndef REEVE_IDS_H
#define REEVE_IDS_H

#include <stdbool.h>
#include <stdint.h>

struct job_id {
        int64_t v;
};
struct site_id {
        int32_t v;
};
struct worker_id {
        int32_t v;
};
struct project_id {
        int32_t v;
};
struct dataset_id {
        int64_t v;
};

/* One attempt: 1234.7#2. The attempt number is its fencing token; the key is unique for ever. */
struct attempt_key {
        int64_t job;
        int32_t task;
        int32_t attempt;
};

static inline bool attempt_key_equal(struct attempt_key a, struct attempt_key b)
{
        return a.job == b.job && a.task == b.task && a.attempt == b.attempt;
}

static inline uint64_t hash_mix(uint64_t x)
{
        /* splitmix64 finalizer (Steele, Lea, Flood 2014) */
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
        x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
        return x ^ (x >> 31);
}

#endif
