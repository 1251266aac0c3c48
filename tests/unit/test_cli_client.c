/* SPDX-License-Identifier: Apache-2.0 */
/* The conversation with a server, against a server of ours that answers by a script. */
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/fetch.h"
#include "cli/outcome.h"
#include "cli/refs.h"
#include "common/num.h"
#include "common/util.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- a server --------------------------------------------------------------------------------------------
 */

#define SEEN_MAX 65536

/* One answer for each connection, in order; the last one again and again. */
struct fake {
        int listener, port, wake[2];
        const char *const *answers;
        _Atomic size_t next;
        pthread_t thread;
        char seen[SEEN_MAX]; /* all requests, one after another */
        size_t seen_len;
};

#define HANG_UP    ""
#define OK_JSON    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nETag: \"v1\"\r\nConnection: close\r\n"
#define CONTENT(n) "Content-Length: " #n "\r\n\r\n"

static void read_request(struct fake *f, int fd)
{
        size_t begin = f->seen_len;

        for (;;) {
                ssize_t n = read(fd, f->seen + f->seen_len, SEEN_MAX - 1 - f->seen_len);
                const char *end, *length;

                if (n <= 0)
                        return;
                f->seen_len += (size_t)n;
                f->seen[f->seen_len] = '\0';
                end = strstr(f->seen + begin, "\r\n\r\n");
                length = strstr(f->seen + begin, "Content-Length: ");
                if (end && (!length || f->seen + f->seen_len >= end + 4 + atoi(length + 16)))
                        return;
        }
}

static void *serve(void *arg)
{
        struct fake *f = arg;

        for (;;) {
                struct pollfd p[] = {{.fd = f->listener, .events = POLLIN},
                                     {.fd = f->wake[0], .events = POLLIN}};
                const char *answer = f->answers[f->next];
                int fd;

                if (poll(p, 2, -1) < 0 || p[1].revents)
                        return NULL;
                fd = accept(f->listener, NULL, NULL);
                if (*answer) {
                        read_request(f, fd);
                        /* Before the answer: who has it may look at once. */
                        f->next += f->answers[f->next + 1] != NULL;
                        assert_int_equal(write(fd, answer, strlen(answer)), strlen(answer));
                        shutdown(fd, SHUT_WR);
                } else {
                        f->next += f->answers[f->next + 1] != NULL;
                }
                close(fd);
        }
}

static void fake_start(struct fake *f, const char *const *answers)
{
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t n = sizeof at;

        *f = (struct fake){.answers = answers};
        f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(f->listener, (struct sockaddr *)&at, n), 0);
        assert_int_equal(listen(f->listener, 10), 0);
        assert_int_equal(getsockname(f->listener, (struct sockaddr *)&at, &n), 0);
        f->port = ntohs(at.sin_port);
        assert_int_equal(pipe(f->wake), 0);
        assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
}

static void fake_stop(struct fake *f)
{
        assert_int_equal(write(f->wake[1], "x", 1), 1);
        pthread_join(f->thread, NULL);
        close(f->listener);
        close(f->wake[0]);
        close(f->wake[1]);
}

static struct client *client_of(const struct fake *f)
{
        AUTO_FREE char *url = xasprintf("http://127.0.0.1:%d/", f->port);
        struct client *c;

        assert_int_equal(client_new(url, "reeve_secret", false, &c, NULL), 0);
        return c;
}

/* ---- calls -----------------------------------------------------------------------------------------------
 */

static void reads_are_repeated_until_the_server_is_back(void **unused)
{
        static const char *const answers[] = {
            HANG_UP,
            "HTTP/1.1 503 Not now\r\nContent-Type: application/problem+json\r\nConnection: close\r\n" CONTENT(
                24) "{\"code\": \"unavailable\"}\n",
            OK_JSON CONTENT(9) "{\"id\": 1}",
            NULL,
        };
        struct fake f;
        struct client *c;
        struct err err;
        json_t *got;

        (void)unused;
        fake_start(&f, answers);
        c = client_of(&f);
        got = client_get(c, &err, "/v1/jobs/%d", 1);
        assert_int_equal(json_integer_value(json_object_get(got, "id")), 1);
        json_decref(got);
        assert_non_null(strstr(f.seen, "GET /v1/jobs/1 HTTP/1.1\r\n"));
        assert_non_null(strstr(f.seen, "Authorization: Bearer reeve_secret\r\n"));
        client_free(c);
        fake_stop(&f);
}

