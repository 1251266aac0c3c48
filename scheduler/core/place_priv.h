/* SPDX-License-Identifier: Apache-2.0 */
/* place_priv.h - the files of the placement among themselves: place.c judges sites, options.c orders them for
 * a pass, place_words.c says why. */
#ifndef REEVE_PLACE_PRIV_H
#define REEVE_PLACE_PRIV_H

#include "core/place.h"

struct look { /* what a walk over the workers of a site found */
        bool large_enough, open, ready, disk;
        int64_t room;
};
struct look look_at_workers(const struct model *m, const struct m_shape *s, const struct m_site *site);

struct stage { /* the inputs of a shape at a site */
        enum place_step
            step; /* PLACE_STEP_COUNT: all there; PLACE_STAGE: will be; else what stands in the way */
        double seconds, moving;
        double share;           /* of moving, what one task has to answer for: others read the same */
        int64_t missing, fresh; /* bytes; fresh: of them, not on their way */
        double part_pace;       /* tasks a second that the way brings the parts of (parts.h); 0 = none */
        bool unknown;           /* nobody has told how much room the site has for them */
        int32_t from;
        bool on_its_way;
        const struct m_dataset *first; /* one that is missing, or stands in the way */
};
/* Whether all is there, and nothing else: what is missing is taken to be on its way. */
void stage_glance(const struct model *m, const struct m_shape *s, const struct m_site *site,
                  struct stage *ret);
void stage_of(const struct model *m, const struct m_shape *s, const struct m_site *site, struct stage *ret);

struct terms { /* of the sum, in seconds */
        double wait, stage, run, out, price, penalty, finish;
};
/* The terms that do not depend on when: run, penalty, and a task's share of the price of moving. */
void price(const struct model *m, const struct m_shape *s, const struct m_site *site,
           const struct stage *stage, int32_t avoid_site, struct terms *ret);
void terms_sum(struct terms *t);

/* The funnel: the step that drops the site, or PLACE_STEP_COUNT. */
enum place_step funnel(const struct model *m, const struct m_shape *s, const struct m_site *site,
                       const struct stage *stage, struct look *ret);
const struct m_site_rule *rule_for(const struct m_site *site, const struct m_project *p);
bool site_is_open(const struct m_site *site);
bool worker_serves(const struct m_worker *w, const struct m_shape *s);
bool worker_is_large_enough(const struct m_worker *w, const struct m_shape *s);
int64_t project_room(const struct m_shape *s);
int64_t limit_room(const struct m_shape *s, const struct m_site *site, const struct m_site_rule *rule);
/* Tasks of the shape that the site's ready workers hold when empty. */
int64_t slots_of(const struct m_shape *s, const struct m_site *site);
/* CPUs a task counts for in the ledger. */
double shape_cpus(const struct m_shape *s);
/* Tasks of the shape that can go to a site that was found usable in this pass. */
int64_t room_now(const struct model *m, const struct m_shape *s, const struct m_site *site);
/* Is a site where it would have to wait worth that while another could start the task? */
bool may_be_waited_for(const struct m_shape *s, const struct m_site *site, enum place_step step);

/* How near the sites came to taking a task: what the reason of a shape is made of. */
struct reach {
        bool any;
        bool would;               /* a site that is not open would take it, now or later, if it were */
        enum place_step furthest; /* step that dropped the site that came furthest */
};
/* stage: looked at only where the site is not open. */
void reach_add(struct reach *r, const struct m_shape *s, const struct m_site *site, enum place_step step,
               const struct stage *stage);
enum wait_reason reason_of(const struct m_shape *s, const struct reach *r);

/* Why a site was dropped, with the figures. */
void say_why(const struct m_shape *s, struct candidate *c, const struct stage *stage);

#endif
