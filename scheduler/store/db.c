/* SPDX-License-Identifier: Apache-2.0 */
/* Everything goes through libpq's non-blocking calls and one wait with a deadline (wait_result), so a server
 * that hangs costs a timeout and never a thread. In a pipeline the replies are read while requests are still
 * being written, or both sides would wait for each other once the socket buffers are full.
 */
#include "store/db.h"
#include "store/db_priv.h"
#include "common/log.h"
#include "common/util.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define STMT_BUCKETS       128
#define ANSWER_GRACE_MS    5000 /* beyond the server's own statement timeout */
#define ANSWER_DEFAULT_MS  60000
#define LOCK_TIMEOUT_MS    10000
#define IDLE_IN_TX_MS      60000
#define CONNECT_TIMEOUT_S  10
#define TX_TRIES           5
#define CONNINFO_WORDS_MAX 64

struct queued {
        struct stmt *st;
        bool prepare;
};

struct db {
        PGconn *conn;
        char *conninfo, *name;
        int statement_timeout_ms;
        bool lost, in_tx, in_pipeline;
        void (*on_lost)(void *arg);
        void *on_lost_arg;
        bool try_again; /* the last failure was a serialization failure or a deadlock */
        struct stmt *stmts[STMT_BUCKETS];
        struct queued *queue; /* statements of the open pipeline */
        size_t queued, queue_cap;
        unsigned prepares;           /* so far, for names that differ */
        const char *soon_channel;    /* db_notify_soon kept one */
        int64_t soon_sent_at;        /* boot clock */
        int64_t about[DB_ABOUT_MAX]; /* jobs that it is about */
        size_t about_n;
        bool about_all;
};

/* ---- errors ---------------------------------------------------------------------------------------------
 */

struct sql_error {
        const char *state; /* SQLSTATE or the start of one */
        enum err_code code;
        bool try_again;
        enum log_level level;
        const char *words;
};

#ifdef REEVE_FAULT_ack_before_commit
#define DURABLE "off"
#else
#define DURABLE "on" /* an answer is sent when the record is on disk (R1) */
#endif

static const struct sql_error sql_errors[] = {
    {"RV001", ERR_FENCED, false, LOG_LEVEL_WARN, "a newer leadership exists"},
    {"RV002", ERR_CONFLICT, false, LOG_LEVEL_WARN, "the record is not in the state that was believed"},
    {"23505", ERR_CONFLICT, false, LOG_LEVEL_DEBUG, "it exists already"},
    {"23503", ERR_CONFLICT, false, LOG_LEVEL_DEBUG,
     "something it refers to does not exist or is still in use"},
    {"40001", ERR_CONFLICT, true, LOG_LEVEL_DEBUG, "it met another change of the same rows"},
    {"40P01", ERR_CONFLICT, true, LOG_LEVEL_INFO, "it met another change of the same rows"},
    {"55P03", ERR_UNAVAILABLE, false, LOG_LEVEL_WARN, "it waited too long for a lock"},
    {"57014", ERR_UNAVAILABLE, false, LOG_LEVEL_WARN, "it took too long"},
    {"57P", ERR_UNAVAILABLE, false, LOG_LEVEL_WARN, "the database server is stopping or starting"},
    {"08", ERR_UNAVAILABLE, false, LOG_LEVEL_WARN, "the connection to the database was lost"},
    {"25006", ERR_UNAVAILABLE, false, LOG_LEVEL_WARN, "the database is read-only"},
    {"53100", ERR_LIMIT, false, LOG_LEVEL_ERROR, "the database's disk is full; free space there"},
    {"53", ERR_LIMIT, false, LOG_LEVEL_ERROR, "the database server is out of memory or connections"},
    {"22021", ERR_BAD_INPUT, false, LOG_LEVEL_WARN, "a text is not valid UTF-8"},
    {"22", ERR_BAD_INPUT, false, LOG_LEVEL_WARN, "a value has the wrong form or range"},
    {"", ERR_SYSTEM, false, LOG_LEVEL_ERROR, "the database refused it; its reason is in the log"},
};

static const struct sql_error *sql_error_find(const char *state)
{
        const struct sql_error *e = sql_errors;

        while (strncmp(state, e->state, strlen(e->state)) != 0)
                e++;
        return e;
}

