/* SPDX-License-Identifier: Apache-2.0 */
/* Sites: change, take parts out, ask. */
#include "web/api.h"

#include "common/num.h"
#include "common/util.h"
#include "store/store_copies.h"
#include "store/store_data.h"
#include "store/store_direct.h"
#include "store/store_transfers.h"
#include "store/store_workers.h"
#include "web/site_body.h"
#include "web/site_place.h"

#include <stdio.h>
#include <string.h>

#define PROJECTS_MAX 1000
#define BYTES_MAX    (INT64_C(1) << 50)

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

#define DIALS_MOST 16

struct site_change_body {
        int64_t max_tasks, max_dials;
        double speed;
        bool all_projects;
        json_t *projects, *offer, *labels, *data, *direct, *place;
};
struct site_direct_body {
        const char *host, *keys;
        int64_t port;
};
static const struct field site_direct_fields[] = {
    FIELD(struct site_direct_body, host, F_STRING, 1, ADDRESS_MAX, 0,
          "host name or address by which other sites reach it; null: as Reeve does"),
    FIELD(struct site_direct_body, port, F_INT, 1, 65535, 0, "port of that; null: as Reeve does"),
    FIELD(struct site_direct_body, keys, F_STRING, 1, 1024, 0,
          "file of authorized keys that its sshd reads, absolute or ~/...; null: ~/.ssh/authorized_keys"),
    {0},
};
struct site_data_body {
        bool accept;
        int64_t quota;
        double egress, ingress;
};
static const struct field site_data_fields[] = {
    FIELD(struct site_data_body, accept, F_BOOL, 0, 0, 0, "copies of data may be brought there"),
    FIELD(struct site_data_body, quota, F_SIZE, 0, BYTES_MAX, 0,
          "bytes that copies may take; null: a fifth of what would be free without them"),
    FIELD(struct site_data_body, egress, F_REAL, 0, BYTES_MAX, 0,
          "bytes per second that all transfers out of it may take together; null: no limit"),
    FIELD(struct site_data_body, ingress, F_REAL, 0, BYTES_MAX, 0, "the same, into it"),
    {0},
};
enum { GAVE_ACCEPT = 1, GAVE_QUOTA = 2, GAVE_EGRESS = 4, GAVE_INGRESS = 8 };
/* Bits of what was given, in the order of the table. */
enum {
        GAVE_MAX_TASKS = 1,
        GAVE_SPEED = 2,
        GAVE_ALL_PROJECTS = 4,
        GAVE_PROJECTS = 8,
        GAVE_OFFER = 16,
        GAVE_LABELS = 32,
        GAVE_DATA = 64,
        GAVE_DIRECT = 128,
        GAVE_PLACE = 256,
        GAVE_MAX_DIALS = 512
};
const struct field site_change_fields[] = {
    FIELD(struct site_change_body, max_tasks, F_INT, 1, COUNT_MAX, 0,
          "attempts at once at the site; null: no limit"),
    FIELD(struct site_change_body, speed, F_REAL, 0, 1000, 0, "relative to other sites"),
    FIELD(struct site_change_body, all_projects, F_BOOL, 0, 0, 0, "every project may use it"),
    FIELD_OF(struct site_change_body, projects, F_ARRAY, 0, PROJECTS_MAX, 0, "its own rules for projects",
             project_rule_fields),
    FIELD_OF(struct site_change_body, offer, F_OBJECT, 0, 8, 0, "what each worker offers", offer_fields),
    FIELD(struct site_change_body, labels, F_STRINGS, 0, LABELS_MAX, 0,
          "labels that policies of datasets ask for"),
    FIELD_OF(struct site_change_body, data, F_OBJECT, 0, 4, 0, "room for copies of data", site_data_fields),
    FIELD_OF(struct site_change_body, direct, F_OBJECT, 0, 3, 0,
             "how other sites reach it for direct transfers; what is left out is as usual",
             site_direct_fields),
    FIELD_OF(struct site_change_body, place, F_OBJECT, 0, 3, 0, "where it is, for the map; null: not said",
             site_place_fields),
    FIELD(struct site_change_body, max_dials, F_INT, 1, DIALS_MOST, 0,
          "connections to it that are begun at once; null: 2"),
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

const struct field why_fields[] = {
    FIELD(struct why_body, why, F_STRING, 0, 500, 0, "why, for other people"),
    {0},
};

/* ---- changing --------------------------------------------------------------------------------------------
 */

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
                int32_t id;

                issues_enter_index(&rq->issues, i);
                fields_read(json_array_get(list, i), project_rule_fields, &in, NULL, &rq->issues);
                rc = in.name ? site_project(db, in.name, &id, err) : 1;
                if (rc < 0)
                        return -1;
                if (rc == 0)
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

void labels_check(const json_t *list, const char *below, struct issues *issues)
{
        for (size_t i = 0; i < json_array_size(list); i++) {
                const char *label = json_string_value(json_array_get(list, i));
                char place[64];

                snprintf(place, sizeof place, "%s/%zu", below, i);
                if (!name_is_valid(label))
                        issue_add(issues, place, "format",
                                  "is not a label: small letters, digits, and . _ - after the first");
                for (size_t k = 0; k < i; k++)
                        if (strcmp(json_string_value(json_array_get(list, k)), label) == 0)
                                issue_add(issues, place, "conflict", "is named twice");
        }
}

/* A label that the policy of what lies there asks for has to stay. */
static int refuse_labels(struct request *rq, struct db *db, int32_t site, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;
        char text[900] = "";
        size_t n = 0;

        if (store_site_outside(db, site, &r, err) < 0)
                return -1;
        while (rows_next(r) && n + 80 < sizeof text)
                n += (size_t)snprintf(text + n, sizeof text - n, "%s%.64s", n ? ", " : "",
                                      row_text(r, "dataset"));
        rq->audits_refusal = n > 0;
        return n ? err_set(err, ERR_CONFLICT,
                           "what lies there, or is on its way there, must not be at a site with these "
                           "labels: %s; "
                           "evict it, or change its policy first",
                           text)
                 : 0;
}

/* What the site keeps of data, and its labels. */
static int change_data(struct request *rq, struct db *db, int32_t site, const struct site_change_body *in,
                       uint64_t given, struct err *err)
{
        size_t n = json_array_size(in->labels), mark = issues_enter(&rq->issues, "data");
        AUTO_FREE const char **labels = xcalloc(n + 1, sizeof *labels);
        struct site_data_body data = {0};
        uint64_t said = 0;
        struct site_data_change c = {.labels = labels, .label_count = n, .labels_set = given & GAVE_LABELS};

        if (in->data)
                fields_read(in->data, site_data_fields, &data, &said, &rq->issues);
        issues_leave(&rq->issues, mark);
        labels_check(in->labels, "/labels", &rq->issues);
        if (rq->issues.count)
                return request_invalid(rq, err);
        for (size_t i = 0; i < n; i++)
                labels[i] = json_string_value(json_array_get(in->labels, i));
        c.accept_set = said & GAVE_ACCEPT;
        c.accept = data.accept;
        c.quota_set = said & GAVE_QUOTA;
        c.quota = json_is_null(json_object_get(in->data, "quota")) ? -1 : data.quota;
        c.egress_set = said & GAVE_EGRESS;
        c.egress = data.egress;
        c.ingress_set = said & GAVE_INGRESS;
        c.ingress = data.ingress;
        if (store_site_data(db, site, &c, err) < 0)
                return -1;
        return c.labels_set ? refuse_labels(rq, db, site, err) : 0;
}

/* How other sites reach it: the whole of it at once. */
static int change_direct(struct request *rq, struct db *db, int32_t site, const json_t *body, struct err *err)
{
        size_t mark = issues_enter(&rq->issues, "direct");
        struct site_direct_body in = {0};

        fields_read(body, site_direct_fields, &in, NULL, &rq->issues);
        if (in.host && !address_is_valid(in.host, strlen(in.host)))
                issue_add(&rq->issues, "/host", "format", "is not a host name or address");
        if (in.keys && in.keys[0] != '/' && strncmp(in.keys, "~/", 2) != 0)
                issue_add(&rq->issues, "/keys", "format", "must begin with / or ~/");
        issues_leave(&rq->issues, mark);
        if (rq->issues.count)
                return request_invalid(rq, err);
        return store_direct_set(db, site, in.host, in.port, in.keys, err);
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
                                 .max_dials_set = given & GAVE_MAX_DIALS,
                                 .max_dials = in.max_dials,
                                 .speed = in.speed,
                                 .all_projects = in.all_projects};
        if (rq->issues.count)
                rc = request_invalid(rq, err);
        else
                rc = store_site_change(db, site, &c, err) < 0 ||
                             (in.offer && store_site_offer(db, site, &offer, err) < 0) ||
                             change_data(rq, db, site, &in, given, err) < 0 ||
                             (given & GAVE_DIRECT && change_direct(rq, db, site, in.direct, err) < 0) ||
                             (given & GAVE_PLACE && site_place_change(rq, db, site, in.place, err) < 0) ||
                             (in.projects && change_projects(rq, db, site, in.projects, err) < 0)
                         ? -1
                         : 0;
        free(custom);
        site_changed(rq);
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
        site_changed(rq);
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
        site_changed(rq);
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
        site_changed(rq);
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
        site_changed(rq);
        request_audit(rq, "account %s", in.user);
        return site_reply(rq, db, rq->captures[0], err);
}

