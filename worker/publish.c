/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping the outputs of an attempt that ended well.
 *
 *   store/<dataset>/.<task>.<attempt>.new/   matching files are moved here, checksummed and synced,
 *   spool/<job>/<task>.<attempt>/.outputs    listed here,
 *   store/<dataset>/<task>/                  and published here by one rename.
 *
 * Each step may be repeated after a crash at any point: what was moved already is found in the .new
 * directory, and a list beside a published directory of the same attempt says that all is done. The published
 * directory holds the number of its attempt in .attempt, so that a late, lower one never replaces it.
 */
#include "worker/chores.h"

#include "common/log.h"
#include "common/num.h"
#include "common/states.h"
#include "common/util.h"
#include "worker/files.h"
#include "worker/glob.h"
#include "worker/helper.h"
#include "worker/keeper.h"
#include "worker/spool.h"
#include "worker/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define OUTPUT_LIST_MAX (64u << 20)
#define ATTEMPT_FILE    ".attempt"

struct publish {
        struct attempt_key key;
        char *dir, *workdir, *dataset; /* owned */
        char **patterns;               /* owned */
        bool *matched;
        uint32_t pattern_count;

        bool own_directory; /* outputs are looked for in the attempt's directory, where our logs lie too */
        char fresh[600], final[600];
        int fresh_fd;
        char **found; /* paths relative to the working directory; owned */
        size_t found_count, found_cap;
        struct buf list; /* put_file records */
        uint32_t files;

        enum outcome outcome;
        char text[RESULT_TEXT_MAX];
};

static int fail(struct publish *p, enum outcome outcome, const char *what, const char *name)
{
        p->outcome = errno == ENOSPC || errno == EDQUOT ? OUTCOME_DISK_FULL : outcome;
        snprintf(p->text, sizeof p->text, "%s \"%.300s\": %s", what, name, strerror(errno));
        return -1;
}

/* ---- finding ---- */

static bool mark_matches(struct publish *p, const char *path)
{
        bool any = false;

        for (uint32_t i = 0; i < p->pattern_count; i++) {
                if (glob_match(p->patterns[i], path)) {
                        p->matched[i] = true;
                        any = true;
                }
        }
        return any;
}

/* The path, or a directory above it, matches: a pattern that names a directory means what is in it. */
static bool is_output(struct publish *p, const char *path)
{
        char part[PATH_TEXT_MAX];
        bool any = mark_matches(p, path);

        for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
                snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
                any |= mark_matches(p, part);
        }
        return any;
}

static bool is_ours(const char *path)
{
        return strcmp(path, LOG_STDOUT) == 0 || strcmp(path, LOG_STDERR) == 0 ||
               strcmp(path, OUTPUT_LIST) == 0 || strcmp(path, LOG_PROGRESS) == 0;
}

static int on_candidate(void *arg, const struct walk_entry *e)
{
        struct publish *p = arg;

        if (e->fault || !S_ISREG(e->st.st_mode) || (p->own_directory && is_ours(e->path)) ||
            !is_output(p, e->path))
                return 0;
        if (p->found_count >= RESULT_FILES_MAX)
                return -1;
        p->found = xgrow(p->found, p->found_count, &p->found_cap, sizeof *p->found);
        p->found[p->found_count++] = xstrdup(e->path);
        return 0;
}

/* Files that an earlier try has moved already. */
static int on_moved(void *arg, const struct walk_entry *e)
{
        struct publish *p = arg;

        if (!e->fault && S_ISREG(e->st.st_mode))
                is_output(p, e->path);
        return 0;
}

