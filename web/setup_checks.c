/* SPDX-License-Identifier: Apache-2.0 */
#include "web/setup_checks.h"

#include "common/num.h"
#include "common/util.h"
#include "store/migrate.h"
#include "store/store_jobs.h"
#include "store/store_setup.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define POSTGRES_LEAST   150000 /* as server_version_num says it */
#define SKEW_WARN_MS     1000
#define SKEW_FAILED_MS   30000
#define ROOM_WARN        (4LL << 30) /* bytes free beside the reserve */
#define CONNECTIONS_LEFT 10

static const char *const words[] = {[CHECK_OK] = "ok", [CHECK_WARN] = "warn", [CHECK_FAILED] = "failed"};

const char *check_state_word(enum check_state s)
{
        return words[s];
}

struct look {
        struct web *w;
        struct db *db;
        struct rows *facts; /* of the database, its one row current */
        int64_t asked, answered;
};

__attribute__((format(printf, 3, 4))) static void found(struct check_found *f, enum check_state s,
                                                        const char *fmt, ...)
{
        va_list ap;

        f->state = s;
        va_start(ap, fmt);
        vsnprintf(f->text, sizeof f->text, fmt, ap);
        va_end(ap);
}

__attribute__((format(printf, 2, 3))) static void mend(struct check_found *f, const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(f->fix, sizeof f->fix, fmt, ap);
        va_end(ap);
}

/* ---- the database ----------------------------------------------------------------------------------------
 */

static void look_at_database(struct look *l, struct check_found *f)
{
        char size[32];

        num_format_size(row_int(l->facts, "bytes"), size);
        if (row_int(l->facts, "number") >= POSTGRES_LEAST) {
                found(f, CHECK_OK, "PostgreSQL %.60s; what Reeve keeps there takes %s",
                      row_text(l->facts, "version"), size);
                return;
        }
        found(f, CHECK_FAILED, "PostgreSQL %.60s is older than Reeve was made for",
              row_text(l->facts, "version"));
        mend(f, "Use PostgreSQL 15 or newer.");
}

/* What makes an accepted job survive a power cut. */
static void look_at_durability(struct look *l, struct check_found *f)
{
        static const char *const wanted[] = {"fsync", "full_page_writes", "synchronous_commit"};

        for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
                if (strcmp(row_text(l->facts, wanted[i]), "off") == 0) {
                        found(f, CHECK_FAILED, "%s is off: a power cut may take jobs that were accepted",
                              wanted[i]);
                        mend(f, "Set %s = on in postgresql.conf and restart PostgreSQL.", wanted[i]);
                        return;
                }
        if (strcmp(row_text(l->facts, "encoding"), "UTF8") != 0) {
                found(f, CHECK_FAILED, "the database is in %.40s, not UTF8: names in other scripts are lost",
                      row_text(l->facts, "encoding"));
                mend(f, "Make a database with encoding UTF8 and name it in the setting database.");
                return;
        }
        found(f, CHECK_OK, "what was accepted is on disk before anybody hears of it");
}

static void look_at_schema(struct look *l, struct check_found *f)
{
        struct err err;

        if (migrate_check(l->db, &err) == 0) {
                found(f, CHECK_OK, "the tables are this version's");
                return;
        }
        found(f, CHECK_FAILED, "%.300s", err.text);
        mend(f, "Start the reeved of the newest version that used this database: it brings the tables up to "
                "date.");
}

static void look_at_sessions(struct look *l, struct check_found *f)
{
        long long most = row_int(l->facts, "connections_max"), now = row_int(l->facts, "connections");

        if (most - now >= CONNECTIONS_LEFT) {
                found(f, CHECK_OK, "%lld of %lld connections of the database are in use", now, most);
                return;
        }
        found(f, CHECK_WARN, "%lld of %lld connections of the database are in use", now, most);
        mend(f, "Raise max_connections in postgresql.conf, or lower the setting web_threads.");
}

static void look_at_clock(struct look *l, struct check_found *f)
{
        int64_t there = row_time(l->facts, "now"), off = 0;
        char text[32];

        /* The answer lies somewhere between asking and hearing. */
        if (there < l->asked)
                off = l->asked - there;
        else if (there > l->answered)
                off = there - l->answered;
        if (off < SKEW_WARN_MS) {
                found(f, CHECK_OK, "this machine's clock agrees with the database's");
                return;
        }
        found(f, off < SKEW_FAILED_MS ? CHECK_WARN : CHECK_FAILED,
              "this machine's clock is %s %s the database's", num_format_duration(off, text),
              there < l->asked ? "before" : "behind");
        mend(f, "Let both machines keep time by NTP: systemctl enable --now systemd-timesyncd");
}

