/* SPDX-License-Identifier: Apache-2.0 */
/* Job files, from the text to what the server makes of it: every member, in YAML and in JSON. */
#include "cli/job_file.h"
#include "common/job_members.h"
#include "common/util.h"
#include "web/job_spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const offered[] = {"licence_x"};
static const struct job_rules rules = {.lease_max_ms = INT64_C(3600) * 1000,
                                       .now_ms = INT64_C(1700000000000),
                                       .countables = offered,
                                       .countable_count = ARRAY_LEN(offered)};

static json_t *parse(const char *text)
{
        struct job_file f;
        struct err err;
        json_t *doc;

        if (job_file_parse("job.yaml", text, strlen(text), &doc, &f, &err) < 0)
                fail_msg("%s: %s", text, err.text);
        job_file_release(&f);
        return doc;
}

/* The stored form of a job that has to be without fault. */
static char *stored(const char *text, const json_t *job, int64_t position)
{
        static const char *const inputs[4] = {"a", "b", "c", "d"};
        struct issues is = {0};
        struct job_spec s;
        struct buf b;
        char *form;

        job_spec_read(job, position, &rules, &s, &is);
        if (is.count)
                fail_msg("%s: %s: %s", text, is.list[0].pointer, is.list[0].detail);
        buf_init(&b, 1 << 20);
        job_spec_write(&b, &s, inputs);
        form = xstrdup(buf_cstr(&b));
        buf_release(&b);
        job_spec_release(&s);
        issues_release(&is);
        return form;
}

