/* SPDX-License-Identifier: Apache-2.0 */
/* keeping.h - what the parts of the keeper share: its state, and who does what.
 *
 *   keeper.c    start, stop, the agent as a process
 *   keeper_frames.c
 *               what agent and keeper tell each other
 *   attempts_start.c, attempts_watch.c, attempts.c
 *               attempts start, are watched, and end
 *   killing.c   signals to everything of an attempt
 *   recover.c   journal records, and picking up what an earlier keeper left
 *
 * A turn of the loop: handle what arrived; then, at its end, keeper_settle makes everything durable at once
 * (see FLUSH_EVERY_MS), tells the agent what is durable now, and starts what fits.
 */
#ifndef REEVE_WORKER_KEEPING_H
#define REEVE_WORKER_KEEPING_H

#include "common/loop.h"
#include "common/proto.h"
#include "common/states.h"
#include "worker/cgroup.h"
#include "worker/journal.h"
#include "worker/launch.h"
#include "worker/spool.h"
#include "worker/work.h"

#define FLUSH_EVERY_MS  2    /* least time between two syncs while busy; an idle keeper syncs at once */
#define STARTS_A_TURN   16   /* processes made before the loop looks at events again */
#define MOMENT_MS       50   /* attempts that live longer are reported and journaled as started */
#define LOGS_EVERY_MS   250  /* log caps, adopted attempts */
#define MEMORY_EVERY_MS 1000 /* memory and process limits */
#define RETRY_MS        1000 /* after a journal or disk failure */
#define DISK_RESERVE    (64u << 20) /* free bytes below which nothing is started */

#define STARTED_KEPT 2048 /* more than run at once, as a rule */

/* Survives a kill of the keeper, not a reboot: a page of a file, shared with the page cache. */
struct keeper_memory {
        uint64_t magic;
        uint8_t boot_id[16];
        int64_t lease_until_ms; /* CLOCK_BOOTTIME */
        uint64_t started_index; /* attempts with a lower index were started, or will not be */
        uint64_t generation;
        struct started {
                uint64_t index; /* plus one */
                int64_t start_wall_ms, start_boot_us;
                int32_t pid; /* 0: it was killed on its way there */
                char dir[56];
        } started[STARTED_KEPT]; /* the last ones, by index modulo their number */
};
#define KEEPER_MEMORY_MAGIC 0x32726b7065656b31ULL

struct keeper {
        struct loop *loop;
        struct work work;
        struct journal *journal;
        struct spool spool;
        struct launcher launcher;
        struct cgroups cgroups;
        struct keeper_memory *memory;
        uint8_t boot_id[16], spool_id[16];
        int lock_fd;

        uint64_t epoch;
        uint8_t instance[16];
        bool has_instance;
        bool has_lease; /* a grant came since this keeper started */
        uint64_t lease_timer;

        pid_t agent_pid;
        int agent_fd;
        struct buf agent_in, agent_out;
        bool agent_asked; /* wants news */
        bool accept_due;  /* K_ACCEPTED is owed once the epoch is durable */
        uint32_t accept_tag;
        uint32_t agent_failures;
        int64_t agent_since_ms;

        uint64_t durable_index; /* launches below it are on disk */
        int64_t flushed_ms;
        uint64_t flush_timer, tick_timer, start_timer;
        int64_t logs_ms, memory_ms, disk_ms;
        bool journal_failed, disk_low, adopting;
        bool kills_due;   /* attempts have a signal that kills_send owes to what left their group */
        bool sweep_again; /* leftovers were killed and are not gone yet */

        bool stopping; /* nothing new is started */
        int64_t stop_ms;
};

/* ---- attempts_start.c ---- */
void attempts_start(struct keeper *k);
/* The attempt's one timer: its time limit, or the end of its grace. */
void attempt_timer(struct keeper *k, struct attempt *a, uint64_t delay_ms, loop_timer_cb cb);

/* ---- attempts_watch.c ---- */
/* Set the timer of its time limit; it ran for ran_ms already, -1: it starts now. */
void attempt_limits(struct keeper *k, struct attempt *a, int64_t ran_ms);
void attempts_lease_ended(struct keeper *k);
/* Limits of adopted attempts count from their own start. */
void attempts_resume(struct keeper *k);
/* Something runs: make sure that the tick does. */
void attempts_watch(struct keeper *k);

/* ---- attempts.c ---- */
int64_t attempts_clock_us(void); /* CLOCK_BOOTTIME */
/* It ended, with this result. */
void attempt_end_with(struct keeper *k, struct attempt *a, const struct proto_result *res);
/* Its leader ended, as wait4 told. */
void attempt_on_exit(struct keeper *k, struct attempt *a, int status, const struct rusage *usage);
/* What is said of one that took too much memory. */
void attempt_memory_words(char *to, size_t size, const struct attempt *a);
/* Keep head and tail of its logs. False when one is too long and cannot be cut. */
bool attempt_cap_logs(struct attempt *a);
void attempts_on_child(struct keeper *k);
/* Look for leftovers of exited attempts; write the results of those that have none. */
void attempts_finalize(struct keeper *k);
/* End an attempt that never started, or whose run is already settled. */
void attempt_end_unstarted(struct keeper *k, struct attempt *a, enum outcome outcome, const char *text);
void attempt_published(struct keeper *k, struct attempt *a, enum outcome outcome, uint32_t count,
                       const char *text);
/* The engine has committed its result. */
void attempt_acked(struct keeper *k, struct attempt *a);
void attempt_put_finish(struct keeper *k, const struct attempt *a);
void attempt_finish_by_result(struct keeper *k, struct attempt *a, const struct proto_result *res,
                              bool outputs);

/* ---- killing.c ---- */
/* Ask it to end, then make it end. The first reason stays. Its process group and control group are told at
 * once; what left those is looked for by kills_send. */
void attempt_kill(struct keeper *k, struct attempt *a, enum outcome outcome, uint32_t grace_ms,
                  const char *text);
/* One look at all processes serves every attempt that was told to end since the last one. */
void kills_send(struct keeper *k);

/* ---- keeper_frames.c ---- */
void keeper_frame_from_agent(struct keeper *k, const struct frame *f);
void keeper_send_accepted(struct keeper *k);
void keeper_send_empty(struct keeper *k, uint8_t type);
/* Results from this one on that are durable. */
void keeper_send_results(struct keeper *k, struct attempt *a);
/* Nothing new is started; what runs ends as `mode` says. */
void keeper_stop(struct keeper *k, enum stop_mode mode);
/* A timer: the lease is over, unless it was renewed. */
void keeper_lease_end(void *arg);
/* The agent's output buffer with a frame of this type begun, or NULL when no agent wants it. */
struct buf *keeper_frame(struct keeper *k, uint8_t type, size_t *ret_mark);
void keeper_frame_end(struct keeper *k, size_t mark);

/* ---- recover.c ---- */
int recover(struct keeper *k, struct err *err);
int recover_rotate(struct keeper *k, struct err *err);
void record_epoch(struct keeper *k);
void record_template(struct keeper *k, const struct job *job);
void record_launch(struct keeper *k, struct attempt_key first, uint32_t count, uint64_t index);
void record_started(struct keeper *k, const struct attempt *a);
void record_finishing(struct keeper *k, const struct attempt *a);
void record_ended(struct keeper *k, const struct attempt *a);
void record_acked(struct keeper *k, const struct attempt_key *keys, uint32_t n);

#endif
