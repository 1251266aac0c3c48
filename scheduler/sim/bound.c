/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/bound.h"

#include "common/util.h"

#include <math.h>

struct program { /* what is written, and where to */
        const struct world *w;
        const double *ways; /* seconds a byte, from site to site */
        struct buf *b;
};

static bool may_run(const struct world *w, const struct w_job *j, size_t site)
{
        bool named = !j->sites.n;

        for (uint32_t i = 0; i < j->sites.n; i++)
                named = named || world_items(w, j->sites)[i] == (int32_t)site;
        return named && w->sites[site].cpus >= j->cpus;
}

/* Needed at a site where it does not lie: only files that lie somewhere from the start are asked about. */
static bool is_missing(const struct world *w, int32_t file, size_t site)
{
        return w->files[file].maker < 0 && w->files[file].home != (int32_t)site;
}

static double seconds(const struct world *w, int32_t file, size_t from, size_t to)
{
        double rate = (double)world_link(w, from, to)->rate;

        return rate > 0 ? (double)w->files[file].bytes / rate : INFINITY;
}

/* ---- what one job takes by itself ------------------------------------------------------------------------
 *
 * A file comes over one way or another from where it lies, hop after hop, each hop after the one before. How
 * long a byte takes from site to site by the fastest way is the same for all files: sum of 1 / rate. */

static double *ways_new(const struct world *w)
{
        size_t n = w->site_n;
        double *ways = xcalloc(n * n, sizeof *ways);

        for (size_t i = 0; i < n * n; i++) {
                double rate = (double)w->links[i].rate;

                ways[i] = i / n == i % n ? 0 : rate > 0 ? 1 / rate : INFINITY;
        }
        for (size_t k = 0; k < n; k++) {
                for (size_t i = 0; i < n * n; i++)
                        ways[i] = fmin(ways[i], ways[i / n * n + k] + ways[k * n + i % n]);
        }
        return ways;
}

static double way_s(const struct program *p, int32_t file, size_t to)
{
        const struct w_file *f = &p->w->files[file];

        return f->maker < 0 ? (double)f->bytes * p->ways[(size_t)f->home * p->w->site_n + to] : 0;
}

static double run_s(const struct world *w, const struct w_job *j, size_t site)
{
        return (double)j->run_ms / 1000.0 / w->sites[site].speed;
}

/* The least that the job's slowest file takes to come, then its run. */
static double alone(const struct program *p, const struct w_job *j, size_t site)
{
        double stage = 0;

        for (uint32_t i = 0; i < j->inputs.n; i++)
                stage = fmax(stage, way_s(p, world_items(p->w, j->inputs)[i], site));
        return stage + run_s(p->w, j, site);
}

static bool usable(const struct program *p, size_t job, size_t site)
{
        const struct w_job *j = &p->w->jobs[job];

        return may_run(p->w, j, site) && isfinite(alone(p, j, site));
}

static void write_jobs(const struct program *p)
{
        const struct world *w = p->w;
        struct buf *b = p->b;

        for (size_t j = 0; j < w->job_n; j++) {
                buf_printf(b, " one%zu:", j);
                for (size_t s = 0; s < w->site_n; s++) {
                        if (usable(p, j, s))
                                buf_printf(b, " + x%zu_%zu", j, s);
                }
                buf_printf(b, " = 1\n alone%zu:", j);
                for (size_t s = 0; s < w->site_n; s++) {
                        if (usable(p, j, s))
                                buf_printf(b, " + %.9g x%zu_%zu", alone(p, &w->jobs[j], s), j, s);
                }
                buf_text(b, " - C <= 0\n");
        }
}

