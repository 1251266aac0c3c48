/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/bound.h"

#include "common/util.h"

#include <math.h>

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

/* The least that the job's slowest file takes to come, then its run. */
static double alone(const struct world *w, const struct w_job *j, size_t site)
{
        double stage = 0;

        for (uint32_t i = 0; i < j->inputs.n; i++) {
                int32_t f = world_items(w, j->inputs)[i];
                double best = INFINITY;

                if (!is_missing(w, f, site))
                        continue;
                for (size_t r = 0; r < w->site_n; r++)
                        best = r == site ? best : fmin(best, seconds(w, f, r, site));
                stage = fmax(stage, best);
        }
        return stage + (double)j->run_ms / 1000.0 / w->sites[site].speed;
}

static bool usable(const struct world *w, size_t job, size_t site)
{
        return may_run(w, &w->jobs[job], site) && isfinite(alone(w, &w->jobs[job], site));
}

static void write_jobs(const struct world *w, struct buf *b)
{
        for (size_t j = 0; j < w->job_n; j++) {
                buf_printf(b, " one%zu:", j);
                for (size_t s = 0; s < w->site_n; s++) {
                        if (usable(w, j, s))
                                buf_printf(b, " + x%zu_%zu", j, s);
                }
                buf_printf(b, " = 1\n alone%zu:", j);
                for (size_t s = 0; s < w->site_n; s++) {
                        if (usable(w, j, s))
                                buf_printf(b, " + %.9g x%zu_%zu", alone(w, &w->jobs[j], s), j, s);
                }
                buf_text(b, " - C <= 0\n");
        }
}

/* A job at a site brings its files there. */
static void write_needs(const struct world *w, struct buf *b)
{
        for (size_t j = 0; j < w->job_n; j++) {
                for (size_t s = 0; s < w->site_n; s++) {
                        struct w_list in = w->jobs[j].inputs;

                        for (uint32_t i = 0; usable(w, j, s) && i < in.n; i++) {
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
static void write_files(const struct world *w, struct buf *b)
{
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

static void write_places(const struct world *w, struct buf *b)
{
        for (size_t s = 0; s < w->site_n; s++) {
                size_t n = 0;

                for (size_t j = 0; j < w->job_n; j++) {
                        const struct w_job *job = &w->jobs[j];

                        if (!usable(w, j, s))
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

static void write_links(const struct world *w, struct buf *b)
{
        for (size_t r = 0; r < w->site_n; r++) {
                for (size_t s = 0; s < w->site_n; s++)
                        write_bytes(w, b, r, s, r == s ? 0 : (double)world_link(w, r, s)->rate);
                write_bytes(w, b, r, SIZE_MAX, w->sites[r].egress);
                write_bytes(w, b, SIZE_MAX, r, w->sites[r].ingress);
        }
}

static void write_kinds(const struct world *w, struct buf *b)
{
        buf_text(b, "Binary\n");
        for (size_t j = 0; j < w->job_n; j++) {
                for (size_t s = 0; s < w->site_n; s++) {
                        if (usable(w, j, s))
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
        if (w->job_n * w->site_n > BOUND_CELLS_MAX)
                return err_set(err, ERR_LIMIT, "%zu jobs at %zu sites are too many for the bound", w->job_n,
                               w->site_n);
        for (size_t j = 0; j < w->job_n; j++) {
                if (w->jobs[j].tasks != 1)
                        return err_set(err, ERR_BAD_INPUT, "the bound is for jobs of one task");
        }
        buf_text(b, "Minimize\n obj: C\nSubject To\n");
        write_jobs(w, b);
        write_needs(w, b);
        write_files(w, b);
        write_places(w, b);
        write_links(w, b);
        write_kinds(w, b);
        return b->overflow ? err_set(err, ERR_LIMIT, "the program is larger than its buffer") : 0;
}
