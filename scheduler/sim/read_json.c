/* SPDX-License-Identifier: Apache-2.0 */
/* Workflow runs (WfFormat) and the job and data mixes of DCSim.
 *
 * WfFormat: a task is a job of one task. Files that the same task made and the same tasks read count as one:
 * nobody could tell them apart. A file that at least half of the tasks read is reference data: runs of the
 * same workflow share it, and nothing else. DCSim: floating point operations become seconds at 1 Gflop/s a
 * core, the unit of speed of the SimGrid reader. */
#include "sim/read.h"

#include "common/ids.h"
#include "common/util.h"
#include "core/map.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define HISTOGRAM_MAX  1000
#define DCSIM_JOBS_MAX 1000000

static json_t *load(struct text *t, struct err *err)
{
        json_error_t at;
        json_t *root = json_loadb(t->data, t->n, JSON_REJECT_DUPLICATES, &at);

        t->line = root ? 0 : at.line;
        if (!root)
                text_error(t, err, "%s", at.text);
        else if (!json_is_object(root))
                text_error(t, err, "not a JSON object");
        if (root && !json_is_object(root)) {
                json_decref(root);
                root = NULL;
        }
        return root;
}

static int get_number(const struct text *t, json_t *o, const char *name, double min, double max, double or,
                      double *ret, struct err *err)
{
        json_t *v = json_object_get(o, name);

        *ret = or ;
        if (!v || json_is_null(v))
                return 0;
        if (!json_is_number(v) || !(json_number_value(v) >= min && json_number_value(v) <= max))
                return text_error(t, err, "%s is not a number between %g and %g", name, min, max);
        *ret = json_number_value(v);
        return 0;
}

/* ---- WfFormat --------------------------------------------------------------------------------------------
 */

struct names { /* string -> index + 1, by hash; colliding keys are moved on by one */
        struct map map;
        const char **names;
        size_t n, cap;
};

static uint64_t hash_text(const char *s)
{
        uint64_t h = 1469598103934665603ULL;

        while (*s)
                h = hash_mix(h ^ (unsigned char)*s++);
        return h;
}

static size_t name_find(const struct names *x, const char *name, uint64_t *ret_key)
{
        uint64_t key = hash_text(name);
        void *v;

        for (; (v = map_get(&x->map, key)); key++) {
                if (strcmp(x->names[(size_t)(uintptr_t)v - 1], name) == 0)
                        break;
        }
        *ret_key = key;
        return (size_t)(uintptr_t)v;
}

/* Index of the name, made when it is new. */
static size_t name_index(struct names *x, const char *name)
{
        uint64_t key;
        size_t have = name_find(x, name, &key);

        if (have)
                return have - 1;
        x->names = xgrow(x->names, x->n, &x->cap, sizeof *x->names);
        x->names[x->n] = name;
        map_put(&x->map, key, (void *)(uintptr_t)(x->n + 1));
        return x->n++;
}

static void names_release(struct names *x)
{
        map_release(&x->map);
        free(x->names);
}

struct wf_file {
        double bytes;
        int32_t maker;    /* task, -1 = none */
        uint64_t readers; /* fingerprint of who reads it */
        int32_t last_reader;
        int32_t file; /* in the world */
};

struct wf {
        struct world *w;
        const struct text *t;
        struct err *err;
        json_t *tasks, *runs;
        struct names task_names, file_names;
        struct wf_file *files;
        size_t file_cap;
        size_t first_job;
        int32_t *scratch;
        size_t scratch_n, scratch_cap;
};

static int wf_file(struct wf *f, const char *name, size_t *ret)
{
        size_t had = f->file_names.n;

        if (!name)
                return text_error(f->t, f->err, "a file without a name");
        *ret = name_index(&f->file_names, name);
        if (f->file_names.n == had)
                return 0;
        if (*ret >= WORLD_FILES_MAX)
                return text_error(f->t, f->err, "more than %d files", WORLD_FILES_MAX);
        f->files = xgrow(f->files, *ret, &f->file_cap, sizeof *f->files);
        f->files[*ret] = (struct wf_file){.maker = -1, .last_reader = -1};
        return 0;
}

static int read_sizes(struct wf *f, json_t *list)
{
        json_t *v;
        size_t i, x;

        json_array_foreach(list, i, v)
        {
                double bytes;

                if (wf_file(f, json_string_value(json_object_get(v, "id")), &x) ||
                    get_number(f->t, v, "sizeInBytes", 0, (double)WORLD_BYTES_MAX, 0, &bytes, f->err))
                        return -1;
                f->files[x].bytes = bytes;
        }
        return 0;
}

