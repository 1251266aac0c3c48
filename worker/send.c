/* SPDX-License-Identifier: Apache-2.0 */
/* The stream's messages: stream.h.
 *
 * A file is opened when its turn comes, beneath the offer's directory and through no link, must be as long as
 * the catalog says, and is looked at again after its last byte: one that changed meanwhile is said to have
 * changed. Whether it is the right one only the receiver's checksum tells. The bytes of large files go from
 * the file to the stream by sendfile, and are never here.
 */
#include "worker/send.h"

#include "common/util.h"
#include "worker/files.h"
#include "worker/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define OUT_HIGH  (1u << 20) /* bytes waiting for the stream above which no file is read */
#define WRITE_MAX (256u << 10)
#define IDLE_MS   (3600 * 1000) /* without a word from the receiver, which may be checksumming what it has */

struct want {
        uint32_t index;
        uint64_t offset;
};

struct sender {
        const struct offer_file *f;
        int in_fd, out_fd, dir_fd;
        struct buf in, out;
        struct want *wants; /* in order; those before want_at are served */
        size_t want_count, want_cap, want_at;
        bool in_ended;

        int fd; /* the file being sent, -1: none */
        struct stat st;
        uint64_t at;
        size_t raw;     /* bytes of it that follow what is in `out`: the rest of a frame that was begun */
        bool by_hand;   /* this file cannot be sent by sendfile */
        bool is_broken; /* it ended early: zeros filled the frame */
        int error;      /* errno of that */
};

static void send_end(struct sender *s, uint32_t index, enum move_end kind, const char *text)
{
        size_t mark = frame_begin(&s->out, S_FILE_END);

        buf_u32(&s->out, index);
        buf_u8(&s->out, (uint8_t)kind);
        buf_str(&s->out, text);
        frame_end(&s->out, mark);
}

static __attribute__((format(printf, 4, 5))) void refuse(struct sender *s, uint32_t index, enum move_end kind,
                                                         const char *fmt, ...)
{
        char text[RESULT_TEXT_MAX];
        int n = snprintf(text, sizeof text, "\"%.300s\" ", s->f->list.entries[index].path);
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text + n, sizeof text - (size_t)n, fmt, ap);
        va_end(ap);
        send_end(s, index, kind, text);
}

