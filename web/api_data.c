/* SPDX-License-Identifier: Apache-2.0 */
/* Datasets, files, and calls: questions to a site. */
#include "web/api.h"

#include "common/num.h"
#include "common/util.h"
#include "store/store_arrivals.h"
#include "store/store_copies.h"
#include "store/store_data.h"
#include "store/store_sites.h"
#include "web/arrivals.h"
#include "web/web_priv.h"

#include <stdio.h>
#include <string.h>

#define CALL_WAIT_MS      30000
#define CALL_LOOK_MIN_MS  5
#define CALL_LOOK_MAX_MS  100
#define CONTENT_LIMIT_MAX 262144
#define ROOT_MAX          1024 /* bytes of a dataset's place, and of a path below it */

struct dataset_body {
        struct arrival_body in;
        const char *site, *path;
};
#define IN_FIELD(member_, f_, min_, max_, flags_, doc_)                                                      \
        {                                                                                                    \
                .name = #member_, .type = f_, .offset = offsetof(struct dataset_body, in.member_),           \
                .min = min_, .max = max_, .flags = flags_, .doc = doc_                                       \
        }
#define IN_FIELD_OF(member_, max_, doc_, of_)                                                                \
        {                                                                                                    \
                .name = #member_, .type = F_OBJECT, .offset = offsetof(struct dataset_body, in.member_),     \
                .max = max_, .doc = doc_, .of = of_                                                          \
        }
const struct field dataset_fields[] = {
    IN_FIELD(name, F_NAME, 1, 64, FIELD_REQUIRED, "name of the new dataset"),
    FIELD(struct dataset_body, site, F_NAME, 1, 64, 0, "where the files lie, to read them there now"),
    FIELD(struct dataset_body, path, F_STRING, 1, ROOT_MAX, 0, "absolute path there: a file, or a directory"),
    IN_FIELD(project, F_NAME, 1, 64, 0, "project it belongs to; default the caller's only or first one"),
    IN_FIELD(new_version, F_BOOL, 0, 0, 0, "make the next version of the name; not with site and path"),
    IN_FIELD(seal, F_BOOL, 0, 0, 0, "these are all of its files"),
    IN_FIELD_OF(policy, 2, "where it may be; not with site and path", policy_fields),
    IN_FIELD_OF(upload, 2, "files that the caller will send", upload_fields),
    IN_FIELD_OF(import, 3, "files that lie at a site already, listed with their checksums", import_fields),
    IN_FIELD_OF(fetch, 2, "files that a site fetches by HTTP", fetch_fields),
    {0},
};

/* ---- calls -----------------------------------------------------------------------------------------------
 */

void call_write(struct buf *b, struct rows *r)
{
        j_obj(b, NULL);
        j_col_int(b, r, "id");
        j_col_str(b, r, "kind");
        j_col_str(b, r, "site");
        j_col_str(b, r, "state");
        j_col_time(b, r, "asked_at");
        j_col_time(b, r, "ended_at");
        j_col_raw(b, r, "steps");
        j_col_raw(b, r, "result");
        j_col_str(b, r, "message");
        j_obj_end(b);
}

HANDLER(api_call)
{
        AUTO_ROWS struct rows *r = NULL;
        int64_t id;

        if (request_capture_int(rq, 0, "call", &id, err) < 0 || store_call_show(db, id, &r, err) < 0)
                return -1;
        if (!rows_next(r) ||
            (rq->who->role != ROLE_ADMIN && strcmp(row_text(r, "actor"), rq->who->name) != 0))
                return err_set(err, ERR_NOT_FOUND, "no call %lld; ended ones are kept for an hour",
                               (long long)id);
        call_write(&rq->out, r);
        return 0;
}

/* ---- bytes at a site -------------------------------------------------------------------------------------
 */

static int ask(struct request *rq, struct db *db, const struct bytes_wanted *w, int64_t offset, int64_t limit,
               struct err *err)
{
        struct buf args;
        int32_t site;
        int rc = store_site_find(db, w->site, &site, err);

