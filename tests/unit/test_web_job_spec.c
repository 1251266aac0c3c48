/* SPDX-License-Identifier: Apache-2.0 */
#include "web/job_spec.h"

#include "common/util.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define LEASE_MAX (3600 * 1000)
#define NOW       INT64_C(1700000000000)

static const char *const offered[] = {"licence_x", "tape", "lic"};
static const struct job_rules rules = {
    .lease_max_ms = LEASE_MAX, .now_ms = NOW, .countables = offered, .countable_count = ARRAY_LEN(offered)};

/* Where the faults are, separated by spaces, in the order found. */
static void read_job(const char *text, int64_t position, struct job_spec *s, json_t **ret_json, char *ret,
                     size_t max)
{
        struct issues is = {0};
        size_t n = 0;

        *ret_json = json_loads(text, 0, NULL);
        assert_non_null(*ret_json);
        job_spec_read(*ret_json, position, &rules, s, &is);
        ret[0] = '\0';
        for (size_t i = 0; i < is.count; i++)
                n += (size_t)snprintf(ret + n, max - n, "%s%s:%s", i ? " " : "", is.list[i].pointer,
                                      is.list[i].code);
        issues_release(&is);
}

static const struct {
        const char *job, *faults;
} cases[] = {
    {"{}", "/command:missing"},
    {"[]", ":type"},
    {"{\"command\":[\"a\"]}", ""},
    {"{\"command\":\"a\"}", "/command:type"},
    {"{\"command\":[]}", "/command:range"},
    {"{\"command\":[\"\"]}", "/command/0:range"},
    {"{\"command\":[\"a\",null]}", "/command/1:type"},
    {"{\"command\":[\"a\"],\"script\":\"#!/bin/sh\"}", "/script:conflict"},
    {"{\"command\":[\"a\"],\"args\":[]}", "/args:conflict"},
    {"{\"script\":\"echo\"}", "/script:format"},
    {"{\"script\":\"#!/bin/sh\",\"args\":[\"x\"]}", ""},
    {"{\"command\":[\"a\"],\"name\":\"\"}", "/name:range"},
    {"{\"command\":[\"a\"],\"name\":\"a\\nb\"}", "/name:format"},
    {"{\"command\":[\"a\"],\"name\":null,\"array\":null}", ""},
    {"{\"command\":[\"a\"],\"array\":\"0-9%3\"}", ""},
    {"{\"command\":[\"a\"],\"array\":\"9-0\"}", "/array:format"},
    {"{\"command\":[\"a\"],\"array\":\"1,5,7-100:3%20\"}", ""},
    {"{\"command\":[\"a\"],\"array\":\"1,10000001\"}", "/array:format"},
    {"{\"command\":[\"a\"],\"array\":\"1,,2\"}", "/array:format"},
    {"{\"command\":[\"a\"],\"array\":\"1-10000001\"}", "/array:format"},
    {"{\"command\":[\"a\"],\"resources\":{\"cpus\":0}}", "/resources/cpus:range"},
    {"{\"command\":[\"a\"],\"resources\":{\"cpus\":1.5,\"memory\":-1,\"gpus\":\"1\"}}",
     "/resources/cpus:type /resources/memory:range /resources/gpus:type"},
    {"{\"command\":[\"a\"],\"resources\":{\"lic/x\":1}}", "/resources/lic~1x:format"},
    {"{\"command\":[\"a\"],\"resources\":{\"tape\":1,\"licence_x\":2}}", ""},
    {"{\"command\":[\"a\"],\"resources\":{\"tape\":\"1\"}}", "/resources/tape:type"},
    {"{\"command\":[\"a\"],\"resources\":{\"memroy\":\"2G\",\"tapes\":1,\"none\":0,\"nil\":null}}",
     "/resources/memroy:unknown /resources/tapes:unknown"},
    {"{\"command\":[\"a\"],\"env\":{\"1A\":\"x\"}}", "/env/1A:format"},
    {"{\"command\":[\"a\"],\"env\":{\"REEVE_TASK\":\"x\"}}", "/env/REEVE_TASK:conflict"},
    {"{\"command\":[\"a\"],\"workdir\":\"x\"}", "/workdir:format"},
    {"{\"command\":[\"a\"],\"task_env\":{\"A\":\"{task:4}-{job}{{\",\"B\":\"{restart}{name}{host}\"}}", ""},
    {"{\"command\":[\"a\"],\"task_env\":{\"A\":\"{tusk}\",\"B\":1,\"1\":\"\",\"C\":\"{task\",\"D\":\"{name:3}"
     "\","
     "\"REEVE_X\":\"\"}}",
     "/task_env/A:format /task_env/B:type /task_env/1:format /task_env/C:format /task_env/D:format "
     "/task_env/REEVE_X:conflict"},
    {"{\"command\":[\"a\"],\"stdio\":{\"out\":\"a/{job}.{task}\",\"err\":\"/b\",\"append\":true}}", ""},
    {"{\"command\":[\"a\"],\"stdio\":{\"out\":\"{x}\",\"in\":1,\"log\":\"b\"}}",
     "/stdio/in:type /stdio/log:unknown /stdio/out:format"},
    {"{\"command\":[\"a\"],\"time_limit\":60,\"warn\":{\"signal\":\"SIGUSR1\",\"before\":9}}", ""},
    {"{\"command\":[\"a\"],\"time_limit\":60,\"warn\":{\"signal\":\"65\"}}", "/warn/signal:format"},
    {"{\"command\":[\"a\"],\"warn\":{\"signal\":\"10\"}}", "/warn:conflict"},
    {"{\"command\":[\"a\"],\"time_limit\":60,\"warn\":{}}", "/warn/signal:missing"},
    {"{\"command\":[\"a\"],\"time_limit\":0}", "/time_limit:range"},
    {"{\"command\":[\"a\"],\"time_limit\":1e300}", "/time_limit:range"},
    {"{\"command\":[\"a\"],\"time_limit\":\"2h30m\"}", ""},
    {"{\"command\":[\"a\"],\"priority\":1001}", "/priority:range"},
    {"{\"command\":[\"a\"],\"retry\":{\"max\":1001,\"again\":1}}", "/retry/max:range /retry/again:unknown"},
    {"{\"command\":[\"a\"],\"retry\":{\"on_exit\":{\"256\":\"fail\"}}}", "/retry/on_exit/256:format"},
    {"{\"command\":[\"a\"],\"retry\":{\"on_exit\":{\"1-3\":\"stop\"}}}", "/retry/on_exit/1-3:format"},
    {"{\"command\":[\"a\"],\"after\":[1,1]}", "/after/1:conflict"},
    {"{\"command\":[\"a\"],\"after\":[\"#1\"]}", "/after/0:type"},
    {"{\"command\":[\"a\"],\"after\":[{\"on\":\"ok\"}]}", "/after/0/job:missing"},
    {"{\"command\":[\"a\"],\"deadline\":\"2001-01-01T00:00:00Z\"}", "/deadline:range"},
    {"{\"command\":[\"a\"],\"deadline\":\"tomorrow\"}", "/deadline:format"},
    {"{\"command\":[\"a\"],\"not_before\":\"2099-01-02T00:00:00Z\",\"deadline\":\"2099-01-01T00:00:00Z\"}",
     "/not_before:conflict"},
    {"{\"command\":[\"a\"],\"labels\":{\"k\":1}}", "/labels/k:type"},
    {"{\"command\":[\"a\"],\"inputs\":[\"A\",\"job:0\",\"job:7\",\"job:#1\"]}",
     "/inputs/0:format /inputs/1:format /inputs/3:format"},
    {"{\"command\":[\"a\"],\"outputs\":[\"a..b\",\"..\",\"x/../y\",\"/x\",\"**/*.sam\"]}",
     "/outputs/1:format /outputs/2:format /outputs/3:format"},
    {"{\"command\":[\"a\"],\"output_dataset\":\"x\"}", "/output_dataset:conflict"},
    {"{\"command\":[\"a\"],\"outputs\":[\"x\"],\"output_dataset\":\"job-7\"}", "/output_dataset:conflict"},
    {"{\"command\":[\"a\"],\"sites\":[\"Alpha\"]}", "/sites/0:format"},
    {"{\"command\":[\"a\"],\"lease\":\"2h\"}", "/lease:range"},
    {"{\"command\":[\"a\"],\"log_limit\":10}", "/log_limit:range"},
    {"{\"command\":[\"a\"],\"colour\":1,\"priority\":\"high\",\"hold\":1}",
     "/colour:unknown /priority:type /hold:type"},
};

