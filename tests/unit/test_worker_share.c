/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/parts.h"

#include "common/util.h"
#include "worker/files.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const struct attempt_key key = {7, 3, 1};

static int send(int64_t job, uint32_t task, unsigned flags, const char *text)
{
        struct buf b;
        struct reader r;
        int rc;

        buf_init(&b, 4096);
        buf_u64(&b, (uint64_t)job);
        buf_u32(&b, task);
        buf_u8(&b, (uint8_t)flags);
        buf_text(&b, text);
        reader_init(&r, buf_bytes(&b), buf_len(&b));
        rc = parts_take(&r);
        if (rc == 0)
                assert_int_equal(reader_left(&r), 0);
        buf_release(&b);
        return rc;
}

static void a_list_of_one_is_also_the_file_itself(void **unused)
{
        char only[256];

        (void)unused;
        assert_int_equal(parts_look(key, only, sizeof only), ENOENT);
        assert_int_equal(send(7, 3, PART_FIRST | PART_LAST, "/data/a b\n"), 0);
        assert_int_equal(parts_look(key, only, sizeof only), 0);
        assert_string_equal(only, "/data/a b");
        assert_int_equal(send(7, 3, PART_FIRST | PART_LAST, "/data/a\n/data/b\n"), 0);
        assert_int_equal(parts_look(key, only, sizeof only), 0);
        assert_string_equal(only, "");
}

static void pieces_show_when_the_last_one_came(void **unused)
{
        struct attempt_key other = {7, 4, 1};
        char only[256];

        (void)unused;
        assert_int_equal(send(7, 4, PART_FIRST, "/data/lo"), 0);
        assert_int_equal(parts_look(other, only, sizeof only), ENOENT);
        assert_int_equal(send(7, 4, PART_LAST, "ng\n"), 0);
        assert_int_equal(parts_look(other, only, sizeof only), 0);
        assert_string_equal(only, "/data/long");
}

static void what_does_not_decode_is_said_and_leaves_nothing(void **unused)
{
        struct reader r;

        (void)unused;
        reader_init(&r, "short", 5);
        assert_int_equal(parts_take(&r), -1);
        assert_int_equal(send(-1, 1, PART_FIRST | PART_LAST, "/x\n"), -1);
        assert_int_equal(send(8, UINT32_MAX, PART_FIRST | PART_LAST, "/x\n"), -1);
        assert_int_equal(send(8, 1, 4, "/x\n"), -1);
        assert_int_equal(access(PARTS_DIR "/8", F_OK), -1);
}

static void lists_go_with_their_job_or_when_they_are_old(void **unused)
{
        struct stat st;

        (void)unused;
        assert_int_equal(send(9, 1, PART_FIRST | PART_LAST, "/x\n"), 0);
        parts_forget(7);
        assert_int_equal(access(PARTS_DIR "/7", F_OK), -1);
        assert_int_equal(stat(PARTS_DIR "/9", &st), 0);
        parts_remove_old(st.st_mtime + PARTS_SECONDS - 10);
        assert_int_equal(access(PARTS_DIR "/9", F_OK), 0);
        parts_remove_old(st.st_mtime + PARTS_SECONDS + 10);
        assert_int_equal(access(PARTS_DIR "/9", F_OK), -1);
}

static int enter(void **state)
{
        char *dir = xstrdup("/tmp/reeve-parts.XXXXXX");

        *state = dir;
        return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int leave(void **state)
{
        int rc = chdir("/") == 0 ? dir_remove(AT_FDCWD, *state) : -1;

        free(*state);
        return rc;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_list_of_one_is_also_the_file_itself),
            cmocka_unit_test(pieces_show_when_the_last_one_came),
            cmocka_unit_test(what_does_not_decode_is_said_and_leaves_nothing),
            cmocka_unit_test(lists_go_with_their_job_or_when_they_are_old),
        };

        return cmocka_run_group_tests(tests, enter, leave);
}
