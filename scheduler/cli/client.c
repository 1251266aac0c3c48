/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include "text.h"
#include "common/num.h"
#include "common/util.h"

#include <curl/curl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define UPLOAD_BUFFER  (512 * 1024L)
#define RETRY_FIRST_MS 200
#define RETRY_MOST_MS  5000
#define SAY_AFTER_MS   1000
/* When a server does not hold its answers back: a few looks at once, then so many a second. */
#define WATCH_COST_MS  300
#define WATCH_SAVED_MS 1500

struct client {
        CURL *curl;
        char *url, *host_url, *socket, *token;
        bool debug;
        bool page;  /* speaks as a page does: with cookies */
        bool hides; /* what is sent is not shown */
        int64_t patience_ms;
        const volatile int *stop;
        json_t *problem;
        int64_t timeout_ms;
        void (*on_wait)(void *arg, const char *what);
        void *wait_arg;
        int64_t begun_ms;        /* the call that goes on */
        const struct call *call; /* it */
        int64_t sent;            /* of its file */
        bool sink_failed;
        bool held, waited;                   /* it may be held back; on_wait was told something */
        int64_t watched_ms, watch_credit_ms; /* the last look, and what was saved up since */
};

int client_check_url(const char *url, struct err *err)
{
        if (strncmp(url, "unix:/", 6) == 0 || strncmp(url, "http://", 7) == 0 ||
            strncmp(url, "https://", 8) == 0)
                return 0;
        return err_set(
            err, ERR_BAD_INPUT,
            "the server's address \"%s\" should begin with http://, https:// or unix:/ (REEVE_URL, "
            "`reeve login URL`)",
            url);
}

int client_new(const char *url, const char *token, bool debug, struct client **ret, struct err *err)
{
        struct client *c;
        size_t n;

        if (client_check_url(url, err) < 0)
                return -1;
        for (const char *p = token; p && *p; p++) {
                if (*p <= ' ' || *p > '~')
                        return err_set(err, ERR_BAD_INPUT, "the token holds a character that no token has");
        }
        if (sodium_init() < 0 || curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
                return err_set(err, ERR_SYSTEM, "could not start the HTTP library");
        c = xcalloc(1, sizeof *c);
        c->url = xstrdup(url);
        for (n = strlen(c->url); n && c->url[n - 1] == '/'; n--)
                c->url[n - 1] = '\0';
        if (strncmp(c->url, "unix:", 5) == 0) {
                c->socket = xstrdup(c->url + 5);
                c->host_url = xstrdup("http://localhost");
        } else {
                c->host_url = xstrdup(c->url);
        }
        c->token = token && *token ? xstrdup(token) : NULL;
        c->debug = debug;
        c->patience_ms = PATIENCE_MS;
        c->curl = curl_easy_init();
        if (!c->curl)
                abort();
        *ret = c;
        return 0;
}

void client_free(struct client *c)
{
        if (!c)
                return;
        curl_easy_cleanup(c->curl);
        json_decref(c->problem);
        if (c->token)
                sodium_memzero(c->token, strlen(c->token));
        free(c->url);
        free(c->host_url);
        free(c->socket);
        free(c->token);
        free(c);
}

const char *client_url(const struct client *c)
{
        return c->url;
}

void client_set_patience(struct client *c, int64_t ms)
{
        c->patience_ms = ms;
}

void client_as_page(struct client *c)
{
        c->page = true;
}

void client_hide_bodies(struct client *c)
{
        c->hides = true;
}

void client_set_timeout(struct client *c, int64_t ms)
{
        c->timeout_ms = ms;
}

void client_on_wait(struct client *c, void (*f)(void *arg, const char *what), void *arg)
{
        c->on_wait = f;
        c->wait_arg = arg;
}

static void say_wait(struct client *c, const char *what)
{
        if (!c->on_wait || (!what && !c->waited))
                return;
        c->on_wait(c->wait_arg, what);
        c->waited = what != NULL;
}

void client_set_stop(struct client *c, const volatile int *stop)
{
        c->stop = stop;
}

const json_t *client_problem(const struct client *c)
{
        return c->problem;
}

void reply_release(struct reply *r)
{
        buf_release(&r->body);
        json_decref(r->json);
        *r = (struct reply){0};
}

static bool is_stopped(const struct client *c)
{
        return c->stop && *c->stop;
}

void client_pause(int64_t ms)
{
        struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

        nanosleep(&ts, NULL); /* a signal may end it early: then its flag is looked at */
}

/* ---- one exchange ----------------------------------------------------------------------------------------
 */

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
        struct reply *r = arg;
        struct client *c = r->client;
        long status = 0;

        if (c->call->sink && curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK &&
            (status == 200 || status == 206)) {
                /* A server that does not know ranges would send all of it again. */
                c->sink_failed = (status == 200 && c->call->range_from > 0) ||
                                 c->call->sink(c->call->sink_arg, (const uint8_t *)p, size * n) < 0;
                return c->sink_failed ? 0 : size * n;
        }
        buf_put(&r->body, p, size * n);
        return r->body.overflow ? 0 : size * n;
}