static void every_fault_of_a_job_is_named_where_it_is(void **unused)
{
        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct job_spec s;
                json_t *json;
                char faults[1024];

                read_job(cases[i].job, 0, &s, &json, faults, sizeof faults);
                if (strcmp(faults, cases[i].faults) != 0)
                        fail_msg("%s: got \"%s\", want \"%s\"", cases[i].job, faults, cases[i].faults);
                job_spec_release(&s);
                json_decref(json);
        }
}

static void unknown_names_bring_the_nearest_known_one(void **unused)
{
        static const struct {
                const char *job, *says;
        } rows[] = {
            {"{\"command\":[\"a\"],\"prioritiy\":1}",
             "\"prioritiy\": unknown member; did you mean \"priority\"?"},
            {"{\"command\":[\"a\"],\"evn\":{}}", "\"evn\": unknown member; did you mean \"env\"?"},
            {"{\"command\":[\"a\"],\"colour\":1}", "\"colour\": unknown member"},
            {"{\"command\":[\"a\"],\"memroy\":1}",
             "\"memroy\": unknown member; did you mean \"memory\" in \"resources\"?"},
            {"{\"command\":[\"a\"],\"retry\":{\"delay_mx\":1}}",
             "\"delay_mx\": unknown member; did you mean \"delay_max\"?"},
            {"{\"command\":[\"a\"],\"resources\":{\"memroy\":\"2G\"}}",
             "\"memroy\": no site offers such a resource; did you mean \"memory\"? offered are cpus, memory, "
             "gpus, licence_x, tape, lic"},
            {"{\"command\":[\"a\"],\"resources\":{\"license_x\":1}}",
             "\"license_x\": no site offers such a resource; did you mean \"licence_x\"? offered are cpus, "
             "memory, gpus, licence_x, tape, lic"},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                json_t *json = json_loads(rows[i].job, 0, NULL);
                struct issues is = {0};
                struct job_spec s;

                job_spec_read(json, 0, &rules, &s, &is);
                assert_int_equal(is.count, 1);
                assert_string_equal(is.list[0].code, "unknown");
                assert_string_equal(is.list[0].detail, rows[i].says);
                issues_release(&is);
                job_spec_release(&s);
                json_decref(json);
        }
}

