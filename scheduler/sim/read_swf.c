/* SPDX-License-Identifier: Apache-2.0 */
/* Standard Workload Format, and the machine lists of Alea that go with some of its logs.
 *
 * Of a job: submission, run time, processors, user, executable. Jobs that did not run (or whose
 * times make no sense) are passed over. A
 * request for a cluster in the last column (":cl_NAME") binds the job to that site. */
#include "sim/read.h"

#include "common/util.h"

#include <stdio.h>
#include <string.h>

#define SWF_FIELDS 21

enum { SWF_JOB, SWF_SUBMIT, SWF_WAIT, SWF_RUN, SWF_CPUS, SWF_WANT = 7, SWF_USER = 11, SWF_EXE = 13 };

static int bind_to_cluster(struct world *w, struct w_job *j, const char *request, struct err *err)
{
        const char *at = strstr(request, ":cl_");
        AUTO_FREE char *name = NULL;
        int32_t site;

        if (!at)
                return 0;
        name = xstrndup(at + 4, strcspn(at + 4, ":#"));
        site = world_find_site(w, name);
        return site < 0 ? 0 : world_list(w, &site, 1, &j->sites, err);
}

static int add_job(struct world *w, const struct text *t, char **f, size_t n, double *first, struct err *err)
{
        double submit, run, cpus, want;
        char name[40];
        int32_t j;

        if (text_number(t, "submit", f[SWF_SUBMIT], 0, 1e10, &submit, err) ||
            text_number(t, "run time", f[SWF_RUN], -1e12, WORLD_SECONDS_MAX, &run, err) ||
            text_number(t, "processors", f[SWF_CPUS], -1, WORLD_CPUS_MAX, &cpus, err) ||
            text_number(t, "requested processors", f[SWF_WANT], -1, WORLD_CPUS_MAX, &want, err))
                return -1;
        if (cpus < 1)
                cpus = want;
        if (run <= 0 || cpus < 1)
                return 0;
        if ((j = world_job(w, err)) < 0)
                return -1;
        if (*first < 0 || submit < *first)
                *first = submit;
        w->jobs[j].submit_ms = (int64_t)(submit * 1000);
        w->jobs[j].run_ms = (int64_t)(run * 1000);
        w->jobs[j].cpus = (int32_t)cpus;
        snprintf(name, sizeof name, "user-%.20s", f[SWF_USER]);
        w->jobs[j].project = world_project(w, name);
        snprintf(name, sizeof name, "%.16s/%.16s", f[SWF_USER], f[SWF_EXE]);
        w->jobs[j].class_ = world_class(w, name);
        return n == SWF_FIELDS ? bind_to_cluster(w, &w->jobs[j], f[SWF_FIELDS - 1], err) : 0;
}

int read_swf(struct world *w, struct text *t, uint64_t seed, struct err *err)
{
        size_t before = w->job_n;
        double first = -1;
        char *line, *f[SWF_FIELDS];

        (void)seed;
        while ((line = text_line(t))) {
                size_t n;

                if (!*line || *line == ';')
                        continue;
                n = text_split(line, 0, f, SWF_FIELDS);
                if (n < 18)
                        return text_error(t, err, "%zu fields, not 18 or more", n);
                if (add_job(w, t, f, n, &first, err))
                        return -1;
        }
        for (size_t i = before; i < w->job_n; i++) /* times since 1970 become times since the first */
                w->jobs[i].submit_ms -= (int64_t)(first * 1000);
        return 0;
}

int read_machines(struct world *w, struct text *t, uint64_t seed, struct err *err)
{
        char *line, *f[8];

        (void)seed;
        while ((line = text_line(t))) {
                double nodes, cpus, speed;
                int32_t s;

                if (!*line)
                        continue;
                if (text_split(line, 0, f, ARRAY_LEN(f)) != 6)
                        return text_error(t, err, "not 6 fields: id, cluster, nodes, CPUs, speed, memory");
                if (text_number(t, "nodes", f[2], 1, 100000, &nodes, err) ||
                    text_number(t, "CPUs a node", f[3], 1, 10000, &cpus, err) ||
                    text_number(t, "speed", f[4], 1e-6, 1e9, &speed, err))
                        return -1;
                if (nodes * cpus > WORLD_CPUS_MAX)
                        return text_error(t, err, "more than %d CPUs", WORLD_CPUS_MAX);
                if (strlen(f[1]) > 64)
                        return text_error(t, err, "a name of more than 64 characters");
                if ((s = world_site(w, f[1], err)) < 0)
                        return -1;
                w->sites[s].cpus = (int32_t)(nodes * cpus);
                w->sites[s].speed = speed;
        }
        return 0;
}
