/* SPDX-License-Identifier: Apache-2.0 */
/* Data on its way: links, transfers, storage, policies, the ledger, and where data is sent. */
#include "common/ids.h"
#include "common/util.h"
#include "core/ledger.h"
#include "core/link.h"
#include "core/median.h"
#include "core/transfer.h"
#include "core/ways.h"
#include "tests/unit/scene.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void pass_is(struct model *m, const char *want)
{
        AUTO_FREE char *got = scene_decide_data(m);
        char *wrong = scene_audit(m);

        assert_string_equal(got, want);
        if (wrong)
                fail_msg("%s", wrong);
}

static void later(struct model *m, int64_t ms)
{
        m->now_ms += ms;
        m->wall_ms += ms;
}

static struct m_transfer *only_transfer(struct model *m)
{
        size_t i = 0;
        struct m_transfer *t = map_next(&m->transfers, &i);

        assert_non_null(t);
        assert_null(map_next(&m->transfers, &i));
        return t;
}

/* ---- links ---- */

static void link_that_nobody_measured_is_as_the_median_of_the_known(void **unused)
{
        struct model *m = scene("site a\nsite b\nsite c\nsite d");

        (void)unused;
        assert_true(link_rate(m, 1, 2) == LINK_RATE_DEFAULT);
        link_know(m, model_link_put(m, 1, 2), 1e6, 0.1, 100, m->wall_ms);
        link_know(m, model_link_put(m, 2, 3), 4e6, 0.1, 100, m->wall_ms);
        link_know(m, model_link_put(m, 3, 1), 90e6, 0.1, 100, m->wall_ms);
        links_refresh(m);
        assert_true(fabs(link_rate(m, 4, 1) - 4e6) < 1e3);
        assert_true(fabs(link_rate(m, 2, 1) - 4e6) < 1e3); /* directions differ */
        assert_true(link_rate(m, 1, 2) < 1.2e6);
        model_free(m);
}

