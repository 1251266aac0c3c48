/* SPDX-License-Identifier: Apache-2.0 */
/* site_test.h - the test of a site, step by step, with the time, the result and the fix of each.
 *
 * It connects as a worker's link does, lets a task run, hangs up, connects again and looks whether the task
 * still runs, then runs a short task and reads its output. It also finds out which SSH back end the site
 * needs, and says why.
 *
 * It works in a root of its own at the site, so that a worker that is at work there is not disturbed; the
 * test's worker is stopped at the end.
 */
#ifndef REEVE_SITE_TEST_H
#define REEVE_SITE_TEST_H

#include "remote/worker_link.h"

#define SITE_TEST_STEPS(X)                                                                                   \
        X(SITE_TEST_REACH, "reach", "look the address up and open a connection")                             \
        X(SITE_TEST_ALGORITHMS, "algorithms", "agree on algorithms")                                         \
        X(SITE_TEST_HOSTKEY, "host key", "compare the host key with the pinned one")                         \
        X(SITE_TEST_LOGIN, "login", "log in with the site's key")                                            \
        X(SITE_TEST_SESSION, "session", "run a command")                                                     \
        X(SITE_TEST_SHELL, "shell", "look around with the account's login shell")                            \
        X(SITE_TEST_UPLOAD, "upload", "put the worker in place")                                             \
        X(SITE_TEST_WORKER, "worker", "start the worker and greet it")                                       \
        X(SITE_TEST_DISK, "disk", "enough free space")                                                       \
        X(SITE_TEST_CLOCK, "clock", "the site's clock agrees with ours")                                     \
        X(SITE_TEST_SURVIVAL, "survival", "the worker and its tasks outlive the connection")                 \
        X(SITE_TEST_TASK, "task", "run a task and read its output")
#define SITE_TEST_ENUM_(sym, ...) sym,
enum site_test_step { SITE_TEST_STEPS(SITE_TEST_ENUM_) SITE_TEST_STEP_COUNT };
const char *site_test_step_name(enum site_test_step s);
const char *site_test_step_sentence(enum site_test_step s);

enum site_test_state { SITE_TEST_WAITING, SITE_TEST_PASSED, SITE_TEST_WARNED, SITE_TEST_FAILED };
const char *site_test_state_name(enum site_test_state s); /* "waiting", "passed", "warned", "failed" */

struct site_test_result {
        enum site_test_step step;
        enum site_test_state state;
        uint32_t elapsed_ms;
        char text[512]; /* what was found */
        char fix[512];  /* what to do, when warned or failed */
};

struct site_test_report {
        bool passed; /* nothing failed; there may be warnings */
        struct site_test_result steps[SITE_TEST_STEP_COUNT];
        enum connect_backend backend; /* the one the site needs */
        char backend_why[512];        /* why not libssh2; "" with libssh2 */
        bool hostkey_changed;
        /* From the worker, when it came that far; printable. */
        char hostname[128], os[128], machine[64], features[128];
        uint32_t cpus;
        uint64_t memory, disk_free, disk_total;
        int64_t clock_off_ms;
};

struct site_test_events {
        /* A step has come to its end. After a change of back end the steps begin anew. */
        void (*on_step)(void *arg, const struct site_test_result *r);
        /* The last word, exactly once. */
        void (*on_done)(void *arg, const struct site_test_report *r);
};

struct site_test;

/* Settings as for a link; loop, hops, key, paths, epoch and instance count, events, arg, gate, offer and
 * slots do not. root NULL: the default one with "-test" behind it. settings->backend is where it begins
 * (normally libssh2). */
int site_test_start(const struct worker_link_settings *settings, const struct site_test_events *events,
                    void *arg, struct site_test **ret, struct err *err);
/* Also to be called after on_done; allowed inside events. NULL is fine. */
void site_test_free(struct site_test *t);

#endif
