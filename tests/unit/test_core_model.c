/* SPDX-License-Identifier: Apache-2.0 */
/* The model: jobs, attempts, what is sent ahead, breakers, dependencies. */
#include "common/util.h"
#include "tests/unit/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void assert_sound(struct model *m)
{
        AUTO_FREE char *wrong = scene_audit(m);

        if (wrong)
                fail_msg("%s", wrong);
}

/* ---- shapes ---- */

static void shape_is_shared_by_jobs_that_are_alike(void **unused)
{
        static const struct {
                const char *a, *b;
                bool same;
        } cases[] = {
            {"job 1", "job 2", true},
            {"job 1", "job 2 priority=7 tasks=9 throttle=2", true},
            {"job 1", "job 2 cpus=2", false},
            {"job 1", "job 2 memory=1", false},
            {"job 1", "job 2 gpus=1", false},
            {"job 1", "job 2 slots=2", false},
            {"job 1", "job 2 limit=1", false},
            {"job 1", "job 2 project=q", false},
            {"job 1", "job 2 needs=d", false},
            {"job 1", "job 2 sites=a", false},
            {"job 1 needs=d,e", "job 2 needs=e,d", true},
            {"job 1 sites=a,b", "job 2 sites=b,a", true},
            {"job 1 needs=d", "job 2 needs=e", false},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct model *m = scene("site a\nsite b\ndata d\ndata e");

                scene_add(m, cases[i].a);
                scene_add(m, cases[i].b);
                assert_int_equal(model_job(m, 1)->shape == model_job(m, 2)->shape, cases[i].same);
                model_job_remove(m, model_job(m, 1));
                assert_int_equal(m->shapes.n, 1);
                model_job_remove(m, model_job(m, 2));
                assert_int_equal(m->shapes.n, 0);
                model_free(m);
        }
}

static void shape_blames_a_site_only_when_others_do_well(void **unused)
{
        static const struct {
                int32_t early_here, ok_there, early_there;
                bool blames;
        } cases[] = {{2, 5, 0, false}, {3, 5, 0, true}, {3, 0, 0, false}, {3, 5, 1, false}};

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct model *m = scene("job 1");
                struct m_shape *s = model_job(m, 1)->shape;

                shape_site(s, 2)->ok = cases[i].ok_there;
                shape_site(s, 2)->early = cases[i].early_there;
                shape_site(s, 1)->early = cases[i].early_here;
                assert_int_equal(shape_blames_site(s, 1), cases[i].blames);
                assert_false(shape_blames_site(s, 3));
                model_free(m);
        }
}

/* ---- jobs ---- */

static void job_drops_only_tasks_that_wait(void **unused)
{
        struct model *m = scene("site a\njob 1 tasks=5");
        struct m_job *j = model_job(m, 1);
        struct m_retry r = {.task = 2, .attempt = 1, .due = m->wall_ms + 99};
        bool queued = false;

        (void)unused;
        free(scene_decide(m)); /* 1.1 runs */
        j->next++;
        m->ready_tasks--;
        model_job_retry(m, j, &r);
        assert_false(model_job_drop_task(m, j, 1, &queued)); /* placed */
        assert_false(model_job_drop_task(m, j, 6, &queued)); /* no such task */
        assert_true(model_job_drop_task(m, j, 2, &queued));
        assert_true(queued);
        assert_true(model_job_drop_task(m, j, 3, &queued));
        assert_false(queued);
        j->cancelled = 2;
        assert_int_equal(job_waiting(j), 2);
        assert_sound(m);
        model_free(m);
}

