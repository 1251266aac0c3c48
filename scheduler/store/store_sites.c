/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_sites.h"

#include "common/util.h"

/* ---- reading ---------------------------------------------------------------------------------------------
 */

int store_sites_list(struct db *db, const char *name, struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "sites_list",
            "select s.id, s.name, s.intent, s.intent_by, s.intent_at, s.intent_why, s.health,"
            " s.health_at as health_since, s.health_text, s.alarm, s.max_tasks, s.max_dials, s.speed, "
            "s.all_projects, "
            "s.created_at, to_json(s.labels) as labels, s.place, (select json_build_object('accept', "
            "s.data_accept,"
            " 'quota', s.data_quota, 'egress', s.data_egress, 'ingress', s.data_ingress, 'limit', "
            "max(g.quota), 'used', max(g.used), 'evictable',"
            " max(g.evictable)) from site_storage g where g.site_id = s.id) as data,"
            " json_build_object('host', s.direct_host, 'port', s.direct_port, 'keys', s.direct_keys) as "
            "direct,"
            " coalesce((select json_agg(json_build_object('name', p.name, 'max_cpus', sp.max_cpus) order by "
            "p.name)"
            "  from site_projects sp join projects p on p.id = sp.project_id where sp.site_id = s.id), '[]') "
            "as projects,"
            " coalesce((select json_agg(json_build_object('address', h.address, 'port', h.port, 'jumps', "
            "to_json(h.jumps),"
            "   'keys', coalesce((select json_agg(json_build_object('hop', k.hop, 'type', k.type,"
            "      'fingerprint', k.fingerprint, 'pinned', k.pinned_at is not null) order by k.hop, k.type, "
            "k.fingerprint)"
            "     from host_keys k where k.host_id = h.id), '[]')) order by h.id)"
            "  from hosts h where h.site_id = s.id and h.removed_at is null), '[]') as hosts,"
            " coalesce((select json_agg(json_build_object('user', a.unix_user, 'project', p.name, 'root', "
            "a.root,"
            "   'backend', a.backend, 'public_key', a.public_key) order by a.id)"
            "  from accounts a left join projects p on p.id = a.project_id"
            "  where a.site_id = s.id and a.removed_at is null), '[]') as accounts"
            " from sites s where s.removed_at is null and ($1::text is null or s.name = $1) order by s.name "
            "collate \"C\"");

        bind_text(st, name);
        return db_query(st, ret, err);
}

int store_site_find(struct db *db, const char *name, int32_t *ret_id, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "site_find", "select id from sites where name = $1 and removed_at is null");
        AUTO_ROWS struct rows *r = NULL;

        bind_text(st, name);
        if (db_query(st, &r, err) < 0)
                return -1;
        if (!rows_next(r))
                return 0;
        *ret_id = (int32_t)row_int(r, "id");
        return 1;
}

int store_world_sites(struct db *db, struct rows **ret, struct err *err)
{
        return db_query(
            db_stmt(db, "world_sites",
                    "select s.id, s.name, s.intent, s.all_projects,"
                    " coalesce((select json_agg(json_build_array(p.project_id, coalesce(p.max_cpus, 0)))"
                    "   from site_projects p where p.site_id = s.id), '[]')"
                    "  as projects from sites s where s.removed_at is null order by s.id"),
            ret, err);
}

int store_world_projects(struct db *db, struct rows **ret, struct err *err)
{
        return db_query(
            db_stmt(db, "world_projects",
                    "select id, name, coalesce(max_cpus, 0) as max_cpus from projects order by id"),
            ret, err);
}

int store_world_workers(struct db *db, struct rows **ret, struct err *err)
{
        return db_query(
            db_stmt(db, "world_workers",
                    "select w.site_id, a.project_id, coalesce(w.offer_cpus, w.cpus, 0) as cpus,"
                    " coalesce(w.offer_memory, w.memory, 0) as memory, coalesce(w.offer_gpus, 0) as gpus,"
                    " w.offer_custom as custom from workers w join accounts a on a.id = w.account_id"
                    " where w.removed_at is null order by w.site_id, w.id"),
            ret, err);
}

/* ---- changing --------------------------------------------------------------------------------------------
 */

