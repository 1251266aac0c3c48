/* SPDX-License-Identifier: Apache-2.0 */
/* agent.h - what the parts of the agent share: its state, and who does what.
 *
 *   agent.c          start and end
 *   agent_engine.c   connections, and the frames of the engine (docs/protocol.md section 1)
 *   agent_keeper.c   the keeper's socket and its frames (keeper.h)
 *   agent_reads.c    reading logs and files, scans
 *   agent_outputs.c  keeping the outputs of ended attempts
 *   agent_upkeep.c   the heartbeat, disk use, cleaning up
 *   transfers.h      files that move
 *
 * Everything here can be lost at any moment: the keeper holds the truth and sends it again. One connection is
 * current; a newer greeting that the keeper accepts replaces it. Bulk bytes (reads, scans, outputs) come from
 * helpers and enter a connection's queue only while it is short, so they never hold up control.
 */
#ifndef REEVE_WORKER_AGENT_H
#define REEVE_WORKER_AGENT_H

#include "common/loop.h"
#include "common/proto.h"
#include "worker/helper.h"
#include "worker/transfers.h"
#include "worker/watch.h"

#define CONNS_MAX   8
#define BULK_MAX    (512u << 10) /* of a connection's queue; bulk waits above it */
#define READ_SIZE   (128u << 10)
#define READ_ROUNDS 16

struct agent;

struct conn {
        struct agent *agent;
        int fd; /* -1: free */
        struct buf in, out;
        bool greeted; /* P_HELLO came */
        bool closing; /* close when out is empty */
        uint64_t greet_timer;
        uint32_t lease_ms, heartbeat_ms, worker_id;
        uint32_t tag; /* of its greeting, while the keeper has not answered; else 0 */
};

/* An attempt that runs, as far as reading its log needs. */
struct running {
        struct attempt_key key;
        char dir[64];
        uint64_t disk_limit;
};

struct publishing {
        uint8_t *raw; /* owned K_FINISH payload */
        size_t len;
        struct attempt_key key;
        unsigned tries;
};

struct scan_job;

struct agent {
        struct loop *loop;
        const char *root;
        uint8_t spool_id[16], boot_id[16];
        uint64_t generation;
        char *cgroup_word; /* owned */
        int keeper_fd, listen_fd;
        struct buf keeper_in, keeper_out;
        bool keeper_stopped;

        struct conn conns[CONNS_MAX];
        struct conn *current;
        uint32_t tags; /* the last one given */
        uint64_t heartbeat_timer;
        uint64_t renew_nonce;
        int64_t renew_ms[8]; /* when a nonce was asked with, by nonce modulo 8 */
        bool health_due;

        struct running *running;
        size_t running_count, running_cap;

        struct helper *reader;
        struct publishing *publish;
        size_t publish_count, publish_cap;
        struct helper *publisher;
        struct scan_job *scans;
        size_t scan_count;
        struct helper *measurer, *janitor;
        struct transfers *transfers;
        struct watch *watch;
};

/* ---- agent_engine.c ---- */
void agent_on_listen(void *arg, int fd, unsigned ready);
void conn_close(struct conn *c);
/* Close it, and say why in the log. */
void conn_fault(struct conn *c, const char *text);
void conn_flush(struct conn *c);
/* A frame to the current connection, which there must be. */
size_t agent_to_engine(struct agent *g, uint8_t type);
/* The same payload to the current connection, if there is one. */
void agent_forward_to_engine(struct agent *g, uint8_t type, const struct frame *f);

/* ---- agent_keeper.c ---- */
void agent_on_keeper(void *arg, int fd, unsigned ready);
size_t agent_to_keeper(struct agent *g, uint8_t type);
void agent_forward_to_keeper(struct agent *g, uint8_t type, const struct frame *f);
void agent_keeper_flush(struct agent *g);
/* NULL: it does not run. */
struct running *agent_running(struct agent *g, struct attempt_key key);

/* ---- agent_reads.c ---- */
void agent_on_read(struct agent *g, struct reader *r);
void agent_on_scan(struct agent *g, struct reader *r);
void agent_reads_resume(struct agent *g);
/* The connection is gone: what was asked on it is not answered. */
void agent_reads_hung_up(struct agent *g, const struct conn *c);

/* ---- agent_outputs.c ---- */
/* An attempt's program ended: its outputs are to be kept. */
void agent_on_finish(struct agent *g, const struct frame *f);
/* Start the next helper, if there is something to keep and none is at it. */
void agent_publish(struct agent *g);
/* The files of one result, in as many frames as they need. */
void agent_send_outputs(struct agent *g, struct attempt_key key);
void agent_outputs_release(struct agent *g);

/* ---- agent_upkeep.c ---- */
/* Timers; each sets itself again. */
void agent_heartbeat(void *arg);
void agent_measure(void *arg);
void agent_sweep(void *arg);
void agent_send_health(struct agent *g, struct reader *counts);

#endif
