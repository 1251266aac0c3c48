/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/spec.h"

#include "common/util.h"
#include "core/parts.h"

#include <jansson.h>
#include <string.h>

static int64_t member_int(const json_t *o, const char *name, int64_t absent)
{
        const json_t *v = json_object_get(o, name);

        return json_is_integer(v) ? json_integer_value(v) : absent;
}

static int32_t clamp32(int64_t v)
{
        return v > INT32_MAX ? INT32_MAX : v < 0 ? 0 : (int32_t)v;
}

static void read_retry(const json_t *o, struct retry_policy *p)
{
        const json_t *rule;
        size_t i;

        p->task_max = clamp32(member_int(o, "max", 0));
        p->site_max = clamp32(member_int(o, "site_max", 5));
        p->delay_ms = member_int(o, "delay_ms", 5000);
        p->delay_max_ms = member_int(o, "delay_max_ms", 3600000);
        json_array_foreach(json_object_get(o, "on_exit"), i, rule)
        {
                const char *action = json_string_value(json_object_get(rule, "action"));

                if (p->rule_count == RETRY_RULES_MAX)
                        break;
                p->rules[p->rule_count++] = (struct retry_rule){
                    .from = (int32_t)member_int(rule, "from", 0),
                    .to = (int32_t)member_int(rule, "to", 0),
                    .retry = action && strcmp(action, "retry") == 0,
                };
        }
}

static int read_need(struct model *m, json_t *o, struct res *need, struct err *err)
{
        const char *name;
        json_t *v;

        *need = (struct res){
            .slots = 1,
            .cpus = clamp32(member_int(o, "cpus", 1)),
            .gpus = clamp32(member_int(o, "gpus", 0)),
            .memory = member_int(o, "memory", 0),
        };
        json_object_foreach(json_object_get(o, "custom"), name, v)
        {
                int i = model_custom(m, name);

                if (i < 0)
                        return err_set(err, ERR_LIMIT,
                                       "countable \"%s\" is one too many: the grid knows at most %d", name,
                                       RES_CUSTOM_MAX);
                need->custom[i] = clamp32(json_integer_value(v));
        }
        return 0;
}

int spec_parse(struct model *m, const char *json, struct spec *ret, struct err *err)
{
        struct spec s = {.deadline = INT64_MIN};
        json_t *doc = json_loads(json, JSON_REJECT_DUPLICATES, NULL), *sites;
        const char **names;

        if (!doc)
                return err_set(err, ERR_SYSTEM, "the stored spec is not JSON");
        s.doc = doc;
        if (read_need(m, json_object_get(doc, "resources"), &s.need, err) < 0) {
                json_decref(doc);
                return -1;
        }
        s.time_limit_ms = member_int(doc, "time_limit_ms", 0);
        s.throttle = clamp32(member_int(doc, "throttle", 0));
        s.deadline = member_int(doc, "deadline_ms", INT64_MIN);
        s.not_before = member_int(doc, "not_before_ms", 0);
        read_retry(json_object_get(doc, "retry"), &s.retry);
        sites = json_object_get(doc, "sites");
        names = json_array_size(sites) ? xcalloc(json_array_size(sites), sizeof *names) : NULL;
        for (size_t i = 0; i < json_array_size(sites); i++) {
                const char *name = json_string_value(json_array_get(sites, i));

                if (name)
                        names[s.site_count++] = name;
        }
        s.sites = names;
        *ret = s;
        return 0;
}

void spec_release(struct spec *s)
{
        free((void *)(uintptr_t)s->sites);
        json_decref(s->doc);
        *s = (struct spec){0};
}

void res_to_proto(const struct model *m, const struct res *r, struct proto_resources *ret)
{
        *ret = (struct proto_resources){
            .cpus = (uint32_t)r->cpus, .gpus = (uint32_t)r->gpus, .memory = (uint64_t)r->memory};
        for (int32_t i = 0; i < m->custom_count && ret->custom_count < TEMPLATE_CUSTOM_MAX; i++) {
                struct proto_custom *c = &ret->custom[ret->custom_count];

                if (r->custom[i] <= 0)
                        continue;
                strncpy(c->name, m->customs[i], sizeof c->name - 1);
                c->count = (uint32_t)r->custom[i];
                ret->custom_count++;
        }
}

void res_add_custom(struct model *m, const char *json, struct res *to)
{
        json_t *doc = json ? json_loads(json, 0, NULL) : NULL, *v;
        const char *name;

        json_object_foreach(doc, name, v)
        {
                int i = model_custom(m, name);

                if (i >= 0)
                        to->custom[i] = clamp32(json_integer_value(v));
        }
        json_decref(doc);
}

/* Owned copies of the strings of a JSON array. */
static char **string_array(const json_t *a, uint32_t *ret_n)
{
        size_t n = json_array_size(a);
        char **out = n ? xcalloc(n, sizeof *out) : NULL;

        *ret_n = (uint32_t)n;
        for (size_t i = 0; i < n; i++) {
                const char *s = json_string_value(json_array_get(a, i));

                out[i] = xstrdup(s ? s : "");
        }
        return out;
}

