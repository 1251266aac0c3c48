/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include "address.h"
#include "sheet.h"
#include "simple.h"
#include "site.h"
#include "text.h"
#include "common/num.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>

/* ---- showing ---------------------------------------------------------------------------------------------
 */

static void cpus_cell(const json_t *site, struct buf *out)
{
        if (json_at(site, "capacity.cpus"))
                buf_printf(out, "%lld/%lld", (long long)json_int_at(site, "used.cpus"),
                           (long long)json_int_at(site, "capacity.cpus"));
}

static void site_note_cell(const json_t *site, struct buf *out)
{
        if (json_at(site, "alarm"))
                text_add_line(out, json_is_string(json_at(site, "alarm")) ? json_text_at(site, "alarm")
                                                                          : "ALARM: the host key changed");
        else if (strcmp(json_text_at(site, "health"), "up") != 0)
                text_add_line(out, json_text_at(site, "health_text"));
        else
                text_add_line(out, json_text_at(site, "intent_why"));
}

static const struct column site_columns[] = {
    {.title = "SITE", .path = "name"},
    {.title = "INTENT", .path = "intent", .kind = CELL_STATE},
    {.title = "HEALTH", .path = "health", .kind = CELL_STATE},
    {.title = "CPUS", .kind = CELL_NUMBER, .cell = cpus_cell},
    {.title = "RUNNING", .path = "used.tasks", .kind = CELL_NUMBER},
    {.title = "MEMORY", .path = "capacity.memory", .kind = CELL_SIZE},
    {.title = "GPUS", .path = "capacity.gpus", .kind = CELL_NUMBER, .flags = SHEET_WIDE},
    {.title = "MAX TASKS", .path = "max_tasks", .kind = CELL_NUMBER, .flags = SHEET_WIDE},
    {.title = "SPEED", .path = "speed", .kind = CELL_NUMBER, .flags = SHEET_WIDE},
    {.title = "SINCE", .path = "health_since", .kind = CELL_AGO, .flags = SHEET_WIDE},
    {.title = "HOSTS", .path = "hosts", .kind = CELL_LIST, .flags = SHEET_WIDE | SHEET_CUT},
    {.title = "NOTE", .flags = SHEET_CUT | SHEET_HIDE_EMPTY, .cell = site_note_cell},
    {0},
};

int cmd_site_list(struct cli *c, const struct args *a)
{
        struct err err;
        json_t *sites;

        (void)a;
        if (!cli_client(c))
                return EXIT_FAILED;
        sites = client_items(cli_client(c), "/v1/sites", &err);
        if (!sites)
                return cli_fail(c, &err);
        sheet_print(c, site_columns, sites, "name");
        if (!json_array_size(sites) && c->format <= FORMAT_WIDE)
                cli_say(c, "no sites; register one with: reeve site add NAME user@host");
        json_decref(sites);
        return EXIT_OK;
}

static void projects_fact(const json_t *site, struct buf *out)
{
        static const struct column list = {.path = "projects", .kind = CELL_LIST};

        if (json_is_true(json_at(site, "all_projects")))
                buf_text(out, "all");
        else
                cell_add(&list, site, out);
}

static void intent_fact(const json_t *site, struct buf *out)
{
        text_add_line(out, json_text_at(site, "intent"));
        if (json_at(site, "intent_by")) {
                buf_text(out, " by ");
                text_add_line(out, json_text_at(site, "intent_by"));
        }
        if (*json_text_at(site, "intent_why")) {
                buf_text(out, ": ");
                text_add_line(out, json_text_at(site, "intent_why"));
        }
}

static void alarm_fact(const json_t *site, struct buf *out)
{
        if (json_is_string(json_at(site, "alarm")))
                text_add_line(out, json_text_at(site, "alarm"));
        else if (json_is_true(json_at(site, "alarm")))
                buf_text(out, "the host key changed; confirm the new one with `reeve site pin`");
}

