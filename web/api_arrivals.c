/* SPDX-License-Identifier: Apache-2.0 */
/* Data that comes in: datasets opened for files that are sent, listed or fetched; files named; the seal. */
#include "web/arrivals.h"

#include "common/catalog.h"
#include "common/num.h"
#include "common/transfers.h"
#include "common/url.h"
#include "common/util.h"
#include "store/store_arrivals.h"
#include "store/store_copies.h"
#include "store/store_data.h"
#include "store/store_sites.h"
#include "web/api.h"

#include <stdio.h>
#include <string.h>

#define ROOT_MAX 1024

/* ---- bodies ---- */

struct file_body {
        const char *path, *url, *sha256;
        int64_t size;
};
#define FILE_PATH(flags, doc) FIELD(struct file_body, path, F_STRING, 1, ARRIVAL_PATH_MAX, flags, doc)
#define FILE_SIZE(flags)      FIELD(struct file_body, size, F_INT, 0, ARRIVAL_SIZE_MAX, flags, "bytes")
#define FILE_SUM(flags, doc)  FIELD(struct file_body, sha256, F_STRING, 64, 64, flags, doc)

static const struct field upload_file_fields[] = {
    FILE_PATH(FIELD_REQUIRED, "path within the dataset"),
    FILE_SIZE(FIELD_REQUIRED),
    FILE_SUM(0, "its checksum; default: that of what comes"),
    {0},
};
static const struct field import_file_fields[] = {
    FILE_PATH(FIELD_REQUIRED, "path below the root"),
    FILE_SIZE(FIELD_REQUIRED),
    FILE_SUM(FIELD_REQUIRED, "its checksum"),
    {0},
};
static const struct field fetch_file_fields[] = {
    FIELD(struct file_body, url, F_STRING, 8, URL_MAX, FIELD_REQUIRED, "http:// or https://"),
    FILE_PATH(0, "path within the dataset; default the last part of the URL"),
    FILE_SIZE(0),
    FILE_SUM(0, "its checksum; default: that of what comes"),
    {0},
};
/* Of any kind: which of them is needed is told when the kind is known. */
static const struct field any_file_fields[] = {
    FILE_PATH(0, "path within the dataset"),
    FIELD(struct file_body, url, F_STRING, 8, URL_MAX, 0, "of a fetch: where from"),
    FILE_SIZE(0),
    FILE_SUM(0, "its checksum"),
    {0},
};

struct way_body {
        const char *site, *root;
        json_t *files;
};
const struct field upload_fields[] = {
    FIELD(struct way_body, site, F_NAME, 1, 64, 0, "where they go; default the site with most room"),
    FIELD_OF(struct way_body, files, F_ARRAY, 0, ARRIVAL_BATCH_MAX, 0, "files that will be sent",
             upload_file_fields),
    {0},
};
const struct field import_fields[] = {
    FIELD(struct way_body, site, F_NAME, 1, 64, FIELD_REQUIRED, "where they lie"),
    FIELD(struct way_body, root, F_STRING, 1, ROOT_MAX, FIELD_REQUIRED,
          "absolute path there that their paths are below"),
    FIELD_OF(struct way_body, files, F_ARRAY, 0, ARRIVAL_BATCH_MAX, 0, "files that lie there",
             import_file_fields),
    {0},
};
const struct field fetch_fields[] = {
    FIELD(struct way_body, site, F_NAME, 1, 64, 0, "which site fetches them; default the one with most room"),
    FIELD_OF(struct way_body, files, F_ARRAY, 0, ARRIVAL_BATCH_MAX, 0, "files to be fetched",
             fetch_file_fields),
    {0},
};

struct files_body {
        json_t *files;
};
const struct field dataset_files_fields[] = {
    FIELD_OF(struct files_body, files, F_ARRAY, 1, ARRIVAL_BATCH_MAX, FIELD_REQUIRED, "further files",
             any_file_fields),
    {0},
};

