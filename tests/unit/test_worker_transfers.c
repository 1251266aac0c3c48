/* SPDX-License-Identifier: Apache-2.0 */
/* Files move between workers: whole, once, and as they are ordered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/hollow/transfer_world.h"

static void files_arrive_whole_and_verified(void **state)
{
        struct world *w = *state;
        uint32_t seen = 0;

        usual_files(w);
        assert_int_equal(move_by_relay(w), MOVE_DONE);
        assert_int_equal(w->pulled_count, w->list.count);
        for (uint32_t i = 0; i < w->pulled_count; i++) {
                const struct transfer_pulled *f = &w->pulled[i];

                seen |= 1u << f->index;
                assert_false(f->present);
                assert_int_equal(f->size, w->list.entries[f->index].size);
                assert_memory_equal(f->sha256, w->list.entries[f->index].sha256, 32);
        }
        assert_int_equal(seen, (1u << w->list.count) - 1);
        assert_int_equal(visible_and_whole(w), w->list.count);
        assert_int_equal(parts_left(w), 0);
        assert_true(w->close.bytes_moved > 2 * BIG);
        assert_non_null(strstr(w->close.root, "/" DATA_DIR "/d1"));
}

static void a_worker_copies_for_itself(void **state)
{
        struct world *w = *state;
        struct transfer_pull p;

        usual_files(w);
        offer(w, &w->to);
        p = usual_pull(w, WAY_LOCAL);
        order(w, &p);
        assert_int_equal(ending(w), MOVE_DONE);
        assert_int_equal(visible_and_whole(w), w->list.count);
}

static void what_lies_there_is_not_moved_again(void **state)
{
        struct world *w = *state;

        usual_files(w);
        assert_int_equal(move_by_relay(w), MOVE_DONE);
        add_file(w, "late", 100);
        assert_int_equal(move_by_relay(w), MOVE_DONE);
        assert_int_equal(w->pulled_count, w->list.count);
        for (uint32_t i = 0; i < w->pulled_count; i++)
                assert_int_equal(w->pulled[i].present, w->pulled[i].index != w->list.count - 1);
        assert_true(w->close.bytes_moved < 1000);
}

/* Part of "big" as an earlier try left it. */
static void leave_part(struct world *w, size_t n, bool damaged)
{
        AUTO_FREE uint8_t *bytes = xmalloc(BIG);
        AUTO_FREE char *path = NULL;
        char hex[65];

        for (int i = 0; i < 32; i++)
                snprintf(hex + 2 * i, 3, "%02x", w->list.entries[0].sha256[i]);
        path = xasprintf("%s/" PARTS_DIR "/%s", w->to.root, hex);
        fill(bytes, BIG, 1);
        if (damaged)
                bytes[n / 2] ^= 1;
        write_file(path, bytes, n);
}

static void a_part_is_taken_up_again(void **state)
{
        struct world *w = *state;

        add_file(w, "big", BIG);
        leave_part(w, BIG - 1000, false);
        assert_int_equal(move_by_relay(w), MOVE_DONE);
        assert_true(w->close.bytes_moved < 2000);
        assert_int_equal(visible_and_whole(w), 1);
}

static void a_damaged_part_is_fetched_again(void **state)
{
        struct world *w = *state;

        add_file(w, "big", BIG);
        leave_part(w, BIG - 1000, true);
        assert_int_equal(move_by_relay(w), MOVE_DONE);
        assert_true(w->close.bytes_moved > BIG);
        assert_int_equal(visible_and_whole(w), 1);
}

static void a_slow_stream_is_told_at_its_rate(void **state)
{
        struct world *w = *state;
        struct transfer_pull p;
        struct transfer_report s = {0};
        struct reader r;

        add_file(w, "big", BIG);
        offer(w, &w->to);
        p = usual_pull(w, WAY_LOCAL);
        p.rate_limit = 4 << 20;
        order(w, &p);
        while (!s.bytes_per_s) {
                hear(w);
                assert_int_not_equal(w->to.c.frame.type, P_PULL_END);
                if (w->to.c.frame.type != P_PULLING)
                        continue;
                reader_init(&r, w->to.c.frame.payload, w->to.c.frame.len);
                get_transfer_report(&r, &s);
        }
        assert_true(s.bytes_per_s <= BIG);
        assert_true(s.bytes_done < BIG);
        assert_int_equal(ending(w), MOVE_DONE);
}

