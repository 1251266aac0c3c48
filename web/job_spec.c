/* SPDX-License-Identifier: Apache-2.0 */
#include "web/job_spec_priv.h"

#include "common/num.h"
#include "common/proto.h"
#include "common/task_text.h"
#include "common/util.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define SPEC_AS(name_, member_, type_, min_, max_, doc_, sample_)                                            \
        {                                                                                                    \
                .name = name_, .type = type_, .offset = offsetof(struct job_spec, member_), .min = min_,     \
                .max = max_, .doc = doc_, .sample = sample_                                                  \
        }
#define SPEC(member_, type_, min_, max_, doc_, sample_)                                                      \
        SPEC_AS(#member_, member_, type_, min_, max_, doc_, sample_)

#define SPEC_OF(name_, member_, of_, max_, doc_, sample_)                                                    \
        {                                                                                                    \
                .name = name_, .type = F_OBJECT, .offset = offsetof(struct job_spec, member_), .max = max_,  \
                .doc = doc_, .sample = sample_, .of = of_                                                    \
        }

#define YEAR_MS        (INT64_C(366) * 86400 * 1000)
#define LOG_LIMIT_MIN  4096
#define LOG_LIMIT_MAX  (INT64_C(1) << 30)
#define PRIORITY_LIMIT 1000

static const struct field retry_fields[] = {
    {.name = "max", .type = F_INT, .offset = offsetof(struct job_retry, max), .max = 1000},
    {.name = "site_max", .type = F_INT, .offset = offsetof(struct job_retry, site_max), .max = 1000},
    {.name = "delay", .type = F_DURATION, .offset = offsetof(struct job_retry, delay_ms), .max = YEAR_MS},
    {.name = "delay_max",
     .type = F_DURATION,
     .offset = offsetof(struct job_retry, delay_max_ms),
     .max = YEAR_MS},
    {.name = "on_exit",
     .type = F_OBJECT,
     .offset = offsetof(struct job_retry, on_exit),
     .max = JOB_ON_EXIT_MAX},
    {0},
};

static const struct field stdio_fields[] = {
    {.name = "in",
     .type = F_STRING,
     .offset = offsetof(struct job_stdio, path[0]),
     .min = 1,
     .max = TEMPLATE_TASK_TEXT_MAX},
    {.name = "out",
     .type = F_STRING,
     .offset = offsetof(struct job_stdio, path[1]),
     .min = 1,
     .max = TEMPLATE_TASK_TEXT_MAX},
    {.name = "err",
     .type = F_STRING,
     .offset = offsetof(struct job_stdio, path[2]),
     .min = 1,
     .max = TEMPLATE_TASK_TEXT_MAX},
    {.name = "append", .type = F_BOOL, .offset = offsetof(struct job_stdio, append)},
    {0},
};

static const struct field partition_fields[] = {
    FIELD(struct job_partition, input, F_STRING, 1, 200, 0, "which of its inputs; default the first"),
    FIELD(struct job_partition, by, F_STRING, 1, 8, FIELD_REQUIRED,
          "file: one for each task; files: size of them; bytes: as many as fit into size"),
    FIELD(struct job_partition, size, F_SIZE, 1, INT64_C(1) << 50, 0, "how many files, or bytes"),
    {0},
};

static const struct field warn_fields[] = {
    {.name = "signal",
     .type = F_STRING,
     .offset = offsetof(struct job_warn, name),
     .min = 1,
     .max = 16,
     .flags = FIELD_REQUIRED},
    {.name = "before",
     .type = F_DURATION,
     .offset = offsetof(struct job_warn, before_ms),
     .max = JOB_WARN_MAX_MS},
    {0},
};

const struct field job_fields[] = {
    SPEC(name, F_STRING, 1, 200, "what its owner calls it; default: the command's base name", "\"align\""),
    SPEC(project, F_NAME, 1, 64, "project; default: the caller's only or first one", "\"default\""),
    SPEC(command, F_STRINGS, 1, TEMPLATE_ARGS_MAX, "program and its arguments, run without a shell",
         "[\"bowtie2\",\"-x\",\"ref\"]"),
    SPEC(script, F_TEXT, 1, TEMPLATE_SCRIPT_MAX, "a script, instead of a command; starts with #!",
         "\"#!/bin/sh\\necho hello\\n\""),
    SPEC(args, F_STRINGS, 0, TEMPLATE_ARGS_MAX, "the script's arguments", "[\"a\"]"),
    SPEC(array, F_STRING, 1, TASK_TEXT_MAX,
         "task numbers, ranges and steps, with a throttle: 1,5,7-100:3%20; default: the one task 1",
         "\"1-1000%50\""),
    {.name = "resources",
     .type = F_OBJECT,
     .offset = offsetof(struct job_spec, resources),
     .max = 3 + JOB_CUSTOM_MAX,
     .flags = FIELD_OPEN,
     .doc = "cpus, memory, gpus of each task; other names are countables that workers offer",
     .sample = "{\"cpus\":1,\"memory\":\"2G\",\"gpus\":0}",
     .of = resource_fields},
    SPEC(env, F_OBJECT, 0, TEMPLATE_ENV_MAX, "environment variables", "{\"KEY\":\"value\"}"),
    SPEC(task_env, F_OBJECT, 0, TEMPLATE_TASK_ENV_MAX,
         "environment variables that name the task: {task}, {job}, {attempt}, {restart}, {name}, {host}, ...",
         "{\"SEED\":\"{task}\"}"),
    SPEC_OF(
        "stdio", stdio_in, stdio_fields, 4,
        "files of the program's streams, in the working directory; the names of task_env may stand in them",
        "{\"out\":\"logs/{name}-{job}_{task}.out\",\"append\":false}"),
    SPEC_OF("warn", warn_in, warn_fields, 2, "a signal that the program gets before its time limit",
            "{\"signal\":\"USR1\",\"before\":\"60s\"}"),
    SPEC(workdir, F_STRING, 1, PATH_TEXT_MAX, "absolute working directory; default: the attempt's own",
         "\"/data/run1\""),
    SPEC(time_limit, F_DURATION, 1, YEAR_MS, "a task that runs longer is stopped", "\"2h\""),
    SPEC(priority, F_INT, -PRIORITY_LIMIT, PRIORITY_LIMIT, "higher goes first within the project", "0"),
    SPEC_OF("retry", retry_in, retry_fields, 16, "when a failed task is run again",
            "{\"max\":0,\"site_max\":5,\"delay\":5,\"delay_max\":3600,\"on_exit\":{\"75\":\"retry\"}}"),
    SPEC_AS("after", after_in, F_ARRAY, 0, JOB_AFTER_MAX,
            "jobs it waits for: an id, or {job, on: ok|any|not_ok, each: task by task}",
            "[1233,{\"job\":1230,\"on\":\"any\"}]"),
    SPEC(hold, F_BOOL, 0, 0, "do not start before somebody releases it", "false"),
    SPEC(not_before, F_TIME, 0, 0, "no task starts before that moment", "\"2030-11-30T20:00:00Z\""),
    SPEC(deadline, F_TIME, 0, 0, "tasks not started by then are cancelled", "\"2030-12-01T00:00:00Z\""),
    SPEC(labels, F_OBJECT, 0, JOB_LABELS_MAX, "free labels", "{\"run\":\"7\"}"),
    SPEC(inputs, F_STRINGS, 0, JOB_INPUTS_MAX, "dataset names; job:N is the output dataset of job N",
         "[\"lambda\"]"),
    SPEC_OF("partition", partition_in, partition_fields, 3,
            "the tasks share the files of an input: the array is as long as there are parts",
            "{\"input\":\"reads\",\"by\":\"files\",\"size\":10}"),
    SPEC(outputs, F_STRINGS, 0, TEMPLATE_OUTPUTS_MAX, "patterns of files to keep, in the working directory",
         "[\"*.sam\"]"),
    SPEC(output_dataset, F_NAME, 1, 64, "name of the dataset of its outputs; default job-<id>",
         "\"aligned\""),
    SPEC(sites, F_STRINGS, 0, JOB_SITES_MAX, "only these sites; default any", "[\"alpha\"]"),
    SPEC(lease, F_DURATION, 1000, YEAR_MS, "how long a task may run without word from the scheduler",
         "\"30m\""),
    SPEC(log_limit, F_SIZE, LOG_LIMIT_MIN, LOG_LIMIT_MAX, "bytes kept of each output stream", "\"16M\""),
    {0},
};

struct after_in {
        json_t *job;
        const char *on;
        bool each;
};
static const struct field after_fields[] = {
    FIELD(struct after_in, job, F_ANY, 0, 0, FIELD_REQUIRED, "the job it waits for"),
    FIELD(struct after_in, on, F_STRING, 1, 8, 0, "ok, any or not_ok"),
    FIELD(struct after_in, each, F_BOOL, 0, 0, 0, "task by task"),
    {0},
};

/* ---- parts -------------------------------------------------------------------------------------------- */

static void read_strings_limit(const json_t *list, size_t max, const char *what, struct issues *is)
{
        size_t i;
        json_t *v;

        json_array_foreach((json_t *)list, i, v)
        {
                if (json_string_length(v) <= max)
                        continue;
                size_t mark = issues_enter_index(is, i);

                issue_add(is, "", "range", "%s must be at most %zu bytes long", what, max);
                issues_leave(is, mark);
        }
}

static void read_command(struct job_spec *s, struct issues *is)
{
        if (!s->command && !s->script && !issues_has(is, "/command") && !issues_has(is, "/script"))
                issue_add(is, "/command", "missing",
                          "is required: a command (an array of strings) or a script");
        if (s->command && s->script)
                issue_add(is, "/script", "conflict", "a job has either a command or a script, not both");
        if (s->args && !s->script)
                issue_add(is, "/args", "conflict", "args belong to a script; put them into command");
        if (s->command && json_string_length(json_array_get(s->command, 0)) == 0 &&
            json_is_string(json_array_get(s->command, 0)))
                issue_add(is, "/command/0", "range", "the program's name is empty");
        if (s->script && strncmp(s->script, "#!", 2) != 0)
                issue_add(is, "/script", "format", "must start with #! and an interpreter, as #!/bin/sh");
        for (int i = 0; i < 2; i++) {
                json_t *list = i ? s->args : s->command;
                size_t mark = issues_enter(is, i ? "args" : "command");

                if (list)
                        read_strings_limit(list, TEMPLATE_STRING_MAX, "an argument", is);
                issues_leave(is, mark);
        }
}

/* The command's base name, without what cannot stand in a name. */
static void default_name(struct job_spec *s)
{
        const char *program = s->command ? json_string_value(json_array_get(s->command, 0)) : NULL;
        const char *base = program ? strrchr(program, '/') : NULL;
        size_t n = 0, k;

        base = base && base[1] ? base + 1 : program ? program : "script";
        for (const char *p = base; *p && n + 8 < sizeof s->name_default; p += k) {
                k = utf8_len(p, strlen(p));
                if (!k)
                        break;
                if ((unsigned char)*p < 0x20 || *p == 0x7f)
                        continue;
                memcpy(s->name_default + n, p, k);
                n += k;
        }
        s->name_default[n] = '\0';
        if (!n)
                snprintf(s->name_default, sizeof s->name_default, "job");
        s->name = s->name_default;
}

/* The tasks of a job that shares out files are known when the files are: until then one stands for them. */
static void read_array(struct job_spec *s, struct issues *is)
{
        AUTO_FREE char *throttled = NULL;
        struct err err;

        s->partition.whole = s->partition_in && (!s->array || s->array[0] == '%');
        if (s->partition.whole && s->array)
                s->array = throttled = xasprintf("1%s", s->array);
        if (!s->array)
                s->tasks = task_set_range(1, 1);
        else if (task_set_parse("array", s->array, &s->tasks, &s->throttle, &err) < 0)
                issue_add(is, "/array", err.code == ERR_LIMIT ? "range" : "format", "%s", err.text);
}

static bool variable_is_valid(const char *name)
{
        if (!*name || (*name >= '0' && *name <= '9'))
                return false;
        for (const char *p = name; *p; p++)
                if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
                      *p == '_'))
                        return false;
        return true;
}

