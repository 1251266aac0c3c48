/* SPDX-License-Identifier: Apache-2.0 */
#include "web/upload.h"

#include "common/catalog.h"
#include "common/log.h"
#include "common/num.h"
#include "common/transfers.h"
#include "common/util.h"
#include "store/store_arrivals.h"
#include "web/api.h"
#include "web/arrivals.h"
#include "web/spool.h"

#include <string.h>
#include <time.h>

struct upload {
        int64_t dataset, size, begun_at; /* begun_at: the file's length then */
        char *path;                      /* as the catalog has it */
        uint8_t sha256[32];
        bool has_sha256, is_whole; /* whole: it was before this request */
        struct spool_file *file;
        struct err err; /* what went wrong with the body */
};

/* ---- the head ---- */

/* The arrival of the dataset, taking files. */
static int find_open(struct request *rq, struct db *db, struct upload *u, int32_t *ret_project,
                     struct err *err)
{
        AUTO_ROWS struct rows *set = NULL, *a = NULL;

        if (dataset_find(rq, db, &set, err) < 0)
                return -1;
        u->dataset = row_int(set, "id");
        *ret_project = (int32_t)row_int(set, "project_id");
        if (store_arrival_lock(db, u->dataset, &a, err) < 0)
                return -1;
        if (!rows_next(a) || strcmp(row_text(a, "kind"), "upload") != 0)
                return err_set(err, ERR_CONFLICT, "no files can be sent for \"%.80s\": it is %s",
                               rq->captures[0], rows_count(a) ? "no upload" : "complete");
        if (strcmp(row_text(a, "state"), "filling") != 0 && strcmp(row_text(a, "state"), "failed") != 0)
                return err_set(err, ERR_CONFLICT, "the upload of \"%.80s\" was sealed", rq->captures[0]);
        return 0;
}

static int read_sum(const struct request *rq, struct upload *u, struct err *err)
{
        const char *hex = request_query(rq, "sha256");

        if (!hex)
                return 0;
        u->has_sha256 = strlen(hex) == 64 && hex_decode(hex, u->sha256, sizeof u->sha256) == 0;
        return u->has_sha256 ? 0 : err_set(err, ERR_BAD_INPUT, "sha256: must be 64 hexadecimal digits");
}

/* A file that was not named before is named by its first piece. */
static int name_file(struct request *rq, struct db *db, struct upload *u, int32_t project, struct err *err)
{
        struct arrival_file f = {.path = u->path, .size = u->size};

        if (u->size < 0)
                return err_set(err, ERR_NOT_FOUND,
                               "\"%.200s\" was not named as a file of this dataset: name it, or say its size",
                               u->path);
        f.sha256 = u->has_sha256 ? u->sha256 : NULL;
        if (arrival_promise(rq->web, db, project, u->size, err) < 0)
                return -1;
        return store_arrival_name(db, u->dataset, &f, 1, err);
}

static int find_file(struct request *rq, struct db *db, struct upload *u, int32_t project, struct err *err)
{
        for (int again = 0; again < 2; again++) {
                AUTO_ROWS struct rows *r = NULL;
                size_t n;
                const uint8_t *sum;

                if (store_arrival_file(db, u->dataset, u->path, &r, err) < 0)
                        return -1;
                if (!rows_next(r)) {
                        if (name_file(rq, db, u, project, err) < 0)
                                return -1;
                        continue;
                }
                sum = row_bytes(r, "sha256", &n);
                u->is_whole = row_bool(r, "complete");
                if ((u->size >= 0 && u->size != row_int(r, "size")) ||
                    (u->has_sha256 && n == 32 && memcmp(sum, u->sha256, 32) != 0))
                        return err_set(err, ERR_CONFLICT,
                                       "\"%.200s\" was named with another size or checksum", u->path);
                u->size = row_int(r, "size");
                if (n == 32)
                        memcpy(u->sha256, sum, 32);
                u->has_sha256 = u->has_sha256 || n == 32;
                return 0;
        }
        return err_set(err, ERR_CONFLICT, "the upload was removed meanwhile");
}

