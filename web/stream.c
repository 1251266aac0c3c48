/* SPDX-License-Identifier: Apache-2.0 */
#include "web/stream.h"

#include "common/log.h"
#include "common/util.h"
#include "store/store_stream.h"
#include "web/api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define OUT_MAX   (1u << 20) /* bytes written for one stream and not taken by its connection */
#define PIECE     4096       /* given to libmicrohttpd at once */
#define RETRY_MS  500        /* between attempts to reach the database */
#define EVENT_MAX 65536      /* one event as JSON */

struct stream {
        struct streams *hub;
        struct stream *prev, *next;
        struct MHD_Connection *con;
        struct link *link;
        struct principal *who;
        struct listener hears;
        struct buf out;
        bool suspended, over;
        int64_t born_at, checked_at; /* boot ms */
};

/* A job that some stream watches. */
struct watched {
        int64_t job, digest;
        bool known;
};

/* Who watches it. */
struct watcher {
        int64_t job;
        struct stream *stream;
        size_t topic; /* its place among the topics of the stream */
};

struct streams {
        struct web *web;
        pthread_mutex_t lock;
        pthread_cond_t more;
        struct stream *first;
        int count;
        bool news, fresh, closed;        /* fresh: somebody came */
        int64_t named[STREAM_NAMES_MAX]; /* jobs that changed */
        size_t named_count;
        bool named_all;           /* any may have */
        struct watcher *watchers; /* by job */
        size_t watcher_count, watcher_cap;
        bool watchers_are_old; /* somebody came or went */
        struct feed feed;
        pthread_t thread;
        bool runs;
        /* the thread's own */
        struct db *db;
        int64_t tried_at, looked_at, look_again_at, tell_again_at, compared_at, empty_since;
        bool looking;
        int64_t event; /* the last one read */
        struct watched *watched;
        size_t watched_count;
};

/* ---- a stream --------------------------------------------------------------------------------------------
 */

static bool may_see(void *who, int64_t project)
{
        return principal_sees(who, project);
}

static void resume(struct stream *s)
{
        if (!s->suspended)
                return;
        s->suspended = false;
        MHD_resume_connection(s->con);
}

/* Called by libmicrohttpd for more bytes. Nothing to say: suspend, under the lock that whoever brings news
 * takes (a reader that returns 0 and is not suspended is called again at once, for ever). */
static ssize_t stream_read(void *cls, uint64_t pos, char *to, size_t max)
{
        struct stream *s = cls;
        struct streams *h = s->hub;
        int64_t now = clock_boot_ms();
        ssize_t n = 0;

        (void)pos;
        pthread_mutex_lock(&h->lock);
        /* Not before it is known from which event on: what happened after "ready" is told. */
        if (!buf_len(&s->out) && h->event >= 0 && listener_due(&s->hears, &h->feed) <= now)
                listener_write(&s->hears, &h->feed, now, may_see, s->who, &s->out);
        if (!buf_len(&s->out) && now - s->hears.wrote_at >= STREAM_BEAT_MS)
                listener_beat(&s->hears, now, &s->out);
        if (buf_len(&s->out)) {
                n = (ssize_t)(buf_len(&s->out) < max ? buf_len(&s->out) : max);
                memcpy(to, buf_bytes(&s->out), (size_t)n);
                buf_consume(&s->out, (size_t)n);
                link_set_deadline(s->link, REQUEST_MS);
        } else if (s->over || h->closed) {
                n = MHD_CONTENT_READER_END_OF_STREAM;
        } else {
                s->suspended = true;
                link_set_no_deadline(s->link);
                MHD_suspend_connection(s->con);
        }
        pthread_mutex_unlock(&h->lock);
        return n;
}

static int open_of(const struct streams *h, int32_t user)
{
        int n = 0;

        for (const struct stream *s = h->first; s; s = s->next)
                n += s->who->user == user;
        return n;
}

static int by_job(const void *a, const void *b)
{
        const struct watched *x = a, *y = b;

        return (x->job > y->job) - (x->job < y->job);
}

/* A job that others watch already is told to who comes now, too: what its client fetched may be from just
 * before. Others are told by the first look at them. */
