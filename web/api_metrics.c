/* SPDX-License-Identifier: Apache-2.0 */
/* /metrics: figures in Prometheus' text form. All lines of one metric stand together, below what they mean.
 */
#include "web/api.h"

#include "common/util.h"
#include "store/store_workers.h"
#include "web/metrics.h"
#include "web/stream.h"
#include "web/wake.h"
#include "web/web_priv.h"

#include <inttypes.h>
#include <string.h>

static void begin(struct buf *b, const char *name, const char *type, const char *help)
{
        buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void label_text(struct buf *b, const char *s)
{
        for (; *s; s++)
                if (*s == '"' || *s == '\\')
                        buf_printf(b, "\\%c", *s);
                else if ((unsigned char)*s >= 0x20)
                        buf_put(b, s, 1);
}

/* Running totals that the engine keeps, under the name and label they have here. */
static const struct {
        const char *total, *name, *labels, *help;
} totals[] = {
    {"tasks_succeeded", "reeve_tasks_ended_total", "{how=\"succeeded\"}", "Tasks that ended, by how."},
    {"tasks_failed", "reeve_tasks_ended_total", "{how=\"failed\"}", NULL},
    {"tasks_cancelled", "reeve_tasks_ended_total", "{how=\"cancelled\"}", NULL},
    {"attempts", "reeve_attempts_ended_total", "", "Attempts that ended."},
    {"jobs", "reeve_jobs_ended_total", "", "Jobs that ended."},
    {"placed_total", "reeve_tasks_placed_total", "", "Tasks that were placed at a worker."},
};

static int64_t total_of(struct db *db, const char *name, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (store_totals(db, &r, err) < 0)
                return -1;
        while (rows_next(r))
                if (strcmp(row_text(r, "name"), name) == 0)
                        return row_int(r, "value");
        return 0;
}

static int write_totals(struct buf *b, struct db *db, struct err *err)
{
        for (size_t i = 0; i < ARRAY_LEN(totals); i++) {
                int64_t n = total_of(db, totals[i].total, err);

                if (n < 0)
                        return -1;
                if (totals[i].help)
                        begin(b, totals[i].name, "counter", totals[i].help);
                buf_printf(b, "%s%s %" PRId64 "\n", totals[i].name, totals[i].labels, n);
        }
        return 0;
}

static int write_live(struct buf *b, struct db *db, struct err *err)
{
        static const char *const jobs[] = {"accepted", "active", "held"};
        static const char *const tasks[] = {"ready", "placed", "running"};
        AUTO_ROWS struct rows *r = NULL;

        if (store_live(db, LIVE_LOOK_MAX, &r, err) < 0 || !rows_next(r))
                return -1;
        begin(b, "reeve_jobs", "gauge", "Live jobs; held ones count twice.");
        for (size_t i = 0; i < ARRAY_LEN(jobs); i++)
                buf_printf(b, "reeve_jobs{state=\"%s\"} %" PRId64 "\n", jobs[i], row_int(r, jobs[i]));
        begin(b, "reeve_tasks", "gauge", "Tasks of live jobs; running ones are placed, too.");
        for (size_t i = 0; i < ARRAY_LEN(tasks); i++)
                buf_printf(b, "reeve_tasks{state=\"%s\"} %" PRId64 "\n", tasks[i], row_int(r, tasks[i]));
        return 0;
}

static int write_waits(struct buf *b, struct db *db, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (store_waits(db, LIVE_LOOK_MAX, &r, err) < 0)
                return -1;
        begin(b, "reeve_jobs_waiting", "gauge", "Live jobs by why their next task waits.");
        while (rows_next(r))
                buf_printf(b, "reeve_jobs_waiting{reason=\"%s\"} %" PRId64 "\n", row_text(r, "wait"),
                           row_int(r, "jobs"));
        return 0;
}

static int write_engine(struct buf *b, struct db *db, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;
        int64_t pass_us = total_of(db, "pass_us", err), pass_at = total_of(db, "pass_at", err);

        if (pass_us < 0 || pass_at < 0 || store_leader(db, &r, err) < 0 || !rows_next(r))
                return -1;
        begin(b, "reeve_engine_alive", "gauge", "Does an engine hold the lease.");
        buf_printf(b, "reeve_engine_alive %d\n", row_bool(r, "alive"));
        begin(b, "reeve_engine_epoch", "gauge", "Number of the present leadership.");
        buf_printf(b, "reeve_engine_epoch %" PRId64 "\n", row_int(r, "epoch"));
        begin(b, "reeve_engine_pass_seconds", "gauge", "Duration of the last pass.");
        buf_printf(b, "reeve_engine_pass_seconds %g\n", (double)pass_us / 1e6);
        begin(b, "reeve_engine_last_pass_timestamp_seconds", "gauge", "When it ended.");
        buf_printf(b, "reeve_engine_last_pass_timestamp_seconds %.3f\n", (double)pass_at / 1e3);
        return 0;
}

/* One metric of all workers. */
struct worker_metric {
        const char *name, *help, *column;
};
static const struct worker_metric worker_metrics[] = {
    {"reeve_worker_cpus", "CPUs that a worker offers.", "cpus"},
    {"reeve_worker_cpus_used", "CPUs that attempts hold.", "used_cpus"},
    {"reeve_worker_memory_bytes", "Memory that a worker offers.", "memory"},
    {"reeve_worker_memory_used_bytes", "Memory that attempts hold.", "used_memory"},
    {"reeve_worker_tasks", "Open attempts of a worker.", "used_tasks"},
    {"reeve_worker_disk_free_bytes", "Bytes free where it keeps its files.", "disk_free"},
};

static void worker_labels(struct buf *b, struct rows *r)
{
        buf_printf(b, "{worker=\"%" PRId64 "\",site=\"", row_int(r, "id"));
        label_text(b, row_text(r, "site"));
        buf_text(b, "\",host=\"");
        label_text(b, row_text(r, "host"));
        buf_text(b, "\"}");
}

static int write_workers(struct buf *b, struct db *db, struct err *err)
{
        for (size_t i = 0; i <= ARRAY_LEN(worker_metrics); i++) {
                const struct worker_metric *m = i < ARRAY_LEN(worker_metrics) ? &worker_metrics[i] : NULL;
                AUTO_ROWS struct rows *r = NULL;

                if (store_workers_list(db, NULL, 0, &r, err) < 0)
                        return -1;
                begin(b, m ? m->name : "reeve_worker_up", "gauge", m ? m->help : "Is the worker connected.");
                while (rows_next(r)) {
                        buf_text(b, m ? m->name : "reeve_worker_up");
                        worker_labels(b, r);
                        buf_printf(b, " %" PRId64 "\n",
                                   m ? row_int(r, m->column)
                                     : (int64_t)(strcmp(row_text(r, "link"), "ready") == 0));
                }
        }
        return 0;
}

HANDLER(api_metrics)
{
        struct buf *b = &rq->out;

        rq->type = "text/plain; version=0.0.4; charset=utf-8";
        if (write_totals(b, db, err) < 0 || write_live(b, db, err) < 0 || write_waits(b, db, err) < 0 ||
            write_engine(b, db, err) < 0 || write_workers(b, db, err) < 0)
                return -1;
        begin(b, "reeve_http_waiting", "gauge", "Requests that wait for a change.");
        buf_printf(b, "reeve_http_waiting %d\n", wake_waiting(rq->web));
        begin(b, "reeve_http_streams", "gauge", "Live streams.");
        buf_printf(b, "reeve_http_streams %d\n", streams_open(rq->web));
        metrics_write(b, rq->web->metrics);
        return 0;
}
