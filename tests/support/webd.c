/* SPDX-License-Identifier: Apache-2.0 */
/* webd - the web server alone, for tests: brings the database's schema up, makes the first admin, serves
 * until its standard input ends.
 *
 *     webd CONNINFO [LISTEN [THREADS [DATA_DIR [LIVE_JOBS_MAX [SMTP [NETWORKS]]]]]]
 *
 * The environment may say WEBD_UPLOADS, a directory for files that are sent, and WEBD_UPLOAD_MAX, how many
 * bytes of them it holds (a project's part is half).
 * WEBD_STATE: the directory that stands for reeved's own; WEBD_TRY_LOCAL: this machine may be tried, with the
 * workers of that directory; WEBD_REQUEST_RATE: requests of one user in a second; WEBD_PROXIES: whose word
 * about the client counts; WEBD_TLS_CERT and WEBD_TLS_KEY: files to speak TLS with.
 *
 * Prints one line when it answers: "PORT TOKEN". With DATA_DIR "full" the disk counts as full.
 */
#include "common/log.h"
#include "store/migrate.h"
#include "store/store_auth.h"
#include "web/web.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fail(const struct err *err)
{
        fprintf(stderr, "webd: %s\n", err->text);
        return 1;
}

int main(int argc, char **argv)
{
        struct web_settings s = {.conninfo = argc > 1 ? argv[1] : NULL};
        struct secret token = {.text = "-"};
        struct web *web = NULL;
        struct err err;
        struct db *db;
        char c;

        log_init("webd", getenv("WEBD_DEBUG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
        signal(SIGPIPE, SIG_IGN);
        if (!s.conninfo)
                return 2;
        s.listen = argc > 2 ? argv[2] : "127.0.0.1:0";
        s.threads = argc > 3 ? atoi(argv[3]) : 0;
        if (argc > 4 && strcmp(argv[4], "-") != 0)
                s.data_dir = strcmp(argv[4], "full") == 0 ? "/" : argv[4];
        if (argc > 4 && strcmp(argv[4], "full") == 0)
                s.disk_reserve = INT64_MAX;
        s.state_dir = getenv("WEBD_STATE");
        s.worker_dir = getenv("WEBD_TRY_LOCAL");
        s.connector = s.worker_dir; /* nothing here begins it */
        s.try_local = s.worker_dir;
        s.upload_dir = getenv("WEBD_UPLOADS");
        s.upload_max = getenv("WEBD_UPLOAD_MAX") ? atoll(getenv("WEBD_UPLOAD_MAX")) : 0;
        s.request_rate = getenv("WEBD_REQUEST_RATE") ? atoll(getenv("WEBD_REQUEST_RATE")) : 0;
        s.live_jobs_max = argc > 5 ? atoll(argv[5]) : 0;
        s.smtp = argc > 6 ? argv[6] : NULL;
        s.smtp_from = "reeve@example.org";
        s.notice_networks = argc > 7 ? argv[7] : NULL;
        s.trusted_proxies = getenv("WEBD_PROXIES");
        s.tls_cert = getenv("WEBD_TLS_CERT");
        s.tls_key = getenv("WEBD_TLS_KEY");
        s.oidc = (struct oidc_settings){.issuer = getenv("WEBD_OIDC_ISSUER"),
                                        .client_id = getenv("WEBD_OIDC_CLIENT_ID"),
                                        .client_secret_file = getenv("WEBD_OIDC_CLIENT_SECRET_FILE"),
                                        .scopes = getenv("WEBD_OIDC_SCOPES"),
                                        .label = getenv("WEBD_OIDC_LABEL"),
                                        .groups = getenv("WEBD_OIDC_GROUPS"),
                                        .new_users = getenv("WEBD_OIDC_NEW_USERS")};
        if (db_open(s.conninfo, "webd", 60000, &db, &err) < 0 || migrate_apply(db, NULL, &err) < 0 ||
            store_first_admin(db, "admin", &token, &err) < 0)
                return fail(&err);
        db_close(db);
        if (web_start(&s, &web, &err) < 0)
                return fail(&err);
        printf("%d %s\n", web_port(web), token.text);
        fflush(stdout);
        while (read(STDIN_FILENO, &c, 1) > 0)
                ;
        web_stop(web);
        return 0;
}
