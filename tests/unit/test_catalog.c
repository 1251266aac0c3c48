/* SPDX-License-Identifier: Apache-2.0 */
/* File names as the catalog writes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/catalog.h"
#include "common/util.h"

static void any_path_comes_back_as_it_was(void **unused)
{
        static const struct {
                const char *path, *text;
        } cases[] = {
            {"a/b.txt", "a/b.txt"},   {"with space", "with space"},
            {"100%", "100%25"},       {"line\nend", "line%0Aend"},
            {"\xc3\xa4", "\xc3\xa4"}, {"\xe4", "%E4"},
            {"\x7f", "%7F"},          {"", ""},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                AUTO_FREE char *text = catalog_encode(cases[i].path);
                AUTO_FREE char *path = catalog_decode(text);

                assert_string_equal(text, cases[i].text);
                assert_string_equal(path, cases[i].path);
        }
}

static void every_other_form_is_refused(void **unused)
{
        static const char *const texts[] = {"%",         "%4",   "%zz", "%00", "a%0",
                                            "line\nend", "\xe4", "%e4", "%41", "\x01"};

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(texts); i++)
                assert_null(catalog_decode(texts[i]));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(any_path_comes_back_as_it_was),
            cmocka_unit_test(every_other_form_is_refused),
        };

        return cmocka_run_group_tests_name("catalog", tests, NULL, NULL);
}