static int lost(struct db *db, const char *doing, struct err *err)
{
        if (!db->lost) {
                log_warn("database connection %s lost during %s: %s", db->name, doing,
                         db->conn ? PQerrorMessage(db->conn) : "not connected");
                db->lost = true;
                if (db->on_lost)
                        db->on_lost(db->on_lost_arg);
        }
        return err_set(err, ERR_UNAVAILABLE, "lost the connection to the database");
}

/* Turn a failed result into an error: the server's words into the log, ours to the caller. Its detail line
 * may hold whole rows, and so is left out. */
static int refused(struct db *db, const PGresult *res, const char *doing, struct err *err)
{
        const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
        const char *words = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

        if (!state || PQstatus(db->conn) == CONNECTION_BAD)
                return lost(db, doing, err);

        const struct sql_error *e = sql_error_find(state);

        db->try_again = e->try_again;
        log_line(e->level, "database refused %s: %s (%s)", doing, words ? words : "no reason given", state);
        return err_set(err, e->code, "database: %s: %s", doing, e->words);
}

/* ---- waiting --------------------------------------------------------------------------------------------
 */

static int64_t answer_deadline(const struct db *db)
{
        int ms = db->statement_timeout_ms ? db->statement_timeout_ms : ANSWER_DEFAULT_MS * 60;

        return clock_boot_ms() + ms + ANSWER_GRACE_MS;
}

/* Send what is queued and wait for the socket; 0 something moved, -1 lost or out of time. */
static int wait_socket(struct db *db, int64_t deadline)
{
        int more = PQflush(db->conn);

        if (more < 0)
                return -1;

        struct pollfd p = {.fd = PQsocket(db->conn), .events = POLLIN | (more ? POLLOUT : 0)};
        int64_t left = deadline - clock_boot_ms();
        int rc = left > 0 ? poll(&p, 1, left > 60000 ? 60000 : (int)left) : -1;

        if (rc < 0)
                return left > 0 && errno == EINTR ? 0 : -1;
        if (p.revents & ~POLLOUT)
                return PQconsumeInput(db->conn) ? 0 : -1;
        return 0;
}

/* The next result (NULL at the end of a statement's results). */
static int wait_result(struct db *db, int64_t deadline, PGresult **ret)
{
        while (PQflush(db->conn) > 0 || PQisBusy(db->conn)) {
                if (wait_socket(db, deadline) < 0)
                        return -1;
        }
        *ret = PQgetResult(db->conn);
        return 0;
}

/* Collect all results of what was sent outside a pipeline, keeping the first failure or the last success. */
static int collect(struct db *db, const char *doing, PGresult **ret, struct err *err)
{
        int64_t deadline = answer_deadline(db);
        PGresult *kept = NULL, *res;
        int rc = 0;

        for (;;) {
                if (wait_result(db, deadline, &res) < 0) {
                        PQclear(kept);
                        return lost(db, doing, err);
                }
                if (!res)
                        break;

                ExecStatusType status = PQresultStatus(res);

                if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && rc == 0)
                        rc = refused(db, res, doing, err);
                PQclear(kept);
                kept = res;
                if (PQstatus(db->conn) == CONNECTION_BAD)
                        break;
        }
        if (PQstatus(db->conn) == CONNECTION_BAD || (rc == 0 && !kept))
                rc = lost(db, doing, err);
        if (rc < 0 || !ret)
                PQclear(kept);
        else
                *ret = kept;
        return rc;
}

/* ---- connections ----------------------------------------------------------------------------------------
 */

static void on_notice(void *arg, const PGresult *res)
{
        struct db *db = arg;
        const char *words = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

        log_debug("database notice on %s: %s", db->name, words ? words : "");
}

/* Ours go first and what the operator wrote after, so that the operator's words win. */
static PGconn *connect_with(const char *conninfo, const char *name)
{
        char timeout[16];
        const char *keys[] = {"fallback_application_name",
                              "connect_timeout",
                              "tcp_user_timeout",
                              "keepalives_idle",
                              "dbname",
                              "client_encoding",
                              NULL};
        const char *values[] = {name, timeout, "30000", "30", conninfo, "UTF8", NULL};

        snprintf(timeout, sizeof timeout, "%d", CONNECT_TIMEOUT_S);
        return PQconnectdbParams(keys, values, 1);
}

