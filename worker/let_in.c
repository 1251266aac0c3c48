/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/let_in.h"

#include "common/util.h"
#include "worker/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOCK_MS 5000 /* to wait for another worker of the account */

/* ---- pure parts ---- */

/* Nothing that a shell or sshd's parser of quoted options would read as more than a name. */
static bool is_plain(const char *s)
{
        for (; *s; s++) {
                if (!(*s >= 'a' && *s <= 'z') && !(*s >= 'A' && *s <= 'Z') && !(*s >= '0' && *s <= '9') &&
                    !strchr("/._-+@:,=", *s))
                        return false;
        }
        return true;
}

static bool key_is_plain(const char *key)
{
        static const char type[] = "ssh-ed25519 ";

        return strncmp(key, type, strlen(type)) == 0 && key[strlen(type)] && is_plain(key + strlen(type));
}

/* What marks our line: no two workers share a root. */
static void mark_of(struct buf *b, const char *root, uint64_t id)
{
        buf_printf(b, " reeve-transfer:%llu:%s\n", (unsigned long long)id, root);
}

bool let_in_line(struct buf *b, const char *program, const char *root, const struct transfer_offer *o,
                 const char *expiry)
{
        if (!is_plain(program) || !is_plain(root) || !key_is_plain(o->public_key))
                return false;
        buf_printf(b, "restrict,expiry-time=\"%s\",command=\"%s send --root %s --transfer %llu\" %s", expiry,
                   program, root, (unsigned long long)o->id, o->public_key);
        mark_of(b, root, o->id);
        return true;
}

void let_in_without(struct buf *b, const char *text, size_t n, const char *root, uint64_t id)
{
        struct buf mark;
        const char *end = text + n;

        buf_init(&mark, 2 * PATH_TEXT_MAX);
        mark_of(&mark, root, id);
        while (text < end) {
                const char *stop = memchr(text, '\n', (size_t)(end - text));
                size_t length = stop ? (size_t)(stop + 1 - text) : (size_t)(end - text), m = buf_len(&mark);

                if (length < m || memcmp(text + length - m, buf_bytes(&mark), m) != 0)
                        buf_put(b, text, length);
                text += length;
        }
        buf_release(&mark);
}

/* ---- the file ---- */

static char *authorized_path(const struct transfer_offer *o, struct err *err)
{
        const char *path = o->authorized_keys[0] ? o->authorized_keys : "~/.ssh/authorized_keys";
        const char *home = getenv("HOME");

        if (path[0] == '/')
                return xstrdup(path);
        if (strncmp(path, "~/", 2) != 0 || !home || home[0] != '/') {
                err_set(err, ERR_BAD_INPUT, "the path of authorized_keys is neither absolute nor below ~/");
                return NULL;
        }
        return xasprintf("%s%s", home, path + 1);
}

static int lock_beside(const char *path, struct err *err)
{
        AUTO_FREE char *name = xasprintf("%s.reeve-lock", path);
        int64_t give_up = clock_boot_ms() + LOCK_MS;
        int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd < 0)
                return err_errno(err, "could not open \"%s\"", name);
        while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                if (clock_boot_ms() >= give_up) {
                        close(fd);
                        return err_set(err, ERR_UNAVAILABLE, "\"%s\" is locked for too long", name);
                }
                usleep(10000);
        }
        return fd;
}

/* The whole file; missing is empty. */
static int read_all(const char *path, struct buf *ret, struct stat *st, struct err *err)
{
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

        *st = (struct stat){.st_mode = S_IFREG | 0600};
        if (fd < 0 && errno == ENOENT)
                return 0;
        if (fd < 0 || fstat(fd, st) < 0)
                return err_errno(err, "could not read \"%s\"", path);
        if (!S_ISREG(st->st_mode) || st->st_uid != geteuid() || st->st_size > (off_t)AUTHORIZED_MAX)
                return err_set(err, ERR_DENIED,
                               "\"%s\" is not a small regular file of this account: it is left alone", path);
        for (;;) {
                uint8_t *to = buf_reserve(ret, 65536);
                ssize_t n = to ? read(fd, to, 65536) : 0;

                if (n <= 0)
                        return n < 0 ? err_errno(err, "could not read \"%s\"", path) : 0;
                buf_added(ret, (size_t)n);
        }
}