/* Who makes and who reads each file. */
static int read_uses(struct wf *f, json_t *task, int32_t index)
{
        json_t *v;
        size_t i, x;

        json_array_foreach(json_object_get(task, "outputFiles"), i, v)
        {
                if (wf_file(f, json_string_value(v), &x))
                        return -1;
                if (f->files[x].maker < 0)
                        f->files[x].maker = index;
        }
        json_array_foreach(json_object_get(task, "inputFiles"), i, v)
        {
                if (wf_file(f, json_string_value(v), &x))
                        return -1;
                if (f->files[x].last_reader == index)
                        continue;
                if (f->files[x].maker == index) /* changed in place: it was there before */
                        f->files[x].maker = -1;
                f->files[x].last_reader = index;
                f->files[x].readers = hash_mix(f->files[x].readers ^ ((uint64_t)index + 1));
        }
        return 0;
}

/* Files of one maker with the same readers become one file of the world. */
static int make_files(struct wf *f)
{
        struct map groups = {0};
        int rc = 0;

        for (size_t i = 0; i < f->file_names.n && rc >= 0; i++) {
                struct wf_file *x = &f->files[i];
                uint64_t key = hash_mix(hash_mix(~x->readers) + (uint64_t)(x->maker + 2));
                void *have = map_get(&groups, key);

                if (have) {
                        x->file = (int32_t)(uintptr_t)have - 1;
                        f->w->files[x->file].bytes += (int64_t)x->bytes;
                        if (f->w->files[x->file].bytes > WORLD_BYTES_MAX)
                                rc = text_error(f->t, f->err, "files of more than 2^56 bytes in all");
                        continue;
                }
                x->file = rc = world_file(f->w, (int64_t)x->bytes, f->err);
                if (rc >= 0) {
                        f->w->files[x->file].maker = x->maker < 0 ? -1 : (int32_t)f->first_job + x->maker;
                        map_put(&groups, key, (void *)(uintptr_t)(x->file + 1));
                }
        }
        map_release(&groups);
        return rc < 0 ? -1 : 0;
}

static void scratch_add(struct wf *f, int32_t v)
{
        for (size_t i = f->scratch_n; i-- > 0 && f->scratch_n - i < 64;) { /* groups come in runs */
                if (f->scratch[i] == v)
                        return;
        }
        f->scratch = xgrow(f->scratch, f->scratch_n, &f->scratch_cap, sizeof *f->scratch);
        f->scratch[f->scratch_n++] = v;
}

static int by_int(const void *a, const void *b)
{
        int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

        return (x > y) - (x < y);
}

static int take_scratch(struct wf *f, struct w_list *ret)
{
        size_t n = 0;

        if (f->scratch_n)
                qsort(f->scratch, f->scratch_n, sizeof *f->scratch, by_int);
        for (size_t i = 0; i < f->scratch_n; i++) {
                if (!n || f->scratch[n - 1] != f->scratch[i])
                        f->scratch[n++] = f->scratch[i];
        }
        f->scratch_n = 0;
        return world_list(f->w, f->scratch, n, ret, f->err);
}

/* Of the outputs only what the task made: what was there before stays what it is. */
static int fill_files(struct wf *f, json_t *task, const char *which, int32_t maker, struct w_list *ret)
{
        json_t *v;
        size_t i, x;

        json_array_foreach(json_object_get(task, which), i, v)
        {
                if (wf_file(f, json_string_value(v), &x))
                        return -1;
                if (maker < 0 || f->files[x].maker == maker)
                        scratch_add(f, f->files[x].file);
        }
        return take_scratch(f, ret);
}

/* Parents by name, and the makers of what it reads. */
static int fill_parents(struct wf *f, json_t *task, int32_t index, struct w_list *ret)
{
        json_t *v;
        size_t i, x;
        uint64_t key;

        json_array_foreach(json_object_get(task, "parents"), i, v)
        {
                x = json_string_value(v) ? name_find(&f->task_names, json_string_value(v), &key) : 0;
                if (!x)
                        return text_error(f->t, f->err, "task %d has a parent that is not there", index);
                scratch_add(f, (int32_t)(f->first_job + x - 1));
        }
        json_array_foreach(json_object_get(task, "inputFiles"), i, v)
        {
                if (wf_file(f, json_string_value(v), &x))
                        return -1;
                if (f->files[x].maker >= 0 && f->files[x].maker != index)
                        scratch_add(f, (int32_t)f->first_job + f->files[x].maker);
        }
        return take_scratch(f, ret);
}

