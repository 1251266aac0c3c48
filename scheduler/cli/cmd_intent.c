/* SPDX-License-Identifier: Apache-2.0 */
/* Cancel, hold, release: what a person wants of jobs. */
#include "commands.h"

#include "refs.h"
#include "sheet.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>

#define ASK_ABOVE 20 /* jobs; a range typed wrongly is asked about */

static int send_one(struct cli *c, struct ref r, const char *verb, const char *done, const char *why,
                    json_t *replies)
{
        json_t *body = json_object(), *reply;
        char name[64];
        struct err err;

        if (r.task >= 0)
                json_object_set_new(body, "task", json_integer((json_int_t)r.task));
        if (why)
                json_object_set_new(body, "why", json_string(why));
        reply = client_send(cli_client(c), "POST", body, &err, "/v1/jobs/%lld/%s", (long long)r.job, verb);
        json_decref(body);
        if (!reply) {
                err_prefix(&err, "%s", ref_format(r, name));
                return cli_fail(c, &err);
        }
        if (c->format == FORMAT_TABLE || c->format == FORMAT_WIDE)
                cli_say(c, "%s: %s", ref_format(r, name), done);
        json_array_append_new(replies, reply);
        return EXIT_OK;
}

/* Every one is tried; the last failure gives the exit code. */
static int send_all(struct cli *c, const struct args *a, const char *verb, const char *done, bool tasks)
{
        AUTO_FREE char *question = NULL;
        json_t *replies;
        struct refs refs;
        struct err err;
        int r = EXIT_OK;

        if (!cli_client(c))
                return EXIT_FAILED;
        if (refs_read(c, a->words, &refs, &err) < 0)
                return cli_fail(c, &err);
        for (size_t i = 0; i < refs.n && !tasks; i++) {
                if (refs.v[i].task >= 0) {
                        refs_release(&refs);
                        return cli_usage(c, "%s takes whole jobs, not single tasks", verb);
                }
        }
        question = xasprintf("%s %zu jobs?", verb, refs.n);
        if (refs.n > ASK_ABOVE && !cli_confirm(c, question)) {
                refs_release(&refs);
                return EXIT_FAILED;
        }
        replies = json_array();
        for (size_t i = 0; i < refs.n; i++) {
                int code = send_one(c, refs.v[i], verb, done, args_get(a, "why"), replies);

                r = code ? code : r;
        }
        if (cli_wants_json(c))
                cli_json_items(c, replies);
        json_decref(replies);
        refs_release(&refs);
        return r;
}

/* ---- all that a filter finds ---- */

const struct option bulk_options[] = {
    {"state", 0, "STATE", "all jobs in this state: accepted, active", false},
    {"project", 'p', "PROJECT", "all of this project", false},
    {"name", 'n', "NAME", "all of this name; 'align*': that begin so, '*lig*': that have it in them", false},
    {"user", 'u', "USER", "all of this user", false},
    {"site", 0, "SITE", "all of which something was sent to this site", false},
    {"label", 'l', "KEY=VALUE", "all with this label", false},
    {"since", 0, "TIME", "all submitted then or later: a time, or how long ago, such as 2d", false},
    {"until", 0, "TIME", "all submitted before then", false},
    {"all", 0, NULL, "all that you may change", false},
    {"dry-run", 0, NULL, "only say which", false},
    {"why", 0, "TEXT", "the reason, for others to read", false},
    {0},
};

static bool has_filter(const struct args *a)
{
        for (const struct option *o = bulk_options; o->name; o++) {
                if (strcmp(o->name, "dry-run") != 0 && strcmp(o->name, "why") != 0 && args_has(a, o->name))
                        return true;
        }
        return false;
}

static json_t *filter_body(const struct args *a)
{
        static const char *const names[] = {"state", "project", "name",  "user", "site",
                                            "label", "since",   "until", "why"};
        json_t *body = json_object();

        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                AUTO_FREE char *value = xstrdup(args_get(a, names[i]));
                char *equals = value && strcmp(names[i], "label") == 0 ? strchr(value, '=') : NULL;

                if (equals)
                        *equals = ':';
                if (value)
                        json_object_set_new(body, names[i], json_string(value));
        }
        if (args_has(a, "all"))
                json_object_set_new(body, "all", json_true());
        return body;
}

