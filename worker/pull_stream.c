/* SPDX-License-Identifier: Apache-2.0 */
/* Files that come as a stream from a sender.
 *
 * The order of the list is the order of the stream: what was asked for comes in that order, so one file is
 * open at a time. A part whose checksum turns out wrong is asked for once more, from its start, at the end.
 */
#include "worker/pulling.h"

#include "common/util.h"
#include "worker/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define READ_MAX (512u << 10)

/* ---- what the sender says ---- */

static bool expects(const struct pull *p, uint32_t index, uint64_t offset)
{
        const struct want *w = &p->wants[p->want_at];

        return !p->in_file && p->want_at < p->told && w->index == index && w->offset == offset;
}

static int file_begin(struct pull *p, uint32_t index, uint64_t offset)
{
        if (!expects(p, index, offset))
                return pull_fail(p, MOVE_BROKEN, "the source sends what was not asked for");
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
                pull_want(p, w.index, 0);
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
                return pull_fail(p, MOVE_BROKEN, "the source sends bytes of no file");
        return file_bytes(p, from, n);
}

static int on_file_end(struct pull *p, struct reader *r)
{
        uint32_t index = reader_u32(r);
        uint8_t kind = reader_u8(r);
        AUTO_FREE char *text = reader_str(r, RESULT_TEXT_MAX - 1);

        if (r->bad || p->want_at >= p->told || p->wants[p->want_at].index != index)
                return pull_fail(p, MOVE_BROKEN, "the source ends a file that was not asked for");
        if (kind != MOVE_DONE) {
                pull_fail(p, kind < MOVE_END_COUNT ? (enum move_end)kind : MOVE_SOURCE_GONE, "%s", text);
                p->fault.file = index;
                /* Bytes of a file that changed under the sender are of no use. */
                landing_drop(p->landing);
                return -1;
        }
        return p->in_file ? file_end(p)
                          : pull_fail(p, MOVE_BROKEN, "the source ends a file it did not begin");
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
                        return pull_fail(p, MOVE_BROKEN, "a message of the source does not decode");
                return rc;
        }
        return pull_fail(p, MOVE_BROKEN, "the source says something unknown");
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
                           ? pull_fail(p, MOVE_SOURCE_AWAY, "the source prints something else than a stream")
                           : 0;
        buf_consume(&p->in, (size_t)(at - buf_bytes(&p->in)) + n);
        pull_streams(p);
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
        return rc < 0 ? pull_fail(p, MOVE_BROKEN, "%s", err.text) : 0;
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
                return pull_fail(p, MOVE_BROKEN, "the stream ended before the last file");
        if (p->ssh.pid > 0)
                waitpid(p->ssh.pid, NULL, 0); /* its words are complete then */
        p->ssh.pid = -1;
        ssh_way_words(&p->ssh, words, sizeof words);
        return pull_fail(p, MOVE_SOURCE_AWAY, "%s", words[0] ? words : "the source ended the stream at once");
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
        pull_moved(p, (size_t)n);
        return take(p);
}

int pull_stream(struct pull *p)
{
        p->start_ms = p->byte_ms = clock_boot_ms();
        fcntl(p->in_fd, F_SETFL, fcntl(p->in_fd, F_GETFL) | O_NONBLOCK);
        fcntl(p->out_fd, F_SETFL, fcntl(p->out_fd, F_GETFL) | O_NONBLOCK);
        while (p->want_at < p->want_count) {
                int64_t held = pull_held_ms(p), wait = pull_wait_ms(p);
                struct pollfd fds[2] = {{held ? -1 : p->in_fd, POLLIN, 0}, {-1, POLLOUT, 0}};

                put_wants(p);
                give(p);
                fds[1].fd = buf_len(&p->out) ? p->out_fd : -1;
                poll(fds, 2, (int)(held && held < wait ? held : wait));
                if (held)
                        p->byte_ms = clock_boot_ms(); /* it is we who are silent */
                if ((fds[0].revents && read_stream(p) < 0) || pull_pace(p) < 0)
                        return -1;
        }
        return 0;
}