static int fill_job(struct wf *f, json_t *task, int32_t index)
{
        struct w_job j = {.tasks = 1, .cpus = 1, .class_ = -1, .origin = -1, .batch = (int32_t)f->first_job};
        const char *name = json_string_value(json_object_get(task, "name"));
        char class_[64];

        j.project = world_project(f->w, "all");
        snprintf(class_, sizeof class_, "%.*s", name ? (int)strcspn(name, "_-.0123456789") : 0,
                 name ? name : "");
        j.class_ = world_class(f->w, class_);
        if (fill_files(f, task, "inputFiles", -1, &j.inputs) ||
            fill_files(f, task, "outputFiles", index, &j.outputs) || fill_parents(f, task, index, &j.after))
                return -1;
        f->w->jobs[f->first_job + (size_t)index] = j;
        return 0;
}

static int fill_run(struct wf *f, json_t *run)
{
        const char *id = json_string_value(json_object_get(run, "id"));
        double seconds, cores;
        uint64_t key;
        size_t x = id ? name_find(&f->task_names, id, &key) : 0;
        struct w_job *j;

        if (!x)
                return text_error(f->t, f->err, "a task was executed that is not specified: \"%.60s\"",
                                  id ? id : "");
        if (get_number(f->t, run, "runtimeInSeconds", 0, WORLD_SECONDS_MAX, 0, &seconds, f->err) ||
            get_number(f->t, run, "coreCount", 0, WORLD_CPUS_MAX, 1, &cores, f->err))
                return -1;
        j = &f->w->jobs[f->first_job + x - 1];
        j->run_ms = (int64_t)(seconds * 1000);
        j->cpus = cores >= 1 ? (int32_t)cores : 1;
        return 0;
}

static int read_all(struct wf *f, json_t *files)
{
        json_t *v;
        size_t i;

        json_array_foreach(f->tasks, i, v)
        {
                const char *id = json_string_value(json_object_get(v, "id"));

                if (!id || name_index(&f->task_names, id) != i)
                        return text_error(f->t, f->err, "task %zu has no id of its own", i);
                if (world_job(f->w, f->err) < 0)
                        return -1;
        }
        if (read_sizes(f, files))
                return -1;
        json_array_foreach(f->tasks, i, v)
        {
                if (read_uses(f, v, (int32_t)i))
                        return -1;
        }
        if (make_files(f))
                return -1;
        json_array_foreach(f->tasks, i, v)
        {
                if (fill_job(f, v, (int32_t)i))
                        return -1;
        }
        json_array_foreach(f->runs, i, v)
        {
                if (fill_run(f, v))
                        return -1;
        }
        return 0;
}

int read_wfformat(struct world *w, struct text *t, uint64_t seed, struct err *err)
{
        struct wf f = {.w = w, .t = t, .err = err, .first_job = w->job_n};
        json_t *root = load(t, err), *flow, *spec, *files;
        int rc;

        (void)seed;
        if (!root)
                return -1;
        flow = json_object_get(root, "workflow");
        spec = json_object_get(flow, "specification");
        f.tasks = json_object_get(spec, "tasks");
        files = json_object_get(spec, "files");
        f.runs = json_object_get(json_object_get(flow, "execution"), "tasks");
        if (!json_array_size(f.tasks) || !json_is_array(f.runs))
                rc = text_error(t, err, "no workflow.specification.tasks or no workflow.execution.tasks");
        else
                rc = read_all(&f, files);
        names_release(&f.task_names);
        names_release(&f.file_names);
        free(f.files);
        free(f.scratch);
        json_decref(root);
        return rc;
}

/* ---- DCSim -----------------------------------------------------------------------------------------------
 */

struct histogram {
        double upto[HISTOGRAM_MAX], edge[HISTOGRAM_MAX + 1];
        size_t n;
};

static int get_histogram(const struct text *t, json_t *o, const char *name, struct histogram *ret,
                         struct err *err)
{
        json_t *h = json_object_get(o, name), *counts = json_object_get(h, "counts"),
               *bins = json_object_get(h, "bins");

        ret->n = json_array_size(counts);
        if (!ret->n || ret->n > HISTOGRAM_MAX || (bins && json_array_size(bins) != ret->n + 1))
                return text_error(t, err, "%s is not a histogram of 1 to %d counts", name, HISTOGRAM_MAX);
        for (size_t i = 0; i <= ret->n; i++) {
                double edge = bins ? json_number_value(json_array_get(bins, i)) : (double)i - 0.5;
                double count = i < ret->n ? json_number_value(json_array_get(counts, i)) : 0;

                if (!isfinite(edge) || !(count >= 0) || (i && edge < ret->edge[i - 1]))
                        return text_error(t, err, "%s: bins go down or counts are below zero", name);
                ret->edge[i] = edge;
                if (i < ret->n)
                        ret->upto[i] = (i ? ret->upto[i - 1] : 0) + count;
        }
        if (!(ret->upto[ret->n - 1] > 0))
                return text_error(t, err, "%s is empty", name);
        return 0;
}