static void writes_are_sent_once_unless_they_carry_a_key(void **unused)
{
        static const char *const answers[] = {
            "HTTP/1.1 503 Not now\r\nConnection: close\r\n" CONTENT(0),
            "HTTP/1.1 503 Not now\r\nConnection: close\r\n" CONTENT(0),
            OK_JSON CONTENT(9) "{\"id\": 7}",
            NULL,
        };
        struct fake f;
        struct client *c;
        struct err err;
        struct reply r;
        json_t *body = json_pack("{s:s}", "name", "x");

        (void)unused;
        fake_start(&f, answers);
        c = client_of(&f);
        assert_null(client_send(c, "POST", body, &err, "/v1/jobs"));
        assert_int_equal(err.code, ERR_UNAVAILABLE);
        assert_int_equal(f.next, 1);
        assert_int_equal(
            client_call(c, &(struct call){.method = "POST", .path = "/v1/jobs", .json = body, .key = "k-1"},
                        &r, &err),
            0);
        assert_int_equal(json_integer_value(json_object_get(r.json, "id")), 7);
        reply_release(&r);
        assert_non_null(strstr(f.seen, "Idempotency-Key: k-1\r\n"));
        assert_non_null(strstr(f.seen, "Content-Type: application/json\r\n"));
        assert_non_null(strstr(f.seen, "{\"name\":\"x\"}"));
        json_decref(body);
        client_free(c);
        fake_stop(&f);
}

static void a_refusal_is_told_in_the_servers_words(void **unused)
{
        static const char *const answers[] = {
            "HTTP/1.1 409 Conflict\r\nContent-Type: application/problem+json\r\nConnection: "
            "close\r\n" CONTENT(
                69) "{\"title\":\"t\",\"code\":\"conflict\",\"detail\":\"site \\u001b[31malpha\\nopen\"}",
            NULL,
        };
        struct fake f;
        struct client *c;
        struct err err;

        (void)unused;
        fake_start(&f, answers);
        c = client_of(&f);
        assert_null(client_get(c, &err, "/v1/sites/alpha"));
        assert_int_equal(err.code, ERR_CONFLICT);
        assert_string_equal(err.text, "site alpha open");
        assert_string_equal(json_string_value(json_object_get(client_problem(c), "code")), "conflict");
        client_free(c);
        fake_stop(&f);
}

static void every_status_has_its_exit_code(void **unused)
{
        static const struct {
                const char *status;
                int exit;
        } rows[] = {
            {"400 x", EXIT_USAGE},     {"401 x", EXIT_DENIED},      {"403 x", EXIT_DENIED},
            {"404 x", EXIT_NOT_FOUND}, {"405 x", EXIT_USAGE},       {"409 x", EXIT_CONFLICT},
            {"413 x", EXIT_USAGE},     {"422 x", EXIT_USAGE},       {"429 x", EXIT_LIMIT},
            {"500 x", EXIT_FAILED},    {"503 x", EXIT_UNREACHABLE}, {"507 x", EXIT_LIMIT},
            {"302 x", EXIT_FAILED},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_FREE char *answer = xasprintf(
                    "HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", rows[i].status);
                const char *const answers[] = {answer, NULL};
                struct fake f;
                struct client *c;
                struct err err;

                fake_start(&f, answers);
                c = client_of(&f);
                client_set_patience(c, 0);
                assert_null(client_get(c, &err, "/v1/me"));
                if (exit_code_of(err.code) != rows[i].exit)
                        fail_msg("%s: %d", rows[i].status, exit_code_of(err.code));
                client_free(c);
                fake_stop(&f);
        }
}

