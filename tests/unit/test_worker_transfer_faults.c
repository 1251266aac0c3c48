/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever goes wrong while files move, nothing wrong is visible, and it is told what it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/hollow/transfer_world.h"

static void a_source_that_is_not_as_registered_is_told(void **state)
{
        static const struct {
                const char *command; /* in the source's directory */
                enum move_end end;
        } cases[] = {
            {"rm two", MOVE_SOURCE_GONE},
            {"chmod 0 two", MOVE_SOURCE_GONE},
            {"echo >> two", MOVE_SOURCE_CHANGED},
            {": > two", MOVE_SOURCE_CHANGED},
            {"dd if=/dev/zero of=two bs=1 count=1 seek=77 conv=notrunc status=none", MOVE_SOURCE_CHANGED},
            {"mv two three; ln -s three two", MOVE_SOURCE_GONE},
            {"mv d e; ln -s e d", MOVE_SOURCE_GONE},
            {"rm two; mkfifo two", MOVE_SOURCE_CHANGED},
            {"rm two; mkdir two", MOVE_SOURCE_CHANGED},
        };
        struct world *w = *state;

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                AUTO_FREE char *command = xasprintf("cd %s && { %s; }", w->dir, cases[i].command);
                AUTO_FREE char *clean = xasprintf("rm -rf %s/* %s/" DATA_DIR, w->dir, w->to.root);

                transfer_list_release(&w->list);
                add_file(w, "one", 1000);
                add_file(w, "two", 3000);
                add_file(w, "d/f", 2000);
                assert_int_equal(system(command), 0);
                assert_int_equal(move_by_relay(w), cases[i].end);
                assert_non_null(strstr(w->close.text, w->close.file == 1 ? "\"two\"" : "\"d/f\""));
                /* What came before it is there; nothing wrong is. */
                assert_true(lies_there(w, "one"));
                assert_false(lies_there(w, w->list.entries[w->close.file].path));
                assert_int_equal(system(clean), 0);
        }
}

static void nothing_but_the_offer_is_served(void **state)
{
        struct world *w = *state;
        int pair[2];
        struct buf b;
        size_t mark;
        uint8_t byte[4096];
        ssize_t n;
        int status;

        add_file(w, "one", 1000);
        add_file(w, "secret", 1000);
        w->list.count--;
        offer(w, &w->from);
        w->list.count++;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        w->sender = run_end("send", w->from.root, w->id, pair[0]);
        close(pair[0]);
        buf_init(&b, 1000);
        mark = frame_begin(&b, S_WANT);
        buf_u32(&b, 1);
        buf_u32(&b, 1);
        buf_u64(&b, 0);
        frame_end(&b, mark);
        assert_int_equal(write(pair[1], buf_bytes(&b), buf_len(&b)), buf_len(&b));
        for (size_t got = 0; (n = read(pair[1], byte, sizeof byte)) > 0; got += (size_t)n)
                assert_true(got + (size_t)n <= strlen(STREAM_MAGIC));
        assert_int_equal(waitpid(w->sender, &status, 0), w->sender);
        assert_int_equal(WEXITSTATUS(status), 1);
        close(pair[1]);
        buf_release(&b);
}

static void without_an_offer_nothing_is_served(void **state)
{
        struct world *w = *state;
        struct transfer_pull p;

        add_file(w, "one", 1000);
        offer(w, &w->from);
        {
                size_t mark = frame_begin(&w->from.c.to, P_WITHDRAW);

                buf_u64(&w->from.c.to, w->id);
                frame_end(&w->from.c.to, mark);
                /* The next answer says that the withdrawal was done before. */
                w->id += 1000;
                offer(w, &w->from);
                w->id -= 1000;
        }
        p = usual_pull(w, WAY_RELAY);
        order(w, &p);
        relay(w);
        assert_int_equal(ending(w), MOVE_SOURCE_AWAY);
        relay_end(w);
}

static void no_room_is_told_before_anything_moves(void **state)
{
        struct world *w = *state;
        struct transfer_pull p;

        add_file(w, "big", BIG);
        offer(w, &w->to);
        p = usual_pull(w, WAY_LOCAL);
        p.room = BIG - 1;
        order(w, &p);
        assert_int_equal(ending(w), MOVE_NO_SPACE);
        assert_non_null(strstr(w->close.text, "quota"));
        p = usual_pull(w, WAY_LOCAL);
        p.keep_free = UINT64_MAX / 2;
        order(w, &p);
        assert_int_equal(ending(w), MOVE_NO_SPACE);
        assert_non_null(strstr(w->close.text, "must stay free"));
        assert_int_equal(w->close.bytes_moved, 0);
        assert_false(lies_there(w, "big"));
}

/* A sender that says what the test says. */
static int false_sender(struct world *w)
{
        int pair[2];

        assert_true(hear_taken(w));
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        w->receiver = run_end("receive", w->to.root, w->id, pair[1]);
        close(pair[1]);
        return pair[0];
}

