/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_submit.h"

#include "common/util.h"

#include <stdio.h>
#include <string.h>

/* The lock that keeps numbers of a bulk submission consecutive. */
#define NUMBERS_LOCK "hashtext('reeve job numbers')"

/* Jobs in one statement: what the server reads stays in its memory, and what libpq holds is sent at once. The
 * server stores one part while the next is being made. */
#define PART_MAX 2000

static const char *condition_name(char c)
{
        return c == 'a' ? "any" : c == 'n' ? "not_ok" : "ok";
}

/* ---- one job ---------------------------------------------------------------------------------------------
 */

static void bind_after(struct stmt *st, const struct submit_job *j)
{
        int64_t *jobs = xcalloc(j->after_count, sizeof *jobs);
        const char **conditions = xcalloc(j->after_count, sizeof *conditions);
        bool *each = xcalloc(j->after_count, sizeof *each);

        for (size_t i = 0; i < j->after_count; i++) {
                jobs[i] = j->after[i].job;
                conditions[i] = condition_name(j->after[i].condition);
                each[i] = j->after[i].each;
        }
        bind_ints(st, jobs, j->after_count);
        bind_texts(st, conditions, j->after_count);
        bind_bools(st, each, j->after_count);
        free(jobs);
        free(conditions);
        free(each);
}

/* Common to both statements, in this order: $1 project ... $11 size of the task list. */
static void bind_job(struct stmt *st, const struct submit_by *by, const struct submit_job *j)
{
        bind_int(st, j->project);
        bind_int(st, by->user);
        bind_text(st, j->name);
        bind_text(st, j->spec);
        bind_text(st, j->labels);
        bind_int(st, j->first);
        bind_int(st, j->last);
        bind_int(st, j->priority);
        bind_text(st, j->hold ? by->user_name : NULL);
        bind_text(st, j->task_list);
        bind_int(st, j->task_count);
}

#define JOB_ROWS                                                                                             \
        "with locked as materialized (select pg_advisory_xact_lock_shared(" NUMBERS_LOCK ")),"               \
        " n as materialized (select nextval('jobs_id_seq') as id from locked),"                              \
        " j as (insert into jobs (id, project_id, user_id, name, spec, labels, first_task, last_task,"       \
        "   task_list, task_count)"                                                                          \
        "  select id, $1, $2, $3, $4::json, $5::jsonb, $6, $7, $10::text, nullif($11::integer, 0) from n),"  \
        " q as (insert into job_queue (job_id, priority, next_task, held_by, held_at)"                       \
        "  select id, $8, $6, $9::text, case when $9::text is null then null else now() end from n)"

/* Most jobs name nothing else; fewer parts are fewer plans to start. */
static struct stmt *plain_stmt(struct db *db)
{
        return db_stmt(db, "submit_plain", JOB_ROWS " select id from n");
}

static struct stmt *full_stmt(struct db *db)
{
        return db_stmt(
            db, "submit_full",
            JOB_ROWS
            ", d as (insert into datasets (name, project_id, made_by, job_id)"
            "  select coalesce($12::text, 'job-' || id), $1, $13::text, id from n where $14),"
            " a as (insert into job_after (job_id, on_job_id, condition, elementwise)"
            "  select n.id, x.job, x.condition, x.each"
            "  from n, unnest($15::bigint[], $16::text[], $17::boolean[]) x(job, condition, each)),"
            " i as (insert into job_inputs (job_id, position, dataset_id)"
            "  select n.id, x.position, x.dataset from n, unnest($18::bigint[]) with ordinality "
            "x(dataset, position)),"
            " k as (insert into idempotency (user_id, key, request_hash, first_job, last_job)"
            "  select $2, $19::text, $20, id, id from n where $19::text is not null),"
            " p as (insert into job_parts (job_id, task, dataset_id, first_path, last_path, files, bytes)"
            "  select n.id, x.task, $21::bigint, x.first_path, x.last_path, x.files, x.bytes from n,"
            "  reeve_parts($21::bigint, $22::integer, $23::bigint) x where $21 <> 0)"
            " select id from n");
}

int store_submit(struct db *db, const struct submit_by *by, const struct submit_job *job, int64_t *ret_id,
                 struct err *err)
{
        bool full = by->key || job->outputs || job->after_count || job->input_count;
        struct stmt *st = full ? full_stmt(db) : plain_stmt(db);
        AUTO_ROWS struct rows *r = NULL;

