/* SPDX-License-Identifier: Apache-2.0 */
/* worker_link.h - the conversation with one worker: dial, put the worker in place, greet, work, dial again.
 *
 * One link per worker. It owns the connector process, the queue of frames, the heartbeat and the pauses
 * between tries; the engine sees states, facts and results. Everything happens on one uv loop, in one thread;
 * every callback comes from that loop, never from inside a function called here.
 *
 *     new -> start -> on_state(dialing, authenticating, bootstrapping, greeting)
 *          -> on_welcome -> on_snapshot -> on_state(ready) -> work ... -> on_state(absent, why) -> by itself
 * again
 *
 * What is sent while the link is not ready is refused with ERR_UNAVAILABLE, and what was sent on a connection
 * that then broke may or may not have arrived: after each on_snapshot the engine compares the complete list
 * with its own and sends what is missing (launches are idempotent by key, R6). Results come again until
 * acknowledged (R2).
 *
 * The process ignores SIGPIPE. Ownership: settings are copied. Everything a callback is handed is borrowed
 * and dies when the callback returns. Callbacks may call any function of this header, worker_link_free
 * included.
 */
#ifndef REEVE_WORKER_LINK_H
#define REEVE_WORKER_LINK_H

#include "common/err.h"
#include "common/ids.h"
#include "common/proto.h"
#include "common/states.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct worker_link;

/* Why a link is not there. */
struct link_failure {
        enum link_state where;     /* what the link was doing */
        enum connect_step step;    /* valid while where is dialing or authenticating */
        enum connect_failure kind; /* FAIL_OTHER outside those */
        bool final;                /* it will not try again by itself: worker_link_retry */
        uint32_t tries;            /* failures in a row, this one included */
        int64_t next_try_ms;       /* pause before the next try; -1 when final */
        char text[512];            /* what happened */
        char fix[512];             /* what a person can do; may be empty */
};

/* P_WELCOME, decoded. */
struct link_welcome {
        uint8_t spool[16], boot[16];
        const char *hostname, *os, *machine, *root,
            *features; /* as the site says: not to be trusted as text */
        uint32_t cpus;
        uint64_t memory, disk_free, disk_total;
        int64_t wall_ms;
        int64_t clock_off_ms; /* the worker's wall clock minus ours, half a round trip uncertain */
        uint32_t worker_id;
};

struct link_snapshot_item {
        struct attempt_key key;
        uint8_t state; /* enum snapshot_state, checked */
};

struct link_started {
        struct attempt_key key;
        int64_t start_wall_ms; /* site's clock */
};

struct link_progress {
        struct attempt_key key;
        struct progress said; /* its text made printable */
};

struct link_health {
        uint64_t disk_free, disk_total, memory_available;
        uint32_t load_milli;
        int64_t wall_ms;
        int64_t clock_off_ms;
        uint32_t running, queued, unacknowledged;
};

/* The answer to worker_link_read. */
struct link_data {
        uint8_t status;  /* enum read_status */
        uint64_t offset; /* of the first byte of data */
        uint64_t size;   /* written so far */
        uint64_t gap_start, gap_end;
        bool final;          /* the attempt has ended: size will not grow */
        const uint8_t *data; /* bytes, or the error text when status is not READ_OK */
        size_t len;
};

/* Any member may be NULL. `arg` is settings.arg. Batches arrive as they came over the wire, at most BATCH_MAX
 * items. */
