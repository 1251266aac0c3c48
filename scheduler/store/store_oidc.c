/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_oidc.h"

#include "common/util.h"
#include "store/store_auth.h"

#include <string.h>

/* ---- sign-ins under way ----------------------------------------------------------------------------------
 */

int store_flow_add(struct db *db, const struct flow_new *f, struct err *err)
{
        struct stmt *st;

        if (db_exec(db_stmt(db, "flows_over", "delete from oidc_flows where expires_at < now()"), err) < 0)
                return -1;
        st = db_stmt(db, "flow_add",
                     "insert into oidc_flows (state, browser, nonce, verifier, return_to, user_id,"
                     " invitation_id, address, expires_at) select $1, $2, $3, $4, $5, nullif($6::integer, 0),"
                     " nullif($7::integer, 0), $8, now() + $9 * interval '1 millisecond'"
                     " where (select count(*) from oidc_flows) < $10"
                     " and (select count(*) from oidc_flows where address = $8) < $11");
        bind_bytes(st, f->state, SECRET_HASH_LEN);
        bind_bytes(st, f->browser, SECRET_HASH_LEN);
        bind_text(st, f->nonce);
        bind_text(st, f->verifier);
        bind_text(st, f->return_to);
        bind_int(st, f->user);
        bind_int(st, f->invitation);
        bind_text(st, f->address);
        bind_int(st, FLOW_MS);
        bind_int(st, FLOWS_MAX);
        bind_int(st, FLOWS_OF_ADDRESS);
        return (int)db_exec(st, err);
}

int store_flow_take(struct db *db, const uint8_t *state, const uint8_t *browser, struct rows **ret,
                    struct err *err)
{
        struct stmt *st =
            db_stmt(db, "flow_take",
                    "delete from oidc_flows where state = $1 and browser = $2 and expires_at > now()"
                    " returning nonce, verifier, return_to, user_id, invitation_id");

        bind_bytes(st, state, SECRET_HASH_LEN);
        bind_bytes(st, browser, SECRET_HASH_LEN);
        return db_query(st, ret, err);
}

/* ---- identities ------------------------------------------------------------------------------------------
 */

int store_identity_find(struct db *db, const char *issuer, const char *subject, struct rows **ret,
                        struct err *err)
{
        struct stmt *st = db_stmt(db, "identity_find",
                                  "select u.id as user_id, u.name, u.disabled_at from user_identities i"
                                  " join users u on u.id = i.user_id where i.issuer = $1 and i.subject = $2");

        bind_text(st, issuer);
        bind_text(st, subject);
        return db_query(st, ret, err);
}

int store_identity_add(struct db *db, const char *issuer, const char *subject, int32_t user, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "identity_add", "insert into user_identities (issuer, subject, user_id) values ($1, $2, $3)");

        bind_text(st, issuer);
        bind_text(st, subject);
        bind_int(st, user);
        return db_exec(st, err) < 0 ? -1 : 0;
}

int store_identity_used(struct db *db, const char *issuer, const char *subject, struct err *err)
{
        struct stmt *st = db_stmt(db, "identity_used",
                                  "update user_identities set used_at = now() where issuer = $1"
                                  " and subject = $2");

        bind_text(st, issuer);
        bind_text(st, subject);
        return db_exec(st, err) < 0 ? -1 : 0;
}

int store_identities_list(struct db *db, int32_t user, struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(db, "identities_list",
                                  "select id, issuer, subject, made_at, used_at from user_identities"
                                  " where user_id = $1 order by id limit 1000");

        bind_int(st, user);
        return db_query(st, ret, err);
}

/* The user's row is locked first, so that two that are taken away at once are counted one after the other. */
int store_identity_remove(struct db *db, int32_t user, int64_t id, struct err *err)
{
        struct stmt *st = db_stmt(db, "identity_owner",
                                  "select (u.password is null and not exists (select from user_identities o"
                                  " where o.user_id = u.id and o.id <> $2)) as last from users u"
                                  " where u.id = $1 and exists (select from user_identities i"
                                  " where i.user_id = u.id and i.id = $2) for update of u");
        AUTO_ROWS struct rows *r = NULL;

        bind_int(st, user);
        bind_int(st, id);
        if (db_query(st, &r, err) < 0)
                return -1;
        if (!rows_next(r))
                return 0;
        if (row_bool(r, "last"))
                return 2;
        st = db_stmt(db, "identity_remove", "delete from user_identities where user_id = $1 and id = $2");
        bind_int(st, user);
        bind_int(st, id);
        return (int)db_exec(st, err);
}

int store_user_active(struct db *db, int32_t user, struct rows **ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "user_active", "select name from users where id = $1 and disabled_at is null");

        bind_int(st, user);
        return db_query(st, ret, err);
}

int store_invitation_waits(struct db *db, int64_t id, struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(db, "invitation_waits",
                                  "select id, kind, role, project_id, project_role, made_by from invitations"
                                  " where id = $1 and kind = 'invite' and used_at is null"
                                  " and expires_at > now() for update");

        bind_int(st, id);
        return db_query(st, ret, err);
}

/* ---- groups ----------------------------------------------------------------------------------------------
 */

int store_user_by_groups(struct db *db, int32_t user, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "user_by_groups", "update users set role_by_groups = true where id = $1");

        bind_int(st, user);
        return db_exec(st, err) < 0 ? -1 : 0;
}

static int role_give(struct db *db, int32_t user, const char *role, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;
        struct stmt *st;

        if (!role)
                return 0;
        /* As in store_user_change: the last admin is counted while nobody else changes. */
        if (db_query(db_stmt(db, "users_lock", "select pg_advisory_xact_lock(hashtext('reeve users'))"), &r,
                     err) < 0)
                return -1;
        st = db_stmt(db, "role_give",
                     "update users set role = $2 where id = $1 and role_by_groups and role <> $2"
                     " and (role <> 'admin' or exists (select from users o where o.id <> $1"
                     " and o.role = 'admin' and o.disabled_at is null))");
        bind_int(st, user);
        bind_text(st, role);
        return (int)db_exec(st, err);
}

int store_groups_give(struct db *db, int32_t user, const struct groups_give *g, struct err *err)
{
        int role = role_give(db, user, g->role, err);
        int64_t gone, given;
        struct stmt *st;

        if (role < 0)
                return -1;
        st = db_stmt(db, "groups_take",
                     "delete from project_members m using projects p where m.user_id = $1 and m.by_groups"
                     " and p.id = m.project_id and p.name <> all ($2::text[])");
        bind_int(st, user);
        bind_texts(st, g->projects, g->count);
        gone = db_exec(st, err);
        if (gone < 0)
                return -1;
        st = db_stmt(db, "groups_give",
                     "insert into project_members (project_id, user_id, role, added_by, by_groups)"
                     " select p.id, $1, g.role, 'single sign-on', true"
                     " from unnest($2::text[], $3::text[]) g (project, role) join projects p on p.name ="
                     " g.project on conflict (project_id, user_id) do update set role = excluded.role"
                     " where project_members.by_groups and project_members.role <> excluded.role");
        bind_int(st, user);
        bind_texts(st, g->projects, g->count);
        bind_texts(st, g->roles, g->count);
        given = db_exec(st, err);
        return given < 0 ? -1 : role + (int)gone + (int)given;
}