static void look_at_engine(struct look *l, struct check_found *f)
{
        AUTO_ROWS struct rows *r = NULL;
        struct err err;

        if (store_leader(l->db, &r, &err) == 0 && rows_next(r) && row_bool(r, "alive")) {
                found(f, CHECK_OK, "an engine is at work: %.120s", row_text(r, "holder"));
                return;
        }
        found(f, CHECK_FAILED, "no engine is at work: nothing is placed");
        mend(f,
             "Start a reeved with --role all or --role engine on this database; its log says why one ended.");
}

/* ---- this machine ----------------------------------------------------------------------------------------
 */

static void look_at_disk(struct look *l, struct check_found *f)
{
        struct statvfs v;
        int64_t room;
        char a[32], b[32];

        if (!l->w->data_dir) {
                found(f, CHECK_OK, "the database lies elsewhere: look at its disk there");
                return;
        }
        if (statvfs(l->w->data_dir, &v) < 0) {
                found(f, CHECK_WARN, "could not look at the disk of \"%.200s\"", l->w->data_dir);
                mend(f, "Let the user that reeved runs as read that directory.");
                return;
        }
        room = (int64_t)v.f_bavail * (int64_t)v.f_frsize;
        num_format_size(room, a);
        num_format_size(l->w->disk_reserve, b);
        found(f,
              room < l->w->disk_reserve               ? CHECK_FAILED
              : room < l->w->disk_reserve + ROOM_WARN ? CHECK_WARN
                                                      : CHECK_OK,
              "%s are free where the database lies; new jobs are refused below %s", a, b);
        if (f->state != CHECK_OK)
                mend(f, "Make room there, or set keep_days lower: history is what grows.");
}

static void look_at_uploads(struct look *l, struct check_found *f)
{
        struct statvfs v;
        char a[32], b[32];
        int64_t room;

        if (!l->w->upload_dir || statvfs(l->w->upload_dir, &v) < 0) {
                found(f, CHECK_WARN, "files that people send cannot be taken");
                mend(f, "Set upload_dir to a directory that the user reeved runs as may write.");
                return;
        }
        room = (int64_t)v.f_bavail * (int64_t)v.f_frsize;
        num_format_size(room, a);
        num_format_size(l->w->upload_max, b);
        found(f, room < ROOM_WARN ? CHECK_WARN : CHECK_OK,
              "%s are free for files that people send, of which %s may be used", a, b);
        if (f->state != CHECK_OK)
                mend(f, "Make room, or set upload_dir to a larger disk.");
}

bool listen_is_local(const char *listen)
{
        static const char *const local[] = {"unix:", "127.", "localhost:", "[::1]:"};

        for (size_t i = 0; i < ARRAY_LEN(local); i++)
                if (strncmp(listen, local[i], strlen(local[i])) == 0)
                        return true;
        return false;
}

static void look_at_encryption(struct look *l, struct check_found *f)
{
        bool proxied = strncmp(l->w->public_url, "https://", 8) == 0;

        if (l->w->tls) {
                found(f, CHECK_OK, "pages and API are served over TLS");
        } else if (listen_is_local(l->w->listen) && (!proxied || l->w->cookie_secure)) {
                found(f, CHECK_OK,
                      proxied ? "a proxy of this machine is to speak TLS for %.200s"
                              : "served to this machine only, unencrypted",
                      l->w->public_url);
        } else if (proxied && !l->w->cookie_secure) {
                found(f, CHECK_WARN, "a proxy speaks TLS, but the session cookie may be sent without");
                mend(f, "Set cookie_secure to yes.");
        } else {
                found(f, proxied ? CHECK_WARN : CHECK_FAILED,
                      "whoever sees the network between a browser and this server sees passwords and tokens");
                mend(f, "Set tls_cert and tls_key; or listen on 127.0.0.1 behind a proxy that speaks TLS, "
                        "and set "
                        "public_url.");
        }
}

static void look_at_state(struct look *l, struct check_found *f)
{
        const char *dir = l->w->state_dir;
        struct stat st;

        if (!dir) {
                found(f, CHECK_OK, "this server keeps no secrets of its own");
        } else if (stat(dir, &st) < 0) {
                found(f, CHECK_FAILED, "could not look at the state directory \"%.200s\"", dir);
                mend(f, "Start reeved again: it makes the directory.");
        } else if (st.st_mode & 077) {
                found(f, CHECK_FAILED,
                      "others may enter the state directory \"%.200s\", which holds keys of sites", dir);
                mend(f, "chmod 700 %.300s", dir);
        } else if (st.st_uid != geteuid()) {
                found(f, CHECK_WARN, "the state directory \"%.200s\" belongs to another user", dir);
                mend(f, "Let it belong to the user that reeved runs as.");
        } else {
                found(f, CHECK_OK, "only this server's own user may enter \"%.200s\"", dir);
        }
}