static void tell_known(const struct streams *h, struct listener *l)
{
        for (size_t i = 0; i < l->count && h->watched_count; i++) {
                const struct watched key = {.job = l->topics[i].topic.job};
                const struct watched *w = bsearch(&key, h->watched, h->watched_count, sizeof key, by_job);

                if (l->topics[i].topic.kind == TOPIC_JOB && w && w->known)
                        listener_mark(l, l->topics[i].topic, h->feed.next - 1);
        }
}

struct stream *stream_new(struct request *rq, const struct topic *topics, size_t n, uint64_t last_id,
                          const char **ret_why)
{
        struct streams *h = rq->web->streams;
        struct stream *s = xcalloc(1, sizeof *s);

        *s = (struct stream){.hub = h,
                             .con = rq->con,
                             .link = rq->link,
                             .who = principal_ref(rq->who),
                             .born_at = clock_boot_ms(),
                             .checked_at = clock_boot_ms()};
        buf_init(&s->out, OUT_MAX);
        pthread_mutex_lock(&h->lock);
        *ret_why = h->closed                 ? "the server is stopping"
                   : h->count >= STREAMS_MAX ? "limit streams: this server has as many as it takes"
                   : open_of(h, rq->who->user) >= STREAMS_USER_MAX
                       ? "limit streams of one user: close one first"
                       : NULL;
        if (!*ret_why) {
                /* What was remembered before the hub slept is no use. */
                if (!h->looking)
                        feed_gap(&h->feed);
                listener_init(&s->hears, &h->feed, topics, n, last_id, s->born_at);
                tell_known(h, &s->hears);
                s->next = h->first;
                if (h->first)
                        h->first->prev = s;
                h->first = s;
                h->count++;
                link_streams(s->link);
                h->looking = h->fresh = h->watchers_are_old = true;
                pthread_cond_signal(&h->more);
        }
        pthread_mutex_unlock(&h->lock);
        if (*ret_why) {
                s->hub = NULL;
                stream_free(s);
                return NULL;
        }
        return s;
}

void stream_free(struct stream *s)
{
        if (!s)
                return;
        if (s->hub) {
                pthread_mutex_lock(&s->hub->lock);
                if (s->prev)
                        s->prev->next = s->next;
                else
                        s->hub->first = s->next;
                if (s->next)
                        s->next->prev = s->prev;
                s->hub->count--;
                s->hub->watchers_are_old = true;
                pthread_mutex_unlock(&s->hub->lock);
        }
        principal_unref(s->who);
        buf_release(&s->out);
        free(s);
}

static void stream_drop(void *cls)
{
        stream_free(cls);
}

struct MHD_Response *stream_response(struct stream *s)
{
        return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PIECE, stream_read, s, stream_drop);
}

/* ---- looking ---------------------------------------------------------------------------------------------
 */

static void mark_all(struct streams *h, struct topic t)
{
        uint64_t seq = feed_change(&h->feed, t);

        for (struct stream *s = h->first; s; s = s->next)
                listener_mark(&s->hears, t, seq);
}

static int watcher_by_job(const void *a, const void *b)
{
        const struct watcher *x = a, *y = b;

        return (x->job > y->job) - (x->job < y->job);
}

/* Who watches which job. */
static void gather_watchers(struct streams *h)
{
        h->watcher_count = 0;
        for (struct stream *s = h->first; s; s = s->next)
                for (size_t i = 0; i < s->hears.count; i++)
                        if (s->hears.topics[i].topic.kind == TOPIC_JOB) {
                                h->watchers = xgrow(h->watchers, h->watcher_count, &h->watcher_cap,
                                                    sizeof *h->watchers);
                                h->watchers[h->watcher_count++] =
                                    (struct watcher){s->hears.topics[i].topic.job, s, i};
                        }
        if (h->watcher_count)
                qsort(h->watchers, h->watcher_count, sizeof *h->watchers, watcher_by_job);
}

/* The jobs that are watched now, each once, with what was known of them. */
static void gather(struct streams *h)
{
        struct watched *w = NULL;
        size_t n = 0, cap = 0;

        if (!h->watchers_are_old)
                return;
        h->watchers_are_old = false;
        gather_watchers(h);
        for (size_t i = 0; i < h->watcher_count; i++) {
                const struct watched key = {.job = h->watchers[i].job}, *old;

                if (n && w[n - 1].job == key.job)
                        continue;
                old = h->watched_count
                          ? bsearch(&key, h->watched, h->watched_count, sizeof *h->watched, by_job)
                          : NULL;
                w = xgrow(w, n, &cap, sizeof *w);
                w[n++] = old ? *old : key;
        }
        free(h->watched);
        h->watched = w;
        h->watched_count = n;
}

