/* SPDX-License-Identifier: Apache-2.0 */
/* engine_insight.h - what the engine counts for plots: starts, ends, bytes moved, how full sites are.
 *
 * Added up in memory, written every few seconds. It never takes part in a decision, and losing the last of it
 * costs nothing.
 */
#ifndef REEVE_ENGINE_INSIGHT_H
#define REEVE_ENGINE_INSIGHT_H

#include "common/err.h"
#include "common/states.h"

#include <stdint.h>

struct engine;
struct m_attempt;
struct insight_book;

/* With the leadership. */
void insight_open(struct engine *e);
void insight_close(struct engine *e);

/* The attempt runs since a moment (wall ms). Once for each. */
void insight_started(struct engine *e, const struct m_attempt *a, int64_t at);
void insight_ended(struct engine *e, const struct m_attempt *a, enum attempt_state state, enum outcome o);
void insight_moved(struct engine *e, int32_t to, int64_t bytes);
/* A pass that changed something took so long. */
void insight_pass(struct engine *e, int64_t us);
/* Write what came together when its time has come (boot ms). */
int insight_tick(struct engine *e, int64_t now, struct err *err);

#endif
