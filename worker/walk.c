/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/walk.h"

#include "common/proto.h"
#include "common/util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct walker {
        walk_cb cb;
        void *arg;
        unsigned long entries;
        char path[PATH_TEXT_MAX];
};

static int by_name(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All names of a directory, sorted; closes fd. -1 with errno. */
static ssize_t read_names(int fd, char ***ret, unsigned long max)
{
        DIR *d = fdopendir(fd);
        char **names = NULL;
        size_t n = 0, cap = 0;
        struct dirent *e;

        if (!d) {
                close(fd);
                return -1;
        }
        while (n <= max && (e = readdir(d))) {
                if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
                        continue;
                names = xgrow(names, n, &cap, sizeof *names);
                names[n++] = xstrdup(e->d_name);
        }
        closedir(d);
        if (n)
                qsort(names, n, sizeof *names, by_name);
        *ret = names;
        return (ssize_t)n;
}

static int walk_dir(struct walker *w, int fd, size_t len, int depth);

static int walk_one(struct walker *w, int dir_fd, const char *name, size_t len, int depth)
{
        struct walk_entry e = {.dir_fd = dir_fd, .name = name, .path = w->path};
        size_t n = (size_t)snprintf(w->path + len, sizeof w->path - len, "%s%s", len ? "/" : "", name);
        int rc, sub;

        if (len + n >= sizeof w->path || ++w->entries > WALK_ENTRIES_MAX)
                return -1;
        if (fstatat(dir_fd, name, &e.st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -1;
        rc = w->cb(w->arg, &e);
        if (rc != 0 || !S_ISDIR(e.st.st_mode))
                return rc < 0 ? -1 : 0;
        if (depth >= WALK_DEPTH_MAX)
                return -1;
        sub = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (sub < 0) {
                e.fault = errno;
                return w->cb(w->arg, &e) < 0 ? -1 : 0;
        }
        return walk_dir(w, sub, len + n, depth + 1);
}

static int walk_dir(struct walker *w, int fd, size_t len, int depth)
{
        char **names = NULL;
        int at = dup(fd), rc = 0;
        ssize_t n = read_names(fd, &names, WALK_ENTRIES_MAX - w->entries);

        if (at < 0 || n < 0)
                rc = -1;
        for (ssize_t i = 0; i < n; i++) {
                if (rc == 0)
                        rc = walk_one(w, at, names[i], len, depth);
                free(names[i]);
        }
        free(names);
        if (at >= 0)
                close(at);
        w->path[len] = '\0';
        return rc;
}

int walk(int fd, walk_cb cb, void *arg)
{
        struct walker w = {.cb = cb, .arg = arg};

        return walk_dir(&w, fd, 0, 0);
}
