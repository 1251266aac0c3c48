/* SPDX-License-Identifier: Apache-2.0 */
/* Request targets: path, query, route, cursor. */
#include "common/embed.h"
#include "common/util.h"
#include "tests/fuzz/fuzz.h"
#include "web/routes.h"

#include <stdlib.h>
#include <string.h>

/* The pages of the dashboard are of no interest here. */
const struct embedded asset_files[1];
const uint64_t asset_files_count = 0;

static void check_request(struct request *rq)
{
        static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
        struct err err;
        char allow[ALLOW_MAX], cursor[256];
        int64_t v;
        int limit;

        must(rq->segment_count <= REQUEST_SEGMENTS && rq->query_count <= REQUEST_QUERY_MAX);
        for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
                int status;

                rq->method = methods[i];
                rq->route = NULL;
                status = route_match(rq, allow);
                must(status == 200 ? rq->route != NULL : status == 404 || (status == 405 && *allow));
                must(memchr(allow, 0, sizeof allow) != NULL);
                if (status == 200) {
                        for (size_t k = 0; k < rq->query_count; k++)
                                (void)route_takes(rq->route, rq->query[k].name);
                }
        }
        if (request_limit(rq, &limit, &err) == 0)
                must(limit > 0);
        if (cursor_read(rq, cursor, sizeof cursor, &err) == 1)
                must(strlen(cursor) < sizeof cursor);
        if (cursor_read_int(rq, 5, &v, &err) == 0)
                must(v >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static bool ready;
        AUTO_FREE char *uri = xstrndup((const char *)data, size);
        struct request rq = {0};

        if (!ready)
                routes_init();
        ready = true;
        request_parse_uri(&rq, uri);
        if (!rq.uri_is_bad)
                check_request(&rq);
        request_release(&rq);
        return 0;
}

static void seed_route(const struct route *r)
{
        fuzz_seed_text(r->pattern);
}

void fuzz_seeds(void)
{
        struct buf b;

        for (size_t i = 0; i < routes_count; i++)
                seed_route(&routes[i]);
        buf_init(&b, 4096);
        buf_text(&b, "/v1/jobs?limit=10&state=active&name=a%20b+c");
        /* {"next":"MTIz"} */
        cursor_write_int(&b, "cursor", 123);
        fuzz_seed(buf_bytes(&b), buf_len(&b));
        buf_release(&b);
        fuzz_seed_text("/v1/jobs?cursor=MTIz&limit=5");
        fuzz_seed_text("/v1/jobs/12/tasks/7/log?stream=stdout&offset=5&limit=100");
}