static bool is_unchanged(const char *path, const struct stat *was)
{
        struct stat now;

        if (lstat(path, &now) < 0)
                return errno == ENOENT && was->st_ino == 0;
        return now.st_ino == was->st_ino && now.st_size == was->st_size &&
               now.st_mtim.tv_sec == was->st_mtim.tv_sec && now.st_mtim.tv_nsec == was->st_mtim.tv_nsec;
}

/* Somebody's editor does not know our lock: whoever wrote since we read wins, and we say so. */
static int replace(const char *path, const struct buf *b, const struct stat *was, struct err *err)
{
        AUTO_FREE char *aside = xasprintf("%s.reeve-new", path);
        AUTO_CLOSE int fd = -1;

        unlink(aside);
        fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0 || fchmod(fd, was->st_mode & 0777) < 0 ||
            file_write_all(fd, buf_bytes(b), buf_len(b)) < 0 || fsync(fd) < 0) {
                err_errno(err, "could not write \"%s\"", aside);
                unlink(aside);
                return -1;
        }
        if (!is_unchanged(path, was)) {
                unlink(aside);
                return err_set(err, ERR_CONFLICT, "\"%s\" was changed by somebody else just now", path);
        }
        return rename(aside, path) < 0 ? err_errno(err, "could not replace \"%s\"", path) : 0;
}

/* Take the transfer's lines out, and put `line` in if there is one. */
static int edit(const char *path, const char *root, uint64_t id, const struct buf *line, struct err *err)
{
        AUTO_CLOSE int lock = lock_beside(path, err);
        struct buf old, new;
        struct stat st;
        int rc = -1;

        if (lock < 0)
                return -1;
        buf_init(&old, 2 * AUTHORIZED_MAX);
        buf_init(&new, 2 * AUTHORIZED_MAX);
        if (read_all(path, &old, &st, err) == 0) {
                let_in_without(&new, (const char *)buf_bytes(&old), buf_len(&old), root, id);
                if (line && buf_len(&new) && buf_bytes(&new)[buf_len(&new) - 1] != '\n')
                        buf_text(&new, "\n");
                if (line)
                        buf_put(&new, buf_bytes(line), buf_len(line));
                rc = !line && buf_len(&new) == buf_len(&old) ? 0 : replace(path, &new, &st, err);
        }
        buf_release(&old);
        buf_release(&new);
        return rc;
}

int let_in(const char *root, const struct transfer_offer *o, int64_t until_wall_ms, struct err *err)
{
        AUTO_FREE char *path = authorized_path(o, err);
        char program[PATH_MAX], expiry[32];
        time_t until = (time_t)(until_wall_ms / 1000) + 60;
        ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
        struct buf line;
        struct tm tm;
        int rc;

        if (!path)
                return -1;
        if (n <= 0 || !localtime_r(&until, &tm))
                return err_errno(err, "could not find out where this program is");
        program[n] = '\0';
        /* sshd reads it in the host's time zone. */
        strftime(expiry, sizeof expiry, "%Y%m%d%H%M%S", &tm);
        buf_init(&line, 4 * PATH_TEXT_MAX);
        rc = let_in_line(&line, program, root, o, expiry)
                 ? edit(path, root, o->id, &line, err)
                 : err_set(err, ERR_BAD_INPUT,
                           "the worker's directory \"%s\" has characters that authorized_keys cannot carry",
                           root);
        buf_release(&line);
        return rc;
}

int let_out(const struct transfer_offer *o, struct err *err)
{
        AUTO_FREE char *path = authorized_path(o, err), *root = getcwd(NULL, 0);

        if (!path || !root)
                return -1;
        return edit(path, root, o->id, NULL, err);
}