static void a_job_of_a_list_may_name_only_earlier_ones(void **unused)
{
        struct job_spec s;
        json_t *json;
        char faults[256];

        (void)unused;
        read_job("{\"command\":[\"a\"],\"after\":[\"#2\",{\"job\":\"#1\",\"on\":\"any\",\"each\":true}],"
                 "\"inputs\":[\"job:#2\"]}",
                 3, &s, &json, faults, sizeof faults);
        assert_string_equal(faults, "");
        assert_int_equal(s.after_count, 2);
        assert_true(s.after[0].inside && s.after[0].job == 2 && s.after[0].condition == 'o' &&
                    !s.after[0].each);
        assert_true(s.after[1].inside && s.after[1].job == 1 && s.after[1].condition == 'a' &&
                    s.after[1].each);
        job_spec_release(&s);
        json_decref(json);
        read_job("{\"command\":[\"a\"],\"after\":[\"#3\",\"#0\"],\"inputs\":[\"job:#3\"]}", 3, &s, &json,
                 faults, sizeof faults);
        assert_string_equal(faults, "/after/0:range /after/1:range /inputs/0:format");
        job_spec_release(&s);
        json_decref(json);
}

static void the_name_of_a_job_is_its_commands_base_name(void **unused)
{
        static const char *const names[][2] = {{"{\"command\":[\"/usr/bin/bowtie2\"]}", "bowtie2"},
                                               {"{\"command\":[\"a/\"]}", "a/"},
                                               {"{\"command\":[\"./x y\"]}", "x y"},
                                               {"{\"command\":[\"\\u0001\"]}", "job"},
                                               {"{\"script\":\"#!/bin/sh\"}", "script"},
                                               {"{\"command\":[\"a\"],\"name\":\"n\"}", "n"}};

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                struct job_spec s;
                json_t *json;
                char faults[256];

                read_job(names[i][0], 0, &s, &json, faults, sizeof faults);
                assert_string_equal(s.name, names[i][1]);
                job_spec_release(&s);
                json_decref(json);
        }
}

