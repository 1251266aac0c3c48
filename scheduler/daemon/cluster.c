/* SPDX-License-Identifier: Apache-2.0 */
/* Which server runs is read from data/postmaster.pid, as PostgreSQL's own tools do: process id in line 1,
 * status in line 8. A process id alone proves nothing after a crash or in a restarted container, so it counts
 * only when that process works in our data directory. A file that names anybody else is stale and removed,
 * because PostgreSQL itself would take any living process of that number for a running server. (Two servers
 * on one directory are still impossible: the shared memory of the first is tied to the directory.)
 */
#include "daemon/cluster_priv.h"
#include "common/log.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEP_MS     10
#define PROGRESS_MS 5000
#define READY_MS    (15 * 60 * 1000) /* recovery after a crash of a busy server on a slow disk */
#define ANSWER_MS   2000
#define ADOPT_MS    15000
#define STOP_MS     60000
#define ORPHANS_MS  30000 /* until processes of a killed server are gone */
#define WAL_SHARE   10    /* of the disk at most one in so many for the write-ahead log */

static void pause_ms(int ms)
{
        (void)poll(NULL, 0, ms);
}

/* ---- processes --------------------------------------------------------------------------------- */

static bool is_zombie(pid_t pid)
{
        char path[64], text[512];
        AUTO_CLOSE int fd = -1;
        ssize_t n;
        char *end;

        snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
        if (n <= 0)
                return false;
        text[n] = '\0';
        end = strrchr(text, ')'); /* the name may hold anything */
        return end && strlen(end) > 2 && (end[2] == 'Z' || end[2] == 'X');
}

/* Does `pid` live and work in the data directory? A server's processes do, and nobody else. */
static bool works_here(pid_t pid, const char *dir)
{
        char path[64], cwd[PATH_MAX], data[PATH_MAX], real[PATH_MAX];
        ssize_t n;

        (void)waitpid(pid, NULL, WNOHANG); /* it may be our own child that ended */
        if (kill(pid, 0) < 0 || is_zombie(pid))
                return false;
        snprintf(path, sizeof path, "/proc/%d/cwd", (int)pid);
        snprintf(data, sizeof data, "%s/data", dir);
        n = readlink(path, cwd, sizeof cwd - 1);
        if (n < 0 || !realpath(data, real))
                return false;
        cwd[n] = '\0';
        return strcmp(cwd, real) == 0;
}

enum server_status { SERVER_NONE, SERVER_STARTING, SERVER_READY, SERVER_STOPPING };

/* What postmaster.pid says, if it says it about a living server of ours. */
static enum server_status server_look(const char *dir, pid_t *ret_pid)
{
        char path[PATH_MAX], line[PATH_MAX];
        enum server_status status = SERVER_STARTING;
        int number = 0;
        long pid = 0;

        snprintf(path, sizeof path, "%s/data/postmaster.pid", dir);

        FILE *f = fopen(path, "re");

        *ret_pid = 0;
        if (!f)
                return SERVER_NONE;
        while (fgets(line, sizeof line, f)) {
                number++;
                if (number == 1)
                        pid = strtol(line, NULL, 10);
                else if (number == 8)
                        status = strncmp(line, "ready", 5) == 0      ? SERVER_READY
                                 : strncmp(line, "stopping", 8) == 0 ? SERVER_STOPPING
                                                                     : SERVER_STARTING;
        }
        fclose(f);
        if (pid <= 1 || !works_here((pid_t)pid, dir))
                return SERVER_NONE;
        *ret_pid = (pid_t)pid;
        return status;
}

/* ---- starting ---------------------------------------------------------------------------------- */

static int64_t disk_total(const char *dir)
{
        struct statvfs v;

        return statvfs(dir, &v) < 0 ? 0 : (int64_t)v.f_blocks * (int64_t)v.f_frsize;
}

