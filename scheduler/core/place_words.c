/* SPDX-License-Identifier: Apache-2.0 */
#include "core/place_priv.h"
#include "core/space.h"

#include <stdio.h>

static bool is_reserved_for_others(const struct m_shape *s, const struct m_site *site)
{
        for (size_t i = 0; i < site->worker_count; i++) {
                if (site->workers[i]->reserved && site->workers[i]->reserved != s)
                        return true;
        }
        return false;
}

static void say_space(const struct m_shape *s, struct candidate *c, const struct stage *stage)
{
        const struct m_storage *store = &c->site->storage;
        const struct m_shape *other = claim_holder(c->site);
        const struct m_job *first = other && other != s ? heap_top(&other->jobs) : NULL;
        int n = snprintf(c->why, sizeof c->why, "%lld bytes of inputs would have to be brought there, ",
                         (long long)stage->missing);
        size_t left = sizeof c->why - (size_t)n;

        if (store->unknown)
                snprintf(c->why + n, left, "and it has not told yet how much room there is for copies");
        else if (first)
                snprintf(c->why + n, left, "where room for copies is kept for job %lld, which waited longer",
                         (long long)first->id);
        else
                snprintf(c->why + n, left, "%lld bytes are left for copies",
                         (long long)space_for(c->site, s));
}

static void say_data(const struct m_shape *s, struct candidate *c, const struct stage *stage)
{
        const char *name = stage->first ? stage->first->name : "an input";
        const struct m_storage *store = &c->site->storage;

        switch (c->step) {
        case PLACE_POLICY:
                snprintf(c->why, sizeof c->why, "the policy of %.80s does not allow it there", name);
                break;
        case PLACE_SPACE:
                say_space(s, c, stage);
                break;
        case PLACE_STAGE:
                snprintf(c->why, sizeof c->why, "%.80s %s (%lld bytes, about %.0f s)", name,
                         stage->on_its_way ? "is on its way there" : "would have to be brought there first",
                         (long long)stage->missing, stage->seconds);
                break;
        default:
                snprintf(c->why, sizeof c->why, "lacks %.80s (%lld bytes missing in all)%s", name,
                         (long long)c->missing_bytes,
                         !store->accept ? "" : ", and no site that holds it can be reached");
                break;
        }
}

void say_why(const struct m_shape *s, struct candidate *c, const struct stage *stage)
{
        const struct m_site *site = c->site;
        struct res best = {0};
        bool serves = false;

        for (size_t i = 0; i < site->worker_count; i++) {
                const struct res *o = &site->workers[i]->offer;

                if (!worker_serves(site->workers[i], s))
                        continue;
                serves = true;
                best.cpus = o->cpus > best.cpus ? o->cpus : best.cpus;
                best.gpus = o->gpus > best.gpus ? o->gpus : best.gpus;
                best.memory = o->memory > best.memory ? o->memory : best.memory;
        }
        switch (c->step) {
        case PLACE_KNOWN:
                snprintf(c->why, sizeof c->why, "it was removed");
                break;
        case PLACE_OPEN:
                if (site_is_open(site))
                        snprintf(c->why, sizeof c->why, "its workers that could run it are draining");
                else
                        snprintf(c->why, sizeof c->why, "it is %s%s", site_intent_name(site->intent),
                                 site->alarm ? " with an alarm" : "");
                break;
        case PLACE_PROJECT:
                snprintf(c->why, sizeof c->why, "project %s may not use it", s->project->name);
                break;
        case PLACE_NAMED:
                snprintf(c->why, sizeof c->why, "the job names other sites");
                break;
        case PLACE_SIZE:
                if (!site->worker_count)
                        snprintf(c->why, sizeof c->why, "it has no worker");
                else if (!serves)
                        snprintf(c->why, sizeof c->why, "its workers serve other projects");
                else if (!best.cpus)
                        snprintf(c->why, sizeof c->why, "none of its workers has been reached yet");
                else if (s->need.cpus > best.cpus)
                        snprintf(c->why, sizeof c->why, "wants %d CPUs, its largest worker has %d",
                                 s->need.cpus, best.cpus);
                else if (s->need.memory > best.memory)
                        snprintf(c->why, sizeof c->why,
                                 "wants %.1f GiB of memory, its largest worker has %.1f GiB",
                                 (double)s->need.memory / (1 << 30), (double)best.memory / (1 << 30));
                else if (s->need.gpus > best.gpus)
                        snprintf(c->why, sizeof c->why, "wants %d GPUs, its largest worker has %d",
                                 s->need.gpus, best.gpus);
                else
                        snprintf(c->why, sizeof c->why,
                                 "no worker of it offers all that is asked for together");
                break;
        case PLACE_POLICY:
        case PLACE_DATA:
        case PLACE_SPACE:
        case PLACE_STAGE:
                say_data(s, c, stage);
                break;
        case PLACE_HEALTH:
                snprintf(c->why, sizeof c->why, "%s",
                         site_breaker_is_open(site)
                             ? "tasks fail there; a probe decides when it is used again"
                             : "no worker of it that is large enough is connected");
                break;
        case PLACE_DISK:
                snprintf(c->why, sizeof c->why, "its disk is full");
                break;
        case PLACE_LIMITS:
                snprintf(c->why, sizeof c->why, "a limit of the site or of project %s is reached",
                         s->project->name);
                break;
        case PLACE_FREE:
                snprintf(c->why, sizeof c->why, "%s",
                         is_reserved_for_others(s, site) ? "it makes room for a larger task that waited long"
                                                         : "all its slots are taken");
                break;
        case PLACE_STEP_COUNT:
                break;
        }
}
