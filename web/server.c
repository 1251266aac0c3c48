/* SPDX-License-Identifier: Apache-2.0 */
/* server.c - one request from its first byte to its answer.
 *
 * libmicrohttpd calls on_request with the head, with each piece of the body, and once more at the end; then
 * the handler runs. What is wrong with the head (path, method, host, rights, size, type) is answered before
 * the body is read. A handler that waits leaves the request suspended; it is called again the same way.
 */
#include "web/web_priv.h"

#include "common/log.h"
#include "common/num.h"
#include "common/util.h"
#include "store/store_people.h"
#include "web/access.h"
#include "web/assets.h"
#include "web/download.h"
#include "web/audit.h"
#include "web/fresh.h"
#include "web/metrics.h"
#include "web/session.h"
#include "web/stream.h"
#include "web/upload.h"
#include "web/wake.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define CONNECTION_MEMORY (32 * 1024)
#define WAIT_MAX_S        60
#define DRAIN_MS          3000
#define BODY_BIG_FROM     (64 * 1024) /* from here on a body gets the long deadline */

static int64_t now_us(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static const char *header(const struct request *rq, const char *name)
{
        return MHD_lookup_connection_value(rq->con, MHD_HEADER_KIND, name);
}

/* ---- database connections --------------------------------------------------------------------------------
 */

struct db *web_db(struct web *w, struct err *err)
{
        struct thread_db *t = pthread_getspecific(w->db_key);
        int64_t now = clock_boot_ms();

        if (!t) {
                t = xcalloc(1, sizeof *t);
                t->tried_at = INT64_MIN / 2;
                pthread_setspecific(w->db_key, t);
        }
        if (t->db && db_is_ok(t->db))
                return t->db;
        if (now - t->tried_at < RECONNECT_GAP_MS) {
                err_set(err, ERR_UNAVAILABLE, "the database is not reachable; try again");
                return NULL;
        }
        t->tried_at = now;
        if ((t->db ? db_reconnect(t->db, err)
                   : db_open(w->conninfo, "reeve-web", STATEMENT_MS, &t->db, err)) < 0)
                return NULL;
        if (db_plan_by_keys(t->db, err) < 0)
                return NULL;
        return t->db;
}

/* ---- who may ask -----------------------------------------------------------------------------------------
 */

/* Name or address of a Host header, without the port. */
static char *host_name(const char *host)
{
        const char *end = host[0] == '[' ? strchr(host, ']') : strchr(host, ':');

        return xstrndup(host, end ? (size_t)(end - host) + (host[0] == '[') : strlen(host));
}

static bool list_has(const char *list, const char *name)
{
        size_t n = strlen(name);

        for (const char *p = list; p && *p; p += strcspn(p, ","), p += *p == ',') {
                p += strspn(p, " ");
                if (*p == '*' ||
                    (strncasecmp(p, name, n) == 0 && (p[n] == ',' || p[n] == '\0' || p[n] == ' ')))
                        return true;
        }
        return false;
}

static bool url_has_host(const char *url, const char *name)
{
        const char *from = url ? strstr(url, "://") : NULL;
        AUTO_FREE char *host = from ? host_name(from + 3) : NULL;

        if (host)
                host[strcspn(host, "/")] = '\0';
        return host && strcasecmp(host, name) == 0;
}

/* A page of another origin that resolves its own name to us (DNS rebinding) still sends that name. An address
 * cannot be rebound. */
static bool host_is_ours(const struct request *rq)
{
        const char *value = header(rq, "Host");
        AUTO_FREE char *host = value ? host_name(value) : NULL;
        struct in6_addr a;
        char own[256];

        if (!host || rq->web->is_unix)
                return true;
        if (host[0] == '[' || inet_pton(AF_INET, host, &a) == 1)
                return true;
        if (strcasecmp(host, "localhost") == 0 || list_has(rq->web->allowed_hosts, host))
                return true;
        if (gethostname(own, sizeof own) == 0 && strcasecmp(own, host) == 0)
                return true;
        return url_has_host(rq->web->public_url, host);
}

static bool method_changes(const char *method)
{
        return strcmp(method, "GET") != 0;
}

/* A page elsewhere can make a browser send our cookie; it can set no header of ours, and the browser says
 * where the request comes from. */
static bool csrf_is_safe(const struct request *rq)
{
        const char *sign = header(rq, "X-Reeve-Csrf"), *site = header(rq, "Sec-Fetch-Site");
        const char *origin = header(rq, "Origin"), *host = header(rq, "Host");

        if (!sign || strcmp(sign, "1") != 0)
                return false;
        if (site)
                return strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0;
        if (origin && host) {
                const char *from = strstr(origin, "://");

                return from && strcasecmp(from + 3, host) == 0;
        }
        return true;
}

/* 0 and maybe rq->who; -1 with a problem written. */
static int find_principal(struct request *rq)
{
        const char *bearer = header(rq, "Authorization");
        const char *cookie = MHD_lookup_connection_value(rq->con, MHD_COOKIE_KIND, session_cookie_name(rq));
        const char *secret = bearer && strncasecmp(bearer, "Bearer ", 7) == 0 ? bearer + 7 : cookie;
        struct err err;
        int rc;

        if (bearer && secret == cookie) {
                problem_reply(rq, 401, NULL, "the Authorization header must be \"Bearer\" and a token");
                return -1;
        }
        if (!secret)
                return 0;
        rc = auth_check(rq->web->auth, web_db(rq->web, &err), secret, secret == cookie, &rq->who, &err);
        if (rc < 0) {
                problem_from_err(rq, &err);
                return -1;
        }
        return 0;
}

static void audit_refusal(struct request *rq, const char *why)
{
        struct err err;
        struct db *db = web_db(rq->web, &err);
        AUTO_FREE char *detail = xasprintf("refused: %s", why);

        if (!db || audit_request(rq, db, rq->who->name, detail, &err) < 0)
                log_error("web: could not record a refusal: %s", err.text);
}

static int refuse(struct request *rq, const char *why)
{
        audit_refusal(rq, why);
        problem_reply(rq, 403, NULL, why);
        return -1;
}

/* 0 and maybe `ret`: the site of the worker in the path; -1 with a problem written. */
static int find_site(struct request *rq, struct rows **ret)
{
        struct err err;
        struct db *db;
        int64_t id;

        if (strncmp(rq->route->pattern, "/v1/workers/", 12) != 0 ||
            num_int("worker", rq->captures[0], 1, INT64_MAX, &id, NULL) < 0)
                return 0;
        db = web_db(rq->web, &err);
        if (db && store_worker_site(db, id, ret, &err) == 0)
                return 0;
        problem_from_err(rq, &err);
        return -1;
}

static int check_rule(struct request *rq)
{
        AUTO_ROWS struct rows *site = NULL;
        struct access_object o;
        const char *why = "";
        unsigned status;

        access_object_of(rq, &o);
        if (rq->route->rule == RULE_SITE_ADMIN && !o.site) {
                if (find_site(rq, &site) < 0)
                        return -1;
                if (site && rows_next(site)) {
                        snprintf(rq->of_site, sizeof rq->of_site, "%s", row_text(site, "name"));
                        o.site = rq->of_site;
                }
        }
        status = access_check(rq->route, rq->who, &o, &why);
        if (status == 403)
                return refuse(rq, why);
        if (status != 200) {
                problem_reply(rq, status, NULL, why);
                return -1;
        }
        if (rq->route->rule == RULE_SUBMITTER)
                rq->who = principal_acting(rq->who);
        return 0;
}

static int check_rights(struct request *rq)
{
        if (rq->route->rule == RULE_PUBLIC)
                return 0;
        if (find_principal(rq) < 0)
                return -1;
        if (!rq->who) {
                problem_reply(rq, 401, NULL,
                              "send a valid token (Authorization: Bearer reeve_...) or log in");
                request_header(rq, "WWW-Authenticate", "Bearer realm=\"reeve\"");
                return -1;
        }
        if (rq->who->by_cookie && method_changes(rq->route->method) && !csrf_is_safe(rq))
                return refuse(rq, "a change with a session cookie needs the header X-Reeve-Csrf: 1 and must "
                                  "come from Reeve's own page");
        return check_rule(rq);
}

static int check_rate(struct request *rq)
{
        if (!rq->who)
                return 0;
        rq->rate = rate_take(rq->web->rate, rq->who->user, clock_boot_ms());
        if (rq->rate.allowed)
                return 0;
        problem_reply(rq, 429, NULL,
                      "too many requests: RateLimit tells what is left; to watch jobs, ask for many in one "
                      "request (ids=), wait for changes (wait=), or use the stream");
        return -1;
}

/* ---- the head --------------------------------------------------------------------------------------------
 */

static int check_query(struct request *rq)
{
        for (size_t i = 0; i < rq->query_count; i++)
                if (!route_takes(rq->route, rq->query[i].name)) {
                        AUTO_FREE char *pointer = xasprintf("?%s", rq->query[i].name);

                        issue_add(&rq->issues, pointer, "unknown", "this path has no such parameter");
                }
        if (rq->issues.count) {
                problem_reply(rq, 400, NULL, "the query has a parameter that this path does not know");
                return -1;
        }
        return 0;
}

static int check_flags(struct request *rq)
{
        const char *dry = request_query(rq, "dry_run");
        int64_t wait;
        struct err err;

        if (dry && strcmp(dry, "true") != 0 && strcmp(dry, "false") != 0) {
                problem_reply(rq, 400, NULL, "dry_run must be true or false");
                return -1;
        }
        rq->dry_run = dry && strcmp(dry, "true") == 0;
        if (request_query_int(rq, "wait", 0, WAIT_MAX_S, 0, &wait, &err) < 0) {
                problem_from_err(rq, &err);
                return -1;
        }
        if (wait)
                rq->wait_until = clock_boot_ms() + wait * 1000;
        return 0;
}

static bool type_is_json(const char *type)
{
        return type && strncasecmp(type, "application/json", 16) == 0 &&
               (type[16] == '\0' || strchr("; ", type[16]));
}

static bool expects_body(const struct request *rq)
{
        const char *length = header(rq, "Content-Length");

        return header(rq, "Transfer-Encoding") || (length && strcmp(length, "0") != 0);
}

/* What goes into a file is application/octet-stream. */
static bool type_is_good(const struct request *rq)
{
        const char *type = header(rq, "Content-Type");

        return rq->route->flags & ROUTE_SINK ? type && strcasecmp(type, "application/octet-stream") == 0
                                             : type_is_json(type);
}

static int check_body_head(struct request *rq)
{
        const char *length = header(rq, "Content-Length");
        bool sink = rq->route->flags & ROUTE_SINK;
        int64_t n = 0, max = rq->route->flags & (ROUTE_BIG | ROUTE_SINK) ? BODY_BIG_MAX : BODY_MAX;

        if (!expects_body(rq))
                return 0;
        if (!rq->route->body && !sink) {
                problem_reply(rq, 400, NULL, "this request takes no body");
                return -1;
        }
        if (length && (num_int("Content-Length", length, 0, INT64_MAX, &n, NULL) < 0 || n > max)) {
                AUTO_FREE char *text = xasprintf("the body may have at most %lld bytes", (long long)max);

                problem_reply(rq, 413, NULL, text);
                return -1;
        }
        if (!type_is_good(rq)) {
                problem_reply(rq, 415, NULL,
                              sink ? "send Content-Type: application/octet-stream"
                                   : "send Content-Type: application/json");
                return -1;
        }
        if (n >= BODY_BIG_FROM)
                link_await(rq->link, REQUEST_BIG_MS);
        return 0;
}

/* The page and its files, for whatever is no route. */
static bool reply_asset(struct request *rq)
{
        if (strcmp(rq->method, "GET") != 0)
                return false;
        return assets_reply(rq->web->assets, rq, header(rq, "Accept-Encoding"), header(rq, "If-None-Match"));
}

static int check_method(struct request *rq)
{
        char allow[ALLOW_MAX];
        int status = route_match(rq, allow);

        if (status == 200)
                return 0;
        if (status == 405) {
                request_header(rq, "Allow", "%s", allow);
                problem_reply(rq, 405, NULL, "this path has other methods; the header Allow names them");
        } else if (!reply_asset(rq)) {
                problem_reply(rq, 404, NULL, "there is no such path");
        }
        return -1;
}

/* 0: go on to the body; -1: the reply is written. */
static int check_head(struct request *rq)
{
        if (!host_is_ours(rq)) {
                problem_reply(
                    rq, 403, NULL,
                    "the Host header names another machine; add it to allowed_hosts if it is right");
                return -1;
        }
        if (rq->uri_is_bad) {
                problem_reply(rq, 400, NULL, "the path or query is malformed, or names a parameter twice");
                return -1;
        }
        if (check_method(rq) < 0 || check_rights(rq) < 0 || check_rate(rq) < 0 || check_query(rq) < 0 ||
            check_flags(rq) < 0)
                return -1;
        return check_body_head(rq);
}

/* ---- the body --------------------------------------------------------------------------------------------
 */

static void body_uncount(struct request *rq)
{
        atomic_fetch_sub(&rq->web->bodies, (long long)rq->body_counted);
        rq->body_counted = 0;
}

/* False: enough of it. */
static bool body_take(struct request *rq, const char *data, size_t n)
{
        rq->body_seen += n;
        if (rq->body_seen > BODY_BIG_MAX)
                return false;
        if (rq->ready || rq->failed)
                return true; /* keep nothing: the answer goes out at the end */
        if (rq->upload) {
                upload_take(rq, data, n);
                return true;
        }
        if (atomic_fetch_add(&rq->web->bodies, (long long)n) > BODIES_MAX) {
                rq->body_counted += n;
                problem_reply(rq, 503, NULL, "too many large requests at once; try again");
                return true;
        }
        rq->body_counted += n;
        buf_put(&rq->body, data, n);
        if (rq->body.overflow)
                problem_reply(rq, 413, NULL, "the body is too large");
        return true;
}

static int body_parse(struct request *rq)
{
        json_error_t e;

        if (!buf_len(&rq->body))
                return 0;
        rq->json =
            json_loadb((const char *)buf_bytes(&rq->body), buf_len(&rq->body), JSON_REJECT_DUPLICATES, &e);
        if (!rq->json) {
                AUTO_FREE char *text =
                    xasprintf("the body is not JSON: line %d, column %d: %s", e.line, e.column, e.text);

                problem_reply(rq, 400, NULL, text);
                return -1;
        }
        if (!json_is_object(rq->json)) {
                problem_reply(rq, 400, NULL, "the body must be a JSON object");
                return -1;
        }
        return 0;
}

/* ---- the handler -----------------------------------------------------------------------------------------
 */

struct in_tx {
        struct request *rq;
        int rc;
        bool undone;
};

/* Repeatable: it starts from an empty reply. */
static int handle_in_tx(struct db *db, void *arg, struct err *err)
{
        struct in_tx *t = arg;
        struct request *rq = t->rq;

        request_reset(rq);
        t->rc = rq->route->handler(rq, db, err);
        if (t->rc != 0)
                return -1;
        if (rq->dry_run) {
                t->undone = true;
                return -1; /* roll back what was only tried */
        }
        return audit_request(rq, db, rq->who->name, rq->audit[0] ? rq->audit : "done", err);
}

static int handle_tx(struct request *rq, struct db *db, struct err *err)
{
        struct in_tx t = {.rq = rq};
        int rc = db_tx(db, handle_in_tx, &t, err);

        if (!t.undone)
                return rc < 0 ? -1 : 0;
        rq->wakes_engine = rq->wakes_web = rq->forgets_auth = false;
        rq->status = 200;
        request_header(rq, "Reeve-Dry-Run", "true");
        return 0;
}

static int handle(struct request *rq)
{
        struct err err = {0};
        struct db *db = NULL;
        int rc;

        request_reset(rq);
        if (atomic_load(&rq->web->closing))
                rc = err_set(&err, ERR_UNAVAILABLE, "the server is stopping");
        else if (!(rq->route->flags & ROUTE_NO_DB) && !(db = web_db(rq->web, &err)))
                rc = -1;
        else if (rq->route->flags & ROUTE_TX)
                rc = handle_tx(rq, db, &err);
        else
                rc = rq->route->handler(rq, db, &err);
        if (rc < 0) {
                if ((err.code == ERR_DENIED || rq->audits_refusal) && rq->who)
                        audit_refusal(rq, err.text);
                if (err.code == ERR_NOT_FOUND && rq->who && rq->who->wide)
                        strncat(err.text, " that you may change", sizeof err.text - strlen(err.text) - 1);
                problem_from_err(rq, &err);
                return 0;
        }
        if (rq->forgets_auth)
                auth_forget(rq->web->auth);
        if (rq->wakes_engine)
                wake_engine(rq->web);
        if (rq->wakes_web)
                wake_web(rq->web);
        return rc;
}

/* Tag the reply, which was begun then; true when the client has it already. */
static bool reply_is_known(struct request *rq, uint64_t begun)
{
        const char *seen = header(rq, "If-None-Match");
        char etag[ETAG_MAX];

        if (rq->failed || rq->status != 200 || !(rq->route->flags & (ROUTE_ETAG | ROUTE_WAIT)) || rq->type)
                return false;
        etag_make(buf_bytes(&rq->out), rq->etag_len ? rq->etag_len : buf_len(&rq->out), etag);
        request_header(rq, "ETag", "%s", etag);
        request_header(rq, "Cache-Control", "no-cache");
        fresh_remember(rq->web->fresh, rq, etag, begun);
        return etag_matches(seen, etag);
}

/* ---- the answer ------------------------------------------------------------------------------------------
 */

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

static enum MHD_Result answer(struct request *rq)
{
        struct MHD_Response *r;
        enum MHD_Result rc;

        if (rq->out.overflow)
                problem_reply(rq, 500, NULL, "the answer is too large; ask for less");
        link_set_deadline(rq->link, buf_len(&rq->out) > BODY_MAX ? REQUEST_BIG_MS : REQUEST_MS);
        metrics_count(rq->web->metrics, rq->route, rq->status, now_us() - rq->started_us);
        atomic_fetch_add_explicit(&rq->web->requests, 1, memory_order_relaxed);
        r = response_make(rq);
        if (!r)
                return MHD_NO;
        add_headers(rq, r);
        rc = MHD_queue_response(rq->con, rq->status, r);
        MHD_destroy_response(r);
        return rc;
}

/* The client has it already: wait for something else, or say so. */
static enum MHD_Result answer_known(struct request *rq)
{
        if (clock_boot_ms() < rq->wait_until && !rq->timed_out && wake_wait(rq))
                return MHD_YES;
        rq->status = 304;
        return answer(rq);
}

/* Run the handler; wait, or answer. */
static enum MHD_Result run(struct request *rq)
{
        for (;;) {
                uint64_t begun = fresh_now(rq->web->fresh);

                uint64_t news = wake_news_seen(rq->web);
                /* One that waited and looks again without news wants to see for itself. */
                bool looks = rq->checked_at && news == rq->news_seen;

                rq->news_seen = news;
                request_reset(rq);
                if (!looks && fresh_is_known(rq->web->fresh, rq))
                        return answer_known(rq);
                if (handle(rq) == REQUEST_WAIT) {
                        if (!rq->timed_out && clock_boot_ms() < rq->wait_until && wake_wait(rq))
                                return MHD_YES;
                        if (rq->timed_out || atomic_load(&rq->web->closing)) {
                                problem_reply(rq, 503, NULL, "no answer in time; try again");
                                return answer(rq);
                        }
                        rq->timed_out = true;
                        continue;
                }
                return reply_is_known(rq, begun) ? answer_known(rq) : answer(rq);
        }
}

/* ---- what libmicrohttpd calls ----------------------------------------------------------------------------
 */

static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};