static double draw(const struct histogram *h, struct dice *d)
{
        double x = dice_unit(d) * h->upto[h->n - 1];
        size_t i = 0;

        while (i + 1 < h->n && h->upto[i] <= x)
                i++;
        return h->edge[i] + dice_unit(d) * (h->edge[i + 1] - h->edge[i]);
}

/* Data of a class: so many files of drawn sizes at a place. They are kept under the name of the class as an
 * alias of a project would be: jobs of the class take them in turn. */
static int read_dcsim_data(struct world *w, const struct text *t, json_t *root, struct dice *dice,
                           struct err *err)
{
        const char *name;
        json_t *v;

        json_object_foreach(root, name, v)
        {
                const char *at = json_string_value(json_object_get(v, "location"));
                int32_t class_ = world_class(w, name);
                struct histogram h;
                double files;
                struct w_list mine;
                AUTO_FREE int32_t *list = NULL;
                size_t jobs = 0, each, k = 0;

                if (get_histogram(t, v, "filesize", &h, err) ||
                    get_number(t, v, "num_files", 0, WORLD_LIST_MAX, 0, &files, err))
                        return -1;
                list = xcalloc((size_t)files, sizeof *list);
                for (size_t i = 0; i < (size_t)files; i++) {
                        double bytes = draw(&h, dice);

                        list[i] = world_file(w, bytes > 0 ? (int64_t)bytes : 0, err);
                        if (list[i] < 0)
                                return -1;
                        w->files[list[i]].home = at ? world_find_site(w, at) : WORLD_UNKNOWN_HOME;
                }
                for (size_t i = 0; i < w->job_n; i++)
                        jobs += w->jobs[i].class_ == class_;
                each = jobs ? (size_t)files / jobs : 0;
                for (size_t i = 0; each && i < w->job_n; i++) {
                        if (w->jobs[i].class_ != class_)
                                continue;
                        if (world_list(w, list + k, each, &mine, err))
                                return -1;
                        w->jobs[i].inputs = mine;
                        k += each;
                }
        }
        return 0;
}

static int add_dcsim_jobs(struct world *w, const struct text *t, const char *name, json_t *v,
                          struct dice *dice, struct err *err)
{
        struct histogram cores, flops, out;
        double n, submit;

        if (get_number(t, v, "num_jobs", 0, DCSIM_JOBS_MAX, 0, &n, err) ||
            get_number(t, v, "submission_time", 0, WORLD_SECONDS_MAX, 0, &submit, err))
                return -1;
        if (n < 1)
                return 0;
        if (get_histogram(t, v, "cores", &cores, err) || get_histogram(t, v, "flops", &flops, err) ||
            get_histogram(t, v, "outfilesize", &out, err))
                return -1;
        for (int i = 0; i < (int)n; i++) {
                int32_t j = world_job(w, err), file;
                double c = round(draw(&cores, dice)), run = draw(&flops, dice) / 1e9,
                       bytes = draw(&out, dice);

                c = c < 1 ? 1 : c > WORLD_CPUS_MAX ? WORLD_CPUS_MAX : c;
                run = run > 0 ? run / c : 0;
                file = j < 0 ? -1 : world_file(w, bytes > 0 ? (int64_t)bytes : 0, err);
                if (file < 0)
                        return -1;
                w->files[file].maker = j;
                w->jobs[j].cpus = (int32_t)c;
                w->jobs[j].run_ms = (int64_t)((run < WORLD_SECONDS_MAX ? run : WORLD_SECONDS_MAX) * 1000);
                w->jobs[j].submit_ms = (int64_t)(submit * 1000);
                w->jobs[j].class_ = world_class(w, name);
                w->jobs[j].project = world_project(w, "all");
                if (world_list(w, &file, 1, &w->jobs[j].outputs, err))
                        return -1;
        }
        return 0;
}

int read_dcsim(struct world *w, struct text *t, uint64_t seed, struct err *err)
{
        struct dice dice = {seed + 21};
        json_t *root = load(t, err), *v;
        const char *name;
        int rc = 0;

        if (!root)
                return -1;
        v = json_object_iter_value(json_object_iter(root));
        if (json_object_get(v, "filesize")) {
                rc = read_dcsim_data(w, t, root, &dice, err);
        } else {
                json_object_foreach(root, name, v)
                {
                        rc = rc ? rc : add_dcsim_jobs(w, t, name, v, &dice, err);
                }
        }
        json_decref(root);
        return rc;
}
