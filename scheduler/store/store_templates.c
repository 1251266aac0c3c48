/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_templates.h"

#define SHOWN                                                                                                \
        "t.id, t.name, t.description, p.name as project, coalesce(t.project_id, 0) as project_id,"           \
        " u.name as by, t.user_id, t.version, t.made_at, t.changed_at, t.parameters"
#define OF_TEMPLATES                                                                                         \
        " from templates t join users u on u.id = t.user_id left join projects p on p.id = t.project_id"
#define MAY_SEE "(case when t.project_id is null then t.user_id = $3 else $1 or t.project_id = any($2) end)"

static void bind_reader(struct stmt *st, const struct template_reader *r)
{
        bind_bool(st, r->who.all);
        bind_ints(st, r->who.projects, r->who.all ? 0 : r->who.count);
        bind_int(st, r->user);
}

int store_templates_list(struct db *db, const struct template_reader *r, const char *name, int64_t project,
                         int limit, struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(db, "templates_list",
                                  "select " SHOWN OF_TEMPLATES " where " MAY_SEE
                                  " and ($4::text is null or t.name = $4) and ($5 = 0 or t.project_id = $5)"
                                  " order by t.user_id <> $3, t.name, t.id limit $6");

        bind_reader(st, r);
        bind_text(st, name);
        bind_int(st, project);
        bind_int(st, limit);
        return db_query(st, ret, err);
}

int store_template_show(struct db *db, const struct template_reader *r, int64_t id, struct rows **ret,
                        struct err *err)
{
        struct stmt *st = db_stmt(db, "template_show",
                                  "select " SHOWN ", t.job" OF_TEMPLATES " where " MAY_SEE " and t.id = $4");

        bind_reader(st, r);
        bind_int(st, id);
        return db_query(st, ret, err);
}

int store_template_add(struct db *db, int32_t user, const struct template_row *t, int64_t most,
                       int64_t *ret_id, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "template_add",
                    "insert into templates (user_id, project_id, name, description, parameters, job)"
                    " select $1, nullif($2, 0)::integer, $3, $4, $5::json, $6::json"
                    " where (select count(*) from (select from templates where case when $2 = 0 then"
                    "  project_id is null and user_id = $1 else project_id = $2 end limit $7) w) < $7"
                    " returning id");
        AUTO_ROWS struct rows *r = NULL;

        bind_int(st, user);
        bind_int(st, t->project);
        bind_text(st, t->name);
        bind_text(st, t->description);
        bind_text(st, t->parameters);
        bind_text(st, t->job);
        bind_int(st, most);
        if (db_query(st, &r, err) < 0)
                return -1;
        if (!rows_next(r))
                return 0;
        *ret_id = row_int(r, "id");
        return 1;
}

int store_template_change(struct db *db, int64_t id, int64_t version, const struct template_row *t,
                          struct err *err)
{
        struct stmt *st =
            db_stmt(db, "template_change",
                    "update templates set project_id = nullif($3, 0)::integer, name = $4, description = $5,"
                    " parameters = $6::json, job = $7::json, version = version + 1, changed_at = now()"
                    " where id = $1 and ($2 = 0 or version = $2)");

        bind_int(st, id);
        bind_int(st, version);
        bind_int(st, t->project);
        bind_text(st, t->name);
        bind_text(st, t->description);
        bind_text(st, t->parameters);
        bind_text(st, t->job);
        return (int)db_exec(st, err);
}

int store_template_remove(struct db *db, int64_t id, struct err *err)
{
        struct stmt *st = db_stmt(db, "template_remove", "delete from templates where id = $1");

        bind_int(st, id);
        return db_exec(st, err) < 0 ? -1 : 0;
}
