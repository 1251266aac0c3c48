/* SPDX-License-Identifier: Apache-2.0 */
/* What options of sbatch come to: what to run and when, for whom to wait, files and environment. */
#include "sbatch_priv.h"

#include "common/num.h"
#include "common/task_set.h"
#include "common/util.h"

#include <string.h>
#include <strings.h>

/* ---- what to run, and when ---------------------------------------------------------------------------
 */

int ask_array(struct asked *a, const char *value, struct err *err)
{
        struct task_set *tasks;
        int64_t throttle;

        if (task_set_parse(a->option, value, &tasks, &throttle, NULL) < 0)
                return asked_wrong(a, err, "\"%.60s\" is no list of tasks: 1-10, 1,5,7-100:3, 0-99%%20",
                                   value);
        task_set_free(tasks);
        return asked_put(a, "array", value, err);
}

int ask_name(struct asked *a, const char *value, struct err *err)
{
        return asked_put(a, "name", value, err);
}

int ask_account(struct asked *a, const char *value, struct err *err)
{
        if (name_is_valid(value))
                return asked_put(a, "project", value, err);
        asked_note(a, DIRECTIVE_IGNORED,
                   "is ignored: \"%.60s\" cannot be the name of a project; name one with --project", value);
        return 0;
}

int ask_time(struct asked *a, const char *value, struct err *err)
{
        int64_t ms;

        if (sbatch_time(a->option, value, &ms, NULL) < 0)
                return asked_wrong(
                    a, err, "\"%.60s\" is no time: 90 (minutes), 1:30:00, 2-12 (days and hours)", value);
        if (ms < 0)
                json_object_del(a->job, "time_limit");
        else
                json_object_set_new(a->job, "time_limit", json_real((double)ms / 1000));
        return 0;
}

int ask_begin(struct asked *a, const char *value, struct err *err)
{
        int64_t ms;
        char moment[32];

        if (sbatch_moment(a->option, value, a->from, &ms, NULL) < 0)
                return asked_wrong(a, err, "\"%.60s\" is no moment: 2030-12-01T07:00:00, 07:30 or now+2hours",
                                   value);
        json_object_del(a->job, "not_before");
        return ms > a->from->now_ms ? asked_put(a, "not_before", num_format_time(ms, moment), err) : 0;
}

/* sbatch: not ended by then is removed; here: not begun by then is cancelled. */
int ask_deadline(struct asked *a, const char *value, struct err *err)
{
        json_t *limit = json_object_get(a->job, "time_limit");
        int64_t ms;
        char moment[32];

        if (sbatch_moment(a->option, value, a->from, &ms, NULL) < 0)
                return asked_wrong(a, err, "\"%.60s\" is no moment: 2030-12-01T07:00:00, 07:30 or now+2hours",
                                   value);
        ms -= limit ? (int64_t)(json_number_value(limit) * 1000) : 0;
        return asked_put(a, "deadline", num_format_time(ms, moment), err);
}

int ask_hold(struct asked *a, const char *value, struct err *err)
{
        (void)value;
        (void)err;
        json_object_set_new(a->job, "hold", json_true());
        return 0;
}

int ask_no_requeue(struct asked *a, const char *value, struct err *err)
{
        (void)value;
        (void)err;
        json_object_set_new(asked_group(a->job, "retry"), "site_max", json_integer(0));
        return 0;
}

int ask_requeue(struct asked *a, const char *value, struct err *err)
{
        (void)value;
        (void)err;
        json_object_del(asked_group(a->job, "retry"), "site_max");
        return 0;
}

/* A smaller figure goes first there, a larger one here. */
int ask_nice(struct asked *a, const char *value, struct err *err)
{
        int64_t nice = 100;

        if (value && num_int(a->option, value, -2147483645, 2147483645, &nice, NULL) < 0)
                return asked_wrong(a, err, "needs a number, not \"%.60s\"", value);
        nice = nice > 1000 ? 1000 : nice < -1000 ? -1000 : nice;
        json_object_set_new(a->job, "priority", json_integer(-nice));
        return 0;
}

int ask_signal(struct asked *a, const char *value, struct err *err)
{
        const char *p = strncasecmp(value, "B:", 2) == 0 ? value + 2 : value, *at = strchr(value, '@');
        AUTO_FREE char *name = xstrndup(p, at ? (size_t)(at - p) : strlen(p));
        int64_t seconds = 60;
        json_t *warn;

        if (strncasecmp(value, "R", 1) == 0 && strchr(value, ':'))
                return asked_wrong(a, err, "is refused: there are no reservations here");
        if (at && num_int(a->option, at + 1, 0, 65535, &seconds, NULL) < 0)
                return asked_wrong(a, err, "needs seconds behind \"@\", not \"%.60s\"", at + 1);
        if (p == value) {
                asked_note(
                    a, DIRECTIVE_IGNORED,
                    "is ignored: without \"B:\" sbatch signals steps that srun made, and there are none; "
                    "B:%s signals the script",
                    value);
                return 0;
        }
        warn = asked_group(a->job, "warn");
        json_object_set_new(warn, "before", json_integer(seconds));
        return asked_text(a, warn, "signal", name, err);
}

/* ---- dependencies ------------------------------------------------------------------------------------
 */

