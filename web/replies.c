/* SPDX-License-Identifier: Apache-2.0 */
#include "web/replies.h"

#include "common/util.h"
#include "web/api.h"

#include <string.h>

#define TEXT   "text/plain"
#define BYTES  "application/octet-stream"
#define STREAM "text/event-stream"

/* clang-format off */
static const struct reply_row replies[] = {
    /* handler             status  object               type    further problems */
    {api_healthz,          200, NULL,                   TEXT,   ""},
    {api_readyz,           200, NULL,                   TEXT,   ""},
    {api_metrics,          200, NULL,                   TEXT,   ""},
    {api_version,          200, &obj_version,           NULL,   ""},
    {api_openapi,          200, &obj_document,          NULL,   ""},

    {api_login_ways,       200, &obj_login_ways,        NULL,   ""},
    {api_login,            200, &obj_me,                NULL,   "401 403 429"},
    {api_logout,           204, NULL,                   NULL,   ""},
    {api_login_link,       201, &obj_login_link,        NULL,   ""},
    {api_me,               200, &obj_me,                NULL,   ""},
    {api_own_password,     204, NULL,                   NULL,   "429"},
    {api_oidc_start,       303, NULL,                   TEXT,   "404"},
    {api_oidc_start_invited, 200, &obj_oidc_go,         NULL,   "404 429"},
    {api_oidc_callback,    303, NULL,                   TEXT,   "404"},
    {api_identities,       200, &obj_identities,        NULL,   ""},
    {api_identity_link,    200, &obj_oidc_go,           NULL,   "404"},
    {api_identity_remove,  204, NULL,                   NULL,   "409"},
    {api_config,           200, &obj_settings,          NULL,   ""},
    {api_sessions,         200, &obj_sessions,          NULL,   ""},
    {api_sessions_end,     204, NULL,                   NULL,   ""},
    {api_session_end,      204, NULL,                   NULL,   ""},

    {api_submit,           201, &obj_submitted,         NULL,   "409 507"},
    {api_submit_bulk,      201, &obj_submitted_many,    NULL,   "409 507"},
    {api_script,           200, &obj_script,            NULL,   ""},
    {api_directives,       200, &obj_directive_kinds,   NULL,   ""},
    {api_hints,            200, &obj_hints,             NULL,   ""},
    {api_templates,        200, &obj_templates,         NULL,   ""},
    {api_template_add,     201, &obj_template,          NULL,   "409"},
    {api_template,         200, &obj_template,          NULL,   ""},
    {api_template_change,  200, &obj_template,          NULL,   "409"},
    {api_template_remove,  204, NULL,                   NULL,   ""},
    {api_template_fill,    200, &obj_filled,            NULL,   "422"},
    {api_jobs,             200, &obj_jobs,              NULL,   ""},
    {api_job_facets,       200, &obj_facets,            NULL,   ""},
    {api_job_graph,        200, &obj_graph,             NULL,   ""},
    {api_job_timeline,     200, &obj_timeline,          NULL,   ""},
    {api_views,            200, &obj_views,             NULL,   ""},
    {api_views_put,        200, &obj_views,             NULL,   ""},
    {api_job,              200, &obj_job,               NULL,   ""},
    {api_job_spec,         200, &obj_spec,              NULL,   ""},
    {api_tasks,            200, &obj_tasks,             NULL,   ""},
    {api_strip,            200, &obj_strip,             NULL,   ""},
    {api_task,             200, &obj_task,              NULL,   ""},
    {api_task_log,         200, NULL,                   BYTES,  ""},
    {api_explain,          200, &obj_explanation,       NULL,   "422"},
    {api_explain_new,      200, &obj_forecast,          NULL,   ""},
    {api_job_events,       200, &obj_events,            NULL,   ""},
    {api_job_outputs,      200, &obj_outputs,           NULL,   ""},
    {api_job_hold,         202, &obj_job,               NULL,   "409"},
    {api_job_release,      202, &obj_job,               NULL,   "409"},
    {api_job_cancel,       202, &obj_job,               NULL,   "409"},
    {api_job_priority,     202, &obj_job,               NULL,   "409"},
    {api_job_rerun,        201, &obj_submitted,         NULL,   "409 507"},
    {api_many_hold,        202, &obj_changed_many,      NULL,   ""},
    {api_many_release,     202, &obj_changed_many,      NULL,   ""},
    {api_many_cancel,      202, &obj_changed_many,      NULL,   ""},
    {api_queue,            200, &obj_queue,             NULL,   ""},
    {api_events,           200, &obj_events,            NULL,   "404"},
    {api_stream,           200, NULL,                   STREAM, "404"},

    {api_sites,            200, &obj_sites,             NULL,   ""},
    {api_site_add,         201, &obj_site,              NULL,   "409"},
    {api_site,             200, &obj_site,              NULL,   ""},
    {api_site_change,      200, &obj_site,              NULL,   "409"},
    {api_site_remove,      204, NULL,                   NULL,   "409"},
    {api_site_open,        200, &obj_site,              NULL,   "409"},
    {api_site_drain,       200, &obj_site,              NULL,   ""},
    {api_site_close,       200, &obj_site,              NULL,   ""},
    {api_host_add,         201, &obj_site,              NULL,   "409"},
    {api_account_add,      201, &obj_site,              NULL,   "409"},
    {api_host_remove,      204, NULL,                   NULL,   "409"},
    {api_account_remove,   204, NULL,                   NULL,   "409"},
    {api_site_probe,       202, &obj_call,              NULL,   ""},
    {api_site_pin,         200, &obj_site,              NULL,   ""},
    {api_site_test,        202, &obj_call,              NULL,   ""},
    {api_workers,          200, &obj_workers,           NULL,   "404"},
    {api_worker,           200, &obj_worker,            NULL,   ""},
    {api_worker_drain,     200, &obj_worker,            NULL,   ""},
    {api_worker_resume,    200, &obj_worker,            NULL,   ""},
    {api_call,             200, &obj_call,              NULL,   ""},

    {api_datasets,         200, &obj_datasets,          NULL,   ""},
    {api_datasets_facets,  200, &obj_dataset_facets,    NULL,   ""},
    {api_dataset_add,      202, &obj_call,              NULL,   "409 507"},
    {api_dataset_files_add, 200, &obj_dataset_shown,    NULL,   "409 507"},
    {api_dataset_put,      200, &obj_received,          NULL,   "409 507"},
    {api_dataset_seal,     202, &obj_dataset_shown,     NULL,   "409"},
    {api_dataset_lineage,  200, &obj_lineage_graph,     NULL,   ""},
    {api_dataset_download, 200, NULL,                   BYTES,  "416"},
    {api_link,             200, &obj_link,              NULL,   ""},
    {api_link_change,      200, &obj_link,              NULL,   "409"},
    {api_url_prefixes,     200, &obj_url_prefixes,      NULL,   ""},
    {api_url_prefix_add,   201, &obj_url_prefix,        NULL,   "409"},
    {api_url_prefix_remove, 204, NULL,                  NULL,   ""},
    {api_dataset,          200, &obj_dataset_shown,     NULL,   ""},
    {api_dataset_where,    200, &obj_where,             NULL,   ""},
    {api_dataset_copy,     202, &obj_call,              NULL,   "409"},
    {api_dataset_evict,    202, &obj_call,              NULL,   "409"},
    {api_transfer_cancel,  202, &obj_call,              NULL,   "409"},
    {api_dataset_files,    200, &obj_files,             NULL,   ""},
    {api_dataset_content,  200, NULL,                   BYTES,  ""},
    {api_dataset_change,   200, &obj_dataset_shown,           NULL,   "409"},
    {api_dataset_pin,      200, &obj_dataset_shown,           NULL,   "409"},
    {api_transfers,        200, &obj_transfers,         NULL,   ""},
    {api_links,            200, &obj_links,             NULL,   ""},
    {api_dataset_remove,   204, NULL,                   NULL,   "409"},

    {api_site_admins,      200, &obj_site_admins,       NULL,   ""},
    {api_site_admin_add,   201, &obj_site_admins,       NULL,   ""},
    {api_site_admin_remove, 204, NULL,                  NULL,   ""},
    {api_projects,         200, &obj_projects,          NULL,   ""},
    {api_project,          200, &obj_project_open,      NULL,   ""},
    {api_project_add,      201, &obj_project,           NULL,   "409"},
    {api_project_change,   200, &obj_project,           NULL,   ""},
    {api_member_put,       200, &obj_member,            NULL,   ""},
    {api_member_remove,    204, NULL,                   NULL,   "409"},
    {api_project_tokens,   200, &obj_tokens,            NULL,   ""},
    {api_project_token_revoke, 204, NULL,               NULL,   ""},
    {api_project_invitations, 200, &obj_invitations,    NULL,   ""},
    {api_project_invite,   201, &obj_new_invitation,    NULL,   ""},
    {api_project_invitation_revoke, 204, NULL,          NULL,   ""},
    {api_invitations,      200, &obj_invitations,       NULL,   ""},
    {api_invite,           201, &obj_new_invitation,    NULL,   ""},
    {api_invitation_revoke, 204, NULL,                  NULL,   ""},
    {api_invitation_look,  200, &obj_invited,           NULL,   "404 429"},
    {api_invitation_use,   200, &obj_me,                NULL,   "404 409 429"},
    {api_setup_needed,     200, &obj_setup,             NULL,   ""},
    {api_setup,            201, &obj_me,                NULL,   "404 409 429"},
    {api_setup_checks,     200, &obj_setup_checks,      NULL,   ""},
    {api_trial,            200, &obj_trial,             NULL,   ""},
    {api_trial_begin,      202, &obj_trial,             NULL,   "409"},
    {api_trial_end,        202, &obj_trial,             NULL,   "409"},
    {api_users,            200, &obj_users,             NULL,   ""},
    {api_user_add,         201, &obj_new_user,          NULL,   "409"},
    {api_user,             200, &obj_user,              NULL,   ""},
    {api_user_change,      200, &obj_user,              NULL,   "409"},
    {api_user_password_link, 201, &obj_login_link,      NULL,   ""},
    {api_user_sessions_end, 204, NULL,                  NULL,   ""},
    {api_tokens,           200, &obj_tokens,            NULL,   ""},
    {api_token_add,        201, &obj_new_token,         NULL,   "403 404"},
    {api_token_revoke,     204, NULL,                   NULL,   ""},
    {api_subscriptions,    200, &obj_subscriptions,     NULL,   ""},
    {api_subscription_add, 201, &obj_new_subscription,  NULL,   ""},
    {api_subscription_change, 200, &obj_subscription,   NULL,   ""},
    {api_subscription_remove, 204, NULL,                NULL,   ""},
    {api_subscription_test, 202, &obj_notice_test,      NULL,   "409"},
    {api_subscription_confirm, 200, &obj_subscription,  NULL,   ""},
    {api_deliveries,       200, &obj_deliveries,        NULL,   ""},
    {api_notices,          200, &obj_notices,           NULL,   ""},
    {api_notices_read,     200, &obj_unread,            NULL,   ""},
    {api_audit,            200, &obj_audit,             NULL,   ""},
    {api_audit_check,      200, &obj_audit_check,       NULL,   ""},
    {api_overview,         200, &obj_overview,          NULL,   ""},
    {api_insights,         200, &obj_insight,           NULL,   ""},
};

