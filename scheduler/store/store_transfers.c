/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_transfers.h"

#include "common/util.h"

/* A site is looked up once, not for each transfer; of one dataset there is an index. */
#define AT_SITE " = any(array(select id from sites where name = $5::text))"
#define TRANSFERS                                                                                            \
        "select t.id, d.name as dataset, a.name as from_site, b.name as to_site, t.state, t.why,"            \
        " t.asked_by, t.files, t.bytes, t.total, t.rate, t.tries, t.asked_at, t.started_at, t.ended_at,"     \
        " t.not_before, case when t.state = 'active' and t.rate > 0"                                         \
        " then greatest(t.total - t.bytes, 0) / t.rate end as eta, t.way, t.message"                         \
        " from transfers t join datasets d on d.id = t.dataset_id"                                           \
        " left join sites a on a.id = t.from_site join sites b on b.id = t.to_site"                          \
        " where t.id < $1 and ($2 or d.project_id = any($3))"                                                \
        " and ($5::text is null or t.to_site" AT_SITE " or t.from_site" AT_SITE ")"                          \
        " and ($6::text is null or t.state = $6::text)"
#define NEWEST_FIRST " order by t.id desc limit $7"

int store_transfers_list(struct db *db, const struct visible *who, const char *dataset, const char *site,
                         const char *state, int64_t before, int limit, struct rows **ret, struct err *err)
{
        struct stmt *st =
            dataset ? db_stmt(db, "transfers_of",
                              TRANSFERS " and t.dataset_id = (select reeve_dataset($4::text))" NEWEST_FIRST)
                    : db_stmt(db, "transfers_list", TRANSFERS " and $4::text is null" NEWEST_FIRST);

        bind_int(st, before);
        bind_bool(st, who->all);
        bind_ints(st, who->projects, who->all ? 0 : who->count);
        bind_text(st, dataset);
        bind_text(st, site);
        bind_text(st, state);
        bind_int(st, limit);
        return db_query(st, ret, err);
}

#define OPEN                                                                                                 \
        " left join (select from_site, to_site, count(*) filter (where state <> 'queued') as active,"        \
        "  sum(greatest(total - bytes, 0))::bigint as promised from transfers"                               \
        "  where state in ('queued', 'active', 'verifying') group by from_site, to_site) o"                  \
        "  on o.from_site = a.id and o.to_site = b.id"
#define LINK                                                                                                 \
        "select a.name as from_site, b.name as to_site, coalesce(l.rate, 0) as rate, coalesce(l.latency, 0)" \
        " as latency, coalesce(l.weight, 0) as weight, l.learned_at, l.budget, l.max_active,"                \
        " l.from_budget, l.from_max_active, l.to_budget, l.to_max_active,"                                   \
        " coalesce(l.direct, false) as direct, coalesce(l.transfers, 0) as transfers, coalesce(l.bytes, 0)"  \
        " as bytes, coalesce(o.active, 0) as active, coalesce(o.promised, 0) as promised"

#define LINKS                                                                                                \
        LINK ", l.from_site as from_id, l.to_site as to_id from links l join sites a on a.id = l.from_site"  \
             " and a.removed_at is null join sites b on b.id = l.to_site and b.removed_at is null" OPEN      \
             " where (l.from_site, l.to_site) > ($1::integer, $2::integer)"
#define IN_ORDER " order by l.from_site, l.to_site limit $3::integer"

/* One statement for each way to find them: there may be a million. */
int store_links_list(struct db *db, const struct links_filter *f, struct rows **ret, struct err *err)
{
        struct stmt *st =
            f->busy
                ? db_stmt(
                      db, "links_busy",
                      LINKS
                      " and o.from_site is not null and ($4 = 0 or $4 in (l.from_site, l.to_site))" IN_ORDER)
            : f->site ? db_stmt(db, "links_of", LINKS " and (l.from_site = $4 or l.to_site = $4)" IN_ORDER)
                      : db_stmt(db, "links_list", LINKS IN_ORDER);

        bind_int(st, f->from);
        bind_int(st, f->to);
        bind_int(st, f->limit);
        if (f->busy || f->site)
                bind_int(st, f->site);
        return db_query(st, ret, err);
}

