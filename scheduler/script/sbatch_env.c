/* SPDX-License-Identifier: Apache-2.0 */
/* What a script of sbatch finds when it runs: variables named SLURM_..., and files of its streams. */
#include "sbatch.h"

#include "common/task_set.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>

#define LOG_LIMIT "1G" /* the log and the file of an attempt's own directory are one: it should be whole */

static json_t *group(json_t *o, const char *name)
{
        json_t *g = json_object_get(o, name);

        if (!json_is_object(g)) {
                g = json_object();
                json_object_set_new(o, name, g);
        }
        return g;
}

/* What the user sets goes first. */
static void put(json_t *env, const char *name, const char *value)
{
        if (!json_object_get(env, name))
                json_object_set_new(env, name, json_string(value));
}

static void put_number(json_t *env, const char *name, int64_t v)
{
        char text[24];

        snprintf(text, sizeof text, "%lld", (long long)v);
        put(env, name, text);
}

/* The step of an array whose numbers have one; 1 otherwise. */
static int64_t step_of(const struct task_set *s)
{
        return s->part_count == 1 ? s->parts[0].step : 1;
}

static void array_variables(json_t *env, json_t *each, const struct task_set *tasks)
{
        put(each, "SLURM_JOB_ID", tasks ? "{job}_{task}" : "{job}");
        put(each, "SLURM_JOBID", tasks ? "{job}_{task}" : "{job}");
        if (!tasks)
                return;
        put(each, "SLURM_ARRAY_JOB_ID", "{job}");
        put(each, "SLURM_ARRAY_TASK_ID", "{task}");
        put_number(env, "SLURM_ARRAY_TASK_COUNT", tasks->count);
        put_number(env, "SLURM_ARRAY_TASK_MIN", tasks->first);
        put_number(env, "SLURM_ARRAY_TASK_MAX", tasks->last);
        put_number(env, "SLURM_ARRAY_TASK_STEP", step_of(tasks));
}

static void put_variables(const struct script_origin *from, json_t *job, const struct task_set *tasks)
{
        static const char *const fixed[][2] = {
            {"ENVIRONMENT", "BATCH"}, {"SLURM_JOB_NUM_NODES", "1"}, {"SLURM_NNODES", "1"},
            {"SLURM_NODEID", "0"},    {"SLURM_PROCID", "0"},        {"SLURM_LOCALID", "0"},
            {"SLURM_GTIDS", "0"},
        };
        static const char *const of_tasks[][2] = {
            {"SLURMD_NODENAME", "{host}"},      {"SLURM_JOB_NODELIST", "{host}"},
            {"SLURM_NODELIST", "{host}"},       {"SLURM_CLUSTER_NAME", "{site}"},
            {"SLURM_JOB_USER", "{user}"},       {"SLURM_JOB_NAME", "{name}"},
            {"SLURM_JOB_ACCOUNT", "{project}"}, {"SLURM_RESTART_COUNT", "{restart}"},
        };
        const char *of_array = json_string_value(json_object_get(group(job, "env"), "SLURM_NTASKS"));
        int64_t cpus = json_integer_value(json_object_get(json_object_get(job, "resources"), "cpus"));
        json_t *env = group(job, "env"), *each = group(job, "task_env");

        for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
                put(env, fixed[i][0], fixed[i][1]);
        for (size_t i = 0; i < ARRAY_LEN(of_tasks); i++)
                put(each, of_tasks[i][0], of_tasks[i][1]);
        put_number(env, "SLURM_CPUS_ON_NODE", cpus ? cpus : 1);
        put_number(env, "SLURM_JOB_CPUS_PER_NODE", cpus ? cpus : 1);
        put(env, "SLURM_TASKS_PER_NODE", of_array ? of_array : "1");
        if (from->cwd)
                put(env, "SLURM_SUBMIT_DIR", from->cwd);
        if (from->host)
                put(env, "SLURM_SUBMIT_HOST", from->host);
        array_variables(env, each, tasks);
}

/* ---- files ------------------------------------------------------------------------------------------------
 */

/* The pattern of outputs that finds the file whatever task made it. Owned. */
static char *glob_of(const char *text)
{
        char *ret = xstrdup(text), *to = ret;

        for (const char *p = text; *p; p++) {
                if (p[0] == '{' && p[1] == '{') {
                        *to++ = *p++;
                } else if (*p == '{') {
                        p += strcspn(p, "}");
                        *to++ = '*';
                } else {
                        *to++ = *p;
                }
        }
        *to = '\0';
        return ret;
}

static void keep(json_t *job, const char *text)
{
        AUTO_FREE char *glob = glob_of(text);
        json_t *outputs = json_object_get(job, "outputs"), *v;
        size_t i;

        if (!json_is_array(outputs)) {
                outputs = json_array();
                json_object_set_new(job, "outputs", outputs);
        }
        json_array_foreach(outputs, i, v)
        {
                if (json_is_string(v) && strcmp(json_string_value(v), glob) == 0)
                        return;
        }
        json_array_append_new(outputs, json_string(glob));
}

static int translate(json_t *stdio, const char *member, bool array, struct err *err)
{
        const char *pattern = json_string_value(json_object_get(stdio, member));
        AUTO_FREE char *text = NULL;

        if (!pattern)
                return 0;
        text = sbatch_pattern(pattern, array, err);
        if (!text)
                return -1;
        json_object_set_new(stdio, member, json_string(text));
        return 0;
}

/* In a directory that stays sbatch's own names hold; in an attempt's own there is the log. */
static int put_files(json_t *job, bool array, struct err *err)
{
        static const char *const members[] = {"in", "out", "err"};
        bool stays = json_is_string(json_object_get(job, "workdir"));
        json_t *stdio = group(job, "stdio"), *out;

        if (stays && !json_object_get(stdio, "out"))
                json_object_set_new(stdio, "out", json_string(array ? "slurm-%A_%a.out" : "slurm-%j.out"));
        for (size_t i = 0; i < ARRAY_LEN(members); i++) {
                if (translate(stdio, members[i], array, err) < 0)
                        return -1;
        }
        out = json_object_get(stdio, "out");
        if (out && !json_object_get(stdio, "err"))
                json_object_set(stdio, "err", out);
        for (size_t i = 1; i < ARRAY_LEN(members) && !stays; i++) {
                const char *text = json_string_value(json_object_get(stdio, members[i]));

                if (!text || text[0] == '/')
                        continue;
                keep(job, text);
                if (!json_object_get(job, "log_limit"))
                        json_object_set_new(job, "log_limit", json_string(LOG_LIMIT));
        }
        if (!json_object_size(stdio))
                json_object_del(job, "stdio");
        return 0;
}

int sbatch_finish(const struct script_origin *from, json_t *job, struct err *err)
{
        const char *array = json_string_value(json_object_get(job, "array"));
        struct task_set *tasks = NULL;
        int64_t throttle;
        int rc;

        if (array && task_set_parse("array", array, &tasks, &throttle, err) < 0)
                return -1;
        rc = put_files(job, tasks != NULL, err);
        if (rc == 0)
                put_variables(from, job, tasks);
        task_set_free(tasks);
        return rc;
}
