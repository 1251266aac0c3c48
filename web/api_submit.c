/* SPDX-License-Identifier: Apache-2.0 */
/* Submission, of one job or of many: check everything, resolve names, store in one transaction, answer after
 * it.
 *
 * One job is a list of one. The steps: idempotency key known? -> room for more? -> read each job -> look up
 * in one query each what they refer to -> take numbers (bulk) -> write the stored form -> store.
 */
#include "web/api.h"

#include "common/states.h"
#include "common/util.h"
#include "store/store_submit.h"
#include "web/explain_ask.h"
#include "web/job_spec.h"
#include "web/quota.h"
#include "web/web_priv.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define BULK_MAX       100000
#define KEY_MAX        200
#define WARNINGS_MAX   10
#define STORED_MAX     (256u << 20) /* stored forms of one bulk request */
#define PROJECT_NORMAL "default"

struct bulk_body {
        json_t *jobs;
};
const struct field bulk_fields[] = {
    FIELD_OF(struct bulk_body, jobs, F_ARRAY, 1, BULK_MAX, FIELD_REQUIRED,
             "jobs; \"#3\" in after names the third of them", job_fields),
    {0},
};

struct ref_job {
        int64_t id, project;
        struct task_set *tasks; /* owned; read when somebody waits for them task by task */
        const char *dataset;    /* NULL: makes none */
};
struct ref_dataset {
        int64_t id, project;
        const char *asked, *name; /* asked: maybe without a version */
};

struct batch {
        struct request *rq;
        struct db *db;
        bool bulk;
        int64_t rerun_of; /* 0: of none */
        size_t count;
        struct job_spec *specs;
        int32_t *projects;
        struct submit_by by;
        uint8_t hash[32];
        /* what the jobs refer to, sorted */
        struct rows *job_rows, *dataset_rows;
        struct ref_job *jobs;
        struct ref_dataset *datasets;
        size_t job_count, dataset_count;
        /* as stored */
        struct buf text; /* NUL-separated stored forms, labels and names */
        struct submit_job *out;
        struct submit_after *after;
        const char **inputs;
        int64_t *input_ids;
};

static void batch_release(struct batch *b)
{
        for (size_t i = 0; i < b->count; i++)
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

static size_t enter_job(struct batch *b, size_t i)
{
        size_t mark = b->rq->issues.at_len;

        if (b->bulk) {
                issues_enter(&b->rq->issues, "jobs");
                issues_enter_index(&b->rq->issues, i);
        }
        return mark;
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
                size_t mark = enter_job(b, i);

                job_spec_read(job_at(b, list, i), b->bulk ? (int64_t)i + 1 : 0, &rules, &b->specs[i],
                              &b->rq->issues);
                read_project(b, i);
                issues_leave(&b->rq->issues, mark);
        }
        return b->rq->issues.count ? request_invalid(b->rq, err) : 0;
}

/* ---- what they refer to ----------------------------------------------------------------------------------
 */

static int by_job(const void *a, const void *b)
{
        const struct ref_job *x = a, *y = b;

        return (x->id > y->id) - (x->id < y->id);
}

static int by_name(const void *a, const void *b)
{
        return strcmp(((const struct ref_dataset *)a)->asked, ((const struct ref_dataset *)b)->asked);
}

static const struct ref_job *find_job(const struct batch *b, int64_t id)
{
        struct ref_job key = {.id = id};
        const struct ref_job *j =
            b->job_count ? bsearch(&key, b->jobs, b->job_count, sizeof *b->jobs, by_job) : NULL;

        return j && principal_sees(b->rq->who, j->project) ? j : NULL;
}

static const struct ref_dataset *find_dataset(const struct batch *b, const char *name)
{
        struct ref_dataset key = {.asked = name};

        return b->dataset_count ? bsearch(&key, b->datasets, b->dataset_count, sizeof *b->datasets, by_name)
                                : NULL;
}

