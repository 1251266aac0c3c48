/* SPDX-License-Identifier: Apache-2.0 */
/* Submission, of one job or of many: check everything, resolve names, store in one transaction, answer after
 * it.
 *
 * One job is a list of one. The steps: idempotency key known? -> room for more? -> read each job -> look up
 * in one query each what they refer to -> take numbers (bulk) -> write the stored form -> store.
 */
#include "web/submit_priv.h"

#include "common/states.h"
#include "common/util.h"
#include "web/explain_ask.h"
#include "web/quota.h"
#include "web/web_priv.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define BULK_MAX       100000
#define KEY_MAX        200
#define WARNINGS_MAX   10
#define PROJECT_NORMAL "default"

struct bulk_body {
        json_t *jobs;
};
const struct field bulk_fields[] = {
    FIELD_OF(struct bulk_body, jobs, F_ARRAY, 1, BULK_MAX, FIELD_REQUIRED,
             "jobs; \"#3\" in after names the third of them", job_fields),
    {0},
};

static void batch_release(struct batch *b)
{
        for (size_t i = 0; b->specs && i < b->count; i++) /* none yet where the world could not be read */
                job_spec_release(&b->specs[i]);
        free(b->specs);
        free(b->projects);
        rows_free(b->job_rows);
        rows_free(b->dataset_rows);
        for (size_t i = 0; i < b->job_count; i++)
                task_set_free(b->jobs[i].tasks);
        free(b->jobs);
        free(b->datasets);
        buf_release(&b->text);
        free(b->out);
        free(b->after);
        free(b->inputs);
        free(b->input_ids);
}

/* ---- the key, and room -----------------------------------------------------------------------------------
 */

static int read_key(struct batch *b, struct err *err)
{
        struct request *rq = b->rq;
        const char *key = MHD_lookup_connection_value(rq->con, MHD_HEADER_KIND, "Idempotency-Key");
        crypto_hash_sha256_state st;

        b->by = (struct submit_by){.user = rq->who->user, .user_name = rq->who->name, .key = key};
        if (!key)
                return 0;
        if (!*key || strlen(key) > KEY_MAX || strspn(key, " ") == strlen(key))
                return err_set(err, ERR_BAD_INPUT, "Idempotency-Key: must be 1 to %d characters long",
                               KEY_MAX);
        for (const char *p = key; *p; p++)
                if (*p < 0x20 || *p > 0x7e)
                        return err_set(err, ERR_BAD_INPUT,
                                       "Idempotency-Key: must hold printable ASCII characters only");
        crypto_hash_sha256_init(&st);
        crypto_hash_sha256_update(&st, (const unsigned char *)rq->path, strlen(rq->path) + 1);
        crypto_hash_sha256_update(&st, buf_bytes(&rq->body), buf_len(&rq->body));
        crypto_hash_sha256_final(&st, b->hash);
        b->by.request_hash = b->hash;
        return 0;
}

static int check_room(struct web *w, struct err *err)
{
        if (atomic_load(&w->disk_is_full))
                return err_set(err, ERR_LIMIT,
                               "the disk of the database is nearly full; no new jobs until there is room");
        if (atomic_load(&w->live_jobs) >= w->live_jobs_max)
                return err_set(err, ERR_LIMIT,
                               "limit live_jobs: %lld jobs have not ended yet; submit more when some have",
                               (long long)w->live_jobs_max);
        return 0;
}

/* ---- reading ---------------------------------------------------------------------------------------------
 */

static int32_t default_project(const struct principal *p)
{
        int32_t normal = principal_project(p, PROJECT_NORMAL);

        if (p->project_count == 0)
                return -1;
        return normal >= 0 ? normal : (int32_t)p->project_ids[0];
}