static int session_set_up(struct db *db, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "session_set_up",
            "select set_config('statement_timeout', $1::text, false), set_config('lock_timeout', "
            "$2::text, false),"
            " set_config('idle_in_transaction_session_timeout', $3::text, false),"
            " set_config('synchronous_commit', '" DURABLE "', false), set_config('jit', 'off', false),"
            " set_config('timezone', 'UTC', false), set_config('datestyle', 'ISO', false),"
            " set_config('client_min_messages', 'warning', false)");
        char statement[16], lock[16], idle[16];

        snprintf(statement, sizeof statement, "%d", db->statement_timeout_ms);
        snprintf(lock, sizeof lock, "%d", db->statement_timeout_ms ? LOCK_TIMEOUT_MS : 0);
        snprintf(idle, sizeof idle, "%d", IDLE_IN_TX_MS);
        bind_text(st, statement);
        bind_text(st, lock);
        bind_text(st, idle);
        return db_exec(st, err) < 0 ? -1 : 0;
}

static void statements_forget(struct db *db)
{
        for (size_t i = 0; i < STMT_BUCKETS; i++) {
                for (struct stmt *st = db->stmts[i]; st; st = st->next)
                        st->prepared = false;
        }
}

int db_reconnect(struct db *db, struct err *err)
{
        PQfinish(db->conn);
        statements_forget(db);
        db->lost = db->in_tx = db->in_pipeline = false;
        db->queued = 0;
        db->conn = connect_with(db->conninfo, db->name);
        if (!db->conn || PQstatus(db->conn) != CONNECTION_OK) {
                log_warn("database connection %s: %s", db->name,
                         db->conn ? PQerrorMessage(db->conn) : "out of memory");
                db->lost = true;
                return err_set(err, ERR_UNAVAILABLE,
                               "could not connect to the database; the log has its reason");
        }
        PQsetNoticeReceiver(db->conn, on_notice, db);
        if (PQsetnonblocking(db->conn, 1) != 0)
                return lost(db, "connecting", err);
        if (session_set_up(db, err) < 0) {
                db->lost = true;
                return -1;
        }
        return 0;
}

void db_on_lost(struct db *db, void (*fn)(void *arg), void *arg)
{
        db->on_lost = fn;
        db->on_lost_arg = arg;
}

int db_open(const char *conninfo, const char *name, int statement_timeout_ms, struct db **ret,
            struct err *err)
{
        struct db *db = xcalloc(1, sizeof *db);

        db->conninfo = xstrdup(conninfo);
        db->name = xstrdup(name);
        db->statement_timeout_ms = statement_timeout_ms;
        db->soon_sent_at = INT64_MIN / 2;
        if (db_reconnect(db, err) < 0) {
                db_close(db);
                return -1;
        }
        *ret = db;
        return 0;
}

int db_plan_by_keys(struct db *db, struct err *err)
{
        return db_run(db, "set plan_cache_mode = force_generic_plan; set enable_seqscan = off", err);
}

void db_close(struct db *db)
{
        if (!db)
                return;
        PQfinish(db->conn);
        for (size_t i = 0; i < STMT_BUCKETS; i++) {
                for (struct stmt *st = db->stmts[i], *next; st; st = next) {
                        next = st->next;
                        stmt_free(st);
                }
        }
        free(db->queue);
        free(db->conninfo);
        free(db->name);
        free(db);
}

bool db_is_ok(const struct db *db)
{
        return db && !db->lost && PQstatus(db->conn) == CONNECTION_OK;
}

/* ---- statements -----------------------------------------------------------------------------------------
 */

static size_t name_bucket(const char *name)
{
        uint32_t h = 2166136261u; /* FNV-1a */

        for (; *name; name++)
                h = (h ^ (unsigned char)*name) * 16777619u;
        return h % STMT_BUCKETS;
}

struct stmt *db_stmt(struct db *db, const char *name, const char *sql)
{
        struct stmt **at = &db->stmts[name_bucket(name)];

