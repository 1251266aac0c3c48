/* SPDX-License-Identifier: Apache-2.0 */
#include "web/wake.h"

#include "common/log.h"
#include "common/util.h"
#include "web/fresh.h"
#include "web/stream.h"
#include "web/tls.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define FALLBACK_MS   2000 /* a waiting request looks again after this even if no news came */
#define GAP_MIN_MS    4    /* between two looks of one request */
#define NOTIFY_GAP_MS 2    /* between two words to the engine */
#define WATCH_MS      1000 /* between two looks at the disk and the number of live jobs */
#define RETRY_MS      500  /* between attempts to reach the database */
#define NAMES_MAX     64   /* jobs told to other servers by name at once; more are "any" */

struct wake {
        struct web *web;
        /* waiting requests */
        pthread_mutex_t lock;
        struct request *first;
        int count;
        bool closed;
        _Atomic uint64_t news;
        int event_fd;
        pthread_t listener;
        bool listener_runs;
        /* word to the engine and to other servers */
        pthread_mutex_t notify_lock;
        pthread_cond_t notify_more;
        bool to_engine, to_web, notify_closed;
        int64_t names[NAMES_MAX]; /* jobs that to_web is about */
        size_t name_count;
        bool any_job;
        pthread_t notifier;
        bool notifier_runs;
};

/* ---- waiting ---------------------------------------------------------------------------------------------
 */

uint64_t wake_news_seen(struct web *w)
{
        return atomic_load(&w->wake->news);
}

int wake_waiting(struct web *w)
{
        int n;

        pthread_mutex_lock(&w->wake->lock);
        n = w->wake->count;
        pthread_mutex_unlock(&w->wake->lock);
        return n;
}

static void poke(struct wake *k)
{
        uint64_t one = 1;
        ssize_t ignored = write(k->event_fd, &one, sizeof one);

        (void)ignored;
}

/* A millisecond for each waiting request: a thousand looks a second in all. */
static int64_t gap(const struct wake *k)
{
        return k->count > GAP_MIN_MS ? k->count : GAP_MIN_MS;
}

static void unlink_request(struct wake *k, struct request *rq)
{
        if (rq->wait_prev)
                rq->wait_prev->wait_next = rq->wait_next;
        else
                k->first = rq->wait_next;
        if (rq->wait_next)
                rq->wait_next->wait_prev = rq->wait_prev;
        rq->wait_prev = rq->wait_next = NULL;
        k->count--;
}

bool wake_wait(struct request *rq)
{
        struct wake *k = rq->web->wake;
        int64_t now = clock_boot_ms(), again = rq->recheck_ms ? rq->recheck_ms : FALLBACK_MS;
        bool waits;

        pthread_mutex_lock(&k->lock);
        waits = !k->closed;
        if (waits) {
                rq->checked_at = now;
                rq->due_at = atomic_load(&k->news) != rq->news_seen ? now + gap(k) : now + again;
                if (rq->woken)
                        rq->due_at = now;
                rq->woken = false;
                if (rq->due_at > rq->wait_until)
                        rq->due_at = rq->wait_until;
                link_set_no_deadline(rq->link);
                MHD_suspend_connection(rq->con);
                rq->wait_prev = NULL;
                rq->wait_next = k->first;
                if (k->first)
                        k->first->wait_prev = rq;
                k->first = rq;
                k->count++;
        }
        pthread_mutex_unlock(&k->lock);
        if (waits)
                poke(k);
        return waits;
}

void wake_request(struct request *rq)
{
        struct wake *k = rq->web->wake;

        pthread_mutex_lock(&k->lock);
        rq->woken = !(rq->wait_prev || rq->wait_next || k->first == rq);
        if (!rq->woken)
                rq->due_at = rq->checked_at;
        pthread_mutex_unlock(&k->lock);
        poke(k);
}

void wake_forget(struct request *rq)
{
        struct wake *k = rq->web->wake;

        pthread_mutex_lock(&k->lock);
        if (rq->wait_prev || rq->wait_next || k->first == rq)
                unlink_request(k, rq);
        pthread_mutex_unlock(&k->lock);
}

