/* SPDX-License-Identifier: Apache-2.0 */
/* What ended attempts leave: outputs that are kept, and scans. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/hollow/world.h"

static void outputs_are_kept_and_listed(void **state)
{
        struct world *w = *state;
        char *argv[3], path[160];
        char *patterns[] = {(char *)"out/**/*.txt", (char *)"result"};
        struct proto_template t =
            shell_job(7800, argv,
                      "mkdir -p out/deep; printf abc > out/a.txt; printf abc > out/deep/b.txt; "
                      "echo no > out/c.log; printf abc > result; ln -s /etc/passwd out/l.txt");
        uint8_t sum[32];
        struct data d;

        t.outputs = patterns;
        t.output_count = 2;
        t.output_dataset = (char *)"set-1";
        attach(w);
        run_template(w, &t, 1);
        assert_int_equal(result_of(w, 7800, 0, 1)->outcome, OUTCOME_SUCCEEDED);
        assert_int_equal(result_of(w, 7800, 0, 1)->output_count, 3);
        assert_int_equal(w->file_count, 3);
        crypto_hash_sha256(sum, (const uint8_t *)"abc", 3);
        for (uint32_t i = 0; i < 3; i++) {
                assert_int_equal(w->files[i].size, 3);
                assert_memory_equal(w->files[i].sha256, sum, 32);
                snprintf(path, sizeof path, "set-1/0/%s", w->files[i].path);
                read_log(w, READ_STORE, 7800, path, 0, 100, &d);
                assert_string_equal(d.bytes, "abc");
        }
        assert_string_equal(w->files[0].path, "out/a.txt");
        assert_string_equal(w->files[1].path, "out/deep/b.txt");
        assert_string_equal(w->files[2].path, "result");

        /* Not acknowledged: the list comes again before the result. */
        detach(w);
        w->epoch++;
        attach(w);
        result_of(w, 7800, 0, 1);
        assert_int_equal(w->file_count, 6);
}

static void a_missing_output_is_named(void **state)
{
        struct world *w = *state;
        char *argv[3];
        char *patterns[] = {(char *)"made", (char *)"not-made*"};
        struct proto_template t = shell_job(7810, argv, "echo > made");

        t.outputs = patterns;
        t.output_count = 2;
        t.output_dataset = (char *)"set-2";
        attach(w);
        run_template(w, &t, 1);
        assert_int_equal(result_of(w, 7810, 0, 1)->outcome, OUTCOME_OUTPUT_MISSING);
        assert_non_null(strstr(result_of(w, 7810, 0, 1)->text, "not-made*"));
}

static void a_scan_lists_every_file(void **state)
{
        struct world *w = *state;
        char path[160];
        size_t mark;
        struct reader r;
        uint32_t files = 0;

        attach(w);
        for (int i = 0; i < 600; i++) {
                snprintf(path, sizeof path, "%s/store/f%03d", w->root, i);
                close(open(path, O_CREAT | O_WRONLY, 0600));
        }
        snprintf(path, sizeof path, "%s/store", w->root);
        mark = frame_begin(&w->c.to, P_SCAN);
        buf_u32(&w->c.to, 5);
        buf_str(&w->c.to, path);
        frame_end(&w->c.to, mark);
        client_flush(&w->c);
        for (;;) {
                assert_true(client_next(&w->c, PATIENCE_MS));
                reader_init(&r, w->c.frame.payload, w->c.frame.len);
                if (w->c.frame.type == P_SCAN_END)
                        break;
                if (w->c.frame.type != P_SCANNED)
                        continue;
                (void)reader_u32(&r);
                (void)reader_u64(&r);
                (void)reader_u64(&r);
                files += reader_u32(&r);
        }
        assert_int_equal(reader_u32(&r), 5);
        assert_int_equal(reader_u8(&r), READ_OK);
        assert_int_equal(reader_u8(&r), 0);
        assert_int_equal(files, 600);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
            WORLD_TEST(outputs_are_kept_and_listed),
            WORLD_TEST(a_missing_output_is_named),
            WORLD_TEST(a_scan_lists_every_file),
        };

        if (argc < 1 || !worker_find(argv[0]))
                return 1;
        return worker_test_begin() ? cmocka_run_group_tests_name("worker_outputs", tests, NULL, NULL) : 0;
}
