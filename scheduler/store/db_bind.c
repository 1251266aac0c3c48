/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters go to the server in binary with their type, except single texts: those go as text of a type
 * the server infers, so that one call serves text, json and jsonb columns.
 *
 * PostgreSQL refuses a text that is not UTF-8, and with it the whole transaction. What sites and jobs say
 * must not be able to do that, so a malformed byte becomes U+FFFD here.
 */
#include "store/db_priv.h"
#include "common/util.h"

#include <assert.h>
#include <endian.h>
#include <math.h>
#include <string.h>

#define PG_EPOCH_MS  946684800000LL /* 2000-01-01, where timestamptz counts from */
#define PG_TIME_MAX  (INT64_MAX / 1000 - 1)
#define BAD_CHAR     "\xef\xbf\xbd"
#define BAD_CHAR_LEN 3

void stmt_clear(struct stmt *st)
{
        st->n = 0;
        st->data_len = 0;
}

void stmt_free(struct stmt *st)
{
        if (!st)
                return;
        free(st->name);
        free(st->sql);
        free(st->data);
        free(st);
}

static struct param *param_add(struct stmt *st, Oid type)
{
        assert(st->n < PARAMS_MAX);
        struct param *p = &st->params[st->n++];

        *p = (struct param){.type = type, .binary = true, .at = st->data_len};
        return p;
}

/* Room for n more bytes of the parameter's value. */
static char *data_reserve(struct stmt *st, size_t n)
{
        if (st->data_cap - st->data_len < n) {
                size_t cap = st->data_cap ? st->data_cap : 256;

                while (cap - st->data_len < n)
                        cap *= 2;
                st->data = xrealloc(st->data, cap);
                st->data_cap = cap;
        }
        return st->data + st->data_len;
}

static inline char *put_u32(char *p, uint32_t v)
{
        v = htobe32(v);
        memcpy(p, &v, 4);
        return p + 4;
}

static inline char *put_u64(char *p, uint64_t v)
{
        v = htobe64(v);
        memcpy(p, &v, 8);
        return p + 8;
}

static inline uint64_t f64_bits(double v)
{
        uint64_t u;

        memcpy(&u, &v, sizeof u);
        return u;
}

static int64_t pg_time(int64_t wall_ms)
{
        if (wall_ms > PG_TIME_MAX)
                wall_ms = PG_TIME_MAX;
        if (wall_ms < -PG_TIME_MAX)
                wall_ms = -PG_TIME_MAX;
        return wall_ms * 1000 - PG_EPOCH_MS * 1000;
}

static void bind_u64(struct stmt *st, Oid type, uint64_t v)
{
        struct param *p = param_add(st, type);

        put_u64(data_reserve(st, 8), v);
        p->len = 8;
        st->data_len += 8;
}

void bind_int(struct stmt *st, int64_t v)
{
        bind_u64(st, OID_INT8, (uint64_t)v);
}

void bind_f64(struct stmt *st, double v)
{
        bind_u64(st, OID_FLOAT8, f64_bits(v));
}

void bind_bool(struct stmt *st, bool v)
{
        struct param *p = param_add(st, OID_BOOL);

        *data_reserve(st, 1) = v;
        p->len = 1;
        st->data_len += 1;
}

void bind_time(struct stmt *st, int64_t wall_ms)
{
        if (wall_ms == INT64_MIN)
                param_add(st, OID_TIMESTAMPTZ)->null = true;
        else
                bind_u64(st, OID_TIMESTAMPTZ, (uint64_t)pg_time(wall_ms));
}

void bind_null(struct stmt *st)
{
        struct param *p = param_add(st, OID_ANY);

        p->null = p->anything = true;
}

/* Length of s once malformed bytes are replaced; equal to n means that nothing needs to be. */
static size_t clean_len(const char *s, size_t n)
{
        size_t len = 0;

        for (size_t i = 0; i < n;) {
                size_t k = (unsigned char)s[i] < 0x80 && s[i] ? 1 : utf8_len(s + i, n - i);

                len += k && s[i] ? k : BAD_CHAR_LEN;
                i += k ? k : 1;
        }
        return len;
}

static bool is_ascii(const char *s, size_t n)
{
        unsigned char bits = 0;

        for (size_t i = 0; i < n; i++)
                bits |= (unsigned char)s[i] | (unsigned char)(s[i] ? 0 : 0x80);
        return bits < 0x80;
}

