/* SPDX-License-Identifier: Apache-2.0 */
#include "common/num.h"
#include "common/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define UNTOUCHED INT64_C(-77)
#define BAD       INT64_C(-78) /* the row must be refused */

struct number_case {
        const char *in;
        int64_t out;
};

typedef int reader(const char *what, const char *s, int64_t *ret, struct err *err);

static void check_row(reader *read, const struct number_case *c)
{
        struct err err = {0};
        int64_t v = UNTOUCHED;
        int r = read("field", c->in, &v, &err);

        if (c->out == BAD) {
                if (r != -1 || v != UNTOUCHED || err.code != ERR_BAD_INPUT ||
                    strncmp(err.text, "field: \"", 8) != 0)
                        fail_msg("\"%s\": gave %d, %lld, \"%s\"", c->in, r, (long long)v, err.text);
        } else if (r != 0 || v != c->out) {
                fail_msg("\"%s\": gave %d, %lld, \"%s\"; wanted %lld", c->in, r, (long long)v, err.text,
                         (long long)c->out);
        }
}

#define CHECK_ROWS(read, rows)                                                                               \
        for (size_t i_ = 0; i_ < ARRAY_LEN(rows); i_++)                                                      \
        check_row(read, &(rows)[i_])

static int read_int_m5_1000(const char *what, const char *s, int64_t *ret, struct err *err)
{
        return num_int(what, s, -5, 1000, ret, err);
}

static int read_int_any(const char *what, const char *s, int64_t *ret, struct err *err)
{
        return num_int(what, s, INT64_MIN + 1, INT64_MAX, ret, err);
}

static void whole_numbers_are_read_strictly_and_within_bounds(void **unused)
{
        static const struct number_case bounded[] = {
            {"0", 0},          {"-0", 0},
            {"-5", -5},        {"1000", 1000},
            {"007", 7},        {"-6", BAD},
            {"1001", BAD},     {"", BAD},
            {"-", BAD},        {"+1", BAD},
            {" 1", BAD},       {"1 ", BAD},
            {"1.0", BAD},      {"0x10", BAD},
            {"1e2", BAD},      {"--1", BAD},
            {"1-", BAD},       {"1\n", BAD},
            {"one", BAD},      {NULL, BAD},
            {"\xd9\xa1", BAD}, {"99999999999999999999999", BAD},
        };
        static const struct number_case any[] = {
            {"9223372036854775807", INT64_MAX}, {"-9223372036854775807", -INT64_MAX},
            {"9223372036854775808", BAD},       {"-9223372036854775808", BAD},
            {"18446744073709551617", BAD},      {"00000000000000000000000000000001", 1},
        };

        (void)unused;
        CHECK_ROWS(read_int_m5_1000, bounded);
        CHECK_ROWS(read_int_any, any);
}

static void sizes_take_binary_units_in_any_usual_spelling(void **unused)
{
        static const struct number_case rows[] = {
            {"0", 0},
            {"512", 512},
            {"512B", 512},
            {"512b", 512},
            {"1K", 1024},
            {"1k", 1024},
            {"1KB", 1024},
            {"1KiB", 1024},
            {"1 KiB", 1024},
            {"300M", 314572800},
            {"1.5G", 1610612736},
            {"2GiB", 2147483648},
            {"2GB", 2147483648},
            {"0.5K", 512},
            {"1.0000000001K", 1024},
            {"3T", INT64_C(3) << 40},
            {"1P", INT64_C(1) << 50},
            {"7E", INT64_C(7) << 60},
            {"7.9E", INT64_C(9108079886394091110)},
            {"9223372036854775807", INT64_MAX},
            {"8E", BAD},
            {"9223372036854775808", BAD},
            {"9999999999999999999G", BAD},
            {"9007199254740992K", BAD},
            {"", BAD},
            {" ", BAD},
            {"G", BAD},
            {"-1", BAD},
            {"-1G", BAD},
            {"1.5", BAD},
            {"1.5B", BAD},
            {"1.G", BAD},
            {".5G", BAD},
            {"1,5G", BAD},
            {"1GG", BAD},
            {"1iB", BAD},
            {"1Gi", BAD},
            {"1GBs", BAD},
            {"1  G", BAD},
            {"1 ", BAD},
            {"1G ", BAD},
            {"0x10", BAD},
            {"1e3", BAD},
            {"1Z", BAD},
            {NULL, BAD},
        };

        (void)unused;
        CHECK_ROWS(num_size, rows);
}

