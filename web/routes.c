/* SPDX-License-Identifier: Apache-2.0 */
#include "web/routes.h"

#include "common/util.h"
#include "web/access.h"
#include "web/api.h"
#include "web/job_spec.h"

#include <stdio.h>
#include <string.h>

#define ROUTE(method_, pattern_, rule_, handler_, body_, query_, flags_, summary_)                           \
        {                                                                                                    \
                .method = method_, .pattern = pattern_, .rule = RULE_##rule_, .handler = handler_,           \
                .body = body_, .query = query_, .flags = flags_, .summary = summary_                         \
        }
#define SITE_TX "/v1/sites/{name}"
#define PROJECT "/v1/projects/{name}"

/* clang-format off */
struct route routes[] = {
    /*    method    path                                 rule       handler              body            query                 flags  what */
    ROUTE("GET",    "/healthz",                          PUBLIC,    api_healthz,         NULL,           "",                   ROUTE_NO_DB, "is the server alive"),
    ROUTE("GET",    "/readyz",                           PUBLIC,    api_readyz,          NULL,           "",                   0, "can it do its work: database, engine"),
    ROUTE("GET",    "/metrics",                          USER,      api_metrics,         NULL,           "",                   0, "figures for Prometheus"),
    ROUTE("GET",    "/v1/version",                       PUBLIC,    api_version,         NULL,           "",                   ROUTE_NO_DB, "version of the server and of the API"),
    ROUTE("GET",    "/v1/openapi.json",                  PUBLIC,    api_openapi,         NULL,           "",                   ROUTE_NO_DB | ROUTE_ETAG, "this API as an OpenAPI 3.1 document"),

    ROUTE("GET",    "/v1/login",                         PUBLIC,    api_login_ways,      NULL,           "",                   0, "the ways to log in"),
    ROUTE("POST",   "/v1/login",                         PUBLIC,    api_login,           login_fields,   "",                   0, "exchange a password, a login code or a token for a session cookie"),
    ROUTE("GET",    "/v1/oidc/start",                    PUBLIC,    api_oidc_start,      NULL,           "then",               0, "go to the provider to sign in"),
    ROUTE("POST",   "/v1/oidc/start",                    PUBLIC,    api_oidc_start_invited, oidc_start_fields, "",             0, "where somebody invited goes to sign in"),
    ROUTE("GET",    "/v1/oidc/callback",                 PUBLIC,    api_oidc_callback,   NULL,           "state code iss error", ROUTE_OPEN, "come back from the provider"),
    ROUTE("GET",    "/v1/me/identities",                 USER,      api_identities,      NULL,           "",                   0, "who one is at the provider"),
    ROUTE("POST",   "/v1/me/identities",                 USER,      api_identity_link,   oidc_link_fields, "",                 ROUTE_UNLIMITED, "begin to link who one is at the provider"),
    ROUTE("DELETE", "/v1/me/identities/{id}",            USER,      api_identity_remove, NULL,           "",                   ROUTE_TX | ROUTE_UNLIMITED, "take a link away"),
    ROUTE("POST",   "/v1/logout",                        USER,      api_logout,          nothing_fields, "",                   0, "end the session"),
    ROUTE("POST",   "/v1/login-links",                   USER,      api_login_link,      nothing_fields, "",                   ROUTE_TX | ROUTE_UNLIMITED, "make a one-time login link for oneself"),
    ROUTE("GET",    "/v1/me",                            USER,      api_me,              NULL,           "",                   ROUTE_ETAG, "who am I, what may I see"),
    ROUTE("POST",   "/v1/me/password",                   USER,      api_own_password,    own_password_fields, "",              ROUTE_UNLIMITED, "set the own password"),
    ROUTE("GET",    "/v1/sessions",                      USER,      api_sessions,        NULL,           "",                   0, "own sessions"),
    ROUTE("DELETE", "/v1/sessions",                      USER,      api_sessions_end,    NULL,           "",                   ROUTE_TX | ROUTE_UNLIMITED, "end own sessions but this one"),
    ROUTE("DELETE", "/v1/sessions/{id}",                 USER,      api_session_end,     NULL,           "",                   ROUTE_TX | ROUTE_UNLIMITED, "end one of one's sessions"),