        bind_job(st, by, job);
        if (full) {
                bind_text(st, job->output_dataset);
                bind_text(st, by->user_name);
                bind_bool(st, job->outputs);
                bind_after(st, job);
                bind_ints(st, job->input_ids, job->input_count);
                bind_text(st, by->key);
                bind_bytes(st, by->key ? by->request_hash : NULL, 32);
                bind_int(st, job->part_dataset);
                bind_int(st, job->part_files);
                bind_int(st, job->part_bytes);
        }
        if (db_query(st, &r, err) < 0)
                return -1;
        rows_next(r);
        *ret_id = row_int(r, "id");
        return 0;
}

/* ---- many jobs -------------------------------------------------------------------------------------------
 */

int store_submit_reserve(struct db *db, size_t n, int64_t *ret_first, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "submit_reserve",
            "with locked as materialized (select pg_advisory_lock(" NUMBERS_LOCK ")),"
            " s as materialized (select setval('jobs_id_seq', nextval('jobs_id_seq') + $1 - 1) as last"
            "  from locked)"
            " select last, pg_advisory_unlock(" NUMBERS_LOCK ") from s");
        AUTO_ROWS struct rows *r = NULL;

        bind_int(st, (int64_t)n);
        if (db_query(st, &r, err) < 0)
                return -1;
        rows_next(r);
        *ret_first = row_int(r, "last") - (int64_t)n + 1;
        return 0;
}

struct columns {
        int64_t *a, *b, *c, *d, *e;
        const char **t, **u, **v, **w;
        bool *f;
};

static void columns_make(struct columns *c, size_t n)
{
        *c = (struct columns){xcalloc(n, 8),
                              xcalloc(n, 8),
                              xcalloc(n, 8),
                              xcalloc(n, 8),
                              xcalloc(n, 8),
                              xcalloc(n, sizeof(char *)),
                              xcalloc(n, sizeof(char *)),
                              xcalloc(n, sizeof(char *)),
                              xcalloc(n, sizeof(char *)),
                              xcalloc(n, sizeof(bool))};
}

static void columns_release(struct columns *c)
{
        free(c->a);
        free(c->b);
        free(c->c);
        free(c->d);
        free(c->e);
        free(c->t);
        free(c->u);
        free(c->v);
        free(c->w);
        free(c->f);
}

static int add_jobs(struct db *db, const struct submit_by *by, int64_t first, const struct submit_job *jobs,
                    size_t n, struct columns *c, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "submit_bulk_jobs",
            "insert into jobs (id, project_id, user_id, name, spec, labels, first_task, last_task,"
            " task_list, task_count)"
            " select x.id, x.project, $1, x.name, x.spec::json, x.labels::jsonb, x.first, x.last, x.list,"
            "  nullif(x.count, 0)"
            " from unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[],"
            "  $8::bigint[], $9::text[], $10::bigint[])"
            " x(id, project, name, spec, labels, first, last, list, count)");

        for (size_t i = 0; i < n; i++) {
                c->a[i] = first + (int64_t)i;
                c->b[i] = jobs[i].project;
                c->c[i] = jobs[i].first;
                c->d[i] = jobs[i].last;
                c->e[i] = jobs[i].task_count;
                c->t[i] = jobs[i].name;
                c->u[i] = jobs[i].spec;
                c->v[i] = jobs[i].labels;
                c->w[i] = jobs[i].task_list;
        }
        bind_int(st, by->user);
        bind_ints(st, c->a, n);
        bind_ints(st, c->b, n);
        bind_texts(st, c->t, n);
        bind_texts(st, c->u, n);
        bind_texts(st, c->v, n);
        bind_ints(st, c->c, n);
        bind_ints(st, c->d, n);
        bind_texts(st, c->w, n);
        bind_ints(st, c->e, n);
        return db_pipeline_add(st, err);
}

static int add_queue(struct db *db, const struct submit_by *by, const struct submit_job *jobs, size_t n,
                     struct columns *c, struct err *err)
{
        struct stmt *st = db_stmt(db, "submit_bulk_queue",
                                  "insert into job_queue (job_id, priority, next_task, held_by, held_at)"
                                  " select x.id, x.priority, x.first, case when x.hold then $1 end,"
                                  "  case when x.hold then now() end"
                                  " from unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::boolean[])"
                                  "  x(id, priority, first, hold)");

        for (size_t i = 0; i < n; i++) {
                c->e[i] = jobs[i].priority;
                c->f[i] = jobs[i].hold;
        }
        bind_text(st, by->user_name);
        bind_ints(st, c->a, n);
        bind_ints(st, c->e, n);
        bind_ints(st, c->c, n);
        bind_bools(st, c->f, n);
        return db_pipeline_add(st, err);
}