static int load_jobs(struct batch *b, struct err *err)
{
        int64_t *ids = NULL, n;
        size_t count = 0, cap = 0;
        bool inside;
        int rc = 0;

        for (size_t i = 0; i < b->count; i++) {
                const struct job_spec *s = &b->specs[i];

                for (size_t k = 0; k < s->after_count; k++)
                        if (!s->after[k].inside && s->after[k].job) {
                                ids = xgrow(ids, count, &cap, sizeof *ids);
                                ids[count++] = s->after[k].job;
                        }
                for (size_t k = 0; k < json_array_size(s->inputs); k++) {
                        const char *text = json_string_value(json_array_get(s->inputs, k));

                        if (text && job_input_parse(text, &n, &inside) == 1 && !inside) {
                                ids = xgrow(ids, count, &cap, sizeof *ids);
                                ids[count++] = n;
                        }
                }
        }
        if (count)
                rc = store_submit_jobs(b->db, ids, count, &b->job_rows, err);
        free(ids);
        if (!count || rc < 0)
                return rc;
        b->jobs = xcalloc(rows_count(b->job_rows), sizeof *b->jobs);
        while (rows_next(b->job_rows)) {
                struct ref_job *j = &b->jobs[b->job_count++];

                j->id = row_int(b->job_rows, "id");
                j->project = row_int(b->job_rows, "project_id");
                j->dataset = row_null(b->job_rows, "dataset") ? NULL : row_text(b->job_rows, "dataset");
                if (tasks_of_row(b->job_rows, &j->tasks, err) < 0)
                        return -1;
        }
        qsort(b->jobs, b->job_count, sizeof *b->jobs, by_job);
        return 0;
}

static void name_put(const char ***names, size_t *count, size_t *cap, const char *name)
{
        if (!name)
                return;
        *names = xgrow(*names, *count, cap, sizeof **names);
        (*names)[(*count)++] = name;
}

/* Inputs by name, datasets of other jobs, and the names that outputs shall have. After load_jobs. */
static int load_datasets(struct batch *b, struct err *err)
{
        const char **names = NULL;
        size_t count = 0, cap = 0;
        int64_t n;
        bool inside;
        int rc = 0;

        for (size_t i = 0; i < b->count; i++) {
                const struct job_spec *s = &b->specs[i];

                name_put(&names, &count, &cap, s->output_dataset);
                for (size_t k = 0; k < json_array_size(s->inputs); k++) {
                        const char *text = json_string_value(json_array_get(s->inputs, k));
                        int kind = text ? job_input_parse(text, &n, &inside) : -1;
                        const struct ref_job *j = kind == 1 && !inside ? find_job(b, n) : NULL;

                        name_put(&names, &count, &cap, kind == 0 ? text : j ? j->dataset : NULL);
                }
        }
        if (count)
                rc = store_submit_datasets(b->db, names, count, &b->dataset_rows, err);
        free(names);
        if (!count || rc < 0)
                return rc;
        b->datasets = xcalloc(rows_count(b->dataset_rows), sizeof *b->datasets);
        while (rows_next(b->dataset_rows))
                b->datasets[b->dataset_count++] = (struct ref_dataset){
                    row_int(b->dataset_rows, "id"), row_int(b->dataset_rows, "project_id"),
                    row_text(b->dataset_rows, "asked"), row_text(b->dataset_rows, "name")};
        qsort(b->datasets, b->dataset_count, sizeof *b->datasets, by_name);
        return 0;
}

static void check_after(struct batch *b, const struct job_spec *s)
{
        struct issues *is = &b->rq->issues;

        for (size_t k = 0; k < s->after_count; k++) {
                const struct job_after *a = &s->after[k];
                const struct ref_job *j = a->inside ? NULL : find_job(b, a->job);
                const struct task_set *theirs = j                     ? j->tasks
                                                : a->inside && a->job ? b->specs[a->job - 1].tasks
                                                                      : NULL;
                char mine[TASKS_SHOWN], other[TASKS_SHOWN];
                size_t mark = issues_enter(is, "after");

                issues_enter_index(is, k);
                if (a->job && !a->inside && !j)
                        issue_add(is, "", "not_found", "there is no job %lld", (long long)a->job);
                else if (a->each && theirs && s->tasks && !task_set_covers(theirs, s->tasks))
                        issue_add(is, "", "conflict",
                                  "task by task needs tasks %s to be among the other job's %s",
                                  tasks_show(s->tasks, mine), tasks_show(theirs, other));
                issues_leave(is, mark);
        }
}

/* The dataset an input names, or NULL with an issue. `*ret_inside`: the dataset of that job of the same
 * request. */
