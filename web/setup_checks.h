/* SPDX-License-Identifier: Apache-2.0 */
/* setup_checks.h - what a new server should be looked at for: its database, its disks, who can read what.
 *
 * A table of checks, always all of them and in the same order. Each looks at one thing, says what it found
 * and, when that is not well, how to mend it. None of them changes anything.
 */
#ifndef REEVE_SETUP_CHECKS_H
#define REEVE_SETUP_CHECKS_H

#include "web/web_priv.h"

enum check_state { CHECK_OK, CHECK_WARN, CHECK_FAILED };
struct check_found {
        const char *name;
        enum check_state state;
        char text[400], fix[400]; /* fix: empty when there is nothing to mend */
};

#define CHECKS_MAX 16
const char *check_state_word(enum check_state s);
/* How many; -1 when the database is gone. */
int setup_checks_run(struct web *w, struct db *db, struct check_found ret[CHECKS_MAX], struct err *err);

/* Is the address one of this machine alone: 127.x, ::1, localhost, a Unix socket? As listen is written. */
bool listen_is_local(const char *listen);

#endif
