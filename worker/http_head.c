/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/http_head.h"

#include "common/num.h"
#include "common/util.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- the head ---- */

static bool take_number(const char *s, uint64_t *ret)
{
        int64_t v;

        if (num_int("number", s, 0, INT64_MAX, &v, NULL) < 0)
                return false;
        *ret = (uint64_t)v;
        return true;
}

static void on_length(struct http_head *h, const char *value)
{
        h->has_length = take_number(value, &h->length);
}

/* "bytes 100-199/1000" */
static void on_range(struct http_head *h, const char *value)
{
        AUTO_FREE char *from = NULL;
        size_t n;

        if (strncasecmp(value, "bytes ", 6) != 0)
                return;
        n = strspn(value + 6, "0123456789");
        from = xasprintf("%.*s", (int)n, value + 6);
        h->has_range = value[6 + n] == '-' && take_number(from, &h->range_from);
}

static void on_location(struct http_head *h, const char *value)
{
        if (strlen(value) < sizeof h->location)
                snprintf(h->location, sizeof h->location, "%s", value);
}

/* A weak one does not promise the same bytes. */
static void on_tag(struct http_head *h, const char *value)
{
        size_t n = strlen(value);

        if (n >= 2 && n < sizeof h->tag && value[0] == '"' && value[n - 1] == '"' &&
            !memchr(value + 1, '"', n - 2))
                snprintf(h->tag, sizeof h->tag, "%s", value);
}

static void on_trailer(struct http_head *h, const char *value)
{
        (void)value;
        h->has_trailer = true;
}

/* One line without its end. */
static void take_field(struct http_head *h, char *line)
{
        static const struct {
                const char *name;
                void (*take)(struct http_head *h, const char *value);
        } fields[] = {{"content-length", on_length},
                      {"content-range", on_range},
                      {"location", on_location},
                      {"etag", on_tag},
                      {"trailer", on_trailer}};
        char *value = strchr(line, ':');

        if (!value)
                return;
        *value++ = '\0';
        value += strspn(value, " \t");
        for (size_t n = strlen(value); n && (value[n - 1] == ' ' || value[n - 1] == '\t'); n--)
                value[n - 1] = '\0';
        for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
                if (strcasecmp(line, fields[i].name) == 0)
                        fields[i].take(h, value);
        }
}

/* "HTTP/1.1 200 OK" */
static bool take_status(struct http_head *h, const char *line)
{
        const char *space = strncmp(line, "HTTP/", 5) == 0 ? strchr(line, ' ') : NULL;

        if (!space || !isdigit((unsigned char)space[1]) || !isdigit((unsigned char)space[2]) ||
            !isdigit((unsigned char)space[3]) || isdigit((unsigned char)space[4]))
                return false;
        h->status = atoi(space + 1);
        return true;
}

/* One head; as http_head_read. */
static long one_head(const char *p, size_t n, struct http_head *h)
{
        size_t at = 0;

        *h = (struct http_head){0};
        for (bool first = true;; first = false) {
                const char *end = memchr(p + at, '\n', n - at);
                size_t length = end ? (size_t)(end - p) - at : 0;
                AUTO_FREE char *line = NULL;

                if (!end)
                        return n - at > HTTP_HEAD_MAX || (first && n >= 5 && memcmp(p, "HTTP/", 5) != 0) ? -1
                                                                                                         : 0;
                if (length && end[-1] == '\r')
                        length--;
                if (memchr(p + at, '\0', length))
                        return -1;
                line = xasprintf("%.*s", (int)length, p + at);
                at = (size_t)(end + 1 - p);
                if (first ? !take_status(h, line) : false)
                        return -1;
                if (!first && !*line)
                        return (long)at;
                if (!first)
                        take_field(h, line);
        }
}

long http_head_read(const char *p, size_t n, struct http_head *ret)
{
        size_t at = 0;

        for (;;) {
                long got = at < n ? one_head(p + at, n - at, ret) : 0;

                if (got <= 0)
                        return n > HTTP_HEAD_MAX ? -1 : got;
                at += (size_t)got;
                if (ret->status >= 200)
                        return (long)at;
        }
}

/* ---- redirects ---- */

/* Where the path begins. */
static size_t path_at(const char *url)
{
        const char *host = strstr(url, "://") + 3;

        return (size_t)(host + strcspn(host, "/?#") - url);
}

int http_redirect(const char *base, const char *location, char ret[URL_MAX + 1], struct err *err)
{
        size_t scheme = (size_t)(strstr(base, "://") - base), path = path_at(base);
        const char *rest = location + strcspn(location, ":/?#");
        AUTO_FREE char *url = NULL;

        if (strncmp(rest, "://", 3) == 0 && rest > location)
                url = xstrdup(location);
        else if (strncmp(location, "//", 2) == 0)
                url = xasprintf("%.*s:%s", (int)scheme, base, location);
        else if (location[0] == '/')
                url = xasprintf("%.*s%s", (int)path, base, location);
        else
                return err_set(err, ERR_BAD_INPUT, "it leads to \"%.200s\", which is no whole address",
                               location);
        url[strcspn(url, "#")] = '\0';
        if (strlen(url) > URL_MAX)
                return err_set(err, ERR_LIMIT, "it leads to an address that is too long");
        if (strstr(url, "://")) {
                size_t end = path_at(url);

                /* Names of schemes and hosts are the same in capitals. */
                for (size_t i = 0; i < end; i++)
                        url[i] = (char)tolower((unsigned char)url[i]);
        }
        if (url_check(url, err) < 0)
                return -1;
        snprintf(ret, URL_MAX + 1, "%s", url);
        return 0;
}

void http_host(const char *url, char ret_host[256], int *ret_port)
{
        const char *host = strstr(url, "://") + 3, *end = host + strcspn(host, "/"), *colon;

        *ret_port = strncmp(url, "https", 5) == 0 ? 443 : 80;
        colon = memchr(host, ']', (size_t)(end - host));
        colon = memchr(colon ? colon : host, ':', (size_t)(end - (colon ? colon : host)));
        if (colon) {
                *ret_port = atoi(colon + 1);
                end = colon;
        }
        if (*host == '[') {
                host++;
                end--;
        }
        snprintf(ret_host, 256, "%.*s", (int)(end - host), host);
}