static void read_project(struct batch *b, size_t i)
{
        const struct principal *who = b->rq->who;
        const char *name = b->specs[i].project;

        b->projects[i] = name ? principal_project(who, name) : default_project(who);
        if (b->projects[i] >= 0)
                return;
        if (name)
                issue_add(&b->rq->issues, "/project", "not_found", "you belong to no project \"%s\"", name);
        else
                issue_add(&b->rq->issues, "/project", "missing",
                          "you belong to no project yet; an admin can change that");
}

static json_t *job_at(const struct batch *b, json_t *list, size_t i)
{
        return b->bulk ? json_array_get(list, i) : list;
}

/* The world, read anew when a job asks for a countable that may have been offered a moment ago. */
static int look_around(struct batch *b, json_t *list, struct world_view **ret, struct job_rules *rules,
                       struct err *err)
{
        bool fresh = false;

        *rules = (struct job_rules){.lease_max_ms = b->rq->web->lease_ms, .now_ms = clock_wall_ms()};
        for (;;) {
                bool unknown = false;

                if (world_get(b->rq->web->world, b->db, fresh, ret, err) < 0)
                        return -1;
                rules->countables = world_countables(*ret, &rules->countable_count);
                for (size_t i = 0; i < b->count && !unknown && !fresh; i++)
                        unknown = job_spec_names_unknown(job_at(b, list, i), rules);
                if (!unknown)
                        return 0;
                world_unref(*ret);
                *ret = NULL;
                fresh = true;
        }
}

static int read_jobs(struct batch *b, json_t *list, struct world_view **ret, struct err *err)
{
        struct job_rules rules;

        if (look_around(b, list, ret, &rules, err) < 0)
                return -1;
        b->specs = xcalloc(b->count, sizeof *b->specs);
        b->projects = xcalloc(b->count, sizeof *b->projects);
        for (size_t i = 0; i < b->count; i++) {
                size_t mark = batch_enter(b, i);

                job_spec_read(job_at(b, list, i), b->bulk ? (int64_t)i + 1 : 0, &rules, &b->specs[i],
                              &b->rq->issues);
                read_project(b, i);
                issues_leave(&b->rq->issues, mark);
        }
        return b->rq->issues.count ? request_invalid(b->rq, err) : 0;
}

/* What limits at submit leave room for: each project once. */
static int check_quota(struct batch *b, struct err *err)
{
        for (size_t i = 0; i < b->count; i++) {
                int64_t tasks = 0;
                bool seen = false;

                for (size_t k = 0; k < i && !seen; k++)
                        seen = b->projects[k] == b->projects[i];
                for (size_t k = i; k < b->count && !seen; k++)
                        if (b->projects[k] == b->projects[i])
                                tasks += b->specs[k].tasks->count;
                if (!seen && quota_take(b->rq->web->quota, b->db, b->rq->who, b->projects[i], tasks,
                                        b->rq->dry_run, err) < 0)
                        return -1;
        }
        return 0;
}

/* ---- answering -------------------------------------------------------------------------------------------
 */

static void write_warnings(struct buf *out, struct batch *b, const struct world_view *v)
{
        size_t n = 0;

        j_arr(out, "warnings");
        for (size_t i = 0; v && i < b->count && n < WARNINGS_MAX; i++) {
                struct world_never never;

                if (!world_never(v, &b->specs[i], b->projects[i], &never))
                        continue;
                n++;
                j_obj(out, NULL);
                j_str(out, "code", never.code);
                j_str(out, "sentence", never.sentence);
                j_raw(out, "fix", never.fix);
                if (b->bulk)
                        j_int(out, "position", (int64_t)i + 1);
                j_obj_end(out);
        }
        j_arr_end(out);
}

/* Asked to be strict: what could never run is not accepted. */
static int check_strict(struct batch *b, const struct world_view *v, struct err *err)
{
        const char *strict = request_query(b->rq, "strict");

        if (!strict || strcmp(strict, "false") == 0)
                return 0;
        if (strcmp(strict, "true") != 0)
                return err_set(err, ERR_BAD_INPUT, "strict: must be true or false");
        for (size_t i = 0; i < b->count; i++) {
                size_t mark = batch_enter(b, i);
                struct world_never never;

                if (world_never(v, &b->specs[i], b->projects[i], &never))
                        issue_add(&b->rq->issues, never.pointer,
                                  strcmp(never.code, "too_large") == 0 ? "range" : "conflict", "%s",
                                  never.sentence);
                issues_leave(&b->rq->issues, mark);
        }
        return b->rq->issues.count ? request_invalid(b->rq, err) : 0;
}