static void job_with_gaps_has_only_the_tasks_of_its_list(void **unused)
{
        struct model *m = scene("site a cpus=2\njob 1 array=1,5,7-13:3,20");
        struct m_job *j = model_job(m, 1);
        bool queued = true;
        char *plan;

        (void)unused;
        assert_int_equal(job_total(j), 6);
        assert_int_equal(job_waiting(j), 6);
        assert_int_equal(m->ready_tasks, 6);
        assert_true(job_has_task(j, 10) && !job_has_task(j, 2) && !job_has_task(j, 21));
        plan = scene_decide(m);
        assert_string_equal(plan, "1.1#1@w1 1.5#1@w1");
        free(plan);
        assert_int_equal(j->next, 7);
        assert_int_equal(job_waiting(j), 4);
        assert_false(model_job_drop_task(m, j, 8, &queued)); /* a gap */
        assert_true(model_job_drop_task(m, j, 20, &queued));
        assert_true(model_job_drop_task(m, j, 7, &queued)); /* the cursor goes on behind the gap */
        assert_false(queued);
        j->cancelled = 2;
        assert_int_equal(j->next, 10);
        assert_int_equal(job_waiting(j), 2);
        assert_sound(m);
        scene_end_all(m, 1, true, 1);
        plan = scene_decide(m);
        assert_string_equal(plan, "1.10#1@w1 1.13#1@w1");
        free(plan);
        assert_int_equal(j->next, 21);
        assert_int_equal(job_waiting(j), 0);
        scene_end_all(m, 1, true, 1);
        assert_true(job_is_done(j));
        assert_int_equal(m->ready_tasks, 0);
        assert_sound(m);
        model_free(m);
}

static void job_with_gaps_goes_on_where_the_record_says(void **unused)
{
        struct model *m = scene("site a cpus=9");
        struct task_set *tasks;
        struct job_init init = {.id = 1, .name = "x", .spec = "{}", .need = {.slots = 1, .cpus = 1}};
        struct err err;
        char *plan;

        (void)unused;
        assert_int_equal(task_set_parse("array", "3-9:3,40,41", &tasks, NULL, &err), 0);
        init.project = model_project_put(m, 1, "p");
        init.tasks = tasks;
        init.first = tasks->first;
        init.last = tasks->last;
        init.next = 9;
        init.succeeded = 2;
        init.started_at = init.deadline = INT64_MIN;
        model_job_add(m, &init);
        assert_int_equal(job_waiting(model_job(m, 1)), 3);
        plan = scene_decide(m);
        assert_string_equal(plan, "1.9#1@w1 1.40-41#1@w1");
        free(plan);
        assert_sound(m);
        model_free(m);
}

static void elements_of_a_list_are_released_by_their_numbers(void **unused)
{
        struct model *m = scene("site a cpus=9\njob 1 array=2,4,9 after=9 elementwise");
        struct m_job *j = model_job(m, 1);
        struct m_retry r = {.task = 4, .due = m->wall_ms};
        AUTO_FREE char *plan = NULL;

        (void)unused;
        assert_int_equal(job_elements_waiting(j), 3);
        model_job_retry(m, j, &r);
        plan = scene_decide(m);
        assert_string_equal(plan, "1.4#1@w1");
        assert_true(job_element_has_left(j, 4) && !job_element_has_left(j, 9));
        assert_false(model_job_skip(m, j, 3));
        assert_true(model_job_skip(m, j, 9));
        j->cancelled = 1;
        assert_int_equal(job_elements_waiting(j), 1);
        assert_sound(m);
        model_free(m);
}

static void job_ends_as_its_tasks_did(void **unused)
{
        static const struct {
                int32_t succeeded, failed, cancelled;
                bool done;
                enum job_state end;
        } cases[] = {
            {3, 0, 0, true, JOB_SUCCEEDED}, {2, 1, 0, true, JOB_FAILED},     {1, 1, 1, true, JOB_FAILED},
            {2, 0, 1, true, JOB_CANCELLED}, {2, 0, 0, false, JOB_SUCCEEDED},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct model *m = scene("job 1 tasks=3");
                struct m_job *j = model_job(m, 1);

                j->succeeded = cases[i].succeeded;
                j->failed = cases[i].failed;
                j->cancelled = cases[i].cancelled;
                assert_int_equal(job_is_done(j), cases[i].done);
                assert_int_equal(job_end_state(j), cases[i].end);
                model_free(m);
        }
}

static void job_goes_when_its_dependency_is_met(void **unused)
{
        struct model *m = scene("site a cpus=9\njob 1\njob 2 after=1 tasks=2\njob 3 after=1\njob 4 after=1");

        (void)unused;
        free(scene_decide(m));
        assert_null(model_attempt(m, 2, 1));
        assert_int_equal(model_dependents(m, 1)->n, 3);
        model_job_remove(m, model_job(m, 3));
        assert_int_equal(model_dependents(m, 1)->n, 2);
        assert_sound(m);
        model_job(m, 2)->after[0].met = true;
        model_job_update(m, model_job(m, 2));
        free(scene_decide(m));
        assert_non_null(model_attempt(m, 2, 2));
        assert_null(model_attempt(m, 4, 1));
        model_attempt_close(m, model_attempt(m, 2, 1), true, 1);
        model_attempt_close(m, model_attempt(m, 2, 2), true, 1);
        model_job_remove(m, model_job(m, 2));
        model_job_remove(m, model_job(m, 4));
        assert_int_equal(model_dependents(m, 1)->n, 0);
        model_free(m);
}

