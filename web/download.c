/* SPDX-License-Identifier: Apache-2.0 */
#include "web/download.h"

#include "common/log.h"
#include "common/util.h"
#include "store/store_data.h"
#include "web/reply.h"
#include "web/wake.h"

#include <poll.h>
#include <string.h>

#define BUFFER_MAX (DOWNLOAD_AHEAD * DOWNLOAD_PIECE)
#define LOOK_MS    25    /* for an answer whose notification was lost */
#define GIVE_MS    30000 /* a client has to take something */

struct piece {
        int64_t call, size;
};

struct download {
        struct web *web;
        struct link *link;
        struct MHD_Connection *con;
        int32_t site;
        int64_t worker, from, size;
        char *path, *actor;
        pthread_mutex_t lock;
        pthread_cond_t room;
        struct buf out; /* in order, not taken yet */
        bool suspended, over, failed, closed, runs;
        pthread_t thread;
        struct download *next; /* of its server's */
};

/* ---- the thread ------------------------------------------------------------------------------------------
 */

struct getter {
        struct download *d;
        struct db *db;
        struct piece pieces[DOWNLOAD_AHEAD];
        size_t first, count; /* a ring */
        int64_t asked;       /* bytes */
};

static int ask(struct getter *g, struct err *err)
{
        struct download *d = g->d;
        int64_t left = d->size - g->asked;
        struct piece *p = &g->pieces[(g->first + g->count) % DOWNLOAD_AHEAD];
        struct buf args;
        int rc;

        *p = (struct piece){.size = left < DOWNLOAD_PIECE ? left : DOWNLOAD_PIECE};
        buf_init(&args, 16384);
        j_obj(&args, NULL);
        j_str(&args, "what", "path");
        j_int(&args, "worker", d->worker);
        j_int(&args, "job", 0);
        j_int(&args, "task", 0);
        j_int(&args, "attempt", 0);
        j_str(&args, "path", d->path);
        j_int(&args, "offset", d->from + g->asked);
        j_int(&args, "limit", p->size);
        j_obj_end(&args);
        rc = store_call_add(g->db, "read", d->site, buf_cstr(&args), d->actor, &p->call, err);
        buf_release(&args);
        if (rc < 0)
                return -1;
        g->asked += p->size;
        g->count++;
        return 0;
}

/* Ask for what there is room for. */
static int ask_ahead(struct getter *g, struct err *err)
{
        bool any = false;

        while (g->count < DOWNLOAD_AHEAD && g->asked < g->d->size) {
                if (ask(g, err) < 0)
                        return -1;
                any = true;
        }
        if (any)
                wake_engine(g->d->web);
        return 0;
}

/* 1 in *ret, 0 not yet. */
static int look(struct getter *g, const struct piece *p, struct rows **ret, struct err *err)
{
        if (store_call_read(g->db, p->call, ret, err) < 0)
                return -1;
        if (!rows_next(*ret))
                return 0;
        if (strcmp(row_text(*ret, "state"), "done") != 0)
                return err_set(err, ERR_UNAVAILABLE, "%s",
                               row_null(*ret, "message") ? "it cannot be read" : row_text(*ret, "message"));
        return 1;
}

/* The answer to the first piece. */
static int wait_first(struct getter *g, struct rows **ret, struct err *err)
{
        const struct piece *p = &g->pieces[g->first];
        int64_t until = clock_boot_ms() + DOWNLOAD_WAIT_MS;
        int rc;

        while ((rc = look(g, p, ret, err)) == 0) {
                struct pollfd f = {db_socket(g->db), POLLIN, 0};

                rows_free(MOVE(*ret));
                if (atomic_load(&g->d->web->closing) || clock_boot_ms() > until)
                        return err_set(err, ERR_UNAVAILABLE, "the site did not answer in time");
                if (poll(&f, 1, LOOK_MS) > 0 && db_notifications(g->db) < 0)
                        return err_set(err, ERR_UNAVAILABLE, "the database connection was lost");
        }
        return rc < 0 ? -1 : 0;
}

static void resume(struct download *d)
{
        if (d->suspended) {
                d->suspended = false;
                MHD_resume_connection(d->con);
        }
}

/* Hand on a piece; false: nobody wants it. */
static bool hand_on(struct download *d, const uint8_t *bytes, size_t n)
{
        pthread_mutex_lock(&d->lock);
        while (!d->closed && buf_len(&d->out) + n > BUFFER_MAX)
                pthread_cond_wait(&d->room, &d->lock);
        buf_put(&d->out, bytes, n);
        resume(d);
        pthread_mutex_unlock(&d->lock);
        return !d->closed;
}

static int get_all(struct getter *g, struct err *err)
{
        while (g->asked < g->d->size || g->count) {
                AUTO_ROWS struct rows *r = NULL;
                const struct piece *p = &g->pieces[g->first];
                const uint8_t *bytes;
                size_t n;

                if (ask_ahead(g, err) < 0 || wait_first(g, &r, err) < 0)
                        return -1;
                bytes = row_bytes(r, "bytes", &n);
                if ((int64_t)n != p->size)
                        return err_set(err, ERR_UNAVAILABLE, "the file is shorter than it was");
                if (!hand_on(g->d, bytes, n))
                        return 0;
                store_call_drop(g->db, p->call, NULL);
                g->first = (g->first + 1) % DOWNLOAD_AHEAD;
                g->count--;
        }
        return 0;
}

