/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/util.h"
#include "worker/files.h"
#include "worker/journal.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct book {
        char dir[64];
        uint64_t values[4096]; /* as replayed */
        uint32_t count;
};

static int open_book(void **state)
{
        struct book *b = xcalloc(1, sizeof *b);

        snprintf(b->dir, sizeof b->dir, "/tmp/reeve-journal-test-XXXXXX");
        *state = b;
        return mkdtemp(b->dir) ? 0 : -1;
}

static int close_book(void **state)
{
        struct book *b = *state;

        dir_remove(AT_FDCWD, b->dir);
        free(b);
        return 0;
}

static int on_replay(void *arg, uint8_t type, struct reader *r, struct err *err)
{
        struct book *b = arg;

        (void)err;
        assert_int_equal(type, 9);
        assert_true(b->count < ARRAY_LEN(b->values));
        b->values[b->count++] = reader_u64(r);
        return 0;
}

static void put(struct journal *j, uint64_t v)
{
        buf_u64(journal_begin(j, 9), v);
        journal_end(j);
}

/* What the tests count as alive: every value seen so far. */
static void live(void *arg, struct journal *j)
{
        struct book *b = arg;

        for (uint32_t i = 0; i < b->count; i++)
                put(j, b->values[i]);
}

static struct journal *reopen(struct book *b)
{
        struct journal *j;
        struct err err = {0};

        b->count = 0;
        if (journal_open(b->dir, on_replay, b, &j, &err) < 0)
                fail_msg("%s", err.text);
        return j;
}

/* Open, start a file, append 1..n one flush each, close. */
static void write_book(struct book *b, uint64_t n)
{
        struct journal *j = reopen(b);

        assert_int_equal(journal_rotate(j, live, b, NULL), 0);
        for (uint64_t v = 1; v <= n; v++) {
                put(j, v);
                assert_int_equal(journal_flush(j, NULL), 0);
        }
        journal_free(j);
}

/* The path of the one file, and how long its records are. */
static void the_file(struct book *b, char path[400], size_t *ret_len)
{
        DIR *d = opendir(b->dir);
        struct dirent *e;
        int found = 0;

        while ((e = readdir(d))) {
                if (e->d_name[0] == '.')
                        continue;
                snprintf(path, 400, "%s/%s", b->dir, e->d_name);
                found++;
        }
        closedir(d);
        assert_int_equal(found, 1);
        /* Record: 8 head, 8 sequence, 1 type, 8 value. */
        *ret_len = b->count ? b->count * 25u : 0;
}

static void records_come_back_in_order(void **state)
{
        struct book *b = *state;

        write_book(b, 100);
        journal_free(reopen(b));
        assert_int_equal(b->count, 100);
        for (uint32_t i = 0; i < 100; i++)
                assert_int_equal(b->values[i], i + 1);
}

static void a_torn_tail_loses_only_the_torn_record(void **state)
{
        struct book *b = *state;
        char path[400];
        size_t len;

        for (int cut = 1; cut < 25; cut++) {
                int fd;

                write_book(b, 10);
                journal_free(reopen(b));
                the_file(b, path, &len);
                fd = open(path, O_WRONLY);
                assert_int_equal(ftruncate(fd, (off_t)len - cut), 0);
                close(fd);
                journal_free(reopen(b));
                assert_int_equal(b->count, 9);
                dir_remove(AT_FDCWD, b->dir);
        }
}

static void a_damaged_record_ends_the_file(void **state)
{
        struct book *b = *state;
        char path[400], c;
        size_t len;

        for (size_t at = 4 * 25; at < 5 * 25; at++) {
                int fd;

                write_book(b, 10);
                journal_free(reopen(b));
                the_file(b, path, &len);
                fd = open(path, O_RDWR);
                assert_int_equal(pread(fd, &c, 1, (off_t)at), 1);
                c ^= 0x41;
                assert_int_equal(pwrite(fd, &c, 1, (off_t)at), 1);
                close(fd);
                journal_free(reopen(b));
                assert_int_equal(b->count, 4);
                dir_remove(AT_FDCWD, b->dir);
        }
}

static void appending_goes_on_after_damage(void **state)
{
        struct book *b = *state;
        struct journal *j;
        char path[400];
        size_t len;
        int fd;

        write_book(b, 10);
        journal_free(reopen(b));
        the_file(b, path, &len);
        fd = open(path, O_WRONLY);
        assert_int_equal(ftruncate(fd, (off_t)len - 3), 0);
        close(fd);
        j = reopen(b);
        /* Until it is rotated nothing can be made durable: the tail is not to be trusted. */
        put(j, 77);
        assert_int_equal(journal_flush(j, NULL), -1);
        assert_int_equal(journal_rotate(j, live, b, NULL), 0);
        put(j, 78);
        assert_int_equal(journal_flush(j, NULL), 0);
        journal_free(j);
        journal_free(reopen(b));
        assert_int_equal(b->count, 10);
        assert_int_equal(b->values[9], 78);
}

static void the_file_stays_bounded(void **state)
{
        struct book *b = *state;
        struct journal *j = reopen(b);
        struct stat st;
        char path[400];
        size_t len;
        int rotations = 0;

        assert_int_equal(journal_rotate(j, live, b, NULL), 0);
        for (int i = 0; i < 300; i++) {
                for (int k = 0; k < 2000; k++)
                        put(j, 5);
                assert_int_equal(journal_flush(j, NULL), 0);
                if (journal_wants_rotation(j)) {
                        b->count = 1;
                        b->values[0] = 5;
                        assert_int_equal(journal_rotate(j, live, b, NULL), 0);
                        rotations++;
                }
        }
        journal_free(j);
        assert_true(rotations >= 2);
        the_file(b, path, &len);
        assert_int_equal(stat(path, &st), 0);
        assert_true(st.st_size <= (off_t)JOURNAL_SET_ASIDE);
}

static void an_interrupted_rotation_is_undone(void **state)
{
        struct book *b = *state;
        char path[400];
        size_t len;
        int fd;

        write_book(b, 3);
        snprintf(path, sizeof path, "%s/0000000000000002.new", b->dir);
        fd = open(path, O_CREAT | O_WRONLY, 0600);
        assert_int_equal(write(fd, "half", 4), 4);
        close(fd);
        journal_free(reopen(b));
        assert_int_equal(b->count, 3);
        the_file(b, path, &len);
}

static void the_checksum_is_castagnoli(void **state)
{
        uint8_t zeros[32] = {0};

        (void)state;
        /* RFC 3720, B.4 */
        assert_int_equal(crc32c(zeros, sizeof zeros), 0x8a9136aau);
        assert_int_equal(crc32c("123456789", 9), 0xe3069283u);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define BOOK_TEST(f) cmocka_unit_test_setup_teardown(f, open_book, close_book)
            BOOK_TEST(records_come_back_in_order),
            BOOK_TEST(a_torn_tail_loses_only_the_torn_record),
            BOOK_TEST(a_damaged_record_ends_the_file),
            BOOK_TEST(appending_goes_on_after_damage),
            BOOK_TEST(the_file_stays_bounded),
            BOOK_TEST(an_interrupted_rotation_is_undone),
            cmocka_unit_test(the_checksum_is_castagnoli),
        };

        return cmocka_run_group_tests_name("worker_journal", tests, NULL, NULL);
}
