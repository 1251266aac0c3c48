/* SPDX-License-Identifier: Apache-2.0 */
#include "job_members.h"

#include "nearest.h"

#include <stdio.h>
#include <string.h>

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

const struct job_members job_members[] = {
    {"",
     NAMES("name", "project", "command", "script", "args", "array", "resources", "env", "task_env", "stdio",
           "warn", "workdir", "time_limit", "priority", "retry", "after", "hold", "not_before", "deadline",
           "labels", "inputs", "partition", "outputs", "output_dataset", "sites", "lease", "log_limit"),
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

void job_members_hint(const struct job_members *m, const char *name, char *ret, size_t max)
{
        const char *near = nearest_of(name, m->names), *home = NULL;
        struct nearest all = nearest_to(name);

        for (const struct job_members *g = job_members; !near && !*m->group && g->group; g++)
                for (const char *const *n = g->names; g != m && *n; n++) {
                        nearest_offer(&all, *n);
                        home = all.best == *n ? g->group : home;
                }
        if (home)
                snprintf(ret, max, "unknown member; did you mean \"%s\" in \"%s\"?", all.best, home);
        else if (near)
                snprintf(ret, max, "unknown member; did you mean \"%s\"?", near);
        else
                snprintf(ret, max, "unknown member");
}