/* Pairs of an array [["NAME","value"]]; returns how many. */
static uint32_t pair_array(const json_t *a, struct proto_pair **ret)
{
        size_t n = json_array_size(a);
        struct proto_pair *list = n ? xcalloc(n, sizeof *list) : NULL;
        uint32_t count = 0;

        for (size_t i = 0; i < n; i++) {
                const json_t *pair = json_array_get(a, i);
                const char *name = json_string_value(json_array_get(pair, 0));
                const char *value = json_string_value(json_array_get(pair, 1));

                if (name && value)
                        list[count++] = (struct proto_pair){xstrdup(name), xstrdup(value)};
        }
        *ret = list;
        return count;
}

static void template_streams(const json_t *doc, struct proto_template *t)
{
        static const char *const names[3] = {"in", "out", "err"};
        const json_t *io = json_object_get(doc, "stdio"), *warn = json_object_get(doc, "warn");

        for (int i = 0; i < 3; i++)
                t->stdio[i] = xstrdup(json_string_value(json_object_get(io, names[i])));
        t->stdio_append = json_is_true(json_object_get(io, "append"));
        t->warn_signal = (uint8_t)member_int(warn, "signal", 0);
        t->warn_ms = (uint32_t)member_int(warn, "before_ms", 0);
}

static int template_inputs(const struct m_job *j, const struct m_site *site, struct proto_template *t,
                           struct err *err)
{
        t->inputs = j->input_count ? xcalloc(j->input_count, sizeof *t->inputs) : NULL;
        for (size_t i = 0; i < j->input_count; i++) {
                const struct m_dataset_site *at = job_input_at(j, i, site->id, 0);

                /* A dataset of no files is everywhere. */
                if (!at && j->inputs[i]->files)
                        return err_set(err, ERR_CONFLICT, "input %s is not at site %s any more",
                                       j->inputs[i]->name, site->name);
                t->inputs[t->input_count++] =
                    (struct proto_pair){xstrdup(j->inputs[i]->name), xstrdup(at ? at->root : "/nonexistent")};
        }
        return 0;
}

bool spec_has_parts(const char *json)
{
        /* As the writer puts it: within a text of the spec the quotes would be escaped. */
        return json && strstr(json, "\"partition\":{") != NULL;
}

/* The mark that each task has a list of files. */
static void template_parts(const json_t *doc, struct proto_template *t)
{
        if (!json_is_object(json_object_get(doc, "partition")))
                return;
        t->task_env = xrealloc(t->task_env, (t->task_env_count + 1) * sizeof *t->task_env);
        t->task_env[t->task_env_count++] = (struct proto_pair){xstrdup(PART_VARIABLE), xstrdup("{task}")};
}

int spec_template(const struct m_job *j, const struct m_site *site, struct proto_template *ret,
                  struct err *err)
{
        struct proto_template t = {.job = j->id, .kill_grace_ms = 10000};
        json_t *doc = json_loads(j->spec, 0, NULL);
        const char *script = json_string_value(json_object_get(doc, "script"));
        const char *workdir = json_string_value(json_object_get(doc, "workdir"));
        json_t *res = json_object_get(doc, "resources"), *v;
        int64_t log = member_int(doc, "log_limit", 16 << 20);
        const char *name;

        if (!doc)
                return err_set(err, ERR_SYSTEM, "the stored spec of job %lld is not JSON", (long long)j->id);
        t.name = xstrdup(j->name);
        t.project = xstrdup(j->shape->project->name);
        t.site = xstrdup(site->name);
        t.script = xstrdup(script);
        t.argv = string_array(json_object_get(doc, script ? "args" : "command"), &t.argc);
        t.env_count = pair_array(json_object_get(doc, "env"), &t.env);
        t.task_env_count = pair_array(json_object_get(doc, "task_env"), &t.task_env);
        template_parts(doc, &t);
        template_streams(doc, &t);
        t.workdir = xstrdup(workdir);
        t.resources.cpus = (uint32_t)j->shape->need.cpus;
        t.resources.gpus = (uint32_t)j->shape->need.gpus;
        t.resources.memory = (uint64_t)j->shape->need.memory;
        json_object_foreach(json_object_get(res, "custom"), name, v)
        {
                struct proto_custom *c = &t.resources.custom[t.resources.custom_count];

                if (t.resources.custom_count == TEMPLATE_CUSTOM_MAX)
                        break;
                strncpy(c->name, name, sizeof c->name - 1);
                c->count = (uint32_t)json_integer_value(v);
                t.resources.custom_count++;
        }
        t.time_limit_ms = (uint64_t)j->shape->time_limit_ms;
        t.log_head = (uint64_t)log / 2;
        t.log_tail = (uint64_t)log - t.log_head;
        t.outputs = string_array(json_object_get(doc, "outputs"), &t.output_count);
        if (t.output_count && j->output)
                t.output_dataset = xstrdup(j->output->name);
        json_decref(doc);
        if (t.output_count && !t.output_dataset) {
                proto_template_release(&t);
                return err_set(err, ERR_CONFLICT, "the dataset for its outputs is not there any more");
        }
        if (template_inputs(j, site, &t, err) < 0) {
                proto_template_release(&t);
                return -1;
        }
        *ret = t;
        return 0;
}
