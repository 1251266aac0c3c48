/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/settings.h"

#include "common/log.h"
#include "common/num.h"
#include "common/util.h"

#include <inttypes.h>
#include <jansson.h>
#include <stddef.h>
#include <string.h>
#include <yaml.h>

enum type { TYPE_TEXT, TYPE_NUMBER, TYPE_SIZE, TYPE_DURATION, TYPE_BOOL };

static const struct setting {
        const char *name;
        enum type type;
        size_t at;
        const char *value; /* the default */
        int64_t min, max;  /* of numbers; milliseconds of durations, bytes of sizes */
        const char *help;
} table[] = {
#define AT(member) offsetof(struct settings, member)
    {"listen", TYPE_TEXT, AT(listen), "127.0.0.1:8080", 0, 0,
     "Where the pages and the API are served: address:port, [address]:port, or unix:/path."},
    {"state", TYPE_TEXT, AT(state), "", 0, 0,
     "Directory for everything Reeve keeps beside the database: the key that seals site keys, the first "
     "token, the private PostgreSQL. Default: /var/lib/reeve as root, else ~/.local/state/reeve."},
    {"database", TYPE_TEXT, AT(database), "", 0, 0,
     "Connection string of a PostgreSQL 15 or newer. Empty: a private one in the state directory, started "
     "and stopped by reeved."},
    {"run_as", TYPE_TEXT, AT(run_as), "", 0, 0,
     "User to become when started as root. Empty: the owner of the state directory when that is not root, "
     "else reeve, else postgres."},
    {"public_url", TYPE_TEXT, AT(public_url), "", 0, 0,
     "What login links start with. Empty: http://<listen>."},
    {"allowed_hosts", TYPE_TEXT, AT(allowed_hosts), "", 0, 0,
     "Further names by which browsers may call the server, separated by commas."},
    {"cookie_secure", TYPE_BOOL, AT(cookie_secure), "no", 0, 0,
     "yes when the pages are reached over TLS: the session cookie is then sent over TLS only."},
    {"tls_cert", TYPE_TEXT, AT(tls_cert), "", 0, 0,
     "File with the server's certificate and those that vouch for it, in PEM form; with tls_key the pages "
     "are "
     "served over TLS. Both are read again when they change; open connections stay."},
    {"tls_key", TYPE_TEXT, AT(tls_key), "", 0, 0, "File with its private key, in PEM form."},
    {"trusted_proxies", TYPE_TEXT, AT(trusted_proxies), "", 0, 0,
     "Addresses and blocks (10.0.0.0/8), or the word unix, from where X-Forwarded-For and X-Forwarded-Proto "
     "are believed, separated by commas."},
    {"connector", TYPE_TEXT, AT(connector), "", 0, 0,
     "Path of reeve-connector. Empty: beside reeved, or in ../libexec/reeve."},
    {"worker_dir", TYPE_TEXT, AT(worker_dir), "", 0, 0,
     "Directory of the worker binaries. Empty: beside reeved, or ../libexec/reeve."},
    {"ui_dir", TYPE_TEXT, AT(ui_dir), "", 0, 0,
     "Serve the dashboard from this directory instead of the built-in one; for development."},
    {"smtp", TYPE_TEXT, AT(smtp), "", 0, 0,
     "Mail server for notices: smtp://host:25 (TLS when it offers it), smtps://host. Empty: no mail is "
     "sent."},
    {"smtp_from", TYPE_TEXT, AT(smtp_from), "", 0, 0, "Address that mail comes from."},
    {"smtp_user", TYPE_TEXT, AT(smtp_user), "", 0, 0,
     "Login name at the mail server, with smtp_password_file; then TLS is required."},
    {"smtp_password_file", TYPE_TEXT, AT(smtp_password_file), "", 0, 0,
     "File whose first line is the password of smtp_user."},
    {"notice_networks", TYPE_TEXT, AT(notice_networks), "", 0, 0,
     "Networks that are not public, to which webhooks may be sent nevertheless: \"10.0.0.0/8, fd00::/8\"."},
    {"oidc_issuer", TYPE_TEXT, AT(oidc_issuer), "", 0, 0,
     "OpenID provider at which people may sign in, as it calls itself: https://login.example.org. Empty: "
     "none."},
    {"oidc_client_id", TYPE_TEXT, AT(oidc_client_id), "", 0, 0,
     "What this server is called there. Redirect address to register: public_url and /v1/oidc/callback."},
    {"oidc_client_secret_file", TYPE_TEXT, AT(oidc_client_secret_file), "", 0, 0,
     "File whose first line is the secret that the provider gave. Empty: a public client."},
    {"oidc_scopes", TYPE_TEXT, AT(oidc_scopes), "openid profile email", 0, 0,
     "What is asked of it, with spaces between."},
    {"oidc_label", TYPE_TEXT, AT(oidc_label), "Sign in with single sign-on", 0, 0,
     "What stands on the button of the sign-in page."},
    {"oidc_algorithms", TYPE_TEXT, AT(oidc_algorithms), "RS256 ES256", 0, 0,
     "How its tokens may be signed, with spaces between: RS256, RS384, RS512, PS256, PS384, PS512, ES256, "
     "ES384, ES512."},
    {"oidc_name_claim", TYPE_TEXT, AT(oidc_name_claim), "preferred_username", 0, 0,
     "What of its answer is the login name of somebody new; of an address what is before the @."},
    {"oidc_groups_claim", TYPE_TEXT, AT(oidc_groups_claim), "groups", 0, 0,
     "What of its answer are the person's groups."},
    {"oidc_groups", TYPE_TEXT, AT(oidc_groups), "", 0, 0,
     "What groups give, at each sign-in: \"physics = project atlas submitter; ops = role admin\". What is "
     "not given any more is taken away; what a person gave or changed stays."},
    {"oidc_new_users", TYPE_TEXT, AT(oidc_new_users), "invited", 0, 0,
     "Who may become a user by it: yes (everybody whom it lets in), invited (by an invitation link), no."},
    {"oidc_role", TYPE_TEXT, AT(oidc_role), "submitter", 0, 0,
     "Role of a new user whom no group gives one: viewer, submitter or admin."},
    {"try_local", TYPE_BOOL, AT(try_local), "no", 0, 0,
     "yes: an admin may make this machine a site by one click, to try things. Its tasks run under reeved's "
     "own "
     "account, which can read the keys of all sites."},
    {"log_level", TYPE_TEXT, AT(log_level), "info", 0, 0, "error, warn, info or debug."},
    {"lease", TYPE_DURATION, AT(lease_ms), "30m", 1000, 7LL * 86400000,
     "How long an attempt may run without word from the scheduler. Then its worker ends it, so that it can "
     "be run elsewhere."},
    {"lease_margin", TYPE_DURATION, AT(lease_margin_ms), "10s", 100, 3600000,
     "How much longer than the lease the scheduler waits before it gives an attempt up: for clocks that "
     "differ in rate and kills that take time."},
    {"heartbeat", TYPE_DURATION, AT(heartbeat_ms), "5s", 100, 300000,
     "How often workers ask for their lease and report; three missed ones end a connection."},
    {"leader_lease", TYPE_DURATION, AT(lead_lease_ms), "15s", 1000, 600000,
     "How long a standby reeved waits for a silent leader."},
    {"pass_pause", TYPE_DURATION, AT(pass_pause_ms), "5ms", 0, 1000,
     "Least time between the commits of a busy engine; an idle one answers at once."},
    {"ahead", TYPE_DURATION, AT(ahead_ms), "30ms", 0, 10000,
     "How much work, in time, is sent to a worker ahead of free slots when tasks are short."},
    {"reserve_after", TYPE_DURATION, AT(reserve_ms), "1m", 1000, 86400000,
     "A task that needs much and was passed over for so long gets a worker to itself, or room for its inputs "
     "at a site: nothing else goes there until it fits."},
    {"share_half_life", TYPE_DURATION, AT(half_life_ms), "24h", 60000, 365LL * 86400000,
     "After this time used CPU seconds count half in fair share."},
    {"disk_reserve", TYPE_SIZE, AT(disk_reserve), "256M", 0, 1LL << 50,
     "Bytes that must stay free at a site, and where the private database lies; below it new work is "
     "refused."},
    {"keep_days", TYPE_NUMBER, AT(keep_days), "90", 1, 36500,
     "Days that attempts and events are kept after they ended."},
    {"upload_dir", TYPE_TEXT, AT(upload_dir), "", 0, 0,
     "Directory for files that people send, until they are at a site. Empty: uploads in the state directory. "
     "Where engine and web are two processes both need it."},
    {"upload_spool", TYPE_SIZE, AT(upload_spool), "64G", 1LL << 20, 1LL << 50,
     "Bytes of such files that may be promised at once; the last twentieth of their disk stays free."},
    {"upload_project", TYPE_SIZE, AT(upload_project), "32G", 1LL << 20, 1LL << 50,
     "Bytes of them that one project may be promised at once."},
    {"web_threads", TYPE_NUMBER, AT(web_threads), "8", 1, 64,
     "Threads, each with a database connection, that answer requests."},
    {"request_rate", TYPE_NUMBER, AT(request_rate), "2000", 0, 1000000,
     "Requests that one user may make in a second, for ever; ten times as many after a quiet while. More are "
     "answered with 429. 0: any number."},
    {"connections", TYPE_NUMBER, AT(connections), "2000", 10, 60000,
     "HTTP connections at once; one more is closed at once. 1,000 of them may be streams. One that asks "
     "nothing "
     "is closed after 10 seconds, one between requests after a minute. The limit of open files is raised to "
     "fit, as far as the system allows."},
    {"address_connections", TYPE_NUMBER, AT(address_connections), "500", 1, 60000,
     "Of these from one address, but for those of trusted_proxies: more than people behind one gateway "
     "need."},
    {"live_jobs", TYPE_NUMBER, AT(live_jobs), "1000000", 1, 100000000,
     "Jobs that may wait and run at once; more are refused."},
};

