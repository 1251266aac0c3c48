/* SPDX-License-Identifier: Apache-2.0 */
/* remedy.h - the smallest changes of a job that would let it run at all, or sooner.
 *
 * Pure; reads the model and keeps nothing. A change is found from what workers offer (or have free), and is
 * then put to the same judgement as any shape: place_can_ever, place_judge, the forecast. One resource is
 * changed at a time; all together only where no single one will do.
 */
#ifndef REEVE_REMEDY_H
#define REEVE_REMEDY_H

#include "common/buf.h"
#include "core/forecast.h"
#include "core/model.h"

#define REMEDIES_MAX     6
#define REMEDY_TRIES_MAX 4 /* changes that are played forward: each takes the time of a forecast */
#define REMEDY_SITES_MAX 10
#define REMEDY_LEAST_PART                                                                                    \
        4 /* nobody is told to ask for less than one part in so many, if it is to start sooner */

enum { REMEDY_CPUS = 1, REMEDY_MEMORY = 2, REMEDY_GPUS = 4, REMEDY_CUSTOM = 8, REMEDY_SITES = 16 };

struct remedy {
        unsigned what;   /* REMEDY_ bits: what differs from what was asked */
        struct res need; /* as it would be */
        const struct m_site
            *sites[REMEDY_SITES_MAX]; /* that could run it then; with REMEDY_SITES those to name */
        size_t site_n;
        double start_in; /* seconds; INFINITY: cannot be told */
        double size;     /* of the change: part of the resources given up */
};

/* For a shape that can never run: changes that would let it, smallest first. Returns how many. 0: none would
 * do. */
size_t remedy_never(const struct model *m, const struct m_shape *s, struct remedy ret[REMEDIES_MAX]);

/* For one that waits for room, and is likely to start in `start` seconds: changes that would let it start
 * clearly sooner, soonest first. */
size_t remedy_sooner(const struct model *m, const struct forecast_ask *ask, double start,
                     struct remedy ret[REMEDIES_MAX]);

/* In words: "8 GiB of memory instead of 64 GiB"; and as members of a job as submitted:
 * {"resources":{"memory":n}}. */
void remedy_say(const struct model *m, const struct m_shape *s, const struct remedy *r, struct buf *b);
void remedy_json(const struct model *m, const struct m_shape *s, const struct remedy *r, struct buf *b);
void remedy_say_sites(const struct remedy *r, struct buf *b); /* "alpha, beta and 3 more" */

#endif
