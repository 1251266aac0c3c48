/* SPDX-License-Identifier: Apache-2.0 */
/* What jobs have in common, for the side of a list. */
#include "web/api.h"

#include "common/util.h"
#include "store/store_facets.h"
#include "web/web_priv.h"

#include <string.h>

/* The rows of one kind as a list; the row after them is current when it returns. True: there is one. */
static bool write_values(struct buf *b, struct rows *r, const char *kind, bool there)
{
        j_arr(b, kind);
        for (; there && strcmp(row_text(r, "kind"), kind) == 0; there = rows_next(r)) {
                j_obj(b, NULL);
                j_col_str(b, r, "value");
                j_col_int(b, r, "jobs");
                j_obj_end(b);
        }
        j_arr_end(b);
        return there;
}

static void write_hours(struct buf *b, struct rows *r, bool there)
{
        j_arr(b, "hours");
        for (; there; there = rows_next(r)) {
                j_obj(b, NULL);
                j_col_time(b, r, "at");
                j_col_int(b, r, "jobs");
                j_col_int(b, r, "failed");
                j_obj_end(b);
        }
        j_arr_end(b);
}

static int facets_reply(struct request *rq, struct db *db, struct jobs_filter *f, struct err *err)
{
        static const char *const kinds[] = {"state", "project", "user", "name"};
        AUTO_ROWS struct rows *r = NULL;
        struct buf *b = &rq->out;
        bool there;

        if (store_jobs_between(db, f, err) < 0 || store_job_facets(db, f, &r, err) < 0)
                return -1;
        rows_next(r);
        j_obj(b, NULL);
        j_int(b, "looked_at", row_int(r, "jobs"));
        j_bool(b, "whole", row_int(r, "jobs") < FACETS_SCAN_MAX);
        rows_next(r);
        j_col_int(b, r, "jobs");
        there = rows_next(r);
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
                there = write_values(b, r, kinds[i], there);
        write_hours(b, r, there);
        j_obj_end(b);
        return 0;
}

HANDLER(api_job_facets)
{
        struct jobs_asked a = {0};
        int rc = jobs_filter_read(rq, &a, err);

        if (rc == 0)
                rc = facets_reply(rq, db, &a.filter, err);
        jobs_asked_release(&a);
        return rc;
}
