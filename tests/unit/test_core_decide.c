/* SPDX-License-Identifier: Apache-2.0 */
/* What a pass places. */
#include "common/util.h"
#include "tests/unit/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void assert_plan(struct model *m, const char *expected)
{
        AUTO_FREE char *plan = scene_decide(m);
        AUTO_FREE char *wrong = scene_audit(m);

        assert_string_equal(plan, expected);
        if (wrong)
                fail_msg("%s", wrong);
}

static void add_retry(struct model *m, int64_t job, int32_t task, int32_t avoid, int64_t due)
{
        struct m_retry r = {.task = task, .attempt = 1, .avoid_site = avoid, .due = due, .site_failures = 1};
        struct m_job *j = model_job(m, job);

        assert_int_equal(j->next, task); /* the tests fail tasks in order */
        j->next++;
        m->ready_tasks--;
        model_job_retry(m, j, &r);
}

static void decide_places_by_priority_then_number(void **unused)
{
        static const struct {
                const char *scene, *plan;
        } cases[] = {
            {"", ""},
            {"site a\njob 1\njob 2", "1.1#1@w1"},
            {"site a\njob 1\njob 2 priority=1", "2.1#1@w1"},
            {"site a\njob 1 priority=-1\njob 2", "2.1#1@w1"},
            {"site a cpus=4\njob 1 tasks=100", "1.1-4#1@w1"},
            {"site a cpus=4\njob 1 first=0 tasks=3", "1.0-2#1@w1"},
            {"site a cpus=2 workers=2\njob 1 tasks=100", "1.1-2#1@w1 1.3-4#1@w2"},
            {"site a cpus=4\njob 1 tasks=100 throttle=3", "1.1-3#1@w1"},
            {"site a cpus=4 slots=2\njob 1 tasks=100", "1.1-2#1@w1"},
            {"site a cpus=4\njob 1 tasks=2\njob 2 tasks=9 cpus=2", "1.1-2#1@w1 2.1#1@w1"},
            {"site a cpus=2\njob 1 cpus=3\njob 2",
             "2.1#1@w1"}, /* the first cannot go: it holds back nobody */
            {"site a cpus=2\njob 1 held\njob 2", "2.1#1@w1"},
            {"site a cpus=2\njob 1 after=9\njob 2", "2.1#1@w1"},
            {"site a cpus=9 max_tasks=2\njob 1 tasks=5", "1.1-2#1@w1"},
            {"project p max_tasks=3\nsite a cpus=2 workers=2\njob 1 tasks=5", "1.1-2#1@w1 1.3#1@w2"},
            {"project p max_cpus=5\nsite a cpus=9\njob 1 tasks=5 cpus=2", "1.1-2#1@w1"},
            {"site a cpus=9 only=p only_cpus=3\njob 1 tasks=5", "1.1-3#1@w1"},
            {"site a project=q\nsite b\njob 1 tasks=5", "1.1#1@w2"},
            {"site a\njob 1 nospec\njob 2 cpus=1 memory=1", "2.1#1@w1"},
            {"site a cpus=2\njob 1\njob 2 memory=1\njob 3",
             "1.1#1@w1 2.1#1@w1"}, /* 3 is of 1's shape, and later */
            {"site a\nsite b\ndata d files=2 at=b part=a\njob 1 tasks=9 needs=d", "1.1#1@w2"},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct model *m = scene(cases[i].scene);

                assert_plan(m, cases[i].plan);
                assert_plan(m, "");
                model_free(m);
        }
}

static void decide_takes_retries_first_when_their_pause_is_over(void **unused)
{
        struct model *m = scene("site a cpus=2\njob 1 tasks=9");

        (void)unused;
        add_retry(m, 1, 1, 0, m->wall_ms + 500);
        assert_plan(m, "1.2-3#1@w1");
        scene_end_all(m, 1, true, 2000);
        m->wall_ms += 500;
        assert_plan(m, "1.1#2@w1 1.4#1@w1");
        model_free(m);
}

static void decide_wakes_a_job_that_has_nothing_but_a_retry(void **unused)
{
        struct model *m = scene("site a cpus=2\njob 1");
        int64_t due = m->wall_ms + 500;

        (void)unused;
        add_retry(m, 1, 1, 0, due);
        assert_plan(m, "");
        assert_int_equal(model_wake(m), due);
        m->wall_ms = due;
        assert_int_equal(model_wake(m), TIME_NEVER);
        assert_plan(m, "1.1#2@w1");
        model_free(m);
}