static int by_double(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

static void median_is_the_one_that_sorting_would_find(void **unused)
{
        struct model *m = scene("site a\nsite b\nsite c\nsite d\nsite e\nsite f\nsite g");
        double rates[49];
        uint64_t dice = 7;

        (void)unused;
        for (int round = 0; round < 300; round++) {
                struct m_link *l;
                size_t n = 0;

                dice = hash_mix(dice + 0x9e3779b97f4a7c15ULL);
                l = model_link_put(m, 1 + (int32_t)(dice % 7), 1 + (int32_t)(dice / 7 % 7));
                link_know(m, l, exp((double)(dice >> 20 & 1023) / 25), 0.1, dice >> 40 & 7, m->wall_ms);
                for (int i = 1; i <= 7; i++) {
                        for (int k = 1; k <= 7; k++) {
                                const struct m_link *x = model_link(m, i, k);

                                if (x && x->weight > 0)
                                        rates[n++] = x->log_rate;
                        }
                }
                assert_int_equal(median_count(m->median), n);
                if (!n)
                        continue;
                qsort(rates, n, sizeof *rates, by_double);
                assert_true(median_find(m->median) ==
                            (n % 2 ? rates[n / 2] : (rates[n / 2 - 1] + rates[n / 2]) / 2));
        }
        model_free(m);
}

/* What is kept of ways is what would be found anew, whatever changed. */
static void expect_same_ways(struct model *m, const struct m_dataset *d)
{
        struct ways *kept = m->ways;

        for (size_t i = 1; i < m->site_cap; i++) {
                struct way with, without;

                if (!m->sites[i])
                        continue;
                dataset_way(m, d, m->sites[i], &with);
                m->ways = NULL;
                dataset_way(m, d, m->sites[i], &without);
                m->ways = kept;
                assert_int_equal(with.from, without.from);
                assert_true(with.seconds == without.seconds && with.moving == without.moving);
        }
}

static void way_that_was_found_is_forgotten_when_anything_about_it_changes(void **unused)
{
        struct model *m = scene("site a\nsite b\nsite c\nsite d\ndata x files=2 bytes=1000000000 at=a,b\n"
                                "data y bytes=5000 at=a");
        struct m_dataset *d = scene_dataset(m, "x"), *y = scene_dataset(m, "y");
        struct m_link *l = model_link_put(m, 1, 3);

        (void)unused;
        for (int step = 0; step < 12; step++) {
                struct m_transfer *t = NULL;

                ways_open(m);
                expect_same_ways(m, d);
                if (step == 0)
                        link_know(m, l, 100e6, 0.1, 8, m->wall_ms);
                else if (step == 1)
                        link_know(m, model_link_put(m, 2, 1), 900e6, 0.1, 8, m->wall_ms);
                else if (step == 2)
                        link_learn(m, l, 100000000, 100000, 1);
                else if (step == 3)
                        link_set_limits(m, l, 1e6, 1);
                else if (step == 4)
                        t = model_transfer_open(m, 9, y, 1, 3, WHY_PERSON);
                else if (step == 5)
                        for (int i = 0; i < LINK_FAILURES; i++)
                                link_failed(m, l);
                expect_same_ways(m, d);
                if (t)
                        model_transfer_close(m, t);
                expect_same_ways(m, d);
                ways_close(m);
                /* What may change between spans only. */
                if (step == 6)
                        m->sites[1]->workers[0]->ready = false;
                else if (step == 7)
                        m->sites[2]->storage.egress = 3e6;
                else if (step == 8)
                        d->sites[1].leaving = true;
                else if (step == 9)
                        model_dataset_site(d, 4, "/d", false, 1, 400000000);
                else if (step == 10)
                        m->sites[1]->workers[0]->ready = true;
                later(m, 5000);
                links_refresh(m);
        }
        model_free(m);
}

static void link_forgets_slowly_and_is_not_moved_far_by_one_wild_sample(void **unused)
{
        struct model *m = scene("site a\nsite b");
        struct m_link *l = model_link_put(m, 1, 2);

        (void)unused;
        for (int i = 0; i < 20; i++)
                link_learn(m, l, 100000000, 10000, 1); /* 10 MB/s */
        assert_true(link_rate(m, 1, 2) > 9e6 && link_rate(m, 1, 2) < 11e6);
        link_learn(m, l, 100000000, 1, 1); /* 100 GB/s */
        assert_true(link_rate(m, 1, 2) < 13e6);
        later(m, 48 * 3600 * 1000);
        link_learn(m, l, 100000000, 100000, 1); /* after two days, 1 MB/s counts */
        assert_true(link_rate(m, 1, 2) < 3e6);
        link_learn(m, l, 100000000, 100000, 4); /* shared by four: the link does 4 MB/s */
        assert_true(link_rate(m, 1, 2) > 1.2e6);
        model_free(m);
}

static void link_that_fails_again_and_again_rests_for_longer_and_longer(void **unused)
{
        struct model *m = scene("site a\nsite b");
        struct m_link *l = model_link_put(m, 1, 2);

        (void)unused;
        link_failed(m, l);
        link_failed(m, l);
        assert_true(link_rest(m, 1, 2) == 0);
        link_failed(m, l);
        assert_true(link_rest(m, 1, 2) == 60);
        for (int i = 0; i < 3; i++)
                link_failed(m, l);
        assert_true(link_rest(m, 1, 2) == 300);
        link_learn(m, l, 1, 1, 1);
        assert_true(link_rest(m, 1, 2) == 0);
        model_free(m);
}

static void what_moved_to_the_last_byte_is_there_when_it_was_published(void **unused)
{
        struct model *m =
            scene("site a cpus=1 draining\nsite b cpus=1 quota=1e9\ndata d bytes=100 at=a\njob 1 needs=d");

        (void)unused;
        pass_is(m, "+d>b !d:a>b");
        model_transfer_progress(m, only_transfer(m), 100);
        later(m, 1000);
        pass_is(m, "");
        assert_int_equal(job_wait_reason(m, model_job(m, 1)), WAIT_STAGING);
        model_transfer_done(m, only_transfer(m), "/b");
        later(m, 1000);
        pass_is(m, "1.1#1@w2");
        model_free(m);
}

static void a_failed_transfer_without_source_or_room_is_no_data_on_its_way(void **unused)
{
        (void)unused;
        for (int room = 0; room < 2; room++) {
                struct model *m = scene("site a cpus=1 draining\nsite b cpus=1 quota=1e9\ndata d bytes=100 "
                                        "at=a\njob 1 needs=d sites=b");

                pass_is(m, "+d>b !d:a>b");
                model_transfer_failed(m, only_transfer(m), room ? FAULT_DESTINATION : FAULT_SOURCE);
                if (room)
                        scene_site(m, "b")->storage.quota = 50;
                else
                        scene_site(m, "a")->workers[0]->ready = false;
                later(m, 1000);
                pass_is(m, "");
                assert_int_equal(job_wait_reason(m, model_job(m, 1)),
                                 room ? WAIT_NO_SPACE : WAIT_INPUT_NOWHERE);
                scene_site(m, "b")->storage.quota = 1000000;
                scene_site(m, "a")->workers[0]->ready = true;
                later(m, 60000);
                pass_is(m, "!d:a>b");
                model_free(m);
        }
}

/* Four datasets at a, wanted at b by a job each; the link does 1 MB/s. */
static struct model *four_wanted(void)
{
        struct model *m = scene("site a cpus=1 draining\nsite b cpus=8 quota=1e12\n"
                                "data d bytes=100e6 at=a\ndata e bytes=100e6 at=a\n"
                                "data f bytes=100e6 at=a\ndata g bytes=100e6 at=a");

        link_know(m, model_link_put(m, 1, 2), 1e6, 0.1, 1000, m->wall_ms);
        links_refresh(m);
        link_know(m, model_link_put(m, 1, 2), 1e6, 0.1, 1000, m->wall_ms);
        model_link_put(m, 1, 2)->max_active = 8;
        scene_add(m, "job 1 needs=d\njob 2 needs=e\njob 3 needs=f\njob 4 needs=g");
        return m;
}

static void budgets_are_shared_out_and_never_exceeded(void **unused)
{
        static const struct {
                double budget, egress, ingress, given;
                int started;
        } cases[] = {
            {0, 0, 0, 0, 4},         /* no budget */
            {500e3, 0, 0, 500e3, 1}, /* the link's, below what it does: one after the other */
            {0, 3e6, 0, 3e6, 2}, /* out of the site: twice what the link does for one, the rest for another */
            {0, 0, 3e6, 3e6, 2}, /* into the site */
            {6e6, 5e6, 3e6, 3e6, 2}, /* the least of them */
            {0, 100e6, 0, 8e6, 4},   /* more than they take */
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct model *m = four_wanted();
                struct m_link *l = model_link_put(m, 1, 2);
                struct m_transfer *t;
                double given = 0;

                l->budget = cases[i].budget;
                scene_site(m, "a")->storage.egress = cases[i].egress;
                scene_site(m, "b")->storage.ingress = cases[i].ingress;
                free(scene_decide_data(m));
                for (size_t k = 0; (t = map_next(&m->transfers, &k));)
                        given += t->given;
                assert_int_equal(l->active, cases[i].started);
                assert_true(fabs(given - cases[i].given) < 0.01 * given + 1);
                while ((t = map_next(&m->transfers, &(size_t){0})))
                        model_transfer_close(m, t);
                assert_true(l->given == 0 && scene_site(m, "a")->storage.out_given == 0);
                model_free(m);
        }
}

static void promised_time_counts_what_sites_let_out_and_in(void **unused)
{
        struct model *m = four_wanted();
        struct way w;

        (void)unused;
        dataset_way(m, scene_dataset(m, "d"), scene_site(m, "b"), &w);
        assert_true(fabs(w.moving - 100) < 1);
        scene_site(m, "a")->storage.egress = 500e3;
        dataset_way(m, scene_dataset(m, "d"), scene_site(m, "b"), &w);
        assert_true(fabs(w.moving - 200) < 1);
        scene_site(m, "a")->storage.out_promised = 50e6; /* to others */
        dataset_way(m, scene_dataset(m, "d"), scene_site(m, "b"), &w);
        assert_true(fabs(w.seconds - 300.1) < 1);
        model_free(m);
}

static void a_transfer_is_given_up_when_slow_only_where_there_is_another_source(void **unused)
{
        struct model *m = four_wanted();
        struct m_transfer *t;

        (void)unused;
        free(scene_decide_data(m));
        t = model_transfer_to(m, scene_dataset(m, "d"), 2);
        assert_true(transfer_least_rate(m, t) == 0);
        scene_add(m, "site c cpus=1 draining");
        model_dataset_site(scene_dataset(m, "d"), 3, "/data", false, 1, 100000000);
        assert_true(fabs(transfer_least_rate(m, t) - 1e6 / TRANSFER_SLOW_PART) < 1000);
        model_free(m);
}

/* ---- the ledger ---- */

static void ledger_says_when_a_place_falls_free_and_counts_what_was_promised(void **unused)
{
        struct model *m = scene("site a cpus=2\njob 1 tasks=2 expect=100000\njob 2 tasks=9 expect=50000");
        struct m_site *a = scene_site(m, "a");

        (void)unused;
        free(scene_decide_data(m));
        assert_true(ledger_wait(m, a, 1, 0) == 100);
        assert_true(ledger_wait(m, a, 2, 0) == 100);
        assert_true(ledger_wait(m, a, 1, 130) == 130); /* not before its data is there */
        ledger_promise(m, a, 1, 0, 50, 2);
        assert_true(ledger_wait(m, a, 1, 0) == 150);
        ledger_promise(m, a, 2, 0, 50, 1);
        assert_true(ledger_wait(m, a, 1, 0) == 200);
        later(m, 400 * 1000); /* both ran four times as long as expected: half as long again */
        free(scene_decide_data(m));
        assert_true(ledger_wait(m, a, 1, 0) > 200);
        model_free(m);
}

/* ---- where data is sent ---- */

#define SLOW_LINK 1e6

static struct model *two_sites(const char *more)
{
        struct model *m = scene("site a cpus=1\nsite b cpus=1 quota=1e12\ndata d bytes=100e6 at=a");

        link_know(m, model_link_put(m, 1, 2), SLOW_LINK, 0.1, 1000, m->wall_ms); /* 100 s for d */
        scene_add(m, more);
        return m;
}

static void data_is_moved_when_that_ends_sooner_than_standing_in_line(void **unused)
{
        static const struct {
                const char *jobs, *plan;
        } cases[] = {
            /* a line of ten times 50 s: the other site is worth the move */
            {"job 1 tasks=10 expect=50000 needs=d", "1.1#1@w1 +d>b !d:a>b"},
            /* two tasks of 50 s: the place there is free sooner than the data would be here */
            {"job 1 tasks=2 expect=50000 needs=d", "1.1#1@w1"},
            /* one: nothing waits */
            {"job 1 expect=50000 needs=d", "1.1#1@w1"},
            /* strangers keep the holder busy for long */
            {"job 9 sites=a expect=5000000\njob 10 needs=d expect=50000", "9.1#1@w1 +d>b !d:a>b"},
            {"job 9 sites=a expect=50000\njob 10 needs=d expect=50000", "9.1#1@w1"},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct model *m = two_sites(cases[i].jobs);

                pass_is(m, cases[i].plan);
                model_free(m);
        }
}

static void data_is_moved_once_for_all_who_want_it_there(void **unused)
{
        struct model *m = two_sites("");
        struct m_transfer *t;
        int staging = 0;

        (void)unused;
        for (int i = 1; i <= 100; i++) {
                AUTO_FREE char *line = xasprintf("job %d needs=d expect=50000 memory=%d", i, i);

                scene_add(m, line);
        }
        pass_is(m, "1.1#1@w1 +d>b !d:a>b");
        t = only_transfer(m);
        assert_int_equal(t->from, 1);
        for (int i = 2; i <= 100; i++)
                staging += job_wait_reason(m, model_job(m, i)) == WAIT_STAGING;
        assert_true(staging > 0); /* others stand in line, here or there */
        for (int i = 0; i < 5; i++) {
                later(m, 1000);
                pass_is(m, "");
        }
        model_transfer_progress(m, t, t->bytes / 2);
        model_transfer_done(m, t, "/copies/d");
        assert_int_equal(m->transfers.n, 0);
        pass_is(m, "2.1#1@w2");
        assert_int_equal(scene_site(m, "b")->storage.used, 100000000);
        model_free(m);
}

static void task_goes_to_the_holder_when_that_is_free_before_the_data_comes(void **unused)
{
        struct model *m = two_sites("job 9 sites=a expect=5000000\njob 10 needs=d expect=50000");

        (void)unused;
        pass_is(m, "9.1#1@w1 +d>b !d:a>b");
        scene_end_all(m, 9, true, 1000);
        pass_is(m, "10.1#1@w1");
        /* It began: nobody waits for it any more, and after a while it is stopped. */
        later(m, 1000);
        pass_is(m, "");
        later(m, 31000);
        pass_is(m, "-d>b");
        assert_true(only_transfer(m)->cancelling);
        model_transfer_close(m, only_transfer(m));
        model_free(m);
}

static void hot_dataset_spreads_from_its_copies(void **unused)
{
        struct model *m =
            scene("site a cpus=1\nsite b quota=1e12\nsite c quota=1e12\ndata d bytes=100e6 at=a\n"
                  "job 1 tasks=300 needs=d expect=500000");
        struct m_link *slow, *fast;

        (void)unused;
        slow = model_link_put(m, 1, 3);
        link_know(m, model_link_put(m, 1, 2), 10e6, 0.1, 1000, m->wall_ms);
        link_know(m, slow, 0.1e6, 0.1, 1000, m->wall_ms);
        fast = model_link_put(m, 2, 3);
        link_know(m, fast, 50e6, 0.1, 1000, m->wall_ms);
        m->wall_ms += 1;
        slow->max_active = 1;
        slow->active = 1;                   /* somebody else's: the transfer to c has to wait */
        pass_is(m, "1.1#1@w1 +d>b !d:a>b"); /* to c it comes from b, when it is there */
        model_transfer_done(m, model_transfer_to(m, scene_dataset(m, "d"), 2), "/copies/d");
        pass_is(m, "1.2#1@w2 +d>c !d:b>c");
        model_free(m);
}

static void failed_transfer_pauses_and_takes_another_source(void **unused)
{
        struct model *m =
            scene("site a cpus=1\nsite b cpus=1\nsite c cpus=4 quota=1e12\ndata d bytes=1e6 at=a,b\n"
                  "job 1 sites=c needs=d expect=50000");
        struct m_transfer *t;

        (void)unused;
        pass_is(m, "+d>c !d:a>c");
        t = only_transfer(m);
        assert_true(model_transfer_failed(m, t, FAULT_SOURCE));
        pass_is(m, "");
        later(m, TRANSFER_BACKOFF_MS);
        pass_is(m, "!d:b>c");
        /* As long as tasks wait for it, it is tried again; otherwise not for ever. */
        for (int i = 1; i < 2 * TRANSFER_TRIES_MAX; i++) {
                assert_true(model_transfer_failed(m, t, FAULT_DESTINATION));
                later(m, TRANSFER_BACKOFF_MAX);
                free(scene_decide_data(m));
                assert_int_equal(t->state, TRANSFER_ACTIVE);
        }
        t->why = WHY_PERSON;
        assert_false(model_transfer_failed(m, t, FAULT_DESTINATION));
        assert_int_equal(m->transfers.n, 0);
        assert_int_equal(scene_site(m, "c")->storage.pledged, 0);
        assert_int_equal(model_link(m, 1, 3)->promised, 0);
        model_free(m);
}

static void hot_dataset_gets_copies_ahead_of_demand_within_the_storage(void **unused)
{
        struct model *m =
            scene("site a cpus=1\nsite b cpus=1 quota=1e12\nsite c quota=1e9\nsite d quota=1e8\n"
                  "data d bytes=90e6 at=a\njob 1 sites=a tasks=9 needs=d expect=500000");
        struct m_dataset *d = scene_dataset(m, "d");

        (void)unused;
        free(scene_decide_data(m));
        assert_int_equal(m->transfers.n, 0);
        d->heat = 2.5 * (double)d->bytes; /* tasks had it moved twice and a half */
        d->heat_at = m->wall_ms;
        later(m, 5000);
        pass_is(m, "+d>b !d:a>b");
        assert_int_equal(only_transfer(m)->why, WHY_COPY);
        later(m, 5000);
        pass_is(m, ""); /* one for two */
        model_transfer_done(m, only_transfer(m), "/copies/d");
        assert_true(d->heat == 2.5 * (double)d->bytes); /* that was no demand */
        d->heat *= 2;
        later(m, 5000);
        pass_is(m, "+d>c !d:a>c"); /* d would give more than a tenth of what it has */
        model_free(m);
}

/* ---- small ones ---- */

static void small_transfers_share_a_link_by_eight_and_large_ones_by_two(void **unused)
{
        static const struct {
                const char *bytes;
                int32_t named, active;
        } cases[] = {{"1000", 0, TRANSFER_LINK_MAX * TRANSFER_SMALL_TIMES},
                     {"1000", 3, 3}, /* who names a limit means it */
                     {"100e6", 0, TRANSFER_LINK_MAX}};

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct model *m = scene("site a cpus=1 draining\nsite b cpus=40 quota=1e12");

                link_know(m, model_link_put(m, 1, 2), 1e6, 0.5, 1000, m->wall_ms);
                model_link_put(m, 1, 2)->max_active = cases[i].named;
                for (int k = 1; k <= 20; k++) {
                        AUTO_FREE char *line = xasprintf(
                            "data d%d bytes=%s at=a\njob %d needs=d%d expect=9000", k, cases[i].bytes, k, k);

                        scene_add(m, line);
                }
                free(scene_decide_data(m));
                assert_int_equal(model_link(m, 1, 2)->active, cases[i].active);
                model_free(m);
        }
}

