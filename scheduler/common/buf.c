/* SPDX-License-Identifier: Apache-2.0 */
#include "buf.h"

#include "util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *b, size_t max)
{
        *b = (struct buf){.max = max};
}

void buf_release(struct buf *b)
{
        if (!b)
                return;
        free(b->data);
        *b = (struct buf){.max = b->max};
}

void buf_clear(struct buf *b)
{
        b->len = b->head = 0;
        b->overflow = false;
}

void buf_consume(struct buf *b, size_t n)
{
        b->head += n;
        if (b->head >= b->len)
                b->head = b->len = 0;
}

/* Move live bytes to the front when more than half of the storage is consumed. */
static void compact(struct buf *b)
{
        if (!b->head)
                return;
        memmove(b->data, b->data + b->head, b->len - b->head);
        b->len -= b->head;
        b->head = 0;
}

uint8_t *buf_reserve(struct buf *b, size_t n)
{
        size_t live = buf_len(b), cap;

        if (b->overflow || n > b->max || live > b->max - n) {
                b->overflow = true;
                return NULL;
        }
        /* One spare byte for buf_cstr. */
        if (b->len + n + 1 <= b->cap)
                return b->data + b->len;
        if (b->head > b->cap / 2)
                compact(b);
        if (b->len + n + 1 > b->cap) {
                cap = b->cap ? b->cap : 256;
                while (cap < b->len + n + 1)
                        cap *= 2;
                b->data = xrealloc(b->data, cap);
                b->cap = cap;
        }
        return b->data + b->len;
}

void buf_added(struct buf *b, size_t n)
{
        b->len += n;
}

void buf_put(struct buf *b, const void *p, size_t n)
{
        uint8_t *to = n ? buf_reserve(b, n) : NULL;

        if (!to)
                return;
        memcpy(to, p, n);
        b->len += n;
}

static void put_le(struct buf *b, uint64_t v, size_t n)
{
        uint8_t *to = buf_reserve(b, n);

        if (!to)
                return;
        for (size_t i = 0; i < n; i++)
                to[i] = (uint8_t)(v >> (8 * i));
        b->len += n;
}

void buf_u8(struct buf *b, uint8_t v)
{
        put_le(b, v, 1);
}

void buf_u16(struct buf *b, uint16_t v)
{
        put_le(b, v, 2);
}

void buf_u32(struct buf *b, uint32_t v)
{
        put_le(b, v, 4);
}

void buf_u64(struct buf *b, uint64_t v)
{
        put_le(b, v, 8);
}

void buf_blob(struct buf *b, const void *p, size_t n)
{
        buf_u32(b, (uint32_t)n);
        buf_put(b, p, n);
}

void buf_str(struct buf *b, const char *s)
{
        buf_blob(b, s, s ? strlen(s) : 0);
}

void buf_text(struct buf *b, const char *s)
{
        buf_put(b, s, strlen(s));
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
        va_list again;
        uint8_t *to;
        int n;

        va_copy(again, ap);
        n = vsnprintf(NULL, 0, fmt, ap);
        if (n > 0) {
                to = buf_reserve(b, (size_t)n);
                if (to) {
                        vsnprintf((char *)to, (size_t)n + 1, fmt, again);
                        b->len += (size_t)n;
                }
        }
        va_end(again);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        buf_vprintf(b, fmt, ap);
        va_end(ap);
}

void buf_patch_u32(struct buf *b, size_t at, uint32_t v)
{
        if (b->overflow || at + 4 > buf_len(b))
                return;
        for (size_t i = 0; i < 4; i++)
                b->data[b->head + at + i] = (uint8_t)(v >> (8 * i));
}

const char *buf_cstr(struct buf *b)
{
        if (!b->data)
                return "";
        b->data[b->len] = '\0';
        return (const char *)b->data + b->head;
}

void buf_json_str(struct buf *b, const char *s, size_t n)
{
        static const char hex[] = "0123456789abcdef";

        buf_u8(b, '"');
        for (size_t i = 0; i < n;) {
                unsigned char c = (unsigned char)s[i];
                size_t k = c < 0x80 ? 1 : utf8_len(s + i, n - i);

                if (k == 0) {
                        buf_put(b, "\\ufffd", 6);
                        i++;
                } else if (k > 1) {
                        buf_put(b, s + i, k);
                        i += k;
                } else {
                        if (c == '"' || c == '\\') {
                                buf_u8(b, '\\');
                                buf_u8(b, c);
                        } else if (c < 0x20 || c == 0x7f) {
                                char esc[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

                                buf_put(b, esc, sizeof esc);
                        } else {
                                buf_u8(b, c);
                        }
                        i++;
                }
        }
        buf_u8(b, '"');
}

void reader_init(struct reader *r, const void *p, size_t n)
{
        r->p = p;
        r->end = r->p + n;
        r->bad = false;
}

static uint64_t get_le(struct reader *r, size_t n)
{
        uint64_t v = 0;

        if (r->bad || reader_left(r) < n) {
                r->bad = true;
                return 0;
        }
        for (size_t i = 0; i < n; i++)
                v |= (uint64_t)r->p[i] << (8 * i);
        r->p += n;
        return v;
}

uint8_t reader_u8(struct reader *r)
{
        return (uint8_t)get_le(r, 1);
}

uint16_t reader_u16(struct reader *r)
{
        return (uint16_t)get_le(r, 2);
}

uint32_t reader_u32(struct reader *r)
{
        return (uint32_t)get_le(r, 4);
}

uint64_t reader_u64(struct reader *r)
{
        return get_le(r, 8);
}

const uint8_t *reader_blob(struct reader *r, size_t max, size_t *ret_n)
{
        uint32_t n = reader_u32(r);
        const uint8_t *p = r->p;

        if (r->bad || n > max || n > reader_left(r)) {
                r->bad = true;
                *ret_n = 0;
                return NULL;
        }
        r->p += n;
        *ret_n = n;
        return p;
}

char *reader_str(struct reader *r, size_t max)
{
        size_t n;
        const uint8_t *p = reader_blob(r, max, &n);

        if (!p)
                return NULL;
        if (n && memchr(p, 0, n)) {
                r->bad = true;
                return NULL;
        }
        return xstrndup((const char *)p, n);
}
