/* SPDX-License-Identifier: Apache-2.0 */
/* store_engine.h - everything the engine reads and writes, and nothing else.
 *
 * Reading happens once, when a leadership begins (store_load_...), and then in small bites (store_..._new).
 * Writing happens once per pass (store_commit): one pipelined transaction that starts with
 * reeve_fence(epoch). All times are wall milliseconds (the engine's clock); INT64_MIN is "none". Arrays are
 * structs of plain rows owned by the caller; strings in them are borrowed for the call when written, and
 * owned by the result when read.
 */
#ifndef REEVE_STORE_ENGINE_H
#define REEVE_STORE_ENGINE_H

#include "common/ids.h"
#include "common/states.h"
#include "store/db.h"

#define TIME_NONE INT64_MIN

/* ---- leadership -------------------------------------------------------------------------------------------
 * A session advisory lock tells at once that an earlier leader's connection is gone; then, or when its lease
 * ran out, the epoch is raised and the old one fenced. Returns 1 leading (*ret_epoch set), 0 another leads,
 * -1 error. */
/* The connection of store_lead is the writer: its planner settings suit store_commit and the loads, nothing
 * else. After db_reconnect lead again. Partitions of the coming days are made here and by store_upkeep. */
int store_lead(struct db *db, const char *holder, int lease_ms, int64_t *ret_epoch, struct err *err);
/* Extend the lease; ERR_FENCED when the epoch is no longer ours. */
int store_lead_renew(struct db *db, int64_t epoch, int lease_ms, struct err *err);
/* The setting, or made by `make` once (both NUL-terminated, ret holds max bytes). */
int store_setting_get(struct db *db, const char *name, char *ret, size_t max,
                      struct err *err); /* 1 found, 0 absent */
int store_setting_put(struct db *db, const char *name, const char *value,
                      struct err *err); /* keeps an existing one */

/* ---- reading
 * ----------------------------------------------------------------------------------------------- */
struct load_project {
        int32_t id;
        char *name;
        double share, usage;
        int64_t usage_at;
        int32_t max_cpus, max_tasks; /* 0 = none */
};
struct load_site {
        int32_t id;
        char *name;
        enum site_intent intent;
        enum site_health health;
        bool alarm;
        int32_t max_tasks; /* 0 = none */
        int32_t max_dials; /* 0 = the usual number */
        double speed;
        bool all_projects;
        bool data_accept;
        int64_t data_quota;               /* -1 = none given */
        double data_egress, data_ingress; /* 0 = no limit */
        struct {
                int32_t project, max_cpus; /* 0 = none */
        } * projects;
        size_t project_count;
};
struct load_hostkey {
        int32_t hop;
        uint8_t *key;
        size_t len;
};
struct load_worker {
        int32_t id, site, host, account, project; /* project 0 = any */
        char *address;
        int32_t port;
        char **jumps;
        size_t jump_count;
        char *unix_user, *root; /* root NULL = default */
        bool openssh;
        char *public_key;
        uint8_t *sealed_key;
        size_t sealed_key_len;
        struct load_hostkey *keys; /* pinned ones */
        size_t key_count;
        int32_t offer_cpus, offer_gpus, offer_slots; /* 0 = as found (gpus: none) */
        int64_t offer_memory;
        char *offer_custom; /* JSON object */
        bool draining;
        int32_t cpus; /* as last found, 0 = never */
        int64_t memory;
};
struct load_job {
        int64_t id;
        int32_t project, priority;
        char *name, *spec; /* spec: the stored JSON */
        char *user;        /* who submitted it */
        int32_t first_task, last_task, next_task;
        int32_t task_total;
        char *task_list; /* text of a task set; NULL = every number from first to last */
        int32_t succeeded, failed, cancelled;
        int64_t submitted_at, started_at;
        bool taken, held, cancel;
        enum wait_reason wait;
        int64_t wait_since;
        int64_t output_dataset; /* id, 0 = none */
        struct {
                int64_t job;
                char condition; /* 'o' ok, 'a' any, 'n' not_ok */
                bool elementwise;
        } * after;
        size_t after_count;
        int64_t *inputs; /* dataset ids in order */
        size_t input_count;
};
#define TASK_TAKEN_OUT (-1) /* attempt of a task_queue row that says: cancelled before it was placed */
struct load_task {          /* a row of task_queue */
        int64_t job;
        int32_t task, attempt, task_failures, site_failures, avoid_site;
        int64_t not_before;
};
struct load_attempt { /* a row of attempts_live */
        struct attempt_key key;
        int32_t site, worker, task_failures, site_failures;
        enum attempt_state state;
        int64_t placed_at, started_at, decision;
        bool cancel; /* aborting, and a person asked for it */
};
struct load_dataset {
        int64_t id;
        char *name;
        bool sealed, removed;
        int32_t files;
        int64_t bytes;
        int64_t maker_failed; /* when the job that makes it ended without success; 0 = it did not */
        int32_t project;
        bool restricted;  /* by a policy: to the sites that it allows */
        int32_t *allowed; /* ascending */
        size_t allowed_count;
        struct {
                int32_t site;
                char *root;
                bool is_file, copy, suspect, pinned;
                int32_t files;
                int64_t bytes;
                char *present; /* numbers of its files, as spans.h writes them; NULL = not said */
        } * sites;
        size_t site_count;
};
struct load_intent {
        int64_t id, job;
        int32_t task; /* -1 = whole job */
        char kind;    /* 'h' hold, 'r' release, 'c' cancel, 'p' priority */
        int32_t value;
        char *actor;
};
struct load_call {
        int64_t id;
        char *kind, *args, *actor;
        int32_t site; /* 0 = of none */
};

