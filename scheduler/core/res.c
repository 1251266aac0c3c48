/* SPDX-License-Identifier: Apache-2.0 */
#include "core/res.h"

#include <string.h>

bool res_fits(const struct res *need, const struct res *in)
{
        bool fits =
            (need->slots <= in->slots || need->slots <= 0) && (need->cpus <= in->cpus || need->cpus <= 0) &&
            (need->gpus <= in->gpus || need->gpus <= 0) && (need->memory <= in->memory || need->memory <= 0);

        for (int i = 0; fits && i < RES_CUSTOM_MAX; i++)
                fits = need->custom[i] <= in->custom[i] || need->custom[i] <= 0;
        return fits;
}

static int64_t limit(int64_t max, int64_t need, int64_t have)
{
        if (need <= 0)
                return max;
        if (have < need)
                return 0;
        return have / need < max ? have / need : max;
}

int64_t res_times(const struct res *need, const struct res *in, int64_t max)
{
        if (!res_fits(need, in)) /* the usual answer on a busy grid, without a division */
                return 0;
        max = limit(max, need->slots, in->slots);
        max = limit(max, need->cpus, in->cpus);
        max = limit(max, need->gpus, in->gpus);
        max = limit(max, need->memory, in->memory);
        for (int i = 0; i < RES_CUSTOM_MAX; i++)
                max = limit(max, need->custom[i], in->custom[i]);
        return max;
}

static double part(int64_t need, int64_t have, double least)
{
        double p = need > 0 ? (double)have / (double)need : 1;

        return p < least ? p : least;
}

double res_part(const struct res *need, const struct res *free)
{
        double least = part(need->slots, free->slots, 1);

        least = part(need->cpus, free->cpus, least);
        least = part(need->gpus, free->gpus, least);
        least = part(need->memory, free->memory, least);
        for (int i = 0; i < RES_CUSTOM_MAX; i++)
                least = part(need->custom[i], free->custom[i], least);
        return least;
}

static void add(struct res *to, const struct res *need, int64_t times)
{
        to->slots += (int32_t)(need->slots * times);
        to->cpus += (int32_t)(need->cpus * times);
        to->gpus += (int32_t)(need->gpus * times);
        to->memory += need->memory * times;
        for (int i = 0; i < RES_CUSTOM_MAX; i++)
                to->custom[i] += (int32_t)(need->custom[i] * times);
}

void res_take(struct res *from, const struct res *need, int64_t times)
{
        add(from, need, -times);
}

void res_give(struct res *to, const struct res *need, int64_t times)
{
        add(to, need, times);
}

bool res_equal(const struct res *a, const struct res *b)
{
        return a->slots == b->slots && a->cpus == b->cpus && a->gpus == b->gpus && a->memory == b->memory &&
               memcmp(a->custom, b->custom, sizeof a->custom) == 0;
}

bool res_is_sane(const struct res *r)
{
        bool sane = r->slots >= 0 && r->cpus >= 0 && r->gpus >= 0 && r->memory >= 0;

        for (int i = 0; i < RES_CUSTOM_MAX; i++)
                sane = sane && r->custom[i] >= 0;
        return sane;
}