static void look_at_files(struct look *l, struct check_found *f)
{
        struct rlimit r = {0};
        int64_t need = (int64_t)l->w->connections_max + 256;

        getrlimit(RLIMIT_NOFILE, &r);
        if (r.rlim_cur == RLIM_INFINITY || (int64_t)r.rlim_cur >= need) {
                found(f, CHECK_OK, "enough files may be open for %d connections", l->w->connections_max);
                return;
        }
        found(f, CHECK_WARN, "only %lld files may be open at once; %d connections may need %lld",
              (long long)r.rlim_cur, l->w->connections_max, (long long)need);
        mend(f,
             "LimitNOFILE=%lld in the service's unit, or ulimit -n before the start; or set connections "
             "lower.",
             (long long)need * 2);
}

/* The one of these that is missing; NULL: none. */
static const char *missing_of(const char *const *paths, size_t n, int how)
{
        for (size_t i = 0; i < n; i++)
                if (paths[i] && access(paths[i], how) < 0)
                        return paths[i];
        return NULL;
}

static void look_at_programs(struct look *l, struct check_found *f)
{
        AUTO_FREE char *worker = l->w->worker_dir ? xasprintf("%s/reeve-worker", l->w->worker_dir) : NULL;
        const char *ours[] = {l->w->connector, worker}, *usual[] = {"/usr/bin/ssh"};
        const char *gone = missing_of(ours, ARRAY_LEN(ours), X_OK);

        if (!l->w->connector) {
                found(f, CHECK_OK, "sites are reached from the engine's machine, not from this one");
        } else if (gone) {
                found(f, CHECK_FAILED, "\"%.200s\" is not there, or may not be run", gone);
                mend(f, "Install Reeve again, or set connector and worker_dir to where the programs are.");
        } else if ((gone = missing_of(usual, ARRAY_LEN(usual), X_OK))) {
                found(f, CHECK_WARN, "%s is not there: accounts with the back end openssh cannot be used",
                      gone);
                mend(f, "apt install openssh-client");
        } else {
                found(f, CHECK_OK, "connector and worker are in place");
        }
}

static void look_at_mail(struct look *l, struct check_found *f)
{
        const struct notice_settings *n = &l->w->notice_settings;
        bool server = n->smtp && *n->smtp, from = n->smtp_from && *n->smtp_from;

        if (server && from) {
                found(f, CHECK_OK, "notices by mail go through %.200s", n->smtp);
        } else if (server) {
                found(f, CHECK_WARN, "mail has no sender's address, so none is sent");
                mend(f, "Set smtp_from.");
        } else {
                found(f, CHECK_WARN, "no mail server is set: notices go to the page and to webhooks only");
                mend(f, "Set smtp and smtp_from if people shall be told by mail.");
        }
}

/* ---- all of them -----------------------------------------------------------------------------------------
 */

static const struct check {
        const char *name;
        void (*look)(struct look *l, struct check_found *f);
} checks[] = {
    {"database", look_at_database},
    {"durability", look_at_durability},
    {"tables", look_at_schema},
    {"connections", look_at_sessions},
    {"clock", look_at_clock},
    {"engine", look_at_engine},
    {"disk", look_at_disk},
    {"uploads", look_at_uploads},
    {"encryption", look_at_encryption},
    {"state directory", look_at_state},
    {"open files", look_at_files},
    {"programs", look_at_programs},
    {"mail", look_at_mail},
};
_Static_assert(ARRAY_LEN(checks) <= CHECKS_MAX, "room for all of them");

int setup_checks_run(struct web *w, struct db *db, struct check_found ret[CHECKS_MAX], struct err *err)
{
        AUTO_ROWS struct rows *facts = NULL;
        struct look l = {.w = w, .db = db, .asked = clock_wall_ms()};

        if (store_database_facts(db, &facts, err) < 0)
                return -1;
        l.answered = clock_wall_ms();
        rows_next(facts);
        l.facts = facts;
        for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
                ret[i] = (struct check_found){.name = checks[i].name};
                checks[i].look(&l, &ret[i]);
        }
        return ARRAY_LEN(checks);
}