int store_link_show(struct db *db, int32_t from, int32_t to, struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "link_show",
            LINK " from sites a join sites b on b.id = $2 and b.removed_at is null left join links l on"
                 " l.from_site = a.id and l.to_site = b.id" OPEN " where a.id = $1 and a.removed_at is null");

        bind_int(st, from);
        bind_int(st, to);
        return db_query(st, ret, err);
}

int store_link_change(struct db *db, int32_t from, int32_t to, const struct link_change *c, struct err *err)
{
        /* Weight 0: nothing was learned. */
        struct stmt *st = db_stmt(
            db, "link_change",
            "insert into links as l (from_site, to_site, rate, latency, weight, direct, budget, max_active,"
            " from_budget, from_max_active, to_budget, to_max_active) values ($1, $2, 0, 0, 0,"
            " coalesce($3 and $4, false), nullif($6, 0), nullif($8::integer, 0), nullif($10, 0),"
            " nullif($12::integer, 0), nullif($14, 0), nullif($16::integer, 0))"
            " on conflict (from_site, to_site) do update set"
            " direct = case when $3 then $4 else l.direct end,"
            " budget = case when $5 then excluded.budget else l.budget end,"
            " max_active = case when $7 then excluded.max_active else l.max_active end,"
            " from_budget = case when $9 then excluded.from_budget else l.from_budget end,"
            " from_max_active = case when $11 then excluded.from_max_active else l.from_max_active end,"
            " to_budget = case when $13 then excluded.to_budget else l.to_budget end,"
            " to_max_active = case when $15 then excluded.to_max_active else l.to_max_active end");

        bind_int(st, from);
        bind_int(st, to);
        bind_bool(st, c->direct_set);
        bind_bool(st, c->direct);
        for (size_t i = 0; i < LINK_VOICES; i++) {
                bind_bool(st, c->by[i].budget_set);
                bind_f64(st, c->by[i].budget);
                bind_bool(st, c->by[i].max_active_set);
                bind_int(st, c->by[i].max_active);
        }
        return db_exec(st, err) < 0 ? -1 : 0;
}

int store_site_data(struct db *db, int32_t site, const struct site_data_change *c, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "site_data",
                    "update sites set labels = case when $2 then $3::text[] else labels end,"
                    " data_accept = case when $4 then $5 else data_accept end,"
                    " data_quota = case when $6 then nullif($7, -1) else data_quota end,"
                    " data_egress = case when $8 then nullif($9, 0) else data_egress end,"
                    " data_ingress = case when $10 then nullif($11, 0) else data_ingress end where id = $1");

        if (!c->labels_set && !c->accept_set && !c->quota_set && !c->egress_set && !c->ingress_set)
                return 1;
        bind_int(st, site);
        bind_bool(st, c->labels_set);
        bind_texts(st, c->labels, c->label_count);
        bind_bool(st, c->accept_set);
        bind_bool(st, c->accept);
        bind_bool(st, c->quota_set);
        bind_int(st, c->quota);
        bind_bool(st, c->egress_set);
        bind_f64(st, c->egress);
        bind_bool(st, c->ingress_set);
        bind_f64(st, c->ingress);
        return (int)db_exec(st, err);
}

int store_dataset_policy(struct db *db, int64_t dataset, const char *const *sites, size_t site_count,
                         const char *const *labels, size_t label_count, const char *by, struct err *err)
{
        struct stmt *st = db_stmt(db, "dataset_policy",
                                  "update datasets set policy_sites = $2::text[], policy_labels = $3::text[],"
                                  " policy_by = $4::text where id = $1 and removed_at is null");

        bind_int(st, dataset);
        bind_texts(st, sites, site_count);
        bind_texts(st, labels, label_count);
        bind_text(st, site_count || label_count ? by : NULL);
        return (int)db_exec(st, err);
}

int64_t store_dataset_pin(struct db *db, int64_t dataset, int32_t site, const char *by, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "dataset_pin",
            "update dataset_sites set pinned_by = $3::text, pinned_at = case when $3::text is null then"
            " null else now() end where dataset_id = $1 and site_id = $2");

        bind_int(st, dataset);
        bind_int(st, site);
        bind_text(st, by);
        return db_exec(st, err);
}
