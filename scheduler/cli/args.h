/* SPDX-License-Identifier: Apache-2.0 */
/* args.h - commands and their options as data, and the reader of a command line.
 *
 * One table of commands (commands.c) is what is parsed, what help prints, what the shells complete and what
 * the manual lists.
 */
#ifndef REEVE_CLI_ARGS_H
#define REEVE_CLI_ARGS_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>

struct cli;
struct args;

struct option {
        const char *name;  /* long name without dashes; NULL ends a list */
        char letter;       /* short name or 0 */
        const char *value; /* what the value is called in help; NULL: a switch */
        const char *help;
        bool many; /* may be given again and again */
};

struct command {
        const char *name;                            /* "submit", "site add" */
        const char *args;                            /* for the usage line */
        const char *summary;                         /* one line */
        const char *details;                         /* paragraphs and examples; NULL: none */
        const struct option *options, *more_options; /* lists; NULL: none */
        int min, max;                                /* how many arguments; max -1: any number */
        bool stop; /* options end at the first argument: the rest belongs to a program */
        /* Returns the exit code. */
        int (*run)(struct cli *c, const struct args *a);
};

/* Ends with an entry without name. */
extern const struct command commands[];
extern const struct option global_options[];

struct arg_value {
        const struct option *option;
        const char *value;
};

/* What a command line says. Strings belong to argv, except `owned`. */
struct args {
        const struct command *command;
        struct arg_value *values;
        size_t value_count, value_cap;
        const char **words; /* the arguments, NULL at the end */
        size_t word_count, word_cap;
        bool dashes;      /* "--" stood before the first argument */
        bool help_wanted; /* --help or -h */
};

/* The command that argv (without the program's name) begins with, or NULL; *ret_words says how many words
 * name it. A group such as "site" alone is no command. */
const struct command *command_find(char *const *argv, size_t *ret_words);
/* Is there a command of several words that begins with this one? */
bool command_is_group(const char *word);
/* The command most like a wrong word, or NULL. */
const struct command *command_suggest(const char *word);

/* Read argv (behind the command's own words). With a NULL command only global options are known and reading
 * stops at the first word. */
int args_parse(const struct command *cmd, char *const *argv, struct args *ret, struct err *err);
void args_release(struct args *a);

/* Call f for each option a command takes, its own first, then the global ones. */
const struct option *command_option(const struct command *cmd, size_t i);

/* Asking for an option that the command does not list is a bug and ends the program. */
bool args_has(const struct args *a, const char *name);
const char *args_get(const struct args *a, const char *name); /* the last one given, or NULL */
/* The i-th value given of a repeatable option, or NULL behind the last. */
const char *args_nth(const struct args *a, const char *name, size_t i);

#endif