static int open_entry(struct sender *s, const struct transfer_entry *e)
{
        const int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

        return s->f->offer.is_file ? open(s->f->offer.from, flags)
                                   : file_open_beneath(s->dir_fd, e->path, flags);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
        return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
               a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
               a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* The end of the file was reached: is it still what was opened? */
static bool check_unchanged(struct sender *s, uint32_t index)
{
        struct stat now;

        if (fstat(s->fd, &now) == 0 && is_same(&now, &s->st))
                return true;
        refuse(s, index, MOVE_SOURCE_CHANGED, "changed while it was read");
        return false;
}

/* What fits one frame goes as one. Returns false when it cannot be read. */
static bool send_whole(struct sender *s, const struct want *w)
{
        size_t left = (size_t)((uint64_t)s->st.st_size - w->offset);
        size_t before = buf_len(&s->out), mark = frame_begin(&s->out, S_WHOLE);
        uint8_t *to;
        ssize_t n;

        buf_u32(&s->out, w->index);
        buf_u64(&s->out, w->offset);
        to = buf_reserve(&s->out, left + 1);
        /* One byte more than there should be tells a file that has grown. */
        n = to ? pread(s->fd, to, left + 1, (off_t)w->offset) : -1;
        if (n == (ssize_t)left) {
                buf_added(&s->out, left);
                frame_end(&s->out, mark);
                return true;
        }
        /* Take back what was begun. */
        s->out.len -= buf_len(&s->out) - before;
        refuse(s, w->index, n < 0 ? MOVE_SOURCE_GONE : MOVE_SOURCE_CHANGED, "cannot be read as it was: %s",
               n < 0 ? strerror(errno) : "its length changed");
        return false;
}

static void begin_file(struct sender *s, const struct want *w)
{
        const struct transfer_entry *e = &s->f->list.entries[w->index];
        size_t mark;

        s->fd = open_entry(s, e);
        if (s->fd < 0 || fstat(s->fd, &s->st) < 0) {
                refuse(s, w->index, MOVE_SOURCE_GONE, "cannot be opened: %s", strerror(errno));
        } else if (!S_ISREG(s->st.st_mode)) {
                refuse(s, w->index, MOVE_SOURCE_CHANGED, "is not a regular file any more");
        } else if ((uint64_t)s->st.st_size != e->size || w->offset > e->size) {
                refuse(s, w->index, MOVE_SOURCE_CHANGED, "has another length than was registered");
        } else if (e->size - w->offset <= STREAM_CHUNK / 4) {
                send_whole(s, w);
        } else {
                s->at = w->offset;
                posix_fadvise(s->fd, (off_t)s->at, 0, POSIX_FADV_SEQUENTIAL);
                mark = frame_begin(&s->out, S_FILE);
                buf_u32(&s->out, w->index);
                buf_u64(&s->out, w->offset);
                buf_u64(&s->out, e->size);
                frame_end(&s->out, mark);
                return;
        }
        if (s->fd >= 0)
                close(s->fd);
        s->fd = -1;
        s->is_broken = s->by_hand = false;
        s->want_at++;
}

static void end_file(struct sender *s)
{
        close(s->fd);
        s->fd = -1;
        s->is_broken = s->by_hand = false;
        s->want_at++;
}

/* The next frame of the file: its head here, its bytes by give_bytes. */
static void go_on(struct sender *s)
{
        const struct want *w = &s->wants[s->want_at];
        uint64_t left = (uint64_t)s->st.st_size - s->at;

        if (s->is_broken) {
                refuse(s, w->index, s->error ? MOVE_SOURCE_GONE : MOVE_SOURCE_CHANGED,
                       "cannot be read to its end: %s", s->error ? strerror(s->error) : "it became shorter");
                end_file(s);
                return;
        }
        if (left == 0) {
                if (check_unchanged(s, w->index))
                        send_end(s, w->index, MOVE_DONE, "");
                end_file(s);
                return;
        }
        s->raw = left < STREAM_CHUNK ? (size_t)left : STREAM_CHUNK;
        buf_u32(&s->out, (uint32_t)s->raw + 1);
        buf_u8(&s->out, S_BYTES);
}

/* What cannot be read any more is filled up with zeros: the frame was promised, the word about it follows. */
static void fill_up(struct sender *s, int error)
{
        uint8_t *to = buf_reserve(&s->out, s->raw);

        memset(to, 0, s->raw);
        buf_added(&s->out, s->raw);
        s->raw = 0;
        s->is_broken = true;
        s->error = error;
}

static void read_bytes(struct sender *s)
{
        uint8_t *to = buf_reserve(&s->out, s->raw);
        ssize_t n;

        do {
                n = pread(s->fd, to, s->raw, (off_t)s->at);
        } while (n < 0 && errno == EINTR);
        if (n <= 0) {
                fill_up(s, n < 0 ? errno : 0);
                return;
        }
        buf_added(&s->out, (size_t)n);
        s->raw -= (size_t)n;
        s->at += (uint64_t)n;
}

/* Bytes of the file behind what was written. 1: go on, 0: the stream is full, -1: it is broken. */
static int give_bytes(struct sender *s)
{
        off_t at = (off_t)s->at;
        ssize_t n;

        if (s->by_hand) {
                read_bytes(s);
                return 1;
        }
        n = sendfile(s->out_fd, s->fd, &at, s->raw);
        if (n > 0) {
                s->raw -= (size_t)n;
                s->at += (uint64_t)n;
        } else if (n == 0) {
                fill_up(s, 0);
        } else if (errno == EAGAIN) {
                return 0;
        } else if (errno == EINVAL || errno == ENOSYS) {
                s->by_hand = true;
        } else if (errno == EPIPE || errno == ECONNRESET) {
                return -1;
        } else if (errno != EINTR) {
                fill_up(s, errno);
        }
        return 1;
}

/* ---- the stream ---- */

static int add_wants(struct sender *s, const struct frame *frame, struct err *err)
{
        struct reader r;

        reader_init(&r, frame->payload, frame->len);
        for (uint32_t n = frame->type == S_WANT ? reader_u32(&r) : 1; n && !r.bad; n--) {
                struct want w = {.index = reader_u32(&r)};

                w.offset = reader_u64(&r);
                /* Twice as many as there are files: each may be asked for again from its start. */
                if (r.bad || w.index >= s->f->list.count || s->want_count >= 2 * (size_t)s->f->list.count)
                        return err_set(err, ERR_PROTOCOL, "the receiver wants what is not offered");
                s->wants = xgrow(s->wants, s->want_count, &s->want_cap, sizeof *s->wants);
                s->wants[s->want_count++] = w;
        }
        return r.bad || reader_left(&r) || frame->type != S_WANT
                   ? err_set(err, ERR_PROTOCOL, "a message of the receiver does not decode")
                   : 0;
}

static int take_input(struct sender *s, struct err *err)
{
        uint8_t *to = buf_reserve(&s->in, 65536);
        ssize_t n = to ? read(s->in_fd, to, 65536) : 0;
        struct frame f;
        int rc;

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n <= 0) {
                s->in_ended = true;
                return 0;
        }
        buf_added(&s->in, (size_t)n);
        while ((rc = frame_next(&s->in, &f, err)) > 0) {
                if (add_wants(s, &f, err) < 0)
                        return -1;
                frame_done(&s->in, &f);
        }
        return rc;
}

