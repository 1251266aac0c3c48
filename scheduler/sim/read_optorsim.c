/* SPDX-License-Identifier: Apache-2.0 */
/* OptorSim: a testbed of sites and routers, the course of free bandwidth over the day, and kinds of jobs.
 *
 * A way between sites is the one of fewest steps (ties: the widest); its narrowest step is the rate of the
 * pair, and a site's own line is shared by all its pairs. Files lie at the sites that have storage and no
 * CPU, in turn. A job reads all files of its kind; each file of F megabytes takes F * factor / 100 seconds at
 * speed 1, besides the fixed seconds. JOBS jobs are drawn, JOB_GAP_S apart on average. */
#include "sim/read.h"

#include "common/util.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define NODES_MAX 1024
#define JOBS      1000
#define JOB_GAP_S 60.0
#define KINDS_MAX 256

struct node {
        char name[48];
        double nodes, speed, storage;
        int32_t site; /* -1: a router */
};

struct testbed {
        struct node *nodes;
        double *mbit; /* n * n */
        size_t n;
};

/* "0) Caltech 1) Bristol ...": names of nodes, from comments. */
static void take_names(struct testbed *b, const char *line)
{
        const char *p = line;

        while (*p) {
                size_t at, n = 0;

                if (!isdigit((unsigned char)*p) || (p > line && isalnum((unsigned char)p[-1]))) {
                        p++;
                        continue;
                }
                at = strtoul(p, (char **)&p, 10);
                if (*p != ')')
                        continue;
                p += strspn(p + 1, " ") + 1;
                while (p[n] && !(p[n] == ' ' && isdigit((unsigned char)p[n + 1])) && p[n] != ')')
                        n++;
                while (n && p[n - 1] == ' ')
                        n--;
                if (at < NODES_MAX && n && n < sizeof b->nodes[0].name)
                        snprintf(b->nodes[at].name, sizeof b->nodes[at].name, "%.*s", (int)n, p);
                p += n;
        }
}

/* A row: worker nodes, speed of a CPU, number of stores, size of each, capacity to every node. */
static int take_row(struct testbed *b, struct text *t, char *line, struct err *err)
{
        char **f = xcalloc(NODES_MAX + 64, sizeof *f);
        size_t n = text_split(line, 0, f, NODES_MAX + 64), at = 3;
        struct node *x = &b->nodes[b->n];
        double stores, v;
        int rc = -1;

        if (n < 4 || b->n == NODES_MAX) {
                text_error(t, err, "not a row of a grid of at most %d nodes", NODES_MAX);
                goto out;
        }
        if (text_number(t, "worker nodes", f[0], 0, WORLD_CPUS_MAX, &x->nodes, err) ||
            text_number(t, "speed", f[1], 0, 1e6, &x->speed, err) ||
            text_number(t, "storage elements", f[2], 0, 32, &stores, err))
                goto out;
        for (int i = 0; i < (int)stores && at < n; i++, at++) {
                if (text_number(t, "storage", f[at], 0, 1e12, &v, err))
                        goto out;
                x->storage += v;
        }
        at = n - at > 0 ? at : n;
        b->mbit = xrealloc(b->mbit, (b->n + 1) * NODES_MAX * sizeof *b->mbit);
        memset(b->mbit + b->n * NODES_MAX, 0, NODES_MAX * sizeof *b->mbit);
        for (size_t i = 0; at < n && i < NODES_MAX; i++, at++) {
                if (text_number(t, "capacity", f[at], 0, 1e9, &b->mbit[b->n * NODES_MAX + i], err))
                        goto out;
        }
        b->n++;
        rc = 0;
out:
        free(f);
        return rc;
}

/* From one node: narrowest step on the way of fewest steps to each other node. */
static void find_ways(const struct testbed *b, size_t from, double *width)
{
        AUTO_FREE int *steps = xcalloc(b->n, sizeof *steps);

        memset(width, 0, b->n * sizeof *width);
        steps[from] = 1;
        width[from] = INFINITY;
        for (int s = 1; s <= (int)b->n; s++) {
                for (size_t i = 0; i < b->n; i++) {
                        if (steps[i] != s)
                                continue;
                        for (size_t k = 0; k < b->n; k++) {
                                double v = b->mbit[i * NODES_MAX + k];

                                v = v < width[i] ? v : width[i];
                                if (v <= 0 || (steps[k] && steps[k] <= s))
                                        continue;
                                steps[k] = s + 1;
                                if (v > width[k])
                                        width[k] = v;
                        }
                }
        }
}

