/* SPDX-License-Identifier: Apache-2.0 */
/* Results come as text: every type can then be read as text, and a query that changes from integer to
 * numeric (sum) is still read as a number. */
#include "store/db_priv.h"
#include "common/num.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>

#define COLUMNS_MAX 64

struct rows {
        PGresult *res;
        int row, count;
        /* Column names are literals at the caller, so the address finds the column the second time. */
        const char *names[COLUMNS_MAX];
        int columns[COLUMNS_MAX];
        size_t known;
        void **owned; /* decoded bytes */
        size_t owned_n, owned_cap;
};

struct rows *rows_new(PGresult *res)
{
        struct rows *r = xcalloc(1, sizeof *r);

        r->res = res;
        r->row = -1;
        r->count = PQntuples(res);
        return r;
}

void rows_free(struct rows *r)
{
        if (!r)
                return;
        for (size_t i = 0; i < r->owned_n; i++)
                free(r->owned[i]);
        free(r->owned);
        PQclear(r->res);
        free(r);
}

bool rows_next(struct rows *r)
{
        if (r->row < r->count)
                r->row++;
        return r->row < r->count;
}

size_t rows_count(const struct rows *r)
{
        return (size_t)r->count;
}

static void __attribute__((noreturn)) misuse(const char *what, const char *column)
{
        fprintf(stderr, "reeve: programming error: %s \"%s\"\n", what, column);
        abort();
}

static int column_find(const struct rows *r, const char *name)
{
        struct rows *m = (struct rows *)r; /* the memo is not part of the value */

        for (size_t i = 0; i < r->known; i++) {
                if (r->names[i] == name)
                        return r->columns[i];
        }
        for (int c = 0; c < PQnfields(r->res); c++) {
                if (strcmp(PQfname(r->res, c), name) != 0)
                        continue;
                if (m->known < COLUMNS_MAX) {
                        m->names[m->known] = name;
                        m->columns[m->known++] = c;
                }
                return c;
        }
        misuse("the query has no column", name);
}

/* The value's text, or NULL for null. */
static const char *value(const struct rows *r, const char *column)
{
        int c = column_find(r, column);

        if (r->row < 0 || r->row >= r->count)
                misuse("no current row to read column", column);
        return PQgetisnull(r->res, r->row, c) ? NULL : PQgetvalue(r->res, r->row, c);
}

bool row_null(const struct rows *r, const char *column)
{
        return value(r, column) == NULL;
}

int64_t row_int(const struct rows *r, const char *column)
{
        const char *s = value(r, column);
        char *end;

        if (!s)
                return 0;

        long long v = strtoll(s, &end, 10);

        if (end == s)
                misuse("not a number: column", column);
        return v;
}

double row_f64(const struct rows *r, const char *column)
{
        const char *s = value(r, column);

        return s ? strtod(s, NULL) : 0;
}

bool row_bool(const struct rows *r, const char *column)
{
        const char *s = value(r, column);

        return s && s[0] == 't';
}

const char *row_text(const struct rows *r, const char *column)
{
        const char *s = value(r, column);

        return s ? s : "";
}

const uint8_t *row_bytes(const struct rows *r, const char *column, size_t *ret_n)
{
        struct rows *m = (struct rows *)r;
        const char *s = value(r, column);

        *ret_n = 0;
        if (!s)
                return NULL;

        size_t len = strlen(s);

        if (len < 2 || len % 2 || s[0] != '\\' || s[1] != 'x')
                misuse("not bytes: column", column);

        uint8_t *out = xmalloc(len / 2);

        if (hex_decode(s + 2, out, len / 2 - 1) < 0)
                misuse("not bytes: column", column);
        m->owned = xgrow(m->owned, m->owned_n, &m->owned_cap, sizeof *m->owned);
        m->owned[m->owned_n++] = out;
        *ret_n = len / 2 - 1;
        return out;
}

/* Days from 1970-01-01 in the Gregorian calendar; years count from March, so that the leap day ends one. */
static int64_t days_from_date(int64_t year, int month, int day)
{
        int64_t y = month > 2 ? year : year - 1;
        int64_t era = y / 400, of_era = y % 400;
        int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

        return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* "2026-11-21 07:34:33.123456+00": the session's time zone is UTC and its date style ISO. */
int64_t row_time(const struct rows *r, const char *column)
{
        const char *s = value(r, column);
        int year, month, day, hour, minute, second, used = 0, ms = 0;

        if (!s)
                return INT64_MIN;
        if (sscanf(s, "%d-%d-%d %d:%d:%d%n", &year, &month, &day, &hour, &minute, &second, &used) < 6) {
                if (strstr(s, "infinity"))
                        return s[0] == '-' ? -INT64_MAX : INT64_MAX;
                misuse("not a time: column", column);
        }
        s += used;
        if (*s == '.') {
                int scale = 100;

                for (s++; *s >= '0' && *s <= '9'; s++, scale /= 10)
                        ms += (*s - '0') * scale;
        }
        return (days_from_date(year, month, day) * 86400 + hour * 3600 + minute * 60 + second) * 1000 + ms;
}
