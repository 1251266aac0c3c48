/* SPDX-License-Identifier: Apache-2.0 */
#include "err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
        va_list ap;

        if (!err)
                return -1;
        err->code = code;
        va_start(ap, fmt);
        vsnprintf(err->text, sizeof err->text, fmt, ap);
        va_end(ap);
        return -1;
}

int err_errno(struct err *err, const char *fmt, ...)
{
        int saved = errno;
        va_list ap;
        size_t n;

        if (!err)
                return -1;
        err->code = ERR_SYSTEM;
        va_start(ap, fmt);
        vsnprintf(err->text, sizeof err->text, fmt, ap);
        va_end(ap);
        n = strlen(err->text);
        snprintf(err->text + n, sizeof err->text - n, ": %s", strerror(saved));
        return -1;
}

int err_prefix(struct err *err, const char *fmt, ...)
{
        char head[256];
        size_t n, room = sizeof err->text - 1;
        va_list ap;

        if (!err)
                return -1;
        va_start(ap, fmt);
        vsnprintf(head, sizeof head - 2, fmt, ap);
        va_end(ap);
        n = strlen(head);
        head[n++] = ':';
        head[n++] = ' ';
        memmove(err->text + n, err->text, room - n);
        memcpy(err->text, head, n);
        err->text[room] = '\0';
        return -1;
}

const char *err_code_name(enum err_code code)
{
        switch (code) {
        case ERR_NONE:
                return "none";
        case ERR_BAD_INPUT:
                return "bad_input";
        case ERR_NOT_FOUND:
                return "not_found";
        case ERR_DENIED:
                return "denied";
        case ERR_CONFLICT:
                return "conflict";
        case ERR_LIMIT:
                return "limit";
        case ERR_UNAVAILABLE:
                return "unavailable";
        case ERR_FENCED:
                return "fenced";
        case ERR_PROTOCOL:
                return "protocol";
        case ERR_SYSTEM:
                return "system";
        }
        return "unknown";
}
