/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/files.h"

#include "common/num.h"
#include "common/util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REMOVE_DEPTH_MAX 200 /* directories within directories; deeper ones are left and reported */

int file_write_all(int fd, const void *p, size_t n)
{
        const char *s = p;

        while (n) {
                ssize_t k = write(fd, s, n);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k <= 0)
                        return -1;
                s += k;
                n -= (size_t)k;
        }
        return 0;
}

int dir_make_all(const char *path, struct err *err)
{
        AUTO_FREE char *s = xstrdup(path);

        for (char *c = s + 1;; c++) {
                char was = *c;

                if (was && was != '/')
                        continue;
                *c = '\0';
                if (mkdir(s, 0700) < 0 && errno != EEXIST)
                        return err_errno(err, "could not make directory \"%s\"", s);
                *c = was;
                if (!was)
                        return 0;
        }
}

/* For kernels without openat2: one component at a time, refusing links and "..". */
static int open_by_steps(int dir_fd, const char *path, int flags)
{
        AUTO_FREE char *s = xstrdup(path);
        char *at = s, *part;
        int fd = openat(dir_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

        while (fd >= 0 && (part = strsep(&at, "/"))) {
                int next;

                if (!*part || strcmp(part, ".") == 0)
                        continue;
                if (strcmp(part, "..") == 0) {
                        close(fd);
                        errno = EXDEV;
                        return -1;
                }
                next = openat(fd, part, O_CLOEXEC | O_NOFOLLOW | (at ? O_PATH | O_DIRECTORY : flags));
                close(fd);
                fd = next;
        }
        return fd;
}

int file_open_beneath(int dir_fd, const char *path, int flags)
{
        struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC),
                               .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
        long fd = syscall(SYS_openat2, dir_fd, path, &how, sizeof how);

        if (fd < 0 && (errno == ENOSYS || errno == EPERM))
                return open_by_steps(dir_fd, path, flags);
        return (int)fd;
}

static int remove_content(int fd, int depth)
{
        DIR *d = fdopendir(fd);
        struct dirent *e;
        int rc = 0;

        if (!d) {
                close(fd);
                return -1;
        }
        while ((e = readdir(d))) {
                int sub;

                if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
                        continue;
                if (unlinkat(dirfd(d), e->d_name, 0) == 0)
                        continue;
                if ((errno != EISDIR && errno != EPERM) || depth >= REMOVE_DEPTH_MAX) {
                        rc = -1;
                        continue;
                }
                sub = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (sub < 0 && errno == EACCES && fchmodat(dirfd(d), e->d_name, 0700, 0) == 0)
                        sub = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (sub >= 0)
                        fchmod(sub, 0700);
                if (sub < 0 || remove_content(sub, depth + 1) < 0 ||
                    unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR) < 0)
                        rc = -1;
        }
        closedir(d);
        return rc;
}

int dir_remove(int at_fd, const char *path)
{
        int fd = openat(at_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0 && errno == EACCES && fchmodat(at_fd, path, 0700, 0) == 0)
                fd = openat(at_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? 0 : -1;
        fchmod(fd, 0700);
        if (remove_content(fd, 0) < 0)
                return -1;
        return unlinkat(at_fd, path, AT_REMOVEDIR);
}

void boot_id_read(uint8_t ret[16])
{
        char text[64] = "", hex[33];
        size_t n = 0;
        AUTO_CLOSE int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

        memset(ret, 0, 16);
        if (fd < 0 || read(fd, text, sizeof text - 1) < 36)
                return;
        for (const char *c = text; *c && *c != '\n' && n < 32; c++) {
                if (*c != '-')
                        hex[n++] = *c;
        }
        hex[n] = '\0';
        if (hex_decode(hex, ret, 16) < 0)
                memset(ret, 0, 16);
}

void disk_space(uint64_t *ret_free, uint64_t *ret_total)
{
        struct statvfs v;

        *ret_free = *ret_total = 0;
        if (statvfs(".", &v) < 0)
                return;
        *ret_free = (uint64_t)v.f_bavail * v.f_frsize;
        *ret_total = (uint64_t)v.f_blocks * v.f_frsize;
}
