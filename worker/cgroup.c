/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/cgroup.h"

#include "common/log.h"
#include "common/num.h"
#include "common/util.h"
#include "worker/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define UP_MAX        8           /* groups looked at from our own upwards */
#define DEPTH_MAX     8           /* groups that an attempt made inside its own */
#define RECORD_MAX    8           /* bases noted */
#define TEXT_MAX      (64u << 10) /* of a file that is read */
#define PIDS_AT_ONCE  256         /* killed in one round */
#define SWEEP_WAIT_MS 1000        /* for what was killed at the start to be gone */
#define GROUP_MAX     (CGROUP_PATH_MAX + 64)

static const struct {
        const char *controller, *word;
} kinds[CGROUP_KINDS] = {
    [CGROUP_V2] = {"", "v2"},
    [CGROUP_V1_MEMORY] = {"memory", "memory"},
    [CGROUP_V1_PIDS] = {"pids", "pids"},
};

/* ---- files ---- */

/* false when it does not fit */
__attribute__((format(printf, 3, 4))) static bool path_print(char *to, size_t size, const char *fmt, ...)
{
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vsnprintf(to, size, fmt, ap);
        va_end(ap);
        return n >= 0 && (size_t)n < size;
}

/* At most size - 1 bytes of dir/name as a string; false when it cannot be read. */
static bool read_text(const char *dir, const char *name, char *to, size_t size)
{
        char path[GROUP_MAX + 64];
        size_t n = 0;
        ssize_t k;
        int fd;

        to[0] = '\0';
        snprintf(path, sizeof path, "%s/%s", dir, name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return false;
        while (n < size - 1 && (k = read(fd, to + n, size - 1 - n)) > 0)
                n += (size_t)k;
        close(fd);
        to[n] = '\0';
        return true;
}

static int open_for_writing(const char *dir, const char *name)
{
        char path[GROUP_MAX + 64];

        snprintf(path, sizeof path, "%s/%s", dir, name);
        return open(path, O_WRONLY | O_CLOEXEC);
}

static int write_text(const char *dir, const char *name, const char *text)
{
        int fd = open_for_writing(dir, name), rc = -1;

        if (fd < 0)
                return -1;
        if (write(fd, text, strlen(text)) == (ssize_t)strlen(text))
                rc = 0;
        close(fd);
        return rc;
}

static int write_number(const char *dir, const char *name, uint64_t v)
{
        char text[24];

        snprintf(text, sizeof text, "%llu", (unsigned long long)v);
        return write_text(dir, name, text);
}

static uint64_t read_number(const char *dir, const char *name)
{
        char text[32];

        return read_text(dir, name, text, sizeof text) ? strtoull(text, NULL, 10) : 0;
}

static bool has_file(const char *dir, const char *name)
{
        char path[GROUP_MAX + 64];

        snprintf(path, sizeof path, "%s/%s", dir, name);
        return access(path, W_OK) == 0;
}

uint64_t cgroup_event(const char *text, const char *name)
{
        size_t n = strlen(name);

        for (const char *line = text; *line; line += *line == '\n') {
                if (strncmp(line, name, n) == 0 && line[n] == ' ')
                        return strtoull(line + n + 1, NULL, 10);
                line += strcspn(line, "\n");
        }
        return 0;
}

/* ---- where we are ---- */

/* Is `word` one of the comma separated words of the n bytes at `list`? */
static bool list_has(const char *list, size_t n, const char *word)
{
        size_t len = strlen(word);

        for (const char *s = list, *end = list + n; s < end;) {
                size_t k = strcspn(s, ",");

                if (k > (size_t)(end - s))
                        k = (size_t)(end - s);
                if (k == len && strncmp(s, word, len) == 0)
                        return true;
                s += k + 1;
        }
        return false;
}

/* Our path in one hierarchy: lines are "number:controllers:path". */
static bool own_path(const char *own, const char *controller, char ret[CGROUP_PATH_MAX])
{
        for (const char *line = own; *line; line += *line == '\n') {
                size_t len = strcspn(line, "\n");
                const char *list = memchr(line, ':', len);
                const char *path = list ? memchr(list + 1, ':', len - (size_t)(list + 1 - line)) : NULL;
                size_t list_len = path ? (size_t)(path - list - 1) : 0;
                size_t n = path ? len - (size_t)(path + 1 - line) : 0;

                line += len;
                if (!path || n >= CGROUP_PATH_MAX || path[1] != '/')
                        continue;
                if (*controller ? !list_has(list + 1, list_len, controller) : list_len != 0)
                        continue;
                snprintf(ret, CGROUP_PATH_MAX, "%.*s", (int)n, path + 1);
                return true;
        }
        return false;
}

/* One line of mountinfo: "id parent dev root point options... - type source options". */
static bool mount_line(const char *line, size_t len, const char *controller, char root[CGROUP_PATH_MAX],
                       char point[CGROUP_PATH_MAX])
{
        char text[2048], type[16], options[1024];
        const char *tail;

        if (len >= sizeof text)
                return false;
        memcpy(text, line, len);
        text[len] = '\0';
        tail = strstr(text, " - ");
        if (!tail || sscanf(tail, " - %15s %*s %1023s", type, options) != 2 ||
            sscanf(text, "%*s %*s %*s %511s %511s", root, point) != 2)
                return false;
        if (strchr(root, '\\') || strchr(point, '\\'))
                return false;
        return *controller ? strcmp(type, "cgroup") == 0 && list_has(options, strlen(options), controller)
                           : strcmp(type, "cgroup2") == 0;
}

bool cgroup_locate(const char *mountinfo, const char *own, const char *controller, char ret[CGROUP_PATH_MAX])
{
        char path[CGROUP_PATH_MAX], root[CGROUP_PATH_MAX], point[CGROUP_PATH_MAX];

        if (!own_path(own, controller, path) || strstr(path, "/.."))
                return false;
        for (const char *line = mountinfo; *line; line += *line == '\n') {
                size_t len = strcspn(line, "\n"), skip;
                const char *here = line;

                line += len;
                if (!mount_line(here, len, controller, root, point))
                        continue;
                /* A container may have only a part of the tree mounted. */
                skip = strcmp(root, "/") == 0 ? 0 : strlen(root);
                if (strncmp(path, root, skip) != 0 || (skip && path[skip] && path[skip] != '/') ||
                    !path_print(ret, CGROUP_PATH_MAX, "%s%s", point, path + skip))
                        continue;
                for (size_t n = strlen(ret); n > 1 && ret[n - 1] == '/'; n--)
                        ret[n - 1] = '\0';
                return true;
        }
        return false;
}

/* ---- a base ---- */

/* Can a child of ours get into this group? Only trying tells: it depends on the groups above as well. */
static bool can_enter(const char *group)
{
        int fd = open_for_writing(group, "cgroup.procs"), status = 1;
        pid_t pid;

        if (fd < 0)
                return false;
        pid = fork();
        if (pid == 0)
                _exit(write(fd, "0", 1) == 1 ? 0 : 1);
        while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
                continue;
        close(fd);
        return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* In version 2 a group's controllers are those that its parent hands down; ours may, when nobody sits in it.
 */
static void hand_down(const char *group)
{
        write_text(group, "cgroup.subtree_control", "+memory");
        write_text(group, "cgroup.subtree_control", "+pids");
}

/* Try a group made in the base as an attempt's would be. */
static bool base_try(enum cgroup_kind kind, struct cgroup_tree *t)
{
        char probe[GROUP_MAX];
        bool good;

        snprintf(probe, sizeof probe, "%s/probe", t->base);
        if (kind == CGROUP_V2)
                hand_down(t->base);
        if (mkdir(probe, 0755) < 0 && errno != EEXIST)
                return false;
        good = can_enter(probe);
        t->memory = has_file(probe, kind == CGROUP_V2 ? "memory.max" : "memory.limit_in_bytes");
        t->pids = has_file(probe, "pids.max");
        rmdir(probe);
        return good;
}

static bool base_make(enum cgroup_kind kind, const char *above, const char *name, struct cgroup_tree *ret)
{
        struct cgroup_tree t = {0};

        if (!path_print(t.base, sizeof t.base, "%s/reeve-%s", above, name))
                return false;
        if (mkdir(t.base, 0755) < 0 && errno != EEXIST)
                return false;
        if (kind == CGROUP_V2)
                hand_down(above);
        if (!base_try(kind, &t)) {
                rmdir(t.base);
                return false;
        }
        *ret = t;
        return true;
}

/* The nearest place that works; in version 2 rather one with limits than the nearest. */
static void base_find(enum cgroup_kind kind, const char *name, struct cgroup_tree *ret)
{
        AUTO_FREE char *mounts = xmalloc(TEXT_MAX), *own = xmalloc(TEXT_MAX);
        char at[CGROUP_PATH_MAX];

        read_text("/proc/self", "mountinfo", mounts, TEXT_MAX);
        read_text("/proc/self", "cgroup", own, TEXT_MAX);
        if (!cgroup_locate(mounts, own, kinds[kind].controller, at))
                return;
        for (int i = 0; i < UP_MAX && has_file(at, "cgroup.procs"); i++) {
                struct cgroup_tree t;

                if (base_make(kind, at, name, &t)) {
                        if (ret->base[0] && t.memory)
                                rmdir(ret->base);
                        if (!ret->base[0] || t.memory)
                                *ret = t;
                        else
                                rmdir(t.base);
                        if (ret->memory || kind != CGROUP_V2)
                                return;
                }
                if (!strrchr(at, '/') || strrchr(at, '/') == at)
                        return;
                *strrchr(at, '/') = '\0';
        }
}

/* ---- killing and removing ---- */

static size_t list_pids(const char *group, pid_t pids[PIDS_AT_ONCE])
{
        char text[PIDS_AT_ONCE * 8];
        size_t n = 0;

        if (!read_text(group, "cgroup.procs", text, sizeof text))
                return 0;
        for (char *s = text, *end; *s && n < PIDS_AT_ONCE; s = end + (*end == '\n')) {
                long pid = strtol(s, &end, 10);

                /* A line that was cut short has no end. */
                if (end == s || *end != '\n')
                        break;
                if (pid > 0)
                        pids[n++] = (pid_t)pid;
        }
        return n;
}

static bool holds(const pid_t *pids, size_t n, pid_t pid)
{
        for (size_t i = 0; i < n; i++) {
                if (pids[i] == pid)
                        return true;
        }
        return false;
}

/* Without cgroup.kill: take hold of each process first, then look whether it is one of the group's still. */
static void kill_each(const char *group)
{
        pid_t before[PIDS_AT_ONCE], after[PIDS_AT_ONCE];
        int fds[PIDS_AT_ONCE];
        size_t n = list_pids(group, before), m;

        for (size_t i = 0; i < n; i++)
                fds[i] = (int)syscall(SYS_pidfd_open, before[i], 0);
        m = list_pids(group, after);
        for (size_t i = 0; i < n; i++) {
                if (fds[i] >= 0) {
                        if (holds(after, m, before[i]))
                                syscall(SYS_pidfd_send_signal, fds[i], SIGKILL, NULL, 0);
                        close(fds[i]);
                }
        }
}

static void group_kill(const char *group, int depth)
{
        DIR *d;
        struct dirent *e;

        /* Nothing can be made in it any more, so that what is killed stays dead. */
        write_text(group, "pids.max", "0");
        if (write_text(group, "cgroup.kill", "1") == 0)
                return;
        kill_each(group);
        d = depth < DEPTH_MAX ? opendir(group) : NULL;
        while (d && (e = readdir(d))) {
                char below[GROUP_MAX];

                if (e->d_type != DT_DIR || e->d_name[0] == '.' ||
                    !path_print(below, sizeof below, "%s/%s", group, e->d_name))
                        continue;
                group_kill(below, depth + 1);
        }
        if (d)
                closedir(d);
}

/* 0: gone; -1: not empty. */
static int group_remove(const char *group, int depth)
{
        DIR *d;
        struct dirent *e;

        if (rmdir(group) == 0 || errno == ENOENT)
                return 0;
        d = depth < DEPTH_MAX ? opendir(group) : NULL;
        while (d && (e = readdir(d))) {
                char below[GROUP_MAX];

                if (e->d_type == DT_DIR && e->d_name[0] != '.' &&
                    path_print(below, sizeof below, "%s/%s", group, e->d_name))
                        group_remove(below, depth + 1);
        }
        if (d)
                closedir(d);
        return rmdir(group) == 0 || errno == ENOENT ? 0 : -1;
}

/* ---- all groups of a base ---- */

/* "12.3.1" */
static bool group_key(const char *name, struct attempt_key *ret)
{
        char text[64], *dot = NULL;
        struct ref ref;

        if (!path_print(text, sizeof text, "%s", name))
                return false;
        dot = strrchr(text, '.');
        if (dot)
                *dot = '#';
        if (num_ref("group", text, &ref, NULL) < 0 || ref.task < 0 || ref.attempt < 0 ||
            ref.task > INT32_MAX || ref.attempt > INT32_MAX)
                return false;
        *ret = (struct attempt_key){ref.job, (int32_t)ref.task, (int32_t)ref.attempt};
        return true;
}

/* Returns how many groups are still there without being an attempt's that runs. */
static int sweep_base(const char *base, cgroup_alive_cb is_alive, void *arg)
{
        DIR *d = opendir(base);
        struct dirent *e;
        int left = 0;

        while (d && (e = readdir(d))) {
                struct attempt_key key;
                char group[GROUP_MAX];

                if (e->d_type != DT_DIR || e->d_name[0] == '.' ||
                    !path_print(group, sizeof group, "%s/%s", base, e->d_name) ||
                    (group_key(e->d_name, &key) && is_alive(arg, key)) || group_remove(group, 0) == 0)
                        continue;
                group_kill(group, 0);
                left += group_remove(group, 0) < 0;
        }
        if (d)
                closedir(d);
        return left;
}

void cgroups_sweep(struct cgroups *c, cgroup_alive_cb is_alive, void *arg)
{
        for (int kind = 0; kind < CGROUP_KINDS; kind++) {
                int64_t give_up = clock_boot_ms() + SWEEP_WAIT_MS;

                if (!c->trees[kind].base[0])
                        continue;
                while (sweep_base(c->trees[kind].base, is_alive, arg) && clock_boot_ms() < give_up)
                        poll(NULL, 0, 5);
        }
}

/* ---- the record of bases ---- */

/* A line is "kind path". A base that is used is gone on with; any other is removed when it is empty, and
 * stays noted when it is not. */
static void record_read(struct cgroups *c, const char *name, const char *record,
                        char others[RECORD_MAX][CGROUP_PATH_MAX + 16], size_t *ret_n)
{
        char text[RECORD_MAX * (CGROUP_PATH_MAX + 16)], *at = text, *line;

        *ret_n = 0;
        if (!record || !read_text(".", record, text, sizeof text))
                return;
        while ((line = strsep(&at, "\n")) && *ret_n < RECORD_MAX) {
                char *path = strchr(line, ' '), *last = strrchr(line, '/');
                int kind = 0;

                if (!path || !last || path[1] != '/' || strlen(path + 1) >= CGROUP_PATH_MAX ||
                    strncmp(last, "/reeve-", 7) != 0 || strcmp(last + 7, name) != 0)
                        continue;
                *path = '\0';
                while (kind < CGROUP_KINDS && strcmp(kinds[kind].word, line) != 0)
                        kind++;
                if (kind == CGROUP_KINDS)
                        continue;
                if (!c->trees[kind].base[0]) {
                        struct cgroup_tree t = {0};

                        if (path_print(t.base, sizeof t.base, "%s", path + 1) &&
                            base_try((enum cgroup_kind)kind, &t)) {
                                c->trees[kind] = t;
                                continue;
                        }
                }
                if (rmdir(path + 1) < 0 && errno != ENOENT &&
                    path_print(others[*ret_n], sizeof others[0], "%s %s", kinds[kind].word, path + 1))
                        (*ret_n)++;
        }
}

static void record_write(const struct cgroups *c, const char *record,
                         char others[RECORD_MAX][CGROUP_PATH_MAX + 16], size_t n)
{
        FILE *f;

        if (!record)
                return;
        f = fopen(record, "we");
        for (int kind = 0; f && kind < CGROUP_KINDS; kind++) {
                if (c->trees[kind].base[0])
                        fprintf(f, "%s %s\n", kinds[kind].word, c->trees[kind].base);
        }
        for (size_t i = 0; f && i < n; i++)
                fprintf(f, "%s\n", others[i]);
        if (!f || fclose(f) != 0)
                log_warn("could not write \"%s\": %s", record, strerror(errno));
}

void cgroups_open(struct cgroups *c, const char *name, const char *record)
{
        char others[RECORD_MAX][CGROUP_PATH_MAX + 16];
        struct cgroup_tree *v2 = &c->trees[CGROUP_V2];
        size_t n;

        memset(c, 0, sizeof *c);
        record_read(c, name, record, others, &n);
        for (int kind = 0; kind < CGROUP_KINDS; kind++) {
                bool needed = kind == CGROUP_V2 || (kind == CGROUP_V1_MEMORY ? !v2->memory : !v2->pids);

                if (needed && !c->trees[kind].base[0])
                        base_find((enum cgroup_kind)kind, name, &c->trees[kind]);
        }
        record_write(c, record, others, n);
}

void cgroups_close(struct cgroups *c)
{
        for (int kind = 0; kind < CGROUP_KINDS; kind++) {
                if (c->trees[kind].base[0])
                        rmdir(c->trees[kind].base);
        }
        memset(c, 0, sizeof *c);
}

const char *cgroups_word(const struct cgroups *c)
{
        if (c->trees[CGROUP_V2].memory)
                return "cgroup2";
        return c->trees[CGROUP_V1_MEMORY].memory ? "cgroup1" : "";
}

/* ---- one group ---- */

static bool group_path(const struct cgroups *c, int kind, struct attempt_key key, char ret[GROUP_MAX])
{
        if (!c->trees[kind].base[0])
                return false;
        return path_print(ret, GROUP_MAX, "%s/%lld.%d.%d", c->trees[kind].base, (long long)key.job, key.task,
                          key.attempt);
}

/* Set the limits that this tree keeps; returns the flags of those that hold now. */
static unsigned group_limit(const struct cgroup_tree *t, int kind, const char *group, uint64_t memory,
                            uint32_t pids)
{
        unsigned flags = 0;

        if (t->memory && memory && kind == CGROUP_V2 && write_number(group, "memory.max", memory) == 0) {
                /* Swap would only make it slow before it dies; one process of it alone is no use. */
                write_text(group, "memory.swap.max", "0");
                write_text(group, "memory.oom.group", "1");
                flags |= CGROUP_MEMORY;
        } else if (t->memory && memory && write_number(group, "memory.limit_in_bytes", memory) == 0) {
                write_number(group, "memory.memsw.limit_in_bytes", memory);
                flags |= CGROUP_MEMORY;
        }
        if (t->pids && pids && write_number(group, "pids.max", pids) == 0)
                flags |= CGROUP_PIDS;
        return flags;
}

unsigned cgroup_make(const struct cgroups *c, struct attempt_key key, uint64_t memory, uint32_t pids,
                     int ret_fds[CGROUP_KINDS])
{
        unsigned flags = 0;

        for (int kind = 0; kind < CGROUP_KINDS; kind++) {
                const struct cgroup_tree *t = &c->trees[kind];
                char group[GROUP_MAX];

                ret_fds[kind] = -1;
                /* Without version 2 the pids controller is what makes killing certain. */
                if (!group_path(c, kind, key, group) || (kind == CGROUP_V1_MEMORY && !memory) ||
                    (kind == CGROUP_V1_PIDS && !pids && c->trees[CGROUP_V2].base[0]) ||
                    mkdir(group, 0755) < 0)
                        continue;
                ret_fds[kind] = open_for_writing(group, "cgroup.procs");
                if (ret_fds[kind] < 0) {
                        rmdir(group);
                        continue;
                }
                flags |= CGROUP_MADE | group_limit(t, kind, group, memory, pids);
        }
        return flags;
}

unsigned cgroup_found(const struct cgroups *c, struct attempt_key key, uint64_t memory, uint32_t pids)
{
        unsigned flags = 0;

        for (int kind = 0; kind < CGROUP_KINDS; kind++) {
                const struct cgroup_tree *t = &c->trees[kind];
                char group[GROUP_MAX];

                if (!group_path(c, kind, key, group) || !has_file(group, "cgroup.procs"))
                        continue;
                flags |= CGROUP_MADE | (memory && t->memory ? CGROUP_MEMORY : 0) |
                         (pids && t->pids ? CGROUP_PIDS : 0);
        }
        return flags;
}

void cgroup_read(const struct cgroups *c, struct attempt_key key, struct cgroup_usage *ret)
{
        char group[GROUP_MAX], text[1024];

        memset(ret, 0, sizeof *ret);
        for (int kind = 0; kind < CGROUP_KINDS; kind++) {
                if (!group_path(c, kind, key, group))
                        continue;
                if (c->trees[kind].memory) {
                        bool v2 = kind == CGROUP_V2;

                        ret->memory_peak =
                            read_number(group, v2 ? "memory.peak" : "memory.max_usage_in_bytes");
                        if (read_text(group, v2 ? "memory.events" : "memory.oom_control", text, sizeof text))
                                ret->oom_kills = cgroup_event(text, "oom_kill");
                }
                if (c->trees[kind].pids && read_text(group, "pids.events", text, sizeof text))
                        ret->refused = cgroup_event(text, "max");
        }
}

bool cgroup_is_empty(const struct cgroups *c, struct attempt_key key)
{
        char group[GROUP_MAX];
        pid_t pids[PIDS_AT_ONCE];

        for (int kind = 0; kind < CGROUP_KINDS; kind++) {
                if (group_path(c, kind, key, group) && list_pids(group, pids))
                        return false;
        }
        return true;
}

void cgroup_kill(const struct cgroups *c, struct attempt_key key)
{
        char group[GROUP_MAX];

        for (int kind = CGROUP_KINDS - 1; kind >= 0; kind--) {
                if (group_path(c, kind, key, group))
                        group_kill(group, 0);
        }
}

int cgroup_remove(const struct cgroups *c, struct attempt_key key)
{
        char group[GROUP_MAX];
        int rc = 0;

        for (int kind = 0; kind < CGROUP_KINDS; kind++) {
                if (group_path(c, kind, key, group) && group_remove(group, 0) < 0)
                        rc = -1;
        }
        return rc;
}
