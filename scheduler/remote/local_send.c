/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/local_send.h"

#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define OFFER_BYTES_MAX (256u << 20)

struct local_send {
        pid_t pid;
        char *offer; /* path */
};

static int offer_write(const char *path, const struct transfer_offer *o, const struct transfer_list *l,
                       struct err *err)
{
        AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        struct buf b;
        int rc = 0;

        if (fd < 0)
                return err_errno(err, "could not write \"%s\"", path);
        buf_init(&b, OFFER_BYTES_MAX);
        put_transfer_offer_file(&b, clock_wall_ms() + (int64_t)o->seconds * 1000, o, l);
        if (b.overflow)
                rc = err_set(err, ERR_LIMIT, "the list of files is too long for one transfer");
        for (size_t at = 0; rc == 0 && at < buf_len(&b);) {
                ssize_t n = write(fd, buf_bytes(&b) + at, buf_len(&b) - at);

                if (n < 0 && errno != EINTR)
                        rc = err_errno(err, "could not write \"%s\"", path);
                at += n > 0 ? (size_t)n : 0;
        }
        buf_release(&b);
        return rc;
}

/* The worker for our own machine: as worker_files.h finds it. */
static char *worker_path(const char *dir)
{
        struct utsname self;
        char *path;

        uname(&self);
        path = xasprintf("%s/reeve-worker-%s", dir, self.machine);
        if (access(path, X_OK) == 0)
                return path;
        free(path);
        return xasprintf("%s/reeve-worker", dir);
}

/* posix_spawn does not copy this process's memory map, which may be large. The child ends by itself when its
 * stream does. */
static int spawn(const char *program, char *const argv[], int fd, pid_t *ret, struct err *err)
{
        char *env[] = {(char *)"LC_ALL=C", NULL};
        posix_spawn_file_actions_t files;
        posix_spawnattr_t attr;
        sigset_t none;
        int error;

        posix_spawn_file_actions_init(&files);
        posix_spawn_file_actions_adddup2(&files, fd, STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&files, fd, STDOUT_FILENO);
        posix_spawnattr_init(&attr);
        sigemptyset(&none);
        posix_spawnattr_setsigmask(&attr, &none);
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
        error = posix_spawn(ret, program, &files, &attr, argv, env);
        posix_spawn_file_actions_destroy(&files);
        posix_spawnattr_destroy(&attr);
        errno = error;
        return error ? err_errno(err, "could not start \"%s\"", program) : 0;
}

int local_send_start(const char *worker_dir, const char *spool, const struct transfer_offer *o,
                     const struct transfer_list *l, int fd, struct local_send **ret, struct err *err)
{
        AUTO_FREE char *dir = xasprintf("%s/" TRANSFER_OFFERS_DIR, spool), *program = worker_path(worker_dir);
        AUTO_FREE char *number = xasprintf("%llu", (unsigned long long)o->id);
        char *const argv[] = {(char *)"reeve-worker",
                              (char *)"send",
                              (char *)"--root",
                              (char *)spool,
                              (char *)"--transfer",
                              number,
                              NULL};
        struct local_send *s = xcalloc(1, sizeof *s);

        s->pid = -1;
        s->offer = xasprintf("%s/" TRANSFER_OFFER_FILE, spool, (unsigned long long)o->id);
        if ((mkdir(spool, 0700) < 0 && errno != EEXIST) || (mkdir(dir, 0700) < 0 && errno != EEXIST)) {
                err_errno(err, "could not make \"%s\"", dir);
        } else if (offer_write(s->offer, o, l, err) == 0) {
                if (spawn(program, argv, fd, &s->pid, err) < 0)
                        s->pid = -1;
        }
        if (s->pid < 0) {
                local_send_end(s);
                return -1;
        }
        *ret = s;
        return 0;
}

void local_send_end(struct local_send *s)
{
        if (!s)
                return;
        if (s->pid > 0) {
                kill(s->pid, SIGKILL);
                waitpid(s->pid, NULL, 0);
        }
        unlink(s->offer);
        free(s->offer);
        free(s);
}