/* The value of the header called `name`, in buf, when this line is it. */
static bool header_is(const char *line, size_t n, const char *name, char *buf, size_t max)
{
        size_t k = strlen(name);
        const char *p = line + k + 1, *end = line + n;

        if (n <= k || strncasecmp(line, name, k) != 0 || line[k] != ':')
                return false;
        while (p < end && (*p == ' ' || *p == '\t'))
                p++;
        while (end > p && (unsigned char)end[-1] <= ' ')
                end--;
        if ((size_t)(end - p) >= max)
                return false;
        memcpy(buf, p, (size_t)(end - p));
        buf[end - p] = '\0';
        return true;
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
        struct reply *r = arg;
        const struct {
                const char *name;
                int64_t *to;
        } numbers[] = {
            {"Reeve-Offset", &r->offset},       {"Reeve-Size", &r->size},
            {"Reeve-Gap-Start", &r->gap_start}, {"Reeve-Gap-End", &r->gap_end},
            {"Reeve-Attempt", &r->attempt},     {"Reeve-Received", &r->received},
        };
        char value[sizeof r->etag];

        if (header_is(p, size * n, "ETag", value, sizeof value))
                memcpy(r->etag, value, sizeof value);
        if (header_is(p, size * n, "Reeve-Final", value, sizeof value))
                r->final = strcmp(value, "true") == 0;
        for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
                if (header_is(p, size * n, numbers[i].name, value, sizeof value))
                        num_int("", value, 0, INT64_MAX, numbers[i].to, NULL);
        }
        return size * n;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
        struct client *client = arg;

        (void)a;
        (void)c;
        if (client->call->on_bytes)
                client->call->on_bytes(client->call->bytes_arg, client->call->from_file ? d : b);
        if (!client->held && !client->waited && clock_boot_ms() - client->begun_ms > SAY_AFTER_MS)
                say_wait(client, "waiting for the server's answer");
        return is_stopped(client);
}

static const char *masked(const char *line)
{
        static const char *const secret[][2] = {{"Authorization:", "Authorization: *"},
                                                {"Cookie:", "Cookie: *"},
                                                {"Set-Cookie:", "Set-Cookie: *"}};

        for (size_t i = 0; i < ARRAY_LEN(secret); i++)
                if (strncasecmp(line, secret[i][0], strlen(secret[i][0])) == 0)
                        return secret[i][1];
        return line;
}

/* What goes over the wire, for --debug; lines with secrets are masked. */
static int on_debug(CURL *curl, curl_infotype type, char *p, size_t n, void *arg)
{
        static const char marks[] = {[CURLINFO_HEADER_IN] = '<',
                                     [CURLINFO_HEADER_OUT] = '>',
                                     [CURLINFO_DATA_IN] = '<',
                                     [CURLINFO_DATA_OUT] = '>'};
        const struct client *c = arg;
        const char *end = p + n;

        (void)curl;
        if (c->hides && type == CURLINFO_DATA_OUT)
                return 0;
        if (type != CURLINFO_HEADER_IN && type != CURLINFO_HEADER_OUT && type != CURLINFO_DATA_OUT)
                return 0;
        while (p < end) {
                char *eol = memchr(p, '\n', (size_t)(end - p));
                size_t k = eol ? (size_t)(eol - p) + 1 : (size_t)(end - p);
                AUTO_FREE char *raw = xstrndup(p, k < 4000 ? k : 4000), *line = NULL;

                raw[strcspn(raw, "\r\n")] = '\0';
                line = text_line(masked(raw));
                fprintf(stderr, "%c %s\n", marks[type], line);
                p += k;
        }
        return 0;
}

static struct curl_slist *add_header(struct curl_slist *list, const char *name, const char *value)
{
        AUTO_FREE char *line = xasprintf("%s: %s", name, value);
        struct curl_slist *more = curl_slist_append(list, line);

