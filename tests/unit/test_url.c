/* SPDX-License-Identifier: Apache-2.0 */
#include "common/url.h"

#include "common/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void urls_that_mean_what_they_say_are_taken(void **state)
{
        static const char *const good[] = {
            "https://data.example.org/pub/a.gz",
            "http://data.example.org:8080/a",
            "http://[2001:db8::1]:81/a/b",
            "https://10.0.0.1/a%20b?x=1&y=%2e%2e",
            "https://h/",
            "https://h/...",
            "https://h/a..b/.c",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(good); i++)
                assert_int_equal(url_check(good[i], NULL), 0);
}

static void urls_that_programs_read_differently_are_refused(void **state)
{
        static const struct {
                const char *url, *why;
        } bad[] = {
            {"ftp://h/a", "http"},
            {"file:///etc/passwd", "http"},
            {"HTTP://h/a", "http"},
            {"https://h", "no path"},
            {"https:///a", "no host"},
            {"https://user:pw@h/a", "port"},
            {"https://user@h/a", "no host"},
            {"https://Host/a", "no host"},
            {"https://h:0/a", "port"},
            {"https://h:99999/a", "port"},
            {"https://h:/a", "port"},
            {"https://h/pub/../secret", ".."},
            {"https://h/pub/%2e%2E/secret", ".."},
            {"https://h/pub/.%2e", ".."},
            {"https://h/./a", ".."},
            {"https://h/a b", "character"},
            {"https://h/a\nb", "character"},
            {"https://h/a#b", "character"},
            {"https://h/a\\b", "character"},
            {"https://h/a%2", "%"},
            {"https://[::1/a", "no host"},
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                struct err err = {0};

                if (url_check(bad[i].url, &err) == 0)
                        fail_msg("%s was taken", bad[i].url);
                if (!strstr(err.text, bad[i].why))
                        fail_msg("%s: %s", bad[i].url, err.text);
        }
}

static void prefixes_end_with_a_slash(void **state)
{
        (void)state;
        assert_int_equal(url_check_prefix("https://h/pub/", NULL), 0);
        assert_int_equal(url_check_prefix("https://h/", NULL), 0);
        assert_int_equal(url_check_prefix("https://h/pub", NULL), -1);
        assert_int_equal(url_check_prefix("https://h/pub/?a=/", NULL), -1);
        assert_true(url_has_prefix("https://h/pub/a", "https://h/pub/"));
        assert_false(url_has_prefix("https://h/public", "https://h/pub/"));
        assert_false(url_has_prefix("https://h.evil/pub/a", "https://h/"));
}

static void the_name_of_a_file_is_the_last_part(void **state)
{
        static const struct {
                const char *url, *name;
        } cases[] = {
            {"https://h/a/b.gz", "b.gz"}, {"https://h/a%20b?x=/y", "a b"}, {"https://h/a/", NULL},
            {"https://h/a%2fb", NULL},    {"https://h/a%00b", NULL},
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                AUTO_FREE char *name = url_file_name(cases[i].url);

                if (cases[i].name)
                        assert_string_equal(name, cases[i].name);
                else
                        assert_null(name);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(urls_that_mean_what_they_say_are_taken),
            cmocka_unit_test(urls_that_programs_read_differently_are_refused),
            cmocka_unit_test(prefixes_end_with_a_slash),
            cmocka_unit_test(the_name_of_a_file_is_the_last_part),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