static int walk_at(int at_fd, const char *path, walk_cb cb, void *arg)
{
        int fd = openat(at_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        return fd < 0 ? -1 : walk(fd, cb, arg);
}

static int find(struct publish *p, int base)
{
        int fd = dup(base);

        errno = 0;
        if (fd < 0 || walk(fd, on_candidate, p) < 0) {
                if (errno)
                        return fail(p, OUTCOME_OUTPUT_FAILED, "could not read the working directory of",
                                    p->dir);
                p->outcome = OUTCOME_OUTPUT_FAILED;
                snprintf(p->text, sizeof p->text, "more than %d output files, or directories too deep",
                         RESULT_FILES_MAX);
                return -1;
        }
        walk_at(p->fresh_fd, ".", on_moved, p);
        for (uint32_t i = 0; i < p->pattern_count; i++) {
                if (!p->matched[i]) {
                        p->outcome = OUTCOME_OUTPUT_MISSING;
                        snprintf(p->text, sizeof p->text, "no file matches the output pattern \"%.400s\"",
                                 p->patterns[i]);
                        return -1;
                }
        }
        return 0;
}

/* ---- moving ---- */

static int make_parents(int fd, const char *path)
{
        AUTO_FREE char *s = xstrdup(path);

        for (char *slash = strchr(s, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                if (mkdirat(fd, s, 0700) < 0 && errno != EEXIST)
                        return -1;
                *slash = '/';
        }
        return 0;
}

/* From another file system: copy, then remove the original. */
static int copy_over(int base, int fresh, const char *path)
{
        AUTO_CLOSE int from = file_open_beneath(base, path, O_RDONLY | O_NONBLOCK);
        AUTO_CLOSE int to = openat(fresh, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        struct stat st;
        ssize_t n;

        if (from < 0 || to < 0 || fstat(from, &st) < 0 || !S_ISREG(st.st_mode))
                return -1;
        while ((n = sendfile(to, from, NULL, 1u << 20)) > 0)
                continue;
        if (n < 0 || fchmod(to, st.st_mode & 0700) < 0 || fsync(to) < 0)
                return -1;
        return unlinkat(base, path, 0);
}

static int move_all(struct publish *p, int base)
{
        for (size_t i = 0; i < p->found_count; i++) {
                const char *path = p->found[i];

                if (make_parents(p->fresh_fd, path) < 0)
                        return fail(p, OUTCOME_OUTPUT_FAILED, "could not keep output", path);
                if (renameat(base, path, p->fresh_fd, path) == 0)
                        continue;
                if (errno != EXDEV || copy_over(base, p->fresh_fd, path) < 0)
                        return fail(p, OUTCOME_OUTPUT_FAILED, "could not keep output", path);
        }
        return 0;
}

/* ---- checksums and the list ---- */

static int on_kept(void *arg, const struct walk_entry *e)
{
        struct publish *p = arg;
        struct proto_file f = {.path = (char *)e->path};
        AUTO_CLOSE int fd = -1;

        if (e->fault)
                return fail(p, OUTCOME_OUTPUT_FAILED, "could not read", e->path);
        if (!S_ISREG(e->st.st_mode) || strcmp(e->path, ATTEMPT_FILE) == 0)
                return 0;
        fd = openat(e->dir_fd, e->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || file_sha256(fd, f.sha256, &f.size) < 0 || fsync(fd) < 0)
                return fail(p, OUTCOME_OUTPUT_FAILED, "could not checksum output", e->path);
        put_file(&p->list, &f);
        p->files++;
        return 0;
}

static int write_small(struct publish *p, int dir, const char *name, const void *data, size_t n)
{
        AUTO_FREE char *tmp = xasprintf("%s.new", name);
        AUTO_CLOSE int fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd < 0 || file_write_all(fd, data, n) < 0 || fsync(fd) < 0 || renameat(dir, tmp, dir, name) < 0)
                return fail(p, OUTCOME_OUTPUT_FAILED, "could not write", name);
        return 0;
}

static int read_small(int dir, const char *name, char *to, size_t size)
{
        AUTO_CLOSE int fd = file_open_beneath(dir, name, O_RDONLY);
        ssize_t n = fd < 0 ? -1 : read(fd, to, size - 1);

        if (n < 0)
                return -1;
        to[n] = '\0';
        return 0;
}

/* The attempt whose outputs are published, or -1. */
static int64_t published_attempt(const struct publish *p)
{
        char path[700], text[32];
        int64_t n;

        snprintf(path, sizeof path, "%s/" ATTEMPT_FILE, p->final);
        if (read_small(AT_FDCWD, path, text, sizeof text) < 0 ||
            num_int("attempt", text, 0, INT32_MAX, &n, NULL) < 0)
                return -1;
        return n;
}

static int checksum_all(struct publish *p)
{
        char number[16];
        struct buf whole;
        AUTO_CLOSE int dir = open(p->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        int rc;

        if (walk_at(p->fresh_fd, ".", on_kept, p) < 0)
                return p->outcome == OUTCOME_SUCCEEDED
                           ? fail(p, OUTCOME_OUTPUT_FAILED, "could not read", p->fresh)
                           : -1;
        snprintf(number, sizeof number, "%d", p->key.attempt);
        buf_init(&whole, OUTPUT_LIST_MAX + 4);
        buf_u32(&whole, p->files);
        buf_put(&whole, buf_bytes(&p->list), buf_len(&p->list));
        rc = dir < 0 ? fail(p, OUTCOME_OUTPUT_FAILED, "could not open", p->dir)
                     : write_small(p, p->fresh_fd, ATTEMPT_FILE, number, strlen(number));
        if (rc == 0)
                rc = write_small(p, dir, OUTPUT_LIST, buf_bytes(&whole), buf_len(&whole));
        buf_release(&whole);
        return rc;
}

static int publish_dir(struct publish *p)
{
        AUTO_FREE char *set = xasprintf("store/%s", p->dataset);
        AUTO_FREE char *old = xasprintf("store/%s/.%d.%d.old", p->dataset, p->key.task, p->key.attempt);
        AUTO_CLOSE int fd = open(set, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        fsync(p->fresh_fd);
        if (rename(p->final, old) < 0 && errno != ENOENT)
                return fail(p, OUTCOME_OUTPUT_FAILED, "could not replace", p->final);
        if (rename(p->fresh, p->final) < 0)
                return fail(p, OUTCOME_OUTPUT_FAILED, "could not publish", p->final);
        dir_remove(AT_FDCWD, old);
        if (fd < 0 || fsync(fd) < 0)
                return fail(p, OUTCOME_OUTPUT_FAILED, "could not sync", set);
        return 0;
}

/* ---- one attempt ---- */

static int prepare(struct publish *p)
{
        struct err err;

        snprintf(p->final, sizeof p->final, "store/%s/%d", p->dataset, p->key.task);
        snprintf(p->fresh, sizeof p->fresh, "store/%s/.%d.%d.new", p->dataset, p->key.task, p->key.attempt);
        if (dir_make_all(p->fresh, &err) < 0) {
                p->outcome = errno == ENOSPC || errno == EDQUOT ? OUTCOME_DISK_FULL : OUTCOME_OUTPUT_FAILED;
                snprintf(p->text, sizeof p->text, "%s", err.text);
                return -1;
        }
        p->fresh_fd = open(p->fresh, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        return p->fresh_fd < 0 ? fail(p, OUTCOME_OUTPUT_FAILED, "could not open", p->fresh) : 0;
}

static int publish_one(struct publish *p)
{
        int64_t there;
        struct buf list;
        int base, rc;

        p->own_directory = !*p->workdir;
        snprintf(p->final, sizeof p->final, "store/%s/%d", p->dataset, p->key.task);
        there = published_attempt(p);
        buf_init(&list, OUTPUT_LIST_MAX);
        if (there == p->key.attempt && outputs_load(p->key, &list, &p->files) == 0) {
                buf_release(&list);
                return 0;
        }
        buf_release(&list);
        if (there > p->key.attempt) {
                p->outcome = OUTCOME_OUTPUT_FAILED;
                snprintf(p->text, sizeof p->text,
                         "attempt %lld of this task has published its outputs already", (long long)there);
                return -1;
        }
        if (prepare(p) < 0)
                return -1;
        base = open(p->own_directory ? p->dir : p->workdir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (base < 0)
                return fail(p, OUTCOME_OUTPUT_FAILED, "could not open",
                            p->own_directory ? p->dir : p->workdir);
        rc = find(p, base);
        if (rc == 0)
                rc = move_all(p, base);
        close(base);
        if (rc == 0)
                rc = checksum_all(p);
        return rc == 0 ? publish_dir(p) : -1;
}

static void publish_read(struct publish *p, struct reader *r)
{
        p->key = get_key(r);
        p->dir = reader_str(r, PATH_TEXT_MAX);
        p->workdir = reader_str(r, PATH_TEXT_MAX);
        p->dataset = reader_str(r, PATH_TEXT_MAX);
        p->pattern_count = reader_u32(r);
        if (p->pattern_count > TEMPLATE_OUTPUTS_MAX)
                r->bad = true;
        if (r->bad)
                p->pattern_count = 0;
        p->patterns = xcalloc(p->pattern_count, sizeof *p->patterns);
        p->matched = xcalloc(p->pattern_count, sizeof *p->matched);
        for (uint32_t i = 0; i < p->pattern_count; i++)
                p->patterns[i] = reader_str(r, PATH_TEXT_MAX);
}

static void publish_release(struct publish *p)
{
        for (uint32_t i = 0; i < p->pattern_count; i++)
                free(p->patterns[i]);
        for (size_t i = 0; i < p->found_count; i++)
                free(p->found[i]);
        free(p->patterns);
        free(p->matched);
        free(p->found);
        free(p->dir);
        free(p->workdir);
        free(p->dataset);
        buf_release(&p->list);
        if (p->fresh_fd >= 0)
                close(p->fresh_fd);
}

static void publish_answer(int fd, const struct publish *p)
{
        struct buf out;
        size_t mark;

        buf_init(&out, FRAME_MAX);
        mark = frame_begin(&out, K_PUBLISHED);
        put_key(&out, p->key);
        buf_u8(&out, (uint8_t)p->outcome);
        buf_u32(&out, p->outcome == OUTCOME_SUCCEEDED ? p->files : 0);
        buf_str(&out, p->text);
        frame_end(&out, mark);
        helper_child_write(fd, &out);
        buf_release(&out);
}

void chore_publish(int fd, void *arg)
{
        struct buf *in = arg;
        struct frame f;

        while (frame_next(in, &f, NULL) > 0) {
                struct publish p = {.outcome = OUTCOME_SUCCEEDED, .fresh_fd = -1};
                struct reader r;

                buf_init(&p.list, OUTPUT_LIST_MAX);
                reader_init(&r, f.payload, f.len);
                publish_read(&p, &r);
                if (r.bad)
                        return;
                if (publish_one(&p) < 0 && p.outcome == OUTCOME_SUCCEEDED)
                        p.outcome = OUTCOME_OUTPUT_FAILED;
                if (p.outcome != OUTCOME_SUCCEEDED && *p.fresh)
                        dir_remove(AT_FDCWD, p.fresh);
                publish_answer(fd, &p);
                publish_release(&p);
                frame_done(in, &f);
        }
}

int outputs_load(struct attempt_key key, struct buf *ret, uint32_t *ret_count)
{
        char dir[96], path[128];
        struct reader r;
        int fd;

        spool_final_path(key, dir);
        snprintf(path, sizeof path, "%s/" OUTPUT_LIST, dir);
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return -1;
        for (;;) {
                uint8_t *to = buf_reserve(ret, 65536);
                ssize_t n = to ? read(fd, to, 65536) : -1;

                if (n <= 0) {
                        close(fd);
                        if (n < 0)
                                return -1;
                        break;
                }
                buf_added(ret, (size_t)n);
        }
        reader_init(&r, buf_bytes(ret), buf_len(ret));
        *ret_count = reader_u32(&r);
        if (r.bad)
                return -1;
        buf_consume(ret, 4);
        return 0;
}
