/* SPDX-License-Identifier: Apache-2.0 */
/* Register a site, step by step; every step looks first whether it is done, so that the same command goes on
 * where it stopped.
 *
 *   register -> confirm host keys -> install our public key -> test -> open
 */
#include "commands.h"

#include "address.h"
#include "doc.h"
#include "sheet.h"
#include "site.h"
#include "text.h"
#include "common/num.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>

#define KEY_FILE_MAX 16384
#define KEY_WAIT_MS  30000 /* for the engine to make a key pair */

const struct option site_add_options[] = {
    {"jump", 'J', "USER@HOST", "go through this host (user@host:port); again for more, in order", true},
    {"account", 0, "USER[:PROJECT]", "another account, or one for a project alone", true},
    {"host", 0, "HOST[:PORT]", "another host of the site", true},
    {"key", 'k', "FILE", "log in with this private key (OpenSSH format) instead of a new one", false},
    {"root", 0, "DIR", "directory at the site for Reeve's files (~/.reeve)", false},
    {"backend", 0, "NAME", "libssh2 or openssh (what the test finds best)", false},
    {"fingerprint", 0, "SHA256:...", "the host key to expect, instead of a question; again for more hosts",
     true},
    {"max-tasks", 0, "N", "tasks at once at most", false},
    {"cpus", 'c', "N", "processors a worker offers (all)", false},
    {"memory", 'm', "SIZE", "memory a worker offers (all)", false},
    {"gpus", 'g', "N", "GPUs a worker offers (none)", false},
    {"slots", 0, "N", "tasks a worker runs at once (as many as fit)", false},
    {"offer", 0, "NAME=N", "another resource a worker offers", true},
    {0},
};

/* ---- registration ----------------------------------------------------------------------------------------
 */

static json_t *jumps_of(const struct args *a, struct err *err)
{
        json_t *jumps = json_array();
        const char *v;

        for (size_t i = 0; (v = args_nth(a, "jump", i)); i++) {
                struct address at;
                AUTO_FREE char *text = NULL;

                if (address_parse("--jump", v, &at, err) < 0) {
                        json_decref(jumps);
                        return NULL;
                }
                text = address_format(&at);
                json_array_append_new(jumps, json_string(text));
                address_release(&at);
        }
        return jumps;
}

static int add_host(const struct args *a, const char *what, const char *word, json_t *hosts, char **ret_user,
                    struct err *err)
{
        json_t *jumps = jumps_of(a, err);
        struct address at;

        if (!jumps)
                return -1;
        if (address_parse(what, word, &at, err) < 0) {
                json_decref(jumps);
                return -1;
        }
        json_array_append_new(hosts, json_pack("{s:s, s:I, s:o}", "address", at.host, "port",
                                               (json_int_t)at.port, "jumps", jumps));
        if (ret_user)
                *ret_user = xstrdup(at.user);
        address_release(&at);
        return 0;
}

/* "user" or "user:project" */
static int add_account(const struct args *a, const char *word, const char *key, json_t *accounts,
                       struct err *err)
{
        AUTO_FREE char *user = xstrdup(word);
        char *colon = strchr(user, ':');
        json_t *account;

        if (colon)
                *colon++ = '\0';
        if (colon && name_check("--account", colon, err) < 0)
                return -1;
        account = json_pack("{s:s, s:s?, s:s?, s:s?, s:s?}", "user", user, "key", key, "root",
                            args_get(a, "root"), "backend", args_get(a, "backend"), "project", colon);
        if (!account)
                return err_set(err, ERR_BAD_INPUT, "--account, --root, --backend: not UTF-8");
        json_array_append_new(accounts, account);
        return 0;
}

static int read_key(const struct args *a, char **ret, struct err *err)
{
        const char *path = args_get(a, "key");
        size_t n;

        *ret = NULL;
        if (!path)
                return 0;
        if (doc_read_file(path, KEY_FILE_MAX, ret, &n, err) < 0)
                return -1;
        if (strstr(*ret, "PRIVATE KEY"))
                return 0;
        free(*ret);
        *ret = NULL;
        return err_set(err, ERR_BAD_INPUT, "--key: \"%s\" holds no private key in OpenSSH format", path);
}

