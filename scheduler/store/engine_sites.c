/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine finds out about sites, hosts, accounts and workers. */
#include "store/engine_priv.h"

#include <string.h>

static int one_row(int64_t n, const char *what, int64_t id, struct err *err)
{
        if (n < 0)
                return -1;
        if (n == 0)
                return err_set(err, ERR_NOT_FOUND, "no %s %lld", what, (long long)id);
        return 0;
}

int store_worker_report(struct db *db, int64_t epoch, const struct worker_report *w, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "worker_report",
            "update workers set link_at = case when link = $2 then link_at else now() end, link = $2, "
            "link_text = $3,"
            " spool_id = coalesce($4, spool_id), boot_id = coalesce($5, boot_id), hostname = coalesce($6, "
            "hostname),"
            " machine = coalesce($7, machine), root = coalesce($8, root), features = coalesce($9, features),"
            " cpus = coalesce(nullif($10, 0), cpus), running = case when $17 is null then running else $11 "
            "end,"
            " memory = coalesce(nullif($12, 0), memory), disk_free = case when $14 = 0 then disk_free else "
            "$13 end,"
            " disk_total = coalesce(nullif($14, 0), disk_total),"
            " memory_available = coalesce(nullif($15, 0), memory_available),"
            " clock_skew_ms = case when $17 is null then clock_skew_ms else $16 end,"
            " seen_at = coalesce($17, seen_at), load = case when $17 is null then load else $18 end where id "
            "= $1");

        bind_int(st, w->worker);
        bind_text(st, link_state_name(w->link));
        bind_text(st, w->link_text);
        bind_bytes(st, w->spool_id, 16);
        bind_bytes(st, w->boot_id, 16);
        bind_text(st, w->hostname);
        bind_text(st, w->machine);
        bind_text(st, w->root);
        bind_text(st, w->features);
        bind_int(st, w->cpus);
        bind_int(st, w->running);
        bind_int(st, w->memory);
        bind_int(st, w->disk_free);
        bind_int(st, w->disk_total);
        bind_int(st, w->memory_available);
        bind_int(st, w->clock_skew_ms);
        bind_time(st, w->seen_at > 0 ? w->seen_at : TIME_NONE);
        bind_f64(st, w->load);
        return one_row(fenced_exec(st, db, epoch, err), "worker", w->worker, err);
}

int store_site_health(struct db *db, int64_t epoch, int32_t site, enum site_health health, const char *text,
                      struct err *err)
{
        struct stmt *st =
            db_stmt(db, "site_health",
                    "with was as (select health from sites where id = $1),"
                    " told as (insert into events (kind, site_id, text) select 'site.' || $2::text, $1, "
                    "coalesce($3::text,"
                    " $4::text) from was where health <> $2::text)"
                    " update sites set health_at = case when health = $2::text then health_at else now() end,"
                    " health = $2::text, health_text = $3::text where id = $1");

        bind_int(st, site);
        bind_text(st, site_health_name(health));
        bind_text(st, text);
        bind_text(st, site_health_sentence(health));
        return one_row(fenced_exec(st, db, epoch, err), "site", site, err);
}

int store_site_alarm(struct db *db, int64_t epoch, int32_t site, const char *why, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "site_alarm",
            "with told as (insert into events (kind, site_id, text) select 'site.alarm', id, $2::text from "
            "sites"
            " where id = $1 and alarm is distinct from $2::text)"
            " update sites set alarm = $2::text, intent = 'closed', intent_by = 'reeve', intent_at = now(),"
            " intent_why = $2::text where id = $1");

        bind_int(st, site);
        bind_text(st, why);
        return one_row(fenced_exec(st, db, epoch, err), "site", site, err);
}

int store_account_key(struct db *db, int64_t epoch, int32_t account, const char *public_key,
                      const void *sealed, size_t sealed_len, struct err *err)
{
        struct stmt *st = db_stmt(db, "account_key",
                                  "update accounts set public_key = $2, sealed_key = $3 where id = $1"
                                  " and sealed_key is null");
        int64_t n;

        bind_int(st, account);
        bind_text(st, public_key);
        bind_bytes(st, sealed, sealed_len);
        n = fenced_exec(st, db, epoch, err);
        if (n == 0)
                return err_set(err, ERR_CONFLICT, "account %d has a key already, or does not exist", account);
        return n < 0 ? -1 : 0;
}

int store_account_backend(struct db *db, int64_t epoch, int32_t account, bool openssh, struct err *err)
{
        struct stmt *st = db_stmt(db, "account_backend", "update accounts set backend = $2 where id = $1");

        bind_int(st, account);
        bind_text(st, openssh ? "openssh" : "libssh2");
        return one_row(fenced_exec(st, db, epoch, err), "account", account, err);
}

int store_hostkey_seen(struct db *db, int64_t epoch, int32_t host, int hop, const char *type, const void *key,
                       size_t key_len, const char *fingerprint, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "hostkey_seen",
                    "insert into host_keys (host_id, hop, type, key, fingerprint) values ($1, $2, $3, $4, $5)"
                    " on conflict (host_id, hop, key) do update set seen_at = now()");

        bind_int(st, host);
        bind_int(st, hop);
        bind_text(st, type);
        bind_bytes(st, key, key_len);
        bind_text(st, fingerprint);
        return fenced_exec(st, db, epoch, err) < 0 ? -1 : 0;
}
