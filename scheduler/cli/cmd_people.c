/* SPDX-License-Identifier: Apache-2.0 */
/* Projects, users, tokens. */
#include "commands.h"

#include "sheet.h"
#include "common/num.h"
#include "common/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX 100000

static int list(struct cli *c, const char *path, bool paged, const struct column *cols, const char *id)
{
        struct err err;
        json_t *rows;
        bool more;

        if (!cli_client(c))
                return EXIT_FAILED;
        rows =
            paged ? client_list(c->client, path, LIST_MAX, &more, &err) : client_items(c->client, path, &err);
        if (!rows)
                return cli_fail(c, &err);
        sheet_print(c, cols, rows, id);
        json_decref(rows);
        return EXIT_OK;
}

/* Send a body (owned by the call) and say what was done. */
static int change(struct cli *c, const char *method, const char *path, json_t *body, const char *done)
{
        struct err err;
        json_t *reply = cli_client(c) ? client_send(cli_client(c), method, body, &err, "%s", path) : NULL;

        json_decref(body);
        if (!c->client)
                return EXIT_FAILED;
        if (!reply)
                return cli_fail(c, &err);
        if (cli_wants_json(c))
                cli_json(c, reply);
        else
                cli_say(c, "%s", done);
        json_decref(reply);
        return EXIT_OK;
}

/* ---- projects --------------------------------------------------------------------------------------------
 */

static const struct column project_columns[] = {
    {.title = "PROJECT", .path = "name"},
    {.title = "SHARE", .path = "share", .kind = CELL_NUMBER},
    {.title = "MAX CPUS", .path = "max_cpus", .kind = CELL_NUMBER},
    {.title = "MAX TASKS", .path = "max_tasks", .kind = CELL_NUMBER},
    {.title = "CPUS NOW", .path = "used.cpus", .kind = CELL_NUMBER},
    {.title = "TASKS NOW", .path = "used.tasks", .kind = CELL_NUMBER},
    {.title = "USAGE", .path = "usage", .kind = CELL_NUMBER, .flags = SHEET_WIDE},
    {0},
};

int cmd_project_list(struct cli *c, const struct args *a)
{
        (void)a;
        return list(c, "/v1/projects", false, project_columns, "name");
}

/* --share, --max-cpus, --max-tasks into body; "none" takes a limit away. */
static int put_limits(const struct args *a, json_t *body, struct err *err)
{
        static const struct {
                const char *option, *member;
        } limits[] = {{"max-cpus", "max_cpus"}, {"max-tasks", "max_tasks"}};
        const char *share = args_get(a, "share");
        char *end;

        for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
                const char *value = args_get(a, limits[i].option);
                int64_t v;

                if (value && strcmp(value, "none") == 0)
                        json_object_set_new(body, limits[i].member, json_null());
                else if (value && num_int(limits[i].option, value, 1, 1000000000, &v, err) < 0)
                        return -1;
                else if (value)
                        json_object_set_new(body, limits[i].member, json_integer(v));
        }
        if (share) {
                double d = strtod(share, &end);

                if (*end || end == share || !(d > 0 && d <= 1000000))
                        return err_set(err, ERR_BAD_INPUT, "--share: \"%s\" is not a number above 0", share);
                json_object_set_new(body, "share", json_real(d));
        }
        return 0;
}

int cmd_project_add(struct cli *c, const struct args *a)
{
        AUTO_FREE char *done = xasprintf("project %s is made", a->words[0]);
        json_t *body = json_object();
        struct err err;

        if (name_check("project", a->words[0], &err) < 0 || put_limits(a, body, &err) < 0) {
                json_decref(body);
                return cli_fail(c, &err);
        }
        json_object_set_new(body, "name", json_string(a->words[0]));
        return change(c, "POST", "/v1/projects", body, done);
}

