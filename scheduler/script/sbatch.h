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
#ifndef REEVE_SCRIPT_SBATCH_H
#define REEVE_SCRIPT_SBATCH_H

#include "directives.h"
#include "origin.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Add to the job what the words ask for, then what variables named SBATCH_... do: as with sbatch they go
 * before the script. Each option is appended to `said` (directives.h). -1 when any was refused: all of them
 * are told together, as far as there is room. */
int sbatch_read(const struct script_origin *from, const struct directives *words, json_t *job, json_t *said,
                struct err *err);

/* The i-th of its options, for lists and completion; false behind the last. */
bool sbatch_option_at(size_t i, struct directive_kind *ret);

/* The job as it will be submitted. */
int sbatch_finish(const struct script_origin *from, json_t *job, struct err *err);

/* A pattern of sbatch ("%x-%A_%4a.out") as a text of ours ("{name}-{job}_{task:4}.out"). `array`: of an
 * array. Owned; NULL with *err when it names what we have not. */
char *sbatch_pattern(const char *pattern, bool array, struct err *err);
/* Time limits of sbatch: "90" (minutes), "1:30:00", "2-12". Milliseconds; -1 without limit. */
int sbatch_time(const char *what, const char *text, int64_t *ret_ms, struct err *err);
/* Sizes of sbatch: "512" (MiB), "4G". */
int sbatch_size(const char *what, const char *text, int64_t *ret_bytes, struct err *err);
/* A moment: "2030-12-01T07:00", "07:30", "now+2hours". */
int sbatch_moment(const char *what, const char *text, const struct script_origin *from, int64_t *ret_ms,
                  struct err *err);

#endif