        if (!more)
                abort();
        return more;
}

static struct curl_slist *make_headers(const struct client *c, const struct call *call, bool body)
{
        struct curl_slist *list = add_header(NULL, "User-Agent", "reeve/" REEVE_VERSION);

        if (c->token) {
                AUTO_FREE char *bearer = xasprintf("Bearer %s", c->token);

                list = add_header(list, "Authorization", bearer);
        }
        if (body || call->from_file)
                list = add_header(list, "Content-Type",
                                  call->from_file ? "application/octet-stream" : "application/json");
        /* No 100-continue round trip. */
        list = add_header(list, "Expect", "");
        if (c->page)
                list = add_header(list, "X-Reeve-Csrf", "1");
        if (call->key)
                list = add_header(list, "Idempotency-Key", call->key);
        if (call->etag && *call->etag)
                list = add_header(list, "If-None-Match", call->etag);
        return list;
}

static size_t on_read(char *to, size_t size, size_t n, void *arg)
{
        struct client *c = arg;
        int64_t left = c->call->file_size - c->sent, most = (int64_t)(size * n);
        ssize_t k =
            pread(c->call->fd, to, (size_t)(left < most ? left : most), c->call->file_offset + c->sent);

        if (k < 0 || (k == 0 && left > 0))
                return CURL_READFUNC_ABORT; /* it became shorter, or cannot be read */
        c->sent += k;
        return (size_t)k;
}

static int on_seek(void *arg, curl_off_t offset, int origin)
{
        struct client *c = arg;

        if (origin != SEEK_SET)
                return CURL_SEEKFUNC_CANTSEEK;
        c->sent = offset;
        return CURL_SEEKFUNC_OK;
}

static void set_options(struct client *c, const struct call *call, const char *url, const char *body,
                        struct curl_slist *headers, struct reply *r)
{
        CURL *h = c->curl;

        if (r)
                r->client = c;
        c->call = call;
        c->sent = 0;
        c->sink_failed = false;
        curl_easy_reset(h);
        curl_easy_setopt(h, CURLOPT_URL, url);
        curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
        if (c->socket) {
                curl_easy_setopt(h, CURLOPT_UNIX_SOCKET_PATH, c->socket);
                curl_easy_setopt(h, CURLOPT_PROXY, "");
        }
        curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
        if (c->page)
                curl_easy_setopt(h, CURLOPT_COOKIEFILE, "");
        if (body)
                curl_easy_setopt(h, CURLOPT_POSTFIELDS, body);
        if (body)
                curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
        if (call->from_file) {
                curl_easy_setopt(h, CURLOPT_UPLOAD, 1L);
                curl_easy_setopt(h, CURLOPT_INFILESIZE_LARGE, (curl_off_t)call->file_size);
                curl_easy_setopt(h, CURLOPT_READFUNCTION, on_read);
                curl_easy_setopt(h, CURLOPT_READDATA, c);
                curl_easy_setopt(h, CURLOPT_SEEKFUNCTION, on_seek);
                curl_easy_setopt(h, CURLOPT_SEEKDATA, c);
                curl_easy_setopt(h, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER);
        }
        if (call->range_from > 0)
                curl_easy_setopt(h, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)call->range_from);
        if (call->sink)
                curl_easy_setopt(h, CURLOPT_BUFFERSIZE, UPLOAD_BUFFER);
        curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, call->method ? call->method : "GET");
        curl_easy_setopt(h, CURLOPT_NOBODY, call->method && strcmp(call->method, "HEAD") == 0 ? 1L : 0L);
        curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(h, CURLOPT_WRITEDATA, r);
        curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(h, CURLOPT_HEADERDATA, r);
        curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, 10000L);
        /* A server that holds an answer back is silent for at most a minute. */
        curl_easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(h, CURLOPT_LOW_SPEED_TIME, 100L);
        if (c->timeout_ms)
                curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)c->timeout_ms);
        curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(h, CURLOPT_NOPROGRESS, c->stop || c->on_wait || call->on_bytes ? 0L : 1L);
        curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(h, CURLOPT_XFERINFODATA, c);
        if (c->debug) {
                curl_easy_setopt(h, CURLOPT_VERBOSE, 1L);
                curl_easy_setopt(h, CURLOPT_DEBUGFUNCTION, on_debug);
                curl_easy_setopt(h, CURLOPT_DEBUGDATA, c);
        }
}