        if (rc < 0)
                return -1;
        if (!rc)
                return err_set(err, ERR_UNAVAILABLE,
                               "the site \"%s\" was removed; what lies there cannot be read", w->site);
        buf_init(&args, 16384);
        j_obj(&args, NULL);
        j_str(&args, "what", w->what);
        j_int(&args, "worker", w->worker);
        j_int(&args, "job", w->job);
        j_int(&args, "task", w->task);
        j_int(&args, "attempt", w->attempt);
        j_str(&args, "path", w->path);
        j_int(&args, "offset", offset);
        j_int(&args, "limit", limit);
        j_obj_end(&args);
        rc = store_call_add(db, "read", site, buf_cstr(&args), rq->who->name, &rq->call, err);
        buf_release(&args);
        rq->wakes_engine = true;
        return rc;
}

static int wait_more(struct request *rq)
{
        if (!rq->wait_until)
                rq->wait_until = clock_boot_ms() + CALL_WAIT_MS;
        rq->recheck_ms = rq->recheck_ms ? rq->recheck_ms * 2 : CALL_LOOK_MIN_MS;
        if (rq->recheck_ms > CALL_LOOK_MAX_MS)
                rq->recheck_ms = CALL_LOOK_MAX_MS;
        return REQUEST_WAIT;
}

/* For saving: letters, digits and a few signs; others are percent-encoded as RFC 8187 wants. */
void header_file_name(struct request *rq, const char *name)
{
        char text[600];
        size_t n = 0;

        for (const char *p = name; *p && n + 4 < sizeof text; p++) {
                bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                             (*p >= '0' && *p <= '9') || strchr("._-", *p);

                n += (size_t)(plain ? snprintf(text + n, 2, "%c", *p)
                                    : snprintf(text + n, 4, "%%%02X", (unsigned)(unsigned char)*p));
        }
        text[n] = '\0';
        request_header(rq, "Content-Disposition", "attachment; filename*=UTF-8''%s", text);
}

static void bytes_answer(struct request *rq, struct rows *r, const json_t *result,
                         const struct bytes_wanted *w)
{
        static const char *const numbers[][2] = {{"Reeve-Offset", "offset"},
                                                 {"Reeve-Size", "size"},
                                                 {"Reeve-Gap-Start", "gap_start"},
                                                 {"Reeve-Gap-End", "gap_end"}};
        size_t n;
        const uint8_t *bytes = row_bytes(r, "bytes", &n);

        for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
                request_header(rq, numbers[i][0], "%lld",
                               (long long)json_integer_value(json_object_get(result, numbers[i][1])));
        request_header(rq, "Reeve-Final", "%s",
                       json_is_true(json_object_get(result, "final")) ? "true" : "false");
        header_file_name(rq, w->file_name);
        rq->type = "application/octet-stream";
        buf_put(&rq->out, bytes, bytes ? n : 0);
}

/* Look at the answer of the call under way: 1 done and *ret_result (free it) with r its row, 0 not yet, 2 the
 * site has no such thing. */
static int look(struct request *rq, struct db *db, struct rows **r, json_t **ret_result, struct err *err)
{
        if (store_call_read(db, rq->call, r, err) < 0)
                return -1;
        if (!rows_next(*r))
                return 0;
        if (strcmp(row_text(*r, "state"), "failed") == 0 && !row_null(*r, "result"))
                return 2;
        if (strcmp(row_text(*r, "state"), "failed") == 0)
                return err_set(err, ERR_UNAVAILABLE, "%s",
                               row_null(*r, "message") ? "the site did not answer" : row_text(*r, "message"));
        *ret_result = json_loads(row_text(*r, "result"), 0, NULL);
        return 1;
}

static int64_t offset_from(int64_t offset, int64_t size)
{
        if (offset >= 0)
                return offset;
        return size + offset > 0 ? size + offset : 0;
}

/* Nothing is known to be there: no site needs to be asked, and its worker may keep nothing of an attempt that
 * left nothing. */
static void bytes_nothing(struct request *rq, const struct bytes_wanted *w, bool final)
{
        static const char *const zeros[] = {"Reeve-Offset", "Reeve-Size", "Reeve-Gap-Start", "Reeve-Gap-End"};

        for (size_t i = 0; i < ARRAY_LEN(zeros); i++)
                request_header(rq, zeros[i], "0");
        request_header(rq, "Reeve-Final", final ? "true" : "false");
        header_file_name(rq, w->file_name);
        rq->type = "application/octet-stream";
}

