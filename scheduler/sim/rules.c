/* SPDX-License-Identifier: Apache-2.0 */
/* Where other systems send tasks: each rule as that system states it, with what it may know here. Ties go to
 * the site with the least promised work, then to the first. */
#include "sim/sim.h"

#include <math.h>
#include <string.h>

#define PANDA_QUEUE_BASE  10.0
#define PANDA_QUEUE_TIMES 2
#define PANDA_CLASSES_MBS                                                                                    \
        {                                                                                                    \
                200, 100, 75, 50, 20, 10, 2, 1                                                               \
        }

static double work_of(const struct sim *s, int32_t site)
{
        return s->sites[site].work / s->w->sites[site].cpus;
}

/* The site that may run the job with the lowest cost; ties to the least work. */
static int32_t cheapest(struct sim *s, int32_t job, double (*cost)(struct sim *, int32_t job, int32_t site))
{
        double best = INFINITY, best_work = 0;
        int32_t at = -1;

        for (int32_t i = 0; i < (int32_t)s->w->site_n; i++) {
                double c, work;

                if (!sim_may_run(s, job, i))
                        continue;
                c = cost(s, job, i);
                work = work_of(s, i);
                if (at < 0 || c < best || (c == best && work < best_work)) {
                        best = c;
                        best_work = work;
                        at = i;
                }
        }
        return at;
}

static int32_t choose_random(struct sim *s, int32_t job)
{
        int32_t n = 0, at = -1;

        for (int32_t i = 0; i < (int32_t)s->w->site_n; i++) {
                if (sim_may_run(s, job, i) && dice_to(&s->dice, (uint64_t)++n) == 0)
                        at = i;
        }
        return at;
}

static int32_t choose_round_robin(struct sim *s, int32_t job)
{
        int32_t n = (int32_t)s->w->site_n;

        for (int32_t i = 0; i < n; i++) {
                int32_t at = (s->robin + i) % n;

                if (!sim_may_run(s, job, at))
                        continue;
                s->robin = at + 1;
                return at;
        }
        return -1;
}

static double cost_work(struct sim *s, int32_t job, int32_t site)
{
        (void)job;
        return work_of(s, site);
}

static int32_t choose_least_busy(struct sim *s, int32_t job)
{
        return cheapest(s, job, cost_work);
}

static double cost_bytes(struct sim *s, int32_t job, int32_t site)
{
        return -(double)sim_bytes_at(s, job, site, false, NULL);
}

static int32_t choose_most_bytes(struct sim *s, int32_t job)
{
        return cheapest(s, job, cost_bytes);
}

static bool has_room(const struct sim *s, int32_t job, int32_t site)
{
        return s->sites[site].free >= s->w->jobs[job].cpus;
}

static int32_t choose_first_fit(struct sim *s, int32_t job)
{
        for (int32_t i = 0; i < (int32_t)s->w->site_n; i++) {
                if (has_room(s, job, i) && sim_may_run(s, job, i))
                        return i;
        }
        return -1;
}

/* The site with room that holds most of its bytes. */
static int32_t most_bytes_with_room(struct sim *s, int32_t job, bool *ret_all)
{
        int64_t best = -1, all = sim_bytes_all(s, job);
        int32_t at = -1;

        for (int32_t i = 0; i < (int32_t)s->w->site_n; i++) {
                int64_t bytes;

                if (!has_room(s, job, i) || !sim_may_run(s, job, i))
                        continue;
                bytes = sim_bytes_at(s, job, i, false, NULL);
                if (bytes > best) {
                        best = bytes;
                        at = i;
                }
        }
        *ret_all = best == all;
        return at;
}

static int32_t choose_delay(struct sim *s, int32_t job)
{
        bool all;
        int32_t at = most_bytes_with_room(s, job, &all);

        return at >= 0 && !all && s->now - s->jobs[job].ready_at < PULL_PAUSE_MS ? -1 : at;
}

/* All its files or nothing; where no site has them all, the one with most files. */
static double cost_missing_files(struct sim *s, int32_t job, int32_t site)
{
        int32_t missing;

        sim_bytes_at(s, job, site, false, &missing);
        return missing;
}

static int32_t choose_dirac(struct sim *s, int32_t job)
{
        double best = INFINITY;
        int32_t n = 0, at = -1;

        for (int32_t i = 0; i < (int32_t)s->w->site_n; i++) {
                double missing;

                if (!sim_may_run(s, job, i))
                        continue;
                missing = cost_missing_files(s, job, i);
                n = missing < best ? 1 : missing == best ? n + 1 : n;
                if (missing <= best && dice_to(&s->dice, (uint64_t)n) == 0)
                        at = i;
                best = missing < best ? missing : best;
        }
        return at;
}

