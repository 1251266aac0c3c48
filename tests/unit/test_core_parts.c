/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks that share the files of an input: what is dealt to which site, what is moved for them, and where they
 * go. */
#include "common/util.h"
#include "core/parts.h"
#include "core/transfer.h"
#include "tests/unit/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void audit(struct model *m)
{
        char *wrong = scene_audit(m);

        if (wrong)
                fail_msg("%s", wrong);
}

static void pass_is(struct model *m, const char *want)
{
        AUTO_FREE char *got = scene_decide_data(m);

        assert_string_equal(got, want);
        audit(m);
}

static void later(struct model *m, int64_t ms)
{
        m->now_ms += ms;
        m->wall_ms += ms;
}

static struct m_transfer *transfer_to(struct model *m, const char *data, const char *site)
{
        return model_transfer_to(m, scene_dataset(m, data), scene_site(m, site)->id);
}

static struct model *shared(void)
{
        struct model *m = scene("site a cpus=1\nsite b cpus=2 quota=1e9\ndata d files=40 bytes=4000 at=a");

        scene_add(m, "job 1 tasks=40 needs=d shares");
        return m;
}

static void a_site_gets_the_files_of_what_it_runs_and_some_more(void **unused)
{
        struct model *m = shared();

        (void)unused;
        pass_is(m, "1.1#1@w1 +d{[1,5)}>b !d{[1,5)}:a>b");
        assert_int_equal(transfer_to(m, "d", "b")->bytes, 400);
        assert_int_equal(scene_site(m, "b")->storage.pledged, 400);
        later(m, 1000);
        pass_is(m, "");
        model_transfer_done(m, transfer_to(m, "d", "b"), "/b");
        assert_null(model_dataset_at(scene_dataset(m, "d"), scene_site(m, "b")->id));
        later(m, 1000);
        pass_is(m, "1.2#1@w2 1.3#1@w2 +d{[5,7)}>b !d{[5,7)}:a>b");
        model_free(m);
}

static void what_holds_the_whole_takes_what_is_dealt_to_others_when_nothing_else_is_left(void **unused)
{
        struct model *m = scene("site a cpus=1\nsite b cpus=8 quota=1e9\ndata d files=4 bytes=4000 at=a");

        (void)unused;
        scene_add(m, "job 1 tasks=4 needs=d shares");
        pass_is(m, "1.1#1@w1 +d{[1,4)}>b !d{[1,4)}:a>b");
        scene_site(m, "b")->workers[0]->ready = false;
        scene_end_all(m, 1, true, 10);
        later(m, 1000);
        pass_is(m, "1.4#1@w1");
        scene_end_all(m, 1, true, 10);
        later(m, 1000);
        pass_is(m, "1.3#1@w1");
        model_free(m);
}

static void who_reads_the_whole_gets_the_rest(void **unused)
{
        struct model *m = shared();

        (void)unused;
        pass_is(m, "1.1#1@w1 +d{[1,5)}>b !d{[1,5)}:a>b");
        model_transfer_done(m, transfer_to(m, "d", "b"), "/b");
        scene_add(m, "job 2 needs=d sites=b priority=9");
        later(m, 1000);
        free(scene_decide_data(m));
        audit(m);
        assert_int_equal(transfer_to(m, "d", "b")->only.n, 0);
        assert_int_equal(transfer_to(m, "d", "b")->bytes, 3600);
        model_transfer_done(m, transfer_to(m, "d", "b"), "/b");
        assert_non_null(model_dataset_at(scene_dataset(m, "d"), scene_site(m, "b")->id));
        assert_int_equal(scene_site(m, "b")->storage.used, 4000);
        assert_int_equal(scene_site(m, "b")->storage.pledged, 0);
        model_free(m);
}

static void a_transfer_of_some_files_that_waits_becomes_one_of_all_when_somebody_wants_all(void **unused)
{
        struct model *m = shared();

        (void)unused;
        m->active_max = 1;
        scene_add(m, "data e bytes=100 at=a\njob 3 needs=e sites=b priority=9");
        free(scene_decide_data(m));
        assert_int_equal(transfer_to(m, "d", "b")->state, TRANSFER_QUEUED);
        assert_int_equal(transfer_to(m, "d", "b")->bytes, 400);
        scene_add(m, "job 2 needs=d sites=b priority=9");
        later(m, 1000);
        free(scene_decide_data(m));
        audit(m);
        assert_int_equal(transfer_to(m, "d", "b")->only.n, 0);
        assert_int_equal(transfer_to(m, "d", "b")->bytes, 4000);
        assert_int_equal(scene_site(m, "b")->storage.pledged, 4100);
        model_free(m);
}

static void a_part_needs_room_for_itself_only(void **unused)
{
        struct model *m = scene("site a cpus=1\nsite b cpus=2 quota=350\ndata d files=40 bytes=4000 at=a");

        (void)unused;
        scene_add(m, "job 1 tasks=40 needs=d shares");
        pass_is(m, "1.1#1@w1 +d{[1,4)}>b !d{[1,4)}:a>b");
        model_free(m);
}

