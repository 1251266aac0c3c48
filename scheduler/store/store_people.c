/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_people.h"

#include "common/util.h"
#include "store/store_auth.h"

#define SETUP_LINK_MS (24 * 3600 * 1000)

/* ---- users -----------------------------------------------------------------------------------------------
 */

int store_users_list(struct db *db, const char *name, int64_t after_id, int limit, struct rows **ret,
                     struct err *err)
{
        struct stmt *st = db_stmt(
            db, "users_list",
            "select u.id, u.name, u.role, u.created_at, u.disabled_at, u.password is not null as "
            "has_password,"
            " coalesce((select json_agg(p.name order by p.name) from project_members m"
            "  join projects p on p.id = m.project_id where m.user_id = u.id), '[]') as projects,"
            " coalesce((select json_agg(json_build_object('project', p.name, 'role', m.role, 'max_live',"
            "  m.max_live) order by p.name) from project_members m"
            "  join projects p on p.id = m.project_id where m.user_id = u.id), '[]') as memberships,"
            " coalesce((select json_agg(s.name order by s.name) from site_admins a"
            "  join sites s on s.id = a.site_id where a.user_id = u.id and s.removed_at is null), '[]') as "
            "sites,"
            " (select max(at) from (select max(seen_at) as at from sessions where user_id = u.id union all"
            "  select max(last_used_at) from tokens where user_id = u.id) seen) as seen_at"
            " from users u where u.id > $1 and ($3::text is null or u.name = $3) order by u.id limit $2");

        bind_int(st, after_id);
        bind_int(st, limit);
        bind_text(st, name);
        return db_query(st, ret, err);
}

int store_user_add(struct db *db, const char *name, const char *role, int32_t *ret_id, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "user_add", "insert into users (name, role) values ($1, $2) returning id");
        AUTO_ROWS struct rows *r = NULL;

        bind_text(st, name);
        bind_text(st, role);
        if (db_query(st, &r, err) < 0)
                return -1;
        rows_next(r);
        *ret_id = (int32_t)row_int(r, "id");
        return 0;
}

int store_user_find(struct db *db, const char *name, int32_t *ret_id, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "user_find", "select id from users where name = $1 and disabled_at is null");
        AUTO_ROWS struct rows *r = NULL;

        bind_text(st, name);
        if (db_query(st, &r, err) < 0)
                return -1;
        if (!rows_next(r))
                return 0;
        *ret_id = (int32_t)row_int(r, "id");
        return 1;
}

int store_user_change(struct db *db, int32_t user, const char *role, int disabled, struct err *err)
{
        struct stmt *lock, *st;

        /* The last admin is counted while nobody else changes. */
        lock = db_stmt(db, "users_lock", "select pg_advisory_xact_lock(hashtext('reeve users'))");
        {
                AUTO_ROWS struct rows *r = NULL;

                if (db_query(lock, &r, err) < 0)
                        return -1;
        }
        st = db_stmt(
            db, "user_change",
            "update users set role = coalesce($2, role),"
            " role_by_groups = role_by_groups and $2::text is null, disabled_at ="
            " case $3 when 1 then coalesce(disabled_at, now()) when 0 then null else disabled_at end"
            " where id = $1 and ((coalesce($2, role) = 'admin' and $3 <> 1) or exists"
            " (select from users o where o.id <> $1 and o.role = 'admin' and o.disabled_at is null))");
        bind_int(st, user);
        bind_text(st, role);
        bind_int(st, disabled);
        return (int)db_exec(st, err);
}

int store_user_password(struct db *db, int32_t user, const char *password, struct err *err)
{
        struct stmt *st = db_stmt(db, "user_password",
                                  "update users set password = $2, password_at = now() where id = $1"
                                  " and disabled_at is null");

        bind_int(st, user);
        bind_text(st, password);
        return (int)db_exec(st, err);
}

/* ---- projects --------------------------------------------------------------------------------------------
 */

int store_projects_list(struct db *db, const char *name, const int64_t *ids, size_t n, bool all,
                        struct rows **ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "projects_list",
                    "select p.id, p.name, p.share, p.max_cpus, p.max_tasks, p.max_live, p.usage, p.usage_at, "
                    "p.created_at,"
                    " coalesce(u.cpus, 0) as cpus, coalesce(u.tasks, 0) as tasks from projects p"
                    " left join (select j.project_id, sum(a.n) as tasks,"
                    "   sum(a.n * (j.spec->'resources'->>'cpus')::bigint) as cpus"
                    "  from (select job_id, count(*) as n from attempts_live group by job_id) a"
                    "  join jobs j on j.id = a.job_id group by j.project_id) u on u.project_id = p.id"
                    " where ($2 or p.id = any($1)) and ($3::text is null or p.name = $3) order by p.name");

        bind_ints(st, ids, n);
        bind_bool(st, all);
        bind_text(st, name);
        return db_query(st, ret, err);
}

