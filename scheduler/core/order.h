/* SPDX-License-Identifier: Apache-2.0 */
/* order.h - which of a project's shapes goes first, among those of the same priority.
 *
 * As a rule the one whose job came first. But a long task that is begun last is what everything ends with:
 * when what a task takes is as long as all that waits and runs would take the grid, beginning it later ends
 * everything later, while those before it would hardly notice. Such tasks go first, the longest of them
 * before the others. The longer the queue, the fewer tasks are long in that sense, so that they never take
 * more than their part of the grid; and who waited for ORDER_AGED_MS goes before them.
 *
 * That is for a batch that is worked off. A queue that comes and goes is no batch: in it the order of arrival
 * is kept, else what was sent for tasks at one site would be overtaken, and sent again to another.
 *
 * Only where run times are known, and only while there is little enough to look at all of it in each pass:
 * with much in the queue no task is long beside it anyway.
 */
#ifndef REEVE_ORDER_H
#define REEVE_ORDER_H

#include "core/model.h"

#define ORDER_SHAPES_MAX   1000    /* with something to place */
#define ORDER_ATTEMPTS_MAX 4000    /* open */
#define ORDER_LONG_PART    1.0     /* of what everything would take: a task is long from there on */
#define ORDER_BATCH_RUNS   2.0     /* runs of a waiting task that everything takes, or there is no batch */
#define ORDER_AGED_MS      7200000 /* in the queue */

/* Sets the rank of every shape with something to place: the higher goes first. */
void order_shapes(struct model *m);

#endif
