/* SPDX-License-Identifier: Apache-2.0 */
#include "web/feed.h"

#include "common/num.h"
#include "common/util.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NEVER (INT64_MIN / 2)

/* ---- topics ----------------------------------------------------------------------------------------------
 */

static const char *const topic_names[] = {
    [TOPIC_OVERVIEW] = "overview", [TOPIC_JOBS] = "jobs",     [TOPIC_SITES] = "sites",
    [TOPIC_DATA] = "data",         [TOPIC_EVENTS] = "events", [TOPIC_JOB] = "job"};

static bool topic_parse(const char *text, struct topic *ret)
{
        int64_t job;

        if (strncmp(text, "job:", 4) == 0) {
                if (num_int("job", text + 4, 1, INT64_MAX, &job, NULL) < 0)
                        return false;
                *ret = (struct topic){TOPIC_JOB, job};
                return true;
        }
        for (int k = 0; k < TOPIC_JOB; k++)
                if (strcmp(text, topic_names[k]) == 0) {
                        *ret = (struct topic){(enum topic_kind)k, 0};
                        return true;
                }
        return false;
}

static bool same(struct topic a, struct topic b)
{
        return a.kind == b.kind && a.job == b.job;
}

int topics_parse(char *text, struct topic ret[TOPICS_MAX], const char **ret_bad, const char **ret_why)
{
        char *save = NULL;
        int n = 0;

        *ret_bad = NULL;
        *ret_why = "name at least one topic: overview, jobs, job:N, sites, data, events";
        for (char *p = strtok_r(text, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
                *ret_bad = p;
                *ret_why = "is no topic: overview, jobs, job:N, sites, data, events";
                if (n == TOPICS_MAX) {
                        *ret_bad = NULL;
                        *ret_why = "at most 100 topics";
                        return -1;
                }
                if (!topic_parse(p, &ret[n]))
                        return -1;
                for (int i = 0; i < n; i++)
                        if (same(ret[i], ret[n])) {
                                *ret_why = "is named twice";
                                return -1;
                        }
                n++;
        }
        return n ? n : -1;
}

void topic_name(const struct topic *t, char ret[32])
{
        if (t->kind == TOPIC_JOB)
                snprintf(ret, 32, "job:%" PRId64, t->job);
        else
                snprintf(ret, 32, "%s", topic_names[t->kind]);
}

/* ---- the ring --------------------------------------------------------------------------------------------
 */

void feed_init(struct feed *f, uint64_t base)
{
        *f = (struct feed){.first = base, .next = base, .big_gap_ms = TOPIC_GAP_BIG_MS};
}

void feed_release(struct feed *f)
{
        for (size_t i = 0; i < FEED_RING; i++)
                free(f->ring[i].text);
}

void feed_gap(struct feed *f)
{
        f->first = ++f->next;
}

static const struct change *change_at(const struct feed *f, uint64_t seq)
{
        return &f->ring[seq % FEED_RING];
}

static uint64_t put(struct feed *f, struct change c)
{
        struct change *to = &f->ring[f->next % FEED_RING];

        free(to->text);
        c.seq = f->next++;
        *to = c;
        if (f->next - f->first > FEED_RING)
                f->first = f->next - FEED_RING;
        return c.seq;
}

uint64_t feed_change(struct feed *f, struct topic t)
{
        return put(f, (struct change){.topic = t, .project = -1});
}

uint64_t feed_event(struct feed *f, int64_t project, char *text)
{
        return put(f, (struct change){.topic = {.kind = TOPIC_EVENTS}, .project = project, .text = text});
}

/* ---- a listener ------------------------------------------------------------------------------------------
 */

static struct listener_topic *listener_topic(struct listener *l, struct topic t)
{
        for (size_t i = 0; i < l->count; i++)
                if (same(l->topics[i].topic, t))
                        return &l->topics[i];
        return NULL;
}

void listener_mark_at(struct listener *l, size_t i, uint64_t seq)
{
        if (!l->topics[i].first)
                l->topics[i].first = seq;
        l->topics[i].last = seq;
}

void listener_mark(struct listener *l, struct topic t, uint64_t seq)
{
        struct listener_topic *lt = listener_topic(l, t);

        if (lt)
                listener_mark_at(l, (size_t)(lt - l->topics), seq);
}

void listener_init(struct listener *l, const struct feed *f, const struct topic *topics, size_t n,
                   uint64_t last_id, int64_t now_ms)
{
        *l = (struct listener){
            .count = n, .events_at = f->next, .events_told = NEVER, .told = f->next - 1, .wrote_at = now_ms};
        for (size_t i = 0; i < n; i++) {
                l->topics[i] = (struct listener_topic){.topic = topics[i], .told_at = NEVER};
                l->hears_events |= topics[i].kind == TOPIC_EVENTS;
        }
        if (!last_id)
                return;
        if (last_id + 1 < f->first || last_id >= f->next) {
                l->lost = true;
                return;
        }
        for (uint64_t seq = last_id + 1; seq < f->next; seq++)
                if (!change_at(f, seq)->text)
                        listener_mark(l, change_at(f, seq)->topic, seq);
        l->events_at = last_id + 1;
        l->told = last_id;
}

static int64_t gap_of(const struct feed *f, const struct listener_topic *t)
{
        return t->topic.kind == TOPIC_JOB ? TOPIC_GAP_MS : f->big_gap_ms;
}

static uint64_t next_event(const struct listener *l, const struct feed *f)
{
        uint64_t seq = l->events_at;

        if (!l->hears_events)
                return f->next;
        while (seq < f->next && seq >= f->first && !change_at(f, seq)->text)
                seq++;
        return seq;
}

static bool events_wait(const struct listener *l, const struct feed *f)
{
        return next_event(l, f) < f->next;
}

int64_t listener_due(const struct listener *l, const struct feed *f)
{
        int64_t due = INT64_MAX, at;

        if (!l->started || l->lost)
                return INT64_MIN;
        for (size_t i = 0; i < l->count; i++)
                if (l->topics[i].first) {
                        at = l->topics[i].told_at + gap_of(f, &l->topics[i]);
                        due = at < due ? at : due;
                }
        if (events_wait(l, f)) {
                at = l->events_told + TOPIC_GAP_MS;
                due = at < due ? at : due;
        }
        return due;
}

/* All up to here was told, when `but` (a number about to be told) is done. */
static uint64_t watermark(const struct listener *l, const struct feed *f, const struct listener_topic *but,
                          uint64_t event)
{
        uint64_t low = f->next;

        for (size_t i = 0; i < l->count; i++)
                if (&l->topics[i] != but && l->topics[i].first && l->topics[i].first < low)
                        low = l->topics[i].first;
        if (event < low)
                low = event;
        return low - 1;
}

static void write_id(struct listener *l, uint64_t id, struct buf *b)
{
        if (id > l->told)
                l->told = id;
        buf_printf(b, "id: %" PRIu64 "\n", l->told);
}

static void write_start(struct listener *l, const struct feed *f, struct buf *b)
{
        char name[32];

        if (!l->started)
                buf_printf(b, ": reeve\nretry: %d\n\n", FEED_RETRY_MS);
        if (l->lost) {
                buf_text(b, "event: reset\ndata: {}\n\n");
                for (size_t i = 0; i < l->count; i++)
                        l->topics[i].first = 0;
                l->events_at = f->next;
                l->told = f->next - 1;
        }
        write_id(l, l->told, b);
        buf_printf(b, "event: ready\ndata: {\"seq\":%" PRIu64 ",\"topics\":[", l->told);
        for (size_t i = 0; i < l->count; i++) {
                topic_name(&l->topics[i].topic, name);
                buf_printf(b, "%s\"%s\"", i ? "," : "", name);
        }
        buf_text(b, "]}\n\n");
        l->started = true;
        l->lost = false;
}

static void write_changes(struct listener *l, const struct feed *f, int64_t now_ms, struct buf *b)
{
        char name[32];

        for (size_t i = 0; i < l->count; i++) {
                struct listener_topic *t = &l->topics[i];

                if (!t->first || t->told_at + gap_of(f, t) > now_ms)
                        continue;
                topic_name(&t->topic, name);
                write_id(l, watermark(l, f, t, next_event(l, f)), b);
                buf_printf(b, "event: change\ndata: {\"topic\":\"%s\",\"seq\":%" PRIu64 "}\n\n", name,
                           t->last);
                t->first = 0;
                t->told_at = now_ms;
        }
}

static void write_events(struct listener *l, const struct feed *f, int64_t now_ms, feed_may_see may,
                         void *who, struct buf *b)
{
        int told = 0;

        for (uint64_t seq; told < FEED_BATCH && (seq = next_event(l, f)) < f->next;) {
                const struct change *c = change_at(f, seq);

                l->events_at = seq + 1;
                if (c->project >= 0 && !may(who, c->project))
                        continue;
                write_id(l, watermark(l, f, NULL, next_event(l, f)), b);
                buf_printf(b, "event: happened\ndata: %s\n\n", c->text);
                told++;
        }
        if (told)
                l->events_told = now_ms;
}

void listener_write(struct listener *l, const struct feed *f, int64_t now_ms, feed_may_see may, void *who,
                    struct buf *b)
{
        size_t before = buf_len(b);

        if (l->hears_events && l->events_at < f->first)
                l->lost = true; /* too slow: the ring went on without it */
        if (!l->started || l->lost)
                write_start(l, f, b);
        l->events_at = next_event(l, f);
        write_changes(l, f, now_ms, b);
        if (l->hears_events && l->events_told + TOPIC_GAP_MS <= now_ms)
                write_events(l, f, now_ms, may, who, b);
        if (buf_len(b) > before)
                l->wrote_at = now_ms;
}

void listener_beat(struct listener *l, int64_t now_ms, struct buf *b)
{
        buf_text(b, ":\n\n");
        l->wrote_at = now_ms;
}
