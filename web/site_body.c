/* SPDX-License-Identifier: Apache-2.0 */
#include "web/site_body.h"

#include "common/num.h"
#include "common/util.h"
#include "store/store_people.h"
#include "store/store_engine.h"
#include "web/api.h"
#include "web/sshkey.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define BYTES_MAX     (INT64_C(1) << 50)
#define UNIX_USER_MAX 32

const struct field host_fields[] = {
    FIELD(struct host_body, address, F_STRING, 1, ADDRESS_MAX, FIELD_REQUIRED, "host name or address"),
    FIELD(struct host_body, port, F_INT, 1, 65535, 0, "SSH port; default 22"),
    FIELD(struct host_body, jumps, F_STRINGS, 0, JUMPS_MAX, 0, "hosts to pass through, each user@host:port"),
    {0},
};

const struct field account_fields[] = {
    FIELD(struct account_body, user, F_STRING, 1, UNIX_USER_MAX, FIELD_REQUIRED, "login name at the site"),
    FIELD(struct account_body, key, F_TEXT, 1, SSHKEY_TEXT_MAX, 0,
          "a private key (OpenSSH format); default: a new one is made"),
    FIELD(struct account_body, root, F_STRING, 1, 1024, 0,
          "directory of the worker there, absolute; default ~/.reeve"),
    FIELD(struct account_body, backend, F_STRING, 1, 16, 0, "libssh2 (default) or openssh"),
    FIELD(struct account_body, project, F_NAME, 1, 64, 0,
          "the only project whose work runs under it; default any"),
    {0},
};

struct offer_body {
        int64_t cpus, memory, gpus, slots;
        json_t *custom;
};
const struct field offer_fields[] = {
    FIELD(struct offer_body, cpus, F_INT, 1, COUNT_MAX, 0, "CPUs; null: all it has"),
    FIELD(struct offer_body, memory, F_SIZE, 1, BYTES_MAX, 0, "memory; null: all it has"),
    FIELD(struct offer_body, gpus, F_INT, 0, COUNT_MAX, 0, "GPUs; null: none"),
    FIELD(struct offer_body, slots, F_INT, 1, COUNT_MAX, 0, "attempts at once; null: as the rest allows"),
    FIELD(struct offer_body, custom, F_OBJECT, 0, 16, 0, "named countables"),
    {0},
};

/* ---- parts of bodies -------------------------------------------------------------------------------------
 */

/* What may stand in a host name or address: it is handed to resolvers and shown, never to a shell. */
bool address_is_valid(const char *s, size_t n)
{
        if (!n || n > ADDRESS_MAX || s[0] == '-')
                return false;
        for (size_t i = 0; i < n; i++)
                if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
                      (s[i] >= '0' && s[i] <= '9') || strchr(".-_:[]%", s[i])))
                        return false;
        return true;
}

static bool unix_user_is_valid(const char *s, size_t n)
{
        if (!n || n > UNIX_USER_MAX || s[0] == '-')
                return false;
        for (size_t i = 0; i < n; i++)
                if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
                      (s[i] >= '0' && s[i] <= '9') || strchr("._-", s[i])))
                        return false;
        return true;
}

/* "user@host:port", with [..] around an address with colons. */
static bool jump_is_valid(const char *s)
{
        const char *host = strchr(s, '@'), *port;
        int64_t n;

        if (!host || !unix_user_is_valid(s, (size_t)(host - s)))
                return false;
        host++;
        port = strrchr(host, ':');
        if (!port || (host[0] == '[' && port[-1] != ']'))
                return false;
        return address_is_valid(host, (size_t)(port - host)) &&
               num_int("port", port + 1, 1, 65535, &n, NULL) == 0;
}

void host_check(const struct host_body *h, struct issues *is)
{
        size_t i;
        json_t *v;

        if (h->address && !address_is_valid(h->address, strlen(h->address)))
                issue_add(is, "/address", "format", "is not a host name or address");
        json_array_foreach(h->jumps, i, v)
        {
                char pointer[32];

                snprintf(pointer, sizeof pointer, "/jumps/%zu", i);
                if (json_is_string(v) && !jump_is_valid(json_string_value(v)))
                        issue_add(is, pointer, "format", "must be written user@host:port");
        }
}

