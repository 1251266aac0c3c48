/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/landing.h"

#include "common/num.h"
#include "common/util.h"
#include "worker/files.h"
#include "worker/hasher.h"
#include "worker/sha256.h"
#include "worker/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LOOK_CHUNK  (256u << 10)
#define BATCH_FILES 16384 /* finished files that wait to be published, at most */
#define BATCH_BYTES (256ull << 20)
#define BATCH_MS    5000          /* the first of them waits no longer */
#define FLUSH_ALONE 16            /* fewer files than that are flushed one by one, more by one syncfs */
#define WRITEBACK   (32ull << 20) /* written before the kernel is told to begin writing back */
#define RESUME_FROM                                                                                          \
        (1ull << 20) /* smaller files are fetched again; of larger ones the space is reserved first */

/* A part that lay there, looked at, locked, and not taken up yet. */
#define PARTIALS_MAX 256
struct partial {
        int fd; /* -1: taken */
        uint32_t file;
        uint64_t offset;
        struct sha256 sum;
};

struct finished {
        struct transfer_pulled pulled;
        char *part; /* owned, name in the parts directory */
};

struct landing {
        const struct transfer_list *list;
        uint64_t transfer;
        struct landing_events events;
        void *arg;
        int data_fd, to_fd, parts_fd;

        struct partial partials[PARTIALS_MAX];
        size_t partial_count;

        /* the file being written */
        int fd; /* -1: none */
        uint32_t file;
        bool resumed;
        uint64_t at, flushed;
        struct sha256 sum;
        struct hasher *hasher; /* made for the first large file */
        bool followed;         /* the file's checksum is the hasher's business */
        char part[96];

        struct finished *finished;
        size_t finished_count, finished_cap;
        uint64_t finished_bytes;
        int64_t finished_ms;
        bool made_dirs;
        char *dir; /* owned: the directory that dir_fd is */
        int dir_fd;
};

static __attribute__((format(printf, 4, 5))) int fail(struct landing_fault *f, enum move_end kind,
                                                      uint32_t file, const char *fmt, ...)
{
        va_list ap;

        *f = (struct landing_fault){.kind = kind, .file = file};
        va_start(ap, fmt);
        vsnprintf(f->text, sizeof f->text, fmt, ap);
        va_end(ap);
        return -1;
}

/* A call on the destination's file system failed. */
static int fail_here(struct landing *l, struct landing_fault *f, uint32_t file, const char *what)
{
        int error = errno;
        const char *path = file < l->list->count ? l->list->entries[file].path : DATA_DIR;

        return fail(f, error == ENOSPC || error == EDQUOT ? MOVE_NO_SPACE : MOVE_DESTINATION, file,
                    "could not %s \"%.300s\": %s", what, path, strerror(error));
}

/* ---- directories ---- */

