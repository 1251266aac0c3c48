/* SPDX-License-Identifier: Apache-2.0 */
/* parts.h - which files of an input a task reads, where the tasks of a job share them.
 *
 * The list comes with the launch and is kept as parts/<job>/<task>, one absolute path a line, until the
 * engine forgets the job. Working directory: the worker's root. A list appears whole or not at all.
 */
#ifndef REEVE_WORKER_PARTS_H
#define REEVE_WORKER_PARTS_H

#include "common/proto.h"

#define PARTS_DIR      "parts"
#define PART_BYTES_MAX (256u << 20) /* of one list: fills no disk at the word of a peer */
#define PARTS_SECONDS  (30 * 86400) /* lists of jobs that were never forgotten: their engine went away */

/* One P_PART. -1: it does not decode, or could not be kept: then no list is there, and the task will not
 * start. */
int parts_take(struct reader *r);
void parts_forget(int64_t job);
/* Path of a task's list below the root. */
void parts_path(struct attempt_key key, char ret[64]);
/* Its only line into ret ("" when there are several). 0; an errno when there is no list. */
int parts_look(struct attempt_key key, char *ret, size_t max);
void parts_remove_old(int64_t now);

#endif
