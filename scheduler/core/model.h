/* SPDX-License-Identifier: Apache-2.0 */
/* model.h - the world as the engine knows it, in memory, and how it changes.
 *
 * Pure: no clock, no random source, no I/O. Time comes in as m->now_ms (monotonic) and m->wall_ms, randomness
 * as m->seed. Same history in, same model out. The model holds live jobs, open attempts, sites, workers,
 * projects and the datasets that live jobs read: history never enters it (R14).
 *
 * A job's tasks that may be placed now are: the run at and above its cursor [next, last], and the retries
 * whose pause is over. Jobs that have such tasks, and nothing against them (hold, dependency, throttle),
 * stand in the heap of their shape. decide() takes them from there.
 */
#ifndef REEVE_MODEL_H
#define REEVE_MODEL_H

#include "common/ids.h"
#include "common/spans.h"
#include "common/states.h"
#include "common/task_set.h"
#include "core/heap.h"
#include "core/map.h"
#include "core/res.h"
#include "core/retry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIME_NEVER INT64_MAX

struct m_project {
        int32_t id;
        char *name;
        double share;
        double usage;                /* CPU seconds, decayed, as of usage_at */
        int64_t usage_at;            /* wall ms */
        int32_t max_cpus, max_tasks; /* 0 = no limit */
        int32_t used_cpus, used_tasks;
        double run_log; /* logarithm of the run time of its tasks in ms at speed 1, smoothed */
        int64_t ended;
        bool learned; /* more than was taken (learned.h) */
        struct m_shape *
            *shapes; /* with jobs in their heap or not; grows, never shrinks while the model lives */
        size_t shape_count, shape_cap;
        bool usage_dirty;
        /* Within decide() only: shapes with something to place, by their first jobs. */
        struct heap turns;
        size_t turn_place;
        double turn_score;
};

struct m_site_rule {
        int32_t project, max_cpus; /* 0 = no limit */
        int32_t used_cpus;
};

/* What a site keeps for Reeve: copies that it made there. */
struct m_storage {
        bool accept;             /* takes copies of data at all */
        bool unknown;            /* nobody has told yet how much room there is: quota means nothing */
        int64_t quota;           /* bytes that copies may take */
        int64_t used, pledged;   /* bytes of copies there; of those on their way */
        int64_t evictable;       /* of used: copies that may go (told by whoever knows the record) */
        int32_t out_max, in_max; /* transfers at once; 0 = as usual */
        int32_t out, in;         /* active now */
        int32_t out_small, in_small;
        int64_t out_promised, in_promised; /* bytes of open transfers not yet moved */
        double egress, ingress;            /* bytes per second that all transfers may take; 0 = no limit */
        double out_given, in_given;        /* of them given to active ones */
        struct claim *claim; /* room is being made for a shape, or was (space.h); NULL = never */
};

#define WAY_CHANGES_KEPT 16

struct m_site {
        int32_t id;
        char *name;
        enum site_intent intent;
        enum site_health health;
        bool alarm, all_projects;
        int32_t max_tasks; /* 0 = no limit */
        int32_t used_tasks;
        double speed;
        struct m_site_rule *rules;
        size_t rule_count;
        struct m_worker **workers;
        size_t worker_count, worker_cap;
        /* R11: site failures in a row, over how many tasks; the breaker opens at BREAKER_FAILURES. */
        int32_t failures_in_row;
        int64_t breaker_until; /* now_ms; 0 = closed */
        int32_t breaker_tries;
        bool gone; /* removed; kept while attempts live there */
        struct m_storage storage;
        int64_t data_quota;    /* bytes its admin gives for copies; -1 = not said */
        struct m_link **links; /* from other sites, by id; holes are NULL */
        size_t link_cap;
        uint64_t way_changes; /* raised with each change of a link to it (ways.h) */
        int32_t
            changed[WAY_CHANGES_KEPT]; /* where the last of those links come from, by number of the change */
        struct m_attempt *attempts;    /* open here, newest first */
        struct ledger *ledger;         /* within decide(); kept for its storage */
};

