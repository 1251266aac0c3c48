/* SPDX-License-Identifier: Apache-2.0 */
/* One pull, from start to end, in a process of its own: it may block, and dies with the agent. */
#include "worker/pulling.h"

#include "common/util.h"
#include "worker/helper.h"
#include "worker/offers.h"
#include "worker/send.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PULLED_BATCH 1024  /* files in one P_PULLED */
#define PROVE_MS     30000 /* for the other side to say its first word */

/* ---- telling ---- */

int pull_fail(struct pull *p, enum move_end kind, const char *fmt, ...)
{
        va_list ap;

        p->fault = (struct landing_fault){.kind = kind, .file = UINT32_MAX};
        va_start(ap, fmt);
        vsnprintf(p->fault.text, sizeof p->fault.text, fmt, ap);
        va_end(ap);
        return -1;
}

static uint64_t rate_over(const struct pull *p, uint64_t seconds)
{
        uint64_t n = p->second < seconds ? p->second : seconds;

        if (!n)
                return 0;
        return (p->bytes_moved - p->moved_at[(p->second - n) % SLOW_SECONDS]) * 1000 / (n * REPORT_MS);
}

static void tell_pulled(struct pull *p)
{
        size_t mark;

        if (!p->pulled_count)
                return;
        mark = frame_begin(&p->report, P_PULLED);
        buf_u64(&p->report, p->job->order.id);
        buf_u32(&p->report, p->job->order.turn);
        buf_u32(&p->report, p->pulled_count);
        buf_put(&p->report, buf_bytes(&p->pulled), buf_len(&p->pulled));
        frame_end(&p->report, mark);
        buf_clear(&p->pulled);
        p->pulled_count = 0;
}

void pull_tell(struct pull *p)
{
        struct transfer_report s = {.id = p->job->order.id,
                                    .turn = p->job->order.turn,
                                    .streams = p->streams,
                                    .bytes_done = p->bytes_done,
                                    .bytes_moved = p->bytes_moved,
                                    .bytes_per_s = rate_over(p, RATE_SECONDS),
                                    .files_done = p->files_done};
        size_t mark;

        tell_pulled(p);
        mark = frame_begin(&p->report, P_PULLING);
        put_transfer_report(&p->report, &s);
        frame_end(&p->report, mark);
        helper_child_write(p->report_fd, &p->report);
        p->report_ms = clock_boot_ms();
}

static void tell_end(struct pull *p)
{
        struct transfer_close c = {.id = p->job->order.id,
                                   .turn = p->job->order.turn,
                                   .kind = (uint8_t)p->fault.kind,
                                   .file = p->fault.file,
                                   .bytes_moved = p->bytes_moved,
                                   .busy_ms = p->first_ms ? (uint64_t)(p->byte_ms - p->first_ms) : 0};
        size_t mark;

        snprintf(c.text, sizeof c.text, "%s", p->fault.text);
        snprintf(c.root, sizeof c.root, "%s/" DATA_DIR "/%s", p->job->root, p->job->order.to);
        pull_tell(p);
        mark = frame_begin(&p->report, P_PULL_END);
        put_transfer_close(&p->report, &c);
        frame_end(&p->report, mark);
        helper_child_write(p->report_fd, &p->report);
}

/* ---- the pace ---- */

void pull_streams(struct pull *p)
{
        p->streams = true;
        p->start_ms = p->byte_ms = clock_boot_ms();
        pull_tell(p);
}

void pull_moved(struct pull *p, size_t n)
{
        p->byte_ms = clock_boot_ms();
        if (!p->first_ms)
                p->first_ms = p->byte_ms;
        p->bytes_moved += p->streams ? (uint64_t)n : 0;
}

/* As long as silence is borne: the last seconds that a rate is judged by. */
static uint64_t slow_seconds(const struct transfer_pull *o)
{
        uint64_t seconds = o->stall_ms / 1000;

        return seconds < 2 || seconds > SLOW_SECONDS ? SLOW_SECONDS : seconds;
}

static int on_second(struct pull *p)
{
        const struct transfer_pull *o = &p->job->order;

        if (p->streams)
                p->moved_at[++p->second % SLOW_SECONDS] = p->bytes_moved;
        pull_tell(p);
        if (o->least_rate && p->second >= slow_seconds(o) &&
            rate_over(p, slow_seconds(o) - 1) < o->least_rate)
                return pull_fail(p, MOVE_SLOW, "%llu bytes a second came; %llu are the least it can wait for",
                                 (unsigned long long)rate_over(p, slow_seconds(o) - 1),
                                 (unsigned long long)o->least_rate);
        return 0;
}

int64_t pull_held_ms(const struct pull *p)
{
        uint64_t limit = p->job->order.rate_limit;
        int64_t now = clock_boot_ms(),
                due = limit && p->streams ? p->start_ms + (int64_t)(p->bytes_moved * 1000 / limit) : 0;

        return due > now ? due - now : 0;
}

int64_t pull_wait_ms(const struct pull *p)
{
        int64_t wait = REPORT_MS - (clock_boot_ms() - p->report_ms);

        return wait > 0 ? wait : 0;
}

int pull_pace(struct pull *p)
{
        uint32_t stall = p->job->order.stall_ms ? p->job->order.stall_ms : STALL_DEFAULT;
        int64_t now = clock_boot_ms();

        if (now - p->report_ms >= REPORT_MS && on_second(p) < 0)
                return -1;
        if (p->streams && now - p->byte_ms >= (int64_t)stall)
                return pull_fail(p, MOVE_STALLED, "no byte came for %u seconds", stall / 1000);
        if (!p->streams && now - p->start_ms >= PROVE_MS)
                return pull_fail(p, MOVE_SOURCE_AWAY, "the source did not answer within %d seconds",
                                 PROVE_MS / 1000);
        return 0;
}