static int add_datasets(struct db *db, const struct submit_by *by, int64_t first,
                        const struct submit_job *jobs, size_t n, struct columns *c, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "submit_bulk_datasets",
                    "insert into datasets (name, project_id, made_by, job_id)"
                    " select coalesce(x.name, 'job-' || x.id), x.project, $1, x.id"
                    " from unnest($2::bigint[], $3::bigint[], $4::text[]) x(id, project, name)");
        size_t k = 0;

        for (size_t i = 0; i < n; i++) {
                if (!jobs[i].outputs)
                        continue;
                c->a[k] = first + (int64_t)i;
                c->b[k] = jobs[i].project;
                c->t[k++] = jobs[i].output_dataset;
        }
        if (!k)
                return 0;
        bind_text(st, by->user_name);
        bind_ints(st, c->a, k);
        bind_ints(st, c->b, k);
        bind_texts(st, c->t, k);
        return db_pipeline_add(st, err);
}

static int add_after(struct db *db, int64_t first, const struct submit_job *jobs, size_t n, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "submit_bulk_after",
                    "insert into job_after (job_id, on_job_id, condition, elementwise)"
                    " select * from unnest($1::bigint[], $2::bigint[], $3::text[], $4::boolean[])");
        size_t total = 0, k = 0;
        struct columns c;
        int rc;

        for (size_t i = 0; i < n; i++)
                total += jobs[i].after_count;
        if (!total)
                return 0;
        columns_make(&c, total);
        for (size_t i = 0; i < n; i++)
                for (size_t m = 0; m < jobs[i].after_count; m++, k++) {
                        const struct submit_after *a = &jobs[i].after[m];

                        c.a[k] = first + (int64_t)i;
                        c.b[k] = a->inside ? first + a->job - 1 : a->job;
                        c.t[k] = condition_name(a->condition);
                        c.f[k] = a->each;
                }
        bind_ints(st, c.a, k);
        bind_ints(st, c.b, k);
        bind_texts(st, c.t, k);
        bind_bools(st, c.f, k);
        rc = db_pipeline_add(st, err);
        columns_release(&c);
        return rc;
}

/* By name, or by the job that makes it where that job is of the same request. A name that went away
 * meanwhile yields null, which fails the transaction. */
static int add_inputs(struct db *db, int64_t first, const struct submit_job *jobs, size_t n, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "submit_bulk_inputs",
                    "insert into job_inputs (job_id, position, dataset_id)"
                    " select x.id, x.position, (select d.id from datasets d where d.removed_at is null and"
                    "  case when x.maker is null then d.name = x.name else d.job_id = x.maker end)"
                    " from unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[]) x(id, position, "
                    "name, maker)");
        size_t total = 0, k = 0;
        struct columns c;
        int rc;

        for (size_t i = 0; i < n; i++)
                total += jobs[i].input_count;
        if (!total)
                return 0;
        columns_make(&c, total);
        for (size_t i = 0; i < n; i++)
                for (size_t m = 0; m < jobs[i].input_count; m++, k++) {
                        const char *name = jobs[i].inputs[m];
                        bool inside = strncmp(name, "job:#", 5) == 0;

                        c.a[k] = first + (int64_t)i;
                        c.b[k] = (int64_t)m + 1;
                        c.t[k] = name;
                        c.c[k] = inside ? first + strtoll(name + 5, NULL, 10) - 1 : INT64_MIN;
                }
        bind_ints(st, c.a, k);
        bind_ints(st, c.b, k);
        bind_texts(st, c.t, k);
        bind_ints(st, c.c, k);
        rc = db_pipeline_add(st, err);
        columns_release(&c);
        return rc;
}

static int add_parts(struct db *db, int64_t first, const struct submit_job *jobs, size_t n, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "submit_bulk_parts",
                    "insert into job_parts (job_id, task, dataset_id, first_path, last_path, files, bytes)"
                    " select j.id, x.task, j.dataset, x.first_path, x.last_path, x.files, x.bytes from "
                    "unnest($1::bigint[],"
                    " $2::bigint[], $3::bigint[], $4::bigint[]) j(id, dataset, files, bytes),"
                    " lateral reeve_parts(j.dataset, j.files::integer, j.bytes) x");
        struct columns c;
        size_t k = 0;
        int rc;

        columns_make(&c, n);
        for (size_t i = 0; i < n; i++) {
                if (!jobs[i].part_dataset)
                        continue;
                c.a[k] = first + (int64_t)i;
                c.b[k] = jobs[i].part_dataset;
                c.c[k] = jobs[i].part_files;
                c.d[k++] = jobs[i].part_bytes;
        }
        bind_ints(st, c.a, k);
        bind_ints(st, c.b, k);
        bind_ints(st, c.c, k);
        bind_ints(st, c.d, k);
        rc = k ? db_pipeline_add(st, err) : 0;
        columns_release(&c);
        return rc;
}

