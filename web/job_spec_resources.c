/* SPDX-License-Identifier: Apache-2.0 */
/* What each task of a job asks of a computer. */
#include "web/job_spec_priv.h"

#include "common/nearest.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>

#define BYTES_MAX   (INT64_C(1) << 50)
#define CPUS_MAX    1000000
#define NAMES_SHOWN 300 /* bytes of a list of names in a sentence */

const struct field resource_fields[] = {
    {.name = "cpus", .type = F_INT, .offset = offsetof(struct job_spec, cpus), .min = 1, .max = CPUS_MAX},
    {.name = "memory", .type = F_SIZE, .offset = offsetof(struct job_spec, memory), .max = BYTES_MAX},
    {.name = "gpus", .type = F_INT, .offset = offsetof(struct job_spec, gpus), .max = CPUS_MAX},
    {0},
};
static const struct field field_count = {.name = "count", .type = F_INT, .min = 0, .max = CPUS_MAX};

static bool countable_is_valid(const char *name)
{
        size_t n = strlen(name);

        if (n == 0 || n > 63 || !((name[0] >= 'a' && name[0] <= 'z')))
                return false;
        for (const char *p = name; *p; p++)
                if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || strchr("._-", *p)))
                        return false;
        return true;
}

static const struct field *resource_field(const char *name)
{
        for (const struct field *f = resource_fields; f->name; f++)
                if (strcmp(f->name, name) == 0)
                        return f;
        return NULL;
}

static bool is_offered(const struct job_rules *rules, const char *name)
{
        for (size_t i = 0; i < rules->countable_count; i++)
                if (strcmp(rules->countables[i], name) == 0)
                        return true;
        return false;
}

bool job_spec_names_unknown(const json_t *job, const struct job_rules *rules)
{
        const char *name;
        json_t *v;

        json_object_foreach(json_object_get(job, "resources"), name, v)
        {
                if (!resource_field(name) && !is_offered(rules, name))
                        return true;
        }
        return false;
}

/* Nobody offers it: say what there is, and what was probably meant. */
static void say_not_offered(const struct job_rules *rules, const char *name, struct issues *is)
{
        struct nearest near = nearest_to(name);
        char list[NAMES_SHOWN] = "", meant[NEAREST_WORD_MAX + 24] = "";
        size_t n = 0;

        if (is->count >= ISSUES_MAX)
                return;
        for (const struct field *f = resource_fields; f->name; f++) {
                nearest_offer(&near, f->name);
                n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", n ? ", " : "", f->name);
        }
        for (size_t i = 0; i < rules->countable_count; i++) {
                const char *one = rules->countables[i];

                nearest_offer(&near, one);
                if (n + strlen(one) + 8 < sizeof list)
                        n += (size_t)snprintf(list + n, sizeof list - n, ", %s", one);
                else if (list[n - 1] != '.')
                        n += (size_t)snprintf(list + n, sizeof list - n, ", ...");
        }
        if (near.best)
                snprintf(meant, sizeof meant, "did you mean \"%s\"? ", near.best);
        issue_add(is, "", "unknown", "\"%s\": no site offers such a resource; %soffered are %s", name, meant,
                  list);
}

static void read_countable(struct job_spec *s, const struct job_rules *rules, const char *name,
                           const json_t *v, struct issues *is)
{
        struct job_custom c = {.name = name};

        if (!countable_is_valid(name)) {
                issue_add(is, "", "format",
                          "names of countables start with a letter and hold a-z, 0-9, dot, dash, underscore");
                return;
        }
        if (json_is_integer(v) && !json_integer_value(v))
                return;
        if (!is_offered(rules, name)) {
                say_not_offered(rules, name, is);
                return;
        }
        if (!field_read(v, &field_count, &c.count, is))
                return;
        if (s->custom_count == JOB_CUSTOM_MAX) {
                issue_add(is, "", "range", "at most %d countables", JOB_CUSTOM_MAX);
                return;
        }
        if (!s->custom)
                s->custom = xcalloc(JOB_CUSTOM_MAX, sizeof *s->custom);
        s->custom[s->custom_count++] = c;
}

void job_resources_read(struct job_spec *s, const struct job_rules *rules, struct issues *is)
{
        size_t mark = issues_enter(is, "resources");
        const char *name;
        json_t *v;

        s->cpus = 1;
        json_object_foreach(s->resources, name, v)
        {
                const struct field *f = resource_field(name);
                size_t here = issues_enter(is, name);

                if (json_is_null(v))
                        ;
                else if (f)
                        field_read(v, f, (char *)s + f->offset, is);
                else
                        read_countable(s, rules, name, v, is);
                issues_leave(is, here);
        }
        issues_leave(is, mark);
}