static void *run(void *arg)
{
        struct download *d = arg;
        struct getter g = {.d = d};
        struct err err = {0};
        int rc = db_open(d->web->conninfo, "reeve-web-download", STATEMENT_MS, &g.db, &err);

        if (rc == 0)
                rc = db_listen(g.db, "reeve_web", &err);
        if (rc == 0)
                rc = get_all(&g, &err);
        for (; g.count; g.count--, g.first = (g.first + 1) % DOWNLOAD_AHEAD)
                store_call_drop(g.db, g.pieces[g.first].call, NULL);
        db_close(g.db);
        if (rc < 0)
                log_warn("web: a download ended early: %s", err.text);
        pthread_mutex_lock(&d->lock);
        d->over = true;
        d->failed = rc < 0;
        resume(d);
        pthread_mutex_unlock(&d->lock);
        return NULL;
}

/* ---- the response ----------------------------------------------------------------------------------------
 */

static ssize_t download_read(void *cls, uint64_t pos, char *to, size_t max)
{
        struct download *d = cls;
        ssize_t n = 0;

        (void)pos;
        pthread_mutex_lock(&d->lock);
        if (!d->runs && !d->closed) {
                d->runs = pthread_create(&d->thread, NULL, run, d) == 0;
                d->over = d->failed = !d->runs;
        }
        if (buf_len(&d->out)) {
                n = (ssize_t)(buf_len(&d->out) < max ? buf_len(&d->out) : max);
                memcpy(to, buf_bytes(&d->out), (size_t)n);
                buf_consume(&d->out, (size_t)n);
                link_set_deadline(d->link, GIVE_MS);
                pthread_cond_signal(&d->room);
        } else if (d->over || d->closed) {
                n = d->failed || d->closed ? MHD_CONTENT_READER_END_WITH_ERROR
                                           : MHD_CONTENT_READER_END_OF_STREAM;
        } else {
                d->suspended = true;
                link_set_no_deadline(d->link);
                MHD_suspend_connection(d->con);
        }
        pthread_mutex_unlock(&d->lock);
        return n;
}

static void on_free(void *cls)
{
        download_free(cls);
}

struct download *download_new(struct web *w, struct link *link, const struct download_source *s,
                              struct err *err)
{
        struct download *d = xcalloc(1, sizeof *d);

        *d = (struct download){.web = w,
                               .link = link,
                               .site = s->site,
                               .worker = s->worker,
                               .from = s->from,
                               .size = s->size,
                               .path = xstrdup(s->path),
                               .actor = xstrdup(s->actor)};
        pthread_mutex_init(&d->lock, NULL);
        pthread_cond_init(&d->room, NULL);
        buf_init(&d->out, BUFFER_MAX);
        pthread_mutex_lock(&w->downloads_lock);
        if (w->downloads_open < DOWNLOADS_MAX) {
                w->downloads_open++;
                d->next = w->downloads;
                w->downloads = d;
                pthread_mutex_unlock(&w->downloads_lock);
                return d;
        }
        pthread_mutex_unlock(&w->downloads_lock);
        d->web = NULL;
        download_free(d);
        err_set(err, ERR_UNAVAILABLE, "%d downloads are under way already; try again", DOWNLOADS_MAX);
        return NULL;
}

void download_free(struct download *d)
{
        if (!d)
                return;
        pthread_mutex_lock(&d->lock);
        d->closed = true;
        pthread_cond_signal(&d->room);
        pthread_mutex_unlock(&d->lock);
        if (d->runs)
                pthread_join(d->thread, NULL);
        if (d->web) {
                struct download **at = &d->web->downloads;

                pthread_mutex_lock(&d->web->downloads_lock);
                while (*at != d)
                        at = &(*at)->next;
                *at = d->next;
                d->web->downloads_open--;
                pthread_mutex_unlock(&d->web->downloads_lock);
        }
        pthread_cond_destroy(&d->room);
        pthread_mutex_destroy(&d->lock);
        buf_release(&d->out);
        free(d->path);
        free(d->actor);
        free(d);
}

struct MHD_Response *download_response(struct download *d, struct MHD_Connection *con)
{
        struct MHD_Response *r =
            MHD_create_response_from_callback((uint64_t)d->size, DOWNLOAD_PIECE, download_read, d, on_free);

        d->con = con;
        if (!r)
                download_free(d);
        return r;
}

void downloads_stop(struct web *w)
{
        pthread_mutex_lock(&w->downloads_lock);
        for (struct download *d = w->downloads; d; d = d->next) {
                pthread_mutex_lock(&d->lock);
                d->closed = true;
                pthread_cond_signal(&d->room);
                resume(d);
                pthread_mutex_unlock(&d->lock);
        }
        pthread_mutex_unlock(&w->downloads_lock);
}
