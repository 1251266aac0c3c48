/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of files, in both formats, and what is said of lines that are none. */
#include "cli/listing.h"
#include "common/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Everything that is read of a text, owned: each file as a line of JSON, then "! " and the fault, if any. */
static char *read_all(const char *text, size_t n)
{
        FILE *from = tmpfile(), *out;
        struct err err = {0};
        struct listing l;
        char *got = NULL;
        size_t len;
        json_t *file;
        int rc;

        assert_non_null(from);
        assert_int_equal(fwrite(text, 1, n, from), n);
        rewind(from);
        out = open_memstream(&got, &len);
        listing_init(&l, from, "list");
        while ((rc = listing_next(&l, &file, &err)) == 1) {
                AUTO_FREE char *line = json_dumps(file, JSON_COMPACT | JSON_SORT_KEYS);

                fprintf(out, "%s\n", line);
                json_decref(file);
        }
        if (rc < 0) {
                assert_int_equal(err.code, ERR_BAD_INPUT);
                fprintf(out, "! %s\n", err.text);
        }
        listing_release(&l);
        fclose(out);
        fclose(from);
        return got;
}

struct row {
        const char *text, *want;
};

static void expect_rows(const struct row *rows, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                AUTO_FREE char *got = read_all(rows[i].text, strlen(rows[i].text));

                if (strcmp(got, rows[i].want) != 0)
                        fail_msg("\"%s\" became \"%s\"", rows[i].text, got);
        }
}

static void good_lines_of_csv_are_files(void **unused)
{
        static const struct row rows[] = {
            /* without a header */
            {"a/b.sam,7,0a1b\n", "{\"path\":\"a/b.sam\",\"sha256\":\"0a1b\",\"size\":7}\n"},
            {"a,0\nb,9223372036854775807", "{\"path\":\"a\",\"size\":0}\n"
                                           "{\"path\":\"b\",\"size\":9223372036854775807}\n"},
            /* with one, its columns in any order */
            {"path,size,sha256\na,1,0f\n", "{\"path\":\"a\",\"sha256\":\"0f\",\"size\":1}\n"},
            {"sha256,path\n0f,a\n", "{\"path\":\"a\",\"sha256\":\"0f\"}\n"},
            {"url,path,size,sha256\nhttp://x/a?b=c,a,1,0f\n",
             "{\"path\":\"a\",\"sha256\":\"0f\",\"size\":1,\"url\":\"http://x/a?b=c\"}\n"},
            {"\"url\"\nhttp://x/a\n", "{\"url\":\"http://x/a\"}\n"},
            {"path,size\n", ""},
            /* one unknown word, and it is no header: files may be called like columns */
            {"size,10\n", "{\"path\":\"size\",\"size\":10}\n"},
            {"url,12,0f\n", "{\"path\":\"url\",\"sha256\":\"0f\",\"size\":12}\n"},
            /* what is empty is left out */
            {"a,,\n,1\n", "{\"path\":\"a\"}\n{\"size\":1}\n"},
            {"", ""},
            {"\n\r\n\n", ""},
            {"\npath\r\n\r\na\r\n\nb", "{\"path\":\"a\"}\n{\"path\":\"b\"}\n"},
            /* quotes */
            {"\"a,b\",1\n", "{\"path\":\"a,b\",\"size\":1}\n"},
            {"\"say \"\"a\"\"\",\"1\"\n", "{\"path\":\"say \\\"a\\\"\",\"size\":1}\n"},
            {"\"\",1\n", "{\"size\":1}\n"},
            {"5\" disk,1\n", "{\"path\":\"5\\\" disk\",\"size\":1}\n"},
            /* names are kept as they are */
            {" a ,1\n", "{\"path\":\" a \",\"size\":1}\n"},
            {"gr\xc3\xbcn,1\n", "{\"path\":\"gr\xc3\xbcn\",\"size\":1}\n"},
            /* a mark of the encoding stands before the first line, and is part of a name elsewhere */
            {"\xef\xbb\xbfpath,size\na,1\n", "{\"path\":\"a\",\"size\":1}\n"},
            {"\xef\xbb\xbf", ""},
            {"a,1\n\xef\xbb\xbf"
             "b,1\n",
             "{\"path\":\"a\",\"size\":1}\n{\"path\":\"\xef\xbb\xbf"
             "b\",\"size\":1}\n"},
        };

        (void)unused;
        expect_rows(rows, ARRAY_LEN(rows));
}