static void reply_one(struct batch *b, int64_t id, int64_t tasks, const struct world_view *v)
{
        struct buf *out = &b->rq->out;

        j_obj(out, NULL);
        if (id)
                j_int(out, "id", id);
        else
                j_null(out, "id");
        j_int(out, "tasks", tasks);
        j_str(out, "state", job_state_name(JOB_ACCEPTED));
        write_warnings(out, b, v);
        if (b->rerun_of)
                j_int(out, "rerun_of", b->rerun_of);
        j_obj_end(out);
}

static void reply_many(struct batch *b, int64_t first, int64_t count, const struct world_view *v)
{
        struct buf *out = &b->rq->out;

        j_obj(out, NULL);
        if (first) {
                j_int(out, "first_id", first);
                j_int(out, "last_id", first + count - 1);
        } else {
                j_null(out, "first_id");
                j_null(out, "last_id");
        }
        j_int(out, "count", count);
        write_warnings(out, b, v);
        j_obj_end(out);
}

/* The answer given before, from what was stored. */
static int reply_known(struct batch *b, int64_t first, int64_t last, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        b->rq->status = 201;
        if (b->bulk) {
                reply_many(b, first, last - first + 1, NULL);
                return 0;
        }
        if (store_submit_jobs(b->db, &first, 1, &r, err) < 0)
                return -1;
        if (!rows_next(r))
                return err_set(err, ERR_CONFLICT, "the job of this idempotency key is no longer kept");
        reply_one(b, first, row_int(r, "task_total"), NULL);
        return 0;
}

static int submit_new(struct batch *b, json_t *list, struct err *err)
{
        struct request *rq = b->rq;
        struct world_view *v = NULL;
        int64_t first = 0;
        int rc = -1;

        if (read_jobs(b, list, &v, err) < 0 || batch_check_references(b, &v, err) < 0 ||
            check_strict(b, v, err) < 0 || check_quota(b, err) < 0)
                goto done;
        if (!rq->dry_run && batch_store(b, &first, err) < 0)
                goto done;
        rq->status = rq->dry_run ? 200 : 201;
        if (rq->dry_run)
                request_header(rq, "Reeve-Dry-Run", "true");
        else if (!b->bulk)
                request_header(rq, "Location", "/v1/jobs/%lld", (long long)first);
        if (b->bulk)
                reply_many(b, first, (int64_t)b->count, v);
        else
                reply_one(b, first, job_spec_tasks(&b->specs[0]), v);
        rq->wakes_engine = !rq->dry_run;
        rc = 0;
done:
        world_unref(v);
        return rc;
}

/* The same request, sent twice at once: what the first one made (a dataset's name) is in the way of the
 * second, which should answer like the first. Else the fault stands. */
static int twin_was_faster(struct batch *b, struct err *err)
{
        struct err ignored;
        int64_t first, last;

        if (store_submit_known(b->db, &b->by, &first, &last, &ignored) != 1)
                return -1;
        request_reset(b->rq);
        return reply_known(b, first, last, err);
}

static int submit(struct request *rq, struct db *db, json_t *list, bool bulk, int64_t rerun_of,
                  struct err *err)
{
        struct batch b = {.rq = rq, .db = db, .bulk = bulk, .rerun_of = rerun_of};
        int64_t first, last;
        int rc = read_key(&b, err);

