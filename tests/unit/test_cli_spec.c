/* SPDX-License-Identifier: Apache-2.0 */
/* Job files and options: what goes to the API. */
#include "cli/address.h"
#include "cli/args.h"
#include "cli/doc.h"
#include "cli/spec.h"
#include "common/num.h"
#include "common/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const text_keys[] = {"env", "labels", NULL};

/* ---- documents -------------------------------------------------------------------------------------------
 */

static void yaml_and_json_become_the_same_values(void **unused)
{
        static const struct {
                const char *in, *out;
        } rows[] = {
            {"name: align\n", "{\"name\":\"align\"}"},
            {"{\"name\": \"align\", \"cpus\": 2, \"path\": \"a\\/b\"}",
             "{\"name\":\"align\",\"cpus\":2,\"path\":\"a/b\"}"},
            {"a: 1\nb: -2\nc: 1.5\nd: 1e3\ne: true\nf: False\ng: null\nh: ~\ni:\n",
             "{\"a\":1,\"b\":-2,\"c\":1.5,\"d\":1000.0,\"e\":true,\"f\":false,\"g\":null,\"h\":null,\"i\":"
             "null}"},
            {"a: yes\nb: no\nc: on\nd: 01:30:00\ne: 2h30m\nf: 8G\ng: 0x10\nh: 1_000\ni: 1.2.3\n",
             "{\"a\":\"yes\",\"b\":\"no\",\"c\":\"on\",\"d\":\"01:30:00\",\"e\":\"2h30m\",\"f\":\"8G\",\"g\":"
             "\"0x10\",\"h\":\"1_000\",\"i\":"
             "\"1.2.3\"}"},
            {"a: \"1\"\nb: '2'\nc: \"\"\n", "{\"a\":\"1\",\"b\":\"2\",\"c\":\"\"}"},
            {"env:\n  VERSION: 1.10\n  DEBUG: true\n  EMPTY:\nlabels: {n: 007}\nx: 1.10\n",
             "{\"env\":{\"VERSION\":\"1.10\",\"DEBUG\":\"true\",\"EMPTY\":null},\"labels\":{\"n\":\"007\"},"
             "\"x\":1.1}"},
            {"script: |\n  #!/bin/sh\n  echo hi\n", "{\"script\":\"#!/bin/sh\\necho hi\\n\"}"},
            {"command: [bowtie2, -x, ref]\n", "{\"command\":[\"bowtie2\",\"-x\",\"ref\"]}"},
            {"- name: a\n- name: b\n", "[{\"name\":\"a\"},{\"name\":\"b\"}]"},
            {"# a comment\n--- # start\na: 1 # end\n...\n", "{\"a\":1}"},
            {"a: 99999999999999999999\n", "{\"a\":1e20}"},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct err err;
                json_t *got = NULL, *want = json_loads(rows[i].out, 0, NULL);

                if (doc_parse("job.yaml", rows[i].in, strlen(rows[i].in), text_keys, &got, &err) < 0)
                        fail_msg("row %zu: %s", i, err.text);
                assert_non_null(want);
                if (!json_equal(got, want)) {
                        AUTO_FREE char *text = json_dumps(got, JSON_COMPACT);

                        fail_msg("row %zu: %s", i, text);
                }
                json_decref(got);
                json_decref(want);
        }
}