static int add_key(struct db *db, const struct submit_by *by, int64_t first, size_t n, struct err *err)
{
        struct stmt *st = db_stmt(db, "submit_bulk_key",
                                  "insert into idempotency (user_id, key, request_hash, first_job, last_job)"
                                  " values ($1, $2, $3, $4, $5)");

        if (!by->key)
                return 0;
        bind_int(st, by->user);
        bind_text(st, by->key);
        bind_bytes(st, by->request_hash, 32);
        bind_int(st, first);
        bind_int(st, first + (int64_t)n - 1);
        return db_pipeline_add(st, err);
}

static int add_part(struct db *db, const struct submit_by *by, int64_t first, const struct submit_job *jobs,
                    size_t n, struct columns *c, struct err *err)
{
        if (add_jobs(db, by, first, jobs, n, c, err) < 0 || add_queue(db, by, jobs, n, c, err) < 0)
                return -1;
        return add_datasets(db, by, first, jobs, n, c, err);
}

int store_submit_bulk(struct db *db, const struct submit_by *by, int64_t first, const struct submit_job *jobs,
                      size_t n, struct err *err)
{
        struct columns c;
        int rc = 0;

        if (db_pipeline_begin(db, err) < 0)
                return -1;
        columns_make(&c, n < PART_MAX ? n : PART_MAX);
        for (size_t at = 0; rc == 0 && at < n; at += PART_MAX)
                rc = add_part(db, by, first + (int64_t)at, jobs + at, n - at < PART_MAX ? n - at : PART_MAX,
                              &c, err);
        columns_release(&c);
        if (rc == 0)
                rc = add_after(db, first, jobs, n, err);
        if (rc == 0)
                rc = add_inputs(db, first, jobs, n, err);
        if (rc == 0)
                rc = add_parts(db, first, jobs, n, err);
        if (rc == 0)
                rc = add_key(db, by, first, n, err);
        if (db_pipeline_end(db, NULL, 0, rc == 0 ? err : NULL) < 0)
                rc = -1;
        return rc;
}

/* ---- what submissions refer to ----------------------------------------------------------------------------
 */

int store_submit_known(struct db *db, const struct submit_by *by, int64_t *ret_first, int64_t *ret_last,
                       struct err *err)
{
        struct stmt *st = db_stmt(db, "submit_known",
                                  "select request_hash = $3 as same, first_job, last_job from idempotency"
                                  " where user_id = $1 and key = $2");
        AUTO_ROWS struct rows *r = NULL;

        bind_int(st, by->user);
        bind_text(st, by->key);
        bind_bytes(st, by->request_hash, 32);
        if (db_query(st, &r, err) < 0)
                return -1;
        if (!rows_next(r))
                return 0;
        if (!row_bool(r, "same"))
                return err_set(err, ERR_CONFLICT,
                               "the idempotency key \"%s\" was used for another request; use a new one",
                               by->key);
        *ret_first = row_int(r, "first_job");
        *ret_last = row_int(r, "last_job");
        return 1;
}

int store_submit_jobs(struct db *db, const int64_t *ids, size_t n, struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(db, "submit_jobs",
                                  "select j.id, j.project_id, j.first_task, j.last_task, j.task_list,"
                                  " coalesce(j.task_count, j.last_task - j.first_task + 1) as task_total,"
                                  " (select d.name from datasets d where d.job_id = j.id and d.removed_at is "
                                  "null limit 1) as dataset"
                                  " from jobs j where j.id = any($1)");

        bind_ints(st, ids, n);
        return db_query(st, ret, err);
}

int store_submit_parts(struct db *db, int64_t dataset, int64_t files, int64_t bytes, struct rows **ret,
                       struct err *err)
{
        struct stmt *st =
            db_stmt(db, "submit_parts",
                    "select (select count(*) from reeve_parts(d.id, $2::integer, $3::bigint)) as parts, "
                    "d.sealed_at is"
                    " not null as sealed, exists (select from files f where f.dataset_id = d.id and"
                    " strpos(f.path, E'\n') > 0) as broken from datasets d where d.id = $1");

        bind_int(st, dataset);
        bind_int(st, files);
        bind_int(st, bytes);
        return db_query(st, ret, err);
}

int store_submit_datasets(struct db *db, const char *const *names, size_t n, struct rows **ret,
                          struct err *err)
{
        struct stmt *st = db_stmt(
            db, "submit_datasets",
            "select n.asked, d.id, d.name, d.project_id from unnest($1::text[]) as n (asked) join datasets d"
            " on d.id = reeve_dataset(n.asked)");

        bind_texts(st, names, n);
        return db_query(st, ret, err);
}
