/* SPDX-License-Identifier: Apache-2.0 */
/* refs.h - which jobs and tasks a person means: "12", "12.7", "12.7#2", "1-5,8", "last", "last.7". */
#ifndef REEVE_CLI_REFS_H
#define REEVE_CLI_REFS_H

#include "cli.h"
#include "common/num.h"

#define REFS_MAX 10000 /* a slip of the finger in a range should not cancel a year */

#define REF_LAST 0 /* job number that stands for "last" until refs_read asked the server */

struct refs {
        struct ref *v;
        size_t n, cap;
};

/* Read words (NULL-terminated), each a list of the forms above. */
int refs_parse(const char *const *words, struct refs *ret, struct err *err);
/* The same, with "last" replaced by the caller's newest job. */
int refs_read(struct cli *c, const char *const *words, struct refs *ret, struct err *err);
void refs_release(struct refs *r);

/* Exactly one job or task. */
int ref_read(struct cli *c, const char *word, struct ref *ret, struct err *err);

/* "12", "12.7" or "12.7#2" */
char *ref_format(struct ref r, char buf[64]);

#endif