static void decide_sends_a_retry_elsewhere_and_the_run_where_there_is_room(void **unused)
{
        struct model *m = scene("site a cpus=2\nsite b cpus=2\njob 1 tasks=9");

        (void)unused;
        add_retry(m, 1, 1, 1, m->wall_ms);
        assert_plan(m, "1.1#2@w2 1.2-3#1@w1 1.4#1@w2");
        model_free(m);
}

static void decide_sends_each_retry_away_from_its_own_site(void **unused)
{
        struct model *m = scene("site a cpus=4\nsite b cpus=4\njob 1 tasks=4");

        (void)unused;
        add_retry(m, 1, 1, 1, m->wall_ms);
        add_retry(m, 1, 2, 2, m->wall_ms);
        add_retry(m, 1, 3, 1, m->wall_ms);
        assert_plan(m, "1.1#2@w2 1.2#2@w1 1.3#2@w2 1.4#1@w1");
        model_free(m);
}

/* Its own tasks run at b and will soon end: the retry waits for one of those places, the run takes a's. */
static void decide_lets_a_retry_wait_without_holding_back_the_run(void **unused)
{
        struct model *m = scene("site a cpus=2\nsite b cpus=2\njob 1 tasks=99");
        struct m_job *j = model_job(m, 1);

        (void)unused;
        model_attempt_open(m, j, model_worker(m, 2), 1, 1, false);
        model_attempt_open(m, j, model_worker(m, 2), 2, 1, false);
        j->next = 3;
        m->ready_tasks -= 2;
        j->shape->ended = 99;
        j->shape->run_ms = 5000;
        add_retry(m, 1, 3, 1, m->wall_ms);
        assert_plan(m, "1.4-5#1@w1");
        model_attempt_close(m, model_attempt(m, 1, 1), true, 5000);
        j->succeeded++;
        assert_plan(m, "1.3#2@w2");
        model_free(m);
}

static void decide_is_not_held_up_by_a_clock_set_back(void **unused)
{
        struct model *m = scene("site a cpus=9\njob 1\njob 2");

        (void)unused;
        add_retry(m, 1, 1, 0, m->wall_ms);
        m->wall_ms -= 1000;
        free(scene_decide(m));
        assert_non_null(model_attempt(m, 2, 1));
        assert_null(model_attempt(m, 1, 1));
        m->wall_ms += 1000;
        assert_plan(m, "1.1#2@w1");
        model_free(m);
}

/* ---- fair share ---- */

static int64_t cpus_of(struct model *m, const char *project)
{
        return scene_project(m, project)->used_cpus;
}

static void decide_evens_out_use_over_share(void **unused)
{
        static const struct {
                const char *scene;
                int64_t q, p; /* CPUs after the first pass */
        } cases[] = {
            {"project p\nproject q\nsite a cpus=64\njob 1 tasks=999\njob 2 tasks=999 project=q", 32, 32},
            {"project p\nproject q share=3\nsite a cpus=64\njob 1 tasks=999\njob 2 tasks=999 project=q", 48,
             16},
            {"project p usage=9999\nproject q\nsite a cpus=64\njob 1 tasks=999\njob 2 tasks=999 project=q",
             64, 0},
            {"project p\nproject q\nsite a cpus=64\njob 1 tasks=9\njob 2 tasks=999 project=q", 55, 9},
            {"project p\nproject q\nsite a cpus=64\njob 1 tasks=999 cpus=4\njob 2 tasks=999 project=q", 32,
             32},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct model *m = scene(cases[i].scene);

                free(scene_decide(m));
                assert_in_range(cpus_of(m, "q"), cases[i].q - (cases[i].q > 4 ? 4 : 0), cases[i].q + 4);
                assert_in_range(cpus_of(m, "p"), cases[i].p - (cases[i].p > 4 ? 4 : 0), cases[i].p + 4);
                model_free(m);
        }
}