static void what_waits_to_begin_on_a_link_is_waited_for(void **unused)
{
        struct model *m = scene("site a\nsite b quota=1e12\ndata d bytes=1000 at=a\ndata e bytes=1000 at=a");
        struct way alone, behind;

        (void)unused;
        link_know(m, model_link_put(m, 1, 2), 1e6, 0.5, 1000, m->wall_ms);
        dataset_way(m, scene_dataset(m, "e"), scene_site(m, "b"), &alone);
        model_transfer_open(m, 1, scene_dataset(m, "d"), 1, 2, WHY_JOB);
        dataset_way(m, scene_dataset(m, "e"), scene_site(m, "b"), &behind);
        assert_true(fabs(behind.seconds - alone.seconds - transfer_turn_s(m, 1, 2)) < 0.01);
        model_free(m);
}

static void what_nobody_wants_any_more_neither_starts_nor_stands_in_the_way(void **unused)
{
        struct model *m = scene("site a cpus=1 draining\nsite b cpus=8 quota=1e12\n"
                                "data d bytes=100e6 at=a\ndata e bytes=100e6 at=a");
        struct way w;

        (void)unused;
        link_know(m, model_link_put(m, 1, 2), 1e6, 0.1, 1000, m->wall_ms);
        model_link_put(m, 1, 2)->max_active = 1;
        scene_add(m, "job 1 needs=d\njob 2 needs=e");
        free(scene_decide_data(m));
        assert_int_equal(m->queued.n, 1);
        assert_int_equal(model_link(m, 1, 2)->open, 2);
        model_job(m, 2)->held = true;
        model_job_update(m, model_job(m, 2));
        later(m, 1000);
        free(scene_decide_data(m));
        assert_int_equal(model_link(m, 1, 2)->open, 1);
        dataset_way(m, scene_dataset(m, "e"), scene_site(m, "b"), &w);
        assert_false(w.on_its_way);
        model_free(m);
}

