/* SPDX-License-Identifier: Apache-2.0 */
/* head.c - what is wrong with the head of a request is answered before its body is read: path, method, host,
 * rights, rate, query, size and type.
 */
#include "web/web_priv.h"

#include "common/log.h"
#include "common/num.h"
#include "common/util.h"
#include "store/store_people.h"
#include "web/access.h"
#include "web/assets.h"
#include "web/audit.h"
#include "web/session.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define WAIT_MAX_S    60
#define BODY_BIG_FROM (64 * 1024) /* from here on a body gets the long deadline */

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
        const char *value = web_header(rq, "Host");
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
        const char *sign = web_header(rq, "X-Reeve-Csrf"), *site = web_header(rq, "Sec-Fetch-Site");
        const char *origin = web_header(rq, "Origin"), *host = web_header(rq, "Host");

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
        const char *bearer = web_header(rq, "Authorization");
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

void audit_refusal(struct request *rq, const char *why)
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
        for (size_t i = 0; i < rq->query_count && !(rq->route->flags & ROUTE_OPEN); i++)
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
        const char *length = web_header(rq, "Content-Length");

        return web_header(rq, "Transfer-Encoding") || (length && strcmp(length, "0") != 0);
}

/* What goes into a file is application/octet-stream. */
static bool type_is_good(const struct request *rq)
{
        const char *type = web_header(rq, "Content-Type");

        return rq->route->flags & ROUTE_SINK ? type && strcasecmp(type, "application/octet-stream") == 0
                                             : type_is_json(type);
}

static int check_body_head(struct request *rq)
{
        const char *length = web_header(rq, "Content-Length");
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
        rq->body_is_long = n >= BODY_BIG_FROM;
        return 0;
}

/* The page and its files, for whatever is no route. */
static bool reply_asset(struct request *rq)
{
        if (strcmp(rq->method, "GET") != 0)
                return false;
        return assets_reply(rq->web->assets, rq, web_header(rq, "Accept-Encoding"),
                            web_header(rq, "If-None-Match"));
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

int head_check(struct request *rq)
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