static void wrong_documents_are_refused_with_the_line(void **unused)
{
        static const struct {
                const char *in, *says;
        } rows[] = {
            {"", "empty"},
            {"# only a comment\n", "empty"},
            {"a: 1\na: 2\n", "line 2, column 1: this name stands here twice"},
            {"a: &x 1\nb: 2\n", "anchors"},
            {"a: *x\n", "alias"},
            {"a: !!str 1\n", "tags"},
            {"a: [1, 2\n", "line 2"},
            {"a:\n\t- 1\n", "line 2"},
            {"a: 1\n---\nb: 2\n", "only one document"},
            {"[a]: 1\n", "a name was expected"},
            {"a: \"x\\0y\"\n", "NUL"},
            {"a: \xff\n", "job.yaml: line"},
            {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
             "nested too deeply"},
            {"{\"a\": 1,, \"b\": 2}", "line 1"},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct err err = {0};
                json_t *got = NULL;

                if (doc_parse("job.yaml", rows[i].in, strlen(rows[i].in), NULL, &got, &err) != -1 || got)
                        fail_msg("row %zu was taken", i);
                if (!strstr(err.text, rows[i].says) || strncmp(err.text, "job.yaml: line ", 15) != 0)
                        fail_msg("row %zu: %s", i, err.text);
        }
}

/* ---- options ---------------------------------------------------------------------------------------------
 */

static const struct command *submit(void)
{
        static const struct command *cmd;

        for (cmd = commands; strcmp(cmd->name, "submit") != 0;)
                cmd++;
        return cmd;
}

static int build(char *const *words, json_t **ret, struct err *err)
{
        struct args a;
        int r;

        if (args_parse(submit(), words, &a, err) < 0)
                return -1;
        r = spec_build(&a, ret, err);
        args_release(&a);
        return r;
}

static void every_option_lands_in_its_member(void **unused)
{
        static const struct {
                char *const words[16];
                const char *out;
        } rows[] = {
            {{"--", "ls", "-l"}, "{\"command\":[\"ls\",\"-l\"]}"},
            {{"-n", "x", "-p", "proj", "-a", "1-10%2", "--", "ls"},
             "{\"command\":[\"ls\"],\"name\":\"x\",\"project\":\"proj\",\"array\":\"1-10%2\"}"},
            {{"-c", "4", "-m", "1.5G", "-g", "1", "-r", "licence=2", "--", "ls"},
             "{\"command\":[\"ls\"],\"resources\":{\"cpus\":4,\"memory\":\"1.5G\",\"gpus\":1,\"licence\":2}"
             "}"},
            {{"-e", "A=1=2", "-e", "B=", "-l", "k=v", "-l", "bare", "--", "ls"},
             "{\"command\":[\"ls\"],\"env\":{\"A\":\"1=2\",\"B\":\"\"},\"labels\":{\"k\":\"v\",\"bare\":\"\"}"
             "}"},
            {{"--retries", "3", "--site-retries", "9", "--retry-delay", "5s", "--retry-on", "75,80-90",
              "--fail-on", "64", "--", "ls"},
             "{\"command\":[\"ls\"],\"retry\":{\"max\":3,\"site_max\":9,\"delay\":\"5s\",\"on_exit\":{\"75\":"
             "\"retry\",\"80-90\":\"retry\","
             "\"64\":\"fail\"}}}"},
            {{"--after", "12,ok:13,any:14", "--after", "not_ok:15,each:16", "--", "ls"},
             "{\"command\":[\"ls\"],\"after\":[12,{\"job\":13,\"on\":\"ok\"},{\"job\":14,\"on\":\"any\"},{"
             "\"job\":15,\"on\":\"not_ok\"},{"
             "\"job\":16,\"each\":true,\"on\":\"ok\"}]}"},
            {{"--hold", "-t", "2h", "--priority", "-5", "-w", "/data", "--", "ls"},
             "{\"command\":[\"ls\"],\"hold\":true,\"time_limit\":\"2h\",\"priority\":-5,\"workdir\":\"/"
             "data\"}"},
            {{"-i", "lambda", "-i", "job:12", "--output", "*.sam", "--output-dataset", "out", "--", "ls"},
             "{\"command\":[\"ls\"],\"inputs\":[\"lambda\",\"job:12\"],\"outputs\":[\"*.sam\"],\"output_"
             "dataset\":\"out\"}"},
            {{"-s", "alpha", "-s", "beta", "--lease", "30m", "--log-limit", "16M", "--", "ls"},
             "{\"command\":[\"ls\"],\"sites\":[\"alpha\",\"beta\"],\"lease\":\"30m\",\"log_limit\":\"16M\"}"},
            {{"--deadline", "2026-12-01T01:00:00+01:00", "--", "ls"},
             "{\"command\":[\"ls\"],\"deadline\":\"2026-12-01T00:00:00.000Z\"}"},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct err err;
                json_t *got = NULL, *want = json_loads(rows[i].out, 0, NULL);

                if (build(rows[i].words, &got, &err) < 0)
                        fail_msg("row %zu: %s", i, err.text);
                assert_non_null(want);
                if (!json_equal(got, want)) {
                        AUTO_FREE char *text = json_dumps(got, JSON_COMPACT);

                        fail_msg("row %zu: %s", i, text);
                }
                json_decref(got);
                json_decref(want);
        }
}

