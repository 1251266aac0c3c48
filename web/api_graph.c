/* SPDX-License-Identifier: Apache-2.0 */
/* What a job hangs together with, and when its attempts ran.
 *
 * The graph is walked in breadth, first up, then down, one look at the database for each step and one for the
 * jobs that it leads to. What one may not see is counted and not gone through.
 */
#include "web/api.h"

#include "common/num.h"
#include "common/util.h"
#include "store/store_graph.h"
#include "web/web_priv.h"

#include <string.h>

#define DEPTH_DEFAULT    20
#define DEPTH_MAX        100
#define NODES_DEFAULT    2000
#define NODES_MAX        5000
#define LINKS_MAX_STEP   20000 /* links looked at in one step */
#define EDGES_MAX        20000
#define TIMELINE_DEFAULT 1000
#define TIMELINE_MAX     5000

/* ---- a set of jobs ---------------------------------------------------------------------------------------
 */

#define PLACES 32768 /* of the table; much more than jobs can be in it */

struct node {
        int64_t job;
        bool hidden;
};

struct edge {
        int64_t from, to;
        bool data, each;
        char *on, *dataset;
};

struct graph {
        struct visible who;
        int64_t limit;
        struct node *seen; /* open addressing; job 0: free */
        size_t seen_count;
        int64_t *step, *next; /* jobs looked at now, and those found on the way */
        size_t step_count, next_count;
        struct edge *edges;
        size_t edge_count;
        int64_t shown, hidden;
        bool more;
        struct buf nodes;
};

static struct node *node_at(struct graph *g, int64_t job)
{
        size_t i = (size_t)((uint64_t)job * 0x9e3779b97f4a7c15u >> 49) % PLACES;

        while (g->seen[i].job && g->seen[i].job != job)
                i = (i + 1) % PLACES;
        return &g->seen[i];
}

static void graph_release(struct graph *g)
{
        for (size_t i = 0; i < g->edge_count; i++) {
                free(g->edges[i].on);
                free(g->edges[i].dataset);
        }
        free(g->edges);
        free(g->seen);
        free(g->step);
        free(g->next);
        buf_release(&g->nodes);
}

static void graph_init(struct graph *g)
{
        g->seen = xcalloc(PLACES, sizeof *g->seen);
        g->step = xcalloc(NODES_MAX + 1, sizeof *g->step);
        g->next = xcalloc(LINKS_MAX_STEP, sizeof *g->next);
        g->edges = xcalloc(EDGES_MAX, sizeof *g->edges);
        buf_init(&g->nodes, REPLY_MAX);
}

/* ---- walking ---------------------------------------------------------------------------------------------
 */

static void node_write(struct buf *b, struct rows *r, int64_t distance)
{
        j_obj(b, NULL);
        j_int(b, "job", row_int(r, "id"));
        j_col_str(b, r, "name");
        j_str(b, "user", row_text(r, "user_name"));
        j_col_str(b, r, "state");
        j_col_int(b, r, "tasks");
        j_col_int(b, r, "succeeded");
        j_col_int(b, r, "failed");
        j_col_int(b, r, "running");
        j_int(b, "distance", distance);
        j_col_time(b, r, "submitted_at");
        j_col_time(b, r, "started_at");
        j_col_time(b, r, "finished_at");
        j_obj_end(b);
}

/* Show those of g->next that may be seen: they are the next step. The others are remembered as hidden. */
static int take_nodes(struct graph *g, struct db *db, int64_t distance, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        g->step_count = 0;
        if (!g->next_count)
                return 0;
        if (store_graph_nodes(db, &g->who, g->next, g->next_count, &r, err) < 0)
                return -1;
        for (size_t i = 0; i < g->next_count; i++)
                node_at(g, g->next[i])->hidden = true;
        while (rows_next(r)) {
                int64_t job = row_int(r, "id");

                node_at(g, job)->hidden = false;
                if (g->step_count <= NODES_MAX)
                        g->step[g->step_count++] = job;
                node_write(&g->nodes, r, distance);
        }
        g->shown += (int64_t)g->step_count;
        g->hidden += (int64_t)(g->next_count - g->step_count);
        g->next_count = 0;
        return 0;
}

static void edge_add(struct graph *g, struct rows *r)
{
        struct edge *e = &g->edges[g->edge_count];

        if (g->edge_count == EDGES_MAX) {
                g->more = true;
                return;
        }
        *e = (struct edge){.from = row_int(r, "from_job"),
                           .to = row_int(r, "to_job"),
                           .data = strcmp(row_text(r, "kind"), "data") == 0,
                           .each = row_bool(r, "elementwise")};
        e->on = row_null(r, "condition") ? NULL : xstrdup(row_text(r, "condition"));
        e->dataset = row_null(r, "dataset") ? NULL : xstrdup(row_text(r, "dataset"));
        g->edge_count++;
}

/* Note the links of this step and the jobs that they lead to; `open`: such jobs may still be added. */
static int take_links(struct graph *g, struct db *db, bool up, bool open, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (store_graph_links(db, g->step, g->step_count, up, LINKS_MAX_STEP, &r, err) < 0)
                return -1;
        g->more |= rows_count(r) == LINKS_MAX_STEP;
        while (rows_next(r)) {
                int64_t job = row_int(r, up ? "from_job" : "to_job");
                struct node *n = node_at(g, job);

                if (!n->job) {
                        if (!open || g->shown + (int64_t)g->next_count >= g->limit ||
                            g->seen_count >= PLACES / 2) {
                                g->more = true;
                                continue;
                        }
                        *n = (struct node){.job = job};
                        g->seen_count++;
                        g->next[g->next_count++] = job;
                }
                if (!n->hidden)
                        edge_add(g, r);
        }
        return 0;
}

