/* SPDX-License-Identifier: Apache-2.0 */
/* Data that moves: transfers to look at; policies and pins of datasets. */
#include "web/api.h"

#include "common/states.h"
#include "common/util.h"
#include "store/store_copies.h"
#include "store/store_data.h"
#include "store/store_sites.h"
#include "store/store_transfers.h"
#include "web/arrivals.h"

#include <string.h>

#define POLICY_SITES_MAX 256

struct policy_body {
        json_t *sites, *labels;
};
const struct field policy_fields[] = {
    FIELD(struct policy_body, sites, F_STRINGS, 0, POLICY_SITES_MAX, 0,
          "names of the sites where it may be; empty: any"),
    FIELD(struct policy_body, labels, F_STRINGS, 0, LABELS_MAX, 0,
          "labels that such a site must have, all of them"),
    {0},
};

struct dataset_change_body {
        json_t *policy;
        int64_t expires_at;
};
enum { GAVE_POLICY = 1, GAVE_EXPIRY = 2 };
const struct field dataset_change_fields[] = {
    FIELD_OF(struct dataset_change_body, policy, F_OBJECT, 0, 2, 0,
             "where it may be, and what reads it may run; {} any site", policy_fields),
    FIELD(struct dataset_change_body, expires_at, F_TIME, 0, INT64_MAX, 0,
          "when it is removed, or as soon as nothing needs it; null: never"),
    {0},
};

struct pin_copy_body {
        const char *site;
        bool pinned;
};
const struct field dataset_pin_fields[] = {
    FIELD(struct pin_copy_body, site, F_NAME, 1, 64, FIELD_REQUIRED, "where"),
    FIELD(struct pin_copy_body, pinned, F_BOOL, 0, 0, FIELD_REQUIRED,
          "true: it stays there; false: it may be evicted"),
    {0},
};

/* ---- looking ---------------------------------------------------------------------------------------------
 */

static void transfer_write(struct buf *b, struct rows *r)
{
        j_obj(b, NULL);
        j_col_int(b, r, "id");
        j_col_str(b, r, "dataset");
        j_str(b, "from", row_null(r, "from_site") ? NULL : row_text(r, "from_site"));
        j_str(b, "to", row_null(r, "to_site") ? NULL : row_text(r, "to_site"));
        j_col_str(b, r, "state");
        j_col_str(b, r, "why");
        j_col_str(b, r, "asked_by");
        j_col_int(b, r, "files");
        j_col_int(b, r, "bytes");
        j_col_int(b, r, "total");
        j_col_f64(b, r, "rate");
        j_col_f64(b, r, "eta");
        j_col_int(b, r, "tries");
        j_col_time(b, r, "asked_at");
        j_col_time(b, r, "started_at");
        j_col_time(b, r, "ended_at");
        j_col_time(b, r, "not_before");
        j_col_str(b, r, "way");
        j_col_str(b, r, "message");
        j_obj_end(b);
}

HANDLER(api_transfers)
{
        struct visible who = principal_visible(rq->who);
        AUTO_ROWS struct rows *r = NULL;
        const char *state = request_query(rq, "state");
        enum transfer_state parsed;
        int64_t before, last = 0;
        int limit;

        if (state && transfer_state_parse(state, &parsed) < 0)
                return err_set(err, ERR_BAD_INPUT, "state: there is no \"%.40s\"", state);
        if (request_limit(rq, &limit, err) < 0 || cursor_read_int(rq, INT64_MAX, &before, err) < 0 ||
            store_transfers_list(db, &who, request_query(rq, "dataset"), request_query(rq, "site"), state,
                                 before, limit, &r, err) < 0)
                return -1;
        j_obj(&rq->out, NULL);
        j_arr(&rq->out, "items");
        while (rows_next(r)) {
                transfer_write(&rq->out, r);
                last = row_int(r, "id");
        }
        j_arr_end(&rq->out);
        cursor_write_int(&rq->out, "next_cursor", rows_count(r) == (size_t)limit ? last : 0);
        j_obj_end(&rq->out);
        return 0;
}

/* ---- changing --------------------------------------------------------------------------------------------
 */

/* The texts of a JSON array, borrowed; *ret_n of them. */
static const char **texts(const json_t *list, size_t *ret_n)
{
        size_t n = json_array_size(list);
        const char **out = xcalloc(n + 1, sizeof *out);

        for (size_t i = 0; i < n; i++)
                out[i] = json_string_value(json_array_get(list, i));
        *ret_n = n;
        return out;
}

void policy_read(struct request *rq, struct db *db, const json_t *said, struct policy_said *ret)
{
        size_t mark = issues_enter(&rq->issues, "policy");
        struct policy_body policy = {0};
        struct err err;
        int32_t id;

        if (said)
                fields_read(said, policy_fields, &policy, NULL, &rq->issues);
        labels_check(policy.labels, "/labels", &rq->issues);
        ret->sites = texts(policy.sites, &ret->site_count);
        ret->labels = texts(policy.labels, &ret->label_count);
        for (size_t i = 0; i < ret->site_count; i++) {
                char place[64];

                snprintf(place, sizeof place, "/sites/%zu", i);
                if (ret->sites[i] && store_site_find(db, ret->sites[i], &id, &err) == 0)
                        issue_add(&rq->issues, place, "not_found", "there is no site \"%.64s\"",
                                  ret->sites[i]);
        }
        issues_leave(&rq->issues, mark);
}

