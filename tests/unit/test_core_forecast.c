/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/scene.h"

#include "common/util.h"
#include "core/forecast.h"

#include <math.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct forecast_ask asks(const struct model *m, int64_t job)
{
        const struct m_job *j = model_job(m, job);

        return (struct forecast_ask){.shape = j->shape,
                                     .job = j,
                                     .priority = j->priority,
                                     .id = j->id,
                                     .throttle = j->throttle,
                                     .live = j->live};
}

/* Tasks of the job's shape have ended before, and took so long. */
static void learned(struct model *m, int64_t job, double run_s)
{
        struct m_shape *s = model_job(m, job)->shape;

        s->ended = 100;
        s->run_ms = run_s * 1000;
}

/* "tasks jobs alike: 5x40 3x2" */
static char *line_of(const struct model *m, int64_t job)
{
        struct forecast_ask ask = asks(m, job);
        struct forecast_line f;
        char *text;

        forecast_line(m, &ask, &f);
        text = xasprintf("%lld %lld %lld:", (long long)f.tasks, (long long)f.jobs, (long long)f.alike);
        for (size_t i = 0; i < f.behind_n; i++) {
                AUTO_FREE char *before = text;

                text = xasprintf("%s %lldx%lld", before, (long long)f.behind[i].job->id,
                                 (long long)f.behind[i].tasks);
        }
        return text;
}

static void line_counts_those_that_decide_would_place_first(void **unused)
{
        static const struct {
                const char *what, *scene, *line;
        } cases[] = {
            {"nobody", "site a\njob 9", "0 0 0:"},
            {"by number", "site a\njob 1 tasks=9\njob 9\njob 10 tasks=7", "8 1 8: 1x8"},
            {"by priority", "site a\njob 1 tasks=9 priority=-1\njob 9\njob 10 tasks=7 priority=1",
             "6 1 6: 10x6"},
            {"other shapes", "site a cpus=4\njob 1 tasks=20\njob 2 cpus=2\njob 9 cpus=3", "17 2 0: 1x16 2x1"},
            {"only those that want the same workers",
             "site a\nsite b cpus=4\njob 1 tasks=9 sites=a\njob 9 cpus=3 tasks=2", "0 0 0:"},
            {"held and blocked ones stand in nobody's way",
             "site a\njob 1\njob 2 tasks=9 held\njob 3 tasks=9 after=77\njob 9", "0 0 0:"},
            {"those too large for any worker too", "site a\njob 1\njob 2 tasks=9 cpus=8\njob 9", "0 0 0:"},
            {"the five with the most tasks",
             "site a\njob 1 tasks=3\njob 2 tasks=2\njob 3 tasks=5\njob 4 tasks=9\njob 5 tasks=9\njob 6\njob "
             "9",
             "28 6 28: 4x9 5x9 3x5 1x2 2x2"},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct model *m = scene(cases[i].scene);
                AUTO_FREE char *got = (free(scene_decide(m)), line_of(m, 9));

                if (strcmp(got, cases[i].line) != 0)
                        print_error("%s\n", cases[i].what);
                assert_string_equal(got, cases[i].line);
                model_free(m);
        }
}

/* One CPU second a task: with even shares they take turns, and one that used more goes later. */
static void line_counts_other_projects_by_fair_share(void **unused)
{
        static const struct {
                const char *projects, *line;
        } cases[] = {
            {"project p usage=100\nproject q usage=100\n", "21 2 0: 1x11 2x10"},
            {"project p usage=100\nproject q usage=200\n", "10 1 0: 2x10"},
            {"project p usage=200\nproject q usage=100\n", "50 2 0: 1x40 2x10"},
            {"project p usage=100\nproject q usage=200 share=2\n", "31 2 0: 1x21 2x10"},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                AUTO_FREE char *text =
                    xasprintf("%ssite a\njob 1 project=q tasks=40 limit=5000\njob 2 tasks=10 limit=5000\n"
                              "job 9 limit=7000",
                              cases[i].projects);
                struct model *m = scene(text);
                AUTO_FREE char *got = line_of(m, 9);

                assert_string_equal(got, cases[i].line);
                model_free(m);
        }
}

static void run_for(struct model *m, int64_t ms)
{
        m->now_ms += ms;
        m->wall_ms += ms;
}

