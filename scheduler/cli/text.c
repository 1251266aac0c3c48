/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include "common/util.h"

#include <string.h>

#define SEQUENCE_MAX                                                                                         \
        4096 /* an escape sequence longer than this is none; nothing may hide a log behind one               \
              */
#define REPLACEMENT "\xef\xbf\xbd"

static void put_control(struct buf *out, unsigned char c)
{
        buf_u8(out, '^');
        buf_u8(out, c ^ 0x40);
}

static uint32_t code_point(const char *s, size_t k)
{
        const unsigned char *u = (const unsigned char *)s;
        uint32_t c = k == 1 ? u[0] : u[0] & (0xffU >> (k + 1));

        for (size_t i = 1; i < k; i++)
                c = c << 6 | (u[i] & 0x3fU);
        return c;
}

/* C1 controls, line separators, and marks that change the direction of what follows. */
static bool is_treacherous(uint32_t c)
{
        static const struct {
                uint32_t first, last;
        } ranges[] = {{0x80, 0x9f},     {0x61c, 0x61c},   {0x200e, 0x200f},  {0x2028, 0x202e},
                      {0x2066, 0x2069}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f}};

        for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
                if (c >= ranges[i].first && c <= ranges[i].last)
                        return true;
        }
        return false;
}

/* Can these n bytes become a well-formed character when more follow? */
static bool is_beginning(const char *s, size_t n)
{
        static const char *const fills[] = {"\x80\x80\x80", "\xbf\xbf\xbf"};

        for (size_t more = 1; n + more <= 4; more++) {
                for (size_t i = 0; i < ARRAY_LEN(fills); i++) {
                        char whole[8];

                        memcpy(whole, s, n);
                        memcpy(whole + n, fills[i], more);
                        if (utf8_len(whole, n + more) == n + more)
                                return true;
                }
        }
        return false;
}

static void end_held(struct text_filter *f, struct buf *out)
{
        for (size_t i = 0; i < f->held_len; i++)
                buf_text(out, REPLACEMENT);
        f->held_len = 0;
}

/* A byte of 0x80 and above, outside of escape sequences. */
static void feed_high(struct text_filter *f, char c, struct buf *out)
{
        size_t k;

        f->held[f->held_len++] = c;
        k = utf8_len(f->held, f->held_len);
        if (k == f->held_len) {
                if (is_treacherous(code_point(f->held, k)))
                        buf_text(out, REPLACEMENT);
                else
                        buf_put(out, f->held, k);
                f->held_len = 0;
        } else if (!is_beginning(f->held, f->held_len)) {
                /* The last byte may begin a new character. */
                f->held_len--;
                if (f->held_len) {
                        end_held(f, out);
                        feed_high(f, c, out);
                } else {
                        buf_text(out, REPLACEMENT);
                }
        }
}

static void feed_plain(struct text_filter *f, char ch, struct buf *out)
{
        unsigned char c = (unsigned char)ch;

        if (f->carriage && c != '\r') {
                if (c != '\n')
                        buf_u8(out, '\n');
                f->carriage = false;
        }
        if (c >= 0x80) {
                feed_high(f, ch, out);
                return;
        }
        end_held(f, out);
        if (c == 0x1b) {
                f->state = TEXT_ESCAPE;
                f->swallowed = 0;
        } else if (c == '\r') {
                f->carriage = true;
        } else if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f) {
                put_control(out, c);
        } else {
                buf_u8(out, c);
        }
}

/* A byte inside of an escape sequence: true when it belongs to it. */
static bool feed_sequence(struct text_filter *f, unsigned char c)
{
        if (++f->swallowed > SEQUENCE_MAX || c == '\n' || c == '\r')
                return false;
        switch (f->state) {
        case TEXT_ESCAPE:
                if (c >= 0x20 && c <= 0x2f)
                        return true;
                if (c < 0x20 || c > 0x7e)
                        return false;
                f->state = c == '[' ? TEXT_CSI : strchr("]PX^_", c) ? TEXT_STRING : TEXT_PLAIN;
                return true;
        case TEXT_CSI:
                if (c < 0x20 || c > 0x7e)
                        return false;
                if (c >= 0x40)
                        f->state = TEXT_PLAIN;
                return true;
        case TEXT_STRING:
                if (c == 0x07)
                        f->state = TEXT_PLAIN;
                else if (c == 0x1b)
                        f->state = TEXT_STRING_ESCAPE;
                return true;
        case TEXT_STRING_ESCAPE:
                f->state = c == '\\' ? TEXT_PLAIN : TEXT_STRING;
                return true;
        case TEXT_PLAIN:
                break;
        }
        return false;
}

void text_filter_feed(struct text_filter *f, const void *p, size_t n, struct buf *out)
{
        const char *s = p;

        for (size_t i = 0; i < n; i++) {
                if (f->state != TEXT_PLAIN && feed_sequence(f, (unsigned char)s[i]))
                        continue;
                f->state = f->state == TEXT_PLAIN || f->swallowed ? TEXT_PLAIN : f->state;
                feed_plain(f, s[i], out);
        }
}

void text_filter_end(struct text_filter *f, struct buf *out)
{
        end_held(f, out);
        if (f->carriage)
                buf_u8(out, '\n');
        *f = (struct text_filter){0};
}

void text_add_line(struct buf *out, const char *s)
{
        struct text_filter f = {0};
        struct buf raw;

        if (!s)
                return;
        buf_init(&raw, 4 * strlen(s) + 16);
        text_filter_feed(&f, s, strlen(s), &raw);
        text_filter_end(&f, &raw);
        for (size_t i = 0; i < buf_len(&raw); i++) {
                uint8_t c = buf_bytes(&raw)[i];

                buf_u8(out, c == '\n' || c == '\t' ? ' ' : c);
        }
        buf_release(&raw);
}

char *text_line(const char *s)
{
        struct buf b;
        char *line;

        buf_init(&b, 4 * (s ? strlen(s) : 0) + 16);
        text_add_line(&b, s);
        line = xstrdup(buf_cstr(&b));
        buf_release(&b);
        return line;
}

void text_add_shell(struct buf *out, const char *s)
{
        static const char plain[] =
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-";

        if (*s && strspn(s, plain) == strlen(s)) {
                buf_text(out, s);
                return;
        }
        buf_u8(out, '\'');
        for (; *s; s++) {
                if (*s == '\'')
                        buf_text(out, "'\\''");
                else
                        buf_u8(out, (uint8_t)*s);
        }
        buf_u8(out, '\'');
}

void text_add_uri(struct buf *out, const char *s, bool keep_slash)
{
        for (; *s; s++) {
                unsigned char c = (unsigned char)*s;
                bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                             strchr("-._~", c) || (keep_slash && c == '/');

                if (plain)
                        buf_u8(out, c);
                else
                        buf_printf(out, "%%%02X", c);
        }
}