static void a_silent_stream_ends(void **state)
{
        struct world *w = *state;
        struct transfer_pull p;
        int fd;

        add_file(w, "one", 1000);
        p = usual_pull(w, WAY_RELAY);
        p.stall_ms = 300;
        order(w, &p);
        fd = false_sender(w);
        assert_true(write(fd, "Welcome to this host\n" STREAM_MAGIC, 21 + strlen(STREAM_MAGIC)) > 0);
        assert_int_equal(ending(w), MOVE_STALLED);
        close(fd);
        waitpid(w->receiver, NULL, 0);
}

static void a_lying_sender_makes_nothing_visible(void **state)
{
        static const struct {
                uint8_t type;
                uint32_t index;
                uint64_t offset;
                uint32_t length;
                enum move_end end;
        } cases[] = {
            {S_WHOLE, 0, 0, 1000, MOVE_SOURCE_CHANGED}, /* the right length, other bytes */
            {S_WHOLE, 0, 0, 999, MOVE_SOURCE_CHANGED},  {S_WHOLE, 0, 0, 1001, MOVE_SOURCE_CHANGED},
            {S_WHOLE, 1, 0, 1000, MOVE_BROKEN},         {S_WHOLE, 0, 7, 993, MOVE_BROKEN},
            {S_WHOLE, 77, 0, 1000, MOVE_BROKEN},        {S_BYTES, 0, 0, 1000, MOVE_BROKEN},
            {S_FILE_END, 0, 0, 0, MOVE_BROKEN},         {99, 0, 0, 0, MOVE_BROKEN},
        };
        struct world *w = *state;

        add_file(w, "one", 1000);
        add_file(w, "two", 1000);
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct transfer_pull p = usual_pull(w, WAY_RELAY);
                uint8_t zeros[1001] = {0};
                struct buf b;
                size_t mark;
                int fd;

                order(w, &p);
                fd = false_sender(w);
                buf_init(&b, 10000);
                mark = frame_begin(&b, cases[i].type);
                buf_u32(&b, cases[i].index);
                buf_u64(&b, cases[i].offset);
                buf_put(&b, zeros, cases[i].length);
                frame_end(&b, mark);
                /* Its wishes come when the magic line came. */
                assert_int_equal(write(fd, STREAM_MAGIC, strlen(STREAM_MAGIC)), strlen(STREAM_MAGIC));
                assert_true(read(fd, zeros, 1) == 1);
                zeros[0] = 0;
                assert_int_equal(write(fd, buf_bytes(&b), buf_len(&b)), buf_len(&b));
                assert_int_equal(ending(w), cases[i].end);
                assert_false(lies_there(w, "one"));
                assert_false(lies_there(w, "two"));
                close(fd);
                waitpid(w->receiver, NULL, 0);
                buf_release(&b);
        }
}

static void fill_up_and_go_on(struct world *w)
{
        AUTO_FREE char *filler = xasprintf("%s/filler", small_disk);
        AUTO_FREE char *fill_up =
            xasprintf("head -c 100M /dev/zero > %s 2>/dev/null; test -s %s", filler, filler);
        struct transfer_pull p;

        end_stop(&w->to);
        strcpy(stpcpy(w->to.root, small_disk), "/root");
        attach(&w->to);
        for (int i = 0; i < 5; i++) {
                char name[32];

                snprintf(name, sizeof name, "f%d", i);
                add_file(w, name, 900000);
        }
        offer(w, &w->to);
        p = usual_pull(w, WAY_LOCAL);
        p.rate_limit = 1 << 20;
        order(w, &p);
        assert_true(hear_taken(w));
        assert_int_equal(system(fill_up), 0);
        assert_int_equal(ending(w), MOVE_NO_SPACE);
        assert_true(visible_and_whole(w) < w->list.count);
        assert_int_equal(unlink(filler), 0);
        p = usual_pull(w, WAY_LOCAL);
        order(w, &p);
        if (ending(w) != MOVE_DONE)
                fail_msg("%s", w->close.text);
        assert_int_equal(visible_and_whole(w), w->list.count);
        assert_int_equal(parts_left(w), 0);
}

static void a_disk_that_fills_up_ends_clean_and_can_go_on(void **state)
{
        if (!small_disk[0])
                skip();
        fill_up_and_go_on(*state);
}

static void a_link_that_is_too_slow_is_given_up(void **state)
{
        struct world *w = *state;
        struct transfer_pull p;

        add_file(w, "big", BIG);
        offer(w, &w->to);
        p = usual_pull(w, WAY_LOCAL);
        p.rate_limit = 1000; /* as a link of 1 kB/s */
        p.least_rate = 100000;
        p.stall_ms = 3000;
        order(w, &p);
        assert_int_equal(ending(w), MOVE_SLOW);
        assert_non_null(strstr(w->close.text, "bytes a second"));
        assert_int_equal(visible_and_whole(w), 0);
        /* What came is of use to the next try. */
        p = usual_pull(w, WAY_LOCAL);
        order(w, &p);
        assert_int_equal(ending(w), MOVE_DONE);
        assert_int_equal(visible_and_whole(w), 1);
}