    ROUTE("GET",    "/v1/me/views",                      USER,      api_views,           NULL,           "",                   ROUTE_ETAG, "saved views of lists"),
    ROUTE("PUT",    "/v1/me/views",                      USER,      api_views_put,       views_fields,   "",                   ROUTE_TX, "put these in place of one's own views"),

    ROUTE("POST",   "/v1/jobs",                          SUBMITTER, api_submit,          job_fields,     "strict",             ROUTE_DRY, "submit one job"),
    ROUTE("POST",   "/v1/jobs:bulk",                     SUBMITTER, api_submit_bulk,     bulk_fields,    "strict",             ROUTE_DRY | ROUTE_BIG, "submit many jobs, all or none"),
    ROUTE("POST",   "/v1/jobs:script",                   USER,      api_script,          script_fields,  "",                   ROUTE_NO_DB, "what a script asks for by its directives, as a job"),
    ROUTE("GET",    "/v1/jobs:directives",               USER,      api_directives,      NULL,           "",                   ROUTE_NO_DB | ROUTE_ETAG, "every directive that a script may hold, and what becomes of it"),
    ROUTE("GET",    "/v1/jobs:hints",                    USER,      api_hints,           NULL,           "name project",       0, "what one's own last jobs used"),
    ROUTE("GET",    "/v1/templates",                     USER,      api_templates,       NULL,           "name project",       ROUTE_ETAG, "jobs with parameters that are kept"),
    ROUTE("POST",   "/v1/templates",                     SUBMITTER, api_template_add,    template_fields, "",                  ROUTE_TX, "keep a job with parameters"),
    ROUTE("GET",    "/v1/templates/{id}",                USER,      api_template,        NULL,           "",                   ROUTE_ETAG, "one template"),
    ROUTE("PUT",    "/v1/templates/{id}",                SUBMITTER, api_template_change, template_change_fields, "",           ROUTE_TX, "put another text in its place"),
    ROUTE("DELETE", "/v1/templates/{id}",                SUBMITTER, api_template_remove, NULL,           "",                   ROUTE_TX, "remove a template"),
    ROUTE("POST",   "/v1/templates/{id}/fill",           USER,      api_template_fill,   fill_fields,    "",                   0, "the job that it makes with these values"),
    ROUTE("POST",   "/v1/explain",                       SUBMITTER, api_explain_new,     job_fields,     "",                   0, "what would happen to a job that is not submitted"),
    ROUTE("GET",    "/v1/jobs",                          USER,      api_jobs,            NULL,           "state project name user label site ids since until", ROUTE_LIST | ROUTE_WAIT | ROUTE_JOBS, "jobs, newest first"),
    ROUTE("GET",    "/v1/jobs:facets",                   USER,      api_job_facets,      NULL,           "state project name user label site since until", ROUTE_WAIT, "what jobs have in common, with counts"),
    ROUTE("GET",    "/v1/jobs/{id}",                     USER,      api_job,             NULL,           "",                   ROUTE_WAIT | ROUTE_JOBS, "one job"),
    ROUTE("GET",    "/v1/jobs/{id}/spec",                USER,      api_job_spec,        NULL,           "",                   ROUTE_ETAG, "the job as it was accepted"),
    ROUTE("GET",    "/v1/jobs/{id}/tasks",               USER,      api_tasks,           NULL,           "state from",         ROUTE_LIST | ROUTE_WAIT | ROUTE_JOBS, "tasks, by number"),
    ROUTE("GET",    "/v1/jobs/{id}/strip",               USER,      api_strip,           NULL,           "from",               ROUTE_WAIT, "states of its tasks, as runs of letters"),
    ROUTE("GET",    "/v1/jobs/{id}/graph",               USER,      api_job_graph,       NULL,           "depth limit",        ROUTE_WAIT, "the jobs it hangs together with"),
    ROUTE("GET",    "/v1/jobs/{id}/timeline",            USER,      api_job_timeline,    NULL,           "from limit",         ROUTE_WAIT, "when and where its attempts ran"),
    ROUTE("GET",    "/v1/jobs/{id}/tasks/{task}",        USER,      api_task,            NULL,           "",                   ROUTE_WAIT | ROUTE_JOBS, "one task with all its attempts"),
    ROUTE("GET",    "/v1/jobs/{id}/tasks/{task}/log",    USER,      api_task_log,        NULL,           "stream attempt offset limit", ROUTE_BYTES, "bytes of a log"),
    ROUTE("GET",    "/v1/jobs/{id}/explain",             USER,      api_explain,         NULL,           "task attempt what_if", ROUTE_WAIT, "why it waits, or why it ran there"),
    ROUTE("GET",    "/v1/jobs/{id}/events",              USER,      api_job_events,      NULL,           "",                   ROUTE_LIST | ROUTE_WAIT, "what happened to the job"),
    ROUTE("GET",    "/v1/jobs/{id}/outputs",             USER,      api_job_outputs,     NULL,           "",                   ROUTE_LIST | ROUTE_WAIT, "files it made"),
    ROUTE("POST",   "/v1/jobs/{id}/hold",                SUBMITTER, api_job_hold,        reason_fields,  "",                   ROUTE_TX, "start no further task"),
    ROUTE("POST",   "/v1/jobs/{id}/release",             SUBMITTER, api_job_release,     reason_fields,  "",                   ROUTE_TX, "end the hold"),
    ROUTE("POST",   "/v1/jobs/{id}/cancel",              SUBMITTER, api_job_cancel,      cancel_fields,  "",                   ROUTE_TX, "stop the job, or one task of it"),
    ROUTE("POST",   "/v1/jobs/{id}/priority",            SUBMITTER, api_job_priority,    priority_fields,"",                   ROUTE_TX, "change the priority"),
    ROUTE("POST",   "/v1/jobs/{id}/rerun",               SUBMITTER, api_job_rerun,       rerun_fields,   "",                   ROUTE_DRY, "a new job like it"),
    ROUTE("POST",   "/v1/jobs:hold",                     SUBMITTER, api_many_hold,       many_fields,    "",                   ROUTE_TX, "hold all jobs that a filter finds"),
    ROUTE("POST",   "/v1/jobs:release",                  SUBMITTER, api_many_release,    many_fields,    "",                   ROUTE_TX, "release all jobs that a filter finds"),
    ROUTE("POST",   "/v1/jobs:cancel",                   SUBMITTER, api_many_cancel,     many_fields,    "",                   ROUTE_TX, "stop all jobs that a filter finds"),
    ROUTE("GET",    "/v1/queue",                         USER,      api_queue,           NULL,           "project limit",      ROUTE_WAIT, "who is served next"),
    ROUTE("GET",    "/v1/events",                        USER,      api_events,          NULL,           "job site",           ROUTE_LIST | ROUTE_WAIT, "what happened, newest first"),

