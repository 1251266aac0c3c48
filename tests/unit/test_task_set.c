/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays as lists: read, joined, asked, written. */
#include "common/num.h"
#include "common/task_set.h"
#include "common/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void assert_text(const struct task_set *s, const char *want)
{
        struct buf b;

        buf_init(&b, TASK_TEXT_MAX);
        task_set_write(&b, s);
        assert_string_equal(buf_cstr(&b), want);
        buf_release(&b);
}

static void lists_are_joined_and_sorted(void **unused)
{
        static const struct {
                const char *in, *text;
                int32_t count;
                int64_t throttle;
        } rows[] = {
            {"7", "7", 1, 0},
            {"0-3", "0-3", 4, 0},
            {"1,5,7-100:3%20", "1,5,7-100:3", 34, 20},
            {"1-1000%50", "1-1000", 1000, 50},
            {"0-15:4", "0-12:4", 4, 0},
            {"1-1:5", "1", 1, 0},
            {"3-5:9", "3", 1, 0},
            {"9,1,5", "1,5,9", 3, 0},
            {"1,2,3,4", "1-4", 4, 0},
            {"1-5,3-9", "1-9", 9, 0},
            {"1-5,6-9", "1-9", 9, 0},
            {"1,1,1", "1", 1, 0},
            {"1-9:2,2-8:2", "1-9", 9, 0},
            {"1-9:2,5", "1-9:2", 5, 0},
            {"1-9:2,4", "1,3-5,7,9", 6, 0},
            {"10-20,1-3", "1-3,10-20", 14, 0},
            {"1-3,4,8-9", "1-4,8-9", 6, 0},
            {"1999999999-2000000000", "1999999999-2000000000", 2, 0},
            {"1-10000000", "1-10000000", 10000000, 0},
            {"1,10000000", "1,10000000", 2, 0},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct task_set *s;
                struct err err;
                int64_t throttle = -1;

                if (task_set_parse("array", rows[i].in, &s, &throttle, &err) < 0)
                        fail_msg("%s: %s", rows[i].in, err.text);
                assert_text(s, rows[i].text);
                assert_int_equal(s->count, rows[i].count);
                assert_int_equal(throttle, rows[i].throttle);
                assert_int_equal(task_set_is_range(s), (int64_t)s->last - s->first + 1 == s->count);
                task_set_free(s);
        }
}

static void other_lists_are_refused(void **unused)
{
        static const char *const rows[] = {
            "",
            "-",
            "1-",
            "-1",
            "a",
            "1,",
            ",1",
            "1,,2",
            "1 ,2",
            " 1",
            "1 ",
            "2-1",
            "1-5:",
            "1-5:0",
            "1-5:-1",
            "1:2",
            "1%",
            "1%0",
            "1%-1",
            "1%5%5",
            "1%5,2",
            "1-5:2:2",
            "2000000001",
            "99999999999999999999",
            "1-2000000001",
            "0-10000000",
            "1,10000001",
            "1-6000000,1-6000000",
            "1-0x5",
            "[1-5]",
            "1-5%1a",
            "1-9;2",
            NULL,
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct task_set *s = NULL;
                struct err err = {0};
                int64_t throttle = -1;

                if (task_set_parse("array", rows[i], &s, &throttle, &err) == 0)
                        fail_msg("\"%s\" was accepted", rows[i] ? rows[i] : "(null)");
                assert_null(s);
                assert_int_equal(throttle, -1);
                assert_int_equal(err.code, ERR_BAD_INPUT);
                assert_int_equal(strncmp(err.text, "array: \"", 8), 0);
        }
}

static void a_throttle_is_refused_where_none_is_wanted(void **unused)
{
        struct task_set *s = NULL;
        struct err err;

        (void)unused;
        assert_int_equal(task_set_parse("array", "1-5%2", &s, NULL, &err), -1);
        assert_int_equal(task_set_parse("array", "1-5:2", &s, NULL, &err), 0);
        task_set_free(s);
}

