/* SPDX-License-Identifier: Apache-2.0 */
/* Sites: show, register, change, ask. */
#include "web/api.h"

#include "common/num.h"
#include "common/util.h"
#include "store/store_data.h"
#include "store/store_engine.h"
#include "store/store_sites.h"
#include "web/sshkey.h"
#include "web/web_priv.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define JUMPS_MAX     8
#define HOSTS_MAX     64
#define ACCOUNTS_MAX  64
#define PROJECTS_MAX  1000
#define COUNT_MAX     2000000000
#define BYTES_MAX     (INT64_C(1) << 50)
#define ADDRESS_MAX   253
#define UNIX_USER_MAX 32

struct site_body {
        uint64_t given;
        const char *name;
        json_t *hosts, *accounts, *offer;
        int64_t max_tasks;
};
const struct field site_fields[] = {
    FIELD(struct site_body, name, F_NAME, 1, 64, FIELD_REQUIRED, "name of the site"),
    FIELD(struct site_body, hosts, F_ARRAY, 1, HOSTS_MAX, FIELD_REQUIRED,
          "hosts to log in to: {address, port, jumps}"),
    FIELD(struct site_body, accounts, F_ARRAY, 1, ACCOUNTS_MAX, FIELD_REQUIRED,
          "Unix accounts: {user, key, root, backend, project}"),
    FIELD(struct site_body, offer, F_OBJECT, 0, 8, 0,
          "what each worker offers: {cpus, memory, gpus, slots, custom}"),
    FIELD(struct site_body, max_tasks, F_INT, 1, COUNT_MAX, 0, "attempts at once at the site"),
    {0},
};

struct site_change_body {
        int64_t max_tasks;
        double speed;
        bool all_projects;
        json_t *projects, *offer;
};
/* Bits of what was given, in the order of the table. */
enum { GAVE_MAX_TASKS = 1, GAVE_SPEED = 2, GAVE_ALL_PROJECTS = 4, GAVE_PROJECTS = 8, GAVE_OFFER = 16 };
const struct field site_change_fields[] = {
    FIELD(struct site_change_body, max_tasks, F_INT, 1, COUNT_MAX, 0,
          "attempts at once at the site; null: no limit"),
    FIELD(struct site_change_body, speed, F_REAL, 0, 1000, 0, "relative to other sites"),
    FIELD(struct site_change_body, all_projects, F_BOOL, 0, 0, 0, "every project may use it"),
    FIELD(struct site_change_body, projects, F_ARRAY, 0, PROJECTS_MAX, 0,
          "its own rules for projects: {name, max_cpus}"),
    FIELD(struct site_change_body, offer, F_OBJECT, 0, 8, 0,
          "what each worker offers: {cpus, memory, gpus, slots, custom}"),
    {0},
};

struct host_body {
        const char *address;
        int64_t port;
        json_t *jumps;
};
const struct field host_fields[] = {
    FIELD(struct host_body, address, F_STRING, 1, ADDRESS_MAX, FIELD_REQUIRED, "host name or address"),
    FIELD(struct host_body, port, F_INT, 1, 65535, 0, "SSH port; default 22"),
    FIELD(struct host_body, jumps, F_STRINGS, 0, JUMPS_MAX, 0, "hosts to pass through, each user@host:port"),
    {0},
};