void policy_release(struct policy_said *p)
{
        free(p->sites);
        free(p->labels);
}

/* What a policy would forbid is to be made good first, by whoever sets it. */
static int refuse_outside(struct request *rq, struct db *db, int64_t dataset, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;
        char text[900] = "";
        size_t n = 0;

        if (store_policy_outside(db, dataset, &r, err) < 0)
                return -1;
        while (rows_next(r) && n + 100 < sizeof text) {
                n += (size_t)snprintf(text + n, sizeof text - n, "%s\"%.64s\"", n ? ", " : "",
                                      row_text(r, "site"));
                if (!row_null(r, "transfer"))
                        n += (size_t)snprintf(text + n, sizeof text - n, " (transfer %lld)",
                                              (long long)row_int(r, "transfer"));
        }
        rq->audits_refusal = n > 0;
        return n ? err_set(err, ERR_CONFLICT,
                           "it lies, or is on its way, where this would not allow it: %s; evict the copies "
                           "and cancel "
                           "the transfers first",
                           text)
                 : 0;
}

static int set_policy(struct request *rq, struct db *db, struct rows *set, const struct policy_said *p,
                      struct err *err)
{
        int rc;

        if (rq->issues.count)
                return request_invalid(rq, err);
        if (row_null(set, "sealed_at") && (p->site_count || p->label_count))
                return err_set(err, ERR_CONFLICT,
                               "it is still being made, wherever its job runs; wait for the end "
                               "of the job, or name sites for the job");
        /* The row is locked from here on, so that no copy joins while we look. */
        rc = store_dataset_policy(db, row_int(set, "id"), p->sites, p->site_count, p->labels, p->label_count,
                                  rq->who->name, err);
        if (rc == 0)
                return err_set(err, ERR_NOT_FOUND, "the dataset was removed meanwhile");
        if (rc < 0 || refuse_outside(rq, db, row_int(set, "id"), err) < 0)
                return -1;
        request_audit(rq, "policy: %zu sites, %zu labels", p->site_count, p->label_count);
        return 0;
}

static int change_policy(struct request *rq, struct db *db, struct rows *set, const json_t *said,
                         struct err *err)
{
        struct policy_said p = {0};
        int rc;

        policy_read(rq, db, said, &p);
        rc = set_policy(rq, db, set, &p, err);
        policy_release(&p);
        return rc;
}

HANDLER(api_dataset_change)
{
        AUTO_ROWS struct rows *set = NULL;
        struct dataset_change_body in = {.expires_at = INT64_MIN};
        uint64_t given = 0;

        if (request_body(rq, dataset_change_fields, &in, &given, err) < 0 ||
            dataset_find(rq, db, &set, err) < 0)
                return -1;
        if (!given)
                issue_add(&rq->issues, "", "missing", "say what to change: policy, expires_at");
        if (given & GAVE_POLICY && !in.policy)
                issue_add(&rq->issues, "/policy", "type", "must be an object; {} takes the policy away");
        if (rq->issues.count)
                return request_invalid(rq, err);
        if (given & GAVE_POLICY && change_policy(rq, db, set, in.policy, err) < 0)
                return -1;
        if (given & GAVE_EXPIRY) {
                int rc = store_dataset_expire(db, row_int(set, "id"), in.expires_at, err);

                if (rc <= 0)
                        return rc < 0 ? -1 : err_set(err, ERR_NOT_FOUND, "the dataset was removed meanwhile");
                request_audit(rq, "%s", in.expires_at == INT64_MIN ? "expires never" : "expires");
        }
        rq->wakes_engine = true;
        return dataset_reply(rq, db, err);
}

HANDLER(api_dataset_pin)
{
        AUTO_ROWS struct rows *set = NULL;
        struct pin_copy_body in = {0};
        int32_t site;
        int64_t n;
        int rc;

        if (request_body(rq, dataset_pin_fields, &in, NULL, err) < 0 || dataset_find(rq, db, &set, err) < 0)
                return -1;
        rc = store_site_find(db, in.site, &site, err);
        if (rc == 0)
                return err_set(err, ERR_NOT_FOUND, "no site \"%.64s\"", in.site);
        if (rc < 0)
                return -1;
        n = store_dataset_pin(db, row_int(set, "id"), site, in.pinned ? rq->who->name : NULL, err);
        if (n == 0)
                return err_set(err, ERR_CONFLICT, "the dataset does not lie at \"%.64s\"", in.site);
        request_audit(rq, "%s at %s", in.pinned ? "pinned" : "not pinned", in.site);
        return n < 0 ? -1 : dataset_reply(rq, db, err);
}
