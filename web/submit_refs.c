/* SPDX-License-Identifier: Apache-2.0 */
/* What submitted jobs refer to: other jobs, datasets, sites; looked up in one query each. */
#include "web/submit_priv.h"

#include "common/util.h"
#include "web/web_priv.h"

#include <string.h>

size_t batch_enter(struct batch *b, size_t i)
{
        size_t mark = b->rq->issues.at_len;

        if (b->bulk) {
                issues_enter(&b->rq->issues, "jobs");
                issues_enter_index(&b->rq->issues, i);
        }
        return mark;
}

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
const struct ref_dataset *batch_input(struct batch *b, const char *text, int64_t *ret_inside)
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

                batch_input(b, text, &inside);
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

        d = batch_input(b, text, &inside);
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
int batch_check_references(struct batch *b, struct world_view **v, struct err *err)
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
                size_t mark = batch_enter(b, i);

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
