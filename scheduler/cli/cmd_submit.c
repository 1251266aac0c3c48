/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include "follow.h"
#include "outcome.h"
#include "sheet.h"
#include "spec.h"
#include "common/util.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static volatile int interrupted;

static void on_interrupt(int sig)
{
        (void)sig;
        interrupted = 1;
}

/* Of directives in a script, and not of the job's chances. */
static bool is_note(const json_t *warning)
{
        const char *code = json_text_at(warning, "code");

        return strcmp(code, "ignored") == 0 || strcmp(code, "differs") == 0;
}

static void say_warnings(const struct cli *c, const json_t *reply)
{
        size_t i;
        json_t *w;

        json_array_foreach(json_object_get(reply, "warnings"), i, w)
        {
                const char *text = json_text_at(w, "sentence");
                AUTO_FREE char *line = text_line(text);

                if (!is_note(w))
                        cli_say(c, "warning: %s", line);
        }
}

/* What directives of a script come to, when it is not what they say. */
static void say_notes(const struct cli *c, const json_t *notes)
{
        size_t i;
        json_t *n;

        json_array_foreach(notes, i, n)
        {
                AUTO_FREE char *line = text_line(json_text_at(n, "sentence"));

                cli_say(c, "note: %s", line);
        }
}

/* In JSON they stand among the warnings. */
static void add_notes(json_t *reply, json_t *notes)
{
        json_t *warnings = json_object_get(reply, "warnings");

        if (json_is_array(warnings))
                json_array_extend(warnings, notes);
        else
                json_object_set(reply, "warnings", notes);
}

/* The job as it was understood, a member a line; the script itself is known. */
static void say_understood(const struct cli *c, const json_t *spec)
{
        const char *name;
        json_t *v;

        json_object_foreach((json_t *)spec, name, v)
        {
                AUTO_FREE char *value = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
                AUTO_FREE char *line = text_line(json_is_string(v) ? json_string_value(v) : value);

                if (strcmp(name, "script") != 0)
                        cli_say(c, "%s: %s", name, line);
        }
}

static char *submit_path(const json_t *spec, bool dry, bool strict)
{
        return xasprintf("/v1/jobs%s%s%s%s", json_is_array(spec) ? ":bulk" : "", dry || strict ? "?" : "",
                         dry ? "dry_run=true" : "", strict ? dry ? "&strict=true" : "strict=true" : "");
}

/* The body that goes to the path: one job, or a list of them. Owned. */
static json_t *submit_body(json_t *spec)
{
        return json_is_array(spec) ? json_pack("{s:O}", "jobs", spec) : json_incref(spec);
}

/* --print: the request, instead of making it. */
static int print_request(struct cli *c, const char *how, const json_t *body, const char *path,
                         const char *key)
{
        struct client *client;
        struct buf b;

        if (strcmp(how, "json") == 0) {
                cli_json(c, body);
                return EXIT_OK;
        }
        if (strcmp(how, "curl") != 0)
                return cli_usage(c, "--print: \"%s\" is none of curl, json", how);
        client = cli_client(c);
        if (!client)
                return EXIT_FAILED;
        buf_init(&b, 256 << 20);
        client_add_curl(client, &(struct call){.method = "POST", .path = path, .json = body, .key = key}, &b);
        fputs(buf_cstr(&b), stdout);
        buf_release(&b);
        return EXIT_OK;
}

/* Was it refused only because nothing registered could ever run it? Without --strict it would be accepted. */
static bool is_never(struct client *client, const json_t *spec, const json_t *body)
{
        AUTO_FREE char *path = submit_path(spec, true, false);
        struct reply r;
        struct err err;
        bool never =
            client_call(client, &(struct call){.method = "POST", .path = path, .json = body}, &r, &err) == 0;

        reply_release(&r);
        return never;
}

/* Returns -1 with the reply (owned), or an exit code. */
static int send_job(struct cli *c, const struct args *a, bool dry, const json_t *spec, const char *key,
                    json_t **ret_reply)
{
        bool strict = args_has(a, "strict");
        AUTO_FREE char *path = submit_path(spec, dry, strict);
        json_t *body = submit_body((json_t *)spec);
        struct client *client = cli_client(c);
        struct reply r;
        struct err err;
        int rc = EXIT_FAILED;

        if (client) {
                rc = client_call(client,
                                 &(struct call){.method = "POST", .path = path, .json = body, .key = key}, &r,
                                 &err);
                if (rc == 0)
                        *ret_reply = r.json ? json_incref(r.json) : json_object();
                reply_release(&r);
                if (rc == 0)
                        rc = -1;
                else if ((rc = cli_fail(c, &err)) == EXIT_USAGE && strict && is_never(client, spec, body))
                        rc = EXIT_NEVER;
        }
        json_decref(body);
        return rc;
}

