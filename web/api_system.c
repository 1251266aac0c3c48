/* SPDX-License-Identifier: Apache-2.0 */
/* Health, figures, events, the first page. */
#include "web/api.h"

#include "common/num.h"
#include "common/util.h"
#include "web/progress_reply.h"
#include "web/web_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PAGE_LIST 20

HANDLER(api_healthz)
{
        (void)db;
        (void)err;
        rq->type = "text/plain; charset=utf-8";
        buf_text(&rq->out, "ok\n");
        return 0;
}

HANDLER(api_readyz)
{
        AUTO_ROWS struct rows *r = NULL;

        if (store_leader(db, &r, err) < 0)
                return -1;
        if (!rows_next(r) || !row_bool(r, "alive"))
                return err_set(err, ERR_UNAVAILABLE, "no engine leads: the lease of the last one ran out");
        rq->type = "text/plain; charset=utf-8";
        buf_text(&rq->out, "ready\n");
        return 0;
}

HANDLER(api_version)
{
        (void)db;
        (void)err;
        j_obj(&rq->out, NULL);
        j_str(&rq->out, "version", REEVE_VERSION);
        j_str(&rq->out, "api", "v1");
        j_obj_end(&rq->out);
        return 0;
}

HANDLER(api_openapi)
{
        (void)db;
        (void)err;
        routes_openapi(&rq->out, rq->web->public_url);
        return 0;
}

/* ---- events ----------------------------------------------------------------------------------------------
 */

void event_write(struct buf *b, struct rows *r)
{
        j_obj(b, NULL);
        j_col_int(b, r, "seq");
        j_col_time(b, r, "at");
        j_col_str(b, r, "kind");
        j_raw(b, "job", row_null(r, "job_id") ? NULL : row_text(r, "job_id"));
        j_col_int(b, r, "task");
        j_col_str(b, r, "site");
        j_col_str(b, r, "actor");
        j_col_str(b, r, "text");
        j_obj_end(b);
}

static int events_reply(struct request *rq, struct db *db, struct events_filter *f, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;
        int64_t next, last = 0;

        if (request_limit(rq, &f->limit, err) < 0 || cursor_read_int(rq, INT64_MAX, &f->before, err) < 0 ||
            store_events_list(db, f, &r, &next, err) < 0)
                return -1;
        j_obj(&rq->out, NULL);
        j_arr(&rq->out, "items");
        while (rows_next(r)) {
                event_write(&rq->out, r);
                last = row_int(r, "seq");
        }
        j_arr_end(&rq->out);
        cursor_write_int(&rq->out, "next_cursor", rows_count(r) == (size_t)f->limit ? last : next);
        j_obj_end(&rq->out);
        return 0;
}

HANDLER(api_events)
{
        struct events_filter f = {.who = principal_visible(rq->who), .site = request_query(rq, "site")};

        if (request_query_int(rq, "job", 1, INT64_MAX, 0, &f.job, err) < 0)
                return -1;
        if (f.job) {
                AUTO_ROWS struct rows *r = NULL;

                if (store_job_outline(db, &f.who, f.job, &r, err) < 0)
                        return -1;
                if (!rows_next(r))
                        return job_unknown(f.job, err);
        }
        return events_reply(rq, db, &f, err);
}

HANDLER(api_job_events)
{
        struct events_filter f = {.who = principal_visible(rq->who)};
        AUTO_ROWS struct rows *r = NULL;

        if (request_capture_int(rq, 0, "job", &f.job, err) < 0 ||
            store_job_outline(db, &f.who, f.job, &r, err) < 0)
                return -1;
        if (!rows_next(r))
                return job_unknown(f.job, err);
        return events_reply(rq, db, &f, err);
}

/* ---- the first page --------------------------------------------------------------------------------------
 */

struct figures {
        int64_t succeeded, failed, pass_us, pass_at;
};

static int figures_read(struct db *db, struct figures *f, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (store_totals(db, &r, err) < 0)
                return -1;
        while (rows_next(r)) {
                const struct {
                        const char *name;
                        int64_t *to;
                } known[] = {{"tasks_succeeded", &f->succeeded},
                             {"tasks_failed", &f->failed},
                             {"pass_us", &f->pass_us},
                             {"pass_at", &f->pass_at}};

                for (size_t i = 0; i < ARRAY_LEN(known); i++)
                        if (strcmp(row_text(r, "name"), known[i].name) == 0)
                                *known[i].to = row_int(r, "value");
        }
        return 0;
}

