/* SPDX-License-Identifier: Apache-2.0 */
/* One pull, from start to end, in a process of its own: it may block, and dies with the agent.
 *
 * The order of the list is the order of the stream: what was asked for comes in that order, so one file is
 * open at a time. A part whose checksum turns out wrong is asked for once more, from its start, at the end.
 */
#include "worker/pull.h"

#include "common/num.h"
#include "common/util.h"
#include "worker/helper.h"
#include "worker/landing.h"
#include "worker/offers.h"
#include "worker/send.h"
#include "worker/ssh_way.h"
#include "worker/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define REPORT_MS     1000
#define PULLED_BATCH  1024  /* files in one P_PULLED */
#define RATE_SECONDS  5     /* the rate that is told is that of the last ones */
#define SLOW_SECONDS  60    /* the rate that ends a pull is that of the last ones */
#define PROVE_MS      30000 /* for the other side to say its first word */
#define STALL_DEFAULT 60000
#define READ_MAX      (512u << 10)

struct want {
        uint32_t index;
        uint64_t offset;
};

struct pull {
        struct pull_job *job;
        int report_fd;
        struct landing *landing;
        struct landing_fault fault;
        struct buf report, pulled; /* pulled: records of published files not told yet */
        uint32_t pulled_count;

        struct ssh_way ssh;
        pid_t sender; /* of a local copy */
        int in_fd, out_fd;
        struct buf in, out;
        bool streams; /* the other side has spoken */

        struct want *wants; /* in the order of the stream */
        size_t want_count, want_cap, want_at;
        size_t told; /* wants that were put into `out` */
        bool in_file;

        uint64_t bytes_done, bytes_moved;
        uint32_t files_done;
        uint64_t moved_at[SLOW_SECONDS]; /* bytes_moved by second, a ring */
        int64_t start_ms, report_ms, byte_ms, first_ms;
        uint64_t second; /* reports made since the stream began */
};

/* ---- telling ---- */

static __attribute__((format(printf, 3, 4))) int fail(struct pull *p, enum move_end kind, const char *fmt,
                                                      ...)
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

static void tell(struct pull *p)
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
        tell(p);
        mark = frame_begin(&p->report, P_PULL_END);
        put_transfer_close(&p->report, &c);
        frame_end(&p->report, mark);
        helper_child_write(p->report_fd, &p->report);
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
                tell(p);
}

static void add_want(struct pull *p, uint32_t index, uint64_t offset)
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
                        p->bytes_done += size;
                        continue;
                }
                p->bytes_done += offset;
                missing += size - offset;
                add_want(p, i, offset);
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
                return fail(p, MOVE_DESTINATION, "could not make a socket pair: %s", strerror(errno));
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
        return p->sender < 0 ? fail(p, MOVE_DESTINATION, "could not make a process: %s", strerror(errno)) : 0;
}

static int open_way(struct pull *p)
{
        struct err err;

        switch ((enum transfer_way)p->job->order.way) {
        case WAY_LOCAL:
                return open_local(p);
        case WAY_DIRECT:
                if (ssh_way_start(&p->ssh, &p->job->order, &err) < 0)
                        return fail(p, MOVE_DESTINATION, "%s", err.text);
                p->in_fd = p->ssh.in_fd;
                p->out_fd = p->ssh.out_fd;
                return 0;
        case WAY_RELAY:
                p->in_fd = p->job->in_fd;
                p->out_fd = p->job->out_fd;
                return 0;
        }
        return fail(p, MOVE_DESTINATION, "there is no such way");
}

static void close_way(struct pull *p)
{
        ssh_way_end(&p->ssh);
        if (p->sender > 0) {
                kill(p->sender, SIGKILL);
                waitpid(p->sender, NULL, 0);
        }
}

/* ---- what the sender says ---- */

static bool expects(const struct pull *p, uint32_t index, uint64_t offset)
{
        const struct want *w = &p->wants[p->want_at];

        return !p->in_file && p->want_at < p->told && w->index == index && w->offset == offset;
}

static int file_begin(struct pull *p, uint32_t index, uint64_t offset)
{
        if (!expects(p, index, offset))
                return fail(p, MOVE_BROKEN, "the source sends what was not asked for");
        p->in_file = true;
        return landing_begin(p->landing, index, offset, &p->fault);
}

static int file_bytes(struct pull *p, const uint8_t *from, size_t n)
{
        p->bytes_done += n;
        return landing_write(p->landing, from, n, &p->fault);
}

