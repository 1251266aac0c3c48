/* SPDX-License-Identifier: Apache-2.0 */
#include "common/spans.h"
#include "common/util.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RANGE_TEXT_MAX 32 /* "[-2147483648,2147483647)," */

void spans_release(struct spans *s)
{
        free(s->at);
        *s = (struct spans){0};
}

/* Index of the first range that ends at `from` or later. */
static size_t first_reaching(const struct spans *s, int32_t from)
{
        size_t low = 0, high = s->n;

        while (low < high) {
                size_t mid = (low + high) / 2;

                if (s->at[mid].to < from)
                        low = mid + 1;
                else
                        high = mid;
        }
        return low;
}

void spans_add(struct spans *s, int32_t from, int32_t to)
{
        size_t i = first_reaching(s, from), k = i;

        if (from >= to)
                return;
        for (; k < s->n && s->at[k].from <= to; k++) {
                from = s->at[k].from < from ? s->at[k].from : from;
                to = s->at[k].to > to ? s->at[k].to : to;
        }
        if (k == i)
                s->at = xgrow(s->at, s->n, &s->cap, sizeof *s->at);
        memmove(&s->at[i + 1], &s->at[k], (s->n - k) * sizeof *s->at);
        s->n = s->n + 1 - (k - i);
        s->at[i] = (struct span){from, to};
}

void spans_join(struct spans *s, const struct spans *other)
{
        for (size_t i = 0; i < other->n; i++)
                spans_add(s, other->at[i].from, other->at[i].to);
}

void spans_move(struct spans *to, struct spans *from)
{
        struct spans taken = *from;

        *from = (struct spans){0};
        spans_release(to);
        *to = taken;
}

bool spans_has(const struct spans *s, int32_t from, int32_t to)
{
        size_t i = first_reaching(s, from);

        if (from >= to)
                return true;
        /* One that merely ends where this begins says nothing of it. */
        if (i < s->n && s->at[i].to == from)
                i++;
        return i < s->n && s->at[i].from <= from && s->at[i].to >= to;
}

int64_t spans_count(const struct spans *s)
{
        int64_t n = 0;

        for (size_t i = 0; i < s->n; i++)
                n += (int64_t)s->at[i].to - s->at[i].from;
        return n;
}

char *spans_text(const struct spans *s)
{
        size_t size = s->n * RANGE_TEXT_MAX + 3, at = 1;
        char *text = xmalloc(size);

        text[0] = '{';
        for (size_t i = 0; i < s->n; i++)
                at += (size_t)snprintf(text + at, size - at, "%s[%d,%d)", i ? "," : "", s->at[i].from,
                                       s->at[i].to);
        snprintf(text + at, size - at, "}");
        return text;
}

/* A number and the sign behind it. */
static bool take_number(const char **text, char sign, int32_t *ret)
{
        char *end;
        long v;

        errno = 0;
        v = strtol(*text, &end, 10);
        if (end == *text || errno || v < INT32_MIN || v > INT32_MAX || *end != sign)
                return false;
        *text = end + 1;
        *ret = (int32_t)v;
        return true;
}

int spans_parse(const char *text, struct spans *ret)
{
        struct spans s = {0};
        int32_t from, to;

        if (!text)
                return 0;
        if (*text++ != '{')
                return -1;
        while (*text == '[') {
                text++;
                if (!take_number(&text, ',', &from) || !take_number(&text, ')', &to))
                        break;
                spans_add(&s, from, to);
                if (*text != ',')
                        break;
                text++;
        }
        if (strcmp(text, "}") != 0) {
                spans_release(&s);
                return -1;
        }
        *ret = s;
        return 0;
}
