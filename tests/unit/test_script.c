/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts written for sbatch: how their lines are read, and what they come to. */
#include "script/directives.h"
#include "script/sbatch.h"
#include "script/script.h"
#include "common/buf.h"
#include "common/num.h"
#include "common/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#define NOW INT64_C(1800000000000) /* 2027-01-15T08:00:00Z */

static void words_are_read_as_sbatch_reads_them(void **unused)
{
        static const struct {
                const char *in, *out; /* words with | between */
        } rows[] = {
            {"#!/bin/sh\n#SBATCH -a 1 --mem=2\n", "-a|1|--mem=2"},
            {"#SBATCH -J \"a b\" 'c  d'e \\\"f\\ g", "-J|a b|c  de|\"f g"},
            {"#SBATCH -J it''s 'a\\b' \"a\\\"b\"", "-J|its|a\\b|a\"b"},
            {"#SBATCH -a 1 # -b 2\n#SBATCH a#b x\n#SBATCH 'c#d'", "-a|1|a|c#d"},
            {"#SBATCH\n#SBATCH \t -c\t2\r\n", "-c|2"},
            {"#SBATCH--mem=1", "--mem=1"},
            {"# x\n\n  # y\n##SBATCH -a 1\n# SBATCH -a 1\n #SBATCH -a 1\n#SBATCH -b 2", "-b|2"},
            {"#SBATCH -a 1\necho\n#SBATCH -b 2", "-a|1"},
            {"#SBATCH ''", ""},
            {"", NULL},
            {"echo\n", NULL},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct directives d;
                struct err err;
                struct buf b;

                if (directives_read("s", rows[i].in, "#SBATCH", true, &d, &err) < 0)
                        fail_msg("%s: %s", rows[i].in, err.text);
                buf_init(&b, 1000);
                for (size_t k = 0; k < d.count; k++)
                        buf_printf(&b, "%s%s", k ? "|" : "", d.words[k].word);
                assert_int_equal(d.count > 0, rows[i].out != NULL);
                assert_string_equal(buf_cstr(&b), rows[i].out ? rows[i].out : "");
                buf_release(&b);
                directives_release(&d);
        }
}

static void a_quote_without_end_is_named_with_its_line(void **unused)
{
        struct directives d;
        struct err err;

        (void)unused;
        assert_int_equal(directives_read("s.sh", "#!x\n\n#SBATCH -J 'a", "#SBATCH", true, &d, &err), -1);
        assert_string_equal(err.text, "s.sh:3: the quote ' is never closed");
}

static const char *environment(const char *name)
{
        return strcmp(name, "HERE") == 0              ? "there"
               : strcmp(name, "SBATCH_JOB_NAME") == 0 ? getenv("NAMED")
                                                      : NULL;
}

/* The job that a line makes, as JSON with sorted names and without variables of Slurm's; or the error. */
static char *job_of(const char *line, bool finish, json_t **ret_notes)
{
        static const struct script_origin from = {
            .name = "s.sh", .cwd = "/home/ann", .host = "login", .env = environment, .now_ms = NOW};
        AUTO_FREE char *script = xasprintf("#SBATCH %s", line);
        json_t *job = json_object(), *notes = json_array(), *env;
        struct directives d;
        struct err err = {0};
        const char *name;
        json_t *v;
        void *next;
        char *ret;
        int rc = directives_read("s.sh", script, "#SBATCH", true, &d, &err);

        if (rc == 0) {
                rc = sbatch_read(&from, &d, job, notes, &err);
                directives_release(&d);
        }
        if (rc == 0 && finish)
                rc = sbatch_finish(&from, job, &err);
        env = json_object_get(job, "env");
        json_object_foreach_safe(env, next, name, v)
        {
                if (strncmp(name, "SLURM", 5) == 0 || strcmp(name, "ENVIRONMENT") == 0)
                        json_object_del(env, name);
        }
        json_object_del(job, "task_env");
        if (!json_object_size(env))
                json_object_del(job, "env");
        ret = rc < 0 ? xstrdup(err.text) : json_dumps(job, JSON_COMPACT | JSON_SORT_KEYS);
        json_decref(job);
        if (ret_notes)
                *ret_notes = notes;
        else
                json_decref(notes);
        return ret;
}

