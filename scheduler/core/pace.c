/* SPDX-License-Identifier: Apache-2.0 */
#include "core/pace.h"

#include <math.h>

#define NOTICEABLE 0.1  /* relative */
#define SPREAD_MAX 0.5  /* of what few ends can tell */
#define SPREAD_MIN 0.05 /* no forecast is surer */
#define LONG_S     3e9  /* about a century: beyond it nothing is said */

void pace_begin(struct pace *p, int64_t at, double done)
{
        *p = (struct pace){at, at, done, done};
}

static double rate(double done, int64_t ms)
{
        return ms > 0 && done > 0 ? done * 1000 / (double)ms : 0;
}

/* The recent past moves along: never shorter than its length, at most twice as long while things happen. */
static void advance(struct pace *p, int64_t now, int64_t started, double done)
{
        int64_t length = (now - started) / 5;

        length = length < PACE_RECENT_MS       ? PACE_RECENT_MS
                 : length > PACE_RECENT_MAX_MS ? PACE_RECENT_MAX_MS
                                               : length;
        if (now - p->new_at < length)
                return;
        p->old_at = p->new_at;
        p->old_done = p->new_done;
        p->new_at = now;
        p->new_done = done;
}

static double spread_of(double ends)
{
        double s = ends > 0 ? 1 / sqrt(ends) : SPREAD_MAX;

        return s > SPREAD_MAX ? SPREAD_MAX : s < SPREAD_MIN ? SPREAD_MIN : s;
}

bool pace_look(struct pace *p, int64_t now, int64_t started, double done, double total, double grain,
               struct pace_estimate *ret)
{
        double whole = rate(done, now - started), recent, slow, fast, spread, left = total - done;

        advance(p, now, started, done);
        if (done <= 0 || left < 0 || (done < total * PACE_PART && now - started < PACE_MS))
                return false;
        recent = rate(done - p->old_done, now - p->old_at);
        spread = grain > 0 ? spread_of((done - p->old_done) / grain) : SPREAD_MIN;
        slow = (recent < whole ? recent : whole) * (1 - spread);
        fast = (recent > whole ? recent : whole) * (1 + spread);
        *ret = (struct pace_estimate){recent, left / fast, slow > 0 ? left / slow : -1};
        if (ret->high > LONG_S)
                ret->high = -1;
        return true;
}

static bool differs(double a, double b)
{
        double larger = fabs(a) > fabs(b) ? fabs(a) : fabs(b);

        return fabs(a - b) > larger * NOTICEABLE;
}

bool pace_differs(const struct pace_estimate *a, const struct pace_estimate *b)
{
        return differs(a->per_second, b->per_second) || differs(a->low, b->low) || differs(a->high, b->high);
}
