/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include "doc.h"
#include "help.h"
#include "refs.h"
#include "sheet.h"
#include "text.h"
#include "common/num.h"
#include "common/progress.h"
#include "common/util.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* ---- api -------------------------------------------------------------------------------------------------
 */

static bool method_is_known(const char *s)
{
        static const char *const methods[] = {"GET", "POST", "PATCH", "PUT", "DELETE", "HEAD"};

        for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
                if (strcmp(methods[i], s) == 0)
                        return true;
        }
        return false;
}

/* -d TEXT, -d @FILE, -d @- */
static int read_body(const char *d, char **ret, struct err *err)
{
        size_t n;

        if (d && *d == '@')
                return doc_read_file(d + 1, DOC_SIZE_MAX, ret, &n, err);
        *ret = xstrdup(d);
        return 0;
}

static void print_body(const struct cli *c, const struct reply *r)
{
        struct text_filter f = {0};
        struct buf b;

        if (r->json && c->out_is_tty) {
                cli_json(c, r->json);
        } else if (c->out_is_tty) {
                buf_init(&b, 4 * REPLY_MAX);
                text_filter_feed(&f, buf_bytes(&r->body), buf_len(&r->body), &b);
                text_filter_end(&f, &b);
                fwrite(buf_bytes(&b), 1, buf_len(&b), stdout);
                buf_release(&b);
        } else {
                fwrite(buf_bytes(&r->body), 1, buf_len(&r->body), stdout);
        }
}

int cmd_api(struct cli *c, const struct args *a)
{
        AUTO_FREE char *method = xstrdup(a->word_count > 1     ? a->words[0]
                                         : args_has(a, "data") ? "POST"
                                                               : "GET");
        const char *path = a->words[a->word_count - 1];
        AUTO_FREE char *body = NULL;
        AUTO_FREE char *full = NULL;
        struct reply r;
        struct err err;
        int rc;

        for (char *p = method; *p; p++)
                *p = *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
        if (!method_is_known(method))
                return cli_usage(c, "\"%s\" is none of GET, POST, PATCH, PUT, DELETE, HEAD", a->words[0]);
        for (const char *p = path; *p; p++) {
                if (*p <= ' ' || *p == 0x7f)
                        return cli_usage(c,
                                         "the path holds a blank or a control character; write it as %%XX");
        }
        if (!cli_client(c))
                return EXIT_FAILED;
        if (read_body(args_get(a, "data"), &body, &err) < 0)
                return cli_fail(c, &err);
        full = xasprintf("%s%s", *path == '/' ? "" : "/v1/", path);
        rc = client_call(
            cli_client(c),
            &(struct call){
                .method = method, .path = full, .body = body, .key = args_get(a, "idempotency-key")},
            &r, &err);
        print_body(c, &r);
        reply_release(&r);
        fflush(stdout);
        return rc < 0 ? cli_fail(c, &err) : EXIT_OK;
}

/* ---- pages and progress ----------------------------------------------------------------------------------
 */

/* Hand an address to the desktop. Nobody waits for it, and it prints nothing here. */
static bool open_in_browser(const char *url)
{
        char *argv[] = {(char *)"xdg-open", (char *)url, NULL};
        posix_spawn_file_actions_t acts;
        pid_t pid;
        bool started;

        if ((!getenv("DISPLAY") && !getenv("WAYLAND_DISPLAY")) || posix_spawn_file_actions_init(&acts) != 0)
                return false;
        for (int fd = 0; fd < 3; fd++)
                posix_spawn_file_actions_addopen(&acts, fd, "/dev/null", O_RDWR, 0);
        started = posix_spawnp(&pid, argv[0], &acts, NULL, argv, environ) == 0;
        posix_spawn_file_actions_destroy(&acts);
        return started;
}

int cmd_open(struct cli *c, const struct args *a)
{
        AUTO_FREE char *page = NULL;
        const char *base;
        struct err err;
        struct ref r;

        if (!cli_client(c))
                return EXIT_FAILED;
        base = client_url(c->client);
        if (strncmp(base, "unix:", 5) == 0)
                return cli_usage(c, "a browser cannot reach %s; name the server's address with --url", base);
        if (!a->word_count) {
                page = xasprintf("%s/", base);
        } else {
                if (ref_read(c, a->words[0], &r, &err) < 0)
                        return cli_fail(c, &err);
                page = r.task < 0
                           ? xasprintf("%s/jobs/%lld", base, (long long)r.job)
                           : xasprintf("%s/jobs/%lld?task=%lld", base, (long long)r.job, (long long)r.task);
        }
        puts(page);
        fflush(stdout);
        if (c->out_is_tty && !args_has(a, "print") && open_in_browser(page))
                cli_say(c, "opened in your browser; not signed in there? reeve login-link");
        else if (c->out_is_tty)
                cli_say(c, "a link that signs a browser in: reeve login-link");
        return EXIT_OK;
}

int cmd_progress(struct cli *c, const struct args *a)
{
        struct err err;

        return progress_report(a->words, &err) < 0 ? cli_fail(c, &err) : EXIT_OK;
}

/* ---- the program itself ----------------------------------------------------------------------------------
 */

int cmd_version(struct cli *c, const struct args *a)
{
        struct err err;
        json_t *server;

        (void)a;
        printf("reeve  %s\n", REEVE_VERSION);
        fflush(stdout);
        if (!cli_client(c))
                return EXIT_OK;
        client_set_patience(c->client, 0);
        server = client_get(c->client, &err, "/v1/version");
        if (server) {
                AUTO_FREE char *version = text_line(json_text_at(server, "version"));

                printf("server %s (%s)\n", version, client_url(c->client));
        } else {
                cli_say(c, "server: %s", err.text);
        }
        json_decref(server);
        return EXIT_OK;
}

int cmd_help(struct cli *c, const struct args *a)
{
        char *words[4] = {0};
        const struct command *cmd;
        size_t n;

        if (args_has(a, "manual")) {
                help_manual(stdout);
                return EXIT_OK;
        }
        if (!a->word_count) {
                help_overview(stdout);
                return EXIT_OK;
        }
        for (size_t i = 0; i < a->word_count && i < 3; i++)
                words[i] = (char *)a->words[i];
        cmd = command_find(words, &n);
        if (cmd)
                help_command(stdout, cmd);
        else if (command_is_group(words[0]))
                help_group(stdout, words[0]);
        else
                return cli_usage(c, "no command \"%s\"; `reeve help` lists them", words[0]);
        return EXIT_OK;
}
