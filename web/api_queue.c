/* SPDX-License-Identifier: Apache-2.0 */
/* The queue as people see it. */
#include "web/api.h"

#include "common/num.h"
#include "common/states.h"
#include "common/util.h"
#include "store/store_queue.h"
#include "web/web_priv.h"

#include <string.h>

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
