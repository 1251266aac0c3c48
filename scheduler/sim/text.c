/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/text.h"

#include "common/util.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#define READ_BYTES (1u << 20)

static int read_all(gzFile f, const char *path, struct text *t, struct err *err)
{
        size_t cap = 0;
        int n;

        do {
                if (t->n > TEXT_BYTES_MAX)
                        return err_set(err, ERR_LIMIT, "\"%s\" holds more than %u MiB", path,
                                       TEXT_BYTES_MAX >> 20);
                t->data = xgrow(t->data, t->n + READ_BYTES, &cap, 1);
                n = gzread(f, t->data + t->n, READ_BYTES);
                if (n < 0)
                        return err_set(err, ERR_BAD_INPUT, "could not read \"%s\": %s", path, gzerror(f, &n));
                t->n += (size_t)n;
        } while (n > 0);
        t->data[t->n] = '\0';
        return 0;
}

int text_open(const char *path, struct text *ret, struct err *err)
{
        gzFile f = gzopen(path, "rb");
        int rc;

        *ret = (struct text){.name = xstrdup(path)};
        if (!f) {
                text_close(ret);
                return err_errno(err, "could not open \"%s\"", path);
        }
        rc = read_all(f, path, ret, err);
        gzclose(f);
        if (rc)
                text_close(ret);
        else
                ret->next = ret->data;
        return rc;
}

void text_from(const char *name, const void *bytes, size_t n, struct text *ret)
{
        *ret = (struct text){.name = xstrdup(name), .data = xstrndup(bytes, n), .n = n};
        ret->next = ret->data;
}

void text_close(struct text *t)
{
        free(t->name);
        free(t->data);
        *t = (struct text){0};
}

char *text_line(struct text *t)
{
        char *line = t->next, *end;
        size_t left = (size_t)(t->data + t->n - line);

        if (!left)
                return NULL;
        end = memchr(line, '\n', left);
        t->next = end ? end + 1 : t->data + t->n;
        if (!end)
                end = t->data + t->n;
        if (end > line && end[-1] == '\r')
                end--;
        *end = '\0';
        t->line++;
        return line;
}

int text_error(const struct text *t, struct err *err, const char *fmt, ...)
{
        char what[300];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(what, sizeof what, fmt, ap);
        va_end(ap);
        text_make_printable(what);
        if (t->line)
                return err_set(err, ERR_BAD_INPUT, "%s:%d: %s", t->name, t->line, what);
        return err_set(err, ERR_BAD_INPUT, "%s: %s", t->name, what);
}

size_t text_split(char *s, char sep, char **ret, size_t max)
{
        const char blanks[] = " \t", one[] = {sep, '\0'};
        size_t n = 0;

        if (!sep)
                s += strspn(s, blanks);
        while (n < max && (sep || *s)) {
                char *end = s + strcspn(s, sep ? one : blanks);
                char more = *end;

                ret[n++] = s;
                *end = '\0';
                if (!more)
                        break;
                s = end + 1;
                if (!sep)
                        s += strspn(s, blanks);
        }
        return n;
}

int text_number(const struct text *t, const char *what, const char *s, double min, double max, double *ret,
                struct err *err)
{
        char *end;
        double v;

        errno = 0;
        v = strtod(s, &end);
        end += strspn(end, " \t");
        if (end == s || *end || errno == EINVAL || !isfinite(v))
                return text_error(t, err, "%s: \"%.40s\" is not a number", what, s);
        if (v < min || v > max)
                return text_error(t, err, "%s: %.40s is not between %g and %g", what, s, min, max);
        *ret = v;
        return 0;
}

char *text_beside(const struct text *t, const char *name, struct err *err)
{
        const char *slash = strrchr(t->name, '/');

        if (!*name || *name == '.' || strchr(name, '/') || strlen(name) > 200) {
                text_error(t, err, "\"%.60s\" is not the name of a file beside it", name);
                return NULL;
        }
        return xasprintf("%.*s%s", slash ? (int)(slash - t->name + 1) : 0, t->name, name);
}