/* Where a value comes from, and how it was written; owned. */
struct setting_from {
        const char *source; /* of the words of GET /v1/config */
        char *where;        /* file:line; NULL: none */
        char *written;
};

static void *member(const struct settings *s, const struct setting *d)
{
        return (char *)(uintptr_t)s + d->at;
}

static const struct setting *find(const char *name)
{
        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                if (strcmp(table[i].name, name) == 0)
                        return &table[i];
        }
        return NULL;
}

static int parse_bool(const char *name, const char *value, bool *ret, struct err *err)
{
        static const char *const yes[] = {"yes", "true", "on", "1"}, *const no[] = {"no", "false", "off",
                                                                                    "0"};

        for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
                if (strcmp(value, yes[i]) == 0 || strcmp(value, no[i]) == 0) {
                        *ret = strcmp(value, yes[i]) == 0;
                        return 0;
                }
        }
        return err_set(err, ERR_BAD_INPUT, "%s: \"%s\" is neither yes nor no", name, value);
}

static int value_set(struct settings *s, const struct setting *d, const char *value, struct err *err)
{
        enum log_level level;
        int64_t v = 0;
        int rc = 0;

        switch (d->type) {
        case TYPE_TEXT:
                if (d->at == AT(log_level) && log_level_parse(value, &level) < 0)
                        return err_set(err, ERR_BAD_INPUT, "%s: \"%s\" is none of error, warn, info, debug",
                                       d->name, value);
                free(*(char **)member(s, d));
                *(char **)member(s, d) = xstrdup(value);
                return 0;
        case TYPE_BOOL:
                return parse_bool(d->name, value, member(s, d), err);
        case TYPE_NUMBER:
                rc = num_int(d->name, value, d->min, d->max, &v, err);
                break;
        case TYPE_SIZE:
                rc = num_size(d->name, value, &v, err);
                break;
        case TYPE_DURATION:
                rc = num_duration(d->name, value, &v, err);
                break;
        }
        if (rc < 0)
                return -1;
        if (v < d->min || v > d->max) {
                char low[32], high[32];

                if (d->type == TYPE_SIZE)
                        return err_set(err, ERR_BAD_INPUT, "%s: %s is not between %s and %s", d->name, value,
                                       num_format_size(d->min, low), num_format_size(d->max, high));
                return err_set(err, ERR_BAD_INPUT, "%s: %s is not between %s and %s", d->name, value,
                               num_format_duration(d->min, low), num_format_duration(d->max, high));
        }
        *(int64_t *)member(s, d) = v;
        return 0;
}