static void durations_take_units_plain_seconds_and_clock_forms(void **unused)
{
        static const struct number_case rows[] = {
            {"0", 0},
            {"90", 90000},
            {"90s", 90000},
            {"1.5", 1500},
            {"4.2s", 4200},
            {"0.0005s", 0},
            {"250ms", 250},
            {"15m", 900000},
            {"90m", 5400000},
            {"2h30m", 9000000},
            {"2h05m", 7500000},
            {"3m12s", 192000},
            {"1d", 86400000},
            {"3d04h", 273600000},
            {"1d2h3m4s5ms", 93784005},
            {"1h1s", 3601000},
            {"1.5h", 5400000},
            {"1h1.5m", 3690000},
            {"01:30:00", 5400000},
            {"00:00:01", 1000},
            {"100:00:00", 360000000},
            {"2-00:00:00", 172800000},
            {"1-23:59:59", 172799000},
            {"36500d", INT64_C(3153600000000)},
            {"36501d", BAD},
            {"876001h", BAD},
            {"99999999999999999999", BAD},
            {"9223372036854775807s", BAD},
            {"9223372036854775807d", BAD},
            {"", BAD},
            {"s", BAD},
            {"-1s", BAD},
            {"1 h", BAD},
            {" 1h", BAD},
            {"1h ", BAD},
            {"1H", BAD},
            {"1w", BAD},
            {"1h2h", BAD},
            {"1m2h", BAD},
            {"1.5h2m", BAD},
            {"2h30", BAD},
            {"1h-2m", BAD},
            {"01:30", BAD},
            {"01:60:00", BAD},
            {"01:00:60", BAD},
            {"1:2:3", BAD},
            {"1-24:00:00", BAD},
            {"1-1:00", BAD},
            {"01:30:00s", BAD},
            {"01:30:00.5", BAD},
            {"inf", BAD},
            {"1e3", BAD},
            {NULL, BAD},
        };

        (void)unused;
        CHECK_ROWS(num_duration, rows);
}

static void times_need_a_date_and_a_zone(void **unused)
{
        static const struct number_case rows[] = {
            {"1970-01-01T00:00:00Z", 0},
            {"1970-01-01T00:00:00.001Z", 1},
            {"1969-12-31T23:59:59.999Z", -1},
            {"2000-02-29T12:00:00Z", INT64_C(951825600000)},
            {"2026-11-21T07:00:00Z", INT64_C(1795244400000)},
            {"2026-11-21T07:00:00.5Z", INT64_C(1795244400500)},
            {"2026-11-21T07:00:00.1239999Z", INT64_C(1795244400123)},
            {"2026-11-21T08:00:00+01:00", INT64_C(1795244400000)},
            {"2026-11-21T01:30:00-05:30", INT64_C(1795244400000)},
            {"2026-11-21T07:00:00-00:00", INT64_C(1795244400000)},
            {"2026-11-21t07:00:00z", INT64_C(1795244400000)},
            {"2026-11-21 07:00:00Z", INT64_C(1795244400000)},
            {"0000-01-01T00:00:00Z", INT64_C(-62167219200000)},
            {"0000-03-01T00:00:00Z", INT64_C(-62162035200000)},
            {"9999-12-31T23:59:59.999Z", INT64_C(253402300799999)},
            {"2026-11-21T07:00:00", BAD},
            {"2026-11-21", BAD},
            {"2026-11-21T07:00Z", BAD},
            {"2026-11-21T07:00:00+0100", BAD},
            {"2026-11-21T07:00:00+01", BAD},
            {"2026-11-21T07:00:00+24:00", BAD},
            {"2026-11-21T07:00:00+01:60", BAD},
            {"2026-11-21T07:00:00.Z", BAD},
            {"2026-11-21T07:00:00Zx", BAD},
            {"2026-11-21T07:00:00Z ", BAD},
            {" 2026-11-21T07:00:00Z", BAD},
            {"2026-11-21T24:00:00Z", BAD},
            {"2026-11-21T07:60:00Z", BAD},
            {"2026-11-21T07:00:60Z", BAD},
            {"2026-02-29T00:00:00Z", BAD},
            {"1900-02-29T00:00:00Z", BAD},
            {"2026-13-01T00:00:00Z", BAD},
            {"2026-00-01T00:00:00Z", BAD},
            {"2026-01-00T00:00:00Z", BAD},
            {"2026-04-31T00:00:00Z", BAD},
            {"2026-1-1T00:00:00Z", BAD},
            {"26-11-21T07:00:00Z", BAD},
            {"+2026-11-21T07:00:00Z", BAD},
            {"2026/11/21T07:00:00Z", BAD},
            {"tomorrow", BAD},
            {"1795244400", BAD},
            {"", BAD},
            {NULL, BAD},
        };

        (void)unused;
        CHECK_ROWS(num_time, rows);
}