/* A job at a site brings its files there. */
static void write_needs(const struct program *p)
{
        const struct world *w = p->w;
        struct buf *b = p->b;

        for (size_t j = 0; j < w->job_n; j++) {
                for (size_t s = 0; s < w->site_n; s++) {
                        struct w_list in = w->jobs[j].inputs;

                        for (uint32_t i = 0; usable(p, j, s) && i < in.n; i++) {
                                int32_t f = world_items(w, in)[i];

                                if (is_missing(w, f, s))
                                        buf_printf(b, " need%zu_%zu_%d: y%d_%zu - x%zu_%zu >= 0\n", j, s, f,
                                                   f, s, j, s);
                        }
                }
        }
}

static bool is_read(const struct world *w, int32_t file)
{
        for (size_t j = 0; j < w->job_n; j++) {
                for (uint32_t i = 0; i < w->jobs[j].inputs.n; i++) {
                        if (world_items(w, w->jobs[j].inputs)[i] == file)
                                return w->files[file].maker < 0;
                }
        }
        return false;
}

/* A file at a site came from somewhere, where it was before. */
static void write_files(const struct program *p)
{
        const struct world *w = p->w;
        struct buf *b = p->b;

        for (int32_t f = 0; f < (int32_t)w->file_n; f++) {
                for (size_t s = 0; is_read(w, f) && s < w->site_n; s++) {
                        if (!is_missing(w, f, s))
                                continue;
                        buf_printf(b, " from%d_%zu:", f, s);
                        for (size_t r = 0; r < w->site_n; r++) {
                                if (r != s && isfinite(seconds(w, f, r, s)))
                                        buf_printf(b, " + z%d_%zu_%zu", f, r, s);
                        }
                        buf_printf(b, " - y%d_%zu = 0\n", f, s);
                        for (size_t r = 0; r < w->site_n; r++) {
                                if (r != s && is_missing(w, f, r) && isfinite(seconds(w, f, r, s)))
                                        buf_printf(b, " has%d_%zu_%zu: z%d_%zu_%zu - y%d_%zu <= 0\n", f, r, s,
                                                   f, r, s, f, r);
                        }
                }
        }
}

static void write_places(const struct program *p)
{
        const struct world *w = p->w;
        struct buf *b = p->b;

        for (size_t s = 0; s < w->site_n; s++) {
                size_t n = 0;

                for (size_t j = 0; j < w->job_n; j++) {
                        const struct w_job *job = &w->jobs[j];

                        if (!usable(p, j, s))
                                continue;
                        buf_printf(b, "%s + %.9g x%zu_%zu", n++ ? "" : " places:",
                                   (double)job->run_ms / 1000.0 / w->sites[s].speed * job->cpus /
                                       w->sites[s].cpus,
                                   j, s);
                }
                if (n)
                        buf_text(b, " - C <= 0\n");
        }
}

/* Bytes over a link, out of a site (dir 1) or into it (dir 2) take their time. */
static void write_bytes(const struct world *w, struct buf *b, size_t from, size_t to, double rate)
{
        size_t n = 0;

        if (!(rate > 0))
                return;
        for (int32_t f = 0; f < (int32_t)w->file_n; f++) {
                if (!is_read(w, f))
                        continue;
                for (size_t r = from == SIZE_MAX ? 0 : from; r < (from == SIZE_MAX ? w->site_n : from + 1);
                     r++) {
                        for (size_t s = to == SIZE_MAX ? 0 : to; s < (to == SIZE_MAX ? w->site_n : to + 1);
                             s++) {
                                if (r != s && is_missing(w, f, s) && isfinite(seconds(w, f, r, s)))
                                        buf_printf(b, "%s + %.9g z%d_%zu_%zu",
                                                   n++ ? "" : " bytes:", (double)w->files[f].bytes / rate, f,
                                                   r, s);
                        }
                }
        }
        if (n)
                buf_text(b, " - C <= 0\n");
}

static void write_links(const struct program *p)
{
        const struct world *w = p->w;
        struct buf *b = p->b;

        for (size_t r = 0; r < w->site_n; r++) {
                for (size_t s = 0; s < w->site_n; s++)
                        write_bytes(w, b, r, s, r == s ? 0 : (double)world_link(w, r, s)->rate);
                write_bytes(w, b, r, SIZE_MAX, w->sites[r].egress);
                write_bytes(w, b, SIZE_MAX, r, w->sites[r].ingress);
        }
}

