/* SPDX-License-Identifier: Apache-2.0 */
#include "common/buf.h"
#include "common/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void what_is_written_is_read_back(void **unused)
{
        struct reader r;
        struct buf b;
        size_t n;

        (void)unused;
        buf_init(&b, 1024);
        buf_u8(&b, 0xfe);
        buf_u16(&b, 0x1234);
        buf_u32(&b, 0xdeadbeef);
        buf_u64(&b, 0x0102030405060708ULL);
        buf_str(&b, "text");
        buf_str(&b, NULL);
        buf_blob(&b, "\0\1", 2);
        reader_init(&r, buf_bytes(&b), buf_len(&b));
        assert_int_equal(reader_u8(&r), 0xfe);
        assert_int_equal(reader_u16(&r), 0x1234);
        assert_int_equal(reader_u32(&r), 0xdeadbeef);
        assert_true(reader_u64(&r) == 0x0102030405060708ULL);
        AUTO_FREE char *text = reader_str(&r, 10);
        AUTO_FREE char *empty = reader_str(&r, 10);

        assert_string_equal(text, "text");
        assert_string_equal(empty, "");
        assert_memory_equal(reader_blob(&r, 2, &n), "\0\1", 2);
        assert_int_equal(n, 2);
        assert_int_equal(reader_left(&r), 0);
        assert_false(r.bad);
        buf_release(&b);
}

static void numbers_are_little_endian(void **unused)
{
        struct buf b;

        (void)unused;
        buf_init(&b, 64);
        buf_u16(&b, 0x0102);
        buf_u32(&b, 0x03040506);
        buf_u64(&b, 0x0708090a0b0c0d0eULL);
        assert_memory_equal(buf_bytes(&b), "\x02\x01\x06\x05\x04\x03\x0e\x0d\x0c\x0b\x0a\x09\x08\x07", 14);
        buf_release(&b);
}

static void reading_past_the_end_yields_zeros_and_says_so(void **unused)
{
        static const uint8_t three[] = {1, 2, 3};

        (void)unused;
        for (int i = 0; i < 5; i++) {
                struct reader r;
                size_t n = 7;

                reader_init(&r, three, sizeof three);
                switch (i) {
                case 0:
                        assert_int_equal(reader_u32(&r), 0);
                        break;
                case 1:
                        assert_true(reader_u64(&r) == 0);
                        break;
                case 2:
                        assert_null(reader_blob(&r, 100, &n));
                        assert_int_equal(n, 0);
                        break;
                case 3:
                        assert_null(reader_str(&r, 100));
                        break;
                default:
                        reader_u16(&r);
                        assert_int_equal(reader_u16(&r), 0);
                }
                assert_true(r.bad);
                /* Bad stays bad, whatever is still there. */
                assert_int_equal(reader_u8(&r), 0);
        }
}

static void lengths_are_not_believed(void **unused)
{
        static const struct {
                const char *bytes;
                size_t n, max;
                bool good;
        } rows[] = {
            {"\3\0\0\0abc", 7, 3, true},
            {"\3\0\0\0abc", 7, 2, false},
            {"\4\0\0\0abc", 7, 10, false},
            {"\xff\xff\xff\xff"
             "abc",
             7, SIZE_MAX, false},
            {"\0\0\0\0", 4, 0, true},
            {"\3\0\0\0a\0c", 7, 3, false},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct reader r;

                reader_init(&r, rows[i].bytes, rows[i].n);
                AUTO_FREE char *s = reader_str(&r, rows[i].max);

                if (rows[i].good != (s != NULL) || rows[i].good == r.bad)
                        fail_msg("row %zu", i);
        }
}

