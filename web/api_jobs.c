/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs: lists, one job, and what people ask of it. */
#include "web/api.h"

#include "common/num.h"
#include "common/states.h"
#include "common/util.h"
#include "store/store_jobs.h"
#include "store/store_queue.h"
#include "web/progress_reply.h"
#include "web/watched.h"
#include "web/web_priv.h"

#include <stdio.h>
#include <string.h>

#define PRIORITY_MAX 1000

struct cancel_body {
        int64_t task;
        const char *why;
};
#define REASON_FIELD                                                                                         \
        FIELD(struct cancel_body, why, F_STRING, 1, INTENT_WHY_MAX, 0, "the reason, for others to read")
const struct field cancel_fields[] = {
    FIELD(struct cancel_body, task, F_INT, 0, INT32_MAX, 0, "one task of the job; default the whole job"),
    REASON_FIELD,
    {0},
};
const struct field reason_fields[] = {REASON_FIELD, {0}};
struct priority_body {
        int64_t priority;
};
const struct field priority_fields[] = {
    FIELD(struct priority_body, priority, F_INT, -PRIORITY_MAX, PRIORITY_MAX, FIELD_REQUIRED,
          "higher goes first within the project"),
    {0},
};

int job_unknown(int64_t id, struct err *err)
{
        return err_set(err, ERR_NOT_FOUND, "no job %lld", (long long)id);
}

int tasks_of_row(struct rows *r, struct task_set **ret, struct err *err)
{
        if (!row_null(r, "task_list"))
                return task_set_parse("tasks", row_text(r, "task_list"), ret, NULL, err);
        *ret = task_set_range((int32_t)row_int(r, "first_task"), (int32_t)row_int(r, "last_task"));
        return 0;
}

const char *tasks_show(const struct task_set *s, char ret[TASKS_SHOWN])
{
        struct buf b;
        size_t n;

        buf_init(&b, TASK_TEXT_MAX);
        task_set_write(&b, s);
        n = buf_len(&b);
        if (n < TASKS_SHOWN)
                snprintf(ret, TASKS_SHOWN, "%s", buf_cstr(&b));
        else
                snprintf(ret, TASKS_SHOWN, "%.*s...", TASKS_SHOWN - 4, buf_cstr(&b));
        buf_release(&b);
        return ret;
}

/* ---- showing ---------------------------------------------------------------------------------------------
 */

/* Tasks that nobody has placed wait as the job's next one does. */
static bool wait_blocks(enum wait_reason w)
{
        return w == WAIT_AFTER || w == WAIT_INPUT_PENDING;
}

static void write_tasks(struct buf *b, struct rows *r, enum wait_reason wait)
{
        int64_t total = row_int(r, "task_total");
        int64_t rest = total - row_int(r, "placed") - row_int(r, "succeeded") - row_int(r, "failed") -
                       row_int(r, "cancelled");
        bool live = row_bool(r, "live");

        if (rest < 0 || !live)
                rest = 0;
        j_obj(b, "tasks");
        j_int(b, "total", total);
        j_int(b, "blocked", wait_blocks(wait) ? rest : 0);
        j_int(b, "ready", wait_blocks(wait) ? 0 : rest);
        j_col_int(b, r, "placed");
        j_col_int(b, r, "running");
        j_col_int(b, r, "succeeded");
        j_col_int(b, r, "failed");
        j_col_int(b, r, "cancelled");
        j_obj_end(b);
}

static void write_wait(struct buf *b, struct rows *r, enum wait_reason wait)
{
        if (!row_bool(r, "live") || wait == WAIT_NONE) {
                j_null(b, "wait");
                return;
        }
        j_obj(b, "wait");
        j_str(b, "reason", wait_reason_name(wait));
        j_str(b, "sentence", wait_reason_sentence(wait));
        j_time(b, "since", row_time(r, "wait_since"));
        j_obj_end(b);
}

static void write_by_at(struct buf *b, struct rows *r, const char *key, const char *by, const char *at)
{
        if (row_null(r, by)) {
                j_null(b, key);
                return;
        }
        j_obj(b, key);
        j_str(b, "by", row_text(r, by));
        j_time(b, "at", row_time(r, at));
        j_obj_end(b);
}

/* Stored: {"cpus","memory","gpus","custom":{...}}; shown: countables beside the others, memory null when not
 * said. */
static void write_resources(struct buf *b, const char *stored)
{
        json_t *res = json_loads(stored, 0, NULL), *v;
        const char *name;

        j_obj(b, "resources");
        j_int(b, "cpus", json_integer_value(json_object_get(res, "cpus")));
        if (json_integer_value(json_object_get(res, "memory")))
                j_int(b, "memory", json_integer_value(json_object_get(res, "memory")));
        else
                j_null(b, "memory");
        j_int(b, "gpus", json_integer_value(json_object_get(res, "gpus")));
        json_object_foreach(json_object_get(res, "custom"), name, v) j_int(b, name, json_integer_value(v));
        j_obj_end(b);
        json_decref(res);
}

