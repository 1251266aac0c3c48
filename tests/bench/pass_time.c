/* SPDX-License-Identifier: Apache-2.0 */
/* The time of one pass: sites, shapes and a million queued tasks, without record and wire.
 *
 *     bench-pass-time [SITES SHAPES JOBS TASKS]
 *
 * Prints "name value unit" lines. pass_time: the slowest kind of pass, median of several: an empty grid is
 * filled up to the bound of one pass, places are freed everywhere and filled again, and a full grid has every
 * shape wait. The baseline does what a scheduler without shapes does for as many tasks: look at every site
 * for each task. */
#include "common/util.h"
#include "core/decide.h"

#include <stdio.h>
#include <time.h>

#define PROJECTS 10
#define ROUNDS   9

struct grid {
        struct model *m;
        int32_t sites, shapes, jobs;
        int64_t next_decision;
        struct plan plan;
};

static double now_ms(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int by_double(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
        qsort(v, n, sizeof *v, by_double);
        return v[n / 2];
}

static void add_sites(struct grid *g)
{
        for (int32_t i = 1; i <= g->sites; i++) {
                AUTO_FREE char *name = xasprintf("site-%d", i);
                struct m_site *s = model_site_put(g->m, i, name);
                struct m_worker *w = model_worker_put(g->m, i, s);
                struct res offer = {.slots = RES_SLOTS_ANY, .cpus = 64, .memory = 256LL << 30};

                s->speed = 1.0 + (i % 7) * 0.1;
                s->storage.accept = true;
                s->storage.quota = 1LL << 50;
                w->ready = true;
                model_worker_offer(g->m, w, &offer);
        }
}

/* A quarter of the shapes reads a dataset that stands at every third site, and may be brought to the others.
 */
static struct m_dataset *add_data(struct grid *g)
{
        struct m_dataset *d = model_dataset_put(g->m, 1, "reference");

        d->sealed = true;
        d->files = 1;
        d->bytes = 1 << 30;
        for (int32_t i = 1; i <= g->sites; i += 3)
                model_dataset_site(d, i, "/data", true, 1, 1 << 30);
        return d;
}

static void add_jobs(struct grid *g, int64_t tasks)
{
        struct m_dataset *d = add_data(g);

        for (int32_t i = 1; i <= PROJECTS; i++) {
                AUTO_FREE char *name = xasprintf("project-%d", i);

                model_project_put(g->m, i, name);
        }
        for (int32_t i = 0; i < g->jobs; i++) {
                int32_t shape = i % g->shapes;
                struct job_init init = {.id = i + 1,
                                        .project = model_project(g->m, 1 + shape % PROJECTS),
                                        .name = "bench",
                                        .spec = "{}",
                                        .first = 1,
                                        .last = (int32_t)(tasks / g->jobs),
                                        .next = 1,
                                        .need = {.slots = 1, .cpus = 1, .memory = ((int64_t)shape + 1) << 20},
                                        .started_at = INT64_MIN,
                                        .deadline = INT64_MIN,
                                        .inputs = &d,
                                        .input_count = shape % 4 == 0};

                model_job_add(g->m, &init);
        }
}

static double timed_pass(struct grid *g)
{
        double start = now_ms();

        decide(g->m, &g->next_decision, &g->plan);
        return now_ms() - start;
}

/* End about one attempt in `part`, in order of job and task. */
static void end_some(struct grid *g, int part)
{
        int64_t seen = 0;

        for (int32_t i = 1; i <= g->jobs; i++) {
                struct m_job *j = model_job(g->m, i);

                for (int32_t t = j->first; j->live && t < j->next; t++) {
                        struct m_attempt *a = model_attempt(g->m, i, t);

                        if (!a || seen++ % part)
                                continue;
                        model_attempt_close(g->m, a, true, 60000);
                        j->succeeded++;
                }
        }
        g->m->now_ms += 60000;
        g->m->wall_ms += 60000;
}

static double fill_time(struct grid *g)
{
        double first = timed_pass(g);

        while (g->plan.more)
                timed_pass(g);
        return first;
}

static double refill_time(struct grid *g)
{
        double v[ROUNDS];

        for (int i = 0; i < ROUNDS; i++) {
                end_some(g, 4);
                v[i] = timed_pass(g);
                while (g->plan.more)
                        timed_pass(g);
        }
        return median(v, ROUNDS);
}

static double full_time(struct grid *g)
{
        double v[ROUNDS];

        for (int i = 0; i < ROUNDS; i++)
                v[i] = timed_pass(g);
        return median(v, ROUNDS);
}

/* Every task looks at every site. */
static double baseline_time(struct grid *g)
{
        struct m_shape *s = model_job(g->m, 1)->shape;
        struct candidate *c = xcalloc((size_t)g->sites, sizeof *c);
        double start = now_ms();
        int64_t found = 0;

        for (int i = 0; i < DECIDE_TASKS_MAX; i++) {
                enum wait_reason why;
                int best;

                place_all(g->m, s, 0, false, c, (size_t)g->sites, &best, &why);
                found += best;
        }
        start = now_ms() - start;
        free(c);
        if (found == INT64_MIN)
                puts("");
        return start;
}

int main(int argc, char **argv)
{
        struct grid g = {.m = model_new(), .sites = 100, .shapes = 50, .jobs = 1000, .next_decision = 1};
        int64_t tasks = 1000000;
        double fill, refill, full;

        if (argc == 5) {
                g.sites = atoi(argv[1]);
                g.shapes = atoi(argv[2]);
                g.jobs = atoi(argv[3]);
                tasks = atoll(argv[4]);
        }
        if ((argc != 1 && argc != 5) || g.sites < 1 || g.shapes < 1 || g.jobs < g.shapes || tasks < g.jobs) {
                fprintf(stderr,
                        "usage: bench-pass-time [SITES SHAPES JOBS TASKS], SHAPES <= JOBS <= TASKS\n");
                return 2;
        }
        g.m->now_ms = 1000000;
        g.m->wall_ms = 1000000000;
        add_sites(&g);
        add_jobs(&g, tasks);
        fill = fill_time(&g);
        refill = refill_time(&g);
        full = full_time(&g);
        printf("pass_time_fill %.2f ms\npass_time_refill %.2f ms\npass_time_full %.2f ms\n", fill, refill,
               full);
        printf("pass_time %.2f ms\n",
               fill > refill ? (fill > full ? fill : full) : (refill > full ? refill : full));
        printf("pass_time_baseline %.2f ms\n", baseline_time(&g));
        plan_release(&g.plan);
        model_free(g.m);
        return 0;
}