static void options_become_members_of_the_job(void **unused)
{
        static const struct {
                const char *in, *out;
        } rows[] = {
            {"-J x -A physics -H", "{\"hold\":true,\"name\":\"x\",\"project\":\"physics\"}"},
            {"--array=1-9:2%3", "{\"array\":\"1-9:2%3\"}"},
            {"-a1-3", "{\"array\":\"1-3\"}"},
            {"-c 4 --mem=2G", "{\"resources\":{\"cpus\":4,\"memory\":2147483648}}"},
            {"-c 2 -n 3 --mem-per-cpu=100", "{\"resources\":{\"cpus\":6,\"memory\":629145600}}"},
            {"--mem=1G --mem-per-cpu=1K", "{\"resources\":{\"memory\":1024}}"},
            {"-N 1-4 --ntasks-per-node=2", "{\"resources\":{\"cpus\":2}}"},
            {"--mincpus=8 -c 2", "{\"resources\":{\"cpus\":8}}"},
            {"-G 2 --mem-per-gpu=1M", "{\"resources\":{\"gpus\":2,\"memory\":2097152}}"},
            {"--gres=gpu:tesla:2,fast:3", "{\"resources\":{\"fast\":3,\"gpus\":2}}"},
            {"--gres gpu", "{\"resources\":{\"gpus\":1}}"},
            {"-L matlab:2,Foo@x:1", "{\"resources\":{\"foo\":1,\"matlab\":2}}"},
            {"-t 90", "{\"time_limit\":5400.0}"},
            {"-t 90 -t UNLIMITED", "{}"},
            {"-d afterok:1:2,afterany:3",
             "{\"after\":[{\"job\":1,\"on\":\"ok\"},{\"job\":2,\"on\":\"ok\"},{\"job\":3,\"on\":\"any\"}]}"},
            {"-d aftercorr:7,afternotok:8",
             "{\"after\":[{\"each\":true,\"job\":7,\"on\":\"ok\"},{\"job\":8,\"on\":\"not_ok\"}]}"},
            {"--export=HERE,GONE,\"B='x,y'\",NONE", "{\"env\":{\"B\":\"x,y\",\"HERE\":\"there\"}}"},
            {"--nice", "{\"priority\":-100}"},
            {"--nice=-5000", "{\"priority\":1000}"},
            {"--no-requeue", "{\"retry\":{\"site_max\":0}}"},
            {"--signal=B:USR1@30 -t 5",
             "{\"time_limit\":300.0,\"warn\":{\"before\":30,\"signal\":\"USR1\"}}"},
            {"--comment 'a b' --wckey=w", "{\"labels\":{\"comment\":\"a b\",\"wckey\":\"w\"}}"},
            {"-D run --open-mode=a", "{\"stdio\":{\"append\":true},\"workdir\":\"/home/ann/run\"}"},
            {"-D /run", "{\"workdir\":\"/run\"}"},
            {"--deadline=now+2hours -t 30",
             "{\"deadline\":\"2027-01-15T10:00:00.000Z\",\"time_limit\":1800.0}"},
            {"-t 30 --deadline=now+2hours",
             "{\"deadline\":\"2027-01-15T09:30:00.000Z\",\"time_limit\":1800.0}"},
            {"--job-n=x --dep=afterok:1", "{\"after\":[{\"job\":1,\"on\":\"ok\"}],\"name\":\"x\"}"},
            {"-Hvk", "{\"hold\":true}"},
            {"--mail-type=ALL -p long --begin=now", "{}"},
            {"--begin=now+1hour", "{\"not_before\":\"2027-01-15T09:00:00.000Z\"}"},
            {"--begin=now+1hour -b now", "{}"},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_FREE char *got = job_of(rows[i].in, false, NULL);

                if (strcmp(got, rows[i].out) != 0)
                        fail_msg("%s:\n%s\n%s", rows[i].in, got, rows[i].out);
        }
}

