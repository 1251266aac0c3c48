/* SPDX-License-Identifier: Apache-2.0 */
/* The queue as people see it, and what they ask of many jobs of it at once. */
#include "web/api.h"

#include "common/num.h"
#include "common/states.h"
#include "common/util.h"
#include "store/store_queue.h"
#include "web/web_priv.h"

#include <string.h>

#define MANY_MAX   10000 /* jobs changed by one call */
#define MANY_SHOWN 100

/* ---- the queue -------------------------------------------------------------------------------------------
 */

struct sums {
        int64_t jobs, tasks, looked;
};

static void project_line(struct request *rq, struct rows *r, struct sums *s)
{
        struct buf *b = &rq->out;
        bool seen = principal_sees(rq->who, row_int(r, "id"));

        j_obj(b, NULL);
        j_str(b, "project", seen ? row_text(r, "name") : NULL);
        j_col_f64(b, r, "share");
        j_col_f64(b, r, "usage");
        j_col_f64(b, r, "score");
        j_col_int(b, r, "waiting");
        j_int(b, "running", row_int(r, "used_tasks"));
        j_col_int(b, r, "jobs");
        j_col_int(b, r, "max_cpus");
        j_col_int(b, r, "max_tasks");
        j_obj(b, "used");
        j_int(b, "cpus", row_int(r, "used_cpus"));
        j_int(b, "tasks", row_int(r, "used_tasks"));
        j_obj_end(b);
        j_obj_end(b);
        s->jobs += row_int(r, "jobs");
        s->tasks += row_int(r, "waiting");
        s->looked = row_int(r, "looked");
}

/* One line of the queue, kept back until it is known how many alike ones follow. */
struct line {
        bool open, seen;
        char alike[33];
        int64_t others, position;
};

static void line_close(struct request *rq, struct line *l)
{
        if (l->open && l->seen) {
                j_int(&rq->out, "alike", l->others);
                j_obj_end(&rq->out);
        }
        l->open = false;
}

static void line_begin(struct request *rq, struct rows *r, struct line *l)
{
        struct buf *b = &rq->out;
        enum wait_reason wait = WAIT_NONE;

        j_obj(b, NULL);
        j_int(b, "position", l->position);
        j_col_str(b, r, "project");
        j_int(b, "job", row_int(r, "id"));
        j_col_str(b, r, "name");
        j_col_str(b, r, "user");
        j_col_int(b, r, "tasks");
        j_col_int(b, r, "priority");
        j_col_bool(b, r, "held");
        wait_reason_parse(row_text(r, "wait"), &wait);
        j_obj(b, "wait");
        j_str(b, "reason", wait_reason_name(wait));
        j_str(b, "sentence", wait_reason_sentence(wait));
        j_time(b, "since", row_time(r, "wait_since"));
        j_obj_end(b);
}

/* Jobs that are alike and stand one after the other are one line. Returns whether further ones wait behind.
 */
static bool write_lines(struct request *rq, struct rows *r, const char *project, int limit)
{
        struct line l = {0};
        bool more = false;
        int shown = 0;

        while (!more && rows_next(r)) {
                if (l.open && strcmp(l.alike, row_text(r, "alike")) == 0) {
                        l.others++;
                        continue;
                }
                line_close(rq, &l);
                l = (struct line){.open = true, .position = l.position + 1};
                strncpy(l.alike, row_text(r, "alike"), sizeof l.alike - 1);
                l.seen = principal_sees(rq->who, row_int(r, "project_id")) &&
                         (!project || strcmp(project, row_text(r, "project")) == 0);
                if (l.seen && shown++ == limit) {
                        more = true;
                        l.open = false;
                } else if (l.seen) {
                        line_begin(rq, r, &l);
                }
        }
        line_close(rq, &l);
        return more || rows_count(r) == QUEUE_HEADS;
}

HANDLER(api_queue)
{
        const char *project = request_query(rq, "project");
        AUTO_ROWS struct rows *projects = NULL, *heads = NULL;
        struct buf *b = &rq->out;
        struct sums s = {0};
        bool more;
        int limit;

        if (request_limit(rq, &limit, err) < 0 ||
            store_queue_projects(db, rq->web->half_life_ms, &projects, err) < 0 ||
            store_queue_heads(db, rq->web->half_life_ms, &heads, err) < 0)
                return -1;
        j_obj(b, NULL);
        j_arr(b, "items");
        more = write_lines(rq, heads, project, limit);
        j_arr_end(b);
        /* Scores move with the clock: what follows does not count for the ETag. */
        rq->etag_len = buf_len(b);
        j_arr(b, "projects");
        while (rows_next(projects))
                project_line(rq, projects, &s);
        j_arr_end(b);
        j_obj(b, "waiting");
        j_int(b, "jobs", s.jobs);
        j_int(b, "tasks", s.tasks);
        j_obj_end(b);
        j_bool(b, "more", more || s.looked == QUEUE_LOOK_MAX);
        j_obj_end(b);
        return 0;
}

/* ---- many at once ----------------------------------------------------------------------------------------
 */