static bool body_is_hopeless(const struct request *rq)
{
        const char *length = header(rq, "Content-Length");
        int64_t n;

        return length && num_int("Content-Length", length, 0, BODY_BIG_MAX, &n, NULL) < 0;
}

static enum MHD_Result begin(struct request *rq, const char *method)
{
        peer_read(rq);
        rq->method = "OTHER";
        for (size_t i = 0; i < ARRAY_LEN(methods); i++)
                if (strcmp(method, methods[i]) == 0)
                        rq->method = methods[i];
        rq->is_head = strcmp(rq->method, "HEAD") == 0;
        if (rq->is_head)
                rq->method = "GET";
        link_await(rq->link, REQUEST_MS);
        request_reset(rq);
        if (check_head(rq) < 0 || (rq->route->flags & ROUTE_SINK && upload_begin(rq) < 0)) {
                /* An answer now would close the connection, and a client that still sends would not read it:
                 * the body is read and dropped first, unless it is longer than any may be. */
                rq->ready = true;
                return body_is_hopeless(rq) ? answer(rq) : MHD_YES;
        }
        buf_init(&rq->body, rq->route->flags & ROUTE_BIG ? BODY_BIG_MAX : BODY_MAX);
        return MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *con, const char *url, const char *method,
                                  const char *version, const char *data, size_t *size, void **state)
{
        struct request *rq = *state;

        (void)cls;
        (void)url;
        (void)version;
        if (!rq)
                return MHD_NO;
        rq->con = con;
        if (!rq->begun) {
                rq->begun = true;
                return begin(rq, method);
        }
        if (*size) {
                if (!body_take(rq, data, *size))
                        return MHD_NO;
                *size = 0;
                return MHD_YES;
        }
        if (rq->ready || rq->failed)
                return answer(rq);
        if (!rq->json && body_parse(rq) < 0)
                return answer(rq);
        link_set_no_deadline(rq->link); /* it has sent everything: from here on it waits for us */
        return run(rq);
}

