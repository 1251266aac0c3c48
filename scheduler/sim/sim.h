/* SPDX-License-Identifier: Apache-2.0 */
/* sim.h - a world in virtual time, under one of the rules.
 *
 * What happens is the same for every rule: sites run tasks in places that are CPUs, a task starts where all
 * its inputs are and holds its CPUs until it ends; links move files. Transfers on a link share its rate
 * evenly, and none gets more than an even part of what its source can send and its destination can take; a
 * file moves to a site once, whoever wants it there; copies above a site's quota are evicted, longest unused
 * first, but never one that is in use or waited for, and never what lay there from the start. A rule only
 * says where tasks go (and, where it is Reeve's, what is moved):
 *
 *     push  a site for each task when it becomes ready; files that are missing set out at once, and the task
 *           waits in the site's line, where the first whose data is there and that fits is started
 *     pull  tasks wait in one line; a task goes to a site that has room, holds its places, and then gets its
 * data core  scheduler/core itself: decide() over its own model, told of every end
 *
 * For push and pull, two transfers at a time use a link, the others wait in line; core has budgets of its
 * own.
 */
#ifndef REEVE_SIM_SIM_H
#define REEVE_SIM_SIM_H

#include "core/map.h"
#include "sim/figures.h"
#include "sim/world.h"

#include <stdio.h>

#define PULL_PAUSE_MS   15000 /* how long a pull rule may pass up places for a job */
#define LINK_ACTIVE_MAX 2     /* transfers at once on a link, for rules that start them without counting */

struct sim;

enum rule_kind { RULE_PUSH, RULE_PULL, RULE_CORE };

struct rule {
        const char *name, *sentence;
        enum rule_kind kind;
        /* The site for a task of the job, -1: not now (only for pull, which may choose sites with room
         * alone). */
        int32_t (*choose)(struct sim *s, int32_t job);
};
const struct rule *rules_all(size_t *ret_n);
const struct rule *rule_named(const char *name); /* NULL = none */

struct sim_options {
        const struct rule *rule;
        uint64_t seed;
        int64_t pass_ms;            /* core: least time between passes */
        const struct w_link *truth; /* what links really give, site by site; NULL = as the world says */
        bool plain;                 /* core: nothing that was found is kept from pass to pass */
        bool learn_links;           /* core: knows nothing of links beforehand */
        FILE *events;               /* gets a line for each task and transfer that ended; NULL = nowhere */
        bool check;                 /* recount everything after each event (slow, for tests) */
};

struct sim_site {
        int32_t free;
        int64_t used;    /* bytes of copies, those on their way included */
        int64_t running; /* tasks */
        int64_t waiting; /* push: tasks in its line, data there or not */
        int64_t staging; /* of them: those whose data is not there yet */
        double work; /* CPU seconds of its speed that are promised: waiting and running tasks as guessed */
        int32_t out, in;              /* transfers that use it now */
        struct entry *first, *last;   /* line of those whose data is there */
        struct copy *oldest, *newest; /* copies by last use, for eviction */
        struct move *moves_out, *moves_in;
};

struct copy { /* of a file at a site: there, or on its way */
        int32_t file, site;
        bool there, original; /* original: lies there from the start, or was made there */
        int32_t pins;         /* tasks that use it or wait for it there */
        struct move *move;    /* on its way */
        struct waiter *waiters;
        struct copy *next;          /* of the file */
        struct copy *older, *newer; /* by last use; only copies that may go */
        bool listed;
};

struct move { /* a transfer */
        int32_t file, from, to;
        int64_t tag; /* core's number of it */
        bool active;
        double left;  /* bytes */
        double rate;  /* bytes per ms at the moment, before the course of the day */
        double as_of; /* ms: when left was right */
        int64_t asked_at, began_at;
        uint32_t turn;     /* of the end that counts */
        struct move *next; /* in the line of its link, or the free list */
        struct move *out_next, *out_prev, *in_next, *in_prev;
        uint32_t index;
};

