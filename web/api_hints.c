/* SPDX-License-Identifier: Apache-2.0 */
/* What one's own last jobs used, and what to ask for next time. */
#include "web/api.h"

#include "common/util.h"
#include "store/store_hints.h"
#include "web/hints.h"
#include "web/web_priv.h"

#include <string.h>

static void write_past(struct buf *b, struct rows *r, struct hint_past *ret)
{
        *ret = (struct hint_past){.jobs = row_int(r, "jobs"), .attempts = row_int(r, "attempts")};
        if (ret->jobs < 1) {
                j_null(b, "past");
                return;
        }
        ret->memory_peak = row_null(r, "memory_peak") ? 0 : row_int(r, "memory_peak");
        ret->memory_asked = row_null(r, "memory_asked") ? 0 : row_int(r, "memory_asked");
        ret->cpus_asked = row_null(r, "cpus_asked") ? 0 : row_int(r, "cpus_asked");
        ret->cpus_used = row_null(r, "cpus_used") ? 0 : row_f64(r, "cpus_used");
        ret->wall_max = row_null(r, "wall_max") ? 0 : row_f64(r, "wall_max");
        ret->time_asked = row_null(r, "time_asked") ? 0 : row_f64(r, "time_asked");
        j_obj(b, "past");
        j_col_int(b, r, "jobs");
        j_col_int(b, r, "attempts");
        j_col_time(b, r, "since");
        j_col_int(b, r, "memory_peak");
        j_col_f64(b, r, "cpus_used");
        j_col_f64(b, r, "wall_max");
        j_col_int(b, r, "memory_asked");
        j_col_int(b, r, "cpus_asked");
        j_col_f64(b, r, "time_asked");
        j_obj_end(b);
}

static void write_hints(struct buf *b, const struct hint_past *past)
{
        struct hint hints[HINTS_MAX];
        size_t n = hints_make(past, hints);

        j_arr(b, "suggest");
        for (size_t i = 0; i < n; i++) {
                j_obj(b, NULL);
                j_str(b, "member", hints[i].member);
                j_int(b, "value", hints[i].value);
                j_str(b, "text", hints[i].text);
                j_str(b, "sentence", hints[i].sentence);
                j_obj_end(b);
        }
        j_arr_end(b);
}

HANDLER(api_hints)
{
        struct visible who = principal_visible(rq->who);
        const char *project = request_query(rq, "project"), *name = request_query(rq, "name");
        const struct membership *m = project ? principal_membership(rq->who, project) : NULL;
        struct hint_past past = {.jobs = 0};
        AUTO_ROWS struct rows *names = NULL;
        AUTO_ROWS struct rows *r = NULL;
        struct buf *b = &rq->out;

        if (project)
                who = (struct visible){.projects = m ? &m->project : NULL, .count = m ? 1 : 0};
        if (store_hint_names(db, &who, rq->who->user, &names, err) < 0 ||
            (name && store_hint_past(db, &who, rq->who->user, name, &r, err) < 0))
                return -1;
        j_obj(b, NULL);
        j_arr(b, "names");
        while (rows_next(names)) {
                j_obj(b, NULL);
                j_col_str(b, names, "name");
                j_col_int(b, names, "jobs");
                j_obj_end(b);
        }
        j_arr_end(b);
        if (name && rows_next(r))
                write_past(b, r, &past);
        else
                j_null(b, "past");
        write_hints(b, &past);
        j_obj_end(b);
        return 0;
}
