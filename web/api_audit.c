/* SPDX-License-Identifier: Apache-2.0 */
/* The audit chain: reading it, and whether it holds. */
#include "web/api.h"

#include "common/util.h"
#include "store/store_audit.h"

#define CHECK_MAX 10000

/* Whoever is no admin of everything sees what is about his projects and sites, and what he did. */
static void filter_own(const struct principal *p, struct audit_filter *f, const char **projects)
{
        f->all = p->role == ROLE_ADMIN;
        f->self = p->name;
        f->projects = projects;
        for (size_t i = 0; i < p->membership_count; i++)
                if (p->memberships[i].role == ROLE_ADMIN)
                        projects[f->project_count++] = p->memberships[i].name;
        f->sites = (const char *const *)p->site_names;
        f->site_count = p->role == ROLE_VIEWER ? 0 : p->site_count;
}

HANDLER(api_audit)
{
        AUTO_FREE const char **projects = xcalloc(rq->who->membership_count + 1, sizeof *projects);
        struct audit_filter f = {.actor = request_query(rq, "actor"),
                                 .action = request_query(rq, "action"),
                                 .project = request_query(rq, "project"),
                                 .site = request_query(rq, "site")};
        AUTO_ROWS struct rows *r = NULL;
        struct buf *b = &rq->out;
        int64_t last = 0;

        filter_own(rq->who, &f, projects);
        if (request_limit(rq, &f.limit, err) < 0 || cursor_read_int(rq, INT64_MAX, &f.before, err) < 0 ||
            jobs_filter_time("since", request_query(rq, "since"), &f.since, err) < 0 ||
            jobs_filter_time("until", request_query(rq, "until"), &f.until, err) < 0 ||
            store_audit_list(db, &f, &r, err) < 0)
                return -1;
        j_obj(b, NULL);
        j_arr(b, "items");
        while (rows_next(r)) {
                j_obj(b, NULL);
                j_col_int(b, r, "seq");
                j_col_time(b, r, "at");
                j_col_str(b, r, "actor");
                j_col_str(b, r, "action");
                j_col_str(b, r, "object");
                j_col_str(b, r, "detail");
                j_col_str(b, r, "project");
                j_col_str(b, r, "site");
                j_col_str(b, r, "hash");
                j_obj_end(b);
                last = row_int(r, "seq");
        }
        j_arr_end(b);
        cursor_write_int(b, "next_cursor", rows_count(r) == (size_t)f.limit ? last : 0);
        j_obj_end(b);
        return 0;
}

HANDLER(api_audit_check)
{
        AUTO_ROWS struct rows *r = NULL;
        struct buf *b = &rq->out;
        int64_t from, last;

        if (request_query_int(rq, "from", 1, INT64_MAX - CHECK_MAX, 1, &from, err) < 0 ||
            store_audit_check(db, from, CHECK_MAX, &r, err) < 0)
                return -1;
        rows_next(r);
        last = row_int(r, "last");
        j_obj(b, NULL);
        j_int(b, "from", from);
        j_int(b, "to", last);
        j_col_int(b, r, "broken");
        j_col_str(b, r, "hash");
        if (row_bool(r, "more"))
                j_int(b, "next", last + 1);
        else
                j_null(b, "next");
        j_obj_end(b);
        return 0;
}
