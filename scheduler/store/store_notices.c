/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_notices.h"

/* ---- subscriptions, for their owners ---------------------------------------------------------------------
 */

int store_subscriptions_list(struct db *db, int32_t user, int64_t id, struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "subscriptions_list",
            "select s.id, s.name, s.way, s.target, to_json(s.kinds) as kinds, s.mine, p.name as project,"
            " s.job_id, i.name as site, s.confirmed_at is not null as confirmed, s.paused_at,"
            " s.paused_why, s.created_at, s.last_sent_at from subscriptions s"
            " left join projects p on p.id = s.project_id left join sites i on i.id = s.site_id"
            " where s.user_id = $1 and ($2 = 0 or s.id = $2) order by s.id");

        bind_int(st, user);
        bind_int(st, id);
        return db_query(st, ret, err);
}

static void bind_filter(struct stmt *st, const struct subscription *s)
{
        bind_text(st, s->name);
        bind_texts(st, s->kinds, s->kind_count);
        bind_bool(st, s->mine);
        bind_int(st, s->project);
        bind_int(st, s->job);
        bind_int(st, s->site);
}

int store_subscription_add(struct db *db, const struct subscription *s, int64_t *ret_id, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "subscription_add",
            "insert into subscriptions (user_id, name, kinds, mine, project_id, job_id, site_id, way, target,"
            " secret, code_hash, confirmed_at) select $1, $2, $3, $4, nullif($5, 0)::int, nullif($6, 0),"
            " nullif($7, 0)::int, $8, $9, $10, $11, case when $11::bytea is null then now() end"
            " where (select count(*) from subscriptions where user_id = $1) < $12"
            " and (select count(*) from subscriptions) < $13 returning id");
        AUTO_ROWS struct rows *r = NULL;

        bind_int(st, s->user);
        bind_filter(st, s);
        bind_text(st, s->way);
        bind_text(st, s->target);
        bind_text(st, s->secret);
        bind_bytes(st, s->code_hash, s->code_hash ? 32 : 0);
        bind_int(st, SUBSCRIPTIONS_USER_MAX);
        bind_int(st, SUBSCRIPTIONS_MAX);
        if (db_query(st, &r, err) < 0)
                return -1;
        if (!rows_next(r))
                return 0;
        *ret_id = row_int(r, "id");
        return 1;
}

int store_subscription_change(struct db *db, int64_t id, const struct subscription *s, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "subscription_change",
            "update subscriptions set name = $3, kinds = $4, mine = $5, project_id = nullif($6, 0)::int,"
            " job_id = nullif($7, 0), site_id = nullif($8, 0)::int,"
            " paused_at = case when $9 then coalesce(paused_at, now()) end,"
            " paused_why = case when $9 then coalesce(paused_why, 'by its owner') end,"
            " given_up = case when $9 then given_up else 0 end where id = $1 and user_id = $2");

        bind_int(st, id);
        bind_int(st, s->user);
        bind_filter(st, s);
        bind_bool(st, s->paused);
        return (int)db_exec(st, err);
}

int store_subscription_remove(struct db *db, int32_t user, int64_t id, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "subscription_remove", "delete from subscriptions where id = $1 and user_id = $2");

        bind_int(st, id);
        bind_int(st, user);
        return (int)db_exec(st, err);
}

int store_subscription_confirm(struct db *db, int32_t user, int64_t id, const uint8_t *code_hash,
                               struct err *err)
{
        struct stmt *st = db_stmt(db, "subscription_confirm",
                                  "update subscriptions set confirmed_at = coalesce(confirmed_at, now())"
                                  " where id = $1 and user_id = $2 and code_hash = $3");

        bind_int(st, id);
        bind_int(st, user);
        bind_bytes(st, code_hash, 32);
        return (int)db_exec(st, err);
}

/* ---- notices, for their readers --------------------------------------------------------------------------
 */

int store_notices_list(struct db *db, int32_t user, bool unread, int64_t before, int limit, struct rows **ret,
                       struct err *err)
{
        struct stmt *st = db_stmt(
            db, "notices_list",
            "select n.id, n.subscription_id as subscription, n.made_at as at, n.sentence, n.counts, n.events,"
            " n.read_at from notices n join subscriptions s on s.id = n.subscription_id"
            " where n.user_id = $1 and s.way = 'page' and (not $2 or n.read_at is null)"
            " and ($3 = 0 or n.id < $3) order by n.id desc limit $4");

        bind_int(st, user);
        bind_bool(st, unread);
        bind_int(st, before);
        bind_int(st, limit);
        return db_query(st, ret, err);
}

int store_notices_unread(struct db *db, int32_t user, int64_t *ret, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "notices_unread",
            "select count(*) as n from (select from notices n"
            " join subscriptions s on s.id = n.subscription_id where n.user_id = $1 and s.way = 'page'"
            " and n.read_at is null limit $2) u");
        AUTO_ROWS struct rows *r = NULL;

        bind_int(st, user);
        bind_int(st, NOTICES_KEPT);
        if (db_query(st, &r, err) < 0)
                return -1;
        rows_next(r);
        *ret = row_int(r, "n");
        return 0;
}

