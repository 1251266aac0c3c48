/* SPDX-License-Identifier: Apache-2.0 */
/* Making a cluster: which programs, initdb, its settings, where its socket goes. */
#include "daemon/cluster_priv.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/util.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOCKET_NAME     "/.s.PGSQL.5432.lock"
#define SOCKET_PATH_MAX 107

extern char **environ;

static const char conf_text[] =
    "# Written once by reeved. Settings of yours go into tuning.conf beside the folder data.\n"
    "listen_addresses = ''\n"
    "unix_socket_permissions = 0700\n"
    "max_connections = 60\n"
    "superuser_reserved_connections = 3\n"
    "shared_buffers = 64MB\n"
    "dynamic_shared_memory_type = mmap\n"
    "max_parallel_workers_per_gather = 0\n"
    "wal_compression = on\n"
    "wal_level = minimal\n"
    "max_wal_senders = 0\n"
    "autovacuum_naptime = 20s\n"
    "timezone = 'UTC'\n"
    "log_timezone = 'UTC'\n"
    "datestyle = 'iso, ymd'\n"
    "# Refused statements are in reeved's own log; here is what the server says about itself.\n"
    "log_min_messages = log\n"
    "log_checkpoints = off\n"
    "log_autovacuum_min_duration = -1\n"
    "include_if_exists = '../tuning.conf'\n";

static const char hba_text[] = "# The socket's directory lets in this account alone.\n"
                               "local all all trust\n";

/* ---- programs ---------------------------------------------------------------------------------- */

static bool has_server(const char *bin)
{
        char path[PATH_MAX];

        return snprintf(path, sizeof path, "%s/postgres", bin) < (int)sizeof path && access(path, X_OK) == 0;
}

/* Folders that hold versions: the number stands between prefix and suffix. */
static const struct {
        const char *parent, *prefix;
} version_folders[] = {{"/usr/lib/postgresql", ""}, {"/usr", "pgsql-"}, {"/opt/homebrew/opt", "postgresql@"}};

/* The newest version not above `want` (0: any); exactly `want` when it is not 0. NULL when there is none. */
static char *bin_find(int want, int *ret_best)
{
        char *best = NULL;

        *ret_best = 0;
        for (size_t i = 0; i < ARRAY_LEN(version_folders); i++) {
                DIR *d = opendir(version_folders[i].parent);
                size_t skip = strlen(version_folders[i].prefix);

                for (struct dirent *e; d && (e = readdir(d));) {
                        if (strncmp(e->d_name, version_folders[i].prefix, skip) != 0 ||
                            !isdigit((unsigned char)e->d_name[skip]))
                                continue;

                        int major = atoi(e->d_name + skip);
                        AUTO_FREE char *bin = xasprintf("%s/%s/bin", version_folders[i].parent, e->d_name);

                        if ((want && major != want) || major <= *ret_best || !has_server(bin))
                                continue;
                        free(best);
                        best = MOVE(bin);
                        *ret_best = major;
                }
                if (d)
                        closedir(d);
        }
        return best;
}

/* Major version of the data, 0 when there is none. */
int cluster_data_version(const char *dir)
{
        char path[PATH_MAX];
        int major = 0;

        snprintf(path, sizeof path, "%s/data/PG_VERSION", dir);

        FILE *f = fopen(path, "re");

        if (!f)
                return 0;
        if (fscanf(f, "%d", &major) != 1)
                major = 0;
        fclose(f);
        return major;
}

int cluster_bin_choose(const char *dir, char **ret_bin, struct err *err)
{
        const char *given = getenv("REEVE_PG_BIN");
        int want = cluster_data_version(dir), newest;

        if (given && *given) {
                if (!has_server(given))
                        return err_set(err, ERR_SYSTEM,
                                       "REEVE_PG_BIN is \"%s\", which has no program postgres", given);
                *ret_bin = xstrdup(given);
                return 0;
        }
        *ret_bin = bin_find(want, &newest);
        if (*ret_bin)
                return 0;
        free(bin_find(0, &newest));
        if (newest)
                return err_set(
                    err, ERR_SYSTEM,
                    "the database in %s was made by PostgreSQL %d, and the newest one here is %d: install "
                    "postgresql-%d, or move the data with pg_upgrade",
                    dir, want, newest, want);
        return err_set(
            err, ERR_SYSTEM,
            "no PostgreSQL server found: install it (apt install postgresql), or name a database with "
            "the setting \"database\"");
}

/* ---- running a program -----------------------------------------------------------------------------------
 */