struct worker_link_events {
        /* Every change of state. `why` is set when the state is absent or closing because something failed.
         */
        void (*on_state)(void *arg, struct worker_link *l, enum link_state s, const struct link_failure *why);
        /* A step on the way to ready is done: "resolve", "reach", "algorithms", "host key", "login",
         * "session", "shell", "upload", "worker". `text` says what was agreed or found. Jump hosts give the
         * first five each. */
        void (*on_step)(void *arg, struct worker_link *l, const char *step, uint32_t elapsed_ms,
                        const char *text);
        /* One line of progress within a step (how much was uploaded), for people. */
        void (*on_progress)(void *arg, struct worker_link *l, const char *text);
        void (*on_welcome)(void *arg, struct worker_link *l, const struct link_welcome *w);
        /* All attempts that exist at the worker: an attempt that is not in it does not exist there. Once per
         * connection, before on_state(ready). */
        void (*on_snapshot)(void *arg, struct worker_link *l, const struct link_snapshot_item *items,
                            size_t n);
        void (*on_started)(void *arg, struct worker_link *l, const struct link_started *items, size_t n);
        /* How far running attempts say they are: the newest of each, and again after a reconnect. */
        void (*on_reported)(void *arg, struct worker_link *l, const struct link_progress *items, size_t n);
        void (*on_finishing)(void *arg, struct worker_link *l, const struct attempt_key *keys, size_t n);
        /* Output files of one attempt; several times for many files, always before its result. After a
         * reconnect they come again from the start. */
        void (*on_outputs)(void *arg, struct worker_link *l, struct attempt_key key,
                           const struct proto_file *files, size_t n);
        /* Ended attempts; again after each reconnect until worker_link_ack. */
        void (*on_ended)(void *arg, struct worker_link *l, const struct proto_result *results, size_t n);
        /* Exactly one per accepted worker_link_read; READ_FAILED when the connection broke. */
        void (*on_data)(void *arg, struct worker_link *l, uint32_t request, const struct link_data *d);
        void (*on_scanned)(void *arg, struct worker_link *l, uint32_t request, uint64_t files_done,
                           uint64_t bytes_done, const struct proto_file *files, size_t n);
        /* Exactly one per accepted worker_link_scan, the last word on it; READ_FAILED when the connection
         * broke. */
        void (*on_scan_end)(void *arg, struct worker_link *l, uint32_t request, enum read_status status,
                            bool is_file, const char *text);
        /* Exactly one per accepted transfer_remove; READ_FAILED when the connection broke, or when something
         * could not be deleted. */
        void (*on_removed)(void *arg, struct worker_link *l, uint32_t request, enum read_status status,
                           uint64_t files, uint64_t bytes, const char *text);
        void (*on_health)(void *arg, struct worker_link *l, const struct link_health *h);
        /* The host shows a key that is not pinned; the link has stopped. `hop` counts from 0, jump hosts
         * first. */
        void (*on_hostkey_changed)(void *arg, struct worker_link *l, uint32_t hop, const char *type,
                                   const char *fingerprint);
        /* The worker obeys a later leadership: this process must not act any more (R4). The link has stopped.
         */
        void (*on_fenced)(void *arg, struct worker_link *l, uint64_t epoch);
};

/* What the links of one site share: how many of them may be between dialing and ready at once, and who
 * probes. When a host does not answer, one link alone goes on trying; the others to the same addresses wait
 * until it got through (one prober per dead host). It must outlive its links. Links that wait for their turn
 * are absent. */
struct dial_gate;
struct dial_gate *dial_gate_new(uint32_t at_once);
void dial_gate_free(struct dial_gate *g);
/* Counts for who dials from here on. */
void dial_gate_set(struct dial_gate *g, uint32_t at_once);

struct worker_link_settings {
        uv_loop_t *loop;
        const char *name;                        /* for log lines and errors: "site/host" */
        struct dial_gate *gate;                  /* NULL: none */
        const struct worker_link_events *events; /* must outlive the link */
        void *arg;

        const char *connector_path; /* of reeve-connector */
        const char *worker_dir; /* holds reeve-worker-<machine>, or reeve-worker for this machine's kind */
        enum connect_backend backend;
        uint32_t connect_timeout_ms;  /* 0: 30 s */
        const struct proto_hop *hops; /* jump hosts first; each with its pinned keys */
        uint32_t hop_count;
        const char *private_key; /* OpenSSH format, unencrypted; the link's copy is locked in memory and wiped
                                    at the end */

        uint8_t instance[16]; /* of this installation */
        uint64_t epoch;       /* of this leadership */
        uint32_t worker_id;
        const char
            *root; /* the worker's directory at the site: absolute, or "~/..."; NULL: link_default_root */
        uint32_t lease_ms, heartbeat_ms;
        struct proto_resources offer;
        uint32_t slots;         /* 0: as many as the resources allow */
        int64_t grant_until_ms; /* worker_link_grant_until from the start */
};

/* "~/.reeve/<12 hex digits of instance>-<worker id>": two hosts that share a home never share a directory,
 * and the name of the socket inside stays below the kernel's 108 bytes. */
void link_default_root(const uint8_t instance[16], uint32_t worker_id, char ret[64]);

/* Check and copy the settings. The link is absent and quiet until worker_link_start. */
int worker_link_new(const struct worker_link_settings *s, struct worker_link **ret, struct err *err);

/* Hang up at once and free when libuv lets go. No callback after this call. NULL is fine. The worker stays.
 */
void worker_link_free(struct worker_link *l);

/* Keep the link up from now on. */
void worker_link_start(struct worker_link *l);

/* Hang up and stay absent until the next worker_link_start. on_state(absent, NULL) follows. */
void worker_link_stop(struct worker_link *l);

