/* SPDX-License-Identifier: Apache-2.0 */
/* What options of sbatch ask of a computer: each alone, and what they come to together. */
#include "sbatch_priv.h"

#include "common/num.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>

/* ---- each alone --------------------------------------------------------------------------------------
 */

int ask_cpus(struct asked *a, const char *value, struct err *err)
{
        return asked_count(a, value, &a->cpus, err);
}

int ask_mincpus(struct asked *a, const char *value, struct err *err)
{
        return asked_count(a, value, &a->mincpus, err);
}

int ask_tasks(struct asked *a, const char *value, struct err *err)
{
        a->tasks_line = a->line;
        a->tasks_said = a->now;
        return asked_count(a, value, &a->tasks, err);
}

int ask_tasks_per_node(struct asked *a, const char *value, struct err *err)
{
        a->tasks_line = a->line;
        a->tasks_said = a->now;
        return asked_count(a, value, &a->per_node, err);
}

int ask_nodes(struct asked *a, const char *value, struct err *err)
{
        size_t n = strcspn(value, "-");
        AUTO_FREE char *low = xstrndup(value, n);
        int64_t least, most = 0;

        if (num_int(a->option, low, 1, 1000000, &least, NULL) < 0 ||
            (value[n] && num_int(a->option, value + n + 1, least, 1000000, &most, NULL) < 0))
                return asked_wrong(a, err, "needs a number of nodes or a range, not \"%.60s\"", value);
        if (least > 1)
                return asked_wrong(
                    a, err,
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
                return asked_wrong(a, err, "\"%.60s\" is no size: 4000 (MiB), 512K, 4G", value);
        return 0;
}

int ask_memory(struct asked *a, const char *value, struct err *err)
{
        if (memory(a, value, &a->memory, err) < 0)
                return -1;
        a->memory_per_cpu = a->memory_per_gpu = 0;
        if (!a->memory)
                asked_note(a, DIRECTIVE_IGNORED,
                           "is ignored: 0 stands for all of a node's memory; say how much it needs");
        return 0;
}

int ask_memory_per_cpu(struct asked *a, const char *value, struct err *err)
{
        a->memory = a->memory_per_gpu = 0;
        return memory(a, value, &a->memory_per_cpu, err);
}

int ask_memory_per_gpu(struct asked *a, const char *value, struct err *err)
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
                        return asked_wrong(a, err, "needs a number of GPUs, not \"%.60s\"", part);
                *ret += k;
                value += n;
        } while (*value++);
        if (typed)
                asked_note(a, DIRECTIVE_IGNORED,
                           "counts GPUs of any kind: their type is ignored; --site names where yours are");
        return 0;
}

int ask_gpus(struct asked *a, const char *value, struct err *err)
{
        return gpus(a, value, &a->gpus, err);
}

int ask_gpus_per_node(struct asked *a, const char *value, struct err *err)
{
        return gpus(a, value, &a->gpus_per_node, err);
}

int ask_gpus_per_task(struct asked *a, const char *value, struct err *err)
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
                return asked_wrong(a, err, "\"%.60s\" ends with no number", part);
        if (!json_is_object(asked_group(a->job, "resources")) ||
            json_object_set_new(asked_group(a->job, "resources"), name, json_integer(k)) < 0)
                return asked_wrong(a, err, "is not UTF-8");
        asked_note(a, DIRECTIVE_DIFFERS,
                   "asks for the countable \"%s\" here: it starts where a site offers as many", name);
        return 0;
}

int ask_licences(struct asked *a, const char *value, struct err *err)
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

int ask_gres(struct asked *a, const char *value, struct err *err)
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

/* ---- together ----------------------------------------------------------------------------------------
 */

/* As many tasks of so many processors as sbatch would start: here they are on one computer. */
static int sum_cpus(struct asked *a, struct err *err)
{
        int64_t tasks = a->tasks ? a->tasks : a->per_node ? a->per_node : 1, cpus = a->cpus ? a->cpus : 1;

        a->option = "--ntasks";
        a->line = a->tasks_line;
        a->now = a->tasks_said;
        if (a->per_node && a->tasks > a->per_node)
                return asked_wrong(
                    a, err,
                    "%lld with %lld on each node is refused: it wants several computers, and a task runs "
                    "on one",
                    (long long)a->tasks, (long long)a->per_node);
        if (tasks > 1)
                asked_note(a, DIRECTIVE_DIFFERS,
                           "asks for %lld x %lld processors of one computer; the script runs once, and "
                           "there is no srun",
                           (long long)tasks, (long long)cpus);
        cpus *= tasks;
        if (a->mincpus > cpus)
                cpus = a->mincpus;
        if (a->cpus || tasks > 1 || a->mincpus)
                json_object_set_new(asked_group(a->job, "resources"), "cpus", json_integer(cpus));
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
                json_object_set_new(asked_group(a->job, "resources"), "gpus", json_integer(gpus));
        if (bytes)
                json_object_set_new(asked_group(a->job, "resources"), "memory", json_integer(bytes));
}

/* What scripts can see of the sums. */
static void remember(struct asked *a)
{
        json_t *env = asked_group(a->job, "env");
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

int asked_sum(struct asked *a, struct err *err)
{
        if (sum_cpus(a, err) < 0)
                return -1;
        sum_rest(a);
        remember(a);
        return 0;
}
