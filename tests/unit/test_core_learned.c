/* SPDX-License-Identifier: Apache-2.0 */
/* What a model learned outlives it. */
#include "common/util.h"
#include "core/learned.h"
#include "tests/unit/scene.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define SITES "site a cpus=64\nsite b cpus=64 speed=2\nproject p\n"

/* Take everything, and give it to a model of the same sites. */
static struct model *reborn(struct model *old, int64_t later_ms)
{
        struct model *m = scene(SITES);
        struct learned_row *rows;
        size_t n = learned_take(old, &rows);

        m->now_ms = old->now_ms + later_ms;
        m->wall_ms = old->wall_ms + later_ms;
        for (size_t i = 0; i < n; i++)
                learned_give(m, &rows[i]);
        free(rows);
        model_free(old);
        return m;
}

static struct model *experienced(void)
{
        struct model *m = scene(SITES "job 1 tasks=20 sites=a");

        free(scene_decide(m));
        scene_end_all(m, 1, true, 7000);
        return m;
}

static void run_times_are_known_again_for_the_same_work_and_for_work_of_its_kind(void **unused)
{
        struct model *m = reborn(experienced(), 0);

        (void)unused;
        scene_add(m, "job 2 sites=a\njob 3 sites=b\njob 4 cpus=2");
        assert_true(shape_run_is_known(model_job(m, 2)->shape));
        assert_true(fabs(shape_run_ms(m, model_job(m, 2)->shape, 1) - 7000) < 1);
        assert_true(fabs(shape_run_ms(m, model_job(m, 3)->shape, 2) - 7000) < 1); /* by its kind */
        assert_false(shape_run_is_known(model_job(m, 4)->shape));
        assert_int_equal(scene_project(m, "p")->ended, 20);
        model_free(m);
}

static void what_is_old_counts_less_and_is_soon_outweighed(void **unused)
{
        struct model *m = reborn(experienced(), 28LL * 24 * 3600 * 1000);

        (void)unused;
        scene_add(m, "job 2 tasks=4 sites=a");
        assert_false(shape_run_is_known(model_job(m, 2)->shape)); /* twenty ends count as one */
        free(scene_decide(m));
        scene_end_all(m, 2, true, 1000);
        assert_true(shape_run_ms(m, model_job(m, 2)->shape, 1) < 3000);
        model_free(m);
}

static void early_failures_at_a_site_are_remembered(void **unused)
{
        struct model *m = scene(SITES "job 1 tasks=3 sites=a");

        (void)unused;
        free(scene_decide(m));
        scene_end_all(m, 1, false, 10);
        m = reborn(m, 0);
        scene_add(m, "job 2 tasks=3 sites=a");
        assert_int_equal(shape_at(model_job(m, 2)->shape, 1)->early, 3);
        model_free(m);
}

static void only_what_changed_is_taken(void **unused)
{
        struct model *m = experienced();
        struct learned_row *rows;

        (void)unused;
        assert_int_equal(learned_take(m, &rows), 4); /* project, kind, shape, shape at its site */
        free(rows);
        assert_int_equal(learned_take(m, &rows), 0);
        free(rows);
        scene_add(m, "job 2 sites=a");
        free(scene_decide(m));
        scene_end_all(m, 2, true, 7000);
        assert_int_equal(learned_take(m, &rows), 4);
        free(rows);
        model_free(m);
}

static void rows_that_cannot_be_are_left_out(void **unused)
{
        static const struct learned_row rows[] = {
            {LEARNED_KIND, 1, 0, NAN, 1, 0, 0},
            {LEARNED_KIND, 1, 0, INFINITY, 1, 0, 0},
            {LEARNED_KIND, 1, 0, -5, 1, 0, 0},
            {LEARNED_KIND, 1, 0, 5, -1, 0, 0},
            {LEARNED_SHAPE, 1, -1, 5, 1, 0, 0},
            {LEARNED_SHAPE, 1, 1, 5, 1, -1, 0},
            {LEARNED_PROJECT, 1ULL << 40, 0, 5, 1, 0, 0},
            {LEARNED_PROJECT, 77, 0, 5, 1, 0, 0},
        };
        struct model *m = scene(SITES);

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                learned_give(m, &rows[i]);
        assert_int_equal(m->classes.n, 0);
        assert_int_equal(m->past.n, 0);
        assert_int_equal(scene_project(m, "p")->ended, 0);
        model_free(m);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(run_times_are_known_again_for_the_same_work_and_for_work_of_its_kind),
            cmocka_unit_test(what_is_old_counts_less_and_is_soon_outweighed),
            cmocka_unit_test(early_failures_at_a_site_are_remembered),
            cmocka_unit_test(only_what_changed_is_taken),
            cmocka_unit_test(rows_that_cannot_be_are_left_out),
        };

        return cmocka_run_group_tests_name("core: learned", tests, NULL, NULL);
}