static int make_sites(struct world *w, struct testbed *b, struct err *err)
{
        for (size_t i = 0; i < b->n; i++) {
                struct node *x = &b->nodes[i];

                x->site = -1;
                if (!x->nodes && !x->storage)
                        continue;
                if (!*x->name)
                        snprintf(x->name, sizeof x->name, "site-%zu", i);
                x->site = world_site(w, x->name, err);
                if (x->site < 0)
                        return -1;
                w->sites[x->site].cpus = (int32_t)x->nodes;
                w->sites[x->site].speed = x->speed > 0 ? x->speed : 1;
                w->sites[x->site].quota = (int64_t)(x->storage * 1e6);
                for (size_t k = 0; k < b->n; k++) {
                        w->sites[x->site].egress += b->mbit[i * NODES_MAX + k] * 1e6 / 8;
                        w->sites[x->site].ingress += b->mbit[k * NODES_MAX + i] * 1e6 / 8;
                }
        }
        return 0;
}

static int make_links(struct world *w, const struct testbed *b, struct err *err)
{
        AUTO_FREE double *width = xcalloc(b->n, sizeof *width);

        (void)err;
        world_links(w);
        for (size_t i = 0; i < b->n; i++) {
                if (b->nodes[i].site < 0)
                        continue;
                find_ways(b, i, width);
                for (size_t k = 0; k < b->n; k++) {
                        if (k != i && b->nodes[k].site >= 0)
                                world_link(w, (size_t)b->nodes[i].site, (size_t)b->nodes[k].site)->rate =
                                    (float)(width[k] * 1e6 / 8);
                }
        }
        return 0;
}

int read_optorsim_grid(struct world *w, struct text *t, uint64_t seed, struct err *err)
{
        struct testbed b = {.nodes = xcalloc(NODES_MAX, sizeof *b.nodes)};
        char *line;
        int rc = 0;

        (void)seed;
        while (!rc && (line = text_line(t))) {
                if (*line == '#')
                        take_names(&b, line);
                else if (line[strspn(line, " \t")])
                        rc = take_row(&b, t, line, err);
        }
        if (!rc)
                rc = make_sites(w, &b, err);
        if (!rc)
                rc = make_links(w, &b, err);
        /* The order of nodes is how the other files name sites. */
        for (size_t i = 0; !rc && i < b.n; i++) {
                char alias[32];

                snprintf(alias, sizeof alias, "optorsim-%zu", i);
                if (b.nodes[i].site >= 0)
                        world_alias(w, alias, b.nodes[i].site);
        }
        free(b.nodes);
        free(b.mbit);
        return rc;
}

static int32_t site_numbered(const struct world *w, size_t i)
{
        char alias[32];

        snprintf(alias, sizeof alias, "optorsim-%zu", i);
        return world_find_site(w, alias);
}

/* ---- free bandwidth --------------------------------------------------------------------------------------
 */

/* Rows of hour, mean part, deviation. */
static int read_day(struct world *w, const struct text *beside, const char *name, int16_t *ret,
                    struct err *err)
{
        size_t had = w->day_n;
        int32_t day = world_day(w, name);
        AUTO_FREE char *path = NULL;
        struct text t;
        char *line, *f[4];
        int rc = 0;

        if (day > INT16_MAX)
                return text_error(beside, err, "more than %d courses of a day", INT16_MAX);
        *ret = (int16_t)day;
        if (w->day_n == had) /* read before */
                return 0;
        path = text_beside(beside, name, err);
        if (!path || text_open(path, &t, err))
                return -1;
        while (!rc && (line = text_line(&t))) {
                double hour, part;

                if (!*line)
                        continue;
                if (text_split(line, ',', f, ARRAY_LEN(f)) != 3)
                        rc = text_error(&t, err, "not hour, mean and deviation");
                else if (!(rc = text_number(&t, "hour", f[0], 0, 23.99, &hour, err)) &&
                         !(rc = text_number(&t, "mean", f[1], 0, 1, &part, err)))
                        w->days[day].part[(int)(hour * 2)] = (float)(part > 0.001 ? part : 0.001);
        }
        text_close(&t);
        return rc;
}

