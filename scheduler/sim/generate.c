/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/generate.h"

#include "common/util.h"
#include "sim/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LINK_SITE_SPREAD 0.25 /* of the logarithm of rates: by site, */
#define LINK_FAR         0.8  /* by distance in a square of side 1, whose mean is */
#define FAR_MEAN         0.52
#define LINK_SPREAD      0.2  /* by pair, */
#define LINK_TWO_WAYS    0.12 /* and between the two directions of a pair */
#define FILE_LEAST       50e6
#define FILE_MOST        40e9
#define RUN_LEAST_S      60.0
#define RUN_MOST_S       14400.0
#define RUN_SCALE        0.3
#define CHUNK_INPUTS     3

/* ---- parts -----------------------------------------------------------------------------------------------
 */

static int add_sites(struct world *w, int32_t n, int32_t slots, struct err *err)
{
        for (int32_t i = 0; i < n; i++) {
                char name[32];
                int32_t at;

                snprintf(name, sizeof name, "site-%d", i + 1);
                if ((at = world_site(w, name, err)) < 0)
                        return -1;
                w->sites[at].cpus = slots;
        }
        world_links(w);
        return 0;
}

/* Rates around a median, made of what the two sites can, how far apart they are, and chance; the two
 * directions alike but not the same. The spread of the logarithms is as measured between cloud regions (0.47;
 * by quantiles a quarter to three times the median), and so is about how rarely a way over a third site is
 * shorter. */
static void add_links(struct world *w, double median, struct dice *dice)
{
        AUTO_FREE struct {
                double power, x, y;
        } *at = xcalloc(w->site_n, sizeof *at);

        for (size_t i = 0; i < w->site_n; i++) {
                at[i].power = LINK_SITE_SPREAD * dice_normal(dice);
                at[i].x = dice_unit(dice);
                at[i].y = dice_unit(dice);
        }
        for (size_t a = 0; a < w->site_n; a++) {
                for (size_t b = a + 1; b < w->site_n; b++) {
                        double far = hypot(at[a].x - at[b].x, at[a].y - at[b].y) - FAR_MEAN;
                        double pair = median * exp(at[a].power + at[b].power - LINK_FAR * far +
                                                   LINK_SPREAD * dice_normal(dice));
                        double part = exp(LINK_TWO_WAYS * dice_normal(dice));

                        world_link(w, a, b)->rate = (float)(pair * part);
                        world_link(w, b, a)->rate = (float)(pair / part);
                        world_link(w, a, b)->latency = world_link(w, b, a)->latency = 0.2f;
                }
        }
}

static void add_even_links(struct world *w, double rate)
{
        for (size_t i = 0; i < w->site_n * w->site_n; i++) {
                if (i / w->site_n != i % w->site_n) {
                        w->links[i].rate = (float)rate;
                        w->links[i].latency = 0.05f;
                }
        }
}

/* Most are small, most bytes are in few. */
static int32_t add_file(struct world *w, struct dice *dice, struct err *err)
{
        double log_mean = log(2e9), v = exp(log_mean + 1.6 * dice_normal(dice));
        int32_t f = world_file(w, (int64_t)fmin(fmax(v, FILE_LEAST), FILE_MOST), err);

        if (f >= 0) /* half of them at the first site */
                w->files[f].home = dice_unit(dice) < 0.5 ? 0 : (int32_t)dice_to(dice, w->site_n);
        return f;
}

static double draw_run_s(struct dice *dice, double median)
{
        double v = median * exp(1.3 * dice_normal(dice));

        return fmin(fmax(v, RUN_LEAST_S), RUN_MOST_S) * RUN_SCALE;
}

/* One to three inputs, the popular ones more often. */
static int add_inputs(struct world *w, struct w_job *j, size_t files, double skew, struct dice *dice,
                      struct err *err)
{
        int32_t list[CHUNK_INPUTS];
        size_t n = 1 + dice_to(dice, CHUNK_INPUTS), k = 0;

