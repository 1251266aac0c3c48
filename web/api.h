/* SPDX-License-Identifier: Apache-2.0 */
/* api.h - the handlers, and the bodies they read. Each is a row of routes.c; what they answer stands in
 * docs/api.md. */
#ifndef REEVE_API_H
#define REEVE_API_H

#include "common/task_set.h"
#include "web/request.h"

#define HANDLER(name) int name(struct request *rq, struct db *db, struct err *err)

/* api_system.c, api_metrics.c */
#define LIVE_LOOK_MAX 20000 /* live jobs that the first page and the figures add up */
HANDLER(api_healthz);
HANDLER(api_readyz);
HANDLER(api_metrics);
HANDLER(api_version);
HANDLER(api_openapi);
HANDLER(api_overview);
/* api_insights.c */
HANDLER(api_insights);
HANDLER(api_events);

/* The current row of events as JSON. */
void event_write(struct buf *b, struct rows *r);

/* api_stream.c */
HANDLER(api_stream);

/* api_login.c */
HANDLER(api_login_ways);
HANDLER(api_login);
HANDLER(api_logout);
HANDLER(api_login_link);
HANDLER(api_me);
HANDLER(api_own_password);
HANDLER(api_sessions);
HANDLER(api_session_end);
HANDLER(api_sessions_end);
extern const struct field login_fields[], own_password_fields[];

/* api_oidc.c */
HANDLER(api_oidc_start);
HANDLER(api_oidc_start_invited);
HANDLER(api_oidc_callback);
HANDLER(api_identities);
HANDLER(api_identity_link);
HANDLER(api_identity_remove);
extern const struct field oidc_start_fields[], oidc_link_fields[];

/* api_config.c */
HANDLER(api_config);

/* api_users.c */
HANDLER(api_users);
HANDLER(api_user);
HANDLER(api_user_add);
HANDLER(api_user_change);
HANDLER(api_user_password_link);
HANDLER(api_user_sessions_end);
HANDLER(api_site_admins);
HANDLER(api_site_admin_add);
HANDLER(api_site_admin_remove);
extern const struct field user_fields[], user_change_fields[], site_admin_fields[];

/* api_tokens.c */
HANDLER(api_tokens);
HANDLER(api_token_add);
HANDLER(api_token_revoke);
HANDLER(api_project_tokens);
HANDLER(api_project_token_revoke);
extern const struct field token_fields[];

/* api_projects.c */
HANDLER(api_projects);
HANDLER(api_project);
HANDLER(api_project_add);
HANDLER(api_project_change);
HANDLER(api_member_put);
HANDLER(api_member_remove);
extern const struct field project_fields[], project_change_fields[], member_fields[];
/* The project of the path, whoever sees it: for routes whose rule has looked. */
int project_capture(struct request *rq, struct db *db, int32_t *ret, struct err *err);
/* A role that is none is noted: -1. NULL is fine. */
int role_check(struct request *rq, const char *pointer, const char *name);

/* api_invite.c */
HANDLER(api_project_invitations);
HANDLER(api_project_invite);
HANDLER(api_project_invitation_revoke);
HANDLER(api_invitations);
HANDLER(api_invite);
HANDLER(api_invitation_revoke);
HANDLER(api_invitation_look);
HANDLER(api_invitation_use);
HANDLER(api_setup_needed);
HANDLER(api_setup);
extern const struct field project_invite_fields[], invite_fields[], code_fields[], use_fields[];

/* api_setup.c */
HANDLER(api_setup_checks);
HANDLER(api_trial);
HANDLER(api_trial_begin);
HANDLER(api_trial_end);

/* api_audit.c */
HANDLER(api_audit);
HANDLER(api_audit_check);

/* api_script.c */
HANDLER(api_script);
HANDLER(api_directives);
extern const struct field script_fields[];

