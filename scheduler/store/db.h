/* SPDX-License-Identifier: Apache-2.0 */
/* db.h - one connection to PostgreSQL: prepared statements bound by type, columns read by name.
 *
 *         struct stmt *st = db_stmt(db, "job_get", "select id, name from jobs where id = $1");
 *         bind_int(st, id);
 *         AUTO(rows) *r = NULL;
 *         if (db_query(st, &r, err) < 0) return -1;
 *         while (rows_next(r)) name = row_text(r, "name");
 *
 * A statement is prepared once per connection under its name and reused; db_stmt clears its parameters.
 * A connection belongs to one thread. After a lost connection every call fails with ERR_UNAVAILABLE until
 * db_reconnect. Constraint and other SQL failures are ERR_CONFLICT (unique, foreign key), ERR_FENCED (RV001),
 * ERR_LIMIT (53xxx: out of disk, memory, connections) or ERR_SYSTEM; server text is logged, never shown to
 * users raw.
 */
#ifndef REEVE_DB_H
#define REEVE_DB_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;
struct stmt;
struct rows;

/* conninfo as libpq takes it. Sets application_name, statement_timeout and lock_timeout (ms, 0 = none),
 * idle_in_transaction_session_timeout, synchronous_commit=on, jit=off, timezone UTC. */
int db_open(const char *conninfo, const char *name, int statement_timeout_ms, struct db **ret,
            struct err *err);
int db_reconnect(struct db *db, struct err *err);
void db_close(struct db *db); /* NULL is fine */
bool db_is_ok(const struct db *db);

struct stmt *db_stmt(struct db *db, const char *name, const char *sql);

/* Bind the next parameter ($1, $2, ...). Pointers are borrowed until the statement was run. */
void bind_int(struct stmt *st, int64_t v);
void bind_f64(struct stmt *st, double v);
void bind_bool(struct stmt *st, bool v);
void bind_text(struct stmt *st, const char *s);             /* NULL binds null */
void bind_text_n(struct stmt *st, const char *s, size_t n); /* need not be terminated */
void bind_bytes(struct stmt *st, const void *p, size_t n);  /* NULL binds null */
void bind_time(struct stmt *st, int64_t wall_ms); /* milliseconds since 1970; INT64_MIN binds null */
void bind_null(struct stmt *st);
/* Arrays, for unnest. NULL elements: INT64_MIN for integers and times, NaN for floats, NULL for text and
 * bytes. Copied. */
void bind_ints(struct stmt *st, const int64_t *v, size_t n);
void bind_f64s(struct stmt *st, const double *v, size_t n);
void bind_bools(struct stmt *st, const bool *v, size_t n);
void bind_times(struct stmt *st, const int64_t *wall_ms, size_t n);
void bind_texts(struct stmt *st, const char *const *v, size_t n);
void bind_bytes_array(struct stmt *st, const void *const *p, const size_t *len, size_t n);

/* Run; returns rows affected, or -1. */
int64_t db_exec(struct stmt *st, struct err *err);
/* Run and keep the rows; free with rows_free. */
int db_query(struct stmt *st, struct rows **ret, struct err *err);
/* Run a text of plain SQL (migrations, begin): several statements allowed, no parameters. */
int db_run(struct db *db, const char *sql, struct err *err);

/* Rows. Before the first rows_next no row is current. Reading a column that is not there is a programming
 * error (abort). null reads as 0, "", false; ask row_null first where it matters. Text and bytes borrow from
 * the rows. */
bool rows_next(struct rows *r);
size_t rows_count(const struct rows *r);
bool row_null(const struct rows *r, const char *column);
int64_t row_int(const struct rows *r, const char *column);
double row_f64(const struct rows *r, const char *column);
bool row_bool(const struct rows *r, const char *column);
const char *row_text(const struct rows *r, const char *column);
const uint8_t *row_bytes(const struct rows *r, const char *column, size_t *ret_n);
int64_t row_time(const struct rows *r, const char *column); /* wall ms; INT64_MIN when null */
void rows_free(struct rows *r);
static inline void rows_auto_(struct rows **r)
{
        rows_free(*r);
}
#define AUTO_ROWS __attribute__((cleanup(rows_auto_)))

/* Run body in a transaction; on serialization failure or deadlock it is run again (so it must be repeatable),
 * at most 5 times. Returns what body returned last; a negative return rolls back. */
int db_tx(struct db *db, int (*body)(struct db *db, void *arg, struct err *err), void *arg, struct err *err);

/* Pipeline: statements between begin and end are sent without waiting and are one transaction. ret_counts
 * (may be NULL) gets the affected rows of each statement in order. On -1 nothing of it is committed, or
 * (ERR_UNAVAILABLE) it is unknown. */
int db_pipeline_begin(struct db *db, struct err *err);
int db_pipeline_add(struct stmt *st, struct err *err);
int db_pipeline_end(struct db *db, int64_t *ret_counts, size_t max_counts, struct err *err);

/* Notifications, as hints only. */
int db_listen(struct db *db, const char *channel, struct err *err);
int db_socket(const struct db *db); /* -1 when not connected; changes after db_reconnect */
int db_notifications(
    struct db *db); /* read what arrived without blocking: number of notifications, -1 lost */
int db_notify(struct db *db, const char *channel, struct err *err);

#endif