static void what_would_compute_something_else_is_refused_by_name(void **unused)
{
        static const struct {
                const char *in, *says;
        } rows[] = {
            {"-N 2", "s.sh:1: -N 2 is refused"},
            {"--nodes=2-4", "s.sh:1: --nodes 2-4 is refused"},
            {"-n 8 --ntasks-per-node=4", "s.sh:1: --ntasks 8 with 4 on each node is refused"},
            {"-d singleton", "s.sh:1: -d singleton is refused"},
            {"-d after:12", "s.sh:1: -d \"after:12\" is refused"},
            {"-d afterok:12_3", "s.sh:1: -d \"12_3\" is refused"},
            {"-d 'afterok:1?afterok:2'", "s.sh:1: -d is refused"},
            {"--begin=soon", "s.sh:1: --begin \"soon\" is no moment"},
            {"--container=x", "s.sh:1: --container is refused"},
            {"--foo", "s.sh:1: --foo is no option of sbatch"},
            {"--ntasks-per", "s.sh:1: --ntasks-per is the beginning of several options"},
            {"-Z", "s.sh:1: -Z is no option of sbatch"},
            {"ER", "s.sh:1: ER is no option of sbatch"},
            {"-t", "s.sh:1: -t needs a value"},
            {"--hold=1", "s.sh:1: --hold takes no value"},
            {"-a 5-1", "s.sh:1: -a \"5-1\" is no list of tasks"},
            {"--mem=x", "s.sh:1: --mem \"x\" is no size"},
            {"-c 0", "s.sh:1: -c needs a number of 1 and more"},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_FREE char *got = job_of(rows[i].in, false, NULL);

                if (strncmp(got, rows[i].says, strlen(rows[i].says)) != 0)
                        fail_msg("%s:\n%s\n%s", rows[i].in, got, rows[i].says);
        }
}

/* Directives of which there is something to say. */
static size_t count_told(const json_t *said)
{
        size_t n = 0, i;
        json_t *d;

        json_array_foreach((json_t *)said, i, d)
        {
                n += json_is_string(json_object_get(d, "sentence"));
        }
        return n;
}

static void what_is_ignored_is_said(void **unused)
{
        static const struct {
                const char *in;
                size_t notes;
        } rows[] = {{"--mail-type=ALL --mail-user=x", 2},
                    {"-p a -q b -C c", 3},
                    {"--export=ALL", 1},
                    {"--signal=USR1", 1},
                    {"-n 2", 1},
                    {"--mem=0", 1},
                    {"--parsable -Q", 0},
                    {"-c 2 --mem=1", 0},
                    {"-A No!", 1},
                    {"--gres=gpu:volta:1", 1},
                    {"--gpus=2", 0}};

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                json_t *notes;
                AUTO_FREE char *got = job_of(rows[i].in, false, &notes);

                if (got[0] != '{' || count_told(notes) != rows[i].notes)
                        fail_msg("%s: %s, %zu notes", rows[i].in, got, count_told(notes));
                json_decref(notes);
        }
}

static void files_of_streams_follow_from_the_whole(void **unused)
{
        static const struct {
                const char *in, *out;
        } rows[] = {
            {"-J x", "{\"name\":\"x\"}"},
            {"-D /d",
             "{\"stdio\":{\"err\":\"slurm-{job}.out\",\"out\":\"slurm-{job}.out\"},\"workdir\":\"/d\"}"},
            {"-D /d -a 1-2 -e e", "{\"array\":\"1-2\",\"stdio\":{\"err\":\"e\",\"out\":\"slurm-{job}_{task}."
                                  "out\"},\"workdir\":\"/d\"}"},
            {"-o o.%4a -a 1-2", "{\"array\":\"1-2\",\"log_limit\":\"1G\",\"outputs\":[\"o.*\"],"
                                "\"stdio\":{\"err\":\"o.{task:4}\",\"out\":\"o.{task:4}\"}}"},
            {"-D /d -o 'a\\{%j'", "{\"stdio\":{\"err\":\"a{{%j\",\"out\":\"a{{%j\"},\"workdir\":\"/d\"}"},
            {"-o /dev/null", "{\"stdio\":{\"err\":\"/dev/null\",\"out\":\"/dev/null\"}}"},
            {"-o '%q'", "s.sh:1: -o \"%q\": names of files may hold %A %a %j %J %N %n %s %t %u %x and %%"},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_FREE char *got = job_of(rows[i].in, true, NULL);

                if (strcmp(got, rows[i].out) != 0)
                        fail_msg("%s:\n%s\n%s", rows[i].in, got, rows[i].out);
        }
}

