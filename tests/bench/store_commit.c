/* SPDX-License-Identifier: Apache-2.0 */
/* store_commit.c - how many tasks a second store_commit can place and end, by batch size, with and without
 * history. Prints `name value unit` lines.
 *
 *      REEVE_TEST_PG_OPTIONS="-c shared_buffers=64MB" tests/support/pg.sh run build/tests/bench-store-commit
 * [ROWS]
 *
 * ROWS of history (default 0: none are made, and the ratio is not printed). Each commit ends one batch,
 * places the next and moves the job's cursor, as a pass under load does. The server must flush to disk:
 * options without fsync=off. Both databases are measured in turns, so that other load on the machine meets
 * both.
 */
#include "common/log.h"
#include "common/util.h"
#include "store/migrate.h"
#include "store/store_engine.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define JOB_TASKS 9999999
#define ROUNDS    5
#define ROUND_MS  600

struct bench {
        struct db *db;
        int64_t epoch, job;
        int32_t next; /* task */
        struct commit c;
};

static void __attribute__((noreturn)) die(const char *what, const struct err *err)
{
        fprintf(stderr, "bench-store-commit: %s: %s\n", what, err->text);
        exit(1);
}

static struct db *open_database(const char *name, struct err *err)
{
        char conninfo[512];
        struct db *db = NULL;

        snprintf(conninfo, sizeof conninfo, "%s dbname=%s", getenv("REEVE_TEST_PG"), name);
        if (db_open(conninfo, "bench", 0, &db, err) < 0)
                die("open", err);
        return db;
}

static void run(struct db *db, const char *sql)
{
        struct err err = {0};

        if (db_run(db, sql, &err) < 0)
                die(sql, &err);
}

static void job_make(struct bench *b)
{
        struct err err = {0};
        AUTO_ROWS struct rows *r = NULL;
        struct stmt *st =
            db_stmt(b->db, "bench_job",
                    "with j as (insert into jobs (project_id, user_id, name, spec, first_task, last_task)"
                    " values (1, 1, 'bench', '{}', 1, $1) returning id),"
                    " q as (insert into job_queue (job_id, next_task) select id, 1 from j) select id from j");

        bind_int(st, JOB_TASKS);
        if (db_query(st, &r, &err) < 0)
                die("job", &err);
        rows_next(r);
        b->job = row_int(r, "id");
        b->next = 1;
}

static void bench_open(struct bench *b, const char *name, long history)
{
        struct err err = {0};
        char sql[1000];

        b->db = open_database("postgres", &err);
        snprintf(sql, sizeof sql, "create database %s", name);
        run(b->db, sql);
        db_close(b->db);
        b->db = open_database(name, &err);
        if (migrate_apply(b->db, NULL, &err) < 0)
                die("migrate", &err);
        run(b->db, "insert into users (name, role) values ('bench', 'admin');"
                   "insert into sites (name, intent_by) values ('bench', 'bench')");
        if (history > 0) {
                snprintf(
                    sql, sizeof sql,
                    "insert into attempts select 1000000000 + g / 1000, g %% 1000, 1, 1, 1, 1, 'succeeded',"
                    " 'succeeded', 'none', true, 0, now(), now(), now(), 1000, 500, 500, 1000000, 0, 0, 10, "
                    "0, 0,"
                    " null, 1 from generate_series(1, %ld) g; vacuum analyze attempts; checkpoint",
                    history);
                /* A vacuum cannot stand in one text with others. */
                *strstr(sql, "; vacuum") = '\0';
                run(b->db, sql);
                run(b->db, "vacuum analyze attempts");
                run(b->db, "checkpoint");
        }
        if (store_lead(b->db, "bench", 600000, &b->epoch, &err) != 1)
                die("lead", &err);
        job_make(b);
}