/* Each fills *ret with a malloc'd array of *ret_n rows; the free function takes it back (NULL is fine). */
#define STORE_LOAD_(name, type)                                                                              \
        int store_load_##name(struct db *db, struct type **ret, size_t *ret_n, struct err *err);             \
        void store_free_##name(struct type *rows, size_t n);
STORE_LOAD_(projects, load_project)
STORE_LOAD_(sites, load_site)       /* not removed */
STORE_LOAD_(workers, load_worker)   /* not removed */
STORE_LOAD_(tasks, load_task)       /* all of task_queue */
STORE_LOAD_(attempts, load_attempt) /* all of attempts_live */
STORE_LOAD_(intents, load_intent)   /* not applied yet, by id, at most 10,000 */
STORE_LOAD_(calls, load_call)       /* queued, by id, at most 1,000 */

/* Live jobs with id > after, by id, at most limit. all=false: only those not taken yet (after is ignored
 * then). */
int store_load_jobs(struct db *db, bool all, int64_t after, int limit, struct load_job **ret, size_t *ret_n,
                    struct err *err);
void store_free_jobs(struct load_job *rows, size_t n);
/* One job's spec (malloc'd), for jobs whose spec the engine did not keep. 1 found, 0 not, -1 error. */
int store_job_spec(struct db *db, int64_t job, char **ret, struct err *err);
/* How a job ended: 1 and *ret when it ended, 0 when it lives, -1 error or no such job (ERR_NOT_FOUND). */
int store_job_end(struct db *db, int64_t job, enum job_state *ret, struct err *err);
/* Tasks of a job that ended, from history and cancelled ranges: for element-wise dependents that came later.
 */
struct load_ended_task {
        int32_t task;
        bool ok;
        bool attempted; /* by an attempt of its own */
        bool cancelled; /* that attempt was to be stopped on request */
};
int store_load_ended_tasks(struct db *db, int64_t job, struct load_ended_task **ret, size_t *ret_n,
                           struct err *err);
/* Datasets by id. */
int store_load_datasets(struct db *db, const int64_t *ids, size_t n, struct load_dataset **ret, size_t *ret_n,
                        struct err *err);
