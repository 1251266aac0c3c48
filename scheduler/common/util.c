/* SPDX-License-Identifier: Apache-2.0 */
#include "util.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void auto_close_(int *fd)
{
        if (*fd >= 0)
                close(*fd);
}

static void *must(void *p)
{
        if (!p) {
                static const char text[] = "out of memory\n";
                ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);

                (void)ignored;
                abort();
        }
        return p;
}

void *xmalloc(size_t n)
{
        return must(malloc(n ? n : 1));
}

void *xcalloc(size_t n, size_t size)
{
        return must(calloc(n ? n : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t n)
{
        return must(realloc(p, n ? n : 1));
}

char *xstrdup(const char *s)
{
        return s ? must(strdup(s)) : NULL;
}

char *xstrndup(const char *s, size_t n)
{
        char *copy = xmalloc(n + 1);

        if (n)
                memcpy(copy, s, n);
        copy[n] = '\0';
        return copy;
}

char *xasprintf(const char *fmt, ...)
{
        va_list ap;
        char *s;
        int n;

        va_start(ap, fmt);
        n = vasprintf(&s, fmt, ap);
        va_end(ap);
        return n < 0 ? must(NULL) : s;
}

void *xgrow(void *p, size_t n, size_t *cap, size_t size)
{
        if (n < *cap)
                return p;
        *cap = *cap ? *cap * 2 : 16;
        while (*cap <= n)
                *cap *= 2;
        return must(reallocarray(p, *cap, size));
}

bool words_have(const char *words, const char *word)
{
        size_t n = strlen(word);

        for (const char *p = words; *p; p += strcspn(p, " "), p += strspn(p, " "))
                if (strncmp(p, word, n) == 0 && (p[n] == ' ' || p[n] == '\0'))
                        return n > 0;
        return false;
}

size_t utf8_len(const char *s, size_t n)
{
        const unsigned char *u = (const unsigned char *)s;
        size_t k;
        uint32_t c;

        if (!n)
                return 0;
        if (u[0] < 0x80)
                return 1;
        if (u[0] >= 0xc2 && u[0] <= 0xdf)
                k = 2;
        else if (u[0] >= 0xe0 && u[0] <= 0xef)
                k = 3;
        else if (u[0] >= 0xf0 && u[0] <= 0xf4)
                k = 4;
        else
                return 0;
        if (k > n)
                return 0;
        c = u[0] & (0xffU >> (k + 1));
        for (size_t i = 1; i < k; i++) {
                if ((u[i] & 0xc0) != 0x80)
                        return 0;
                c = c << 6 | (u[i] & 0x3fU);
        }
        if ((k == 3 && (c < 0x800 || (c >= 0xd800 && c <= 0xdfff))) ||
            (k == 4 && (c < 0x10000 || c > 0x10ffff)))
                return 0;
        return k;
}

static int64_t clock_ms(clockid_t id)
{
        struct timespec ts;

        clock_gettime(id, &ts);
        return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t clock_boot_ms(void)
{
        return clock_ms(CLOCK_BOOTTIME);
}

int64_t clock_wall_ms(void)
{
        return clock_ms(CLOCK_REALTIME);
}

struct timespec clock_ahead_ms(int64_t ms)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        if (ms <= 0)
                return t;
        t.tv_sec += ms / 1000;
        t.tv_nsec += ms % 1000 * 1000000;
        if (t.tv_nsec >= 1000000000) {
                t.tv_sec++;
                t.tv_nsec -= 1000000000;
        }
        return t;
}

void text_make_printable(char *s)
{
        size_t left = strlen(s);

        while (left) {
                unsigned char first = (unsigned char)s[0];
                size_t n = utf8_len(s, left);

                if (n == 0 || (n == 1 && (first < 0x20 || first == 0x7f)) ||
                    (n == 2 && first == 0xc2 && (unsigned char)s[1] < 0xa0)) {
                        n = n ? n : 1;
                        memset(s, '?', n);
                }
                s += n;
                left -= n;
        }
}