/* ---- what a copy has to buy ---- */

static double price_with(int readers)
{
        struct model *m = scene("site a cpus=1\nsite b cpus=4 quota=1e12\ndata d bytes=100e6 at=a");
        struct candidate c;

        link_know(m, model_link_put(m, 1, 2), SLOW_LINK, 0.1, 1000, m->wall_ms);
        for (int i = 1; i <= readers; i++) {
                AUTO_FREE char *line = xasprintf("job %d needs=d expect=50000 memory=%d", i, i);

                scene_add(m, line);
        }
        place_judge(m, model_job(m, 1)->shape, scene_site(m, "b"), 0, false, &c);
        model_free(m);
        return c.price;
}

static void the_price_of_moving_is_shared_by_all_who_would_read_the_copy(void **unused)
{
        (void)unused;
        assert_true(price_with(1) > 0);
        assert_true(fabs(price_with(1) - 2 * price_with(2)) < 1e-6);
        assert_true(fabs(price_with(1) - 4 * price_with(4)) < 1e-6);
        assert_true(fabs(price_with(4) - price_with(9)) < 1e-6); /* no more than find a place there at once */
}

static void a_copy_is_bought_for_those_who_wait_for_a_place_alone(void **unused)
{
        static const struct {
                const char *jobs, *plan;
        } cases[] = {
            /* one runs at the holder, the other waits for its place: long enough to pay for a copy */
            {"job 1 tasks=2 expect=50000 needs=d", "+d>b !d:a>b"},
            /* it waits for the data that is on its way to it */
            {"site c cpus=1 quota=1e12\njob 9 sites=a expect=5000000\njob 10 needs=d expect=50000", ""},
            /* nobody waits any more: what was paid is lost */
            {"job 1 tasks=1 expect=50000 needs=d", ""},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct model *m = two_sites(cases[i].jobs);

                free(scene_decide_data(m));
                scene_dataset(m, "d")->rent = 1e6;
                scene_dataset(m, "d")->rent_at = m->now_ms;
                later(m, 5000);
                pass_is(m, cases[i].plan);
                model_free(m);
        }
}

