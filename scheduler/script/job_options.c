/* SPDX-License-Identifier: Apache-2.0 */
#include "job_options.h"

#include "directives.h"
#include "common/num.h"
#include "common/task_set.h"
#include "common/util.h"

#include <string.h>

const struct option job_options[] = {
    {"file", 'f', "FILE",
     "read the job from a YAML or JSON file (\"-\": standard input); options go before it", false},
    {"name", 'n', "NAME", "name of the job (the command's or script's)", false},
    {"project", 'p', "PROJECT", "project it belongs to (your only or first one)", false},
    {"array", 'a', "RANGE",
     "many tasks: 1-1000, 1,5,7-100:3, or 1-1000%50 for at most 50 at once; each sees its REEVE_TASK", false},
    {"cpus", 'c', "N", "processors for each task (1)", false},
    {"memory", 'm', "SIZE", "memory for each task: 300M, 2G", false},
    {"gpus", 'g', "N", "GPUs for each task", false},
    {"resource", 'r', "NAME=N", "another countable resource", true},
    {"env", 'e', "KEY=VALUE", "environment variable; KEY alone takes its value from here", true},
    {"workdir", 'w', "DIR", "directory at the site (a new one for each attempt)", false},
    {"time", 't', "TIME", "most time a task may run: 90, 15m, 2h30m, 1-00:00:00", false},
    {"priority", 0, "N", "-1000 to 1000; higher goes first within the project (0)", false},
    {"retries", 0, "N", "attempts more after a failure of the program (0)", false},
    {"site-retries", 0, "N", "attempts more after a failure of a site, a link or Reeve (5)", false},
    {"retry-delay", 0, "TIME", "pause before the second attempt; doubles after that", false},
    {"retry-on", 0, "CODES", "exit codes to try again after, whatever the retries say: 75 or 64-78", true},
    {"fail-on", 0, "CODES", "exit codes to fail at once with", true},
    {"after", 0, "JOBS", "start when others ended: 12,ok:13,any:14,not_ok:15,each:16 (each: task by task)",
     true},
    {"hold", 0, NULL, "do not start before `reeve release`", false},
    {"not-before", 0, "TIME", "start no task before then: 2026-11-21T07:00:00Z, or 2h from now", false},
    {"deadline", 0, "TIME", "tasks not started by then are cancelled: 2026-11-21T07:00:00Z, or 2h from now",
     false},
    {"label", 'l', "KEY=VALUE", "label to find it by", true},
    {"input", 'i', "DATASET", "dataset it reads, or job:N for the outputs of job N", true},
    {"each-file", 0, "DATASET",
     "a task for each file of this dataset: REEVE_INPUT_FILES lists it, REEVE_INPUT_FILE is it", false},
    {"files-per-task", 0, "N", "so many files for each task instead of one", false},
    {"bytes-per-task", 0, "SIZE", "as many files for each task as fit into this size", false},
    {"output", 0, "PATTERN", "files in its working directory to keep: '*.sam', 'plots/**'", true},
    {"output-dataset", 0, "NAME", "name of the dataset its outputs become (job-<number>)", false},
    {"site", 's', "SITE", "only at this site (any)", true},
    {"lease", 0, "TIME", "how long it may run without word from the scheduler", false},
    {"log-limit", 0, "SIZE", "how much is kept of each stream, half of it the head, half the tail", false},
    {0},
};

enum kind { TEXT, WHOLE, SIZE, DURATION, RANGE, MOMENT, SWITCH, LIST };

