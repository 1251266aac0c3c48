/* SPDX-License-Identifier: Apache-2.0 */
#include "web/spool.h"

#include "common/util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define REMOVE_FILES 32 /* descriptors that a removal may hold */

struct sum {
        int64_t dataset, length, used; /* used: a counter, for who goes first */
        char *path;
        crypto_hash_sha256_state state;
};

struct spool {
        char *dir;
        int fd;
        pthread_mutex_t lock; /* over what follows */
        struct sum sums[SPOOL_SUMS_MAX];
        size_t sum_count;
        int64_t uses;
};

struct spool_file {
        struct spool *spool;
        int64_t dataset, length;
        char *path;
        int fd;
        bool summed;
        crypto_hash_sha256_state state;
};

int spool_new(const char *dir, struct spool **ret, struct err *err)
{
        struct spool *s;
        int fd;

        if (mkdir(dir, 0700) < 0 && errno != EEXIST)
                return err_errno(err, "could not make the directory for uploads \"%s\"", dir);
        fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || faccessat(fd, ".", W_OK, AT_EACCESS) < 0) {
                err_errno(err, "cannot use the directory for uploads \"%s\"", dir);
                if (fd >= 0)
                        close(fd);
                return -1;
        }
        s = xcalloc(1, sizeof *s);
        s->dir = xstrdup(dir);
        s->fd = fd;
        pthread_mutex_init(&s->lock, NULL);
        *ret = s;
        return 0;
}

void spool_free(struct spool *s)
{
        if (!s)
                return;
        for (size_t i = 0; i < s->sum_count; i++)
                free(s->sums[i].path);
        pthread_mutex_destroy(&s->lock);
        close(s->fd);
        free(s->dir);
        free(s);
}

int64_t spool_room(const struct spool *s)
{
        struct statvfs v;
        int64_t free_bytes, keep;

        if (fstatvfs(s->fd, &v) < 0)
                return 0;
        free_bytes = (int64_t)v.f_bavail * (int64_t)v.f_frsize;
        keep = (int64_t)v.f_blocks * (int64_t)v.f_frsize / SPOOL_FREE_PART;
        return free_bytes > keep ? free_bytes - keep : 0;
}

/* ---- checksums that go on ---- */

static struct sum *sum_find(struct spool *s, int64_t dataset, const char *path)
{
        for (size_t i = 0; i < s->sum_count; i++) {
                if (s->sums[i].dataset == dataset && strcmp(s->sums[i].path, path) == 0)
                        return &s->sums[i];
        }
        return NULL;
}

static void sum_drop(struct spool *s, struct sum *at)
{
        free(at->path);
        *at = s->sums[--s->sum_count];
}

/* Take the checksum of a file up again, if it is that of its first `length` bytes. */
static bool sum_take(struct spool_file *f)
{
        struct spool *s = f->spool;
        struct sum *at;
        bool good;

        pthread_mutex_lock(&s->lock);
        at = sum_find(s, f->dataset, f->path);
        good = at && at->length == f->length;
        if (good)
                f->state = at->state;
        if (at)
                sum_drop(s, at);
        pthread_mutex_unlock(&s->lock);
        if (!good && f->length == 0) {
                crypto_hash_sha256_init(&f->state);
                good = true;
        }
        return good;
}

static void sum_keep(const struct spool_file *f)
{
        struct spool *s = f->spool;
        struct sum *at, *oldest = &s->sums[0];

        pthread_mutex_lock(&s->lock);
        at = sum_find(s, f->dataset, f->path);
        if (at)
                sum_drop(s, at);
        for (size_t i = 0; i < s->sum_count; i++)
                oldest = s->sums[i].used < oldest->used ? &s->sums[i] : oldest;
        if (s->sum_count == SPOOL_SUMS_MAX)
                sum_drop(s, oldest);
        at = &s->sums[s->sum_count++];
        *at = (struct sum){.dataset = f->dataset,
                           .length = f->length,
                           .used = ++s->uses,
                           .path = xstrdup(f->path),
                           .state = f->state};
        pthread_mutex_unlock(&s->lock);
}

/* ---- files ---- */