static void the_stored_form_has_every_default_filled_in(void **unused)
{
        struct job_spec s;
        struct buf b;
        json_t *json;
        char faults[256];

        (void)unused;
        read_job("{\"command\":[\"a\",\"\\\"\"],\"resources\":{\"memory\":\"1K\",\"lic\":2,\"none\":0}}", 0,
                 &s, &json, faults, sizeof faults);
        assert_string_equal(faults, "");
        buf_init(&b, 4096);
        job_spec_write(&b, &s, NULL);
        assert_string_equal(
            buf_cstr(&b),
            "{\"command\":[\"a\",\"\\\"\"],\"script\":null,\"args\":[],\"resources\":{\"cpus\":1,\"memory\":"
            "1024,\"gpus\":0,"
            "\"custom\":{\"lic\":2}},\"env\":[],\"task_env\":[],"
            "\"stdio\":{\"in\":null,\"out\":null,\"err\":null,\"append\":false},\"warn\":null,\"workdir\":"
            "null,\"time_limit_ms\":null,\"throttle\":0,"
            "\"retry\":{\"max\":0,\"site_max\":5,\"delay_ms\":5000,\"delay_max_ms\":3600000,\"on_exit\":[]},"
            "\"not_before_ms\":null,\"deadline_ms\":null,\"inputs\":[],\"partition\":null,\"outputs\":[],"
            "\"output_dataset\":null,"
            "\"sites\":[],"
            "\"lease_ms\":null,\"log_limit\":16777216}");
        buf_release(&b);
        job_spec_release(&s);
        json_decref(json);
}

static void the_schema_of_a_job_is_json_and_names_every_field(void **unused)
{
        struct buf b;
        json_t *schema;

        (void)unused;
        buf_init(&b, 1 << 20);
        fields_schema(&b, NULL, job_fields);
        schema = json_loadb((const char *)buf_bytes(&b), buf_len(&b), JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(schema);
        for (const struct field *f = job_fields; f->type != F_END; f++)
                assert_non_null(json_object_get(json_object_get(schema, "properties"), f->name));
        json_decref(schema);
        buf_release(&b);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(every_fault_of_a_job_is_named_where_it_is),
            cmocka_unit_test(unknown_names_bring_the_nearest_known_one),
            cmocka_unit_test(a_job_of_a_list_may_name_only_earlier_ones),
            cmocka_unit_test(the_name_of_a_job_is_its_commands_base_name),
            cmocka_unit_test(the_stored_form_has_every_default_filled_in),
            cmocka_unit_test(the_schema_of_a_job_is_json_and_names_every_field),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