/* Try now instead of after the pause, also when the last failure was final. */
void worker_link_retry(struct worker_link *l);

/* New limits at the site. They reach the worker by a new greeting: the link hangs up and dials, attempts run
 * on. */
void worker_link_set_offer(struct worker_link *l, const struct proto_resources *offer, uint32_t slots);

enum link_state worker_link_state(const struct worker_link *l);
const char *worker_link_name(const struct worker_link *l);
uint32_t worker_link_worker_id(const struct worker_link *l);
/* The last failure, or NULL when there was none since the link was last ready. */
const struct link_failure *worker_link_failure(const struct worker_link *l);

/* Did the host say that processes outlive the session? 1 yes, 0 systemd may end them (loginctl
 * enable-linger), -1 unknown. */
int worker_link_linger(const struct worker_link *l);

/* ---- lease (R3) ----------------------------------------------------------------------------------------
 * The link answers P_RENEW by itself until the moment set with worker_link_grant_until. The worker's lease
 * ends at the latest lease_ms after worker_link_granted_ms; the engine may give an attempt up only after that
 * plus its margin.
 */
/* Grant until this moment of CLOCK_BOOTTIME: as long as the leadership is certain. INT64_MAX: always. */
void worker_link_grant_until(struct worker_link *l, int64_t boot_ms);
/* Our CLOCK_BOOTTIME, in ms, when the last grant was sent over any connection of this link; 0: none yet. */
int64_t worker_link_granted_ms(const struct worker_link *l);
/* Round trip of the last ping in ms, -1 when unknown; and when anything was last heard (CLOCK_BOOTTIME, 0:
 * never). */
int64_t worker_link_rtt_ms(const struct worker_link *l);
int64_t worker_link_heard_ms(const struct worker_link *l);

/* ---- work ----------------------------------------------------------------------------------------------
 * All of these queue; what was queued in one turn of the loop leaves in one write before the loop sleeps. A
 * uv_prepare callback that queues calls worker_link_flush itself. 0, or -1 with ERR_UNAVAILABLE (not ready),
 * ERR_LIMIT (more than LINK_QUEUE_MAX bytes wait for the site: try again when worker_link_queued is small),
 * ERR_BAD_INPUT. */
#define LINK_QUEUE_MAX (32u << 20)

/* Was the job's template sent on this connection? Forgotten with the connection. */
bool worker_link_has_template(const struct worker_link *l, int64_t job);
int worker_link_template(struct worker_link *l, const struct proto_template *t, struct err *err);
/* No task of the job will be launched again. */
int worker_link_forget(struct worker_link *l, int64_t job, struct err *err);

struct link_launch {
        int32_t first_task;
        int32_t count;
        int32_t attempt;
};
/* The template of `job` must have been sent on this connection (ERR_CONFLICT otherwise). */
int worker_link_launch(struct worker_link *l, int64_t job, const struct link_launch *items, size_t n,
                       struct err *err);

/* The files of a task's share, absolute paths with a line break behind each: before its launch. */
int worker_link_part(struct worker_link *l, int64_t job, int32_t task, const void *list, size_t n,
                     struct err *err);

/* `outcome` is OUTCOME_CANCELLED or OUTCOME_DRAINED. */
int worker_link_cancel(struct worker_link *l, const struct attempt_key *keys, size_t n, uint32_t grace_ms,
                       enum outcome outcome, struct err *err);

/* Their results are committed: the worker may forget them. */
int worker_link_ack(struct worker_link *l, const struct attempt_key *keys, size_t n, struct err *err);

/* Ask for bytes of a log (path NULL) or of a file; length at most CHUNK_MAX. At most LINK_REQUESTS_MAX reads
 * and scans wait at once (ERR_LIMIT). Answered by on_data under *ret_request. */
#define LINK_REQUESTS_MAX 256
int worker_link_read(struct worker_link *l, enum read_what what, struct attempt_key key, const char *path,
                     uint64_t offset, uint32_t length, uint32_t *ret_request, struct err *err);

/* List and checksum a file or a directory at an absolute path. */
int worker_link_scan(struct worker_link *l, const char *path, uint32_t *ret_request, struct err *err);

/* Tell the worker itself to end. It hangs up when it does: free the link only after on_state(absent). */
int worker_link_stop_worker(struct worker_link *l, enum stop_mode mode, struct err *err);

/* Bytes queued on our side that the connector has not taken yet. */
size_t worker_link_queued(const struct worker_link *l);

/* Send what is queued now. */
void worker_link_flush(struct worker_link *l);

#endif
