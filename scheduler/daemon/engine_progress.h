/* SPDX-License-Identifier: Apache-2.0 */
/* engine_progress.h - what running attempts say of their progress, and how fast jobs go.
 *
 * Kept in memory as it comes; written to the record every two seconds, as much as one small transaction
 * takes. It never takes part in a decision, and losing it costs nothing.
 */
#ifndef REEVE_ENGINE_PROGRESS_H
#define REEVE_ENGINE_PROGRESS_H

#include "common/err.h"
#include "common/ids.h"
#include "common/progress.h"

struct engine;
struct m_attempt;
struct m_job;
struct progress_book;

/* With the leadership. The record is emptied: workers say it again. */
int progress_open(struct engine *e, struct err *err);
void progress_close(struct engine *e);

/* One of our attempts, which runs, said this. */
void progress_said(struct engine *e, const struct m_attempt *a, const struct progress *p);
/* It ended, however. */
void progress_attempt_ended(struct engine *e, struct attempt_key key);
/* Counters of the job moved. */
void progress_job_moved(struct engine *e, const struct m_job *j);
void progress_job_ended(struct engine *e, int64_t job);
/* Write what is new when its time has come (boot ms). */
int progress_tick(struct engine *e, int64_t now, struct err *err);

#endif