int read_optorsim_bandwidths(struct world *w, struct text *t, uint64_t seed, struct err *err)
{
        char *line, *f[NODES_MAX];
        size_t row = 0;

        (void)seed;
        world_links(w);
        while ((line = text_line(t))) {
                size_t n;

                if (*line == '#' || !line[strspn(line, " \t")])
                        continue;
                n = text_split(line, 0, f, ARRAY_LEN(f));
                for (size_t i = 0; i < n; i++) {
                        int32_t a = site_numbered(w, row), b = site_numbered(w, i);
                        char *comma = strrchr(f[i], ',');
                        struct w_link *l;
                        double zone;

                        if (!comma)
                                return text_error(t, err, "\"%.40s\" is not file,hours", f[i]);
                        *comma = '\0';
                        if (text_number(t, "hours", comma + 1, -24, 24, &zone, err))
                                return -1;
                        if (strcmp(f[i], "-") == 0 || a < 0 || b < 0 || a == b)
                                continue;
                        l = world_link(w, (size_t)a, (size_t)b);
                        l->zone = (int16_t)zone;
                        if (read_day(w, t, f[i], &l->day, err))
                                return -1;
                }
                row++;
        }
        return 0;
}

/* ---- jobs ------------------------------------------------------------------------------------------------
 */

struct kind {
        char name[48];
        struct w_list files;
        double probability, fixed, factor;
        struct w_list sites;
        int32_t *site_list;
        size_t site_n, site_cap;
};

struct jobs {
        struct world *w;
        struct text *t;
        struct err *err;
        struct kind *kinds;
        size_t kind_n;
        char (*file_names)[48];
        int32_t *file_at;
        size_t file_n, name_cap, at_cap;
        size_t made; /* files that were given a home */
};

static struct kind *kind_find(struct jobs *x, const char *name)
{
        for (size_t i = 0; i < x->kind_n; i++) {
                if (strcmp(x->kinds[i].name, name) == 0)
                        return &x->kinds[i];
        }
        text_error(x->t, x->err, "no job \"%.40s\" in the job table", name);
        return NULL;
}

/* Stores without CPUs take the files in turn. */
static int32_t next_home(struct jobs *x)
{
        size_t n = 0, wanted = 0;

        for (size_t i = 0; i < x->w->site_n; i++)
                n += x->w->sites[i].cpus == 0;
        if (!n)
                return WORLD_UNKNOWN_HOME;
        wanted = x->made++ % n;
        for (size_t i = 0; i < x->w->site_n; i++) {
                if (x->w->sites[i].cpus == 0 && wanted-- == 0)
                        return (int32_t)i;
        }
        return WORLD_UNKNOWN_HOME;
}

static int row_file(struct jobs *x, char **f, size_t n)
{
        double mb;
        int32_t file;

        if (n < 2 || strlen(f[0]) > 47)
                return text_error(x->t, x->err, "not a file, its megabytes and its number");
        if (text_number(x->t, "megabytes", f[1], 0, 1e9, &mb, x->err) ||
            (file = world_file(x->w, (int64_t)(mb * 1e6), x->err)) < 0)
                return -1;
        x->w->files[file].home = next_home(x);
        x->file_names = xgrow(x->file_names, x->file_n, &x->name_cap, sizeof *x->file_names);
        x->file_at = xgrow(x->file_at, x->file_n, &x->at_cap, sizeof *x->file_at);
        snprintf(x->file_names[x->file_n], sizeof *x->file_names, "%s", f[0]);
        x->file_at[x->file_n++] = file;
        return 0;
}

static int row_job(struct jobs *x, char **f, size_t n)
{
        AUTO_FREE int32_t *list = xcalloc(n, sizeof *list);
        struct kind *k = &x->kinds[x->kind_n];

        if (!n || strlen(f[0]) > 47 || x->kind_n == KINDS_MAX)
                return text_error(x->t, x->err, "not a job of at most %d kinds", KINDS_MAX);
        snprintf(k->name, sizeof k->name, "%s", f[0]);
        for (size_t i = 1; i < n; i++) {
                size_t at = 0;

                while (at < x->file_n && strcmp(x->file_names[at], f[i]) != 0)
                        at++;
                if (at == x->file_n)
                        return text_error(x->t, x->err, "no file \"%.40s\" in the file table", f[i]);
                list[i - 1] = x->file_at[at];
        }
        x->kind_n++;
        return world_list(x->w, list, n - 1, &k->files, x->err);
}

static int row_sites(struct jobs *x, char **f, size_t n)
{
        double site;
        int32_t at;

        if (!n || text_number(x->t, "site", f[0], 0, NODES_MAX, &site, x->err))
                return n ? -1 : 0;
        at = site_numbered(x->w, (size_t)site);
        for (size_t i = 1; i < n && at >= 0; i++) {
                struct kind *k = kind_find(x, f[i]);

                if (!k)
                        return -1;
                k->site_list = xgrow(k->site_list, k->site_n, &k->site_cap, sizeof *k->site_list);
                k->site_list[k->site_n++] = at;
        }
        return 0;
}

