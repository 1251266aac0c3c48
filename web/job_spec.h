/* SPDX-License-Identifier: Apache-2.0 */
/* job_spec.h - a job as submitted: checked, defaults filled in, and written in the stored form of
 * docs/api.md.
 *
 * Pure: what needs the database (does the project, the dataset, the other job exist?) is left to the caller,
 * who finds names and references here.
 */
#ifndef REEVE_JOB_SPEC_H
#define REEVE_JOB_SPEC_H

#include "common/task_set.h"
#include "web/fields.h"

#define JOB_INPUTS_MAX  256
#define JOB_AFTER_MAX   1000
#define JOB_CUSTOM_MAX  16
#define JOB_ON_EXIT_MAX 64
#define JOB_SITES_MAX   256
#define JOB_LABELS_MAX  256
#define JOB_WARN_MAX_MS (INT64_C(86400) * 1000) /* a warning comes at most a day before the limit */

struct job_after {
        int64_t job;    /* id; or, when `inside`, position from 1 in the same bulk request */
        bool inside;    /* written "#3" */
        char condition; /* 'o' ok, 'a' any, 'n' not ok */
        bool each;
};

struct job_custom {
        const char *name;
        int64_t count;
};

struct job_on_exit {
        int from, to;
        const char *action; /* "retry" or "fail" */
};

struct job_retry {
        int64_t max, site_max, delay_ms, delay_max_ms;
        json_t *on_exit;
};

struct job_stdio {
        const char *path[3]; /* standard input, output, error; NULL: none */
        bool append;
};

struct job_warn {
        const char *name; /* as written: "USR1" */
        int64_t before_ms;
        int signal; /* 0: none */
};

/* How the tasks share the files of an input. */
struct job_partition {
        const char *input, *by; /* as written; input NULL: the first */
        int64_t size;           /* INT64_MIN: not given */
        int64_t position;       /* of the input, from 1; 0: there is no partition */
        int64_t files, bytes;   /* at most so many for a task; bytes 0: any */
        bool whole;             /* all parts are tasks; otherwise those that `array` names */
};
#define JOB_PARTS_MAX 1000000 /* tasks of such a job: a row each */

struct job_spec {
        uint64_t given;
        /* as submitted */
        const char *name, *project, *script, *array, *workdir, *output_dataset;
        json_t *command, *args, *resources, *env, *retry_in, *after_in, *labels, *inputs, *outputs, *sites;
        json_t *task_env, *stdio_in, *warn_in, *partition_in;
        int64_t time_limit, priority, not_before, deadline, lease,
            log_limit; /* ms, -, wall ms, wall ms, ms, bytes; INT64_MIN none */
        bool hold;
        /* as understood */
        char name_default[40];
        struct task_set *tasks; /* owned; NULL when the array is malformed */
        int64_t throttle;
        int64_t cpus, memory, gpus;
        struct job_custom *custom; /* owned; NULL when there are none */
        size_t custom_count;
        struct job_retry retry;
        struct job_stdio stdio;
        struct job_warn warn;
        struct job_partition partition;
        struct job_on_exit *on_exit; /* owned; NULL when there are none */
        size_t on_exit_count;
        struct job_after *after; /* owned; NULL when there are none */
        size_t after_count;
};

extern const struct field job_fields[];

struct job_rules { /* what the installation allows, and what time it is */
        int64_t lease_max_ms, now_ms;
        const char *const *countables; /* names that workers offer, beside cpus, memory and gpus */
        size_t countable_count;
};

/* Read a job. `bulk_position` is its place from 1 in a bulk request (it may name only earlier ones), 0 when
 * it is alone. Faults go to *is. Release it afterwards. */
void job_spec_read(const json_t *job, int64_t bulk_position, const struct job_rules *rules,
                   struct job_spec *ret, struct issues *is);
/* Does it ask for a countable that is not among those of the rules? For a look before it is read. */
bool job_spec_names_unknown(const json_t *job, const struct job_rules *rules);
void job_spec_release(struct job_spec *s);

/* The stored form. inputs: dataset names as resolved, s->inputs' size of them. */
void job_spec_write(struct buf *b, const struct job_spec *s, const char *const *inputs);

/* "job:1230" or "job:#3": 1 and the number (inside: a position), 0 when it is a plain name, -1 malformed. */
int job_input_parse(const char *text, int64_t *ret, bool *ret_inside);

/* How many tasks. */
static inline int64_t job_spec_tasks(const struct job_spec *s)
{
        return s->tasks ? s->tasks->count : 0;
}

#endif
