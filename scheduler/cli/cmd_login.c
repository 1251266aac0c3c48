/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include "profile.h"
#include "sheet.h"
#include "text.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define TOKEN_LENGTH_MAX 512

static bool set_echo(int fd, bool on)
{
        struct termios t;

        if (tcgetattr(fd, &t) < 0)
                return false;
        if (on)
                t.c_lflag |= ECHO;
        else
                t.c_lflag &= ~(tcflag_t)ECHO;
        return tcsetattr(fd, TCSAFLUSH, &t) == 0;
}

/* From the terminal without echo. */
static int ask_token(char **ret, struct err *err)
{
        char line[TOKEN_LENGTH_MAX];
        FILE *tty = fopen("/dev/tty", "r+e");
        bool got;

        if (!tty)
                return err_set(
                    err, ERR_BAD_INPUT,
                    "there is no terminal to ask for a token; use --token-file FILE (\"-\": standard input)");
        fprintf(tty, "token: ");
        fflush(tty);
        set_echo(fileno(tty), false);
        got = fgets(line, sizeof line, tty) != NULL;
        set_echo(fileno(tty), true);
        fputc('\n', tty);
        fclose(tty);
        line[got ? strcspn(line, "\r\n") : 0] = '\0';
        if (!*line)
                return err_set(
                    err, ERR_BAD_INPUT,
                    "no token was given; the first one stands in the output of reeved's first start");
        *ret = xstrdup(line);
        return 0;
}

static bool is_exposed(const char *url)
{
        return strncmp(url, "http://", 7) == 0 && strncmp(url + 7, "127.", 4) != 0 &&
               strncmp(url + 7, "localhost", 9) != 0 && strncmp(url + 7, "[::1]", 5) != 0;
}

/* Try the token at the server, then keep both. */
static int sign_in(struct cli *c, const struct profile *p, struct err *err)
{
        AUTO_FREE char *path = NULL;
        AUTO_FREE char *name = NULL;
        json_t *me;

        if (client_new(p->url, p->token, c->debug, &c->client, err) < 0)
                return -1;
        me = client_get(c->client, err, "/v1/me");
        if (!me)
                return -1;
        name = text_line(json_text_at(me, "name"));
        json_decref(me);
        if (profile_save(p, &path, err) < 0)
                return -1;
        cli_say(c, "signed in at %s as %s; kept in %s", p->url, name, path);
        if (is_exposed(p->url))
                cli_say(c, "warning: %s is not encrypted: whoever sees the network sees the token", p->url);
        return 0;
}

int cmd_login(struct cli *c, const struct args *a)
{
        const char *file = args_get(a, "token-file"), *url = a->word_count ? a->words[0] : c->url;
        struct profile p = {0};
        struct err err;
        int r;

        if (profile_load(&p, &err) < 0) {
                /* A broken file is about to be written anew. */
                profile_release(&p);
                p.url = xstrdup(PROFILE_URL_DEFAULT);
        }
        /* What the file says of other things stays. */
        free(p.token);
        p.token = NULL;
        if (url) {
                free(p.url);
                p.url = xstrdup(url);
        }
        r = file ? profile_read_secret(file, &p.token, &err) : ask_token(&p.token, &err);
        if (r == 0)
                r = sign_in(c, &p, &err);
        profile_release(&p);
        return r < 0 ? cli_fail(c, &err) : EXIT_OK;
}

int cmd_login_link(struct cli *c, const struct args *a)
{
        static const struct column until = {.path = "expires_at", .kind = CELL_TIME};
        struct err err;
        json_t *link;
        const char *url;
        struct buf b;

        (void)a;
        if (!cli_client(c))
                return EXIT_FAILED;
        link = client_send(cli_client(c), "POST", NULL, &err, "/v1/login-links");
        if (!link)
                return cli_fail(c, &err);
        url = json_text_at(link, "url");
        if (cli_wants_json(c))
                cli_json(c, link);
        else
                printf("%s%s\n",
                       *url == '/' && strncmp(client_url(c->client), "unix:", 5) != 0 ? client_url(c->client)
                                                                                      : "",
                       url);
        buf_init(&b, 256);
        cell_add(&until, link, &b);
        cli_say(c, "works once, until %s", buf_cstr(&b));
        buf_release(&b);
        json_decref(link);
        return EXIT_OK;
}

int cmd_whoami(struct cli *c, const struct args *a)
{
        static const struct column facts[] = {
            {.title = "user", .path = "name"},
            {.title = "role", .path = "role"},
            {.title = "projects", .path = "projects", .kind = CELL_LIST},
            {0},
        };
        struct err err;
        json_t *me;

        (void)a;
        if (!cli_client(c))
                return EXIT_FAILED;
        me = client_get(cli_client(c), &err, "/v1/me");
        if (!me)
                return cli_fail(c, &err);
        if (cli_wants_json(c)) {
                cli_json(c, me);
        } else {
                sheet_facts(c, facts, me);
                printf("server:   %s\n", client_url(c->client));
        }
        json_decref(me);
        return EXIT_OK;
}