static void reply_init(struct reply *r)
{
        *r = (struct reply){
            .received = -1, .offset = -1, .size = -1, .gap_start = -1, .gap_end = -1, .attempt = -1};
        buf_init(&r->body, REPLY_MAX);
}

static int fail_transport(struct client *c, CURLcode code, const struct reply *r, struct err *err)
{
        if (r->body.overflow)
                return err_set(err, ERR_PROTOCOL, "the reply is larger than %d MiB", REPLY_MAX >> 20);
        if (c->sink_failed)
                return err_set(err, ERR_SYSTEM, "could not write what came");
        if (code == CURLE_ABORTED_BY_CALLBACK && c->call->from_file && !is_stopped(c))
                return err_set(err, ERR_CONFLICT, "the file changed while it was sent, or cannot be read");
        if (code == CURLE_ABORTED_BY_CALLBACK)
                return err_set(err, ERR_UNAVAILABLE, "interrupted");
        if (code == CURLE_URL_MALFORMAT)
                return err_set(err, ERR_BAD_INPUT, "\"%s\" is not an address of a server", c->url);
        return err_set(err, ERR_UNAVAILABLE, "could not reach the server at %s: %s", c->url,
                       curl_easy_strerror(code));
}

static enum err_code code_of_status(long status)
{
        static const struct {
                long status;
                enum err_code code;
        } rows[] = {
            {401, ERR_DENIED},      {403, ERR_DENIED},      {404, ERR_NOT_FOUND}, {409, ERR_CONFLICT},
            {412, ERR_CONFLICT},    {429, ERR_LIMIT},       {507, ERR_LIMIT},     {502, ERR_UNAVAILABLE},
            {503, ERR_UNAVAILABLE}, {504, ERR_UNAVAILABLE},
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                if (rows[i].status == status)
                        return rows[i].code;
        }
        return status >= 400 && status < 500 ? ERR_BAD_INPUT : ERR_PROTOCOL;
}

static int fail_status(struct client *c, struct reply *r, struct err *err)
{
        const char *detail = json_string_value(json_object_get(r->json, "detail"));
        AUTO_FREE char *line = NULL;

        if (!detail)
                detail = json_string_value(json_object_get(r->json, "title"));
        json_decref(c->problem);
        c->problem = json_is_object(r->json) ? json_incref(r->json) : NULL;
        if (!detail)
                return err_set(err, code_of_status(r->status), "the server answered with status %ld",
                               r->status);
        line = text_line(detail);
        return err_set(err, code_of_status(r->status), "%s", line);
}

static int exchange(struct client *c, const struct call *call, const char *url, const char *body,
                    struct reply *r, struct err *err)
{
        struct curl_slist *headers = make_headers(c, call, body != NULL);
        CURLcode code;

        reply_init(r);
        set_options(c, call, url, body, headers, r);
        code = curl_easy_perform(c->curl);
        curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &r->status);
        curl_slist_free_all(headers);
        json_decref(c->problem);
        c->problem = NULL;
        if (code != CURLE_OK)
                return fail_transport(c, code, r, err);
        if (buf_len(&r->body) && (buf_bytes(&r->body)[0] == '{' || buf_bytes(&r->body)[0] == '['))
                r->json =
                    json_loadb((const char *)buf_bytes(&r->body), buf_len(&r->body), JSON_ALLOW_NUL, NULL);
        if ((r->status >= 200 && r->status < 300) || r->status == 304)
                return 0;
        return fail_status(c, r, err);
}

/* ---- repeating -------------------------------------------------------------------------------------------
 */

static bool may_repeat(const struct call *call)
{
        return !call->sink && (call->key || !call->method || strcmp(call->method, "GET") == 0);
}

int client_call(struct client *c, const struct call *call, struct reply *ret, struct err *err)
{
        AUTO_FREE char *url = xasprintf("%s%s", c->host_url, call->path);
        AUTO_FREE char *text = call->json ? json_dumps(call->json, JSON_COMPACT) : NULL;
        const char *body = call->json ? text : call->body;
        int64_t begin = clock_boot_ms(), step = RETRY_FIRST_MS;
        for (;;) {
                int r;

                c->begun_ms = clock_boot_ms();
                r = exchange(c, call, url, body, ret, err);
                int64_t now = clock_boot_ms(), left = begin + c->patience_ms - now, pause;
                bool again = r < 0 && err && err->code == ERR_UNAVAILABLE && may_repeat(call) && left > 0 &&
                             !is_stopped(c);

                if (!again) {
                        say_wait(c, NULL);
                        return r;
                }
                if (now - begin > SAY_AFTER_MS) {
                        AUTO_FREE char *text = xasprintf("trying again (Ctrl-C gives up): %s", err->text);

                        say_wait(c, text);
                }
                reply_release(ret);
                pause = step / 2 + randombytes_uniform((uint32_t)step / 2 + 1);
                client_pause(pause < left ? pause : left);
                step = step * 2 < RETRY_MOST_MS ? step * 2 : RETRY_MOST_MS;
        }
}

