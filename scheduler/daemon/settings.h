/* SPDX-License-Identifier: Apache-2.0 */
/* settings.h - what can be set: name, type, default, bounds, unit and help are one table, which reads the
 * file, checks it, and prints docs/configuration.md.
 *
 * Sources, the later one wins: defaults, the file given by --config (YAML: name: value), --set name=value.
 */
#ifndef REEVE_SETTINGS_H
#define REEVE_SETTINGS_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct settings {
        char *listen, *database, *state, *run_as, *public_url, *allowed_hosts, *connector, *worker_dir,
            *ui_dir, *log_level, *upload_dir, *smtp, *smtp_from, *smtp_user, *smtp_password_file,
            *notice_networks, *trusted_proxies, *tls_cert, *tls_key;
        char *oidc_issuer, *oidc_client_id, *oidc_client_secret_file, *oidc_scopes, *oidc_label,
            *oidc_algorithms, *oidc_name_claim, *oidc_groups_claim, *oidc_groups, *oidc_new_users, *oidc_role;
        int64_t lease_ms, lease_margin_ms, heartbeat_ms, lead_lease_ms, pass_pause_ms, ahead_ms;
        int64_t reserve_ms, half_life_ms, disk_reserve, keep_days, request_rate, web_threads, connections,
            address_connections, live_jobs;
        int64_t upload_spool, upload_project;
        struct setting_from *from; /* of each row of the table, in its order */
        bool cookie_secure, try_local;
};

void settings_init(struct settings *s); /* the defaults */
void settings_release(struct settings *s);
/* One setting by name; what is wrong is said with the bounds. */
int settings_set(struct settings *s, const char *name, const char *value, struct err *err);
/* A YAML file of "name: value" lines; errors carry file and line. */
int settings_read(struct settings *s, const char *path, struct err *err);
/* docs/configuration.md */
void settings_print_markdown(FILE *to);
/* What is in force and where it comes from, as a JSON array for GET /v1/config; what holds a password is left
 * out. malloc'd. */
char *settings_json(const struct settings *s);
/* name=value of everything, one a line (--print-settings). */
void settings_print(const struct settings *s, FILE *to);

#endif
