/* SPDX-License-Identifier: Apache-2.0 */
/* bootstrap.h - put the worker in place through a logged-in connector: look, upload if needed, say how to
 * attach.
 *
 *     facts    one command asks what kind of machine it is and whether the worker is already there
 *     upload   one command takes the binary on its standard input, checks it and publishes it by rename
 *
 * The worker's file is named by its SHA-256, so a new version never overwrites one that runs, and the same
 * version is uploaded once. The commands are one line of POSIX shell inside single quotes, free of what bash,
 * csh and fish read differently, because the account's login shell is the first to read them. What a login
 * script prints before the first line of ours is skipped. Every answer is bounded and checked: the site may
 * say anything.
 */
#ifndef REEVE_BOOTSTRAP_H
#define REEVE_BOOTSTRAP_H

#include "common/err.h"
#include "remote/connector.h"

struct bootstrap;

/* What the site said about itself. Owned by the bootstrap; texts are printable. */
struct bootstrap_facts {
        char machine[32]; /* uname -m */
        char system[32];  /* uname -s */
        char home[256];
        char shell[128];
        uint32_t uid;
        char worker_sha256[65]; /* of the worker in place: bin/reeve-worker-<this> in its root */
        uint64_t disk_free;     /* bytes, where the worker's root is; 0 = it did not say */
        int linger; /* systemd: 1 processes may outlive the session, 0 they may not be allowed to, -1 unknown
                     */
};

enum bootstrap_step { BOOTSTRAP_SHELL, BOOTSTRAP_UPLOAD };

struct bootstrap_events {
        /* A part is done; text says what was found or done. */
        void (*on_step)(void *arg, enum bootstrap_step step, uint32_t elapsed_ms, const char *text);
        void (*on_progress)(void *arg, const char *text);
        /* The last word: the command that attaches to the worker, or what failed and how to mend it. */
        void (*on_done)(void *arg, const struct bootstrap_facts *facts, const char *attach_command);
        void (*on_failed)(void *arg, enum bootstrap_step step, const char *text, const char *fix);
};

/* worker_dir holds reeve-worker-<machine>; "reeve-worker" counts as the one for our own machine. root:
 * absolute, or
 * "~/..." (root_check). Begins at once; `events` and `c` must outlive it. */
int bootstrap_start(struct connector *c, const char *worker_dir, const char *root,
                    const struct bootstrap_events *events, void *arg, struct bootstrap **ret,
                    struct err *err);
void bootstrap_free(struct bootstrap *b);

/* The owner of the connector hands its events on while the bootstrap is under way. */
void bootstrap_on_out(struct bootstrap *b, bool is_stderr, const uint8_t *p, size_t n);
void bootstrap_on_exec_end(struct bootstrap *b, uint32_t code);
void bootstrap_on_drained(struct bootstrap *b);

/* May this be a worker's root? Absolute or below "~/", without "..", of letters, digits and "._/@+-". */
int root_check(const char *root, struct err *err);

#endif