static json_t *take_json(struct client *c, const struct call *call, bool may_be_empty, struct err *err)
{
        struct reply r;
        json_t *json = NULL;

        if (client_call(c, call, &r, err) == 0) {
                json = json_incref(r.json);
                if (!json && may_be_empty && !buf_len(&r.body))
                        json = json_object();
                if (!json)
                        err_set(err, ERR_PROTOCOL, "%s does not speak Reeve's API: %s is not JSON", c->url,
                                call->path);
        }
        reply_release(&r);
        return json;
}

__attribute__((format(printf, 1, 0))) static char *format_path(const char *path, va_list ap)
{
        char *s;

        if (vasprintf(&s, path, ap) < 0)
                abort();
        return s;
}

json_t *client_get(struct client *c, struct err *err, const char *path, ...)
{
        AUTO_FREE char *s = NULL;
        va_list ap;

        va_start(ap, path);
        s = format_path(path, ap);
        va_end(ap);
        return take_json(c, &(struct call){.path = s}, false, err);
}

json_t *client_send(struct client *c, const char *method, const json_t *body, struct err *err,
                    const char *path, ...)
{
        AUTO_FREE char *s = NULL;
        va_list ap;

        va_start(ap, path);
        s = format_path(path, ap);
        va_end(ap);
        return take_json(c, &(struct call){.method = method, .path = s, .json = body}, true, err);
}

/* Each look costs time that has to pass before or after it. */
static void pay_look(struct client *c)
{
        int64_t now = clock_boot_ms();

        c->watch_credit_ms += now - c->watched_ms;
        if (c->watch_credit_ms > WATCH_SAVED_MS)
                c->watch_credit_ms = WATCH_SAVED_MS;
        c->watch_credit_ms -= WATCH_COST_MS;
        c->watched_ms = now;
        if (c->watch_credit_ms < 0)
                client_pause(-c->watch_credit_ms);
}

int client_watch(struct client *c, const char *path, char *etag, int seconds, json_t **ret, struct err *err)
{
        AUTO_FREE char *waiting = xasprintf("%s%cwait=%d", path, strchr(path, '?') ? '&' : '?', seconds);
        struct call call = {.path = *etag ? waiting : path, .etag = etag};
        struct reply r;
        int rc;

        pay_look(c);
        c->held = true;
        rc = client_call(c, &call, &r, err);
        c->held = false;
        if (rc == 0 && r.status != 304) {
                *ret = json_incref(r.json);
                if (!r.json)
                        rc = err_set(err, ERR_PROTOCOL, "%s does not speak Reeve's API: %s is not JSON",
                                     c->url, path);
                memcpy(etag, r.etag, sizeof r.etag);
        } else if (rc == 0) {
                *ret = NULL;
        }
        reply_release(&r);
        return rc;
}

/* ---- events ---- */

struct streaming {
        struct client *client;
        struct stream_parser parser;
        struct reply reply; /* of a refusal */
        bool enough;
};

static size_t on_stream_body(char *p, size_t size, size_t n, void *arg)
{
        struct streaming *s = arg;
        long status = 0;

        curl_easy_getinfo(s->client->curl, CURLINFO_RESPONSE_CODE, &status);
        if (status != 200)
                return on_body(p, size, n, &s->reply);
        s->enough = !stream_parser_feed(&s->parser, p, size * n);
        return s->enough ? 0 : size * n;
}

static int stream_result(struct client *c, struct streaming *s, CURLcode code, struct err *err)
{
        curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &s->reply.status);
        if (s->enough)
                return 0;
        if (code != CURLE_OK)
                return fail_transport(c, code, &s->reply, err);
        if (s->reply.status == 200)
                return err_set(err, ERR_UNAVAILABLE, "the server ended the stream");
        s->reply.json = json_loadb((const char *)buf_bytes(&s->reply.body), buf_len(&s->reply.body), 0, NULL);
        return fail_status(c, &s->reply, err);
}