static const struct column site_facts[] = {
    {.title = "site", .path = "name"},
    {.title = "intent", .cell = intent_fact},
    {.title = "health", .path = "health", .kind = CELL_STATE},
    {.title = "because", .path = "health_text"},
    {.title = "ALARM", .cell = alarm_fact},
    {.title = "capacity", .path = "capacity", .kind = CELL_COUNTS},
    {.title = "in use", .path = "used", .kind = CELL_COUNTS},
    {.title = "at most", .path = "max_tasks"},
    {.title = "logins at once", .path = "max_dials"},
    {.title = "projects", .cell = projects_fact},
    {.title = "speed", .path = "speed"},
    {.title = "registered", .path = "created_at", .kind = CELL_TIME},
    {0},
};

static const struct column key_columns[] = {
    {.title = "HOST", .path = "host"},
    {.title = "HOP", .path = "hop", .kind = CELL_NUMBER},
    {.title = "TYPE", .path = "type"},
    {.title = "FINGERPRINT", .path = "fingerprint"},
    {.title = "PINNED", .path = "pinned", .kind = CELL_YES},
    {0},
};

static const struct column worker_columns[] = {
    {.title = "WORKER", .path = "id", .kind = CELL_NUMBER},
    {.title = "ACCOUNT", .path = "user"},
    {.title = "HOST", .path = "host", .flags = SHEET_CUT},
    {.title = "LINK", .path = "link", .kind = CELL_STATE},
    {.title = "CPUS", .path = "cpus", .kind = CELL_NUMBER},
    {.title = "MEMORY", .path = "memory", .kind = CELL_SIZE},
    {.title = "RUNNING", .path = "running", .kind = CELL_NUMBER},
    {.title = "DISK FREE", .path = "disk_free", .kind = CELL_SIZE},
    {.title = "LOAD", .path = "load", .kind = CELL_NUMBER, .flags = SHEET_WIDE},
    {.title = "CLOCK", .path = "clock_skew_ms", .kind = CELL_NUMBER, .flags = SHEET_WIDE},
    {.title = "SEEN", .path = "seen_at", .kind = CELL_AGO, .flags = SHEET_WIDE},
    {.title = "NOTE", .path = "link_text", .flags = SHEET_CUT | SHEET_HIDE_EMPTY},
    {0},
};

/* The host keys of all hosts as rows. */
static json_t *rows_of_keys(const json_t *site)
{
        json_t *rows = json_array(), *host, *key;
        size_t i, k;

        json_array_foreach(json_object_get(site, "hosts"), i, host)
        {
                json_array_foreach(json_object_get(host, "keys"), k, key)
                {
                        json_t *row = json_deep_copy(key);

                        json_object_set_new(row, "host", site_host_name(host));
                        json_array_append_new(rows, row);
                }
        }
        return rows;
}

static void print_section(struct cli *c, const char *title, const struct column *cols, const json_t *rows)
{
        if (!json_array_size(rows))
                return;
        printf("\n%s\n", title);
        fflush(stdout);
        sheet_print(c, cols, rows, "name");
}

int cmd_site_show(struct cli *c, const struct args *a)
{
        struct err err;
        json_t *site = site_get(c, a->words[0], &err), *keys, *account;
        size_t i;

        if (!site)
                return cli_fail(c, &err);
        if (cli_wants_json(c)) {
                cli_json(c, site);
        } else if (c->quiet || c->format == FORMAT_ID || c->format == FORMAT_CSV) {
                json_t *one = json_pack("[O]", site);

                sheet_print(c, site_columns, one, "name");
                json_decref(one);
        } else {
                sheet_facts(c, site_facts, site);
                print_section(c, "workers:", worker_columns, json_object_get(site, "workers"));
                keys = rows_of_keys(site);
                print_section(c, "host keys:", key_columns, keys);
                json_decref(keys);
                json_array_foreach(json_object_get(site, "accounts"), i, account)
                {
                        AUTO_FREE char *user = text_line(json_text_at(account, "user"));
                        AUTO_FREE char *key = text_line(json_text_at(account, "public_key"));

                        if (*key)
                                printf("\nkey of account %s, for its ~/.ssh/authorized_keys:\n%s\n", user,
                                       key);
                }
        }
        json_decref(site);
        return EXIT_OK;
}

