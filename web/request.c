/* SPDX-License-Identifier: Apache-2.0 */
#include "web/request.h"

#include "common/num.h"
#include "common/util.h"
#include "web/download.h"
#include "web/errand.h"
#include "web/stream.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LIMIT_MAX     1000
#define LIMIT_DEFAULT 100

void request_reset(struct request *rq)
{
        rq->status = 200;
        buf_clear(&rq->out);
        rq->type = NULL;
        for (size_t i = 0; i < rq->header_count; i++)
                free(rq->headers[i].value);
        rq->header_count = 0;
        rq->etag_len = 0;
        issues_clear(&rq->issues);
        rq->audit[0] = rq->audit_project[0] = rq->audit_site[0] = '\0';
        rq->wakes_engine = rq->wakes_web = rq->forgets_auth = false;
        rq->changes_job = 0;
        rq->audits_refusal = false;
        rq->static_data = NULL;
        stream_free(MOVE(rq->stream));
        download_free(MOVE(rq->download));
        rq->failed = false;
        rq->retry_after_s = 0;
}

void request_release(struct request *rq)
{
        request_reset(rq);
        errand_drop(rq);
        buf_release(&rq->out);
        buf_release(&rq->body);
        issues_release(&rq->issues);
        json_decref(rq->json);
        json_decref(rq->kept);
        principal_unref(rq->who);
        for (size_t i = 0; i < rq->segment_count; i++)
                free(rq->segments[i]);
        for (size_t i = 0; i < rq->query_count; i++) {
                free(rq->query[i].name);
                free(rq->query[i].value);
        }
        free(rq->uri);
        free(rq->path);
}

/* ---- request target --------------------------------------------------------------------------------------
 */

static int hex_digit(char c)
{
        return c >= '0' && c <= '9'   ? c - '0'
               : c >= 'a' && c <= 'f' ? c - 'a' + 10
               : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                      : -1;
}

/* Undo percent encoding; NULL when it is malformed, holds NUL, or is not UTF-8. */
static char *decode(const char *s, size_t n, bool plus)
{
        char *out = xmalloc(n + 1);
        size_t k = 0, len;

        for (size_t i = 0; i < n; i++) {
                if (s[i] == '%') {
                        int hi = i + 1 < n ? hex_digit(s[i + 1]) : -1;
                        int lo = i + 2 < n ? hex_digit(s[i + 2]) : -1;

                        if (hi < 0 || lo < 0 || (hi == 0 && lo == 0))
                                goto bad;
                        out[k++] = (char)(hi << 4 | lo);
                        i += 2;
                } else {
                        out[k++] = plus && s[i] == '+' ? ' ' : s[i];
                }
        }
        out[k] = '\0';
        for (size_t i = 0; i < k; i += len) {
                len = utf8_len(out + i, k - i);
                if (!len)
                        goto bad;
        }
        return out;
bad:
        free(out);
        return NULL;
}

static void parse_path(struct request *rq)
{
        const char *p = rq->path;

        if (*p != '/') {
                rq->uri_is_bad = true;
                return;
        }
        while (*p == '/' && !rq->uri_is_bad) {
                size_t n = strcspn(p + 1, "/");
                char *part = decode(p + 1, n, false);

                if (!part || rq->segment_count == REQUEST_SEGMENTS) {
                        free(part);
                        rq->uri_is_bad = true;
                        return;
                }
                rq->segments[rq->segment_count++] = part;
                p += 1 + n;
        }
}

static void parse_query(struct request *rq, const char *q)
{
        while (*q && !rq->uri_is_bad) {
                size_t n = strcspn(q, "&"), name = strcspn(q, "=&");
                struct query_param p = {0};

                if (n) {
                        p.name = decode(q, name, true);
                        p.value = name < n ? decode(q + name + 1, n - name - 1, true) : xstrdup("");
                        if (!p.name || !p.value || rq->query_count == REQUEST_QUERY_MAX ||
                            request_query(rq, p.name)) {
                                free(p.name);
                                free(p.value);
                                rq->uri_is_bad = true;
                                return;
                        }
                        rq->query[rq->query_count++] = p;
                }
                q += n;
                q += *q == '&';
        }
}

void request_parse_uri(struct request *rq, const char *uri)
{
        size_t n = strcspn(uri, "?");

        rq->uri = xstrdup(uri);
        rq->path = xstrndup(uri, n);
        parse_path(rq);
        if (uri[n] == '?')
                parse_query(rq, uri + n + 1);
}

const char *request_query(const struct request *rq, const char *name)
{
        for (size_t i = 0; i < rq->query_count; i++)
                if (strcmp(rq->query[i].name, name) == 0)
                        return rq->query[i].value;
        return NULL;
}