static const struct kind {
        const char *name;
        const struct field *way, *file;
} kinds[] = {
    {"upload", upload_fields, upload_file_fields},
    {"import", import_fields, import_file_fields},
    {"fetch", fetch_fields, fetch_file_fields},
};

static const struct kind *kind_of(const char *name)
{
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
                if (strcmp(kinds[i].name, name) == 0)
                        return &kinds[i];
        }
        return NULL;
}

/* ---- files ---- */

struct file_list {
        struct arrival_file *files;
        size_t count;
        uint8_t (*sums)[32];
        char **owned; /* paths made from URLs */
        int64_t bytes;
};

static void list_release(struct file_list *l)
{
        for (size_t i = 0; l->owned && i < l->count; i++)
                free(l->owned[i]);
        free(l->owned);
        free(l->sums);
        free(l->files);
}

static void check_path(const char *path, struct issues *is)
{
        AUTO_FREE char *bytes = catalog_decode(path);
        AUTO_FREE char *again = bytes ? catalog_encode(bytes) : NULL;

        if (!again || strcmp(again, path) != 0)
                issue_add(is, "/path", "format",
                          "is not written as the catalog does: %% and bytes outside UTF-8 as %%XX");
        else if (!transfer_path_is_valid(bytes))
                issue_add(is, "/path", "format", "cannot name a file below a directory");
}

/* One element of `files`, as a row. */
static void read_file(const json_t *value, const struct kind *k, struct file_list *l, size_t i,
                      struct issues *is)
{
        struct file_body in = {.size = INT64_MIN};
        struct arrival_file *f = &l->files[i];
        struct err err;

        if (!json_is_object(value)) {
                issue_add(is, "", "type", "must be an object");
                return;
        }
        fields_read(value, k->file, &in, NULL, is);
        if (in.url && url_check(in.url, &err) < 0) {
                issue_add(is, "/url", "format", "%s", err.text);
                return;
        }
        if (in.url && !in.path) {
                AUTO_FREE char *name = url_file_name(in.url);

                if (!name)
                        issue_add(is, "/path", "missing", "the URL does not end with the name of a file");
                else
                        in.path = l->owned[i] = catalog_encode(name);
        }
        if (in.path)
                check_path(in.path, is);
        *f = (struct arrival_file){.path = in.path, .url = in.url, .size = in.size};
        if (in.sha256 && hex_decode(in.sha256, l->sums[i], 32) < 0)
                issue_add(is, "/sha256", "format", "must be 64 hexadecimal digits");
        else if (in.sha256)
                f->sha256 = l->sums[i];
        l->bytes += in.size > 0 ? in.size : 0;
}

static int by_path(const void *a, const void *b)
{
        return strcmp((*(const struct arrival_file *const *)a)->path,
                      (*(const struct arrival_file *const *)b)->path);
}

static void check_twice(const struct file_list *l, struct issues *is)
{
        AUTO_FREE const struct arrival_file **sorted = xcalloc(l->count + 1, sizeof *sorted);

        for (size_t i = 0; i < l->count; i++)
                sorted[i] = &l->files[i];
        qsort(sorted, l->count, sizeof *sorted, by_path);
        for (size_t i = 1; i < l->count; i++) {
                char place[32];

                if (strcmp(sorted[i - 1]->path, sorted[i]->path) != 0)
                        continue;
                snprintf(place, sizeof place, "/%td/path", sorted[i] - l->files);
                issue_add(is, place, "conflict", "\"%.100s\" is named twice", sorted[i]->path);
        }
}

/* The body's list; what is wrong is noted below the present place. */
static void read_files(const json_t *list, const struct kind *k, struct file_list *ret, struct issues *is)
{
        size_t n = json_array_size(list), before = is->count, mark = issues_enter(is, "files");

        *ret = (struct file_list){.count = n};
        ret->files = xcalloc(n + 1, sizeof *ret->files);
        ret->sums = xcalloc(n + 1, sizeof *ret->sums);
        ret->owned = xcalloc(n + 1, sizeof *ret->owned);
        for (size_t i = 0; i < n; i++) {
                size_t inner = issues_enter_index(is, i);

                read_file(json_array_get(list, i), k, ret, i, is);
                issues_leave(is, inner);
        }
        if (is->count == before)
                check_twice(ret, is);
        issues_leave(is, mark);
}

