/* SPDX-License-Identifier: Apache-2.0 */
#include "web/assets.h"

#include "common/embed.h"
#include "common/num.h"
#include "common/util.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX      (32 << 20)
#define PAGE          "index.html"
#define ENCODINGS     2
#define HASHED_DIGITS 8 /* hex or base-36 digits of a hashed file name, as app-1A2B3C4D.js */

static const struct {
        const char *name, *suffix;
} encodings[ENCODINGS] = {{"br", ".br"}, {"gzip", ".gz"}};

struct asset {
        const char *path; /* below the folder of assets */
        const struct embedded *file, *encoded[ENCODINGS];
        char etag[ETAG_MAX];
};

struct assets {
        char *dir;
        struct asset *list;
        size_t count, cap;
};

static const struct {
        const char *suffix, *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
    {".woff2", "font/woff2"},
    {".json", "application/json"},
    {".txt", "text/plain; charset=utf-8"},
    {".map", "application/json"},
    {".webmanifest", "application/manifest+json"},
};

static const char *type_of(const char *path)
{
        const char *dot = strrchr(path, '.');

        for (size_t i = 0; dot && i < ARRAY_LEN(types); i++)
                if (strcmp(dot, types[i].suffix) == 0)
                        return types[i].type;
        return "application/octet-stream";
}

void etag_make(const void *data, size_t n, char ret[ETAG_MAX])
{
        uint8_t hash[16];
        char hex[2 * sizeof hash + 1];

        crypto_generichash(hash, sizeof hash, data, n, NULL, 0);
        hex_encode(hash, sizeof hash, hex);
        snprintf(ret, ETAG_MAX, "\"%s\"", hex);
}

bool etag_matches(const char *if_none_match, const char *etag)
{
        size_t n = strlen(etag);

        for (const char *p = if_none_match; p && *p;) {
                p += strspn(p, " \t,");
                if (*p == '*')
                        return true;
                if (strncmp(p, "W/", 2) == 0)
                        p += 2;
                if (strncmp(p, etag, n) == 0 && (p[n] == '\0' || strchr(" \t,", p[n])))
                        return true;
                p += strcspn(p, ",");
        }
        return false;
}