/* The registration as the API takes it. */
static json_t *registration(const struct args *a, struct err *err)
{
        json_t *hosts = json_array(), *accounts = json_array(), *offer = NULL;
        json_t *body =
            json_pack("{s:s, s:o, s:o}", "name", a->words[0], "hosts", hosts, "accounts", accounts);
        AUTO_FREE char *user = NULL;
        AUTO_FREE char *key = NULL;
        const char *v, *max = args_get(a, "max-tasks");
        int64_t n;

        if (read_key(a, &key, err) < 0 || add_host(a, "address", a->words[1], hosts, &user, err) < 0)
                goto fail;
        if (!user) {
                err_set(err, ERR_BAD_INPUT, "\"%s\" names no account; write user@%s", a->words[1],
                        a->words[1]);
                goto fail;
        }
        if (add_account(a, user, key, accounts, err) < 0)
                goto fail;
        for (size_t i = 0; (v = args_nth(a, "host", i)); i++) {
                if (add_host(a, "--host", v, hosts, NULL, err) < 0)
                        goto fail;
        }
        for (size_t i = 0; (v = args_nth(a, "account", i)); i++) {
                if (add_account(a, v, key, accounts, err) < 0)
                        goto fail;
        }
        offer = site_offer(a, err);
        if (!offer && err->code != ERR_NONE)
                goto fail;
        if (offer)
                json_object_set_new(body, "offer", offer);
        if (max && num_int("--max-tasks", max, 0, 10000000, &n, err) < 0)
                goto fail;
        if (max)
                json_object_set_new(body, "max_tasks", json_integer(n));
        return body;
fail:
        json_decref(body);
        return NULL;
}

static bool has_member(const json_t *list, const char *member, const char *value, const char *second,
                       const json_t *second_value)
{
        json_t *item;
        size_t i;

        json_array_foreach((json_t *)list, i, item)
        {
                if (strcmp(json_text_at(item, member), value) == 0 &&
                    (!second || json_int_at(item, second) == json_integer_value(second_value)))
                        return true;
        }
        return false;
}

/* A site that exists: add the hosts and accounts it does not have yet. */
static int complete(struct cli *c, const char *name, const json_t *site, const json_t *body, struct err *err)
{
        json_t *item, *reply;
        size_t i;

        json_array_foreach(json_object_get(body, "hosts"), i, item)
        {
                if (has_member(json_at(site, "hosts"), "address", json_text_at(item, "address"), "port",
                               json_object_get(item, "port")))
                        continue;
                reply = client_send(cli_client(c), "POST", item, err, "/v1/sites/%s/hosts", name);
                json_decref(reply);
                if (!reply)
                        return -1;
        }
        json_array_foreach(json_object_get(body, "accounts"), i, item)
        {
                if (has_member(json_at(site, "accounts"), "user", json_text_at(item, "user"), NULL, NULL))
                        continue;
                reply = client_send(cli_client(c), "POST", item, err, "/v1/sites/%s/accounts", name);
                json_decref(reply);
                if (!reply)
                        return -1;
        }
        return 0;
}

static int register_site(struct cli *c, const struct args *a, struct err *err)
{
        const char *name = a->words[0];
        json_t *body, *site;
        int r = 0;

        if (name_check("site", name, err) < 0)
                return -1;
        body = registration(a, err);
        if (!body)
                return -1;
        site = client_get(cli_client(c), err, "/v1/sites/%s", name);
        if (site) {
                cli_say(c, "site %s is registered already; going on from there", name);
                r = complete(c, name, site, body, err);
        } else if (err->code == ERR_NOT_FOUND) {
                site = client_send(cli_client(c), "POST", body, err, "/v1/sites");
                r = site ? 0 : -1;
                if (site)
                        cli_say(c, "site %s is registered", name);
        } else {
                r = -1;
        }
        json_decref(body);
        json_decref(site);
        return r;
}

/* ---- our key ---------------------------------------------------------------------------------------------
 */

static bool keys_are_made(const json_t *site)
{
        json_t *account;
        size_t i;

        json_array_foreach(json_object_get(site, "accounts"), i, account)
        {
                if (!json_at(account, "public_key"))
                        return false;
        }
        return true;
}

