/* SPDX-License-Identifier: Apache-2.0 */
/* chain.h - when a job that waits for others may start: by when those are likely to end, and those that they
 * wait for in turn.
 *
 * Pure; reads the model and keeps nothing. The end of a job is its start (forecast.h, or its own chain), and
 * as many rounds of its run time as its waiting tasks take where they run now, or would. Jobs deeper in the
 * chain than CHAIN_DEPTH_MAX, and what hangs on a person (held, no site that could run it), cannot be told.
 */
#ifndef REEVE_CHAIN_H
#define REEVE_CHAIN_H

#include "core/forecast.h"

#define CHAIN_DEPTH_MAX 8
#define CHAIN_JOBS_MAX  64 /* jobs looked at for one answer */

/* When all that the job waits for is over, as far as anybody can tell now. */
void chain_start(const struct model *m, const struct m_job *j, struct forecast_start *ret);

#endif