static void a_part_is_no_source(void **unused)
{
        struct model *m = shared();
        struct way w;

        (void)unused;
        scene_add(m, "site c cpus=2 quota=1e9 draining");
        free(scene_decide_data(m));
        while (transfer_to(m, "d", "b"))
                model_transfer_done(m, transfer_to(m, "d", "b"), "/b");
        scene_site(m, "a")->workers[0]->ready = false;
        dataset_way(m, scene_dataset(m, "d"), scene_site(m, "c"), &w);
        assert_int_equal(w.from, 0);
        model_free(m);
}

/* ---- any course of things ---- */

struct dice {
        uint32_t state;
};

static int roll(struct dice *d, int sides)
{
        d->state = d->state * 1664525 + 1013904223;
        return (int)((d->state >> 8) % (uint32_t)sides);
}

/* What was placed is where its part lies, and was not placed before. */
static void check_runs(const struct plan *p, uint8_t *placed)
{
        for (size_t i = 0; i < p->run_count; i++) {
                const struct plan_run *r = &p->runs[i];

                for (int32_t k = 0; k < r->count; k++) {
                        if (r->job->shape->parts)
                                assert_non_null(job_input_at(r->job, 0, r->worker->site->id, r->task + k));
                        assert_true(!placed[r->task + k]++ || r->attempt > 1);
                }
        }
}

static void end_some(struct model *m, struct dice *dice)
{
        struct m_attempt *a;
        struct m_attempt *list[64];
        size_t n = 0;

        for (size_t i = 0; n < 64 && (a = map_next(&m->attempts, &i));) {
                if (roll(dice, 3) == 0)
                        list[n++] = a;
        }
        for (size_t i = 0; i < n; i++) {
                struct m_job *j = list[i]->job;
                bool well = roll(dice, 8) != 0;
                struct m_retry r = {.task = list[i]->key.task,
                                    .attempt = list[i]->key.attempt,
                                    .avoid_site = roll(dice, 2) ? list[i]->worker->site->id : 0,
                                    .due = m->wall_ms + roll(dice, 5000)};

                model_attempt_close(m, list[i], well, 1000);
                if (well)
                        j->succeeded++;
                else
                        model_job_retry(m, j, &r);
                model_job_update(m, j);
        }
}

static void move_some(struct model *m, struct dice *dice)
{
        struct m_transfer *t, *list[64];
        size_t n = 0;

        for (size_t i = 0; n < 64 && (t = map_next(&m->transfers, &i));) {
                if (t->state != TRANSFER_QUEUED && roll(dice, 2) == 0)
                        list[n++] = t;
        }
        for (size_t i = 0; i < n; i++) {
                if (roll(dice, 5) == 0)
                        model_transfer_failed(m, list[i], roll(dice, 2) ? FAULT_LINK : FAULT_DESTINATION);
                else
                        model_transfer_done(m, list[i], "/copy");
        }
}

static void each_task_ends_once_whatever_happens(void **unused)
{
        (void)unused;
        for (uint32_t seed = 1; seed <= 60; seed++) {
                struct dice dice = {seed};
                struct model *m = scene("site a cpus=1\nsite b cpus=3 quota=1e9\nsite c cpus=2 quota=600\n"
                                        "data d files=60 bytes=6000 at=a");
                uint8_t placed[64] = {0};
                int64_t decision = 1;
                struct plan p = {0};
                int turns = 0;

                scene_add(m, "job 1 tasks=30 needs=d shares");
                while (!job_is_done(model_job(m, 1)) && turns++ < 2000) {
                        if (roll(&dice, 20) == 0)
                                model_copy_gone(m, scene_dataset(m, "d"), 2 + roll(&dice, 2));
                        scene_site(m, "b")->workers[0]->ready = roll(&dice, 10) != 0;
                        decide(m, &decision, &p);
                        check_runs(&p, placed);
                        for (size_t i = 0; i < p.cancel_count; i++)
                                model_transfer_close(m, p.cancels[i]);
                        audit(m);
                        move_some(m, &dice);
                        end_some(m, &dice);
                        later(m, 500 + roll(&dice, 2000));
                }
                if (!job_is_done(model_job(m, 1)))
                        fail_msg("seed %u: the job does not end", seed);
                plan_release(&p);
                model_free(m);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_site_gets_the_files_of_what_it_runs_and_some_more),
            cmocka_unit_test(what_holds_the_whole_takes_what_is_dealt_to_others_when_nothing_else_is_left),
            cmocka_unit_test(who_reads_the_whole_gets_the_rest),
            cmocka_unit_test(a_transfer_of_some_files_that_waits_becomes_one_of_all_when_somebody_wants_all),
            cmocka_unit_test(a_part_needs_room_for_itself_only),
            cmocka_unit_test(a_part_is_no_source),
            cmocka_unit_test(each_task_ends_once_whatever_happens),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
