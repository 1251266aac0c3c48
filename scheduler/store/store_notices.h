/* SPDX-License-Identifier: Apache-2.0 */
/* store_notices.h - subscriptions, and the notices made of what happened. Times are wall ms, INT64_MIN none.
 */
#ifndef REEVE_STORE_NOTICES_H
#define REEVE_STORE_NOTICES_H

#include "store/db.h"

#define SUBSCRIPTIONS_USER_MAX 100   /* of one user */
#define SUBSCRIPTIONS_MAX      20000 /* of all */
#define NOTICES_KEPT           1000  /* on one user's page */
#define NOTICE_DAYS            30    /* others are kept so long */
#define NOTICE_EVENTS_LOOK     1000  /* events read in one look */

/* ---- subscriptions, for their owners ---- */

/* id, name, way, target, kinds (JSON), mine, project, job_id, site, confirmed, paused_at, paused_why,
 * created_at, last_sent_at; by id. id 0: all of the user. */
int store_subscriptions_list(struct db *db, int32_t user, int64_t id, struct rows **ret, struct err *err);

struct subscription {
        int32_t user;
        const char *name, *way, *target, *secret;
        const uint8_t *code_hash; /* NULL: nothing has to be confirmed */
        const char *const *kinds;
        size_t kind_count;
        bool mine, paused;
        int32_t project, site; /* 0: any */
        int64_t job;           /* 0: any */
};
/* 1 made, 0 the user, or the installation, has as many as it may. */
int store_subscription_add(struct db *db, const struct subscription *s, int64_t *ret_id, struct err *err);
/* All but user, way, target, secret and code. 1, or 0: the user has none of that number. */
int store_subscription_change(struct db *db, int64_t id, const struct subscription *s, struct err *err);
int store_subscription_remove(struct db *db, int32_t user, int64_t id, struct err *err);
/* 1 confirmed, 0 the code is wrong. */
int store_subscription_confirm(struct db *db, int32_t user, int64_t id, const uint8_t *code_hash,
                               struct err *err);

/* ---- notices, for their readers ---- */

/* On the user's page, before number `before` (0: newest), newest first: id, subscription, at, sentence,
 * counts, events (JSON), read_at. */
int store_notices_list(struct db *db, int32_t user, bool unread, int64_t before, int limit, struct rows **ret,
                       struct err *err);
int store_notices_unread(struct db *db, int32_t user, int64_t *ret, struct err *err);
int store_notices_read(struct db *db, int32_t user, int64_t up_to, struct err *err);
/* What was sent by a subscription, newest first: id, what, state, sentence, count, tries, made_at, due_at,
 * sent_at, message. */
int store_deliveries_list(struct db *db, int64_t subscription, int64_t before, int limit, struct rows **ret,
                          struct err *err);

/* Tests or codes ("what") that were made for the user lately. */
int store_notices_lately(struct db *db, int32_t user, const char *what, int seconds, int64_t *ret,
                         struct err *err);

/* ---- for whoever makes and sends them ---- */

/* One of all servers makes and sends, as long as this connection lives: 1 it is this one, 0 another. */
int store_notices_lead(struct db *db, struct err *err);
/* Up to which event notices were made; on the very first call: the newest event. */
int store_notices_seen(struct db *db, int64_t *ret, struct err *err);
/* Events after that, oldest first: seq, at, kind (as subscriptions name it; null: none can ask for it),
 * job_id, job_name, user_id, project_id, project, site_id, site, text. */
int store_notices_events(struct db *db, int64_t after, struct rows **ret, struct err *err);
/* Those that are told, of users who may log in: id, user_id, way, kinds (JSON), mine, project_id, job_id,
 * site_id, all (sees every project), projects (JSON). */
int store_subscriptions_active(struct db *db, struct rows **ret, struct err *err);
/* The notice of a subscription that more may join, if there is one: id, counts, events. */
int store_notice_open(struct db *db, int64_t subscription, int page_ms, struct rows **ret, struct err *err);

struct notice {
        int64_t id; /* 0: a new one */
        int64_t subscription;
        const char *what, *sentence, *counts, *events;
        int gather_ms, gap_ms; /* a new one: due after this, and so long after the one before */
        bool shown;            /* a new one: nothing is sent, it is to be seen on the page */
};
int store_notice_put(struct db *db, const struct notice *n, int64_t *ret_id, struct err *err);
int store_notices_seen_put(struct db *db, int64_t seq, struct err *err);
/* Due, oldest first: id, subscription_id, what, sentence, counts, events, made_at, tries, way, target,
 * secret, name, user. */
int store_notices_due(struct db *db, int limit, struct rows **ret, struct err *err);
/* How long until the next one is due: ms, at most max_ms. */
int store_notices_rest(struct db *db, int max_ms, int *ret, struct err *err);
int store_notice_sent(struct db *db, int64_t id, struct err *err);
/* Try again after again_ms; negative: given up. pause: and the subscription is paused with this reason; NULL:
 * only when it is the given_up_max-th in a row. */
int store_notice_failed(struct db *db, int64_t id, const char *message, int64_t again_ms, const char *pause,
                        int given_up_max, struct err *err);
/* Take out what is older than is kept. */
int store_notices_upkeep(struct db *db, struct err *err);

#endif
