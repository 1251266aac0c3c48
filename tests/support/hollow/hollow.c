/* SPDX-License-Identifier: Apache-2.0 */
/* hollow-worker - answers like a worker and runs nothing, to measure everything but the spawning.
 *
 * Takes the command line of `reeve-worker attach` and speaks its protocol on the standard streams: every
 * launched task has ended well at once. No daemon, no disk: a connection that breaks forgets what was not
 * acknowledged.
 * `--version`, `facts` and `verify` answer as the engine's bootstrap expects them.
 */
#include "common/proto.h"
#include "common/states.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OUT_MAX  (8u << 20) /* above it input waits */
#define IN_CHUNK (256u << 10)

struct hollow {
        struct buf in, out;
        bool greeted;
        uint32_t heartbeat_ms;
        int64_t beat_ms;
        uint64_t nonce, ended;
};

static void send_welcome(struct hollow *h, uint32_t worker_id)
{
        static const uint8_t id[16] = "hollow";
        size_t mark = frame_begin(&h->out, P_WELCOME);

        buf_u16(&h->out, PROTO_VERSION);
        buf_put(&h->out, id, sizeof id);
        buf_put(&h->out, id, sizeof id);
        buf_str(&h->out, "hollow");
        buf_str(&h->out, "hollow");
        buf_str(&h->out, "x86_64");
        buf_u32(&h->out, 64);
        for (int i = 0; i < 3; i++)
                buf_u64(&h->out, 1ull << 40);
        buf_u64(&h->out, (uint64_t)clock_wall_ms());
        buf_str(&h->out, "/nowhere");
        buf_str(&h->out, "rlimit");
        buf_u32(&h->out, worker_id);
        frame_end(&h->out, mark);
        frame_end(&h->out, frame_begin(&h->out, P_SNAPSHOT_END));
}

static void on_hello(struct hollow *h, struct reader *r)
{
        struct proto_resources offered;
        uint32_t worker_id;

        (void)reader_u16(r);
        for (int i = 0; i < 16; i++)
                (void)reader_u8(r);
        (void)reader_u64(r);
        (void)reader_u32(r);
        h->heartbeat_ms = reader_u32(r);
        worker_id = reader_u32(r);
        get_resources(r, &offered);
        (void)reader_u32(r);
        h->greeted = true;
        send_welcome(h, worker_id);
}

static void on_template(struct hollow *h, struct reader *r)
{
        (void)h;
        r->p = r->end;
}

static void on_launch(struct hollow *h, struct reader *r)
{
        struct proto_result res = {.outcome = OUTCOME_SUCCEEDED, .wall_us = 1, .user_us = 1};
        uint32_t n;
        size_t mark = 0, at = 0;
        uint32_t packed = 0;

        res.key.job = (int64_t)reader_u64(r);
        res.start_wall_ms = res.end_wall_ms = clock_wall_ms();
        for (n = reader_u32(r); n && !r->bad; n--) {
                uint32_t first = reader_u32(r), count = reader_u32(r);

                res.key.attempt = (int32_t)reader_u32(r);
                for (uint32_t i = 0; i < count && !r->bad; i++) {
                        if (!packed) {
                                mark = frame_begin(&h->out, P_ENDED);
                                at = buf_len(&h->out);
                                buf_u32(&h->out, 0);
                        }
                        res.key.task = (int32_t)(first + i);
                        put_result(&h->out, &res);
                        h->ended++;
                        if (++packed == 1024) {
                                buf_patch_u32(&h->out, at, packed);
                                frame_end(&h->out, mark);
                                packed = 0;
                        }
                }
        }
        if (packed) {
                buf_patch_u32(&h->out, at, packed);
                frame_end(&h->out, mark);
        }
}

/* Whatever it runs has ended already, so a cancel finds nothing. */
static void on_cancel(struct hollow *h, struct reader *r)
{
        struct proto_result res = {.outcome = OUTCOME_NEVER_STARTED};
        uint32_t n;

        (void)reader_u32(r);
        (void)reader_u8(r);
        for (n = reader_u32(r); n && !r->bad; n--) {
                size_t mark = frame_begin(&h->out, P_ENDED);

                res.key = get_key(r);
                buf_u32(&h->out, 1);
                put_result(&h->out, &res);
                frame_end(&h->out, mark);
        }
}

static void on_ping(struct hollow *h, struct reader *r)
{
        size_t mark = frame_begin(&h->out, P_PONG);

        buf_u64(&h->out, reader_u64(r));
        frame_end(&h->out, mark);
}

static void on_stop(struct hollow *h, struct reader *r)
{
        (void)h;
        (void)r;
        _exit(0);
}