int store_site_add(struct db *db, const char *name, const char *by, int32_t *ret_id, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "site_add",
                    "insert into sites (name, intent_by, intent_why) values ($1, $2, 'just registered')"
                    " returning id");
        AUTO_ROWS struct rows *r = NULL;

        bind_text(st, name);
        bind_text(st, by);
        if (db_query(st, &r, err) < 0)
                return -1;
        rows_next(r);
        *ret_id = (int32_t)row_int(r, "id");
        return 0;
}

static void bind_some(struct stmt *st, bool set, int64_t v)
{
        bind_bool(st, set);
        bind_int(st, v);
}

int store_site_change(struct db *db, int32_t site, const struct site_change *c, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "site_change",
                    "update sites set max_tasks = case when $2 then nullif($3, 0) else max_tasks end,"
                    " speed = case when $4 then $5 else speed end,"
                    " all_projects = case when $6 then $7 else all_projects end,"
                    " max_dials = case when $8 then nullif($9::integer, 0) else max_dials end where id = $1");

        if (!c->max_tasks_set && !c->max_dials_set && !c->speed_set && !c->all_projects_set)
                return 1;
        bind_int(st, site);
        bind_some(st, c->max_tasks_set, c->max_tasks);
        bind_bool(st, c->speed_set);
        bind_f64(st, c->speed);
        bind_bool(st, c->all_projects_set);
        bind_bool(st, c->all_projects);
        bind_some(st, c->max_dials_set, c->max_dials);
        return (int)db_exec(st, err);
}

int store_site_offer(struct db *db, int32_t site, const struct site_offer *o, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "site_offer",
                    "update workers set offer_cpus = case when $2 then nullif($3, 0) else offer_cpus end,"
                    " offer_memory = case when $4 then nullif($5, 0) else offer_memory end,"
                    " offer_gpus = case when $6 then nullif($7, 0) else offer_gpus end,"
                    " offer_slots = case when $8 then nullif($9, 0) else offer_slots end,"
                    " offer_custom = coalesce($10::jsonb, offer_custom)"
                    " where site_id = $1 and removed_at is null");

        bind_int(st, site);
        bind_some(st, o->cpus_set, o->cpus);
        bind_some(st, o->memory_set, o->memory);
        bind_some(st, o->gpus_set, o->gpus);
        bind_some(st, o->slots_set, o->slots);
        bind_text(st, o->custom);
        return (int)db_exec(st, err);
}

int store_site_projects(struct db *db, int32_t site, const char *const *names, const int64_t *max_cpus,
                        size_t n, struct err *err)
{
        struct stmt *out = db_stmt(db, "site_projects_clear", "delete from site_projects where site_id = $1");
        struct stmt *in = db_stmt(
            db, "site_projects_put",
            "insert into site_projects (site_id, project_id, max_cpus)"
            " select $1, p.id, nullif(x.max_cpus, 0)"
            " from unnest($2::text[], $3::bigint[]) x(name, max_cpus) join projects p on p.name = x.name");
        int64_t added;

        bind_int(out, site);
        if (db_exec(out, err) < 0)
                return -1;
        bind_int(in, site);
        bind_texts(in, names, n);
        bind_ints(in, max_cpus, n);
        added = db_exec(in, err);
        return added < 0 ? -1 : added == (int64_t)n;
}

/* One worker for each host and account; those there are keep what they offer, new ones offer what the site's
 * first one does. */
static int workers_fill(struct db *db, int32_t site, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "workers_fill",
                    "insert into workers (site_id, host_id, account_id, offer_cpus, offer_memory, offer_gpus,"
                    "  offer_slots, offer_custom)"
                    " select $1, h.id, a.id, o.offer_cpus, o.offer_memory, o.offer_gpus, o.offer_slots,"
                    "  coalesce(o.offer_custom, '{}')"
                    " from hosts h join accounts a on a.site_id = h.site_id"
                    " left join (select * from workers where site_id = $1 and removed_at is null order by id"
                    "  limit 1) o on true"
                    " where h.site_id = $1 and h.removed_at is null and a.removed_at is null"
                    " on conflict (host_id, account_id) do nothing");

        bind_int(st, site);
        return db_exec(st, err) < 0 ? -1 : 0;
}

