/* SPDX-License-Identifier: Apache-2.0 */
/* The checksum of a file that is being written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/util.h"
#include "worker/hasher.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIZE (700u << 10)

static uint8_t bytes[SIZE];

static int open_file(void)
{
        char path[] = "/tmp/reeve-test-XXXXXX";
        int fd = mkstemp(path);

        assert_true(fd >= 0);
        assert_int_equal(unlink(path), 0);
        for (size_t i = 0; i < SIZE; i++)
                bytes[i] = (uint8_t)(i * 2654435761u >> 13);
        return fd;
}

static void plain(size_t n, uint8_t ret[32])
{
        struct sha256 s;

        sha256_init(&s);
        sha256_add(&s, bytes, n);
        sha256_end(&s, ret);
}

static void what_is_written_piece_by_piece_is_summed_whole(void **state)
{
        static const size_t pieces[] = {1, 63, 4096, 131072, 200000};
        struct hasher *h = hasher_new();

        (void)state;
        for (size_t k = 0; k < ARRAY_LEN(pieces); k++) {
                uint8_t want[32], have[32];
                struct sha256 none;
                int fd = open_file();

                sha256_init(&none);
                hasher_begin(h, fd, 0, &none);
                for (size_t at = 0; at < SIZE; at += pieces[k]) {
                        size_t n = SIZE - at < pieces[k] ? SIZE - at : pieces[k];

                        if (k == 0 && at == 5000)
                                break; /* one by one is slow */
                        assert_int_equal(pwrite(fd, bytes + at, n, (off_t)at), n);
                        hasher_reach(h, at + n);
                }
                assert_int_equal(hasher_end(h, have), 0);
                plain(k == 0 ? 5000 : SIZE, want);
                assert_memory_equal(have, want, 32);
                close(fd);
        }
        hasher_free(h);
}

static void a_sum_goes_on_after_what_was_summed(void **state)
{
        struct hasher *h = hasher_new();
        uint8_t want[32], have[32];
        struct sha256 before;
        int fd = open_file();

        (void)state;
        sha256_init(&before);
        sha256_add(&before, bytes, 1000);
        assert_int_equal(pwrite(fd, bytes, SIZE, 0), SIZE);
        hasher_begin(h, fd, 1000, &before);
        hasher_reach(h, SIZE);
        assert_int_equal(hasher_end(h, have), 0);
        plain(SIZE, want);
        assert_memory_equal(have, want, 32);
        close(fd);
        hasher_free(h);
}

static void what_cannot_be_read_is_an_error_and_the_next_file_is_not(void **state)
{
        struct hasher *h = hasher_new();
        uint8_t want[32], have[32];
        struct sha256 none;
        int fd = open_file();

        (void)state;
        sha256_init(&none);
        hasher_begin(h, fd, 0, &none);
        hasher_reach(h, 100); /* nothing was written */
        assert_int_equal(hasher_end(h, have), -1);
        assert_int_equal(pwrite(fd, bytes, 100, 0), 100);
        hasher_begin(h, fd, 0, &none);
        hasher_reach(h, 50);
        hasher_stop(h);
        hasher_begin(h, fd, 0, &none);
        hasher_reach(h, 100);
        assert_int_equal(hasher_end(h, have), 0);
        plain(100, want);
        assert_memory_equal(have, want, 32);
        close(fd);
        hasher_free(h);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(what_is_written_piece_by_piece_is_summed_whole),
            cmocka_unit_test(a_sum_goes_on_after_what_was_summed),
            cmocka_unit_test(what_cannot_be_read_is_an_error_and_the_next_file_is_not),
        };

        return cmocka_run_group_tests_name("checksums of files being written", tests, NULL, NULL);
}
