/* SPDX-License-Identifier: Apache-2.0 */
/* The funnel, the sum of costs, reasons to wait. */
#include "common/util.h"
#include "tests/unit/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static struct m_shape *shape_of(struct model *m, int64_t job)
{
        return model_job(m, job)->shape;
}

/* The best site's name, or "-" and the reason. */
static const char *best_site(struct model *m, int64_t job, int32_t avoid, enum wait_reason *ret_why)
{
        struct candidate c[16];
        int best;
        size_t n = place_all(m, shape_of(m, job), avoid, true, c, ARRAY_LEN(c), &best, ret_why);

        assert_true(best < (int)n);
        return best < 0 ? "-" : c[best].site->name;
}

static void place_drops_a_site_at_the_step_that_stands_in_the_way(void **unused)
{
        static const struct {
                const char *scene, *why;
                enum place_step step;
                enum wait_reason reason;
        } cases[] = {
            {"site a closed\njob 1", "closed", PLACE_OPEN, WAIT_CLOSED},
            {"site a draining\njob 1", "draining", PLACE_OPEN, WAIT_CLOSED},
            {"site a alarm\njob 1", "alarm", PLACE_OPEN, WAIT_CLOSED},
            {"site a only=q\njob 1", "project p may not", PLACE_PROJECT, WAIT_NO_SITE},
            {"site b draining\nsite a\njob 1 sites=b", "names other sites", PLACE_NAMED, WAIT_CLOSED},
            {"site a cpus=4\njob 1 cpus=5", "wants 5 CPUs, its largest worker has 4", PLACE_SIZE,
             WAIT_TOO_LARGE},
            {"site a memory=4\njob 1 memory=5", "wants 5.0 GiB", PLACE_SIZE, WAIT_TOO_LARGE},
            {"site a\njob 1 gpus=1", "wants 1 GPUs", PLACE_SIZE, WAIT_TOO_LARGE},
            {"site a cpus=4 project=q\njob 1", "other projects", PLACE_SIZE, WAIT_TOO_LARGE},
            {"site a unseen\njob 1", "reached yet", PLACE_SIZE, WAIT_TOO_LARGE},
            {"site a workers=0\njob 1", "no worker", PLACE_SIZE, WAIT_TOO_LARGE},
            {"site b draining\nsite a\ndata d at=b\njob 1 needs=d", "lacks d (1000 bytes", PLACE_DATA,
             WAIT_CLOSED},
            {"site b draining\nsite a\ndata d files=2 at=b part=a\njob 1 needs=d", "lacks d (500 bytes",
             PLACE_DATA, WAIT_CLOSED},
            {"site a offline\njob 1", "no worker of it", PLACE_HEALTH, WAIT_DOWN},
            {"site a broken\njob 1", "tasks fail there", PLACE_HEALTH, WAIT_DOWN},
            {"site a full\njob 1", "disk is full", PLACE_DISK, WAIT_DISK_FULL},
            {"site a cpus=4 only=p only_cpus=1\njob 1 cpus=2", "limit", PLACE_LIMITS, WAIT_SITE_LIMIT},
            {"project p max_cpus=1\nsite a cpus=4\njob 1 cpus=2", "limit", PLACE_LIMITS, WAIT_PROJECT_LIMIT},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct model *m = scene(cases[i].scene);
                struct candidate c;
                enum wait_reason why;

                place_judge(m, shape_of(m, 1), scene_site(m, "a"), 0, true, &c);
                assert_true(c.dropped);
                assert_string_equal(place_step_name(c.step), place_step_name(cases[i].step));
                assert_non_null(strstr(c.why, cases[i].why));
                assert_string_equal(best_site(m, 1, 0, &why), "-");
                if (cases[i].step != PLACE_NAMED)
                        assert_string_equal(wait_reason_name(why), wait_reason_name(cases[i].reason));
                model_free(m);
        }
}

static void place_gives_a_draining_worker_nothing_new(void **unused)
{
        struct model *m = scene("site a workers=2\njob 1 tasks=9");
        struct candidate c;
        char *plan;

        (void)unused;
        m->workers[1]->draining = true;
        plan = scene_decide(m);
        assert_string_equal(plan, "1.1#1@w2");
        free(plan);
        scene_end_all(m, 1, true, 100000);
        m->workers[2]->draining = true;
        plan = scene_decide(m);
        assert_string_equal(plan, "");
        free(plan);
        place_judge(m, shape_of(m, 1), scene_site(m, "a"), 0, true, &c);
        assert_string_equal(place_step_name(c.step), place_step_name(PLACE_OPEN));
        assert_non_null(strstr(c.why, "draining"));
        m->workers[1]->draining = false;
        plan = scene_decide(m);
        assert_string_equal(plan, "1.2#1@w1");
        free(plan);
        model_free(m);
}