static void a_full_buf_takes_nothing_more_and_says_so(void **unused)
{
        struct buf b;

        (void)unused;
        buf_init(&b, 8);
        buf_put(&b, "12345", 5);
        buf_put(&b, "6789", 4);
        assert_true(b.overflow);
        buf_put(&b, "6", 1);
        assert_int_equal(buf_len(&b), 5);
        assert_string_equal(buf_cstr(&b), "12345");
        buf_clear(&b);
        assert_false(b.overflow);
        buf_put(&b, "12345678", 8);
        assert_false(b.overflow);
        assert_null(buf_reserve(&b, SIZE_MAX));
        assert_true(b.overflow);
        buf_release(&b);
        buf_release(&b);
}

static void consumed_bytes_make_room(void **unused)
{
        struct buf b;

        (void)unused;
        buf_init(&b, 100);
        /* Far more than the maximum goes through, never more than it at once. */
        for (int i = 0; i < 1000; i++) {
                buf_printf(&b, "%08d", i);
                buf_printf(&b, "%08d", i);
                assert_false(b.overflow);
                assert_int_equal(buf_len(&b), 24 - (i == 0 ? 8 : 0));
                buf_consume(&b, i == 0 ? 8 : 16);
                assert_int_equal(buf_len(&b), 8);
        }
        assert_memory_equal(buf_bytes(&b), "00000999", 8);
        buf_consume(&b, 8);
        assert_int_equal(buf_len(&b), 0);
        buf_release(&b);
}

static void a_number_can_be_filled_in_later(void **unused)
{
        struct buf b;

        (void)unused;
        buf_init(&b, 100);
        buf_put(&b, "xx", 2);
        buf_consume(&b, 1);
        buf_u32(&b, 0);
        buf_patch_u32(&b, 1, 0x04030201);
        assert_memory_equal(buf_bytes(&b), "x\1\2\3\4", 5);
        /* Not beyond what is there. */
        buf_patch_u32(&b, 2, 0xffffffff);
        assert_memory_equal(buf_bytes(&b), "x\1\2\3\4", 5);
        buf_release(&b);
}

static void text_is_json_whatever_is_in_it(void **unused)
{
        static const struct {
                const char *in;
                size_t n;
                const char *out;
        } rows[] = {
            {"", 0, "\"\""},
            {"plain", 5, "\"plain\""},
            {"a\"b\\c/d", 7, "\"a\\\"b\\\\c/d\""},
            {"\n\t\0\x1f\x7f", 5, "\"\\u000a\\u0009\\u0000\\u001f\\u007f\""},
            {"\xc3\xa9\xf0\x9f\x8d\x83", 6, "\"\xc3\xa9\xf0\x9f\x8d\x83\""},
            {"a\xff\xc3"
             "b",
             4, "\"a\\ufffd\\ufffdb\""},
            {"\xed\xa0\x80", 3, "\"\\ufffd\\ufffd\\ufffd\""},
            {"\xe2\x82", 2, "\"\\ufffd\\ufffd\""},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct buf b;

                buf_init(&b, 256);
                buf_json_str(&b, rows[i].in, rows[i].n);
                assert_string_equal(buf_cstr(&b), rows[i].out);
                buf_release(&b);
        }
}

static void an_empty_buf_is_an_empty_string(void **unused)
{
        struct buf b;

        (void)unused;
        buf_init(&b, 10);
        assert_string_equal(buf_cstr(&b), "");
        assert_int_equal(buf_len(&b), 0);
        buf_put(&b, NULL, 0);
        buf_text(&b, "");
        assert_string_equal(buf_cstr(&b), "");
        buf_release(&b);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(what_is_written_is_read_back),
            cmocka_unit_test(numbers_are_little_endian),
            cmocka_unit_test(reading_past_the_end_yields_zeros_and_says_so),
            cmocka_unit_test(lengths_are_not_believed),
            cmocka_unit_test(a_full_buf_takes_nothing_more_and_says_so),
            cmocka_unit_test(consumed_bytes_make_room),
            cmocka_unit_test(a_number_can_be_filled_in_later),
            cmocka_unit_test(text_is_json_whatever_is_in_it),
            cmocka_unit_test(an_empty_buf_is_an_empty_string),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