static void good_lines_of_json_are_files(void **unused)
{
        static const struct row rows[] = {
            {"{\"path\":\"a\",\"size\":1,\"sha256\":\"0f\"}\n",
             "{\"path\":\"a\",\"sha256\":\"0f\",\"size\":1}\n"},
            {"\n{ \"url\": \"http://x/a\" }\r\n\r\n{\"path\":\"b\"}",
             "{\"url\":\"http://x/a\"}\n{\"path\":\"b\"}\n"},
            /* members are for the server to judge */
            {"{}\n{\"colour\":[1]}\n", "{}\n{\"colour\":[1]}\n"},
        };

        (void)unused;
        expect_rows(rows, ARRAY_LEN(rows));
}

#define A            "{\"path\":\"a\"}\n"
#define NO_SIZE      "the size is no number of bytes\n"
#define NO_OBJECT    "it is no JSON object\n"
#define MORE_COLUMNS "it has more columns than the header, or than path,size,sha256\n"

static void bad_lines_are_refused_with_their_number(void **unused)
{
        static const struct row rows[] = {
            {"a,x\n", "! list:1: " NO_SIZE},
            {"\n\na\nb,-1\nc\n", A "! list:4: " NO_SIZE},
            {"size,path\n1.5,a\n", "! list:2: " NO_SIZE},
            {"a,9223372036854775808\n", "! list:1: " NO_SIZE},
            {"path,colour\na,red\n", "! list:1: " NO_SIZE},
            {"a\nb,1,0f,more\n", A "! list:2: " MORE_COLUMNS},
            {"path\na\nb,1\n", A "! list:3: " MORE_COLUMNS},
            {"a,1,0f,\n", "! list:1: " MORE_COLUMNS},
            {"a\n\"b,1\n", A "! list:2: a quote is not closed\n"},
            {"a\nb\xff,1\n", A "! list:2: it is not UTF-8\n"},
            {A "{\"path\":\n", A "! list:2: " NO_OBJECT},
            {A "\n[]\n", A "! list:3: " NO_OBJECT},
            {A "b,1,0f\n", A "! list:2: " NO_OBJECT},
            {A "{} {}\n", A "! list:2: " NO_OBJECT},
            {"{\"path\":\"a\",\"path\":\"b\"}\n", "! list:1: " NO_OBJECT},
            {"{\"path\":\"\xff\"}\n", "! list:1: " NO_OBJECT},
        };

        (void)unused;
        expect_rows(rows, ARRAY_LEN(rows));
}

static void lines_have_a_bound_and_are_text(void **unused)
{
        static const char bound[] = "! list:2: the line is too long, or is no text\n";
        static const char zero[] = "a\nb\0c,1\n";
        AUTO_FREE char *of_zero = read_all(zero, sizeof zero - 1);
        AUTO_FREE char *text = xmalloc(LISTING_LINE_MAX + 3), *fits = NULL, *too_long = NULL;

        (void)unused;
        assert_string_equal(of_zero + strlen(A), bound);
        memset(text, 'x', LISTING_LINE_MAX + 3);
        memcpy(text, "a\n", 2);
        fits = read_all(text, LISTING_LINE_MAX + 2);
        assert_null(strchr(fits, '!'));
        assert_int_equal(strlen(fits), strlen(A) + strlen("{\"path\":\"\"}\n") + LISTING_LINE_MAX);
        too_long = read_all(text, LISTING_LINE_MAX + 3);
        assert_string_equal(too_long + strlen(A), bound);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(good_lines_of_csv_are_files),
            cmocka_unit_test(good_lines_of_json_are_files),
            cmocka_unit_test(bad_lines_are_refused_with_their_number),
            cmocka_unit_test(lines_have_a_bound_and_are_text),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