/* The site once the engine has made its key pairs. Owned. */
static json_t *site_with_keys(struct cli *c, const char *name, struct err *err)
{
        AUTO_FREE char *path = xasprintf("/v1/sites/%s", name);
        int64_t until = clock_boot_ms() + KEY_WAIT_MS;
        char etag[200] = "";

        for (;;) {
                json_t *site = NULL;

                if (client_watch(cli_client(c), path, etag, 5, &site, err) < 0)
                        return NULL;
                if (site && keys_are_made(site))
                        return site;
                json_decref(site);
                if (clock_boot_ms() > until)
                        return err_set(err, ERR_UNAVAILABLE,
                                       "the engine has not made a key for %s yet; is it running? (`reeve api "
                                       "GET /readyz`) Then run this "
                                       "again",
                                       name),
                               NULL;
                cli_progress(c, "waiting for the engine to make a key ...");
        }
}

static void show_key(struct cli *c, const json_t *account, const json_t *hosts)
{
        AUTO_FREE char *user = text_line(json_text_at(account, "user"));
        AUTO_FREE char *key = text_line(json_text_at(account, "public_key"));
        struct column list = {.path = "hosts", .kind = CELL_LIST};
        json_t *holder = json_pack("{s:O?}", "hosts", hosts);
        struct buf where;

        buf_init(&where, 65536);
        cell_add(&list, holder, &where);
        cli_say(c, "\nput this line into ~%s/.ssh/authorized_keys at %s:\n", user, buf_cstr(&where));
        printf("%s\n", key);
        fflush(stdout);
        buf_release(&where);
        json_decref(holder);
}

static int install_key(struct cli *c, const char *name, struct err *err)
{
        json_t *site = site_with_keys(c, name, err), *account;
        size_t i;

        cli_progress_end(c);
        if (!site)
                return -1;
        json_array_foreach(json_object_get(site, "accounts"), i, account)
            show_key(c, account, json_object_get(site, "hosts"));
        json_decref(site);
        if (!cli_pause(c, "\nPress Enter when it is there "))
                return err_set(
                    err, ERR_UNAVAILABLE,
                    "there is no terminal to wait at; put the line there and run this again with --yes");
        return 0;
}

/* ---- the whole way ---------------------------------------------------------------------------------------
 */

static int open_site(struct cli *c, const char *name, struct err *err)
{
        json_t *body = json_pack("{s:s}", "why", "registered, and its test passed");
        json_t *reply = client_send(cli_client(c), "POST", body, err, "/v1/sites/%s/open", name);

        json_decref(body);
        json_decref(reply);
        return reply ? 0 : -1;
}

static int test_and_open(struct cli *c, const char *name, struct err *err)
{
        int passed;

        cli_say(c, "\ntesting %s:", name);
        passed = site_test(c, name, err);
        if (passed < 0)
                return -1;
        if (!passed)
                return err_set(err, ERR_SYSTEM,
                               "the test of %s did not pass; mend what it says and run this again", name);
        return open_site(c, name, err);
}

int cmd_site_add(struct cli *c, const struct args *a)
{
        const char *name = a->words[0];
        struct err err;

        if (!cli_client(c))
                return EXIT_FAILED;
        if (register_site(c, a, &err) < 0 || site_confirm_keys(c, name, a, &err) < 0 ||
            (!args_has(a, "key") && install_key(c, name, &err) < 0) || test_and_open(c, name, &err) < 0)
                return cli_fail(c, &err);
        cli_say(c, "\n%s is open and takes work. Try it: reeve run --site %s -- hostname", name, name);
        return EXIT_OK;
}

int cmd_site_test(struct cli *c, const struct args *a)
{
        struct err err;
        int passed;

        if (!cli_client(c))
                return EXIT_FAILED;
        if (name_check("site", a->words[0], &err) < 0)
                return cli_fail(c, &err);
        passed = site_test(c, a->words[0], &err);
        if (passed < 0)
                return cli_fail(c, &err);
        cli_say(c, passed ? "%s: everything works" : "%s: the test did not pass", a->words[0]);
        return passed ? EXIT_OK : EXIT_FAILED;
}