static void times_agree_with_the_c_library_and_come_back_as_printed(void **unused)
{
        char buf[32];

        (void)unused;
        /* A step that meets every day of the year and every hour, over the years 1 to 9999. */
        for (int64_t s = INT64_C(-62135596800); s < INT64_C(253402300799); s += 8637743 * INT64_C(3) + 1) {
                int64_t ms = s * 1000 + (s % 1000 + 1000) % 1000, back;
                time_t t = (time_t)s;
                struct tm tm;
                char want[96];

                assert_non_null(gmtime_r(&t, &tm));
                snprintf(want, sizeof want, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
                         tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                         (int)((s % 1000 + 1000) % 1000));
                assert_string_equal(num_format_time(ms, buf), want);
                assert_int_equal(num_time("t", buf, &back, NULL), 0);
                assert_int_equal(back, ms);
        }
        assert_string_equal(num_format_time(INT64_MAX, buf), "9999-12-31T23:59:59.999Z");
        assert_string_equal(num_format_time(INT64_MIN, buf), "0000-01-01T00:00:00.000Z");
}

static void sizes_and_durations_print_short(void **unused)
{
        static const struct {
                int64_t v;
                const char *text;
        } sizes[] =
            {
                {0, "0 B"},
                {1, "1 B"},
                {1023, "1023 B"},
                {1024, "1 KiB"},
                {1536, "1.5 KiB"},
                {1048575, "1 MiB"},
                {1048576, "1 MiB"},
                {1610612736, "1.5 GiB"},
                {-1536, "-1.5 KiB"},
                {10188, "9.9 KiB"},
                {1048524, "1023.9 KiB"},
                {INT64_MAX, "8 EiB"},
                {INT64_MIN, "-8 EiB"},
            },
          durations[] = {
              {0, "0ms"},
              {250, "250ms"},
              {999, "999ms"},
              {1000, "1.0s"},
              {4200, "4.2s"},
              {59999, "59.9s"},
              {60000, "1m00s"},
              {192000, "3m12s"},
              {3599999, "59m59s"},
              {7500000, "2h05m"},
              {86399999, "23h59m"},
              {86400000, "1d00h"},
              {273600000, "3d04h"},
              {-4200, "-4.2s"},
              {INT64_MAX, "106751991167d07h"},
              {INT64_MIN, "-106751991167d07h"},
          };
        char buf[32];

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
                assert_string_equal(num_format_size(sizes[i].v, buf), sizes[i].text);
        for (size_t i = 0; i < ARRAY_LEN(durations); i++)
                assert_string_equal(num_format_duration(durations[i].v, buf), durations[i].text);
}