/* Resume what is due; news make everything due that did not look just now. Returns ms until the next one. */
static int resume_due(struct wake *k, bool news)
{
        int64_t now = clock_boot_ms(), next = now + WATCH_MS;

        pthread_mutex_lock(&k->lock);
        for (struct request *rq = k->first, *after; rq; rq = after) {
                after = rq->wait_next;
                if (news && rq->due_at > rq->checked_at + gap(k))
                        rq->due_at = rq->checked_at + gap(k);
                if (k->closed || rq->due_at <= now) {
                        unlink_request(k, rq);
                        MHD_resume_connection(rq->con);
                } else if (rq->due_at < next) {
                        next = rq->due_at;
                }
        }
        pthread_mutex_unlock(&k->lock);
        return (int)(next - now);
}

/* ---- listening -------------------------------------------------------------------------------------------
 */

static void watch_disk(struct web *w)
{
        struct statvfs v;

        if (w->data_dir && statvfs(w->data_dir, &v) == 0)
                atomic_store(&w->disk_is_full, (int64_t)v.f_bavail * (int64_t)v.f_frsize < w->disk_reserve);
}

static void watch_jobs(struct web *w, struct db *db)
{
        int64_t n;

        if (store_live_estimate(db, &n, NULL) == 0)
                atomic_store(&w->live_jobs, n);
}

/* Names as fresh_heard has them. */
static void heard(struct wake *k, const char *names)
{
        fresh_heard(k->web->fresh, names);
        atomic_fetch_add(&k->news, 1);
        streams_news(k->web, names);
        poke(k);
}

static void listen_again(struct wake *k, struct db **db)
{
        struct err err;

        if (*db && db_is_ok(*db))
                return;
        if ((*db ? db_reconnect(*db, &err)
                 : db_open(k->web->conninfo, "reeve-web-listen", STATEMENT_MS, db, &err)) < 0)
                return;
        db_listen(*db, "reeve_web", &err);
        heard(k, ""); /* what happened meanwhile was not heard */
}

static void on_word(void *arg, const char *payload)
{
        struct web *w = arg;

        fresh_heard(w->fresh, payload);
        streams_news(w, payload);
}

static void listen_wait(struct wake *k, struct db *db, int timeout_ms)
{
        struct pollfd fds[2] = {{.fd = k->event_fd, .events = POLLIN},
                                {.fd = db && db_is_ok(db) ? db_socket(db) : -1, .events = POLLIN}};
        uint64_t ignored;

        if (poll(fds, 2, timeout_ms) < 0)
                return;
        if (fds[0].revents && read(k->event_fd, &ignored, sizeof ignored) < 0 && errno != EAGAIN)
                log_error("web: could not read an event: %m");
        if (fds[1].revents && db_notifications_read(db, on_word, k->web) > 0)
                atomic_fetch_add(&k->news, 1);
}

static void *listener_main(void *arg)
{
        struct wake *k = arg;
        struct db *db = NULL;
        int64_t watched = 0, tried = 0, now;
        uint64_t seen = 0;
        int timeout = 0;

        while (!atomic_load(&k->web->closing)) {
                now = clock_boot_ms();
                if ((!db || !db_is_ok(db)) && now - tried >= RETRY_MS) {
                        tried = now;
                        listen_again(k, &db);
                }
                if (now - watched >= WATCH_MS) {
                        watched = now;
                        watch_disk(k->web);
                        if (k->web->tls)
                                tls_look(k->web->tls);
                        if (db && db_is_ok(db))
                                watch_jobs(k->web, db);
                }
                listen_wait(k, db, timeout);
                timeout = resume_due(k, atomic_load(&k->news) != seen);
                seen = atomic_load(&k->news);
                if ((!db || !db_is_ok(db)) && timeout > RETRY_MS)
                        timeout = RETRY_MS;
        }
        db_close(db);
        return NULL;
}

/* ---- telling ---------------------------------------------------------------------------------------------
 */

/* What others are to be told. */
struct word {
        bool engine, web, any_job;
        int64_t names[NAMES_MAX];
        size_t name_count;
};

static void tell(struct db **db, struct web *w, const struct word *word)
{
        struct err err;

        if (!*db && db_open(w->conninfo, "reeve-web-notify", STATEMENT_MS, db, &err) < 0)
                return;
        if (!db_is_ok(*db) && db_reconnect(*db, &err) < 0)
                return;
        if (word->engine)
                db_notify(*db, "reeve_engine", &err);
        if (word->web && word->any_job) {
                db_notify(*db, "reeve_web", &err);
        } else if (word->web) {
                for (size_t i = 0; i < word->name_count; i++)
                        db_about(*db, word->names[i]);
                db_notify_about(*db, "reeve_web", 0, &err);
        }
}