/* One option, one member. Those that need more than a line stand in `builders`. */
static const struct {
        const char *option, *group, *member;
        enum kind kind;
} members[] = {
    {"name", NULL, "name", TEXT},
    {"project", NULL, "project", TEXT},
    {"array", NULL, "array", RANGE},
    {"cpus", "resources", "cpus", WHOLE},
    {"memory", "resources", "memory", SIZE},
    {"gpus", "resources", "gpus", WHOLE},
    {"workdir", NULL, "workdir", TEXT},
    {"time", NULL, "time_limit", DURATION},
    {"priority", NULL, "priority", WHOLE},
    {"retries", "retry", "max", WHOLE},
    {"site-retries", "retry", "site_max", WHOLE},
    {"retry-delay", "retry", "delay", DURATION},
    {"hold", NULL, "hold", SWITCH},
    {"not-before", NULL, "not_before", MOMENT},
    {"deadline", NULL, "deadline", MOMENT},
    {"input", NULL, "inputs", LIST},
    {"output", NULL, "outputs", LIST},
    {"output-dataset", NULL, "output_dataset", TEXT},
    {"site", NULL, "sites", LIST},
    {"lease", NULL, "lease", DURATION},
    {"log-limit", NULL, "log_limit", SIZE},
};

static int not_utf8(const char *what, struct err *err)
{
        return err_set(err, ERR_BAD_INPUT, "%s: not UTF-8", what);
}

/* The member of `object` that is itself an object, made when absent. */
static json_t *group(json_t *object, const char *name)
{
        json_t *g = name ? json_object_get(object, name) : object;

        if (!json_is_object(g)) {
                g = json_object();
                json_object_set_new(object, name, g);
        }
        return g;
}

static int put_text(json_t *object, const char *what, const char *name, const char *value, struct err *err)
{
        json_t *text = json_string(value);

        return text && json_object_set_new(object, name, text) == 0 ? 0 : not_utf8(what, err);
}

/* A moment, or a duration from now on. */
static int put_moment(int64_t now_ms, json_t *object, const char *what, const char *member, const char *value,
                      struct err *err)
{
        int64_t ms;
        char text[32];

        if (num_duration(what, value, &ms, NULL) == 0)
                ms += now_ms;
        else if (num_time(what, value, &ms, err) < 0)
                return -1;
        return put_text(object, what, member, num_format_time(ms, text), err);
}

static int put_list(const struct args *a, const char *option, json_t *object, const char *member,
                    struct err *err)
{
        json_t *list = json_array();
        const char *v;

        json_object_set_new(object, member, list);
        for (size_t i = 0; (v = args_nth(a, option, i)); i++) {
                if (json_array_append_new(list, json_string(v)) < 0)
                        return not_utf8(option, err);
        }
        return 0;
}

static int put_member(const struct script_origin *from, const struct args *a, size_t i, json_t *spec,
                      struct err *err)
{
        const char *option = members[i].option, *member = members[i].member, *value = args_get(a, option);
        AUTO_FREE char *what = xasprintf("--%s", option);
        json_t *object;
        struct task_set *tasks;
        int64_t v;

        if (!value)
                return 0;
        object = group(spec, members[i].group);
        switch (members[i].kind) {
        case WHOLE:
                if (num_int(what, value, -1000000000, 1000000000, &v, err) < 0)
                        return -1;
                json_object_set_new(object, member, json_integer(v));
                return 0;
        case SWITCH:
                json_object_set_new(object, member, json_true());
                return 0;
        case LIST:
                return put_list(a, option, object, member, err);
        case MOMENT:
                return put_moment(from->now_ms, object, what, member, value, err);
        case SIZE:
                if (num_size(what, value, &v, err) < 0)
                        return -1;
                break;
        case DURATION:
                if (num_duration(what, value, &v, err) < 0)
                        return -1;
                break;
        case RANGE:
                if (value[0] == '%' ? num_int(what, value + 1, 1, INT32_MAX, &v, err) < 0
                                    : task_set_parse(what, value, &tasks, &v, err) < 0)
                        return -1;
                if (value[0] == '%')
                        break;
                task_set_free(tasks);
                break;
        case TEXT:
                break;
        }
        return put_text(object, what, member, value, err);
}

/* ---- options of the form KEY=VALUE -----------------------------------------------------------------------
 */

