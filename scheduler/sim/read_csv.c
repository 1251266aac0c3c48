/* SPDX-License-Identifier: Apache-2.0 */
/* The tables: measured links between cloud regions, jobs of one cluster, figures of a grid's log.
 *
 * Regions are sites of REGION_CPUS; of several measurements of a directed pair the best is taken. A log's
 * figures become jobs: run times by straight lines between the quantiles on a logarithmic scale. */
#include "sim/read.h"

#include "common/util.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define REGION_CPUS 8
#define FIELDS_MAX  16
#define JOBS_A_SITE 200000 /* of a partition */
#define HOURS_MAX   100000
#define BUSY        0.7 /* the part of a partition's time that its log's work is taken to fill */

/* The next row of exactly n fields; 0 at the end, 1 read, -1 wrong. Empty lines are passed over. */
static int next_row(struct text *t, char sep, size_t n, char **f, struct err *err)
{
        char *line;

        while ((line = text_line(t)) && !*line)
                ;
        if (!line)
                return 0;
        if (text_split(line, sep, f, FIELDS_MAX) != n)
                return text_error(t, err, "not %zu fields", n);
        return 1;
}

/* The link that a row names; sites are made while a platform is read. NULL with rc 0: of no interest. */
static int row_link(struct world *w, const struct text *t, const char *from, const char *to, bool make,
                    struct w_link **ret, struct err *err)
{
        int32_t a = world_find_site(w, from), b = world_find_site(w, to);

        *ret = NULL;
        if (!*from || !*to || strlen(from) > 64 || strlen(to) > 64)
                return text_error(t, err, "\"%.70s\" to \"%.70s\" are no names of regions", from, to);
        if ((a < 0 || b < 0) && !make)
                return 0;
        a = a < 0 ? world_site(w, from, err) : a;
        b = b < 0 ? world_site(w, to, err) : b;
        if (a < 0 || b < 0)
                return -1;
        world_links(w);
        if (a != b)
                *ret = world_link(w, (size_t)a, (size_t)b);
        return 0;
}

/* Regions first, all of them: the matrix has its final size then. */
static int make_regions(struct world *w, struct text *t, struct err *err)
{
        char *f[FIELDS_MAX];
        struct text again;
        int rc;

        text_from(t->name, t->data, t->n, &again);
        text_line(&again);
        while ((rc = next_row(&again, ',', 11, f, err)) > 0) {
                for (size_t i = 0; i < 3; i += 2) {
                        int32_t s = strlen(f[i]) <= 64 ? world_site(w, f[i], err)
                                                       : text_error(&again, err, "a long name");

                        if (s < 0) {
                                rc = -1;
                                break;
                        }
                        w->sites[s].cpus = REGION_CPUS;
                }
                if (rc < 0)
                        break;
        }
        text_close(&again);
        return rc;
}

int read_throughput(struct world *w, struct text *t, uint64_t seed, struct err *err)
{
        char *f[FIELDS_MAX];
        int rc;

        (void)seed;
        if (w->reading == READING_PLATFORM && !w->site_n && make_regions(w, t, err))
                return -1;
        text_line(t);
        while ((rc = next_row(t, ',', 11, f, err)) > 0) {
                struct w_link *l;
                double bits;

                if (text_number(t, "bits_per_s_received", f[9], 0, 1e15, &bits, err) ||
                    row_link(w, t, f[0], f[2], false, &l, err))
                        return -1;
                if (l && strcmp(f[10], "True") == 0 && bits / 8 > l->rate)
                        l->rate = (float)(bits / 8);
        }
        return rc;
}

int read_latency(struct world *w, struct text *t, uint64_t seed, struct err *err)
{
        char *f[FIELDS_MAX];
        int rc;

        (void)seed;
        text_line(t);
        while ((rc = next_row(t, ',', 10, f, err)) > 0) {
                struct w_link *l;
                double ms;

                if (text_number(t, "avg_rtt", f[7], 0, 1e6, &ms, err) ||
                    row_link(w, t, f[0], f[3], false, &l, err))
                        return -1;
                /* A connection and a request are four turns. */
                if (l)
                        l->latency = (float)(ms * 4 / 1000);
        }
        return rc;
}

