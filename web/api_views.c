/* SPDX-License-Identifier: Apache-2.0 */
/* Views of lists that people save under a name, and share with a project. */
#include "web/api.h"

#include "common/util.h"
#include "store/store_views.h"
#include "web/web_priv.h"

#include <string.h>

#define VIEWS_MAX      100
#define VIEWS_SHOWN    1000 /* own ones and others' together */
#define VIEW_NAME_MAX  100
#define VIEW_QUERY_MAX 2000
#define VIEW_PAGE_MAX  64

struct view_body {
        const char *name, *page, *query, *project;
};
static const struct field view_fields[] = {
    FIELD(struct view_body, name, F_STRING, 1, VIEW_NAME_MAX, FIELD_REQUIRED, "what its owner calls it"),
    FIELD(struct view_body, page, F_NAME, 1, VIEW_PAGE_MAX, FIELD_REQUIRED, "which list"),
    FIELD(struct view_body, query, F_STRING, 0, VIEW_QUERY_MAX, FIELD_REQUIRED,
          "what stands behind the ? of its address"),
    FIELD(struct view_body, project, F_NAME, 1, 64, 0, "whose members see it too; default nobody"),
    {0},
};

struct views_body {
        json_t *items;
};
const struct field views_fields[] = {
    FIELD_OF(struct views_body, items, F_ARRAY, 0, VIEWS_MAX, FIELD_REQUIRED, "all of one's own views",
             view_fields),
    {0},
};

static int views_reply(struct request *rq, struct db *db, struct err *err)
{
        struct visible who = principal_visible(rq->who);
        AUTO_ROWS struct rows *r = NULL;
        struct buf *b = &rq->out;

        if (store_views_list(db, rq->who->user, &who, VIEWS_SHOWN, &r, err) < 0)
                return -1;
        j_obj(b, NULL);
        j_arr(b, "items");
        while (rows_next(r)) {
                j_obj(b, NULL);
                j_col_str(b, r, "name");
                j_col_str(b, r, "page");
                j_col_str(b, r, "query");
                j_col_str(b, r, "project");
                j_col_str(b, r, "by");
                j_obj_end(b);
        }
        j_arr_end(b);
        j_obj_end(b);
        return 0;
}

HANDLER(api_views)
{
        return views_reply(rq, db, err);
}

static bool name_is_taken(const struct view *views, size_t n, const char *name)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(views[i].name, name) == 0)
                        return true;
        return false;
}

static void read_view(struct request *rq, const json_t *item, struct view *views, size_t n)
{
        struct issues *is = &rq->issues;
        struct view_body in = {0};
        size_t before = is->count;

        if (!json_is_object(item)) {
                issue_add(is, "", "type", "must be an object");
                return;
        }
        fields_read(item, view_fields, &in, NULL, is);
        if (is->count > before)
                return;
        views[n] = (struct view){.name = in.name, .page = in.page, .query = in.query};
        if (name_is_taken(views, n, in.name))
                issue_add(is, "/name", "conflict", "is named twice");
        if (!in.project)
                return;
        views[n].project = principal_project(rq->who, in.project);
        if (views[n].project < 0)
                issue_add(is, "/project", "not_found", "is no project of yours");
}

HANDLER(api_views_put)
{
        struct views_body in = {0};
        struct view views[VIEWS_MAX];
        size_t n = 0;

        if (request_body(rq, views_fields, &in, NULL, err) < 0)
                return -1;
        for (; n < json_array_size(in.items); n++) {
                size_t mark = issues_enter(&rq->issues, "items");

                issues_enter_index(&rq->issues, n);
                views[n] = (struct view){.name = ""};
                read_view(rq, json_array_get(in.items, n), views, n);
                issues_leave(&rq->issues, mark);
        }
        if (rq->issues.count)
                return request_invalid(rq, err);
        if (store_views_replace(db, rq->who->user, views, n, err) < 0)
                return -1;
        request_audit(rq, "%zu views", n);
        return views_reply(rq, db, err);
}
