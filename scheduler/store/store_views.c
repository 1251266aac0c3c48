/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_views.h"

int store_views_list(struct db *db, int32_t user, const struct visible *who, int limit, struct rows **ret,
                     struct err *err)
{
        struct stmt *st =
            db_stmt(db, "views_list",
                    "select v.name, v.page, v.query, p.name as project, u.name as by from views v"
                    " join users u on u.id = v.user_id left join projects p on p.id = v.project_id"
                    " where v.user_id = $3 or (v.project_id is not null and ($1 or v.project_id = any($2)))"
                    " order by v.user_id <> $3, u.name, v.name limit $4");

        bind_bool(st, who->all);
        bind_ints(st, who->projects, who->all ? 0 : who->count);
        bind_int(st, user);
        bind_int(st, limit);
        return db_query(st, ret, err);
}

int store_views_replace(struct db *db, int32_t user, const struct view *views, size_t n, struct err *err)
{
        struct stmt *st = db_stmt(db, "views_clear", "delete from views where user_id = $1");

        bind_int(st, user);
        if (db_exec(st, err) < 0)
                return -1;
        st = db_stmt(db, "views_add",
                     "insert into views (user_id, name, page, query, project_id)"
                     " select $1, name, page, query, nullif(project, 0)"
                     " from unnest($2::text[], $3::text[], $4::text[], $5::bigint[])"
                     " as w (name, page, query, project)");
        bind_int(st, user);
        bind_column_text(st, &views->name, sizeof *views, n);
        bind_column_text(st, &views->page, sizeof *views, n);
        bind_column_text(st, &views->query, sizeof *views, n);
        bind_column_i64(st, &views->project, sizeof *views, n);
        return db_exec(st, err) < 0 ? -1 : 0;
}