static char *clean_copy(char *out, const char *s, size_t n)
{
        for (size_t i = 0; i < n;) {
                size_t k = utf8_len(s + i, n - i);

                if (k && s[i]) {
                        memcpy(out, s + i, k);
                        out += k;
                } else {
                        memcpy(out, BAD_CHAR, BAD_CHAR_LEN);
                        out += BAD_CHAR_LEN;
                }
                i += k ? k : 1;
        }
        return out;
}

void bind_text(struct stmt *st, const char *s)
{
        bind_text_n(st, s, s ? strlen(s) : 0);
}

/* libpq wants text parameters terminated, and takes their length from that; binary ones have a length. A
 * text of a type the server infers cannot be binary, so it is copied unless it is terminated already. */
void bind_text_n(struct stmt *st, const char *s, size_t n)
{
        struct param *p = param_add(st, OID_ANY);

        p->binary = false;
        if (!s) {
                p->null = true;
                return;
        }
        size_t len = clean_len(s, n);
        char *out = data_reserve(st, len + 1);

        *clean_copy(out, s, n) = '\0';
        p->len = len;
        st->data_len += len + 1;
}

void bind_bytes(struct stmt *st, const void *data, size_t n)
{
        struct param *p = param_add(st, OID_BYTEA);

        p->null = !data;
        p->borrowed = data;
        p->len = n;
}

/* ---- arrays: header, then each element as length and bytes ----------------------------------------------
 */

#define ARRAY_HEADER 20

/* Starts an array parameter with room for `bytes` of elements; returns where the first one goes. */
static char *array_begin(struct stmt *st, Oid type, Oid element, bool nulls, size_t n, size_t bytes)
{
        param_add(st, type);

        char *p = data_reserve(st, ARRAY_HEADER + bytes);

        p = put_u32(p, n > 0); /* dimensions */
        p = put_u32(p, nulls);
        p = put_u32(p, element);
        if (n > 0) {
                p = put_u32(p, (uint32_t)n);
                p = put_u32(p, 1); /* lower bound */
        }
        return p;
}

static void array_end(struct stmt *st, const char *end)
{
        struct param *p = &st->params[st->n - 1];

        p->len = (size_t)(end - (st->data + p->at));
        st->data_len += p->len;
}

static inline char *put_null(char *p)
{
        return put_u32(p, UINT32_MAX);
}

#define ELEMENT(type, first, stride, i) (*(const type *)((const char *)(first) + (i) * (stride)))

void bind_column_i64(struct stmt *st, const void *first, size_t stride, size_t n)
{
        char *p = array_begin(st, OID_INT8_ARRAY, OID_INT8, true, n, n * 12);

        for (size_t i = 0; i < n; i++) {
                int64_t v = ELEMENT(int64_t, first, stride, i);

                p = v == INT64_MIN ? put_null(p) : put_u64(put_u32(p, 8), (uint64_t)v);
        }
        array_end(st, p);
}

void bind_column_i32(struct stmt *st, const void *first, size_t stride, size_t n)
{
        char *p = array_begin(st, OID_INT4_ARRAY, OID_INT4, false, n, n * 8);

        for (size_t i = 0; i < n; i++)
                p = put_u32(put_u32(p, 4), (uint32_t)ELEMENT(int32_t, first, stride, i));
        array_end(st, p);
}

void bind_column_i16(struct stmt *st, const void *first, size_t stride, size_t n)
{
        char *p = array_begin(st, OID_INT2_ARRAY, OID_INT2, false, n, n * 6);

        for (size_t i = 0; i < n; i++) {
                uint16_t v = htobe16((uint16_t)ELEMENT(int16_t, first, stride, i));

                p = put_u32(p, 2);
                memcpy(p, &v, 2);
                p += 2;
        }
        array_end(st, p);
}

void bind_column_f64(struct stmt *st, const void *first, size_t stride, size_t n)
{
        char *p = array_begin(st, OID_FLOAT8_ARRAY, OID_FLOAT8, true, n, n * 12);

        for (size_t i = 0; i < n; i++) {
                double v = ELEMENT(double, first, stride, i);

                p = isnan(v) ? put_null(p) : put_u64(put_u32(p, 8), f64_bits(v));
        }
        array_end(st, p);
}

void bind_column_bool(struct stmt *st, const void *first, size_t stride, size_t n)
{
        char *p = array_begin(st, OID_BOOL_ARRAY, OID_BOOL, false, n, n * 5);

        for (size_t i = 0; i < n; i++) {
                p = put_u32(p, 1);
                *p++ = ELEMENT(bool, first, stride, i);
        }
        array_end(st, p);
}

