/* SPDX-License-Identifier: Apache-2.0 */
/* client.h - the engine's side of one worker connection, for tests and measurements: blocking, with
 * deadlines. */
#ifndef REEVE_TEST_CLIENT_H
#define REEVE_TEST_CLIENT_H

#include "common/proto.h"
#include "common/states.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct client {
        pid_t pid;   /* attach */
        int in, out; /* its standard output and input */
        struct buf from, to;
        struct frame frame;
        bool have_frame;
        uint64_t grants; /* leases granted by client_next on its own */
        bool no_grants;
};

struct client_hello {
        uint64_t epoch;
        uint32_t lease_ms, heartbeat_ms, cpus, slots;
        uint64_t memory;
};

/* Start `argv` (argv[0] is the program) with pipes. */
static inline int client_start(struct client *c, char *const *argv)
{
        int up[2], down[2];

        memset(c, 0, sizeof *c);
        buf_init(&c->from, 4 * FRAME_MAX);
        buf_init(&c->to, 4 * FRAME_MAX);
        if (pipe2(up, O_CLOEXEC) < 0 || pipe2(down, O_CLOEXEC) < 0)
                return -1;
        c->pid = fork();
        if (c->pid < 0)
                return -1;
        if (c->pid == 0) {
                dup2(up[0], 0);
                dup2(down[1], 1);
                execv(argv[0], argv);
                _exit(127);
        }
        close(up[0]);
        close(down[1]);
        c->out = up[1];
        c->in = down[0];
        return 0;
}

static inline void client_end(struct client *c)
{
        close(c->out);
        close(c->in);
        waitpid(c->pid, NULL, 0);
        buf_release(&c->from);
        buf_release(&c->to);
}

static inline bool client_flush(struct client *c)
{
        while (buf_len(&c->to)) {
                ssize_t n = write(c->out, buf_bytes(&c->to), buf_len(&c->to));

                if (n <= 0)
                        return false;
                buf_consume(&c->to, (size_t)n);
        }
        return true;
}

static inline bool client_fill(struct client *c, int timeout_ms)
{
        struct pollfd p = {c->in, POLLIN, 0};
        uint8_t *to;
        ssize_t n;

        if (poll(&p, 1, timeout_ms) <= 0)
                return false;
        to = buf_reserve(&c->from, 262144);
        n = to ? read(c->in, to, 262144) : -1;
        if (n <= 0)
                return false;
        buf_added(&c->from, (size_t)n);
        return true;
}

static inline bool client_skip_magic(struct client *c, int timeout_ms)
{
        int64_t give_up = clock_boot_ms() + timeout_ms;
        size_t len = strlen(PROTO_MAGIC);

        while (clock_boot_ms() < give_up) {
                const char *at = buf_len(&c->from)
                                     ? memmem(buf_bytes(&c->from), buf_len(&c->from), PROTO_MAGIC, len)
                                     : NULL;

                if (at) {
                        buf_consume(&c->from, (size_t)(at - (const char *)buf_bytes(&c->from)) + len);
                        return true;
                }
                if (!client_fill(c, (int)(give_up - clock_boot_ms())))
                        return false;
        }
        return false;
}

static inline void client_grant(struct client *c, const struct frame *f)
{
        size_t mark = frame_begin(&c->to, P_GRANT);

        buf_put(&c->to, f->payload, f->len);
        frame_end(&c->to, mark);
        c->grants++;
        client_flush(c);
}

/* The next frame in c->frame, or false after timeout or at the end. Grants leases by itself unless told not
 * to. */
static inline bool client_next(struct client *c, int timeout_ms)
{
        int64_t give_up = clock_boot_ms() + timeout_ms;
        struct err err;

        for (;;) {
                int rc;

                if (c->have_frame)
                        frame_done(&c->from, &c->frame);
                c->have_frame = false;
                while ((rc = frame_next(&c->from, &c->frame, &err)) == 0) {
                        int64_t left = give_up - clock_boot_ms();

                        if (left <= 0 || !client_fill(c, (int)left))
                                return false;
                }
                if (rc < 0)
                        return false;
                c->have_frame = true;
                if (c->frame.type != P_RENEW || c->no_grants)
                        return true;
                client_grant(c, &c->frame);
        }
}

static inline void client_hello(struct client *c, const struct client_hello *h)
{
        struct proto_resources offered = {.cpus = h->cpus, .memory = h->memory};
        size_t mark = frame_begin(&c->to, P_HELLO);
        static const uint8_t instance[16] = "test instance 1";

        buf_u16(&c->to, PROTO_VERSION);
        buf_put(&c->to, instance, sizeof instance);
        buf_u64(&c->to, h->epoch);
        buf_u32(&c->to, h->lease_ms);
        buf_u32(&c->to, h->heartbeat_ms);
        buf_u32(&c->to, 1);
        put_resources(&c->to, &offered);
        buf_u32(&c->to, h->slots);
        frame_end(&c->to, mark);
        client_flush(c);
}

static inline void client_template(struct client *c, const struct proto_template *t)
{
        size_t mark = frame_begin(&c->to, P_TEMPLATE);

        put_template(&c->to, t);
        frame_end(&c->to, mark);
}

static inline void client_launch(struct client *c, int64_t job, uint32_t first, uint32_t count,
                                 uint32_t attempt)
{
        size_t mark = frame_begin(&c->to, P_LAUNCH);

        buf_u64(&c->to, (uint64_t)job);
        buf_u32(&c->to, 1);
        buf_u32(&c->to, first);
        buf_u32(&c->to, count);
        buf_u32(&c->to, attempt);
        frame_end(&c->to, mark);
        client_flush(c);
}

static inline void client_ack(struct client *c, const struct attempt_key *keys, uint32_t n)
{
        size_t mark = frame_begin(&c->to, P_ACK);

        buf_u32(&c->to, n);
        for (uint32_t i = 0; i < n; i++)
                put_key(&c->to, keys[i]);
        frame_end(&c->to, mark);
        client_flush(c);
}

#endif
