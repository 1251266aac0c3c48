/* SPDX-License-Identifier: Apache-2.0 */
#include "num.h"

#include "util.h"

#include <stdio.h>
#include <string.h>

#define DAY_MS          INT64_C(86400000)
#define DURATION_MAX_MS (36500 * DAY_MS) /* a century; keeps now + duration far from overflow */
#define FRACTION_DIGITS 9                /* more are read and ignored */
#define SHOWN_MAX       60               /* of a wrong value, in a message */

/* The value as a message may show it: short, and without control characters. */
struct shown {
        char text[SHOWN_MAX + 4];
};

static struct shown show(const char *s)
{
        struct shown shown = {0};
        size_t n = strlen(s), at = 0, i = 0;

        while (i < n) {
                size_t k = utf8_len(s + i, n - i);
                bool plain = k > 1 || (k == 1 && (unsigned char)s[i] >= 0x20 && s[i] != 0x7f);

                if (at + (plain ? k : 1) > SHOWN_MAX)
                        break;
                if (plain)
                        memcpy(shown.text + at, s + i, k);
                else
                        shown.text[at] = '?';
                at += plain ? k : 1;
                i += k ? k : 1;
        }
        if (i < n)
                memcpy(shown.text + at, "...", 3);
        return shown;
}

static int refuse(struct err *err, const char *what, const char *s, const char *wanted)
{
        return err_set(err, ERR_BAD_INPUT, "%s: \"%s\" is not %s", what, show(s).text, wanted);
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

/* Digits at *s, at least one, at most max; *s moves behind them. */
static bool take_digits(const char **s, int64_t max, int64_t *ret)
{
        const char *p = *s;
        int64_t v = 0;

        if (!is_digit(*p))
                return false;
        for (; is_digit(*p); p++) {
                int d = *p - '0';

                if (v > (max - d) / 10)
                        return false;
                v = v * 10 + d;
        }
        *s = p;
        *ret = v;
        return true;
}

static bool take_char(const char **s, char c)
{
        if (**s != c)
                return false;
        ++*s;
        return true;
}

/* Exactly n digits with a value of min..max. */
static bool take_field(const char **s, int n, int min, int max, int *ret)
{
        int v = 0;

        for (int i = 0; i < n; i++) {
                if (!is_digit((*s)[i]))
                        return false;
                v = v * 10 + ((*s)[i] - '0');
        }
        if (v < min || v > max)
                return false;
        *s += n;
        *ret = v;
        return true;
}

/* A decimal with an optional fraction: whole + part / scale. */
struct decimal {
        int64_t whole, part, scale;
        bool fraction;
};

static bool take_decimal(const char **s, struct decimal *d)
{
        const char *p = *s;

        *d = (struct decimal){.scale = 1};
        if (!take_digits(&p, INT64_MAX, &d->whole))
                return false;
        if (take_char(&p, '.')) {
                if (!is_digit(*p))
                        return false;
                d->fraction = true;
                for (int i = 0; is_digit(*p); p++, i++) {
                        if (i >= FRACTION_DIGITS)
                                continue;
                        d->part = d->part * 10 + (*p - '0');
                        d->scale *= 10;
                }
        }
        *s = p;
        return true;
}

/* d * unit, at most max; what is below one is cut off. */
static bool decimal_scale(const struct decimal *d, int64_t unit, int64_t max, int64_t *ret)
{
        int64_t part = (int64_t)((__int128)d->part * unit / d->scale);

        if (d->whole > (max - part) / unit)
                return false;
        *ret = d->whole * unit + part;
        return true;
}

int num_int(const char *what, const char *s, int64_t min, int64_t max, int64_t *ret, struct err *err)
{
        const char *p = s ? s : "";
        bool minus = take_char(&p, '-');
        int64_t v = 0;
        char wanted[96];

        snprintf(wanted, sizeof wanted, "a whole number from %lld to %lld", (long long)min, (long long)max);
        /* The magnitude of INT64_MIN does not fit; nobody needs that value. */
        if (!take_digits(&p, INT64_MAX, &v) || *p)
                return refuse(err, what, s ? s : "", wanted);
        if (minus)
                v = -v;
        if (v < min || v > max)
                return refuse(err, what, s, wanted);
        *ret = v;
        return 0;
}

int num_size(const char *what, const char *s, int64_t *ret_bytes, struct err *err)
{
        static const char wanted[] = "a size like \"512\", \"300M\", \"1.5G\" or \"2GiB\"";
        static const char letters[] = "KMGTPE";
        const char *p = s ? s : "", *letter;
        struct decimal d;
        int64_t unit = 1, v;

        s = p;
        if (!take_decimal(&p, &d))
                return refuse(err, what, s, wanted);
        if (p[0] == ' ' && p[1])
                p++;
        letter = *p ? strchr(letters, *p >= 'a' ? *p - 'a' + 'A' : *p) : NULL;
        if (letter) {
                unit <<= 10 * (letter - letters + 1);
                p++;
                if (*p == 'i' && (p[1] == 'B' || p[1] == 'b'))
                        p++;
        }
        if (*p == 'B' || *p == 'b')
                p++;
        if (*p)
                return refuse(err, what, s, wanted);
        if (d.fraction && unit == 1)
                return refuse(err, what, s,
                              "a whole number of bytes; a fraction needs a unit, like \"1.5G\"");
        if (!decimal_scale(&d, unit, INT64_MAX, &v))
                return refuse(err, what, s, "a size below 8 EiB");
        *ret_bytes = v;
        return 0;
}

/* "HH:MM:SS", "D-HH:MM:SS" */
static bool read_clock(const char *s, int64_t *ret_ms)
{
        int64_t days = 0, hours;
        const char *p = s;
        int minutes, seconds;

        if (!take_digits(&p, 1000000, &hours))
                return false;
        if (take_char(&p, '-')) {
                days = hours;
                if (!take_digits(&p, 23, &hours))
                        return false;
        }
        if (!take_char(&p, ':') || !take_field(&p, 2, 0, 59, &minutes) || !take_char(&p, ':') ||
            !take_field(&p, 2, 0, 59, &seconds) || *p)
                return false;
        *ret_ms = days * DAY_MS + ((hours * 60 + minutes) * 60 + seconds) * 1000;
        return true;
}

/* "90", "1.5s", "2h30m": units fall, only the last part may have a fraction. */
static bool read_units(const char *s, int64_t *ret_ms)
{
        static const struct {
                const char *name;
                int64_t ms;
        } units[] = {
            {"d", DAY_MS}, {"h", 3600000}, {"ms", 1}, {"m", 60000}, {"s", 1000},
        };
        int64_t sum = 0, last = INT64_MAX;
        const char *p = s;

        do {
                struct decimal d;
                int64_t unit = 0, v;

                if (!take_decimal(&p, &d))
                        return false;
                if (!*p && p != s && last == INT64_MAX) {
                        unit = 1000; /* a plain number */
                } else {
                        for (size_t i = 0; i < ARRAY_LEN(units) && !unit; i++) {
                                size_t n = strlen(units[i].name);

                                if (strncmp(p, units[i].name, n) == 0) {
                                        unit = units[i].ms;
                                        p += n;
                                }
                        }
                }
                if (!unit || unit >= last || (d.fraction && *p) ||
                    !decimal_scale(&d, unit, 2 * DURATION_MAX_MS, &v))
                        return false;
                last = unit;
                sum += v;
        } while (*p);
        *ret_ms = sum;
        return true;
}

int num_duration(const char *what, const char *s, int64_t *ret_ms, struct err *err)
{
        int64_t v;

        s = s ? s : "";
        if (!read_units(s, &v) && !read_clock(s, &v))
                return refuse(err, what, s,
                              "a duration like \"90\" (seconds), \"15m\", \"2h30m\", \"1d\", \"01:30:00\" or "
                              "\"2-00:00:00\"");
        if (v > DURATION_MAX_MS)
                return refuse(err, what, s, "a duration of at most 36500 days");
        *ret_ms = v;
        return 0;
}

/* Days from 1970-01-01 to a date of the Gregorian calendar. Years are counted from March, so that the leap
 * day is the last of its year and months follow one formula. */
static int64_t days_of_date(int64_t year, int month, int day)
{
        int64_t y = month > 2 ? year : year - 1;
        int64_t from_march = (month + 9) % 12;
        int64_t leaps = y >= 0 ? y / 4 - y / 100 + y / 400 : -1; /* year -1 is January and February of 0 */

        return y * 365 + leaps + (153 * from_march + 2) / 5 + day - 1 - 719468;
}

static int days_of_month(int year, int month)
{
        static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

        return days[month - 1] + (month == 2 && leap);
}

static bool take_zone(const char **s, int64_t *ret_minutes)
{
        int sign, hours, minutes;

        if (take_char(s, 'Z') || take_char(s, 'z')) {
                *ret_minutes = 0;
                return true;
        }
        sign = **s == '-' ? -1 : 1;
        if (!take_char(s, '+') && !take_char(s, '-'))
                return false;
        if (!take_field(s, 2, 0, 23, &hours) || !take_char(s, ':') || !take_field(s, 2, 0, 59, &minutes))
                return false;
        *ret_minutes = (int64_t)sign * (hours * 60 + minutes);
        return true;
}

static bool read_time(const char *p, int64_t *ret_ms)
{
        int year, month, day, hour, minute, second, ms = 0;
        int64_t zone;

        if (!take_field(&p, 4, 0, 9999, &year) || !take_char(&p, '-') || !take_field(&p, 2, 1, 12, &month) ||
            !take_char(&p, '-') || !take_field(&p, 2, 1, days_of_month(year, month), &day))
                return false;
        if (!take_char(&p, 'T') && !take_char(&p, 't') && !take_char(&p, ' '))
                return false;
        if (!take_field(&p, 2, 0, 23, &hour) || !take_char(&p, ':') || !take_field(&p, 2, 0, 59, &minute) ||
            !take_char(&p, ':') || !take_field(&p, 2, 0, 59, &second))
                return false;
        if (take_char(&p, '.')) {
                if (!is_digit(*p))
                        return false;
                for (int scale = 100; is_digit(*p); p++, scale /= 10)
                        ms += (*p - '0') * scale;
        }
        if (!take_zone(&p, &zone) || *p)
                return false;
        *ret_ms = days_of_date(year, month, day) * DAY_MS +
                  ((hour * INT64_C(60) + minute - zone) * 60 + second) * 1000 + ms;
        return true;
}

int num_time(const char *what, const char *s, int64_t *ret_wall_ms, struct err *err)
{
        s = s ? s : "";
        if (!read_time(s, ret_wall_ms))
                return refuse(err, what, s,
                              "a time with date and zone, like \"2026-11-21T07:00:00Z\" or "
                              "\"2026-11-21T08:00:00+01:00\"");
        return 0;
}

bool name_is_valid(const char *s)
{
        size_t n = 0;

        if (!s)
                return false;
        for (; s[n]; n++) {
                char c = s[n];

                if (!(c >= 'a' && c <= 'z') && !is_digit(c) && (n == 0 || !strchr("._-", c)))
                        return false;
                if (n >= 64)
                        return false;
        }
        return n > 0;
}

int name_check(const char *what, const char *s, struct err *err)
{
        if (name_is_valid(s))
                return 0;
        return refuse(
            err, what, s ? s : "",
            "a name: 1 to 64 of a-z, 0-9, \".\", \"_\" and \"-\", beginning with a letter or digit");
}

#define VERSION_DIGITS 6

bool dataset_name_is_valid(const char *s)
{
        const char *at = strchr(s, '@');
        AUTO_FREE char *base = at ? xstrndup(s, (size_t)(at - s)) : NULL;
        size_t n = at ? strlen(at + 1) : 0;

        if (!at)
                return name_is_valid(s);
        return name_is_valid(base) && n >= 1 && n <= VERSION_DIGITS && at[1] != '0' &&
               strspn(at + 1, "0123456789") == n;
}

int dataset_name_check(const char *s, struct err *err)
{
        return dataset_name_is_valid(s) ? 0 : name_check("dataset", s, err);
}

char *num_format_size(int64_t bytes, char buf[32])
{
        static const char letters[] = "KMGTPE";
        const char *sign = bytes < 0 ? "-" : "";
        uint64_t n = bytes < 0 ? -(uint64_t)bytes : (uint64_t)bytes;
        int unit = -1;
        uint64_t tenths;

        if (n < 1024) {
                snprintf(buf, 32, "%s%llu B", sign, (unsigned long long)n);
                return buf;
        }
        do {
                unit++;
                /* Rounded, and one unit up when that makes 1024. */
                tenths = (uint64_t)(((unsigned __int128)n * 10 + ((uint64_t)1 << (10 * unit + 9))) >>
                                    (10 * (unit + 1)));
        } while (tenths >= 10240 && unit < 5);
        if (tenths % 10)
                snprintf(buf, 32, "%s%llu.%llu %ciB", sign, (unsigned long long)tenths / 10,
                         (unsigned long long)tenths % 10, letters[unit]);
        else
                snprintf(buf, 32, "%s%llu %ciB", sign, (unsigned long long)tenths / 10, letters[unit]);
        return buf;
}

char *num_format_duration(int64_t ms, char buf[32])
{
        const char *sign = ms < 0 ? "-" : "";
        unsigned long long n = ms < 0 ? -(unsigned long long)ms : (unsigned long long)ms;
        unsigned long long s = n / 1000;

        if (s < 1)
                snprintf(buf, 32, "%s%llums", sign, n);
        else if (s < 60)
                snprintf(buf, 32, "%s%llu.%llus", sign, s, n % 1000 / 100);
        else if (s < 3600)
                snprintf(buf, 32, "%s%llum%02llus", sign, s / 60, s % 60);
        else if (s < 86400)
                snprintf(buf, 32, "%s%lluh%02llum", sign, s / 3600, s / 60 % 60);
        else
                snprintf(buf, 32, "%s%llud%02lluh", sign, s / 86400, s / 3600 % 24);
        return buf;
}

char *num_format_time(int64_t wall_ms, char buf[32])
{
        static const int64_t first = INT64_C(-62167219200000); /* 0000-01-01 */
        static const int64_t last = INT64_C(253402300799999);  /* the end of 9999 */
        int64_t ms = wall_ms < first ? first : wall_ms > last ? last : wall_ms;
        int64_t day = ms >= 0 ? ms / DAY_MS : -((DAY_MS - 1 - ms) / DAY_MS);
        int in_day = (int)(ms - day * DAY_MS);
        int year = 1970 + (int)(day * 400 / 146097); /* right or one off */
        int month = 1;

        while (day < days_of_date(year, 1, 1))
                year--;
        while (day >= days_of_date(year + 1, 1, 1))
                year++;
        day -= days_of_date(year, 1, 1);
        while (day >= days_of_month(year, month))
                day -= days_of_month(year, month++);
        snprintf(buf, 32, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", (unsigned)year % 10000,
                 (unsigned)month % 100, (unsigned)(day + 1) % 100, (unsigned)in_day / 3600000 % 100,
                 (unsigned)in_day / 60000 % 60, (unsigned)in_day / 1000 % 60, (unsigned)in_day % 1000);
        return buf;
}

int num_range(const char *what, const char *s, struct range *ret, struct err *err)
{
        static const char wanted[] = "a range like \"1-1000\", \"1-1000%50\" (50 at once) or \"7\"";
        const char *p = s ? s : "";
        struct range r = {0};

        s = p;
        if (!take_digits(&p, RANGE_INDEX_MAX, &r.first))
                return refuse(err, what, s, is_digit(*p) ? "a range of numbers up to 2000000000" : wanted);
        r.last = r.first;
        if (take_char(&p, '-') && !take_digits(&p, RANGE_INDEX_MAX, &r.last))
                return refuse(err, what, s, is_digit(*p) ? "a range of numbers up to 2000000000" : wanted);
        if (take_char(&p, '%') && (!take_digits(&p, RANGE_INDEX_MAX, &r.throttle) || r.throttle < 1))
                return refuse(err, what, s, "a range with a throttle of at least 1 after \"%\"");
        if (*p)
                return refuse(err, what, s, wanted);
        if (r.last < r.first)
                return refuse(err, what, s, "a range whose first number is not above its last");
        if (r.last - r.first >= RANGE_TASKS_MAX)
                return refuse(err, what, s, "a range of at most 10000000 tasks");
        *ret = r;
        return 0;
}

int num_ref(const char *what, const char *s, struct ref *ret, struct err *err)
{
        static const char wanted[] = "a job \"1234\", a task \"1234.7\" or an attempt \"1234.7#2\"";
        struct ref r = {.task = -1, .attempt = -1};
        const char *p = s ? s : "";

        s = p;
        if (!take_digits(&p, INT64_MAX, &r.job) || r.job < 1)
                return refuse(err, what, s, wanted);
        if (take_char(&p, '.')) {
                if (!take_digits(&p, RANGE_INDEX_MAX, &r.task))
                        return refuse(err, what, s, wanted);
                if (take_char(&p, '#') && (!take_digits(&p, INT32_MAX, &r.attempt) || r.attempt < 1))
                        return refuse(err, what, s, wanted);
        }
        if (*p)
                return refuse(err, what, s, wanted);
        *ret = r;
        return 0;
}

bool bytes_equal_secret(const void *a, const void *b, size_t n)
{
        const volatile uint8_t *x = a, *y = b;
        uint8_t diff = 0;

        for (size_t i = 0; i < n; i++)
                diff |= x[i] ^ y[i];
        return diff == 0;
}

void hex_encode(const uint8_t *p, size_t n, char *out)
{
        static const char digits[] = "0123456789abcdef";

        for (size_t i = 0; i < n; i++) {
                out[2 * i] = digits[p[i] >> 4];
                out[2 * i + 1] = digits[p[i] & 15];
        }
        out[2 * n] = '\0';
}

static int hex_value(char c)
{
        if (is_digit(c))
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

int hex_decode(const char *s, uint8_t *out, size_t n)
{
        if (!s || strlen(s) != 2 * n)
                return -1;
        for (size_t i = 0; i < 2 * n; i++) {
                if (hex_value(s[i]) < 0)
                        return -1;
        }
        for (size_t i = 0; i < n; i++)
                out[i] = (uint8_t)(hex_value(s[2 * i]) << 4 | hex_value(s[2 * i + 1]));
        return 0;
}
