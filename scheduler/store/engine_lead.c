/* SPDX-License-Identifier: Apache-2.0 */
/* Leadership. The leader of epoch n holds the session advisory lock (LOCK_CLASS, n), taken before the row
 * that announces n becomes visible. So whoever sees n and gets that lock knows that the session of leader n
 * is gone and need not wait for its lease; the lock of one epoch never stands in the way of another.
 *
 * Neither lock nor lease is what keeps an old leader from writing: the epoch in the row is, and the update
 * below waits for a commit in flight, which holds the row by reeve_fence. What is read after it is therefore
 * final.
 */
#include "store/engine_priv.h"
#include "common/log.h"

#include <stdio.h>
#include <string.h>

#define LOCK_CLASS 0x52656576 /* "Reev" */

struct bid {
        const char *holder;
        int lease_ms;
        int64_t epoch; /* seen before; the new one after */
        bool won;
};

/* This connection is the writer from now on: keep its plans on the indexes however large a batch is. */
static int writer_set_up(struct db *db, struct err *err)
{
        return db_run(db,
                      "set plan_cache_mode = force_generic_plan; set enable_seqscan = off; set jit = off;"
                      "set enable_bitmapscan = off; set enable_hashjoin = off; set enable_mergejoin = off",
                      err);
}

static struct stmt *with_epoch(struct db *db, const char *name, const char *sql, int64_t epoch)
{
        struct stmt *st = db_stmt(db, name, sql);

        bind_int(st, LOCK_CLASS);
        bind_int(st, epoch & INT32_MAX);
        return st;
}

/* May we try? 1 yes: the leader's session is gone or its lease ran out; 0 no. */
static int seat_is_free(struct db *db, int64_t *ret_epoch, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL, *lock = NULL;
        int64_t epoch;

        if (db_query(db_stmt(db, "lead_look",
                             "select epoch, lease_until < clock_timestamp() as expired from leader"),
                     &r, err) < 0)
                return -1;
        if (!rows_next(r))
                return err_set(err, ERR_SYSTEM, "the table leader has lost its row");
        epoch = row_int(r, "epoch");
        if (db_query(
                with_epoch(db, "lead_try", "select pg_try_advisory_lock($1::int, $2::int) as got", epoch),
                &lock, err) < 0)
                return -1;
        rows_next(lock);
        *ret_epoch = epoch;
        return row_bool(lock, "got") || row_bool(r, "expired");
}

static int locks_drop(struct db *db, struct err *err)
{
        return db_exec(db_stmt(db, "lead_unlock", "select pg_advisory_unlock_all()"), err) < 0 ? -1 : 0;
}

static int seat_take(struct db *db, void *arg, struct err *err)
{
        struct bid *b = arg;
        struct stmt *st =
            db_stmt(db, "lead_take",
                    "update leader set epoch = epoch + 1, holder = $2, since = clock_timestamp(),"
                    " lease_until = clock_timestamp() + $3 * interval '1 millisecond' where epoch = $1");
        int64_t n;

        b->won = false;
        bind_int(st, b->epoch);
        bind_text(st, b->holder);
        bind_int(st, b->lease_ms);
        n = db_exec(st, err);
        if (n <= 0)
                return (int)n;
        if (locks_drop(db, err) < 0 ||
            db_exec(with_epoch(db, "lead_lock", "select pg_advisory_lock($1::int, $2::int)", b->epoch + 1),
                    err) < 0)
                return -1;
        b->won = true;
        return 1;
}

int store_lead(struct db *db, const char *holder, int lease_ms, int64_t *ret_epoch, struct err *err)
{
        struct bid b = {.holder = holder, .lease_ms = lease_ms};
        int rc;

        if (writer_set_up(db, err) < 0)
                return -1;
        rc = seat_is_free(db, &b.epoch, err);
        if (rc > 0 && db_tx(db, seat_take, &b, err) < 0)
                rc = -1;
        if (rc < 0 || !b.won) {
                if (db_is_ok(db) && locks_drop(db, rc < 0 ? NULL : err) < 0)
                        rc = -1;
                return rc < 0 ? -1 : 0;
        }
        if (db_exec(db_stmt(db, "lead_partitions", "select reeve_partitions(36500)"), err) < 0)
                return -1;
        *ret_epoch = b.epoch + 1;
        log_info("leading: epoch %lld as %s", (long long)*ret_epoch, holder);
        return 1;
}

int store_lead_renew(struct db *db, int64_t epoch, int lease_ms, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "lead_renew",
                    "update leader set lease_until = clock_timestamp() + $2 * interval '1 millisecond'"
                    " where epoch = $1");
        int64_t n;

        bind_int(st, epoch);
        bind_int(st, lease_ms);
        n = db_exec(st, err);
        if (n < 0)
                return -1;
        if (n == 0)
                return err_set(err, ERR_FENCED, "another engine leads: epoch %lld is over", (long long)epoch);
        return 0;
}

#ifdef REEVE_FAULT_no_epoch_guard
#define FENCE_SQL "select $1" /* planted, for the tests of the checker */
#else
#define FENCE_SQL "select reeve_fence($1)"
#endif

int fence_add(struct db *db, int64_t epoch, struct err *err)
{
        struct stmt *st = db_stmt(db, "fence", FENCE_SQL);

        bind_int(st, epoch);
        return db_pipeline_add(st, err);
}

int64_t fenced_exec(struct stmt *st, struct db *db, int64_t epoch, struct err *err)
{
        int64_t counts[2] = {0, 0};

        if (db_pipeline_begin(db, err) < 0 || fence_add(db, epoch, err) < 0 || db_pipeline_add(st, err) < 0 ||
            db_pipeline_end(db, counts, 2, err) < 0)
                return -1;
        return counts[1];
}

int store_setting_get(struct db *db, const char *name, char *ret, size_t max, struct err *err)
{
        struct stmt *st = db_stmt(db, "setting_get", "select value from settings where name = $1");
        AUTO_ROWS struct rows *r = NULL;

        bind_text(st, name);
        if (db_query(st, &r, err) < 0)
                return -1;
        if (!rows_next(r))
                return 0;
        if (strlen(row_text(r, "value")) >= max)
                return err_set(err, ERR_SYSTEM, "setting \"%s\" in the database is too long", name);
        snprintf(ret, max, "%s", row_text(r, "value"));
        return 1;
}

int store_setting_put(struct db *db, const char *name, const char *value, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "setting_put", "insert into settings (name, value) values ($1, $2) on conflict do nothing");

        bind_text(st, name);
        bind_text(st, value);
        return db_exec(st, err) < 0 ? -1 : 0;
}
