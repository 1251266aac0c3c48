/* SPDX-License-Identifier: Apache-2.0 */
#include "common/task_text.h"

#include <stdio.h>
#include <string.h>

enum word { W_JOB, W_TASK, W_ATTEMPT, W_RESTART, W_NAME, W_PROJECT, W_SITE, W_USER, W_HOST, W_COUNT };

static const struct {
        const char *name;
        bool number;
} words[W_COUNT] = {
    [W_JOB] = {"job", true},         [W_TASK] = {"task", true},  [W_ATTEMPT] = {"attempt", true},
    [W_RESTART] = {"restart", true}, [W_NAME] = {"name", false}, [W_PROJECT] = {"project", false},
    [W_SITE] = {"site", false},      [W_USER] = {"user", false}, [W_HOST] = {"host", false},
};

/* A name in braces at *p, which moves behind it; -1 when there is none of ours. */
static int take_word(const char **p, int *ret_digits)
{
        const char *at = *p + 1, *end = strchr(at, '}');
        size_t n = end ? strcspn(at, ":}") : 0;
        int digits = 0;

        for (int w = 0; end && w < W_COUNT; w++) {
                if (strlen(words[w].name) != n || strncmp(words[w].name, at, n) != 0)
                        continue;
                at += n;
                if (*at == ':') {
                        for (at++; *at >= '0' && *at <= '9' && digits <= TASK_TEXT_DIGITS; at++)
                                digits = digits * 10 + (*at - '0');
                        if (!words[w].number || digits < 1 || digits > TASK_TEXT_DIGITS)
                                return -1;
                }
                if (*at != '}')
                        return -1;
                *p = at + 1;
                *ret_digits = digits;
                return w;
        }
        return -1;
}

int task_text_check(const char *what, const char *text, struct err *err)
{
        int digits;

        for (const char *p = text; *p;) {
                if (p[0] == '{' && p[1] == '{')
                        p += 2;
                else if (*p != '{')
                        p++;
                else if (take_word(&p, &digits) < 0)
                        return err_set(
                            err, ERR_BAD_INPUT,
                            "%s: \"%.40s\" is none of {job}, {task}, {task:4} (at least four digits), "
                            "{attempt}, {restart}, {name}, {project}, {site}, {user}, {host}; a brace "
                            "is written \"{{\"",
                            what, p);
        }
        return 0;
}

static int put_number(char *ret, size_t size, int64_t v, int digits)
{
        return snprintf(ret, size, "%0*lld", digits ? digits : 1, (long long)v);
}

static int put_name(char *ret, size_t size, const char *name, bool path)
{
        int n = snprintf(ret, size, "%s", name ? name : "");

        for (char *c = ret; path && n >= 0 && (size_t)n < size && *c; c++)
                *c = *c == '/' ? '_' : *c;
        return n;
}

static int put_word(char *ret, size_t size, enum word w, int digits, const struct task_names *n, bool path)
{
        switch (w) {
        case W_JOB:
                return put_number(ret, size, n->key.job, digits);
        case W_TASK:
                return put_number(ret, size, n->key.task, digits);
        case W_ATTEMPT:
                return put_number(ret, size, n->key.attempt, digits);
        case W_RESTART:
                return n->key.attempt > 1 ? put_number(ret, size, n->key.attempt - 1, digits) : 0;
        case W_NAME:
                return put_name(ret, size, n->name, path);
        case W_PROJECT:
                return put_name(ret, size, n->project, path);
        case W_SITE:
                return put_name(ret, size, n->site, path);
        case W_USER:
                return put_name(ret, size, n->user, path);
        case W_HOST:
                return put_name(ret, size, n->host, path);
        case W_COUNT:
                break;
        }
        return -1;
}

int task_text_fill(char *ret, size_t size, const char *text, const struct task_names *names, bool path)
{
        size_t at = 0;
        int digits, n;

        for (const char *p = text; *p;) {
                if (at + 1 >= size)
                        return -1;
                if (*p != '{' || p[1] == '{') {
                        p += *p == '{';
                        ret[at++] = *p++;
                        continue;
                }
                n = take_word(&p, &digits);
                n = n < 0 ? -1 : put_word(ret + at, size - at, (enum word)n, digits, names, path);
                if (n < 0 || (size_t)n >= size - at)
                        return -1;
                at += (size_t)n;
        }
        if (at >= size)
                return -1;
        ret[at] = '\0';
        return (int)at;
}