static int file_end(struct pull *p)
{
        const struct want w = p->wants[p->want_at++];
        int rc = landing_finish(p->landing, &p->fault);

        p->in_file = false;
        if (rc > 0) {
                p->bytes_done -= p->job->list.entries[w.index].size;
                add_want(p, w.index, 0);
        }
        return rc < 0 ? -1 : landing_settle(p->landing, false, &p->fault);
}

static int on_file(struct pull *p, struct reader *r)
{
        uint32_t index = reader_u32(r);
        uint64_t offset = reader_u64(r);

        (void)reader_u64(r);
        return r->bad ? -1 : file_begin(p, index, offset);
}

static int on_bytes(struct pull *p, struct reader *r)
{
        size_t n = reader_left(r);
        const uint8_t *from = r->p;

        r->p = r->end;
        if (!p->in_file)
                return fail(p, MOVE_BROKEN, "the source sends bytes of no file");
        return file_bytes(p, from, n);
}

static int on_file_end(struct pull *p, struct reader *r)
{
        uint32_t index = reader_u32(r);
        uint8_t kind = reader_u8(r);
        AUTO_FREE char *text = reader_str(r, RESULT_TEXT_MAX - 1);

        if (r->bad || p->want_at >= p->told || p->wants[p->want_at].index != index)
                return fail(p, MOVE_BROKEN, "the source ends a file that was not asked for");
        if (kind != MOVE_DONE) {
                fail(p, kind < MOVE_END_COUNT ? (enum move_end)kind : MOVE_SOURCE_GONE, "%s", text);
                p->fault.file = index;
                /* Bytes of a file that changed under the sender are of no use. */
                landing_drop(p->landing);
                return -1;
        }
        return p->in_file ? file_end(p) : fail(p, MOVE_BROKEN, "the source ends a file it did not begin");
}

static int on_whole(struct pull *p, struct reader *r)
{
        uint32_t index = reader_u32(r);
        uint64_t offset = reader_u64(r);

        if (r->bad || file_begin(p, index, offset) < 0 || on_bytes(p, r) < 0)
                return -1;
        return file_end(p);
}

static int handle(struct pull *p, const struct frame *f)
{
        static const struct {
                uint8_t type;
                int (*handle)(struct pull *p, struct reader *r);
        } handlers[] = {
            {S_BYTES, on_bytes}, {S_WHOLE, on_whole}, {S_FILE, on_file}, {S_FILE_END, on_file_end}};
        struct reader r;
        int rc;

        reader_init(&r, f->payload, f->len);
        for (size_t i = 0; i < ARRAY_LEN(handlers); i++) {
                if (handlers[i].type != f->type)
                        continue;
                rc = handlers[i].handle(p, &r);
                if (p->fault.kind == MOVE_DONE && (rc < 0 || r.bad || reader_left(&r)))
                        return fail(p, MOVE_BROKEN, "a message of the source does not decode");
                return rc;
        }
        return fail(p, MOVE_BROKEN, "the source says something unknown");
}

/* ---- the stream ---- */

/* Skip what comes before the magic line. 1 found, 0 not yet, -1 it will not come. */
static int find_magic(struct pull *p)
{
        const size_t n = strlen(STREAM_MAGIC);
        const uint8_t *at =
            buf_len(&p->in) ? memmem(buf_bytes(&p->in), buf_len(&p->in), STREAM_MAGIC, n) : NULL;

        if (!at)
                return buf_len(&p->in) > PROTO_MAGIC_SKIP_MAX
                           ? fail(p, MOVE_SOURCE_AWAY, "the source prints something else than a stream")
                           : 0;
        buf_consume(&p->in, (size_t)(at - buf_bytes(&p->in)) + n);
        p->streams = true;
        p->start_ms = clock_boot_ms();
        tell(p);
        return 1;
}

static int take(struct pull *p)
{
        struct frame f;
        struct err err;
        int rc;

        if (!p->streams && (rc = find_magic(p)) <= 0)
                return rc;
        while ((rc = frame_next(&p->in, &f, &err)) > 0) {
                if (handle(p, &f) < 0)
                        return -1;
                frame_done(&p->in, &f);
        }
        return rc < 0 ? fail(p, MOVE_BROKEN, "%s", err.text) : 0;
}

static void put_wants(struct pull *p)
{
        while (p->streams && p->told < p->want_count) {
                size_t left = p->want_count - p->told, n = left < STREAM_WANTS ? left : STREAM_WANTS;
                size_t mark = frame_begin(&p->out, S_WANT);

                buf_u32(&p->out, (uint32_t)n);
                for (; n; n--, p->told++) {
                        buf_u32(&p->out, p->wants[p->told].index);
                        buf_u64(&p->out, p->wants[p->told].offset);
                }
                frame_end(&p->out, mark);
        }
}