static struct word take_word(struct wake *k)
{
        struct word w = {
            .engine = k->to_engine, .web = k->to_web, .any_job = k->any_job, .name_count = k->name_count};

        memcpy(w.names, k->names, k->name_count * sizeof *w.names);
        k->to_engine = k->to_web = k->any_job = false;
        k->name_count = 0;
        return w;
}

/* A lost word does no harm: the engine looks by itself now and then. */
static void *notifier_main(void *arg)
{
        struct wake *k = arg;
        struct db *db = NULL;

        pthread_mutex_lock(&k->notify_lock);
        for (;;) {
                struct word word;

                while (!k->notify_closed && !k->to_engine && !k->to_web)
                        pthread_cond_wait(&k->notify_more, &k->notify_lock);
                if (k->notify_closed)
                        break;
                word = take_word(k);
                pthread_mutex_unlock(&k->notify_lock);
                tell(&db, k->web, &word);
                usleep(NOTIFY_GAP_MS * 1000);
                pthread_mutex_lock(&k->notify_lock);
        }
        pthread_mutex_unlock(&k->notify_lock);
        db_close(db);
        return NULL;
}

/* The waiting requests here at once; other servers by the database. */
void wake_web(struct web *w, int64_t job)
{
        struct wake *k = w->wake;
        char name[24];

        snprintf(name, sizeof name, "%lld", (long long)job);
        heard(k, job > 0 ? name : job ? "" : "-");
        pthread_mutex_lock(&k->notify_lock);
        if (job > 0 && k->name_count < NAMES_MAX)
                k->names[k->name_count++] = job;
        else if (job)
                k->any_job = true;
        k->to_web = true;
        pthread_cond_signal(&k->notify_more);
        pthread_mutex_unlock(&k->notify_lock);
}

void wake_engine(struct web *w)
{
        struct wake *k = w->wake;

        pthread_mutex_lock(&k->notify_lock);
        k->to_engine = true;
        pthread_cond_signal(&k->notify_more);
        pthread_mutex_unlock(&k->notify_lock);
}

/* ---- life ------------------------------------------------------------------------------------------------
 */

int wake_start(struct web *w, struct err *err)
{
        struct wake *k = xcalloc(1, sizeof *k);

        w->wake = k;
        k->web = w;
        pthread_mutex_init(&k->lock, NULL);
        pthread_mutex_init(&k->notify_lock, NULL);
        pthread_cond_init(&k->notify_more, NULL);
        k->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (k->event_fd < 0)
                return err_errno(err, "could not make an event descriptor");
        if (pthread_create(&k->listener, NULL, listener_main, k) != 0)
                return err_set(err, ERR_SYSTEM, "could not start the listening thread");
        k->listener_runs = true;
        if (pthread_create(&k->notifier, NULL, notifier_main, k) != 0)
                return err_set(err, ERR_SYSTEM, "could not start the notifying thread");
        k->notifier_runs = true;
        return 0;
}

void wake_close(struct web *w)
{
        struct wake *k = w->wake;

        if (!k)
                return;
        pthread_mutex_lock(&k->lock);
        k->closed = true;
        pthread_mutex_unlock(&k->lock);
        resume_due(k, true);
        pthread_mutex_lock(&k->notify_lock);
        k->notify_closed = true;
        pthread_cond_signal(&k->notify_more);
        pthread_mutex_unlock(&k->notify_lock);
        poke(k);
        if (k->listener_runs)
                pthread_join(k->listener, NULL);
        if (k->notifier_runs)
                pthread_join(k->notifier, NULL);
        k->listener_runs = k->notifier_runs = false;
}

void wake_stop(struct web *w)
{
        struct wake *k = w->wake;

        if (!k)
                return;
        wake_close(w);
        if (k->event_fd >= 0)
                close(k->event_fd);
        pthread_cond_destroy(&k->notify_more);
        pthread_mutex_destroy(&k->notify_lock);
        pthread_mutex_destroy(&k->lock);
        free(k);
        w->wake = NULL;
}
