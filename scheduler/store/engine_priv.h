/* SPDX-License-Identifier: Apache-2.0 */
/* engine_priv.h - what the engine_*.c files share; nobody else includes it. */
#ifndef REEVE_ENGINE_PRIV_H
#define REEVE_ENGINE_PRIV_H

#include "store/store_engine.h"

/* Rows in one array parameter. Larger ones flip the plan and are no faster. */
#define BATCH_ROWS 4000

/* Add reeve_fence(epoch) to a pipeline: the first statement of every write of the engine (R4). */
int fence_add(struct db *db, int64_t epoch, struct err *err);

/* Run one bound statement behind the fence, as one transaction; returns the rows affected or -1. */
int64_t fenced_exec(struct stmt *st, struct db *db, int64_t epoch, struct err *err);

/* Outputs of tasks into files, replicas and their counters; part of store_commit's pipeline. */
int outputs_add(struct db *db, const struct commit *c, struct err *err);

/* Transfers, copies, links, places that are suspect; parts of store_commit's pipeline. */
int data_add(struct db *db, const struct commit *c, struct err *err);

/* Refusals into the audit. Its lock is held from there to the end of the transaction: last of the pipeline.
 */
int refusals_add(struct db *db, const struct commit *c, struct err *err);

/* What was learned (engine_learned.c); one of data_add's. */
int learned_add(struct db *db, const struct commit *c, size_t at, size_t n, struct err *err);

/* Run a query and turn each row into an element of `size` bytes, zeroed before. */
int load_all(struct stmt *st, size_t size, void (*fill)(const struct rows *r, void *element), void **ret,
             size_t *ret_n, struct err *err);

#define LOAD_ALL(st, type, fill, ret, ret_n, err) load_all(st, sizeof(type), fill, (void **)(ret), ret_n, err)

/* NULL for null, otherwise a copy. */
char *row_text_copy(const struct rows *r, const char *column);
uint8_t *row_bytes_copy(const struct rows *r, const char *column, size_t *ret_n);

#endif