/* Open a directory below at_fd, making what is missing; no link is followed. */
static int open_dirs(int at_fd, const char *path, bool *made)
{
        AUTO_FREE char *s = xstrdup(path);
        char *at = s, *part;
        int fd = openat(at_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        while (fd >= 0 && (part = strsep(&at, "/"))) {
                int next;

                if (mkdirat(fd, part, 0700) == 0)
                        *made = true;
                next = openat(fd, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                close(fd);
                fd = next;
        }
        return fd;
}

/* The directory that `path` lies in, kept for the next one. */
static int parent_of(struct landing *l, const char *path, const char **ret_name)
{
        const char *slash = strrchr(path, '/');
        size_t n = slash ? (size_t)(slash - path) : 0;

        *ret_name = slash ? slash + 1 : path;
        if (!slash)
                return l->to_fd;
        if (l->dir && strlen(l->dir) == n && memcmp(l->dir, path, n) == 0)
                return l->dir_fd;
        if (l->dir_fd >= 0)
                close(l->dir_fd);
        free(l->dir);
        l->dir = xasprintf("%.*s", (int)n, path);
        l->dir_fd = open_dirs(l->to_fd, l->dir, &l->made_dirs);
        if (l->dir_fd < 0) {
                int error = errno;

                free(l->dir);
                l->dir = NULL;
                errno = error;
        }
        return l->dir_fd;
}

/* Parts that only this transfer can know, and that are not taken up again: of a try that was killed, or of
 * one that ends and could not publish them. */
static void own_parts_remove(struct landing *l)
{
        char prefix[32];
        size_t n = (size_t)snprintf(prefix, sizeof prefix, "t%llu-", (unsigned long long)l->transfer);
        int fd = openat(l->parts_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
        struct dirent *e;

        while (d && (e = readdir(d))) {
                if (strncmp(e->d_name, prefix, n) == 0)
                        unlinkat(l->parts_fd, e->d_name, 0);
        }
        if (d)
                closedir(d);
}

int landing_open(const char *to, const struct transfer_list *list, uint64_t transfer,
                 const struct landing_events *events, void *arg, struct landing **ret,
                 struct landing_fault *fault)
{
        struct landing *l = xcalloc(1, sizeof *l);

        *l = (struct landing){.list = list,
                              .transfer = transfer,
                              .events = *events,
                              .arg = arg,
                              .data_fd = -1,
                              .to_fd = -1,
                              .parts_fd = -1,
                              .fd = -1,
                              .dir_fd = -1};
        l->data_fd = open_dirs(AT_FDCWD, DATA_DIR, &l->made_dirs);
        if (l->data_fd >= 0)
                l->parts_fd = open_dirs(l->data_fd, TRANSFER_HIDDEN "parts", &l->made_dirs);
        if (l->parts_fd >= 0)
                l->to_fd = open_dirs(l->data_fd, to, &l->made_dirs);
        if (l->to_fd < 0) {
                fail_here(l, fault, UINT32_MAX, "make the directories of");
                landing_free(l);
                return -1;
        }
        own_parts_remove(l);
        *ret = l;
        return 0;
}

void landing_free(struct landing *l)
{
        int *fds[] = {&l->data_fd, &l->to_fd, &l->parts_fd, &l->fd, &l->dir_fd};

        hasher_free(l->hasher);
        if (l->parts_fd >= 0)
                own_parts_remove(l);
        for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
                if (*fds[i] >= 0)
                        close(*fds[i]);
        }
        for (size_t i = 0; i < l->finished_count; i++)
                free(l->finished[i].part);
        free(l->finished);
        for (size_t i = 0; i < l->partial_count; i++) {
                if (l->partials[i].fd >= 0)
                        close(l->partials[i].fd);
        }
        free(l->dir);
        free(l);
}

/* ---- what lies there ---- */

/* What is worth to be taken up again is named by its content, the rest by whose it is. */
static bool is_resumable(const struct transfer_entry *e)
{
        return e->has_sha256 && e->size >= RESUME_FROM;
}

static void part_name(const struct landing *l, uint32_t file, bool own, char ret[96])
{
        const struct transfer_entry *e = &l->list->entries[file];

        if (own || !is_resumable(e))
                snprintf(ret, 96, "t%llu-%u", (unsigned long long)l->transfer, file);
        else
                hex_encode(e->sha256, sizeof e->sha256, ret);
}

/* Checksum from the start of fd; -1 when it cannot be read. */
static int look_through(struct landing *l, int fd, struct sha256 *sum, uint64_t *ret_size)
{
        static uint8_t chunk[LOOK_CHUNK];
        ssize_t n;

        *ret_size = 0;
        sha256_init(sum);
        while ((n = read(fd, chunk, sizeof chunk)) != 0) {
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -1;
                sha256_add(sum, chunk, (size_t)n);
                *ret_size += (uint64_t)n;
                l->events.on_looked(l->arg, (size_t)n);
        }
        return 0;
}

static bool is_present(struct landing *l, uint32_t file)
{
        const struct transfer_entry *e = &l->list->entries[file];
        struct transfer_pulled done = {.index = file, .present = true, .size = e->size};
        AUTO_CLOSE int fd = -1;
        struct sha256 sum;
        struct stat st;
        uint64_t size;

        if (!e->has_sha256)
                return false;
        fd = file_open_beneath(l->to_fd, e->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
            ((uint64_t)st.st_size != e->size && e->size != TRANSFER_SIZE_UNKNOWN) ||
            look_through(l, fd, &sum, &size) < 0)
                return false;
        sha256_end(&sum, done.sha256);
        done.size = size;
        if (size != (uint64_t)st.st_size || memcmp(done.sha256, e->sha256, sizeof done.sha256) != 0)
                return false;
        l->events.on_published(l->arg, &done);
        return true;
}

enum landing_found landing_look(struct landing *l, uint32_t file, uint64_t *ret_offset)
{
        const struct transfer_entry *e = &l->list->entries[file];
        struct partial p = {.file = file};
        struct stat st;
        char name[96];

        *ret_offset = 0;
        if (is_present(l, file))
                return LANDING_PRESENT;
        if (!is_resumable(e) || l->partial_count == PARTIALS_MAX)
                return LANDING_MISSING;
        part_name(l, file, false, name);
        p.fd = openat(l->parts_fd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (p.fd < 0)
                return LANDING_MISSING;
        if (flock(p.fd, LOCK_EX | LOCK_NB) < 0 || fstat(p.fd, &st) < 0 || !S_ISREG(st.st_mode) ||
            st.st_size == 0 || (uint64_t)st.st_size > e->size ||
            look_through(l, p.fd, &p.sum, &p.offset) < 0) {
                close(p.fd);
                return LANDING_MISSING;
        }
        l->partials[l->partial_count++] = p;
        *ret_offset = p.offset;
        return LANDING_PART;
}

bool landing_has_room(struct landing *l, uint64_t bytes, uint64_t room, uint64_t keep_free,
                      struct landing_fault *fault)
{
        char need[32], have[32], keep[32];
        struct statvfs v;
        uint64_t avail;

        num_format_size((int64_t)bytes, need);
        if (room && bytes > room) {
                fail(fault, MOVE_NO_SPACE, UINT32_MAX, "%s are needed and its quota has room for %s", need,
                     num_format_size((int64_t)room, have));
                return false;
        }
        if (fstatvfs(l->data_fd, &v) < 0)
                return true;
        avail = (uint64_t)v.f_bavail * v.f_frsize;
        if (!keep_free)
                keep_free = KEEP_FREE_DEFAULT;
        if (avail >= keep_free && avail - keep_free >= bytes)
                return true;
        fail(fault, MOVE_NO_SPACE, UINT32_MAX,
             "%s are needed, %s are free on the disk, and %s must stay free", need,
             num_format_size((int64_t)avail, have), num_format_size((int64_t)keep_free, keep));
        return false;
}

/* ---- writing ---- */

static struct partial *partial_find(struct landing *l, uint32_t file)
{
        for (size_t i = 0; i < l->partial_count; i++) {
                if (l->partials[i].file == file && l->partials[i].fd >= 0)
                        return &l->partials[i];
        }
        return NULL;
}

static bool is_finished(const struct landing *l, const char *part)
{
        for (size_t i = 0; i < l->finished_count; i++) {
                if (strcmp(l->finished[i].part, part) == 0)
                        return true;
        }
        return false;
}

/* A part named by content, unless another transfer writes it right now, or this one just did. */
static bool open_shared(struct landing *l, uint32_t file)
{
        part_name(l, file, false, l->part);
        if (is_finished(l, l->part))
                return false;
        l->fd = openat(l->parts_fd, l->part, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (l->fd >= 0 && flock(l->fd, LOCK_EX | LOCK_NB) == 0 && ftruncate(l->fd, 0) == 0)
                return true;
        if (l->fd >= 0)
                close(l->fd);
        l->fd = -1;
        return false;
}

static int open_part(struct landing *l, uint32_t file)
{
        const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

        if (is_resumable(&l->list->entries[file]) && open_shared(l, file))
                return 0;
        part_name(l, file, true, l->part);
        l->fd = openat(l->parts_fd, l->part, flags, 0400);
        if (l->fd < 0 && errno == EEXIST && unlinkat(l->parts_fd, l->part, 0) == 0)
                l->fd = openat(l->parts_fd, l->part, flags, 0400);
        return l->fd < 0 ? -1 : 0;
}

int landing_begin(struct landing *l, uint32_t file, uint64_t offset, struct landing_fault *fault)
{
        const struct transfer_entry *e = &l->list->entries[file];
        struct partial *p = partial_find(l, file);

        l->file = file;
        l->resumed = offset > 0;
        l->at = l->flushed = offset;
        if (p && p->offset == offset) {
                part_name(l, file, false, l->part);
                l->sum = p->sum;
                l->fd = p->fd;
                p->fd = -1;
        } else {
                sha256_init(&l->sum);
                if (open_part(l, file) < 0)
                        return fail_here(l, fault, file, "write aside");
        }
        if (e->size != TRANSFER_SIZE_UNKNOWN && e->size - offset >= RESUME_FROM &&
            fallocate(l->fd, FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)(e->size - offset)) < 0 &&
            (errno == ENOSPC || errno == EDQUOT))
                return fail_here(l, fault, file, "reserve the space of");
        l->followed = e->size - offset >= RESUME_FROM;
        if (l->followed && !l->hasher)
                l->hasher = hasher_new();
        if (l->followed)
                hasher_begin(l->hasher, l->fd, offset, &l->sum);
        return 0;
}

int landing_write(struct landing *l, const void *p, size_t n, struct landing_fault *fault)
{
        const struct transfer_entry *e = &l->list->entries[l->file];
        size_t done = 0;

        if (n > e->size - l->at)
                return fail(fault, MOVE_SOURCE_CHANGED, l->file, "\"%.300s\" is longer than was registered",
                            e->path);
        while (done < n) {
                ssize_t k = pwrite(l->fd, (const uint8_t *)p + done, n - done, (off_t)(l->at + done));

                if (k < 0 && errno == EINTR)
                        continue;
                if (k <= 0)
                        return fail_here(l, fault, l->file, "write");
                done += (size_t)k;
        }
        l->at += n;
        if (l->followed)
                hasher_reach(l->hasher, l->at);
        else
                sha256_add(&l->sum, p, n);
        if (l->at - l->flushed >= WRITEBACK) {
                sync_file_range(l->fd, (off_t)l->flushed, (off_t)(l->at - l->flushed), SYNC_FILE_RANGE_WRITE);
                l->flushed = l->at;
        }
        return 0;
}

static void close_part(struct landing *l, bool remove)
{
        if (l->followed)
                hasher_stop(l->hasher);
        l->followed = false;
        if (remove)
                unlinkat(l->parts_fd, l->part, 0);
        close(l->fd);
        l->fd = -1;
}

void landing_drop(struct landing *l)
{
        if (l->fd >= 0)
                close_part(l, true);
}

int landing_finish(struct landing *l, struct landing_fault *fault)
{
        const struct transfer_entry *e = &l->list->entries[l->file];
        struct transfer_pulled done = {.index = l->file, .size = l->at};

        if (l->at != e->size && e->size != TRANSFER_SIZE_UNKNOWN) {
                close_part(l, false);
                return fail(fault, MOVE_SOURCE_CHANGED, l->file, "\"%.300s\" is shorter than was registered",
                            e->path);
        }
        if (!l->followed)
                sha256_end(&l->sum, done.sha256);
        else if (hasher_end(l->hasher, done.sha256) < 0)
                return fail_here(l, fault, l->file, "read again");
        if (e->has_sha256 && memcmp(done.sha256, e->sha256, sizeof done.sha256) != 0) {
                close_part(l, true);
                return l->resumed ? 1
                                  : fail(fault, MOVE_SOURCE_CHANGED, l->file,
                                         "\"%.300s\" has another checksum at its source than was registered",
                                         e->path);
        }
        close_part(l, false);
        if (!l->finished_count)
                l->finished_ms = clock_boot_ms();
        l->finished = xgrow(l->finished, l->finished_count, &l->finished_cap, sizeof *l->finished);
        l->finished[l->finished_count++] = (struct finished){.pulled = done, .part = xstrdup(l->part)};
        l->finished_bytes += done.size;
        return 0;
}

/* ---- publishing ---- */

static int flush_parts(struct landing *l)
{
        if (l->finished_count >= FLUSH_ALONE)
                return syncfs(l->parts_fd);
        for (size_t i = 0; i < l->finished_count; i++) {
                AUTO_CLOSE int fd =
                    openat(l->parts_fd, l->finished[i].part, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

                if (fd < 0 || fsync(fd) < 0)
                        return -1;
        }
        return 0;
}

static int publish(struct landing *l, const struct finished *f)
{
        const char *name;
        int dir = parent_of(l, l->list->entries[f->pulled.index].path, &name);

        /* What is published is not written to again: jobs of this account shall not either. */
        if (dir < 0 ||
            (is_resumable(&l->list->entries[f->pulled.index]) && fchmodat(l->parts_fd, f->part, 0400, 0) < 0))
                return -1;
        return renameat(l->parts_fd, f->part, dir, name);
}

/* The new names must be as durable as what they name. */
static int flush_names(struct landing *l)
{
        bool made = l->made_dirs;

        l->made_dirs = false;
        if (made || l->finished_count >= FLUSH_ALONE)
                return syncfs(l->to_fd);
        for (size_t i = 0; i < l->finished_count; i++) {
                const char *name;
                int dir = parent_of(l, l->list->entries[l->finished[i].pulled.index].path, &name);

                if (dir < 0 || fsync(dir) < 0)
                        return -1;
        }
        return 0;
}

int landing_settle(struct landing *l, bool now, struct landing_fault *fault)
{
        if (!l->finished_count ||
            (!now && l->finished_count < BATCH_FILES && l->finished_bytes < BATCH_BYTES &&
             clock_boot_ms() - l->finished_ms < BATCH_MS))
                return 0;
        if (flush_parts(l) < 0)
                return fail_here(l, fault, UINT32_MAX, "flush files in");
        for (size_t i = 0; i < l->finished_count; i++) {
                if (publish(l, &l->finished[i]) < 0)
                        return fail_here(l, fault, l->finished[i].pulled.index, "publish");
        }
        if (flush_names(l) < 0)
                return fail_here(l, fault, UINT32_MAX, "flush");
        for (size_t i = 0; i < l->finished_count; i++) {
                l->events.on_published(l->arg, &l->finished[i].pulled);
                free(l->finished[i].part);
        }
        l->finished_count = 0;
        l->finished_bytes = 0;
        return 0;
}

/* ---- removing ---- */

void landing_sweep(int64_t before_s)
{
        DIR *d = opendir(PARTS_DIR);
        struct dirent *e;
        struct stat st;

        while (d && (e = readdir(d))) {
                if (e->d_name[0] != '.' && fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                    S_ISREG(st.st_mode) && st.st_mtim.tv_sec < before_s)
                        unlinkat(dirfd(d), e->d_name, 0);
        }
        if (d)
                closedir(d);
}

struct removal {
        uint64_t files, bytes;
};

/* The directory that holds the last part of a path, through no link. */
static int open_parent(int fd, const char *path, const char **ret_name)
{
        const char *slash = strrchr(path, '/');
        AUTO_FREE char *parent = slash ? xasprintf("%.*s", (int)(slash - path), path) : NULL;

        *ret_name = slash ? slash + 1 : path;
        return file_open_beneath(fd, parent ? parent : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int rmdir_beneath(int fd, const char *path)
{
        const char *name;
        AUTO_CLOSE int parent = open_parent(fd, path, &name);

        return parent < 0 ? -1 : unlinkat(parent, name, AT_REMOVEDIR);
}

static int count_entry(void *arg, const struct walk_entry *e)
{
        struct removal *r = arg;

        if (!e->fault && S_ISREG(e->st.st_mode)) {
                r->files++;
                r->bytes += (uint64_t)e->st.st_size;
        }
        return 0;
}

static int remove_one(int to_fd, const char *path, struct removal *r)
{
        AUTO_FREE char *above = xstrdup(path);
        const char *name;
        AUTO_CLOSE int dir = open_parent(to_fd, path, &name);
        struct stat st;
        char *slash;

        if (dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -1;
        if (!S_ISREG(st.st_mode)) {
                errno = EINVAL;
                return -1;
        }
        if (unlinkat(dir, name, 0) < 0)
                return -1;
        r->files++;
        r->bytes += (uint64_t)st.st_size;
        /* Directories that became empty go too; the first that is not empty ends it. */
        while ((slash = strrchr(above, '/'))) {
                *slash = '\0';
                if (rmdir_beneath(to_fd, above) < 0)
                        break;
        }
        return 0;
}

/* The whole directory. */
static int remove_all(int data_fd, const char *to, struct removal *r)
{
        const char *name;
        AUTO_CLOSE int parent = -1;
        int fd = file_open_beneath(data_fd, to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return errno == ENOENT ? 0 : -1;
        walk(fd, count_entry, r);
        parent = open_parent(data_fd, to, &name);
        return parent < 0 ? -1 : dir_remove(parent, name);
}

int landing_remove(const char *to, const struct transfer_list *paths, uint64_t *ret_files,
                   uint64_t *ret_bytes, struct err *err)
{
        AUTO_CLOSE int data_fd = open(DATA_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        struct removal r = {0};
        int rc = 0;

        if (data_fd < 0 && errno != ENOENT)
                return err_errno(err, "could not open \"" DATA_DIR "\"");
        if (data_fd >= 0 && !paths->count && remove_all(data_fd, to, &r) < 0)
                rc = err_errno(err, "could not remove all of \"" DATA_DIR "/%s\"", to);
        if (data_fd >= 0 && paths->count) {
                AUTO_CLOSE int to_fd = file_open_beneath(data_fd, to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

                for (uint32_t i = 0; i < paths->count && to_fd >= 0; i++) {
                        if (remove_one(to_fd, paths->entries[i].path, &r) < 0)
                                rc = err_errno(err, "could not remove \"%.300s\"", paths->entries[i].path);
                }
                unlinkat(data_fd, to, AT_REMOVEDIR);
        }
        *ret_files = r.files;
        *ret_bytes = r.bytes;
        return rc;
}
