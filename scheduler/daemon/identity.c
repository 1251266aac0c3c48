/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/identity.h"

#include "common/log.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static void default_state(struct settings *s)
{
        const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

        if (*s->state)
                return;
        free(s->state);
        if (geteuid() == 0)
                s->state = xstrdup("/var/lib/reeve");
        else if (xdg && *xdg == '/')
                s->state = xasprintf("%s/reeve", xdg);
        else
                s->state = xasprintf("%s/.local/state/reeve", home ? home : "/tmp");
}

/* mkdir -p, each new part 0700. */
static int make_path(const char *path, struct err *err)
{
        AUTO_FREE char *copy = xstrdup(path);

        for (char *p = copy + 1;; p++) {
                char c = *p;

                if (c && c != '/')
                        continue;
                *p = '\0';
                if (mkdir(copy, 0700) < 0 && errno != EEXIST)
                        return err_errno(err, "could not make directory \"%s\"", copy);
                *p = c;
                if (!c)
                        return 0;
        }
}

/* The user to become: as set, the owner of the directory, reeve, or postgres. */
static const struct passwd *pick_user(const struct settings *s, struct err *err)
{
        static const char *const usual[] = {"reeve", "postgres"};
        const struct passwd *pw = NULL;
        struct stat st;

        if (*s->run_as) {
                pw = getpwnam(s->run_as);
                if (!pw)
                        err_set(err, ERR_BAD_INPUT, "run_as: there is no user \"%s\"", s->run_as);
                else if (pw->pw_uid == 0)
                        err_set(err, ERR_BAD_INPUT, "run_as: reeved does not run as root");
                return pw && pw->pw_uid ? pw : NULL;
        }
        if (stat(s->state, &st) == 0 && st.st_uid != 0) {
                pw = getpwuid(st.st_uid);
                if (pw)
                        return pw;
        }
        for (size_t i = 0; i < ARRAY_LEN(usual); i++) {
                pw = getpwnam(usual[i]);
                if (pw && pw->pw_uid)
                        return pw;
        }
        err_set(err, ERR_BAD_INPUT,
                "reeved does not run as root, and there is no user \"reeve\" to become: set run_as");
        return NULL;
}

static uid_t give_uid;
static gid_t give_gid;

static int give_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
        (void)flag;
        (void)ftw;
        return st->st_uid == give_uid ? 0 : lchown(path, give_uid, give_gid);
}

static int drop_root(const struct settings *s, struct err *err)
{
        const struct passwd *pw = pick_user(s, err);

        if (!pw)
                return -1;
        give_uid = pw->pw_uid;
        give_gid = pw->pw_gid;
        if (nftw(s->state, give_one, 16, FTW_PHYS | FTW_MOUNT) < 0)
                return err_errno(err, "could not give \"%s\" to user %s", s->state, pw->pw_name);
        if (setgroups(0, NULL) < 0 || setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 ||
            setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0)
                return err_errno(err, "could not become user %s", pw->pw_name);
        if (setuid(0) == 0)
                return err_set(err, ERR_SYSTEM, "could not give up root");
        setenv("HOME", s->state, 1);
        setenv("USER", pw->pw_name, 1);
        setenv("LOGNAME", pw->pw_name, 1);
        log_info("started as root; running as %s", pw->pw_name);
        return 0;
}

static int take_lock(const struct settings *s, int *ret_lock, struct err *err)
{
        AUTO_FREE char *path = xasprintf("%s/lock", s->state);
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

        if (fd < 0)
                return err_errno(err, "could not open \"%s\"", path);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                close(fd);
                return err_set(err, ERR_CONFLICT, "another reeved uses the state directory \"%s\"", s->state);
        }
        *ret_lock = fd;
        return 0;
}

int identity_settle(struct settings *s, int *ret_lock, struct err *err)
{
        char real[PATH_MAX];

        default_state(s);
        umask(077);
        if (make_path(s->state, err) < 0)
                return -1;
        if (!realpath(s->state, real))
                return err_errno(err, "could not resolve \"%s\"", s->state);
        free(s->state);
        s->state = xstrdup(real);
        if (geteuid() == 0 && drop_root(s, err) < 0)
                return -1;
        if (chdir(s->state) < 0)
                return err_errno(err, "could not enter the state directory \"%s\" as this user", s->state);
        return take_lock(s, ret_lock, err);
}

static int own_directory(char *ret, size_t max, struct err *err)
{
        ssize_t n = readlink("/proc/self/exe", ret, max - 1);
        char *slash;

        if (n < 0)
                return err_errno(err, "could not find out where this program lies");
        ret[n] = '\0';
        slash = strrchr(ret, '/');
        if (slash)
                *slash = '\0';
        return 0;
}

/* dir/name, or dir/../libexec/reeve/name. */
static char *find_program(const char *dir, const char *name)
{
        char *path = xasprintf("%s/%s", dir, name);

        if (access(path, R_OK) == 0)
                return path;
        free(path);
        path = xasprintf("%s/../libexec/reeve/%s", dir, name);
        if (access(path, R_OK) == 0)
                return path;
        free(path);
        return NULL;
}

int identity_find_programs(struct settings *s, struct err *err)
{
        char dir[PATH_MAX], *path, *slash;

        if (own_directory(dir, sizeof dir, err) < 0)
                return -1;
        if (!*s->connector) {
                path = find_program(dir, "reeve-connector");
                if (!path)
                        return err_set(err, ERR_NOT_FOUND,
                                       "reeve-connector is neither beside reeved nor in ../libexec/reeve; "
                                       "set connector");
                free(s->connector);
                s->connector = path;
        }
        if (*s->worker_dir)
                return 0;
        path = find_program(dir, "reeve-worker");
        if (!path)
                return err_set(
                    err, ERR_NOT_FOUND,
                    "reeve-worker is neither beside reeved nor in ../libexec/reeve; set worker_dir");
        slash = strrchr(path, '/');
        *slash = '\0';
        free(s->worker_dir);
        s->worker_dir = path;
        return 0;
}