/* What is printed is read back to within what the print left out. */
static void printed_sizes_and_durations_read_back(void **unused)
{
        uint64_t x = 88172645463325252ULL;
        char buf[32];

        (void)unused;
        for (int i = 0; i < 20000; i++) {
                int64_t v, back = -1, error;

                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                v = (int64_t)(x >> (1 + x % 62));
                if (v < INT64_C(7) << 60) {
                        assert_int_equal(num_size("s", num_format_size(v, buf), &back, NULL), 0);
                        error = back > v ? back - v : v - back;
                        if (error > v / 20)
                                fail_msg("%lld printed %s", (long long)v, buf);
                }
                v %= INT64_C(3153600000000);
                assert_int_equal(num_duration("d", num_format_duration(v, buf), &back, NULL), 0);
                if (back > v || v - back > (v < 1000 ? 0 : v < 60000 ? 100 : v / 24))
                        fail_msg("%lld printed %s", (long long)v, buf);
        }
}

static void names_are_lower_case_short_and_harmless(void **unused)
{
        static const char *const good[] = {
            "a",      "0",      "alpha", "a-b.c_d",
            "job-12", "9lives", "a--b",  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
        static const char *const bad[] = {
            "",     "-a",
            ".a",   "..",
            "_a",   "A",
            "a b",  "a/b",
            "../x", "a\n",
            "a\"",  "\xc3\xa9",
            "a:b",  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            NULL};

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(good); i++) {
                assert_true(name_is_valid(good[i]));
                assert_int_equal(name_check("site", good[i], NULL), 0);
        }
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                struct err err = {0};

                assert_false(name_is_valid(bad[i]));
                assert_int_equal(name_check("site", bad[i], &err), -1);
                assert_int_equal(err.code, ERR_BAD_INPUT);
        }
}

static void array_ranges_have_bounds_and_a_throttle(void **unused)
{
        static const struct {
                const char *in;
                bool good;
                struct range want;
        } rows[] = {
            {"1-1000", true, {1, 1000, 0}},
            {"1-1000000%500", true, {1, 1000000, 500}},
            {"0-0", true, {0, 0, 0}},
            {"7", true, {7, 7, 0}},
            {"7%2", true, {7, 7, 2}},
            {"1-10000000", true, {1, 10000000, 0}},
            {"1999999999-2000000000", true, {1999999999, 2000000000, 0}},
            {"1-10000001", false, {0}},
            {"0-10000000", false, {0}},
            {"5-4", false, {0}},
            {"1-2000000001", false, {0}},
            {"99999999999999999999", false, {0}},
            {"", false, {0}},
            {"-5", false, {0}},
            {"1-", false, {0}},
            {"1-2%", false, {0}},
            {"1-2%0", false, {0}},
            {"1-2%-1", false, {0}},
            {"1-2-3", false, {0}},
            {"1,2", false, {0}},
            {"1-2:2", false, {0}},
            {" 1-2", false, {0}},
            {"1 - 2", false, {0}},
            {"1-2 ", false, {0}},
            {"a-b", false, {0}},
            {NULL, false, {0}},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct range r = {-1, -1, -1};
                struct err err = {0};
                int rc = num_range("array", rows[i].in, &r, &err);

                if (rc != (rows[i].good ? 0 : -1))
                        fail_msg("\"%s\": %s", rows[i].in, err.text);
                if (rows[i].good)
                        assert_memory_equal(&r, &rows[i].want, sizeof r);
                else
                        assert_true(r.first == -1 && err.code == ERR_BAD_INPUT);
        }
}