/* ---- what stands in the way ---- */

static void data_that_may_not_or_cannot_be_there_is_never_sent(void **unused)
{
        static const struct {
                const char *scene, *why;
                enum place_step step;
                enum wait_reason reason;
        } cases[] = {
            {"site a quota=1e9\nsite b\ndata d at=b allow=b bytes=1e6\njob 1 needs=d sites=a", "policy of d",
             PLACE_POLICY, WAIT_POLICY},
            {"site a\nsite b\ndata d at=a allow=b bytes=1e6\njob 1 needs=d sites=a", "policy of d",
             PLACE_POLICY, WAIT_POLICY},
            {"site a quota=1e5\nsite b\ndata d at=b bytes=1e6\njob 1 needs=d sites=a", "left for copies",
             PLACE_SPACE, WAIT_NO_SPACE},
            {"site a\nsite b\ndata d at=b bytes=1e6\njob 1 needs=d sites=a", "lacks d", PLACE_DATA,
             WAIT_INPUT_NOWHERE},
            {"site a quota=1e9\nsite b offline\ndata d at=b bytes=1e6\njob 1 needs=d sites=a",
             "can be reached", PLACE_DATA, WAIT_INPUT_NOWHERE},
            {"site a quota=1e9\nsite b closed\ndata d at=b bytes=1e6\njob 1 needs=d sites=a",
             "can be reached", PLACE_DATA, WAIT_INPUT_NOWHERE},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct model *m = scene(cases[i].scene);
                struct candidate c;

                place_judge(m, model_job(m, 1)->shape, scene_site(m, "a"), 0, true, &c);
                assert_string_equal(place_step_name(c.step), place_step_name(cases[i].step));
                assert_non_null(strstr(c.why, cases[i].why));
                pass_is(m, "");
                assert_string_equal(wait_reason_name(job_wait_reason(m, model_job(m, 1))),
                                    wait_reason_name(cases[i].reason));
                model_free(m);
        }
}

