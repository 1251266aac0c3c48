/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch.h"

#include "sheet.h"
#include "text.h"
#include "common/num.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE          262144 /* read at once */
#define BREAKS_MAX     8      /* of a stream, without a byte between them */
#define BREAK_PAUSE_MS 500    /* after the first one, and so much more after each */
#define PART_SUFFIX    ".reeve-part"

static bool parts_are_safe(const char *path)
{
        const char *p = path;

        if (!*path || *path == '/')
                return false;
        for (;;) {
                size_t n = strcspn(p, "/");

                if (n == 0 || n > NAME_MAX - strlen(PART_SUFFIX) || (n == 1 && p[0] == '.') ||
                    (n == 2 && p[0] == '.' && p[1] == '.'))
                        return false;
                if (!p[n])
                        return true;
                p += n + 1;
        }
}

char *fetch_path(const char *listed, struct err *err)
{
        AUTO_FREE char *path = xmalloc(strlen(listed) + 1);
        size_t at = 0;

        for (const char *p = listed; *p; p++) {
                char digits[3] = {0};
                uint8_t byte;

                if (*p == '%') {
                        memcpy(digits, p + 1, strnlen(p + 1, 2));
                        if (hex_decode(digits, &byte, 1) < 0 || !byte || byte == '/')
                                goto refuse;
                        path[at++] = (char)byte;
                        p += 2;
                } else {
                        path[at++] = *p;
                }
        }
        path[at] = '\0';
        if (parts_are_safe(path))
                return MOVE(path);
refuse:
        err_set(err, ERR_PROTOCOL, "the file name \"%s\" would lead out of the directory; it is not written",
                listed);
        return NULL;
}

/* Open the directory that the last part of path stands in, made where absent; *ret_name is that last part. */
static int open_parent(int dir, const char *path, const char **ret_name, struct err *err)
{
        int at = fcntl(dir, F_DUPFD_CLOEXEC, 0);
        const char *p = path;

        while (at >= 0 && strchr(p, '/')) {
                AUTO_FREE char *part = xstrndup(p, strcspn(p, "/"));
                int next = -1;

                if (mkdirat(at, part, 0777) == 0 || errno == EEXIST)
                        next = openat(at, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (next < 0)
                        err_errno(err, "could not use \"%s\" of \"%s\" as a directory", part, path);
                close(at);
                at = next;
                p += strlen(part) + 1;
                if (next < 0)
                        return -1;
        }
        if (at < 0)
                return err_errno(err, "could not open a directory");
        *ret_name = p;
        return at;
}

/* SHA-256 of the first `size` bytes of fd, from its start; the descriptor stands behind them afterwards. */
static int hash_prefix(int fd, int64_t size, crypto_hash_sha256_state *ret, struct err *err)
{
        AUTO_FREE uint8_t *piece = xmalloc(PIECE);

        crypto_hash_sha256_init(ret);
        if (lseek(fd, 0, SEEK_SET) < 0)
                return err_errno(err, "could not read");
        while (size > 0) {
                ssize_t n = read(fd, piece, size < PIECE ? (size_t)size : PIECE);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return err_errno(err, "could not read");
                crypto_hash_sha256_update(ret, piece, (unsigned long long)n);
                size -= n;
        }
        return 0;
}

static bool hash_is(crypto_hash_sha256_state *state, const char *hex)
{
        uint8_t got[32], want[32];

        crypto_hash_sha256_final(state, got);
        return hex_decode(hex, want, sizeof want) == 0 && memcmp(got, want, sizeof got) == 0;
}

/* Is the complete file there already? 1 yes, 0 nothing there, -1 error (something else is there). */
static int look(int parent, const char *name, const json_t *file, bool force, struct err *err)
{
        AUTO_CLOSE int fd = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        crypto_hash_sha256_state state;
        struct stat st;

        if (fd < 0 && errno == ENOENT)
                return 0;
        if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
            st.st_size == json_int_at(file, "size") && hash_prefix(fd, st.st_size, &state, err) == 0 &&
            hash_is(&state, json_text_at(file, "sha256")))
                return 1;
        if (force)
                return 0;
        return err_set(err, ERR_CONFLICT, "\"%s\" is here already and differs; --force replaces it", name);
}

static int write_all(int fd, const uint8_t *p, size_t n, struct err *err)
{
        while (n) {
                ssize_t k = write(fd, p, n);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return err_errno(err, "could not write");
                p += k;
                n -= (size_t)k;
        }
        return 0;
}