static const struct other_row others[] = {
    {api_dataset_add,      201, &obj_dataset_shown},
    {api_dataset_download, 206, NULL},
};

#define STRING_  "{\"type\":\"string\"}"
#define COUNT_   "{\"type\":\"integer\",\"minimum\":0}"
#define BOOL_    "{\"type\":\"boolean\"}"

static const struct parameter_row parameters[] = {
    {"action",         STRING_, "how the action starts, as POST /v1/sites"},
    {"actor",          STRING_, "name of who did it"},
    {"address",        STRING_, "address of the host, as registered"},
    {"attempt",        COUNT_,  "number of the attempt; default the newest"},
    {"code",           STRING_, "of the provider, for this sign-in"},
    {"cursor",         STRING_, "next_cursor of the page before"},
    {"busy",           BOOL_,   "only those that something is to move along now"},
    {"depth",          "{\"type\":\"integer\",\"minimum\":1,\"maximum\":100}", "steps to go at most; default 20"},
    {"dry_run",        BOOL_,   "check everything, store nothing"},
    {"from",           COUNT_,  "first task; of the audit chain: first row"},
    {"id",             COUNT_,  "its number"},
    {"ids",            "{\"type\":\"string\",\"pattern\":\"^[0-9]+(,[0-9]+)*$\"}", "these jobs, up to 1,000 numbers with commas between"},
    {"iss",            STRING_, "the provider that answers"},
    {"job",            COUNT_,  "number of a job"},
    {"label",          "{\"type\":\"string\",\"pattern\":\".:\"}", "written name:value"},
    {"last_event_id",  STRING_, "as the header Last-Event-ID"},
    {"limit",          "{\"type\":\"integer\",\"minimum\":1}", "at most so many; of bytes: how many"},
    {"name",           STRING_, "name; as a filter of jobs align* is how it starts, *lig* what it has in it"},
    {"offset",         "{\"type\":\"integer\"}", "first byte; negative: from the end"},
    {"path",           STRING_, "which file of the dataset"},
    {"plot",           "{\"enum\":[\"jobs\",\"waits\",\"use\",\"bytes\",\"failures\",\"launch\"]}", "which plot"},
    {"range",          "{\"enum\":[\"1h\",\"6h\",\"1d\",\"7d\",\"14d\"]}", "how far back; default 1d"},
    {"port",           "{\"type\":\"integer\",\"minimum\":1,\"maximum\":65535}", "SSH port of the host; default 22"},
    {"project",        STRING_, "name of a project"},
    {"since",          STRING_, "then or later: a time, or how long ago, such as 2d"},
    {"depth",          "{\"type\":\"integer\",\"minimum\":1,\"maximum\":10}", "steps from it, both ways; default 3"},
    {"error",          STRING_, "what the provider calls what went wrong"},
    {"expiring",       STRING_, "that expire within this time: 7d"},
    {"policy",         STRING_, "any, none, or a label that the policy asks for"},
    {"sha256",         "{\"type\":\"string\",\"pattern\":\"^[0-9a-fA-F]{64}$\"}", "checksum of the whole file"},
    {"size",           COUNT_,  "bytes of the whole file, if it was not named before"},
    {"then",           STRING_, "path of the page to come to afterwards; default /"},
    {"to",             STRING_, "name of the site at its end"},
    {"site",           STRING_, "name of a site"},
    {"dataset",        STRING_, "name of a dataset"},
    {"state",          STRING_, "state as shown"},
    {"stream",         "{\"enum\":[\"stdout\",\"stderr\"]}", "which output"},
    {"strict",         BOOL_,   "refuse what nothing registered now could ever run"},
    {"task",           COUNT_,  "number of a task"},
    {"topics",         STRING_, "overview, jobs, job:N, sites, data, events, with commas between"},
    {"until",          STRING_, "before then: a time, or how long ago"},
    {"unread",         BOOL_,   "only those that were not seen"},
    {"user",           STRING_, "name of a user; of an account: login name at the site"},
    {"wait",           "{\"type\":\"integer\",\"minimum\":0,\"maximum\":60}", "seconds to wait for a change of what If-None-Match names"},
    {"what_if",        STRING_, "a change to try: memory=64G"},
};
/* clang-format on */