static void place_takes_the_site_that_finishes_first(void **unused)
{
        static const struct {
                const char *scene;
                int32_t avoid;
                const char *best;
        } cases[] = {
            {"site a\nsite b\njob 1", 0, "a"},                      /* ties: the lower id */
            {"site a\nsite b speed=2\njob 1", 0, "b"},              /* the faster */
            {"site a\nsite b\njob 1", 1, "b"},                      /* not where it failed last */
            {"site a\njob 1", 1, "a"},                              /* unless there is no other */
            {"site a\nsite b\ndata d at=b\njob 1 needs=d", 0, "b"}, /* where the data is */
            {"site a\nsite b\nsite c\ndata d at=a,b\ndata e at=b,c\njob 1 needs=d,e", 0, "b"}, /* all of it */
            {"site a\nsite b\njob 1 sites=b", 0, "b"},                 /* only where asked for */
            {"site a cpus=2\nsite b cpus=9\njob 1 cpus=3", 0, "b"},    /* where it fits */
            {"site a only=q\nsite b only=p\njob 1", 0, "b"},           /* where it may */
            {"site a\ndata d files=0 bytes=0\njob 1 needs=d", 0, "a"}, /* an empty set is everywhere */
            {"site a cpus=2 workers=0\nsite b\njob 1", 0, "b"},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct model *m = scene(cases[i].scene);
                enum wait_reason why;

                assert_string_equal(best_site(m, 1, cases[i].avoid, &why), cases[i].best);
                assert_int_equal(why, WAIT_NONE);
                model_free(m);
        }
}

static void place_prices_run_time_speed_and_failures_in_seconds(void **unused)
{
        struct model *m = scene("site a speed=2\njob 1 limit=100000");
        struct m_site *a = scene_site(m, "a");
        struct m_shape *s = shape_of(m, 1);
        struct candidate c;

        (void)unused;
        place_judge(m, s, a, 0, false, &c);
        assert_true(c.run == 50 && c.finish == 50); /* the time limit is the first guess */
        s->ended = 20;
        s->run_ms = 10000;
        a->failures_in_row = 2;
        shape_site(s, a->id)->early = 3;
        place_judge(m, s, a, a->id, false, &c);
        assert_true(c.run == 5 && c.penalty == 60 + 180 + AVOID_PENALTY_S && c.finish == c.run + c.penalty);
        shape_site(s, a->id)->ok = 1;
        shape_site(s, a->id)->run_ms = 4000;
        place_judge(m, s, a, 0, false, &c);
        assert_true(c.run == 2); /* what it took there counts more than what it took elsewhere */
        model_free(m);
}

/* A site that others keep busy must not be waited for while a slower one stands idle. */
static void place_says_what_a_run_time_rests_on(void **unused)
{
        static const struct {
                const char *scene;
                double run_ms;
                enum run_is is;
        } rows[] = {{"site a cpus=1\njob 1", 0, RUN_GUESS},
                    {"site a cpus=1\njob 1 expect=5000", 0, RUN_ASKED},
                    {"site a cpus=1\njob 1", 1200, RUN_LEARNED},
                    {"site a cpus=1\njob 1 expect=5000", 1200, RUN_LEARNED}};

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct model *m = scene(rows[i].scene);
                struct candidate c;

                shape_of(m, 1)->run_ms = rows[i].run_ms;
                place_judge(m, shape_of(m, 1), scene_site(m, "a"), 0, false, &c);
                assert_string_equal(run_is_name(c.run_is), run_is_name(rows[i].is));
                model_free(m);
        }
}

static void place_never_waits_behind_strangers_while_another_site_is_free(void **unused)
{
        struct model *m = scene("site fast speed=10\nsite slow\njob 1 sites=fast\njob 2 limit=1000");
        enum wait_reason why;

        (void)unused;
        free(scene_decide(m));
        assert_non_null(model_attempt(m, 1, 1));
        shape_of(m, 2)->ended = 100;
        shape_of(m, 2)->run_ms = 1000;
        assert_string_equal(best_site(m, 2, 0, &why), "-"); /* job 2 got the slow one */
        scene_end_all(m, 2, true, 1000);
        scene_add(m, "job 3 limit=1000");
        shape_site(shape_of(m, 3), scene_site(m, "fast")->id)->ok = 50; /* it ran there before */
        shape_site(shape_of(m, 3), scene_site(m, "fast")->id)->run_ms = 1000;
        assert_string_equal(best_site(m, 3, 0, &why), "slow");
        model_free(m);
}

