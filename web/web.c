/* SPDX-License-Identifier: Apache-2.0 */
#include "web/web.h"

#include "common/log.h"
#include "common/util.h"
#include "web/assets.h"
#include "web/cards.h"
#include "web/download.h"
#include "web/attempts.h"
#include "web/metrics.h"
#include "web/notices.h"
#include "web/oidc.h"
#include "web/rate.h"
#include "web/fresh.h"
#include "web/spool.h"
#include "web/password.h"
#include "web/quota.h"
#include "web/stream.h"
#include "web/trial.h"
#include "web/upload.h"
#include "web/wake.h"
#include "web/tls.h"
#include "web/web_priv.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define THREADS_DEFAULT     8
#define CONNECTIONS_DEFAULT 2000
#define ADDRESS_DEFAULT     500
#define FILES_BESIDE        256  /* open files beside those of connections */
#define REQUEST_RATE        2000 /* of one user, in a second */
#define DISK_RESERVE        (256LL << 20)
#define LIVE_JOBS_MAX       1000000
#define UPLOAD_MAX          (64LL << 30)
#define LEASE_MS            (24 * 3600 * 1000LL)
#define HALF_LIFE_MS        (24 * 3600 * 1000LL)

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool sodium_failed;

static void init_once(void)
{
        sodium_failed = sodium_init() < 0;
        json_object_seed(0);
        routes_init();
}

static void thread_db_drop(void *p)
{
        struct thread_db *t = p;

        db_close(t->db);
        free(t);
}

static void settings_copy(struct web *w, const struct web_settings *s)
{
        w->conninfo = xstrdup(s->conninfo);
        w->listen = xstrdup(s->listen ? s->listen : "127.0.0.1:8080");
        w->public_url = xstrdup(s->public_url);
        w->allowed_hosts = xstrdup(s->allowed_hosts);
        w->ui_dir = xstrdup(s->ui_dir);
        w->data_dir = xstrdup(s->data_dir);
        w->threads = s->threads > 0 ? s->threads : THREADS_DEFAULT;
        if (w->threads > THREADS_MAX)
                w->threads = THREADS_MAX;
        w->connections_max = s->connections_max > 0 ? s->connections_max : CONNECTIONS_DEFAULT;
        w->address_connections_max =
            s->address_connections_max > 0 ? s->address_connections_max : ADDRESS_DEFAULT;
        w->cookie_secure = s->cookie_secure;
        w->request_rate = s->request_rate ? s->request_rate : REQUEST_RATE;
        w->request_rate = w->request_rate < 0 ? 0 : w->request_rate;
        w->disk_reserve = s->disk_reserve > 0 ? s->disk_reserve : DISK_RESERVE;
        w->live_jobs_max = s->live_jobs_max > 0 ? s->live_jobs_max : LIVE_JOBS_MAX;
        w->upload_dir = xstrdup(s->upload_dir);
        w->upload_max = s->upload_max > 0 ? s->upload_max : UPLOAD_MAX;
        w->upload_project_max = s->upload_project_max > 0 ? s->upload_project_max : w->upload_max / 2;
        w->lease_ms = s->lease_ms > 0 ? s->lease_ms : LEASE_MS;
        w->notice_settings = (struct notice_settings){.smtp = xstrdup(s->smtp),
                                                      .smtp_from = xstrdup(s->smtp_from),
                                                      .smtp_user = xstrdup(s->smtp_user),
                                                      .smtp_password_file = xstrdup(s->smtp_password_file),
                                                      .networks = xstrdup(s->notice_networks)};
        w->config = xstrdup(s->config);
        w->state_dir = xstrdup(s->state_dir);
        w->connector = xstrdup(s->connector);
        w->worker_dir = xstrdup(s->worker_dir);
        w->try_local = s->try_local;
        w->half_life_ms = s->half_life_ms > 0 ? s->half_life_ms : HALF_LIFE_MS;
}

/* As many descriptors as the connections need, as far as we may: the usual limit is half of that. */
static void allow_files(const struct web *w)
{
        rlim_t need = (rlim_t)w->connections_max + FILES_BESIDE;
        struct rlimit r;

        if (getrlimit(RLIMIT_NOFILE, &r) < 0 || r.rlim_cur >= need)
                return;
        r.rlim_cur = r.rlim_max < need ? r.rlim_max : need;
        if (setrlimit(RLIMIT_NOFILE, &r) < 0 || r.rlim_cur < need)
                log_warn("web: %llu open files are too few for %d connections: raise LimitNOFILE to %llu",
                         (unsigned long long)r.rlim_cur, w->connections_max, (unsigned long long)need);
}

static void notice_settings_free(struct notice_settings *s)
{
        free(s->smtp);
        free(s->smtp_from);
        free(s->smtp_user);
        free(s->smtp_password_file);
        free(s->networks);
}