struct m_link { /* see link.h; what each look at a way needs comes first: it fits into one line of a cache */
        int32_t from, to;
        double rate;        /* the estimate; 0 = as the prior */
        double latency;     /* seconds */
        double budget;      /* bytes per second its admins allow; 0 = no limit */
        int64_t promised;   /* bytes of open transfers not yet moved */
        int32_t open;       /* such transfers: those that wait for it included */
        int32_t max_active; /* transfers at once; 0 = as usual */
        int64_t rest_until; /* now ms */
        double log_rate, spread,
            weight; /* of log(bytes per second): mean, mean deviation, samples that count */
        double latency_weight;
        int64_t learned_at;      /* wall ms */
        bool direct;             /* the destination may fetch from the source itself */
        int32_t active, small;   /* now; of them small ones (transfer.h) */
        double given;            /* of the budget, to active ones */
        int32_t failures, rests; /* in a row */
        bool dirty;              /* differs from the record */
        int32_t bin;             /* by its rate; 0 = nothing is known (median.h) */
        size_t bin_place;
};

#define BREAKER_FAILURES  3
#define BREAKER_PAUSE_MS  15000 /* before the first probe; doubled up to */
#define BREAKER_PAUSE_MAX 600000
#define EARLY_MS          10000 /* a failure in this time is early */
#define SHORT_TASK_MS     1000  /* only tasks that are shorter are sent ahead of free slots */
#define RATE_STALE_MS     2000  /* after so long without an end, a rate of ends says nothing */
#define RUN_KNOWN_ENDS    16    /* ends of a shape after which its run time is trusted */
#define EARLY_FAILURES    3     /* early failures of a shape at a site that other sites do not show */

struct m_worker {
        int32_t id, project; /* project 0 = any */
        struct m_site *site;
        bool ready; /* connected and compared */
        bool disk_full;
        bool draining;         /* finishes what it has, takes nothing new */
        struct res configured; /* what its admin offers; 0 = as found */
        struct res offer, free;
        bool offer_known; /* it said what it has, now or in an earlier life */
        /* Attempts sent ahead of a free slot, so that short tasks do not wait for the round trip; oldest
         * first. */
        struct m_attempt *ahead_first, *ahead_last;
        int32_t ahead;
        int32_t quick; /* short tasks that hold a place now: what those sent ahead can count on */
        double rate;   /* short tasks ended per second, smoothed */
        int64_t rate_at;
        int64_t rate_n;
        int32_t failures_in_row;  /* ends by fault of the site, on this worker */
        struct m_shape *reserved; /* takes nothing else until that fits (decide.h); NULL = none */
        uint64_t filled;          /* m->turn of the last placement here */
        bool gone;
};

struct m_dataset_site {
        int32_t site;
        char *root;
        bool is_file;
        bool copy;    /* made by a transfer: Reeve may evict it */
        bool suspect; /* could not be read, or its checksum was wrong: no source, and not counted as there */
        bool pinned;  /* somebody asked that it stays */
        int64_t
            brought_at; /* now ms: a transfer for tasks made it, and none has used it yet; 0 = otherwise */
        bool leaving;   /* makes room (space.h): what runs on it may end, nothing new is placed on it */
        int32_t files;
        int64_t bytes;
        struct spans have; /* of a copy that is not whole: the numbers of its files (parts.h) */
};

struct m_dataset {
        int64_t id;
        char *name;
        int32_t project;
        bool sealed, removed;
        int32_t files;
        int64_t bytes;
        int64_t maker_failed; /* wall ms: when the job that makes it ended without success; 0 = it did not */
        struct m_dataset_site *sites; /* by site */
        size_t site_count, site_cap;
        int32_t *allowed; /* sorted: the sites its policy allows; meaningful when restricted */
        size_t allowed_count;
        bool restricted;
        struct m_transfer *transfers; /* open ones */
        double heat;                  /* bytes moved of it for tasks, decayed, as of heat_at */
        double rent;                  /* task seconds waited for want of another copy (spread.h), likewise */
        int64_t rent_at;              /* now ms */
        int32_t ahead;                /* copies made ahead of demand (spread.h) */
        int64_t heat_at;              /* wall ms */
        int32_t users;                /* live jobs that read or make it, and open transfers */
        struct m_reader *readers;     /* live jobs that read it */
        size_t reader_count, reader_cap;
        /* Tasks that wait to read it, as counted in a pass; wanted_pass: its number and one (transfer.h). */
        uint64_t wanted_pass;
        double wanted;
        uint64_t read_pass; /* the last pass that found an attempt to read it where room is made */
};
struct m_reader {
        struct m_job *job;
        size_t input; /* which of its inputs */
};

