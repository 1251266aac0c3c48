/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_audit.h"

int store_audit(struct db *db, const struct audit_row *row, struct err *err)
{
        struct stmt *st = db_stmt(db, "audit_add", "select audit_add($1, $2, $3, $4, $5, $6)");
        AUTO_ROWS struct rows *r = NULL;

        bind_text(st, row->actor);
        bind_text(st, row->action);
        bind_text(st, row->object);
        bind_text(st, row->detail);
        bind_text(st, row->project);
        bind_text(st, row->site);
        return db_query(st, &r, err);
}

int store_audit_list(struct db *db, const struct audit_filter *f, struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "audit_list",
            "select seq, at, actor, action, object, detail, project, site, encode(hash, 'hex') as hash"
            " from audit where seq < $1 and ($2 or actor = $3 or project = any($4) or site = any($5))"
            " and ($6::text is null or actor = $6) and ($7::text is null or starts_with(action, $7))"
            " and ($8::text is null or project = $8) and ($9::text is null or site = $9)"
            " and ($10::timestamptz is null or at >= $10) and ($11::timestamptz is null or at < $11)"
            " order by seq desc limit $12");

        bind_int(st, f->before);
        bind_bool(st, f->all);
        bind_text(st, f->self);
        bind_texts(st, f->projects, f->project_count);
        bind_texts(st, f->sites, f->site_count);
        bind_text(st, f->actor);
        bind_text(st, f->action);
        bind_text(st, f->project);
        bind_text(st, f->site);
        bind_time(st, f->since);
        bind_time(st, f->until);
        bind_int(st, f->limit);
        return db_query(st, ret, err);
}

int store_audit_check(struct db *db, int64_t from, int n, struct rows **ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "audit_check",
                    "with part as (select a as line, a.seq, a.hash, lag(a.hash) over w as before, lag(a.seq) "
                    "over w as last from audit a"
                    "  where a.seq >= $1 - 1 window w as (order by a.seq) order by a.seq limit $2 + 1),"
                    " told as (select p.seq, p.hash, coalesce(p.last, 0) = p.seq - 1 and p.hash ="
                    "   reeve_audit_hash(p.before, p.line) as good from part p where p.seq >= $1)"
                    " select coalesce(max(seq), 0) as last, min(seq) filter (where not good) as broken,"
                    " (select encode(hash, 'hex') from told order by seq desc limit 1) as hash,"
                    " exists (select from audit where seq > (select max(seq) from told)) as more from told");

        bind_int(st, from);
        bind_int(st, n);
        return db_query(st, ret, err);
}