/* Prefixes that count for the site (0: for any). */
static int load_prefixes(struct db *db, int32_t site, struct rows **ret_rows, const char ***ret,
                         size_t *ret_n, struct err *err)
{
        size_t n = 0;

        if (store_url_prefixes(db, ret_rows, err) < 0)
                return -1;
        *ret = xcalloc(rows_count(*ret_rows) + 1, sizeof **ret);
        while (rows_next(*ret_rows)) {
                if (row_null(*ret_rows, "site_id") || !site || row_int(*ret_rows, "site_id") == site)
                        (*ret)[n++] = row_text(*ret_rows, "prefix");
        }
        *ret_n = n;
        return 0;
}

/* Every URL begins with a prefix that an admin allowed. */
static int check_urls(struct db *db, const struct file_list *l, int32_t site, struct issues *is,
                      struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;
        AUTO_FREE const char **prefixes = NULL;
        size_t n, k;

        if (!l->count || load_prefixes(db, site, &r, &prefixes, &n, err) < 0)
                return l->count ? -1 : 0;
        for (size_t i = 0; i < l->count && is->count < ISSUES_MAX; i++) {
                char place[48];

                if (!l->files[i].url)
                        continue;
                for (k = 0; k < n && !url_has_prefix(l->files[i].url, prefixes[k]);)
                        k++;
                if (k < n)
                        continue;
                snprintf(place, sizeof place, "/files/%zu/url", i);
                issue_add(
                    is, place, "conflict",
                    "does not begin with an address from where files may be fetched; an admin may allow it: "
                    "reeve url allow PREFIX");
        }
        return 0;
}

int arrival_promise(const struct web *w, struct db *db, int32_t project, int64_t bytes, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;
        char room[32];

        if (store_arrival_promised(db, project, &r, err) < 0)
                return -1;
        rows_next(r);
        if (bytes > w->upload_max - row_int(r, "all"))
                return err_set(
                    err, ERR_LIMIT,
                    "the server keeps at most %s of uploads at once (setting upload_spool); wait until "
                    "others have reached their sites",
                    num_format_size(w->upload_max, room));
        if (bytes > w->upload_project_max - row_int(r, "project"))
                return err_set(
                    err, ERR_LIMIT,
                    "the server keeps at most %s of uploads of one project (setting upload_project)",
                    num_format_size(w->upload_project_max, room));
        return 0;
}

static int say_conflicts(struct rows *r, struct err *err)
{
        char text[400] = "";
        size_t n = 0;

        while (rows_next(r) && n + 100 < sizeof text)
                n += (size_t)snprintf(text + n, sizeof text - n, "%s\"%.80s\"", n ? ", " : "",
                                      row_text(r, "path"));
        return n ? err_set(err, ERR_CONFLICT, "named before with another size, checksum or URL: %s", text)
                 : 0;
}

/* Put the list on record. The arrival is locked. */
static int add_files(struct request *rq, struct db *db, int64_t dataset, int32_t project,
                     const struct kind *k, int64_t there, const struct file_list *l, struct err *err)
{
        bool listed = k->way == import_fields;
        AUTO_ROWS struct rows *r = NULL;

        if (!l->count)
                return 0;
        if (there + (int64_t)l->count > ARRIVAL_FILES_MAX)
                return err_set(err, ERR_LIMIT, "a dataset has at most %d files", ARRIVAL_FILES_MAX);
        if (k->way == upload_fields && arrival_promise(rq->web, db, project, l->bytes, err) < 0)
                return -1;
        if (store_arrival_conflicts(db, dataset, listed, l->files, l->count, &r, err) < 0 ||
            say_conflicts(r, err) < 0)
                return -1;
        return listed ? store_arrival_list(db, dataset, l->files, l->count, err)
                      : store_arrival_name(db, dataset, l->files, l->count, err);
}

