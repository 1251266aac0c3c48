/* SPDX-License-Identifier: Apache-2.0 */
/* median.h - the median of the rates of known links, without sorting all of them each time.
 *
 * Links stand in bins by their rate, MEDIAN_BINS of them; a link moves when its rate changes. The median is
 * looked for in one bin, and is exactly the one that sorting all would find.
 */
#ifndef REEVE_MEDIAN_H
#define REEVE_MEDIAN_H

#include "core/model.h"

#define MEDIAN_BINS   4096
#define MEDIAN_FINEST 100.0 /* bins to one step of the logarithm */

struct median *median_new(void);
void median_free(struct median *x);
/* What is known of the link has changed: it counts while l->weight is above 0. */
void median_note(struct median *x, struct m_link *l);
size_t median_count(const struct median *x);
/* The median of log_rate; there is at least one link. */
double median_find(const struct median *x);

#endif