static void decide_converges_to_shares_over_time(void **unused)
{
        struct model *m = scene("project p share=1\nproject q share=4\nsite a cpus=10\n"
                                "job 1 tasks=100000\njob 2 tasks=100000 cpus=2 project=q");
        int64_t p = 0, q = 0;

        (void)unused;
        for (int i = 0; i < 300; i++) {
                free(scene_decide(m));
                p += cpus_of(m, "p");
                q += cpus_of(m, "q");
                m->now_ms += 60000;
                m->wall_ms += 60000;
                scene_end_all(m, 1, true, 60000);
                scene_end_all(m, 2, true, 60000);
        }
        assert_in_range(q * 1000 / p, 3800, 4200);
        model_free(m);
}

static void decide_charges_tasks_that_ask_for_no_cpu(void **unused)
{
        struct model *m = scene("project p\nproject q\nsite a cpus=9 slots=10\n"
                                "job 1 tasks=999 cpus=0\njob 2 tasks=999 project=q");

        (void)unused;
        free(scene_decide(m));
        assert_in_range(scene_project(m, "q")->used_tasks, 4, 6);
        model_free(m);
}

/* ---- bounds ---- */

static void decide_places_a_million_tasks_as_runs(void **unused)
{
        struct model *m = scene("site a cpus=1000\nsite b cpus=1000\njob 1 tasks=1000000");

        (void)unused;
        assert_plan(m, "1.1-1000#1@w1 1.1001-2000#1@w2");
        assert_int_equal(m->ready_tasks, 998000);
        model_free(m);
}

static void decide_stops_at_its_limit_and_says_that_there_is_more(void **unused)
{
        struct model *m = scene("site a cpus=10000\njob 1 tasks=10000");
        struct plan p = {0};
        int64_t next = 1, placed = 0;
        int passes = 0;

        (void)unused;
        do {
                decide(m, &next, &p);
                assert_true(p.placed <= DECIDE_TASKS_MAX);
                placed += p.placed;
                passes++;
        } while (p.more);
        assert_int_equal(placed, 10000);
        assert_int_equal(passes, 3);
        plan_release(&p);
        model_free(m);
}

static void decide_records_an_array_of_alternating_sites_in_few_rows(void **unused)
{
        struct model *m = scene("site a cpus=4\nsite b cpus=4\nsite c cpus=4\njob 1 tasks=100000");
        struct plan p = {0};
        int64_t next = 1;

        (void)unused;
        for (int i = 0; i < 500; i++) {
                decide(m, &next, &p);
                for (size_t k = 0; k < p.run_count; k++)
                        assert_in_range(p.runs[k].decision, 1, next - 1);
                m->now_ms += 50;
                m->wall_ms += 50;
                scene_site(m, "c")->alarm = i % 2; /* the answer changes all the time */
                scene_end_all(m, 1, true, 2000 + i);
        }
        assert_in_range(next - 1, 3, 9);
        plan_release(&p);
        model_free(m);
}

static void decide_records_a_bounded_number_of_candidates_the_chosen_one_among_them(void **unused)
{
        struct model *m = scene("job 1 tasks=5000");
        struct plan p = {0};
        int64_t next = 1;

        (void)unused;
        for (int i = 0; i < 100; i++) {
                char line[64];

                snprintf(line, sizeof line, "site s%d cpus=10%s", i, i < 50 ? " closed" : "");
                scene_add(m, line);
        }
        decide(m, &next, &p);
        assert_int_equal(p.placed, 500);
        assert_int_equal(p.choice_count, 50);
        for (size_t i = 0; i < p.choice_count; i++) {
                bool has = false;

                assert_in_range(p.choices[i].candidate_count, 1, CHOICE_CANDIDATES_MAX);
                for (size_t k = 0; k < p.choices[i].candidate_count; k++) {
                        const struct candidate *c = p.choices[i].candidates;

                        has = has || c[k].site == p.choices[i].site;
                        assert_int_equal(c[k].site->intent,
                                         SITE_OPEN); /* these say more than the closed ones */
                        assert_true(!k || c[k - 1].site->id < c[k].site->id);
                }
                assert_true(has);
        }
        plan_release(&p);
        model_free(m);
}