static int split_pair(const char *option, const char *pair, char **ret_key, const char **ret_value,
                      struct err *err)
{
        const char *equals = strchr(pair, '=');

        if (equals == pair || !*pair)
                return err_set(err, ERR_BAD_INPUT, "--%s: \"%s\" has no name before \"=\"", option, pair);
        *ret_key = xstrndup(pair, equals ? (size_t)(equals - pair) : strlen(pair));
        *ret_value = equals ? equals + 1 : NULL;
        return 0;
}

static int put_env(const struct script_origin *from, const char *pair, json_t *spec, struct err *err)
{
        AUTO_FREE char *key = NULL;
        const char *value;

        if (split_pair("env", pair, &key, &value, err) < 0)
                return -1;
        if (!value)
                value = from->env ? from->env(key) : NULL;
        if (!value)
                return err_set(err, ERR_BAD_INPUT, "--env: %s is not set here; give it as %s=VALUE", key,
                               key);
        return put_text(group(spec, "env"), "--env", key, value, err);
}

static int put_label(const struct script_origin *from, const char *pair, json_t *spec, struct err *err)
{
        (void)from;
        AUTO_FREE char *key = NULL;
        const char *value;

        if (split_pair("label", pair, &key, &value, err) < 0)
                return -1;
        return put_text(group(spec, "labels"), "--label", key, value ? value : "", err);
}

static int put_resource(const struct script_origin *from, const char *pair, json_t *spec, struct err *err)
{
        (void)from;
        AUTO_FREE char *key = NULL;
        const char *value;
        int64_t n;

        if (split_pair("resource", pair, &key, &value, err) < 0 ||
            num_int("--resource", value ? value : "", 0, 1000000000, &n, err) < 0)
                return -1;
        if (json_object_set_new(group(spec, "resources"), key, json_integer(n)) < 0)
                return not_utf8("--resource", err);
        return 0;
}

/* "75", "64-78", several with commas */
static int put_codes(const char *option, const char *codes, const char *what, json_t *spec, struct err *err)
{
        json_t *rules = group(group(spec, "retry"), "on_exit");

        do {
                size_t n = strcspn(codes, ",");
                AUTO_FREE char *part = xstrndup(codes, n);
                struct range r;

                if (num_range(option, part, &r, err) < 0 || r.throttle || r.last > 255 || r.first < 1)
                        return err_set(err, ERR_BAD_INPUT,
                                       "%s: \"%s\" is not an exit code or range like \"75\" or \"64-78\"",
                                       option, part);
                json_object_set_new(rules, part, json_string(what));
                codes += n;
        } while (*codes++);
        return 0;
}

static int put_retry_on(const struct script_origin *from, const char *codes, json_t *spec, struct err *err)
{
        (void)from;
        return put_codes("--retry-on", codes, "retry", spec, err);
}

static int put_fail_on(const struct script_origin *from, const char *codes, json_t *spec, struct err *err)
{
        (void)from;
        return put_codes("--fail-on", codes, "fail", spec, err);
}

static int after_one(const char *part, json_t *list, struct err *err)
{
        static const char *const conditions[] = {"ok", "any", "not_ok", "each"};
        const char *colon = strchr(part, ':'), *number = colon ? colon + 1 : part, *condition = NULL;
        json_t *one;
        int64_t job;

        for (size_t i = 0; colon && i < ARRAY_LEN(conditions); i++) {
                if (strlen(conditions[i]) == (size_t)(colon - part) &&
                    strncmp(conditions[i], part, (size_t)(colon - part)) == 0)
                        condition = conditions[i];
        }
        if ((colon && !condition) || num_int("--after", number, 1, INT64_MAX, &job, NULL) < 0)
                return err_set(
                    err, ERR_BAD_INPUT,
                    "--after: \"%s\" is not a job number, nor one behind ok:, any:, not_ok: or each:", part);
        if (!colon) {
                json_array_append_new(list, json_integer(job));
                return 0;
        }
        one = json_pack("{s:I}", "job", (json_int_t)job);
        if (strcmp(condition, "each") == 0)
                json_object_set_new(one, "each", json_true());
        json_object_set_new(one, "on", json_string(strcmp(condition, "each") == 0 ? "ok" : condition));
        json_array_append_new(list, one);
        return 0;
}