static void stale_pid_remove(const char *dir)
{
        AUTO_FREE char *path = xasprintf("%s/data/postmaster.pid", dir);

        if (unlink(path) == 0)
                log_info("the private database was not stopped properly; it will recover");
}

static int server_spawn(const char *dir, const char *bin, const char *sockets, pid_t *ret_pid,
                        struct err *err)
{
        int64_t wal_mb = (disk_total(dir) >> 20) / WAL_SHARE;
        AUTO_FREE char *postgres = xasprintf("%s/postgres", bin), *data = xasprintf("%s/data", dir);
        AUTO_FREE char *log = xasprintf("%s/log", dir);
        AUTO_FREE char *at = xasprintf("unix_socket_directories=%s", sockets);
        AUTO_FREE char *wal = xasprintf("max_wal_size=%lldMB", (long long)(wal_mb > 4096  ? 4096
                                                                           : wal_mb < 128 ? 128
                                                                                          : wal_mb));
        char *const argv[] = {postgres, "-D", data, "-c", at, "-c", wal, NULL};

        return cluster_spawn(argv, log, ret_pid, err);
}

/* Wait for a server that was started, by us or before: 1 ready, 0 it ended. */
static int server_wait(const char *dir, pid_t child, struct err *err)
{
        int64_t start = clock_boot_ms(), told = start;
        pid_t pid;

        for (;;) {
                enum server_status status = server_look(dir, &pid);
                int64_t now = clock_boot_ms();

                if (status == SERVER_READY)
                        return 1;
                if (child ? waitpid(child, NULL, WNOHANG) != 0 : status == SERVER_NONE)
                        return 0;
                if (now - start > READY_MS)
                        return err_set(err, ERR_UNAVAILABLE,
                                       "the private database in %s is still not ready: see %s/log", dir, dir);
                if (now - told > (told == start ? 1000 : PROGRESS_MS)) {
                        log_info("the private database is starting or recovering, for %lld s now",
                                 (long long)(now - start) / 1000);
                        told = now;
                }
                pause_ms(STEP_MS);
        }
}

/* Does somebody answer on the socket? A server that was just killed still has its file, its process for a
 * moment, and its queue of connections. Any client may ask for encryption first, and hears one byte. */
static bool server_answers(const char *sockets)
{
        static const uint8_t ask[8] = {0, 0, 0, 8, 4, 210, 22, 47};
        struct sockaddr_un to = {.sun_family = AF_UNIX};
        AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct pollfd p = {.fd = fd, .events = POLLIN};
        uint8_t answer;

        snprintf(to.sun_path, sizeof to.sun_path, "%s/.s.PGSQL.5432", sockets);
        return fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0 &&
               send(fd, ask, sizeof ask, MSG_NOSIGNAL) == sizeof ask && poll(&p, 1, ANSWER_MS) == 1 &&
               recv(fd, &answer, 1, 0) == 1;
}

/* 1: it runs and answers; 0: none runs; -1: it runs and does not answer. */
static int server_adopt(const char *dir, const char *sockets, struct err *err)
{
        int64_t deadline = clock_boot_ms() + ADOPT_MS;
        pid_t pid;

        for (;;) {
                enum server_status status = server_look(dir, &pid);

                if (status == SERVER_NONE)
                        return 0;
                if (status == SERVER_STOPPING && cluster_stop(dir, err) < 0)
                        return -1;
                if (status == SERVER_STARTING && server_wait(dir, 0, err) < 0)
                        return -1;
                if (status == SERVER_READY && server_answers(sockets))
                        return 1;
                if (clock_boot_ms() > deadline)
                        return err_set(
                            err, ERR_UNAVAILABLE,
                            "the private database in %s runs (process %d) and does not answer: see %s/log",
                            dir, (int)pid, dir);
                pause_ms(STEP_MS);
        }
}