static void a_server_that_is_not_there_is_unreachable(void **unused)
{
        struct fake f;
        struct client *c;
        struct err err;
        static const char *const answers[] = {HANG_UP, NULL};

        (void)unused;
        fake_start(&f, answers);
        c = client_of(&f);
        fake_stop(&f);
        client_set_patience(c, 0);
        assert_null(client_get(c, &err, "/v1/me"));
        assert_int_equal(exit_code_of(err.code), EXIT_UNREACHABLE);
        assert_null(strstr(err.text, "reeve_secret"));
        client_free(c);
}

static void something_that_is_no_reeve_is_recognized(void **unused)
{
        static const char *const answers[] = {
            "HTTP/1.1 200 OK\r\nConnection: close\r\n" CONTENT(13) "<html></html>", NULL};
        struct fake f;
        struct client *c;
        struct err err;

        (void)unused;
        fake_start(&f, answers);
        c = client_of(&f);
        assert_null(client_get(c, &err, "/v1/me"));
        assert_int_equal(err.code, ERR_PROTOCOL);
        assert_non_null(strstr(err.text, "does not speak Reeve's API"));
        client_free(c);
        fake_stop(&f);
}

static void watching_sends_the_tag_back_and_keeps_quiet_when_nothing_changed(void **unused)
{
        static const char *const answers[] = {
            OK_JSON CONTENT(9) "{\"id\": 1}",
            "HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n",
            NULL,
        };
        struct fake f;
        struct client *c;
        struct err err;
        char etag[200] = "";
        json_t *got = NULL;

        (void)unused;
        fake_start(&f, answers);
        c = client_of(&f);
        assert_int_equal(client_watch(c, "/v1/jobs/1", etag, 30, &got, &err), 0);
        assert_non_null(got);
        json_decref(got);
        assert_string_equal(etag, "\"v1\"");
        got = NULL;
        assert_int_equal(client_watch(c, "/v1/jobs/1", etag, 30, &got, &err), 0);
        assert_null(got);
        assert_string_equal(etag, "\"v1\"");
        assert_non_null(strstr(f.seen, "GET /v1/jobs/1 HTTP"));
        assert_non_null(strstr(f.seen, "GET /v1/jobs/1?wait=30 HTTP"));
        assert_non_null(strstr(f.seen, "If-None-Match: \"v1\"\r\n"));
        client_free(c);
        fake_stop(&f);
}

static void lists_are_read_page_by_page_up_to_a_limit(void **unused)
{
        static const char *const answers[] = {
            OK_JSON CONTENT(39) "{\"items\":[1,2,3],\"next_cursor\":\"a b\"}  ",
            OK_JSON CONTENT(35) "{\"items\":[4,5],\"next_cursor\":null} ",
            OK_JSON CONTENT(36) "{\"items\":[1,2],\"next_cursor\":\"more\"}",
            NULL,
        };
        struct fake f;
        struct client *c;
        struct err err;
        json_t *got;
        bool more;

        (void)unused;
        fake_start(&f, answers);
        c = client_of(&f);
        got = client_list(c, "/v1/jobs?state=failed", 100, &more, &err);
        assert_int_equal(json_array_size(got), 5);
        assert_false(more);
        json_decref(got);
        assert_non_null(strstr(f.seen, "GET /v1/jobs?state=failed&limit=100 "));
        assert_non_null(strstr(f.seen, "&limit=97&cursor=a%20b "));
        got = client_list(c, "/v1/jobs", 2, &more, &err);
        assert_int_equal(json_array_size(got), 2);
        assert_true(more);
        json_decref(got);
        client_free(c);
        fake_stop(&f);
}

static void wrong_addresses_and_tokens_are_refused(void **unused)
{
        static const struct {
                const char *url, *token;
        } rows[] = {{"ftp://x", NULL},
                    {"localhost:8080", NULL},
                    {"", NULL},
                    {"http://x", "a\r\nHost: evil"},
                    {"http://x", "a b"}};

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct client *c = NULL;
                struct err err = {0};

                assert_int_equal(client_new(rows[i].url, rows[i].token, false, &c, &err), -1);
                assert_int_equal(err.code, ERR_BAD_INPUT);
                assert_null(c);
        }
}

