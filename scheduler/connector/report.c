/* SPDX-License-Identifier: Apache-2.0 */
#include "connector/report.h"

#include "common/util.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OUT_MAX     (4u << 20)
#define BUF_KEEP    (64u << 10) /* an empty queue larger than this gives its memory back */
#define FLUSH_MS    5000
#define C_OUT_HEAD  (4 + 1 + 4 + 1 + 4) /* frame length, type, id, stream, blob length */
#define C_RECV_HEAD (4 + 1)
#define DATA_HEAD   C_OUT_HEAD

void report_init(struct report *r, int fd)
{
        *r = (struct report){.fd = fd, .stream_fd = -1, .step_since = clock_boot_ms()};
        buf_init(&r->out, OUT_MAX);
        buf_init(&r->stream, OUT_MAX);
}

void report_release(struct report *r)
{
        buf_release(&r->out);
        buf_release(&r->stream);
}

void report_stream_to(struct report *r, int fd)
{
        r->stream_fd = fd;
}

static char *text_format(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

static char *text_format(const char *fmt, va_list ap)
{
        char *s;

        if (vasprintf(&s, fmt, ap) < 0)
                return xstrdup("out of memory");
        text_make_printable(s);
        return s;
}

void report_begin(struct report *r, enum connect_step step)
{
        r->step = step;
        r->step_since = clock_boot_ms();
}

static uint32_t elapsed_ms(const struct report *r)
{
        return (uint32_t)(clock_boot_ms() - r->step_since);
}

void report_step(struct report *r, const char *fmt, ...)
{
        AUTO_FREE char *text = NULL;
        va_list ap;
        size_t at;

        if (r->ended)
                return;
        va_start(ap, fmt);
        text = text_format(fmt, ap);
        va_end(ap);
        at = frame_begin(&r->out, C_STEP);
        buf_u8(&r->out, (uint8_t)r->step);
        buf_u32(&r->out, elapsed_ms(r));
        buf_str(&r->out, text);
        frame_end(&r->out, at);
        r->step_since = clock_boot_ms();
}

void report_hostkey(struct report *r, uint32_t hop, const char *type, const uint8_t *key, size_t key_len,
                    const char *fingerprint, const char *algorithms)
{
        size_t at = frame_begin(&r->out, C_HOSTKEY);

        buf_u8(&r->out, (uint8_t)hop);
        buf_str(&r->out, type);
        buf_blob(&r->out, key, key_len);
        buf_str(&r->out, fingerprint);
        buf_str(&r->out, algorithms);
        frame_end(&r->out, at);
}

static void report_plain(struct report *r, uint8_t type)
{
        if (!r->ended)
                frame_end(&r->out, frame_begin(&r->out, type));
}

void report_ready(struct report *r)
{
        report_plain(r, C_READY);
}

void report_attached(struct report *r)
{
        report_plain(r, C_ATTACHED);
}

void report_exec_end(struct report *r, uint32_t id, uint32_t code, const char *signal)
{
        AUTO_FREE char *name = xstrdup(signal ? signal : "");
        size_t at = frame_begin(&r->out, C_EXEC_END);

        text_make_printable(name);
        buf_u32(&r->out, id);
        buf_u32(&r->out, code);
        buf_str(&r->out, name);
        frame_end(&r->out, at);
}

void report_closed(struct report *r, const char *fmt, ...)
{
        AUTO_FREE char *text = NULL;
        va_list ap;
        size_t at;

        if (r->ended)
                return;
        va_start(ap, fmt);
        text = text_format(fmt, ap);
        va_end(ap);
        at = frame_begin(&r->out, C_CLOSED);
        buf_str(&r->out, text);
        frame_end(&r->out, at);
        r->ended = true;
        r->exit_code = 0;
}

void report_failed(struct report *r, enum connect_failure kind, const char *fix, const char *fmt, ...)
{
        AUTO_FREE char *text = NULL;
        va_list ap;
        size_t at;

        if (r->ended)
                return;
        va_start(ap, fmt);
        text = text_format(fmt, ap);
        va_end(ap);
        at = frame_begin(&r->out, C_FAILED);
        buf_u8(&r->out, (uint8_t)r->step);
        buf_u8(&r->out, (uint8_t)kind);
        buf_u32(&r->out, elapsed_ms(r));
        buf_str(&r->out, text);
        buf_str(&r->out, fix ? fix : "");
        frame_end(&r->out, at);
        r->ended = true;
        r->exit_code = 1;
}

bool report_is_full(const struct report *r)
{
        return buf_len(r->stream_fd >= 0 ? &r->stream : &r->out) > REPORT_ROOM_MAX;
}

uint8_t *report_data(struct report *r)
{
        uint8_t *p;

        if (r->ended || report_is_full(r))
                return NULL;
        if (r->stream_fd >= 0)
                return buf_reserve(&r->stream, REPORT_DATA_MAX);
        p = buf_reserve(&r->out, DATA_HEAD + REPORT_DATA_MAX);
        return p ? p + DATA_HEAD : NULL;
}

static void put_le32(uint8_t *p, size_t v)
{
        for (int i = 0; i < 4; i++)
                p[i] = (uint8_t)(v >> (8 * i));
}

/* The bytes already stand DATA_HEAD after the end of the queue; a shorter header moves them down. */
void report_data_commit(struct report *r, bool attached, uint32_t id, enum report_stream s, size_t n)
{
        uint8_t *p = r->out.data + r->out.len;

        if (!n)
                return;
        if (r->stream_fd >= 0) {
                buf_added(&r->stream, n);
                return;
        }
        if (attached) {
                memmove(p + C_RECV_HEAD, p + DATA_HEAD, n);
                put_le32(p, n + 1);
                p[4] = C_RECV;
                buf_added(&r->out, C_RECV_HEAD + n);
                return;
        }
        put_le32(p, n + C_OUT_HEAD - 4);
        p[4] = C_OUT;
        put_le32(p + 5, id);
        p[9] = (uint8_t)s;
        put_le32(p + 10, n);
        buf_added(&r->out, C_OUT_HEAD + n);
}

/* False when the other side is gone. */
static bool flush(int fd, struct buf *b)
{
        while (buf_len(b)) {
                ssize_t n = send(fd, buf_bytes(b), buf_len(b), MSG_NOSIGNAL | MSG_DONTWAIT);

                if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
                        return true;
                if (n < 0 && errno != EINTR)
                        return false;
                if (n > 0)
                        buf_consume(b, (size_t)n);
        }
        return true;
}

void report_flush(struct report *r)
{
        if (!r->broken)
                r->broken = !flush(r->fd, &r->out);
        /* Nobody reads the stream any more: it is swallowed, and the other side tells why. */
        if (r->stream_fd >= 0 && !flush(r->stream_fd, &r->stream))
                buf_clear(&r->stream);
}

void report_flush_last(struct report *r)
{
        int64_t deadline = clock_boot_ms() + FLUSH_MS;

        for (;;) {
                struct pollfd p[2] = {{.events = POLLOUT}, {.events = POLLOUT}};
                int64_t left = deadline - clock_boot_ms();

                report_flush(r);
                p[0].fd = buf_len(&r->out) ? r->fd : -1;
                p[1].fd = buf_len(&r->stream) ? r->stream_fd : -1;
                if (r->broken || (p[0].fd < 0 && p[1].fd < 0) || left <= 0)
                        return;
                poll(p, 2, (int)left);
        }
}

void tail_add(struct tail *t, const uint8_t *p, size_t n)
{
        size_t drop;

        if (n > TAIL_MAX) {
                p += n - TAIL_MAX;
                n = TAIL_MAX;
        }
        drop = t->len + n > TAIL_MAX ? t->len + n - TAIL_MAX : 0;
        memmove(t->text, t->text + drop, t->len - drop);
        t->len -= drop;
        memcpy(t->text + t->len, p, n);
        t->len += n;
        t->text[t->len] = '\0';
}

void buf_shrink(struct buf *b)
{
        if (!buf_len(b) && b->cap > BUF_KEEP)
                buf_release(b);
}