enum transfer_why { WHY_JOB, WHY_COPY, WHY_PERSON }; /* tasks wait for it; ahead of demand; somebody asked */

struct m_transfer { /* see transfer.h */
        int64_t id;
        struct m_dataset *dataset;
        int32_t from, to; /* from: 0 while no source is known */
        enum transfer_why why;
        enum transfer_state state; /* queued, active, verifying */
        int32_t priority;          /* of the first job that wants it */
        int32_t files;
        struct spans only;            /* the files it moves, by number; none: all that is missing */
        double given;                 /* while active: bytes per second that it may take; 0 = no limit */
        bool small;                   /* while active: counted as a small one */
        int64_t bytes, moved, begun;  /* to be moved; moved so far; moved before this try */
        int64_t asked_at, started_at; /* wall ms; started: of this try */
        int64_t not_before;           /* wall ms: pause after a failed try */
        int32_t tries, avoid;         /* failed tries; source of the last one that failed, 0 = none */
        int32_t chosen;               /* source that an arrangement chose (seats.h); 0 = whichever is best */
        uint64_t wanted_pass;         /* the last one that found somebody to want it */
        int64_t unwanted_since;       /* now ms; 0 = it is wanted */
        double sharing;               /* sum over time of active transfers on its link, in ms */
        int64_t shared_at;            /* now ms */
        int64_t looked_at;            /* now ms: for a better source */
        double eta;                   /* seconds to its end, as looked up (ways.h): */
        uint64_t eta_span, eta_changes;
        bool cancelling;
        struct m_transfer *next; /* of its dataset */
        size_t place;            /* in the heap of queued ones */
};

/* What is learned of a kind of work whatever it reads and wherever it may run: for shapes of which nothing
 * ended yet. */
struct m_class {
        uint64_t key;
        double run_ms; /* smoothed at speed 1; 0 = nothing ended */
        int64_t ended;
        int32_t users; /* 0: kept for what it knows (CLASSES_KEPT) */
        /* Of the last ARRIVAL_MS, about: jobs submitted and their tasks, fading; as of arrived_at (wall ms).
         */
        double jobs, tasks;
        int64_t arrived_at;
        bool learned; /* more than was taken (learned.h) */
};
#define ARRIVAL_MS        60000
#define ARRIVAL_TASKS_MAX 100   /* of one job: a large array is no stream of tasks */
#define CLASSES_KEPT      10000 /* with more than that, those that nobody uses go */

struct m_shape_site { /* what is known about a shape at a site */
        int32_t site;
        int32_t ok, early; /* ends well; early failures since the last end well */
        int32_t live;      /* open attempts there */
        double run_ms;     /* smoothed run time there at speed 1 */
};

struct m_shape {
        uint64_t key;
        struct m_project *project;
        struct res need;
        int64_t *inputs;         /* sorted dataset ids */
        struct m_dataset **data; /* the same */
        size_t input_count;
        struct m_parts *parts; /* how tasks share the files of an input (parts.h); NULL = they do not */
        int32_t *sites;        /* sorted; empty = any */
        size_t site_count;
        int64_t time_limit_ms;
        int64_t expect_ms; /* how long its tasks are said to run at speed 1; 0 = not said */
        struct m_class *kind;
        struct heap jobs; /* with tasks to place now: priority, then id */
        double run_ms;    /* smoothed; 0 = nothing ended yet */
        int64_t ended;
        struct m_shape_site *at; /* by site */
        size_t at_count, at_cap;
        int32_t users; /* live jobs */
        int32_t live;  /* open attempts */
        /* Set by decide(): why its first job was not placed (further) in the pass numbered wait_pass. */
        enum wait_reason wait;
        uint64_t wait_pass, wait_turn;
        /* Others were placed, after its turn, where it could have gone had they left room: since when. */
        bool staging;      /* when it was last looked at closely, its next task waited for data */
        int32_t sent_to;   /* site that data was last sent to for it; 0 = none */
        int64_t looked_at; /* now ms: that look */
        bool passed_over;
        int64_t passed_since;      /* now ms */
        struct m_worker *reserved; /* where room is being made for it */
        bool learned;              /* more than was taken (learned.h) */
        bool lacks_space;    /* all that kept it from running, when last looked at, was room for its inputs */
        int64_t lacks_since; /* now ms */
        struct m_site *claim;    /* where room for them is kept (space.h) */
        struct options *options; /* within decide() only */
        double rank;             /* likewise: goes before shapes of lower rank (order.h, seats.h) */
        struct seat *seats;      /* sites for its next tasks, in order (seats.h) */
        size_t seat_n, seat_cap;
        size_t turn_place;
};