static int walk(struct graph *g, struct db *db, int64_t job, bool up, int64_t depth, struct err *err)
{
        g->step[0] = job;
        g->step_count = 1;
        for (int64_t d = 1; d <= depth + 1 && g->step_count; d++)
                if (take_links(g, db, up, d <= depth, err) < 0 || take_nodes(g, db, up ? -d : d, err) < 0)
                        return -1;
        return 0;
}

/* ---- the graph -------------------------------------------------------------------------------------------
 */

/* An edge to what was found to be hidden only afterwards leads nowhere. */
static bool edge_shows(struct graph *g, const struct edge *e)
{
        return !node_at(g, e->from)->hidden && !node_at(g, e->to)->hidden;
}

static void edge_write(struct buf *b, const struct edge *e)
{
        j_obj(b, NULL);
        j_int(b, "from", e->from);
        j_int(b, "to", e->to);
        j_str(b, "kind", e->data ? "data" : "after");
        j_str(b, "on", e->on);
        j_bool(b, "each", e->each);
        j_str(b, "dataset", e->dataset);
        j_obj_end(b);
}

static void graph_write(struct request *rq, struct graph *g, int64_t job)
{
        struct buf *b = &rq->out;
        AUTO_FREE char *nodes = xasprintf("[%s]", buf_cstr(&g->nodes));

        j_obj(b, NULL);
        j_int(b, "job", job);
        j_raw(b, "nodes", nodes);
        j_arr(b, "edges");
        for (size_t i = 0; i < g->edge_count; i++)
                if (edge_shows(g, &g->edges[i]))
                        edge_write(b, &g->edges[i]);
        j_arr_end(b);
        j_int(b, "hidden", g->hidden);
        j_bool(b, "more", g->more);
        j_obj_end(b);
}

static int graph_make(struct request *rq, struct db *db, struct graph *g, int64_t job, int64_t depth,
                      struct err *err)
{
        *node_at(g, job) = (struct node){.job = job};
        g->next[g->next_count++] = job;
        if (take_nodes(g, db, 0, err) < 0)
                return -1;
        if (!g->shown)
                return job_unknown(job, err);
        if (walk(g, db, job, true, depth, err) < 0 || walk(g, db, job, false, depth, err) < 0)
                return -1;
        graph_write(rq, g, job);
        return 0;
}

HANDLER(api_job_graph)
{
        struct graph g = {.who = principal_visible(rq->who)};
        int64_t job, depth;
        int rc;

        if (request_capture_int(rq, 0, "job", &job, err) < 0 ||
            request_query_int(rq, "depth", 1, DEPTH_MAX, DEPTH_DEFAULT, &depth, err) < 0 ||
            request_query_int(rq, "limit", 1, NODES_MAX, NODES_DEFAULT, &g.limit, err) < 0)
                return -1;
        graph_init(&g);
        rc = graph_make(rq, db, &g, job, depth, err);
        graph_release(&g);
        return rc;
}

/* ---- the timeline ----------------------------------------------------------------------------------------
 */

static void bar_write(struct buf *b, struct rows *r)
{
        j_obj(b, NULL);
        j_col_int(b, r, "task");
        j_col_int(b, r, "attempt");
        j_col_str(b, r, "site");
        j_col_str(b, r, "state");
        j_col_str(b, r, "outcome");
        j_col_time(b, r, "placed_at");
        j_col_time(b, r, "started_at");
        j_col_time(b, r, "ended_at");
        j_obj_end(b);
}

/* One attempt more than is shown tells whether there are more. A task is not torn apart at the end, unless it
 * is the only one: then what does not fit of it is left out. */
static void timeline_write(struct buf *b, struct rows *r, int64_t limit)
{
        int64_t end = INT64_MAX; /* the first task that is not shown */

        j_obj(b, NULL);
        j_arr(b, "items");
        for (int64_t n = 0; rows_next(r) && n < limit; n++) {
                if (!n && rows_count(r) > (size_t)limit)
                        end = row_int(r, "last") + (row_int(r, "last") == row_int(r, "task"));
                if (row_int(r, "task") < end)
                        bar_write(b, r);
        }
        j_arr_end(b);
        if (end == INT64_MAX)
                j_null(b, "next");
        else
                j_int(b, "next", end);
        j_obj_end(b);
}

HANDLER(api_job_timeline)
{
        struct visible who = principal_visible(rq->who);
        AUTO_ROWS struct rows *r = NULL, *bars = NULL;
        int64_t job, from, limit;

        if (request_capture_int(rq, 0, "job", &job, err) < 0 ||
            request_query_int(rq, "from", 0, INT32_MAX, 0, &from, err) < 0 ||
            request_query_int(rq, "limit", 1, TIMELINE_MAX, TIMELINE_DEFAULT, &limit, err) < 0 ||
            store_job_outline(db, &who, job, &r, err) < 0)
                return -1;
        if (!rows_next(r))
                return job_unknown(job, err);
        if (store_timeline(db, job, from, row_time(r, "submitted_at"), (int)limit + 1, &bars, err) < 0)
                return -1;
        timeline_write(&rq->out, bars, limit);
        return 0;
}