static void web_free(struct web *w)
{
        if (w->db_key_made)
                pthread_key_delete(w->db_key);
        auth_free(w->auth);
        tls_free(w->tls);
        attempts_free(w->attempts);
        oidc_free(w->oidc);
        quota_free(w->quota);
        world_free(w->world);
        metrics_free(w->metrics);
        cards_free(w->cards);
        fresh_free(w->fresh);
        rate_free(w->rate);
        assets_free(w->assets);
        spool_free(w->spool);
        pthread_mutex_destroy(&w->sweep_lock);
        pthread_mutex_destroy(&w->downloads_lock);
        pthread_cond_destroy(&w->sweep_end);
        pthread_mutex_destroy(&w->links_lock);
        free(w->links);
        notice_settings_free(&w->notice_settings);
        free(w->conninfo);
        free(w->listen);
        free(w->public_url);
        free(w->allowed_hosts);
        free(w->ui_dir);
        free(w->data_dir);
        free(w->upload_dir);
        free(w->config);
        free(w->unix_path);
        free(w->state_dir);
        free(w->connector);
        free(w->worker_dir);
        free(w);
}

static int parts_start(struct web *w, struct err *err)
{
        if (pthread_key_create(&w->db_key, thread_db_drop) != 0)
                return err_set(err, ERR_SYSTEM, "could not make a key for thread data");
        w->db_key_made = true;
        w->auth = auth_new();
        w->attempts = attempts_new();
        w->quota = quota_new();
        w->world = world_new();
        w->metrics = metrics_new();
        w->fresh = fresh_new();
        w->cards = cards_new(w->fresh);
        w->rate = rate_new(w->request_rate);
        w->assets = assets_new(w->ui_dir);
        if ((w->upload_dir && spool_new(w->upload_dir, &w->spool, err) < 0) ||
            upload_sweeper_start(w, err) < 0 || errands_start(PASSWORDS_AT_ONCE, &w->passwords, err) < 0)
                return -1;
        if (streams_start(w, err) < 0 || wake_start(w, err) < 0 || server_start(w, err) < 0)
                return -1;
        return links_start(w, err);
}

/* One without the other is a slip that would leave the pages open. */
static int tls_begin(struct web *w, const struct web_settings *s, struct err *err)
{
        bool cert = s->tls_cert && *s->tls_cert, key = s->tls_key && *s->tls_key;

        if (cert != key)
                return err_set(err, ERR_BAD_INPUT, "tls_cert and tls_key belong together: %s is missing",
                               cert ? "tls_key" : "tls_cert");
        if (!cert)
                return 0;
        w->cookie_secure = true;
        return tls_new(s->tls_cert, s->tls_key, &w->tls, err);
}

int web_start(const struct web_settings *s, struct web **ret, struct err *err)
{
        struct web *w;

        pthread_once(&once, init_once);
        if (sodium_failed)
                return err_set(err, ERR_SYSTEM, "could not start libsodium");
        w = xcalloc(1, sizeof *w);
        w->listen_fd = w->stop_fd = -1;
        pthread_mutex_init(&w->links_lock, NULL);
        pthread_mutex_init(&w->sweep_lock, NULL);
        pthread_mutex_init(&w->downloads_lock, NULL);
        pthread_cond_init(&w->sweep_end, NULL);
        w->links = xcalloc(LINKS_MAX, sizeof *w->links);
        settings_copy(w, s);
        allow_files(w);
        if (peer_list_read(s->trusted_proxies, &w->proxies, err) < 0 || tls_begin(w, s, err) < 0) {
                web_free(w);
                return -1;
        }
        if (parts_start(w, err) < 0) {
                web_stop(w);
                return -1;
        }
        if (!w->public_url)
                w->public_url =
                    w->is_unix ? xstrdup("")
                               : xasprintf("%s://%.*s:%d", w->tls ? "https" : "http",
                                           (int)(strrchr(w->listen, ':') - w->listen), w->listen, w->port);
        /* Links in mail, and the way back from a provider, start with the address, known only now. */
        if (notices_start(w, err) < 0 || oidc_new(&s->oidc, w->public_url, &w->oidc, err) < 0 ||
            errands_start(w->oidc ? OIDC_AT_ONCE : 0, &w->oidc_errands, err) < 0 || trial_start(w, err) < 0) {
                web_stop(w);
                return -1;
        }
        *ret = w;
        return 0;
}

/* Order matters: no new connections, then nothing that waits (libmicrohttpd aborts on suspended connections),
 * then the loops. */
void web_stop(struct web *w)
{
        if (!w)
                return;
        atomic_store(&w->closing, true);
        upload_sweeper_stop(w);
        links_stop(w);
        wake_close(w);
        streams_close(w);
        downloads_stop(w);
        server_drain(w);
        server_stop(w);
        wake_stop(w);
        notices_stop(w);
        trial_stop(w);
        streams_stop(w);
        errands_stop(w->passwords);
        errands_stop(w->oidc_errands);
        web_free(w);
}

int web_port(const struct web *w)
{
        return w->port;
}

int64_t web_requests(const struct web *w)
{
        return atomic_load(&w->requests);
}