        for (size_t i = 0; i < n; i++) {
                int32_t f = (int32_t)dice_zipf(dice, files, skew);
                bool has = false;

                for (size_t x = 0; x < k; x++)
                        has = has || list[x] == f;
                if (!has)
                        list[k++] = f;
        }
        return world_list(w, list, k, &j->inputs, err);
}

/* Poisson arrivals at which the work fills `load` of the places; 0: all at once. */
static void set_arrivals(struct world *w, double load, struct dice *dice)
{
        double work = 0, cpus = 0, at = 0;

        for (size_t i = 0; i < w->site_n; i++)
                cpus += w->sites[i].cpus;
        for (size_t i = 0; i < w->job_n; i++)
                work += (double)w->jobs[i].run_ms * w->jobs[i].cpus * w->jobs[i].tasks;
        for (size_t i = 0; load > 0 && i < w->job_n; i++) {
                w->jobs[i].submit_ms = (int64_t)at;
                at += dice_gap(dice, work / cpus / load / (double)w->job_n);
        }
}

/* Jobs over a set of files at sites of which the first holds half. */
static int make_grid(struct world *w, const struct family_sizes *z, struct dice *dice, struct err *err)
{
        if (add_sites(w, (int32_t)z->sites, (int32_t)z->slots, err))
                return -1;
        add_links(w, z->rate, dice);
        for (int i = 0; i < (int)z->files; i++) {
                if (add_file(w, dice, err) < 0)
                        return -1;
        }
        for (int i = 0; i < (int)z->jobs; i++) {
                int32_t j = world_job(w, err);

                if (j < 0)
                        return -1;
                w->jobs[j].run_ms = (int64_t)(draw_run_s(dice, z->run) * 1000);
                w->jobs[j].tasks = (int32_t)z->tasks;
                if (z->files > 0 && add_inputs(w, &w->jobs[j], w->file_n, 0.85, dice, err))
                        return -1;
        }
        set_arrivals(w, z->load, dice);
        return 0;
}

/* The same with sites of different sizes, as small cases for the bound. */
static int make_bound(struct world *w, const struct family_sizes *z, struct dice *dice, struct err *err)
{
        struct family_sizes inner = *z;

        if (make_grid(w, &inner, dice, err))
                return -1;
        for (size_t i = 0; i < w->site_n; i++)
                w->sites[i].cpus = 2 + (int32_t)dice_to(dice, 5);
        set_arrivals(w, z->load, dice);
        return 0;
}

/* Many short tasks of one job whose small input lies at one of many sites of one place each: a rule that
 * waits for that place runs them one after the other. */
static int make_preferred(struct world *w, const struct family_sizes *z, struct dice *dice, struct err *err)
{
        int32_t f, j;

        (void)dice;
        if (add_sites(w, (int32_t)z->sites, (int32_t)z->slots, err))
                return -1;
        add_even_links(w, z->rate);
        if ((f = world_file(w, 1000000, err)) < 0 || (j = world_job(w, err)) < 0)
                return -1;
        w->files[f].home = 0;
        w->jobs[j].tasks = (int32_t)z->tasks;
        w->jobs[j].run_ms = (int64_t)(z->run * 1000);
        return world_list(w, &f, 1, &w->jobs[j].inputs, err);
}

/* Many jobs on one file. */
static int make_hot(struct world *w, const struct family_sizes *z, struct dice *dice, struct err *err)
{
        int32_t f;

        if (add_sites(w, (int32_t)z->sites, (int32_t)z->slots, err))
                return -1;
        add_links(w, z->rate, dice);
        if ((f = world_file(w, 5000000000, err)) < 0)
                return -1;
        w->files[f].home = 0;
        for (int i = 0; i < (int)z->jobs; i++) {
                int32_t j = world_job(w, err);

                if (j < 0 || world_list(w, &f, 1, &w->jobs[j].inputs, err))
                        return -1;
                w->jobs[j].run_ms = (int64_t)(draw_run_s(dice, z->run) * 1000);
        }
        return 0;
}

