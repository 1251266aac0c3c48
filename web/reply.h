/* SPDX-License-Identifier: Apache-2.0 */
/* reply.h - write JSON straight into a buffer.
 *
 * Each function adds one member. `key` is its name (a literal of ours, written as it is) or NULL inside an
 * array. Commas are put where they belong; nesting is the caller's care. Values are escaped.
 */
#ifndef REEVE_REPLY_H
#define REEVE_REPLY_H

#include "common/buf.h"
#include "store/db.h"

void j_obj(struct buf *b, const char *key);
void j_obj_end(struct buf *b);
void j_arr(struct buf *b, const char *key);
void j_arr_end(struct buf *b);
void j_null(struct buf *b, const char *key);
void j_bool(struct buf *b, const char *key, bool v);
void j_int(struct buf *b, const char *key, int64_t v);
void j_f64(struct buf *b, const char *key, double v);
void j_str(struct buf *b, const char *key, const char *v); /* NULL is null */
void j_str_n(struct buf *b, const char *key, const char *v, size_t n);
void j_time(struct buf *b, const char *key, int64_t wall_ms); /* INT64_MIN is null */
void j_raw(struct buf *b, const char *key, const char *json); /* already JSON; NULL is null */

/* A column of the current row under its own name; null stays null. */
void j_col_int(struct buf *b, struct rows *r, const char *column);
void j_col_f64(struct buf *b, struct rows *r, const char *column);
void j_col_bool(struct buf *b, struct rows *r, const char *column);
void j_col_str(struct buf *b, struct rows *r, const char *column);
void j_col_time(struct buf *b, struct rows *r, const char *column);
void j_col_raw(struct buf *b, struct rows *r, const char *column);

#endif
