/* SPDX-License-Identifier: Apache-2.0 */
/* states.h - every state, outcome and reason by name, in one place.
 *
 * Each list is a macro of rows (SYMBOL, "name", "sentence"). The enum, the name table, the SQL check
 * constraints (compared by tests/store) and docs/states.md (generated) come from the rows. Names are what
 * SQL, JSON and pages show; sentences are what people read.
 */
#ifndef REEVE_STATES_H
#define REEVE_STATES_H

#define JOB_STATES(X)                                                                                        \
        X(JOB_ACCEPTED, "accepted", "recorded; the engine has not taken it up yet")                          \
        X(JOB_ACTIVE, "active", "tasks are waiting or running")                                              \
        X(JOB_SUCCEEDED, "succeeded", "every task succeeded")                                                \
        X(JOB_FAILED, "failed", "at least one task failed for good")                                         \
        X(JOB_CANCELLED, "cancelled", "cancelled, and no attempt is left running")

#define TASK_STATES(X)                                                                                       \
        X(TASK_BLOCKED, "blocked", "waits for other jobs or for its inputs")                                 \
        X(TASK_READY, "ready", "waits for a place")                                                          \
        X(TASK_PLACED, "placed", "has an attempt at a site")                                                 \
        X(TASK_SUCCEEDED, "succeeded", "an attempt succeeded")                                               \
        X(TASK_FAILED, "failed", "failed, and no further attempt is allowed")                                \
        X(TASK_CANCELLED, "cancelled", "ended before it could succeed, because somebody asked")

#define ATTEMPT_STATES(X)                                                                                    \
        X(ATTEMPT_RESERVED, "reserved", "holds its place; nothing was sent yet")                             \
        X(ATTEMPT_STAGING, "staging", "waits for its inputs to arrive")                                      \
        X(ATTEMPT_STARTING, "starting", "the worker was told to start it")                                   \
        X(ATTEMPT_RUNNING, "running", "running")                                                             \
        X(ATTEMPT_FINISHING, "finishing", "the program ended; outputs are being checked and kept")           \
        X(ATTEMPT_ABORTING, "aborting", "the worker was asked to stop it")                                   \
        X(ATTEMPT_SUCCEEDED, "succeeded", "ended well")                                                      \
        X(ATTEMPT_FAILED, "failed", "ended badly")                                                           \
        X(ATTEMPT_LOST, "lost", "no word from the worker until the lease ran out; treated as gone")          \
        X(ATTEMPT_ABORTED, "aborted", "stopped because somebody asked")

#define TRANSFER_STATES(X)                                                                                   \
        X(TRANSFER_QUEUED, "queued", "waits for its link")                                                   \
        X(TRANSFER_ACTIVE, "active", "bytes are moving")                                                     \
        X(TRANSFER_VERIFYING, "verifying", "the checksum is being compared")                                 \
        X(TRANSFER_DONE, "done", "a verified copy was published")                                            \
        X(TRANSFER_FAILED, "failed", "given up")                                                             \
        X(TRANSFER_CANCELLED, "cancelled", "nobody needs it any more")

#define ARRIVAL_STATES(X)                                                                                    \
        X(ARRIVAL_FILLING, "filling", "files are being named, and sent")                                     \
        X(ARRIVAL_WAITING, "waiting", "all is there, for a site that can take it")                           \
        X(ARRIVAL_MOVING, "moving", "on its way to its site")                                                \
        X(ARRIVAL_FAILED, "failed", "it cannot be done; somebody has to look")

#define REPLICA_STATES(X)                                                                                    \
        X(REPLICA_PLEDGED, "pledged", "space is set aside; the bytes are not there yet")                     \
        X(REPLICA_PRESENT, "present", "complete and checksummed")                                            \
        X(REPLICA_SUSPECT, "suspect", "somebody could not read it, or its checksum was wrong")               \
        X(REPLICA_GONE, "gone", "no longer at the site")

#define SITE_HEALTHS(X)                                                                                      \
        X(SITE_UNKNOWN, "unknown", "never reached yet")                                                      \
        X(SITE_UP, "up", "answers")                                                                          \
        X(SITE_SUSPECT, "suspect", "missed its last answers, or tasks fail there early")                     \
        X(SITE_DOWN, "down", "does not answer; no work is sent")                                             \
        X(SITE_PROBING, "probing", "a probe decides whether work may go there again")