static int set(struct settings *s, const struct setting *d, const char *value, const char *source,
               const char *where, struct err *err)
{
        struct setting_from *f = &s->from[d - table];

        if (value_set(s, d, value, err) < 0)
                return -1;
        free(f->where);
        free(f->written);
        *f = (struct setting_from){source, xstrdup(where), xstrdup(value)};
        return 0;
}

void settings_init(struct settings *s)
{
        struct err err;

        *s = (struct settings){.from = xcalloc(ARRAY_LEN(table), sizeof *s->from)};
        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                if (set(s, &table[i], table[i].value, "default", NULL, &err) < 0)
                        abort(); /* a default of ours is wrong */
        }
}

void settings_release(struct settings *s)
{
        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                if (table[i].type == TYPE_TEXT)
                        free(*(char **)member(s, &table[i]));
                free(s->from[i].where);
                free(s->from[i].written);
        }
        free(s->from);
        *s = (struct settings){0};
}

static int set_named(struct settings *s, const char *name, const char *value, const char *source,
                     const char *where, struct err *err)
{
        const struct setting *d = find(name);

        if (!d)
                return err_set(err, ERR_BAD_INPUT,
                               "there is no setting \"%s\"; reeved --print-settings lists them", name);
        return set(s, d, value, source, where, err);
}