/* What stands behind "command: [a]", or for itself. */
static const struct {
        const char *member; /* "group/name" of one inside another */
        const char *yaml, *json;
} members[] = {
    {"name", "command: [a]\nname: 12\n", "{\"command\":[\"a\"],\"name\":\"12\"}"},
    {"name", "command: [a]\nname:\n", "{\"command\":[\"a\"],\"name\":null}"},
    {"project", "command: [a]\nproject: 12\n", "{\"command\":[\"a\"],\"project\":\"12\"}"},
    {"command", "command:\n- sleep\n- 5\n- yes\n", "{\"command\":[\"sleep\",\"5\",\"yes\"]}"},
    {"script", "script: |\n  #!/bin/sh\n  echo\n", "{\"script\":\"#!/bin/sh\\necho\\n\"}"},
    {"args", "script: '#!/bin/sh'\nargs: [1.10, -x]\n",
     "{\"script\":\"#!/bin/sh\",\"args\":[\"1.10\",\"-x\"]}"},
    {"array", "command: [a]\narray: 1-1000000%500\n", "{\"command\":[\"a\"],\"array\":\"1-1000000%500\"}"},
    {"array", "command: [a]\narray: 7\n", "{\"command\":[\"a\"],\"array\":\"7\"}"},
    {"array", "command: [a]\narray: 1,5,7-100:3%20\n", "{\"command\":[\"a\"],\"array\":\"1,5,7-100:3%20\"}"},
    {"resources", "command: [a]\nresources: {licence_x: 1}\n",
     "{\"command\":[\"a\"],\"resources\":{\"licence_x\":1}}"},
    {"resources/cpus", "command: [a]\nresources:\n  cpus: 2\n",
     "{\"command\":[\"a\"],\"resources\":{\"cpus\":2}}"},
    {"resources/memory", "command: [a]\nresources: {memory: 2G}\n",
     "{\"command\":[\"a\"],\"resources\":{\"memory\":\"2G\"}}"},
    {"resources/memory", "command: [a]\nresources: {memory: 2048}\n",
     "{\"command\":[\"a\"],\"resources\":{\"memory\":2048}}"},
    {"resources/gpus", "command: [a]\nresources: {gpus: 1}\n",
     "{\"command\":[\"a\"],\"resources\":{\"gpus\":1}}"},
    {"env", "command: [a]\nenv: {KEY: 1.10, DEBUG: true}\n",
     "{\"command\":[\"a\"],\"env\":{\"KEY\":\"1.10\",\"DEBUG\":\"true\"}}"},
    {"task_env", "command: [a]\ntask_env: {SEED: '{task}', N: 5}\n",
     "{\"command\":[\"a\"],\"task_env\":{\"SEED\":\"{task}\",\"N\":\"5\"}}"},
    {"stdio", "command: [a]\nstdio: {}\n", "{\"command\":[\"a\"],\"stdio\":{}}"},
    {"stdio/in", "command: [a]\nstdio: {in: null}\n", "{\"command\":[\"a\"],\"stdio\":{\"in\":null}}"},
    {"stdio/out", "command: [a]\nstdio: {out: 'logs/{name}-{job}_{task:4}.out'}\n",
     "{\"command\":[\"a\"],\"stdio\":{\"out\":\"logs/{name}-{job}_{task:4}.out\"}}"},
    {"stdio/err", "command: [a]\nstdio: {err: 2}\n", "{\"command\":[\"a\"],\"stdio\":{\"err\":\"2\"}}"},
    {"stdio/append", "command: [a]\nstdio: {append: true}\n",
     "{\"command\":[\"a\"],\"stdio\":{\"append\":true}}"},
    {"warn", "command: [a]\nwarn:\n", "{\"command\":[\"a\"],\"warn\":null}"},
    {"warn/signal", "command: [a]\ntime_limit: 2h\nwarn: {signal: 10}\n",
     "{\"command\":[\"a\"],\"time_limit\":\"2h\",\"warn\":{\"signal\":\"10\"}}"},
    {"warn/before", "command: [a]\ntime_limit: 2h\nwarn: {signal: USR1, before: 60s}\n",
     "{\"command\":[\"a\"],\"time_limit\":\"2h\",\"warn\":{\"signal\":\"USR1\",\"before\":\"60s\"}}"},
    {"workdir", "command: [a]\nworkdir: /abs/path\n", "{\"command\":[\"a\"],\"workdir\":\"/abs/path\"}"},
    {"time_limit", "command: [a]\ntime_limit: 1-00:00:00\n",
     "{\"command\":[\"a\"],\"time_limit\":\"1-00:00:00\"}"},
    {"time_limit", "command: [a]\ntime_limit: 90\n", "{\"command\":[\"a\"],\"time_limit\":90}"},
    {"priority", "command: [a]\npriority: -5\n", "{\"command\":[\"a\"],\"priority\":-5}"},
    {"retry", "command: [a]\nretry: {}\n", "{\"command\":[\"a\"],\"retry\":{}}"},
    {"retry/max", "command: [a]\nretry: {max: 3}\n", "{\"command\":[\"a\"],\"retry\":{\"max\":3}}"},
    {"retry/site_max", "command: [a]\nretry: {site_max: 3}\n",
     "{\"command\":[\"a\"],\"retry\":{\"site_max\":3}}"},
    {"retry/delay", "command: [a]\nretry: {delay: 1.5}\n", "{\"command\":[\"a\"],\"retry\":{\"delay\":1.5}}"},
    {"retry/delay_max", "command: [a]\nretry: {delay_max: 1h}\n",
     "{\"command\":[\"a\"],\"retry\":{\"delay_max\":\"1h\"}}"},
    {"retry/on_exit", "command: [a]\nretry:\n  on_exit:\n    75: retry\n    64-78: fail\n",
     "{\"command\":[\"a\"],\"retry\":{\"on_exit\":{\"75\":\"retry\",\"64-78\":\"fail\"}}}"},
    {"after", "command: [a]\nafter: [1233]\n", "{\"command\":[\"a\"],\"after\":[1233]}"},
    {"after/job", "command: [a]\nafter:\n- job: 1230\n", "{\"command\":[\"a\"],\"after\":[{\"job\":1230}]}"},
    {"after/on", "command: [a]\nafter:\n- {job: 1230, on: any}\n",
     "{\"command\":[\"a\"],\"after\":[{\"job\":1230,\"on\":\"any\"}]}"},
    {"after/each", "command: [a]\nafter:\n- {job: 1230, on: ok, each: true}\n",
     "{\"command\":[\"a\"],\"after\":[{\"job\":1230,\"on\":\"ok\",\"each\":true}]}"},
    {"hold", "command: [a]\nhold: true\n", "{\"command\":[\"a\"],\"hold\":true}"},
    {"not_before", "command: [a]\nnot_before: 2030-11-30T20:00:00Z\n",
     "{\"command\":[\"a\"],\"not_before\":\"2030-11-30T20:00:00Z\"}"},
    {"deadline", "command: [a]\ndeadline: 2030-12-01T00:00:00Z\n",
     "{\"command\":[\"a\"],\"deadline\":\"2030-12-01T00:00:00Z\"}"},
    {"labels", "command: [a]\nlabels: {k: 007}\n", "{\"command\":[\"a\"],\"labels\":{\"k\":\"007\"}}"},
    {"inputs", "command: [a]\ninputs: [lambda, job:1230, 12]\n",
     "{\"command\":[\"a\"],\"inputs\":[\"lambda\",\"job:1230\",\"12\"]}"},
    {"partition", "command: [a]\npartition: null\n", "{\"command\":[\"a\"],\"partition\":null}"},
    {"partition/input", "command: [a]\ninputs: [x, 12]\npartition: {input: 12, by: file}\n",
     "{\"command\":[\"a\"],\"inputs\":[\"x\",\"12\"],\"partition\":{\"input\":\"12\",\"by\":\"file\"}}"},
    {"partition/by", "command: [a]\ninputs: [x]\npartition: {by: files, size: 10}\n",
     "{\"command\":[\"a\"],\"inputs\":[\"x\"],\"partition\":{\"by\":\"files\",\"size\":10}}"},
    {"partition/size", "command: [a]\ninputs: [x]\narray: '%20'\npartition: {by: bytes, size: 1G}\n",
     "{\"command\":[\"a\"],\"inputs\":[\"x\"],\"array\":\"%20\",\"partition\":{\"by\":\"bytes\",\"size\":"
     "\"1G\"}}"},
    {"outputs", "command: [a]\noutputs: ['*.sam', plots/**]\n",
     "{\"command\":[\"a\"],\"outputs\":[\"*.sam\",\"plots/**\"]}"},
    {"output_dataset", "command: [a]\noutputs: [x]\noutput_dataset: 12\n",
     "{\"command\":[\"a\"],\"outputs\":[\"x\"],\"output_dataset\":\"12\"}"},
    {"sites", "command: [a]\nsites: [alpha, 12]\n", "{\"command\":[\"a\"],\"sites\":[\"alpha\",\"12\"]}"},
    {"lease", "command: [a]\nlease: 30m\n", "{\"command\":[\"a\"],\"lease\":\"30m\"}"},
    {"log_limit", "command: [a]\nlog_limit: 16M\n", "{\"command\":[\"a\"],\"log_limit\":\"16M\"}"},
};

