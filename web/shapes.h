/* SPDX-License-Identifier: Apache-2.0 */
/* shapes.h - the objects of replies, by name. */
#ifndef REEVE_SHAPES_H
#define REEVE_SHAPES_H

#include "web/shape.h"

extern const struct shape obj_problem, obj_problem_item, obj_document, obj_version, obj_warning,
    obj_submitted, obj_submitted_many, obj_wait, obj_task_counts, obj_by_at, obj_resources, obj_progress,
    obj_band, obj_pace, obj_job, obj_jobs, obj_spec_resources, obj_spec_on_exit, obj_spec_retry,
    obj_spec_stdio, obj_spec_warn, obj_spec_partition, obj_spec, obj_task_wait, obj_attempt, obj_task,
    obj_tasks, obj_strip, obj_never, obj_queue_behind, obj_queue_position, obj_start, obj_site_dropped,
    obj_funnel_step, obj_would_help, obj_candidate, obj_explain_wait, obj_past_wait, obj_chosen_for,
    obj_placement, obj_forecast, obj_explanation, obj_event, obj_events, obj_output, obj_outputs,
    obj_changed_many, obj_queue_used, obj_queue_project, obj_queue_item, obj_queue_sum, obj_queue,
    obj_site_project, obj_host_key, obj_host, obj_account, obj_used, obj_capacity, obj_offer, obj_site_worker,
    obj_worker, obj_workers, obj_site, obj_sites, obj_call, obj_dataset_place, obj_dataset, obj_datasets,
    obj_policy, obj_dataset_shown, obj_lineage, obj_reader, obj_where, obj_where_item, obj_transfer,
    obj_transfers, obj_link, obj_links, obj_site_data, obj_file, obj_files, obj_arrival, obj_reads,
    obj_reads_day, obj_dataset_facet, obj_dataset_facets, obj_received, obj_lineage_node, obj_lineage_edge,
    obj_lineage_graph, obj_url_prefix, obj_url_prefixes, obj_job_totals, obj_task_totals, obj_running,
    obj_engine, obj_overview, obj_graph_node, obj_graph_edge, obj_graph, obj_bar, obj_timeline, obj_facet,
    obj_facet_hour, obj_facets, obj_view, obj_views, obj_subscription, obj_subscriptions,
    obj_new_subscription, obj_notice_test, obj_delivery, obj_deliveries, obj_notice_event, obj_notice,
    obj_notices, obj_unread, obj_directive, obj_script, obj_series, obj_insight, obj_place, obj_site_direct;

/* About many jobs at once. */
extern const struct shape obj_many_states, obj_cannot, obj_cannot_job;

/* About jobs that are being written. */
extern const struct shape obj_directive_kind, obj_directive_kinds, obj_hint_name, obj_hint_past, obj_hint,
    obj_hints, obj_template_parameter, obj_template_shown, obj_template, obj_templates, obj_filled;

/* About a new server. */
extern const struct shape obj_setup_check, obj_setup_checks, obj_trial_step, obj_trial;

/* About people. */
extern const struct shape obj_me, obj_membership, obj_login_link, obj_login_ways, obj_login_way, obj_session,
    obj_sessions, obj_project_used, obj_project, obj_project_open, obj_projects, obj_member, obj_new_user,
    obj_user, obj_users, obj_token, obj_tokens, obj_new_token, obj_invitation, obj_invitations,
    obj_new_invitation, obj_invited, obj_site_admin, obj_site_admins, obj_setup, obj_audit_row, obj_audit,
    obj_audit_check, obj_oidc_go, obj_identity, obj_identities, obj_setting, obj_settings;

#endif