/* ---- sealing ---- */

static int seal(struct request *rq, struct db *db, int64_t dataset, struct err *err)
{
        AUTO_ROWS struct rows *a = NULL, *missing = NULL;
        const char *kind;

        if (store_arrival_lock(db, dataset, &a, err) < 0)
                return -1;
        if (!rows_next(a))
                return err_set(err, ERR_CONFLICT, "it is sealed, or is made by a job");
        kind = row_text(a, "kind");
        if (!row_int(a, "files"))
                return err_set(err, ERR_CONFLICT, "it has no files yet");
        if (strcmp(kind, "upload") == 0 && row_int(a, "received_files") < row_int(a, "files")) {
                if (store_arrival_missing(db, dataset, &missing, err) < 0)
                        return -1;
                rows_next(missing);
                return err_set(err, ERR_CONFLICT,
                               "%lld of its files are not whole here yet, as \"%.200s\": %lld of %lld bytes",
                               (long long)(row_int(a, "files") - row_int(a, "received_files")),
                               row_text(missing, "path"), (long long)row_int(missing, "received"),
                               (long long)row_int(missing, "size"));
        }
        rq->wakes_engine = rq->wakes_web = true;
        return store_arrival_seal(db, dataset, strcmp(kind, "import") == 0, err);
}

/* ---- opening ---- */

static int find_site(struct request *rq, struct db *db, const char *below, const char *name, int32_t *ret,
                     struct err *err)
{
        int rc;

        *ret = 0;
        if (!name)
                return 0;
        rc = store_site_find(db, name, ret, err);
        if (rc == 0)
                issue_add(&rq->issues, below, "not_found", "there is no site \"%s\"", name);
        return rc < 0 ? -1 : 0;
}

/* The site may hold it, by its policy and by what the site's admin says. */
static int check_site(struct db *db, int64_t dataset, int32_t site, bool copies, struct err *err)
{
        AUTO_ROWS struct rows *r = NULL;

        if (!site)
                return 0;
        if (store_site_allowed(db, dataset, site, &r, err) < 0)
                return -1;
        rows_next(r);
        if (!row_bool(r, "allowed"))
                return err_set(err, ERR_CONFLICT, "its policy does not allow it at that site");
        if (copies && !row_bool(r, "accept"))
                return err_set(err, ERR_CONFLICT,
                               "the site takes no copies of data; its admin may change that: "
                               "reeve site set SITE --accept-data yes");
        return 0;
}

static const struct kind *which(const struct arrival_body *in, const json_t **ret_way)
{
        const json_t *const ways[] = {in->upload, in->import, in->fetch};
        const struct kind *found = NULL;

        for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
                if (!ways[i])
                        continue;
                if (found)
                        return NULL;
                found = &kinds[i];
                *ret_way = ways[i];
        }
        return found;
}

static int open_new(struct request *rq, struct db *db, const struct arrival_body *in, const struct kind *k,
                    const struct way_body *way, int32_t site, int32_t project,
                    const struct policy_said *policy, const struct file_list *files, struct err *err)
{
        struct arrival_new a = {.base = in->name,
                                .new_version = in->new_version,
                                .project = project,
                                .made_by = rq->who->name,
                                .kind = k->name,
                                .site = site,
                                .root = way->root,
                                .policy_sites = policy->sites,
                                .policy_labels = policy->labels,
                                .policy_site_count = policy->site_count,
                                .policy_label_count = policy->label_count};
        AUTO_FREE char *name = NULL;
        int64_t id;
        int rc = store_arrival_open(db, &a, &id, &name, err);

        if (rc == 0)
                return err_set(err, ERR_CONFLICT,
                               in->new_version
                                   ? "\"%s\" belongs to another project; choose another name"
                                   : "there is a dataset \"%s\" already: choose another name, or make "
                                     "a new version of it (new_version)",
                               in->name);
        if (rc < 0 || check_site(db, id, site, k->way != import_fields, err) < 0 ||
            add_files(rq, db, id, project, k, 0, files, err) < 0 || (in->seal && seal(rq, db, id, err) < 0))
                return -1;
        request_audit(rq, "%s: %s %s", name, k->name, way->site ? way->site : "");
        rq->status = 201;
        rq->wakes_web = true;
        return dataset_reply_named(rq, db, name, err);
}