/* The first watcher of the job, or of a later one. */
static size_t first_watcher(const struct streams *h, int64_t job)
{
        size_t low = 0, high = h->watcher_count;

        while (low < high) {
                size_t mid = (low + high) / 2;

                if (h->watchers[mid].job < job)
                        low = mid + 1;
                else
                        high = mid;
        }
        return low;
}

/* Those who watch a job that was named have something to hear. */
static void tell_named(struct streams *h)
{
        gather(h);
        for (size_t n = 0; n < h->named_count; n++) {
                size_t i = first_watcher(h, h->named[n]);
                uint64_t seq;

                if (i == h->watcher_count || h->watchers[i].job != h->named[n])
                        continue;
                seq = feed_change(&h->feed, (struct topic){TOPIC_JOB, h->named[n]});
                for (; i < h->watcher_count && h->watchers[i].job == h->named[n]; i++)
                        listener_mark_at(&h->watchers[i].stream->hears, h->watchers[i].topic, seq);
        }
        h->named_count = 0;
}

/* One look at the database, outside of the lock: what it found. */
struct look {
        bool compares; /* the jobs that are watched with what was known of them */
        struct rows *digests, *events;
        int64_t newest;
        bool events_skipped;
};

static int read_digests(struct streams *h, struct look *l, struct err *err)
{
        size_t n = h->watched_count < STREAM_WATCHED_MAX ? h->watched_count : STREAM_WATCHED_MAX;
        AUTO_FREE int64_t *ids = NULL;

        if (!n || !l->compares)
                return 0;
        ids = xcalloc(n, sizeof *ids);
        for (size_t i = 0; i < n; i++)
                ids[i] = h->watched[i].job;
        return store_job_digests(h->db, ids, n, &l->digests, err);
}

static int read_events(struct streams *h, struct look *l, struct err *err)
{
        if (store_events_newest(h->db, &l->newest, err) < 0)
                return -1;
        /* From here on, or too far behind to tell one by one. */
        if (h->event < 0 || l->newest - h->event > FEED_RING) {
                l->events_skipped = h->event >= 0;
                h->event = l->newest;
                return 0;
        }
        return l->newest > h->event ? store_events_since(h->db, h->event, &l->events, err) : 0;
}

static void tell_digests(struct streams *h, struct look *l)
{
        struct watched key;

        while (l->digests && rows_next(l->digests)) {
                int64_t digest = row_int(l->digests, "digest");
                struct watched *w;

                key.job = row_int(l->digests, "id");
                w = bsearch(&key, h->watched, h->watched_count, sizeof key, by_job);
                if (!w || (w->known && w->digest == digest))
                        continue;
                /* The first look at a job tells, too: what its client fetched may be from just before it. */
                w->known = true;
                w->digest = digest;
                mark_all(h, (struct topic){TOPIC_JOB, w->job});
        }
        for (size_t i = STREAM_WATCHED_MAX; l->compares && i < h->watched_count; i++)
                mark_all(h, (struct topic){TOPIC_JOB, h->watched[i].job});
}

static void tell_events(struct streams *h, struct look *l)
{
        if (l->events_skipped)
                feed_gap(&h->feed);
        while (l->events && rows_next(l->events)) {
                struct buf b;

                buf_init(&b, EVENT_MAX);
                event_write(&b, l->events);
                h->event = row_int(l->events, "seq");
                if (!b.overflow)
                        feed_event(&h->feed,
                                   row_null(l->events, "project_id") ? -1 : row_int(l->events, "project_id"),
                                   xstrdup(buf_cstr(&b)));
                buf_release(&b);
        }
}

static bool connect_db(struct streams *h, int64_t now)
{
        struct err err;

        if (h->db && db_is_ok(h->db))
                return true;
        if (now - h->tried_at < RETRY_MS)
                return false;
        h->tried_at = now;
        return (h->db ? db_reconnect(h->db, &err)
                      : db_open(h->web->conninfo, "reeve-web-stream", STATEMENT_MS, &h->db, &err)) == 0 &&
               db_plan_by_keys(h->db, &err) == 0;
}

