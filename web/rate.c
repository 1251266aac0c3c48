/* SPDX-License-Identifier: Apache-2.0 */
#include "web/rate.h"

#include "common/util.h"

#include <pthread.h>

struct bucket {
        int64_t used; /* thousandths of tokens that are missing: an empty record is a full bucket */
        int64_t at;   /* ms */
};

struct rate {
        pthread_mutex_t lock;
        int64_t per_second;
        struct bucket users[RATE_USERS]; /* by number, modulo */
};

struct rate *rate_new(int64_t per_second)
{
        struct rate *r = xcalloc(1, sizeof *r);

        pthread_mutex_init(&r->lock, NULL);
        r->per_second = per_second;
        return r;
}

void rate_free(struct rate *r)
{
        if (!r)
                return;
        pthread_mutex_destroy(&r->lock);
        free(r);
}

/* A request is a thousand of what per_second gives in a millisecond. */
struct rate_left rate_take(struct rate *r, int32_t user, int64_t now_ms)
{
        struct rate_left ret = {.allowed = true, .burst = r->per_second * RATE_BURST_S};
        struct bucket *b = &r->users[(uint32_t)user % RATE_USERS];
        int64_t all = ret.burst * 1000;

        if (!ret.burst)
                return ret;
        pthread_mutex_lock(&r->lock);
        b->used -= (now_ms - b->at) * r->per_second;
        if (b->used < 0)
                b->used = 0;
        b->at = now_ms;
        ret.allowed = b->used + 1000 <= all;
        if (ret.allowed)
                b->used += 1000;
        ret.left = (all - b->used) / 1000;
        ret.again =
            ret.left > 0 ? 0 : (b->used + 1000 - all + 1000 * r->per_second - 1) / (1000 * r->per_second);
        pthread_mutex_unlock(&r->lock);
        return ret;
}
