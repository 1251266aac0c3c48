/* SPDX-License-Identifier: Apache-2.0 */
/* The stored spec, as the model and the workers need it; and paths as the catalog writes them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "common/arena.h"
#include "common/catalog.h"
#include "common/util.h"
#include "daemon/spec.h"

#include <stdio.h>
#include <string.h>

static const char whole[] =
    "{\"command\":[\"align\",\"-x\",\"\"],\"script\":null,\"args\":[],\"resources\":{\"cpus\":2,\"memory\":"
    "1024,"
    "\"gpus\":1,\"custom\":{\"licence\":3}},\"env\":[[\"A\",\"b=c\"],[\"EMPTY\",\"\"]],\"workdir\":\"/w\","
    "\"time_limit_ms\":7000,\"throttle\":5,\"retry\":{\"max\":2,\"site_max\":7,\"delay_ms\":100,\"delay_max_"
    "ms\":"
    "9000,\"on_exit\":[{\"from\":75,\"to\":76,\"action\":\"retry\"},{\"from\":1,\"to\":9,\"action\":\"fail\"}"
    "]},"
    "\"not_before_ms\":1796068800000,\"deadline_ms\":1796083200000,\"inputs\":[],\"outputs\":[\"*.sam\"],"
    "\"output_dataset\":null,\"sites\":"
    "[\"alpha\",\"beta\"],\"lease_ms\":null,\"log_limit\":1001}";

static void a_spec_is_read_whole(void **unused)
{
        struct model *m = model_new();
        struct spec s;
        struct err err = {0};

        (void)unused;
        assert_int_equal(spec_parse(m, whole, &s, &err), 0);
        assert_int_equal(s.need.cpus, 2);
        assert_int_equal(s.need.gpus, 1);
        assert_int_equal(s.need.slots, 1);
        assert_int_equal(s.need.memory, 1024);
        assert_int_equal(s.need.custom[model_custom(m, "licence")], 3);
        assert_int_equal(s.time_limit_ms, 7000);
        assert_int_equal(s.throttle, 5);
        assert_int_equal(s.deadline, 1796083200000);
        assert_int_equal(s.not_before, 1796068800000);
        assert_int_equal(s.retry.task_max, 2);
        assert_int_equal(s.retry.site_max, 7);
        assert_int_equal(s.retry.delay_ms, 100);
        assert_int_equal(s.retry.delay_max_ms, 9000);
        assert_int_equal(s.retry.rule_count, 2);
        assert_true(s.retry.rules[0].retry && s.retry.rules[0].from == 75 && s.retry.rules[0].to == 76);
        assert_false(s.retry.rules[1].retry);
        assert_int_equal(s.site_count, 2);
        assert_string_equal(s.sites[1], "beta");
        spec_release(&s);
        model_free(m);
}

static void what_a_spec_leaves_out_has_a_default(void **unused)
{
        struct model *m = model_new();
        struct spec s;
        struct err err = {0};

        (void)unused;
        assert_int_equal(spec_parse(m, "{}", &s, &err), 0);
        assert_int_equal(s.need.cpus, 1);
        assert_int_equal(s.need.memory, 0);
        assert_int_equal(s.retry.task_max, 0);
        assert_int_equal(s.retry.site_max, 5);
        assert_true(s.deadline == INT64_MIN);
        assert_int_equal(s.not_before, 0);
        assert_int_equal(s.site_count, 0);
        spec_release(&s);
        model_free(m);
}

static void a_broken_spec_is_refused(void **unused)
{
        static const char *const broken[] = {"", "{", "nonsense", "{\"a\":1,\"a\":2}"};
        struct model *m = model_new();

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
                struct spec s;
                struct err err = {0};

                assert_int_equal(spec_parse(m, broken[i], &s, &err), -1);
                assert_int_not_equal(err.code, ERR_NONE);
        }
        model_free(m);
}

static void countables_are_bounded_and_surplus_offers_left_out(void **unused)
{
        struct model *m = model_new();
        struct res offer = {0};
        struct spec s;
        struct err err = {0};
        char json[200];

        (void)unused;
        for (int i = 0; i < RES_CUSTOM_MAX; i++) {
                snprintf(json, sizeof json, "{\"resources\":{\"custom\":{\"c%d\":1}}}", i);
                assert_int_equal(spec_parse(m, json, &s, &err), 0);
                spec_release(&s);
        }
        assert_int_equal(spec_parse(m, "{\"resources\":{\"custom\":{\"more\":1}}}", &s, &err), -1);
        assert_int_equal(err.code, ERR_LIMIT);
        res_add_custom(m, "{\"c0\":4,\"more\":9,\"c1\":-3}", &offer);
        assert_int_equal(offer.custom[0], 4);
        assert_int_equal(offer.custom[1], 0);
        res_add_custom(m, "not json", &offer);
        assert_int_equal(offer.custom[0], 4);
        model_free(m);
}

/* A model with one site, one project, and a job of this spec that reads and makes data. */
static struct m_job *job_in(struct model *m, const char *json, struct m_dataset *in, struct m_dataset *out)
{
        struct spec s;
        struct err err = {0};
        struct job_init init = {.id = 12, .name = "a job", .first = 1, .last = 3, .next = 1};
        struct m_job *j;

        assert_int_equal(spec_parse(m, json, &s, &err), 0);
        init.spec = json;
        init.project = model_project_put(m, 1, "physics");
        init.need = s.need;
        init.time_limit_ms = s.time_limit_ms;
        init.deadline = INT64_MIN;
        init.started_at = INT64_MIN;
        init.inputs = &in;
        init.input_count = in ? 1 : 0;
        init.output = out;
        j = model_job_add(m, &init);
        spec_release(&s);
        return j;
}

