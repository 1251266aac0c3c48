/* SPDX-License-Identifier: Apache-2.0 */
/* Subscriptions and notices: docs/api.md, "Notices". */
#include "web/api.h"

#include "common/util.h"
#include "store/store_notices.h"
#include "store/store_sites.h"
#include "store/store_stream.h"
#include "web/notice.h"
#include "web/notices.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#define TARGET_MAX     2000
#define ADDRESS_MAX    254 /* RFC 5321 */
#define CODE_CHARS     16
#define CODES_A_DAY    10
#define TESTS_A_MINUTE 10

struct subscription_body {
        const char *name, *way, *target, *project, *site;
        json_t *kinds;
        int64_t job;
        bool mine, paused;
};
enum { GAVE_MINE = 4, GAVE_PROJECT = 8, GAVE_JOB = 16, GAVE_SITE = 32, GAVE_PAUSED = 64 }; /* of a change */
#define SUBSCRIPTION_FILTER(required_)                                                                       \
        FIELD(struct subscription_body, name, F_STRING, 1, 100, 0, "what its owner calls it"),               \
            FIELD(struct subscription_body, kinds, F_STRINGS, 1, 32, required_, "kinds of events"),          \
            FIELD(struct subscription_body, mine, F_BOOL, 0, 0, 0, "of jobs only one's own; default true"),  \
            FIELD(struct subscription_body, project, F_NAME, 1, 64, 0, "only jobs of this project"),         \
            FIELD(struct subscription_body, job, F_INT, 1, INT64_MAX, 0, "only this job"),                   \
            FIELD(struct subscription_body, site, F_NAME, 1, 64, 0, "only this site")
const struct field subscription_fields[] = {
    SUBSCRIPTION_FILTER(FIELD_REQUIRED),
    FIELD(struct subscription_body, way, F_STRING, 1, 16, FIELD_REQUIRED, "page, webhook or mail"),
    FIELD(struct subscription_body, target, F_STRING, 1, TARGET_MAX, 0, "URL of a webhook, address of mail"),
    {0},
};
const struct field subscription_change_fields[] = {
    SUBSCRIPTION_FILTER(0),
    FIELD(struct subscription_body, paused, F_BOOL, 0, 0, 0, "true: tell nothing for the time being"),
    {0},
};

struct confirm_body {
        const char *code;
};
const struct field confirm_fields[] = {
    FIELD(struct confirm_body, code, F_STRING, 1, 100, FIELD_REQUIRED, "the code that was mailed there"),
    {0},
};

struct read_body {
        int64_t up_to;
};
const struct field notices_read_fields[] = {
    FIELD(struct read_body, up_to, F_INT, 1, INT64_MAX, FIELD_REQUIRED,
          "number of the newest one that was seen"),
    {0},
};

/* ---- showing ---------------------------------------------------------------------------------------------
 */

/* Without its end, so that more can be added. */
static void subscription_begin(struct buf *b, struct rows *r)
{
        j_obj(b, NULL);
        j_col_int(b, r, "id");
        j_col_str(b, r, "name");
        j_col_str(b, r, "way");
        j_col_str(b, r, "target");
        j_col_raw(b, r, "kinds");
        j_col_bool(b, r, "mine");
        j_col_str(b, r, "project");
        if (row_null(r, "job_id"))
                j_null(b, "job");
        else
                j_int(b, "job", row_int(r, "job_id"));
        j_col_str(b, r, "site");
        j_col_bool(b, r, "confirmed");
        j_col_time(b, r, "paused_at");
        j_col_str(b, r, "paused_why");
        j_col_time(b, r, "created_at");
        j_col_time(b, r, "last_sent_at");
}

/* The caller's subscription of the number in the path, as the current row. */
static int subscription_find(struct request *rq, struct db *db, int64_t *ret_id, struct rows **ret,
                             struct err *err)
{
        if (request_capture_int(rq, 0, "subscription", ret_id, err) < 0 ||
            store_subscriptions_list(db, rq->who->user, *ret_id, ret, err) < 0)
                return -1;
        return rows_next(*ret) ? 0 : err_set(err, ERR_NOT_FOUND, "no subscription %lld", (long long)*ret_id);
}

static int subscription_reply(struct request *rq, struct db *db, int64_t id, const char *secret,
                              struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (store_subscriptions_list(db, rq->who->user, id, &r, err) < 0)
                return -1;
        if (!rows_next(r))
                return err_set(err, ERR_NOT_FOUND, "no subscription %lld", (long long)id);
        subscription_begin(&rq->out, r);
        if (rq->route->handler == api_subscription_add)
                j_str(&rq->out, "secret", secret);
        j_obj_end(&rq->out);
        return 0;
}

