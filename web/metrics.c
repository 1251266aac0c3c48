/* SPDX-License-Identifier: Apache-2.0 */
#include "web/metrics.h"

#include "common/util.h"

#include <inttypes.h>

static const unsigned statuses[] = {200, 201, 202, 204, 304, 400, 401, 403, 404,
                                    405, 409, 413, 415, 422, 429, 500, 503, 507};
static const int64_t buckets_us[] = {250,   500,   1000,   2500,   5000,    10000,
                                     25000, 50000, 100000, 250000, 1000000, 5000000};

#define STATUS_COUNT ARRAY_LEN(statuses)
#define BUCKET_COUNT ARRAY_LEN(buckets_us)

struct metrics {
        atomic_llong (
            *counts)[STATUS_COUNT + 1]; /* by route, the last for unknown paths; last status: others */
        atomic_llong buckets[BUCKET_COUNT + 1];
        atomic_llong sum_us, count;
};

struct metrics *metrics_new(void)
{
        struct metrics *m = xcalloc(1, sizeof *m);

        m->counts = xcalloc(routes_count + 1, sizeof *m->counts);
        return m;
}

void metrics_free(struct metrics *m)
{
        if (m)
                free(m->counts);
        free(m);
}

void metrics_count(struct metrics *m, const struct route *route, unsigned status, int64_t took_us)
{
        size_t s = 0, b = 0;

        while (s < STATUS_COUNT && statuses[s] != status)
                s++;
        while (b < BUCKET_COUNT && took_us > buckets_us[b])
                b++;
        atomic_fetch_add_explicit(&m->counts[route ? route->index : routes_count][s], 1,
                                  memory_order_relaxed);
        atomic_fetch_add_explicit(&m->buckets[b], 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&m->sum_us, took_us, memory_order_relaxed);
        atomic_fetch_add_explicit(&m->count, 1, memory_order_relaxed);
}

static void write_counts(struct buf *b, const struct metrics *m)
{
        buf_text(b, "# HELP reeve_http_requests_total Requests answered, by route and status.\n"
                    "# TYPE reeve_http_requests_total counter\n");
        for (size_t r = 0; r <= routes_count; r++)
                for (size_t s = 0; s <= STATUS_COUNT; s++) {
                        int64_t n = atomic_load(&m->counts[r][s]);

                        if (!n)
                                continue;
                        buf_printf(
                            b,
                            "reeve_http_requests_total{method=\"%s\",route=\"%s\",status=\"%u\"} %" PRId64
                            "\n",
                            r < routes_count ? routes[r].method : "",
                            r < routes_count ? routes[r].pattern : "none", s < STATUS_COUNT ? statuses[s] : 0,
                            n);
                }
}

void metrics_write(struct buf *b, const struct metrics *m)
{
        int64_t below = 0;

        write_counts(b, m);
        buf_text(
            b,
            "# HELP reeve_http_request_seconds Time from a request's head to its answer, waiting included.\n"
            "# TYPE reeve_http_request_seconds histogram\n");
        for (size_t i = 0; i < BUCKET_COUNT; i++) {
                below += atomic_load(&m->buckets[i]);
                buf_printf(b, "reeve_http_request_seconds_bucket{le=\"%g\"} %" PRId64 "\n",
                           (double)buckets_us[i] / 1e6, below);
        }
        below += atomic_load(&m->buckets[BUCKET_COUNT]);
        buf_printf(b, "reeve_http_request_seconds_bucket{le=\"+Inf\"} %" PRId64 "\n", below);
        buf_printf(b, "reeve_http_request_seconds_sum %g\n", (double)atomic_load(&m->sum_us) / 1e6);
        buf_printf(b, "reeve_http_request_seconds_count %" PRId64 "\n", below);
}