/* A log that still grows says how long it is only when asked: reading from its end takes two questions. */
int bytes_reply(struct request *rq, struct db *db, const struct bytes_wanted *w, struct err *err)
{
        bool size_unknown = w->offset < 0 && w->size < 0 && rq->call_step == 0;
        AUTO_ROWS struct rows *r = NULL;
        json_t *result = NULL;
        int rc;

        if (w->size == 0 && !rq->call) {
                bytes_nothing(rq, w, true);
                return 0;
        }
        if (!rq->call) {
                int64_t size = rq->call_step ? rq->call_size : w->size;

                rc = size_unknown ? ask(rq, db, w, 0, 1, err)
                                  : ask(rq, db, w, offset_from(w->offset, size), w->limit, err);
                return rc < 0 ? -1 : wait_more(rq);
        }
        rc = look(rq, db, &r, &result, err);
        if (rc < 0)
                return -1;
        if (!rc)
                return wait_more(rq);
        if (rc == 2 && w->size > 0)
                return err_set(err, ERR_NOT_FOUND, "it is not kept at the site any more");
        if (rc == 2) {
                bytes_nothing(rq, w, false); /* an attempt that has not begun, or has ended without a word */
                return 0;
        }
        store_call_drop(db, rq->call, NULL);
        if (size_unknown) {
                rq->call_size = json_integer_value(json_object_get(result, "size"));
                json_decref(result);
                rq->call_step = 1;
                rq->call = 0;
                rq->recheck_ms = 0;
                rc = ask(rq, db, w, offset_from(w->offset, rq->call_size), w->limit, err);
                return rc < 0 ? -1 : wait_more(rq);
        }
        bytes_answer(rq, r, result, w);
        json_decref(result);
        return 0;
}

/* ---- datasets --------------------------------------------------------------------------------------------
 */

static void dataset_write(struct buf *b, struct rows *r, struct rows *history)
{
        j_obj(b, NULL);
        j_col_str(b, r, "name");
        j_col_str(b, r, "base");
        j_col_int(b, r, "version");
        j_col_str(b, r, "project");
        j_str(b, "state", row_null(r, "sealed_at") ? "open" : "sealed");
        j_col_int(b, r, "files");
        j_col_int(b, r, "bytes");
        j_col_str(b, r, "made_by");
        j_col_time(b, r, "made_at");
        j_raw(b, "job", row_null(r, "job_id") ? NULL : row_text(r, "job_id"));
        j_col_time(b, r, "sealed_at");
        j_col_time(b, r, "expires_at");
        j_col_raw(b, r, "policy");
        j_col_raw(b, r, "arrival");
        j_col_raw(b, r, "sites");
        if (history) {
                j_col_raw(b, history, "lineage");
                j_col_raw(b, history, "used_by");
                j_col_raw(b, history, "reads");
        }
        j_obj_end(b);
}

/* The filters of the query; texts are borrowed, but the name, which *ret_name owns. */
static int read_filter(struct request *rq, struct datasets_filter *f, char **ret_name, struct err *err)
{
        const char *name = request_query(rq, "name"), *project = request_query(rq, "project");
        const char *state = request_query(rq, "state"), *expiring = request_query(rq, "expiring");
        int64_t within;
        size_t n;

        *f = (struct datasets_filter){.who = principal_visible(rq->who),
                                      .before = INT64_MAX,
                                      .site = request_query(rq, "site"),
                                      .state = state,
                                      .user = request_query(rq, "user"),
                                      .policy = request_query(rq, "policy"),
                                      .expires_before = INT64_MIN};
        if (state && strcmp(state, "open") != 0 && strcmp(state, "sealed") != 0)
                return err_set(err, ERR_BAD_INPUT, "state: open or sealed, not \"%.40s\"", state);
        if (expiring && num_duration("expiring", expiring, &within, err) < 0)
                return -1;
        if (expiring)
                f->expires_before = clock_wall_ms() + within;
        if (project) {
                f->project = principal_project(rq->who, project);
                if (f->project < 0)
                        return err_set(err, ERR_BAD_INPUT, "project: you belong to no \"%.64s\"", project);
        }
        f->name = *ret_name = xstrdup(name);
        n = name ? strlen(name) : 0;
        f->name_prefix = n && name[n - 1] == '*';
        if (f->name_prefix)
                (*ret_name)[n - 1] = '\0';
        return 0;
}