int store_notices_read(struct db *db, int32_t user, int64_t up_to, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "notices_read",
                    "update notices n set read_at = now() from subscriptions s where s.id = n.subscription_id"
                    " and s.way = 'page' and n.user_id = $1 and n.id <= $2 and n.read_at is null");

        bind_int(st, user);
        bind_int(st, up_to);
        return db_exec(st, err) < 0 ? -1 : 0;
}

int store_deliveries_list(struct db *db, int64_t subscription, int64_t before, int limit, struct rows **ret,
                          struct err *err)
{
        struct stmt *st = db_stmt(
            db, "deliveries_list",
            "select id, what, state, case when what = 'code' then 'a code that confirms the address'"
            " else sentence end as sentence, (select coalesce(sum(value::bigint), 0)::bigint"
            " from jsonb_each_text(counts)) as count, tries, made_at, due_at, sent_at, message from notices"
            " where subscription_id = $1 and ($2 = 0 or id < $2) order by id desc limit $3");

        bind_int(st, subscription);
        bind_int(st, before);
        bind_int(st, limit);
        return db_query(st, ret, err);
}

int store_notices_lately(struct db *db, int32_t user, const char *what, int seconds, int64_t *ret,
                         struct err *err)
{
        struct stmt *st = db_stmt(db, "notices_lately",
                                  "select count(*) as n from notices where user_id = $1 and what = $2"
                                  " and made_at > now() - $3 * interval '1 second'");
        AUTO_ROWS struct rows *r = NULL;

        bind_int(st, user);
        bind_text(st, what);
        bind_int(st, seconds);
        if (db_query(st, &r, err) < 0)
                return -1;
        rows_next(r);
        *ret = row_int(r, "n");
        return 0;
}

/* ---- for whoever makes and sends them --------------------------------------------------------------------
 */

int store_notices_lead(struct db *db, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "notices_lead", "select pg_try_advisory_lock(hashtext('reeve notices')) as mine");
        AUTO_ROWS struct rows *r = NULL;

        if (db_query(st, &r, err) < 0)
                return -1;
        rows_next(r);
        return row_bool(r, "mine");
}

int store_notices_seen(struct db *db, int64_t *ret, struct err *err)
{
        struct stmt *st = db_stmt(db, "notices_seen",
                                  "with first as (insert into settings (name, value) select 'notices_seen',"
                                  " coalesce((select seq from events order by seq desc limit 1), 0)::text"
                                  " on conflict do nothing returning value)"
                                  " select value::bigint as seq from first union all"
                                  " select value::bigint from settings where name = 'notices_seen'");
        AUTO_ROWS struct rows *r = NULL;

        if (db_query(st, &r, err) < 0)
                return -1;
        rows_next(r);
        *ret = row_int(r, "seq");
        return 0;
}

int store_notices_events(struct db *db, int64_t after, struct rows **ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "notices_events",
                    "select e.seq, e.at, case e.kind when 'job.ended' then 'job.' || j.state"
                    " when 'job.cancelled' then null else e.kind end as kind, e.job_id, j.name as job_name, "
                    "j.user_id,"
                    " j.project_id, p.name as project, e.site_id, i.name as site, e.text"
                    " from (select * from events where seq > $1 order by seq limit $2) e"
                    " left join jobs j on j.id = e.job_id left join projects p on p.id = j.project_id"
                    " left join sites i on i.id = e.site_id order by e.seq");

        bind_int(st, after);
        bind_int(st, NOTICE_EVENTS_LOOK);
        return db_query(st, ret, err);
}

int store_subscriptions_active(struct db *db, struct rows **ret, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "subscriptions_active",
            "select s.id, s.user_id, s.way, to_json(s.kinds) as kinds, s.mine, s.project_id, s.job_id,"
            " s.site_id, u.role = 'admin' as all, coalesce((select json_agg(m.project_id)"
            " from project_members m where m.user_id = u.id), '[]') as projects"
            " from subscriptions s join users u on u.id = s.user_id where u.disabled_at is null"
            " and s.paused_at is null and s.confirmed_at is not null order by s.id");

        return db_query(st, ret, err);
}

int store_notice_open(struct db *db, int64_t subscription, int page_ms, struct rows **ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "notice_open",
                    "select n.id, n.counts, n.events from notices n"
                    " join subscriptions s on s.id = n.subscription_id where n.subscription_id = $1"
                    " and n.what = 'events' and case s.way when 'page' then n.read_at is null"
                    "  and n.made_at > now() - $2 * interval '1 millisecond'"
                    " else n.state = 'waiting' and n.tries = 0 and n.due_at > now() end"
                    " order by n.id desc limit 1");

        bind_int(st, subscription);
        bind_int(st, page_ms);
        return db_query(st, ret, err);
}

