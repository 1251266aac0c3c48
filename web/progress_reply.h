/* SPDX-License-Identifier: Apache-2.0 */
/* progress_reply.h - the members "progress" and "pace" of jobs and tasks. */
#ifndef REEVE_PROGRESS_REPLY_H
#define REEVE_PROGRESS_REPLY_H

#include "web/reply.h"

/* "progress" and "pace" of a job's row. */
void progress_write_job(struct buf *b, struct rows *r);
/* "progress" of an open attempt's row: fraction, progress_text, progress_at. */
void progress_write_attempt(struct buf *b, struct rows *r);

#endif
