/* SPDX-License-Identifier: Apache-2.0 */
/* Oneself: tokens, sessions, who one is at the provider, and the password. */
#include "commands.h"

#include "ask.h"
#include "simple.h"
#include "common/num.h"
#include "common/util.h"

#include <string.h>

/* ---- tokens ----------------------------------------------------------------------------------------------
 */

static const struct column token_columns[] = {
    {.title = "TOKEN", .path = "id", .kind = CELL_NUMBER},
    {.title = "NAME", .path = "name", .flags = SHEET_CUT},
    {.title = "USER", .path = "user", .flags = SHEET_WIDE},
    {.title = "BEGINS", .path = "prefix"},
    {.title = "MAY", .path = "scopes", .kind = CELL_LIST, .flags = SHEET_CUT | SHEET_HIDE_EMPTY},
    {.title = "PROJECT", .path = "project", .flags = SHEET_HIDE_EMPTY},
    {.title = "MADE", .path = "created_at", .kind = CELL_TIME, .flags = SHEET_WIDE},
    {.title = "USED", .path = "last_used_at", .kind = CELL_AGO},
    {.title = "EXPIRES", .path = "expires_at", .kind = CELL_TIME},
    {.title = "REVOKED", .path = "revoked_at", .kind = CELL_TIME, .flags = SHEET_HIDE_EMPTY},
    {0},
};

/* Own ones, or those for a project. */
static char *tokens_of(const struct args *a)
{
        const char *project = args_get(a, "project");

        return project ? xasprintf("/v1/projects/%s/tokens", project) : xstrdup("/v1/tokens");
}

static int project_check(const struct args *a, struct err *err)
{
        const char *project = args_get(a, "project");

        return project ? name_check("project", project, err) : 0;
}

int cmd_token_list(struct cli *c, const struct args *a)
{
        AUTO_FREE char *path = tokens_of(a);
        struct err err;

        if (project_check(a, &err) < 0)
                return cli_fail(c, &err);
        return simple_list(c, path, false, token_columns, "id");
}

/* Each --scope may hold several, with commas between. */
static json_t *scopes_of(const struct args *a)
{
        json_t *list = json_array();
        const char *words;

        for (size_t i = 0; (words = args_nth(a, "scope", i)); i++) {
                json_t *more = cli_names(words);

                json_array_extend(list, more);
                json_decref(more);
        }
        return list;
}

int cmd_token_create(struct cli *c, const struct args *a)
{
        const char *expires = args_get(a, "expires"), *user = args_get(a, "user"),
                   *project = args_get(a, "project");
        json_t *body, *scopes;
        struct err err;
        char when[32];

        if (expires && simple_moment("--expires", expires, when, &err) < 0)
                return cli_fail(c, &err);
        body = json_pack("{s:s}", "name", a->words[0]);
        scopes = scopes_of(a);
        if (expires)
                json_object_set_new(body, "expires_at", json_string(when));
        if (user)
                json_object_set_new(body, "user", json_string(user));
        if (project)
                json_object_set_new(body, "project", json_string(project));
        if (json_array_size(scopes))
                json_object_set(body, "scopes", scopes);
        json_decref(scopes);
        return simple_make(c, "/v1/tokens", body, "token",
                           "shown once; keep it in a file that only its owner can read");
}

int cmd_token_revoke(struct cli *c, const struct args *a)
{
        AUTO_FREE char *list = tokens_of(a), *path = NULL, *done = NULL;
        struct err err;
        int code = EXIT_OK;

        if (project_check(a, &err) < 0)
                return cli_fail(c, &err);
        path = simple_numbered(c, list, "token", a->words[0], &code);
        done = xasprintf("token %s is revoked", a->words[0]);
        return path ? simple_change(c, "DELETE", path, NULL, done) : code;
}

/* ---- sessions --------------------------------------------------------------------------------------------
 */

static const struct column session_columns[] = {
    {.title = "SESSION", .path = "id", .kind = CELL_NUMBER},
    {.title = "FROM", .path = "address"},
    {.title = "SEEN", .path = "seen_at", .kind = CELL_AGO},
    {.title = "UNTIL", .path = "expires_at", .kind = CELL_TIME},
    {.title = "BROWSER", .path = "agent", .flags = SHEET_CUT},
    {0},
};

int cmd_session_list(struct cli *c, const struct args *a)
{
        (void)a;
        return simple_list(c, "/v1/sessions", false, session_columns, "id");
}

int cmd_session_end(struct cli *c, const struct args *a)
{
        AUTO_FREE char *path = NULL;
        int code = EXIT_OK;

        if (strcmp(a->words[0], "all") == 0)
                return simple_change(c, "DELETE", "/v1/sessions", NULL,
                                     "your sessions in browsers have ended");
        path = simple_numbered(c, "/v1/sessions", "session", a->words[0], &code);
        return path ? simple_change(c, "DELETE", path, NULL, "it has ended") : code;
}

/* ---- identities ------------------------------------------------------------------------------------------
 */

static const struct column identity_columns[] = {
    {.title = "IDENTITY", .path = "id", .kind = CELL_NUMBER},
    {.title = "AT", .path = "issuer"},
    {.title = "AS", .path = "subject", .flags = SHEET_CUT},
    {.title = "LINKED", .path = "made_at", .kind = CELL_TIME},
    {.title = "USED", .path = "used_at", .kind = CELL_AGO},
    {0},
};

int cmd_identity_list(struct cli *c, const struct args *a)
{
        (void)a;
        return simple_list(c, "/v1/me/identities", false, identity_columns, "id");
}

int cmd_identity_remove(struct cli *c, const struct args *a)
{
        int code = EXIT_OK;
        AUTO_FREE char *path = simple_numbered(c, "/v1/me/identities", "identity", a->words[0], &code);

        return path ? simple_change(c, "DELETE", path, NULL, "it is not linked any more") : code;
}

/* ---- the password ----------------------------------------------------------------------------------------
 */

/* One that is there, and a new one twice. */
static int ask_passwords(bool has, json_t *body, struct err *err)
{
        AUTO_SECRET char *current = NULL;
        AUTO_SECRET char *first = NULL;
        AUTO_SECRET char *again = NULL;

        if (has && ask_secret("password so far: ", &current, err) < 0)
                return -1;
        if (ask_secret("new password (12 characters or more): ", &first, err) < 0 ||
            ask_secret("the same again: ", &again, err) < 0)
                return -1;
        if (strcmp(first, again) != 0)
                return err_set(err, ERR_BAD_INPUT, "the two are not the same");
        if (has)
                json_object_set_new(body, "current", json_string(current));
        json_object_set_new(body, "password", json_string(first));
        return 0;
}

int cmd_password(struct cli *c, const struct args *a)
{
        json_t *me, *body;
        struct err err;
        bool has;

        (void)a;
        if (!cli_client(c))
                return EXIT_FAILED;
        me = client_get(c->client, &err, "/v1/me");
        if (!me)
                return cli_fail(c, &err);
        has = json_is_true(json_object_get(me, "has_password"));
        json_decref(me);
        body = json_object();
        if (ask_passwords(has, body, &err) < 0) {
                json_decref(body);
                return cli_fail(c, &err);
        }
        client_hide_bodies(c->client);
        return simple_change(c, "POST", "/v1/me/password", body,
                             "the password is set; sessions in browsers have ended");
}