/* Submit what the command line says. Returns -1 with the reply (owned), or an exit code when there is nothing
 * more to do. */
static int submit(struct cli *c, const struct args *a, bool dry, const char *print, json_t **ret_reply)
{
        const char *given = args_get(a, "idempotency-key");
        struct err err;
        json_t *spec, *notes;
        struct job_file file;
        char key[33];
        int rc;

        if (spec_build_noted(a, &spec, &notes, &file, &err) < 0)
                return cli_fail(c, &err);
        if (print || !cli_wants_json(c))
                say_notes(c, notes);
        if (dry && !print && !cli_wants_json(c) && !args_has(a, "file"))
                say_understood(c, spec);
        client_key(key);
        if (print) {
                AUTO_FREE char *path = submit_path(spec, dry, args_has(a, "strict"));
                json_t *body = submit_body(spec);

                rc = print_request(c, print, body, path, given ? given : key);
                json_decref(body);
        } else {
                c->file = &file;
                c->sent = spec;
                rc = send_job(c, a, dry, spec, given ? given : key, ret_reply);
                c->file = NULL;
                if (rc == -1 && cli_wants_json(c))
                        add_notes(*ret_reply, notes);
        }
        json_decref(notes);
        json_decref(spec);
        job_file_release(&file);
        return rc;
}

/* A warning says that no site can ever run a job. */
static int show_dry_run(struct cli *c, const json_t *reply)
{
        bool never = false;
        json_t *w;
        size_t i;
        int64_t tasks = json_int_at(reply, "tasks"), jobs = json_int_at(reply, "count");

        json_array_foreach(json_object_get(reply, "warnings"), i, w) never |= !is_note(w);
        if (cli_wants_json(c))
                cli_json(c, reply);
        else if (never)
                cli_say(c, "it would be accepted, and wait: as things are, it can never run");
        else if (jobs)
                cli_say(c, "they would be accepted: %lld jobs", (long long)jobs);
        else
                cli_say(c, "it would be accepted: %lld task%s", (long long)tasks, tasks == 1 ? "" : "s");
        return never ? EXIT_NEVER : EXIT_OK;
}

static void show_submitted(struct cli *c, const json_t *reply)
{
        int64_t id = json_int_at(reply, "id"), tasks = json_int_at(reply, "tasks"),
                first = json_int_at(reply, "first_id"), last = json_int_at(reply, "last_id");

        if (cli_wants_json(c)) {
                cli_json(c, reply);
        } else if (c->quiet || c->format == FORMAT_ID) {
                for (int64_t i = id ? id : first; i <= (id ? id : last); i++)
                        printf("%lld\n", (long long)i);
        } else if (id) {
                printf("job %lld accepted", (long long)id);
                printf(tasks > 1 ? ": %lld tasks\n" : "\n", (long long)tasks);
        } else {
                printf("%lld jobs accepted: %lld-%lld\n", (long long)json_int_at(reply, "count"),
                       (long long)first, (long long)last);
        }
        fflush(stdout);
}

static void say_end(struct cli *c, struct ref r, const json_t *doc)
{
        AUTO_FREE char *message = text_line(json_text_at(doc, "message"));
        AUTO_FREE char *state = text_line(json_text_at(doc, "state"));
        char name[64];
        struct buf b;

        buf_init(&b, 4096);
        job_add_progress(doc, &b);
        cli_say(c, "job %s %s: %s%s%s", ref_format(r, name), state, buf_cstr(&b), *message ? "; " : "",
                message);
        buf_release(&b);
}

/* Wait for one job to its end; the exit code it stands for. */
static int wait_job(struct cli *c, int64_t id, bool words)
{
        struct ref r = {.job = id, .task = -1, .attempt = -1};
        json_t *job = NULL;
        struct err err;
        int code;

        if (job_wait(c, r, -1, &job, &err) < 0)
                return cli_fail(c, &err);
        if (words)
                say_end(c, r, job);
        code = job_exit_code(c, job, &err);
        json_decref(job);
        return code < 0 ? cli_fail(c, &err) : code;
}

/* What came of sending it; then, with --wait, the end. */
static int after_submit(struct cli *c, const struct args *a, json_t *reply)
{
        int64_t first, last;
        int highest = EXIT_OK;

        say_warnings(c, reply);
        if (args_has(a, "dry-run")) {
                int r = show_dry_run(c, reply);

                json_decref(reply);
                return r;
        }
        show_submitted(c, reply);
        first = json_int_at(reply, json_int_at(reply, "id") ? "id" : "first_id");
        last = json_int_at(reply, json_int_at(reply, "id") ? "id" : "last_id");
        json_decref(reply);
        if (!args_has(a, "wait"))
                return EXIT_OK;
        client_set_patience(cli_client(c), PATIENCE_LONG);
        for (int64_t id = first; id <= last; id++) {
                int code = wait_job(c, id, true);

                highest = code > highest ? code : highest;
        }
        return highest;
}