        for (struct stmt *st = *at; st; st = st->next) {
                if (strcmp(st->name, name) != 0)
                        continue;
                assert(strcmp(st->sql, sql) == 0);
                stmt_clear(st);
                return st;
        }

        struct stmt *st = xcalloc(1, sizeof *st);

        st->db = db;
        st->name = xstrdup(name);
        st->sql = xstrdup(sql);
        st->next = *at;
        *at = st;
        return st;
}

/* Is it prepared for parameters of the types now bound? */
static bool stmt_is_prepared(const struct stmt *st)
{
        if (!st->prepared || st->prepared_count != st->n)
                return false;
        for (size_t i = 0; i < st->n; i++) {
                if (!st->params[i].anything && st->params[i].type != st->prepared_types[i])
                        return false;
        }
        return true;
}

static int send_prepare(struct stmt *st)
{
        snprintf(st->server_name, sizeof st->server_name, "%.40s.%u", st->name, ++st->db->prepares);
        st->prepared = true;
        st->prepared_count = st->n;
        for (size_t i = 0; i < st->n; i++)
                st->prepared_types[i] = st->params[i].type;
        return PQsendPrepare(st->db->conn, st->server_name, st->sql, (int)st->n, st->prepared_types);
}

static int send_execute(struct stmt *st)
{
        const char *values[PARAMS_MAX];
        int lengths[PARAMS_MAX], formats[PARAMS_MAX];

        for (size_t i = 0; i < st->n; i++) {
                const struct param *p = &st->params[i];

                values[i] = p->null ? NULL : p->borrowed ? p->borrowed : st->data + p->at;
                lengths[i] = (int)p->len;
                formats[i] = p->binary;
        }
        return PQsendQueryPrepared(st->db->conn, st->server_name, (int)st->n, values, lengths, formats, 0);
}

static int stmt_run(struct stmt *st, PGresult **ret, struct err *err)
{
        struct db *db = st->db;

        assert(db->lost || !db->in_pipeline);
        if (db->lost)
                return lost(db, st->name, err);
        if (!stmt_is_prepared(st)) {
                if (!send_prepare(st))
                        return lost(db, st->name, err);
                if (collect(db, st->name, NULL, err) < 0) {
                        st->prepared = false;
                        return -1;
                }
        }
        if (!send_execute(st))
                return lost(db, st->name, err);
        return collect(db, st->name, ret, err);
}

static int64_t affected(PGresult *res)
{
        return strtoll(PQcmdTuples(res), NULL, 10);
}

int64_t db_exec(struct stmt *st, struct err *err)
{
        PGresult *res;

        if (stmt_run(st, &res, err) < 0)
                return -1;

        int64_t n = affected(res);

        PQclear(res);
        return n;
}

int db_query(struct stmt *st, struct rows **ret, struct err *err)
{
        PGresult *res;

        if (stmt_run(st, &res, err) < 0)
                return -1;
        *ret = rows_new(res);
        return 0;
}

int db_run(struct db *db, const char *sql, struct err *err)
{
        char doing[40];

        snprintf(doing, sizeof doing, "%.*s", (int)strcspn(sql, " \n"), sql);
        if (db->lost || !PQsendQuery(db->conn, sql))
                return lost(db, doing, err);
        return collect(db, doing, NULL, err);
}

/* ---- transactions ---------------------------------------------------------------------------------------
 */

static int tx_once(struct db *db, int (*body)(struct db *db, void *arg, struct err *err), void *arg,
                   struct err *err)
{
        db->try_again = false;
        if (db_run(db, "begin", err) < 0)
                return -1;
        db->in_tx = true;

        int rc = body(db, arg, err);

        db->in_tx = false;
        if (rc >= 0)
                return db_run(db, "commit", err) < 0 ? -1 : rc;

        bool again = db->try_again;

        if (!db->lost)
                (void)db_run(db, "rollback", NULL);
        db->try_again = again;
        return rc;
}

int db_tx(struct db *db, int (*body)(struct db *db, void *arg, struct err *err), void *arg, struct err *err)
{
        int rc = -1;

        assert(db->lost || (!db->in_tx && !db->in_pipeline));
        for (int i = 0; i < TX_TRIES; i++) {
                rc = tx_once(db, body, arg, err);
                if (rc >= 0 || !db->try_again || db->lost)
                        return rc;
        }
        return rc;
}

