/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/text.h"
#include "common/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define BAD "\xef\xbf\xbd"

static const struct {
        const char *in, *out;
} rows[] = {
    {"", ""},
    {"plain text\n\tindented\n", "plain text\n\tindented\n"},
    {"gr\xc3\xbc\xc3\x9f"
     "e \xe2\x82\xac \xf0\x9f\x8d\x83\n",
     "gr\xc3\xbc\xc3\x9f"
     "e \xe2\x82\xac \xf0\x9f\x8d\x83\n"},
    /* colours and cursor movements go */
    {"\x1b[31mred\x1b[0m", "red"},
    {"\x1b[2J\x1b[1;1Hx", "x"},
    {"\x1b[?1049h\x1b[38;2;1;2;3mx", "x"},
    /* titles, clipboard, links, device control */
    {"\x1b]0;title\x07x", "x"},
    {"\x1b]52;c;ZXZpbA==\x1b\\x", "x"},
    {"\x1bPq#0\x1b\\x", "x"},
    {"\x1b_apc\x1b\\x", "x"},
    /* other sequences */
    {"\x1b"
     "cx",
     "x"},
    {"\x1b(Bx", "x"},
    {"\x1b", ""},
    /* a sequence never reaches over the end of its line */
    {"\x1b]0;never ends\nnext line\n", "\nnext line\n"},
    {"\x1b[31\nx", "\nx"},
    /* single control characters are shown */
    {"a\x07"
     "b\x08"
     "c\x7f",
     "a^Gb^Hc^?"},
    {"a\x0b\x0c\x0e", "a^K^L^N"},
    /* carriage returns cannot write over what stands there */
    {"50%\r100%\n", "50%\n100%\n"},
    {"dos\r\nlines\r\n", "dos\nlines\n"},
    {"end\r", "end\n"},
    /* broken UTF-8, C1 controls, marks of direction */
    {"\xff\xfe", BAD BAD},
    {"a\xc3"
     "b",
     "a" BAD "b"},
    {"\xe2\x82", BAD BAD},
    {"\xe2\x82\xe2\x82\xac", BAD BAD "\xe2\x82\xac"},
    {"\xc0\xaf\xed\xa0\x80", BAD BAD BAD BAD BAD},
    {"\xc2\x9b"
     "31m",
     BAD "31m"},
    {"\x9b"
     "31m",
     BAD "31m"},
    {"\xe2\x80\xae"
     "evil",
     BAD "evil"},
    {"\xe2\x81\xa6"
     "evil",
     BAD "evil"},
};

static void control_characters_and_escapes_do_not_come_through(void **unused)
{
        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct text_filter f = {0};
                struct buf b;

                buf_init(&b, 4096);
                text_filter_feed(&f, rows[i].in, strlen(rows[i].in), &b);
                text_filter_end(&f, &b);
                if (strcmp(buf_cstr(&b), rows[i].out) != 0)
                        fail_msg("row %zu: \"%s\"", i, buf_cstr(&b));
                buf_release(&b);
        }
}

static void pieces_of_any_size_give_the_same_text(void **unused)
{
        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                size_t n = strlen(rows[i].in);

                for (size_t step = 1; step < 4; step++) {
                        struct text_filter f = {0};
                        struct buf b;

                        buf_init(&b, 4096);
                        for (size_t at = 0; at < n; at += step)
                                text_filter_feed(&f, rows[i].in + at, n - at < step ? n - at : step, &b);
                        text_filter_end(&f, &b);
                        assert_string_equal(buf_cstr(&b), rows[i].out);
                        buf_release(&b);
                }
        }
}

static bool is_harmless(const uint8_t *p, size_t n)
{
        for (size_t i = 0; i < n;) {
                size_t k = utf8_len((const char *)p + i, n - i);

                if (!k || (k == 1 && (p[i] < 0x20 || p[i] == 0x7f) && p[i] != '\n' && p[i] != '\t'))
                        return false;
                if (k == 2 && p[i] == 0xc2 && p[i + 1] < 0xa0)
                        return false;
                i += k;
        }
        return true;
}

static void no_bytes_at_all_make_the_output_harmful(void **unused)
{
        uint64_t x = 0x9e3779b97f4a7c15ULL;

        (void)unused;
        for (int round = 0; round < 20000; round++) {
                static const char spice[] = "\x1b[]\\\r\n\x07\xc2\x9b\xe2\x80\xaeP;1m";
                struct text_filter f = {0};
                char in[64];
                struct buf b;

                for (size_t i = 0; i < sizeof in; i++) {
                        x ^= x << 13;
                        x ^= x >> 7;
                        x ^= x << 17;
                        in[i] = x & 0x100 ? spice[(x >> 9) % (sizeof spice - 1)] : (char)x;
                }
                buf_init(&b, 4096);
                text_filter_feed(&f, in, 20, &b);
                text_filter_feed(&f, in + 20, sizeof in - 20, &b);
                text_filter_end(&f, &b);
                if (!is_harmless(buf_bytes(&b), buf_len(&b)))
                        fail_msg("round %d", round);
                buf_release(&b);
        }
}

static void an_endless_sequence_hides_only_so_much(void **unused)
{
        AUTO_FREE char *in = xmalloc(20001);
        struct text_filter f = {0};
        struct buf b;

        (void)unused;
        memset(in, 'a', 20000);
        memcpy(in, "\x1b]", 2);
        buf_init(&b, 65536);
        text_filter_feed(&f, in, 20000, &b);
        text_filter_end(&f, &b);
        assert_true(buf_len(&b) > 15000);
        buf_release(&b);
}

static void a_line_stays_one_line(void **unused)
{
        AUTO_FREE char *line = text_line("a\nb\tc\rd\x1b[1me");
        AUTO_FREE char *none = text_line(NULL);

        (void)unused;
        assert_string_equal(line, "a b c de");
        assert_string_equal(none, "");
}

static void words_are_quoted_for_the_shell(void **unused)
{
        static const struct {
                const char *in, *out;
        } words[] = {
            {"plain-1.0/x", "plain-1.0/x"},
            {"", "''"},
            {"a b", "'a b'"},
            {"$(x)", "'$(x)'"},
            {"it's", "'it'\\''s'"},
            {"a\nb", "'a\nb'"},
            {"{\"a\":1}", "'{\"a\":1}'"},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(words); i++) {
                struct buf b;

                buf_init(&b, 256);
                text_add_shell(&b, words[i].in);
                assert_string_equal(buf_cstr(&b), words[i].out);
                buf_release(&b);
        }
}

static void addresses_are_escaped(void **unused)
{
        struct buf b;

        (void)unused;
        buf_init(&b, 256);
        text_add_uri(&b, "a b/c&d=\xc3\xa9%", false);
        assert_string_equal(buf_cstr(&b), "a%20b%2Fc%26d%3D%C3%A9%25");
        buf_clear(&b);
        text_add_uri(&b, "a/b c", true);
        assert_string_equal(buf_cstr(&b), "a/b%20c");
        buf_release(&b);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(control_characters_and_escapes_do_not_come_through),
            cmocka_unit_test(pieces_of_any_size_give_the_same_text),
            cmocka_unit_test(no_bytes_at_all_make_the_output_harmful),
            cmocka_unit_test(an_endless_sequence_hides_only_so_much),
            cmocka_unit_test(a_line_stays_one_line),
            cmocka_unit_test(words_are_quoted_for_the_shell),
            cmocka_unit_test(addresses_are_escaped),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
