/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/child.h"

#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* No proxy of the account, and no configuration of its home: what is asked is what was looked at. */
static char *const environment[] = {(char *)"PATH=/usr/local/bin:/usr/bin:/bin", (char *)"HOME=/nonexistent",
                                    (char *)"LC_ALL=C", NULL};

static const char *place_of(const char *const *places)
{
        while (*places && access(*places, X_OK) < 0)
                places++;
        return *places;
}

static void in_child(const char *program, char *const argv[], const int fds[3], pid_t parent)
{
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                _exit(1);
        for (int i = 0; i < 3; i++) {
                if (dup2(fds[i], i) < 0)
                        _exit(1);
        }
        signal(SIGPIPE, SIG_DFL);
        execve(program, argv, environment);
        _exit(127);
}

int child_start(struct child *c, const char *const *places, char *const argv[], struct err *err)
{
        const char *program = place_of(places);
        int out[2] = {-1, -1}, words[2] = {-1, -1}, null = open("/dev/null", O_RDWR | O_CLOEXEC);
        pid_t self = getpid();

        *c = (struct child){.pid = -1, .out_fd = -1, .words_fd = -1};
        if (!program) {
                if (null >= 0)
                        close(null);
                return err_set(err, ERR_UNAVAILABLE, "there is no program %s at this site", argv[0]);
        }
        if (null >= 0 && pipe2(out, O_CLOEXEC) == 0 && pipe2(words, O_CLOEXEC) == 0)
                c->pid = fork();
        if (c->pid == 0)
                in_child(program, argv, (int[]){null, out[1], words[1]}, self);
        if (c->pid < 0)
                err_errno(err, "could not start %s", argv[0]);
        c->out_fd = out[0];
        c->words_fd = words[0];
        for (int i = 0; i < 3; i++) {
                int fd = (int[]){null, out[1], words[1]}[i];

                if (fd >= 0)
                        close(fd);
        }
        if (c->pid < 0)
                child_end(c);
        return c->pid < 0 ? -1 : 0;
}

int child_wait(struct child *c, char *words, size_t size)
{
        int status = 0;
        ssize_t n;

        while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
                continue;
        c->pid = -1;
        fcntl(c->words_fd, F_SETFL, O_NONBLOCK);
        n = read(c->words_fd, words, size - 1);
        words[n > 0 ? n : 0] = '\0';
        text_make_printable(words);
        for (size_t i = strlen(words); i && words[i - 1] == ' '; i--)
                words[i - 1] = '\0';
        return status;
}

void child_end(struct child *c)
{
        if (c->pid > 0) {
                kill(c->pid, SIGKILL);
                waitpid(c->pid, NULL, 0);
        }
        if (c->out_fd >= 0)
                close(c->out_fd);
        if (c->words_fd >= 0)
                close(c->words_fd);
        *c = (struct child){.pid = -1, .out_fd = -1, .words_fd = -1};
}

int child_answer(const char *const *places, char *const argv[], int ms, char *ret, size_t size,
                 struct err *err)
{
        int64_t until = clock_boot_ms() + ms;
        char words[200];
        struct child c;
        size_t have = 0;
        int status;

        if (child_start(&c, places, argv, err) < 0)
                return -1;
        for (;;) {
                struct pollfd p = {.fd = c.out_fd, .events = POLLIN};
                int64_t left = until - clock_boot_ms();
                char more[512];
                ssize_t n;

                if (left <= 0 || poll(&p, 1, (int)left) < 0) {
                        if (left > 0 && errno == EINTR)
                                continue;
                        child_end(&c);
                        return err_set(err, ERR_UNAVAILABLE, "%s did not answer in time", argv[0]);
                }
                if (!p.revents)
                        continue;
                n = read(c.out_fd, more, sizeof more);
                if (n <= 0)
                        break;
                if ((size_t)n > size - 1 - have)
                        n = (ssize_t)(size - 1 - have);
                memcpy(ret + have, more, (size_t)n);
                have += (size_t)n;
        }
        ret[have] = '\0';
        status = child_wait(&c, words, sizeof words);
        child_end(&c);
        return status;
}