struct account_body {
        const char *user, *key, *root, *backend, *project;
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

struct pin_body {
        const char *host, *fingerprint;
        int64_t hop;
};
const struct field pin_fields[] = {
    FIELD(struct pin_body, host, F_STRING, 1, ADDRESS_MAX, FIELD_REQUIRED,
          "address of the host, as registered"),
    FIELD(struct pin_body, hop, F_INT, 0, JUMPS_MAX, 0, "which machine on the way; 0 the first"),
    FIELD(struct pin_body, fingerprint, F_STRING, 8, 128, FIELD_REQUIRED,
          "SHA256:... as the probe showed it"),
    {0},
};

struct why_body {
        const char *why;
};
const struct field why_fields[] = {
    FIELD(struct why_body, why, F_STRING, 0, 500, 0, "why, for other people"),
    {0},
};

struct offer_body {
        int64_t cpus, memory, gpus, slots;
        json_t *custom;
};
static const struct field offer_fields[] = {
    FIELD(struct offer_body, cpus, F_INT, 1, COUNT_MAX, 0, "CPUs; null: all it has"),
    FIELD(struct offer_body, memory, F_SIZE, 1, BYTES_MAX, 0, "memory; null: all it has"),
    FIELD(struct offer_body, gpus, F_INT, 0, COUNT_MAX, 0, "GPUs; null: none"),
    FIELD(struct offer_body, slots, F_INT, 1, COUNT_MAX, 0, "attempts at once; null: as the rest allows"),
    FIELD(struct offer_body, custom, F_OBJECT, 0, 16, 0, "named countables"),
    {0},
};

struct project_rule {
        const char *name;
        int64_t max_cpus;
};
static const struct field project_rule_fields[] = {
    FIELD(struct project_rule, name, F_NAME, 1, 64, FIELD_REQUIRED, "name of the project"),
    FIELD(struct project_rule, max_cpus, F_INT, 1, COUNT_MAX, 0,
          "CPUs it may hold there at once; null: no limit"),
    {0},
};

/* ---- showing ---------------------------------------------------------------------------------------------
 */

struct sums {
        int64_t cpus, memory, gpus, used_cpus, used_memory, used_gpus, used_tasks;
};

static void worker_offer_write(struct buf *b, struct rows *r)
{
        j_obj(b, "offer");
        j_raw(b, "cpus", row_null(r, "offer_cpus") ? NULL : row_text(r, "offer_cpus"));
        j_raw(b, "memory", row_null(r, "offer_memory") ? NULL : row_text(r, "offer_memory"));
        j_raw(b, "gpus", row_null(r, "offer_gpus") ? NULL : row_text(r, "offer_gpus"));
        j_raw(b, "slots", row_null(r, "offer_slots") ? NULL : row_text(r, "offer_slots"));
        j_raw(b, "custom", row_text(r, "offer_custom"));
        j_obj_end(b);
}

static void worker_write(struct buf *b, struct rows *r, struct sums *s)
{
        j_obj(b, NULL);
        j_col_int(b, r, "id");
        j_col_str(b, r, "host");
        j_col_str(b, r, "user");
        j_col_str(b, r, "link");
        j_col_str(b, r, "link_text");
        j_col_time(b, r, "since");
        j_col_str(b, r, "hostname");
        j_col_int(b, r, "cpus");
        j_col_int(b, r, "memory");
        j_col_int(b, r, "gpus");
        j_col_int(b, r, "disk_free");
        j_col_int(b, r, "disk_total");
        j_col_int(b, r, "memory_available");
        j_col_f64(b, r, "load");
        j_col_int(b, r, "clock_skew_ms");
        j_col_int(b, r, "running");
        j_col_time(b, r, "seen_at");
        j_obj(b, "used");
        j_int(b, "cpus", row_int(r, "used_cpus"));
        j_int(b, "memory", row_int(r, "used_memory"));
        j_int(b, "gpus", row_int(r, "used_gpus"));
        j_int(b, "tasks", row_int(r, "used_tasks"));
        j_obj_end(b);
        worker_offer_write(b, r);
        j_obj_end(b);
        s->cpus += row_int(r, "cpus");
        s->memory += row_int(r, "memory");
        s->gpus += row_int(r, "gpus");
        s->used_cpus += row_int(r, "used_cpus");
        s->used_memory += row_int(r, "used_memory");
        s->used_gpus += row_int(r, "used_gpus");
        s->used_tasks += row_int(r, "used_tasks");
}

static void sums_write(struct buf *b, const struct sums *s)
{
        j_obj(b, "capacity");
        j_int(b, "cpus", s->cpus);
        j_int(b, "memory", s->memory);
        j_int(b, "gpus", s->gpus);
        j_obj_end(b);
        j_obj(b, "used");
        j_int(b, "cpus", s->used_cpus);
        j_int(b, "memory", s->used_memory);
        j_int(b, "gpus", s->used_gpus);
        j_int(b, "tasks", s->used_tasks);
        j_obj_end(b);
}

/* The current site. Its workers are a run of `workers`, which come in the order of the sites' names. */
static void site_write(struct buf *b, struct rows *r, struct rows *workers, bool *more_workers)
{
        struct sums s = {0};

        j_obj(b, NULL);
        j_col_str(b, r, "name");
        j_col_str(b, r, "intent");
        j_col_str(b, r, "intent_by");
        j_col_time(b, r, "intent_at");
        j_col_str(b, r, "intent_why");
        j_col_str(b, r, "health");
        j_col_time(b, r, "health_since");
        j_col_str(b, r, "health_text");
        j_col_str(b, r, "alarm");
        j_col_int(b, r, "max_tasks");
        j_col_f64(b, r, "speed");
        j_col_bool(b, r, "all_projects");
        j_col_raw(b, r, "projects");
        j_col_raw(b, r, "hosts");
        j_col_raw(b, r, "accounts");
        j_arr(b, "workers");
        while (*more_workers && strcmp(row_text(workers, "site"), row_text(r, "name")) < 0)
                *more_workers = rows_next(workers);
        while (*more_workers && strcmp(row_text(workers, "site"), row_text(r, "name")) == 0) {
                worker_write(b, workers, &s);
                *more_workers = rows_next(workers);
        }
        j_arr_end(b);
        sums_write(b, &s);
        j_col_time(b, r, "created_at");
        j_obj_end(b);
}

/* Sites of the name (NULL: all), one after the other; how many. */
static int write_sites(struct buf *b, struct db *db, const char *name, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL, *workers = NULL;
        bool more;

        if (store_sites_list(db, name, &r, err) < 0 || store_sites_workers(db, name, &workers, err) < 0)
                return -1;
        more = rows_next(workers);
        while (rows_next(r))
                site_write(b, r, workers, &more);
        return (int)rows_count(r);
}

int sites_write(struct buf *b, const char *key, struct db *db, struct err *err)
{
        j_arr(b, key);
        if (write_sites(b, db, NULL, err) < 0)
                return -1;
        j_arr_end(b);
        return 0;
}

HANDLER(api_sites)
{
        j_obj(&rq->out, NULL);
        if (sites_write(&rq->out, "items", db, err) < 0)
                return -1;
        j_null(&rq->out, "next_cursor");
        j_obj_end(&rq->out);
        return 0;
}

static int site_unknown(const char *name, struct err *err)
{
        return err_set(err, ERR_NOT_FOUND, "no site \"%.64s\"", name);
}

static int site_reply(struct request *rq, struct db *db, const char *name, struct err *err)
{
        int n = write_sites(&rq->out, db, name, err);

        if (n < 0)
                return -1;
        return n ? 0 : site_unknown(name, err);
}

HANDLER(api_site)
{
        return site_reply(rq, db, rq->captures[0], err);
}

/* ---- parts of bodies -------------------------------------------------------------------------------------
 */

/* What may stand in a host name or address: it is handed to resolvers and shown, never to a shell. */
static bool address_is_valid(const char *s, size_t n)
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

static void host_check(const struct host_body *h, struct issues *is)
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

static void account_check(const struct account_body *a, struct issues *is)
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

static int account_store(struct request *rq, struct db *db, int32_t site, const struct account_body *in,
                         const char *pointer, struct err *err)
{
        struct account_new a = {
            .user = in->user, .root = in->root, .backend = in->backend ? in->backend : "libssh2"};
        int32_t project = in->project ? principal_project(rq->who, in->project) : 0;
        AUTO_FREE uint8_t *sealed = NULL;
        AUTO_FREE char *line = NULL, *below = xasprintf("%s/project", pointer);

        if (project < 0) {
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

static int host_store(struct db *db, int32_t site, const struct host_body *h, struct err *err)
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
static void offer_read(const json_t *v, struct site_offer *ret, char **ret_custom, struct issues *is)
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

/* ---- registering -----------------------------------------------------------------------------------------
 */

struct site_new {
        struct host_body hosts[HOSTS_MAX];
        struct account_body accounts[ACCOUNTS_MAX];
        size_t host_count, account_count;
};

static void site_read_parts(const struct site_body *in, struct site_new *n, struct issues *is)
{
        for (; n->host_count < json_array_size(in->hosts); n->host_count++) {
                size_t mark = issues_enter(is, "hosts");
                struct host_body *h = &n->hosts[n->host_count];

                issues_enter_index(is, n->host_count);
                fields_read(json_array_get(in->hosts, n->host_count), host_fields, h, NULL, is);
                host_check(h, is);
                issues_leave(is, mark);
        }
        for (; n->account_count < json_array_size(in->accounts); n->account_count++) {
                size_t mark = issues_enter(is, "accounts");
                struct account_body *a = &n->accounts[n->account_count];

                issues_enter_index(is, n->account_count);
                fields_read(json_array_get(in->accounts, n->account_count), account_fields, a, NULL, is);
                account_check(a, is);
                issues_leave(is, mark);
        }
}

static int site_store(struct request *rq, struct db *db, const struct site_body *in, const struct site_new *n,
                      const struct site_offer *offer, struct err *err)
{
        struct site_change limits = {.max_tasks_set = in->max_tasks > 0, .max_tasks = in->max_tasks};
        int32_t site;

        if (store_site_add(db, in->name, rq->who->name, &site, err) < 0)
                return err->code == ERR_CONFLICT
                           ? err_set(err, ERR_CONFLICT, "there is a site \"%s\" already", in->name)
                           : -1;
        for (size_t i = 0; i < n->host_count; i++)
                if (host_store(db, site, &n->hosts[i], err) < 0)
                        return -1;
        for (size_t i = 0; i < n->account_count; i++) {
                char pointer[32];

                snprintf(pointer, sizeof pointer, "/accounts/%zu", i);
                if (account_store(rq, db, site, &n->accounts[i], pointer, err) < 0)
                        return -1;
        }
        if (store_site_change(db, site, &limits, err) < 0 || store_site_offer(db, site, offer, err) < 0)
                return -1;
        return 0;
}

static void changed(struct request *rq)
{
        rq->wakes_engine = rq->wakes_web = true;
}

HANDLER(api_site_add)
{
        AUTO_FREE struct site_new *n = xcalloc(1, sizeof *n);
        struct site_body in = {0};
        struct site_offer offer = {0};
        char *custom = NULL;
        int rc;

        if (request_body(rq, site_fields, &in, &in.given, err) < 0 && !json_is_object(rq->json))
                return -1;
        site_read_parts(&in, n, &rq->issues);
        if (in.offer)
                offer_read(in.offer, &offer, &custom, &rq->issues);
        rc = rq->issues.count ? request_invalid(rq, err) : site_store(rq, db, &in, n, &offer, err);
        free(custom);
        if (rc < 0)
                return -1;
        rq->status = 201;
        changed(rq);
        request_audit(rq, "site %s", in.name);
        return site_reply(rq, db, in.name, err);
}

/* ---- changing --------------------------------------------------------------------------------------------
 */

static int site_capture(struct request *rq, struct db *db, int32_t *ret, struct err *err)
{
        int rc = store_site_find(db, rq->captures[0], ret, err);

        if (rc == 0)
                return site_unknown(rq->captures[0], err);
        return rc < 0 ? -1 : 0;
}

static int change_projects(struct request *rq, struct db *db, int32_t site, const json_t *list,
                           struct err *err)
{
        size_t n = json_array_size(list);
        AUTO_FREE const char **names = xcalloc(n, sizeof *names);
        AUTO_FREE int64_t *max_cpus = xcalloc(n, sizeof *max_cpus);
        int rc;

        for (size_t i = 0; i < n; i++) {
                struct project_rule in = {0};
                size_t mark = issues_enter(&rq->issues, "projects");

                issues_enter_index(&rq->issues, i);
                fields_read(json_array_get(list, i), project_rule_fields, &in, NULL, &rq->issues);
                if (in.name && principal_project(rq->who, in.name) < 0)
                        issue_add(&rq->issues, "/name", "not_found", "there is no project \"%s\"", in.name);
                for (size_t k = 0; in.name && k < i; k++)
                        if (names[k] && strcmp(names[k], in.name) == 0)
                                issue_add(&rq->issues, "/name", "conflict", "is named twice");
                issues_leave(&rq->issues, mark);
                names[i] = in.name;
                max_cpus[i] = in.max_cpus;
        }
        if (rq->issues.count)
                return request_invalid(rq, err);
        rc = store_site_projects(db, site, names, max_cpus, n, err);
        return rc == 0  ? err_set(err, ERR_CONFLICT, "a project was removed meanwhile; try again")
               : rc < 0 ? -1
                        : 0;
}

HANDLER(api_site_change)
{
        struct site_change_body in = {0};
        struct site_offer offer = {0};
        struct site_change c;
        uint64_t given = 0;
        char *custom = NULL;
        int32_t site;
        int rc;

        if (request_body(rq, site_change_fields, &in, &given, err) < 0 ||
            site_capture(rq, db, &site, err) < 0)
                return -1;
        if (given & GAVE_SPEED && !(in.speed > 0))
                issue_add(&rq->issues, "/speed", "range", "must be more than 0");
        if (in.offer)
                offer_read(in.offer, &offer, &custom, &rq->issues);
        c = (struct site_change){.max_tasks_set = given & GAVE_MAX_TASKS,
                                 .speed_set = given & GAVE_SPEED,
                                 .all_projects_set = given & GAVE_ALL_PROJECTS,
                                 .max_tasks = in.max_tasks,
                                 .speed = in.speed,
                                 .all_projects = in.all_projects};
        if (rq->issues.count)
                rc = request_invalid(rq, err);
        else
                rc = store_site_change(db, site, &c, err) < 0 ||
                             (in.offer && store_site_offer(db, site, &offer, err) < 0) ||
                             (in.projects && change_projects(rq, db, site, in.projects, err) < 0)
                         ? -1
                         : 0;
        free(custom);
        changed(rq);
        return rc < 0 ? -1 : site_reply(rq, db, rq->captures[0], err);
}

static int set_intent(struct request *rq, struct db *db, const char *intent, struct err *err)
{
        struct why_body in = {0};
        int32_t site;
        int rc;

        if (request_body(rq, why_fields, &in, NULL, err) < 0 || site_capture(rq, db, &site, err) < 0)
                return -1;
        rc = store_site_intent(db, site, intent, rq->who->name, in.why, err);
        if (rc == 0)
                return err_set(err, ERR_CONFLICT,
                               "the site has an alarm: probe it, compare the host key, and pin it first");
        changed(rq);
        request_audit(rq, "%s: %s", intent, in.why ? in.why : "");
        return rc < 0 ? -1 : site_reply(rq, db, rq->captures[0], err);
}

HANDLER(api_site_open)
{
        return set_intent(rq, db, "open", err);
}

HANDLER(api_site_drain)
{
        return set_intent(rq, db, "draining", err);
}

HANDLER(api_site_close)
{
        return set_intent(rq, db, "closed", err);
}

HANDLER(api_site_remove)
{
        int32_t site;
        int rc;

        if (site_capture(rq, db, &site, err) < 0)
                return -1;
        rc = store_site_remove(db, site, err);
        if (rc == 0)
                return err_set(err, ERR_CONFLICT, "close the site first, and wait until nothing runs there");
        rq->status = 204;
        changed(rq);
        return rc < 0 ? -1 : 0;
}

HANDLER(api_host_add)
{
        struct host_body in = {0};
        int32_t site;

        if (request_body(rq, host_fields, &in, NULL, err) < 0)
                return -1;
        host_check(&in, &rq->issues);
        if (rq->issues.count)
                return request_invalid(rq, err);
        if (site_capture(rq, db, &site, err) < 0 || host_store(db, site, &in, err) < 0)
                return -1;
        rq->status = 201;
        changed(rq);
        request_audit(rq, "host %s", in.address);
        return site_reply(rq, db, rq->captures[0], err);
}

HANDLER(api_account_add)
{
        struct account_body in = {0};
        int32_t site;

        if (request_body(rq, account_fields, &in, NULL, err) < 0)
                return -1;
        account_check(&in, &rq->issues);
        if (rq->issues.count)
                return request_invalid(rq, err);
        if (site_capture(rq, db, &site, err) < 0 || account_store(rq, db, site, &in, "", err) < 0)
                return -1;
        rq->status = 201;
        changed(rq);
        request_audit(rq, "account %s", in.user);
        return site_reply(rq, db, rq->captures[0], err);
}

HANDLER(api_site_pin)
{
        struct pin_body in = {0};
        int32_t site;
        int rc;

        if (request_body(rq, pin_fields, &in, NULL, err) < 0 || site_capture(rq, db, &site, err) < 0)
                return -1;
        rc = store_key_pin(db, site, in.host, in.hop, in.fingerprint, rq->who->name, err);
        if (rc == 0)
                return err_set(err, ERR_NOT_FOUND,
                               "no probe saw that key at that host; probe the site, then compare again");
        changed(rq);
        request_audit(rq, "%s hop %lld: %s", in.host, (long long)in.hop, in.fingerprint);
        return rc < 0 ? -1 : site_reply(rq, db, rq->captures[0], err);
}

/* ---- asking ----------------------------------------------------------------------------------------------
 */

static int ask_site(struct request *rq, struct db *db, const char *kind, struct err *err)
{
        struct buf *b = &rq->out;
        int32_t site;
        int64_t id;

        if (request_body(rq, nothing_fields, NULL, NULL, err) < 0 || site_capture(rq, db, &site, err) < 0 ||
            store_call_add(db, kind, site, "{}", rq->who->name, &id, err) < 0)
                return -1;
        j_obj(b, NULL);
        j_int(b, "id", id);
        j_str(b, "kind", kind);
        j_str(b, "site", rq->captures[0]);
        j_str(b, "state", "queued");
        j_raw(b, "steps", "[]");
        j_null(b, "result");
        j_null(b, "message");
        j_obj_end(b);
        request_header(rq, "Location", "/v1/calls/%lld", (long long)id);
        rq->status = 202;
        rq->wakes_engine = true;
        return 0;
}

HANDLER(api_site_probe)
{
        return ask_site(rq, db, "probe", err);
}

HANDLER(api_site_test)
{
        return ask_site(rq, db, "test", err);
}