static const struct ref_dataset *input_find(struct batch *b, const char *text, int64_t *ret_inside)
{
        struct issues *is = &b->rq->issues;
        const struct ref_dataset *d;
        const struct ref_job *j;
        int64_t n;
        bool inside = false;
        int kind = job_input_parse(text, &n, &inside);

        *ret_inside = 0;
        if (kind == 1 && inside) {
                if (json_array_size(b->specs[n - 1].outputs))
                        *ret_inside = n;
                else
                        issue_add(is, "", "not_found", "the job %s declares no outputs", text + 4);
                return NULL;
        }
        j = kind == 1 ? find_job(b, n) : NULL;
        if (kind == 1 && (!j || !j->dataset)) {
                issue_add(is, "", "not_found", j ? "job %lld declares no outputs" : "there is no job %lld",
                          (long long)n);
                return NULL;
        }
        d = find_dataset(b, j ? j->dataset : text);
        if (d && principal_sees(b->rq->who, d->project))
                return d;
        issue_add(is, "", "not_found", "there is no dataset \"%s\"", j ? j->dataset : text);
        return NULL;
}

static void check_inputs(struct batch *b, const struct job_spec *s)
{
        size_t mark = issues_enter(&b->rq->issues, "inputs");
        int64_t inside;

        for (size_t k = 0; k < json_array_size(s->inputs); k++) {
                const char *text = json_string_value(json_array_get(s->inputs, k));
                size_t here = issues_enter_index(&b->rq->issues, k);

                input_find(b, text, &inside);
                issues_leave(&b->rq->issues, here);
        }
        issues_leave(&b->rq->issues, mark);
}

/* How many tasks the files of an input make, and that they can be dealt out. */
static int check_partition(struct batch *b, struct job_spec *s, struct err *err)
{
        const struct job_partition *p = &s->partition;
        size_t mark = issues_enter(&b->rq->issues, "partition"), before = b->rq->issues.count;
        const struct ref_dataset *d;
        AUTO_ROWS struct rows *r = NULL;
        int64_t inside, parts;
        const char *text = json_string_value(json_array_get(s->inputs, (size_t)p->position - 1));

        d = input_find(b, text, &inside);
        if (b->rq->issues.count > before) {
                issues_leave(&b->rq->issues, mark);
                return 0;
        }
        if (!d) {
                issue_add(&b->rq->issues, "/input", "conflict",
                          "its files are not known yet: a job of this request makes them");
                issues_leave(&b->rq->issues, mark);
                return 0;
        }
        if (store_submit_parts(b->db, d->id, p->files, p->bytes, &r, err) < 0)
                return -1;
        rows_next(r);
        parts = row_int(r, "parts");
        if (!row_bool(r, "sealed"))
                issue_add(&b->rq->issues, "/input", "conflict",
                          "\"%s\" is still being made: its files are not all known yet", text);
        else if (row_bool(r, "broken"))
                issue_add(&b->rq->issues, "/input", "conflict",
                          "a file of \"%s\" has a line break in its name", text);
        else if (!parts)
                issue_add(&b->rq->issues, "/input", "conflict", "\"%s\" has no files", text);
        else if (parts > JOB_PARTS_MAX)
                issue_add(&b->rq->issues, "/size", "range", "makes %lld tasks; at most %d", (long long)parts,
                          JOB_PARTS_MAX);
        issues_leave(&b->rq->issues, mark);
        if (b->rq->issues.count > before)
                return 0;
        if (p->whole) {
                task_set_free(s->tasks);
                s->tasks = task_set_range(1, (int32_t)parts);
        } else if (s->tasks->first < 1 || s->tasks->last > parts) {
                issue_add(&b->rq->issues, "/array", "range", "the files make tasks 1 to %lld",
                          (long long)parts);
        }
        return 0;
}

static void check_sites(struct batch *b, const struct job_spec *s, const struct world_view *v)
{
        size_t mark = issues_enter(&b->rq->issues, "sites");

        for (size_t k = 0; k < json_array_size(s->sites); k++) {
                const char *name = json_string_value(json_array_get(s->sites, k));
                size_t here = issues_enter_index(&b->rq->issues, k);

                if (!world_has_site(v, name))
                        issue_add(&b->rq->issues, "", "not_found", "there is no site \"%s\"", name);
                issues_leave(&b->rq->issues, here);
        }
        issues_leave(&b->rq->issues, mark);
}

