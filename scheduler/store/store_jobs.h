/* SPDX-License-Identifier: Apache-2.0 */
/* store_jobs.h - jobs, tasks, attempts, reasons and events, as people see them. Reads, and what people ask.
 *
 * Nothing here counts what grows without bound: pages go by key, filters look at a bounded run of rows,
 * counts are of open attempts or kept numbers. Rows are read by the column names listed.
 */
#ifndef REEVE_STORE_JOBS_H
#define REEVE_STORE_JOBS_H

#include "store/db.h"

#define JOBS_SCAN_MAX   5000 /* jobs that one page of a filtered list looks at */
#define EVENTS_SCAN_MAX 5000

/* Which projects a reader may see. */
struct visible {
        bool all;
        const int64_t *projects;
        size_t count;
};

struct jobs_filter {
        struct visible who;
        int64_t before;    /* only ids below; INT64_MAX: from the newest */
        const char *state; /* as shown; NULL any */
        const char *name;  /* NULL any */
        enum { NAME_IS, NAME_STARTS, NAME_HAS } name_how;
        const char *user;
        const char *site; /* something of it was sent there */
        const char *label, *label_value;
        const int64_t *ids; /* NULL any */
        size_t ids_count;
        int64_t since, until; /* submitted then or later, before then; wall ms, INT64_MIN: any time */
        int64_t after;        /* only ids above; store_jobs_between sets it */
        int limit;
};
/* Submissions so close in time may have numbers the other way round. */
#define JOBS_SAME_TIME_MS 60000
/* Narrow before and after by since and until, so that a list looks at no others. Call it once, before. */
int store_jobs_between(struct db *db, struct jobs_filter *f, struct err *err);
/* Jobs, newest first, at most limit: id, name, project, user, state, labels, first_task, last_task,
 * task_total, task_list (null: every number from first to last; cut when it is long), succeeded, failed,
 * cancelled, placed, running, submitted_at, started_at, finished_at, message, resources (JSON), sites (JSON),
 * output_dataset, live, priority, wait, wait_since, held_by, held_at, cancelled_by, cancelled_at. *ret_next:
 * where the next page starts (ids below it), 0 at the end; a page may be short and not the last. */
int store_jobs_list(struct db *db, const struct jobs_filter *f, struct rows **ret, int64_t *ret_next,
                    struct err *err);
/* One job, the same columns (the whole task_list); no row when there is none that
 * `who` may see. */
int store_job_show(struct db *db, const struct visible *who, int64_t id, struct rows **ret, struct err *err);
/* spec (JSON); no row as above. */
int store_job_show_spec(struct db *db, const struct visible *who, int64_t id, struct rows **ret,
                        struct err *err);
/* project_id, first_task, last_task, task_list, next_task (null: ended), submitted_at, live, wait, state,
 * held; no row as above. */
int store_job_outline(struct db *db, const struct visible *who, int64_t id, struct rows **ret,
                      struct err *err);

/* Tasks first..last of a job, by number. Each row has `task`.
 * open: an attempt under way. queued: to be run again (attempt, not_before). ended: the newest ended attempt,
 * or all of them, newest first, and final. An attempt: attempt, state, outcome, blame, code, site, worker,
 * host, placed_at, started_at, ended_at, wall_us, user_us, system_us, memory_peak, read_bytes, write_bytes,
 * stdout_bytes, stderr_bytes, log_cut, message, decision_id, final. */
int store_tasks_open(struct db *db, int64_t job, int64_t first, int64_t last, struct rows **ret,
                     struct err *err);
int store_tasks_queued(struct db *db, int64_t job, int64_t first, int64_t last, struct rows **ret,
                       struct err *err);
int store_tasks_ended(struct db *db, int64_t job, int64_t first, int64_t last, int64_t since, bool all,
                      struct rows **ret, struct err *err);

/* What a job waited for, newest first: since, reason. */
int store_job_waits(struct db *db, int64_t job, int limit, struct rows **ret, struct err *err);
/* Decisions about a job, newest first: id, decided_at, task, site, candidates (JSON). id > 0: that one only.
 */
int store_decisions(struct db *db, int64_t job, int64_t id, int limit, struct rows **ret, struct err *err);

/* Files of the dataset a job makes, from (task, path) on: dataset, task, path, size, sha256, site. */
int store_job_outputs(struct db *db, int64_t job, int64_t after_task, const char *after_path, int limit,
                      struct rows **ret, struct err *err);
/* dataset name; no row when the job makes none. */
int store_job_dataset(struct db *db, int64_t job, struct rows **ret, struct err *err);

/* Ask something of a job. kind: hold, release, cancel, priority. task -1: the whole job. */
int store_intent_add(struct db *db, int64_t job, int64_t task, const char *kind, int64_t value,
                     const char *actor, struct err *err);

struct events_filter {
        struct visible who;
        int64_t before; /* only seq below */
        int64_t job;    /* 0 any */
        const char *site;
        int limit;
};
/* Events, newest first: seq, at, kind, job_id, task, site, actor, text. *ret_next as for jobs. */
int store_events_list(struct db *db, const struct events_filter *f, struct rows **ret, int64_t *ret_next,
                      struct err *err);

/* Open attempts, newest first: job_id, name, task, attempt, state, site, started_at, placed_at. */
int store_running(struct db *db, const struct visible *who, int limit, struct rows **ret, struct err *err);

/* Figures for the first page and metrics: totals as name, value; leader as epoch, holder, last (lease end,
 * time). */
int store_totals(struct db *db, struct rows **ret, struct err *err);
int store_leader(struct db *db, struct rows **ret, struct err *err);
/* Live jobs: jobs (an estimate kept by the server's statistics) - and, over at most `most` of them: accepted,
 * active, held, ready (tasks), placed, running (open attempts). */
int store_live(struct db *db, int most, struct rows **ret, struct err *err);
/* Live jobs by why they wait, over at most `most` of them: wait, jobs. */
int store_waits(struct db *db, int most, struct rows **ret, struct err *err);
/* Live jobs as the server's statistics have them. */
int store_live_estimate(struct db *db, int64_t *ret, struct err *err);

#endif