/* ---- intents ---------------------------------------------------------------------------------------------
 */

static int send_intent(struct cli *c, const struct args *a, const char *verb, const char *done)
{
        const char *why = args_get(a, "why"), *name = a->words[0];
        json_t *body = json_pack("{s:s?}", "why", why), *site = NULL;
        struct err err;

        if (!body)
                return cli_usage(c, "--why: not UTF-8");
        if (cli_client(c) && name_check("site", name, &err) == 0)
                site = client_send(cli_client(c), "POST", body, &err, "/v1/sites/%s/%s", name, verb);
        json_decref(body);
        if (!c->client)
                return EXIT_FAILED;
        if (!site)
                return cli_fail(c, &err);
        if (cli_wants_json(c))
                cli_json(c, site);
        else
                cli_say(c, "%s: %s", name, done);
        json_decref(site);
        return EXIT_OK;
}

int cmd_site_drain(struct cli *c, const struct args *a)
{
        return send_intent(c, a, "drain", "draining; what runs there ends, nothing new goes there");
}

int cmd_site_close(struct cli *c, const struct args *a)
{
        return send_intent(c, a, "close", "closed; what ran there is stopped and will run elsewhere");
}

int cmd_site_open(struct cli *c, const struct args *a)
{
        return send_intent(c, a, "open", "open");
}

/* ---- changing --------------------------------------------------------------------------------------------
 */

/* --offer NAME=N and its short forms as the API's offer; NULL when there is none or *err is set. */
json_t *site_offer(const struct args *a, struct err *err)
{
        json_t *offer = json_object(), *custom = json_object();
        const char *memory = args_get(a, "memory"), *pair;
        static const char *const whole[] = {"cpus", "gpus", "slots"};
        int64_t v;

        err->code = ERR_NONE;
        for (size_t i = 0; i < ARRAY_LEN(whole); i++) {
                const char *value = args_get(a, whole[i]);

                if (!value)
                        continue;
                if (num_int(whole[i], value, 0, 1000000, &v, err) < 0)
                        goto out;
                json_object_set_new(offer, whole[i], json_integer(v));
        }
        if (memory) {
                if (num_size("memory", memory, &v, err) < 0)
                        goto out;
                json_object_set_new(offer, "memory", json_integer(v));
        }
        for (size_t i = 0; (pair = args_nth(a, "offer", i)); i++) {
                const char *equals = strchr(pair, '=');
                AUTO_FREE char *name = xstrndup(pair, equals ? (size_t)(equals - pair) : 0);

                if (!*name) {
                        err_set(err, ERR_BAD_INPUT, "--offer: \"%s\" is not NAME=N", pair);
                        goto out;
                }
                if (num_int("--offer", equals + 1, 0, 1000000000, &v, err) < 0)
                        goto out;
                if (json_object_set_new(custom, name, json_integer(v)) < 0) {
                        err_set(err, ERR_BAD_INPUT, "--offer: not UTF-8");
                        goto out;
                }
        }
        if (json_object_size(custom))
                json_object_set(offer, "custom", custom);
out:
        json_decref(custom);
        if (err->code == ERR_NONE && json_object_size(offer))
                return offer;
        json_decref(offer);
        return NULL;
}

/* --projects all, or a,b:8 (at most 8 cpus of b) */
static int put_projects(json_t *body, const char *list, struct err *err)
{
        json_t *projects;

        if (strcmp(list, "all") == 0) {
                json_object_set_new(body, "all_projects", json_true());
                return 0;
        }
        projects = json_array();
        json_object_set_new(body, "all_projects", json_false());
        json_object_set_new(body, "projects", projects);
        do {
                size_t n = strcspn(list, ",");
                AUTO_FREE char *name = xstrndup(list, n);
                char *colon = strchr(name, ':');
                json_t *one = json_object();
                int64_t cpus;

                json_array_append_new(projects, one);
                if (colon) {
                        *colon = '\0';
                        if (num_int("--projects", colon + 1, 1, 1000000, &cpus, err) < 0)
                                return -1;
                        json_object_set_new(one, "max_cpus", json_integer(cpus));
                }
                if (name_check("--projects", name, err) < 0)
                        return -1;
                json_object_set_new(one, "name", json_string(name));
                list += n;
        } while (*list++);
        return 0;
}

