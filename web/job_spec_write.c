/* SPDX-License-Identifier: Apache-2.0 */
/* A job in its stored form: docs/api.md, "The stored spec". */
#include "web/job_spec.h"

#include "web/reply.h"

static void write_strings(struct buf *b, const char *key, const json_t *list)
{
        size_t i;
        json_t *v;

        j_arr(b, key);
        json_array_foreach((json_t *)list, i, v)
            j_str_n(b, NULL, json_string_value(v), json_string_length(v));
        j_arr_end(b);
}

static void write_optional(struct buf *b, const char *key, int64_t v)
{
        if (v == INT64_MIN)
                j_null(b, key);
        else
                j_int(b, key, v);
}

static void write_resources(struct buf *b, const struct job_spec *s)
{
        j_obj(b, "resources");
        j_int(b, "cpus", s->cpus);
        j_int(b, "memory", s->memory);
        j_int(b, "gpus", s->gpus);
        j_obj(b, "custom");
        for (size_t i = 0; i < s->custom_count; i++)
                j_int(b, s->custom[i].name, s->custom[i].count);
        j_obj_end(b);
        j_obj_end(b);
}

static void write_env(struct buf *b, const char *key, json_t *env)
{
        const char *name;
        json_t *v;

        j_arr(b, key);
        json_object_foreach(env, name, v)
        {
                j_arr(b, NULL);
                j_str(b, NULL, name);
                j_str_n(b, NULL, json_string_value(v), json_string_length(v));
                j_arr_end(b);
        }
        j_arr_end(b);
}

static void write_stdio(struct buf *b, const struct job_spec *s)
{
        j_obj(b, "stdio");
        j_str(b, "in", s->stdio.path[0]);
        j_str(b, "out", s->stdio.path[1]);
        j_str(b, "err", s->stdio.path[2]);
        j_bool(b, "append", s->stdio.append);
        j_obj_end(b);
}

static void write_warn(struct buf *b, const struct job_spec *s)
{
        if (!s->warn.signal) {
                j_null(b, "warn");
                return;
        }
        j_obj(b, "warn");
        j_int(b, "signal", s->warn.signal);
        j_int(b, "before_ms", s->warn.before_ms);
        j_obj_end(b);
}

static void write_retry(struct buf *b, const struct job_spec *s)
{
        j_obj(b, "retry");
        j_int(b, "max", s->retry.max);
        j_int(b, "site_max", s->retry.site_max);
        j_int(b, "delay_ms", s->retry.delay_ms);
        j_int(b, "delay_max_ms", s->retry.delay_max_ms);
        j_arr(b, "on_exit");
        for (size_t i = 0; i < s->on_exit_count; i++) {
                j_obj(b, NULL);
                j_int(b, "from", s->on_exit[i].from);
                j_int(b, "to", s->on_exit[i].to);
                j_str(b, "action", s->on_exit[i].action);
                j_obj_end(b);
        }
        j_arr_end(b);
        j_obj_end(b);
}

static void write_partition(struct buf *b, const struct job_partition *p, const char *const *inputs)
{
        if (!p->position) {
                j_null(b, "partition");
                return;
        }
        j_obj(b, "partition");
        j_str(b, "input", inputs[p->position - 1]);
        j_str(b, "by", p->by);
        j_int(b, "size", p->size);
        j_obj_end(b);
}

void job_spec_write(struct buf *b, const struct job_spec *s, const char *const *inputs)
{
        j_obj(b, NULL);
        if (s->command)
                write_strings(b, "command", s->command);
        else
                j_null(b, "command");
        j_str(b, "script", s->script);
        write_strings(b, "args", s->args);
        write_resources(b, s);
        write_env(b, "env", s->env);
        write_env(b, "task_env", s->task_env);
        write_stdio(b, s);
        write_warn(b, s);
        j_str(b, "workdir", s->workdir);
        write_optional(b, "time_limit_ms", s->time_limit);
        j_int(b, "throttle", s->throttle);
        write_retry(b, s);
        write_optional(b, "not_before_ms", s->not_before);
        write_optional(b, "deadline_ms", s->deadline);
        j_arr(b, "inputs");
        for (size_t i = 0; i < json_array_size(s->inputs); i++)
                j_str(b, NULL, inputs[i]);
        j_arr_end(b);
        write_partition(b, &s->partition, inputs);
        write_strings(b, "outputs", s->outputs);
        j_str(b, "output_dataset", s->output_dataset);
        write_strings(b, "sites", s->sites);
        write_optional(b, "lease_ms", s->lease);
        j_int(b, "log_limit", s->log_limit);
        j_obj_end(b);
}