static int overview_counts(struct buf *b, struct db *db, const struct figures *f, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (store_live(db, LIVE_LOOK_MAX, &r, err) < 0 || !rows_next(r))
                return -1;
        j_obj(b, "jobs");
        j_col_int(b, r, "accepted");
        j_col_int(b, r, "active");
        j_col_int(b, r, "held");
        j_obj_end(b);
        j_obj(b, "tasks");
        j_col_int(b, r, "ready");
        j_col_int(b, r, "placed");
        j_col_int(b, r, "running");
        j_int(b, "succeeded_total", f->succeeded);
        j_int(b, "failed_total", f->failed);
        j_obj_end(b);
        return 0;
}

static int overview_jobs(struct buf *b, struct request *rq, struct db *db, struct err *err)
{
        struct jobs_filter f = {.who = principal_visible(rq->who),
                                .before = INT64_MAX,
                                .since = INT64_MIN,
                                .until = INT64_MIN,
                                .limit = PAGE_LIST};
        AUTO_ROWS struct rows *r = NULL;
        int64_t next;

        if (store_jobs_list(db, &f, &r, &next, err) < 0)
                return -1;
        j_arr(b, "recent_jobs");
        while (rows_next(r))
                job_write(b, NULL, r);
        j_arr_end(b);
        return 0;
}

static int overview_running(struct buf *b, struct request *rq, struct db *db, struct err *err)
{
        struct visible who = principal_visible(rq->who);
        AUTO_ROWS struct rows *r = NULL;

        if (store_running(db, &who, PAGE_LIST, &r, err) < 0)
                return -1;
        j_arr(b, "running");
        while (rows_next(r)) {
                j_obj(b, NULL);
                j_int(b, "job", row_int(r, "job_id"));
                j_col_str(b, r, "name");
                j_col_int(b, r, "task");
                j_col_int(b, r, "attempt");
                j_col_str(b, r, "state");
                j_col_str(b, r, "site");
                j_col_time(b, r, "started_at");
                progress_write_attempt(b, r);
                j_obj_end(b);
        }
        j_arr_end(b);
        return 0;
}

static int overview_events(struct buf *b, struct request *rq, struct db *db, struct err *err)
{
        struct events_filter f = {.who = principal_visible(rq->who), .before = INT64_MAX, .limit = PAGE_LIST};
        AUTO_ROWS struct rows *r = NULL;
        int64_t next;

        if (store_events_list(db, &f, &r, &next, err) < 0)
                return -1;
        j_arr(b, "events");
        while (rows_next(r))
                event_write(b, r);
        j_arr_end(b);
        return 0;
}

static int overview_engine(struct buf *b, struct db *db, const struct figures *f, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (store_leader(db, &r, err) < 0 || !rows_next(r))
                return -1;
        j_obj(b, "engine");
        j_col_int(b, r, "epoch");
        j_str(b, "leader", row_text(r, "holder"));
        j_col_bool(b, r, "alive");
        j_f64(b, "pass_ms", (double)f->pass_us / 1000);
        j_time(b, "last_pass_at", f->pass_at ? f->pass_at : INT64_MIN);
        j_obj_end(b);
        return 0;
}

/* What moves by itself (the clock, the engine's figures) stands at the end, outside the ETag. */
HANDLER(api_overview)
{
        struct buf *b = &rq->out;
        struct figures f = {0};

        j_obj(b, NULL);
        if (figures_read(db, &f, err) < 0 || overview_counts(b, db, &f, err) < 0 ||
            sites_write(b, "sites", db, err) < 0 || overview_jobs(b, rq, db, err) < 0 ||
            overview_running(b, rq, db, err) < 0 || overview_events(b, rq, db, err) < 0)
                return -1;
        rq->etag_len = buf_len(b);
        if (overview_engine(b, db, &f, err) < 0)
                return -1;
        j_time(b, "now", clock_wall_ms());
        j_obj_end(b);
        return 0;
}
