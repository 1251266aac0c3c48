/* SPDX-License-Identifier: Apache-2.0 */
/* When a direct way that failed is tried again. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "remote/ways.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

static void what_failed_is_left_alone_for_longer_each_time(void **state)
{
        struct ways w = {0};
        uint8_t key[16];
        char why[300];
        int64_t now = 1000, pause = WAYS_PAUSE_MS;

        (void)state;
        way_key("a", "b", NULL, 0, NULL, key);
        assert_true(ways_may_try(&w, key, now, why, sizeof why));
        for (int i = 0; i < 12; i++) {
                ways_failed(&w, key, now, "refused");
                assert_false(ways_may_try(&w, key, now + pause - 1, why, sizeof why));
                assert_non_null(strstr(why, "refused"));
                assert_true(ways_may_try(&w, key, now + pause, why, sizeof why));
                now += pause;
                pause = 2 * pause < WAYS_PAUSE_MAX ? 2 * pause : WAYS_PAUSE_MAX;
        }
        ways_worked(&w, key);
        ways_failed(&w, key, now, "refused");
        assert_true(ways_may_try(&w, key, now + WAYS_PAUSE_MS, why, sizeof why));
}

static void another_end_or_other_settings_are_another_way(void **state)
{
        static const struct {
                const char *from, *to, *host, *keys;
                unsigned port;
        } cases[] = {{"a", "b", NULL, NULL, 0}, {"b", "a", NULL, NULL, 0}, {"a", "b", "h", NULL, 0},
                     {"a", "b", NULL, "h", 0},  {"a", "b", NULL, NULL, 1}, {"ab", "", NULL, NULL, 0}};
        struct ways w = {0};
        uint8_t key[16];
        char why[300];

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                way_key(cases[i].from, cases[i].to, cases[i].host, cases[i].port, cases[i].keys, key);
                assert_true(ways_may_try(&w, key, 5, why, sizeof why));
                ways_failed(&w, key, 5, "x");
                assert_false(ways_may_try(&w, key, 5, why, sizeof why));
        }
}

static void memory_is_bounded_and_keeps_the_newest(void **state)
{
        struct ways w = {0};
        uint8_t key[16];
        char why[300], name[16];

        (void)state;
        for (int i = 0; i < 3 * WAYS_MAX; i++) {
                snprintf(name, sizeof name, "s%d", i);
                way_key(name, "b", NULL, 0, NULL, key);
                ways_failed(&w, key, i, "x");
        }
        for (int i = 0; i < 3 * WAYS_MAX; i++) {
                snprintf(name, sizeof name, "s%d", i);
                way_key(name, "b", NULL, 0, NULL, key);
                assert_int_equal(ways_may_try(&w, key, 3 * WAYS_MAX, why, sizeof why), i < 2 * WAYS_MAX);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(what_failed_is_left_alone_for_longer_each_time),
            cmocka_unit_test(another_end_or_other_settings_are_another_way),
            cmocka_unit_test(memory_is_bounded_and_keeps_the_newest),
        };

        return sodium_init() < 0 ? 1 : cmocka_run_group_tests_name("direct ways", tests, NULL, NULL);
}
