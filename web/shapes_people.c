/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of replies about people. What they mean stands in docs/api.md. */
#include "web/shape_rows.h"

#define ROLES "viewer submitter admin"

/* clang-format off */
static const struct member membership_members[] = {
    STR("project", 0, NULL),
    WORDS("role", 0, NULL, ROLES),
    INT("max_live", SHAPE_NULL, "tasks that have not ended"),
    {0},
};
const struct shape obj_membership = {"membership", "what one is in a project", membership_members, false};

static const struct member me_members[] = {
    STR("name", 0, NULL),
    WORDS("role", 0, NULL, ROLES),
    STR("projects", SHAPE_LIST, NULL),
    OF("memberships", obj_membership, SHAPE_LIST, NULL),
    STR("sites", SHAPE_LIST, "those that one governs"),
    WORDS("by", 0, NULL, "session token"),
    STR("scopes", SHAPE_LIST | SHAPE_NULL, "all that the token may; null: everything"),
    BOOL("has_password", 0, NULL),
    {0},
};
const struct shape obj_me = {"me", "who asks", me_members, false};

static const struct member login_link_members[] = {
    STR("url", 0, NULL),
    TIME("expires_at", 0, NULL),
    {0},
};
const struct shape obj_login_link = {"login_link", "a link that works once", login_link_members, false};

static const struct member login_way_members[] = {
    STR("label", 0, NULL),
    STR("url", 0, NULL),
    {0},
};
const struct shape obj_login_way = {"login_way", "another place to log in", login_way_members, false};

static const struct member login_ways_members[] = {
    BOOL("password", 0, NULL),
    OF("oidc", obj_login_way, SHAPE_NULL, NULL),
    BOOL("setup", 0, "a setup link waits to be used"),
    {0},
};
const struct shape obj_login_ways = {"login_ways", "the ways in", login_ways_members, false};

static const struct member session_members[] = {
    INT("id", 0, NULL),
    TIME("created_at", 0, NULL),
    TIME("seen_at", 0, NULL),
    TIME("expires_at", 0, NULL),
    STR("address", SHAPE_NULL, NULL),
    STR("agent", SHAPE_NULL, NULL),
    BOOL("current", 0, "the one that asks"),
    {0},
};
const struct shape obj_session = {"session", "a login of a browser", session_members, false};