/* --accept-data, --quota and --labels. */
static int put_data(const struct args *a, json_t *body, struct err *err)
{
        const char *accept = args_get(a, "accept-data"), *quota = args_get(a, "quota"),
                   *labels = args_get(a, "labels");
        json_t *data = json_object(), *list;
        int64_t v;

        if (accept || quota)
                json_object_set(body, "data", data);
        json_decref(data); /* the body holds it */
        if (accept && strcmp(accept, "yes") != 0 && strcmp(accept, "no") != 0)
                return err_set(err, ERR_BAD_INPUT, "--accept-data: \"%s\" is neither yes nor no", accept);
        if (accept)
                json_object_set_new(data, "accept", json_boolean(strcmp(accept, "yes") == 0));
        if (quota && strcmp(quota, "none") == 0)
                json_object_set_new(data, "quota", json_null());
        else if (quota && num_size("--quota", quota, &v, err) < 0)
                return -1;
        else if (quota)
                json_object_set_new(data, "quota", json_integer(v));
        if (!labels)
                return 0;
        list = json_array();
        json_object_set_new(body, "labels", list);
        while (strcmp(labels, "none") != 0) {
                size_t n = strcspn(labels, ",");

                json_array_append_new(list, json_stringn(labels, n));
                if (!labels[n])
                        break;
                labels += n + 1;
        }
        return 0;
}

/* --direct-host, --direct-port and --direct-keys: all three at once. */
static int put_direct(const struct args *a, json_t *body, struct err *err)
{
        const char *host = args_get(a, "direct-host"), *port = args_get(a, "direct-port"),
                   *keys = args_get(a, "direct-keys");
        json_t *direct;
        int64_t v;

        if (!host && !port && !keys)
                return 0;
        direct = json_object();
        json_object_set_new(body, "direct", direct);
        if (host)
                json_object_set_new(direct, "host", json_string(host));
        if (port && num_int("--direct-port", port, 1, 65535, &v, err) < 0)
                return -1;
        if (port)
                json_object_set_new(direct, "port", json_integer(v));
        if (keys)
                json_object_set_new(direct, "keys", json_string(keys));
        return 0;
}

static json_t *changes(const struct args *a, struct err *err)
{
        const char *max = args_get(a, "max-tasks"), *speed = args_get(a, "speed"),
                   *projects = args_get(a, "projects");
        json_t *body = json_object(), *offer = site_offer(a, err);
        int64_t v;
        char *end;

        if (offer)
                json_object_set_new(body, "offer", offer);
        else if (err->code != ERR_NONE)
                goto fail;
        if (max && strcmp(max, "none") == 0)
                json_object_set_new(body, "max_tasks", json_null());
        else if (max && num_int("--max-tasks", max, 0, 10000000, &v, err) < 0)
                goto fail;
        else if (max)
                json_object_set_new(body, "max_tasks", json_integer(v));
        if (simple_limit(a, "max-dials", "max_dials", body, err) < 0)
                goto fail;
        if (speed) {
                double d = strtod(speed, &end);

                if (*end || end == speed || !(d > 0 && d <= 1000)) {
                        err_set(err, ERR_BAD_INPUT, "--speed: \"%s\" is not a factor like 1.5", speed);
                        goto fail;
                }
                json_object_set_new(body, "speed", json_real(d));
        }
        if (projects && put_projects(body, projects, err) < 0)
                goto fail;
        if (put_data(a, body, err) < 0 || put_direct(a, body, err) < 0)
                goto fail;
        if (json_object_size(body))
                return body;
        err_set(err, ERR_BAD_INPUT, "nothing to change; `reeve help site set` lists what can be");
fail:
        json_decref(body);
        return NULL;
}