int settings_set(struct settings *s, const char *name, const char *value, struct err *err)
{
        return set_named(s, name, value, "command line", NULL, err);
}

/* The file is one flat mapping; its events come in pairs of scalars. */
static int read_events(struct settings *s, yaml_parser_t *p, const char *path, struct err *err)
{
        char *name = NULL;
        int depth = 0, rc = 0;

        for (bool more = true; more && rc == 0;) {
                yaml_event_t ev;

                if (!yaml_parser_parse(p, &ev)) {
                        rc = err_set(err, ERR_BAD_INPUT, "%s:%zu: %s", path, p->problem_mark.line + 1,
                                     p->problem ? p->problem : "not YAML");
                        break;
                }
                if (ev.type == YAML_STREAM_END_EVENT)
                        more = false;
                else if (ev.type == YAML_MAPPING_START_EVENT && depth++ == 0)
                        ;
                else if (ev.type == YAML_SCALAR_EVENT && depth == 1 && !name)
                        name = xstrdup((const char *)ev.data.scalar.value);
                else if (ev.type == YAML_SCALAR_EVENT && depth == 1) {
                        AUTO_FREE char *where = xasprintf("%s:%zu", path, ev.start_mark.line + 1);

                        rc = set_named(s, name, (const char *)ev.data.scalar.value, "file", where, err);
                        if (rc < 0)
                                err_prefix(err, "%s:%zu", path, ev.start_mark.line + 1);
                        free(name);
                        name = NULL;
                } else if (ev.type == YAML_SCALAR_EVENT || ev.type == YAML_SEQUENCE_START_EVENT ||
                           ev.type == YAML_MAPPING_START_EVENT || ev.type == YAML_ALIAS_EVENT)
                        rc = err_set(err, ERR_BAD_INPUT, "%s:%zu: expected lines of the form name: value",
                                     path, ev.start_mark.line + 1);
                yaml_event_delete(&ev);
        }
        free(name);
        return rc;
}

int settings_read(struct settings *s, const char *path, struct err *err)
{
        FILE *f = fopen(path, "re");
        yaml_parser_t p;
        int rc;

        if (!f)
                return err_errno(err, "could not open configuration file \"%s\"", path);
        if (!yaml_parser_initialize(&p)) {
                fclose(f);
                return err_set(err, ERR_SYSTEM, "out of memory");
        }
        yaml_parser_set_input_file(&p, f);
        rc = read_events(s, &p, path, err);
        yaml_parser_delete(&p);
        fclose(f);
        return rc;
}