HANDLER(api_datasets)
{
        AUTO_FREE char *name = NULL;
        AUTO_ROWS struct rows *r = NULL;
        struct datasets_filter f;
        int64_t next, last = 0;

        if (read_filter(rq, &f, &name, err) < 0 || request_limit(rq, &f.limit, err) < 0 ||
            cursor_read_int(rq, INT64_MAX, &f.before, err) < 0 ||
            store_datasets_list(db, &f, &r, &next, err) < 0)
                return -1;
        j_obj(&rq->out, NULL);
        j_arr(&rq->out, "items");
        while (rows_next(r)) {
                dataset_write(&rq->out, r, NULL);
                last = row_int(r, "id");
        }
        j_arr_end(&rq->out);
        cursor_write_int(&rq->out, "next_cursor", next < 0 ? last : next);
        j_obj_end(&rq->out);
        return 0;
}

/* Empty kinds are lists, too. */
static void write_facets(struct buf *b, const char *text)
{
        static const char *const kinds[] = {"state", "project", "site", "policy"};
        json_t *all = json_loads(text, 0, NULL);

        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
                json_t *list = json_object_get(all, kinds[i]);
                AUTO_FREE char *out = list ? json_dumps(list, JSON_COMPACT) : NULL;

                j_raw(b, kinds[i], out ? out : "[]");
        }
        json_decref(all);
}

HANDLER(api_datasets_facets)
{
        AUTO_FREE char *name = NULL;
        AUTO_ROWS struct rows *r = NULL;
        struct datasets_filter f;
        struct buf *b = &rq->out;

        if (read_filter(rq, &f, &name, err) < 0 || store_datasets_facets(db, &f, &r, err) < 0)
                return -1;
        rows_next(r);
        j_obj(b, NULL);
        j_col_int(b, r, "datasets");
        j_col_int(b, r, "bytes");
        j_col_bool(b, r, "more");
        write_facets(b, row_null(r, "kinds") ? "{}" : row_text(r, "kinds"));
        j_obj_end(b);
        return 0;
}

static int find_named(struct request *rq, struct db *db, const char *name, struct rows **ret, struct err *err)
{
        struct visible who = principal_visible(rq->who);

        if (store_dataset_show(db, &who, name, ret, err) < 0)
                return -1;
        return rows_next(*ret) ? 0 : err_set(err, ERR_NOT_FOUND, "no dataset \"%.80s\"", name);
}

int dataset_find(struct request *rq, struct db *db, struct rows **ret, struct err *err)
{
        return find_named(rq, db, rq->captures[0], ret, err);
}

int dataset_reply_named(struct request *rq, struct db *db, const char *name, struct err *err)
{
        struct visible who = principal_visible(rq->who);
        AUTO_ROWS struct rows *r = NULL, *history = NULL;

        if (find_named(rq, db, name, &r, err) < 0 ||
            store_dataset_history(db, &who, row_int(r, "id"), &history, err) < 0)
                return -1;
        rows_next(history);
        dataset_write(&rq->out, r, history);
        return 0;
}

int dataset_reply(struct request *rq, struct db *db, struct err *err)
{
        return dataset_reply_named(rq, db, rq->captures[0], err);
}

HANDLER(api_dataset)
{
        return dataset_reply(rq, db, err);
}

/* Files of one that is on its way are those that were named. */
static int load_files(struct db *db, struct rows *set, const char *after, int limit, bool *ret_arrives,
                      struct rows **ret, struct err *err)
{
        bool listed = row_null(set, "arrival") || strstr(row_text(set, "arrival"), "\"import\"");

        *ret_arrives = !listed;
        return listed ? store_dataset_files(db, row_int(set, "id"), after, limit, ret, err)
                      : store_arrival_files(db, row_int(set, "id"), after, limit, ret, err);
}

