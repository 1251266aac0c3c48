/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of screens, and server-sent events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/stream.h"
#include "cli/term.h"
#include "common/util.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

static void lines_are_cut_by_columns_and_colours_end(void **state)
{
        static const struct {
                const char *text;
                int columns;
                const char *cut;
        } cases[] = {
            {"plain", 10, "plain"},
            {"plain", 5, "plain"},
            {"plain", 4, "pla…"},
            {"\033[31mred\033[0m", 3, "\033[31mred\033[0m\033[0m"},
            {"\033[31mredder", 4, "\033[31mred…\033[0m"},
            {"äöü", 3, "äöü"},
            {"äöü", 2, "ä…"},
            {"日本", 4, "日本"},
            {"日本", 3, "日…"},
            {"", 3, ""},
            {"a\033]0;title\007b", 20, "a?]0;title?b"},
            {"a\033[2Jb", 20, "a?[2Jb"},
        };

        (void)state;
        term_unicode = 1;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct buf b;

                buf_init(&b, 4096);
                term_add_cut(&b, cases[i].text, cases[i].columns);
                assert_string_equal(buf_cstr(&b), cases[i].cut);
                buf_release(&b);
        }
        assert_int_equal(term_width("\033[1mab\033[0mä日"), 5);
}

static void bars_and_sparks_do_without_unicode(void **state)
{
        static const double values[] = {9, 0, 1, 2};
        struct buf b;

        (void)state;
        term_unicode = 0;
        buf_init(&b, 4096);
        term_add_bar(&b, 0.5, 4);
        assert_string_equal(buf_cstr(&b), "[##..]");
        buf_clear(&b);
        term_add_bar(&b, 7, 2);
        assert_string_equal(buf_cstr(&b), "[##]");
        buf_clear(&b);
        /* The last three; the largest of them is the highest. */
        term_add_spark(&b, values, 4, 3);
        assert_string_equal(buf_cstr(&b), "_=#");
        buf_release(&b);
        term_unicode = 1;
}

/* ---- events ---- */

struct heard {
        char text[4096];
        int left; /* how many are wanted still */
};

static bool on_event(void *arg, const struct stream_event *e)
{
        struct heard *h = arg;
        size_t n = strlen(h->text);

        snprintf(h->text + n, sizeof h->text - n, "%s|%s|%s;", e->id, e->name, e->data);
        return --h->left != 0;
}

static void events_are_found_however_the_bytes_come(void **state)
{
        static const char stream[] = ": reeve\nretry: 2000\n\n"
                                     "id: 7\nevent: change\ndata: {\"a\":1}\n\n"
                                     "data: one\r\ndata:two\r\n\r\n"
                                     "event: nothing\n\n"
                                     "id: 8\ndata: last\n\n";
        static const char want[] = "7|change|{\"a\":1};7|message|one\ntwo;8|message|last;";

        (void)state;
        for (size_t step = 1; step < sizeof stream; step++) {
                struct heard h = {.left = 100};
                struct stream_parser p;

                stream_parser_init(&p, on_event, &h);
                for (size_t at = 0; at < sizeof stream - 1; at += step) {
                        size_t n = sizeof stream - 1 - at;

                        assert_true(stream_parser_feed(&p, stream + at, n < step ? n : step));
                }
                assert_string_equal(h.text, want);
                stream_parser_release(&p);
        }
}

static void an_event_that_is_too_long_is_left_out(void **state)
{
        struct heard h = {.left = 100};
        struct stream_parser p;

        (void)state;
        stream_parser_init(&p, on_event, &h);
        stream_parser_feed(&p, "data: ", 6);
        for (int i = 0; i < STREAM_LINE_MAX; i++)
                stream_parser_feed(&p, "x", 1);
        stream_parser_feed(&p, "\n\ndata: next\n\n", 14);
        assert_string_equal(h.text, "|message|next;");
        stream_parser_release(&p);
}

static void the_listener_may_have_enough(void **state)
{
        struct heard h = {.left = 1};
        struct stream_parser p;

        (void)state;
        stream_parser_init(&p, on_event, &h);
        assert_false(stream_parser_feed(&p, "data: 1\n\ndata: 2\n\n", 18));
        assert_string_equal(h.text, "|message|1;");
        stream_parser_release(&p);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(lines_are_cut_by_columns_and_colours_end),
            cmocka_unit_test(bars_and_sparks_do_without_unicode),
            cmocka_unit_test(events_are_found_however_the_bytes_come),
            cmocka_unit_test(an_event_that_is_too_long_is_left_out),
            cmocka_unit_test(the_listener_may_have_enough),
        };

        setlocale(LC_CTYPE, "C.UTF-8");
        return cmocka_run_group_tests(tests, NULL, NULL);
}
