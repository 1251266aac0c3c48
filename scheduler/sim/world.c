/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/world.h"

#include "common/ids.h"
#include "common/util.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct world *sim_world_new(void)
{
        return xcalloc(1, sizeof(struct world));
}

void sim_world_free(struct world *w)
{
        if (!w)
                return;
        for (size_t i = 0; i < w->site_n; i++)
                free(w->sites[i].name);
        for (size_t i = 0; i < w->day_n; i++)
                free(w->days[i].name);
        for (size_t i = 0; i < w->project_n; i++)
                free(w->projects[i]);
        for (size_t i = 0; i < w->class_n; i++)
                free(w->classes[i]);
        for (size_t i = 0; i < w->note_n; i++)
                free(w->notes[i]);
        for (size_t i = 0; i < w->alias_n; i++)
                free(w->aliases[i].name);
        free(w->aliases);
        free(w->sites);
        free(w->links);
        free(w->days);
        free(w->files);
        free(w->jobs);
        free(w->pool);
        free(w->projects);
        free(w->classes);
        free(w->notes);
        free(w);
}

int32_t world_find_site(const struct world *w, const char *name)
{
        for (size_t i = 0; i < w->site_n; i++) {
                if (strcmp(w->sites[i].name, name) == 0)
                        return (int32_t)i;
        }
        for (size_t i = 0; i < w->alias_n; i++) {
                if (strcmp(w->aliases[i].name, name) == 0)
                        return w->aliases[i].site;
        }
        return -1;
}

void world_alias(struct world *w, const char *name, int32_t site)
{
        if (world_find_site(w, name) >= 0)
                return;
        w->aliases = xgrow(w->aliases, w->alias_n, &w->alias_cap, sizeof *w->aliases);
        w->aliases[w->alias_n++] = (struct w_alias){xstrdup(name), site};
}

static bool list_has(const char *names, const char *name)
{
        size_t n = strlen(name);

        for (const char *p = names; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL) {
                if (strncmp(p, name, n) == 0 && (p[n] == ',' || !p[n]))
                        return true;
        }
        return false;
}

/* Which sites stay, by their old index: their new one, or -1. NULL with *err when a name is not there. */
static int32_t *kept_sites(const struct world *w, const char *names, size_t *ret_n, struct err *err)
{
        int32_t *to = xcalloc(w->site_n, sizeof *to);
        size_t n = 0, named = 1;

        for (size_t i = 0; i < w->site_n; i++)
                to[i] = list_has(names, w->sites[i].name) ? (int32_t)n++ : -1;
        for (const char *p = names; *p; p++)
                named += *p == ',';
        *ret_n = n;
        if (n == named)
                return to;
        free(to);
        err_set(err, ERR_BAD_INPUT, "of the %zu sites named in --sites the platform has %zu", named, n);
        return NULL;
}

int world_keep_sites(struct world *w, const char *names, struct err *err)
{
        size_t n, old = w->site_n;
        AUTO_FREE int32_t *to = kept_sites(w, names, &n, err);
        struct w_link *links;

        if (!to)
                return -1;
        world_links(w);
        links = xcalloc(n * n, sizeof *links);
        for (size_t i = 0; i < old * old; i++) {
                if (to[i / old] >= 0 && to[i % old] >= 0)
                        links[(size_t)to[i / old] * n + (size_t)to[i % old]] = w->links[i];
        }
        free(w->links);
        w->links = links;
        for (size_t i = 0; i < old; i++) {
                if (to[i] >= 0)
                        w->sites[to[i]] = w->sites[i];
                else
                        free(w->sites[i].name);
        }
        w->site_n = n;
        for (size_t i = w->alias_n; i-- > 0;) {
                w->aliases[i].site = to[w->aliases[i].site];
                if (w->aliases[i].site >= 0)
                        continue;
                free(w->aliases[i].name);
                w->aliases[i] = w->aliases[--w->alias_n];
        }
        return 0;
}