void store_free_datasets(struct load_dataset *rows, size_t n);
int store_next_decision(struct db *db, int64_t *ret, struct err *err); /* max id + 1 */
/* A number that changes whenever a person changed sites, hosts, accounts, workers' offers, projects, members
 * or keys (kept by triggers in settings-like table world_version); the engine reloads those when it moved. */
int store_world_version(struct db *db, int64_t *ret, struct err *err);

/* How the tasks of a job share the files of an input: each one's number of files and bytes, by task, at most
 * max rows. */
struct load_share {
        int64_t dataset, bytes;
        int32_t task, files;
};
int store_load_shares(struct db *db, int64_t job, size_t max, struct load_share **ret, size_t *ret_n,
                      struct err *err);
void store_free_shares(struct load_share *rows, size_t n);

/* Files of the parts of tasks first..last of a job that shares an input, by task and path. At most max rows;
 * the last task of a full answer may lack some. */
struct load_part {
        int64_t dataset;
        int32_t task;
        char *path; /* catalog form */
};
int store_load_parts(struct db *db, int64_t job, int32_t first, int32_t last, size_t max,
                     struct load_part **ret, size_t *ret_n, struct err *err);
void store_free_parts(struct load_part *rows, size_t n);

/* ---- data: open transfers, links, what copies take (engine_data.c) */
struct load_transfer {
        int64_t id, dataset;
        int32_t from, to; /* from 0 = not chosen */
        char why;         /* 'j' job, 'c' copy, 'p' person */
        int32_t priority, tries;
        int64_t asked_at, not_before, total;
        char *only; /* numbers of the files it moves; NULL = all that is missing */
};
struct load_link {
        int32_t from, to;
        double rate, latency, weight, budget; /* weight 0: nothing learned; budget 0 = none */
        int64_t learned_at;
        int32_t max_active; /* 0 = as usual */
        bool direct;
};
struct load_storage { /* of sites with copies */
        int32_t site;
        int64_t used, evictable;
};
struct load_eviction {
        int32_t site;
        char *directory;
};
struct load_learned { /* what was learned of run times: what 'k' kind, 's' shape, 'p' project */
        char what;
        int64_t key, ended, at;
        int32_t site, early;
        double run_ms;
};
STORE_LOAD_(learned, load_learned) /* the newest LEARNED_MAX, in no order */
#define LEARNED_MAX  50000
#define LEARNED_DAYS 60
STORE_LOAD_(transfers, load_transfer) /* open ones, by id */
STORE_LOAD_(links, load_link)
STORE_LOAD_(storage, load_storage)
STORE_LOAD_(evictions, load_eviction)                                  /* to be done, at most 1,000 */
int store_next_transfer(struct db *db, int64_t *ret, struct err *err); /* max id + 1 */
/* Files of a dataset and where each is to be read from for a copy at site `to`: there itself if it lies
 * there, else at `from`, else elsewhere. By path, after that of the page before (NULL: from the first); files
 * that lie nowhere are left out; at most max. */
struct load_file {
        char *path, *root; /* catalog form; absolute */
        int32_t site;
        bool is_file; /* root is the file itself */
        bool copy;    /* made by a transfer */
        int64_t size;
        uint8_t sha256[32];
};
/* only: numbers of files, as spans.h writes them; NULL = all. */
int store_load_files(struct db *db, int64_t dataset, int32_t from, int32_t to, const char *only,
                     const char *after, size_t max, struct load_file **ret, size_t *ret_n, struct err *err);
/* May bytes of the dataset begin to move to the site, as of now? 1, 0. The transfer is open on record, so
 * that who changes the policy or the site's labels after this sees it and is refused, and who did before is
 * seen here. */
int store_transfer_allowed(struct db *db, int64_t dataset, int32_t to, struct err *err);
void store_free_files(struct load_file *rows, size_t n);

/* ---- writing
 * ----------------------------------------------------------------------------------------------- */
