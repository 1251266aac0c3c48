/* SPDX-License-Identifier: Apache-2.0 */
/* The live stream: who may hear what; stream.c does the rest. */
#include "web/api.h"

#include "common/num.h"
#include "common/util.h"
#include "store/store_stream.h"
#include "web/stream.h"

#include <string.h>

static int refuse(struct request *rq, const char *pointer, const char *code, const char *what,
                  const char *why, struct err *err)
{
        if (what)
                issue_add(&rq->issues, pointer, code, "\"%.64s\" %s", what, why);
        else
                issue_add(&rq->issues, pointer, code, "%s", why);
        return request_invalid(rq, err);
}

static int check_jobs(struct request *rq, struct db *db, const struct topic *topics, size_t n,
                      struct err *err)
{
        struct visible who = principal_visible(rq->who);
        AUTO_ROWS struct rows *r = NULL;
        int64_t ids[TOPICS_MAX];
        size_t jobs = 0;

        for (size_t i = 0; i < n; i++)
                if (topics[i].kind == TOPIC_JOB)
                        ids[jobs++] = topics[i].job;
        if (!jobs)
                return 0;
        if (store_jobs_visible(db, &who, ids, jobs, &r, err) < 0)
                return -1;
        while (rows_next(r))
                for (size_t i = 0; i < jobs; i++)
                        if (ids[i] == row_int(r, "id"))
                                ids[i] = 0;
        for (size_t i = 0; i < jobs; i++)
                if (ids[i])
                        return job_unknown(ids[i], err);
        return 0;
}

static uint64_t read_last(const struct request *rq)
{
        const char *header = MHD_lookup_connection_value(rq->con, MHD_HEADER_KIND, "Last-Event-ID");
        const char *text = header && *header ? header : request_query(rq, "last_event_id");
        int64_t n = 0;

        /* What we never gave out is as good as too old. */
        if (text && num_int("Last-Event-ID", text, 1, INT64_MAX, &n, NULL) < 0)
                n = 1;
        return (uint64_t)n;
}

HANDLER(api_stream)
{
        AUTO_FREE char *text = xstrdup(request_query(rq, "topics"));
        struct topic topics[TOPICS_MAX];
        const char *bad = NULL, *why;
        int n;

        if (rq->is_head) {
                request_header(rq, "Allow", "GET");
                problem_reply(rq, 405, NULL, "a stream has no HEAD");
                return 0;
        }
        n = topics_parse(text ? text : (char[1]){0}, topics, &bad, &why);
        if (n < 0)
                return refuse(rq, "?topics", text ? "format" : "missing", bad, why, err);
        if (check_jobs(rq, db, topics, (size_t)n, err) < 0)
                return -1;
        rq->stream = stream_new(rq, topics, (size_t)n, read_last(rq), &why);
        if (!rq->stream) {
                problem_reply(rq, 429, NULL, why);
                return 0;
        }
        rq->type = "text/event-stream";
        request_header(rq, "X-Accel-Buffering", "no");
        return 0;
}