static void variables_of_sbatch_go_before_the_script(void **unused)
{
        AUTO_FREE char *got = NULL;

        (void)unused;
        setenv("NAMED", "outer", 1);
        got = job_of("-J inner", false, NULL);
        unsetenv("NAMED");
        assert_string_equal(got, "{\"name\":\"outer\"}");
}

static void times_sizes_and_moments(void **unused)
{
        static const struct {
                const char *in;
                int64_t seconds; /* -1: no limit, -2: malformed */
        } times[] = {{"90", 5400},   {"1:30", 90},      {"1:00:00", 3600}, {"2-0", 172800}, {"1-2:3", 93780},
                     {"0-0:0:5", 5}, {"UNLIMITED", -1}, {"-1", -1},        {"0", -1},       {"1:2:3:4", -2},
                     {"1-", -2},     {"x", -2},         {"", -2},          {"1-2-3", -2},   {"1:", -2}};
        static const struct {
                const char *in;
                int64_t bytes;
        } sizes[] = {{"1", 1 << 20}, {"3K", 3072}, {"2G", INT64_C(2) << 30}, {"1gb", 1 << 30}, {"x", -1},
                     {"", -1},       {"1X", -1},   {"999999999999T", -1},    {"1.5G", -1}};
        static const struct {
                const char *in;
                int64_t seconds;
        } moments[] = {
            {"now", 0},        {"now+60", 60},        {"now+2hours", 7200},  {"now+1day", 86400},
            {"09:00", 3600},   {"07:00:00", 82800},   {"2027-01-16", 57600}, {"2027-01-15T08:30", 1800},
            {"tomorrow?", -1}, {"now+1fortnight", -1}};
        const struct script_origin here = {.now_ms = NOW},
                                   east = {.now_ms = NOW, .has_zone = true, .zone_min = 120};
        struct err err;
        int64_t v;

        (void)unused;
        setenv("TZ", "UTC", 1);
        tzset();
        for (size_t i = 0; i < ARRAY_LEN(times); i++) {
                v = -2000;
                (void)sbatch_time("t", times[i].in, &v, &err);
                if (v != (times[i].seconds == -1 ? -1 : times[i].seconds * 1000))
                        fail_msg("%s: %lld", times[i].in, (long long)v);
        }
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
                v = -1;
                (void)sbatch_size("s", sizes[i].in, &v, &err);
                if (v != sizes[i].bytes)
                        fail_msg("%s: %lld", sizes[i].in, (long long)v);
        }
        for (size_t i = 0; i < ARRAY_LEN(moments); i++) {
                v = NOW - 1000;
                (void)sbatch_moment("m", moments[i].in, &here, &v, &err);
                if (v != NOW + moments[i].seconds * 1000)
                        fail_msg("%s: %lld", moments[i].in, (long long)(v - NOW));
        }
        /* It is ten there. */
        assert_int_equal(sbatch_moment("m", "11:00", &east, &v, &err), 0);
        assert_int_equal(v, NOW + 3600 * 1000);
        assert_int_equal(sbatch_moment("m", "09:00", &east, &v, &err), 0);
        assert_int_equal(v, NOW + 23 * 3600 * 1000);
        assert_int_equal(sbatch_moment("m", "2027-01-15T10:30", &east, &v, &err), 0);
        assert_int_equal(v, NOW + 1800 * 1000);
}

/* A script read without an environment, as the server reads it: the job, and "line mark option outcome", a
 * line each. */
