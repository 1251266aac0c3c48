/* SPDX-License-Identifier: Apache-2.0 */
/* Signing in: with a token, a name and a password, or a code from the page. What is kept is always a token:
 * of the two others one is made. */
#include "commands.h"

#include "ask.h"
#include "profile.h"
#include "simple.h"
#include "text.h"
#include "common/num.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TOKEN_DAYS   "90d" /* how long a token that is made here lasts */
#define TOKEN_PREFIX "reeve_"

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

/* ---- making a token --------------------------------------------------------------------------------------
 */

static json_t *token_body(const char *until, struct err *err)
{
        char host[65] = "", when[32];

        gethostname(host, sizeof host - 1);
        if (simple_moment("--expires", until, when, err) < 0)
                return NULL;
        return json_pack("{s:o, s:s}", "name", json_sprintf("reeve on %.64s", *host ? host : "a machine"),
                         "expires_at", when);
}

/* A session by these credentials (owned), a token by the session; the session ends. */
static int token_by(struct client *page, json_t *credentials, const char *until, char **ret, struct err *err)
{
        json_t *body = token_body(until, err), *reply = NULL, *made = NULL, *over;

        if (body)
                reply = client_send(page, "POST", credentials, err, "/v1/login");
        if (reply)
                made = client_send(page, "POST", body, err, "/v1/tokens");
        json_decref(credentials);
        json_decref(body);
        json_decref(reply);
        if (!made)
                return -1;
        *ret = xstrdup(json_text_at(made, "token"));
        json_decref(made);
        over = client_send(page, "POST", NULL, NULL, "/v1/logout");
        json_decref(over);
        return 0;
}

/* ---- asking ----------------------------------------------------------------------------------------------
 */

/* What is behind the #code= of a link, or the code alone. */
static const char *code_in(const char *answer)
{
        const char *at = strstr(answer, "#code=");

        return at ? at + strlen("#code=") : answer;
}

/* Without a name: a code from the page, or a token. */
static int ask_code(json_t **ret_credentials, char **ret_token, struct err *err)
{
        AUTO_SECRET char *answer = NULL;

        if (ask_secret("code or token: ", &answer, err) < 0)
                return -1;
        if (strncmp(answer, TOKEN_PREFIX, strlen(TOKEN_PREFIX)) == 0)
                *ret_token = xstrdup(answer);
        else
                *ret_credentials = json_pack("{s:s}", "code", code_in(answer));
        return 0;
}

/* What the person has to say; one of the two is set. */
static int ask_credentials(json_t **ret_credentials, char **ret_token, struct err *err)
{
        AUTO_FREE char *name = NULL;
        AUTO_SECRET char *password = NULL;

        if (ask_line("login name (nothing: a code from the page, or a token): ", &name, err) < 0)
                return err_prefix(err, "use --token-file FILE (\"-\": standard input)");
        if (!*name)
                return ask_code(ret_credentials, ret_token, err);
        if (ask_secret("password: ", &password, err) < 0)
                return -1;
        *ret_credentials = json_pack("{s:s, s:s}", "name", name, "password", password);
        return *ret_credentials ? 0 : err_set(err, ERR_BAD_INPUT, "the answer is not text");
}

/* Where people sign in elsewhere, say how a code comes about. */
static int tell_ways(struct cli *c, struct client *page, const char *url, struct err *err)
{
        json_t *ways = client_get(page, err, "/v1/login");
        AUTO_FREE char *label = NULL;

        if (!ways)
                return -1;
        label = text_line(json_text_at(ways, "oidc.label"));
        if (*label)
                cli_say(c, "\"%s\": open %s/account in a browser, and take a code for the command line there",
                        label, url);
        json_decref(ways);
        return 0;
}

static int token_ask(struct cli *c, const struct args *a, const char *url, char **ret, struct err *err)
{
        const char *until = args_get(a, "expires");
        json_t *credentials = NULL;
        struct client *page;
        int rc;

        if (client_new(url, NULL, c->debug, &page, err) < 0)
                return -1;
        client_as_page(page);
        client_hide_bodies(page);
        rc = tell_ways(c, page, url, err);
        if (rc == 0)
                rc = ask_credentials(&credentials, ret, err);
        if (rc == 0 && credentials)
                rc = token_by(page, credentials, until ? until : TOKEN_DAYS, ret, err);
        client_free(page);
        return rc;
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
        r = file ? profile_read_secret(file, &p.token, &err) : token_ask(c, a, p.url, &p.token, &err);
        if (r == 0)
                r = sign_in(c, &p, &err);
        profile_release(&p);
        return r < 0 ? cli_fail(c, &err) : EXIT_OK;
}

int cmd_login_link(struct cli *c, const struct args *a)
{
        (void)a;
        return simple_make(c, "/v1/login-links", NULL, "url", "works once");
}

int cmd_whoami(struct cli *c, const struct args *a)
{
        static const struct column facts[] = {
            {.title = "user", .path = "name"},
            {.title = "role", .path = "role"},
            {.title = "projects", .path = "projects", .kind = CELL_LIST},
            {.title = "governs", .path = "sites", .kind = CELL_LIST},
            {.title = "may only", .path = "scopes", .kind = CELL_LIST},
            {0},
        };
        int code;

        (void)a;
        code = simple_show(c, "/v1/me", facts, NULL, NULL, NULL);
        if (code == EXIT_OK && !cli_wants_json(c))
                printf("server:   %s\n", client_url(c->client));
        return code;
}
