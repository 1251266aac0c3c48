/* SPDX-License-Identifier: Apache-2.0 */
/* Projects and their members, invitations, and who governs a site. */
#include "commands.h"

#include "simple.h"
#include "common/num.h"
#include "common/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names go into paths: what is no name is refused here. */
static int names_check(const struct args *a, const char *const *whats, struct err *err)
{
        for (size_t i = 0; whats[i]; i++)
                if (name_check(whats[i], a->words[i], err) < 0)
                        return -1;
        return 0;
}

static const char *const one_project[] = {"project", NULL}, *const member_words[] = {"project", "user", NULL},
                         *const one_site[] = {"site", NULL}, *const admin_words[] = {"site", "user", NULL};

/* ---- projects --------------------------------------------------------------------------------------------
 */

static const struct column project_columns[] = {
    {.title = "PROJECT", .path = "name"},
    {.title = "ROLE", .path = "role"},
    {.title = "SHARE", .path = "share", .kind = CELL_NUMBER},
    {.title = "MAX CPUS", .path = "max_cpus", .kind = CELL_NUMBER},
    {.title = "MAX TASKS", .path = "max_tasks", .kind = CELL_NUMBER},
    {.title = "MAX LIVE", .path = "max_live", .kind = CELL_NUMBER, .flags = SHEET_WIDE},
    {.title = "CPUS NOW", .path = "used.cpus", .kind = CELL_NUMBER},
    {.title = "TASKS NOW", .path = "used.tasks", .kind = CELL_NUMBER},
    {.title = "LIVE", .path = "used.live", .kind = CELL_NUMBER, .flags = SHEET_WIDE},
    {.title = "USAGE", .path = "usage", .kind = CELL_NUMBER, .flags = SHEET_WIDE},
    {0},
};

static const struct column project_facts[] = {
    {.title = "project", .path = "name"},
    {.title = "your role", .path = "role"},
    {.title = "share", .path = "share", .kind = CELL_NUMBER},
    {.title = "cpus at once", .path = "max_cpus", .kind = CELL_NUMBER},
    {.title = "tasks at once", .path = "max_tasks", .kind = CELL_NUMBER},
    {.title = "live tasks at most", .path = "max_live", .kind = CELL_NUMBER},
    {.title = "cpus now", .path = "used.cpus", .kind = CELL_NUMBER},
    {.title = "live tasks", .path = "used.live", .kind = CELL_NUMBER},
    {0},
};

static const struct column member_columns[] = {
    {.title = "USER", .path = "user"},
    {.title = "ROLE", .path = "role"},
    {.title = "MAX LIVE", .path = "max_live", .kind = CELL_NUMBER},
    {.title = "LIVE", .path = "live", .kind = CELL_NUMBER},
    {.title = "ADDED BY", .path = "added_by"},
    {.title = "ADDED", .path = "added_at", .kind = CELL_AGO},
    {0},
};

int cmd_project_list(struct cli *c, const struct args *a)
{
        (void)a;
        return simple_list(c, "/v1/projects", false, project_columns, "name");
}

int cmd_project_show(struct cli *c, const struct args *a)
{
        AUTO_FREE char *path = xasprintf("/v1/projects/%s", a->words[0]);
        struct err err;

        if (names_check(a, one_project, &err) < 0)
                return cli_fail(c, &err);
        return simple_show(c, path, project_facts, "members", member_columns, "user");
}

/* --share, --max-cpus, --max-tasks, --max-live into body; "none" takes a limit away. */
static int put_limits(const struct args *a, json_t *body, struct err *err)
{
        const char *share = args_get(a, "share");
        char *end;

        if (simple_limit(a, "max-cpus", "max_cpus", body, err) < 0 ||
            simple_limit(a, "max-tasks", "max_tasks", body, err) < 0 ||
            simple_limit(a, "max-live", "max_live", body, err) < 0)
                return -1;
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

        if (names_check(a, one_project, &err) < 0 || put_limits(a, body, &err) < 0) {
                json_decref(body);
                return cli_fail(c, &err);
        }
        json_object_set_new(body, "name", json_string(a->words[0]));
        return simple_change(c, "POST", "/v1/projects", body, done);
}

int cmd_project_set(struct cli *c, const struct args *a)
{
        AUTO_FREE char *done = xasprintf("project %s is changed", a->words[0]),
                       *path = xasprintf("/v1/projects/%s", a->words[0]);
        json_t *body = json_object();
        struct err err;

        if (names_check(a, one_project, &err) < 0 || put_limits(a, body, &err) < 0) {
                json_decref(body);
                return cli_fail(c, &err);
        }
        if (!json_object_size(body)) {
                json_decref(body);
                return cli_usage(c, "nothing to change; give --share, --max-cpus, --max-tasks or --max-live");
        }
        return simple_change(c, "PATCH", path, body, done);
}

/* ---- members ---------------------------------------------------------------------------------------------
 */

int cmd_member_set(struct cli *c, const struct args *a)
{
        AUTO_FREE char *path = xasprintf("/v1/projects/%s/members", a->words[0]), *done = NULL;
        const char *role = args_get(a, "role");
        json_t *body = json_object();
        struct err err;

        if (names_check(a, member_words, &err) < 0 ||
            simple_limit(a, "max-live", "max_live", body, &err) < 0) {
                json_decref(body);
                return cli_fail(c, &err);
        }
        json_object_set_new(body, "user", json_string(a->words[1]));
        if (role)
                json_object_set_new(body, "role", json_string(role));
        done = xasprintf("%s is a member of %s", a->words[1], a->words[0]);
        return simple_change(c, "POST", path, body, done);
}