/* ---- pipeline -------------------------------------------------------------------------------------------
 */

int db_pipeline_begin(struct db *db, struct err *err)
{
        assert(db->lost || (!db->in_pipeline && !db->in_tx));
        if (db->lost || !PQenterPipelineMode(db->conn))
                return lost(db, "pipeline", err);
        db->in_pipeline = true;
        db->queued = 0;
        return 0;
}

static void queue_add(struct db *db, struct stmt *st, bool prepare)
{
        db->queue = xgrow(db->queue, db->queued, &db->queue_cap, sizeof *db->queue);
        db->queue[db->queued++] = (struct queued){st, prepare};
}

/* What libpq could not send it keeps, and moves with every partial send: megabytes must not pile up there.
 * The server may answer meanwhile, and would stop reading if nobody took its answers. */
static int send_all(struct db *db)
{
        int64_t deadline = answer_deadline(db);
        int more;

        while ((more = PQflush(db->conn)) > 0) {
                struct pollfd p = {.fd = PQsocket(db->conn), .events = POLLIN | POLLOUT};
                int64_t left = deadline - clock_boot_ms();

                if (left <= 0 || (poll(&p, 1, left > 60000 ? 60000 : (int)left) < 0 && errno != EINTR))
                        return -1;
                if (p.revents & ~POLLOUT && !PQconsumeInput(db->conn))
                        return -1;
        }
        return more;
}

int db_pipeline_add(struct stmt *st, struct err *err)
{
        struct db *db = st->db;

        assert(db->in_pipeline);
        if (db->lost)
                return lost(db, st->name, err);
        if (!stmt_is_prepared(st)) {
                if (!send_prepare(st))
                        return lost(db, st->name, err);
                queue_add(db, st, true);
        }
        if (!send_execute(st) || send_all(db) < 0)
                return lost(db, st->name, err);
        queue_add(db, st, false);
        return 0;
}

/* The result of one queued statement. Returns -1 only when the connection is lost; a refusal goes to *rc. */
static int pipeline_take(struct db *db, const struct queued *q, int64_t deadline, int64_t *ret_count, int *rc,
                         struct err *err)
{
        PGresult *res = NULL;

        *ret_count = 0;
        for (;;) {
                PGresult *more;

                if (wait_result(db, deadline, &more) < 0 || (!more && !res)) {
                        PQclear(res);
                        return -1;
                }
                if (!more)
                        break;
                PQclear(res);
                res = more;
                if (PQstatus(db->conn) == CONNECTION_BAD)
                        break;
        }

        ExecStatusType status = PQresultStatus(res);

        if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
                *ret_count = affected(res);
        else if (q->prepare)
                q->st->prepared = false;
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_PIPELINE_ABORTED &&
            *rc == 0)
                *rc = refused(db, res, q->st->name, err);
        PQclear(res);
        return PQstatus(db->conn) == CONNECTION_BAD ? -1 : 0;
}

/* After the last statement's results comes the mark of the sync: the transaction is durable, or its commit
 * was refused (a deferred check, a full disk), or it is unknown. */
static int pipeline_take_sync(struct db *db, int64_t deadline, int *rc, struct err *err)
{
        for (;;) {
                PGresult *res;

                if (wait_result(db, deadline, &res) < 0 || PQstatus(db->conn) == CONNECTION_BAD)
                        return -1;
                if (!res)
                        continue;

                ExecStatusType status = PQresultStatus(res);

                if (status == PGRES_FATAL_ERROR && *rc == 0)
                        *rc = refused(db, res, "commit", err);
                PQclear(res);
                if (status == PGRES_PIPELINE_SYNC)
                        return 0;
        }
}