int store_project_find(struct db *db, const char *name, int32_t *ret_id, struct err *err)
{
        struct stmt *st = db_stmt(db, "project_find", "select id from projects where name = $1");
        AUTO_ROWS struct rows *r = NULL;

        bind_text(st, name);
        if (db_query(st, &r, err) < 0)
                return -1;
        if (!rows_next(r))
                return 0;
        *ret_id = (int32_t)row_int(r, "id");
        return 1;
}

static void bind_limit(struct stmt *st, int64_t v)
{
        if (v)
                bind_int(st, v);
        else
                bind_null(st);
}

int store_project_add(struct db *db, const char *name, const struct project_change *c, struct err *err)
{
        struct stmt *st = db_stmt(db, "project_add",
                                  "insert into projects (name, share, max_cpus, max_tasks, max_live)"
                                  " values ($1, $2, $3::bigint, $4::bigint, $5::bigint)");

        bind_text(st, name);
        bind_f64(st, c->share_set ? c->share : 1);
        bind_limit(st, c->max_cpus);
        bind_limit(st, c->max_tasks);
        bind_limit(st, c->max_live);
        return db_exec(st, err) < 0 ? -1 : 0;
}

int store_project_change(struct db *db, const char *name, const struct project_change *c, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "project_change",
                    "update projects set share = case when $2 then $3 else share end,"
                    " max_cpus = case when $4 then $5::bigint else max_cpus end,"
                    " max_tasks = case when $6 then $7::bigint else max_tasks end,"
                    " max_live = case when $8 then $9::bigint else max_live end where name = $1");

        bind_text(st, name);
        bind_bool(st, c->share_set);
        bind_f64(st, c->share);
        bind_bool(st, c->max_cpus_set);
        bind_limit(st, c->max_cpus);
        bind_bool(st, c->max_tasks_set);
        bind_limit(st, c->max_tasks);
        bind_bool(st, c->max_live_set);
        bind_limit(st, c->max_live);
        return (int)db_exec(st, err);
}

/* ---- members ---------------------------------------------------------------------------------------------
 */

int store_members_list(struct db *db, int32_t project, int32_t user, struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(db, "members_list",
                                  "select u.id, u.name as user, m.role, m.max_live, m.added_by, m.added_at"
                                  " from project_members m join users u on u.id = m.user_id"
                                  " where m.project_id = $1 and ($2 = 0 or m.user_id = $2) order by u.name");

        bind_int(st, project);
        bind_int(st, user);
        return db_query(st, ret, err);
}

int store_member_put(struct db *db, const struct member_put *m, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "member_put",
                    "insert into project_members (project_id, user_id, role, max_live, added_by)"
                    " values ($1, $2, coalesce($3, 'submitter'), $5::bigint, $6) on conflict (project_id, "
                    "user_id) do update"
                    " set role = coalesce($3, project_members.role), by_groups = false,"
                    " max_live = case when $4 then $5::bigint else project_members.max_live end");

        bind_int(st, m->project);
        bind_int(st, m->user);
        bind_text(st, m->role);
        bind_bool(st, m->max_live_set);
        bind_limit(st, m->max_live);
        bind_text(st, m->by);
        return db_exec(st, err) < 0 ? -1 : 0;
}

int store_member_remove(struct db *db, int32_t project, int32_t user, struct err *err)
{
        struct stmt *st = db_stmt(db, "member_remove",
                                  "delete from project_members where project_id = $1 and user_id = $2");

        bind_int(st, project);
        bind_int(st, user);
        return (int)db_exec(st, err);
}

int store_live_by_member(struct db *db, struct rows **ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "live_by_member",
                    "select j.project_id, j.user_id, sum(coalesce(j.task_count, j.last_task::bigint - "
                    "j.first_task + 1)"
                    " - q.succeeded - q.failed"
                    " - q.cancelled) as live from job_queue q join jobs j on j.id = q.job_id group by 1, 2");

        return db_query(st, ret, err);
}

/* ---- who governs a site ----------------------------------------------------------------------------------
 */

int store_site_admins_list(struct db *db, int32_t site, struct rows **ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "site_admins_list",
                    "select u.name as user, a.added_by as by, a.added_at as at from site_admins a"
                    " join users u on u.id = a.user_id where a.site_id = $1 order by u.name");

        bind_int(st, site);
        return db_query(st, ret, err);
}

int store_site_admin_add(struct db *db, int32_t site, int32_t user, const char *by, struct err *err)
{
        struct stmt *st = db_stmt(db, "site_admin_add",
                                  "insert into site_admins (site_id, user_id, added_by) values ($1, $2, $3)"
                                  " on conflict do nothing");

        bind_int(st, site);
        bind_int(st, user);
        bind_text(st, by);
        return db_exec(st, err) < 0 ? -1 : 0;
}

