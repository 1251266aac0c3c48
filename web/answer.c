/* SPDX-License-Identifier: Apache-2.0 */
/* answer.c - a reply that is made, given to libmicrohttpd with its headers. */
#include "web/web_priv.h"

#include "common/util.h"
#include "web/download.h"
#include "web/metrics.h"
#include "web/stream.h"

#include <stdio.h>
#include <string.h>

static const char *const fixed_headers[][2] = {
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Frame-Options", "DENY"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Permissions-Policy", "camera=(), geolocation=(), microphone=()"},
};

#define PAGE_CSP                                                                                             \
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "         \
        "connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "  \
        "frame-ancestors 'none'; require-trusted-types-for 'script'"
#define DATA_CSP "default-src 'none'; frame-ancestors 'none'; sandbox"

static struct MHD_Response *response_make(struct request *rq)
{
        struct buf *b = &rq->out;

        if (rq->stream)
                return stream_response(MOVE(rq->stream));
        if (rq->download)
                return download_response(MOVE(rq->download), rq->con);
        if (rq->status == 304)
                return MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
        if (rq->static_data)
                return MHD_create_response_from_buffer(rq->static_len, (void *)(uintptr_t)rq->static_data,
                                                       MHD_RESPMEM_PERSISTENT);
        if (!b->data)
                return MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);

        struct MHD_Response *r = MHD_create_response_from_buffer(buf_len(b), b->data, MHD_RESPMEM_MUST_FREE);

        if (r)
                *b = (struct buf){.max = b->max};
        return r;
}

/* What the caller has left of his requests, as draft-ietf-httpapi-ratelimit-headers writes it. */
static void add_rate(const struct request *rq, struct MHD_Response *r)
{
        char text[80];

        if (!rq->rate.burst)
                return;
        snprintf(text, sizeof text, "\"user\";q=%lld;w=%d", (long long)rq->rate.burst, RATE_BURST_S);
        MHD_add_response_header(r, "RateLimit-Policy", text);
        snprintf(text, sizeof text, "\"user\";r=%lld;t=%lld", (long long)rq->rate.left,
                 (long long)rq->rate.again);
        MHD_add_response_header(r, "RateLimit", text);
}

static void add_headers(struct request *rq, struct MHD_Response *r)
{
        bool is_page = rq->type && strncmp(rq->type, "text/html", 9) == 0, cached = false;

        for (size_t i = 0; i < ARRAY_LEN(fixed_headers); i++)
                MHD_add_response_header(r, fixed_headers[i][0], fixed_headers[i][1]);
        MHD_add_response_header(r, "Content-Security-Policy", is_page ? PAGE_CSP : DATA_CSP);
        if (rq->secure)
                MHD_add_response_header(r, "Strict-Transport-Security", "max-age=31536000");
        if (rq->status != 304)
                MHD_add_response_header(r, "Content-Type", rq->type ? rq->type : "application/json");
        add_rate(rq, r);
        for (size_t i = 0; i < rq->header_count; i++) {
                MHD_add_response_header(r, rq->headers[i].name, rq->headers[i].value);
                cached |= strcmp(rq->headers[i].name, "Cache-Control") == 0;
        }
        if (!cached)
                MHD_add_response_header(r, "Cache-Control", "no-store");
}

enum MHD_Result answer(struct request *rq)
{
        struct MHD_Response *r;
        enum MHD_Result rc;

        if (rq->out.overflow)
                problem_reply(rq, 500, NULL, "the answer is too large; ask for less");
        link_set_deadline(rq->link, buf_len(&rq->out) > BODY_MAX ? REQUEST_BIG_MS : REQUEST_MS);
        metrics_count(rq->web->metrics, rq->route, rq->status, web_now_us() - rq->started_us);
        atomic_fetch_add_explicit(&rq->web->requests, 1, memory_order_relaxed);
        r = response_make(rq);
        if (!r)
                return MHD_NO;
        add_headers(rq, r);
        rc = MHD_queue_response(rq->con, rq->status, r);
        MHD_destroy_response(r);
        return rc;
}
