/* SPDX-License-Identifier: Apache-2.0 */
/* spool.h - the directories that attempts run in, and their logs.
 *
 * An attempt runs in spool/run/<generation>.<n>, with its standard output and error going straight to the
 * files .stdout and .stderr in it. If it leaves the directory as it found it, the next attempt gets the same
 * one: a short task without output costs no directory. Otherwise it is renamed to
 * spool/<job>/<task>.<attempt> when the attempt has ended and nothing of it lives. That a directory was never
 * touched is read from its modification time, which is set to a date long gone when the directory is made.
 */
#ifndef REEVE_WORKER_SPOOL_H
#define REEVE_WORKER_SPOOL_H

#include "common/err.h"
#include "common/ids.h"

#include <stdbool.h>
#include <stdint.h>

#define LOG_STDOUT    ".stdout"
#define LOG_STDERR    ".stderr"
#define LOG_PROGRESS  ".progress" /* what the attempt itself says of its progress, named by REEVE_PROGRESS */
#define LOG_ELSEWHERE ".to"       /* behind a log's name: a link to the file that has it instead */
#define OUTPUT_LIST   ".outputs"  /* what was kept of this attempt; written by the agent */

struct workdir {
        char path[56]; /* below the root */
        struct workdir *next;
};

struct spool {
        uint64_t generation; /* of the keeper; directories of different generations never share a name */
        uint32_t made;
        struct workdir *free; /* pristine */
};

void spool_init(struct spool *s, uint64_t generation);
/* Removes the pristine directories. */
void spool_release(struct spool *s);

/* A pristine directory and its two log files, open for appending. -1 with errno in *ret_errno. */
int spool_take(struct spool *s, struct workdir **ret, int *ret_out, int *ret_err, int *ret_errno);
/* A directory made by an earlier keeper. */
struct workdir *spool_adopt(const char *path);

/* The stream goes to a file elsewhere, of this absolute path: the log is read and measured there. */
void spool_log_elsewhere(const char *dir, const char *log, const char *path);

/* Sizes of the logs as written so far. */
void spool_logs(const char *dir, uint64_t *ret_out, uint64_t *ret_err);

/* Cut the middle out of a log above head + tail bytes. 1: it is cut (now or before), 0: it is whole, -1: it
 * is too long and cannot be cut here. */
int spool_log_cap(const char *dir, const char *log, uint64_t head, uint64_t tail);

/* The attempt ended: recycle the directory, or rename it to its final place (always when `keep`). Frees `d`.
 * `ret_path` (size 96) gets the final place, or "" when nothing was kept. */
void spool_settle(struct spool *s, struct workdir *d, struct attempt_key key, bool keep, char *ret_path);

/* spool/<job>/<task>.<attempt> */
void spool_final_path(struct attempt_key key, char out[96]);

#endif