/* Fifty people; the first has nine tenths of the jobs (batch=0: the first has none, the others the same). */
static int make_users(struct world *w, const struct family_sizes *z, struct dice *dice, struct err *err)
{
        int32_t users = 50;

        if (add_sites(w, (int32_t)z->sites, (int32_t)z->slots, err))
                return -1;
        add_links(w, z->rate, dice);
        for (int32_t u = 0; u < users; u++) {
                char name[32];

                snprintf(name, sizeof name, "user-%d", u + 1);
                world_project(w, name);
        }
        for (int i = 0; i < (int)z->jobs; i++) {
                struct dice own = {dice->state + (uint64_t)i * 7919};
                bool big = i % 10 != 0;
                int32_t j;

                if (big && z->batch <= 0)
                        continue;
                if ((j = world_job(w, err)) < 0)
                        return -1;
                w->jobs[j].run_ms = (int64_t)(draw_run_s(&own, z->run) * 1000);
                w->jobs[j].project = big ? 0 : 1 + (i / 10) % (users - 1);
                w->jobs[j].class_ = w->jobs[j].project;
                /* The big one hands in everything at the start, the others over the day. */
                w->jobs[j].submit_ms = big ? 0 : (int64_t)(dice_unit(&own) * 86400e3 * z->load);
        }
        for (int32_t u = 0; u < users; u++) {
                char name[32];

                snprintf(name, sizeof name, "kind-%d", u + 1);
                world_class(w, name);
        }
        return 0;
}

static const struct family families[] = {
    {"heavy",
     "six sites, data-heavy: 600 files, links of 15 MB/s, caches of 100 GB",
     {.sites = 6,
      .slots = 20,
      .jobs = 2500,
      .tasks = 1,
      .files = 600,
      .rate = 15e6,
      .run = 1800,
      .load = 0.7},
     make_grid},
    {"medium",
     "the same with links of 45 MB/s",
     {.sites = 6,
      .slots = 20,
      .jobs = 2500,
      .tasks = 1,
      .files = 600,
      .rate = 45e6,
      .run = 1800,
      .load = 0.7},
     make_grid},
    {"light",
     "the same with links of 600 MB/s: data matters little",
     {.sites = 6,
      .slots = 20,
      .jobs = 2500,
      .tasks = 1,
      .files = 600,
      .rate = 600e6,
      .run = 6000,
      .load = 0.7},
     make_grid},
    {"nodata",
     "no data at all",
     {.sites = 6, .slots = 20, .jobs = 2500, .tasks = 1, .rate = 100e6, .run = 1800, .load = 0.9},
     make_grid},
    {"bound30",
     "30 jobs, 4 sites, 12 files, 15 MB/s: for the bound",
     {.sites = 4, .slots = 4, .jobs = 30, .tasks = 1, .files = 12, .rate = 15e6, .run = 1800},
     make_bound},
    {"bound60",
     "60 jobs, 4 sites, 20 files, 15 MB/s: for the bound",
     {.sites = 4, .slots = 4, .jobs = 60, .tasks = 1, .files = 20, .rate = 15e6, .run = 1800},
     make_bound},
    {"bound60slow",
     "60 jobs, 5 sites, 20 files, 4.5 MB/s: for the bound",
     {.sites = 5, .slots = 4, .jobs = 60, .tasks = 1, .files = 20, .rate = 4.5e6, .run = 1800},
     make_bound},
    {"bound100",
     "100 jobs, 6 sites, 30 files, 15 MB/s: for the bound",
     {.sites = 6, .slots = 4, .jobs = 100, .tasks = 1, .files = 30, .rate = 15e6, .run = 1800},
     make_bound},
    {"preferred",
     "500 tasks of 5 s whose input lies at one of 100 places (SPARK-18886)",
     {.sites = 100, .slots = 1, .tasks = 500, .rate = 100e6, .run = 5},
     make_preferred},
    {"hot",
     "1000 jobs on one file of 5 GB, 5 sites",
     {.sites = 5, .slots = 40, .jobs = 1000, .rate = 100e6, .run = 1800},
     make_hot},
    {"users",
     "50 people, the first with nine tenths of the jobs (batch=0: without him)",
     {.sites = 5, .slots = 20, .jobs = 10000, .rate = 100e6, .run = 1800, .load = 1, .batch = 1},
     make_users},
    {"scale",
     "1000 sites, 10,000,000 tasks in 10,000 arrays, 2,000 files",
     {.sites = 1000,
      .slots = 64,
      .jobs = 10000,
      .tasks = 1000,
      .files = 2000,
      .rate = 200e6,
      .run = 1200,
      .load = 0.9},
     make_grid},
};

