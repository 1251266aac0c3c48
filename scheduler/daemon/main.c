/* SPDX-License-Identifier: Apache-2.0 */
/* reeved: engine and web in one daemon, or one of them. */
#include "daemon/cluster.h"
#include "daemon/engine.h"
#include "daemon/identity.h"
#include "daemon/settings.h"
#include "daemon/states_md.h"

#include "common/log.h"
#include "common/util.h"
#include "store/migrate.h"
#include "store/store_auth.h"
#include "store/store_people.h"
#include "web/web.h"

#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

enum { OPT_DATABASE = 256, OPT_SET, OPT_ROLE, OPT_CONFIG_MD, OPT_STATES_MD, OPT_SETTINGS, OPT_VERSION };

static const struct option options[] = {
    {"state", required_argument, NULL, 's'},
    {"listen", required_argument, NULL, 'l'},
    {"config", required_argument, NULL, 'c'},
    {"database", required_argument, NULL, OPT_DATABASE},
    {"set", required_argument, NULL, OPT_SET},
    {"role", required_argument, NULL, OPT_ROLE},
    {"print-config-md", no_argument, NULL, OPT_CONFIG_MD},
    {"print-states-md", no_argument, NULL, OPT_STATES_MD},
    {"print-settings", no_argument, NULL, OPT_SETTINGS},
    {"version", no_argument, NULL, OPT_VERSION},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static const char help[] =
    "usage: reeved [--state DIR] [--listen ADDRESS:PORT] [--database CONNINFO] [--config FILE] [--set "
    "NAME=VALUE]...\n"
    "              [--role all|engine|web]\n"
    "\n"
    "Runs the scheduler: the engine, the JSON API and the dashboard. Without --database it keeps a private "
    "PostgreSQL in the\n"
    "state directory. Started as root it becomes an unprivileged user (setting run_as).\n"
    "\n"
    "  -s, --state DIR         directory for keys, the first token and the private database\n"
    "  -l, --listen ADDR:PORT  where pages and API are served (default 127.0.0.1:8080; port 0 picks a free "
    "one)\n"
    "  -c, --config FILE       settings, one \"name: value\" a line; docs/configuration.md lists them\n"
    "      --database CONN     connection string of a PostgreSQL 15 or newer\n"
    "      --set NAME=VALUE    one setting\n"
    "      --role ROLE         all (default), engine or web\n"
    "      --print-settings    what is in force, then exit\n"
    "      --version, --help\n"
    "\n"
    "Prints \"ready URL\" on standard output when it serves. SIGTERM ends it in good order; attempts at the "
    "sites run on.\n";

enum role { ROLE_ALL, ROLE_ENGINE, ROLE_WEB };

struct reeved {
        struct settings set;
        enum role role;
        int lock;
        char *conninfo;
        char *upload_dir;
        char *cluster_dir; /* NULL with a database of somebody else */
        struct web *web;
        struct engine *engine;
        uv_loop_t loop;
        uv_signal_t term, intr;
};

static int set_pair(struct settings *s, const char *pair, struct err *err)
{
        const char *eq = strchr(pair, '=');
        AUTO_FREE char *name = eq ? xstrndup(pair, (size_t)(eq - pair)) : NULL;

        if (!eq)
                return err_set(err, ERR_BAD_INPUT, "--set wants name=value, not \"%s\"", pair);
        return settings_set(s, name, eq + 1, err);
}

static int parse_role(const char *word, enum role *ret, struct err *err)
{
        static const char *const names[] = {"all", "engine", "web"};

        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                if (strcmp(word, names[i]) == 0) {
                        *ret = (enum role)i;
                        return 0;
                }
        }
        return err_set(err, ERR_BAD_INPUT, "--role is all, engine or web, not \"%s\"", word);
}

/* 0 go on, 1 done, -1 wrong. */
static int parse_options(struct reeved *r, int argc, char **argv, struct err *err)
{
        int c, rc = 0;

        /* The file first, wherever it stands, so that words on the command line win. */
        while ((c = getopt_long(argc, argv, "s:l:c:h", options, NULL)) != -1) {
                if (c == 'c' && settings_read(&r->set, optarg, err) < 0)
                        return -1;
                if (c == '?')
                        return err_set(err, ERR_BAD_INPUT, "see reeved --help");
        }
        if (optind < argc)
                return err_set(err, ERR_BAD_INPUT, "\"%s\" is not an option; see reeved --help",
                               argv[optind]);
        optind = 1;
        while (rc == 0 && (c = getopt_long(argc, argv, "s:l:c:h", options, NULL)) != -1) {
                switch (c) {
                case 's':
                        rc = settings_set(&r->set, "state", optarg, err);
                        break;
                case 'l':
                        rc = settings_set(&r->set, "listen", optarg, err);
                        break;
                case OPT_DATABASE:
                        rc = settings_set(&r->set, "database", optarg, err);
                        break;
                case OPT_SET:
                        rc = set_pair(&r->set, optarg, err);
                        break;
                case OPT_ROLE:
                        rc = parse_role(optarg, &r->role, err);
                        break;
                case OPT_CONFIG_MD:
                        settings_print_markdown(stdout);
                        return 1;
                case OPT_STATES_MD:
                        states_print_markdown(stdout);
                        return 1;
                case OPT_SETTINGS:
                        settings_print(&r->set, stdout);
                        return 1;
                case OPT_VERSION:
                        printf("reeved %s\n", REEVE_VERSION);
                        return 1;
                case 'h':
                        fputs(help, stdout);
                        return 1;
                }
        }
        return rc;
}

