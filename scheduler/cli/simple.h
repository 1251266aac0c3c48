/* SPDX-License-Identifier: Apache-2.0 */
/* simple.h - commands that are one call of the API: show a list, show one thing, change something. */
#ifndef REEVE_CLI_SIMPLE_H
#define REEVE_CLI_SIMPLE_H

#include "cli.h"
#include "sheet.h"

#define SIMPLE_LIST_MAX 100000

/* All items of a list (paged, or one that comes whole), by these columns; returns the exit code. */
int simple_list(struct cli *c, const char *path, bool paged, const struct column *cols, const char *id);

/* One thing: its facts, and below them a list that is a member of it (NULL: none) by its columns. As JSON the
 * whole of it, as CSV the list, as ids the member `id` of each. */
int simple_show(struct cli *c, const char *path, const struct column *facts, const char *list,
                const struct column *cols, const char *id);

/* Send a body (owned by the call; may be NULL) and say what was done. */
int simple_change(struct cli *c, const char *method, const char *path, json_t *body, const char *done);

/* Send a body (owned) for something that is shown once: the member `secret` of the reply to standard output,
 * an address made whole, and `note` with the time `expires_at` to standard error. */
int simple_make(struct cli *c, const char *path, json_t *body, const char *secret, const char *note);

/* A number of something: "/v1/tokens/17" owned, or NULL with the mistake said (*ret_code). */
char *simple_numbered(struct cli *c, const char *path, const char *what, const char *word, int *ret_code);

/* "90d", or a moment, as RFC 3339 in `ret`. */
int simple_moment(const char *option, const char *word, char ret[32], struct err *err);

/* N or "none" into the member; nothing when the option is not given. */
int simple_limit(const struct args *a, const char *option, const char *member, json_t *body, struct err *err);

#endif
