/* SPDX-License-Identifier: Apache-2.0 */
/* Sites: show and register. */
#include "web/api.h"

#include "common/util.h"
#include "store/store_workers.h"
#include "web/site_body.h"

#include <stdio.h>
#include <string.h>

#define HOSTS_MAX    64
#define ACCOUNTS_MAX 64

struct site_body {
        uint64_t given;
        const char *name;
        json_t *hosts, *accounts, *offer;
        int64_t max_tasks;
};
const struct field site_fields[] = {
    FIELD(struct site_body, name, F_NAME, 1, 64, FIELD_REQUIRED, "name of the site"),
    FIELD_OF(struct site_body, hosts, F_ARRAY, 1, HOSTS_MAX, FIELD_REQUIRED, "hosts to log in to",
             host_fields),
    FIELD_OF(struct site_body, accounts, F_ARRAY, 1, ACCOUNTS_MAX, FIELD_REQUIRED, "Unix accounts",
             account_fields),
    FIELD_OF(struct site_body, offer, F_OBJECT, 0, 8, 0, "what each worker offers", offer_fields),
    FIELD(struct site_body, max_tasks, F_INT, 1, COUNT_MAX, 0, "attempts at once at the site"),
    {0},
};

/* ---- showing ---------------------------------------------------------------------------------------------
 */

static void sums_write(struct buf *b, const struct worker_sums *s)
{
        j_obj(b, "capacity");
        j_int(b, "cpus", s->cpus);
        j_int(b, "memory", s->memory);
        j_int(b, "gpus", s->gpus);
        j_obj_end(b);
        j_obj(b, "used");
        j_int(b, "cpus", s->used_cpus);
        j_int(b, "memory", s->used_memory);
        j_int(b, "gpus", s->used_gpus);
        j_int(b, "tasks", s->used_tasks);
        j_obj_end(b);
}

/* The current site. Its workers are a run of `workers`, which come in the order of the sites' names. */
static void site_write(struct buf *b, struct rows *r, struct rows *workers, bool *more_workers)
{
        struct worker_sums s = {0};

        j_obj(b, NULL);
        j_col_str(b, r, "name");
        j_col_str(b, r, "intent");
        j_col_str(b, r, "intent_by");
        j_col_time(b, r, "intent_at");
        j_col_str(b, r, "intent_why");
        j_col_str(b, r, "health");
        j_col_time(b, r, "health_since");
        j_col_str(b, r, "health_text");
        j_col_str(b, r, "alarm");
        j_col_int(b, r, "max_tasks");
        j_col_int(b, r, "max_dials");
        j_col_f64(b, r, "speed");
        j_col_bool(b, r, "all_projects");
        j_col_raw(b, r, "labels");
        j_col_raw(b, r, "place");
        j_col_raw(b, r, "data");
        j_col_raw(b, r, "direct");
        j_col_raw(b, r, "projects");
        j_col_raw(b, r, "hosts");
        j_col_raw(b, r, "accounts");
        j_arr(b, "workers");
        while (*more_workers && strcmp(row_text(workers, "site"), row_text(r, "name")) < 0)
                *more_workers = rows_next(workers);
        while (*more_workers && strcmp(row_text(workers, "site"), row_text(r, "name")) == 0) {
                worker_write(b, workers, &s);
                *more_workers = rows_next(workers);
        }
        j_arr_end(b);
        sums_write(b, &s);
        j_col_time(b, r, "created_at");
        j_obj_end(b);
}

/* Sites of the name (NULL: all), one after the other; how many. */
static int write_sites(struct buf *b, struct db *db, const char *name, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL, *workers = NULL;
        bool more;

        if (store_sites_list(db, name, &r, err) < 0 || store_workers_list(db, name, 0, &workers, err) < 0)
                return -1;
        more = rows_next(workers);
        while (rows_next(r))
                site_write(b, r, workers, &more);
        return (int)rows_count(r);
}

int sites_write(struct buf *b, const char *key, struct db *db, struct err *err)
{
        j_arr(b, key);
        if (write_sites(b, db, NULL, err) < 0)
                return -1;
        j_arr_end(b);
        return 0;
}