static void decide_asks_for_the_specs_of_many_jobs_at_once(void **unused)
{
        struct model *m = scene("site a cpus=9\njob 1 nospec\njob 2\njob 3 nospec\njob 4 nospec");
        struct plan p = {0};
        int64_t next = 1;

        (void)unused;
        decide(m, &next, &p);
        assert_int_equal(p.placed, 0); /* the order holds: job 2 is not let past job 1 */
        assert_int_equal(p.want_count, 3);
        for (size_t i = 0; i < p.want_count; i++)
                p.want_spec[i]->spec = xstrdup("{}");
        decide(m, &next, &p);
        assert_int_equal(p.placed, 4);
        plan_release(&p);
        model_free(m);
}

/* ---- determinism ---- */

static void append_pass(FILE *f, struct model *m, int64_t *next)
{
        struct plan p = {0};

        decide(m, next, &p);
        for (size_t i = 0; i < p.run_count; i++) {
                const struct plan_run *r = &p.runs[i];

                fprintf(f, "%lld %d %d %d %d %d %d %lld\n", (long long)r->job->id, r->worker->id, r->task,
                        r->count, r->attempt, r->task_failures, r->queued, (long long)r->decision);
        }
        for (size_t i = 0; i < p.choice_count; i++) {
                const struct plan_choice *c = &p.choices[i];

                fprintf(f, "%lld %lld %d %d\n", (long long)c->id, (long long)c->job->id, c->task,
                        c->site->id);
                for (size_t k = 0; k < c->candidate_count; k++) {
                        const struct candidate *d = &c->candidates[k];

                        fprintf(f, " %d %d %d %s %a %a %lld\n", d->site->id, d->dropped, d->step, d->why,
                                d->wait, d->finish, (long long)d->room);
                }
        }
        plan_release(&p);
}

static char *history(void)
{
        struct model *m =
            scene("project p share=2\nproject q\nproject r share=0.5\n"
                  "site a cpus=7 speed=2\nsite b cpus=3 memory=4 workers=2\nsite c cpus=5 gpus=1\n"
                  "data d at=a,c\ndata e at=b,c\n"
                  "job 1 tasks=50 needs=d\njob 2 tasks=50 cpus=2 project=q\njob 3 tasks=9 needs=e,d\n"
                  "job 4 tasks=50 memory=1 project=r\njob 5 tasks=5 gpus=1 project=r\n"
                  "job 6 tasks=50 throttle=2 project=q priority=3");
        char *text;
        size_t n;
        FILE *f = open_memstream(&text, &n);
        int64_t next = 1;

        for (int i = 0; i < 30; i++) {
                append_pass(f, m, &next);
                scene_end_all(m, 1 + i % 6, i % 4 != 3, 500 * (1 + i % 3));
                m->now_ms += 700;
                m->wall_ms += 700;
        }
        fclose(f);
        model_free(m);
        return text;
}

static void decide_gives_the_same_plan_byte_for_byte(void **unused)
{
        AUTO_FREE char *once = history();
        void *shift[100];
        char *again;

        (void)unused;
        for (int i = 0; i < 100; i++) /* other addresses for everything */
                shift[i] = malloc(977);
        again = history();
        for (int i = 0; i < 100; i++)
                free(shift[i]);
        assert_true(strlen(once) > 1000);
        assert_string_equal(once, again);
        free(again);
}

/* ---- room for large tasks ---- */

/* One small task ends at a time and others wait for its place. Returns after how many ends the large one got
 * in. */
static int ends_until_placed(struct model *m, int64_t small, int64_t large, int max)
{
        for (int i = 0; i < max; i++) {
                struct m_attempt *a = NULL;
                struct m_job *j = model_job(m, small);

                for (int32_t t = j->first; !a && t <= j->last; t++)
                        a = model_attempt(m, small, t);
                assert_non_null(a);
                model_attempt_close(m, a, true, 60000);
                j->succeeded++;
                m->now_ms += 10000;
                m->wall_ms += 10000;
                free(scene_decide(m));
                if (model_attempt(m, large, 1))
                        return i + 1;
        }
        return -1;
}

static void decide_makes_room_for_a_large_task_that_is_passed_over(void **unused)
{
        struct model *m = scene("project p\nproject q usage=1e9\nsite a cpus=8\njob 2 tasks=10000 project=q");
        AUTO_FREE char *wrong = NULL;
        int ends;

        (void)unused;
        free(scene_decide(m));
        scene_add(m, "job 3 cpus=8"); /* goes first by fair share and never fits */
        m->reserve_ms = TIME_NEVER;
        assert_int_equal(ends_until_placed(m, 2, 3, 200), -1);
        m->reserve_ms = 60000;
        ends = ends_until_placed(m, 2, 3, 200);
        assert_in_range(ends, 1, 10);
        wrong = scene_audit(m);
        if (wrong)
                fail_msg("%s", wrong);
        assert_null(model_worker(m, 1)->reserved);
        model_free(m);
}

