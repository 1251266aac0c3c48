/* SPDX-License-Identifier: Apache-2.0 */
/* notice.h - which subscriptions an event concerns, and how what happened is told. Pure.
 *
 * A notice is two JSON values: counts ({"job.failed": 2}) of all that it tells of, and events, the first
 * NOTICE_EVENTS_MAX of them (docs/api.md, "Notices").
 */
#ifndef REEVE_NOTICE_H
#define REEVE_NOTICE_H

#include "common/buf.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define NOTICE_EVENTS_MAX 100

#define NOTICE_WAYS(X)         X(WAY_PAGE, "page") X(WAY_WEBHOOK, "webhook") X(WAY_MAIL, "mail")
#define NOTICE_WAY_(sym, name) sym,
enum notice_way { NOTICE_WAYS(NOTICE_WAY_) WAY_COUNT };

const char *notice_way_name(enum notice_way w);
/* WAY_COUNT: there is no such way. */
enum notice_way notice_way_parse(const char *name);

/* The kinds of events that can be asked for: the i-th (NULL: no more), and the place of one (-1: none). */
const char *notice_kind(size_t i);
int notice_kind_parse(const char *name);

/* Text is borrowed. 0: it is not about one. */
struct notice_event {
        int64_t seq, at, job;
        int kind; /* its place */
        int32_t user, project_id, site_id;
        const char *job_name, *project, *site, *text;
};

/* A subscription, as far as it decides. */
struct hears {
        int64_t id, job;
        enum notice_way way;
        int32_t user, project, site;
        uint32_t kinds; /* bit of the place */
        bool mine, sees_all;
        int32_t *projects; /* those its user sees; owned */
        size_t project_count;
};
void hears_release(struct hears *h);
bool hears_event(const struct hears *h, const struct notice_event *e);

/* Have the notice tell of one more. */
void notice_add_event(json_t *counts, json_t *events, const struct notice_event *e);
/* Have it tell of what another one tells. */
void notice_join(json_t *counts, json_t *events, const json_t *more_counts, const json_t *more_events);
/* How many events it tells of in all. */
int64_t notice_count(const json_t *counts);
/* All of it in one sentence. */
void notice_sentence(const json_t *counts, const json_t *events, struct buf *to);

/* What is sent. */
struct notice_shown {
        int64_t id, subscription, made_at;
        const char *what, *sentence, *counts, *events; /* as stored: JSON */
        const char *name, *user, *public_url; /* the subscription's name, its owner, where the pages are */
};
/* The document that a webhook is sent. */
void notice_document(const struct notice_shown *n, struct buf *to);
/* The text of a mail; lines end with CRLF. */
void notice_mail(const struct notice_shown *n, struct buf *to);
/* Its subject: one line of plain text. */
void notice_subject(const struct notice_shown *n, struct buf *to);
/* "t=SECONDS,v1=HEX": HMAC-SHA-256 (RFC 2104) with the secret's characters as key over "SECONDS.BODY". */
#define NOTICE_SIGNATURE_MAX 100
void notice_sign(const char *secret, int64_t wall_s, const void *body, size_t n,
                 char ret[NOTICE_SIGNATURE_MAX]);

#endif
