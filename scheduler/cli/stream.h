/* SPDX-License-Identifier: Apache-2.0 */
/* stream.h - server-sent events, taken apart. Pure: bytes in, events out; docs/api.md says what they mean.
 *
 * Lines and events are bounded: one that is longer is left out.
 */
#ifndef REEVE_CLI_STREAM_H
#define REEVE_CLI_STREAM_H

#include "common/buf.h"

#include <stdbool.h>
#include <stddef.h>

#define STREAM_LINE_MAX 65536
#define STREAM_DATA_MAX (1 << 20)

struct stream_event {
        const char *id;   /* the last one said; "" at first */
        const char *name; /* "message" when the event has none */
        const char *data;
};

/* False ends the reading. */
typedef bool (*stream_event_cb)(void *arg, const struct stream_event *e);

struct stream_parser {
        struct buf line, data;
        char id[64], name[64];
        bool too_long; /* the line or the data of this event */
        bool carriage; /* a carriage return ended the last line: a newline after it is part of it */
        stream_event_cb on_event;
        void *arg;
};

void stream_parser_init(struct stream_parser *p, stream_event_cb on_event, void *arg);
void stream_parser_release(struct stream_parser *p);
/* False: the callback wants no more. */
bool stream_parser_feed(struct stream_parser *p, const void *bytes, size_t n);

#endif
