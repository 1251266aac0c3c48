/* SPDX-License-Identifier: Apache-2.0 */
/* buf.h - a growable run of bytes with a hard maximum, and a reader that cannot run past the end.
 *
 * A buf is created with the most it may ever hold. Asking for more sets `overflow` and adds nothing, so
 * a writer adds a whole message and looks once at the end. All numbers on a wire are little-endian.
 *
 * A reader walks a run of bytes it does not own. Reading past the end sets `bad` and yields zeros, so a
 * decoder reads a whole message and looks once at the end.
 */
#ifndef REEVE_BUF_H
#define REEVE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
        uint8_t *data; /* owned; NULL while empty */
        size_t len, cap, max;
        size_t head; /* bytes already consumed by buf_consume; data + head is the first live byte */
        bool overflow;
};

void buf_init(struct buf *b, size_t max);
void buf_release(struct buf *b);
void buf_clear(struct buf *b);

/* Live bytes: pointer and count. */
static inline const uint8_t *buf_bytes(const struct buf *b)
{
        return b->data + b->head;
}
static inline size_t buf_len(const struct buf *b)
{
        return b->len - b->head;
}

/* Drop n live bytes from the front. */
void buf_consume(struct buf *b, size_t n);

/* Room for n more bytes at the end, or NULL (overflow set). Follow by buf_added. */
uint8_t *buf_reserve(struct buf *b, size_t n);
void buf_added(struct buf *b, size_t n);

void buf_put(struct buf *b, const void *p, size_t n);
void buf_u8(struct buf *b, uint8_t v);
void buf_u16(struct buf *b, uint16_t v);
void buf_u32(struct buf *b, uint32_t v);
void buf_u64(struct buf *b, uint64_t v);
void buf_str(struct buf *b, const char *s);            /* u32 length, bytes; NULL is written as "" */
void buf_blob(struct buf *b, const void *p, size_t n); /* u32 length, bytes */
void buf_text(struct buf *b, const char *s);           /* bytes of s, no length */
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* Overwrite a u32 written earlier, `at` bytes after the first live byte. */
void buf_patch_u32(struct buf *b, size_t at, uint32_t v);

/* The content as a C string (adds a terminator that does not count). Never NULL. */
const char *buf_cstr(struct buf *b);

/* Append s as a JSON string with quotes: control characters escaped, invalid UTF-8 replaced by U+FFFD. */
void buf_json_str(struct buf *b, const char *s, size_t n);

struct reader {
        const uint8_t *p, *end;
        bool bad;
};

void reader_init(struct reader *r, const void *p, size_t n);
static inline size_t reader_left(const struct reader *r)
{
        return (size_t)(r->end - r->p);
}
uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);
/* A length-prefixed run of at most max bytes; the pointer borrows from the input. */
const uint8_t *reader_blob(struct reader *r, size_t max, size_t *ret_n);
/* The same as a malloc'd C string, refused when it holds a NUL byte. NULL when bad. */
char *reader_str(struct reader *r, size_t max);

#endif
