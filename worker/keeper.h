/* SPDX-License-Identifier: Apache-2.0 */
/* keeper.h - the process that holds running attempts, and its conversation with the agent.
 *
 * Keeper and agent are two processes of one binary with a socket pair between them (descriptor 3 of the
 * agent). The keeper spawns, waits, limits, kills, and remembers; the agent does everything that meets the
 * outside world.
 *
 *   - A dead agent is started again by the keeper. Nothing running notices; the engine attaches again.
 *   - Above the keeper is a guard (guard.h), which learns how the attempts of a dead keeper end.
 *   - A dead keeper is noticed by the agent, whose process then becomes the next keeper (exec of "run"). That
 * one reads the journal and finds what still lives by the REEVE_KEY in its environment (recover.h).
 *
 * Frames are those of common/proto.h. A payload called "raw" is that of the P_ frame, passed through unread;
 * the keeper decodes it and answers K_FAULT when it cannot, upon which the agent drops the engine's
 * connection.
 *
 * agent -> keeper
 *   K_HELLO       u32 tag, 16 bytes instance, u64 epoch, resources, u32 slots; answered by K_ACCEPTED or
 * K_FENCED with its tag; of several that wait for one sync only the last is accepted K_TEMPLATE, K_LAUNCH,
 * K_CANCEL, K_ACK, K_FORGET: raw K_LEASE       u64 end of the lease, milliseconds of CLOCK_BOOTTIME K_ASK
 * nothing: send the snapshot, then every unacknowledged result, then news as it comes K_PUBLISHED   key, u8
 * outcome, u32 output_count, str text: answer to K_FINISH K_OVER        key, u8 outcome, str text: the agent
 * found the attempt above a limit; kill it K_STOP        u8 stop_mode K_COUNT       nothing; answered by
 * K_COUNTS keeper -> agent K_IDENTITY    16 bytes spool id, 16 bytes boot id, u64 generation of the keeper,
 * str kind of control groups: first frame K_ACCEPTED    u32 tag;  K_FENCED u32 tag, u64 epoch (0: the worker
 * belongs to another instance) K_SNAPSHOT    raw;  K_SNAPSHOT_END K_STARTED     u32 n, n x (key, u64
 * start_wall_ms, str directory, u64 disk_limit); only attempts that live longer than a moment are reported
 * K_FINISH      key, str directory, str workdir, str dataset, u32 n, n x str pattern: keep these outputs
 * K_ENDED       raw K_COUNTS      u32 running, u32 queued, u32 unacknowledged K_FAULT       str text
 *   K_STOPPED     nothing: the keeper ends; the agent must not take its place
 */
#ifndef REEVE_WORKER_KEEPER_H
#define REEVE_WORKER_KEEPER_H

#include "common/err.h"

#define KEEPER_FD 3 /* the agent's end of the socket pair */

enum keeper_frame {
        K_HELLO = 17,
        K_TEMPLATE,
        K_LAUNCH,
        K_CANCEL,
        K_ACK,
        K_FORGET,
        K_LEASE,
        K_ASK,
        K_PUBLISHED,
        K_OVER,
        K_STOP,
        K_COUNT,

        K_IDENTITY = 49,
        K_ACCEPTED,
        K_FENCED,
        K_SNAPSHOT,
        K_SNAPSHOT_END,
        K_STARTED,
        K_FINISH,
        K_ENDED,
        K_COUNTS,
        K_FAULT,
        K_STOPPED,
};

/* Be the keeper of the worker in the current directory; `root` is its absolute path. Returns when stopped
 * (0), when another keeper holds the root (0 as well, logged), or on failure. */
int keeper_main(const char *root, struct err *err);

/* Be its agent, at the other end of KEEPER_FD (agent.c). Returns when the keeper stopped; does not return
 * when it died. */
int agent_main(const char *root, struct err *err);

#endif