/* The likely start of job 9, in whole seconds; -1: it cannot be told. */
static int start_of(const struct model *m, int64_t job, struct forecast_start *ret)
{
        struct forecast_ask ask = asks(m, job);

        forecast_start(m, &ask, ret);
        return isinf(ret->likely) ? -1 : (int)(ret->likely + 0.5);
}

static void started(struct model *m)
{
        struct m_attempt *a;

        for (size_t i = 0; (a = map_next(&m->attempts, &i));)
                a->started_at = m->wall_ms;
}

static void start_is_found_by_playing_the_queue_forward(void **unused)
{
        static const struct {
                const char *what, *scene;
                double run_1, run_2; /* seconds that tasks of jobs 1 and 2 take */
                int64_t later;       /* ms after the pass in which it is asked */
                int start;
        } cases[] = {
            {"room now", "site a cpus=2\njob 1\njob 2\njob 9", 10, 10, 0, 10},
            {"behind one that runs", "site a\njob 1\njob 9", 10, 0, 4000, 6},
            {"behind a line", "site a cpus=2\njob 1 tasks=7\njob 9", 10, 0, 0, 30},
            {"twice as many workers", "site a cpus=2 workers=2\njob 1 tasks=7\njob 9", 10, 0, 0, 10},
            {"a faster site", "site a speed=2\njob 1 tasks=3\njob 9", 10, 0, 0, 15},
            {"others go past one that does not fit",
             "site a cpus=4\njob 1 tasks=8\njob 2 cpus=4\njob 9 cpus=4", 10, 5, 0, 25},
            {"by a limit of the project", "project p max_tasks=1\nsite a cpus=9\njob 1 tasks=3\njob 9", 10, 0,
             0, 30},
            {"by a limit of the site", "site a cpus=9 max_tasks=2\njob 1 tasks=4\njob 9", 10, 0, 0, 20},
            {"by a rule of the site", "site a cpus=9 only=p only_cpus=1\njob 1 tasks=2\njob 9", 10, 0, 0, 20},
            {"over its time", "site a\njob 1\njob 9", 10, 0, 20000, 6},
            {"a million tasks", "site a cpus=10\njob 1 tasks=1000000\njob 9", 10, 0, 0, 1000000},
            {"nowhere to go", "site a offline\njob 1\njob 9", 10, 0, 0, -1},
            {"never", "site a\njob 1\njob 9 cpus=2", 10, 0, 0, -1},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct model *m = scene(cases[i].scene);
                struct forecast_start f;
                int got;

                learned(m, 1, cases[i].run_1);
                if (cases[i].run_2 > 0)
                        learned(m, 2, cases[i].run_2);
                free(scene_decide(m));
                started(m);
                run_for(m, cases[i].later);
                got = start_of(m, 9, &f);
                if (abs(got - cases[i].start) > cases[i].start / 1000)
                        print_error("%s: %d\n", cases[i].what, got);
                assert_true(abs(got - cases[i].start) <= cases[i].start / 1000);
                assert_true(got < 0 || (f.earliest <= f.likely && f.likely <= f.latest));
                model_free(m);
        }
}

static void start_of_a_throttled_job_is_the_end_of_one_of_its_own(void **unused)
{
        struct model *m = scene("site a cpus=9\njob 9 tasks=5 throttle=2");
        struct forecast_start f;

        (void)unused;
        learned(m, 9, 30);
        free(scene_decide(m));
        started(m);
        run_for(m, 10000);
        assert_int_equal(start_of(m, 9, &f), 20);
        model_free(m);
}

static void band_is_wide_while_run_times_are_guesses_and_narrows(void **unused)
{
        double before = INFINITY;
        static const int ended[] = {0, 1, 16, 1000};

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(ended); i++) {
                struct model *m = scene("site a\njob 1 tasks=10\njob 9");
                struct forecast_start f;

                model_job(m, 1)->shape->ended = ended[i];
                model_job(m, 1)->shape->run_ms = ended[i] ? 600000 : 0;
                free(scene_decide(m));
                start_of(m, 9, &f);
                assert_true(f.latest - f.earliest < before);
                assert_int_equal(f.measured, ended[i]);
                assert_int_equal(f.guessed, ended[i] == 0);
                before = f.latest - f.earliest;
                model_free(m);
        }
}