struct m_retry {
        int32_t task, attempt; /* attempt: number of the last one; 0 = none */
        int32_t task_failures, site_failures, avoid_site;
        int64_t due;   /* wall ms */
        int32_t dealt; /* site that its part of an input is meant for (parts.h); 0 = none */
};

struct m_after {
        int64_t job;
        char condition; /* 'o', 'a', 'n' */
        bool elementwise, met;
        size_t at; /* among the dependents of that job; kept by the model */
};

struct m_choice { /* the last decision recorded for a job at a site */
        int32_t site;
        int64_t decision, at; /* now ms */
        uint64_t hash;
};

struct m_job {
        int64_t id;
        struct m_shape *shape;
        char *name;
        int32_t priority;
        int32_t first, last, next;
        struct task_set *tasks; /* owned; NULL = every number from first to last */
        int32_t throttle;       /* 0 = none */
        int32_t succeeded, failed, cancelled;
        int32_t live;            /* open attempts */
        struct m_retry *retries; /* heap by (due, task) */
        size_t retry_count, retry_cap;
        int32_t *skips; /* tasks of the run that were taken out, last one first; all at or above next */
        size_t skip_count, skip_cap;
        uint8_t *left; /* of an element-wise job, a bit each: tasks that wait for no other job any more */
        struct retry_policy retry;
        int64_t submitted_at, started_at, deadline; /* wall ms; INT64_MIN = none */
        int64_t not_before;                         /* wall ms; 0 = at any time */
        bool held, cancelling, elementwise;
        char *held_by, *cancelled_by;
        bool dependency_failed;
        struct m_after *after;
        size_t after_count;
        struct m_dataset **inputs; /* in the order of the job */
        size_t *reader_at;         /* among the readers of each */
        size_t input_count;
        struct m_dataset *output;
        char *spec; /* JSON, NULL = to be read again */
        /* For decide() and pages. */
        enum wait_reason wait;
        int64_t wait_since;       /* wall ms */
        int32_t wait_tellings;    /* rows of its history written */
        int64_t decision;         /* the one its last placement refers to */
        struct m_choice *choices; /* by site where it was placed */
        size_t choice_count, choice_cap;
        bool dirty;            /* its counters differ from the record */
        bool ended;            /* its end is on its way to the record */
        size_t deadline_place; /* in the engine's heap of deadlines */
        size_t place;          /* in the heap of its shape */
        size_t wake_place;
        int64_t wake_at; /* wall ms when it may go on: a retry is due, or its moment came */
        struct m_job *dirty_next;
};

struct m_attempt {
        struct attempt_key key;
        struct m_job *job;
        struct m_worker *worker;
        enum attempt_state state;
        int32_t task_failures, site_failures;
        int64_t placed_at, started_at, decision; /* wall ms */
        double charged;                          /* CPU seconds charged to the project in advance */
        bool ahead;                              /* sent ahead: holds nothing yet */
        bool quick;                              /* counted in its worker's quick */
        bool sent;                               /* on the present connection of its worker */
        enum outcome stop;                       /* while aborting: OUTCOME_CANCELLED or OUTCOME_DRAINED */
        struct m_attempt *ahead_prev, *ahead_next;
        struct m_attempt *site_prev, *site_next;
};