static void check_variable(const char *name, struct issues *is)
{
        if (!variable_is_valid(name) || strlen(name) > 255)
                issue_add(is, "", "format",
                          "names of variables hold letters, digits and underscores, and start with no digit");
        else if (strncmp(name, "REEVE_", 6) == 0)
                issue_add(is, "", "conflict", "names that start with REEVE_ are set by Reeve");
}

static void read_env(const struct job_spec *s, struct issues *is)
{
        size_t mark = issues_enter(is, "env");
        const char *name;
        json_t *v;

        json_object_foreach(s->env, name, v)
        {
                size_t here = issues_enter(is, name);

                check_variable(name, is);
                if (!json_is_string(v))
                        issue_add(is, "", "type", "must be a string");
                else if (json_string_length(v) > TEMPLATE_STRING_MAX)
                        issue_add(is, "", "range", "must be at most %u bytes long", TEMPLATE_STRING_MAX);
                issues_leave(is, here);
        }
        issues_leave(is, mark);
}

static void read_task_env(const struct job_spec *s, struct issues *is)
{
        size_t mark = issues_enter(is, "task_env");
        const char *name;
        struct err err;
        json_t *v;

        json_object_foreach(s->task_env, name, v)
        {
                size_t here = issues_enter(is, name);

                check_variable(name, is);
                if (!json_is_string(v))
                        issue_add(is, "", "type", "must be a string");
                else if (json_string_length(v) > TEMPLATE_TASK_TEXT_MAX)
                        issue_add(is, "", "range", "must be at most %d bytes long", TEMPLATE_TASK_TEXT_MAX);
                else if (task_text_check(name, json_string_value(v), &err) < 0)
                        issue_add(is, "", "format", "%s", err.text);
                issues_leave(is, here);
        }
        issues_leave(is, mark);
}

