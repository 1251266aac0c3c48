/* SPDX-License-Identifier: Apache-2.0 */
/* spread.h - copies of hot datasets ahead of demand.
 *
 * What was sent for again and again will be wanted at further sites: for every two times that tasks had a
 * dataset moved lately (heat, decayed over a day), it gets one more copy that nobody asked for yet. It goes
 * where it would be soonest, of the sites that take data and have tasks to start, over links that are idle,
 * and takes neither room that would have to be evicted first nor more than a tenth of the site's quota.
 *
 * And what keeps tasks waiting though there is room for them: while tasks wait that read it most of all, and
 * a site that lacks it has CPUs free, every second of theirs is rent. Each task by itself may be right to
 * wait for the holder, and so all of them wait, again and again. Once the rent comes to what a copy takes, it
 * is bought.
 */
#ifndef REEVE_SPREAD_H
#define REEVE_SPREAD_H

#include "core/decide_priv.h"

#define SPREAD_LOOK_MS 5000            /* between two looks at all datasets */
#define SPREAD_HEAT    2.0             /* times its size moved for tasks, for each copy ahead */
#define SPREAD_RENT    2.0             /* task seconds of rent for each second that the copy takes */
#define RENT_READERS   64              /* of a dataset, that are looked at */
#define RENT_LOOK_S    30.0            /* nobody pays for more than that at once */
#define RENT_HALF_LIFE (3600 * 1000.0) /* ms */
#define SPREAD_PART    10              /* of a site's quota: one part in so many, for one such copy */
#define SPREAD_AT_ONCE 2               /* such transfers opened in one look */

void spread_hot(struct turns *t);

#endif
