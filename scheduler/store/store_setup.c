/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_setup.h"

int store_database_facts(struct db *db, struct rows **ret, struct err *err)
{
        return db_query(
            db_stmt(db, "database_facts",
                    "select current_setting('server_version') as version,"
                    " current_setting('server_version_num')::bigint as number, current_setting('fsync') as "
                    "fsync,"
                    " current_setting('full_page_writes') as full_page_writes,"
                    " current_setting('synchronous_commit') as synchronous_commit,"
                    " current_setting('server_encoding') as encoding,"
                    " current_setting('max_connections')::bigint as connections_max,"
                    " (select sum(numbackends) from pg_stat_database)::bigint as connections,"
                    " clock_timestamp() as now, pg_database_size(current_database()) as bytes"),
            ret, err);
}

int store_key_known(struct db *db, int32_t site, const char *type, const void *key, size_t n,
                    const char *fingerprint, const char *by, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "key_known",
            "insert into host_keys (host_id, hop, type, key, fingerprint, pinned_by, pinned_at)"
            " select id, 0, $2, $3, $4, $5, now() from hosts where site_id = $1 and removed_at is null"
            " on conflict (host_id, hop, key) do update set pinned_by = $5, pinned_at = now()");

        bind_int(st, site);
        bind_text(st, type);
        bind_bytes(st, key, n);
        bind_text(st, fingerprint);
        bind_text(st, by);
        return (int)db_exec(st, err);
}

int store_trial_site(struct db *db, const char *name, struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "trial_site",
            "select s.id, s.intent, s.health, s.health_text, h.address, h.port, a.public_key,"
            " (select link_text from workers w where w.site_id = s.id and w.removed_at is null limit 1)"
            "  as link_text,"
            " (select count(*) from attempts_live l where l.site_id = s.id) as busy"
            " from sites s"
            " left join lateral (select address, port from hosts where site_id = s.id and removed_at is null"
            "  order by id limit 1) h on true"
            " left join lateral (select public_key from accounts where site_id = s.id and removed_at is null"
            "  order by id limit 1) a on true"
            " where s.name = $1 and s.removed_at is null");

        bind_text(st, name);
        return db_query(st, ret, err);
}