const struct family *families_all(size_t *ret_n)
{
        *ret_n = ARRAY_LEN(families);
        return families;
}

/* ---- by name ---------------------------------------------------------------------------------------------
 */

static const struct {
        const char *name;
        size_t at;
        double min, max;
} size_names[] = {
    {"sites", offsetof(struct family_sizes, sites), 1, WORLD_SITES_MAX},
    {"slots", offsetof(struct family_sizes, slots), 1, WORLD_CPUS_MAX},
    {"jobs", offsetof(struct family_sizes, jobs), 1, WORLD_JOBS_MAX},
    {"tasks", offsetof(struct family_sizes, tasks), 1, 10000000},
    {"files", offsetof(struct family_sizes, files), 0, WORLD_FILES_MAX},
    {"rate", offsetof(struct family_sizes, rate), 1, 1e12},
    {"run", offsetof(struct family_sizes, run), 0.001, 1e7},
    {"load", offsetof(struct family_sizes, load), 0, 100},
    {"batch", offsetof(struct family_sizes, batch), 0, 1},
};

static int set_size(struct family_sizes *z, char *word, struct err *err)
{
        char *equals = strchr(word, '=');
        struct text none = {.name = "--generate"};

        if (equals)
                *equals = '\0';
        for (size_t i = 0; equals && i < ARRAY_LEN(size_names); i++) {
                if (strcmp(size_names[i].name, word) == 0)
                        return text_number(&none, word, equals + 1, size_names[i].min, size_names[i].max,
                                           (double *)((char *)z + size_names[i].at), err);
        }
        return err_set(
            err, ERR_BAD_INPUT,
            "--generate: \"%.40s\" is not one of sites, slots, jobs, tasks, files, rate, run, load, "
            "batch with =value",
            word);
}

int generate(struct world *w, const char *what, uint64_t seed, struct err *err)
{
        AUTO_FREE char *copy = xstrdup(what);
        char *colon = strchr(copy, ':'), *words[32];
        const struct family *f = NULL;
        struct family_sizes z;
        struct dice dice = {seed * 1000003 + 5};
        size_t n = 0;

        if (colon) {
                *colon = '\0';
                n = text_split(colon + 1, ',', words, ARRAY_LEN(words));
        }
        for (size_t i = 0; i < ARRAY_LEN(families); i++) {
                if (strcmp(families[i].name, copy) == 0)
                        f = &families[i];
        }
        if (!f)
                return err_set(err, ERR_NOT_FOUND, "no family \"%.40s\"; \"reeve-sim families\" lists them",
                               copy);
        z = f->sizes;
        for (size_t i = 0; i < n; i++) {
                if (set_size(&z, words[i], err))
                        return -1;
        }
        return f->make(w, &z, &dice, err);
}

struct w_link *generate_drift(const struct world *w, uint64_t seed)
{
        /* Quantiles of the ratio of 3,080 directed pairs. */
        static const double at[] = {0, 0.01, 0.05, 0.5, 0.95, 1}, ratio[] = {0.3, 0.44, 0.73, 1, 4.4, 8};
        struct w_link *links = xcalloc(w->site_n * w->site_n, sizeof *links);
        struct dice dice = {seed + 99};

        for (size_t i = 0; i < w->site_n * w->site_n; i++) {
                double u = dice_unit(&dice);
                size_t k = 1;

                while (k < ARRAY_LEN(at) - 1 && u > at[k])
                        k++;
                links[i] = w->links[i];
                links[i].rate *= (float)exp(log(ratio[k - 1]) + (log(ratio[k]) - log(ratio[k - 1])) *
                                                                    (u - at[k - 1]) / (at[k] - at[k - 1]));
        }
        return links;
}