static void job_runs_elements_only_as_they_are_released(void **unused)
{
        struct model *m = scene("site a cpus=9\njob 1 tasks=4 after=9 elementwise");
        struct m_job *j = model_job(m, 1);
        struct m_retry r = {.task = 3, .due = m->wall_ms};
        AUTO_FREE char *none = scene_decide(m), *plan = NULL;

        (void)unused;
        assert_string_equal(none, "");
        assert_int_equal(job_waiting(j), 0);
        assert_int_equal(job_elements_waiting(j), 4);
        model_job_retry(m, j, &r);
        assert_sound(m);
        plan = scene_decide(m);
        assert_string_equal(plan, "1.3#1@w1");
        assert_int_equal(job_elements_waiting(j), 3);
        assert_int_equal(job_wait_reason(m, j), WAIT_AFTER);
        assert_sound(m);
        model_free(m);
}

static void job_waits_until_its_inputs_are_complete(void **unused)
{
        struct model *m =
            scene("site a cpus=9\ndata d at=a open\njob 1 needs=d\njob 2 needs=d\njob 3 needs=d,d");
        struct m_dataset *d = scene_dataset(m, "d");

        (void)unused;
        model_job_remove(m, model_job(m, 2));
        free(scene_decide(m));
        assert_null(model_attempt(m, 1, 1));
        d->sealed = true;
        model_dataset_changed(m, d);
        assert_sound(m);
        free(scene_decide(m));
        assert_non_null(model_attempt(m, 1, 1));
        assert_non_null(model_attempt(m, 3, 1));
        model_free(m);
}

static void job_takes_its_place_by_a_new_priority(void **unused)
{
        struct model *m = scene("site a\njob 1\njob 2\njob 3");
        AUTO_FREE char *plan = NULL;

        (void)unused;
        model_job_priority(m, model_job(m, 3), 5);
        plan = scene_decide(m);
        assert_string_equal(plan, "3.1#1@w1");
        assert_ptr_equal(m->dirty, model_job(m, 3));
        model_free(m);
}

static void job_under_its_throttle_goes_on_when_one_ends(void **unused)
{
        struct model *m = scene("site a cpus=9\njob 1 tasks=9 throttle=2");
        AUTO_FREE char *plan = NULL;

        (void)unused;
        free(scene_decide(m));
        model_attempt_close(m, model_attempt(m, 1, 2), true, 1);
        model_job(m, 1)->succeeded++;
        assert_sound(m);
        plan = scene_decide(m);
        assert_string_equal(plan, "1.3#1@w1");
        model_free(m);
}

static void dirty_jobs_leave_the_list_when_they_are_removed(void **unused)
{
        static const int64_t orders[][3] = {{1, 2, 3}, {3, 2, 1}, {2, 1, 3}, {2, 3, 1}};

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
                struct model *m = scene("job 1\njob 2\njob 3");

                for (int64_t id = 1; id <= 3; id++)
                        model_job_dirty(m, model_job(m, id));
                for (size_t k = 0; k < 3; k++)
                        model_job_remove(m, model_job(m, orders[i][k]));
                assert_null(m->dirty);
                scene_add(m, "job 4");
                model_job_dirty(m, model_job(m, 4));
                assert_ptr_equal(m->dirty, model_job(m, 4));
                model_free(m);
        }
}

static void job_skips_tasks_that_were_taken_out(void **unused)
{
        struct model *m = scene("site a cpus=9\njob 1 tasks=9");
        struct m_job *j = model_job(m, 1);
        static const int32_t out[] = {5, 9, 1, 2, 7};
        AUTO_FREE char *plan = NULL;
        bool queued;

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(out); i++) {
                assert_true(model_job_drop_task(m, j, out[i], &queued));
                assert_false(model_job_drop_task(m, j, out[i], &queued)); /* once */
                j->cancelled++;
                assert_sound(m);
        }
        plan = scene_decide(m);
        assert_string_equal(plan, "1.3-4#1@w1 1.6#1@w1 1.8#1@w1");
        assert_int_equal(job_waiting(j), 0);
        assert_sound(m);
        model_free(m);
}

