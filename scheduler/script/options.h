/* SPDX-License-Identifier: Apache-2.0 */
/* options.h - options as data, and the reader of words that hold them: of a command line, or of directives in
 * a script.
 */
#ifndef REEVE_SCRIPT_OPTIONS_H
#define REEVE_SCRIPT_OPTIONS_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>

#define OPTION_LISTS 3

struct option {
        const char *name;  /* long name without dashes; NULL ends a list */
        char letter;       /* short name or 0 */
        const char *value; /* what the value is called in help; NULL: a switch */
        const char *help;
        bool many; /* may be given again and again */
};

struct command;

struct option_rules {
        const char *name;                         /* of the command, for messages */
        const struct option *lists[OPTION_LISTS]; /* NULL: none */
        bool stop; /* options end at the first argument: the rest belongs to a program */
};

struct arg_value {
        const struct option *option;
        const char *value;
};

/* What the words say. Strings belong to argv. */
struct args {
        struct option_rules rules;
        const struct command *command; /* whose line it is; NULL: none */
        struct arg_value *values;
        size_t value_count, value_cap;
        const char **words; /* the arguments, NULL at the end */
        size_t word_count, word_cap;
        bool dashes;      /* "--" stood before the first argument */
        bool help_wanted; /* --help or -h */
};

/* The i-th option there is; NULL behind the last. */
const struct option *option_at(const struct option_rules *r, size_t i);

int args_read(const struct option_rules *r, char *const *argv, struct args *ret, struct err *err);
void args_release(struct args *a);
/* One more value, as if it stood behind the others. */
int args_add(struct args *a, const struct option *o, const char *value, struct err *err);

/* Asking for an option that the lists do not have is a bug and ends the program. */
bool args_has(const struct args *a, const char *name);
const char *args_get(const struct args *a, const char *name); /* the last one given, or NULL */
/* The i-th value given of a repeatable option, or NULL behind the last. */
const char *args_nth(const struct args *a, const char *name, size_t i);

#endif
