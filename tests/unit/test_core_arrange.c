/* SPDX-License-Identifier: Apache-2.0 */
/* Arrangements: on made-up cases every play is a schedule that could be, searching never makes it worse, and
 * the same numbers give the same answer. */
#include "core/arrange.h"

#include "common/ids.h"
#include "common/util.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SITES 4
#define FILES 5
#define KINDS 6
#define TASKS 14
#define CASES 200

struct made {
        struct arr_case c;
        struct arr_task task[TASKS];
        uint32_t needs_at[KINDS + 1], room_at[SITES + 1];
        int32_t needs[KINDS * 2], width[KINDS * SITES];
        double run[KINDS * SITES], wait[KINDS * SITES], bytes[FILES], there[FILES * SITES];
        double rate[SITES * SITES], latency[SITES * SITES], turn[SITES * SITES], busy[SITES * SITES];
        bool may[FILES * SITES];
        struct arr_room room[SITES * 2];
};

static uint64_t die;

static uint64_t roll(uint64_t n)
{
        die += 0x9E3779B97F4A7C15ULL;
        return hash_mix(die) % n;
}

static void make_tasks(struct made *x)
{
        uint32_t n = 0;

        for (int k = 0; k < KINDS; k++) {
                int32_t first = (int32_t)roll(FILES);

                x->needs_at[k] = n;
                if (roll(4))
                        x->needs[n++] = first;
                if (n > x->needs_at[k] && roll(2))
                        x->needs[n++] = (first + 1) % FILES;
                for (int s = 0; s < SITES; s++) {
                        x->run[k * SITES + s] = s && roll(5) == 0 ? INFINITY : 10 + (double)roll(200);
                        x->wait[k * SITES + s] = roll(6) ? 0 : (double)roll(50);
                        x->width[k * SITES + s] = 1 + (int32_t)roll(2);
                }
        }
        x->needs_at[KINDS] = n;
        for (int t = 0; t < TASKS; t++)
                x->task[t] = (struct arr_task){(int32_t)roll(KINDS), t < 3 ? 0 : 1};
}

static void make_world(struct made *x)
{
        for (int f = 0; f < FILES; f++) {
                size_t home = roll(SITES);

                x->bytes[f] = 100 + (double)roll(2000);
                for (size_t s = 0; s < SITES; s++) {
                        x->there[f * SITES + (int)s] = s == home ? 0
                                                       : roll(8) ? INFINITY
                                                                 : 5 + (double)roll(90);
                        x->may[f * SITES + (int)s] = s == 0 || roll(6);
                }
        }
        for (int i = 0; i < SITES * SITES; i++) {
                x->rate[i] = i / SITES == i % SITES ? 0 : 5 + (double)roll(100);
                x->latency[i] = 0.5;
                x->turn[i] = 0.25;
                x->busy[i] = roll(4) ? 0 : (double)roll(60);
        }
        for (int s = 0; s < SITES; s++) {
                x->room[2 * s] = (struct arr_room){0, 1 + (int32_t)roll(2)};
                x->room[2 * s + 1] = (struct arr_room){(double)roll(80), 1};
                x->room_at[s + 1] = (uint32_t)(2 * s + 2);
        }
}

static void make(struct made *x, uint64_t seed)
{
        memset(x, 0, sizeof *x);
        die = seed;
        make_tasks(x);
        make_world(x);
        x->c = (struct arr_case){.sites = SITES,
                                 .files = FILES,
                                 .kinds = KINDS,
                                 .tasks = TASKS,
                                 .task = x->task,
                                 .needs_at = x->needs_at,
                                 .needs = x->needs,
                                 .run = x->run,
                                 .wait = x->wait,
                                 .width = x->width,
                                 .bytes = x->bytes,
                                 .there = x->there,
                                 .may = x->may,
                                 .rate = x->rate,
                                 .latency = x->latency,
                                 .turn = x->turn,
                                 .busy = x->busy,
                                 .room_at = x->room_at,
                                 .room = x->room,
                                 .last_weight = 1,
                                 .move_price = 0.3};
}