/* Cancelled twice, or after its end, a task must not be counted twice: the job would never be done. */
static void job_takes_an_element_out_once_and_only_before_its_end(void **unused)
{
        struct model *m = scene("site a cpus=9\njob 1 tasks=10 after=9 elementwise");
        struct m_job *j = model_job(m, 1);
        struct m_retry r = {.task = 3, .due = m->wall_ms};
        bool queued;

        (void)unused;
        model_job_retry(m, j, &r);
        free(scene_decide(m));
        assert_false(model_job_drop_task(m, j, 3, &queued)); /* runs */
        scene_end_all(m, 1, true, 1);
        assert_false(model_job_drop_task(m, j, 3, &queued)); /* ended */
        r.task = 4;
        model_job_retry(m, j, &r);
        assert_true(model_job_drop_task(m, j, 4, &queued)); /* released, waits for a place */
        assert_true(queued);
        assert_false(model_job_drop_task(m, j, 4, &queued));
        assert_true(model_job_drop_task(m, j, 10, &queued)); /* waits for the other job */
        assert_false(queued);
        assert_false(model_job_drop_task(m, j, 10, &queued));
        j->cancelled = 2;
        job_element_leaves(j, 1); /* as the record says */
        assert_false(model_job_drop_task(m, j, 1, &queued));
        assert_int_equal(job_elements_waiting(j), 7);
        assert_sound(m);
        model_free(m);
}

/* ---- attempts and workers ---- */

static void worker_whose_offer_shrinks_keeps_what_runs(void **unused)
{
        struct model *m = scene("site a cpus=4\njob 1 tasks=9");
        struct m_worker *w = model_worker(m, 1);
        struct res less = w->offer;
        AUTO_FREE char *none = NULL, *one = NULL;

        (void)unused;
        free(scene_decide(m));
        less.cpus = 2;
        model_worker_offer(m, w, &less);
        assert_int_equal(w->free.cpus, -2);
        assert_sound(m);
        model_attempt_close(m, model_attempt(m, 1, 1), true, 1);
        model_attempt_close(m, model_attempt(m, 1, 2), true, 1);
        model_job(m, 1)->succeeded = 2;
        none = scene_decide(m);
        assert_string_equal(none, "");
        model_attempt_close(m, model_attempt(m, 1, 3), true, 1);
        model_job(m, 1)->succeeded++;
        one = scene_decide(m);
        assert_string_equal(one, "1.5#1@w1");
        assert_sound(m);
        model_free(m);
}

/* A worker of `cpus` slots that ends short tasks quickly, all slots taken. */
static struct model *busy_scene(void)
{
        struct model *m = scene("site a cpus=4\njob 1 tasks=100000");

        for (int i = 0; i < 300; i++) {
                free(scene_decide(m));
                m->now_ms += 1;
                m->wall_ms += 1;
                scene_end_all(m, 1, true, 1);
        }
        return m;
}

static void short_tasks_are_sent_ahead_and_take_their_places_in_order(void **unused)
{
        struct model *m = busy_scene();
        struct m_worker *w = model_worker(m, 1);
        struct m_job *j = model_job(m, 1);
        int32_t first;

        (void)unused;
        free(scene_decide(m));
        free(scene_decide(m));
        assert_in_range(w->ahead, 1, m->ahead_max);
        assert_int_equal(w->quick, 4);
        assert_sound(m);
        first = w->ahead_first->key.task;
        for (int32_t t = j->first; t < first; t++) {
                struct m_attempt *a = model_attempt(m, 1, t);

                if (a) {
                        model_attempt_close(m, a, true, 1);
                        j->succeeded++;
                        break;
                }
        }
        assert_false(model_attempt(m, 1, first)->ahead);
        assert_true(!w->ahead_first || w->ahead_first->key.task == first + 1);
        assert_sound(m);
        model_free(m);
}

static void nothing_is_sent_ahead_behind_long_tasks(void **unused)
{
        struct model *m = busy_scene();
        struct m_worker *w = model_worker(m, 1);

        (void)unused;
        assert_true(w->rate > 100);
        scene_add(m, "job 2 tasks=4 priority=9 limit=1");
        free(scene_decide(m));
        assert_int_equal(model_job(m, 2)->live, 4);
        assert_int_equal(w->ahead, 0);
        model_free(m);
}