int store_site_admin_remove(struct db *db, int32_t site, int32_t user, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "site_admin_remove", "delete from site_admins where site_id = $1 and user_id = $2");

        bind_int(st, site);
        bind_int(st, user);
        return (int)db_exec(st, err);
}

int store_worker_site(struct db *db, int64_t worker, struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(db, "worker_site",
                                  "select s.id, s.name from workers w join sites s on s.id = w.site_id"
                                  " where w.id = $1 and w.removed_at is null");

        bind_int(st, worker);
        return db_query(st, ret, err);
}

/* ---- one-time links --------------------------------------------------------------------------------------
 */

int store_invitation_add(struct db *db, const struct invitation_new *i, int64_t *ret_id, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "invitation_add",
                    "insert into invitations (hash, kind, user_id, role, project_id, project_role,"
                    " note, made_by, expires_at) values ($1, $2, nullif($3::integer, 0), $4,"
                    " nullif($5::integer, 0), $6, $7, $8, $9) returning id");
        AUTO_ROWS struct rows *r = NULL;

        bind_bytes(st, i->hash, SECRET_HASH_LEN);
        bind_text(st, i->kind);
        bind_int(st, i->user);
        bind_text(st, i->role);
        bind_int(st, i->project);
        bind_text(st, i->project_role);
        bind_text(st, i->note);
        bind_text(st, i->by);
        bind_time(st, i->expires_at);
        if (db_query(st, &r, err) < 0)
                return -1;
        rows_next(r);
        if (ret_id)
                *ret_id = row_int(r, "id");
        return 0;
}

int store_invitations_list(struct db *db, int32_t project, struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "invitations_list",
            "select i.id, i.role, p.name as project, i.project_role, i.note, i.made_by, i.made_at, "
            "i.expires_at,"
            " i.used_at, u.name as used_by from invitations i left join projects p on p.id = i.project_id"
            " left join users u on u.id = i.used_by where i.kind = 'invite' and ($1 = 0 or i.project_id = $1)"
            " order by i.id desc limit 1000");

        bind_int(st, project);
        return db_query(st, ret, err);
}

int store_invitation_find(struct db *db, const uint8_t *hash, struct rows **ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "invitation_find",
                    "select i.id, i.kind, i.user_id, u.name as name, i.role, i.project_id, p.name as project,"
                    " i.project_role, i.made_by, i.expires_at from invitations i"
                    " left join projects p on p.id = i.project_id left join users u on u.id = i.user_id"
                    " where i.hash = $1 and i.used_at is null and i.expires_at > now()"
                    " and (u.id is null or u.disabled_at is null)");

        bind_bytes(st, hash, SECRET_HASH_LEN);
        return db_query(st, ret, err);
}

int store_invitation_spend(struct db *db, int64_t id, int32_t user, int32_t project, struct err *err)
{
        struct stmt *st = db_stmt(db, "invitation_spend",
                                  "update invitations set used_at = now(), used_by = nullif($2::integer, 0)"
                                  " where id = $1 and used_at is null and ($3 = 0 or project_id = $3)");

        bind_int(st, id);
        bind_int(st, user);
        bind_int(st, project);
        return (int)db_exec(st, err);
}

int store_setup_waits(struct db *db, bool *ret, struct err *err)
{
        struct stmt *st = db_stmt(db, "setup_waits",
                                  "select from invitations where kind = 'setup' and used_at is null"
                                  " and expires_at > now() limit 1");
        AUTO_ROWS struct rows *r = NULL;

        if (db_query(st, &r, err) < 0)
                return -1;
        *ret = rows_next(r);
        return 0;
}

static int setup_link_tx(struct db *db, void *arg, struct err *err)
{
        struct secret *code = arg;
        struct invitation_new i = {.hash = code->hash, .kind = "setup", .role = "admin", .by = "reeved"};
        AUTO_ROWS struct rows *r = NULL;
        struct stmt *st = db_stmt(db, "setup_needed",
                                  "select from users where role = 'admin' and disabled_at is null"
                                  " and (password is not null or exists (select from user_identities i"
                                  "  where i.user_id = users.id)) limit 1");

        code->text[0] = '\0';
        if (db_query(st, &r, err) < 0)
                return -1;
        if (rows_next(r))
                return 0;
        if (db_run(db, "update invitations set used_at = now() where kind = 'setup' and used_at is null",
                   err) < 0)
                return -1;
        secret_make("", code);
        i.expires_at = clock_wall_ms() + SETUP_LINK_MS;
        return store_invitation_add(db, &i, NULL, err);
}

int store_setup_link(struct db *db, struct secret *ret_code, struct err *err)
{
        if (db_tx(db, setup_link_tx, ret_code, err) < 0)
                return -1;
        return ret_code->text[0] != '\0';
}
