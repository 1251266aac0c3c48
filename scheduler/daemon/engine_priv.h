/* SPDX-License-Identifier: Apache-2.0 */
/* engine_priv.h - the parts of the engine among themselves.
 *
 *   engine.c         loop, leadership, the pass
 *   engine_world.c   sites, projects, workers and their links, read again when people change them
 *   engine_jobs.c    jobs taken up, intents, dependencies, ends
 *   engine_elements.c   jobs that wait for each other task by task
 *   engine_datasets.c   the datasets that live jobs read or make
 *   engine_fold.c    what workers say
 *   engine_record.c  plan and changes into one commit; what is done after it
 *   engine_wait.c    why things wait, for people
 *   engine_progress.c  what attempts say of their progress
 *   engine_insight.c   what is counted for plots
 *   engine_explain.c questions about a job: why, when, what if (explain.h)
 *   engine_transfers.c  data on its way between sites
 *   engine_arrivals.c   data that comes in: sent to the server, or fetched, on its way to a site
 *   engine_storage.c    room for copies, evictions, suspect places
 *   engine_copies.c     questions and orders about copies of datasets
 *   engine_learned.c    what was learned of run times, kept over a restart
 *   engine_refusals.c   what policies forbid, for the audit
 *   engine_calls.c   questions to sites: read, scan, probe, test
 */
#ifndef REEVE_ENGINE_PRIV_H
#define REEVE_ENGINE_PRIV_H

#include "common/arena.h"
#include "core/decide.h"
#include "core/model.h"
#include "daemon/engine.h"
#include "daemon/engine_insight.h"
#include "daemon/engine_progress.h"
#include "remote/worker_link.h"
#include "store/store_engine.h"

#include <jansson.h>

