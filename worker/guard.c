/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/guard.h"

#include "common/log.h"
#include "common/num.h"
#include "common/util.h"
#include "worker/procs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOTES      "orphans"
#define NOTE_MAGIC (0x3165746f6e000000ULL + sizeof(struct guard_note))
#define GUARD_NAME "REEVE_GUARD" /* its number, in the environment of keeper and agent */
#define SAME_START 2000000       /* microseconds between a start as noted and as /proc tells it */
#define TICK_US(t) ((int64_t)((t)*1000000 / (uint64_t)sysconf(_SC_CLK_TCK)))

/* ---- starting ---- */

static bool is_guarded(void)
{
        const char *text = getenv(GUARD_NAME);
        int64_t pid;

        return text && num_int("pid", text, 2, INT32_MAX, &pid, NULL) == 0 && pid == getppid();
}

int guard_start(const char *root, struct err *err)
{
        char *argv[] = {"reeve-worker", "guard", "--root", (char *)root, NULL};
        char text[16];
        pid_t pid, guard = getpid();

        if (is_guarded())
                return 0;
        if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
                return err_errno(err, "could not become the reaper of orphans");
        pid = fork();
        if (pid < 0)
                return err_errno(err, "could not start the keeper");
        if (pid > 0) {
                execve("/proc/self/exe", argv, environ);
                log_warn("could not execute the guard: %s", strerror(errno));
                _exit(guard_main(err) < 0);
        }
        snprintf(text, sizeof text, "%d", guard);
        setenv(GUARD_NAME, text, 1);
        return 0;
}

/* ---- collecting ---- */

/* Of attempts only the leaders matter: they have sessions of their own. */
static void note_write(const struct guard_note *note)
{
        int fd = open(NOTES, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
        struct stat st;

        if (fd < 0)
                return;
        if (fstat(fd, &st) < 0 || st.st_size >= (off_t)GUARD_NOTES_MAX ||
            write(fd, note, sizeof *note) != (ssize_t)sizeof *note)
                log_warn("the end of process %d is not noted", note->pid);
        close(fd);
}

static void collect(pid_t pid)
{
        struct guard_note note = {.magic = NOTE_MAGIC, .pid = pid, .end_wall_ms = clock_wall_ms()};
        struct timespec now;
        struct proc p;
        bool is_leader = procs_read(pid, &p) && p.session == pid;

        clock_gettime(CLOCK_BOOTTIME, &now);
        note.end_boot_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
        note.start_ticks = p.start_ticks;
        if (wait4(pid, &note.status, 0, &note.usage) == pid && is_leader)
                note_write(&note);
}

int guard_main(struct err *err)
{
        static const int ignored[] = {SIGHUP, SIGINT, SIGTERM, SIGPIPE};

        for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
                signal(ignored[i], SIG_IGN);
        for (;;) {
                siginfo_t info = {0};

                /* Looked at before it is collected, while it still has an entry in /proc. */
                if (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) == 0)
                        collect(info.si_pid);
                else if (errno == ECHILD)
                        return 0;
                else if (errno != EINTR)
                        return err_errno(err, "could not wait for processes");
        }
}

/* ---- reading ---- */

bool guard_find(pid_t pid, int64_t start_boot_us, struct guard_note *ret)
{
        AUTO_CLOSE int fd = pid > 0 ? open(NOTES, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
        struct guard_note note;
        bool found = false;

        for (off_t at = 0; fd >= 0 && pread(fd, &note, sizeof note, at) == (ssize_t)sizeof note;
             at += (off_t)sizeof note) {
                int64_t between = TICK_US(note.start_ticks) - start_boot_us;

                /* Of another version, or torn by a full disk: what follows cannot be trusted either. */
                if (note.magic != NOTE_MAGIC)
                        break;
                if (note.pid == pid && between > -SAME_START && between < SAME_START) {
                        *ret = note;
                        found = true;
                }
        }
        return found;
}

void guard_forget(void)
{
        if (truncate(NOTES, 0) < 0 && errno != ENOENT)
                log_warn("could not empty \"%s\": %s", NOTES, strerror(errno));
}
