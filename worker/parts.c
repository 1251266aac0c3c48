/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/parts.h"

#include "common/util.h"
#include "worker/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_MAX_LEN 64

void parts_path(struct attempt_key key, char ret[64])
{
        snprintf(ret, PATH_MAX_LEN, PARTS_DIR "/%lld/%d", (long long)key.job, key.task);
}

/* Append a piece; the first one begins anew. */
static int keep(const char *path, const void *bytes, size_t n, bool first)
{
        AUTO_CLOSE int fd =
            open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | (first ? O_TRUNC : 0), 0600);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0 || (uint64_t)st.st_size + n > PART_BYTES_MAX)
                return -1;
        return file_write_all(fd, bytes, n);
}

int parts_take(struct reader *r)
{
        struct attempt_key key = {.job = (int64_t)reader_u64(r)};
        uint32_t task = reader_u32(r);
        uint8_t flags = reader_u8(r);
        char path[PATH_MAX_LEN], partial[PATH_MAX_LEN + 8];
        const void *bytes = r->p;
        size_t n = reader_left(r);

        r->p = r->end;
        if (r->bad || key.job < 0 || task > INT32_MAX || flags & ~(PART_FIRST | PART_LAST))
                return -1;
        key.task = (int32_t)task;
        parts_path(key, path);
        snprintf(partial, sizeof partial, "%s.new", path);
        if (flags & PART_FIRST) {
                char *slash = strrchr(path, '/');

                *slash = '\0';
                dir_make_all(path, NULL); /* if it fails, the next step does too */
                *slash = '/';
        }
        if (keep(partial, bytes, n, flags & PART_FIRST) < 0) {
                unlink(partial);
                unlink(path);
                return 0; /* its launch will find nothing, and say so */
        }
        if (flags & PART_LAST && rename(partial, path) < 0)
                unlink(path);
        return 0;
}

void parts_forget(int64_t job)
{
        char path[PATH_MAX_LEN];

        snprintf(path, sizeof path, PARTS_DIR "/%lld", (long long)job);
        dir_remove(AT_FDCWD, path);
}

int parts_look(struct attempt_key key, char *ret, size_t max)
{
        char path[PATH_MAX_LEN], *end;
        ssize_t n;

        parts_path(key, path);
        ret[0] = '\0';
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return errno;
        n = read(fd, ret, max - 1);
        if (n <= 0)
                return n < 0 ? errno : ENODATA;
        ret[n] = '\0';
        end = strchr(ret, '\n');
        if (end && !end[1])
                *end = '\0';
        else
                ret[0] = '\0';
        return 0;
}

void parts_remove_old(int64_t now)
{
        DIR *d = opendir(PARTS_DIR);
        struct dirent *e;

        while (d && (e = readdir(d))) {
                struct stat st;

                if (e->d_name[0] != '.' && fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                    now - st.st_mtime > PARTS_SECONDS)
                        dir_remove(dirfd(d), e->d_name);
        }
        if (d)
                closedir(d);
}
