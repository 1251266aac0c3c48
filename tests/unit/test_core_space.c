/* SPDX-License-Identifier: Apache-2.0 */
/* Room for copies: who gets what falls free. */
#include "common/util.h"
#include "core/link.h"
#include "core/space.h"
#include "core/transfer.h"
#include "tests/unit/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define CLAIM_MS 60000

/* ---- a world that goes on by itself: one second a step ----
 * Transfers take five seconds, tasks ten; copies nobody reads are evicted when their room is wanted. */

struct world {
        struct model *m;
        struct plan plan;
        int64_t next_decision, next_job;
        int64_t placed_at[2000]; /* wall ms, by job */
};

#define MOVE_MS 5000
#define RUN_MS  10000

static void later(struct model *m, int64_t ms)
{
        m->now_ms += ms;
        m->wall_ms += ms;
}

/* Datasets stay whether somebody reads them or not. */
static void keep_datasets(struct model *m)
{
        struct m_dataset *d;

        for (size_t i = 0; (d = map_next(&m->datasets, &i));)
                d->users++;
}

static void finish_transfers(struct model *m)
{
        for (;;) {
                struct m_transfer *t, *due = NULL;

                for (size_t i = 0; !due && (t = map_next(&m->transfers, &i));) {
                        if (t->state == TRANSFER_ACTIVE && m->wall_ms - t->started_at >= MOVE_MS)
                                due = t;
                }
                if (!due)
                        return;
                model_transfer_done(m, due, "/copies");
        }
}

static void finish_tasks(struct model *m)
{
        struct m_attempt *a, *due;

        do {
                due = NULL;
                for (size_t i = 0; !due && (a = map_next(&m->attempts, &i));) {
                        if (m->wall_ms - a->placed_at >= RUN_MS)
                                due = a;
                }
                if (due) {
                        struct m_job *j = due->job;

                        model_attempt_close(m, due, true, RUN_MS);
                        j->succeeded++;
                        if (job_is_done(j))
                                model_job_remove(m, j);
                        else
                                model_job_update(m, j);
                }
        } while (due);
}

static bool is_copy_of(const struct m_dataset *d, int32_t site)
{
        for (size_t i = 0; i < d->site_count; i++) {
                if (d->sites[i].site == site && d->sites[i].copy)
                        return true;
        }
        return false;
}

/* What the record would do. */
static void evict(struct model *m, struct m_site *s)
{
        struct m_storage *t = &s->storage;
        struct m_dataset *d;

        t->evictable = 0;
        for (size_t i = 0; (d = map_next(&m->datasets, &i));) {
                if (!is_copy_of(d, s->id) || d->reader_count || d->transfers)
                        continue;
                if (t->used + t->pledged > t->quota)
                        model_copy_gone(m, d, s->id);
                else
                        t->evictable += d->bytes;
        }
        assert_true(t->used + t->pledged <= t->quota);
}

static void step(struct world *w, struct m_site *s)
{
        struct model *m = w->m;
        char *wrong;

        later(m, 1000);
        finish_transfers(m);
        finish_tasks(m);
        evict(m, s);
        decide(m, &w->next_decision, &w->plan);
        for (size_t i = 0; i < w->plan.run_count; i++) {
                const struct plan_run *r = &w->plan.runs[i];

                for (int32_t k = 0; k < r->count; k++)
                        model_attempt(m, r->job->id, r->task + k)->placed_at = m->wall_ms;
                w->placed_at[r->job->id] = m->wall_ms;
        }
        for (size_t i = 0; i < w->plan.cancel_count; i++)
                model_transfer_close(m, w->plan.cancels[i]);
        w->plan.cancel_count = 0;
        for (size_t i = 0; i < w->plan.leave_count; i++)
                model_copy_gone(m, model_dataset(m, w->plan.leaves[i].dataset), w->plan.leaves[i].site);
        evict(m, s);
        wrong = scene_audit(m);
        if (wrong)
                fail_msg("%s", wrong);
}

/* One site with room for 100, of which twelve small datasets of 30 each are wanted all the time; a new job on
 * one of them every second. */