struct commit_placed {
        struct attempt_key key;
        int32_t site, worker, task_failures, site_failures;
        int64_t decision, placed_at;
        bool queued; /* it stood in task_queue: take it out */
};
struct commit_state { /* started, finishing, aborting */
        struct attempt_key key;
        enum attempt_state state;
        int64_t started_at; /* TIME_NONE keeps it */
};
struct commit_ended {
        struct attempt_key key;
        enum attempt_state state; /* succeeded, failed, lost, aborted */
        enum outcome outcome;
        enum blame blame;
        bool final;
        int32_t code;
        int64_t started_at, ended_at;
        int64_t wall_us, user_us, system_us, memory_peak, read_bytes, write_bytes, stdout_bytes, stderr_bytes;
        int16_t log_cut;
        const char *message; /* NULL = none */
};
struct commit_retry { /* insert or replace a row of task_queue */
        int64_t job;
        int32_t task, attempt, task_failures, site_failures, avoid_site; /* avoid_site 0 = none */
        int64_t not_before;
        const char *last_outcome; /* NULL = none */
};
struct commit_task { /* remove from task_queue */
        int64_t job;
        int32_t task;
};
struct commit_job { /* the moving part of a live job, as the engine knows it */
        int64_t job;
        int32_t priority, next_task, succeeded, failed, cancelled;
        int64_t started_at;
        const char *held_by, *cancelled_by; /* NULL = not; times are set when they turn non-null */
        enum wait_reason wait;
        int64_t wait_since;
};
struct commit_wait { /* why a job waits, or waited, and since when */
        int64_t job, since;
        enum wait_reason reason;
};
struct commit_done {
        int64_t job;
        enum job_state state;
        int32_t succeeded, failed, cancelled;
        int64_t started_at, finished_at;
        const char *message;
};
struct commit_decision {
        int64_t id, job, at;
        int32_t task, site;
        const char *candidates; /* JSON array */
};
struct commit_event {
        const char *kind, *actor, *text; /* actor NULL = Reeve */
        int64_t job;                     /* 0 = none */
        int32_t task, site;              /* -1, 0 = none */
};
struct commit_output {
        int64_t dataset;
        int32_t task, site;
        const char *root, *path; /* path already in catalog form (%XX) */
        int64_t size;
        const uint8_t *sha256; /* 32 bytes */
};
struct commit_transfer { /* a transfer as it is now: new, or moved on */
        int64_t id, dataset;
        int32_t from, to, priority, files, tries;   /* from 0 = not chosen */
        const char *why, *way, *message, *asked_by; /* why: job, copy, person; the others NULL keeps */
        const char *only; /* numbers of the files it moves; NULL = all that is missing */
        enum transfer_state state;
        int64_t total, bytes;
        int64_t asked_at, not_before, started_at, ended_at; /* TIME_NONE = none */
        double rate;                                        /* 0 = none */
};
struct commit_copy { /* a copy at a site, published and verified */
        int64_t dataset;
        int32_t site;
        const char *root;
        bool is_file;
        const char *only; /* numbers of the files that came; NULL = it is complete */
        int64_t bytes;    /* of those */
};
struct commit_link {
        int32_t from, to;
        double rate, latency, weight;
        int64_t at, bytes; /* bytes of the transfer that taught it */
};
struct commit_suspect { /* all places of the dataset at the site: not to be used, or verified again */
        int64_t dataset;
        int32_t site;
        bool suspect;
};
struct commit_learned { /* what: kind, shape, project; the key as bits */
        const char *what;
        int64_t key, ended, at;
        int32_t site, early;
        double run_ms;
};
struct commit_refusal { /* for the audit, as the engine's word; each action and object once */
        const char *action, *object, *detail;
};
struct commit_usage {
        int32_t project;
        double usage;
        int64_t at;
};
struct commit {
#define COMMIT_ROWS_(type, name)                                                                             \
        struct type *name;                                                                                   \
        size_t name##_n, name##_cap;
        COMMIT_ROWS_(commit_placed, placed)
        COMMIT_ROWS_(commit_state, states)
        COMMIT_ROWS_(commit_ended, ended)
        COMMIT_ROWS_(commit_retry, retries)
        COMMIT_ROWS_(commit_task, unqueued)
        COMMIT_ROWS_(commit_job, jobs)
        COMMIT_ROWS_(commit_wait, waits)
        COMMIT_ROWS_(commit_wait, reasons)
        COMMIT_ROWS_(commit_done, done)
        COMMIT_ROWS_(commit_decision, decisions)
        COMMIT_ROWS_(commit_event, events)
        COMMIT_ROWS_(commit_output, outputs)
        COMMIT_ROWS_(commit_usage, usage)
        COMMIT_ROWS_(commit_transfer, transfers)
        COMMIT_ROWS_(commit_copy, copies)
        COMMIT_ROWS_(commit_link, links)
        COMMIT_ROWS_(commit_suspect, suspects)
        COMMIT_ROWS_(commit_refusal, refusals)
        COMMIT_ROWS_(commit_learned, learned)
        int64_t *intents; /* applied */
        size_t intents_n, intents_cap;
        int64_t tasks_succeeded, tasks_failed, tasks_cancelled; /* to add to totals */
};
bool commit_is_empty(const struct commit *c);
void commit_clear(struct commit *c); /* empties, keeps storage; strings are the caller's (an arena) */
void commit_release(struct commit *c);

