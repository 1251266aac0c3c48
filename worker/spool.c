/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/spool.h"

#include "common/log.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PRISTINE_SECONDS 86400 /* modification time of an untouched directory: the second day of 1970 */
#define CUT_SLACK        (256u << 10) /* a log may grow this much beyond its cap between two cuts */

void spool_init(struct spool *s, uint64_t generation)
{
        *s = (struct spool){.generation = generation};
}

static void unlink_log(const char *dir, const char *log)
{
        char path[96];

        snprintf(path, sizeof path, "%s/%s", dir, log);
        unlink(path);
}

void spool_release(struct spool *s)
{
        while (s->free) {
                struct workdir *d = s->free;

                s->free = d->next;
                unlink_log(d->path, LOG_STDOUT);
                unlink_log(d->path, LOG_STDERR);
                rmdir(d->path);
                free(d);
        }
}

static int open_log(const char *dir, const char *log, int flags)
{
        char path[96];

        snprintf(path, sizeof path, "%s/%s", dir, log);
        return open(path, O_CLOEXEC | O_NOFOLLOW | flags, 0600);
}

static int mark_pristine(const char *dir)
{
        struct timespec times[2] = {{PRISTINE_SECONDS, 0}, {PRISTINE_SECONDS, 0}};

        return utimensat(AT_FDCWD, dir, times, AT_SYMLINK_NOFOLLOW);
}

static int make_dir(struct spool *s, struct workdir **ret, int *ret_out, int *ret_err)
{
        struct workdir *d = xcalloc(1, sizeof *d);
        int out = -1, err = -1, why;

        snprintf(d->path, sizeof d->path, "spool/run/%llu.%u", (unsigned long long)s->generation, s->made++);
        if (mkdir(d->path, 0700) == 0 &&
            (out = open_log(d->path, LOG_STDOUT, O_WRONLY | O_APPEND | O_CREAT | O_EXCL)) >= 0 &&
            (err = open_log(d->path, LOG_STDERR, O_WRONLY | O_APPEND | O_CREAT | O_EXCL)) >= 0 &&
            mark_pristine(d->path) == 0) {
                *ret = d;
                *ret_out = out;
                *ret_err = err;
                return 0;
        }
        why = errno;
        if (out >= 0)
                close(out);
        if (err >= 0)
                close(err);
        free(d);
        errno = why;
        return -1;
}

int spool_take(struct spool *s, struct workdir **ret, int *ret_out, int *ret_err, int *ret_errno)
{
        struct workdir *d = s->free;

        if (d) {
                int out = open_log(d->path, LOG_STDOUT, O_WRONLY | O_APPEND);
                int err = out < 0 ? -1 : open_log(d->path, LOG_STDERR, O_WRONLY | O_APPEND);

                s->free = d->next;
                if (err >= 0) {
                        *ret = d;
                        *ret_out = out;
                        *ret_err = err;
                        return 0;
                }
                /* Somebody removed it; a new one is as good. */
                if (out >= 0)
                        close(out);
                free(d);
        }
        if (make_dir(s, ret, ret_out, ret_err) < 0) {
                *ret_errno = errno;
                return -1;
        }
        return 0;
}

struct workdir *spool_adopt(const char *path)
{
        struct workdir *d = xcalloc(1, sizeof *d);

        snprintf(d->path, sizeof d->path, "%s", path);
        return d;
}

static uint64_t log_size(const char *dir, const char *log)
{
        char path[96];
        struct stat st;

        snprintf(path, sizeof path, "%s/%s", dir, log);
        return lstat(path, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
}

void spool_log_elsewhere(const char *dir, const char *log, const char *path)
{
        char link[96];

        snprintf(link, sizeof link, "%s/%s" LOG_ELSEWHERE, dir, log);
        (void)!symlink(path, link); /* without it the log is empty, and nothing else is lost */
}

static uint64_t stream_size(const char *dir, const char *log)
{
        char link[96];
        struct stat st;

        snprintf(link, sizeof link, "%s/%s" LOG_ELSEWHERE, dir, log);
        return stat(link, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : log_size(dir, log);
}

void spool_logs(const char *dir, uint64_t *ret_out, uint64_t *ret_err)
{
        *ret_out = stream_size(dir, LOG_STDOUT);
        *ret_err = stream_size(dir, LOG_STDERR);
}

int spool_log_cap(const char *dir, const char *log, uint64_t head, uint64_t tail)
{
        uint64_t size = log_size(dir, log), block = 4096, from, to;
        struct stat st;
        int fd, rc;

        if (size <= head + tail || head + tail < head)
                return 0;
        fd = open_log(dir, log, O_RDWR);
        if (fd < 0)
                return 0;
        if (fstat(fd, &st) == 0 && st.st_blksize > 4096)
                block = (uint64_t)st.st_blksize;
        /* Whole blocks only, so that what is kept is never zeroed and the hole is exactly what is gone. */
        from = (head + block - 1) / block * block;
        to = (size - tail) / block * block;
        rc = 1;
        if (to <= from)
                rc = 0;
        else if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from, (off_t)(to - from)) <
                 0)
                rc = size > head + tail + CUT_SLACK ? -1 : 0;
        close(fd);
        return rc;
}

void spool_final_path(struct attempt_key key, char out[96])
{
        snprintf(out, 96, "spool/%lld/%d.%d", (long long)key.job, key.task, key.attempt);
}

static bool is_pristine(const char *dir)
{
        struct stat st;

        return lstat(dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_mtim.tv_sec == PRISTINE_SECONDS &&
               st.st_mtim.tv_nsec == 0 && (st.st_mode & 07777) == 0700;
}

void spool_settle(struct spool *s, struct workdir *d, struct attempt_key key, bool keep, char *ret_path)
{
        uint64_t out, err;
        char job[64];

        ret_path[0] = '\0';
        spool_logs(d->path, &out, &err);
        if (!keep && !out && !err && is_pristine(d->path)) {
                d->next = s->free;
                s->free = d;
                return;
        }
        spool_final_path(key, ret_path);
        snprintf(job, sizeof job, "spool/%lld", (long long)key.job);
        if (rename(d->path, ret_path) < 0 &&
            (errno != ENOENT || (mkdir(job, 0700) < 0 && errno != EEXIST) || rename(d->path, ret_path) < 0)) {
                log_warn("could not keep the directory of %lld.%d#%d: %s", (long long)key.job, key.task,
                         key.attempt, strerror(errno));
                ret_path[0] = '\0';
        }
        free(d);
}