static int notice_add(struct db *db, const struct notice *n, int64_t *ret_id, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "notice_add",
            "with due as (update subscriptions set last_due_at = greatest(now() + $6 * interval '1 "
            "millisecond',"
            "  last_due_at + $7 * interval '1 millisecond') where id = $1 returning id, user_id, last_due_at)"
            " insert into notices (subscription_id, user_id, what, sentence, counts, events, state, due_at,"
            " sent_at) select id, user_id, $2, $3, $4, $5, case when $8 then 'sent' else 'waiting' end,"
            " last_due_at, case when $8 then now() end from due returning id");
        AUTO_ROWS struct rows *r = NULL;

        bind_int(st, n->subscription);
        bind_text(st, n->what);
        bind_text(st, n->sentence);
        bind_text(st, n->counts);
        bind_text(st, n->events);
        bind_int(st, n->gather_ms);
        bind_int(st, n->gap_ms);
        bind_bool(st, n->shown);
        if (db_query(st, &r, err) < 0)
                return -1;
        /* The subscription may have been removed meanwhile. */
        *ret_id = rows_next(r) ? row_int(r, "id") : 0;
        return 0;
}

int store_notice_put(struct db *db, const struct notice *n, int64_t *ret_id, struct err *err)
{
        struct stmt *st;

        if (!n->id)
                return notice_add(db, n, ret_id, err);
        st = db_stmt(db, "notice_more",
                     "update notices set sentence = $2, counts = $3, events = $4 where id = $1");
        bind_int(st, n->id);
        bind_text(st, n->sentence);
        bind_text(st, n->counts);
        bind_text(st, n->events);
        *ret_id = n->id;
        return db_exec(st, err) < 0 ? -1 : 0;
}

int store_notices_seen_put(struct db *db, int64_t seq, struct err *err)
{
        struct stmt *st = db_stmt(db, "notices_seen_put",
                                  "update settings set value = $1::text where name = 'notices_seen'");

        bind_int(st, seq);
        return db_exec(st, err) < 0 ? -1 : 0;
}

int store_notices_due(struct db *db, int limit, struct rows **ret, struct err *err)
{
        struct stmt *st =
            db_stmt(db, "notices_due",
                    "select n.id, n.subscription_id, n.what, n.sentence, n.counts, n.events, n.made_at, "
                    "n.tries, s.way,"
                    " s.target, s.secret, s.name, u.name as user from notices n"
                    " join subscriptions s on s.id = n.subscription_id join users u on u.id = s.user_id"
                    " where n.state = 'waiting' and n.due_at <= now() order by n.due_at limit $1");

        bind_int(st, limit);
        return db_query(st, ret, err);
}

int store_notices_rest(struct db *db, int max_ms, int *ret, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "notices_rest",
            "select greatest(0, least($1, coalesce(1000 * extract(epoch from (select due_at from notices"
            " where state = 'waiting' order by due_at limit 1) - now()), $1)))::int as ms");
        AUTO_ROWS struct rows *r = NULL;

        bind_int(st, max_ms);
        if (db_query(st, &r, err) < 0)
                return -1;
        rows_next(r);
        *ret = (int)row_int(r, "ms");
        return 0;
}

int store_notice_sent(struct db *db, int64_t id, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "notice_sent",
            "with sent as (update notices set state = 'sent', sent_at = now(), tries = tries + 1,"
            "  message = null, sentence = case when what = 'code' then '' else sentence end where id = $1"
            "  returning subscription_id)"
            " update subscriptions set last_sent_at = now(), given_up = 0"
            " where id = (select subscription_id from sent)");

        bind_int(st, id);
        return db_exec(st, err) < 0 ? -1 : 0;
}

int store_notice_failed(struct db *db, int64_t id, const char *message, int64_t again_ms, const char *pause,
                        int given_up_max, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "notice_failed",
            "with failed as (update notices set tries = tries + 1, message = $2,"
            "  state = case when $3 < 0 then 'failed' else 'waiting' end,"
            "  due_at = now() + greatest($3, 0) * interval '1 millisecond' where id = $1"
            "  returning subscription_id, state),"
            " n as (select subscription_id, given_up + (state = 'failed')::int as given_up"
            "  from failed join subscriptions on id = subscription_id)"
            " update subscriptions s set given_up = n.given_up,"
            " paused_at = case when $4::text is not null or n.given_up >= $5 then now() else paused_at end,"
            " paused_why = coalesce($4, case when n.given_up >= $5 then"
            "  n.given_up || ' deliveries in a row could not be made; the last: ' || $2 else paused_why end)"
            " from n where s.id = n.subscription_id");

        bind_int(st, id);
        bind_text(st, message);
        bind_int(st, again_ms);
        bind_text(st, pause);
        bind_int(st, given_up_max);
        return db_exec(st, err) < 0 ? -1 : 0;
}

int store_notices_upkeep(struct db *db, struct err *err)
{
        struct stmt *st = db_stmt(
            db, "notices_upkeep",
            "with old as (delete from notices where made_at < now() - $1 * interval '1 day' and state <> "
            "'waiting')"
            " delete from notices n using (select user_id, (array_agg(id order by id desc))[$2::int] as last"
            "  from notices where state = 'sent' group by user_id having count(*) > $2) m"
            " where n.user_id = m.user_id and n.id < m.last and n.state = 'sent'");

        bind_int(st, NOTICE_DAYS);
        bind_int(st, NOTICES_KEPT);
        return db_exec(st, err) < 0 ? -1 : 0;
}