/* One transaction: fence, then everything above, in an order that keeps keys valid: a task may end, be queued
 * again and be placed again in one commit; nothing is placed and ends in one (a launch leaves only after its
 * commit); done jobs come last. A guard that matches fewer rows than given is ERR_CONFLICT and rolls
 * everything back: the engine then starts a new leadership. Guarded: placed (a task has no open attempt; a
 * queued one stood in task_queue), states and ended (that attempt is open), jobs and done (the job lives).
 * Statements whose rows are empty are not sent.
 *
 * held_by and cancelled_by "" keep who is on record. reasons: why live jobs wait now (a row in jobs says so,
 * too, and goes before one in reasons); waits: what held until now, for their history. Several states of one
 * attempt in one commit are fine, the last counts; those of an attempt that ends in the same commit are not
 * written. Of one task at most one row in retries, of one job at most one in jobs. An output that was
 * published before (an earlier attempt, the same dataset and path) replaces the earlier one. Texts that are
 * not UTF-8 are mended; an output whose path or root is longer than its maximum would be refused with the
 * whole commit, so the caller ends such an attempt as output_failed.
 *
 * Channel reeve_web is notified after a commit with anything that people can see, at most every 20 ms: while
 * db_notify_waits(db) is true, call db_notify_flush(db, err) once some 20 ms passed without a commit. */
#define STORE_PATH_MAX 1024 /* bytes of a file's path in catalog form: it is part of keys */
#define STORE_ROOT_MAX 1024
int store_commit(struct db *db, int64_t epoch, const struct commit *c, struct err *err);

/* ---- copies that go (engine_data.c). Of copies nobody pinned, that no live job reads and that are not the
 * last complete ones, those used longest ago, until they make `need` bytes: they leave the catalog at once
 * and are listed in evictions, to be deleted. With need 0 those of removed datasets only. Returns how many,
 * -1 error. */
int64_t store_evict(struct db *db, int64_t epoch, int32_t site, int64_t need, struct err *err);
/* The copies of one dataset at the site, if they may go; `actor` asked. How many went: 0 they are needed. */
int64_t store_evict_one(struct db *db, int64_t epoch, int32_t site, int64_t dataset, const char *actor,
                        struct err *err);
/* Copies of the dataset at the site that make room although live jobs read it: unless they are pinned, the
 * last complete ones, being moved, or read by an attempt there. How many went. */
int64_t store_evict_leaving(struct db *db, int64_t epoch, int32_t site, int64_t dataset, struct err *err);
/* What transfers left behind at sites where a policy does not allow it any more: to be deleted. How many
 * transfers, at most 1,000. */