/* api_templates.c */
HANDLER(api_templates);
HANDLER(api_template);
HANDLER(api_template_add);
HANDLER(api_template_change);
HANDLER(api_template_remove);
HANDLER(api_template_fill);
extern const struct field template_fields[], template_change_fields[], fill_fields[];

/* api_hints.c */
HANDLER(api_hints);
/* api_submit.c */
HANDLER(api_submit);
HANDLER(api_submit_bulk);
HANDLER(api_explain_new);
extern const struct field bulk_fields[];

/* A job made of another one, as a submission; the reply names that one. */
int submit_again(struct request *rq, struct db *db, json_t *job, int64_t of, struct err *err);

/* api_rerun.c */
HANDLER(api_job_rerun);
extern const struct field rerun_fields[];

/* api_queue.c */
HANDLER(api_queue);

/* api_many.c */
HANDLER(api_many_hold);
HANDLER(api_many_release);
HANDLER(api_many_cancel);
extern const struct field many_fields[];

/* api_jobs.c */
#define JOBS_IDS_MAX 1000
/* Filters as written: name:value (-1: it is not), and name, name* or *name*. The texts are cut, and borrowed.
 */
int jobs_filter_label(char *text, struct jobs_filter *f);
void jobs_filter_name(char *text, struct jobs_filter *f);
/* A time, or how long ago; no text: INT64_MIN. */
int jobs_filter_time(const char *name, const char *text, int64_t *ret, struct err *err);
/* The filters of a request but ids, cursor and limit; released by the caller, also after a failure. */
struct jobs_asked {
        struct jobs_filter filter; /* borrows from the rest */
        char *label, *name;
        int64_t project;
};
int jobs_filter_read(struct request *rq, struct jobs_asked *a, struct err *err);
void jobs_asked_release(struct jobs_asked *a);
HANDLER(api_jobs);
HANDLER(api_job);
HANDLER(api_job_spec);
HANDLER(api_job_events);
HANDLER(api_job_outputs);
HANDLER(api_job_hold);
HANDLER(api_job_release);
HANDLER(api_job_cancel);
HANDLER(api_job_priority);
extern const struct field cancel_fields[], priority_fields[], reason_fields[], nothing_fields[];
#define INTENT_WHY_MAX 500 /* bytes of a person's reason */
/* The sentence of the event that keeps it; owned, NULL: none was given. */
char *intent_reason(const char *kind, const char *why);
/* The current row of jobs as JSON. */
void job_write(struct buf *b, const char *key, struct rows *r);
/* The tasks of a job: first_task, last_task and task_list of the current row. */
int tasks_of_row(struct rows *r, struct task_set **ret, struct err *err);
/* The list for a message, its end cut off when it is long; returns ret. */
#define TASKS_SHOWN 80
const char *tasks_show(const struct task_set *s, char ret[TASKS_SHOWN]);
/* ERR_NOT_FOUND for a job. Returns -1. */
int job_unknown(int64_t id, struct err *err);

/* api_tasks.c */
HANDLER(api_tasks);
HANDLER(api_strip);
HANDLER(api_task);
HANDLER(api_task_log);

/* api_graph.c */
HANDLER(api_job_graph);
HANDLER(api_job_timeline);

/* api_facets.c */
HANDLER(api_job_facets);

/* api_views.c */
HANDLER(api_views);
HANDLER(api_views_put);
extern const struct field views_fields[];

/* api_workers.c */
HANDLER(api_workers);
HANDLER(api_worker);
HANDLER(api_worker_drain);
HANDLER(api_worker_resume);
struct worker_sums {
        int64_t cpus, memory, gpus, used_cpus, used_memory, used_gpus, used_tasks;
};
/* The current row of workers as JSON, and added to the sums. */
void worker_write(struct buf *b, struct rows *r, struct worker_sums *s);

/* api_notices.c */
HANDLER(api_subscriptions);
HANDLER(api_subscription_add);
HANDLER(api_subscription_change);
HANDLER(api_subscription_remove);
HANDLER(api_subscription_test);
HANDLER(api_subscription_confirm);
HANDLER(api_deliveries);
HANDLER(api_notices);
HANDLER(api_notices_read);
extern const struct field subscription_fields[], subscription_change_fields[], confirm_fields[],
    notices_read_fields[];