int32_t world_site(struct world *w, const char *name, struct err *err)
{
        int32_t i = world_find_site(w, name);

        if (i >= 0)
                return i;
        if (w->site_n == WORLD_SITES_MAX)
                return err_set(err, ERR_LIMIT, "more than %d sites", WORLD_SITES_MAX);
        w->sites = xgrow(w->sites, w->site_n, &w->site_cap, sizeof *w->sites);
        w->sites[w->site_n] = (struct w_site){.name = xstrdup(name), .speed = 1};
        free(w->links); /* its rows have another length now */
        w->links = NULL;
        return (int32_t)w->site_n++;
}

void world_links(struct world *w)
{
        if (w->links || !w->site_n)
                return;
        w->links = xcalloc(w->site_n * w->site_n, sizeof *w->links);
        for (size_t i = 0; i < w->site_n * w->site_n; i++)
                w->links[i].day = -1;
}

int32_t world_file(struct world *w, int64_t bytes, struct err *err)
{
        if (w->file_n == WORLD_FILES_MAX)
                return err_set(err, ERR_LIMIT, "more than %d files", WORLD_FILES_MAX);
        if (bytes < 0 || bytes > WORLD_BYTES_MAX)
                return err_set(err, ERR_BAD_INPUT, "a file of %lld bytes", (long long)bytes);
        w->files = xgrow(w->files, w->file_n, &w->file_cap, sizeof *w->files);
        w->files[w->file_n] = (struct w_file){.bytes = bytes, .home = WORLD_UNKNOWN_HOME, .maker = -1};
        return (int32_t)w->file_n++;
}

int32_t world_job(struct world *w, struct err *err)
{
        if (w->job_n == WORLD_JOBS_MAX)
                return err_set(err, ERR_LIMIT, "more than %d jobs", WORLD_JOBS_MAX);
        w->jobs = xgrow(w->jobs, w->job_n, &w->job_cap, sizeof *w->jobs);
        w->jobs[w->job_n] = (struct w_job){.tasks = 1, .cpus = 1, .class_ = -1, .origin = -1, .batch = -1};
        return (int32_t)w->job_n++;
}

static int32_t name_put(char ***names, size_t *n, size_t *cap, const char *name)
{
        for (size_t i = *n; i-- > 0;) { /* the last one is the most likely */
                if (strcmp((*names)[i], name) == 0)
                        return (int32_t)i;
        }
        *names = xgrow(*names, *n, cap, sizeof **names);
        (*names)[*n] = xstrdup(name);
        return (int32_t)(*n)++;
}

int32_t world_project(struct world *w, const char *name)
{
        return name_put(&w->projects, &w->project_n, &w->project_cap, name);
}

int32_t world_class(struct world *w, const char *name)
{
        return name_put(&w->classes, &w->class_n, &w->class_cap, name);
}

int32_t world_day(struct world *w, const char *name)
{
        for (size_t i = 0; i < w->day_n; i++) {
                if (strcmp(w->days[i].name, name) == 0)
                        return (int32_t)i;
        }
        w->days = xgrow(w->days, w->day_n, &w->day_cap, sizeof *w->days);
        w->days[w->day_n].name = xstrdup(name);
        for (size_t i = 0; i < WORLD_DAY_STEPS; i++)
                w->days[w->day_n].part[i] = 1;
        return (int32_t)w->day_n++;
}

int world_list(struct world *w, const int32_t *from, size_t n, struct w_list *ret, struct err *err)
{
        if (n > WORLD_LIST_MAX || w->pool_n > UINT32_MAX - n)
                return err_set(err, ERR_LIMIT, "a job that names more than %d others", WORLD_LIST_MAX);
        if (n) {
                w->pool = xgrow(w->pool, w->pool_n + n, &w->pool_cap, sizeof *w->pool);
                memcpy(w->pool + w->pool_n, from, n * sizeof *from);
        }
        *ret = (struct w_list){(uint32_t)w->pool_n, (uint32_t)n};
        w->pool_n += n;
        return 0;
}

void world_note(struct world *w, const char *fmt, ...)
{
        char text[400];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        text_make_printable(text);
        name_put(&w->notes, &w->note_n, &w->note_cap, text);
}

