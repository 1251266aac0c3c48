/* SPDX-License-Identifier: Apache-2.0 */
/* worker_link_priv.h - what the three parts of a link share: its life (worker_link.c), what the worker says
 * (link_frames.c), and what it is told (link_orders.c). Nobody else includes this. */
#ifndef REEVE_WORKER_LINK_PRIV_H
#define REEVE_WORKER_LINK_PRIV_H

#include "remote/bootstrap.h"
#include "remote/connector.h"
#include "remote/job_set.h"
#include "remote/link_transfers.h"
#include "remote/ssh_key.h"
#include "remote/worker_link.h"

enum timer { TIMER_RETRY, TIMER_DEADLINE, TIMER_BEAT, TIMERS };

/* How far the conversation on the wire has come. */
enum talk { TALK_NONE, TALK_MAGIC, TALK_WELCOME, TALK_SNAPSHOT, TALK_OPEN };

enum request_kind { REQUEST_READ, REQUEST_SCAN, REQUEST_REMOVE };

struct request {
        uint32_t id; /* 0: free */
        enum request_kind kind;
};

struct worker_link {
        struct worker_link_settings s; /* strings owned; private_key in locked memory */
        char name[128];
        struct proto_hop hops[HOPS_MAX];
        char root[256];

        uv_timer_t timers[TIMERS];
        uv_prepare_t prepare;
        uv_check_t check;
        int handles;
        bool freed;

        bool wanted;
        bool final;
        bool dead;    /* the last try did not reach the host */
        bool dialing; /* holds a place in the gate */
        bool waiting; /* for a place, or for the prober */
        enum link_state state;
        uint32_t tries, refused;
        struct link_failure failure;
        bool has_failure;
        bool due_deadline, due_silence;
        uint32_t phase;     /* counts changes of state */
        uint32_t due_phase; /* the phase whose deadline came */
        int64_t ready_ms;

        struct connector *conn;
        struct bootstrap *bootstrap, *retired;
        char hostkey_type[72], hostkey_print[SSH_FINGERPRINT_LEN];
        uint32_t hostkey_hop;

        enum talk talk;
        struct buf in, out;
        int64_t hello_ms, attach_ms;
        int linger;
        char worker_sha256[65]; /* of the worker that was put in place last */
        char features[256];     /* words of its last greeting */
        struct link_listener *listeners;
        struct link_snapshot_item *snapshot;
        size_t snapshot_count, snapshot_cap;
        struct job_set templates;
        struct request requests[LINK_REQUESTS_MAX];
        size_t request_count;
        uint32_t next_request;

        int64_t grant_until_ms;
        int64_t granted_ms, heard_ms, rtt_ms, ping_ms;
        uint64_t ping;
};

/* ---- worker_link.c ---- */

#define EMIT(l, event, ...)                                                                                  \
        do {                                                                                                 \
                if (!(l)->freed && (l)->s.events->event)                                                     \
                        (l)->s.events->event((l)->s.arg, (l), ##__VA_ARGS__);                                \
        } while (0)

void link_set_state(struct worker_link *l, enum link_state s, const struct link_failure *why);
/* The one way down: after a failure (why) or because the owner wants it (NULL). The last thing a function
 * does. */
void link_down(struct worker_link *l, struct link_failure *why);
void link_gate_leave(struct worker_link *l);
void link_gate_wake(struct worker_link *l);
/* The connection is open for work: beat from now on. */
void link_beat_start(struct worker_link *l);
/* Something was put into `out`: it leaves before the loop sleeps. */
void link_dirty(struct worker_link *l);

/* ---- link_frames.c ---- */
int link_handle_frame(struct worker_link *l, const struct frame *f, struct err *err);

/* ---- link_orders.c ---- */
/* A frame of one number, which no limit refuses. */
void link_send_nonce(struct worker_link *l, uint8_t type, uint64_t nonce);
struct request *link_request_find(struct worker_link *l, uint32_t id, enum request_kind kind);
void link_request_end(struct worker_link *l, struct request *q);
/* Who listens hears that the link is not ready any more. */
void link_listeners_down(struct worker_link *l);

#endif