static void read_stdio(struct job_spec *s, struct issues *is)
{
        static const char *const names[3] = {"/in", "/out", "/err"};
        size_t mark = issues_enter(is, "stdio");
        struct err err;

        if (s->stdio_in)
                fields_read(s->stdio_in, stdio_fields, &s->stdio, NULL, is);
        for (int i = 0; i < 3; i++) {
                if (s->stdio.path[i] && task_text_check(names[i] + 1, s->stdio.path[i], &err) < 0)
                        issue_add(is, names[i], "format", "%s", err.text);
        }
        issues_leave(is, mark);
}

static int signal_number(const char *name)
{
        static const struct {
                const char *name;
                int number;
        } signals[] = {{"HUP", SIGHUP},   {"INT", SIGINT},   {"QUIT", SIGQUIT}, {"USR1", SIGUSR1},
                       {"USR2", SIGUSR2}, {"ALRM", SIGALRM}, {"TERM", SIGTERM}, {"CONT", SIGCONT},
                       {"STOP", SIGSTOP}, {"TSTP", SIGTSTP}, {"URG", SIGURG},   {"WINCH", SIGWINCH},
                       {"KILL", SIGKILL}};
        int64_t n;

        if (num_int("signal", name, 1, 64, &n, NULL) == 0)
                return (int)n;
        if (strncmp(name, "SIG", 3) == 0)
                name += 3;
        for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
                if (strcmp(signals[i].name, name) == 0)
                        return signals[i].number;
        }
        return 0;
}

