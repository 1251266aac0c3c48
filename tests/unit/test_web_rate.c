/* SPDX-License-Identifier: Apache-2.0 */
#include "web/rate.h"

#include "common/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void a_quiet_user_may_burst_and_then_goes_at_the_rate(void **unused)
{
        struct rate *r = rate_new(10);
        struct rate_left left;
        int taken = 0;

        (void)unused;
        while ((left = rate_take(r, 7, 5000)).allowed)
                taken++;
        assert_int_equal(taken, 10 * RATE_BURST_S);
        assert_int_equal(left.burst, 10 * RATE_BURST_S);
        assert_int_equal(left.left, 0);
        assert_int_equal(left.again, 1);
        /* A tenth of a second later there is one more, and only one. */
        assert_true(rate_take(r, 7, 5100).allowed);
        assert_false(rate_take(r, 7, 5100).allowed);
        taken = 0;
        for (int64_t ms = 5100; ms <= 15100; ms += 10)
                taken += rate_take(r, 7, ms).allowed;
        assert_int_equal(taken, 100);
        rate_free(r);
}

static void one_user_does_not_use_up_what_is_anothers(void **unused)
{
        struct rate *r = rate_new(1);

        (void)unused;
        while (rate_take(r, 1, 0).allowed)
                ;
        assert_true(rate_take(r, 2, 0).allowed);
        rate_free(r);
}

static void what_is_left_grows_to_the_burst_and_no_further(void **unused)
{
        struct rate *r = rate_new(10);

        (void)unused;
        assert_int_equal(rate_take(r, 1, 0).left, 99);
        assert_int_equal(rate_take(r, 1, 1000000).left, 99);
        assert_int_equal(rate_take(r, 1, 1000000).left, 98);
        rate_free(r);
}

static void without_a_limit_everything_is_allowed(void **unused)
{
        struct rate *r = rate_new(0);
        struct rate_left left;

        (void)unused;
        for (int i = 0; i < 100000; i++)
                assert_true((left = rate_take(r, 1, 0)).allowed);
        assert_int_equal(left.burst, 0);
        rate_free(r);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_quiet_user_may_burst_and_then_goes_at_the_rate),
            cmocka_unit_test(one_user_does_not_use_up_what_is_anothers),
            cmocka_unit_test(what_is_left_grows_to_the_burst_and_no_further),
            cmocka_unit_test(without_a_limit_everything_is_allowed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