static void the_curl_line_is_quoted_and_hides_the_token(void **unused)
{
        json_t *body = json_pack("{s:s}", "name", "it's $HOME");
        struct client *c;
        struct buf b;

        (void)unused;
        assert_int_equal(client_new("http://grid:8080", "reeve_secret", false, &c, NULL), 0);
        buf_init(&b, 4096);
        client_add_curl(c, &(struct call){.method = "POST", .path = "/v1/jobs", .json = body, .key = "k"},
                        &b);
        assert_string_equal(buf_cstr(&b),
                            "curl -H \"Authorization: Bearer $REEVE_TOKEN\" -H 'Idempotency-Key: k' --json "
                            "'{\"name\":\"it'\\''s $HOME\"}' http://grid:8080/v1/jobs\n");
        buf_release(&b);
        json_decref(body);
        client_free(c);
}

/* ---- which jobs ------------------------------------------------------------------------------------------
 */

static void selectors_name_jobs_ranges_and_tasks(void **unused)
{
        struct refs r;

        (void)unused;
        assert_int_equal(refs_parse((const char *const[]){"1-3,8.7", "last", "12.7#2", NULL}, &r, NULL), 0);
        assert_int_equal(r.n, 6);
        assert_int_equal(r.v[0].job, 1);
        assert_int_equal(r.v[2].job, 3);
        assert_int_equal(r.v[2].task, -1);
        assert_int_equal(r.v[3].job, 8);
        assert_int_equal(r.v[3].task, 7);
        assert_int_equal(r.v[4].job, REF_LAST);
        assert_int_equal(r.v[5].attempt, 2);
        refs_release(&r);
}

static void wrong_selectors_are_refused(void **unused)
{
        static const char *const bad[] = {"",     "x",  "0",   "-1",    "5-3",     "1-", "1-20000",
                                          "1,,2", "1,", "1.x", "1-3.2", "lastest", "1 2"};

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                struct refs r = {0};
                struct err err = {0};

                if (refs_parse((const char *const[]){bad[i], NULL}, &r, &err) != -1 || r.v ||
                    err.code != ERR_BAD_INPUT)
                        fail_msg("\"%s\" was taken", bad[i]);
        }
}

/* ---- how it ended ----------------------------------------------------------------------------------------
 */

static void outcomes_become_exit_codes(void **unused)
{
        static const struct {
                const char *attempt;
                int exit;
        } rows[] = {
            {"{\"outcome\":\"succeeded\",\"code\":0}", 0},
            {"{\"outcome\":\"exit\",\"code\":3}", 3},
            {"{\"outcome\":\"exit\",\"code\":255}", 255},
            {"{\"outcome\":\"exit\",\"code\":null}", 1},
            {"{\"outcome\":\"signal\",\"signal\":11}", 139},
            {"{\"outcome\":\"signal\",\"signal\":\"SIGTERM\"}", 143},
            {"{\"outcome\":\"signal\",\"signal\":null}", 137},
            {"{\"outcome\":\"time_limit\"}", 137},
            {"{\"outcome\":\"time_limit\",\"signal\":15}", 143},
            {"{\"outcome\":\"memory_limit\"}", 137},
            {"{\"outcome\":\"not_started\"}", 127},
            {"{\"outcome\":\"output_missing\"}", 1},
            {"{\"outcome\":\"cancelled\"}", 143},
            {"{\"outcome\":\"lost\"}", 125},
            {"{\"outcome\":\"reboot\"}", 125},
            {"{\"outcome\":\"input_missing\"}", 125},
            {"{\"outcome\":\"disk_full\"}", 125},
            {"{\"outcome\":\"a word of the future\"}", 125},
            {"{}", 125},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                json_t *a = json_loads(rows[i].attempt, 0, NULL);

                assert_non_null(a);
                if (attempt_exit_code(a) != rows[i].exit)
                        fail_msg("%s: %d", rows[i].attempt, attempt_exit_code(a));
                json_decref(a);
        }
        assert_int_equal(attempt_exit_code(NULL), 125);
}

