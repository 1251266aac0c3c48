/* SPDX-License-Identifier: Apache-2.0 */
/* commands.h - the functions behind the table in commands.c. Each returns the exit code. */
#ifndef REEVE_CLI_COMMANDS_H
#define REEVE_CLI_COMMANDS_H

#include "cli.h"

typedef int command_run(struct cli *c, const struct args *a);

command_run cmd_submit, cmd_run;                                                       /* cmd_submit.c */
command_run cmd_jobs, cmd_show;                                                        /* cmd_jobs.c */
command_run cmd_wait;                                                                  /* cmd_wait.c */
command_run cmd_cancel, cmd_hold, cmd_release;                                         /* cmd_intent.c */
command_run cmd_explain;                                                               /* cmd_explain.c */
command_run cmd_logs;                                                                  /* cmd_logs.c */
command_run cmd_site_list, cmd_site_show, cmd_site_set, cmd_site_remove, cmd_site_pin; /* cmd_site.c */
command_run cmd_site_drain, cmd_site_close, cmd_site_open;                             /* cmd_site.c */
command_run cmd_site_add, cmd_site_test;                                               /* cmd_site_add.c */
command_run cmd_data_list, cmd_data_show, cmd_data_add, cmd_data_remove;               /* cmd_data.c */
command_run cmd_where, cmd_data_transfers, cmd_data_links, cmd_data_copy;              /* cmd_copies.c */
command_run cmd_data_evict, cmd_data_cancel, cmd_data_pin, cmd_data_unpin;             /* cmd_copies.c */
command_run cmd_data_expire, cmd_data_policy;                                          /* cmd_copies.c */
command_run cmd_get;                                                                   /* cmd_get.c */
command_run cmd_project_list, cmd_project_show, cmd_project_add, cmd_project_set;      /* cmd_people.c */
command_run cmd_member_set, cmd_member_remove;                                         /* cmd_people.c */
command_run cmd_invite, cmd_invitation_list, cmd_invitation_revoke;                    /* cmd_people.c */
command_run cmd_site_admin_list, cmd_site_admin_add, cmd_site_admin_remove;            /* cmd_people.c */
command_run cmd_user_list, cmd_user_show, cmd_user_add, cmd_user_role;                 /* cmd_users.c */
command_run cmd_user_disable, cmd_user_enable, cmd_user_reset, cmd_user_logout;        /* cmd_users.c */
command_run cmd_token_list, cmd_token_create, cmd_token_revoke;                        /* cmd_tokens.c */
command_run cmd_session_list, cmd_session_end;                                         /* cmd_tokens.c */
command_run cmd_identity_list, cmd_identity_remove, cmd_password;                      /* cmd_tokens.c */
command_run cmd_audit_list, cmd_audit_verify, cmd_admin_config;                        /* cmd_admin.c */
command_run cmd_login, cmd_login_link, cmd_whoami;                                     /* cmd_login.c */
command_run cmd_site_host_remove, cmd_site_account_remove;                             /* cmd_site.c */
command_run cmd_events;                                                                /* cmd_events.c */
command_run cmd_completion, cmd_complete;                                              /* cmd_completion.c */
command_run cmd_api, cmd_version, cmd_help;                                            /* cmd_misc.c */
command_run cmd_open, cmd_progress;                                                    /* cmd_misc.c */
command_run cmd_doctor;                                                                /* cmd_doctor.c */
command_run cmd_rerun;                                                                 /* cmd_rerun.c */
command_run cmd_top;                                                                   /* cmd_top.c */
command_run cmd_queue;                                                                 /* cmd_queue.c */
command_run cmd_worker_list, cmd_worker_show, cmd_worker_drain, cmd_worker_resume;     /* cmd_worker.c */
command_run cmd_notices, cmd_subscription_list, cmd_subscription_add;                  /* cmd_notices.c */
command_run cmd_subscription_confirm, cmd_subscription_test, cmd_subscription_sent;    /* cmd_notices.c */
command_run cmd_subscription_pause, cmd_subscription_resume, cmd_subscription_remove;  /* cmd_notices.c */
command_run cmd_config_show, cmd_config_get, cmd_config_set;                           /* cmd_config.c */

command_run cmd_data_put;                                                                 /* cmd_put.c */
command_run cmd_data_import, cmd_data_fetch, cmd_url_list, cmd_url_allow, cmd_url_forbid; /* cmd_import.c */
command_run cmd_link_show, cmd_link_set;                                                  /* cmd_link.c */

command_run cmd_template_list, cmd_template_show, cmd_template_save; /* cmd_template.c */
command_run cmd_template_remove, cmd_template_run;                   /* cmd_template.c */

/* Submit a job that is made already, by the options of `submit` that are not about the job. */
int submit_spec(struct cli *c, const struct args *a, json_t *spec);

/* "a,b" as an array of names; "any" as an empty one. */
json_t *cli_names(const char *list);

extern const struct option jobs_options[], bulk_options[], site_add_options[];

#endif
