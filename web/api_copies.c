/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of datasets: where they are, bring one somewhere, let one go, stop a transfer. What the record
 * forbids is refused here, with the reason; the engine looks once more when it acts. */
#include "web/api.h"

#include "common/num.h"
#include "store/store_copies.h"
#include "store/store_data.h"
#include "store/store_sites.h"
#include "web/explain_ask.h"

#include <string.h>

struct copy_body {
        const char *site;
};
const struct field copy_fields[] = {
    FIELD(struct copy_body, site, F_NAME, 1, 64, FIELD_REQUIRED, "where"),
    {0},
};

/* ---- where -----------------------------------------------------------------------------------------------
 */

/* As on record: what is there, but not how long the rest would take. */
static void where_item_write(struct buf *b, struct rows *r)
{
        bool whole = row_bool(r, "complete"), coming = row_bool(r, "coming"),
             allowed = row_bool(r, "allowed");

        j_obj(b, NULL);
        j_str(b, "site", row_text(r, "name"));
        j_str(b, "state", whole ? "complete" : coming ? "coming" : row_int(r, "files") ? "part" : "none");
        j_col_int(b, r, "bytes");
        j_col_int(b, r, "missing");
        if (whole)
                j_f64(b, "seconds", 0);
        else
                j_null(b, "seconds");
        j_null(b, "from");
        j_col_bool(b, r, "allowed");
        j_str(b, "sentence",
              whole                    ? "lies there"
              : coming                 ? "is on its way"
              : row_bool(r, "suspect") ? "what lies there cannot be relied on"
              : !allowed               ? "its policy does not allow that"
                                       : "nobody can tell now how long it would take");
        j_obj_end(b);
}

static int where_from_record(struct buf *b, struct db *db, int64_t dataset, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (store_dataset_where(db, dataset, &r, err) < 0)
                return -1;
        j_arr(b, "items");
        while (rows_next(r))
                where_item_write(b, r);
        j_arr_end(b);
        return 0;
}

HANDLER(api_dataset_where)
{
        AUTO_ROWS struct rows *set = NULL;
        struct buf *b = &rq->out;
        json_t *q, *doc = NULL, *items;
        int rc;

        if (dataset_find(rq, db, &set, err) < 0)
                return -1;
        q = json_pack("{s:I}", "dataset", (json_int_t)row_int(set, "id"));
        rc = engine_ask(rq, db, "where", q, &doc, err);
        json_decref(q);
        if (rc)
                return rc;
        items = json_object_get(doc, "items");
        j_obj(b, NULL);
        j_str(b, "dataset", row_text(set, "name"));
        j_col_int(b, set, "bytes");
        j_bool(b, "live", items != NULL);
        if (items)
                explain_write(b, "items", items, "[]");
        else if (where_from_record(b, db, row_int(set, "id"), err) < 0)
                return -1;
        j_obj_end(b);
        return 0;
}

/* ---- orders ----------------------------------------------------------------------------------------------
 */

/* Ask the engine to do it; the reply is the call. */
static int order(struct request *rq, struct db *db, const char *kind, int32_t site, const char *name,
                 int64_t id, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;
        char args[64];
        int64_t call;

        snprintf(args, sizeof args, "{\"%s\":%lld}", name, (long long)id);
        if (store_call_add(db, kind, site, args, rq->who->name, &call, err) < 0 ||
            store_call_show(db, call, &r, err) < 0 || !rows_next(r))
                return -1;
        call_write(&rq->out, r);
        rq->status = 202;
        rq->wakes_engine = true;
        return 0;
}

static int read_copy(struct request *rq, struct db *db, struct rows **ret_set, int32_t *ret_site,
                     struct err *err)
{
        struct copy_body in = {0};
        int rc;

        if (request_body(rq, copy_fields, &in, NULL, err) < 0 || dataset_find(rq, db, ret_set, err) < 0)
                return -1;
        rc = store_site_find(db, in.site, ret_site, err);
        if (rc == 0) {
                issue_add(&rq->issues, "/site", "not_found", "there is no site \"%s\"", in.site);
                return request_invalid(rq, err);
        }
        request_audit(rq, "at %s", in.site);
        return rc < 0 ? -1 : 0;
}

