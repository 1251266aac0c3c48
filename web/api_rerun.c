/* SPDX-License-Identifier: Apache-2.0 */
/* Running a job again: its stored form becomes a submission, and goes the way of all submissions. */
#include "web/api.h"

#include "common/task_set.h"
#include "common/util.h"
#include "store/store_queue.h"
#include "web/job_again.h"
#include "web/web_priv.h"

#include <inttypes.h>
#include <string.h>

struct rerun_body {
        bool failed;
};
const struct field rerun_fields[] = {
    FIELD(struct rerun_body, failed, F_BOOL, 0, 0, 0, "only the tasks that failed; default all of them"),
    {0},
};

/* The tasks that failed, as an array; NULL with *err. */
static char *failed_array(struct db *db, int64_t job, int64_t since, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;
        struct buf b;
        char *text = NULL;

        if (store_failed_tasks(db, job, since, TASK_PARTS_MAX + 1, &r, err) < 0)
                return NULL;
        if (rows_count(r) > TASK_PARTS_MAX) {
                err_set(err, ERR_CONFLICT,
                        "the tasks that failed lie in more than %d runs: run all of them again",
                        TASK_PARTS_MAX);
                return NULL;
        }
        if (!rows_count(r)) {
                err_set(err, ERR_CONFLICT, "no task of job %lld has failed", (long long)job);
                return NULL;
        }
        buf_init(&b, TASK_TEXT_MAX);
        while (rows_next(r)) {
                int64_t first = row_int(r, "first"), last = row_int(r, "last");

                buf_printf(&b, "%s%" PRId64, buf_len(&b) ? "," : "", first);
                if (last > first)
                        buf_printf(&b, "-%" PRId64, last);
        }
        text = xstrdup(buf_cstr(&b));
        buf_release(&b);
        return text;
}

static json_t *read_json(struct rows *r, const char *column)
{
        return row_null(r, column) ? NULL : json_loads(row_text(r, column), 0, NULL);
}

/* The very datasets that it read, by the names that they have now: since then there may be newer versions of
 * what its spec names. */
static void name_inputs(json_t *spec, json_t *now)
{
        json_t *partition = json_object_get(spec, "partition"), *then;
        const char *shared = json_string_value(json_object_get(partition, "input"));
        size_t i;

        if (!now)
                return;
        json_array_foreach(json_object_get(spec, "inputs"), i, then)
        {
                if (shared && strcmp(json_string_value(then), shared) == 0) {
                        json_object_set(partition, "input", json_array_get(now, i));
                        break;
                }
        }
        json_object_set_new(spec, "inputs", now);
}

HANDLER(api_job_rerun)
{
        struct visible who = principal_visible(rq->who);
        struct rerun_body in = {0};
        AUTO_ROWS struct rows *r = NULL;
        AUTO_FREE char *failed = NULL;
        json_t *spec, *labels, *again;
        struct job_past past;
        int64_t id;
        int rc;

        if (request_body(rq, rerun_fields, &in, NULL, err) < 0 ||
            request_capture_int(rq, 0, "job", &id, err) < 0 || store_job_past(db, &who, id, &r, err) < 0)
                return -1;
        if (!rows_next(r))
                return job_unknown(id, err);
        if (in.failed && !(failed = failed_array(db, id, row_time(r, "at"), err)))
                return -1;
        spec = read_json(r, "spec");
        name_inputs(spec, read_json(r, "inputs"));
        labels = read_json(r, "labels");
        past = (struct job_past){.name = row_text(r, "name"),
                                 .project = row_text(r, "project"),
                                 .array = failed ? failed : row_text(r, "array"),
                                 .spec = spec,
                                 .labels = labels,
                                 .id = id,
                                 .priority = row_int(r, "priority")};
        again = job_again(&past, clock_wall_ms());
        rc = submit_again(rq, db, again, id, err);
        json_decref(again);
        json_decref(labels);
        json_decref(spec);
        return rc;
}
