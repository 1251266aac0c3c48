/* SPDX-License-Identifier: Apache-2.0 */
/* client.h - one conversation with the JSON API.
 *
 * A read that is not streamed, and a write that carries an idempotency key, is repeated while the server is
 * not there or says "unavailable": with jitter, growing, until `patience_ms` have passed. Everything else is
 * sent once. Replies are bounded. The token never shows in messages.
 */
#ifndef REEVE_CLI_CLIENT_H
#define REEVE_CLI_CLIENT_H

#include "common/buf.h"
#include "common/err.h"
#include "stream.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define REPLY_MAX     (256 << 20)
#define WATCH_SECONDS 30     /* how long the server may hold an answer back */
#define PATIENCE_MS   10000  /* for a server that is being restarted */
#define PATIENCE_LONG 600000 /* of somebody who waits for a job anyway */

struct client;

/* Is this an address that client_new takes? */
int client_check_url(const char *url, struct err *err);
/* `url` is http(s)://host[:port][/prefix] or unix:/path; `token` may be NULL. Both are copied. */
int client_new(const char *url, const char *token, bool debug, struct client **ret, struct err *err);
void client_free(struct client *c);
const char *client_url(const struct client *c);
void client_set_patience(struct client *c, int64_t ms);
/* As a page does: cookies are kept as long as the client is, and sent with the sign that a change needs. */
void client_as_page(struct client *c);
/* What is sent holds a password: --debug does not show it. */
void client_hide_bodies(struct client *c);
/* Calls that are not answered within this time fail (0: no such limit). */
void client_set_timeout(struct client *c, int64_t ms);
/* Whenever a call takes longer than a second, `f` is told what is waited for; with NULL when it is over.
 * Calls that the server is asked to hold back are not told of. f may be NULL. */
void client_on_wait(struct client *c, void (*f)(void *arg, const char *what), void *arg);
/* Calls are given up with ERR_UNAVAILABLE soon after *stop becomes non-zero. */
void client_set_stop(struct client *c, const volatile int *stop);
/* The problem document of the last failed call (borrowed), or NULL. */
const json_t *client_problem(const struct client *c);

struct call {
        const char *method; /* NULL: GET */
        const char *path;   /* "/v1/jobs?limit=5", already escaped */
        const json_t *json; /* body, or NULL */
        const char *body;   /* body as text, when json is NULL; or NULL */
        const char *key;    /* idempotency key, or NULL */
        const char *etag;   /* If-None-Match, or NULL */
        /* PUT: the body is so many bytes of a file, from there on. */
        bool from_file;
        int fd;
        int64_t file_offset, file_size;
        /* GET: the bytes of a good answer go there, not into the reply; -1 ends the call. */
        int (*sink)(void *arg, const uint8_t *p, size_t n);
        void *sink_arg;
        int64_t range_from; /* bytes before it are not wanted */
        /* Told now and then how many bytes of this call have gone either way; NULL: nobody. */
        void (*on_bytes)(void *arg, int64_t bytes);
        void *bytes_arg;
};

struct reply {
        long status;
        struct client *client; /* whose it is; for client.c */
        struct buf body;
        json_t *json; /* NULL when the body is not JSON */
        char etag[200];
        /* of a log or a file; -1 when the reply does not say */
        int64_t offset, size, gap_start, gap_end, attempt;
        int64_t received; /* of an upload: bytes at the server; -1 */
        bool final;
};

/* 0 for 2xx and 304; -1 otherwise, with the server's own words. Release the reply in both cases. */
int client_call(struct client *c, const struct call *call, struct reply *ret, struct err *err);
void reply_release(struct reply *r);

/* GET a JSON document: owned, or NULL. */
json_t *client_get(struct client *c, struct err *err, const char *path, ...)
    __attribute__((format(printf, 3, 4)));
/* METHOD with a JSON body (borrowed, may be NULL): the JSON reply, an empty object when there is none, or
 * NULL. */
json_t *client_send(struct client *c, const char *method, const json_t *body, struct err *err,
                    const char *path, ...) __attribute__((format(printf, 5, 6)));

/* Wait until the document at `path` differs from the one that *etag names, for at most `seconds`. Returns the
 * new document in *ret (NULL when nothing changed) and its tag in etag (200 bytes, "" at first: answers at
 * once). Looks only a few times a second, whatever the server does. */
int client_watch(struct client *c, const char *path, char *etag, int seconds, json_t **ret, struct err *err);

/* Read server-sent events from `path` until the callback wants no more (0), or the connection ends or cannot
 * be made (-1; ERR_UNAVAILABLE when it broke: connect again with the last id). `last_id` may be NULL. */
int client_stream(struct client *c, const char *path, const char *last_id, stream_event_cb on_event,
                  void *arg, struct err *err);

/* All items of a list, page by page, up to max; *ret_more says whether there are others. */
json_t *client_list(struct client *c, const char *path, int64_t max, bool *ret_more, struct err *err);

/* All items of a list that comes whole. */
json_t *client_items(struct client *c, const char *path, struct err *err);

/* Sleep so long; a signal may end it early. */
void client_pause(int64_t ms);

/* A fresh idempotency key, 33 bytes. */
char *client_key(char buf[33]);

/* The call as a curl command line with the token as $REEVE_TOKEN. */
void client_add_curl(const struct client *c, const struct call *call, struct buf *out);

#endif