/* Processes of a server that was killed may still hold its shared memory for a moment: try again. */
static int server_start(const char *dir, const char *bin, const char *sockets, struct err *err)
{
        AUTO_FREE char *log = xasprintf("%s/log", dir);
        int64_t deadline = clock_boot_ms() + ORPHANS_MS;
        char why[300];

        for (;;) {
                pid_t child;
                int rc;

                stale_pid_remove(dir);
                if (server_spawn(dir, bin, sockets, &child, err) < 0)
                        return -1;
                rc = server_wait(dir, child, err);
                if (rc != 0)
                        return rc < 0 ? -1 : 0;
                cluster_log_reason(log, why, sizeof why);
                if (!strstr(why, "still in use") || clock_boot_ms() > deadline)
                        return err_set(err, ERR_SYSTEM, "the private database in %s did not start%s (see %s)",
                                       dir, why, log);
                pause_ms(100);
        }
}

static int dir_make(const char *dir, struct err *err)
{
        struct stat st;

        if (mkdir(dir, 0700) < 0 && errno != EEXIST)
                return err_errno(err, "could not make %s", dir);
        if (stat(dir, &st) < 0 || !S_ISDIR(st.st_mode))
                return err_set(err, ERR_SYSTEM, "%s is not a folder", dir);
        if (st.st_uid != geteuid())
                return err_set(err, ERR_SYSTEM,
                               "%s belongs to another account: give it to this one, or choose another "
                               "state directory",
                               dir);
        if ((st.st_mode & 077) && chmod(dir, 0700) < 0)
                return err_errno(err, "could not make %s private", dir);
        return 0;
}

int cluster_start(const char *dir, char **ret_conninfo, struct err *err)
{
        AUTO_FREE char *bin = NULL, *sockets = NULL;
        int64_t free_bytes;
        int rc;

        if (geteuid() == 0)
                return err_set(err, ERR_SYSTEM,
                               "PostgreSQL refuses to run as root: start reeved as another user, or "
                               "with the setting \"run_as\"");
        if (dir_make(dir, err) < 0 || cluster_socket_dir_choose(dir, &sockets, err) < 0)
                return -1;
        rc = server_adopt(dir, sockets, err);
        if (rc < 0)
                return -1;
        if (rc == 0) {
                if (cluster_bin_choose(dir, &bin, err) < 0)
                        return -1;
                if (!cluster_data_version(dir) && cluster_data_make(dir, bin, err) < 0)
                        return -1;
                (void)cluster_disk_check(dir, &free_bytes, NULL);
                if (server_start(dir, bin, sockets, err) < 0)
                        return -1;
        }
        *ret_conninfo = xasprintf("host=%s port=5432 dbname=postgres user=reeve", sockets);
        return 0;
}

/* Ask with `sig` and wait; 0 gone, -1 not yet. */
static int server_end(const char *dir, int sig, int wait_ms)
{
        int64_t deadline = clock_boot_ms() + wait_ms;
        pid_t pid;

        if (server_look(dir, &pid) == SERVER_NONE)
                return 0;
        kill(pid, sig);
        while (works_here(pid, dir)) {
                if (clock_boot_ms() > deadline)
                        return -1;
                pause_ms(STEP_MS);
        }
        return 0;
}

static int server_stop(const char *dir, struct err *err)
{
        if (server_end(dir, SIGINT, STOP_MS) == 0) /* fast: connections end, then a checkpoint */
                return 0;
        log_warn("the private database does not stop; it will recover at its next start");
        if (server_end(dir, SIGQUIT, STOP_MS / 2) == 0)
                return 0;
        return err_set(err, ERR_UNAVAILABLE, "the private database in %s does not stop", dir);
}

int cluster_stop(const char *dir, struct err *err)
{
        AUTO_FREE char *sockets = NULL;

        if (server_stop(dir, err) < 0)
                return -1;
        if (cluster_socket_dir_choose(dir, &sockets, NULL) == 0 && strcmp(sockets, dir) != 0)
                (void)rmdir(sockets);
        return 0;
}