static void give(struct pull *p)
{
        while (buf_len(&p->out)) {
                ssize_t n = write(p->out_fd, buf_bytes(&p->out), buf_len(&p->out));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return; /* full, or broken: reading tells */
                buf_consume(&p->out, (size_t)n);
        }
}

/* The stream ended before its time. */
static int ended(struct pull *p)
{
        char words[300];

        if (p->streams)
                return fail(p, MOVE_BROKEN, "the stream ended before the last file");
        if (p->ssh.pid > 0)
                waitpid(p->ssh.pid, NULL, 0); /* its words are complete then */
        p->ssh.pid = -1;
        ssh_way_words(&p->ssh, words, sizeof words);
        return fail(p, MOVE_SOURCE_AWAY, "%s", words[0] ? words : "the source ended the stream at once");
}

static int read_stream(struct pull *p)
{
        uint8_t *to = buf_reserve(&p->in, READ_MAX);
        ssize_t n = to ? read(p->in_fd, to, READ_MAX) : -1;

        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return 0;
        if (n <= 0)
                return ended(p);
        buf_added(&p->in, (size_t)n);
        p->byte_ms = clock_boot_ms();
        if (!p->first_ms)
                p->first_ms = p->byte_ms;
        p->bytes_moved += p->streams ? (uint64_t)n : 0;
        return take(p);
}

/* Once a second: say where we are, and judge the pace. */
static int on_second(struct pull *p)
{
        const struct transfer_pull *o = &p->job->order;

        if (p->streams)
                p->moved_at[++p->second % SLOW_SECONDS] = p->bytes_moved;
        tell(p);
        if (o->least_rate && p->second >= SLOW_SECONDS && rate_over(p, SLOW_SECONDS - 1) < o->least_rate)
                return fail(p, MOVE_SLOW, "%llu bytes a second came; %llu are the least it can wait for",
                            (unsigned long long)rate_over(p, SLOW_SECONDS - 1),
                            (unsigned long long)o->least_rate);
        return 0;
}

/* Milliseconds until the limit of the rate lets more in. */
static int64_t held_ms(const struct pull *p, int64_t now)
{
        uint64_t limit = p->job->order.rate_limit;
        int64_t due = limit && p->streams ? p->start_ms + (int64_t)(p->bytes_moved * 1000 / limit) : 0;

        return due > now ? due - now : 0;
}

static int check_silence(struct pull *p, int64_t now)
{
        uint32_t stall = p->job->order.stall_ms ? p->job->order.stall_ms : STALL_DEFAULT;

        if (p->streams && now - p->byte_ms >= (int64_t)stall)
                return fail(p, MOVE_STALLED, "no byte came for %u seconds", stall / 1000);
        if (!p->streams && now - p->start_ms >= PROVE_MS)
                return fail(p, MOVE_SOURCE_AWAY, "the source did not answer within %d seconds",
                            PROVE_MS / 1000);
        return 0;
}

static int move(struct pull *p)
{
        p->start_ms = p->byte_ms = clock_boot_ms();
        fcntl(p->in_fd, F_SETFL, fcntl(p->in_fd, F_GETFL) | O_NONBLOCK);
        fcntl(p->out_fd, F_SETFL, fcntl(p->out_fd, F_GETFL) | O_NONBLOCK);
        while (p->want_at < p->want_count) {
                int64_t now = clock_boot_ms(), held = held_ms(p, now),
                        wait = REPORT_MS - (now - p->report_ms);
                struct pollfd fds[2] = {{held ? -1 : p->in_fd, POLLIN, 0}, {-1, POLLOUT, 0}};

                put_wants(p);
                give(p);
                fds[1].fd = buf_len(&p->out) ? p->out_fd : -1;
                if (wait <= 0) {
                        if (on_second(p) < 0)
                                return -1;
                        wait = REPORT_MS;
                }
                poll(fds, 2, (int)(held && held < wait ? held : wait));
                if (held)
                        p->byte_ms = clock_boot_ms(); /* it is we who are silent */
                if (fds[0].revents ? read_stream(p) < 0 : check_silence(p, clock_boot_ms()) < 0)
                        return -1;
        }
        return 0;
}

/* ---- all of it ---- */

static int run(struct pull *p)
{
        static const struct landing_events events = {.on_published = on_published, .on_looked = on_looked};
        struct pull_job *job = p->job;

        if (landing_open(job->order.to, &job->list, job->order.id, &events, p, &p->landing, &p->fault) < 0)
                return -1;
        tell(p);
        if (look(p) < 0)
                return -1;
        if (p->want_count && (open_way(p) < 0 || move(p) < 0))
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
