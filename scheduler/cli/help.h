/* SPDX-License-Identifier: Apache-2.0 */
/* help.h - help and the manual's list of commands, from the table of commands. */
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

#endif