int request_query_int(const struct request *rq, const char *name, int64_t min, int64_t max, int64_t fallback,
                      int64_t *ret, struct err *err)
{
        const char *text = request_query(rq, name);

        if (text)
                return num_int(name, text, min, max, ret, err);
        *ret = fallback;
        return 0;
}

int request_limit(const struct request *rq, int *ret, struct err *err)
{
        int64_t v;

        if (request_query_int(rq, "limit", 1, LIMIT_MAX, LIMIT_DEFAULT, &v, err) < 0)
                return -1;
        *ret = (int)v;
        return 0;
}

int request_capture_int(const struct request *rq, size_t i, const char *what, int64_t *ret, struct err *err)
{
        if (num_int(what, rq->captures[i], 0, INT64_MAX, ret, NULL) < 0)
                return err_set(err, ERR_NOT_FOUND, "no %s \"%.100s\"", what, rq->captures[i]);
        return 0;
}

/* ---- body ------------------------------------------------------------------------------------------------
 */

int request_invalid(struct request *rq, struct err *err)
{
        if (rq->issues.count == 1)
                return err_set(err, ERR_BAD_INPUT, "%s: %s", rq->issues.list[0].pointer,
                               rq->issues.list[0].detail);
        return err_set(err, ERR_BAD_INPUT, "%zu things are wrong with the request; \"errors\" names each",
                       rq->issues.count);
}

int request_body(struct request *rq, const struct field *fields, void *out, uint64_t *ret_given,
                 struct err *err)
{
        if (!rq->json)
                rq->json = json_object(); /* a body that may be left out */
        fields_read(rq->json, fields, out, ret_given, &rq->issues);
        return rq->issues.count ? request_invalid(rq, err) : 0;
}

/* ---- reply -----------------------------------------------------------------------------------------------
 */

void request_header(struct request *rq, const char *name, const char *fmt, ...)
{
        char text[1024];
        va_list ap;

        if (rq->header_count == REQUEST_HEADERS_MAX)
                return;
        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        rq->headers[rq->header_count].name = name;
        rq->headers[rq->header_count++].value = xstrdup(text);
}

/* What did not fit may have been cut within a character, which no database takes. */
static void cut_to_characters(char *text)
{
        size_t n = strlen(text), at = n;

        while (at && n - at < 4 && ((unsigned char)text[at - 1] & 0xC0) == 0x80)
                at--;
        if (at && (unsigned char)text[at - 1] >= 0xC0 && !utf8_len(text + at - 1, n - at + 1))
                text[at - 1] = 0;
}

void request_audit(struct request *rq, const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(rq->audit, sizeof rq->audit, fmt, ap);
        va_end(ap);
        cut_to_characters(rq->audit);
}

void request_about(struct request *rq, const char *project, const char *site)
{
        snprintf(rq->audit_project, sizeof rq->audit_project, "%s", project ? project : "");
        snprintf(rq->audit_site, sizeof rq->audit_site, "%s", site ? site : "");
}

/* ---- cursors ---------------------------------------------------------------------------------------------
 */

#define CURSOR_VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define CURSOR_MAX     2048

void cursor_write(struct buf *b, const char *key, const char *text)
{
        char out[sodium_base64_ENCODED_LEN(CURSOR_MAX, CURSOR_VARIANT)];
        size_t n = strlen(text);

        if (n > CURSOR_MAX) {
                j_null(b, key);
                return;
        }
        sodium_bin2base64(out, sizeof out, (const unsigned char *)text, n, CURSOR_VARIANT);
        j_str(b, key, out);
}

void cursor_write_int(struct buf *b, const char *key, int64_t v)
{
        char text[24];

        snprintf(text, sizeof text, "%lld", (long long)v);
        if (v)
                cursor_write(b, key, text);
        else
                j_null(b, key);
}

int cursor_read(const struct request *rq, char *ret, size_t max, struct err *err)
{
        const char *text = request_query(rq, "cursor");
        size_t n;

        if (!text)
                return 0;
        if (sodium_base642bin((unsigned char *)ret, max - 1, text, strlen(text), NULL, &n, NULL,
                              CURSOR_VARIANT) < 0 ||
            memchr(ret, '\0', n))
                return err_set(err, ERR_BAD_INPUT,
                               "cursor: not one that a list gave; start without a cursor");
        ret[n] = '\0';
        return 1;
}

int cursor_read_int(const struct request *rq, int64_t fallback, int64_t *ret, struct err *err)
{
        char text[32];
        int rc = cursor_read(rq, text, sizeof text, err);

        if (rc < 0)
                return -1;
        if (!rc) {
                *ret = fallback;
                return 0;
        }
        if (num_int("cursor", text, 0, INT64_MAX, ret, NULL) < 0)
                return err_set(err, ERR_BAD_INPUT,
                               "cursor: not one that a list gave; start without a cursor");
        return 0;
}