/* How long to leave the database alone after a look that took so long. */
static int64_t rest_after(int64_t took)
{
        int64_t ms = took * STREAM_SHARE;

        return ms < STREAM_LOOK_MS ? STREAM_LOOK_MS : ms > STREAM_LOOK_MAX_MS ? STREAM_LOOK_MAX_MS : ms;
}

/* Find what changed and mark it. Called with the lock, lets go of it while the database works. */
static void look(struct streams *h, bool news, bool compares)
{
        static const enum topic_kind with_all[] = {TOPIC_OVERVIEW, TOPIC_JOBS, TOPIC_SITES, TOPIC_DATA};
        int64_t began = clock_boot_ms(), took;
        struct look l = {.compares = compares};
        struct err err;
        bool ok;

        gather(h);
        pthread_mutex_unlock(&h->lock);
        ok = connect_db(h, began) && read_digests(h, &l, &err) == 0 && read_events(h, &l, &err) == 0;
        took = clock_boot_ms() - began;
        pthread_mutex_lock(&h->lock);
        h->looked_at = clock_boot_ms();
        h->look_again_at = h->looked_at + rest_after(took);
        if (ok) {
                tell_digests(h, &l);
                tell_events(h, &l);
                h->compared_at = compares ? h->looked_at : h->compared_at;
        } else {
                h->news = true; /* once it is back */
                h->named_all |= compares;
        }
        /* Each stream of a thousand asks less often: they fetch what they are told of. */
        h->feed.big_gap_ms = TOPIC_GAP_BIG_MS + 4 * h->count;
        for (size_t i = 0; news && i < ARRAY_LEN(with_all); i++)
                mark_all(h, (struct topic){with_all[i], 0});
        rows_free(l.digests);
        rows_free(l.events);
}

/* ---- the rights of those who listen ----------------------------------------------------------------------
 */

/* Ask once more who one of them is: of those that were asked longest ago. Called with the lock. */
static void recheck_one(struct streams *h, int64_t now)
{
        struct principal *who = NULL, *again = NULL;
        struct err err;
        int rc;

        for (struct stream *s = h->first; s && !who; s = s->next)
                if (now - s->checked_at >= STREAM_BEAT_MS)
                        who = principal_ref(s->who);
        if (!who)
                return;
        for (struct stream *s = h->first; s; s = s->next)
                if (memcmp(s->who->hash, who->hash, sizeof who->hash) == 0)
                        s->checked_at = now;
        pthread_mutex_unlock(&h->lock);
        rc = auth_again(h->web->auth, h->db, who, &again, &err);
        pthread_mutex_lock(&h->lock);
        for (struct stream *s = h->first; s && rc >= 0; s = s->next)
                if (memcmp(s->who->hash, who->hash, sizeof who->hash) == 0) {
                        s->over |= rc == 0;
                        if (rc == 1) {
                                principal_unref(s->who);
                                s->who = principal_ref(again);
                        }
                }
        principal_unref(again);
        principal_unref(who);
}

/* ---- the hub ---------------------------------------------------------------------------------------------
 */

static int64_t min64(int64_t a, int64_t b)
{
        return a < b ? a : b;
}

/* Resume those that have something to say, or end. Returns when the next one has. */
static int64_t resume_due(struct streams *h, int64_t now)
{
        int64_t next = now + STREAM_BEAT_MS;

        for (struct stream *s = h->first; s; s = s->next) {
                int64_t due = min64(listener_due(&s->hears, &h->feed), s->hears.wrote_at + STREAM_BEAT_MS);

                s->over |= now - s->born_at >= STREAM_LIFE_MS || link_was_left(s->link);
                if (s->over || h->closed || due <= now)
                        resume(s);
                else
                        next = min64(next, due);
        }
        return next;
}

static void wait_until(struct streams *h, int64_t now, int64_t until)
{
        struct timespec t = clock_ahead_ms(until - now);

        pthread_cond_timedwait(&h->more, &h->lock, &t);
}

/* Nobody listens, and nobody came back for a while. */
static void rest(struct streams *h)
{
        h->looking = false;
        h->event = -1;
        h->named_count = 0;
        while (!h->closed && !h->count)
                pthread_cond_wait(&h->more, &h->lock);
}