#define SITE_INTENTS(X)                                                                                      \
        X(SITE_OPEN, "open", "takes work")                                                                   \
        X(SITE_DRAINING, "draining", "finishes what runs, takes nothing new")                                \
        X(SITE_CLOSED, "closed", "takes no work; connections are not kept")

/* The connection to one worker, in memory only. */
#define LINK_STATES(X)                                                                                       \
        X(LINK_ABSENT, "absent", "not connected")                                                            \
        X(LINK_DIALING, "dialing", "reaching the host")                                                      \
        X(LINK_AUTHENTICATING, "authenticating", "checking the host key and logging in")                     \
        X(LINK_BOOTSTRAPPING, "bootstrapping", "putting the worker in place")                                \
        X(LINK_GREETING, "greeting", "comparing notes with the worker")                                      \
        X(LINK_READY, "ready", "connected")                                                                  \
        X(LINK_CLOSING, "closing", "hanging up")

/* How an attempt ended. Columns: symbol, name, who is to blame by default, sentence. */
#define OUTCOMES(X)                                                                                          \
        X(OUTCOME_SUCCEEDED, "succeeded", BLAME_NONE, "ended with exit code 0")                              \
        X(OUTCOME_EXIT, "exit", BLAME_TASK, "ended with a non-zero exit code")                               \
        X(OUTCOME_SIGNAL, "signal", BLAME_TASK, "killed by a signal")                                        \
        X(OUTCOME_TIME_LIMIT, "time_limit", BLAME_TASK, "stopped at its time limit")                         \
        X(OUTCOME_MEMORY_LIMIT, "memory_limit", BLAME_TASK, "stopped at its memory limit")                   \
        X(OUTCOME_OUTPUT_LIMIT, "output_limit", BLAME_TASK, "stopped because it wrote too much")             \
        X(OUTCOME_NOT_STARTED, "not_started", BLAME_TASK, "the command could not be started")                \
        X(OUTCOME_REFUSED, "refused", BLAME_SITE, "the worker would not start it")                           \
        X(OUTCOME_INPUT_MISSING, "input_missing", BLAME_DATA, "an input was not where it should be")         \
        X(OUTCOME_OUTPUT_MISSING, "output_missing", BLAME_TASK, "a declared output was not made")            \
        X(OUTCOME_OUTPUT_FAILED, "output_failed", BLAME_SITE, "its outputs could not be kept")               \
        X(OUTCOME_DISK_FULL, "disk_full", BLAME_SITE, "no space left at the site")                           \
        X(OUTCOME_LEASE_EXPIRED, "lease_expired", BLAME_LINK, "stopped by its worker: no word for a lease")  \
        X(OUTCOME_LOST, "lost", BLAME_LINK, "no word from the worker until the lease ran out")               \
        X(OUTCOME_VANISHED, "vanished", BLAME_SITE, "ended without a trace: killed with its worker")         \
        X(OUTCOME_REBOOT, "reboot", BLAME_SITE, "the host restarted while it ran")                           \
        X(OUTCOME_NEVER_STARTED, "never_started", BLAME_US, "the worker never heard of it")                  \
        X(OUTCOME_CANCELLED, "cancelled", BLAME_USER, "stopped because somebody asked")                      \
        X(OUTCOME_DRAINED, "drained", BLAME_SITE, "stopped because its site is being closed")

#define BLAMES(X)                                                                                            \
        X(BLAME_NONE, "none", "nobody")                                                                      \
        X(BLAME_TASK, "task", "the program")                                                                 \
        X(BLAME_DATA, "data", "an input")                                                                    \
        X(BLAME_SITE, "site", "the site")                                                                    \
        X(BLAME_LINK, "link", "the link")                                                                    \
        X(BLAME_US, "us", "the scheduler")                                                                   \
        X(BLAME_USER, "user", "the user")

