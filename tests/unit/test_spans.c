/* SPDX-License-Identifier: Apache-2.0 */
#include "common/spans.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void ranges_that_touch_become_one(void **unused)
{
        static const struct {
                int32_t add[4][2];
                int n;
                const char *want;
        } cases[] = {
            {{{0, 5}}, 1, "{[0,5)}"},
            {{{0, 5}, {5, 7}}, 2, "{[0,7)}"},
            {{{5, 7}, {0, 5}}, 2, "{[0,7)}"},
            {{{0, 2}, {4, 6}, {2, 4}}, 3, "{[0,6)}"},
            {{{0, 2}, {4, 6}, {8, 9}, {1, 9}}, 4, "{[0,9)}"},
            {{{8, 9}, {4, 6}, {0, 2}}, 3, "{[0,2),[4,6),[8,9)}"},
            {{{4, 6}, {4, 6}, {5, 5}}, 3, "{[4,6)}"},
        };

        (void)unused;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct spans s = {0}, again = {0};
                char *text;

                for (int k = 0; k < cases[i].n; k++)
                        spans_add(&s, cases[i].add[k][0], cases[i].add[k][1]);
                text = spans_text(&s);
                assert_string_equal(text, cases[i].want);
                assert_int_equal(spans_parse(text, &again), 0);
                assert_int_equal(spans_count(&again), spans_count(&s));
                free(text);
                spans_release(&s);
                spans_release(&again);
        }
}

static void it_agrees_with_a_plain_set(void **unused)
{
        unsigned seed = 7;

        (void)unused;
        for (int round = 0; round < 300; round++) {
                struct spans s = {0};
                unsigned char set[64] = {0};
                int count = 0;

                for (int k = 0; k < 12; k++) {
                        int from = (int)((seed = seed * 1103515245 + 12345) >> 16) % 60;
                        int to = from + (int)((seed = seed * 1103515245 + 12345) >> 16) % 4;

                        spans_add(&s, from, to);
                        memset(set + from, 1, (size_t)(to - from));
                }
                for (int i = 0; i < 64; i++)
                        count += set[i];
                assert_int_equal(spans_count(&s), count);
                for (int from = 0; from < 60; from++) {
                        for (int to = from; to < 64; to++)
                                assert_int_equal(spans_has(&s, from, to),
                                                 !memchr(set + from, 0, (size_t)(to - from)));
                }
                spans_release(&s);
        }
}

static void what_is_no_set_is_refused(void **unused)
{
        static const char *const texts[] = {
            "", "{", "[0,1)", "{[0,1]}", "{[0,1)", "{[0,99999999999)}", "{[0,1),}x"};
        struct spans s = {0};

        (void)unused;
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
                assert_int_equal(spans_parse(texts[i], &s), -1);
        assert_int_equal(spans_parse("{}", &s), 0);
        assert_int_equal(spans_parse(NULL, &s), 0);
        assert_int_equal(s.n, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(ranges_that_touch_become_one),
            cmocka_unit_test(it_agrees_with_a_plain_set),
            cmocka_unit_test(what_is_no_set_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
