/* SPDX-License-Identifier: Apache-2.0 */
/* spread.h - copies of hot datasets ahead of demand.
 *
 * What was sent for again and again will be wanted at further sites: for every two times that tasks had a
 * dataset moved lately (heat, decayed over a day), it gets one more copy that nobody asked for yet. It goes
 * where it would be soonest, of the sites that take data and have tasks to start, over links that are idle,
 * and takes neither room that would have to be evicted first nor more than a tenth of the site's quota.
 */
#ifndef REEVE_SPREAD_H
#define REEVE_SPREAD_H

#include "core/decide_priv.h"

#define SPREAD_LOOK_MS 5000 /* between two looks at all datasets */
#define SPREAD_HEAT    2.0  /* times its size moved for tasks, for each copy ahead */
#define SPREAD_PART    10   /* of a site's quota: one part in so many, for one such copy */
#define SPREAD_AT_ONCE 2    /* such transfers opened in one look */

void spread_hot(struct turns *t);

#endif