static void read_warn(struct job_spec *s, struct issues *is)
{
        size_t mark = issues_enter(is, "warn");

        s->warn.before_ms = 60000;
        if (s->warn_in)
                fields_read(s->warn_in, warn_fields, &s->warn, NULL, is);
        if (s->warn.name && !(s->warn.signal = signal_number(s->warn.name)))
                issue_add(is, "/signal", "format",
                          "\"%s\" must be a signal as \"USR1\" or a number from 1 to 64", s->warn.name);
        if (s->warn.name && s->time_limit == INT64_MIN)
                issue_add(is, "", "conflict", "a warning comes before a time limit: say time_limit too");
        issues_leave(is, mark);
}

static void read_on_exit(struct job_spec *s, struct issues *is)
{
        size_t mark = issues_enter(is, "on_exit");
        const char *name, *action;
        json_t *v;

        s->on_exit = xcalloc(JOB_ON_EXIT_MAX, sizeof *s->on_exit);

        json_object_foreach(s->retry.on_exit, name, v)
        {
                size_t here = issues_enter(is, name);
                struct range r;
                struct err err;

                action = json_string_value(v);
                if (!action || (strcmp(action, "retry") != 0 && strcmp(action, "fail") != 0))
                        issue_add(is, "", "format", "must be \"retry\" or \"fail\"");
                else if (num_range("exit code", name, &r, &err) < 0 || r.throttle || r.last > 255)
                        issue_add(is, "", "format",
                                  "\"%s\" must be an exit code from 0 to 255, or a range as \"64-78\"", name);
                else if (s->on_exit_count < JOB_ON_EXIT_MAX)
                        s->on_exit[s->on_exit_count++] =
                            (struct job_on_exit){(int)r.first, (int)r.last, action};
                issues_leave(is, here);
        }
        issues_leave(is, mark);
}

