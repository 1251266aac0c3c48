/* SPDX-License-Identifier: Apache-2.0 */
#include "job_members.h"

#include "nearest.h"

#include <stdio.h>
#include <string.h>

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

const struct job_members job_members[] = {
    {"",
     NAMES("name", "project", "command", "script", "args", "array", "resources", "env", "task_env", "stdio",
           "warn", "workdir", "time_limit", "priority", "retry", "after", "hold", "deadline", "labels",
           "inputs", "partition", "outputs", "output_dataset", "sites", "lease", "log_limit"),
     false},
    {"resources", NAMES("cpus", "memory", "gpus"), true},
    {"stdio", NAMES("in", "out", "err", "append"), false},
    {"warn", NAMES("signal", "before"), false},
    {"retry", NAMES("max", "site_max", "delay", "delay_max", "on_exit"), false},
    {"partition", NAMES("input", "by", "size"), false},
    {"after", NAMES("job", "on", "each"), false},
    {0},
};

const struct job_members *job_members_of(const char *group)
{
        for (const struct job_members *m = job_members; m->group; m++)
                if (strcmp(m->group, group) == 0)
                        return m;
        return NULL;
}

bool job_members_has(const struct job_members *m, const char *name)
{
        for (const char *const *n = m->names; *n; n++)
                if (strcmp(*n, name) == 0)
                        return true;
        return m->open;
}

/* The first group, other than this one, that has exactly this name. */
static const char *home_of(const struct job_members *here, const char *name)
{
        for (const struct job_members *m = job_members; m->group; m++)
                for (const char *const *n = m->names; m != here && *n; n++)
                        if (strcmp(*n, name) == 0)
                                return m->group;
        return NULL;
}

void job_members_hint(const struct job_members *m, const char *name, char *ret, size_t max)
{
        const char *home = home_of(m, name), *near = nearest_of(name, m->names);

        if (near)
                snprintf(ret, max, "unknown member; did you mean \"%s\"?", near);
        else if (home)
                snprintf(ret, max, "unknown member; it belongs %s%s%s",
                         *home ? "into \"" : "to the job itself", home, *home ? "\"" : "");
        else
                snprintf(ret, max, "unknown member");
}
