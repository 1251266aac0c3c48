/* SPDX-License-Identifier: Apache-2.0 */
#include "web/progress_reply.h"

#include <math.h>

static void write_progress(struct buf *b, struct rows *r, double fraction)
{
        j_obj(b, "progress");
        if (isnan(fraction))
                j_null(b, "fraction");
        else
                j_f64(b, "fraction", round(fraction * 10000) / 10000);
        j_str(b, "text", row_text(r, "progress_text"));
        j_time(b, "at", row_time(r, "progress_at"));
        j_obj_end(b);
}

void progress_write_attempt(struct buf *b, struct rows *r)
{
        if (row_null(r, "progress_at"))
                j_null(b, "progress");
        else
                write_progress(b, r, row_null(r, "fraction") ? (double)NAN : row_f64(r, "fraction"));
}

/* Of an array: the tasks that ended, and the parts that running ones reported, of all. */
static double job_fraction(struct rows *r)
{
        double total = (double)row_int(r, "task_total");
        double ended = (double)(row_int(r, "succeeded") + row_int(r, "failed") + row_int(r, "cancelled"));

        if (!row_int(r, "parts"))
                return NAN;
        return fmin((ended + row_f64(r, "part_sum")) / total, 1);
}

static void write_pace(struct buf *b, struct rows *r)
{
        if (row_null(r, "pace_at")) {
                j_null(b, "pace");
                return;
        }
        j_obj(b, "pace");
        if (row_null(r, "per_second"))
                j_null(b, "per_second");
        else
                j_f64(b, "per_second", round(row_f64(r, "per_second") * 1000) / 1000);
        if (row_null(r, "pace_high")) {
                j_null(b, "remaining");
        } else {
                j_obj(b, "remaining");
                j_int(b, "low", (int64_t)floor(row_f64(r, "pace_low")));
                j_int(b, "high", (int64_t)ceil(row_f64(r, "pace_high")));
                j_obj_end(b);
        }
        j_time(b, "at", row_time(r, "pace_at"));
        j_obj_end(b);
}

void progress_write_job(struct buf *b, struct rows *r)
{
        if (row_null(r, "progress_at"))
                j_null(b, "progress");
        else
                write_progress(b, r, job_fraction(r));
        write_pace(b, r);
}
