/* SPDX-License-Identifier: Apache-2.0 */
/* world.h - what a simulation is about: sites, links, files and jobs, as a trace tells them or a generator
 * makes them.
 *
 * Readers (read.h) and generators (generate.h) add to a world; world_finish settles what they left open
 * (where files lie, when jobs come, what is known about run times) and checks that everything refers to
 * something. Then it is only read. Indices are positions in the arrays. Lists of indices lie in one pool.
 */
#ifndef REEVE_SIM_WORLD_H
#define REEVE_SIM_WORLD_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bounds on what a trace may ask for: they protect the machine that simulates. */
#define WORLD_SITES_MAX    4096
#define WORLD_FILES_MAX    4000000
#define WORLD_JOBS_MAX     20000000
#define WORLD_TASKS_MAX    100000000
#define WORLD_LIST_MAX     200000 /* files that one job names */
#define WORLD_CPUS_MAX     1000000
#define WORLD_BYTES_MAX    (INT64_C(1) << 56)
#define WORLD_SECONDS_MAX  1e9
#define WORLD_DAY_STEPS    48
#define WORLD_UNKNOWN_HOME (-1)

struct w_list { /* a run of the pool */
        uint32_t at, n;
};

struct w_site {
        char *name;
        int32_t cpus;           /* 0: holds data, runs nothing */
        double speed;           /* 1: run times are as told */
        int64_t quota;          /* bytes of copies beside what lies there from the start; 0 = no limit */
        double egress, ingress; /* bytes a second over all links; 0 = no limit of its own */
};

struct w_link {
        float rate;    /* bytes a second when nobody else uses it; 0 = no way */
        float latency; /* seconds a file */
        int16_t day;   /* index of its course over the day, -1 = always whole */
        int16_t zone;  /* hours that the source's clock is ahead of UTC */
        float price;   /* of 1e9 bytes, in US dollars */
};

struct w_day { /* which part of its rate a link gives, by half hours of local time */
        char *name;
        float part[WORLD_DAY_STEPS];
};

struct w_alias {
        char *name;
        int32_t site;
};

struct w_file {
        int64_t bytes;
        int32_t home;  /* site that has it from the start */
        int32_t maker; /* job whose output it is, -1 = none */
};

struct w_job {
        int64_t submit_ms, run_ms; /* run_ms: of one task on a CPU of speed 1 */
        int64_t guess_ms;          /* what a scheduler may know of run_ms before it runs */
        int32_t tasks, cpus, project, class_;
        int32_t origin; /* site at which it was submitted, -1 = none; rules may not use it */
        int32_t batch;  /* jobs of one batch are handed in together; -1 = alone */
        struct w_list inputs, outputs, after,
            sites; /* files, files, jobs, sites that may run it (none: all) */
};

enum world_reading { READING_PLATFORM, READING_WORKLOAD }; /* what the file that is being read describes */

enum world_guess { GUESS_EXACT, GUESS_CLASS }; /* run times known beforehand, or the median of the class */

struct world {
        enum world_reading reading;
        struct w_site *sites;
        size_t site_n, site_cap;
        struct w_link *links; /* site_n * site_n by world_link; made by world_links */
        struct w_day *days;
        size_t day_n, day_cap;
        struct w_file *files;
        size_t file_n, file_cap;
        struct w_job *jobs;
        size_t job_n, job_cap;
        int32_t *pool;
        size_t pool_n, pool_cap;
        struct w_alias *aliases; /* other names of sites: hosts in them */
        size_t alias_n, alias_cap;
        char **projects, **classes;
        size_t project_n, project_cap, class_n, class_cap;
        int64_t task_n;
        char **notes; /* what readers passed over or assumed, for people */
        size_t note_n, note_cap;
};

struct world_options { /* what is asked of the world beside its files */
        uint64_t seed;
        double load;       /* offered CPU time over what there is; 0 = arrivals as told */
        int32_t slots;     /* CPUs of every site that has any; 0 = as told */
        int64_t quota;     /* of every site; -1 = as told */
        double rate;       /* links are scaled so that their median is this, bytes a second; 0 = as told */
        double data_scale; /* file sizes times this; 0 = 1 */
        double run_scale;  /* run times times this; 0 = 1 */
        size_t jobs_max;   /* only the first so many jobs; 0 = all */
        int64_t gap_ms;    /* jobs come one after the other, so far apart; 0 = as told */
        enum world_guess guess;
};

struct world *sim_world_new(void);
void sim_world_free(struct world *w);

/* Each returns the index, or -1 with *err when a bound is passed. Names are copied. */
int32_t world_site(struct world *w, const char *name, struct err *err); /* found or made: 0 CPUs, speed 1 */
int32_t world_find_site(const struct world *w, const char *name);       /* by name or alias; -1 = none */
void world_alias(struct world *w, const char *name, int32_t site);
/* Keep only the sites named in the list "a,b,c"; before anything refers to them. */
int world_keep_sites(struct world *w, const char *names, struct err *err);
int32_t world_file(struct world *w, int64_t bytes, struct err *err);
int32_t world_job(struct world *w, struct err *err); /* one task of one CPU, submitted at 0 */
int32_t world_project(struct world *w, const char *name);
int32_t world_class(struct world *w, const char *name);
int32_t world_day(struct world *w, const char *name); /* found or made: whole all day */
/* Copy n indices into the pool. */
int world_list(struct world *w, const int32_t *from, size_t n, struct w_list *ret, struct err *err);
void world_note(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Make the matrix of links once all sites are known; what was there is kept. */
void world_links(struct world *w);
static inline struct w_link *world_link(const struct world *w, size_t from, size_t to)
{
        return &w->links[from * w->site_n + to];
}
static inline const int32_t *world_items(const struct world *w, struct w_list l)
{
        return w->pool + l.at;
}

/* All jobs n times over: each copy is a batch with files of its own, but for those that at least half of the
 * jobs read. */
int world_repeat(struct world *w, size_t n, struct err *err);

/* Settle and check; the world is ready to run after this. */
int world_finish(struct world *w, const struct world_options *o, struct err *err);

/* Numbers that look random and depend on the seed alone. */
struct dice {
        uint64_t state;
};
uint64_t dice_next(struct dice *d);
double dice_unit(struct dice *d);                        /* [0, 1) */
uint64_t dice_to(struct dice *d, uint64_t n);            /* [0, n); n > 0 */
double dice_normal(struct dice *d);                      /* mean 0, deviation 1 */
double dice_gap(struct dice *d, double mean);            /* exponential */
size_t dice_zipf(struct dice *d, size_t n, double skew); /* [0, n), 0 is the most frequent */

#endif