struct entry { /* a task that waits at a site */
        int32_t job, task, missing;
        struct entry *next;
};
struct waiter {
        struct entry *entry;
        struct waiter *next;
};

struct job_life {
        int64_t ready_at;
        int32_t waits; /* jobs it waits for, and its own submission */
        int32_t started, ended;
};

struct event {
        int64_t at;
        uint64_t seq;
        enum event_kind { EVENT_TASK_END, EVENT_MOVE_END, EVENT_PASS } kind;
        int32_t site, job, task;
        uint32_t move, turn;
        int64_t began;
};

struct sim {
        const struct world *w;
        struct sim_options o;
        int64_t now;
        struct sim_site *sites;
        struct job_life *jobs;
        struct copy **copies_of; /* by file */
        struct map copies;       /* file and site */
        struct event *events;
        size_t event_n, event_cap;
        uint64_t seq;
        struct move **moves;
        size_t move_n, move_cap;
        struct move *spare_moves;
        struct link_line {
                struct move *first, *last;
                int32_t active;
        } * lines; /* by link */
        struct entry *spare_entries;
        struct waiter *spare_waiters;
        int32_t *line; /* pull: jobs with tasks to place, in order */
        size_t line_n, line_cap;
        int32_t *children; /* jobs that wait for a job, by job */
        uint32_t *children_at;
        int32_t *order; /* jobs by submission */
        size_t submitted;
        int64_t ended, open_moves;
        bool changed; /* something that a pull rule or the core should look at */
        struct dice dice;
        int32_t robin;
        double mean_rate; /* of the links, as believed */
        struct core *core;
        struct figures *figures;
        struct err err;
};

/* 0, or -1 when tasks are left that nobody can run (*err says which). */
int sim_run(const struct world *w, const struct sim_options *o, struct figures *ret, struct err *err);

/* ---- for rules */
bool sim_may_run(const struct sim *s, int32_t job, int32_t site); /* large enough, allowed, data can come */
struct copy *sim_copy(const struct sim *s, int32_t file, int32_t site); /* NULL = neither there nor coming */
/* Bytes of the job's inputs at the site (coming ones count when asked for), and how many files are not. */
int64_t sim_bytes_at(const struct sim *s, int32_t job, int32_t site, bool coming, int32_t *ret_missing);
int64_t sim_bytes_all(const struct sim *s, int32_t job);

/* ---- for the core's driver (core.c) */
void sim_start_task(struct sim *s, int32_t job, int32_t task, int32_t site);
struct move *sim_start_move(struct sim *s, int32_t file, int32_t from, int32_t to, int64_t tag);
void sim_stop_move(struct sim *s, struct move *m);
int64_t sim_run_ms(const struct sim *s, int32_t job, int32_t task, int32_t site);
void sim_pin(struct sim *s, int32_t job, int32_t site, int by);
/* Evict copies until the site has room below its quota; `keep` says which may not go. */
void sim_evict(struct sim *s, int32_t site, bool (*keep)(const struct sim *s, const struct copy *c));
bool sim_has_quota(const struct sim *s, int32_t site);

struct core *core_new(struct sim *s);
void core_free(struct core *c);
void core_job_ready(struct sim *s, int32_t job);
void core_task_ended(struct sim *s, int32_t job, int32_t task, int64_t run_ms);
void core_move_ended(struct sim *s, const struct move *m);
void core_copy_gone(struct sim *s, const struct copy *c);
bool core_keeps(const struct sim *s, const struct copy *c); /* needed by tasks that wait */
/* One pass; true when another should follow at once. */
bool core_pass(struct sim *s);
bool core_has_waiting(const struct sim *s);

/* ---- moves.c: bytes on links */
void moves_begin(struct sim *s);
struct move *move_new(struct sim *s, int32_t file, int32_t from, int32_t to, int64_t tag);
void move_activate(struct sim *s, struct move *m);
int64_t move_moved(struct sim *s, struct move *m); /* bytes so far */
/* Take it out; the file is at its destination when `done`. */
void move_end(struct sim *s, struct move *m, bool done);
void sim_push_event(struct sim *s, const struct event *e);

#endif