int cmd_site_set(struct cli *c, const struct args *a)
{
        const char *name = a->words[0];
        json_t *body, *site = NULL;
        struct err err;

        body = changes(a, &err);
        if (!body)
                return cli_fail(c, &err);
        if (!cli_client(c)) {
                json_decref(body);
                return EXIT_FAILED;
        }
        if (name_check("site", name, &err) == 0)
                site = client_send(cli_client(c), "PATCH", body, &err, "/v1/sites/%s", name);
        json_decref(body);
        if (!site)
                return cli_fail(c, &err);
        if (cli_wants_json(c))
                cli_json(c, site);
        else
                cli_say(c, "%s: changed", name);
        json_decref(site);
        return EXIT_OK;
}

int cmd_site_remove(struct cli *c, const struct args *a)
{
        AUTO_FREE char *question =
            xasprintf("Remove site %s, its keys and its workers' registration?", a->words[0]);
        json_t *reply = NULL;
        struct err err;

        if (!cli_client(c))
                return EXIT_FAILED;
        if (name_check("site", a->words[0], &err) < 0)
                return cli_fail(c, &err);
        if (!cli_confirm(c, question))
                return EXIT_FAILED;
        reply = client_send(cli_client(c), "DELETE", NULL, &err, "/v1/sites/%s", a->words[0]);
        if (!reply)
                return cli_fail(c, &err);
        json_decref(reply);
        cli_say(c, "%s: removed", a->words[0]);
        return EXIT_OK;
}

/* The path of a host or account of a site, whose name was checked. */
static char *part_path(const char *site, const char *list, const char *name, const char *more)
{
        struct buf b;
        char *path;

        buf_init(&b, 65536);
        buf_printf(&b, "/v1/sites/%s/%s/", site, list);
        text_add_uri(&b, name, false);
        buf_text(&b, more);
        path = xstrdup(buf_cstr(&b));
        buf_release(&b);
        return path;
}

static int remove_part(struct cli *c, const char *site, const char *what, const char *name, const char *path)
{
        AUTO_FREE char *question = xasprintf("Remove %s %s from site %s?", what, name, site);
        struct err err;
        json_t *reply;

        if (!cli_client(c))
                return EXIT_FAILED;
        if (name_check("site", site, &err) < 0)
                return cli_fail(c, &err);
        if (!cli_confirm(c, question))
                return EXIT_FAILED;
        reply = client_send(c->client, "DELETE", NULL, &err, "%s", path);
        if (!reply)
                return cli_fail(c, &err);
        json_decref(reply);
        cli_say(c, "%s: %s %s removed", site, what, name);
        return EXIT_OK;
}

int cmd_site_host_remove(struct cli *c, const struct args *a)
{
        struct address host;
        struct err err;
        int r;

        if (address_parse("host", a->words[1], &host, &err) < 0)
                return cli_fail(c, &err);
        {
                AUTO_FREE char *port = xasprintf("?port=%lld", (long long)host.port);
                AUTO_FREE char *path = part_path(a->words[0], "hosts", host.host, port);

                r = remove_part(c, a->words[0], "host", host.host, path);
        }
        address_release(&host);
        return r;
}

int cmd_site_account_remove(struct cli *c, const struct args *a)
{
        const char *project = args_get(a, "project");
        AUTO_FREE char *more = NULL;
        AUTO_FREE char *path = NULL;
        struct err err;

        if (project && name_check("--project", project, &err) < 0)
                return cli_fail(c, &err);
        more = xasprintf("%s%s", project ? "?project=" : "", project ? project : "");
        path = part_path(a->words[0], "accounts", a->words[1], more);
        return remove_part(c, a->words[0], "account", a->words[1], path);
}

int cmd_site_pin(struct cli *c, const struct args *a)
{
        struct err err;

        if (!cli_client(c))
                return EXIT_FAILED;
        if (name_check("site", a->words[0], &err) < 0 || site_confirm_keys(c, a->words[0], a, &err) < 0)
                return cli_fail(c, &err);
        return EXIT_OK;
}
