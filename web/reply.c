/* SPDX-License-Identifier: Apache-2.0 */
#include "web/reply.h"

#include "common/num.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A member follows another one when the last byte neither opens something nor ends a key. */
static void member(struct buf *b, const char *key)
{
        size_t n = buf_len(b);
        uint8_t last = n ? buf_bytes(b)[n - 1] : '[';

        if (last != '{' && last != '[' && last != ':')
                buf_put(b, ",", 1);
        if (!key)
                return;
        buf_put(b, "\"", 1);
        buf_put(b, key, strlen(key));
        buf_put(b, "\":", 2);
}

void j_obj(struct buf *b, const char *key)
{
        member(b, key);
        buf_put(b, "{", 1);
}

void j_obj_end(struct buf *b)
{
        buf_put(b, "}", 1);
}

void j_arr(struct buf *b, const char *key)
{
        member(b, key);
        buf_put(b, "[", 1);
}

void j_arr_end(struct buf *b)
{
        buf_put(b, "]", 1);
}

void j_null(struct buf *b, const char *key)
{
        member(b, key);
        buf_put(b, "null", 4);
}

void j_bool(struct buf *b, const char *key, bool v)
{
        member(b, key);
        buf_text(b, v ? "true" : "false");
}

void j_int(struct buf *b, const char *key, int64_t v)
{
        char text[24];
        int n = snprintf(text, sizeof text, "%lld", (long long)v);

        member(b, key);
        buf_put(b, text, (size_t)n);
}

void j_f64(struct buf *b, const char *key, double v)
{
        if (!isfinite(v)) {
                j_null(b, key);
                return;
        }
        member(b, key);
        buf_printf(b, "%.15g", v);
}

void j_str(struct buf *b, const char *key, const char *v)
{
        if (v)
                j_str_n(b, key, v, strlen(v));
        else
                j_null(b, key);
}

void j_str_n(struct buf *b, const char *key, const char *v, size_t n)
{
        member(b, key);
        buf_json_str(b, v, n);
}

void j_time(struct buf *b, const char *key, int64_t wall_ms)
{
        char text[32];

        j_str(b, key, wall_ms == INT64_MIN ? NULL : num_format_time(wall_ms, text));
}

void j_raw(struct buf *b, const char *key, const char *json)
{
        member(b, key);
        buf_text(b, json ? json : "null");
}

void j_col_int(struct buf *b, struct rows *r, const char *column)
{
        if (row_null(r, column))
                j_null(b, column);
        else
                j_int(b, column, row_int(r, column));
}

void j_col_f64(struct buf *b, struct rows *r, const char *column)
{
        if (row_null(r, column))
                j_null(b, column);
        else
                j_f64(b, column, row_f64(r, column));
}

void j_col_bool(struct buf *b, struct rows *r, const char *column)
{
        if (row_null(r, column))
                j_null(b, column);
        else
                j_bool(b, column, row_bool(r, column));
}

void j_col_str(struct buf *b, struct rows *r, const char *column)
{
        j_str(b, column, row_null(r, column) ? NULL : row_text(r, column));
}

void j_col_time(struct buf *b, struct rows *r, const char *column)
{
        j_time(b, column, row_time(r, column));
}

void j_col_raw(struct buf *b, struct rows *r, const char *column)
{
        j_raw(b, column, row_null(r, column) ? NULL : row_text(r, column));
}
