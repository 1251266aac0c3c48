/* SPDX-License-Identifier: Apache-2.0 */
/* Maps, heaps and resource vectors. */
#include "common/ids.h"
#include "common/util.h"
#include "core/heap.h"
#include "core/map.h"
#include "core/res.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define KEYS 3000

/* ---- map ---- */

static void map_keeps_what_a_plain_table_keeps(void **unused)
{
        static int values[KEYS];
        bool in[KEYS] = {0};
        struct map m = {0};
        uint64_t random = 42;
        size_t n = 0;

        (void)unused;
        for (int step = 0; step < 40000; step++) {
                uint64_t key = (random = hash_mix(random + 1)) % KEYS;

                if (random >> 40 & 1) {
                        n += !in[key];
                        map_put(&m, key, &values[key]);
                        in[key] = true;
                } else {
                        assert_ptr_equal(map_del(&m, key), in[key] ? &values[key] : NULL);
                        n -= in[key];
                        in[key] = false;
                }
                assert_int_equal(m.n, n);
        }
        for (uint64_t k = 0; k < KEYS; k++)
                assert_ptr_equal(map_get(&m, k), in[k] ? &values[k] : NULL);
        map_release(&m);
}

static void map_walks_over_each_value_once(void **unused)
{
        static int seen[KEYS];
        struct map m = {0};
        int *v;

        (void)unused;
        for (uint64_t k = 0; k < KEYS; k++)
                map_put(&m, k << 32, &seen[k]);
        for (size_t i = 0; (v = map_next(&m, &i));)
                ++*v;
        for (int k = 0; k < KEYS; k++)
                assert_int_equal(seen[k], 1);
        map_release(&m);
}

static void map_that_was_never_filled_is_empty(void **unused)
{
        struct map m = {0};
        size_t i = 0;

        (void)unused;
        assert_null(map_get(&m, 0));
        assert_null(map_del(&m, 0));
        assert_null(map_next(&m, &i));
        map_release(&m);
}

static void map_replaces_the_value_of_a_key(void **unused)
{
        struct map m = {0};
        int a, b;

        (void)unused;
        map_put(&m, 7, &a);
        map_put(&m, 7, &b);
        assert_int_equal(m.n, 1);
        assert_ptr_equal(map_get(&m, 7), &b);
        map_release(&m);
}

/* ---- heap ---- */

struct item {
        int key, id;
        size_t place;
};

static bool item_before(const void *a, const void *b)
{
        const struct item *x = a, *y = b;

        return x->key != y->key ? x->key < y->key : x->id < y->id;
}

static void heap_gives_items_in_order_whatever_was_done_to_it(void **unused)
{
        struct item items[500];
        const struct item *last = NULL;
        struct heap h;
        uint64_t random = 7;

        (void)unused;
        heap_init(&h, item_before, offsetof(struct item, place));
        for (int i = 0; i < 500; i++)
                items[i] = (struct item){.id = i};
        for (int step = 0; step < 20000; step++) {
                struct item *it = &items[(random = hash_mix(random + 1)) % 500];
                int what = (int)(random >> 40) % 3;

                if (!heap_has(&h, it)) {
                        it->key = (int)(random >> 48) % 50;
                        heap_add(&h, it);
                } else if (what == 0) {
                        heap_remove(&h, it);
                } else {
                        it->key = (int)(random >> 48) % 50;
                        heap_moved(&h, it);
                }
        }
        assert_true(h.n > 100);
        for (struct item *it; (it = heap_top(&h)); last = it) {
                heap_remove(&h, it);
                assert_false(heap_has(&h, it));
                assert_true(!last || item_before(last, it));
        }
        heap_release(&h);
}

