/* SPDX-License-Identifier: Apache-2.0 */
/* web.h - the HTTP server: the JSON API of docs/api.md, the dashboard's files, health and metrics.
 *
 * web_start opens its own database connections (one for each worker thread, one that listens, one that
 * notifies) and returns when it answers. It shares nothing with the engine but the database: what the engine
 * should look at is written there and NOTIFY reeve_engine says so, coalesced; NOTIFY reeve_web wakes requests
 * that wait for a change. A database that goes away is answered with 503 until it is back.
 *
 * SIGPIPE must be ignored by the program. Several servers may run in one process.
 */
#ifndef REEVE_WEB_H
#define REEVE_WEB_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

struct web;

/* Signing in at an OpenID provider: settings oidc_*, as docs/configuration.md has them. */
struct oidc_settings {
        const char *issuer; /* NULL or "": nobody signs in there */
        const char *client_id, *client_secret_file, *scopes, *label, *algorithms;
        const char *name_claim, *groups_claim, *groups; /* what to read, and what groups give */
        const char *new_users, *role;
};

/* All strings are copied. Zero and NULL choose the default. */
struct web_settings {
        const char *conninfo; /* as libpq takes it; required */
        const char *listen;   /* "127.0.0.1:8080" (default; port 0: any free), "[::1]:8080", "unix:/path" */
        int threads;          /* worker threads, each with a database connection; default 8, at most 64 */
        int connections_max;  /* open connections in all; default 2000; one over it is closed at once */
        int address_connections_max; /* open connections from one address; default 500 */
        const char *public_url;      /* what login links start with; default http://<listen> */
        const char *allowed_hosts;   /* further names in a Host header, separated by commas; "*" allows any */
        const char *ui_dir; /* serve the dashboard from this directory instead of the built-in files */
        bool cookie_secure; /* the page is reached over TLS: cookie is __Host-reeve, with Secure */
        const char *tls_cert,
            *tls_key; /* files in PEM form: the server speaks TLS; read again when they change */
        const char *trusted_proxies; /* addresses and blocks whose X-Forwarded-For and -Proto count: peer.h */
        const char *data_dir;  /* the database's directory, if it is on this machine: its disk is watched */
        int64_t request_rate;  /* requests of one user in a second; default 2000, negative: any number */
        int64_t disk_reserve;  /* refuse new jobs below this many free bytes there; default 256 MiB */
        int64_t live_jobs_max; /* refuse new jobs above this many that have not ended; default 1,000,000 */
        int64_t lease_ms;      /* the longest lease a job may ask for; default 24 hours */
        const char
            *upload_dir; /* where files that people send lie until they are at a site; NULL: none are taken */
        int64_t upload_max;         /* bytes of them in all; default 64 GiB */
        int64_t upload_project_max; /* of one project; default half of that */
        const char *smtp; /* notices by mail go here: "smtp://host:25", "smtps://host"; NULL: none are sent */
        const char *smtp_from;                      /* from this address */
        const char *smtp_user, *smtp_password_file; /* how the mail server knows us; may be NULL */
        const char *notice_networks; /* not public, but webhooks may go there: "10.0.0.0/8, fd00::/8" */
        int64_t half_life_ms;        /* of use in fair share, as the engine has it; default 24 hours */
        struct oidc_settings oidc;
        const char *config;    /* the settings in effect, as the items of GET /v1/config; NULL: none */
        const char *state_dir; /* reeved's own; looked at by the checks of a new server, may be NULL */
        const char *connector, *worker_dir; /* the programs that the engine uses; NULL: it runs elsewhere */
        bool try_local; /* this machine may become a site to try things: trial.h; needs both of the above */
};

int web_start(const struct web_settings *s, struct web **ret, struct err *err);

/* Answers what is being worked on, ends waiting requests, closes everything. NULL is fine. */
void web_stop(struct web *w);

/* The TCP port listened on (the one chosen when port 0 was asked for); 0 for a Unix socket. */
int web_port(const struct web *w);

/* Work counted since the start, for tests and the daemon's log. */
int64_t web_requests(const struct web *w);

#endif
