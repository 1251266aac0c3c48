/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/worker_files.h"

#include "common/num.h"
#include "common/util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define PREFIX "reeve-worker"

static int file_read(int dir_fd, const char *name, struct worker_file *f, struct err *err)
{
        AUTO_CLOSE int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
        uint8_t hash[crypto_hash_sha256_BYTES];
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return err_errno(err, "could not open the worker \"%s\"", name);
        if (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > WORKER_FILE_MAX)
                return err_set(err, ERR_SYSTEM, "the worker \"%s\" is no file of a sensible size", name);
        f->size = (size_t)st.st_size;
        f->data = xmalloc(f->size);
        for (size_t have = 0; have < f->size;) {
                ssize_t n = read(fd, f->data + have, f->size - have);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return err_errno(err, "could not read the worker \"%s\"", name);
                have += (size_t)n;
        }
        crypto_hash_sha256(hash, f->data, f->size);
        hex_encode(hash, sizeof hash, f->sha256);
        return 0;
}

/* reeve-worker-<machine>; the bare name stands for our own machine unless the full name is there. */
static int file_consider(int dir_fd, const char *name, struct worker_files *w, struct err *err)
{
        struct worker_file f = {0};
        struct utsname self;

        uname(&self);
        if (strcmp(name, PREFIX) == 0)
                snprintf(f.machine, sizeof f.machine, "%.31s", self.machine);
        else if (strncmp(name, PREFIX "-", strlen(PREFIX) + 1) == 0)
                snprintf(f.machine, sizeof f.machine, "%.31s", name + strlen(PREFIX) + 1);
        else
                return 0;
        for (size_t i = 0; i < w->count; i++) {
                if (strcmp(w->files[i].machine, f.machine) != 0)
                        continue;
                if (strcmp(name, PREFIX) == 0)
                        return 0;
                free(w->files[i].data);
                w->files[i] = w->files[--w->count];
        }
        if (w->count == WORKER_FILES_MAX)
                return err_set(err, ERR_LIMIT, "more than %d worker binaries", WORKER_FILES_MAX);
        if (file_read(dir_fd, name, &f, err) < 0) {
                free(f.data);
                return -1;
        }
        w->files[w->count++] = f;
        return 0;
}

int worker_files_load(const char *dir, struct worker_files *ret, struct err *err)
{
        struct worker_files w = {0};
        DIR *d = opendir(dir);
        struct dirent *e;
        int rc = 0;

        if (!d)
                return err_errno(err, "could not open the directory of worker binaries \"%s\"", dir);
        while (rc == 0 && (e = readdir(d)))
                rc = file_consider(dirfd(d), e->d_name, &w, err);
        closedir(d);
        if (rc == 0 && w.count == 0)
                rc = err_set(err, ERR_NOT_FOUND,
                             "no reeve-worker in \"%s\": the installation is not complete", dir);
        if (rc < 0) {
                worker_files_release(&w);
                return -1;
        }
        *ret = w;
        return 0;
}

void worker_files_release(struct worker_files *w)
{
        for (size_t i = 0; i < w->count; i++)
                free(w->files[i].data);
        w->count = 0;
}

const struct worker_file *worker_files_find(const struct worker_files *w, const char *machine)
{
        for (size_t i = 0; i < w->count; i++) {
                if (strcmp(w->files[i].machine, machine) == 0)
                        return &w->files[i];
        }
        return NULL;
}