static void read_retry(struct job_spec *s, struct issues *is)
{
        size_t mark = issues_enter(is, "retry");

        s->retry = (struct job_retry){.site_max = 5, .delay_ms = 5000, .delay_max_ms = 3600 * 1000};
        if (s->retry_in)
                fields_read(s->retry_in, retry_fields, &s->retry, NULL, is);
        if (s->retry.on_exit)
                read_on_exit(s, is);
        issues_leave(is, mark);
}

static void read_after_job(const json_t *v, int64_t bulk_position, struct job_after *a, struct issues *is)
{
        const char *text = json_string_value(v);
        struct err err;

        if (json_is_integer(v) && json_integer_value(v) > 0) {
                a->job = json_integer_value(v);
        } else if (text && text[0] == '#' && bulk_position > 0 &&
                   num_int("after", text + 1, 1, bulk_position - 1, &a->job, &err) == 0) {
                a->inside = true;
        } else if (text && text[0] == '#' && bulk_position > 0) {
                issue_add(is, "", "range",
                          "\"%s\" must name an earlier job of this request, by its position from 1", text);
        } else {
                issue_add(is, "", "type", "must be the number of a job");
        }
}

static void read_after_one(const json_t *v, int64_t bulk_position, struct job_after *a, struct issues *is)
{
        struct after_in in = {.on = "ok"};

        a->condition = 'o';
        if (!json_is_object(v)) {
                read_after_job(v, bulk_position, a, is);
                return;
        }
        fields_read(v, after_fields, &in, NULL, is);
        a->each = in.each;
        if (strcmp(in.on, "ok") == 0 || strcmp(in.on, "any") == 0 || strcmp(in.on, "not_ok") == 0)
                a->condition = in.on[0];
        else
                issue_add(is, "/on", "format", "must be ok, any or not_ok");
        if (in.job) {
                size_t mark = issues_enter(is, "job");

                read_after_job(in.job, bulk_position, a, is);
                issues_leave(is, mark);
        }
}