static void add_numbers(const json_t *reply, struct buf *out)
{
        const json_t *jobs = json_at(reply, "jobs");

        for (size_t i = 0; i < json_array_size(jobs) && i < 10; i++)
                buf_printf(out, "%s%lld", i ? ", " : "",
                           (long long)json_integer_value(json_array_get(jobs, i)));
        if (json_int_at(reply, "matched") > 10)
                buf_text(out, ", ...");
}

/* What would be done: how many, and the first of them. */
static json_t *look(struct cli *c, const char *verb, const json_t *body, struct err *err)
{
        return client_send(c->client, "POST", body, err, "/v1/jobs:%s?dry_run=true", verb);
}

static bool agree(struct cli *c, const char *verb, const json_t *found)
{
        AUTO_FREE char *question = NULL;
        struct buf b;
        bool yes;

        buf_init(&b, 4096);
        add_numbers(found, &b);
        question =
            xasprintf("%s %s%lld jobs (%s)?", verb, json_is_true(json_at(found, "more")) ? "the first " : "",
                      (long long)json_int_at(found, "matched"), buf_cstr(&b));
        yes = cli_confirm(c, question);
        buf_release(&b);
        return yes;
}

/* In steps, as the server takes so many at once. Returns how many, or -1. */
static int64_t send_bulk(struct cli *c, const char *verb, json_t *body, struct err *err)
{
        int64_t sum = 0;
        bool more = true;

        while (more) {
                json_t *reply = client_send(c->client, "POST", body, err, "/v1/jobs:%s", verb);

                if (!reply)
                        return -1;
                sum += json_int_at(reply, "matched");
                more = json_is_true(json_at(reply, "more")) && json_int_at(reply, "matched") > 0;
                /* The engine may not have acted yet: what was asked already would be found again. */
                if (json_int_at(reply, "last"))
                        json_object_set_new(body, "before", json_integer(json_int_at(reply, "last")));
                json_decref(reply);
                if (more)
                        cli_progress(c, "%s: %lld jobs", verb, (long long)sum);
        }
        cli_progress_end(c);
        return sum;
}

static int bulk(struct cli *c, const struct args *a, const char *verb, const char *done)
{
        json_t *body, *found;
        struct err err = {0};
        int64_t n;
        int r = EXIT_OK;

        if (a->word_count)
                return cli_usage(c, "name jobs, or say which ones by a filter, not both");
        if (!cli_client(c))
                return EXIT_FAILED;
        body = filter_body(a);
        found = look(c, verb, body, &err);
        n = json_int_at(found, "matched");
        if (!found) {
                r = cli_fail(c, &err);
        } else if (args_has(a, "dry-run") && cli_wants_json(c)) {
                cli_json(c, found);
        } else if (args_has(a, "dry-run")) {
                struct buf b;

                buf_init(&b, 4096);
                add_numbers(found, &b);
                printf("%lld jobs%s%s\n", (long long)n, n ? ": " : "", buf_cstr(&b));
                buf_release(&b);
        } else if (!n) {
                cli_say(c, "no job of that kind");
        } else if (!agree(c, verb, found)) {
                r = EXIT_FAILED;
        } else if ((n = send_bulk(c, verb, body, &err)) < 0) {
                r = cli_fail(c, &err);
        } else {
                cli_say(c, "%lld jobs: %s", (long long)n, done);
        }
        json_decref(body);
        json_decref(found);
        return r;
}

static int intend(struct cli *c, const struct args *a, const char *verb, const char *done, bool tasks)
{
        if (has_filter(a))
                return bulk(c, a, verb, done);
        if (!a->word_count)
                return cli_usage(c, "%s which jobs? name them, or say which by --state, --label and so on",
                                 verb);
        if (args_has(a, "dry-run"))
                return cli_usage(c, "--dry-run goes with a filter: --state, --label and so on");
        return send_all(c, a, verb, done, tasks);
}

int cmd_cancel(struct cli *c, const struct args *a)
{
        return intend(c, a, "cancel", "cancelling", true);
}

int cmd_hold(struct cli *c, const struct args *a)
{
        return intend(c, a, "hold", "on hold; what runs goes on", false);
}

int cmd_release(struct cli *c, const struct args *a)
{
        return intend(c, a, "release", "released", false);
}