int cmd_project_set(struct cli *c, const struct args *a)
{
        AUTO_FREE char *done = xasprintf("project %s is changed", a->words[0]),
                       *path = xasprintf("/v1/projects/%s", a->words[0]);
        json_t *body = json_object();
        struct err err;

        if (name_check("project", a->words[0], &err) < 0 || put_limits(a, body, &err) < 0) {
                json_decref(body);
                return cli_fail(c, &err);
        }
        if (!json_object_size(body)) {
                json_decref(body);
                return cli_usage(c, "nothing to change; give --share, --max-cpus or --max-tasks");
        }
        return change(c, "PATCH", path, body, done);
}

/* ---- users -----------------------------------------------------------------------------------------------
 */

static const struct column user_columns[] = {
    {.title = "USER", .path = "name"},
    {.title = "ROLE", .path = "role"},
    {.title = "PROJECTS", .path = "projects", .kind = CELL_LIST, .flags = SHEET_CUT},
    {.title = "SINCE", .path = "created_at", .kind = CELL_TIME, .flags = SHEET_WIDE},
    {0},
};

int cmd_user_list(struct cli *c, const struct args *a)
{
        (void)a;
        return list(c, "/v1/users", true, user_columns, "name");
}

int cmd_user_add(struct cli *c, const struct args *a)
{
        AUTO_FREE char *done = xasprintf(
            "user %s is made; a token for them: reeve token create --user %s NAME", a->words[0], a->words[0]);
        const char *role = args_get(a, "role"), *project;
        json_t *projects = json_array();

        for (size_t i = 0; (project = args_nth(a, "project", i)); i++)
                json_array_append_new(projects, json_string(project));
        return change(c, "POST", "/v1/users",
                      json_pack("{s:s, s:s, s:o}", "name", a->words[0], "role", role ? role : "submitter",
                                "projects", projects),
                      done);
}

/* ---- tokens ----------------------------------------------------------------------------------------------
 */

static const struct column token_columns[] = {
    {.title = "TOKEN", .path = "id", .kind = CELL_NUMBER},
    {.title = "NAME", .path = "name"},
    {.title = "BEGINS", .path = "prefix"},
    {.title = "MADE", .path = "created_at", .kind = CELL_TIME},
    {.title = "USED", .path = "last_used_at", .kind = CELL_TIME},
    {.title = "EXPIRES", .path = "expires_at", .kind = CELL_TIME},
    {.title = "REVOKED", .path = "revoked_at", .kind = CELL_TIME, .flags = SHEET_HIDE_EMPTY},
    {0},
};

int cmd_token_list(struct cli *c, const struct args *a)
{
        (void)a;
        return list(c, "/v1/tokens", false, token_columns, "id");
}

int cmd_token_create(struct cli *c, const struct args *a)
{
        const char *expires = args_get(a, "expires"), *user = args_get(a, "user");
        struct err err;
        json_t *body, *reply;
        char when[32];
        int64_t ms;

        if (!cli_client(c))
                return EXIT_FAILED;
        if (expires && num_duration("--expires", expires, &ms, NULL) == 0)
                ms += clock_wall_ms();
        else if (expires && num_time("--expires", expires, &ms, &err) < 0)
                return cli_fail(c, &err);
        body = json_pack("{s:s}", "name", a->words[0]);
        if (expires)
                json_object_set_new(body, "expires_at", json_string(num_format_time(ms, when)));
        if (user)
                json_object_set_new(body, "user", json_string(user));
        reply = client_send(cli_client(c), "POST", body, &err, "/v1/tokens");
        json_decref(body);
        if (!reply)
                return cli_fail(c, &err);
        if (cli_wants_json(c))
                cli_json(c, reply);
        else
                printf("%s\n", json_text_at(reply, "token"));
        cli_say(c, "this is shown once; keep it in a file that only its owner can read");
        json_decref(reply);
        return EXIT_OK;
}

int cmd_token_revoke(struct cli *c, const struct args *a)
{
        AUTO_FREE char *path = NULL, *done = NULL;
        struct err err;
        int64_t id;

        if (num_int("token", a->words[0], 1, INT64_MAX, &id, &err) < 0)
                return cli_fail(c, &err);
        path = xasprintf("/v1/tokens/%lld", (long long)id);
        done = xasprintf("token %lld is revoked", (long long)id);
        return change(c, "DELETE", path, NULL, done);
}
