/* SPDX-License-Identifier: Apache-2.0 */
#include "web/hints.h"

#include "common/num.h"

#include <stdio.h>

#define MEMORY_SPARE  1.2 /* of the peak: what differs from run to run */
#define MEMORY_LEAST  (INT64_C(64) << 20)
#define TIME_SPARE    1.5 /* sites differ in speed more than runs in memory */
#define TIME_LEAST    600
#define WORTH_SAYING  0.75 /* less than this part of what was asked: the rest could serve others */
#define CPUS_ATTEMPTS 3    /* one run that waited for its data says little */

static const char *runs(const struct hint_past *p, char text[48])
{
        if (p->jobs == 1)
                snprintf(text, 48, "Your last run of this name");
        else
                snprintf(text, 48, "Your last %lld runs of this name", (long long)p->jobs);
        return text;
}

/* The next of 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 5, ... times a power of two: figures that people write.
 */
static int64_t round_up(int64_t v, int64_t unit)
{
        int64_t step = unit;

        while (step * 8 <= v)
                step *= 2;
        return (v + step - 1) / step * step;
}

static bool hint_memory(const struct hint_past *p, struct hint *h)
{
        int64_t want = round_up((int64_t)((double)p->memory_peak * MEMORY_SPARE), MEMORY_LEAST);
        char used[32], asked[32], who[48];
        int64_t gib = INT64_C(1) << 30, mib = INT64_C(1) << 20;

        if (p->memory_peak <= 0 || (p->memory_asked && p->memory_peak <= p->memory_asked &&
                                    (double)want > WORTH_SAYING * (double)p->memory_asked))
                return false;
        h->member = "memory";
        h->value = want;
        snprintf(h->text, sizeof h->text, want % gib ? "%lldM" : "%lldG",
                 (long long)(want % gib ? want / mib : want / gib));
        num_format_size(p->memory_peak, used);
        num_format_size(p->memory_asked, asked);
        if (p->memory_asked)
                snprintf(h->sentence, sizeof h->sentence,
                         "%s used at most %s of memory a task; the most that was asked for is %s.",
                         runs(p, who), used, asked);
        else
                snprintf(h->sentence, sizeof h->sentence, "%s used at most %s of memory a task.",
                         runs(p, who), used);
        return true;
}

static bool hint_time(const struct hint_past *p, struct hint *h)
{
        int64_t want = round_up((int64_t)(p->wall_max * TIME_SPARE), TIME_LEAST);
        char took[32], asked[32], who[48];

        if (p->wall_max <= 0 || (p->time_asked > 0 && (double)want > WORTH_SAYING * p->time_asked))
                return false;
        h->member = "time_limit";
        h->value = want;
        if (want % 3600 == 0)
                snprintf(h->text, sizeof h->text, "%lldh", (long long)(want / 3600));
        else
                snprintf(h->text, sizeof h->text, "%lldm", (long long)(want / 60));
        num_format_duration((int64_t)(p->wall_max * 1000), took);
        num_format_duration((int64_t)(p->time_asked * 1000), asked);
        if (p->time_asked > 0)
                snprintf(h->sentence, sizeof h->sentence,
                         "%s took at most %s a task; the longest limit that was asked for is %s.",
                         runs(p, who), took, asked);
        else
                snprintf(h->sentence, sizeof h->sentence,
                         "%s took at most %s a task, without a limit: one lets Reeve plan.", runs(p, who),
                         took);
        return true;
}

static bool hint_cpus(const struct hint_past *p, struct hint *h)
{
        int64_t want = (int64_t)(p->cpus_used + 0.95);
        char who[48];

        want = want < 1 ? 1 : want;
        if (p->cpus_used <= 0 || p->attempts < CPUS_ATTEMPTS || want >= p->cpus_asked)
                return false;
        h->member = "cpus";
        h->value = want;
        snprintf(h->text, sizeof h->text, "%lld", (long long)want);
        snprintf(h->sentence, sizeof h->sentence,
                 "%s kept at most %.1f processors at work; the most that was asked for is %lld.",
                 runs(p, who), p->cpus_used, (long long)p->cpus_asked);
        return true;
}

size_t hints_make(const struct hint_past *past, struct hint ret[HINTS_MAX])
{
        size_t n = 0;

        if (past->jobs < 1)
                return 0;
        n += hint_memory(past, &ret[n]);
        n += hint_time(past, &ret[n]);
        n += hint_cpus(past, &ret[n]);
        return n;
}