int64_t store_sweep_parts(struct db *db, int64_t epoch, struct err *err);
/* Datasets whose time is over, that no live job needs and nobody pinned: removed, as people remove them. How
 * many, at most 1,000. */
int64_t store_expire(struct db *db, int64_t epoch, struct err *err);
int store_eviction_done(struct db *db, int64_t epoch, int32_t site, const char *directory, struct err *err);
struct storage_figures {
        int32_t site;
        int64_t quota, used, evictable;
};
int store_storage_figures(struct db *db, int64_t epoch, const struct storage_figures *rows, size_t n,
                          struct err *err);

/* ---- small fenced writes, each its own transaction
 * ------------------------------------------------------------ */
struct worker_report {
        int32_t worker;
        enum link_state link;
        const char *link_text; /* NULL = none */
        /* the rest is kept when 0 or NULL */
        const uint8_t *spool_id, *boot_id; /* 16 bytes */
        const char *hostname, *machine, *root, *features;
        int32_t cpus, running;
        int64_t memory, disk_free, disk_total, memory_available, clock_skew_ms, seen_at;
        double load;
};
int store_worker_report(struct db *db, int64_t epoch, const struct worker_report *w, struct err *err);
int store_site_health(struct db *db, int64_t epoch, int32_t site, enum site_health health, const char *text,
                      struct err *err);
/* Close a site with an alarm (changed host key), with an event. */
int store_site_alarm(struct db *db, int64_t epoch, int32_t site, const char *why, struct err *err);
int store_account_key(struct db *db, int64_t epoch, int32_t account, const char *public_key,
                      const void *sealed, size_t sealed_len, struct err *err); /* only where there is none */
int store_account_backend(struct db *db, int64_t epoch, int32_t account, bool openssh, struct err *err);
int store_hostkey_seen(struct db *db, int64_t epoch, int32_t host, int hop, const char *type, const void *key,
                       size_t key_len, const char *fingerprint, struct err *err);
int store_call_state(struct db *db, int64_t epoch, int64_t call, const char *state, const char *steps,
                     const char *result, const char *message, struct err *err); /* NULL keeps */
int store_call_data(struct db *db, int64_t epoch, int64_t call, const char *result, const void *bytes,
                    size_t n, struct err *err); /* ends the call as done */
/* A scanned dataset: one transaction, sealed, with all files and replicas. When there is one of that name
 * with exactly these files, it lies at one more place from then on; ERR_CONFLICT with the first difference
 * when there is another, ERR_DENIED when its policy does not allow it at the
 * site. ERR_BAD_INPUT when a path is longer than STORE_PATH_MAX. */
struct scan_file {
        const char *path; /* catalog form */
        int64_t size;
        const uint8_t *sha256;
};
int store_dataset_register(struct db *db, int64_t epoch, const char *name, int32_t project,
                           const char *made_by, int32_t site, const char *root, bool is_file,
                           const struct scan_file *files, size_t n, struct err *err);
/* Calls that an earlier leadership had taken up: failed. */
int store_calls_abandon(struct db *db, int64_t epoch, struct err *err);
/* Upkeep, a few times an hour: partitions, expired sessions, calls and idempotency keys; jobs that ended more
 * than keep_days ago, with everything that hangs on them (what they made stays); datasets that people removed
 * as long ago. One small slice a call: call again soon while u->more. After an error (a slice that would have
 * waited for somebody, say) the next call goes on with the next step. */
struct upkeep {
        int step;
        int64_t after_job;
        bool more; /* this round is not over */
};
int store_upkeep(struct db *db, int64_t epoch, int keep_days, struct upkeep *u, struct err *err);
/* Running figures for pages: pass time and so on, kept in totals. */
int store_engine_figures(struct db *db, int64_t epoch, int64_t pass_us, int64_t placed_total,
                         struct err *err);

#endif