static void a_file_that_shrinks_while_it_is_sent_is_told(void **state)
{
        struct world *w = *state;
        AUTO_FREE char *path = xasprintf("%s/big", w->dir);
        struct transfer_pull p;

        add_file(w, "big", BIG);
        add_file(w, "small", 10);
        offer(w, &w->to);
        p = usual_pull(w, WAY_LOCAL);
        p.rate_limit = 1 << 20;
        order(w, &p);
        assert_true(hear_taken(w));
        assert_int_equal(truncate(path, BIG - 100000), 0);
        assert_int_equal(ending(w), MOVE_SOURCE_CHANGED);
        assert_int_equal(w->close.file, 0);
        assert_false(lies_there(w, "big"));
}

/* ---- kills ---- */

static pid_t child_of_agent(const char *root)
{
        /* The helper that pulls is the agent's newest child. */
        AUTO_FREE char *command =
            xasprintf("pgrep -n -P \"$(pgrep -o -x -f 'reeve-worker agent --root %s')\" 2>/dev/null", root);
        FILE *f = popen(command, "r");
        int pid = 0;

        if (!f || fscanf(f, "%d", &pid) != 1)
                pid = 0;
        if (f)
                pclose(f);
        return pid;
}

static pid_t agent_of(const char *root)
{
        AUTO_FREE char *command = xasprintf("pgrep -o -x -f 'reeve-worker agent --root %s'", root);
        FILE *f = popen(command, "r");
        int pid = 0;

        if (!f || fscanf(f, "%d", &pid) != 1)
                pid = 0;
        if (f)
                pclose(f);
        return pid;
}

static void a_kill_anywhere_leaves_nothing_wrong(void **state)
{
        const char *text = getenv("KILLS");
        int rounds = text ? atoi(text) : 20, done = 0;
        unsigned seed = getenv("SEED") ? (unsigned)atoi(getenv("SEED")) : (unsigned)clock_boot_ms();
        struct world *w = *state;

        print_message("SEED=%u\n", seed);
        add_file(w, "a", BIG);
        for (int i = 0; i < 40; i++) {
                char name[32];

                snprintf(name, sizeof name, "s/%d", i);
                add_file(w, name, 3000 + (size_t)i);
        }
        add_file(w, "z", BIG);
        for (int i = 0; i < rounds; i++) {
                struct transfer_pull p = usual_pull(w, WAY_RELAY);
                unsigned kind = (unsigned)rand_r(&seed) % 4;
                pid_t victim;

                p.rate_limit = 60 << 20;
                offer(w, &w->from);
                order(w, &p);
                relay(w);
                usleep((useconds_t)(rand_r(&seed) % 250000));
                victim = kind == 0   ? w->sender
                         : kind == 1 ? w->receiver
                         : kind == 2 ? child_of_agent(w->to.root)
                                     : agent_of(w->to.root);
                if (victim > 0)
                        kill(victim, SIGKILL);
                if (kind == 3) {
                        detach(&w->to);
                        attach(&w->to);
                } else {
                        done += ending(w) == MOVE_DONE;
                }
                relay_end(w);
                /* Whole files only, whatever was killed. */
                if (visible_and_whole(w) == w->list.count) {
                        struct transfer_list all = {0};

                        remove_files(w, &all);
                }
        }
        if (move_by_relay(w) != MOVE_DONE)
                fail_msg("%s: %s", move_end_name((enum move_end)w->close.kind), w->close.text);
        assert_int_equal(visible_and_whole(w), w->list.count);
        assert_int_equal(parts_left(w), 0);
        print_message("%d of %d killed transfers had ended well before\n", done, rounds);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            WORLD_TEST(a_source_that_is_not_as_registered_is_told),
            WORLD_TEST(nothing_but_the_offer_is_served),
            WORLD_TEST(without_an_offer_nothing_is_served),
            WORLD_TEST(no_room_is_told_before_anything_moves),
            WORLD_TEST(a_silent_stream_ends),
            WORLD_TEST(a_lying_sender_makes_nothing_visible),
            WORLD_TEST(a_disk_that_fills_up_ends_clean_and_can_go_on),
            WORLD_TEST(a_link_that_is_too_slow_is_given_up),
            WORLD_TEST(a_file_that_shrinks_while_it_is_sent_is_told),
            WORLD_TEST(a_kill_anywhere_leaves_nothing_wrong),
        };
        int code;

        return transfer_test_begin(&code)
                   ? cmocka_run_group_tests_name("faults of transfers", tests, NULL, NULL)
                   : code;
}
