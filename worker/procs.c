/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/procs.h"

#include "common/util.h"
#include "worker/launch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CHILDREN_TEXT_MAX (8u * PROCS_MAX) /* a number and a space for each */
#define ENVIRON_MAX       (256u << 10)     /* of an environment that is searched for our mark */

static ssize_t read_file(const char *path, char *to, size_t size)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        size_t n = 0;

        if (fd < 0)
                return -1;
        while (n < size - 1) {
                ssize_t k = read(fd, to + n, size - 1 - n);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k <= 0)
                        break;
                n += (size_t)k;
        }
        close(fd);
        to[n] = '\0';
        return (ssize_t)n;
}

bool procs_read(pid_t pid, struct proc *ret)
{
        char path[40], text[1024], *s;
        unsigned long long start = 0;
        long rss = 0;
        int parent, session, threads;
        char state;

        snprintf(path, sizeof path, "/proc/%d/stat", pid);
        if (read_file(path, text, sizeof text) <= 0)
                return false;
        /* The name is the program's choice and may hold anything, so start behind its last parenthesis. */
        s = strrchr(text, ')');
        if (!s ||
            sscanf(s + 1,
                   " %c %d %*d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d %*d %llu %*u %ld",
                   &state, &parent, &session, &threads, &start, &rss) != 6)
                return false;
        *ret = (struct proc){.pid = pid,
                             .parent = parent,
                             .session = session,
                             .state = state,
                             .start_ticks = start,
                             .threads = threads > 0 ? (uint32_t)threads : 0,
                             .rss_bytes = (uint64_t)rss * (uint64_t)sysconf(_SC_PAGESIZE)};
        return true;
}

static int by_pid(const void *a, const void *b)
{
        return ((const struct proc *)a)->pid - ((const struct proc *)b)->pid;
}

size_t procs_scan(struct proc **ret)
{
        struct proc *list = NULL;
        size_t n = 0, cap = 0;
        struct dirent *e;
        struct stat st;
        DIR *d = opendir("/proc");
        uid_t uid = geteuid();

        while (d && n < PROCS_MAX && (e = readdir(d))) {
                pid_t pid = e->d_name[0] >= '1' && e->d_name[0] <= '9' ? atoi(e->d_name) : 0;

                if (!pid || fstatat(dirfd(d), e->d_name, &st, 0) < 0 || st.st_uid != uid)
                        continue;
                list = xgrow(list, n, &cap, sizeof *list);
                if (procs_read(pid, &list[n]))
                        n++;
        }
        if (d)
                closedir(d);
        if (n)
                qsort(list, n, sizeof *list, by_pid);
        *ret = list;
        return n;
}

/* For kernels without CONFIG_PROC_CHILDREN. */
static ssize_t children_by_scan(pid_t *list, size_t max)
{
        struct proc *all;
        size_t n = procs_scan(&all), k = 0;

        for (size_t i = 0; i < n && k < max; i++) {
                if (all[i].parent == getpid())
                        list[k++] = all[i].pid;
        }
        free(all);
        return (ssize_t)k;
}

ssize_t procs_children(pid_t *list, size_t max)
{
        static int fd = -2;
        static char text[CHILDREN_TEXT_MAX];
        char path[64], *s = text;
        size_t k = 0, got = 0;

        if (fd == -2) {
                snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
                fd = open(path, O_RDONLY | O_CLOEXEC);
        }
        if (fd < 0)
                return children_by_scan(list, max);
        for (ssize_t n; got < sizeof text - 1; got += (size_t)n) {
                n = pread(fd, text + got, sizeof text - 1 - got, (off_t)got);
                if (n <= 0)
                        break;
        }
        text[got] = '\0';
        while (k < max && *s) {
                char *end;
                long pid = strtol(s, &end, 10);

                if (end == s)
                        break;
                list[k++] = (pid_t)pid;
                s = end + (*end == ' ');
        }
        return (ssize_t)k;
}

bool procs_key(pid_t pid, const char *spool_hex, struct attempt_key *ret)
{
        static char text[ENVIRON_MAX];
        const size_t name_len = strlen(LAUNCH_KEY_NAME);
        char path[40];
        ssize_t n;

        snprintf(path, sizeof path, "/proc/%d/environ", pid);
        n = read_file(path, text, sizeof text);
        for (const char *s = text; n > 0 && s < text + n; s += strlen(s) + 1) {
                if (strncmp(s, LAUNCH_KEY_NAME, name_len) == 0)
                        return launch_key_parse(s + name_len, spool_hex, ret);
        }
        return false;
}

void procs_kill(const struct proc *p, int signo)
{
        struct proc now;
        int fd = (int)syscall(SYS_pidfd_open, p->pid, 0);

        if (fd < 0 && errno != ENOSYS)
                return;
        if (procs_read(p->pid, &now) && now.start_ticks == p->start_ticks) {
                if (fd >= 0)
                        syscall(SYS_pidfd_send_signal, fd, signo, NULL, 0);
                else
                        kill(p->pid, signo);
        }
        if (fd >= 0)
                close(fd);
}