static void what_never_ran_is_taken_to_run_as_others_of_its_project(void **unused)
{
        struct model *m = scene("site a cpus=4 speed=2\njob 1\njob 2 cpus=2\njob 3 cpus=3 limit=4000");
        const struct m_site *a = scene_site(m, "a");

        (void)unused;
        assert_true(forecast_run_s(m, model_job(m, 2)->shape, a) == 300); /* the prior */
        free(scene_decide(m));
        scene_end_all(m, 1, true, 5000);
        assert_true(fabs(forecast_run_s(m, model_job(m, 2)->shape, a) - 5) < 1e-6);
        assert_true(fabs(forecast_run_s(m, model_job(m, 3)->shape, a) - 2) < 1e-6);
        model_free(m);
}

/* Small tasks that keep coming take every freed part; then the large one gets a worker to itself after a
 * while. */
static void start_counts_with_what_keeps_coming(void **unused)
{
        struct model *m = scene("site a cpus=4\njob 1 tasks=4\njob 9 cpus=4");
        struct forecast_start calm, busy;

        (void)unused;
        learned(m, 1, 10);
        free(scene_decide(m));
        started(m);
        run_for(m, 5000);
        assert_int_equal(start_of(m, 9, &calm), 5);
        for (int i = 0; i < 20; i++) {
                AUTO_FREE char *line = xasprintf("job %d project=q tasks=4", 100 + i);

                scene_add(m, line);
                run_for(m, 100);
        }
        learned(m, 100, 10);
        assert_true(class_arrivals(m, model_job(m, 100)->shape->kind) > 1);
        start_of(m, 9, &busy);
        assert_true(busy.latest > calm.latest);
        assert_true(busy.likely < (double)m->reserve_ms / 1000 + 30); /* room is made for it */
        run_for(m, 600000);
        assert_true(class_arrivals(m, model_job(m, 100)->shape->kind) == 0);
        model_free(m);
}

static void one_array_is_no_stream_of_work(void **unused)
{
        struct model *m = scene("site a\njob 1 tasks=100000");

        (void)unused;
        assert_true(class_arrivals(m, model_job(m, 1)->shape->kind) == 0);
        scene_add(m, "job 2\njob 3");
        assert_true(class_arrivals(m, model_job(m, 1)->shape->kind) < 2);
        model_free(m);
}

/* A job's last task takes its shape out of the model; what it taught stays for the next job like it. */
static void what_ran_once_is_remembered(void **unused)
{
        struct model *m = scene("site a\njob 1\njob 5 project=other");
        const struct m_site *a = scene_site(m, "a");

        (void)unused;
        free(scene_decide(m));
        scene_end_all(m, 1, true, 7000);
        model_job_remove(m, model_job(m, 1));
        scene_add(m, "job 2\njob 3 limit=9000");
        assert_true(forecast_run_s(m, model_job(m, 2)->shape, a) == 7);
        assert_int_equal(forecast_known(model_job(m, 2)->shape), 1);
        assert_true(fabs(forecast_run_s(m, model_job(m, 3)->shape, a) - 7) < 1e-6); /* by its project */
        assert_true(forecast_run_s(m, model_job(m, 5)->shape, a) == 600);
        model_free(m);
}

/* It is asked between passes and must leave everything as it was. */
static void forecast_leaves_the_model_as_it_was(void **unused)
{
        struct model *m = scene("site a cpus=4\njob 1 tasks=20\njob 2 cpus=3\njob 9 cpus=4");
        struct forecast_start f;
        char *wrong;

        (void)unused;
        free(scene_decide(m));
        start_of(m, 9, &f);
        wrong = scene_audit(m);
        assert_null(wrong);
        scene_end_all(m, 1, true, 10);
        free(scene_decide(m));
        wrong = scene_audit(m);
        assert_null(wrong);
        model_free(m);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(line_counts_those_that_decide_would_place_first),
            cmocka_unit_test(line_counts_other_projects_by_fair_share),
            cmocka_unit_test(start_is_found_by_playing_the_queue_forward),
            cmocka_unit_test(start_of_a_throttled_job_is_the_end_of_one_of_its_own),
            cmocka_unit_test(band_is_wide_while_run_times_are_guesses_and_narrows),
            cmocka_unit_test(what_never_ran_is_taken_to_run_as_others_of_its_project),
            cmocka_unit_test(what_ran_once_is_remembered),
            cmocka_unit_test(start_counts_with_what_keeps_coming),
            cmocka_unit_test(one_array_is_no_stream_of_work),
            cmocka_unit_test(forecast_leaves_the_model_as_it_was),
        };

        return cmocka_run_group_tests_name("core: forecast", tests, NULL, NULL);
}