static int put_dependency_part(struct asked *a, const char *part, json_t *list, struct err *err)
{
        static const struct {
                const char *type, *on;
                bool each;
        } types[] = {{"afterok", "ok", false},
                     {"afterany", "any", false},
                     {"afternotok", "not_ok", false},
                     {"aftercorr", "ok", true}};
        size_t n = strcspn(part, ":"), t = 0;

        while (t < ARRAY_LEN(types) && (strlen(types[t].type) != n || strncmp(types[t].type, part, n) != 0))
                t++;
        if (strcmp(part, "singleton") == 0)
                return asked_wrong(a, err,
                                   "singleton is refused: name the jobs to wait for, as in --after any:12");
        if (t == ARRAY_LEN(types))
                return asked_wrong(
                    a, err, "\"%.60s\" is refused: there are afterok, afterany, afternotok, aftercorr", part);
        if (!part[n])
                return asked_wrong(a, err, "\"%.60s\" names no job", part);
        while (part[n] == ':') {
                size_t k = strcspn(part + n + 1, ":");
                AUTO_FREE char *number = xstrndup(part + n + 1, k);
                int64_t job;
                json_t *one;

                if (num_int(a->option, number, 1, INT64_MAX, &job, NULL) < 0)
                        return asked_wrong(a, err,
                                           "\"%.60s\" is refused: it waits for whole jobs, by their numbers",
                                           number);
                one = json_pack("{s:I, s:s}", "job", (json_int_t)job, "on", types[t].on);
                if (types[t].each)
                        json_object_set_new(one, "each", json_true());
                json_array_append_new(list, one);
                n += k + 1;
        }
        return 0;
}

int ask_dependency(struct asked *a, const char *value, struct err *err)
{
        json_t *list = json_array();

        json_object_set_new(a->job, "after", list);
        if (strchr(value, '?'))
                return asked_wrong(
                    a, err, "is refused: a job waits for all of what it names, and \"?\" wants any of it");
        do {
                size_t n = strcspn(value, ",");
                AUTO_FREE char *part = xstrndup(value, n);

                if (put_dependency_part(a, part, list, err) < 0)
                        return -1;
                value += n;
        } while (*value++);
        return 0;
}

/* ---- files and environment ---------------------------------------------------------------------------
 */

static int put_stream(struct asked *a, const char *member, const char *value, struct err *err)
{
        struct err why;
        AUTO_FREE char *text = sbatch_pattern(value, true, &why);

        if (!text)
                return asked_wrong(a, err, "%s", why.text);
        return asked_text(a, asked_group(a->job, "stdio"), member, value, err);
}

int ask_input(struct asked *a, const char *value, struct err *err)
{
        return put_stream(a, "in", value, err);
}

int ask_output(struct asked *a, const char *value, struct err *err)
{
        return put_stream(a, "out", value, err);
}

int ask_error(struct asked *a, const char *value, struct err *err)
{
        return put_stream(a, "err", value, err);
}

int ask_open_mode(struct asked *a, const char *value, struct err *err)
{
        bool append = strncasecmp(value, "append", strlen(value)) == 0;

        if (!*value || (!append && strncasecmp(value, "truncate", strlen(value)) != 0))
                return asked_wrong(a, err, "is append or truncate, not \"%.60s\"", value);
        json_object_set_new(asked_group(a->job, "stdio"), "append", json_boolean(append));
        return 0;
}

int ask_chdir(struct asked *a, const char *value, struct err *err)
{
        AUTO_FREE char *path = NULL;

        if (value[0] != '/' && !a->from->cwd)
                return asked_wrong(
                    a, err, "\"%.60s\" is refused: where it is submitted is not known; give an absolute path",
                    value);
        path = value[0] == '/' ? xstrdup(value) : xasprintf("%s/%s", a->from->cwd, value);
        return asked_put(a, "workdir", path, err);
}

static int put_export_part(struct asked *a, const char *part, struct err *err)
{
        const char *equals = strchr(part, '='), *value = equals ? equals + 1 : NULL;
        AUTO_FREE char *name = xstrndup(part, equals ? (size_t)(equals - part) : strlen(part));

        if (!equals && strcasecmp(part, "ALL") == 0) {
                asked_note(a, DIRECTIVE_IGNORED,
                           "ALL is ignored: a site has an environment of its own; name the variables that "
                           "the job needs");
                return 0;
        }
        if (!*name || (!equals && (strcasecmp(part, "NONE") == 0 || strcasecmp(part, "NIL") == 0)))
                return 0;
        if (!value && a->from->env)
                value = a->from->env(name);
        return value ? asked_text(a, asked_group(a->job, "env"), name, value, err) : 0;
}

/* NAME, NAME=VALUE, NAME='a,b' */
int ask_export(struct asked *a, const char *value, struct err *err)
{
        json_object_del(a->job, "env");
        do {
                size_t n = 0;
                AUTO_FREE char *part = NULL;
                char quote = 0, *to;

                for (; value[n] && (quote || value[n] != ','); n++) {
                        if (quote && value[n] == quote)
                                quote = 0;
                        else if (!quote && (value[n] == '\'' || value[n] == '"'))
                                quote = value[n];
                }
                part = to = xstrndup(value, n);
                for (const char *c = part; *c; c++) {
                        if (*c != '\'' && *c != '"')
                                *to++ = *c;
                }
                *to = '\0';
                if (put_export_part(a, part, err) < 0)
                        return -1;
                value += n;
        } while (*value++);
        return 0;
}

static int put_label(struct asked *a, const char *name, const char *value, struct err *err)
{
        return asked_text(a, asked_group(a->job, "labels"), name, value, err);
}

int ask_comment(struct asked *a, const char *value, struct err *err)
{
        return put_label(a, "comment", value, err);
}

int ask_wckey(struct asked *a, const char *value, struct err *err)
{
        return put_label(a, "wckey", value, err);
}