int arrival_open(struct request *rq, struct db *db, const struct arrival_body *in, struct err *err)
{
        const json_t *said = NULL;
        const struct kind *k = which(in, &said);
        struct policy_said policy = {0};
        struct file_list files = {0};
        struct way_body way = {0};
        int32_t site, project;
        size_t mark;
        int rc;

        if (!k) {
                issue_add(&rq->issues, "", "conflict", "say one of upload, import and fetch");
                return request_invalid(rq, err);
        }
        if (strncmp(in->name, "job-", 4) == 0)
                issue_add(&rq->issues, "/name", "conflict", "names that start with job- are given by Reeve");
        project = dataset_project(rq, in->project);
        mark = issues_enter(&rq->issues, k->name);
        fields_read(said, k->way, &way, NULL, &rq->issues);
        if (way.root && way.root[0] != '/')
                issue_add(&rq->issues, "/root", "format", "must be an absolute path");
        read_files(way.files, k, &files, &rq->issues);
        rc = find_site(rq, db, "/site", way.site, &site, err);
        if (rc == 0)
                rc = check_urls(db, &files, site, &rq->issues, err);
        issues_leave(&rq->issues, mark);
        policy_read(rq, db, in->policy, &policy);
        if (rc == 0)
                rc = rq->issues.count ? request_invalid(rq, err)
                                      : open_new(rq, db, in, k, &way, site, project, &policy, &files, err);
        policy_release(&policy);
        list_release(&files);
        return rc;
}

/* ---- later ---- */

HANDLER(api_dataset_files_add)
{
        AUTO_ROWS struct rows *set = NULL, *a = NULL;
        struct files_body in = {0};
        struct file_list files = {0};
        const struct kind *k;
        int64_t id;
        int rc;

        if (request_body(rq, dataset_files_fields, &in, NULL, err) < 0 || dataset_find(rq, db, &set, err) < 0)
                return -1;
        id = row_int(set, "id");
        if (store_arrival_lock(db, id, &a, err) < 0)
                return -1;
        if (!rows_next(a) || strcmp(row_text(a, "state"), "filling") != 0)
                return err_set(err, ERR_CONFLICT, "\"%.80s\" takes no more files", rq->captures[0]);
        k = kind_of(row_text(a, "kind"));
        read_files(in.files, k, &files, &rq->issues);
        rc = check_urls(db, &files, (int32_t)row_int(a, "site_id"), &rq->issues, err);
        if (rc == 0 && rq->issues.count)
                rc = request_invalid(rq, err);
        if (rc == 0)
                rc = add_files(rq, db, id, (int32_t)row_int(set, "project_id"), k, row_int(a, "files"),
                               &files, err);
        request_audit(rq, "%zu files", files.count);
        list_release(&files);
        rq->wakes_web = true;
        return rc < 0 ? -1 : dataset_reply(rq, db, err);
}

HANDLER(api_dataset_seal)
{
        AUTO_ROWS struct rows *set = NULL;

        if (request_body(rq, nothing_fields, NULL, NULL, err) < 0 || dataset_find(rq, db, &set, err) < 0 ||
            seal(rq, db, row_int(set, "id"), err) < 0)
                return -1;
        rq->status = 202;
        return dataset_reply_named(rq, db, row_text(set, "name"), err);
}
