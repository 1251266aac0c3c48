/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper's socket: what it says is passed on to the engine, and what the engine asks to it (keeper.h). */
#include "worker/agent.h"

#include "common/log.h"
#include "common/util.h"
#include "worker/facts.h"
#include "worker/keeper.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DRAIN_MS 2000 /* for the engine to take the last frames when the worker stops */

/* ---- the keeper's side ---- */

size_t agent_to_keeper(struct agent *g, uint8_t type)
{
        return frame_begin(&g->keeper_out, type);
}

void agent_forward_to_keeper(struct agent *g, uint8_t type, const struct frame *f)
{
        size_t mark = agent_to_keeper(g, type);

        buf_put(&g->keeper_out, f->payload, f->len);
        frame_end(&g->keeper_out, mark);
}

static void keeper_died(struct agent *g)
{
        char *argv[] = {"reeve-worker", "run", "--root", (char *)g->root, NULL};
        sigset_t none;

        if (g->keeper_stopped)
                return;
        log_error("the keeper is gone; this process takes its place");
        close(g->listen_fd);
        helpers_kill_all();
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        execve("/proc/self/exe", argv, environ);
        log_error("could not start a keeper: %s", strerror(errno));
        _exit(1);
}

void agent_keeper_flush(struct agent *g)
{
        while (buf_len(&g->keeper_out)) {
                ssize_t n =
                    send(g->keeper_fd, buf_bytes(&g->keeper_out), buf_len(&g->keeper_out), MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        break;
                if (n <= 0) {
                        if (!g->keeper_stopped)
                                keeper_died(g);
                        buf_clear(&g->keeper_out);
                        return;
                }
                buf_consume(&g->keeper_out, (size_t)n);
        }
        if (!g->keeper_stopped)
                loop_fd_want(g->loop, g->keeper_fd, LOOP_READ | (buf_len(&g->keeper_out) ? LOOP_WRITE : 0));
}

struct running *agent_running(struct agent *g, struct attempt_key key)
{
        for (size_t i = 0; i < g->running_count; i++) {
                if (attempt_key_equal(g->running[i].key, key))
                        return &g->running[i];
        }
        return NULL;
}

/* ---- frames from the keeper ---- */

static void send_welcome(struct agent *g, struct conn *c)
{
        size_t mark = agent_to_engine(g, P_WELCOME);
        struct buf *b = &c->out;
        struct facts f;
        char features[96];

        facts_read(&f);
        buf_u16(b, PROTO_VERSION);
        buf_put(b, g->spool_id, sizeof g->spool_id);
        buf_put(b, g->boot_id, sizeof g->boot_id);
        buf_str(b, f.hostname);
        buf_str(b, f.os);
        buf_str(b, f.machine);
        buf_u32(b, f.cpus);
        buf_u64(b, f.memory);
        buf_u64(b, f.disk_free);
        buf_u64(b, f.disk_total);
        buf_u64(b, (uint64_t)clock_wall_ms());
        buf_str(b, g->root);
        snprintf(features, sizeof features, "%s%s%s", g->cgroup_word ? g->cgroup_word : "",
                 g->cgroup_word && *g->cgroup_word ? " " : "", f.features);
        buf_str(b, features);
        buf_u32(b, c->worker_id);
        frame_end(b, mark);
}

static struct conn *conn_of_tag(struct agent *g, uint32_t tag)
{
        for (size_t i = 0; i < CONNS_MAX; i++) {
                if (tag && g->conns[i].fd >= 0 && g->conns[i].tag == tag)
                        return &g->conns[i];
        }
        return NULL;
}

static void on_accepted(struct agent *g, struct reader *r)
{
        uint32_t tag = reader_u32(r);
        struct conn *c = conn_of_tag(g, tag);

        /* The current one, and those that greeted before this one, are older. */
        for (size_t i = 0; i < CONNS_MAX; i++) {
                struct conn *other = &g->conns[i];

                if (other->fd >= 0 &&
                    (other == g->current || (other->tag && (int32_t)(other->tag - tag) < 0)))
                        conn_close(other);
        }
        if (!c)
                return;
        c->tag = 0;
        g->current = c;
        transfers_connected(g->transfers);
        send_welcome(g, c);
        frame_end(&g->keeper_out, agent_to_keeper(g, K_ASK));
}

static void on_fenced(struct agent *g, struct reader *r)
{
        struct conn *c = conn_of_tag(g, reader_u32(r));
        uint64_t epoch = reader_u64(r);
        size_t mark;

        if (!c)
                return;
        if (!epoch) {
                conn_fault(c, "this worker belongs to another Reeve; give each its own root directory");
                return;
        }
        mark = frame_begin(&c->out, P_FENCED);
        buf_u64(&c->out, epoch);
        frame_end(&c->out, mark);
        c->closing = true;
}

static void on_snapshot_end(struct agent *g, struct reader *r)
{
        (void)r;
        if (!g->current)
                return;
        frame_end(&g->current->out, agent_to_engine(g, P_SNAPSHOT_END));
        watch_again(g->watch);
        loop_timer_cancel(g->loop, g->heartbeat_timer);
        agent_heartbeat(g);
}

static void on_started(struct agent *g, struct reader *r)
{
        uint32_t n = reader_u32(r);
        struct buf *b = g->current ? &g->current->out : NULL;
        size_t mark = b ? agent_to_engine(g, P_STARTED) : 0;

        if (b)
                buf_u32(b, n);
        for (; n && !r->bad; n--) {
                struct attempt_key key = get_key(r);
                uint64_t start = reader_u64(r);
                AUTO_FREE char *dir = reader_str(r, sizeof g->running->dir - 1);
                uint64_t limit = reader_u64(r);

                if (r->bad)
                        break;
                if (!agent_running(g, key)) {
                        g->running = xgrow(g->running, g->running_count, &g->running_cap, sizeof *g->running);
                        g->running[g->running_count] = (struct running){.key = key, .disk_limit = limit};
                        snprintf(g->running[g->running_count++].dir, sizeof g->running->dir, "%s", dir);
                        watch_add(g->watch, key, dir);
                }
                if (b) {
                        put_key(b, key);
                        buf_u64(b, start);
                }
        }
        if (b)
                frame_end(b, mark);
}

static void on_ended(struct agent *g, const struct frame *f)
{
        struct reader r;
        uint32_t n;

        reader_init(&r, f->payload, f->len);
        n = reader_u32(&r);
        for (; n && !r.bad; n--) {
                struct proto_result res;
                struct running *run;

                get_result(&r, &res);
                run = agent_running(g, res.key);
                if (run) {
                        *run = g->running[--g->running_count];
                        watch_drop(g->watch, res.key);
                }
                if (g->current && res.output_count)
                        agent_send_outputs(g, res.key);
        }
        agent_forward_to_engine(g, P_ENDED, f);
}

static void on_fault(struct agent *g, struct reader *r)
{
        AUTO_FREE char *text = reader_str(r, FRAME_MAX);

        if (g->current && text)
                conn_fault(g->current, text);
}

static void on_identity(struct agent *g, struct reader *r)
{
        for (size_t i = 0; i < sizeof g->spool_id; i++)
                g->spool_id[i] = reader_u8(r);
        for (size_t i = 0; i < sizeof g->boot_id; i++)
                g->boot_id[i] = reader_u8(r);
        g->generation = reader_u64(r);
        free(g->cgroup_word);
        g->cgroup_word = reader_str(r, 16);
}

static void on_counts(struct agent *g, struct reader *r)
{
        if (g->current && g->health_due)
                agent_send_health(g, r);
        g->health_due = false;
}

static void on_drained(void *arg)
{
        loop_stop(arg);
}

static void on_stopped(struct agent *g, struct reader *r)
{
        (void)r;
        g->keeper_stopped = true;
        loop_fd_remove(g->loop, g->keeper_fd);
        unlink("agent.sock");
        if (g->current)
                g->current->closing = true;
        loop_timer_set(g->loop, g->current && buf_len(&g->current->out) ? DRAIN_MS : 0, on_drained, g->loop);
}

static void handle_keeper(struct agent *g, const struct frame *f)
{
        static void (*const by_type[])(struct agent *, struct reader *) = {
            [K_IDENTITY] = on_identity, [K_ACCEPTED] = on_accepted,
            [K_FENCED] = on_fenced,     [K_SNAPSHOT_END] = on_snapshot_end,
            [K_STARTED] = on_started,   [K_COUNTS] = on_counts,
            [K_FAULT] = on_fault,       [K_STOPPED] = on_stopped};
        struct reader r;

        reader_init(&r, f->payload, f->len);
        if (f->type == K_SNAPSHOT)
                agent_forward_to_engine(g, P_SNAPSHOT, f);
        else if (f->type == K_ENDED)
                on_ended(g, f);
        else if (f->type == K_FINISH)
                agent_on_finish(g, f);
        else if (f->type < ARRAY_LEN(by_type) && by_type[f->type])
                by_type[f->type](g, &r);
}

void agent_on_keeper(void *arg, int fd, unsigned ready)
{
        struct agent *g = arg;
        struct frame f;
        struct err err;
        int rc = 0;

        if (!(ready & LOOP_READ))
                return;
        for (int i = 0; i < READ_ROUNDS && !g->keeper_stopped; i++) {
                uint8_t *to = buf_reserve(&g->keeper_in, READ_SIZE);
                ssize_t n = to ? recv(fd, to, READ_SIZE, 0) : 0;

                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        return;
                if (n <= 0) {
                        keeper_died(g);
                        return;
                }
                buf_added(&g->keeper_in, (size_t)n);
                while ((rc = frame_next(&g->keeper_in, &f, &err)) > 0) {
                        handle_keeper(g, &f);
                        frame_done(&g->keeper_in, &f);
                }
                if (rc < 0)
                        keeper_died(g);
                if (n < (ssize_t)READ_SIZE)
                        return;
        }
}