/* ---- the same again --------------------------------------------------------------------------------------
 */

/* What copy number k calls the file: its own, or the one that all share. */
static int32_t file_again(struct world *w, int32_t file, int32_t *again, const int32_t *readers, size_t jobs,
                          struct err *err)
{
        if (again[file] >= 0)
                return again[file];
        if (w->files[file].maker < 0 && (size_t)readers[file] * 2 >= jobs)
                return again[file] = file;
        again[file] = world_file(w, w->files[file].bytes, err);
        if (again[file] >= 0)
                w->files[again[file]].home = w->files[file].home;
        return again[file];
}

static int list_again(struct world *w, struct w_list l, int32_t *again, const int32_t *readers, size_t jobs,
                      struct w_list *ret, struct err *err)
{
        AUTO_FREE int32_t *list = xcalloc(l.n, sizeof *list);

        for (uint32_t i = 0; i < l.n; i++) {
                list[i] = file_again(w, world_items(w, l)[i], again, readers, jobs, err);
                if (list[i] < 0)
                        return -1;
        }
        return world_list(w, list, l.n, ret, err);
}

static int after_again(struct world *w, struct w_list l, int32_t shift, struct w_list *ret, struct err *err)
{
        AUTO_FREE int32_t *list = xcalloc(l.n, sizeof *list);

        for (uint32_t i = 0; i < l.n; i++)
                list[i] = world_items(w, l)[i] + shift;
        return world_list(w, list, l.n, ret, err);
}

static int jobs_again(struct world *w, size_t jobs, int32_t *again, const int32_t *readers, int32_t batch,
                      struct err *err)
{
        size_t shift = w->job_n;

        for (size_t i = 0; i < jobs; i++) {
                int32_t at = world_job(w, err);
                struct w_job j = w->jobs[i];

                if (at < 0 || list_again(w, j.inputs, again, readers, jobs, &j.inputs, err) ||
                    list_again(w, j.outputs, again, readers, jobs, &j.outputs, err) ||
                    after_again(w, j.after, (int32_t)shift, &j.after, err))
                        return -1;
                for (uint32_t k = 0; k < j.outputs.n; k++)
                        w->files[world_items(w, j.outputs)[k]].maker = at;
                j.batch = batch;
                w->jobs[at] = j;
        }
        return 0;
}

int world_repeat(struct world *w, size_t n, struct err *err)
{
        size_t jobs = w->job_n, files = w->file_n;
        AUTO_FREE int32_t *readers = xcalloc(files, sizeof *readers), *again = xcalloc(files, sizeof *again);

        for (size_t i = 0; i < jobs; i++) {
                w->jobs[i].batch = 0;
                for (uint32_t k = 0; k < w->jobs[i].inputs.n; k++)
                        readers[world_items(w, w->jobs[i].inputs)[k]]++;
        }
        for (size_t k = 1; k < n; k++) {
                for (size_t i = 0; i < files; i++)
                        again[i] = -1;
                if (jobs_again(w, jobs, again, readers, (int32_t)k, err))
                        return -1;
        }
        return 0;
}

/* ---- dice ------------------------------------------------------------------------------------------------
 */

uint64_t dice_next(struct dice *d)
{
        d->state += 0x9e3779b97f4a7c15ULL;
        return hash_mix(d->state);
}

double dice_unit(struct dice *d)
{
        return (double)(dice_next(d) >> 11) * 0x1p-53;
}

uint64_t dice_to(struct dice *d, uint64_t n)
{
        return dice_next(d) % n;
}

double dice_normal(struct dice *d)
{
        double u = 1.0 - dice_unit(d), v = dice_unit(d);

        return sqrt(-2.0 * log(u)) * cos(2.0 * M_PI * v);
}

double dice_gap(struct dice *d, double mean)
{
        return -mean * log(1.0 - dice_unit(d));
}