static void queued_transfer_is_dropped_when_the_policy_changes(void **unused)
{
        struct model *m = two_sites("job 1 tasks=10 expect=50000 needs=d");

        (void)unused;
        pass_is(m, "1.1#1@w1 +d>b !d:a>b");
        model_dataset_allow(scene_dataset(m, "d"), (int32_t[]){1}, 1);
        pass_is(m, "-d>b"); /* at once: not a byte more */
        model_free(m);
}

/* ---- black holes ---- */

static void shape_that_only_failed_early_at_a_site_goes_there_one_at_a_time(void **unused)
{
        struct model *m = scene("site a cpus=8\njob 1 tasks=20\njob 2 memory=1");
        struct m_job *j = model_job(m, 1);

        (void)unused;
        shape_site(j->shape, 1)->early = 1;
        pass_is(m, "1.1#1@w1 2.1#1@w1");
        pass_is(m, "");
        scene_end_all(m, 1, true, 1000);
        pass_is(m, "1.2-8#1@w1");
        model_free(m);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(link_that_nobody_measured_is_as_the_median_of_the_known),
            cmocka_unit_test(median_is_the_one_that_sorting_would_find),
            cmocka_unit_test(way_that_was_found_is_forgotten_when_anything_about_it_changes),
            cmocka_unit_test(link_forgets_slowly_and_is_not_moved_far_by_one_wild_sample),
            cmocka_unit_test(link_that_fails_again_and_again_rests_for_longer_and_longer),
            cmocka_unit_test(what_moved_to_the_last_byte_is_there_when_it_was_published),
            cmocka_unit_test(a_failed_transfer_without_source_or_room_is_no_data_on_its_way),
            cmocka_unit_test(budgets_are_shared_out_and_never_exceeded),
            cmocka_unit_test(promised_time_counts_what_sites_let_out_and_in),
            cmocka_unit_test(a_transfer_is_given_up_when_slow_only_where_there_is_another_source),
            cmocka_unit_test(ledger_says_when_a_place_falls_free_and_counts_what_was_promised),
            cmocka_unit_test(data_is_moved_when_that_ends_sooner_than_standing_in_line),
            cmocka_unit_test(data_is_moved_once_for_all_who_want_it_there),
            cmocka_unit_test(task_goes_to_the_holder_when_that_is_free_before_the_data_comes),
            cmocka_unit_test(small_transfers_share_a_link_by_eight_and_large_ones_by_two),
            cmocka_unit_test(what_waits_to_begin_on_a_link_is_waited_for),
            cmocka_unit_test(what_nobody_wants_any_more_neither_starts_nor_stands_in_the_way),
            cmocka_unit_test(the_price_of_moving_is_shared_by_all_who_would_read_the_copy),
            cmocka_unit_test(a_copy_is_bought_for_those_who_wait_for_a_place_alone),
            cmocka_unit_test(hot_dataset_spreads_from_its_copies),
            cmocka_unit_test(hot_dataset_gets_copies_ahead_of_demand_within_the_storage),
            cmocka_unit_test(failed_transfer_pauses_and_takes_another_source),
            cmocka_unit_test(data_that_may_not_or_cannot_be_there_is_never_sent),
            cmocka_unit_test(queued_transfer_is_dropped_when_the_policy_changes),
            cmocka_unit_test(shape_that_only_failed_early_at_a_site_goes_there_one_at_a_time),
        };

        return cmocka_run_group_tests_name("core: data", tests, NULL, NULL);
}