static void busy_world(struct world *w, int64_t claim_ms)
{
        memset(w, 0, sizeof *w);
        w->next_decision = 1;
        w->next_job = 10;
        w->m = scene("site a cpus=1 closed\nsite b cpus=8 quota=100\nproject p\nproject q");
        scene_site(w->m, "a")->intent = SITE_DRAINING;
        for (int i = 0; i < 12; i++) {
                AUTO_FREE char *line = xasprintf("data s%d bytes=30 at=a", i);

                scene_add(w->m, line);
        }
        scene_add(w->m, "data big bytes=90 at=a\ndata huge bytes=101 at=a");
        keep_datasets(w->m);
        w->m->claim_ms = claim_ms;
        link_know(w->m, model_link_put(w->m, 1, 2), 10, 0.1, 1000, w->m->wall_ms);
}

static void another_small_one(struct world *w)
{
        AUTO_FREE char *line = xasprintf("job %lld project=p expect=10000 sites=b needs=s%lld",
                                         (long long)w->next_job, (long long)(w->next_job % 12));

        w->next_job++;
        scene_add(w->m, line);
}

static void world_end(struct world *w)
{
        plan_release(&w->plan);
        model_free(w->m);
}

/* Steps until the job was placed, with small ones all the time; -1: not within `max`. */
static int steps_until(struct world *w, int64_t job, int max)
{
        for (int i = 0; i < max; i++) {
                another_small_one(w);
                step(w, scene_site(w->m, "b"));
                if (w->placed_at[job])
                        return i;
        }
        return -1;
}

static bool room_is_kept_for(const struct world *w, int64_t job)
{
        const struct m_shape *s = claim_holder(scene_site(w->m, "b"));

        return s && model_job(w->m, job) && model_job(w->m, job)->shape == s;
}

static void large_inputs_would_starve_without_a_claim(void **unused)
{
        struct world w;

        (void)unused;
        busy_world(&w, 0);
        assert_int_equal(steps_until(&w, 1, 20), -1);
        scene_add(w.m, "job 1 project=q expect=10000 sites=b needs=big");
        assert_int_equal(steps_until(&w, 1, 300), -1);
        world_end(&w);
}

/* The bound: the claim, what runs and what moves when it stands, its own move, and the looks in between. */
#define BOUND_STEPS ((CLAIM_MS + RUN_MS + MOVE_MS + MOVE_MS + 4 * CLAIM_LOOK_MS) / 1000)

static void large_inputs_get_their_room_within_a_bound_whatever_comes_meanwhile(void **unused)
{
        struct world w;
        int took, others = 0;

        (void)unused;
        busy_world(&w, CLAIM_MS);
        assert_int_equal(steps_until(&w, 1, 20), -1);
        scene_add(w.m, "job 1 project=q expect=10000 sites=b needs=big");
        took = steps_until(&w, 1, 300);
        assert_in_range(took, CLAIM_MS / 1000, BOUND_STEPS);
        assert_false(room_is_kept_for(&w, 1));
        /* and afterwards the others go on */
        memset(w.placed_at, 0, sizeof w.placed_at);
        assert_int_equal(steps_until(&w, 1, 60), -1);
        for (size_t i = 0; i < ARRAY_LEN(w.placed_at); i++)
                others += w.placed_at[i] != 0;
        assert_in_range(others, 10, 60);
        world_end(&w);
}

static void what_can_never_fit_keeps_nobody_out(void **unused)
{
        struct world w;

        (void)unused;
        busy_world(&w, CLAIM_MS);
        scene_add(w.m, "job 1 project=q expect=10000 sites=b needs=huge");
        for (int i = 0; i < 150; i++) {
                another_small_one(&w);
                step(&w, scene_site(w.m, "b"));
                assert_false(room_is_kept_for(&w, 1));
        }
        assert_string_equal(wait_reason_name(job_wait_reason(w.m, model_job(w.m, 1))), "no_space");
        world_end(&w);
}

static void pinned_copies_do_not_make_room(void **unused)
{
        struct world w;
        struct m_dataset *d;
        struct m_site *b;

        (void)unused;
        busy_world(&w, CLAIM_MS);
        b = scene_site(w.m, "b");
        d = scene_dataset(w.m, "s0");
        model_dataset_site(d, b->id, "/copies", false, 1, 30)->copy = true;
        d->sites[1].pinned = true;
        b->storage.used = 30;
        /* somebody reads it all the time */
        scene_add(w.m, "job 2 project=p tasks=1000 throttle=1 expect=10000 sites=b needs=s0\n"
                       "job 1 project=q expect=10000 sites=b needs=big");
        assert_int_equal(steps_until(&w, 1, 200), -1);
        assert_false(room_is_kept_for(&w, 1));
        d->sites[1].pinned = false;
        assert_in_range(steps_until(&w, 1, 200), 0, 2 * BOUND_STEPS); /* behind others that claimed */
        world_end(&w);
}