static double panda_network(const struct sim *s, int32_t job, int32_t site)
{
        static const double classes[] = PANDA_CLASSES_MBS;
        static const double weights[] = {2, 1.9, 1.8, 1.6, 1.5, 1.3, 1.2, 1.1, 1};
        const struct w_job *j = &s->w->jobs[job];
        double worst = 2.5;

        for (uint32_t i = 0; i < j->inputs.n; i++) {
                int32_t file = world_items(s->w, j->inputs)[i];
                double rate = 0, queue = 0, weight;
                size_t k = 0;

                if (sim_copy(s, file, site))
                        continue;
                for (const struct copy *c = s->copies_of[file]; c; c = c->next) {
                        double r = (double)world_link(s->w, (size_t)c->site, (size_t)site)->rate / 1e6;

                        if (c->there && r > rate) {
                                const struct link_line *line =
                                    &s->lines[(size_t)c->site * s->w->site_n + (size_t)site];

                                rate = r;
                                queue = line->active;
                                for (const struct move *m = line->first; m && queue < 2000; m = m->next)
                                        queue++;
                        }
                }
                while (k < sizeof classes / sizeof *classes && rate <= classes[k])
                        k++;
                weight = 0.5 * (fmax(0, 2 - queue / 100) + weights[k]);
                worst = fmin(worst, weight);
        }
        return worst;
}

static double cost_panda(struct sim *s, int32_t job, int32_t site)
{
        const struct sim_site *at = &s->sites[site];
        double all = (double)sim_bytes_all(s, job), staging = (double)at->staging;
        double queued = (double)at->waiting, ready = queued - staging, many, weight;
        int32_t missing;
        double there = (double)sim_bytes_at(s, job, site, false, &missing);

        many = ready > 0 ? fmin(fmax(staging / ready, 1), 2) : 1;
        weight = ((double)at->running + 1) / ((queued + PANDA_QUEUE_BASE) * many);
        if (all > 0)
                weight *= (there + all) / (all * (missing / 100.0 + 1));
        weight *= panda_network(s, job, site);
        if (queued > PANDA_QUEUE_TIMES * (double)at->running + PANDA_QUEUE_BASE)
                weight *= 1e-6; /* skipped while another is not */
        return -weight;
}

static int32_t choose_panda(struct sim *s, int32_t job)
{
        return cheapest(s, job, cost_panda);
}

/* Cached bytes, among those with room when there are any. */
static double cost_arc(struct sim *s, int32_t job, int32_t site)
{
        double bytes = (double)sim_bytes_at(s, job, site, false, NULL);

        return has_room(s, job, site) && !s->sites[site].waiting ? -bytes - 1e18 : -bytes;
}

static int32_t choose_arc(struct sim *s, int32_t job)
{
        return cheapest(s, job, cost_arc);
}

/* Work promised there, and missing bytes over one mean rate. */
static double cost_dask(struct sim *s, int32_t job, int32_t site)
{
        double missing = (double)(sim_bytes_all(s, job) - sim_bytes_at(s, job, site, false, NULL));

        return work_of(s, site) + missing / s->mean_rate;
}

static int32_t choose_dask(struct sim *s, int32_t job)
{
        return cheapest(s, job, cost_dask);
}

static const struct rule rules[] = {
    {"reeve", "the scheduler's own decisions: earliest finish, links and queues counted, transfers shared",
     RULE_CORE, NULL},
    {"random", "any site that may run the task", RULE_PUSH, choose_random},
    {"round_robin", "the sites in turn", RULE_PUSH, choose_round_robin},
    {"fifo_first_fit", "in order of arrival, the first site with room; its places wait for the data",
     RULE_PULL, choose_first_fit},
    {"least_busy", "the site with the least promised work for its size; data does not count", RULE_PUSH,
     choose_least_busy},
    {"most_bytes", "the site that holds most bytes of the inputs", RULE_PUSH, choose_most_bytes},
    {"delay", "delay scheduling: a site with room that has all inputs; after 15 s any site with room",
     RULE_PULL, choose_delay},
    {"dirac", "a site that has all inputs, at random among equals; none has: the one with most files",
     RULE_PUSH, choose_dirac},
    {"panda", "PanDA's weight: running over queued, bytes there, a factor for the network", RULE_PUSH,
     choose_panda},
    {"arc", "ARC's data broker: most cached bytes, sites with room first", RULE_PUSH, choose_arc},
    {"dask", "Dask's rule over all sites: promised work and missing bytes over one mean rate", RULE_PUSH,
     choose_dask},
};

const struct rule *rules_all(size_t *ret_n)
{
        *ret_n = sizeof rules / sizeof *rules;
        return rules;
}

const struct rule *rule_named(const char *name)
{
        for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
                if (strcmp(rules[i].name, name) == 0)
                        return &rules[i];
        }
        return NULL;
}
