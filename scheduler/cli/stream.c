/* SPDX-License-Identifier: Apache-2.0 */
#include "stream.h"

#include <stdio.h>
#include <string.h>

void stream_parser_init(struct stream_parser *p, stream_event_cb on_event, void *arg)
{
        *p = (struct stream_parser){.on_event = on_event, .arg = arg};
        buf_init(&p->line, STREAM_LINE_MAX);
        buf_init(&p->data, STREAM_DATA_MAX);
}

void stream_parser_release(struct stream_parser *p)
{
        buf_release(&p->line);
        buf_release(&p->data);
}

/* An empty line ends an event; one without data is none. */
static bool dispatch(struct stream_parser *p)
{
        bool go_on = true;

        if (buf_len(&p->data) && !p->too_long && !p->data.overflow) {
                struct stream_event e = {.id = p->id, .name = *p->name ? p->name : "message"};

                e.data = buf_cstr(&p->data);
                go_on = p->on_event(p->arg, &e);
        }
        buf_clear(&p->data);
        p->name[0] = '\0';
        p->too_long = false;
        return go_on;
}

static void field(struct stream_parser *p, const char *name, size_t n, const char *value)
{
        if (n == 4 && memcmp(name, "data", 4) == 0) {
                if (buf_len(&p->data))
                        buf_u8(&p->data, '\n');
                buf_text(&p->data, *value ? value : " ");
        } else if (n == 5 && memcmp(name, "event", 5) == 0) {
                snprintf(p->name, sizeof p->name, "%s", value);
        } else if (n == 2 && memcmp(name, "id", 2) == 0 && strlen(value) < sizeof p->id) {
                snprintf(p->id, sizeof p->id, "%s", value);
        }
}

static bool end_line(struct stream_parser *p)
{
        const char *line = buf_cstr(&p->line), *colon, *value;
        bool go_on = true;

        if (p->line.overflow) {
                p->too_long = true;
        } else if (!*line) {
                go_on = dispatch(p);
        } else if (*line != ':') {
                colon = strchr(line, ':');
                value = colon ? colon + 1 : "";
                field(p, line, colon ? (size_t)(colon - line) : strlen(line), value + (*value == ' '));
        }
        buf_release(&p->line);
        buf_init(&p->line, STREAM_LINE_MAX);
        return go_on;
}

bool stream_parser_feed(struct stream_parser *p, const void *bytes, size_t n)
{
        const char *s = bytes;

        for (size_t i = 0; i < n; i++) {
                bool skip = p->carriage && s[i] == '\n';

                p->carriage = s[i] == '\r';
                if (skip)
                        continue;
                if (s[i] != '\n' && s[i] != '\r')
                        buf_u8(&p->line, s[i] ? (uint8_t)s[i] : ' ');
                else if (!end_line(p))
                        return false;
        }
        return true;
}
