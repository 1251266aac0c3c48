/* SPDX-License-Identifier: Apache-2.0 */
/* work.h - the attempts a keeper knows, the jobs they belong to, and the resources they take.
 *
 * Bookkeeping only: no process, file or clock. An attempt is in one list: the queue, the running, the exited
 * (its leader is reaped, leftovers may live), or none. It is forgotten when its result was acknowledged.
 */
#ifndef REEVE_WORKER_WORK_H
#define REEVE_WORKER_WORK_H

#include "common/proto.h"

#include <sys/resource.h>
#include <sys/types.h>

#define ATTEMPTS_MAX  200000      /* known at once; launches beyond are refused */
#define TEMPLATES_MAX (64u << 20) /* bytes of templates held; launches of further jobs are refused */
#define REFUSED_MAX   4096        /* acknowledged refusals still remembered */
#define GPU_IDS_MAX   64          /* GPUs whose ids are handed out */

enum phase { PHASE_QUEUED, PHASE_RUNNING, PHASE_EXITED, PHASE_FINISHING, PHASE_ENDED, PHASE_REFUSED };

struct launch_plan;
struct workdir;

struct job {
        int64_t id;
        struct proto_template t;
        uint8_t *raw; /* owned: the template as it came, for the journal */
        size_t raw_len;
        struct launch_plan *plan; /* owned, freed by work's plan_free; NULL until the first start */
        uint32_t live;            /* attempts not ended */
        bool forgotten;
        struct job *next; /* in the hash */
};

/* What exists only from start to result. */
struct run {
        struct attempt *owner; /* and the keeper, for timers */
        void *keeper;
        pid_t pid; /* leader: session and process group */
        int64_t start_wall_ms, start_boot_us, end_wall_ms, end_boot_us;
        struct workdir *dir;
        uint64_t gpus; /* ids held, a bit each */
        int status;    /* as from wait4 */
        struct rusage usage;
        uint64_t stdout_bytes, stderr_bytes, memory_seen;
        uint8_t log_cut;
        bool adopted;                /* started by a keeper that died: not our child */
        bool status_known;           /* of an adopted one: how it ended was noted */
        bool reported;               /* K_STARTED sent and journaled */
        bool leftovers;              /* something of it still lived when last looked */
        bool kill_sent;              /* SIGKILL was sent */
        int signal_due;              /* to be sent to all of it by the next kills_send; 0: none */
        unsigned cgroup;             /* CGROUP_ flags of its control group; 0: it has none */
        uint8_t outcome;             /* why we are killing it; OUTCOME_COUNT: we are not */
        char text[160];              /* the words for it */
        uint64_t timer;              /* time limit, or the end of the grace */
        struct proto_result *result; /* while outputs are being kept; owned */
};

struct attempt {
        struct attempt_key key;
        enum phase phase;
        uint64_t index;  /* order of launching; starts follow it strictly */
        struct job *job; /* NULL once ended */
        struct run *run; /* owned */
        uint8_t *result; /* encoded, owned; ENDED only */
        uint16_t result_len;
        bool durable;                /* the result was flushed: may be reported */
        struct attempt *prev, *next; /* list */
        struct attempt *hash_next;
};

struct list {
        struct attempt *first, *last;
        uint32_t count;
};

/* What is offered and what is free. Signed: an offer may shrink below what is in use. */
struct offer {
        struct proto_resources total;
        uint32_t slots;
        int64_t cpus, gpus, memory, free_slots;
        int64_t custom[TEMPLATE_CUSTOM_MAX];
        uint64_t gpu_ids; /* in use */
        bool made;
};

struct work {
        struct attempt **hash;
        size_t hash_size, count;
        struct job **jobs;
        size_t job_hash, template_bytes;
        struct list queue, running, exited, finishing, ended, refused;
        struct offer offer;
        uint64_t next_index;
        void (*plan_free)(struct launch_plan *plan); /* set by the owner of plans */
};

void work_init(struct work *w);
void work_release(struct work *w);

struct attempt *work_find(const struct work *w, struct attempt_key key);
/* A new attempt in phase QUEUED, at the end of the queue; it must not be known. */
struct attempt *work_add(struct work *w, struct attempt_key key, struct job *job);
/* The one setter of the phase: moves it to the list of the new phase. */
void work_move(struct work *w, struct attempt *a, enum phase to);
void work_remove(struct work *w, struct attempt *a);
/* The attempt ended: keep the encoded result, let go of its job and run. */
void work_end(struct work *w, struct attempt *a, const struct proto_result *res);

struct job *work_job(const struct work *w, int64_t id);
/* Decode and keep a template; a known job keeps the one it has. */
int work_add_job(struct work *w, const void *raw, size_t len, struct job **ret, struct err *err);
/* Drop the job if nothing of it is live and no launch of it is to be expected. */
void work_job_release_if_idle(struct work *w, struct job *job);

/* Change what is offered; what is in use stays in use. */
void work_offer(struct work *w, const struct proto_resources *total, uint32_t slots);
/* Could it ever run here? -1 names what is lacking. */
int work_can_ever_fit(const struct work *w, const struct proto_resources *need, struct err *err);
bool work_fits_now(const struct work *w, const struct proto_resources *need);
void work_take(struct work *w, const struct proto_resources *need, uint64_t *ret_gpus);
void work_give_back(struct work *w, const struct proto_resources *need, uint64_t gpus);

#endif
