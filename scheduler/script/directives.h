/* SPDX-License-Identifier: Apache-2.0 */
/* directives.h - options that stand in a script: its lines "#SBATCH ..." and "#REEVE ...".
 *
 * They are read as sbatch reads its own: from the lines that begin with the mark, up to the first line that
 * is neither blank nor a comment. A line holds words; quotes and backslashes work as in a shell, and an
 * unquoted "#" begins a comment.
 */
#ifndef REEVE_SCRIPT_DIRECTIVES_H
#define REEVE_SCRIPT_DIRECTIVES_H

#include "common/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define DIRECTIVES_MAX 1024 /* words of one kind in a script */

struct directive {
        char *word; /* owned */
        int line;
};

struct directives {
        struct directive *words; /* in the order of the script */
        size_t count, cap;
};

/* The words of all lines with this mark ("#SBATCH"). `name` is the script's, for messages; `glued`: a word
 * may follow the mark without a blank between, as sbatch allows. */
int directives_read(const char *name, const char *text, const char *mark, bool glued, struct directives *ret,
                    struct err *err);
void directives_release(struct directives *d);

/* What is told of each directive, in docs/api.md's words:
 * {"line","mark","option","value","outcome","sentence"}, appended to the array `said`. Line 0: it stands in
 * the environment. Borrowed. */
json_t *directive_add(json_t *said, int line, const char *mark, const char *option, const char *value);

/* What becomes of it; `sentence` may be NULL. The worst that is said counts; sentences are put together. */
#define DIRECTIVE_USED    "used"
#define DIRECTIVE_IGNORED "ignored"
#define DIRECTIVE_DIFFERS "differs" /* used, and not quite what it says */
#define DIRECTIVE_REFUSED "refused"
void directive_say(json_t *directive, const char *outcome, const char *sentence);
/* How many of them have that outcome. */
size_t directives_count(const json_t *said, const char *outcome);

/* A directive that a script may hold. */
struct directive_kind {
        const char *mark, *option;  /* "SBATCH", "mem" */
        char letter;                /* 0: none */
        const char *value;          /* what its value is called; NULL: it takes none */
        bool many;                  /* may stand again and again */
        const char *outcome, *help; /* used, ignored or refused, and then why */
};

/* One more fault in what will be told of all. */
void fault_add(struct err *all, const struct err *one);

#endif