/* Nobody else writes below the spool, and no link is followed there. */
static int step_down(int at, const char *name)
{
        if (mkdirat(at, name, 0700) < 0 && errno != EEXIST)
                return -1;
        return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int open_beneath(struct spool *s, int64_t dataset, const char *path)
{
        AUTO_FREE char *rest = xstrdup(path);
        char top[24];
        int at, fd, next;
        char *part = rest, *slash;

        snprintf(top, sizeof top, "d%lld", (long long)dataset);
        at = step_down(s->fd, top);
        while (at >= 0 && (slash = strchr(part, '/'))) {
                *slash = '\0';
                next = step_down(at, part);
                close(at);
                at = next;
                part = slash + 1;
        }
        if (at < 0)
                return -1;
        fd = openat(at, part, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        close(at);
        return fd;
}

static int open_fault(const char *path, struct err *err)
{
        if (errno == ENOTDIR || errno == EISDIR || errno == EEXIST)
                return err_set(err, ERR_CONFLICT,
                               "\"%.200s\" lies below another file, or is a directory of others", path);
        if (errno == ENAMETOOLONG)
                return err_set(err, ERR_BAD_INPUT, "\"%.200s\" has a part that is too long", path);
        if (errno == ENOSPC || errno == EDQUOT)
                return err_set(err, ERR_LIMIT, "the disk for uploads is full");
        return err_errno(err, "could not write \"%.200s\" to the directory for uploads", path);
}

int spool_open(struct spool *s, int64_t dataset, const char *path, int64_t offset, struct spool_file **ret,
               int64_t *ret_have, struct err *err)
{
        struct spool_file *f;
        struct stat st;
        int fd = open_beneath(s, dataset, path);

        *ret_have = -1;
        if (fd < 0)
                return open_fault(path, err);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                close(fd);
                return err_set(err, ERR_CONFLICT, "another request is sending this file; try again");
        }
        if (fstat(fd, &st) < 0 || lseek(fd, 0, SEEK_END) < 0 || !S_ISREG(st.st_mode)) {
                close(fd);
                return err_set(err, ERR_CONFLICT, "\"%.200s\" is a directory of others", path);
        }
        *ret_have = st.st_size;
        if (offset != st.st_size) {
                close(fd);
                return err_set(err, ERR_CONFLICT, "%lld bytes of it were received: go on from there",
                               (long long)st.st_size);
        }
        f = xcalloc(1, sizeof *f);
        *f = (struct spool_file){
            .spool = s, .dataset = dataset, .length = offset, .path = xstrdup(path), .fd = fd};
        f->summed = sum_take(f);
        *ret = f;
        return 0;
}

int spool_write(struct spool_file *f, const void *p, size_t n, struct err *err)
{
        const uint8_t *at = p;

        while (n) {
                ssize_t k = write(f->fd, at, n);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k <= 0)
                        return open_fault(f->path, err);
                if (f->summed)
                        crypto_hash_sha256_update(&f->state, at, (unsigned long long)k);
                at += k;
                n -= (size_t)k;
                f->length += k;
        }
        return 0;
}

int64_t spool_length(const struct spool_file *f)
{
        return f->length;
}

bool spool_sum(const struct spool_file *f, uint8_t ret[32])
{
        crypto_hash_sha256_state state = f->state;

        if (f->summed)
                crypto_hash_sha256_final(&state, ret);
        return f->summed;
}

void spool_empty(struct spool_file *f)
{
        f->summed = ftruncate(f->fd, 0) == 0;
        if (f->summed) {
                f->length = 0;
                crypto_hash_sha256_init(&f->state);
        }
}

void spool_close(struct spool_file *f)
{
        if (!f)
                return;
        if (f->summed && f->length > 0)
                sum_keep(f);
        close(f->fd);
        free(f->path);
        free(f);
}

/* ---- upkeep ---- */

size_t spool_datasets(const struct spool *s, int64_t **ret)
{
        DIR *d = opendir(s->dir);
        int64_t *ids = NULL;
        size_t n = 0, cap = 0;
        struct dirent *e;

        while (d && (e = readdir(d))) {
                char *end;
                long long id = e->d_name[0] == 'd' ? strtoll(e->d_name + 1, &end, 10) : 0;

                if (id <= 0 || *end)
                        continue;
                ids = xgrow(ids, n, &cap, sizeof *ids);
                ids[n++] = id;
        }
        if (d)
                closedir(d);
        *ret = ids;
        return n;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void)st, (void)ftw;
        if (type == FTW_DP || type == FTW_D || type == FTW_DNR)
                rmdir(path);
        else
                unlink(path);
        return 0;
}

void spool_remove(const struct spool *s, int64_t dataset)
{
        AUTO_FREE char *path = xasprintf("%s/d%lld", s->dir, (long long)dataset);

        nftw(path, remove_one, REMOVE_FILES, FTW_DEPTH | FTW_PHYS);
}
