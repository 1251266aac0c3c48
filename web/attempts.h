/* SPDX-License-Identifier: Apache-2.0 */
/* attempts.h - failed logins, counted for each address and for each name that was tried.
 *
 * After ATTEMPTS_FREE failures whoever comes from there, or tries that name, waits; the wait doubles with
 * every further failure, up to an hour for an address and ATTEMPTS_NAME_WAIT_MAX_MS for a name (which
 * somebody else may be keeping from its owner; links and tokens go on working). Names count whether there is
 * such a user or not. Failures are forgotten after two hours of quiet, and those of a name when it logs in.
 */
#ifndef REEVE_ATTEMPTS_H
#define REEVE_ATTEMPTS_H

#include <stdint.h>

#define ATTEMPTS_FREE             10
#define ATTEMPTS_WAIT_MS          30000
#define ATTEMPTS_WAIT_MAX_MS      (3600 * 1000)
#define ATTEMPTS_NAME_WAIT_MAX_MS (15 * 60 * 1000)
#define ATTEMPTS_KEYS_MAX         4096 /* of each kind; the one that was silent longest makes room */

struct attempts;

struct attempts *attempts_new(void);
void attempts_free(struct attempts *a);

/* How long the address, or the name (NULL: none), has to wait; 0: go on. */
int64_t attempts_wait(struct attempts *a, const char *address, const char *name, int64_t now_ms);
/* One begins, and counts as failed until it succeeded: many at once are so many. */
void attempts_begin(struct attempts *a, const char *address, const char *name, int64_t now_ms);
void attempts_succeeded(struct attempts *a, const char *address, const char *name);

#endif
