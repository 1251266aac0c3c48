/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/pace.h"

#include <math.h>

#define START 1000000

/* Look every second from `from` to `to` seconds after the start at what is done at `per_second`. */
static bool run(struct pace *p, int from, int to, double done_before, double per_second, double total,
                struct pace_estimate *ret)
{
        bool said = false;

        for (int s = from; s <= to; s++)
                said = pace_look(p, START + s * 1000, START, done_before + (s - from) * per_second, total, 1,
                                 ret);
        return said;
}

static void nothing_is_said_too_early(void **state)
{
        struct pace_estimate e;
        struct pace p;

        (void)state;
        pace_begin(&p, START, 0);
        assert_false(pace_look(&p, START + 29000, START, 49, 1000, 1, &e));
        assert_true(pace_look(&p, START + 29000, START, 50, 1000, 1, &e));
        assert_true(pace_look(&p, START + 30000, START, 50, 1000, 1, &e));
        assert_false(pace_look(&p, START + 30000, START, 0, 1000, 1, &e));
}

static void an_even_run_lies_within_its_band(void **state)
{
        struct pace_estimate e;
        struct pace p;

        (void)state;
        pace_begin(&p, START, 0);
        assert_true(run(&p, 0, 100, 0, 10, 2000, &e));
        assert_true(fabs(e.per_second - 10) < 0.01);
        assert_true(e.low < 100 && e.high > 100);
        assert_true(e.low > 85 && e.high < 115);
}

static void a_run_that_slows_down_shows_in_the_upper_end(void **state)
{
        struct pace_estimate e;
        struct pace p;

        (void)state;
        pace_begin(&p, START, 0);
        run(&p, 0, 100, 0, 10, 2000, &e);
        assert_true(run(&p, 100, 200, 1000, 1, 2000, &e));
        assert_true(e.per_second < 2);
        assert_true(e.high > 500);
}

static void a_run_that_stands_still_has_no_upper_end(void **state)
{
        struct pace_estimate e;
        struct pace p;

        (void)state;
        pace_begin(&p, START, 0);
        run(&p, 0, 100, 0, 10, 2000, &e);
        assert_true(run(&p, 100, 400, 1000, 0, 2000, &e));
        assert_true(e.per_second == 0);
        assert_true(e.high < 0);
}

static void few_ends_make_a_wide_band(void **state)
{
        struct pace_estimate few, many;
        struct pace p;

        (void)state;
        pace_begin(&p, START, 0);
        assert_true(run(&p, 0, 60, 0, 0.05, 10, &few));
        pace_begin(&p, START, 0);
        assert_true(run(&p, 0, 60, 0, 50, 10000, &many));
        assert_true(few.high / few.low > 2);
        assert_true(many.high / many.low < 1.3);
}

static void small_changes_are_not_worth_telling(void **state)
{
        static const struct pace_estimate a = {10, 100, 120}, near = {10.5, 95, 125}, far = {10, 100, 150},
                                          unknown = {10, 100, -1};

        (void)state;
        assert_false(pace_differs(&a, &near));
        assert_true(pace_differs(&a, &far));
        assert_true(pace_differs(&a, &unknown));
        assert_false(pace_differs(&unknown, &unknown));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(nothing_is_said_too_early),
            cmocka_unit_test(an_even_run_lies_within_its_band),
            cmocka_unit_test(a_run_that_slows_down_shows_in_the_upper_end),
            cmocka_unit_test(a_run_that_stands_still_has_no_upper_end),
            cmocka_unit_test(few_ends_make_a_wide_band),
            cmocka_unit_test(small_changes_are_not_worth_telling),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