struct model {
        int64_t now_ms, wall_ms;
        uint64_t seed;
        uint64_t pass, turn;   /* passes, and turns of shapes within them, since the model was made */
        double half_life_ms;   /* of fair-share usage */
        double default_run_ms; /* prior for a shape of which nothing ended */
        int64_t reserve_ms;    /* passed over for so long, a shape gets a worker to itself (decide.h) */
        int64_t claim_ms;   /* lacking room for its inputs for so long, it claims it (space.h); 0 = never */
        int64_t claimed_at; /* now ms: last look at who lacks room */
        int64_t ahead_ms;   /* how much work is sent ahead of free slots, in time */
        int32_t ahead_max;
        struct m_project **projects; /* by id; holes are NULL */
        size_t project_cap;
        struct m_site **sites;
        size_t site_cap;
        struct m_worker **workers;
        size_t worker_cap;
        struct map jobs, attempts, datasets, shapes;
        struct heap wakes;                    /* jobs by wake_at */
        struct map dependents;                /* job id -> struct m_dependents */
        char *customs[RES_CUSTOM_MAX];        /* names of countables, by index */
        uint64_t custom_pass[RES_CUSTOM_MAX]; /* in which each was asked for last */
        int32_t custom_count;
        struct m_job *dirty; /* jobs whose record is to be written, in order of becoming dirty */
        struct m_job **dirty_tail;
        struct m_attempt *spare; /* free list */
        int64_t ready_tasks;     /* over all jobs, for pages */
        /* Data: link.h, transfer.h. */
        struct map transfers, transfers_to, classes; /* by id; by dataset and site */
        struct map past;                             /* of shapes to come: learned.h */
        struct heap queued;                          /* transfers that wait to start */
        int64_t next_transfer;                       /* first free id */
        int32_t active, active_max;                  /* transfers that move; at most (0 = any number) */
        double link_prior;                           /* bytes per second */
        int64_t spread_at;                           /* now ms: last look for hot datasets */
        bool links_learned;                          /* since the prior was taken */
        int64_t links_at;                            /* now ms: when it was taken, */
        size_t links_known;                          /* of so many links */
        struct median *median;                       /* of known links (median.h) */
        struct ways *ways;                           /* sources that were found (ways.h) */
        struct seating *seating;                     /* kept by decide() between passes (seats.h) */
        double bytes_price;    /* seconds charged for a second of moving bytes (lambda) */
        int64_t bytes_fade_ms; /* who waited so long does not care for bytes any more */
        bool crowded;        /* more shapes read data than can be looked at closely in each pass (decide.h) */
        int64_t unwanted_ms; /* a transfer that nobody wanted for so long is cancelled */
};

struct model *model_new(void);
void model_free(struct model *m);

/* Index of a countable, known from now on; -1 when RES_CUSTOM_MAX others are. One that no worker offers (or
 * is configured to) and no live job asks for gives way to a new one; not in the pass in which it was asked
 * for, so that whoever asked can put it to use. */
int model_custom(struct model *m, const char *name);

/* Entities by id; NULL when unknown. put: find or make. */
struct m_project *model_project(const struct model *m, int32_t id);
struct m_project *model_project_put(struct model *m, int32_t id, const char *name);
struct m_site *model_site(const struct model *m, int32_t id);
struct m_site *model_site_put(struct model *m, int32_t id, const char *name);
void model_site_rules(struct model *m, struct m_site *s, const struct m_site_rule *rules, size_t n);
struct m_worker *model_worker(const struct model *m, int32_t id);
struct m_worker *model_worker_put(struct model *m, int32_t id, struct m_site *s);
/* A new offer; what runs keeps what it holds, so free may be below zero until enough has ended. */
void model_worker_offer(struct model *m, struct m_worker *w, const struct res *offer);

struct m_dataset *model_dataset(const struct model *m, int64_t id);
struct m_dataset *model_dataset_put(struct model *m, int64_t id, const char *name);
void model_dataset_clear_sites(struct m_dataset *d);
/* A place where it lies, found by site and root, or a new one. */
struct m_dataset_site *model_dataset_site(struct m_dataset *d, int32_t site, const char *root, bool is_file,
                                          int32_t files, int64_t bytes);