int read_cost(struct world *w, struct text *t, uint64_t seed, struct err *err)
{
        char *f[FIELDS_MAX];
        int rc;

        (void)seed;
        text_line(t);
        while ((rc = next_row(t, ',', 5, f, err)) > 0) {
                struct w_link *l;
                double usd;

                if (text_number(t, "cost", f[4], 0, 1e6, &usd, err) ||
                    row_link(w, t, f[0], f[1], false, &l, err))
                        return -1;
                if (l)
                        l->price = (float)usd;
        }
        return rc;
}

int read_tasks(struct world *w, struct text *t, uint64_t seed, struct err *err)
{
        char *f[FIELDS_MAX];
        int rc;

        (void)seed;
        text_line(t);
        while ((rc = next_row(t, ',', 3, f, err)) > 0) {
                double submit, run;
                int32_t j;

                if (text_number(t, "submit_s", f[1], 0, WORLD_SECONDS_MAX, &submit, err) ||
                    text_number(t, "duration_s", f[2], 0, WORLD_SECONDS_MAX, &run, err) ||
                    (j = world_job(w, err)) < 0)
                        return -1;
                w->jobs[j].submit_ms = (int64_t)(submit * 1000);
                w->jobs[j].run_ms = (int64_t)(run * 1000);
        }
        return rc;
}

/* Without a time there is nothing to simulate: it failed, or was not run. */
int read_sweep(struct world *w, struct text *t, uint64_t seed, struct err *err)
{
        char *f[FIELDS_MAX];
        size_t without = 0;
        int rc;

        (void)seed;
        text_line(t);
        while ((rc = next_row(t, '\t', 3, f, err)) > 0) {
                double run;
                int32_t j;

                if (!*f[2]) {
                        without++;
                        continue;
                }
                if (text_number(t, "seconds", f[2], 0, WORLD_SECONDS_MAX, &run, err) ||
                    (j = world_job(w, err)) < 0)
                        return -1;
                w->jobs[j].run_ms = (int64_t)(run * 1000);
        }
        if (without)
                world_note(w, "%s: %zu rows without a time were left out", t->name, without);
        return rc;
}

struct partition {
        char name[32];
        double jobs, users, quantile[4], gap, cv; /* run times at 10, 50, 90, 99 % */
};

static int partition_row(const struct text *t, char **f, struct partition *ret, struct err *err)
{
        static const char *const names[] = {"jobs",      "users",     "run_p10_s",  "run_p50_s",
                                            "run_p90_s", "run_p99_s", "mean_gap_s", "gap_cv"};
        double v[ARRAY_LEN(names)];

        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                if (!*f[i + 1])
                        v[i] = 0;
                else if (text_number(t, names[i], f[i + 1], 0, WORLD_SECONDS_MAX, &v[i], err))
                        return -1;
        }
        if (v[0] > JOBS_A_SITE)
                return text_error(t, err, "jobs: more than %d of one partition", JOBS_A_SITE);
        *ret = (struct partition){"", v[0], v[1], {v[2], v[3], v[4], v[5]}, v[6], v[7]};
        snprintf(ret->name, sizeof ret->name, "site-%.20s", f[0]);
        return 0;
}

static double run_at(const struct partition *p, double u)
{
        static const double at[] = {0, 0.1, 0.5, 0.9, 0.99, 1};
        double v[] = {p->quantile[0] / 2, p->quantile[0], p->quantile[1],
                      p->quantile[2],     p->quantile[3], p->quantile[3]};
        size_t i = 1;

        while (i < ARRAY_LEN(at) - 1 && u > at[i])
                i++;
        for (size_t k = i - 1; k <= i; k++)
                v[k] = v[k] < 1 ? 1 : v[k];
        return exp(log(v[i - 1]) + (log(v[i]) - log(v[i - 1])) * (u - at[i - 1]) / (at[i] - at[i - 1]));
}

