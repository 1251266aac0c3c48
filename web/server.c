/* SPDX-License-Identifier: Apache-2.0 */
/* server.c - one request from its first byte to its answer.
 *
 * libmicrohttpd calls on_request with the head, with each piece of the body, and once more at the end; then
 * the handler runs. What is wrong with the head is answered before the body is read (head.c). A handler that
 * waits leaves the request suspended; it is called again the same way.
 */
#include "web/web_priv.h"

#include "common/log.h"
#include "common/num.h"
#include "common/util.h"
#include "web/assets.h"
#include "web/download.h"
#include "web/audit.h"
#include "web/fresh.h"
#include "web/metrics.h"
#include "web/stream.h"
#include "web/tls.h"
#include "web/upload.h"
#include "web/wake.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define CONNECTION_MEMORY (32 * 1024)
#define DRAIN_MS          3000

int64_t web_now_us(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

const char *web_header(const struct request *rq, const char *name)
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
        rq->changes_job = 0;
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
                if (err.code == ERR_NOT_FOUND && rq->who && rq->who->wide) {
                        size_t n = strlen(err.text);

                        snprintf(err.text + n, sizeof err.text - n, " that you may change");
                }
                problem_from_err(rq, &err);
                return 0;
        }
        if (rq->forgets_auth)
                auth_forget(rq->web->auth);
        if (rq->wakes_engine)
                wake_engine(rq->web);
        if (rq->wakes_web)
                wake_web(rq->web, rq->changes_job);
        return rc;
}

/* Tag the reply, which was begun then; true when the client has it already. */
static bool reply_is_known(struct request *rq, uint64_t begun)
{
        const char *seen = web_header(rq, "If-None-Match");
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
        const char *length = web_header(rq, "Content-Length");
        int64_t n;

        return length && num_int("Content-Length", length, 0, BODY_BIG_MAX, &n, NULL) < 0;
}

static enum MHD_Result begin(struct request *rq, const char *method)
{
        bool bad;

        peer_read(rq);
        rq->method = "OTHER";
        for (size_t i = 0; i < ARRAY_LEN(methods); i++)
                if (strcmp(method, methods[i]) == 0)
                        rq->method = methods[i];
        rq->is_head = strcmp(rq->method, "HEAD") == 0;
        if (rq->is_head)
                rq->method = "GET";
        link_set_no_deadline(rq->link); /* while we look at the head, which may ask the database */
        request_reset(rq);
        bad = head_check(rq) < 0 || (rq->route->flags & ROUTE_SINK && upload_begin(rq) < 0);
        link_await(rq->link, rq->upload ? UPLOAD_SLOW_MS : rq->body_is_long ? REQUEST_BIG_MS : REQUEST_MS);
        if (bad) {
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
        rq->started_us = web_now_us();
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
        struct MHD_OptionItem tls[TLS_OPTIONS] = {{MHD_OPTION_END, 0, NULL}};

        if (w->tls)
                tls_options(tls);
        for (int i = 0; i < w->threads; i++) {
                w->daemons[i] = MHD_start_daemon(
                    MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET |
                        MHD_USE_ITC | MHD_USE_ERROR_LOG | (w->tls ? MHD_USE_TLS : 0),
                    0, NULL, NULL, on_request, w, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
                    MHD_OPTION_CONNECTION_LIMIT, (unsigned)w->connections_max, MHD_OPTION_CONNECTION_TIMEOUT,
                    60u, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
                    MHD_OPTION_URI_LOG_CALLBACK, on_uri, w, MHD_OPTION_NOTIFY_COMPLETED, on_completed, w,
                    MHD_OPTION_NOTIFY_CONNECTION, on_connection, w, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
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