    ROUTE("GET",    "/v1/stream",                        USER,      api_stream,          NULL,           "topics last_event_id", 0, "changes as they happen: server-sent events"),

    ROUTE("GET",    "/v1/sites",                         USER,      api_sites,           NULL,           "",                   ROUTE_WAIT, "sites with health, capacity and use"),
    ROUTE("POST",   "/v1/sites",                         ADMIN,     api_site_add,        site_fields,    "",                   ROUTE_TX, "register a site"),
    ROUTE("GET",    SITE_TX,                             USER,      api_site,            NULL,           "",                   ROUTE_WAIT, "one site"),
    ROUTE("PATCH",  SITE_TX,                             SITE_ADMIN, api_site_change,     site_change_fields, "",               ROUTE_TX, "change a site's rules or offer"),
    ROUTE("DELETE", SITE_TX,                             ADMIN,     api_site_remove,     NULL,           "",                   ROUTE_TX, "remove a closed site"),
    ROUTE("POST",   SITE_TX "/open",                     SITE_ADMIN, api_site_open,       why_fields,     "",                   ROUTE_TX, "let it take work"),
    ROUTE("POST",   SITE_TX "/drain",                    SITE_ADMIN, api_site_drain,      why_fields,     "",                   ROUTE_TX, "let it finish, take nothing new"),
    ROUTE("POST",   SITE_TX "/close",                    SITE_ADMIN, api_site_close,      why_fields,     "",                   ROUTE_TX, "stop what runs there, keep no connection"),
    ROUTE("POST",   SITE_TX "/hosts",                    SITE_ADMIN, api_host_add,        host_fields,    "",                   ROUTE_TX, "another host"),
    ROUTE("POST",   SITE_TX "/accounts",                 SITE_ADMIN, api_account_add,     account_fields, "",                   ROUTE_TX, "another account"),
    ROUTE("DELETE", SITE_TX "/hosts/{address}",          SITE_ADMIN, api_host_remove,     NULL,           "port",               ROUTE_TX, "take a host out"),
    ROUTE("DELETE", SITE_TX "/accounts/{user}",          SITE_ADMIN, api_account_remove,  NULL,           "project",            ROUTE_TX, "take an account out"),
    ROUTE("POST",   SITE_TX "/probe",                    SITE_ADMIN, api_site_probe,      nothing_fields, "",                   ROUTE_TX, "ask each host for its key"),
    ROUTE("POST",   SITE_TX "/pin",                      SITE_ADMIN, api_site_pin,        pin_fields,     "",                   ROUTE_TX, "confirm a host key"),
    ROUTE("POST",   SITE_TX "/test",                     SITE_ADMIN, api_site_test,       nothing_fields, "",                   ROUTE_TX, "test everything about the site"),
    ROUTE("GET",    "/v1/workers",                       USER,      api_workers,         NULL,           "site",               ROUTE_WAIT, "workers of all sites"),
    ROUTE("GET",    "/v1/workers/{id}",                  USER,      api_worker,          NULL,           "",                   ROUTE_WAIT, "one worker"),
    ROUTE("POST",   "/v1/workers/{id}/drain",            SITE_ADMIN, api_worker_drain,    why_fields,     "",                   ROUTE_TX, "let it finish, take nothing new"),
    ROUTE("POST",   "/v1/workers/{id}/resume",           SITE_ADMIN, api_worker_resume,   why_fields,     "",                   ROUTE_TX, "let it take work again"),
    ROUTE("GET",    "/v1/calls/{id}",                    USER,      api_call,            NULL,           "",                   ROUTE_WAIT, "a question to a site, and its answer"),