static void on_read(struct hollow *h, struct reader *r)
{
        uint32_t request = reader_u32(r);
        size_t mark = frame_begin(&h->out, P_DATA);

        r->p = r->end;
        buf_u32(&h->out, request);
        buf_u8(&h->out, READ_NOT_FOUND);
        for (int i = 0; i < 4; i++)
                buf_u64(&h->out, 0);
        buf_u8(&h->out, 1);
        buf_str(&h->out, "a hollow worker keeps nothing");
        frame_end(&h->out, mark);
}

static void beat(struct hollow *h)
{
        size_t mark = frame_begin(&h->out, P_RENEW);

        buf_u64(&h->out, ++h->nonce);
        frame_end(&h->out, mark);
        mark = frame_begin(&h->out, P_HEALTH);
        for (int i = 0; i < 3; i++)
                buf_u64(&h->out, 1ull << 40);
        buf_u32(&h->out, 0);
        buf_u64(&h->out, (uint64_t)clock_wall_ms());
        for (int i = 0; i < 3; i++)
                buf_u32(&h->out, 0);
        frame_end(&h->out, mark);
        h->beat_ms = clock_boot_ms() + h->heartbeat_ms;
}

static int handle_all(struct hollow *h)
{
        static void (*const by_type[])(struct hollow *, struct reader *) = {
            [P_HELLO] = on_hello,    [P_TEMPLATE] = on_template, [P_FORGET] = on_template,
            [P_LAUNCH] = on_launch,  [P_CANCEL] = on_cancel,     [P_ACK] = on_template,
            [P_GRANT] = on_template, [P_PING] = on_ping,         [P_STOP] = on_stop,
            [P_READ] = on_read};
        struct frame f;
        struct err err;
        int rc;

        while (buf_len(&h->out) < OUT_MAX && (rc = frame_next(&h->in, &f, &err)) != 0) {
                struct reader r;

                if (rc < 0)
                        return -1;
                reader_init(&r, f.payload, f.len);
                if (f.type >= ARRAY_LEN(by_type) || !by_type[f.type])
                        return -1;
                by_type[f.type](h, &r);
                if (r.bad)
                        return -1;
                frame_done(&h->in, &f);
        }
        if (h->greeted && clock_boot_ms() >= h->beat_ms)
                beat(h);
        return 0;
}

/* 0: go on; -1: a side is gone. */
static int turn(struct hollow *h)
{
        int64_t left = h->greeted ? h->beat_ms - clock_boot_ms() : 1000;
        struct pollfd p[2] = {{buf_len(&h->out) < OUT_MAX ? 0 : -1, POLLIN, 0},
                              {buf_len(&h->out) ? 1 : -1, POLLOUT, 0}};
        ssize_t n;

        if (poll(p, 2, left < 0 ? 0 : (int)left) < 0)
                return errno == EINTR ? 0 : -1;
        if (p[0].revents) {
                uint8_t *to = buf_reserve(&h->in, IN_CHUNK);

                n = to ? read(0, to, IN_CHUNK) : 0;
                if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
                        return -1;
                buf_added(&h->in, n > 0 ? (size_t)n : 0);
        }
        if (handle_all(h) < 0)
                return -1;
        while (buf_len(&h->out)) {
                n = write(1, buf_bytes(&h->out), buf_len(&h->out));
                if (n < 0)
                        return errno == EAGAIN || errno == EINTR ? 0 : -1;
                buf_consume(&h->out, (size_t)n);
        }
        return 0;
}

int main(int argc, char **argv)
{
        struct hollow h = {0};

        if (argc > 1 && strcmp(argv[1], "--version") == 0) {
                printf("reeve-worker hollow protocol %d\n", PROTO_VERSION);
                return 0;
        }
        if (argc > 1 && strcmp(argv[1], "facts") == 0) {
                printf("os=hollow machine=x86_64 cpus=64 memory=1099511627776 disk_free=1099511627776 "
                       "wall_ms=%lld uid=%u "
                       "cgroup=none linger=yes hostname=hollow\n",
                       (long long)clock_wall_ms(), (unsigned)geteuid());
                return 0;
        }
        if (argc > 1 && strcmp(argv[1], "verify") == 0)
                return 0;
        if (argc < 2 || strcmp(argv[1], "attach") != 0) {
                fprintf(stderr, "usage: hollow-worker attach [--root DIR]\n");
                return 2;
        }
        buf_init(&h.in, 4 * FRAME_MAX);
        buf_init(&h.out, 64 * FRAME_MAX);
        if (write(1, PROTO_MAGIC, strlen(PROTO_MAGIC)) < 0)
                return 1;
        fcntl(1, F_SETFL, fcntl(1, F_GETFL) | O_NONBLOCK);
        while (turn(&h) == 0)
                continue;
        return 0;
}