/* What came, told as soon as its time has come. Returns when there is more to do. */
static int64_t turn(struct streams *h, int64_t now)
{
        if (h->named_count && now >= h->tell_again_at) {
                tell_named(h);
                h->tell_again_at = now + STREAM_TURN_MS;
        }
        if ((h->news || h->fresh) && now >= h->look_again_at) {
                bool news = h->news,
                     compares = h->fresh || h->named_all || now - h->compared_at >= STREAM_COMPARE_MS;

                h->news = h->fresh = h->named_all = false;
                look(h, news, compares);
        }
        return min64(h->named_count ? h->tell_again_at : INT64_MAX,
                     h->news || h->fresh ? h->look_again_at : INT64_MAX);
}

static void *hub_main(void *arg)
{
        struct streams *h = arg;
        int64_t now, next;

        pthread_mutex_lock(&h->lock);
        while (!h->closed) {
                now = clock_boot_ms();
                if (h->count)
                        h->empty_since = now;
                if (now - h->empty_since >= STREAM_LINGER_MS || !h->looking) {
                        rest(h);
                        continue;
                }
                next = turn(h, now);
                recheck_one(h, now);
                next = min64(next, resume_due(h, clock_boot_ms()));
                /* More may have come while the lock was open. */
                if (h->named_count)
                        next = min64(next, h->tell_again_at);
                if (h->news || h->fresh)
                        next = min64(next, h->look_again_at);
                if (!h->closed)
                        wait_until(h, clock_boot_ms(), next);
        }
        pthread_mutex_unlock(&h->lock);
        db_close(h->db);
        h->db = NULL;
        return NULL;
}

static void take_names(struct streams *h, const char *names)
{
        char *end;

        h->named_all |= !*names;
        for (const char *p = names; *p && *p != '-'; p = end + (*end == ',')) {
                int64_t job = strtoll(p, &end, 10);

                if (end == p || h->named_count == STREAM_NAMES_MAX) {
                        h->named_all = true;
                        return;
                }
                h->named[h->named_count++] = job;
        }
}

void streams_news(struct web *w, const char *names)
{
        struct streams *h = w->streams;

        if (!h)
                return;
        pthread_mutex_lock(&h->lock);
        if (h->looking) {
                bool sleeps = !h->news || !h->named_count;

                take_names(h, names);
                h->news = true;
                if (sleeps)
                        pthread_cond_signal(&h->more);
        }
        pthread_mutex_unlock(&h->lock);
}

void streams_left(struct web *w)
{
        struct streams *h = w->streams;

        pthread_mutex_lock(&h->lock);
        pthread_cond_signal(&h->more);
        pthread_mutex_unlock(&h->lock);
}

int streams_open(struct web *w)
{
        int n;

        pthread_mutex_lock(&w->streams->lock);
        n = w->streams->count;
        pthread_mutex_unlock(&w->streams->lock);
        return n;
}

/* ---- life ------------------------------------------------------------------------------------------------
 */

int streams_start(struct web *w, struct err *err)
{
        struct streams *h = xcalloc(1, sizeof *h);
        pthread_condattr_t monotonic;

        h->web = w;
        h->event = -1;
        feed_init(&h->feed, (uint64_t)clock_wall_ms() * 1000);
        pthread_mutex_init(&h->lock, NULL);
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_cond_init(&h->more, &monotonic);
        pthread_condattr_destroy(&monotonic);
        w->streams = h;
        if (pthread_create(&h->thread, NULL, hub_main, h) != 0)
                return err_set(err, ERR_SYSTEM, "could not start the thread of live streams");
        h->runs = true;
        return 0;
}

void streams_close(struct web *w)
{
        struct streams *h = w->streams;

        if (!h)
                return;
        pthread_mutex_lock(&h->lock);
        h->closed = true;
        pthread_cond_signal(&h->more);
        for (struct stream *s = h->first; s; s = s->next)
                resume(s);
        pthread_mutex_unlock(&h->lock);
        if (h->runs)
                pthread_join(h->thread, NULL);
        h->runs = false;
}

void streams_stop(struct web *w)
{
        struct streams *h = w->streams;

        if (!h)
                return;
        streams_close(w);
        feed_release(&h->feed);
        free(h->watchers);
        free(h->watched);
        pthread_cond_destroy(&h->more);
        pthread_mutex_destroy(&h->lock);
        free(h);
        w->streams = NULL;
}