static const struct member sessions_members[] = {
    OF("items", obj_session, SHAPE_LIST, NULL),
    STR("next_cursor", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_sessions = {"sessions", "own sessions", sessions_members, false};

static const struct member project_used_members[] = {
    INT("cpus", 0, NULL),
    INT("tasks", 0, NULL),
    INT("live", 0, "tasks that have not ended"),
    {0},
};
const struct shape obj_project_used = {"project_used", "held now", project_used_members, false};

#define PROJECT_MEMBERS \
    STR("name", 0, NULL), \
    REAL("share", 0, NULL), \
    INT("max_cpus", SHAPE_NULL, NULL), \
    INT("max_tasks", SHAPE_NULL, NULL), \
    INT("max_live", SHAPE_NULL, NULL), \
    REAL("usage", 0, NULL), \
    TIME("usage_at", 0, NULL), \
    OF("used", obj_project_used, 0, NULL), \
    WORDS("role", 0, "of who asks", ROLES), \
    TIME("created_at", 0, NULL)

static const struct member project_members[] = {PROJECT_MEMBERS, {0}};
const struct shape obj_project = {"project", "who shares quota and visibility", project_members, false};

static const struct member member_members[] = {
    STR("user", 0, NULL),
    WORDS("role", 0, NULL, ROLES),
    INT("max_live", SHAPE_NULL, NULL),
    INT("live", 0, NULL),
    STR("added_by", SHAPE_NULL, NULL),
    TIME("added_at", 0, NULL),
    {0},
};
const struct shape obj_member = {"member", "a user in a project", member_members, false};

static const struct member project_open_members[] = {
    PROJECT_MEMBERS,
    OF("members", obj_member, SHAPE_LIST, NULL),
    {0},
};
const struct shape obj_project_open = {"project_open", "a project with its members", project_open_members, false};

static const struct member projects_members[] = {
    OF("items", obj_project, SHAPE_LIST, NULL),
    STR("next_cursor", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_projects = {"projects", "own projects", projects_members, false};

static const struct member new_user_members[] = {
    STR("name", 0, NULL),
    WORDS("role", 0, NULL, ROLES),
    STR("projects", SHAPE_LIST, NULL),
    {0},
};
const struct shape obj_new_user = {"new_user", "a user", new_user_members, false};

static const struct member user_members[] = {
    STR("name", 0, NULL),
    WORDS("role", 0, NULL, ROLES),
    STR("projects", SHAPE_LIST, NULL),
    OF("memberships", obj_membership, SHAPE_LIST, NULL),
    STR("sites", SHAPE_LIST, "those that the user governs"),
    BOOL("has_password", 0, NULL),
    TIME("created_at", 0, NULL),
    TIME("disabled_at", SHAPE_NULL, NULL),
    TIME("seen_at", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_user = {"user", "a user", user_members, false};

static const struct member users_members[] = {
    OF("items", obj_user, SHAPE_LIST, NULL),
    STR("next_cursor", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_users = {"users", "a page of users", users_members, false};

static const struct member token_members[] = {
    INT("id", 0, NULL),
    STR("user", 0, NULL),
    STR("name", 0, NULL),
    STR("prefix", 0, NULL),
    STR("scopes", SHAPE_LIST | SHAPE_NULL, "null: everything its user may"),
    STR("project", SHAPE_NULL, "the only one that it sees"),
    TIME("created_at", 0, NULL),
    TIME("expires_at", SHAPE_NULL, NULL),
    TIME("last_used_at", SHAPE_NULL, NULL),
    TIME("revoked_at", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_token = {"token", "an API token", token_members, false};

static const struct member tokens_members[] = {
    OF("items", obj_token, SHAPE_LIST, NULL),
    STR("next_cursor", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_tokens = {"tokens", "tokens", tokens_members, false};

static const struct member new_token_members[] = {
    INT("id", SHAPE_NULL, NULL),
    STR("name", 0, NULL),
    STR("token", SHAPE_NULL, NULL),
    TIME("expires_at", SHAPE_NULL, NULL),
    STR("scopes", SHAPE_LIST | SHAPE_NULL, NULL),
    STR("project", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_new_token = {"new_token", "a token, shown once", new_token_members, false};

static const struct member invitation_members[] = {
    INT("id", 0, NULL),
    WORDS("role", 0, NULL, ROLES),
    STR("project", SHAPE_NULL, NULL),
    STR("project_role", SHAPE_NULL, NULL),
    STR("note", SHAPE_NULL, NULL),
    STR("made_by", 0, NULL),
    TIME("made_at", 0, NULL),
    TIME("expires_at", 0, NULL),
    TIME("used_at", SHAPE_NULL, "used, or taken back"),
    STR("used_by", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_invitation = {"invitation", "somebody who may become a user", invitation_members, false};

static const struct member invitations_members[] = {
    OF("items", obj_invitation, SHAPE_LIST, NULL),
    STR("next_cursor", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_invitations = {"invitations", "invitations", invitations_members, false};

static const struct member new_invitation_members[] = {
    INT("id", 0, NULL),
    STR("url", 0, NULL),
    TIME("expires_at", 0, NULL),
    {0},
};
const struct shape obj_new_invitation = {"new_invitation", "its link, shown once", new_invitation_members, false};

static const struct member invited_members[] = {
    WORDS("kind", 0, NULL, "invite reset setup"),
    STR("name", SHAPE_NULL, NULL),
    STR("role", SHAPE_NULL, NULL),
    STR("project", SHAPE_NULL, NULL),
    STR("project_role", SHAPE_NULL, NULL),
    TIME("expires_at", 0, NULL),
    {0},
};
const struct shape obj_invited = {"invited", "what a link is for", invited_members, false};

static const struct member site_admin_members[] = {
    STR("user", 0, NULL),
    STR("by", 0, NULL),
    TIME("at", 0, NULL),
    {0},
};
const struct shape obj_site_admin = {"site_admin", "who governs a site", site_admin_members, false};

static const struct member site_admins_members[] = {
    OF("items", obj_site_admin, SHAPE_LIST, NULL),
    STR("next_cursor", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_site_admins = {"site_admins", "all who govern a site", site_admins_members, false};

static const struct member oidc_go_members[] = {
    STR("url", 0, "of the provider"),
    {0},
};
const struct shape obj_oidc_go = {"oidc_go", "where the browser goes to sign in", oidc_go_members, false};

static const struct member identity_members[] = {
    INT("id", 0, NULL),
    STR("issuer", 0, NULL),
    STR("subject", 0, "the provider's unchanging name of the person"),
    TIME("made_at", 0, NULL),
    TIME("used_at", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_identity = {"identity", "who one is at a provider", identity_members, false};

static const struct member identities_members[] = {
    OF("items", obj_identity, SHAPE_LIST, NULL),
    STR("next_cursor", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_identities = {"identities", "own identities", identities_members, false};

static const struct member setting_members[] = {
    STR("name", 0, NULL),
    STR("value", SHAPE_NULL, "null: it is secret"),
    STR("default", 0, NULL),
    {.name = "source", .type = S_STR, .doc = "where the value comes from"},
    STR("where", SHAPE_NULL, "file and line"),
    BOOL("secret", 0, "its value, or a part of it, is not shown"),
    STR("help", 0, NULL),
    {0},
};
const struct shape obj_setting = {"setting", "a setting of reeved", setting_members, false};

static const struct member settings_members[] = {
    OF("items", obj_setting, SHAPE_LIST, NULL),
    STR("next_cursor", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_settings = {"settings", "all settings in effect", settings_members, false};

static const struct member setup_members[] = {
    BOOL("needed", 0, "a setup link waits to be used"),
    {0},
};
const struct shape obj_setup = {"setup", "whether the first person is still to come", setup_members, false};

static const struct member setup_check_members[] = {
    STR("name", 0, NULL),
    WORDS("state", 0, NULL, "ok warn failed"),
    STR("text", 0, "what was found"),
    STR("fix", SHAPE_NULL, "how to mend it"),
    {0},
};
const struct shape obj_setup_check = {"setup_check", "one thing that was looked at", setup_check_members, false};

static const struct member setup_checks_members[] = {
    OF("items", obj_setup_check, SHAPE_LIST, NULL),
    {0},
};
const struct shape obj_setup_checks = {"setup_checks", "what a new server should be looked at for", setup_checks_members, false};

static const struct member trial_step_members[] = {
    WORDS("name", 0, NULL, "server site key login open up jobs close worker remove"),
    WORDS("state", 0, NULL, "ok failed running waiting"),
    STR("text", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_trial_step = {"trial_step", "a step of making it or taking it away", trial_step_members, false};

static const struct member trial_members[] = {
    BOOL("able", 0, NULL),
    STR("why", SHAPE_NULL, "what is missing; null when it can be done"),
    WORDS("state", 0, NULL, "none beginning ready ending failed"),
    STR("site", SHAPE_NULL, NULL),
    STR("user", SHAPE_NULL, "account that tasks run under"),
    OF("steps", obj_trial_step, SHAPE_LIST, NULL),
    STR("message", SHAPE_NULL, "why it failed"),
    {0},
};
const struct shape obj_trial = {"trial", "the server's own machine as a site", trial_members, false};

static const struct member audit_row_members[] = {
    INT("seq", 0, NULL),
    TIME("at", 0, NULL),
    STR("actor", 0, NULL),
    STR("action", 0, NULL),
    STR("object", 0, NULL),
    STR("detail", 0, NULL),
    STR("project", SHAPE_NULL, NULL),
    STR("site", SHAPE_NULL, NULL),
    STR("hash", 0, NULL),
    {0},
};
const struct shape obj_audit_row = {"audit_row", "a change or a refusal", audit_row_members, false};

static const struct member audit_members[] = {
    OF("items", obj_audit_row, SHAPE_LIST, NULL),
    STR("next_cursor", SHAPE_NULL, NULL),
    {0},
};
const struct shape obj_audit = {"audit", "a page of the audit chain", audit_members, false};

static const struct member audit_check_members[] = {
    INT("from", 0, NULL),
    INT("to", 0, "the last that was looked at; 0: there is none"),
    INT("broken", SHAPE_NULL, "the first row that does not follow"),
    STR("hash", SHAPE_NULL, "of row `to`"),
    INT("next", SHAPE_NULL, "where to go on; null: that was all"),
    {0},
};
const struct shape obj_audit_check = {"audit_check", "does the chain hold", audit_check_members, false};
/* clang-format on */