static void a_template_carries_all_that_a_worker_needs(void **unused)
{
        struct model *m = model_new();
        struct m_site *site = model_site_put(m, 1, "alpha");
        struct m_dataset *in = model_dataset_put(m, 5, "reads"), *out = model_dataset_put(m, 6, "job-12");
        struct proto_template t;
        struct err err = {0};
        struct m_job *j;

        (void)unused;
        in->files = 2;
        model_dataset_site(in, 1, "/data/reads", false, 2, 10);
        j = job_in(m, whole, in, out);
        assert_int_equal(spec_template(j, site, &t, &err), 0);
        assert_int_equal(t.job, 12);
        assert_string_equal(t.project, "physics");
        assert_null(t.script);
        assert_int_equal(t.argc, 3);
        assert_string_equal(t.argv[2], "");
        assert_int_equal(t.env_count, 2);
        assert_string_equal(t.env[0].value, "b=c");
        assert_string_equal(t.workdir, "/w");
        assert_int_equal(t.resources.cpus, 2);
        assert_int_equal(t.resources.custom_count, 1);
        assert_string_equal(t.resources.custom[0].name, "licence");
        assert_int_equal(t.time_limit_ms, 7000);
        assert_int_equal(t.log_head + t.log_tail, 1001);
        assert_int_equal(t.input_count, 1);
        assert_string_equal(t.inputs[0].name, "reads");
        assert_string_equal(t.inputs[0].value, "/data/reads");
        assert_int_equal(t.output_count, 1);
        assert_string_equal(t.output_dataset, "job-12");
        proto_template_release(&t);
        model_free(m);
}

static void a_template_is_refused_where_an_input_is_not_whole(void **unused)
{
        struct model *m = model_new();
        struct m_site *alpha = model_site_put(m, 1, "alpha");
        struct m_dataset *in = model_dataset_put(m, 5, "reads"), *out = model_dataset_put(m, 6, "job-12");
        struct proto_template t;
        struct err err = {0};
        struct m_job *j;

        (void)unused;
        in->files = 2;
        model_dataset_site(in, 1, "/data/reads", false, 1, 5);
        j = job_in(m, whole, in, out);
        assert_int_equal(spec_template(j, alpha, &t, &err), -1);
        assert_non_null(strstr(err.text, "reads"));
        assert_non_null(strstr(err.text, "alpha"));
        model_free(m);
}

static void paths_come_back_from_the_catalog_as_they_were(void **unused)
{
        static const struct {
                const char *path, *text;
        } cases[] = {
            {"plain/name.txt", "plain/name.txt"},
            {"100%", "100%25"},
            {"a\nb\x7f", "a%0Ab%7F"},
            {"\xff\xfe", "%FF%FE"},
            {"\xc3\xa4\xc3", "\xc3\xa4%C3"},
            {"", ""},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                AUTO_FREE char *text = catalog_encode(cases[i].path);
                AUTO_FREE char *back = catalog_decode(text);

                assert_string_equal(text, cases[i].text);
                assert_non_null(back);
                assert_string_equal(back, cases[i].path);
        }
        for (int c = 1; c < 256; c++) {
                char path[] = {'x', (char)c, '/', (char)c, '\0'};
                AUTO_FREE char *text = catalog_encode(path);
                AUTO_FREE char *back = catalog_decode(text);

                assert_non_null(back);
                assert_string_equal(back, path);
        }
}

static void what_is_not_in_catalog_form_is_not_decoded(void **unused)
{
        static const char *const bad[] = {"%", "%4", "a%zz", "%00", "%G0", "x%2"};

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                AUTO_FREE char *back = catalog_decode(bad[i]);

                if (back)
                        fail_msg("decoded \"%s\"", bad[i]);
        }
}

static void an_arena_gives_memory_that_stays_until_it_is_cleared(void **unused)
{
        struct arena a = {0};
        char *text[500];

        (void)unused;
        for (int round = 0; round < 3; round++) {
                char *large = arena_alloc(&a, 300000);

                memset(large, 'x', 300000);
                for (int i = 0; i < 500; i++) {
                        text[i] = arena_printf(&a, "%d %0*d", i, i * 2, 7);
                        assert_int_equal((uintptr_t)arena_alloc(&a, 3) % 16, 0);
                }
                for (int i = 0; i < 500; i++) {
                        char want[2000];

                        snprintf(want, sizeof want, "%d %0*d", i, i * 2, 7);
                        assert_string_equal(text[i], want);
                }
                assert_int_equal(large[299999], 'x');
                arena_clear(&a);
        }
        assert_null(arena_strdup(&a, NULL));
        assert_string_equal(arena_strdup(&a, "kept"), "kept");
        arena_release(&a);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_spec_is_read_whole),
            cmocka_unit_test(what_a_spec_leaves_out_has_a_default),
            cmocka_unit_test(a_broken_spec_is_refused),
            cmocka_unit_test(countables_are_bounded_and_surplus_offers_left_out),
            cmocka_unit_test(a_template_carries_all_that_a_worker_needs),
            cmocka_unit_test(a_template_is_refused_where_an_input_is_not_whole),
            cmocka_unit_test(paths_come_back_from_the_catalog_as_they_were),
            cmocka_unit_test(what_is_not_in_catalog_form_is_not_decoded),
            cmocka_unit_test(an_arena_gives_memory_that_stays_until_it_is_cleared),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