int store_host_add(struct db *db, int32_t site, const char *address, int64_t port, const char *const *jumps,
                   size_t jump_count, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "host_add",
                    "insert into hosts (site_id, address, port, jumps) select $1, $2, $3, $4"
                    " where not exists (select from hosts where site_id = $1 and address = $2 and port = $3"
                    "  and removed_at is null)");
        int64_t n;

        bind_int(st, site);
        bind_text(st, address);
        bind_int(st, port);
        bind_texts(st, jumps, jump_count);
        n = db_exec(st, err);
        if (n < 0)
                return -1;
        if (!n)
                return err_set(err, ERR_CONFLICT, "the site has the host %s, port %d already", address,
                               (int)port);
        return workers_fill(db, site, err);
}

int store_account_add(struct db *db, int32_t site, const struct account_new *a, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "account_add",
            "insert into accounts (site_id, unix_user, project_id, root, backend, public_key, sealed_key)"
            " select $1, $2, nullif($3, 0), $4, $5, $6, $7"
            " where not exists (select from accounts where site_id = $1 and unix_user = $2"
            "  and project_id is not distinct from nullif($3, 0) and removed_at is null)");
        int64_t n;

        bind_int(st, site);
        bind_text(st, a->user);
        bind_int(st, a->project);
        bind_text(st, a->root);
        bind_text(st, a->backend);
        bind_text(st, a->public_key);
        bind_bytes(st, a->sealed_key, a->sealed_key_len);
        n = db_exec(st, err);
        if (n < 0)
                return -1;
        if (!n)
                return err_set(err, ERR_CONFLICT, "the site has the account \"%s\" already", a->user);
        return workers_fill(db, site, err);
}

int store_site_intent(struct db *db, int32_t site, const char *intent, const char *by, const char *why,
                      struct err *err)
{
        struct stmt *st =
            db_stmt(db, "site_intent",
                    "update sites set intent = $2, intent_by = $3, intent_at = now(), intent_why = $4"
                    " where id = $1 and removed_at is null and ($2 <> 'open' or alarm is null)");

        bind_int(st, site);
        bind_text(st, intent);
        bind_text(st, by);
        bind_text(st, why);
        return (int)db_exec(st, err);
}

int store_site_remove(struct db *db, int32_t site, struct err *err)
{
        struct stmt *gone =
            db_stmt(db, "site_remove",
                    "update sites s set removed_at = now(), name = name || '#' || id where id = $1"
                    " and removed_at is null and intent = 'closed'"
                    " and not exists (select from attempts_live where site_id = $1)");
        struct stmt *parts = db_stmt(
            db, "site_remove_parts",
            "with h as (update hosts set removed_at = now() where site_id = $1 and removed_at is null),"
            " a as (update accounts set removed_at = now(), sealed_key = null"
            "  where site_id = $1 and removed_at is null)"
            " update workers set removed_at = now() where site_id = $1 and removed_at is null");
        int64_t n;

        bind_int(gone, site);
        n = db_exec(gone, err);
        if (n <= 0)
                return (int)n;
        bind_int(parts, site);
        return db_exec(parts, err) < 0 ? -1 : 1;
}

int store_key_pin(struct db *db, int32_t site, const char *address, int64_t hop, const char *fingerprint,
                  const char *by, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "key_pin",
                    "with seen as (select k.host_id, k.hop, k.type, k.key from host_keys k"
                    "  join hosts h on h.id = k.host_id where h.site_id = $1 and h.address = $2"
                    "  and h.removed_at is null and k.hop = $3 and k.fingerprint = $4)"
                    " update host_keys k set pinned_by = case when k.key = s.key then $5 end,"
                    "  pinned_at = case when k.key = s.key then now() end"
                    " from seen s where k.host_id = s.host_id and k.hop = s.hop and k.type = s.type");
        struct stmt *calm =
            db_stmt(db, "key_pin_calm", "update sites set alarm = null where id = $1 and alarm is not null");
        int64_t n;

        bind_int(st, site);
        bind_text(st, address);
        bind_int(st, hop);
        bind_text(st, fingerprint);
        bind_text(st, by);
        n = db_exec(st, err);
        if (n <= 0)
                return (int)n;
        bind_int(calm, site);
        return db_exec(calm, err) < 0 ? -1 : 1;
}