static void place_waits_for_a_better_site_only_as_long_as_the_line_is_short(void **unused)
{
        static const struct {
                const char *tasks;
                int32_t next;
                const char *best;
        } cases[] = {{"few", 97, "-"}, {"many", 8, "slow"}};

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct model *m = scene("site fast cpus=4 speed=10\nsite slow cpus=4\njob 1 tasks=100");
                struct m_job *j = model_job(m, 1);
                enum wait_reason why;

                for (int32_t t = 1; t <= 4; t++)
                        model_attempt_open(m, j, model_worker(m, 1), t, 1, false);
                j->next = cases[i].next;
                j->shape->ended = 100;
                j->shape->run_ms = 10000;
                assert_string_equal(best_site(m, 1, 0, &why), cases[i].best);
                model_free(m);
        }
}

static void place_explains_what_could_ever_run(void **unused)
{
        static const struct {
                const char *scene;
                bool ever;
        } cases[] = {
            {"site a\njob 1", true},
            {"site a closed\njob 1", true},
            {"site a unseen\njob 1 cpus=99", true},
            {"site a cpus=4\njob 1 cpus=5", false},
            {"site a only=q\njob 1", false},
            {"site a project=q\njob 1", false},
            {"site a\nsite b cpus=9\njob 1 cpus=5 sites=a", false},
            {"job 1", false},
            {"project p max_cpus=4\nsite a cpus=9\njob 1 cpus=5", false},
            {"project p max_cpus=4\nsite a cpus=9\njob 1 cpus=4", true},
            {"site a cpus=9 only=p only_cpus=4\njob 1 cpus=5", false},
            {"site a cpus=9 only=p only_cpus=4\nsite b cpus=9\njob 1 cpus=5", true},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct model *m = scene(cases[i].scene);

                assert_int_equal(place_can_ever(m, shape_of(m, 1)), cases[i].ever);
                model_free(m);
        }
}

/* ---- why a job waits, after a pass ---- */

static void hold_back_retry(struct model *m)
{
        struct m_retry r = {.task = 1, .attempt = 1, .due = m->wall_ms + 5000};

        model_job(m, 1)->next = 2;
        m->ready_tasks--;
        model_job_retry(m, model_job(m, 1), &r);
}

static void remove_data(struct model *m)
{
        scene_dataset(m, "d")->removed = true;
        model_dataset_changed(m, scene_dataset(m, "d"));
}