static void last_copy_never_makes_room(void **unused)
{
        struct world w;
        struct m_dataset *d;
        struct m_site *b;

        (void)unused;
        busy_world(&w, CLAIM_MS);
        b = scene_site(w.m, "b");
        d = scene_dataset(w.m, "s0");
        model_dataset_site(d, b->id, "/copies", false, 1, 30)->copy = true;
        d->sites[0].suspect = true; /* what lies at a cannot be relied on */
        b->storage.used = 30;
        scene_add(w.m, "job 2 project=p tasks=1000 throttle=1 expect=10000 sites=b needs=s0\n"
                       "job 1 project=q expect=10000 sites=b needs=big");
        assert_int_equal(steps_until(&w, 1, 150), -1);
        assert_true(is_copy_of(d, b->id));
        world_end(&w);
}

static void who_waits_behind_a_claim_is_told_for_whom(void **unused)
{
        struct world w;
        struct candidate c;
        struct m_site *b;

        (void)unused;
        busy_world(&w, CLAIM_MS);
        b = scene_site(w.m, "b");
        for (int i = 0; i < 20; i++) {
                another_small_one(&w);
                step(&w, b);
        }
        scene_add(w.m, "job 1 project=q expect=10000 sites=b needs=big");
        for (int i = 0; i < 200 && !room_is_kept_for(&w, 1); i++) {
                another_small_one(&w);
                step(&w, b);
        }
        assert_true(room_is_kept_for(&w, 1));
        another_small_one(&w);
        w.m->now_ms++;
        for (int i = 0; i < 12; i++) { /* one that is not there */
                AUTO_FREE char *name = xasprintf("s%d", i);
                struct m_dataset *d = scene_dataset(w.m, name);

                if (model_dataset_at(d, b->id) || d->transfers)
                        continue;
                AUTO_FREE char *line = xasprintf("job 399 project=p needs=%s", name);

                scene_add(w.m, line);
                place_judge(w.m, model_job(w.m, 399)->shape, b, 0, true, &c);
                assert_int_equal(c.step, PLACE_SPACE);
                assert_non_null(strstr(c.why, "kept for job 1"));
                world_end(&w);
                return;
        }
        fail_msg("all of them are there");
}

static void room_that_nobody_told_of_is_unknown_and_not_none(void **unused)
{
        static const struct {
                const char *scene, *why, *reason;
        } cases[] = {
            {"site a untold\nsite b cpus=1 closed\ndata d at=b bytes=10\njob 1 needs=d sites=a",
             "not told yet", "no_space"},
            {"site a untold offline\nsite b cpus=1 closed\ndata d at=b bytes=10\njob 1 needs=d sites=a",
             "connected", "down"},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct model *m = scene(cases[i].scene);
                AUTO_FREE char *got = NULL;
                struct candidate c;

                scene_site(m, "b")->intent = SITE_DRAINING;
                m->claim_ms = 1;
                got = scene_decide_data(m);
                assert_string_equal(got, "");
                place_judge(m, model_job(m, 1)->shape, scene_site(m, "a"), 0, true, &c);
                assert_non_null(strstr(c.why, cases[i].why));
                assert_string_equal(wait_reason_name(job_wait_reason(m, model_job(m, 1))), cases[i].reason);
                model_free(m);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(large_inputs_would_starve_without_a_claim),
            cmocka_unit_test(large_inputs_get_their_room_within_a_bound_whatever_comes_meanwhile),
            cmocka_unit_test(what_can_never_fit_keeps_nobody_out),
            cmocka_unit_test(pinned_copies_do_not_make_room),
            cmocka_unit_test(last_copy_never_makes_room),
            cmocka_unit_test(who_waits_behind_a_claim_is_told_for_whom),
            cmocka_unit_test(room_that_nobody_told_of_is_unknown_and_not_none),
        };

        return cmocka_run_group_tests_name("core: space", tests, NULL, NULL);
}
