/* SPDX-License-Identifier: Apache-2.0 */
#include "core/res.h"

#include <string.h>

bool res_fits(const struct res *need, const struct res *in)
{
        return res_times(need, in, 1) == 1;
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
        max = limit(max, need->slots, in->slots);
        max = limit(max, need->cpus, in->cpus);
        max = limit(max, need->gpus, in->gpus);
        max = limit(max, need->memory, in->memory);
        for (int i = 0; i < RES_CUSTOM_MAX; i++)
                max = limit(max, need->custom[i], in->custom[i]);
        return max;
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