static int check_path(const char *text, struct err *err)
{
        AUTO_FREE char *path = catalog_decode(text);
        AUTO_FREE char *again = path ? catalog_encode(path) : NULL;

        if (again && strcmp(again, text) == 0 && transfer_path_is_valid(path))
                return 0;
        return err_set(err, ERR_BAD_INPUT, "path: \"%.200s\" cannot name a file below a directory", text);
}

static int check_length(struct request *rq, const struct upload *u, int64_t offset, struct err *err)
{
        const char *length = MHD_lookup_connection_value(rq->con, MHD_HEADER_KIND, "Content-Length");
        int64_t n;

        if (offset > u->size)
                return err_set(err, ERR_BAD_INPUT, "offset: the file has only %lld bytes",
                               (long long)u->size);
        if (length && num_int("Content-Length", length, 0, INT64_MAX, &n, err) == 0 && n > u->size - offset)
                return err_set(err, ERR_BAD_INPUT, "the file has only %lld bytes more than the offset",
                               (long long)(u->size - offset));
        return 0;
}

static int open_file(struct request *rq, struct upload *u, int64_t offset, struct err *err)
{
        AUTO_FREE char *path = catalog_decode(u->path);
        int64_t have = -1;

        if (u->is_whole && offset != u->size) {
                request_header(rq, "Reeve-Received", "%lld", (long long)u->size);
                return err_set(err, ERR_CONFLICT, "\"%.200s\" was received already", u->path);
        }
        if (u->is_whole)
                return 0;
        if (check_length(rq, u, offset, err) < 0)
                return -1;
        if (u->size - offset > spool_room(rq->web->spool))
                return err_set(err, ERR_LIMIT, "the disk for uploads has no room for this file");
        if (spool_open(rq->web->spool, u->dataset, path, offset, &u->file, &have, err) == 0)
                return 0;
        if (have >= 0)
                request_header(rq, "Reeve-Received", "%lld", (long long)have);
        return -1;
}

static int begin(struct request *rq, struct db *db, struct upload *u, struct err *err)
{
        const char *path = request_query(rq, "path");
        int64_t offset;
        int32_t project;

        if (!rq->web->spool)
                return err_set(err, ERR_UNAVAILABLE,
                               "this server takes no uploads: it has no directory for them");
        if (!path || strlen(path) > ARRIVAL_PATH_MAX)
                return err_set(err, ERR_BAD_INPUT, "path: which file, at most %d bytes", ARRIVAL_PATH_MAX);
        u->path = xstrdup(path);
        if (check_path(path, err) < 0)
                return -1;
        if (request_query_int(rq, "offset", 0, INT64_MAX, 0, &offset, err) < 0 ||
            request_query_int(rq, "size", 0, ARRIVAL_SIZE_MAX, -1, &u->size, err) < 0 ||
            read_sum(rq, u, err) < 0 || find_open(rq, db, u, &project, err) < 0 ||
            find_file(rq, db, u, project, err) < 0 || open_file(rq, u, offset, err) < 0)
                return -1;
        u->begun_at = offset;
        return 0;
}

int upload_begin(struct request *rq)
{
        struct err err = {0};
        struct db *db = web_db(rq->web, &err);

        rq->upload = xcalloc(1, sizeof *rq->upload);
        if (db && begin(rq, db, rq->upload, &err) == 0)
                return 0;
        problem_from_err(rq, &err);
        return -1;
}

/* ---- the body ---- */

void upload_take(struct request *rq, const char *data, size_t n)
{
        struct upload *u = rq->upload;

        if (u->err.code)
                return;
        if (!u->file || (int64_t)n > u->size - spool_length(u->file)) {
                err_set(&u->err, ERR_BAD_INPUT, "more bytes came than the file has (%lld)",
                        (long long)u->size);
                return;
        }
        if (rq->body_seen >> 16 != (rq->body_seen - n) >> 16)
                link_await(rq->link, UPLOAD_SLOW_MS);
        spool_write(u->file, data, n, &u->err);
}

/* Record what is there; the checksum of a whole file, as far as it is known. */
static int record(struct db *db, const struct upload *u, bool whole, const uint8_t *sum, struct err *err)
{
        return store_arrival_received(db, u->dataset, u->path, spool_length(u->file), whole, sum, err);
}

