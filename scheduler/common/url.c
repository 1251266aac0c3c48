/* SPDX-License-Identifier: Apache-2.0 */
#include "common/url.h"

#include "common/util.h"

#include <stdlib.h>
#include <string.h>

static bool is_hex(char c)
{
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* The n bytes at p are a host's name, an IPv4 address, or an IPv6 one in brackets. */
static bool host_is_good(const char *p, size_t n)
{
        bool bracket = n > 2 && p[0] == '[' && p[n - 1] == ']';

        if (n == 0 || n > 255)
                return false;
        if (bracket)
                return strspn(p + 1, "0123456789abcdef:.") == n - 2;
        return strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789.-") >= n && p[0] != '.' && p[0] != '-';
}

static bool port_is_good(const char *p, size_t n)
{
        return n >= 1 && n <= 5 && strspn(p, "0123456789") >= n && atoi(p) > 0 && atoi(p) <= 65535;
}

/* One byte at *p, decoded; *p moves behind it. */
static int part_byte(const char **p)
{
        if (**p != '%')
                return (unsigned char)*(*p)++;
        char hex[3] = {(*p)[1], (*p)[2], 0};

        *p += 3;
        return (int)strtol(hex, NULL, 16);
}

/* Is the part of a path of n bytes "." or "..", however it is written? */
static bool part_is_dots(const char *p, size_t n)
{
        const char *end = p + n;
        int dots = 0;

        if (n == 0)
                return false;
        while (p < end) {
                if (part_byte(&p) != '.')
                        return false;
                dots++;
        }
        return dots <= 2;
}

static const char *path_fault(const char *path)
{
        size_t until = strcspn(path, "?");

        for (const char *p = path; *p; p++) {
                if (*p <= ' ' || *p >= 0x7f || strchr("\"<>\\^`{|}#", *p))
                        return "has a character that must be written with %";
                if (*p == '%' && (!is_hex(p[1]) || !is_hex(p[2])))
                        return "has a % that is not followed by two hexadecimal digits";
        }
        for (size_t at = 0; at < until;) {
                size_t n = strcspn(path + at + 1, "/?");

                if (part_is_dots(path + at + 1, n))
                        return "has a part . or .. in its path";
                at += n + 1;
        }
        return NULL;
}

static const char *fault(const char *url)
{
        size_t scheme = strncmp(url, "https://", 8) == 0 ? 8 : strncmp(url, "http://", 7) == 0 ? 7 : 0;
        const char *host = url + scheme, *path = host + strcspn(host, "/"), *colon;

        if (!scheme)
                return "does not begin with http:// or https://";
        if (strlen(url) > URL_MAX)
                return "is too long";
        if (*path != '/')
                return "has no path";
        colon = memchr(host, ']', (size_t)(path - host));
        colon = memchr(colon ? colon : host, ':', (size_t)(path - (colon ? colon : host)));
        if (!host_is_good(host, (size_t)((colon ? colon : path) - host)))
                return "has no host, or one that is not written in small letters and digits";
        if (colon && !port_is_good(colon + 1, (size_t)(path - colon - 1)))
                return "has a port that is none";
        return path_fault(path);
}

int url_check(const char *url, struct err *err)
{
        const char *why = fault(url);

        return why ? err_set(err, ERR_BAD_INPUT, "\"%.200s\" %s", url, why) : 0;
}

int url_check_prefix(const char *prefix, struct err *err)
{
        if (url_check(prefix, err) < 0)
                return -1;
        if (strchr(prefix, '?') || prefix[strlen(prefix) - 1] != '/')
                return err_set(err, ERR_BAD_INPUT, "\"%.200s\" does not end with a slash", prefix);
        return 0;
}

bool url_has_prefix(const char *url, const char *prefix)
{
        return strncmp(url, prefix, strlen(prefix)) == 0;
}

char *url_file_name(const char *url)
{
        size_t until = strcspn(url, "?"), from = until, n = 0;
        char *name;

        while (from > 0 && url[from - 1] != '/')
                from--;
        if (from == until)
                return NULL;
        name = xcalloc(until - from + 1, 1);
        for (const char *p = url + from; p < url + until;) {
                int c = part_byte(&p);

                if (c == 0 || c == '/') {
                        free(name);
                        return NULL;
                }
                name[n++] = (char)c;
        }
        return name;
}