/* A file whose name changes with its content may be kept for ever: app-1a2b3c4d.js, app.1A2B3C4D.css. */
static bool name_is_hashed(const char *path)
{
        const char *dot = strrchr(path, '.');
        int n = 0;

        if (!dot)
                return false;
        for (const char *p = dot - 1; p > path; p--) {
                bool alnum = (*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z');

                if (!alnum)
                        return (*p == '-' || *p == '.') && n >= HASHED_DIGITS;
                n++;
        }
        return false;
}

/* ---- built-in files --------------------------------------------------------------------------------------
 */

/* Names start with the folder they were built in: everything up to the folder of the page is cut off. */
static size_t prefix_len(void)
{
        for (uint64_t i = 0; i < asset_files_count; i++) {
                const char *slash = strrchr(asset_files[i].name, '/');

                if (slash && strcmp(slash + 1, PAGE) == 0)
                        return (size_t)(slash + 1 - asset_files[i].name);
        }
        return 0;
}

static const struct embedded *embedded_find(const char *name)
{
        for (uint64_t i = 0; i < asset_files_count; i++)
                if (strcmp(asset_files[i].name, name) == 0)
                        return &asset_files[i];
        return NULL;
}

static bool is_encoded_copy(const char *name)
{
        size_t n = strlen(name);

        for (int e = 0; e < ENCODINGS; e++)
                if (n > 3 && strcmp(name + n - 3, encodings[e].suffix) == 0)
                        return true;
        return false;
}

static void asset_add(struct assets *a, const struct embedded *f, size_t prefix)
{
        struct asset *it;

        a->list = xgrow(a->list, a->count, &a->cap, sizeof *a->list);
        it = &a->list[a->count++];
        *it = (struct asset){.path = f->name + prefix, .file = f};
        etag_make(f->data, f->size, it->etag);
        for (int e = 0; e < ENCODINGS; e++) {
                AUTO_FREE char *name = xasprintf("%s%s", f->name, encodings[e].suffix);

                it->encoded[e] = embedded_find(name);
        }
}

struct assets *assets_new(const char *dir)
{
        struct assets *a = xcalloc(1, sizeof *a);
        size_t prefix = prefix_len();

        a->dir = xstrdup(dir);
        for (uint64_t i = 0; !dir && i < asset_files_count; i++)
                if (!is_encoded_copy(asset_files[i].name) && strlen(asset_files[i].name) > prefix)
                        asset_add(a, &asset_files[i], prefix);
        return a;
}

void assets_free(struct assets *a)
{
        if (a) {
                free(a->list);
                free(a->dir);
        }
        free(a);
}

static const struct asset *asset_find(const struct assets *a, const char *path)
{
        for (size_t i = 0; i < a->count; i++)
                if (strcmp(a->list[i].path, path) == 0)
                        return &a->list[i];
        return NULL;
}

/* Is the coding named, and not refused by q=0? */
static bool accepts(const char *accept, const char *name)
{
        size_t n = strlen(name);

        for (const char *p = accept; p && *p; p += strcspn(p, ","), p += *p == ',') {
                p += strspn(p, " \t");
                if (strncasecmp(p, name, n) == 0 && strchr(" \t,;", p[n]))
                        return !strstr(p, "q=0") || strstr(p, "q=0") > p + strcspn(p, ",") ||
                               strstr(p, "q=0.");
        }
        return false;
}

static void reply_caching(struct request *rq, const char *path)
{
        request_header(rq, "Cache-Control", "%s",
                       name_is_hashed(path) ? "public, max-age=31536000, immutable" : "no-cache");
        request_header(rq, "Vary", "Accept-Encoding");
        rq->type = type_of(path);
}

static void reply_embedded(struct request *rq, const struct asset *it, const char *accept,
                           const char *if_none_match)
{
        const struct embedded *f = it->file;

        reply_caching(rq, it->path);
        request_header(rq, "ETag", "%s", it->etag);
        if (etag_matches(if_none_match, it->etag)) {
                rq->status = 304;
                return;
        }
        for (int e = 0; e < ENCODINGS; e++)
                if (it->encoded[e] && accepts(accept, encodings[e].name)) {
                        f = it->encoded[e];
                        request_header(rq, "Content-Encoding", "%s", encodings[e].name);
                        break;
                }
        rq->static_data = f->data;
        rq->static_len = f->size;
}

/* ---- files of a directory --------------------------------------------------------------------------------
 */

static bool reply_file(const struct assets *a, struct request *rq, const char *path)
{
        AUTO_FREE char *full = xasprintf("%s/%s", a->dir, path);
        AUTO_CLOSE int fd = open(full, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        struct stat st;
        uint8_t *to;
        ssize_t n;

        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
                return false;
        to = buf_reserve(&rq->out, (size_t)st.st_size);
        n = to ? read(fd, to, (size_t)st.st_size) : -1;
        if (n < 0)
                return false;
        buf_added(&rq->out, (size_t)n);
        reply_caching(rq, path);
        return true;
}

/* ---- both ------------------------------------------------------------------------------------------------
 */

static bool reply_path(struct assets *a, struct request *rq, const char *path, const char *accept,
                       const char *if_none_match)
{
        const struct asset *it;

        if (a->dir)
                return reply_file(a, rq, path);
        it = asset_find(a, path);
        if (it)
                reply_embedded(rq, it, accept, if_none_match);
        return it != NULL;
}

bool assets_reply(struct assets *a, struct request *rq, const char *accept_encoding,
                  const char *if_none_match)
{
        const char *path = rq->path + (rq->path[0] == '/'), *last = strrchr(path, '/');

        if (strstr(path, "..") || strchr(path, '%'))
                return false;
        if (*path && reply_path(a, rq, path, accept_encoding, if_none_match))
                return true;
        if (strchr(last ? last : path, '.') || strncmp(path, "v1/", 3) == 0)
                return false;
        return reply_path(a, rq, PAGE, accept_encoding, if_none_match);
}