/* A row appended to one of the commit's arrays. */
#define COMMIT_ADD(e, list, ...)                                                                             \
        do {                                                                                                 \
                (e)->commit.list = xgrow((e)->commit.list, (e)->commit.list##_n, &(e)->commit.list##_cap,    \
                                         sizeof *(e)->commit.list);                                          \
                (e)->commit.list[(e)->commit.list##_n++] = __VA_ARGS__;                                      \
        } while (0)

#define PROBE_JOB (INT64_MAX - 1) /* the job id of probes: no job of anybody gets that far */

struct key_list {
        struct attempt_key *keys;
        size_t n, cap;
};
void key_list_add(struct key_list *l, struct attempt_key k);

struct output_list { /* files an attempt announced before its result */
        struct attempt_key key;
        struct proto_file *files; /* paths owned */
        size_t n, cap;
};

struct engine_worker { /* what the engine keeps of a worker beside the model */
        struct engine *e;
        int32_t id, site, host, account;
        struct m_worker *w;
        struct worker_link *link;
        char *name;   /* "alpha/user@host" */
        bool offered; /* the link's greeting carries the offer that the model has */
        struct res found;
        int64_t granted;   /* boot ms of the last grant over any link of this leadership */
        int64_t report_at; /* boot ms of the last report written */
        bool report_now;
        struct worker_report report;
        char link_text[600], hostname[128], machine[64], root[512], features[64];
        uint8_t spool_id[16], boot_id[16];
        struct key_list acks, cancels;
        uint64_t signature;   /* of everything the link was made from */
        bool seen;            /* in the reading of the world that goes on */
        int64_t stop_sent_at; /* boot ms when the worker of a closed site was told to end; 0 = not */
};

struct engine_call;

struct told {
        int64_t job;
        int32_t task;
        bool ok;
};

struct engine {
        struct engine_settings set;
        uv_loop_t *loop;
        struct db *db;
        uv_poll_t *db_poll; /* owned; NULL while there is no connection to watch */
        uv_timer_t tick, pace, notify;
        uv_check_t check;
        bool stopping, leading;
        bool fenced;                 /* a worker obeys a later leadership */
        int64_t epoch, lead_renewed; /* boot ms */
        int64_t next_try;            /* boot ms, to lead */
        char holder[128];
        uint8_t instance[16];
        uint8_t seal_public[32], seal_secret[32];

        struct model *m;
        struct plan plan;
        struct commit commit;
        struct arena arena;
        int64_t next_decision;
        bool want_pass, look_new; /* look_new: ask the record for new jobs, intents, calls */
        int64_t last_pass;        /* boot ms */
        int64_t took_over;        /* boot ms */
        int64_t world_version;

        struct engine_worker **workers; /* by id */
        size_t worker_cap;
        struct dial_gate **gates; /* by site id */
        size_t gate_cap;
        struct map outputs;      /* attempt map key -> output_list */
        struct m_job **finished; /* jobs that ended in this pass */
        size_t finished_n, finished_cap;
        struct map resettle; /* job id -> anything: element-wise jobs to be judged after the commit */
        struct told *told;   /* ends of tasks that those who wait for them do not know of yet */
        size_t told_n, told_cap;
        bool telling;
        struct heap deadlines; /* jobs by deadline */
        struct engine_call *calls;
        int64_t explain_us; /* spent on explanations since the last tick */
        uint32_t probe_counter;
        bool world_loaded;
        size_t wait_cursor;       /* of the sweep over the reasons to wait; 0: between two rounds */
        int64_t wait_round;       /* boot ms when the next one may begin */
        struct map moves;         /* transfers under way, by id: engine_transfers.c */
        struct removal *removals; /* engine_storage.c */
        struct arrival *arrivals; /* engine_arrivals.c */
        int64_t arrivals_at, arrivals_tidy_at;
        bool sweep_parts;
        int64_t storage_at;
        struct upkeep upkeep;
        struct progress_book *progress; /* while leading */
        struct insight_book *insight;   /* likewise */
        int task_events;                /* of the commit that is being built */
        int64_t placed_total, pass_us;
        int64_t figures_at, disk_at, usage_at, upkeep_at, sweep_at, poll_at, learned_at;
};

/* engine.c */
void engine_wake(struct engine *e);
/* Give up the leadership and start over; `why` is logged. */
void engine_reset(struct engine *e, const struct err *why);
double engine_random(struct engine *e); /* [0, 1) */
void engine_clock(struct engine *e);    /* bring the model's clocks up to now */

/* engine_world.c */
int world_load(struct engine *e, struct err *err);
void world_unload(struct engine *e);
void world_tick(struct engine *e, int64_t now); /* leases, links, probes, reports */
struct engine_worker *world_worker(const struct engine *e, int32_t id);
void world_site_health(struct engine *e, int32_t site);
void world_offer(struct engine_worker *ew); /* what it offers, from what was found and what its admin said */
void world_link_state(struct engine_worker *ew, enum link_state s, const struct link_failure *why);
void world_hostkey_changed(struct engine_worker *ew, uint32_t hop, const char *type, const char *fingerprint);
/* Parts of a link's settings, also for probes and tests. hops are released by world_hops_release; the key
 * text by ssh_key_wipe. */
void world_link_settings(struct engine_worker *ew, const struct load_worker *row,
                         struct worker_link_settings *ret);
int world_hops(const struct load_worker *row, struct proto_hop hops[HOPS_MAX], uint32_t *ret_n,
               struct err *err);
void world_hops_release(struct proto_hop *hops, uint32_t n);
char *world_open_key(const struct engine *e, const struct load_worker *row, struct err *err);
int world_secret_load(struct engine *e, struct err *err);

/* engine_jobs.c */
int jobs_load_all(struct engine *e, struct err *err);
int jobs_take_asked(struct engine *e, struct err *err);
bool job_deadline_before(const void *a, const void *b); /* the order of engine.deadlines */
void jobs_task_ended(struct engine *e, struct m_job *j, int32_t task, bool ok);
void jobs_cancel(struct engine *e, struct m_job *j, const char *by, const char *why);
void jobs_finish_if_done(struct engine *e, struct m_job *j);
void jobs_deadlines(struct engine *e);
int jobs_after_commit(struct engine *e, struct err *err);
void jobs_fetch_specs(struct engine *e);
void jobs_sort_ids(int64_t *ids, size_t n);
/* engine_datasets.c */
/* Those that the jobs name and the model does not know, in one query. */
int jobs_load_inputs(struct engine *e, const struct load_job *rows, size_t n, struct err *err);
int jobs_load_datasets(struct engine *e, const int64_t *ids, size_t n, struct err *err);
/* All datasets in the model anew: policies may have changed, or the sites that they allow. */
int jobs_reload_datasets(struct engine *e, struct err *err);
/* A dataset lies somewhere else, or at one more place: read it again if a live job reads it. */
void jobs_dataset_moved(struct engine *e, const char *name);
/* Datasets that no live job reads, into the model for a moment, and out again. */
int jobs_datasets_borrow(struct engine *e, const int64_t *ids, size_t n, struct err *err);
void jobs_datasets_return(struct engine *e, const int64_t *ids, size_t n);

/* engine_elements.c: task i of a job waits for task i of another */
/* Bring such a job that was read again up to date. */
int elements_restore(struct engine *e, struct m_job *j, struct err *err);
/* It is to be judged from the record, once the commit that is being built is in it; */
void elements_settle_later(struct engine *e, int64_t job);
/* now it is. */
int elements_settle_asked(struct engine *e, struct err *err);

/* engine_fold.c */
extern const struct worker_link_events fold_events;
void fold_attempt_end(struct engine *e, struct m_attempt *a, enum outcome outcome,
                      const struct proto_result *res);
void fold_lease_expired(struct engine *e, struct engine_worker *ew);
void fold_outputs_clear(struct engine *e);
/* why: OUTCOME_CANCELLED or OUTCOME_DRAINED. */
void attempt_request_stop(struct engine *e, struct m_attempt *a, enum outcome why);

/* engine_record.c */
void record_plan(struct engine *e);
void record_dirty_jobs(struct engine *e);
void record_event(struct engine *e, const char *kind, const char *actor, int64_t job, int32_t task,
                  int32_t site, const char *fmt, ...) __attribute__((format(printf, 7, 8)));
void act_after_commit(struct engine *e);
void act_resend(struct engine *e);

/* engine_wait.c */
char *wait_candidates_json(struct arena *a, const struct candidate *c, size_t n);
/* Go on round the live jobs, and have the reasons that changed written. */
void wait_sweep(struct engine *e, int64_t now);
/* Bring the job's reason up to now; true when it changed, which is to be written then. */
bool wait_settle(struct engine *e, struct m_job *j);
/* The job ended: what held last goes into its history. */
void wait_end(struct engine *e, struct m_job *j);

/* engine_explain.c */
/* The answer to an explain call as JSON, malloc'd; NULL with *err when it cannot be given. */
char *explain_answer(struct engine *e, const json_t *args, struct err *err);

/* engine_learned.c: what was learned of run times, kept over a restart */
int learned_load(struct engine *e, struct err *err);
void learned_record(struct engine *e);

/* engine_refusals.c: what policies of datasets forbid stands in the audit, each once, at most REFUSALS_MAX in
 * a commit. */
#define REFUSALS_MAX 200
void refusal_of_job(struct engine *e,
                    const struct m_job *j); /* no site that could run it may have its data */
void refusal_of_transfer(struct engine *e, const struct m_transfer *t);
void refusal_of_copy(struct engine *e, const struct m_dataset *d, const struct m_site *s, const char *actor);
void refusal_of_place(struct engine *e, const char *dataset, int32_t site,
                      const char *actor); /* registered */
/* The input of the job that must not be read at the site, NULL: it may start there. Noted when there is. */
const struct m_dataset *refusal_of_launch(struct engine *e, const struct m_job *j, const struct m_site *s);

/* engine_copies.c: what people ask about copies of data. Each answers with JSON, malloc'd; NULL with *err
 * when it cannot be done. What it changes counts with the commit that is being built. */
char *copies_where(struct engine *e, int32_t site, const json_t *args, const char *actor, struct err *err);
char *copies_copy(struct engine *e, int32_t site, const json_t *args, const char *actor, struct err *err);
char *copies_evict(struct engine *e, int32_t site, const json_t *args, const char *actor, struct err *err);
char *copies_stop(struct engine *e, int32_t site, const json_t *args, const char *actor, struct err *err);

/* engine_calls.c */
int calls_take_new(struct engine *e, struct err *err);
void calls_on_data(struct engine *e, struct engine_worker *ew, uint32_t request, const struct link_data *d);
void calls_on_scanned(struct engine *e, struct engine_worker *ew, uint32_t request, uint64_t files_done,
                      uint64_t bytes_done, const struct proto_file *files, size_t n);
void calls_on_scan_end(struct engine *e, struct engine_worker *ew, uint32_t request, enum read_status status,
                       bool is_file, const char *text);
void calls_unload(struct engine *e);
void calls_worker_gone(struct engine *e, const struct engine_worker *ew); /* its link goes: no answers */
void calls_tick(struct engine *e, int64_t now);

#endif