    ROUTE("GET",    "/v1/datasets",                      USER,      api_datasets,        NULL,           "name project site state policy expiring user", ROUTE_LIST | ROUTE_WAIT, "datasets, newest first"),
    ROUTE("GET",    "/v1/datasets:facets",               USER,      api_datasets_facets, NULL,           "name project site state policy expiring user", ROUTE_ETAG, "how many datasets of each kind there are"),
    ROUTE("POST",   "/v1/datasets",                      SUBMITTER, api_dataset_add,     dataset_fields, "",                   ROUTE_TX | ROUTE_BIG, "register files at a site: read and checksum them there; or open a dataset for files that come"),
    ROUTE("POST",   "/v1/datasets/{name}/files",         SUBMITTER, api_dataset_files_add, dataset_files_fields, "",           ROUTE_TX | ROUTE_BIG, "name further files of an open dataset"),
    ROUTE("PUT",    "/v1/datasets/{name}/files",         SUBMITTER, api_dataset_put,     NULL,           "path offset size sha256", ROUTE_SINK, "send a piece of a file of an open dataset"),
    ROUTE("POST",   "/v1/datasets/{name}/seal",          SUBMITTER, api_dataset_seal,    nothing_fields, "",                   ROUTE_TX, "that was all of it"),
    ROUTE("GET",    "/v1/datasets/{name}/lineage",       USER,      api_dataset_lineage, NULL,           "depth",              ROUTE_ETAG, "what it was made from, and what was made from it"),
    ROUTE("GET",    "/v1/datasets/{name}/download",      USER,      api_dataset_download, NULL,          "path",               ROUTE_BYTES, "a whole file, as a stream"),
    ROUTE("GET",    "/v1/datasets/{name}",               USER,      api_dataset,         NULL,           "",                   ROUTE_WAIT, "one dataset"),
    ROUTE("GET",    "/v1/datasets/{name}/files",         USER,      api_dataset_files,   NULL,           "",                   ROUTE_LIST | ROUTE_WAIT, "its files"),
    ROUTE("GET",    "/v1/datasets/{name}/content",       USER,      api_dataset_content, NULL,           "path offset limit",  ROUTE_BYTES, "bytes of a file"),
    ROUTE("PATCH",  "/v1/datasets/{name}",               SUBMITTER, api_dataset_change,  dataset_change_fields, "",            ROUTE_TX, "change its policy, or when it expires"),
    ROUTE("POST",   "/v1/datasets/{name}/pin",           SUBMITTER, api_dataset_pin,     dataset_pin_fields, "",               ROUTE_TX, "keep it at a site, or let its copy there go"),
    ROUTE("GET",    "/v1/datasets/{name}/where",         USER,      api_dataset_where,   NULL,           "",                   ROUTE_WAIT, "where it is, and how soon it could be elsewhere"),
    ROUTE("POST",   "/v1/datasets/{name}/copy",          SUBMITTER, api_dataset_copy,    copy_fields,    "",                   ROUTE_TX, "bring it to a site ahead of demand"),
    ROUTE("POST",   "/v1/datasets/{name}/evict",         SUBMITTER, api_dataset_evict,   copy_fields,    "",                   ROUTE_TX, "let its copy at a site go"),
    ROUTE("POST",   "/v1/transfers/{id}/cancel",         SUBMITTER, api_transfer_cancel, nothing_fields, "",                   ROUTE_TX, "stop a transfer"),
    ROUTE("GET",    "/v1/transfers",                     USER,      api_transfers,       NULL,           "dataset site state", ROUTE_LIST | ROUTE_WAIT, "data on its way, newest first"),
    ROUTE("GET",    "/v1/links",                         USER,      api_links,           NULL,           "site busy",          ROUTE_LIST | ROUTE_WAIT, "what is known of the links between sites"),
    ROUTE("GET",    "/v1/links/{from}/{to}",             USER,      api_link,            NULL,           "",                   ROUTE_WAIT, "one link"),
    ROUTE("PATCH",  "/v1/links/{from}/{to}",             LINK_ADMIN,     api_link_change,     link_change_fields, "",               ROUTE_TX, "change what transfers may take of a link"),
    ROUTE("GET",    "/v1/url-prefixes",                  USER,      api_url_prefixes,    NULL,           "",                   ROUTE_ETAG, "from where files may be fetched"),
    ROUTE("POST",   "/v1/url-prefixes",                  ADMIN,     api_url_prefix_add,  url_prefix_fields, "",                ROUTE_TX, "let files be fetched from there"),
    ROUTE("DELETE", "/v1/url-prefixes/{id}",             ADMIN,     api_url_prefix_remove, NULL,         "",                   ROUTE_TX, "not any more"),
    ROUTE("DELETE", "/v1/datasets/{name}",               SUBMITTER, api_dataset_remove,  NULL,           "",                   ROUTE_TX, "forget it; the files stay"),

