/* SPDX-License-Identifier: Apache-2.0 */
/* What a dataset was made from and what was made from it: step by step outwards from it, both ways, as far as
 * asked for and as many as there is room for. */
#include "web/api.h"

#include "common/util.h"
#include "store/store_lineage.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX     10
#define DEPTH_DEFAULT 3
#define NODES_MAX     500
#define EDGES_MAX     2000

struct node {
        bool is_job;
        int64_t id;
        int level;
};

struct edge {
        struct node from, to;
};

struct walk {
        struct request *rq;
        struct db *db;
        struct visible who;
        struct node nodes[NODES_MAX];
        struct edge edges[EDGES_MAX];
        size_t node_count, edge_count;
        bool more;
};

static bool is_known(const struct walk *w, bool is_job, int64_t id)
{
        for (size_t i = 0; i < w->node_count; i++) {
                if (w->nodes[i].is_job == is_job && w->nodes[i].id == id)
                        return true;
        }
        return false;
}

static bool edge_is_known(const struct walk *w, const struct edge *e)
{
        for (size_t i = 0; i < w->edge_count; i++) {
                const struct edge *k = &w->edges[i];

                if (k->from.is_job == e->from.is_job && k->from.id == e->from.id && k->to.id == e->to.id)
                        return true;
        }
        return false;
}

static void write_id(struct buf *b, const char *key, const struct node *n)
{
        char text[32];

        snprintf(text, sizeof text, "%c%lld", n->is_job ? 'j' : 'd', (long long)n->id);
        j_str(b, key, text);
}

static void write_node(struct buf *b, struct rows *r, const struct node *n)
{
        j_obj(b, NULL);
        write_id(b, "id", n);
        j_str(b, "kind", n->is_job ? "job" : "dataset");
        j_col_str(b, r, "name");
        j_int(b, "level", n->level);
        j_col_str(b, r, "state");
        j_time(b, "at", row_time(r, n->is_job ? "submitted_at" : "made_at"));
        if (n->is_job) {
                j_int(b, "job", n->id);
                j_col_str(b, r, "user");
        } else {
                j_col_int(b, r, "files");
                j_col_int(b, r, "bytes");
        }
        j_obj_end(b);
}

/* Nodes are written as they are found. */
static bool add_node(struct walk *w, struct rows *r, const struct node *n)
{
        if (is_known(w, n->is_job, n->id))
                return true;
        if (w->node_count == NODES_MAX || !row_bool(r, "seen")) {
                w->more = true;
                return false;
        }
        w->nodes[w->node_count++] = *n;
        write_node(&w->rq->out, r, n);
        return true;
}

static void add_edge(struct walk *w, const struct edge *e)
{
        if (edge_is_known(w, e))
                return;
        if (w->edge_count == EDGES_MAX)
                w->more = true;
        else
                w->edges[w->edge_count++] = *e;
}

/* One step from the nodes first..last of a level; up: towards what they were made from. */
static int step(struct walk *w, size_t first, size_t last, bool up, struct err *err)
{
        bool from_jobs = w->nodes[first].is_job;
        enum lineage_step s = up          ? from_jobs ? LINEAGE_INPUTS : LINEAGE_MAKERS
                              : from_jobs ? LINEAGE_OUTPUTS
                                          : LINEAGE_READERS;
        int level = w->nodes[first].level + (up ? -1 : 1);
        int64_t ids[NODES_MAX];
        AUTO_ROWS struct rows *r = NULL;

        for (size_t i = first; i < last; i++)
                ids[i - first] = w->nodes[i].id;
        if (store_lineage(w->db, s, &w->who, ids, last - first, NODES_MAX + 1, &r, err) < 0)
                return -1;
        w->more |= rows_count(r) > NODES_MAX;
        while (rows_next(r)) {
                struct node found = {.is_job = !from_jobs, .id = row_int(r, "id"), .level = level};
                struct node at = {.is_job = from_jobs, .id = row_int(r, "at")};

                if (add_node(w, r, &found))
                        add_edge(w, up ? &(struct edge){found, at} : &(struct edge){at, found});
        }
        return 0;
}

/* Level by level; a node that was met before is not gone on from again. */
static int walk_one_way(struct walk *w, int depth, bool up, struct err *err)
{
        size_t first = 0, last = 1, start = w->node_count;

        for (int i = 0; i < depth && first < last; i++) {
                size_t before = w->node_count;

                if (step(w, first, last, up, err) < 0)
                        return -1;
                first = i == 0 ? start : before;
                last = w->node_count;
        }
        return 0;
}

HANDLER(api_dataset_lineage)
{
        AUTO_ROWS struct rows *set = NULL, *self = NULL;
        AUTO_FREE struct walk *w = xcalloc(1, sizeof *w);
        struct buf *b = &rq->out;
        int64_t depth;

        if (request_query_int(rq, "depth", 1, DEPTH_MAX, DEPTH_DEFAULT, &depth, err) < 0 ||
            dataset_find(rq, db, &set, err) < 0)
                return -1;
        w->rq = rq;
        w->db = db;
        w->who = principal_visible(rq->who);
        if (store_lineage_self(db, &w->who, row_int(set, "id"), &self, err) < 0)
                return -1;
        rows_next(self);
        j_obj(b, NULL);
        j_str(b, "dataset", row_text(set, "name"));
        j_int(b, "depth", depth);
        j_arr(b, "nodes");
        add_node(w, self, &(struct node){.id = row_int(set, "id")});
        if (walk_one_way(w, (int)depth, true, err) < 0 || walk_one_way(w, (int)depth, false, err) < 0)
                return -1;
        j_arr_end(b);
        j_arr(b, "edges");
        for (size_t i = 0; i < w->edge_count; i++) {
                j_obj(b, NULL);
                write_id(b, "from", &w->edges[i].from);
                write_id(b, "to", &w->edges[i].to);
                j_obj_end(b);
        }
        j_arr_end(b);
        j_bool(b, "more", w->more);
        j_obj_end(b);
        return 0;
}
