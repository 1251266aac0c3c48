/* SPDX-License-Identifier: Apache-2.0 */
#include "web/notices.h"

#include "common/log.h"
#include "common/util.h"
#include "store/store_notices.h"
#include "web/deliver.h"
#include "web/notice.h"

#include <string.h>
#include <time.h>

#define LOOK_MS        1000    /* between looks */
#define LOOKS_IN_A_ROW 50      /* while events are waiting; then what is due is sent */
#define LEAD_MS        5000    /* between attempts to be the one that does it */
#define UPKEEP_MS      3600000 /* between looks at what is too old */

struct notices {
        struct web *web;
        pthread_t thread;
        bool runs;
        pthread_mutex_t lock;
        pthread_cond_t more;
        bool closed;
        /* the thread's own */
        struct db *db;
        bool leads;
        int64_t seen, upkeep_at;
        struct deliveries *deliveries;
};

/* How each way gathers: ms after the first event, and at least between two. */
static const struct pace {
        int gather_ms, gap_ms;
} paces[] = {[WAY_PAGE] = {0, 0},
             [WAY_WEBHOOK] = {NOTICE_HOOK_MS, 0},
             [WAY_MAIL] = {NOTICE_MAIL_MS, NOTICE_MAIL_GAP_MS}};

/* ---- who hears -------------------------------------------------------------------------------------------
 */

/* What one subscription is to be told of this look's events. */
struct told {
        struct hears hears;
        json_t *counts, *events;
};

struct audience {
        struct told *list;
        size_t count, cap;
};

static void audience_release(struct audience *a)
{
        for (size_t i = 0; i < a->count; i++) {
                hears_release(&a->list[i].hears);
                json_decref(a->list[i].counts);
                json_decref(a->list[i].events);
        }
        free(a->list);
}

static uint32_t read_kinds(const char *json)
{
        json_t *list = json_loads(json, 0, NULL), *name;
        uint32_t bits = 0;
        size_t i;

        json_array_foreach(list, i, name)
        {
                int k = notice_kind_parse(json_string_value(name));

                bits |= k < 0 ? 0 : 1u << k;
        }
        json_decref(list);
        return bits;
}

static int32_t *read_projects(const char *json, size_t *ret_n)
{
        json_t *list = json_loads(json, 0, NULL), *id;
        int32_t *projects = xcalloc(json_array_size(list) + 1, sizeof *projects);
        size_t i;

        json_array_foreach(list, i, id) projects[i] = (int32_t)json_integer_value(id);
        *ret_n = json_array_size(list);
        json_decref(list);
        return projects;
}

static int audience_load(struct notices *n, struct audience *a, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (store_subscriptions_active(n->db, &r, err) < 0)
                return -1;
        while (rows_next(r)) {
                struct told *t;

                a->list = xgrow(a->list, a->count, &a->cap, sizeof *a->list);
                t = &a->list[a->count++];
                *t = (struct told){.hears = {.id = row_int(r, "id"),
                                             .job = row_int(r, "job_id"),
                                             .way = notice_way_parse(row_text(r, "way")),
                                             .user = (int32_t)row_int(r, "user_id"),
                                             .project = (int32_t)row_int(r, "project_id"),
                                             .site = (int32_t)row_int(r, "site_id"),
                                             .kinds = read_kinds(row_text(r, "kinds")),
                                             .mine = row_bool(r, "mine"),
                                             .sees_all = row_bool(r, "all")},
                                   .counts = json_object(),
                                   .events = json_array()};
                t->hears.projects = read_projects(row_text(r, "projects"), &t->hears.project_count);
        }
        return 0;
}

static void tell(struct audience *a, const struct notice_event *e)
{
        for (size_t i = 0; i < a->count; i++)
                if (hears_event(&a->list[i].hears, e))
                        notice_add_event(a->list[i].counts, a->list[i].events, e);
}

static const char *text_or_null(struct rows *r, const char *column)
{
        return row_null(r, column) ? NULL : row_text(r, column);
}