/* The outcome of taking a part of a site out. */
static int taken_out(struct request *rq, enum taken_out how, const char *what, const char *name,
                     struct err *err)
{
        if (how == TAKEN_OUT_UNKNOWN)
                return err_set(err, ERR_NOT_FOUND, "the site has no such %s: %.253s", what, name);
        if (how == TAKEN_OUT_BUSY)
                return err_set(err, ERR_CONFLICT,
                               "attempts run with the %s %.253s: drain its workers (or close the site), and"
                               " try again once they have ended",
                               what, name);
        rq->status = 204;
        site_changed(rq);
        request_audit(rq, "%s %s", what, name);
        return 0;
}

HANDLER(api_host_remove)
{
        enum taken_out how;
        int32_t site;
        int64_t port;

        if (request_query_int(rq, "port", 1, 65535, 22, &port, err) < 0 ||
            site_capture(rq, db, &site, err) < 0 ||
            store_host_remove(db, site, rq->captures[1], port, &how, err) < 0)
                return -1;
        return taken_out(rq, how, "host", rq->captures[1], err);
}

HANDLER(api_account_remove)
{
        const char *name = request_query(rq, "project");
        int32_t site, project;
        enum taken_out how;
        int rc = site_project(db, name, &project, err);

        if (rc < 0)
                return -1;
        if (rc == 0)
                return err_set(err, ERR_NOT_FOUND, "no project \"%.64s\"", name);
        if (site_capture(rq, db, &site, err) < 0 ||
            store_account_remove(db, site, rq->captures[1], project, &how, err) < 0)
                return -1;
        return taken_out(rq, how, "account", rq->captures[1], err);
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
        site_changed(rq);
        request_audit(rq, "%s hop %lld: %s", in.host, (long long)in.hop, in.fingerprint);
        return rc < 0 ? -1 : site_reply(rq, db, rq->captures[0], err);
}

/* ---- asking ----------------------------------------------------------------------------------------------
 */

static int ask_site(struct request *rq, struct db *db, const char *kind, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;
        int32_t site;
        int64_t id;

        if (request_body(rq, nothing_fields, NULL, NULL, err) < 0 || site_capture(rq, db, &site, err) < 0 ||
            store_call_add(db, kind, site, "{}", rq->who->name, &id, err) < 0)
                return -1;
        if (store_call_show(db, id, &r, err) < 0 || !rows_next(r))
                return -1;
        call_write(&rq->out, r);
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