void bind_column_time(struct stmt *st, const void *first, size_t stride, size_t n)
{
        char *p = array_begin(st, OID_TIMESTAMPTZ_ARRAY, OID_TIMESTAMPTZ, true, n, n * 12);

        for (size_t i = 0; i < n; i++) {
                int64_t v = ELEMENT(int64_t, first, stride, i);

                p = v == INT64_MIN ? put_null(p) : put_u64(put_u32(p, 8), (uint64_t)pg_time(v));
        }
        array_end(st, p);
}

/* An array of texts comes from a column of pointers or of enum values; `at` fetches the i-th. */
static void bind_words(struct stmt *st, size_t n, const char *(*at)(const void *ctx, size_t i),
                       const void *ctx)
{
        size_t bytes = 0;

        for (size_t i = 0; i < n; i++) {
                const char *s = at(ctx, i);

                bytes += 4 + (s ? strlen(s) * BAD_CHAR_LEN : 0);
        }

        char *p = array_begin(st, OID_TEXT_ARRAY, OID_TEXT, true, n, bytes);

        for (size_t i = 0; i < n; i++) {
                const char *s = at(ctx, i);
                size_t len = s ? strlen(s) : 0;

                if (!s) {
                        p = put_null(p);
                } else if (is_ascii(s, len)) {
                        p = put_u32(p, (uint32_t)len);
                        memcpy(p, s, len);
                        p += len;
                } else {
                        char *end = clean_copy(p + 4, s, len);

                        put_u32(p, (uint32_t)(end - p - 4));
                        p = end;
                }
        }
        array_end(st, p);
}

struct column {
        const void *first;
        size_t stride;
        const char *(*name)(int value);
};

static const char *text_at(const void *ctx, size_t i)
{
        const struct column *c = ctx;

        return ELEMENT(char *, c->first, c->stride, i);
}

static const char *word_at(const void *ctx, size_t i)
{
        const struct column *c = ctx;

        return c->name(ELEMENT(int, c->first, c->stride, i));
}

void bind_column_text(struct stmt *st, const void *first, size_t stride, size_t n)
{
        bind_words(st, n, text_at, &(struct column){first, stride, NULL});
}

void bind_column_word(struct stmt *st, const void *first, size_t stride, size_t n,
                      const char *(*name)(int value))
{
        bind_words(st, n, word_at, &(struct column){first, stride, name});
}

void bind_column_bytes(struct stmt *st, const void *first, size_t stride, size_t n, size_t len)
{
        char *p = array_begin(st, OID_BYTEA_ARRAY, OID_BYTEA, true, n, n * (4 + len));

        for (size_t i = 0; i < n; i++) {
                const uint8_t *v = ELEMENT(uint8_t *, first, stride, i);

                if (!v) {
                        p = put_null(p);
                } else {
                        p = put_u32(p, (uint32_t)len);
                        memcpy(p, v, len);
                        p += len;
                }
        }
        array_end(st, p);
}

void bind_ints(struct stmt *st, const int64_t *v, size_t n)
{
        bind_column_i64(st, v, sizeof *v, n);
}

void bind_f64s(struct stmt *st, const double *v, size_t n)
{
        bind_column_f64(st, v, sizeof *v, n);
}

void bind_bools(struct stmt *st, const bool *v, size_t n)
{
        bind_column_bool(st, v, sizeof *v, n);
}

void bind_times(struct stmt *st, const int64_t *wall_ms, size_t n)
{
        bind_column_time(st, wall_ms, sizeof *wall_ms, n);
}

void bind_texts(struct stmt *st, const char *const *v, size_t n)
{
        bind_column_text(st, v, sizeof *v, n);
}

void bind_bytes_array(struct stmt *st, const void *const *v, const size_t *len, size_t n)
{
        size_t bytes = 0;

        for (size_t i = 0; i < n; i++)
                bytes += 4 + (v[i] ? len[i] : 0);

        char *p = array_begin(st, OID_BYTEA_ARRAY, OID_BYTEA, true, n, bytes);

        for (size_t i = 0; i < n; i++) {
                if (!v[i]) {
                        p = put_null(p);
                        continue;
                }
                p = put_u32(p, (uint32_t)len[i]);
                memcpy(p, v[i], len[i]);
                p += len[i];
        }
        array_end(st, p);
}
