/* SPDX-License-Identifier: Apache-2.0 */
#include "address.h"

#include "common/num.h"
#include "common/util.h"

#include <stdbool.h>
#include <string.h>

#define HOST_LENGTH_MAX 255
#define USER_LENGTH_MAX 64

/* Nothing that ssh or a shell could take for something else. */
static bool is_plain(const char *s, const char *more, size_t max)
{
        size_t n = 0;

        for (; s[n]; n++) {
                bool word = (s[n] >= 'a' && s[n] <= 'z') || (s[n] >= 'A' && s[n] <= 'Z') ||
                            (s[n] >= '0' && s[n] <= '9');

                if (!word && (n == 0 ? !strchr(":_", s[n]) : !strchr(more, s[n])))
                        return false;
        }
        return n > 0 && n <= max;
}

/* Take host and port apart, in place. */
static bool split_host(char *s, char **ret_host, char **ret_port)
{
        char *colon, *end;

        *ret_port = NULL;
        if (*s == '[') {
                end = strchr(s, ']');
                if (!end || (end[1] && end[1] != ':'))
                        return false;
                *ret_port = end[1] ? end + 2 : NULL;
                *end = '\0';
                *ret_host = s + 1;
                return true;
        }
        colon = strchr(s, ':');
        *ret_host = s;
        /* Two colons without brackets: an IPv6 address alone. */
        if (colon && !strchr(colon + 1, ':')) {
                *colon = '\0';
                *ret_port = colon + 1;
        }
        return true;
}

int address_parse(const char *what, const char *s, struct address *ret, struct err *err)
{
        AUTO_FREE char *copy = xstrdup(s);
        char *at = strrchr(copy, '@'), *host, *port;
        struct address a = {.port = 22};

        if (at)
                *at = '\0';
        if (!split_host(at ? at + 1 : copy, &host, &port) || !is_plain(host, ".-_:%", HOST_LENGTH_MAX) ||
            (at && !is_plain(copy, ".-_$", USER_LENGTH_MAX)))
                return err_set(err, ERR_BAD_INPUT,
                               "%s: \"%s\" is not an address like user@host, user@host:2222 or user@[::1]:22",
                               what, s);
        if (port && num_int(what, port, 1, 65535, &a.port, err) < 0)
                return -1;
        a.user = at ? xstrdup(copy) : NULL;
        a.host = xstrdup(host);
        *ret = a;
        return 0;
}

void address_release(struct address *a)
{
        free(a->user);
        free(a->host);
        *a = (struct address){0};
}

char *address_format(const struct address *a)
{
        bool brackets = strchr(a->host, ':') != NULL;

        return xasprintf("%s%s%s%s%s:%d", a->user ? a->user : "", a->user ? "@" : "", brackets ? "[" : "",
                         a->host, brackets ? "]" : "", (int)a->port);
}