static void the_newest_attempt_decides_a_task(void **unused)
{
        static const struct {
                const char *task;
                int exit;
        } rows[] = {
            {"{\"state\":\"succeeded\",\"attempts\":[{\"attempt\":1,\"outcome\":\"exit\",\"code\":9}]}", 0},
            {"{\"state\":\"cancelled\",\"attempts\":[]}", 143},
            {"{\"state\":\"failed\",\"attempts\":[{\"attempt\":1,\"outcome\":\"lost\"},{\"attempt\":2,"
             "\"outcome\":\"exit\",\"code\":5}]}",
             5},
            {"{\"state\":\"failed\",\"attempts\":[{\"attempt\":2,\"outcome\":\"exit\",\"code\":5},{"
             "\"attempt\":1,\"outcome\":\"lost\"}]}",
             5},
            {"{\"state\":\"failed\",\"attempts\":[]}", 125},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                json_t *task = json_loads(rows[i].task, 0, NULL);

                assert_non_null(task);
                if (task_exit_code(task) != rows[i].exit)
                        fail_msg("%s: %d", rows[i].task, task_exit_code(task));
                json_decref(task);
        }
}

static void ended_states_are_known(void **unused)
{
        (void)unused;
        assert_true(state_is_ended("succeeded") && state_is_ended("failed") && state_is_ended("cancelled"));
        assert_true(state_is_ended("lost") && state_is_ended("aborted"));
        assert_false(state_is_ended("active") || state_is_ended("accepted") || state_is_ended("placed") ||
                     state_is_ended(""));
}

/* ---- fetching --------------------------------------------------------------------------------------------
 */

static void file_names_cannot_lead_out_of_the_directory(void **unused)
{
        static const struct {
                const char *listed, *path;
        } rows[] = {
            {"a", "a"},
            {"a/b.sam", "a/b.sam"},
            {"..a/b..", "..a/b.."},
            {"a%FFb", "a\xff"
                      "b"},
            {"100%25", "100%"},
            {"/etc/x", NULL},
            {"..", NULL},
            {"a/../b", NULL},
            {"./a", NULL},
            {"a//b", NULL},
            {"a/", NULL},
            {"", NULL},
            {"%2e%2e/x", NULL},
            {"a%2Fb", NULL},
            {"a%00", NULL},
            {"a%", NULL},
            {"a%4", NULL},
            {"a%zz", NULL},
            {"%2F", NULL},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct err err = {0};
                AUTO_FREE char *path = fetch_path(rows[i].listed, &err);

                if (!path != !rows[i].path || (path && strcmp(path, rows[i].path) != 0))
                        fail_msg("\"%s\" became \"%s\"", rows[i].listed, path ? path : "nothing");
                assert_true(path || err.code);
        }
}

/* A directory of our own. */
struct place {
        char path[64];
        int fd;
};

static void place_make(struct place *p)
{
        strcpy(p->path, "/tmp/reeve-test-XXXXXX");
        assert_non_null(mkdtemp(p->path));
        p->fd = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(p->fd >= 0);
}

static void place_remove(struct place *p)
{
        static const char *const names[] = {"d/f", "d/f.reeve-part", "d", "link"};

        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                unlinkat(p->fd, names[i], i == 2 ? AT_REMOVEDIR : 0);
        close(p->fd);
        assert_int_equal(rmdir(p->path), 0);
}

static json_t *file_of(const char *path, const char *content)
{
        uint8_t hash[32];
        char hex[65];

        crypto_hash_sha256(hash, (const uint8_t *)content, strlen(content));
        hex_encode(hash, sizeof hash, hex);
        return json_pack("{s:s, s:I, s:s}", "path", path, "size", (json_int_t)strlen(content), "sha256", hex);
}