static void every_member_means_the_same_in_yaml_and_json(void **unused)
{
        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(members); i++) {
                json_t *yaml = parse(members[i].yaml), *json = json_loads(members[i].json, 0, NULL);
                json_t *file = parse(members[i].json);
                AUTO_FREE char *from_yaml = stored(members[i].yaml, yaml, 0);
                AUTO_FREE char *from_json = stored(members[i].json, file, 0);

                assert_non_null(json);
                if (!json_equal(yaml, json) || !json_equal(file, json))
                        fail_msg("%s: YAML, JSON file and JSON differ", members[i].member);
                assert_string_equal(from_yaml, from_json);
                json_decref(yaml);
                json_decref(file);
                json_decref(json);
        }
}

static void no_member_is_left_out(void **unused)
{
        (void)unused;
        for (const struct job_members *m = job_members; m->group; m++)
                for (const char *const *n = m->names; *n; n++) {
                        char want[80];
                        bool found = false;

                        snprintf(want, sizeof want, "%s%s%s", m->group, *m->group ? "/" : "", *n);
                        for (size_t i = 0; i < ARRAY_LEN(members); i++)
                                found = found || strcmp(members[i].member, want) == 0;
                        if (!found)
                                fail_msg("no row for %s", want);
                }
}

static void the_known_names_are_those_that_the_server_reads(void **unused)
{
        (void)unused;
        for (const struct field *f = job_fields; f->name; f++) {
                const struct job_members *m = job_members_of(f->name);

                if (!job_members_has(job_members_of(""), f->name))
                        fail_msg("job files do not know %s", f->name);
                for (const struct field *in = f->of; in && in->name; in++)
                        if (!m || !job_members_has(m, in->name))
                                fail_msg("job files do not know %s of %s", in->name, f->name);
        }
}

static void a_list_may_name_earlier_jobs_by_their_place(void **unused)
{
        static const char *const lists[] = {
            "- command: [a]\n  outputs: [x]\n- command: [b]\n  after: ['#1']\n  inputs: [job:#1]\n"
            "- command: [c]\n  after:\n  - {job: '#2', on: any, each: true}\n",
            "[{\"command\":[\"a\"],\"outputs\":[\"x\"]},{\"command\":[\"b\"],\"after\":[\"#1\"],\"inputs\":["
            "\"job:#1\"]},\n"
            "{\"command\":[\"c\"],\"after\":[{\"job\":\"#2\",\"on\":\"any\",\"each\":true}]}]",
        };
        json_t *docs[2];

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
                docs[i] = parse(lists[i]);
                assert_int_equal(json_array_size(docs[i]), 3);
                for (size_t k = 0; k < 3; k++)
                        free(stored(lists[i], json_array_get(docs[i], k), (int64_t)k + 1));
        }
        assert_true(json_equal(docs[0], docs[1]));
        json_decref(docs[0]);
        json_decref(docs[1]);
}