static void a_list_of_too_many_parts_is_refused(void **unused)
{
        struct task_set *s = NULL;
        struct err err;
        struct buf b;

        (void)unused;
        for (int parts = TASK_PARTS_MAX; parts <= TASK_PARTS_MAX + 1; parts++) {
                int32_t *tasks = xcalloc((size_t)parts, sizeof *tasks), at = 0;
                int rc = parts == TASK_PARTS_MAX ? 0 : -1;

                buf_init(&b, TASK_TEXT_MAX);
                for (int i = 0; i < parts; i++) {
                        at += 2 + i % 2 * 3;
                        tasks[i] = at;
                        buf_printf(&b, "%s%d", i ? "," : "", (int)at);
                }
                assert_int_equal(task_set_parse("array", buf_cstr(&b), &s, NULL, &err), rc);
                if (rc == 0) {
                        assert_int_equal(s->count, parts);
                        task_set_free(s);
                }
                assert_int_equal(task_set_of(tasks, (size_t)parts, &s, &err), rc);
                if (rc == 0)
                        task_set_free(s);
                else
                        assert_int_equal(err.code, ERR_LIMIT);
                buf_release(&b);
                free(tasks);
        }
}

static uint64_t seed;

static uint32_t any(uint32_t below)
{
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        return (uint32_t)(seed >> 33) % below;
}

enum { STRIP = 300 };

/* A random list, and the numbers it names. */
static void make_list(char *text, size_t max, bool on[STRIP])
{
        int parts = 1 + (int)any(6);
        size_t at = 0;

        memset(on, 0, STRIP);
        for (int i = 0; i < parts; i++) {
                int first = (int)any(STRIP), last = first + (int)any((uint32_t)(STRIP - first)),
                    step = 1 + (int)any(9);

                if (any(4) == 0)
                        last = first;
                at += (size_t)snprintf(text + at, max - at, "%s%d", i ? "," : "", first);
                if (last > first)
                        at += (size_t)snprintf(text + at, max - at, "-%d:%d", last, step);
                for (int t = first; t <= last; t += step)
                        on[t] = true;
        }
}

static void assert_same(const struct task_set *s, const bool on[STRIP], const char *text)
{
        int32_t below = 0;

        for (int t = 0; t < STRIP; t++) {
                if (task_set_has(s, t) != on[t] || task_set_rank(s, t) != below)
                        fail_msg("%s: task %d", text, t);
                if (on[t] && (task_set_at(s, below) != t || task_set_next(s, t) != t))
                        fail_msg("%s: the task of rank %d", text, below);
                if (!on[t] && t < s->last && !on[task_set_next(s, t)])
                        fail_msg("%s: next of %d", text, t);
                below += on[t];
        }
        assert_int_equal(s->count, below);
        assert_int_equal(task_set_next(s, s->last + 1), s->last + 1);
}

static void a_set_answers_as_a_strip_of_bits_would(void **unused)
{
        (void)unused;
        seed = 20261121;
        for (int round = 0; round < 3000; round++) {
                bool on[2][STRIP];
                struct task_set *s[2], *again;
                char text[2][400];
                int32_t tasks[STRIP];
                struct err err;
                struct buf b;
                size_t n = 0;
                bool covers = true;

                for (int k = 0; k < 2; k++) {
                        make_list(text[k], sizeof text[k], on[k]);
                        if (task_set_parse("array", text[k], &s[k], NULL, &err) < 0)
                                fail_msg("%s: %s", text[k], err.text);
                        assert_same(s[k], on[k], text[k]);
                }
                for (int t = 0; t < STRIP; t++) {
                        covers = covers && (on[0][t] || !on[1][t]);
                        if (on[0][t])
                                tasks[n++] = t;
                }
                if (task_set_covers(s[0], s[1]) != covers || !task_set_covers(s[0], s[0]))
                        fail_msg("seed 20261121 round %d: %s covers %s", round, text[0], text[1]);
                assert_int_equal(task_set_of(tasks, n, &again, &err), 0);
                assert_same(again, on[0], text[0]);
                assert_true(task_set_covers(again, s[0]) && task_set_covers(s[0], again));
                task_set_free(again);
                buf_init(&b, TASK_TEXT_MAX);
                task_set_write(&b, s[0]);
                assert_int_equal(task_set_parse("array", buf_cstr(&b), &again, NULL, &err), 0);
                assert_same(again, on[0], text[0]);
                assert_text(again, buf_cstr(&b));
                buf_release(&b);
                task_set_free(again);
                task_set_free(s[0]);
                task_set_free(s[1]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(lists_are_joined_and_sorted),
            cmocka_unit_test(other_lists_are_refused),
            cmocka_unit_test(a_throttle_is_refused_where_none_is_wanted),
            cmocka_unit_test(a_list_of_too_many_parts_is_refused),
            cmocka_unit_test(a_set_answers_as_a_strip_of_bits_would),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