/* A job's files that come over one link come one after the other, and then it runs. (Where it does not run,
 * that is part of what the link moves in all.) And the last hop of a file begins when it is there. */
static void write_hops(const struct program *p, size_t job, size_t from, size_t to)
{
        const struct world *w = p->w;
        const struct w_job *j = &w->jobs[job];
        size_t n = 0;

        for (uint32_t i = 0; i < j->inputs.n; i++) {
                int32_t f = world_items(w, j->inputs)[i];
                double moving = seconds(w, f, from, to);

                if (!is_missing(w, f, to) || !isfinite(moving))
                        continue;
                buf_printf(p->b, "%s + %.9g z%d_%zu_%zu", n++ ? "" : " hops:", moving, f, from, to);
        }
        if (!n)
                return;
        buf_printf(p->b, " + %.9g x%zu_%zu - C <= 0\n", run_s(w, j, to), job, to);
        for (uint32_t i = 0; i < j->inputs.n; i++) {
                int32_t f = world_items(w, j->inputs)[i];
                double moving = seconds(w, f, from, to);

                if (is_missing(w, f, to) && isfinite(moving) && is_missing(w, f, from))
                        buf_printf(p->b, " last%zu_%d_%zu_%zu: %.9g z%d_%zu_%zu + %.9g x%zu_%zu - C <= 0\n",
                                   job, f, from, to, way_s(p, f, from) + moving, f, from, to, run_s(w, j, to),
                                   job, to);
        }
}

static void write_staging(const struct program *p)
{
        const struct world *w = p->w;

        for (size_t j = 0; j < w->job_n; j++) {
                for (size_t r = 0; r < w->site_n; r++) {
                        for (size_t s = 0; s < w->site_n; s++) {
                                if (r != s && usable(p, j, s))
                                        write_hops(p, j, r, s);
                        }
                }
        }
}

static void write_kinds(const struct program *p)
{
        const struct world *w = p->w;
        struct buf *b = p->b;

        buf_text(b, "Binary\n");
        for (size_t j = 0; j < w->job_n; j++) {
                for (size_t s = 0; s < w->site_n; s++) {
                        if (usable(p, j, s))
                                buf_printf(b, " x%zu_%zu\n", j, s);
                }
        }
        for (int32_t f = 0; f < (int32_t)w->file_n; f++) {
                for (size_t s = 0; is_read(w, f) && s < w->site_n; s++) {
                        if (!is_missing(w, f, s))
                                continue;
                        buf_printf(b, " y%d_%zu\n", f, s);
                        for (size_t r = 0; r < w->site_n; r++) {
                                if (r != s && isfinite(seconds(w, f, r, s)))
                                        buf_printf(b, " z%d_%zu_%zu\n", f, r, s);
                        }
                }
        }
        buf_text(b, "End\n");
}

int bound_write(const struct world *w, struct buf *b, struct err *err)
{
        AUTO_FREE double *ways = NULL;
        struct program p = {.w = w, .b = b};

        if (w->job_n * w->site_n > BOUND_CELLS_MAX)
                return err_set(err, ERR_LIMIT, "%zu jobs at %zu sites are too many for the bound", w->job_n,
                               w->site_n);
        for (size_t j = 0; j < w->job_n; j++) {
                if (w->jobs[j].tasks != 1)
                        return err_set(err, ERR_BAD_INPUT, "the bound is for jobs of one task");
        }
        p.ways = ways = ways_new(w);
        buf_text(b, "Minimize\n obj: C\nSubject To\n");
        write_jobs(&p);
        write_needs(&p);
        write_files(&p);
        write_places(&p);
        write_links(&p);
        write_staging(&p);
        write_kinds(&p);
        return b->overflow ? err_set(err, ERR_LIMIT, "the program is larger than its buffer") : 0;
}