HANDLER(api_dataset_copy)
{
        AUTO_ROWS struct rows *set = NULL, *r = NULL;
        int32_t site;
        int64_t id;

        if (read_copy(rq, db, &set, &site, err) < 0)
                return -1;
        id = row_int(set, "id");
        if (row_null(set, "sealed_at"))
                return err_set(err, ERR_CONFLICT, "it is still being made; copy it when its job has ended");
        if (store_site_allowed(db, id, site, &r, err) < 0)
                return -1;
        rows_next(r);
        rq->audits_refusal = !row_bool(r, "allowed");
        if (rq->audits_refusal)
                return err_set(err, ERR_CONFLICT, "its policy does not allow it there");
        if (!row_bool(r, "accept"))
                return err_set(err, ERR_CONFLICT,
                               "the site takes no copies of data; its admin may change that: "
                               "reeve site set SITE --accept-data yes");
        return order(rq, db, "copy", site, "dataset", id, err);
}

/* Why the copy has to stay; NULL: it may go. */
static const char *why_stay(const struct rows *r)
{
        if (!row_int(r, "places"))
                return "the dataset does not lie there";
        if (row_bool(r, "own"))
                return "what lies there was registered, or made there by a job: Reeve deletes only copies it "
                       "made";
        if (!row_null(r, "pinned_by"))
                return "it is pinned there";
        if (!row_int(r, "others"))
                return "it is the last complete copy";
        if (!row_null(r, "reader"))
                return "a live job reads it";
        if (!row_null(r, "transfer"))
                return "a transfer of it is under way";
        return NULL;
}

HANDLER(api_dataset_evict)
{
        AUTO_ROWS struct rows *set = NULL, *r = NULL;
        const char *why;
        int32_t site;

        if (read_copy(rq, db, &set, &site, err) < 0 ||
            store_copy_uses(db, row_int(set, "id"), site, &r, err) < 0)
                return -1;
        rows_next(r);
        why = why_stay(r);
        if (why && !row_null(r, "pinned_by"))
                return err_set(err, ERR_CONFLICT, "%s, by %s", why, row_text(r, "pinned_by"));
        if (why && row_int(r, "others") && !row_null(r, "reader") && !row_bool(r, "own"))
                return err_set(err, ERR_CONFLICT, "%s: %lld", why, (long long)row_int(r, "reader"));
        if (why)
                return err_set(err, ERR_CONFLICT, "%s", why);
        return order(rq, db, "evict", site, "dataset", row_int(set, "id"), err);
}

HANDLER(api_transfer_cancel)
{
        struct visible who = principal_visible(rq->who);
        AUTO_ROWS struct rows *r = NULL;
        int64_t id;

        if (request_capture_int(rq, 0, "transfer", &id, err) < 0 ||
            request_body(rq, nothing_fields, NULL, NULL, err) < 0 ||
            store_transfer_show(db, &who, id, &r, err) < 0)
                return -1;
        if (!rows_next(r))
                return err_set(err, ERR_NOT_FOUND, "no transfer %lld", (long long)id);
        if (strcmp(row_text(r, "state"), "queued") != 0 && strcmp(row_text(r, "state"), "active") != 0 &&
            strcmp(row_text(r, "state"), "verifying") != 0)
                return err_set(err, ERR_CONFLICT, "it ended already: %s", row_text(r, "state"));
        if (strcmp(row_text(r, "why"), "upload") == 0 || strcmp(row_text(r, "why"), "fetch") == 0)
                return err_set(err, ERR_CONFLICT,
                               "it brings a new dataset to its site; remove the dataset to stop it");
        if (!row_null(r, "reader"))
                return err_set(err, ERR_CONFLICT, "job %lld waits for it; cancel or hold the job instead",
                               (long long)row_int(r, "reader"));
        request_audit(rq, "of %s", row_text(r, "dataset"));
        return order(rq, db, "stop", 0, "transfer", id, err);
}
