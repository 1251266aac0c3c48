/* SPDX-License-Identifier: Apache-2.0 */
/* Users, as admins keep them. */
#include "commands.h"

#include "simple.h"
#include "common/num.h"
#include "common/util.h"

static const struct column user_columns[] = {
    {.title = "USER", .path = "name"},
    {.title = "ROLE", .path = "role"},
    {.title = "PROJECTS", .path = "projects", .kind = CELL_LIST, .flags = SHEET_CUT},
    {.title = "GOVERNS", .path = "sites", .kind = CELL_LIST, .flags = SHEET_CUT | SHEET_HIDE_EMPTY},
    {.title = "SEEN", .path = "seen_at", .kind = CELL_AGO},
    {.title = "DISABLED", .path = "disabled_at", .kind = CELL_AGO, .flags = SHEET_HIDE_EMPTY},
    {.title = "PASSWORD", .path = "has_password", .kind = CELL_YES, .flags = SHEET_WIDE},
    {.title = "SINCE", .path = "created_at", .kind = CELL_TIME, .flags = SHEET_WIDE},
    {0},
};

static const struct column user_facts[] = {
    {.title = "user", .path = "name"},
    {.title = "role", .path = "role"},
    {.title = "governs", .path = "sites", .kind = CELL_LIST},
    {.title = "password", .path = "has_password", .kind = CELL_YES},
    {.title = "since", .path = "created_at", .kind = CELL_TIME},
    {.title = "seen", .path = "seen_at", .kind = CELL_AGO},
    {.title = "disabled", .path = "disabled_at", .kind = CELL_TIME},
    {0},
};

static const struct column membership_columns[] = {
    {.title = "PROJECT", .path = "project"},
    {.title = "ROLE", .path = "role"},
    {.title = "MAX LIVE", .path = "max_live", .kind = CELL_NUMBER},
    {0},
};

int cmd_user_list(struct cli *c, const struct args *a)
{
        (void)a;
        return simple_list(c, "/v1/users", true, user_columns, "name");
}

/* "/v1/users/NAME" and what follows: owned, or NULL with the mistake said. */
static char *user_path(struct cli *c, const struct args *a, const char *more, int *ret_code)
{
        struct err err;

        if (name_check("user", a->words[0], &err) == 0)
                return xasprintf("/v1/users/%s%s", a->words[0], more);
        *ret_code = cli_fail(c, &err);
        return NULL;
}

int cmd_user_show(struct cli *c, const struct args *a)
{
        int code = EXIT_OK;
        AUTO_FREE char *path = user_path(c, a, "", &code);

        return path ? simple_show(c, path, user_facts, "memberships", membership_columns, "project") : code;
}

int cmd_user_add(struct cli *c, const struct args *a)
{
        AUTO_FREE char *done = xasprintf("user %s is made; a link to set a password: reeve user reset %s",
                                         a->words[0], a->words[0]);
        const char *role = args_get(a, "role"), *project;
        json_t *projects = json_array();

        for (size_t i = 0; (project = args_nth(a, "project", i)); i++)
                json_array_append_new(projects, json_string(project));
        return simple_change(c, "POST", "/v1/users",
                             json_pack("{s:s, s:s, s:o}", "name", a->words[0], "role",
                                       role ? role : "submitter", "projects", projects),
                             done);
}

static int user_change(struct cli *c, const struct args *a, json_t *body, const char *what)
{
        int code = EXIT_OK;
        AUTO_FREE char *path = user_path(c, a, "", &code), *done = xasprintf("%s %s", a->words[0], what);

        if (path)
                return simple_change(c, "PATCH", path, body, done);
        json_decref(body);
        return code;
}

int cmd_user_role(struct cli *c, const struct args *a)
{
        AUTO_FREE char *what = xasprintf("is %s now; sessions of the user have ended", a->words[1]);

        return user_change(c, a, json_pack("{s:s}", "role", a->words[1]), what);
}

int cmd_user_disable(struct cli *c, const struct args *a)
{
        return user_change(c, a, json_pack("{s:b}", "disabled", 1), "is not let in any more; tokens neither");
}

int cmd_user_enable(struct cli *c, const struct args *a)
{
        return user_change(c, a, json_pack("{s:b}", "disabled", 0), "is let in again");
}

int cmd_user_reset(struct cli *c, const struct args *a)
{
        int code = EXIT_OK;
        AUTO_FREE char *path = user_path(c, a, "/password-link", &code);

        return path ? simple_make(c, path, NULL, "url", "shown once; sets a new password") : code;
}

int cmd_user_logout(struct cli *c, const struct args *a)
{
        int code = EXIT_OK;
        AUTO_FREE char *path = user_path(c, a, "/sessions", &code),
                       *done = xasprintf("all sessions of %s have ended", a->words[0]);

        return path ? simple_change(c, "DELETE", path, NULL, done) : code;
}