    ROUTE("GET",    SITE_TX "/admins",                   SITE_ADMIN, api_site_admins,    NULL,           "",                   ROUTE_ETAG, "who governs the site"),
    ROUTE("POST",   SITE_TX "/admins",                   ADMIN,     api_site_admin_add,  site_admin_fields, "",                ROUTE_TX, "let somebody govern the site"),
    ROUTE("DELETE", SITE_TX "/admins/{user}",            ADMIN,     api_site_admin_remove, NULL,         "",                   ROUTE_TX, "let him govern it no longer"),

    ROUTE("GET",    "/v1/projects",                      USER,      api_projects,        NULL,           "",                   ROUTE_WAIT, "own projects"),
    ROUTE("POST",   "/v1/projects",                      ADMIN,     api_project_add,     project_fields, "",                   ROUTE_TX, "make a project"),
    ROUTE("GET",    PROJECT,                             USER,      api_project,         NULL,           "",                   ROUTE_WAIT, "one project with its members"),
    ROUTE("PATCH",  PROJECT,                             ADMIN,     api_project_change,  project_change_fields, "",            ROUTE_TX, "change its share or limits"),
    ROUTE("POST",   PROJECT "/members",                  PROJECT_ADMIN, api_member_put,  member_fields,  "",                   ROUTE_TX, "add a member, or change what one is"),
    ROUTE("DELETE", PROJECT "/members/{user}",           PROJECT_ADMIN, api_member_remove, NULL,         "",                   ROUTE_TX, "take a member out"),
    ROUTE("GET",    PROJECT "/tokens",                   PROJECT_ADMIN, api_project_tokens, NULL,        "",                   ROUTE_ETAG, "tokens that are for this project only"),
    ROUTE("DELETE", PROJECT "/tokens/{id}",              PROJECT_ADMIN, api_project_token_revoke, NULL,  "",                   ROUTE_TX, "revoke one of them"),
    ROUTE("GET",    PROJECT "/invitations",              PROJECT_ADMIN, api_project_invitations, NULL,   "",                   ROUTE_ETAG, "who was invited to the project"),
    ROUTE("POST",   PROJECT "/invitations",              PROJECT_ADMIN, api_project_invite, project_invite_fields, "",        ROUTE_TX, "invite somebody new to the project"),
    ROUTE("DELETE", PROJECT "/invitations/{id}",         PROJECT_ADMIN, api_project_invitation_revoke, NULL, "",               ROUTE_TX, "take an invitation back"),
    ROUTE("GET",    "/v1/invitations",                   ADMIN,     api_invitations,     NULL,           "",                   ROUTE_ETAG, "who was invited"),
    ROUTE("POST",   "/v1/invitations",                   ADMIN,     api_invite,          invite_fields,  "",                   ROUTE_TX, "invite somebody new; the link is shown once"),
    ROUTE("DELETE", "/v1/invitations/{id}",              ADMIN,     api_invitation_revoke, NULL,         "",                   ROUTE_TX, "take an invitation back"),
    ROUTE("POST",   "/v1/invitations:look",              PUBLIC,    api_invitation_look, code_fields,    "",                   0, "what a one-time link is for"),
    ROUTE("POST",   "/v1/invitations:use",               PUBLIC,    api_invitation_use,  use_fields,     "",                   0, "use it: become a user, or set a password"),
    ROUTE("GET",    "/v1/setup",                         PUBLIC,    api_setup_needed,    NULL,           "",                   0, "is the first person still to come"),
    ROUTE("POST",   "/v1/setup",                         PUBLIC,    api_setup,           use_fields,     "",                   0, "be the first person"),
    ROUTE("GET",    "/v1/setup/checks",                  ADMIN,     api_setup_checks,    NULL,           "",                   0, "what a new server should be looked at for"),
    ROUTE("GET",    "/v1/setup/try",                     ADMIN,     api_trial,           NULL,           "",                   ROUTE_NO_DB, "the server's own machine as a site, to try things"),
    ROUTE("POST",   "/v1/setup/try",                     ADMIN,     api_trial_begin,     nothing_fields, "",                   ROUTE_NO_DB, "make it one"),
    ROUTE("DELETE", "/v1/setup/try",                     ADMIN,     api_trial_end,       NULL,           "",                   ROUTE_NO_DB, "take it away again"),
    ROUTE("GET",    "/v1/users",                         ADMIN,     api_users,           NULL,           "",                   ROUTE_LIST | ROUTE_ETAG, "users"),
    ROUTE("POST",   "/v1/users",                         ADMIN,     api_user_add,        user_fields,    "",                   ROUTE_TX, "make a user"),
    ROUTE("GET",    "/v1/users/{name}",                  ADMIN,     api_user,            NULL,           "",                   ROUTE_ETAG, "one user"),
    ROUTE("PATCH",  "/v1/users/{name}",                  ADMIN,     api_user_change,     user_change_fields, "",               ROUTE_TX, "change the role, or let in no longer"),
    ROUTE("POST",   "/v1/users/{name}/password-link",    ADMIN,     api_user_password_link, nothing_fields, "",                ROUTE_TX, "a one-time link to set a password"),
    ROUTE("DELETE", "/v1/users/{name}/sessions",         ADMIN,     api_user_sessions_end, NULL,         "",                   ROUTE_TX, "end all sessions of a user"),
    ROUTE("GET",    "/v1/tokens",                        USER,      api_tokens,          NULL,           "",                   ROUTE_ETAG, "own tokens"),
    ROUTE("POST",   "/v1/tokens",                        USER,      api_token_add,       token_fields,   "",                   ROUTE_TX, "make a token; it is shown once"),
    ROUTE("DELETE", "/v1/tokens/{id}",                   USER,      api_token_revoke,    NULL,           "",                   ROUTE_TX, "revoke a token"),
    ROUTE("GET",    "/v1/subscriptions",                 USER,      api_subscriptions,   NULL,           "",                   ROUTE_ETAG, "what one wants to hear of, and how"),
    ROUTE("POST",   "/v1/subscriptions",                 USER,      api_subscription_add, subscription_fields, "",             ROUTE_TX, "hear of something, on the page, by a webhook or by mail"),
    ROUTE("PATCH",  "/v1/subscriptions/{id}",            USER,      api_subscription_change, subscription_change_fields, "",   ROUTE_TX, "change what is told, pause, go on"),
    ROUTE("DELETE", "/v1/subscriptions/{id}",            USER,      api_subscription_remove, NULL,       "",                   ROUTE_TX, "hear no more"),
    ROUTE("POST",   "/v1/subscriptions/{id}/test",       USER,      api_subscription_test, nothing_fields, "",                 ROUTE_TX, "send something now"),
    ROUTE("POST",   "/v1/subscriptions/{id}/confirm",    USER,      api_subscription_confirm, confirm_fields, "",              ROUTE_TX, "say that the address reads mail, by the code that was sent there"),
    ROUTE("GET",    "/v1/subscriptions/{id}/deliveries", USER,      api_deliveries,      NULL,           "",                   ROUTE_LIST, "what was sent, and how it went"),
    ROUTE("GET",    "/v1/notices",                       USER,      api_notices,         NULL,           "unread",             ROUTE_LIST | ROUTE_WAIT, "notices of the page, newest first"),
    ROUTE("POST",   "/v1/notices:read",                  USER,      api_notices_read,    notices_read_fields, "",              ROUTE_TX, "have seen them"),
    ROUTE("GET",    "/v1/insights/{plot}",               USER,      api_insights,        NULL,           "range",              ROUTE_ETAG, "one plot of the grid's recent history"),
    ROUTE("GET",    "/v1/audit",                         USER,      api_audit,           NULL,           "actor action project site since until", ROUTE_LIST | ROUTE_ETAG, "who did what, newest first"),
    ROUTE("GET",    "/v1/config",                        ADMIN,     api_config,          NULL,           "",                   ROUTE_NO_DB, "the settings in effect"),
    ROUTE("GET",    "/v1/audit/check",                   ADMIN,     api_audit_check,     NULL,           "from",               0, "does the audit chain hold"),
    ROUTE("GET",    "/v1/overview",                      USER,      api_overview,        NULL,           "",                   ROUTE_WAIT, "what the first page shows"),
};
/* clang-format on */
const size_t routes_count = ARRAY_LEN(routes);