static void wrong_options_are_refused_before_anything_is_sent(void **unused)
{
        static const struct {
                char *const words[6];
                const char *says;
        } rows[] = {
            {{"-q"}, "nothing to run"},
            {{"-c", "many", "--", "ls"}, "--cpus: \"many\""},
            {{"-m", "12 parsecs", "--", "ls"}, "--memory: \"12 parsecs\""},
            {{"-t", "soon", "--", "ls"}, "--time: \"soon\""},
            {{"-a", "10-1", "--", "ls"}, "--array: \"10-1\""},
            {{"-e", "=x", "--", "ls"}, "--env: \"=x\""},
            {{"-e", "REEVE_TEST_NOT_SET", "--", "ls"}, "REEVE_TEST_NOT_SET is not set here"},
            {{"-r", "licence", "--", "ls"}, "--resource"},
            {{"--after", "12,,13", "--", "ls"}, "--after: \"\""},
            {{"--after", "maybe:12", "--", "ls"}, "--after: \"maybe:12\""},
            {{"--retry-on", "0", "--", "ls"}, "--retry-on: \"0\""},
            {{"--retry-on", "1-300", "--", "ls"}, "--retry-on: \"1-300\""},
            {{"--deadline", "tomorrow", "--", "ls"}, "--deadline: \"tomorrow\""},
            {{"-n", "\xff", "--", "ls"}, "--name: not UTF-8"},
            {{"/no/such/script.sh"}, "no script \"/no/such/script.sh\" here; to run a program of the site"},
            {{"/bin/true"}, "is a program, not a script"},
            {{"-f", "/no/such/job.yaml"}, "could not open \"/no/such/job.yaml\""},
            {{"-f", "job.yaml", "--", "ls"}, "job.yaml"},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct err err = {0};
                json_t *got = NULL;

                if (build(rows[i].words, &got, &err) != -1)
                        fail_msg("row %zu was taken", i);
                if (!strstr(err.text, rows[i].says))
                        fail_msg("row %zu: %s", i, err.text);
        }
}

/* A file of this content; the name is owned and the file is removed by the caller. */
static char *temporary(const char *content)
{
        char *path = xstrdup("/tmp/reeve-test-XXXXXX");
        int fd = mkstemp(path);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, content, strlen(content)), strlen(content));
        close(fd);
        return path;
}

static void scripts_travel_with_their_name_and_arguments(void **unused)
{
        AUTO_FREE char *path = temporary("#!/bin/sh\necho $1\n");
        json_t *got = NULL;
        struct err err;

        (void)unused;
        assert_int_equal(build((char *[]){"-c", "2", path, "--cpus", "9", NULL}, &got, &err), 0);
        assert_string_equal(json_string_value(json_object_get(got, "script")), "#!/bin/sh\necho $1\n");
        assert_string_equal(json_string_value(json_object_get(got, "name")), path + 5);
        assert_int_equal(json_array_size(json_object_get(got, "args")), 2);
        assert_int_equal(json_integer_value(json_object_get(json_object_get(got, "resources"), "cpus")), 2);
        json_decref(got);
        unlink(path);
}

