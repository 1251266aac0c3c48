/* SPDX-License-Identifier: Apache-2.0 */
#include "site.h"

#include "follow.h"
#include "sheet.h"
#include "text.h"
#include "common/num.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>

json_t *site_get(struct cli *c, const char *name, struct err *err)
{
        if (!cli_client(c))
                return err_set(err, ERR_BAD_INPUT, "no connection"), NULL;
        if (name_check("site", name, err) < 0)
                return NULL;
        return client_get(cli_client(c), err, "/v1/sites/%s", name);
}

json_t *site_host_name(const json_t *host)
{
        int64_t port = json_int_at(host, "port");
        AUTO_FREE char *name = port == 22 || !port
                                   ? xstrdup(json_text_at(host, "address"))
                                   : xasprintf("%s:%lld", json_text_at(host, "address"), (long long)port);

        return json_string(name);
}

/* ---- host keys -------------------------------------------------------------------------------------------
 */

static bool is_expected(const struct args *a, const char *fingerprint)
{
        const char *v;

        for (size_t i = 0; (v = args_nth(a, "fingerprint", i)); i++) {
                /* "SHA256:" may be left out. */
                if (strcmp(v, fingerprint) == 0 ||
                    (strncmp(fingerprint, "SHA256:", 7) == 0 && strcmp(v, fingerprint + 7) == 0))
                        return true;
        }
        return false;
}

/* Does the person (or the command line) take this key for the host's own? */
static int accept_key(struct cli *c, const struct args *a, const json_t *key, struct err *err)
{
        AUTO_FREE char *host = text_line(json_text_at(key, "host"));
        AUTO_FREE char *type = text_line(json_text_at(key, "type"));
        AUTO_FREE char *print = text_line(json_text_at(key, "fingerprint"));
        AUTO_FREE char *hop = json_int_at(key, "hop")
                                  ? xasprintf(" (hop %lld on the way)", (long long)json_int_at(key, "hop"))
                                  : xstrdup("");

        cli_say(c, "host key of %s%s:\n  %s %s", host, hop, type, print);
        if (args_has(a, "fingerprint")) {
                if (is_expected(a, json_text_at(key, "fingerprint")))
                        return 0;
                return err_set(err, ERR_CONFLICT,
                               "the host key of %s is not the one given with --fingerprint: it shows %s; ask "
                               "its administrator "
                               "before you go on",
                               host, print);
        }
        if (cli_confirm(c, "Is that what the administrator of the host, or `ssh-keygen -lf` there, says?"))
                return 0;
        return err_set(err, ERR_DENIED,
                       "the host key of %s was not confirmed; run it again when you know its fingerprint",
                       host);
}

static int pin_key(struct cli *c, const char *name, const json_t *key, struct err *err)
{
        json_t *body = json_pack("{s:O?, s:I, s:O?}", "host", json_object_get(key, "host"), "hop",
                                 (json_int_t)json_int_at(key, "hop"), "fingerprint",
                                 json_object_get(key, "fingerprint"));
        json_t *reply = client_send(cli_client(c), "POST", body, err, "/v1/sites/%s/pin", name);

        json_decref(body);
        json_decref(reply);
        return reply ? 0 : -1;
}

static void show_probe(struct cli *c, const json_t *call, void *arg)
{
        (void)call;
        cli_progress(c, "asking %s for its host key ...", (const char *)arg);
}

/* The keys that the site's hosts show now; an owned array. */
static json_t *probe(struct cli *c, const char *name, struct err *err)
{
        json_t *call = client_send(cli_client(c), "POST", NULL, err, "/v1/sites/%s/probe", name),
               *done = NULL, *keys;
        int64_t id = json_int_at(call, "id");

        json_decref(call);
        if (!call)
                return NULL;
        if (call_wait(c, id, show_probe, (void *)name, &done, err) < 0) {
                cli_progress_end(c);
                return NULL;
        }
        cli_progress_end(c);
        keys = json_incref((json_t *)json_at(done, "result.keys"));
        json_decref(done);
        if (!json_array_size(keys)) {
                json_decref(keys);
                return err_set(err, ERR_UNAVAILABLE, "no host of %s showed a key", name), NULL;
        }
        return keys;
}

