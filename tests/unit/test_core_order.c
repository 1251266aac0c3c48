/* SPDX-License-Identifier: Apache-2.0 */
#include "core/link.h"
#include "core/order.h"
#include "core/transfer.h"
#include "tests/unit/scene.h"

#include "common/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void expect(struct model *m, int64_t job, int64_t expect_ms)
{
        model_job(m, job)->shape->expect_ms = expect_ms;
}

/* One place; what is placed first. */
static void check_first(struct model *m, const char *want)
{
        char *plan = scene_decide(m);

        assert_string_equal(plan, want);
        free(plan);
        model_free(m);
}

static void a_task_as_long_as_all_the_rest_goes_first(void **unused)
{
        struct model *m = scene("site a cpus=2\n"
                                "job 1 tasks=3\n"
                                "job 2 memory=2\n");

        (void)unused;
        expect(m, 1, 10000);
        expect(m, 2, 200000);
        check_first(m, "2.1#1@w1 1.1#1@w1");
}

static void in_a_queue_that_is_no_batch_arrival_decides(void **unused)
{
        struct model *m = scene("site a cpus=4\n"
                                "job 1 tasks=3\n"
                                "job 2 memory=2\n");

        (void)unused;
        expect(m, 1, 10000);
        expect(m, 2, 200000);
        check_first(m, "1.1-3#1@w1 2.1#1@w1");
}

static void a_task_that_is_short_beside_the_rest_waits_its_turn(void **unused)
{
        struct model *m = scene("site a cpus=1\n"
                                "job 1 tasks=30\n"
                                "job 2 memory=2\n");

        (void)unused;
        expect(m, 1, 10000);
        expect(m, 2, 200000);
        check_first(m, "1.1#1@w1");
}

static void a_long_task_does_not_pass_a_higher_priority(void **unused)
{
        struct model *m = scene("site a cpus=2\n"
                                "job 1 priority=1\n"
                                "job 2 memory=2\n");

        (void)unused;
        expect(m, 1, 10000);
        expect(m, 2, 200000);
        check_first(m, "1.1#1@w1 2.1#1@w1");
}

static void who_waited_for_hours_is_not_passed_by_a_long_task(void **unused)
{
        struct model *m = scene("site a cpus=2\n"
                                "job 1 memory=3\n"
                                "job 2 memory=2\n");

        (void)unused;
        expect(m, 1, 10000);
        expect(m, 2, 200000);
        m->wall_ms += 2 * ORDER_AGED_MS;
        model_job(m, 2)->submitted_at = m->wall_ms;
        check_first(m, "1.1#1@w1 2.1#1@w1");
}

static void a_guess_makes_no_task_long(void **unused)
{
        struct model *m = scene("site a cpus=2\n"
                                "job 1\n"
                                "job 2 memory=2 limit=99999\n");

        (void)unused;
        expect(m, 1, 1000);
        check_first(m, "1.1#1@w1 2.1#1@w1");
}

/* ---- sources that are being made, and better ones --------------------------------------------------------
 */

static struct model *three_sites(void)
{
        struct model *m = scene("site a\nsite b\nsite c\n"
                                "data d files=1 bytes=1000000000 at=a\n"
                                "job 1 needs=d\n");

        for (int32_t i = 1; i <= 3; i++) {
                model_site(m, i)->storage.accept = true;
                model_site(m, i)->storage.quota = INT64_MAX / 4;
        }
        link_know(m, model_link_put(m, 1, 2), 100e6, 0.1, 8, m->wall_ms);
        link_know(m, model_link_put(m, 2, 3), 100e6, 0.1, 8, m->wall_ms);
        link_know(m, model_link_put(m, 1, 3), 2e6, 0.1, 8, m->wall_ms);
        return m;
}

static void a_copy_on_its_way_is_a_source_to_come(void **unused)
{
        struct model *m = three_sites();
        struct m_dataset *d = scene_dataset(m, "d");
        struct way w;

        (void)unused;
        dataset_way(m, d, scene_site(m, "c"), &w);
        assert_int_equal(w.from, 1);
        assert_false(w.to_come);
        model_transfer_start(m, model_transfer_open(m, 7, d, 1, 2, WHY_JOB), 1);
        dataset_way(m, d, scene_site(m, "c"), &w);
        assert_int_equal(w.from, 2);
        assert_true(w.to_come);
        assert_true(w.seconds < 60);
        model_free(m);
}

static void a_slow_transfer_is_left_for_a_source_that_came_later(void **unused)
{
        struct model *m = three_sites();
        struct m_dataset *d = scene_dataset(m, "d");
        struct m_transfer *t = model_transfer_open(m, 7, d, 1, 3, WHY_JOB);

        (void)unused;
        m->now_ms += TRANSFER_LOOK_MS;
        model_transfer_start(m, t, 1);
        assert_false(transfer_has_better_source(m, t));
        model_dataset_site(d, 2, "/d", false, 1, 1000000000);
        assert_true(transfer_has_better_source(m, t));
        assert_false(transfer_has_better_source(m, t)); /* not looked at again so soon */
        model_transfer_progress(m, t, 999000000);
        m->now_ms += TRANSFER_LOOK_MS;
        assert_false(transfer_has_better_source(m, t)); /* it is nearly there */
        model_free(m);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_task_as_long_as_all_the_rest_goes_first),
            cmocka_unit_test(in_a_queue_that_is_no_batch_arrival_decides),
            cmocka_unit_test(a_task_that_is_short_beside_the_rest_waits_its_turn),
            cmocka_unit_test(a_long_task_does_not_pass_a_higher_priority),
            cmocka_unit_test(who_waited_for_hours_is_not_passed_by_a_long_task),
            cmocka_unit_test(a_guess_makes_no_task_long),
            cmocka_unit_test(a_copy_on_its_way_is_a_source_to_come),
            cmocka_unit_test(a_slow_transfer_is_left_for_a_source_that_came_later),
        };

        return cmocka_run_group_tests_name("core order", tests, NULL, NULL);
}
