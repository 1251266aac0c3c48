/* SPDX-License-Identifier: Apache-2.0 */
/* bound.h - what no schedule can beat: a mixed integer program for the makespan of a world whose jobs are all
 * known, as text in the LP format that cbc and glpsol read.
 *
 * It drops every order: places, links, senders and receivers are only asked whether they can do the work put
 * on them by C, and each job whether it can be staged and run by C alone. So its optimum is at most the
 * makespan of any real schedule. What is kept of the order: a file comes hop after hop from where it lies,
 * and a job's files that share the last hop come one after the other before it runs. Arrivals are taken to be
 * at once, and what jobs wait for is dropped: both only lower it.
 */
#ifndef REEVE_SIM_BOUND_H
#define REEVE_SIM_BOUND_H

#include "common/buf.h"
#include "sim/world.h"

#define BOUND_CELLS_MAX 200000 /* jobs times sites: beyond that no solver ends */

int bound_write(const struct world *w, struct buf *b, struct err *err);

#endif
