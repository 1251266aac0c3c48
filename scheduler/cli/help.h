/* SPDX-License-Identifier: Apache-2.0 */
/* help.h - help, shell completions and the manual's list of commands, all from the table of commands. */
#ifndef REEVE_CLI_HELP_H
#define REEVE_CLI_HELP_H

#include "args.h"

#include <stdio.h>

void help_overview(FILE *out);
void help_command(FILE *out, const struct command *cmd);
/* The commands of a group: "site". */
void help_group(FILE *out, const char *group);

/* The list of commands and options in scdoc's language, for docs/man. */
void help_manual(FILE *out);

/* A completion script for "bash", "zsh" or "fish"; -1: no such shell. */
int help_completion(FILE *out, const char *shell);

#endif