static void heap_ignores_what_is_not_in_it(void **unused)
{
        struct item a = {.key = 1, .id = 1}, b = {.key = 0, .id = 2};
        struct heap h;

        (void)unused;
        heap_init(&h, item_before, offsetof(struct item, place));
        assert_null(heap_top(&h));
        heap_add(&h, &a);
        heap_remove(&h, &b);
        heap_moved(&h, &b);
        assert_ptr_equal(heap_top(&h), &a);
        assert_int_equal(h.n, 1);
        heap_clear(&h);
        assert_false(heap_has(&h, &a));
        assert_null(heap_top(&h));
        heap_release(&h);
}

/* ---- resources ---- */

static void res_counts_how_often_a_need_fits(void **unused)
{
        static const struct {
                struct res need, in;
                int64_t max, times;
        } cases[] = {
            {{.cpus = 1}, {.cpus = 4}, 100, 4},
            {{.cpus = 1}, {.cpus = 4}, 3, 3},
            {{.cpus = 3}, {.cpus = 4}, 100, 1},
            {{.cpus = 5}, {.cpus = 4}, 100, 0},
            {{.cpus = 1, .memory = 3}, {.cpus = 4, .memory = 7}, 100, 2},
            {{.cpus = 1, .gpus = 1}, {.cpus = 4}, 100, 0},
            {{.memory = 1}, {.cpus = -1, .memory = 2}, 100, 2},
            {{.cpus = 1}, {.cpus = -1}, 100, 0},
            {{.slots = 1}, {.slots = 2, .cpus = 9}, 100, 2},
            {{.custom[RES_CUSTOM_MAX - 1] = 2}, {.custom[RES_CUSTOM_MAX - 1] = 5}, 100, 2},
            {{.custom[3] = 1}, {.cpus = 5}, 100, 0},
            {{0}, {0}, 100, 100},
            {{.memory = 1LL << 40}, {.memory = INT64_MAX}, INT64_MAX, (1LL << 23) - 1},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                assert_int_equal(res_times(&cases[i].need, &cases[i].in, cases[i].max), cases[i].times);
                assert_int_equal(res_fits(&cases[i].need, &cases[i].in), cases[i].times > 0);
                assert_int_equal(res_part(&cases[i].need, &cases[i].in) >= 1, cases[i].times > 0);
        }
}

static void res_taken_and_given_back_is_what_it_was(void **unused)
{
        struct res r = {.slots = 5, .cpus = 4, .gpus = 1, .memory = 100, .custom = {1, 2, 3}};
        struct res need = {.slots = 1, .cpus = 2, .gpus = 1, .memory = 60, .custom = {1, 0, 3}};
        const struct res before = r;

        (void)unused;
        res_take(&r, &need, 2);
        assert_int_equal(r.cpus, 0);
        assert_false(res_is_sane(&r));
        assert_false(res_equal(&r, &before));
        res_give(&r, &need, 2);
        assert_true(res_equal(&r, &before));
        assert_true(res_is_sane(&r));
}

static void res_part_is_that_of_the_scarcest(void **unused)
{
        struct res need = {.cpus = 4, .memory = 10}, in = {.cpus = 3, .memory = 5};

        (void)unused;
        assert_true(res_part(&need, &in) == 0.5);
        in.memory = -10;
        assert_true(res_part(&need, &in) == -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(map_keeps_what_a_plain_table_keeps),
            cmocka_unit_test(map_walks_over_each_value_once),
            cmocka_unit_test(map_that_was_never_filled_is_empty),
            cmocka_unit_test(map_replaces_the_value_of_a_key),
            cmocka_unit_test(heap_gives_items_in_order_whatever_was_done_to_it),
            cmocka_unit_test(heap_ignores_what_is_not_in_it),
            cmocka_unit_test(res_counts_how_often_a_need_fits),
            cmocka_unit_test(res_taken_and_given_back_is_what_it_was),
            cmocka_unit_test(res_part_is_that_of_the_scarcest),
        };

        return cmocka_run_group_tests_name("core: map, heap, res", tests, NULL, NULL);
}