HANDLER(api_subscriptions)
{
        AUTO_ROWS struct rows *r = NULL;
        struct buf *b = &rq->out;

        if (store_subscriptions_list(db, rq->who->user, 0, &r, err) < 0)
                return -1;
        j_obj(b, NULL);
        j_arr(b, "items");
        while (rows_next(r)) {
                subscription_begin(b, r);
                j_obj_end(b);
        }
        j_arr_end(b);
        j_null(b, "next_cursor");
        j_obj_end(b);
        return 0;
}

/* ---- making and changing ---------------------------------------------------------------------------------
 */

static void check_kinds(struct request *rq, const json_t *kinds)
{
        json_t *name;
        size_t i;

        json_array_foreach((json_t *)kinds, i, name)
        {
                size_t mark = issues_enter(&rq->issues, "kinds");
                size_t inner = issues_enter_index(&rq->issues, i);

                if (notice_kind_parse(json_string_value(name)) < 0)
                        issue_add(&rq->issues, "", "unknown",
                                  "there is no such kind; docs/api.md lists them");
                issues_leave(&rq->issues, inner);
                issues_leave(&rq->issues, mark);
        }
}

/* Names and numbers that filter: looked up, as far as they are given. */
static int resolve(struct request *rq, struct db *db, const struct subscription_body *in,
                   struct subscription *ret, struct err *err)
{
        struct visible who = principal_visible(rq->who);
        AUTO_ROWS struct rows *job = NULL;
        int rc;

        if (in->project && (ret->project = principal_project(rq->who, in->project)) < 0)
                issue_add(&rq->issues, "/project", "not_found", "there is no such project");
        if (in->site) {
                rc = store_site_find(db, in->site, &ret->site, err);
                if (rc < 0)
                        return -1;
                if (!rc)
                        issue_add(&rq->issues, "/site", "not_found", "there is no such site");
        }
        ret->job = in->job;
        if (!in->job)
                return 0;
        if (store_jobs_visible(db, &who, &in->job, 1, &job, err) < 0)
                return -1;
        if (!rows_count(job))
                issue_add(&rq->issues, "/job", "not_found", "there is no such job");
        return 0;
}

/* What libcurl makes of the URL, and nothing that hides a secret or another host in it. */
static void check_url(struct request *rq, const char *url)
{
        CURLU *u = curl_url();
        char *scheme = NULL, *user = NULL;

        if (curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
            curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
            (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0))
                issue_add(&rq->issues, "/target", "format", "must be a URL: https://host/path");
        else if (curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_OK)
                issue_add(&rq->issues, "/target", "format",
                          "must not hold a login name; what is sent is signed instead");
        curl_free(scheme);
        curl_free(user);
        curl_url_cleanup(u);
}

static void check_address(struct request *rq, const char *s)
{
        size_t local = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                 ".!#$%&'*+/=?^_`{|}~-");
        size_t domain = s[local] == '@'
                            ? strspn(s + local + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                    "0123456789.-")
                            : 0;

        if (!local || local > 64 || !domain || s[local + 1 + domain] || strlen(s) > ADDRESS_MAX)
                issue_add(&rq->issues, "/target", "format", "must be an address: ann@example.org");
}

static void check_target(struct request *rq, enum notice_way way, const char *target)
{
        if (way == WAY_PAGE && target)
                issue_add(&rq->issues, "/target", "range", "the page has none");
        else if (way != WAY_PAGE && !target)
                issue_add(&rq->issues, "/target", "missing", "say where to");
        else if (way == WAY_WEBHOOK)
                check_url(rq, target);
        else if (way == WAY_MAIL)
                check_address(rq, target);
        if (way == WAY_MAIL && !notices_mail(rq->web))
                issue_add(&rq->issues, "/way", "range",
                          "this installation sends no mail: its admin sets smtp and smtp_from");
}

static int too_many(struct request *rq, const char *what)
{
        problem_reply(rq, 429, NULL, what);
        return 0;
}

/* Mail the code that confirms the address. */
static int send_code(struct db *db, int64_t subscription, const char *code, struct err *err)
{
        const struct notice n = {
            .subscription = subscription, .what = "code", .sentence = code, .counts = "{}", .events = "[]"};
        int64_t id;

        return store_notice_put(db, &n, &id, err);
}

static const char **texts_of(const json_t *list)
{
        const char **texts = xcalloc(json_array_size(list) + 1, sizeof *texts);
        json_t *s;
        size_t i;

        json_array_foreach((json_t *)list, i, s) texts[i] = json_string_value(s);
        return texts;
}

static int subscription_add(struct request *rq, struct db *db, struct subscription *s, enum notice_way way,
                            struct err *err)
{
        struct secret key, code;
        int64_t id, codes = 0;
        int rc;

