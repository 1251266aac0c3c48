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
 * One name means one text of SQL.
 * A connection belongs to one thread. After a lost connection every call fails with ERR_UNAVAILABLE until
 * db_reconnect. Constraint and other SQL failures are ERR_CONFLICT (unique, foreign key), ERR_FENCED (RV001),
 * ERR_LIMIT (53xxx: out of disk, memory, connections) or ERR_SYSTEM; server text is logged, never shown to
 * users raw. ERR_CONFLICT is also RV002, which our own SQL raises when a guard did not match. A server that
 * does not answer within the statement timeout and a grace is given up: the connection is then lost.
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
/* From now on plan each statement once, for all parameters, and by its indexes: for connections whose
 * statements find rows by keys. Planning costs as much as storing a job; and a table that was empty when the
 * planner last looked (attempts_live between two arrays) would be read from end to end for each row of a
 * list. */
int db_plan_by_keys(struct db *db, struct err *err);
void db_close(struct db *db); /* NULL is fine */
bool db_is_ok(const struct db *db);

struct stmt *db_stmt(struct db *db, const char *name, const char *sql);

/* Bind the next parameter ($1, $2, ...), at most 48. bind_bytes borrows its pointer until the statement was
 * run (or added to a pipeline). Types as the server sees them: bind_int bigint (write $1::int where a
 * function wants integer), bind_f64 double precision, bind_time timestamptz, bind_text whatever stands there
 * (text, json, jsonb; write $1::text where nothing tells), bind_bytes bytea. A text that is not UTF-8, or
 * holds a NUL, has U+FFFD in place of each bad byte. */
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
/* Arrays out of structs: one field of each of n structs, `first` being that field of the first of them and
 * stride the size of the struct. The same NULL elements; i32, i16 and bool have none. The SQL types are
 * bigint[], integer[], smallint[], double precision[], boolean[], timestamptz[], text[] and bytea[]. */
void bind_column_i64(struct stmt *st, const void *first, size_t stride, size_t n);
void bind_column_i32(struct stmt *st, const void *first, size_t stride, size_t n);
void bind_column_i16(struct stmt *st, const void *first, size_t stride, size_t n);
void bind_column_f64(struct stmt *st, const void *first, size_t stride, size_t n);
void bind_column_bool(struct stmt *st, const void *first, size_t stride, size_t n);
void bind_column_time(struct stmt *st, const void *first, size_t stride, size_t n);
void bind_column_text(struct stmt *st, const void *first, size_t stride, size_t n); /* of char * */
/* Of enum values, as their names. */
void bind_column_word(struct stmt *st, const void *first, size_t stride, size_t n,
                      const char *(*name)(int value));
/* Of pointers to runs of `len` bytes each. */
void bind_column_bytes(struct stmt *st, const void *first, size_t stride, size_t n, size_t len);

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

/* Pipeline (not inside db_tx): statements between begin and end are sent without waiting and are one
 * transaction. ret_counts (may be NULL) gets the affected rows of each statement in order. On -1 nothing of
 * it is committed, or (ERR_UNAVAILABLE) it is unknown. */
int db_pipeline_begin(struct db *db, struct err *err);
int db_pipeline_add(struct stmt *st, struct err *err);
int db_pipeline_end(struct db *db, int64_t *ret_counts, size_t max_counts, struct err *err);

/* Notifications, as hints only. The channels are "reeve_engine" and "reeve_web". */
int db_listen(struct db *db, const char *channel, struct err *err);
/* Told once when a connection is found lost, from within whatever call finds it: its socket is closed
 * already, and must not be waited for any more before anything else happens. */
void db_on_lost(struct db *db, void (*fn)(void *arg), void *arg);
int db_socket(const struct db *db); /* -1 when not connected; changes after db_reconnect */
/* Read what arrived without blocking: number of notifications, -1 lost. Also ask after queries of your own
 * on this connection: they may have read notifications off the socket. */
int db_notifications(struct db *db);
int db_notify(struct db *db, const char *channel, struct err *err);
/* The same with what each said: payload as sent, "" when nothing was said. */
int db_notifications_read(struct db *db, void (*each)(void *arg, const char *payload), void *arg);
/* A wake-up that may wait: sent now when the last one through here is min_ms old, otherwise kept until
 * db_notify_flush. For hot loops: a NOTIFY takes a database-wide lock until its transaction is on disk, so
 * it is never part of one that writes. One channel per connection. */
int db_notify_soon(struct db *db, const char *channel, int min_ms, struct err *err);
/* The same, about the jobs noted since the last one and nothing else: the payload is their numbers with
 * commas, "-" when there are none. db_notify_soon, or more than DB_ABOUT_MAX jobs, makes it "": anything may
 * have changed. */
#define DB_ABOUT_MAX 600
void db_about(struct db *db, int64_t job);
int db_notify_about(struct db *db, const char *channel, int min_ms, struct err *err);
int db_notify_flush(struct db *db, struct err *err); /* 1 sent, 0 nothing was kept, -1 error */
bool db_notify_waits(const struct db *db);

#endif
