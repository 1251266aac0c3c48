/* SPDX-License-Identifier: Apache-2.0 */
/* The reserve on the disk, and the server's log. */
#include "daemon/cluster_priv.h"
#include "common/log.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LOG_MAX   (8 << 20)
#define LOG_KEEP  (256 << 10)
#define DISK_LOW  (96LL << 20)  /* below this the reserve is given up */
#define DISK_FINE (256LL << 20) /* above this it is made again */

/* The server appends, so its log can be cut under it. The end stays, in log.old. */
static void log_cut(const char *dir)
{
        AUTO_FREE char *path = xasprintf("%s/log", dir), *old = xasprintf("%s/log.old", dir);
        AUTO_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC);
        AUTO_FREE char *tail = NULL;
        off_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;

        if (size <= LOG_MAX)
                return;
        tail = xcalloc(LOG_KEEP + 1, 1);
        if (pread(fd, tail, LOG_KEEP, size - LOG_KEEP) > 0)
                (void)cluster_file_write(old, tail, NULL);
        if (ftruncate(fd, 0) < 0)
                log_warn("could not cut %s: %s", path, strerror(errno));
}

static void reserve_make(const char *path)
{
        AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

        if (fd < 0)
                return;
        if (posix_fallocate(fd, 0, CLUSTER_RESERVE) != 0) {
                unlink(path);
                log_warn("could not set %lld MiB aside in %s", CLUSTER_RESERVE >> 20, path);
        }
}

int cluster_disk_check(const char *dir, int64_t *ret_free, struct err *err)
{
        AUTO_FREE char *reserve = xasprintf("%s/reserve", dir);
        struct statvfs v;
        int64_t bytes;

        log_cut(dir);
        if (statvfs(dir, &v) < 0)
                return err_errno(err, "could not ask for the free space of %s", dir);
        bytes = (int64_t)v.f_bavail * (int64_t)v.f_frsize;
        *ret_free = bytes;
        if (bytes < DISK_LOW) {
                if (unlink(reserve) == 0)
                        log_error("the disk of %s is almost full: the reserve of %lld MiB was given up; free "
                                  "space there",
                                  dir, CLUSTER_RESERVE >> 20);
                return 1;
        }
        if (access(reserve, F_OK) == 0)
                return 0;
        if (bytes < DISK_FINE)
                return 1;
        reserve_make(reserve);
        return 0;
}