static void nothing_is_sent_ahead_by_a_rate_of_long_ago(void **unused)
{
        struct model *m = busy_scene();
        struct m_worker *w = model_worker(m, 1);

        (void)unused;
        m->now_ms += 10 * RATE_STALE_MS;
        free(scene_decide(m));
        free(scene_decide(m));
        assert_int_equal(w->quick, 4);
        assert_int_equal(w->ahead, 0);
        model_free(m);
}

static void rules_of_a_site_count_what_runs_there_already(void **unused)
{
        struct model *m = scene("site a cpus=9\njob 1 tasks=3 cpus=2");
        struct m_site *s = scene_site(m, "a");
        struct m_site_rule rule = {.project = scene_project(m, "p")->id, .max_cpus = 7, .used_cpus = 999};

        (void)unused;
        free(scene_decide(m));
        model_site_rules(m, s, &rule, 1);
        assert_int_equal(s->rules[0].used_cpus, 6);
        assert_sound(m);
        model_site_rules(m, s, NULL, 0);
        assert_sound(m);
        model_free(m);
}

static void usage_fades_by_half_in_a_half_life(void **unused)
{
        struct model *m = scene("project p share=2 usage=100");
        struct m_project *p = scene_project(m, "p");

        (void)unused;
        assert_true(project_score(m, p) == 50);
        m->wall_ms += (int64_t)m->half_life_ms;
        assert_true(project_score(m, p) == 25);
        model_charge(m, p, 10);
        assert_true(p->usage == 60 && p->usage_at == m->wall_ms);
        model_charge(m, p, -1000);
        assert_true(p->usage == 0);
        model_free(m);
}

/* ---- breakers ---- */

static void breaker_opens_after_failures_in_a_row_and_closes_by_a_probe(void **unused)
{
        struct model *m = scene("site a");
        struct m_site *s = scene_site(m, "a");
        int64_t pause = BREAKER_PAUSE_MS;

        (void)unused;
        for (int i = 1; i < BREAKER_FAILURES; i++)
                assert_false(model_site_result(m, s, true));
        model_site_result(m, s, false);
        for (int i = 1; i < BREAKER_FAILURES; i++)
                assert_false(model_site_result(m, s, true));
        assert_true(model_site_result(m, s, true));
        assert_false(model_site_result(m, s, true)); /* it says so once */
        assert_true(site_breaker_is_open(s));
        assert_int_equal(s->breaker_until, m->now_ms + pause);
        for (int i = 0; i < 20; i++) {
                model_site_probe_result(m, s, false);
                pause = pause * 2 < BREAKER_PAUSE_MAX ? pause * 2 : BREAKER_PAUSE_MAX;
                assert_int_equal(s->breaker_until, m->now_ms + pause);
        }
        model_site_probe_result(m, s, true);
        assert_false(site_breaker_is_open(s));
        assert_false(model_site_result(m, s, true));
        model_free(m);
}

/* What a healthy neighbour ends well must not hide a worker that fails everything. */
static void breaker_opens_for_one_broken_worker_among_good_ones(void **unused)
{
        struct model *m = scene("site a workers=2");
        bool open = false;
        int failures = 0;

        (void)unused;
        while (!open && failures < 100) {
                model_worker_result(m, model_worker(m, 2), false);
                open = model_worker_result(m, model_worker(m, 1), true);
                failures++;
        }
        assert_int_equal(failures, BREAKER_FAILURES);
        model_site_probe_result(m, scene_site(m, "a"), true);
        assert_false(model_worker_result(m, model_worker(m, 1), true));
        model_free(m);
}

static void model_knows_a_bounded_number_of_countables(void **unused)
{
        struct model *m = model_new();
        char name[16];

        (void)unused;
        for (int i = 0; i < RES_CUSTOM_MAX; i++) {
                snprintf(name, sizeof name, "c%d", i);
                assert_int_equal(model_custom(m, name), i);
        }
        assert_int_equal(model_custom(m, "c3"), 3);
        assert_int_equal(model_custom(m, "more"), -1);
        model_free(m);
}