/* Index of its first place at the site, or of where one would stand. */
size_t model_dataset_from(const struct m_dataset *d, int32_t site);
/* Only these sites (sorted here) may hold it and run what reads it. */
void model_dataset_allow(struct m_dataset *d, const int32_t *sites, size_t n);
void model_dataset_allow_all(struct m_dataset *d);
/* The copy at the site that is not whole, but knows what it has; NULL = there is none. */
struct m_dataset_site *model_dataset_some(const struct m_dataset *d, int32_t site);
/* Bytes and files of it that the site lacks. */
int64_t model_dataset_missing(const struct m_dataset *d, int32_t site, int32_t *ret_files);
/* Its copies left the site: those that transfers made. */
void model_copy_gone(struct model *m, struct m_dataset *d, int32_t site);
/* Whoever raised d->users by one gives that back; the last user takes it out of the model. */
void model_dataset_drop(struct model *m, struct m_dataset *d);
/* The place at the site that holds all of it, or NULL. */
const struct m_dataset_site *model_dataset_at(const struct m_dataset *d, int32_t site);
/* Read again whether the jobs that read it may go. */
void model_dataset_changed(struct model *m, struct m_dataset *d);

/* ---- jobs
 * --------------------------------------------------------------------------------------------------- */
struct job_init {
        int64_t id;
        struct m_project *project;
        const char *name, *spec; /* copied */
        int32_t priority, first, last, next, throttle, succeeded, failed, cancelled;
        struct task_set *tasks; /* its own from then on; NULL = every number from first to last */
        struct res need;
        int64_t time_limit_ms, expect_ms;
        struct retry_policy retry;
        int64_t submitted_at, started_at, deadline, not_before;
        bool held, cancelling;
        const struct m_after *after; /* met is set by the caller for dependencies that ended */
        size_t after_count;
        struct m_dataset *const *inputs;
        size_t input_count;
        struct m_parts *parts; /* its own from then on; NULL = every task reads all of its inputs */
        struct m_dataset *output;
        const int32_t *sites;
        size_t site_count;
};
struct m_job *model_job_add(struct model *m, const struct job_init *init);
struct m_job *model_job(const struct model *m, int64_t id);
/* Take an ended job out and free it. */
void model_job_remove(struct model *m, struct m_job *j);
/* The order of the queue: by priority, then by number. For heaps of jobs. */
bool job_goes_before(const void *a, const void *b);
int64_t job_total(const struct m_job *j);
/* Is it one of its tasks? The first of them that is not below `from`, last + 1 when there is none. */
bool job_has_task(const struct m_job *j, int64_t task);
int64_t job_task_from(const struct m_job *j, int64_t from);
/* Numbers from the first to the last task, those that are no tasks counted. */
int64_t job_span(const struct m_job *j);
bool job_is_done(const struct m_job *j);
/* How an ended job ended. */
enum job_state job_end_state(const struct m_job *j);
/* Tasks that wait to be placed (now or later), not counting those that wait for other jobs element by
 * element. */
int64_t job_waiting(const struct m_job *j);
/* Unmet dependencies that hold the whole job. */
bool job_is_blocked(const struct m_job *j);
/* Tasks that wait for tasks of other jobs, element by element. */
int64_t job_elements_waiting(const struct m_job *j);
void model_job_dirty(struct model *m, struct m_job *j);
/* Put it where it belongs (shape heap, wake heap) after anything about it changed. */
void model_job_update(struct model *m, struct m_job *j);
/* A task that is to be placed again or was released by itself. */
void model_job_retry(struct model *m, struct m_job *j, const struct m_retry *r);
/* Take one waiting task out (it was cancelled): true when it was waiting. *ret_queued tells whether it stood
 * in the record's task queue; otherwise it is skipped when the cursor comes to it, or when it would be
 * released. */
bool model_job_drop_task(struct model *m, struct m_job *j, int32_t task, bool *ret_queued);
/* Skip a task that was not placed yet; false when it is behind the cursor (element by element: has left,
 * below) or skipped already. */
bool model_job_skip(struct model *m, struct m_job *j, int32_t task);
/* A task of an element-wise job waits for other jobs no more: it was released, ended, or never will run. The
 * model sees releases, attempts and skips itself; what the record tells of earlier ones the caller says. */