void account_check(const struct account_body *a, struct issues *is)
{
        char line[SSHKEY_TEXT_MAX];
        struct err err;

        if (a->user && !unix_user_is_valid(a->user, strlen(a->user)))
                issue_add(is, "/user", "format", "is not a Unix login name");
        if (a->root && a->root[0] != '/')
                issue_add(is, "/root", "format", "must be an absolute path");
        if (a->backend && strcmp(a->backend, "libssh2") != 0 && strcmp(a->backend, "openssh") != 0)
                issue_add(is, "/backend", "format", "must be libssh2 or openssh");
        if (a->key && sshkey_public(a->key, line, sizeof line, &err) < 0)
                issue_add(is, "/key", "format", "%s", err.text);
}

/* Private keys are sealed to the engine's key; the web cannot open them again. */
static int key_seal(struct db *db, const char *key, uint8_t **ret, size_t *ret_n, struct err *err)
{
        char hex[2 * crypto_box_PUBLICKEYBYTES + 2] = "";
        uint8_t public[crypto_box_PUBLICKEYBYTES];
        size_t n = strlen(key);
        int rc = store_setting_get(db, "seal_key", hex, sizeof hex, err);

        if (rc < 0)
                return -1;
        if (!rc || hex_decode(hex, public, sizeof public) < 0)
                return err_set(err, ERR_UNAVAILABLE,
                               "the engine has not made its sealing key yet; start it, then try again");
        *ret = xmalloc(n + crypto_box_SEALBYTES);
        *ret_n = n + crypto_box_SEALBYTES;
        if (crypto_box_seal(*ret, (const unsigned char *)key, n, public) == 0)
                return 0;
        free(*ret);
        return err_set(err, ERR_SYSTEM, "could not seal the key");
}

int site_project(struct db *db, const char *name, int32_t *ret, struct err *err)
{
        *ret = 0;
        return name ? store_project_find(db, name, ret, err) : 1;
}

int account_store(struct request *rq, struct db *db, int32_t site, const struct account_body *in,
                  const char *pointer, struct err *err)
{
        struct account_new a = {
            .user = in->user, .root = in->root, .backend = in->backend ? in->backend : "libssh2"};
        AUTO_FREE uint8_t *sealed = NULL;
        AUTO_FREE char *line = NULL, *below = xasprintf("%s/project", pointer);
        int32_t project;
        int rc = site_project(db, in->project, &project, err);

        if (rc < 0)
                return -1;
        if (rc == 0) {
                issue_add(&rq->issues, below, "not_found", "there is no project \"%s\"", in->project);
                return request_invalid(rq, err);
        }
        a.project = project;
        if (in->key) {
                line = xmalloc(SSHKEY_TEXT_MAX);
                if (sshkey_public(in->key, line, SSHKEY_TEXT_MAX, err) < 0 ||
                    key_seal(db, in->key, &sealed, &a.sealed_key_len, err) < 0)
                        return -1;
                a.public_key = line;
                a.sealed_key = sealed;
        }
        return store_account_add(db, site, &a, err);
}

int host_store(struct db *db, int32_t site, const struct host_body *h, struct err *err)
{
        const char *jumps[JUMPS_MAX];
        size_t n = json_array_size(h->jumps);

        for (size_t i = 0; i < n; i++)
                jumps[i] = json_string_value(json_array_get(h->jumps, i));
        return store_host_add(db, site, h->address, h->port ? h->port : 22, jumps, n, err);
}

static void custom_check(const json_t *custom, struct issues *is)
{
        const char *name;
        json_t *v;

        json_object_foreach((json_t *)custom, name, v)
        {
                size_t mark = issues_enter(is, "custom");

                issues_enter(is, name);
                if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > COUNT_MAX)
                        issue_add(is, "", "type", "must be a whole number, 0 or more");
                if (!*name || strlen(name) > 63 ||
                    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") != strlen(name))
                        issue_add(is, "", "format", "names hold a-z, 0-9, dot, dash and underscore");
                issues_leave(is, mark);
        }
}

/* 0: nothing wrong with it. The custom text is malloc'd. */
void offer_read(const json_t *v, struct site_offer *ret, char **ret_custom, struct issues *is)
{
        struct offer_body in = {0};
        size_t mark = issues_enter(is, "offer");
        uint64_t given = 0;

        *ret_custom = NULL;
        fields_read(v, offer_fields, &in, &given, is);
        if (in.custom)
                custom_check(in.custom, is);
        issues_leave(is, mark);
        *ret_custom = in.custom ? json_dumps(in.custom, JSON_COMPACT) : NULL;
        *ret = (struct site_offer){.cpus_set = given & 1,
                                   .memory_set = given & 2,
                                   .gpus_set = given & 4,
                                   .slots_set = given & 8,
                                   .cpus = in.cpus,
                                   .memory = in.memory,
                                   .gpus = in.gpus,
                                   .slots = in.slots,
                                   .custom = *ret_custom};
}