static void read_after(struct job_spec *s, int64_t bulk_position, struct issues *is)
{
        size_t n = json_array_size(s->after_in), mark, here;

        if (!n)
                return;
        mark = issues_enter(is, "after");
        s->after = xcalloc(n, sizeof *s->after);
        for (size_t i = 0; i < n; i++) {
                struct job_after *a = &s->after[i];

                here = issues_enter_index(is, i);
                read_after_one(json_array_get(s->after_in, i), bulk_position, a, is);
                for (size_t k = 0; a->job && k < i; k++)
                        if (s->after[k].job == a->job && s->after[k].inside == a->inside)
                                issue_add(is, "", "conflict", "the same job is named twice");
                issues_leave(is, here);
        }
        s->after_count = n;
        issues_leave(is, mark);
}

static void read_labels(const struct job_spec *s, struct issues *is)
{
        size_t mark = issues_enter(is, "labels");
        const char *name;
        json_t *v;

        json_object_foreach(s->labels, name, v)
        {
                size_t here = issues_enter(is, name);

                if (!*name || strlen(name) > 200)
                        issue_add(is, "", "range", "names of labels are 1 to 200 bytes long");
                if (!json_is_string(v))
                        issue_add(is, "", "type", "must be a string");
                else if (json_string_length(v) > 1000)
                        issue_add(is, "", "range", "must be at most 1000 bytes long");
                issues_leave(is, here);
        }
        issues_leave(is, mark);
}

int job_input_parse(const char *text, int64_t *ret, bool *ret_inside)
{
        if (strncmp(text, "job:", 4) != 0)
                return 0;
        *ret_inside = text[4] == '#';
        return num_int("job", text + 4 + *ret_inside, 1, INT64_MAX, ret, NULL) < 0 ? -1 : 1;
}

static void read_inputs(const struct job_spec *s, int64_t bulk_position, struct issues *is)
{
        size_t mark = issues_enter(is, "inputs"), i;
        int64_t n;
        bool inside;
        json_t *v;

        json_array_foreach(s->inputs, i, v)
        {
                const char *text = json_string_value(v);
                size_t here = issues_enter_index(is, i);
                int kind = text ? job_input_parse(text, &n, &inside) : 1;

                if (!text)
                        ;
                else if (kind < 0 || (kind == 1 && inside && (n >= bulk_position || n < 1)))
                        issue_add(is, "", "format", "must be a dataset name or job:<number of a job>");
                else if (kind == 0 && !dataset_name_is_valid(text))
                        issue_add(is, "", "format", "is not a dataset name");
                issues_leave(is, here);
        }
        issues_leave(is, mark);
}

static void read_partition(struct job_spec *s, struct issues *is)
{
        struct job_partition *p = &s->partition;
        size_t mark = issues_enter(is, "partition");
        bool bytes;

        p->size = INT64_MIN;
        if (s->partition_in)
                fields_read(s->partition_in, partition_fields, p, NULL, is);
        for (size_t i = json_array_size(s->inputs); s->partition_in && i > 0; i--) {
                const char *name = json_string_value(json_array_get(s->inputs, i - 1));

                if (!p->input || (name && strcmp(name, p->input) == 0))
                        p->position = (int64_t)i;
        }
        if (s->partition_in && !p->position)
                issue_add(is, p->input ? "/input" : "", p->input ? "not_found" : "missing",
                          p->input ? "is none of the job's inputs"
                                   : "the job has no inputs whose files could be shared out");
        bytes = p->by && strcmp(p->by, "bytes") == 0;
        if (p->by && !bytes && strcmp(p->by, "file") != 0 && strcmp(p->by, "files") != 0)
                issue_add(is, "/by", "format", "must be file, files or bytes");
        else if (p->by && strcmp(p->by, "file") == 0 && p->size != INT64_MIN && p->size != 1)
                issue_add(is, "/size", "conflict",
                          "by file is one file for each task: leave size out, or say by files");
        else if (p->by && strcmp(p->by, "file") != 0 && p->size == INT64_MIN)
                issue_add(is, "/size", "missing",
                          bytes ? "is required: bytes for each task" : "is required: files for each task");
        if (!bytes && p->size > INT32_MAX)
                issue_add(is, "/size", "range", "must be at most %d", INT32_MAX);
        if (p->size == INT64_MIN)
                p->size = 1;
        p->files = bytes ? INT32_MAX : p->size;
        p->bytes = bytes ? p->size : 0;
        issues_leave(is, mark);
}