/* Places enough for the work that the log shows there. */
static int add_partition_site(struct world *w, const struct partition *p, struct err *err)
{
        int32_t s = world_site(w, p->name, err);
        double mean = 0, cpus;

        if (s < 0)
                return -1;
        for (int i = 0; i < 100; i++)
                mean += run_at(p, (i + 0.5) / 100) / 100;
        cpus = p->gap > 0 ? ceil(mean / p->gap / BUSY) : 1;
        w->sites[s].cpus = cpus < 1 ? 1 : cpus > WORLD_CPUS_MAX ? WORLD_CPUS_MAX : (int32_t)cpus;
        return 0;
}

static int add_partition_jobs(struct world *w, const struct partition *p, struct dice *dice, struct err *err)
{
        double at = 0;

        for (int i = 0; i < (int)p->jobs; i++) {
                char user[64];
                int32_t j = world_job(w, err);

                if (j < 0)
                        return -1;
                snprintf(user, sizeof user, "%s/%zu", p->name,
                         dice_zipf(dice, p->users >= 1 ? (size_t)p->users : 1, 1));
                w->jobs[j].run_ms = (int64_t)(run_at(p, dice_unit(dice)) * 1000);
                w->jobs[j].submit_ms = (int64_t)(at * 1000);
                w->jobs[j].project = world_project(w, user);
                w->jobs[j].class_ = world_class(w, user);
                w->jobs[j].origin = world_find_site(w, p->name);
                at += dice_gap(dice, p->gap);
        }
        return 0;
}

int read_partitions(struct world *w, struct text *t, uint64_t seed, struct err *err)
{
        struct dice dice = {seed + 11};
        char *f[FIELDS_MAX];
        int rc;

        text_line(t);
        while ((rc = next_row(t, ',', 9, f, err)) > 0) {
                struct partition p;

                if (partition_row(t, f, &p, err) ||
                    (w->reading == READING_PLATFORM ? add_partition_site(w, &p, err)
                                                    : add_partition_jobs(w, &p, &dice, err)))
                        return -1;
        }
        world_note(w, "%s: places of a site are set so that the log's work fills %.0f %% of them", t->name,
                   BUSY * 100);
        return rc;
}

int read_hours(struct world *w, struct text *t, uint64_t seed, struct err *err)
{
        AUTO_FREE double *upto = NULL;
        struct dice dice = {seed + 12};
        size_t n = 0, cap = 0;
        char *f[FIELDS_MAX];
        int rc;

        text_line(t);
        while ((rc = next_row(t, ',', 2, f, err)) > 0) {
                double jobs;

                if (text_number(t, "jobs", f[1], 0, 1e9, &jobs, err))
                        return -1;
                if (n == HOURS_MAX)
                        return text_error(t, err, "more than %d hours", HOURS_MAX);
                upto = xgrow(upto, n, &cap, sizeof *upto);
                upto[n] = (n ? upto[n - 1] : 0) + jobs;
                n++;
        }
        if (rc < 0)
                return -1;
        if (!n || upto[n - 1] <= 0 || !w->job_n)
                return text_error(t, err,
                                  "needs jobs of a partitions file read before it, and hours with jobs");
        for (size_t i = 0; i < w->job_n; i++) {
                double x = dice_unit(&dice) * upto[n - 1];
                size_t low = 0, high = n - 1;

                while (low < high) {
                        size_t mid = (low + high) / 2;

                        if (upto[mid] > x)
                                high = mid;
                        else
                                low = mid + 1;
                }
                w->jobs[i].submit_ms = (int64_t)(((double)low + dice_unit(&dice)) * 3600e3);
        }
        return 0;
}