/* By inversion of the continuous law: good enough for popularity, and without a table. */
size_t dice_zipf(struct dice *d, size_t n, double skew)
{
        double u = dice_unit(d), x;

        if (fabs(skew - 1.0) < 1e-9)
                x = pow((double)n + 1.0, u);
        else
                x = pow(u * (pow((double)n + 1.0, 1.0 - skew) - 1.0) + 1.0, 1.0 / (1.0 - skew));
        return x - 1.0 < (double)(n - 1) ? (size_t)(x - 1.0) : n - 1;
}

/* ---- settling --------------------------------------------------------------------------------------------
 */

static int by_double(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

static void scale_links(struct world *w, double median)
{
        AUTO_FREE double *rates = xcalloc(w->site_n * w->site_n, sizeof *rates);
        size_t n = 0;
        double by;

        for (size_t i = 0; i < w->site_n * w->site_n; i++) {
                if (w->links[i].rate > 0)
                        rates[n++] = w->links[i].rate;
        }
        if (!n)
                return;
        qsort(rates, n, sizeof *rates, by_double);
        by = median / rates[n / 2];
        for (size_t i = 0; i < w->site_n * w->site_n; i++)
                w->links[i].rate = (float)(w->links[i].rate * by);
        for (size_t i = 0; i < w->site_n; i++) {
                w->sites[i].egress *= by;
                w->sites[i].ingress *= by;
        }
}

static int64_t site_cpus(const struct world *w, int32_t *ret_widest)
{
        int64_t all = 0;

        *ret_widest = 0;
        for (size_t i = 0; i < w->site_n; i++) {
                all += w->sites[i].cpus;
                if (w->sites[i].cpus > *ret_widest)
                        *ret_widest = w->sites[i].cpus;
        }
        return all;
}

static int by_time(const void *a, const void *b)
{
        int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

        return (x > y) - (x < y);
}

/* Guess of a class: the median of its run times, by tasks of jobs. */
static void guess_by_class(struct world *w)
{
        AUTO_FREE int64_t *runs = xcalloc(w->job_n, sizeof *runs);

        for (size_t c = 0; c <= w->class_n; c++) {
                int32_t class_ = c < w->class_n ? (int32_t)c : -1;
                size_t n = 0;

                for (size_t i = 0; i < w->job_n; i++) {
                        if (w->jobs[i].class_ == class_)
                                runs[n++] = w->jobs[i].run_ms;
                }
                if (!n)
                        continue;
                qsort(runs, n, sizeof *runs, by_time);
                for (size_t i = 0; i < w->job_n; i++) {
                        if (w->jobs[i].class_ == class_)
                                w->jobs[i].guess_ms = runs[n / 2];
                }
        }
}

static bool starts_batch(const struct world *w, size_t job)
{
        return !job || w->jobs[job].batch < 0 || w->jobs[job].batch != w->jobs[job - 1].batch;
}

/* Arrivals keep their order and their pattern; time between them is stretched. Jobs that all come at once
 * are spread at random gaps. */
static void set_load(struct world *w, double load, struct dice *dice)
{
        int32_t widest;
        double capacity = (double)site_cpus(w, &widest), work = 0, span, at = 0;
        int64_t first = INT64_MAX, last = 0;
        size_t batches = 0;

        for (size_t i = 0; i < w->job_n; i++) {
                const struct w_job *j = &w->jobs[i];

                batches += starts_batch(w, i);
                work += (double)j->tasks * j->cpus * (double)j->run_ms;
                first = j->submit_ms < first ? j->submit_ms : first;
                last = j->submit_ms > last ? j->submit_ms : last;
        }
        span = work / capacity / load;
        if (last > first) {
                for (size_t i = 0; i < w->job_n; i++)
                        w->jobs[i].submit_ms =
                            (int64_t)((double)(w->jobs[i].submit_ms - first) * span / (double)(last - first));
                return;
        }
        for (size_t i = 0; i < w->job_n; i++) {
                if (starts_batch(w, i))
                        at += dice_gap(dice, span / (double)batches);
                w->jobs[i].submit_ms = (int64_t)at;
        }
}

/* Half of the files that nobody placed lie at one site, the others anywhere: as measured grids are. */
static void set_homes(struct world *w, struct dice *dice)
{
        size_t archive = dice_to(dice, w->site_n), unplaced = 0;

        for (size_t i = 0; i < w->file_n; i++) {
                if (w->files[i].home != WORLD_UNKNOWN_HOME || w->files[i].maker >= 0)
                        continue;
                w->files[i].home = (int32_t)(dice_unit(dice) < 0.5 ? archive : dice_to(dice, w->site_n));
                unplaced++;
        }
        if (unplaced)
                world_note(w, "%zu files name no site: half were put at %s, the others at random", unplaced,
                           w->sites[archive].name);
}

static int check_list(const struct world *w, struct w_list l, size_t n, size_t job, const char *what,
                      struct err *err)
{
        for (uint32_t i = 0; i < l.n; i++) {
                int32_t x = world_items(w, l)[i];

                if (x < 0 || (size_t)x >= n)
                        return err_set(err, ERR_BAD_INPUT, "job %zu names %s that is not there", job, what);
        }
        return 0;
}

static int check_job(struct world *w, size_t i, int32_t widest, size_t *narrowed, struct err *err)
{
        struct w_job *j = &w->jobs[i];

        if (check_list(w, j->inputs, w->file_n, i, "a file", err) ||
            check_list(w, j->outputs, w->file_n, i, "a file", err) ||
            check_list(w, j->after, w->job_n, i, "a job", err) ||
            check_list(w, j->sites, w->site_n, i, "a site", err))
                return -1;
        if (j->tasks < 1 || j->run_ms < 0 || j->submit_ms < 0)
                return err_set(err, ERR_BAD_INPUT, "job %zu has %d tasks of %lld ms", i, j->tasks,
                               (long long)j->run_ms);
        if (j->run_ms < 1)
                j->run_ms = 1;
        if (j->cpus > widest) {
                j->cpus = widest;
                ++*narrowed;
        }
        if (j->cpus < 1)
                j->cpus = 1;
        w->task_n += j->tasks;
        return 0;
}

/* Every job must come after those it waits for in some order: a circle would never end. */
static int check_circles(const struct world *w, struct err *err)
{
        AUTO_FREE int32_t *waits = xcalloc(w->job_n, sizeof *waits);
        AUTO_FREE uint32_t *first = xcalloc(w->job_n + 1, sizeof *first);
        AUTO_FREE int32_t *next = NULL, *queue = xcalloc(w->job_n, sizeof *queue);
        size_t edges = 0, head = 0, tail = 0;

        for (size_t i = 0; i < w->job_n; i++) {
                waits[i] = (int32_t)w->jobs[i].after.n;
                for (uint32_t k = 0; k < w->jobs[i].after.n; k++)
                        first[world_items(w, w->jobs[i].after)[k] + 1]++;
                edges += w->jobs[i].after.n;
        }
        for (size_t i = 0; i < w->job_n; i++)
                first[i + 1] += first[i];
        next = xcalloc(edges, sizeof *next);
        for (size_t i = w->job_n; i-- > 0;) {
                for (uint32_t k = 0; k < w->jobs[i].after.n; k++)
                        next[--first[world_items(w, w->jobs[i].after)[k] + 1]] = (int32_t)i;
        }
        for (size_t i = 0; i < w->job_n; i++) {
                if (!waits[i])
                        queue[tail++] = (int32_t)i;
        }
        /* first[] was shifted by one place: the list of job i starts at first[i + 1]. */
        for (; head < tail; head++) {
                size_t i = (size_t)queue[head], end = i + 1 < w->job_n ? first[i + 2] : edges;

                for (size_t k = first[i + 1]; k < end; k++) {
                        if (--waits[next[k]] == 0)
                                queue[tail++] = next[k];
                }
        }
        if (tail < w->job_n)
                return err_set(err, ERR_BAD_INPUT, "%zu jobs wait for each other in a circle",
                               w->job_n - tail);
        return 0;
}

static int check_jobs(struct world *w, struct err *err)
{
        size_t narrowed = 0;
        int32_t widest;

        if (site_cpus(w, &widest) == 0)
                return err_set(err, ERR_BAD_INPUT,
                               "no site has a CPU: give a --platform, or --slots for sites without");
        w->task_n = 0;
        for (size_t i = 0; i < w->job_n; i++) {
                if (check_job(w, i, widest, &narrowed, err))
                        return -1;
        }
        if (w->task_n > WORLD_TASKS_MAX)
                return err_set(err, ERR_LIMIT, "more than %d tasks", WORLD_TASKS_MAX);
        if (narrowed)
                world_note(w, "%zu jobs ask for more than the largest site has: cut to %d CPUs", narrowed,
                           widest);
        return check_circles(w, err);
}

static void apply_scales(struct world *w, const struct world_options *o)
{
        for (size_t i = 0; i < w->site_n; i++) {
                if (o->slots && w->sites[i].cpus)
                        w->sites[i].cpus = o->slots;
                if (o->quota >= 0)
                        w->sites[i].quota = o->quota;
        }
        for (size_t i = 0; o->data_scale > 0 && i < w->file_n; i++)
                w->files[i].bytes = (int64_t)((double)w->files[i].bytes * o->data_scale);
        for (size_t i = 0; o->run_scale > 0 && i < w->job_n; i++)
                w->jobs[i].run_ms = (int64_t)((double)w->jobs[i].run_ms * o->run_scale);
        if (o->rate > 0)
                scale_links(w, o->rate);
}

/* A job whose inputs are more than a site may keep could never run anywhere. */
static void raise_quotas(struct world *w)
{
        int64_t most = 0, raised = 0;

        for (size_t i = 0; i < w->job_n; i++) {
                int64_t bytes = 0;

                for (uint32_t k = 0; k < w->jobs[i].inputs.n && bytes < WORLD_BYTES_MAX; k++)
                        bytes += w->files[world_items(w, w->jobs[i].inputs)[k]].bytes;
                most = bytes > most ? bytes : most;
        }
        most += most / 4;
        for (size_t i = 0; i < w->site_n; i++) {
                if (!w->sites[i].quota || w->sites[i].quota >= most)
                        continue;
                w->sites[i].quota = most;
                raised++;
        }
        if (raised)
                world_note(w, "%lld sites keep less than the largest job reads: raised to %.1f GB",
                           (long long)raised, (double)most / 1e9);
}

static int by_submit(const void *a, const void *b)
{
        const struct w_job *x = a, *y = b;

        return (x->submit_ms > y->submit_ms) - (x->submit_ms < y->submit_ms);
}

/* The first so many by their arrival; only where none waits for another. */
static void cut_jobs(struct world *w, size_t max)
{
        for (size_t i = 0; i < w->job_n; i++) {
                if (w->jobs[i].after.n || w->jobs[i].outputs.n)
                        return;
        }
        qsort(w->jobs, w->job_n, sizeof *w->jobs, by_submit);
        w->job_n = max;
}

int world_finish(struct world *w, const struct world_options *o, struct err *err)
{
        struct dice dice = {o->seed * 0x9e3779b97f4a7c15ULL + 1};

        if (!w->site_n)
                return err_set(err, ERR_BAD_INPUT, "no sites: give a --platform");
        if (!w->job_n)
                return err_set(err, ERR_BAD_INPUT, "no jobs: give a --workload");
        if (!w->project_n)
                world_project(w, "all");
        world_links(w);
        if (o->jobs_max && o->jobs_max < w->job_n)
                cut_jobs(w, o->jobs_max);
        apply_scales(w, o);
        if (check_jobs(w, err))
                return -1;
        set_homes(w, &dice);
        raise_quotas(w);
        if (o->load > 0)
                set_load(w, o->load, &dice);
        for (size_t i = 0; o->gap_ms && i < w->job_n; i++)
                w->jobs[i].submit_ms = (int64_t)i * o->gap_ms;
        for (size_t i = 0; i < w->job_n; i++)
                w->jobs[i].guess_ms = w->jobs[i].run_ms;
        if (o->guess == GUESS_CLASS)
                guess_by_class(w);
        return 0;
}
