/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping the spool bounded, and measuring what running attempts occupy. */
#include "worker/chores.h"

#include "common/states.h"
#include "common/util.h"
#include "worker/files.h"
#include "worker/helper.h"
#include "worker/keeper.h"
#include "worker/parts.h"
#include "worker/walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LISTED_MAX 200000 /* directories looked at in one round; the rest waits for the next */

static int on_size(void *arg, const struct walk_entry *e)
{
        uint64_t *bytes = arg;

        if (!e->fault)
                *bytes += (uint64_t)e->st.st_blocks * 512;
        return 0;
}

static uint64_t disk_use(const char *dir)
{
        int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        uint64_t bytes = 0;

        if (fd >= 0)
                walk(fd, on_size, &bytes);
        return bytes;
}

void chore_measure(int fd, void *arg)
{
        const struct measure_request *q = arg;
        struct buf out;

        buf_init(&out, FRAME_MAX);
        for (size_t i = 0; i < q->count; i++) {
                uint64_t bytes = disk_use(q->items[i].dir);
                size_t mark;

                if (bytes <= q->items[i].limit)
                        continue;
                mark = frame_begin(&out, K_OVER);
                put_key(&out, q->items[i].key);
                buf_u8(&out, OUTCOME_OUTPUT_LIMIT);
                buf_str(&out, "its directory grew beyond its disk limit");
                frame_end(&out, mark);
                helper_child_write(fd, &out);
        }
}

/* ---- what is old ---- */

struct old {
        char path[160];
        time_t since; /* its last change, or when it became an attempt's */
        uint64_t bytes;
};

struct listing {
        struct old *list;
        size_t count, cap;
};

static void list_dirs(struct listing *l, const char *parent, int depth)
{
        DIR *d = opendir(parent);
        struct dirent *e;

        while (d && l->count < LISTED_MAX && (e = readdir(d))) {
                struct old o = {0};
                struct stat st;

                if (e->d_name[0] == '.' || (depth && strcmp(e->d_name, "run") == 0) ||
                    strlen(parent) + strlen(e->d_name) + 2 > sizeof o.path)
                        continue;
                snprintf(o.path, sizeof o.path, "%.100s/%.50s", parent, e->d_name);
                if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
                        continue;
                if (depth) {
                        list_dirs(l, o.path, depth - 1);
                        rmdir(o.path); /* the job's directory, once empty */
                        continue;
                }
                /* A pristine directory looks very old by design, and keeps that time when its attempt made no
                 * file. */
                o.since = st.st_ctime > st.st_mtime ? st.st_ctime : st.st_mtime;
                o.bytes = disk_use(o.path);
                l->list = xgrow(l->list, l->count, &l->cap, sizeof *l->list);
                l->list[l->count++] = o;
        }
        if (d)
                closedir(d);
}

static int by_age(const void *a, const void *b)
{
        const struct old *x = a, *y = b;

        return x->since != y->since ? (x->since < y->since ? -1 : 1) : strcmp(x->path, y->path);
}

static void remove_old(const struct janitor_request *q, const struct listing *l)
{
        uint64_t total = 0;

        for (size_t i = 0; i < l->count; i++)
                total += l->list[i].bytes;
        for (size_t i = 0; i < l->count; i++) {
                int64_t age = q->now - l->list[i].since;

                if (age < KEEP_SECONDS && (total <= q->keep_bytes || age < q->keep_seconds))
                        continue;
                if (dir_remove(AT_FDCWD, l->list[i].path) == 0)
                        total -= l->list[i].bytes;
        }
}

static bool is_running(const struct janitor_request *q, const char *path)
{
        for (size_t i = 0; i < q->count; i++) {
                if (strcmp(q->running[i], path) == 0)
                        return true;
        }
        return false;
}

/* What earlier keepers left; here too the change time counts. */
static void remove_scratch(const struct janitor_request *q)
{
        struct listing l = {0};
        char ours[64];

        snprintf(ours, sizeof ours, "spool/run/%llu.", (unsigned long long)q->generation);
        list_dirs(&l, "spool/run", 0);
        for (size_t i = 0; i < l.count; i++) {
                struct stat st;

                if (strncmp(l.list[i].path, ours, strlen(ours)) != 0 && !is_running(q, l.list[i].path) &&
                    lstat(l.list[i].path, &st) == 0 && q->now - st.st_ctime > SCRATCH_SECONDS)
                        dir_remove(AT_FDCWD, l.list[i].path);
        }
        free(l.list);
}

void chore_janitor(int fd, void *arg)
{
        struct listing l = {0};

        (void)fd;
        list_dirs(&l, "spool", 1);
        if (l.count)
                qsort(l.list, l.count, sizeof *l.list, by_age);
        remove_old(arg, &l);
        free(l.list);
        remove_scratch(arg);
        parts_remove_old(((const struct janitor_request *)arg)->now);
}