static void options_go_before_the_job_file(void **unused)
{
        AUTO_FREE char *path = temporary("name: a\nresources: {cpus: 1, memory: 2G}\ncommand: [sleep, 10]\n");
        AUTO_FREE char *list = temporary("- {name: a, command: [ls]}\n- {name: b, command: [ls]}\n");
        AUTO_FREE char *wrong = temporary("just text\n");
        json_t *
            got = NULL,
           *want = json_loads(
               "{\"name\":\"a\",\"resources\":{\"cpus\":8,\"memory\":\"2G\"},\"command\":[\"sleep\",\"10\"]}",
               0, NULL);
        struct err err;

        (void)unused;
        assert_int_equal(build((char *[]){"-f", path, "-c", "8", NULL}, &got, &err), 0);
        assert_true(json_equal(got, want));
        json_decref(got);
        json_decref(want);
        assert_int_equal(build((char *[]){"-f", list, "-p", "proj", NULL}, &got, &err), 0);
        assert_int_equal(json_array_size(got), 2);
        assert_string_equal(json_string_value(json_object_get(json_array_get(got, 1), "project")), "proj");
        json_decref(got);
        assert_int_equal(build((char *[]){"-f", wrong, NULL}, &got, &err), -1);
        assert_int_equal(build((char *[]){"-f", path, "--", "ls", NULL}, &got, &err), -1);
        assert_non_null(strstr(err.text, "not both"));
        unlink(path);
        unlink(list);
        unlink(wrong);
}

static void addresses_have_a_user_a_host_and_a_port(void **unused)
{
        static const struct {
                const char *in, *user, *host;
                int port;
        } rows[] = {
            {"grid@login.example.org", "grid", "login.example.org", 22},
            {"grid@login.example.org:2222", "grid", "login.example.org", 2222},
            {"login.example.org", NULL, "login.example.org", 22},
            {"g@[::1]:2222", "g", "::1", 2222},
            {"g@[fe80::1]", "g", "fe80::1", 22},
            {"g@fe80::1", "g", "fe80::1", 22},
            {"g@127.0.0.1:65535", "g", "127.0.0.1", 65535},
        };
        static const char *const bad[] = {"",       "g@",     "@h",       "g@h:0", "g@h:65536", "g@h:x",
                                          "g@h:",   "g h@x",  "g@h h",    "-o@h",  "g@-h",      "g@h;ls",
                                          "g@$(x)", "g@[::1", "g@[::1]x", "g@h\n", "g@h/x"};

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct address a;
                struct err err;

                if (address_parse("address", rows[i].in, &a, &err) < 0)
                        fail_msg("%s: %s", rows[i].in, err.text);
                if (rows[i].user)
                        assert_string_equal(a.user, rows[i].user);
                else
                        assert_null(a.user);
                assert_string_equal(a.host, rows[i].host);
                assert_int_equal(a.port, rows[i].port);
                address_release(&a);
        }
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                struct address a;

                if (address_parse("address", bad[i], &a, NULL) == 0)
                        fail_msg("\"%s\" was taken", bad[i]);
        }
}

static void addresses_print_as_they_are_read(void **unused)
{
        static const char *const rows[] = {"me@bastion:22", "me@[::1]:2222", "bastion:22"};

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_FREE char *text = NULL;
                struct address a;

                assert_int_equal(address_parse("address", rows[i], &a, NULL), 0);
                text = address_format(&a);
                assert_string_equal(text, rows[i]);
                address_release(&a);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(yaml_and_json_become_the_same_values),
            cmocka_unit_test(wrong_documents_are_refused_with_the_line),
            cmocka_unit_test(every_option_lands_in_its_member),
            cmocka_unit_test(wrong_options_are_refused_before_anything_is_sent),
            cmocka_unit_test(scripts_travel_with_their_name_and_arguments),
            cmocka_unit_test(options_go_before_the_job_file),
            cmocka_unit_test(addresses_have_a_user_a_host_and_a_port),
            cmocka_unit_test(addresses_print_as_they_are_read),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