static const char *const rule_names[] = {[RULE_PUBLIC] = "public",
                                         [RULE_USER] = "user",
                                         [RULE_SUBMITTER] = "submitter",
                                         [RULE_PROJECT_ADMIN] = "project_admin",
                                         [RULE_SITE_ADMIN] = "site_admin",
                                         [RULE_LINK_ADMIN] = "link_admin",
                                         [RULE_ADMIN] = "admin"};

const char *rule_name(enum rule r)
{
        return rule_names[r];
}

/* ---- matching --------------------------------------------------------------------------------------------
 */

static void route_init(struct route *r)
{
        for (const char *p = r->pattern; *p == '/'; r->part_count++) {
                size_t n = strcspn(p + 1, "/");
                char *part = xstrndup(p + 1, n); /* lives as long as the program */

                if (part[0] == '{') {
                        part[n - 1] = '\0';
                        r->names[r->part_count] = part + 1;
                } else {
                        r->parts[r->part_count] = part;
                }
                p += 1 + n;
        }
}

void routes_init(void)
{
        for (size_t i = 0; i < routes_count; i++) {
                routes[i].index = i;
                routes[i].scope = access_scope(routes[i].method, routes[i].pattern);
                if (!routes[i].part_count)
                        route_init(&routes[i]);
        }
}

