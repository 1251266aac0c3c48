/* SPDX-License-Identifier: Apache-2.0 */
/* Text that differs from task to task. */
#include "common/task_text.h"
#include "common/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const struct task_names names = {{1234, 7, 3}, "a/b", "physics", "alpha", "ann", "node1"};

static void names_in_braces_are_filled_in(void **unused)
{
        static const struct {
                const char *in, *out, *path;
        } rows[] = {
            {"", "", ""},
            {"plain", "plain", "plain"},
            {"{job}_{task}#{attempt}", "1234_7#3", "1234_7#3"},
            {"{task:4}{job:2}", "00071234", "00071234"},
            {"{restart}", "2", "2"},
            {"{name}/{user}@{host}.{site}.{project}", "a/b/ann@node1.alpha.physics",
             "a_b/ann@node1.alpha.physics"},
            {"{{job}", "{job}", "{job}"},
            {"}{{{task}}", "}{7}", "}{7}"},
        };
        char text[100];

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct err err;

                assert_int_equal(task_text_check("x", rows[i].in, &err), 0);
                assert_int_equal(task_text_fill(text, sizeof text, rows[i].in, &names, false),
                                 strlen(rows[i].out));
                assert_string_equal(text, rows[i].out);
                assert_true(task_text_fill(text, sizeof text, rows[i].in, &names, true) >= 0);
                assert_string_equal(text, rows[i].path);
        }
}

static void the_first_attempt_is_no_restart(void **unused)
{
        struct task_names first = names;
        char text[10];

        (void)unused;
        first.key.attempt = 1;
        assert_int_equal(task_text_fill(text, sizeof text, "{restart}", &first, false), 0);
}

static void other_names_are_refused(void **unused)
{
        static const char *const rows[] = {"{",         "{}",       "{tusk}",   "{task",
                                           "{task:}",   "{task:0}", "{task:x}", "{task:20}",
                                           "{task:4x}", "{name:3}", "{Task}",   "a{ task}"};
        char text[100];

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct err err = {0};

                assert_int_equal(task_text_check("x", rows[i], &err), -1);
                assert_int_equal(err.code, ERR_BAD_INPUT);
                assert_int_equal(task_text_fill(text, sizeof text, rows[i], &names, false), -1);
        }
}

static void nothing_is_written_past_the_end(void **unused)
{
        (void)unused;
        for (size_t size = 0; size < 12; size++) {
                char text[16];

                memset(text, 'x', sizeof text);
                assert_int_equal(task_text_fill(text, size, "{job}-{name}.o", &names, false),
                                 size > 10 ? 10 : -1);
                assert_int_equal(text[size], 'x');
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(names_in_braces_are_filled_in),
            cmocka_unit_test(the_first_attempt_is_no_restart),
            cmocka_unit_test(other_names_are_refused),
            cmocka_unit_test(nothing_is_written_past_the_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