int cluster_spawn(char *const argv[], const char *log, pid_t *ret_pid, struct err *err)
{
        posix_spawn_file_actions_t files;
        posix_spawnattr_t attr;
        sigset_t none, all;
        int rc;

        sigemptyset(&none);
        sigfillset(&all);
        posix_spawn_file_actions_init(&files);
        posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_addopen(&files, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        posix_spawn_file_actions_adddup2(&files, 1, 2);
        posix_spawn_file_actions_addclosefrom_np(&files, 3);
        posix_spawnattr_init(&attr);
        posix_spawnattr_setsigmask(&attr, &none);
        posix_spawnattr_setsigdefault(&attr, &all);
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        rc = posix_spawn(ret_pid, argv[0], &files, &attr, argv, environ);
        posix_spawnattr_destroy(&attr);
        posix_spawn_file_actions_destroy(&files);
        errno = rc;
        return rc == 0 ? 0 : err_errno(err, "could not start %s", argv[0]);
}

void cluster_log_reason(const char *log, char *ret, size_t max)
{
        AUTO_CLOSE int fd = open(log, O_RDONLY | O_CLOEXEC);
        char tail[4097];
        ssize_t n = -1;

        *ret = '\0';
        if (fd >= 0) {
                off_t size = lseek(fd, 0, SEEK_END);

                n = pread(fd, tail, sizeof tail - 1, size > 4096 ? size - 4096 : 0);
        }
        if (n <= 0)
                return;
        tail[n] = '\0';
        for (char *save = NULL, *line = strtok_r(tail, "\n", &save); line;
             line = strtok_r(NULL, "\n", &save)) {
                const char *at = strstr(line, "FATAL:");

                if (!at)
                        at = strstr(line, "error:");
                if (at)
                        snprintf(ret, max, ": %s",
                                 at + strcspn(at, " ") + strspn(at + strcspn(at, " "), " "));
        }
}

/* ---- making one -------------------------------------------------------------------------------- */

int cluster_file_write(const char *path, const char *text, struct err *err)
{
        AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        size_t n = strlen(text);

        if (fd < 0 || write(fd, text, n) != (ssize_t)n || fsync(fd) < 0)
                return err_errno(err, "could not write %s", path);
        return 0;
}

static int dir_sync(const char *path, struct err *err)
{
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd >= 0 && fsync(fd) == 0 ? 0 : err_errno(err, "could not sync %s", path);
}

/* Remove the folder of an initdb that was interrupted: nothing in it was ever used. */
static int tree_remove(const char *path, struct err *err)
{
        char *const argv[] = {"/bin/rm", "-rf", "--", (char *)path, NULL};
        int status = 0;
        pid_t pid;

        if (access(path, F_OK) < 0)
                return 0;
        if (cluster_spawn(argv, "/dev/null", &pid, err) < 0)
                return -1;
        if (waitpid(pid, &status, 0) < 0 || status != 0)
                return err_set(err, ERR_SYSTEM, "could not remove %s, left over from an interrupted start",
                               path);
        return 0;
}

/* initdb works in data.new, which becomes data when it is whole. */
int cluster_data_make(const char *dir, const char *bin, struct err *err)
{
        AUTO_FREE char *fresh = xasprintf("%s/data.new", dir), *data = xasprintf("%s/data", dir);
        AUTO_FREE char *conf = xasprintf("%s/postgresql.conf", fresh),
                       *hba = xasprintf("%s/pg_hba.conf", fresh);
        AUTO_FREE char *initdb = xasprintf("%s/initdb", bin), *log = xasprintf("%s/initdb.log", dir);
        char *const argv[] = {initdb,  "-D", fresh,  "-U",          "reeve", "-A",
                              "trust", "-E", "UTF8", "--no-locale", NULL};
        char why[300];
        int status = 0;
        pid_t pid;

        log_info("making the private database in %s", dir);
        if (tree_remove(fresh, err) < 0)
                return -1;
        unlink(log);
        if (cluster_spawn(argv, log, &pid, err) < 0)
                return -1;
        if (waitpid(pid, &status, 0) < 0 || status != 0) {
                cluster_log_reason(log, why, sizeof why);
                return err_set(err, ERR_SYSTEM, "could not make the private database in %s%s (see %s)", dir,
                               why, log);
        }
        if (cluster_file_write(conf, conf_text, err) < 0 || cluster_file_write(hba, hba_text, err) < 0 ||
            dir_sync(fresh, err) < 0)
                return -1;
        if (rename(fresh, data) < 0)
                return err_errno(err, "could not rename %s", fresh);
        unlink(log);
        return dir_sync(dir, err);
}

/* ---- where the socket is
 * ----------------------------------------------------------------------------------- */

static bool is_plain(const char *path)
{
        return path[strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-")] ==
               '\0';
}

int cluster_socket_dir_choose(const char *dir, char **ret, struct err *err)
{
        const char *base = getenv("XDG_RUNTIME_DIR");
        uint64_t h = 0;
        struct stat st;

        if (is_plain(dir) && strlen(dir) + strlen(SOCKET_NAME) <= SOCKET_PATH_MAX) {
                *ret = xstrdup(dir);
                return 0;
        }
        for (const char *p = dir; *p; p++)
                h = hash_mix(h ^ (unsigned char)*p);
        if (!base || !is_plain(base) || base[0] != '/' || strlen(base) > 60 || access(base, W_OK) < 0)
                base = "/tmp";

        AUTO_FREE char *path =
            xasprintf("%s/reeve-%u-%016llx", base, (unsigned)geteuid(), (unsigned long long)h);

        if (mkdir(path, 0700) < 0 && errno != EEXIST)
                return err_errno(err, "could not make %s for the database's socket", path);
        /* Anybody may make names in /tmp: only a folder of ours that nobody else can enter will do. */
        if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077))
                return err_set(err, ERR_SYSTEM, "%s is not a folder of this account alone: remove it", path);
        *ret = MOVE(path);
        return 0;
}