/* Patterns stay below the working directory and are matched by us: no absolute path, no "..". */
static const char *pattern_fault(const char *p)
{
        size_t n = strlen(p);

        if (n == 0 || n > PATH_TEXT_MAX)
                return "must be 1 to 4096 bytes long";
        if (*p == '/')
                return "must be relative to the working directory";
        for (const char *c = p; *c; c++)
                if ((unsigned char)*c < 0x20 || *c == 0x7f)
                        return "must not hold control characters";
        for (const char *part = p; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL)
                if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
                        return "must not leave the working directory (..)";
        return NULL;
}

static void read_outputs(const struct job_spec *s, struct issues *is)
{
        size_t mark = issues_enter(is, "outputs"), i;
        json_t *v;

        json_array_foreach(s->outputs, i, v)
        {
                const char *fault = json_is_string(v) ? pattern_fault(json_string_value(v)) : NULL;
                size_t here = issues_enter_index(is, i);

                if (fault)
                        issue_add(is, "", "format", "%s", fault);
                issues_leave(is, here);
        }
        issues_leave(is, mark);
        if (s->output_dataset && !json_array_size(s->outputs))
                issue_add(is, "/output_dataset", "conflict",
                          "names a dataset for outputs, but there are no outputs");
        if (s->output_dataset && strncmp(s->output_dataset, "job-", 4) == 0)
                issue_add(is, "/output_dataset", "conflict", "names that start with job- are given by Reeve");
}

static void read_sites(const struct job_spec *s, struct issues *is)
{
        size_t mark = issues_enter(is, "sites"), i;
        json_t *v;

        json_array_foreach(s->sites, i, v)
        {
                size_t here = issues_enter_index(is, i);

                if (json_is_string(v) && !name_is_valid(json_string_value(v)))
                        issue_add(is, "", "format", "is not the name of a site");
                issues_leave(is, here);
        }
        issues_leave(is, mark);
}

/* ---- the whole ---------------------------------------------------------------------------------------- */

void job_spec_read(const json_t *job, int64_t bulk_position, const struct job_rules *rules,
                   struct job_spec *ret, struct issues *is)
{
        struct job_spec *s = ret;
        size_t before = is->count;

        memset(s, 0, sizeof *s);
        s->time_limit = s->not_before = s->deadline = s->lease = INT64_MIN;
        s->log_limit = 16 << 20;
        fields_read(job, job_fields, s, &s->given, is);
        if (is->count > before && !json_is_object(job))
                return;
        read_command(s, is);
        read_array(s, is);
        job_resources_read(s, rules, is);
        read_env(s, is);
        read_task_env(s, is);
        read_stdio(s, is);
        read_warn(s, is);
        read_retry(s, is);
        read_after(s, bulk_position, is);
        read_labels(s, is);
        read_inputs(s, bulk_position, is);
        read_partition(s, is);
        read_outputs(s, is);
        read_sites(s, is);
        if (s->workdir && s->workdir[0] != '/')
                issue_add(is, "/workdir", "format", "must be an absolute path");
        if (s->lease > rules->lease_max_ms)
                issue_add(is, "/lease", "range", "must be at most %lld seconds here",
                          (long long)rules->lease_max_ms / 1000);
        if (s->deadline != INT64_MIN && s->deadline <= rules->now_ms)
                issue_add(is, "/deadline", "range", "lies in the past");
        else if (s->deadline != INT64_MIN && s->deadline <= s->not_before)
                issue_add(is, "/not_before", "conflict", "must lie before the deadline");
        if (!s->name)
                default_name(s);
}

void job_spec_release(struct job_spec *s)
{
        free(s->after);
        free(s->custom);
        free(s->on_exit);
        s->after = NULL;
        s->custom = NULL;
        s->on_exit = NULL;
        task_set_free(s->tasks);
        s->tasks = NULL;
}