HANDLER(api_dataset_files)
{
        AUTO_ROWS struct rows *set = NULL, *r = NULL;
        struct buf *b = &rq->out;
        char after[2048] = "", last[2048] = "", hex[65] = "";
        bool arrives;
        int limit;

        if (dataset_find(rq, db, &set, err) < 0 || request_limit(rq, &limit, err) < 0 ||
            cursor_read(rq, after, sizeof after, err) < 0 ||
            load_files(db, set, after, limit, &arrives, &r, err) < 0)
                return -1;
        j_obj(b, NULL);
        j_arr(b, "items");
        while (rows_next(r)) {
                size_t n;
                const uint8_t *sha = row_bytes(r, "sha256", &n);

                if (n == 32)
                        hex_encode(sha, n, hex);
                j_obj(b, NULL);
                j_col_str(b, r, "path");
                j_col_int(b, r, "size");
                j_str(b, "sha256", n == 32 ? hex : NULL);
                if (arrives)
                        j_null(b, "task");
                else
                        j_col_int(b, r, "task");
                if (arrives)
                        j_col_int(b, r, "received");
                else
                        j_null(b, "received");
                j_obj_end(b);
                snprintf(last, sizeof last, "%s", row_text(r, "path"));
        }
        j_arr_end(b);
        if (rows_count(r) == (size_t)limit)
                cursor_write(b, "next_cursor", last);
        else
                j_null(b, "next_cursor");
        j_obj_end(b);
        return 0;
}

/* Catalog form of a place's file: the root is text as it is, the path within it is in catalog form already.
 */
void catalog_path(char *out, size_t max, const char *root, bool is_file, const char *path)
{
        size_t n = 0;

        for (const char *p = root; *p && n + 4 < max; p++)
                n += (size_t)(*p == '%' ? snprintf(out + n, 4, "%%25") : snprintf(out + n, 2, "%c", *p));
        out[n] = '\0';
        if (!is_file)
                snprintf(out + n, max - n, "/%s", path);
}

HANDLER(api_dataset_content)
{
        struct bytes_wanted w = {.what = "path"};
        const char *path = request_query(rq, "path"), *slash;
        AUTO_ROWS struct rows *set = NULL, *place = NULL;
        char full[CATALOG_PATH_MAX];

        if (dataset_find(rq, db, &set, err) < 0)
                return -1;
        if (!path)
                return err_set(err, ERR_BAD_INPUT, "path: which file of the dataset");
        if (request_query_int(rq, "offset", -INT64_MAX, INT64_MAX, 0, &w.offset, err) < 0 ||
            request_query_int(rq, "limit", 1, CONTENT_LIMIT_MAX, CONTENT_LIMIT_MAX, &w.limit, err) < 0 ||
            store_file_places(db, row_int(set, "id"), path, &place, err) < 0)
                return -1;
        if (!rows_next(place))
                return err_set(err, ERR_NOT_FOUND, "the dataset has no file \"%.200s\" that can be read now",
                               path);
        if (!row_bool(place, "ready") && !rq->call)
                return err_set(err, ERR_UNAVAILABLE, "the site %s, where the file lies, is not connected",
                               row_text(place, "site"));
        catalog_path(full, sizeof full, row_text(place, "root"), row_bool(place, "is_file"), path);
        slash = strrchr(path, '/');
        w.site = row_text(place, "site");
        w.worker = row_int(place, "worker");
        w.size = row_int(place, "size");
        w.path = full;
        w.file_name = slash ? slash + 1 : path;
        return bytes_reply(rq, db, &w, err);
}

HANDLER(api_dataset_remove)
{
        AUTO_ROWS struct rows *r = NULL;
        int rc;

        if (dataset_find(rq, db, &r, err) < 0)
                return -1;
        rc = store_dataset_remove(db, row_int(r, "id"), err);
        if (rc == 0)
                return err_set(err, ERR_CONFLICT,
                               "a job that has not ended reads or makes the dataset \"%s\"", rq->captures[0]);
        rq->status = 204;
        rq->wakes_engine = rq->wakes_web = true;
        return rc < 0 ? -1 : 0;
}

/* ---- registering -----------------------------------------------------------------------------------------
 */

