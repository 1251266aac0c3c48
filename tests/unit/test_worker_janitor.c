/* SPDX-License-Identifier: Apache-2.0 */
/* What the worker throws away, and what it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/util.h"
#include "worker/chores.h"
#include "worker/files.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOUR 3600
#define DAY  (24 * HOUR)

static char *const running[] = {(char *)"spool/run/1.7"};

static int enter_spool(void **state)
{
        char *root = xstrdup("/tmp/reeve-janitor-test-XXXXXX");
        struct err err;

        *state = root;
        return mkdtemp(root) && chdir(root) == 0 && dir_make_all("spool/run", &err) == 0 ? 0 : -1;
}

static int leave_spool(void **state)
{
        char *root = *state;

        if (chdir("/") < 0)
                return -1;
        dir_remove(AT_FDCWD, root);
        free(root);
        return 0;
}

/* A directory with a log of so many bytes, made now. */
static void attempt_made(const char *dir, size_t bytes)
{
        char path[128], block[4096];
        struct err err;
        int fd;

        assert_int_equal(dir_make_all(dir, &err), 0);
        snprintf(path, sizeof path, "%s/.stdout", dir);
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
        assert_true(fd >= 0);
        memset(block, 'x', sizeof block);
        for (size_t n = 0; n < bytes; n += sizeof block)
                assert_int_equal(write(fd, block, sizeof block), sizeof block);
        /* Blocks are counted once they are allocated. */
        assert_int_equal(fsync(fd), 0);
        close(fd);
}

static void clean(int64_t seconds_later, uint64_t keep_bytes)
{
        struct janitor_request q = {.now = clock_wall_ms() / 1000 + seconds_later,
                                    .keep_seconds = KEEP_YOUNG_SECONDS,
                                    .keep_bytes = keep_bytes,
                                    .generation = 2,
                                    .running = (char **)running,
                                    .count = 1};

        chore_janitor(-1, &q);
}

static bool is_there(const char *path)
{
        return access(path, F_OK) == 0;
}

static void logs_are_kept_for_a_week(void **state)
{
        (void)state;
        attempt_made("spool/12/0.1", 1);
        attempt_made("spool/12/1.1", 1);
        clean(6 * DAY, KEEP_BYTES);
        assert_true(is_there("spool/12/0.1/.stdout") && is_there("spool/12/1.1"));
        clean(7 * DAY + HOUR, KEEP_BYTES);
        assert_false(is_there("spool/12/0.1") || is_there("spool/12/1.1"));
        /* The job's directory goes when it is found empty. */
        clean(7 * DAY + HOUR, KEEP_BYTES);
        assert_false(is_there("spool/12"));
}

/* Their change times say which was made first; the clock of files is coarse, so they are told apart first. */
static void made_after(const char *dir, const char *older, size_t bytes)
{
        struct stat a, b;

        do {
                dir_remove(AT_FDCWD, dir);
                attempt_made(dir, bytes);
                assert_int_equal(stat(older, &a), 0);
                assert_int_equal(stat(dir, &b), 0);
        } while (a.st_ctime == b.st_ctime);
}

static void the_oldest_go_when_space_is_short(void **state)
{
        (void)state;
        attempt_made("spool/20/0.1", 256 << 10);
        made_after("spool/9/0.1", "spool/20/0.1", 256 << 10);
        clean(2 * HOUR, 1 << 20);
        assert_true(is_there("spool/20/0.1") && is_there("spool/9/0.1"));
        clean(2 * HOUR, 400 << 10);
        assert_false(is_there("spool/20/0.1"));
        assert_true(is_there("spool/9/0.1"));
        clean(2 * HOUR, 100 << 10);
        assert_false(is_there("spool/9/0.1"));
}

static void what_is_young_is_never_removed_for_space(void **state)
{
        (void)state;
        attempt_made("spool/21/0.1", 256 << 10);
        clean(HOUR / 2, 0);
        assert_true(is_there("spool/21/0.1/.stdout"));
}

static void what_runs_is_left_alone(void **state)
{
        (void)state;
        attempt_made("spool/run/1.7", 1); /* of a killed keeper, and adopted */
        attempt_made("spool/run/1.8", 1); /* of a killed keeper */
        attempt_made("spool/run/2.1", 1); /* of the keeper that lives */
        attempt_made("spool/run/22.1", 1);
        clean(DAY / 2, 0);
        assert_true(is_there("spool/run/1.8"));
        clean(30 * DAY, 0);
        assert_true(is_there("spool/run/1.7"));
        assert_false(is_there("spool/run/1.8"));
        assert_true(is_there("spool/run/2.1"));
        assert_false(is_there("spool/run/22.1"));
}

static void links_are_not_followed(void **state)
{
        (void)state;
        attempt_made("precious", 1);
        attempt_made("spool/23/0.1", 1);
        assert_int_equal(symlink("../../../precious", "spool/23/0.1/link"), 0);
        assert_int_equal(symlink("../precious", "spool/24"), 0);
        clean(30 * DAY, 0);
        assert_false(is_there("spool/23/0.1"));
        assert_true(is_there("precious/.stdout"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define SPOOL_TEST(f) cmocka_unit_test_setup_teardown(f, enter_spool, leave_spool)
            SPOOL_TEST(logs_are_kept_for_a_week),
            SPOOL_TEST(the_oldest_go_when_space_is_short),
            SPOOL_TEST(what_is_young_is_never_removed_for_space),
            SPOOL_TEST(what_runs_is_left_alone),
            SPOOL_TEST(links_are_not_followed),
        };

        return cmocka_run_group_tests_name("worker_janitor", tests, NULL, NULL);
}
