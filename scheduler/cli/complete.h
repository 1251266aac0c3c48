/* SPDX-License-Identifier: Apache-2.0 */
/* complete.h - what may come next on a command line: from the table of commands, and live from the server.
 *
 * The shells' scripts (`reeve completion`) ask `reeve __complete INDEX WORDS...` and show what it prints: one
 * candidate a line, a tab and what it is; or "::files" alone when the shell should offer files. Every
 * candidate is plain: letters, digits and a few marks that no shell takes for its own.
 */
#ifndef REEVE_CLI_COMPLETE_H
#define REEVE_CLI_COMPLETE_H

#include "args.h"
#include "common/buf.h"

#include <stdio.h>

/* What kind of word is wanted. */
enum complete_kind {
        COMPLETE_NOTHING,
        COMPLETE_COMMANDS, /* and groups, behind `group` */
        COMPLETE_OPTIONS,
        COMPLETE_FILES,
        COMPLETE_FORMATS,
        COMPLETE_JOB_STATES,
        COMPLETE_TASK_STATES,
        COMPLETE_SHELLS,
        COMPLETE_SETTINGS,
        COMPLETE_ROLES,
        COMPLETE_KINDS,
        COMPLETE_SCOPES,
        /* live: */
        COMPLETE_JOBS,
        COMPLETE_LIVE_JOBS,
        COMPLETE_ENDED_JOBS,
        COMPLETE_SITES,
        COMPLETE_WORKERS,
        COMPLETE_DATASETS,
        COMPLETE_PROJECTS,
        COMPLETE_USERS,
        COMPLETE_TOKENS,
        COMPLETE_SUBSCRIPTIONS,
        COMPLETE_SESSIONS,
        COMPLETE_INVITATIONS,
        COMPLETE_IDENTITIES,
        COMPLETE_TEMPLATES,
};

struct complete_want {
        enum complete_kind kind;
        const struct command *command; /* NULL: none was named yet */
        char group[64];                /* words of a command so far: "site " */
        char before[256];              /* what stands before the word and stays: "--state=" */
        char prefix[256];              /* what it begins with */
};

/* Pure: what the word at `index` (0 is the program's name) of `count` words should be. */
void complete_want(char *const *words, size_t count, size_t index, struct complete_want *ret);

/* Those of the table's own words that fit, as lines. */
void complete_add_words(const struct complete_want *w, struct buf *out);

/* Is this a word that no shell takes apart? */
bool complete_is_plain(const char *s);

/* The script for "bash", "zsh" or "fish"; -1: no such shell. */
int complete_script(FILE *out, const char *shell);

#endif