static int row_probability(struct jobs *x, char **f, size_t n)
{
        struct kind *k = n == 2 ? kind_find(x, f[0]) : NULL;

        if (n != 2)
                return text_error(x->t, x->err, "not a job and its probability");
        return k ? text_number(x->t, "probability", f[1], 0, 1, &k->probability, x->err) : -1;
}

static int row_time(struct jobs *x, char **f, size_t n)
{
        struct kind *k = n == 3 ? kind_find(x, f[0]) : NULL;

        if (n != 3)
                return text_error(x->t, x->err, "not a job, its fixed seconds and its factor");
        if (!k || text_number(x->t, "seconds", f[1], 0, WORLD_SECONDS_MAX, &k->fixed, x->err))
                return -1;
        return text_number(x->t, "factor", f[2], 0, 1e6, &k->factor, x->err);
}

static int row_ignored(struct jobs *x, char **f, size_t n)
{
        (void)x;
        (void)f;
        (void)n;
        return 0;
}

static const struct table {
        const char *begin;
        int (*row)(struct jobs *, char **, size_t);
} tables[] = {
    {"\\begin{filetable}", row_file},
    {"\\begin{jobtable}", row_job},
    {"\\begin{cescheduletable}", row_sites},
    {"\\begin{jobselectionprobability}", row_probability},
    {"\\begin{jobexecutiontime}", row_time},
    {"\\begin{filesetfraction}", row_ignored}, /* whole sets are read */
};

static int read_tables(struct jobs *x)
{
        AUTO_FREE char **f = xcalloc(4096, sizeof *f);
        const struct table *now = NULL;
        char *line;

        while ((line = text_line(x->t))) {
                if (*line == '#' || !line[strspn(line, " \t")])
                        continue;
                if (strncmp(line, "\\begin", 6) == 0) {
                        now = NULL;
                        for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
                                if (strcmp(line, tables[i].begin) == 0)
                                        now = &tables[i];
                        }
                        if (!now)
                                return text_error(x->t, x->err, "unknown table \"%.60s\"", line);
                } else if (strncmp(line, "\\end", 4) == 0) {
                        now = NULL;
                } else if (!now) {
                        return text_error(x->t, x->err, "a row outside a table");
                } else if (now->row(x, f, text_split(line, 0, f, 4096))) {
                        return -1;
                }
        }
        return 0;
}

/* Seconds of a task: its fixed part and what each of its files takes. */
static double kind_seconds(const struct jobs *x, const struct kind *k)
{
        double s = k->fixed;

        for (uint32_t i = 0; i < k->files.n; i++)
                s += (double)x->w->files[world_items(x->w, k->files)[i]].bytes / 1e6 * k->factor / 100;
        return s < WORLD_SECONDS_MAX ? s : WORLD_SECONDS_MAX;
}

static int draw_jobs(struct jobs *x, struct dice *dice)
{
        double all = 0, at = 0;

        for (size_t i = 0; i < x->kind_n; i++) {
                all += x->kinds[i].probability;
                if (world_list(x->w, x->kinds[i].site_list, x->kinds[i].site_n, &x->kinds[i].sites, x->err))
                        return -1;
        }
        if (all <= 0)
                return text_error(x->t, x->err, "no job has a probability above 0");
        for (int n = 0; n < JOBS; n++) {
                double u = dice_unit(dice) * all;
                size_t i = 0;
                int32_t j = world_job(x->w, x->err);

                if (j < 0)
                        return -1;
                while (i + 1 < x->kind_n && u >= x->kinds[i].probability)
                        u -= x->kinds[i++].probability;
                x->w->jobs[j].inputs = x->kinds[i].files;
                x->w->jobs[j].sites = x->kinds[i].sites;
                x->w->jobs[j].run_ms = (int64_t)(kind_seconds(x, &x->kinds[i]) * 1000);
                x->w->jobs[j].class_ = world_class(x->w, x->kinds[i].name);
                x->w->jobs[j].project = world_project(x->w, "all");
                x->w->jobs[j].submit_ms = (int64_t)(at * 1000);
                at += dice_gap(dice, JOB_GAP_S);
        }
        return 0;
}

int read_optorsim_jobs(struct world *w, struct text *t, uint64_t seed, struct err *err)
{
        struct jobs x = {.w = w, .t = t, .err = err, .kinds = xcalloc(KINDS_MAX, sizeof(struct kind))};
        struct dice dice = {seed + 31};
        int rc = read_tables(&x);

        if (!rc)
                rc = draw_jobs(&x, &dice);
        for (size_t i = 0; i < KINDS_MAX; i++)
                free(x.kinds[i].site_list);
        free(x.kinds);
        free(x.file_names);
        free(x.file_at);
        return rc;
}
