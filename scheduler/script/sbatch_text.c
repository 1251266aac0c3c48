/* SPDX-License-Identifier: Apache-2.0 */
/* How sbatch writes times, sizes, moments and file names. */
#include "sbatch.h"

#include "common/buf.h"
#include "common/num.h"
#include "common/task_text.h"
#include "common/util.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define PARTS_MAX  4
#define NO_TASK    "4294967294" /* what sbatch writes for %a where there is no array */
#define DIGITS_MAX 10           /* sbatch pads to at most so many */

/* ---- numbers with signs between ---------------------------------------------------------------------------
 */

static bool take_int(const char **p, int64_t *ret)
{
        int64_t v = 0;
        const char *start = *p;

        for (; **p >= '0' && **p <= '9' && *p - start < 12; (*p)++)
                v = v * 10 + (**p - '0');
        *ret = v;
        return *p > start;
}

/* "1:30:00": up to PARTS_MAX numbers with colons between; how many, -1 malformed. */
static int take_clock(const char *p, int64_t parts[PARTS_MAX])
{
        int n = 0;

        do {
                if (n == PARTS_MAX || !take_int(&p, &parts[n++]))
                        return -1;
        } while (*p == ':' && p++);
        return *p ? -1 : n;
}

int sbatch_time(const char *what, const char *text, int64_t *ret_ms, struct err *err)
{
        static const int64_t by_day[] = {3600, 60, 1}, by_minute[][3] = {{60}, {60, 1}, {3600, 60, 1}};
        int64_t parts[PARTS_MAX], days = 0, seconds = 0;
        const char *dash = strchr(text, '-'), *p = text;
        int n;

        if (strcasecmp(text, "UNLIMITED") == 0 || strcasecmp(text, "INFINITE") == 0 ||
            strcmp(text, "-1") == 0) {
                *ret_ms = -1;
                return 0;
        }
        if (dash && (!take_int(&p, &days) || p != dash))
                return err_set(err, ERR_BAD_INPUT, "%s: \"%.60s\" is no time", what, text);
        n = take_clock(dash ? dash + 1 : text, parts);
        if (n < 1 || n > 3)
                return err_set(err, ERR_BAD_INPUT,
                               "%s: \"%.60s\" is no time: minutes, minutes:seconds, hours:minutes:seconds, "
                               "days-hours, days-hours:minutes or days-hours:minutes:seconds",
                               what, text);
        for (int i = 0; i < n; i++)
                seconds += parts[i] * (dash ? by_day[i] : by_minute[n - 1][i]);
        *ret_ms = (days * 86400 + seconds) * 1000;
        return *ret_ms > 0 ? 0 : (*ret_ms = -1, 0);
}

int sbatch_size(const char *what, const char *text, int64_t *ret_bytes, struct err *err)
{
        static const char units[] = "KMGT";
        const char *p = text, *unit;
        int64_t n;
        int shift = 20;

        if (!take_int(&p, &n))
                return err_set(err, ERR_BAD_INPUT, "%s: \"%.60s\" is no size: 4000 (MiB), 512K, 4G", what,
                               text);
        if (*p) {
                unit = strchr(units, *p >= 'a' ? *p - 'a' + 'A' : *p);
                shift = unit ? (int)(unit - units + 1) * 10 : 0;
                p += unit ? 1 : 0;
                p += unit && (*p == 'B' || *p == 'b') ? 1 : 0;
        }
        if (*p || !shift || n > INT64_MAX >> shift)
                return err_set(err, ERR_BAD_INPUT, "%s: \"%.60s\" is no size: 4000 (MiB), 512K, 4G", what,
                               text);
        *ret_bytes = n << shift;
        return 0;
}

/* ---- moments ----------------------------------------------------------------------------------------------
 */

static int no_moment(const char *what, const char *text, struct err *err)
{
        return err_set(err, ERR_BAD_INPUT,
                       "%s: \"%.60s\" is no moment: 2030-12-01T07:00:00, 07:30 or now+2hours", what, text);
}

/* "+2hours" */
static bool take_offset(const char *p, int64_t *ret_ms)
{
        static const struct {
                const char *name;
                int64_t seconds;
        } units[] = {{"second", 1}, {"minute", 60}, {"hour", 3600}, {"day", 86400}, {"week", 604800}};
        int64_t n;

        if (!take_int(&p, &n))
                return false;
        if (!*p) {
                *ret_ms = n * 1000;
                return true;
        }
        for (size_t i = 0; i < ARRAY_LEN(units); i++) {
                size_t k = strlen(units[i].name);

                if (strncasecmp(p, units[i].name, k) == 0 && (!p[k] || strcasecmp(p + k, "s") == 0)) {
                        *ret_ms = n * units[i].seconds * 1000;
                        return true;
                }
        }
        return false;
}