        secret_make("", &key);
        secret_make("", &code);
        code.text[CODE_CHARS] = '\0';
        secret_hash(code.text, code.hash);
        s->secret = way == WAY_WEBHOOK ? key.text : NULL;
        s->code_hash = way == WAY_MAIL ? code.hash : NULL;
        if (way == WAY_MAIL && store_notices_lately(db, rq->who->user, "code", 86400, &codes, err) < 0)
                return -1;
        if (codes >= CODES_A_DAY)
                return too_many(rq, "too many codes were mailed for you today");
        rc = store_subscription_add(db, s, &id, err);
        if (rc <= 0)
                return rc < 0 ? -1
                              : too_many(rq, "there are as many subscriptions as there may be; remove one");
        if (way == WAY_MAIL && send_code(db, id, code.text, err) < 0)
                return -1;
        rq->status = 201;
        request_audit(rq, "subscription %lld by %s", (long long)id, s->way);
        return subscription_reply(rq, db, id, s->secret, err);
}

HANDLER(api_subscription_add)
{
        struct subscription_body in = {.mine = true};
        AUTO_FREE const char **kinds = NULL;
        struct subscription s;
        enum notice_way way;

        if (request_body(rq, subscription_fields, &in, NULL, err) < 0)
                return -1;
        way = notice_way_parse(in.way);
        if (way == WAY_COUNT)
                issue_add(&rq->issues, "/way", "format", "must be page, webhook or mail");
        else
                check_target(rq, way, in.target);
        check_kinds(rq, in.kinds);
        kinds = texts_of(in.kinds);
        s = (struct subscription){.user = rq->who->user,
                                  .name = in.name ? in.name : in.way,
                                  .way = in.way,
                                  .target = in.target,
                                  .kinds = kinds,
                                  .kind_count = json_array_size(in.kinds),
                                  .mine = in.mine};
        if (resolve(rq, db, &in, &s, err) < 0)
                return -1;
        return rq->issues.count ? request_invalid(rq, err) : subscription_add(rq, db, &s, way, err);
}

HANDLER(api_subscription_change)
{
        struct subscription_body in = {0};
        AUTO_FREE const char **kinds = NULL;
        AUTO_ROWS struct rows *r = NULL;
        struct subscription s;
        json_t *was = NULL;
        uint64_t given;
        int64_t id;
        int rc = -1;

        if (request_body(rq, subscription_change_fields, &in, &given, err) < 0 ||
            subscription_find(rq, db, &id, &r, err) < 0)
                return -1;
        /* What is not given stays. */
        if (!(given & GAVE_PROJECT) && !row_null(r, "project"))
                in.project = row_text(r, "project");
        if (!(given & GAVE_SITE) && !row_null(r, "site"))
                in.site = row_text(r, "site");
        if (!(given & GAVE_JOB))
                in.job = row_int(r, "job_id");
        if (!in.kinds)
                in.kinds = was = json_loads(row_text(r, "kinds"), 0, NULL);
        check_kinds(rq, in.kinds);
        kinds = texts_of(in.kinds);
        s = (struct subscription){.user = rq->who->user,
                                  .name = in.name ? in.name : row_text(r, "name"),
                                  .kinds = kinds,
                                  .kind_count = json_array_size(in.kinds),
                                  .mine = given & GAVE_MINE ? in.mine : row_bool(r, "mine"),
                                  .paused = given & GAVE_PAUSED ? in.paused : !row_null(r, "paused_at")};
        if (resolve(rq, db, &in, &s, err) == 0)
                rc = rq->issues.count ? request_invalid(rq, err) : store_subscription_change(db, id, &s, err);
        json_decref(was);
        return rc < 0 ? -1 : subscription_reply(rq, db, id, NULL, err);
}

HANDLER(api_subscription_remove)
{
        int64_t id;
        int rc;

        if (request_capture_int(rq, 0, "subscription", &id, err) < 0 ||
            (rc = store_subscription_remove(db, rq->who->user, id, err)) < 0)
                return -1;
        if (!rc)
                return err_set(err, ERR_NOT_FOUND, "no subscription %lld", (long long)id);
        rq->status = 204;
        return 0;
}

HANDLER(api_subscription_confirm)
{
        struct confirm_body in = {0};
        AUTO_ROWS struct rows *r = NULL;
        uint8_t hash[SECRET_HASH_LEN];
        int64_t id;
        int rc;

        if (request_body(rq, confirm_fields, &in, NULL, err) < 0 ||
            subscription_find(rq, db, &id, &r, err) < 0)
                return -1;
        secret_hash(in.code, hash);
        rc = store_subscription_confirm(db, rq->who->user, id, hash, err);
        if (rc == 0) {
                issue_add(&rq->issues, "/code", "not_found", "is not the one that was mailed there");
                return request_invalid(rq, err);
        }
        return rc < 0 ? -1 : subscription_reply(rq, db, id, NULL, err);
}