/* All of it came: is it the right one? */
static int finish(struct request *rq, struct db *db, struct upload *u, struct err *err)
{
        uint8_t sum[32];
        bool known = spool_sum(u->file, sum);

        if (!known || !u->has_sha256 || memcmp(sum, u->sha256, 32) == 0)
                return record(db, u, true, known ? sum : NULL, err);
        spool_empty(u->file);
        if (record(db, u, false, NULL, err) < 0)
                return -1;
        issue_add(&rq->issues, "/sha256", "conflict",
                  "what came of \"%.200s\" has another checksum than was said; send it again", u->path);
        return request_invalid(rq, err);
}

HANDLER(api_dataset_put)
{
        struct upload *u = rq->upload;
        bool whole = u->is_whole;

        if (!whole && spool_length(u->file) == u->size && !u->err.code) {
                if (finish(rq, db, u, err) < 0)
                        return -1;
                whole = true;
        } else if (!whole && record(db, u, false, NULL, err) < 0) {
                return -1;
        }
        if (u->err.code) {
                *err = u->err;
                return -1;
        }
        j_obj(&rq->out, NULL);
        j_str(&rq->out, "path", u->path);
        j_int(&rq->out, "size", u->size);
        j_int(&rq->out, "received", u->file ? spool_length(u->file) : u->size);
        j_bool(&rq->out, "complete", whole);
        j_obj_end(&rq->out);
        u->begun_at = -1; /* it is on record */
        rq->wakes_web = true;
        return 0;
}

void upload_free(struct request *rq)
{
        struct upload *u = rq->upload;
        struct err err;
        struct db *db;

        if (!u)
                return;
        /* Cut: what came is not on record yet. A lost word here is found by whoever goes on. */
        if (u->file && u->begun_at >= 0 && spool_length(u->file) > u->begun_at &&
            (db = web_db(rq->web, &err)) && record(db, u, false, NULL, &err) < 0)
                log_warn("web: what came of an upload could not be recorded: %s", err.text);
        spool_close(u->file);
        free(u->path);
        free(u);
        rq->upload = NULL;
}

/* ---- upkeep ---- */

static bool is_listed(struct rows *r, int64_t id)
{
        while (rows_next(r)) {
                if (row_int(r, "dataset_id") == id)
                        return true;
        }
        return false;
}

static void sweep(struct web *w)
{
        AUTO_FREE int64_t *ids = NULL;
        size_t n = spool_datasets(w->spool, &ids);
        struct db *db = NULL;
        struct err err;

        if (!n)
                return;
        if (db_open(w->conninfo, "reeve-web-spool", STATEMENT_MS, &db, &err) < 0)
                return; /* at the next time */
        for (size_t i = 0; i < n && !atomic_load(&w->closing); i++) {
                AUTO_ROWS struct rows *alive = NULL;

                if (store_arrivals_alive(db, &ids[i], 1, &alive, &err) < 0)
                        break;
                if (!is_listed(alive, ids[i]))
                        spool_remove(w->spool, ids[i]);
        }
        db_close(db);
}

static void *sweeper(void *arg)
{
        struct web *w = arg;
        struct timespec until;

        pthread_mutex_lock(&w->sweep_lock);
        while (!atomic_load(&w->closing)) {
                pthread_mutex_unlock(&w->sweep_lock);
                sweep(w);
                pthread_mutex_lock(&w->sweep_lock);
                clock_gettime(CLOCK_REALTIME, &until);
                until.tv_sec += UPLOAD_SWEEP_MS / 1000;
                if (!atomic_load(&w->closing))
                        pthread_cond_timedwait(&w->sweep_end, &w->sweep_lock, &until);
        }
        pthread_mutex_unlock(&w->sweep_lock);
        return NULL;
}

int upload_sweeper_start(struct web *w, struct err *err)
{
        if (!w->spool)
                return 0;
        if (pthread_create(&w->sweeper, NULL, sweeper, w) != 0)
                return err_set(err, ERR_SYSTEM, "could not start the thread that tidies up uploads");
        w->sweeper_runs = true;
        return 0;
}

void upload_sweeper_stop(struct web *w)
{
        if (!w->sweeper_runs)
                return;
        pthread_mutex_lock(&w->sweep_lock);
        pthread_cond_signal(&w->sweep_end);
        pthread_mutex_unlock(&w->sweep_lock);
        pthread_join(w->sweeper, NULL);
        w->sweeper_runs = false;
}