int cmd_submit(struct cli *c, const struct args *a)
{
        json_t *reply = NULL;
        int r = submit(c, a, args_has(a, "dry-run"), args_get(a, "print"), &reply);

        return r >= 0 ? r : after_submit(c, a, reply);
}

int submit_spec(struct cli *c, const struct args *a, json_t *spec)
{
        const char *given = args_get(a, "idempotency-key"), *print = args_get(a, "print");
        bool dry = args_has(a, "dry-run");
        json_t *reply = NULL;
        char key[33];
        int r;

        client_key(key);
        if (print) {
                AUTO_FREE char *path = submit_path(spec, dry, args_has(a, "strict"));

                return print_request(c, print, spec, path, given ? given : key);
        }
        r = send_job(c, a, dry, spec, given ? given : key, &reply);
        return r >= 0 ? r : after_submit(c, a, reply);
}

/* Follow a job's output (of a single task) or its progress (of an array). 0, or -1 when interrupted or cut
 * off. */
static int follow(struct cli *c, int64_t id, bool raw, struct err *err)
{
        json_t *job = client_get(cli_client(c), err, "/v1/jobs/%lld", (long long)id), *end = NULL;
        int64_t tasks = json_int_at(job, "tasks.total"), first = json_int_at(job, "first_task");
        struct log_stream streams[] = {{.name = "stdout", .out = stdout, .raw = raw, .attempt = -1},
                                       {.name = "stderr", .out = stderr, .raw = raw, .attempt = -1}};
        int r = -1;

        if (job && tasks == 1)
                r = log_follow(c, id, first, streams, ARRAY_LEN(streams), err);
        else if (job)
                r = job_wait(c, (struct ref){.job = id, .task = -1, .attempt = -1}, -1, &end, err);
        json_decref(job);
        json_decref(end);
        return r < 0 ? -1 : 0;
}

/* The first Ctrl-C asks for the job to be cancelled and goes on to its end; the next one leaves. */
static int cancel_interrupted(struct cli *c, int64_t id, struct err *err)
{
        json_t *reply;

        interrupted = 0;
        cli_say(c, "\ncancelling job %lld; Ctrl-C again leaves without waiting", (long long)id);
        reply = client_send(cli_client(c), "POST", NULL, err, "/v1/jobs/%lld/cancel", (long long)id);
        json_decref(reply);
        return reply ? 0 : -1;
}

/* How the one task of a job ended, when it was not by an exit code of its own. */
static void say_why(struct cli *c, int64_t id, int code)
{
        struct err err;
        json_t *list = client_get(cli_client(c), &err, "/v1/jobs/%lld/tasks?limit=1", (long long)id);
        const json_t *task = json_array_get(json_object_get(list, "items"), 0);
        const json_t *a = json_array_get(json_object_get(task, "attempts"), 0);
        const char *message = json_text_at(a, "message");
        AUTO_FREE char *why = text_line(*message ? message : json_text_at(a, "sentence"));

        if (strcmp(json_text_at(a, "outcome"), "exit") == 0 || !*why)
                cli_say(c, "job %lld ended with %d; see: reeve show %lld", (long long)id, code,
                        (long long)id);
        else
                cli_say(c, "job %lld ended with %d: %s; see: reeve show %lld", (long long)id, code, why,
                        (long long)id);
        json_decref(list);
}

int cmd_run(struct cli *c, const struct args *a)
{
        struct sigaction sa = {.sa_handler = on_interrupt};
        json_t *reply = NULL;
        struct err err;
        int64_t id, tasks;
        int r = submit(c, a, false, NULL, &reply);

        if (r >= 0)
                return r;
        say_warnings(c, reply);
        id = json_int_at(reply, "id");
        tasks = json_int_at(reply, "tasks");
        json_decref(reply);
        if (!id)
                return cli_usage(c, "run takes one job; for a list of jobs: reeve submit --wait -f FILE");
        cli_say(c, "job %lld", (long long)id);
        client_set_patience(cli_client(c), PATIENCE_LONG);
        sigaction(SIGINT, &sa, NULL);
        client_set_stop(cli_client(c), &interrupted);
        r = follow(c, id, args_has(a, "raw"), &err);
        if (r < 0 && interrupted)
                r = cancel_interrupted(c, id, &err);
        if (r < 0)
                return cli_fail(c, &err);
        r = wait_job(c, id, tasks != 1);
        if (interrupted) {
                cli_say(c, "job %lld goes on being cancelled; see: reeve show %lld", (long long)id,
                        (long long)id);
                return EXIT_INTERRUPTED;
        }
        if (r && tasks == 1)
                say_why(c, id, r);
        return r;
}