/* Keys that are pinned already need no question; the site knows which. */
static bool is_pinned(const json_t *site, const json_t *key)
{
        json_t *host, *known;
        size_t i, k;

        if (json_is_true(json_object_get(key, "pinned")))
                return true;
        json_array_foreach(json_object_get(site, "hosts"), i, host)
        {
                json_array_foreach(json_object_get(host, "keys"), k, known)
                {
                        if (json_is_true(json_object_get(known, "pinned")) &&
                            json_int_at(known, "hop") == json_int_at(key, "hop") &&
                            strcmp(json_text_at(known, "fingerprint"), json_text_at(key, "fingerprint")) ==
                                0 &&
                            strstr(json_text_at(key, "host"), json_text_at(host, "address")))
                                return true;
                }
        }
        return false;
}

int site_confirm_keys(struct cli *c, const char *name, const struct args *a, struct err *err)
{
        json_t *keys = probe(c, name, err), *site = keys ? site_get(c, name, err) : NULL, *key;
        int r = site ? 0 : -1;
        size_t i;

        json_array_foreach(keys, i, key)
        {
                if (r < 0 || is_pinned(site, key))
                        continue;
                if (accept_key(c, a, key, err) < 0 || pin_key(c, name, key, err) < 0)
                        r = -1;
        }
        json_decref(keys);
        json_decref(site);
        return r;
}

/* ---- test ------------------------------------------------------------------------------------------------
 */

struct steps_shown {
        size_t done; /* steps whose line stands */
};

static void print_step(struct cli *c, const json_t *step)
{
        static const struct {
                const char *state, *mark;
        } marks[] = {{"ok", "ok"}, {"failed", "FAILED"}, {"skipped", "skipped"}};
        AUTO_FREE char *name = text_line(json_text_at(step, "name"));
        AUTO_FREE char *text = text_line(json_text_at(step, "text"));
        AUTO_FREE char *fix = text_line(json_text_at(step, "fix"));
        const char *state = json_text_at(step, "state"), *mark = state,
                   *colour = c->colour ? state_colour(state) : "";
        char took[32];

        for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
                if (strcmp(marks[i].state, state) == 0)
                        mark = marks[i].mark;
        }
        printf("  %s%-7s%s %-14s %7s  %s\n", colour, mark, *colour ? COLOUR_END : "", name,
               json_at(step, "ms") && strcmp(state, "skipped") != 0
                   ? num_format_duration(json_int_at(step, "ms"), took)
                   : "",
               text);
        if (*fix)
                printf("          to mend it: %s\n", fix);
        fflush(stdout);
}

static bool step_is_over(const json_t *step)
{
        const char *state = json_text_at(step, "state");

        return strcmp(state, "ok") == 0 || strcmp(state, "failed") == 0 || strcmp(state, "skipped") == 0;
}

/* Lines for the steps that ended since the last look; the one at work as progress. */
static void show_steps(struct cli *c, const json_t *call, void *arg)
{
        struct steps_shown *shown = arg;
        const json_t *steps = json_at(call, "steps"), *step;

        while (step_is_over(step = json_array_get(steps, shown->done))) {
                cli_progress_end(c);
                if (c->format <= FORMAT_WIDE && !c->quiet)
                        print_step(c, step);
                shown->done++;
        }
        if (step) {
                AUTO_FREE char *name = text_line(json_text_at(step, "name"));
                AUTO_FREE char *text = text_line(json_text_at(step, "text"));

                cli_progress(c, "  ...     %s %s", name, text);
        }
}

int site_test(struct cli *c, const char *name, struct err *err)
{
        struct steps_shown shown = {0};
        json_t *call, *done = NULL;
        int64_t id;
        bool ok;

        call = client_send(cli_client(c), "POST", NULL, err, "/v1/sites/%s/test", name);
        id = json_int_at(call, "id");
        json_decref(call);
        if (!call)
                return -1;
        if (call_wait(c, id, show_steps, &shown, &done, err) < 0) {
                cli_progress_end(c);
                return -1;
        }
        cli_progress_end(c);
        ok = json_is_true(json_at(done, "result.ok"));
        if (cli_wants_json(c))
                cli_json(c, done);
        else if (*json_text_at(done, "result.fix")) {
                AUTO_FREE char *fix = text_line(json_text_at(done, "result.fix"));

                cli_say(c, "  %s", fix);
        }
        json_decref(done);
        return ok;
}
