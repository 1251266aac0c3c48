/* SPDX-License-Identifier: Apache-2.0 */
/* directives.h - options that stand in a script: its lines "#SBATCH ..." and "#REEVE ...".
 *
 * They are read as sbatch reads its own: from the lines that begin with the mark, up to the first line that
 * is neither blank nor a comment. A line holds words; quotes and backslashes work as in a shell, and an
 * unquoted "#" begins a comment.
 */
#ifndef REEVE_CLI_DIRECTIVES_H
#define REEVE_CLI_DIRECTIVES_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>

#define DIRECTIVES_MAX 4096 /* words of one kind in a script */

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

#endif