/* api_explain.c */
HANDLER(api_explain);

/* api_sites.c, api_site_change.c */
HANDLER(api_sites);
HANDLER(api_site);
HANDLER(api_site_add);
HANDLER(api_site_change);
HANDLER(api_site_remove);
HANDLER(api_site_open);
HANDLER(api_site_drain);
HANDLER(api_site_close);
HANDLER(api_host_add);
HANDLER(api_account_add);
HANDLER(api_host_remove);
HANDLER(api_account_remove);
HANDLER(api_site_probe);
HANDLER(api_site_pin);
HANDLER(api_site_test);
extern const struct field site_fields[], site_change_fields[], host_fields[], account_fields[], pin_fields[],
    why_fields[];
/* All sites as a JSON array. */
int sites_write(struct buf *b, const char *key, struct db *db, struct err *err);

/* api_data.c */
HANDLER(api_call);
HANDLER(api_datasets);
HANDLER(api_dataset_change);
HANDLER(api_dataset_pin);
HANDLER(api_datasets_facets);
HANDLER(api_transfers);
/* api_arrivals.c, api_upload.c, api_download.c, api_lineage.c */
HANDLER(api_dataset_files_add);
HANDLER(api_dataset_seal);
HANDLER(api_dataset_put);
HANDLER(api_dataset_download);
HANDLER(api_dataset_lineage);
extern const struct field dataset_files_fields[];
/* api_links.c */
HANDLER(api_links);
HANDLER(api_link);
HANDLER(api_link_change);
HANDLER(api_url_prefixes);
HANDLER(api_url_prefix_add);
HANDLER(api_url_prefix_remove);
extern const struct field link_change_fields[], url_prefix_fields[];
/* api_copies.c */
HANDLER(api_dataset_where);
HANDLER(api_dataset_copy);
HANDLER(api_dataset_evict);
HANDLER(api_transfer_cancel);
extern const struct field copy_fields[];
/* The row of the dataset that the path names, or ERR_NOT_FOUND; and the same as the reply, of that or of the
 * one named. */
int dataset_find(struct request *rq, struct db *db, struct rows **ret, struct err *err);
int dataset_reply(struct request *rq, struct db *db, struct err *err);
int dataset_reply_named(struct request *rq, struct db *db, const char *name, struct err *err);
/* Labels of sites, as policies ask for them: each a name, none twice. */
#define LABELS_MAX 64
void labels_check(const json_t *list, const char *below, struct issues *issues);
HANDLER(api_dataset);
HANDLER(api_dataset_add);
HANDLER(api_dataset_files);
HANDLER(api_dataset_content);
HANDLER(api_dataset_remove);
extern const struct field dataset_fields[], dataset_change_fields[], dataset_pin_fields[];

/* Catalog form of the absolute path of a place's file. */
#define CATALOG_PATH_MAX (4 * 1024 + 2)
void catalog_path(char *out, size_t max, const char *root, bool is_file, const char *path);
/* For saving under that name. */
void header_file_name(struct request *rq, const char *name);

/* The current row of calls as JSON. */
void call_write(struct buf *b, struct rows *r);

/* Bytes read at a site by a call: ask the engine, wait for its answer, reply with the bytes. Runs once for
 * asking and again for each look at the answer. */
struct bytes_wanted {
        const char *what; /* stdout, stderr or path */
        const char *path; /* what path: absolute, in catalog form */
        const char *site; /* its name */
        int64_t worker, job, task, attempt;
        int64_t offset, limit; /* offset negative: from the end */
        int64_t size;          /* of the whole; -1: not known */
        const char *file_name; /* for saving */
};
int bytes_reply(struct request *rq, struct db *db, const struct bytes_wanted *w, struct err *err);

#endif
