/* SPDX-License-Identifier: Apache-2.0 */
/* outcome.h - the exit code that tells a script how a job ended.
 *
 *   the program's own code · 128+n: killed by signal n · 125: lost, or a site, a link, the data or Reeve is
 * to blame · 127: the command could not be started · 143: cancelled · array: the highest of its tasks
 */
#ifndef REEVE_CLI_OUTCOME_H
#define REEVE_CLI_OUTCOME_H

#include "cli.h"

#define EXIT_CANCELLED 143 /* what a terminated program gives */

/* Has a job, task or attempt in this state ended? */
bool state_is_ended(const char *state);

/* Of one ended attempt, as the API shows it (NULL: a task that never had one). */
int attempt_exit_code(const json_t *attempt);
/* Of one ended task. */
int task_exit_code(const json_t *task);

/* Of an ended job: asks for its failed tasks where needed. -1 with *err when that fails. */
int job_exit_code(struct cli *c, const json_t *job, struct err *err);

#endif