struct many_body {
        json_t *ids;
        const char *state, *project, *name, *user, *label, *since, *until;
        bool all;
        int64_t limit;
};
const struct field many_fields[] = {
    FIELD(struct many_body, ids, F_ARRAY, 1, JOBS_IDS_MAX, 0, "these jobs"),
    FIELD(struct many_body, state, F_STRING, 1, 20, 0, "accepted or active"),
    FIELD(struct many_body, project, F_NAME, 1, 64, 0, "jobs of this project"),
    FIELD(struct many_body, name, F_STRING, 1, 200, 0,
          "jobs of this name; align*: how it starts, *lig*: what it has in it"),
    FIELD(struct many_body, user, F_STRING, 1, 64, 0, "jobs of this user"),
    FIELD(struct many_body, label, F_STRING, 3, 1000, 0, "jobs with this label, written name:value"),
    FIELD(struct many_body, since, F_STRING, 1, 40, 0, "submitted then or later: a time, or how long ago"),
    FIELD(struct many_body, until, F_STRING, 1, 40, 0, "submitted before then: a time, or how long ago"),
    FIELD(struct many_body, all, F_BOOL, 0, 0, 0, "true: all live jobs, when nothing else is asked for"),
    FIELD(struct many_body, limit, F_INT, 1, MANY_MAX, 0, "at most so many, newest first"),
    {0},
};

static void read_ids(struct request *rq, const json_t *list, int64_t *ids)
{
        size_t i;
        json_t *v;

        json_array_foreach(list, i, v)
        {
                size_t mark = issues_enter(&rq->issues, "ids");

                issues_enter_index(&rq->issues, i);
                if (!json_is_integer(v) || json_integer_value(v) < 1)
                        issue_add(&rq->issues, "", "type", "must be the number of a job");
                else
                        ids[i] = json_integer_value(v);
                issues_leave(&rq->issues, mark);
        }
}

/* The body as a filter. Texts that are cut are in name and label. */
static int read_many(struct request *rq, const struct many_body *in, char *name, char *label, int64_t *ids,
                     int64_t *project, struct jobs_filter *f, struct err *err)
{
        struct issues *is = &rq->issues;
        bool some = in->ids || in->state || in->project || in->name || in->user || in->label || in->since ||
                    in->until;
        struct err bad;

        if (in->state && strcmp(in->state, "accepted") != 0 && strcmp(in->state, "active") != 0)
                issue_add(is, "/state", "format", "must be accepted or active: others have ended");
        if (!some && !in->all)
                issue_add(is, "/all", "missing", "say which jobs, or that it shall be all of them");
        if (some && in->all)
                issue_add(is, "/all", "conflict", "stands in the way of the other members");
        if (label && jobs_filter_label(label, f) < 0)
                issue_add(is, "/label", "format", "must be written name:value");
        if (jobs_filter_time("since", in->since, &f->since, &bad) < 0)
                issue_add(is, "/since", "format", "%s", bad.text);
        if (jobs_filter_time("until", in->until, &f->until, &bad) < 0)
                issue_add(is, "/until", "format", "%s", bad.text);
        read_ids(rq, in->ids, ids);
        if (is->count)
                return request_invalid(rq, err);
        f->state = in->state;
        f->user = in->user;
        f->ids = in->ids ? ids : NULL;
        f->ids_count = json_array_size(in->ids);
        if (name)
                jobs_filter_name(name, f);
        if (in->project) {
                *project = principal_project(rq->who, in->project);
                f->who = (struct visible){.projects = project, .count = *project >= 0};
        }
        return 0;
}

static int intend_many(struct request *rq, struct db *db, const char *kind, struct err *err)
{
        struct jobs_filter f = {
            .who = principal_visible(rq->who), .before = INT64_MAX, .since = INT64_MIN, .until = INT64_MIN};
        struct many_body in = {.limit = MANY_MAX};
        AUTO_FREE char *name = NULL, *label = NULL;
        AUTO_FREE int64_t *ids = xcalloc(JOBS_IDS_MAX, sizeof *ids), *found = NULL;
        AUTO_ROWS struct rows *r = NULL;
        struct buf *b = &rq->out;
        int64_t project;
        size_t n = 0;

        if (request_body(rq, many_fields, &in, NULL, err) < 0)
                return -1;
        name = xstrdup(in.name);
        label = xstrdup(in.label);
        f.limit = (int)in.limit + 1;
        if (read_many(rq, &in, name, label, ids, &project, &f, err) < 0 ||
            store_intents_find(db, &f, kind, &r, err) < 0)
                return -1;
        found = xcalloc(rows_count(r) + 1, sizeof *found);
        while (n < (size_t)in.limit && rows_next(r))
                found[n++] = row_int(r, "id");
        if (n && store_intents_add(db, found, n, kind, rq->who->name, err) < 0)
                return -1;
        j_obj(b, NULL);
        j_int(b, "matched", (int64_t)n);
        j_bool(b, "more", rows_count(r) > (size_t)in.limit);
        j_arr(b, "jobs");
        for (size_t i = 0; i < n && i < MANY_SHOWN; i++)
                j_int(b, NULL, found[i]);
        j_arr_end(b);
        j_obj_end(b);
        rq->status = 202;
        rq->wakes_engine = rq->wakes_web = n > 0;
        request_audit(rq, "%zu jobs, newest %lld", n, n ? (long long)found[0] : 0LL);
        return 0;
}

HANDLER(api_many_hold)
{
        return intend_many(rq, db, "hold", err);
}

HANDLER(api_many_release)
{
        return intend_many(rq, db, "release", err);
}

HANDLER(api_many_cancel)
{
        return intend_many(rq, db, "cancel", err);
}