int client_stream(struct client *c, const char *path, const char *last_id, stream_event_cb on_event,
                  void *arg, struct err *err)
{
        AUTO_FREE char *url = xasprintf("%s%s", c->host_url, path);
        struct call call = {.path = path};
        struct curl_slist *headers = make_headers(c, &call, false);
        struct streaming s = {.client = c};
        CURLcode code;
        int rc;

        if (last_id && *last_id)
                headers = add_header(headers, "Last-Event-ID", last_id);
        headers = add_header(headers, "Accept", "text/event-stream");
        reply_init(&s.reply);
        stream_parser_init(&s.parser, on_event, arg);
        set_options(c, &call, url, NULL, headers, &s.reply);
        curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, on_stream_body);
        curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, &s);
        /* A heartbeat comes every 15 s: a connection that is silent for much longer is dead. */
        curl_easy_setopt(c->curl, CURLOPT_LOW_SPEED_TIME, 60L);
        json_decref(c->problem);
        c->problem = NULL;
        c->held = true;
        code = curl_easy_perform(c->curl);
        c->held = false;
        rc = stream_result(c, &s, code, err);
        curl_slist_free_all(headers);
        stream_parser_release(&s.parser);
        reply_release(&s.reply);
        return rc;
}

json_t *client_list(struct client *c, const char *path, int64_t max, bool *ret_more, struct err *err)
{
        json_t *all = json_array();
        AUTO_FREE char *cursor = NULL;

        int64_t begin = clock_boot_ms();

        *ret_more = false;
        do {
                int64_t left = max - (int64_t)json_array_size(all);
                char join = strchr(path, '?') ? '&' : '?';
                AUTO_FREE char *escaped = NULL;
                json_t *page;
                struct buf b;

                buf_init(&b, 65536);
                if (cursor)
                        text_add_uri(&b, cursor, false);
                escaped = xstrdup(buf_cstr(&b));
                buf_release(&b);
                page = client_get(c, err, "%s%climit=%d%s%s", path, join, (int)(left < 1000 ? left : 1000),
                                  cursor ? "&cursor=" : "", escaped);
                if (!page) {
                        json_decref(all);
                        return NULL;
                }
                json_array_extend(all, json_object_get(page, "items"));
                free(cursor);
                cursor = xstrdup(json_string_value(json_object_get(page, "next_cursor")));
                json_decref(page);
                if (cursor && clock_boot_ms() - begin > SAY_AFTER_MS) {
                        AUTO_FREE char *text = xasprintf("%zu read", json_array_size(all));

                        say_wait(c, text);
                }
        } while (cursor && (int64_t)json_array_size(all) < max);
        say_wait(c, NULL);
        *ret_more = cursor != NULL;
        return all;
}

json_t *client_items(struct client *c, const char *path, struct err *err)
{
        json_t *doc = client_get(c, err, "%s", path), *items = json_incref(json_object_get(doc, "items"));

        if (doc && !items)
                err_set(err, ERR_PROTOCOL, "%s does not speak Reeve's API: %s has no items", c->url, path);
        json_decref(doc);
        return items;
}

char *client_key(char buf[33])
{
        uint8_t bytes[16];

        randombytes_buf(bytes, sizeof bytes);
        hex_encode(bytes, sizeof bytes, buf);
        return buf;
}

void client_add_curl(const struct client *c, const struct call *call, struct buf *out)
{
        AUTO_FREE char *text = call->json ? json_dumps(call->json, JSON_COMPACT) : NULL;
        AUTO_FREE char *url = xasprintf("%s%s", c->host_url, call->path);
        const char *body = call->json ? text : call->body;

        buf_text(out, "curl");
        if (c->socket) {
                buf_text(out, " --unix-socket ");
                text_add_shell(out, c->socket);
        }
        if (call->method && strcmp(call->method, body ? "POST" : "GET") != 0)
                buf_printf(out, " -X %s", call->method);
        buf_text(out, " -H \"Authorization: Bearer $REEVE_TOKEN\"");
        if (call->key)
                buf_printf(out, " -H 'Idempotency-Key: %s'", call->key);
        if (body) {
                buf_text(out, " --json ");
                text_add_shell(out, body);
        }
        buf_u8(out, ' ');
        text_add_shell(out, url);
        buf_u8(out, '\n');
}