int job_options_after(const char *s, json_t *list, struct err *err)
{
        do {
                size_t n = strcspn(s, ",");
                AUTO_FREE char *part = xstrndup(s, n);

                if (after_one(part, list, err) < 0)
                        return -1;
                s += n;
        } while (*s++);
        return 0;
}

static int put_after(const struct script_origin *from, const char *s, json_t *spec, struct err *err)
{
        (void)from;
        json_t *list = json_object_get(spec, "after");

        if (!json_is_array(list)) {
                list = json_array();
                json_object_set_new(spec, "after", list);
        }
        return job_options_after(s, list, err);
}

/* The dataset is an input, and its files are shared out. */
static int put_each_file(const struct script_origin *from, const char *dataset, json_t *spec, struct err *err)
{
        (void)from;
        json_t *inputs = json_object_get(spec, "inputs"), *partition = group(spec, "partition"), *v;
        bool known = false;
        size_t i;

        if (!json_is_array(inputs)) {
                inputs = json_array();
                json_object_set_new(spec, "inputs", inputs);
        }
        json_array_foreach(inputs, i, v) known =
            known || (json_is_string(v) && strcmp(json_string_value(v), dataset) == 0);
        if (!known && json_array_append_new(inputs, json_string(dataset)) < 0)
                return not_utf8("--each-file", err);
        if (!json_object_get(partition, "by"))
                json_object_set_new(partition, "by", json_string("file"));
        return put_text(partition, "--each-file", "input", dataset, err);
}

static int put_per_task(json_t *spec, const char *by, int64_t size)
{
        json_t *partition = group(spec, "partition");

        json_object_set_new(partition, "by", json_string(by));
        json_object_set_new(partition, "size", json_integer(size));
        return 0;
}

static int put_files_per_task(const struct script_origin *from, const char *value, json_t *spec,
                              struct err *err)
{
        (void)from;
        int64_t n;

        return num_int("--files-per-task", value, 1, INT32_MAX, &n, err) < 0 ? -1
                                                                             : put_per_task(spec, "files", n);
}

static int put_bytes_per_task(const struct script_origin *from, const char *value, json_t *spec,
                              struct err *err)
{
        (void)from;
        int64_t n;

        return num_size("--bytes-per-task", value, &n, err) < 0 ? -1 : put_per_task(spec, "bytes", n);
}

static const struct {
        const char *option;
        int (*put)(const struct script_origin *from, const char *value, json_t *spec, struct err *err);
} builders[] = {
    {"each-file", put_each_file},
    {"files-per-task", put_files_per_task},
    {"bytes-per-task", put_bytes_per_task},
    {"env", put_env},
    {"label", put_label},
    {"resource", put_resource},
    {"retry-on", put_retry_on},
    {"fail-on", put_fail_on},
    {"after", put_after},
};

int job_options_put(const struct script_origin *from, const struct args *a, json_t *spec, struct err *err)
{
        struct err all = {.code = ERR_NONE}, one;
        const char *v;

        for (size_t i = 0; i < ARRAY_LEN(members); i++) {
                if (put_member(from, a, i, spec, &one) < 0)
                        fault_add(&all, &one);
        }
        for (size_t b = 0; b < ARRAY_LEN(builders); b++) {
                for (size_t i = 0; (v = args_nth(a, builders[b].option, i)); i++) {
                        if (builders[b].put(from, v, spec, &one) < 0)
                                fault_add(&all, &one);
                }
        }
        if (all.code == ERR_NONE)
                return 0;
        *err = all;
        return -1;
}
