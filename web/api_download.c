/* SPDX-License-Identifier: Apache-2.0 */
/* A whole file of a dataset, or one range of it. */
#include "web/api.h"

#include "common/num.h"
#include "common/util.h"
#include "store/store_data.h"
#include "web/download.h"

#include <stdio.h>
#include <string.h>

/* "bytes=a-b", "bytes=a-", "bytes=-n": 1 and the range, 0 none that is understood (all of it then), -1 there
 * are no such bytes. */
static int range_read(const char *text, int64_t size, int64_t *ret_from, int64_t *ret_n)
{
        char first[24] = "", last[24] = "";
        int64_t a = 0, b = size - 1;
        const char *dash;

        if (!text || strncmp(text, "bytes=", 6) != 0 || !(dash = strchr(text + 6, '-')))
                return 0;
        snprintf(first, sizeof first, "%.*s", (int)(dash - text - 6), text + 6);
        snprintf(last, sizeof last, "%s", dash + 1);
        if ((*first && num_int("range", first, 0, INT64_MAX, &a, NULL) < 0) ||
            (*last && num_int("range", last, 0, INT64_MAX, &b, NULL) < 0) || (!*first && !*last))
                return 0;
        if (!*first) {
                a = b < size ? size - b : 0;
                b = size - 1;
        }
        if (*first && *last && b < a)
                return 0;
        if (a >= size || b < a)
                return -1;
        *ret_from = a;
        *ret_n = (b < size ? b + 1 : size) - a;
        return 1;
}

/* Which bytes the request wants: by Range, unless If-Range names another content. */
static int choose_range(struct request *rq, const char *etag, int64_t size, int64_t *ret_from, int64_t *ret_n,
                        struct err *err)
{
        const char *range = MHD_lookup_connection_value(rq->con, MHD_HEADER_KIND, "Range");
        const char *only = MHD_lookup_connection_value(rq->con, MHD_HEADER_KIND, "If-Range");
        int rc = only && strcmp(only, etag) != 0 ? 0 : range_read(range, size, ret_from, ret_n);

        (void)err;
        if (rc < 0) {
                request_header(rq, "Content-Range", "bytes */%lld", (long long)size);
                problem_reply(rq, 416, NULL, "the file is shorter");
                return -1;
        }
        if (rc > 0) {
                rq->status = 206;
                request_header(rq, "Content-Range", "bytes %lld-%lld/%lld", (long long)*ret_from,
                               (long long)(*ret_from + *ret_n - 1), (long long)size);
        }
        return 0;
}

HANDLER(api_dataset_download)
{
        struct download_source s = {.actor = rq->who->name};
        const char *path = request_query(rq, "path"), *slash;
        AUTO_ROWS struct rows *set = NULL, *place = NULL;
        char full[CATALOG_PATH_MAX], hex[65] = "", etag[80];
        const uint8_t *sum;
        size_t n;

        if (dataset_find(rq, db, &set, err) < 0)
                return -1;
        if (!path)
                return err_set(err, ERR_BAD_INPUT, "path: which file of the dataset");
        if (store_file_places(db, row_int(set, "id"), path, &place, err) < 0)
                return -1;
        if (!rows_next(place))
                return err_set(err, ERR_NOT_FOUND, "the dataset has no file \"%.200s\" that can be read now",
                               path);
        if (!row_bool(place, "ready"))
                return err_set(err, ERR_UNAVAILABLE, "the site %s, where the file lies, is not connected",
                               row_text(place, "site"));
        sum = row_bytes(place, "sha256", &n);
        hex_encode(sum, n == 32 ? n : 0, hex);
        snprintf(etag, sizeof etag, "\"%s\"", hex);
        s.size = row_int(place, "size");
        if (choose_range(rq, etag, row_int(place, "size"), &s.from, &s.size, err) < 0)
                return 0;
        catalog_path(full, sizeof full, row_text(place, "root"), row_bool(place, "is_file"), path);
        s.path = full;
        s.site = (int32_t)row_int(place, "site_id");
        s.worker = row_int(place, "worker");
        rq->download = download_new(rq->web, rq->link, &s, err);
        if (!rq->download)
                return -1;
        slash = strrchr(path, '/');
        header_file_name(rq, slash ? slash + 1 : path);
        request_header(rq, "ETag", "%s", etag);
        request_header(rq, "Accept-Ranges", "bytes");
        rq->type = "application/octet-stream";
        return 0;
}