void job_element_leaves(struct m_job *j, int32_t task);
bool job_element_has_left(const struct m_job *j, int32_t task);
bool job_skips(const struct m_job *j, int32_t task);
/* The next task of the run; the cursor moves past it and past what is skipped. Only while next <= last. */
int32_t job_next_task(struct m_job *j);
/* Take the retry that is due first; the caller keeps m->ready_tasks right. */
struct m_retry job_retry_pop(struct m_job *j);
/* The same for one of them, by its place. */
struct m_retry job_retry_take(struct m_job *j, size_t i);
/* Move tasks of the run among the retries, as of now; the cursor moves past them. Returns the place of the
 * new one, which holds until the next change. Only while next <= last. */
size_t model_job_deal(struct model *m, struct m_job *j);
void model_job_priority(struct model *m, struct m_job *j, int32_t priority);

/* Jobs that wait for job id; the array borrows. */
struct m_dependents { /* in no order; a job stands in it once for each of its dependencies */
        int64_t *jobs;
        size_t n, cap;
};
const struct m_dependents *model_dependents(const struct model *m, int64_t id);

/* ---- attempts
 * ------------------------------------------------------------------------------------------------ */
/* Open an attempt: takes resources (or stands in the worker's ahead list), counts limits. */
struct m_attempt *model_attempt_open(struct model *m, struct m_job *j, struct m_worker *w, int32_t task,
                                     int32_t attempt, bool ahead);
struct m_attempt *model_attempt(const struct model *m, int64_t job, int32_t task);
/* Give everything back and free it. Reports the run to the statistics when run_ms >= 0. */
void model_attempt_close(struct model *m, struct m_attempt *a, bool well, int64_t run_ms);
/* Take resources for those sent ahead as slots are free; called by close. */
void model_worker_promote(struct model *m, struct m_worker *w);

/* How long a task of the shape is expected to run, in ms at speed 1; at the site, or anywhere (0). */
double shape_run_ms(const struct model *m, const struct m_shape *s, int32_t site);
/* Where that comes from. A guess is the time limit, or what tasks are taken to run while nothing is known. */
enum run_is { RUN_GUESS, RUN_ASKED, RUN_LEARNED };
enum run_is shape_run_is(const struct m_shape *s, int32_t site);
const char *run_is_name(enum run_is is); /* as in JSON */
/* Is that more than a guess? */
bool shape_run_is_known(const struct m_shape *s);
/* Tasks of the kind that are submitted in a second, by what came lately; 0 while that was a single job. */
double class_arrivals(const struct model *m, const struct m_class *c);
/* Make a shape that the model does not hold fit for judging: what is known of its kind of work, and the
 * datasets of its inputs. data has room for them; inputs that the model does not know are left out. */
void shape_dress(const struct model *m, struct m_shape *s);

/* Statistics and breaker (R11): an attempt at a site ended by fault of the site (true) or otherwise. Returns
 * true when the breaker opens by it. */
bool model_site_result(struct model *m, struct m_site *s, bool site_fault);
/* The same for an attempt that ended on a worker: a row of failures on one worker opens its site's breaker,
 * however well the site's other workers do. Call this one where the worker is known. */
bool model_worker_result(struct model *m, struct m_worker *w, bool site_fault);
bool site_breaker_is_open(const struct m_site *s);
void model_site_probe_result(struct model *m, struct m_site *s, bool ok);

struct m_shape_site *shape_site(struct m_shape *s, int32_t site);           /* found or made */
const struct m_shape_site *shape_at(const struct m_shape *s, int32_t site); /* NULL: nothing is known */
/* Fault of the site rather than of the program? Early failures here that other sites do not show. */
bool shape_blames_site(const struct m_shape *s, int32_t site);

/* Jobs whose retries have become due by m->wall_ms go back to their heaps. Returns the wall time of the next,
 * or TIME_NEVER. */
int64_t model_wake(struct model *m);

/* Project's use, decayed to now, over its share: the smaller goes first. */
double project_score(const struct model *m, const struct m_project *p);
void model_charge(struct model *m, struct m_project *p, double cpu_seconds);

#endif
