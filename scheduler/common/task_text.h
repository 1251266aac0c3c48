/* SPDX-License-Identifier: Apache-2.0 */
/* task_text.h - text that differs from task to task: "logs/{name}-{job}_{task:4}.out".
 *
 * A job has one text; the worker fills in what is between braces when it starts a task. "{task:4}" has at
 * least four digits, with zeros in front; "{{" stands for a brace. The names:
 *
 *     {job} {task} {attempt}   numbers
 *     {restart}                attempts before this one; nothing on the first
 *     {name} {project} {site}  as the job and the grid have them
 *     {user} {host}            the account's name, and the computer's up to the first dot
 */
#ifndef REEVE_TASK_TEXT_H
#define REEVE_TASK_TEXT_H

#include "common/err.h"
#include "common/ids.h"

#include <stdbool.h>
#include <stddef.h>

#define TASK_TEXT_DIGITS 19 /* the most digits that may be asked for */

struct task_names {
        struct attempt_key key;
        const char *name, *project, *site, *user, *host;
};

/* Can it be filled in? -1 says which name is not known. */
int task_text_check(const char *what, const char *text, struct err *err);

/* Fill it in. A path has "_" for each slash of a name, so that a name is one component. Returns the length,
 * or -1 when it does not fit or is malformed. */
int task_text_fill(char *ret, size_t size, const char *text, const struct task_names *n, bool path);

#endif