int cmd_member_remove(struct cli *c, const struct args *a)
{
        AUTO_FREE char *path = xasprintf("/v1/projects/%s/members/%s", a->words[0], a->words[1]),
                       *done = xasprintf("%s is no member of %s any more", a->words[1], a->words[0]);
        struct err err;

        if (names_check(a, member_words, &err) < 0)
                return cli_fail(c, &err);
        return simple_change(c, "DELETE", path, NULL, done);
}

/* ---- invitations -----------------------------------------------------------------------------------------
 */

static const struct column invitation_columns[] = {
    {.title = "INVITATION", .path = "id", .kind = CELL_NUMBER},
    {.title = "ROLE", .path = "role"},
    {.title = "PROJECT", .path = "project"},
    {.title = "THERE", .path = "project_role"},
    {.title = "MADE BY", .path = "made_by"},
    {.title = "UNTIL", .path = "expires_at", .kind = CELL_TIME},
    {.title = "USED", .path = "used_at", .kind = CELL_TIME, .flags = SHEET_HIDE_EMPTY},
    {.title = "BY", .path = "used_by", .flags = SHEET_HIDE_EMPTY},
    {.title = "NOTE", .path = "note", .flags = SHEET_CUT | SHEET_HIDE_EMPTY},
    {0},
};

/* The list of one project, or of all. */
static char *invitations_of(const struct args *a)
{
        const char *project = args_get(a, "project");

        return project ? xasprintf("/v1/projects/%s/invitations", project) : xstrdup("/v1/invitations");
}

static int project_check(const struct args *a, struct err *err)
{
        const char *project = args_get(a, "project");

        return project ? name_check("project", project, err) : 0;
}

static void put_text(json_t *body, const char *member, const char *value)
{
        if (value)
                json_object_set_new(body, member, json_string(value));
}

/* Without --role it is a project's admin who invites into his project; with it, an admin. */
int cmd_invite(struct cli *c, const struct args *a)
{
        const char *project = args_get(a, "project"), *role = args_get(a, "role");
        AUTO_FREE char *path = NULL;
        struct err err;
        json_t *body;

        if (project_check(a, &err) < 0)
                return cli_fail(c, &err);
        if (!project && !role)
                return cli_usage(c, "into which project (--project), or as what (--role)?");
        body = json_object();
        path = role ? xstrdup("/v1/invitations") : invitations_of(a);
        put_text(body, "role", role);
        put_text(body, "project", role ? project : NULL);
        put_text(body, "project_role", args_get(a, "project-role"));
        put_text(body, "valid", args_get(a, "valid"));
        put_text(body, "note", args_get(a, "note"));
        return simple_make(c, path, body, "url", "shown once; lets one person in");
}

int cmd_invitation_list(struct cli *c, const struct args *a)
{
        AUTO_FREE char *path = invitations_of(a);
        struct err err;

        if (project_check(a, &err) < 0)
                return cli_fail(c, &err);
        return simple_list(c, path, false, invitation_columns, "id");
}

int cmd_invitation_revoke(struct cli *c, const struct args *a)
{
        AUTO_FREE char *list = invitations_of(a), *path = NULL;
        struct err err;
        int code = EXIT_OK;

        if (project_check(a, &err) < 0)
                return cli_fail(c, &err);
        path = simple_numbered(c, list, "invitation", a->words[0], &code);
        return path ? simple_change(c, "DELETE", path, NULL, "it is taken back") : code;
}

/* ---- who governs a site ----------------------------------------------------------------------------------
 */

static const struct column site_admin_columns[] = {
    {.title = "USER", .path = "user"},
    {.title = "NAMED BY", .path = "by"},
    {.title = "SINCE", .path = "at", .kind = CELL_TIME},
    {0},
};

int cmd_site_admin_list(struct cli *c, const struct args *a)
{
        AUTO_FREE char *path = xasprintf("/v1/sites/%s/admins", a->words[0]);
        struct err err;

        if (names_check(a, one_site, &err) < 0)
                return cli_fail(c, &err);
        return simple_list(c, path, false, site_admin_columns, "user");
}

int cmd_site_admin_add(struct cli *c, const struct args *a)
{
        AUTO_FREE char *path = xasprintf("/v1/sites/%s/admins", a->words[0]),
                       *done = xasprintf("%s governs site %s", a->words[1], a->words[0]);
        struct err err;

        if (names_check(a, admin_words, &err) < 0)
                return cli_fail(c, &err);
        return simple_change(c, "POST", path, json_pack("{s:s}", "user", a->words[1]), done);
}

int cmd_site_admin_remove(struct cli *c, const struct args *a)
{
        AUTO_FREE char *path = xasprintf("/v1/sites/%s/admins/%s", a->words[0], a->words[1]),
                       *done = xasprintf("%s does not govern site %s any more", a->words[1], a->words[0]);
        struct err err;

        if (names_check(a, admin_words, &err) < 0)
                return cli_fail(c, &err);
        return simple_change(c, "DELETE", path, NULL, done);
}