static int start_database(struct reeved *r, struct err *err)
{
        if (*r->set.database) {
                r->conninfo = xstrdup(r->set.database);
                return 0;
        }
        if (r->role == ROLE_WEB)
                return err_set(
                    err, ERR_BAD_INPUT,
                    "--role web needs --database: the private PostgreSQL belongs to the engine's reeved");
        r->cluster_dir = xasprintf("%s/postgres", r->set.state);
        return cluster_start(r->cluster_dir, &r->conninfo, err);
}

/* Secrets go into files that are theirs alone, never into the log. */
static int write_secret(const struct reeved *r, const char *name, const char *text, const char *what,
                        struct err *err)
{
        AUTO_FREE char *path = xasprintf("%s/%s", r->set.state, name);
        AUTO_CLOSE int fd = -1;

        unlink(path);
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 || dprintf(fd, "%s\n", text) < 0 || fsync(fd) < 0)
                return err_errno(err, "could not write \"%s\"", path);
        log_info("%s is in %s", what, path);
        return 0;
}

/* As long as nobody governs with a password, each start makes a link for the first person. */
static int make_setup_link(struct reeved *r, struct db *db, struct err *err)
{
        struct secret code;
        int rc = store_setup_link(db, &code, err);

        if (rc == 1) {
                AUTO_FREE char *url =
                    *r->set.public_url ? xasprintf("%s/#setup=%s", r->set.public_url, code.text)
                                       : xasprintf("%s://%s/#setup=%s", *r->set.tls_cert ? "https" : "http",
                                                   r->set.listen, code.text);

                rc = write_secret(r, "setup-link", url, "a link for the first person, good for 24 hours,",
                                  err);
        }
        sodium_memzero(&code, sizeof code);
        return rc;
}

static int prepare_database(struct reeved *r, struct err *err)
{
        struct secret token;
        struct db *db;
        int applied = 0, rc;

        if (db_open(r->conninfo, "reeved start", 0, &db, err) < 0)
                return -1;
        rc = migrate_apply(db, &applied, err);
        if (rc == 0 && applied)
                log_info("database brought up to date: %d steps", applied);
        if (rc == 0)
                rc = store_first_admin(db, "admin", &token, err);
        if (rc == 1)
                rc = write_secret(r, "admin-token", token.text, "first start: the admin's token", err);
        if (rc == 0)
                rc = make_setup_link(r, db, err);
        sodium_memzero(&token, sizeof token);
        db_close(db);
        return rc;
}

static int start_web(struct reeved *r, struct err *err)
{
        AUTO_FREE char *config = settings_json(&r->set);
        struct web_settings s = {
            .config = config,
            .oidc = {.issuer = r->set.oidc_issuer,
                     .client_id = r->set.oidc_client_id,
                     .client_secret_file = r->set.oidc_client_secret_file,
                     .scopes = r->set.oidc_scopes,
                     .label = r->set.oidc_label,
                     .algorithms = r->set.oidc_algorithms,
                     .name_claim = r->set.oidc_name_claim,
                     .groups_claim = r->set.oidc_groups_claim,
                     .groups = r->set.oidc_groups,
                     .new_users = r->set.oidc_new_users,
                     .role = r->set.oidc_role},
            .conninfo = r->conninfo,
            .listen = r->set.listen,
            .threads = (int)r->set.web_threads,
            .connections_max = (int)r->set.connections,
            .address_connections_max = (int)r->set.address_connections,
            .public_url = *r->set.public_url ? r->set.public_url : NULL,
            .allowed_hosts = r->set.allowed_hosts,
            .ui_dir = *r->set.ui_dir ? r->set.ui_dir : NULL,
            .smtp = r->set.smtp,
            .smtp_from = r->set.smtp_from,
            .smtp_user = r->set.smtp_user,
            .smtp_password_file = r->set.smtp_password_file,
            .notice_networks = r->set.notice_networks,
            .cookie_secure = r->set.cookie_secure,
            .tls_cert = r->set.tls_cert,
            .tls_key = r->set.tls_key,
            .trusted_proxies = r->set.trusted_proxies,
            .data_dir = r->cluster_dir,
            .upload_dir = r->upload_dir,
            .upload_max = r->set.upload_spool,
            .upload_project_max = r->set.upload_project,
            .request_rate = r->set.request_rate ? r->set.request_rate : -1,
            .disk_reserve = r->set.disk_reserve,
            .live_jobs_max = r->set.live_jobs,
            .lease_ms = r->set.lease_ms,
            .half_life_ms = r->set.half_life_ms,
            .state_dir = r->set.state,
            .connector = r->role == ROLE_ALL ? r->set.connector : NULL,
            .worker_dir = r->role == ROLE_ALL ? r->set.worker_dir : NULL,
            .try_local = r->set.try_local,
        };

        if (r->role == ROLE_ENGINE)
                return 0;
        return web_start(&s, &r->web, err);
}