static void job_waits_for_the_reason_that_holds_it_back(void **unused)
{
        static const struct {
                const char *scene;
                enum wait_reason reason;
                void (*change)(struct model *m);
        } cases[] = {
            {"site a\njob 1", WAIT_NONE, NULL},
            {"job 1", WAIT_NO_SITE, NULL},
            {"site a\njob 1 held", WAIT_HELD, NULL},
            {"site a\njob 1 notbefore=5 held", WAIT_HELD, NULL},
            {"site a\njob 1 notbefore=5", WAIT_NOT_YET, NULL},
            {"site a\njob 1 notbefore=5 after=9", WAIT_NOT_YET, NULL},
            {"site a\njob 1 after=9", WAIT_AFTER, NULL},
            {"site a\njob 1 tasks=3 after=9 elementwise", WAIT_AFTER, NULL},
            {"site a\njob 1 tasks=3 after=9 elementwise held", WAIT_HELD, NULL},
            {"site a\ndata d open\njob 1 needs=d", WAIT_INPUT_PENDING, NULL},
            {"site a\ndata d at=a\njob 1 needs=d", WAIT_INPUT_NOWHERE, remove_data},
            {"site a\ndata d\njob 1 needs=d", WAIT_INPUT_NOWHERE, NULL},
            {"site a\njob 1", WAIT_BACKOFF, hold_back_retry},
            {"site a cpus=9\njob 1 tasks=5 throttle=2", WAIT_THROTTLE, NULL},
            {"project p max_tasks=2\nsite a cpus=9\njob 1 tasks=5", WAIT_PROJECT_LIMIT, NULL},
            {"project p max_cpus=3\nsite a cpus=9\njob 1 tasks=5 cpus=2", WAIT_PROJECT_LIMIT, NULL},
            {"site a cpus=9 max_tasks=2\njob 1 tasks=5", WAIT_BUSY, NULL},
            {"site a only=q\njob 1", WAIT_NO_SITE, NULL},
            {"site a cpus=2\njob 1 cpus=3", WAIT_TOO_LARGE, NULL},
            {"site a closed\njob 1", WAIT_CLOSED, NULL},
            {"site a offline\njob 1", WAIT_DOWN, NULL},
            {"site a draining\nsite b\ndata d at=a\njob 1 needs=d", WAIT_CLOSED, NULL},
            {"site a closed\nsite b\ndata d at=a\njob 1 needs=d", WAIT_CLOSED, NULL},
            {"site a alarm\nsite b\ndata d at=a\njob 1 needs=d", WAIT_CLOSED, NULL},
            {"site a offline\nsite b\ndata d at=a\njob 1 needs=d", WAIT_DOWN, NULL},
            {"site a closed cpus=9\nsite b\njob 1 cpus=4", WAIT_CLOSED, NULL},
            {"site a closed\nsite b\njob 1 cpus=4", WAIT_TOO_LARGE, NULL},
            {"site a closed\njob 1 cpus=4", WAIT_TOO_LARGE, NULL},
            {"site a closed unseen\njob 1 cpus=4", WAIT_CLOSED, NULL},
            {"site a closed only=q\njob 1", WAIT_NO_SITE, NULL},
            {"site a closed cpus=9\nsite b cpus=9 offline\njob 1 cpus=4", WAIT_DOWN, NULL},
            {"site a full\njob 1", WAIT_DISK_FULL, NULL},
            {"site a cpus=2\njob 1 tasks=3", WAIT_BUSY, NULL},
            {"site a\njob 7 priority=1 tasks=9\njob 1", WAIT_PRIORITY, NULL},
            {"site a\njob 1 nospec", WAIT_NEW, NULL},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct model *m = scene(cases[i].scene);

                if (cases[i].change)
                        cases[i].change(m);
                free(scene_decide(m));
                assert_string_equal(wait_reason_name(job_wait_reason(m, model_job(m, 1))),
                                    wait_reason_name(cases[i].reason));
                model_free(m);
        }
}

static void job_that_came_after_the_pass_is_new(void **unused)
{
        struct model *m = scene("site a\n");

        (void)unused;
        free(scene_decide(m));
        scene_add(m, "job 1");
        assert_int_equal(job_wait_reason(m, model_job(m, 1)), WAIT_NEW);
        model_free(m);
}

static void job_starts_when_its_moment_has_come(void **unused)
{
        struct model *m = scene("site a\njob 1 notbefore=5");

        (void)unused;
        free(scene_decide(m));
        assert_int_equal(model_wake(m), m->wall_ms + 5000);
        m->wall_ms += 4999;
        free(scene_decide(m));
        assert_int_equal(model_job(m, 1)->live, 0);
        m->wall_ms++;
        free(scene_decide(m));
        assert_int_equal(model_job(m, 1)->live, 1);
        model_free(m);
}

static void site_limit_is_named_in_the_next_pass(void **unused)
{
        struct model *m = scene("site a cpus=9 max_tasks=2\njob 1 tasks=5");

        (void)unused;
        free(scene_decide(m));
        free(scene_decide(m));
        assert_int_equal(job_wait_reason(m, model_job(m, 1)), WAIT_SITE_LIMIT);
        model_free(m);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(place_drops_a_site_at_the_step_that_stands_in_the_way),
            cmocka_unit_test(place_gives_a_draining_worker_nothing_new),
            cmocka_unit_test(place_takes_the_site_that_finishes_first),
            cmocka_unit_test(place_prices_run_time_speed_and_failures_in_seconds),
            cmocka_unit_test(place_says_what_a_run_time_rests_on),
            cmocka_unit_test(place_never_waits_behind_strangers_while_another_site_is_free),
            cmocka_unit_test(place_waits_for_a_better_site_only_as_long_as_the_line_is_short),
            cmocka_unit_test(place_explains_what_could_ever_run),
            cmocka_unit_test(job_waits_for_the_reason_that_holds_it_back),
            cmocka_unit_test(job_that_came_after_the_pass_is_new),
            cmocka_unit_test(job_starts_when_its_moment_has_come),
            cmocka_unit_test(site_limit_is_named_in_the_next_pass),
        };

        return cmocka_run_group_tests_name("core: place", tests, NULL, NULL);
}
