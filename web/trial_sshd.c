/* SPDX-License-Identifier: Apache-2.0 */
#include "web/trial_sshd.h"

#include "common/util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SSHD      "/usr/sbin/sshd"
#define KEYGEN    "/usr/bin/ssh-keygen"
#define KEYGEN_MS 20000
#define LISTEN_MS 20000
#define STOP_MS   5000
#define TRIES     5 /* ports, while somebody else is faster */

static const char config_text[] = "# Made by reeved; changed whenever it starts this server.\n"
                                  "ListenAddress 127.0.0.1:%d\n"
                                  "HostKey %s/host_key\n"
                                  "AuthorizedKeysFile %s/authorized_keys\n"
                                  "AllowUsers %s\n"
                                  "SetEnv HOME=%s/home\n"
                                  "PidFile none\n"
                                  "UsePAM no\n"
                                  "StrictModes no\n"
                                  "PasswordAuthentication no\n"
                                  "KbdInteractiveAuthentication no\n"
                                  "PermitTunnel no\n"
                                  "X11Forwarding no\n"
                                  "PrintMotd no\n"
                                  "UseDNS no\n";

static void pause_ms(long ms)
{
        nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

int trial_sshd_able(char ret_user[64], struct err *err)
{
        char room[4096], *name;
        struct passwd pw, *found = NULL;

        if (getpwuid_r(geteuid(), &pw, room, sizeof room, &found) != 0 || !found)
                return err_set(err, ERR_NOT_FOUND, "this server runs under a user without a name");
        snprintf(ret_user, 64, "%s", pw.pw_name);
        name = strrchr(pw.pw_shell, '/');
        name = name ? name + 1 : pw.pw_shell;
        if (strcmp(name, "nologin") == 0 || strcmp(name, "false") == 0)
                return err_set(
                    err, ERR_CONFLICT,
                    "this server runs as %s, an account that nobody may log in to: give it a shell "
                    "(usermod --shell /bin/sh %s), or add this machine as any other site",
                    pw.pw_name, pw.pw_name);
        if (geteuid() == 0)
                return err_set(err, ERR_CONFLICT, "this server runs as root, where nothing is tried out");
        if (access(SSHD, X_OK) < 0 || access(KEYGEN, X_OK) < 0)
                return err_set(err, ERR_NOT_FOUND, "%s is not there: apt install openssh-server", SSHD);
        return 0;
}

/* ---- children --------------------------------------------------------------------------------------------
 */

/* Between fork and exec only what is safe in a program with threads. */
static pid_t spawn(const char *const *argv, const char *log, const char *dir)
{
        int out = open(log ? log : "/dev/null", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
        pid_t parent = getpid(), pid = out < 0 || in < 0 ? -1 : fork();

        if (pid == 0) {
                static char *const env[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", NULL};
                sigset_t none;

                sigemptyset(&none);
                sigprocmask(SIG_SETMASK, &none, NULL);
                signal(SIGPIPE, SIG_DFL);
                prctl(PR_SET_PDEATHSIG, SIGTERM);
                setsid();
                if (getppid() != parent || chdir(dir) < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 ||
                    dup2(out, 2) < 0)
                        _exit(126);
                close_range(3, ~0U, 0);
                execve(argv[0], (char *const *)argv, env);
                _exit(127);
        }
        if (out >= 0)
                close(out);
        if (in >= 0)
                close(in);
        return pid;
}

/* Collect it when it ends within the time: 0 it did, 1 it runs on. */
static int wait_end(pid_t pid, int ms, int *ret_status)
{
        int64_t until = clock_boot_ms() + ms;
        pid_t got;

        while ((got = waitpid(pid, ret_status, WNOHANG)) == 0 || (got < 0 && errno == EINTR)) {
                if (clock_boot_ms() >= until)
                        return 1;
                pause_ms(20);
        }
        return 0;
}

int trial_run(const char *const *argv, int timeout_ms, struct err *err)
{
        pid_t pid = spawn(argv, NULL, "/");
        int status = 0;

        if (pid < 0)
                return err_errno(err, "could not start %s", argv[0]);
        if (wait_end(pid, timeout_ms, &status) == 1) {
                kill(pid, SIGKILL);
                waitpid(pid, &status, 0);
                return err_set(err, ERR_UNAVAILABLE, "%s did not end within %d s", argv[0],
                               timeout_ms / 1000);
        }
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- its directory ---------------------------------------------------------------------------------------
 */

static int make_dir(const char *path, struct err *err)
{
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
                return err_errno(err, "could not make directory \"%s\"", path);
        return 0;
}

static int write_file(const char *path, const char *text, struct err *err)
{
        AUTO_FREE char *fresh = xasprintf("%s.new", path);
        size_t n = strlen(text);
        int fd;

        unlink(fresh);
        fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 || write(fd, text, n) != (ssize_t)n || fsync(fd) < 0) {
                err_errno(err, "could not write \"%s\"", fresh);
                if (fd >= 0)
                        close(fd);
                return -1;
        }
        close(fd);
        return rename(fresh, path) < 0 ? err_errno(err, "could not write \"%s\"", path) : 0;
}

/* The port that the settings name; 0: there are none. */
static int port_of(const char *dir)
{
        AUTO_FREE char *path = xasprintf("%s/config", dir);
        FILE *f = fopen(path, "re");
        char line[200];
        int port = 0;

        while (f && fgets(line, sizeof line, f))
                if (sscanf(line, "ListenAddress 127.0.0.1:%5d", &port) == 1)
                        break;
        if (f)
                fclose(f);
        return port > 0 && port < 65536 ? port : 0;
}

static int free_port(void)
{
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t n = sizeof a;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), port = 0;

        if (fd >= 0 && bind(fd, (struct sockaddr *)&a, n) == 0 &&
            getsockname(fd, (struct sockaddr *)&a, &n) == 0)
                port = ntohs(a.sin_port);
        if (fd >= 0)
                close(fd);
        return port;
}

static bool listens(int port)
{
        struct sockaddr_in a = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool yes = fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0;

        if (fd >= 0)
                close(fd);
        return yes;
}

static int make_host_key(const char *dir, struct err *err)
{
        AUTO_FREE char *path = xasprintf("%s/host_key", dir);
        const char *argv[] = {KEYGEN, "-q", "-t", "ed25519", "-N", "", "-C", "reeve-try", "-f", path, NULL};
        int code;

        if (access(path, R_OK) == 0)
                return 0;
        code = trial_run(argv, KEYGEN_MS, err);
        if (code > 0)
                return err_set(err, ERR_SYSTEM, "ssh-keygen ended with %d", code);
        return code;
}

static int make_files(struct trial_sshd *s, struct err *err)
{
        AUTO_FREE char *home = xasprintf("%s/home", s->dir), *keys = xasprintf("%s/authorized_keys", s->dir),
                       *config = xasprintf("%s/config", s->dir);
        AUTO_FREE char *text = NULL;
        char user[64];

        if (trial_sshd_able(user, err) < 0 || make_dir(s->dir, err) < 0 || make_dir(home, err) < 0 ||
            make_host_key(s->dir, err) < 0)
                return -1;
        if (access(keys, F_OK) < 0 && write_file(keys, "", err) < 0)
                return -1;
        text = xasprintf(config_text, s->port, s->dir, s->dir, user, s->dir);
        return write_file(config, text, err);
}

/* ---- running ---------------------------------------------------------------------------------------------
 */

/* 0 it listens; 1 it ended before it did; -1 */
static int start_once(struct trial_sshd *s, struct err *err)
{
        AUTO_FREE char *config = xasprintf("%s/config", s->dir), *log = xasprintf("%s/log", s->dir);
        const char *argv[] = {SSHD, "-D", "-e", "-f", config, NULL};
        int64_t until = clock_boot_ms() + LISTEN_MS;

        if (make_files(s, err) < 0)
                return -1;
        s->pid = spawn(argv, log, s->dir);
        if (s->pid < 0) {
                s->pid = 0;
                return err_errno(err, "could not start %s", SSHD);
        }
        while (trial_sshd_runs(s)) {
                if (listens(s->port))
                        return 0;
                if (clock_boot_ms() >= until) {
                        trial_sshd_stop(s);
                        return err_set(err, ERR_UNAVAILABLE, "%s does not listen; see %s", SSHD, log);
                }
                pause_ms(20);
        }
        return 1;
}

int trial_sshd_start(struct trial_sshd *s, struct err *err)
{
        int known = port_of(s->dir), rc = 1;

        if (trial_sshd_runs(s))
                return 0;
        for (int i = 0; i < TRIES && rc == 1; i++) {
                s->port = known ? known : free_port();
                /* Somebody else's server would answer in the place of ours. */
                if (s->port && !listens(s->port))
                        rc = start_once(s, err);
                if (rc == 1 && known)
                        break;
        }
        if (rc == 1)
                err_set(err, ERR_CONFLICT,
                        known ? "port %d of 127.0.0.1 is taken by another program: take the trial away, and "
                                "begin anew"
                              : "no port was free for it (last: %d)",
                        s->port);
        return rc ? -1 : 0;
}

bool trial_sshd_runs(struct trial_sshd *s)
{
        int status;

        if (s->pid > 0 && waitpid(s->pid, &status, WNOHANG) != 0)
                s->pid = 0;
        return s->pid > 0;
}

void trial_sshd_stop(struct trial_sshd *s)
{
        int status;

        if (!s->pid)
                return;
        kill(s->pid, SIGTERM);
        if (wait_end(s->pid, STOP_MS, &status) == 1) {
                kill(s->pid, SIGKILL);
                waitpid(s->pid, &status, 0);
        }
        s->pid = 0;
}

int trial_sshd_authorize(const struct trial_sshd *s, const char *line, struct err *err)
{
        AUTO_FREE char *path = xasprintf("%s/authorized_keys", s->dir),
                       *text = xasprintf("restrict %s\n", line);

        return write_file(path, text, err);
}

int trial_sshd_key(const struct trial_sshd *s, struct trial_key *ret, struct err *err)
{
        AUTO_FREE char *path = xasprintf("%s/host_key.pub", s->dir);
        FILE *f = fopen(path, "re");
        unsigned char hash[crypto_hash_sha256_BYTES];
        char text[512], sum[64];
        int n = f ? fscanf(f, "%39s %511s", ret->type, text) : 0;

        if (f)
                fclose(f);
        if (n != 2 || sodium_base642bin(ret->key, sizeof ret->key, text, strlen(text), NULL, &ret->len, NULL,
                                        sodium_base64_VARIANT_ORIGINAL) < 0)
                return err_set(err, ERR_SYSTEM, "could not read the host key in \"%s\"", path);
        crypto_hash_sha256(hash, ret->key, ret->len);
        sodium_bin2base64(sum, sizeof sum, hash, sizeof hash, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
        snprintf(ret->fingerprint, sizeof ret->fingerprint, "SHA256:%s", sum);
        return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
        (void)st;
        (void)flag;
        (void)ftw;
        return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

/* What a task made unwritable is ours nevertheless. */
static int open_up(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
        (void)ftw;
        if (flag == FTW_D || flag == FTW_DNR)
                chmod(path, (st->st_mode & 07777) | 0700);
        return 0;
}

int trial_remove(const char *dir, struct err *err)
{
        if (access(dir, F_OK) < 0)
                return 0;
        nftw(dir, open_up, 16, FTW_PHYS | FTW_MOUNT);
        return nftw(dir, remove_one, 16, FTW_PHYS | FTW_MOUNT | FTW_DEPTH) < 0
                   ? err_errno(err, "could not remove \"%s\"", dir)
                   : 0;
}
