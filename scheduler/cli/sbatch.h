/* SPDX-License-Identifier: Apache-2.0 */
/* sbatch.h - what a script that was written for Slurm's sbatch asks for, as a job of ours.
 *
 * Each option of sbatch (22.05) is a row of one table: it becomes members of the job, or is ignored with a
 * reason that the user is told, or is refused because the job would compute something else without it.
 * docs/slurm.md lists them from a reader's side.
 *
 * Order: sbatch_read makes members of the job; options of ours may then replace them; sbatch_finish adds what
 * follows from the whole: variables named SLURM_..., files of the streams, outputs.
 */
#ifndef REEVE_CLI_SBATCH_H
#define REEVE_CLI_SBATCH_H

#include "directives.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Where the script came from. */
struct sbatch_origin {
        const char *name;                     /* of the script, for messages */
        const char *cwd;                      /* directory of the submission, absolute */
        const char *host;                     /* computer of the submission */
        const char *(*env)(const char *name); /* the environment; NULL: empty */
        int64_t now_ms;
};

/* Add to the job what the words ask for, then what variables named SBATCH_... do: as with sbatch they go
 * before the script. What is ignored or differs is appended to `notes`: {"code":"ignored"|"differs","line",
 * "option","sentence"}. */
int sbatch_read(const struct sbatch_origin *from, const struct directives *words, json_t *job, json_t *notes,
                struct err *err);

/* The job as it will be submitted. */
int sbatch_finish(const struct sbatch_origin *from, json_t *job, struct err *err);

/* A pattern of sbatch ("%x-%A_%4a.out") as a text of ours ("{name}-{job}_{task:4}.out"). `array`: of an
 * array. Owned; NULL with *err when it names what we have not. */
char *sbatch_pattern(const char *pattern, bool array, struct err *err);
/* Time limits of sbatch: "90" (minutes), "1:30:00", "2-12". Milliseconds; -1 without limit. */
int sbatch_time(const char *what, const char *text, int64_t *ret_ms, struct err *err);
/* Sizes of sbatch: "512" (MiB), "4G". */
int sbatch_size(const char *what, const char *text, int64_t *ret_bytes, struct err *err);
/* A moment: "2030-12-01T07:00", "07:30", "now+2hours". */
int sbatch_moment(const char *what, const char *text, int64_t now_ms, int64_t *ret_ms, struct err *err);

#endif