/* The moment that a calendar and a clock show, here or where the script comes from. */
static time_t moment_of(const struct script_origin *from, struct tm *tm)
{
        return from->has_zone ? timegm(tm) - (time_t)from->zone_min * 60 : mktime(tm);
}

static void calendar_of(const struct script_origin *from, time_t now, struct tm *ret)
{
        time_t there = now + (time_t)from->zone_min * 60;

        if (from->has_zone)
                gmtime_r(&there, ret);
        else
                localtime_r(&now, ret);
}

int sbatch_moment(const char *what, const char *text, const struct script_origin *from, int64_t *ret_ms,
                  struct err *err)
{
        static const char *const dates[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d", "%H:%M:%S",
                                            "%H:%M"};
        time_t now = (time_t)(from->now_ms / 1000), then;
        int64_t offset = 0;

        if (strncasecmp(text, "now", 3) == 0) {
                if (text[3] && (text[3] != '+' || !take_offset(text + 4, &offset)))
                        return no_moment(what, text, err);
                *ret_ms = from->now_ms + offset;
                return 0;
        }
        for (size_t i = 0; i < ARRAY_LEN(dates); i++) {
                struct tm tm = {.tm_isdst = -1};
                const char *end;

                if (dates[i][1] == 'H')
                        calendar_of(from, now, &tm);
                tm.tm_sec = 0;
                end = strptime(text, dates[i], &tm);
                if (!end || *end)
                        continue;
                tm.tm_isdst = -1;
                then = moment_of(from, &tm);
                /* A time of the day that is over is tomorrow's. */
                if (dates[i][1] == 'H' && then <= now) {
                        tm.tm_mday++;
                        tm.tm_isdst = -1;
                        then = moment_of(from, &tm);
                }
                *ret_ms = (int64_t)then * 1000;
                return 0;
        }
        return no_moment(what, text, err);
}

/* ---- file names -------------------------------------------------------------------------------------------
 */

/* What stands for a letter behind "%"; NULL: nothing of ours. */
static const char *letter_text(char letter, bool array)
{
        switch (letter) {
        case 'A':
                return "job";
        case 'a':
                return array ? "task" : NO_TASK;
        case 'j':
        case 'J':
                return "job";
        case 'N':
                return "host";
        case 'u':
                return "user";
        case 'x':
                return "name";
        case 'n':
        case 't':
        case 's':
                return "0";
        default:
                return NULL;
        }
}

static void put_letter(struct buf *b, char letter, int64_t digits, bool array)
{
        const char *text = letter_text(letter, array);
        bool number = strcmp(text, "job") == 0 || strcmp(text, "task") == 0;

        if (letter == 's')
                buf_text(b, "batch");
        else if (text[0] >= '0' && text[0] <= '9')
                buf_printf(b, "%0*lld", digits ? (int)digits : 1, strtoll(text, NULL, 10));
        else if (number && digits)
                buf_printf(b, "{%s:%d}", text, (int)digits);
        else
                buf_printf(b, "{%s}", text);
        /* What sbatch calls a job is a task here, and has no number of its own. */
        if ((letter == 'j' || letter == 'J') && array)
                buf_text(b, "_{task}");
}

char *sbatch_pattern(const char *pattern, bool array, struct err *err)
{
        bool literal = strchr(pattern, '\\'); /* one anywhere switches all names off, and is dropped */
        struct buf b;
        char *ret;

        buf_init(&b, 64u << 10);
        for (const char *p = pattern; *p; p++) {
                const char *at = p + 1;
                int64_t digits = 0;

                if (*p == '{') {
                        buf_text(&b, "{{");
                        continue;
                }
                if (*p == '\\')
                        continue;
                if (*p != '%' || !p[1] || literal) {
                        buf_put(&b, p, 1);
                        continue;
                }
                if (*at == '%') {
                        buf_text(&b, "%");
                        p++;
                        continue;
                }
                (void)take_int(&at, &digits);
                if (!letter_text(*at, array) || digits > DIGITS_MAX) {
                        buf_release(&b);
                        err_set(err, ERR_BAD_INPUT,
                                "\"%.60s\": names of files may hold %%A %%a %%j %%J %%N %%n %%s %%t %%u %%x "
                                "and %%%%",
                                pattern);
                        return NULL;
                }
                put_letter(&b, *at, digits, array);
                p = at;
        }
        ret = xstrdup(buf_cstr(&b));
        buf_release(&b);
        return ret;
}
