/* SPDX-License-Identifier: Apache-2.0 */
#include "web/web_priv.h"

#include "common/util.h"

#include <string.h>

#define RETRY_S 30LL /* after too much of something, unless it is known better */

struct problem {
        enum err_code err;
        unsigned status;
        const char *code, *title;
};

static const struct problem problems[] = {
    {ERR_BAD_INPUT, 400, "bad_input", "The request is not right"},
    {ERR_NONE, 422, "bad_input", "The request is not right"},
    {ERR_NOT_FOUND, 404, "not_found", "There is no such thing"},
    {ERR_DENIED, 403, "denied", "You may not do this"},
    {ERR_CONFLICT, 409, "conflict", "It is not in the state this needs"},
    {ERR_LIMIT, 507, "limit", "A limit is reached"},
    {ERR_UNAVAILABLE, 503, "unavailable", "Not available now"},
    {ERR_NONE, 401, "unauthorized", "Log in first"},
    {ERR_NONE, 405, "wrong_method", "This path has no such method"},
    {ERR_NONE, 413, "too_large", "The request is too large"},
    {ERR_NONE, 416, "bad_input", "There are no such bytes"},
    {ERR_NONE, 415, "unsupported_type", "The body is not JSON"},
    {ERR_NONE, 429, "limit", "Too many requests"},
    {ERR_NONE, 500, "internal", "Something is wrong in Reeve"},
};

static const struct problem *problem_of(unsigned status)
{
        for (size_t i = 0; i < ARRAY_LEN(problems); i++)
                if (problems[i].status == status)
                        return &problems[i];
        return &problems[ARRAY_LEN(problems) - 1];
}

unsigned problem_status(size_t i)
{
        return i < ARRAY_LEN(problems) ? problems[i].status : 0;
}

const char *problem_code(unsigned status)
{
        return problem_of(status)->code;
}

const char *problem_title(unsigned status)
{
        return problem_of(status)->title;
}

static void write_issues(struct buf *b, const struct issues *is)
{
        j_arr(b, "errors");
        for (size_t i = 0; i < is->count; i++) {
                j_obj(b, NULL);
                j_str(b, "pointer", is->list[i].pointer);
                j_str(b, "code", is->list[i].code);
                j_str(b, "detail", is->list[i].detail);
                j_obj_end(b);
        }
        j_arr_end(b);
}

void problem_reply(struct request *rq, unsigned status, const char *code, const char *detail)
{
        const struct problem *p = problem_of(status);
        struct buf *b = &rq->out;

        buf_clear(b);
        rq->failed = true;
        rq->static_data = NULL;
        rq->status = status;
        rq->type = "application/problem+json";
        code = code ? code : p->code;
        j_obj(b, NULL);
        buf_printf(b, "\"type\":\"/docs/errors#%s\"", code);
        j_str(b, "title", p->title);
        j_int(b, "status", status);
        j_str(b, "code", code);
        j_str(b, "detail", detail);
        if (rq->issues.count)
                write_issues(b, &rq->issues);
        j_obj_end(b);
        if (status == 503 || status == 429)
                request_header(rq, "Retry-After", "%lld",
                               status == 503       ? 1LL
                               : rq->retry_after_s ? (long long)rq->retry_after_s
                               : rq->rate.again    ? (long long)rq->rate.again
                                                   : RETRY_S);
}

void problem_from_err(struct request *rq, const struct err *err)
{
        for (size_t i = 0; i < ARRAY_LEN(problems); i++)
                if (problems[i].err == err->code && err->code != ERR_NONE) {
                        /* Parameters of the query are the request's, members of the body its content. */
                        bool fields = err->code == ERR_BAD_INPUT && rq->issues.count &&
                                      rq->issues.list[0].pointer[0] != '?';

                        problem_reply(rq, fields ? 422 : problems[i].status, problems[i].code, err->text);
                        return;
                }
        problem_reply(rq, 500, "internal", "the server could not do this; its log says why");
}