static void solve(struct arranger *a, const struct made *x, int64_t steps, struct arrangement *ret)
{
        uint64_t seed = 7;

        arrangement_init(ret, TASKS);
        for (int i = 0; i < TASKS; i++) {
                ret->order[i] = i;
                ret->site[i] = -1;
        }
        arrange_begin(a, &x->c, ret);
        if (steps)
                arrange_improve(a, &x->c, ret, steps, &seed);
        arrange_play(a, &x->c, ret);
}

/* When the file is at the site, by what lay there and what was moved. */
static double arrives(const struct made *x, const struct arrangement *r, int32_t file, int32_t site)
{
        double at = x->there[file * SITES + site];

        for (size_t i = 0; i < r->move_n; i++) {
                if (r->moves[i].file == file && r->moves[i].to == site)
                        at = fmin(at, r->moves[i].end);
        }
        return at;
}

static void audit_moves(const struct made *x, const struct arrangement *r)
{
        for (size_t i = 0; i < r->move_n; i++) {
                const struct arr_move *m = &r->moves[i];
                int link = m->from * SITES + m->to;

                assert_true(x->may[m->file * SITES + m->to]);
                assert_true(m->begin >= x->busy[link] - 1e-6);
                assert_true(m->begin >= arrives(x, r, m->file, m->from) - 1e-6);
                assert_true(m->end >= m->begin + x->bytes[m->file] / x->rate[link] - 1e-6);
                for (size_t k = 0; k < i; k++) {
                        if (r->moves[k].from == m->from && r->moves[k].to == m->to)
                                assert_true(r->moves[k].end - x->latency[link] + x->turn[link] <=
                                            m->begin + 1e-6);
                        assert_false(r->moves[k].file == m->file && r->moves[k].to == m->to);
                }
        }
}

/* CPUs that are taken at the site a moment after `at`, and those there are. */
static void audit_room(const struct made *x, const struct arrangement *r, int32_t site, double at)
{
        int32_t taken = 0, there = 0;

        for (uint32_t i = x->room_at[site]; i < x->room_at[site + 1]; i++)
                there += x->room[i].at <= at ? x->room[i].cpus : 0;
        for (int t = 0; t < TASKS; t++) {
                if (r->site[t] == site && r->start[t] <= at && r->end[t] > at)
                        taken += x->width[x->task[t].kind * SITES + site];
        }
        assert_in_range(taken, 0, there);
}

static void audit(const struct made *x, const struct arrangement *r)
{
        bool seen[TASKS] = {false};

        audit_moves(x, r);
        for (int i = 0; i < TASKS; i++) {
                int32_t t = r->order[i], s = r->site[t], kind = x->task[t].kind;

                assert_false(seen[t]);
                seen[t] = true;
                assert_true(i == 0 || x->task[r->order[i - 1]].turn <= x->task[t].turn);
                assert_false(isinf(x->run[kind * SITES + s]));
                if (r->start[t] >= 1e9) /* its data may not come there */
                        continue;
                assert_true(r->start[t] >= x->wait[kind * SITES + s]);
                for (uint32_t k = x->needs_at[kind]; k < x->needs_at[kind + 1]; k++)
                        assert_true(arrives(x, r, x->needs[k], s) <= r->start[t] + 1e-6);
                audit_room(x, r, s, r->start[t]);
        }
}

static void every_arrangement_is_a_schedule_that_could_be(void **unused)
{
        struct arranger *a = arranger_new();

        (void)unused;
        for (uint64_t seed = 1; seed <= CASES; seed++) {
                struct arrangement r = {0};
                struct made x;

                make(&x, seed);
                solve(a, &x, seed % 2 ? 0 : 20000, &r);
                audit(&x, &r);
                arrangement_release(&r);
        }
        arranger_free(a);
}