struct fetch {
        struct cli *c;
        int fd;
        const char *dataset;
        const json_t *file;
        crypto_hash_sha256_state state;
        int64_t have; /* bytes */
        fetch_progress *progress;
        void *arg;
};

static int take_bytes(void *arg, const uint8_t *p, size_t n)
{
        struct fetch *f = arg;
        struct err err;

        if (f->have + (int64_t)n > json_int_at(f->file, "size") || write_all(f->fd, p, n, &err) < 0)
                return -1;
        crypto_hash_sha256_update(&f->state, p, n);
        f->have += (int64_t)n;
        if (f->progress)
                f->progress(f->c, f->have, f->arg);
        return 0;
}

/* The bytes from f->have to the end: as one stream, and on from where it broke as long as it gets on. */
static int fetch_bytes(struct fetch *f, struct err *err)
{
        int64_t size = json_int_at(f->file, "size");
        int breaks = 0, rc = 0;
        AUTO_FREE char *path = NULL;
        struct buf escaped;

        buf_init(&escaped, 65536);
        text_add_uri(&escaped, json_text_at(f->file, "path"), false);
        path = xasprintf("/v1/datasets/%s/download?path=%s", f->dataset, buf_cstr(&escaped));
        buf_release(&escaped);
        while (f->have < size) {
                struct call call = {.path = path, .sink = take_bytes, .sink_arg = f, .range_from = f->have};
                int64_t before = f->have;
                struct reply r;

                rc = client_call(f->c->client, &call, &r, err);
                reply_release(&r);
                if (rc == 0 && f->have < size)
                        return err_set(err, ERR_CONFLICT, "the site's copy ends at byte %lld of %lld",
                                       (long long)f->have, (long long)size);
                if (rc == 0)
                        break;
                breaks = f->have > before ? 1 : breaks + 1;
                if (err->code != ERR_UNAVAILABLE || breaks > BREAKS_MAX)
                        return -1;
                client_pause(BREAK_PAUSE_MS * breaks);
        }
        return 0;
}

/* Fill the part file and put it in its place. */
static int fetch_part(struct fetch *f, int parent, const char *part, const char *name, struct err *err)
{
        int64_t size = json_int_at(f->file, "size");
        struct stat st;

        if (fstat(f->fd, &st) < 0 || !S_ISREG(st.st_mode))
                return err_set(err, ERR_CONFLICT, "\"%s\" is in the way", part);
        f->have = st.st_size <= size ? st.st_size : 0;
        if (ftruncate(f->fd, f->have) < 0)
                return err_errno(err, "could not write \"%s\"", part);
        if (hash_prefix(f->fd, f->have, &f->state, err) < 0 || fetch_bytes(f, err) < 0)
                return -1;
        if (!hash_is(&f->state, json_text_at(f->file, "sha256"))) {
                unlinkat(parent, part, 0);
                return err_set(err, ERR_PROTOCOL,
                               "the checksum of \"%s\" is wrong; the bytes were thrown away", name);
        }
        if (fsync(f->fd) < 0 || renameat(parent, part, parent, name) < 0)
                return err_errno(err, "could not write \"%s\"", name);
        return 0;
}

enum fetch_result fetch_file(struct cli *c, int dir, const char *dataset, const json_t *file, bool force,
                             fetch_progress *progress, void *arg, struct err *err)
{
        struct fetch f = {.c = c, .dataset = dataset, .file = file, .progress = progress, .arg = arg};
        AUTO_FREE char *path = fetch_path(json_text_at(file, "path"), err), *part = NULL;
        const char *name;
        AUTO_CLOSE int parent = path ? open_parent(dir, path, &name, err) : -1;
        int r;

        if (parent < 0)
                return FETCH_FAILED;
        r = look(parent, name, file, force, err);
        if (r)
                return r > 0 ? FETCH_HAD : FETCH_FAILED;
        part = xasprintf("%s" PART_SUFFIX, name);
        f.fd = openat(parent, part, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0666);
        if (f.fd < 0) {
                err_errno(err, "could not write \"%s\"", part);
                return FETCH_FAILED;
        }
        r = fetch_part(&f, parent, part, name, err);
        close(f.fd);
        return r < 0 ? FETCH_FAILED : FETCH_DONE;
}
