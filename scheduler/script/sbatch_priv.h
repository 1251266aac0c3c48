/* SPDX-License-Identifier: Apache-2.0 */
/* sbatch_priv.h - the reader of sbatch's options among itself.
 *
 *   sbatch.c       the table of options, and the words of a script
 *   sbatch_ask.c   what an option comes to: what to run, when, after whom, with which files
 *   sbatch_sums.c  the same of resources, and their sums
 *   sbatch_env.c   what follows from the whole
 *   sbatch_text.c  times, sizes, moments and names of files
 */
#ifndef REEVE_SCRIPT_SBATCH_PRIV_H
#define REEVE_SCRIPT_SBATCH_PRIV_H

#include "sbatch.h"

/* What the words have asked for so far, beyond members of the job. */
struct asked {
        const struct script_origin *from;
        json_t *job, *said;
        json_t *now; /* the directive that is read, in `said` */
        int line;    /* 0: a variable of the environment */
        const char *option;
        int tasks_line; /* where tasks or tasks per node were said, */
        json_t *tasks_said;
        int64_t cpus, tasks, per_node, mincpus;         /* 0: not said */
        int64_t memory, memory_per_cpu, memory_per_gpu; /* bytes; 0: not said */
        int64_t gpus, gpus_per_node, gpus_per_task;     /* 0: not said */
        int64_t nodes_max;                              /* 0: not said */
};

/* Something is to be said of the option that is read; asked_wrong: it is refused, -1. */
void asked_note(struct asked *a, const char *outcome, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int asked_wrong(struct asked *a, struct err *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A number of 1 and more. */
int asked_count(struct asked *a, const char *value, int64_t *ret, struct err *err);
/* The member of `o` that is an object, made when there is none. */
json_t *asked_group(json_t *o, const char *name);
int asked_text(struct asked *a, json_t *o, const char *member, const char *value, struct err *err);
int asked_put(struct asked *a, const char *member, const char *value, struct err *err);

/* sbatch_sums.c: once all was read. */
int asked_sum(struct asked *a, struct err *err);

/* One for each option that becomes something. */
int ask_account(struct asked *a, const char *value, struct err *err);
int ask_array(struct asked *a, const char *value, struct err *err);
int ask_begin(struct asked *a, const char *value, struct err *err);
int ask_chdir(struct asked *a, const char *value, struct err *err);
int ask_comment(struct asked *a, const char *value, struct err *err);
int ask_cpus(struct asked *a, const char *value, struct err *err);
int ask_deadline(struct asked *a, const char *value, struct err *err);
int ask_dependency(struct asked *a, const char *value, struct err *err);
int ask_error(struct asked *a, const char *value, struct err *err);
int ask_export(struct asked *a, const char *value, struct err *err);
int ask_gpus(struct asked *a, const char *value, struct err *err);
int ask_gpus_per_node(struct asked *a, const char *value, struct err *err);
int ask_gpus_per_task(struct asked *a, const char *value, struct err *err);
int ask_gres(struct asked *a, const char *value, struct err *err);
int ask_hold(struct asked *a, const char *value, struct err *err);
int ask_input(struct asked *a, const char *value, struct err *err);
int ask_licences(struct asked *a, const char *value, struct err *err);
int ask_memory(struct asked *a, const char *value, struct err *err);
int ask_memory_per_cpu(struct asked *a, const char *value, struct err *err);
int ask_memory_per_gpu(struct asked *a, const char *value, struct err *err);
int ask_mincpus(struct asked *a, const char *value, struct err *err);
int ask_name(struct asked *a, const char *value, struct err *err);
int ask_nice(struct asked *a, const char *value, struct err *err);
int ask_no_requeue(struct asked *a, const char *value, struct err *err);
int ask_nodes(struct asked *a, const char *value, struct err *err);
int ask_open_mode(struct asked *a, const char *value, struct err *err);
int ask_output(struct asked *a, const char *value, struct err *err);
int ask_requeue(struct asked *a, const char *value, struct err *err);
int ask_signal(struct asked *a, const char *value, struct err *err);
int ask_tasks(struct asked *a, const char *value, struct err *err);
int ask_tasks_per_node(struct asked *a, const char *value, struct err *err);
int ask_time(struct asked *a, const char *value, struct err *err);
int ask_wckey(struct asked *a, const char *value, struct err *err);

#endif
