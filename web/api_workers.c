/* SPDX-License-Identifier: Apache-2.0 */
/* Workers: show, drain, resume. */
#include "web/api.h"

#include "common/util.h"
#include "store/store_workers.h"
#include "web/site_body.h"

#include <string.h>

static void worker_offer_write(struct buf *b, struct rows *r)
{
        j_obj(b, "offer");
        j_raw(b, "cpus", row_null(r, "offer_cpus") ? NULL : row_text(r, "offer_cpus"));
        j_raw(b, "memory", row_null(r, "offer_memory") ? NULL : row_text(r, "offer_memory"));
        j_raw(b, "gpus", row_null(r, "offer_gpus") ? NULL : row_text(r, "offer_gpus"));
        j_raw(b, "slots", row_null(r, "offer_slots") ? NULL : row_text(r, "offer_slots"));
        j_raw(b, "custom", row_text(r, "offer_custom"));
        j_obj_end(b);
}

#define VERSION_WORD "version="

/* What it told of itself: words with a space between; one of them names its version. They are a site's, and
 * so are taken for nothing but text. */
static void features_write(struct buf *b, struct rows *r)
{
        AUTO_FREE char *text = xstrdup(row_null(r, "features") ? "" : row_text(r, "features"));
        const char *version = NULL;
        char *rest = NULL;

        j_col_str(b, r, "machine");
        j_arr(b, "features");
        for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
                if (strncmp(word, VERSION_WORD, strlen(VERSION_WORD)) == 0)
                        version = word + strlen(VERSION_WORD);
                else
                        j_str(b, NULL, word);
        }
        j_arr_end(b);
        j_str(b, "version", version);
}

/* The members of a worker, as in a list or for itself. */
static void write_members(struct buf *b, struct rows *r)
{
        j_col_int(b, r, "id");
        j_col_str(b, r, "host");
        j_col_str(b, r, "user");
        j_col_str(b, r, "link");
        j_col_str(b, r, "link_text");
        j_col_time(b, r, "since");
        j_col_str(b, r, "hostname");
        j_col_int(b, r, "cpus");
        j_col_int(b, r, "memory");
        j_col_int(b, r, "gpus");
        j_col_int(b, r, "disk_free");
        j_col_int(b, r, "disk_total");
        j_col_int(b, r, "memory_available");
        j_col_f64(b, r, "load");
        j_col_int(b, r, "clock_skew_ms");
        j_col_int(b, r, "running");
        j_col_time(b, r, "seen_at");
        features_write(b, r);
        j_col_str(b, r, "intent");
        j_col_str(b, r, "intent_by");
        j_col_time(b, r, "intent_at");
        j_col_str(b, r, "intent_why");
        j_obj(b, "used");
        j_int(b, "cpus", row_int(r, "used_cpus"));
        j_int(b, "memory", row_int(r, "used_memory"));
        j_int(b, "gpus", row_int(r, "used_gpus"));
        j_int(b, "tasks", row_int(r, "used_tasks"));
        j_obj_end(b);
        worker_offer_write(b, r);
}

void worker_write(struct buf *b, struct rows *r, struct worker_sums *s)
{
        j_obj(b, NULL);
        write_members(b, r);
        j_obj_end(b);
        s->cpus += row_int(r, "cpus");
        s->memory += row_int(r, "memory");
        s->gpus += row_int(r, "gpus");
        s->used_cpus += row_int(r, "used_cpus");
        s->used_memory += row_int(r, "used_memory");
        s->used_gpus += row_int(r, "used_gpus");
        s->used_tasks += row_int(r, "used_tasks");
}

static void write_with_site(struct buf *b, struct rows *r)
{
        j_obj(b, NULL);
        j_col_str(b, r, "site");
        write_members(b, r);
        j_obj_end(b);
}

HANDLER(api_workers)
{
        const char *site = request_query(rq, "site");
        AUTO_ROWS struct rows *r = NULL;
        int32_t id;
        int rc = site ? store_site_find(db, site, &id, err) : 1;

        if (rc == 0)
                return site_unknown(site, err);
        if (rc < 0 || store_workers_list(db, site, 0, &r, err) < 0)
                return -1;
        j_obj(&rq->out, NULL);
        j_arr(&rq->out, "items");
        while (rows_next(r))
                write_with_site(&rq->out, r);
        j_arr_end(&rq->out);
        j_null(&rq->out, "next_cursor");
        j_obj_end(&rq->out);
        return 0;
}

static int worker_reply(struct request *rq, struct db *db, int64_t id, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (store_workers_list(db, NULL, id, &r, err) < 0)
                return -1;
        if (!id || !rows_next(r))
                return err_set(err, ERR_NOT_FOUND, "no worker %lld", (long long)id);
        write_with_site(&rq->out, r);
        return 0;
}

HANDLER(api_worker)
{
        int64_t id;

        return request_capture_int(rq, 0, "worker", &id, err) < 0 ? -1 : worker_reply(rq, db, id, err);
}

static int set_intent(struct request *rq, struct db *db, const char *intent, struct err *err)
{
        struct why_body in = {0};
        int64_t id;

        if (request_body(rq, why_fields, &in, NULL, err) < 0 ||
            request_capture_int(rq, 0, "worker", &id, err) < 0 ||
            store_worker_intent(db, id, intent, rq->who->name, in.why, err) < 0)
                return -1;
        site_changed(rq);
        request_audit(rq, "%s: %s", intent, in.why ? in.why : "");
        return worker_reply(rq, db, id, err);
}

HANDLER(api_worker_drain)
{
        return set_intent(rq, db, "draining", err);
}

HANDLER(api_worker_resume)
{
        return set_intent(rq, db, "open", err);
}