static void place(struct bench *b, int batch)
{
        int64_t now = clock_wall_ms();

        for (int i = 0; i < batch; i++) {
                b->c.placed = xgrow(b->c.placed, b->c.placed_n, &b->c.placed_cap, sizeof *b->c.placed);
                b->c.placed[b->c.placed_n++] = (struct commit_placed){
                    .key = {b->job, b->next++, 1}, .site = 1, .worker = 1, .decision = 1, .placed_at = now};
        }
}

/* End every attempt of the last batch. */
static void end(struct bench *b, int32_t first, int batch)
{
        int64_t now = clock_wall_ms();

        for (int i = 0; i < batch; i++) {
                b->c.ended = xgrow(b->c.ended, b->c.ended_n, &b->c.ended_cap, sizeof *b->c.ended);
                b->c.ended[b->c.ended_n++] = (struct commit_ended){.key = {b->job, first + i, 1},
                                                                   .state = ATTEMPT_SUCCEEDED,
                                                                   .outcome = OUTCOME_SUCCEEDED,
                                                                   .blame = BLAME_NONE,
                                                                   .final = true,
                                                                   .started_at = now,
                                                                   .ended_at = now,
                                                                   .wall_us = 1234,
                                                                   .user_us = 567,
                                                                   .system_us = 678,
                                                                   .memory_peak = 1 << 20};
        }
        b->c.tasks_succeeded = batch;
}

static void cursor(struct bench *b)
{
        b->c.jobs = xgrow(b->c.jobs, b->c.jobs_n, &b->c.jobs_cap, sizeof *b->c.jobs);
        b->c.jobs[b->c.jobs_n++] = (struct commit_job){.job = b->job,
                                                       .next_task = b->next,
                                                       .succeeded = b->next - 1,
                                                       .started_at = TIME_NONE,
                                                       .wait = WAIT_BUSY,
                                                       .wait_since = TIME_NONE};
}

static void commit(struct bench *b)
{
        struct err err = {0};

        if (store_commit(b->db, b->epoch, &b->c, &err) < 0)
                die("commit", &err);
        commit_clear(&b->c);
}

/* Tasks a second over one round. */
static double round_rate(struct bench *b, int batch)
{
        int64_t start, ended = 0;

        if (b->next > JOB_TASKS - 2000000)
                job_make(b);
        place(b, batch);
        commit(b);
        start = clock_boot_ms();
        while (clock_boot_ms() - start < ROUND_MS) {
                end(b, b->next - batch, batch);
                place(b, batch);
                cursor(b);
                commit(b);
                ended += batch;
        }

        double rate = (double)ended * 1000 / (double)(clock_boot_ms() - start);

        end(b, b->next - batch, batch);
        commit(b);
        return rate;
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

static double median(double *v)
{
        qsort(v, ROUNDS, sizeof *v, compare);
        return v[ROUNDS / 2];
}

int main(int argc, char **argv)
{
        static const int batches[] = {1, 64, 1000};
        long history = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
        struct bench none = {0}, much = {0};

        log_init("bench", LOG_LEVEL_WARN);
        if (!getenv("REEVE_TEST_PG")) {
                fprintf(stderr, "run this under tests/support/pg.sh run\n");
                return 2;
        }
        bench_open(&none, "bench_none", 0);
        if (history)
                bench_open(&much, "bench_much", history);
        for (size_t i = 0; i < ARRAY_LEN(batches); i++) {
                double a[ROUNDS], b[ROUNDS];

                (void)round_rate(&none, batches[i]);
                if (history)
                        (void)round_rate(&much, batches[i]);
                for (int r = 0; r < ROUNDS; r++) {
                        a[r] = round_rate(&none, batches[i]);
                        if (history)
                                b[r] = round_rate(&much, batches[i]);
                }
                printf("store_commit_%d %.0f tasks/s\n", batches[i], median(a));
                if (history) {
                        printf("store_commit_%d_history %.0f tasks/s\n", batches[i], median(b));
                        printf("store_commit_%d_history_ratio %.3f -\n", batches[i], median(b) / median(a));
                }
                fflush(stdout);
        }
        commit_release(&none.c);
        commit_release(&much.c);
        db_close(none.db);
        db_close(much.db);
        return 0;
}