/* A site registered a moment ago may be missing in an older view. */
static bool names_unknown_site(const struct batch *b, const struct world_view *v)
{
        for (size_t i = 0; i < b->count; i++)
                for (size_t k = 0; k < json_array_size(b->specs[i].sites); k++)
                        if (!world_has_site(v, json_string_value(json_array_get(b->specs[i].sites, k))))
                                return true;
        return false;
}

/* All of it, for jobs that are well formed. */
static int check_references(struct batch *b, struct world_view **v, struct err *err)
{
        if (names_unknown_site(b, *v)) {
                world_unref(*v);
                *v = NULL;
                if (world_get(b->rq->web->world, b->db, true, v, err) < 0)
                        return -1;
        }
        if (load_jobs(b, err) < 0 || load_datasets(b, err) < 0)
                return -1;
        for (size_t i = 0; i < b->count; i++) {
                struct job_spec *s = &b->specs[i];
                size_t mark = enter_job(b, i);

                /* First, for those that follow task by task. */
                if (s->partition.position && check_partition(b, s, err) < 0)
                        return -1;
                check_after(b, s);
                check_inputs(b, s);
                check_sites(b, s, *v);
                if (s->output_dataset && find_dataset(b, s->output_dataset))
                        issue_add(&b->rq->issues, "/output_dataset", "conflict",
                                  "there is a dataset \"%s\" already", s->output_dataset);
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

/* ---- storing ---------------------------------------------------------------------------------------------
 */

/* Append to the text and remember where; pointers are made when the buffer moves no more. */
static size_t text_end(struct batch *b, size_t from)
{
        buf_put(&b->text, "", 1);
        return from;
}

struct offsets {
        size_t spec, labels, list; /* labels, list SIZE_MAX: none */
};

static void fill_inputs(struct batch *b, const struct job_spec *s, int64_t first, const char **names,
                        int64_t *ids, char (*made)[32], const char **shown)
{
        for (size_t k = 0; k < json_array_size(s->inputs); k++) {
                const char *text = json_string_value(json_array_get(s->inputs, k));
                int64_t inside;
                const struct ref_dataset *d = input_find(b, text, &inside);

                names[k] = d ? d->name : text;
                ids[k] = d ? d->id : 0;
                shown[k] = names[k];
                if (inside && b->specs[inside - 1].output_dataset) {
                        shown[k] = b->specs[inside - 1].output_dataset;
                } else if (inside) {
                        snprintf(made[k], sizeof made[k], "job-%lld", (long long)(first + inside - 1));
                        shown[k] = made[k];
                }
        }
}

static size_t write_labels(struct batch *b, const struct job_spec *s)
{
        size_t at = buf_len(&b->text);
        const char *name;
        json_t *v;

        if (!json_object_size(s->labels))
                return SIZE_MAX;
        buf_put(&b->text, "{", 1);
        json_object_foreach(s->labels, name, v)
        {
                if (buf_len(&b->text) > at + 1)
                        buf_put(&b->text, ",", 1);
                buf_json_str(&b->text, name, strlen(name));
                buf_put(&b->text, ":", 1);
                buf_json_str(&b->text, json_string_value(v), json_string_length(v));
        }
        buf_put(&b->text, "}", 1);
        return text_end(b, at);
}

static size_t write_list(struct batch *b, const struct job_spec *s)
{
        size_t at = buf_len(&b->text);

        if (task_set_is_range(s->tasks))
                return SIZE_MAX;
        task_set_write(&b->text, s->tasks);
        return text_end(b, at);
}

/* The stored form of each job; `first` is the number of the first one where numbers were taken. */
static int write_jobs(struct batch *b, int64_t first, struct err *err)
{
        struct offsets *at = xcalloc(b->count, sizeof *at);
        size_t afters = 0, inputs = 0;
        char(*made)[32] = xcalloc(JOB_INPUTS_MAX, sizeof *made);
        const char **shown = xcalloc(JOB_INPUTS_MAX, sizeof *shown);

        for (size_t i = 0; i < b->count; i++) {
                afters += b->specs[i].after_count;
                inputs += json_array_size(b->specs[i].inputs);
        }
        b->out = xcalloc(b->count, sizeof *b->out);
        b->after = xcalloc(afters, sizeof *b->after);
        b->inputs = xcalloc(inputs, sizeof *b->inputs);
        b->input_ids = xcalloc(inputs, sizeof *b->input_ids);
        buf_init(&b->text, STORED_MAX);
        afters = inputs = 0;
        for (size_t i = 0; i < b->count; i++) {
                const struct job_spec *s = &b->specs[i];
                struct submit_job *o = &b->out[i];

                fill_inputs(b, s, first, b->inputs + inputs, b->input_ids + inputs, made, shown);
                at[i].spec = buf_len(&b->text);
                buf_put(&b->text, "[", 1); /* the writer looks at the byte before for its comma */
                at[i].spec++;
                job_spec_write(&b->text, s, shown);
                text_end(b, 0);
                at[i].labels = write_labels(b, s);
                at[i].list = write_list(b, s);
                *o = (struct submit_job){.project = b->projects[i],
                                         .name = s->name,
                                         .first = s->tasks->first,
                                         .last = s->tasks->last,
                                         .priority = s->priority,
                                         .hold = s->hold,
                                         .outputs = json_array_size(s->outputs) > 0,
                                         .output_dataset = s->output_dataset,
                                         .after = b->after + afters,
                                         .after_count = s->after_count,
                                         .inputs = b->inputs + inputs,
                                         .input_ids = b->input_ids + inputs,
                                         .input_count = json_array_size(s->inputs)};
                if (s->partition.position) {
                        o->part_dataset = b->input_ids[inputs + (size_t)s->partition.position - 1];
                        o->part_files = s->partition.files;
                        o->part_bytes = s->partition.bytes;
                }
                for (size_t k = 0; k < s->after_count; k++)
                        b->after[afters++] = (struct submit_after){s->after[k].job, s->after[k].inside,
                                                                   s->after[k].condition, s->after[k].each};
                inputs += o->input_count;
        }
        for (size_t i = 0; i < b->count && !b->text.overflow; i++) {
                b->out[i].spec = (const char *)buf_bytes(&b->text) + at[i].spec;
                b->out[i].labels =
                    at[i].labels == SIZE_MAX ? NULL : (const char *)buf_bytes(&b->text) + at[i].labels;
                if (at[i].list == SIZE_MAX)
                        continue;
                b->out[i].task_list = (const char *)buf_bytes(&b->text) + at[i].list;
                b->out[i].task_count = b->specs[i].tasks->count;
        }
        free(at);
        free(made);
        free(shown);
        return b->text.overflow
                   ? err_set(err, ERR_BAD_INPUT, "the jobs are too large together; submit them in parts")
                   : 0;
}

/* Another request with the same key may have been faster, or somebody took a name meanwhile. */
static int store_conflict(struct batch *b, int64_t *ret_first, struct err *err)
{
        struct err why = {0};
        int64_t last;
        int rc = b->by.key ? store_submit_known(b->db, &b->by, ret_first, &last, &why) : 0;

        if (rc == 1)
                return 0;
        if (rc < 0) {
                *err = why;
                return -1;
        }
        return err_set(err, ERR_CONFLICT,
                       "a dataset that the request names was made or removed meanwhile; try again");
}

static int store_batch(struct batch *b, int64_t *ret_first, struct err *err)
{
        int64_t first = 0;
        int rc;

        if (b->bulk && store_submit_reserve(b->db, b->count, &first, err) < 0)
                return -1;
        if (write_jobs(b, first, err) < 0)
                return -1;
        if (b->bulk)
                rc = store_submit_bulk(b->db, &b->by, first, b->out, b->count, err);
        else
                rc = store_submit(b->db, &b->by, &b->out[0], &first, err);
        if (rc < 0)
                return err->code == ERR_CONFLICT ? store_conflict(b, ret_first, err) : -1;
        *ret_first = first;
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
                size_t mark = enter_job(b, i);
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

        if (read_jobs(b, list, &v, err) < 0 || check_references(b, &v, err) < 0 ||
            check_strict(b, v, err) < 0 || check_quota(b, err) < 0)
                goto done;
        if (!rq->dry_run && store_batch(b, &first, err) < 0)
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
                    input_find(b, json_string_value(json_array_get(s->inputs, i)), &inside);

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

        if (read_jobs(b, job, &v, err) == 0 && check_references(b, &v, err) == 0) {
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