static int give_output(struct sender *s, struct err *err)
{
        size_t n;
        ssize_t k;

        while (buf_len(&s->out) || s->raw) {
                if (!buf_len(&s->out)) {
                        int rc = give_bytes(s);

                        if (rc <= 0)
                                return rc < 0 ? err_errno(err, "could not write to the receiver") : 0;
                        continue;
                }
                n = buf_len(&s->out);
                k = write(s->out_fd, buf_bytes(&s->out), n < WRITE_MAX ? n : WRITE_MAX);
                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0 && errno == EAGAIN)
                        return 0;
                if (k <= 0)
                        return err_errno(err, "could not write to the receiver");
                buf_consume(&s->out, (size_t)k);
        }
        return 0;
}

/* Is there something to put into `out`? Behind the head of a frame come its bytes first. */
static bool may_read(const struct sender *s)
{
        return s->want_at < s->want_count && !s->raw && buf_len(&s->out) < OUT_HIGH;
}

static int serve(struct sender *s, struct err *err)
{
        while (!s->in_ended) {
                struct pollfd p[2] = {{s->in_fd, POLLIN, 0}, {s->out_fd, POLLOUT, 0}};
                bool gives;
                int n;

                while (may_read(s)) {
                        if (s->fd < 0)
                                begin_file(s, &s->wants[s->want_at]);
                        else
                                go_on(s);
                }
                if (give_output(s, err) < 0)
                        return -1;
                gives = buf_len(&s->out) || s->raw;
                p[1].fd = gives ? s->out_fd : -1;
                n = poll(p, 2, may_read(s) ? 0 : IDLE_MS);
                if (n == 0 && !may_read(s))
                        return err_set(err, ERR_UNAVAILABLE, "the receiver is silent for too long");
                if (p[0].revents && take_input(s, err) < 0)
                        return -1;
        }
        return 0;
}

int send_files(const struct offer_file *f, int in_fd, int out_fd, struct err *err)
{
        struct sender s = {.f = f, .in_fd = in_fd, .out_fd = out_fd, .dir_fd = -1, .fd = -1};
        int rc = -1;

        fcntl(in_fd, F_SETFL, fcntl(in_fd, F_GETFL) | O_NONBLOCK);
        fcntl(out_fd, F_SETFL, fcntl(out_fd, F_GETFL) | O_NONBLOCK);
        buf_init(&s.in, 2 * FRAME_MAX);
        buf_init(&s.out, 4 * FRAME_MAX);
        buf_text(&s.out, STREAM_MAGIC);
        /* The registered directory itself may be reached through links, what is in it may not. A directory
         * that is gone shows at its first file. */
        if (!f->offer.is_file)
                s.dir_fd = open(f->offer.from, O_PATH | O_DIRECTORY | O_CLOEXEC);
        rc = serve(&s, err);
        if (s.fd >= 0)
                close(s.fd);
        if (s.dir_fd >= 0)
                close(s.dir_fd);
        buf_release(&s.in);
        buf_release(&s.out);
        free(s.wants);
        return rc;
}

int send_main(uint64_t id, struct err *err)
{
        struct offer_file f;
        int rc;

        signal(SIGPIPE, SIG_IGN);
        if (offer_load(id, clock_wall_ms(), &f, err) < 0)
                return -1;
        rc = send_files(&f, STDIN_FILENO, STDOUT_FILENO, err);
        offer_file_release(&f);
        return rc;
}