/* ---- what is there ---- */

static void on_published(void *arg, const struct transfer_pulled *f)
{
        struct pull *p = arg;

        put_transfer_pulled(&p->pulled, f);
        p->files_done++;
        if (++p->pulled_count == PULLED_BATCH) {
                tell_pulled(p);
                helper_child_write(p->report_fd, &p->report);
        }
}

static void on_looked(void *arg, size_t n)
{
        struct pull *p = arg;

        (void)n;
        if (clock_boot_ms() - p->report_ms >= REPORT_MS)
                pull_tell(p);
}

void pull_want(struct pull *p, uint32_t index, uint64_t offset)
{
        p->wants = xgrow(p->wants, p->want_count, &p->want_cap, sizeof *p->wants);
        p->wants[p->want_count++] = (struct want){index, offset};
}

static int look(struct pull *p)
{
        const struct transfer_pull *o = &p->job->order;
        uint64_t missing = 0;

        for (uint32_t i = 0; i < p->job->list.count; i++) {
                uint64_t offset, size = p->job->list.entries[i].size;

                if (landing_look(p->landing, i, &offset) == LANDING_PRESENT) {
                        p->bytes_done += size != TRANSFER_SIZE_UNKNOWN ? size : 0;
                        continue;
                }
                p->bytes_done += offset;
                missing += size != TRANSFER_SIZE_UNKNOWN ? size - offset : 0;
                pull_want(p, i, offset);
        }
        return p->want_count && !landing_has_room(p->landing, missing, o->room, o->keep_free, &p->fault) ? -1
                                                                                                         : 0;
}

/* ---- ways ---- */

static int open_local(struct pull *p)
{
        int pair[2];
        pid_t self = getpid();
        struct err err;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return pull_fail(p, MOVE_DESTINATION, "could not make a socket pair: %s", strerror(errno));
        p->sender = fork();
        if (p->sender == 0) {
                struct offer_file f;

                prctl(PR_SET_PDEATHSIG, SIGKILL);
                close(pair[0]);
                if (getppid() != self || offer_load(p->job->order.id, clock_wall_ms(), &f, &err) < 0)
                        _exit(1);
                _exit(send_files(&f, pair[1], pair[1], &err) < 0);
        }
        close(pair[1]);
        p->in_fd = p->out_fd = pair[0];
        return p->sender < 0 ? pull_fail(p, MOVE_DESTINATION, "could not make a process: %s", strerror(errno))
                             : 0;
}

static int open_way(struct pull *p)
{
        struct err err;

        switch ((enum transfer_way)p->job->order.way) {
        case WAY_LOCAL:
                return open_local(p);
        case WAY_DIRECT:
                if (ssh_way_start(&p->ssh, &p->job->order, &err) < 0)
                        return pull_fail(p, MOVE_DESTINATION, "%s", err.text);
                p->in_fd = p->ssh.in_fd;
                p->out_fd = p->ssh.out_fd;
                return 0;
        case WAY_RELAY:
                p->in_fd = p->job->in_fd;
                p->out_fd = p->job->out_fd;
                return 0;
        case WAY_FETCH:
                break; /* has no stream */
        }
        return pull_fail(p, MOVE_DESTINATION, "there is no such way");
}

static void close_way(struct pull *p)
{
        ssh_way_end(&p->ssh);
        if (p->sender > 0) {
                kill(p->sender, SIGKILL);
                waitpid(p->sender, NULL, 0);
        }
}

/* ---- all of it ---- */

static int run(struct pull *p)
{
        static const struct landing_events events = {.on_published = on_published, .on_looked = on_looked};
        struct pull_job *job = p->job;

        if (landing_open(job->order.to, &job->list, job->order.id, &events, p, &p->landing, &p->fault) < 0)
                return -1;
        pull_tell(p);
        if (look(p) < 0)
                return -1;
        if (p->want_count && job->order.way == WAY_FETCH && pull_fetch(p) < 0)
                return -1;
        if (p->want_count && job->order.way != WAY_FETCH && (open_way(p) < 0 || pull_stream(p) < 0))
                return -1;
        return landing_settle(p->landing, true, &p->fault);
}

void chore_pull(int fd, void *arg)
{
        struct pull p = {.job = arg, .report_fd = fd, .in_fd = -1, .out_fd = -1};
        struct landing_fault fault, later;

        signal(SIGPIPE, SIG_IGN);
        p.ssh = (struct ssh_way){
            .pid = -1, .in_fd = -1, .out_fd = -1, .err_fd = -1, .key_fd = -1, .hosts_fd = -1};
        buf_init(&p.report, 2 * FRAME_MAX);
        buf_init(&p.pulled, FRAME_MAX);
        buf_init(&p.in, 2 * FRAME_MAX);
        buf_init(&p.out, 4u << 20);
        if (run(&p) < 0 && p.landing) {
                fault = p.fault;
                if (fault.kind == MOVE_NO_SPACE)
                        landing_drop(p.landing);
                /* What is whole counts, whatever became of the rest. */
                landing_settle(p.landing, true, &later);
                p.fault = fault;
        }
        close_way(&p);
        tell_end(&p);
        if (p.landing)
                landing_free(p.landing);
}