static void unknown_members_are_refused_with_line_and_nearest_name(void **unused)
{
        static const struct {
                const char *in, *says;
        } rows[] = {
            {"command: [a]\nprioritiy: 1\n",
             "job.yaml:2: \"prioritiy\": unknown member; did you mean \"priority\"?"},
            {"{\"command\": [\"a\"],\n \"evn\": {}}",
             "job.yaml:2: \"evn\": unknown member; did you mean \"env\"?"},
            {"command: [a]\nmemory: 2G\n",
             "job.yaml:2: \"memory\": unknown member; did you mean \"memory\" in \"resources\"?"},
            {"command: [a]\ncolour: red\nretry:\n  max: 2\n  delay_mx: 1\n",
             "job.yaml:2: \"colour\": unknown member; job.yaml:5: \"delay_mx\": unknown member; did you mean "
             "\"delay_max\"?"},
            {"- command: [a]\n- command: [b]\n  after:\n  - job: 7\n    onn: ok\n",
             "job.yaml:5: \"onn\": unknown member; did you mean \"on\"?"},
            {"command: [a]\nmemroy: 2G\n",
             "job.yaml:2: \"memroy\": unknown member; did you mean \"memory\" in \"resources\"?"},
            {"command: [a]\nx/y~z: 1\n", "job.yaml:2: \"x/y~z\": unknown member"},
            {"- command: [a]\n- 7\n", "job.yaml:2: item 2 of the list is not a job"},
            {"7\n", "job.yaml: a job (names and values) or a list of jobs is wanted"},
            {"[]\n", "job.yaml: a job (names and values) or a list of jobs is wanted"},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct job_file f;
                struct err err;
                json_t *doc;

                assert_int_equal(job_file_parse("job.yaml", rows[i].in, strlen(rows[i].in), &doc, &f, &err),
                                 -1);
                assert_string_equal(err.text, rows[i].says);
        }
}

static void places_that_the_server_names_are_found_in_the_file(void **unused)
{
        static const char one[] =
            "# a job\ncommand:\n  - a\n  - b\nresources:\n  cpus: 0\n  memory: x\nenv: {A/B: 1}\n";
        static const char list[] =
            "- command: [a]\n- name: x\n  command: [b]\n  sites:\n  - alpha\n  - beta\n";
        static const struct {
                const char *text, *pointer, *place; /* NULL: not in the file */
        } rows[] = {
            {one, "", "job.yaml:2"},
            {one, "/command", "job.yaml:2"},
            {one, "/command/1", "job.yaml:4"},
            {one, "/resources/cpus", "job.yaml:6"},
            {one, "/resources/memory", "job.yaml:7"},
            {one, "/env/A~1B", "job.yaml:8"},
            {one, "/resources/gpus", "job.yaml:5"},
            {one, "/project", "job.yaml:2"},
            {one, "/priority", NULL}, /* an option's */
            {one, "?strict", NULL},
            {list, "/jobs/1", "job.yaml:2"},
            {list, "/jobs/1/command", "job.yaml:3"},
            {list, "/jobs/1/sites/1", "job.yaml:6"},
            {list, "/jobs/0/project", "job.yaml:1"},
            {list, "/jobs", "job.yaml:1"},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_FREE char *place = NULL;
                struct job_file f;
                struct err err;
                json_t *doc;

                assert_int_equal(
                    job_file_parse("job.yaml", rows[i].text, strlen(rows[i].text), &doc, &f, &err), 0);
                if (json_is_object(doc))
                        json_object_set_new(doc, "priority", json_integer(5000));
                place = job_file_place(&f, doc, rows[i].pointer);
                if (rows[i].place && place)
                        assert_string_equal(place, rows[i].place);
                else if (rows[i].place || place)
                        fail_msg("%s: got %s", rows[i].pointer, place ? place : "nothing");
                json_decref(doc);
                job_file_release(&f);
        }
}

static void what_an_option_replaced_has_no_line(void **unused)
{
        static const char text[] = "command: [a]\npriority: 1\n";
        AUTO_FREE char *place = NULL;
        struct job_file f;
        struct err err;
        json_t *doc;

        (void)unused;
        assert_int_equal(job_file_parse("job.yaml", text, strlen(text), &doc, &f, &err), 0);
        json_object_set_new(doc, "priority", json_integer(5000));
        place = job_file_place(&f, doc, "/priority");
        assert_null(place);
        json_decref(doc);
        job_file_release(&f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(every_member_means_the_same_in_yaml_and_json),
            cmocka_unit_test(no_member_is_left_out),
            cmocka_unit_test(the_known_names_are_those_that_the_server_reads),
            cmocka_unit_test(a_list_may_name_earlier_jobs_by_their_place),
            cmocka_unit_test(unknown_members_are_refused_with_line_and_nearest_name),
            cmocka_unit_test(places_that_the_server_names_are_found_in_the_file),
            cmocka_unit_test(what_an_option_replaced_has_no_line),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