static void searching_never_makes_it_worse_and_mostly_better(void **unused)
{
        struct arranger *a = arranger_new();
        int better = 0;

        (void)unused;
        for (uint64_t seed = 1; seed <= CASES; seed++) {
                struct arrangement first = {0}, found = {0};
                struct made x;

                make(&x, seed);
                solve(a, &x, 0, &first);
                solve(a, &x, 50000, &found);
                assert_true(found.cost <= first.cost + 1e-9);
                better += found.cost < first.cost * 0.98;
                arrangement_release(&first);
                arrangement_release(&found);
        }
        assert_in_range(better, CASES / 2, CASES);
        arranger_free(a);
}

static void the_same_numbers_give_the_same_arrangement(void **unused)
{
        struct arranger *a = arranger_new(), *b = arranger_new();
        struct arrangement r = {0}, s = {0};
        struct made x, y;

        (void)unused;
        make(&y, 99); /* what was arranged before leaves no trace */
        solve(b, &y, 5000, &s);
        make(&x, 5);
        solve(a, &x, 30000, &r);
        solve(b, &x, 30000, &s);
        assert_memory_equal(r.site, s.site, sizeof(int32_t) * TASKS);
        assert_memory_equal(r.order, s.order, sizeof(int32_t) * TASKS);
        assert_memory_equal(r.start, s.start, sizeof(double) * TASKS);
        arrangement_release(&r);
        arrangement_release(&s);
        arranger_free(a);
        arranger_free(b);
}

/* Two sites, the data at the first, where two tasks are a long and a short wait: whether the second is worth
 * its move hangs on the rate, and the long one goes first. */
static void data_is_moved_where_that_ends_everything_sooner(void **unused)
{
        static const struct {
                double rate;
                size_t moves;
        } rows[] = {{10, 1}, {0.1, 0}};
        struct arranger *a = arranger_new();

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct arr_task task[] = {{0, 0}, {0, 0}, {0, 0}, {0, 0}};
                uint32_t needs_at[] = {0, 1}, room_at[] = {0, 1, 2};
                int32_t needs[] = {0}, width[] = {1, 1};
                double run[] = {100, 100}, wait[] = {0, 0}, bytes[] = {100}, there[] = {0, INFINITY};
                double rate[] = {0, rows[i].rate, rows[i].rate, 0}, none[4] = {0};
                bool may[] = {true, true};
                struct arr_room room[] = {{0, 1}, {0, 1}};
                struct arr_case c = {.sites = 2,
                                     .files = 1,
                                     .kinds = 1,
                                     .tasks = 4,
                                     .task = task,
                                     .needs_at = needs_at,
                                     .needs = needs,
                                     .run = run,
                                     .wait = wait,
                                     .width = width,
                                     .bytes = bytes,
                                     .there = there,
                                     .may = may,
                                     .rate = rate,
                                     .latency = none,
                                     .turn = none,
                                     .busy = none,
                                     .room_at = room_at,
                                     .room = room,
                                     .last_weight = 1};
                struct arrangement r = {0};
                uint64_t seed = 1;

                arrangement_init(&r, 4);
                for (int t = 0; t < 4; t++) {
                        r.order[t] = t;
                        r.site[t] = -1;
                }
                arrange_begin(a, &c, &r);
                arrange_improve(a, &c, &r, 5000, &seed);
                arrange_play(a, &c, &r);
                assert_int_equal(r.move_n, rows[i].moves);
                arrangement_release(&r);
        }
        arranger_free(a);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(every_arrangement_is_a_schedule_that_could_be),
            cmocka_unit_test(searching_never_makes_it_worse_and_mostly_better),
            cmocka_unit_test(the_same_numbers_give_the_same_arrangement),
            cmocka_unit_test(data_is_moved_where_that_ends_everything_sooner),
        };

        return cmocka_run_group_tests_name("core: arrangements", tests, NULL, NULL);
}
