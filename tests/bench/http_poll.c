/* SPDX-License-Identifier: Apache-2.0 */
/* http_poll - many scripts that watch many jobs: each asks once a second for its share of them, with the ETag
 * it has.
 *
 *     bench-http-poll PORT CLIENTS FIRST_JOB LAST_JOB          (REEVE_TOKEN)
 *
 * Prints "ready" once every client was answered once, goes on until its standard input ends, and prints
 * requests_per_s, known (the part answered 304), p50_ms and p99_ms.
 */
#include "common/buf.h"
#include "common/util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SAMPLES_MAX 20000 /* of one client */
#define RAMP_S      10    /* until all have asked for the first time: nothing is known then */
#define HEAD_MAX    4096

struct client {
        int number, fd;
        char *ids;
        char etag[80];
        double *took, dialed_at, asked_at;
        size_t n, known;
};

static int port, clients;
static const char *token;
static atomic_bool over;
static atomic_int ready;

static void die(const char *what)
{
        fprintf(stderr, "bench-http-poll: %s\n", what);
        exit(1);
}

static double now_s(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void sleep_until(double at)
{
        double left = at - now_s();

        if (left > 0)
                usleep((useconds_t)(left * 1e6));
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

static void send_all(int fd, const char *p, size_t n)
{
        for (ssize_t k; n; p += k, n -= (size_t)k)
                if ((k = send(fd, p, n, MSG_NOSIGNAL)) <= 0)
                        die("could not send");
}

/* Read head and body; the status. */
static int answer(struct client *c)
{
        static _Thread_local char buf[1 << 20];
        size_t have = 0, want = 0;
        char *end = NULL, *tag, *length;

        while (!end || have < want) {
                ssize_t k = recv(c->fd, buf + have, sizeof buf - 1 - have, 0);

                if (k <= 0) {
                        fprintf(stderr,
                                "bench-http-poll: client %d: the server hung up %.1f s after the question, "
                                "%.1f s after connecting, %zu bytes into the answer: %s\n",
                                c->number, now_s() - c->asked_at, now_s() - c->dialed_at, have,
                                k ? strerror(errno) : "end of stream");
                        exit(1);
                }
                have += (size_t)k;
                buf[have] = '\0';
                if (!end && (end = strstr(buf, "\r\n\r\n"))) {
                        length = strcasestr(buf, "\r\ncontent-length: ");
                        want = (size_t)(end + 4 - buf);
                        if (length && length < end)
                                want += (size_t)atoll(length + 18);
                        if (want >= sizeof buf)
                                die("the answer is too long");
                        tag = strcasestr(buf, "\r\netag: ");
                        if (tag && tag < end)
                                snprintf(c->etag, sizeof c->etag, "%.*s", (int)strcspn(tag + 8, "\r"),
                                         tag + 8);
                }
        }
        return atoi(buf + 9);
}

static void ask(struct client *c)
{
        AUTO_FREE char *text =
            xasprintf("GET /v1/jobs?limit=1000&ids=%s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                      "Authorization: Bearer %s\r\n%s%s%s\r\n",
                      c->ids, token, *c->etag ? "If-None-Match: " : "", c->etag, *c->etag ? "\r\n" : "");
        double began = now_s();
        int status;

        c->asked_at = began;
        send_all(c->fd, text, strlen(text));
        status = answer(c);
        if (status != 200 && status != 304)
                die("an answer was neither 200 nor 304");
        if (c->n < SAMPLES_MAX)
                c->took[c->n++] = now_s() - began;
        c->known += status == 304;
}

static void *client_main(void *arg)
{
        struct client *c = arg;
        double next = now_s() + RAMP_S * (double)c->number / clients;

        sleep_until(next); /* one that connects and says nothing is cut off */
        c->fd = dial();
        c->dialed_at = now_s();
        for (bool first = true; !atomic_load(&over); first = false) {
                sleep_until(next);
                ask(c);
                if (first) {
                        /* The first one is not what is measured: nothing was known. */
                        c->n = c->known = 0;
                        atomic_fetch_add(&ready, 1);
                }
                next += 1;
        }
        close(c->fd);
        return NULL;
}

static int by_value(const void *a, const void *b)
{
        const double *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

static void report(struct client *c, double seconds)
{
        double *all = xcalloc((size_t)clients * SAMPLES_MAX, sizeof *all);
        size_t n = 0, known = 0;

        for (int i = 0; i < clients; i++) {
                memcpy(all + n, c[i].took, c[i].n * sizeof *all);
                n += c[i].n;
                known += c[i].known;
        }
        qsort(all, n, sizeof *all, by_value);
        printf("requests_per_s %.1f\nknown %.4f\np50_ms %.3f\np99_ms %.3f\n", (double)n / seconds,
               n ? (double)known / (double)n : 0, n ? all[n / 2] * 1000 : 0,
               n ? all[n * 99 / 100] * 1000 : 0);
        free(all);
}

static char *share(int number, long long first, long long last)
{
        long long each = (last - first + 1) / clients, from = first + number * each;
        struct buf b;
        char *text;

        buf_init(&b, 1 << 20);
        for (long long id = from; id < from + each; id++)
                buf_printf(&b, "%s%lld", id > from ? "," : "", id);
        text = xstrdup(buf_cstr(&b));
        buf_release(&b);
        return text;
}

int main(int argc, char **argv)
{
        struct client *c;
        pthread_t *threads;
        double began;
        char end;

        token = getenv("REEVE_TOKEN");
        if (argc != 5 || !token)
                die("usage: bench-http-poll PORT CLIENTS FIRST_JOB LAST_JOB, with REEVE_TOKEN");
        port = atoi(argv[1]);
        clients = atoi(argv[2]);
        c = xcalloc((size_t)clients, sizeof *c);
        threads = xcalloc((size_t)clients, sizeof *threads);
        for (int i = 0; i < clients; i++) {
                c[i] = (struct client){.number = i,
                                       .ids = share(i, atoll(argv[3]), atoll(argv[4])),
                                       .took = xcalloc(SAMPLES_MAX, sizeof(double))};
                if (pthread_create(&threads[i], NULL, client_main, &c[i]) != 0)
                        die("could not start a thread");
        }
        while (atomic_load(&ready) < clients)
                usleep(10000);
        began = now_s();
        printf("ready\n");
        fflush(stdout);
        while (read(STDIN_FILENO, &end, 1) > 0)
                ;
        atomic_store(&over, true);
        for (int i = 0; i < clients; i++)
                pthread_join(threads[i], NULL);
        report(c, now_s() - began);
        return 0;
}