static void script_of(const char *text, char **ret_job, char **ret_said, struct err *err)
{
        static const struct script_origin from = {.name = "s.sh", .now_ms = NOW, .has_zone = true};
        json_t *job = json_object(), *said = json_array(), *d;
        struct buf b;
        size_t i;
        int rc;

        err->text[0] = '\0';
        buf_init(&b, 100000);
        rc = script_read(&from, text, job, said, err);
        json_array_foreach(said, i, d)
        {
                const char *value = json_string_value(json_object_get(d, "value"));

                buf_printf(&b, "%lld %s %s%s%s %s\n",
                           (long long)json_integer_value(json_object_get(d, "line")),
                           json_string_value(json_object_get(d, "mark")),
                           json_string_value(json_object_get(d, "option")), value ? "=" : "",
                           value ? value : "", json_string_value(json_object_get(d, "outcome")));
        }
        json_object_del(job, "env");
        *ret_job = rc < 0 ? NULL : json_dumps(job, JSON_COMPACT | JSON_SORT_KEYS);
        *ret_said = xstrdup(buf_cstr(&b));
        buf_release(&b);
        json_decref(job);
        json_decref(said);
}

static void each_directive_is_told_in_the_order_of_the_lines(void **unused)
{
        static const struct {
                const char *in, *job, *said, *error;
        } rows[] = {
            {"#!/bin/sh\n#REEVE --cpus 3 -n mine\n#SBATCH -c 2 --mem=1G\n#SBATCH -p long -Q -n 2\n#REEVE "
             "--hold\n",
             "{\"hold\":true,\"name\":\"mine\",\"resources\":{\"cpus\":3,\"memory\":1073741824}}",
             "2 REEVE --cpus=3 used\n2 REEVE --name=mine used\n3 SBATCH -c=2 used\n3 SBATCH --mem=1G used\n"
             "4 SBATCH -p=long ignored\n4 SBATCH -Q ignored\n4 SBATCH -n=2 differs\n5 REEVE --hold used\n",
             ""},
            {"#SBATCH --foo bar -N 2\n#SBATCH -t soon -c 1\n#REEVE --nope x --cpus y\n#REEVE word --url "
             "http://x\n",
             NULL,
             "1 SBATCH --foo refused\n1 SBATCH -N=2 refused\n2 SBATCH -t=soon refused\n2 SBATCH -c=1 used\n"
             "3 REEVE --nope refused\n3 REEVE --cpus=y refused\n4 REEVE word refused\n4 REEVE --url "
             "refused\n",
             "s.sh:1: --foo is no option of sbatch; s.sh:1: -N 2 is refused: "},
            {"#REEVE --name a -n b -i x -i y\n", NULL,
             "1 REEVE --name=a used\n1 REEVE --name=b refused\n1 REEVE --input=x used\n1 REEVE --input=y "
             "used\n",
             "s.sh:1: --name is given twice, as \"a\" and \"b\""},
            {"#REEVE -i x -i y --not-before 1h\n",
             "{\"inputs\":[\"x\",\"y\"],\"not_before\":\"2027-01-15T09:00:00.000Z\"}",
             "1 REEVE --input=x used\n1 REEVE --input=y used\n1 REEVE --not-before=1h used\n", ""},
            {"#SBATCH -D here --export=HOME\n#REEVE --env HOME\n", NULL,
             "1 SBATCH -D=here refused\n1 SBATCH --export=HOME used\n2 REEVE --env=HOME refused\n",
             "s.sh:1: -D \"here\" is refused"},
            {"echo\n#SBATCH -c 2\n", "{}", "", ""},
        };

        (void)unused;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO_FREE char *job = NULL, *said = NULL;
                struct err err = {0};

                script_of(rows[i].in, &job, &said, &err);
                if (strcmp(job ? job : "-", rows[i].job ? rows[i].job : "-") != 0 ||
                    strcmp(said, rows[i].said) != 0 ||
                    strncmp(err.text, rows[i].error, strlen(rows[i].error)) != 0)
                        fail_msg("%s:\n%s\n%s\n%s", rows[i].in, job ? job : "-", said, err.text);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(words_are_read_as_sbatch_reads_them),
            cmocka_unit_test(a_quote_without_end_is_named_with_its_line),
            cmocka_unit_test(options_become_members_of_the_job),
            cmocka_unit_test(what_would_compute_something_else_is_refused_by_name),
            cmocka_unit_test(what_is_ignored_is_said),
            cmocka_unit_test(files_of_streams_follow_from_the_whole),
            cmocka_unit_test(variables_of_sbatch_go_before_the_script),
            cmocka_unit_test(each_directive_is_told_in_the_order_of_the_lines),
            cmocka_unit_test(times_sizes_and_moments),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