const struct reply_row *reply_of(const struct route *r)
{
        for (size_t i = 0; i < ARRAY_LEN(replies); i++)
                if (replies[i].handler == r->handler)
                        return &replies[i];
        return NULL;
}

const struct other_row *other_of(const struct route *r)
{
        for (size_t i = 0; i < ARRAY_LEN(others); i++)
                if (others[i].handler == r->handler)
                        return &others[i];
        return NULL;
}

const struct parameter_row *parameter_of(const char *name, size_t n)
{
        for (size_t i = 0; i < ARRAY_LEN(parameters); i++)
                if (strncmp(parameters[i].name, name, n) == 0 && !parameters[i].name[n])
                        return &parameters[i];
        return NULL;
}

/* ---- problems --------------------------------------------------------------------------------------------
 */

static bool always(const struct route *r)
{
        (void)r;
        return true;
}
static bool needs_login(const struct route *r)
{
        return r->rule != RULE_PUBLIC;
}
static bool names_something(const struct route *r)
{
        return strchr(r->pattern, '{') != NULL;
}
static bool has_body(const struct route *r)
{
        return r->body != NULL || r->flags & ROUTE_SINK;
}
static bool asks_database(const struct route *r)
{
        return !(r->flags & ROUTE_NO_DB);
}

/* What each kind of route can meet. */
static const struct {
        unsigned status;
        bool (*when)(const struct route *r);
} usual[] = {
    {400, always},   {401, needs_login}, {403, needs_login}, {404, names_something}, {413, has_body},
    {415, has_body}, {422, has_body},    {429, needs_login}, {500, always},          {503, asks_database},
};

static size_t put_status(unsigned *list, size_t n, size_t max, unsigned status)
{
        size_t at = 0;

        while (at < n && list[at] < status)
                at++;
        if (n == max || (at < n && list[at] == status))
                return n;
        memmove(list + at + 1, list + at, (n - at) * sizeof *list);
        list[at] = status;
        return n + 1;
}

size_t problems_of(const struct route *r, unsigned *ret, size_t max)
{
        const struct reply_row *row = reply_of(r);
        size_t n = 0;
        char *end;

        for (size_t i = 0; i < ARRAY_LEN(usual); i++)
                if (usual[i].when(r))
                        n = put_status(ret, n, max, usual[i].status);
        for (const char *p = row ? row->problems : ""; *p; p = end) {
                n = put_status(ret, n, max, (unsigned)strtoul(p, &end, 10));
                end += strspn(end, " ");
        }
        return n;
}
