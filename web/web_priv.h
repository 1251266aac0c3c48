/* SPDX-License-Identifier: Apache-2.0 */
/* web_priv.h - what the parts of the server share.
 *
 * Threads: one accepts connections and cuts slow ones (link.c); `threads` event loops of libmicrohttpd, each
 * with its connections and its own database connection (server.c); one listens to the database and wakes
 * what waits, one tells the engine (wake.c).
 */
#ifndef REEVE_WEB_PRIV_H
#define REEVE_WEB_PRIV_H

#include "web/auth.h"
#include "web/request.h"
#include "web/routes.h"
#include "web/web.h"
#include "web/world.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

#define THREADS_MAX      64
#define LINKS_MAX        65536         /* highest descriptor + 1 that a connection may have */
#define BODIES_MAX       (512LL << 20) /* bytes of request bodies held at once by all requests */
#define HEAD_MS          10000         /* from connecting to the first request's head */
#define UNREAD_MS        2000          /* more for a client whose bytes we have not come to read */
#define IDLE_MS          75000         /* between requests */
#define REQUEST_MS       30000         /* to receive a request, and to take a reply */
#define REQUEST_BIG_MS   180000
#define STATEMENT_MS     20000 /* longest database statement of a request */
#define RECONNECT_GAP_MS 200   /* between attempts of one thread to reach the database again */

/* One connection; its descriptor is the place in the array. */
struct link {
        bool used;
        int daemon;
        char address[48];
        atomic_llong deadline; /* boot ms; it is cut after that. INT64_MAX: never */
        atomic_bool awaits;    /* something of the client's, and not that it takes our answer */
        int64_t ended_at;      /* the deadline at which its client was seen to have ended; 0: it was not */
        atomic_bool streams;   /* its answer has no end */
        atomic_bool left;      /* and nobody reads it any more */
};

struct thread_db {
        struct db *db;
        int64_t tried_at;
};

/* What notices.c and deliver.c need to know; owned. */
struct notice_settings {
        char *smtp, *smtp_from, *smtp_user, *smtp_password_file, *networks;
};

struct rate;
struct notices;
struct metrics;
struct attempts;
struct quota;
struct errands;
struct oidc;
struct tls;
struct wake;
struct streams;
struct fresh;
struct cards;
struct spool;
struct trial;

struct web {
        /* settings */
        char *conninfo, *listen, *public_url, *allowed_hosts, *ui_dir, *data_dir;
        int threads, connections_max, address_connections_max;
        bool cookie_secure;
        struct peer_list proxies;
        struct tls *tls; /* NULL: plain */
        int64_t request_rate, disk_reserve, live_jobs_max, lease_ms, half_life_ms;
        /* listening */
        int listen_fd, stop_fd, port;
        bool is_unix;
        char *unix_path;
        pthread_t acceptor;
        bool acceptor_runs;
        /* connections */
        pthread_mutex_t links_lock;
        struct link *links;
        int links_open, links_high; /* highest used + 1 */
        /* serving */
        struct MHD_Daemon *daemons[THREADS_MAX];
        int daemon_load[THREADS_MAX];
        pthread_key_t db_key;
        bool db_key_made;
        atomic_bool closing;
        atomic_llong bodies; /* bytes of request bodies held */
        atomic_llong requests;
        atomic_int under_way; /* requests begun and not completed */
        struct auth *auth;
        struct attempts *attempts;
        struct quota *quota;
        struct errands *passwords, *oidc_errands;
        struct oidc *oidc; /* NULL: no provider */
        char *config;      /* JSON */
        struct world *world;
        struct wake *wake;
        struct streams *streams;
        struct fresh *fresh;
        struct cards *cards;
        struct rate *rate;
        struct notices *notices;
        struct notice_settings notice_settings;
        struct metrics *metrics;
        struct assets *assets;
        /* uploads */
        struct spool *spool; /* NULL: none are taken */
        char *upload_dir;
        int64_t upload_max, upload_project_max; /* bytes promised at once, in all and to one project */
        pthread_t sweeper;
        bool sweeper_runs;
        pthread_mutex_t sweep_lock;
        pthread_cond_t sweep_end;
        /* a new server */
        char *state_dir, *connector, *worker_dir; /* may be NULL */
        bool try_local;
        struct trial *trial; /* NULL: not allowed */
        /* downloads under way */
        pthread_mutex_t downloads_lock;
        struct download *downloads;
        int downloads_open;
        /* admission, looked at by the listening thread */
        atomic_llong live_jobs;
        atomic_bool disk_is_full;
};

/* server.c */
int server_start(struct web *w, struct err *err);
/* Let requests under way get their answers, for a few seconds at most. */
void server_drain(struct web *w);
void server_stop(struct web *w);
/* The calling thread's connection, reconnected when need be. */
struct db *web_db(struct web *w, struct err *err);

int64_t web_now_us(void); /* a clock that only runs on */
/* What the client said under that name; NULL: nothing. */
const char *web_header(const struct request *rq, const char *name);

/* head.c: 0 go on to the body; -1 the reply is written. */
int head_check(struct request *rq);
/* A refusal goes on record. */
void audit_refusal(struct request *rq, const char *why);

/* answer.c */
enum MHD_Result answer(struct request *rq);

/* link.c */
int links_start(struct web *w, struct err *err);
void links_stop(struct web *w);
/* The client has so long to send what is wanted of it. Time in which it lies here unread, because the thread
 * is busy with others, is not the client's. */
void link_await(struct link *l, int64_t ms_from_now);
/* The client has so long to take what is sent to it. */
void link_set_deadline(struct link *l, int64_t ms_from_now);
void link_set_no_deadline(struct link *l);
/* What is answered there has no end: it is over when its client says that nothing more comes. */
void link_streams(struct link *l);
bool link_was_left(const struct link *l);
void link_closed(struct web *w, int fd);

/* problem.c: the reply that says what went wrong; also sets the status. */
void problem_from_err(struct request *rq, const struct err *err);
void problem_reply(struct request *rq, unsigned status, const char *code, const char *detail);
/* What there is: the i-th status (0: no more), and what stands for one. */
unsigned problem_status(size_t i);
const char *problem_code(unsigned status);
const char *problem_title(unsigned status);

#endif
