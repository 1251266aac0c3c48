/* SPDX-License-Identifier: Apache-2.0 */
/* feed.h - what a live stream tells: a ring of recent changes, and what each listener has still to hear.
 *
 * Pure: no clock, no lock, no network; time comes in. The hub (stream.c) puts changes in as it finds them;
 * each listener keeps marks of the topics that changed and a place in the run of events, so what waits for a
 * slow client is bounded by its topics and not by what happens. A topic is told at most once in its gap:
 * several changes are one.
 *
 * The id of a frame is a watermark: all of the listener's changes up to it have been told. A client that
 * comes back with it hears the rest again, as far as the ring goes.
 */
#ifndef REEVE_FEED_H
#define REEVE_FEED_H

#include "common/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOPICS_MAX       100  /* of one listener */
#define FEED_RING        4096 /* changes remembered */
#define FEED_BATCH       100  /* events told in one go */
#define TOPIC_GAP_MS     250  /* between two frames of one topic */
#define TOPIC_GAP_BIG_MS 1000 /* the same for topics that change with everything */
#define FEED_RETRY_MS    2000 /* what a client is asked to wait before it connects again */

enum topic_kind { TOPIC_OVERVIEW, TOPIC_JOBS, TOPIC_SITES, TOPIC_DATA, TOPIC_EVENTS, TOPIC_JOB };

struct topic {
        enum topic_kind kind;
        int64_t job; /* of TOPIC_JOB; 0 of others */
};

/* Read a list like "jobs,job:12". Returns how many, or -1 with *ret_bad naming the first that is wrong (in
 * the text; NULL: there are none, or too many) and *ret_why a sentence. */
int topics_parse(char *text, struct topic ret[TOPICS_MAX], const char **ret_bad, const char **ret_why);
/* "job:12"; room for 32. */
void topic_name(const struct topic *t, char ret[32]);

struct change {
        uint64_t seq;
        struct topic topic;
        int64_t project; /* an event: whose members may hear it; -1 anybody */
        char *text;      /* an event as JSON; NULL otherwise; owned */
};

struct feed {
        struct change ring[FEED_RING]; /* by seq modulo */
        uint64_t first, next;          /* those remembered: first <= seq < next */
        int64_t big_gap_ms;            /* at least TOPIC_GAP_BIG_MS */
};

/* Numbers go on from base, so that those of an earlier server are too old. */
void feed_init(struct feed *f, uint64_t base);
void feed_release(struct feed *f);
/* Something was missed: what is remembered does not connect to what comes. */
void feed_gap(struct feed *f);
uint64_t feed_change(struct feed *f, struct topic t);
/* text is taken over. */
uint64_t feed_event(struct feed *f, int64_t project, char *text);

struct listener_topic {
        struct topic topic;
        uint64_t first, last; /* changes not told yet; 0: none */
        int64_t told_at;      /* ms; INT64_MIN / 2: never */
};

struct listener {
        struct listener_topic topics[TOPICS_MAX];
        size_t count;
        bool started;        /* ready was told */
        bool lost;           /* has to fetch everything */
        bool hears_events;   /* has the topic */
        uint64_t events_at;  /* the next number to look at for events */
        int64_t events_told; /* ms */
        uint64_t told;       /* the watermark */
        int64_t wrote_at;    /* ms of the last frame or comment */
};

typedef bool (*feed_may_see)(void *who, int64_t project);

/* last_id 0: none. */
void listener_init(struct listener *l, const struct feed *f, const struct topic *topics, size_t n,
                   uint64_t last_id, int64_t now_ms);
/* A change of that number concerns the listener? Marks it. */
void listener_mark(struct listener *l, struct topic t, uint64_t seq);
/* The same for the topic at that place. */
void listener_mark_at(struct listener *l, size_t i, uint64_t seq);
/* When it has something to say: a time in ms, maybe past; INT64_MAX: nothing but the heartbeat. */
int64_t listener_due(const struct listener *l, const struct feed *f);
/* Write what is due by now. */
void listener_write(struct listener *l, const struct feed *f, int64_t now_ms, feed_may_see may, void *who,
                    struct buf *b);
/* Write a comment. */
void listener_beat(struct listener *l, int64_t now_ms, struct buf *b);

#endif