static enum wait_reason wait_of(struct rows *r)
{
        enum wait_reason w = WAIT_NONE;

        if (!row_null(r, "wait"))
                wait_reason_parse(row_text(r, "wait"), &w);
        return w;
}

void job_write(struct buf *b, const char *key, struct rows *r)
{
        enum wait_reason wait = wait_of(r);

        j_obj(b, key);
        j_col_int(b, r, "id");
        j_col_str(b, r, "name");
        j_col_str(b, r, "project");
        j_col_str(b, r, "user");
        j_col_str(b, r, "state");
        write_wait(b, r, wait);
        write_tasks(b, r, wait);
        j_col_int(b, r, "first_task");
        j_col_int(b, r, "last_task");
        j_str(b, "array", row_null(r, "task_list") ? NULL : row_text(r, "task_list"));
        j_col_int(b, r, "priority");
        write_by_at(b, r, "held", "held_by", "held_at");
        write_by_at(b, r, "cancelled", "cancelled_by", "cancelled_at");
        j_raw(b, "labels", row_null(r, "labels") ? "{}" : row_text(r, "labels"));
        j_col_time(b, r, "submitted_at");
        j_col_time(b, r, "started_at");
        j_col_time(b, r, "finished_at");
        j_col_str(b, r, "message");
        write_resources(b, row_text(r, "resources"));
        j_raw(b, "sites", row_null(r, "sites") ? "[]" : row_text(r, "sites"));
        j_col_str(b, r, "output_dataset");
        progress_write_job(b, r);
        j_obj_end(b);
}

/* ---- lists -----------------------------------------------------------------------------------------------
 */

