/* SPDX-License-Identifier: Apache-2.0 */
/* spool.h - where files that people send lie until they are at their site: a directory of this machine.
 *
 *     <spool>/d<dataset>/<path>      as far as it came; whole when the record says so
 *     <spool>/transfers/...          the engine's: what it offers to sites (remote/transfer.h)
 *
 * The length of a file there is what was received of it; nothing else is kept but, in memory, the checksum so
 * far of files that came lately (SPOOL_SUMS_MAX), so that a file that came in one go, or piece after piece,
 * is checked when it is whole without being read again. Of others the site finds out.
 *
 * Safe between threads, and between servers that share the directory (a lock on each file).
 */
#ifndef REEVE_SPOOL_H
#define REEVE_SPOOL_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPOOL_SUMS_MAX  256 /* checksums begun and remembered */
#define SPOOL_FREE_PART 20  /* one part in so many of the disk stays free */

struct spool;
struct spool_file;

/* The directory is made when there is none. -1: it cannot be used. */
int spool_new(const char *dir, struct spool **ret, struct err *err);
void spool_free(struct spool *s);
/* Bytes that may still be written there. */
int64_t spool_room(const struct spool *s);

/* Write a file on from `offset`, which has to be its length; path: bytes, relative, without dots.
 * ERR_CONFLICT with *ret_have its length when it is not, or when another request writes it. */
int spool_open(struct spool *s, int64_t dataset, const char *path, int64_t offset, struct spool_file **ret,
               int64_t *ret_have, struct err *err);
int spool_write(struct spool_file *f, const void *p, size_t n, struct err *err);
int64_t spool_length(const struct spool_file *f);
/* The checksum of all of it so far; false: not known. */
bool spool_sum(const struct spool_file *f, uint8_t ret[32]);
/* What is there of it was wrong. */
void spool_empty(struct spool_file *f);
void spool_close(struct spool_file *f); /* NULL is fine */

/* Datasets that have something there; the caller frees. */
size_t spool_datasets(const struct spool *s, int64_t **ret);
void spool_remove(const struct spool *s, int64_t dataset);

#endif