HANDLER(api_sites)
{
        j_obj(&rq->out, NULL);
        if (sites_write(&rq->out, "items", db, err) < 0)
                return -1;
        j_null(&rq->out, "next_cursor");
        j_obj_end(&rq->out);
        return 0;
}

int site_unknown(const char *name, struct err *err)
{
        return err_set(err, ERR_NOT_FOUND, "no site \"%.64s\"", name);
}

int site_reply(struct request *rq, struct db *db, const char *name, struct err *err)
{
        int n = write_sites(&rq->out, db, name, err);

        if (n < 0)
                return -1;
        return n ? 0 : site_unknown(name, err);
}

int site_capture(struct request *rq, struct db *db, int32_t *ret, struct err *err)
{
        int rc = store_site_find(db, rq->captures[0], ret, err);

        if (rc == 0)
                return site_unknown(rq->captures[0], err);
        return rc < 0 ? -1 : 0;
}

HANDLER(api_site)
{
        return site_reply(rq, db, rq->captures[0], err);
}

/* ---- registering -----------------------------------------------------------------------------------------
 */

struct site_new {
        struct host_body hosts[HOSTS_MAX];
        struct account_body accounts[ACCOUNTS_MAX];
        size_t host_count, account_count;
};

static void site_read_parts(const struct site_body *in, struct site_new *n, struct issues *is)
{
        for (; n->host_count < json_array_size(in->hosts); n->host_count++) {
                size_t mark = issues_enter(is, "hosts");
                struct host_body *h = &n->hosts[n->host_count];

                issues_enter_index(is, n->host_count);
                fields_read(json_array_get(in->hosts, n->host_count), host_fields, h, NULL, is);
                host_check(h, is);
                issues_leave(is, mark);
        }
        for (; n->account_count < json_array_size(in->accounts); n->account_count++) {
                size_t mark = issues_enter(is, "accounts");
                struct account_body *a = &n->accounts[n->account_count];

                issues_enter_index(is, n->account_count);
                fields_read(json_array_get(in->accounts, n->account_count), account_fields, a, NULL, is);
                account_check(a, is);
                issues_leave(is, mark);
        }
}

static int site_store(struct request *rq, struct db *db, const struct site_body *in, const struct site_new *n,
                      const struct site_offer *offer, struct err *err)
{
        struct site_change limits = {.max_tasks_set = in->max_tasks > 0, .max_tasks = in->max_tasks};
        int32_t site;

        if (store_site_add(db, in->name, rq->who->name, &site, err) < 0)
                return err->code == ERR_CONFLICT
                           ? err_set(err, ERR_CONFLICT, "there is a site \"%s\" already", in->name)
                           : -1;
        for (size_t i = 0; i < n->host_count; i++)
                if (host_store(db, site, &n->hosts[i], err) < 0)
                        return -1;
        for (size_t i = 0; i < n->account_count; i++) {
                char pointer[32];

                snprintf(pointer, sizeof pointer, "/accounts/%zu", i);
                if (account_store(rq, db, site, &n->accounts[i], pointer, err) < 0)
                        return -1;
        }
        if (store_site_change(db, site, &limits, err) < 0 || store_site_offer(db, site, offer, err) < 0)
                return -1;
        return 0;
}

void site_changed(struct request *rq)
{
        rq->wakes_engine = rq->wakes_web = true;
}

HANDLER(api_site_add)
{
        AUTO_FREE struct site_new *n = xcalloc(1, sizeof *n);
        struct site_body in = {0};
        struct site_offer offer = {0};
        char *custom = NULL;
        int rc;

        if (request_body(rq, site_fields, &in, &in.given, err) < 0 && !json_is_object(rq->json))
                return -1;
        site_read_parts(&in, n, &rq->issues);
        if (in.offer)
                offer_read(in.offer, &offer, &custom, &rq->issues);
        rc = rq->issues.count ? request_invalid(rq, err) : site_store(rq, db, &in, n, &offer, err);
        free(custom);
        if (rc < 0)
                return -1;
        rq->status = 201;
        site_changed(rq);
        request_audit(rq, "site %s", in.name);
        return site_reply(rq, db, in.name, err);
}