int db_pipeline_end(struct db *db, int64_t *ret_counts, size_t max_counts, struct err *err)
{
        int64_t deadline = answer_deadline(db);
        size_t done = 0;
        int rc = 0;

        assert(db->in_pipeline);
        if (db->lost || !PQpipelineSync(db->conn))
                return lost(db, "commit", err);
        for (size_t i = 0; i < db->queued; i++) {
                int64_t n;

                if (pipeline_take(db, &db->queue[i], deadline, &n, &rc, err) < 0)
                        return lost(db, db->queue[i].st->name, err);
                if (!db->queue[i].prepare && ret_counts && done < max_counts)
                        ret_counts[done++] = n;
        }
        if (pipeline_take_sync(db, deadline, &rc, err) < 0 || !PQexitPipelineMode(db->conn))
                return lost(db, "commit", err);
        db->in_pipeline = false;
        return rc;
}

/* ---- notifications --------------------------------------------------------------------------------------
 */

static const struct {
        const char *channel, *listen;
} channels[] = {
    {"reeve_engine", "listen reeve_engine"},
    {"reeve_web", "listen reeve_web"},
};

int db_listen(struct db *db, const char *channel, struct err *err)
{
        for (size_t i = 0; i < ARRAY_LEN(channels); i++) {
                if (strcmp(channels[i].channel, channel) == 0)
                        return db_run(db, channels[i].listen, err);
        }
        assert(!"unknown channel");
        return -1;
}

int db_socket(const struct db *db)
{
        return db->lost ? -1 : PQsocket(db->conn);
}

static void ignore_payload(void *arg, const char *payload)
{
        (void)arg;
        (void)payload;
}

int db_notifications(struct db *db)
{
        return db_notifications_read(db, ignore_payload, NULL);
}

int db_notifications_read(struct db *db, void (*each)(void *arg, const char *payload), void *arg)
{
        PGnotify *note;
        int n = 0;

        if (db->lost)
                return -1;
        if (!PQconsumeInput(db->conn))
                return lost(db, "listening", NULL);
        while ((note = PQnotifies(db->conn))) {
                each(arg, note->extra);
                PQfreemem(note);
                n++;
        }
        return n;
}

static int notify_with(struct db *db, const char *channel, const char *payload, struct err *err)
{
        struct stmt *st = db_stmt(db, "notify", "select pg_notify($1::text, $2::text)");

        bind_text(st, channel);
        bind_text(st, payload);
        return db_exec(st, err) < 0 ? -1 : 0;
}

int db_notify(struct db *db, const char *channel, struct err *err)
{
        return notify_with(db, channel, "", err);
}

int db_notify_flush(struct db *db, struct err *err)
{
        if (!db->soon_channel)
                return 0;

        const char *channel = MOVE(db->soon_channel);
        char payload[DB_ABOUT_MAX * 12] = "";
        size_t n = 0;

        for (size_t i = 0; i < db->about_n && !db->about_all; i++) {
                n += (size_t)snprintf(payload + n, sizeof payload - n, "%s%lld", n ? "," : "",
                                      (long long)db->about[i]);
                db->about_all = n >= sizeof payload;
        }
        if (db->about_all)
                payload[0] = '\0';
        else if (!n)
                snprintf(payload, sizeof payload, "-");
        db->about_n = 0;
        db->about_all = false;
        db->soon_sent_at = clock_boot_ms();
        return notify_with(db, channel, payload, err) < 0 ? -1 : 1;
}

static int notify_later(struct db *db, const char *channel, int min_ms, struct err *err)
{
        db->soon_channel = channel;
        if (clock_boot_ms() - db->soon_sent_at < min_ms)
                return 0;
        return db_notify_flush(db, err) < 0 ? -1 : 0;
}

int db_notify_soon(struct db *db, const char *channel, int min_ms, struct err *err)
{
        db->about_all = true;
        return notify_later(db, channel, min_ms, err);
}

/* The same job comes many times over, most often one after the other. */
void db_about(struct db *db, int64_t job)
{
        if (db->about_all)
                return;
        for (size_t i = db->about_n; i > 0; i--)
                if (db->about[i - 1] == job)
                        return;
        if (db->about_n == DB_ABOUT_MAX)
                db->about_all = true;
        else
                db->about[db->about_n++] = job;
}

int db_notify_about(struct db *db, const char *channel, int min_ms, struct err *err)
{
        return notify_later(db, channel, min_ms, err);
}

bool db_notify_waits(const struct db *db)
{
        return db->soon_channel != NULL;
}