HANDLER(api_subscription_test)
{
        AUTO_ROWS struct rows *r = NULL;
        struct notice n = {.what = "test", .counts = "{}", .events = "[]"};
        int64_t id, tests;

        if (request_body(rq, nothing_fields, NULL, NULL, err) < 0 ||
            subscription_find(rq, db, &n.subscription, &r, err) < 0 ||
            store_notices_lately(db, rq->who->user, n.what, 60, &tests, err) < 0)
                return -1;
        if (!row_bool(r, "confirmed"))
                return err_set(err, ERR_CONFLICT,
                               "the address is not confirmed yet: give the code that was mailed there");
        if (tests >= TESTS_A_MINUTE)
                return too_many(rq, "too many tests in a minute");
        AUTO_FREE char *sentence = xasprintf("a test of the subscription %s", row_text(r, "name"));

        n.sentence = sentence;
        n.shown = notice_way_parse(row_text(r, "way")) == WAY_PAGE;
        if (store_notice_put(db, &n, &id, err) < 0)
                return -1;
        j_obj(&rq->out, NULL);
        j_int(&rq->out, "notice", id);
        j_obj_end(&rq->out);
        rq->status = 202;
        return 0;
}

/* ---- what was told ---------------------------------------------------------------------------------------
 */

HANDLER(api_deliveries)
{
        AUTO_ROWS struct rows *own = NULL, *r = NULL;
        struct buf *b = &rq->out;
        int64_t id, before, last = 0;
        int limit;

        if (subscription_find(rq, db, &id, &own, err) < 0 || request_limit(rq, &limit, err) < 0 ||
            cursor_read_int(rq, 0, &before, err) < 0 ||
            store_deliveries_list(db, id, before, limit, &r, err) < 0)
                return -1;
        j_obj(b, NULL);
        j_arr(b, "items");
        while (rows_next(r)) {
                j_obj(b, NULL);
                j_col_int(b, r, "id");
                j_col_str(b, r, "what");
                j_col_str(b, r, "state");
                j_col_str(b, r, "sentence");
                j_col_int(b, r, "count");
                j_col_int(b, r, "tries");
                j_col_time(b, r, "made_at");
                j_col_time(b, r, "due_at");
                j_col_time(b, r, "sent_at");
                j_col_str(b, r, "message");
                j_obj_end(b);
                last = row_int(r, "id");
        }
        j_arr_end(b);
        cursor_write_int(b, "next_cursor", rows_count(r) == (size_t)limit ? last : 0);
        j_obj_end(b);
        return 0;
}

static int unread_write(struct request *rq, struct db *db, struct err *err)
{
        int64_t unread;

        if (store_notices_unread(db, rq->who->user, &unread, err) < 0)
                return -1;
        j_int(&rq->out, "unread", unread);
        return 0;
}

static void notice_write(struct buf *b, struct rows *r)
{
        json_t *counts = json_loads(row_text(r, "counts"), 0, NULL);
        int64_t count = notice_count(counts);

        json_decref(counts);
        j_obj(b, NULL);
        j_col_int(b, r, "id");
        j_col_int(b, r, "subscription");
        j_col_time(b, r, "at");
        j_col_str(b, r, "sentence");
        j_col_raw(b, r, "counts");
        j_int(b, "count", count);
        j_col_raw(b, r, "events");
        j_col_time(b, r, "read_at");
        j_obj_end(b);
}

HANDLER(api_notices)
{
        AUTO_ROWS struct rows *r = NULL;
        const char *unread = request_query(rq, "unread");
        struct buf *b = &rq->out;
        int64_t before, last = 0;
        int limit;

        if (request_limit(rq, &limit, err) < 0 || cursor_read_int(rq, 0, &before, err) < 0 ||
            store_notices_list(db, rq->who->user, unread && strcmp(unread, "true") == 0, before, limit, &r,
                               err) < 0)
                return -1;
        j_obj(b, NULL);
        j_arr(b, "items");
        while (rows_next(r)) {
                notice_write(b, r);
                last = row_int(r, "id");
        }
        j_arr_end(b);
        if (unread_write(rq, db, err) < 0)
                return -1;
        cursor_write_int(b, "next_cursor", rows_count(r) == (size_t)limit ? last : 0);
        j_obj_end(b);
        return 0;
}

HANDLER(api_notices_read)
{
        struct read_body in = {0};

        if (request_body(rq, notices_read_fields, &in, NULL, err) < 0 ||
            store_notices_read(db, rq->who->user, in.up_to, err) < 0)
                return -1;
        rq->wakes_web = true;
        j_obj(&rq->out, NULL);
        if (unread_write(rq, db, err) < 0)
                return -1;
        j_obj_end(&rq->out);
        return 0;
}