/* One more place of a dataset that is there has to be where its policy allows it. */
static int check_place(struct db *db, int64_t dataset, int32_t site, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (store_site_allowed(db, dataset, site, &r, err) < 0)
                return -1;
        return !rows_next(r) || row_bool(r, "allowed")
                   ? 0
                   : err_set(err, ERR_CONFLICT,
                             "there is such a dataset, and its policy does not allow it there");
}

int32_t dataset_project(struct request *rq, const char *asked)
{
        int32_t project = principal_project(rq->who, asked ? asked : "default");

        if (project < 0 && !asked && rq->who->project_count)
                project = (int32_t)rq->who->project_ids[0];
        if (project < 0)
                issue_add(&rq->issues, "/project", "not_found", "you belong to no such project");
        return project;
}

static int dataset_check(struct request *rq, struct db *db, const struct dataset_body *in,
                         int32_t *ret_project, int32_t *ret_site, struct rows **ret_taken, struct err *err)
{
        struct issues *is = &rq->issues;
        struct visible all = {.all = true};
        struct rows *taken;
        int rc;

        if (!in->site || !in->path) {
                issue_add(is, in->site ? "/path" : "/site", "missing",
                          "say site and path, or one of upload, import and fetch");
                return request_invalid(rq, err);
        }
        rc = store_site_find(db, in->site, ret_site, err);
        if (rc < 0 || store_dataset_show(db, &all, in->in.name, ret_taken, err) < 0)
                return -1;
        taken = *ret_taken;
        if (rc == 0)
                issue_add(is, "/site", "not_found", "there is no site \"%s\"", in->site);
        if (in->path[0] != '/')
                issue_add(is, "/path", "format", "must be an absolute path");
        if (strncmp(in->in.name, "job-", 4) == 0)
                issue_add(is, "/name", "conflict", "names that start with job- are given by Reeve");
        if (in->in.new_version || in->in.policy || in->in.seal)
                issue_add(is,
                          in->in.policy ? "/policy"
                          : in->in.seal ? "/seal"
                                        : "/new_version",
                          "conflict", "goes with upload, import and fetch only");
        *ret_project = dataset_project(rq, in->in.project);
        if (is->count)
                return request_invalid(rq, err);
        /* A registered one may lie at one more place: its files are compared when they have been read there.
         */
        if (rows_next(taken) && (!row_null(taken, "job_id") || row_null(taken, "sealed_at")))
                return err_set(err, ERR_CONFLICT, "there is a dataset \"%s\" already", in->in.name);
        return rows_count(taken) ? check_place(db, row_int(taken, "id"), *ret_site, err) : 0;
}

HANDLER(api_dataset_add)
{
        struct dataset_body in = {0};
        AUTO_ROWS struct rows *taken = NULL;
        int32_t project = -1, site;
        struct buf args;
        int64_t id;
        int rc;

        if (request_body(rq, dataset_fields, &in, NULL, err) < 0)
                return -1;
        if (in.in.upload || in.in.import || in.in.fetch) {
                if (in.site || in.path) {
                        issue_add(&rq->issues, in.site ? "/site" : "/path", "conflict",
                                  "goes not with upload, import and fetch: they say it themselves");
                        return request_invalid(rq, err);
                }
                return arrival_open(rq, db, &in.in, err);
        }
        if (dataset_check(rq, db, &in, &project, &site, &taken, err) < 0)
                return -1;
        buf_init(&args, 16384);
        j_obj(&args, NULL);
        /* One more place is one of the newest version of that name. */
        j_str(&args, "name", rows_count(taken) ? row_text(taken, "name") : in.in.name);
        j_str(&args, "path", in.path);
        j_int(&args, "project_id", project);
        j_obj_end(&args);
        rc = store_call_add(db, "scan", site, buf_cstr(&args), rq->who->name, &id, err);
        buf_release(&args);
        if (rc < 0)
                return -1;
        AUTO_ROWS struct rows *r = NULL;

        if (store_call_show(db, id, &r, err) < 0 || !rows_next(r))
                return -1;
        call_write(&rq->out, r);
        rq->status = 202;
        rq->wakes_engine = true;
        request_audit(rq, "dataset %s at %s", in.in.name, in.site);
        return 0;
}