static const char *bounds(const struct setting *d, char *buf, size_t n)
{
        char low[32], high[32];

        switch (d->type) {
        case TYPE_TEXT:
                return "text";
        case TYPE_BOOL:
                return "yes, no";
        case TYPE_NUMBER:
                snprintf(buf, n, "%" PRId64 " to %" PRId64, d->min, d->max);
                break;
        case TYPE_SIZE:
                snprintf(buf, n, "%s to %s", num_format_size(d->min, low), num_format_size(d->max, high));
                break;
        case TYPE_DURATION:
                snprintf(buf, n, "%s to %s", num_format_duration(d->min, low),
                         num_format_duration(d->max, high));
                break;
        }
        return buf;
}

void settings_print_markdown(FILE *to)
{
        char buf[80];

        fputs("# Configuration\n\nGenerated by `reeved --print-config-md`; do not edit.\n\n"
              "Settings come from, the later one wins: the defaults, the file given by `--config FILE` "
              "(YAML, one `name: value` a line),\n"
              "and `--set name=value`. Durations are written 500ms, 90s, 15m, 2h30m, 1d; sizes 512M, 2G. A "
              "change takes effect at the next start.\n\n"
              "| setting | default | values | meaning |\n| --- | --- | --- | --- |\n",
              to);
        for (size_t i = 0; i < ARRAY_LEN(table); i++)
                fprintf(to, "| `%s` | %s%s%s | %s | %s |\n", table[i].name, *table[i].value ? "`" : "",
                        table[i].value, *table[i].value ? "`" : "", bounds(&table[i], buf, sizeof buf),
                        table[i].help);
}

/* A connection string or an address may have a password in it. */
static bool holds_password(const char *value)
{
        const char *from = strstr(value, "://"), *at = from ? strchr(from, '@') : NULL;
        const char *colon = at ? memchr(from + 3, ':', (size_t)(at - from - 3)) : NULL;

        return strcasestr(value, "password") || colon;
}

/* A text as it is now (reeved fills some in); a number as it was written. */
static json_t *setting_json(const struct settings *s, const struct setting *d)
{
        const struct setting_from *f = &s->from[d - table];
        const char *value = d->type == TYPE_TEXT ? *(char **)member(s, d) : f->written;
        bool secret = d->type == TYPE_TEXT && !strstr(d->name, "_file") && holds_password(value);

        return json_pack("{s:s, s:o, s:s, s:s, s:s?, s:b, s:s}", "name", d->name, "value",
                         secret ? json_null() : json_string(value), "default", d->value, "source", f->source,
                         "where", f->where, "secret", secret, "help", d->help);
}

char *settings_json(const struct settings *s)
{
        json_t *list = json_array();
        char *text;

        for (size_t i = 0; i < ARRAY_LEN(table); i++)
                json_array_append_new(list, setting_json(s, &table[i]));
        text = json_dumps(list, JSON_COMPACT);
        json_decref(list);
        return text;
}

void settings_print(const struct settings *s, FILE *to)
{
        for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                const struct setting *d = &table[i];
                char buf[32];

                switch (d->type) {
                case TYPE_TEXT:
                        fprintf(to, "%s=%s\n", d->name, *(char **)member(s, d));
                        break;
                case TYPE_BOOL:
                        fprintf(to, "%s=%s\n", d->name, *(bool *)member(s, d) ? "yes" : "no");
                        break;
                case TYPE_NUMBER:
                        fprintf(to, "%s=%" PRId64 "\n", d->name, *(int64_t *)member(s, d));
                        break;
                case TYPE_SIZE:
                        fprintf(to, "%s=%" PRId64 "\n", d->name, *(int64_t *)member(s, d));
                        break;
                case TYPE_DURATION:
                        fprintf(to, "%s=%s\n", d->name, num_format_duration(*(int64_t *)member(s, d), buf));
                        break;
                }
        }
}
