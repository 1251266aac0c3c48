/* SPDX-License-Identifier: Apache-2.0 */
#include "web/job_again.h"

#include "common/num.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>

typedef void (*convert)(json_t *out, const json_t *v, int64_t now_ms);

static void skip(json_t *out, const json_t *v, int64_t now_ms)
{
        (void)out;
        (void)v;
        (void)now_ms;
}

/* {"cpus","memory","gpus","custom":{...}}: countables stand beside the others, memory 0 is not said. */
static void put_resources(json_t *out, const json_t *v, int64_t now_ms)
{
        json_t *res = json_object(), *one;
        const char *name;

        (void)now_ms;
        json_object_foreach((json_t *)v, name, one)
        {
                if (json_is_object(one))
                        json_object_update(res, one);
                else if (json_integer_value(one) || strcmp(name, "memory") != 0)
                        json_object_set(res, name, one);
        }
        json_object_set_new(out, "resources", res);
}

/* [["KEY","value"], ...] */
static void put_pairs(json_t *out, const char *name, const json_t *v)
{
        json_t *env = json_object(), *pair;
        size_t i;

        json_array_foreach((json_t *)v, i, pair)
            json_object_set(env, json_string_value(json_array_get(pair, 0)), json_array_get(pair, 1));
        json_object_set_new(out, name, env);
}

static void put_env(json_t *out, const json_t *v, int64_t now_ms)
{
        (void)now_ms;
        put_pairs(out, "env", v);
}

static void put_task_env(json_t *out, const json_t *v, int64_t now_ms)
{
        (void)now_ms;
        put_pairs(out, "task_env", v);
}

static json_t *seconds(const json_t *ms)
{
        return json_real((double)json_integer_value(ms) / 1000);
}

/* {"signal":10,"before_ms":60000} */
static void put_warn(json_t *out, const json_t *v, int64_t now_ms)
{
        json_t *warn = json_object();
        char number[24];

        (void)now_ms;
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(json_object_get(v, "signal")));
        json_object_set_new(warn, "signal", json_string(number));
        json_object_set_new(warn, "before", seconds(json_object_get(v, "before_ms")));
        json_object_set_new(out, "warn", warn);
}

static void put_time_limit(json_t *out, const json_t *v, int64_t now_ms)
{
        (void)now_ms;
        json_object_set_new(out, "time_limit", seconds(v));
}

static void put_lease(json_t *out, const json_t *v, int64_t now_ms)
{
        (void)now_ms;
        json_object_set_new(out, "lease", seconds(v));
}

static void put_deadline(json_t *out, const json_t *v, int64_t now_ms)
{
        char text[32];

        if (json_integer_value(v) > now_ms)
                json_object_set_new(out, "deadline",
                                    json_string(num_format_time(json_integer_value(v), text)));
}

static void put_not_before(json_t *out, const json_t *v, int64_t now_ms)
{
        char text[32];

        if (json_integer_value(v) > now_ms)
                json_object_set_new(out, "not_before",
                                    json_string(num_format_time(json_integer_value(v), text)));
}

static void put_retry(json_t *out, const json_t *v, int64_t now_ms)
{
        json_t *retry = json_object(), *on_exit = json_object(), *rule;
        size_t i;

        (void)now_ms;
        json_array_foreach(json_object_get(v, "on_exit"), i, rule)
        {
                long long from = json_integer_value(json_object_get(rule, "from"));
                long long to = json_integer_value(json_object_get(rule, "to"));
                char codes[48];

                snprintf(codes, sizeof codes, from == to ? "%lld" : "%lld-%lld", from, to);
                json_object_set(on_exit, codes, json_object_get(rule, "action"));
        }
        json_object_set(retry, "max", json_object_get(v, "max"));
        json_object_set(retry, "site_max", json_object_get(v, "site_max"));
        json_object_set_new(retry, "delay", seconds(json_object_get(v, "delay_ms")));
        json_object_set_new(retry, "delay_max", seconds(json_object_get(v, "delay_max_ms")));
        json_object_set_new(retry, "on_exit", on_exit);
        json_object_set_new(out, "retry", retry);
}

/* Members whose two forms differ. */
static const struct {
        const char *stored;
        convert put;
} different[] = {
    {"resources", put_resources},
    {"env", put_env},
    {"task_env", put_task_env},
    {"warn", put_warn},
    {"time_limit_ms", put_time_limit},
    {"lease_ms", put_lease},
    {"deadline_ms", put_deadline},
    {"not_before_ms", put_not_before},
    {"retry", put_retry},
    {"throttle", skip}, /* stands in the array */
    {"output_dataset", skip},
};

static convert conversion(const char *stored)
{
        for (size_t i = 0; i < ARRAY_LEN(different); i++)
                if (strcmp(different[i].stored, stored) == 0)
                        return different[i].put;
        return NULL;
}

static void put_array(json_t *out, const struct job_past *p)
{
        long long throttle = json_integer_value(json_object_get(p->spec, "throttle"));
        AUTO_FREE char *text = throttle ? xasprintf("%s%%%lld", p->array, throttle) : xstrdup(p->array);

        json_object_set_new(out, "array", json_string(text));
}

json_t *job_again(const struct job_past *p, int64_t now_ms)
{
        json_t *out = json_object(), *labels = p->labels ? json_deep_copy(p->labels) : json_object(), *v;
        bool script = json_is_string(json_object_get(p->spec, "script"));
        const char *member;
        char id[24];

        snprintf(id, sizeof id, "%lld", (long long)p->id);
        json_object_set_new(labels, "rerun_of", json_string(id));
        json_object_set_new(out, "name", json_string(p->name));
        json_object_set_new(out, "project", json_string(p->project));
        json_object_set_new(out, "priority", json_integer(p->priority));
        json_object_set_new(out, "labels", labels);
        put_array(out, p);
        json_object_foreach((json_t *)p->spec, member, v)
        {
                convert put = conversion(member);

                if (json_is_null(v) || (!script && strcmp(member, "args") == 0))
                        continue;
                if (put)
                        put(out, v, now_ms);
                else
                        json_object_set(out, member, v);
        }
        return out;
}