static struct link *link_of(struct web *w, struct MHD_Connection *con)
{
        const union MHD_ConnectionInfo *i = MHD_get_connection_info(con, MHD_CONNECTION_INFO_CONNECTION_FD);

        return i && i->connect_fd >= 0 && i->connect_fd < LINKS_MAX ? &w->links[i->connect_fd] : NULL;
}

/* Called with the request line as it came, before anything was decoded. */
static void *on_uri(void *cls, const char *uri, struct MHD_Connection *con)
{
        struct web *w = cls;
        struct request *rq = xcalloc(1, sizeof *rq);

        rq->web = w;
        atomic_fetch_add(&w->under_way, 1);
        rq->con = con;
        rq->link = link_of(w, con);
        rq->started_us = now_us();
        buf_init(&rq->out, REPLY_MAX);
        request_parse_uri(rq, uri);
        link_await(rq->link, HEAD_MS);
        return rq;
}

static void on_completed(void *cls, struct MHD_Connection *con, void **state,
                         enum MHD_RequestTerminationCode code)
{
        struct request *rq = *state;

        (void)cls;
        (void)con;
        (void)code;
        if (!rq)
                return;
        *state = NULL;
        wake_forget(rq);
        upload_free(rq);
        body_uncount(rq);
        atomic_fetch_sub(&rq->web->under_way, 1);
        link_await(rq->link, IDLE_MS);
        request_release(rq);
        free(rq);
}