/* Why a ready or blocked task was not placed. */
#define WAIT_REASONS(X)                                                                                      \
        X(WAIT_NONE, "none", "nothing holds it back")                                                        \
        X(WAIT_NEW, "new", "just arrived; the engine has not looked at it yet")                              \
        X(WAIT_HELD, "held", "on hold until somebody releases it")                                           \
        X(WAIT_NOT_YET, "not_yet", "it is not to start before a moment that is still to come")               \
        X(WAIT_AFTER, "after", "waits for another job")                                                      \
        X(WAIT_INPUT_PENDING, "input_pending", "an input is still being made by another job")                \
        X(WAIT_INPUT_NOWHERE, "input_nowhere",                                                               \
          "no site holds all of its inputs, and they cannot be brought together")                            \
        X(WAIT_STAGING, "staging", "its inputs are on their way to a site, or about to be")                  \
        X(WAIT_POLICY, "policy", "the policies of its inputs allow no site that could run it")               \
        X(WAIT_NO_SPACE, "no_space", "no site that could run it has space left for its inputs")              \
        X(WAIT_BACKOFF, "backoff", "waits before its next attempt")                                          \
        X(WAIT_THROTTLE, "throttle", "as many of its tasks run as its array allows at once")                 \
        X(WAIT_PROJECT_LIMIT, "project_limit", "its project runs as much as it may")                         \
        X(WAIT_SITE_LIMIT, "site_limit", "the sites that could run it are at a limit set by their admins")   \
        X(WAIT_NO_SITE, "no_site", "no site is registered that its project may use")                         \
        X(WAIT_TOO_LARGE, "too_large", "no worker is large enough for it")                                   \
        X(WAIT_CLOSED, "closed", "the sites that could run it are closed or draining")                       \
        X(WAIT_DOWN, "down", "the sites that could run it do not answer")                                    \
        X(WAIT_DISK_FULL, "disk_full", "the sites that could run it have no disk space left")                \
        X(WAIT_BUSY, "busy", "the sites that could run it are busy; it waits its turn")                      \
        X(WAIT_PRIORITY, "priority", "others go first")

#define STATE_ENUM_(sym, ...) sym,

enum job_state { JOB_STATES(STATE_ENUM_) JOB_STATE_COUNT };
enum task_state { TASK_STATES(STATE_ENUM_) TASK_STATE_COUNT };
enum attempt_state { ATTEMPT_STATES(STATE_ENUM_) ATTEMPT_STATE_COUNT };
enum transfer_state { TRANSFER_STATES(STATE_ENUM_) TRANSFER_STATE_COUNT };
enum arrival_state { ARRIVAL_STATES(STATE_ENUM_) ARRIVAL_STATE_COUNT };
enum replica_state { REPLICA_STATES(STATE_ENUM_) REPLICA_STATE_COUNT };
enum site_health { SITE_HEALTHS(STATE_ENUM_) SITE_HEALTH_COUNT };
enum site_intent { SITE_INTENTS(STATE_ENUM_) SITE_INTENT_COUNT };
enum link_state { LINK_STATES(STATE_ENUM_) LINK_STATE_COUNT };
enum blame { BLAMES(STATE_ENUM_) BLAME_COUNT };
enum outcome { OUTCOMES(STATE_ENUM_) OUTCOME_COUNT };
enum wait_reason { WAIT_REASONS(STATE_ENUM_) WAIT_REASON_COUNT };

/* For each of the above: the name and the sentence of a value, and the value of a name (-1: unknown name). */
#define STATE_DECLARE_(type)                                                                                 \
        const char *type##_name(enum type v);                                                                \
        const char *type##_sentence(enum type v);                                                            \
        int type##_parse(const char *name, enum type *ret);

STATE_DECLARE_(job_state)
STATE_DECLARE_(task_state)
STATE_DECLARE_(attempt_state)
STATE_DECLARE_(transfer_state)
STATE_DECLARE_(arrival_state)
STATE_DECLARE_(replica_state)
STATE_DECLARE_(site_health)
STATE_DECLARE_(site_intent)
STATE_DECLARE_(link_state)
STATE_DECLARE_(blame)
STATE_DECLARE_(outcome)
STATE_DECLARE_(wait_reason)

enum blame outcome_blame(enum outcome o);

#endif