static int read_ids(const char *text, int64_t *ids, size_t *ret_n, struct err *err)
{
        AUTO_FREE char *copy = xstrdup(text);
        char *save = NULL;
        size_t n = 0;

        for (char *p = strtok_r(copy, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
                if (n == JOBS_IDS_MAX)
                        return err_set(err, ERR_BAD_INPUT, "ids: at most %d numbers", JOBS_IDS_MAX);
                if (num_int("ids", p, 0, INT64_MAX, &ids[n++], err) < 0)
                        return -1;
        }
        *ret_n = n;
        return 0;
}

/* label=k:v; cut at the colon. */
int jobs_filter_label(char *text, struct jobs_filter *f)
{
        char *colon = strchr(text, ':');

        if (!colon || colon == text)
                return -1;
        *colon = '\0';
        f->label = text;
        f->label_value = colon + 1;
        return 0;
}

static int read_label(char *text, struct jobs_filter *f, struct err *err)
{
        return jobs_filter_label(text, f) < 0
                   ? err_set(err, ERR_BAD_INPUT, "label: must be written name:value")
                   : 0;
}

static int read_state(const struct request *rq, struct jobs_filter *f, struct err *err)
{
        enum job_state ignored;

        f->state = request_query(rq, "state");
        if (f->state && job_state_parse(f->state, &ignored) < 0)
                return err_set(err, ERR_BAD_INPUT,
                               "state: must be accepted, active, succeeded, failed or cancelled");
        return 0;
}

/* name=align; name=align* for how it starts, name=*lig* for what it has in it. */
void jobs_filter_name(char *text, struct jobs_filter *f)
{
        size_t n = strlen(text);

        f->name = text;
        if (!n || text[n - 1] != '*')
                return;
        text[n - 1] = '\0';
        f->name_how = text[0] == '*' ? NAME_HAS : NAME_STARTS;
        f->name += text[0] == '*';
}

int jobs_filter_time(const char *name, const char *text, int64_t *ret, struct err *err)
{
        int64_t ago;

        *ret = INT64_MIN;
        if (!text || num_time(name, text, ret, NULL) == 0)
                return 0;
        if (num_duration(name, text, &ago, NULL) < 0)
                return err_set(err, ERR_BAD_INPUT,
                               "%s: \"%.40s\" is neither a time like 2026-11-21T07:00:00Z nor how long ago, "
                               "like 2d",
                               name, text);
        *ret = clock_wall_ms() - ago;
        return 0;
}

static int list_reply(struct request *rq, struct db *db, struct jobs_filter *f, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;
        int64_t next, last = 0;

        if (store_jobs_list(db, f, &r, &next, err) < 0)
                return -1;
        j_obj(&rq->out, NULL);
        j_arr(&rq->out, "items");
        while (rows_next(r)) {
                job_write(&rq->out, NULL, r);
                last = row_int(r, "id");
        }
        j_arr_end(&rq->out);
        cursor_write_int(&rq->out, "next_cursor", rows_count(r) == (size_t)f->limit ? last : next);
        j_obj_end(&rq->out);
        return 0;
}

int jobs_filter_read(struct request *rq, struct jobs_asked *a, struct err *err)
{
        struct jobs_filter *f = &a->filter;
        const char *project = request_query(rq, "project");

        a->label = xstrdup(request_query(rq, "label"));
        a->name = xstrdup(request_query(rq, "name"));
        *f = (struct jobs_filter){.who = principal_visible(rq->who),
                                  .user = request_query(rq, "user"),
                                  .site = request_query(rq, "site"),
                                  .before = INT64_MAX};
        if (read_state(rq, f, err) < 0 || (a->label && read_label(a->label, f, err) < 0) ||
            jobs_filter_time("since", request_query(rq, "since"), &f->since, err) < 0 ||
            jobs_filter_time("until", request_query(rq, "until"), &f->until, err) < 0)
                return -1;
        if (a->name)
                jobs_filter_name(a->name, f);
        if (project) {
                a->project = principal_project(rq->who, project);
                f->who = (struct visible){.projects = &a->project, .count = a->project >= 0};
        }
        return 0;
}

void jobs_asked_release(struct jobs_asked *a)
{
        free(a->label);
        free(a->name);
}

static int list_asked(struct request *rq, struct db *db, struct jobs_filter *f, struct err *err)
{
        const char *ids = request_query(rq, "ids");
        AUTO_FREE int64_t *id_list = xcalloc(JOBS_IDS_MAX, sizeof *id_list);

        if (request_limit(rq, &f->limit, err) < 0 || cursor_read_int(rq, INT64_MAX, &f->before, err) < 0 ||
            (ids && read_ids(ids, id_list, &f->ids_count, err) < 0) || store_jobs_between(db, f, err) < 0)
                return -1;
        f->ids = ids ? id_list : NULL;
        return watched_is(rq, f) ? watched_reply(rq, db, f, err) : list_reply(rq, db, f, err);
}

HANDLER(api_jobs)
{
        struct jobs_asked a = {0};
        int rc = jobs_filter_read(rq, &a, err);

        if (rc == 0)
                rc = list_asked(rq, db, &a.filter, err);
        jobs_asked_release(&a);
        return rc;
}

/* ---- one job ---------------------------------------------------------------------------------------------
 */

static int job_reply(struct request *rq, struct db *db, int64_t id, struct err *err)
{
        struct visible who = principal_visible(rq->who);
        AUTO_ROWS struct rows *r = NULL;

        if (store_job_show(db, &who, id, &r, err) < 0)
                return -1;
        if (!rows_next(r))
                return job_unknown(id, err);
        job_write(&rq->out, NULL, r);
        return 0;
}

HANDLER(api_job)
{
        int64_t id;

        return request_capture_int(rq, 0, "job", &id, err) < 0 ? -1 : job_reply(rq, db, id, err);
}

HANDLER(api_job_spec)
{
        struct visible who = principal_visible(rq->who);
        AUTO_ROWS struct rows *r = NULL;
        int64_t id;

        if (request_capture_int(rq, 0, "job", &id, err) < 0 || store_job_show_spec(db, &who, id, &r, err) < 0)
                return -1;
        if (!rows_next(r))
                return job_unknown(id, err);
        buf_text(&rq->out, row_text(r, "spec"));
        return 0;
}

static void output_write(struct buf *b, struct rows *r)
{
        size_t n;
        const uint8_t *sha = row_bytes(r, "sha256", &n);
        char hex[65] = "";

        if (n == 32)
                hex_encode(sha, n, hex);
        j_obj(b, NULL);
        j_col_int(b, r, "task");
        j_col_str(b, r, "path");
        j_col_int(b, r, "size");
        j_str(b, "sha256", hex);
        j_col_str(b, r, "site");
        j_obj_end(b);
}

/* The cursor of outputs: task and path, as "7 plots/a.png". */
static int output_cursor(const struct request *rq, char *path, size_t max, int64_t *ret_task, struct err *err)
{
        AUTO_FREE char *text = xmalloc(max);
        int rc = cursor_read(rq, text, max, err);
        char *space = rc == 1 ? strchr(text, ' ') : NULL;

        *ret_task = -1;
        path[0] = '\0';
        if (rc <= 0)
                return rc;
        if (space)
                *space = '\0';
        if (!space || num_int("cursor", text, 0, INT32_MAX, ret_task, NULL) < 0)
                return err_set(err, ERR_BAD_INPUT,
                               "cursor: not one that a list gave; start without a cursor");
        snprintf(path, max, "%s", space + 1);
        return 0;
}

HANDLER(api_job_outputs)
{
        struct visible who = principal_visible(rq->who);
        AUTO_ROWS struct rows *job = NULL, *set = NULL, *r = NULL;
        struct buf *b = &rq->out;
        char after[2048], last[2048] = "";
        int64_t id, task;
        int limit;

        if (request_capture_int(rq, 0, "job", &id, err) < 0 || request_limit(rq, &limit, err) < 0 ||
            output_cursor(rq, after, sizeof after, &task, err) < 0 ||
            store_job_outline(db, &who, id, &job, err) < 0)
                return -1;
        if (!rows_next(job))
                return job_unknown(id, err);
        if (store_job_dataset(db, id, &set, err) < 0 ||
            store_job_outputs(db, id, task, after, limit, &r, err) < 0)
                return -1;
        j_obj(b, NULL);
        j_str(b, "dataset", rows_next(set) ? row_text(set, "dataset") : NULL);
        j_arr(b, "items");
        while (rows_next(r)) {
                output_write(b, r);
                snprintf(last, sizeof last, "%lld %s", (long long)row_int(r, "task"), row_text(r, "path"));
        }
        j_arr_end(b);
        if (rows_count(r) == (size_t)limit)
                cursor_write(b, "next_cursor", last);
        else
                j_null(b, "next_cursor");
        j_obj_end(b);
        return 0;
}

/* ---- what people ask -------------------------------------------------------------------------------------
 */

static int check_task(struct request *rq, struct rows *r, int64_t task, struct err *err)
{
        struct task_set *tasks;
        char shown[TASKS_SHOWN];
        bool there;

        if (tasks_of_row(r, &tasks, err) < 0)
                return -1;
        there = task_set_has(tasks, task);
        tasks_show(tasks, shown);
        task_set_free(tasks);
        if (there)
                return 0;
        issue_add(&rq->issues, "/task", "range", "the job's tasks are %s", shown);
        return request_invalid(rq, err);
}

char *intent_reason(const char *kind, const char *why)
{
        static const char *const asked[][2] = {
            {"hold", "to be held"}, {"release", "to be released"}, {"cancel", "to be cancelled"}};

        for (size_t i = 0; why && i < ARRAY_LEN(asked); i++)
                if (strcmp(asked[i][0], kind) == 0)
                        return xasprintf("asked %s: %s", asked[i][1], why);
        return NULL;
}

/* Record the wish for the engine; a job that ended has none. */
static int intend(struct request *rq, struct db *db, const char *kind, int64_t task, int64_t value,
                  const char *why, struct err *err)
{
        AUTO_FREE char *reason = intent_reason(kind, why);
        struct visible who = principal_visible(rq->who);
        AUTO_ROWS struct rows *r = NULL;
        int64_t id;

        if (request_capture_int(rq, 0, "job", &id, err) < 0 || store_job_outline(db, &who, id, &r, err) < 0)
                return -1;
        if (!rows_next(r))
                return job_unknown(id, err);
        if (!row_bool(r, "live"))
                return err_set(err, ERR_CONFLICT, "job %lld has ended (%s)", (long long)id,
                               row_text(r, "state"));
        if (task >= 0 && check_task(rq, r, task, err) < 0)
                return -1;
        if (store_intent_add(db, id, task, kind, value, rq->who->name, err) < 0 ||
            (reason && store_intents_why(db, &id, 1, rq->who->name, reason, err) < 0))
                return -1;
        rq->status = 202;
        rq->wakes_engine = rq->wakes_web = true;
        rq->changes_job = id;
        request_about(rq, row_text(r, "project"), NULL);
        if (task >= 0)
                request_audit(rq, "task %lld%s%s", (long long)task, why ? ": " : "", why ? why : "");
        else if (why)
                request_audit(rq, "%s", why);
        return job_reply(rq, db, id, err);
}

HANDLER(api_job_hold)
{
        struct cancel_body in = {0};

        return request_body(rq, reason_fields, &in, NULL, err) < 0
                   ? -1
                   : intend(rq, db, "hold", -1, 0, in.why, err);
}

HANDLER(api_job_release)
{
        struct cancel_body in = {0};

        return request_body(rq, reason_fields, &in, NULL, err) < 0
                   ? -1
                   : intend(rq, db, "release", -1, 0, in.why, err);
}

HANDLER(api_job_cancel)
{
        struct cancel_body in = {.task = -1};

        return request_body(rq, cancel_fields, &in, NULL, err) < 0
                   ? -1
                   : intend(rq, db, "cancel", in.task, 0, in.why, err);
}

HANDLER(api_job_priority)
{
        struct priority_body in = {0};

        if (request_body(rq, priority_fields, &in, NULL, err) < 0)
                return -1;
        request_audit(rq, "priority %lld", (long long)in.priority);
        return intend(rq, db, "priority", -1, in.priority, NULL, err);
}