        if (rc == 0 && b.by.key && !rq->dry_run)
                rc = store_submit_known(db, &b.by, &first, &last, err);
        if (rc == 1) {
                rc = reply_known(&b, first, last, err);
        } else if (rc == 0 && check_room(rq->web, err) == 0) {
                b.count = bulk ? json_array_size(list) : 1;
                rc = submit_new(&b, list, err);
                if (rc < 0 && b.by.key && !rq->dry_run)
                        rc = twin_was_faster(&b, err);
        } else {
                rc = -1;
        }
        batch_release(&b);
        return rc;
}

HANDLER(api_submit)
{
        json_t *none = rq->json ? NULL : json_object();
        int rc = submit(rq, db, rq->json ? rq->json : none, false, 0, err);

        json_decref(none);
        return rc;
}

int submit_again(struct request *rq, struct db *db, json_t *job, int64_t of, struct err *err)
{
        return submit(rq, db, job, false, of, err);
}

HANDLER(api_submit_bulk)
{
        struct bulk_body in = {0};

        if (request_body(rq, bulk_fields, &in, NULL, err) < 0)
                return -1;
        return submit(rq, db, in.jobs, true, 0, err);
}

/* ---- a job that is only asked about ----------------------------------------------------------------------
 */

/* The question as the engine wants it (daemon/engine_explain.c). */
static json_t *guest_question(struct batch *b)
{
        const struct job_spec *s = &b->specs[0];
        json_t *what = json_object(), *custom = json_object(), *inputs = json_array();

        json_object_set_new(what, "cpus", json_integer((json_int_t)s->cpus));
        json_object_set_new(what, "memory", json_integer((json_int_t)s->memory));
        json_object_set_new(what, "gpus", json_integer((json_int_t)s->gpus));
        for (size_t i = 0; i < s->custom_count; i++)
                json_object_set_new(custom, s->custom[i].name, json_integer((json_int_t)s->custom[i].count));
        json_object_set_new(what, "custom", custom);
        json_object_set(what, "sites", s->sites);
        for (size_t i = 0; i < json_array_size(s->inputs); i++) {
                int64_t inside;
                const struct ref_dataset *d =
                    batch_input(b, json_string_value(json_array_get(s->inputs, i)), &inside);

                if (d)
                        json_array_append_new(inputs, json_integer((json_int_t)d->id));
        }
        json_object_set_new(what, "inputs", inputs);
        if (s->time_limit != INT64_MIN)
                json_object_set_new(what, "time_limit_ms", json_integer((json_int_t)s->time_limit));
        json_object_set_new(what, "priority", json_integer((json_int_t)s->priority));
        json_object_set_new(what, "throttle", json_integer((json_int_t)s->throttle));
        return json_pack("{s:i,s:o,s:o}", "project", b->projects[0], "projects", explain_projects(b->rq->who),
                         "what_if", what);
}

static int explain_new(struct batch *b, json_t *job, struct err *err)
{
        struct request *rq = b->rq;
        struct world_view *v = NULL;
        json_t *q, *doc = NULL;
        int rc = -1;

        if (read_jobs(b, job, &v, err) == 0 && batch_check_references(b, &v, err) == 0) {
                q = guest_question(b);
                rc = explain_ask(rq, b->db, q, &doc, err);
                json_decref(q);
        }
        if (rc == 0 && !json_object_get(doc, "can_ever_run"))
                rc = err_set(err, ERR_UNAVAILABLE, "the scheduler does not answer now; try again");
        if (rc == 0) {
                j_obj(&rq->out, NULL);
                explain_write_guest(&rq->out, NULL, doc, NULL);
                write_warnings(&rq->out, b, v);
                j_time(&rq->out, "as_of", explain_time(doc, "as_of"));
                j_obj_end(&rq->out);
        }
        world_unref(v);
        return rc;
}

HANDLER(api_explain_new)
{
        struct batch b = {.rq = rq, .db = db, .count = 1};
        json_t *none = rq->json ? NULL : json_object();
        int rc = explain_new(&b, rq->json ? rq->json : none, err);

        batch_release(&b);
        json_decref(none);
        return rc;
}