static void a_countable_that_nobody_offers_or_asks_for_gives_way(void **unused)
{
        struct model *m = scene("site a\njob 1\njob 2");
        char name[16];

        (void)unused;
        for (int i = 0; i < RES_CUSTOM_MAX; i++) {
                snprintf(name, sizeof name, "c%d", i);
                model_custom(m, name);
        }
        model_worker(m, 1)->offer.custom[0] = 4;
        model_worker(m, 1)->configured.custom[1] = 1;
        model_job(m, 1)->shape->need.custom[2] = 1;
        m->pass++;
        assert_int_equal(model_custom(m, "c3"), 3);
        assert_int_equal(model_custom(m, "new"), 4);
        assert_int_equal(model_custom(m, "newer"), 5);
        assert_int_equal(model_custom(m, "new"), 4);
        assert_string_equal(m->customs[4], "new");
        for (int i = 6; i < RES_CUSTOM_MAX; i++) {
                snprintf(name, sizeof name, "n%d", i);
                assert_int_equal(model_custom(m, name), i);
        }
        assert_int_equal(model_custom(m, "more"), -1);
        model_free(m);
}

/* A hundred thousand jobs of one dataset after one job: taking them out must not look at each for each. */
static void model_lets_go_of_many_dependents_and_readers(void **unused)
{
        struct model *m = scene("site a\ndata d at=a");

        (void)unused;
        for (int64_t i = 1; i <= 100000; i++) {
                struct m_after after = {.job = 999999, .condition = 'a'};
                struct m_dataset *d = scene_dataset(m, "d");
                struct job_init init = {.id = i,
                                        .project = model_project_put(m, 1, "p"),
                                        .name = "x",
                                        .last = 0,
                                        .after = &after,
                                        .after_count = 1,
                                        .inputs = &d,
                                        .input_count = 1};

                model_job_add(m, &init);
        }
        assert_int_equal(model_dependents(m, 999999)->n, 100000);
        for (int64_t i = 100000; i > 50000; i -= 2)
                model_job_remove(m, model_job(m, i));
        for (int64_t i = 1; i <= 50000; i++)
                model_job_remove(m, model_job(m, i));
        assert_int_equal(model_dependents(m, 999999)->n, 25000);
        assert_int_equal(scene_dataset(m, "d")->reader_count, 25000);
        model_free(m);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(shape_is_shared_by_jobs_that_are_alike),
            cmocka_unit_test(shape_blames_a_site_only_when_others_do_well),
            cmocka_unit_test(job_drops_only_tasks_that_wait),
            cmocka_unit_test(job_with_gaps_has_only_the_tasks_of_its_list),
            cmocka_unit_test(job_with_gaps_goes_on_where_the_record_says),
            cmocka_unit_test(elements_of_a_list_are_released_by_their_numbers),
            cmocka_unit_test(job_ends_as_its_tasks_did),
            cmocka_unit_test(job_goes_when_its_dependency_is_met),
            cmocka_unit_test(job_runs_elements_only_as_they_are_released),
            cmocka_unit_test(job_waits_until_its_inputs_are_complete),
            cmocka_unit_test(job_takes_its_place_by_a_new_priority),
            cmocka_unit_test(job_under_its_throttle_goes_on_when_one_ends),
            cmocka_unit_test(dirty_jobs_leave_the_list_when_they_are_removed),
            cmocka_unit_test(job_skips_tasks_that_were_taken_out),
            cmocka_unit_test(job_takes_an_element_out_once_and_only_before_its_end),
            cmocka_unit_test(worker_whose_offer_shrinks_keeps_what_runs),
            cmocka_unit_test(short_tasks_are_sent_ahead_and_take_their_places_in_order),
            cmocka_unit_test(nothing_is_sent_ahead_behind_long_tasks),
            cmocka_unit_test(nothing_is_sent_ahead_by_a_rate_of_long_ago),
            cmocka_unit_test(rules_of_a_site_count_what_runs_there_already),
            cmocka_unit_test(usage_fades_by_half_in_a_half_life),
            cmocka_unit_test(breaker_opens_after_failures_in_a_row_and_closes_by_a_probe),
            cmocka_unit_test(breaker_opens_for_one_broken_worker_among_good_ones),
            cmocka_unit_test(model_knows_a_bounded_number_of_countables),
            cmocka_unit_test(a_countable_that_nobody_offers_or_asks_for_gives_way),
            cmocka_unit_test(model_lets_go_of_many_dependents_and_readers),
        };

        return cmocka_run_group_tests_name("core: model", tests, NULL, NULL);
}