/* Returns the number of the last event. */
static int64_t tell_all(struct audience *a, struct rows *r)
{
        int64_t last = 0;

        while (rows_next(r)) {
                struct notice_event e = {.seq = row_int(r, "seq"),
                                         .at = row_time(r, "at"),
                                         .job = row_int(r, "job_id"),
                                         .kind = row_null(r, "kind") ? -1
                                                                     : notice_kind_parse(row_text(r, "kind")),
                                         .user = (int32_t)row_int(r, "user_id"),
                                         .project_id = (int32_t)row_int(r, "project_id"),
                                         .site_id = (int32_t)row_int(r, "site_id"),
                                         .job_name = text_or_null(r, "job_name"),
                                         .project = text_or_null(r, "project"),
                                         .site = text_or_null(r, "site"),
                                         .text = row_text(r, "text")};

                last = e.seq;
                if (e.kind >= 0)
                        tell(a, &e);
        }
        return last;
}

/* ---- making notices --------------------------------------------------------------------------------------
 */

struct making {
        struct audience audience;
        int64_t seen;
};

static int put(struct db *db, const struct told *t, struct err *err)
{
        AUTO_ROWS struct rows *open = NULL;
        const struct pace *pace = &paces[t->hears.way];
        json_t *counts = NULL, *events = NULL;
        struct notice n = {.subscription = t->hears.id,
                           .what = "events",
                           .gather_ms = pace->gather_ms,
                           .gap_ms = pace->gap_ms,
                           .shown = t->hears.way == WAY_PAGE};
        AUTO_FREE char *counts_text = NULL, *events_text = NULL;
        struct buf sentence;
        int64_t id;
        int rc;

        if (store_notice_open(db, t->hears.id, NOTICE_PAGE_MS, &open, err) < 0)
                return -1;
        if (rows_next(open)) {
                n.id = row_int(open, "id");
                counts = json_loads(row_text(open, "counts"), 0, NULL);
                events = json_loads(row_text(open, "events"), 0, NULL);
        }
        counts = counts ? counts : json_object();
        events = events ? events : json_array();
        notice_join(counts, events, t->counts, t->events);
        buf_init(&sentence, 8192);
        notice_sentence(counts, events, &sentence);
        counts_text = json_dumps(counts, JSON_COMPACT);
        events_text = json_dumps(events, JSON_COMPACT);
        n.sentence = buf_cstr(&sentence);
        n.counts = counts_text;
        n.events = events_text;
        rc = store_notice_put(db, &n, &id, err);
        buf_release(&sentence);
        json_decref(counts);
        json_decref(events);
        return rc;
}

/* In a transaction, maybe more than once. */
static int make(struct db *db, void *arg, struct err *err)
{
        const struct making *m = arg;
        const struct audience *a = &m->audience;

        for (size_t i = 0; i < a->count; i++)
                if (json_object_size(a->list[i].counts) && put(db, &a->list[i], err) < 0)
                        return -1;
        return store_notices_seen_put(db, m->seen, err);
}

/* 1 there may be more, 0 that was all, -1. */
static int look(struct notices *n, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;
        struct making m = {0};
        int rc = -1;

        if (store_notices_events(n->db, n->seen, &r, err) < 0)
                return -1;
        if (!rows_count(r))
                return 0;
        if (audience_load(n, &m.audience, err) == 0) {
                m.seen = tell_all(&m.audience, r);
                rc = db_tx(n->db, make, &m, err);
        }
        audience_release(&m.audience);
        if (rc < 0)
                return -1;
        n->seen = m.seen;
        /* No job looks different by that; who waits for notices looks again. */
        if (db_notify_about(n->db, "reeve_web", LOOK_MS, err) < 0)
                return -1;
        return rows_count(r) == NOTICE_EVENTS_LOOK;
}

static int look_all(struct notices *n, struct err *err)
{
        int rc = 1;

        for (int i = 0; rc == 1 && i < LOOKS_IN_A_ROW; i++)
                rc = look(n, err);
        return rc < 0 ? -1 : 0;
}

