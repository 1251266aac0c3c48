/* SPDX-License-Identifier: Apache-2.0 */
/* stream.h - live streams (docs/api.md, "The stream"): one thread finds what changed and tells the streams.
 *
 * A stream is a reply without an end: suspended while it has nothing to say, resumed by the hub. News wake
 * the hub (wake.c). The jobs that they name are told to those who watch them without asking the database, at
 * most STREAM_TURN_MS apart; for the rest it looks at most STREAM_LOOK_MS apart, and spends at most a
 * STREAM_SHAREth of its time in the database, so a thousand streams cost the engine no more than one. Jobs
 * are compared with what was known of them when somebody came, after news without names, and now and then in
 * case a word was lost. Without streams it does nothing.
 *
 * libmicrohttpd does not notice that the client of a suspended connection left: link.c looks for that once a
 * second, so that who comes back finds room; of those behind a proxy the heartbeat finds out. A client that
 * does not read is cut by the deadline of its connection.
 */
#ifndef REEVE_STREAM_H
#define REEVE_STREAM_H

#include "web/feed.h"
#include "web/web_priv.h"

#define STREAMS_MAX        1000 /* of one server: half of the connections it takes by default */
#define STREAMS_USER_MAX   64
#define STREAM_TURN_MS     40   /* between two times of telling which jobs were named */
#define STREAM_NAMES_MAX   4096 /* named and not told yet; with more of them, all are compared */
#define STREAM_COMPARE_MS  10000
#define STREAM_LOOK_MS     200
#define STREAM_SHARE       20
#define STREAM_LOOK_MAX_MS 3000 /* it never rests longer, however slow the database is */
#define STREAM_BEAT_MS     15000
#define STREAM_LIFE_MS     (3600 * 1000)
#define STREAM_LINGER_MS   60000 /* keep remembering after the last stream ended: it may come back */
#define STREAM_WATCHED_MAX 5000  /* jobs compared; further ones are told with every news */

struct stream;

int streams_start(struct web *w, struct err *err);
/* End them all; none can begin afterwards. */
void streams_close(struct web *w);
void streams_stop(struct web *w);
/* Something changed that people see; `names` as fresh_heard has them. */
void streams_news(struct web *w, const char *names);
/* The client of some stream left (link_was_left). */
void streams_left(struct web *w);
int streams_open(struct web *w);

/* A stream for the request; NULL: the limit of the server, or of the user (*ret_why says so), is reached.
 * Owned by the request until it has become its response. */
struct stream *stream_new(struct request *rq, const struct topic *topics, size_t n, uint64_t last_id,
                          const char **ret_why);
/* NULL is fine. */
void stream_free(struct stream *s);
/* The response, which then owns the stream. */
struct MHD_Response *stream_response(struct stream *s);

#endif