static void on_connection(void *cls, struct MHD_Connection *con, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
        struct web *w = cls;
        struct link *l = link_of(w, con);

        (void)context;
        if (code == MHD_CONNECTION_NOTIFY_CLOSED && l)
                link_closed(w, (int)(l - w->links));
}

static void on_log(void *cls, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

static void on_log(void *cls, const char *fmt, va_list ap)
{
        char text[512];

        (void)cls;
        vsnprintf(text, sizeof text, fmt, ap);
        text[strcspn(text, "\r\n")] = '\0';
        log_debug("web: %s", text);
}

int server_start(struct web *w, struct err *err)
{
        for (int i = 0; i < w->threads; i++) {
                w->daemons[i] = MHD_start_daemon(
                    MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET |
                        MHD_USE_ITC | MHD_USE_ERROR_LOG,
                    0, NULL, NULL, on_request, w, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
                    MHD_OPTION_CONNECTION_LIMIT, (unsigned)w->connections_max, MHD_OPTION_CONNECTION_TIMEOUT,
                    60u, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
                    MHD_OPTION_URI_LOG_CALLBACK, on_uri, w, MHD_OPTION_NOTIFY_COMPLETED, on_completed, w,
                    MHD_OPTION_NOTIFY_CONNECTION, on_connection, w, MHD_OPTION_END);
                if (!w->daemons[i])
                        return err_set(err, ERR_SYSTEM, "could not start a thread of the web server");
        }
        return 0;
}

void server_drain(struct web *w)
{
        int64_t until = clock_boot_ms() + DRAIN_MS;

        while (atomic_load(&w->under_way) > 0 && clock_boot_ms() < until)
                usleep(2000);
}

void server_stop(struct web *w)
{
        for (int i = 0; i < w->threads; i++)
                if (w->daemons[i])
                        MHD_stop_daemon(w->daemons[i]);
}
