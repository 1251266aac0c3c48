/* SPDX-License-Identifier: Apache-2.0 */
/* http_submit - how fast jobs are accepted over HTTP.
 *
 *     bench-http-submit PORT TOKEN_FILE [SECONDS]
 *
 * Prints
 *     submit_rate       single jobs per second from 16 clients that keep their connections
 *     submit_bulk_rate  jobs per second in requests of 100,000 (best of three)
 *     submit_array_1m   milliseconds to accept one array of 1,000,000 tasks (median of 9)
 * Every answer must be 201. The jobs are held, so that an engine beside it has nothing to do.
 */
#include "common/buf.h"
#include "common/util.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS    16
#define BULK_JOBS  100000
#define BULK_TRIES 3
#define ARRAYS     9
#define ANSWER_MAX 65536

static int port;
static const char *token;
static atomic_bool over;
static atomic_llong accepted;

static void die(const char *what)
{
        fprintf(stderr, "bench-http-submit: %s\n", what);
        exit(1);
}

static double now_s(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int dial(void)
{
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
                die("could not connect");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        return fd;
}

static void write_all(int fd, const uint8_t *p, size_t n)
{
        while (n) {
                ssize_t k = write(fd, p, n);

                if (k <= 0)
                        die("could not send");
                p += k;
                n -= (size_t)k;
        }
}

/* Read one answer; it must be 201. */
static void expect_created(int fd)
{
        char text[ANSWER_MAX + 1];
        size_t n = 0;

        for (;;) {
                ssize_t k = read(fd, text + n, ANSWER_MAX - n);
                const char *end, *length;

                if (k <= 0)
                        die("the server hung up");
                n += (size_t)k;
                text[n] = '\0';
                end = strstr(text, "\r\n\r\n");
                length = end ? strstr(text, "Content-Length: ") : NULL;
                if (length && n >= (size_t)(end + 4 - text) + strtoul(length + 16, NULL, 10))
                        break;
        }
        if (strncmp(text, "HTTP/1.1 201", 12) != 0)
                die(text);
}

static void request_make(struct buf *out, const char *path, const struct buf *body)
{
        buf_printf(out,
                   "POST %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Type: "
                   "application/json\r\n"
                   "Content-Length: %zu\r\n\r\n",
                   path, token, buf_len(body));
        buf_put(out, buf_bytes(body), buf_len(body));
}

static void *client_main(void *unused)
{
        struct buf body, request;
        int fd = dial();

        (void)unused;
        buf_init(&body, 4096);
        buf_init(&request, 8192);
        buf_text(&body, "{\"command\":[\"true\"],\"hold\":true}");
        request_make(&request, "/v1/jobs", &body);
        while (!atomic_load(&over)) {
                write_all(fd, buf_bytes(&request), buf_len(&request));
                expect_created(fd);
                atomic_fetch_add(&accepted, 1);
        }
        close(fd);
        buf_release(&body);
        buf_release(&request);
        return NULL;
}

static double singles(int seconds)
{
        pthread_t threads[CLIENTS];
        double began, took;
        long long before;

        for (int i = 0; i < CLIENTS; i++)
                if (pthread_create(&threads[i], NULL, client_main, NULL) != 0)
                        die("could not start a thread");
        sleep(1); /* connections, statements and caches are warm after it */
        began = now_s();
        before = atomic_load(&accepted);
        sleep((unsigned)seconds);
        took = now_s() - began;
        before = atomic_load(&accepted) - before;
        atomic_store(&over, true);
        for (int i = 0; i < CLIENTS; i++)
                pthread_join(threads[i], NULL);
        return (double)before / took;
}

static double timed(int fd, const struct buf *request)
{
        double began = now_s();

        write_all(fd, buf_bytes(request), buf_len(request));
        expect_created(fd);
        return now_s() - began;
}

static double bulk(void)
{
        struct buf body, request;
        double best = 1e9, took;
        int fd = dial();

        buf_init(&body, 64u << 20);
        buf_init(&request, 65u << 20);
        buf_text(&body, "{\"jobs\":[");
        for (int i = 0; i < BULK_JOBS; i++)
                buf_printf(&body, "%s{\"command\":[\"true\",\"%d\"],\"hold\":true}", i ? "," : "", i);
        buf_text(&body, "]}");
        request_make(&request, "/v1/jobs:bulk", &body);
        for (int i = 0; i < BULK_TRIES; i++) {
                took = timed(fd, &request);
                if (took < best)
                        best = took;
        }
        close(fd);
        buf_release(&body);
        buf_release(&request);
        return BULK_JOBS / best;
}

static int by_value(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

static double arrays(void)
{
        struct buf body, request;
        double took[ARRAYS];
        int fd = dial();

        buf_init(&body, 4096);
        buf_init(&request, 8192);
        buf_text(&body, "{\"command\":[\"true\"],\"array\":\"1-1000000\",\"hold\":true}");
        request_make(&request, "/v1/jobs", &body);
        for (int i = 0; i < ARRAYS; i++)
                took[i] = timed(fd, &request);
        close(fd);
        buf_release(&body);
        buf_release(&request);
        qsort(took, ARRAYS, sizeof *took, by_value);
        return took[ARRAYS / 2] * 1000;
}

static const char *read_token(const char *path)
{
        static char text[128];
        FILE *f = fopen(path, "re");

        if (!f || !fgets(text, sizeof text, f))
                die("could not read the token's file");
        fclose(f);
        text[strcspn(text, "\n")] = '\0';
        return text;
}

int main(int argc, char **argv)
{
        if (argc < 3)
                die("usage: bench-http-submit PORT TOKEN_FILE [SECONDS]");
        port = atoi(argv[1]);
        token = read_token(argv[2]);
        printf("submit_rate %.0f jobs/s\n", singles(argc > 3 ? atoi(argv[3]) : 5));
        printf("submit_bulk_rate %.0f jobs/s\n", bulk());
        printf("submit_array_1m %.2f ms\n", arrays());
        return 0;
}