static int start_engine(struct reeved *r, struct err *err)
{
        struct engine_settings s = {
            .loop = &r->loop,
            .conninfo = r->conninfo,
            .state_dir = r->set.state,
            .cluster_dir = r->cluster_dir,
            .upload_dir = r->upload_dir,
            .connector_path = r->set.connector,
            .worker_dir = r->set.worker_dir,
            .lease_ms = r->set.lease_ms,
            .lease_margin_ms = r->set.lease_margin_ms,
            .heartbeat_ms = r->set.heartbeat_ms,
            .lead_lease_ms = r->set.lead_lease_ms,
            .pass_pause_ms = r->set.pass_pause_ms,
            .disk_reserve = r->set.disk_reserve,
            .keep_days = r->set.keep_days,
            .half_life_ms = (double)r->set.half_life_ms,
            .ahead_ms = r->set.ahead_ms,
            .reserve_ms = r->set.reserve_ms,
        };

        if (r->role == ROLE_WEB)
                return 0;
        return engine_new(&s, &r->engine, err);
}

static void on_signal(uv_signal_t *h, int signo)
{
        struct reeved *r = h->data;

        log_info("signal %d: stopping", signo);
        if (r->engine)
                engine_stop(r->engine);
        uv_close((uv_handle_t *)&r->term, NULL);
        uv_close((uv_handle_t *)&r->intr, NULL);
}

static void announce(const struct reeved *r)
{
        const char *colon = strrchr(r->set.listen, ':');

        if (!r->web)
                printf("ready engine\n");
        else if (strncmp(r->set.listen, "unix:", 5) == 0)
                printf("ready %s\n", r->set.listen);
        else
                printf("ready http://%.*s:%d\n", colon ? (int)(colon - r->set.listen) : 0, r->set.listen,
                       web_port(r->web));
        fflush(stdout);
}

static int run(struct reeved *r, struct err *err)
{
        if (identity_find_programs(&r->set, err) < 0 || identity_settle(&r->set, &r->lock, err) < 0)
                return -1;
        if (start_database(r, err) < 0 || prepare_database(r, err) < 0)
                return -1;
        r->upload_dir =
            *r->set.upload_dir ? xstrdup(r->set.upload_dir) : xasprintf("%s/uploads", r->set.state);
        uv_loop_init(&r->loop);
        uv_signal_init(&r->loop, &r->term);
        uv_signal_init(&r->loop, &r->intr);
        r->term.data = r->intr.data = r;
        uv_signal_start(&r->term, on_signal, SIGTERM);
        uv_signal_start(&r->intr, on_signal, SIGINT);
        if (start_engine(r, err) < 0 || start_web(r, err) < 0)
                return -1;
        announce(r);
        uv_run(&r->loop, UV_RUN_DEFAULT);
        if (uv_loop_close(&r->loop) < 0)
                log_warn("something was still open in the loop at the end");
        return 0;
}

int main(int argc, char **argv)
{
        struct reeved r = {.lock = -1};
        struct err err = {0};
        enum log_level level = LOG_LEVEL_INFO;
        int rc;

        log_init("reeved", LOG_LEVEL_INFO);
        signal(SIGPIPE, SIG_IGN);
        if (sodium_init() < 0)
                return 1;
        json_object_seed(0);
        settings_init(&r.set);
        rc = parse_options(&r, argc, argv, &err);
        if (rc) {
                if (rc < 0)
                        fprintf(stderr, "reeved: %s\n", err.text);
                settings_release(&r.set);
                return rc < 0 ? 2 : 0;
        }
        log_level_parse(r.set.log_level, &level);
        log_init("reeved", level);
        rc = run(&r, &err);
        if (rc < 0)
                log_error("%s", err.text);
        web_stop(r.web);
        engine_free(r.engine);
        if (r.cluster_dir && r.conninfo && cluster_stop(r.cluster_dir, &err) < 0)
                log_warn("the private PostgreSQL did not stop: %s", err.text);
        free(r.upload_dir);
        free(r.cluster_dir);
        free(r.conninfo);
        settings_release(&r.set);
        return rc < 0 ? 1 : 0;
}