static bool path_matches(const struct route *r, struct request *rq)
{
        size_t k = 0;

        if (r->part_count != rq->segment_count)
                return false;
        for (size_t i = 0; i < r->part_count; i++)
                if (r->parts[i] ? strcmp(r->parts[i], rq->segments[i]) != 0 : !rq->segments[i][0])
                        return false;
        for (size_t i = 0; i < r->part_count; i++)
                if (!r->parts[i] && k < REQUEST_CAPTURES)
                        rq->captures[k++] = rq->segments[i];
        return true;
}

int route_match(struct request *rq, char *ret_allow)
{
        ret_allow[0] = '\0';
        for (size_t i = 0; i < routes_count; i++) {
                if (!path_matches(&routes[i], rq))
                        continue;
                if (strcmp(routes[i].method, rq->method) == 0) {
                        rq->route = &routes[i];
                        return 200;
                }
                size_t n = strlen(ret_allow);

                snprintf(ret_allow + n, ALLOW_MAX - n, "%s%s", n ? ", " : "",
                         strcmp(routes[i].method, "GET") == 0 ? "GET, HEAD" : routes[i].method);
        }
        return ret_allow[0] ? 405 : 404;
}

static bool word_in(const char *words, const char *word)
{
        size_t n = strlen(word);

        for (const char *p = words; *p; p += strcspn(p, " "), p += strspn(p, " "))
                if (strncmp(p, word, n) == 0 && (p[n] == ' ' || p[n] == '\0'))
                        return n > 0;
        return false;
}

/* Parameters that flags bring with them. */
static const struct {
        unsigned flag;
        const char *names;
} flag_parameters[] = {
    {ROUTE_LIST, "limit cursor"}, {ROUTE_WAIT, "wait"}, {ROUTE_TX | ROUTE_DRY, "dry_run"}, {ROUTE_BYTES, ""}};

bool route_takes(const struct route *r, const char *parameter)
{
        for (size_t i = 0; i < ARRAY_LEN(flag_parameters); i++)
                if (r->flags & flag_parameters[i].flag && word_in(flag_parameters[i].names, parameter))
                        return true;
        return word_in(r->query, parameter);
}

const char *route_flag_parameters(const struct route *r, size_t i)
{
        if (i == ARRAY_LEN(flag_parameters))
                return NULL;
        return r->flags & flag_parameters[i].flag ? flag_parameters[i].names : "";
}