static void ordering_again_joins_what_runs(void **state)
{
        struct world *w = *state;
        struct transfer_pull p;

        add_file(w, "big", BIG);
        offer(w, &w->to);
        p = usual_pull(w, WAY_LOCAL);
        p.rate_limit = 4 << 20;
        order(w, &p);
        assert_true(hear_taken(w));
        detach(&w->to);
        attach(&w->to);
        p = usual_pull(w, WAY_LOCAL);
        order(w, &p);
        assert_int_equal(ending(w), MOVE_DONE);
        assert_int_equal(visible_and_whole(w), 1);
}

static void a_cancelled_pull_ends(void **state)
{
        struct world *w = *state;
        struct transfer_pull p;
        size_t mark;

        add_file(w, "big", BIG);
        offer(w, &w->to);
        p = usual_pull(w, WAY_LOCAL);
        p.rate_limit = 1000;
        order(w, &p);
        assert_true(hear_taken(w));
        mark = frame_begin(&w->to.c.to, P_WITHDRAW);
        buf_u64(&w->to.c.to, w->id);
        frame_end(&w->to.c.to, mark);
        client_flush(&w->to.c);
        assert_int_equal(ending(w), MOVE_CANCELLED);
        assert_false(lies_there(w, "big"));
}

static void a_replica_is_removed_on_order(void **state)
{
        struct world *w = *state;
        struct transfer_list paths = {0};

        usual_files(w);
        assert_int_equal(move_by_relay(w), MOVE_DONE);
        transfer_list_add(&paths, "deep/er/small", 0, NULL);
        transfer_list_add(&paths, "was/never/there", 0, NULL);
        assert_int_equal(remove_files(w, &paths), 1);
        assert_false(lies_there(w, "deep/er"));
        assert_true(lies_there(w, "deep/edge"));
        transfer_list_release(&paths);
        assert_int_equal(remove_files(w, &paths), w->list.count - 1);
        assert_false(lies_there(w, ""));
        assert_int_equal(remove_files(w, &paths), 0);
}

/* More news than the agent holds for an engine that does not read. */
static void all_news_of_many_files_comes_however_late_it_is_read(void **state)
{
        enum { MANY = 40000 };
        struct world *w = *state;
        struct transfer_pull p;
        struct reader r;
        uint8_t sha256[32];
        uint32_t told = 0;
        int64_t until;

        add_file(w, "one", 1);
        offer(w, &w->to);
        p = usual_pull(w, WAY_LOCAL);
        order(w, &p);
        assert_int_equal(ending(w), MOVE_DONE);
        /* What is there already is news too. */
        memcpy(sha256, w->list.entries[0].sha256, sizeof sha256);
        while (w->list.count < MANY)
                transfer_list_add(&w->list, "one", 1, sha256);
        p = usual_pull(w, WAY_LOCAL);
        order(w, &p);
        /* The worker stands still, as what it has to say is not taken. */
        until = clock_boot_ms() + 2000;
        while (clock_boot_ms() < until)
                poll(NULL, 0, 20);
        do {
                assert_true(client_next(&w->to.c, PATIENCE_MS));
                reader_init(&r, w->to.c.frame.payload, w->to.c.frame.len);
                if (w->to.c.frame.type == P_PULLED) {
                        (void)reader_u64(&r);
                        (void)reader_u32(&r);
                        told += reader_u32(&r);
                }
        } while (w->to.c.frame.type != P_PULL_END);
        get_transfer_close(&r, &w->close);
        assert_int_equal(w->close.kind, MOVE_DONE);
        assert_int_equal(told, MANY);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            WORLD_TEST(files_arrive_whole_and_verified),
            WORLD_TEST(a_worker_copies_for_itself),
            WORLD_TEST(what_lies_there_is_not_moved_again),
            WORLD_TEST(a_part_is_taken_up_again),
            WORLD_TEST(a_damaged_part_is_fetched_again),
            WORLD_TEST(a_slow_stream_is_told_at_its_rate),
            WORLD_TEST(ordering_again_joins_what_runs),
            WORLD_TEST(a_cancelled_pull_ends),
            WORLD_TEST(a_replica_is_removed_on_order),
            WORLD_TEST(all_news_of_many_files_comes_however_late_it_is_read),
        };
        int code;

        return transfer_test_begin(&code)
                   ? cmocka_run_group_tests_name("transfers between workers", tests, NULL, NULL)
                   : code;
}