static void decide_reserves_only_for_those_who_were_passed_over(void **unused)
{
        struct model *m = scene("site a cpus=8\njob 2 tasks=10000 priority=5");

        (void)unused;
        free(scene_decide(m));
        scene_add(m, "job 3 cpus=8"); /* later in the order: it waits its turn */
        assert_int_equal(ends_until_placed(m, 2, 3, 200), -1);
        assert_false(model_job(m, 3)->shape->passed_over);
        model_free(m);
}

static void decide_gives_a_reservation_up_when_nobody_wants_it(void **unused)
{
        static const char *const what[] = {"hold", "worker", "remove"};

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(what); i++) {
                struct model *m =
                    scene("project p\nproject q usage=1e9\nsite a cpus=8\njob 2 tasks=10000 project=q");

                free(scene_decide(m));
                scene_add(m, "job 3 cpus=8");
                assert_int_equal(ends_until_placed(m, 2, 3, 8), -1);
                assert_ptr_equal(model_worker(m, 1)->reserved, model_job(m, 3)->shape);
                if (i == 0) {
                        model_job(m, 3)->held = true;
                        model_job_update(m, model_job(m, 3));
                } else if (i == 1) {
                        model_worker(m, 1)->disk_full = true;
                } else {
                        model_job_remove(m, model_job(m, 3));
                }
                free(scene_decide(m));
                assert_null(model_worker(m, 1)->reserved);
                model_free(m);
        }
}

static void decide_reserves_one_worker_of_a_project_at_most(void **unused)
{
        struct model *m =
            scene("project p\nproject q usage=1e9\nsite a cpus=4 workers=8\njob 2 tasks=10000 project=q");
        int reserved = 0;

        (void)unused;
        free(scene_decide(m));
        scene_add(m, "job 3 cpus=4\njob 4 cpus=3\njob 5 cpus=4 memory=1");
        assert_int_equal(ends_until_placed(m, 2, 3, 8), -1);
        for (int32_t i = 1; i <= 8; i++)
                reserved += model_worker(m, i)->reserved != NULL;
        assert_int_equal(reserved, 1);
        model_free(m);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(decide_places_by_priority_then_number),
            cmocka_unit_test(decide_takes_retries_first_when_their_pause_is_over),
            cmocka_unit_test(decide_wakes_a_job_that_has_nothing_but_a_retry),
            cmocka_unit_test(decide_sends_a_retry_elsewhere_and_the_run_where_there_is_room),
            cmocka_unit_test(decide_sends_each_retry_away_from_its_own_site),
            cmocka_unit_test(decide_lets_a_retry_wait_without_holding_back_the_run),
            cmocka_unit_test(decide_is_not_held_up_by_a_clock_set_back),
            cmocka_unit_test(decide_evens_out_use_over_share),
            cmocka_unit_test(decide_converges_to_shares_over_time),
            cmocka_unit_test(decide_charges_tasks_that_ask_for_no_cpu),
            cmocka_unit_test(decide_places_a_million_tasks_as_runs),
            cmocka_unit_test(decide_stops_at_its_limit_and_says_that_there_is_more),
            cmocka_unit_test(decide_records_an_array_of_alternating_sites_in_few_rows),
            cmocka_unit_test(decide_records_a_bounded_number_of_candidates_the_chosen_one_among_them),
            cmocka_unit_test(decide_asks_for_the_specs_of_many_jobs_at_once),
            cmocka_unit_test(decide_gives_the_same_plan_byte_for_byte),
            cmocka_unit_test(decide_makes_room_for_a_large_task_that_is_passed_over),
            cmocka_unit_test(decide_reserves_only_for_those_who_were_passed_over),
            cmocka_unit_test(decide_gives_a_reservation_up_when_nobody_wants_it),
            cmocka_unit_test(decide_reserves_one_worker_of_a_project_at_most),
        };

        return cmocka_run_group_tests_name("core: decide", tests, NULL, NULL);
}