/* ---- the thread ------------------------------------------------------------------------------------------
 */

static bool connect_db(struct notices *n)
{
        struct err err;

        if (n->db && db_is_ok(n->db))
                return true;
        n->leads = false;
        return (n->db ? db_reconnect(n->db, &err)
                      : db_open(n->web->conninfo, "reeve-web-notices", STATEMENT_MS, &n->db, &err)) == 0 &&
               db_plan_by_keys(n->db, &err) == 0;
}

/* 1 this server does it, 0 another one. */
static int lead(struct notices *n, struct err *err)
{
        int rc;

        if (n->leads)
                return 1;
        rc = store_notices_lead(n->db, err);
        if (rc == 1 && store_notices_seen(n->db, &n->seen, err) < 0)
                return -1;
        n->leads = rc == 1;
        return rc;
}

static int upkeep(struct notices *n, struct err *err)
{
        int64_t now = clock_boot_ms();

        if (now < n->upkeep_at)
                return 0;
        n->upkeep_at = now + UPKEEP_MS;
        return store_notices_upkeep(n->db, err);
}

/* One round; returns how long to rest. */
static int turn(struct notices *n)
{
        struct err err = {0};
        int rest = LOOK_MS, rc = connect_db(n) ? lead(n, &err) : 0;

        if (rc == 0)
                return n->db && db_is_ok(n->db) ? LEAD_MS : LOOK_MS;
        if (rc < 0 || look_all(n, &err) < 0 || db_notify_flush(n->db, &err) < 0 || upkeep(n, &err) < 0 ||
            deliveries_begin(n->deliveries, n->db, &err) < 0 ||
            store_notices_rest(n->db, LOOK_MS, &rest, &err) < 0) {
                log_warn("notices wait: %s", err.text);
                return LOOK_MS;
        }
        return rest;
}

static void pause_for(struct notices *n, int ms)
{
        struct timespec t = clock_ahead_ms(ms);

        pthread_mutex_lock(&n->lock);
        while (!n->closed && pthread_cond_timedwait(&n->more, &n->lock, &t) == 0)
                ;
        pthread_mutex_unlock(&n->lock);
}

static bool is_closed(struct notices *n)
{
        pthread_mutex_lock(&n->lock);
        bool closed = n->closed;
        pthread_mutex_unlock(&n->lock);
        return closed;
}

static void *notices_main(void *arg)
{
        struct notices *n = arg;

        while (!is_closed(n)) {
                int rest = turn(n);

                if (!deliveries_run(n->deliveries, n->db, rest))
                        pause_for(n, rest);
        }
        return NULL;
}

int notices_start(struct web *w, struct err *err)
{
        struct notices *n = xcalloc(1, sizeof *n);
        pthread_condattr_t attr;

        n->web = w;
        pthread_mutex_init(&n->lock, NULL);
        pthread_condattr_init(&attr);
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        pthread_cond_init(&n->more, &attr);
        pthread_condattr_destroy(&attr);
        w->notices = n;
        if (deliveries_new(w, &n->deliveries, err) < 0)
                return -1;
        if (pthread_create(&n->thread, NULL, notices_main, n) != 0)
                return err_set(err, ERR_SYSTEM, "could not start the thread that sends notices");
        n->runs = true;
        return 0;
}

void notices_stop(struct web *w)
{
        struct notices *n = w->notices;

        if (!n)
                return;
        pthread_mutex_lock(&n->lock);
        n->closed = true;
        pthread_cond_signal(&n->more);
        pthread_mutex_unlock(&n->lock);
        if (n->runs)
                pthread_join(n->thread, NULL);
        deliveries_free(n->deliveries);
        db_close(n->db);
        pthread_cond_destroy(&n->more);
        pthread_mutex_destroy(&n->lock);
        free(n);
        w->notices = NULL;
}

bool notices_mail(const struct web *w)
{
        const struct notice_settings *s = &w->notice_settings;

        return s->smtp && s->smtp[0] && s->smtp_from && s->smtp_from[0];
}