static void references_name_a_job_a_task_or_an_attempt(void **unused)
{
        static const struct {
                const char *in;
                bool good;
                struct ref want;
        } rows[] = {
            {"1234", true, {1234, -1, -1}},
            {"1234.7", true, {1234, 7, -1}},
            {"1234.0#1", true, {1234, 0, 1}},
            {"1234.7#2", true, {1234, 7, 2}},
            {"9223372036854775807", true, {INT64_MAX, -1, -1}},
            {"0", false, {0}},
            {"", false, {0}},
            {"-1", false, {0}},
            {"1.", false, {0}},
            {"1.x", false, {0}},
            {"1#2", false, {0}},
            {"1.2#", false, {0}},
            {"1.2#0", false, {0}},
            {"1.2#3#4", false, {0}},
            {"1.2.3", false, {0}},
            {"1.2000000001", false, {0}},
            {"1.2#2147483648", false, {0}},
            {"9223372036854775808", false, {0}},
            {" 1", false, {0}},
            {"1 ", false, {0}},
            {"last", false, {0}},
            {NULL, false, {0}},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct ref r = {-9, -9, -9};
                int rc = num_ref("job", rows[i].in, &r, NULL);

                if (rc != (rows[i].good ? 0 : -1))
                        fail_msg("\"%s\": %d", rows[i].in, rc);
                if (rows[i].good)
                        assert_memory_equal(&r, &rows[i].want, sizeof r);
                else
                        assert_int_equal(r.job, -9);
        }
}

static void messages_name_the_field_and_show_no_raw_bytes(void **unused)
{
        struct err err;
        int64_t v;
        char huge[5000];

        (void)unused;
        num_size("memory", "12 parsecs", &v, &err);
        assert_string_equal(
            err.text, "memory: \"12 parsecs\" is not a size like \"512\", \"300M\", \"1.5G\" or \"2GiB\"");
        num_int("cpus", "\x1b[31m\n\xff", 1, 9, &v, &err);
        assert_string_equal(err.text, "cpus: \"?[31m??\" is not a whole number from 1 to 9");
        memset(huge, 'a', sizeof huge - 1);
        huge[sizeof huge - 1] = '\0';
        num_duration("time", huge, &v, &err);
        assert_non_null(strstr(err.text, "aaa...\" is not a duration"));
}

static void hex_goes_both_ways_and_wants_the_exact_length(void **unused)
{
        uint8_t bytes[] = {0x00, 0x7f, 0x80, 0xff}, back[4] = {9, 9, 9, 9};
        static const char *const bad[] = {"",         "007f80f",  "007f80ff0", "007f80fg",
                                          "0x7f80ff", " 07f80ff", NULL};
        char text[9];

        (void)unused;
        hex_encode(bytes, 4, text);
        assert_string_equal(text, "007f80ff");
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                assert_int_equal(hex_decode(bad[i], back, 4), -1);
                assert_int_equal(back[0], 9);
        }
        assert_int_equal(hex_decode("007F80fF", back, 4), 0);
        assert_memory_equal(bytes, back, 4);
        assert_int_equal(hex_decode("", back, 0), 0);
}

static void secrets_compare_equal_only_when_every_byte_is(void **unused)
{
        uint8_t a[32] = {0}, b[32] = {0};

        (void)unused;
        assert_true(bytes_equal_secret(a, b, sizeof a));
        for (size_t i = 0; i < 8 * sizeof a; i++) {
                b[i / 8] ^= (uint8_t)(1U << (i % 8));
                assert_false(bytes_equal_secret(a, b, sizeof a));
                b[i / 8] ^= (uint8_t)(1U << (i % 8));
        }
        assert_true(bytes_equal_secret(a, b, 0));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(whole_numbers_are_read_strictly_and_within_bounds),
            cmocka_unit_test(sizes_take_binary_units_in_any_usual_spelling),
            cmocka_unit_test(durations_take_units_plain_seconds_and_clock_forms),
            cmocka_unit_test(times_need_a_date_and_a_zone),
            cmocka_unit_test(times_agree_with_the_c_library_and_come_back_as_printed),
            cmocka_unit_test(sizes_and_durations_print_short),
            cmocka_unit_test(printed_sizes_and_durations_read_back),
            cmocka_unit_test(names_are_lower_case_short_and_harmless),
            cmocka_unit_test(array_ranges_have_bounds_and_a_throttle),
            cmocka_unit_test(references_name_a_job_a_task_or_an_attempt),
            cmocka_unit_test(messages_name_the_field_and_show_no_raw_bytes),
            cmocka_unit_test(hex_goes_both_ways_and_wants_the_exact_length),
            cmocka_unit_test(secrets_compare_equal_only_when_every_byte_is),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
