/* SPDX-License-Identifier: Apache-2.0 */
/* The options of sbatch, row by row. */
#include "sbatch.h"

#include "spec.h"
#include "common/num.h"
#include "common/task_set.h"
#include "common/util.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* What the words have asked for so far, beyond members of the job. */
struct asked {
        const struct sbatch_origin *from;
        json_t *job, *notes;
        int line; /* 0: a variable of the environment */
        const char *option;
        int tasks_line;                                 /* where tasks or tasks per node were said */
        int64_t cpus, tasks, per_node, mincpus;         /* 0: not said */
        int64_t memory, memory_per_cpu, memory_per_gpu; /* bytes; 0: not said */
        int64_t gpus, gpus_per_node, gpus_per_task;     /* 0: not said */
        int64_t nodes_max;                              /* 0: not said */
};

typedef int (*put_fn)(struct asked *a, const char *value, struct err *err);

/* ---- small parts ------------------------------------------------------------------------------------------
 */

static void note(struct asked *a, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void note(struct asked *a, const char *code, const char *fmt, ...)
{
        char text[400];
        AUTO_FREE char *where = a->line ? xasprintf("%s:%d", a->from->name, a->line) : xstrdup("environment");
        AUTO_FREE char *sentence = NULL;
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        sentence = xasprintf("%s: %s %s", where, a->option, text);
        json_array_append_new(a->notes, json_pack("{s:s, s:i, s:s, s:s}", "code", code, "line", a->line,
                                                  "option", a->option, "sentence", sentence));
}

static int wrong(struct asked *a, struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static int wrong(struct asked *a, struct err *err, const char *fmt, ...)
{
        char text[300];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        if (a->line)
                return err_set(err, ERR_BAD_INPUT, "%s:%d: %s %s", a->from->name, a->line, a->option, text);
        return err_set(err, ERR_BAD_INPUT, "%s in the environment: %s", a->option, text);
}

static int count(struct asked *a, const char *value, int64_t *ret, struct err *err)
{
        if (num_int(a->option, value, 1, 1000000, ret, NULL) < 0)
                return wrong(a, err, "needs a number of 1 and more, not \"%.60s\"", value);
        return 0;
}

static json_t *group(json_t *o, const char *name)
{
        json_t *g = json_object_get(o, name);

        if (!g) {
                g = json_object();
                json_object_set_new(o, name, g);
        }
        return g;
}

static int text(struct asked *a, json_t *o, const char *member, const char *value, struct err *err)
{
        json_t *v = json_string(value);

        if (!v)
                return wrong(a, err, "is not UTF-8");
        json_object_set_new(o, member, v);
        return 0;
}

static int put_text(struct asked *a, const char *member, const char *value, struct err *err)
{
        return text(a, a->job, member, value, err);
}

/* ---- what to run, and when --------------------------------------------------------------------------------
 */

static int put_array(struct asked *a, const char *value, struct err *err)
{
        struct task_set *tasks;
        int64_t throttle;
        struct err why;

        if (task_set_parse(a->option, value, &tasks, &throttle, &why) < 0)
                return wrong(a, err, "\"%.60s\" is no list of tasks: 1-10, 1,5,7-100:3, 0-99%%20", value);
        task_set_free(tasks);
        return put_text(a, "array", value, err);
}

static int put_name(struct asked *a, const char *value, struct err *err)
{
        return put_text(a, "name", value, err);
}

static int put_account(struct asked *a, const char *value, struct err *err)
{
        if (name_is_valid(value))
                return put_text(a, "project", value, err);
        note(a, "ignored", "is ignored: \"%.60s\" cannot be the name of a project; name one with --project",
             value);
        return 0;
}

static int put_time(struct asked *a, const char *value, struct err *err)
{
        int64_t ms;
        struct err why;

        if (sbatch_time(a->option, value, &ms, &why) < 0)
                return err_set(err, ERR_BAD_INPUT, "%s:%d: %s", a->from->name, a->line, why.text);
        if (ms < 0)
                json_object_del(a->job, "time_limit");
        else
                json_object_set_new(a->job, "time_limit", json_real((double)ms / 1000));
        return 0;
}

static int put_begin(struct asked *a, const char *value, struct err *err)
{
        int64_t ms;
        char moment[32];
        struct err why;

        if (sbatch_moment(a->option, value, a->from->now_ms, &ms, &why) < 0)
                return wrong(a, err, "\"%.60s\" is no moment: 2030-12-01T07:00:00, 07:30 or now+2hours",
                             value);
        json_object_del(a->job, "not_before");
        return ms > a->from->now_ms ? put_text(a, "not_before", num_format_time(ms, moment), err) : 0;
}

/* sbatch: not ended by then is removed; here: not begun by then is cancelled. */
static int put_deadline(struct asked *a, const char *value, struct err *err)
{
        json_t *limit = json_object_get(a->job, "time_limit");
        int64_t ms;
        char moment[32];
        struct err why;

        if (sbatch_moment(a->option, value, a->from->now_ms, &ms, &why) < 0)
                return wrong(a, err, "\"%.60s\" is no moment: 2030-12-01T07:00:00, 07:30 or now+2hours",
                             value);
        ms -= limit ? (int64_t)(json_number_value(limit) * 1000) : 0;
        return put_text(a, "deadline", num_format_time(ms, moment), err);
}

static int put_hold(struct asked *a, const char *value, struct err *err)
{
        (void)value;
        (void)err;
        json_object_set_new(a->job, "hold", json_true());
        return 0;
}

static int put_no_requeue(struct asked *a, const char *value, struct err *err)
{
        (void)value;
        (void)err;
        json_object_set_new(group(a->job, "retry"), "site_max", json_integer(0));
        return 0;
}

static int put_requeue(struct asked *a, const char *value, struct err *err)
{
        (void)value;
        (void)err;
        json_object_del(group(a->job, "retry"), "site_max");
        return 0;
}

/* A smaller figure goes first there, a larger one here. */
static int put_nice(struct asked *a, const char *value, struct err *err)
{
        int64_t nice = 100;

        if (value && num_int(a->option, value, -2147483645, 2147483645, &nice, NULL) < 0)
                return wrong(a, err, "needs a number, not \"%.60s\"", value);
        nice = nice > 1000 ? 1000 : nice < -1000 ? -1000 : nice;
        json_object_set_new(a->job, "priority", json_integer(-nice));
        return 0;
}

static int put_signal(struct asked *a, const char *value, struct err *err)
{
        const char *p = strncasecmp(value, "B:", 2) == 0 ? value + 2 : value, *at = strchr(value, '@');
        AUTO_FREE char *name = xstrndup(p, at ? (size_t)(at - p) : strlen(p));
        int64_t seconds = 60;
        json_t *warn;

        if (strncasecmp(value, "R", 1) == 0 && strchr(value, ':'))
                return wrong(a, err, "is refused: there are no reservations here");
        if (at && num_int(a->option, at + 1, 0, 65535, &seconds, NULL) < 0)
                return wrong(a, err, "needs seconds behind \"@\", not \"%.60s\"", at + 1);
        if (p == value) {
                note(a, "ignored",
                     "is ignored: without \"B:\" sbatch signals steps that srun made, and there are none; "
                     "B:%s signals the script",
                     value);
                return 0;
        }
        warn = group(a->job, "warn");
        json_object_set_new(warn, "before", json_integer(seconds));
        return text(a, warn, "signal", name, err);
}

/* ---- dependencies -----------------------------------------------------------------------------------------
 */

static int put_dependency_part(struct asked *a, const char *part, json_t *list, struct err *err)
{
        static const struct {
                const char *type, *on;
                bool each;
        } types[] = {{"afterok", "ok", false},
                     {"afterany", "any", false},
                     {"afternotok", "not_ok", false},
                     {"aftercorr", "ok", true}};
        size_t n = strcspn(part, ":"), t = 0;

        while (t < ARRAY_LEN(types) && (strlen(types[t].type) != n || strncmp(types[t].type, part, n) != 0))
                t++;
        if (strcmp(part, "singleton") == 0)
                return wrong(a, err, "singleton is refused: name the jobs to wait for, as in --after any:12");
        if (t == ARRAY_LEN(types))
                return wrong(
                    a, err, "\"%.60s\" is refused: there are afterok, afterany, afternotok, aftercorr", part);
        if (!part[n])
                return wrong(a, err, "\"%.60s\" names no job", part);
        while (part[n] == ':') {
                size_t k = strcspn(part + n + 1, ":");
                AUTO_FREE char *number = xstrndup(part + n + 1, k);
                int64_t job;
                json_t *one;

                if (num_int(a->option, number, 1, INT64_MAX, &job, NULL) < 0)
                        return wrong(a, err,
                                     "\"%.60s\" is refused: it waits for whole jobs, by their numbers",
                                     number);
                one = json_pack("{s:I, s:s}", "job", (json_int_t)job, "on", types[t].on);
                if (types[t].each)
                        json_object_set_new(one, "each", json_true());
                json_array_append_new(list, one);
                n += k + 1;
        }
        return 0;
}

static int put_dependency(struct asked *a, const char *value, struct err *err)
{
        json_t *list = json_array();

        json_object_set_new(a->job, "after", list);
        if (strchr(value, '?'))
                return wrong(a, err,
                             "is refused: a job waits for all of what it names, and \"?\" wants any of it");
        do {
                size_t n = strcspn(value, ",");
                AUTO_FREE char *part = xstrndup(value, n);

                if (put_dependency_part(a, part, list, err) < 0)
                        return -1;
                value += n;
        } while (*value++);
        return 0;
}

/* ---- resources --------------------------------------------------------------------------------------------
 */

static int put_cpus(struct asked *a, const char *value, struct err *err)
{
        return count(a, value, &a->cpus, err);
}

static int put_mincpus(struct asked *a, const char *value, struct err *err)
{
        return count(a, value, &a->mincpus, err);
}

static int put_tasks(struct asked *a, const char *value, struct err *err)
{
        a->tasks_line = a->line;
        return count(a, value, &a->tasks, err);
}

static int put_tasks_per_node(struct asked *a, const char *value, struct err *err)
{
        a->tasks_line = a->line;
        return count(a, value, &a->per_node, err);
}

static int put_nodes(struct asked *a, const char *value, struct err *err)
{
        size_t n = strcspn(value, "-");
        AUTO_FREE char *low = xstrndup(value, n);
        int64_t least, most = 0;

        if (num_int(a->option, low, 1, 1000000, &least, NULL) < 0 ||
            (value[n] && num_int(a->option, value + n + 1, least, 1000000, &most, NULL) < 0))
                return wrong(a, err, "needs a number of nodes or a range, not \"%.60s\"", value);
        if (least > 1)
                return wrong(a, err,
                             "%.60s is refused: a task runs on one computer; with fewer it would compute "
                             "something else",
                             value);
        a->nodes_max = most ? most : least;
        return 0;
}

static int memory(struct asked *a, const char *value, int64_t *ret, struct err *err)
{
        struct err why;

        if (sbatch_size(a->option, value, ret, &why) < 0)
                return wrong(a, err, "\"%.60s\" is no size: 4000 (MiB), 512K, 4G", value);
        return 0;
}

static int put_memory(struct asked *a, const char *value, struct err *err)
{
        if (memory(a, value, &a->memory, err) < 0)
                return -1;
        a->memory_per_cpu = a->memory_per_gpu = 0;
        if (!a->memory)
                note(a, "ignored", "is ignored: 0 stands for all of a node's memory; say how much it needs");
        return 0;
}

static int put_memory_per_cpu(struct asked *a, const char *value, struct err *err)
{
        a->memory = a->memory_per_gpu = 0;
        return memory(a, value, &a->memory_per_cpu, err);
}

static int put_memory_per_gpu(struct asked *a, const char *value, struct err *err)
{
        a->memory = a->memory_per_cpu = 0;
        return memory(a, value, &a->memory_per_gpu, err);
}

/* "2", "tesla:2", "tesla:1,volta:1": the types are ignored. */
static int gpus(struct asked *a, const char *value, int64_t *ret, struct err *err)
{
        bool typed = false;

        *ret = 0;
        do {
                size_t n = strcspn(value, ",");
                AUTO_FREE char *part = xstrndup(value, n);
                const char *colon = strrchr(part, ':'), *number = colon ? colon + 1 : part;
                int64_t k = 1;

                typed |= colon != NULL || number[0] < '0' || number[0] > '9';
                if (number[0] >= '0' && number[0] <= '9' &&
                    num_int(a->option, number, 0, 1000000, &k, NULL) < 0)
                        return wrong(a, err, "needs a number of GPUs, not \"%.60s\"", part);
                *ret += k;
                value += n;
        } while (*value++);
        if (typed)
                note(a, "ignored",
                     "counts GPUs of any kind: their type is ignored; --site names where yours are");
        return 0;
}

static int put_gpus(struct asked *a, const char *value, struct err *err)
{
        return gpus(a, value, &a->gpus, err);
}

static int put_gpus_per_node(struct asked *a, const char *value, struct err *err)
{
        return gpus(a, value, &a->gpus_per_node, err);
}

static int put_gpus_per_task(struct asked *a, const char *value, struct err *err)
{
        return gpus(a, value, &a->gpus_per_task, err);
}

static int put_countable(struct asked *a, const char *part, struct err *err)
{
        size_t n = strcspn(part, ":@");
        const char *colon = strrchr(part, ':');
        AUTO_FREE char *name = xstrndup(part, n);
        int64_t k = 1;

        for (char *c = name; *c; c++)
                *c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
        if (colon && num_int(a->option, colon + 1, 0, 1000000, &k, NULL) < 0)
                return wrong(a, err, "\"%.60s\" ends with no number", part);
        if (!json_is_object(group(a->job, "resources")) ||
            json_object_set_new(group(a->job, "resources"), name, json_integer(k)) < 0)
                return wrong(a, err, "is not UTF-8");
        note(a, "differs", "asks for the countable \"%s\" here: it starts where a site offers as many", name);
        return 0;
}

static int put_licences(struct asked *a, const char *value, struct err *err)
{
        do {
                size_t n = strcspn(value, ",;");
                AUTO_FREE char *part = xstrndup(value, n);

                if (put_countable(a, part, err) < 0)
                        return -1;
                value += n;
        } while (*value++);
        return 0;
}

static int put_gres(struct asked *a, const char *value, struct err *err)
{
        if (strcmp(value, "none") == 0)
                return 0;
        do {
                size_t n = strcspn(value, ",");
                AUTO_FREE char *part = xstrndup(value, n);
                int rc;

                if (strncmp(part, "gpu", 3) == 0 && (!part[3] || part[3] == ':'))
                        rc = gpus(a, part[3] ? part + 4 : "1", &a->gpus_per_node, err);
                else
                        rc = put_countable(a, part, err);
                if (rc < 0)
                        return -1;
                value += n;
        } while (*value++);
        return 0;
}

/* ---- files and environment --------------------------------------------------------------------------------
 */

static int put_stream(struct asked *a, const char *member, const char *value, struct err *err)
{
        return text(a, group(a->job, "stdio"), member, value, err);
}

static int put_input(struct asked *a, const char *value, struct err *err)
{
        return put_stream(a, "in", value, err);
}

static int put_output(struct asked *a, const char *value, struct err *err)
{
        return put_stream(a, "out", value, err);
}

static int put_error(struct asked *a, const char *value, struct err *err)
{
        return put_stream(a, "err", value, err);
}

static int put_open_mode(struct asked *a, const char *value, struct err *err)
{
        bool append = strncasecmp(value, "append", strlen(value)) == 0;

        if (!*value || (!append && strncasecmp(value, "truncate", strlen(value)) != 0))
                return wrong(a, err, "is append or truncate, not \"%.60s\"", value);
        json_object_set_new(group(a->job, "stdio"), "append", json_boolean(append));
        return 0;
}

static int put_chdir(struct asked *a, const char *value, struct err *err)
{
        AUTO_FREE char *path = value[0] == '/' ? xstrdup(value) : xasprintf("%s/%s", a->from->cwd, value);

        return put_text(a, "workdir", path, err);
}

static int put_export_part(struct asked *a, const char *part, struct err *err)
{
        const char *equals = strchr(part, '='), *value = equals ? equals + 1 : NULL;
        AUTO_FREE char *name = xstrndup(part, equals ? (size_t)(equals - part) : strlen(part));

        if (!equals && strcasecmp(part, "ALL") == 0) {
                note(a, "ignored",
                     "ALL is ignored: a site has an environment of its own; name the variables that "
                     "the job needs");
                return 0;
        }
        if (!*name || (!equals && (strcasecmp(part, "NONE") == 0 || strcasecmp(part, "NIL") == 0)))
                return 0;
        if (!value && a->from->env)
                value = a->from->env(name);
        return value ? text(a, group(a->job, "env"), name, value, err) : 0;
}

/* NAME, NAME=VALUE, NAME='a,b' */
static int put_export(struct asked *a, const char *value, struct err *err)
{
        json_object_del(a->job, "env");
        do {
                size_t n = 0;
                AUTO_FREE char *part = NULL;
                char quote = 0, *to;

                for (; value[n] && (quote || value[n] != ','); n++) {
                        if (quote && value[n] == quote)
                                quote = 0;
                        else if (!quote && (value[n] == '\'' || value[n] == '"'))
                                quote = value[n];
                }
                part = to = xstrndup(value, n);
                for (const char *c = part; *c; c++) {
                        if (*c != '\'' && *c != '"')
                                *to++ = *c;
                }
                *to = '\0';
                if (put_export_part(a, part, err) < 0)
                        return -1;
                value += n;
        } while (*value++);
        return 0;
}

static int put_label(struct asked *a, const char *name, const char *value, struct err *err)
{
        return text(a, group(a->job, "labels"), name, value, err);
}

static int put_comment(struct asked *a, const char *value, struct err *err)
{
        return put_label(a, "comment", value, err);
}

static int put_wckey(struct asked *a, const char *value, struct err *err)
{
        return put_label(a, "wckey", value, err);
}

/* ---- the table --------------------------------------------------------------------------------------------
 */

enum arity { BARE, VALUE, MAYBE };

#define MAIL      "Reeve sends no mail; see: reeve wait, reeve events -f"
#define PLACE     "it names a part of one cluster; Reeve chooses the site, and --site names one"
#define RANK      "an admin's share of each project decides; --priority N orders the jobs within one"
#define LAYOUT    "how processors are bound is left to the site"
#define ALONE     "a task has the processors and memory it asks for, on a computer that it may share"
#define CLIENT    ""
#define ACCOUNTED "a site accounts as it is set up"
#define WHOLE     "it is refused: "

static const struct {
        const char *name;
        char letter;
        enum arity arity;
        put_fn put;         /* it becomes members of the job */
        const char *ignore; /* or it is ignored: why; "" without a word, as it is about sbatch itself */
        const char *refuse; /* or it is refused: why */
        const char *env;    /* variable of the environment that says the same */
} options[] = {
    {"account", 'A', VALUE, .put = put_account, .env = "SBATCH_ACCOUNT"},
    {"acctg-freq", 0, VALUE, .ignore = ACCOUNTED},
    {"array", 'a', VALUE, .put = put_array, .env = "SBATCH_ARRAY_INX"},
    {"batch", 0, VALUE, .ignore = PLACE},
    {"bb", 0, VALUE, .refuse = "there are no burst buffers here; name inputs and outputs"},
    {"bbf", 0, VALUE, .refuse = "there are no burst buffers here; name inputs and outputs"},
    {"begin", 'b', VALUE, .put = put_begin},
    {"chdir", 'D', VALUE, .put = put_chdir},
    {"cluster-constraint", 0, VALUE, .ignore = PLACE},
    {"clusters", 'M', VALUE, .ignore = PLACE, .env = "SBATCH_CLUSTERS"},
    {"comment", 0, VALUE, .put = put_comment},
    {"constraint", 'C', VALUE, .ignore = PLACE, .env = "SBATCH_CONSTRAINT"},
    {"container", 0, VALUE, .refuse = "a task runs as the site is, without a container"},
    {"contiguous", 0, BARE, .ignore = LAYOUT},
    {"core-spec", 'S', VALUE, .ignore = LAYOUT},
    {"cores-per-socket", 0, VALUE, .ignore = LAYOUT},
    {"cpu-freq", 0, VALUE, .ignore = LAYOUT},
    {"cpus-per-gpu", 0, VALUE, .ignore = "say the processors of a task: --cpus-per-task"},
    {"cpus-per-task", 'c', VALUE, .put = put_cpus},
    {"deadline", 0, VALUE, .put = put_deadline},
    {"delay-boot", 0, VALUE, .ignore = PLACE},
    {"dependency", 'd', VALUE, .put = put_dependency},
    {"distribution", 'm', VALUE, .ignore = LAYOUT},
    {"error", 'e', VALUE, .put = put_error},
    {"exclude", 'x', VALUE, .ignore = PLACE},
    {"exclusive", 0, MAYBE, .ignore = ALONE, .env = "SBATCH_EXCLUSIVE"},
    {"export", 0, VALUE, .put = put_export, .env = "SBATCH_EXPORT"},
    {"export-file", 0, VALUE, .refuse = "name the variables with --export"},
    {"extra-node-info", 'B', VALUE, .ignore = LAYOUT},
    {"get-user-env", 0, MAYBE, .ignore = "a site has an environment of its own"},
    {"gid", 0, VALUE, .ignore = "the account at the site decides"},
    {"gpu-bind", 0, VALUE, .ignore = LAYOUT},
    {"gpu-freq", 0, VALUE, .ignore = LAYOUT},
    {"gpus", 'G', VALUE, .put = put_gpus, .env = "SBATCH_GPUS"},
    {"gpus-per-node", 0, VALUE, .put = put_gpus_per_node, .env = "SBATCH_GPUS_PER_NODE"},
    {"gpus-per-socket", 0, VALUE, .ignore = LAYOUT},
    {"gpus-per-task", 0, VALUE, .put = put_gpus_per_task, .env = "SBATCH_GPUS_PER_TASK"},
    {"gres", 0, VALUE, .put = put_gres, .env = "SBATCH_GRES"},
    {"gres-flags", 0, VALUE, .ignore = LAYOUT},
    {"hint", 0, VALUE, .ignore = LAYOUT, .env = "SBATCH_HINT"},
    {"hold", 'H', BARE, .put = put_hold},
    {"ignore-pbs", 0, BARE, .ignore = CLIENT},
    {"input", 'i', VALUE, .put = put_input},
    {"job-name", 'J', VALUE, .put = put_name, .env = "SBATCH_JOB_NAME"},
    {"kill-on-invalid-dep", 0, VALUE, .ignore = "a job is cancelled when what it waits for can never be"},
    {"licenses", 'L', VALUE, .put = put_licences},
    {"mail-type", 0, VALUE, .ignore = MAIL},
    {"mail-user", 0, VALUE, .ignore = MAIL},
    {"mcs-label", 0, VALUE, .ignore = ACCOUNTED},
    {"mem", 0, VALUE, .put = put_memory, .env = "SBATCH_MEM_PER_NODE"},
    {"mem-bind", 0, VALUE, .ignore = LAYOUT},
    {"mem-per-cpu", 0, VALUE, .put = put_memory_per_cpu, .env = "SBATCH_MEM_PER_CPU"},
    {"mem-per-gpu", 0, VALUE, .put = put_memory_per_gpu, .env = "SBATCH_MEM_PER_GPU"},
    {"mincpus", 0, VALUE, .put = put_mincpus},
    {"network", 0, VALUE, .ignore = LAYOUT},
    {"nice", 0, MAYBE, .put = put_nice},
    {"no-kill", 'k', MAYBE, .ignore = "a task runs on one computer"},
    {"no-requeue", 0, BARE, .put = put_no_requeue, .env = "SBATCH_NO_REQUEUE"},
    {"nodefile", 'F', VALUE, .ignore = PLACE},
    {"nodelist", 'w', VALUE, .ignore = PLACE},
    {"nodes", 'N', VALUE, .put = put_nodes},
    {"ntasks", 'n', VALUE, .put = put_tasks},
    {"ntasks-per-core", 0, VALUE, .ignore = LAYOUT},
    {"ntasks-per-gpu", 0, VALUE, .ignore = LAYOUT},
    {"ntasks-per-node", 0, VALUE, .put = put_tasks_per_node},
    {"ntasks-per-socket", 0, VALUE, .ignore = LAYOUT},
    {"open-mode", 0, VALUE, .put = put_open_mode, .env = "SBATCH_OPEN_MODE"},
    {"output", 'o', VALUE, .put = put_output},
    {"overcommit", 'O', BARE, .ignore = ALONE},
    {"oversubscribe", 's', BARE, .ignore = ALONE},
    {"parsable", 0, BARE, .ignore = CLIENT},
    {"partition", 'p', VALUE, .ignore = PLACE, .env = "SBATCH_PARTITION"},
    {"power", 0, VALUE, .ignore = ACCOUNTED},
    {"prefer", 0, VALUE, .ignore = PLACE},
    {"priority", 0, VALUE, .ignore = RANK},
    {"profile", 0, VALUE, .ignore = ACCOUNTED},
    {"propagate", 0, MAYBE, .ignore = "the limits of the account at the site hold"},
    {"qos", 'q', VALUE, .ignore = RANK, .env = "SBATCH_QOS"},
    {"quiet", 'Q', BARE, .ignore = CLIENT},
    {"reboot", 0, BARE, .refuse = "no computer is rebooted for a job"},
    {"requeue", 0, BARE, .put = put_requeue, .env = "SBATCH_REQUEUE"},
    {"reservation", 0, VALUE, .ignore = PLACE, .env = "SBATCH_RESERVATION"},
    {"signal", 0, VALUE, .put = put_signal, .env = "SBATCH_SIGNAL"},
    {"sockets-per-node", 0, VALUE, .ignore = LAYOUT},
    {"spread-job", 0, BARE, .ignore = LAYOUT},
    {"switches", 0, VALUE, .ignore = LAYOUT},
    {"test-only", 0, BARE, .refuse = "use: reeve submit --dry-run"},
    {"thread-spec", 0, VALUE, .ignore = LAYOUT},
    {"threads-per-core", 0, VALUE, .ignore = LAYOUT},
    {"time", 't', VALUE, .put = put_time, .env = "SBATCH_TIMELIMIT"},
    {"time-min", 0, VALUE, .ignore = "a task has the time that --time says"},
    {"tmp", 0, VALUE, .ignore = "how much a task may write is not asked for"},
    {"uid", 0, VALUE, .ignore = "the account at the site decides"},
    {"use-min-nodes", 0, BARE, .ignore = LAYOUT},
    {"verbose", 'v', BARE, .ignore = CLIENT},
    {"wait", 'W', BARE, .ignore = "use: reeve submit --wait"},
    {"wait-all-nodes", 0, VALUE, .ignore = CLIENT},
    {"wckey", 0, VALUE, .put = put_wckey, .env = "SBATCH_WCKEY"},
    {"wrap", 0, VALUE, .refuse = "it has no meaning in a script"},
};

static int obey(struct asked *a, size_t i, const char *value, struct err *err)
{
        if (options[i].refuse)
                return wrong(a, err, "is refused: %s", options[i].refuse);
        if (options[i].put)
                return options[i].put(a, value, err);
        if (*options[i].ignore)
                note(a, "ignored", "is ignored: %s", options[i].ignore);
        return 0;
}

/* ---- words ------------------------------------------------------------------------------------------------
 */

/* A long option by its name or a beginning that is its alone; -1 none, -2 several. */
static int find_long(const char *name, size_t n)
{
        int found = -1;

        for (size_t i = 0; i < ARRAY_LEN(options); i++) {
                if (strncmp(options[i].name, name, n) != 0)
                        continue;
                if (!options[i].name[n])
                        return (int)i;
                found = found == -1 ? (int)i : -2;
        }
        return found;
}

static int find_letter(char letter)
{
        for (size_t i = 0; i < ARRAY_LEN(options); i++) {
                if (options[i].letter == letter)
                        return (int)i;
        }
        return -1;
}

struct words {
        const struct directives *d;
        size_t at;
};

static const char *next_word(struct words *w, struct asked *a)
{
        if (w->at == w->d->count)
                return NULL;
        a->line = w->d->words[w->at].line;
        return w->d->words[w->at++].word;
}

static int take_long(struct asked *a, struct words *w, const char *word, struct err *err)
{
        const char *name = word + 2, *equals = strchr(name, '='), *value = equals ? equals + 1 : NULL;
        int i = find_long(name, equals ? (size_t)(equals - name) : strlen(name));

        a->option = word;
        if (i < 0)
                return wrong(a, err,
                             i == -1 ? "is no option of sbatch" : "is the beginning of several options");
        AUTO_FREE char *shown = xasprintf("--%s", options[i].name);

        a->option = shown;
        if (options[i].arity == BARE && value)
                return wrong(a, err, "takes no value");
        if (options[i].arity == VALUE && !value && !(value = next_word(w, a)))
                return wrong(a, err, "needs a value");
        return obey(a, (size_t)i, value, err);
}

static int take_letters(struct asked *a, struct words *w, const char *word, struct err *err)
{
        for (const char *p = word + 1; *p; p++) {
                char shown[3] = {'-', *p > ' ' && *p < 127 ? *p : '?', 0};
                int i = find_letter(*p);
                const char *value = NULL;

                a->option = shown;
                if (i < 0)
                        return wrong(a, err, "is no option of sbatch");
                if (options[i].arity == VALUE) {
                        value = p[1] ? p + 1 : next_word(w, a);
                        if (!value)
                                return wrong(a, err, "needs a value");
                        return obey(a, (size_t)i, value, err);
                }
                if (obey(a, (size_t)i, NULL, err) < 0)
                        return -1;
        }
        return 0;
}

static int take_words(struct asked *a, const struct directives *d, struct err *err)
{
        struct words w = {.d = d};
        const char *word;

        while ((word = next_word(&w, a))) {
                int rc;

                a->option = word;
                if (strncmp(word, "--", 2) == 0 && word[2])
                        rc = take_long(a, &w, word, err);
                else if (word[0] == '-' && word[1] && word[1] != '-')
                        rc = take_letters(a, &w, word, err);
                else
                        return wrong(a, err, "is no option of sbatch");
                if (rc < 0)
                        return -1;
        }
        return 0;
}

static int take_environment(struct asked *a, struct err *err)
{
        a->line = 0;
        for (size_t i = 0; i < ARRAY_LEN(options) && a->from->env; i++) {
                const char *value = options[i].env ? a->from->env(options[i].env) : NULL;

                a->option = options[i].env;
                if (value && obey(a, i, value, err) < 0)
                        return -1;
        }
        return 0;
}

/* ---- sums -------------------------------------------------------------------------------------------------
 */

/* As many tasks of so many processors as sbatch would start: here they are on one computer. */
static int sum_cpus(struct asked *a, struct err *err)
{
        int64_t tasks = a->tasks ? a->tasks : a->per_node ? a->per_node : 1, cpus = a->cpus ? a->cpus : 1;

        a->option = "--ntasks";
        a->line = a->tasks_line;
        if (a->per_node && a->tasks > a->per_node)
                return wrong(
                    a, err,
                    "%lld with %lld on each node is refused: it wants several computers, and a task runs "
                    "on one",
                    (long long)a->tasks, (long long)a->per_node);
        if (tasks > 1)
                note(a, "differs",
                     "asks for %lld x %lld processors of one computer; the script runs once, and "
                     "there is no srun",
                     (long long)tasks, (long long)cpus);
        cpus *= tasks;
        if (a->mincpus > cpus)
                cpus = a->mincpus;
        if (a->cpus || tasks > 1 || a->mincpus)
                json_object_set_new(group(a->job, "resources"), "cpus", json_integer(cpus));
        return 0;
}

static void sum_rest(struct asked *a)
{
        int64_t tasks = a->tasks ? a->tasks : a->per_node ? a->per_node : 1;
        int64_t cpus = json_integer_value(json_object_get(json_object_get(a->job, "resources"), "cpus"));
        int64_t gpus = a->gpus ? a->gpus : a->gpus_per_node ? a->gpus_per_node : a->gpus_per_task * tasks;
        int64_t bytes =
            a->memory ? a->memory : a->memory_per_cpu * (cpus ? cpus : 1) + a->memory_per_gpu * gpus;

        if (gpus)
                json_object_set_new(group(a->job, "resources"), "gpus", json_integer(gpus));
        if (bytes)
                json_object_set_new(group(a->job, "resources"), "memory", json_integer(bytes));
}

/* What scripts can see of the sums. */
static void remember(struct asked *a)
{
        json_t *env = group(a->job, "env");
        const struct {
                const char *name;
                int64_t value;
        } said[] = {{"SLURM_CPUS_PER_TASK", a->cpus},
                    {"SLURM_NTASKS", a->tasks},
                    {"SLURM_NPROCS", a->tasks},
                    {"SLURM_NTASKS_PER_NODE", a->per_node},
                    {"SLURM_MEM_PER_NODE", a->memory >> 20},
                    {"SLURM_MEM_PER_CPU", a->memory_per_cpu >> 20},
                    {"SLURM_MEM_PER_GPU", a->memory_per_gpu >> 20},
                    {"SLURM_GPUS", a->gpus},
                    {"SLURM_GPUS_PER_NODE", a->gpus_per_node},
                    {"SLURM_GPUS_PER_TASK", a->gpus_per_task}};

        for (size_t i = 0; i < ARRAY_LEN(said); i++) {
                char number[24];

                snprintf(number, sizeof number, "%lld", (long long)said[i].value);
                if (said[i].value)
                        json_object_set_new(env, said[i].name, json_string(number));
        }
}

int sbatch_read(const struct sbatch_origin *from, const struct directives *words, json_t *job, json_t *notes,
                struct err *err)
{
        struct asked a = {.from = from, .job = job, .notes = notes};

        if (take_words(&a, words, err) < 0 || take_environment(&a, err) < 0 || sum_cpus(&a, err) < 0)
                return -1;
        sum_rest(&a);
        remember(&a);
        return 0;
}
