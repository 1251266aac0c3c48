/* SPDX-License-Identifier: Apache-2.0 */
/* Look at everything that this program depends on, and print a report that can be handed to somebody else: no
 * token and no name of a job stands in it. */
#include "commands.h"

#include "profile.h"
#include "sheet.h"
#include "text.h"
#include "common/num.h"
#include "common/util.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define SKEW_WARN_MS 30000
#define ANSWER_MS    5000

struct doctor {
        struct cli *c;
        json_t *rows;
        int worst; /* exit code */
};

enum verdict { GOOD, NOTE, BAD };

/* One finding. `code` counts when it is bad; the first bad one gives the exit code. */
__attribute__((format(printf, 5, 6))) static void find(struct doctor *d, const char *what, enum verdict v,
                                                       int code, const char *fmt, ...)
{
        static const char *const words[] = {[GOOD] = "ok", [NOTE] = "note", [BAD] = "failed"};
        AUTO_FREE char *line = NULL;
        char text[1024];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        line = text_line(text);
        json_array_append_new(d->rows,
                              json_pack("{s:s, s:s, s:s}", "what", what, "state", words[v], "found", line));
        if (v == BAD && !d->worst)
                d->worst = code;
}

/* ---- this side ---- */

static void look_at_settings(struct doctor *d, struct profile *p, bool *ret_usable)
{
        AUTO_FREE char *path = profile_path();
        struct err err;

        *ret_usable = profile_load(p, &err) == 0;
        if (!*ret_usable) {
                find(d, "settings", BAD, exit_code_of(err.code), "%s", err.text);
                return;
        }
        if (d->c->url) {
                free(p->url);
                p->url = xstrdup(d->c->url);
                p->url_from = PROFILE_OPTION;
        }
        find(d, "settings", GOOD, 0, "%s %s; reeve config show tells where each value comes from",
             path ? path : "no file", p->file_exists ? "is read" : "is not there");
        if (!p->token)
                find(d, "token", BAD, EXIT_DENIED, "there is none; sign in: reeve login");
}

static void look_at_terminal(struct doctor *d)
{
        const char *term = getenv("TERM");

        find(d, "terminal", GOOD, 0, "TERM=%s, %d columns, %s, output %s a terminal%s",
             term ? term : "(not set)", d->c->width, nl_langinfo(CODESET), d->c->out_is_tty ? "is" : "is not",
             getenv("NO_COLOR") && *getenv("NO_COLOR") ? ", NO_COLOR is set" : "");
        if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
                find(d, "locale", NOTE, 0,
                     "not UTF-8: names may be shown wrongly; set LANG to C.UTF-8 or your own");
}

/* Where the shells look for completions by themselves; a `source` in a start file is not looked for. */
static void look_at_completion(struct doctor *d)
{
        static const struct {
                const char *shell, *file; /* below a prefix, or below HOME */
        } files[] = {
            {"bash", "share/bash-completion/completions/reeve"},
            {"zsh", "share/zsh/site-functions/_reeve"},
            {"fish", "share/fish/vendor_completions.d/reeve.fish"},
            {"bash", ".local/share/bash-completion/completions/reeve"},
            {"fish", ".config/fish/completions/reeve.fish"},
        };
        const char *shell = getenv("SHELL"), *home = getenv("HOME"),
                   *name = shell && strrchr(shell, '/') ? strrchr(shell, '/') + 1 : "your shell";
        const char *const prefixes[] = {"/usr/local", "/usr", home ? home : "/"};

        for (size_t i = 0; i < ARRAY_LEN(files) * ARRAY_LEN(prefixes); i++) {
                AUTO_FREE char *path = xasprintf("%s/%s", prefixes[i % ARRAY_LEN(prefixes)],
                                                 files[i / ARRAY_LEN(prefixes)].file);

                if (strcmp(files[i / ARRAY_LEN(prefixes)].shell, name) == 0 && access(path, R_OK) == 0) {
                        find(d, "completion", GOOD, 0, "%s", path);
                        return;
                }
        }
        find(d, "completion", NOTE, 0, "none is installed for %s; see: reeve help completion", name);
}

static void look_at_clock(struct doctor *d, int64_t there, int64_t asked, int64_t answered)
{
        int64_t skew = there - (asked + answered) / 2, off = skew < 0 ? -skew : skew;
        char text[32];

        if (off <= (answered - asked) + 1000)
                find(d, "clock", GOOD, 0, "agrees with the server's");
        else
                find(d, "clock", off > SKEW_WARN_MS ? BAD : NOTE, EXIT_FAILED,
                     "this clock is %s %s the server's; times shown as \"ago\" are off by that",
                     num_format_duration(off, text), skew > 0 ? "behind" : "before");
}

/* ---- the server ---- */

static void look_at_transport(struct doctor *d, const char *url)
{
        const char *host = strstr(url, "://");

        host = host ? host + 3 : url;
        if (strncmp(url, "https://", 8) == 0)
                find(d, "encryption", GOOD, 0, "TLS, the server's certificate is checked");
        else if (strncmp(url, "unix:", 5) == 0)
                find(d, "encryption", GOOD, 0, "a socket of this machine");
        else if (strncmp(host, "127.", 4) == 0 || strncmp(host, "localhost", 9) == 0 ||
                 strncmp(host, "[::1]", 5) == 0)
                find(d, "encryption", GOOD, 0, "none is needed: the server is on this machine");
        else
                find(d, "encryption", NOTE, 0,
                     "none: whoever sees the network sees the token; put a TLS proxy in front and use "
                     "https://");
}