static void expect_content(const struct place *p, const char *name, const char *want)
{
        char got[64] = "";
        AUTO_CLOSE int fd = openat(p->fd, name, O_RDONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(read(fd, got, sizeof got - 1), strlen(want));
        assert_string_equal(got, want);
}

/* The head of the nth request, from 0: owned; NULL when there were fewer. */
static char *request_of(const struct fake *f, size_t nth)
{
        const char *p = f->seen, *end;

        while ((end = strstr(p, "\r\n\r\n"))) {
                if (nth-- == 0)
                        return xstrndup(p, (size_t)(end + 2 - p));
                p = end + 4;
        }
        return NULL;
}

/* What was seen of "d/f" while it came. */
struct watch {
        int dir;
        int64_t pieces, bytes;
        bool early; /* it was there before it was whole */
};

static void watch_file(struct cli *c, int64_t bytes, void *arg)
{
        struct watch *w = arg;

        (void)c;
        w->pieces++;
        w->bytes = bytes;
        w->early = w->early || faccessat(w->dir, "d/f", F_OK, 0) == 0;
}

#define ASKS_FOR_FILE "GET /v1/datasets/set/download?path=d%2Ff HTTP/1.1\r\n"
#define REST_OF_HELLO                                                                                        \
        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 6-10/11\r\nConnection: close\r\n" CONTENT(     \
            5) "world"

static void files_are_fetched_verified_and_published_whole(void **unused)
{
        /* The first stream breaks before its end. */
        static const char *const answers[] = {"HTTP/1.1 200 OK\r\nConnection: close\r\n" CONTENT(11) "hello ",
                                              REST_OF_HELLO, NULL};
        struct cli cli = {0};
        struct fake f;
        struct place p;
        struct err err = {0};
        json_t *file = file_of("d/f", "hello world");
        AUTO_FREE char *first = NULL, *second = NULL, *third = NULL;
        struct watch w = {0};

        (void)unused;
        place_make(&p);
        w.dir = p.fd;
        fake_start(&f, answers);
        cli.client = client_of(&f);
        assert_int_equal(fetch_file(&cli, p.fd, "set", file, false, watch_file, &w, &err), FETCH_DONE);
        expect_content(&p, "d/f", "hello world");
        assert_int_equal(faccessat(p.fd, "d/f.reeve-part", F_OK, 0), -1);
        assert_true(w.pieces >= 2 && w.bytes == 11 && !w.early);
        first = request_of(&f, 0);
        second = request_of(&f, 1);
        third = request_of(&f, 2);
        assert_true(first && second && !third);
        assert_non_null(strstr(first, ASKS_FOR_FILE));
        assert_null(strstr(first, "Range: "));
        assert_non_null(strstr(second, ASKS_FOR_FILE));
        assert_non_null(strstr(second, "\r\nRange: bytes=6-\r\n"));
        /* A second time nothing is asked. */
        f.seen_len = 0;
        assert_int_equal(fetch_file(&cli, p.fd, "set", file, false, NULL, NULL, &err), FETCH_HAD);
        assert_int_equal(f.seen_len, 0);
        json_decref(file);
        client_free(cli.client);
        fake_stop(&f);
        place_remove(&p);
}

static void an_interrupted_fetch_goes_on_where_it_stopped(void **unused)
{
        static const char *const answers[] = {REST_OF_HELLO, NULL};
        struct cli cli = {0};
        struct fake f;
        struct place p;
        struct err err = {0};
        json_t *file = file_of("d/f", "hello world");
        AUTO_FREE char *first = NULL, *second = NULL;
        int fd;

        (void)unused;
        place_make(&p);
        assert_int_equal(mkdirat(p.fd, "d", 0700), 0);
        fd = openat(p.fd, "d/f.reeve-part", O_CREAT | O_WRONLY, 0600);
        assert_int_equal(write(fd, "hello ", 6), 6);
        close(fd);
        fake_start(&f, answers);
        cli.client = client_of(&f);
        assert_int_equal(fetch_file(&cli, p.fd, "set", file, false, NULL, NULL, &err), FETCH_DONE);
        expect_content(&p, "d/f", "hello world");
        first = request_of(&f, 0);
        second = request_of(&f, 1);
        assert_true(first && !second);
        assert_non_null(strstr(first, ASKS_FOR_FILE));
        assert_non_null(strstr(first, "\r\nRange: bytes=6-\r\n"));
        json_decref(file);
        client_free(cli.client);
        fake_stop(&f);
        place_remove(&p);
}

static void bytes_with_a_wrong_checksum_are_never_published(void **unused)
{
        static const char *const answers[] = {
            "HTTP/1.1 200 OK\r\nConnection: close\r\n" CONTENT(11) "hello w0rld", NULL};
        struct cli cli = {0};
        struct fake f;
        struct place p;
        struct err err = {0};
        json_t *file = file_of("d/f", "hello world");

        (void)unused;
        place_make(&p);
        fake_start(&f, answers);
        cli.client = client_of(&f);
        assert_int_equal(fetch_file(&cli, p.fd, "set", file, false, NULL, NULL, &err), FETCH_FAILED);
        assert_non_null(strstr(err.text, "checksum"));
        assert_int_equal(faccessat(p.fd, "d/f", F_OK, 0), -1);
        assert_int_equal(faccessat(p.fd, "d/f.reeve-part", F_OK, 0), -1);
        json_decref(file);
        client_free(cli.client);
        fake_stop(&f);
        place_remove(&p);
}

static void links_are_not_followed_and_other_files_not_replaced(void **unused)
{
        static const char *const answers[] = {
            "HTTP/1.1 200 OK\r\nConnection: close\r\n" CONTENT(11) "hello world", NULL};
        struct cli cli = {0};
        struct fake f;
        struct place p;
        struct err err = {0};
        json_t *through = file_of("link/f", "hello world"), *file = file_of("d/f", "hello world");
        int fd;

        (void)unused;
        place_make(&p);
        assert_int_equal(symlinkat("/tmp", p.fd, "link"), 0);
        assert_int_equal(mkdirat(p.fd, "d", 0700), 0);
        fd = openat(p.fd, "d/f", O_CREAT | O_WRONLY, 0600);
        assert_int_equal(write(fd, "mine", 4), 4);
        close(fd);
        fake_start(&f, answers);
        cli.client = client_of(&f);
        assert_int_equal(fetch_file(&cli, p.fd, "set", through, true, NULL, NULL, &err), FETCH_FAILED);
        assert_int_equal(fetch_file(&cli, p.fd, "set", file, false, NULL, NULL, &err), FETCH_FAILED);
        assert_int_equal(err.code, ERR_CONFLICT);
        expect_content(&p, "d/f", "mine");
        assert_int_equal(fetch_file(&cli, p.fd, "set", file, true, NULL, NULL, &err), FETCH_DONE);
        expect_content(&p, "d/f", "hello world");
        json_decref(through);
        json_decref(file);
        client_free(cli.client);
        fake_stop(&f);
        place_remove(&p);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(reads_are_repeated_until_the_server_is_back),
            cmocka_unit_test(writes_are_sent_once_unless_they_carry_a_key),
            cmocka_unit_test(a_refusal_is_told_in_the_servers_words),
            cmocka_unit_test(every_status_has_its_exit_code),
            cmocka_unit_test(a_server_that_is_not_there_is_unreachable),
            cmocka_unit_test(something_that_is_no_reeve_is_recognized),
            cmocka_unit_test(watching_sends_the_tag_back_and_keeps_quiet_when_nothing_changed),
            cmocka_unit_test(lists_are_read_page_by_page_up_to_a_limit),
            cmocka_unit_test(wrong_addresses_and_tokens_are_refused),
            cmocka_unit_test(the_curl_line_is_quoted_and_hides_the_token),
            cmocka_unit_test(selectors_name_jobs_ranges_and_tasks),
            cmocka_unit_test(wrong_selectors_are_refused),
            cmocka_unit_test(outcomes_become_exit_codes),
            cmocka_unit_test(the_newest_attempt_decides_a_task),
            cmocka_unit_test(ended_states_are_known),
            cmocka_unit_test(file_names_cannot_lead_out_of_the_directory),
            cmocka_unit_test(files_are_fetched_verified_and_published_whole),
            cmocka_unit_test(an_interrupted_fetch_goes_on_where_it_stopped),
            cmocka_unit_test(bytes_with_a_wrong_checksum_are_never_published),
            cmocka_unit_test(links_are_not_followed_and_other_files_not_replaced),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
