/* SPDX-License-Identifier: Apache-2.0 */
/* request.h - one request on its way through the server: what came in, who asks, what goes out.
 *
 * A handler reads the parts it needs, writes the reply into rq->out and returns
 *         0             the reply is ready (rq->status, 200 unless set),
 *         -1            *err says why not; the server makes the problem document,
 *         REQUEST_WAIT  not yet: it is called again when something changed, or after rq->recheck_ms at most;
 *                       rq->timed_out is set when the deadline rq->wait_until passed meanwhile.
 * A handler may run several times for one request (waiting; a transaction that is repeated): it starts from
 * nothing each time, but for the members under "kept".
 */
#ifndef REEVE_REQUEST_H
#define REEVE_REQUEST_H

#include "web/auth.h"
#include "web/fields.h"
#include "web/rate.h"
#include "web/peer.h"
#include "web/reply.h"

#include <sys/types.h>

#define REQUEST_WAIT        1
#define REQUEST_SEGMENTS    10
#define REQUEST_CAPTURES    4
#define REQUEST_QUERY_MAX   32
#define REQUEST_HEADERS_MAX 16
#define REPLY_MAX           (64u << 20)

struct web;
struct route;
struct link;
struct stream;
struct upload;
struct download;
struct errand;
struct MHD_Connection;

struct query_param {
        char *name, *value;
};

struct request {
        struct web *web;
        struct MHD_Connection *con;
        struct link *link;
        /* where it came from */
        char address[PEER_TEXT_MAX]; /* of the client, behind trusted proxies; "unix" */
        bool secure;                 /* the client speaks TLS */
        /* what came in */
        const struct route *route; /* NULL: no such path */
        const char *method;
        bool is_head;
        char *uri;  /* as received */
        char *path; /* without the query, as received */
        char *segments[REQUEST_SEGMENTS];
        size_t segment_count;
        const char *captures[REQUEST_CAPTURES]; /* decoded, in the order of the pattern */
        struct query_param query[REQUEST_QUERY_MAX];
        size_t query_count;
        bool uri_is_bad;
        struct buf body;
        uint64_t body_seen;  /* bytes of it that came */
        size_t body_counted; /* bytes of it in the server's budget */
        json_t *json;
        struct principal *who;
        bool dry_run;
        int64_t started_us;
        /* what goes out */
        unsigned status;
        struct buf out;
        const char *type; /* content type; JSON unless set */
        struct {
                const char *name;
                char *value;
        } headers[REQUEST_HEADERS_MAX];
        size_t header_count;
        size_t etag_len; /* leading bytes of the reply that the ETag covers; 0: all */
        struct issues issues;
        char audit[256];                        /* particulars for the audit chain */
        char audit_project[72], audit_site[72]; /* what it is about; "": what the path says */
        bool wakes_engine, wakes_web, forgets_auth;
        int64_t changes_job;        /* with wakes_web: which (wake.h); 0: none */
        bool audits_refusal;        /* that it is refused stands in the audit, whatever the reason */
        const uint8_t *static_data; /* reply bytes that live as long as the program, instead of out */
        size_t static_len;
        struct stream *stream;     /* the reply goes on and on; owned until it is a response */
        struct download *download; /* likewise, a file */
        bool failed;               /* out holds a problem document */
        struct upload *upload;     /* where the body goes instead of into memory; owned */
        int64_t retry_after_s;     /* of a 429; 0: the usual */
        /* kept from run to run */
        struct rate_left rate; /* what its caller may still ask */
        bool begun;
        bool ready;         /* the head decided the answer */
        bool body_is_long;  /* its client has longer to send it */
        int64_t wait_until; /* boot ms; 0: does not wait */
        int64_t recheck_ms; /* look again after this time even without news */
        bool timed_out;
        char of_site[72]; /* the site of the worker in the path */
        int64_t call;     /* the call waited for, and which step it is */
        int call_step;
        int64_t call_size;
        int64_t call_until;    /* boot ms: not waited for any longer */
        json_t *kept;          /* owned: an answer that is shown until there is a newer one */
        int64_t kept_at;       /* boot ms */
        struct errand *errand; /* owned: what is done aside */
        /* while suspended */
        bool woken; /* by name, under the lock of what waits */
        struct request *wait_prev, *wait_next;
        uint64_t news_seen;
        int64_t checked_at, due_at;
};

void request_release(struct request *rq);
/* Make the reply empty again, before another run. */
void request_reset(struct request *rq);

/* Take apart a raw request target; sets uri_is_bad when it is malformed. */
void request_parse_uri(struct request *rq, const char *uri);
/* A parameter of the query, or NULL. */
const char *request_query(const struct request *rq, const char *name);
/* Integer parameter with limits; absent: fallback. */
int request_query_int(const struct request *rq, const char *name, int64_t min, int64_t max, int64_t fallback,
                      int64_t *ret, struct err *err);
int request_limit(const struct request *rq, int *ret, struct err *err);
/* A number in the path; what is no number names nothing: ERR_NOT_FOUND. */
int request_capture_int(const struct request *rq, size_t i, const char *what, int64_t *ret, struct err *err);

/* Read the body by a table. -1 when anything is wrong (rq->issues say what). */
int request_body(struct request *rq, const struct field *fields, void *out, uint64_t *ret_given,
                 struct err *err);
/* Fails the request with what rq->issues hold. */
int request_invalid(struct request *rq, struct err *err);

void request_header(struct request *rq, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void request_audit(struct request *rq, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Whose it is, for those who govern it; NULL: no such. */
void request_about(struct request *rq, const char *project, const char *site);

/* Opaque cursors: a text in, URL-safe out. Decoding gives -1 for what we never gave out. */
void cursor_write(struct buf *b, const char *key, const char *text);
void cursor_write_int(struct buf *b, const char *key, int64_t v);                  /* 0: null, the end */
int cursor_read(const struct request *rq, char *ret, size_t max, struct err *err); /* 1, 0 absent */
int cursor_read_int(const struct request *rq, int64_t fallback, int64_t *ret, struct err *err);

#endif