static bool look_at_version(struct doctor *d)
{
        int64_t begin = clock_boot_ms();
        struct err err;
        json_t *v = client_get(d->c->client, &err, "/v1/version");
        const char *version = json_text_at(v, "version");

        if (!v) {
                find(d, "server", BAD, exit_code_of(err.code), "%s", err.text);
                return false;
        }
        find(d, "server", GOOD, 0, "%s answers in %lld ms", client_url(d->c->client),
             (long long)(clock_boot_ms() - begin));
        if (strcmp(version, REEVE_VERSION) == 0)
                find(d, "version", GOOD, 0, "%s on both sides", version);
        else
                find(d, "version", NOTE, 0,
                     "the server is %s, this program %s: newer options may be unknown to the older one",
                     version, REEVE_VERSION);
        json_decref(v);
        return true;
}

static void look_at_health(struct doctor *d)
{
        struct reply r;
        struct err err;

        if (client_call(d->c->client, &(struct call){.path = "/readyz"}, &r, &err) == 0)
                find(d, "engine", GOOD, 0, "the database answers and an engine is at work");
        else
                find(d, "engine", BAD, EXIT_UNREACHABLE, "the server is up, but not ready: %s", err.text);
        reply_release(&r);
}

static bool look_at_login(struct doctor *d)
{
        int64_t asked = clock_wall_ms(), there;
        struct err err;
        json_t *me = client_get(d->c->client, &err, "/v1/me"), *overview;

        if (!me) {
                find(d, "token", BAD, exit_code_of(err.code), "%s", err.text);
                return false;
        }
        find(d, "token", GOOD, 0, "works: role %s in %zu project%s", json_text_at(me, "role"),
             json_array_size(json_at(me, "projects")),
             json_array_size(json_at(me, "projects")) == 1 ? "" : "s");
        json_decref(me);
        asked = clock_wall_ms();
        overview = client_get(d->c->client, &err, "/v1/overview");
        if (overview && num_time("now", json_text_at(overview, "now"), &there, NULL) == 0)
                look_at_clock(d, there, asked, clock_wall_ms());
        json_decref(overview);
        return true;
}

static void look_at_sites(struct doctor *d)
{
        struct err err;
        json_t *sites = client_items(d->c->client, "/v1/sites", &err), *site;
        size_t up = 0, i;

        json_array_foreach(sites, i, site) up += strcmp(json_text_at(site, "health"), "up") == 0 &&
                                                 strcmp(json_text_at(site, "intent"), "open") == 0;
        if (!sites)
                find(d, "sites", BAD, exit_code_of(err.code), "%s", err.text);
        else if (up)
                find(d, "sites", GOOD, 0, "%zu of %zu take work", up, json_array_size(sites));
        else
                find(d, "sites", NOTE, 0,
                     json_array_size(sites) ? "none of %zu takes work; see: reeve site list"
                                            : "none is registered (%zu); begin with: reeve site add",
                     json_array_size(sites));
        json_decref(sites);
}

/* What the server says of itself; only an admin hears it. */
static void look_at_checks(struct doctor *d)
{
        static const char *const states[] = {[GOOD] = "ok", [NOTE] = "warn", [BAD] = "failed"};
        struct err err;
        json_t *checks = client_get(d->c->client, &err, "/v1/setup/checks"), *check;
        size_t i;

        if (!checks && err.code != ERR_DENIED)
                find(d, "server: checks", BAD, exit_code_of(err.code), "%s", err.text);
        json_array_foreach(json_at(checks, "items"), i, check)
        {
                AUTO_FREE char *what = xasprintf("server: %s", json_text_at(check, "name"));
                const char *fix = json_text_at(check, "fix");
                enum verdict v = GOOD;

                while (v < BAD && strcmp(states[v], json_text_at(check, "state")) != 0)
                        v++;
                find(d, what, v, EXIT_FAILED, "%s%s%s", json_text_at(check, "text"), *fix ? ". " : "", fix);
        }
        json_decref(checks);
}

static void look_at_server(struct doctor *d, const struct profile *p)
{
        struct err err;

        look_at_transport(d, p->url);
        if (client_new(p->url, p->token, d->c->debug, &d->c->client, &err) < 0) {
                find(d, "server", BAD, exit_code_of(err.code), "%s", err.text);
                return;
        }
        client_set_patience(d->c->client, 0);
        client_set_timeout(d->c->client, ANSWER_MS);
        if (!look_at_version(d))
                return;
        look_at_health(d);
        if (p->token && look_at_login(d)) {
                look_at_sites(d);
                look_at_checks(d);
        }
}

/* ---- the report ---- */

static const struct column columns[] = {
    {.title = "WHAT", .path = "what"},
    {.title = "STATE", .path = "state", .kind = CELL_STATE},
    {.title = "FOUND", .path = "found"},
    {0},
};

int cmd_doctor(struct cli *c, const struct args *a)
{
        struct doctor d = {.c = c, .rows = json_array()};
        struct profile p = {0};
        struct utsname u = {0};
        char at[32];
        bool usable;

        (void)a;
        uname(&u);
        look_at_settings(&d, &p, &usable);
        if (usable)
                look_at_server(&d, &p);
        look_at_terminal(&d);
        look_at_completion(&d);
        if (c->format <= FORMAT_WIDE && !c->quiet) {
                printf("reeve %s on %s %s %s, %s\n\n", REEVE_VERSION, u.sysname, u.release, u.machine,
                       num_format_time(clock_wall_ms(), at));
                fflush(stdout);
        }
        /* Whole lines: this is for somebody else to read. */
        c->width = 10000;
        sheet_print(c, columns, d.rows, "what");
        if (c->format <= FORMAT_WIDE)
                cli_say(c, d.worst ? "\nthe first line that failed is where to begin" : "\neverything works");
        json_decref(d.rows);
        profile_release(&p);
        return d.worst;
}
