/* SPDX-License-Identifier: Apache-2.0 */
/* args.h - commands and their options as data, and the reader of a command line.
 *
 * One table of commands (commands.c) is what is parsed, what help prints, what the shells complete and what
 * the manual lists.
 */
#ifndef REEVE_CLI_ARGS_H
#define REEVE_CLI_ARGS_H

#include "script/options.h"

struct cli;

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
/* Call f for each option a command takes, its own first, then the global ones. */
const struct option *command_option(const struct command *cmd, size_t i);

#endif
